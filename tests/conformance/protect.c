/*
 * protect.c: mprotect: what it refuses, the prefix before a hole, narrowing
 * and widening, splits and merges.
 */
#include "conformance.h"

/* Are bad arguments refused, and a length of 0 a success? */
static void arguments(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0), end = conf_user_end(c);
    uint64_t before;

    conf_anon(c, s, a, 2, RW);
    conf_put(c, s, a, 1);
    before = conf_snapshot(c);
    CHECK_EQ(c, conf_mprotect(c, s, a + 1, PAGE, LP_READ), -LP_EINVAL);
    CHECK_EQ(c, conf_mprotect(c, s, a + 0x800, 0, LP_READ), -LP_EINVAL);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, 8), -LP_EINVAL);
    CHECK_EQ(c, conf_mprotect(c, s, a, 0, LP_READ), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + 9 * PAGE, 0, LP_READ), 0);
    CHECK_EQ(c, conf_mprotect(c, s, end - PAGE, 2 * PAGE, LP_READ), -LP_ENOMEM);
    CHECK_EQ(c, conf_mprotect(c, s, a, UINT64_MAX, LP_READ), -LP_ENOMEM);
    CHECK_EQ(c, conf_mprotect(c, s, (uint64_t)1 << 63, PAGE, LP_READ),
             -LP_ENOMEM);
    CHECK_EQ(c, conf_snapshot(c), before);
    CHECK_EQ(c, conf_mprotect(c, s, a, 1, LP_READ), 0);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, LP_READ));
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE + 1, 0), 0);
    CHECK(c, conf_is_area(c, s, a, a + 2 * PAGE, 0));
}

/* Is the part before a hole changed, and ENOMEM the answer? */
static void hole__prefix_and_enomem(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_anon(c, s, a, 4, RW);
    conf_anon(c, s, a + 5 * PAGE, 2, RW);
    conf_put_pages(c, s, a, 4, 1);
    conf_put_pages(c, s, a + 5 * PAGE, 2, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a + PAGE, 5 * PAGE, LP_READ), -LP_ENOMEM);
    CHECK_EQ(c, lp_area_count(s), 3);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, RW));
    CHECK(c, conf_is_area(c, s, a + PAGE, a + 4 * PAGE, LP_READ));
    CHECK(c, conf_is_area(c, s, a + 5 * PAGE, a + 7 * PAGE, RW));
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 3 * PAGE), LP_FAULT_ACCERR);
    conf_put(c, s, a + 5 * PAGE, 7);
    conf_put(c, s, a, 7);
    CHECK_EQ(c, conf_mprotect(c, s, a + 4 * PAGE, 2 * PAGE, 0), -LP_ENOMEM);
    CHECK(c, conf_is_area(c, s, a + 5 * PAGE, a + 7 * PAGE, RW));
    CHECK_EQ(c, conf_mprotect(c, s, a + 6 * PAGE, 2 * PAGE, LP_READ),
             -LP_ENOMEM);
    CHECK(c, conf_is_area(c, s, a + 6 * PAGE, a + 7 * PAGE, LP_READ));
    CHECK_EQ(c, conf_mprotect(c, s, conf_place(c, 3, 0), PAGE, LP_READ),
             -LP_ENOMEM);
}

/* More than the object allows: what comes before is changed, EACCES. */
static void object_forbids__prefix_and_eacces(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, LP_READ);
    conf_map(c, s, a + 2 * PAGE, 2, LP_READ, LP_MAP_SHARED, o, 0);
    conf_anon(c, s, a + 4 * PAGE, 2, LP_READ);
    CHECK_EQ(c, conf_mprotect(c, s, a, 6 * PAGE, RW), -LP_EACCES);
    CHECK(c, conf_is_area(c, s, a, a + 2 * PAGE, RW));
    CHECK(c, conf_is_area(c, s, a + 2 * PAGE, a + 4 * PAGE, LP_READ));
    CHECK(c, conf_is_area(c, s, a + 4 * PAGE, a + 6 * PAGE, LP_READ));
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 2 * PAGE), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a + 2 * PAGE, PAGE, LP_WRITE), -LP_EACCES);
    CHECK_EQ(c, conf_mprotect(c, s, a + 2 * PAGE, PAGE, RX), -LP_EACCES);
    CHECK_EQ(c, conf_mprotect(c, s, a + 2 * PAGE, PAGE, 0), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + 2 * PAGE, PAGE, LP_READ), 0);
    CHECK(c, conf_is_area(c, s, a + 2 * PAGE, a + 4 * PAGE, LP_READ));
}

