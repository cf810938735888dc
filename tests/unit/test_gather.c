/*
 * The gather: what was revoked, the one flush, and what may only happen after
 * it.
 */
#include "core_kit.h"

#include "gather.h"

/* A pager with one space, active on CPU 0, and a gather for it. */
struct world {
    struct ck *ck;
    struct lp_space *space;
    struct lp_gather gather;
    lp_pa held[1200]; /* data frames that the gather is to drop */
    unsigned nheld;
};

static struct world *create(const char *format)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->ck = ck_create(format);
    w->space = w->ck->space = ck_space(w->ck);
    ck_run(w->ck, 0, w->space);
    ck_watch(w->ck, NULL);
    lp_gather_init(&w->gather, w->space);
    return w;
}

static void destroy(struct world *w)
{
    ck_watch(w->ck, NULL);
    ck_end(w->ck, w->space);
    ck_destroy(w->ck);
    free(w);
}

LP_NO_TSA static void flush(struct world *w)
{
    lp_space_write_lock(w->space);
    lp_gather_flush(&w->gather);
    lp_space_write_unlock(w->space);
}

static void hold(struct world *w, unsigned n)
{
    for (; n; n--)
        w->held[w->nheld++] = ck_alloc(w->ck, LP_KIND_DATA, 0);
}

/* Frames in use by the test, besides those that the space needs. */
static bool all_used(const struct world *w)
{
    unsigned i;

    for (i = 0; i < w->nheld; i++)
        if (!lp_host_frame_used(w->ck->m, w->held[i]))
            return false;
    return true;
}

static bool none_used(const struct world *w)
{
    unsigned i;

    for (i = 0; i < w->nheld; i++)
        if (lp_host_frame_used(w->ck->m, w->held[i]))
            return false;
    return true;
}

/* What the i-th recorded flush was. */
static bool was(const struct world *w, unsigned i, enum lp_flush_scope scope,
                bool tables, lp_va start, lp_va end)
{
    const struct lp_flush *what = &w->ck->event[i].what;

    return i < w->ck->nevents && what->scope == scope &&
           what->tables == tables && what->start == start && what->end == end;
}

/* Nothing revoked: is nobody disturbed? */
static void test_gather_nothing__no_flush(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    flush(w);
    lp_gather_free(&w->gather);
    assert_int_equal(w->ck->nevents, 0);
    destroy(w);
}

/* Do ranges that touch or overlap become one? */
static void test_gather_touching_ranges__are_merged(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    lp_gather_range(&w->gather, 0x5000, 0x7000);
    lp_gather_range(&w->gather, 0x7000, 0x9000); /* behind */
    lp_gather_range(&w->gather, 0x3000, 0x5000); /* before */
    lp_gather_range(&w->gather, 0x4000, 0xa000); /* across */
    flush(w);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_RANGE, false, 0x3000, 0xa000));
    destroy(w);
}

/* Ranges apart: are all flushed, each by itself, until there are too many? */
static void test_gather_ranges_apart__each_then_everything(void **state)
{
    struct world *w = create("x86-64");
    lp_va va = 0x10000;
    unsigned i;

    (void)state;
    for (i = 0; i < LP_GATHER_RANGES; i++)
        lp_gather_range(&w->gather, va * (i + 1), va * (i + 1) + 0x1000);
    flush(w);
    assert_int_equal(w->ck->nevents, LP_GATHER_RANGES);
    for (i = 0; i < LP_GATHER_RANGES; i++)
        assert_true(was(w, i, LP_FLUSH_RANGE, false, va * (i + 1),
                        va * (i + 1) + 0x1000));
    ck_watch(w->ck, NULL);
    for (i = 0; i < LP_GATHER_RANGES + 1; i++)
        lp_gather_range(&w->gather, va * (i + 1), va * (i + 1) + 0x1000);
    flush(w);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_ASID, false, 0, 0));
    destroy(w);
}

/* Only upper entries changed: no leaf is dropped, but the levels above are. */
static void test_gather_tables_alone__empty_range_with_tables(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    lp_gather_tables(&w->gather);
    flush(w);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_RANGE, true, 0, 0));
    ck_watch(w->ck, NULL);
    lp_gather_range(&w->gather, 0x5000, 0x6000);
    lp_gather_tables(&w->gather);
    flush(w);
    assert_true(was(w, 0, LP_FLUSH_RANGE, true, 0x5000, 0x6000));
    destroy(w);
}

