/*
 * threads_kit.h: programs on several CPUs, each a thread, in spaces of one
 * pager; for the tests that race.
 *
 * A test makes a world, hands out jobs, one for each CPU, and ends the world.
 * Jobs say what they saw through expect(), since cmocka's assertions must stay
 * in the main thread.  world_end checks every invariant and counts the frames.
 */
#ifndef THREADS_KIT_H
#define THREADS_KIT_H

#include "runner.h"

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS = 4, FRAMES = 4096 };

#define PAGE LP_PAGE_SIZE
#define RW (LP_READ | LP_WRITE)
#define ANON (LP_MAP_PRIVATE | LP_MAP_ANONYMOUS)

struct world {
    const char *format;
    struct lp_host *m;
    struct lp_pager *pager;
    struct lp_space *space;
    lp_va base;       /* of the test's own areas: the second root entry */
    lp_va table_span; /* what one leaf table maps */
    lp_va root_span;
    _Atomic unsigned failures;
    _Atomic unsigned arrived; /* at meet() */
    _Atomic unsigned turn;    /* of the barrier */
    _Atomic bool stop;
    void *data; /* the test's own */
};

/* One thread on one CPU. */
struct job {
    struct world *w;
    unsigned cpu;
    struct lp_space *space;       /* active on it while it runs */
    void (*run)(struct job *job); /* NULL: no such thread */
    uint64_t random;
    pthread_t thread;
};

#define EACH_FORMAT(f) for (const char *const *f = lp_host_formats; *f; f++)

static inline void world_failed(void *ctx, const char *message)
{
    struct world *w = ctx;

    if (atomic_fetch_add(&w->failures, 1) < 8)
        print_error("%s: %s\n", w->format, message);
    if (atomic_load(&w->failures) > 1000)
        abort();
}

