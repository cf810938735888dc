/*
 * Frames and their records: counts, pins, the node lock, the span in use.
 */
#include "core_kit.h"

#include "frame.h"

/* A machine's frames with records and no pager. */
struct bare {
    struct lp_host *m;
    struct lp_kernel kernel;
    struct lp_frames frames;
    struct lp_frame *locked; /* for poll: unlock it */
    unsigned polls;
};

static void poll_unlocks(void *ctx)
{
    struct bare *b = ctx;

    if (++b->polls == 3)
        lp_frame_unlock(b->locked);
    assert_true(b->polls <= 3);
}

static int bare_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    const struct lp_kernel *k = lp_host_kernel(((struct bare *)ctx)->m);

    return k->frame_alloc(k->ctx, fill, pa);
}

static void bare_free(void *ctx, lp_pa pa)
{
    const struct lp_kernel *k = lp_host_kernel(((struct bare *)ctx)->m);

    k->frame_free(k->ctx, pa);
}

static struct bare *bare_create(void)
{
    struct bare *b = calloc(1, sizeof *b);
    const struct lp_kernel *k;

    assert_non_null(b);
    b->m = lp_host_create(&(struct lp_host_config){ .nframes = 64 });
    assert_non_null(b->m);
    k = lp_host_kernel(b->m);
    b->kernel = *k;
    b->kernel.ctx = b;
    b->kernel.frame_alloc = bare_alloc;
    b->kernel.frame_free = bare_free;
    b->kernel.poll = poll_unlocks;
    b->frames = (struct lp_frames){ &b->kernel, k->frame_records, k->direct_map,
                                    k->frames_start, k->frames_end };
    memset(k->frame_records, 0,
           lp_frame_records_size(k->frames_start, k->frames_end));
    return b;
}

static void bare_destroy(struct bare *b)
{
    assert_int_equal(lp_host_frames_used(b->m), 0);
    assert_int_equal(lp_host_failures(b->m), 0);
    lp_host_destroy(b->m);
    free(b);
}

static lp_pa data_frame(struct bare *b)
{
    lp_pa pa = LP_PA_NONE;

    assert_int_equal(
        lp_frame_alloc(&b->frames, LP_FRAME_ANY, LP_KIND_DATA, 0, &pa), 0);
    return pa;
}

/* Is a record 16 bytes, and so many are asked for? */
static void test_frame_record__is_16_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct lp_frame), 16);
    assert_int_equal(lp_frame_records_size(0x5000, 0x5000), 0);
    assert_int_equal(lp_frame_records_size(0x5000, 0x15000), 16 * 16);
}

/* How does a frame begin? */
static void test_frame_alloc__is_counted_once_and_clean(void **state)
{
    struct bare *b = bare_create();
    struct lp_frame *frame;
    lp_pa pa = LP_PA_NONE;

    (void)state;
    assert_int_equal(
        lp_frame_alloc(&b->frames, LP_FRAME_ZEROED, LP_KIND_TABLE, 3, &pa), 0);
    frame = lp_frame(&b->frames, pa);
    assert_int_equal(lp_frame_count(frame), 1);
    assert_int_equal(lp_frame_pins(frame), 0);
    assert_int_equal(lp_frame_kind(frame), LP_KIND_TABLE);
    assert_int_equal((lp_frame_state(frame) & LP_FRAME_LEVEL_MASK) >>
                         LP_FRAME_LEVEL_SHIFT,
                     3);
    assert_int_equal(lp_frame_state(frame) & (LP_FRAME_LOCK | LP_FRAME_STALE |
                                              LP_FRAME_DIRTY | LP_FRAME_CACHED),
                     0);
    assert_int_equal(lp_use_of(frame).used, 0);
    lp_frame_put(&b->frames, pa);
    assert_int_equal(lp_frame_kind(frame), LP_KIND_FREE);
    bare_destroy(b);
}

