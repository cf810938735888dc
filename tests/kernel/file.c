/*
 * file.c: an open file: an inode, how it was opened, and a position.
 *
 * Descriptors share it (dup, fork) and count as its references.  Kernel lock.
 */
#include "vfs.h"

struct file *file_alloc(void)
{
    struct file *file = kmalloc(sizeof(*file));

    if (file)
        file->references = 1;
    return file;
}

void file_bind(struct file *file, struct inode *inode, unsigned flags)
{
    inode_get(inode);
    file->inode = inode;
    file->ops = inode->ops;
    file->flags = flags;
    if (file->ops->open)
        file->ops->open(file);
}

void file_get(struct file *file)
{
    file->references++;
}

void file_put(struct file *file)
{
    ASSERT(file->references > 0);
    if (--file->references)
        return;
    if (file->inode) {
        if (file->ops->close)
            file->ops->close(file);
        inode_put(file->inode);
    }
    kfree(file);
}

/* Access mode 3 is legal, and allows neither. */
bool file_readable(const struct file *file)
{
    unsigned mode = file->flags & O_ACCMODE;

    return mode == O_RDONLY || mode == O_RDWR;
}

bool file_writable(const struct file *file)
{
    unsigned mode = file->flags & O_ACCMODE;

    return mode == O_WRONLY || mode == O_RDWR;
}

int64_t file_read(struct file *file, uint64_t *offset, struct transfer *to)
{
    if (!file_readable(file))
        return -EBADF;
    if (!file->ops->read)
        return -EINVAL;
    if (to->len == 0 && !is_directory(file->inode))
        return 0;
    return file->ops->read(file, offset, to);
}

int64_t file_write(struct file *file, uint64_t *offset, struct transfer *from)
{
    if (!file_writable(file))
        return -EBADF;
    if (!file->ops->write)
        return -EINVAL;
    if (from->len == 0)
        return 0;
    return file->ops->write(file, offset, from);
}

unsigned file_poll(struct file *file)
{
    if (file->ops->poll)
        return file->ops->poll(file);
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

int file_object(struct file *file, struct lp_object **object, unsigned *access)
{
    struct inode *inode = file->inode;

    *access = 0;
    /* Linux asks for a file that is open for reading in all cases. */
    if (file_readable(file))
        *access = LP_READ | LP_EXEC;
    if (*access && file_writable(file))
        *access |= LP_WRITE;
    *object = NULL;
    if (file->ops == &zero_ops)
        return 0;
    if (file->ops != &regular_ops)
        return -ENODEV;
    *object = inode->u.regular.object;
    lp_object_get(*object);
    return 0;
}
