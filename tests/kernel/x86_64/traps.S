/*
 * traps.S: where exceptions and interrupts arrive, from user and kernel mode.
 *
 * From user mode the CPU's stack pointer is the end of the running program's
 * struct user_frame (arch_user_run put it into the TSS), so the CPU and the
 * pushes below fill it in; then arch_user_run goes on on its own stack.  From
 * kernel mode the same record is made on the current stack for trap_kernel.
 *
 * In both cases interrupts are off.  AC (which would open user memory under
 * SMAP), DF and NT still are what they were and are cleared here; RFLAGS of the
 * interrupted code comes back by IRET.
 */
#include "x86.h"

        .macro  PUSH_REGISTERS
        .irp    register, rdi, rsi, rdx, rcx, rax, r8, r9, r10, r11
        push    %\register
        .endr
        .irp    register, rbx, rbp, r12, r13, r14, r15
        push    %\register
        .endr
        .endm

        .macro  POP_REGISTERS
        .irp    register, r15, r14, r13, r12, rbp, rbx
        pop     %\register
        .endr
        .irp    register, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi
        pop     %\register
        .endr
        .endm

        .macro  CLEAR_FLAGS
        pushq   $RFLAGS_FIXED
        popfq
        .endm

/* Bit n: exception n pushes an error code (SDM vol. 3A, table 6-1): 8, 10 to
 * 14, 17, 21, and AMD's 29, 30 (APM vol. 2, 8.2). */
#define WITH_ERROR 0x60227d00

#define FATAL (1 << VECTOR_NMI | 1 << VECTOR_DF | 1 << VECTOR_MC)

/* One of TRAP_STUB bytes for each vector. */
        .text
        .balign 16
        .globl  trap_stubs
trap_stubs:
        .set    vector, 0
        .rept   256
        .balign TRAP_STUB
        .if     vector >= EXCEPTIONS || !(WITH_ERROR >> (vector & 31) & 1)
        pushq   $0
        .endif
        pushq   $vector
        .if     vector < EXCEPTIONS && (FATAL >> (vector & 31) & 1)
        jmp     fatal
        .else
        jmp     trapped
        .endif
        .set    vector, vector + 1
        .endr

trapped:
        testb   $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
        jz      from_kernel
        swapgs

/* GS is the kernel's, rsp points at `vector` in the user_frame. */
from_user:
        PUSH_REGISTERS
        mov     %gs:CPU_KERNEL_RSP, %rsp
        CLEAR_FLAGS
        pop     %r15                    /* return from user_enter */
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret

from_kernel:
        PUSH_REGISTERS
        mov     %rsp, %rdi
        CLEAR_FLAGS
        call    trap_kernel
        POP_REGISTERS
        add     $16, %rsp               /* vector, error */
        iretq

/*
 * NMI, double fault, machine check: on a stack of their own, since they may
 * come between SYSCALL and its SWAPGS.  So what GS is, its base tells: the
 * kernel's is in the upper half, and a program cannot have such a one.
 */
fatal:
        PUSH_REGISTERS
        mov     $MSR_GS_BASE, %ecx
        rdmsr
        test    %edx, %edx
        js      1f
        swapgs
1:      mov     %rsp, %rdi
        CLEAR_FLAGS
        call    trap_fatal              /* does not return */

/*
 * SYSCALL: rip is in rcx, rflags in r11, rsp is still the program's; the other
 * flags are off (IA32_FMASK).
 */
        .globl  syscall_entry
syscall_entry:
        swapgs
        mov     %rsp, %gs:CPU_SCRATCH
        mov     %gs:CPU_TSS_RSP0, %rsp
        pushq   $USER_DS
        pushq   %gs:CPU_SCRATCH
        push    %r11
        pushq   $USER_CS
        push    %rcx
        pushq   $0
        pushq   $VECTOR_SYSCALL
        jmp     from_user

/*
 * user_enter(frame: rdi, by_sysret: esi): into user mode; returns when the CPU
 * has come back, with the registers in *frame.
 *
 * => interrupts off; the TSS's rsp0 is &frame->fs_base.
 * => by_sysret: rip = rcx is below the border, rflags = r11.
 */
        .globl  user_enter
user_enter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %gs:CPU_KERNEL_RSP
        mov     %rdi, %rsp
        test    %esi, %esi
        jnz     1f
        POP_REGISTERS
        add     $16, %rsp               /* vector, error */
        swapgs
        iretq
1:      POP_REGISTERS
        mov     (FRAME_RSP - FRAME_VECTOR)(%rsp), %rsp
        swapgs
        sysretq

        .section .note.GNU-stack, "", @progbits
