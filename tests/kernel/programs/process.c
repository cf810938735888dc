/* Processes: fork, vfork, clone, wait4, exit, orphans, groups. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int value = 1;

/* Does each side of a fork keep its own memory? */
static void test_fork(void)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(value == 1);
        value = 2;
        _exit(value + 40);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    CHECK(value == 1);
    CHECK_ERROR(waitpid(pid, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(-1, &status, 0), ECHILD);
}

/* What can wait4 be asked for? */
static void test_wait(void)
{
    struct rusage usage;
    int status, i;
    pid_t pid, first, second;

    pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    CHECK(waitpid(-1, &status, WNOHANG) == 0);
    CHECK(waitpid(0, &status, WNOHANG) == 0);
    CHECK_ERROR(waitpid(-pid, &status, WNOHANG), ECHILD);
    CHECK_ERROR(waitpid(pid, &status, 0x1000), EINVAL);
    CHECK_ERROR(waitpid(pid + 1000, &status, 0), ECHILD);
    CHECK(kill(pid, 0) == 0);
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(wait4(pid, &status, 0, &usage) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_ERROR(kill(pid, 0), ESRCH);

    first = fork();
    if (first == 0)
        _exit(1);
    second = fork();
    if (second == 0)
        _exit(2);
    for (i = 0; i < 2; i++) {
        pid = wait(&status);
        CHECK((pid == first && WEXITSTATUS(status) == 1) ||
              (pid == second && WEXITSTATUS(status) == 2));
    }
    /* A bad pointer for the status is an error; so is a bad one for usage. */
    pid = fork();
    if (pid == 0)
        _exit(3);
    CHECK_ERROR(syscall(SYS_wait4, pid, 8L, 0, 0L), EFAULT);
}

/* A child of its own group is found by its group. */
static void test_groups(void)
{
    int status, ready[2];
    char c;
    pid_t pid;

    while (wait(&status) > 0)
        ;
    CHECK(pipe(ready) == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(setpgid(0, 0) == 0);
        CHECK(getpgrp() == getpid());
        CHECK(write(ready[1], "x", 1) == 1);
        pause();
    }
    CHECK(read(ready[0], &c, 1) == 1);
    CHECK(getpgid(pid) == pid);
    CHECK_ERROR(waitpid(0, &status, WNOHANG), ECHILD);
    CHECK(waitpid(-pid, &status, WNOHANG) == 0);
    CHECK(kill(-pid, SIGTERM) == 0);
    CHECK(waitpid(-pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK_ERROR(setpgid(0, -1), EINVAL);
    CHECK_ERROR(getpgid(99999), ESRCH);
    pid = fork();
    if (pid == 0) {
        CHECK(setsid() == getpid());
        CHECK(getsid(0) == getpid() || errno == ENOSYS);
        CHECK_ERROR(setsid(), EPERM);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    close(ready[0]);
    close(ready[1]);
}

/* A vforked child runs on its parent's memory, and the parent waits. */
static void test_vfork(void)
{
    static volatile int shared;
    int status;
    pid_t pid;

    shared = 0;
    pid = vfork();
    if (pid == 0) {
        shared = 5;
        _exit(0);
    }
    CHECK(pid > 0 && shared == 5);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    /* The child ends by a signal, and is not even a zombie afterwards. */
    signal(SIGCHLD, SIG_IGN);
    pid = vfork();
    if (pid == 0) {
        shared = 6;
        kill(getpid(), SIGKILL); /* not raise: the C library's tid is ours */
    }
    CHECK(shared == 6);
    CHECK_ERROR(wait(&status), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static char stack[65536] __attribute__((aligned(16)));

static int child_on_stack(void *arg)
{
    char here;

    CHECK(&here > stack && &here < stack + sizeof(stack));
    *(int *)arg = 9;
    return 33;
}

/* clone with a new stack, as posix_spawn uses it; tids as glibc's fork. */
static void test_clone(void)
{
    static int seen, parent_tid;
    int status, *child_tid;
    pid_t pid;

    pid = clone(child_on_stack, stack + sizeof(stack),
                CLONE_VM | CLONE_VFORK | SIGCHLD, &seen);
    CHECK(pid > 0 && seen == 9);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 33);

    child_tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(child_tid != MAP_FAILED);
    *child_tid = -1;
    pid = (pid_t)syscall(SYS_clone,
                         CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
                             CLONE_CHILD_CLEARTID | SIGCHLD,
                         0L, &parent_tid,
#ifdef __riscv
                         0L, child_tid);
#else
                         child_tid, 0L);
#endif
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(*child_tid == (int)syscall(SYS_gettid) ? 0 : 1);
    CHECK(parent_tid == pid);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    /* It is cleared only in a space that goes on without its process. */
    CHECK(*child_tid == pid);
    munmap(child_tid, 4096);
}

/* The child of a child that ends goes to the first process: not to us. */
static void test_orphan(void)
{
    int status, fd[2];
    pid_t pid, parent = 0;

    CHECK(pipe(fd) == 0);
    pid = fork();
    if (pid == 0) {
        pid_t own = getpid();

        if (fork() == 0) {
            while (getppid() == own)
                usleep(1000);
            pid = getppid();
            CHECK(write(fd[1], &pid, sizeof(pid)) == sizeof(pid));
        }
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(fd[0], &parent, sizeof(parent)) == sizeof(parent));
    CHECK(parent == 1);
    close(fd[0]);
    close(fd[1]);
}

/* Many at once, in all directions; every one is found again. */
static void test_many(void)
{
    enum { N = 40 };
    int status, i, sum = 0;

    for (i = 0; i < N; i++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
            if (i % 3 == 0)
                usleep(2000);
            if (fork() == 0)
                _exit(0);
            _exit(i);
        }
    }
    /* The first process gets the grandchildren, too; theirs is 0. */
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status);
    CHECK(errno == ECHILD);
    CHECK(sum == N * (N - 1) / 2);
}

/* Does a floating-point computation survive other processes' computations? */
static void test_floats(void)
{
    int child, status, i;

    for (child = 0; child < 3; child++)
        if (fork() == 0) {
            volatile double x = child + 1;
            double sum = 0;

            for (i = 0; i < 3000000; i++)
                sum += x;
            _exit(sum == 3000000.0 * (child + 1) ? 0 : 1);
        }
    for (child = 0; child < 3; child++) {
        CHECK(wait(&status) > 0);
        CHECK(status == 0);
    }
}

int main(void)
{
    test_fork();
    test_wait();
    test_groups();
    test_vfork();
    test_clone();
    if (getenv("AS_FIRST") || getpid() == 1)
        test_orphan();
    test_many();
    test_floats();
    puts("process: fine");
    return 0;
}
