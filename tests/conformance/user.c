/*
 * user.c: the system calls' view of user memory: access_ok, copies, strings.
 */
#include "conformance.h"

static unsigned char buffer[4 * 4096 + 16];

static uint64_t copy_in(struct conf *c, struct lp_space *s, lp_va from,
                        uint64_t len, int *error)
{
    uint64_t done;

    *error = 1;
    if (c->failed)
        return 0;
    memset(buffer, 0xee, sizeof(buffer));
    done = lp_copy_in(s, buffer, from, len, error);
    conf_check(c);
    return done;
}

static uint64_t copy_out(struct conf *c, struct lp_space *s, lp_va to,
                         uint64_t len, int *error)
{
    uint64_t done;

    *error = 1;
    if (c->failed)
        return 0;
    done = lp_copy_out(s, to, buffer, len, error);
    conf_check(c);
    return done;
}

/* access_ok: the end is exclusive, adjacent areas are crossed, holes not. */
static void access_ok__ranges(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, a + 2 * PAGE, 2, LP_READ);
    conf_anon(c, s, a + 5 * PAGE, 1, RWX);
    CHECK(c, lp_access_ok(s, a, 4 * PAGE, LP_READ));
    CHECK(c, lp_access_ok(s, a, 2 * PAGE, RW));
    CHECK(c, lp_access_ok(s, a + 7, 2 * PAGE - 7, LP_WRITE));
    CHECK(c, !lp_access_ok(s, a + 7, 2 * PAGE - 6, LP_WRITE));
    CHECK(c, !lp_access_ok(s, a, 4 * PAGE + 1, LP_READ));
    CHECK(c, !lp_access_ok(s, a - 1, 2, LP_READ));
    CHECK(c, lp_access_ok(s, a + 4 * PAGE - 1, 1, LP_READ));
    CHECK(c, !lp_access_ok(s, a + 4 * PAGE, 1, LP_READ));
    CHECK(c, !lp_access_ok(s, a, 1, LP_EXEC));
    CHECK(c, lp_access_ok(s, a + 5 * PAGE, PAGE, RWX));
    CHECK(c, lp_access_ok(s, a, 4 * PAGE, 0));
    CHECK(c, !lp_access_ok(s, a, 5 * PAGE, 0));
}

/* access_ok: an empty range still asks for its start. */
static void access_ok__empty(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 1, LP_READ);
    CHECK(c, lp_access_ok(s, a, 0, LP_READ));
    CHECK(c, lp_access_ok(s, a + PAGE - 1, 0, LP_READ));
    CHECK(c, !lp_access_ok(s, a, 0, LP_WRITE));
    CHECK(c, !lp_access_ok(s, a + PAGE, 0, LP_READ));
    CHECK(c, !lp_access_ok(s, 0, 0, LP_READ));
    CHECK(c, !lp_access_ok(s, conf_user_end(c), 0, 0));
    CHECK(c, !lp_access_ok(s, UINT64_MAX, 0, 0));
}

/* access_ok: overflow and the kernel's half are not ok. */
static void access_ok__overflow(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va last = conf_user_end(c) - PAGE;

    conf_anon(c, s, last, 1, RW);
    CHECK(c, lp_access_ok(s, last, PAGE, RW));
    CHECK(c, !lp_access_ok(s, last, PAGE + 1, RW));
    CHECK(c, !lp_access_ok(s, last, UINT64_MAX, RW));
    CHECK(c, !lp_access_ok(s, last, UINT64_MAX - last, RW));
    CHECK(c, !lp_access_ok(s, last, UINT64_MAX - last + 1, RW));
    CHECK(c, !lp_access_ok(s, UINT64_MAX, 1, 0));
    CHECK(c, !lp_access_ok(s, (uint64_t)1 << 63, PAGE, 0));
}

/* access_ok loads nothing, and does not care for copy-on-write. */
static void access_ok__metadata_only(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 4, RW);
    CHECK(c, lp_access_ok(s, a, 4 * PAGE, RW));
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 0);
    conf_put(c, s, a, 1);
    child = conf_fork(c, s);
    CHECK(c, lp_access_ok(child, a, PAGE, LP_WRITE));
    CHECK_EQ(c, conf_stats(c, child).copies, 0);
    CHECK(c, conf_query(c, child, a).flags & LP_PAGE_COW);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, 0), 0);
    CHECK(c, !lp_access_ok(s, a, 1, LP_READ));
    CHECK(c, lp_access_ok(s, a, 1, 0));
}

