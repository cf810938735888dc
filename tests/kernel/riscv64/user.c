/*
 * user.c: a program's registers, as the system-call convention sees them:
 * number in a7, arguments in a0 to a5, result in a0 (the psABI's names).
 */
#include "hart.h"

void arch_user_init(struct user_frame *frame, lp_va entry, lp_va stack)
{
    memset(frame, 0, sizeof(*frame));
    frame->regs[REG_PC] = entry;
    frame->regs[REG_SP] = stack;
}

uint64_t arch_syscall_number(const struct user_frame *frame)
{
    return frame->regs[REG_A7];
}

/* a0 as it was when the program called: a result may be there by now. */
void arch_syscall_arguments(const struct user_frame *frame, uint64_t args[6])
{
    args[0] = frame->first_argument;
    for (unsigned i = 1; i < 6; i++)
        args[i] = frame->regs[REG_A0 + i];
}

void arch_syscall_return(struct user_frame *frame, int64_t result)
{
    frame->regs[REG_A0] = (uint64_t)result;
}

/* ECALL has no compressed form: 4 bytes. */
void arch_syscall_restart(struct user_frame *frame)
{
    frame->regs[REG_PC] -= 4;
    frame->regs[REG_A0] = frame->first_argument;
}

void arch_user_set_stack(struct user_frame *frame, lp_va stack)
{
    if (stack != 0)
        frame->regs[REG_SP] = stack;
}

lp_va arch_user_stack(const struct user_frame *frame)
{
    return frame->regs[REG_SP];
}

void arch_user_set_tls(struct user_frame *frame, lp_va tls)
{
    frame->regs[REG_TP] = tls;
}

/* All zero: rounding to nearest, no flags, +0.0. */
void arch_fpu_init(struct fpu_state *state)
{
    memset(state, 0, sizeof(*state));
}

/* --- the probe: pieces of code of 16 bytes each (probe.S) --- */

void arch_probe_frame(struct user_frame *frame, lp_va code, unsigned access,
                      unsigned width, lp_va va, uint64_t value)
{
    unsigned piece = access == LP_WRITE ? 4 : 0;

    while (width > 1) {
        width /= 2;
        piece++;
    }
    arch_user_init(frame, access == LP_EXEC ? va : code + piece * 16, 0);
    frame->regs[REG_A0] = va;
    frame->regs[REG_A1] = value;
}

uint64_t arch_probe_value(const struct user_frame *frame)
{
    return frame->regs[REG_A0];
}
