/*
 * hart.h: what this architecture knows of each CPU, and the parts of the
 * directory that call each other.
 *
 * RISC-V calls a CPU a hart and gives it an id, of any value; the kernel's CPU
 * numbers are 0 for the hart that booted and 1, 2 ... in the order of the
 * device tree.  In kernel mode tp points at this hart's record; in user mode
 * sscratch does, and is 0 otherwise (trap.S).
 */
#ifndef HART_H
#define HART_H

#include "arch.h"
#include "cpu.h"
#include "fdt.h"

#include <lazypager/riscv64.h>

struct hart {
    /* Of the user_enter that this hart is in. */
    struct user_frame *frame;
    uint64_t kernel_sp; /* its callee-saved registers are there */
    uint64_t scratch;   /* one register, for an instant of a trap's entry */
    /* What a hart that starts needs before it has memory of its own. */
    uint64_t start_satp;
    uint64_t start_sp;

    uint64_t id; /* the firmware's name for it */
    unsigned cpu;
    unsigned pauses;    /* calls of arch_pause */
    uint64_t next_tick; /* in the timebase's units */
};

_Static_assert(offsetof(struct hart, frame) == HART_FRAME &&
                   offsetof(struct hart, kernel_sp) == HART_KERNEL_SP &&
                   offsetof(struct hart, scratch) == HART_SCRATCH &&
                   offsetof(struct hart, start_satp) == HART_START_SATP &&
                   offsetof(struct hart, start_sp) == HART_START_SP,
               "layout.h says so to the assembly");

extern struct hart harts[CPUS_MAX]; /* by CPU number */

static inline struct hart *hart_self(void)
{
    struct hart *self;

    __asm__ volatile("mv %0, tp" : "=r"(self));
    return self;
}

/* What the device tree said (boot.c); constant. */
extern struct machine the_machine;

/* The physical address of something in the image. */
static inline lp_pa image_pa(const void *p)
{
    return (lp_pa)(uintptr_t)p - IMAGE_OFFSET;
}

/*
 * hart_setup: what each hart sets in its own registers before it runs the
 * kernel: traps, floating point, counters for programs.  Interrupts stay off.
 */
void hart_setup(void);

/* timer.c: start this hart's tick; serve its interrupt. */
void timer_start(void);
void timer_interrupt(void);

/* signal.c: map the trampoline.  Boot CPU, once the pager is there. */
void signal_init(void);

#endif
