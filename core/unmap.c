/*
 * unmap.c: munmap.
 *
 * A subtree of tables that lies wholly in the range is not looked into: one
 * reference is dropped.  Only tables across the range's two borders are owned
 * first, which nobody can see, so a failure half way has changed nothing.
 */
#include "unmap.h"

#include "own.h"

int lp_unmap_prepare(struct lp_space *space, lp_va start, lp_va end,
                     struct lp_gather *gather)
{
    int error = lp_vma_prepare(&space->vmas, start, end);

    if (!error && lp_vma_any(&space->vmas, start, end))
        error = lp_own_range(space, start, end, LP_OWN_EDGES, gather);
    return error;
}

/* Does [start, end) meet a mapping whose pages may have to reach an object? */
static bool any_shared(struct lp_vma_tree *vmas, lp_va start, lp_va end)
{
    struct lp_vma vma;

    for (; start < end && lp_vma_find(vmas, start, &vma) && vma.start < end;
         start = vma.end)
        if (vma.flags & LP_VMA_SHARED)
            return true;
    return false;
}

void lp_unmap_commit(struct lp_space *space, lp_va start, lp_va end,
                     struct lp_gather *gather)
{
    if (!lp_vma_any(&space->vmas, start, end))
        return;
    lp_table_clear(space, start, end, gather);
    /*
     * An area's reference may be the object's last: what hardware knew of its
     * dirty pages must be in their records before it is given back.
     */
    if (any_shared(&space->vmas, start, end))
        lp_gather_settle(gather);
    lp_vma_remove(&space->vmas, start, end, &gather->dead);
}

struct lp_overlap lp_unmap_overlap(struct lp_vma_tree *vmas, lp_va start,
                                   lp_va end)
{
    struct lp_overlap overlap = { 0, 0, 0 };
    struct lp_vma vma;
    lp_va va = start;

    while (va < end && lp_vma_find(vmas, va, &vma) && vma.start < end) {
        overlap.bytes += lp_min(vma.end, end) - lp_max(vma.start, start);
        overlap.covered += vma.start >= start && vma.end <= end;
        overlap.split += vma.start < start && vma.end > end;
        va = vma.end;
    }
    return overlap;
}

/* Would cutting a hole make one area more than a space may have? */
static bool splits_too_far(struct lp_space *space, lp_va start, lp_va end)
{
    struct lp_vma vma;

    return space->vmas.count >= space->pager->options.max_areas &&
           lp_vma_find(&space->vmas, start, &vma) && vma.start < start &&
           vma.end > end;
}

/* What is asked for: a range, or the one area that starts there. */
struct request {
    lp_va start, end;
    bool area; /* end is not known yet */
};

/* The end of the area that starts at r->start. */
static int find_area(struct lp_space *space, struct request *r)
{
    struct lp_vma vma;

    if (!lp_vma_find(&space->vmas, r->start, &vma) || vma.start != r->start)
        return -LP_EINVAL;
    r->end = vma.end;
    return 0;
}

/*
 * Space locked for writing.  *no_frame: it failed for want of a frame, not for
 * a limit.
 */
static int unmap_locked(struct lp_space *space, struct request *r,
                        struct lp_gather *gather, bool *no_frame)
{
    int error = r->area ? find_area(space, r) : 0;

    if (!error && splits_too_far(space, r->start, r->end))
        error = -LP_ENOMEM;
    if (error)
        return error;
    error = lp_unmap_prepare(space, r->start, r->end, gather);
    *no_frame = error != 0;
    if (!error)
        lp_unmap_commit(space, r->start, r->end, gather);
    return error;
}

static int try_unmap(struct lp_space *space, struct request *r, bool *no_frame)
{
    struct lp_gather gather;
    int error;

    *no_frame = false;
    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    error = unmap_locked(space, r, &gather, no_frame);
    lp_vma_settle(&space->vmas);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
    return error;
}

static int unmap(struct lp_space *space, struct request *r)
{
    bool no_frame;
    int error;

    do
        error = try_unmap(space, r, &no_frame);
    while (no_frame && lp_low_memory(space->pager));
    return error;
}

static bool range_ok(const struct lp_pager *pager, lp_va addr, uint64_t len)
{
    /* Both ends of the user range are on pages: no need to round up first. */
    return lp_page_aligned(addr) && len != 0 &&
           lp_in_user_range(pager, addr, len);
}

int lp_munmap(struct lp_space *space, lp_va addr, uint64_t len)
{
    struct request r = { addr, addr + lp_round_up(len), false };
    int error = -LP_EINVAL;

    if (range_ok(space->pager, addr, len))
        error = unmap(space, &r);
    lp_trace(space, .kind = LP_TRACE_MUNMAP, .va = addr, .len = len,
             .result = error);
    return error;
}

int lp_munmap_area(struct lp_space *space, lp_va addr)
{
    struct request r = { addr, addr, true };
    int error = unmap(space, &r);

    lp_trace(space, .kind = LP_TRACE_MUNMAP, .va = addr, .len = r.end - addr,
             .result = error);
    return error;
}
