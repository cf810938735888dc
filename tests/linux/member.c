/*
 * member.c: a process of Linux that does what it is told.
 *
 * It waits for its turn on a futex, carries the queue out, hands the turn back.
 * A signal that an access meets is caught and the access abandoned
 * (siglongjmp): its number, code and address are the answer.
 *
 * The process is a fork of the driver, or of another member, and has the
 * driver's memory; it must not map anything outside the window, so nothing here
 * allocates or prints.
 */
#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint8_t theirs_buffer[COPY_MAX + PAGE];
int theirs_scratch_file, theirs_zero_file;

static unsigned self; /* number of this member */
static int maps;      /* /proc/self/maps */
static bool by_query; /* the kernel answers PROCMAP_QUERY */
static pid_t driver;
static sigjmp_buf newborn; /* where a fork begins */

static _Noreturn void give_up(const char *why)
{
    struct shared *shared = theirs_world->shared;

    strncpy(shared->trouble, why, sizeof shared->trouble - 1);
    member_exit();
}

/* --- accesses and their signals --- */

static sigjmp_buf away;
static volatile sig_atomic_t armed;
static volatile int caught_signal, caught_code;
static volatile uintptr_t caught_at;

static void caught(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (!armed)
        give_up("a member met a signal outside of an access");
    caught_signal = signal;
    caught_code = info->si_code;
    caught_at = (uintptr_t)info->si_addr;
    siglongjmp(away, 1);
}

static uint32_t fault_of(int signal, int code)
{
    if (signal == SIGSEGV && code == SEGV_MAPERR)
        return LP_FAULT_MAPERR;
    if (signal == SIGSEGV && code == SEGV_ACCERR)
        return LP_FAULT_ACCERR;
    if (signal == SIGBUS && code == BUS_ADRERR)
        return LP_FAULT_BUS;
    return FAULT_OTHER + ((uint32_t)signal << 8) + ((uint32_t)code & 0xff);
}

bool theirs_touch(struct answer *a, void (*access)(void *arg), void *arg)
{
    if (sigsetjmp(away, 0) == 0) {
        armed = 1;
        access(arg);
        armed = 0;
        return true;
    }
    armed = 0;
    a->fault = fault_of(caught_signal, caught_code);
    a->where = caught_at - theirs_world->base[THEIRS];
    return false;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_sigaction = caught,
                                .sa_flags = SA_SIGINFO | SA_NODEFER };
    struct sigaction ignored = { .sa_handler = SIG_IGN };

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGCHLD, &ignored, NULL); /* no zombies */
}

/* --- what is mapped --- */

/*
 * The argument of PROCMAP_QUERY (Linux 6.11): asked for the area that holds
 * addr, or the next one.
 */
struct area_query {
    uint64_t size, flags, addr;
    uint64_t start, end, area_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name, build_id;
};

enum { QUERY_COVERING_OR_NEXT = 0x10, QUERY_SHARED = 8 };
#define QUERY _IOWR('f', 17, struct area_query)

static void add_area(struct page *page, const struct area_query *area)
{
    uint64_t base = theirs_world->base[THEIRS], va;
    unsigned i;

    for (i = 0; i < WINDOW; i++) {
        va = base + i * (uint64_t)PAGE;
        if (va < area->start || va >= area->end)
            continue;
        page[i].mapped = true;
        page[i].access = area->area_flags & 7;
        page[i].shared = (area->area_flags & QUERY_SHARED) != 0;
        page[i].object = area->inode;
        page[i].offset = area->inode ? area->offset + (va - area->start) : 0;
    }
}

static void query_areas(struct page *page)
{
    uint64_t at = theirs_world->base[THEIRS], end = at + WINDOW * PAGE;
    struct area_query q;

    for (; at < end; at = q.end) {
        q = (struct area_query){ .size = sizeof q,
                                 .flags = QUERY_COVERING_OR_NEXT,
                                 .addr = at };
        if (ioctl(maps, QUERY, &q) < 0) {
            if (errno != ENOENT)
                give_up("PROCMAP_QUERY failed");
            return;
        }
        if (q.start < end)
            add_area(page, &q);
    }
}

static const char *number(const char *text, unsigned base, uint64_t *to)
{
    unsigned digit;

    for (*to = 0;; text++) {
        digit = *text >= 'a' && *text <= 'f'   ? (unsigned)(*text - 'a') + 10
                : *text >= '0' && *text <= '9' ? (unsigned)(*text - '0')
                                               : 99;
        if (digit >= base)
            return text;
        *to = *to * base + digit;
    }
}

