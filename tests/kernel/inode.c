/*
 * inode.c: life of an inode.  References are counted; the last one frees it.
 *
 * A directory holds its parent, and its parent's entry holds it: the cycle ends
 * when the entry goes.  Kernel lock.
 */
#include "vfs.h"

struct inode *the_root;

struct inode *inode_create(uint32_t mode, const struct file_ops *ops)
{
    static uint64_t numbers;
    struct inode *inode = kmalloc(sizeof(*inode));

    if (!inode)
        return NULL;
    inode->number = ++numbers;
    inode->references = 1;
    inode->mode = mode;
    inode->ops = ops;
    inode->accessed = inode->modified = inode->changed = real_time();
    return inode;
}

struct inode *inode_create_directory(struct inode *parent, uint32_t mode)
{
    struct inode *inode = inode_create(S_IFDIR | mode, &directory_ops);

    if (!inode)
        return NULL;
    inode->u.directory.parent = parent ? parent : inode;
    inode->u.directory.next_position = 2; /* behind "." and ".." */
    if (parent)
        inode_get(parent);
    return inode;
}

struct inode *inode_create_link(const char *target, size_t len)
{
    struct inode *inode = inode_create(S_IFLNK | 0777, NULL);

    if (!inode)
        return NULL;
    inode->u.link.target = kmalloc(len + 1);
    if (!inode->u.link.target) {
        kfree(inode);
        return NULL;
    }
    memcpy(inode->u.link.target, target, len);
    return inode;
}

void inode_get(struct inode *inode)
{
    inode->references++;
}

/* Free it; returns what it held a reference to. */
static struct inode *inode_free(struct inode *inode)
{
    struct inode *parent = NULL;

    switch (inode->mode & S_IFMT) {
    case S_IFREG: regular_free(inode); break;
    case S_IFDIR:
        ASSERT(!inode->u.directory.first);
        parent = inode->u.directory.parent;
        break;
    case S_IFLNK: kfree(inode->u.link.target); break;
    case S_IFIFO: pipe_free(inode->u.pipe); break;
    default: break;
    }
    kfree(inode);
    return parent;
}

void inode_put(struct inode *inode)
{
    while (inode) {
        ASSERT(inode->references > 0);
        if (--inode->references)
            return;
        inode = inode_free(inode);
    }
}

void inode_modified(struct inode *inode)
{
    inode->modified = inode->changed = real_time();
}

void inode_accessed(struct inode *inode)
{
    const uint64_t day = 86400 * (uint64_t)1000000000;
    uint64_t now = real_time();

    if (inode->accessed <= inode->modified ||
        inode->accessed <= inode->changed || now - inode->accessed >= day)
        inode->accessed = now;
}

uint64_t inode_size(const struct inode *inode)
{
    if (is_kind(inode, S_IFREG) && inode->u.regular.object)
        return lp_object_size(inode->u.regular.object);
    if (is_kind(inode, S_IFLNK) && inode->u.link.target)
        return strlen(inode->u.link.target);
    return is_directory(inode) ? PAGE_SIZE : 0;
}
