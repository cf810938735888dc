/*
 * cpus.c: the virtual CPUs, and how they call each other.
 *
 * Without LP_HOST_THREADS a CPU is a number that the test sets; a cross-CPU
 * call switches to each target, runs the function there, and switches back.
 *
 * With it, a CPU is a thread.  A call is put into the target's mailbox; the
 * target serves it between two accesses, in poll, and while it waits for a
 * call of its own, which is what a kernel with interrupts enabled does.  A
 * CPU that no thread is bound to cannot answer: whoever calls it takes its
 * `running` flag, which is what binding does too, and serves the mailbox as
 * that CPU.  So a mailbox is served by exactly one thread at a time, and a
 * thread that binds later finds it served or still full.
 */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLLS_BEFORE_CLOCK = 1 << 16 };

static _Thread_local struct lp_host_cpu *bound;

struct lp_host_cpu *lp_host_this_cpu(struct lp_host *m)
{
    if (!m->threads)
        return &m->cpus[m->current];
    if (bound && bound->m == m)
        return bound;
    lp_host_fail(m, "a thread that is bound to no CPU uses the machine");
    return &m->cpus[0];
}

void lp_host_lock(struct lp_host_cpu *cpu)
{
    if (!cpu->m->threads)
        return;
    while (atomic_exchange_explicit(&cpu->locked, 1, memory_order_acquire))
        sched_yield();
}

void lp_host_unlock(struct lp_host_cpu *cpu)
{
    if (cpu->m->threads)
        atomic_store_explicit(&cpu->locked, 0, memory_order_release);
}

bool lp_host_cpus_create(struct lp_host *m)
{
    struct lp_host_cpu *cpu;
    unsigned i;

    m->cpus = calloc(m->config.ncpus, sizeof *m->cpus);
    if (!m->cpus)
        return false;
    for (i = 0; i < m->config.ncpus; i++) {
        cpu = &m->cpus[i];
        cpu->m = m;
        cpu->number = i;
        cpu->random = m->config.seed + i + 1;
        pthread_mutex_init(&cpu->mailbox, NULL);
    }
    return true;
}

void lp_host_cpus_destroy(struct lp_host *m)
{
    unsigned i;

    if (!m->cpus)
        return;
    for (i = 0; i < m->config.ncpus; i++) {
        lp_host_drop_asids(&m->cpus[i]);
        lp_host_icache_drop(&m->cpus[i]);
        pthread_mutex_destroy(&m->cpus[i].mailbox);
    }
    free(m->cpus);
}

void lp_host_cpu_set(struct lp_host *m, unsigned cpu)
{
    if (cpu >= m->config.ncpus || m->threads)
        lp_host_fail(m, "CPU %u cannot be made current", cpu);
    else
        m->current = cpu;
}

unsigned lp_host_cpu(struct lp_host *m)
{
    return lp_host_this_cpu(m)->number;
}

static struct lp_host_call *next_call(struct lp_host_cpu *cpu)
{
    struct lp_host_call *call;

    pthread_mutex_lock(&cpu->mailbox);
    call = cpu->calls;
    if (call)
        cpu->calls = call->next;
    atomic_store_explicit(&cpu->pending, cpu->calls != NULL,
                          memory_order_relaxed);
    pthread_mutex_unlock(&cpu->mailbox);
    return call;
}

void lp_host_serve(struct lp_host_cpu *cpu)
{
    struct lp_host_call *call;

    if (!atomic_load_explicit(&cpu->pending, memory_order_relaxed))
        return;
    while ((call = next_call(cpu))) {
        cpu->interrupt++;
        cpu->stats.calls++;
        call->fn(call->arg);
        cpu->interrupt--;
        /* The call is its caller's stack: not a word after this. */
        atomic_store_explicit(&call->done, 1, memory_order_release);
    }
}

static bool try_become(struct lp_host_cpu *cpu)
{
    uint32_t free = 0;

    return atomic_compare_exchange_strong_explicit(
        &cpu->running, &free, 1, memory_order_acquire, memory_order_relaxed);
}

static void leave(struct lp_host_cpu *cpu)
{
    atomic_store_explicit(&cpu->running, 0, memory_order_release);
}

void lp_host_cpu_bind(struct lp_host *m, unsigned cpu)
{
    if (!m->threads) {
        lp_host_cpu_set(m, cpu);
        return;
    }
    if (bound || cpu >= m->config.ncpus) {
        lp_host_fail(m, "CPU %u cannot be bound", cpu);
        return;
    }
    while (!try_become(&m->cpus[cpu]))
        sched_yield();
    bound = &m->cpus[cpu];
    lp_host_serve(bound);
}

