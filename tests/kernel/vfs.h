/*
 * vfs.h: the inside of files, for the files of this half of the kernel alone.
 *
 *     sys_open.c sys_io.c sys_name.c sys_stat.c sys_dir.c sys_poll.c
 *        |  descriptors, user pointers, errno values     system calls
 *     descriptor.c   what a process holds
 *     file.c         an open file: a position in an inode
 *     transfer.c     where its bytes go to and come from
 *        |
 *     path.c         from a name to an inode
 *     tree.c         names that come, go and move
 *     directory.c    one directory's entries
 *        |
 *     inode.c        life of an inode
 *     regular.c pipe.c devices.c proc.c     what kinds there are
 *     archive.c      where the first ones come from
 *
 * Everything under the kernel lock.  It is let go only in a wait_on (pipe.c,
 * sys_poll.c): until then a borrowed inode, entry or name stays what it is, so
 * path look-up takes no references at all.
 */
#ifndef VFS_H
#define VFS_H

#include "clock.h"
#include "file.h"
#include "process.h"

/* --- numbers of the ABI, the same on both architectures --- */

enum {
    S_IFMT = 0170000,
    S_IFIFO = 0010000,
    S_IFCHR = 0020000,
    S_IFDIR = 0040000,
    S_IFREG = 0100000,
    S_IFLNK = 0120000,
    S_ISUID = 04000,
    S_ISGID = 02000,
    S_IXGRP = 010,
};

enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCMODE = 3,
    O_CREAT = 0100,
    O_EXCL = 0200,
    O_NOCTTY = 0400,
    O_TRUNC = 01000,
    O_APPEND = 02000,
    O_NONBLOCK = 04000,
    O_LARGEFILE = 0100000,
    O_DIRECTORY = 0200000,
    O_NOFOLLOW = 0400000,
    O_CLOEXEC = 02000000,
    O_PATH = 010000000,
    O_TMPFILE = 020000000, /* comes with O_DIRECTORY */
};

enum {
    AT_FDCWD = -100,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_REMOVEDIR = 0x200,      /* unlinkat */
    AT_EACCESS = 0x200,        /* faccessat2 */
    AT_SYMLINK_FOLLOW = 0x400, /* linkat */
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
};

enum {
    POLLIN = 0x1,
    POLLOUT = 0x4,
    POLLERR = 0x8,
    POLLHUP = 0x10,
    POLLNVAL = 0x20,
    POLLRDNORM = 0x40,
    POLLWRNORM = 0x100,
};

enum { LINKS_MAX = 40 }; /* symbolic links in one look-up */

/* Bytes that one read or write moves at most, and the largest file. */
#define TRANSFER_MAX ((uint64_t)0x7ffff000)
#define FILE_SIZE_MAX ((uint64_t)1 << 62)

static inline uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- transfer.c --- */

/*
 * The kernel's side of a read or write works on a page of its own; a transfer
 * is the other side: user memory, in one piece or in those of an array of
 * struct iovec, or kernel memory (sendfile).  It remembers how far it has come.
 *
 * The array is read as it is needed: a program that changes it meanwhile
 * changes where its own bytes go, never how many.
 */
struct transfer {
    char *kernel;  /* not NULL: the bytes are here */
    lp_va user;    /* else here: */
    uint64_t run;  /* the rest of the current piece */
    lp_va iov;     /* the pieces that follow */
    unsigned niov; /* ... how many */
    uint64_t len;  /* the rest of it all */
};

/* One piece of user memory.  -EFAULT: it wraps around. */
int transfer_user(struct transfer *t, lp_va user, uint64_t len);
/* An array of pieces.  -EINVAL, -EFAULT as readv. */
int transfer_pieces(struct transfer *t, lp_va iov, uint64_t count);
void transfer_kernel(struct transfer *t, char *memory, uint64_t len);

