/*
 * vfs.c: making the tree at boot, and programs for execve.
 */
#include "vfs.h"

/* A name at boot; the longest are those of archive members. */
enum { BOOT_NAME_MAX = 300 };

static void ensure_directory(const char *path)
{
    struct place place;

    if (path_walk(the_root, path, PATH_FOLLOW, &place) != 0 ||
        (place.inode && !is_directory(place.inode)))
        panic("%s: not a directory", path);
    if (!place.inode && tree_mkdir(&place, 0755) != 0)
        panic("%s: cannot be made", path);
}

/* The folders in front of the last part. */
static void make_parents(const char *path)
{
    char part[BOOT_NAME_MAX];
    size_t i;

    for (i = 0; path[i]; i++) {
        ASSERT(i < sizeof(part) - 1);
        if (path[i] == '/' && i > 0) {
            part[i] = '\0';
            ensure_directory(part);
        }
        part[i] = path[i];
    }
}

void boot_enter(const char *path, struct inode *inode)
{
    struct place place;

    if (!inode)
        panic("%s: no memory", path);
    make_parents(path);
    if (path_walk(the_root, path, PATH_NAME, &place) != 0 ||
        place.last != LAST_NAME || (place.inode && is_directory(place.inode)))
        panic("%s: cannot be made", path);
    if (place.inode)
        directory_replace(place.directory, place.entry, inode);
    else if (tree_enter(&place, inode) != 0)
        panic("%s: no memory", path);
    inode_put(inode);
}

void boot_directory(const char *path, uint32_t mode)
{
    struct place place;

    make_parents(path);
    ensure_directory(path);
    if (path_walk(the_root, path, PATH_FOLLOW, &place) == 0)
        place.inode->mode = S_IFDIR | mode;
}

void vfs_init(const void *start, const void *end)
{
    the_root = inode_create_directory(NULL, 0755);
    if (!the_root)
        panic("no memory for the root directory");
    the_root->links = 2; /* nothing names it but itself */
    boot_directory("/tmp", 01777);
    boot_directory("/bin", 0755);
    boot_directory("/etc", 0755);
    archive_init(start, end);
    devices_init();
    proc_init();
}

/* The absolute name of a place: its directory's and its own. */
static int name_of(const struct place *place, char *absolute)
{
    size_t len;
    int error;
    char *at = path_of(place->directory, absolute, PATH_MAX, &error);

    if (!at)
        return error;
    len = strlen(at);
    memmove(absolute, at, len);
    if (absolute[len - 1] != '/')
        absolute[len++] = '/';
    if (len + place->len >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(absolute + len, place->name, place->len);
    absolute[len + place->len] = '\0';
    return 0;
}

int vfs_open_program(const char *path, struct lp_object **object,
                     char absolute[PATH_MAX])
{
    struct place place;
    int error;

    if (!*path)
        return -ENOENT;
    error = path_walk(files_directory(), path, PATH_FOLLOW, &place);
    if (error)
        return error;
    if (!place.inode)
        return -ENOENT;
    if (place.inode->ops != &regular_ops || !(place.inode->mode & 0111))
        return -EACCES;
    /* A name that was made up on the way (/proc/self/fd) is as good as any. */
    error = name_of(&place, absolute);
    if (error)
        return error;
    *object = place.inode->u.regular.object;
    lp_object_get(*object);
    return 0;
}
