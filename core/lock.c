/*
 * lock.c: ticket lock and phase-fair reader/writer lock.
 *
 * Every wait polls, so that a CPU that waits here still answers the flush that
 * the holder of the lock may be waiting for.
 */
#include "lock.h"

LP_NO_TSA void lp_ticket_lock(const struct lp_kernel *kernel,
                              struct lp_ticket_lock *lock)
{
    uint32_t mine;

    lp_preempt_disable(kernel);
    mine = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (atomic_load_explicit(&lock->serving, memory_order_acquire) != mine)
        lp_poll(kernel);
}

LP_NO_TSA void lp_ticket_unlock(const struct lp_kernel *kernel,
                                struct lp_ticket_lock *lock)
{
    uint32_t mine = atomic_load_explicit(&lock->serving, memory_order_relaxed);

    atomic_store_explicit(&lock->serving, mine + 1, memory_order_release);
    lp_preempt_enable(kernel);
}

void lp_read_lock_wait(const struct lp_kernel *kernel, struct lp_rwlock *lock,
                       uint32_t writer)
{
    /* Wait for this writer only: when its phase is over it is our turn. */
    while ((atomic_load_explicit(&lock->rin, memory_order_acquire) &
            LP_RW_WRITER) == writer)
        lp_poll(kernel);
}

LP_NO_TSA void lp_write_lock(const struct lp_kernel *kernel,
                             struct lp_rwlock *lock)
{
    uint32_t ticket, readers, mark;

    lp_preempt_disable(kernel);
    ticket = atomic_fetch_add_explicit(&lock->win, 1, memory_order_relaxed);
    while (atomic_load_explicit(&lock->wout, memory_order_acquire) != ticket)
        lp_poll(kernel);
    mark = LP_RW_PRESENT | (ticket & LP_RW_PHASE);
    readers = atomic_fetch_add_explicit(&lock->rin, mark, memory_order_acquire);
    while (atomic_load_explicit(&lock->rout, memory_order_acquire) != readers)
        lp_poll(kernel);
}

LP_NO_TSA void lp_write_unlock(const struct lp_kernel *kernel,
                               struct lp_rwlock *lock)
{
    uint32_t ticket = atomic_load_explicit(&lock->wout, memory_order_relaxed);

    atomic_fetch_and_explicit(&lock->rin, ~(uint32_t)LP_RW_WRITER,
                              memory_order_release);
    atomic_store_explicit(&lock->wout, ticket + 1, memory_order_release);
    lp_preempt_enable(kernel);
}
