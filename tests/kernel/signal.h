/*
 * signal.h: signals as Linux programs know them.  Numbers and layouts are
 * Linux's (asm-generic); the frame on the user's stack is the architecture's.
 */
#ifndef SIGNAL_H
#define SIGNAL_H

#include <stdatomic.h>

#include "kernel.h"

enum {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGWINCH = 28,
    NSIG = 64,
};

/* si_code */
enum {
    SI_USER = 0,
    SI_KERNEL = 0x80,
    SI_TKILL = -6,
    ILL_ILLOPC = 1,
    FPE_INTDIV = 1,
    FPE_FLTINV = 7,
    TRAP_BRKPT = 1,
    SEGV_MAPERR = 1,
    SEGV_ACCERR = 2,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    CLD_EXITED = 1,
    CLD_KILLED = 2,
};

/* sa_flags */
enum {
    SA_NOCLDWAIT = 2,
    SA_SIGINFO = 4,
    SA_RESTORER = 0x04000000,
    SA_ONSTACK = 0x08000000,
    SA_RESTART = 0x10000000,
    SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000u

enum { SIG_DFL = 0, SIG_IGN = 1 };

/* What the kernel keeps of siginfo_t. */
struct signal_info {
    int signal, code;
    uint64_t address; /* SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
    int pid, status;  /* SIGCHLD, kill */
};

/* siginfo_t as programs see it: 128 bytes, the same on both architectures. */
struct user_siginfo {
    int32_t si_signo, si_errno, si_code, pad;
    union {
        struct {
            uint64_t si_addr;
        } fault;
        struct {
            int32_t si_pid;
            uint32_t si_uid;
            int32_t si_status;
        } child;
        unsigned char bytes[112];
    } u;
};
_Static_assert(sizeof(struct user_siginfo) == 128, "the ABI's size");

struct signal_action {
    lp_va handler; /* SIG_DFL, SIG_IGN or a function */
    uint64_t flags;
    lp_va restorer;
    uint64_t mask;
};

enum { SS_ONSTACK = 1, SS_DISABLE = 2 };

/* stack_t.  base and size 0: none. */
struct signal_stack {
    lp_va base;
    uint32_t flags; /* SS_* */
    uint32_t pad;
    uint64_t size;
};

/*
 * Of each number one is pending at a time; a second one is lost, also of those
 * from 32 on, which Linux would queue.
 *
 * Stop signals are ignored: there is no terminal to stop for, and Linux, too,
 * does not stop an orphaned process group, which the first program's is.
 */
struct signals {
    struct signal_action *action; /* NSIG + 1 of them, by number; [0] unused */
    /*
     * Bit n - 1 is signal n.  Both change under the kernel lock, and blocked
     * only by its own process; that may look at them without.
     */
    uint64_t blocked;
    _Atomic uint64_t pending;
    struct signal_info info[NSIG + 1]; /* of pending ones */
    struct signal_stack stack;
    /* rt_sigsuspend: what `blocked` shall be again after the handler. */
    bool restore;
    uint64_t restored;
};

/* What arch_signal_push is told. */
struct signal_delivery {
    struct signal_action action;
    struct user_siginfo info;
    uint64_t mask;             /* blocked signals to save and come back to */
    struct signal_stack stack; /* for uc_stack */
    lp_va top; /* the alternative stack's top, or 0: the current stack */
};

struct process;

static inline uint64_t signal_bit(int signal)
{
    return (uint64_t)1 << (signal - 1);
}

/* A set for a new process: all default; or as fork and exec make it.  0 or
 * -ENOMEM.  Of a failed one nothing is to be freed. */
int signals_init(struct signals *signals);
int signals_copy(struct signals *to, const struct signals *from);
void signals_exec(struct signals *signals);
void signals_free(struct signals *signals);

/* Send; wakes it.  Kernel lock held. */
void signal_send(struct process *process, const struct signal_info *info);
/*
 * A fault of the current program: it cannot be ignored or blocked: then it
 * kills.  Kernel lock held.
 */
void signal_force(const struct signal_info *info);
/* The alternative stack as sigaltstack and a handler see it: with flags. */
void signal_stack_now(const struct process *process, struct signal_stack *out);
/* Is one pending that is not blocked?  Any context. */
bool signal_pending(const struct process *process);
/* Was it sent SIGKILL?  Any context. */
bool signal_killed(const struct process *process);
/* Does a signal of this number have no effect on it (blocked or not)? */
bool signal_ignored(const struct process *process, int signal);
/*
 * Before going back to user mode: act on pending signals: end the process, or
 * set its frame to run a handler.  Kernel lock held.  restart: a system call
 * answered -ERESTART; it is issued again or answers -EINTR.
 */
void signal_deliver(bool restart);

#endif
