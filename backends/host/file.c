/*
 * file.c: objects that are files of the host.
 *
 * The size is what the file had when it was opened.  If the file shrinks
 * meanwhile, what is missing reads as zeroes.
 */
#include "machine.h"

#include <lazypager/object.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct lp_host *m; /* or NULL */
    int fd;
};

static int file_fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    const struct file *file = ctx;
    size_t done = 0;
    ssize_t n;

    while (done < len) {
        n = pread(file->fd, (char *)page + done, len - done,
                  (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -LP_EIO;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    memset((char *)page + done, 0, len - done);
    return 0;
}

static int file_write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    const struct file *file = ctx;
    size_t done = 0;
    ssize_t n;

    if (file->m)
        lp_host_wrote_back(file->m, page);
    while (done < len) {
        n = pwrite(file->fd, (const char *)page + done, len - done,
                   (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -LP_EIO;
        done += (size_t)n;
    }
    return 0;
}

static void file_release(void *ctx)
{
    struct file *file = ctx;

    close(file->fd);
    free(file);
}

static const struct lp_object_ops readable = {
    .fill = file_fill,
    .release = file_release,
};

static const struct lp_object_ops writable = {
    .fill = file_fill,
    .write = file_write,
    .release = file_release,
};

/* A descriptor of a regular file and its size, or a negative errno. */
static int open_regular(const char *path, enum lp_host_file_mode mode,
                        uint64_t *size)
{
    int flags = mode == LP_HOST_FILE_WRITE ? O_RDWR : O_RDONLY;
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    int error = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        error = -errno;
    else if (S_ISDIR(status.st_mode))
        error = -EISDIR;
    else if (!S_ISREG(status.st_mode))
        error = -ENODEV;
    if (error) {
        close(fd);
        return error;
    }
    *size = (uint64_t)status.st_size;
    return fd;
}

int lp_host_file_open(struct lp_host *m, struct lp_pager *pager,
                      const char *path, enum lp_host_file_mode mode,
                      struct lp_object **out)
{
    bool write = mode == LP_HOST_FILE_WRITE;
    unsigned flags = LP_OBJECT_READ | LP_OBJECT_EXEC |
                     (write ? (unsigned)LP_OBJECT_WRITE : 0);
    struct file *file = malloc(sizeof *file);
    uint64_t size = 0;
    int error;

    if (!file)
        return -LP_ENOMEM;
    file->m = m;
    file->fd = open_regular(path, mode, &size);
    if (file->fd < 0) {
        error = file->fd;
        free(file);
        return error;
    }
    error = lp_object_create(pager, write ? &writable : &readable, file, size,
                             flags, out);
    if (error)
        file_release(file);
    return error;
}
