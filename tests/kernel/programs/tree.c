/*
 * tree.c: what has a name: directories, links, renaming, stat.
 */
#include "kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static mode_t mode_of(const char *path)
{
    struct stat about;

    CHECK(lstat(path, &about) == 0);
    return about.st_mode;
}

static void make(const char *path, const char *text)
{
    CHECK(close(make_file(path, text, strlen(text))) == 0);
}

static bool says(const char *path, const char *text)
{
    char bytes[64] = { 0 };
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

    return close(fd) == 0 && n == (ssize_t)strlen(text) && !strcmp(bytes, text);
}

static void directories(void)
{
    fresh_directory();
    CHECK(mkdir("a", 0755) == 0);
    CHECK(mkdir("a/b", 0700) == 0);
    EQUAL(mode_of("a"), S_IFDIR | 0755);
    EQUAL(mode_of("a/b"), S_IFDIR | 0700);
    FAILS(mkdir("a", 0755), EEXIST);
    FAILS(mkdir("x/y", 0755), ENOENT);
    FAILS(mkdir("", 0755), ENOENT);
    FAILS(mkdir(".", 0755), EEXIST);
    FAILS(mkdir("/", 0755), EEXIST);
    FAILS(rmdir("a"), ENOTEMPTY);
    FAILS(rmdir("x"), ENOENT);
    FAILS(rmdir("a/."), EINVAL);
    make("f", "");
    FAILS(mkdir("f", 0755), EEXIST);
    FAILS(mkdir("f/g", 0755), ENOTDIR);
    FAILS(rmdir("f"), ENOTDIR);
    FAILS(unlink("a"), EISDIR);
    CHECK(rmdir("a/b/") == 0);
    CHECK(rmdir("a") == 0);
    FAILS(rmdir("a"), ENOENT);
}

static void working_directory(void)
{
    char start_at[512], now[512], small[4];
    int fd;

    fresh_directory();
    CHECK(getcwd(start_at, sizeof(start_at)));
    CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
    CHECK(chdir("a/b") == 0);
    CHECK(getcwd(now, sizeof(now)));
    CHECK(!strncmp(now, start_at, strlen(start_at)));
    CHECK(!strcmp(now + strlen(start_at), "/a/b"));
    FAILS(syscall(SYS_getcwd, small, sizeof(small)), ERANGE);
    CHECK(chdir("../..//./a/../a") == 0);
    CHECK(getcwd(now, sizeof(now)));
    CHECK(!strcmp(now + strlen(start_at), "/a"));
    fd = open("b", O_RDONLY);
    CHECK(chdir("/") == 0);
    CHECK(getcwd(now, sizeof(now)) && !strcmp(now, "/"));
    CHECK(chdir("..") == 0);
    CHECK(getcwd(now, sizeof(now)) && !strcmp(now, "/"));
    CHECK(fchdir(fd) == 0);
    CHECK(getcwd(now, sizeof(now)));
    CHECK(!strcmp(now + strlen(start_at), "/a/b"));
    make("f", "");
    FAILS(chdir("f"), ENOTDIR);
    FAILS(chdir("g"), ENOENT);
    FAILS(fchdir(open("f", O_RDONLY)), ENOTDIR);
    CHECK(chdir(start_at) == 0);
}

static void removing(void)
{
    fresh_directory();
    make("f", "x");
    FAILS(unlink("g"), ENOENT);
    FAILS(unlink("f/"), ENOTDIR);
    CHECK(unlink("f") == 0);
    FAILS(unlink("f"), ENOENT);
    CHECK(mkdir("d", 0755) == 0);
    FAILS(unlinkat(AT_FDCWD, "d", 0), EISDIR);
    FAILS(unlinkat(AT_FDCWD, "d", 0x4000), EINVAL);
    CHECK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) == 0);
}

static void renaming(void)
{
    fresh_directory();
    make("a", "A");
    make("b", "B");
    CHECK(rename("a", "c") == 0);
    CHECK(says("c", "A"));
    FAILS(open("a", O_RDONLY), ENOENT);
    CHECK(rename("c", "b") == 0);
    CHECK(says("b", "A"));
    CHECK(rename("b", "b") == 0);
    CHECK(says("b", "A"));
    FAILS(rename("a", "x"), ENOENT);
    CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
    FAILS(rename("b", "d"), EISDIR);
    FAILS(rename("d", "b"), ENOTDIR);
    FAILS(rename("d", "d/e/f"), EINVAL);
    CHECK(rename("b", "d/e/b") == 0);
    CHECK(says("d/e/b", "A"));
    CHECK(mkdir("empty", 0755) == 0);
    FAILS(rename("empty", "d"), ENOTEMPTY);
    CHECK(rename("d", "empty") == 0);
    CHECK(says("empty/e/b", "A"));
    FAILS(chdir("d"), ENOENT);
}

