/*
 * probe.S: one access each, for user mode: a0 the address, a1 the value to
 * store; a0 becomes what a load got.  16 bytes apart: loads of 1, 2, 4 and 8
 * bytes, then stores (arch_probe_frame).
 */
.option norvc
.section .rodata
.balign 16
.global arch_probe_start
arch_probe_start:
.macro each_access instructions:vararg
    .irp instruction, \instructions
        .balign 16
        \instruction, 0(a0)
        ebreak
    .endr
.endm
    each_access "lbu a0", "lhu a0", "lwu a0", "ld a0"
    each_access "sb a1", "sh a1", "sw a1", "sd a1"
.global arch_probe_end
arch_probe_end:
