/*
 * object.c: files and devices: what a first touch brings, what may fail, and
 * what private mappings never do.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* Does a touch bring the object's page at offset + (page - start)? */
static void first_touch__page_at_offset(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 12 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;
    unsigned i;

    conf_map(c, s, a, 6, LP_READ, LP_MAP_PRIVATE, o, 4 * PAGE);
    for (i = 6; i-- > 0;)
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE + 16),
                 conf_file_word(c, 0, (4 + i) * PAGE + 16));
    for (i = 0; i < 12; i++)
        CHECK_EQ(c, c->files[0].fills[i], i >= 4 && i < 10 ? 1 : 0);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
}

/* Is the rest of the last page zero, and BUS what lies wholly past it? */
static void end_of_file(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE + 24, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;
    unsigned shared;

    for (shared = 0; shared < 2; shared++) {
        conf_map(c, s, a, 4, RW, shared ? LP_MAP_SHARED : LP_MAP_PRIVATE, o, 0);
        CHECK_EQ(c, conf_get(c, s, a + PAGE + 16),
                 conf_file_word(c, 0, PAGE + 16));
        CHECK_EQ(c, conf_get(c, s, a + PAGE + 24), 0);
        CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE - 8), 0);
        CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 2 * PAGE), LP_FAULT_BUS);
        CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 3 * PAGE), LP_FAULT_BUS);
        CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a + 3 * PAGE), LP_FAULT_ACCERR);
        CHECK_EQ(c, conf_fault(c, s, a + 2 * PAGE, LP_READ, LP_FAULT_USER, &r),
                 -LP_EIO);
        CHECK_EQ(c, r.code, LP_FAULT_BUS);
        CHECK_EQ(c, r.decision, LP_DENY);
        conf_put(c, s, a + PAGE + 32, 9);
        CHECK_EQ(c, conf_get(c, s, a + PAGE + 32), 9);
    }
}

/* An empty file can be mapped; every touch is BUS. */
static void empty_file__bus(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 0, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 1, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_BUS);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_BUS);
    CHECK_EQ(c, c->files[0].nfills, 0);
}

/* With the flag: zeroes past the end, in the teaching kernel's way? */
static void zero_past_end(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    struct lp_object *o =
        conf_open(c, 0, 100, LP_OBJECT_READ | LP_OBJECT_ZERO_PAST_END);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 4, RW, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 3 * PAGE), 0);
    conf_put(c, s, a + 2 * PAGE, 4);
    conf_put(c, s, a + 3 * PAGE, 5);
    child = conf_fork(c, s);
    conf_put(c, child, a + 2 * PAGE, 6);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 4);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, c->files[0].nfills, 1);
}

/* Do private changes never reach the file, nor another mapping? */
static void private__never_reaches_the_file(struct conf *c)
{
    struct lp_space *s = conf_space(c), *t = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 3 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, s, a, 3, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, t, a, 3, RW, LP_MAP_PRIVATE, o, 0);
    conf_put(c, s, a, 1);
    CHECK_EQ(c, conf_get(c, t, a), conf_file_word(c, 0, 0));
    CHECK_EQ(c, conf_get(c, s, a + 8), conf_file_word(c, 0, 8));
    CHECK_EQ(c, conf_get(c, s, a + PAGE), conf_file_word(c, 0, PAGE));
    conf_put(c, s, a + PAGE, 2);
    child = conf_fork(c, s);
    conf_put(c, child, a + 2 * PAGE, 3);
    conf_put(c, child, a, 4);
    CHECK_EQ(c, conf_msync(c, s, a, 3 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    conf_destroy(c, child);
    CHECK_EQ(c, conf_get(c, s, a), 1);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), conf_file_word(c, 0, 2 * PAGE));
    conf_destroy(c, s);
    conf_close(c, o);
    conf_destroy(c, t);
    CHECK_EQ(c, c->files[0].released, 1);
    CHECK_EQ(c, c->files[0].nwrites, 0);
}

