/*
 * The tree of areas in single situations.
 */
#include "model_vma.h"

/* --- single situations --------------------------------------------------- */

/* What does a tree without areas answer? */
static void test_vma_empty__finds_nothing_and_is_one_gap(void **unused)
{
    struct lp_vma vma;
    lp_va va;

    (void)unused;
    assert_false(lp_vma_find(&trees[0], 0, &vma));
    assert_false(lp_vma_find(&trees[0], UINT64_MAX, &vma));
    assert_false(lp_vma_any(&trees[0], 0, UINT64_MAX));
    assert_true(lp_vma_gap(&trees[0], 2 * PAGE, PAGE, 10 * PAGE, &va));
    assert_int_equal(va, 8 * PAGE);
    assert_false(lp_vma_gap(&trees[0], 10 * PAGE, PAGE, 10 * PAGE, &va));
    prepare(0, 1, 2);
    do_remove(0, 1, 2);
    settle(0);
    check_all();
}

/* Which area is found for an address in, at the ends of, and between areas? */
static void test_vma_find__gives_the_holder_or_the_next_above(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    insert(0, 10, 12, 1, 1, 5);
    insert(0, 20, 21, 2, 0, 0);
    assert_true(lp_vma_find(&trees[0], 0, &vma));
    assert_int_equal(vma.start, 10 * PAGE);
    assert_int_equal(vma.offset, 5 * PAGE);
    assert_true(lp_vma_find(&trees[0], 12 * PAGE - 1, &vma));
    assert_int_equal(vma.start, 10 * PAGE);
    assert_true(lp_vma_find(&trees[0], 12 * PAGE, &vma));
    assert_int_equal(vma.start, 20 * PAGE);
    assert_false(lp_vma_find(&trees[0], 21 * PAGE, &vma));
    assert_true(lp_vma_any(&trees[0], 11 * PAGE, 12 * PAGE));
    assert_false(lp_vma_any(&trees[0], 12 * PAGE, 20 * PAGE));
    assert_true(lp_vma_any(&trees[0], 12 * PAGE, 20 * PAGE + 1));
    assert_false(lp_vma_any(&trees[0], 11 * PAGE, 11 * PAGE));
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[0].bytes, 3 * PAGE);
}

/* Does a hole become one area when what fills it equals both sides? */
static void test_vma_insert_equal__merges_left_right_and_both(void **unused)
{
    (void)unused;
    insert(0, 10, 12, 1, 1, 10);
    insert(0, 12, 14, 1, 1, 12);
    assert_int_equal(trees[0].count, 1);
    insert(0, 18, 20, 1, 1, 18);
    insert(0, 16, 18, 1, 1, 16);
    assert_int_equal(trees[0].count, 2);
    insert(0, 14, 16, 1, 1, 14);
    assert_int_equal(trees[0].count, 1);
    check_all();
}

/* Does anything merge that differs in object, offset, flags or owner? */
static void test_vma_insert_unequal__does_not_merge(void **unused)
{
    struct lp_vma vma = {
        .start = 40 * PAGE, .end = 41 * PAGE, .flags = 1, .owner = 7
    };

    (void)unused;
    insert(0, 10, 11, 1, 1, 10);
    insert(0, 11, 12, 1, 1, 12);
    insert(0, 12, 13, 1, 2, 13);
    insert(0, 13, 14, 3, 2, 14);
    insert(0, 14, 15, 3, 0, 0);
    assert_int_equal(trees[0].count, 5);
    insert(0, 30, 40, 1, 0, 0);
    assert_int_equal(lp_vma_prepare(&trees[0], vma.start, vma.end), 0);
    lp_vma_insert(&trees[0], &vma);
    assert_int_equal(trees[0].count, 7);
    remove_range(0, 40, 41);
    check_all();
}

/* Where do the offsets of the parts begin when the middle of an area goes? */
static void test_vma_remove_middle__leaves_both_ends(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    insert(0, 10, 20, 1, 1, 100);
    remove_range(0, 13, 15);
    check_all();
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[0].bytes, 8 * PAGE);
    assert_true(lp_vma_find(&trees[0], 13 * PAGE, &vma));
    assert_int_equal(vma.start, 15 * PAGE);
    assert_int_equal(vma.offset, 105 * PAGE);
}

