/*
 * Many CPUs in one space: faults at once, and areas that change under them.
 */
#include "threads_kit.h"

/* --- faults at once --- */

enum { FIRST_PAGES = 24, FIRST_ROUNDS = 8 };

/* Page i of a test whose pages lie so far apart. */
static lp_va spread(const struct world *w, unsigned i)
{
    return w->base + *(const lp_va *)w->data * i;
}

/* All CPUs write a word of their own into each page; who else is there? */
static void touch_all(struct job *job)
{
    struct world *w = job->w;
    unsigned i, cpu;

    for (i = 0; i < FIRST_PAGES; i++)
        put(w, spread(w, i) + job->cpu * 8, 100 * i + job->cpu);
    meet(job);
    for (i = 0; i < FIRST_PAGES; i++)
        for (cpu = 0; cpu < CPUS; cpu++)
            expect(w, get(w, spread(w, i) + cpu * 8) == 100 * i + cpu);
    meet(job);
}

static void touch_fresh(struct job *job)
{
    struct world *w = job->w;
    unsigned round, i;

    for (round = 0; round < FIRST_ROUNDS; round++) {
        if (job->cpu == 0)
            for (i = 0; i < FIRST_PAGES; i++)
                map(w, w->space, spread(w, i), 1, RW, ANON, NULL);
        meet(job);
        touch_all(job);
        if (job->cpu == 0)
            expect(w, lp_munmap(w->space, w->base,
                                spread(w, FIRST_PAGES) - w->base) == 0);
        meet(job);
    }
}

static void first_touches(const char *format, bool far)
{
    struct world *w = world_begin(format);
    struct job jobs[CPUS] = {
        { .run = touch_fresh },
        { .run = touch_fresh },
        { .run = touch_fresh },
        { .run = touch_fresh },
    };
    lp_va stride = far ? w->table_span : PAGE;

    w->data = &stride;
    run_jobs(w, jobs);
    w->data = NULL;
    world_end(w);
}

/* The first touches of a page race: is it one page, with every word? */
static void test_space_first_touches_race__every_word_is_there(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        first_touches(*f, false);
    }
}

/* Each page needs tables of its own: do the races to add them lose any? */
static void test_space_tables_added_at_once__every_word_is_there(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        first_touches(*f, true);
    }
}

/* --- areas that come and go --- */

enum { CHURN_PAGES = 4, CHURN_ROUNDS = 100 };

/*
 * What holds for the area under test: changed before and after each change of
 * the area, so that a program that sees the same even number before and after
 * its access knows what must have happened.
 */
struct churn {
    _Atomic unsigned epoch;
    unsigned (*state_of)(unsigned epoch); /* LP_READ ...; 0: nothing */
    enum lp_host_code refusal;            /* while it is not allowed */
};

/* epoch % 4: 0 there, 2 not; odd: changing. */
static unsigned there_or_not(unsigned epoch)
{
    return epoch % 4 == 0 ? RW : 0;
}

static unsigned writable_or_not(unsigned epoch)
{
    return epoch % 4 == 0 ? RW : LP_READ;
}

static void change(struct world *w, int error)
{
    struct churn *c = w->data;

    expect(w, error == 0);
    atomic_fetch_add(&c->epoch, 1);
}

static void come_and_go(struct job *job)
{
    struct world *w = job->w;
    struct churn *c = w->data;
    unsigned round;

    meet(job);
    for (round = 0; round < CHURN_ROUNDS; round++) {
        atomic_fetch_add(&c->epoch, 1);
        change(w, lp_munmap(w->space, w->base, CHURN_PAGES * PAGE));
        lp_host_cpu_idle(w->m);
        atomic_fetch_add(&c->epoch, 1);
        map(w, w->space, w->base, CHURN_PAGES, RW, ANON, NULL);
        change(w, 0);
        lp_host_cpu_idle(w->m);
    }
    atomic_store(&w->stop, true);
}

static void narrow_and_widen(struct job *job)
{
    struct world *w = job->w;
    struct churn *c = w->data;
    unsigned round;

    meet(job);
    for (round = 0; round < CHURN_ROUNDS; round++) {
        atomic_fetch_add(&c->epoch, 1);
        change(w, lp_mprotect(w->space, w->base, CHURN_PAGES * PAGE, LP_READ));
        lp_host_cpu_idle(w->m);
        atomic_fetch_add(&c->epoch, 1);
        change(w, lp_mprotect(w->space, w->base, CHURN_PAGES * PAGE, RW));
        lp_host_cpu_idle(w->m);
    }
    atomic_store(&w->stop, true);
}

/* Was this the right answer, if the epoch stood still meanwhile? */
static void judge(struct world *w, unsigned before, unsigned access,
                  enum lp_host_code code)
{
    struct churn *c = w->data;
    bool allowed = (c->state_of(before) & access) == access;

    expect(w, code == LP_HOST_OK || code == c->refusal);
    if (before % 2 || atomic_load(&c->epoch) != before)
        return;
    expect(w, code == (allowed ? LP_HOST_OK : c->refusal));
}

/* A word of ours in each page: only what we stored last, or 0, may be there. */
static void live_in_it(struct job *job)
{
    struct world *w = job->w;
    struct churn *c = w->data;
    uint64_t value, last[CHURN_PAGES] = { 0 }, next = 1;
    bool kept = c->refusal == LP_HOST_ACCERR;
    enum lp_host_code code;
    unsigned page, epoch;
    lp_va va;

    meet(job);
    while (going_on(job)) {
        page = below(job, CHURN_PAGES);
        va = w->base + page * PAGE + job->cpu * 8;
        epoch = atomic_load(&c->epoch);
        code = store(w, va, next);
        judge(w, epoch, LP_WRITE, code);
        if (code == LP_HOST_OK)
            last[page] = next++;
        epoch = atomic_load(&c->epoch);
        code = load(w, va, &value);
        judge(w, epoch, LP_READ, code);
        if (code == LP_HOST_OK)
            expect(w, value == last[page] || (!kept && value == 0));
    }
}

