/*
 * sys_stat.c: system calls about what an inode is, and that change it.
 *
 * Everybody is root: permissions are kept and told, but only x of a file that
 * is to be executed matters.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

struct timespec {
    int64_t seconds, nanoseconds;
};

/* struct stat of the kernel's ABI: of x86-64, and of the newer ports. */
#ifdef ARCH_STAT_GENERIC
struct user_stat {
    uint64_t st_dev, st_ino;
    uint32_t st_mode, st_nlink, st_uid, st_gid;
    uint64_t st_rdev, pad1;
    int64_t st_size;
    int32_t st_blksize, pad2;
    int64_t st_blocks;
    struct timespec accessed, modified, changed;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct user_stat) == 128, "the ABI's size");
#else
struct user_stat {
    uint64_t st_dev, st_ino, st_nlink;
    uint32_t st_mode, st_uid, st_gid, pad;
    uint64_t st_rdev;
    int64_t st_size, st_blksize, st_blocks;
    struct timespec accessed, modified, changed;
    int64_t unused[3];
};
_Static_assert(sizeof(struct user_stat) == 144, "the ABI's size");
#endif

enum { NANOSECONDS = 1000000000 };

/* utimensat's tv_nsec */
enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){ (int64_t)(ns / NANOSECONDS),
                              (int64_t)(ns % NANOSECONDS) };
}

static int64_t tell(const struct inode *inode, lp_va to)
{
    uint64_t size = inode_size(inode);
    struct user_stat stat = {
        .st_dev = 1,
        .st_ino = inode->number,
        .st_mode = inode->mode,
        .st_nlink = inode->links,
        .st_uid = inode->uid,
        .st_gid = inode->gid,
        .st_rdev = inode->device,
        .st_size = (int64_t)size,
        .st_blksize = PAGE_SIZE,
        .accessed = to_timespec(inode->accessed),
        .modified = to_timespec(inode->modified),
        .changed = to_timespec(inode->changed),
    };

    if (is_kind(inode, S_IFREG))
        stat.st_blocks = (int64_t)(round_up(size, PAGE_SIZE) / 512);
    return user_write(to, &stat, sizeof(stat));
}

static int64_t stat_at(int dirfd, lp_va path, lp_va to, unsigned flags)
{
    /* 0x6000: how a network file system should ask its server. */
    const unsigned known =
        AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | 0x6000;
    struct inode *inode;
    int64_t error;

    if (flags & ~known)
        return -EINVAL;
    error = inode_at(dirfd, path, flags, &inode);
    if (error)
        return error;
    error = tell(inode, to);
    inode_put(inode);
    return error;
}

int64_t sys_stat(const uint64_t args[6])
{
    return stat_at(AT_FDCWD, args[0], args[1], 0);
}

