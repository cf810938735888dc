/*
 * random.c: many system calls on files, chosen by a seed; prints each with its
 * result, so that two systems can be compared line by line.
 *
 *     random [SEED [STEPS]]
 *
 * Everything happens below a new directory: no name and no link leads out of
 * it.  Descriptors are small numbers that may be open, closed or never used.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

enum { LARGE = 20000, FD_FIRST = 3, FD_END = 11 };

static char scratch[] = "/tmp/randomXXXXXX";
static uint64_t state;
static char bytes[2 * LARGE];

static unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 32) % n;
}

static int one_in(unsigned n)
{
    return below(n) == 0;
}

static unsigned checksum(long n)
{
    unsigned sum = 1;
    long i;

    for (i = 0; i < n; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

static void make_bytes(long n)
{
    long i;

    for (i = 0; i < n; i++)
        bytes[i] = (char)below(256);
}

static long length(void)
{
    return one_in(3) ? below(LARGE) : below(100);
}

static long position(void)
{
    return one_in(20) ? -(long)below(100) : (long)below(2 * LARGE);
}

/* ".." only behind a name: then it leads to where that is. */
static const char *path(char text[64])
{
    static const char *const name[] = { "a", "b",  "c",  "d",    "e",
                                        "l", "a/", "d/", "a/..", "b/./c" };
    unsigned i, parts = 1 + below(1 + below(3));

    text[0] = '\0';
    if (one_in(100))
        return text;
    for (i = 0; i < parts; i++) {
        if (i)
            strcat(text, "/");
        strcat(text, name[below(one_in(2) ? 10 : 6)]);
    }
    return text;
}

static const char *simple_name(void)
{
    static const char *const name[] = { "a", "b", "c/a", "d", "e/l", "l/" };

    return name[below(6)];
}

static int fd(void)
{
    if (one_in(20))
        return one_in(2) ? -1 : 99;
    return FD_FIRST + (int)below(FD_END - FD_FIRST);
}

static int directory(void)
{
    return one_in(2) ? AT_FDCWD : fd();
}

static void say(const char *what, int where, const char *path, long a, long b,
                long result)
{
    printf("%s(%d, %s, %ld, %ld) = %ld", what, where, path, a, b, result);
    if (result < 0)
        printf(" %d", errno);
}

static void say_stat(const struct stat *st, long result)
{
    if (result != 0)
        return;
    printf(" mode %o links %d owner %d", st->st_mode, (int)st->st_nlink,
           (int)st->st_uid);
    if (!S_ISDIR(st->st_mode))
        printf(" size %ld", (long)st->st_size);
}

/* --- names --- */

static void do_open(void)
{
    static const int flag[] = { O_EXCL,    O_TRUNC,     O_APPEND,
                                O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW };
    int where = directory(), flags = (int)below(3) | (one_in(2) ? O_CREAT : 0);
    unsigned mode = below(01000), i;
    char text[64];

    for (i = 0; i < 6; i++)
        flags |= one_in(8) ? flag[i] : 0;
    path(text);
    say("open", where, text, flags, mode,
        syscall(SYS_openat, where, text, flags, mode));
}

static void do_make(void)
{
    int where = directory();
    unsigned mode = below(02000);
    char text[64];

    path(text);
    say("mkdir", where, text, mode, 0, mkdirat(where, text, mode));
}

static void do_remove(void)
{
    int where = directory(), flags = one_in(2) ? AT_REMOVEDIR : 0;
    char text[64];

    path(text);
    say("unlink", where, text, flags, 0, unlinkat(where, text, flags));
}