static void churn(const char *format, void (*changer)(struct job *),
                  struct churn *c)
{
    struct world *w = world_begin(format);
    struct job jobs[CPUS] = {
        { .run = changer },
        { .run = live_in_it },
        { .run = live_in_it },
        { .run = live_in_it },
    };

    atomic_store(&c->epoch, 0);
    map_first(w, w->base, CHURN_PAGES, RW, ANON, NULL);
    w->data = c;
    run_jobs(w, jobs);
    world_end(w);
}

/*
 * An area is unmapped and mapped under programs: after munmap returned, does
 * every access fail, and do old bytes never come back?
 */
static void test_space_unmap_under_programs__no_access_survives(void **state)
{
    struct churn c = { .state_of = there_or_not, .refusal = LP_HOST_MAPERR };

    (void)state;
    EACH_FORMAT(f)
    {
        churn(*f, come_and_go, &c);
    }
}

/*
 * Write is taken and given back: after mprotect returned, is every store
 * refused, and is each byte still there?
 */
static void test_space_protect_under_programs__no_store_slips(void **state)
{
    struct churn c = { .state_of = writable_or_not, .refusal = LP_HOST_ACCERR };

    (void)state;
    EACH_FORMAT(f)
    {
        churn(*f, narrow_and_widen, &c);
    }
}

/* --- replaced in place --- */

static void replace(struct job *job)
{
    struct world *w = job->w;
    unsigned round;

    meet(job);
    for (round = 0; round < CHURN_ROUNDS; round++)
        map(w, w->space, w->base + round % 2 * PAGE, CHURN_PAGES - 1, RW, ANON,
            NULL);
    atomic_store(&w->stop, true);
}

static void live_through(struct job *job)
{
    struct world *w = job->w;
    uint64_t last[CHURN_PAGES] = { 0 }, next = 1, value;
    unsigned page;
    lp_va va;

    meet(job);
    while (going_on(job)) {
        page = below(job, CHURN_PAGES);
        va = w->base + page * PAGE + job->cpu * 8;
        value = get(w, va);
        expect(w, value == 0 || value == last[page]);
        put(w, va, next);
        last[page] = next++;
    }
}

/* An area is replaced by FIXED over and over: is there ever none? */
static void test_space_replaced_in_place__is_always_there(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = replace },
            { .run = live_through },
            { .run = live_through },
            { .run = live_through },
        };

        map_first(w, w->base, CHURN_PAGES, RW, ANON, NULL);
        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- editors at once --- */

enum { EDIT_ROUNDS = 40, EDIT_PAGES = 8 };

/* Each CPU edits and uses a stretch of its own; all lie in one leaf table. */
static void edit(struct job *job)
{
    struct world *w = job->w;
    lp_va start = w->base + job->cpu * EDIT_PAGES * PAGE, va;
    unsigned round, cut;
    uint64_t i;

    if (w->table_span < CPUS * EDIT_PAGES * PAGE)
        start = w->base + job->cpu * w->table_span;
    for (round = 0; round < EDIT_ROUNDS; round++) {
        map(w, w->space, start, EDIT_PAGES, RW, ANON, NULL);
        for (i = 0; i < EDIT_PAGES; i++)
            put(w, start + i * PAGE, round + i);
        cut = below(job, EDIT_PAGES);
        va = start + cut * PAGE;
        expect(w, lp_munmap(w->space, va, PAGE) == 0);
        expect(w, store(w, va, 1) == LP_HOST_MAPERR);
        for (i = 0; i < EDIT_PAGES; i++)
            if (i != cut)
                expect(w, get(w, start + i * PAGE) == round + i);
    }
}

/* All CPUs edit neighbouring areas: does each see just its own edits? */
static void test_space_editors_at_once__do_not_meet(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = edit },
            { .run = edit },
            { .run = edit },
            { .run = edit },
        };

        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- spaces that come and go --- */

enum { LIVES = 25 };

static void live_and_die(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *own;
    unsigned i, page;

    for (i = 0; i < LIVES; i++) {
        if (!expect(w, lp_space_create(w->pager, &own) == 0))
            return;
        map(w, own, w->base, CHURN_PAGES, RW, ANON, NULL);
        lp_host_activate(w->m, w->pager, own);
        for (page = 0; page < CHURN_PAGES; page++)
            put(w, w->base + page * PAGE, job->cpu * LIVES + i);
        for (page = 0; page < CHURN_PAGES; page++)
            expect(w, get(w, w->base + page * PAGE) == job->cpu * LIVES + i);
        lp_host_activate(w->m, w->pager, NULL);
        lp_space_destroy(own);
    }
}

/* Spaces are made and destroyed on all CPUs: do they share nothing? */
static void test_space_lives_at_once__share_nothing(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = live_and_die },
            { .run = live_and_die },
            { .run = live_and_die },
            { .run = live_and_die },
        };

        run_jobs(w, jobs);
        world_end(w);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_first_touches_race__every_word_is_there),
        cmocka_unit_test(test_space_tables_added_at_once__every_word_is_there),
        cmocka_unit_test(test_space_unmap_under_programs__no_access_survives),
        cmocka_unit_test(test_space_protect_under_programs__no_store_slips),
        cmocka_unit_test(test_space_replaced_in_place__is_always_there),
        cmocka_unit_test(test_space_editors_at_once__do_not_meet),
        cmocka_unit_test(test_space_lives_at_once__share_nothing),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
