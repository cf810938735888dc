/*
 * sched.c: one queue of runnable threads, and the switch between two.
 *
 * Each CPU has an idle thread that is never in the queue: it is what runs when
 * there is nothing else.  The one place where a CPU changes its address space
 * and its floating-point registers for another thread's is switch_to.
 *
 * Under the kernel lock, which belongs to the CPU across a switch (sched.h).
 */
#include "sched.h"

#include "cpu.h"
#include "process.h"

/* At the low end of every stack; gone when one overflowed. */
#define STACK_MARK 0x6b636174732d706cu

/* A stack that nobody uses. */
struct spare {
    uint64_t mark;
    struct spare *next;
};

/* What a CPU is doing; only `waiting` is of interest to others. */
static struct {
    struct thread *running;
    struct thread *left; /* the thread that it has switched away from */
    uint64_t since;      /* when it switched */
    bool waiting;        /* found no work: kick it when there is some */
} cpus[CPUS_MAX];

static struct thread idle[CPUS_MAX];
static struct {
    struct thread *first, *last;
} ready;
static struct thread *sleepers;
static struct spare *spare_stacks;

struct thread *thread_current(void)
{
    return cpus[arch_cpu()].running;
}

struct process *current(void)
{
    return thread_current()->process;
}

/* --- stacks --- */

/*
 * A stack is several frames in a row, which nobody can have once all memory has
 * been in use.  So some are laid by at boot, and one that was made stays one.
 */
enum { STACK_SHARE = 64 }; /* one part in this many of free memory */

static void stack_put(struct spare *stack)
{
    stack->next = spare_stacks;
    spare_stacks = stack;
}

static struct spare *stack_make(void)
{
    lp_pa pa = frames_get(KERNEL_STACK / PAGE_SIZE);
    struct spare *stack;

    if (pa == LP_PA_NONE)
        return NULL;
    stack = direct(pa);
    stack->mark = STACK_MARK;
    return stack;
}

static struct spare *stack_get(void)
{
    struct spare *stack = spare_stacks;

    if (!stack)
        return stack_make();
    spare_stacks = stack->next;
    return stack;
}

static void reserve_stacks(void)
{
    uint64_t n = frames_free() / STACK_SHARE / (KERNEL_STACK / PAGE_SIZE);
    struct spare *stack;

    while (n-- > 0 && (stack = stack_make()) != NULL)
        stack_put(stack);
}

/* --- the queue --- */

/* A CPU that waits is told that there is something for it. */
static void kick_for(const struct thread *thread)
{
    unsigned cpu, self = arch_cpu();

    for (cpu = 0; cpu < ncpus; cpu++) {
        if (cpu == self || !cpus[cpu].waiting ||
            (thread->pinned >= 0 && (unsigned)thread->pinned != cpu))
            continue;
        cpus[cpu].waiting = false;
        cpu_kick(cpu);
        return;
    }
}

static void enqueue(struct thread *thread)
{
    thread->state = THREAD_READY;
    thread->next = NULL;
    if (ready.first)
        ready.last->next = thread;
    else
        ready.first = thread;
    ready.last = thread;
    kick_for(thread);
}

/* Take the first thread that may run here, or NULL. */
static struct thread *dequeue(unsigned cpu)
{
    struct thread *thread, *before = NULL;

    for (thread = ready.first; thread; before = thread, thread = thread->next)
        if (thread->pinned < 0 || (unsigned)thread->pinned == cpu)
            break;
    if (!thread)
        return NULL;
    if (before)
        before->next = thread->next;
    else
        ready.first = thread->next;
    if (ready.last == thread)
        ready.last = before;
    return thread;
}

/* --- sleep --- */

static void leave_queue(struct thread *thread)
{
    struct thread **link;

    if (!thread->waits)
        return;
    for (link = &thread->waits->first; *link != thread;
         link = &(*link)->next_waiting)
        ;
    *link = thread->next_waiting;
    thread->waits = NULL;
}

static void leave_sleepers(struct thread *thread)
{
    struct thread **link;

    if (!thread->wake_at)
        return;
    for (link = &sleepers; *link != thread; link = &(*link)->next_sleeper)
        ;
    *link = thread->next_sleeper;
    thread->wake_at = 0;
}

static void rouse(struct thread *thread, int why)
{
    leave_queue(thread);
    leave_sleepers(thread);
    thread->woken = why;
    enqueue(thread);
}

static void wake_expired(void)
{
    struct thread *thread, *next;
    uint64_t now;

    if (!sleepers)
        return;
    now = arch_clock();
    for (thread = sleepers; thread; thread = next) {
        next = thread->next_sleeper;
        if (thread->wake_at <= now)
            rouse(thread, -ETIMEDOUT);
    }
}

/* --- the switch --- */

static struct lp_space *space_of(const struct thread *thread)
{
    const struct process *process = thread->process;

    return process && process->vm ? process->vm->space : NULL;
}

/*
 * From a thread without a process to another: the root stays, it is theirs.
 *
 *     from \ to     a space       none
 *     a space       that space    the pager's own root
 *     none          that space    nothing
 */
static void switch_space(const struct thread *from, const struct thread *to)
{
    struct lp_space *old = space_of(from), *new = space_of(to);

    if (new != old)
        lp_activate(the_pager, new);
}

static void leave_cpu(struct thread *thread, uint64_t now)
{
    struct process *process = thread->process;

    if (!process)
        return;
    process->run_time += now - cpus[arch_cpu()].since;
    arch_fpu_save(&process->fpu);
}

uint64_t process_time(const struct process *process)
{
    return process->run_time + (arch_clock() - cpus[arch_cpu()].since);
}

