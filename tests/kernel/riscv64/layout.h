/*
 * layout.h: numbers that C, assembly and the linker script share.
 *
 * Privileged 1.12, 4.1.1 (sstatus), 4.1.3 (sie, sip), 4.1.8 (scause), 4.1.11
 * (satp).
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#ifdef __ASSEMBLER__
#define NUMBER(n) n
#else
#define NUMBER(n) n##u
#endif

#define DIRECT_MAP NUMBER(0xffffffc000000000)
#define IMAGE_START NUMBER(0xffffffff80200000)
/* What an address in the image has more than its physical one. */
#define IMAGE_OFFSET NUMBER(0xffffffff00000000)
#define USER_CODE NUMBER(0xffffffffc0000000)

#define SSTATUS_SIE NUMBER(0x2)
#define SSTATUS_SPIE NUMBER(0x20)
#define SSTATUS_SPP NUMBER(0x100)
#define SSTATUS_FS NUMBER(0x6000) /* dirty: on */
#define SSTATUS_SUM NUMBER(0x40000)
#define SSTATUS_MXR NUMBER(0x80000)

#define SIE_SOFTWARE NUMBER(0x2)
#define SIE_TIMER NUMBER(0x20)

#define SATP_SV39 8 /* Sv48 9, Sv57 10: levels + 5 */
#define SATP_MODE_SHIFT 60

/* Members of struct hart (hart.h), for trap.S, user.S and boot.S. */
#define HART_FRAME 0
#define HART_KERNEL_SP 8
#define HART_SCRATCH 16
#define HART_START_SATP 24
#define HART_START_SP 32

/* Where trap.S puts sstatus behind the 32 registers, and the whole's size. */
#define KERNEL_FRAME_SSTATUS 256
#define KERNEL_FRAME_SIZE 272

#endif
