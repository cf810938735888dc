/*
 * theirs.c: the driver's end of the real side: window, files, turns.
 *
 * The window lies in the middle of a range that is reserved by the driver and
 * given back by the first member: so nothing is near it, and what Linux
 * chooses by itself is far away.
 */
#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)
#define RESERVED (4 * GIB)

struct run *theirs_world;

/* --- can this kernel be asked? --- */

static const char *lacks_calls(void)
{
    static char page[PAGE] __attribute__((aligned(4096)));
    struct iovec a = { page, 1 }, b = { page + 1, 1 };
    int fd = memfd_create("probe", 0);

    if (fd < 0)
        return "memfd_create (Linux 3.17)";
    close(fd);
    if (mmap(page, PAGE, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
             0) != MAP_FAILED ||
        errno != EEXIST)
        return "MAP_FIXED_NOREPLACE (Linux 4.17)";
    if (madvise(page, PAGE, LP_MADV_POPULATE_WRITE) < 0)
        return "MADV_POPULATE_WRITE (Linux 5.14)";
    if (process_vm_readv(getpid(), &a, 1, &b, 1, 0) != 1)
        return "process_vm_readv";
    return NULL;
}

const char *theirs_probe(void)
{
    const char *lacks;
    void *range;

    if (sysconf(_SC_PAGESIZE) != PAGE)
        return "pages of 4096 bytes";
    range = mmap(NULL, RESERVED, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        return "4 GiB of address space";
    munmap(range, RESERVED);
    lacks = lacks_calls();
    return lacks ? lacks : member_lacks();
}

/* --- window and files --- */

static uint64_t reserve_window(struct run *r)
{
    uint64_t at =
        (uint64_t)syscall(SYS_mmap, 0, RESERVED, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if ((int64_t)at < 0)
        wrong(r, "no address space: %s", strerror(errno));
    /* Across a border of page tables, of the third level. */
    r->base[THEIRS] = ((at + 2 * GIB) & ~(GIB - 1)) - WINDOW / 2 * PAGE;
    r->end[THEIRS] = UINT64_C(1) << 63;
    return at;
}

static void make_file(struct run *r, unsigned i)
{
    struct file *f = &r->file[i];
    struct stat status;

    f->io = memfd_create("oracle", MFD_CLOEXEC);
    if (f->io < 0 || fstat(f->io, &status) < 0)
        wrong(r, "no file: %s", strerror(errno));
    f->inode = status.st_ino;
}

/* What the descriptor allows decides what may be mapped. */
static void open_file(struct run *r, unsigned i)
{
    static const struct {
        unsigned file;
        int rights;
    } how[OPENED] = { { 0, O_RDWR },   { 1, O_RDWR }, { 2, O_RDONLY },
                      { 3, O_WRONLY }, { 4, O_RDWR }, { 0, O_RDONLY },
                      { 1, O_RDONLY } };
    struct opened *o = &r->opened[i];
    char path[64];

    o->file = how[i].file;
    o->reads = how[i].rights != O_WRONLY;
    o->writes = how[i].rights == O_RDWR;
    snprintf(path, sizeof path, "/proc/self/fd/%d", r->file[o->file].io);
    o->fd = open(path, how[i].rights | O_CLOEXEC);
    if (o->fd < 0)
        wrong(r, "cannot open a file again: %s", strerror(errno));
}

void theirs_set_up(struct run *r, unsigned file, const uint8_t *bytes,
                   uint64_t size)
{
    int fd = r->file[file].io;

    if (ftruncate(fd, (off_t)size) < 0 ||
        pwrite(fd, bytes, size, 0) != (ssize_t)size)
        wrong(r, "cannot fill a file: %s", strerror(errno));
}

void theirs_open(struct run *r)
{
    uint64_t reserved;
    unsigned i;
    pid_t pid;

    theirs_world = r;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->shared = mmap(NULL, sizeof *r->shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED)
        wrong(r, "no memory to share: %s", strerror(errno));
    reserved = reserve_window(r);
    for (i = 0; i < FILES; i++)
        make_file(r, i);
    for (i = 0; i < OPENED; i++)
        open_file(r, i);
    theirs_scratch_file = memfd_create("scratch", MFD_CLOEXEC);
    theirs_zero_file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (theirs_scratch_file < 0 || theirs_zero_file < 0)
        wrong(r, "no scratch file: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        wrong(r, "fork: %s", strerror(errno));
    if (pid == 0) {
        syscall(SYS_munmap, reserved, RESERVED);
        member_main(r);
    }
    syscall(SYS_munmap, reserved, RESERVED);
}

/* --- turns --- */

enum { PATIENCE = 120 }; /* seconds until a member counts as dead */

static void futex(_Atomic uint32_t *word, int what, uint32_t value)
{
    const struct timespec second = { .tv_sec = 1 };

    syscall(SYS_futex, word, what, value, what == FUTEX_WAIT ? &second : NULL,
            NULL, 0);
}

void theirs_run(struct run *r)
{
    _Atomic uint32_t *turn = &r->shared->turn[r->current];
    time_t start = 0;

    atomic_store(turn, 1);
    futex(turn, FUTEX_WAKE, 1);
    while (atomic_load(turn)) {
        futex(turn, FUTEX_WAIT, 1);
        if (!start)
            start = time(NULL);
        else if (time(NULL) > start + PATIENCE)
            wrong(r, "member %u does not answer", r->current);
    }
    if (r->shared->trouble[0])
        wrong(r, "member %u: %s", r->current, r->shared->trouble);
}

/* The one whose turn it is finds an exit in its queue. */
static void end_member(struct run *r)
{
    struct command *c = &r->shared->batch[0];

    for (c->row = 0; strcmp(operations[c->row].name, "exit") != 0;)
        c->row++;
    r->shared->ncommands = 1;
    theirs_run(r);
}

void theirs_close(struct run *r)
{
    unsigned i;

    for (r->current = 0; r->current < MEMBERS_MAX; r->current++)
        if (r->space[r->current])
            end_member(r);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    for (i = 0; i < FILES; i++)
        close(r->file[i].io);
    for (i = 0; i < OPENED; i++)
        close(r->opened[i].fd);
    munmap(r->shared, sizeof *r->shared);
    close(theirs_scratch_file);
    close(theirs_zero_file);
}
