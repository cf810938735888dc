/*
 * Which CPU is made to forget what, and when: each row of the table of flushes
 * in docs/DESIGN.md.
 *
 * The space `p` runs on CPUs 0 and 1. "at the flush" is asked in the hook: the
 * tables are as a CPU that walks right after its flush finds them.
 */
#include "core_kit.h"

#include "tlb.h"

enum { PAGES = 6 };

struct world {
    struct ck *ck;
    struct lp_space *p;
    lp_va va; /* PAGES anonymous pages; the first two have been written */
};

static lp_va page(const struct world *w, unsigned i)
{
    return w->va + i * LP_PAGE_SIZE;
}

static struct world create(const char *format)
{
    struct ck *ck = ck_create(format);
    struct world w = { ck, ck_space(ck), ck->base };

    ck_map(w.p, w.va, PAGES, CK_RW, CK_ANON);
    ck_run(ck, 1, w.p);
    ck_run(ck, 0, w.p);
    ck_write(ck, page(&w, 0), 10);
    ck_write(ck, page(&w, 1), 11);
    ck->space = w.p;
    ck_watch(ck, NULL);
    return w;
}

static void destroy(struct world *w)
{
    ck_watch(w->ck, NULL);
    ck_check(w->ck);
    ck_end(w->ck, w->p);
    ck_destroy(w->ck);
}

/* Both CPUs that run p dropped these pages; the third was not disturbed. */
static void expect_flushed(const struct world *w, unsigned first, unsigned end)
{
    assert_true(ck_flushed(w->ck, 0, page(w, first), page(w, end)));
    assert_true(ck_flushed(w->ck, 1, page(w, first), page(w, end)));
    assert_int_equal(ck_flushes(w->ck, 2), 0);
}

static void expect_tables(const struct world *w, bool tables)
{
    assert_int_equal(ck_flushed_tables(w->ck, 0), tables);
    assert_int_equal(ck_flushed_tables(w->ck, 1), tables);
}

/* Nobody but this CPU heard of it, and it dropped no more than page i. */
static void expect_here_only(const struct world *w, unsigned i)
{
    const struct ck_event *e;

    assert_int_equal(ck_flushes(w->ck, 1), 0);
    assert_int_equal(ck_flushes(w->ck, 2), 0);
    for (e = w->ck->event; e < w->ck->event + w->ck->nevents; e++) {
        assert_int_equal(e->what.scope, LP_FLUSH_RANGE);
        assert_int_equal(e->what.start, page(w, i));
        assert_int_equal(e->what.end, page(w, i) + LP_PAGE_SIZE);
    }
}

/* --- row "own a table by copying" --- */

static void swung_not_owned(struct ck *ck, const struct ck_event *event)
{
    struct lp_walk walk = ck_walk(ck->space, ck->va);

    if (!event->what.tables || !ck_is_w(ck))
        return;
    ck->seen++;
    assert_int_not_equal(walk.table, ck->table);
    assert_false(walk.owned);
    assert_true(lp_host_frame_used(ck->m, ck->table));
}

/*
 * A read fill below shared tables: on W formats tables are flushed everywhere
 * after the swing and before the entry is owned, and the original is still
 * there; on V formats nobody can have reached them.
 */
