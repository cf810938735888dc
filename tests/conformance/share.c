/*
 * share.c: MAP_SHARED: memory that stays shared, and dirty pages that reach
 * their object, once.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* Does anonymous shared memory stay shared and writable across forks? */
static void anonymous__shared_by_fork(struct conf *c)
{
    struct lp_space *p = conf_space(c), *x, *y;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;

    conf_map(c, p, a, 8, RW, SHANON, NULL, 0);
    conf_put_pages(c, p, a, 4, 10);
    x = conf_fork(c, p);
    y = conf_fork(c, x);
    conf_put(c, y, a, 1);
    conf_put(c, x, a + PAGE, 2);
    conf_put(c, p, a + 2 * PAGE, 3);
    conf_put(c, y, a + 5 * PAGE, 4);
    conf_put(c, p, a + 6 * PAGE, 5);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    CHECK_EQ(c, conf_get(c, y, a + PAGE), 2);
    CHECK_EQ(c, conf_get(c, x, a + 2 * PAGE), 3);
    CHECK_EQ(c, conf_get(c, x, a + 5 * PAGE), 4);
    CHECK_EQ(c, conf_get(c, p, a + 5 * PAGE), 4);
    CHECK_EQ(c, conf_get(c, y, a + 6 * PAGE), 5);
    CHECK_EQ(c, conf_query(c, p, a).frame, conf_query(c, y, a).frame);
    CHECK_EQ(c, conf_stats(c, p).copies + conf_stats(c, x).copies, 0);
    conf_destroy(c, p);
    conf_destroy(c, x);
    CHECK_EQ(c, conf_get(c, y, a + 2 * PAGE), 3);
    CHECK_EQ(c, conf_get(c, y, a + 3 * PAGE), 13);
}

/* Is shared memory zero at first, the same for all, freed with the last? */
static void anonymous__zero_and_freed(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    uint64_t frames;

    conf_anon(c, p, conf_place(c, 2, 0), 1, RW);
    conf_put(c, p, conf_place(c, 2, 0), 1);
    frames = c->frames;
    conf_map(c, p, a, 4, RW, SHANON, NULL, 0);
    CHECK_EQ(c, conf_get(c, p, a), 0);
    child = conf_fork(c, p);
    conf_put(c, child, a, 3);
    CHECK_EQ(c, conf_get(c, p, a), 3);
    CHECK_EQ(c, conf_munmap(c, p, a, 4 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, child, a), 3);
    CHECK_EQ(c, conf_touch(c, p, LP_READ, a), LP_FAULT_MAPERR);
    conf_destroy(c, child);
    CHECK_LE(c, c->frames, frames);
}

/* Private and shared memory in the same tables: each by its own rule. */
static void mixed_with_private(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    for (i = 0; i < 8; i += 2) {
        conf_map(c, p, a + i * PAGE, 1, RW, SHANON, NULL, 0);
        conf_anon(c, p, a + (i + 1) * PAGE, 1, RW);
    }
    conf_put_pages(c, p, a, 6, 0);
    child = conf_fork(c, p);
    conf_put_pages(c, child, a, 8, 100);
    for (i = 0; i < 8; i++)
        CHECK_EQ(c, conf_get(c, p, a + i * PAGE),
                 i % 2 == 0 ? 100 + i
                 : i < 6    ? i
                            : 0);
    conf_put_pages(c, p, a, 8, 200);
    for (i = 0; i < 8; i++)
        CHECK_EQ(c, conf_get(c, child, a + i * PAGE),
                 i % 2 == 0 ? 200 + i : 100 + i);
}

/* Do two programs that map one file see each other's stores at once? */
static void file__seen_by_all(struct conf *c)
{
    struct lp_space *s = conf_space(c), *t = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0), b = conf_place(c, 2, 3);

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, t, b, 3, RW, LP_MAP_SHARED, o, PAGE);
    conf_put(c, s, a + PAGE, 5);
    CHECK_EQ(c, conf_get(c, t, b), 5);
    conf_put(c, t, b + PAGE, 6);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 6);
    conf_put(c, s, a + 2 * PAGE, 7);
    CHECK_EQ(c, conf_get(c, t, b + PAGE), 7);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE + 8),
             conf_file_word(c, 0, 2 * PAGE + 8));
}

