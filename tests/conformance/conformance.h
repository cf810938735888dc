/*
 * conformance.h: one suite for every port: "is my port done?" has an answer.
 *
 * The cases are freestanding C and use the public headers only, so the same
 * files run inside a kernel on real page tables and on the host machine.  A
 * port fills struct conf_machine and calls conf_run for each case.
 *
 * The suite makes its own struct lp_kernel around the machine's: it counts
 * frames, makes allocations fail, and listens to the trace.  After every call
 * of the library, and after every access that faulted, all invariants are
 * checked.
 *
 * How a case fails: CHECK notes the first failure and returns from the
 * function it is in.  From then on every conf_ function does nothing and every
 * CHECK returns, so a helper needs no result to pass a failure on.
 *
 * One case runs at a time; struct conf is large and lives in static memory.
 */
#ifndef LP_CONFORMANCE_H
#define LP_CONFORMANCE_H

#include <lazypager/lazypager.h>

/* All that a freestanding program has of <string.h>. */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

enum {
    CONF_SPACES = 12,
    CONF_OBJECTS = 6,
    CONF_FILES = 2,
    CONF_FILE_PAGES = 20,
    CONF_CPUS = 8, /* the suite uses no more than this */
};

/* What a port supplies.  ctx is handed to every function. */
struct conf_machine {
    void *ctx;
    const char *name; /* of the format, for messages */
    const struct lp_arch *arch;
    /*
     * Frames (2,048 are enough) and CPUs.  low_memory, trace and assert_failed
     * are taken from the suite, not from here.
     */
    const struct lp_kernel *kernel;
    /* Memory for lp_check: 4 bytes for each frame of the kernel's range. */
    uint32_t *scratch;
    /* Memory that is no frame, for device mappings; device_len 0: none. */
    lp_pa device;
    uint64_t device_len; /* bytes, a multiple of the page */

    /* From now on everything happens on this CPU.  NULL: there is one. */
    void (*cpu_set)(void *ctx, unsigned cpu);
    /*
     * lp_activate on the current CPU; faults there are handled in this space.
     * space NULL: none.
     */
    void (*activate)(void *ctx, struct lp_pager *pager, struct lp_space *space);
    /*
     * The current CPU goes back to tables of the machine's own: the pager will
     * be destroyed.
     */
    void (*leave)(void *ctx);
    /*
     * A program on the current CPU reads, writes or executes (LP_READ, LP_WRITE,
     * LP_EXEC) len bytes at va, all in one page; a fault goes to
     * lp_handle_fault and the access is run again until it succeeds or is
     * refused.  LP_EXEC: fetches from va; buffer is NULL, and what the bytes
     * would do does not happen.
     */
    enum lp_fault_code (*access)(void *ctx, unsigned access, lp_va va,
                                 void *buffer, size_t len);
    /* false: access never gets LP_EXEC; the suite calls the fault itself. */
    bool can_fetch;
    /*
     * What the machine can check by itself, such as TLBs against tables.
     * Returns NULL, or what is wrong.  May be NULL.
     */
    const char *(*check)(void *ctx);
    /* This page was given to its object: its D may be clear.  May be NULL. */
    void (*wrote_back)(void *ctx, const void *page);
    /* One line of text, without a newline. */
    void (*log)(void *ctx, const char *text);
    /*
     * The last word on the options of a case's pager, before lp_pager_create:
     * a kernel whose own half must stay mapped sets kernel_root.  May be NULL.
     */
    void (*options)(void *ctx, struct lp_options *options);
};

/* A file: an object whose bytes and visits a case can look at. */
struct conf_file {
    struct conf *conf;
    struct lp_object *object;
    uint64_t size; /* as the file system knows it */
    unsigned char bytes[CONF_FILE_PAGES * 4096];
    unsigned fills[CONF_FILE_PAGES];
    unsigned writes[CONF_FILE_PAGES];
    unsigned nfills, nwrites;
    /* The next so many calls return this error. */
    int fill_error, write_error;
    unsigned fill_failures, write_failures;
    bool strange; /* a call that breaks the contract of struct lp_object_ops */
    unsigned released;
};

/* A case that is running. */
struct conf {
    const struct conf_machine *m;
    const char *name;
    bool failed;
    unsigned quiet; /* checks are suspended: long loops */

