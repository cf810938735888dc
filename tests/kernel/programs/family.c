/*
 * family.c: a parent and two children, for the test of traces.
 *
 * Sixteen private pages, all written; the first child writes the first of them
 * and ends; the second does all that a trace has words for.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16 };

static volatile char *area;

static void first_child(void)
{
    area[0] = 2;
}

static void second_child(void)
{
    char *p = (char *)area;

    if (mprotect(p, PAGE, PROT_READ) != 0 ||
        madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED) != 0 ||
        munmap(p + 4 * PAGE, PAGE) != 0)
        _exit(1);
    area[2 * PAGE] = 3;
}

static void run(void (*child)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        child();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        _exit(1);
}

int main(void)
{
    size_t i;

    area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return 1;
    for (i = 0; i < PAGES; i++)
        area[i * PAGE] = 1;
    run(first_child);
    run(second_child);
    return write(STDOUT_FILENO, "done\n", 5) == 5 ? 0 : 1;
}
