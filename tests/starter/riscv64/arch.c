/*
 * arch.c: RISC-V: traps, user memory, and the firmware's console and end.
 */
#include "starter.h"

#include <lazypager/riscv64.h>

#define SSTATUS_FS 0x6000u   /* on: the compiler saves those registers too */
#define SSTATUS_SUM 0x40000u /* user memory is in reach (4.1.1) */

enum { SBI_PUTCHAR = 1, SBI_SRST = 0x53525354 }; /* SBI 1.0, 5.2 and 10.1 */

char *const arch_direct_map = (char *)0xffffffff00000000;

extern char boot_root[];

static struct lp_riscv64 machine;

static void sbi(uint64_t extension, uint64_t argument0, uint64_t argument1)
{
    register uint64_t a0 __asm__("a0") = argument0;
    register uint64_t a1 __asm__("a1") = argument1;
    register uint64_t a6 __asm__("a6") = 0;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a6), "r"(a7)
                     : "memory");
}

void arch_put(char c)
{
    sbi(SBI_PUTCHAR, (uint8_t)c, 0);
}

_Noreturn void arch_stop(bool ok)
{
    sbi(SBI_SRST, 0, ok ? 0 : 1); /* shut down; "system failure" if not ok */
    for (;;)
        __asm__ volatile("wfi");
}

void arch_user_begin(void)
{
    __asm__ volatile("csrs sstatus, %0" ::"r"(SSTATUS_SUM) : "memory");
}

void arch_user_end(void)
{
    __asm__ volatile("csrc sstatus, %0" ::"r"(SSTATUS_SUM) : "memory");
}

/* All traps.  The compiler saves the registers; SUM stays as it was, so it is
 * closed here for the library, and opened again. */
__attribute__((interrupt("supervisor"), aligned(4))) static void on_trap(void)
{
    struct lp_riscv64_fault raw;
    struct lp_fault fault;
    uint64_t pc;

    __asm__ volatile("csrr %0, sepc" : "=r"(pc));
    __asm__ volatile("csrr %0, scause" : "=r"(raw.scause));
    __asm__ volatile("csrr %0, stval" : "=r"(raw.stval));
    __asm__ volatile("csrrc %0, sstatus, %1"
                     : "=r"(raw.sstatus)
                     : "r"(SSTATUS_SUM)
                     : "memory");
    if (machine.arch.decode(machine.arch.ctx, &raw, &fault))
        panic("a trap that is no page fault, at ", pc);
    page_fault(&fault);
    if (raw.sstatus & SSTATUS_SUM)
        arch_user_begin();
}

const struct lp_arch *arch_start(void)
{
    /* Every machine has Sv39.  lp_riscv64_probe finds more, and ASIDs; it has to
     * run before paging is on. */
    static const struct lp_riscv64_features features = { .levels_max = 3 };

    __asm__ volatile("csrw stvec, %0" ::"r"(on_trap));
    __asm__ volatile("csrs sstatus, %0" ::"r"(SSTATUS_FS));
    if (lp_riscv64_setup(&machine, &features, 3))
        panic("lp_riscv64_setup", 0);
    return &machine.arch;
}

lp_pa arch_boot_root(void)
{
    return (lp_pa)(boot_root - (uintptr_t)arch_direct_map);
}
