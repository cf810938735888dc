/*
 * handlers.c: sending, blocking, handling signals; interrupted calls; what kills.
 * Floating-point state across handlers is in floats.c.
 */
#include "kit.h"

#include <poll.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <time.h>

static volatile int count, order[8], norder;
static volatile siginfo_t last;

static void counted(int signal)
{
    (void)signal;
    count++;
}

static void noted(int signal)
{
    order[norder++ % 8] = signal;
}

static void informed(int signal, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(signal == info->si_signo);
    last = *info;
    count++;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_flags = flags };

    action.sa_handler = handler;
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    if (signal)
        sigaddset(&set, signal);
    return set;
}

static void block(int how, int signal)
{
    sigset_t set = set_of(signal);

    CHECK(sigprocmask(how, &set, NULL) == 0);
}

static void handled(void)
{
    handle(SIGUSR1, counted, 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    EQUAL(count, 2);
    handle(SIGUSR1, SIG_IGN, 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(count, 2);
}

static void information(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = informed;
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    EQUAL(count, 1);
    EQUAL(last.si_code, SI_USER);
    EQUAL(last.si_pid, getpid());
    EQUAL(last.si_uid, getuid());
    CHECK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2) == 0);
    EQUAL(count, 2);
    EQUAL(last.si_code, SI_TKILL);
    CHECK(syscall(SYS_tkill, getpid(), SIGUSR2) == 0);
    EQUAL(count, 3);
}

static void actions_are_told(void)
{
    struct sigaction action = { .sa_flags = SA_RESTART | SA_NODEFER }, old;

    action.sa_handler = counted;
    action.sa_mask = set_of(SIGHUP);
    CHECK(sigaction(SIGUSR1, &action, &old) == 0);
    CHECK(old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(old.sa_handler == counted);
    EQUAL(old.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO),
          SA_RESTART | SA_NODEFER);
    CHECK(sigismember(&old.sa_mask, SIGHUP));
    CHECK(!sigismember(&old.sa_mask, SIGUSR1));
}

static void blocked(void)
{
    sigset_t pending, mask;

    handle(SIGUSR1, counted, 0);
    block(SIG_BLOCK, SIGUSR1);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(count, 0);
    CHECK(sigpending(&pending) == 0);
    CHECK(sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2));
    CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
    block(SIG_UNBLOCK, SIGUSR1);
    EQUAL(count, 1);
    CHECK(sigpending(&pending) == 0);
    CHECK(!sigismember(&pending, SIGUSR1));
}

/* Ignoring a signal throws away a pending one. */
static void ignored_while_pending(void)
{
    handle(SIGUSR1, counted, 0);
    block(SIG_BLOCK, SIGUSR1);
    CHECK(raise(SIGUSR1) == 0);
    handle(SIGUSR1, SIG_IGN, 0);
    handle(SIGUSR1, counted, 0);
    block(SIG_UNBLOCK, SIGUSR1);
    EQUAL(count, 0);
}

static int nested_depth, deepest;

static void nesting(int signal)
{
    if (++nested_depth > deepest)
        deepest = nested_depth;
    if (nested_depth < 5 && count < 4)
        CHECK(raise(signal) == 0);
    nested_depth--;
    count++;
}

static void no_defer(void)
{
    handle(SIGUSR1, nesting, SA_NODEFER);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(deepest, 5);
    EQUAL(count, 5);
}

