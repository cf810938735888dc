/*
 * tree.c: names that come, go and move.
 *
 * First every check and every allocation, then the change, which cannot fail.
 * The order of the checks is Linux's, where a program could see it.  Kernel
 * lock.
 */
#include "vfs.h"

int tree_enter(const struct place *place, struct inode *inode)
{
    struct entry *entry;

    ASSERT(place->last == LAST_NAME && !place->inode);
    if (!place->directory->links)
        return -ENOENT;
    entry = entry_create(place->name, place->len);
    if (!entry)
        return -ENOSPC;
    directory_enter(place->directory, entry, inode);
    return 0;
}

int tree_enter_new(const struct place *place, struct inode *inode)
{
    int error;

    if (!inode)
        return -ENOSPC;
    if (place->directory->mode & S_ISGID) {
        inode->gid = place->directory->gid;
        if (is_directory(inode))
            inode->mode |= S_ISGID;
    }
    error = tree_enter(place, inode);
    inode_put(inode);
    return error;
}

int tree_mkdir(const struct place *place, uint32_t mode)
{
    if (place->inode)
        return -EEXIST;
    if (!place->directory->links)
        return -ENOENT;
    return tree_enter_new(place,
                          inode_create_directory(place->directory, mode));
}

int tree_link(const struct place *place, struct inode *inode)
{
    if (place->inode)
        return -EEXIST;
    if (place->slash || !place->directory->links)
        return -ENOENT;
    if (is_directory(inode))
        return -EPERM;
    /* A file that has lost its last name gets no new one. */
    return inode->links ? tree_enter(place, inode) : -ENOENT;
}

int tree_symlink(const struct place *place, const char *target)
{
    if (place->inode)
        return -EEXIST;
    if (place->slash || !place->directory->links)
        return -ENOENT;
    return tree_enter_new(place, inode_create_link(target, strlen(target)));
}

int tree_unlink(const struct place *place)
{
    if (place->last != LAST_NAME)
        return -EISDIR;
    if (!place->inode)
        return -ENOENT;
    if (is_directory(place->inode))
        return -EISDIR;
    if (place->slash)
        return -ENOTDIR;
    directory_remove(place->directory, place->entry);
    return 0;
}

int tree_rmdir(const struct place *place)
{
    switch (place->last) {
    case LAST_DOT: return -EINVAL;
    case LAST_DOTDOT: return -ENOTEMPTY;
    case LAST_ROOT: return -EBUSY;
    case LAST_NAME: break;
    }
    if (!place->inode)
        return -ENOENT;
    if (!is_directory(place->inode))
        return -ENOTDIR;
    if (place->inode->u.directory.first)
        return -ENOTEMPTY;
    directory_remove(place->directory, place->entry);
    return 0;
}

/* Is inode the directory or one of those above it? */
static bool is_above(const struct inode *inode, const struct inode *directory)
{
    for (; directory != inode; directory = directory->u.directory.parent)
        if (directory == the_root)
            return false;
    return true;
}

/* May a name move from one place to the other? */
static int check_rename(const struct place *from, const struct place *to,
                        unsigned flags)
{
    if (from->last != LAST_NAME)
        return -EBUSY;
    if (to->last != LAST_NAME)
        return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (!from->inode)
        return -ENOENT;
    if (to->inode && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!is_directory(from->inode) && (from->slash || to->slash))
        return -ENOTDIR;
    if (is_directory(from->inode) && is_above(from->inode, to->directory))
        return -EINVAL;
    if (to->inode && is_directory(to->inode) &&
        is_above(to->inode, from->directory))
        return -ENOTEMPTY;
    if (to->inode == from->inode)
        return 0;
    if (!to->directory->links)
        return -ENOENT;
    if (!to->inode)
        return 0;
    if (is_directory(from->inode) && !is_directory(to->inode))
        return -ENOTDIR;
    if (!is_directory(from->inode) && is_directory(to->inode))
        return -EISDIR;
    if (is_directory(to->inode) && to->inode->u.directory.first)
        return -ENOTEMPTY;
    return 0;
}

/* The inode at `from` has got its new name too: drop the old one. */
static void leave(const struct place *from, const struct place *to,
                  struct inode *inode)
{
    directory_remove(from->directory, from->entry);
    if (is_directory(inode) && from->directory != to->directory) {
        inode->u.directory.parent = to->directory;
        inode_get(to->directory);
        inode_put(from->directory);
    }
}

int tree_rename(const struct place *from, const struct place *to,
                unsigned flags)
{
    struct inode *inode = from->inode;
    struct entry *entry;
    int error = check_rename(from, to, flags);

    if (error || to->inode == inode)
        return error;
    if (to->inode) {
        directory_replace(to->directory, to->entry, inode);
    } else {
        entry = entry_create(to->name, to->len);
        if (!entry)
            return -ENOSPC;
        directory_enter(to->directory, entry, inode);
    }
    leave(from, to, inode);
    return 0;
}