static void renaming_with_flags(void)
{
    enum { NOREPLACE = 1 };

    fresh_directory();
    make("a", "A");
    make("b", "B");
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", NOREPLACE),
          EEXIST);
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "c", NOREPLACE) == 0);
    CHECK(says("c", "A") && says("b", "B"));
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, "b", 0x100), EINVAL);
}

static void symbolic_links(void)
{
    char text[64] = { 0 };

    fresh_directory();
    make("file", "F");
    CHECK(mkdir("d", 0755) == 0);
    CHECK(symlink("file", "link") == 0);
    CHECK(symlink("../file", "d/up") == 0);
    CHECK(symlink("d", "e") == 0);
    CHECK(says("link", "F") && says("d/up", "F") && says("e/up", "F"));
    EQUAL(readlink("link", text, sizeof(text)), 4);
    CHECK(!strcmp(text, "file"));
    EQUAL(readlink("e/up", text, 3), 3);
    FAILS(readlink("file", text, sizeof(text)), EINVAL);
    FAILS(readlink("none", text, sizeof(text)), ENOENT);
    FAILS(syscall(SYS_readlinkat, AT_FDCWD, "link", text, 0), EINVAL);
    CHECK(S_ISLNK(mode_of("link")));
    FAILS(symlink("x", "link"), EEXIST);
    FAILS(symlink("", "empty"), ENOENT);
    FAILS(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(unlink("link") == 0);
    CHECK(says("file", "F"));
    CHECK(rename("e", "f") == 0);
    CHECK(says("f/up", "F"));
    FAILS(rmdir("f"), ENOTDIR);
}

static void dangling_and_loops(void)
{
    struct stat about;

    fresh_directory();
    CHECK(symlink("nowhere", "dangling") == 0);
    FAILS(open("dangling", O_RDONLY), ENOENT);
    FAILS(stat("dangling", &about), ENOENT);
    CHECK(lstat("dangling", &about) == 0);
    EQUAL(about.st_size, 7);
    FAILS(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK(close(open("dangling", O_RDWR | O_CREAT, 0644)) == 0);
    CHECK(says("nowhere", ""));
    CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
    FAILS(open("loop1", O_RDONLY), ELOOP);
    FAILS(chdir("loop1"), ELOOP);
    CHECK(symlink("self/x", "self") == 0);
    FAILS(stat("self", &about), ELOOP);
}

static void status(void)
{
    struct stat a, b;
    int fd;

    fresh_directory();
    fd = make_file("file", "hello", 5);
    CHECK(fstat(fd, &a) == 0 && stat("file", &b) == 0);
    EQUAL(a.st_size, 5);
    EQUAL(a.st_mode, S_IFREG | 0644);
    EQUAL(a.st_nlink, 1);
    EQUAL(a.st_ino, b.st_ino);
    EQUAL(a.st_dev, b.st_dev);
    CHECK(stat("./file", &b) == 0);
    EQUAL(a.st_ino, b.st_ino);
    make("other", "");
    CHECK(stat("other", &b) == 0);
    CHECK(a.st_ino != b.st_ino);
    CHECK(fstatat(fd, "", &b, AT_EMPTY_PATH) == 0);
    EQUAL(a.st_ino, b.st_ino);
    FAILS(fstatat(AT_FDCWD, "", &b, 0), ENOENT);
    FAILS(stat("none", &b), ENOENT);
    FAILS(stat("file/x", &b), ENOTDIR);
    CHECK(stat("/dev/null", &b) == 0 && S_ISCHR(b.st_mode));
    CHECK(stat("/dev/zero", &a) == 0 && S_ISCHR(a.st_mode));
    CHECK(a.st_rdev != b.st_rdev);
    CHECK(chmod("file", 0700) == 0);
    EQUAL(mode_of("file"), S_IFREG | 0700);
    CHECK(fchmod(fd, 0640) == 0);
    EQUAL(mode_of("file"), S_IFREG | 0640);
    FAILS(chmod("none", 0644), ENOENT);
}

static void masks(void)
{
    fresh_directory();
    EQUAL(umask(077), 022);
    make("file", "");
    CHECK(mkdir("dir", 0777) == 0);
    EQUAL(umask(022), 077);
    EQUAL(mode_of("file"), S_IFREG | 0600);
    EQUAL(mode_of("dir"), S_IFDIR | 0700);
}

static void access_tests(void)
{
    fresh_directory();
    make("file", "");
    CHECK(access("file", F_OK) == 0);
    CHECK(access("file", R_OK | W_OK) == 0);
    FAILS(access("file", X_OK), EACCES);
    CHECK(chmod("file", 0755) == 0);
    CHECK(access("file", X_OK) == 0);
    FAILS(access("none", F_OK), ENOENT);
    FAILS(access("file", 64), EINVAL);
    CHECK(access(".", X_OK) == 0);
}

/* Paths that start at an open directory. */
static void relative_to_descriptors(void)
{
    struct stat about;
    char text[16] = { 0 };
    int dir, fd;

    fresh_directory();
    CHECK(mkdir("d", 0755) == 0);
    dir = open("d", O_RDONLY | O_DIRECTORY);
    fd = openat(dir, "f", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK(says("d/f", ""));
    CHECK(mkdirat(dir, "e", 0755) == 0);
    CHECK(fstatat(dir, "e", &about, 0) == 0 && S_ISDIR(about.st_mode));
    CHECK(renameat(dir, "f", AT_FDCWD, "g") == 0);
    CHECK(says("g", ""));
    CHECK(symlinkat("to", dir, "l") == 0);
    EQUAL(readlinkat(dir, "l", text, sizeof(text)), 2);
    CHECK(faccessat(dir, "e", F_OK, 0) == 0);
    CHECK(unlinkat(dir, "e", AT_REMOVEDIR) == 0);
    FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
    FAILS(openat(99, "x", O_RDONLY), EBADF);
    CHECK(openat(99, "/dev/null", O_RDONLY) >= 0);
}

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short len;
    unsigned char type;
    char name[];
};

/* Count entries by type; nothing twice; `limit` bytes at a time. */
static int list(const char *path, size_t limit, unsigned seen[16])
{
    static _Alignas(8) char bytes[4096];
    int fd = open(path, O_RDONLY | O_DIRECTORY), n = 0;
    long got, at;

    memset(seen, 0, 16 * sizeof(*seen));
    while ((got = syscall(SYS_getdents64, fd, bytes, limit)) > 0)
        for (at = 0; at < got; n++) {
            struct entry *entry = (struct entry *)(void *)(bytes + at);

            CHECK(strlen(entry->name) < entry->len);
            seen[entry->type & 15]++;
            at += entry->len;
        }
    EQUAL(got, 0);
    CHECK(close(fd) == 0);
    return n;
}

static void listing(void)
{
    enum { DIRECTORY = 4, REGULAR = 8, LINK = 10 };
    static char byte[8];
    unsigned seen[16];
    char name[16];
    int i, fd;

    fresh_directory();
    EQUAL(list(".", 4096, seen), 2);
    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        make(name, "");
    }
    CHECK(mkdir("dir", 0755) == 0);
    CHECK(symlink("x", "link") == 0);
    EQUAL(list(".", 4096, seen), 104);
    EQUAL(list(".", 64, seen), 104);
    EQUAL(seen[REGULAR], 100);
    EQUAL(seen[DIRECTORY], 3);
    EQUAL(seen[LINK], 1);
    for (i = 0; i < 100; i += 2) {
        snprintf(name, sizeof(name), "file%d", i);
        CHECK(unlink(name) == 0);
    }
    EQUAL(list(".", 200, seen), 54);
    fd = open(".", O_RDONLY);
    FAILS(syscall(SYS_getdents64, fd, byte, 8), EINVAL);
    FAILS(syscall(SYS_getdents64, open("file1", O_RDONLY), byte, 8), ENOTDIR);
}

static void long_names(void)
{
    char name[300];

    fresh_directory();
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    make(name, "long");
    CHECK(says(name, "long"));
    name[255] = 'n';
    name[256] = 0;
    FAILS(open(name, O_RDWR | O_CREAT, 0644), ENAMETOOLONG);
    FAILS(mkdir(name, 0755), ENAMETOOLONG);
}

static void deep_tree(void)
{
    char name[2];
    int i;

    fresh_directory();
    for (i = 0; i < 50; i++) {
        name[0] = (char)('a' + i % 26);
        name[1] = 0;
        CHECK(mkdir(name, 0755) == 0 && chdir(name) == 0);
    }
    make("bottom", "here");
    for (i = 0; i < 50; i++)
        CHECK(chdir("..") == 0);
    CHECK(says("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/"
               "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/bottom",
               "here"));
}

/* /proc/self/exe leads to this program. */
static void own_program(void)
{
    char path[512] = { 0 };
    struct stat a, b;
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    CHECK(len > 5 && path[0] == '/');
    CHECK(!strcmp(strrchr(path, '/'), "/tree"));
    CHECK(stat(path, &a) == 0 && stat("/proc/self/exe", &b) == 0);
    EQUAL(a.st_ino, b.st_ino);
    CHECK(S_ISREG(b.st_mode));
}

static const struct kit_case cases[] = {
    CASE(directories),
    CASE(working_directory),
    CASE(removing),
    CASE(renaming),
    CASE(renaming_with_flags),
    CASE(symbolic_links),
    CASE(dangling_and_loops),
    CASE(status),
    CASE(masks),
    CASE(access_tests),
    CASE(relative_to_descriptors),
    CASE(listing),
    CASE(long_names),
    CASE(deep_tree),
    CASE(own_program),
};
KIT_MAIN(cases)
