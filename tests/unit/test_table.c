/*
 * Page tables: walking, single entries, ranges. On every format.
 */
#include "core_kit.h"

#include "table.h"

/* A space with an area of `PAGES` pages across a leaf table's border. */
enum { PAGES = 8 };

struct world {
    struct ck *ck;
    struct lp_space *space;
    lp_va va; /* half of the pages lie below the border */
    struct lp_gather gather;
};

static struct world create(const char *format)
{
    struct world w = { .ck = ck_create(format) };

    w.space = ck_space(w.ck);
    w.va = w.ck->base + w.ck->span - PAGES / 2 * LP_PAGE_SIZE;
    ck_map(w.space, w.va, PAGES, CK_RW, CK_ANON);
    lp_gather_init(&w.gather, w.space);
    return w;
}

static void destroy(struct world *w)
{
    ck_check(w->ck);
    ck_end(w->ck, w->space);
    ck_destroy(w->ck);
}

static lp_va page(const struct world *w, unsigned i)
{
    return w->va + i * LP_PAGE_SIZE;
}

/* Write all pages through faults. */
static void fill(struct world *w)
{
    unsigned i;

    for (i = 0; i < PAGES; i++)
        assert_int_equal(ck_fault(w->space, page(w, i), LP_WRITE), LP_ZERO);
}

LP_NO_TSA static void finish(struct world *w)
{
    lp_gather_flush(&w->gather);
    lp_space_write_unlock(w->space);
    lp_gather_free(&w->gather);
}

LP_NO_TSA static void begin(struct world *w)
{
    lp_space_write_lock(w->space);
    lp_gather_init(&w->gather, w->space);
}

/* Put a page of ours there. */
static lp_pa install(struct world *w, lp_va va, struct lp_new_leaf leaf)
{
    struct lp_walk walk;

    leaf.pa = ck_alloc(w->ck, LP_KIND_DATA, 0);
    begin(w);
    lp_table_walk(w->space, va, &walk);
    assert_int_equal(lp_table_extend(w->space, &walk), 0);
    lp_table_lock(w->space, &walk);
    lp_table_install(w->space, &walk, &leaf, &w->gather);
    lp_gather_flush(&w->gather);
    lp_table_unlock(&walk);
    finish(w);
    return leaf.pa;
}

/* Where does a walk of an empty tree end? */
static void test_table_walk_of_empty_tree__ends_at_the_root(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_walk walk = ck_walk(w.space, w.va);

        assert_int_equal(walk.level, w.ck->f->levels - 1);
        assert_int_equal(walk.table, w.space->root);
        assert_true(walk.owned);
        assert_true(lp_table_absent(&walk));
        assert_false(ck_leaf(w.space, w.va).present);
        destroy(&w);
    }
}

/* Are all missing tables added, each with one entry in use, all owned? */
LP_NO_TSA static void test_table_extend__adds_the_path(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        uint64_t used = lp_host_frames_used(w.ck->m);
        struct lp_walk walk;

        begin(&w);
        lp_table_walk(w.space, w.va, &walk);
        assert_int_equal(lp_table_extend(w.space, &walk), 0);
        finish(&w);
        assert_int_equal(walk.level, 0);
        assert_true(walk.owned);
        assert_true(lp_pte_empty(walk.pte));
        assert_int_equal(lp_host_frames_used(w.ck->m),
                         used + w.ck->f->levels - 1);
        assert_int_equal(lp_use_of(walk.frame).used, 0);
        assert_int_equal(lp_use_of(ck_frame(w.ck, w.space->root)).used, 1);
        assert_int_equal(lp_frame_kind(walk.frame), LP_KIND_TABLE);
        destroy(&w);
    }
}

/* The n-th table cannot be had: do those before stay, and does it go on? */
LP_NO_TSA static void test_table_extend_fails__stays_well_formed(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_walk walk;
        unsigned n;

        for (n = 1; n < w.ck->f->levels; n++) {
            begin(&w);
            lp_table_walk(w.space, w.va, &walk);
            lp_host_fail_once(w.ck->m, 2);
            if (n + 1 < w.ck->f->levels) {
                assert_int_equal(lp_table_extend(w.space, &walk), -LP_ENOMEM);
                assert_int_equal(ck_walk(w.space, w.va).level,
                                 w.ck->f->levels - 1 - n);
            } else {
                assert_int_equal(lp_table_extend(w.space, &walk), 0);
            }
            lp_host_fail_once(w.ck->m, 0);
            finish(&w);
            ck_check(w.ck);
        }
        destroy(&w);
    }
}

/* Does a leaf say what was put in, with every access the format has? */
static void test_table_install__leaf_reads_back(void **state)
{
    static const unsigned accesses[] = { LP_READ, CK_RW, LP_READ | LP_EXEC,
                                         CK_RW | LP_EXEC };
    struct lp_leaf leaf;
    unsigned i;
    lp_pa pa;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(lp_mprotect(w.space, w.va, PAGES * LP_PAGE_SIZE, 7),
                         0);
        for (i = 0; i < 4; i++) {
            pa = install(&w, page(&w, i),
                         (struct lp_new_leaf){ .access = accesses[i] });
            leaf = ck_leaf(w.space, page(&w, i));
            assert_true(leaf.present && leaf.accessed && !leaf.dirty);
            assert_false(leaf.kept || leaf.shared || leaf.uncounted);
            assert_int_equal(leaf.access, accesses[i]);
            assert_int_equal(leaf.pa, pa);
        }
        assert_int_equal(lp_use_of(ck_walk(w.space, w.va).frame).used, 4);
        destroy(&w);
    }
}

static void no_w_and_old_page_there(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    ck->seen++;
    assert_false(ck_leaf(ck->space, ck->va).access & LP_WRITE);
    assert_true(lp_host_frame_used(ck->m, ck->pa));
}

/* A page over a page: W only after the flush, and then the old one goes? */
static void test_table_install_over_a_page__w_after_the_flush(void **state)
{
    struct lp_leaf leaf;
    lp_pa pa;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        ck_run(w.ck, 0, w.space);
        ck_write(w.ck, w.va, 1);
        w.ck->space = w.space;
        w.ck->va = w.va;
        w.ck->pa = ck_leaf(w.space, w.va).pa;
        ck_watch(w.ck, no_w_and_old_page_there);
        pa = install(&w, w.va, (struct lp_new_leaf){ .access = CK_RW });
        ck_watch(w.ck, NULL);
        leaf = ck_leaf(w.space, w.va);
        assert_int_equal(leaf.pa, pa);
        assert_int_equal(leaf.access, CK_RW);
        assert_false(lp_host_frame_used(w.ck->m, w.ck->pa));
        assert_int_equal(lp_use_of(ck_walk(w.space, w.va).frame).used, 1);
        assert_int_equal(ck_read(w.ck, w.va), 0);
        destroy(&w);
    }
}

/* Does a grant add rights and marks, and take none away? */
LP_NO_TSA static void test_table_grant__adds_only(void **state)
{
    struct lp_walk walk;
    struct lp_leaf leaf;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(lp_mprotect(w.space, w.va, LP_PAGE_SIZE, 7), 0);
        (void)install(&w, w.va,
                      (struct lp_new_leaf){ .access = LP_READ | LP_EXEC });
        begin(&w);
        walk = ck_walk(w.space, w.va);
        lp_table_lock(w.space, &walk);
        lp_table_grant(w.space, &walk, CK_RW, true, LP_CACHE_WRITEBACK);
        lp_table_unlock(&walk);
        finish(&w);
        leaf = ck_leaf(w.space, w.va);
        assert_int_equal(leaf.access, CK_RW | LP_EXEC);
        assert_true(leaf.accessed && leaf.dirty);
        destroy(&w);
    }
}

