/*
 * cpu.c: the CPUs: requests to each other, ticks, and the kernel lock.
 *
 * A request is one mailbox for each sender.  The sender counts the CPUs that
 * have not answered and serves its own interrupts while it waits, so two CPUs
 * may ask each other at the same moment.
 */
#include "cpu.h"

#include "arch.h"

atomic_uint ncpus = 1;

void cpu_arrived(void)
{
    ASSERT(arch_cpu() == ncpus);
    atomic_fetch_add(&ncpus, 1);
}

/* What a CPU asks of others.  Reused when all have answered. */
struct request {
    void (*fn)(void *arg);
    void *arg;
    atomic_uint left; /* CPUs that have not done it */
};

static struct cpu {
    struct request request;
    atomic_uint asked;   /* bit n: CPU n's request waits for us */
    atomic_uint resched; /* 0 or 1; a byte would need libatomic */
} cpus[CPUS_MAX];

void cpu_request(void)
{
    struct cpu *cpu = &cpus[arch_cpu()];
    unsigned asked = atomic_exchange(&cpu->asked, 0), from;

    for (from = 0; from < CPUS_MAX; from++) {
        struct request *request = &cpus[from].request;

        if (!(asked >> from & 1))
            continue;
        request->fn(request->arg);
        atomic_fetch_sub(&request->left, 1);
    }
}

/* Ask every CPU of the set that has arrived; one that does meanwhile has not. */
static void send(struct request *request, uint64_t set, unsigned self)
{
    unsigned cpu, n = ncpus;

    for (cpu = 0; cpu < n; cpu++)
        if (set >> cpu & 1)
            atomic_fetch_add(&request->left, 1);
    for (cpu = 0; cpu < n; cpu++)
        if (set >> cpu & 1) {
            atomic_fetch_or(&cpus[cpu].asked, 1u << self);
            arch_send_ipi(cpu);
        }
}

void cpu_call(void *ctx, const struct lp_cpuset *set, void (*fn)(void *arg),
              void *arg)
{
    unsigned self = arch_cpu();
    struct request *request = &cpus[self].request;

    (void)ctx;
    ASSERT(atomic_load(&request->left) == 0);
    request->fn = fn;
    request->arg = arg;
    send(request, set->word[0] & ~((uint64_t)1 << self), self);
    while (atomic_load(&request->left) != 0)
        arch_pause();
}

void cpu_tick(void)
{
    atomic_store(&cpus[arch_cpu()].resched, 1);
}

bool cpu_resched(void)
{
    return atomic_exchange(&cpus[arch_cpu()].resched, 0);
}

void cpu_kick(unsigned cpu)
{
    atomic_store(&cpus[cpu].resched, 1);
    if (cpu != arch_cpu())
        arch_send_ipi(cpu);
}

/* --- the kernel lock: tickets, so that no CPU starves --- */

static atomic_uint next_ticket, serving;
static atomic_int owner = -1;

void kernel_lock(void)
{
    unsigned ticket = atomic_fetch_add(&next_ticket, 1);

    ASSERT(!kernel_locked());
    while (atomic_load_explicit(&serving, memory_order_acquire) != ticket)
        arch_pause();
    atomic_store(&owner, (int)arch_cpu());
}

void kernel_unlock(void)
{
    ASSERT(kernel_locked());
    atomic_store(&owner, -1);
    atomic_fetch_add_explicit(&serving, 1, memory_order_release);
}

bool kernel_locked(void)
{
    return atomic_load(&owner) == (int)arch_cpu();
}
