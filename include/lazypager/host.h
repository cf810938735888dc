/*
 * host.h: the host machine: a kernel and a set of CPUs inside one process,
 * worse than real hardware, on which the library is tested and tried out.
 *
 * It fills the two tables a pager is made from (arch.h, kernel.h):
 *
 *     lp_host_arch(m)     page tables of the chosen format, TLBs that never
 *                         forget unless they are told to
 *     lp_host_kernel(m)   frames full of junk, virtual CPUs, cross-CPU calls
 *
 * and then plays the programs: lp_host_load, lp_host_store and lp_host_fetch go
 * through the TLB, through a page walk written from the architecture's manual
 * (not from struct lp_pte_format), and on a fault through lp_handle_fault.
 *
 * What it may do is what the manuals allow, all of it at once:
 *
 *     TLB entries, and entries of upper-level tables, stay cached for ever
 *     and are used although the tables say otherwise by now;
 *     a flush drops exactly what arch.h says it must drop, and nothing else:
 *     RANGE and ASID without `tables` drop no upper-level entry, and neither
 *     drops global entries; GLOBAL drops its range under every ASID, ALL and a
 *     flushing activate drop everything they name;
 *     an entry that lacks a right faults at once, without a new walk;
 *     a refused access caches the translation that refused it;
 *     entries that were not valid are cached as such (RISC-V), and one found
 *     so above level 0 needs a flush with `tables`;
 *     A and D are set by compare-and-swap in the tables, at any moment.
 *
 * It reports (the oracles); see lp_host_failures:
 *
 *     a walk or an access that reaches a frame that is not allocated;
 *     a frame freed while a TLB can still reach it, freed twice, never
 *     allocated, or written to while it was free;
 *     an ASID that became stale while another was active, activated without a
 *     flush; an ASID used for another root without a flush; in the upper half,
 *     the kernel's, an ASID that is stale at all: activation does not mend it;
 *     a TLB that grants more than the tables or the areas (lp_host_check);
 *     a store whose D bit is lost (lp_host_check);
 *     a fault that is resolved again and again; a wait that never ends;
 *     preemption left off, or on where kernel.h says off.
 *
 * Under AddressSanitizer, free frames are poisoned, so that also the library's
 * own accesses to them are seen.
 *
 * Threads.  Without LP_HOST_THREADS one thread drives all CPUs and switches
 * between them (lp_host_cpu_set); cross-CPU calls run at once.  With it, each
 * CPU belongs to the thread that is bound to it (lp_host_cpu_bind), and a
 * cross-CPU call goes through a mailbox that the target serves at its next
 * access, in poll, while it waits for a call itself, or when it is unbound; a
 * CPU to which no thread is bound is served by the caller, on its behalf.
 *
 * No global state: several machines at once are legal.  A thread is bound to
 * at most one CPU.
 *
 * What is common to all calls, unless one says otherwise:
 *
 * => from a thread that drives or is bound to a CPU, outside all functions that
 *    the machine or the library calls; no lock of the library held.
 */
#ifndef LAZYPAGER_HOST_H
#define LAZYPAGER_HOST_H

#include <lazypager/arch.h>
#include <lazypager/fault.h>
#include <lazypager/kernel.h>

struct lp_host;

/* Bounds and special values of struct lp_host_config. */
enum {
    LP_HOST_CPUS_MAX = 64, /* the most CPUs of a machine */
    /* lp_host_config.asid_bits: no ASIDs at all. */
    LP_HOST_NO_ASIDS = -1,
};

/* struct lp_host_config, field flags. */
enum {
    /* CPUs are threads; see above. */
    LP_HOST_THREADS = 1,
    /* No junk in frames, and no look for it (large tests, benchmarks). */
    LP_HOST_NO_JUNK = 2,
    /* Free frames come back in random order (default: last freed first). */
    LP_HOST_RANDOM_FRAMES = 4,
    /* lp_host_check after every handled fault and lp_host_activate.  Not with
     * LP_HOST_THREADS. */
    LP_HOST_CHECK_ALWAYS = 8,
    /*
     * A page fault drops what is cached for its address, as x86 does (Intel
     * SDM vol. 3A, 4.10.4.1).  Without it a library that forgets to flush
     * after a spurious fault never gets out of it.
     */
    LP_HOST_DROP_ON_FAULT = 16,
    /* Never cache that an entry was not valid, also on the Sv formats. */
    LP_HOST_NO_NEGATIVE = 32,
    /*
     * CPUs walk to recently used addresses by themselves, whenever the library
     * calls the machine: legal on all hardware (Intel SDM vol. 3A, 4.10.2.3),
     * and it refills a TLB at the worst moments.
     */
    LP_HOST_SPECULATE = 64,
    /* Count in the statistics how many dropped entries were still true. */
    LP_HOST_COUNT_TRUE = 128,
    /* x86: EFER.NXE clear; CR4.SMEP clear; CR4.SMAP clear. */
    LP_HOST_NO_NX = 256,
    LP_HOST_NO_SMEP = 512,
    LP_HOST_NO_SMAP = 1024,
    /* Sv: the extension Svpbmt; sstatus.MXR set. */
    LP_HOST_SVPBMT = 2048,
    LP_HOST_MXR = 4096,
    /*
     * The machine can make other CPUs forget by itself: struct lp_kernel has
     * fence_cpus, and call_cpus is NULL.
     */
    LP_HOST_FENCES = 8192,
    /*
     * Instruction caches do not watch stores: what a CPU has fetched from a
     * frame it fetches again, also when that is another page by now, until
     * lp_arch.sync_code.  Without it there is no sync_code.
     */
    LP_HOST_ICACHE = 16384,
};

/* What machine to make.  All zero is a good machine; lists of names below. */
struct lp_host_config {
    const char *format; /* one of lp_host_formats; NULL: "x86-64" */
    unsigned ncpus;     /* 1..LP_HOST_CPUS_MAX; 0: 1 */
    uint64_t nframes;   /* 0: 4096; reserved, not touched */
    lp_pa pa_base;      /* of the first frame; 0: 0x280000000 */
    /*
     * Pages of a device at lp_host_device(m): memory that is no frame, for
     * lp_object_create_device.  0: none.
     */
    uint64_t ndevice;
    int asid_bits;       /* 0: 12 on x86 and free, 16 on Sv; 1..16; or
                            LP_HOST_NO_ASIDS */
    unsigned flags;      /* LP_HOST_* */
    unsigned maxphyaddr; /* x86: 36..52; 0: 46 */
    /* Drop a TLB entry before its use once in so many times; 0: never. */
    unsigned evict_one_in;
    uint64_t seed; /* of everything random */
    /* A wait longer than this is a deadlock; 0: 20 seconds. */
    unsigned deadlock_seconds;

    /* Handed to the functions below, each of which may be NULL. */
    void *ctx;
    /*
     * An oracle failed.  message: one line without newline.  Called under a
     * lock of the machine with LP_HOST_THREADS, else it may leave by longjmp.
     * NULL: print the line to stderr and abort.
     */
    void (*failed)(void *ctx, const char *message);
    /*
     * A page fault: returns 0 to run the access again, else fills
     * result->code.  NULL: lp_handle_fault on the space that lp_host_activate
     * made active on this CPU.
     */
    int (*fault)(void *ctx, const struct lp_fault *fault,
                 struct lp_fault_result *result);
    /* As in struct lp_kernel: no lock held; returns whether to try again. */
    bool (*low_memory)(void *ctx);
    /* As in struct lp_kernel: under locks. */
    void (*trace)(void *ctx, const struct lp_trace *event);
};

/*
 * Names of the formats, in a list that ends with NULL:
 *
 *     x86-64, x86-64-la57          4 and 5 levels; hardware sets A and D
 *     sv39, sv48, sv57             hardware sets A and D (Svadu)
 *     sv39-svade, sv48-svade, sv57-svade
 *                                  a clear A or D faults
 *     free-w, free-v, free-v-ad    made up, 4 levels of 16 entries; unowned
 *                                  tables are write-protecting as on x86
 *                                  (w; A and D by hardware), or not valid as
 *                                  on RISC-V (v; A and D fault, -ad: by
 *                                  hardware)
 */
extern const char *const lp_host_formats[];

/* The two made-up formats; bit by bit in backends/host/walk_free.c. */
extern const struct lp_pte_format lp_host_format_free_w;
extern const struct lp_pte_format lp_host_format_free_v;

/* What became of an access.  The first six are those of lp_fault_code. */
enum lp_host_code {
    LP_HOST_OK = LP_FAULT_OK,         /* done */
    LP_HOST_MAPERR = LP_FAULT_MAPERR, /* refused: no area there */
    LP_HOST_ACCERR = LP_FAULT_ACCERR, /* refused: the area forbids it */
    LP_HOST_BUS = LP_FAULT_BUS,       /* refused: no such page in the object */
    LP_HOST_RETRY = LP_FAULT_RETRY,   /* the object is not ready */
    LP_HOST_NOMEM = LP_FAULT_NOMEM,   /* out of frames */
    LP_HOST_PROTECTION, /* x86: #GP, the address is not canonical */
    LP_HOST_FAULT,      /* lp_host_peek: there was a page fault */
    LP_HOST_BROKEN,     /* an oracle failed on the way */
};

/* In which mode the CPU is. */
enum lp_host_mode {
    LP_HOST_USER,            /* a program */
    LP_HOST_SUPERVISOR,      /* user pages are off limits (SMAP; SUM clear) */
    LP_HOST_SUPERVISOR_USER, /* ... are open (EFLAGS.AC; SUM set) */
};

