/*
 * signal.c: the frame of a signal on the program's stack, as Linux lays it out
 * for riscv64:
 *
 *     sp ->  siginfo_t       128 bytes
 *            ucontext_t      flags, link, uc_stack, uc_sigmask, room for 1024
 *                            signals, then at a multiple of 16
 *            mcontext_t      pc and x1..x31, then 528 bytes for floating point:
 *                            f0..f31 and fcsr, or registers of 128 bits
 *
 * The architecture's system calls know no SA_RESTORER: the handler returns to a
 * page of the kernel's half that is open to user mode (trampoline, below).  The
 * page is read and executed by programs, and by debuggers that look for these
 * two instructions.
 *
 * What comes back from the stack is the program's: it may hold any registers,
 * none of which is more than a number; of fcsr the defined bits are taken.
 */
#include "signal.h"

#include "hart.h"
#include "user.h"

struct user_context {
    uint64_t flags, link;
    uint64_t stack_base;
    uint32_t stack_flags, stack_pad;
    uint64_t stack_size;
    uint64_t mask;
    uint8_t more_signals[120];
    uint64_t pad;
    uint64_t regs[32];
    uint64_t f[32];
    uint32_t fcsr;
    uint8_t unused[528 - 260];
};

struct signal_frame {
    struct user_siginfo info;
    struct user_context context;
};

_Static_assert(offsetof(struct user_context, regs) == 176 &&
                   offsetof(struct user_context, f) == 432 &&
                   sizeof(struct user_context) == 960 &&
                   offsetof(struct signal_frame, context) == 128 &&
                   sizeof(struct signal_frame) % 16 == 0,
               "the ABI's layout");

enum { FCSR_DEFINED = 0xff };

/* li a7, 139 (rt_sigreturn); ecall: alone on its page of the image. */
__asm__(".pushsection .trampoline, \"ax\"\n"
        ".option push\n"
        ".option norvc\n"
        "trampoline: li a7, 139\n"
        "ecall\n"
        ".option pop\n"
        ".popsection\n");
extern const char trampoline[];

void signal_init(void)
{
    int error =
        lp_kernel_map(the_pager, USER_CODE, image_pa(trampoline), PAGE_SIZE,
                      LP_READ | LP_EXEC, LP_KERNEL_USER, LP_CACHE_WRITEBACK);

    if (error)
        panic("mapping the signal trampoline: %s", lp_strerror(error));
}

static void fill(struct signal_frame *frame, const struct user_frame *user,
                 const struct fpu_state *fpu,
                 const struct signal_delivery *delivery)
{
    struct user_context *context = &frame->context;

    memset(frame, 0, sizeof(*frame));
    frame->info = delivery->info;
    context->stack_base = delivery->stack.base;
    context->stack_flags = delivery->stack.flags;
    context->stack_size = delivery->stack.size;
    context->mask = delivery->mask;
    memcpy(context->regs, user->regs, sizeof(context->regs));
    memcpy(context->f, fpu->f, sizeof(context->f));
    context->fcsr = fpu->fcsr;
}

int arch_signal_push(struct user_frame *user, struct fpu_state *fpu,
                     const struct signal_delivery *delivery)
{
    lp_va top = delivery->top ? delivery->top : user->regs[REG_SP];
    lp_va sp = round_down(top - sizeof(struct signal_frame), 16);
    struct signal_frame frame;

    fill(&frame, user, fpu, delivery);
    if (sp > top || user_write(sp, &frame, sizeof(frame)) != 0)
        return -EFAULT;
    user->regs[REG_PC] = delivery->action.handler;
    user->regs[REG_RA] = USER_CODE;
    user->regs[REG_SP] = sp;
    user->regs[REG_A0] = (uint64_t)delivery->info.si_signo;
    user->regs[REG_A1] = sp + offsetof(struct signal_frame, info);
    user->regs[REG_A2] = sp + offsetof(struct signal_frame, context);
    return 0;
}

int arch_signal_return(struct user_frame *user, struct fpu_state *fpu,
                       uint64_t *mask)
{
    struct signal_frame frame;
    const struct user_context *context = &frame.context;

    if (user_read(&frame, user->regs[REG_SP], sizeof(frame)) != 0)
        return -EFAULT;
    memcpy(user->regs, context->regs, sizeof(user->regs));
    memcpy(fpu->f, context->f, sizeof(fpu->f));
    fpu->fcsr = context->fcsr & FCSR_DEFINED;
    *mask = context->mask;
    return 0;
}
