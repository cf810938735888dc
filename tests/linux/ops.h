/*
 * ops.h: the functions of the rows of operations[], by name.
 */
#ifndef OPS_H
#define OPS_H

#include "oracle.h"

#define FUNCTIONS(name)                                            \
    bool make_##name(struct run *r, struct command *c);            \
    void ours_##name(struct run *r, struct command *c);            \
    void theirs_##name(const struct command *c, struct answer *a); \
    void print_##name(const struct command *c)

/* ops_map.c */
FUNCTIONS(mmap);
FUNCTIONS(munmap);
FUNCTIONS(mprotect);
FUNCTIONS(madvise);
FUNCTIONS(msync);
/* ops_touch.c */
FUNCTIONS(store);
FUNCTIONS(load);
FUNCTIONS(fetch);
FUNCTIONS(copy_in);
FUNCTIONS(copy_out);
FUNCTIONS(zero);
/* ops_file.c */
FUNCTIONS(truncate);
FUNCTIONS(read);
FUNCTIONS(write);
FUNCTIONS(fsync);
/* ops_life.c */
FUNCTIONS(switch);
FUNCTIONS(fork);
FUNCTIONS(exit);
FUNCTIONS(layout);
FUNCTIONS(contents);

#undef FUNCTIONS

#endif
