/*
 * riscv64.h: page tables and TLBs of 64-bit RISC-V processors: Sv39, Sv48 and
 * Sv57.
 *
 * A kernel learns what its harts have (lp_riscv64_isa_decode from the device
 * tree, lp_riscv64_probe from satp), calls lp_riscv64_setup once, and hands
 * &riscv64.arch to lp_pager_create.  What is declared here is plain C, compiled
 * and tested on every machine, but for the functions that say "on a hart":
 * those are in the backend built for this architecture only.
 *
 * Manual: RISC-V Privileged Architecture 1.12 (20211203), chapter 4
 * (Supervisor-Level ISA), which numbers without a name below belong to: 4.3.1
 * has the bits of an entry, 4.3.2 the walk, 4.4 to 4.6 the three modes, 4.2.1
 * SFENCE.VMA, 4.1.11 satp.  "Unprivileged" is the Unprivileged ISA 20191213.
 *
 * What the kernel must have set up on each hart before it activates a space:
 *
 * => It runs in S mode, with mstatus.TVM clear: satp, SFENCE.VMA and SINVAL.VMA
 *    trap otherwise (3.1.6.5).  OpenSBI leaves it clear.
 * => sstatus.SUM is clear but in the kernel's own copy routines, and sstatus.MXR
 *    is clear: with it loads from execute-only pages succeed (4.1.1).
 * => All harts have the same features.  Where they differ the kernel hands the
 *    least of them to lp_riscv64_setup.
 *
 * The manual numbers levels as arch.h does.  Every level may hold a leaf:
 *
 *     level   an entry maps   in
 *         4   256 TiB         Sv57
 *         3   512 GiB         Sv48, Sv57
 *         2   1 GiB           all
 *         1   2 MiB           all
 *         0   4 KiB           all
 */
#ifndef LAZYPAGER_RISCV64_H
#define LAZYPAGER_RISCV64_H

#include <lazypager/arch.h>
#include <lazypager/error.h>

/*
 * Svpbmt: page-based memory types (chapter 6; bits 62:61 of a leaf).
 *
 * Without Svpbmt the two bits are reserved and fault, so the formats below do
 * not use them: every cache mode is 0 and the platform's own attributes of the
 * physical address (PMA, 3.6) decide.  With it lp_riscv64_setup puts NC into its
 * copy for write-through and write-combining, IO for uncached.
 */
/* Non-cacheable, idempotent, weakly ordered: main memory. */
#define LP_RISCV64_PBMT_NC ((uint64_t)1 << 61)
/* Non-cacheable, non-idempotent, strongly ordered: I/O. */
#define LP_RISCV64_PBMT_IO ((uint64_t)2 << 61)

LP_BEGIN_DECLS

/*
 * The three formats; they differ in depth alone.
 *
 * => Execute-only exists.  W without R is reserved (table 4.5), so LP_WRITE
 *    alone is readable.
 * => hardware_ad is false: the pager sets A when it makes an entry, D when it
 *    makes one for a store, and both when it meets a fault over them.  That is
 *    needed where hardware faults on a clear A or D (Svade) and harmless where
 *    it sets them itself (Svadu); 4.3.1 permits either.
 * => A table entry has no permissions, and its D, A and U are reserved (4.3.1).
 *    So an unowned one is not valid: hardware ignores it, its address stays in
 *    place and bits 3:1 hold LP_ABSENT_TABLE.
 * => Bits 60:54 are reserved and bit 63 (N) is Svnapot's (chapter 5); all are 0
 *    in every entry.
 * => The last page below the border is left out of the user range, so that no
 *    user instruction ends on the border.
 * => The CPU may cache that an entry was not valid (4.2.1), so lp_riscv64_setup
 *    sets lp_arch.caches_invalid.
 */
extern const struct lp_pte_format lp_riscv64_format_sv39;
extern const struct lp_pte_format lp_riscv64_format_sv48;
extern const struct lp_pte_format lp_riscv64_format_sv57;

/* --- what the harts have --- */

/* All zero: the base architecture, nothing optional, nothing probed. */
struct lp_riscv64_features {
    /* Chapter 7: SINVAL.VMA between SFENCE.W.INVAL and SFENCE.INVAL.IR. */
    bool svinval;
    /* Chapter 5: N, contiguous leaves.  Known, not used: the core maps pages
     * of 4 KiB. */
    bool svnapot;
    /* Chapter 6, and menvcfg.PBMTE is set (3.1.18), which only the firmware can
     * do; a kernel whose firmware does not clears this. */
    bool svpbmt;
    /* Whether a clear A or D faults (Svade) or is set by hardware (Svadu).
     * Known, not used: the formats are right for both. */
    bool svade, svadu;
    /* Bits of satp.ASID that stick, 0..16. */
    unsigned asid_bits;
    /* The deepest mode satp accepts: 5 Sv57, 4 Sv48, 3 Sv39; 0: not probed, or
     * none.  A hart with one has those below too (4.5, 4.6). */
    unsigned levels_max;
};

/*
 * lp_riscv64_isa_decode: read the device tree's "riscv,isa" string, such as
 * "rv64imafdcsuh_zicsr_svinval_svpbmt", into the flags of *out.
 *
 * Upper and lower case are one; names of more than one letter stand behind the
 * single letters or behind a '_'; a version ("svinval1p0") is skipped; unknown
 * names are.  Sets every flag to what the string says and leaves asid_bits and
 * levels_max alone, so it may come before or after the probe.
 *
 * => isa: NUL-terminated.
 * => returns 0, or -LP_EINVAL, *out unchanged: the string is not one of a
 *    64-bit hart.
 * => any context, no locks.  Uses no address but its arguments': may run before
 *    a kernel linked elsewhere has paging on, as all functions of this section.
 */
