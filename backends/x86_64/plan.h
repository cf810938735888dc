/*
 * plan.h: which instruction a flush takes, as plain C.
 *
 * The trick: what to do is decided here, by pure functions that are tested on
 * every machine, also for processors that nobody has at hand; tlb.c only
 * executes what they say.  One operation is always enough.
 *
 * What the operations drop (SDM 4.10.4.1, and vol. 2A, INVPCID; APM 5.5); upper
 * is what a paging-structure cache holds (SDM 4.10.3):
 *
 *     operation             leaves               global      upper
 *     INVLPG va             va, current PCID     va          all, current PCID
 *     INVPCID 0 pcid va     va, pcid             none        va's, pcid
 *     INVPCID 1 pcid        all, pcid            none        all, pcid
 *     INVPCID 2             all                  all         all
 *     INVPCID 3             all                  none        all; not used
 *     MOV CR3, bit 63 = 0   all, its PCID        none        all, its PCID
 *     MOV CR4, PGE changes  all                  all         all
 *
 * With CR4.PCIDE clear everything is of PCID 0.
 */
#ifndef LP_X86_64_PLAN_H
#define LP_X86_64_PLAN_H

#include <lazypager/x86_64.h>

/*
 * The longest range, in pages, that is dropped page by page.
 *
 * INVLPG costs the same for each page, in the TLB or not; dropping the ASID
 * costs one instruction, and a walk for each page that is used again: seldom
 * more than a first-level TLB holds, 64 pages of data in most processors of
 * both makers.  Half of that is the bound, a choice and not a measurement.  It
 * also bounds the time that a CPU spends in a request of another one, and is
 * twice what the pager maps around a fault (16 pages).
 */
#define LP_X86_64_PAGES_MAX 32

enum lp_x86_64_operation {
    LP_X86_64_NOTHING,
    LP_X86_64_INVLPG,          /* each of npages pages from va on */
    LP_X86_64_INVPCID_PAGE,    /* type 0: the same, in pcid */
    LP_X86_64_INVPCID_CONTEXT, /* type 1: all of pcid but global ones */
    LP_X86_64_INVPCID_ALL,     /* type 2: everything */
    LP_X86_64_RELOAD_CR3,      /* with its own value, bit 63 clear */
    LP_X86_64_TOGGLE_PGE,      /* CR4.PGE clear, then set: everything */
};

struct lp_x86_64_plan {
    enum lp_x86_64_operation operation;
    /* Canonical, in steps of LP_PAGE_SIZE; 0 where the operation has none. */
    lp_va va;
    uint64_t npages; /* 1..LP_X86_64_PAGES_MAX */
    uint32_t pcid;
};

/*
 * lp_x86_64_plan: the operation that carries out a flush.
 *
 * => features: what is used, as lp_x86_64_setup left it: pcid implies pge.
 * => current: the PCID in CR3; 0 where PCIDs are not used.
 * => pure; any context.
 */
struct lp_x86_64_plan lp_x86_64_plan(const struct lp_x86_64_features *features,
                                     const struct lp_flush *what,
                                     uint32_t current);

/*
 * lp_x86_64_cr3: the value of CR3 that activates a root.
 *
 * => as for lp_arch.activate; features as above.  Without PCIDs, asid is 0 and
 *    the load drops everything that is not global, asked or not.
 */
uint64_t lp_x86_64_cr3(const struct lp_x86_64_features *features, lp_pa root,
                       uint32_t asid, bool flush);

/*
 * lp_x86_64_describe: all of lp_x86_64_setup but the functions that hold
 * instructions (activate and flush, left NULL).  Same contract.
 */
LP_MUST_CHECK
int lp_x86_64_describe(struct lp_x86_64 *out,
                       const struct lp_x86_64_features *features,
                       unsigned levels);

#endif
