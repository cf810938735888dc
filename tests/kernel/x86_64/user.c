/*
 * user.c: a program's registers: its first ones, its system calls', a probe's.
 */
#include "x86.h"

enum {
    SYSCALL_LEN = 2, /* bytes of the instruction */
    PROBE_SLOT = 16, /* probe.S */
};

void arch_user_init(struct user_frame *frame, lp_va entry, lp_va stack)
{
    memset(frame, 0, sizeof(*frame));
    frame->rip = entry;
    frame->rsp = stack;
    frame->cs = USER_CS;
    frame->ss = USER_DS;
    frame->rflags = RFLAGS_IF | RFLAGS_FIXED;
}

uint64_t arch_syscall_number(const struct user_frame *frame)
{
    return frame->number;
}

void arch_syscall_arguments(const struct user_frame *frame, uint64_t args[6])
{
    args[0] = frame->rdi;
    args[1] = frame->rsi;
    args[2] = frame->rdx;
    args[3] = frame->r10;
    args[4] = frame->r8;
    args[5] = frame->r9;
}

void arch_syscall_return(struct user_frame *frame, int64_t result)
{
    frame->rax = (uint64_t)result;
}

void arch_syscall_restart(struct user_frame *frame)
{
    frame->rip -= SYSCALL_LEN;
    frame->rax = frame->number;
}

lp_va arch_user_stack(const struct user_frame *frame)
{
    return frame->rsp;
}

void arch_user_set_stack(struct user_frame *frame, lp_va stack)
{
    if (stack)
        frame->rsp = stack;
}

/* WRMSR refuses what is not canonical; a program has no use for what is not its
 * own either (Linux answers EPERM to it). */
void arch_user_set_tls(struct user_frame *frame, lp_va tls)
{
    frame->fs_base = tls < machine.arch.format.user_end ? tls : 0;
}

void arch_probe_frame(struct user_frame *frame, lp_va code, unsigned access,
                      unsigned width, lp_va va, uint64_t value)
{
    unsigned slot = 0;

    while (1u << slot < width)
        slot++;
    if (access == LP_WRITE)
        slot += 4;
    arch_user_init(frame, access == LP_EXEC ? va : code + slot * PROBE_SLOT, 0);
    frame->rdi = va;
    frame->rax = value;
}

uint64_t arch_probe_value(const struct user_frame *frame)
{
    return frame->rax;
}
