/*
 * space.h: one address space: its lock, its areas, its root table.
 */
#ifndef LP_CORE_SPACE_H
#define LP_CORE_SPACE_H

#include "pager.h"

struct lp_space {
    struct lp_pager *pager;  /* (C) */
    uint64_t id;             /* (C) never used twice in a pager; not 0 */
    lp_pa root;              /* (C) one reference, ours */
    struct lp_rwlock lock;   /* SPACE */
    struct lp_vma_tree vmas; /* (S) */
    lp_va base;              /* (S) free addresses are looked for below */

    /*
     * Flushes: a CPU sets its bit in `active`, then reads the generation; a
     * flush raises the generation, then reads `active`.  Both sequentially
     * consistent, so one of the two sees the other (tlb.c).
     */
    _Atomic uint64_t generation;               /* (A) from 1 on */
    _Atomic uint64_t active[LP_CPUS_MAX / 64]; /* (A) */

    struct lp_ticket_lock pin_lock; /* PINS */
    struct lp_pin *pins;            /* (PINS) pages held, newest first */

    struct lp_space *next, *prev; /* (LIST) */
    uint32_t holds;               /* (LIST) visitors; destroy waits for them */

    _Atomic uint64_t counter[LP_NCOUNTERS]; /* (A) struct lp_stats */
};

/*
 * Add n to a counter, named as in struct lp_stats.  Without LP_STATS only the
 * faults are counted: whether two came in a row is asked (tlb.c).
 */
#define lp_count_n(space, field, n)                                  \
    do {                                                             \
        if (LP_STATS || offsetof(struct lp_stats, field) ==          \
                            offsetof(struct lp_stats, faults))       \
            atomic_fetch_add_explicit(                               \
                &(space)->counter[offsetof(struct lp_stats, field) / \
                                  sizeof(uint64_t)],                 \
                (n), memory_order_relaxed);                          \
    } while (0)
#define lp_count(space, field) lp_count_n(space, field, 1)

#define lp_counted(space, field)                                              \
    atomic_load_explicit(&(space)->counter[offsetof(struct lp_stats, field) / \
                                           sizeof(uint64_t)],                 \
                         memory_order_relaxed)

/*
 * lp_space_alloc: a space with an empty tree and a root in which only the
 * kernel's half is filled in; in no list yet.
 *
 * => returns 0, or -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_space_alloc(struct lp_pager *pager, struct lp_space **out);

/*
 * lp_space_publish: put it into the pager's list, right after `parent` (NULL:
 * at the head).
 *
 * => a child: the parent is locked for writing since before the child shares
 *    anything.  So whoever visits all spaces either was done with the parent
 *    before, or comes to the child after it.
 */
void lp_space_publish(struct lp_space *space, struct lp_space *parent);

/*
 * lp_space_next: the space after this one in the pager's list (NULL: the
 * first), held; lets go of the one before.  NULL at the end.
 *
 * => no lock held.  A space held is not destroyed; new ones may be missed.
 */
struct lp_space *lp_space_next(struct lp_pager *pager, struct lp_space *space);

static inline void lp_space_read_lock(struct lp_space *space)
    LP_TSA(acquire_shared_capability(space->lock))
{
    lp_read_lock(space->pager->kernel, &space->lock);
}

static inline void lp_space_read_unlock(struct lp_space *space)
    LP_TSA(release_shared_capability(space->lock))
{
    lp_read_unlock(space->pager->kernel, &space->lock);
}

static inline void lp_space_write_lock(struct lp_space *space)
    LP_TSA(acquire_capability(space->lock))
{
    lp_write_lock(space->pager->kernel, &space->lock);
}

static inline void lp_space_write_unlock(struct lp_space *space)
    LP_TSA(release_capability(space->lock))
{
    lp_write_unlock(space->pager->kernel, &space->lock);
}

/* The caller holds the space's lock, for writing, or at all. */
#define lp_assert_writing(space)                                          \
    lp_assert2((space)->pager->kernel, lp_locked_writing(&(space)->lock), \
               (space)->id, 0)
#define lp_assert_locked(space)                                                \
    lp_assert2((space)->pager->kernel, lp_locked(&(space)->lock), (space)->id, \
               0)

/* The user range [0, user_end) holds [start, start + len)? */
static inline bool lp_in_user_range(const struct lp_pager *pager, lp_va start,
                                    uint64_t len)
{
    lp_va end = pager->format.user_end;

    return start <= end && len <= end - start;
}

/* What an area lets a program do: its flags, and what hardware adds. */
static inline unsigned lp_allowed(const struct lp_pager *pager, uint32_t flags)
{
    return (flags & LP_VMA_ACCESS) |
           (flags & LP_EXEC ? pager->exec_implies : 0);
}

/* Report an event to the kernel's ear, if it has one: fields of lp_trace. */
#define lp_trace(space_, ...)                                            \
    do {                                                                 \
        const struct lp_kernel *kernel_ = (space_)->pager->kernel;       \
        if (LP_TRACE && lp_unlikely(kernel_->trace != NULL))             \
            kernel_->trace(kernel_->ctx,                                 \
                           &(struct lp_trace){ .space = (space_),        \
                                               .space_id = (space_)->id, \
                                               __VA_ARGS__ });           \
    } while (0)

/*
 * lp_low_memory: an operation found no frame and has let go of all locks: is
 * it worth starting over?
 */
static inline bool lp_low_memory(const struct lp_pager *pager)
{
    const struct lp_kernel *kernel = pager->kernel;

    return kernel->low_memory && kernel->low_memory(kernel->ctx);
}

#endif