/* Everything; and other spaces too: how far does the flush go? */
static void test_gather_everything_and_all_spaces__whole_scopes(void **state)
{
    struct world *w = create("sv39");
    unsigned cpu;

    (void)state;
    lp_gather_everything(&w->gather);
    flush(w);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_ASID, true, 0, 0));
    ck_watch(w->ck, NULL);
    lp_gather_range(&w->gather, 0x5000, 0x6000);
    lp_gather_all_spaces(&w->gather);
    flush(w);
    for (cpu = 0; cpu < CK_CPUS; cpu++)
        assert_int_equal(ck_flushes(w->ck, cpu), 1);
    assert_true(was(w, 0, LP_FLUSH_ALL, true, 0, 0));
    destroy(w);
}

/* Is a flush done once, and then forgotten? */
static void test_gather_flushed__is_empty_again(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    lp_gather_everything(&w->gather);
    lp_gather_all_spaces(&w->gather);
    flush(w);
    ck_watch(w->ck, NULL);
    flush(w);
    assert_int_equal(w->ck->nevents, 0);
    lp_gather_range(&w->gather, 0x5000, 0x6000);
    flush(w);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_RANGE, false, 0x5000, 0x6000));
    destroy(w);
}

static struct world *watched;

static void all_still_used(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    assert_true(all_used(watched));
    ck->seen++;
}

/* Thousands of references: are all dropped, and none before the flush? */
static void test_gather_many_frames__dropped_after_the_flush(void **state)
{
    struct world *w = watched = create("x86-64");
    uint64_t used;
    unsigned i;

    (void)state;
    hold(w, 1200); /* more than two frames of the gather's hold */
    used = lp_host_frames_used(w->ck->m);
    ck_watch(w->ck, all_still_used);
    lp_gather_range(&w->gather, 0x5000, 0x6000);
    for (i = 0; i < w->nheld; i++)
        lp_gather_data(&w->gather, w->held[i], false);
    assert_true(all_used(w));
    assert_true(lp_host_frames_used(w->ck->m) > used);
    flush(w);
    assert_int_equal(w->ck->seen, 1);
    assert_true(all_used(w));
    lp_gather_free(&w->gather);
    assert_true(none_used(w));
    assert_int_equal(lp_host_frames_used(w->ck->m), used - w->nheld);
    destroy(w);
}

/*
 * No frame to remember more references in: is the range flushed before any is
 * dropped, and is it flushed again at the end, for what was revoked since?
 */
LP_NO_TSA static void test_gather_no_frame_for_more__flushes_before_it_drops(
    void **state)
{
    struct world *w = watched = create("x86-64");
    unsigned i;

    (void)state;
    hold(w, LP_GATHER_FRAMES + 5);
    ck_watch(w->ck, all_still_used);
    lp_host_fail_from(w->ck->m, 1);
    lp_space_write_lock(w->space);
    lp_gather_range(&w->gather, 0x5000, 0x95000);
    for (i = 0; i < LP_GATHER_FRAMES; i++)
        lp_gather_data(&w->gather, w->held[i], false);
    assert_int_equal(w->ck->nevents, 0);
    assert_true(all_used(w));
    for (; i < w->nheld; i++)
        lp_gather_data(&w->gather, w->held[i], false);
    assert_int_equal(w->ck->nevents, 1);
    assert_int_equal(w->ck->seen, 1);
    assert_true(was(w, 0, LP_FLUSH_RANGE, false, 0x5000, 0x95000));
    assert_false(lp_host_frame_used(w->ck->m, w->held[0]));
    assert_true(lp_host_frame_used(w->ck->m, w->held[LP_GATHER_FRAMES]));
    ck_watch(w->ck, NULL);
    lp_gather_flush(&w->gather);
    assert_int_equal(w->ck->nevents, 1);
    assert_true(was(w, 0, LP_FLUSH_RANGE, false, 0x5000, 0x95000));
    lp_space_write_unlock(w->space);
    lp_gather_free(&w->gather);
    assert_true(none_used(w));
    lp_host_fail_from(w->ck->m, 0);
    destroy(w);
}

