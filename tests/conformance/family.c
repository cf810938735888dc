/*
 * family.c: fork of forks: chains, siblings, forks after writes; and what a fork
 * costs.
 */
#include "conformance.h"

/* Fork of a child that has not run, three deep; every level its own. */
static void chain_of_forks(struct conf *c)
{
    struct lp_space *s[6];
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;
    unsigned i;

    s[0] = conf_space(c);
    conf_anon(c, s[0], a, 6, RW);
    conf_put_pages(c, s[0], a, 6, 1000);
    for (i = 1; i < 6; i++)
        s[i] = conf_fork(c, s[i - 1]);
    for (i = 0; i < 6; i++)
        conf_put(c, s[i], a + i * PAGE, i);
    for (i = 0; i < 6; i++) {
        CHECK_EQ(c, conf_get(c, s[i], a + i * PAGE), i);
        CHECK_EQ(c, conf_get(c, s[i], a + (i + 1) % 6 * PAGE),
                 1000 + (i + 1) % 6);
        CHECK_EQ(c, conf_get(c, s[i], a + (i + 5) % 6 * PAGE),
                 1000 + (i + 5) % 6);
    }
    conf_destroy(c, s[3]);
    conf_destroy(c, s[0]);
    conf_put_pages(c, s[5], a, 6, 50);
    CHECK_EQ(c, conf_get(c, s[4], a), 1000);
    conf_destroy(c, s[4]);
    conf_expect_pages(c, s[5], a, 6, 50);
    CHECK_EQ(c, conf_get(c, s[1], a), 1000);
    CHECK_EQ(c, conf_get(c, s[1], a + PAGE), 1);
    CHECK_EQ(c, conf_get(c, s[2], a + PAGE), 1001);
}

/* Siblings: several children of one parent, before any of them runs. */
static void siblings(struct conf *c)
{
    struct lp_space *p = conf_space(c), *s[4];
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    unsigned i;

    conf_anon(c, p, a, 4, RW);
    conf_put_pages(c, p, a, 4, 1);
    for (i = 0; i < 4; i++)
        s[i] = conf_fork(c, p);
    conf_put_pages(c, p, a, 4, 10);
    for (i = 0; i < 4; i++) {
        conf_expect_pages(c, s[i], a, 4, 1);
        conf_put_pages(c, s[i], a, 4, 100 * (i + 1));
    }
    conf_expect_pages(c, p, a, 4, 10);
    for (i = 0; i < 4; i++) {
        conf_expect_pages(c, s[i], a, 4, 100 * (i + 1));
        conf_destroy(c, s[i]);
    }
    conf_expect_pages(c, p, a, 4, 10);
}

/* Fork, write on one side, fork again from either: is a stale table seen? */
static void fork_again_after_writes(struct conf *c)
{
    struct lp_space *p = conf_space(c), *x, *y, *z;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_anon(c, p, a, 4, RW);
    conf_put_pages(c, p, a, 4, 1);
    x = conf_fork(c, p);
    conf_put(c, x, a, 10);
    y = conf_fork(c, p);
    conf_put(c, p, a + PAGE, 20);
    z = conf_fork(c, x);
    conf_put(c, z, a + 2 * PAGE, 30);
    conf_destroy(c, y);
    conf_put(c, p, a + 3 * PAGE, 40);
    conf_put(c, x, a + 3 * PAGE, 50);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 20);
    CHECK_EQ(c, conf_get(c, p, a + 3 * PAGE), 40);
    CHECK_EQ(c, conf_get(c, x, a), 10);
    CHECK_EQ(c, conf_get(c, x, a + PAGE), 2);
    CHECK_EQ(c, conf_get(c, x, a + 3 * PAGE), 50);
    CHECK_EQ(c, conf_get(c, z, a), 10);
    CHECK_EQ(c, conf_get(c, z, a + 2 * PAGE), 30);
    CHECK_EQ(c, conf_get(c, z, a + 3 * PAGE), 4);
    conf_destroy(c, x);
    conf_put_pages(c, z, a, 4, 60);
    conf_put_pages(c, p, a, 4, 70);
    conf_expect_pages(c, z, a, 4, 60);
    conf_expect_pages(c, p, a, 4, 70);
}