/* What a trap handler would find: the argument of lp_arch.decode. */
struct lp_host_trap {
    bool page_fault; /* false: #GP */
    lp_va va;        /* the address */
    unsigned access; /* LP_READ, LP_WRITE or LP_EXEC */
    unsigned flags;  /* LP_FAULT_* */
};

/* Counters since creation, summed over the CPUs. */
struct lp_host_stats {
    uint64_t accesses;     /* page-wise */
    uint64_t tlb_hits;     /* answered without a walk */
    uint64_t walks;        /* of page tables */
    uint64_t entries_read; /* of page tables, by walks */
    uint64_t traps;        /* page faults taken */
    /* Calls of lp_arch.activate; those that flushed. */
    uint64_t activations, activations_flushing;
    /* Calls of lp_arch.flush, by enum lp_flush_scope. */
    uint64_t flushes_range, flushes_asid, flushes_all, flushes_global;
    uint64_t fences;     /* flushes by another CPU's fence_cpus */
    uint64_t code_syncs; /* calls of sync_code */
    /*
     * Leaf entries that flushes dropped; those of an activation when it flushes
     * what it had of the same root, not when its ASID gets another one.
     */
    uint64_t dropped;
    uint64_t dropped_true; /* ... that were still true (LP_HOST_COUNT_TRUE) */
    uint64_t calls;        /* cross-CPU requests served */
    uint64_t allocations;  /* calls of frame_alloc, failed ones too */
    uint64_t frees;        /* calls of frame_free */
};

LP_BEGIN_DECLS

/*
 * lp_host_create: build a machine; config NULL: all defaults.
 *
 * => returns NULL when the config makes no sense (unknown format, memory
 *    outside what the format can address) or the host is out of memory.
 * => CPU 0 is current; no root is active anywhere.
 */
struct lp_host *lp_host_create(const struct lp_host_config *config);

/* lp_host_destroy: free it all.  No thread is bound.  NULL is fine. */
void lp_host_destroy(struct lp_host *m);

/*
 * lp_host_arch, lp_host_kernel: the two tables for lp_pager_create; valid as
 * long as the machine is.
 */
const struct lp_arch *lp_host_arch(struct lp_host *m);
const struct lp_kernel *lp_host_kernel(struct lp_host *m);

/*
 * lp_host_memory: the page of frame or device memory that holds pa, at pa, or
 * NULL.  lp_host_device: physical address of the device, LP_PA_NONE: none.
 */
void *lp_host_memory(struct lp_host *m, lp_pa pa);
lp_pa lp_host_device(struct lp_host *m);

/*
 * lp_host_frames_used: frames allocated now.
 * lp_host_allocations: calls of frame_alloc so far, failed ones too.
 * lp_host_frame_used: is the frame at pa allocated?
 */
uint64_t lp_host_frames_used(struct lp_host *m);
uint64_t lp_host_allocations(struct lp_host *m);
bool lp_host_frame_used(struct lp_host *m, lp_pa pa);

/*
 * lp_host_fail_once, lp_host_fail_from: the n-th allocation from now fails, or
 * that one and all after it.  n counts from 1; 0: no more failures.
 */
void lp_host_fail_once(struct lp_host *m, uint64_t n);
void lp_host_fail_from(struct lp_host *m, uint64_t n);

/*
 * lp_host_cpu_set: make CPU number cpu current.  Not with LP_HOST_THREADS.
 * lp_host_cpu: the current CPU of this thread.
 */
void lp_host_cpu_set(struct lp_host *m, unsigned cpu);
unsigned lp_host_cpu(struct lp_host *m);

/*
 * lp_host_cpu_bind: this thread becomes CPU number cpu; waits while another thread
 * is.  lp_host_cpu_unbind: serve what is pending, and leave it; what the CPU
 * has cached and what is active on it stays.  lp_host_cpu_idle: serve what is
 * pending (a bound thread that does nothing else calls it in a loop).
 * Only with LP_HOST_THREADS (else they do nothing but set the current CPU).
 */
void lp_host_cpu_bind(struct lp_host *m, unsigned cpu);
void lp_host_cpu_unbind(struct lp_host *m);
void lp_host_cpu_idle(struct lp_host *m);

/*
 * lp_host_activate: lp_activate on the current CPU, and remember the space: its
 * faults are handled there, its areas are checked.  space NULL: none.
 */
void lp_host_activate(struct lp_host *m, struct lp_pager *pager,
                      struct lp_space *space);

/*
 * lp_host_deactivate: no root is active on the current CPU from now on, as
 * lp_pager_destroy wants it; what the CPU has cached stays.
 */
void lp_host_deactivate(struct lp_host *m);

