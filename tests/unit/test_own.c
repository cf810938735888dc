/*
 * Copy-on-write of page tables: own, copy, clean, fork, sweep.
 */
#include "core_kit.h"

enum { PAGES = 8 };

/* A parent with PAGES written pages in one leaf table, and its child. */
struct world {
    struct ck *ck;
    struct lp_space *parent, *child;
    lp_va va;
    lp_pa table; /* the leaf table that both map */
    struct lp_gather gather;
};

static lp_va page(const struct world *w, unsigned i)
{
    return w->va + i * LP_PAGE_SIZE;
}

static struct world create(const char *format)
{
    struct world w = { .ck = ck_create(format) };
    unsigned i;

    w.va = w.ck->base;
    w.parent = ck_space(w.ck);
    ck_map(w.parent, w.va, PAGES, CK_RW, CK_ANON);
    for (i = 0; i < PAGES; i++)
        assert_int_equal(ck_fault(w.parent, page(&w, i), LP_WRITE), LP_ZERO);
    w.child = ck_fork(w.parent);
    w.table = ck_walk(w.parent, w.va).table;
    return w;
}

static void destroy(struct world *w)
{
    ck_check(w->ck);
    if (w->child)
        ck_end(w->ck, w->child);
    ck_end(w->ck, w->parent);
    ck_destroy(w->ck);
}

LP_NO_TSA static int own_path(struct world *w, struct lp_space *space, lp_va va)
{
    int error;

    lp_gather_init(&w->gather, space);
    lp_space_write_lock(space);
    error = lp_own_path(space, va, &w->gather);
    lp_gather_flush(&w->gather);
    lp_space_write_unlock(space);
    lp_gather_free(&w->gather);
    return error;
}

LP_NO_TSA static bool own_read_locked(struct lp_space *space, lp_va va)
{
    bool owned;

    lp_space_read_lock(space);
    owned = lp_own_read_locked(space, va);
    lp_space_read_unlock(space);
    return owned;
}

static uint32_t count(const struct world *w, lp_pa pa)
{
    return lp_frame_count(ck_frame(w->ck, pa));
}

static bool stale(const struct world *w, lp_pa pa)
{
    return (lp_frame_state(ck_frame(w->ck, pa)) & LP_FRAME_STALE) != 0;
}

static struct lp_stats stats(struct lp_space *space)
{
    struct lp_stats out;

    lp_space_stats(space, &out);
    return out;
}

/* After a fork: both below unowned entries, nothing copied, nothing stale? */
static void test_own_fork__shares_one_entry(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_use use = lp_use_of(ck_frame(w.ck, w.child->root));

        assert_int_equal(ck_walk(w.child, w.va).table, w.table);
        assert_false(ck_walk(w.parent, w.va).owned);
        assert_false(ck_walk(w.child, w.va).owned);
        assert_int_equal(use.used, 1);
        assert_int_equal(count(&w, w.child->root), 1);
        assert_int_equal(stats(w.parent).tables_shared, 1);
        assert_int_equal(stats(w.parent).tables_copied, 0);
        assert_false(stale(&w, w.table));
        assert_int_equal(count(&w, ck_leaf(w.parent, w.va).pa), 1);
        destroy(&w);
    }
}

/* Constant cost: how many frames does a fork take, with how much memory? */
static void test_own_fork_of_any_size__takes_the_same_frames(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        uint64_t before, small, large;
        struct lp_space *other;
        unsigned i;

        ck_end(w.ck, w.child);
        before = lp_host_allocations(w.ck->m);
        w.child = ck_fork(w.parent);
        small = lp_host_allocations(w.ck->m) - before;
        ck_map(w.parent, w.va + w.ck->span, 300, CK_RW, CK_ANON);
        for (i = 0; i < 300; i++)
            (void)ck_fault(w.parent, w.va + w.ck->span + i * LP_PAGE_SIZE,
                           LP_WRITE);
        before = lp_host_allocations(w.ck->m);
        other = ck_fork(w.parent);
        large = lp_host_allocations(w.ck->m) - before;
        assert_int_equal(small, large);
        assert_in_range(large, 1, 3);
        ck_end(w.ck, other);
        destroy(&w);
    }
}

/* What does a copy of the path look like, and what the original? */
static void test_own_shared_path__copied_and_original_stale(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_leaf ours, theirs;

        assert_int_equal(own_path(&w, w.child, w.va), 0);
        assert_true(ck_walk(w.child, w.va).owned);
        assert_int_not_equal(ck_walk(w.child, w.va).table, w.table);
        assert_int_equal(stats(w.child).tables_copied, w.ck->f->levels - 1);
        assert_int_equal(ck_walk(w.parent, w.va).table, w.table);
        assert_false(ck_walk(w.parent, w.va).owned);
        assert_true(stale(&w, w.table));
        assert_int_equal(count(&w, w.table), 1);
        assert_false(stale(&w, ck_walk(w.child, w.va).table));
        for (i = 0; i < PAGES; i++) {
            ours = ck_leaf(w.child, page(&w, i));
            theirs = ck_leaf(w.parent, page(&w, i));
            assert_int_equal(ours.pa, theirs.pa);
            assert_int_equal(count(&w, ours.pa), 2);
            assert_int_equal(ours.access, LP_READ);
            assert_false(stale(&w, ours.pa));
        }
        assert_int_equal(lp_use_of(ck_walk(w.child, w.va).frame).used, PAGES);
        destroy(&w);
    }
}