/* Narrowed to nothing and lifted: is the page kept, with all it knew? */
LP_NO_TSA static void test_table_kept__comes_back_as_it_was(void **state)
{
    struct lp_walk walk;
    struct lp_leaf leaf;
    lp_pa pa;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        pa = install(&w, w.va,
                     (struct lp_new_leaf){ .access = CK_RW, .dirty = true });
        begin(&w);
        lp_table_narrow(w.space, w.va, w.va + LP_PAGE_SIZE, 0, &w.gather);
        finish(&w);
        leaf = ck_leaf(w.space, w.va);
        assert_true(leaf.present && leaf.kept && leaf.dirty);
        assert_int_equal(leaf.pa, pa);
        assert_int_equal(leaf.access, 0);
        assert_int_equal(lp_use_of(ck_walk(w.space, w.va).frame).used, 1);
        walk = ck_walk(w.space, w.va);
        begin(&w);
        lp_table_lock(w.space, &walk);
        lp_table_grant(w.space, &walk, LP_READ, false, LP_CACHE_WRITEBACK);
        lp_table_unlock(&walk);
        finish(&w);
        leaf = ck_leaf(w.space, w.va);
        assert_true(leaf.present && !leaf.kept && leaf.dirty);
        assert_int_equal(leaf.access, LP_READ);
        assert_int_equal(leaf.pa, pa);
        destroy(&w);
    }
}

/* Is a range narrowed exactly, on both sides of a table's border? */
static void test_table_narrow__exactly_the_range(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        fill(&w);
        begin(&w);
        lp_table_narrow(w.space, page(&w, 2), page(&w, 6), LP_READ, &w.gather);
        finish(&w);
        for (i = 0; i < PAGES; i++)
            assert_int_equal(ck_leaf(w.space, page(&w, i)).access,
                             i >= 2 && i < 6 ? LP_READ : CK_RW);
        destroy(&w);
    }
}

/* Does narrowing to more than a page has give it anything, W above all? */
static void test_table_narrow_to_more__grants_nothing(void **state)
{
    struct lp_leaf leaf;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        (void)install(&w, w.va, (struct lp_new_leaf){ .access = LP_READ });
        begin(&w);
        lp_table_narrow(w.space, w.va, page(&w, 2), 7, &w.gather);
        finish(&w);
        leaf = ck_leaf(w.space, w.va);
        assert_true(leaf.present && !leaf.kept);
        assert_int_equal(leaf.access, LP_READ);
        assert_false(ck_leaf(w.space, page(&w, 1)).present);
        destroy(&w);
    }
}

/* Is a range cleared exactly, and is what it had dropped after the flush? */
static void test_table_clear_part__neighbours_stay(void **state)
{
    lp_pa pa[PAGES];
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        fill(&w);
        for (i = 0; i < PAGES; i++)
            pa[i] = ck_leaf(w.space, page(&w, i)).pa;
        assert_int_equal(lp_table_resident(w.space, w.va, page(&w, PAGES)),
                         PAGES);
        begin(&w);
        lp_table_clear(w.space, page(&w, 1), page(&w, 7), &w.gather);
        for (i = 0; i < PAGES; i++)
            assert_true(lp_host_frame_used(w.ck->m, pa[i]));
        finish(&w);
        for (i = 0; i < PAGES; i++) {
            bool stays = i < 1 || i >= 7;

            assert_int_equal(ck_leaf(w.space, page(&w, i)).present, stays);
            assert_int_equal(lp_host_frame_used(w.ck->m, pa[i]), stays);
        }
        assert_int_equal(lp_table_resident(w.space, w.va, page(&w, PAGES)), 2);
        assert_int_equal(lp_table_resident(w.space, page(&w, 1), page(&w, 7)),
                         0);
        assert_int_equal(lp_use_of(ck_walk(w.space, w.va).frame).used, 1);
        destroy(&w);
    }
}

