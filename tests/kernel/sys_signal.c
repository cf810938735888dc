/*
 * sys_signal.c: the system calls about signals.
 *
 * Under the kernel lock.
 */
#include "process.h"
#include "syscall.h"
#include "user.h"

/* Sets are 64 bits; programs say how many bytes they think that is. */
enum { SET_LEN = 8, STACK_MIN = 2048 };
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

static uint64_t blockable(uint64_t set)
{
    return set & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
}

/* --- actions --- */

/* struct sigaction, as the kernel has it: words, in one of two forms. */
static size_t action_words(void)
{
    return ARCH_SIGACTION_RESTORER ? 4 : 3;
}

static int read_action(struct signal_action *action, lp_va from)
{
    uint64_t word[4];
    size_t n = action_words();

    if (user_read(word, from, n * sizeof(*word)) != 0)
        return -EFAULT;
    action->handler = word[0];
    action->flags = word[1];
    action->restorer = ARCH_SIGACTION_RESTORER ? word[2] : 0;
    action->mask = blockable(word[n - 1]);
    return 0;
}

static int write_action(lp_va to, const struct signal_action *action)
{
    uint64_t word[4] = { action->handler, action->flags };
    size_t n = action_words();

    word[2] = action->restorer;
    word[n - 1] = action->mask;
    return user_write(to, word, n * sizeof(*word));
}

/* rt_sigaction(signal, new, old, set length) */
int64_t sys_rt_sigaction(const uint64_t args[6])
{
    struct process *process = current();
    struct signal_action new = { 0 }, old;
    int signal = (int)args[0];

    if (args[3] != SET_LEN || signal < 1 || signal > NSIG)
        return -EINVAL;
    if (args[1] && (signal == SIGKILL || signal == SIGSTOP))
        return -EINVAL;
    old = process->signals.action[signal];
    if (args[1] && read_action(&new, args[1]) != 0)
        return -EFAULT;
    if (args[2] && write_action(args[2], &old) != 0)
        return -EFAULT;
    if (!args[1])
        return 0;
    process->signals.action[signal] = new;
    if (signal_ignored(process, signal))
        atomic_fetch_and_explicit(&process->signals.pending,
                                  ~signal_bit(signal), memory_order_relaxed);
    return 0;
}

/* --- masks --- */

/* rt_sigprocmask(how, new, old, set length) */
int64_t sys_rt_sigprocmask(const uint64_t args[6])
{
    struct signals *signals = &current()->signals;
    uint64_t old = signals->blocked, set = 0;

    if (args[3] != SET_LEN)
        return -EINVAL;
    if (args[1] && user_read(&set, args[1], sizeof(set)) != 0)
        return -EFAULT;
    if (args[1] && (int)args[0] != SIG_BLOCK && (int)args[0] != SIG_UNBLOCK &&
        (int)args[0] != SIG_SETMASK)
        return -EINVAL;
    if (args[2] && user_write(args[2], &old, sizeof(old)) != 0)
        return -EFAULT;
    if (!args[1])
        return 0;
    switch ((int)args[0]) {
    case SIG_BLOCK: set = old | set; break;
    case SIG_UNBLOCK: set = old & ~set; break;
    default: break;
    }
    signals->blocked = blockable(set);
    return 0;
}

/* rt_sigpending(set, set length) */
int64_t sys_rt_sigpending(const uint64_t args[6])
{
    const struct signals *signals = &current()->signals;
    uint64_t set =
        atomic_load_explicit(&signals->pending, memory_order_relaxed) &
        signals->blocked;
    size_t len = sizeof(set);

    if (args[1] > SET_LEN)
        return -EINVAL;
    if (args[1] < len)
        len = (size_t)args[1];
    return user_write(args[0], &set, len);
}

/* Pending ones that would do nothing must not end the wait. */
static void drop_ignored(struct process *process)
{
    int signal;

    for (signal = 1; signal <= NSIG; signal++)
        if (signal_ignored(process, signal) &&
            !(process->signals.blocked & signal_bit(signal)))
            atomic_fetch_and_explicit(&process->signals.pending,
                                      ~signal_bit(signal),
                                      memory_order_relaxed);
}

/* Until a signal is there to be acted on. */
static int64_t await_signal(void)
{
    struct wait_queue nobody = { NULL };

    drop_ignored(current());
    while (wait_on(&nobody, 0) != -EINTR)
        ;
    return -EINTR;
}