int64_t sys_lstat(const uint64_t args[6])
{
    return stat_at(AT_FDCWD, args[0], args[1], AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fstat(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    return file ? tell(file->inode, args[1]) : -EBADF;
}

int64_t sys_newfstatat(const uint64_t args[6])
{
    return stat_at((int)args[0], args[1], args[2], (unsigned)args[3]);
}

/* --- access --- */

enum { X_OK = 1, ACCESS_ALL = 7 };

static int64_t access_at(int dirfd, lp_va path, unsigned mode, unsigned flags)
{
    struct inode *inode;
    int error;

    if ((mode & ~(unsigned)ACCESS_ALL) ||
        (flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    error = inode_at(dirfd, path, flags, &inode);
    if (error)
        return error;
    if ((mode & X_OK) && !is_directory(inode) && !(inode->mode & 0111))
        error = -EACCES;
    inode_put(inode);
    return error;
}

int64_t sys_access(const uint64_t args[6])
{
    return access_at(AT_FDCWD, args[0], (unsigned)args[1], 0);
}

int64_t sys_faccessat(const uint64_t args[6])
{
    return access_at((int)args[0], args[1], (unsigned)args[2], 0);
}

int64_t sys_faccessat2(const uint64_t args[6])
{
    return access_at((int)args[0], args[1], (unsigned)args[2],
                     (unsigned)args[3]);
}

/* --- chmod --- */

static void set_mode(struct inode *inode, uint64_t mode)
{
    inode->mode = (inode->mode & S_IFMT) | ((uint32_t)mode & 07777);
    inode->changed = real_time();
}

static int64_t chmod_at(int dirfd, lp_va path, uint64_t mode)
{
    struct inode *inode;
    int error = inode_at(dirfd, path, 0, &inode);

    if (error)
        return error;
    set_mode(inode, mode);
    inode_put(inode);
    return 0;
}

int64_t sys_chmod(const uint64_t args[6])
{
    return chmod_at(AT_FDCWD, args[0], args[1]);
}

int64_t sys_fchmodat(const uint64_t args[6])
{
    return chmod_at((int)args[0], args[1], args[2]);
}

int64_t sys_fchmod(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (!file)
        return -EBADF;
    set_mode(file->inode, args[1]);
    return 0;
}

/* --- chown --- */

/* An owner or a group of -1 stays. */
static void set_owner(struct inode *inode, uint64_t uid, uint64_t gid)
{
    if ((uint32_t)uid != UINT32_MAX)
        inode->uid = (uint32_t)uid;
    if ((uint32_t)gid != UINT32_MAX)
        inode->gid = (uint32_t)gid;
    if (!is_directory(inode)) {
        inode->mode &= ~(uint32_t)S_ISUID;
        /* Without x for the group it is not "set group" but a lock's mark. */
        if (inode->mode & S_IXGRP)
            inode->mode &= ~(uint32_t)S_ISGID;
    }
    inode->changed = real_time();
}

static int64_t chown_at(int dirfd, lp_va path, uint64_t uid, uint64_t gid,
                        unsigned flags)
{
    struct inode *inode;
    int error;

    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    error = inode_at(dirfd, path, flags, &inode);
    if (error)
        return error;
    set_owner(inode, uid, gid);
    inode_put(inode);
    return 0;
}

int64_t sys_chown(const uint64_t args[6])
{
    return chown_at(AT_FDCWD, args[0], args[1], args[2], 0);
}

int64_t sys_lchown(const uint64_t args[6])
{
    return chown_at(AT_FDCWD, args[0], args[1], args[2], AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchownat(const uint64_t args[6])
{
    return chown_at((int)args[0], args[1], args[2], args[3], (unsigned)args[4]);
}

int64_t sys_fchown(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (!file)
        return -EBADF;
    set_owner(file->inode, args[1], args[2]);
    return 0;
}

/* --- utimensat --- */

static bool time_ok(const struct timespec *time)
{
    return (time->nanoseconds >= 0 && time->nanoseconds < NANOSECONDS) ||
           time->nanoseconds == UTIME_NOW || time->nanoseconds == UTIME_OMIT;
}

static void set_time(uint64_t *to, const struct timespec *time)
{
    /* What 64 bits of nanoseconds hold: until the year 2554. */
    const uint64_t most = UINT64_MAX / NANOSECONDS - 1;
    uint64_t seconds = time->seconds < 0 ? 0 : (uint64_t)time->seconds;

    if (time->nanoseconds == UTIME_NOW)
        *to = real_time();
    else if (time->nanoseconds != UTIME_OMIT)
        *to = least(seconds, most) * NANOSECONDS + (uint64_t)time->nanoseconds;
}

/* The inode that utimensat means, referenced; without a path the file. */
static int timed_inode(const uint64_t args[6], struct inode **inode)
{
    unsigned flags = (unsigned)args[3];
    struct file *file;

    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (args[1] || (int)args[0] == AT_FDCWD)
        return inode_at((int)args[0], args[1], flags, inode);
    if (flags)
        return -EINVAL;
    file = files_at((int)args[0]);
    if (!file)
        return -EBADF;
    *inode = file->inode;
    inode_get(*inode);
    return 0;
}

int64_t sys_utimensat(const uint64_t args[6])
{
    struct timespec time[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    struct inode *inode;
    int error = 0;

    if (args[2])
        error = user_read(time, args[2], sizeof(time));
    if (error)
        return error;
    if (!time_ok(&time[0]) || !time_ok(&time[1]))
        return -EINVAL;
    error = timed_inode(args, &inode);
    if (error)
        return error;
    set_time(&inode->accessed, &time[0]);
    set_time(&inode->modified, &time[1]);
    inode->changed = real_time();
    inode_put(inode);
    return 0;
}