static void do_rename(void)
{
    char from[64], to[64];
    int flags = one_in(4);

    path(from);
    path(to);
    printf("to %s: ", to);
    say("rename", AT_FDCWD, from, flags, 0,
        syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

static void do_link(void)
{
    int where = directory();
    char from[64], to[64];

    path(to);
    if (one_in(2)) {
        snprintf(from, sizeof(from), "%s", simple_name());
        printf("%s: ", from);
        say("symlink", where, to, 0, 0, symlinkat(from, where, to));
    } else {
        path(from);
        printf("%s: ", from);
        say("link", where, to, 0, 0, linkat(AT_FDCWD, from, where, to, 0));
    }
}

static void do_readlink(void)
{
    char text[64];
    long n;

    n = path(text)[0] ? readlinkat(AT_FDCWD, text, bytes, 4) : 0;
    say("readlink", 0, text, 0, 0, n);
    printf(" %u", checksum(n));
}

static void do_stat(void)
{
    int where = directory();
    int flags =
        (one_in(2) ? AT_SYMLINK_NOFOLLOW : 0) | (one_in(4) ? AT_EMPTY_PATH : 0);
    char text[64];
    struct stat st;
    long result;

    path(text);
    result = fstatat(where, text, &st, flags);
    say("stat", where, text, flags, 0, result);
    say_stat(&st, result);
}

static void do_mode(void)
{
    char text[64];
    unsigned mode = below(010000);

    path(text);
    if (one_in(2))
        say("chmod", 0, text, mode, 0, chmod(text, mode));
    else
        say("chown", 0, text, mode, 0, lchown(text, mode, (gid_t)-1));
    say("access", 0, text, mode & 7, 0, access(text, mode & 7));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names in a directory, sorted. */
static void do_list(void)
{
    static char name[64][64];
    char text[64];
    struct dirent *entry;
    unsigned n = 0, i;
    DIR *list = opendir(path(text));

    say("list", 0, text, 0, 0, list ? 0 : -1);
    if (!list)
        return;
    while ((entry = readdir(list)) != NULL && n < 64)
        snprintf(name[n++], 64, "%.50s %d", entry->d_name, entry->d_type);
    closedir(list);
    qsort(name, n, 64, by_name);
    for (i = 0; i < n; i++)
        printf(" %s", name[i]);
}

static void do_chdir(void)
{
    static char cwd[4096];
    char text[64];

    path(text);
    if (one_in(3))
        say("chdir", 0, "", 0, 0, chdir(scratch));
    else
        say("chdir", 0, text, 0, 0, chdir(text));
    if (getcwd(cwd, sizeof(cwd)))
        printf(" %s", cwd + strlen(scratch));
}

/* --- bytes --- */

static void do_read(void)
{
    int from = fd();
    long n = length(), at = position(), result;

    result = one_in(2) ? read(from, bytes, (size_t)n)
                       : pread(from, bytes, (size_t)n, at);
    say("read", from, "", n, at, result);
    printf(" %u", checksum(result));
}

static void do_write(void)
{
    int to = fd();
    long n = length(), at = position();

    make_bytes(n);
    say("write", to, "", n, at,
        one_in(2) ? write(to, bytes, (size_t)n)
                  : pwrite(to, bytes, (size_t)n, at));
}

static void do_pieces(void)
{
    struct iovec piece[4];
    int with = fd(), n = (int)below(5), i;
    long at = 0, result;

    for (i = 0; i < n; i++) {
        piece[i].iov_base = bytes + at;
        piece[i].iov_len = one_in(4) ? 0 : below(LARGE / 4);
        at += (long)piece[i].iov_len;
    }
    if (one_in(2)) {
        make_bytes(at);
        say("writev", with, "", n, at, writev(with, piece, n));
        return;
    }
    result = readv(with, piece, n);
    say("readv", with, "", n, at, result);
    printf(" %u", checksum(result));
}

static void do_size(void)
{
    int with = fd(), whence = (int)below(3);
    long at = position();
    struct stat st;

    if (one_in(2)) {
        say("ftruncate", with, "", at, 0, ftruncate(with, at));
        return;
    }
    /* The positions of a directory are each system's own. */
    if (fstat(with, &st) == 0 && !S_ISDIR(st.st_mode))
        say("lseek", with, "", at, whence, lseek(with, at, whence));
}

/* --- descriptors --- */

static void do_close(void)
{
    int which = fd();

    if (one_in(2))
        say("close", which, "", 0, 0, close(which));
}

static void do_dup(void)
{
    int from = fd(), to = fd();

    switch (below(4)) {
    case 0: say("dup", from, "", 0, 0, dup(from)); break;
    case 1: say("dup2", from, "", to, 0, dup2(from, to)); break;
    case 2: say("flags", from, "", 0, 0, fcntl(from, F_GETFL)); break;
    case 3: say("cloexec", from, "", 0, 0, fcntl(from, F_GETFD)); break;
    }
}

static void do_pipe(void)
{
    int end[2] = { 0, 0 }, result;

    if (!one_in(3))
        return;
    result = pipe2(end, O_NONBLOCK);
    say("pipe", end[0], "", end[1], 0, result);
}

static void (*const doings[])(void) = {
    do_open,  do_open,  do_open,  do_make,  do_remove, do_rename,
    do_link,  do_stat,  do_stat,  do_list,  do_chdir,  do_readlink,
    do_read,  do_read,  do_write, do_write, do_pieces, do_size,
    do_close, do_close, do_dup,   do_pipe,  do_mode,   do_make,
};

int main(int argc, char *argv[])
{
    unsigned steps = argc > 2 ? (unsigned)atoi(argv[2]) : 3000, i;

    state = 88172645463325252u + (argc > 1 ? strtoull(argv[1], NULL, 0) : 0);
    for (i = FD_FIRST; i < 256; i++)
        close((int)i);
    signal(SIGPIPE, SIG_IGN);
    CHECK(mkdtemp(scratch) == scratch);
    CHECK(chdir(scratch) == 0);
    for (i = 0; i < steps; i++) {
        printf("%u ", i);
        doings[below(sizeof(doings) / sizeof(doings[0]))]();
        putchar('\n');
    }
    return 0;
}
