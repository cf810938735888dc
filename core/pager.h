/*
 * pager.h: the state that spaces share, and that of each CPU.
 */
#ifndef LP_CORE_PAGER_H
#define LP_CORE_PAGER_H

#include "frame.h"
#include "slab.h"
#include "vma.h"

/* One of a CPU's address-space identifiers: which space has it, and how much
 * of that space's flushes this CPU has seen. */
struct lp_asid {
    uint64_t space; /* its id; 0: free */
    uint64_t seen;  /* flush generation; 0: flush before use */
};

/*
 * What the pager knows of a CPU.  Written by that CPU only, with preemption
 * off (a cross-CPU request runs on that CPU too).
 */
struct lp_cpu {
    struct lp_space *current; /* whose tables it walks; NULL: the pager's */
    uint32_t asid;            /* index of current's entry */
    uint32_t next;            /* the entry to take over next */
    /* The last spurious fault from kernel mode: twice in a row is refused. */
    lp_va spurious;
    uint64_t spurious_space;      /* its space's id; 0: none */
    uint64_t spurious_faults;     /* how many faults the space had had then */
    uint64_t spurious_generation; /* ... and how many flushes */
    uint64_t code; /* up to which the instruction cache is right */
    struct lp_asid asids[LP_ASIDS_PER_CPU];
};

/* Records of CPUs lie in frames, some to a frame, apart from each other. */
#define LP_CPU_RECORD 256
#define LP_CPUS_PER_FRAME (LP_PAGE_SIZE / LP_CPU_RECORD)
_Static_assert(sizeof(struct lp_cpu) <= LP_CPU_RECORD,
               "LP_ASIDS_PER_CPU is too large");

#define LP_NCOUNTERS (sizeof(struct lp_stats) / sizeof(uint64_t))

struct lp_pager {
    const struct lp_arch *arch;     /* (C) */
    const struct lp_kernel *kernel; /* (C) */
    struct lp_pte_format format;    /* (C) the arch's, nearer */
    uint64_t pa_mask;               /* (C) the address's bits in an entry */
    unsigned pa_rotate;             /* (C) ... to the left: the address */
    unsigned exec_implies; /* (C) what hardware grants with LP_EXEC: LP_READ */
    unsigned code_access;  /* (C) needs lp_arch.sync_code: LP_EXEC, or none */
    struct lp_bit_test owned_table; /* (C) a table entry that is owned */
    struct lp_frames frames;        /* (C) */
    struct lp_options options;      /* (C) defaults filled in */
    lp_pa self;                     /* (C) the frame this lies in */
    lp_pa zero_page;                /* (C) immortal */
    lp_pa root;                     /* (C) the kernel's half only */
    unsigned nkernel_ranges;        /* (C) */
    struct lp_range kernel_range[LP_KERNEL_RANGES_MAX]; /* (C) managed */
    uint32_t nasids; /* (C) identifiers that a CPU has */
    struct lp_cpu *cpus[LP_CPUS_MAX / LP_CPUS_PER_FRAME]; /* (C) */

    struct lp_slab space_slab;  /* (own lock) */
    struct lp_slab object_slab; /* (own lock) */
    struct lp_slab cache_slab;  /* (own lock) */
    struct lp_vma_pools vma_pools;

    struct lp_ticket_lock kernel_lock; /* KERNEL: the tables of ktable.h */

    struct lp_ticket_lock list_lock; /* LIST */
    struct lp_space *spaces;         /* (LIST) all spaces */
    struct lp_object *objects;       /* (LIST) all objects */
    uint64_t past[LP_NCOUNTERS];     /* (LIST) counters of spaces gone */
    _Atomic uint64_t next_id;        /* (A) of spaces; never used twice */
    _Atomic uint64_t code; /* (A) raised before a page becomes executable */
    _Atomic uint64_t lost_writes; /* (A) */
    uint32_t check_round;         /* of lp_check */
};
_Static_assert(sizeof(struct lp_pager) <= LP_PAGE_SIZE,
               "LP_CPUS_MAX is too large for one frame of state");

static inline struct lp_cpu *lp_cpu_at(struct lp_pager *pager, unsigned cpu)
{
    return (void *)((char *)pager->cpus[cpu / LP_CPUS_PER_FRAME] +
                    cpu % LP_CPUS_PER_FRAME * LP_CPU_RECORD);
}

/* Number of the CPU we are on.  Preemption off. */
static inline unsigned lp_this_cpu(const struct lp_pager *pager)
{
    const struct lp_kernel *kernel = pager->kernel;

    return kernel->cpu ? kernel->cpu(kernel->ctx) : 0;
}

#endif
