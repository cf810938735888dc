/*
 * protect.c: mprotect.
 *
 * Narrowing edits the tables and flushes; widening only changes the areas, and
 * faults widen.  Adding write never touches an entry, so a page shared by fork
 * cannot become writable without a copy.
 */
#include "own.h"

/*
 * How far the change may go: up to the first hole (-LP_ENOMEM), or up to the
 * first area whose object does not allow it (-LP_EACCES); Linux changes what
 * comes before.
 */
static int reach(struct lp_space *space, lp_va start, lp_va *end,
                 unsigned access)
{
    lp_va va = start, limit = *end;
    struct lp_vma vma;

    for (; va < limit; va = vma.end) {
        if (!lp_vma_find(&space->vmas, va, &vma) || vma.start > va) {
            *end = va;
            return -LP_ENOMEM;
        }
        if (access & ~(vma.flags >> LP_VMA_MAY_SHIFT)) {
            *end = va;
            return -LP_EACCES;
        }
    }
    return 0;
}

/* Does the change take something away from some area of the range? */
static bool narrows(struct lp_space *space, lp_va start, lp_va end,
                    unsigned access)
{
    struct lp_vma vma;

    for (; start < end; start = vma.end) {
        /* no branch: reach() has seen areas without a hole up to end */
        if (!lp_vma_find(&space->vmas, start, &vma) || vma.start >= end)
            return false;
        if (vma.flags & LP_VMA_ACCESS & ~access)
            return true;
    }
    return false;
}

/* Would cutting areas at the two borders make more than a space may have? */
static bool too_many(struct lp_space *space, lp_va start, lp_va end,
                     unsigned access)
{
    uint64_t count = space->vmas.count;
    struct lp_vma vma;

    /* no branch: reach() has seen an area there */
    if (lp_vma_find(&space->vmas, start, &vma) && vma.start < start &&
        (vma.flags & LP_VMA_ACCESS) != access)
        count++;
    /* no branch: reach() has seen an area there, too */
    if (lp_vma_find(&space->vmas, end - 1, &vma) && vma.end > end &&
        (vma.flags & LP_VMA_ACCESS) != access)
        count++;
    return count > space->pager->options.max_areas;
}

/* *no_frame: nothing has changed, for want of a frame. */
static int protect_locked(struct lp_space *space, lp_va start, lp_va end,
                          unsigned access, struct lp_gather *gather,
                          bool *no_frame)
{
    int hole = reach(space, start, &end, access), error;
    bool narrowing;

    if (start == end)
        return hole;
    if (too_many(space, start, end, access))
        return -LP_ENOMEM;
    narrowing = narrows(space, start, end, access);
    error = lp_vma_prepare_change(&space->vmas, start, end);
    if (!error && narrowing)
        error = lp_own_range(space, start, end, LP_OWN_ALL, gather);
    *no_frame = error != 0;
    if (error)
        return error;
    if (narrowing)
        lp_table_narrow(space, start, end, access, gather);
    lp_vma_change(&space->vmas, start, end, LP_VMA_ACCESS, access);
    return hole;
}

static int try_protect(struct lp_space *space, lp_va start, lp_va end,
                       unsigned access, bool *no_frame)
{
    struct lp_gather gather;
    int error;

    *no_frame = false;
    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    error = protect_locked(space, start, end, access, &gather, no_frame);
    lp_vma_settle(&space->vmas);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
    return error;
}

static int protect(struct lp_space *space, lp_va addr, uint64_t len,
                   unsigned access)
{
    bool no_frame;
    int error;

    if (!lp_page_aligned(addr))
        return -LP_EINVAL;
    if (len == 0)
        return 0;
    if (access & ~(unsigned)LP_VMA_ACCESS)
        return -LP_EINVAL;
    /* Both ends of the user range are on pages: no need to round up first. */
    if (!lp_in_user_range(space->pager, addr, len))
        return -LP_ENOMEM;
    if (access & LP_WRITE)
        access |= LP_READ;
    do
        error = try_protect(space, addr, addr + lp_round_up(len), access,
                            &no_frame);
    while (no_frame && lp_low_memory(space->pager));
    return error;
}

int lp_mprotect(struct lp_space *space, lp_va addr, uint64_t len,
                unsigned access)
{
    int error = protect(space, addr, len, access);

    lp_trace(space, .kind = LP_TRACE_MPROTECT, .va = addr, .len = len,
             .access = access, .result = error);
    return error;
}
