/*
 * pipelines.c: pipes and polling, between processes.
 */
#include "kit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

enum { CAPACITY = 65536 };

static void round_trip(void)
{
    char bytes[16];
    int ends[2];

    CHECK(pipe(ends) == 0);
    EQUAL(ends[1], ends[0] + 1);
    EQUAL(write(ends[1], "hello", 5), 5);
    EQUAL(write(ends[1], "world", 5), 5);
    EQUAL(read(ends[0], bytes, 3), 3);
    EQUAL(read(ends[0], bytes + 3, 13), 7);
    CHECK(!memcmp(bytes, "helloworld", 10));
}

static void end_of_file(void)
{
    char byte;
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    child = start();
    if (child == 0) {
        CHECK(close(ends[0]) == 0);
        sleep_ms(5);
        CHECK(write(ends[1], "z", 1) == 1);
        _exit(0);
    }
    CHECK(close(ends[1]) == 0);
    EQUAL(read(ends[0], &byte, 1), 1);
    EQUAL(read(ends[0], &byte, 1), 0);
    EQUAL(read(ends[0], &byte, 1), 0);
    EQUAL(finish(child), 0);
}

static void broken(void)
{
    int ends[2];
    pid_t child = start();

    CHECK(pipe(ends) == 0);
    CHECK(close(ends[0]) == 0);
    if (child == 0) {
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    EQUAL(finish(child), SIGPIPE);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    FAILS(write(ends[1], "x", 1), EPIPE);
}

static void not_blocking(void)
{
    static char bytes[4096];
    int ends[2], total = 0;
    ssize_t n;

    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    FAILS(read(ends[0], bytes, 1), EAGAIN);
    while ((n = write(ends[1], bytes, sizeof(bytes))) > 0)
        total += (int)n;
    EQUAL(errno, EAGAIN);
    EQUAL(total, CAPACITY);
    FAILS(write(ends[1], bytes, 1), EAGAIN);
    EQUAL(read(ends[0], bytes, sizeof(bytes)), sizeof(bytes));
    EQUAL(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
    CHECK(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    EQUAL(fcntl(ends[0], F_SETFL, 0), 0);
    CHECK(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK));
}

/* A writer sleeps on a full pipe until there is room. */
static void full(void)
{
    enum { LEN = 300000 };
    static unsigned char bytes[LEN];
    size_t i, got = 0;
    ssize_t n;
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    child = start();
    if (child == 0) {
        for (i = 0; i < LEN; i++)
            bytes[i] = pattern(i);
        CHECK(write(ends[1], bytes, LEN) == LEN);
        _exit(0);
    }
    CHECK(close(ends[1]) == 0);
    while ((n = read(ends[0], bytes + got, 7777)) > 0)
        got += (size_t)n;
    EQUAL(got, LEN);
    for (i = 0; i < LEN; i++)
        CHECK(bytes[i] == pattern(i));
    EQUAL(finish(child), 0);
}

/* Up to PIPE_BUF bytes are written in one piece, whoever else writes. */
static void whole_writes(void)
{
    enum { WRITERS = 4, EACH = 100, LEN = 600 };
    unsigned char bytes[LEN];
    int ends[2], count[WRITERS] = { 0 }, i, j;
    pid_t children[WRITERS];

    CHECK(pipe(ends) == 0);
    for (i = 0; i < WRITERS; i++) {
        children[i] = start();
        if (children[i] != 0)
            continue;
        memset(bytes, i, LEN);
        for (j = 0; j < EACH; j++)
            CHECK(write(ends[1], bytes, LEN) == LEN);
        _exit(0);
    }
    for (j = 0; j < WRITERS * EACH; j++) {
        size_t got = 0;

        while (got < LEN) {
            ssize_t n = read(ends[0], bytes + got, LEN - got);

            CHECK(n > 0);
            got += (size_t)n;
        }
        for (i = 1; i < LEN; i++)
            CHECK(bytes[i] == bytes[0]);
        count[bytes[0]]++;
    }
    for (i = 0; i < WRITERS; i++) {
        EQUAL(count[i], EACH);
        EQUAL(finish(children[i]), 0);
    }
}

static void ping_pong(void)
{
    int there[2], back[2], i;
    pid_t child;

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    child = start();
    for (i = 0; i < 300; i++) {
        int number = i;

        if (child == 0) {
            CHECK(read(there[0], &number, 4) == 4);
            EQUAL(number, i);
            number *= 3;
            CHECK(write(back[1], &number, 4) == 4);
        } else {
            CHECK(write(there[1], &number, 4) == 4);
            CHECK(read(back[0], &number, 4) == 4);
            EQUAL(number, 3 * i);
        }
    }
    if (child == 0)
        _exit(0);
    EQUAL(finish(child), 0);
}

/* A chain of processes, each adding one to every byte. */
static void pipeline(void)
{
    enum { STAGES = 10, LEN = 20000 };
    static unsigned char bytes[LEN];
    int in = -1, ends[2], i, j;
    ssize_t n;
    size_t got = 0;

    for (i = 0; i <= STAGES; i++) {
        CHECK(pipe(ends) == 0);
        if (start() == 0) {
            CHECK(close(ends[0]) == 0);
            if (i == 0)
                _exit(write(ends[1], bytes, LEN) != LEN);
            while ((n = read(in, bytes, 1000)) > 0) {
                for (j = 0; j < n; j++)
                    bytes[j]++;
                CHECK(write(ends[1], bytes, (size_t)n) == n);
            }
            _exit(0);
        }
        CHECK(close(ends[1]) == 0);
        if (in >= 0)
            CHECK(close(in) == 0);
        in = ends[0];
    }
    while ((n = read(in, bytes + got, LEN - got)) > 0)
        got += (size_t)n;
    EQUAL(got, LEN);
    for (j = 0; j < LEN; j++)
        EQUAL(bytes[j], STAGES);
    for (i = 0; i <= STAGES; i++) {
        int status;

        CHECK(wait(&status) > 0);
        EQUAL(status, 0);
    }
}

static void polling(void)
{
    struct pollfd fds[2];
    long long before;
    char byte;
    int ends[2];

    CHECK(pipe(ends) == 0);
    fds[0] = (struct pollfd){ ends[0], POLLIN, 0 };
    fds[1] = (struct pollfd){ ends[1], POLLOUT, 0 };
    EQUAL(poll(fds, 2, 0), 1);
    EQUAL(fds[0].revents, 0);
    EQUAL(fds[1].revents, POLLOUT);
    before = now_ms();
    EQUAL(poll(fds, 1, 30), 0);
    CHECK(now_ms() - before >= 29);
    EQUAL(write(ends[1], "x", 1), 1);
    EQUAL(poll(fds, 1, -1), 1);
    EQUAL(fds[0].revents, POLLIN);
    EQUAL(read(ends[0], &byte, 1), 1);
    CHECK(close(ends[1]) == 0);
    EQUAL(poll(fds, 1, -1), 1);
    EQUAL(fds[0].revents, POLLHUP);
    EQUAL(poll(fds + 1, 1, -1), 1);
    EQUAL(fds[1].revents, POLLNVAL);
    fds[1].fd = -5;
    EQUAL(poll(fds + 1, 1, 0), 0);
    EQUAL(fds[1].revents, 0);
}

static void polling_wakes(void)
{
    struct pollfd fd;
    int ends[2];
    pid_t child;

    CHECK(pipe(ends) == 0);
    child = start();
    if (child == 0) {
        sleep_ms(10);
        CHECK(write(ends[1], "x", 1) == 1);
        _exit(0);
    }
    fd = (struct pollfd){ ends[0], POLLIN, 0 };
    EQUAL(poll(&fd, 1, 10000), 1);
    EQUAL(fd.revents, POLLIN);
    EQUAL(finish(child), 0);
}

static void what_they_are_not(void)
{
    struct stat about;
    char byte;
    int ends[2];

    CHECK(pipe(ends) == 0);
    FAILS(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    FAILS(pread(ends[0], &byte, 1, 0), ESPIPE);
    FAILS(pwrite(ends[1], "x", 1, 0), ESPIPE);
    FAILS(ftruncate(ends[1], 0), EINVAL);
    FAILS(write(ends[0], "x", 1), EBADF);
    FAILS(read(ends[1], &byte, 1), EBADF);
    CHECK(fstat(ends[0], &about) == 0 && S_ISFIFO(about.st_mode));
    FAILS(pipe2(ends, 0x7), EINVAL);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    EQUAL(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
}

static const struct kit_case cases[] = {
    CASE(round_trip),
    CASE(end_of_file),
    CASE(broken),
    CASE(not_blocking),
    CASE(full),
    CASE(whole_writes),
    CASE(ping_pong),
    CASE(pipeline),
    CASE(polling),
    CASE(polling_wakes),
    CASE(what_they_are_not),
};
KIT_MAIN(cases)