static void test_tlb_own_by_copying__tables_between_swing_and_owned(
    void **state)
{
    struct lp_stats stats;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child = ck_fork(w.p);

        w.ck->va = page(&w, 3);
        w.ck->table = ck_walk(w.p, w.ck->va).table;
        ck_watch(w.ck, swung_not_owned);
        assert_int_equal(ck_read(w.ck, page(&w, 3)), 0);
        assert_true(ck_walk(w.p, page(&w, 3)).owned);
        assert_int_not_equal(ck_walk(w.p, page(&w, 3)).table, w.ck->table);
        if (ck_is_w(w.ck)) {
            assert_int_equal(w.ck->seen, 2);
            expect_tables(&w, true);
        } else {
            expect_here_only(&w, 3);
        }
        lp_space_stats(w.p, &stats); /* one fault did it all */
        assert_int_equal(stats.decisions[LP_SPURIOUS], 0);
        ck_watch(w.ck, NULL);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* --- row "own a table, one reference, not stale" --- */

/* The child is gone and has copied nothing: is nobody else disturbed? */
static void test_tlb_own_in_place__no_other_cpu(void **state)
{
    struct lp_stats stats;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        ck_end(w.ck, ck_fork(w.p));
        ck_watch(w.ck, NULL);
        ck_write(w.ck, page(&w, 0), 20);
        lp_space_stats(w.p, &stats);
        assert_true(stats.tables_regained > 0);
        assert_int_equal(stats.tables_copied + stats.copies, 0);
        expect_here_only(&w, 0);
        destroy(&w);
    }
}

/* --- row "clean a stale table" --- */

static void cleaned_not_owned(struct ck *ck, const struct ck_event *event)
{
    if (!event->what.tables || !ck_is_w(ck))
        return;
    ck->seen++;
    assert_false(ck_walk(ck->space, ck->va).owned);
}

/* The child has copied tables and page 0 and is still there. */
static void test_tlb_clean_stale__tables_before_owned(void **state)
{
    struct lp_stats stats;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child = ck_fork(w.p);

        (void)ck_fault(child, page(&w, 0), LP_WRITE);
        w.ck->va = page(&w, 0);
        ck_watch(w.ck, cleaned_not_owned);
        ck_write(w.ck, page(&w, 0), 20);
        lp_space_stats(w.p, &stats);
        assert_true(stats.tables_cleaned > 0);
        assert_int_equal(stats.copies, 0);
        if (ck_is_w(w.ck)) {
            assert_true(w.ck->seen >= 2);
            expect_tables(&w, true);
        } else {
            expect_here_only(&w, 0);
        }
        ck_watch(w.ck, NULL);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* --- row "copy a data page" --- */

static void new_page_not_writable(struct ck *ck, const struct ck_event *event)
{
    struct lp_leaf leaf = ck_leaf(ck->space, ck->va);

    (void)event;
    ck->seen++;
    assert_int_not_equal(leaf.pa, ck->pa);
    assert_false(leaf.access & LP_WRITE);
    assert_true(lp_host_frame_used(ck->m, ck->pa));
}

/* R2 at the bottom: that address, everywhere, between the swing and W. */
static void test_tlb_copy_page__address_between_swing_and_w(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child = ck_fork(w.p);

        ck_write(w.ck, page(&w, 0), 20); /* owns the path */
        w.ck->va = page(&w, 1);
        w.ck->pa = ck_leaf(w.p, page(&w, 1)).pa;
        ck_watch(w.ck, new_page_not_writable);
        assert_int_equal(ck_fault(w.p, page(&w, 1), LP_WRITE), LP_COPY);
        assert_int_equal(w.ck->seen, 2);
        expect_flushed(&w, 1, 2);
        assert_true(ck_leaf(w.p, page(&w, 1)).access & LP_WRITE);
        ck_watch(w.ck, NULL);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* The zero page is replaced on its first write: the same. */
static void test_tlb_replace_zero_page__address_everywhere(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(ck_read(w.ck, page(&w, 3)), 0);
        w.ck->va = page(&w, 3);
        w.ck->pa = ck_leaf(w.p, page(&w, 3)).pa;
        ck_watch(w.ck, new_page_not_writable);
        ck_write(w.ck, page(&w, 3), 1);
        assert_true(w.ck->seen >= 2);
        expect_flushed(&w, 3, 4);
        destroy(&w);
    }
}

/* --- row "one reference: set W; fill; link a table" --- */

static void test_tlb_reuse__here_only(void **state)
{
    const struct ck_event *e;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child = ck_fork(w.p);

        ck_write(w.ck, page(&w, 0), 20); /* the path is ours */
        ck_end(w.ck, child);             /* and so is page 1 */
        ck_run(w.ck, 0, w.p);
        (void)ck_read(w.ck, page(&w, 1)); /* cached without W */
        ck_watch(w.ck, NULL);
        assert_int_equal(ck_fault(w.p, page(&w, 1), LP_WRITE), LP_REUSE);
        assert_true(ck_flushed(w.ck, 0, page(&w, 1), page(&w, 2)));
        assert_int_equal(ck_flushes(w.ck, 1), 0);
        for (e = w.ck->event; e < w.ck->event + w.ck->nevents; e++)
            assert_true(e->what.scope == LP_FLUSH_RANGE && !e->what.tables);
        ck_write(w.ck, page(&w, 1), 21);
        destroy(&w);
    }
}

