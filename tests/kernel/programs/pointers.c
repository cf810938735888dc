/*
 * pointers.c: system calls given pointers that they cannot use.
 *
 * The trick: one table of calls, each with the number of its pointer argument,
 * all made with raw numbers, against one table of bad pointers.
 */
#include "kit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

enum { RW = PROT_READ | PROT_WRITE };

struct call {
    const char *name;
    long number;
    int pointer; /* which argument it is, from 0 */
    enum { IN, OUT, PATH } kind;
    size_t len;     /* what it moves at least */
    long args[6];   /* the others */
    bool null_fine; /* NULL has a meaning */
};

static long fd_read, fd_write; /* a file's */

/* Descriptors and the like are filled in by prepare(). */
static struct call calls[] = {
    { "write", SYS_write, 1, IN, 64, { 1, 0, 64 }, false },
    { "read", SYS_read, 1, OUT, 64, { 0, 0, 64 }, false },
    { "pwrite64", SYS_pwrite64, 1, IN, 64, { 1, 0, 64, 0 }, false },
    { "pread64", SYS_pread64, 1, OUT, 64, { 0, 0, 64, 0 }, false },
    { "readv", SYS_readv, 1, IN, 16, { 0, 0, 1 }, false },
    { "writev", SYS_writev, 1, IN, 16, { 1, 0, 1 }, false },
    { "openat", SYS_openat, 1, PATH, 8, { AT_FDCWD }, false },
    { "mkdirat", SYS_mkdirat, 1, PATH, 8, { AT_FDCWD, 0, 0777 }, false },
    { "unlinkat", SYS_unlinkat, 1, PATH, 8, { AT_FDCWD }, false },
    { "chdir", SYS_chdir, 0, PATH, 8, { 0 }, false },
    { "faccessat", SYS_faccessat, 1, PATH, 8, { AT_FDCWD }, false },
    { "truncate", SYS_truncate, 0, PATH, 8, { 0 }, false },
    { "execve", SYS_execve, 0, PATH, 8, { 0 }, false },
    { "fstat", SYS_fstat, 1, OUT, 64, { 0 }, false },
    { "pipe2", SYS_pipe2, 0, OUT, 8, { 0 }, false },
    { "getcwd", SYS_getcwd, 0, OUT, 8, { 0, 64 }, false },
    { "rt_sigaction", SYS_rt_sigaction, 1, IN, 24, { SIGUSR1, 0, 0, 8 }, true },
    { "rt_sigaction",
      SYS_rt_sigaction,
      2,
      OUT,
      24,
      { SIGUSR1, 0, 0, 8 },
      true },
    { "rt_sigprocmask",
      SYS_rt_sigprocmask,
      1,
      IN,
      8,
      { SIG_BLOCK, 0, 0, 8 },
      true },
    { "rt_sigprocmask",
      SYS_rt_sigprocmask,
      2,
      OUT,
      8,
      { SIG_BLOCK, 0, 0, 8 },
      true },
    { "rt_sigpending", SYS_rt_sigpending, 0, OUT, 8, { 0, 8 }, false },
    { "rt_sigsuspend", SYS_rt_sigsuspend, 0, IN, 8, { 0, 8 }, false },
    { "sigaltstack", SYS_sigaltstack, 0, IN, 24, { 0 }, true },
    { "sigaltstack", SYS_sigaltstack, 1, OUT, 24, { 0 }, true },
    { "clock_gettime",
      SYS_clock_gettime,
      1,
      OUT,
      16,
      { CLOCK_MONOTONIC },
      false },
    { "clock_getres", SYS_clock_getres, 1, OUT, 16, { CLOCK_MONOTONIC }, true },
    { "nanosleep", SYS_nanosleep, 0, IN, 16, { 0 }, false },
    { "gettimeofday", SYS_gettimeofday, 0, OUT, 16, { 0 }, true },
    { "getrandom", SYS_getrandom, 0, OUT, 64, { 0, 64 }, false },
    { "uname", SYS_uname, 0, OUT, 64, { 0 }, false },
    { "prlimit64", SYS_prlimit64, 3, OUT, 16, { 0, 3 }, true },
    { "poll", SYS_ppoll, 0, IN, 8, { 0, 1 }, false },
    { "ppoll", SYS_ppoll, 2, IN, 16, { 0, 0, 0 }, true },
    { "futex", SYS_futex, 0, IN, 4, { 0, 0, 1 }, false },
    { "readlinkat", SYS_readlinkat, 1, PATH, 8, { AT_FDCWD }, false },
    { "symlinkat", SYS_symlinkat, 0, PATH, 8, { 0, AT_FDCWD }, false },
    { "symlinkat", SYS_symlinkat, 2, PATH, 8, { 0, AT_FDCWD }, false },
    { "sysinfo", SYS_sysinfo, 0, OUT, 64, { 0 }, false },
    { "times", SYS_times, 0, OUT, 32, { 0 }, true },
    { "getrusage", SYS_getrusage, 1, OUT, 64, { 0 }, false },
};

