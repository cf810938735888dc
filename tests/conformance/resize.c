/*
 * resize.c: truncate, and growing again.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* Do pages past the new end go from every space, private copies included? */
static void shrink__pages_go_everywhere(struct conf *c)
{
    struct lp_space *p = conf_space(c), *t = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 6 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE, b = conf_place(c, 2, 0);
    unsigned i;

    conf_map(c, p, a, 6, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, p, b, 6, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, t, b, 4, LP_READ, LP_MAP_PRIVATE, o, 2 * PAGE);
    conf_put_pages(c, p, a, 5, 1);
    conf_put_pages(c, p, b, 6, 11);
    CHECK_EQ(c, conf_get(c, t, b), 13);
    CHECK_EQ(c, conf_get(c, t, b + 2 * PAGE), 15);
    child = conf_fork(c, p);
    conf_put(c, child, a + 4 * PAGE, 9);
    CHECK_EQ(c, conf_resize(c, 0, 3 * PAGE), 0);
    CHECK_EQ(c, lp_object_size(o), 3 * PAGE);
    for (i = 3; i < 6; i++) {
        CHECK_EQ(c, conf_touch(c, p, LP_READ, a + i * PAGE), LP_FAULT_BUS);
        CHECK_EQ(c, conf_touch(c, child, LP_WRITE, a + i * PAGE), LP_FAULT_BUS);
        CHECK_EQ(c, conf_touch(c, p, LP_WRITE, b + i * PAGE), LP_FAULT_BUS);
        CHECK_EQ(c, conf_touch(c, child, LP_READ, b + i * PAGE), LP_FAULT_BUS);
    }
    CHECK_EQ(c, conf_touch(c, t, LP_READ, b + PAGE), LP_FAULT_BUS);
    CHECK_EQ(c, conf_get(c, t, b), 13);
    conf_expect_pages(c, p, a, 3, 1);
    conf_expect_pages(c, child, a, 3, 1);
    conf_expect_pages(c, child, b, 3, 11);
    CHECK_EQ(c, lp_area_count(p), 2);
}

/* Are dirty pages past the end never written, and those before it once? */
static void shrink__dirt_past_the_end_is_gone(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_put_pages(c, s, a, 4, 1);
    CHECK_EQ(c, conf_resize(c, 0, PAGE + 8), 0);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 2);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 2);
    CHECK_EQ(c, conf_file_word(c, 0, 2 * PAGE), 0);
}

/* Is the rest of the last page zero, and does growing give zeroes? */
static void grow__zeroes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 3 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, s, a + PAGE, UINT64_MAX);
    conf_put(c, s, a + PAGE + 8, UINT64_MAX);
    conf_put(c, s, a + 2 * PAGE, UINT64_MAX);
    CHECK_EQ(c, conf_resize(c, 0, PAGE + 4), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0xffffffff);
    CHECK_EQ(c, conf_get(c, s, a + PAGE + 8), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 2 * PAGE), LP_FAULT_BUS);
    conf_put(c, s, a + PAGE + 16, 7);
    CHECK_EQ(c, conf_resize(c, 0, 4 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0xffffffff);
    CHECK_EQ(c, conf_get(c, s, a + PAGE + 16), 0);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), 0);
    conf_put(c, s, a + 3 * PAGE, 8);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 3 * PAGE), 8);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 0xffffffff);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE + 16), 0);
}

/* Is a page that was never read cut at the end all the same? */
static void shrink__last_page_not_resident(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, LP_READ, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_resize(c, 0, 16), 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_get(c, s, a + 16), 0);
    CHECK_EQ(c, conf_resize(c, 0, 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 8), conf_file_word(c, 0, 8));
    CHECK_EQ(c, conf_get(c, s, a + 16), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
}

/* Do kept pages go too, and pinned ones stay until they are put? */
static void shrink__kept_and_pinned(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;
    uint64_t frames;

    conf_map(c, s, a, 4, RW, LP_MAP_PRIVATE, o, 0);
    conf_put_pages(c, s, a, 4, 1);
    CHECK_EQ(c, conf_pin(c, s, a + 2 * PAGE, LP_WRITE, &pin), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + 3 * PAGE, PAGE, 0), 0);
    frames = c->frames;
    CHECK_EQ(c, conf_resize(c, 0, 2 * PAGE), 0);
    CHECK_OP(c, c->frames, <, frames);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 2);
    CHECK_EQ(c, *(const uint64_t *)pin.page, 3);
    frames = c->frames;
    conf_unpin(c, &pin);
    CHECK_EQ(c, c->frames, frames - 1);
    CHECK_EQ(c, conf_mprotect(c, s, a + 3 * PAGE, PAGE, RW), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 3 * PAGE), LP_FAULT_BUS);
}

/* To nothing and back; to the same size; beyond all bounds. */
static void sizes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    conf_put_pages(c, s, a, 2, 1);
    CHECK_EQ(c, conf_resize(c, 0, 2 * PAGE), 0);
    conf_expect_pages(c, s, a, 2, 1);
    CHECK_EQ(c, lp_object_resize(o, ((uint64_t)1 << 62) + 1), -LP_EINVAL);
    CHECK_EQ(c, lp_object_size(o), 2 * PAGE);
    CHECK_EQ(c, conf_resize(c, 0, 0), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_BUS);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 2 * PAGE), 0);
    CHECK_EQ(c, conf_resize(c, 0, 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
}

/* Anonymous memory beside the file's, in the same tables, is left alone. */
static void shrink__neighbours_stay(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    struct lp_object *other = conf_open(c, 1, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 2, RW);
    conf_map(c, p, a + 2 * PAGE, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, p, a + 4 * PAGE, 2, RW, LP_MAP_SHARED, other, 0);
    conf_put_pages(c, p, a, 6, 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_resize(c, 0, 0), 0);
    conf_expect_pages(c, child, a, 2, 1);
    conf_expect_pages(c, child, a + 4 * PAGE, 2, 5);
    conf_put_pages(c, child, a, 2, 20);
    conf_put_pages(c, p, a, 2, 30);
    conf_expect_pages(c, child, a, 2, 20);
    CHECK_EQ(c, conf_touch(c, p, LP_READ, a + 3 * PAGE), LP_FAULT_BUS);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a + 2 * PAGE), LP_FAULT_BUS);
}

const struct conf_case conf_resize_cases[] = {
    { "resize-shrink", shrink__pages_go_everywhere, NULL },
    { "resize-dirt", shrink__dirt_past_the_end_is_gone, NULL },
    { "resize-grow", grow__zeroes, NULL },
    { "resize-not-resident", shrink__last_page_not_resident, NULL },
    { "resize-kept-pinned", shrink__kept_and_pinned, NULL },
    { "resize-sizes", sizes, NULL },
    { "resize-neighbours", shrink__neighbours_stay, NULL },
    { NULL, NULL, NULL },
};
