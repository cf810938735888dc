/*
 * x86_64.h: page tables and TLBs of x86-64 processors, Intel's and AMD's.
 *
 *     lp_x86_64_probe(&features);                 once, on the first CPU
 *     if (lp_x86_64_setup(&machine, &features, levels))
 *         ... this processor cannot run the pager ...
 *     lp_x86_64_cpu_enable(&machine);             on every CPU, before it
 *                                                 activates anything
 *     lp_pager_create(... &machine.arch ...);
 *
 * All that decides something is plain C and is tested on every machine; what
 * executes instructions exists on x86-64 only, and says so below.
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
 * What must hold on each CPU while a space is active there.  The first three
 * and EFER.TCE are lp_x86_64_cpu_enable's work:
 *
 * => IA32_EFER.NXE is set: without it bit 63 is reserved and every page that
 *    is not executable faults (SDM 4.1.4, table 4-20; APM 5.6).
 * => CR0.WP is set: without it the kernel's own stores ignore a clear W, and
 *    write through a page that is shared copy-on-write (SDM 4.6.1).
 * => CR4.PGE, PCIDE, SMEP and SMAP are as struct lp_x86_64_features says.
 * => CR4.PAE and IA32_EFER.LME are set (SDM 4.1.1); CR4.LA57 is set for the
 *    5-level format and clear for the other.  LA57 cannot change while paging
 *    is on.
 * => User shadow stacks are off.  With CR4.CET and IA32_U_CET.SH_STK_EN a user
 *    page with W clear and D set is a shadow-stack page (SDM 4.6); here it is
 *    a dirty page shared copy-on-write.
 * => AMD: EFER.TCE is clear.  With it INVLPG keeps upper-level entries that do
 *    not lead to the address (APM 3.1.7); the pager counts on it dropping all.
 * => Protection keys are not used: bits 62:59 of each leaf are 0, so every page
 *    has key 0 (SDM 4.6.2).
 * => Memory encryption needs a bit of the address field in each entry that maps
 *    encrypted memory (APM 7.10): these formats do not set it.
 * => Every leaf that the kernel itself puts into its half has G set, as those
 *    of kernel_leaf have: INVLPG reaches it under every PCID for that alone.
 *
 * The address field is that of the largest processor, 52 bits.  Bits at and
 * above MAXPHYADDR are reserved (SDM 4.1.4); they stay clear as long as the
 * kernel names no frame beyond it.
 */
#ifndef LAZYPAGER_X86_64_H
#define LAZYPAGER_X86_64_H

#include <lazypager/arch.h>
#include <lazypager/fault.h>

/*
 * Width of a process-context identifier (SDM 4.10.1; APM 5.5): the value of
 * lp_arch.asid_bits where PCIDs are used; elsewhere it is 0.
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

/*
 * What a processor can do, and what the pager is to use.
 *
 * => As probed it says what is there.  A kernel may clear any flag but nx
 *    before setup, to do without: pcid and invpcid where an erratum breaks
 *    them, smap while it is being brought up.  Setting one that was clear is a
 *    #GP or #UD later.
 */
struct lp_x86_64_features {
    bool nx;      /* CPUID.80000001H:EDX[20], pages without execute */
    bool page1g;  /* CPUID.80000001H:EDX[26], leaves at level 2 */
    bool la57;    /* CPUID.(7,0):ECX[16], 5 levels */
    bool pge;     /* CPUID.01H:EDX[13], global pages */
    bool pcid;    /* CPUID.01H:ECX[17] */
    bool invpcid; /* CPUID.(7,0):EBX[10] */
    bool smep;    /* CPUID.(7,0):EBX[7], the kernel executes no user page */
    bool smap;    /* CPUID.(7,0):EBX[20], nor touches one with AC clear */
    /*
     * MAXPHYADDR: width of a physical address in bits, at most 52; 36 where
     * CPUID does not say (SDM 4.1.4).  The kernel names no frame beyond it.
     */
    unsigned pa_bits;
};

/*
 * The registers of CPUID that matter (SDM vol. 2A, CPUID; APM vol. 3,
 * appendix E).  A leaf above the processor's last one returns something
 * meaningless, so the last ones are here as well.
 */
struct lp_x86_64_cpuid {
    uint32_t last_basic;    /* 00000000H:EAX */
    uint32_t last_extended; /* 80000000H:EAX */
    uint32_t leaf1_ecx;     /* 00000001H:ECX */
    uint32_t leaf1_edx;     /* 00000001H:EDX */
    uint32_t leaf7_ebx;     /* 00000007H, sub-leaf 0:EBX */
    uint32_t leaf7_ecx;     /* 00000007H, sub-leaf 0:ECX */
    uint32_t ext1_edx;      /* 80000001H:EDX */
    uint32_t ext8_eax;      /* 80000008H:EAX */
};

/*
 * The machine, as the pager sees it: the kernel's memory, filled by
 * lp_x86_64_setup, constant from then on, alive as long as the pager.
 *
 * => arch.ctx points at this structure: it may not be copied after setup.
 */
struct lp_x86_64 {
    struct lp_arch arch;                /* for lp_pager_create */
    struct lp_x86_64_features features; /* what is used */
};