/* Is a clean page of a file one frame for all who map it? */
static void clean_pages__one_frame(struct conf *c)
{
    struct lp_space *s = conf_space(c), *t = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0), b = conf_place(c, 2, 3);
    struct lp_fault_result r;
    lp_pa frame;

    conf_map(c, s, a, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, t, b, 2, LP_READ, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    frame = conf_query(c, s, a).frame;
    CHECK_EQ(c, conf_query(c, s, a).access & LP_WRITE, 0);
    CHECK(c, conf_query(c, s, a).flags & LP_PAGE_COW);
    CHECK_EQ(c, conf_fault(c, t, b, LP_READ, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_MAP);
    CHECK(c, !r.major);
    CHECK_EQ(c, conf_query(c, t, b).frame, frame);
    CHECK(c, conf_query(c, t, b).flags & LP_PAGE_SHARED);
    CHECK_EQ(c, c->files[0].fills[0], 1);
    conf_put(c, s, a, 8);
    CHECK_NE(c, conf_query(c, s, a).frame, frame);
    CHECK_EQ(c, conf_query(c, t, b).frame, frame);
}

/* Fill fails: BUS; is not ready: RETRY; both leave nothing, and it may work
 * later. */
static void fill_fails(struct conf *c)
{
    static const struct {
        int error;
        enum lp_fault_code code;
        int result;
    } ways[] = {
        { -LP_EIO, LP_FAULT_BUS, -LP_EIO },
        { -LP_EACCES, LP_FAULT_BUS, -LP_EIO },
        { -LP_EAGAIN, LP_FAULT_RETRY, -LP_EAGAIN },
    };
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 4 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;
    unsigned i, access;

    conf_map(c, s, a, 4, RW, LP_MAP_PRIVATE, o, 0);
    for (i = 0; i < 3; i++) {
        access = i % 2 ? LP_WRITE : LP_READ;
        c->files[0].fill_error = ways[i].error;
        c->files[0].fill_failures = 2;
        CHECK_EQ(c, conf_fault(c, s, a + i * PAGE, access, LP_FAULT_USER, &r),
                 ways[i].result);
        CHECK_EQ(c, r.code, ways[i].code);
        CHECK_EQ(c, conf_touch(c, s, access, a + i * PAGE), ways[i].code);
        CHECK_EQ(c, lp_resident_pages(s, a + i * PAGE, a + 4 * PAGE), 0);
        CHECK_EQ(c, conf_get(c, s, a + i * PAGE),
                 conf_file_word(c, 0, i * PAGE));
    }
}

/* Do the object's own read and write agree with every mapping? */
static void read_and_write(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE + 100, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    uint64_t word = 0;
    unsigned char small[16];

    conf_map(c, s, a, 3, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, s, a + 8, 111);
    CHECK_EQ(c, lp_object_read(o, 8, &word, 8), 8);
    CHECK_EQ(c, word, 111);
    word = 222;
    CHECK_EQ(c, lp_object_write(o, PAGE, &word, 8), 8);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 222);
    CHECK_EQ(c, lp_object_write(o, PAGE - 4, &word, 8), 8);
    conf_check(c);
    CHECK_EQ(c, conf_get(c, s, a + PAGE - 8) >> 32, 222);
    CHECK_EQ(c, lp_object_read(o, 2 * PAGE + 96, small, 16), 4);
    CHECK_EQ(c, small[3], conf_byte(2 * PAGE + 99));
    CHECK_EQ(c, lp_object_write(o, 2 * PAGE + 98, small, 16), 2);
    CHECK_EQ(c, lp_object_read(o, 2 * PAGE + 100, small, 16), 0);
    CHECK_EQ(c, lp_object_read(o, 8, small, 0), 0);
    CHECK_EQ(c, lp_object_write(o, 9 * PAGE, small, 16), 0);
    CHECK_EQ(c, lp_object_size(o), 2 * PAGE + 100);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    conf_check(c);
    CHECK_EQ(c, conf_file_word(c, 0, 8), 111);
    CHECK_EQ(c, c->files[0].bytes[2 * PAGE + 98], small[0]);
    CHECK_EQ(c, c->files[0].nwrites, 3);
}