/* Is a range over many leaves removed, for every pair of borders? */
static void test_vma_remove_many__leaves_the_rest(void **unused)
{
    (void)unused;
    fill(1, 700, 2);
    for (unsigned start = 0; start < 1400; start += 173) {
        for (unsigned end = start + 1; end < 1402; end += 131) {
            do_share(0, 1);
            remove_range(0, start, end);
            check_all();
        }
    }
}

/* Is an area as large as the address space possible, and its end found? */
static void test_vma_full_range__is_one_area(void **unused)
{
    const lp_va end = ~LP_PAGE_MASK;
    struct lp_vma vma = { .start = 0, .end = end, .flags = 1 };
    lp_va va;

    (void)unused;
    assert_int_equal(lp_vma_prepare(&trees[0], 0, end), 0);
    lp_vma_remove(&trees[0], 0, end, &dead);
    lp_vma_insert(&trees[0], &vma);
    lp_vma_settle(&trees[0]);
    assert_null(lp_vma_check(&trees[0]));
    assert_true(lp_vma_find(&trees[0], end - 1, &vma));
    assert_false(lp_vma_find(&trees[0], end, &vma));
    assert_false(lp_vma_find(&trees[0], UINT64_MAX, &vma));
    assert_false(lp_vma_gap(&trees[0], PAGE, 0, end, &va));
    assert_int_equal(lp_vma_prepare(&trees[0], 5 * PAGE, end), 0);
    lp_vma_remove(&trees[0], 5 * PAGE, end, &dead);
    lp_vma_settle(&trees[0]);
    assert_true(lp_vma_gap(&trees[0], PAGE, 0, end, &va));
    assert_int_equal(va, end - PAGE);
    lp_vma_clear(&trees[0], &dead);
}

/* Do low and high cut the holes that they stand in? */
static void test_vma_gap_at_borders__is_cut(void **unused)
{
    struct lp_vma_tree *tree = &trees[0];
    lp_va va;

    (void)unused;
    insert(0, 10, 20, 1, 0, 0);
    insert(0, 30, 40, 2, 0, 0);
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 28 * PAGE, &va));
    assert_int_equal(va, 23 * PAGE);
    assert_true(lp_vma_gap(tree, 9 * PAGE, 0, 28 * PAGE, &va));
    assert_int_equal(va, 1 * PAGE);
    assert_false(lp_vma_gap(tree, 9 * PAGE, 2 * PAGE, 28 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 10 * PAGE, 0, 45 * PAGE, &va));
    assert_int_equal(va, 20 * PAGE);
    assert_false(lp_vma_gap(tree, 10 * PAGE, 21 * PAGE, 45 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 45 * PAGE, &va));
    assert_int_equal(va, 40 * PAGE);
    assert_true(lp_vma_gap(tree, 5 * PAGE, 41 * PAGE, 46 * PAGE, &va));
    assert_int_equal(va, 41 * PAGE);
    assert_false(lp_vma_gap(tree, 5 * PAGE, 42 * PAGE, 46 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 5 * PAGE, &va));
    assert_int_equal(va, 0);
    assert_false(lp_vma_gap(tree, 5 * PAGE, 6 * PAGE, 5 * PAGE, &va));
    assert_false(lp_vma_gap(tree, PAGE, 12 * PAGE, 18 * PAGE, &va));
    assert_false(lp_vma_gap(tree, PAGE, 0, 0, &va));
    assert_false(lp_vma_gap(tree, ~LP_PAGE_MASK, 0, 5 * PAGE, &va));
    assert_false(lp_vma_gap(tree, ~LP_PAGE_MASK, 0, 50 * PAGE, &va));
}

/* Are areas that become equal merged across leaves, inside and at the ends? */
static void test_vma_change_all__becomes_one_area(void **unused)
{
    (void)unused;
    fill(1, 600, 1);
    assert_int_equal(trees[1].count, 600);
    do_share(0, 1);
    change(0, 1, 599, 3, 1);
    check_all();
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[1].count, 600);
}

