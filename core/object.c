/*
 * object.c: mappable things and their page caches; the only place that calls
 * out, and so the only one that may sleep.
 *
 * Nothing here calls an object's functions with a lock held.  A page is read
 * into a frame that nobody else knows, then published under the object's lock
 * if the slot is still empty and nothing has left the cache meanwhile.
 */
#include "object.h"

#include "pager.h"

#define SIZE_MAX_ALLOWED ((uint64_t)1 << 62)
#define ALL_FLAGS                                        \
    (LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC | \
     LP_OBJECT_ZERO_PAST_END)

static void lock(struct lp_object *object)
    LP_TSA(acquire_capability(object->lock));
static void unlock(struct lp_object *object)
    LP_TSA(release_capability(object->lock));

static void lock(struct lp_object *object)
{
    lp_ticket_lock(object->pager->kernel, &object->lock);
}

static void unlock(struct lp_object *object)
{
    lp_ticket_unlock(object->pager->kernel, &object->lock);
}

static void publish(struct lp_object *object)
{
    struct lp_pager *pager = object->pager;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    object->next = pager->objects;
    object->prev = NULL;
    if (object->next)
        object->next->prev = object;
    pager->objects = object;
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
}

static void unpublish(struct lp_object *object)
{
    struct lp_pager *pager = object->pager;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    if (object->prev)
        object->prev->next = object->next;
    else
        pager->objects = object->next;
    if (object->next)
        object->next->prev = object->prev;
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
}

static struct lp_object *create(struct lp_pager *pager, uint64_t size,
                                unsigned flags)
{
    struct lp_object *object = lp_slab_alloc(&pager->object_slab);

    if (!object)
        return NULL;
    memset(object, 0, sizeof(*object));
    object->pager = pager;
    object->flags = flags;
    object->cache.slab = &pager->cache_slab;
    atomic_init(&object->refs, 1);
    atomic_init(&object->size, size);
    return object;
}

int lp_object_create(struct lp_pager *pager, const struct lp_object_ops *ops,
                     void *ctx, uint64_t size, unsigned flags,
                     struct lp_object **out)
{
    struct lp_object *object;

    if (size > SIZE_MAX_ALLOWED || (flags & ~(unsigned)ALL_FLAGS) || !ops)
        return -LP_EINVAL;
    object = create(pager, size, flags);
    if (!object)
        return -LP_ENOMEM;
    object->ops = ops;
    object->ctx = ctx;
    publish(object);
    *out = object;
    return 0;
}

int lp_object_create_memory(struct lp_pager *pager, uint64_t size,
                            struct lp_object **out)
{
    static const struct lp_object_ops memory = { NULL, NULL, NULL };

    return lp_object_create(pager, &memory, NULL, size,
                            LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC,
                            out);
}

/* May a device's range lie there? */
static bool device_range_ok(const struct lp_pager *pager, lp_pa start,
                            uint64_t len)
{
    lp_pa limit = (lp_pa)1 << (pager->format.pa_bits + LP_PAGE_SHIFT);

    if (!lp_page_aligned(start | len) || len == 0 || start >= limit ||
        len > limit - start)
        return false;
    return start >= pager->frames.end || start + len <= pager->frames.start;
}

int lp_object_create_device(struct lp_pager *pager, lp_pa start, uint64_t len,
                            enum lp_cache_mode cache, unsigned flags,
                            struct lp_object **out)
{
    struct lp_object *object;

    if (!device_range_ok(pager, start, len) ||
        (unsigned)cache >= LP_CACHE_MODES || (flags & ~(unsigned)ALL_FLAGS))
        return -LP_EINVAL;
    object = create(pager, len, flags);
    if (!object)
        return -LP_ENOMEM;
    object->kind = LP_OBJECT_DEVICE;
    object->device = start;
    object->cache_mode = cache;
    publish(object);
    *out = object;
    return 0;
}

void lp_object_get(struct lp_object *object)
{
    atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
}

void lp_object_drop(struct lp_object *object, struct lp_object_list *dead)
{
    uint64_t old =
        atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel);

    lp_assert2(object->pager->kernel, old != 0, old, 0);
    if (old == 1) {
        object->dead = dead->first;
        dead->first = object;
    }
}

/* Nobody maps or names it any more: empty the cache and let it go. */
static void finish(struct lp_object *object)
{
    struct lp_pager *pager = object->pager;
    uint64_t index = 0;
    lp_pa pa;

    unpublish(object);
    if (object->kind == LP_OBJECT_CACHED) {
        if (lp_object_write_back(object, 0, UINT64_MAX) != 0)
            atomic_fetch_add_explicit(&pager->lost_writes, 1,
                                      memory_order_relaxed);
        while ((pa = lp_cache_next(&object->cache, &index)) != LP_PA_NONE) {
            lp_cache_remove(&object->cache, index);
            lp_frame_reset(lp_frame(&pager->frames, pa), LP_FRAME_CACHED);
            lp_frame_put(&pager->frames, pa);
        }
        lp_cache_clear(&object->cache);
        if (object->ops->release)
            object->ops->release(object->ctx);
    }
    lp_slab_free(&pager->object_slab, object);
}

void lp_object_reap(struct lp_object_list *dead)
{
    struct lp_object *object;

    while ((object = dead->first) != NULL) {
        dead->first = object->dead;
        finish(object);
    }
}

void lp_object_put(struct lp_object *object)
{
    struct lp_object_list dead = { NULL };

    lp_object_drop(object, &dead);
    lp_object_reap(&dead);
}

