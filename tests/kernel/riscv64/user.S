/*
 * user.S: user mode as a function call.
 *
 * struct cause user_enter(struct user_frame *frame) runs the program until its
 * next trap, and returns scause and stval (in a0 and a1).
 *
 * An SC to anywhere ends the reservation that an LR has left on this hart, also
 * one of another thread, before it was switched away from: a program's SC must
 * not succeed for it (Unprivileged, 8.2).  Emulators end it at every trap.
 *
 * => interrupts off, before and after.
 */
#include "layout.h"
#include "registers.inc"

.text
.global user_enter
user_enter:
    addi sp, sp, -KEPT_SIZE
    each_kept_register sd
    sd sp, HART_KERNEL_SP(tp)
    sd a0, HART_FRAME(tp)
    csrw sscratch, tp
    ld t0, 0(a0)
    csrw sepc, t0
    sc.d zero, t0, 0(a0)        /* if it stores, then what is there */
    li t0, SSTATUS_SPP | SSTATUS_SUM | SSTATUS_MXR
    csrc sstatus, t0
    li t0, SSTATUS_SPIE | SSTATUS_FS
    csrs sstatus, t0

    mv t6, a0
    ld ra, 8 * 1(t6)
    ld sp, 8 * 2(t6)
    ld gp, 8 * 3(t6)
    ld tp, 8 * 4(t6)
    each_high_register ld, t6   /* t6, x31, comes last */
    sret

/* trap.S goes on here, with tp this hart's record. */
.global user_leave
user_leave:
    ld sp, HART_KERNEL_SP(tp)
    each_kept_register ld
    addi sp, sp, KEPT_SIZE
    ret