/*
 * A page fault as the trap handler found it: `raw` of lp_arch.decode.
 *
 * CR2 and the error code alone do not say why a kernel access failed.  A store
 * with P set may have met a clear W, which copy-on-write mends, or SMAP, which
 * nothing mends; the two look the same (SDM 4.7).  What tells them apart is
 * what SMAP goes by: RFLAGS.AC as it was, which the exception pushed, and
 * whether the access was an implicit one, which SMAP forbids whatever AC says
 * (SDM 4.6.1).  An implicit access (to a descriptor, say) of user mode has U/S
 * clear and CS of ring 3.
 *
 * => All four as the exception left them (SDM 4.7 and 6.12.1): read CR2 before
 *    anything else can fault; CS and RFLAGS from the exception's own frame.
 */
struct lp_x86_64_fault {
    uint64_t address;    /* CR2 */
    uint64_t error_code; /* of the #PF, vector 14 */
    uint64_t cs;         /* the saved CS; of interest: its low two bits */
    uint64_t rflags;     /* the saved RFLAGS; of interest: AC, bit 18 */
};

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

/*
 * lp_x86_64_features_decode: what these registers of CPUID say.
 *
 * => pure; any context; any values in *cpuid.  All of *out is set.
 */
void lp_x86_64_features_decode(const struct lp_x86_64_cpuid *cpuid,
                               struct lp_x86_64_features *out);

/*
 * lp_x86_64_fault_decode: lp_arch.decode of this backend.
 *
 * The error code (SDM 4.7, figure 4-12; APM 8.4.2) becomes
 *
 *     access   I/D set: LP_EXEC; else W/R set: LP_WRITE; else LP_READ
 *     USER     CS is of ring 3.  Not U/S: the implicit accesses of user mode
 *              are supervisor accesses, and still a program's doing.
 *     RESERVED RSVD is set
 *     KEY      PK is set
 *     SUPERVISOR  the access was a supervisor one (U/S clear), the address is
 *              in the user range, and SMEP or SMAP forbids this whatever page
 *              is there:
 *                SMEP is on, and it was a fetch;
 *                SMAP is on, and AC is clear or CS is of ring 3;
 *                SMAP is on, and it was a read that met a valid page: what
 *                else can stop a supervisor's read (SDM 4.6.1)?
 *
 * With P clear too: the page that is missing would be a user page and the
 * access would fault again, so a kernel that strays into the user range is
 * refused before memory is spent on it.  What is left undecided is a store of
 * the kernel's with AC set, which SMAP allows: W is why.  (But for an implicit
 * store of the kernel's own to a descriptor table in user memory, which looks
 * the same and which no kernel has; the pager refuses it the second time.)
 *
 * => ctx: a struct lp_x86_64 after setup.  raw: a struct lp_x86_64_fault.
 * => pure; any context.
 * => returns 0, or -LP_EINVAL, *out unchanged: a cause in the error code that
 *    page tables have no part in (SS, HLAT, SGX, RMP, bits not yet defined).
 *    The kernel treats it as it does a #GP.
 */
int lp_x86_64_fault_decode(void *ctx, const void *raw, struct lp_fault *out);

/*
 * The rest exists only where the library is compiled for x86-64.
 */

/*
 * lp_x86_64_probe: what this CPU can do, asked with CPUID.
 *
 * => all of *out is set.
 * => any context, any privilege.  CPUID may trap to a hypervisor: slow.
 */
void lp_x86_64_probe(struct lp_x86_64_features *out);

/*
 * lp_x86_64_setup: fill the machine for these features and 4 or 5 levels.
 *
 * The format is that of the levels, without leaves at level 2 where page1g is
 * missing.  PCIDs are used (asid_bits) where pcid and pge are there: without
 * CR4.PGE nothing drops the entries of all PCIDs at once on every processor
 * (no processor has the one without the other).
 *
 * => executes nothing privileged: any context.  levels: what CR4.LA57 says,
 *    as the boot code set it.
 * => returns 0, or -LP_EINVAL and *out unchanged: no NX; levels neither 4 nor
 *    5; 5 without la57.
 */
LP_MUST_CHECK
int lp_x86_64_setup(struct lp_x86_64 *out,
                    const struct lp_x86_64_features *features, unsigned levels);

/*
 * lp_x86_64_cpu_enable: switch on, on this CPU, what the machine counts on.
 *
 * In this order: EFER.NXE on and EFER.TCE off; CR0.WP; everything in the TLB
 * goes, global entries too; CR4.PGE, PCIDE, SMEP, SMAP, each on if the features
 * have it and off if not; RFLAGS.AC off.  CR3 keeps its table and loses its
 * low 12 bits (PWT and PCD; PCIDE wants them clear, SDM 4.10.1).
 *
 * => ring 0, 64-bit mode, interrupts off; on each CPU after its reset, before
 *    the first lp_activate there and not after it.
 * => this CPU has all features that the machine has.
 * => with smep: the code that runs is not in user pages (U/S set at every
 *    level); boot tables that map the kernel low often are.  With smap: nor
 *    are its stack, data and descriptor tables; from here on the trap entries
 *    clear AC (CLAC; and AC in IA32_FMASK for SYSCALL), since an exception
 *    does not (SDM vol. 2A, CLAC; 6.12.1).
 */
void lp_x86_64_cpu_enable(const struct lp_x86_64 *machine);

LP_END_DECLS

#endif