/* All pages of a table go: does the table go, and those above it? */
static void test_table_clear_all__empty_tables_go_too(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        uint64_t used = lp_host_frames_used(w.ck->m);

        fill(&w);
        begin(&w);
        lp_table_clear(w.space, w.va, page(&w, PAGES), &w.gather);
        finish(&w);
        assert_int_equal(lp_host_frames_used(w.ck->m), used);
        assert_int_equal(lp_use_of(ck_frame(w.ck, w.space->root)).used, 0);
        assert_int_equal(ck_walk(w.space, w.va).level, w.ck->f->levels - 1);
        destroy(&w);
    }
}

/* A subtree wholly inside is not looked into: does all of it go? */
static void test_table_clear_whole_root_entry__subtree_goes(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va span = lp_span(w.ck->f, w.ck->f->levels - 1);
        uint64_t used = lp_host_frames_used(w.ck->m);

        fill(&w);
        begin(&w);
        lp_table_clear(w.space, 0, span, &w.gather);
        assert_int_equal(w.gather.nframes, 1); /* one reference, not eight */
        finish(&w);
        assert_int_equal(lp_host_frames_used(w.ck->m), used);
        destroy(&w);
    }
}

static lp_pa shared_page(struct world *w, lp_va va, bool dirty)
{
    lp_pa pa;

    ck_map(w->space, va, 1, CK_RW, CK_SHARED);
    assert_int_equal(ck_fault(w->space, va, dirty ? LP_WRITE : LP_READ),
                     LP_MAP);
    pa = ck_leaf(w->space, va).pa;
    assert_true(ck_leaf(w->space, va).shared);
    assert_int_equal(ck_leaf(w->space, va).dirty, dirty);
    assert_false(lp_frame_state(ck_frame(w->ck, pa)) & LP_FRAME_DIRTY);
    return pa;
}

/* D of a shared page: does it reach the record when its entry goes? */
static void test_table_clear_shared_dirty_page__mark_in_the_record(void **state)
{
    lp_pa dirty, clean;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + 16 * LP_PAGE_SIZE;

        dirty = shared_page(&w, va, true);
        clean = shared_page(&w, va + 2 * LP_PAGE_SIZE, false);
        begin(&w);
        lp_table_clear(w.space, va, va + 3 * LP_PAGE_SIZE, &w.gather);
        finish(&w);
        assert_true(lp_frame_state(ck_frame(w.ck, dirty)) & LP_FRAME_DIRTY);
        assert_false(lp_frame_state(ck_frame(w.ck, clean)) & LP_FRAME_DIRTY);
        destroy(&w);
    }
}

/* The same when a whole table goes, pages unseen. */
static void test_table_put_of_a_table__mark_in_the_record(void **state)
{
    lp_pa dirty;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + 16 * LP_PAGE_SIZE;

        dirty = shared_page(&w, va, true);
        begin(&w);
        lp_table_clear(w.space, 0, lp_span(w.ck->f, w.ck->f->levels - 1),
                       &w.gather);
        finish(&w);
        assert_true(lp_frame_state(ck_frame(w.ck, dirty)) & LP_FRAME_DIRTY);
        destroy(&w);
    }
}

/* Harvest: D moves from the entry to the record, and the page stays. */
static void test_table_harvest__moves_d_to_the_record(void **state)
{
    lp_pa pa;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + 16 * LP_PAGE_SIZE;

        pa = shared_page(&w, va, true);
        begin(&w);
        lp_table_harvest(w.space, va, va + LP_PAGE_SIZE, &w.gather);
        finish(&w);
        assert_true(lp_frame_state(ck_frame(w.ck, pa)) & LP_FRAME_DIRTY);
        assert_false(ck_leaf(w.space, va).dirty);
        assert_int_equal(ck_leaf(w.space, va).access, CK_RW);
        assert_int_equal(ck_leaf(w.space, va).pa, pa);
        destroy(&w);
    }
}

