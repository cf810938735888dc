/*
 * Pages that are asked for by the kernel and are not what they were, or never
 * were what a kernel may hold: a device's.
 */
#include "core_kit.h"

#include "object.h"

static struct ck *with_device(const char *format, struct lp_object **device)
{
    struct ck *ck =
        ck_create_with(format, (struct lp_host_config){ .ndevice = 1 }, NULL);

    assert_int_equal(
        lp_object_create_device(ck->pager, lp_host_device(ck->m), LP_PAGE_SIZE,
                                0, LP_OBJECT_READ | LP_OBJECT_WRITE, device),
        0);
    return ck;
}

static void map_device(struct ck *ck, struct lp_space *space, unsigned flags,
                       struct lp_object *device)
{
    assert_int_equal(lp_mmap(space, ck->base, LP_PAGE_SIZE, LP_READ,
                             flags | LP_MAP_FIXED, device, 0),
                     ck->base);
}

/* Nothing of it can be held or copied, before its first use and after. */
static void expect_refused(struct ck *ck, struct lp_space *space)
{
    struct lp_pin pin;
    char byte = 'x';
    int error = 0;

    assert_int_equal(lp_get_user_page(space, ck->base, LP_READ, &pin),
                     -LP_EFAULT);
    assert_int_equal(lp_get_user_page(space, ck->base, LP_WRITE, &pin),
                     -LP_EFAULT);
    assert_int_equal(lp_copy_in(space, &byte, ck->base, 1, &error), 0);
    assert_int_equal(error, -LP_EFAULT);
    assert_int_equal(lp_copy_out(space, ck->base, &byte, 1, &error), 0);
    assert_int_equal(error, -LP_EFAULT);
    assert_int_equal(byte, 'x');
    assert_null(space->pins);
    ck_check(ck);
}

/* A device's page, mapped in either way, in a space alone or after a fork: may
 * the kernel hold it? */
static void test_user_page_of_device__efault(void **state)
{
    const unsigned flags[] = { LP_MAP_SHARED, LP_MAP_PRIVATE };
    unsigned i;

    (void)state;
    CK_EACH(format)
    {
        for (i = 0; i < 2; i++) {
            struct lp_object *device;
            struct ck *ck = with_device(format, &device);
            struct lp_space *space = ck_space(ck), *child;

            map_device(ck, space, flags[i], device);
            expect_refused(ck, space);
            ck_fault(space, ck->base, LP_READ);
            expect_refused(ck, space);
            child = ck_fork(space);
            expect_refused(ck, child);
            expect_refused(ck, space);
            assert_int_equal(lp_mprotect(child, ck->base, LP_PAGE_SIZE, 0), 0);
            expect_refused(ck, child);
            ck_end(ck, child);
            ck_end(ck, space);
            lp_object_put(device);
            ck_destroy(ck);
        }
    }
}

/*
 * A page is held, then a device's is mapped in its place: does a fork leave
 * that one alone?  Its frame has no record that could be counted.
 */
static void test_fork_device_where_page_was_held__mapped_by_child(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct lp_object *device;
        struct ck *ck = with_device(format, &device);
        struct lp_space *parent = ck_space(ck), *child;
        struct lp_pin pin;

        ck_map(parent, ck->base, 1, CK_RW, CK_ANON);
        assert_int_equal(lp_get_user_page(parent, ck->base, LP_WRITE, &pin), 0);
        map_device(ck, parent, LP_MAP_PRIVATE, device);
        ck_fault(parent, ck->base, LP_READ);
        child = ck_fork(parent);
        ck_check(ck);
        assert_true(ck_leaf(child, ck->base).uncounted);
        assert_int_equal(ck_leaf(child, ck->base).pa, lp_host_device(ck->m));
        assert_int_equal(lp_frame_count(ck_frame(ck, pin.frame)), 0);
        lp_put_user_page(&pin);
        ck_end(ck, child);
        ck_end(ck, parent);
        lp_object_put(device);
        ck_destroy(ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_page_of_device__efault),
        cmocka_unit_test(test_fork_device_where_page_was_held__mapped_by_child),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