void lp_host_cpu_unbind(struct lp_host *m)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);

    if (!m->threads)
        return;
    if (cpu->preempt)
        lp_host_fail(m, "CPU %u is left with preemption off", cpu->number);
    lp_host_serve(cpu);
    bound = NULL;
    leave(cpu);
}

void lp_host_cpu_idle(struct lp_host *m)
{
    if (!m->threads)
        return;
    lp_host_serve(lp_host_this_cpu(m));
    sched_yield();
}

/* --- cross-CPU calls --- */

static void post(struct lp_host_cpu *target, struct lp_host_call *call)
{
    pthread_mutex_lock(&target->mailbox);
    call->next = target->calls;
    target->calls = call;
    atomic_store_explicit(&target->pending, 1, memory_order_relaxed);
    pthread_mutex_unlock(&target->mailbox);
}

/* If nobody is that CPU, be it for a moment. */
static void serve_for(struct lp_host_cpu *self, struct lp_host_cpu *target)
{
    if (!try_become(target))
        return;
    bound = target;
    lp_host_serve(target);
    bound = self;
    leave(target);
}

static _Noreturn void deadlock(struct lp_host_cpu *self)
{
    struct lp_host *m = self->m;
    char text[256] = "";
    size_t used = 0;
    unsigned i, target;

    for (i = 0; i < m->config.ncpus && used + 32 < sizeof text; i++) {
        target = atomic_load(&m->cpus[i].waits_for);
        if (target)
            used +=
                (size_t)snprintf(text + used, sizeof text - used,
                                 ", CPU %u waits for CPU %u", i, target - 1);
    }
    lp_host_fail(m, "deadlock on CPU %u: %s%s", self->number,
                 atomic_load(&self->waits_for) ? "a call is not answered"
                                               : "a lock does not come",
                 text);
    abort();
}

static void wait_for(struct lp_host_cpu *self, struct lp_host_cpu *target,
                     struct lp_host_call *call)
{
    uint64_t start = lp_host_now_ms();
    uint64_t limit = self->m->config.deadlock_seconds * UINT64_C(1000);

    atomic_store_explicit(&self->waits_for, target->number + 1,
                          memory_order_relaxed);
    while (!atomic_load_explicit(&call->done, memory_order_acquire)) {
        lp_host_serve(self);
        serve_for(self, target);
        sched_yield();
        if (lp_host_now_ms() - start > limit)
            deadlock(self);
    }
    atomic_store_explicit(&self->waits_for, 0, memory_order_relaxed);
}

static void call_threads(struct lp_host_cpu *self, const struct lp_cpuset *cpus,
                         void (*fn)(void *arg), void *arg)
{
    struct lp_host *m = self->m;
    struct lp_host_call calls[LP_HOST_CPUS_MAX];
    unsigned i;

    for (i = 0; i < m->config.ncpus; i++) {
        if (!(cpus->word[i / 64] >> (i % 64) & 1))
            continue;
        calls[i].fn = fn;
        calls[i].arg = arg;
        atomic_init(&calls[i].done, 0);
        post(&m->cpus[i], &calls[i]);
    }
    for (i = 0; i < m->config.ncpus; i++)
        if (cpus->word[i / 64] >> (i % 64) & 1)
            wait_for(self, &m->cpus[i], &calls[i]);
}

/* One thread: switch to each in turn. */
static void call_here(struct lp_host_cpu *self, const struct lp_cpuset *cpus,
                      void (*fn)(void *arg), void *arg)
{
    struct lp_host *m = self->m;
    unsigned i;

    for (i = 0; i < m->config.ncpus; i++) {
        if (!(cpus->word[i / 64] >> (i % 64) & 1))
            continue;
        m->current = i;
        m->cpus[i].interrupt++;
        m->cpus[i].stats.calls++;
        fn(arg);
        m->cpus[i].interrupt--;
        m->current = self->number;
        lp_host_speculate(m);
    }
}

static bool only_cpus_we_have(const struct lp_host *m,
                              const struct lp_cpuset *cpus)
{
    unsigned i;

    for (i = m->config.ncpus; i < LP_CPUS_MAX; i++)
        if (cpus->word[i / 64] >> (i % 64) & 1)
            return false;
    return true;
}

/* Is this set one that the library may name now? */
static bool set_ok(struct lp_host_cpu *self, const struct lp_cpuset *cpus,
                   const char *what)
{
    struct lp_host *m = self->m;

    lp_host_speculate(m);
    lp_host_expect_preempt_off(self, what);
    if (self->interrupt)
        lp_host_fail(m, "CPU %u: %s inside a cross-CPU call", self->number,
                     what);
    if (cpus->word[self->number / 64] >> (self->number % 64) & 1)
        lp_host_fail(m, "CPU %u: %s names the calling CPU", self->number, what);
    else if (!only_cpus_we_have(m, cpus))
        lp_host_fail(m, "%s names a CPU that does not exist", what);
    else
        return true;
    return false;
}