/* Without SA_NODEFER the second one waits for the handler's end. */
static void deferred(void)
{
    handle(SIGUSR1, nesting, 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(deepest, 1);
    EQUAL(count, 5);
}

static void outer(int signal)
{
    noted(signal);
    CHECK(raise(SIGUSR2) == 0);
    noted(-signal);
}

/* A handler is interrupted by another signal, unless its mask says no. */
static void nested_and_masked(void)
{
    struct sigaction action = { .sa_flags = 0 };

    handle(SIGUSR1, outer, 0);
    handle(SIGUSR2, noted, 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(order[0], SIGUSR1);
    EQUAL(order[1], SIGUSR2);
    EQUAL(order[2], -SIGUSR1);
    action.sa_handler = outer;
    action.sa_mask = set_of(SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(order[3], SIGUSR1);
    EQUAL(order[4], -SIGUSR1);
    EQUAL(order[5], SIGUSR2);
    EQUAL(norder, 6);
}

static void reset_by_handler(void)
{
    pid_t child = start();

    handle(SIGUSR1, counted, (int)SA_RESETHAND);
    if (child == 0) {
        CHECK(raise(SIGUSR1) == 0);
        EQUAL(count, 1);
        raise(SIGUSR1);
        _exit(0);
    }
    EQUAL(finish(child), SIGUSR1);
}

/* A child that sends this process a signal after a moment, n times. */
static pid_t sender(int signal, int n)
{
    pid_t parent = getpid(), child = start();

    if (child == 0) {
        while (n-- > 0) {
            sleep_ms(15);
            kill(parent, signal);
        }
        _exit(0);
    }
    return child;
}

static void interrupted(void)
{
    struct timespec second = { 1, 0 };
    char byte;
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, counted, 0);
    child = sender(SIGUSR1, 1);
    FAILS(read(ends[0], &byte, 1), EINTR);
    EQUAL(finish(child), 0);
    child = sender(SIGUSR1, 1);
    FAILS(nanosleep(&second, &second), EINTR);
    CHECK(second.tv_sec == 0 && second.tv_nsec > 0);
    EQUAL(finish(child), 0);
    child = sender(SIGUSR1, 1);
    FAILS(poll(NULL, 0, 1000), EINTR);
    EQUAL(finish(child), 0);
    EQUAL(count, 3);
}

static void restarted(void)
{
    char byte = 0;
    int ends[2], status;
    pid_t child;

    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, counted, SA_RESTART);
    child = start();
    if (child == 0) {
        sleep_ms(15);
        kill(getppid(), SIGUSR1);
        sleep_ms(15);
        CHECK(write(ends[1], "r", 1) == 1);
        sleep_ms(15);
        kill(getppid(), SIGUSR1);
        sleep_ms(15);
        _exit(5);
    }
    EQUAL(read(ends[0], &byte, 1), 1);
    EQUAL(byte, 'r');
    EQUAL(count, 1);
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 5 << 8);
    EQUAL(count, 2);
}

/* A signal without effect does not interrupt a call. */
static void not_interrupted(void)
{
    char byte = 0;
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, SIG_IGN, 0);
    child = start();
    if (child == 0) {
        sleep_ms(10);
        kill(getppid(), SIGUSR1);
        kill(getppid(), SIGCONT);
        sleep_ms(10);
        CHECK(write(ends[1], "n", 1) == 1);
        _exit(0);
    }
    EQUAL(read(ends[0], &byte, 1), 1);
    EQUAL(byte, 'n');
    EQUAL(finish(child), 0);
}

static void suspended(void)
{
    sigset_t none = set_of(0), mask;
    pid_t child;

    handle(SIGUSR1, counted, 0);
    block(SIG_BLOCK, SIGUSR1);
    child = sender(SIGUSR1, 1);
    FAILS(sigsuspend(&none), EINTR);
    EQUAL(count, 1);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR1));
    EQUAL(finish(child), 0);
    /* One that is pending already ends it at once. */
    CHECK(raise(SIGUSR1) == 0);
    FAILS(sigsuspend(&none), EINTR);
    EQUAL(count, 2);
}

static void child_has_ended(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };
    pid_t child;

    action.sa_sigaction = informed;
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    child = start();
    if (child == 0)
        _exit(9);
    EQUAL(finish(child), 9 << 8);
    EQUAL(count, 1);
    EQUAL(last.si_code, CLD_EXITED);
    EQUAL(last.si_pid, child);
    EQUAL(last.si_status, 9);
    child = start();
    if (child == 0) {
        kill(getpid(), SIGTERM);
        sleep_ms(1000);
    }
    EQUAL(finish(child), SIGTERM);
    EQUAL(last.si_code, CLD_KILLED);
    EQUAL(last.si_status, SIGTERM);
}

