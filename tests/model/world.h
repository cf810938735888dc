/*
 * world.h: one run: a host machine, a pager on it, and the model beside it.
 *
 * Everything that a run does follows from its format, its seed and its number
 * of operations.  Each operation has a random sequence of its own, so that a
 * run still makes sense when some of its operations are left out.
 */
#ifndef WORLD_H
#define WORLD_H

#include "calls.h"
#include "kernel.h"
#include "model.h"

#include <lazypager/host.h>

#include <stdio.h>

enum {
    SPACES_MAX = 10,
    PINS_MAX = 12,
    WORLD_CPUS_MAX = 16,
    OBJECTS_HELD_MAX = 5,
    DEVICE_PAGES = 6,
    BUFFER = 5 * PAGE,
    INPUT_PIECE = 12, /* bytes of a fuzzer's input, for each operation */
};

enum mode {
    MODE_MODEL,  /* random operations, random failures */
    MODE_INJECT, /* everything that can be refused is, in turn; calls.h */
    MODE_TLB,    /* mostly accesses, and a look at all TLBs after every call */
};

/* What the command line asks for. */
struct settings {
    enum mode mode;
    const char *format;
    uint64_t seed, ops;
    unsigned check_every;
    unsigned cpus; /* 0: as the seed wants */
    bool verbose;
    const uint8_t *skip; /* NULL, or for each operation: leave it out */
    struct tally *tally; /* what is counted; never NULL */
    /* NULL, or what decides instead of the seed; see take_input. */
    const uint8_t *input;
    size_t input_len;
};

/* A page's digest, and when it was made; see digest.c. */
struct seen {
    uint64_t round, hash;
    uint64_t dirty_round; /* ... and when it was last found dirty */
};

struct m_pin {
    struct lp_pin lib;
    bool used;
    bool write;
    struct m_space *space;
    unsigned place;
    uint64_t epoch;          /* of the private page; 0: none */
    struct m_object *object; /* of the object's page; NULL: none */
    uint64_t index;
};

struct world {
    const struct settings *settings;
    uint64_t random;      /* of the current operation */
    uint64_t op;          /* its number */
    const uint8_t *input; /* of the current operation, when there is one */
    size_t input_len;

    struct lp_host *m;
    struct lp_pager *pager;
    uint32_t *scratch;
    uint64_t baseline; /* frames of the pager alone */
    struct layout layout;
    struct lp_options options;
    struct lp_range kernel_ranges[KERNEL_RANGES]; /* of the options */
    struct m_kernel kernel;
    bool limited; /* options.max_areas is small */
    bool big;     /* many pages, many areas */
    bool fences;  /* other CPUs are made to forget without being asked */
    bool icache;  /* what was fetched is fetched again, whatever is stored */
    bool tiny;    /* few frames: they run out by themselves */
    uint64_t nframes;
    unsigned fail_percent;

    unsigned ncpus;
    struct m_space *active[WORLD_CPUS_MAX];
    struct m_space *spaces;
    unsigned nspaces, next_number;
    uint64_t *ids; /* of all spaces that ever were */
    size_t nids;
    uint64_t forks;        /* of all spaces */
    struct lp_stats stats; /* of the pager, as they were last seen */
    struct m_object *objects;
    unsigned next_object;
    struct m_pin pins[PINS_MAX];
    uint64_t epoch;

    /* The call of the library that is running. */
    unsigned fail_at; /* the n-th allocation fails; 0: none */
    bool retry;       /* low_memory says try again, once */
    bool short_of_memory;
    uint64_t allocations;
    bool fired; /* the last call met a refusal */
    struct call call;
    struct seen *seen;            /* for each frame */
    void (*run)(struct world *w); /* the operation */
    struct lp_trace heard;        /* the last event but decisions; trace.c */
    unsigned nheard;              /* in this call */
    const struct lp_space *going; /* being destroyed */
    bool synced;                  /* lp_sync_code has just been called */
    struct lp_host_stats charged; /* see charge_flushes */
    uint64_t round;

    uint8_t buffer[BUFFER], other[BUFFER];
};

/* --- random choices --- */

uint64_t pick(struct world *w, uint64_t n); /* 0..n - 1; n > 0 */
bool chance(struct world *w, unsigned percent);

/* --- world.c --- */

/* run_world: a whole run.  A failure ends the process. */
void run_world(const struct settings *settings);

/* say: one line of the log, with --verbose. */
__attribute__((format(printf, 2, 3))) void say(struct world *w, const char *f,
                                               ...);
/* wrong: the library and the model differ: print it, and how to see it again. */
__attribute__((format(printf, 2, 3), noreturn)) void wrong(struct world *w,
                                                           const char *f, ...);

/* expect: the call's result is this one. */
void expect(struct world *w, const char *call, int64_t result, int64_t wanted);

