/* Names: paths, directories, links, rename, permissions, the errors of each. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static char scratch[] = "/tmp/namesXXXXXX";

static void make_file(const char *name)
{
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);

    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
}

static int open_once(const char *name, int flags)
{
    int fd = open(name, flags, 0600), error = errno;

    if (fd >= 0)
        CHECK(close(fd) == 0);
    errno = error;
    return fd < 0 ? -1 : 0;
}

/* What does open refuse, and how? */
static void test_open(void)
{
    make_file("file");
    CHECK(mkdir("dir", 0755) == 0);
    CHECK(symlink("file", "to-file") == 0);
    CHECK(symlink("dir", "to-dir") == 0);
    CHECK(symlink("made", "to-nothing") == 0);
    CHECK(symlink("loop2", "loop1") == 0);
    CHECK(symlink("loop1", "loop2") == 0);

    CHECK_ERROR(open_once("", O_RDONLY), ENOENT);
    CHECK_ERROR(open_once("none", O_RDONLY), ENOENT);
    CHECK_ERROR(open_once("none/", O_RDWR | O_CREAT), EISDIR);
    CHECK_ERROR(open_once("file/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open_once("file/", O_RDWR | O_CREAT), EISDIR);
    CHECK_ERROR(open_once("file/x", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open_once("none/x", O_RDWR | O_CREAT), ENOENT);
    CHECK_ERROR(open_once("file", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    CHECK_ERROR(open_once("file", O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open_once("dir", O_WRONLY), EISDIR);
    CHECK_ERROR(open_once("dir", O_RDONLY | O_TRUNC), EISDIR);
    CHECK_ERROR(open_once("dir", O_RDONLY | O_CREAT), EISDIR);
    CHECK_ERROR(open_once(".", O_CREAT | O_EXCL), EEXIST);
    CHECK_ERROR(open_once("to-file", O_NOFOLLOW), ELOOP);
    CHECK_ERROR(open_once("to-dir", O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open_once("loop1", O_RDONLY), ELOOP);
    CHECK_ERROR(open_once("loop1/x", O_RDONLY), ELOOP);
    CHECK_ERROR(open_once("to-nothing", O_RDONLY), ENOENT);
    CHECK_ERROR(open_once("to-nothing", O_RDWR | O_CREAT | O_EXCL), EEXIST);
    CHECK_ERROR(openat(99, "file", O_RDONLY), EBADF);
    CHECK(open_once("to-dir/", O_NOFOLLOW | O_DIRECTORY) == 0);
    CHECK(open_once("dir/../file", O_RDONLY) == 0);
    CHECK(open_once("./to-dir//.././/to-file", O_RDWR) == 0);
    /* A link to nothing is made where it leads. */
    CHECK(open_once("to-nothing", O_RDWR | O_CREAT) == 0);
    CHECK(unlink("made") == 0);
}

/* How long may a name be, a path, a chain of links? */
static void test_limits(void)
{
    static char name[NAME_MAX + 2], path[PATH_MAX + 2];
    char from[16], to[16];
    int i;

    memset(name, 'n', NAME_MAX);
    make_file(name);
    CHECK(unlink(name) == 0);
    name[NAME_MAX] = 'n';
    CHECK_ERROR(open_once(name, O_RDONLY), ENAMETOOLONG);
    for (i = 0; i < PATH_MAX; i += 2)
        memcpy(path + i, "./", 2);
    path[PATH_MAX] = '\0';
    CHECK_ERROR(access(path, F_OK), ENAMETOOLONG);
    path[PATH_MAX - 1] = '\0';
    CHECK(access(path, F_OK) == 0);

    make_file("link0");
    for (i = 1; i <= 41; i++) {
        snprintf(from, sizeof(from), "link%d", i - 1);
        snprintf(to, sizeof(to), "link%d", i);
        CHECK(symlink(from, to) == 0);
    }
    CHECK(access("link40", F_OK) == 0);
    CHECK_ERROR(access("link41", F_OK), ELOOP);
}

static void test_links(void)
{
    char text[64];
    struct stat st, other;

    CHECK_ERROR(symlink("", "new"), ENOENT);
    CHECK_ERROR(symlink("x", "file"), EEXIST);
    CHECK_ERROR(symlink("x", "new/"), ENOENT);
    CHECK(readlink("to-dir", text, sizeof(text)) == 3);
    CHECK(memcmp(text, "dir", 3) == 0);
    CHECK(readlink("to-dir", text, 2) == 2);
    CHECK_ERROR(syscall(SYS_readlinkat, AT_FDCWD, "to-dir", text, 0L), EINVAL);
    CHECK_ERROR(readlink("file", text, sizeof(text)), EINVAL);
    CHECK(lstat("to-dir", &st) == 0);
    CHECK(S_ISLNK(st.st_mode) && st.st_size == 3);
    CHECK(lstat("to-dir/", &st) == 0 && S_ISDIR(st.st_mode));

    CHECK(link("file", "again") == 0);
    CHECK(stat("file", &st) == 0 && st.st_nlink == 2);
    CHECK(stat("again", &other) == 0 && other.st_ino == st.st_ino);
    CHECK_ERROR(link("file", "again"), EEXIST);
    CHECK_ERROR(link("dir", "again2"), EPERM);
    CHECK(rename("file", "again") == 0); /* the same file: both stay */
    CHECK(unlink("again") == 0);
    CHECK(stat("file", &st) == 0 && st.st_nlink == 1);
}

static void test_remove(void)
{
    CHECK_ERROR(unlink("dir"), EISDIR);
    CHECK_ERROR(unlink("dir/"), EISDIR);
    CHECK_ERROR(unlink("file/"), ENOTDIR);
    CHECK_ERROR(unlink("to-dir/"), ENOTDIR);
    CHECK_ERROR(unlink("none"), ENOENT);
    CHECK_ERROR(unlink("."), EISDIR);
    CHECK_ERROR(rmdir("."), EINVAL);
    CHECK_ERROR(rmdir("dir/.."), ENOTEMPTY);
    CHECK_ERROR(rmdir("/"), EBUSY);
    CHECK_ERROR(rmdir("to-dir"), ENOTDIR);
    CHECK_ERROR(rmdir("file"), ENOTDIR);
    CHECK_ERROR(unlinkat(AT_FDCWD, "file", 1), EINVAL);
    CHECK_ERROR(unlinkat(AT_FDCWD, "file", AT_REMOVEDIR), ENOTDIR);
    CHECK_ERROR(mkdir("file", 0700), EEXIST);
    CHECK_ERROR(mkdir("to-nothing/", 0700), EEXIST);
    CHECK_ERROR(mkdir("/", 0700), EEXIST);
    CHECK_ERROR(mkdir("none/x", 0700), ENOENT);
    CHECK_ERROR(mkdir("file/x", 0700), ENOTDIR);
    CHECK(mkdir("other/", 0700) == 0);
    CHECK(rmdir("other/") == 0);
}

static void test_rename(void)
{
    struct stat st;

    CHECK(mkdir("a", 0755) == 0);
    CHECK(mkdir("a/b", 0755) == 0);
    CHECK(mkdir("empty", 0755) == 0);
    make_file("a/f");
    CHECK_ERROR(rename("a", "a/b/c"), EINVAL);
    CHECK_ERROR(rename("a/b", "a"), ENOTEMPTY);
    CHECK_ERROR(rename("empty", "a"), ENOTEMPTY);
    CHECK_ERROR(rename("a", "file"), ENOTDIR);
    CHECK_ERROR(rename("file", "a"), EISDIR);
    CHECK_ERROR(rename("file", "g/"), ENOTDIR);
    CHECK_ERROR(rename("none", "g"), ENOENT);
    CHECK_ERROR(rename("a/.", "g"), EBUSY);
    CHECK_ERROR(rename("file", ".."), EBUSY);
    CHECK_ERROR(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "a/f", 1),
                EEXIST);
    CHECK(rename("a", "empty") == 0);
    CHECK(stat("empty/b", &st) == 0 && st.st_nlink == 2);
    CHECK(stat("empty", &st) == 0 && st.st_nlink == 3);
    CHECK(rename("empty/b", "b/") == 0);
    CHECK(stat("empty", &st) == 0 && st.st_nlink == 2);
    CHECK(stat("b/..", &st) == 0);
    CHECK(rename("empty/f", "file") == 0);
    CHECK_ERROR(access("empty/f", F_OK), ENOENT);
    CHECK(rmdir("b") == 0 && rmdir("empty") == 0);
}

/* Count entries that begin with n; remove each when it is seen. */
static int list_and_remove(int fd)
{
    char buffer[400], *record;
    long n, at;
    int count = 0;

    while ((n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
        for (at = 0; at < n; at += *(unsigned short *)(record + 16)) {
            record = buffer + at;
            if (record[19] != 'n')
                continue;
            CHECK(record[18] == DT_REG);
            CHECK(unlinkat(fd, record + 19, 0) == 0);
            count++;
        }
    }
    CHECK(n == 0);
    return count;
}

/* Is every entry seen once although entries go meanwhile? */
static void test_list(void)
{
    char name[32];
    int fd, i;

    CHECK(mkdir("list", 0755) == 0);
    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "list/n%d", i);
        make_file(name);
    }
    fd = open("list", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    CHECK_ERROR(syscall(SYS_getdents64, fd, name, 8), EINVAL);
    CHECK(list_and_remove(fd) == 200);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(list_and_remove(fd) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK_ERROR(read(fd, name, 1), EISDIR);
    CHECK(rmdir("list") == 0);
    CHECK_ERROR(syscall(SYS_getdents64, fd, name, sizeof(name)), ENOENT);
    CHECK_ERROR(openat(fd, "x", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK(close(fd) == 0);
}

static void test_directory(void)
{
    char text[PATH_MAX];
    struct stat st;
    int fd;

    CHECK_ERROR(chdir("file"), ENOTDIR);
    CHECK_ERROR(chdir("none"), ENOENT);
    CHECK(chdir("to-dir") == 0);
    CHECK(getcwd(text, sizeof(text)) == text);
    CHECK(strncmp(text, scratch, strlen(scratch)) == 0);
    CHECK(strcmp(text + strlen(scratch), "/dir") == 0);
    CHECK_ERROR(syscall(SYS_getcwd, text, strlen(text)), ERANGE);
    CHECK(access("../file", F_OK) == 0);
    fd = open(".", O_RDONLY);
    CHECK(fd >= 0);
    CHECK(rmdir("../dir") == 0);
    CHECK_ERROR(syscall(SYS_getcwd, text, sizeof(text)), ENOENT);
    CHECK_ERROR(mkdir("x", 0700), ENOENT);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK(chdir("..") == 0);
    CHECK(access("file", F_OK) == 0);
    CHECK(close(fd) == 0);
    CHECK(chdir("/../..") == 0);
    CHECK(strcmp(getcwd(text, sizeof(text)), "/") == 0);
    CHECK(chdir(scratch) == 0);
}

static void test_attributes(void)
{
    struct timespec times[2] = { { 1000, 5 }, { 2000, 999999999 } };
    struct stat st;
    mode_t old = umask(027);

    make_file("mode");
    CHECK(umask(old) == 027);
    CHECK(stat("mode", &st) == 0 && st.st_mode == (S_IFREG | 0640));
    CHECK_ERROR(access("mode", X_OK), EACCES);
    CHECK_ERROR(access("mode", 8), EINVAL);
    CHECK(chmod("mode", 04711) == 0);
    CHECK(access("mode", X_OK) == 0);
    CHECK(stat("mode", &st) == 0 && st.st_mode == (S_IFREG | 04711));
    CHECK(chown("mode", 12, (gid_t)-1) == 0);
    CHECK(stat("mode", &st) == 0 && st.st_uid == 12 && st.st_gid == 0);
    CHECK(st.st_mode == (S_IFREG | 0711));
    CHECK(utimensat(AT_FDCWD, "mode", times, 0) == 0);
    CHECK(stat("mode", &st) == 0 && st.st_atim.tv_sec == 1000);
    CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 999999999);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK(utimensat(AT_FDCWD, "mode", times, 0) == 0);
    CHECK(stat("mode", &st) == 0 && st.st_atim.tv_sec == 1000);
    CHECK(st.st_mtim.tv_sec != 2000);
    times[0].tv_nsec = 1000000000;
    CHECK_ERROR(utimensat(AT_FDCWD, "mode", times, 0), EINVAL);
    CHECK_ERROR(fstatat(AT_FDCWD, "", &st, 0), ENOENT);
    CHECK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_ERROR(syscall(SYS_faccessat2, AT_FDCWD, "mode", 0, 0x4000), EINVAL);
}

static void test_bad_pointers(void)
{
    struct stat st;

    CHECK_ERROR(syscall(SYS_openat, AT_FDCWD, 8L, O_RDONLY), EFAULT);
    CHECK_ERROR(syscall(SYS_mkdirat, AT_FDCWD, -8L, 0700), EFAULT);
    CHECK_ERROR(syscall(SYS_newfstatat, AT_FDCWD, "file", 8L, 0), EFAULT);
    CHECK_ERROR(syscall(SYS_newfstatat, AT_FDCWD, 8L, &st, 0), EFAULT);
    CHECK_ERROR(syscall(SYS_readlinkat, AT_FDCWD, "to-dir", 8L, 9L), EFAULT);
    CHECK_ERROR(syscall(SYS_getcwd, 8L, 1000L), EFAULT);
    CHECK_ERROR(syscall(SYS_symlinkat, 8L, AT_FDCWD, "new"), EFAULT);
}

int main(void)
{
    CHECK(mkdtemp(scratch) == scratch);
    CHECK(chdir(scratch) == 0);
    test_open();
    test_limits();
    test_links();
    test_remove();
    test_rename();
    test_list();
    test_directory();
    test_attributes();
    test_bad_pointers();
    puts("names: fine");
    return 0;
}
