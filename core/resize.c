/*
 * resize.c: truncate, growing again, and holes.
 *
 * There is no reverse map: the size changes and the cache lets its pages go
 * under the object's lock; then every space is visited.  A fault that
 * looked at the object before holds its space's lock for reading until it has
 * installed the page, so the visit, which takes that lock for writing, comes
 * after it and removes the page; a fault after the visit sees the new size.
 *
 * Tables that are shared are edited in place, under their node lock, which is
 * the one exception to "shared tables are never changed".  All spaces are
 * flushed then.
 */
#include "table.h"

/* The part of the page that holds byte `from` which lies behind it. */
static void zero_tail(struct lp_object *object, uint64_t from)
{
    struct lp_frames *frames = &object->pager->frames;
    lp_pa pa = lp_cache_find(&object->cache, from >> LP_PAGE_SHIFT);

    if (lp_page_aligned(from) || pa == LP_PA_NONE)
        return;
    memset((char *)lp_frame_memory(frames, pa) + (from & LP_PAGE_MASK), 0,
           LP_PAGE_SIZE - (from & LP_PAGE_MASK));
}

/*
 * Pages [first, last] leave the cache.  They stay marked as a cache's: that is
 * what tells them from private copies, until a private mapping that has one
 * alone makes it its own (lp_frame_claim).  Object locked.
 */
static void shed(struct lp_object *object, uint64_t first, uint64_t last)
{
    struct lp_frames *frames = &object->pager->frames;
    lp_pa pa;

    while ((pa = lp_cache_next(&object->cache, &first)) != LP_PA_NONE &&
           first <= last) {
        lp_cache_remove(&object->cache, first);
        lp_frame_reset(lp_frame(frames, pa), LP_FRAME_DIRTY);
        lp_frame_put(frames, pa);
    }
    object->removals++;
}

/* Which translations of pages [first, last] go. */
struct zap {
    struct lp_object *object;
    uint64_t first, last;
    uint32_t flags; /* of areas that have these */
    /* lp_table_zap or lp_table_zap_cached */
    void (*visit)(struct lp_space *space, lp_va start, lp_va end,
                  struct lp_gather *gather);
};

static void zap_space(struct lp_space *space, const struct zap *zap)
{
    struct lp_gather gather;

    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    lp_object_each_mapping(space, zap->object, zap->first, zap->last,
                           zap->flags, &gather, zap->visit);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
}

static void zap_all(const struct zap *zap)
{
    struct lp_space *space = NULL;

    while ((space = lp_space_next(zap->object->pager, space)) != NULL)
        zap_space(space, zap);
}

int lp_object_resize(struct lp_object *object, uint64_t size)
{
    const struct lp_kernel *kernel = object->pager->kernel;
    uint64_t end = lp_round_up(size) >> LP_PAGE_SHIFT, old;

    if (object->kind == LP_OBJECT_DEVICE || size > (uint64_t)1 << 62)
        return -LP_EINVAL;
    lp_ticket_lock(kernel, &object->lock);
    old = lp_object_size(object);
    zero_tail(object, lp_min(old, size));
    atomic_store_explicit(&object->size, size, memory_order_release);
    if (size < old)
        shed(object, end, UINT64_MAX);
    lp_ticket_unlock(kernel, &object->lock);
    old = lp_round_up(old) >> LP_PAGE_SHIFT;
    if (end < old)
        zap_all(&(struct zap){ object, end, UINT64_MAX, 0, lp_table_zap });
    else if (end > old && (object->flags & LP_OBJECT_ZERO_PAST_END))
        /* Zeroes that stood in for pages that exist now. */
        zap_all(
            &(struct zap){ object, old, end - 1, LP_VMA_SHARED, lp_table_zap });
    return 0;
}

/*
 * Late visits do no harm here: what they remove of a page that has come back
 * since is a translation, and the next touch finds the page again.
 */
void lp_object_punch(struct lp_object *object, uint64_t first, uint64_t last)
{
    const struct lp_kernel *kernel = object->pager->kernel;

    lp_ticket_lock(kernel, &object->lock);
    shed(object, first, last);
    lp_ticket_unlock(kernel, &object->lock);
    zap_all(&(struct zap){ object, first, last, 0, lp_table_zap_cached });
}
