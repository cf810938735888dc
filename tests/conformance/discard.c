/*
 * discard.c: madvise: pages that go, from a space or from their object.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

static const struct lp_object_ops memory_ops = { NULL, NULL, NULL };

/* An object whose cache is all there is; the case puts it. */
static struct lp_object *memory(struct conf *c, uint64_t npages)
{
    struct lp_object *o = NULL;

    if (!c->failed && lp_object_create(c->pager, &memory_ops, NULL,
                                       npages * PAGE, FILE_RW, &o))
        conf_fail(c, __FILE__, __LINE__, "lp_object_create", 0, 0);
    return o;
}

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

/* --- DONTNEED and FREE --- */

/* Zeroes afterwards, frames given back, neighbours and area as they were? */
static void dontneed_anonymous__zeroes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 5 * PAGE;
    uint64_t frames;

    conf_anon(c, s, a, 10, RW);
    conf_put_pages(c, s, a, 10, 7);
    frames = c->frames;
    CHECK_EQ(
        c, conf_madvise(c, s, a + 2 * PAGE, 6 * PAGE - 1, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, c->frames, frames - 6);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 10 * PAGE), 4);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK(c, conf_is_area(c, s, a, a + 10 * PAGE, RW));
    expect_zeroes(c, s, a + 2 * PAGE, 6);
    conf_expect_pages(c, s, a, 2, 7);
    conf_expect_pages(c, s, a + 8 * PAGE, 2, 15);
    conf_put_pages(c, s, a + 2 * PAGE, 6, 50);
    conf_expect_pages(c, s, a + 2 * PAGE, 6, 50);
}

/* Do tables that are left empty go too? */
static void dontneed__empty_tables(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    uint64_t span = conf_table_span(c), frames;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 3 * span / PAGE, RW);
    frames = c->frames;
    conf_put(c, s, a, 1);
    conf_put(c, s, a + span, 1);
    conf_put(c, s, a + 2 * span + PAGE, 1);
    CHECK_EQ(c, conf_madvise(c, s, a, 3 * span, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, c->frames, frames);
    CHECK_EQ(c, conf_get(c, s, a + span), 0);
}

/* Is a changed private page read from the file's cache again? */
static void dontneed_private_file__reread(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    unsigned i;

    conf_map(c, s, a, 4, RW, LP_MAP_PRIVATE, o, 0);
    conf_put_pages(c, s, a, 3, 1);
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), conf_file_word(c, 0, 3 * PAGE));
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 3 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 1);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    for (i = 1; i < 4; i++)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE),
                 conf_file_word(c, 0, i * PAGE));
    CHECK_EQ(c, c->files[0].nfills, 4);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    CHECK_EQ(c, c->files[0].nwrites, 0);
}

/* Does a shared mapping lose its translations only, and no change? */
static void dontneed_shared_file__dirty_kept(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_put_pages(c, s, a, 2, 30);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), conf_file_word(c, 0, 2 * PAGE));
    child = conf_fork(c, s);
    conf_put(c, child, a + 3 * PAGE, 33);
    CHECK_EQ(c, conf_madvise(c, s, a, 4 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 0);
    CHECK_EQ(c, conf_madvise(c, child, a, 4 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 3);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 31);
    CHECK_EQ(c, conf_file_word(c, 0, 3 * PAGE), 33);
    conf_expect_pages(c, s, a, 2, 30);
    CHECK_EQ(c, conf_get(c, child, a + 3 * PAGE), 33);
    CHECK_EQ(c, c->files[0].nfills, 4);
}

static void dontneed_shared_anonymous__stays(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 3, RW, SHANON, NULL, 0);
    conf_put_pages(c, s, a, 3, 5);
    CHECK_EQ(c, conf_madvise(c, s, a, 3 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK(c, !present(c, s, a));
    conf_expect_pages(c, s, a, 3, 5);
}

/* Do the other spaces keep what fork made them share, on either side? */
static void dontneed_forked__others_keep(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child, *grandchild;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 10);
    child = conf_fork(c, p);
    grandchild = conf_fork(c, child);
    CHECK_EQ(c, conf_madvise(c, p, a + PAGE, 6 * PAGE, LP_MADV_DONTNEED), 0);
    expect_zeroes(c, p, a + PAGE, 6);
    CHECK_EQ(c, conf_get(c, p, a), 10);
    CHECK_EQ(c, conf_get(c, p, a + 7 * PAGE), 17);
    conf_expect_pages(c, child, a, 8, 10);
    conf_put_pages(c, child, a + 2 * PAGE, 2, 90);
    CHECK_EQ(c, conf_madvise(c, child, a, 8 * PAGE, LP_MADV_DONTNEED), 0);
    expect_zeroes(c, child, a, 8);
    conf_expect_pages(c, grandchild, a, 8, 10);
    CHECK_EQ(c, conf_get(c, p, a + 7 * PAGE), 17);
    conf_destroy(c, p);
    conf_destroy(c, child);
    conf_expect_pages(c, grandchild, a, 8, 10);
}

