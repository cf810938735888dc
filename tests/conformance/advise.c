/*
 * advise.c: madvise: its arguments, hints, and pages that come.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

static bool present(struct conf *c, struct lp_space *s, lp_va va)
{
    return (conf_query(c, s, va).flags & LP_PAGE_PRESENT) != 0;
}

static void expect_zeroes(struct conf *c, struct lp_space *s, lp_va va,
                          uint64_t npages)
{
    uint64_t i;

    for (i = 0; i < npages; i++)
        CHECK_EQ(c, conf_get(c, s, va + i * PAGE), 0);
}

/* Are the parts around a hole treated, and is it reported? */
static void holes__enomem_and_done(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;

    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, a + 4 * PAGE, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    conf_put_pages(c, s, a + 4 * PAGE, 2, 5);
    CHECK_EQ(c, conf_madvise(c, s, a + 2 * PAGE, PAGE, LP_MADV_DONTNEED),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 4 * PAGE, LP_MADV_DONTNEED),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 4 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 5 * PAGE), 6);
    CHECK_EQ(c, conf_madvise(c, s, a, 6 * PAGE, LP_MADV_RANDOM), -LP_ENOMEM);
    CHECK_EQ(
        c, conf_madvise(c, s, a + 5 * PAGE, conf_user_end(c), LP_MADV_DONTNEED),
        -LP_ENOMEM);
    CHECK_EQ(c, conf_get(c, s, a + 5 * PAGE), 0);
    CHECK_EQ(c, conf_madvise(c, s, conf_user_end(c), PAGE, LP_MADV_DONTNEED),
             -LP_ENOMEM);
}

/* Malformed arguments, and the order in which they are looked at. */
static void bad_arguments__einval(struct conf *c)
{
    static const int unknown[] = { -1, 5,  7,  10, 11, 16,  17,
                                   18, 19, 24, 25, 26, 100, 1 << 30 };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;
    unsigned i;

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    before = conf_snapshot(c);
    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        CHECK_EQ(c, conf_madvise(c, s, a, PAGE, unknown[i]), -LP_EINVAL);
        CHECK_EQ(c, conf_madvise(c, s, a, 0, unknown[i]), -LP_EINVAL);
    }
    CHECK_EQ(c, conf_madvise(c, s, a + 1, PAGE, LP_MADV_DONTNEED), -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a + 1, 0, LP_MADV_NORMAL), -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a, UINT64_MAX, LP_MADV_DONTNEED),
             -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a, UINT64_MAX - a, LP_MADV_DONTNEED),
             -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a, 0 - a, LP_MADV_DONTNEED), -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a, 0, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, conf_madvise(c, s, 0, 0, LP_MADV_POPULATE_READ), 0);
    CHECK_EQ(c, conf_snapshot(c), before);
}

/* --- hints --- */

static void hints__nothing_changes(struct conf *c)
{
    static const int hints[] = {
        LP_MADV_NORMAL,      LP_MADV_RANDOM,   LP_MADV_SEQUENTIAL,
        LP_MADV_COLD,        LP_MADV_PAGEOUT,  LP_MADV_MERGEABLE,
        LP_MADV_UNMERGEABLE, LP_MADV_HUGEPAGE, LP_MADV_NOHUGEPAGE,
    };
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before, allocations;
    unsigned i;

    conf_anon(c, s, a, 4, RW);
    conf_map(c, s, a + 4 * PAGE, 2, RW, LP_MAP_SHARED, o, 0);
    conf_anon(c, s, a + 6 * PAGE, 1, 0);
    conf_put_pages(c, s, a, 2, 1);
    conf_put(c, s, a + 4 * PAGE, 5);
    before = conf_snapshot(c);
    allocations = c->allocations;
    for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 6 * PAGE, hints[i]), 0);
        CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 7 * PAGE, hints[i]),
                 -LP_ENOMEM);
    }
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, c->allocations, allocations);
    CHECK_EQ(c, lp_area_count(s), 3);
}

/* Does a device end the call, with what comes before it done? */
static void device__einval(struct conf *c)
{
    static const int refused[] = {
        LP_MADV_FREE,    LP_MADV_HUGEPAGE,      LP_MADV_COLD,
        LP_MADV_PAGEOUT, LP_MADV_POPULATE_READ, LP_MADV_POPULATE_WRITE
    };
    static const int taken[] = { LP_MADV_NORMAL, LP_MADV_WILLNEED,
                                 LP_MADV_NOHUGEPAGE, LP_MADV_MERGEABLE };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_object *o;
    unsigned i;

    if (c->m->device_len < 2 * PAGE)
        return;
    o = conf_device(c, 2, FILE_RW);
    conf_anon(c, s, a, 1, RW);
    conf_map(c, s, a + PAGE, 2, RW, LP_MAP_SHARED, o, 0);
    conf_anon(c, s, a + 3 * PAGE, 1, RW);
    conf_put_pages(c, s, a, 4, 1);
    CHECK_EQ(c, conf_madvise(c, s, a, 4 * PAGE, LP_MADV_DONTNEED), -LP_EINVAL);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    CHECK(c, present(c, s, a + PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), 4);
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        CHECK_EQ(c, conf_madvise(c, s, a + PAGE, PAGE, refused[i]), -LP_EINVAL);
    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        CHECK_EQ(c, conf_madvise(c, s, a + PAGE, PAGE, taken[i]), 0);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, PAGE, LP_MADV_REMOVE),
             -LP_EOPNOTSUPP);
    conf_expect_pages(c, s, a + PAGE, 2, 2);
}

