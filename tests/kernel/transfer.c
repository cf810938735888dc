/*
 * transfer.c: the bytes of a read or write on the program's side.
 *
 * The one trick: a piece that faults is tried again up to its first page
 * boundary, so that a program sees exactly the bytes before the bad page
 * moved, as on Linux, although user_read tells no number.
 */
#include "user.h"
#include "vfs.h"

enum { IOV_MAX = 1024 };

struct iovec {
    uint64_t base, len;
};

enum direction { TAKE, GIVE };

void *page_get(void)
{
    lp_pa pa = frame_get();

    return pa == LP_PA_NONE ? NULL : direct(pa);
}

void page_put(void *page)
{
    if (page)
        frame_put(direct_pa(page));
}

int transfer_user(struct transfer *t, lp_va user, uint64_t len)
{
    if (len > INT64_MAX || user + len < user)
        return -EFAULT;
    len = least(len, TRANSFER_MAX);
    *t = (struct transfer){ .user = user, .run = len, .len = len };
    return 0;
}

int transfer_pieces(struct transfer *t, lp_va iov, uint64_t count)
{
    struct iovec piece;
    uint64_t i, len = 0;
    int error;

    if (count > IOV_MAX)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        error = user_read(&piece, iov + i * sizeof(piece), sizeof(piece));
        if (error)
            return error;
        if (piece.len > INT64_MAX)
            return -EINVAL;
        len = least(len + piece.len, TRANSFER_MAX);
    }
    *t = (struct transfer){ .iov = iov, .niov = (unsigned)count, .len = len };
    return 0;
}

void transfer_kernel(struct transfer *t, char *memory, uint64_t len)
{
    *t = (struct transfer){ .kernel = memory, .run = len, .len = len };
}

/* Go on to the next piece that is not empty. */
static int next_piece(struct transfer *t)
{
    struct iovec piece;
    int error;

    while (t->run == 0) {
        /* Fewer bytes than they were: the program changed the array. */
        if (t->niov == 0)
            return -EFAULT;
        error = user_read(&piece, t->iov, sizeof(piece));
        if (error)
            return error;
        t->iov += sizeof(piece);
        t->niov--;
        t->user = piece.base;
        t->run = piece.len;
    }
    return 0;
}

/* Move n bytes of the current piece: all or an error. */
static int move(struct transfer *t, char *buffer, size_t n,
                enum direction direction)
{
    int error = 0;

    if (t->kernel && direction == TAKE)
        memcpy(buffer, t->kernel, n);
    else if (t->kernel)
        memcpy(t->kernel, buffer, n);
    else if (direction == TAKE)
        error = user_read(buffer, t->user, n);
    else
        error = user_write(t->user, buffer, n);
    if (error)
        return error;
    if (t->kernel)
        t->kernel += n;
    t->user += n;
    t->run -= n;
    t->len -= n;
    return 0;
}

static size_t transfer(struct transfer *t, char *buffer, size_t len,
                       enum direction direction, int *error)
{
    size_t done = 0, n, head;

    ASSERT(len <= PAGE_SIZE && len <= t->len);
    for (*error = 0; done < len; done += n) {
        *error = next_piece(t);
        if (*error)
            return done;
        n = least(len - done, t->run);
        head = PAGE_SIZE - (t->user & LP_PAGE_MASK);
        *error = move(t, buffer + done, n, direction);
        if (*error == -EFAULT && head < n &&
            move(t, buffer + done, head, direction) == 0)
            return done + head;
        if (*error)
            return done;
    }
    return done;
}

size_t transfer_take(struct transfer *t, void *to, size_t n, int *error)
{
    return transfer(t, to, n, TAKE, error);
}

size_t transfer_give(struct transfer *t, const void *from, size_t n, int *error)
{
    /* GIVE only reads the buffer. */
    return transfer(t, (char *)(uintptr_t)from, n, GIVE, error);
}
