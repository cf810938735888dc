/*
 * sys_name.c: system calls about names: they look a path up and hand the place
 * to tree.c.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

/* --- paths from user memory --- */

int path_from_user(lp_va path, char **page)
{
    int64_t len;

    *page = page_get();
    if (!*page)
        return -ENOMEM;
    len = user_read_string(*page, path, PATH_MAX);
    if (len >= 0)
        return 0;
    page_put(*page);
    *page = NULL;
    return (int)len;
}

/* Where a path starts, borrowed. */
static int start_at(int dirfd, const char *path, struct inode **start)
{
    struct file *file = files_at(dirfd);

    *start = files_directory();
    if (*path == '/' || dirfd == AT_FDCWD)
        return 0;
    if (!file)
        return -EBADF;
    *start = file->inode;
    return is_directory(file->inode) ? 0 : -ENOTDIR;
}

int path_walk_at(int dirfd, const char *path, enum path_end end,
                 struct place *place)
{
    struct inode *start;
    int error;

    if (!*path)
        return -ENOENT;
    error = start_at(dirfd, path, &start);
    return error ? error : path_walk(start, path, end, place);
}

int lookup_at(int dirfd, lp_va path, enum path_end end, struct lookup *lookup)
{
    int error = path_from_user(path, &lookup->page);

    if (error)
        return error;
    error = path_walk_at(dirfd, lookup->page, end, &lookup->place);
    if (error)
        lookup_end(lookup);
    return error;
}

void lookup_end(struct lookup *lookup)
{
    page_put(lookup->page);
}

/* What a directory descriptor names itself, borrowed. */
static int inode_of(int dirfd, struct inode **inode)
{
    struct file *file = files_at(dirfd);

    *inode = dirfd == AT_FDCWD ? files_directory() : file ? file->inode : NULL;
    return *inode ? 0 : -EBADF;
}

int inode_at(int dirfd, lp_va path, unsigned flags, struct inode **inode)
{
    struct place place;
    char *page;
    int error = path_from_user(path, &page);

    if (error)
        return error;
    if (!*page && (flags & AT_EMPTY_PATH)) {
        error = inode_of(dirfd, &place.inode);
    } else {
        error = path_walk_at(
            dirfd, page,
            flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW, &place);
        if (!error && !place.inode)
            error = -ENOENT;
    }
    page_put(page);
    if (error)
        return error;
    *inode = place.inode;
    inode_get(*inode);
    return 0;
}

/* --- unlink, rmdir, mkdir --- */

/* Look up, do it, clean up. */
static int64_t with_name(int dirfd, lp_va path,
                         int (*verb)(const struct place *place))
{
    struct lookup lookup;
    int error = lookup_at(dirfd, path, PATH_NAME, &lookup);

    if (error)
        return error;
    error = verb(&lookup.place);
    lookup_end(&lookup);
    return error;
}

int64_t sys_unlink(const uint64_t args[6])
{
    return with_name(AT_FDCWD, args[0], tree_unlink);
}

int64_t sys_rmdir(const uint64_t args[6])
{
    return with_name(AT_FDCWD, args[0], tree_rmdir);
}

int64_t sys_unlinkat(const uint64_t args[6])
{
    unsigned flags = (unsigned)args[2];

    if (flags & ~(unsigned)AT_REMOVEDIR)
        return -EINVAL;
    return with_name((int)args[0], args[1], flags ? tree_rmdir : tree_unlink);
}

static int64_t mkdir_at(int dirfd, lp_va path, uint64_t mode)
{
    struct lookup lookup;
    int error = lookup_at(dirfd, path, PATH_NAME, &lookup);

    if (error)
        return error;
    error =
        tree_mkdir(&lookup.place, (unsigned)mode & 01777 & ~current()->umask);
    lookup_end(&lookup);
    return error;
}

int64_t sys_mkdir(const uint64_t args[6])
{
    return mkdir_at(AT_FDCWD, args[0], args[1]);
}

int64_t sys_mkdirat(const uint64_t args[6])
{
    return mkdir_at((int)args[0], args[1], args[2]);
}