/* --- pages come --- */

/* Are pages read once, in the range only, so that touching reads no more? */
static void willneed__reads_ahead(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 6 * PAGE - 5, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    unsigned i;

    conf_map(c, s, a, 8, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), conf_file_word(c, 0, 2 * PAGE));
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 3 * PAGE, LP_MADV_WILLNEED), 0);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 8 * PAGE), 1);
    CHECK_EQ(c, c->files[0].nfills, 3);
    for (i = 1; i < 4; i++)
        CHECK_EQ(c, c->files[0].fills[i], 1);
    CHECK_EQ(c, conf_madvise(c, s, a, 8 * PAGE, LP_MADV_WILLNEED), 0);
    CHECK_EQ(c, c->files[0].nfills, 6);
    for (i = 0; i < 6; i++)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE),
                 conf_file_word(c, 0, i * PAGE));
    CHECK_EQ(c, conf_stats(c, s).major_faults, 1);
    CHECK_EQ(c, c->files[0].nfills, 6);
}

/* The offset counts, holes are reported, errors are not. */
static void willneed__holes_and_errors(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 3 * PAGE);
    conf_anon(c, s, a + 3 * PAGE, 1, RW);
    conf_map(c, s, a + 4 * PAGE, 2, 0, LP_MAP_SHARED, o, 6 * PAGE);
    c->files[0].fill_error = -LP_EIO;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, PAGE, LP_MADV_WILLNEED), 0);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 5 * PAGE, LP_MADV_WILLNEED),
             -LP_ENOMEM);
    CHECK_EQ(c, c->files[0].fills[3], 0);
    CHECK_EQ(c, c->files[0].fills[6], 1);
    CHECK_EQ(c, c->files[0].fills[7], 1);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 6 * PAGE), 0);
}

static int count_fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    (void)offset;
    memset(page, 1, len);
    ++*(unsigned *)ctx;
    return 0;
}

/* Is a wish for more than is sensible cut, in each area? */
static void willneed__bounded(struct conf *c)
{
    static const struct lp_object_ops counting = { count_fill, NULL, NULL };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_object *o = NULL;
    unsigned fills = 0;

    CHECK_EQ(c,
             lp_object_create(c->pager, &counting, &fills, 200 * PAGE,
                              LP_OBJECT_READ, &o),
             0);
    conf_map(c, s, a, 100, LP_READ, LP_MAP_SHARED, o, 0);
    conf_map(c, s, a + 100 * PAGE, 100, LP_READ, LP_MAP_PRIVATE, o, 100 * PAGE);
    lp_object_put(o);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 199 * PAGE, LP_MADV_WILLNEED), 0);
    CHECK_EQ(c, fills, 64);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 32 * PAGE), LP_FAULT_OK);
    CHECK_EQ(c, fills, 64);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 33 * PAGE), LP_FAULT_OK);
    CHECK_EQ(c, fills, 65);
}

/* Is no frame spent on zeroes that nobody has asked for? */
static void willneed__not_of_memory(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t frames;

    conf_map(c, s, a, 4, RW, SHANON, NULL, 0);
    conf_anon(c, s, a + 4 * PAGE, 4, RW);
    frames = c->frames;
    CHECK_EQ(c, conf_madvise(c, s, a, 8 * PAGE, LP_MADV_WILLNEED), 0);
    CHECK_EQ(c, c->frames, frames);
}

/* How many faults have changed an entry. */
static uint64_t changes(struct conf *c, struct lp_space *s)
{
    struct lp_stats stats = conf_stats(c, s);

    return stats.decisions[LP_ZERO] + stats.decisions[LP_COPY] +
           stats.decisions[LP_MAP] + stats.decisions[LP_REUSE] +
           stats.decisions[LP_WIDEN];
}