static void prepare(void)
{
    static unsigned char bytes[PAGE];
    size_t i;
    int fd;

    fresh_directory();
    fd = make_file("file", bytes, sizeof(bytes));
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    fd_read = fd_write = fd;
    for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        switch (calls[i].number) {
        case SYS_write:
        case SYS_read:
        case SYS_pwrite64:
        case SYS_pread64:
        case SYS_readv:
        case SYS_writev:
        case SYS_fstat: calls[i].args[0] = fd; break;
        case SYS_symlinkat:
            calls[i].args[calls[i].pointer == 0 ? 2 : 0] = (long)"there";
            break;
        case SYS_readlinkat:
            calls[i].args[2] = (long)bytes;
            calls[i].args[3] = 8;
            break;
        case SYS_ppoll:
            if (calls[i].pointer == 0) {
                static struct timespec now;

                calls[i].args[2] = (long)&now;
            }
            break;
        }
}

static void expect_fault(const struct call *call, const void *p)
{
    long args[6], got;

    memcpy(args, call->args, sizeof(args));
    args[call->pointer] = (long)p;
    errno = 0;
    got = syscall(call->number, args[0], args[1], args[2], args[3], args[4],
                  args[5]);
    if (got == -1 && errno == EFAULT)
        return;
    say("%s, argument %d: got %ld, errno %d\n", call->name, call->pointer, got,
        errno);
    kit_fail(__FILE__, __LINE__, "EFAULT");
}

static void all_fault(const void *p, unsigned kinds)
{
    size_t i;

    for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if ((kinds >> calls[i].kind & 1) && (p || !calls[i].null_fine))
            expect_fault(&calls[i], p);
}

enum { ANY_KIND = 1 << IN | 1 << OUT | 1 << PATH };

static void null(void)
{
    prepare();
    all_fault(NULL, ANY_KIND);
}

static void unmapped(void)
{
    unsigned char *p = pages(1, MAP_PRIVATE);

    prepare();
    CHECK(munmap(p, PAGE) == 0);
    all_fault(p, ANY_KIND);
}

static void kernel_half(void)
{
    prepare();
    all_fault(KERNEL_HALF, ANY_KIND);
    all_fault(KERNEL_HALF + 0x100008, ANY_KIND);
    all_fault((void *)(intptr_t)-64, ANY_KIND);
}

static void non_canonical(void)
{
    prepare();
    all_fault(NON_CANONICAL, ANY_KIND);
}

static void no_access(void)
{
    unsigned char *p = pages(1, MAP_PRIVATE);

    prepare();
    p[0] = 1;
    CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
    all_fault(p, ANY_KIND);
}

