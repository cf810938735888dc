/*
 * unmap.h: taking a range out of a space, for munmap and for mmap over
 * something.
 */
#ifndef LP_CORE_UNMAP_H
#define LP_CORE_UNMAP_H

#include "gather.h"

/*
 * lp_unmap_prepare: everything that can fail before [start, end) is taken out
 * and one area put there.
 *
 * => space locked for writing; page-aligned range in the user range.
 * => returns 0; -LP_ENOMEM: nothing visible has changed (the gather must be
 *    flushed and freed all the same).
 */
LP_MUST_CHECK
int lp_unmap_prepare(struct lp_space *space, lp_va start, lp_va end,
                     struct lp_gather *gather);

/* lp_unmap_commit: take it out: tables, then areas.  Cannot fail. */
void lp_unmap_commit(struct lp_space *space, lp_va start, lp_va end,
                     struct lp_gather *gather);

/* What taking [start, end) out of the areas would do. */
struct lp_overlap {
    uint64_t bytes;   /* that areas cover in the range */
    uint64_t covered; /* areas that go altogether */
    uint64_t split;   /* 1: one area is cut into two */
};

struct lp_overlap lp_unmap_overlap(struct lp_vma_tree *vmas, lp_va start,
                                   lp_va end);

#endif