/* A sweep makes more pages writable than the one that was asked for. */
static void test_tlb_sweep__here_all_that_it_changed(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child;

        ck_write(w.ck, page(&w, 3), 13);
        child = ck_fork(w.p);
        ck_write(w.ck, page(&w, 0), 20); /* the path is ours */
        ck_end(w.ck, child);             /* and so are pages 1 and 3 */
        ck_run(w.ck, 0, w.p);
        (void)ck_read(w.ck, page(&w, 3)); /* cached without W */
        ck_watch(w.ck, NULL);
        assert_int_equal(ck_fault(w.p, page(&w, 1), LP_WRITE), LP_REUSE);
        assert_true(ck_flushed(w.ck, 0, page(&w, 1), page(&w, 4)));
        assert_int_equal(ck_flushes(w.ck, 1), 0);
        ck_write(w.ck, page(&w, 3), 23);
        destroy(&w);
    }
}

static void test_tlb_widen__here_only(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(
            lp_mprotect(w.p, page(&w, 0), LP_PAGE_SIZE, LP_READ | LP_EXEC), 0);
        (void)ck_read(w.ck, page(&w, 0));
        ck_watch(w.ck, NULL);
        assert_int_equal(ck_fault(w.p, page(&w, 0), LP_EXEC), LP_WIDEN);
        assert_true(ck_flushed(w.ck, 0, page(&w, 0), page(&w, 1)));
        expect_here_only(&w, 0);
        destroy(&w);
    }
}

/* A new leaf, then one below a new table. */
static void test_tlb_fill__here_only_where_absence_is_cached(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va far = w.va + 4 * w.ck->span;

        assert_int_equal(ck_fault(w.p, page(&w, 4), LP_WRITE), LP_ZERO);
        expect_here_only(&w, 4);
        assert_int_equal(ck_flushed(w.ck, 0, page(&w, 4), page(&w, 5)),
                         w.ck->arch.caches_invalid);
        ck_map(w.p, far, 1, CK_RW, CK_ANON);
        ck_watch(w.ck, NULL);
        assert_int_equal(ck_fault(w.p, far, LP_WRITE), LP_ZERO);
        assert_int_equal(ck_flushes(w.ck, 1), 0);
        assert_int_equal(ck_flushed(w.ck, 0, far, far + LP_PAGE_SIZE),
                         w.ck->arch.caches_invalid);
        assert_int_equal(ck_flushed_tables(w.ck, 0), w.ck->arch.caches_invalid);
        destroy(&w);
    }
}

/* --- row "fork: the parent" --- */

static void path_unowned(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    ck->seen++;
    assert_false(ck_walk(ck->space, ck->va).owned);
}

static void test_tlb_fork__whole_space_and_tables(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child;

        w.ck->va = w.va;
        ck_watch(w.ck, path_unowned);
        child = ck_fork(w.p);
        assert_int_equal(w.ck->seen, 2);
        expect_flushed(&w, 0, PAGES);
        assert_true(ck_flushed(w.ck, 0, 0, w.ck->f->user_end));
        expect_tables(&w, true);
        ck_watch(w.ck, NULL);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* Invariant 7: once it has protected anything, a failed fork flushes too. */
static void test_tlb_fork_fails_half_way__flushed_all_the_same(void **state)
{
    struct lp_pin pin;
    unsigned n, protected = 0;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child = NULL;

        assert_int_equal(lp_get_user_page(w.p, w.va, CK_RW, &pin), 0);
        for (n = 1; !child; n++) {
            ck_write(w.ck, w.va, 1);
            ck_watch(w.ck, NULL);
            lp_host_fail_once(w.ck->m, n);
            if (lp_fork(w.p, &child) != 0)
                child = NULL;
            lp_host_fail_once(w.ck->m, 0);
            if (ck_walk(w.p, w.va).owned)
                continue;
            protected++;
            expect_flushed(&w, 0, PAGES);
            expect_tables(&w, true);
        }
        lp_put_user_page(&pin);
        ck_end(w.ck, child);
        destroy(&w);
    }
    assert_true(protected > 2 * 11); /* failures, not only the last success */
}

/* --- rows "unmap", "narrow an access" --- */

static void gone_but_allocated(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    ck->seen++;
    assert_false(ck_leaf(ck->space, ck->va).present);
    assert_true(lp_host_frame_used(ck->m, ck->pa));
}

static void test_tlb_unmap_part_of_a_table__range_alone(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        w.ck->va = w.va;
        w.ck->pa = ck_leaf(w.p, w.va).pa;
        ck_watch(w.ck, gone_but_allocated);
        assert_int_equal(lp_munmap(w.p, w.va, LP_PAGE_SIZE), 0);
        assert_int_equal(w.ck->seen, 2);
        expect_flushed(&w, 0, 1);
        expect_tables(&w, false);
        assert_false(lp_host_frame_used(w.ck->m, w.ck->pa));
        destroy(&w);
    }
}

static void test_tlb_unmap_all_of_a_table__tables_too(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        w.ck->va = w.va;
        w.ck->pa = ck_walk(w.p, w.va).table;
        ck_watch(w.ck, gone_but_allocated);
        assert_int_equal(lp_munmap(w.p, w.va, PAGES * LP_PAGE_SIZE), 0);
        assert_int_equal(w.ck->seen, 2);
        expect_flushed(&w, 0, PAGES);
        expect_tables(&w, true);
        assert_false(lp_host_frame_used(w.ck->m, w.ck->pa));
        destroy(&w);
    }
}

static void not_writable(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    ck->seen++;
    assert_false(ck_leaf(ck->space, ck->va).access & LP_WRITE);
}

static void test_tlb_narrow__range_of_leaves(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        w.ck->va = w.va;
        ck_watch(w.ck, not_writable);
        assert_int_equal(lp_mprotect(w.p, w.va, 2 * LP_PAGE_SIZE, LP_READ), 0);
        assert_int_equal(w.ck->seen, 2);
        expect_flushed(&w, 0, 2);
        expect_tables(&w, false);
        ck_watch(w.ck, NULL);
        assert_int_equal(lp_mprotect(w.p, w.va, 2 * LP_PAGE_SIZE, CK_RW), 0);
        assert_int_equal(w.ck->nevents, 0); /* widening: faults widen */
        destroy(&w);
    }
}

/* --- row "spurious fault" --- */

