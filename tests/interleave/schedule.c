/*
 * schedule.c: coroutines by ucontext, and three ways to choose among them.
 */
#define _GNU_SOURCE
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBERS 1
#endif
#ifdef FIBERS
#include <dlfcn.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK = 512 * 1024, MAIN = COROUTINES_MAX };

struct coroutine {
    ucontext_t context;
    void *stack;
    const void *bottom; /* what AddressSanitizer is told */
    size_t size;
    void *fake; /* AddressSanitizer's own */
    bool live;
    int64_t priority;
    const char *file; /* the last step */
    int line;
};

static struct coroutine all[COROUTINES_MAX + 1]; /* MAIN is the caller */
static const struct schedule_hooks *hooks;
static struct plan plan;
static unsigned count, current = MAIN, next_change;
static uint64_t steps, random_state;
static int64_t lowest;

uint64_t schedule_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- switching ----------------------------------------------------------- */

#ifdef FIBERS
static void leaving(struct coroutine *from, const struct coroutine *to)
{
    __sanitizer_start_switch_fiber(from->live ? &from->fake : NULL, to->bottom,
                                   to->size);
}

static void arrived(struct coroutine *to, struct coroutine *from)
{
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(to->fake, &bottom, &size);
    if (from == &all[MAIN]) {
        from->bottom = bottom;
        from->size = size;
    }
}

/*
 * The C library's own: AddressSanitizer's wrapper does not know that the
 * calls around it say everything, and forgets what it knows of the stack.
 */
static void swap(struct coroutine *from, struct coroutine *to)
{
    static int (*swapcontext_of_libc)(ucontext_t *, const ucontext_t *);
    void *libc, *symbol;

    if (!swapcontext_of_libc) {
        libc = dlopen("libc.so.6", RTLD_LAZY);
        symbol = libc ? dlsym(libc, "swapcontext") : NULL;
        if (!symbol)
            symbol = dlsym(RTLD_DEFAULT, "swapcontext");
        memcpy(&swapcontext_of_libc, &symbol, sizeof(symbol));
    }
    swapcontext_of_libc(&from->context, &to->context);
}

static void fresh_stack(struct coroutine *c)
{
    __asan_unpoison_memory_region(c->stack, STACK);
    c->fake = NULL;
}
#else
static void leaving(struct coroutine *from, const struct coroutine *to)
{
    (void)from;
    (void)to;
}

static void arrived(struct coroutine *to, struct coroutine *from)
{
    (void)to;
    (void)from;
}

static void swap(struct coroutine *from, struct coroutine *to)
{
    swapcontext(&from->context, &to->context);
}

static void fresh_stack(struct coroutine *c)
{
    (void)c;
}
#endif

static unsigned previous = MAIN;

static void go(unsigned to)
{
    unsigned from = current;

    if (to == from)
        return;
    previous = from;
    current = to;
    leaving(&all[from], &all[to]);
    swap(&all[from], &all[to]);
    arrived(&all[from], &all[previous]);
    if (from != MAIN)
        hooks->switched(from);
}

static unsigned any_live(unsigned first)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (all[(first + i) % count].live)
            return (first + i) % count;
    return MAIN;
}

static unsigned choose(bool forced);

static void enter(void)
{
    unsigned self = current;

    arrived(&all[self], &all[previous]);
    hooks->switched(self);
    hooks->run(self);
    hooks->finished(self);
    all[self].live = false;
    go(choose(true));
    abort(); /* a coroutine that has ended goes on */
}

static void prepare(unsigned i)
{
    struct coroutine *c = &all[i];

    if (!c->stack) {
        c->stack = malloc(STACK);
        if (!c->stack)
            abort();
        c->bottom = c->stack;
        c->size = STACK;
    }
    fresh_stack(c);
    c->live = true;
    c->file = "start";
    c->line = 0;
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = STACK;
    c->context.uc_link = NULL;
    makecontext(&c->context, enter, 0);
}

/* --- choosing ------------------------------------------------------------ */

static unsigned choose_random(bool forced)
{
    unsigned i, n = 0, live[COROUTINES_MAX];

    if (!forced && schedule_random(&random_state) % plan.rate)
        return current;
    for (i = 0; i < count; i++)
        if (all[i].live && (!forced || i != current))
            live[n++] = i;
    if (n == 0)
        return all[current].live ? current : MAIN;
    return live[schedule_random(&random_state) % n];
}

static unsigned choose_priority(bool forced)
{
    unsigned i, best = MAIN;
    bool change =
        next_change < plan.nchanges && steps >= plan.change[next_change].step;

    if (change)
        next_change++;
    if (forced || change)
        all[current].priority = --lowest;
    for (i = 0; i < count; i++)
        if (all[i].live &&
            (best == MAIN || all[i].priority > all[best].priority))
            best = i;
    return best;
}

static unsigned choose_listed(bool forced)
{
    unsigned to;

    if (next_change < plan.nchanges && steps == plan.change[next_change].step) {
        to = plan.change[next_change++].to;
        if (to < count && all[to].live)
            return to;
    }
    return forced ? any_live(current + 1) : current;
}

static unsigned choose(bool forced)
{
    switch (plan.strategy) {
    case RANDOM_WALK: return choose_random(forced);
    case PRIORITIES: return choose_priority(forced);
    default: return choose_listed(forced);
    }
}

static void consider(const char *file, int line, bool forced)
{
    unsigned to;

    if (current == MAIN)
        return;
    all[current].file = file;
    all[current].line = line;
    if (++steps > STEPS_MAX)
        hooks->stuck();
    to = choose(forced);
    if (hooks->trace && to != current)
        fprintf(stderr, "step %llu: %u -> %u at %s:%d\n",
                (unsigned long long)steps, current, to, file, line);
    go(to);
}

void schedule_step(const char *file, int line)
{
    consider(file, line, false);
}

void schedule_yield(const char *file, int line)
{
    consider(file, line, true);
}

/* --- a run --------------------------------------------------------------- */

uint64_t schedule_run(unsigned n, const struct plan *with,
                      const struct schedule_hooks *h)
{
    unsigned i, first;

    hooks = h;
    plan = *with;
    count = n;
    steps = next_change = 0;
    lowest = 0;
    random_state = plan.seed;
    for (i = 0; i < n; i++) {
        prepare(i);
        all[i].priority = (int64_t)(schedule_random(&random_state) >> 32) + 1;
    }
    current = MAIN;
    all[MAIN].live = true;
    first = plan.strategy == LISTED ? plan.start % n : choose(true);
    go(first);
    return steps;
}

bool schedule_running(void)
{
    return current != MAIN;
}

unsigned schedule_self(void)
{
    return current;
}

uint64_t schedule_steps(void)
{
    return steps;
}

bool schedule_live(unsigned coroutine)
{
    return all[coroutine].live;
}

const char *schedule_where(unsigned coroutine, int *line)
{
    *line = all[coroutine].line;
    return all[coroutine].file;
}