/*
 * The same where nothing was revoked, as with tables that were out of reach
 * before they were copied: no flush.
 */
LP_NO_TSA static void test_gather_no_frame_nothing_revoked__only_drops(
    void **state)
{
    struct world *w = create("sv39");
    unsigned i;

    (void)state;
    hold(w, LP_GATHER_FRAMES + 1);
    ck_watch(w->ck, NULL);
    lp_host_fail_from(w->ck->m, 1);
    lp_space_write_lock(w->space);
    for (i = 0; i < w->nheld; i++)
        lp_gather_data(&w->gather, w->held[i], false);
    assert_false(lp_host_frame_used(w->ck->m, w->held[0]));
    assert_true(lp_host_frame_used(w->ck->m, w->held[LP_GATHER_FRAMES]));
    lp_gather_flush(&w->gather);
    lp_space_write_unlock(w->space);
    lp_gather_free(&w->gather);
    assert_true(none_used(w));
    assert_int_equal(w->ck->nevents, 0);
    lp_host_fail_from(w->ck->m, 0);
    destroy(w);
}

static void not_dirty_yet(struct ck *ck, const struct ck_event *event)
{
    (void)event;
    assert_false(lp_frame_state(ck_frame(ck, ck->pa)) & LP_FRAME_DIRTY);
    ck->seen++;
}

/*
 * A dirty page: is it marked after the flush, until when a CPU may go on
 * storing to it, and not before?
 */
static void test_gather_dirty_page__marked_after_the_flush(void **state)
{
    struct world *w = create("x86-64");
    lp_pa dirty = ck_alloc(w->ck, LP_KIND_DATA, 0);
    lp_pa clean = ck_alloc(w->ck, LP_KIND_DATA, 0);

    (void)state;
    lp_frame_get(ck_frame(w->ck, dirty));
    lp_frame_get(ck_frame(w->ck, clean));
    w->ck->pa = dirty;
    ck_watch(w->ck, not_dirty_yet);
    lp_gather_range(&w->gather, 0x5000, 0x7000);
    lp_gather_data(&w->gather, dirty, true);
    lp_gather_data(&w->gather, clean, false);
    flush(w);
    assert_int_equal(w->ck->seen, 1);
    lp_gather_free(&w->gather);
    assert_true(lp_frame_state(ck_frame(w->ck, dirty)) & LP_FRAME_DIRTY);
    assert_false(lp_frame_state(ck_frame(w->ck, clean)) & LP_FRAME_DIRTY);
    assert_int_equal(lp_frame_count(ck_frame(w->ck, dirty)), 1);
    lp_frame_put(&w->ck->pager->frames, dirty);
    lp_frame_put(&w->ck->pager->frames, clean);
    destroy(w);
}

/* A whole table: does what is below go with it, and only what has no other? */
static void test_gather_table__drops_what_is_below(void **state)
{
    CK_EACH(format)
    {
        struct world *w = create(format);
        struct lp_pager *pager = w->ck->pager;
        lp_pa table = ck_alloc(w->ck, LP_KIND_TABLE, 0);
        unsigned i;

        (void)state;
        hold(w, 4);
        for (i = 0; i < 4; i++) {
            lp_pte_store(lp_slot_at(pager, table, 3 * i),
                         lp_pte_make_leaf(w->ck->f, w->held[i], LP_READ, 0));
            lp_use_add(ck_frame(w->ck, table), 3 * i);
        }
        lp_frame_get(ck_frame(w->ck, w->held[2]));
        lp_gather_tables(&w->gather);
        lp_gather_table(&w->gather, table, 0);
        flush(w);
        assert_true(all_used(w));
        lp_gather_free(&w->gather);
        assert_false(lp_host_frame_used(w->ck->m, table));
        assert_false(lp_host_frame_used(w->ck->m, w->held[0]));
        assert_int_equal(lp_frame_count(ck_frame(w->ck, w->held[2])), 1);
        lp_frame_put(&pager->frames, w->held[2]);
        assert_true(none_used(w));
        destroy(w);
    }
}

/* --- arms --- */

static lp_slot slots[LP_GATHER_ARMS + 2];