    struct lp_kernel kernel;
    struct lp_options options;
    struct lp_pager *pager;
    unsigned cpu;
    struct lp_space *active[CONF_CPUS];

    struct lp_space *spaces[CONF_SPACES];
    struct lp_object *objects[CONF_OBJECTS];
    struct conf_file files[CONF_FILES];

    uint64_t frames, allocations;
    uint64_t fail_at; /* the allocation that fails; 0: none */
    bool fail_on;     /* ... and all after it */
    unsigned low_memory_calls;
    unsigned low_memory_helps; /* so many times the failure is lifted */
    uint64_t events;           /* of the trace */
    struct lp_trace last_event;
};

struct conf_case {
    const char *name;
    void (*run)(struct conf *c);
    /* For lp_pager_create; NULL: defaults. */
    const struct lp_options *options;
};

/* All cases, in a list that ends with a NULL name. */
extern const struct conf_case conf_map_cases[], conf_place_cases[],
    conf_unmap_cases[], conf_protect_cases[], conf_fault_cases[],
    conf_fork_cases[], conf_family_cases[], conf_share_cases[],
    conf_user_cases[], conf_pin_cases[], conf_object_cases[],
    conf_resize_cases[], conf_query_cases[], conf_oom_cases[],
    conf_cpus_cases[], conf_limit_cases[], conf_advise_cases[],
    conf_discard_cases[];
extern const struct conf_case *const conf_tables[];

/*
 * conf_run: run one case in a pager of its own.
 *
 * => returns true when it passed; else what failed has been logged, and frames
 *    may have been lost.
 */
bool conf_run(const struct conf_machine *m, const struct conf_case *which);

/* --- failing --- */

void conf_fail(struct conf *c, const char *file, int line, const char *what,
               uint64_t a, uint64_t b);