/* Who ignores SIGCHLD has no zombies. */
static void children_ignored(void)
{
    int status;

    handle(SIGCHLD, SIG_IGN, 0);
    if (start() == 0)
        _exit(1);
    if (start() == 0)
        _exit(2);
    FAILS(waitpid(-1, &status, 0), ECHILD);
}

static void deaths(void)
{
    static const int signals[] = {
        SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
        SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM
    };
    static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH };
    size_t i;
    pid_t child;
    int status;

    for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        child = start();
        if (child == 0) {
            kill(getpid(), signals[i]);
            _exit(0);
        }
        status = finish(child);
        CHECK(WIFSIGNALED(status));
        EQUAL(WTERMSIG(status), signals[i]);
    }
    for (i = 0; i < 4; i++) {
        child = start();
        if (child == 0) {
            kill(getpid(), harmless[i]);
            _exit(3);
        }
        EQUAL(finish(child), 3 << 8);
    }
}

/* From outside, whatever it does: sleep, wait or compute. */
static void killed_while_busy(void)
{
    int ends[2], i;
    char byte;
    pid_t child;

    CHECK(pipe(ends) == 0);
    handle(SIGTERM, SIG_IGN, 0);
    for (i = 0; i < 4; i++) {
        child = start();
        if (child == 0) {
            while (i == 0)
                ;
            if (i == 1)
                (void)!read(ends[0], &byte, 1);
            if (i == 2)
                sleep_ms(100000);
            if (start() == 0)
                sleep_ms(300);
            waitpid(-1, NULL, 0);
            _exit(0);
        }
        sleep_ms(10);
        CHECK(kill(child, SIGTERM) == 0);
        CHECK(kill(child, SIGKILL) == 0);
        EQUAL(finish(child), SIGKILL);
    }
}

static void errors(void)
{
    struct sigaction action = { .sa_flags = 0 };

    action.sa_handler = counted;
    FAILS(kill(getpid(), 65), EINVAL);
    FAILS(kill(getpid(), -1), EINVAL);
    FAILS(kill(0x3ffffff, SIGTERM), ESRCH);
    CHECK(kill(getpid(), 0) == 0);
    FAILS(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    FAILS(syscall(SYS_rt_sigprocmask, 9, &action, NULL, 8), EINVAL);
    FAILS(syscall(SYS_tgkill, -1, getpid(), SIGTERM), EINVAL);
    FAILS(syscall(SYS_tgkill, getpid(), 0x3ffffff, SIGTERM), ESRCH);
}

static void kill_cannot_be_blocked(void)
{
    pid_t child = start();

    if (child == 0) {
        sigset_t all;

        sigfillset(&all);
        CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGKILL);
        _exit(0);
    }
    EQUAL(finish(child), SIGKILL);
}

/* A blocked or ignored fault kills all the same. */
static void faults_cannot_be_blocked(void)
{
    volatile uintptr_t nothing = 0;
    pid_t child = start();

    if (child == 0) {
        block(SIG_BLOCK, SIGSEGV);
        *(volatile char *)nothing = 1;
        _exit(0);
    }
    EQUAL(finish(child) & 0x7f, SIGSEGV);
    child = start();
    if (child == 0) {
        handle(SIGSEGV, SIG_IGN, 0);
        *(volatile char *)nothing = 1;
        _exit(0);
    }
    EQUAL(finish(child) & 0x7f, SIGSEGV);
}

static void jumps_out(void)
{
    volatile uintptr_t address = 4096;
    int i;

    for (i = 0; i < 200; i++)
        FAULTS(fault_write((void *)(address + (unsigned)i)), SIGSEGV,
               SEGV_MAPERR, address + (unsigned)i);
}

static sigjmp_buf out;

static void leave(int signal, siginfo_t *info, void *context)
{
    informed(signal, info, context);
    siglongjmp(out, 1);
}

