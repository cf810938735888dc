/*
 * signal.c: signals sent and delivered.
 *
 * Sending marks a number as pending and makes the process look; the process
 * itself, on its way back to user mode, acts on what is pending: dies, or has
 * its frame set to run a handler.
 *
 * Under the kernel lock; signal_pending and signal_killed may be asked without.
 */
#include "process.h"

#define UNBLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))
/* Those that an instruction causes come first, so that their address is that
 * of the instruction and not of another's handler. */
#define SYNCHRONOUS                                                  \
    (signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | \
     signal_bit(SIGTRAP) | signal_bit(SIGFPE))

#define ACTIONS_LEN ((NSIG + 1) * sizeof(struct signal_action))

/* --- a process's set --- */

int signals_init(struct signals *signals)
{
    memset(signals, 0, sizeof(*signals));
    signals->action = kmalloc(ACTIONS_LEN);
    return signals->action ? 0 : -ENOMEM;
}

int signals_copy(struct signals *to, const struct signals *from)
{
    int error = signals_init(to);

    if (error)
        return error;
    memcpy(to->action, from->action, ACTIONS_LEN);
    to->blocked = from->blocked;
    to->stack = from->stack;
    return 0;
}

void signals_exec(struct signals *signals)
{
    int signal;

    for (signal = 1; signal <= NSIG; signal++) {
        struct signal_action *action = &signals->action[signal];
        lp_va handler = action->handler == SIG_IGN ? SIG_IGN : SIG_DFL;

        *action = (struct signal_action){ .handler = handler };
    }
    signals->stack = (struct signal_stack){ 0 };
}

void signals_free(struct signals *signals)
{
    kfree(signals->action);
}

/* --- questions --- */

static bool ignored_by_default(int signal)
{
    switch (signal) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return true;
    default: return false;
    }
}

bool signal_ignored(const struct process *process, int signal)
{
    lp_va handler = process->signals.action[signal].handler;

    return handler == SIG_IGN ||
           (handler == SIG_DFL && ignored_by_default(signal));
}

static uint64_t pending(const struct process *process)
{
    return atomic_load_explicit(&process->signals.pending,
                                memory_order_relaxed);
}

bool signal_pending(const struct process *process)
{
    return (pending(process) & ~process->signals.blocked) != 0;
}

bool signal_killed(const struct process *process)
{
    return (pending(process) & signal_bit(SIGKILL)) != 0;
}

/* --- sending --- */

static void set_pending(struct process *process, const struct signal_info *info)
{
    process->signals.info[info->signal] = *info;
    atomic_fetch_or_explicit(&process->signals.pending,
                             signal_bit(info->signal), memory_order_relaxed);
}

static void clear_pending(struct process *process, int signal)
{
    atomic_fetch_and_explicit(&process->signals.pending, ~signal_bit(signal),
                              memory_order_relaxed);
}

void signal_send(struct process *process, const struct signal_info *info)
{
    uint64_t bit = signal_bit(info->signal);

    if (!process->thread)
        return;
    /* A blocked one may find a handler by the time it is let through. */
    if (signal_ignored(process, info->signal) &&
        !(process->signals.blocked & bit))
        return;
    if (pending(process) & bit)
        return;
    set_pending(process, info);
    if (!(process->signals.blocked & bit))
        thread_interrupt(process->thread);
}

void signal_force(const struct signal_info *info)
{
    struct process *process = current();
    struct signals *signals = &process->signals;
    uint64_t bit = signal_bit(info->signal);

    if ((signals->blocked & bit) ||
        signals->action[info->signal].handler == SIG_IGN) {
        signals->action[info->signal].handler = SIG_DFL;
        signals->blocked &= ~bit;
    }
    set_pending(process, info);
}

/* --- delivery --- */

static int lowest(uint64_t set)
{
    int signal = 1;

    while (!(set & 1)) {
        set >>= 1;
        signal++;
    }
    return signal;
}

