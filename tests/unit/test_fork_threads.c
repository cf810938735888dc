/*
 * Fork while the parent's other threads run, and families that write at once.
 */
#include "threads_kit.h"

/* Page i of the test's area; fork shares it, so it spans several tables. */
static lp_va page_at(const struct world *w, unsigned i)
{
    return w->base + (i % 2 ? w->table_span : 0) + i / 2 * PAGE;
}

static void map_pages(struct world *w, unsigned n)
{
    map_first(w, page_at(w, 0), (n + 1) / 2, RW, ANON, NULL);
    map_first(w, page_at(w, 1), (n + 1) / 2, RW, ANON, NULL);
}

/* --- a consistent snapshot --- */

enum { FORKS = 40 };

/*
 * Each of the CPUs 1 and 2 writes X, then Y, in pages of its own.  CPU 3 copies
 * CPU 1's X to Z.
 */
static lp_va x_of(const struct world *w, unsigned cpu)
{
    return page_at(w, 2 * cpu);
}

static lp_va y_of(const struct world *w, unsigned cpu)
{
    return page_at(w, 2 * cpu + 1);
}

static void write_x_then_y(struct job *job)
{
    struct world *w = job->w;
    uint64_t n;

    meet(job);
    for (n = 1; going_on(job); n++) {
        put(w, x_of(w, job->cpu), n);
        put(w, y_of(w, job->cpu), n);
        expect(w, get(w, x_of(w, job->cpu)) == n);
        expect(w, get(w, y_of(w, job->cpu)) == n);
    }
}

static void copy_x_to_z(struct job *job)
{
    struct world *w = job->w;
    uint64_t x, last = 0;

    meet(job);
    while (going_on(job)) {
        x = get(w, x_of(w, 1));
        expect(w, x >= last);
        last = x;
        put(w, x_of(w, 3), x);
    }
}

/* In the child nobody writes: one moment of the parent, not before the last. */
static void check_snapshot(struct world *w, uint64_t seen[CPUS])
{
    uint64_t x, y;
    unsigned cpu;

    for (cpu = 1; cpu < 3; cpu++) {
        x = get(w, x_of(w, cpu));
        y = get(w, y_of(w, cpu));
        expect(w, x == y || x == y + 1);
        expect(w, x >= seen[cpu]);
        seen[cpu] = x;
    }
    expect(w, get(w, x_of(w, 3)) <= seen[1]);
}

static void fork_and_look(struct job *job)
{
    struct world *w = job->w;
    uint64_t seen[CPUS] = { 0 };
    struct lp_space *child;
    unsigned i, cpu;

    meet(job);
    for (i = 0; i < FORKS; i++) {
        if (!expect(w, lp_fork(w->space, &child) == 0))
            break;
        lp_host_activate(w->m, w->pager, child);
        check_snapshot(w, seen);
        for (cpu = 1; cpu < CPUS; cpu++)
            put(w, x_of(w, cpu), UINT64_MAX);
        expect(w, get(w, y_of(w, 1)) <= seen[1]);
        lp_host_activate(w->m, w->pager, w->space);
        lp_space_destroy(child);
        expect(w, get(w, x_of(w, 1)) != UINT64_MAX);
    }
    atomic_store(&w->stop, true);
}

/*
 * Threads write X then Y while another forks: is what each child sees one
 * moment of each thread's life, also across threads, and never a later one's?
 */
static void test_fork_while_threads_write__child_is_a_snapshot(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = fork_and_look },
            { .run = write_x_then_y },
            { .run = write_x_then_y },
            { .run = copy_x_to_z },
        };

        map_pages(w, 2 * CPUS);
        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- copy-on-write storms --- */

enum { STORM_PAGES = 12, STORM_ROUNDS = 12 };

