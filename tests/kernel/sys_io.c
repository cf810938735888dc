/*
 * sys_io.c: system calls that move bytes, and those about positions and sizes.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

enum whence { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };

typedef int64_t (*mover)(struct file *file, uint64_t *offset,
                         struct transfer *t);

/* read, write, readv, writev: at the file's position. */
static int64_t run(uint64_t fd, mover move, int error, struct transfer *t)
{
    struct file *file = files_at((int)fd);

    if (!file)
        return -EBADF;
    return error ? error : move(file, &file->offset, t);
}

/* pread64, pwrite64: at a position of the program's. */
static int64_t run_at(const uint64_t args[6], mover move)
{
    struct file *file = files_at((int)args[0]);
    uint64_t offset = args[3];
    struct transfer t;
    int error = transfer_user(&t, args[1], args[2]);

    if ((int64_t)offset < 0)
        return -EINVAL;
    if (!file)
        return -EBADF;
    if (file->ops->seek == SEEK_NONE)
        return -ESPIPE;
    return error ? error : move(file, &offset, &t);
}

int64_t sys_read(const uint64_t args[6])
{
    struct transfer t;
    int error = transfer_user(&t, args[1], args[2]);

    return run(args[0], file_read, error, &t);
}

int64_t sys_write(const uint64_t args[6])
{
    struct transfer t;
    int error = transfer_user(&t, args[1], args[2]);

    return run(args[0], file_write, error, &t);
}

/* Nothing can be read from anything, even from a directory. */
static int64_t read_pieces(struct file *file, uint64_t *offset,
                           struct transfer *to)
{
    if (to->len == 0)
        return file_readable(file) ? 0 : -EBADF;
    return file_read(file, offset, to);
}

int64_t sys_readv(const uint64_t args[6])
{
    struct transfer t;
    int error = transfer_pieces(&t, args[1], args[2]);

    return run(args[0], read_pieces, error, &t);
}

int64_t sys_writev(const uint64_t args[6])
{
    struct transfer t;
    int error = transfer_pieces(&t, args[1], args[2]);

    return run(args[0], file_write, error, &t);
}

int64_t sys_pread64(const uint64_t args[6])
{
    return run_at(args, file_read);
}

int64_t sys_pwrite64(const uint64_t args[6])
{
    return run_at(args, file_write);
}

/* --- sendfile --- */

/* Copy up to len bytes of a regular file, from *offset on. */
static int64_t send(struct file *out, struct file *in, uint64_t *offset,
                    uint64_t len)
{
    char *page = page_get();
    int64_t n, put, done = 0, error = 0;
    struct transfer t;

    if (!page)
        return -ENOMEM;
    while (len) {
        n = lp_object_read(in->inode->u.regular.object, *offset, page,
                           least(len, PAGE_SIZE));
        error = n;
        if (n <= 0)
            break;
        transfer_kernel(&t, page, (uint64_t)n);
        put = file_write(out, &out->offset, &t);
        error = put;
        if (put <= 0)
            break;
        *offset += (uint64_t)put;
        len -= (uint64_t)put;
        done += put;
        if (put < n)
            break;
    }
    page_put(page);
    return done ? done : error;
}

int64_t sys_sendfile(const uint64_t args[6])
{
    struct file *out = files_at((int)args[0]), *in = files_at((int)args[1]);
    uint64_t offset;
    int64_t result;
    int error;

    if (!in || !out || !file_readable(in) || !file_writable(out))
        return -EBADF;
    if (in->ops != &regular_ops || (out->flags & O_APPEND))
        return args[2] && in->ops->seek == SEEK_NONE ? -ESPIPE : -EINVAL;
    offset = in->offset;
    if (args[2]) {
        error = user_read(&offset, args[2], sizeof(offset));
        if (error)
            return error;
    }
    if ((int64_t)offset < 0 || (int64_t)args[3] < 0)
        return -EINVAL;
    result = send(out, in, &offset, least(args[3], TRANSFER_MAX));
    if (!args[2])
        in->offset = offset;
    else if (user_write(args[2], &offset, sizeof(offset)) != 0)
        return -EFAULT;
    return result;
}

/* --- positions and sizes --- */

/* A new position; negative: an error. */
static int64_t seek(const struct file *file, int64_t offset, unsigned whence)
{
    int64_t size = (int64_t)inode_size(file->inode), base = 0;

    /* A directory's positions have no end. */
    if (whence > SEEK_HOLE || (is_directory(file->inode) && whence > SEEK_CUR))
        return -EINVAL;
    if (whence == SEEK_DATA || whence == SEEK_HOLE) {
        if (offset < 0 || offset >= size)
            return -ENXIO;
        return whence == SEEK_DATA ? offset : size;
    }
    if (whence == SEEK_CUR)
        base = (int64_t)file->offset;
    else if (whence == SEEK_END)
        base = size;
    /* base is at most FILE_SIZE_MAX: only adding can overflow. */
    if (offset > (int64_t)FILE_SIZE_MAX || base + offset < 0 ||
        base + offset > (int64_t)FILE_SIZE_MAX)
        return -EINVAL;
    return base + offset;
}

int64_t sys_lseek(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);
    int64_t position;

    if (!file)
        return -EBADF;
    if (file->ops->seek == SEEK_NONE)
        return -ESPIPE;
    if (file->ops->seek == SEEK_STAYS)
        return 0;
    position = seek(file, (int64_t)args[1], (unsigned)args[2]);
    if (position >= 0)
        file->offset = (uint64_t)position;
    return position;
}

int64_t sys_ftruncate(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if ((int64_t)args[1] < 0)
        return -EINVAL;
    if (!file)
        return -EBADF;
    if (file->ops != &regular_ops || !file_writable(file))
        return -EINVAL;
    return regular_resize(file->inode, args[1]);
}

int64_t sys_truncate(const uint64_t args[6])
{
    struct inode *inode;
    int error;

    if ((int64_t)args[1] < 0)
        return -EINVAL;
    error = inode_at(AT_FDCWD, args[0], 0, &inode);
    if (error)
        return error;
    if (is_directory(inode))
        error = -EISDIR;
    else if (inode->ops != &regular_ops)
        error = -EINVAL;
    else
        error = regular_resize(inode, args[1]);
    inode_put(inode);
    return error;
}

/* Files live in memory: there is nothing to write back. */
int64_t sys_fsync(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (!file)
        return -EBADF;
    return file->ops == &regular_ops || is_directory(file->inode) ? 0 : -EINVAL;
}

int64_t sys_fdatasync(const uint64_t args[6])
{
    return sys_fsync(args);
}

int64_t sys_sync(const uint64_t args[6])
{
    (void)args;
    return 0;
}