/* Truncate's exception: are pages removed also from a shared table? */
static void test_table_zap__also_below_shared_tables(void **state)
{
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child;

        fill(&w);
        child = ck_fork(w.space);
        begin(&w);
        lp_table_zap(w.space, page(&w, 1), page(&w, 3), &w.gather);
        finish(&w);
        for (i = 0; i < PAGES; i++) {
            assert_int_equal(ck_leaf(w.space, page(&w, i)).present,
                             i != 1 && i != 2);
            assert_int_equal(ck_leaf(child, page(&w, i)).present,
                             i != 1 && i != 2);
        }
        ck_check(w.ck);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* What is left of a leaf's rights below an entry that is not owned? */
static void test_table_reach__by_the_path(void **state)
{
    unsigned access;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        for (access = 0; access < 8; access++) {
            assert_int_equal(lp_table_reach(w.ck->pager, access, true), access);
            assert_int_equal(lp_table_reach(w.ck->pager, access, false),
                             ck_is_w(w.ck) ? access & 5 : 0);
        }
        destroy(&w);
    }
}

/* Who has a leaf table's node lock, and lets go at the third poll. */
struct holder {
    struct lp_kernel kernel;
    struct lp_frame *frame;
    unsigned polls;
};

static void poll_lets_go(void *ctx)
{
    struct holder *holder = ctx;

    assert_true(holder->polls < 3);
    if (++holder->polls == 3)
        lp_frame_unlock(holder->frame);
}

/* In a shared table truncate may be at work: does harvest wait for it? */
static void test_table_harvest_of_locked_table__waits(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_frames *frames = &w.ck->pager->frames;
        const struct lp_kernel *kernel = frames->kernel;
        lp_va va = w.va + 16 * LP_PAGE_SIZE;
        lp_pa pa = shared_page(&w, va, true);
        struct holder holder = { .kernel = *kernel };
        struct lp_walk walk;

        holder.kernel.poll = poll_lets_go;
        holder.kernel.ctx = &holder;
        begin(&w);
        lp_table_walk(w.space, va, &walk);
        holder.frame = walk.frame;
        assert_true(lp_frame_trylock(walk.frame));
        frames->kernel = &holder.kernel;
        lp_table_harvest(w.space, va, va + LP_PAGE_SIZE, &w.gather);
        frames->kernel = kernel;
        assert_int_equal(holder.polls, 3);
        finish(&w);
        assert_true(lp_frame_state(ck_frame(w.ck, pa)) & LP_FRAME_DIRTY);
        destroy(&w);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_walk_of_empty_tree__ends_at_the_root),
        cmocka_unit_test(test_table_extend__adds_the_path),
        cmocka_unit_test(test_table_extend_fails__stays_well_formed),
        cmocka_unit_test(test_table_install__leaf_reads_back),
        cmocka_unit_test(test_table_install_over_a_page__w_after_the_flush),
        cmocka_unit_test(test_table_grant__adds_only),
        cmocka_unit_test(test_table_kept__comes_back_as_it_was),
        cmocka_unit_test(test_table_narrow__exactly_the_range),
        cmocka_unit_test(test_table_narrow_to_more__grants_nothing),
        cmocka_unit_test(test_table_clear_part__neighbours_stay),
        cmocka_unit_test(test_table_clear_all__empty_tables_go_too),
        cmocka_unit_test(test_table_clear_whole_root_entry__subtree_goes),
        cmocka_unit_test(
            test_table_clear_shared_dirty_page__mark_in_the_record),
        cmocka_unit_test(test_table_put_of_a_table__mark_in_the_record),
        cmocka_unit_test(test_table_harvest__moves_d_to_the_record),
        cmocka_unit_test(test_table_harvest_of_locked_table__waits),
        cmocka_unit_test(test_table_zap__also_below_shared_tables),
        cmocka_unit_test(test_table_reach__by_the_path),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
