/*
 * unmap.c: munmap of any range.
 */
#include "conformance.h"

/* Is everything gone after munmap, and the frames with it? */
static void whole__no_access_and_no_frames(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;
    uint64_t frames;

    conf_anon(c, s, a, 6, RW);
    conf_put(c, s, a, 1);
    frames = c->frames;
    conf_put_pages(c, s, a + PAGE, 2, 1);
    CHECK_EQ(c, conf_munmap(c, s, a, 6 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 0);
    CHECK_OP(c, c->frames, <, frames);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 2 * PAGE), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 5 * PAGE), LP_FAULT_MAPERR);
}

/* Are bad ranges refused, and nothing unmapped? */
static void bad_ranges__einval(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0), end = conf_user_end(c);

    conf_anon(c, s, a, 2, RW);
    conf_put(c, s, a, 1);
    CHECK_EQ(c, conf_munmap(c, s, a, 0), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, a + 1, PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, a + 0x800, PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, end, PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, end - PAGE, PAGE + 1), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, a, UINT64_MAX), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, a, UINT64_MAX - a), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, (uint64_t)1 << 63, PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap(c, s, UINT64_MAX - PAGE + 1, PAGE), -LP_EINVAL);
    CHECK(c, conf_is_area(c, s, a, a + 2 * PAGE, RW));
    CHECK_EQ(c, conf_get(c, s, a), 1);
}

/* Is a length rounded up? */
static void length_is_rounded_up(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 3, RW);
    conf_put_pages(c, s, a, 3, 1);
    CHECK_EQ(c, conf_munmap(c, s, a, PAGE + 1), 0);
    CHECK(c, conf_is_area(c, s, a + 2 * PAGE, a + 3 * PAGE, RW));
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + PAGE), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 3);
}

/* Do neighbours keep their pages when the middle of an area goes? */
static void middle__splits(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 5 * PAGE;

    conf_anon(c, s, a, 10, RW);
    conf_put_pages(c, s, a, 10, 70);
    CHECK_EQ(c, conf_munmap(c, s, a + 3 * PAGE, 4 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 2);
    CHECK(c, conf_is_area(c, s, a, a + 3 * PAGE, RW));
    CHECK(c, conf_is_area(c, s, a + 7 * PAGE, a + 10 * PAGE, RW));
    conf_expect_pages(c, s, a, 3, 70);
    conf_expect_pages(c, s, a + 7 * PAGE, 3, 77);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 3 * PAGE), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 7 * PAGE - 1), LP_FAULT_MAPERR);
}

/* Does a range over several areas and holes cut exactly at its borders? */
static void several_areas_and_holes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    for (i = 0; i < 5; i++) {
        conf_anon(c, s, a + 4 * i * PAGE, 3, i % 2 ? RWX : RW);
        conf_put_pages(c, s, a + 4 * i * PAGE, 3, 10 * i);
    }
    CHECK_EQ(c, conf_munmap(c, s, a + PAGE, 16 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 2);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, RW));
    CHECK(c, conf_is_area(c, s, a + 17 * PAGE, a + 19 * PAGE, RW));
    CHECK_EQ(c, conf_get(c, s, a), 0);
    conf_expect_pages(c, s, a + 17 * PAGE, 2, 41);
    CHECK_EQ(c, lp_resident_pages(s, 0, conf_user_end(c)), 3);
}

/* Is unmapping nothing a success, also everywhere at once? */
static void hole__success(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0), end = conf_user_end(c);

    CHECK_EQ(c, conf_munmap(c, s, a, PAGE), 0);
    CHECK_EQ(c, conf_munmap(c, s, 0, end), 0);
    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, conf_place(c, 3, 3), 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    conf_put_pages(c, s, conf_place(c, 3, 3), 2, 1);
    CHECK_EQ(c, conf_munmap(c, s, 0, end), 0);
    CHECK_EQ(c, lp_area_count(s), 0);
    CHECK_EQ(c, lp_mapped_bytes(s), 0);
    CHECK_EQ(c, conf_munmap(c, s, 0, end), 0);
}

/* Are parts that were never touched skipped? */
static void untouched__skipped(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    uint64_t span = conf_table_span(c), frames;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, conf_place(c, 3, 0), 1, RW);
    frames = c->frames;
    conf_anon(c, s, a, 6 * span / PAGE, RW);
    conf_put(c, s, a + 3 * span, 1);
    CHECK_EQ(c, conf_munmap(c, s, a, 6 * span), 0);
    CHECK_EQ(c, c->frames, frames);
}

