/*
 * percpu.c: what each CPU has of its own: descriptor tables, stacks for fatal
 * exceptions, the control registers and MSRs of traps, system calls, FPU.
 *
 * GS points at this CPU's struct percpu in kernel mode, at the program's data
 * in user mode; SWAPGS at the border exchanges them (traps.S).
 */
#include "x86.h"

_Static_assert(offsetof(struct percpu, number) == CPU_NUMBER, "x86.h");
_Static_assert(offsetof(struct percpu, kernel_rsp) == CPU_KERNEL_RSP, "x86.h");
_Static_assert(offsetof(struct percpu, scratch) == CPU_SCRATCH, "x86.h");
_Static_assert(offsetof(struct percpu, tss.rsp[0]) == CPU_TSS_RSP0, "x86.h");
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3A, 8.7");

#define CODE64 0x00af9a000000ffff
#define DATA 0x00cf92000000ffff
#define USER_CODE64 0x00affa000000ffff
#define USER_DATA 0x00cff2000000ffff
#define TSS_AVAILABLE 0x0000890000000000 /* a 64-bit TSS, present */

static struct percpu percpus[CPUS_MAX];

/* traps.S */
extern char syscall_entry[];

/* The 16 bytes of the TSS's descriptor (SDM vol. 3A, figure 8-4). */
static void describe_tss(struct percpu *cpu)
{
    uint64_t base = (uint64_t)&cpu->tss, limit = sizeof(cpu->tss) - 1;

    cpu->gdt[TSS_SELECTOR / 8] = TSS_AVAILABLE | limit |
                                 (base & 0xffffff) << 16 |
                                 (base >> 24 & 0xff) << 56;
    cpu->gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
    cpu->tss.iomap = sizeof(cpu->tss); /* no port is the program's */
    cpu->tss.ist[0] = (uint64_t)(cpu->fatal_stack + sizeof(cpu->fatal_stack));
}

static void load_gdt(struct percpu *cpu)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = { sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt };

    cpu->gdt[KERNEL_CS / 8] = CODE64;
    cpu->gdt[KERNEL_DS / 8] = DATA;
    cpu->gdt[USER_DS / 8] = USER_DATA;
    cpu->gdt[USER_CS / 8] = USER_CODE64;
    describe_tss(cpu);
    /* CS and SS hold the same selectors, of the same meaning, already. */
    __asm__ volatile("lgdt %0; ltr %w1" : : "m"(pointer), "r"(TSS_SELECTOR));
}

static void enable_syscall(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (uint64_t)KERNEL_CS << 32 | (uint64_t)(USER_DS - 8) << 48);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_FMASK, ~(uint64_t)RFLAGS_FIXED & 0xffffffff);
}

/*
 * SSE by FXSAVE, errors of the x87 as exceptions, alignment checks for programs
 * that set AC.  CR4.OSXSAVE stays clear: programs see no AVX, and the 512 bytes
 * of FXSAVE are all there is.
 */
static void enable_fpu(void)
{
    uint64_t cr0 = read_cr0();

    cr0 &= ~(uint64_t)(CR0_EM | CR0_TS);
    cr0 |= CR0_MP | CR0_NE | CR0_AM | CR0_WP;
    __asm__ volatile("mov %0, %%cr0; fninit" : : "r"(cr0) : "memory");
    __asm__ volatile("mov %0, %%cr4"
                     :
                     : "r"(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT)
                     : "memory");
}

void percpu_init(unsigned number)
{
    struct percpu *cpu = &percpus[number];

    cpu->number = number;
    load_gdt(cpu);
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    traps_load();
    enable_syscall();
    enable_fpu();
}

void percpu_set_rsp0(uint64_t rsp0)
{
    percpus[arch_cpu()].tss.rsp[0] = rsp0;
}

unsigned arch_cpu(void)
{
    uint64_t number;

    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(number) : "i"(CPU_NUMBER));
    return (unsigned)number;
}

bool arch_irq_disable(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags & RFLAGS_IF;
}

void arch_irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

/* STI takes effect after the next instruction (SDM vol. 2B, STI): no gap. */
void arch_wait(void)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

void arch_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* CPUID serialises (SDM vol. 3A, 8.1.3 and 8.3). */
void arch_sync_code(void)
{
    uint32_t a = 0, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}
