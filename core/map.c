/*
 * map.c: mmap.  Records an area; brings no page, unless it is asked to.
 */
#include "fault.h"
#include "own.h"
#include "unmap.h"

#define KNOWN_FLAGS                                                     \
    (LP_MAP_SHARED | LP_MAP_PRIVATE | LP_MAP_FIXED | LP_MAP_ANONYMOUS | \
     LP_MAP_DENYWRITE | LP_MAP_EXECUTABLE | LP_MAP_NORESERVE |          \
     LP_MAP_POPULATE | LP_MAP_STACK | LP_MAP_FIXED_NOREPLACE |          \
     LP_MAP_NEVER_WRITE)

/* What is asked for, checked and rounded. */
struct request {
    struct lp_vma vma; /* start and end are set when the place is known */
    lp_va addr;
    uint64_t len;
    unsigned flags;
};

static bool fixed(const struct request *r)
{
    return (r->flags & (LP_MAP_FIXED | LP_MAP_FIXED_NOREPLACE)) != 0;
}

/* Rules of the arguments alone. */
static int check_arguments(lp_va addr, uint64_t len, unsigned access,
                           unsigned flags, const struct lp_object *object,
                           uint64_t offset)
{
    bool at = flags & (LP_MAP_FIXED | LP_MAP_FIXED_NOREPLACE);

    if (len == 0 || (access & ~(unsigned)LP_VMA_ACCESS) ||
        !(flags & (LP_MAP_SHARED | LP_MAP_PRIVATE)) ||
        !(flags & LP_MAP_ANONYMOUS) != (object != NULL))
        return -LP_EINVAL;
    if (flags & ~(unsigned)KNOWN_FLAGS)
        return -LP_EOPNOTSUPP;
    /* Both of SHARED and PRIVATE, SHARED_VALIDATE, is for objects. */
    if (!object && (flags & LP_MAP_SHARED) && (flags & LP_MAP_PRIVATE))
        return -LP_EINVAL;
    if (!lp_page_aligned(offset))
        return -LP_EINVAL;
    if (at && !lp_page_aligned(addr))
        return -LP_EINVAL;
    return 0;
}

/* Nobody can name a byte of a file above the largest signed number. */
static bool past_every_file(const struct lp_object *object, uint64_t offset,
                            uint64_t len)
{
    return offset + len < offset ||
           (object->kind != LP_OBJECT_DEVICE && offset + len > INT64_MAX);
}

/* Rules of length, range and offset, in Linux's order. */
static int check_range(const struct lp_pager *pager, lp_va addr, uint64_t len,
                       unsigned flags, const struct lp_object *object,
                       uint64_t offset)
{
    if (len > pager->format.user_end)
        return -LP_ENOMEM;
    len = lp_round_up(len);
    if (object && past_every_file(object, offset, len))
        return -LP_EOVERFLOW;
    if ((flags & (LP_MAP_FIXED | LP_MAP_FIXED_NOREPLACE)) &&
        !lp_in_user_range(pager, addr, len))
        return -LP_ENOMEM;
    return 0;
}

/* What an object forbids to any mapping of it. */
static unsigned forbidden(const struct lp_object *object, bool shared)
{
    unsigned access = object->flags & LP_OBJECT_EXEC ? 0 : LP_EXEC;

    /* A private write would have to copy a device's memory. */
    if (shared ? !(object->flags & LP_OBJECT_WRITE)
               : object->kind == LP_OBJECT_DEVICE)
        access |= LP_WRITE;
    return access;
}

/* What the mapping may have: now, and later by mprotect. */
static int check_access(const struct lp_object *object, unsigned access,
                        unsigned flags, unsigned *may)
{
    *may = LP_VMA_ACCESS;
    if (flags & LP_MAP_NEVER_WRITE)
        *may &= ~(unsigned)LP_WRITE;
    if (object && !(object->flags & LP_OBJECT_READ))
        return -LP_EACCES;
    if (object)
        *may &= ~forbidden(object, flags & LP_MAP_SHARED);
    return access & ~*may ? -LP_EACCES : 0;
}

static int prepare_request(const struct lp_pager *pager, lp_va addr,
                           uint64_t len, unsigned access, unsigned flags,
                           struct lp_object *object, uint64_t offset,
                           struct request *r)
{
    bool shared = (flags & LP_MAP_SHARED) != 0;
    unsigned may;
    int error = check_arguments(addr, len, access, flags, object, offset);

    if (!error)
        error = check_range(pager, addr, len, flags, object, offset);
    if (access & LP_WRITE)
        access |= LP_READ;
    if (!error)
        error = check_access(object, access, flags, &may);
    if (error)
        return error;
    *r = (struct request){
        .vma = { .object = object,
                 .offset = object ? offset : 0,
                 .flags = access | may << LP_VMA_MAY_SHIFT |
                          (shared ? LP_VMA_SHARED : 0) },
        .addr = lp_round_down(addr),
        .len = lp_round_up(len),
        .flags = flags,
    };
    return 0;
}