/* Is a shared subtree that lies in the range let go without being copied? */
static void dontneed_forked__subtree_not_copied(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    uint64_t span = conf_table_span(c), copied;
    lp_va a = conf_place(c, 2, 0);

    conf_anon(c, p, a, 2 * span / PAGE, RW);
    conf_put(c, p, a, 1);
    conf_put(c, p, a + span, 2);
    conf_put(c, p, a + span + PAGE, 3);
    child = conf_fork(c, p);
    copied = conf_stats(c, p).tables_copied;
    CHECK_EQ(c, conf_madvise(c, p, a, span, LP_MADV_DONTNEED), 0);
    /* The tables above it, but not the leaf table. */
    CHECK_EQ(c, conf_stats(c, p).tables_copied - copied,
             conf_format(c)->levels - 2);
    CHECK_EQ(c, conf_get(c, p, a), 0);
    CHECK_EQ(c, conf_get(c, child, a), 1);
    copied = conf_stats(c, child).tables_copied;
    CHECK_EQ(c, conf_madvise(c, child, 0, conf_user_end(c), LP_MADV_DONTNEED),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_stats(c, child).tables_copied, copied);
    expect_zeroes(c, child, a, 2);
    CHECK_EQ(c, conf_get(c, child, a + span), 0);
    CHECK_EQ(c, conf_get(c, p, a + span), 2);
    CHECK_EQ(c, conf_get(c, p, a + span + PAGE), 3);
}

/* Do pages that PROT_NONE keeps go, and is nothing allowed by it? */
static void dontneed_prot_none__kept_pages_go(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t frames;

    conf_anon(c, s, a, 4, RW);
    conf_put_pages(c, s, a, 4, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a, 3 * PAGE, 0), 0);
    frames = c->frames;
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 2 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, c->frames, frames - 2);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + PAGE), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a, 3 * PAGE, RW), 0);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    expect_zeroes(c, s, a + PAGE, 2);
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), 4);
}

/* Does whoever holds a page keep it, apart from the program's new one? */
static void dontneed_pinned__holder_keeps(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    CHECK_EQ(c, conf_pin(c, s, a, RW, &pin), 0);
    CHECK_EQ(c, conf_madvise(c, s, a, 2 * PAGE, LP_MADV_DONTNEED), 0);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    conf_put(c, s, a, 8);
    CHECK_NE(c, conf_query(c, s, a).frame, pin.frame);
    CHECK_EQ(c, *(const uint64_t *)pin.page, 1);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_get(c, child, a), 8);
    conf_unpin(c, &pin);
    CHECK_EQ(c, conf_get(c, s, a), 8);
}

/* Does no CPU get at the old page, however recently it did? */
static void dontneed__seen_by_all_cpus(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - PAGE;
    unsigned cpu, n = conf_ncpus(c) < 4 ? conf_ncpus(c) : 4;

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    for (cpu = 0; cpu < n; cpu++) {
        conf_cpu(c, cpu);
        conf_expect_pages(c, s, a, 2, 1);
    }
    conf_cpu(c, 0);
    CHECK_EQ(c, conf_madvise(c, s, a, 2 * PAGE, LP_MADV_DONTNEED), 0);
    for (cpu = n; cpu-- > 0;) {
        conf_cpu(c, cpu);
        expect_zeroes(c, s, a, 2);
    }
    conf_put(c, s, a, 6);
    conf_cpu(c, n - 1);
    CHECK_EQ(c, conf_get(c, s, a), 6);
}

/* FREE: as DONTNEED where pages are the program's own, else EINVAL. */
static void free__private_anonymous_only(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, RW);
    conf_map(c, s, a + 2 * PAGE, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, s, a + 4 * PAGE, 2, RW, SHANON, NULL, 0);
    conf_put_pages(c, s, a, 6, 1);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, PAGE, LP_MADV_FREE), 0);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_madvise(c, s, a + 2 * PAGE, PAGE, LP_MADV_FREE),
             -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a + 4 * PAGE, PAGE, LP_MADV_FREE),
             -LP_EINVAL);
    CHECK_EQ(c, conf_madvise(c, s, a, 6 * PAGE, LP_MADV_FREE), -LP_EINVAL);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    conf_expect_pages(c, s, a + 2 * PAGE, 4, 3);
}

/* --- REMOVE --- */

