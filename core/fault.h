/*
 * fault.h: the fault path, for the verbs that need a page.
 */
#ifndef LP_CORE_FAULT_H
#define LP_CORE_FAULT_H

#include "object.h"
#include "table.h"

/*
 * lp_fault_cow: is this page of a private mapping one that others may have
 * too, and that some of them may get back to write to in place?  Not so: the zero
 * page, a page of a cache, one with one reference.
 */
static inline bool lp_fault_cow(const struct lp_pager *pager, lp_pa frame)
{
    struct lp_frame *record = lp_frame(&pager->frames, frame);

    return frame != pager->zero_page && lp_frame_count(record) != 1 &&
           !(lp_frame_state(record) & LP_FRAME_CACHED);
}

/*
 * lp_fault_unshare: give the space its own copy of the page at va, with the
 * same access, if it still maps `frame` there and that is shared
 * copy-on-write.
 *
 * => space locked for writing, lp_own_path has been done.  The gather must be
 *    flushed and freed.  Returns 0 or -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_fault_unshare(struct lp_space *space, lp_va va, lp_pa frame,
                     struct lp_gather *gather);

#endif
