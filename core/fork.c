/*
 * fork.c: a second space, in constant time.
 *
 * One reference to the root of the tree of areas, one to each table below the
 * root; both sides lose the right to write through their root entries; one
 * flush of the parent.  Everything else happens later, at the first writes.
 */
#include "fault.h"
#include "own.h"

/*
 * Pages that somebody holds for writing by a device stay with the parent: the
 * child gets its copy now.  Costs time for each pin, and only then.
 */
static int copy_pinned(struct lp_space *parent, struct lp_space *child)
{
    struct lp_gather gather;
    struct lp_pin *pin;
    int error = 0;

    lp_gather_init(&gather, child);
    lp_space_write_lock(child);
    for (pin = parent->pins; pin && !error; pin = pin->next) {
        error = lp_own_path(child, pin->va, &gather);
        if (!error)
            error = lp_fault_unshare(child, pin->va, pin->frame, &gather);
    }
    lp_gather_flush(&gather);
    lp_space_write_unlock(child);
    lp_gather_free(&gather);
    return error;
}

/* Everything that can fail comes first, but for pinned pages. */
static int fork_locked(struct lp_space *parent, struct lp_space *child,
                       struct lp_gather *gather)
{
    lp_vma_share(&child->vmas, &parent->vmas);
    child->base = parent->base;
    lp_own_fork(parent, child, gather);
    lp_space_publish(child, parent);
    lp_gather_flush(gather);
    return parent->pins ? copy_pinned(parent, child) : 0;
}

static int try_fork(struct lp_space *parent, struct lp_space **out)
{
    struct lp_space *child;
    struct lp_gather gather;
    int error = lp_space_alloc(parent->pager, &child);

    if (error)
        return error;
    lp_gather_init(&gather, parent);
    lp_space_write_lock(parent);
    error = fork_locked(parent, child, &gather);
    lp_space_write_unlock(parent);
    lp_gather_free(&gather);
    if (error) {
        lp_space_destroy(child);
        return error;
    }
    *out = child;
    return 0;
}

int lp_fork(struct lp_space *parent, struct lp_space **out)
{
    int error;

    while ((error = try_fork(parent, out)) == -LP_ENOMEM)
        if (!lp_low_memory(parent->pager))
            break;
    if (!error)
        lp_count(parent, forks);
    lp_trace(parent, .kind = LP_TRACE_FORK, .other = error ? NULL : *out,
             .other_id = error ? 0 : (*out)->id, .result = error);
    return error;
}