/*
 * transfer_take, transfer_give: move up to n bytes from or to the other side.
 *
 * => n <= PAGE_SIZE and n <= t->len.
 * => returns how many were moved; fewer than n: *error says why (-EFAULT,
 *    -ENOMEM), and all that lies before the page that faulted was moved.
 */
size_t transfer_take(struct transfer *t, void *to, size_t n, int *error);
size_t transfer_give(struct transfer *t, const void *from, size_t n,
                     int *error);

/* A page for the kernel's side, not zeroed, or NULL. */
void *page_get(void);
void page_put(void *page); /* NULL is fine */

/* --- inode.c --- */

struct file_ops;
struct inode;

/* An entry of a directory. */
struct entry {
    struct entry *next, *prev; /* in the order of their positions */
    struct inode *inode;       /* referenced */
    uint64_t position;         /* for getdents: never used twice */
    uint32_t hash;             /* of the name */
    uint32_t len;
    char name[]; /* not terminated */
};

/*
 * What has a name in the tree, and what an open file refers to.
 *
 * References: one of each entry that names it, open file, working directory,
 * and directory whose parent it is.  A directory without entries or names is
 * kept by whoever has it open; nothing can be made in it (links is 0).
 */
struct inode {
    uint64_t number;
    uint32_t references;
    uint32_t mode;                        /* S_IF* and permissions */
    uint32_t links;                       /* st_nlink; 0: removed */
    uint32_t uid, gid;                    /* kept for chown and stat */
    uint32_t device;                      /* st_rdev of a character device */
    uint64_t accessed, modified, changed; /* ns since the epoch */
    const struct file_ops *ops;           /* of its open files */
    union {
        struct {
            struct lp_object *object; /* the bytes */
            struct backing *backing;  /* NULL: not from the archive */
        } regular;
        struct {
            struct inode *parent; /* referenced; the root's is itself, not */
            struct entry *first, *last;
            uint64_t next_position;
        } directory;
        struct {
            char *target; /* NULL: one of these instead */
            /* ... its text now; NULL: leads nowhere */
            const char *(*text)(void);
            /* ... or what it leads to, whatever that is called */
            struct inode *(*jump)(const struct inode *link);
            int which; /* for jump */
        } link;
        struct pipe *pipe; /* NULL: the console */
    } u;
    char channel; /* of the console: 1, 2, or 0 for its input */
};

static inline bool is_kind(const struct inode *inode, uint32_t kind)
{
    return (inode->mode & S_IFMT) == kind;
}

static inline bool is_directory(const struct inode *inode)
{
    return is_kind(inode, S_IFDIR);
}

/* Made by vfs_init. */
extern struct inode *the_root;

/*
 * inode_create: an inode with no name; one reference, the caller's.
 * => links is 0 until it is entered somewhere.
 * => of S_IFREG: regular_create; of S_IFDIR: with the parent.
 * => NULL: no memory.
 */
struct inode *inode_create(uint32_t mode, const struct file_ops *ops);
struct inode *inode_create_directory(struct inode *parent, uint32_t mode);
struct inode *inode_create_link(const char *target, size_t len);
void inode_get(struct inode *inode);
/* The last reference frees it and its bytes. */
void inode_put(struct inode *inode);

/* Its bytes or entries changed; it was read (kept as relatime does). */
void inode_modified(struct inode *inode);
void inode_accessed(struct inode *inode);
/* st_size. */
uint64_t inode_size(const struct inode *inode);

/* --- regular.c --- */

extern const struct file_ops regular_ops;

/*
 * regular_create: a file of len bytes.  bytes NULL: zeroes, else they lie there
 * for ever, and are read when a page is touched.
 */
struct inode *regular_create(uint32_t mode, const char *bytes, uint64_t len);
void regular_free(struct inode *inode);
/* ftruncate: -EFBIG. */
int regular_resize(struct inode *inode, uint64_t size);

/* --- directory.c --- */

extern const struct file_ops directory_ops;

struct entry *directory_find(const struct inode *directory, const char *name,
                             size_t len);