/* "start-end rwxp offset major:minor inode  name": true for a whole line. */
static bool parse_line(const char *line, struct area_query *area)
{
    uint64_t ignored;
    const char *at;

    at = number(line, 16, &area->start);
    if (*at++ != '-')
        return false;
    at = number(at, 16, &area->end);
    if (strlen(at) < 8)
        return false;
    area->area_flags = (at[1] == 'r' ? 1u : 0u) | (at[2] == 'w' ? 2u : 0u) |
                       (at[3] == 'x' ? 4u : 0u) | (at[4] == 's' ? 8u : 0u);
    at = number(at + 6, 16, &area->offset);
    at = number(at + 1, 16, &ignored);
    at = number(at + 1, 16, &ignored);
    number(at + 1, 10, &area->inode);
    return true;
}

static void read_areas(struct page *page)
{
    static char text[1 << 16];
    uint64_t end = theirs_world->base[THEIRS] + WINDOW * PAGE;
    size_t have = 0, used;
    struct area_query area;
    char *line, *stop;
    ssize_t n;

    if (lseek(maps, 0, SEEK_SET) != 0)
        give_up("/proc/self/maps cannot be rewound");
    while ((n = read(maps, text + have, sizeof text - 1 - have)) > 0) {
        have += (size_t)n;
        text[have] = 0;
        for (line = text; (stop = strchr(line, '\n')); line = stop + 1) {
            *stop = 0;
            if (!parse_line(line, &area))
                give_up("a line of /proc/self/maps makes no sense");
            if (area.start >= end)
                return;
            add_area(page, &area);
        }
        used = (size_t)(line - text);
        memmove(text, line, have - used);
        have -= used;
    }
    if (n < 0)
        give_up("/proc/self/maps cannot be read");
}

void member_pages(struct page *page)
{
    unsigned i;

    for (i = 0; i < WINDOW; i++)
        page[i] = (struct page){ 0 };
    if (by_query && !theirs_world->settings->text_maps)
        query_areas(page);
    else
        read_areas(page);
}

static bool open_maps(void)
{
    struct area_query q = { .size = sizeof q, .flags = QUERY_COVERING_OR_NEXT };

    maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    by_query = maps >= 0 && ioctl(maps, QUERY, &q) == 0;
    return maps >= 0;
}

const char *member_lacks(void)
{
    if (!open_maps())
        return "/proc/self/maps";
    close(maps);
    return NULL;
}

/* --- life --- */

static void futex(_Atomic uint32_t *word, int what, uint32_t value,
                  const struct timespec *timeout)
{
    syscall(SYS_futex, word, what, value, timeout, NULL, 0);
}

static void hand_back(void)
{
    _Atomic uint32_t *turn = &theirs_world->shared->turn[self];

    atomic_store(turn, 0);
    futex(turn, FUTEX_WAKE, 1, NULL);
}

void member_exit(void)
{
    hand_back();
    _exit(0);
}

/* Without the driver there is nothing to do. */
static void wait_for_turn(void)
{
    static const struct timespec patience = { .tv_sec = 2 };
    _Atomic uint32_t *turn = &theirs_world->shared->turn[self];

    while (!atomic_load(turn)) {
        futex(turn, FUTEX_WAIT, 0, &patience);
        if (!atomic_load(turn) && kill(driver, 0) < 0)
            _exit(0);
    }
}

/* Until it is the driver's turn there: the child can be asked. */
static void wait_for_child(unsigned child)
{
    static const struct timespec patience = { .tv_sec = 2 };
    _Atomic uint32_t *turn = &theirs_world->shared->turn[child];

    while (atomic_load(turn)) {
        futex(turn, FUTEX_WAIT, 1, &patience);
        if (atomic_load(turn) && kill(driver, 0) < 0)
            _exit(0);
    }
}

int member_fork(unsigned child)
{
    struct shared *shared = theirs_world->shared;
    long pid;

    atomic_store(&shared->turn[child], 1);
    /* The system call itself: nobody here has anything to prepare. */
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        self = child;
        siglongjmp(newborn, 1);
    }
    if (pid < 0) {
        atomic_store(&shared->turn[child], 0);
        return -errno;
    }
    wait_for_child(child);
    return 0;
}

/* The others may look into this process. */
static void get_ready(void)
{
    if (!open_maps())
        give_up("/proc/self/maps cannot be opened");
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    theirs_world->shared->pid[self] = getpid();
}

static void carry_out(const struct shared *shared)
{
    const struct operation *row;
    struct command *c;
    unsigned i;

    for (i = 0; i < shared->ncommands; i++) {
        c = &theirs_world->shared->batch[i];
        row = &operations[c->row];
        c->answer[THEIRS] = (struct answer){ 0 };
        row->theirs(c, &c->answer[THEIRS]);
    }
}

void member_main(struct run *r)
{
    driver = getppid();
    catch_signals();
    if (sigsetjmp(newborn, 0) == 0) {
        get_ready();
    } else {
        close(maps); /* it shows the parent's areas */
        get_ready();
        hand_back();
    }
    for (;;) {
        wait_for_turn();
        carry_out(r->shared);
        hand_back();
    }
}
