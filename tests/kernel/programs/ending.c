/*
 * ending.c: ends in the way that it is told, for the test of tests/kernel/run.
 *
 *     ending exit N      with this status
 *     ending signal N    killed by this signal
 *     ending fault       of a null pointer
 *     ending bytes N     writes N bytes, all 256 values, to standard output
 *     ending both        lines on standard output and standard error
 *     ending forever     never
 *     ending words ...   prints its arguments
 *     ending cat PATH    prints a file
 *     ending memory      prints how many MiB there are, and may be used
 */
#include "kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

static int bytes(size_t n)
{
    unsigned char block[4099];
    size_t done, i, len;

    for (done = 0; done < n; done += len) {
        len = n - done < sizeof(block) ? n - done : sizeof(block);
        for (i = 0; i < len; i++)
            block[i] = (unsigned char)((done + i) * 7 + ((done + i) >> 8));
        if (write(1, block, len) != (ssize_t)len)
            return 1;
    }
    return 0;
}

static int both(void)
{
    int i;

    for (i = 0; i < 50; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "line %d\n", i);

        if (write(i % 2 + 1, text, (size_t)len) != len)
            return 1;
    }
    return 0;
}

static int cat(const char *path)
{
    char block[1000];
    ssize_t n;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return 1;
    while ((n = read(fd, block, sizeof(block))) > 0)
        if (write(1, block, (size_t)n) != n)
            return 1;
    return n < 0;
}

/* A child that wants more than there is must die of it, or be told; this
 * process lives and can use what came back. */
static int memory(void)
{
    struct sysinfo info;
    unsigned long mib;
    int status;

    CHECK(sysinfo(&info) == 0);
    mib = info.totalram * info.mem_unit >> 20;
    say("%lu MiB\n", mib);
    if (start() == 0) {
        unsigned char *p =
            mmap(NULL, 2 * mib << 20, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        size_t i;

        for (i = 0; i < 2 * mib << 20; i += PAGE)
            p[i] = 1;
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK(WIFSIGNALED(status));
    CHECK(!memchr(memset(pages(mib / 2 * 256, MAP_PRIVATE), 1, mib / 2 << 20),
                  0, mib / 2 << 20));
    say("alive\n");
    return 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    int i, number = argc > 2 ? atoi(argv[2]) : 0;

    if (!strcmp(way, "exit"))
        return number;
    if (!strcmp(way, "signal"))
        return raise(number);
    if (!strcmp(way, "fault"))
        *(volatile char *)(uintptr_t)(argc - 2) = 1;
    if (!strcmp(way, "bytes"))
        return bytes((size_t)number);
    if (!strcmp(way, "both"))
        return both();
    while (!strcmp(way, "forever"))
        sleep_ms(1000);
    for (i = 0; !strcmp(way, "words") && i < argc; i++)
        say("%s\n", argv[i]);
    if (!strcmp(way, "cat"))
        return cat(argv[2]);
    if (!strcmp(way, "memory"))
        return memory();
    return 0;
}