int64_t sys_pause(const uint64_t args[6])
{
    (void)args;
    return await_signal();
}

/*
 * rt_sigsuspend(set, set length): sleep with this mask until a handler has run.
 * The old mask is what that handler's frame goes back to.
 */
int64_t sys_rt_sigsuspend(const uint64_t args[6])
{
    struct signals *signals = &current()->signals;
    uint64_t set;

    if (args[1] != SET_LEN)
        return -EINVAL;
    if (user_read(&set, args[0], sizeof(set)) != 0)
        return -EFAULT;
    signals->restored = signals->blocked;
    signals->restore = true;
    signals->blocked = blockable(set);
    return await_signal();
}

/* rt_sigreturn(): back from a handler. */
int64_t sys_rt_sigreturn(const uint64_t args[6])
{
    struct process *process = current();
    struct signal_info info = { .signal = SIGSEGV, .code = SI_KERNEL };
    uint64_t mask;

    (void)args;
    arch_fpu_save(&process->fpu);
    if (arch_signal_return(&process->frame, &process->fpu, &mask) != 0) {
        signal_force(&info);
        return -ENORESULT;
    }
    arch_fpu_restore(&process->fpu);
    process->signals.blocked = blockable(mask);
    return -ENORESULT;
}

/* --- the alternative stack --- */

/* sigaltstack(new, old) */
int64_t sys_sigaltstack(const uint64_t args[6])
{
    struct process *process = current();
    struct signal_stack new = { 0 }, old;

    signal_stack_now(process, &old);
    if (args[0] && user_read(&new, args[0], sizeof(new)) != 0)
        return -EFAULT;
    if (args[0]) {
        if (old.flags == SS_ONSTACK)
            return -EPERM;
        if (new.flags != 0 && new.flags != SS_DISABLE &&new.flags != SS_ONSTACK)
            return -EINVAL;
        if (new.flags == SS_DISABLE)
            new = (struct signal_stack){ 0 };
        else if (new.size < STACK_MIN || new.base + new.size < new.base)
            return -ENOMEM;
    }
    if (args[1] && user_write(args[1], &old, sizeof(old)) != 0)
        return -EFAULT;
    if (args[0])
        process->signals.stack = new;
    return 0;
}

/* --- sending --- */

/* A kill that goes to some, and whether it went to anybody. */
struct kill {
    struct signal_info info;
    int group; /* -1: all but the sender and the first process */
    bool found;
};

static void kill_one(struct process *process, struct kill *kill)
{
    kill->found = true;
    if (kill->info.signal)
        signal_send(process, &kill->info);
}

static void kill_member(struct process *process, void *arg)
{
    struct kill *kill = arg;
    bool member = kill->group == -1 ? process->pid != 1 && process != current()
                                    : process->pgid == kill->group;

    if (member)
        kill_one(process, kill);
}

static bool valid(int signal)
{
    return signal >= 0 && signal <= NSIG;
}

/* kill(pid, signal) */
int64_t sys_kill(const uint64_t args[6])
{
    int pid = (int)args[0];
    struct kill kill = {
        .info = { .signal = (int)args[1], .pid = current()->pid },
    };
    struct process *process;

    if (!valid(kill.info.signal))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid > 0) {
        process = process_find(pid);
        if (process)
            kill_one(process, &kill);
    } else {
        kill.group = pid == 0 ? current()->pgid : pid == -1 ? -1 : -pid;
        process_each(kill_member, &kill);
    }
    return kill.found ? 0 : -ESRCH;
}

static int64_t kill_thread(int tid, int signal)
{
    struct kill kill = {
        .info = { .signal = signal, .code = SI_TKILL, .pid = current()->pid },
    };
    struct process *process;

    if (tid <= 0 || !valid(signal))
        return -EINVAL;
    process = process_find(tid);
    if (!process)
        return -ESRCH;
    kill_one(process, &kill);
    return 0;
}

/* tkill(tid, signal) */
int64_t sys_tkill(const uint64_t args[6])
{
    return kill_thread((int)args[0], (int)args[1]);
}

/* tgkill(tgid, tid, signal).  A process has one thread. */
int64_t sys_tgkill(const uint64_t args[6])
{
    if ((int)args[0] <= 0)
        return -EINVAL;
    if (args[0] != args[1])
        return -ESRCH;
    return kill_thread((int)args[1], (int)args[2]);
}
