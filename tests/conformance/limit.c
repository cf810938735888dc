/*
 * limit.c: the limits of a space: areas and bytes.  Reaching one is ENOMEM and
 * changes nothing.
 */
#include "conformance.h"

static const struct lp_options three_areas = { .max_areas = 3 };
static const struct lp_options eight_pages = { .max_bytes = 8 * 4096 };

/* Is one area more than allowed refused, and is room found when one goes? */
static void areas__mmap(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    conf_anon(c, s, a, 1, RW);
    conf_anon(c, s, a + 2 * PAGE, 1, RW);
    conf_anon(c, s, a + 4 * PAGE, 1, RW);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, SHANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_munmap(c, s, a, PAGE), 0);
    CHECK(c, conf_mmap(c, s, 0, PAGE, LP_READ, ANON, NULL, 0) > 0);
}

/* Is a split refused at the limit, and what needs none allowed? */
static void areas__munmap(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    conf_anon(c, s, a, 3, RW);
    conf_anon(c, s, a + 4 * PAGE, 3, RW);
    conf_anon(c, s, a + 8 * PAGE, 3, RW);
    conf_put_pages(c, s, a, 3, 1);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_munmap(c, s, a + PAGE, PAGE), -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_munmap(c, s, a + 2 * PAGE, 3 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 3);
    CHECK_EQ(c, conf_munmap(c, s, a + 8 * PAGE, 3 * PAGE), 0);
    CHECK_EQ(c, conf_munmap(c, s, a + 5 * PAGE, PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 2);
}

/* mprotect at the limit: refused only when it would have to split. */
static void areas__mprotect(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    conf_anon(c, s, a, 4, RW);
    conf_anon(c, s, a + 5 * PAGE, 4, RW);
    conf_put_pages(c, s, a, 4, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, LP_READ), 0);
    CHECK_EQ(c, lp_area_count(s), 3);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_mprotect(c, s, a + 6 * PAGE, PAGE, LP_READ), -LP_ENOMEM);
    CHECK_EQ(c, conf_mprotect(c, s, a + 5 * PAGE, PAGE, LP_READ), -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_mprotect(c, s, a + 5 * PAGE, 4 * PAGE, LP_READ), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + PAGE, 3 * PAGE, RWX), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a, 4 * PAGE, LP_READ), 0);
    CHECK_EQ(c, lp_area_count(s), 2);
}

/* FIXED into the middle of an area makes two more: is that counted? */
static void areas__fixed_in_the_middle(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    conf_anon(c, s, a, 3, RW);
    conf_anon(c, s, a + 4 * PAGE, 1, RW);
    conf_put_pages(c, s, a, 3, 1);
    before = conf_snapshot(c);
    CHECK_EQ(
        c,
        conf_mmap(c, s, a + PAGE, PAGE, LP_READ, ANON | LP_MAP_FIXED, NULL, 0),
        -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_munmap(c, s, a + 4 * PAGE, PAGE), 0);
    conf_anon(c, s, a + PAGE, 1, LP_READ);
    CHECK_EQ(c, lp_area_count(s), 3);
}

/* Are bytes counted exactly, with what FIXED replaces taken off? */
static void bytes(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    CHECK_EQ(c, conf_mmap(c, s, 0, 8 * PAGE + 1, RW, ANON, NULL, 0),
             -LP_ENOMEM);
    conf_anon(c, s, a, 8, RW);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_mmap(c, s, 0, 1, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c,
             conf_mmap(c, s, a + 4 * PAGE, 5 * PAGE, RW, ANON | LP_MAP_FIXED,
                       NULL, 0),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    conf_anon(c, s, a + 2 * PAGE, 6, LP_READ);
    CHECK_EQ(c, lp_mapped_bytes(s), 8 * PAGE);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_mmap(c, child, 0, 1, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, conf_munmap(c, child, a, 3 * PAGE), 0);
    CHECK_EQ(c, lp_mapped_bytes(child), 5 * PAGE);
    CHECK(c, conf_mmap(c, child, 0, 3 * PAGE, RW, ANON, NULL, 0) > 0);
    CHECK_EQ(c, conf_mmap(c, child, 0, 1, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, lp_mapped_bytes(s), 8 * PAGE);
}

const struct conf_case conf_limit_cases[] = {
    { "limit-areas-mmap", areas__mmap, &three_areas },
    { "limit-areas-munmap", areas__munmap, &three_areas },
    { "limit-areas-mprotect", areas__mprotect, &three_areas },
    { "limit-areas-fixed", areas__fixed_in_the_middle, &three_areas },
    { "limit-bytes", bytes, &eight_pages },
    { NULL, NULL, NULL },
};
