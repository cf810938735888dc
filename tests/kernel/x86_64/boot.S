/*
 * boot.S: from 32-bit protected mode without paging to C in the upper half.
 *
 * The loader finds the entry through the PVH note: flat segments, paging off,
 * interrupts off, ebx = start_info (Xen, docs/misc/pvh).  Further CPUs come
 * here from ap.S in the same state.  Both go through `paging_on`.
 *
 * The boot tables are constants.  They map the first 2 GiB of physical memory
 * three times by 2 MiB pages: at 0 (for the instruction after paging goes on),
 * at ARCH_DIRECT_MAP, and at KERNEL_BASE.  The same lower tables serve four and
 * five levels; which it is must be known before paging goes on, since CR4.LA57
 * cannot change after (SDM vol. 3A, 4.1.1): five where CPUID has them, unless
 * the command line says levels=4.
 */
#include "x86.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

/* start_info: the command line's physical address. */
#define START_INFO_CMDLINE 24

        .section .note.pvh, "a", @note
        .align  4
        .long   4                       /* length of the name */
        .long   8                       /* length of the address */
        .long   18                      /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   PHYS(boot_entry)

        .text
        .code32
        .globl  boot_entry
boot_entry:
        cld
        mov     $PHYS(boot_stack + BOOT_STACK), %esp
        call    choose_levels
        mov     $PHYS(boot_high), %edi
        jmp     paging_on

/*
 * choose_levels: set `five` when CPUID.(7,0):ECX.LA57[bit 16] is set and
 * levels=4 is no word of the command line.
 *
 * => ebx: start_info, kept.
 */
choose_levels:
        push    %ebx
        xor     %eax, %eax
        cpuid
        cmp     $7, %eax
        jb      .Lfour
        mov     $7, %eax
        xor     %ecx, %ecx
        cpuid
        bt      $16, %ecx
        jnc     .Lfour
        mov     (%esp), %ebx
        mov     START_INFO_CMDLINE(%ebx), %esi
        test    %esi, %esi
        jz      .Lfive
.Lword: cmpl    $0x6576656c, (%esi)     /* "leve" */
        jne     .Lskip
        cmpl    $0x343d736c, 4(%esi)    /* "ls=4" */
        jne     .Lskip
        cmpb    $0, 8(%esi)
        je      .Lfour
        cmpb    $' ', 8(%esi)
        je      .Lfour
.Lskip: lodsb                           /* to the next word */
        test    %al, %al
        jz      .Lfive
        cmp     $' ', %al
        jne     .Lskip
        jmp     .Lword
.Lfive: movb    $1, PHYS(five)
.Lfour: pop     %ebx
        ret

/*
 * paging_on: 64-bit mode in the upper half.
 *
 * => edi: the physical address of where to go on.  ebx arrives there.
 */
        .globl  paging_on
paging_on:
        mov     %cr4, %eax
        or      $CR4_PAE, %eax
        mov     $PHYS(boot_pml4), %edx
        cmpb    $0, PHYS(five)
        je      1f
        or      $CR4_LA57, %eax
        mov     $PHYS(boot_pml5), %edx
1:      mov     %eax, %cr4
        mov     %edx, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_LME, %eax
        wrmsr
        mov     %cr0, %eax
        or      $(CR0_PG | CR0_WP), %eax
        mov     %eax, %cr0
        lgdt    PHYS(boot_gdt_pointer)
        ljmp    $KERNEL_CS, $PHYS(1f)
        .code64
1:      mov     $KERNEL_DS, %eax
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %edi, %edi              /* the upper half was undefined */
        add     $KERNEL_BASE, %rdi
        jmp     *%rdi

boot_high:
        mov     $(boot_stack + BOOT_STACK), %rsp
        mov     %ebx, %edi
        xor     %ebp, %ebp
        call    boot_main               /* does not return */

/* A further CPU: ap_number and ap_stack are its own. */
        .code32
        .globl  ap_entry
ap_entry:
        mov     $PHYS(ap_high), %edi
        jmp     paging_on
        .code64
ap_high:
        mov     ap_stack, %rsp
        mov     ap_number, %edi
        xor     %ebp, %ebp
        call    ap_main                 /* does not return */

        .data
        .globl  ap_stack, ap_number
        .balign 8
ap_stack:
        .quad   0
ap_number:
        .long   0
five:   .byte   0

        .balign 8
        .globl  boot_gdt
boot_gdt:
        .quad   0
        .quad   0x00cf9a000000ffff      /* BOOT_CS32 */
        .quad   0x00af9a000000ffff      /* KERNEL_CS */
        .quad   0x00cf92000000ffff      /* KERNEL_DS, all of the 4 GiB */
boot_gdt_end:
        .globl  boot_gdt_pointer
boot_gdt_pointer:
        .word   boot_gdt_end - boot_gdt - 1
        .quad   PHYS(boot_gdt)

/* Entries: P, W, and for 2 MiB leaves PS (SDM vol. 3A, 4.5). */
#define TABLE(symbol) PHYS(symbol) + 3

        .balign 4096
boot_pml5:
        .quad   TABLE(boot_pml4)
        .fill   510, 8, 0
        .quad   TABLE(boot_pml4)
boot_pml4:
        .quad   TABLE(boot_pdpt)        /* physical = virtual */
        .fill   255, 8, 0
        .quad   TABLE(boot_pdpt)        /* ARCH_DIRECT_MAP, entry 256 */
        .fill   254, 8, 0
        .quad   TABLE(boot_pdpt_high)   /* the last 512 GiB */
boot_pdpt:
        .quad   TABLE(boot_pd)
        .quad   TABLE(boot_pd + 4096)
        .fill   510, 8, 0
boot_pdpt_high:
        .fill   510, 8, 0
        .quad   TABLE(boot_pd)          /* KERNEL_BASE, entry 510 */
        .quad   TABLE(boot_pd + 4096)
boot_pd:
        .set    page, 0
        .rept   1024
        .quad   page + 0x83
        .set    page, page + 0x200000
        .endr

        .bss
        .balign 16
boot_stack:
        .skip   BOOT_STACK

        .section .note.GNU-stack, "", @progbits
