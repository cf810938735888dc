/*
 * fork.c: fork and exit: private memory of a parent and its child.
 */
#include "conformance.h"

/* Do both sides see the old contents, and then only their own changes? */
static void both_sides_private(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 100);
    child = conf_fork(c, p);
    conf_expect_pages(c, child, a, 8, 100);
    conf_put_pages(c, child, a, 2, 200);
    conf_put_pages(c, p, a + PAGE, 2, 300);
    conf_put_pages(c, p, a + 5 * PAGE, 1, 400);
    conf_put_pages(c, child, a + 5 * PAGE, 1, 500);
    CHECK_EQ(c, conf_get(c, p, a), 100);
    conf_expect_pages(c, p, a + PAGE, 2, 300);
    CHECK_EQ(c, conf_get(c, p, a + 3 * PAGE), 103);
    CHECK_EQ(c, conf_get(c, p, a + 5 * PAGE), 400);
    conf_expect_pages(c, child, a, 2, 200);
    conf_expect_pages(c, child, a + 2 * PAGE, 3, 102);
    CHECK_EQ(c, conf_get(c, child, a + 5 * PAGE), 500);
    CHECK_EQ(c, conf_get(c, child, a + 7 * PAGE), 107);
}

/* Does the writer get the copy, and everyone else keep frame and contents? */
static void writer_copies__others_keep_the_frame(struct conf *c)
{
    unsigned writer;

    for (writer = 0; writer < 2; writer++) {
        struct lp_space *p = conf_space(c), *child;
        lp_va a = conf_place(c, 1, 0);
        lp_pa frame;

        conf_anon(c, p, a, 2, RW);
        conf_put_pages(c, p, a, 2, 7);
        frame = conf_query(c, p, a).frame;
        child = conf_fork(c, p);
        CHECK_EQ(c, conf_query(c, child, a).frame, frame);
        conf_put(c, writer ? child : p, a, 9);
        CHECK_EQ(c, conf_query(c, writer ? p : child, a).frame, frame);
        CHECK_NE(c, conf_query(c, writer ? child : p, a).frame, frame);
        CHECK_EQ(c, conf_get(c, writer ? p : child, a), 7);
        CHECK_EQ(c, conf_get(c, writer ? child : p, a), 9);
        conf_destroy(c, p);
        conf_destroy(c, child);
    }
}

/* Is no page writable on either side right after the fork? */
static void write_protected_on_both_sides(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    struct lp_page_info info;
    unsigned i;

    conf_anon(c, p, a, 4, RW);
    conf_put_pages(c, p, a, 4, 7);
    child = conf_fork(c, p);
    for (i = 0; i < 4; i++) {
        info = conf_query(c, p, a + i * PAGE);
        CHECK_EQ(c, info.access & LP_WRITE, 0);
        CHECK(c, info.flags & LP_PAGE_COW);
        info = conf_query(c, child, a + i * PAGE);
        CHECK_EQ(c, info.access & LP_WRITE, 0);
        CHECK(c, info.flags & LP_PAGE_COW);
    }
}

/* Does the child keep the original access of its areas? */
static void child_areas__original_access(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_area mine, theirs;
    unsigned n = 0;
    lp_va va;

    conf_anon(c, p, a, 2, RW);
    conf_anon(c, p, a + 2 * PAGE, 2, LP_READ);
    conf_anon(c, p, a + 5 * PAGE, 2, RWX);
    conf_anon(c, p, conf_place(c, 2, 0), 2, 0);
    conf_put(c, p, a, 1);
    child = conf_fork(c, p);
    for (va = 0; lp_next_area(p, va, &mine); va = mine.end, n++) {
        CHECK(c, lp_next_area(child, va, &theirs));
        CHECK_EQ(c, mine.start, theirs.start);
        CHECK_EQ(c, mine.end, theirs.end);
        CHECK_EQ(c, mine.access, theirs.access);
    }
    CHECK_EQ(c, n, 4);
    CHECK_EQ(c, conf_touch(c, child, LP_WRITE, a + 2 * PAGE), LP_FAULT_ACCERR);
    conf_put(c, child, a + PAGE, 3);
    CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a + 5 * PAGE), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, conf_place(c, 2, 0)),
             LP_FAULT_ACCERR);
}

