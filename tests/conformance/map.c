/*
 * map.c: what mmap accepts, what it refuses, and what it leaves alone.
 */
#include "conformance.h"

#define FLAGS_AT (ANON | LP_MAP_FIXED)

/* Does mmap touch neither page nor table, not even the root's first entry? */
static void mmap_takes_no_table(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    uint64_t frames;

    conf_anon(c, s, conf_place(c, 1, 0), 1, RW);
    frames = c->frames;
    conf_anon(c, s, conf_place(c, 2, 0), 3 * conf_table_span(c) / PAGE, RW);
    conf_anon(c, s, conf_place(c, 3, 1), 7, LP_READ);
    CHECK_EQ(c, c->frames, frames);
    CHECK_EQ(c, lp_resident_pages(s, 0, conf_user_end(c)), 0);
    CHECK_EQ(c, conf_query(c, s, conf_place(c, 2, 1)).frame, LP_PA_NONE);
}

/* Is a length of 0 refused, whatever else is asked? */
static void length_zero__einval(struct conf *c)
{
    struct lp_space *s = conf_space(c);

    CHECK_EQ(c, conf_mmap(c, s, 0, 0, RW, ANON, NULL, 0), -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, conf_place(c, 1, 0), 0, RW, FLAGS_AT, NULL, 0),
             -LP_EINVAL);
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Is a length rounded up to pages? */
static void length_is_rounded_up(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(c, conf_mmap(c, s, a, 1, RW, FLAGS_AT, NULL, 0), a);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, RW));
    CHECK_EQ(c, conf_mmap(c, s, a + 4 * PAGE, PAGE + 1, RW, FLAGS_AT, NULL, 0),
             a + 4 * PAGE);
    CHECK(c, conf_is_area(c, s, a + 4 * PAGE, a + 6 * PAGE, RW));
    CHECK_EQ(c, lp_mapped_bytes(s), 3 * PAGE);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 6 * PAGE - 1), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 6 * PAGE), LP_FAULT_MAPERR);
}

/* Is a file's length rounded up too, and is the rest of its page zero? */
static void file_length_is_rounded_up(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 100, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(
        c,
        conf_mmap(c, s, a, 100, LP_READ, LP_MAP_PRIVATE | LP_MAP_FIXED, o, 0),
        a);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, LP_READ));
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_get(c, s, a + PAGE - 8), 0);
}

/* Is every range that leaves the user half refused, and nothing mapped? */
static void outside_the_user_range__enomem(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va end = conf_user_end(c);
    const struct {
        lp_va addr;
        uint64_t len;
    } bad[] = {
        { end, PAGE },
        { end - PAGE, 2 * PAGE },
        { end - PAGE, PAGE + 1 },
        { PAGE, UINT64_MAX },
        { PAGE, UINT64_MAX - PAGE },
        { 0, end + PAGE },
        { 0, end + 1 },
        { 0, UINT64_MAX },
        { UINT64_MAX - PAGE + 1, PAGE },
        { UINT64_MAX - 3 * PAGE + 1, 8 * PAGE },
        { (uint64_t)1 << 63, PAGE },
        { end * 2, PAGE },
    };
    unsigned i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(
            c, conf_mmap(c, s, bad[i].addr, bad[i].len, RW, FLAGS_AT, NULL, 0),
            -LP_ENOMEM);
        CHECK_EQ(c,
                 conf_mmap(c, s, bad[i].addr, bad[i].len, RW,
                           ANON | LP_MAP_FIXED_NOREPLACE, NULL, 0),
                 -LP_ENOMEM);
    }
    CHECK_EQ(c, conf_mmap(c, s, 0, end + 1, RW, ANON, NULL, 0), -LP_ENOMEM);
    CHECK_EQ(c, conf_mmap(c, s, 0, UINT64_MAX, RW, SHANON, NULL, 0),
             -LP_ENOMEM);
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Can the last page of the user range be mapped and used? */
static void last_user_page__works(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_user_end(c) - PAGE;

    conf_anon(c, s, a, 1, RW);
    conf_put(c, s, a, 1);
    conf_put(c, s, a + PAGE - 8, 2);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    CHECK_EQ(c, conf_munmap(c, s, a, PAGE), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_MAPERR);
}