/* Does msync write what is dirty, once, and again only what was dirtied? */
static void msync__once(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    conf_put(c, s, a + PAGE, 1);
    conf_put(c, s, a + 3 * PAGE, 2);
    CHECK(c, conf_query(c, s, a + PAGE).flags & LP_PAGE_DIRTY);
    CHECK(c, !(conf_query(c, s, a).flags & LP_PAGE_DIRTY));
    CHECK_EQ(c, conf_msync(c, s, a, 3 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 1);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 1);
    CHECK(c, !(conf_query(c, s, a + PAGE).flags & LP_PAGE_DIRTY));
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 2);
    CHECK_EQ(c, conf_file_word(c, 0, 3 * PAGE), 2);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 2);
    conf_put(c, s, a + PAGE, 3);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 3);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 3);
}

/* What does msync refuse, and what does it do all the same? */
static void msync__arguments(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 1, RW, LP_MAP_SHARED, o, 0);
    conf_anon(c, s, a + PAGE, 1, RW);
    conf_map(c, s, a + 3 * PAGE, 1, RW, LP_MAP_SHARED, o, 3 * PAGE);
    conf_put(c, s, a, 1);
    conf_put(c, s, a + 3 * PAGE, 2);
    CHECK_EQ(c, conf_msync(c, s, a + 1, PAGE, LP_MS_SYNC), -LP_EINVAL);
    CHECK_EQ(c, conf_msync(c, s, a, PAGE, 8), -LP_EINVAL);
    CHECK_EQ(c, conf_msync(c, s, a, PAGE, LP_MS_SYNC | LP_MS_ASYNC),
             -LP_EINVAL);
    CHECK_EQ(c, conf_msync(c, s, a, UINT64_MAX, LP_MS_SYNC), -LP_ENOMEM);
    CHECK_EQ(c, conf_msync(c, s, a, 0, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_ASYNC), -LP_ENOMEM);
    CHECK_EQ(c, conf_msync(c, s, a, PAGE, LP_MS_ASYNC | LP_MS_INVALIDATE), 0);
    CHECK_EQ(c, c->files[0].nwrites, 0);
    CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 1);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), -LP_ENOMEM);
    CHECK_EQ(c, c->files[0].nwrites, 2);
    CHECK_EQ(c, conf_file_word(c, 0, 3 * PAGE), 2);
    CHECK_EQ(c, conf_msync(c, s, a + 9 * PAGE, PAGE, LP_MS_SYNC), -LP_ENOMEM);
}

/* A write that fails: the error, the page stays dirty, a retry writes it. */
static void msync__write_fails(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 3 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 3, RW, LP_MAP_SHARED, o, 0);
    conf_put_pages(c, s, a, 3, 1);
    c->files[0].write_error = -LP_EIO;
    c->files[0].write_failures = 1;
    CHECK_EQ(c, conf_msync(c, s, a, 3 * PAGE, LP_MS_SYNC), -LP_EIO);
    CHECK_EQ(c, c->files[0].nwrites, 3);
    CHECK_EQ(c, conf_msync(c, s, a, 3 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 4);
    CHECK_EQ(c, c->files[0].writes[0], 1);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 1);
    c->files[0].write_failures = 1;
    conf_put(c, s, a, 9);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), -LP_EIO);
    CHECK_EQ(c, lp_object_sync(o, 0, PAGE), 0);
    conf_check(c);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 9);
}