/* Where the answer would go may only be read. */
static void read_only_output(void)
{
    unsigned char *p = pages(1, MAP_PRIVATE);

    prepare();
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    all_fault(p, 1 << OUT);
    p = pages(1, MAP_PRIVATE);
    p[0] = 7;
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    all_fault(p, 1 << OUT);
    EQUAL(p[0], 7);
}

/* A program's code is no place for answers. */
static void code_as_output(void)
{
    prepare();
    all_fault((void *)(uintptr_t)code_as_output, 1 << OUT);
}

/* Structures of which only the first bytes are there. read, write and
 * getrandom move what they can: see the cases below. */
static void half_there(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);
    size_t i;

    prepare();
    CHECK(munmap(p + PAGE, PAGE) == 0);
    for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        memset(p, 'a', PAGE);
        switch (calls[i].number) {
        case SYS_read:
        case SYS_write:
        case SYS_pread64:
        case SYS_pwrite64:
        case SYS_getrandom: break;
        case SYS_futex: break; /* a word is aligned */
        case SYS_getcwd: expect_fault(&calls[i], p + PAGE - 2); break;
        default: expect_fault(&calls[i], p + PAGE - (calls[i].len > 8 ? 8 : 3));
        }
    }
}

/* The bytes before a hole are moved, and the short count is told. */
static void reads_and_writes_up_to_a_hole(void)
{
    unsigned char *p = pages(3, MAP_PRIVATE);
    int fd;

    prepare();
    fd = (int)fd_read;
    memset(p, 'b', 3 * PAGE);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    EQUAL(pwrite(fd, p + PAGE - 100, 500, 0), 100);
    EQUAL(pread(fd, p + PAGE - 50, 500, 10), 50);
    EQUAL(p[PAGE - 1], 'b');
    EQUAL(pread(fd, p + PAGE - 50, 500, 200), 50);
    EQUAL(p[PAGE - 1], 0);
    FAILS(pread(fd, p + PAGE, 500, 0), EFAULT);
    FAILS(pwrite(fd, p + PAGE, 500, 0), EFAULT);
    EQUAL(pread(fd, p + 2 * PAGE, 10, 0), 10);
}

static void vectors_up_to_a_hole(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);
    struct iovec vector[3] = { { p, 16 }, { p + PAGE, 16 }, { p + 32, 16 } };
    int fd;

    prepare();
    fd = (int)fd_read;
    memset(p, 'c', PAGE);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    EQUAL(writev(fd, vector, 3), 16);
    EQUAL(lseek(fd, 0, SEEK_CUR), 16);
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    EQUAL(readv(fd, vector, 3), 16);
    vector[0].iov_base = p + PAGE - 8;
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    EQUAL(readv(fd, vector, 1), 8);
    FAILS(readv(fd, vector + 1, 1), EFAULT);
    vector[0].iov_len = (size_t)-1;
    FAILS(readv(fd, vector, 1), EINVAL);
    FAILS(syscall(SYS_readv, fd, vector, -1), EINVAL);
    FAILS(syscall(SYS_readv, fd, vector, 1025), EINVAL);
    EQUAL(readv(fd, vector, 0), 0);
}

/* Nothing is moved, so nothing is looked at. */
static void nothing_to_move(void)
{
    prepare();
    EQUAL(syscall(SYS_read, fd_read, NULL, 0), 0);
    EQUAL(syscall(SYS_write, fd_write, NULL, 0), 0);
    EQUAL(syscall(SYS_pread64, fd_read, NULL, 0, 0), 0);
    EQUAL(syscall(SYS_getrandom, NULL, 0, 0), 0);
}

static void pipes(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);
    int ends[2];
    char byte;

    CHECK(munmap(p + PAGE, PAGE) == 0);
    CHECK(pipe(ends) == 0);
    memset(p, 'd', PAGE);
    FAILS(write(ends[1], p + PAGE, 10), EFAULT);
    EQUAL(write(ends[1], "0123456789", 10), 10);
    FAILS(read(ends[0], p + PAGE, 10), EFAULT);
    EQUAL(read(ends[0], &byte, 1), 1);
}

