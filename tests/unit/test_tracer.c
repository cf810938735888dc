/*
 * The tracer: its ring when it is full, and the words of each record.  Expected
 * lines are written from docs/TRACE.md.
 */
#include "runner.h"

#include "tracer.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS = 4 };

static struct lp_tracer tracer;
static struct lp_tracer_slot slots[SLOTS];
static char text[4096];
static size_t len;

static const struct lp_arch arch = {
    .name = "tiny",
    .format = { .levels = 2, .index_bits = 2, .user_end = 0x8000 },
};

static void emit(void *ctx, const char *line, size_t n)
{
    assert_ptr_equal(ctx, &tracer);
    assert_true(n > 1 && n <= LP_TRACER_LINE && line[n - 1] == '\n');
    assert_true(len + n < sizeof(text));
    memcpy(text + len, line, n);
    len += n;
    text[len] = 0;
}

/* What has been written since the last time. */
static const char *written(void)
{
    len = 0;
    return text;
}

static void start(void)
{
    memset(slots, 0xee, sizeof(slots));
    memset(&tracer, 0xee, sizeof(tracer));
    len = 0;
    lp_tracer_start(&tracer, slots, SLOTS, emit, &tracer, &arch);
    assert_string_equal(written(),
                        "lazypager-trace 1\nmachine tiny 2 2 8000\n");
}

static void record(uint64_t space)
{
    lp_tracer_record(
        &tracer, 0,
        &(struct lp_trace){ .kind = LP_TRACE_DESTROY, .space_id = space });
}

/* Does each event have its words, errors their names, ends their values? */
static void test_tracer_each_event__is_a_line(void **state)
{
    static const struct {
        struct lp_trace event;
        const char *line;
    } cases[] = {
        { { .kind = LP_TRACE_DECISION,
            .va = UINT64_MAX,
            .access = LP_EXEC,
            .decision = LP_DENY },
          "fault 1 63 7 ffffffffffffffff --x DENY\n" },
        { { .kind = LP_TRACE_MMAP,
            .va = 0x1000,
            .len = 0x3000,
            .result = 0x1000 },
          "mmap 1 63 7 1000 3000 OK\n" },
        { { .kind = LP_TRACE_MMAP, .result = -LP_ENOMEM },
          "mmap 1 63 7 0 0 ENOMEM\n" },
        { { .kind = LP_TRACE_MUNMAP, .va = 0x1000, .len = 1 },
          "munmap 1 63 7 1000 1 OK\n" },
        { { .kind = LP_TRACE_MPROTECT,
            .va = 0x1000,
            .len = 0x1000,
            .access = LP_READ | LP_WRITE,
            .result = -LP_EACCES },
          "mprotect 1 63 7 1000 1000 rw- EACCES\n" },
        { { .kind = LP_TRACE_MADVISE, .advice = 4 },
          "madvise 1 63 7 0 0 4 OK\n" },
        { { .kind = LP_TRACE_FORK, .other_id = UINT64_MAX },
          "fork 1 63 7 18446744073709551615 OK\n" },
        { { .kind = LP_TRACE_DESTROY }, "destroy 1 63 7\n" },
    };
    struct lp_trace event;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start();
        event = cases[i].event;
        event.space_id = 7;
        lp_tracer_record(&tracer, 63, &event);
        lp_tracer_drain(&tracer);
        assert_string_equal(written(), cases[i].line);
    }
}

/* Are the events that found no place counted, and the others in order? */
static void test_tracer_full_ring__loses_the_newest(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 1; i <= SLOTS + 3; i++)
        record(i);
    assert_int_equal(lp_tracer_pending(&tracer), SLOTS);
    lp_tracer_drain(&tracer);
    assert_string_equal(written(), "destroy 1 0 1\ndestroy 2 0 2\n"
                                   "destroy 3 0 3\ndestroy 4 0 4\nlost 3\n");
    assert_int_equal(lp_tracer_pending(&tracer), 0);
    record(9);
    lp_tracer_end(&tracer);
    assert_string_equal(written(), "destroy 5 0 9\ndone 5 3\n");
}

/* Does the ring go round and round? */
static void test_tracer_many_rounds__none_is_lost(void **state)
{
    char line[32];

    (void)state;
    start();
    for (uint64_t i = 1; i <= 5 * SLOTS + 1; i++) {
        record(i);
        lp_tracer_drain(&tracer);
        snprintf(line, sizeof(line), "destroy %d 0 %d\n", (int)i, (int)i);
        assert_string_equal(written(), line);
    }
}

/* Is a label one line of printable characters, however long? */
static void test_tracer_label__is_cut_and_masked(void **state)
{
    char label[LP_TRACER_TEXT + 50], expected[LP_TRACER_TEXT + 50];

    (void)state;
    start();
    lp_tracer_begin(&tracer, "a\nb\x1b[31m\xc3\xa4");
    lp_tracer_commit(&tracer);
    assert_string_equal(written(), "snapshot 1 a?b?[31m\?\?\nend 1\n");
    memset(label, 'x', sizeof(label));
    label[sizeof(label) - 1] = 0;
    lp_tracer_begin(&tracer, label);
    snprintf(expected, sizeof(expected), "snapshot 2 %.*s\n", LP_TRACER_TEXT,
             label);
    assert_string_equal(written(), expected);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracer_each_event__is_a_line),
        cmocka_unit_test(test_tracer_full_ring__loses_the_newest),
        cmocka_unit_test(test_tracer_many_rounds__none_is_lost),
        cmocka_unit_test(test_tracer_label__is_cut_and_masked),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