/* Are pages there, and do touches of them change nothing more? */
static void populate__as_if_touched(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;
    uint64_t before, copies;

    conf_anon(c, p, a, 4, RW);
    conf_map(c, p, a + 4 * PAGE, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_put(c, p, a, 1);
    CHECK_EQ(c, conf_madvise(c, p, a, 6 * PAGE, LP_MADV_POPULATE_READ), 0);
    CHECK_EQ(c, lp_resident_pages(p, a, a + 6 * PAGE), 6);
    CHECK(c, conf_query(c, p, a + PAGE).flags & LP_PAGE_ZERO);
    before = changes(c, p);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    expect_zeroes(c, p, a + PAGE, 3);
    CHECK_EQ(c, conf_get(c, p, a + 5 * PAGE), conf_file_word(c, 0, PAGE));
    CHECK_EQ(c, changes(c, p), before);
    child = conf_fork(c, p);
    copies = conf_stats(c, child).copies;
    CHECK_EQ(c, conf_madvise(c, child, a, 6 * PAGE, LP_MADV_POPULATE_WRITE), 0);
    CHECK_EQ(c, conf_stats(c, child).copies, copies + 3);
    CHECK(c, !(conf_query(c, child, a).flags & LP_PAGE_COW));
    CHECK_NE(c, conf_query(c, child, a).frame, conf_query(c, p, a).frame);
    before = changes(c, child);
    conf_put_pages(c, child, a, 6, 20);
    CHECK_EQ(c, changes(c, child), before);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    CHECK_EQ(c, conf_get(c, p, a + 4 * PAGE), conf_file_word(c, 0, 0));
}

/* Each error, with the pages before it there. */
static void populate__errors(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0), b = conf_place(c, 2, 0);

    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, a + 2 * PAGE, 2, LP_READ);
    conf_anon(c, s, a + 4 * PAGE, 2, LP_EXEC);
    CHECK_EQ(c, conf_madvise(c, s, a, 4 * PAGE, LP_MADV_POPULATE_WRITE),
             -LP_EINVAL);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 6 * PAGE), 2);
    CHECK_EQ(c, conf_madvise(c, s, a, 6 * PAGE, LP_MADV_POPULATE_READ),
             -LP_EINVAL);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 6 * PAGE), 4);
    CHECK_EQ(c, conf_madvise(c, s, a + 4 * PAGE, PAGE, LP_MADV_POPULATE_READ),
             -LP_EINVAL);
    conf_map(c, s, b, 4, RW, LP_MAP_SHARED, o, 0);
    c->files[0].fill_error = -LP_EAGAIN;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, conf_madvise(c, s, b, 4 * PAGE, LP_MADV_POPULATE_READ),
             -LP_EAGAIN);
    c->files[0].fill_error = -LP_EIO;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, conf_madvise(c, s, b, 4 * PAGE, LP_MADV_POPULATE_READ),
             -LP_EFAULT);
    CHECK_EQ(c, lp_resident_pages(s, b, b + 4 * PAGE), 0);
    CHECK_EQ(c, conf_madvise(c, s, b, 4 * PAGE, LP_MADV_POPULATE_WRITE),
             -LP_EFAULT);
    CHECK_EQ(c, lp_resident_pages(s, b, b + 4 * PAGE), 2);
    CHECK_EQ(c, conf_madvise(c, s, b, 5 * PAGE, LP_MADV_POPULATE_READ),
             -LP_EFAULT);
}

static void populate__holes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, a + 3 * PAGE, 2, RW);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 3 * PAGE, LP_MADV_POPULATE_WRITE),
             -LP_ENOMEM);
    CHECK(c, !present(c, s, a));
    CHECK(c, present(c, s, a + PAGE));
    CHECK(c, !present(c, s, a + 3 * PAGE));
    /* What lies behind the hole is not looked at, whatever it is. */
    conf_anon(c, s, a + 3 * PAGE, 2, LP_READ);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 3 * PAGE, LP_MADV_POPULATE_WRITE),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_madvise(c, s, a + 2 * PAGE, PAGE, LP_MADV_POPULATE_READ),
             -LP_ENOMEM);
}

/* Does the trace tell of the call, its advice and its result? */
static void trace__event(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 1, RW);
    CHECK_EQ(c, conf_madvise(c, s, a, 2 * PAGE, LP_MADV_POPULATE_READ),
             -LP_ENOMEM);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_MADVISE);
    CHECK_EQ(c, c->last_event.va, a);
    CHECK_EQ(c, c->last_event.len, 2 * PAGE);
    CHECK_EQ(c, c->last_event.advice, LP_MADV_POPULATE_READ);
    CHECK_EQ(c, c->last_event.result, -LP_ENOMEM);
}

const struct conf_case conf_advise_cases[] = {
    { "advise-holes", holes__enomem_and_done, NULL },
    { "advise-bad-arguments", bad_arguments__einval, NULL },
    { "advise-hints", hints__nothing_changes, NULL },
    { "advise-device", device__einval, NULL },
    { "advise-willneed", willneed__reads_ahead, NULL },
    { "advise-willneed-errors", willneed__holes_and_errors, NULL },
    { "advise-willneed-bounded", willneed__bounded, NULL },
    { "advise-willneed-memory", willneed__not_of_memory, NULL },
    { "advise-populate", populate__as_if_touched, NULL },
    { "advise-populate-errors", populate__errors, NULL },
    { "advise-populate-holes", populate__holes, NULL },
    { "advise-trace", trace__event, NULL },
    { NULL, NULL, NULL },
};
