/*
 * leaks: does everything come back that processes used?
 *
 * Free memory is looked at after each round of what processes do; once the
 * kernel's own caches are full it must not fall any more.  Linux has too much
 * else to do for that: there the rounds are run, and not the comparison.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { WARM_UP = 3, ROUNDS = 8, MEGABYTE = 1 << 20 };

static unsigned long free_memory(void)
{
    struct sysinfo info;

    CHECK(sysinfo(&info) == 0);
    return info.freeram * info.mem_unit;
}

static char *anonymous(size_t len, int flags)
{
    char *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* A family that shares, writes, and dies in different ways. */
static void family(char *memory)
{
    int fd[2], i, status;
    char *shared = anonymous(MEGABYTE, MAP_SHARED);

    CHECK(pipe(fd) == 0);
    for (i = 0; i < 6; i++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid)
            continue;
        memset(memory + i * 10000, i, 300000);
        memset(shared, i, MEGABYTE);
        if (i == 1)
            abort();
        if (i == 2)
            *(volatile int *)8 = 1;
        if (i == 3 && fork() == 0)
            _exit(0);
        if (i == 4)
            (void)!read(fd[0], memory, 1); /* until it is killed */
        if (i == 5)
            execl("/proc/self/exe", "leaks", "child", (char *)NULL);
        _exit(0);
    }
    usleep(20000);
    signal(SIGTERM, SIG_IGN); /* theirs is as it was */
    CHECK(kill(0, SIGTERM) == 0);
    close(fd[1]);
    close(fd[0]);
    while (wait(&status) > 0)
        ;
    munmap(shared, MEGABYTE);
}

static void files(void)
{
    int fd = open("/tmp/leaks.file", O_CREAT | O_RDWR | O_TRUNC, 0600), i;
    char *p;

    CHECK(fd >= 0 && ftruncate(fd, MEGABYTE) == 0);
    p = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    memset(p, 3, MEGABYTE);
    for (i = 0; i < 3; i++)
        if (fork() == 0) {
            p[i] = 1;
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    munmap(p, MEGABYTE);
    close(fd);
    CHECK(unlink("/tmp/leaks.file") == 0);
}

static int on_stack(void *arg)
{
    (void)arg;
    execl("/proc/self/exe", "leaks", "child", (char *)NULL);
    return 1;
}

static void vforks(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int i;

    for (i = 0; i < 5; i++)
        CHECK(clone(on_stack, stack + sizeof(stack),
                    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) > 0);
    while (wait(NULL) > 0)
        ;
    /* exec that fails half way. */
    for (i = 0; i < 5; i++) {
        char *bad[] = { "x", (char *)8, NULL };

        CHECK(execve("/proc/self/exe", bad, bad) == -1);
    }
}

int main(int argc, char **argv)
{
    unsigned long before = 0, after;
    struct utsname name;
    char *memory;
    int round, exact;

    (void)argv;
    if (argc > 1)
        return 0;
    CHECK(uname(&name) == 0);
    /* Before anything is counted: the call itself brings pages of code in. */
    exact = strcmp(name.nodename, "lazypager") == 0;
    for (round = 0; round < ROUNDS; round++) {
        signal(SIGTERM, SIG_DFL);
        memory = anonymous(4 * MEGABYTE, MAP_PRIVATE);
        memset(memory, 9, MEGABYTE);
        setpgid(0, 0);
        family(memory);
        munmap(memory, 4 * MEGABYTE);
        files();
        vforks();
        after = free_memory();
        if (round == WARM_UP)
            before = after;
        if (round > WARM_UP && exact && after < before) {
            fprintf(stderr, "round %d: %lu bytes are missing\n", round,
                    before - after);
            return 1;
        }
    }
    puts("leaks: none");
    return 0;
}
