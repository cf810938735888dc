/*
 * Trees of areas that share nodes, from several threads: each tree has its own
 * lock, which here is its own thread, and nobody takes another's.
 */
#include "runner.h"

#include "fake_vma.h"

#include <pthread.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE LP_PAGE_SIZE

enum { PAGES = 2000, THREADS = 3, STEPS = 400, FINDS = 20000 };

static struct lp_vma_pools pools;
static struct lp_vma_tree base;
static struct lp_object object;
static const uint8_t nothing; /* what an area's owner says in the model */

/* A tree, what it should hold (flags by page, 0: nothing), and its thread. */
struct worker {
    struct lp_vma_tree tree;
    uint8_t flags[PAGES];
    uint64_t state;
    const char *wrong;
};
static struct worker workers[THREADS];

static void put_area(struct lp_vma_tree *tree, uint64_t start, uint64_t end,
                     uint32_t flags)
{
    struct lp_object_list dead = { NULL };
    struct lp_vma vma = {
        .start = start * PAGE,
        .end = end * PAGE,
        .object = &object,
        .offset = start * PAGE,
        .flags = flags,
    };

    if (lp_vma_prepare(tree, vma.start, vma.end) != 0)
        abort();
    lp_vma_remove(tree, vma.start, vma.end, &dead);
    if (flags != nothing) {
        lp_object_get(&object);
        lp_vma_insert(tree, &vma);
    }
    lp_vma_settle(tree);
}

static void change(struct lp_vma_tree *tree, uint64_t start, uint64_t end)
{
    if (lp_vma_prepare_change(tree, start * PAGE, end * PAGE) != 0)
        abort();
    lp_vma_change(tree, start * PAGE, end * PAGE, 3, 4);
    lp_vma_settle(tree);
}

/* A tree that everybody shares. */
static void build_base(void)
{
    for (unsigned i = 0; i < PAGES; i++)
        put_area(&base, i, i + 1, 1 + i % 2);
}

static int setup(void **unused)
{
    (void)unused;
    lp_vma_pools_init(&pools, NULL);
    lp_vma_init(&base, &pools);
    atomic_store(&object.refs, 1);
    build_base();
    return 0;
}

static int teardown(void **unused)
{
    struct lp_object_list dead = { NULL };

    (void)unused;
    for (unsigned i = 0; i < THREADS; i++)
        lp_vma_clear(&workers[i].tree, &dead);
    lp_vma_clear(&base, &dead);
    assert_int_equal(atomic_load(&object.refs), 1);
    assert_int_equal(atomic_load(&fake_nodes), 0);
    return 0;
}

/* Every page of the tree against the model. */
static const char *compare(struct worker *w)
{
    const char *wrong = lp_vma_check(&w->tree);
    struct lp_vma vma;

    for (unsigned i = 0; i < PAGES && !wrong; i++) {
        bool found =
            lp_vma_find(&w->tree, i * PAGE, &vma) && vma.start <= i * PAGE;

        if ((found ? vma.flags : nothing) != w->flags[i])
            wrong = "a page is not as it was left";
    }
    return wrong;
}

static void *edit(void *arg)
{
    struct worker *w = arg;

    for (unsigned n = 0; n < STEPS && !w->wrong; n++) {
        unsigned start = fake_below(&w->state, PAGES);
        unsigned end = start + 1 + fake_below(&w->state, n % 16 == 0 ? 600 : 6);
        unsigned flags = fake_below(&w->state, 5);

        if (end > PAGES)
            end = PAGES;
        if (flags < 4)
            put_area(&w->tree, start, end, flags);
        else
            change(&w->tree, start, end);
        for (unsigned i = start; i < end; i++) {
            if (flags < 4)
                w->flags[i] = (uint8_t)flags;
            else if (w->flags[i] != nothing)
                w->flags[i] = (uint8_t)((w->flags[i] & ~3U) | 4);
        }
        if (n % 16 == 0)
            w->wrong = compare(w);
    }
    if (!w->wrong)
        w->wrong = compare(w);
    return NULL;
}

static void *clear(void *arg)
{
    struct lp_object_list dead = { NULL };

    lp_vma_clear(arg, &dead);
    return NULL;
}

static void share_out(uint64_t seed)
{
    for (unsigned t = 0; t < THREADS; t++) {
        struct worker *w = &workers[t];

        lp_vma_init(&w->tree, &pools);
        lp_vma_share(&w->tree, &base);
        w->state = seed * 100 + t + 1;
        w->wrong = NULL;
        for (unsigned i = 0; i < PAGES; i++)
            w->flags[i] = (uint8_t)(1 + i % 2);
    }
}

/* Is every count right afterwards?  All threads are at rest. */
static void recount(uint32_t round)
{
    const char *wrong = NULL;

    lp_vma_recount(&base, round, NULL, NULL);
    for (unsigned t = 0; t < THREADS; t++)
        lp_vma_recount(&workers[t].tree, round, NULL, NULL);
    wrong = lp_vma_recount_check(&base, round);
    for (unsigned t = 0; t < THREADS && !wrong; t++)
        wrong = lp_vma_recount_check(&workers[t].tree, round);
    if (wrong)
        fail_msg("round %u: %s", round, wrong);
}

/* All at once: each worker edits its tree, and the base goes away. */
static void run(void)
{
    pthread_t thread[THREADS + 1];

    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, edit, &workers[t]),
                         0);
    assert_int_equal(pthread_create(&thread[THREADS], NULL, clear, &base), 0);
    for (unsigned t = 0; t < COUNT(thread); t++)
        assert_int_equal(pthread_join(thread[t], NULL), 0);
}

/* Do trees that share every node disturb each other while all are edited? */
static void test_vma_edit_shared_from_threads__keeps_them_apart(void **unused)
{
    struct lp_object_list dead = { NULL };

    (void)unused;
    for (uint32_t round = 1; round <= 8; round++) {
        share_out(round);
        run();
        for (unsigned t = 0; t < THREADS; t++) {
            if (workers[t].wrong)
                fail_msg("round %u, tree %u: %s", round, t, workers[t].wrong);
        }
        recount(round);
        for (unsigned t = 0; t < THREADS; t++)
            lp_vma_clear(&workers[t].tree, &dead);
        build_base();
    }
}

static void *find(void *arg)
{
    struct worker *w = arg;
    struct lp_vma vma;

    for (unsigned n = 0; n < FINDS && !w->wrong; n++) {
        unsigned i = fake_below(&w->state, PAGES);

        if (!lp_vma_find(&base, i * PAGE, &vma) || vma.start != i * PAGE ||
            vma.flags != 1 + i % 2)
            w->wrong = "the wrong area";
    }
    return NULL;
}

/* Do readers disturb each other through the leaf of the last hit? */
static void test_vma_find_from_threads__gives_right_areas(void **unused)
{
    pthread_t thread[THREADS];

    (void)unused;
    share_out(9);
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, find, &workers[t]),
                         0);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_null(workers[t].wrong);
    }
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_vma_edit_shared_from_threads__keeps_them_apart),
        TEST(test_vma_find_from_threads__gives_right_areas),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
