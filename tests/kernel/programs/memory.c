/* Memory: brk, mmap and its kin, system calls with bad pointers, futexes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096 };

static long raw_brk(unsigned long to)
{
    return syscall(SYS_brk, to);
}

static void test_brk(void)
{
    long start = raw_brk(0), i;
    char *p = (char *)start;
    pid_t pid;
    int status;

    CHECK(start > 0);
    CHECK(raw_brk((unsigned long)start + 10 * PAGE + 5) ==
          start + 10 * PAGE + 5);
    for (i = 0; i < 10 * PAGE; i++)
        CHECK(p[i] == 0);
    memset(p, 1, 10 * PAGE);
    CHECK(raw_brk((unsigned long)start + PAGE) == start + PAGE);
    CHECK(raw_brk((unsigned long)start + 3 * PAGE) == start + 3 * PAGE);
    CHECK(p[0] == 1 && p[2 * PAGE] == 0);
    CHECK(raw_brk(1) == start + 3 * PAGE);
    CHECK(raw_brk(~0ul) == start + 3 * PAGE);
    CHECK(raw_brk(0x7fffffffff000) == start + 3 * PAGE);
    pid = fork();
    if (pid == 0) {
        CHECK(raw_brk(0) == start + 3 * PAGE);
        CHECK(raw_brk((unsigned long)start) == start);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(raw_brk(0) == start + 3 * PAGE && p[0] == 1);
    CHECK(raw_brk((unsigned long)start) == start);
}

static long map_error(void *at, size_t len, int prot, int flags, int fd,
                      off_t offset)
{
    void *p = mmap(at, len, prot, flags, fd, offset);

    CHECK(p == MAP_FAILED);
    return errno;
}

static void test_mmap(void)
{
    const int private = MAP_PRIVATE | MAP_ANONYMOUS;
    const int rw = PROT_READ | PROT_WRITE;
    char *p, *q;
    int fd, fd2;

    p = mmap(NULL, 4 * PAGE, rw, private | MAP_NORESERVE | MAP_STACK, -1, 0);
    CHECK(p != MAP_FAILED);
    memset(p, 7, 4 * PAGE);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    q = mmap(p + PAGE, PAGE, PROT_READ, private | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(q == p + PAGE && q[0] == 0 && p[0] == 7 && p[2 * PAGE] == 7);
    CHECK(map_error(p, PAGE, rw, private | MAP_FIXED_NOREPLACE, -1, 0) ==
          EEXIST);
    CHECK(map_error(NULL, 0, rw, private, -1, 0) == EINVAL);
    CHECK(map_error(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0) == EINVAL);
    CHECK(map_error(p + 1, PAGE, rw, private | MAP_FIXED, -1, 0) == EINVAL);
    CHECK(map_error(NULL, ~0ul - PAGE, rw, private, -1, 0) == ENOMEM);
    CHECK(map_error(NULL, PAGE, rw, MAP_PRIVATE, 99, 0) == EBADF);
    CHECK_ERROR(munmap(p + 1, PAGE), EINVAL);
    CHECK_ERROR(munmap(p, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_mprotect, p + 1, PAGE, rw), EINVAL);
    CHECK_ERROR(mprotect(p, PAGE, 0x40), EINVAL);
    CHECK(mprotect(p + PAGE, PAGE, rw) == 0);
    q[0] = 3;
    CHECK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0 && p[0] == 0);
    CHECK_ERROR(madvise(p, PAGE, 12345), EINVAL);
    CHECK(munmap(p, 4 * PAGE) == 0);
    CHECK_ERROR(mprotect(p, PAGE, rw), ENOMEM);

    fd = open("/tmp/memory.file", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
    p = mmap(NULL, PAGE, rw, MAP_SHARED, fd, 0);
    q = mmap(NULL, PAGE, rw, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && q != MAP_FAILED);
    q[0] = 'J';
    CHECK(p[0] == 'h');
    p[1] = 'a';
    CHECK(msync(p, PAGE, MS_SYNC) == 0);
    CHECK_ERROR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK(memcmp(q, "Jello", 5) == 0);
    CHECK(pread(fd, p + 100, 5, 0) == 5 && memcmp(p + 100, "hallo", 5) == 0);
    munmap(p, PAGE);
    munmap(q, PAGE);
    fd2 = open("/tmp/memory.file", O_RDONLY);
    CHECK(map_error(NULL, PAGE, rw, MAP_SHARED, fd2, 0) == EACCES);
    CHECK(map_error(NULL, PAGE, PROT_READ, MAP_SHARED, fd2, 1) == EINVAL);
    p = mmap(NULL, PAGE, rw, MAP_PRIVATE, fd2, 0);
    CHECK(p != MAP_FAILED);
    p[0] = 1;
    munmap(p, PAGE);
    close(fd2);
    fd2 = open("/tmp/memory.file", O_WRONLY);
    CHECK(map_error(NULL, PAGE, PROT_READ, MAP_SHARED, fd2, 0) == EACCES);
    close(fd2);
    close(fd);
    unlink("/tmp/memory.file");
    fd = open("/dev/zero", O_RDWR);
    p = mmap(NULL, PAGE, rw, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && p[9] == 0);
    close(fd);
    fd = open("/tmp", O_RDONLY);
    CHECK(map_error(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == ENODEV);
    close(fd);
}

/* Shared memory goes through a fork, private memory does not. */
static void test_shared(void)
{
    int *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    *private = 1;
    pid = fork();
    if (pid == 0) {
        *shared = 5;
        *private = 6;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(*shared == 5 && *private == 1);
    munmap(shared, PAGE);
    munmap(private, PAGE);
}

/* Pointers that are wrong in every way. */
static void test_pointers(void)
{
    static void *const bad[] = {
        NULL,
        (void *)8,
        (void *)0x7ffffffff000,
        (void *)0x800000000000,
        (void *)0x8000000000000000,
        (void *)0xffffffff80000000,
        (void *)0xffff800000000000,
        (void *)0xffffffffffffffff,
        (void *)0xfffffffffffffff8,
    };
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct timespec t = { 0, 0 };
    unsigned i;
    int fd[2];

    CHECK(pipe(fd) == 0);
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        void *p = bad[i];

        CHECK_ERROR(syscall(SYS_write, fd[1], p, 10L), EFAULT);
        CHECK_ERROR(syscall(SYS_uname, p), EFAULT);
        CHECK_ERROR(syscall(SYS_clock_gettime, 0L, p), EFAULT);
        CHECK_ERROR(syscall(SYS_nanosleep, p, 0L), EFAULT);
        CHECK_ERROR(syscall(SYS_getrandom, p, 8L, 0L), EFAULT);
        CHECK_ERROR(syscall(SYS_execve, p, 0L, 0L), EFAULT);
        CHECK_ERROR(syscall(SYS_rt_sigsuspend, p, 8L), EFAULT);
        CHECK_ERROR(syscall(SYS_openat, AT_FDCWD, p, 0L), EFAULT);
        CHECK_ERROR(syscall(SYS_pipe2, p, 0L), EFAULT);
        if (p) {
            CHECK_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, p, 0L, 8L), EFAULT);
            CHECK_ERROR(syscall(SYS_sigaltstack, p, 0L), EFAULT);
        }
    }
    /* Read-only, and across into nothing. */
    CHECK(munmap(page + PAGE, PAGE) == 0);
    CHECK_ERROR(syscall(SYS_uname, page + PAGE - 100), EFAULT);
    CHECK(mprotect(page, PAGE, PROT_READ) == 0);
    CHECK_ERROR(syscall(SYS_uname, page), EFAULT);
    CHECK_ERROR(syscall(SYS_clock_gettime, 0L, page), EFAULT);
    CHECK(syscall(SYS_nanosleep, &t, 0L) == 0);
    CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
    CHECK_ERROR(syscall(SYS_write, fd[1], page, 1L), EFAULT);
    munmap(page, PAGE);
    close(fd[0]);
    close(fd[1]);
}

