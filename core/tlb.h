/*
 * tlb.h: which CPU may hold translations of which space, and how they are
 * made to forget.
 *
 * A CPU that runs a space is flushed by a request and answered for before the
 * flush returns.  A CPU that is away, but may still hold entries under the
 * space's ASID, is not disturbed: the space's generation has moved on, and the
 * CPU flushes when it comes back.
 *
 * A request runs our code on the other CPU, or, where the kernel has
 * fence_cpus, is a fence that the machine performs there.
 *
 * The same for instruction caches that do not watch stores: CPUs that run the
 * space are asked, others catch up when they next activate any.
 */
#ifndef LP_CORE_TLB_H
#define LP_CORE_TLB_H

#include "space.h"

/*
 * lp_tlb_flush: every CPU forgets what each of the n descriptions says (asid is
 * filled in here), and stores to tables made before are visible to every walk
 * after.  One request to each CPU, whatever n.
 *
 * => 0 < n <= LP_FENCES_MAX; preemption off; SPACE and table locks may be held, nothing else.
 */
void lp_tlb_flush(struct lp_space *space, const struct lp_flush *what,
                  unsigned n);

/*
 * lp_tlb_flush_here: this CPU forgets [start, end), page-aligned, with the
 * levels above or without; nothing if the space is not active here.
 * Preemption off.
 */
void lp_tlb_flush_here(struct lp_space *space, lp_va start, lp_va end,
                       bool tables);

/*
 * lp_tlb_flush_kernel: every CPU forgets [start, end) of the kernel's half,
 * page-aligned, whatever ASID it is cached under; with `tables` also every
 * upper-level entry.  KERNEL held.
 */
void lp_tlb_flush_kernel(struct lp_pager *pager, lp_va start, lp_va end,
                         bool tables);

/*
 * lp_tlb_flush_all: every CPU forgets everything of every space.  Preemption
 * off; SPACE and table locks may be held, nothing else.
 */
void lp_tlb_flush_all(struct lp_pager *pager);

/*
 * lp_tlb_sync_code: a page is about to become executable in the space: whatever
 * has been stored to it before is what every CPU fetches from it.  Nothing to do
 * for an `access` without LP_EXEC, or where fetches see stores by themselves.
 *
 * => before the entry: a CPU that runs the space may fetch as soon as it can.
 * => preemption off; SPACE and table locks may be held, nothing else.
 */
void lp_tlb_sync_code_slow(struct lp_space *space);

static inline void lp_tlb_sync_code(struct lp_space *space, unsigned access)
{
    if (lp_unlikely(access & space->pager->code_access))
        lp_tlb_sync_code_slow(space);
}

/*
 * lp_tlb_sync_code_kernel: the same for a page of the kernel's half, which every
 * CPU can fetch from, whatever it runs.  KERNEL held.
 */
void lp_tlb_sync_code_kernel(struct lp_pager *pager, unsigned access);

/* lp_tlb_active: does any CPU run this space? */
bool lp_tlb_active(const struct lp_space *space);

/*
 * lp_tlb_repeated: note a spurious fault from kernel mode on this CPU; true
 * when the one before it was the same, and since then the space has had no
 * other fault and no flush: then nothing that a flush mends can be wrong.
 * Preemption off.
 */
bool lp_tlb_repeated(struct lp_space *space, lp_va va);

#endif