/* Find the place.  Space locked for writing. */
static int choose(struct lp_space *space, struct request *r)
{
    const struct lp_options *o = &space->pager->options;
    lp_va start = r->addr;

    if (fixed(r)) {
        if ((r->flags & LP_MAP_FIXED_NOREPLACE) &&
            lp_vma_any(&space->vmas, start, start + r->len))
            return -LP_EEXIST;
    } else if (start < o->mmap_min ||
               !lp_in_user_range(space->pager, start, r->len) ||
               lp_vma_any(&space->vmas, start, start + r->len)) {
        if (!lp_vma_gap(&space->vmas, r->len, o->mmap_min, space->base, &start))
            return -LP_ENOMEM;
    }
    r->vma.start = start;
    r->vma.end = start + r->len;
    return 0;
}

/* Limits as they will be when [start, end) has been replaced. */
static int check_limits(struct lp_space *space, const struct lp_vma *vma)
{
    const struct lp_options *o = &space->pager->options;
    struct lp_overlap gone =
        lp_unmap_overlap(&space->vmas, vma->start, vma->end);
    uint64_t len = vma->end - vma->start;

    if (len > o->max_bytes ||
        space->vmas.bytes - gone.bytes > o->max_bytes - len)
        return -LP_ENOMEM;
    if (space->vmas.count - gone.covered + gone.split + 1 > o->max_areas)
        return -LP_ENOMEM;
    return 0;
}

/*
 * Everything that can fail, then the change.  Space locked for writing.
 * *no_frame: it failed for want of a frame, not for a limit.
 */
static int map_locked(struct lp_space *space, struct request *r,
                      struct lp_gather *gather, bool *no_frame)
{
    int error = choose(space, r);

    if (!error)
        error = check_limits(space, &r->vma);
    if (error)
        return error;
    error = lp_unmap_prepare(space, r->vma.start, r->vma.end, gather);
    *no_frame = error != 0;
    if (error)
        return error;
    lp_unmap_commit(space, r->vma.start, r->vma.end, gather);
    if (r->vma.object)
        lp_object_get(r->vma.object);
    lp_vma_insert(&space->vmas, &r->vma);
    return 0;
}

LP_APART static int try_map(struct lp_space *space, struct request *r,
                            bool *no_frame)
{
    struct lp_gather gather;
    int error;

    *no_frame = false;
    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    error = map_locked(space, r, &gather, no_frame);
    lp_vma_settle(&space->vmas);
    lp_gather_flush(&gather);
    lp_space_write_unlock(space);
    lp_gather_free(&gather);
    return error;
}

/* As if every page had been touched; failures are not reported. */
static void populate(struct lp_space *space, const struct lp_vma *vma)
{
    unsigned access = vma->flags & LP_VMA_ACCESS;
    struct lp_fault fault = { .flags = LP_FAULT_USER };
    struct lp_fault_result result;

    /*
     * A private page is brought by a write, or it would be the zero page; a
     * shared one by a read, or it would be dirty.
     */
    if ((access & LP_WRITE) && !(vma->flags & LP_VMA_SHARED))
        fault.access = LP_WRITE;
    else
        fault.access = access & LP_READ ? LP_READ : LP_EXEC;
    if (!access)
        return;
    for (fault.va = vma->start; fault.va < vma->end; fault.va += LP_PAGE_SIZE)
        if (lp_handle_fault(space, &fault, &result))
            return;
}

/* Shared anonymous memory is an object that nobody else names. */
static int make_memory(struct lp_pager *pager, struct request *r)
{
    int error;

    do
        error = lp_object_create_memory(pager, r->len, &r->vma.object);
    while (error == -LP_ENOMEM && lp_low_memory(pager));
    return error;
}

static int map(struct lp_space *space, struct request *r)
{
    bool memory = !r->vma.object && (r->flags & LP_MAP_SHARED), no_frame;
    int error = memory ? make_memory(space->pager, r) : 0;

    if (error)
        return error;
    do
        error = try_map(space, r, &no_frame);
    while (no_frame && lp_low_memory(space->pager));
    if (memory)
        lp_object_put(r->vma.object); /* the area has its own reference */
    return error;
}

int64_t lp_mmap(struct lp_space *space, lp_va addr, uint64_t len,
                unsigned access, unsigned flags, struct lp_object *object,
                uint64_t offset)
{
    struct request r;
    int error = prepare_request(space->pager, addr, len, access, flags, object,
                                offset, &r);
    int64_t result;

    if (!error)
        error = map(space, &r);
    result = error ? error : (int64_t)r.vma.start;
    lp_trace(space, .kind = LP_TRACE_MMAP, .va = error ? addr : r.vma.start,
             .len = len, .access = access, .result = result);
    if (!error && (flags & LP_MAP_POPULATE))
        populate(space, &r.vma);
    return result;
}
