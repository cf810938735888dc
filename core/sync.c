/*
 * sync.c: what hardware knows of dirty pages reaches the object.
 *
 * D lives in the entries of every space that maps a page.  It is collected
 * into the frames' records, the spaces forget their translations of what was
 * collected (or their CPUs would not set D again), and then pages are written.
 */
#include "own.h"

static bool overlaps(const struct lp_vma *vma, const struct lp_object *object,
                     uint64_t first, uint64_t last, lp_va *start, lp_va *end)
{
    uint64_t low = vma->offset >> LP_PAGE_SHIFT;
    uint64_t n = (vma->end - vma->start) >> LP_PAGE_SHIFT;

    if (vma->object != object || last < low || first >= low + n)
        return false;
    *start = first > low ? vma->start + ((first - low) << LP_PAGE_SHIFT)
                         : vma->start;
    *end = last < low + n - 1 ? vma->start + ((last - low + 1) << LP_PAGE_SHIFT)
                              : vma->end;
    return true;
}

void lp_object_each_mapping(struct lp_space *space,
                            const struct lp_object *object, uint64_t first,
                            uint64_t last, uint32_t flags,
                            struct lp_gather *gather,
                            void (*visit)(struct lp_space *space, lp_va start,
                                          lp_va end, struct lp_gather *gather))
{
    lp_va va = 0, start, end;
    struct lp_vma vma;

    for (; lp_vma_find(&space->vmas, va, &vma); va = vma.end)
        if ((vma.flags & flags) == flags &&
            overlaps(&vma, object, first, last, &start, &end))
            visit(space, start, end, gather);
}

static void harvest_space(struct lp_space *space, struct lp_object *object,
                          uint64_t first, uint64_t last)
{
    struct lp_gather gather;

    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    lp_object_each_mapping(space, object, first, last, LP_VMA_SHARED, &gather,
                           lp_table_harvest);
    lp_gather_settle(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
}

void lp_object_harvest(struct lp_object *object, uint64_t first, uint64_t last)
{
    struct lp_space *space = NULL;

    while ((space = lp_space_next(object->pager, space)) != NULL)
        harvest_space(space, object, first, last);
}

/*
 * The next shared mapping of an object at or above *va, below end, its object
 * referenced; *hole is set when something unmapped was passed.
 */
static struct lp_object *next_shared(struct lp_space *space, lp_va *va,
                                     lp_va end, struct lp_vma *vma, bool *hole)
{
    struct lp_object *object = NULL;

    lp_space_read_lock(space);
    while (!object && *va < end) {
        if (!lp_vma_find(&space->vmas, *va, vma) || vma->start >= end) {
            *hole = true;
            *va = end;
            break;
        }
        if (vma->start > *va)
            *hole = true;
        if (vma->flags & LP_VMA_SHARED)
            object = vma->object;
        if (vma->start < *va) {
            vma->offset += *va - vma->start;
            vma->start = *va;
        }
        *va = lp_min(vma->end, end);
    }
    if (object)
        lp_object_get(object);
    lp_space_read_unlock(space);
    return object;
}

/* Write the pages of one mapping that lie below end. */
static int sync_mapping(struct lp_object *object, uint64_t offset, uint64_t len)
{
    int error = 0;

    if (object->kind == LP_OBJECT_CACHED)
        error = lp_object_sync(object, offset, len);
    lp_object_put(object);
    return error;
}

int lp_msync(struct lp_space *space, lp_va addr, uint64_t len, unsigned flags)
{
    const unsigned known = LP_MS_ASYNC | LP_MS_INVALIDATE | LP_MS_SYNC;
    lp_va va, end, user_end = space->pager->format.user_end;
    struct lp_object *object;
    int error, result = 0;
    struct lp_vma vma;
    bool hole;

    if (!lp_page_aligned(addr) || (flags & ~known) ||
        (flags & (LP_MS_ASYNC | LP_MS_SYNC)) == (LP_MS_ASYNC | LP_MS_SYNC))
        return -LP_EINVAL;
    if (len > UINT64_MAX - LP_PAGE_MASK || lp_round_up(len) > UINT64_MAX - addr)
        return -LP_ENOMEM;
    va = addr;
    end = lp_min(addr + lp_round_up(len), user_end);
    hole = end < addr + lp_round_up(len); /* what lies beyond is not mapped */
    while ((object = next_shared(space, &va, end, &vma, &hole)) != NULL) {
        error = 0;
        if (flags & LP_MS_SYNC)
            error = sync_mapping(object, vma.offset, va - vma.start);
        else
            lp_object_put(object);
        if (error && !result)
            result = error;
    }
    return result ? result : hole ? -LP_ENOMEM : 0;
}