/* What of read and write when a page cannot be had? */
static void read_and_write_that_fail(struct conf *c)
{
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    static unsigned char buffer[8192];

    c->files[0].fill_error = -LP_EIO;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, lp_object_read(o, 0, buffer, 10), -LP_EIO);
    CHECK_EQ(c, lp_object_read(o, 0, buffer, 10), 10);
    CHECK_EQ(c, buffer[9], conf_byte(9));
    c->files[0].fill_error = -LP_EAGAIN;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, lp_object_read(o, 0, buffer, 2 * PAGE), PAGE);
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, lp_object_read(o, PAGE, buffer, 10), -LP_EAGAIN);
    conf_check(c);
    conf_fail_at(c, 1, true);
    CHECK_EQ(c, lp_object_read(o, PAGE, buffer, 10), -LP_ENOMEM);
    conf_fail_at(c, 0, false);
    conf_check(c);
    CHECK_EQ(c, lp_object_read(o, PAGE, buffer, 10), 10);
    CHECK_EQ(c, buffer[0], conf_byte(PAGE));
}

/* A device: stores reach it, forks share it, nothing is counted or copied. */
static void device__shared_and_uncounted(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    struct lp_object *o;
    lp_va a = conf_place(c, 1, 0), b = conf_place(c, 2, 0);
    struct lp_page_info info;
    uint64_t frames;

    if (c->m->device_len < 4 * PAGE)
        return;
    o = conf_device(c, 4, FILE_RW);
    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, s, b, 2, LP_READ, LP_MAP_SHARED, o, PAGE);
    conf_put(c, s, a, 1);
    conf_put(c, s, a + PAGE, 2);
    frames = c->frames;
    conf_put(c, s, a + 2 * PAGE, 3);
    CHECK_EQ(c, c->frames, frames);
    CHECK_EQ(c, conf_get(c, s, b), 2);
    info = conf_query(c, s, a + PAGE);
    CHECK_EQ(c, info.frame, c->m->device + PAGE);
    CHECK(c, info.flags & LP_PAGE_DEVICE);
    CHECK_EQ(c, info.references, 0);
    child = conf_fork(c, s);
    conf_put(c, child, a + PAGE, 4);
    CHECK_EQ(c, conf_get(c, s, b), 4);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 4);
    CHECK_EQ(c, conf_stats(c, child).copies + conf_stats(c, s).copies, 0);
    CHECK_EQ(c, conf_munmap(c, s, a, 4 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, child, a + 2 * PAGE), 3);
    CHECK_EQ(c, conf_mprotect(c, child, a, 4 * PAGE, 0), 0);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, child, a, 4 * PAGE, RW), 0);
    conf_put(c, child, a, 5);
    conf_close(c, o);
}

/* What a device refuses: private writes, its end, copies, pins. */
static void device__refuses(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o;
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;
    uint64_t word;
    int error;

    if (c->m->device_len < 2 * PAGE)
        return;
    o = conf_device(c, 2, FILE_RW);
    CHECK_EQ(c, conf_mmap(c, s, 0, PAGE, RW, LP_MAP_PRIVATE, o, 0), -LP_EACCES);
    conf_map(c, s, a, 3, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + 2 * PAGE), LP_FAULT_BUS);
    CHECK_EQ(c, conf_pin(c, s, a, LP_READ, &pin), -LP_EFAULT);
    conf_put(c, s, a, 1);
    CHECK_EQ(c, conf_pin(c, s, a, LP_WRITE, &pin), -LP_EFAULT);
    CHECK_EQ(c, lp_copy_in(s, &word, a, 8, &error), 0);
    CHECK_EQ(c, error, -LP_EFAULT);
    CHECK_EQ(c, lp_object_resize(o, PAGE), -LP_EINVAL);
    CHECK_EQ(c, lp_object_read(o, 0, &word, 8), -LP_EINVAL);
    CHECK_EQ(c, lp_object_write(o, 0, &word, 8), -LP_EINVAL);
    CHECK_EQ(c, conf_msync(c, s, a, PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RX), -LP_EACCES);
}

