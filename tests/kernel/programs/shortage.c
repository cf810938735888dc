/*
 * shortage: programs that want all memory, or all processes.  They get an
 * error or are killed; whoever is left goes on, and gets the memory back.
 *
 * Only for a machine of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { MEGABYTE = 1 << 20 };

static void eat(size_t most)
{
    while (most > 0) {
        char *p = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            _exit(3);
        memset(p, 1, MEGABYTE);
        most -= MEGABYTE;
    }
}

/* A fault that finds no frame kills. */
static void test_memory(void)
{
    int status, round;

    for (round = 0; round < 3; round++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
            eat((size_t)4096 * MEGABYTE);
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

/* Copy-on-write finds none, in many processes at once. */
static void test_sharers(void)
{
    char *p = mmap(NULL, 40 * MEGABYTE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int i, status, killed = 0;

    CHECK(p != MAP_FAILED);
    memset(p, 1, 40 * MEGABYTE);
    for (i = 0; i < 6; i++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0) {
            memset(p, i, 40 * MEGABYTE);
            usleep(50000);
            _exit(0);
        }
    }
    while (wait(&status) > 0)
        killed += WIFSIGNALED(status);
    CHECK(killed > 0);
    for (i = 0; i < 40 * MEGABYTE; i += 4096)
        CHECK(p[i] == 1);
    munmap(p, 40 * MEGABYTE);
}

/* A file system in memory that is full. */
static void test_file(void)
{
    static char block[65536];
    int fd = open("/tmp/shortage.file", O_CREAT | O_RDWR, 0600);
    ssize_t n;

    CHECK(fd >= 0);
    while ((n = write(fd, block, sizeof(block))) > 0)
        ;
    CHECK(n == -1 && (errno == ENOSPC || errno == ENOMEM || errno == EFBIG));
    close(fd);
    CHECK(unlink("/tmp/shortage.file") == 0);
}

/* As many processes as there can be, until fork says no. */
static void test_processes(void)
{
    int n = 0, ready[2], status;
    char c;

    CHECK(pipe(ready) == 0);
    for (;;) {
        pid_t pid = fork();

        if (pid == 0) {
            close(ready[1]);
            (void)!read(ready[0], &c, 1);
            _exit(0);
        }
        if (pid < 0)
            break;
        n++;
    }
    CHECK(errno == EAGAIN || errno == ENOMEM);
    CHECK(n > 100);
    close(ready[1]);
    close(ready[0]);
    while (wait(&status) > 0)
        n--;
    CHECK(n == 0);
}

int main(void)
{
    CHECK(getpid() == 1);
    test_memory();
    test_sharers();
    test_file();
    test_processes();
    test_memory();
    test_processes();
    puts("shortage: fine");
    return 0;
}
