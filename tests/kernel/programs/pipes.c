/* Pipes: waiting, ends, signals, small writes as a whole, poll. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define FULL 65536L

static char buffer[2 * FULL];

static void wait_for_child(void)
{
    int status;

    CHECK(wait(&status) > 0);
    CHECK(status == 0);
}

/* Do all bytes of a large write arrive, in order, and then the end? */
static void test_stream(void)
{
    unsigned char *byte = (unsigned char *)buffer;
    long i, n, total = 0;
    int fd[2];

    CHECK(pipe(fd) == 0);
    if (fork() == 0) {
        CHECK(close(fd[0]) == 0);
        for (i = 0; i < (long)sizeof(buffer); i++)
            byte[i] = (unsigned char)(i * 7 % 251);
        CHECK(write(fd[1], buffer, sizeof(buffer)) == sizeof(buffer));
        _exit(0);
    }
    CHECK(close(fd[1]) == 0);
    while ((n = read(fd[0], buffer, (size_t)(1 + total % 5000))) > 0) {
        for (i = 0; i < n; i++)
            CHECK(byte[i] == (total + i) * 7 % 251);
        total += n;
    }
    CHECK(n == 0 && total == sizeof(buffer));
    CHECK(read(fd[0], buffer, 1) == 0);
    CHECK(close(fd[0]) == 0);
    wait_for_child();
}

static volatile sig_atomic_t signals;

static void count(int signal)
{
    (void)signal;
    signals++;
}

