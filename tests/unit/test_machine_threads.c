/*
 * The host machine with a thread for each CPU: mailboxes, binding, deadlocks.
 */
#include "machine_kit.h"

#include "machine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPUS = 4, ROUNDS = 500 };

static struct kit *threaded(const struct kit_format *f)
{
    struct lp_host_config config = {
        .ncpus = CPUS,
        .flags = LP_HOST_THREADS,
        .deadlock_seconds = 60,
    };

    return kit_create_config(f, f->rw, config);
}

/* What the threads of a test share. */
struct shared {
    struct kit *kit;
    _Atomic unsigned next_cpu;
    _Atomic unsigned arrived;
    _Atomic unsigned served;
    _Atomic bool stop;
};

static void everyone(struct shared *s, void *(*fn)(void *))
{
    pthread_t threads[CPUS];
    unsigned i;

    for (i = 0; i < CPUS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fn, s), 0);
    for (i = 0; i < CPUS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static unsigned take_cpu(struct shared *s)
{
    unsigned cpu = atomic_fetch_add(&s->next_cpu, 1);

    lp_host_cpu_bind(s->kit->m, cpu);
    return cpu;
}

/* Wait for the others; answer calls meanwhile. */
static void meet(struct shared *s, unsigned n)
{
    atomic_fetch_add(&s->arrived, 1);
    while (atomic_load(&s->arrived) < n)
        lp_host_cpu_idle(s->kit->m);
}

static void count(void *arg)
{
    struct shared *s = arg;

    atomic_fetch_add(&s->served, 1);
}

static void *call_all(void *arg)
{
    struct shared *s = arg;
    const struct lp_kernel *k = s->kit->kernel;
    struct lp_cpuset others = { { 0 } };
    unsigned cpu = take_cpu(s), i;

    others.word[0] = ((1u << CPUS) - 1) & ~(1u << cpu);
    for (i = 0; i < ROUNDS; i++) {
        k->preempt_disable(k->ctx);
        k->call_cpus(k->ctx, &others, count, s);
        k->preempt_enable(k->ctx);
    }
    lp_host_cpu_unbind(s->kit->m);
    return NULL;
}

/* All CPUs call all others at once, and some leave early: is each call run? */
static void test_threads_calls_crossing__all_are_served(void **state)
{
    struct shared s = { .kit = threaded(kit_format("x86-64")) };
    struct lp_host_stats stats;

    (void)state;
    everyone(&s, call_all);
    assert_int_equal(atomic_load(&s.served), CPUS * (CPUS - 1) * ROUNDS);
    lp_host_read_stats(s.kit->m, &stats);
    assert_int_equal(stats.calls, CPUS * (CPUS - 1) * ROUNDS);
    kit_destroy(s.kit);
}

static void *read_and_add(void *arg)
{
    struct shared *s = arg;
    struct kit *kit = s->kit;
    unsigned i;

    take_cpu(s);
    kit_activate(kit, 1, true);
    meet(s, CPUS);
    for (i = 0; i < ROUNDS; i++)
        if (lp_host_fetch_add(kit->m, kit->f->va, 1, NULL) != LP_HOST_OK ||
            kit_write(kit, 64) != LP_HOST_OK || kit_read(kit, 61) != LP_HOST_OK)
            break;
    lp_host_cpu_unbind(kit->m);
    return NULL;
}

/* Programs on all CPUs race in one page: no report, and no addition lost? */
static void test_threads_programs_racing__lose_no_addition(void **state)
{
    uint64_t sum;

    (void)state;
    KIT_EACH(f)
    {
        struct shared s = { .kit = threaded(f) };

        everyone(&s, read_and_add);
        memcpy(&sum, lp_host_memory(s.kit->m, s.kit->page), sizeof sum);
        assert_int_equal(sum, CPUS * ROUNDS);
        kit_destroy(s.kit);
    }
}

static void flush_here(void *arg)
{
    struct kit *kit = arg;
    struct lp_flush what = { LP_FLUSH_RANGE, false, 1, kit->f->va,
                             kit->f->va + LP_PAGE_SIZE };

    kit->arch->flush(kit->arch->ctx, &what);
}

static int wait_for_page(struct kit *kit, const struct lp_fault *fault)
{
    (void)fault;
    kit->kernel->preempt_disable(kit->kernel->ctx);
    kit->kernel->poll(kit->kernel->ctx);
    flush_here(kit);
    kit->kernel->preempt_enable(kit->kernel->ctx);
    return atomic_load((_Atomic uint64_t *)kit_slot(kit, 0)) == 0;
}

/* CPU 0 revokes the page and frees it, over and over; the others read it. */
static void take_back(struct shared *s)
{
    struct kit *kit = s->kit;
    const struct lp_kernel *k = kit->kernel;
    _Atomic uint64_t *slot = (_Atomic uint64_t *)kit_slot(kit, 0);
    struct lp_cpuset others = { { ((1u << CPUS) - 1) & ~1u } };
    lp_pa page = kit->page;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        atomic_store(slot, 0);
        k->preempt_disable(k->ctx);
        flush_here(kit);
        k->call_cpus(k->ctx, &others, flush_here, kit);
        k->preempt_enable(k->ctx);
        k->frame_free(k->ctx, page);
        if (k->frame_alloc(k->ctx, LP_FRAME_ZEROED, &page))
            break;
        atomic_store(slot, kit_entry(kit, page, kit->f->rw));
    }
    atomic_store(&s->stop, true);
}