/* Is a misaligned fixed address refused, every odd bit of it? */
static void fixed_misaligned__einval(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned bit;

    for (bit = 1; bit < PAGE; bit <<= 1) {
        CHECK_EQ(c, conf_mmap(c, s, a + bit, PAGE, RW, FLAGS_AT, NULL, 0),
                 -LP_EINVAL);
        CHECK_EQ(c,
                 conf_mmap(c, s, a + bit, PAGE, RW,
                           ANON | LP_MAP_FIXED_NOREPLACE, NULL, 0),
                 -LP_EINVAL);
    }
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Does mmap want PRIVATE or SHARED, and take both for SHARED? */
static void private_or_shared(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);
    struct lp_area area;

    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, LP_MAP_ANONYMOUS, NULL, 0),
             -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, 0, o, 0), -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON | SHANON, NULL, 0),
             -LP_EINVAL);
    conf_map(c, s, a, 1, RW, LP_MAP_PRIVATE | LP_MAP_SHARED, o, 0);
    CHECK(c, lp_next_area(s, a, &area));
    CHECK(c, area.shared);
    CHECK_EQ(c, (uintptr_t)area.object, (uintptr_t)o);
}

/* Are malformed arguments refused with the right number? */
static void bad_arguments(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, LP_OBJECT_READ);

    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, 8, ANON, NULL, 0), -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW | 0x100, ANON, NULL, 0),
             -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, LP_MAP_PRIVATE, NULL, 0),
             -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, ANON, o, 0), -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON | 0x100, NULL, 0),
             -LP_EOPNOTSUPP);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, ANON | 0x20000000, NULL, 0),
             -LP_EOPNOTSUPP);
    CHECK_EQ(c, lp_area_count(s), 0);
}

/* Are flags that mean nothing here accepted? */
static void ignored_flags__accepted(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    int64_t a = conf_mmap(c, s, 0, PAGE, RW,
                          ANON | LP_MAP_DENYWRITE | LP_MAP_EXECUTABLE |
                              LP_MAP_NORESERVE | LP_MAP_STACK,
                          NULL, 0);

    CHECK(c, a > 0);
    conf_put(c, s, (lp_va)a, 5);
    CHECK_EQ(c, conf_get(c, s, (lp_va)a), 5);
}

/* Offsets: misaligned, too large; of anonymous memory any aligned one. */
static void offsets(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, LP_MAP_PRIVATE, o, 1),
             -LP_EINVAL);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, LP_MAP_PRIVATE, o, 0x800),
             -LP_EINVAL);
    CHECK_EQ(c,
             conf_mmap(c, s, 0, 2 * PAGE, LP_READ, LP_MAP_PRIVATE, o,
                       UINT64_MAX - PAGE + 1),
             -LP_EOVERFLOW);
    /* No byte of a file is numbered above 2^63 - 1. */
    CHECK_EQ(c,
             conf_mmap(c, s, 0, PAGE, LP_READ, LP_MAP_PRIVATE, o,
                       ((uint64_t)1 << 63) - PAGE),
             -LP_EOVERFLOW);
    CHECK_EQ(c,
             conf_mmap(c, s, 0, PAGE, LP_READ, LP_MAP_PRIVATE, o,
                       UINT64_MAX - 3 * PAGE + 1),
             -LP_EOVERFLOW);
    CHECK_EQ(c,
             conf_mmap(c, s, a, PAGE, LP_READ, LP_MAP_PRIVATE | LP_MAP_FIXED, o,
                       ((uint64_t)1 << 63) - 2 * PAGE),
             a);
    CHECK_EQ(c, conf_mmap(c, s, a, PAGE, RW, FLAGS_AT, NULL, 0x801),
             -LP_EINVAL);
    CHECK_EQ(
        c, conf_mmap(c, s, a, PAGE, RW, FLAGS_AT, NULL, UINT64_MAX - PAGE + 1),
        a);
    conf_put(c, s, a, 3);
    CHECK_EQ(c, lp_area_count(s), 1);
}

