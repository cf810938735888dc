/*
 * The main program of every cmocka test; see runner.h.
 *
 * cmocka counts a skipped test as success, and a filter that matches nothing
 * too. So each test is wrapped: the wrapper notes that the test function
 * returned, which it does not when it skips (that is a longjmp). Nor does a test
 * pass by calling exit(0).
 */
#include "runner.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct wrapped {
    const struct CMUnitTest *test;
    void *state; /* the test's own */
    bool returned;
};

static pid_t running; /* the process that runs tests; 0 before and after */

static void left_early(void)
{
    if (running == getpid()) {
        fprintf(stderr, "exit() was called in a test\n");
        _exit(EXIT_USAGE);
    }
}

static int wrapped_setup(void **state)
{
    struct wrapped *w = *state;
    return w->test->setup_func(&w->state);
}

static void wrapped_test(void **state)
{
    struct wrapped *w = *state;
    w->test->test_func(&w->state);
    w->returned = true;
}

static int wrapped_teardown(void **state)
{
    struct wrapped *w = *state;
    return w->test->teardown_func(&w->state);
}

static int run(const struct CMUnitTest *tests, size_t n)
{
    struct wrapped *wrapped = calloc(n, sizeof(*wrapped));
    struct CMUnitTest *wrappers = calloc(n, sizeof(*wrappers));
    if (wrapped == NULL || wrappers == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_USAGE);
    }

    for (size_t i = 0; i < n; i++) {
        wrapped[i].test = &tests[i];
        wrapped[i].state = tests[i].initial_state;
        wrappers[i].name = tests[i].name;
        wrappers[i].test_func = wrapped_test;
        if (tests[i].setup_func != NULL)
            wrappers[i].setup_func = wrapped_setup;
        if (tests[i].teardown_func != NULL)
            wrappers[i].teardown_func = wrapped_teardown;
        wrappers[i].initial_state = &wrapped[i];
    }

    int status = 0;
    running = getpid();
    if (atexit(left_early) != 0)
        exit(EXIT_USAGE);
    if (_cmocka_run_group_tests("tests", wrappers, n, NULL, NULL) != 0)
        status = EXIT_FAILED;
    running = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (!wrapped[i].returned) {
            fprintf(stderr, "%s: did not run to its end\n", tests[i].name);
            status = EXIT_USAGE;
        }
    }
    free(wrappers);
    free(wrapped);
    return status;
}

static int usage(FILE *out, const char *program, int status)
{
    fprintf(out,
            "usage: %s [--list | --test NAME | --help]\n"
            "Runs all tests, or the one named.\n",
            program);
    return status;
}

int lp_test_main(int argc, char **argv, const struct CMUnitTest *tests,
                 size_t n)
{
    if (argc == 1)
        return run(tests, n);

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, argv[0], 0);

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < n; i++)
            printf("%s\n", tests[i].name);
        return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
    }

    if (argc == 3 && strcmp(argv[1], "--test") == 0) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(tests[i].name, argv[2]) == 0)
                return run(&tests[i], 1);
        }
        fprintf(stderr, "%s: no test named %s\n", argv[0], argv[2]);
        return EXIT_USAGE;
    }

    fprintf(stderr, "%s: bad arguments\n", argv[0]);
    return usage(stderr, argv[0], EXIT_USAGE);
}