/* Do both trees have their own areas after a share? */
static void test_vma_share__costs_nothing_and_is_private(void **unused)
{
    int64_t before;

    (void)unused;
    fill(0, 500, 3);
    insert(0, 1600, 1700, 1, 1, 0);
    before = atomic_load(&fake_nodes);
    do_share(1, 0);
    do_share(2, 1);
    assert_int_equal(atomic_load(&fake_nodes), before);
    insert(1, 700, 701, 7, 2, 9);
    change(2, 100, 140, 3, 0);
    remove_range(0, 0, 1000);
    check_all();
    lp_vma_clear(&trees[1], &dead);
    memset(cells[1], 0, sizeof(cells[1]));
    check_all();
}

/* Are whole shared subtrees dropped without being copied? */
static void test_vma_remove_shared__copies_only_the_borders(void **unused)
{
    int64_t nodes, most;

    (void)unused;
    fill(0, 1000, 3);
    do_share(1, 0);
    nodes = atomic_load(&fake_nodes);
    prepare(1, 31, 2900);
    do_remove(1, 31, 2900);
    settle(1);
    most = 2 * 3;
    assert_true(atomic_load(&fake_nodes) - nodes <= most);
    check_all();
}

/* Does the list get an object when its last area goes, and only then? */
static void test_vma_remove_last_area_of_object__puts_it_on_list(void **unused)
{
    (void)unused;
    insert(0, 10, 20, 1, 1, 0);
    atomic_fetch_sub(&objects[0].refs, 1); /* the creator's */
    do_share(1, 0);
    remove_range(0, 10, 15);
    assert_null(dead.first);
    remove_range(0, 15, 20);
    assert_null(dead.first);
    remove_range(1, 0, 100);
    assert_ptr_equal(dead.first, &objects[0]);
    dead.first = NULL;
    atomic_store(&objects[0].refs, 1);
}

/* 256 areas of 9 pages: every node of the tree is full. */
static void fill_all_nodes(unsigned t)
{
    for (unsigned i = 0; i < 256; i++)
        insert(t, 9 * i, 9 * i + 9, 1 + i % 2, 0, 0);
    assert_int_equal(trees[t].root->n, LP_VMA_KEYS);
    assert_int_equal(trees[t].root->level, 1);
}

/* Is enough set aside when every node of a path must split, and some twice? */
static void test_vma_edit_full_nodes__has_enough_spares(void **unused)
{
    (void)unused;
    fill_all_nodes(1);
    for (unsigned i = 0; i < 256; i++) {
        unsigned at = 9 * i;

        do_share(0, 1);
        prepare(0, at + 1, at + 2); /* the most that these may be used for */
        prepare(0, at + 3, at + 4);
        prepare(0, at + 5, at + 6);
        prepare(0, at + 7, at + 8);
        for (unsigned k = 1; k < 8; k += 2) {
            do_remove(0, at + k, at + k + 1);
            do_insert(0, at + k, at + k + 1, 4, 0, 0);
        }
        settle(0);
        check_all();
        do_share(0, 1);
        change(0, at + 3, at + 5, 3, 4);
        check_all();
    }
}

/* Are nodes that are not full edited without any being set aside? */
static void test_vma_prepare_owned__sets_nothing_aside(void **unused)
{
    (void)unused;
    fill(0, 40, 3);
    fake_fail(0);
    assert_int_equal(lp_vma_prepare(&trees[0], 115 * PAGE, 117 * PAGE), 0);
    assert_int_equal(trees[0].nspare, 0);
    settle(0);
}

/* Is the leaf of the last hit forgotten when a prepare, done or failed, copies
 * it? */
static void test_vma_find_after_prepare__looks_into_the_copy(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    for (unsigned allocations = 0; allocations < 16; allocations++) {
        lp_va start = 600 * PAGE, end = 900 * PAGE;
        int error;

        fill(1, 400, 3);
        do_share(0, 1);
        assert_true(lp_vma_find(&trees[0], start, &vma));
        fake_fail(allocations / 2);
        if (allocations % 2)
            error = lp_vma_prepare_change(&trees[0], start, end);
        else
            error = lp_vma_prepare(&trees[0], start, end);
        settle(0);
        remove_range(1, 0, PAGES);
        assert_true(lp_vma_find(&trees[0], start, &vma));
        assert_int_equal(vma.start, start);
        assert_true(error == 0 || error == -LP_ENOMEM);
        check_all();
    }
}