/* Do copies go across pages, areas and tables, to any space, at any byte? */
static void copies__whole(struct conf *c)
{
    struct lp_space *s = conf_space(c), *t = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    int error;
    unsigned i;

    conf_anon(c, s, a, 2, RW);
    conf_map(c, s, a + 2 * PAGE, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_activate(c, t);
    for (i = 0; i < 3 * PAGE; i++)
        buffer[i] = (unsigned char)(i % 253);
    CHECK_EQ(c, copy_out(c, s, a + 5, 3 * PAGE, &error), 3 * PAGE);
    CHECK_EQ(c, error, 0);
    CHECK_EQ(c, copy_in(c, s, a, 4 * PAGE, &error), 4 * PAGE);
    CHECK_EQ(c, error, 0);
    CHECK(c, conf_all_bytes(buffer, 0, 5));
    for (i = 0; i < 3 * PAGE; i++)
        CHECK_EQ(c, buffer[5 + i], i % 253);
    for (i = (unsigned)(3 * PAGE) + 5; i < 4 * PAGE; i++)
        CHECK_EQ(c, buffer[i], conf_byte(i - 2 * PAGE));
    CHECK_EQ(c, c->files[0].nwrites, 0);
    CHECK_EQ(c, conf_get(c, s, a + 8), UINT64_C(0x0a09080706050403));
    CHECK_EQ(c, lp_zero_user(s, a + PAGE - 1, PAGE + 2, &error), PAGE + 2);
    CHECK_EQ(c, error, 0);
    CHECK_EQ(c, copy_in(c, s, a + PAGE - 2, PAGE + 4, &error), PAGE + 4);
    CHECK_EQ(c, buffer[0], (PAGE - 2 - 5) % 253);
    CHECK(c, conf_all_bytes(buffer + 1, 0, PAGE + 2));
    CHECK_EQ(c, buffer[PAGE + 3], (2 * PAGE + 1 - 5) % 253);
}

/* What is reported when a page cannot be had: how much was done, and why? */
static void copies__partial(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    int error;

    conf_anon(c, s, a, 2, RW);
    conf_anon(c, s, a + 2 * PAGE, 1, LP_READ);
    CHECK_EQ(c, copy_in(c, s, a + 10, 4 * PAGE, &error), 3 * PAGE - 10);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK(c, conf_all_bytes(buffer, 0, 3 * PAGE - 10));
    CHECK_EQ(c, buffer[3 * PAGE - 10], 0xee);
    CHECK_EQ(c, copy_out(c, s, a + PAGE + 1, 2 * PAGE, &error), PAGE - 1);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, lp_zero_user(s, a + PAGE + 1, 2 * PAGE, &error), PAGE - 1);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, lp_copy_in(s, buffer, a + 3 * PAGE, 8, NULL), 0);
    CHECK_EQ(c, copy_in(c, s, a - 1, 8, &error), 0);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, copy_in(c, s, UINT64_MAX - 3, 8, &error), 0);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, copy_in(c, s, conf_user_end(c), 8, &error), 0);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, copy_in(c, s, 0, 0, &error), 0);
    CHECK_EQ(c, error, 0);
}

/* Which errors does a copy pass on from a file, and from want of memory? */
static void copies__other_errors(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    int error;

    conf_map(c, s, a, 4, RW, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, copy_in(c, s, a + PAGE, 2 * PAGE, &error), PAGE);
    CHECK_EQ(c, error, -LP_EIO);
    c->files[0].fill_error = -LP_EAGAIN;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, copy_in(c, s, a, 8, &error), 0);
    CHECK_EQ(c, error, -LP_EAGAIN);
    CHECK_EQ(c, copy_in(c, s, a, 8, &error), 8);
    conf_fail_at(c, 1, true);
    CHECK_EQ(c, copy_out(c, s, a, 8, &error), 0);
    CHECK_EQ(c, error, -LP_ENOMEM);
    conf_fail_at(c, 0, false);
    CHECK_EQ(c, copy_out(c, s, a, 8, &error), 8);
    CHECK_EQ(c, error, 0);
}

/* Does a copy out break copy-on-write first? */
static void copy_out__breaks_cow(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - PAGE;
    uint64_t word = 9;
    int error;

    conf_anon(c, p, a, 2, RW);
    conf_put_pages(c, p, a, 2, 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, lp_copy_out(child, a, &word, 8, &error), 8);
    conf_check(c);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    CHECK_EQ(c, conf_get(c, child, a), 9);
    CHECK_EQ(c, lp_zero_user(p, a + PAGE, 8, &error), 8);
    conf_check(c);
    CHECK_EQ(c, conf_get(c, child, a + PAGE), 2);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    CHECK_EQ(c, lp_copy_in(child, &word, a + PAGE, 8, &error), 8);
    CHECK_EQ(c, word, 2);
}

