/*
 * boot.S: the first instructions of each hart.
 *
 * A hart arrives at physical addresses with paging off, and is to go on at the
 * image's own.  No table maps both; so the address to go on at is put into
 * stvec first: the write of satp takes effect at once (Privileged 1.12,
 * 4.1.11), the fetch after it finds nothing mapped there, and the page fault
 * leads to where we want to be.  User addresses are empty in both tables that
 * this is done with, the boot tables and the pager's own root.
 *
 * => a0: the hart's id.  a1: the device tree, or the record of a hart that
 *    another one starts.  SBI 1.0, 9.1: satp 0, sstatus.SIE 0, all else open.
 * => lla is relative to pc: it gives physical addresses while we are at such.
 */
#include "layout.h"

/* Go on at `to` with tp, sp and all else as they are; a0 goes into satp. */
.macro enter_paging to
    lla t0, \to
    li t1, IMAGE_OFFSET
    add t0, t0, t1
    csrw stvec, t0
    sfence.vma
    csrw satp, a0
    /* The fetch faults; one that was ahead of the write comes again. */
1:  j 1b
.endm

.section .text.start, "ax"
.global _start
_start:
    csrw sie, zero
    csrw satp, zero
    lla t0, bss_start
    lla t1, bss_end
1:  sd zero, 0(t0)
    addi t0, t0, 8
    bltu t0, t1, 1b

    mv s0, a0
    mv s1, a1
    lla sp, boot_stack_end
    call early_tables
    enter_paging high

    .balign 4
high:
    li t0, IMAGE_OFFSET
    add sp, sp, t0
    mv a0, s0
    mv a1, s1
    call boot_main

.global hart_entry
hart_entry:
    csrw sie, zero
    ld a0, HART_START_SATP(a1)
    ld sp, HART_START_SP(a1)
    li tp, IMAGE_OFFSET
    add tp, tp, a1
    enter_paging hart_high

    .balign 4
hart_high:
    sfence.vma
    call hart_main

/*
 * bool boot_try_load(const void *p): does a load from p succeed?  Whatever it
 * traps with leads behind it.  Interrupts off.
 */
.global boot_try_load
boot_try_load:
    lla t0, 1f
    csrrw t0, stvec, t0
    mv t1, a0
    li a0, 0
    lbu zero, 0(t1)
    li a0, 1
    .balign 4
1:  csrw stvec, t0
    ret

.bss
.balign 16
    .zero 16384
.global boot_stack_end
boot_stack_end:
