/* Files: bytes, positions, sizes, mappings that see them, descriptors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096L

static char scratch[] = "/tmp/filesXXXXXX";
static char buffer[20 * PAGE];

static int make(const char *name, int flags)
{
    int fd = open(name, O_CREAT | O_TRUNC | flags, 0644);

    CHECK(fd >= 0);
    return fd;
}

static off_t size_of(int fd)
{
    struct stat st;

    CHECK(fstat(fd, &st) == 0);
    return st.st_size;
}

static int all_zero(const char *p, long len)
{
    while (len > 0 && *p == 0)
        p++, len--;
    return len == 0;
}

static void test_positions(void)
{
    int fd = make("positions", O_RDWR);

    CHECK(write(fd, "hello, world", 12) == 12);
    CHECK(lseek(fd, 7, SEEK_SET) == 7);
    CHECK(read(fd, buffer, 100) == 5 && memcmp(buffer, "world", 5) == 0);
    CHECK(read(fd, buffer, 100) == 0);
    CHECK(pwrite(fd, "W", 1, 7) == 1);
    CHECK(pread(fd, buffer, 3, 6) == 3 && memcmp(buffer, " Wo", 3) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 12);
    CHECK(lseek(fd, -2, SEEK_END) == 10);
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(fd, -11, SEEK_CUR), EINVAL);
    CHECK_ERROR(lseek(fd, LONG_MAX, SEEK_END), EINVAL);
    CHECK_ERROR(lseek(fd, 0, 9), EINVAL);
    CHECK_ERROR(pread(fd, buffer, 1, -1), EINVAL);
    /* A hole reads as zeroes. */
    CHECK(lseek(fd, 3 * PAGE, SEEK_SET) == 3 * PAGE);
    CHECK(write(fd, "end", 3) == 3);
    CHECK(size_of(fd) == 3 * PAGE + 3);
    CHECK(pread(fd, buffer, sizeof(buffer), 12) == 3 * PAGE + 3 - 12);
    CHECK(all_zero(buffer, 3 * PAGE - 12));
    CHECK(memcmp(buffer + 3 * PAGE - 12, "end", 3) == 0);
    CHECK(close(fd) == 0);
    CHECK_ERROR(close(fd), EBADF);
    CHECK_ERROR(read(fd, buffer, 1), EBADF);
}

static void test_modes(void)
{
    int reader, writer, end;

    writer = make("modes", O_WRONLY);
    reader = open("modes", O_RDONLY);
    end = open("modes", O_WRONLY | O_APPEND);
    CHECK(reader >= 0 && end >= 0);
    CHECK_ERROR(read(writer, buffer, 1), EBADF);
    CHECK_ERROR(write(reader, buffer, 1), EBADF);
    CHECK_ERROR(ftruncate(reader, 0), EINVAL);
    CHECK(write(writer, "abc", 3) == 3);
    CHECK(write(end, "def", 3) == 3);
    CHECK(lseek(end, 0, SEEK_SET) == 0);
    CHECK(write(end, "ghi", 3) == 3);
    CHECK(lseek(end, 0, SEEK_CUR) == 9);
    CHECK(read(reader, buffer, 100) == 9);
    CHECK(memcmp(buffer, "abcdefghi", 9) == 0);
    CHECK(fcntl(end, F_SETFL, 0) == 0);
    CHECK(pwrite(end, "X", 1, 0) == 1);
    CHECK(pread(reader, buffer, 100, 0) == 9 && buffer[0] == 'X');
    CHECK((fcntl(reader, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(close(open("modes", O_RDONLY | O_TRUNC)) == 0);
    CHECK(size_of(reader) == 0);
    CHECK(close(reader) == 0 && close(writer) == 0 && close(end) == 0);
}

static void test_sizes(void)
{
    int fd = make("sizes", O_RDWR);

    memset(buffer, 'x', sizeof(buffer));
    CHECK(write(fd, buffer, 2 * PAGE) == 2 * PAGE);
    CHECK(ftruncate(fd, PAGE + 10) == 0);
    CHECK(ftruncate(fd, 2 * PAGE) == 0);
    CHECK(pread(fd, buffer, sizeof(buffer), 0) == 2 * PAGE);
    CHECK(buffer[PAGE + 9] == 'x' && all_zero(buffer + PAGE + 10, PAGE - 10));
    CHECK_ERROR(ftruncate(fd, -1), EINVAL);
    CHECK_ERROR(truncate("none", 0), ENOENT);
    CHECK_ERROR(truncate(".", 0), EISDIR);
    CHECK(truncate("sizes", 5) == 0 && size_of(fd) == 5);
    /* Much larger than memory: only touched pages cost any. */
    CHECK(ftruncate(fd, 1L << 40) == 0);
    CHECK(pwrite(fd, "far", 3, (1L << 40) - 3) == 3);
    CHECK(pread(fd, buffer, 100, (1L << 40) - 4) == 4);
    CHECK(memcmp(buffer, "\0far", 4) == 0);
    CHECK(fsync(fd) == 0);
    CHECK(close(fd) == 0);
}

/* Do read, write and mappings of all kinds see the same bytes? */
static void test_mappings(void)
{
    int fd = make("mapped", O_RDWR), status;
    char *shared, *private;

    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    private = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    CHECK(pwrite(fd, "one", 3, 10) == 3);
    CHECK(memcmp(shared + 10, "one", 3) == 0);
    CHECK(memcmp(private + 10, "one", 3) == 0);
    memcpy(shared + PAGE - 2, "four", 4);
    CHECK(pread(fd, buffer, 4, PAGE - 2) == 4);
    CHECK(memcmp(buffer, "four", 4) == 0);
    private[10] = 'O'; /* a copy of the page */
    CHECK(shared[10] == 'o');
    CHECK(pwrite(fd, "two", 3, 10) == 3);
    CHECK(private[10] == 'O' && private[11] == 'n' && shared[11] == 'w');
    if (fork() == 0) {
        CHECK(private[10] == 'O');
        private[10] = 'c';
        shared[2 * PAGE] = 'c';
        _exit(0);
    }
    CHECK(wait(&status) > 0 && status == 0);
    CHECK(private[10] == 'O' && shared[2 * PAGE] == 'c');
    /* The file lives on in its mappings without a name and a descriptor. */
    CHECK(unlink("mapped") == 0 && close(fd) == 0);
    CHECK(memcmp(shared + 10, "two", 3) == 0);
    CHECK(munmap(shared, 3 * PAGE) == 0 && munmap(private, 3 * PAGE) == 0);
}

static sigjmp_buf back;

static void leap(int signal)
{
    siglongjmp(back, signal);
}

static int touch_fails(volatile char *p)
{
    int signal = sigsetjmp(back, 1);

    if (signal == 0)
        *p;
    return signal;
}

/* Do pages go from mappings when the file is cut, and come back as zeroes? */
static void test_truncation(void)
{
    int fd = make("cut", O_RDWR), other = make("other", O_RDWR);
    char *p;

    signal(SIGBUS, leap);
    memset(buffer, 'x', sizeof(buffer));
    CHECK(write(fd, buffer, 3 * PAGE) == 3 * PAGE);
    p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(p[2 * PAGE] == 'x');
    CHECK(touch_fails(p + 3 * PAGE) == SIGBUS);
    CHECK(ftruncate(fd, PAGE + 1) == 0);
    CHECK(p[PAGE] == 'x' && p[PAGE + 1] == 0);
    CHECK(touch_fails(p + 2 * PAGE) == SIGBUS);
    /* A system call gets an error where a load gets a signal. */
    CHECK_ERROR(write(other, p + 2 * PAGE, 1), EFAULT);
    CHECK(ftruncate(fd, 4 * PAGE) == 0);
    CHECK(all_zero(p + PAGE + 1, 3 * PAGE - 1));
    CHECK(munmap(p, 4 * PAGE) == 0);
    CHECK(close(fd) == 0 && close(other) == 0);
    signal(SIGBUS, SIG_DFL);
}

static void test_map_rights(void)
{
    int reader, writer = make("rights", O_WRONLY);

    CHECK(write(writer, buffer, PAGE) == PAGE);
    reader = open("rights", O_RDONLY);
    CHECK(reader >= 0);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0), EACCES);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0), EACCES);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
                     open(".", O_RDONLY | O_DIRECTORY), 0),
                ENODEV);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 99, 0), EBADF);
    CHECK(close(reader) == 0 && close(writer) == 0);
}

/* Where exactly does a transfer stop at a page that is not there? */
static void test_faults(void)
{
    int fd = make("faults", O_RDWR);
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec pieces[3] = { { buffer, 10 },
                               { p + PAGE - 6, 20 },
                               { buffer, 10 } };

    CHECK(p != MAP_FAILED && munmap(p + PAGE, PAGE) == 0);
    memset(p, 'p', PAGE);
    CHECK(write(fd, p + PAGE - 100, 300) == 100);
    CHECK_ERROR(write(fd, p + PAGE, 300), EFAULT);
    CHECK(write(fd, p + PAGE, 0) == 0);
    CHECK(size_of(fd) == 100);
    CHECK(pread(fd, p + PAGE - 40, 100, 0) == 40);
    CHECK_ERROR(pread(fd, p + PAGE, 100, 0), EFAULT);
    CHECK(writev(fd, pieces, 3) == 16);
    CHECK(size_of(fd) == 116);
    CHECK_ERROR(read(fd, (void *)8, (size_t)-1), EFAULT);
    CHECK_ERROR(writev(fd, (void *)(p + PAGE), 1), EFAULT);
    CHECK_ERROR(writev(fd, pieces, 1025), EINVAL);
    CHECK_ERROR(writev(fd, pieces, -1), EINVAL);
    pieces[2].iov_len = (size_t)-1;
    CHECK_ERROR(writev(fd, pieces, 3), EINVAL);
    CHECK(close(fd) == 0);
}

