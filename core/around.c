/*
 * around.c: collect pages first, install them later: code in them is synced once
 * for all, when the last has been filled.
 */
#include "around.h"

/* The page at va, if nothing is mapped there and the object has it. */
static lp_pa grab(const struct lp_vma *vma, const struct lp_walk *walk,
                  lp_va va)
{
    struct lp_walk beside = lp_table_beside(walk, va);
    uint64_t index = (vma->offset + (va - vma->start)) >> LP_PAGE_SHIFT;
    lp_pa page;

    if (!lp_table_absent(&beside) ||
        lp_object_grab(vma->object, index, &page) != LP_SOURCE_RESIDENT)
        return LP_PA_NONE;
    return page;
}

void lp_around_grab(const struct lp_space *space, const struct lp_vma *vma,
                    const struct lp_walk *walk, lp_pa page,
                    struct lp_around *around)
{
    uint64_t window =
        lp_min(LP_AROUND * LP_PAGE_SIZE, lp_span(&space->pager->format, 1));
    lp_va here = lp_round_down(walk->va), base = here & ~(window - 1);
    lp_va va = lp_max(base, vma->start);
    lp_va end = lp_min(base + window, vma->end);

    around->start = va;
    for (around->n = 0; va < end; va += LP_PAGE_SIZE)
        around->page[around->n++] = va == here ? page : grab(vma, walk, va);
}
