/*
 * proc.c: the little of /proc that programs look for, all about the process
 * that looks: /proc/self/exe, /proc/self/maps, /proc/self/fd.
 *
 * These are ordinary names of the tree; what is special is in the inodes: links
 * whose text, or whose goal, is made when they are followed, and a file that is
 * made anew by each read.
 */
#include "vfs.h"

/* --- /proc/self/maps --- */

/* The part of a text that a reader asked for. */
struct window {
    uint64_t skip; /* bytes that come before it */
    char *to;
    size_t len, max;
};

static void emit(void *ctx, const char *text, size_t len)
{
    struct window *window = ctx;
    size_t skip = least(window->skip, len), n;

    window->skip -= skip;
    n = least(len - skip, window->max - window->len);
    memcpy(window->to + window->len, text + skip, n);
    window->len += n;
}

/* At most a page: programs read on until the end. */
static int64_t maps_read(struct file *file, uint64_t *offset,
                         struct transfer *to)
{
    struct window window = { .skip = *offset, .to = page_get() };
    int error = 0;
    size_t n;

    (void)file;
    if (!window.to)
        return -ENOMEM;
    window.max = least(to->len, PAGE_SIZE);
    lp_print_map(current()->vm->space, emit, &window);
    n = transfer_give(to, window.to, window.len, &error);
    page_put(window.to);
    *offset += n;
    return n || !error ? (int64_t)n : error;
}

static const struct file_ops maps_ops = {
    .read = maps_read,
    .seek = SEEK_BYTES,
};

/* --- links --- */

static const char *program(void)
{
    struct files *files = files_current();

    return files ? files->program : NULL;
}

static struct inode *descriptor(const struct inode *link)
{
    struct file *file = files_at(link->u.link.which);

    return file ? file->inode : NULL;
}

static struct inode *create_link(void)
{
    struct inode *inode = inode_create(S_IFLNK | 0777, NULL);

    if (!inode)
        panic("no memory for /proc");
    return inode;
}

static void add_descriptors(void)
{
    char path[] = "/proc/self/fd/N";
    struct inode *inode;
    int fd;

    for (fd = 0; fd < 10; fd++) {
        path[sizeof(path) - 2] = (char)('0' + fd);
        inode = create_link();
        inode->u.link.jump = descriptor;
        inode->u.link.which = fd;
        boot_enter(path, inode);
    }
}

void proc_init(void)
{
    struct inode *inode;

    boot_directory("/proc/self/fd", 0555);
    add_descriptors();
    inode = create_link();
    inode->u.link.text = program;
    boot_enter("/proc/self/exe", inode);
    boot_enter("/proc/self/maps", inode_create(S_IFREG | 0444, &maps_ops));
}
