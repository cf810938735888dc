/*
 * directory.c: a directory's entries: a list in the order in which they came.
 *
 * The one trick: each entry gets the next number when it comes, and keeps it.
 * That number is its position for getdents, so a reader that has stopped at
 * one goes on there, whatever came and went meanwhile.  "." and ".." are not
 * in the list; they are positions 0 and 1.  Kernel lock.
 */
#include "vfs.h"

/* FNV-1a, to compare few names in a long list. */
static uint32_t hash_of(const char *name, size_t len)
{
    uint32_t hash = 2166136261u;
    size_t i;

    for (i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

struct entry *directory_find(const struct inode *directory, const char *name,
                             size_t len)
{
    uint32_t hash = hash_of(name, len);
    struct entry *entry;

    for (entry = directory->u.directory.first; entry; entry = entry->next)
        if (entry->hash == hash && entry->len == len &&
            memcmp(entry->name, name, len) == 0)
            return entry;
    return NULL;
}

struct entry *directory_find_inode(const struct inode *directory,
                                   const struct inode *inode)
{
    struct entry *entry = directory->u.directory.first;

    while (entry && entry->inode != inode)
        entry = entry->next;
    return entry;
}

struct entry *directory_from(const struct inode *directory, uint64_t position)
{
    struct entry *entry = directory->u.directory.first;

    while (entry && entry->position < position)
        entry = entry->next;
    return entry;
}

struct entry *entry_create(const char *name, size_t len)
{
    struct entry *entry = kmalloc(sizeof(*entry) + len);

    ASSERT(len <= NAME_MAX);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, len);
    entry->len = (uint32_t)len;
    entry->hash = hash_of(name, len);
    return entry;
}

/* The inode has a name in the directory more (one fewer). */
static void link_inode(struct inode *directory, struct inode *inode)
{
    inode_get(inode);
    inode->links++;
    inode->changed = real_time();
    if (is_directory(inode)) {
        inode->links++; /* its own "." */
        directory->links++;
    }
}

static void unlink_inode(struct inode *directory, struct inode *inode)
{
    inode->links--;
    inode->changed = real_time();
    if (is_directory(inode)) {
        inode->links--;
        directory->links--;
    }
    inode_put(inode);
}

void directory_enter(struct inode *directory, struct entry *entry,
                     struct inode *inode)
{
    entry->inode = inode;
    entry->position = directory->u.directory.next_position++;
    entry->prev = directory->u.directory.last;
    entry->next = NULL;
    if (entry->prev)
        entry->prev->next = entry;
    else
        directory->u.directory.first = entry;
    directory->u.directory.last = entry;
    link_inode(directory, inode);
    inode_modified(directory);
}

void directory_remove(struct inode *directory, struct entry *entry)
{
    if (entry->prev)
        entry->prev->next = entry->next;
    else
        directory->u.directory.first = entry->next;
    if (entry->next)
        entry->next->prev = entry->prev;
    else
        directory->u.directory.last = entry->prev;
    unlink_inode(directory, entry->inode);
    inode_modified(directory);
    kfree(entry);
}

void directory_replace(struct inode *directory, struct entry *entry,
                       struct inode *inode)
{
    struct inode *old = entry->inode;

    link_inode(directory, inode);
    entry->inode = inode;
    unlink_inode(directory, old);
    inode_modified(directory);
}

/* Read by getdents64 alone. */
static int64_t directory_read(struct file *file, uint64_t *offset,
                              struct transfer *to)
{
    (void)file, (void)offset, (void)to;
    return -EISDIR;
}

const struct file_ops directory_ops = {
    .read = directory_read,
    .seek = SEEK_BYTES,
};