static void trap(int signal, void (*cause)(void))
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = leave;
    CHECK(sigaction(signal, &action, NULL) == 0);
    last.si_signo = 0;
    if (sigsetjmp(out, 1) == 0)
        cause();
    EQUAL(last.si_signo, signal);
}

static void illegal(void)
{
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".word 0");
#endif
}

static void breakpoint(void)
{
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("ebreak");
#endif
}

/* RISC-V divides by zero without a word. */
static void divide(void)
{
#if defined(__x86_64__)
    __asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; xorl %%ecx, %%ecx;"
                     "idivl %%ecx"
                     :
                     :
                     : "eax", "ecx", "edx", "cc");
#else
    raise(SIGFPE);
#endif
}

static void exceptions(void)
{
    trap(SIGILL, illegal);
    CHECK(last.si_code > 0);
    trap(SIGTRAP, breakpoint);
    CHECK(last.si_code > 0);
    trap(SIGFPE, divide);
#if defined(__x86_64__)
    EQUAL(last.si_code, FPE_INTDIV);
    CHECK(last.si_addr != NULL);
#endif
}

static void exceptions_kill(void)
{
    static void (*const causes[])(void) = { illegal, breakpoint, divide };
    static const int signals[] = { SIGILL, SIGTRAP, SIGFPE };
    int i;

    for (i = 0; i < 3; i++) {
        pid_t child = start();

        if (child == 0) {
            causes[i]();
            _exit(0);
        }
        EQUAL(finish(child) & 0x7f, signals[i]);
    }
}

/* exec keeps what is ignored, and nothing else of the table. fork all. */
static void inherited(void)
{
    pid_t child;

    handle(SIGUSR1, counted, 0);
    block(SIG_BLOCK, SIGUSR2);
    CHECK(raise(SIGUSR2) == 0);
    child = start();
    if (child == 0) {
        sigset_t pending, mask;

        CHECK(raise(SIGUSR1) == 0);
        EQUAL(count, 1);
        CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
        CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
        CHECK(sigismember(&mask, SIGUSR2));
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(count, 0);
}

/* Many signals from many processes arrive in a computing one unharmed. */
static void storm(void)
{
    enum { SENDERS = 4, EACH = 100 };
    static const int signals[SENDERS] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM };
    pid_t children[SENDERS], parent = getpid();
    volatile unsigned sum = 0;
    unsigned i, want = 0;
    int n, left = SENDERS, status;

    for (n = 0; n < SENDERS; n++)
        handle(signals[n], counted, SA_RESTART);
    for (n = 0; n < SENDERS; n++) {
        children[n] = start();
        if (children[n] != 0)
            continue;
        for (i = 0; i < EACH; i++) {
            kill(parent, signals[n]);
            if (i % 10 == 0)
                sleep_ms(1);
        }
        _exit(0);
    }
    while (left > 0) {
        for (sum = 0, want = 0, i = 0; i < 10000; i++) {
            sum += i * i;
            want += i * i;
        }
        EQUAL(sum, want);
        while (left > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            EQUAL(status, 0);
            left--;
        }
    }
    CHECK(count >= SENDERS && count <= SENDERS * EACH);
}

static const struct kit_case cases[] = {
    CASE(handled),
    CASE(information),
    CASE(actions_are_told),
    CASE(blocked),
    CASE(ignored_while_pending),
    CASE(no_defer),
    CASE(deferred),
    CASE(nested_and_masked),
    CASE(reset_by_handler),
    CASE(interrupted),
    CASE(restarted),
    CASE(not_interrupted),
    CASE(suspended),
    CASE(child_has_ended),
    CASE(children_ignored),
    CASE(deaths),
    CASE(killed_while_busy),
    CASE(errors),
    CASE(kill_cannot_be_blocked),
    CASE(faults_cannot_be_blocked),
    CASE(jumps_out),
    CASE(exceptions),
    CASE(exceptions_kill),
    CASE(inherited),
    CASE(storm),
};
KIT_MAIN(cases)