uint64_t lp_object_size(const struct lp_object *object)
{
    return atomic_load_explicit(&object->size, memory_order_acquire);
}

static bool past_end(const struct lp_object *object, uint64_t index)
{
    uint64_t size = lp_object_size(object);

    return index >= size >> LP_PAGE_SHIFT &&
           (index > size >> LP_PAGE_SHIFT || lp_page_aligned(size));
}

enum lp_page_source lp_object_grab(struct lp_object *object, uint64_t index,
                                   lp_pa *pa)
{
    enum lp_page_source source = LP_SOURCE_ABSENT;

    if (object->kind == LP_OBJECT_DEVICE) {
        *pa = object->device + (index << LP_PAGE_SHIFT);
        return past_end(object, index) ? LP_SOURCE_PAST_END
                                       : LP_SOURCE_RESIDENT;
    }
    lock(object);
    if (past_end(object, index)) {
        source = object->flags & LP_OBJECT_ZERO_PAST_END ? LP_SOURCE_PAST_ZERO
                                                         : LP_SOURCE_PAST_END;
    } else {
        *pa = lp_cache_find(&object->cache, index);
        if (*pa != LP_PA_NONE) {
            lp_frame_get(lp_frame(&object->pager->frames, *pa));
            source = LP_SOURCE_RESIDENT;
        }
    }
    unlock(object);
    return source;
}

/* How much of page `index` lies before the end. */
static size_t length_at(const struct lp_object *object, uint64_t index)
{
    uint64_t size = lp_object_size(object), start = index << LP_PAGE_SHIFT;

    return start >= size ? 0 : (size_t)lp_min(LP_PAGE_SIZE, size - start);
}

/* Publish a page that was read while the cache stood at `removals`. */
static int publish_page(struct lp_object *object, uint64_t index, lp_pa pa,
                        uint64_t removals, size_t len)
{
    struct lp_frames *frames = &object->pager->frames;
    bool mine = false;
    int error = 0;

    lock(object);
    if (object->removals == removals && length_at(object, index) == len &&
        lp_cache_find(&object->cache, index) == LP_PA_NONE) {
        error = lp_cache_insert(&object->cache, index, pa);
        mine = error == 0;
    }
    if (mine)
        lp_frame_set(lp_frame(frames, pa), LP_FRAME_CACHED);
    unlock(object);
    if (!mine)
        lp_frame_put(frames, pa);
    return error;
}

int lp_object_load(struct lp_object *object, uint64_t index)
{
    const struct lp_object_ops *ops = object->ops;
    struct lp_frames *frames = &object->pager->frames;
    uint64_t removals;
    char *page;
    size_t len;
    lp_pa pa;
    int error;

    lock(object);
    removals = object->removals;
    len = length_at(object, index);
    unlock(object);
    if (len == 0)
        return 0;
    if (lp_frame_alloc(frames, ops->fill ? LP_FRAME_ANY : LP_FRAME_ZEROED,
                       LP_KIND_DATA, 0, &pa) != 0)
        return -LP_ENOMEM;
    if (ops->fill) {
        page = lp_frame_memory(frames, pa);
        error = ops->fill(object->ctx, index << LP_PAGE_SHIFT, page, len);
        if (error) {
            lp_frame_put(frames, pa);
            return error;
        }
        memset(page + len, 0, LP_PAGE_SIZE - len);
    }
    return publish_page(object, index, pa, removals, len);
}

/* Write one page that is dirty, where there is a way to; the caller holds a
 * reference to the frame. */
static int write_page(struct lp_object *object, uint64_t index, lp_pa pa)
{
    struct lp_frames *frames = &object->pager->frames;
    struct lp_frame *frame = lp_frame(frames, pa);
    size_t len = length_at(object, index);
    int error = 0;

    /* First the mark, then the bytes: what is stored meanwhile marks again. */
    lp_frame_reset(frame, LP_FRAME_DIRTY);
    if (len)
        error = object->ops->write(object->ctx, index << LP_PAGE_SHIFT,
                                   lp_frame_memory(frames, pa), len);
    if (error)
        lp_frame_set(frame, LP_FRAME_DIRTY);
    return error;
}

int lp_object_write_back(struct lp_object *object, uint64_t first,
                         uint64_t last)
{
    struct lp_frames *frames = &object->pager->frames;
    uint64_t index = first;
    int error, result = 0;
    lp_pa pa;

    if (object->kind == LP_OBJECT_DEVICE || !object->ops->write)
        return 0;
    for (;; index++) {
        lock(object);
        pa = lp_cache_next(&object->cache, &index);
        if (pa != LP_PA_NONE)
            lp_frame_get(lp_frame(frames, pa));
        unlock(object);
        if (pa == LP_PA_NONE)
            return result;
        if (index <= last &&
            (lp_frame_state(lp_frame(frames, pa)) & LP_FRAME_DIRTY)) {
            error = write_page(object, index, pa);
            if (error && !result)
                result = error;
        }
        lp_frame_put(frames, pa);
        if (index >= last)
            return result;
    }
}

int lp_object_sync(struct lp_object *object, uint64_t offset, uint64_t len)
{
    uint64_t first = offset >> LP_PAGE_SHIFT, last;

    if (len == 0)
        return 0;
    last = len - 1 > UINT64_MAX - offset ? UINT64_MAX : offset + len - 1;
    last >>= LP_PAGE_SHIFT;
    lp_object_harvest(object, first, last);
    return lp_object_write_back(object, first, last);
}
