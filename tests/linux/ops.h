/*
 * ops.h: the operations: one row for each.
 *
 * A row ROW(name, weight, kind) stands for the functions make_name, ours_name,
 * theirs_name and print_name (oracle.h, struct operation), in the file of their
 * topic: ops_map.c, ops_touch.c, ops_file.c, ops_life.c.  weight: how often it
 * is picked, against the sum of all.
 */
#ifndef OPS_H
#define OPS_H

#include "oracle.h"

/* clang-format off */
#define OPERATIONS(ROW)                                                 \
    /* The two that compare; run.c asks for them by their place. */     \
    ROW(layout,     0, ARRANGES)                                        \
    ROW(contents,   0, TOUCHES)                                         \
    ROW(store,    260, TOUCHES)                                         \
    ROW(load,     180, TOUCHES)                                         \
    ROW(fetch,     50, TOUCHES)                                         \
    ROW(mmap,     130, ARRANGES)                                        \
    ROW(munmap,    70, ARRANGES)                                        \
    ROW(mprotect, 110, ARRANGES)                                        \
    ROW(madvise,   70, ARRANGES)                                        \
    ROW(msync,     20, ARRANGES)                                        \
    ROW(truncate,  25, ARRANGES)                                        \
    ROW(read,      20, ARRANGES)                                        \
    ROW(write,     30, ARRANGES)                                        \
    ROW(fsync,      5, ARRANGES)                                        \
    ROW(copy_in,   35, TOUCHES)                                         \
    ROW(copy_out,  45, TOUCHES)                                         \
    ROW(zero,      15, TOUCHES)                                         \
    ROW(switch,    60, ENDS_TURN)                                       \
    ROW(fork,      25, ENDS_TURN)                                       \
    ROW(exit,      20, ENDS_TURN)

#define DECLARE(name, weight, kind)                                     \
    bool make_##name(struct run *r, struct command *c);                 \
    void ours_##name(struct run *r, struct command *c);                 \
    void theirs_##name(const struct command *c, struct answer *a);      \
    void print_##name(const struct command *c);
/* clang-format on */

OPERATIONS(DECLARE)

#undef DECLARE

#endif
