/*
 * Edits of the areas at their edges: no frame for the node that a cut needs,
 * and nobody who listens.
 */
#include "core_kit.h"

enum { PAGES = 256 };

/* What the area of this page allows. */
static unsigned access_of(struct lp_space *space, lp_va va)
{
    struct lp_area area;

    assert_true(lp_next_area(space, va, &area));
    assert_true(area.start <= va);
    return area.access;
}

/*
 * Every second page gets another access, a cut each; at some of them the area's
 * node is full.  Without a frame for another the call must change nothing, and
 * with one it must work.
 */
static void test_mprotect_no_frame_for_a_node__changes_nothing(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *space = ck_space(ck);
        unsigned i, refused = 0;
        lp_va va;
        int error;

        ck_map(space, ck->base, PAGES, CK_RW, CK_ANON);
        for (i = 1; i < PAGES; i += 2) {
            va = ck->base + i * LP_PAGE_SIZE;
            lp_host_fail_from(ck->m, 1);
            error = lp_mprotect(space, va, LP_PAGE_SIZE, LP_READ);
            lp_host_fail_from(ck->m, 0);
            if (!error)
                continue;
            refused++;
            assert_int_equal(error, -LP_ENOMEM);
            assert_int_equal(access_of(space, va), CK_RW);
            ck_check(ck);
            assert_int_equal(lp_mprotect(space, va, LP_PAGE_SIZE, LP_READ), 0);
            assert_int_equal(access_of(space, va), LP_READ);
        }
        assert_true(refused > 0);
        ck_end(ck, space);
        ck_destroy(ck);
    }
}

static void test_munmap_area__nobody_listens(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck);
    struct lp_page_info info;

    (void)state;
    ck_map(space, ck->base, 2, CK_RW, CK_ANON);
    assert_int_equal(lp_munmap_area(space, ck->base + LP_PAGE_SIZE),
                     -LP_EINVAL);
    assert_int_equal(lp_munmap_area(space, ck->base), 0);
    assert_int_equal(lp_query(space, ck->base, &info), -LP_EFAULT);
    ck_end(ck, space);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mprotect_no_frame_for_a_node__changes_nothing),
        cmocka_unit_test(test_munmap_area__nobody_listens),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