#define CHECK(c, condition)                                     \
    do {                                                        \
        if ((c)->failed)                                        \
            return;                                             \
        if (!(condition)) {                                     \
            conf_fail(c, __FILE__, __LINE__, #condition, 0, 0); \
            return;                                             \
        }                                                       \
    } while (0)

#define CHECK_OP(c, a, op, b)                                            \
    do {                                                                 \
        uint64_t a_, b_;                                                 \
        if ((c)->failed)                                                 \
            return;                                                      \
        a_ = (uint64_t)(a);                                              \
        b_ = (uint64_t)(b);                                              \
        if ((c)->failed)                                                 \
            return;                                                      \
        if (!(a_ op b_)) {                                               \
            conf_fail(c, __FILE__, __LINE__, #a " " #op " " #b, a_, b_); \
            return;                                                      \
        }                                                                \
    } while (0)
#define CHECK_EQ(c, a, b) CHECK_OP(c, a, ==, b)
#define CHECK_NE(c, a, b) CHECK_OP(c, a, !=, b)
#define CHECK_LE(c, a, b) CHECK_OP(c, a, <=, b)

/* --- geometry --- */

#define PAGE ((uint64_t)4096)
#define RW (LP_READ | LP_WRITE)
#define RX (LP_READ | LP_EXEC)
#define RWX (LP_READ | LP_WRITE | LP_EXEC)
#define ANON (LP_MAP_PRIVATE | LP_MAP_ANONYMOUS)
#define SHANON (LP_MAP_SHARED | LP_MAP_ANONYMOUS)

const struct lp_pte_format *conf_format(const struct conf *c);
lp_va conf_user_end(const struct conf *c);
/* What one leaf table, one entry of the root, maps: in bytes. */
uint64_t conf_table_span(const struct conf *c);
uint64_t conf_root_span(const struct conf *c);
/* The border of leaf table `table` of root entry `root`. */
lp_va conf_place(const struct conf *c, unsigned root, unsigned table);
/* Is execute without read possible? */
bool conf_execute_only(const struct conf *c);
unsigned conf_ncpus(const struct conf *c);

/* --- calls of the library; each is followed by a check of everything --- */

void conf_check(struct conf *c);

struct lp_space *conf_space(struct conf *c);
struct lp_space *conf_fork(struct conf *c, struct lp_space *parent);
int conf_try_fork(struct conf *c, struct lp_space *parent,
                  struct lp_space **child);
/* Stops running it on every CPU first. */
void conf_destroy(struct conf *c, struct lp_space *space);

int64_t conf_mmap(struct conf *c, struct lp_space *space, lp_va addr,
                  uint64_t len, unsigned access, unsigned flags,
                  struct lp_object *object, uint64_t offset);
/* Anonymous, private, at a fixed address; must succeed. */
void conf_anon(struct conf *c, struct lp_space *space, lp_va addr,
               uint64_t npages, unsigned access);
/* An object at a fixed address; flags: SHARED or PRIVATE.  Must succeed. */
void conf_map(struct conf *c, struct lp_space *space, lp_va addr,
              uint64_t npages, unsigned access, unsigned flags,
              struct lp_object *object, uint64_t offset);
int conf_munmap(struct conf *c, struct lp_space *space, lp_va addr,
                uint64_t len);
int conf_munmap_area(struct conf *c, struct lp_space *space, lp_va addr);
int conf_mprotect(struct conf *c, struct lp_space *space, lp_va addr,
                  uint64_t len, unsigned access);
int conf_msync(struct conf *c, struct lp_space *space, lp_va addr, uint64_t len,
               unsigned flags);
int conf_madvise(struct conf *c, struct lp_space *space, lp_va addr,
                 uint64_t len, int advice);
int conf_fault(struct conf *c, struct lp_space *space, lp_va va,
               unsigned access, unsigned flags, struct lp_fault_result *result);
int conf_pin(struct conf *c, struct lp_space *space, lp_va va, unsigned access,
             struct lp_pin *pin);
void conf_unpin(struct conf *c, struct lp_pin *pin);

/* --- programs --- */

void conf_cpu(struct conf *c, unsigned cpu);
/* Make the space active on the current CPU, if it is not. */
void conf_activate(struct conf *c, struct lp_space *space);
/* One access in `space` on the current CPU; len bytes in one page. */
enum lp_fault_code conf_access(struct conf *c, struct lp_space *space,
                               unsigned access, lp_va va, void *buffer,
                               size_t len);
/* ... of one byte; a write writes 0xa5. */
enum lp_fault_code conf_touch(struct conf *c, struct lp_space *space,
                              unsigned access, lp_va va);
/* A 64-bit word; the access must succeed. */
void conf_put(struct conf *c, struct lp_space *space, lp_va va, uint64_t value);
uint64_t conf_get(struct conf *c, struct lp_space *space, lp_va va);
/* Words value, value + 1 ... at the start of each page. */
void conf_put_pages(struct conf *c, struct lp_space *space, lp_va va,
                    uint64_t npages, uint64_t value);
void conf_expect_pages(struct conf *c, struct lp_space *space, lp_va va,
                       uint64_t npages, uint64_t value);

/* --- looking --- */

struct lp_page_info conf_query(struct conf *c, struct lp_space *space,
                               lp_va va);
struct lp_stats conf_stats(struct conf *c, struct lp_space *space);
/* Areas, pages present, their frames and contents, in one number. */
uint64_t conf_snapshot(struct conf *c);
bool conf_is_area(struct conf *c, struct lp_space *space, lp_va start,
                  lp_va end, unsigned access);
bool conf_all_bytes(const void *memory, unsigned char value, size_t len);

/* --- objects --- */

/* File number `file`: `size` bytes, byte i is conf_byte(i). */
struct lp_object *conf_open(struct conf *c, unsigned file, uint64_t size,
                            unsigned flags);
unsigned char conf_byte(uint64_t i);
/* The 8 bytes at offset as a word, as a program would load it. */
uint64_t conf_file_word(const struct conf *c, unsigned file, uint64_t offset);
/* Truncates the file system's side as well. */
int conf_resize(struct conf *c, unsigned file, uint64_t size);
/* Gives the case's own reference back. */
void conf_close(struct conf *c, struct lp_object *object);
struct lp_object *conf_device(struct conf *c, uint64_t npages, unsigned flags);

/* --- allocations that fail --- */

/* The n-th from now (`on`: and all after it) fails; n 0: none. */
void conf_fail_at(struct conf *c, uint64_t n, bool on);

#endif
