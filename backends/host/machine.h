/*
 * machine.h: the inside of the host machine; see lazypager/host.h.
 *
 *     machine.c  making one, the oracles' mouth     cpus.c   CPUs, cross-CPU calls
 *     frames.c   physical memory                    cache.c  a TLB: a hash table
 *     walk.c     translation: TLB, then a walk      flush.c  struct lp_arch
 *     walk_*.c   one architecture's entries each    access.c loads and stores
 *     check.c    TLB <= PTE <= VMA                  space.c  what needs the core
 *     icache.c   what has been fetched
 *
 * Locks.  A CPU's `lock` guards what it has cached; it is taken for a
 * translation, a flush, and by a CPU that frees a frame and has to look into
 * all of them.  A mailbox has a mutex of its own.  The order is
 *
 *     free-frame list | mailbox  ->  one CPU's lock  ->  report
 *
 * and no lock is held while the library is called.
 *
 * Key: (C) constant after creation, (A) atomic, (L) under the CPU's lock,
 * (M) under the mailbox's mutex, (O) touched by the CPU's own thread only.
 */
#ifndef LP_HOST_MACHINE_H
#define LP_HOST_MACHINE_H

#include <lazypager/host.h>
#include <lazypager/watch.h>

#include <pthread.h>
#include <stdatomic.h>

#include "walk.h"

/*
 * An entry of a TLB, or of a cache of upper levels.
 *
 * Leaf entries are kept for single pages also when the leaf maps more: a CPU
 * may do so (Intel SDM vol. 3A, 4.10.2.3), and a flush of any address in the
 * large page must then drop all its fragments.
 */
struct lp_host_cached {
    uint64_t key;   /* lp_host_leaf_key or lp_host_table_key; 0: free */
    lp_pa pa;       /* the page, or the table that the entry points at */
    uint8_t rights; /* what the path down to here grants: LP_READ, ... */
    uint8_t level;  /* of the page-table entry this comes from */
    bool negative;  /* the entry was not valid */
    bool dirty;     /* D was set: stores do not look at the tables again */
    uint32_t since; /* of a store: how often its frame had been written back */
};

/* A hash table of them: open addressing, linear probing. */
struct lp_host_cache {
    struct lp_host_cached *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    size_t nbig; /* entries with level > 0 */
};

/* What a CPU keeps for one ASID.  All (L). */
struct lp_host_asid {
    lp_pa root;     /* as of its last activation; LP_PA_NONE: none */
    bool condemned; /* became stale while away: flush before use */
    uint32_t number;
    struct lp_space *space;
    struct lp_host_cache leaves;
    struct lp_host_cache tables; /* upper levels */
    struct lp_host_cache stores; /* pages stored to: what D must show */
};

/* A cross-CPU call; lives on the caller's stack. */
struct lp_host_call {
    void (*fn)(void *arg);
    void *arg;
    struct lp_host_call *next; /* (M) */
    _Atomic uint32_t done;     /* (A) */
};

enum { LP_HOST_RECENT = 8 };

struct lp_host_cpu {
    struct lp_host *m; /* (C) */
    unsigned number;   /* (C) */

    _Atomic uint32_t locked;      /* (A) `lock` */
    struct lp_host_asid **asids;  /* (L) indexed by number, grows */
    uint32_t nasids;              /* (L) */
    struct lp_host_asid *active;  /* (L) NULL: no root yet */
    struct lp_host_cache global;  /* (L) leaves of all ASIDs */
    struct lp_space *space;       /* (O) */
    unsigned char **code;         /* (O) by frame: a copy, or NULL; or NULL */
    _Atomic uint32_t code_fenced; /* (A) drop it before the next access */

    _Atomic uint32_t accesses;    /* (A) odd: between translation and bytes */
    unsigned preempt;             /* (O) nesting of preempt_disable */
    unsigned interrupt;           /* (O) serving cross-CPU calls */
    uint64_t polls;               /* (O) in a row */
    uint64_t poll_start;          /* (O) */
    uint64_t random;              /* (O) */
    lp_va recent[LP_HOST_RECENT]; /* (O) addresses used last */
    unsigned nrecent;             /* (O) */
    struct lp_fault_result last_fault; /* (O) */
    struct lp_host_stats stats;        /* (O) */

