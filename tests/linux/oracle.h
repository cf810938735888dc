/*
 * oracle.h: the same operations on the library and on the Linux that runs
 * this program, and what both of them answered.
 *
 * A family of processes on each side.  Ours are spaces of a pager on the host
 * machine; theirs are processes, made by fork(2) from each other.  Each has a
 * window, WINDOW pages at another address on either side but otherwise the
 * same, and nothing is ever mapped next to it.  So everything is said in offsets
 * from the window's start.
 *
 *     run_op (run.c)       picks a row of operations[] (ops.c), which
 *       row->make          fills a struct command by the random sequence,
 *       row->ours          carries it out on the library, at once, and
 *                          answers; the command is queued.
 *     flush                When the queue is full, or another member's turn
 *                          comes, the member's process wakes up,
 *       row->theirs        carries out the whole queue and answers.
 *                          Then the answers are compared, one by one.
 *
 * One wake-up for many operations is what makes this fast.  It works because
 * nobody but the member that is awake does anything meanwhile.
 *
 * A new call joins by one row in ops.h and the four functions that it names.
 * What they must keep:
 *
 *     make may look at the library (where is something mapped?), never at
 *     Linux.  It draws every random number; ours and theirs draw none.
 *     theirs runs in another process that shares only struct shared with the
 *     others: no allocation, no stdio, no mmap but in the window.
 *     Where Linux may choose and the library chooses otherwise (an address, a
 *     moment), make or ours leaves the library's choice in the command, and
 *     theirs takes it over.
 *     Where the two are known to differ there is a row in known.c, and a
 *     paragraph in docs/LINUX.md.  After such a difference both sides must
 *     still look alike; if they cannot, make does not ask.
 *
 * So mremap, when it may move, is given the library's new address with
 * MREMAP_FIXED; mlock changes a page's answers (msync, madvise), not its layout,
 * and needs RLIMIT_MEMLOCK looked at in theirs_probe; brk and growing stacks
 * lie outside the window in a real process: they need windows of their own.
 *
 * No locks: the driver and the members take turns.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <stdatomic.h>
#include <stdio.h>

enum {
    PAGE = 4096,
    WINDOW = 64, /* pages; sets of them are 64-bit words */
    BEHIND = 3,  /* pages behind the window that ranges reach into */
    MEMBERS_MAX = 5,
    CPUS_MAX = 4,
    FILES = 5,
    OPENED = FILES + 2,
    FILE_PAGES = 24,
    BATCH = 64, /* commands queued at most */
    COPY_MAX = 3 * PAGE,
    KNOWN_MAX = 24,
    SKIPPED = 77, /* exit status: this kernel cannot be asked */
};

enum side { OURS, THEIRS, SIDES };

/* What a side says.  Two answers agree when all fields are equal. */
struct answer {
    int64_t result; /* a number; an address, from the window's start; -errno */
    uint64_t bytes; /* digest of what was read; or the byte fetched */
    uint64_t where; /* of a fault, from the window's start; 0: none */
    uint32_t fault; /* enum lp_fault_code; above: FAULT_OTHER + signal, code */
};

enum { FAULT_OTHER = 0x10000 };

/* What theirs is to do about an address that the library chose. */
enum how {
    AS_ASKED,
    CHOSEN,    /* take the library's, `chosen`; a hint must not be free */
    NOT_ASKED, /* the library has no room left, Linux has */
};

/* What is special about a command's range, before it is carried out. */
enum sight {
    SEES_AREA = 1,       /* something is mapped */
    SEES_EXEC_ONLY = 2,  /* an area that may only be executed */
    SEES_WRITE_ONLY = 4, /* nobody asked for reading, only for writing */
    SEES_OBJECT = 8,     /* an area with an object */
    SEES_ACCESS = 16,    /* an area that allows anything */
};

struct command {
    unsigned row;
    uint64_t op; /* its number in the run */
    uint64_t addr[SIDES];
    uint64_t len;
    uint64_t offset;
    uint64_t value; /* seed of data, size, set of pages: as the row likes */
    uint64_t chosen;
    unsigned access, flags;
    int file; /* number of a file; of mmap in opened[]; -1: none */
    int advice;
    enum how how;
    unsigned sight;
    unsigned member; /* fork: the child; a copy: whose memory */
    struct answer answer[SIDES];
};

