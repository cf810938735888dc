/*
 * trap.S: where every trap arrives (stvec).
 *
 * sscratch tells where it came from: 0 in kernel mode, this hart's record in
 * user mode.  In kernel mode tp is that record.
 *
 * From user mode: the registers go to the frame that user_enter was given, and
 * user_enter returns (user.S), on the kernel stack as it left it.
 *
 * From kernel mode: the registers go to the stack, and kernel_trap decides.  It
 * may sleep in there and wake on another hart, so tp is not put back.  SUM is
 * cleared meanwhile: it is of the code that was interrupted.
 */
#include "layout.h"
#include "registers.inc"

.text
.balign 4
.global trap_entry
trap_entry:
    csrrw tp, sscratch, tp
    beqz tp, from_kernel

    sd t0, HART_SCRATCH(tp)
    ld t0, HART_FRAME(tp)
    sd ra, 8 * 1(t0)
    sd sp, 8 * 2(t0)
    sd gp, 8 * 3(t0)
    each_high_register sd, t0
    csrrw t1, sscratch, zero
    sd t1, 8 * 4(t0)            /* tp */
    ld t1, HART_SCRATCH(tp)
    sd t1, 8 * 5(t0)            /* t0 */
    csrr t1, sepc
    sd t1, 0(t0)
    csrr a0, scause
    csrr a1, stval
    j user_leave

from_kernel:
    csrrw tp, sscratch, zero
    addi sp, sp, -KERNEL_FRAME_SIZE
    sd ra, 8 * 1(sp)
    sd gp, 8 * 3(sp)
    sd tp, 8 * 4(sp)
    each_high_register sd, sp
    addi t0, sp, KERNEL_FRAME_SIZE
    sd t0, 8 * 2(sp)
    csrr t0, sepc
    sd t0, 0(sp)
    li t1, SSTATUS_SUM
    csrrc t0, sstatus, t1
    sd t0, KERNEL_FRAME_SSTATUS(sp)
    mv a0, sp
    csrr a1, scause
    csrr a2, stval
    call kernel_trap
    ld t0, KERNEL_FRAME_SSTATUS(sp)
    csrw sstatus, t0            /* interrupts off until sret */
    ld t0, 0(sp)
    csrw sepc, t0
    sc.d zero, t0, 0(sp)        /* as in user.S */
    ld ra, 8 * 1(sp)
    ld gp, 8 * 3(sp)
    each_high_register ld, sp
    addi sp, sp, KERNEL_FRAME_SIZE
    sret
