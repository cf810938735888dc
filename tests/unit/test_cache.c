/*
 * An object's page cache: a radix tree, against a list that is searched from
 * end to end.
 */
#include "core_kit.h"

#include "cache.h"

/* The largest page index: an object has at most 2^62 bytes. */
#define LAST ((((uint64_t)1 << 62) >> LP_PAGE_SHIFT) - 1)

enum { PAGES = 128 };

/* The naive one. */
struct model {
    uint64_t index[PAGES];
    lp_pa pa[PAGES];
    unsigned n;
};

static unsigned model_find(const struct model *model, uint64_t index)
{
    unsigned i;

    for (i = 0; i < model->n && model->index[i] != index; i++)
        ;
    return i;
}

static lp_pa model_pa(const struct model *model, uint64_t index)
{
    unsigned i = model_find(model, index);

    return i < model->n ? model->pa[i] : LP_PA_NONE;
}

/* The lowest index at or above `from`. */
static lp_pa model_next(const struct model *model, uint64_t from,
                        uint64_t *index)
{
    lp_pa pa = LP_PA_NONE;
    unsigned i;

    for (i = 0; i < model->n; i++)
        if (model->index[i] >= from &&
            (pa == LP_PA_NONE || model->index[i] < *index)) {
            *index = model->index[i];
            pa = model->pa[i];
        }
    return pa;
}

static void insert(struct lp_cache *cache, struct model *model, uint64_t index)
{
    lp_pa pa = (model->n + 1) * LP_PAGE_SIZE;

    assert_int_equal(lp_cache_insert(cache, index, pa), 0);
    model->index[model->n] = index;
    model->pa[model->n++] = pa;
}

static void take_out(struct lp_cache *cache, struct model *model,
                     uint64_t index)
{
    unsigned i = model_find(model, index);

    assert_int_equal(lp_cache_remove(cache, index), model_pa(model, index));
    if (i == model->n)
        return;
    model->n--;
    model->index[i] = model->index[model->n];
    model->pa[i] = model->pa[model->n];
}

/* Do both say the same, found singly and walked through? */
static void compare(struct lp_cache *cache, const struct model *model)
{
    uint64_t at = 0, expected = 0;
    unsigned i, seen = 0;
    lp_pa pa;

    assert_int_equal(cache->npages, model->n);
    for (i = 0; i < model->n; i++) {
        assert_int_equal(lp_cache_find(cache, model->index[i]), model->pa[i]);
        assert_int_equal(lp_cache_find(cache, model->index[i] ^ 1),
                         model_pa(model, model->index[i] ^ 1));
    }
    while ((pa = lp_cache_next(cache, &at)) != LP_PA_NONE) {
        assert_int_equal(pa, model_next(model, expected, &expected));
        assert_int_equal(at, expected);
        expected = ++at;
        seen++;
    }
    assert_int_equal(seen, model->n);
}

static void empty(struct lp_cache *cache, struct model *model)
{
    while (model->n)
        take_out(cache, model, model->index[0]);
    lp_cache_clear(cache);
}

/* Does an empty cache say so, wherever it is asked? */
static void test_cache_empty__finds_nothing(void **state)
{
    struct lp_cache cache = { 0 };
    uint64_t at = 0;

    (void)state;
    assert_int_equal(lp_cache_find(&cache, 0), LP_PA_NONE);
    assert_int_equal(lp_cache_find(&cache, LAST), LP_PA_NONE);
    assert_int_equal(lp_cache_remove(&cache, 5), LP_PA_NONE);
    assert_int_equal(lp_cache_next(&cache, &at), LP_PA_NONE);
    lp_cache_clear(&cache);
}

/* Pages far apart, around the borders of every level: are all found? */
static void test_cache_sparse_and_large_indices__as_the_model(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };
    unsigned shift;

    (void)state;
    insert(&cache, &model, 0);
    compare(&cache, &model);
    for (shift = LP_CACHE_BITS; shift < 50; shift += LP_CACHE_BITS) {
        insert(&cache, &model, ((uint64_t)1 << shift) - 1);
        insert(&cache, &model, (uint64_t)1 << shift);
        insert(&cache, &model, ((uint64_t)1 << shift) + 5);
        compare(&cache, &model);
    }
    insert(&cache, &model, LAST);
    insert(&cache, &model, LAST - 1);
    compare(&cache, &model);
    empty(&cache, &model);
    ck_destroy(ck);
}