/* Is what was written through any mapping in the file when the last goes? */
static void last_put__writes_once(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 3 * PAGE + 50, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_map(c, p, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_close(c, o);
    conf_put(c, p, a, 1);
    child = conf_fork(c, p);
    conf_put(c, child, a + PAGE, 2);
    conf_put(c, p, a + PAGE + 8, 3);
    conf_put(c, child, a + 3 * PAGE + 40, 4);
    conf_put(c, child, a + 3 * PAGE + 48, UINT64_MAX);
    conf_destroy(c, p);
    CHECK_EQ(c, c->files[0].released, 0);
    conf_destroy(c, child);
    CHECK_EQ(c, c->files[0].released, 1);
    CHECK_EQ(c, c->files[0].nwrites, 3);
    CHECK_EQ(c, c->files[0].writes[2], 0);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 1);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 2);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE + 8), 3);
    CHECK_EQ(c, conf_file_word(c, 0, 3 * PAGE + 40), 4);
    CHECK_EQ(c, c->files[0].bytes[3 * PAGE + 49], 0xff);
    CHECK_EQ(c, c->files[0].bytes[3 * PAGE + 50], 0);
}

/* Is what was lost at the end at least counted? */
static void last_put__lost_writes_counted(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, FILE_RW);
    struct lp_stats stats;

    conf_map(c, s, conf_place(c, 1, 0), 1, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, s, conf_place(c, 1, 0), 1);
    conf_close(c, o);
    c->files[0].write_error = -LP_EIO;
    c->files[0].write_failures = 1;
    conf_destroy(c, s);
    CHECK_EQ(c, c->files[0].released, 1);
    lp_pager_stats(c->pager, &stats);
    CHECK_EQ(c, stats.lost_writes, 1);
}

/* Dirt before a fork is written once, whoever asks, in whatever order. */
static void dirt_across_fork__once(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;

    conf_map(c, p, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_put_pages(c, p, a, 4, 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_msync(c, child, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 4);
    CHECK_EQ(c, conf_msync(c, p, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 4);
    conf_put(c, child, a, 10);
    conf_put(c, p, a, 11);
    conf_put(c, p, a + PAGE, 12);
    CHECK_EQ(c, conf_msync(c, p, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 6);
    conf_destroy(c, child);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    CHECK_EQ(c, c->files[0].nwrites, 6);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 11);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 12);
}

/* A table of dirty leaves is copied, dropped, unmapped: no dirt is lost. */
static void dirt_of_copied_tables__kept(struct conf *c)
{
    struct lp_space *p = conf_space(c), *x, *y;
    struct lp_object *o = conf_open(c, 0, 6 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    conf_map(c, p, a, 6, RW, LP_MAP_SHARED, o, 0);
    conf_anon(c, p, a + 6 * PAGE, 1, RW);
    conf_put_pages(c, p, a, 2, 100);
    x = conf_fork(c, p);
    y = conf_fork(c, p);
    conf_put(c, x, a + 6 * PAGE, 1);
    conf_put(c, x, a + 2 * PAGE, 102);
    conf_put(c, y, a + 6 * PAGE, 1);
    conf_put(c, y, a + 3 * PAGE, 103);
    CHECK_EQ(c, conf_munmap(c, x, a, 7 * PAGE), 0);
    conf_destroy(c, y);
    conf_put(c, p, a + 4 * PAGE, 104);
    conf_destroy(c, p);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    conf_check(c);
    CHECK_EQ(c, c->files[0].nwrites, 5);
    for (i = 0; i < 5; i++)
        CHECK_EQ(c, conf_file_word(c, 0, i * PAGE), 100 + i);
}

/* Shared and private mappings of one file: who sees what. */
static void shared_beside_private(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0), b = a + 2 * PAGE;

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, s, b, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_put(c, s, b, 5);
    conf_put(c, s, a, 6);
    conf_put(c, s, a + PAGE, 7);
    CHECK_EQ(c, conf_get(c, s, b), 5);
    CHECK_EQ(c, conf_get(c, s, b + PAGE), 7);
    conf_put(c, s, b + PAGE, 8);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 7);
    CHECK_EQ(c, conf_msync(c, s, a, 4 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 6);
    CHECK_EQ(c, conf_file_word(c, 0, PAGE), 7);
    CHECK_EQ(c, c->files[0].nwrites, 2);
}

/* A shared mapping that becomes writable later writes to the file too. */
static void made_writable_later(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 2, LP_READ, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a, 2 * PAGE, RW), 0);
    child = conf_fork(c, s);
    conf_put(c, child, a, 6);
    CHECK_EQ(c, conf_get(c, s, a), 6);
    CHECK_EQ(c, conf_mprotect(c, s, a, 2 * PAGE, LP_READ), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
    conf_put(c, child, a, 7);
    CHECK_EQ(c, conf_get(c, s, a), 7);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 7);
    CHECK_EQ(c, c->files[0].nwrites, 1);
}

