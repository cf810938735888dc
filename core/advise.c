/*
 * advise.c: madvise.
 *
 * DONTNEED and FREE are munmap without its second half: the tables of the
 * range are cleared, the areas stay.  So a subtree of tables that lies wholly in
 * the range is let go unseen, and the tables across the borders are owned
 * first; all areas at once, under one lock for writing and one flush.
 *
 * All other advice goes area by area, with no lock held while something is done
 * about one: it asks objects for pages, or faults.
 */
#include "own.h"

/* WILLNEED reads no more of an area: what Linux reads ahead by default. */
enum { READ_AHEAD_PAGES = 32 };

static bool known(int advice)
{
    switch (advice) {
    case LP_MADV_NORMAL:
    case LP_MADV_RANDOM:
    case LP_MADV_SEQUENTIAL:
    case LP_MADV_WILLNEED:
    case LP_MADV_DONTNEED:
    case LP_MADV_FREE:
    case LP_MADV_REMOVE:
    case LP_MADV_MERGEABLE:
    case LP_MADV_UNMERGEABLE:
    case LP_MADV_HUGEPAGE:
    case LP_MADV_NOHUGEPAGE:
    case LP_MADV_COLD:
    case LP_MADV_PAGEOUT:
    case LP_MADV_POPULATE_READ:
    case LP_MADV_POPULATE_WRITE: return true;
    default: return false;
    }
}

/* Ends at the first hole; all other advice passes over holes. */
static bool populates(int advice)
{
    return advice == LP_MADV_POPULATE_READ || advice == LP_MADV_POPULATE_WRITE;
}

/* --- what an area has against it --- */

static int refuse_remove(const struct lp_vma *vma)
{
    if (!vma->object)
        return -LP_EINVAL;
    if (!(vma->flags & LP_VMA_SHARED) || !(vma->flags & LP_VMA_WRITE))
        return -LP_EACCES;
    return lp_object_sparse(vma->object) ? 0 : -LP_EOPNOTSUPP;
}

/* 0, or the error with which this area ends the call. */
static int refuse(const struct lp_vma *vma, int advice)
{
    bool device = vma->object && vma->object->kind == LP_OBJECT_DEVICE;
    bool refused = false;

    switch (advice) {
    case LP_MADV_REMOVE: return refuse_remove(vma);
    case LP_MADV_DONTNEED:
    case LP_MADV_HUGEPAGE:
    case LP_MADV_COLD:
    case LP_MADV_PAGEOUT: refused = device; break;
    case LP_MADV_FREE: refused = vma->object != NULL; break;
    case LP_MADV_POPULATE_READ:
        refused = device || !(vma->flags & LP_VMA_READ);
        break;
    case LP_MADV_POPULATE_WRITE:
        refused = device || !(vma->flags & LP_VMA_WRITE);
        break;
    default: break;
    }
    return refused ? -LP_EINVAL : 0;
}

/*
 * The part of the next area at or above va that lies below end, which is above
 * va; false when there is none.  Space locked.
 */
static bool next_part(struct lp_space *space, lp_va va, lp_va end,
                      struct lp_vma *part)
{
    if (!lp_vma_find(&space->vmas, va, part) || part->start >= end)
        return false;
    if (part->start < va) {
        part->offset += va - part->start;
        part->start = va;
    }
    part->end = lp_min(part->end, end);
    return true;
}

/* --- pages go --- */

/* What discarding is about: [start, end), of which areas let `end` remain. */
struct discard {
    lp_va start, end;
    bool shared; /* pages whose D must reach their records are among them */
};

/*
 * How far it may go: *end is cut to where the last willing area ends.  Returns
 * what the call will: 0, a hole's -LP_ENOMEM, or the unwilling area's error.
 */
static int survey(struct lp_space *space, struct discard *d, int advice)
{
    lp_va va = d->start, end = d->end;
    int result = 0, error = 0;
    struct lp_vma part;

    d->shared = false;
    for (; va < end; va = part.end) {
        if (!next_part(space, va, end, &part)) {
            result = -LP_ENOMEM;
            break;
        }
        error = refuse(&part, advice);
        if (error)
            break;
        if (part.start > va)
            result = -LP_ENOMEM;
        d->shared |= (part.flags & LP_VMA_SHARED) != 0;
    }
    d->end = va;
    return error ? error : result;
}

/* *no_frame: nothing has changed, for want of a frame. */
static int discard_locked(struct lp_space *space, struct discard d, int advice,
                          struct lp_gather *gather, bool *no_frame)
{
    int result = survey(space, &d, advice), error;

    if (d.start >= d.end)
        return result;
    error = lp_own_range(space, d.start, d.end, LP_OWN_EDGES, gather);
    *no_frame = error != 0;
    if (error)
        return error;
    lp_table_clear(space, d.start, d.end, gather);
    /* Who syncs next must find D in an entry or the mark in the record. */
    if (d.shared)
        lp_gather_settle(gather);
    return result;
}