/* enter: make the space active on some CPU, and that CPU current. */
void enter(struct world *w, struct m_space *s);

/* pick_space: any; NULL when there is none. */
struct m_space *pick_space(struct world *w);
/* pick_object: one that is held; NULL when there is none. */
struct m_object *pick_object(struct world *w);
/* object_open: NULL when out of memory. */
struct m_object *object_open(struct world *w);
/* device_open: the machine's device, for the whole run; or nothing. */
void device_open(struct world *w);
/* space_open: an empty one; NULL when out of memory. */
struct m_space *space_open(struct world *w);
/* space_number: give it a number; its lp_space_id is new, too. */
void space_number(struct world *w, struct m_space *s);
void space_close(struct world *w, struct m_space *s);
/* collect_objects: those that nobody has any more must have been released. */
void collect_objects(struct world *w);
/* pin_put: let go of a page. */
void pin_put(struct world *w, struct m_pin *p);

/*
 * resolve_tried: a write there was refused for another page's sake, or for
 * want of memory: it may have left traces that no program sees now but that
 * decide what is seen later.  Ask the library which.
 */
void resolve_tried(struct world *w, struct m_space *s, unsigned place,
                   unsigned access);

/* store_word: a program stores somewhere in a page. */
void store_word(struct world *w, struct m_space *s, unsigned place);

/* fetch_page: a program runs all of a page. */
void fetch_page(struct world *w, struct m_space *s, unsigned place);

/* drop_cell: the page at this place is gone, the area stays. */
void drop_cell(struct world *w, struct m_space *s, unsigned place);

/* --- trace.c --- */

/* hear: an event; lp_host_config.trace. */
void hear(void *ctx, const struct lp_trace *event);
/* expect_heard: the call has told this, and only once. */
void expect_heard(struct world *w, struct lp_trace wanted);

/* --- layout.c --- */

/* make_layout: cut the user range into places, by the run's own random. */
void make_layout(struct world *w);
/* pick_places: a range of places, as the campaign likes them. */
void pick_places(struct world *w, unsigned *first, unsigned *last);
/* pick_page: a place that is a page. */
unsigned pick_page(struct world *w, const struct m_space *s);

/* --- compare.c --- */

/* compare_areas: a space's areas are the model's. */
void compare_areas(struct world *w, struct m_space *s);
/* compare_page: what the library has there is what the model has. */
void compare_page(struct world *w, struct m_space *s, unsigned place);
/* check_machine: the library's and the machine's own checks. */
void check_machine(struct world *w);
/* compare_all: everything, and those. */
void compare_all(struct world *w);

/* --- the operations; each picks its space, its place and all else --- */

void op_mmap(struct world *w);
void op_munmap(struct world *w);
void op_munmap_area(struct world *w);
void op_mprotect(struct world *w);
void op_madvise(struct world *w);
/* op_comb: mprotect or munmap, page by page with gaps: many areas. */
void op_comb(struct world *w);
void op_set_base(struct world *w);
void op_fork(struct world *w);
void op_destroy(struct world *w);
void op_load(struct world *w);
void op_store(struct world *w);
void op_fetch(struct world *w);
/* op_touch_all: a word in each page of a range. */
void op_touch_all(struct world *w);
/* op_burst: words here and there, most of them again and again. */
void op_burst(struct world *w);
void op_copy_in(struct world *w);
void op_copy_out(struct world *w);
void op_zero(struct world *w);
void op_string(struct world *w);
void op_access_ok(struct world *w);
void op_fault(struct world *w);
void op_pin(struct world *w);
void op_pin_write(struct world *w);
void op_unpin(struct world *w);
void op_msync(struct world *w);
/* op_dirty_all: a store to every page of files, then msync of everything. */
void op_dirty_all(struct world *w);
void op_object_read(struct world *w);
void op_object_write(struct world *w);
void op_object_resize(struct world *w);
void op_object_sync(struct world *w);
void op_object_open(struct world *w);
void op_object_close(struct world *w);
void op_object_trouble(struct world *w);
void op_object_get(struct world *w);
/* op_object_refuse: one that cannot be. */
void op_object_refuse(struct world *w);
/* op_jit: code is run, made writable, changed, made executable, run. */
void op_jit(struct world *w);
/* op_sync_code: and then every byte is fetched as it was stored. */
void op_sync_code(struct world *w);
void op_activate(struct world *w);
void op_resident(struct world *w);
void op_kernel_map(struct world *w);
void op_kernel_unmap(struct world *w);
void op_kernel_protect(struct world *w);
void op_kernel_patch(struct world *w);
/* op_kernel_touch: from user and from kernel mode, no fault handled. */
void op_kernel_touch(struct world *w);
void op_next_area(struct world *w);
/* op_next_table: all tables of a level, or of none. */
void op_next_table(struct world *w);
void op_print_map(struct world *w);
void op_stats(struct world *w);

#endif