/*
 * A table that the other side has copied is cleaned when it is ours again: does
 * a shared page beside private ones stay writable?
 */
static void writable_after_cleaning(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;

    conf_map(c, p, a, 1, RW, SHANON, NULL, 0);
    conf_anon(c, p, a + PAGE, 2, RW);
    conf_put_pages(c, p, a, 3, 1);
    child = conf_fork(c, p);
    conf_put(c, child, a + PAGE, 9);
    conf_destroy(c, child);
    conf_put(c, p, a + 2 * PAGE, 7);
    info = conf_query(c, p, a);
    CHECK_EQ(c, info.access & LP_WRITE, LP_WRITE);
    CHECK_EQ(c, conf_get(c, p, a), 1);
}

/*
 * ... and is a device's page, of which nothing is counted, left alone when it is
 * private there?
 */
static void device_in_cleaned_table(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_object *device = conf_device(c, 1, LP_OBJECT_READ);
    struct lp_page_info before, after;

    conf_map(c, p, a, 1, LP_READ, LP_MAP_PRIVATE, device, 0);
    conf_anon(c, p, a + PAGE, 2, RW);
    CHECK_EQ(c, conf_touch(c, p, LP_READ, a), LP_FAULT_OK);
    conf_put_pages(c, p, a + PAGE, 2, 1);
    before = conf_query(c, p, a);
    child = conf_fork(c, p);
    conf_put(c, child, a + PAGE, 9);
    conf_destroy(c, child);
    conf_put(c, p, a + 2 * PAGE, 7);
    after = conf_query(c, p, a);
    CHECK_EQ(c, after.frame, before.frame);
    CHECK_EQ(c, after.access, before.access);
}

/*
 * Can a mapping that was made for reading only become writable, when its object
 * may be written to?
 */
static void never_write(struct conf *c)
{
    const unsigned shared = LP_MAP_SHARED | LP_MAP_FIXED;
    const unsigned never = shared | LP_MAP_NEVER_WRITE;
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 0, 1);

    CHECK_EQ(c, conf_mmap(c, s, a, PAGE, RW, never, o, 0), -LP_EACCES);
    CHECK_EQ(c, conf_mmap(c, s, a, PAGE, LP_READ, never, o, 0), a);
    CHECK_EQ(c, conf_mmap(c, s, a + PAGE, PAGE, LP_READ, shared, o, PAGE),
             a + PAGE);
    CHECK(c, conf_is_area(c, s, a, a + PAGE, LP_READ));
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RW), -LP_EACCES);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a + PAGE, PAGE, RW), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + PAGE), LP_FAULT_OK);
}

const struct conf_case conf_share_cases[] = {
    { "share-never-write", never_write, NULL },
    { "share-anonymous", anonymous__shared_by_fork, NULL },
    { "share-zero-and-freed", anonymous__zero_and_freed, NULL },
    { "share-mixed", mixed_with_private, NULL },
    { "share-file", file__seen_by_all, NULL },
    { "share-msync-once", msync__once, NULL },
    { "share-msync-arguments", msync__arguments, NULL },
    { "share-msync-fails", msync__write_fails, NULL },
    { "share-last-put", last_put__writes_once, NULL },
    { "share-lost-writes", last_put__lost_writes_counted, NULL },
    { "share-dirt-fork", dirt_across_fork__once, NULL },
    { "share-dirt-copied-tables", dirt_of_copied_tables__kept, NULL },
    { "share-beside-private", shared_beside_private, NULL },
    { "share-writable-after-cleaning", writable_after_cleaning, NULL },
    { "share-device-in-cleaned-table", device_in_cleaned_table, NULL },
    { "share-made-writable", made_writable_later, NULL },
    { NULL, NULL, NULL },
};