/* Zeroes in every space that maps it, and frames given back? */
static void remove__everywhere(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    uint64_t frames;

    conf_map(c, p, a, 6, RW, SHANON, NULL, 0);
    conf_put_pages(c, p, a, 6, 1);
    child = conf_fork(c, p);
    conf_expect_pages(c, child, a, 6, 1);
    frames = c->frames;
    CHECK_EQ(c, conf_madvise(c, child, a + PAGE, 3 * PAGE, LP_MADV_REMOVE), 0);
    CHECK_LE(c, c->frames, frames - 3);
    CHECK(c, !present(c, p, a + PAGE));
    expect_zeroes(c, p, a + PAGE, 3);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    conf_expect_pages(c, child, a + 4 * PAGE, 2, 5);
    conf_put(c, p, a + 2 * PAGE, 44);
    CHECK_EQ(c, conf_get(c, child, a + 2 * PAGE), 44);
}

/* Do private copies stay, and go the pages that were only read? */
static void remove__private_copies_stay(struct conf *c)
{
    struct lp_space *s = conf_space(c), *t = conf_space(c);
    struct lp_object *o = memory(c, 4);
    lp_va a = conf_place(c, 1, 0), b = conf_place(c, 2, 0);
    uint64_t word = 0;

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, t, b, 4, RW, LP_MAP_PRIVATE, o, 0);
    conf_put_pages(c, s, a, 4, 1);
    conf_expect_pages(c, t, b, 4, 1);
    conf_put(c, t, b + PAGE, 70);
    CHECK_EQ(c, conf_madvise(c, s, a, 3 * PAGE, LP_MADV_REMOVE), 0);
    CHECK_EQ(c, conf_get(c, t, b), 0);
    CHECK_EQ(c, conf_get(c, t, b + PAGE), 70);
    CHECK_EQ(c, conf_get(c, t, b + 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, t, b + 3 * PAGE), 4);
    CHECK_EQ(c, lp_object_read(o, 3 * PAGE, &word, 8), 8);
    CHECK_EQ(c, word, 4);
    CHECK_EQ(c, lp_object_size(o), 4 * PAGE);
    lp_object_put(o);
}

static void remove__errors(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *file = conf_open(c, 0, 2 * PAGE, FILE_RW);
    struct lp_object *o = memory(c, 2);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    conf_anon(c, s, a + 2 * PAGE, 1, RW);
    conf_map(c, s, a + 3 * PAGE, 1, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, s, a + 4 * PAGE, 1, LP_READ, LP_MAP_SHARED, o, 0);
    conf_map(c, s, a + 5 * PAGE, 1, RW, LP_MAP_SHARED, file, 0);
    conf_put_pages(c, s, a, 3, 1);
    conf_put(c, s, a + 5 * PAGE, 9);
    lp_object_put(o);
    CHECK_EQ(c, conf_madvise(c, s, a + PAGE, 2 * PAGE, LP_MADV_REMOVE),
             -LP_EINVAL);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 3);
    CHECK_EQ(c, conf_madvise(c, s, a + 3 * PAGE, PAGE, LP_MADV_REMOVE),
             -LP_EACCES);
    CHECK_EQ(c, conf_madvise(c, s, a + 4 * PAGE, PAGE, LP_MADV_REMOVE),
             -LP_EACCES);
    CHECK_EQ(c, conf_madvise(c, s, a + 5 * PAGE, PAGE, LP_MADV_REMOVE),
             -LP_EOPNOTSUPP);
    CHECK_EQ(c, conf_get(c, s, a + 5 * PAGE), 9);
}

const struct conf_case conf_discard_cases[] = {
    { "discard-anonymous", dontneed_anonymous__zeroes, NULL },
    { "discard-tables", dontneed__empty_tables, NULL },
    { "discard-private-file", dontneed_private_file__reread, NULL },
    { "discard-shared-file", dontneed_shared_file__dirty_kept, NULL },
    { "discard-shared-anonymous", dontneed_shared_anonymous__stays, NULL },
    { "discard-forked", dontneed_forked__others_keep, NULL },
    { "discard-subtree", dontneed_forked__subtree_not_copied, NULL },
    { "discard-prot-none", dontneed_prot_none__kept_pages_go, NULL },
    { "discard-pinned", dontneed_pinned__holder_keeps, NULL },
    { "discard-cpus", dontneed__seen_by_all_cpus, NULL },
    { "discard-free", free__private_anonymous_only, NULL },
    { "discard-remove", remove__everywhere, NULL },
    { "discard-remove-private", remove__private_copies_stay, NULL },
    { "discard-remove-errors", remove__errors, NULL },
    { NULL, NULL, NULL },
};
