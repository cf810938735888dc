/*
 * boot.S: from the firmware (SBI) to kernel_main in the upper half: S mode,
 * paging and interrupts off, at the physical address that the image is loaded
 * to.
 *
 * The root maps the GiB at 0x80000000 twice, in Sv39: where it is, for the
 * instructions here, and IMAGE_OFFSET above.  The pager takes over the upper
 * half of it.
 */
#define IMAGE_OFFSET 0xffffffff00000000

.section .text.start, "ax"
.globl _start
_start:
    csrw sie, zero
    lla t0, bss_start
    lla t1, bss_end
1:  sd zero, 0(t0)
    addi t0, t0, 8
    bltu t0, t1, 1b

    lla t0, boot_root
    srli t0, t0, 12
    li t1, 8 << 60              /* Sv39 (Privileged 1.12, 4.1.11) */
    or t0, t0, t1
    sfence.vma
    csrw satp, t0
    li t1, IMAGE_OFFSET
    lla sp, boot_stack_end
    add sp, sp, t1
    lla t0, 2f
    add t0, t0, t1
    jr t0
2:  call kernel_main

/* Leaves of 1 GiB: D A X W R V (4.3.1). */
.data
.balign 4096
.globl boot_root
boot_root:
    .fill 2, 8, 0
    .quad 0x80000 << 10 | 0xcf
    .fill 507, 8, 0
    .quad 0x80000 << 10 | 0xcf
    .quad 0

.bss
.balign 16
    .skip 16384
boot_stack_end:
