/*
 * schedule.h: virtual CPUs as coroutines in one thread, and who runs next.
 *
 * A run starts n coroutines and ends when all have returned.  Only one of them
 * runs at a time; another may go on wherever one calls schedule_step, and does
 * where one calls schedule_yield.  Who that is depends on the plan alone, so
 * the same plan gives the same run again.
 */
#ifndef INTERLEAVE_SCHEDULE_H
#define INTERLEAVE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    COROUTINES_MAX = 4,
    CHANGES_MAX = 4,
    /* More steps than this: nobody gets on. */
    STEPS_MAX = 300000,
};

/* "At this step, go on with that coroutine." */
struct change {
    uint64_t step; /* from 1 on */
    unsigned to;
};

enum strategy {
    /* Run on until the next change: with few of them, CHESS's bound. */
    LISTED,
    /* At each step switch with probability 1 / rate. */
    RANDOM_WALK,
    /*
     * Probabilistic concurrency testing (Burckhardt and others, "A Randomized
     * Scheduler with Probabilistic Guarantees of Finding Bugs", 2010): random
     * priorities; at each of the changes the running one becomes the last.
     */
    PRIORITIES,
};

struct plan {
    enum strategy strategy;
    uint64_t seed;
    unsigned rate;
    unsigned start; /* LISTED: the first to run */
    unsigned nchanges;
    struct change change[CHANGES_MAX]; /* by step */
};

/* What a run asks of its user. */
struct schedule_hooks {
    void (*run)(unsigned self);      /* a coroutine's program */
    void (*switched)(unsigned self); /* this one goes on now */
    void (*finished)(unsigned self); /* its program has returned */
    void (*stuck)(void);             /* more than STEPS_MAX; no return */
    bool trace;                      /* print each switch */
};

/* schedule_run: from start to end; returns the number of steps. */
uint64_t schedule_run(unsigned n, const struct plan *plan,
                      const struct schedule_hooks *hooks);

/* schedule_running: are we inside a coroutine?  schedule_self: in which? */
bool schedule_running(void);
unsigned schedule_self(void);
uint64_t schedule_steps(void);

/* schedule_live: has this one not returned yet? */
bool schedule_live(unsigned coroutine);

/* schedule_where: the last step of a coroutine, for messages. */
const char *schedule_where(unsigned coroutine, int *line);

/* Another one may go on; another one must, if there is one. */
void schedule_step(const char *file, int line);
void schedule_yield(const char *file, int line);

/* splitmix64 (Vigna): any state will do. */
uint64_t schedule_random(uint64_t *state);

#endif