/* Does a failed allocation leave everything as it was? */
static void test_frame_alloc_fails__nothing_taken(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = 7;

    (void)state;
    lp_host_fail_once(b->m, 1);
    assert_int_equal(
        lp_frame_alloc(&b->frames, LP_FRAME_ANY, LP_KIND_DATA, 0, &pa),
        -LP_ENOMEM);
    assert_int_equal(lp_host_frames_used(b->m), 0);
    bare_destroy(b);
}

/* Is a frame freed by the last reference, and by no other? */
static void test_frame_put__last_reference_frees(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);

    (void)state;
    lp_frame_get(frame);
    lp_frame_get(frame);
    assert_int_equal(lp_frame_count(frame), 3);
    lp_frame_put(&b->frames, pa);
    assert_false(lp_frame_drop(frame));
    assert_int_equal(lp_frame_count(frame), 1);
    assert_true(lp_host_frame_used(b->m, pa));
    assert_true(lp_frame_drop(frame));
    assert_true(lp_host_frame_used(b->m, pa));
    lp_frame_free(&b->frames, pa);
    assert_false(lp_host_frame_used(b->m, pa));
    bare_destroy(b);
}

/* Does a count stop at 2^32 - 1, and never move again? */
static void test_frame_count_at_its_limit__saturates(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);
    unsigned i;

    (void)state;
    atomic_store(&frame->refs, (uint64_t)5 << 32 | (UINT32_MAX - 2));
    lp_frame_get(frame);
    assert_int_equal(lp_frame_count(frame), UINT32_MAX - 1);
    for (i = 0; i < 3; i++) {
        lp_frame_get(frame);
        assert_int_equal(lp_frame_count(frame), UINT32_MAX);
        assert_int_equal(lp_frame_pins(frame), 5);
    }
    for (i = 0; i < 3; i++) {
        assert_false(lp_frame_drop(frame));
        assert_int_equal(lp_frame_count(frame), UINT32_MAX);
        assert_int_equal(lp_frame_pins(frame), 5);
    }
    atomic_store(&frame->refs, 1);
    lp_frame_put(&b->frames, pa);
    bare_destroy(b);
}

/* Is a saturated frame immortal also when it is pinned and let go? */
static void test_frame_saturated_and_pinned__stays(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);

    (void)state;
    atomic_store(&frame->refs, UINT32_MAX);
    lp_frame_pin(frame);
    assert_int_equal(lp_frame_count(frame), UINT32_MAX);
    assert_int_equal(lp_frame_pins(frame), 1);
    assert_false(lp_frame_drop(frame));
    lp_frame_unpin(&b->frames, pa);
    assert_int_equal(lp_frame_pins(frame), 0);
    assert_true(lp_host_frame_used(b->m, pa));
    atomic_store(&frame->refs, 1);
    lp_frame_put(&b->frames, pa);
    bare_destroy(b);
}

/* Are pins no references: is "one reference" true of a pinned frame? */
static void test_frame_pinned__still_has_one_reference(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);

    (void)state;
    lp_frame_pin(frame);
    lp_frame_pin(frame);
    assert_int_equal(lp_frame_count(frame), 1);
    assert_int_equal(lp_frame_pins(frame), 2);
    lp_frame_get(frame);
    assert_int_equal(lp_frame_count(frame), 2);
    assert_int_equal(lp_frame_pins(frame), 2);
    assert_false(lp_frame_drop(frame));
    lp_frame_unpin(&b->frames, pa);
    lp_frame_unpin(&b->frames, pa);
    assert_true(lp_host_frame_used(b->m, pa));
    lp_frame_put(&b->frames, pa);
    bare_destroy(b);
}

/* References go first: does the frame wait for its last pin? */
static void test_frame_pin_outlives_references__frees_at_unpin(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);

    (void)state;
    lp_frame_pin(frame);
    lp_frame_pin(frame);
    assert_false(lp_frame_drop(frame));
    assert_int_equal(lp_frame_count(frame), 0);
    lp_frame_unpin(&b->frames, pa);
    assert_true(lp_host_frame_used(b->m, pa));
    lp_frame_unpin(&b->frames, pa);
    assert_false(lp_host_frame_used(b->m, pa));
    bare_destroy(b);
}

