/*
 * copy.S: copies by the user's own addresses.
 *
 *     size_t arch_copy_in(void *to, lp_va from, size_t len)
 *     size_t arch_copy_out(lp_va to, const void *from, size_t len)
 *
 * SUM is set only between the first and the last of the loads and stores.  A
 * fault at one that has an entry in .fixup goes to kernel_fault, and ends here
 * when that answers false (traps.c); what is left is in a2 all the time.
 *
 * A user address in the kernel's half, one with the top bit set, is refused at
 * once.  From below it a copy cannot get there: in between lie addresses that
 * are not canonical and fault.
 */
#include "layout.h"

/* An instruction that may fault: the one that has the user's address. */
.macro guarded instruction:vararg
9:  \instruction
    .pushsection .fixup, "a"
    .dword 9b, end_copy
    .popsection
.endm

/* One that must not: a fault here is the kernel's own. */
.macro plain instruction:vararg
    \instruction
.endm

/* user: the register with the user's address; load, store: guarded or plain. */
.macro copy user, load, store
    bltz \user, 5f
    li t3, SSTATUS_SUM
    csrs sstatus, t3
    or t0, a0, a1
    andi t0, t0, 7
    bnez t0, 3f                 /* not both at a multiple of 8: bytes */
    li t1, 8
1:  bltu a2, t1, 3f
    \load ld t0, 0(a1)
    \store sd t0, 0(a0)
    addi a0, a0, 8
    addi a1, a1, 8
    addi a2, a2, -8
    j 1b
3:  beqz a2, end_copy
4:  \load lbu t0, 0(a1)
    \store sb t0, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    bnez a2, 4b
    j end_copy
5:  mv a0, a2
    ret
.endm

.text
.global arch_copy_in
arch_copy_in:
    copy a1, guarded, plain

.global arch_copy_out
arch_copy_out:
    copy a0, plain, guarded

end_copy:
    li t3, SSTATUS_SUM
    csrc sstatus, t3
    mv a0, a2
    ret
