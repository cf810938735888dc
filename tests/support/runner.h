/*
 * The main program of every cmocka test.
 *
 *     int main(int argc, char **argv)
 *     {
 *         static const struct CMUnitTest tests[] = {
 *             cmocka_unit_test(test_frame_get__adds_a_reference),
 *         };
 *         return lp_test_main(argc, argv, tests,
 *                             sizeof(tests) / sizeof(tests[0]));
 *     }
 *
 * Include this header instead of cmocka.h, which needs others before it.
 */
#ifndef LP_TEST_RUNNER_H
#define LP_TEST_RUNNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * lp_test_main: answer the options of a test program.
 *
 *     (none)        run all tests
 *     --list        print their names, one a line
 *     --test NAME   run that one
 *     --help        say so
 *
 * => returns what main returns: 0 when every test asked for ran to its end
 *    and passed, 1 when one failed, 2 for a bad argument, an unknown name or
 *    a test that was skipped: a skipped test proves nothing.
 * => set-up, teardown and initial state of each test work as in cmocka.
 */
int lp_test_main(int argc, char **argv, const struct CMUnitTest *tests,
                 size_t n);

#endif