/* Do the record's flags leave each other, and kind and level, alone? */
static void test_frame_flags__are_independent(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);
    uint32_t before = lp_frame_state(frame);

    (void)state;
    lp_frame_set(frame, LP_FRAME_DIRTY);
    lp_frame_set(frame, LP_FRAME_CACHED | LP_FRAME_STALE);
    lp_frame_reset(frame, LP_FRAME_DIRTY);
    assert_int_equal(lp_frame_state(frame),
                     before | LP_FRAME_CACHED | LP_FRAME_STALE);
    assert_int_equal(lp_frame_kind(frame), LP_KIND_DATA);
    lp_frame_reset(frame, LP_FRAME_CACHED | LP_FRAME_STALE);
    assert_int_equal(lp_frame_state(frame), before);
    lp_frame_put(&b->frames, pa);
    bare_destroy(b);
}

/* Does a node lock exclude, keep the other bits, and poll while it waits? */
static void test_frame_lock_held__waits_and_polls(void **state)
{
    struct bare *b = bare_create();
    lp_pa pa = data_frame(b);
    struct lp_frame *frame = lp_frame(&b->frames, pa);

    (void)state;
    lp_frame_set(frame, LP_FRAME_STALE);
    assert_true(lp_frame_trylock(frame));
    assert_false(lp_frame_trylock(frame));
    b->locked = frame;
    lp_frame_lock(&b->frames, frame);
    assert_int_equal(b->polls, 3);
    assert_true(lp_frame_state(frame) & LP_FRAME_LOCK);
    assert_true(lp_frame_state(frame) & LP_FRAME_STALE);
    lp_frame_unlock(frame);
    assert_false(lp_frame_state(frame) & LP_FRAME_LOCK);
    assert_true(lp_frame_state(frame) & LP_FRAME_STALE);
    lp_frame_put(&b->frames, pa);
    bare_destroy(b);
}

/* Is the span never too small, and forgotten when nothing is in use? */
static void test_frame_use__spans_all_entries(void **state)
{
    struct lp_frame frame = { 0 };
    struct lp_use use;
    unsigned i;

    (void)state;
    lp_use_add(&frame, 300);
    use = lp_use_of(&frame);
    assert_true(use.used == 1 && use.low == 300 && use.high == 300);
    lp_use_add(&frame, 511);
    lp_use_add(&frame, 17);
    use = lp_use_of(&frame);
    assert_true(use.used == 3 && use.low == 17 && use.high == 511);
    lp_use_remove(&frame, 2);
    use = lp_use_of(&frame);
    assert_true(use.used == 1 && use.low <= 17 && use.high >= 511);
    lp_use_remove(&frame, 1);
    assert_int_equal(lp_use_of(&frame).used, 0);
    lp_use_add(&frame, 40);
    use = lp_use_of(&frame);
    assert_true(use.used == 1 && use.low == 40 && use.high == 40);
    lp_use_remove(&frame, 1);
    for (i = 0; i < 512; i++)
        lp_use_add(&frame, 511 - i);
    use = lp_use_of(&frame);
    assert_true(use.used == 512 && use.low == 0 && use.high == 511);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_record__is_16_bytes),
        cmocka_unit_test(test_frame_alloc__is_counted_once_and_clean),
        cmocka_unit_test(test_frame_alloc_fails__nothing_taken),
        cmocka_unit_test(test_frame_put__last_reference_frees),
        cmocka_unit_test(test_frame_count_at_its_limit__saturates),
        cmocka_unit_test(test_frame_saturated_and_pinned__stays),
        cmocka_unit_test(test_frame_pinned__still_has_one_reference),
        cmocka_unit_test(test_frame_pin_outlives_references__frees_at_unpin),
        cmocka_unit_test(test_frame_flags__are_independent),
        cmocka_unit_test(test_frame_lock_held__waits_and_polls),
        cmocka_unit_test(test_frame_use__spans_all_entries),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