/* The first thing on the other stack: what was left may go now. */
static void arrive(void)
{
    struct thread *left = cpus[arch_cpu()].left;

    ASSERT(!left->stack || *(const uint64_t *)left->stack == STACK_MARK);
    if (left->state != THREAD_DEAD)
        return;
    stack_put(left->stack);
    kfree(left);
}

static void switch_to(struct thread *to)
{
    struct thread *from = thread_current();
    unsigned cpu = arch_cpu();
    bool interrupts;

    ASSERT(kernel_locked());
    to->state = THREAD_RUNNING;
    if (to == from)
        return;
    interrupts = arch_irq_disable();
    leave_cpu(from, arch_clock());
    switch_space(from, to);
    if (to->process)
        arch_fpu_restore(&to->process->fpu);
    to->cpu = cpu;
    cpus[cpu].running = to;
    cpus[cpu].left = from;
    cpus[cpu].since = arch_clock();
    arch_context_switch(&from->context, &to->context);
    arrive();
    arch_irq_restore(interrupts);
}

/* The current thread cannot go on: its state says why. */
static void give_up(void)
{
    struct thread *next;

    wake_expired();
    next = dequeue(arch_cpu());
    switch_to(next ? next : &idle[arch_cpu()]);
}

void thread_yield(void)
{
    struct thread *thread = thread_current(), *next;

    ASSERT(kernel_locked());
    wake_expired();
    next = dequeue(arch_cpu());
    if (!next)
        return;
    enqueue(thread);
    switch_to(next);
}

void thread_pin(int cpu)
{
    struct thread *thread = thread_current();

    ASSERT(kernel_locked() && cpu < (int)ncpus);
    thread->pinned = cpu;
    if (cpu < 0 || (unsigned)cpu == arch_cpu())
        return;
    enqueue(thread);
    give_up();
}

/* --- waiting --- */

static bool disturbed(const struct thread *thread)
{
    if (!thread->process)
        return false;
    return thread->quiet ? signal_killed(thread->process)
                         : signal_pending(thread->process);
}

static int sleep_on(struct wait_queue *queue, uint64_t deadline, bool quiet)
{
    struct thread *thread = thread_current(), **link;

    ASSERT(kernel_locked());
    thread->quiet = quiet;
    if (disturbed(thread))
        return -EINTR;
    if (deadline && arch_clock() >= deadline)
        return -ETIMEDOUT;
    for (link = &queue->first; *link; link = &(*link)->next_waiting)
        ;
    *link = thread;
    thread->next_waiting = NULL;
    thread->waits = queue;
    thread->wake_at = deadline;
    if (deadline) {
        thread->next_sleeper = sleepers;
        sleepers = thread;
    }
    thread->state = THREAD_ASLEEP;
    give_up();
    return thread->woken;
}

int wait_on(struct wait_queue *queue, uint64_t deadline)
{
    return sleep_on(queue, deadline, false);
}

int wait_on_quietly(struct wait_queue *queue)
{
    return sleep_on(queue, 0, true);
}

void wake_all(struct wait_queue *queue)
{
    ASSERT(kernel_locked());
    while (queue->first)
        rouse(queue->first, 0);
}

void thread_interrupt(struct thread *thread)
{
    ASSERT(kernel_locked());
    if (thread->state == THREAD_ASLEEP && disturbed(thread))
        rouse(thread, -EINTR);
    else if (thread->state == THREAD_RUNNING && thread->cpu != arch_cpu())
        cpu_kick(thread->cpu);
}

/* --- life --- */

/* Where a context begins: interrupts off, the kernel lock held. */
struct start {
    void (*entry)(void *arg);
    void *arg;
};

static void begin(void *arg)
{
    struct start start = *(const struct start *)arg;

    arrive();
    arch_irq_enable();
    kernel_unlock();
    start.entry(start.arg);
    kernel_lock();
    thread_exit();
}

struct thread *thread_start(struct process *process, void (*entry)(void *arg),
                            void *arg)
{
    struct thread *thread = kmalloc(sizeof(*thread));
    struct start *start;

    ASSERT(kernel_locked());
    if (!thread)
        return NULL;
    thread->stack = stack_get();
    if (!thread->stack) {
        kfree(thread);
        return NULL;
    }
    /* Above the mark, where begin reads it before the stack is in use. */
    start = (void *)((char *)thread->stack + sizeof(struct spare));
    start->entry = entry;
    start->arg = arg;
    thread->process = process;
    thread->pinned = -1;
    arch_context_init(&thread->context, (char *)thread->stack + KERNEL_STACK,
                      begin, start);
    enqueue(thread);
    return thread;
}

void thread_exit(void)
{
    struct thread *thread = thread_current();

    ASSERT(kernel_locked() && thread->stack);
    thread->process = NULL;
    thread->state = THREAD_DEAD;
    give_up();
    panic("a dead thread runs");
}

void sched_init(void)
{
    unsigned cpu = arch_cpu();

    idle[cpu].state = THREAD_RUNNING;
    idle[cpu].cpu = cpu;
    idle[cpu].pinned = (int)cpu;
    cpus[cpu].running = &idle[cpu];
    if (cpu == 0)
        reserve_stacks();
}

/*
 * No wake-up is lost between the last look at the queue and the wait: `waiting`
 * is set under the lock, so who adds a thread kicks this CPU, and the kick
 * either shows in cpu_resched or ends the wait.
 */
void sched_idle(void)
{
    unsigned cpu = arch_cpu();
    struct thread *next;

    arch_irq_enable();
    for (;;) {
        kernel_lock();
        for (;;) {
            wake_expired();
            next = dequeue(cpu);
            if (!next)
                break;
            switch_to(next);
        }
        cpus[cpu].waiting = true;
        kernel_unlock();
        arch_irq_disable();
        if (cpu_resched())
            arch_irq_enable();
        else
            arch_wait();
    }
}
