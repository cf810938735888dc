/*
 * probe.S: one load or store at rdi, from or to rax, then a breakpoint.  One of
 * PROBE_SLOT bytes for each: loads of 1, 2, 4, 8 bytes, then stores
 * (arch_probe_frame in user.c).
 */
#define PROBE_SLOT 16

        .section .rodata
        .balign PROBE_SLOT
        .globl  arch_probe_start, arch_probe_end
arch_probe_start:
        movzbl  (%rdi), %eax
        int3
        .balign PROBE_SLOT
        movzwl  (%rdi), %eax
        int3
        .balign PROBE_SLOT
        mov     (%rdi), %eax
        int3
        .balign PROBE_SLOT
        mov     (%rdi), %rax
        int3
        .balign PROBE_SLOT
        mov     %al, (%rdi)
        int3
        .balign PROBE_SLOT
        mov     %ax, (%rdi)
        int3
        .balign PROBE_SLOT
        mov     %eax, (%rdi)
        int3
        .balign PROBE_SLOT
        mov     %rax, (%rdi)
        int3
arch_probe_end:

        .section .note.GNU-stack, "", @progbits
