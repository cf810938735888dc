/*
 * forks.c: fork and its kin: who sees whose writes, and how children end.
 */
#include "kit.h"

#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SHARED_PAGES = 64 };

static bool filled(const unsigned char *p, unsigned char byte)
{
    size_t i;

    for (i = 0; i < PAGE; i++)
        if (p[i] != byte)
            return false;
    return true;
}

static void child_writes(void)
{
    unsigned char *p = pages(8, MAP_PRIVATE);
    pid_t child;

    memset(p, 1, 8 * PAGE);
    child = start();
    if (child == 0) {
        memset(p, 2, 4 * PAGE);
        CHECK(filled(p + 3 * PAGE, 2));
        CHECK(filled(p + 4 * PAGE, 1));
        _exit(0);
    }
    EQUAL(finish(child), 0);
    CHECK(filled(p, 1));
    CHECK(filled(p + 7 * PAGE, 1));
}

/* The parent writes while the child waits to look. */
static void parent_writes(void)
{
    unsigned char *p = pages(8, MAP_PRIVATE);
    int go[2];
    pid_t child;
    char byte;

    memset(p, 1, 8 * PAGE);
    CHECK(pipe(go) == 0);
    child = start();
    if (child == 0) {
        CHECK(read(go[0], &byte, 1) == 1);
        CHECK(filled(p, 1));
        CHECK(filled(p + 7 * PAGE, 1));
        _exit(0);
    }
    memset(p, 3, 8 * PAGE);
    CHECK(write(go[1], "g", 1) == 1);
    EQUAL(finish(child), 0);
    CHECK(filled(p + 7 * PAGE, 3));
}

static void both_write(void)
{
    unsigned char *p = pages(SHARED_PAGES, MAP_PRIVATE);
    pid_t child;
    size_t i, round;

    for (round = 0; round < 8; round++) {
        memset(p, 7, SHARED_PAGES * PAGE);
        child = start();
        for (i = 0; i < SHARED_PAGES; i++)
            p[i * PAGE + round] = (unsigned char)(child ? 100 + i : 200 - i);
        for (i = 0; i < SHARED_PAGES; i++) {
            EQUAL(p[i * PAGE + round], child ? 100 + i : 200 - i);
            EQUAL(p[i * PAGE + 100], 7);
        }
        if (child == 0)
            _exit(0);
        EQUAL(finish(child), 0);
    }
}

static void never_touched(void)
{
    unsigned char *p = pages(4, MAP_PRIVATE);
    pid_t child = start();

    if (child == 0) {
        CHECK(filled(p, 0));
        p[PAGE] = 1;
        CHECK(filled(p + 2 * PAGE, 0));
        _exit(0);
    }
    p[2 * PAGE] = 2;
    EQUAL(finish(child), 0);
    CHECK(filled(p + PAGE, 0));
}

/* Data, heap and stack are memory like any other. */
static int in_data = 5, in_bss;