/* Out of frames at the n-th table: is nothing lost, and can it go on? */
static void test_own_path_out_of_frames__invisible(void **state)
{
    unsigned n;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_pa pa = ck_leaf(w.child, w.va).pa;

        for (n = 1; n < w.ck->f->levels; n++) {
            lp_host_fail_once(w.ck->m, 2); /* one more table each time */
            assert_int_equal(own_path(&w, w.child, w.va),
                             n + 1 < w.ck->f->levels ? -LP_ENOMEM : 0);
            lp_host_fail_once(w.ck->m, 0);
            assert_int_equal(ck_leaf(w.child, w.va).pa, pa);
            assert_int_equal(ck_leaf(w.parent, w.va).pa, pa);
            ck_check(w.ck);
        }
        destroy(&w);
    }
}

/* The other side has copied: what does cleaning keep? */
static void test_own_stale_path__cleaned_to_what_is_ours_alone(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        (void)ck_fault(w.child, page(&w, 2), LP_WRITE); /* takes a copy of 2 */
        assert_true(stale(&w, w.table));
        assert_int_equal(own_path(&w, w.parent, w.va), 0);
        assert_true(ck_walk(w.parent, w.va).owned);
        assert_int_equal(ck_walk(w.parent, w.va).table, w.table);
        assert_false(stale(&w, w.table));
        assert_int_equal(stats(w.parent).tables_cleaned, w.ck->f->levels - 1);
        assert_int_equal(stats(w.parent).tables_copied, 0);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(ck_leaf(w.parent, page(&w, i)).access,
                             i == 2 ? CK_RW : LP_READ);
        destroy(&w);
    }
}

/* The child is gone, and has copied nothing: all back, one fault an entry? */
static void test_own_sole_and_clean__regained_in_place(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        ck_end(w.ck, w.child);
        w.child = NULL;
        assert_true(own_read_locked(w.parent, w.va));
        assert_true(ck_walk(w.parent, w.va).owned);
        assert_int_equal(stats(w.parent).tables_regained, 1);
        assert_int_equal(stats(w.parent).tables_cleaned, 0);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(ck_leaf(w.parent, page(&w, i)).access, CK_RW);
        destroy(&w);
    }
}

/* R5: does the read lock suffice only where nothing is copied or cleaned? */
static void test_own_under_read_lock__refuses_shared_and_stale(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_false(own_read_locked(w.parent, w.va));
        assert_false(ck_walk(w.parent, w.va).owned);
        assert_int_equal(own_path(&w, w.child, w.va), 0);
        assert_true(own_read_locked(w.child, w.va));
        assert_int_equal(count(&w, w.table), 1);
        assert_false(own_read_locked(w.parent, w.va)); /* sole, but stale */
        assert_false(ck_walk(w.parent, w.va).owned);
        destroy(&w);
    }
}

