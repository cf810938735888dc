/*
 * The two queue locks, in one thread: the one who waits is the test; all
 * others act in its poll, where they take the steps that lock.h's words say
 * they take.
 */
/*
 * One thread plays all CPUs here, so locks are taken and let go in orders that
 * the analysis of one function cannot follow.
 */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

#include "runner.h"

#include "lock.h"

enum { PATIENCE = 10 }; /* polls before a wait counts as for ever */

static struct world {
    struct lp_kernel kernel;
    struct lp_ticket_lock ticket;
    struct lp_rwlock rw;
    void (*step)(unsigned n); /* what the others do at the n-th poll */
    unsigned polls;
    int preempt;
} w;

static void poll(void *ctx)
{
    (void)ctx;
    assert_true(w.preempt > 0);
    w.polls++;
    if (w.polls > PATIENCE)
        fail_msg("waits for ever");
    if (w.step)
        w.step(w.polls);
}

static void preempt_disable(void *ctx)
{
    (void)ctx;
    w.preempt++;
}

static void preempt_enable(void *ctx)
{
    (void)ctx;
    w.preempt--;
}

/* All counters of the locks start here: 0, or just below the wrap. */
static void begin(uint32_t start)
{
    w = (struct world){ .kernel = { .poll = poll,
                                    .preempt_disable = preempt_disable,
                                    .preempt_enable = preempt_enable } };
    atomic_init(&w.ticket.next, start);
    atomic_init(&w.ticket.serving, start);
    atomic_init(&w.rw.win, start);
    atomic_init(&w.rw.wout, start);
    start &= ~(uint32_t)LP_RW_WRITER;
    atomic_init(&w.rw.rin, start);
    atomic_init(&w.rw.rout, start);
}

static const uint32_t starts[] = { 0,
                                   1,
                                   UINT32_MAX,
                                   UINT32_MAX - 1,
                                   UINT32_MAX - 2,
                                   UINT32_MAX - 3,
                                   UINT32_MAX - 7,
                                   (uint32_t)1 << 31 };

#define EACH_START(start)                                              \
    for (unsigned i_ = 0; i_ < sizeof starts / sizeof starts[0]; i_++) \
        for (uint32_t start = starts[i_], once_ = 1; once_; once_ = 0)

/* --- ticket lock --- */

/* Many times in a row, across the wrap: always free again? */
static void test_lock_ticket_uncontended__never_waits(void **state)
{
    unsigned i;

    (void)state;
    EACH_START(start)
    {
        begin(start);
        for (i = 0; i < 10; i++) {
            lp_ticket_lock(&w.kernel, &w.ticket);
            assert_int_equal(w.preempt, 1);
            lp_ticket_unlock(&w.kernel, &w.ticket);
            assert_int_equal(w.preempt, 0);
        }
        assert_int_equal(w.polls, 0);
    }
}

/* The holder lets go, then the one who came before the test does. */
static void holder_then_first(unsigned n)
{
    if (n == 2 || n == 4)
        atomic_fetch_add(&w.ticket.serving, 1);
}

/* Is it first come, first served? */
static void test_lock_ticket_two_before_us__both_are_served_first(void **state)
{
    (void)state;
    EACH_START(start)
    {
        begin(start);
        atomic_fetch_add(&w.ticket.next, 2); /* the holder, and one waiting */
        w.step = holder_then_first;
        lp_ticket_lock(&w.kernel, &w.ticket);
        assert_int_equal(w.polls, 4);
        lp_ticket_unlock(&w.kernel, &w.ticket);
        assert_int_equal(atomic_load(&w.ticket.next),
                         atomic_load(&w.ticket.serving));
        assert_int_equal(w.preempt, 0);
    }
}

/* --- reader/writer lock --- */

/* Do readers share it, and does everybody find it free after? */
static void test_lock_readers__share_it(void **state)
{
    unsigned i;

    (void)state;
    EACH_START(start)
    {
        begin(start);
        for (i = 0; i < 5; i++)
            lp_read_lock(&w.kernel, &w.rw);
        assert_true(lp_locked(&w.rw));
        assert_false(lp_locked_writing(&w.rw));
        for (i = 0; i < 5; i++)
            lp_read_unlock(&w.kernel, &w.rw);
        assert_false(lp_locked(&w.rw));
        assert_int_equal(w.polls, 0);
        assert_int_equal(w.preempt, 0);
    }
}

