/*
 * place.c: where a mapping goes: chosen, hinted, fixed, and what FIXED
 * replaces.
 */
#include "conformance.h"

/* Does the pager choose downwards from the top, never over anything? */
static void chosen__top_down_and_free(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va end = conf_user_end(c);
    int64_t a = conf_mmap(c, s, 0, 3 * PAGE, RW, ANON, NULL, 0);
    int64_t b = conf_mmap(c, s, 0, PAGE, LP_READ, ANON, NULL, 0);

    CHECK_EQ(c, a, end - 3 * PAGE);
    CHECK_EQ(c, b, end - 4 * PAGE);
    conf_put_pages(c, s, (lp_va)a, 3, 1);
    CHECK_EQ(c, conf_munmap(c, s, (lp_va)a + PAGE, PAGE), 0);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, ANON, NULL, 0), a + 4096);
    CHECK_EQ(c, conf_get(c, s, (lp_va)a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, (lp_va)a + 2 * PAGE), 3);
}

/* Is a gap used only when it is large enough? */
static void chosen__gap_must_fit(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va end = conf_user_end(c);

    conf_anon(c, s, end - PAGE, 1, RW);
    conf_anon(c, s, end - 4 * PAGE, 1, RW);
    CHECK_EQ(c, conf_mmap(c, s, 0, 3 * PAGE, LP_READ, ANON, NULL, 0),
             end - 7 * PAGE);
    CHECK_EQ(c, conf_mmap(c, s, 0, 2 * PAGE, LP_READ, ANON, NULL, 0),
             end - 3 * PAGE);
}

/* Is a hint honoured when free, rounded down, else passed over? */
static void hint(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 2, 1), end = conf_user_end(c);
    int64_t got;

    CHECK_EQ(c, conf_mmap(c, s, a + 77, PAGE, RW, ANON, NULL, 0), a);
    conf_put(c, s, a, 8);
    got = conf_mmap(c, s, a, PAGE, RW, ANON, NULL, 0);
    CHECK_EQ(c, got, end - PAGE);
    got = conf_mmap(c, s, a - PAGE, 2 * PAGE, LP_READ, ANON, NULL, 0);
    CHECK_EQ(c, got, end - 3 * PAGE);
    CHECK_EQ(c, conf_get(c, s, a), 8);
    got = conf_mmap(c, s, end, PAGE, RWX, ANON, NULL, 0);
    CHECK_EQ(c, got, end - 4 * PAGE);
    got = conf_mmap(c, s, UINT64_MAX, PAGE, RW, ANON, NULL, 0);
    CHECK_EQ(c, got, end - 5 * PAGE);
    got = conf_mmap(c, s, end - PAGE, 2 * PAGE, LP_READ, ANON, NULL, 0);
    CHECK_EQ(c, got, end - 7 * PAGE);
}

static const struct lp_options low_window = {
    .mmap_base = 64 * 4096,
    .mmap_min = 32 * 4096,
};

/* Are the options' window and the space's own base obeyed? */
static void window(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;

    CHECK_EQ(c, conf_mmap(c, s, 0, 32 * PAGE, RW, ANON, NULL, 0), 32 * PAGE);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, lp_space_set_base(s, 96 * PAGE), 0);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON, NULL, 0), 95 * PAGE);
    CHECK_EQ(c, lp_space_set_base(s, 64 * PAGE), 0);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, lp_space_set_base(s, 90 * PAGE), 0);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_mmap(c, child, 0, PAGE, RW, ANON, NULL, 0), 89 * PAGE);
    CHECK_EQ(c, lp_space_set_base(s, PAGE + 1), -LP_EINVAL);
    CHECK_EQ(c, lp_space_set_base(s, conf_user_end(c) + PAGE), -LP_EINVAL);
    CHECK_EQ(c, lp_space_set_base(s, 31 * PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, 26 * PAGE, LP_READ, ANON, NULL, 0),
             64 * PAGE);
}