/* Does a copy out into shared memory dirty the file? */
static void copy_out__dirties_the_file(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);
    uint64_t word = 9;

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, lp_copy_out(s, a, &word, 8, NULL), 8);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, PAGE));
    CHECK_EQ(c, lp_copy_out(s, a + PAGE, &word, 8, NULL), 8);
    CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 9);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 9);
    CHECK_EQ(c, c->files[0].nwrites, 2);
}

/* Strings: within a page, across pages, without an end, without a page. */
static void strings(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - PAGE;
    int error;

    conf_anon(c, s, a, 2, RW);
    memset(buffer, 'x', 2 * PAGE);
    buffer[PAGE + 3] = 0;
    CHECK_EQ(c, copy_out(c, s, a, 2 * PAGE, &error), 2 * PAGE);
    CHECK_EQ(c, lp_strnlen_user(s, a + PAGE - 2, 100), 5);
    CHECK_EQ(c, lp_strnlen_user(s, a + PAGE + 3, 100), 0);
    CHECK_EQ(c, lp_strnlen_user(s, a, PAGE), PAGE);
    CHECK_EQ(c, lp_strnlen_user(s, a, PAGE + 3), PAGE + 3);
    CHECK_EQ(c, lp_strnlen_user(s, a, PAGE + 4), PAGE + 3);
    CHECK_EQ(c, lp_strnlen_user(s, a, UINT64_MAX), PAGE + 3);
    CHECK_EQ(c, lp_strnlen_user(s, a + PAGE + 4, PAGE - 4), PAGE - 4);
    CHECK_EQ(c, lp_strnlen_user(s, a + PAGE + 4, PAGE - 3), -LP_EFAULT);
    CHECK_EQ(c, lp_strnlen_user(s, a + 2 * PAGE, 1), -LP_EFAULT);
    CHECK_EQ(c, lp_strnlen_user(s, a, 0), 0);
    CHECK_EQ(c, lp_strnlen_user(s, UINT64_MAX, 4), -LP_EFAULT);
}

/* Copied strings: length, terminating zero, and none when it does not fit. */
static void strings_copied(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - PAGE;
    char to[16];
    int error;

    conf_anon(c, s, a, 2, RW);
    memcpy(buffer, "hello", 6);
    CHECK_EQ(c, copy_out(c, s, a + PAGE - 3, 6, &error), 6);
    memset(to, '#', sizeof(to));
    CHECK_EQ(c, lp_strncpy_in(s, to, a + PAGE - 3, sizeof(to)), 5);
    CHECK(c, memcmp(to, "hello\0##", 8) == 0);
    memset(to, '#', sizeof(to));
    CHECK_EQ(c, lp_strncpy_in(s, to, a + PAGE - 3, 5), 5);
    CHECK(c, memcmp(to, "hello###", 8) == 0);
    CHECK_EQ(c, lp_strncpy_in(s, to, a + PAGE - 3, 6), 5);
    CHECK_EQ(c, to[5], 0);
    CHECK_EQ(c, lp_strncpy_in(s, to, a - 8, 4), -LP_EFAULT);
    memset(buffer, 'y', 8);
    CHECK_EQ(c, copy_out(c, s, a + 2 * PAGE - 8, 8, &error), 8);
    CHECK_EQ(c, lp_strncpy_in(s, to, a + 2 * PAGE - 8, 16), -LP_EFAULT);
}

const struct conf_case conf_user_cases[] = {
    { "user-access-ok", access_ok__ranges, NULL },
    { "user-access-ok-empty", access_ok__empty, NULL },
    { "user-access-ok-overflow", access_ok__overflow, NULL },
    { "user-access-ok-metadata", access_ok__metadata_only, NULL },
    { "user-copies", copies__whole, NULL },
    { "user-copies-partial", copies__partial, NULL },
    { "user-copies-errors", copies__other_errors, NULL },
    { "user-copy-breaks-cow", copy_out__breaks_cow, NULL },
    { "user-copy-dirties", copy_out__dirties_the_file, NULL },
    { "user-strings", strings, NULL },
    { "user-strings-copied", strings_copied, NULL },
    { NULL, NULL, NULL },
};
