/*
 * kernel.h: what the embedding kernel supplies: frames, CPUs, and a few
 * optional ears.
 *
 * A member that may be NULL says so.  No function here may call the library
 * back, except where stated.  The table must stay valid and unchanged for as
 * long as the pager lives; ctx is handed to every function.
 */
#ifndef LAZYPAGER_KERNEL_H
#define LAZYPAGER_KERNEL_H

#include <lazypager/types.h>

struct lp_flush;
struct lp_trace;

/* Bounds of what the library asks for. */
enum {
    LP_FENCES_MAX = 4, /* the most descriptions in one call of fence_cpus */
};

/* How a frame should come. */
enum lp_frame_fill {
    LP_FRAME_ANY,    /* contents do not matter */
    LP_FRAME_ZEROED, /* all bytes zero */
};

/* What a kernel supplies.  Members that may be NULL say so. */
struct lp_kernel {
    void *ctx; /* handed to each function below; may be NULL */

    /*
     * frame_alloc: give the library one frame of LP_PAGE_SIZE bytes, inside
     * [frames_start, frames_end).
     * => returns 0 and *pa, or -LP_ENOMEM.
     * => may be called under any lock of the library, with preemption off, on
     *    several CPUs at once: must not sleep or call the library.
     */
    int (*frame_alloc)(void *ctx, enum lp_frame_fill fill, lp_pa *pa);
    /*
     * frame_free: take a frame back.  No TLB holds it and nothing points at
     * it.  The same context as frame_alloc.
     */
    void (*frame_free)(void *ctx, lp_pa pa);

    /*
     * The physical addresses that frame_alloc's frames come from, and those
     * that objects may name as counted memory; page-aligned.
     */
    lp_pa frames_start;
    lp_pa frames_end;
    /*
     * Memory for one record a frame: lp_frame_records_size() bytes, 16-byte
     * aligned.  Contents do not matter: lp_pager_create clears it.
     */
    void *frame_records;
    /*
     * The direct map: physical address pa is readable and writable at
     * (char *)direct_map + pa, for every frame in the range above.
     */
    void *direct_map;

    /* Number of CPUs, 1..LP_CPUS_MAX. */
    unsigned ncpus;
    /*
     * cpu: number of the CPU we are on, 0..ncpus - 1.  Called with
     * preemption off.  NULL: always 0 (then ncpus must be 1).
     */
    unsigned (*cpu)(void *ctx);
    /*
     * call_cpus: run fn(arg) on every CPU in the set, which never contains the
     * calling CPU, and return when all of them have returned from fn.
     *
     * => called with interrupts enabled, preemption off; may be under locks of
     *    the library.  So two CPUs can call each other at once: while it
     *    waits, this CPU must serve requests that come in (by taking the
     *    interrupt, or by doing what poll does).
     * => fn takes no lock, does not sleep, and may run in an interrupt handler.
     * => the request must see all stores made before it (an interrupt or a
     *    mailbox with release and acquire does).
     * => a CPU that has not started may be left out.  Where it walks a root of
     *    this pager before it can be asked, it forgets everything (arch.h,
     *    LP_FLUSH_ALL) once it can, and before it uses what may have changed.
     * May be NULL when ncpus is 1 or when there is fence_cpus.
     */
    void (*call_cpus)(void *ctx, const struct lp_cpuset *cpus,
                      void (*fn)(void *arg), void *arg);
    /*
     * fence_cpus: make every CPU in the set, which never contains the calling
     * CPU, forget what each of the n descriptions (arch.h) says, and return
     * when all have; without running code of the library there, by whatever
     * the machine has for it (RISC-V SBI: RFENCE, remote SFENCE.VMA).
     *
     * => scope is LP_FLUSH_GLOBAL, here for any range, also of user space, or
     *    LP_FLUSH_ALL: identifiers are each CPU's own, so what is described
     *    goes under every ASID and as a global entry.  With `tables` upper-level
     *    entries too: on RISC-V no form with an address will do (Privileged
     *    1.12, 4.2.1).
     * => stores to tables made before the call are visible to walks after it,
     *    and accesses that used what was forgotten are over when it returns.
     * => 1 <= n <= LP_FENCES_MAX.
     * => context as for call_cpus (preemption off, interrupts enabled); so may
     *    it leave out CPUs.
     * NULL: call_cpus is used.  When given, call_cpus is called for nothing
     * but code, where there is no sync_code_cpus.
     */
    void (*fence_cpus)(void *ctx, const struct lp_cpuset *cpus,
                       const struct lp_flush *what, unsigned n);
    /*
     * sync_code_cpus: what lp_arch.sync_code does, on every CPU in the set,
     * which never contains the calling CPU; returns when all have done it;
     * without running code of the library there (RISC-V SBI: RFENCE, remote
     * FENCE.I).  Stores made before the call are visible to the fetches after
     * it.  Context as for call_cpus.
     * NULL: call_cpus is used.  Needed where there is fence_cpus, several CPUs
     * and lp_arch.sync_code; not used without the last.
     */
    void (*sync_code_cpus)(void *ctx, const struct lp_cpuset *cpus);
    /*
     * poll: called while spinning for a lock: serve a pending call_cpus request
     * of another CPU, if interrupts do not do so by themselves, and relax (the
     * CPU's pause instruction).  Preemption is off; may be under locks of the
     * library.  NULL: spin without.
     */
    void (*poll)(void *ctx);
    /*
     * preempt_disable, preempt_enable: the library holds a spinning lock, or
     * relies on staying on this CPU, between these; they nest.  NULL for a
     * kernel that does not preempt kernel code.  Any context.
     */
    void (*preempt_disable)(void *ctx);
    void (*preempt_enable)(void *ctx);

    /*
     * low_memory: a frame was asked for and there was none.  Called with no
     * lock held and preemption as the caller of the library had it; may sleep,
     * may call the library on other spaces.  Returns true when trying again is
     * worth it.  Must return false in the end.  NULL: never worth it.
     */
    bool (*low_memory)(void *ctx);
    /*
     * assert_failed: the library found one of its own promises broken: what
     * it is, where, and two numbers that the message speaks of.  Must not
     * return.  Any context, also under locks.  NULL: the library traps (an
     * illegal instruction).
     */
    void (*assert_failed)(void *ctx, const char *what, const char *file,
                          int line, uint64_t a, uint64_t b);
    /*
     * trace: called on every decision of the fault path and at the end of every
     * verb; see watch.h.  Under locks: must not call the library.  NULL: none.
     */
    void (*trace)(void *ctx, const struct lp_trace *event);
};

LP_BEGIN_DECLS

/*
 * lp_frame_records_size: the number of bytes that frame_records needs for
 * frames in [start, end): 16 bytes a frame.
 *
 * => start and end page-aligned, start <= end.
 * => any context, no locks.
 */
size_t lp_frame_records_size(lp_pa start, lp_pa end);

LP_END_DECLS

#endif
