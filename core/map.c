/*
 * map.c: mmap.  Records an area; brings no page, unless it is asked to.
 */
#include "fault.h"
#include "own.h"
#include "unmap.h"

#define KNOWN_FLAGS                                                     \
    (LP_MAP_SHARED | LP_MAP_PRIVATE | LP_MAP_FIXED | LP_MAP_ANONYMOUS | \
     LP_MAP_DENYWRITE | LP_MAP_EXECUTABLE | LP_MAP_NORESERVE |          \
     LP_MAP_POPULATE | LP_MAP_STACK | LP_MAP_FIXED_NOREPLACE)

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
    if (object && !lp_page_aligned(offset))
        return -LP_EINVAL;
    if (at && !lp_page_aligned(addr))
        return -LP_EINVAL;
    return 0;
}

/* Rules of length, range and offset, in Linux's order. */
static int check_range(const struct lp_pager *pager, lp_va addr, uint64_t len,
                       unsigned flags, const struct lp_object *object,
                       uint64_t offset)
{
    if (len > pager->format.user_end)
        return -LP_ENOMEM;
    len = lp_round_up(len);
    if (object && offset + len < offset)
        return -LP_EOVERFLOW;
    if (len > pager->format.user_end ||
        ((flags & (LP_MAP_FIXED | LP_MAP_FIXED_NOREPLACE)) &&
         !lp_in_user_range(pager, addr, len)))
        return -LP_ENOMEM;
    return 0;
}

/* What the object allows: now, and later by mprotect. */
static int check_object(const struct lp_object *object, unsigned access,
                        bool shared, unsigned *may)
{
    *may = LP_VMA_ACCESS;
    if (!object)
        return 0;
    if (!(object->flags & LP_OBJECT_READ))
        return -LP_EACCES;
    /* A private write would have to copy a device's memory. */
    if (shared ? !(object->flags & LP_OBJECT_WRITE)
               : object->kind == LP_OBJECT_DEVICE)
        *may &= ~(unsigned)LP_WRITE;
    if (!(object->flags & LP_OBJECT_EXEC))
        *may &= ~(unsigned)LP_EXEC;
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
        error = check_object(object, access, shared, &may);
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

/*
 * Limits after [start, end) will have been replaced.  Every area that the
 * range meets goes or is cut; at most one more remains and one is added.
 */
static int check_limits(struct lp_space *space, const struct lp_vma *vma)
{
    const struct lp_options *o = &space->pager->options;
    uint64_t bytes = space->vmas.bytes -
                     lp_unmap_overlap(&space->vmas, vma->start, vma->end);

    if (vma->end - vma->start > o->max_bytes ||
        bytes > o->max_bytes - (vma->end - vma->start))
        return -LP_ENOMEM;
    if (space->vmas.count >= o->max_areas)
        return -LP_ENOMEM;
    return 0;
}

/* Everything that can fail, then the change.  Space locked for writing. */
static int map_locked(struct lp_space *space, struct request *r,
                      struct lp_gather *gather)
{
    int error = choose(space, r);

    if (!error)
        error = check_limits(space, &r->vma);
    if (!error)
        error = lp_unmap_prepare(space, r->vma.start, r->vma.end, gather);
    if (error)
        return error;
    lp_unmap_commit(space, r->vma.start, r->vma.end, gather);
    if (r->vma.object)
        lp_object_get(r->vma.object);
    lp_vma_insert(&space->vmas, &r->vma);
    return 0;
}

static int try_map(struct lp_space *space, struct request *r)
{
    struct lp_gather gather;
    int error;

    lp_gather_init(&gather, space);
    lp_space_write_lock(space);
    error = map_locked(space, r, &gather);
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

    /* A private page is brought by a write, or it would be the zero page. */
    fault.access = access & LP_WRITE  ? LP_WRITE
                   : access & LP_READ ? LP_READ
                                      : LP_EXEC;
    if (!access)
        return;
    for (fault.va = vma->start; fault.va < vma->end; fault.va += LP_PAGE_SIZE)
        if (lp_fault_resolve(space, &fault, &result))
            return;
}

int64_t lp_mmap(struct lp_space *space, lp_va addr, uint64_t len,
                unsigned access, unsigned flags, struct lp_object *object,
                uint64_t offset)
{
    struct lp_object *anonymous = NULL;
    struct request r;
    int error = prepare_request(space->pager, addr, len, access, flags, object,
                                offset, &r);

    if (!error && !object && (flags & LP_MAP_SHARED)) {
        error = lp_object_create_memory(space->pager, r.len, &anonymous);
        r.vma.object = anonymous;
    }
    while (!error && (error = try_map(space, &r)) == -LP_ENOMEM &&
           lp_low_memory(space->pager))
        error = 0;
    if (anonymous)
        lp_object_put(anonymous);
    lp_trace(space, .kind = LP_TRACE_MMAP, .va = error ? addr : r.vma.start,
             .len = len, .access = access, .result = error);
    if (error)
        return error;
    if (flags & LP_MAP_POPULATE)
        populate(space, &r.vma);
    return (int64_t)r.vma.start;
}
