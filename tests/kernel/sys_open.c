/*
 * sys_open.c: system calls that make, copy, change and close descriptors.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

enum {
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_DUPFD_CLOEXEC = 1030,
    FD_CLOEXEC = 1,
};

/* --- open --- */

/* Flags that mean nothing once the file is open. */
enum { OPEN_ONCE = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC };

/* What open refuses about something that is there. */
static int check_present(const struct inode *inode, unsigned flags)
{
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (is_directory(inode) && (flags & (O_CREAT | O_ACCMODE | O_TRUNC)))
        return -EISDIR;
    if (!is_directory(inode) && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if (is_kind(inode, S_IFLNK))
        return -ELOOP;
    return inode->ops ? 0 : -ENXIO;
}

/* A new file at the place; borrowed, as the place's own would be. */
static int create(const struct place *place, unsigned mode,
                  struct inode **inode)
{
    if (!place->directory->links)
        return -ENOENT;
    *inode = regular_create(mode & 07777 & ~current()->umask, NULL, 0);
    return tree_enter_new(place, *inode);
}

/* Make `file` an open file of what is, or comes to be, at this place. */
static int open_place(const struct place *place, struct file *file,
                      unsigned flags, unsigned mode)
{
    struct inode *inode = place->inode;
    int error;

    if ((flags & O_CREAT) && place->slash && place->last == LAST_NAME)
        return -EISDIR;
    if (!inode && !(flags & O_CREAT))
        return -ENOENT;
    error = inode ? check_present(inode, flags) : create(place, mode, &inode);
    if (!error && (flags & O_TRUNC) && inode->ops == &regular_ops)
        error = regular_resize(inode, 0);
    if (!error)
        file_bind(file, inode, (flags & ~(unsigned)OPEN_ONCE) | O_LARGEFILE);
    return error;
}

static enum path_end end_of(unsigned flags)
{
    if (!(flags & O_CREAT))
        return flags & O_NOFOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW;
    return flags & (O_EXCL | O_NOFOLLOW) ? PATH_NAME : PATH_CREATE;
}

static int check_flags(unsigned flags)
{
    if ((flags & O_TMPFILE) && (flags & O_DIRECTORY))
        return flags & O_ACCMODE ? -EOPNOTSUPP : -EINVAL;
    if ((flags & O_PATH) || ((flags & O_CREAT) && (flags & O_DIRECTORY)))
        return -EINVAL;
    return 0;
}

/* Open a path of the kernel's at a free descriptor. */
static int open_path(int dirfd, const char *path, int fd, unsigned flags,
                     unsigned mode)
{
    struct place place;
    struct file *file;
    int error = path_walk_at(dirfd, path, end_of(flags), &place);

    if (error)
        return error;
    file = file_alloc();
    if (!file)
        return -ENOMEM;
    error = open_place(&place, file, flags, mode);
    if (error)
        file_put(file);
    else
        files_install(fd, file, flags & O_CLOEXEC);
    return error;
}

static int64_t open_at(int dirfd, lp_va path, unsigned flags, unsigned mode)
{
    int fd, error = check_flags(flags);
    char *page;

    if (!error)
        error = path_from_user(path, &page);
    if (error)
        return error;
    /* Linux looks for a descriptor before it looks at a name. */
    fd = *page ? files_free_from(0) : -ENOENT;
    if (fd >= 0)
        error = open_path(dirfd, page, fd, flags, mode);
    page_put(page);
    return error ? error : fd;
}

int64_t sys_open(const uint64_t args[6])
{
    return open_at(AT_FDCWD, args[0], (unsigned)args[1], (unsigned)args[2]);
}

int64_t sys_openat(const uint64_t args[6])
{
    return open_at((int)args[0], args[1], (unsigned)args[2], (unsigned)args[3]);
}

int64_t sys_close(const uint64_t args[6])
{
    if (!files_at((int)args[0]))
        return -EBADF;
    files_close((int)args[0]);
    return 0;
}

/* --- dup, fcntl --- */

static int64_t dup_from(struct file *file, int from, bool cloexec)
{
    int fd = files_free_from(from);

    if (fd < 0)
        return fd;
    file_get(file);
    files_install(fd, file, cloexec);
    return fd;
}

static int64_t dup_to(struct file *file, int fd, bool cloexec)
{
    if (!file || fd < 0 || fd >= FILES_MAX)
        return -EBADF;
    file_get(file);
    files_install(fd, file, cloexec);
    return fd;
}

int64_t sys_dup(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    return file ? dup_from(file, 0, false) : -EBADF;
}

int64_t sys_dup2(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (file && (int)args[0] == (int)args[1])
        return (int)args[0];
    return dup_to(file, (int)args[1], false);
}

int64_t sys_dup3(const uint64_t args[6])
{
    unsigned flags = (unsigned)args[2];

    if ((flags & ~(unsigned)O_CLOEXEC) || (int)args[0] == (int)args[1])
        return -EINVAL;
    return dup_to(files_at((int)args[0]), (int)args[1], flags & O_CLOEXEC);
}

int64_t sys_fcntl(const uint64_t args[6])
{
    const unsigned settable = O_APPEND | O_NONBLOCK;
    struct file *file = files_at((int)args[0]);
    unsigned command = (unsigned)args[1];

    if (!file)
        return -EBADF;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (args[2] >= FILES_MAX)
            return -EINVAL;
        return dup_from(file, (int)args[2], command == F_DUPFD_CLOEXEC);
    case F_GETFD: return files_cloexec((int)args[0]) ? FD_CLOEXEC : 0;
    case F_SETFD:
        files_set_cloexec((int)args[0], args[2] & FD_CLOEXEC);
        return 0;
    case F_GETFL: return file->flags;
    case F_SETFL:
        file->flags = (file->flags & ~settable) | (args[2] & settable);
        return 0;
    default: return -EINVAL;
    }
}

int64_t sys_ioctl(const uint64_t args[6])
{
    return files_at((int)args[0]) ? -ENOTTY : -EBADF;
}

/* --- pipe --- */

/* Both descriptors, or none. */
static int64_t pipe_at(lp_va to, unsigned flags)
{
    struct file *read_end, *write_end;
    int fd[2], error;

    if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    fd[0] = files_free_from(0);
    fd[1] = fd[0] < 0 ? fd[0] : files_free_from(fd[0] + 1);
    if (fd[1] < 0)
        return fd[1];
    error = user_write(to, fd, sizeof(fd));
    if (!error)
        error = pipe_create(flags, &read_end, &write_end);
    if (error)
        return error;
    files_install(fd[0], read_end, flags & O_CLOEXEC);
    files_install(fd[1], write_end, flags & O_CLOEXEC);
    return 0;
}

int64_t sys_pipe(const uint64_t args[6])
{
    return pipe_at(args[0], 0);
}

int64_t sys_pipe2(const uint64_t args[6])
{
    return pipe_at(args[0], (unsigned)args[1]);
}
