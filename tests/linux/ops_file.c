/*
 * ops_file.c: what is done to files beside their mappings: read, write,
 * ftruncate, fsync.
 */
#include "ops.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define X(n) ((unsigned long long)(n))

/* --- truncate --- */

/* Any size but one that ends among the bytes that are called (ops.c). */
bool make_truncate(struct run *r, struct command *c)
{
    c->file = (int)pick(r, FILES);
    c->value = pick(r, chance(r, 60) ? 8 : FILE_PAGES) * PAGE;
    if (chance(r, 60))
        c->value += pick(r, PAGE - 7);
    return true;
}

/* The file system's part of it: what is cut off is gone. */
void ours_truncate(struct run *r, struct command *c)
{
    struct file *f = &r->file[c->file];

    c->answer[OURS].result = lp_object_resize(f->object, c->value);
    if (f->disk)
        memset(f->disk + c->value, 0, FILE_PAGES * PAGE - c->value);
}

/*
 * What was stored behind the end, in the last page, must be gone when the file
 * grows.  Does it come back, all the same?  Then it goes now, with the rest of
 * the page: the file has all of it for a moment.
 */
static bool clear_tail(int fd, off_t old)
{
    size_t len = (size_t)(-old & (PAGE - 1)), i;
    bool dirty = false;

    if (!len || ftruncate(fd, old + (off_t)len) < 0 ||
        pread(fd, theirs_buffer, len, old) != (ssize_t)len)
        return false;
    for (i = 0; i < len; i++)
        dirty |= theirs_buffer[i] != 0;
    memset(theirs_buffer, 0, len);
    return dirty && pwrite(fd, theirs_buffer, len, old) == (ssize_t)len;
}

void theirs_truncate(const struct command *c, struct answer *a)
{
    int fd = theirs_world->file[c->file].io;
    off_t old = lseek(fd, 0, SEEK_END);

    if ((off_t)c->value > old)
        a->bytes = clear_tail(fd, old);
    a->result = ftruncate(fd, (off_t)c->value);
    if (a->result < 0)
        a->result = -errno;
}

void print_truncate(const struct command *c)
{
    printf("truncate(file %d, %#llx)", c->file, X(c->value));
}

/* --- read and write --- */

static void pick_part(struct run *r, struct command *c)
{
    c->file = (int)pick(r, FILES);
    c->offset = pick(r, (chance(r, 60) ? 8 : FILE_PAGES) * PAGE);
    c->len = chance(r, 50) ? 1 + pick(r, 200) : pick(r, COPY_MAX);
    if (c->len)
        tame(&c->offset, &c->len);
    c->value = pick(r, UINT64_MAX);
}

bool make_read(struct run *r, struct command *c)
{
    pick_part(r, c);
    return true;
}

void ours_read(struct run *r, struct command *c)
{
    static uint8_t buffer[COPY_MAX + PAGE];
    struct answer *a = &c->answer[OURS];

    a->result =
        lp_object_read(r->file[c->file].object, c->offset, buffer, c->len);
    a->bytes = digest(buffer, a->result < 0 ? 0 : (size_t)a->result);
}

void theirs_read(const struct command *c, struct answer *a)
{
    ssize_t n = pread(theirs_world->file[c->file].io, theirs_buffer, c->len,
                      (off_t)c->offset);

    a->result = n < 0 ? -errno : n;
    a->bytes = digest(theirs_buffer, n < 0 ? 0 : (size_t)n);
}

void print_read(const struct command *c)
{
    printf("read(file %d, %#llx, %#llx)", c->file, X(c->offset), X(c->len));
}

/* The library leaves it to the file system to make a file longer. */
bool make_write(struct run *r, struct command *c)
{
    uint64_t size;

    pick_part(r, c);
    size = lp_object_size(r->file[c->file].object);
    if (c->offset >= size)
        return false;
    if (c->len > size - c->offset)
        c->len = size - c->offset;
    return true;
}

void ours_write(struct run *r, struct command *c)
{
    static uint8_t buffer[COPY_MAX + PAGE];

    fill(buffer, c->offset, c->len, c->value);
    c->answer[OURS].result =
        lp_object_write(r->file[c->file].object, c->offset, buffer, c->len);
}

void theirs_write(const struct command *c, struct answer *a)
{
    ssize_t n;

    fill(theirs_buffer, c->offset, c->len, c->value);
    n = pwrite(theirs_world->file[c->file].io, theirs_buffer, c->len,
               (off_t)c->offset);
    a->result = n < 0 ? -errno : n;
}

void print_write(const struct command *c)
{
    printf("write(file %d, %#llx, %#llx)", c->file, X(c->offset), X(c->len));
}

/* --- fsync --- */

bool make_fsync(struct run *r, struct command *c)
{
    c->file = (int)pick(r, FILES);
    return true;
}

void ours_fsync(struct run *r, struct command *c)
{
    c->answer[OURS].result =
        lp_object_sync(r->file[c->file].object, 0, UINT64_MAX);
}

void theirs_fsync(const struct command *c, struct answer *a)
{
    a->result = fsync(theirs_world->file[c->file].io);
    if (a->result < 0)
        a->result = -errno;
}

void print_fsync(const struct command *c)
{
    printf("fsync(file %d)", c->file);
}
