/*
 * regular.c: files of bytes.  The bytes are one lp_object: read and write go
 * through its page cache, as all mappings do, and nothing else holds them.
 *
 * A file from the archive is its object and a struct backing that says where
 * the bytes lie: `fill` copies a page when it is touched for the first time,
 * by read, write or any program's mapping.  A page that was changed stays in
 * the cache for as long as the object lives: there is nowhere to write it to.
 *
 * The object may outlive the inode (mappings hold it), and fill runs without
 * the kernel lock: so the backing belongs to the object, and goes in release.
 */
#include <stdatomic.h>

#include "vfs.h"

/* What an object of the archive is filled from. */
struct backing {
    const char *bytes;
    _Atomic uint64_t len; /* zeroes behind it; a truncation makes it shorter */
};

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct backing *backing = ctx;
    uint64_t end = atomic_load_explicit(&backing->len, memory_order_acquire);
    size_t n = offset < end ? least(len, end - offset) : 0;

    memcpy(page, backing->bytes + (n ? offset : 0), n);
    memset((char *)page + n, 0, len - n);
    return 0;
}

static void release(void *ctx)
{
    kfree(ctx);
}

static const struct lp_object_ops archive_object = { fill, NULL, release };
static const struct lp_object_ops memory_object = { NULL, NULL, NULL };

static int create_object(struct inode *inode, const char *bytes, uint64_t len)
{
    struct backing *backing = NULL;
    int error;

    if (bytes) {
        backing = kmalloc(sizeof(*backing));
        if (!backing)
            return -ENOMEM;
        backing->bytes = bytes;
        atomic_init(&backing->len, len);
    }
    error = lp_object_create(
        the_pager, bytes ? &archive_object : &memory_object, backing, len,
        LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC,
        &inode->u.regular.object);
    if (error)
        kfree(backing);
    else
        inode->u.regular.backing = backing;
    return error;
}

struct inode *regular_create(uint32_t mode, const char *bytes, uint64_t len)
{
    struct inode *inode = inode_create(S_IFREG | mode, &regular_ops);

    if (inode && create_object(inode, bytes, len) != 0) {
        inode_put(inode);
        inode = NULL;
    }
    return inode;
}

/* Without an object it is one of proc.c's, or was never finished. */
void regular_free(struct inode *inode)
{
    if (inode->u.regular.object)
        lp_object_put(inode->u.regular.object);
}

int regular_resize(struct inode *inode, uint64_t size)
{
    struct backing *backing = inode->u.regular.backing;

    if (size > FILE_SIZE_MAX)
        return -EFBIG;
    if (lp_object_resize(inode->u.regular.object, size) != 0)
        return -EINVAL;
    /* After the end has moved, before it can move back: what fill still reads
     * of the old length is cut off by the new end. */
    if (backing && size < atomic_load(&backing->len))
        atomic_store(&backing->len, size);
    inode_modified(inode);
    return 0;
}

static int64_t regular_read(struct file *file, uint64_t *offset,
                            struct transfer *to)
{
    struct lp_object *object = file->inode->u.regular.object;
    char *page = page_get();
    int64_t n, done = 0;
    int error = 0;

    if (!page)
        return -ENOMEM;
    while (to->len && !error) {
        n = lp_object_read(
            object, *offset, page,
            least(to->len, PAGE_SIZE - (*offset & LP_PAGE_MASK)));
        if (n > 0)
            n = (int64_t)transfer_give(to, page, (size_t)n, &error);
        else
            error = (int)n;
        if (n <= 0)
            break;
        *offset += (uint64_t)n;
        done += n;
    }
    page_put(page);
    inode_accessed(file->inode);
    return done ? done : error;
}

/*
 * Write n bytes of one page at `at`, growing the file first.  Returns the
 * number written; what was not keeps the file as short as it was.
 */
static int64_t write_page(struct inode *inode, uint64_t at, const char *page,
                          size_t n)
{
    struct lp_object *object = inode->u.regular.object;
    uint64_t size = lp_object_size(object);
    int64_t put;
    int error;

    if (at + n > size) {
        error = regular_resize(inode, at + n);
        if (error)
            return error;
    }
    put = lp_object_write(object, at, page, n);
    if (put != (int64_t)n && at + n > size) {
        /* Shrinking needs no memory. */
        error = regular_resize(inode, put > 0 && at + (uint64_t)put > size
                                          ? at + (uint64_t)put
                                          : size);
        ASSERT(!error);
    }
    return put == -LP_ENOMEM ? -ENOSPC : put;
}

static int64_t regular_write(struct file *file, uint64_t *offset,
                             struct transfer *from)
{
    bool append = file->flags & O_APPEND;
    uint64_t at = append ? inode_size(file->inode) : *offset;
    int64_t put, done = 0;
    int error = 0;
    char *page;
    size_t n;

    if (at >= FILE_SIZE_MAX)
        return -EFBIG;
    page = page_get();
    if (!page)
        return -ENOMEM;
    while (from->len && !error && at < FILE_SIZE_MAX) {
        n = least(from->len, PAGE_SIZE - (at & LP_PAGE_MASK));
        n = transfer_take(from, page, n, &error);
        if (n == 0)
            break;
        put = write_page(file->inode, at, page, n);
        if (put < (int64_t)n)
            error = put < 0 ? (int)put : -ENOSPC;
        if (put > 0) {
            at += (uint64_t)put;
            done += put;
        }
    }
    page_put(page);
    if (done == 0)
        return error;
    *offset = at;
    inode_modified(file->inode);
    return done;
}

const struct file_ops regular_ops = {
    .read = regular_read,
    .write = regular_write,
    .seek = SEEK_BYTES,
};
