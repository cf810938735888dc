/*
 * The tree of areas under random edits, against arrays of pages.  A failure
 * prints the seed.
 */
#include "model_vma.h"

/* A range: mostly short, sometimes long, now and then everything. */
static void random_range(unsigned *start, unsigned *end)
{
    unsigned kind = fake_below(&state, 64), most = 4;

    if (kind == 0)
        most = PAGES;
    else if (kind < 8)
        most = 200;
    *start = fake_below(&state, PAGES);
    *end = *start + 1 + fake_below(&state, most);
    if (*end > PAGES)
        *end = PAGES;
}

static void random_insert(unsigned t, unsigned start, unsigned end)
{
    unsigned object = fake_below(&state, OBJECTS + 1);
    unsigned offset = fake_below(&state, 8) ? start : fake_below(&state, 99);

    do_insert(t, start, end, 1 + fake_below(&state, 3), object, offset);
}

/* Two places prepared together, as mremap does. */
static void random_move(unsigned t)
{
    unsigned a, b, c, d;

    random_range(&a, &b);
    random_range(&c, &d);
    if (a < d && c < b)
        return;
    prepare(t, a, b);
    prepare(t, c, d);
    do_remove(t, a, b);
    do_remove(t, c, d);
    if (fake_below(&state, 2))
        random_insert(t, a, b);
    random_insert(t, c, d);
    settle(t);
}

/* With no memory at first; what was owned stays owned. */
static void random_failure(unsigned t)
{
    unsigned start, end;
    int error;

    random_range(&start, &end);
    fake_fail(fake_below(&state, 4));
    if (fake_below(&state, 2))
        error = lp_vma_prepare(&trees[t], start * PAGE, end * PAGE);
    else
        error = lp_vma_prepare_change(&trees[t], start * PAGE, end * PAGE);
    assert_true(error == 0 || error == -LP_ENOMEM);
    settle(t);
}

static void random_step(unsigned t, unsigned ntrees)
{
    unsigned start, end, kind = fake_below(&state, 100);

    random_range(&start, &end);
    if (kind < 60) {
        prepare(t, start, end);
        do_remove(t, start, end);
        random_insert(t, start, end);
        settle(t);
    } else if (kind < 75) {
        remove_range(t, start, end);
    } else if (kind < 87) {
        change(t, start, end, fake_below(&state, 4), fake_below(&state, 4));
    } else if (kind < 93) {
        random_move(t);
    } else if (kind < 96) {
        random_failure(t);
    } else if (ntrees > 1 && kind < 98) {
        unsigned to = fake_below(&state, ntrees);

        if (to != t)
            do_share(to, t);
    } else if (kind == 99 && fake_below(&state, 20) == 0) {
        lp_vma_clear(&trees[t], &dead);
        memset(cells[t], 0, sizeof(cells[t]));
    }
}

/* The highest fitting address, by trying them all. */
static bool model_gap(unsigned t, unsigned len, unsigned low, unsigned high,
                      unsigned *out)
{
    unsigned run = 0;

    for (unsigned i = high; i-- > low;) {
        run = i < PAGES && cells[t][i].used ? 0 : run + 1;
        if (run == len) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void random_lookups(unsigned t)
{
    for (unsigned n = 0; n < 8; n++) {
        unsigned va = fake_below(&state, PAGES), start = 0, end = 0;
        unsigned low = fake_below(&state, PAGES);
        unsigned high = fake_below(&state, PAGES + 20);
        unsigned len = 1 + fake_below(&state, n < 4 ? 4 : 200), at = 0;
        struct lp_vma vma;
        lp_va gap = 0;
        bool found = lp_vma_find(&trees[t], va * PAGE, &vma);

        if (found != model_next(cells[t], va, &start, &end))
            die("find %x in tree %u", va, t);
        if (found)
            expect_area(cells[t], start, end, &vma);
        if (n % 2)
            low = fake_below(&state, 8);
        found =
            lp_vma_gap(&trees[t], len * PAGE, low * PAGE, high * PAGE, &gap);
        if (found != model_gap(t, len, low, high, &at) || gap != at * PAGE)
            die("gap of %x in [%x, %x) of tree %u: %d %llx, expected %x", len,
                low, high, t, found, (unsigned long long)gap, at);
    }
}

/* Do trees that share nodes behave as arrays of pages that share nothing? */
static void test_vma_random_on_shared_trees__equals_model(void **unused)
{
    for (uint64_t s = 1; s <= 6; s++) {
        setup(unused);
        seed = state = s;
        for (unsigned n = 0; n < 1500; n++) {
            unsigned t = fake_below(&state, TREES);

            random_step(t, TREES);
            check_all();
            random_lookups(t);
        }
        teardown(unused);
    }
}

/* And a tree that never shared: is it well filled too? */
static void test_vma_random_on_one_tree__equals_model_and_is_full(void **unused)
{
    for (uint64_t s = 100; s <= 103; s++) {
        setup(unused);
        seed = state = s;
        for (unsigned n = 0; n < 3000; n++) {
            random_step(0, 1);
            check_all();
            check_fill(trees[0].root);
            random_lookups(0);
        }
        teardown(unused);
    }
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_vma_random_on_shared_trees__equals_model),
        TEST(test_vma_random_on_one_tree__equals_model_and_is_full),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