/* And when a remove drops it, after a find that came between? */
static void test_vma_find_before_remove__is_forgotten(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    fill(0, 400, 3);
    prepare(0, 590, 700);
    assert_true(lp_vma_find(&trees[0], 630 * PAGE, &vma));
    do_remove(0, 590, 700);
    assert_true(lp_vma_find(&trees[0], 630 * PAGE, &vma));
    assert_int_equal(vma.start, 702 * PAGE);
    settle(0);
}

/* Or an insert, that joins the leaf's only area to one in another? */
static void test_vma_find_before_insert__is_forgotten(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    fill(0, 32, 3);
    insert(0, 96, 97, 2, 0, 0); /* alone in the third leaf */
    prepare(0, 94, 96);
    assert_true(lp_vma_find(&trees[0], 96 * PAGE, &vma));
    do_insert(0, 94, 96, 2, 0, 0);
    assert_true(lp_vma_find(&trees[0], 96 * PAGE, &vma));
    assert_int_equal(vma.start, 93 * PAGE);
    settle(0);
    check_all();
}

/* Or a change? */
static void test_vma_find_before_change__is_forgotten(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    fill(0, 400, 1);
    assert_int_equal(lp_vma_prepare_change(&trees[0], 0, 300 * PAGE), 0);
    assert_true(lp_vma_find(&trees[0], 200 * PAGE, &vma));
    lp_vma_change(&trees[0], 0, 300 * PAGE, 3, 1);
    assert_true(lp_vma_find(&trees[0], 200 * PAGE, &vma));
    assert_int_equal(vma.start, 0);
    settle(0);
}

/* Remove areas [from, to) of a tree that fill() made with step 3. */
static void remove_areas(unsigned t, unsigned from, unsigned to)
{
    remove_range(t, 3 * from, 3 * to);
}

/*
 * Inner nodes with 16 full leaves each, and more; the last leaf of the first
 * and the first leaf of the second have one area only.
 */
static void fill_thin_seam(unsigned t)
{
    fill(t, 750, 3);
    assert_int_equal(trees[t].root->level, 2);
    assert_int_equal(trees[t].root->n, 3);
    remove_areas(t, 240, 255);
    remove_areas(t, 257, 272);
    check_fill(trees[t].root);
}

/* Are thin leaves merged when all that was between them goes? */
static void test_vma_remove_between_thin_leaves__merges_them(void **unused)
{
    (void)unused;
    fill(0, 600, 3);
    remove_areas(0, 17, 32); /* one area left in the second leaf */
    remove_areas(0, 64, 79); /* and in the fifth */
    remove_areas(0, 32, 64); /* the third and fourth, exactly */
    check_all();
    check_fill(trees[0].root);
}

/* And when their parents are merged, so that they become neighbours? */
static void test_vma_merge_of_parents__merges_thin_children(void **unused)
{
    (void)unused;
    fill_thin_seam(0);
    remove_areas(0, 0, 160);   /* six leaves left */
    remove_areas(0, 384, 512); /* eight left */
    assert_int_equal(trees[0].root->n, 2);
    check_all();
    check_fill(trees[0].root);
}

/* And when both are shared, so that neither may be changed? */
static void test_vma_merge_of_parents__leaves_shared_children(void **unused)
{
    (void)unused;
    fill_thin_seam(1);
    remove_areas(1, 0, 160);
    do_share(0, 1);
    remove_areas(0, 384, 512);
    assert_int_equal(trees[0].root->n, 2);
    check_all();
}

/* Does an area between a leaf with room and a full one need a new leaf? */
static void test_vma_insert_before_full_leaf__uses_room_below(void **unused)
{
    int64_t nodes;

    (void)unused;
    fill(0, 64, 3);
    remove_areas(0, 20, 21);
    nodes = atomic_load(&fake_nodes);
    insert(0, 3 * 32 - 1, 3 * 32, 7, 0, 0);
    assert_int_equal(atomic_load(&fake_nodes), nodes);
    check_all();
}