/* Is it as it should be?  Says where it is not; returns the answer. */
#define expect(w, condition) \
    expect_at(w, condition, #condition, __func__, __LINE__)

static inline bool expect_at(struct world *w, bool true_, const char *what,
                             const char *where, int line)
{
    char text[256];

    if (!true_) {
        snprintf(text, sizeof text, "%s:%d: not so: %s", where, line, what);
        world_failed(w, text);
    }
    return true_;
}

static inline unsigned below(struct job *job, unsigned n)
{
    job->random ^= job->random >> 12;
    job->random ^= job->random << 25;
    job->random ^= job->random >> 27;
    return (unsigned)((job->random * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* flags: LP_HOST_* besides LP_HOST_THREADS; options may be NULL. */
static inline struct world *world_begin_with(const char *format, unsigned flags,
                                             const struct lp_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    struct lp_host_config config = {
        .format = format,
        .ncpus = CPUS,
        .nframes = FRAMES,
        .flags = LP_HOST_THREADS | flags,
        .deadlock_seconds = 60,
        .ctx = w,
        .failed = world_failed,
    };
    const struct lp_pte_format *f;

    assert_non_null(w);
    w->format = format;
    w->m = lp_host_create(&config);
    assert_non_null(w->m);
    f = &lp_host_arch(w->m)->format;
    w->table_span = PAGE << f->index_bits;
    w->root_span = PAGE << ((f->levels - 1) * f->index_bits);
    w->base = w->root_span;
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(lp_pager_create(lp_host_arch(w->m), lp_host_kernel(w->m),
                                     options, &w->pager),
                     0);
    assert_int_equal(lp_space_create(w->pager, &w->space), 0);
    lp_host_cpu_unbind(w->m);
    return w;
}

static inline struct world *world_begin(const char *format)
{
    return world_begin_with(format, 0, NULL);
}

/* Every invariant holds, and no CPU's TLB grants too much. */
static inline void world_check(struct world *w)
{
    uint32_t *scratch = calloc(FRAMES, sizeof *scratch);
    struct lp_check_report report = { 0 };

    assert_non_null(scratch);
    if (lp_check(w->pager, scratch, &report) != 0)
        print_error("%s: %s (0x%llx, 0x%llx)\n", w->format, report.what,
                    (unsigned long long)report.a, (unsigned long long)report.b);
    assert_null(report.what);
    assert_true(lp_host_check(w->m));
    assert_int_equal(atomic_load(&w->failures), 0);
    assert_int_equal(lp_host_failures(w->m), 0);
    free(scratch);
}

static inline void world_end(struct world *w)
{
    unsigned cpu;

    lp_host_cpu_bind(w->m, 0);
    world_check(w);
    lp_space_destroy(w->space);
    world_check(w);
    lp_host_cpu_unbind(w->m);
    for (cpu = 0; cpu < CPUS; cpu++) {
        lp_host_cpu_bind(w->m, cpu);
        lp_host_deactivate(w->m);
        lp_host_cpu_unbind(w->m);
    }
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(lp_pager_destroy(w->pager), 0);
    assert_int_equal(lp_host_frames_used(w->m), 0);
    assert_int_equal(lp_host_failures(w->m), 0);
    lp_host_cpu_unbind(w->m);
    lp_host_destroy(w->m);
    free(w);
}

static inline void *job_thread(void *arg)
{
    struct job *job = arg;
    struct world *w = job->w;

    lp_host_cpu_bind(w->m, job->cpu);
    lp_host_activate(w->m, w->pager, job->space);
    job->run(job);
    lp_host_activate(w->m, w->pager, NULL);
    lp_host_cpu_unbind(w->m);
    return NULL;
}

/* Run the jobs that there are, in w->space unless they have their own. */
static inline void run_jobs(struct world *w, struct job jobs[CPUS])
{
    unsigned i;

    atomic_store(&w->arrived, 0);
    atomic_store(&w->stop, false);
    for (i = 0; i < CPUS; i++) {
        jobs[i].w = w;
        jobs[i].cpu = i;
        jobs[i].random = i + 1;
        if (!jobs[i].space)
            jobs[i].space = w->space;
        if (jobs[i].run)
            assert_int_equal(
                pthread_create(&jobs[i].thread, NULL, job_thread, &jobs[i]), 0);
    }
    for (i = 0; i < CPUS; i++)
        if (jobs[i].run)
            assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
}

/* Wait for all CPUS jobs; answer calls meanwhile. */
static inline void meet(struct job *job)
{
    struct world *w = job->w;
    unsigned turn = atomic_load(&w->turn);

    if (atomic_fetch_add(&w->arrived, 1) == CPUS - 1) {
        atomic_store(&w->arrived, 0);
        atomic_fetch_add(&w->turn, 1);
    }
    while (atomic_load(&w->turn) == turn)
        lp_host_cpu_idle(w->m);
}

/*
 * The head of a loop that goes on until another job says stop: lets that one run
 * where there are fewer processors than CPUs.
 */
static inline bool going_on(struct job *job)
{
    if (below(job, 8) == 0)
        lp_host_cpu_idle(job->w->m);
    return !atomic_load(&job->w->stop);
}

/* A program's 64-bit words. */
static inline enum lp_host_code store(struct world *w, lp_va va, uint64_t value)
{
    return lp_host_store(w->m, va, &value, sizeof value);
}

static inline enum lp_host_code load(struct world *w, lp_va va, uint64_t *value)
{
    return lp_host_load(w->m, va, value, sizeof *value);
}

/* ... where they must succeed. */
static inline void put(struct world *w, lp_va va, uint64_t value)
{
    expect(w, store(w, va, value) == LP_HOST_OK);
}

static inline uint64_t get(struct world *w, lp_va va)
{
    uint64_t value = UINT64_MAX;

    expect(w, load(w, va, &value) == LP_HOST_OK);
    return value;
}

/* Map where the test says; it must succeed. */
static inline void map(struct world *w, struct lp_space *space, lp_va va,
                       uint64_t npages, unsigned access, unsigned flags,
                       struct lp_object *object)
{
    expect(w, lp_mmap(space, va, npages * PAGE, access, flags | LP_MAP_FIXED,
                      object, 0) == (int64_t)va);
}

/* The same from the main thread, before the jobs run. */
static inline void map_first(struct world *w, lp_va va, uint64_t npages,
                             unsigned access, unsigned flags,
                             struct lp_object *object)
{
    lp_host_cpu_bind(w->m, 0);
    map(w, w->space, va, npages, access, flags, object);
    lp_host_cpu_unbind(w->m);
}

#endif
