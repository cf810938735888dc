/*
 * Questions while a space changes, of the kind that read plain memory: whether
 * they lock is for ThreadSanitizer to say.  In a round all ask the same, and wait
 * for each other without an order of memory: no other lock puts right what one
 * question forgets.
 */
#include "threads_kit.h"

#include <sched.h>

enum { ROUNDS = 12 };

enum { AREA = 4 * LP_PAGE_SIZE }; /* bytes of the area that stays */

struct shared {
    _Atomic unsigned arrived;
    struct lp_object *object; /* that nobody maps */
};

typedef void question_fn(struct job *job);

static void ask_next_area(struct job *job)
{
    struct world *w = job->w;
    struct lp_area area;

    if (lp_next_area(w->space, w->base + AREA, &area))
        expect(w, area.end - area.start == PAGE);
}

static void ask_area_count(struct job *job)
{
    expect(job->w, lp_area_count(job->w->space) - 1 <= 1);
}

static void ask_mapped_bytes(struct job *job)
{
    expect(job->w, lp_mapped_bytes(job->w->space) - AREA <= PAGE);
}

static void ask_pager_stats(struct job *job)
{
    struct lp_stats stats;

    lp_pager_stats(job->w->pager, &stats);
    expect(job->w, stats.lost_writes == 0);
}

static void ask_access_ok(struct job *job)
{
    expect(job->w, lp_access_ok(job->w->space, job->w->base, AREA, RW));
}

/* Is there anything to write?  No. */
static void ask_msync(struct job *job)
{
    expect(job->w,
           lp_msync(job->w->space, job->w->base, AREA, LP_MS_SYNC) == 0);
}

/* Each space is asked whether it maps the object. */
static void ask_sync(struct job *job)
{
    struct shared *shared = job->w->data;

    expect(job->w, lp_object_sync(shared->object, 0, UINT64_MAX) == 0);
}

/* No question, but read where the next area is placed. */
static void set_base(struct job *job)
{
    expect(job->w,
           lp_space_set_base(job->w->space, 4 * job->w->root_span) == 0);
}

static question_fn *const questions[] = {
    ask_next_area, ask_area_count, ask_mapped_bytes, ask_pager_stats,
    ask_access_ok, ask_msync,      ask_sync,         set_base,
};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* Turns are counted from 1. */
static void meet_unordered(struct job *job, unsigned turn)
{
    _Atomic unsigned *arrived = &((struct shared *)job->w->data)->arrived;

    atomic_fetch_add_explicit(arrived, 1, memory_order_relaxed);
    while (atomic_load_explicit(arrived, memory_order_relaxed) < turn * CPUS)
        sched_yield();
}

static void ask(struct job *job)
{
    unsigned i;

    lp_host_activate(job->w->m, job->w->pager, NULL); /* it answers no calls */
    for (i = 0; i < QUESTIONS * ROUNDS; i++) {
        meet_unordered(job, i + 1);
        questions[i / ROUNDS](job);
    }
}

/* An area, placed by the library, and a space come and go. */
static void change(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *other;
    int64_t at;
    unsigned i;

    for (i = 0; i < QUESTIONS * ROUNDS; i++) {
        meet_unordered(job, i + 1);
        at = lp_mmap(w->space, 0, PAGE, RW, ANON, NULL, 0);
        if (!expect(w, at > 0))
            return;
        expect(w, lp_munmap(w->space, (lp_va)at, PAGE) == 0);
        if (expect(w, lp_space_create(w->pager, &other) == 0))
            lp_space_destroy(other);
    }
}

/* Three CPUs ask what a fourth one changes: does each question lock? */
static void test_query_asked_while_spaces_change__is_in_order(void **state)
{
    struct world *w = world_begin(lp_host_formats[0]);
    static const struct lp_object_ops ops = { .fill = NULL };
    struct shared shared = { .arrived = 0 };
    struct job jobs[CPUS] = {
        { .run = change },
        { .run = ask },
        { .run = ask },
        { .run = ask },
    };

    (void)state;
    w->data = &shared;
    map_first(w, w->base, AREA / PAGE, RW, ANON, NULL);
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(lp_object_create(w->pager, &ops, NULL, PAGE,
                                      LP_OBJECT_READ, &shared.object),
                     0);
    lp_host_cpu_unbind(w->m);
    run_jobs(w, jobs);
    lp_host_cpu_bind(w->m, 0);
    lp_object_put(shared.object);
    lp_host_cpu_unbind(w->m);
    world_end(w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_asked_while_spaces_change__is_in_order),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
