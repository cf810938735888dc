/*
 * pin.c: pages held for the kernel or a device.
 */
#include "conformance.h"

static uint64_t read_pin(const struct lp_pin *pin, unsigned offset)
{
    uint64_t word;

    memcpy(&word, (const char *)pin->page + offset, sizeof(word));
    return word;
}

static void write_pin(const struct lp_pin *pin, uint64_t word)
{
    memcpy(pin->page, &word, sizeof(word));
}

/* Any alignment, any space; loads what is absent; tells frame and access. */
static void loads(struct conf *c)
{
    struct lp_space *s = conf_space(c), *other = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin, second;

    conf_anon(c, s, a, 2, RW);
    conf_map(c, s, a + 2 * PAGE, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    conf_activate(c, other);
    CHECK_EQ(c, conf_pin(c, s, a + 123, RW, &pin), 0);
    CHECK_EQ(c, pin.frame, conf_query(c, s, a).frame);
    CHECK_EQ(c, pin.access & RW, RW);
    CHECK(c, conf_all_bytes(pin.page, 0, PAGE));
    write_pin(&pin, 77);
    CHECK_EQ(c, conf_get(c, s, a), 77);
    CHECK_EQ(c, conf_pin(c, s, a + 3 * PAGE - 1, LP_READ, &second), 0);
    CHECK_EQ(c, read_pin(&second, 8), conf_file_word(c, 0, 8));
    conf_unpin(c, &pin);
    conf_unpin(c, &second);
    CHECK_EQ(c, conf_get(c, s, a), 77);
}

/* What may not be had: no area, no right, no such page. */
static void refused(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;

    conf_anon(c, s, a, 1, LP_READ);
    conf_anon(c, s, a + PAGE, 1, 0);
    conf_map(c, s, a + 2 * PAGE, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_pin(c, s, a, LP_WRITE, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a, RW, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a, LP_EXEC, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a + PAGE, LP_READ, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a + 4 * PAGE, LP_READ, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a - 1, LP_READ, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, conf_user_end(c), LP_READ, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, UINT64_MAX, LP_READ, &pin), -LP_EFAULT);
    CHECK_EQ(c, conf_pin(c, s, a + 3 * PAGE, LP_READ, &pin), -LP_EIO);
    c->files[0].fill_error = -LP_EAGAIN;
    c->files[0].fill_failures = 1;
    CHECK_EQ(c, conf_pin(c, s, a + 2 * PAGE, LP_READ, &pin), -LP_EAGAIN);
    conf_fail_at(c, 1, true);
    CHECK_EQ(c, conf_pin(c, s, a + 2 * PAGE, LP_READ, &pin), -LP_ENOMEM);
}

/* With write access: is copy-on-write broken before the frame is given? */
static void write__breaks_cow(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - PAGE;
    struct lp_pin pin;

    conf_anon(c, p, a, 2, RW);
    conf_put_pages(c, p, a, 2, 1);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_pin(c, child, a, LP_WRITE, &pin), 0);
    CHECK_NE(c, pin.frame, conf_query(c, p, a).frame);
    write_pin(&pin, 50);
    CHECK_EQ(c, conf_get(c, p, a), 1);
    CHECK_EQ(c, conf_get(c, child, a), 50);
    conf_unpin(c, &pin);
    CHECK_EQ(c, conf_stats(c, child).copies, 1);
}

/*
 * A page held for reading while it is shared: once its space has let it go, do
 * the other side's stores stay out of the holder's sight?
 */
static void read__holder_sees_no_other(struct conf *c)
{
    unsigned access;

    for (access = LP_READ; access <= RW; access += LP_WRITE) {
        struct lp_space *p = conf_space(c), *child;
        lp_va a = conf_place(c, 1, 1) - PAGE;
        struct lp_pin pin;

        conf_anon(c, p, a, 2, RW);
        conf_put_pages(c, p, a, 2, 1);
        if (access == LP_READ)
            CHECK_EQ(c, conf_mprotect(c, p, a, 2 * PAGE, LP_READ), 0);
        child = conf_fork(c, p);
        CHECK_EQ(c, conf_pin(c, child, a + PAGE, LP_READ, &pin), 0);
        CHECK_EQ(c, read_pin(&pin, 0), 2);
        CHECK_EQ(c, pin.frame, conf_query(c, child, a + PAGE).frame);
        CHECK_EQ(c, conf_munmap(c, child, a, 2 * PAGE), 0);
        CHECK_EQ(c, conf_mprotect(c, p, a, 2 * PAGE, RW), 0);
        conf_put(c, p, a + PAGE, 99);
        CHECK_EQ(c, read_pin(&pin, 0), 2);
        CHECK_EQ(c, conf_get(c, p, a + PAGE), 99);
        conf_unpin(c, &pin);
        conf_destroy(c, child);
        conf_destroy(c, p);
    }
}