/* Which arguments does creating an object refuse? */
static void create_refuses(struct conf *c)
{
    static const struct lp_object_ops none = { NULL, NULL, NULL };
    const struct lp_kernel *k = &c->kernel;
    const lp_pa d = c->m->device;
    struct lp_object *o;

    CHECK_EQ(c, lp_object_create(c->pager, NULL, NULL, 0, 1, &o), -LP_EINVAL);
    CHECK_EQ(
        c,
        lp_object_create(c->pager, &none, NULL, ((uint64_t)1 << 62) + 1, 1, &o),
        -LP_EINVAL);
    CHECK_EQ(c, lp_object_create(c->pager, &none, NULL, 0, 0x100, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, k->frames_start, PAGE,
                                     LP_CACHE_UNCACHED, 1, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, k->frames_end - PAGE, 2 * PAGE,
                                     LP_CACHE_UNCACHED, 1, &o),
             -LP_EINVAL);
    if (!c->m->device_len)
        return;
    CHECK_EQ(c,
             lp_object_create_device(c->pager, d + 1, PAGE, LP_CACHE_UNCACHED,
                                     1, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, d, PAGE + 1, LP_CACHE_UNCACHED,
                                     1, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, d, 0, LP_CACHE_UNCACHED, 1, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, (lp_pa)1 << 63, PAGE,
                                     LP_CACHE_UNCACHED, 1, &o),
             -LP_EINVAL);
    CHECK_EQ(c,
             lp_object_create_device(c->pager, d, PAGE,
                                     (enum lp_cache_mode)LP_CACHE_MODES, 1, &o),
             -LP_EINVAL);
}

/* Memory without functions: zeroes, kept for as long as the object lives. */
static void memory_object(struct conf *c)
{
    static const struct lp_object_ops none = { NULL, NULL, NULL };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_object *o = NULL;

    CHECK_EQ(c, lp_object_create(c->pager, &none, NULL, 4 * PAGE, FILE_RW, &o),
             0);
    c->objects[0] = o;
    conf_map(c, s, a, 4, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    conf_put_pages(c, s, a, 4, 9);
    CHECK_EQ(c, conf_munmap(c, s, a, 4 * PAGE), 0);
    CHECK_EQ(c, lp_object_sync(o, 0, UINT64_MAX), 0);
    conf_map(c, s, a, 4, LP_READ, LP_MAP_PRIVATE, o, 0);
    conf_expect_pages(c, s, a, 4, 9);
    lp_object_get(o);
    lp_object_put(o);
    conf_check(c);
    conf_expect_pages(c, s, a, 4, 9);
}

/* Is a pager that still has something not destroyed? */
static void pager_in_use__ebusy(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, FILE_RW);

    CHECK_EQ(c, lp_pager_destroy(c->pager), -LP_EBUSY);
    conf_check(c);
    conf_destroy(c, s);
    CHECK_EQ(c, lp_pager_destroy(c->pager), -LP_EBUSY);
    conf_check(c);
    s = conf_space(c);
    conf_map(c, s, conf_place(c, 1, 0), 1, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, s, conf_place(c, 1, 0), 1);
    conf_close(c, o);
    CHECK_EQ(c, lp_pager_destroy(c->pager), -LP_EBUSY);
    CHECK_EQ(c, conf_get(c, s, conf_place(c, 1, 0)), 1);
}

const struct conf_case conf_object_cases[] = {
    { "object-first-touch", first_touch__page_at_offset, NULL },
    { "object-end-of-file", end_of_file, NULL },
    { "object-empty-file", empty_file__bus, NULL },
    { "object-zero-past-end", zero_past_end, NULL },
    { "object-private", private__never_reaches_the_file, NULL },
    { "object-clean-pages", clean_pages__one_frame, NULL },
    { "object-fill-fails", fill_fails, NULL },
    { "object-read-write", read_and_write, NULL },
    { "object-read-write-fail", read_and_write_that_fail, NULL },
    { "object-device", device__shared_and_uncounted, NULL },
    { "object-device-refuses", device__refuses, NULL },
    { "object-create-refuses", create_refuses, NULL },
    { "object-memory", memory_object, NULL },
    { "object-pager-in-use", pager_in_use__ebusy, NULL },
    { NULL, NULL, NULL },
};