/* One page of a window, as a side sees it. */
struct page {
    bool mapped, shared;
    uint8_t access;
    uint64_t object; /* 0: private anonymous; of files their inode */
    uint64_t offset;
    struct answer touch; /* of reading all of it */
};

/* Memory that the driver and all members of one run see, at one address. */
struct shared {
    _Atomic uint32_t turn[MEMBERS_MAX]; /* 0: the driver's, 1: the member's */
    int pid[MEMBERS_MAX];
    unsigned ncommands;
    struct command batch[BATCH];
    struct page theirs[WINDOW];
    char trouble[128]; /* why a member gave up */
};

/* Counts of a campaign, over all runs. */
struct totals {
    uint64_t known[KNOWN_MAX];
    uint64_t operations, layouts, pages;
};

enum lie { LIE_NONE, LIE_ANSWER, LIE_FAULT, LIE_LAYOUT, LIE_CONTENTS };

/* What the command line asks for. */
struct settings {
    const char *format;
    uint64_t seed, ops;
    unsigned check_every;
    bool verbose;
    bool text_maps; /* read /proc/self/maps, also where it can be asked */
    enum lie lie;
    uint64_t lie_at;
    const uint8_t *skip; /* NULL, or for each operation: leave it out */
};

/* A file: the same bytes on both sides. */
struct file {
    struct lp_object *object;
    uint8_t *disk; /* ours, of an object that reads and writes pages */
    bool writes;   /* somebody may map it so */
    int io;        /* theirs: to read, write and truncate */
    uint64_t inode;
};

/* A file as somebody has opened it; file i as opened[i]. */
struct opened {
    unsigned file;
    int fd;
    bool reads, writes;
};

struct run {
    const struct settings *settings;
    struct totals *totals;
    struct shared *shared;
    uint64_t random; /* of the current operation */
    uint64_t op;

    struct lp_host *m;
    struct lp_pager *pager;
    uint32_t *scratch; /* for lp_check */
    lp_pa empty_root;
    unsigned ncpus;
    bool exec_reads;
    struct lp_space *active[CPUS_MAX];

    uint64_t base[SIDES];                /* of the window */
    uint64_t end[SIDES];                 /* no program's address from here on */
    struct lp_space *space[MEMBERS_MAX]; /* NULL: no such member */
    uint64_t write_only[MEMBERS_MAX];    /* sets of pages */
    unsigned nmembers, current;
    struct page page[WINDOW]; /* ours, when they were last looked at */
    unsigned queued;
    unsigned since_fork; /* operations */
    bool lied;
    struct file file[FILES];
    struct opened opened[OPENED];
};

enum kind {
    ARRANGES,
    TOUCHES,   /* memory: brings pages, makes tables its own */
    ENDS_TURN, /* another process may follow: nothing is queued behind it */
};

struct operation {
    const char *name;
    unsigned weight;
    /* false: makes no sense now; nothing happens. */
    bool (*make)(struct run *r, struct command *c);
    void (*ours)(struct run *r, struct command *c);
    void (*theirs)(const struct command *c, struct answer *a);
    void (*print)(const struct command *c);
    enum kind kind;
};

/* --- ops.c --- */

extern const struct operation operations[];
extern const unsigned noperations;

/* pick: 0..n-1.  chance: true, so many times in a hundred. */
uint64_t pick(struct run *r, uint64_t n);
bool chance(struct run *r, unsigned percent);

/* seed_op: the sequence of operation `op`; UINT64_MAX: of the set-up. */
void seed_op(struct run *r, uint64_t op);

/* pick_page: a page of the window, mostly one that is mapped. */
unsigned pick_page(struct run *r);

/* place: set addr and len. */
void place(struct run *r, struct command *c, uint64_t at, uint64_t len);

/* May a range end where no program's addresses are? */
enum reach { STAYS, CROSSES };

/*
 * pick_range: a range of pages, sometimes not aligned, sometimes nonsense.
 * => behind: so many pages behind the window may be in it.
 */