/* What an object does not allow is EACCES; a private write is always fine. */
static void access_against_the_object(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *r = conf_open(c, 0, PAGE, LP_OBJECT_READ);
    struct lp_object *none = conf_open(c, 1, PAGE, LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, LP_MAP_SHARED, r, 0), -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_WRITE, LP_MAP_SHARED, r, 0),
             -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RX, LP_MAP_PRIVATE, r, 0), -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_EXEC, LP_MAP_SHARED, r, 0),
             -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, LP_READ, LP_MAP_SHARED, none, 0),
             -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, 0, LP_MAP_PRIVATE, none, 0),
             -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, LP_MAP_PRIVATE, none, 0),
             -LP_EACCES);
    CHECK_EQ(c, lp_area_count(s), 0);
    conf_map(c, s, a, 1, RW, LP_MAP_PRIVATE, r, 0);
    conf_map(c, s, a + PAGE, 1, LP_READ, LP_MAP_SHARED, r, 0);
    conf_put(c, s, a, 9);
    CHECK_EQ(c, conf_get(c, s, a), 9);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, 0));
}

/* Are equal neighbours one area, and unequal ones not? */
static void adjacent_areas__merge_when_equal(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_anon(c, s, a, 4, RW);
    conf_anon(c, s, a + 8 * PAGE, 4, RW);
    CHECK_EQ(c, lp_area_count(s), 2);
    conf_put_pages(c, s, a, 4, 100);
    conf_anon(c, s, a + 4 * PAGE, 4, RW);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK(c, conf_is_area(c, s, a, a + 12 * PAGE, RW));
    conf_expect_pages(c, s, a, 4, 100);
    conf_anon(c, s, a - PAGE, 1, LP_READ);
    conf_anon(c, s, a + 12 * PAGE, 1, RWX);
    CHECK_EQ(c, lp_area_count(s), 3);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a - 1), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a + 12 * PAGE), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_ACCERR);
}

/* Do areas of a file merge only when their offsets continue? */
static void adjacent_file_areas__merge_when_offsets_continue(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 1, LP_READ, LP_MAP_PRIVATE, o, 0);
    conf_map(c, s, a + PAGE, 1, LP_READ, LP_MAP_PRIVATE, o, PAGE);
    CHECK_EQ(c, lp_area_count(s), 1);
    conf_map(c, s, a + 2 * PAGE, 1, LP_READ, LP_MAP_PRIVATE, o, 5 * PAGE);
    CHECK_EQ(c, lp_area_count(s), 2);
    conf_map(c, s, a + 3 * PAGE, 1, LP_READ, LP_MAP_SHARED, o, 6 * PAGE);
    CHECK_EQ(c, lp_area_count(s), 3);
    conf_anon(c, s, a + 4 * PAGE, 1, LP_READ);
    CHECK_EQ(c, lp_area_count(s), 4);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), conf_file_word(c, 0, 5 * PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), conf_file_word(c, 0, 6 * PAGE));
    CHECK_EQ(c, conf_get(c, s, a + 4 * PAGE), 0);
}

/* Does the mapping keep the object when its opener closes it? */
static void object_outlives_its_opener(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    conf_close(c, o);
    CHECK_EQ(c, c->files[0].released, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_munmap(c, s, a, PAGE), 0);
    CHECK_EQ(c, c->files[0].released, 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, PAGE));
    CHECK_EQ(c, conf_munmap(c, s, a + PAGE, PAGE), 0);
    CHECK_EQ(c, c->files[0].released, 1);
}