LP_APART static int try_discard(struct lp_space *space, lp_va start, lp_va end,
                                int advice, bool *no_frame)
{
    struct discard d = { start, end, false };
    struct lp_gather gather;
    int error;

    *no_frame = false;
    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    error = discard_locked(space, d, advice, &gather, no_frame);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
    return error;
}

static int discard(struct lp_space *space, lp_va start, lp_va end, int advice)
{
    bool no_frame;
    int error;

    do
        error = try_discard(space, start, end, advice, &no_frame);
    while (no_frame && lp_low_memory(space->pager));
    return error;
}

/* --- pages come --- */

static void read_ahead(struct lp_object *object, uint64_t first,
                       uint64_t npages)
{
    uint64_t index, end = first + lp_min(npages, READ_AHEAD_PAGES);
    enum lp_page_source source;
    lp_pa pa;

    if (object->kind == LP_OBJECT_DEVICE || !object->ops->fill)
        return;
    for (index = first; index < end; index++) {
        source = lp_object_grab(object, index, &pa);
        if (source == LP_SOURCE_RESIDENT)
            lp_frame_put(&object->pager->frames, pa);
        else if (source != LP_SOURCE_ABSENT || lp_object_load(object, index))
            return;
    }
}

/* A refusal as this call reports it; the area may have changed meanwhile. */
static int populate_error(enum lp_fault_code code)
{
    switch (code) {
    case LP_FAULT_BUS: return -LP_EFAULT;
    case LP_FAULT_RETRY: return -LP_EAGAIN;
    case LP_FAULT_ACCERR: return -LP_EINVAL;
    default: return -LP_ENOMEM;
    }
}

static int populate(struct lp_space *space, const struct lp_vma *part,
                    unsigned access)
{
    struct lp_fault fault = { .access = access, .flags = LP_FAULT_USER };
    struct lp_fault_result result;

    for (fault.va = part->start; fault.va < part->end; fault.va += LP_PAGE_SIZE)
        if (lp_handle_fault(space, &fault, &result))
            return populate_error(result.code);
    return 0;
}

/* --- area by area --- */

/* Do what the advice asks for this part of an area; its object is held. */
static int carry_out(struct lp_space *space, const struct lp_vma *part,
                     int advice)
{
    uint64_t first = part->offset >> LP_PAGE_SHIFT;
    uint64_t npages = (part->end - part->start) >> LP_PAGE_SHIFT;

    switch (advice) {
    case LP_MADV_WILLNEED:
        if (part->object)
            read_ahead(part->object, first, npages);
        return 0;
    case LP_MADV_REMOVE:
        lp_object_punch(part->object, first, first + npages - 1);
        return 0;
    case LP_MADV_POPULATE_READ: return populate(space, part, LP_READ);
    case LP_MADV_POPULATE_WRITE: return populate(space, part, LP_WRITE);
    default: return 0;
    }
}

/* The next part, with a reference to its object. */
static bool take_part(struct lp_space *space, lp_va va, lp_va end,
                      struct lp_vma *part)
{
    bool found;

    lp_space_read_lock(space);
    found = next_part(space, va, end, part);
    if (found && part->object)
        lp_object_get(part->object);
    lp_space_read_unlock(space);
    return found;
}

static int each_area(struct lp_space *space, lp_va start, lp_va end, int advice)
{
    int result = 0, error;
    struct lp_vma part;
    lp_va va;

    for (va = start; va < end; va = part.end) {
        if (!take_part(space, va, end, &part))
            return -LP_ENOMEM;
        if (part.start > va)
            result = -LP_ENOMEM;
        error = result && populates(advice) ? result : refuse(&part, advice);
        if (!error)
            error = carry_out(space, &part, advice);
        if (part.object)
            lp_object_put(part.object);
        if (error)
            return error;
    }
    return result;
}

static int advise(struct lp_space *space, lp_va addr, uint64_t len, int advice)
{
    lp_va end;

    if (!known(advice) || !lp_page_aligned(addr) ||
        len > UINT64_MAX - LP_PAGE_MASK || lp_round_up(len) > UINT64_MAX - addr)
        return -LP_EINVAL;
    end = addr + lp_round_up(len);
    if (end == addr)
        return 0;
    if (advice == LP_MADV_DONTNEED || advice == LP_MADV_FREE)
        return discard(space, addr, end, advice);
    return each_area(space, addr, end, advice);
}

int lp_madvise(struct lp_space *space, lp_va addr, uint64_t len, int advice)
{
    int error = advise(space, addr, len, advice);

    lp_trace(space, .kind = LP_TRACE_MADVISE, .va = addr, .len = len,
             .advice = advice, .result = error);
    return error;
}
