/*
 * What a lock keeps apart, for ThreadSanitizer: all CPUs do the same at once, and
 * wait for each other before without an order of memory.  So no other lock puts
 * in order what one forgets, and a lock that is missing is found each time and
 * not now and then.
 */
#include "threads_kit.h"

#include <sched.h>

/* --- objects that come and go on all CPUs --- */

enum { LIVES = 20 };

static const struct lp_object_ops memory_ops = { .fill = NULL };

/*
 * Wait for the others without an order of memory: ThreadSanitizer then sees what
 * the library itself puts in order, and nothing else.
 */
static void meet_unordered(_Atomic unsigned *arrived, unsigned turn)
{
    atomic_fetch_add_explicit(arrived, 1, memory_order_relaxed);
    while (atomic_load_explicit(arrived, memory_order_relaxed) < turn * CPUS)
        sched_yield();
}

/* All make one, neighbours in the pager's list, and all give it back. */
static void make_and_put(struct job *job)
{
    struct world *w = job->w;
    struct lp_object *object;
    unsigned i;

    for (i = 0; i < LIVES; i++) {
        meet_unordered(w->data, 2 * i + 1);
        expect(w, lp_object_create(w->pager, &memory_ops, NULL, PAGE,
                                   LP_OBJECT_READ, &object) == 0);
        meet_unordered(w->data, 2 * i + 2);
        lp_object_put(object);
    }
}

/* Objects are made on all CPUs at once, and go: is their list locked? */
static void test_order_objects_made_on_all_cpus__each_is_in_the_list(
    void **state)
{
    struct world *w = world_begin(lp_host_formats[0]);
    _Atomic unsigned arrived = 0;
    struct job jobs[CPUS] = {
        { .run = make_and_put },
        { .run = make_and_put },
        { .run = make_and_put },
        { .run = make_and_put },
    };

    (void)state;
    w->data = &arrived;
    run_jobs(w, jobs);
    world_end(w);
}

/* All hold a page of their own, neighbours in the space's list, and let go. */
static void hold_and_let_go(struct job *job)
{
    struct world *w = job->w;
    struct lp_pin pin;
    unsigned i;

    for (i = 0; i < LIVES; i++) {
        meet_unordered(w->data, 2 * i + 1);
        expect(w, lp_get_user_page(w->space, w->base + job->cpu * PAGE, RW,
                                   &pin) == 0);
        meet_unordered(w->data, 2 * i + 2);
        lp_put_user_page(&pin);
    }
}

/* Pages are held on all CPUs at once, and let go: is their list locked? */
static void test_order_pages_held_on_all_cpus__each_is_let_go(void **state)
{
    struct world *w = world_begin(lp_host_formats[0]);
    _Atomic unsigned arrived = 0;
    struct job jobs[CPUS] = {
        { .run = hold_and_let_go },
        { .run = hold_and_let_go },
        { .run = hold_and_let_go },
        { .run = hold_and_let_go },
    };

    (void)state;
    w->data = &arrived;
    map_first(w, w->base, CPUS, RW, LP_MAP_SHARED | LP_MAP_ANONYMOUS, NULL);
    run_jobs(w, jobs);
    world_end(w);
}

/* --- an object's cache --- */

enum { CACHE_PAGES = 8 };

struct cache {
    struct lp_object *object;
    _Atomic unsigned arrived;
};

static int write_nowhere(void *ctx, uint64_t offset, const void *page,
                         size_t len)
{
    struct world *w = ctx;

    (void)offset;
    (void)len;
    lp_host_wrote_back(w->m, page);
    return 0;
}

/* Memory, or what is written back; mapped shared at w->base. */
static void cache_open(struct world *w, struct cache *cache, bool memory)
{
    static const struct lp_object_ops file_ops = { .write = write_nowhere };

    w->data = cache;
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(
        lp_object_create(w->pager, memory ? &memory_ops : &file_ops, w,
                         2 * CACHE_PAGES * PAGE,
                         LP_OBJECT_READ | LP_OBJECT_WRITE, &cache->object),
        0);
    lp_host_cpu_unbind(w->m);
    map_first(w, w->base, CACHE_PAGES, RW, LP_MAP_SHARED, cache->object);
}

