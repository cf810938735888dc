/*
 * descriptor.c: what a process holds: its descriptors, its directory, and
 * the name of its program.  Kernel lock.
 */
#include "cpu.h"
#include "vfs.h"

struct files *files_current(void)
{
    struct process *process = current();

    ASSERT(kernel_locked());
    return process ? process->files : NULL;
}

struct inode *files_directory(void)
{
    struct files *files = files_current();

    return files ? files->directory : the_root;
}

static bool is_cloexec(const struct files *files, int fd)
{
    return files->cloexec[fd / 64] >> (fd % 64) & 1;
}

bool files_cloexec(int fd)
{
    return is_cloexec(files_current(), fd);
}

static void set_cloexec(struct files *files, int fd, bool on)
{
    uint64_t bit = (uint64_t)1 << (fd % 64);

    if (on)
        files->cloexec[fd / 64] |= bit;
    else
        files->cloexec[fd / 64] &= ~bit;
}

void files_set_cloexec(int fd, bool on)
{
    set_cloexec(files_current(), fd, on);
}

/* An open file on the console. */
static struct file *open_console(int fd)
{
    struct file *file = file_alloc();
    struct inode *inode = console_create(fd);

    if (file && inode) {
        file_bind(file, inode, fd == 0 ? O_RDONLY : O_WRONLY);
    } else if (file) {
        file_put(file);
        file = NULL;
    }
    inode_put(inode);
    return file;
}

struct files *files_create(void)
{
    struct files *files = kmalloc(sizeof(*files));
    int fd;

    if (!files)
        return NULL;
    files->directory = the_root;
    inode_get(the_root);
    for (fd = 0; fd < 3; fd++) {
        files->at[fd] = open_console(fd);
        if (!files->at[fd]) {
            files_destroy(files);
            return NULL;
        }
    }
    return files;
}

static char *copy_string(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = kmalloc(size);

    if (copy)
        memcpy(copy, string, size);
    return copy;
}

struct files *files_copy(struct files *files)
{
    struct files *copy = kmalloc(sizeof(*copy));
    int fd;

    if (!copy)
        return NULL;
    *copy = *files;
    if (files->program) {
        copy->program = copy_string(files->program);
        if (!copy->program) {
            kfree(copy);
            return NULL;
        }
    }
    inode_get(copy->directory);
    for (fd = 0; fd < FILES_MAX; fd++)
        if (copy->at[fd])
            file_get(copy->at[fd]);
    return copy;
}

/* Close it if it is open. */
static void close_at(struct files *files, int fd)
{
    struct file *file = files->at[fd];

    files->at[fd] = NULL;
    set_cloexec(files, fd, false);
    if (file)
        file_put(file);
}

void files_exec(struct files *files)
{
    int fd;

    for (fd = 0; fd < FILES_MAX; fd++)
        if (is_cloexec(files, fd))
            close_at(files, fd);
}

void files_destroy(struct files *files)
{
    int fd;

    for (fd = 0; fd < FILES_MAX; fd++)
        close_at(files, fd);
    inode_put(files->directory);
    kfree(files->program);
    kfree(files);
}

struct file *files_at(int fd)
{
    struct files *files = files_current();

    return files && fd >= 0 && fd < FILES_MAX ? files->at[fd] : NULL;
}

int files_free_from(int from)
{
    struct files *files = files_current();

    for (; from < FILES_MAX; from++)
        if (!files->at[from])
            return from;
    return -EMFILE;
}

void files_install(int fd, struct file *file, bool cloexec)
{
    struct files *files = files_current();

    close_at(files, fd);
    files->at[fd] = file;
    set_cloexec(files, fd, cloexec);
}

void files_close(int fd)
{
    close_at(files_current(), fd);
}

void files_set_program(struct files *files, const char *absolute)
{
    kfree(files->program);
    files->program = copy_string(absolute);
}
