/*
 * x86.h: what the files of this directory tell each other; C and assembly.
 *
 * Selectors are those that Linux programs see in their CS and SS.  The order
 * kernel code, kernel data, (none), user data, user code is SYSCALL's and
 * SYSRET's (SDM vol. 2B, SYSCALL, SYSRET).
 */
#ifndef X86_H
#define X86_H

#define KERNEL_BASE 0xffffffff80000000 /* where physical 0 is in the image */

#define BOOT_CS32 0x08 /* in the boot code's GDT only */
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40

#define VECTOR_DE 0
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_BR 5
#define VECTOR_UD 6
#define VECTOR_DF 8
#define VECTOR_TS 10
#define VECTOR_NP 11
#define VECTOR_SS 12
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_MF 16
#define VECTOR_AC 17
#define VECTOR_MC 18
#define VECTOR_XM 19
#define EXCEPTIONS 32
#define VECTOR_TICK 0xf0
#define VECTOR_IPI 0xf1
#define VECTOR_SPURIOUS 0xff
#define VECTOR_SYSCALL 0x100 /* none of the CPU's */

#define RFLAGS_FIXED 0x2 /* always set, nothing else: IF, DF, AC, NT clear */
#define RFLAGS_TF 0x100
#define RFLAGS_IF 0x200
#define RFLAGS_DF 0x400
#define RFLAGS_RF 0x10000
/* CF PF AF ZF SF TF DF OF NT RF AC ID: what a program may have as it likes. */
#define RFLAGS_USER 0x254dd5
/* ... and what a signal handler's return takes from the stack. */
#define RFLAGS_SIGRETURN 0x50dd5

#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_AM 0x40000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define CR4_LA57 0x1000

#define MSR_APIC_BASE 0x1b
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE 0x1
#define EFER_LME 0x100

/* Where the code of ap.S is copied: a page below 1 MiB. */
#define TRAMPOLINE 0x8000

#define BOOT_STACK 16384 /* bytes; a multiple of 16 */

/* Offsets in struct percpu and struct user_frame, for assembly. */
#define CPU_NUMBER 0
#define CPU_KERNEL_RSP 8
#define CPU_SCRATCH 16
#define CPU_TSS_RSP0 32
#define FRAME_CS 144
#define FRAME_VECTOR 120
#define FRAME_RSP 160

#define TRAP_STUB 16 /* bytes for each vector in traps.S */

#ifndef __ASSEMBLER__

#include <lazypager/x86_64.h>

#include "arch.h"

/* Task state segment (SDM vol. 3A, 8.7, figure 8-11). */
struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, iomap;
};

/* What a CPU finds through GS while in kernel mode. */
struct percpu {
    uint64_t number;
    uint64_t kernel_rsp; /* of arch_user_run, while a program runs */
    uint64_t scratch;    /* of the first instructions after SYSCALL */
    uint32_t pad;        /* aligns rsp[0] */
    struct tss tss;
    _Alignas(8) uint64_t gdt[10];
    /* For the exceptions that may come while no stack can be trusted. */
    _Alignas(16) unsigned char fatal_stack[4096];
};

extern struct lp_x86_64 machine; /* after arch_pager */

/*
 * percpu_init: descriptor tables, GS, the MSRs of SYSCALL, control registers of
 * the FPU.  Each CPU, first of all.
 */
void percpu_init(unsigned cpu);
/* Where traps from user mode push on this CPU; interrupts off. */
void percpu_set_rsp0(uint64_t rsp0);
/* traps_init: the IDT's contents.  Boot CPU, before percpu_init. */
void traps_init(void);
/* This CPU uses the IDT. */
void traps_load(void);

void serial_init(void);

/* A handler's acknowledgement of an interrupt. */
void apic_eoi(void);
/* apic_init: this CPU's local APIC on, everything but NMI masked.  It is
 * mapped. */
void apic_init(void);
/* The timer once from the top, silent; what is left; then every 10 ms. */
void apic_timer_free_run(void);
uint32_t apic_timer_left(void);
void apic_timer_start(uint32_t per_tick);
unsigned apic_id(void);
/* The two messages that start a CPU (SDM vol. 3A, 8.4.4). */
void apic_send_init(unsigned cpu);
void apic_send_startup(unsigned cpu, lp_pa code);
#define APIC_PA 0xfee00000
#define APIC_VA 0xffffffffc0000000

/* Measure the CPU's counter and the APIC's timer.  Boot CPU, once. */
void clock_init(void);
/* The APIC timer's count for 10 ms. */
extern uint32_t clock_apic_per_tick;

/* Is this a canonical address with this machine's levels? */
bool canonical(lp_va va);

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline uint64_t read_cr2(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint64_t read_cr3(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline uint64_t read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

/* The time-stamp counter, not before what stands before it (SDM vol. 2B,
 * RDTSC). */
static inline uint64_t rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#endif
#endif