static void test_broken(void)
{
    int fd[2], status;

    CHECK(pipe(fd) == 0);
    CHECK(close(fd[0]) == 0);
    signals = 0;
    signal(SIGPIPE, count);
    CHECK_ERROR(write(fd[1], "x", 1), EPIPE);
    CHECK(signals == 1);
    CHECK(write(fd[1], "x", 0) == 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(fd[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    if (fork() == 0) {
        (void)!write(fd[1], "x", 1);
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    CHECK(close(fd[1]) == 0);
}

/* A writer that waits for room learns that its reader has gone. */
static void test_broken_while_waiting(void)
{
    int fd[2];

    CHECK(pipe(fd) == 0);
    if (fork() == 0) {
        signal(SIGPIPE, SIG_IGN);
        CHECK(close(fd[0]) == 0);
        CHECK(write(fd[1], buffer, FULL) == FULL);
        CHECK_ERROR(write(fd[1], buffer, FULL), EPIPE);
        _exit(0);
    }
    CHECK(close(fd[1]) == 0);
    usleep(30000);
    CHECK(close(fd[0]) == 0);
    wait_for_child();
}

static void test_nonblocking(void)
{
    int fd[2];

    CHECK(pipe2(fd, O_NONBLOCK) == 0);
    CHECK_ERROR(read(fd[0], buffer, 1), EAGAIN);
    CHECK(write(fd[1], buffer, sizeof(buffer)) == FULL);
    CHECK_ERROR(write(fd[1], buffer, 1), EAGAIN);
    CHECK(read(fd[0], buffer, 4095) == 4095);
    CHECK_ERROR(write(fd[1], buffer, 4096), EAGAIN);
    CHECK(read(fd[0], buffer, 1) == 1);
    CHECK(write(fd[1], buffer, 5000) == 4096);
    CHECK(fcntl(fd[0], F_SETFL, 0) == 0);
    CHECK(read(fd[0], buffer, sizeof(buffer)) == FULL);
    CHECK_ERROR(lseek(fd[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERROR(pread(fd[0], buffer, 1, 0), ESPIPE);
    CHECK_ERROR(read(fd[1], buffer, 1), EBADF);
    CHECK_ERROR(write(fd[0], buffer, 1), EBADF);
    CHECK(close(fd[0]) == 0 && close(fd[1]) == 0);
    CHECK_ERROR(pipe2(fd, 1), EINVAL);
    CHECK_ERROR(syscall(SYS_pipe2, 8L, 0L), EFAULT);
}

/* Four writers: do records of less than a page, in pieces, stay whole? */
static void test_whole(void)
{
    enum { WRITERS = 4, RECORDS = 200, SIZE = 1500 };
    int fd[2], w, i, k, n, seen[WRITERS] = { 0 };

    CHECK(pipe(fd) == 0);
    for (w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            struct iovec pieces[2] = { { buffer, SIZE / 2 },
                                       { buffer, SIZE - SIZE / 2 } };

            memset(buffer, 'a' + w, SIZE);
            for (i = 0; i < RECORDS; i++)
                CHECK(writev(fd[1], pieces, 2) == SIZE);
            _exit(0);
        }
    CHECK(close(fd[1]) == 0);
    for (i = 0; i < WRITERS * RECORDS; i++) {
        for (n = 0; n < SIZE; n += k) {
            k = (int)read(fd[0], buffer + n, (size_t)(SIZE - n));
            CHECK(k > 0);
        }
        for (n = 1; n < SIZE; n++)
            CHECK(buffer[n] == buffer[0]);
        CHECK(buffer[0] >= 'a' && buffer[0] < 'a' + WRITERS);
        seen[buffer[0] - 'a']++;
    }
    CHECK(read(fd[0], buffer, 1) == 0);
    CHECK(close(fd[0]) == 0);
    for (w = 0; w < WRITERS; w++) {
        wait_for_child();
        CHECK(seen[w] == RECORDS);
    }
}

/* A signal while waiting: EINTR, or as if nothing had been. */
static void test_interrupted(void)
{
    struct sigaction action = { .sa_handler = count };
    int fd[2];

    CHECK(pipe(fd) == 0);
    signals = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    if (fork() == 0) {
        usleep(30000);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        _exit(0);
    }
    CHECK_ERROR(read(fd[0], buffer, 1), EINTR);
    CHECK(signals == 1);
    wait_for_child();
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    if (fork() == 0) {
        usleep(30000);
        CHECK(kill(getppid(), SIGUSR1) == 0);
        usleep(30000);
        CHECK(write(fd[1], "x", 1) == 1);
        _exit(0);
    }
    CHECK(read(fd[0], buffer, 10) == 1);
    CHECK(signals == 2);
    wait_for_child();
    CHECK(close(fd[0]) == 0 && close(fd[1]) == 0);
}

static long milliseconds(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_poll(void)
{
    int fd[2];
    struct pollfd polled[3];
    struct timespec bad = { 0, 1000000000 };
    long start = milliseconds();

    CHECK(pipe(fd) == 0);
    polled[0] = (struct pollfd){ .fd = fd[0], .events = POLLIN };
    polled[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
    polled[2] = (struct pollfd){ .fd = 99, .events = POLLIN };
    CHECK(poll(polled, 2, 0) == 0);
    CHECK(poll(polled, 3, -1) == 1 && polled[2].revents == POLLNVAL);
    CHECK(poll(polled, 1, 50) == 0 && milliseconds() - start >= 50);
    CHECK_ERROR(ppoll(polled, 1, &bad, NULL), EINVAL);
    if (fork() == 0) {
        usleep(30000);
        CHECK(write(fd[1], "x", 1) == 1);
        _exit(0);
    }
    CHECK(poll(polled, 2, 10000) == 1 && polled[0].revents == POLLIN);
    wait_for_child();
    polled[1] = (struct pollfd){ .fd = fd[1], .events = POLLOUT };
    CHECK(poll(polled, 2, 0) == 2 && polled[1].revents == POLLOUT);
    CHECK(close(fd[1]) == 0 && read(fd[0], buffer, 10) == 1);
    CHECK(poll(polled, 1, -1) == 1 && polled[0].revents == POLLHUP);
    CHECK(close(fd[0]) == 0);
}

/* ppoll lets a blocked signal in for as long as it waits. */
static void test_poll_mask(void)
{
    struct sigaction action = { .sa_handler = count };
    struct timespec long_time = { 20, 0 };
    sigset_t all, none, old;

    sigfillset(&all);
    sigemptyset(&none);
    signals = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(signals == 0);
    CHECK_ERROR(ppoll(NULL, 0, &long_time, &none), EINTR);
    CHECK(signals == 1);
    CHECK(sigprocmask(SIG_SETMASK, &old, &none) == 0);
    CHECK(sigismember(&none, SIGUSR2)); /* what was blocked is again */
}

int main(void)
{
    test_stream();
    test_broken();
    test_broken_while_waiting();
    test_nonblocking();
    test_whole();
    test_interrupted();
    test_poll();
    test_poll_mask();
    puts("pipes: fine");
    return 0;
}