/* On fork: does the held page stay with the parent, the child get a copy? */
static void fork__page_stays(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child, *second;
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    struct lp_pin pin, more;

    conf_anon(c, p, a, 4, RW);
    conf_put_pages(c, p, a, 4, 1);
    CHECK_EQ(c, conf_pin(c, p, a, RW, &pin), 0);
    CHECK_EQ(c, conf_pin(c, p, a + 3 * PAGE, LP_WRITE, &more), 0);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_query(c, p, a).frame, pin.frame);
    CHECK_NE(c, conf_query(c, child, a).frame, pin.frame);
    CHECK_NE(c, conf_query(c, child, a + 3 * PAGE).frame, more.frame);
    CHECK_EQ(c, conf_query(c, child, a + PAGE).frame,
             conf_query(c, p, a + PAGE).frame);
    write_pin(&pin, 60);
    CHECK_EQ(c, conf_get(c, p, a), 60);
    CHECK_EQ(c, conf_get(c, child, a), 1);
    conf_put(c, p, a, 61);
    CHECK_EQ(c, conf_query(c, p, a).frame, pin.frame);
    CHECK_EQ(c, read_pin(&pin, 0), 61);
    conf_put(c, child, a, 62);
    second = conf_fork(c, p);
    conf_put(c, p, a, 63);
    CHECK_EQ(c, read_pin(&pin, 0), 63);
    CHECK_EQ(c, conf_query(c, p, a).frame, pin.frame);
    CHECK_EQ(c, conf_get(c, second, a), 61);
    CHECK_EQ(c, conf_get(c, child, a), 62);
    conf_unpin(c, &pin);
    conf_unpin(c, &more);
    conf_expect_pages(c, child, a + PAGE, 3, 2);
    conf_expect_pages(c, second, a + PAGE, 3, 2);
}

/* A held page of a shared mapping stays shared by fork. */
static void fork__shared_page(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;

    conf_map(c, p, a, 2, RW, SHANON, NULL, 0);
    CHECK_EQ(c, conf_pin(c, p, a, LP_WRITE, &pin), 0);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_get(c, child, a), 0);
    write_pin(&pin, 5);
    CHECK_EQ(c, conf_get(c, child, a), 5);
    CHECK_EQ(c, conf_get(c, p, a), 5);
    conf_unpin(c, &pin);
}

/* Is the frame not freed before it is put, whatever happens to the mapping? */
static void unmapped__frame_stays(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin, twice;
    uint64_t frames;

    conf_anon(c, s, a + 4 * PAGE, 1, RW);
    conf_put(c, s, a + 4 * PAGE, 1);
    frames = c->frames;
    conf_anon(c, s, a, 2, RW);
    conf_put(c, s, a, 12);
    CHECK_EQ(c, conf_pin(c, s, a, LP_READ, &pin), 0);
    CHECK_EQ(c, conf_pin(c, s, a, LP_READ, &twice), 0);
    CHECK_EQ(c, conf_munmap(c, s, a, 2 * PAGE), 0);
    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 99);
    CHECK_EQ(c, read_pin(&pin, 0), 12);
    CHECK_EQ(c, c->frames, frames + 3);
    conf_unpin(c, &pin);
    CHECK_EQ(c, read_pin(&twice, 0), 12);
    CHECK_EQ(c, c->frames, frames + 3);
    conf_unpin(c, &twice);
    CHECK_EQ(c, c->frames, frames + 2);
    conf_expect_pages(c, s, a, 2, 99);
}

/* Does a page written through a pin count as dirty? */
static void put__dirties_the_file(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_pin(c, s, a, LP_READ, &pin), 0);
    conf_unpin(c, &pin);
    CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, c->files[0].nwrites, 0);
    CHECK_EQ(c, conf_pin(c, s, a, LP_WRITE, &pin), 0);
    CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
    write_pin(&pin, 31);
    conf_unpin(c, &pin);
    CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 0), 31);
}

/* Zeroes can be held for reading; a write beside it does not reach them. */
static void zero_page(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_pin pin;

    conf_anon(c, s, a, 2, RW);
    CHECK_EQ(c, conf_pin(c, s, a, LP_READ, &pin), 0);
    child = conf_fork(c, s);
    conf_put(c, s, a, 5);
    CHECK_EQ(c, conf_get(c, child, a), 0);
    CHECK_EQ(c, read_pin(&pin, 0), 0);
    conf_unpin(c, &pin);
    CHECK_EQ(c, conf_get(c, s, a), 5);
}

const struct conf_case conf_pin_cases[] = {
    { "pin-loads", loads, NULL },
    { "pin-refused", refused, NULL },
    { "pin-breaks-cow", write__breaks_cow, NULL },
    { "pin-read-shared", read__holder_sees_no_other, NULL },
    { "pin-fork", fork__page_stays, NULL },
    { "pin-fork-shared", fork__shared_page, NULL },
    { "pin-unmapped", unmapped__frame_stays, NULL },
    { "pin-dirties", put__dirties_the_file, NULL },
    { "pin-zero-page", zero_page, NULL },
    { NULL, NULL, NULL },
};