static void call_cpus(void *ctx, const struct lp_cpuset *cpus,
                      void (*fn)(void *arg), void *arg)
{
    struct lp_host *m = ctx;
    struct lp_host_cpu *self = lp_host_this_cpu(m);

    if (!set_ok(self, cpus, "call_cpus"))
        return;
    if (m->threads)
        call_threads(self, cpus, fn, arg);
    else
        call_here(self, cpus, fn, arg);
}

static void fence_cpus(void *ctx, const struct lp_cpuset *cpus,
                       const struct lp_flush *what, unsigned n)
{
    struct lp_host *m = ctx;

    if (n < 1 || n > LP_FENCES_MAX)
        lp_host_fail(m, "fence_cpus with %u descriptions", n);
    else if (set_ok(lp_host_this_cpu(m), cpus, "fence_cpus"))
        lp_host_fence(m, cpus, what, n);
    lp_host_speculate(m);
}

static void sync_code_cpus(void *ctx, const struct lp_cpuset *cpus)
{
    struct lp_host *m = ctx;
    unsigned i;

    if (!set_ok(lp_host_this_cpu(m), cpus, "sync_code_cpus"))
        return;
    for (i = 0; i < m->config.ncpus; i++)
        if (cpus->word[i / 64] >> (i % 64) & 1)
            lp_host_icache_fence(&m->cpus[i]);
}

/* --- the rest of struct lp_kernel --- */

void lp_host_expect_preempt_off(struct lp_host_cpu *cpu, const char *what)
{
    if (cpu->preempt == 0 && cpu->interrupt == 0)
        lp_host_fail(cpu->m, "CPU %u: %s with preemption on", cpu->number,
                     what);
}

static unsigned cpu_number(void *ctx)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(ctx);

    lp_host_expect_preempt_off(cpu, "cpu()");
    return cpu->number;
}

static void poll(void *ctx)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(ctx);
    uint64_t limit = cpu->m->config.deadlock_seconds * UINT64_C(1000);

    lp_host_serve(cpu);
    if (cpu->m->threads)
        sched_yield();
    if (cpu->polls++ == 0)
        cpu->poll_start = lp_host_now_ms();
    if (cpu->polls % POLLS_BEFORE_CLOCK == 0 &&
        lp_host_now_ms() - cpu->poll_start > limit)
        deadlock(cpu);
}

static void preempt_disable(void *ctx)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(ctx);

    cpu->preempt++;
    cpu->polls = 0;
}

static void preempt_enable(void *ctx)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(ctx);

    cpu->polls = 0;
    lp_host_speculate(cpu->m);
    if (cpu->preempt == 0)
        lp_host_fail(cpu->m,
                     "CPU %u: preemption enabled, but it was not "
                     "disabled",
                     cpu->number);
    else
        cpu->preempt--;
}

static bool low_memory(void *ctx)
{
    struct lp_host *m = ctx;

    if (lp_host_this_cpu(m)->preempt)
        lp_host_fail(m, "low_memory with preemption off");
    return m->config.low_memory && m->config.low_memory(m->config.ctx);
}

static void assert_failed(void *ctx, const char *what, const char *file,
                          int line, uint64_t a, uint64_t b)
{
    lp_host_fail(ctx, "assertion of the library: %s at %s:%d (0x%llx, 0x%llx)",
                 what, file, line, (unsigned long long)a,
                 (unsigned long long)b);
    abort();
}

static void trace(void *ctx, const struct lp_trace *event)
{
    struct lp_host *m = ctx;

    m->config.trace(m->config.ctx, event);
}

void lp_host_kernel_init(struct lp_host *m)
{
    struct lp_kernel *k = &m->kernel;

    k->ctx = m;
    lp_host_frames_kernel(m);
    k->ncpus = m->config.ncpus;
    k->cpu = cpu_number;
    if (m->config.flags & LP_HOST_FENCES)
        k->fence_cpus = fence_cpus;
    if (m->config.flags & LP_HOST_FENCES && m->config.flags & LP_HOST_ICACHE)
        k->sync_code_cpus = sync_code_cpus;
    if (!(m->config.flags & LP_HOST_FENCES))
        k->call_cpus = call_cpus;
    k->poll = poll;
    k->preempt_disable = preempt_disable;
    k->preempt_enable = preempt_enable;
    k->low_memory = low_memory;
    k->assert_failed = assert_failed;
    k->trace = m->config.trace ? trace : NULL;
}