static void data_heap_stack(void)
{
    int on_stack = 6, *in_heap = malloc(sizeof(int));
    pid_t child;

    *in_heap = 7;
    child = start();
    if (child == 0) {
        EQUAL(in_data + in_bss + on_stack + *in_heap, 18);
        in_data = in_bss = *in_heap = 50;
        on_stack = 50;
        EQUAL(in_data + in_bss + on_stack + *in_heap, 200);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(in_data + in_bss + on_stack + *in_heap, 18);
    free(in_heap);
}

/* Protection is the child's own. */
static void protection(void)
{
    unsigned char *p = pages(2, MAP_PRIVATE);
    pid_t child;

    p[0] = p[PAGE] = 9;
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    child = start();
    if (child == 0) {
        FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
        CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
        WORKS(fault_write(p));
        CHECK(munmap(p + PAGE, PAGE) == 0);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
    EQUAL(p[0], 9);
    EQUAL(p[PAGE], 9);
}

/* Read-only pages made writable after fork: still copied first. */
static void made_writable_after(void)
{
    unsigned char *p = pages(1, MAP_PRIVATE);
    pid_t child;

    p[0] = 9;
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    child = start();
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[0] = child ? 10 : 11;
    sleep_ms(2);
    EQUAL(p[0], child ? 10 : 11);
    if (child == 0)
        _exit(0);
    EQUAL(finish(child), 0);
}

static void grandchildren(void)
{
    unsigned char *p = pages(4, MAP_PRIVATE);
    pid_t child, grandchild;

    memset(p, 1, 4 * PAGE);
    child = start();
    if (child == 0) {
        p[0] = 2;
        grandchild = start();
        if (grandchild == 0) {
            EQUAL(p[0], 2);
            EQUAL(p[PAGE], 1);
            p[0] = p[PAGE] = 3;
            _exit(0);
        }
        p[PAGE] = 4;
        EQUAL(finish(grandchild), 0);
        EQUAL(p[0], 2);
        EQUAL(p[PAGE], 4);
        _exit(0);
    }
    p[2 * PAGE] = 5;
    EQUAL(finish(child), 0);
    EQUAL(p[0] + p[PAGE] + p[2 * PAGE] + p[3 * PAGE], 8);
}

/* Each generation is the parent of the next one, 40 deep. */
static void generation(unsigned char *p, int depth)
{
    pid_t child;

    EQUAL(p[0], depth);
    p[0]++;
    p[PAGE + depth] = (unsigned char)depth;
    if (depth == 40)
        return;
    child = start();
    if (child == 0) {
        generation(p, depth + 1);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(p[0], depth + 1);
    EQUAL(p[PAGE + depth + 1], 0);
}

static void chain(void)
{
    generation(pages(2, MAP_PRIVATE), 0);
}

static void siblings(void)
{
    enum { N = 24 };
    unsigned char *p = pages(N, MAP_PRIVATE);
    pid_t children[N];
    int i, j;

    memset(p, 0xcc, N * PAGE);
    for (i = 0; i < N; i++) {
        children[i] = start();
        if (children[i] != 0)
            continue;
        memset(p + i * PAGE, i, PAGE);
        sched_yield();
        for (j = 0; j < N; j++)
            CHECK(filled(p + j * PAGE, j == i ? (unsigned char)i : 0xcc));
        _exit(i);
    }
    for (i = 0; i < N; i++)
        EQUAL(finish(children[i]), i << 8);
    CHECK(filled(p, 0xcc));
}

/*
 * A family: every member forks until the tree is `depth` deep, writes a value
 * of its own into every page, lets others run, and finds its values again.
 */
static void family(unsigned char *p, unsigned number, int depth)
{
    pid_t children[2];
    size_t i;
    int n = 0;

    for (; n < 2 && depth > 0; n++) {
        children[n] = start();
        if (children[n] == 0) {
            family(p, 2 * number + (unsigned)n, depth - 1);
            _exit(0);
        }
    }
    for (i = 0; i < SHARED_PAGES; i++)
        memcpy(p + i * PAGE + (number % 64) * 8, &number, sizeof(number));
    sched_yield();
    for (i = 0; i < SHARED_PAGES; i++) {
        CHECK(
            !memcmp(p + i * PAGE + (number % 64) * 8, &number, sizeof(number)));
        EQUAL(p[i * PAGE + 2048], i);
    }
    while (n > 0)
        EQUAL(finish(children[--n]), 0);
    for (i = 0; i < SHARED_PAGES; i++)
        CHECK(
            !memcmp(p + i * PAGE + (number % 64) * 8, &number, sizeof(number)));
}

static void families(void)
{
    unsigned char *p = pages(SHARED_PAGES, MAP_PRIVATE);
    size_t i;

    for (i = 0; i < SHARED_PAGES; i++)
        p[i * PAGE + 2048] = (unsigned char)i;
    family(p, 1, 5);
}

/* Shared memory stays shared, however deep. */
static void shared_counter(void)
{
    _Atomic int *counter = (_Atomic int *)(void *)pages(1, MAP_SHARED);
    pid_t children[8];
    int i, j;

    for (i = 0; i < 8; i++) {
        children[i] = start();
        if (children[i] == 0) {
            pid_t child = start();

            for (j = 0; j < 1000; j++)
                ++*counter;
            if (child == 0)
                _exit(0);
            _exit(finish(child));
        }
    }
    for (i = 0; i < 8; i++)
        EQUAL(finish(children[i]), 0);
    EQUAL(*counter, 16000);
}

static void wait_statuses(void)
{
    static const int signals[] = { SIGKILL, SIGTERM, SIGUSR1, SIGPIPE, SIGHUP };
    size_t i;
    pid_t child;
    int status, code;

    for (code = 0; code < 256; code += 51) {
        child = start();
        if (child == 0)
            _exit(code);
        status = finish(child);
        CHECK(WIFEXITED(status));
        EQUAL(WEXITSTATUS(status), code);
    }
    for (i = 0; i < 5; i++) {
        child = start();
        if (child == 0) {
            kill(getpid(), signals[i]);
            _exit(1);
        }
        status = finish(child);
        CHECK(WIFSIGNALED(status));
        EQUAL(WTERMSIG(status), signals[i]);
    }
    child = start();
    if (child == 0)
        _exit(0x1ff);
    EQUAL(finish(child), 0xff << 8);
}

static void wait_errors(void)
{
    pid_t child;
    int status;

    FAILS(waitpid(-1, &status, 0), ECHILD);
    FAILS(waitpid(getpid(), &status, 0), ECHILD);
    child = start();
    if (child == 0) {
        FAILS(waitpid(-1, &status, 0), ECHILD);
        sleep_ms(30);
        _exit(0);
    }
    EQUAL(waitpid(child, &status, WNOHANG), 0);
    EQUAL(waitpid(-1, &status, WNOHANG), 0);
    FAILS(waitpid(child, &status, 0x40000), EINVAL);
    EQUAL(finish(child), 0);
    FAILS(waitpid(child, &status, 0), ECHILD);
}

static void zombies(void)
{
    enum { N = 30 };
    pid_t children[N];
    int i, status, sum = 0;

    for (i = 0; i < N; i++) {
        children[i] = start();
        if (children[i] == 0)
            _exit(i);
    }
    sleep_ms(20);
    for (i = N - 1; i >= N / 2; i--)
        EQUAL(finish(children[i]), i << 8);
    for (i = 0; i < N / 2; i++) {
        CHECK(waitpid(-1, &status, 0) > 0);
        sum += WEXITSTATUS(status);
    }
    EQUAL(sum, N / 2 * (N / 2 - 1) / 2);
    /* Gone processes have no number any more. */
    FAILS(kill(children[0], 0), ESRCH);
}

/* A child outlives its parent: it gets another one, and goes on. */
static void orphan(void)
{
    int report[2];
    pid_t child;
    char text[8] = { 0 };

    CHECK(pipe(report) == 0);
    child = start();
    if (child == 0) {
        pid_t mine = getpid();

        if (start() == 0) {
            while (getppid() == mine)
                sleep_ms(1);
            CHECK(write(report[1], "alive", 5) == 5);
        }
        _exit(0);
    }
    EQUAL(finish(child), 0);
    CHECK(close(report[1]) == 0);
    EQUAL(read(report[0], text, sizeof(text)), 5);
    CHECK(!strcmp(text, "alive"));
    EQUAL(read(report[0], text, sizeof(text)), 0);
}

static void vfork_lends(void)
{
    volatile int *word = (volatile int *)(void *)pages(1, MAP_PRIVATE);
    pid_t child = vfork();

    if (child == 0) {
        *word = 12;
        _exit(3);
    }
    CHECK(child > 0);
    EQUAL(*word, 12);
    EQUAL(finish(child), 3 << 8);
}

static int spawn(const char *path, const char *first)
{
    extern char **environ;
    char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)first, NULL };
    pid_t child;
    int error = posix_spawn(&child, path, NULL, NULL, argv, environ);

    return error ? -error : finish(child);
}

/* This program's own answer to a wrong argument is exit 2. */
static void spawned(void)
{
    int i;

    for (i = 0; i < 5; i++)
        EQUAL(spawn("/proc/self/exe", "--list-nothing"), 2 << 8);
    EQUAL(spawn("/nonexistent", "x"), -ENOENT);
    EQUAL(spawn("/tmp", "x"), -EACCES);
}

/* Children of children until there are a few hundred, several at a time. */
static void bomb(void)
{
    _Atomic int *living = (_Atomic int *)(void *)pages(1, MAP_SHARED);
    int i, j, status;

    for (i = 0; i < 10; i++) {
        if (start() != 0)
            continue;
        for (j = 0; j < 20; j++)
            if (start() == 0) {
                ++*living;
                _exit(0);
            }
        while (wait(&status) > 0)
            EQUAL(status, 0);
        _exit(0);
    }
    while (wait(&status) > 0)
        EQUAL(status, 0);
    EQUAL(*living, 200);
}

static const struct kit_case cases[] = {
    CASE(child_writes),
    CASE(parent_writes),
    CASE(both_write),
    CASE(never_touched),
    CASE(data_heap_stack),
    CASE(protection),
    CASE(made_writable_after),
    CASE(grandchildren),
    CASE(chain),
    CASE(siblings),
    CASE(families),
    CASE(shared_counter),
    CASE(wait_statuses),
    CASE(wait_errors),
    CASE(zombies),
    CASE(orphan),
    CASE(vfork_lends),
    CASE(spawned),
    CASE(bomb),
};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--list-nothing"))
        return 2;
    return kit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