/* Do untouched pages load independently afterwards? */
static void untouched__independent(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0), far = conf_place(c, 3, 0);

    conf_anon(c, p, a, 4, RW);
    conf_anon(c, p, far, 4, RW);
    conf_put(c, p, a, 1);
    child = conf_fork(c, p);
    conf_put(c, child, a + PAGE, 5);
    conf_put(c, p, a + 2 * PAGE, 6);
    conf_put(c, child, far, 7);
    conf_put(c, p, far, 8);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, child, a + 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, child, a + PAGE), 5);
    CHECK_EQ(c, conf_get(c, child, far), 7);
    CHECK_EQ(c, conf_get(c, p, far), 8);
}

/* A read of zeroes after fork, in a shared table, stays with its reader. */
static void read_fill_in_a_shared_table(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 4, RW);
    conf_put(c, p, a, 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_get(c, child, a + PAGE), 0);
    CHECK_EQ(c, lp_resident_pages(child, a, a + 4 * PAGE), 2);
    CHECK_EQ(c, lp_resident_pages(p, a, a + 4 * PAGE), 1);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    conf_put(c, p, a + PAGE, 2);
    CHECK_EQ(c, conf_get(c, child, a + PAGE), 0);
}

/* Do reads and fetches after fork copy no page? */
static void reading__copies_nothing(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    unsigned i;

    conf_anon(c, p, a, 8, RWX);
    conf_put_pages(c, p, a, 8, 7);
    child = conf_fork(c, p);
    conf_expect_pages(c, p, a, 8, 7);
    conf_expect_pages(c, child, a, 8, 7);
    for (i = 0; i < 8; i++)
        CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a + i * PAGE), LP_FAULT_OK);
    CHECK_EQ(c, conf_stats(c, p).copies, 0);
    CHECK_EQ(c, conf_stats(c, child).copies, 0);
    for (i = 0; i < 8; i++)
        CHECK_EQ(c, conf_query(c, p, a + i * PAGE).frame,
                 conf_query(c, child, a + i * PAGE).frame);
}

/* Is a copied page as executable as it was? */
static void copy_keeps_execute(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 2, RWX);
    conf_put(c, p, a, 1);
    conf_anon(c, p, a + 2 * PAGE, 1, RW);
    conf_put(c, p, a + 2 * PAGE, 1);
    child = conf_fork(c, p);
    conf_put(c, child, a, 2);
    conf_put(c, child, a + 2 * PAGE, 2);
    CHECK_EQ(c, conf_query(c, child, a).access, RWX);
    CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a + 2 * PAGE), LP_FAULT_ACCERR);
}

/* A write to read-only memory is refused, never copied, also after fork. */
static void read_only__never_copied(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 2, RW);
    conf_put_pages(c, p, a, 2, 3);
    CHECK_EQ(c, conf_mprotect(c, p, a, 2 * PAGE, LP_READ), 0);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_touch(c, child, LP_WRITE, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, p, LP_WRITE, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_stats(c, p).copies + conf_stats(c, child).copies, 0);
    conf_expect_pages(c, child, a, 2, 3);
}

/* Does the last sharer get every page back without a copy? */
static void last_sharer__no_copy(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    uint64_t frames;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 7);
    child = conf_fork(c, p);
    conf_put_pages(c, child, a, 8, 70);
    CHECK_EQ(c, conf_stats(c, child).copies, 8);
    frames = c->frames;
    conf_put_pages(c, p, a, 8, 700);
    CHECK_EQ(c, conf_stats(c, p).copies, 0);
    CHECK_EQ(c, c->frames, frames);
    conf_expect_pages(c, p, a, 8, 700);
    conf_expect_pages(c, child, a, 8, 70);
}