/* Readers and writers take turns across the wrap of every counter. */
static void test_lock_alternating_across_the_wrap__never_waits(void **state)
{
    unsigned i;

    (void)state;
    EACH_START(start)
    {
        begin(start);
        for (i = 0; i < 12; i++) {
            lp_write_lock(&w.kernel, &w.rw);
            assert_true(lp_locked_writing(&w.rw));
            lp_write_unlock(&w.kernel, &w.rw);
            assert_false(lp_locked(&w.rw));
            lp_read_lock(&w.kernel, &w.rw);
            assert_false(lp_locked_writing(&w.rw));
            assert_true(lp_locked(&w.rw));
            lp_read_unlock(&w.kernel, &w.rw);
            assert_false(lp_locked(&w.rw));
        }
        assert_int_equal(w.polls, 0);
        assert_int_equal(w.preempt, 0);
    }
}

static void two_readers_leave(unsigned n)
{
    if (n == 2) /* a third reader comes: it has to wait for the writer */
        atomic_fetch_add(&w.rw.rin, LP_RW_READER);
    if (n == 3 || n == 5)
        lp_read_unlock(&w.kernel, &w.rw);
}

/* Does a writer wait for the readers before it, and for no other? */
static void test_lock_writer__waits_for_earlier_readers_only(void **state)
{
    (void)state;
    EACH_START(start)
    {
        begin(start);
        lp_read_lock(&w.kernel, &w.rw);
        lp_read_lock(&w.kernel, &w.rw);
        w.step = two_readers_leave;
        lp_write_lock(&w.kernel, &w.rw);
        assert_int_equal(w.polls, 5);
        w.step = NULL;
        lp_write_unlock(&w.kernel, &w.rw);
        atomic_fetch_add(&w.rw.rout, LP_RW_READER); /* the third one */
        lp_write_lock(&w.kernel, &w.rw);
        assert_int_equal(w.polls, 5);
        lp_write_unlock(&w.kernel, &w.rw);
    }
}

/* The writer at work goes, and the next is there before we look again. */
static void writer_follows_writer(unsigned n)
{
    uint32_t ticket;

    if (n != 3)
        return;
    ticket = atomic_fetch_add(&w.rw.win, 1);
    lp_write_unlock(&w.kernel, &w.rw);
    assert_int_equal(atomic_load(&w.rw.wout), ticket);
    atomic_fetch_add(&w.rw.rin, LP_RW_PRESENT | (ticket & LP_RW_PHASE));
}

/* Phase-fair: does a reader wait for one writer, not for the next as well? */
static void test_lock_reader_between_two_writers__waits_for_one(void **state)
{
    (void)state;
    EACH_START(start)
    {
        begin(start);
        lp_write_lock(&w.kernel, &w.rw);
        w.step = writer_follows_writer;
        lp_read_lock(&w.kernel, &w.rw);
        assert_int_equal(w.polls, 3);
        lp_read_unlock(&w.kernel, &w.rw);
        assert_int_equal(w.preempt, 0);
    }
}

static void writer_leaves(unsigned n)
{
    if (n == 4)
        lp_write_unlock(&w.kernel, &w.rw);
}

/* Does a reader stay out for as long as a writer is in? */
static void test_lock_reader__waits_for_the_writer(void **state)
{
    (void)state;
    EACH_START(start)
    {
        begin(start);
        lp_write_lock(&w.kernel, &w.rw);
        w.step = writer_leaves;
        lp_read_lock(&w.kernel, &w.rw);
        assert_int_equal(w.polls, 4);
        lp_read_unlock(&w.kernel, &w.rw);
        assert_false(lp_locked(&w.rw));
    }
}

/* The writer at work leaves, then the one before us. */
static void two_writers_leave(unsigned n)
{
    if (n == 2)
        lp_write_unlock(&w.kernel, &w.rw);
    if (n == 4)
        atomic_fetch_add(&w.rw.wout, 1);
}

/* Are writers served in the order in which they came? */
static void test_lock_writers__are_served_in_order(void **state)
{
    (void)state;
    EACH_START(start)
    {
        begin(start);
        lp_write_lock(&w.kernel, &w.rw);
        atomic_fetch_add(&w.rw.win, 1); /* one before us */
        w.step = two_writers_leave;
        lp_write_lock(&w.kernel, &w.rw);
        assert_int_equal(w.polls, 4);
        lp_write_unlock(&w.kernel, &w.rw);
        assert_false(lp_locked(&w.rw));
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_ticket_uncontended__never_waits),
        cmocka_unit_test(test_lock_ticket_two_before_us__both_are_served_first),
        cmocka_unit_test(test_lock_readers__share_it),
        cmocka_unit_test(test_lock_alternating_across_the_wrap__never_waits),
        cmocka_unit_test(test_lock_writer__waits_for_earlier_readers_only),
        cmocka_unit_test(test_lock_reader_between_two_writers__waits_for_one),
        cmocka_unit_test(test_lock_reader__waits_for_the_writer),
        cmocka_unit_test(test_lock_writers__are_served_in_order),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