/* CPU 1 still has the page without W, and the tables have it with W. */
static void test_tlb_spurious__here_with_tables(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(lp_mprotect(w.p, w.va, LP_PAGE_SIZE, LP_READ), 0);
        lp_host_cpu_set(w.ck->m, 1);
        (void)ck_read(w.ck, w.va);
        assert_int_equal(lp_mprotect(w.p, w.va, LP_PAGE_SIZE, CK_RW), 0);
        lp_host_cpu_set(w.ck->m, 0);
        ck_write(w.ck, w.va, 1);
        lp_host_cpu_set(w.ck->m, 1);
        ck_watch(w.ck, NULL);
        ck_write(w.ck, w.va, 2);
        assert_int_equal(lp_host_last_fault(w.ck->m).decision, LP_SPURIOUS);
        assert_int_equal(w.ck->nevents, 1);
        assert_int_equal(w.ck->event[0].cpu, 1);
        assert_true(w.ck->event[0].what.tables);
        assert_int_equal(w.ck->event[0].what.scope, LP_FLUSH_RANGE);
        assert_int_equal(w.ck->event[0].what.start, w.va);
        assert_int_equal(w.ck->event[0].what.end, w.va + LP_PAGE_SIZE);
        destroy(&w);
    }
}

/* --- dirty bits and truncate --- */

/* msync took D out: does every CPU forget that it had set it? */
static void test_tlb_sync__pages_taken_are_flushed(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + w.ck->span;

        ck_map(w.p, va, 2, CK_RW, CK_SHARED);
        ck_write(w.ck, va, 1);
        ck_watch(w.ck, NULL);
        assert_int_equal(lp_msync(w.p, va, 2 * LP_PAGE_SIZE, LP_MS_SYNC), 0);
        assert_true(ck_flushed(w.ck, 0, va, va + LP_PAGE_SIZE));
        assert_true(ck_flushed(w.ck, 1, va, va + LP_PAGE_SIZE));
        destroy(&w);
    }
}

static const struct lp_object_ops memory = { .fill = NULL };

/*
 * ... but below tables that a fork has shared no CPU has been able to set D
 * since the fork's flush: nobody has anything to forget.
 */
static void test_tlb_sync_below_shared_tables__no_flush(void **state)
{
    struct lp_page_info info;
    struct lp_space *child;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + w.ck->span;

        ck_map(w.p, va, 2, CK_RW, CK_SHARED);
        ck_write(w.ck, va, 1);
        assert_int_equal(lp_fork(w.p, &child), 0);
        ck_watch(w.ck, NULL);
        assert_int_equal(lp_msync(w.p, va, 2 * LP_PAGE_SIZE, LP_MS_SYNC), 0);
        assert_int_equal(w.ck->nevents, 0);
        assert_int_equal(lp_query(w.p, va, &info), 0);
        assert_true(info.flags & LP_PAGE_UNOWNED);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* p maps two pages of a new object at va, and has written the second. */
static struct lp_object *map_two(struct world *w, lp_va va)
{
    struct lp_object *object;

    assert_int_equal(
        lp_object_create(w->ck->pager, &memory, NULL, 2 * LP_PAGE_SIZE,
                         LP_OBJECT_READ | LP_OBJECT_WRITE, &object),
        0);
    assert_int_equal(lp_mmap(w->p, va, 2 * LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     va);
    ck_write(w->ck, va + LP_PAGE_SIZE, 1);
    w->ck->va = va + LP_PAGE_SIZE;
    w->ck->pa = ck_leaf(w->p, w->ck->va).pa;
    return object;
}

/* Truncate edits tables that others share: every CPU, every space. */
static void test_tlb_truncate_shared_tables__all_cpus_all_spaces(void **state)
{
    struct lp_object *object;
    struct lp_space *child;
    unsigned cpu;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        object = map_two(&w, w.va + w.ck->span);
        child = ck_fork(w.p);
        ck_watch(w.ck, gone_but_allocated);
        assert_int_equal(lp_object_resize(object, LP_PAGE_SIZE), 0);
        for (cpu = 0; cpu < CK_CPUS; cpu++)
            assert_true(ck_flushed(w.ck, cpu, 0, w.ck->f->user_end));
        assert_int_equal(w.ck->event[0].what.scope, LP_FLUSH_ALL);
        assert_false(lp_host_frame_used(w.ck->m, w.ck->pa));
        ck_watch(w.ck, NULL);
        lp_object_put(object);
        ck_end(w.ck, child);
        destroy(&w);
    }
}

/* A table of this space alone: its CPUs, and the page. */
static void test_tlb_truncate__the_page_in_the_space(void **state)
{
    struct lp_object *object;
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va va = w.va + w.ck->span;

        object = map_two(&w, va);
        ck_watch(w.ck, gone_but_allocated);
        assert_int_equal(lp_object_resize(object, LP_PAGE_SIZE), 0);
        assert_true(ck_flushed(w.ck, 0, w.ck->va, w.ck->va + LP_PAGE_SIZE));
        assert_true(ck_flushed(w.ck, 1, w.ck->va, w.ck->va + LP_PAGE_SIZE));
        assert_int_equal(ck_flushes(w.ck, 2), 0);
        for (i = 0; i < w.ck->nevents; i++) {
            assert_int_equal(w.ck->event[i].what.scope, LP_FLUSH_RANGE);
            assert_int_equal(w.ck->event[i].what.start, w.ck->va);
        }
        assert_false(lp_host_frame_used(w.ck->m, w.ck->pa));
        ck_watch(w.ck, NULL);
        lp_object_put(object);
        destroy(&w);
    }
}

