/*
 * lock.h: the three kinds of lock, from C11 atomics.
 *
 * Order, everywhere in the core:
 *
 *     SPACE  ->  table nodes, top down  ->  OBJECT  ->  PINS, SLAB, LIST
 *     KERNEL: alone, no other is held with it
 *
 * Only fork holds two space locks: the parent's, then the unpublished child's.
 *
 *     struct lp_rwlock       phase-fair reader/writer: a space
 *     struct lp_ticket_lock  first come, first served: an object, a slab
 *     a bit in a record      a page table's entries (frame.h)
 *
 * A lock that may be held across a flush (space, table, KERNEL: the tables of
 * the kernel's half) must be waited for with
 * polling, or a CPU that waits would never answer the flush of the one that
 * holds it; so every wait polls.  OBJECT, PINS, SLAB and LIST are never held
 * across a flush.  Preemption is off while any is held.
 */
#ifndef LP_CORE_LOCK_H
#define LP_CORE_LOCK_H

#include "base.h"

struct LP_TSA(capability("ticket lock")) lp_ticket_lock {
    _Atomic uint32_t next;    /* the ticket that the next one draws */
    _Atomic uint32_t serving; /* the ticket that holds the lock */
};

/*
 * Phase-fair ticket lock (Brandenburg and Anderson, "Spin-Based
 * Reader-Writer Synchronization for Multiprocessor Real-Time Systems", 2010):
 * a reader waits for at most one writer, a writer for the readers before it.
 * The low two bits of rin say whether a writer is present, and its phase; the
 * rest of rin and all of rout count readers in steps of LP_RW_READER.
 */
struct LP_TSA(capability("space lock")) lp_rwlock {
    _Atomic uint32_t rin, rout;
    _Atomic uint32_t win, wout;
};

enum {
    LP_RW_PHASE = 1,   /* which of two writers in a row: they alternate */
    LP_RW_PRESENT = 2, /* a writer is waiting or at work */
    LP_RW_WRITER = LP_RW_PHASE | LP_RW_PRESENT,
    LP_RW_READER = 4, /* one reader, in rin and rout */
};

static inline void lp_preempt_disable(const struct lp_kernel *kernel)
{
    if (kernel->preempt_disable)
        kernel->preempt_disable(kernel->ctx);
}

static inline void lp_preempt_enable(const struct lp_kernel *kernel)
{
    if (kernel->preempt_enable)
        kernel->preempt_enable(kernel->ctx);
}

static inline void lp_poll(const struct lp_kernel *kernel)
{
    if (kernel->poll)
        kernel->poll(kernel->ctx);
}

/*
 * Only for assertions: is the lock held for writing (or about to be), for
 * reading or writing?
 */
static inline bool lp_locked_writing(const struct lp_rwlock *lock)
{
    return atomic_load_explicit(&lock->win, memory_order_relaxed) !=
           atomic_load_explicit(&lock->wout, memory_order_relaxed);
}

static inline bool lp_locked(const struct lp_rwlock *lock)
{
    return lp_locked_writing(lock) ||
           atomic_load_explicit(&lock->rin, memory_order_relaxed) !=
               atomic_load_explicit(&lock->rout, memory_order_relaxed);
}

void lp_ticket_lock(const struct lp_kernel *kernel, struct lp_ticket_lock *lock)
    LP_TSA(acquire_capability(*lock));
void lp_ticket_unlock(const struct lp_kernel *kernel,
                      struct lp_ticket_lock *lock)
    LP_TSA(release_capability(*lock));

/* The reader that comes while a writer is present. */
void lp_read_lock_wait(const struct lp_kernel *kernel, struct lp_rwlock *lock,
                       uint32_t writer);

static inline void lp_read_lock(const struct lp_kernel *kernel,
                                struct lp_rwlock *lock)
    LP_TSA(acquire_shared_capability(*lock));
static inline void lp_read_unlock(const struct lp_kernel *kernel,
                                  struct lp_rwlock *lock)
    LP_TSA(release_shared_capability(*lock));

LP_NO_TSA static inline void lp_read_lock(const struct lp_kernel *kernel,
                                          struct lp_rwlock *lock)
{
    uint32_t writer;

    lp_preempt_disable(kernel);
    writer = atomic_fetch_add_explicit(&lock->rin, LP_RW_READER,
                                       memory_order_acquire) &
             LP_RW_WRITER;
    if (lp_unlikely(writer))
        lp_read_lock_wait(kernel, lock, writer);
}

LP_NO_TSA static inline void lp_read_unlock(const struct lp_kernel *kernel,
                                            struct lp_rwlock *lock)
{
    atomic_fetch_add_explicit(&lock->rout, LP_RW_READER, memory_order_release);
    lp_preempt_enable(kernel);
}

void lp_write_lock(const struct lp_kernel *kernel, struct lp_rwlock *lock)
    LP_TSA(acquire_capability(*lock));
void lp_write_unlock(const struct lp_kernel *kernel, struct lp_rwlock *lock)
    LP_TSA(release_capability(*lock));

#endif