static void *read_until_stop(void *arg)
{
    struct shared *s = arg;
    unsigned cpu = take_cpu(s);

    kit_activate(s->kit, 1, true);
    meet(s, CPUS);
    if (cpu == 0)
        take_back(s);
    while (!atomic_load(&s->stop))
        (void)kit_write(s->kit, 8);
    lp_host_cpu_unbind(s->kit->m);
    return NULL;
}

static int kit_fault_threads(void *ctx, const struct lp_fault *fault,
                             struct lp_fault_result *result)
{
    if (wait_for_page(ctx, fault) == 0)
        return 0;
    result->code = LP_FAULT_MAPERR;
    return -LP_EFAULT;
}

static struct kit *threaded_with_handler(const struct kit_format *f)
{
    struct kit *kit = threaded(f);

    kit->m->config.fault = kit_fault_threads;
    return kit;
}

/* Clear, flush everywhere, free: is that enough on every format? */
static void test_threads_revoke_while_used__no_oracle_bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct shared s = { .kit = threaded_with_handler(f) };

        everyone(&s, read_until_stop);
        kit_destroy(s.kit);
    }
}

/* Is a CPU without a thread served by whoever calls it, as that CPU? */
static void test_threads_unbound_cpu__is_served_by_the_caller(void **state)
{
    const struct kit_format *f = kit_format("sv39");
    struct kit *kit = threaded(f);
    struct lp_cpuset set = { { 2 } };

    (void)state;
    lp_host_cpu_bind(kit->m, 1);
    kit_activate(kit, 1, true);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    lp_host_cpu_unbind(kit->m);

    lp_host_cpu_bind(kit->m, 0);
    atomic_store((_Atomic uint64_t *)kit_slot(kit, 0), 0);
    kit->kernel->preempt_disable(kit->kernel->ctx);
    kit->kernel->call_cpus(kit->kernel->ctx, &set, flush_here, kit);
    kit->kernel->preempt_enable(kit->kernel->ctx);
    assert_int_equal(lp_host_cpu(kit->m), 0);
    kit_free(kit, kit->page);
    lp_host_cpu_unbind(kit->m);
    kit_destroy(kit);
}

/* The same without the flush: does the free find CPU 1's TLB? */
static void test_threads_unbound_cpu_not_flushed__bites(void **state)
{
    struct kit *kit = threaded(kit_format("sv39"));

    (void)state;
    lp_host_cpu_bind(kit->m, 1);
    kit_activate(kit, 1, true);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    lp_host_cpu_unbind(kit->m);

    lp_host_cpu_bind(kit->m, 0);
    kit_free(kit, kit->page);
    kit_expect(kit, "freed while CPU 1 still has it");
    lp_host_cpu_unbind(kit->m);
    kit_destroy(kit);
}

/* --- deadlocks, in a child process, since the machine aborts --- */

static void exit_by_message(void *ctx, const char *message)
{
    _exit(strstr(message, ctx) ? 42 : 1);
}

/* Bound, but neither runs a program nor polls. */
static void *deaf(void *arg)
{
    struct shared *s = arg;

    lp_host_cpu_bind(s->kit->m, 1);
    atomic_store(&s->stop, true);
    for (;;)
        pause();
    return NULL;
}

static struct lp_host *impatient(const char *text)
{
    struct lp_host_config config = {
        .ncpus = 2,
        .flags = LP_HOST_THREADS,
        .deadlock_seconds = 1,
        .ctx = (void *)(uintptr_t)text,
        .failed = exit_by_message,
    };

    return lp_host_create(&config);
}

static void call_the_deaf(void)
{
    struct kit kit = { .m = impatient("CPU 0 waits for CPU 1") };
    struct shared s = { .kit = &kit };
    const struct lp_kernel *k = lp_host_kernel(kit.m);
    pthread_t thread;

    if (pthread_create(&thread, NULL, deaf, &s))
        _exit(2);
    while (!atomic_load(&s.stop))
        usleep(1000);
    lp_host_cpu_bind(kit.m, 0);
    k->preempt_disable(k->ctx);
    k->call_cpus(k->ctx, &(struct lp_cpuset){ { 2 } }, count, &s);
}

static void poll_for_ever(void)
{
    struct lp_host *m = impatient("a lock does not come");
    const struct lp_kernel *k = lp_host_kernel(m);

    lp_host_cpu_bind(m, 0);
    k->preempt_disable(k->ctx);
    for (;;)
        k->poll(k->ctx);
}

static void expect_exit_42(void (*child)(void))
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        child();
        _exit(3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

/* Is a call that nobody answers reported, with who waits for whom? */
static void test_threads_call_not_answered__is_a_deadlock(void **state)
{
    (void)state;
    expect_exit_42(call_the_deaf);
}

/* Is a lock that never comes reported? */
static void test_threads_poll_for_ever__is_a_deadlock(void **state)
{
    (void)state;
    expect_exit_42(poll_for_ever);
}

/* A thread that forgot to bind? */
static void test_threads_unbound_thread__bites(void **state)
{
    struct kit *kit = threaded(kit_format("x86-64"));

    (void)state;
    (void)lp_host_cpu(kit->m);
    kit_expect(kit, "bound to no CPU");
    kit_destroy(kit);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_calls_crossing__all_are_served),
        cmocka_unit_test(test_threads_programs_racing__lose_no_addition),
        cmocka_unit_test(test_threads_revoke_while_used__no_oracle_bites),
        cmocka_unit_test(test_threads_unbound_cpu__is_served_by_the_caller),
        cmocka_unit_test(test_threads_unbound_cpu_not_flushed__bites),
        cmocka_unit_test(test_threads_call_not_answered__is_a_deadlock),
        cmocka_unit_test(test_threads_poll_for_ever__is_a_deadlock),
        cmocka_unit_test(test_threads_unbound_thread__bites),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