/* Is a remapped range new memory? */
static void remap__zeroes(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    unsigned i;

    for (i = 0; i < 3; i++) {
        conf_anon(c, s, a, 4, RW);
        CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
        conf_put_pages(c, s, a, 4, 9);
        CHECK_EQ(c, conf_munmap(c, s, a, 4 * PAGE), 0);
    }
    conf_anon(c, s, a, 4, LP_READ);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), 0);
}

/* The helper: one whole area by its start, anything else is EINVAL. */
static void area_by_its_start(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 3, RW);
    conf_anon(c, s, a + 3 * PAGE, 2, LP_READ);
    conf_put_pages(c, s, a, 3, 1);
    CHECK_EQ(c, conf_munmap_area(c, s, a + PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap_area(c, s, a + 1), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap_area(c, s, a - PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap_area(c, s, a + 5 * PAGE), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap_area(c, s, conf_user_end(c)), -LP_EINVAL);
    CHECK_EQ(c, lp_area_count(s), 2);
    CHECK_EQ(c, conf_munmap_area(c, s, a), 0);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK(c, conf_is_area(c, s, a + 3 * PAGE, a + 5 * PAGE, LP_READ));
    CHECK_EQ(c, conf_munmap_area(c, s, a), -LP_EINVAL);
    CHECK_EQ(c, conf_munmap_area(c, s, a + 3 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Does a split file area keep its offsets? */
static void split_file__offsets(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    struct lp_area area;
    unsigned i;

    conf_map(c, s, a, 8, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_munmap(c, s, a + 2 * PAGE, PAGE), 0);
    CHECK(c, lp_next_area(s, a + 3 * PAGE, &area));
    CHECK_EQ(c, area.start, a + 3 * PAGE);
    CHECK_EQ(c, area.offset, 3 * PAGE);
    for (i = 3; i < 8; i++)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE),
                 conf_file_word(c, 0, i * PAGE));
}

/* Page by page in the worst order: are areas and pages always right? */
static void checkerboard(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 16 * PAGE;
    unsigned i;

    conf_anon(c, s, a, 32, RW);
    conf_put_pages(c, s, a, 32, 500);
    for (i = 1; i < 32; i += 2)
        CHECK_EQ(c, conf_munmap(c, s, a + i * PAGE, PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 16);
    for (i = 0; i < 32; i += 2)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE), 500 + i);
    for (i = 1; i < 32; i += 2)
        conf_anon(c, s, a + i * PAGE, 1, RW);
    CHECK_EQ(c, lp_area_count(s), 1);
    for (i = 0; i < 32; i++)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE), i % 2 ? 0 : 500 + i);
    CHECK_EQ(c, conf_munmap(c, s, a, 32 * PAGE), 0);
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Areas 8 to `last` of 48 go; is the last gone when it is asked for first? */
static void unmap_up_to(struct conf *c, unsigned last)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    c->quiet++;
    for (i = 0; i < 48; i++)
        conf_anon(c, s, a + i * 2 * PAGE, 1, RW);
    c->quiet--;
    CHECK_EQ(c, conf_munmap(c, s, a + 16 * PAGE, (last * 2 + 1 - 16) * PAGE),
             0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + last * 2 * PAGE),
             LP_FAULT_MAPERR);
    CHECK_EQ(c, lp_area_count(s), 48 - (last - 7));
    conf_destroy(c, s);
}

/* Whatever the library remembers of the area that it looked at last. */
static void unmap_remembered(struct conf *c)
{
    unsigned last;

    for (last = 8; last < 48; last++)
        unmap_up_to(c, last);
}

const struct conf_case conf_unmap_cases[] = {
    { "unmap-whole", whole__no_access_and_no_frames, NULL },
    { "unmap-bad-ranges", bad_ranges__einval, NULL },
    { "unmap-length-rounded", length_is_rounded_up, NULL },
    { "unmap-middle", middle__splits, NULL },
    { "unmap-several", several_areas_and_holes, NULL },
    { "unmap-hole", hole__success, NULL },
    { "unmap-untouched", untouched__skipped, NULL },
    { "unmap-remap", remap__zeroes, NULL },
    { "unmap-area", area_by_its_start, NULL },
    { "unmap-split-file", split_file__offsets, NULL },
    { "unmap-checkerboard", checkerboard, NULL },
    { "unmap-remembered", unmap_remembered, NULL },
    { NULL, NULL, NULL },
};
