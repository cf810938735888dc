/*
 * Names of errors, decisions and fault codes.
 */
#include "runner.h"

#include <lazypager/error.h>
#include <lazypager/fault.h>

#include <limits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Has each error the name that POSIX gives to its Linux number? */
static void test_error_strerror__names_each_error(void **state)
{
    static const struct {
        int error;
        const char *name;
    } cases[] = {
        { 0, "OK" },          { -5, "EIO" },         { -11, "EAGAIN" },
        { -12, "ENOMEM" },    { -13, "EACCES" },     { -14, "EFAULT" },
        { -16, "EBUSY" },     { -17, "EEXIST" },     { -22, "EINVAL" },
        { -75, "EOVERFLOW" }, { -95, "EOPNOTSUPP" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(lp_strerror(cases[i].error), cases[i].name);
}

/* Does any other number get a name that is not NULL? */
static void test_error_strerror_of_unknown__is_a_question_mark(void **state)
{
    static const int unknown[] = { 1, LP_ENOMEM, -1, -4096, INT_MIN, INT_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_string_equal(lp_strerror(unknown[i]), "E?");
}

/* Has each decision its own name, and a value out of range "?"? */
static void test_error_decision_name__names_each_decision(void **state)
{
    static const char *const names[] = {
        [LP_DENY] = "DENY",   [LP_SPURIOUS] = "SPURIOUS", [LP_ZERO] = "ZERO",
        [LP_MAP] = "MAP",     [LP_FILL] = "FILL",         [LP_REUSE] = "REUSE",
        [LP_WIDEN] = "WIDEN", [LP_OWN] = "OWN",           [LP_COPY] = "COPY",
        [LP_DECISIONS] = "?", [LP_DECISIONS + 1] = "?",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(lp_decision_name((enum lp_decision)i), names[i]);
}

/* Has each fault code its own name, and a value out of range "?"? */
static void test_error_fault_code_name__names_each_code(void **state)
{
    static const char *const names[] = {
        [LP_FAULT_OK] = "OK",         [LP_FAULT_MAPERR] = "MAPERR",
        [LP_FAULT_ACCERR] = "ACCERR", [LP_FAULT_BUS] = "BUS",
        [LP_FAULT_RETRY] = "RETRY",   [LP_FAULT_NOMEM] = "NOMEM",
        [LP_FAULT_NOMEM + 1] = "?",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(lp_fault_code_name((enum lp_fault_code)i),
                            names[i]);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_strerror__names_each_error),
        cmocka_unit_test(test_error_strerror_of_unknown__is_a_question_mark),
        cmocka_unit_test(test_error_decision_name__names_each_decision),
        cmocka_unit_test(test_error_fault_code_name__names_each_code),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
