/*
 * The floor of the core: what happens when a promise of the library's own is
 * broken, whatever the kernel has to say about it.
 */
#include "runner.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "base.h"

/* What the kernel was told. */
static struct told {
    unsigned times;
    void *ctx;
    const char *what, *file;
    int line;
    uint64_t a, b;
} told;

static void tell(void *ctx, const char *what, const char *file, int line,
                 uint64_t a, uint64_t b)
{
    told = (struct told){ told.times + 1, ctx, what, file, line, a, b };
}

static sigjmp_buf back;

static void trapped(int number)
{
    siglongjmp(back, number);
}

/* The signals that a trap may be on this machine. */
static const int traps[] = { SIGILL, SIGTRAP, SIGABRT };

enum { TRAPS = sizeof(traps) / sizeof(traps[0]) };

/* Break a promise.  Does it end in a trap, and not in a return? */
static bool ends_in_a_trap(const struct lp_kernel *kernel)
{
    /* Its type does not say that it never returns: that is the question. */
    void (*volatile failed)(const struct lp_kernel *, const char *,
                            const char *, int, uint64_t, uint64_t) =
        lp_assert_failed;
    struct sigaction before[TRAPS], action = { .sa_handler = trapped };
    volatile bool trap = true;
    unsigned i;

    for (i = 0; i < TRAPS; i++)
        assert_int_equal(sigaction(traps[i], &action, &before[i]), 0);
    if (sigsetjmp(back, 1) == 0) {
        failed(kernel, "two is two", "here.c", 7, 2, 3);
        trap = false;
    }
    for (i = 0; i < TRAPS; i++)
        assert_int_equal(sigaction(traps[i], &before[i], NULL), 0);
    return trap;
}

/* Nobody to tell: no kernel is known there, or it does not want to hear. */
static void test_base_nobody_to_tell__traps(void **state)
{
    const struct lp_kernel deaf = { .ncpus = 1 };

    (void)state;
    assert_true(ends_in_a_trap(NULL));
    assert_true(ends_in_a_trap(&deaf));
}

/* Told with what a person wants to know; and no way on if that returns. */
static void test_base_kernel_is_told__and_traps_when_it_returns(void **state)
{
    int mine;
    const struct lp_kernel kernel = { .ctx = &mine, .assert_failed = tell };

    (void)state;
    told.times = 0;
    assert_true(ends_in_a_trap(&kernel));
    assert_int_equal(told.times, 1);
    assert_ptr_equal(told.ctx, &mine);
    assert_string_equal(told.what, "two is two");
    assert_string_equal(told.file, "here.c");
    assert_int_equal(told.line, 7);
    assert_int_equal(told.a, 2);
    assert_int_equal(told.b, 3);
}

/* Each bit alone, and with all above it. */
static void test_base_lowest_bit__of_every_number(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 64; i++) {
        assert_int_equal(lp_lowest_bit((uint64_t)1 << i), i);
        assert_int_equal(lp_lowest_bit(~(uint64_t)0 << i), i);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_nobody_to_tell__traps),
        cmocka_unit_test(test_base_kernel_is_told__and_traps_when_it_returns),
        cmocka_unit_test(test_base_lowest_bit__of_every_number),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