/* All CPUs write a word of their own into all pages, some in the child. */
static void storm(struct job *job)
{
    struct world *w = job->w;
    bool in_child = job->space != w->space;
    uint64_t tag = job->cpu + 1;
    unsigned i, k, cpu;

    meet(job);
    for (k = 0; k < STORM_PAGES; k++) {
        i = (k + job->cpu * 5) % STORM_PAGES;
        put(w, page_at(w, i) + job->cpu * 8, tag + 1000);
    }
    meet(job);
    for (i = 0; i < STORM_PAGES; i++)
        for (cpu = 0; cpu < CPUS; cpu++)
            expect(w, get(w, page_at(w, i) + cpu * 8) ==
                          cpu + 1 + (in_child == (cpu >= 2) ? 1000 : 0));
}

/* Before: every CPU's word, in every page, all pages ours. */
static void fill_pages(struct world *w)
{
    unsigned i, cpu;

    lp_host_cpu_bind(w->m, 0);
    lp_host_activate(w->m, w->pager, w->space);
    for (i = 0; i < STORM_PAGES; i++)
        for (cpu = 0; cpu < CPUS; cpu++)
            put(w, page_at(w, i) + cpu * 8, cpu + 1);
    lp_host_activate(w->m, w->pager, NULL);
    lp_host_cpu_unbind(w->m);
}

static struct lp_space *fork_first(struct world *w, struct lp_space *parent)
{
    struct lp_space *child = NULL;

    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(lp_fork(parent, &child), 0);
    lp_host_cpu_unbind(w->m);
    return child;
}

static void destroy_last(struct world *w, struct lp_space *space)
{
    lp_host_cpu_bind(w->m, 0);
    lp_space_destroy(space);
    world_check(w);
    lp_host_cpu_unbind(w->m);
}

/* Parent and child write all their pages at once, from two CPUs each: does
 * either see a word of the other, or lose one of its own? */
static void test_fork_both_sides_write_at_once__stay_apart(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        unsigned round;

        map_pages(w, STORM_PAGES);
        for (round = 0; round < STORM_ROUNDS; round++) {
            struct lp_space *child;
            struct job jobs[CPUS] = {
                { .run = storm },
                { .run = storm },
                { .run = storm },
                { .run = storm },
            };

            fill_pages(w);
            child = fork_first(w, w->space);
            jobs[2].space = jobs[3].space = child;
            run_jobs(w, jobs);
            destroy_last(w, child);
        }
        world_end(w);
    }
}

/* --- everybody forks --- */

enum { FAMILY_ROUNDS = 15 };

/* A child, and its child; each writes; they die in either order. */
static void raise_family(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *child, *grandchild;
    lp_va mine = page_at(w, job->cpu), next = page_at(w, (job->cpu + 1) % CPUS);
    uint64_t round, theirs;

    for (round = 1; round <= FAMILY_ROUNDS; round++) {
        put(w, mine, round);
        if (!expect(w, lp_fork(w->space, &child) == 0))
            return;
        lp_host_activate(w->m, w->pager, child);
        expect(w, get(w, mine) == round);
        theirs = get(w, next);
        put(w, mine, 1000 + round);
        if (!expect(w, lp_fork(child, &grandchild) == 0))
            return;
        put(w, mine, 2000 + round);
        lp_host_activate(w->m, w->pager, grandchild);
        expect(w, get(w, mine) == 1000 + round);
        expect(w, get(w, next) == theirs);
        put(w, next, 3000);
        lp_host_activate(w->m, w->pager, w->space);
        expect(w, get(w, mine) == round);
        lp_space_destroy(round % 2 ? child : grandchild);
        put(w, mine, round);
        lp_space_destroy(round % 2 ? grandchild : child);
        expect(w, get(w, next) <= FAMILY_ROUNDS);
    }
}

/* All threads of a process fork at once, and their children fork, write, and
 * are destroyed while others fork: does everyone keep to his own? */
static void test_fork_from_all_cpus_at_once__families_stay_apart(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = raise_family },
            { .run = raise_family },
            { .run = raise_family },
            { .run = raise_family },
        };

        map_pages(w, CPUS);
        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- many generations on different CPUs --- */

enum { LINE_ROUNDS = 20 };

/*
 * Each CPU runs the next generation of a line: CPU n forks from CPU n - 1's
 * space while that one writes, and the middle ones die first or last.
 */
