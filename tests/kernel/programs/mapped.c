/*
 * mapped.c: mapped files: what they share with read and write, with each other
 * and across fork, and where they end.
 */
#include "kit.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, FILE_LEN = 3 * PAGE - 1000 };

static unsigned char *map(int fd, size_t n, int protection, int flags)
{
    void *p = mmap(NULL, n * PAGE, protection, flags, fd, 0);

    CHECK(p != MAP_FAILED);
    return p;
}

/* A file of FILE_LEN patterned bytes in a fresh directory. */
static int patterned(const char *path)
{
    static unsigned char bytes[FILE_LEN];
    size_t i;

    for (i = 0; i < FILE_LEN; i++)
        bytes[i] = pattern(i);
    return make_file(path, bytes, FILE_LEN);
}

static unsigned char byte_at(int fd, off_t offset)
{
    unsigned char byte;

    EQUAL(pread(fd, &byte, 1, offset), 1);
    return byte;
}

static void private_read(void)
{
    unsigned char *p;
    size_t i;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, PROT_READ, MAP_PRIVATE);
    CHECK(close(fd) == 0);
    CHECK(unlink("file") == 0);
    for (i = 0; i < FILE_LEN; i++)
        CHECK(p[i] == pattern(i));
    for (; i < 3 * PAGE; i++)
        EQUAL(p[i], 0);
    FAULTS(fault_write(p), SIGSEGV, SEGV_ACCERR, p);
}

static void private_write(void)
{
    unsigned char *p, *q;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, RW, MAP_PRIVATE);
    q = map(fd, 3, RW, MAP_PRIVATE);
    p[10] = 1;
    q[PAGE] = 2;
    EQUAL(q[10], pattern(10));
    EQUAL(p[PAGE], pattern(PAGE));
    EQUAL(byte_at(fd, 10), pattern(10));
    EQUAL(byte_at(fd, PAGE), pattern(PAGE));
    EQUAL(p[11], pattern(11));
}

static void shared_write(void)
{
    unsigned char *p, *q;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, RW, MAP_SHARED);
    q = map(fd, 3, PROT_READ, MAP_SHARED);
    p[10] = 1;
    p[2 * PAGE] = 2;
    EQUAL(q[10], 1);
    EQUAL(q[2 * PAGE], 2);
    EQUAL(byte_at(fd, 10), 1);
    EQUAL(byte_at(fd, 2 * PAGE), 2);
    CHECK(msync(p, 3 * PAGE, MS_SYNC) == 0);
    CHECK(munmap(p, 3 * PAGE) == 0);
    EQUAL(byte_at(fd, 10), 1);
    EQUAL(lseek(fd, 0, SEEK_END), FILE_LEN);
}

/* What a call writes is in the mappings, and the other way round. */
static void coherence(void)
{
    unsigned char *shared, *private, *untouched;
    int fd;

    fresh_directory();
    fd = patterned("file");
    shared = map(fd, 3, RW, MAP_SHARED);
    private = map(fd, 3, RW, MAP_PRIVATE);
    untouched = map(fd, 3, PROT_READ, MAP_PRIVATE);
    EQUAL(shared[5], pattern(5));
    private[5] = 0x99;
    EQUAL(pwrite(fd, "abc", 3, 5), 3);
    EQUAL(shared[5], 'a');
    EQUAL(private[5], 0x99);
    EQUAL(untouched[6], 'b');
    shared[6] = 'x';
    EQUAL(byte_at(fd, 6), 'x');
    EQUAL(pwrite(fd, "tail", 4, 2 * PAGE - 2), 4);
    EQUAL(shared[2 * PAGE - 1], 'a');
    EQUAL(shared[2 * PAGE], 'i');
}

static void offset_of_mapping(void)
{
    unsigned char *p;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    CHECK(p != MAP_FAILED);
    EQUAL(p[17], pattern(PAGE + 17));
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
}

static void past_the_end(void)
{
    unsigned char *p;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 6, RW, MAP_SHARED);
    EQUAL(p[3 * PAGE - 1], 0);
    FAULTS(fault_read(p + 3 * PAGE), SIGBUS, BUS_ADRERR, p + 3 * PAGE);
    FAULTS(fault_write(p + 5 * PAGE + 9), SIGBUS, BUS_ADRERR, p + 5 * PAGE + 9);
    p = map(fd, 6, RW, MAP_PRIVATE);
    FAULTS(fault_write(p + 4 * PAGE), SIGBUS, BUS_ADRERR, p + 4 * PAGE);
    EQUAL(pwrite(fd, "z", 1, 4 * PAGE), 1);
    WORKS(fault_read(p + 4 * PAGE));
    EQUAL(p[4 * PAGE], 'z');
    EQUAL(p[3 * PAGE], 0);
}

static void truncate_under_mapping(void)
{
    unsigned char *shared, *private;
    int fd;

    fresh_directory();
    fd = patterned("file");
    shared = map(fd, 3, RW, MAP_SHARED);
    private = map(fd, 3, RW, MAP_PRIVATE);
    shared[2 * PAGE] = 1;
    private[PAGE] = 2;
    private[2 * PAGE] = 3;
    CHECK(ftruncate(fd, PAGE + 100) == 0);
    FAULTS(fault_read(shared + 2 * PAGE), SIGBUS, BUS_ADRERR,
           shared + 2 * PAGE);
    FAULTS(fault_read(private + 2 * PAGE), SIGBUS, BUS_ADRERR,
           private + 2 * PAGE);
    EQUAL(shared[PAGE + 99], pattern(PAGE + 99));
    EQUAL(shared[PAGE + 100], 0);
    EQUAL(private[PAGE], 2);
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    EQUAL(shared[2 * PAGE], 0);
    EQUAL(private[2 * PAGE], 0);
    EQUAL(shared[PAGE + 200], 0);
}