/* May a private mapping of a read-only object become writable? */
static void private_file__may_become_writable(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_mprotect(c, s, a, 2 * PAGE, RW), 0);
    conf_put(c, s, a, 77);
    CHECK_EQ(c, conf_get(c, s, a), 77);
    CHECK_EQ(c, conf_get(c, s, a + 8), conf_file_word(c, 0, 8));
    CHECK_EQ(c, conf_munmap(c, s, a, 2 * PAGE), 0);
    conf_map(c, s, a, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, c->files[0].nwrites, 0);
}

/* Does it split, and merge again, with every page in place? */
static void splits_and_merges(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_anon(c, s, a, 8, RW);
    conf_put_pages(c, s, a, 8, 20);
    CHECK_EQ(c, conf_mprotect(c, s, a + 2 * PAGE, 4 * PAGE, LP_READ), 0);
    CHECK_EQ(c, lp_area_count(s), 3);
    CHECK_EQ(c, conf_mprotect(c, s, a + 3 * PAGE, PAGE, RX), 0);
    CHECK_EQ(c, lp_area_count(s), 5);
    CHECK_EQ(c, conf_mprotect(c, s, a + 3 * PAGE, PAGE, LP_READ), 0);
    CHECK_EQ(c, lp_area_count(s), 3);
    CHECK_EQ(c, conf_mprotect(c, s, a, 2 * PAGE, LP_READ), 0);
    CHECK_EQ(c, lp_area_count(s), 2);
    CHECK_EQ(c, conf_mprotect(c, s, a, 8 * PAGE, RW), 0);
    CHECK_EQ(c, lp_area_count(s), 1);
    CHECK(c, conf_is_area(c, s, a, a + 8 * PAGE, RW));
    conf_expect_pages(c, s, a, 8, 20);
    conf_put_pages(c, s, a, 8, 40);
    conf_expect_pages(c, s, a, 8, 40);
}

/* Is a right that is taken away gone at once, whichever it is? */
static void narrowing__at_once(struct conf *c)
{
    static const unsigned steps[] = { RWX, RX, LP_READ, RW, LP_READ,
                                      0,   RX, RWX,     0 };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned i, bit;

    conf_anon(c, s, a, 1, RWX);
    conf_put(c, s, a, 5);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_OK);
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, steps[i]), 0);
        for (bit = LP_READ; bit <= LP_EXEC; bit <<= 1)
            CHECK_EQ(c, conf_touch(c, s, bit, a + 8),
                     steps[i] & bit ? LP_FAULT_OK : LP_FAULT_ACCERR);
    }
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RW), 0);
    CHECK_EQ(c, conf_get(c, s, a), 5);
}

/* Are pages kept while nothing may touch them, and do they come back? */
static void no_access__pages_kept(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    struct lp_page_info info;
    lp_pa frame;

    conf_anon(c, s, a, 4, RW);
    conf_put_pages(c, s, a, 4, 30);
    frame = conf_query(c, s, a).frame;
    CHECK_EQ(c, conf_mprotect(c, s, a, 4 * PAGE, 0), 0);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 4 * PAGE), 4);
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.frame, frame);
    CHECK_EQ(c, info.access, 0);
    CHECK_EQ(c, info.flags & (LP_PAGE_PRESENT | LP_PAGE_KEPT),
             LP_PAGE_PRESENT | LP_PAGE_KEPT);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + PAGE), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a + PAGE), LP_FAULT_ACCERR);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_mprotect(c, child, a, 4 * PAGE, RW), 0);
    conf_expect_pages(c, child, a, 4, 30);
    conf_put_pages(c, child, a, 4, 60);
    CHECK_EQ(c, conf_mprotect(c, s, a, 4 * PAGE, RW), 0);
    conf_expect_pages(c, s, a, 4, 30);
    conf_put_pages(c, s, a, 4, 90);
    conf_expect_pages(c, child, a, 4, 60);
    conf_expect_pages(c, s, a, 4, 90);
}