/* The entry that names this inode, or NULL. */
struct entry *directory_find_inode(const struct inode *directory,
                                   const struct inode *inode);
/* The first entry at this position or behind it, or NULL. */
struct entry *directory_from(const struct inode *directory, uint64_t position);

/*
 * entry_create: for a directory_enter that cannot fail; NULL: no memory.
 * directory_enter: the name leads to inode from now on; takes a reference, and
 * counts links.  directory_remove: the opposite; the entry is freed.
 * directory_replace: an entry leads to another inode.
 */
struct entry *entry_create(const char *name, size_t len);
void directory_enter(struct inode *directory, struct entry *entry,
                     struct inode *inode);
void directory_remove(struct inode *directory, struct entry *entry);
void directory_replace(struct inode *directory, struct entry *entry,
                       struct inode *inode);

/* --- path.c --- */

/* What to do about a symbolic link at the end of a path. */
enum path_end {
    PATH_FOLLOW,
    PATH_NOFOLLOW, /* unless a slash follows: lstat, open(O_NOFOLLOW) */
    PATH_CREATE,   /* follow; a name with a slash behind it is -EISDIR */
    PATH_NAME,     /* never; a slash is the caller's to judge: unlink, mkdir */
};

enum path_last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* Where a path led.  All of it borrowed, until the kernel lock is let go. */
struct place {
    struct inode *directory; /* that the last part was looked up in */
    const char *name;        /* the last part, not terminated */
    size_t len;
    struct entry *entry; /* NULL: not there, or not LAST_NAME */
    struct inode *inode; /* NULL: not there */
    enum path_last last;
    bool slash; /* behind it */
};

/*
 * path_walk: follow path, not "", from a directory.
 *
 * => 0 also when the last part is not there: place->inode is NULL.
 * => -ENOENT, -ENOTDIR (PATH_FOLLOW, PATH_NOFOLLOW: also for the last with a
 *    slash behind it), -ELOOP, -ENAMETOOLONG.
 */
int path_walk(struct inode *from, const char *path, enum path_end end,
              struct place *place);

/*
 * path_of: the absolute name of a directory, at the end of a buffer.
 * => returns where it begins; NULL: removed, or *error -ENAMETOOLONG.
 */
char *path_of(struct inode *directory, char *buffer, size_t size, int *error);

/* --- tree.c: names come, go and move; a place is from PATH_NAME --- */

/* Enter an inode at a place with nothing there.  -ENOENT, -ENOSPC. */
int tree_enter(const struct place *place, struct inode *inode);
/* ... one that was just made, which inherits the directory's group if that is
 * marked so.  Takes over the caller's reference; NULL: -ENOSPC. */
int tree_enter_new(const struct place *place, struct inode *inode);
int tree_mkdir(const struct place *place, uint32_t mode);
/* A second name; not for directories: -EPERM. */
int tree_link(const struct place *place, struct inode *inode);
int tree_symlink(const struct place *place, const char *target);
int tree_unlink(const struct place *place);
int tree_rmdir(const struct place *place);
enum { RENAME_NOREPLACE = 1 };
int tree_rename(const struct place *from, const struct place *to,
                unsigned flags);

/* --- file.c --- */

struct file {
    const struct file_ops *ops;
    struct inode *inode; /* referenced */
    unsigned references; /* descriptors; more while one is made */
    unsigned flags;      /* O_*, as F_GETFL tells them */
    uint64_t offset;
};

enum seek_kind {
    SEEK_NONE,  /* -ESPIPE */
    SEEK_BYTES, /* a position, up to the size and beyond */
    SEEK_STAYS, /* always at 0 */
};

