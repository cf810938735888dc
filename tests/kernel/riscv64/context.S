/*
 * context.S: from one thread to another: a function call that returns on
 * another stack.  tp stays: it is the hart's, not the thread's.
 *
 * Floating-point registers are a program's; the scheduler saves those
 * (fpu.S).  The kernel has none.
 */
#include "registers.inc"

.text
/* void arch_context_switch(struct context *from, struct context *to) */
.global arch_context_switch
arch_context_switch:
    addi sp, sp, -KEPT_SIZE
    each_kept_register sd
    sd sp, 0(a0)
    ld sp, 0(a1)
    each_kept_register ld
    addi sp, sp, KEPT_SIZE
    ret

/*
 * void arch_context_init(struct context *context, void *stack_top,
 *                        void (*entry)(void *arg), void *arg)
 * Registers to return into `begin` with: s0 entry, s1 arg.
 */
.global arch_context_init
arch_context_init:
    andi a1, a1, -16
    addi a1, a1, -KEPT_SIZE
    lla t0, begin
    sd t0, 0(a1)
    sd a2, 8(a1)
    sd a3, 16(a1)
    sd a1, 0(a0)
    ret

begin:
    mv a0, s1
    jalr s0
    unimp                       /* entry never returns */