LP_MUST_CHECK
int lp_riscv64_isa_decode(const char *isa, struct lp_riscv64_features *out);

/*
 * lp_riscv64_isa_extension: set the flag of one extension, for newer device
 * trees, whose "riscv,isa-extensions" is a list of names.
 *
 * => name: len bytes, any case, no version.  An unknown one changes nothing in
 *    *out.
 * => any context, no locks.
 */
void lp_riscv64_isa_extension(const char *name, size_t len,
                              struct lp_riscv64_features *out);

/*
 * lp_riscv64_probe: try Sv57, Sv48, Sv39 in satp, in this order, and count the
 * bits of the ASID that stick (on a hart).
 *
 * A write of a mode that the hart does not have changes nothing (4.1.11), but
 * one that it has turns translation on at that moment.  So the probe puts one
 * leaf into `root`, which maps the 1 GiB, 512 GiB or 256 TiB that its own
 * instructions lie in at their own address, and between the write of satp and
 * the write that restores it touches registers only: neither stack nor data
 * need a mapping.
 *
 * => satp.MODE is Bare, so this runs at its physical address, which is below
 *    256 GiB (what Sv39 can map at its own address).
 * => root: a page-aligned page of RAM of the kernel's, named by its physical
 *    address, all bytes zero; zero again on return.
 * => S mode, interrupts off (sstatus.SIE clear).  Leaves satp Bare, and no
 *    translation of this hart's in any cache.
 * => sets levels_max and asid_bits, leaves the flags of *out alone.
 * => returns 0, also when there is no mode at all (levels_max is 0 then); or
 *    -LP_EINVAL, *out unchanged: satp is not Bare, root is not page-aligned,
 *    or the code lies too high.
 */
LP_MUST_CHECK
int lp_riscv64_probe(struct lp_riscv64_features *out, uint64_t *root);

/* --- the backend --- */

/*
 * The kernel's memory; constant after lp_riscv64_setup, in force as long as the
 * pager lives.  Not to be copied: arch.ctx points to the whole.
 */
struct lp_riscv64 {
    struct lp_arch arch;                 /* for lp_pager_create */
    struct lp_riscv64_features features; /* as given to setup */
};

/*
 * lp_riscv64_setup: fill in *out for one mode (on a hart, which is what
 * activate, flush and sync_code run on; it executes none of them).
 *
 * The format with Svpbmt's cache modes where there are any, name ("sv39" ...),
 * asid_bits, caches_invalid, ctx, and all functions; decode takes a struct
 * lp_riscv64_fault.
 *
 * => features: of every hart.  levels: 3, 4 or 5, and at most
 *    features->levels_max.
 * => returns 0, or -LP_EINVAL, *out unchanged: levels is not such, or asid_bits
 *    exceeds 16.
 * => any context.  Stores addresses of functions: call it where those are final,
 *    after a kernel that is linked high has its paging on.
 *
 * What activate, flush and sync_code do, and what they leave to the caller:
 *
 * => activate writes satp, then flushes if told to.  satp orders nothing and
 *    drops nothing (4.1.11); entries of another root under the same ASID are in
 *    force until the flush, in which time the kernel uses its own half alone.
 * => The kernel's half is the same in every root, its leaves are global.
 * => sync_code: FENCE.I, for stores that this hart can see already
 *    (Unprivileged, chapter 3).
 * => None of them reaches another hart.
 */
LP_MUST_CHECK
int lp_riscv64_setup(struct lp_riscv64 *out,
                     const struct lp_riscv64_features *features,
                     unsigned levels);

/*
 * What lp_arch.decode takes: three registers as they were at the trap.  stval
 * must hold the address, as every hart that runs a system with pages writes it
 * (4.1.9 would permit 0).
 */
struct lp_riscv64_fault {
    uint64_t scause;  /* what happened */
    uint64_t stval;   /* the address */
    uint64_t sstatus; /* of interest: SPP and SUM */
};

/*
 * lp_riscv64_decode: what lp_riscv64_setup puts into lp_arch.decode; raw is a
 * struct lp_riscv64_fault, ctx a struct lp_riscv64 after setup.
 *
 * => returns 0 and *out, or -LP_EINVAL and *out unchanged.  Any context.
 * => scause 12, 13 and 15 (instruction, load, store or AMO page fault; table
 *    4.2) are LP_EXEC, LP_READ and LP_WRITE; everything else is
 *    -LP_EINVAL: access faults (1, 5, 7) are no page faults.
 * => sstatus.SPP clear: LP_FAULT_USER.
 * => scause does not tell an absent page from one that S mode may not use.  But
 *    below user_end there are user pages only, which S mode never executes,
 *    and loads and stores only with SUM set (4.3.1, U); SPP set there and LP_EXEC,
 *    or SUM clear, can never succeed whatever the tables say: that is
 *    LP_FAULT_SUPERVISOR.  The trap leaves SUM as it was.
 */
int lp_riscv64_decode(void *ctx, const void *raw, struct lp_fault *out);

LP_END_DECLS

#endif