static void cache_close(struct world *w, struct cache *cache)
{
    lp_host_cpu_bind(w->m, 0);
    lp_object_put(cache->object);
    lp_host_cpu_unbind(w->m);
}

static void grow_cache(struct job *job)
{
    struct cache *cache = job->w->data;
    uint64_t value = job->cpu;
    unsigned i;

    for (i = 0; i < CACHE_PAGES / 2; i++) {
        meet_unordered(&cache->arrived, i + 1);
        expect(job->w,
               lp_object_write(cache->object, (2 * i + job->cpu % 2) * PAGE,
                               &value, sizeof value) == sizeof value);
    }
}

static void sync_cache(struct job *job)
{
    struct cache *cache = job->w->data;
    unsigned i;

    for (i = 0; i < CACHE_PAGES / 2; i++) {
        meet_unordered(&cache->arrived, i + 1);
        expect(job->w, lp_object_sync(cache->object, 0, UINT64_MAX) == 0);
    }
}

/* Pages come into a file's cache while others write it back: is it locked? */
static void test_order_object_synced_while_pages_come__is_in_order(void **state)
{
    struct world *w =
        world_begin_with(lp_host_formats[0], LP_HOST_FENCES, NULL);
    struct cache cache = { 0 };
    struct job jobs[CPUS] = {
        { .run = grow_cache },
        { .run = grow_cache },
        { .run = sync_cache },
        { .run = sync_cache },
    };

    (void)state;
    cache_open(w, &cache, false);
    run_jobs(w, jobs);
    cache_close(w, &cache);
    world_end(w);
}

static void make_holes(struct job *job)
{
    struct world *w = job->w;
    struct cache *cache = w->data;
    unsigned i;

    for (i = 0; i < CACHE_PAGES / 2; i++) {
        meet_unordered(&cache->arrived, i + 1);
        expect(w, lp_madvise(w->space, w->base, CACHE_PAGES * PAGE,
                             LP_MADV_REMOVE) == 0);
    }
}

/* Pages come into an object's cache while others empty it: is it locked? */
static void test_order_object_emptied_while_pages_come__is_in_order(
    void **state)
{
    /* Fences: who waits unordered answers no calls. */
    struct world *w =
        world_begin_with(lp_host_formats[0], LP_HOST_FENCES, NULL);
    struct cache cache = { 0 };
    struct job jobs[CPUS] = {
        { .run = grow_cache },
        { .run = grow_cache },
        { .run = make_holes },
        { .run = make_holes },
    };

    (void)state;
    cache_open(w, &cache, true);
    run_jobs(w, jobs);
    cache_close(w, &cache);
    world_end(w);
}

/* From the end, where no pages are yet. */
static void shrink(struct job *job)
{
    struct cache *cache = job->w->data;
    unsigned i;

    for (i = 0; i < CACHE_PAGES / 2; i++) {
        meet_unordered(&cache->arrived, i + 1);
        expect(job->w, lp_object_resize(cache->object,
                                        (2 * CACHE_PAGES - 1 - i) * PAGE) == 0);
    }
}

/* Pages come into an object's cache while others cut it: is it locked? */
static void test_order_object_cut_while_pages_come__is_in_order(void **state)
{
    struct world *w =
        world_begin_with(lp_host_formats[0], LP_HOST_FENCES, NULL);
    struct cache cache = { 0 };
    struct job jobs[CPUS] = {
        { .run = grow_cache },
        { .run = grow_cache },
        { .run = shrink },
        { .run = shrink },
    };

    (void)state;
    cache_open(w, &cache, true);
    run_jobs(w, jobs);
    cache_close(w, &cache);
    world_end(w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_order_objects_made_on_all_cpus__each_is_in_the_list),
        cmocka_unit_test(test_order_pages_held_on_all_cpus__each_is_let_go),
        cmocka_unit_test(
            test_order_object_synced_while_pages_come__is_in_order),
        cmocka_unit_test(
            test_order_object_emptied_while_pages_come__is_in_order),
        cmocka_unit_test(test_order_object_cut_while_pages_come__is_in_order),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