/*
 * The child goes without having written: does the parent get everything back
 * with at most one fault for each entry of the root, and no copy?
 */
static void child_exits__one_fault_a_root_entry(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 8 * PAGE, b = conf_place(c, 3, 2);
    uint64_t frames, faults;
    struct lp_stats stats;

    conf_anon(c, p, a, 16, RW);
    conf_anon(c, p, b, 8, RW);
    conf_put_pages(c, p, a, 16, 1);
    conf_put_pages(c, p, b, 8, 1);
    frames = c->frames;
    child = conf_fork(c, p);
    conf_expect_pages(c, child, a, 3, 1);
    conf_destroy(c, child);
    CHECK_EQ(c, c->frames, frames);
    stats = conf_stats(c, p);
    faults = stats.faults - stats.decisions[LP_SPURIOUS];
    conf_put_pages(c, p, a, 16, 100);
    conf_put_pages(c, p, b, 8, 200);
    stats = conf_stats(c, p);
    CHECK_LE(c, stats.faults - stats.decisions[LP_SPURIOUS] - faults, 2);
    CHECK_EQ(c, stats.copies, 0);
    CHECK_EQ(c, stats.tables_copied, 0);
    CHECK_EQ(c, c->frames, frames);
    conf_expect_pages(c, p, a, 16, 100);
}

/* The parent goes first: the child has it all. */
static void parent_exits_first(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    uint64_t frames;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 1);
    frames = c->frames;
    child = conf_fork(c, p);
    conf_destroy(c, p);
    CHECK_LE(c, c->frames, frames);
    conf_put_pages(c, child, a, 8, 10);
    CHECK_EQ(c, conf_stats(c, child).copies, 0);
    conf_expect_pages(c, child, a, 8, 10);
}

/* Zeroes that were only read stay zeroes on both sides. */
static void zero_page_across_fork(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    uint64_t frames;

    conf_anon(c, p, a, 4, RW);
    CHECK_EQ(c, conf_get(c, p, a), 0);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    child = conf_fork(c, p);
    conf_put(c, p, a, 1);
    conf_put(c, child, a + PAGE, 2);
    CHECK_EQ(c, conf_get(c, child, a), 0);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    CHECK_EQ(c, conf_stats(c, p).copies + conf_stats(c, child).copies, 0);
    conf_destroy(c, child);
    frames = c->frames;
    conf_put(c, p, a + PAGE, 3);
    CHECK_LE(c, c->frames - frames, 1);
}

/* An empty parent has an empty child. */
static void fork_of_nothing(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child = conf_fork(c, p);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(c, lp_area_count(child), 0);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a), LP_FAULT_MAPERR);
    conf_anon(c, child, a, 1, RW);
    conf_put(c, child, a, 1);
    CHECK_EQ(c, conf_touch(c, p, LP_READ, a), LP_FAULT_MAPERR);
    conf_anon(c, p, a, 1, RW);
    CHECK_EQ(c, conf_get(c, p, a), 0);
}

const struct conf_case conf_fork_cases[] = {
    { "fork-both-sides", both_sides_private, NULL },
    { "fork-writer-copies", writer_copies__others_keep_the_frame, NULL },
    { "fork-write-protected", write_protected_on_both_sides, NULL },
    { "fork-child-areas", child_areas__original_access, NULL },
    { "fork-untouched", untouched__independent, NULL },
    { "fork-read-fill", read_fill_in_a_shared_table, NULL },
    { "fork-reading", reading__copies_nothing, NULL },
    { "fork-keeps-execute", copy_keeps_execute, NULL },
    { "fork-read-only", read_only__never_copied, NULL },
    { "fork-last-sharer", last_sharer__no_copy, NULL },
    { "fork-child-exits", child_exits__one_fault_a_root_entry, NULL },
    { "fork-parent-exits", parent_exits_first, NULL },
    { "fork-zero-page", zero_page_across_fork, NULL },
    { "fork-of-nothing", fork_of_nothing, NULL },
    { NULL, NULL, NULL },
};
