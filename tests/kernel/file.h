/*
 * file.h: files: a tree of inodes in memory, pipes, devices, descriptors.
 *
 * A regular file's bytes are an lp_object: read and write go through its page
 * cache, and so do all mappings of it.  A file that came in the initial archive
 * is filled from there page by page, when a page is touched.
 *
 * Everything under the kernel lock.
 */
#ifndef FILE_H
#define FILE_H

#include "kernel.h"

struct file;  /* an open file: what a descriptor names */
struct files; /* a process's descriptors and working directory */

enum { FILES_MAX = 256, PATH_MAX = 4096, NAME_MAX = 255 };

/* vfs_init: make the tree, devices, /tmp, and unpack the archive (a tar of the
 * ustar format) at [start, end) of the direct map; it must stay there.  Panics
 * when it is malformed or memory runs out. */
void vfs_init(const void *start, const void *end);

/* The bytes of an archive member, for the kernel itself; false: not there. */
bool archive_find(const char *name, const char **bytes, size_t *len);

/* A new set with 0, 1, 2 on the console and "/" as directory; NULL: no
 * memory. */
struct files *files_create(void);
/* fork: the same open files. */
struct files *files_copy(struct files *files);
/* execve: close what is marked close-on-exec. */
void files_exec(struct files *files);
/* exit. */
void files_destroy(struct files *files);

/* The open file behind a descriptor of the current process, borrowed; NULL. */
struct file *files_at(int fd);
/*
 * For mmap: the object behind an open file, referenced for the caller, and in
 * *access what of LP_READ | LP_WRITE | LP_EXEC the descriptor allows.
 * -ENODEV: it cannot be mapped.  /dev/zero: 0 and *object NULL (map anonymous
 * memory).
 */
int file_object(struct file *file, struct lp_object **object, unsigned *access);

/*
 * For execve: look up path from the current process's directory; the object,
 * referenced (its size is the program's), and the absolute path, links
 * followed (for /proc/self/exe).  -ENOENT, -EACCES (a directory, no x bit), ...
 */
int vfs_open_program(const char *path, struct lp_object **object,
                     char absolute[PATH_MAX]);
/* What /proc/self/exe leads to in the process with these descriptors; copied.
 * Where there is no memory for it, /proc/self/exe leads nowhere. */
void files_set_program(struct files *files, const char *absolute);

/* For /dev/urandom and getrandom: bytes that differ from run to run.  They keep
 * no secrets.  Kernel lock. */
void random_bytes(void *to, size_t len);

#endif