/* Memory that was never touched, or is shared copy-on-write, serves well. */
static void lazy_buffers(void)
{
    unsigned char *p = pages(64, MAP_PRIVATE);
    pid_t child;
    int fd;

    prepare();
    fd = (int)fd_read;
    EQUAL(pwrite(fd, p, 32 * PAGE, 0), 32 * PAGE);
    memset(p + 32 * PAGE, 'e', 32 * PAGE);
    EQUAL(pwrite(fd, p + 32 * PAGE, 32 * PAGE, 0), 32 * PAGE);
    child = start();
    EQUAL(pread(fd, p + (child ? 0 : 16) * PAGE, 16 * PAGE, 0), 16 * PAGE);
    EQUAL(p[0], child ? 'e' : 0);
    EQUAL(p[16 * PAGE], child ? 0 : 'e');
    EQUAL(pread(fd, p + 63 * PAGE + 4000, 96, 0), 96);
    if (child == 0)
        _exit(0);
    EQUAL(finish(child), 0);
}

/* A path may end where memory ends, and none is longer than 4095 bytes. */
static void paths(void)
{
    unsigned char *p = pages(3, MAP_PRIVATE);

    prepare();
    CHECK(munmap(p + 2 * PAGE, PAGE) == 0);
    memcpy(p + 2 * PAGE - 5, "file", 5);
    CHECK(access((char *)p + 2 * PAGE - 5, F_OK) == 0);
    memset(p, 'f', 2 * PAGE);
    FAILS(access((char *)p + 1, F_OK), ENAMETOOLONG);
    FAILS(access((char *)p + 2 * PAGE - 200, F_OK), EFAULT);
    p[300] = 0;
    FAILS(access((char *)p, F_OK), ENAMETOOLONG);
    FAILS(access((char *)p + 45, F_OK), ENOENT);
    FAILS(access("", F_OK), ENOENT);
}

static void exec_vectors(void)
{
    char path[] = "/proc/self/exe", word[] = "x";
    char *argv[] = { path, (char *)KERNEL_HALF, NULL };
    unsigned char *p = pages(2, MAP_PRIVATE);
    char **half = (char **)(void *)(p + PAGE - 2 * sizeof(char *));

    CHECK(munmap(p + PAGE, PAGE) == 0);
    half[0] = path;
    half[1] = word;
    FAILS(syscall(SYS_execve, path, argv, NULL), EFAULT);
    FAILS(syscall(SYS_execve, path, half, NULL), EFAULT);
    FAILS(syscall(SYS_execve, path, KERNEL_HALF, NULL), EFAULT);
    FAILS(syscall(SYS_execve, path, NULL, p + PAGE), EFAULT);
}

/* A zombie whose status cannot be told is gone all the same. */
static void waiting(void)
{
    pid_t child = start();

    if (child == 0)
        _exit(0);
    FAILS(wait4(child, (int *)(void *)KERNEL_HALF, 0, NULL), EFAULT);
    FAILS(wait4(child, NULL, 0, NULL), ECHILD);
    child = start();
    if (child == 0)
        _exit(0);
    FAILS(wait4(child, NULL, 0, (void *)KERNEL_HALF), EFAULT);
    FAILS(wait4(child, NULL, 0, NULL), ECHILD);
}

static const struct kit_case cases[] = {
    CASE(null),
    CASE(unmapped),
    CASE(kernel_half),
    CASE(non_canonical),
    CASE(no_access),
    CASE(read_only_output),
    CASE(code_as_output),
    CASE(half_there),
    CASE(reads_and_writes_up_to_a_hole),
    CASE(vectors_up_to_a_hole),
    CASE(nothing_to_move),
    CASE(pipes),
    CASE(lazy_buffers),
    CASE(paths),
    CASE(exec_vectors),
    CASE(waiting),
};
KIT_MAIN(cases)