/* Take the next signal to act on; false: there is none. */
static bool take(struct process *process, struct signal_info *info)
{
    uint64_t set = pending(process) & ~process->signals.blocked;
    int signal;

    if (!set)
        return false;
    if (set & signal_bit(SIGKILL))
        signal = SIGKILL;
    else
        signal = lowest(set & SYNCHRONOUS ? set & SYNCHRONOUS : set);
    *info = process->signals.info[signal];
    clear_pending(process, signal);
    return true;
}

static void fill_siginfo(struct user_siginfo *out,
                         const struct signal_info *info)
{
    memset(out, 0, sizeof(*out));
    out->si_signo = info->signal;
    out->si_code = info->code;
    if (info->code > 0 && (SYNCHRONOUS & signal_bit(info->signal))) {
        out->u.fault.si_addr = info->address;
        return;
    }
    out->u.child.si_pid = info->pid;
    out->u.child.si_status = info->status;
}

/* Is the program on its alternative stack now? */
static bool on_stack(const struct process *process)
{
    const struct signal_stack *stack = &process->signals.stack;
    lp_va sp = arch_user_stack(&process->frame);

    return sp > stack->base && sp - stack->base <= stack->size;
}

void signal_stack_now(const struct process *process, struct signal_stack *out)
{
    *out = process->signals.stack;
    if (!out->size)
        out->flags = SS_DISABLE;
    else
        out->flags = on_stack(process) ? SS_ONSTACK : 0;
}

/* The action's part of the mask, and its one-time use. */
static void enter_handler(struct signals *signals, int signal,
                          const struct signal_action *action)
{
    signals->restore = false;
    signals->blocked |= action->mask;
    if (!(action->flags & SA_NODEFER))
        signals->blocked |= signal_bit(signal);
    signals->blocked &= ~UNBLOCKABLE;
    if (action->flags & SA_RESETHAND)
        signals->action[signal].handler = SIG_DFL;
}

/* Set the frame to run a handler; false: the stack cannot be used. */
static bool push(struct process *process, const struct signal_info *info)
{
    struct signals *signals = &process->signals;
    struct signal_delivery delivery = {
        .action = signals->action[info->signal],
        .mask = signals->restore ? signals->restored : signals->blocked,
    };

    fill_siginfo(&delivery.info, info);
    signal_stack_now(process, &delivery.stack);
    if ((delivery.action.flags & SA_ONSTACK) && delivery.stack.flags == 0)
        delivery.top = signals->stack.base + signals->stack.size;
    arch_fpu_save(&process->fpu);
    if (arch_signal_push(&process->frame, &process->fpu, &delivery) != 0)
        return false;
    /* A handler starts with the registers that the push left. */
    arch_fpu_restore(&process->fpu);
    enter_handler(signals, info->signal, &delivery.action);
    return true;
}

/* No handler can run: SIGSEGV, which kills when it is SIGSEGV's own. */
static void fail(struct process *process, int signal)
{
    struct signal_info info = { .signal = SIGSEGV, .code = SI_KERNEL };

    if (signal == SIGSEGV)
        process->signals.action[SIGSEGV].handler = SIG_DFL;
    signal_force(&info);
}

/* An interrupted system call, before its handler runs. */
static void answer_interrupted(struct process *process, int signal)
{
    if (process->signals.action[signal].flags & SA_RESTART)
        arch_syscall_restart(&process->frame);
    else
        arch_syscall_return(&process->frame, -EINTR);
}

void signal_deliver(bool restart)
{
    struct process *process = current();
    struct signals *signals = &process->signals;
    struct signal_info info;

    while (take(process, &info)) {
        if (signal_ignored(process, info.signal))
            continue;
        if (signals->action[info.signal].handler == SIG_DFL)
            process_exit(info.signal);
        if (restart)
            answer_interrupted(process, info.signal);
        restart = false;
        if (!push(process, &info))
            fail(process, info.signal);
    }
    if (restart)
        arch_syscall_restart(&process->frame);
    if (signals->restore) {
        signals->restore = false;
        signals->blocked = signals->restored;
    }
}
