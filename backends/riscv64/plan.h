/*
 * plan.h: which fences a flush takes, as data.
 *
 * A flush is turned into a list of at most three operations by a pure function,
 * and tlb.c executes them one by one.  So that the choice, where the mistakes
 * are made, is tested on every machine, against a model of the manual's text;
 * emulators flush everything at any SFENCE.VMA and would not show a wrong one.
 *
 * Manual: Privileged 1.12, 4.2.1 (SFENCE.VMA) and chapter 7 (Svinval).  What
 * SFENCE.VMA rs1, rs2 makes this hart forget:
 *
 *     rs1   rs2    levels   addresses   address spaces
 *     x0    x0     all      all         all, global entries too
 *     x0    asid   all      all         that one, but global entries
 *     va    x0     leaves   that of va  all, global entries too
 *     va    asid   leaves   that of va  that one, but global entries
 *
 * An address never reaches the levels above.  x0 is the register that it names:
 * another register that holds 0 means the address 0, or ASID 0.
 */
#ifndef LP_RISCV64_PLAN_H
#define LP_RISCV64_PLAN_H

#include <lazypager/riscv64.h>

enum {
    /*
     * Up to so many pages are flushed one by one, more by dropping the whole
     * ASID.  Each SFENCE.VMA waits for the hart's earlier stores and stops its
     * pipeline; an entry dropped for nothing costs one walk, whose upper levels
     * come from caches: about the same.  And a first-level TLB holds a few
     * dozen entries, so that beyond this there is little left to save.  Not
     * measured: emulators have no such costs.
     */
    LP_RISCV64_PAGES_MAX = 32,
    LP_RISCV64_OPS_MAX = 3,
};

enum lp_riscv64_op_kind {
    LP_RISCV64_SFENCE,  /* SFENCE.VMA, operands as below */
    LP_RISCV64_W_INVAL, /* SFENCE.W.INVAL: earlier stores before SINVALs */
    LP_RISCV64_SINVAL,  /* SINVAL.VMA, operands as below */
    LP_RISCV64_INVAL_IR /* SFENCE.INVAL.IR: SINVALs before later walks */
};

struct lp_riscv64_op {
    enum lp_riscv64_op_kind kind;
    bool by_va;   /* for each page of [start, end), which may end at 2^64
                     (end 0), not empty; else rs1 is x0 */
    bool by_asid; /* rs2 holds asid; else rs2 is x0 */
    uint32_t asid;
    lp_va start, end;
};

struct lp_riscv64_plan {
    unsigned n;
    struct lp_riscv64_op op[LP_RISCV64_OPS_MAX];
};

/*
 * lp_riscv64_plan: the operations that make a hart forget what `what` says.
 *
 * => what: as in lp_arch.flush.  None are needed for an empty range whose
 *    tables have not changed.
 * => executed in order, on the hart that shall forget.
 */
struct lp_riscv64_plan lp_riscv64_plan(
    const struct lp_riscv64_features *features, const struct lp_flush *what);

/*
 * lp_riscv64_satp: the value of satp that makes a hart walk the tables at root
 * (4.1.11).  levels: 3, 4 or 5; asid at most 16 bits.
 */
uint64_t lp_riscv64_satp(unsigned levels, uint32_t asid, lp_pa root);

/*
 * lp_riscv64_describe: all of lp_riscv64_setup but the functions that execute
 * instructions.
 */
LP_MUST_CHECK
int lp_riscv64_describe(struct lp_riscv64 *out,
                        const struct lp_riscv64_features *features,
                        unsigned levels);

#endif