    pthread_mutex_t mailbox;
    struct lp_host_call *calls; /* (M) */
    _Atomic uint32_t pending;   /* (A) calls is not empty */
    _Atomic uint32_t running;   /* (A) a thread is this CPU now */
    _Atomic uint32_t waits_for; /* (A) 1 + the CPU it calls; 0: none */
};

/* What the machine knows of a frame.  All (A). */
struct lp_host_frame {
    _Atomic uint32_t serial;  /* 1 + number of its allocation; 0: free */
    _Atomic uint32_t cached;  /* cached entries that lead here */
    _Atomic uint32_t roots;   /* ASIDs of CPUs that have it as root */
    _Atomic uint32_t stored;  /* stored to; not yet written back */
    _Atomic uint32_t written; /* how often it was written back */
};

/* The functions of the core that the machine needs once there is a space. */
struct lp_host_core {
    int (*fault)(struct lp_space *space, const struct lp_fault *fault,
                 struct lp_fault_result *result);
    bool (*next_area)(struct lp_space *space, lp_va va, struct lp_area *area);
    int (*query)(struct lp_space *space, lp_va va, struct lp_page_info *info);
    /* NULL, or: has any mapping of this page of a shared area its D set? */
    bool (*dirty_anywhere)(struct lp_space *space, lp_va va, lp_pa pa);
};

struct lp_host {
    struct lp_host_config config;        /* (C) defaults filled in */
    struct lp_arch arch;                 /* (C) */
    struct lp_kernel kernel;             /* (C) */
    const struct lp_host_walker *walker; /* (C) */
    bool negative;                       /* (C) caches what was not valid */
    bool threads;                        /* (C) */
    _Atomic(const struct lp_host_core *) core; /* (A) */

    unsigned char *arena;           /* (C) frame memory */
    struct lp_host_frame *frames;   /* (C) one for each */
    lp_pa frames_end;               /* (C) */
    unsigned char *device;          /* (C) */
    lp_pa device_start, device_end; /* (C) */
    size_t records_len;             /* (C) of kernel.frame_records */

    pthread_mutex_t free_lock;
    uint32_t *free_list; /* under free_lock, as all below */
    uint64_t nfree;
    uint64_t allocations, frees;
    uint64_t fail_at; /* number of the allocation; 0: none */
    bool fail_after;  /* and all later ones */
    uint64_t random;

    struct lp_host_cpu *cpus; /* (C) */
    unsigned current;         /* without threads: the current CPU */
    bool checking;            /* in lp_host_check */

    pthread_mutex_t report;
    _Atomic uint64_t failures; /* (A) */
    char message[512];         /* under report */
};

/* --- machine.c --- */

