/*
 * ap.S: where a further CPU begins: real mode, cs = TRAMPOLINE >> 4, ip = 0
 * (SDM vol. 3A, 8.4.4.2).
 *
 * This code is copied to TRAMPOLINE and does no more than it must there: to
 * 32-bit mode with flat segments, and off to boot.S, which does for each CPU
 * what it did for the first.
 */
#include "x86.h"

        .section .rodata
        .balign 8
        .globl  ap_trampoline, ap_trampoline_end
        .code16
ap_trampoline:
        cli
        cld
        mov     %cs, %ax
        mov     %ax, %ds
        lgdtl   gdt_pointer - ap_trampoline
        mov     %cr0, %eax
        or      $1, %al                 /* PE */
        mov     %eax, %cr0
        ljmpl   $BOOT_CS32, $(TRAMPOLINE + flat - ap_trampoline)
        .code32
flat:   mov     $KERNEL_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $(ap_entry - KERNEL_BASE), %eax
        jmp     *%eax
        .balign 8
gdt_pointer:
        .word   4 * 8 - 1
        .long   boot_gdt - KERNEL_BASE
ap_trampoline_end:
        .code64

        .section .note.GNU-stack, "", @progbits
