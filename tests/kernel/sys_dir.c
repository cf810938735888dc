/*
 * sys_dir.c: system calls that list directories, and the working directory.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

/* --- getdents64 --- */

/* struct linux_dirent64, without its name. */
struct dirent {
    uint64_t ino;
    int64_t off; /* where the next one is looked for */
    uint16_t reclen;
    uint8_t type;
};
enum { DIRENT_NAME = 19 };
_Static_assert(offsetof(struct dirent, type) == DIRENT_NAME - 1,
               "the name follows");

/* What is listed at a position or behind it. */
struct item {
    const struct inode *inode;
    const char *name;
    size_t len;
    uint64_t position;
};

static bool item_at(const struct inode *directory, uint64_t position,
                    struct item *item)
{
    struct entry *entry;

    if (position == 0) {
        *item = (struct item){ directory, ".", 1, 0 };
    } else if (position == 1) {
        *item = (struct item){ directory->u.directory.parent, "..", 2, 1 };
    } else {
        entry = directory_from(directory, position);
        if (!entry)
            return false;
        *item = (struct item){ entry->inode, entry->name, entry->len,
                               entry->position };
    }
    return true;
}

/* Put a record into len bytes; returns its length, 0: too long. */
static size_t put_record(char *to, size_t len, const struct item *item)
{
    size_t reclen = round_up(DIRENT_NAME + item->len + 1, 8);
    struct dirent record = {
        .ino = item->inode->number,
        .off = (int64_t)item->position + 1,
        .reclen = (uint16_t)reclen,
        .type = (uint8_t)(item->inode->mode >> 12), /* DT_* are S_IF* */
    };

    if (reclen > len)
        return 0;
    memset(to, 0, reclen);
    memcpy(to, &record, DIRENT_NAME);
    memcpy(to + DIRENT_NAME, item->name, item->len);
    return reclen;
}

/* At most a page at a time. */
static int64_t list(struct file *file, lp_va to, size_t len)
{
    uint64_t position = file->offset;
    char *page = page_get();
    int64_t result = 0;
    struct item item;
    size_t done = 0, n = 1;

    if (!page)
        return -ENOMEM;
    len = least(len, PAGE_SIZE);
    while (n && item_at(file->inode, position, &item)) {
        n = put_record(page + done, len - done, &item);
        done += n;
        if (n)
            position = item.position + 1;
    }
    if (done)
        result = user_write(to, page, done);
    else if (n == 0)
        result = -EINVAL;
    page_put(page);
    if (result)
        return result;
    file->offset = position;
    inode_accessed(file->inode);
    return (int64_t)done;
}

int64_t sys_getdents64(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (!file)
        return -EBADF;
    if (!is_directory(file->inode))
        return -ENOTDIR;
    if (!file->inode->links)
        return -ENOENT;
    return list(file, args[1], (unsigned)args[2]);
}

/* --- the working directory --- */

/* Takes over a reference to what is to be the directory. */
static int64_t change_to(struct inode *inode)
{
    struct files *files = files_current();
    struct inode *old = files->directory;

    if (!is_directory(inode)) {
        inode_put(inode);
        return -ENOTDIR;
    }
    files->directory = inode;
    inode_put(old);
    return 0;
}

int64_t sys_chdir(const uint64_t args[6])
{
    struct inode *inode;
    int error = inode_at(AT_FDCWD, args[0], 0, &inode);

    return error ? error : change_to(inode);
}

int64_t sys_fchdir(const uint64_t args[6])
{
    struct file *file = files_at((int)args[0]);

    if (!file)
        return -EBADF;
    inode_get(file->inode);
    return change_to(file->inode);
}

int64_t sys_getcwd(const uint64_t args[6])
{
    char *page = page_get(), *path;
    int64_t result;
    size_t len;
    int error;

    if (!page)
        return -ENOMEM;
    path = path_of(files_directory(), page, PATH_MAX, &error);
    result = error;
    if (path) {
        len = strlen(path) + 1;
        result = len > args[1] ? -ERANGE : user_write(args[0], path, len);
        if (result == 0)
            result = (int64_t)len;
    }
    page_put(page);
    return result;
}
