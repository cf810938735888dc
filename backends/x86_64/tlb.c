/*
 * tlb.c: the instructions of this backend, all of them.
 *
 * Nothing is decided here; plan.c says what to do.  On other machines this file
 * is empty, so that the rest of the backend can be built and tested there.
 *
 * Each statement below that changes a control register, an MSR or a TLB is
 * serializing or ordered after earlier stores (SDM vol. 3A, "Serializing
 * Instructions"), and is a barrier for the compiler: a store to a table made
 * before is seen by every walk after.
 */
#include "plan.h"

#if defined(__x86_64__)

#define BIT(n) ((uint64_t)1 << (n))

#define MSR_EFER UINT32_C(0xc0000080)
#define EFER_NXE BIT(11)
#define EFER_TCE BIT(15)
#define CR0_WP BIT(16)
#define CR3_LOW (BIT(12) - 1)
#define CR4_PGE BIT(7)
#define CR4_PCIDE BIT(17)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)

static uint64_t read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value) : : "memory");
    return value;
}

static void write_cr0(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static uint64_t read_cr3(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value) : : "memory");
    return value;
}

static void write_cr3(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static uint64_t read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value) : : "memory");
    return value;
}

static void write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

static void invlpg(lp_va va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* The descriptor: SDM vol. 2A, INVPCID, figure "INVPCID Descriptor". */
static void invpcid(uint64_t type, uint32_t pcid, lp_va va)
{
    const uint64_t descriptor[2] = { pcid, va };

    __asm__ volatile("invpcid %0, %1"
                     :
                     : "m"(descriptor), "r"(type)
                     : "memory");
}

struct registers {
    uint32_t eax, ebx, ecx, edx;
};

static struct registers cpuid(uint32_t leaf)
{
    struct registers r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(0));
    return r;
}

/*
 * An interrupt between the two writes may come here again: it flips the bit
 * twice as well, and each flip drops everything.
 */
static void toggle_pge(void)
{
    uint64_t cr4 = read_cr4();

    write_cr4(cr4 ^ CR4_PGE);
    write_cr4(cr4);
}

static void execute(const struct lp_x86_64_plan *plan)
{
    uint64_t i;

    switch (plan->operation) {
    case LP_X86_64_NOTHING: break;
    case LP_X86_64_INVLPG:
        for (i = 0; i < plan->npages; i++)
            invlpg(plan->va + i * LP_PAGE_SIZE);
        break;
    case LP_X86_64_INVPCID_PAGE:
        for (i = 0; i < plan->npages; i++)
            invpcid(0, plan->pcid, plan->va + i * LP_PAGE_SIZE);
        break;
    case LP_X86_64_INVPCID_CONTEXT: invpcid(1, plan->pcid, 0); break;
    case LP_X86_64_INVPCID_ALL: invpcid(2, 0, 0); break;
    /* Bit 63 reads as 0 (SDM 4.10.4.1). */
    case LP_X86_64_RELOAD_CR3: write_cr3(read_cr3()); break;
    case LP_X86_64_TOGGLE_PGE: toggle_pge(); break;
    }
}

static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    const struct lp_x86_64 *machine = ctx;

    write_cr3(lp_x86_64_cr3(&machine->features, root, asid, flush));
}

static void flush(void *ctx, const struct lp_flush *what)
{
    const struct lp_x86_64_features *features =
        &((const struct lp_x86_64 *)ctx)->features;
    /* Where PCIDs are off the low bits mean PWT and PCD. */
    uint32_t current = features->pcid ? (uint32_t)(read_cr3() & CR3_LOW) : 0;
    struct lp_x86_64_plan plan = lp_x86_64_plan(features, what, current);

    execute(&plan);
}

void lp_x86_64_probe(struct lp_x86_64_features *out)
{
    struct registers leaf1 = cpuid(1), leaf7 = cpuid(7);
    struct lp_x86_64_cpuid values = {
        .last_basic = cpuid(0).eax,
        .last_extended = cpuid(0x80000000).eax,
        .leaf1_ecx = leaf1.ecx,
        .leaf1_edx = leaf1.edx,
        .leaf7_ebx = leaf7.ebx,
        .leaf7_ecx = leaf7.ecx,
        .ext1_edx = cpuid(0x80000001).edx,
        .ext8_eax = cpuid(0x80000008).eax,
    };

    lp_x86_64_features_decode(&values, out);
}

int lp_x86_64_setup(struct lp_x86_64 *out,
                    const struct lp_x86_64_features *features, unsigned levels)
{
    int error = lp_x86_64_describe(out, features, levels);

    if (error)
        return error;
    out->arch.activate = activate;
    out->arch.flush = flush;
    return 0;
}

void lp_x86_64_cpu_enable(const struct lp_x86_64 *machine)
{
    const struct lp_x86_64_features *f = &machine->features;
    uint64_t cr4 = read_cr4() & ~(CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP);

    write_msr(MSR_EFER, (read_msr(MSR_EFER) | EFER_NXE) & ~EFER_TCE);
    write_cr0(read_cr0() | CR0_WP);
    /* PGE or PCIDE going off drops everything; the load what is left. */
    write_cr4(cr4);
    write_cr3(read_cr3() & ~CR3_LOW);
    cr4 |= f->pge ? CR4_PGE : 0;
    cr4 |= f->pcid ? CR4_PCIDE : 0;
    cr4 |= f->smep ? CR4_SMEP : 0;
    cr4 |= f->smap ? CR4_SMAP : 0;
    write_cr4(cr4);
    if (f->smap)
        __asm__ volatile("clac" : : : "cc", "memory");
}

#endif
