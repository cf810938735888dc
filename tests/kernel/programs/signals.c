/* Signals: handlers, masks, stacks, faults, what interrupts a call. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile int count, last, nested;
static volatile siginfo_t last_info;
static sigjmp_buf back;

static void on_signal(int signal)
{
    count++;
    last = signal;
}

static void on_info(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)uc;
    count++;
    last = signal;
    last_info = *info;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    last = signal;
    last_info = *info;
    siglongjmp(back, 1);
}

static void install(int signal, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = fn;
    action.sa_flags = SA_SIGINFO | flags;
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static void install_plain(int signal, void (*fn)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = fn;
    action.sa_flags = flags;
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static void test_handler(void)
{
    struct sigaction old;

    count = 0;
    install(SIGUSR1, on_info, 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(count == 1 && last == SIGUSR1);
    CHECK(last_info.si_code == SI_USER && last_info.si_pid == getpid());
    CHECK(raise(SIGUSR1) == 0 && count == 2);
    CHECK(last_info.si_code == SI_TKILL);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(old.sa_sigaction == on_info && (old.sa_flags & SA_SIGINFO));
    install_plain(SIGUSR1, on_signal, (int)SA_RESETHAND);
    raise(SIGUSR1);
    CHECK(count == 3);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK_ERROR(sigaction(SIGKILL, &old, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigaction, 0, 0, 0, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigaction, 65, 0, 0, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, 8L, 0, 8), EFAULT);
    CHECK_ERROR(kill(getpid(), 65), EINVAL);
    CHECK_ERROR(kill(99999, SIGTERM), ESRCH);
}

static void test_mask(void)
{
    sigset_t set, old, pending;

    count = 0;
    install_plain(SIGUSR1, on_signal, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(!sigismember(&old, SIGUSR1));
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(count == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    CHECK(count == 1);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
    CHECK_ERROR(sigprocmask(9, &set, NULL), EINVAL);
    /* Setting an action that ignores forgets what is pending. */
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    install_plain(SIGUSR1, on_signal, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(count == 1);
}

static void on_nested(int signal)
{
    if (signal == SIGUSR1 && nested < 3) {
        nested++;
        raise(SIGUSR1); /* SA_NODEFER: at once */
        raise(SIGUSR2);
    }
    count++;
}

static void on_deferred(int signal)
{
    static volatile int inside;

    CHECK(!inside);
    inside = 1;
    if (count++ == 0)
        raise(signal);
    inside = 0;
}

static void test_nested(void)
{
    count = nested = 0;
    install_plain(SIGUSR1, on_nested, SA_NODEFER);
    install_plain(SIGUSR2, on_nested, 0);
    raise(SIGUSR1);
    CHECK(nested == 3 && count == 7);
    count = 0;
    install_plain(SIGUSR1, on_deferred, 0);
    raise(SIGUSR1);
    CHECK(count == 2);
}

static void test_suspend(void)
{
    sigset_t set, old, none;
    pid_t pid, parent = getpid();
    int status;

    count = 0;
    install_plain(SIGUSR1, on_signal, SA_RESTART);
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid = fork();
    if (pid == 0) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CHECK_ERROR(sigsuspend(&none), EINTR);
    CHECK(count == 1);
    sigprocmask(SIG_SETMASK, NULL, &none);
    CHECK(sigismember(&none, SIGUSR1)); /* blocked again */
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* A read that a signal interrupts: again, or EINTR. */
static void test_restart(void)
{
    int flags, fd[2], status;
    pid_t pid, parent = getpid();
    char c;

    for (flags = 0; flags < 2; flags++) {
        CHECK(pipe(fd) == 0);
        count = 0;
        install_plain(SIGUSR1, on_signal, flags ? SA_RESTART : 0);
        pid = fork();
        if (pid == 0) {
            usleep(20000);
            kill(parent, SIGUSR1);
            usleep(20000);
            CHECK(write(fd[1], "y", 1) == 1);
            _exit(0);
        }
        if (flags)
            CHECK(read(fd[0], &c, 1) == 1 && c == 'y');
        else
            CHECK_ERROR(read(fd[0], &c, 1), EINTR);
        CHECK(count == 1);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        close(fd[0]);
        close(fd[1]);
    }
}

static void test_sleep(void)
{
    struct timespec request = { 5, 0 }, left = { 0, 0 };
    pid_t pid, parent = getpid();
    int status;

    install_plain(SIGUSR1, on_signal, SA_RESTART);
    pid = fork();
    if (pid == 0) {
        usleep(30000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CHECK_ERROR(nanosleep(&request, &left), EINTR);
    CHECK(left.tv_sec == 4 || left.tv_sec == 3);
    CHECK(waitpid(pid, &status, 0) == pid);
    request.tv_nsec = 1000000000;
    CHECK_ERROR(nanosleep(&request, NULL), EINVAL);
    request.tv_sec = -1;
    request.tv_nsec = 0;
    CHECK_ERROR(nanosleep(&request, NULL), EINVAL);
}

/* SIGCHLD tells who and how. */
static void test_child(void)
{
    sigset_t set, old, none;
    int status;
    pid_t pid;

    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    install(SIGCHLD, on_info, 0);
    pid = fork();
    if (pid == 0)
        _exit(17);
    sigsuspend(&none);
    CHECK(last == SIGCHLD && last_info.si_pid == pid);
    CHECK(last_info.si_code == CLD_EXITED && last_info.si_status == 17);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 17);
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGTERM);
    sigsuspend(&none);
    CHECK(last_info.si_code == CLD_KILLED && last_info.si_status == SIGTERM);
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Faults say what and where. */
static void test_faults(void)
{
    volatile char *none = (char *)0x10, *page, *end;
    int status;
    pid_t pid;
    char name[] = "/tmp/signals.XXXXXX";
    int fd = mkstemp(name);

    install(SIGSEGV, on_fault, 0);
    install(SIGBUS, on_fault, 0);
    if (sigsetjmp(back, 1) == 0) {
        *none = 1;
        CHECK(0);
    }
    CHECK(last == SIGSEGV && last_info.si_code == SEGV_MAPERR);
    CHECK(last_info.si_addr == (void *)none);
    page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && page[5] == 0);
    if (sigsetjmp(back, 1) == 0) {
        page[5] = 1;
        CHECK(0);
    }
    CHECK(last == SIGSEGV && last_info.si_code == SEGV_ACCERR);
    CHECK(last_info.si_addr == (void *)(page + 5));
    if (sigsetjmp(back, 1) == 0) {
        ((void (*)(void))(uintptr_t)page)();
        CHECK(0);
    }
    CHECK(last == SIGSEGV && last_info.si_code == SEGV_ACCERR);
    CHECK(last_info.si_addr == (void *)page);
    CHECK(fd >= 0 && ftruncate(fd, 100) == 0);
    end = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(end != MAP_FAILED && end[4095] == 0);
    if (sigsetjmp(back, 1) == 0) {
        (void)end[4096];
        CHECK(0);
    }
    CHECK(last == SIGBUS && last_info.si_code == BUS_ADRERR);
    CHECK(last_info.si_addr == (void *)(end + 4096));
    unlink(name);
    close(fd);
#ifdef __x86_64__
    if (sigsetjmp(back, 1) == 0) {
        (void)*(volatile char *)0x8000000000000000ul;
        CHECK(0);
    }
    CHECK(last == SIGSEGV);
#endif
    /* Ignored or blocked, it kills. */
    pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_IGN);
        *none = 1;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static char alternative[65536];
static void *handler_stack;

static void on_alternative(int signal)
{
    char here;
    stack_t now;

    (void)signal;
    handler_stack = &here;
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK);
    CHECK_ERROR(syscall(SYS_sigaltstack, &now, 0L), EPERM);
    count++;
    if (count == 1)
        raise(SIGUSR2); /* nested: goes on on the same stack */
}