/* Are kept pages freed by munmap, replaced by FIXED, dropped by exit? */
static void kept_pages__go_like_others(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    uint64_t frames;

    conf_anon(c, s, a, 6, RW);
    conf_put_pages(c, s, a, 6, 30);
    CHECK_EQ(c, conf_mprotect(c, s, a, 6 * PAGE, 0), 0);
    frames = c->frames;
    CHECK_EQ(c, conf_munmap(c, s, a, 2 * PAGE), 0);
    CHECK_EQ(c, frames - c->frames, 2);
    conf_anon(c, s, a + 2 * PAGE, 2, RW);
    CHECK_EQ(c, frames - c->frames, 4);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 0);
    CHECK_EQ(c, lp_resident_pages(s, a + 4 * PAGE, a + 6 * PAGE), 2);
}

/* Does adding write to pages that fork shares still take a copy? */
static void write_after_fork__copies(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_anon(c, s, a, 4, RW);
    conf_put_pages(c, s, a, 4, 10);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_mprotect(c, s, a, 4 * PAGE, LP_READ), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a, 4 * PAGE, RW), 0);
    CHECK_EQ(c, conf_mprotect(c, child, a, 4 * PAGE, RX), 0);
    CHECK_EQ(c, conf_mprotect(c, child, a, 4 * PAGE, RWX), 0);
    conf_put_pages(c, s, a, 4, 40);
    conf_expect_pages(c, child, a, 4, 10);
    conf_put_pages(c, child, a, 4, 70);
    conf_expect_pages(c, s, a, 4, 40);
    conf_expect_pages(c, child, a, 4, 70);
    CHECK_EQ(c, conf_touch(c, child, LP_EXEC, a), LP_FAULT_OK);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_ACCERR);
}

/* Is memory made writable after zeroes were read a page of its own? */
static void zero_page__never_writable(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 3, LP_READ);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a, 3 * PAGE, RW), 0);
    conf_put(c, s, a, 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    conf_put(c, s, a + 2 * PAGE, 2);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a), 1);
}

/* Does a narrowed SHARED mapping keep what was written, also when kept? */
static void shared_file__dirt_survives(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, s, a, 1);
    conf_put(c, s, a + PAGE, 2);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, LP_READ), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + PAGE, PAGE, 0), 0);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    conf_check(c);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 1);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 2);
    CHECK_EQ(c, c->files[0].nwrites, 2);
    CHECK_EQ(c, conf_mprotect(c, s, a, 2 * PAGE, RW), 0);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 2);
    conf_put(c, s, a + PAGE, 3);
    CHECK_EQ(c, conf_munmap(c, s, a, 2 * PAGE), 0);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    CHECK_EQ(c, c->files[0].nwrites, 3);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 3);
}

/* Does widening leave the tables alone, and a fault suffice? */
static void widening__by_fault(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result result;
    lp_pa frame;

    conf_anon(c, s, a, 1, RW);
    conf_put(c, s, a, 1);
    frame = conf_query(c, s, a).frame;
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RWX), 0);
    CHECK_EQ(c, conf_query(c, s, a).access, RW);
    CHECK_EQ(c, conf_fault(c, s, a, LP_EXEC, LP_FAULT_USER, &result), 0);
    CHECK_EQ(c, result.decision, LP_WIDEN);
    CHECK_EQ(c, conf_query(c, s, a).access, RWX);
    CHECK_EQ(c, conf_query(c, s, a).frame, frame);
    CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_OK);
}

const struct conf_case conf_protect_cases[] = {
    { "protect-arguments", arguments, NULL },
    { "protect-hole", hole__prefix_and_enomem, NULL },
    { "protect-object-forbids", object_forbids__prefix_and_eacces, NULL },
    { "protect-private-file", private_file__may_become_writable, NULL },
    { "protect-splits-merges", splits_and_merges, NULL },
    { "protect-narrowing", narrowing__at_once, NULL },
    { "protect-no-access", no_access__pages_kept, NULL },
    { "protect-kept-pages", kept_pages__go_like_others, NULL },
    { "protect-after-fork", write_after_fork__copies, NULL },
    { "protect-zero-page", zero_page__never_writable, NULL },
    { "protect-shared-dirt", shared_file__dirt_survives, NULL },
    { "protect-widening", widening__by_fault, NULL },
    { NULL, NULL, NULL },
};
