/*
 * Life of a space: who visits it keeps it alive.
 */
#include "core_kit.h"

#include "space.h"

enum { PATIENCE = 20 }; /* polls before a wait counts as for ever */

/* A visit that ends at the third poll of whoever waits for it. */
static struct {
    struct lp_pager *pager;
    struct lp_space *space;
    unsigned polls;
} visit;

static void poll_goes_on(void *ctx)
{
    (void)ctx;
    assert_true(visit.polls < PATIENCE);
    if (++visit.polls == 3)
        assert_null(lp_space_next(visit.pager, visit.space));
}

/* Does destroy wait for the visitor, with the list open to it? */
static void test_space_destroyed_while_visited__waits(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        const struct lp_kernel *kernel = ck->pager->kernel;
        struct lp_kernel polled = *kernel;
        struct lp_space *space = ck_space(ck);

        polled.poll = poll_goes_on;
        visit.polls = 0;
        visit.pager = ck->pager;
        visit.space = lp_space_next(ck->pager, NULL);
        assert_ptr_equal(visit.space, space);
        ck->pager->kernel = &polled;
        lp_space_destroy(space);
        ck->pager->kernel = kernel;
        assert_true(visit.polls >= 3);
        assert_null(lp_space_next(ck->pager, NULL));
        ck_check(ck);
        ck_destroy(ck);
    }
}

/* Counters of a space that goes are kept, and nothing else is: no number of a
 * space is used up. */
static void test_space_destroyed__only_its_counters_are_kept(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *first = ck_space(ck), *second = ck_space(ck);
        uint64_t next = atomic_load(&ck->pager->next_id);

        ck_end(ck, first);
        ck_end(ck, second);
        assert_int_equal(atomic_load(&ck->pager->next_id), next);
        assert_int_equal(atomic_load(&ck->pager->lost_writes), 0);
        ck_destroy(ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_destroyed_while_visited__waits),
        cmocka_unit_test(test_space_destroyed__only_its_counters_are_kept),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
