/*
 * path.c: from a path to a place in the tree.
 *
 * A walk is a loop, not a recursion: a symbolic link in the middle puts the
 * rest of the path on a small stack and goes on with the link's text.  A link
 * at the end puts nothing there, so "is this the last part?" is: nothing is
 * left of this text, and nothing is on the stack.
 *
 * Nothing sleeps and so nothing is referenced.  Kernel lock.
 */
#include "vfs.h"

struct walk {
    struct place *place;
    enum path_end end;
    const char *path;            /* what is left of the current text */
    const char *rest[LINKS_MAX]; /* what comes behind it, innermost last */
    unsigned depth, links;
};

static const char *skip_slashes(const char *path)
{
    while (*path == '/')
        path++;
    return path;
}

/* Start at `path`: at the root or in the directory. */
static void start(struct walk *walk, struct inode *directory, const char *path)
{
    struct place *place = walk->place;

    walk->path = path;
    place->inode = *path == '/' ? the_root : directory;
    place->directory = place->inode;
    place->entry = NULL;
    place->name = path;
    place->len = 0;
    place->last = LAST_ROOT;
}

/* Look the part at walk->path up in what was found so far. */
static int step(struct walk *walk)
{
    struct place *place = walk->place;
    struct inode *directory = place->inode;
    const char *name = walk->path;
    size_t len = 0;

    if (!directory)
        return -ENOENT;
    if (!is_directory(directory))
        return -ENOTDIR;
    while (name[len] && name[len] != '/')
        len++;
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    walk->path += len;
    place->directory = directory;
    place->name = name;
    place->len = len;
    place->entry = NULL;
    if (len == 1 && name[0] == '.') {
        place->last = LAST_DOT;
    } else if (len == 2 && name[0] == '.' && name[1] == '.') {
        place->last = LAST_DOTDOT;
        place->inode = directory->u.directory.parent;
    } else {
        place->last = LAST_NAME;
        place->entry = directory_find(directory, name, len);
        place->inode = place->entry ? place->entry->inode : NULL;
    }
    return 0;
}

/* Go where the link that was found leads. */
static int follow(struct walk *walk)
{
    struct inode *link = walk->place->inode;
    const char *text = link->u.link.target;

    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    if (link->u.link.jump) {
        walk->place->inode = link->u.link.jump(link);
        walk->place->entry = NULL;
        return walk->place->inode ? 0 : -ENOENT;
    }
    if (!text)
        text = link->u.link.text();
    if (!text)
        return -ENOENT;
    if (*walk->path)
        walk->rest[walk->depth++] = walk->path;
    start(walk, walk->place->directory, text);
    return 0;
}

/* One part and the slashes behind it; a link is followed if it should be. */
static int advance(struct walk *walk)
{
    struct place *place = walk->place;
    const char *behind;
    bool last;
    int error = step(walk);

    if (error)
        return error;
    behind = walk->path;
    walk->path = skip_slashes(behind);
    last = !*walk->path && walk->depth == 0;
    if (last && walk->path != behind)
        place->slash = true;
    if (last && place->slash && walk->end == PATH_CREATE &&
        place->last == LAST_NAME)
        return -EISDIR;
    if (!place->inode || !is_kind(place->inode, S_IFLNK))
        return 0;
    if (!last || walk->end == PATH_FOLLOW || walk->end == PATH_CREATE ||
        (walk->end == PATH_NOFOLLOW && place->slash))
        return follow(walk);
    return 0;
}

int path_walk(struct inode *from, const char *path, enum path_end end,
              struct place *place)
{
    struct walk walk = { .place = place, .end = end };
    int error;

    place->slash = false;
    start(&walk, from, path);
    for (;;) {
        walk.path = skip_slashes(walk.path);
        if (*walk.path) {
            error = advance(&walk);
            if (error)
                return error;
        } else if (walk.depth) {
            walk.path = walk.rest[--walk.depth];
        } else {
            break;
        }
    }
    if ((end == PATH_FOLLOW || end == PATH_NOFOLLOW) && place->slash &&
        place->inode && !is_directory(place->inode))
        return -ENOTDIR;
    return 0;
}

char *path_of(struct inode *directory, char *buffer, size_t size, int *error)
{
    char *at = buffer + size;
    struct entry *entry;
    struct inode *parent;

    *error = -ENAMETOOLONG;
    *--at = '\0';
    for (; directory != the_root; directory = parent) {
        parent = directory->u.directory.parent;
        entry =
            directory->links ? directory_find_inode(parent, directory) : NULL;
        if (!entry) {
            *error = -ENOENT;
            return NULL;
        }
        if ((size_t)(at - buffer) < entry->len + 1)
            return NULL;
        at -= entry->len;
        memcpy(at, entry->name, entry->len);
        *--at = '/';
    }
    if (!*at && at > buffer)
        *--at = '/';
    *error = 0;
    return at;
}