/* --- rename --- */

static int64_t rename_at(int from_fd, lp_va from, int to_fd, lp_va to,
                         unsigned flags)
{
    struct lookup old, new;
    int error;

    if (flags & ~(unsigned)RENAME_NOREPLACE)
        return -EINVAL;
    error = lookup_at(from_fd, from, PATH_NAME, &old);
    if (error)
        return error;
    error = lookup_at(to_fd, to, PATH_NAME, &new);
    if (!error) {
        error = tree_rename(&old.place, &new.place, flags);
        lookup_end(&new);
    }
    lookup_end(&old);
    return error;
}

int64_t sys_rename(const uint64_t args[6])
{
    return rename_at(AT_FDCWD, args[0], AT_FDCWD, args[1], 0);
}

int64_t sys_renameat(const uint64_t args[6])
{
    return rename_at((int)args[0], args[1], (int)args[2], args[3], 0);
}

int64_t sys_renameat2(const uint64_t args[6])
{
    return rename_at((int)args[0], args[1], (int)args[2], args[3],
                     (unsigned)args[4]);
}

/* --- links --- */

static int64_t link_at(int from_fd, lp_va from, int to_fd, lp_va to,
                       unsigned flags)
{
    struct lookup lookup;
    struct inode *inode;
    int error;

    if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    /* The other way round than elsewhere: a link is not followed. */
    if (!(flags & AT_SYMLINK_FOLLOW))
        flags |= AT_SYMLINK_NOFOLLOW;
    error = inode_at(from_fd, from, flags, &inode);
    if (error)
        return error;
    error = lookup_at(to_fd, to, PATH_NAME, &lookup);
    if (!error) {
        error = tree_link(&lookup.place, inode);
        lookup_end(&lookup);
    }
    inode_put(inode);
    return error;
}

int64_t sys_link(const uint64_t args[6])
{
    return link_at(AT_FDCWD, args[0], AT_FDCWD, args[1], 0);
}

int64_t sys_linkat(const uint64_t args[6])
{
    return link_at((int)args[0], args[1], (int)args[2], args[3],
                   (unsigned)args[4]);
}

static int64_t symlink_at(lp_va target, int dirfd, lp_va path)
{
    struct lookup lookup;
    char *text;
    int error = path_from_user(target, &text);

    if (error)
        return error;
    error = *text ? lookup_at(dirfd, path, PATH_NAME, &lookup) : -ENOENT;
    if (!error) {
        error = tree_symlink(&lookup.place, text);
        lookup_end(&lookup);
    }
    page_put(text);
    return error;
}

int64_t sys_symlink(const uint64_t args[6])
{
    return symlink_at(args[0], AT_FDCWD, args[1]);
}

int64_t sys_symlinkat(const uint64_t args[6])
{
    return symlink_at(args[0], (int)args[1], args[2]);
}

/* A link's text, cut at the buffer's end; no zero behind it. */
static int64_t read_link(const struct inode *inode, lp_va to, uint64_t size)
{
    const char *text = inode->u.link.target;
    size_t len;
    int error;

    if (!is_kind(inode, S_IFLNK))
        return -EINVAL;
    if (!text && inode->u.link.text)
        text = inode->u.link.text();
    if (!text)
        return -ENOENT;
    len = least(strlen(text), size);
    error = user_write(to, text, len);
    return error ? error : (int64_t)len;
}

static int64_t readlink_at(int dirfd, lp_va path, lp_va to, int size)
{
    struct inode *inode;
    int64_t result;

    if (size <= 0)
        return -EINVAL;
    result = inode_at(dirfd, path, AT_SYMLINK_NOFOLLOW, &inode);
    if (result)
        return result;
    result = read_link(inode, to, (uint64_t)size);
    inode_put(inode);
    return result;
}

int64_t sys_readlink(const uint64_t args[6])
{
    return readlink_at(AT_FDCWD, args[0], args[1], (int)args[2]);
}

int64_t sys_readlinkat(const uint64_t args[6])
{
    return readlink_at((int)args[0], args[1], args[2], (int)args[3]);
}
