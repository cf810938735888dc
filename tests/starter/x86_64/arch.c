/*
 * arch.c: x86-64: traps, user memory, a serial line, and the end.
 */
#include "starter.h"

#include <lazypager/x86_64.h>

enum { COM1 = 0x3f8, COM1_STATUS = 0x3fd, TRANSMITTER_EMPTY = 0x20 };
enum { DEBUG_EXIT = 0xf4 }; /* QEMU: -device isa-debug-exit */
enum { PAGE_FAULT = 14, EXCEPTIONS = 32, CODE = 8, INTERRUPT_GATE = 0x8e };

char *const arch_direct_map = (char *)0xffffffff80000000;

extern char boot_root[];

static struct lp_x86_64 machine;

static void out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void arch_put(char c)
{
    while (!(in(COM1_STATUS)&TRANSMITTER_EMPTY))
        ;
    out(COM1, (uint8_t)c);
}

_Noreturn void arch_stop(bool ok)
{
    out(DEBUG_EXIT, ok ? 0x10 : 0x11); /* QEMU exits with 33, or 35 */
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* SMAP: user memory is out of reach while AC is clear (SDM vol. 3A, 4.6.1). */
void arch_user_begin(void)
{
    if (machine.features.smap)
        __asm__ volatile("stac" ::: "memory", "cc");
}

void arch_user_end(void)
{
    if (machine.features.smap)
        __asm__ volatile("clac" ::: "memory", "cc");
}

/* --- traps (SDM vol. 3A, 6.12 and 6.14) --- */

struct interrupted {
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Registers are saved by the compiler; AC comes back with RFLAGS. */
__attribute__((interrupt)) static void on_page_fault(struct interrupted *at,
                                                     uint64_t error_code)
{
    struct lp_x86_64_fault raw = { 0, error_code, at->cs, at->rflags };
    struct lp_fault fault;

    __asm__ volatile("mov %%cr2, %0" : "=r"(raw.address));
    arch_user_end();
    if (machine.arch.decode(machine.arch.ctx, &raw, &fault))
        panic("page fault of no page table, at ", at->rip);
    page_fault(&fault);
}

__attribute__((interrupt)) static void on_other(struct interrupted *at)
{
    panic("exception, at ", at->rip);
}

struct gate {
    uint16_t offset0, selector, type, offset16;
    uint32_t offset32, reserved;
};

static void load_idt(void)
{
    static struct gate idt[EXCEPTIONS];
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = { sizeof(idt) - 1, (uint64_t)idt };

    for (unsigned i = 0; i < EXCEPTIONS; i++) {
        uint64_t to =
            i == PAGE_FAULT ? (uint64_t)on_page_fault : (uint64_t)on_other;

        idt[i] = (struct gate){ (uint16_t)to,         CODE,
                                INTERRUPT_GATE << 8,  (uint16_t)(to >> 16),
                                (uint32_t)(to >> 32), 0 };
    }
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

const struct lp_arch *arch_start(void)
{
    struct lp_x86_64_features features;

    load_idt();
    lp_x86_64_probe(&features);
    if (lp_x86_64_setup(&machine, &features, 4))
        panic("this processor has no NX", 0);
    lp_x86_64_cpu_enable(&machine);
    return &machine.arch;
}

lp_pa arch_boot_root(void)
{
    return (lp_pa)(boot_root - (uintptr_t)arch_direct_map);
}