/* Is it all right to read a file into a mapping of the same page of it? */
static void test_same_page(void)
{
    int fd = make("same", O_RDWR);
    char *p;

    memset(buffer, 's', PAGE);
    CHECK(write(fd, "abcdefgh", 8) == 8);
    CHECK(ftruncate(fd, PAGE) == 0);
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(pread(fd, p + 100, 8, 0) == 8);
    CHECK(memcmp(p + 100, "abcdefgh", 8) == 0);
    CHECK(pwrite(fd, p, 8, 200) == 8);
    CHECK(memcmp(p + 200, "abcdefgh", 8) == 0);
    CHECK(munmap(p, PAGE) == 0 && close(fd) == 0);
}

static void test_descriptors(void)
{
    int fd = make("descriptors", O_RDWR), copy, low;

    low = dup(fd);
    CHECK(low > fd);
    CHECK(write(low, "abc", 3) == 3);
    CHECK(lseek(fd, 0, SEEK_CUR) == 3); /* they share the position */
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    CHECK(fcntl(low, F_GETFL) & O_APPEND);
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
    CHECK(fcntl(low, F_GETFD) == 0); /* but not this */
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    CHECK(copy == 100 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    CHECK(dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0);
    CHECK(dup2(fd, fd) == fd);
    CHECK_ERROR(dup3(fd, fd, 0), EINVAL);
    CHECK_ERROR(dup2(fd, -1), EBADF);
    CHECK_ERROR(dup2(99, 101), EBADF);
    CHECK_ERROR(dup(99), EBADF);
    CHECK_ERROR(fcntl(fd, F_DUPFD, -1), EINVAL);
    CHECK_ERROR(fcntl(fd, 9999), EINVAL);
    CHECK_ERROR(isatty(fd) - 1, ENOTTY);
    CHECK(close(fd) == 0 && close(low) == 0 && close(100) == 0);
}

/* Does exec close what is marked, and nothing else? */
static void test_exec(char *itself)
{
    char number[2][12];
    char *argv[] = { itself, number[0], number[1], NULL };
    int keep = make("keep", O_RDWR), gone = make("gone", O_RDWR | O_CLOEXEC);
    int status;

    CHECK(write(keep, "kept", 4) == 4);
    snprintf(number[0], sizeof(number[0]), "%d", keep);
    snprintf(number[1], sizeof(number[1]), "%d", gone);
    if (fork() == 0) {
        execv("/proc/self/exe", argv);
        _exit(2);
    }
    CHECK(wait(&status) > 0);
    CHECK(status == 0);
    /* The position is the child's, too. */
    CHECK(lseek(keep, 0, SEEK_CUR) == 2);
    CHECK(close(keep) == 0 && close(gone) == 0);
}

static int after_exec(char *argv[])
{
    int keep = atoi(argv[1]), gone = atoi(argv[2]);

    CHECK_ERROR(fcntl(gone, F_GETFD), EBADF);
    CHECK(lseek(keep, 0, SEEK_SET) == 0);
    CHECK(read(keep, buffer, 2) == 2 && memcmp(buffer, "ke", 2) == 0);
    return 0;
}

static void test_devices(void)
{
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
    char *p;

    CHECK(null >= 0 && zero >= 0);
    CHECK(read(null, buffer, 10) == 0 && write(null, buffer, 10) == 10);
    memset(buffer, 1, 3 * PAGE);
    CHECK(read(zero, buffer, 3 * PAGE) == 3 * PAGE);
    CHECK(all_zero(buffer, 3 * PAGE));
    p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    CHECK(p != MAP_FAILED && all_zero(p, PAGE));
    CHECK_ERROR(open("/dev/tty", O_RDWR), ENXIO);
    CHECK_ERROR(write(open("/dev/full", O_WRONLY), "x", 1), ENOSPC);
    CHECK_ERROR(ftruncate(zero, 0), EINVAL);
    CHECK(close(null) == 0 && close(zero) == 0);
}

static void test_sendfile(void)
{
    int in = make("in", O_RDWR), out = make("out", O_RDWR);
    off_t offset = 5;

    memset(buffer, 'i', sizeof(buffer));
    CHECK(write(in, buffer, 3 * PAGE) == 3 * PAGE);
    CHECK(sendfile(out, in, &offset, 2 * PAGE) == 2 * PAGE);
    CHECK(offset == 2 * PAGE + 5 && size_of(out) == 2 * PAGE);
    CHECK(lseek(in, 3 * PAGE - 7, SEEK_SET) == 3 * PAGE - 7);
    CHECK(sendfile(out, in, NULL, 100) == 7);
    CHECK(lseek(in, 0, SEEK_CUR) == 3 * PAGE);
    CHECK(sendfile(out, in, NULL, 100) == 0);
    CHECK_ERROR(sendfile(99, in, NULL, 1), EBADF);
    CHECK(close(in) == 0 && close(out) == 0);
}

int main(int argc, char *argv[])
{
    if (argc == 3)
        return after_exec(argv);
    CHECK(mkdtemp(scratch) == scratch);
    CHECK(chdir(scratch) == 0);
    test_positions();
    test_modes();
    test_sizes();
    test_mappings();
    test_truncation();
    test_map_rights();
    test_faults();
    test_same_page();
    test_descriptors();
    test_exec(argv[0]);
    test_devices();
    test_sendfile();
    puts("files: fine");
    return 0;
}