/* write; fork; exit, over and over: neither frames nor contents are lost. */
static void fork_and_exit_again_and_again(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    uint64_t frames;
    unsigned i;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 1);
    frames = c->frames;
    for (i = 0; i < 12; i++) {
        child = conf_fork(c, p);
        if (i % 3 == 0)
            conf_put_pages(c, child, a + i % 5 * PAGE, 3, 1000);
        if (i % 2 == 0)
            conf_put_pages(c, p, a + i % 4 * PAGE, 2, i);
        conf_destroy(c, child);
        conf_put_pages(c, p, a, 8, i + 1);
        conf_expect_pages(c, p, a, 8, i + 1);
        CHECK_EQ(c, c->frames, frames);
    }
}

/* Is fork as cheap for a large parent as for a small one? */
static void cost__independent_of_size(struct conf *c)
{
    static const unsigned areas[] = { 20, 1980 };
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    uint64_t before, cost[2];
    unsigned step, i, n = 0;

    for (step = 0; step < 2; step++) {
        c->quiet++;
        for (i = 0; i < areas[step]; i++, n++) {
            conf_anon(c, p, a + 2 * n * PAGE, 1, RW);
            if (n % 4 == 0)
                conf_put(c, p, a + 2 * n * PAGE, n);
        }
        c->quiet--;
        before = c->allocations;
        child = conf_fork(c, p);
        cost[step] = c->allocations - before;
        CHECK_EQ(c, lp_area_count(child), n);
        conf_destroy(c, child);
    }
    CHECK_EQ(c, cost[0], cost[1]);
    CHECK_LE(c, cost[1], 3);
    CHECK_EQ(c, conf_get(c, p, a + 2 * 1996 * PAGE), 1996);
}

/*
 * Does unmapping a range that covers whole shared tables only drop references:
 * no table copied, nothing allocated for tables?
 */
static void unmap_shared_subtree__drops_a_reference(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    uint64_t span = conf_table_span(c), before;
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    conf_anon(c, p, a, 4 * span / PAGE, RW);
    for (i = 0; i < 4; i++)
        conf_put_pages(c, p, a + i * span, 3, 10 * i);
    child = conf_fork(c, p);
    before = conf_stats(c, child).tables_copied;
    CHECK_EQ(c, conf_munmap(c, child, 0, conf_user_end(c)), 0);
    CHECK_EQ(c, conf_stats(c, child).tables_copied, before);
    CHECK_EQ(c, lp_resident_pages(child, 0, conf_user_end(c)), 0);
    for (i = 0; i < 4; i++)
        conf_expect_pages(c, p, a + i * span, 3, 10 * i);
    conf_destroy(c, child);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_munmap(c, child, a + span, 2 * span), 0);
    CHECK_LE(c, conf_stats(c, child).tables_copied,
             conf_format(c)->levels - 2u);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a + span), LP_FAULT_MAPERR);
    conf_expect_pages(c, child, a, 3, 0);
    conf_expect_pages(c, child, a + 3 * span, 3, 30);
    for (i = 0; i < 4; i++)
        conf_expect_pages(c, p, a + i * span, 3, 10 * i);
}

/* Unmap and protect of a part, in the child and in the parent, after fork. */
static void edit_a_part_after_fork(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_anon(c, p, a, 8, RW);
    conf_put_pages(c, p, a, 8, 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_munmap(c, child, a + 2 * PAGE, 3 * PAGE), 0);
    CHECK_EQ(c, conf_mprotect(c, p, a + PAGE, 2 * PAGE, LP_READ), 0);
    conf_expect_pages(c, p, a, 8, 1);
    CHECK_EQ(c, conf_touch(c, p, LP_WRITE, a + 2 * PAGE), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a + 2 * PAGE), LP_FAULT_MAPERR);
    conf_put(c, child, a + PAGE, 20);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 2);
    conf_anon(c, child, a + 2 * PAGE, 3, RW);
    CHECK_EQ(c, conf_get(c, child, a + 2 * PAGE), 0);
    conf_put_pages(c, child, a + 2 * PAGE, 3, 90);
    conf_expect_pages(c, p, a + 2 * PAGE, 6, 3);
    conf_expect_pages(c, child, a + 2 * PAGE, 3, 90);
    conf_expect_pages(c, child, a + 5 * PAGE, 3, 6);
}

const struct conf_case conf_family_cases[] = {
    { "family-chain", chain_of_forks, NULL },
    { "family-siblings", siblings, NULL },
    { "family-again", fork_again_after_writes, NULL },
    { "family-exit-repeated", fork_and_exit_again_and_again, NULL },
    { "family-cost", cost__independent_of_size, NULL },
    { "family-unmap-subtree", unmap_shared_subtree__drops_a_reference, NULL },
    { "family-edit-part", edit_a_part_after_fork, NULL },
    { NULL, NULL, NULL },
};
