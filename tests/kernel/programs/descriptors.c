/*
 * descriptors.c: open files: reading, writing, seeking, growing, descriptors.
 * Names are in tree.c, pipes in pipelines.c, mappings in mapped.c.
 */
#include "kit.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* This is what the file says from the offset on. */
static void contains(int fd, off_t offset, const char *text)
{
    char bytes[128];
    size_t len = strlen(text);

    CHECK(len < sizeof(bytes));
    EQUAL(pread(fd, bytes, len, offset), len);
    CHECK(!memcmp(bytes, text, len));
}

static off_t size_of(int fd)
{
    struct stat about;

    CHECK(fstat(fd, &about) == 0);
    return about.st_size;
}

static void open_flags(void)
{
    int fd;

    fresh_directory();
    FAILS(open("file", O_RDONLY), ENOENT);
    fd = open("file", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    EQUAL(write(fd, "hello", 5), 5);
    FAILS(open("file", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    EQUAL(size_of(open("file", O_RDONLY)), 5);
    EQUAL(size_of(open("file", O_WRONLY | O_CREAT, 0644)), 5);
    EQUAL(size_of(open("file", O_WRONLY | O_TRUNC)), 0);
    EQUAL(size_of(fd), 0);
    FAILS(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open("file/below", O_RDONLY), ENOTDIR);
    FAILS(open("file/", O_RDONLY), ENOTDIR);
    FAILS(open(".", O_RDWR), EISDIR);
    FAILS(open("missing/file", O_RDWR | O_CREAT, 0644), ENOENT);
    CHECK(open(".", O_RDONLY | O_DIRECTORY) >= 0);
}

static void wrong_direction(void)
{
    char byte;
    int fd;

    fresh_directory();
    fd = open("file", O_WRONLY | O_CREAT, 0644);
    FAILS(read(fd, &byte, 1), EBADF);
    EQUAL(write(fd, "x", 1), 1);
    fd = open("file", O_RDONLY);
    FAILS(write(fd, "x", 1), EBADF);
    EQUAL(read(fd, &byte, 1), 1);
    fd = open(".", O_RDONLY);
    FAILS(read(fd, &byte, 1), EISDIR);
    FAILS(write(fd, "x", 1), EBADF);
}

static void bad_descriptors(void)
{
    struct stat about;
    char byte;

    FAILS(read(77, &byte, 1), EBADF);
    FAILS(read(-1, &byte, 1), EBADF);
    FAILS(write(77, "x", 1), EBADF);
    FAILS(close(77), EBADF);
    FAILS(close(-1), EBADF);
    FAILS(lseek(77, 0, SEEK_SET), EBADF);
    FAILS(fstat(77, &about), EBADF);
    FAILS(ftruncate(77, 0), EBADF);
    FAILS(dup(77), EBADF);
    FAILS(fcntl(77, F_GETFL), EBADF);
    FAILS(fsync(77), EBADF);
    FAILS(fchdir(77), EBADF);
    FAILS(read(1 << 30, &byte, 1), EBADF);
}

static void positions(void)
{
    char byte;
    int fd;

    fresh_directory();
    fd = make_file("file", "0123456789", 10);
    EQUAL(lseek(fd, 0, SEEK_CUR), 10);
    EQUAL(read(fd, &byte, 1), 0);
    EQUAL(lseek(fd, 3, SEEK_SET), 3);
    EQUAL(read(fd, &byte, 1), 1);
    EQUAL(byte, '3');
    EQUAL(lseek(fd, 2, SEEK_CUR), 6);
    EQUAL(read(fd, &byte, 1), 1);
    EQUAL(byte, '6');
    EQUAL(lseek(fd, -1, SEEK_END), 9);
    EQUAL(read(fd, &byte, 1), 1);
    EQUAL(byte, '9');
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    FAILS(lseek(fd, -11, SEEK_END), EINVAL);
    FAILS(lseek(fd, 0, 99), EINVAL);
    EQUAL(lseek(fd, 0, SEEK_CUR), 10);
    EQUAL(lseek(fd, 1000, SEEK_SET), 1000);
    EQUAL(read(fd, &byte, 1), 0);
    EQUAL(size_of(fd), 10);
}

static void holes_are_zero(void)
{
    static char bytes[9000];
    size_t i;
    int fd;

    fresh_directory();
    fd = make_file("file", "abc", 3);
    EQUAL(lseek(fd, 9000, SEEK_SET), 9000);
    EQUAL(write(fd, "end", 3), 3);
    EQUAL(size_of(fd), 9003);
    EQUAL(pread(fd, bytes, 9000, 0), 9000);
    CHECK(!memcmp(bytes, "abc", 3));
    for (i = 3; i < 9000; i++)
        EQUAL(bytes[i], 0);
    contains(fd, 9000, "end");
}

static void at_an_offset(void)
{
    char byte;
    int fd;

    fresh_directory();
    fd = make_file("file", "0123456789", 10);
    EQUAL(pwrite(fd, "xy", 2, 4), 2);
    EQUAL(lseek(fd, 0, SEEK_CUR), 10);
    contains(fd, 0, "0123xy6789");
    EQUAL(pread(fd, &byte, 1, 10), 0);
    EQUAL(pread(fd, &byte, 1, 1 << 20), 0);
    FAILS(pread(fd, &byte, 1, -1), EINVAL);
    FAILS(pwrite(fd, "x", 1, -1), EINVAL);
}

static void append(void)
{
    int fd, other;

    fresh_directory();
    fd = open("file", O_RDWR | O_CREAT | O_APPEND, 0644);
    other = open("file", O_RDWR);
    EQUAL(write(fd, "one", 3), 3);
    EQUAL(write(other, "TW", 2), 2);
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    EQUAL(write(fd, "three", 5), 5);
    EQUAL(lseek(fd, 0, SEEK_CUR), 8);
    contains(fd, 0, "TWethree");
    EQUAL(pwrite(fd, "!", 1, 0), 1);
    contains(fd, 0, "TWethree!");
}

static void vectors(void)
{
    char a[4] = "....", b[4] = "....";
    struct iovec out[3] = { { "0123", 4 }, { NULL, 0 }, { "456789", 6 } };
    struct iovec in[2] = { { a, 3 }, { b, 4 } };
    int fd;

    fresh_directory();
    fd = make_file("file", "", 0);
    EQUAL(writev(fd, out, 3), 10);
    EQUAL(lseek(fd, 1, SEEK_SET), 1);
    EQUAL(readv(fd, in, 2), 7);
    CHECK(!memcmp(a, "123", 3) && !memcmp(b, "4567", 4));
    EQUAL(readv(fd, in, 2), 2);
    EQUAL(readv(fd, in, 2), 0);
}

static void truncation(void)
{
    char bytes[10];
    int fd;

    fresh_directory();
    fd = make_file("file", "0123456789", 10);
    CHECK(ftruncate(fd, 4) == 0);
    EQUAL(size_of(fd), 4);
    CHECK(ftruncate(fd, 10) == 0);
    EQUAL(pread(fd, bytes, 10, 0), 10);
    CHECK(!memcmp(bytes, "0123\0\0\0\0\0\0", 10));
    EQUAL(lseek(fd, 0, SEEK_CUR), 10);
    CHECK(truncate("file", 2) == 0);
    EQUAL(size_of(fd), 2);
    EQUAL(write(fd, "z", 1), 1);
    EQUAL(size_of(fd), 11);
    FAILS(ftruncate(fd, -1), EINVAL);
    FAILS(truncate("file", -1), EINVAL);
    FAILS(truncate("missing", 0), ENOENT);
    FAILS(truncate(".", 0), EISDIR);
    FAILS(ftruncate(open("file", O_RDONLY), 0), EINVAL);
}

/* Megabytes through a file in pieces of odd lengths. */
static void a_large_file(void)
{
    enum { LEN = 3 << 20, PIECE = 10007 };
    static unsigned char bytes[PIECE];
    size_t at, i, n;
    int fd;

    fresh_directory();
    fd = make_file("file", "", 0);
    for (at = 0; at < LEN; at += n) {
        n = LEN - at < PIECE ? LEN - at : PIECE;
        for (i = 0; i < n; i++)
            bytes[i] = pattern(at + i);
        EQUAL(write(fd, bytes, n), n);
    }
    EQUAL(size_of(fd), LEN);
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    for (at = 0; at < LEN; at += n) {
        n = LEN - at < PIECE - 1 ? LEN - at : PIECE - 1;
        EQUAL(read(fd, bytes, n), n);
        for (i = 0; i < n; i++)
            CHECK(bytes[i] == pattern(at + i));
    }
}

static void duplicates(void)
{
    int fd, copy;
    char byte;

    fresh_directory();
    fd = make_file("file", "0123456789", 10);
    copy = dup(fd);
    EQUAL(copy, fd + 1);
    EQUAL(lseek(fd, 5, SEEK_SET), 5);
    EQUAL(read(copy, &byte, 1), 1);
    EQUAL(byte, '5');
    EQUAL(lseek(fd, 0, SEEK_CUR), 6);
    CHECK(close(fd) == 0);
    EQUAL(read(copy, &byte, 1), 1);
    EQUAL(byte, '6');
    EQUAL(dup2(copy, 60), 60);
    EQUAL(dup2(copy, copy), copy);
    FAILS(dup2(99, 99), EBADF);
    FAILS(dup2(copy, -1), EBADF);
    FAILS(dup3(copy, copy, 0), EINVAL);
    FAILS(syscall(SYS_dup3, copy, 61, O_APPEND), EINVAL);
    EQUAL(dup3(copy, 61, O_CLOEXEC), 61);
    EQUAL(fcntl(61, F_GETFD), FD_CLOEXEC);
    EQUAL(fcntl(60, F_GETFD), 0);
}

static void control(void)
{
    int fd;

    fresh_directory();
    fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EQUAL(fcntl(fd, F_SETFD, 0), 0);
    EQUAL(fcntl(fd, F_GETFD), 0);
    EQUAL(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
    EQUAL(fcntl(fd, F_SETFL, O_APPEND), 0);
    EQUAL(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
    EQUAL(fcntl(fd, F_DUPFD, 40), 40);
    EQUAL(fcntl(fd, F_DUPFD_CLOEXEC, 40), 41);
    EQUAL(fcntl(41, F_GETFD), FD_CLOEXEC);
    FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
    FAILS(fcntl(fd, 9999), EINVAL);
    FAILS(ioctl(fd, TIOCGWINSZ, NULL), ENOTTY);
    CHECK(!isatty(fd));
}

/* Descriptors are the lowest free numbers, and fork shares what they name. */
static void across_fork(void)
{
    pid_t child;
    char byte;
    int fd;

    fresh_directory();
    fd = make_file("file", "0123456789", 10);
    EQUAL(lseek(fd, 0, SEEK_SET), 0);
    child = start();
    if (child == 0) {
        EQUAL(read(fd, &byte, 1), 1);
        CHECK(close(fd) == 0);
        EQUAL(open("/dev/null", O_RDONLY), fd);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(read(fd, &byte, 1), 1);
    EQUAL(byte, '1');
}

/* An unlinked file lives on while it is open. */
static void unlinked(void)
{
    int fd;

    fresh_directory();
    fd = make_file("file", "hello", 5);
    CHECK(unlink("file") == 0);
    FAILS(open("file", O_RDONLY), ENOENT);
    contains(fd, 0, "hello");
    EQUAL(write(fd, "!", 1), 1);
    EQUAL(size_of(fd), 6);
}

static void devices(void)
{
    char bytes[64];
    int i, fd = open("/dev/null", O_RDWR);

    EQUAL(read(fd, bytes, 64), 0);
    EQUAL(write(fd, bytes, 64), 64);
    fd = open("/dev/zero", O_RDWR);
    memset(bytes, 1, 64);
    EQUAL(read(fd, bytes, 64), 64);
    for (i = 0; i < 64; i++)
        EQUAL(bytes[i], 0);
    EQUAL(write(fd, bytes, 64), 64);
    fd = open("/dev/urandom", O_RDONLY);
    EQUAL(read(fd, bytes, 64), 64);
}

static void sent(void)
{
    int from, to;

    fresh_directory();
    from = make_file("from", "0123456789", 10);
    to = make_file("to", "", 0);
    EQUAL(lseek(from, 2, SEEK_SET), 2);
    EQUAL(sendfile(to, from, NULL, 5), 5);
    EQUAL(lseek(from, 0, SEEK_CUR), 7);
    EQUAL(sendfile(to, from, NULL, 50), 3);
    contains(to, 0, "23456789");
    FAILS(sendfile(to, 99, NULL, 1), EBADF);
}

/* As many as there are numbers for, and not one more. */
static void too_many(void)
{
    int fd, last = -1;

    fresh_directory();
    while ((fd = open("/dev/null", O_RDONLY)) >= 0 && fd < 200)
        last = fd;
    CHECK(last > 100);
    CHECK(close(last) == 0);
    EQUAL(open("/dev/null", O_RDONLY), last);
}

static const struct kit_case cases[] = {
    CASE(open_flags),   CASE(wrong_direction), CASE(bad_descriptors),
    CASE(positions),    CASE(holes_are_zero),  CASE(at_an_offset),
    CASE(append),       CASE(vectors),         CASE(truncation),
    CASE(a_large_file), CASE(duplicates),      CASE(control),
    CASE(across_fork),  CASE(unlinked),        CASE(devices),
    CASE(sent),         CASE(too_many),
};
KIT_MAIN(cases)