/* --- generations, and fences --- */

/* Did the last activation on this CPU flush? */
static bool came_back_flushing(struct world *w, unsigned cpu)
{
    const struct ck_event *e;

    ck_run(w->ck, cpu, NULL);
    ck_watch(w->ck, NULL);
    ck_run(w->ck, cpu, w->p);
    for (e = w->ck->event; e < w->ck->event + w->ck->nevents; e++)
        if (e->kind == CK_ACTIVATE && e->asid != 0)
            return e->flush;
    fail_msg("%s: no activation", w->ck->format);
    return false;
}

/*
 * Another CPU has raised the generation and not yet read who runs the space.
 * Ours flushes something else, and leaves: the other one will not find it.
 */
static void test_tlb_generation_skipped__flushed_on_return(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        assert_int_equal(lp_munmap(w.p, page(&w, 2), LP_PAGE_SIZE), 0);
        assert_false(came_back_flushing(&w, 0));
        atomic_fetch_add(&w.p->generation, 1);
        assert_int_equal(lp_munmap(w.p, page(&w, 0), LP_PAGE_SIZE), 0);
        assert_true(came_back_flushing(&w, 0));
        assert_false(came_back_flushing(&w, 0));
        destroy(&w);
    }
}

/* Where the machine fences: is the other CPU flushed, with no code run there? */
static void test_tlb_fences__other_cpu_forgets_and_stays_behind(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct lp_host_config config = { .flags = LP_HOST_FENCES };
        struct ck *ck = ck_create_with(format, config, NULL);
        struct world w = { ck, ck_space(ck), ck->base };
        struct lp_host_stats stats;
        struct lp_stats counted;
        lp_pa pa;

        assert_null(lp_host_kernel(ck->m)->call_cpus);
        ck_map(w.p, w.va, PAGES, CK_RW, CK_ANON);
        ck_run(ck, 0, w.p);
        ck_run(ck, 1, w.p);
        ck_write(ck, page(&w, 0), 1);
        ck_write(ck, page(&w, 1), 2);
        pa = ck_leaf(w.p, page(&w, 0)).pa;
        lp_host_cpu_set(ck->m, 0);
        ck_watch(ck, NULL);
        assert_int_equal(lp_munmap(w.p, page(&w, 0), LP_PAGE_SIZE), 0);
        assert_false(lp_host_frame_used(ck->m, pa));
        ck_check(ck);
        assert_int_equal(ck_flushes(ck, 1), 0);
        lp_host_read_stats(ck->m, &stats);
        assert_int_equal(stats.fences, 1);
        lp_space_stats(w.p, &counted);
        assert_int_equal(counted.flushes_remote, 1);
        /* Fork flushes the whole ASID, truncate everything. */
        ck_end(ck, ck_fork(w.p));
        ck_check(ck);
        assert_true(came_back_flushing(&w, 1));
        assert_false(came_back_flushing(&w, 0));
        ck_end(ck, w.p);
        ck_destroy(ck);
    }
}