struct line {
    _Atomic(struct lp_space *) space[CPUS];
};

static void next_generation(struct job *job)
{
    struct world *w = job->w;
    struct line *line = w->data;
    struct lp_space *own = w->space, *before;
    unsigned round, i;

    for (round = 0; round < LINE_ROUNDS; round++) {
        if (job->cpu > 0) {
            while ((before = atomic_load(&line->space[job->cpu - 1])) == NULL)
                lp_host_cpu_idle(w->m);
            if (!expect(w, lp_fork(before, &own) == 0))
                abort();
            lp_host_activate(w->m, w->pager, own);
        }
        atomic_store(&line->space[job->cpu], own);
        for (i = 0; i < STORM_PAGES; i++)
            put(w, page_at(w, i) + job->cpu * 8, round);
        for (i = 0; i < STORM_PAGES; i++)
            expect(w, get(w, page_at(w, i) + job->cpu * 8) == round);
        meet(job);
        atomic_store(&line->space[job->cpu], NULL);
        lp_host_activate(w->m, w->pager, w->space);
        if (job->cpu > 0)
            lp_space_destroy(own);
        meet(job);
    }
}

/* Fork of a child that is just writing, four deep, and all exits at once. */
static void test_fork_line_of_generations__all_keep_their_words(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct line line;
        unsigned i;
        struct job jobs[CPUS] = {
            { .run = next_generation },
            { .run = next_generation },
            { .run = next_generation },
            { .run = next_generation },
        };

        for (i = 0; i < CPUS; i++)
            atomic_init(&line.space[i], NULL);
        map_pages(w, STORM_PAGES);
        w->data = &line;
        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- edits of what is shared --- */

/* One thread of each side unmaps and maps half of it; the other one uses the
 * rest. */
static void edit_half(struct job *job)
{
    struct world *w = job->w;
    unsigned round;

    meet(job);
    for (round = 0; round < STORM_ROUNDS; round++) {
        expect(w, lp_munmap(job->space, page_at(w, 1),
                            STORM_PAGES / 2 * PAGE) == 0);
        expect(w, store(w, page_at(w, 1), 1) == LP_HOST_MAPERR);
        map(w, job->space, page_at(w, 1), STORM_PAGES / 2, RW, ANON, NULL);
        expect(w, get(w, page_at(w, 1)) == 0);
        put(w, page_at(w, 1) + PAGE, round);
    }
    meet(job);
}

static void use_half(struct job *job)
{
    struct world *w = job->w;
    unsigned i;

    meet(job);
    for (i = 0; i < STORM_PAGES; i += 2) {
        expect(w, get(w, page_at(w, i) + job->cpu * 8) == job->cpu + 1);
        put(w, page_at(w, i) + job->cpu * 8, i);
    }
    for (i = 0; i < STORM_PAGES; i += 2)
        expect(w, get(w, page_at(w, i) + job->cpu * 8) == i);
    meet(job);
}

/* Parent and child unmap the same shared tables at once while their other
 * threads write what lies beside: is all of that untouched? */
static void test_fork_both_sides_unmap_at_once__the_rest_stays(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        unsigned round;

        for (round = 0; round < STORM_ROUNDS / 2; round++) {
            struct lp_space *child;
            struct job jobs[CPUS] = {
                { .run = edit_half },
                { .run = use_half },
                { .run = edit_half },
                { .run = use_half },
            };

            map_pages(w, STORM_PAGES);
            fill_pages(w);
            child = fork_first(w, w->space);
            jobs[2].space = jobs[3].space = child;
            run_jobs(w, jobs);
            destroy_last(w, child);
        }
        world_end(w);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_while_threads_write__child_is_a_snapshot),
        cmocka_unit_test(test_fork_both_sides_write_at_once__stay_apart),
        cmocka_unit_test(test_fork_from_all_cpus_at_once__families_stay_apart),
        cmocka_unit_test(test_fork_line_of_generations__all_keep_their_words),
        cmocka_unit_test(test_fork_both_sides_unmap_at_once__the_rest_stays),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