/*
 * lp_host_load, lp_host_store, lp_host_fetch: a program on the current CPU
 * reads, writes or executes len bytes at va.
 *
 * Faults are handled and the access is run again until it succeeds or is
 * refused.  Of an access of at most 64 bytes nothing has been done when it is
 * refused; a longer one goes page by page and may be refused half way.
 *
 * => to, from: memory of the host.  to may be NULL for load and fetch: the bytes
 *    go nowhere.
 * => aligned accesses of 1, 2, 4, 8 bytes are single (relaxed) accesses.
 */
enum lp_host_code lp_host_load(struct lp_host *m, lp_va va, void *to,
                               size_t len);
enum lp_host_code lp_host_store(struct lp_host *m, lp_va va, const void *from,
                                size_t len);
enum lp_host_code lp_host_fetch(struct lp_host *m, lp_va va, void *to,
                                size_t len);

/*
 * lp_host_fetch_add: atomically add to the 64-bit word at va (8-byte aligned)
 * and give its old value (old may be NULL); an access for writing.
 * => delta wraps.  Returns what became of it, as lp_host_store.
 */
enum lp_host_code lp_host_fetch_add(struct lp_host *m, lp_va va, uint64_t delta,
                                    uint64_t *old);

/*
 * lp_host_access: lp_host_load and its like for len bytes at va in any mode,
 * to or from buffer; access: LP_READ, LP_WRITE, LP_EXEC.
 * lp_host_peek: ... but a fault is not handled: it gives LP_HOST_FAULT, and
 * what the trap handler would see in *trap (may be NULL).  Still fills the TLB
 * and sets A and D.
 * => both return what became of it.
 */
enum lp_host_code lp_host_access(struct lp_host *m, enum lp_host_mode mode,
                                 unsigned access, lp_va va, void *buffer,
                                 size_t len);
enum lp_host_code lp_host_peek(struct lp_host *m, enum lp_host_mode mode,
                               unsigned access, lp_va va, void *buffer,
                               size_t len, struct lp_host_trap *trap);

/*
 * lp_host_last_fault: what the handler answered to the last fault on the
 * current CPU.
 */
struct lp_fault_result lp_host_last_fault(struct lp_host *m);

/*
 * lp_host_translate: what the tables of the current CPU say about va now; no
 * TLB, no side effect.
 *
 * => returns the access a program would have (LP_READ ...), 0: none, and *pa
 *    (may be NULL), which is LP_PA_NONE where no page is mapped.
 */
unsigned lp_host_translate(struct lp_host *m, lp_va va, lp_pa *pa);

/*
 * lp_host_cached: what the current CPU's TLB grants at va without a walk, and
 * *pa, as above.
 */
unsigned lp_host_cached(struct lp_host *m, lp_va va, lp_pa *pa);

/*
 * lp_host_check: does any CPU's TLB grant more than the tables now do, or than
 * the areas of its space; is any D bit lost; is preemption on everywhere?
 *
 * Entries of an ASID that is not active on its CPU are legal when they are
 * stale, but then the ASID must be flushed before it is active again.
 *
 * => no call of the library is running, no other thread is in the machine.
 * => cost: a walk for every cached entry.
 * => returns true when nothing was found; each finding is a failure.
 */
bool lp_host_check(struct lp_host *m);

/*
 * lp_host_wrote_back: the object has been given this page (a pointer into
 * frame memory): its D may be clear from now on.  A test's own write function
 * of struct lp_object_ops calls it first of all; those of lp_host_file_open do.
 */
void lp_host_wrote_back(struct lp_host *m, const void *page);

/*
 * lp_host_failures: how many oracles have failed.
 * lp_host_failure: the last message, "" when there was none.
 */
uint64_t lp_host_failures(struct lp_host *m);
const char *lp_host_failure(struct lp_host *m);

/* lp_host_read_stats: add the counters up into *out; no CPU is at work. */
void lp_host_read_stats(struct lp_host *m, struct lp_host_stats *out);

/* How lp_host_file_open opens. */
enum lp_host_file_mode {
    LP_HOST_FILE_READ,  /* may be mapped readable and executable */
    LP_HOST_FILE_WRITE, /* ... and writable: the file is written back */
};

/*
 * lp_host_file_open: an object that is a file of the host.
 *
 * => path: of the host.  mode: what the object allows.
 * => m: told of each write (lp_host_wrote_back); NULL: nobody is.
 * => returns 0 and *out with one reference; -LP_ENOMEM; -LP_EINVAL; else a
 *    negative errno of the host: the path cannot be opened so, -EISDIR (a
 *    directory), -ENODEV (neither that nor a regular file).
 */
LP_MUST_CHECK
int lp_host_file_open(struct lp_host *m, struct lp_pager *pager,
                      const char *path, enum lp_host_file_mode mode,
                      struct lp_object **out);

LP_END_DECLS

#endif
