/*
 * resize.c: truncate, and growing again.
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

/* Pages from `first` on leave the cache.  Object locked. */
static void shed(struct lp_object *object, uint64_t first)
{
    struct lp_frames *frames = &object->pager->frames;
    lp_pa pa;

    while ((pa = lp_cache_next(&object->cache, &first)) != LP_PA_NONE) {
        lp_cache_remove(&object->cache, first);
        lp_frame_reset(lp_frame(frames, pa), LP_FRAME_CACHED | LP_FRAME_DIRTY);
        lp_frame_put(frames, pa);
    }
    object->removals++;
}

/* Remove pages [first, last] from the space's areas that have these flags. */
static void zap_space(struct lp_space *space, struct lp_object *object,
                      uint64_t first, uint64_t last, uint32_t flags)
{
    struct lp_gather gather;

    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    lp_object_each_mapping(space, object, first, last, flags, &gather,
                           lp_table_zap);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
}

static void zap_all(struct lp_object *object, uint64_t first, uint64_t last,
                    uint32_t flags)
{
    struct lp_space *space = NULL;

    while ((space = lp_space_next(object->pager, space)) != NULL)
        zap_space(space, object, first, last, flags);
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
        shed(object, end);
    lp_ticket_unlock(kernel, &object->lock);
    old = lp_round_up(old) >> LP_PAGE_SHIFT;
    if (end < old)
        zap_all(object, end, UINT64_MAX, 0);
    else if (end > old && (object->flags & LP_OBJECT_ZERO_PAST_END))
        /* Zeroes that stood in for pages that exist now. */
        zap_all(object, old, end - 1, LP_VMA_SHARED);
    return 0;
}