/* What an open file does; NULL members: as said. */
struct file_ops {
    /*
     * At *offset, which is moved on.  t->len is at least 1.  Returns the number
     * of bytes; 0: the end; when there are none an error.  NULL: -EINVAL.
     */
    int64_t (*read)(struct file *file, uint64_t *offset, struct transfer *to);
    int64_t (*write)(struct file *file, uint64_t *offset,
                     struct transfer *from);
    unsigned (*poll)(struct file *file); /* NULL: never blocks */
    void (*open)(struct file *file);     /* NULL: nothing to do */
    void (*close)(struct file *file);    /* NULL: nothing to do */
    enum seek_kind seek;
};

/*
 * file_alloc: an open file that has no inode yet (NULL: no memory).  file_bind:
 * give it one, and take a reference to that; cannot fail.
 */
struct file *file_alloc(void);
void file_bind(struct file *file, struct inode *inode, unsigned flags);
void file_get(struct file *file);
void file_put(struct file *file);

bool file_readable(const struct file *file);
bool file_writable(const struct file *file);
/* read and write with all their checks.  offset: &file->offset, or another. */
int64_t file_read(struct file *file, uint64_t *offset, struct transfer *to);
int64_t file_write(struct file *file, uint64_t *offset, struct transfer *from);
unsigned file_poll(struct file *file);

/* --- descriptor.c --- */

/*
 * A process's descriptors.  One thread uses a table, so a file that is borrowed
 * from it stays while that thread sleeps.
 */
struct files {
    struct file *at[FILES_MAX];
    uint64_t cloexec[FILES_MAX / 64];
    struct inode *directory; /* referenced */
    char *program;           /* for /proc/self/exe, or NULL */
};

/* Those of the current process; NULL in a kernel thread. */
struct files *files_current(void);
/* Where relative paths start: its directory or the root. */
struct inode *files_directory(void);
/* The lowest free descriptor from `from` on; -EMFILE. */
int files_free_from(int from);
/* Takes over the caller's reference; what was there before is closed. */
void files_install(int fd, struct file *file, bool cloexec);
/* For a descriptor that is open. */
void files_close(int fd);
bool files_cloexec(int fd);
void files_set_cloexec(int fd, bool on);

/* --- pipe.c --- */

/* Both ends; flags: O_NONBLOCK.  -ENOMEM. */
int pipe_create(unsigned flags, struct file **read_end,
                struct file **write_end);
void pipe_free(struct pipe *pipe);
/* Somebody's poll might have another answer now. */
extern struct wait_queue poll_waits;

/* --- devices.c, proc.c, archive.c, vfs.c: making the tree; panic --- */

extern const struct file_ops zero_ops;
/* An inode for standard input, output or error output: fd 0, 1, 2. */
struct inode *console_create(int fd);
void devices_init(void);
void proc_init(void);
void archive_init(const void *start, const void *end);

/*
 * boot_enter: enter an inode under an absolute path; folders on the way are
 * made, what has the name already is replaced.  Takes over the caller's
 * reference; NULL: there was no memory.
 * boot_directory: see to it that there is one, with these permissions.
 */
void boot_enter(const char *path, struct inode *inode);
void boot_directory(const char *path, uint32_t mode);

/* --- sys_name.c: paths from user memory --- */

/* A look-up on behalf of a system call; `page` holds the path. */
struct lookup {
    char *page;
    struct place place;
};

/*
 * lookup_at: as the *at calls.  -EFAULT, -ENOENT (empty), -EBADF, ...
 * => after 0, lookup_end; after an error, not.
 */
int lookup_at(int dirfd, lp_va path, enum path_end end, struct lookup *lookup);
void lookup_end(struct lookup *lookup);
/* A string of at most PATH_MAX bytes in a page of its own, for page_put. */
int path_from_user(lp_va path, char **page);
/* The second half of lookup_at; a path in kernel memory. */
int path_walk_at(int dirfd, const char *path, enum path_end end,
                 struct place *place);
/* What the path leads to, referenced.  flags: AT_SYMLINK_NOFOLLOW,
 * AT_EMPTY_PATH; other bits are ignored. */
int inode_at(int dirfd, lp_va path, unsigned flags, struct inode **inode);

#endif