/* EDGES: is a subtree that the range covers left alone? */
LP_NO_TSA static void test_own_edges__leave_covered_tables_shared(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va span = w.ck->span, before, after;
        struct lp_space *child;

        before = w.va + span;
        after = before + 2 * span;
        ck_map(w.parent, before, 3 * span / LP_PAGE_SIZE, CK_RW, CK_ANON);
        (void)ck_fault(w.parent, before + span - 1, LP_WRITE);
        (void)ck_fault(w.parent, before + span, LP_WRITE);
        (void)ck_fault(w.parent, after, LP_WRITE);
        child = ck_fork(w.parent);
        lp_gather_init(&w.gather, child);
        lp_space_write_lock(child);
        assert_int_equal(lp_own_range(child, after - span - LP_PAGE_SIZE,
                                      after + LP_PAGE_SIZE, LP_OWN_EDGES,
                                      &w.gather),
                         0);
        lp_gather_flush(&w.gather);
        lp_space_write_unlock(child);
        lp_gather_free(&w.gather);
        assert_true(ck_walk(child, after - span - 1).owned);
        assert_false(ck_walk(child, after - 1).owned);
        assert_true(ck_walk(child, after).owned);
        ck_check(w.ck);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* A leaf of a shared mapping keeps W, and D moves to the record once. */
static void test_own_copy_of_shared_mapping__keeps_w_moves_d(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = page(&w, PAGES);
        struct lp_space *child;
        lp_pa pa;

        ck_map(w.parent, va, 1, CK_RW, CK_SHARED);
        (void)ck_fault(w.parent, va, LP_WRITE);
        pa = ck_leaf(w.parent, va).pa;
        child = ck_fork(w.parent);
        assert_false(lp_frame_state(ck_frame(w.ck, pa)) & LP_FRAME_DIRTY);
        assert_int_equal(own_path(&w, child, va), 0);
        assert_true(lp_frame_state(ck_frame(w.ck, pa)) & LP_FRAME_DIRTY);
        assert_false(ck_leaf(w.parent, va).dirty);
        assert_false(ck_leaf(child, va).dirty);
        assert_int_equal(ck_leaf(child, va).access, CK_RW);
        assert_int_equal(ck_leaf(child, page(&w, 0)).access, LP_READ);
        assert_int_equal(own_path(&w, w.parent, va), 0); /* cleans or copies */
        assert_int_equal(ck_leaf(w.parent, va).access, CK_RW);
        assert_int_equal(count(&w, pa), 3); /* two entries and the cache */
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/*
 * The child copied the table and went: does one write get all its pages back,
 * and not those that a third still has?
 */
static void test_own_sweep__one_fault_for_all_pages_of_a_table(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(own_path(&w, w.parent, w.va), 0); /* P's is a copy */
        ck_end(w.ck, w.child);
        w.child = NULL;
        assert_int_equal(ck_fault(w.parent, page(&w, 3), LP_WRITE), LP_REUSE);
        assert_int_equal(stats(w.parent).swept, PAGES - 1);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(ck_leaf(w.parent, page(&w, i)).access, CK_RW);
        assert_false(lp_frame_state(ck_walk(w.parent, w.va).frame) &
                     LP_FRAME_COPIED);
        destroy(&w);
    }
}

/* Pages still shared: swept again, but after ever more faults. */
static void test_own_sweep_of_shared_pages__backs_off(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        unsigned i, exponent, last = 0;
        struct lp_frame *leaf;

        assert_int_equal(own_path(&w, w.parent, w.va), 0);
        leaf = ck_walk(w.parent, w.va).frame;
        for (i = 0; i < PAGES - 1; i++) {
            /* The child copies page i, which is the parent's alone then. */
            (void)ck_fault(w.child, page(&w, i), LP_WRITE);
            (void)ck_fault(w.parent, page(&w, i), LP_WRITE);
            assert_int_equal(ck_leaf(w.parent, page(&w, i)).access, CK_RW);
            exponent = (lp_frame_state(leaf) & LP_FRAME_WAIT_MASK) >>
                       LP_FRAME_WAIT_SHIFT;
            assert_in_range(exponent, last, last + 1);
            last = exponent;
        }
        /* Swept at fault 1, 3 and 7: each wait is twice the one before. */
        assert_int_equal(last, 3);
        assert_int_equal(ck_leaf(w.parent, page(&w, PAGES - 1)).access,
                         LP_READ);
        destroy(&w);
    }
}

/* A page that an area does not let be written stays read-only in a sweep. */
static void test_own_sweep__respects_the_area(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(own_path(&w, w.parent, w.va), 0);
        ck_end(w.ck, w.child);
        w.child = NULL;
        assert_int_equal(
            lp_mprotect(w.parent, page(&w, 4), 2 * LP_PAGE_SIZE, LP_READ), 0);
        assert_int_equal(ck_fault(w.parent, w.va, LP_WRITE), LP_REUSE);
        assert_int_equal(ck_leaf(w.parent, page(&w, 3)).access, CK_RW);
        assert_int_equal(ck_leaf(w.parent, page(&w, 4)).access, LP_READ);
        assert_int_equal(ck_leaf(w.parent, page(&w, 5)).access, LP_READ);
        assert_int_equal(ck_leaf(w.parent, page(&w, 6)).access, CK_RW);
        destroy(&w);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_fork__shares_one_entry),
        cmocka_unit_test(test_own_fork_of_any_size__takes_the_same_frames),
        cmocka_unit_test(test_own_shared_path__copied_and_original_stale),
        cmocka_unit_test(test_own_path_out_of_frames__invisible),
        cmocka_unit_test(test_own_stale_path__cleaned_to_what_is_ours_alone),
        cmocka_unit_test(test_own_sole_and_clean__regained_in_place),
        cmocka_unit_test(test_own_under_read_lock__refuses_shared_and_stale),
        cmocka_unit_test(test_own_edges__leave_covered_tables_shared),
        cmocka_unit_test(test_own_copy_of_shared_mapping__keeps_w_moves_d),
        cmocka_unit_test(test_own_sweep__one_fault_for_all_pages_of_a_table),
        cmocka_unit_test(test_own_sweep_of_shared_pages__backs_off),
        cmocka_unit_test(test_own_sweep__respects_the_area),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