/* Bytes beyond the end that a program put into the last page are not the
 * file's. */
static void tail_is_not_the_file(void)
{
    unsigned char *p;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, RW, MAP_SHARED);
    p[FILE_LEN + 5] = 0xee;
    CHECK(ftruncate(fd, FILE_LEN - 1) == 0);
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    EQUAL(byte_at(fd, FILE_LEN - 1), 0);
    EQUAL(byte_at(fd, FILE_LEN + 5), 0);
    EQUAL(p[FILE_LEN + 5], 0);
}

static void access_rights(void)
{
    unsigned char *p;
    int fd;

    fresh_directory();
    CHECK(close(patterned("file")) == 0);
    fd = open("file", O_RDONLY);
    FAILS((intptr_t)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
    p = map(fd, 1, RW, MAP_PRIVATE);
    WORKS(fault_write(p));
    p = map(fd, 1, PROT_READ, MAP_PRIVATE);
    CHECK(mprotect(p, PAGE, RW) == 0);
    WORKS(fault_write(p));
    p = map(fd, 1, PROT_READ, MAP_SHARED);
    FAILS(mprotect(p, PAGE, RW), EACCES);
    CHECK(close(fd) == 0);
    fd = open("file", O_WRONLY);
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
}

static void what_cannot_be_mapped(void)
{
    int ends[2], fd;

    fresh_directory();
    CHECK(pipe(ends) == 0);
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0),
          ENODEV);
    fd = open(".", O_RDONLY);
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
    fd = open("/dev/null", O_RDWR);
    FAILS((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
}

static void dev_zero(void)
{
    int fd = open("/dev/zero", O_RDWR);
    unsigned char *p = map(fd, 2, RW, MAP_PRIVATE), *q;
    pid_t child;

    EQUAL(p[PAGE], 0);
    p[PAGE] = 1;
    q = map(fd, 2, RW, MAP_SHARED);
    EQUAL(q[PAGE], 0);
    child = start();
    if (child == 0) {
        q[PAGE] = 2;
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(q[PAGE], 2);
    EQUAL(p[PAGE], 1);
}

static void dontneed_reads_again(void)
{
    unsigned char *p, *q;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, RW, MAP_PRIVATE);
    q = map(fd, 3, RW, MAP_SHARED);
    p[0] = 0xfe;
    q[1] = 0xfd;
    CHECK(madvise(p, 3 * PAGE, MADV_DONTNEED) == 0);
    CHECK(madvise(q, 3 * PAGE, MADV_DONTNEED) == 0);
    EQUAL(p[0], pattern(0));
    EQUAL(p[1], 0xfd);
    EQUAL(q[1], 0xfd);
    EQUAL(byte_at(fd, 1), 0xfd);
}

static void sync_errors(void)
{
    unsigned char *p;

    fresh_directory();
    p = map(patterned("file"), 3, RW, MAP_SHARED);
    CHECK(msync(p, 3 * PAGE, MS_ASYNC) == 0);
    FAILS(msync(p, PAGE, MS_ASYNC | MS_SYNC), EINVAL);
    FAILS(msync(p + 1, PAGE, MS_SYNC), EINVAL);
    FAILS(msync(p, PAGE, 1 << 20), EINVAL);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    FAILS(msync(p, 3 * PAGE, MS_SYNC), ENOMEM);
}

static void across_fork(void)
{
    unsigned char *shared, *private;
    pid_t child;
    int fd;

    fresh_directory();
    fd = patterned("file");
    shared = map(fd, 3, RW, MAP_SHARED);
    private = map(fd, 3, RW, MAP_PRIVATE);
    private[0] = 1;
    child = start();
    if (child == 0) {
        EQUAL(private[0], 1);
        private[0] = 2;
        private[PAGE] = 3;
        shared[0] = 4;
        EQUAL(pwrite(fd, "w", 1, PAGE), 1);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(private[0], 1);
    EQUAL(private[PAGE], 'w');
    EQUAL(shared[0], 4);
    EQUAL(shared[PAGE], 'w');
}

/* read and write whose buffer is the very page of the file that they move. */
static void onto_itself(void)
{
    unsigned char *p;
    int fd;

    fresh_directory();
    fd = patterned("file");
    p = map(fd, 3, RW, MAP_SHARED);
    EQUAL(pread(fd, p + 100, 50, 0), 50);
    EQUAL(p[100], pattern(0));
    EQUAL(p[149], pattern(49));
    EQUAL(pwrite(fd, p + PAGE, 64, 2 * PAGE), 64);
    EQUAL(p[2 * PAGE + 63], pattern(PAGE + 63));
}

static void code_in_a_file(void)
{
    unsigned char code[64] = { 0 }, *p;
    int fd;

    fresh_directory();
    put_code(code);
    fd = make_file("code", code, sizeof(code));
    p = map(fd, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE);
    WORKS(fault_jump(p));
    p = map(fd, 1, PROT_READ, MAP_PRIVATE);
    FAULTS(fault_jump(p), SIGSEGV, SEGV_ACCERR, p);
}

static const struct kit_case cases[] = {
    CASE(private_read),
    CASE(private_write),
    CASE(shared_write),
    CASE(coherence),
    CASE(offset_of_mapping),
    CASE(past_the_end),
    CASE(truncate_under_mapping),
    CASE(tail_is_not_the_file),
    CASE(access_rights),
    CASE(what_cannot_be_mapped),
    CASE(dev_zero),
    CASE(dontneed_reads_again),
    CASE(sync_errors),
    CASE(across_fork),
    CASE(onto_itself),
    CASE(code_in_a_file),
};
KIT_MAIN(cases)