/* An oracle has failed: count it, keep the message, tell. */
void lp_host_fail(struct lp_host *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

uint64_t lp_host_random(uint64_t *state);
uint64_t lp_host_now_ms(void);

/* --- frames.c --- */

/* false: out of memory. */
bool lp_host_frames_create(struct lp_host *m);
void lp_host_frames_destroy(struct lp_host *m);

/* Fill in the part of struct lp_kernel that is about frames. */
void lp_host_frames_kernel(struct lp_host *m);

/* The record of the frame that holds pa; NULL: no frame is there. */
struct lp_host_frame *lp_host_frame_of(struct lp_host *m, lp_pa pa);

/*
 * lp_host_reach: hardware is about to use the memory at pa: where it is.  NULL,
 * after a report, when it is a free frame or nothing.  why: "page table" ...
 */
void *lp_host_reach(struct lp_host *m, lp_pa pa, const char *why, lp_va va);

/* --- cache.c --- */

/* The keys.  A page number has at most 45 bits: 57 - 12. */
uint64_t lp_host_leaf_key(lp_va va);
uint64_t lp_host_table_key(const struct lp_host_walker *w, unsigned level,
                           lp_va va);
/* The first address that a leaf's or table's key stands for. */
lp_va lp_host_key_va(const struct lp_host_walker *w,
                     const struct lp_host_cached *entry, bool table);

struct lp_host_cached *lp_host_cache_find(const struct lp_host_cache *cache,
                                          uint64_t key);
/* Insert or replace.  The machine's caches keep frames' `cached` counts right,
 * so this and the two below are called only by lp_host_remember and friends. */
void lp_host_cache_put(struct lp_host_cache *cache,
                       const struct lp_host_cached *entry);
void lp_host_cache_remove(struct lp_host_cache *cache, uint64_t key);
/* Keep only those entries for which keep says so. */
void lp_host_cache_filter(struct lp_host_cache *cache,
                          bool (*keep)(void *ctx, struct lp_host_cached *),
                          void *ctx);
void lp_host_cache_free(struct lp_host_cache *cache);

/* --- flush.c --- */

void lp_host_arch_init(struct lp_host *m);
/* Cache an entry, count its frame.  CPU locked. */
void lp_host_remember(struct lp_host_cpu *cpu, struct lp_host_cache *cache,
                      const struct lp_host_cached *entry);
/* Forget one entry, if it is there.  CPU locked. */
void lp_host_forget(struct lp_host_cpu *cpu, struct lp_host_cache *cache,
                    uint64_t key);
/* Forget all of an ASID, and mark it.  CPU locked. */
void lp_host_condemn(struct lp_host_cpu *cpu, struct lp_host_asid *asid);
/* Forget everything about va, as a page fault on x86 does.  CPU locked. */
void lp_host_forget_va(struct lp_host_cpu *cpu, lp_va va);
/* A frame has just been freed: report or condemn what still leads there. */
void lp_host_check_freed(struct lp_host *m, struct lp_host_frame *frame,
                         lp_pa pa);
void lp_host_drop_asids(struct lp_host_cpu *cpu);
/* fence_cpus of struct lp_kernel, arguments looked at. */
void lp_host_fence(struct lp_host *m, const struct lp_cpuset *cpus,
                   const struct lp_flush *what, unsigned n);

/* --- access.c --- */

/* Wait until an access that this CPU may be in the middle of is over. */
void lp_host_access_over(struct lp_host_cpu *cpu);

/* --- icache.c --- */

/* What this CPU fetches from the page at pa, which is at `page`. */
unsigned char *lp_host_icache(struct lp_host_cpu *cpu, lp_pa pa,
                              unsigned char *page);
/* Forget all of it; by the CPU itself. */
void lp_host_icache_drop(struct lp_host_cpu *cpu);
/* An access begins: do so if another one said so. */
void lp_host_icache_enter(struct lp_host_cpu *cpu);
/* Say so; accesses that use it are over when this returns. */
void lp_host_icache_fence(struct lp_host_cpu *cpu);

/* --- cpus.c --- */

bool lp_host_cpus_create(struct lp_host *m);
void lp_host_cpus_destroy(struct lp_host *m);
void lp_host_kernel_init(struct lp_host *m);
struct lp_host_cpu *lp_host_this_cpu(struct lp_host *m);
void lp_host_lock(struct lp_host_cpu *cpu);
void lp_host_unlock(struct lp_host_cpu *cpu);
/* Serve pending calls; cpu is this thread's. */
void lp_host_serve(struct lp_host_cpu *cpu);
/* The library must have preemption off now; `what` it is doing. */
void lp_host_expect_preempt_off(struct lp_host_cpu *cpu, const char *what);

/* --- walk.c --- */

/* How a translation ended. */
enum lp_host_outcome {
    LP_HOST_HIT,        /* *cached is what the access uses */
    LP_HOST_PAGE_FAULT, /* *flags: LP_FAULT_* but USER */
    LP_HOST_NOT_CANONICAL,
    LP_HOST_STUCK, /* an oracle failed */
};

/*
 * lp_host_translate_on: TLB, then walk, for one access of this CPU.
 *
 * => access: one of LP_READ, LP_WRITE, LP_EXEC.  Locks the CPU.
 * => HIT: cached->pa is the page.
 */
enum lp_host_outcome lp_host_translate_on(struct lp_host_cpu *cpu,
                                          enum lp_host_mode mode,
                                          unsigned access, lp_va va,
                                          struct lp_host_cached *cached,
                                          unsigned *flags);

/*
 * lp_host_look: what the tables at root say about va, down to `level`; nothing
 * cached is used and nothing changes.  False: not valid there, or a large
 * leaf above a level that was asked for as a table.
 */
bool lp_host_look(struct lp_host *m, lp_pa root, lp_va va, unsigned level,
                  struct lp_host_cached *out);
/* Walk to recently used addresses (LP_HOST_SPECULATE). */
void lp_host_speculate(struct lp_host *m);

#endif
