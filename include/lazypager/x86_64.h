/*
 * x86_64.h: page tables of x86-64 processors, Intel's and AMD's.
 *
 * A kernel copies one of the formats below into its struct lp_arch.  They are
 * constants in plain C: they compile, and are tested, on every machine.
 *
 * Manuals: Intel SDM vol. 3A, chapter 4 (Paging), cited as SDM; AMD64 APM
 * vol. 2, chapter 5 (Page Translation and Protection), cited as APM.
 *
 * What the manuals call the levels:
 *
 *     level   table   an entry maps   may be a leaf
 *         4   PML5    256 TiB         no
 *         3   PML4    512 GiB         no
 *         2   PDPT    1 GiB           yes (PS)
 *         1   PD      2 MiB           yes (PS)
 *         0   PT      4 KiB           always
 *
 * What the kernel must have set up on each CPU before it activates a space:
 *
 * => CR4.PAE and IA32_EFER.LME are set (SDM 4.1.1); CR4.LA57 is set for the
 *    5-level format and clear for the other.  LA57 cannot change while paging
 *    is on.
 * => IA32_EFER.NXE is set: without it bit 63 is reserved and every page that
 *    is not executable faults (SDM 4.1.4, table 4-20; APM 5.6).
 * => CR0.WP is set: without it the kernel's own stores ignore a clear W, and
 *    write through a page that is shared copy-on-write (SDM 4.6.1).
 * => User shadow stacks are off.  With CR4.CET and IA32_U_CET.SH_STK_EN a user
 *    page with W clear and D set is a shadow-stack page (SDM 4.6); here it is
 *    a dirty page shared copy-on-write.
 * => AMD: EFER.TCE is clear.  With it INVLPG keeps upper-level entries that do
 *    not lead to the address (APM 3.1.7); the pager counts on it dropping all.
 * => Protection keys are not used: bits 62:59 of each leaf are 0, so every page
 *    has key 0 (SDM 4.6.2).  SMEP and SMAP may be on.
 * => Memory encryption needs a bit of the address field in each entry that maps
 *    encrypted memory (APM 7.10): these formats do not set it.
 *
 * The address field is that of the largest processor, 52 bits.  Bits at and
 * above MAXPHYADDR are reserved (SDM 4.1.4); they stay clear as long as the
 * kernel names no frame beyond it.
 */
#ifndef LAZYPAGER_X86_64_H
#define LAZYPAGER_X86_64_H

#include <lazypager/arch.h>

/*
 * Width of a process-context identifier (SDM 4.10.1; APM 5.5): the value of
 * lp_arch.asid_bits where CPUID.01H:ECX.PCID[bit 17] is set and the kernel has
 * set CR4.PCIDE; without them it is 0.
 *
 * => A load of CR3 with bit 63 clear drops all entries of the new PCID that
 *    are not global, upper levels included; with bit 63 set it drops nothing
 *    (SDM 4.10.4.1).  With PCIDE clear bit 63 is reserved and each load drops
 *    all entries that are not global.
 * => INVLPG acts on the current PCID and on global entries, and drops all
 *    upper-level entries of the current PCID.  INVPCID reaches others
 *    (CPUID.(EAX=07H,ECX=0):EBX.INVPCID[bit 10]).
 * => Only entries with P set are cached (SDM 4.10.2.3): making one valid needs
 *    no flush, so lp_arch.caches_invalid is false (SDM 4.10.4.3).
 */
#define LP_X86_64_PCID_BITS 12

LP_BEGIN_DECLS

/*
 * The two formats; they differ in depth alone.
 *
 * => Execute-only does not exist: LP_EXEC alone is readable.
 * => Leaves at level 2 need CPUID.80000001H:EDX.Page1GB[bit 26].  Where it is
 *    missing a kernel clears bit 2 of its copy's leaf_levels.
 * => The last page below the border is left out of the user range.  A SYSCALL
 *    in its last two bytes would return to a non-canonical address, and on
 *    Intel's processors SYSRET then faults in kernel mode on the user's stack
 *    (SDM vol. 2B, SYSRET).
 * => Cache modes use PWT and PCD only, that is PAT entries 0 to 3, so that they
 *    mean the same at every level (the PAT bit itself is bit 7 in a PT entry
 *    and bit 12 above).  They assume what the PAT holds after reset (SDM vol.
 *    3A, Memory Cache Control, "Programming the PAT"; APM 7.8):
 *
 *        mode           PCD PWT   PAT entry   after reset
 *        WRITEBACK        0   0           0   WB
 *        WRITETHROUGH     0   1           1   WT
 *        WRITECOMBINE     1   0           2   UC-
 *        UNCACHED         1   1           3   UC
 *
 *    So WRITECOMBINE is uncached unless an MTRR says WC, which UC- yields to:
 *    slow but right.  A kernel that loads PAT entry 2 with WC (01H) gets write
 *    combining, and nothing here changes.
 */
extern const struct lp_pte_format lp_x86_64_format_4level;
extern const struct lp_pte_format lp_x86_64_format_5level;

LP_END_DECLS

#endif