/* Is memory without access refused to all, and does it keep its pages? */
static void no_access__accerr(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, 0);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 2 * PAGE), 0);
}

/* Does write imply read? */
static void write_only__is_readable(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, LP_WRITE);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    conf_put(c, s, a + PAGE, 4);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 4);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_ACCERR);
}

/* Is execute-only memory unreadable where the format can say so? */
static void execute_only(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 1, LP_EXEC);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
    if (conf_execute_only(c))
        CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_ACCERR);
    else
        CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_OK);
    CHECK_EQ(c, conf_query(c, s, a).access,
             conf_execute_only(c) ? LP_EXEC : RX);
}

/* Does POPULATE bring every page, writable ones without a later fault? */
static void populate__brings_every_page(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    uint64_t faults;

    CHECK_EQ(
        c,
        conf_mmap(c, s, a, 5 * PAGE, RW, FLAGS_AT | LP_MAP_POPULATE, NULL, 0),
        a);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 5 * PAGE), 5);
    faults = conf_stats(c, s).faults;
    conf_put_pages(c, s, a, 5, 1);
    CHECK_EQ(c, conf_stats(c, s).faults, faults);
    conf_expect_pages(c, s, a, 5, 1);
}

/* POPULATE without access brings nothing and fails not. */
static void populate_without_access__brings_nothing(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    CHECK_EQ(
        c, conf_mmap(c, s, a, 5 * PAGE, 0, FLAGS_AT | LP_MAP_POPULATE, NULL, 0),
        a);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 5 * PAGE), 0);
}

/* Does POPULATE of a shared file leave the file clean, as on Linux? */
static void populate_shared_file__dirties_nothing(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 4 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED | LP_MAP_POPULATE, o, 0);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 4);
    CHECK_EQ(c, conf_munmap(c, s, a, 4 * PAGE), 0);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    CHECK_EQ(c, c->files[0].nwrites, 0);
}

/* Does a failure to populate leave the mapping? */
static void populate_past_the_end__maps_all_the_same(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, LP_READ, LP_MAP_PRIVATE | LP_MAP_POPULATE, o, 0);
    CHECK(c, conf_is_area(c, s, a, a + 4 * PAGE, LP_READ));
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 2);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 2 * PAGE), LP_FAULT_BUS);
}

const struct conf_case conf_map_cases[] = {
    { "map-takes-no-table", mmap_takes_no_table, NULL },
    { "map-length-zero", length_zero__einval, NULL },
    { "map-length-rounded", length_is_rounded_up, NULL },
    { "map-file-length-rounded", file_length_is_rounded_up, NULL },
    { "map-outside", outside_the_user_range__enomem, NULL },
    { "map-last-user-page", last_user_page__works, NULL },
    { "map-misaligned", fixed_misaligned__einval, NULL },
    { "map-private-or-shared", private_or_shared, NULL },
    { "map-bad-arguments", bad_arguments, NULL },
    { "map-ignored-flags", ignored_flags__accepted, NULL },
    { "map-offsets", offsets, NULL },
    { "map-object-access", access_against_the_object, NULL },
    { "map-adjacent", adjacent_areas__merge_when_equal, NULL },
    { "map-adjacent-files", adjacent_file_areas__merge_when_offsets_continue,
      NULL },
    { "map-object-outlives", object_outlives_its_opener, NULL },
    { "map-no-access", no_access__accerr, NULL },
    { "map-write-only", write_only__is_readable, NULL },
    { "map-execute-only", execute_only, NULL },
    { "map-populate", populate__brings_every_page, NULL },
    { "map-populate-no-access", populate_without_access__brings_nothing, NULL },
    { "map-populate-shared", populate_shared_file__dirties_nothing, NULL },
    { "map-populate-past-end", populate_past_the_end__maps_all_the_same, NULL },
    { NULL, NULL, NULL },
};