/* The large index first: is the small one found in the tall tree? */
static void test_cache_large_index_first__small_ones_found(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };
    uint64_t at = LAST + 1;

    (void)state;
    insert(&cache, &model, LAST);
    insert(&cache, &model, 3);
    insert(&cache, &model, 1 << 20);
    compare(&cache, &model);
    assert_int_equal(lp_cache_next(&cache, &at), LP_PA_NONE);
    at = UINT64_MAX;
    assert_int_equal(lp_cache_next(&cache, &at), LP_PA_NONE);
    empty(&cache, &model);
    ck_destroy(ck);
}

/* An index beyond what the tree reaches: not taken for the one below it whose
 * low bits are the same? */
static void test_cache_beyond_reach__not_found(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };
    unsigned shift;

    (void)state;
    insert(&cache, &model, 3);
    for (shift = LP_CACHE_BITS; shift < 50; shift += LP_CACHE_BITS) {
        assert_int_equal(lp_cache_find(&cache, 3 | (uint64_t)1 << shift),
                         LP_PA_NONE);
        assert_int_equal(lp_cache_remove(&cache, 3 | (uint64_t)1 << shift),
                         LP_PA_NONE);
    }
    compare(&cache, &model);
    empty(&cache, &model);
    ck_destroy(ck);
}

static uint64_t random_number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 11;
}

/* Pages come and go at random: do the two ever differ? */
static void test_cache_random_changes__as_the_model(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };
    uint64_t seed = 1, index;
    unsigned i, bits;

    (void)state;
    for (i = 0; i < 3000; i++) {
        bits = 1 + (unsigned)(random_number(&seed) % 50);
        index = random_number(&seed) & (((uint64_t)1 << bits) - 1);
        if (model.n && random_number(&seed) % 5 < 2)
            index = model.index[random_number(&seed) % model.n];
        if (model_find(&model, index) < model.n)
            take_out(&cache, &model, index);
        else if (model.n < PAGES)
            insert(&cache, &model, index);
        if (i % 16 == 0)
            compare(&cache, &model);
    }
    compare(&cache, &model);
    empty(&cache, &model);
    ck_destroy(ck);
}

/* The n-th node cannot be had, for every n: has nothing changed? */
static void test_cache_insert_fails__nothing_changes(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };
    unsigned n, failures = 0;
    int error;

    (void)state;
    insert(&cache, &model, 2);
    insert(&cache, &model, 700);
    for (n = 1;; n++) {
        lp_host_fail_once(ck->m, n);
        error = lp_cache_insert(&cache, LAST, 64 * LP_PAGE_SIZE);
        lp_host_fail_once(ck->m, 0);
        if (!error)
            break;
        assert_int_equal(error, -LP_ENOMEM);
        assert_int_equal(lp_cache_find(&cache, LAST), LP_PA_NONE);
        compare(&cache, &model);
        failures++;
    }
    assert_true(failures > 0);
    assert_int_equal(lp_cache_remove(&cache, LAST), 64 * LP_PAGE_SIZE);
    compare(&cache, &model);
    empty(&cache, &model);
    ck_destroy(ck);
}

/* Does clear give every node back, also those of failed insertions? */
static void test_cache_clear__frees_all_nodes(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    struct model model = { .n = 0 };

    (void)state;
    lp_host_fail_once(ck->m, 1);
    assert_int_equal(lp_cache_insert(&cache, LAST, LP_PAGE_SIZE), -LP_ENOMEM);
    insert(&cache, &model, 1);
    insert(&cache, &model, LAST);
    insert(&cache, &model, (uint64_t)1 << 30);
    assert_true(ck->pager->cache_slab.nodes > 0);
    empty(&cache, &model);
    assert_int_equal(ck->pager->cache_slab.nodes, 0);
    assert_int_equal(cache.height, 0);
    insert(&cache, &model, 5); /* and it can be used again */
    compare(&cache, &model);
    empty(&cache, &model);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_empty__finds_nothing),
        cmocka_unit_test(test_cache_sparse_and_large_indices__as_the_model),
        cmocka_unit_test(test_cache_large_index_first__small_ones_found),
        cmocka_unit_test(test_cache_beyond_reach__not_found),
        cmocka_unit_test(test_cache_random_changes__as_the_model),
        cmocka_unit_test(test_cache_insert_fails__nothing_changes),
        cmocka_unit_test(test_cache_clear__frees_all_nodes),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