static void slots_untouched(struct ck *ck, const struct ck_event *event)
{
    unsigned i;

    (void)event;
    for (i = 0; i < LP_GATHER_ARMS + 2; i++)
        assert_int_equal(atomic_load(&slots[i]), 0xf0);
    ck->seen++;
}

/* Arm slot i: it covers [0x100000 * i, 0x100000 * (i + 1)). */
static void arm(struct world *w, unsigned i)
{
    lp_va start = (lp_va)i << 20;

    atomic_store(&slots[i], 0xf0);
    lp_gather_arm(&w->gather, &(struct lp_arm){ &slots[i], 0x5, 0x30, start,
                                                start + 0x100000 });
}

/* R2: is an entry owned after the flush, in one step, and once? */
static void test_gather_arms__set_after_the_flush(void **state)
{
    struct world *w = create("x86-64");
    unsigned i;

    (void)state;
    for (i = 0; i < LP_GATHER_ARMS + 2; i++)
        arm(w, i); /* the last two do not fit: they stay unowned */
    lp_gather_tables(&w->gather);
    ck_watch(w->ck, slots_untouched);
    flush(w);
    assert_int_equal(w->ck->seen, 1);
    for (i = 0; i < LP_GATHER_ARMS; i++)
        assert_int_equal(atomic_load(&slots[i]), 0xc5);
    assert_int_equal(atomic_load(&slots[i]), 0xf0);
    assert_int_equal(atomic_load(&slots[i + 1]), 0xf0);
    atomic_store(&slots[0], 0xf0);
    ck_watch(w->ck, NULL);
    lp_gather_tables(&w->gather);
    flush(w);
    assert_int_equal(atomic_load(&slots[0]), 0xf0);
    destroy(w);
}

/* R6: what does a pending entry cover? */
static void test_gather_covered__inside_pending_entries_only(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    assert_false(lp_gather_covered(&w->gather, 0x100000));
    arm(w, 1);
    assert_false(lp_gather_covered(&w->gather, 0xfffff));
    assert_true(lp_gather_covered(&w->gather, 0x100000));
    assert_true(lp_gather_covered(&w->gather, 0x1fffff));
    assert_false(lp_gather_covered(&w->gather, 0x200000));
    lp_gather_tables(&w->gather);
    flush(w);
    assert_false(lp_gather_covered(&w->gather, 0x100000));
    destroy(w);
}

/* An entry was removed after it was armed: is it left alone? */
static void test_gather_disarm__removed_entries_stay_removed(void **state)
{
    struct world *w = create("x86-64");

    (void)state;
    arm(w, 0);
    arm(w, 1);
    arm(w, 2);
    arm(w, 3);
    lp_gather_tables(&w->gather);
    lp_gather_disarm(&w->gather, 0x100000, 0x300000); /* 1 and 2 */
    assert_false(lp_gather_covered(&w->gather, 0x100000));
    assert_true(lp_gather_covered(&w->gather, 0x300000));
    flush(w);
    assert_int_equal(atomic_load(&slots[0]), 0xc5);
    assert_int_equal(atomic_load(&slots[1]), 0xf0);
    assert_int_equal(atomic_load(&slots[2]), 0xf0);
    assert_int_equal(atomic_load(&slots[3]), 0xc5);
    destroy(w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_nothing__no_flush),
        cmocka_unit_test(test_gather_touching_ranges__are_merged),
        cmocka_unit_test(test_gather_ranges_apart__each_then_everything),
        cmocka_unit_test(test_gather_tables_alone__empty_range_with_tables),
        cmocka_unit_test(test_gather_everything_and_all_spaces__whole_scopes),
        cmocka_unit_test(test_gather_flushed__is_empty_again),
        cmocka_unit_test(test_gather_many_frames__dropped_after_the_flush),
        cmocka_unit_test(
            test_gather_no_frame_for_more__flushes_before_it_drops),
        cmocka_unit_test(test_gather_no_frame_nothing_revoked__only_drops),
        cmocka_unit_test(test_gather_dirty_page__marked_after_the_flush),
        cmocka_unit_test(test_gather_table__drops_what_is_below),
        cmocka_unit_test(test_gather_arms__set_after_the_flush),
        cmocka_unit_test(test_gather_covered__inside_pending_entries_only),
        cmocka_unit_test(test_gather_disarm__removed_entries_stay_removed),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
