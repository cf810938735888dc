/*
 * shrink.h: runs in processes of their own, and shorter runs that still fail.
 */
#ifndef SHRINK_H
#define SHRINK_H

#include "world.h"

enum show { SHOW, HIDE };

/* By enum mode, as --mode has them; ends with NULL. */
extern const char *const mode_names[];

/*
 * run_alone: one run in a process of its own; true when it passed.  When not,
 * SHOW says what went wrong and, in one line, how to see it again.
 */
bool run_alone(const struct settings *s, enum show show);

/* shrink: print the shortest run found that fails. */
void shrink(const struct settings *s);

#endif
