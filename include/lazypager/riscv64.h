/*
 * riscv64.h: page tables of 64-bit RISC-V processors: Sv39, Sv48 and Sv57.
 *
 * A kernel copies one of the formats below into its struct lp_arch.  They are
 * constants in plain C: they compile, and are tested, on every machine.
 *
 * Manual: RISC-V Privileged Architecture 1.12 (20211203), chapter 4
 * (Supervisor-Level ISA): 4.3.1 has the bits of an entry, 4.3.2 the walk, 4.4
 * to 4.6 the three modes.
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

/*
 * Svpbmt: page-based memory types (chapter 6; bits 62:61 of a leaf).
 *
 * Without Svpbmt the two bits are reserved and fault, so the formats below do
 * not use them: every cache mode is 0 and the platform's own attributes of the
 * physical address (PMA, 3.6) decide.  A backend that knows that Svpbmt is
 * there and that menvcfg.PBMTE is set (3.1.18) puts these into its copy:
 *
 *     format.cache[LP_CACHE_WRITETHROUGH] = LP_RISCV64_PBMT_NC;
 *     format.cache[LP_CACHE_WRITECOMBINE] = LP_RISCV64_PBMT_NC;
 *     format.cache[LP_CACHE_UNCACHED] = LP_RISCV64_PBMT_IO;
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
 * => The CPU may cache that an entry was not valid (4.2.1), so a backend sets
 *    lp_arch.caches_invalid.
 */
extern const struct lp_pte_format lp_riscv64_format_sv39;
extern const struct lp_pte_format lp_riscv64_format_sv48;
extern const struct lp_pte_format lp_riscv64_format_sv57;

LP_END_DECLS

#endif