/* lp_tlb_repeated, as the fault path calls it. */
static bool repeated(struct world *w, lp_va va)
{
    const struct lp_kernel *k = lp_host_kernel(w->ck->m);
    bool same;

    k->preempt_disable(k->ctx);
    lp_count(w->p, faults);
    same = lp_tlb_repeated(w->p, va);
    k->preempt_enable(k->ctx);
    return same;
}

/* The same spurious fault again: is it a repeated one only without a flush? */
static void test_tlb_repeated__not_across_a_flush(void **state)
{
    static const unsigned ways[] = { 0, LP_HOST_FENCES };
    unsigned way;

    (void)state;
    for (way = 0; way < 2; way++) {
        CK_EACH(format)
        {
            struct lp_host_config config = { .flags = ways[way] };
            struct ck *ck = ck_create_with(format, config, NULL);
            struct world w = { ck, ck_space(ck), ck->base };

            ck_map(w.p, w.va, PAGES, CK_RW, CK_ANON);
            ck_run(ck, 1, w.p);
            ck_run(ck, 0, w.p);
            ck_write(ck, page(&w, 0), 1);
            ck_write(ck, page(&w, 1), 1);
            assert_false(repeated(&w, w.va));
            assert_true(repeated(&w, w.va));
            assert_false(repeated(&w, w.va + LP_PAGE_SIZE));
            assert_false(repeated(&w, w.va));
            lp_host_cpu_set(ck->m, 1);
            assert_int_equal(lp_munmap(w.p, page(&w, 1), LP_PAGE_SIZE), 0);
            lp_host_cpu_set(ck->m, 0);
            assert_false(repeated(&w, w.va));
            assert_true(repeated(&w, w.va));
            ck_end(ck, w.p);
            ck_destroy(ck);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_tlb_own_by_copying__tables_between_swing_and_owned),
        cmocka_unit_test(test_tlb_own_in_place__no_other_cpu),
        cmocka_unit_test(test_tlb_clean_stale__tables_before_owned),
        cmocka_unit_test(test_tlb_copy_page__address_between_swing_and_w),
        cmocka_unit_test(test_tlb_replace_zero_page__address_everywhere),
        cmocka_unit_test(test_tlb_reuse__here_only),
        cmocka_unit_test(test_tlb_sweep__here_all_that_it_changed),
        cmocka_unit_test(test_tlb_widen__here_only),
        cmocka_unit_test(test_tlb_fill__here_only_where_absence_is_cached),
        cmocka_unit_test(test_tlb_fork__whole_space_and_tables),
        cmocka_unit_test(test_tlb_fork_fails_half_way__flushed_all_the_same),
        cmocka_unit_test(test_tlb_unmap_part_of_a_table__range_alone),
        cmocka_unit_test(test_tlb_unmap_all_of_a_table__tables_too),
        cmocka_unit_test(test_tlb_narrow__range_of_leaves),
        cmocka_unit_test(test_tlb_spurious__here_with_tables),
        cmocka_unit_test(test_tlb_sync__pages_taken_are_flushed),
        cmocka_unit_test(test_tlb_sync_below_shared_tables__no_flush),
        cmocka_unit_test(test_tlb_truncate_shared_tables__all_cpus_all_spaces),
        cmocka_unit_test(test_tlb_truncate__the_page_in_the_space),
        cmocka_unit_test(test_tlb_generation_skipped__flushed_on_return),
        cmocka_unit_test(test_tlb_fences__other_cpu_forgets_and_stays_behind),
        cmocka_unit_test(test_tlb_repeated__not_across_a_flush),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