void pick_range(struct run *r, struct command *c, unsigned behind,
                enum reach reach);

unsigned pick_access(struct run *r);

/* pick_member: one that lives. */
unsigned pick_member(struct run *r);

/* survey: what is special about the range; SEES_*. */
unsigned survey(struct run *r, const struct command *c);

/* note_access: pages [addr, addr + len) have been given this access. */
void note_access(struct run *r, const struct command *c, uint64_t at);

/* area_at: the area that holds this offset of the window in our space. */
bool area_at(struct run *r, uint64_t at, struct lp_area *area);

/* digest: of len bytes. */
uint64_t digest(const void *bytes, size_t len);

enum { CODE = PAGE - 8 }; /* where in a page what is called begins */

/*
 * fill: data for the place `at`.  Bytes 4088 to 4095 of each page are 0xc3 or
 * zero, so that it is harmless to call them (ops_touch.c).
 */
void fill(uint8_t *to, uint64_t at, size_t len, uint64_t seed);

/* tame: move and lengthen [at, at + len) so that what was said stays true. */
void tame(uint64_t *at, uint64_t *len);

/* --- known.c --- */

struct known {
    const char *name;
    bool (*applies)(const struct run *r, const struct command *c,
                    const struct answer *ours, const struct answer *theirs);
};

extern const struct known known[];

/* known_difference: is there a row for it?  Counts it. */
bool known_difference(struct run *r, const struct command *c,
                      const struct answer *ours, const struct answer *theirs);

/* --- ours.c --- */

/* ours_open: machine, pager, files, space 0.  ours_close: nothing is left. */
void ours_open(struct run *r);
void ours_close(struct run *r);

/* ours_enter: some CPU runs the current member. */
void ours_enter(struct run *r);

/* ours_leave: no CPU runs this space. */
void ours_leave(struct run *r, struct lp_space *space);

/* ours_touched: the answer of an access that ended so. */
void ours_touched(struct run *r, struct answer *a, enum lp_host_code code);

/* ours_pages: all of the window but its contents. */
void ours_pages(struct run *r, struct page *page);

/* --- theirs.c --- */

/* theirs_probe: NULL, or what this kernel lacks. */
const char *theirs_probe(void);

/* theirs_open: window, files and member 0.  Before ours_open. */
void theirs_open(struct run *r);

/* theirs_set_up: size and bytes of a file, before the run begins. */
void theirs_set_up(struct run *r, unsigned file, const uint8_t *bytes,
                   uint64_t size);

/* theirs_run: the current member carries the queue out; waits for it. */
void theirs_run(struct run *r);

/* theirs_close: all members end. */
void theirs_close(struct run *r);

/* The driver's run; in a member as it was when the first one was made. */
extern struct run *theirs_world;

/* --- member.c: in a member's process --- */

extern uint8_t theirs_buffer[COPY_MAX + PAGE];
extern int theirs_scratch_file, theirs_zero_file;

/* member_main: carry out queues until the driver or exit ends it. */
_Noreturn void member_main(struct run *r);

/* theirs_touch: run access(arg); a signal ends it and is the answer. */
bool theirs_touch(struct answer *a, void (*access)(void *arg), void *arg);

/* member_fork: returns 0 or -errno in the parent. */
int member_fork(unsigned child);

/* member_exit: hand the turn back and end. */
_Noreturn void member_exit(void);

/* member_pages: all of the window but its contents. */
void member_pages(struct page *page);

/* member_lacks: NULL, or what this kernel's description of areas lacks. */
const char *member_lacks(void);

/* --- run.c --- */

/* run_all: a whole run; ends the process when the sides differ. */
void run_all(const struct settings *settings, struct totals *totals);

/* wrong: say it and end the process. */
_Noreturn void wrong(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- campaign.c --- */

enum show { SHOW, HIDE };
enum outcome { AGREED, DIFFERED, DIED };

/* run_alone: in a process of its own. */
enum outcome run_alone(const struct settings *settings, struct totals *totals,
                       enum show show);

/* shrink: look for a shorter run that ends alike, and show it. */
void shrink(const struct settings *settings, struct totals *totals);

#endif
