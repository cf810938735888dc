/*
 * frame.h: x86-64's structures and constants behind arch.h.
 *
 * A user_frame ends, but for what the CPU does not save, like the record that
 * an exception pushes.  That is the trick of traps.S: while a program runs, the
 * CPU's stack pointer for traps from user mode points right behind `ss`, so
 * that the CPU itself and then a row of pushes fill the frame in.
 */
#ifndef FRAME_H
#define FRAME_H

#include <lazypager/types.h>

#define ARCH_NAME "x86_64"
#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */
/*
 * The kernel's half begins where that of four levels begins.  With five it lies
 * in the last root entry, so nothing here depends on the number.
 */
#define ARCH_DIRECT_MAP 0xffff800000000000
#define ARCH_PROBE 0xffffffffd0000000
#define ARCH_STACK_TOP 0x7ffffffff000
#define ARCH_TRAP_CODE "\xcc" /* INT3 */
#define ARCH_TRAP_LEN 1
#define ARCH_SIGACTION_RESTORER 1
#define ARCH_CLONE_TLS_LAST 1

/* A program's registers.  The order is known to traps.S. */
struct user_frame {
    _Alignas(16) uint64_t r15;
    uint64_t r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
    uint64_t rax, rcx, rdx, rsi, rdi;
    uint64_t vector; /* of the exception or interrupt, or VECTOR_SYSCALL */
    /* What the CPU pushes (SDM vol. 3A, 6.14.2); error: 0 where it has none. */
    uint64_t error, rip, cs, rflags, rsp, ss;
    /* What traps.c reads and writes. */
    uint64_t fs_base, gs_base;
    uint64_t cr2;    /* of the last page fault */
    uint64_t number; /* of the last system call */
};

/* A thread that is not running: its registers are on its stack. */
struct context {
    uint64_t rsp;
};

/* An image of FXSAVE (SDM vol. 1, 10.5.1). */
struct fpu_state {
    _Alignas(16) unsigned char image[512];
};

#endif
