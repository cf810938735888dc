/*
 * devices.c: what lies in /dev, and the console.
 *
 * The console is two channels of the serial line and an input that is at its
 * end.  To a program it looks like pipes, so that standard output is buffered
 * and a run can be compared with one on another system, byte by byte.
 */
#include "vfs.h"

/* --- the console --- */

static int64_t console_read(struct file *file, uint64_t *offset,
                            struct transfer *to)
{
    (void)file, (void)offset, (void)to;
    return 0;
}

static int64_t console_put(struct file *file, uint64_t *offset,
                           struct transfer *from)
{
    char channel = file->inode->channel, *page = page_get();
    int64_t done = 0;
    int error = 0;
    size_t n;

    (void)offset;
    if (!page)
        return -ENOMEM;
    while (from->len && !error) {
        n = transfer_take(from, page, least(from->len, PAGE_SIZE), &error);
        if (n)
            console_write(channel, page, n);
        done += (int64_t)n;
    }
    page_put(page);
    return done ? done : error;
}

static unsigned console_poll(struct file *file)
{
    unsigned mask = 0;

    if (file_readable(file))
        mask |= POLLHUP; /* as a pipe without writers */
    if (file_writable(file))
        mask |= POLLOUT | POLLWRNORM;
    return mask;
}

static const struct file_ops console_ops = {
    .read = console_read,
    .write = console_put,
    .poll = console_poll,
    .seek = SEEK_NONE,
};

struct inode *console_create(int fd)
{
    struct inode *inode = inode_create(S_IFIFO | 0600, &console_ops);

    if (inode) {
        inode->links = 1;
        inode->channel = fd == 2 ? '2' : '1';
    }
    return inode;
}

/* --- bytes from nowhere --- */

static int64_t null_read(struct file *file, uint64_t *offset,
                         struct transfer *to)
{
    (void)file, (void)offset, (void)to;
    return 0;
}

static int64_t null_write(struct file *file, uint64_t *offset,
                          struct transfer *from)
{
    (void)file, (void)offset;
    return (int64_t)from->len;
}

static int64_t full_write(struct file *file, uint64_t *offset,
                          struct transfer *from)
{
    (void)file, (void)offset, (void)from;
    return -ENOSPC;
}

static void make_zeroes(void *to, size_t len)
{
    memset(to, 0, len);
}

/* Read as much as is wanted of what `make` makes, a page at a time. */
static int64_t read_made(struct transfer *to, void (*make)(void *, size_t))
{
    char *page = page_get();
    int64_t done = 0;
    int error = 0;
    size_t n;

    if (!page)
        return -ENOMEM;
    while (to->len && !error) {
        n = least(to->len, PAGE_SIZE);
        make(page, n);
        done += (int64_t)transfer_give(to, page, n, &error);
    }
    page_put(page);
    return done ? done : error;
}

static int64_t zero_read(struct file *file, uint64_t *offset,
                         struct transfer *to)
{
    (void)file, (void)offset;
    return read_made(to, make_zeroes);
}

/* splitmix64, stirred with the time by each call. */
void random_bytes(void *to, size_t len)
{
    static uint64_t state;
    unsigned char *byte = to;
    uint64_t x = 0;
    size_t i;

    state ^= arch_clock() ^ arch_counter() << 32;
    for (i = 0; i < len; i++, x >>= 8) {
        if (i % 8 == 0) {
            state += 0x9e3779b97f4a7c15u;
            x = state;
            x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
            x = (x ^ x >> 27) * 0x94d049bb133111ebu;
            x ^= x >> 31;
        }
        byte[i] = (unsigned char)x;
    }
}

static int64_t random_read(struct file *file, uint64_t *offset,
                           struct transfer *to)
{
    (void)file, (void)offset;
    return read_made(to, random_bytes);
}

static const struct file_ops null_ops = { .read = null_read,
                                          .write = null_write,
                                          .seek = SEEK_STAYS };
const struct file_ops zero_ops = { .read = zero_read,
                                   .write = null_write,
                                   .seek = SEEK_STAYS };
static const struct file_ops full_ops = { .read = zero_read,
                                          .write = full_write,
                                          .seek = SEEK_STAYS };
static const struct file_ops random_ops = { .read = random_read,
                                            .write = null_write,
                                            .seek = SEEK_STAYS };

/* --- the directory --- */

static void add(const char *path, uint32_t mode, uint32_t major, uint32_t minor,
                const struct file_ops *ops)
{
    struct inode *inode = inode_create(S_IFCHR | mode, ops);

    if (inode) {
        inode->device = major << 8 | minor;
        inode->channel = '1'; /* of the console */
    }
    boot_enter(path, inode);
}

static void add_link(const char *path, const char *target)
{
    boot_enter(path, inode_create_link(target, strlen(target)));
}

void devices_init(void)
{
    boot_directory("/dev", 0755);
    add("/dev/null", 0666, 1, 3, &null_ops);
    add("/dev/zero", 0666, 1, 5, &zero_ops);
    add("/dev/full", 0666, 1, 7, &full_ops);
    add("/dev/random", 0666, 1, 8, &random_ops);
    add("/dev/urandom", 0666, 1, 9, &random_ops);
    add("/dev/console", 0600, 5, 1, &console_ops);
    /* Nobody has a controlling terminal: open answers -ENXIO. */
    add("/dev/tty", 0666, 5, 0, NULL);
    add_link("/dev/fd", "/proc/self/fd");
    add_link("/dev/stdin", "/proc/self/fd/0");
    add_link("/dev/stdout", "/proc/self/fd/1");
    add_link("/dev/stderr", "/proc/self/fd/2");
}