/* --- n-th allocation fails ----------------------------------------------- */

/* Try, from the same shared tree, until n allocations are enough. */
static void fail_every(unsigned start, unsigned end,
                       int (*try)(struct lp_vma_tree *, lp_va, lp_va))
{
    int error = -LP_ENOMEM;

    for (int64_t n = 0; error != 0; n++) {
        do_share(1, 0);
        fake_fail(n);
        error = try(&trees[1], start * PAGE, end * PAGE);
        assert_true(error == 0 || error == -LP_ENOMEM);
        check_all();
        settle(1);
    }
    check_all();
}

/* Is the tree as it was when any allocation of a prepare fails? */
static void test_vma_prepare_out_of_memory__changes_nothing(void **unused)
{
    static const unsigned ranges[][2] = {
        { 0, 1 },     { 0, 2000 },  { 100, 101 },
        { 321, 323 }, { 90, 1700 }, { 1990, 2400 },
    };

    (void)unused;
    fill(0, 666, 3);
    insert(0, 2000, 2500, 1, 1, 0);
    for (unsigned i = 0; i < COUNT(ranges); i++) {
        fail_every(ranges[i][0], ranges[i][1], lp_vma_prepare);
        fail_every(ranges[i][0], ranges[i][1], lp_vma_prepare_change);
    }
}

/* --- fill ---------------------------------------------------------------- */

static int64_t nodes_after_fill(bool ascending)
{
    for (unsigned i = 0; i < 1500; i++) {
        unsigned at = ascending ? 2 * i : 2 * (1499 - i);

        insert(0, at, at + 1, 1, 0, 0);
    }
    check_all();
    return atomic_load(&fake_nodes);
}

/* Are nodes full when areas come in order of their addresses? */
static void test_vma_insert_ascending__fills_nodes(void **unused)
{
    (void)unused; /* 1500 = 93 * 16 + 12: 94 leaves, 6 above, the root */
    assert_int_equal(nodes_after_fill(true), 94 + 6 + 1);
}

/* Or in the opposite order, as mmap hands them out? */
static void test_vma_insert_descending__fills_nodes(void **unused)
{
    (void)unused;
    assert_int_equal(nodes_after_fill(false), 94 + 6 + 1);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_vma_empty__finds_nothing_and_is_one_gap),
        TEST(test_vma_find__gives_the_holder_or_the_next_above),
        TEST(test_vma_insert_equal__merges_left_right_and_both),
        TEST(test_vma_insert_unequal__does_not_merge),
        TEST(test_vma_remove_middle__leaves_both_ends),
        TEST(test_vma_remove_many__leaves_the_rest),
        TEST(test_vma_full_range__is_one_area),
        TEST(test_vma_gap_at_borders__is_cut),
        TEST(test_vma_change_all__becomes_one_area),
        TEST(test_vma_share__costs_nothing_and_is_private),
        TEST(test_vma_remove_shared__copies_only_the_borders),
        TEST(test_vma_remove_last_area_of_object__puts_it_on_list),
        TEST(test_vma_edit_full_nodes__has_enough_spares),
        TEST(test_vma_prepare_owned__sets_nothing_aside),
        TEST(test_vma_find_after_prepare__looks_into_the_copy),
        TEST(test_vma_find_before_remove__is_forgotten),
        TEST(test_vma_find_before_insert__is_forgotten),
        TEST(test_vma_find_before_change__is_forgotten),
        TEST(test_vma_remove_between_thin_leaves__merges_them),
        TEST(test_vma_merge_of_parents__merges_thin_children),
        TEST(test_vma_merge_of_parents__leaves_shared_children),
        TEST(test_vma_insert_before_full_leaf__uses_room_below),
        TEST(test_vma_prepare_out_of_memory__changes_nothing),
        TEST(test_vma_insert_ascending__fills_nodes),
        TEST(test_vma_insert_descending__fills_nodes),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