/* Does FIXED replace what is there: whole, part, several, their pages gone? */
static void fixed__replaces(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    uint64_t frames;

    conf_anon(c, s, a, 8, RW);
    conf_put_pages(c, s, a, 8, 50);
    frames = c->frames;
    conf_anon(c, s, a + 2 * PAGE, 4, RW);
    CHECK_EQ(c, frames - c->frames, 4);
    CHECK_EQ(c, lp_area_count(s), 1);
    conf_expect_pages(c, s, a, 2, 50);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 5 * PAGE), 0);
    conf_expect_pages(c, s, a + 6 * PAGE, 2, 56);
    conf_anon(c, s, a + 3 * PAGE, 2, LP_READ);
    CHECK_EQ(c, lp_area_count(s), 3);
    conf_anon(c, s, a - PAGE, 10, RW);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK_EQ(c, lp_resident_pages(s, a - PAGE, a + 9 * PAGE), 0);
}

/* Is an error of FIXED found before anything is replaced? */
static void fixed_that_fails__changes_nothing(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    uint64_t before;

    conf_anon(c, s, a, 4, RW);
    conf_put_pages(c, s, a, 4, 50);
    before = conf_snapshot(c);
    CHECK_EQ(c,
             conf_mmap(c, s, a, PAGE, RW, LP_MAP_SHARED | LP_MAP_FIXED, o, 0),
             -LP_EACCES);
    CHECK_EQ(
        c,
        conf_mmap(c, s, a, conf_user_end(c), RW, ANON | LP_MAP_FIXED, NULL, 0),
        -LP_ENOMEM);
    CHECK_EQ(c, conf_mmap(c, s, a, 0, RW, ANON | LP_MAP_FIXED, NULL, 0),
             -LP_EINVAL);
    CHECK_EQ(c, conf_snapshot(c), before);
    conf_expect_pages(c, s, a, 4, 50);
}

/* Is FIXED_NOREPLACE refused over anything, also partly, and else fine? */
static void noreplace__eexist(struct conf *c)
{
    const unsigned flags = ANON | LP_MAP_FIXED_NOREPLACE;
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0) + 16 * PAGE;
    uint64_t before;

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_mmap(c, s, a, 2 * PAGE, RW, flags, NULL, 0), -LP_EEXIST);
    CHECK_EQ(c, conf_mmap(c, s, a - PAGE, 2 * PAGE, RW, flags, NULL, 0),
             -LP_EEXIST);
    CHECK_EQ(c, conf_mmap(c, s, a + PAGE, 2 * PAGE, RW, flags, NULL, 0),
             -LP_EEXIST);
    CHECK_EQ(c, conf_mmap(c, s, a - PAGE, 9 * PAGE, RW, flags, NULL, 0),
             -LP_EEXIST);
    CHECK_EQ(c, conf_mmap(c, s, a, 1, RW, flags | LP_MAP_FIXED, NULL, 0),
             -LP_EEXIST);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_mmap(c, s, a - PAGE, PAGE, RW, flags, NULL, 0), a - PAGE);
    CHECK_EQ(c, conf_mmap(c, s, a + 2 * PAGE, PAGE, RW, flags, NULL, 0),
             a + 2 * PAGE);
    CHECK(c, conf_is_area(c, s, a - PAGE, a + 3 * PAGE, RW));
}

/* Does FIXED over the same file's pages bring the other offset? */
static void fixed_over_a_file__other_offset(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, PAGE));
    conf_map(c, s, a + PAGE, 2, LP_READ, LP_MAP_PRIVATE, o, 6 * PAGE);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, 6 * PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), conf_file_word(c, 0, 7 * PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), conf_file_word(c, 0, 3 * PAGE));
    CHECK_EQ(c, lp_area_count(s), 3);
}

/* Does replacing the last mapping of an object let it go? */
static void fixed__lets_the_object_go(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    conf_close(c, o);
    conf_put(c, s, a, 123);
    conf_anon(c, s, a, 2, RW);
    CHECK_EQ(c, c->files[0].released, 1);
    CHECK_EQ(c, c->files[0].writes[0], 1);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 123);
    CHECK_EQ(c, conf_get(c, s, a), 0);
}

const struct conf_case conf_place_cases[] = {
    { "place-top-down", chosen__top_down_and_free, NULL },
    { "place-gap-must-fit", chosen__gap_must_fit, NULL },
    { "place-hint", hint, NULL },
    { "place-window", window, &low_window },
    { "place-fixed-replaces", fixed__replaces, NULL },
    { "place-fixed-fails", fixed_that_fails__changes_nothing, NULL },
    { "place-noreplace", noreplace__eexist, NULL },
    { "place-fixed-file", fixed_over_a_file__other_offset, NULL },
    { "place-fixed-releases", fixed__lets_the_object_go, NULL },
    { NULL, NULL, NULL },
};