static void test_stack(void)
{
    stack_t stack = { .ss_sp = alternative, .ss_size = sizeof(alternative) };
    stack_t old;

    count = 0;
    CHECK(sigaltstack(&stack, &old) == 0 && old.ss_flags == SS_DISABLE);
    install_plain(SIGUSR1, on_alternative, SA_ONSTACK);
    install_plain(SIGUSR2, on_alternative, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(count == 2);
    CHECK((char *)handler_stack > alternative &&
          (char *)handler_stack < alternative + sizeof(alternative));
    stack.ss_size = 100;
    CHECK_ERROR(syscall(SYS_sigaltstack, &stack, 0L), ENOMEM);
    stack.ss_flags = 55;
    CHECK_ERROR(syscall(SYS_sigaltstack, &stack, 0L), EINVAL);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

static int deeper(int n)
{
    volatile char big[4096];

    big[0] = (char)n;
    return n ? deeper(n + 1) + big[0] : 0;
}

/* A stack that overflows is a SIGSEGV, which needs another stack. */
static void test_overflow(void)
{
    stack_t stack = { .ss_sp = alternative, .ss_size = sizeof(alternative) };
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        deeper(1);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK(sigaltstack(&stack, NULL) == 0);
    install(SIGSEGV, on_fault, SA_ONSTACK);
    last = 0;
    if (sigsetjmp(back, 1) == 0)
        deeper(1);
    CHECK(last == SIGSEGV);
    signal(SIGSEGV, SIG_DFL);
    /* A handler without a usable stack kills. */
    pid = fork();
    if (pid == 0) {
        stack.ss_sp = (void *)0x1000;
        CHECK(sigaltstack(&stack, NULL) == 0);
        install_plain(SIGUSR1, on_signal, SA_ONSTACK);
        raise(SIGUSR1);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* The registers come back: a computation goes on across many signals. */
static void test_registers(void)
{
    pid_t pid, parent = getpid();
    volatile double x = 1;
    double sum = 0;
    long i, n = 4000000;
    int status;

    count = 0;
    install_plain(SIGUSR1, on_signal, 0);
    pid = fork();
    if (pid == 0) {
        for (i = 0; i < 20; i++) {
            usleep(1000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    for (i = 0; i < n; i++)
        sum += x;
    CHECK(sum == (double)n);
    while (waitpid(pid, &status, 0) != pid)
        CHECK(errno == EINTR);
    CHECK(count > 0);
}

/* abort, and a wait that is killed. */
static void test_death(void)
{
    int status, fd[2];
    char c;
    pid_t pid;

    pid = fork();
    if (pid == 0)
        abort();
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(pipe(fd) == 0);
    pid = fork();
    if (pid == 0) {
        (void)!read(fd[0], &c, 1);
        _exit(0);
    }
    usleep(10000);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
    /* One that never stops running. */
    pid = fork();
    if (pid == 0)
        for (;;)
            ;
    usleep(10000);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
#ifdef __x86_64__
    pid = fork();
    if (pid == 0) {
        __asm__ volatile("ud2");
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGILL);
    pid = fork();
    if (pid == 0) {
        __asm__ volatile("hlt");
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGSEGV);
#endif
}

int main(void)
{
    test_handler();
    test_mask();
    test_nested();
    test_suspend();
    test_restart();
    test_sleep();
    test_child();
    test_faults();
    test_stack();
    test_overflow();
    test_registers();
    test_death();
    puts("signals: fine");
    return 0;
}