static long futex(int *word, int op, int value, const struct timespec *t,
                  uint32_t bits)
{
    return syscall(SYS_futex, word, op, value, t, NULL, bits);
}

static void test_futex(int flags)
{
    struct timespec t = { 0, 30000000 }, before, after;
    int *word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, local = 1;
    pid_t pid;

    CHECK_ERROR(futex(&local, FUTEX_WAIT | flags, 2, NULL, 0), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_ERROR(futex(&local, FUTEX_WAIT | flags, 1, &t, 0), ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
              before.tv_nsec >=
          30000000);
    CHECK_ERROR(futex(&local, FUTEX_WAIT_BITSET | flags, 1, &before,
                      FUTEX_BITSET_MATCH_ANY),
                ETIMEDOUT);
    CHECK_ERROR(
        futex((int *)((char *)&local + 1), FUTEX_WAIT | flags, 1, NULL, 0),
        EINVAL);
    CHECK_ERROR(futex((int *)8, FUTEX_WAIT | flags, 1, NULL, 0), EFAULT);
    CHECK_ERROR(futex(&local, FUTEX_WAIT_BITSET | flags, 1, NULL, 0), EINVAL);
    CHECK(futex(&local, FUTEX_WAKE | flags, 1, NULL, 0) == 0);
    t.tv_nsec = 1000000000;
    CHECK_ERROR(futex(&local, FUTEX_WAIT | flags, 1, &t, 0), EINVAL);

    /* Between processes. */
    pid = fork();
    if (pid == 0) {
        while (*(volatile int *)word == 0)
            futex(word, FUTEX_WAIT, 0, NULL, 0);
        _exit(*word);
    }
    usleep(20000);
    *word = 5;
    while (futex(word, FUTEX_WAKE, 10, NULL, 0) == 0 &&
           waitpid(pid, &status, WNOHANG) == 0)
        usleep(1000);
    (void)waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    munmap(word, PAGE);
}

static void test_time(void)
{
    struct timespec a, b, res, t = { 0, 15000000 };

    CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
    CHECK(nanosleep(&t, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
    CHECK((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >=
          15000000);
    b.tv_nsec += 10000000;
    if (b.tv_nsec >= 1000000000) {
        b.tv_nsec -= 1000000000;
        b.tv_sec++;
    }
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &b, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
    CHECK(a.tv_sec > b.tv_sec ||
          (a.tv_sec == b.tv_sec && a.tv_nsec >= b.tv_nsec));
    CHECK(clock_getres(CLOCK_MONOTONIC, &res) == 0);
    CHECK_ERROR(clock_gettime(77, &a), EINVAL);
    CHECK(time(NULL) >= 0);
}

int main(void)
{
    test_brk();
    test_mmap();
    test_shared();
    test_pointers();
    test_futex(0);
    test_futex(FUTEX_PRIVATE_FLAG);
    test_time();
    puts("memory: fine");
    return 0;
}
