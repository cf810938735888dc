/*
 * world.h: what a scenario is written with: one machine, one pager, and the
 * virtual CPUs, each of which is a coroutine.
 *
 * Coroutine i is CPU i.  Cross-CPU calls go into mailboxes.  A CPU serves its
 * own when it polls, when it waits for a call or in relax(), and perhaps at
 * any other step (an interrupt), unless it is in lp_activate, which the
 * kernel calls with interrupts off.  So a CPU may run on with what its TLB
 * holds for as long as its caller waits, but not longer.
 *
 * A scenario fails by leaving the process: the message is followed by the one
 * line that replays it.
 */
#ifndef INTERLEAVE_WORLD_H
#define INTERLEAVE_WORLD_H

#include "schedule.h"

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

enum {
    SPACES_MAX = 32,
    /* In each format these lie under different leaf tables: PAGES_A and
     * PAGES_B under one table of level 1 on the Sv and x86 formats, and
     * PAGES_C under another root entry on the free ones. */
    PAGES_A = 0x0400000,
    PAGES_B = 0x0800000,
    PAGES_C = 0x2000000,
    KERNEL_PAGES = 64, /* from world.kernel_base on */
};

/* struct scenario, field flags. */
enum {
    FAILS = 1,  /* one allocation of each run fails */
    CODE = 2,   /* instruction caches do not watch stores */
    KERNEL = 4, /* the pager manages KERNEL_PAGES of the kernel's half */
    /* A CPU serves its calls at its next step, and the caller goes on first. */
    SERVE_AT_ONCE = 8,
};

struct scenario {
    const char *name;
    const char *question;
    unsigned ncpus;
    unsigned schedules; /* when ctest runs it; 0: the default */
    unsigned bound;     /* switches in the exhaustive case; 0: no such case */
    unsigned flags;
    void (*setup)(void);
    void (*run)(unsigned self);
    void (*check)(void); /* may be NULL */
};

/* The lists, one for each file of scenarios; each ends with name NULL. */
extern const struct scenario scenarios_own[];
extern const struct scenario scenarios_space[];
extern const struct scenario scenarios_object[];
extern const struct scenario scenarios_advise[];
extern const struct scenario scenarios_code[];
extern const struct scenario scenarios_kernel[];
extern const struct scenario scenarios_query[];
extern const struct scenario scenarios_soup[];

struct world {
    const struct scenario *scenario;
    const char *format;
    struct lp_host *m;
    struct lp_pager *pager;
    struct lp_kernel kernel;
    struct lp_space *space[SPACES_MAX]; /* those to destroy at the end */
    struct lp_object *object;           /* to put at the end, or NULL */
    lp_va kernel_base;                  /* where the kernel's half begins */
};
extern struct world world;

/* How to run a scenario; what is not chosen comes from the seed. */
struct options {
    const char *format;
    uint64_t seed;
    bool trace;
    bool listed; /* the plan is given, in `plan` */
    struct plan plan;
};

/* world_run: one run of one scenario; returns its number of steps. */
uint64_t world_run(const struct scenario *scenario,
                   const struct options *options, uint64_t expected_steps);

/* --- for scenarios --- */

/* chance: a number below n, from the seed. */
uint64_t chance(uint64_t n);

/* expect: the oracle.  The numbers are printed when it fails. */
#define expect(condition, a, b)                                               \
    ((condition)                                                              \
         ? (void)0                                                            \
         : fail("%s:%d: %s (0x%llx, 0x%llx)", __FILE__, __LINE__, #condition, \
                (unsigned long long)(a), (unsigned long long)(b)))
_Noreturn void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Spaces live until the end of the run, or until they are ended. */
struct lp_space *new_space(void);
struct lp_space *fork_of(struct lp_space *parent); /* tries until it succeeds */
void end_space(struct lp_space *space);

/* use: this CPU runs that space from now on; NULL: none. */
void use(struct lp_space *space);

/* map: private anonymous or shared pages at va, for reading and writing. */
void map(struct lp_space *space, lp_va va, unsigned npages);
void map_object(struct lp_space *space, lp_va va, unsigned npages,
                unsigned flags);
void unmap(struct lp_space *space, lp_va va, unsigned npages);
void protect(struct lp_space *space, lp_va va, unsigned npages,
             unsigned access);

/* A program's accesses of 8 bytes on this CPU; put and get must succeed. */
void put(lp_va va, uint64_t value);
uint64_t get(lp_va va);
enum lp_host_code try_put(lp_va va, uint64_t value);
enum lp_host_code try_get(lp_va va, uint64_t *value);

/* look: the same word of any space, when nobody runs any more. */
uint64_t look(struct lp_space *space, lp_va va);

/* relax: what a program's or kernel's loop does while it waits. */
void relax(void);
/* step: between two steps of the test's own, where others may go on. */
void step(void);

#endif
