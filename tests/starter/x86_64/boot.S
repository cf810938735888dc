/*
 * boot.S: from the PVH loader (QEMU -kernel) to kernel_main in the upper half:
 * 32-bit protected mode, flat segments, paging and interrupts off.
 *
 * The tables map the first GiB of physical memory at 0, for the instructions
 * here, and at KERNEL_BASE.  The pager takes over the upper half of the root.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(symbol) ((symbol) - KERNEL_BASE)

        .section .note.pvh, "a", @note
        .long   4, 8, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   PHYS(boot_entry)

        .text
        .code32
        .globl  boot_entry
boot_entry:
        mov     %cr4, %eax
        or      $0x20, %eax             /* PAE */
        mov     %eax, %cr4
        mov     $PHYS(boot_root), %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER: LME */
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80010000, %eax       /* PG, WP */
        mov     %eax, %cr0
        lgdt    PHYS(gdt_low)
        ljmp    $8, $PHYS(1f)
        .code64
1:      movabs  $2f, %rax
        jmp     *%rax
2:      lgdt    gdt_high                /* the low half goes away soon */
        mov     $16, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        mov     $boot_stack_end, %rsp
        call    kernel_main

        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00af9a000000ffff      /* 8: 64-bit code */
        .quad   0x00cf92000000ffff      /* 16: data */
gdt_low:
        .word   23
        .quad   PHYS(gdt)
gdt_high:
        .word   23
        .quad   gdt

/* Entries: P and W; PS for pages of 2 MiB (SDM vol. 3A, 4.5). */
        .balign 4096
        .globl  boot_root
boot_root:
        .quad   PHYS(boot_pdpt_low) + 3
        .fill   510, 8, 0
        .quad   PHYS(boot_pdpt_high) + 3
boot_pdpt_low:
        .quad   PHYS(boot_pd) + 3
        .fill   511, 8, 0
boot_pdpt_high:
        .fill   510, 8, 0
        .quad   PHYS(boot_pd) + 3
        .quad   0
boot_pd:
        .set    page, 0
        .rept   512
        .quad   page + 0x83
        .set    page, page + 0x200000
        .endr

        .bss
        .balign 16
        .skip   16384
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
