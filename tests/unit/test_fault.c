/*
 * Faults: the short way of a first write against the long way. With somebody
 * listening to the trace every fault takes the long one, so the same program
 * runs in two pagers, with and without an ear, and both must show the same.
 */
#include "core_kit.h"

enum { PAGES = 6 };

static void listen(void *ctx, const struct lp_trace *event)
{
    (void)ctx;
    (void)event;
}

/* The same twice: [0] without an ear, [1] with one. */
struct twins {
    struct ck *ck[2];
    struct lp_space *space[2];
    lp_va va;
};

#define BOTH(i) for (unsigned i = 0; i < 2; i++)

static struct twins create(const char *format, unsigned access)
{
    struct lp_host_config with = { .trace = listen };
    struct twins t = { .ck = { ck_create(format),
                               ck_create_with(format, with, NULL) } };

    t.va = t.ck[0]->base;
    BOTH(i)
    {
        t.space[i] = ck_space(t.ck[i]);
        ck_map(t.space[i], t.va, PAGES, access, CK_ANON);
        ck_run(t.ck[i], 0, t.space[i]);
    }
    return t;
}

/* All that a program or the kernel could see of a page. */
static void compare_page(const struct twins *t, lp_va va)
{
    struct lp_page_info info[2];
    unsigned char *byte;
    unsigned k;

    BOTH(i)
    assert_int_equal(lp_query(t->space[i], va, &info[i]), 0);
    assert_int_equal(info[0].access, info[1].access);
    assert_int_equal(info[0].flags, info[1].flags);
    assert_int_equal(info[0].references, info[1].references);
    assert_int_equal(info[0].frame == LP_PA_NONE, info[1].frame == LP_PA_NONE);
    if (info[0].frame == LP_PA_NONE)
        return;
    BOTH(i)
    {
        byte = lp_host_memory(t->ck[i]->m, info[i].frame);
        for (k = 1; k < LP_PAGE_SIZE; k++)
            assert_int_equal(byte[k], 0);
    }
}

static void compare(const struct twins *t)
{
    struct lp_stats stats[2];
    struct lp_use use[2];
    unsigned page;

    BOTH(i)
    {
        lp_space_stats(t->space[i], &stats[i]);
        use[i] = lp_use_of(ck_walk(t->space[i], t->va).frame);
        ck_check(t->ck[i]);
    }
    assert_memory_equal(&stats[0], &stats[1], sizeof stats[0]);
    assert_memory_equal(&use[0], &use[1], sizeof use[0]);
    for (page = 0; page < PAGES; page++)
        compare_page(t, t->va + page * LP_PAGE_SIZE);
}

static void destroy(struct twins *t)
{
    BOTH(i)
    {
        ck_end(t->ck[i], t->space[i]);
        ck_destroy(t->ck[i]);
    }
}

/* The first byte of page `page` is written, or the write is refused. */
static void write(struct twins *t, unsigned page, enum lp_host_code code)
{
    struct lp_fault_result result[2];
    unsigned char byte = 1;

    BOTH(i)
    {
        assert_int_equal(
            lp_host_store(t->ck[i]->m, t->va + page * LP_PAGE_SIZE, &byte, 1),
            code);
        result[i] = lp_host_last_fault(t->ck[i]->m);
    }
    assert_int_equal(result[0].code, result[1].code);
    assert_int_equal(result[0].decision, result[1].decision);
    assert_int_equal(result[0].va, result[1].va);
    assert_int_equal(result[0].major, result[1].major);
    compare(t);
}

/* First writes, with and without a leaf table: a page of zeroes each? */
static void test_fault_first_writes__zeroes_either_way(void **state)
{
    static const unsigned accesses[] = { CK_RW, CK_RW | LP_EXEC, LP_WRITE };
    unsigned page, k;

    (void)state;
    CK_EACH(format)
    {
        for (k = 0; k < 3; k++) {
            struct twins t = create(format, accesses[k]);

            for (page = PAGES; page-- > 0;)
                write(&t, page, LP_HOST_OK);
            destroy(&t);
        }
    }
}

/* A page is there already: the zero page, or one that was narrowed. */
static void test_fault_write_of_present_page__either_way(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct twins t = create(format, CK_RW);

        write(&t, 1, LP_HOST_OK);
        BOTH(i)
        {
            (void)ck_read(t.ck[i], t.va);
            assert_int_equal(lp_mprotect(t.space[i], t.va, 2 * LP_PAGE_SIZE, 0),
                             0);
            assert_int_equal(
                lp_mprotect(t.space[i], t.va, 2 * LP_PAGE_SIZE, CK_RW), 0);
        }
        write(&t, 1, LP_HOST_OK);
        write(&t, 0, LP_HOST_OK);
        destroy(&t);
    }
}

/* Is it refused where there is no area, or none that may be written? */
static void test_fault_write_not_allowed__either_way(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct twins t = create(format, CK_RW);

        write(&t, 0, LP_HOST_OK);
        BOTH(i)
        {
            assert_int_equal(lp_mprotect(t.space[i], t.va + LP_PAGE_SIZE,
                                         LP_PAGE_SIZE, LP_READ),
                             0);
            assert_int_equal(lp_mprotect(t.space[i], t.va + 2 * LP_PAGE_SIZE,
                                         LP_PAGE_SIZE, 0),
                             0);
        }
        write(&t, 1, LP_HOST_ACCERR);
        write(&t, 2, LP_HOST_ACCERR);
        BOTH(i)
        assert_int_equal(lp_host_store(t.ck[i]->m, t.va - 1, "x", 1),
                         LP_HOST_MAPERR);
        compare(&t);
        destroy(&t);
    }
}

/* In tables that fork shares: is the path owned first? */
static void test_fault_first_write_after_fork__owns_either_way(void **state)
{
    struct lp_space *child[2];

    (void)state;
    CK_EACH(format)
    {
        struct twins t = create(format, CK_RW);

        write(&t, 0, LP_HOST_OK);
        BOTH(i)
        child[i] = ck_fork(t.space[i]);
        write(&t, 1, LP_HOST_OK);
        write(&t, 2, LP_HOST_OK);
        BOTH(i)
        {
            assert_false(ck_leaf(child[i], t.va + LP_PAGE_SIZE).present);
            assert_true(ck_leaf(child[i], t.va).present);
            ck_end(t.ck[i], child[i]);
        }
        destroy(&t);
    }
}

/* No frame: NOMEM, and nothing half done? */
static void test_fault_first_write_out_of_frames__either_way(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct twins t = create(format, CK_RW);

        write(&t, 0, LP_HOST_OK);
        BOTH(i)
        lp_host_fail_from(t.ck[i]->m, 1);
        write(&t, 1, LP_HOST_NOMEM);
        BOTH(i)
        lp_host_fail_from(t.ck[i]->m, 0);
        write(&t, 1, LP_HOST_OK);
        destroy(&t);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_first_writes__zeroes_either_way),
        cmocka_unit_test(test_fault_write_of_present_page__either_way),
        cmocka_unit_test(test_fault_write_not_allowed__either_way),
        cmocka_unit_test(test_fault_first_write_after_fork__owns_either_way),
        cmocka_unit_test(test_fault_first_write_out_of_frames__either_way),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
