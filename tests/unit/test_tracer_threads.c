/*
 * The tracer's ring: several threads record while one drains.
 */
#include "runner.h"

#include "tracer.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, EVENTS = 20000, SLOTS = 64 };

static struct lp_tracer tracer;
static struct lp_tracer_slot slots[SLOTS];
static _Atomic unsigned running;

/* What came out: for each thread the last number and how many. */
static struct {
    uint64_t last, count;
} seen[THREADS];
static uint64_t lost;
static const char *wrong;

/* "munmap N CPU SPACE VA LEN OK": the thread is SPACE, its number VA. */
static void emit(void *ctx, const char *line, size_t len)
{
    unsigned long long n, thread, va;
    unsigned cpu;
    char text[LP_TRACER_LINE + 1];

    (void)ctx;
    memcpy(text, line, len);
    text[len] = 0;
    if (sscanf(text, "lost %llu", &n) == 1) {
        lost += n;
        return;
    }
    if (sscanf(text, "munmap %llu %u %llu %llx", &n, &cpu, &thread, &va) != 4)
        return;
    if (thread >= THREADS || cpu != thread || va <= seen[thread].last) {
        wrong = "an event that was not recorded, or not in this order";
        return;
    }
    seen[thread].last = va;
    seen[thread].count++;
}

static void *work(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;

    for (uint64_t i = 1; i <= EVENTS; i++)
        lp_tracer_record(&tracer, thread,
                         &(struct lp_trace){ .kind = LP_TRACE_MUNMAP,
                                             .space_id = thread,
                                             .va = i,
                                             .len = i });
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* Does every event come out once and in its thread's order, or is counted? */
static void test_tracer_threads__each_event_once(void **state)
{
    static const struct lp_arch arch = { .name = "tiny" };
    pthread_t threads[THREADS];
    uint64_t count = 0;
    uintptr_t i;

    (void)state;
    lp_tracer_start(&tracer, slots, SLOTS, emit, NULL, &arch);
    atomic_store(&running, THREADS);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    while (atomic_load(&running))
        lp_tracer_drain(&tracer);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    lp_tracer_end(&tracer);
    assert_null(wrong);
    for (i = 0; i < THREADS; i++)
        count += seen[i].count;
    assert_int_equal(count + lost, THREADS * EVENTS);
    assert_true(count >= SLOTS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracer_threads__each_event_once),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
