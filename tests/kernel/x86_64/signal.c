/*
 * signal.c: Linux's rt_sigframe of x86-64 on the user's stack.
 *
 *     above     the red zone of 128 bytes, unless the stack is a new one
 *     fpu       image of FXSAVE, 64-byte aligned
 *     frame     where the handler returns to, ucontext, siginfo;
 *               8 below a multiple of 16, as after a CALL
 *
 * Layouts are the ABI of programs (their <ucontext.h>, System V ABI 3.2.2).
 */
#include "signal.h"
#include "user.h"
#include "x86.h"

enum {
    RED_ZONE = 128,
    FPU_ALIGN = 64,
    MXCSR = 24, /* offsets in an image of FXSAVE */
    MXCSR_MASK = 28,
    MXCSR_MASK_DEFAULT =
        0xffbf, /* where the image says 0 (SDM vol. 1, 11.6.6) */
    /* uc_flags: ss is saved, and comes back as it was saved */
    UC_SIGCONTEXT_SS = 2,
    UC_STRICT_RESTORE_SS = 4,
};

struct user_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector, oldmask, cr2;
    uint64_t fpstate; /* address of the FXSAVE image, or 0 */
    uint64_t reserved[8];
};

struct user_ucontext {
    uint64_t flags, link;
    struct signal_stack stack;
    struct user_sigcontext registers;
    uint64_t mask;
};

struct sigframe {
    uint64_t restorer;
    struct user_ucontext context;
    struct user_siginfo info;
};

_Static_assert(sizeof(struct user_sigcontext) == 256, "the ABI's size");
_Static_assert(offsetof(struct sigframe, info) == 312, "the ABI's offset");

static void save_registers(struct user_sigcontext *to,
                           const struct user_frame *from)
{
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r11 = from->r11;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
    to->rdi = from->rdi;
    to->rsi = from->rsi;
    to->rbp = from->rbp;
    to->rbx = from->rbx;
    to->rdx = from->rdx;
    to->rax = from->rax;
    to->rcx = from->rcx;
    to->rsp = from->rsp;
    to->rip = from->rip;
    to->rflags = from->rflags;
    to->cs = USER_CS;
    to->ss = USER_DS;
    to->error = from->error;
    to->vector = from->vector < EXCEPTIONS ? from->vector : 0;
    to->cr2 = from->cr2;
}

/* cs and ss are never the program's to choose; arch_user_run looks at rip. */
static void load_registers(struct user_frame *to,
                           const struct user_sigcontext *from)
{
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r11 = from->r11;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
    to->rdi = from->rdi;
    to->rsi = from->rsi;
    to->rbp = from->rbp;
    to->rbx = from->rbx;
    to->rdx = from->rdx;
    to->rax = from->rax;
    to->rcx = from->rcx;
    to->rsp = from->rsp;
    to->rip = from->rip;
    to->rflags = (to->rflags & ~(uint64_t)RFLAGS_SIGRETURN) |
                 (from->rflags & RFLAGS_SIGRETURN);
    to->vector = 0; /* not straight back from a system call */
}

static void enter_handler(struct user_frame *frame,
                          const struct signal_delivery *delivery, lp_va at)
{
    frame->rip = delivery->action.handler;
    frame->rsp = at;
    frame->rdi = (uint64_t)(int64_t)delivery->info.si_signo;
    frame->rsi = at + offsetof(struct sigframe, info);
    frame->rdx = at + offsetof(struct sigframe, context);
    frame->rax = 0; /* no vector registers hold arguments of a handler(...) */
    frame->rflags &= ~(uint64_t)(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    frame->vector = 0;
}

/* Would the frame leave the alternative stack that it goes to, or is on? */
static bool overflows(const struct signal_delivery *delivery, lp_va at)
{
    const struct signal_stack *stack = &delivery->stack;

    return (delivery->top || (stack->flags & SS_ONSTACK)) &&
           at - stack->base >= stack->size;
}

/* The handler begins with a fresh FPU, as on Linux. */
int arch_signal_push(struct user_frame *frame, struct fpu_state *fpu,
                     const struct signal_delivery *delivery)
{
    struct sigframe out;
    lp_va top = delivery->top ? delivery->top : frame->rsp - RED_ZONE;
    lp_va fpu_at = round_down(top - sizeof(*fpu), FPU_ALIGN);
    lp_va at = round_down(fpu_at - sizeof(out), 16) - 8;

    if (!(delivery->action.flags & SA_RESTORER) || overflows(delivery, at))
        return -EFAULT;
    memset(&out, 0, sizeof(out));
    out.restorer = delivery->action.restorer;
    out.context.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    out.context.stack = delivery->stack;
    out.context.mask = delivery->mask;
    save_registers(&out.context.registers, frame);
    out.context.registers.oldmask = delivery->mask;
    out.context.registers.fpstate = fpu_at;
    out.info = delivery->info;
    if (user_write(fpu_at, fpu, sizeof(*fpu)) ||
        user_write(at, &out, sizeof(out)))
        return -EFAULT;
    arch_fpu_init(fpu);
    enter_handler(frame, delivery, at);
    return 0;
}

/*
 * The program may have written anything there: a reserved bit of MXCSR would be
 * a #GP of FXRSTOR.  Which bits this CPU knows, the image that it saved itself
 * says (own).
 */
static bool can_load(const struct fpu_state *image, const struct fpu_state *own)
{
    uint32_t mxcsr, mask;

    memcpy(&mask, &own->image[MXCSR_MASK], sizeof(mask));
    memcpy(&mxcsr, &image->image[MXCSR], sizeof(mxcsr));
    return !(mxcsr & ~(mask ? mask : MXCSR_MASK_DEFAULT));
}

static int load_fpu(struct fpu_state *fpu, lp_va at)
{
    struct fpu_state image;

    if (at == 0)
        arch_fpu_init(&image);
    else if (user_read(&image, at, sizeof(image)) || !can_load(&image, fpu))
        return -EFAULT;
    *fpu = image;
    return 0;
}

/* The handler's RET has popped `restorer`. */
int arch_signal_return(struct user_frame *frame, struct fpu_state *fpu,
                       uint64_t *mask)
{
    struct user_ucontext in;

    if (user_read(&in, frame->rsp, sizeof(in)) ||
        load_fpu(fpu, in.registers.fpstate))
        return -EFAULT;
    load_registers(frame, &in.registers);
    *mask = in.mask;
    return 0;
}
