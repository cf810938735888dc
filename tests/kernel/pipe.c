/*
 * pipe.c: pipes: a ring of pages, each with the bytes of one write or of a few
 * small ones.
 *
 * A write of at most PIPE_BUF bytes, which is a page, goes into the newest page
 * as a whole, or into a new one as a whole: so nobody's bytes come between, and
 * it waits only while there is no free place in the ring.
 *
 * The kernel lock is let go in wait_on and nowhere else.
 */
#include "vfs.h"

enum { PIPE_PAGES = 16 };

/* Bytes [start, end) of a page are in the pipe. */
struct slot {
    char *page;
    size_t start, end;
};

struct pipe {
    struct slot slot[PIPE_PAGES];
    unsigned first, count;     /* slots in use, oldest first */
    unsigned readers, writers; /* open files */
    struct wait_queue readable, writable;
};

struct wait_queue poll_waits;

/* The n-th slot in use; n may be count: the next one. */
static struct slot *slot_at(struct pipe *pipe, unsigned n)
{
    return &pipe->slot[(pipe->first + n) % PIPE_PAGES];
}

static void changed(struct wait_queue *queue)
{
    wake_all(queue);
    wake_all(&poll_waits);
}

/* Sleep; -EAGAIN, -ERESTART: do not. */
static int pipe_wait(struct file *file, struct wait_queue *queue)
{
    if (file->flags & O_NONBLOCK)
        return -EAGAIN;
    return wait_on(queue, 0) == -EINTR ? -ERESTART : 0;
}

/* Move what the oldest page has.  Not empty. */
static size_t take(struct pipe *pipe, struct transfer *to, int *error)
{
    struct slot *slot = slot_at(pipe, 0);
    size_t n = least(to->len, slot->end - slot->start);

    n = transfer_give(to, slot->page + slot->start, n, error);
    slot->start += n;
    if (slot->start == slot->end) {
        page_put(slot->page);
        slot->page = NULL;
        pipe->first = (pipe->first + 1) % PIPE_PAGES;
        pipe->count--;
    }
    return n;
}

static int64_t pipe_read(struct file *file, uint64_t *offset,
                         struct transfer *to)
{
    struct pipe *pipe = file->inode->u.pipe;
    int64_t done = 0;
    int error = 0;

    (void)offset;
    while (pipe->count == 0) {
        if (pipe->writers == 0)
            return 0;
        error = pipe_wait(file, &pipe->readable);
        if (error)
            return error;
    }
    while (to->len && pipe->count && !error)
        done += (int64_t)take(pipe, to, &error);
    if (done)
        changed(&pipe->writable);
    return done ? done : error;
}

/* Move n bytes to the end of a slot: all, or none and *error. */
static size_t put(struct slot *slot, struct transfer *from, size_t n,
                  int *error)
{
    if (transfer_take(from, slot->page + slot->end, n, error) != n)
        return 0;
    slot->end += n;
    return n;
}

/* Of a write, what makes no whole page goes in first, behind what the newest
 * page has, if it fits. */
static size_t put_behind(struct pipe *pipe, struct transfer *from, int *error)
{
    size_t n = from->len & LP_PAGE_MASK;
    struct slot *slot = slot_at(pipe, pipe->count + PIPE_PAGES - 1);

    if (pipe->count == 0 || n > PAGE_SIZE - slot->end)
        return 0;
    return put(slot, from, n, error);
}

/* A page of its own for up to a page.  There is a free slot. */
static size_t put_new(struct pipe *pipe, struct transfer *from, int *error)
{
    struct slot *slot = slot_at(pipe, pipe->count);
    size_t n;

    *slot = (struct slot){ .page = page_get() };
    if (!slot->page) {
        *error = -ENOMEM;
        return 0;
    }
    n = put(slot, from, least(from->len, PAGE_SIZE), error);
    if (n) {
        pipe->count++;
    } else {
        page_put(slot->page);
        slot->page = NULL;
    }
    return n;
}

static int broken(void)
{
    struct process *process = current();
    struct signal_info info = { .signal = SIGPIPE,
                                .code = SI_USER,
                                .pid = process->pid };

    signal_send(process, &info);
    return -EPIPE;
}

static int64_t pipe_write(struct file *file, uint64_t *offset,
                          struct transfer *from)
{
    struct pipe *pipe = file->inode->u.pipe;
    int64_t done = 0;
    int error = 0;

    (void)offset;
    if (pipe->readers)
        done = (int64_t)put_behind(pipe, from, &error);
    while (from->len && !error) {
        if (pipe->readers == 0) {
            error = broken();
        } else if (pipe->count < PIPE_PAGES) {
            done += (int64_t)put_new(pipe, from, &error);
        } else {
            /* Readers first: they make room. */
            changed(&pipe->readable);
            error = pipe_wait(file, &pipe->writable);
        }
    }
    if (done)
        changed(&pipe->readable);
    return done ? done : error;
}

static unsigned pipe_poll(struct file *file)
{
    struct pipe *pipe = file->inode->u.pipe;
    unsigned mask = 0;

    if (file_readable(file)) {
        if (pipe->count)
            mask |= POLLIN | POLLRDNORM;
        if (pipe->writers == 0)
            mask |= POLLHUP;
    }
    if (file_writable(file)) {
        if (pipe->count < PIPE_PAGES)
            mask |= POLLOUT | POLLWRNORM;
        if (pipe->readers == 0)
            mask |= POLLERR;
    }
    return mask;
}

static void pipe_open(struct file *file)
{
    struct pipe *pipe = file->inode->u.pipe;

    pipe->readers += file_readable(file);
    pipe->writers += file_writable(file);
}

static void pipe_close(struct file *file)
{
    struct pipe *pipe = file->inode->u.pipe;

    pipe->readers -= file_readable(file);
    pipe->writers -= file_writable(file);
    changed(&pipe->readable);
    changed(&pipe->writable);
}

static const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .open = pipe_open,
    .close = pipe_close,
    .seek = SEEK_NONE,
};

void pipe_free(struct pipe *pipe)
{
    unsigned i;

    if (!pipe)
        return;
    for (i = 0; i < PIPE_PAGES; i++)
        page_put(pipe->slot[i].page);
    kfree(pipe);
}

static struct inode *create_inode(void)
{
    struct inode *inode = inode_create(S_IFIFO | 0600, &pipe_ops);

    if (!inode)
        return NULL;
    inode->links = 1;
    inode->u.pipe = kmalloc(sizeof(struct pipe));
    if (!inode->u.pipe) {
        inode_put(inode);
        return NULL;
    }
    return inode;
}

int pipe_create(unsigned flags, struct file **read_end, struct file **write_end)
{
    struct inode *inode = create_inode();
    struct file *reader = file_alloc(), *writer = file_alloc();

    if (!inode || !reader || !writer) {
        if (reader)
            file_put(reader);
        if (writer)
            file_put(writer);
        inode_put(inode);
        return -ENOMEM;
    }
    file_bind(reader, inode, O_RDONLY | (flags & O_NONBLOCK));
    file_bind(writer, inode, O_WRONLY | (flags & O_NONBLOCK));
    inode_put(inode);
    *read_end = reader;
    *write_end = writer;
    return 0;
}
