/*
 * world.c: the machine under the explorer: mailboxes, interrupts, set-up and
 * the final accounts of every run.
 */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 512 };

void lp_step(const char *file, int line);

struct world world;

/* A cross-CPU call; lives on the caller's stack. */
struct call {
    void (*fn)(void *arg);
    void *arg;
    bool done;
    struct call *next;
};

static struct {
    struct call *calls[COROUTINES_MAX];
    bool masked[COROUTINES_MAX];     /* interrupts are off */
    unsigned cpu_of[COROUTINES_MAX]; /* who it is: itself, or served for */
    bool serving[COROUTINES_MAX];    /* by CPU */
    unsigned eager;                  /* 1 / chance of an interrupt; 0: never */
    uint64_t random;
    const struct options *options;
} state;

static uint32_t scratch[FRAMES];

/* --- failing ------------------------------------------------------------- */

static void print_plan(FILE *out)
{
    const struct plan *plan = &state.options->plan;
    unsigned i;

    fprintf(out, "replay: interleave --scenario %s --format %s --seed %llu",
            world.scenario->name, world.format,
            (unsigned long long)state.options->seed);
    if (state.options->listed) {
        fprintf(out, " --switches %u", plan->start);
        for (i = 0; i < plan->nchanges; i++)
            fprintf(out, ",%llu:%u", (unsigned long long)plan->change[i].step,
                    plan->change[i].to);
    }
    fprintf(out, "\n");
}

/* Also called when a sanitizer ends the process. */
void world_last_words(void);
void world_last_words(void)
{
    if (world.scenario && state.options)
        print_plan(stderr);
}

_Noreturn void fail(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s on %s: ", world.scenario->name, world.format);
    if (schedule_running())
        fprintf(stderr, "CPU %u, step %llu: ", schedule_self(),
                (unsigned long long)schedule_steps());
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    print_plan(stderr);
    fflush(NULL);
    _exit(1);
}

static void machine_failed(void *ctx, const char *message)
{
    (void)ctx;
    fail("%s", message);
}

static void stuck(void)
{
    unsigned i;
    int line;
    const char *file;

    for (i = 0; i < world.scenario->ncpus; i++) {
        file = schedule_where(i, &line);
        fprintf(stderr, "CPU %u%s is at %s:%d\n", i,
                schedule_live(i) ? "" : " (finished)", file, line);
    }
    fail("nobody gets on: a deadlock");
}

/* --- interrupts ---------------------------------------------------------- */

/* Run fn as that CPU would in its interrupt handler. */
static void interrupt(unsigned cpu, void (*fn)(void *arg), void *arg)
{
    const struct lp_kernel *k = lp_host_kernel(world.m);
    unsigned self = schedule_self(), was = state.cpu_of[self];

    state.cpu_of[self] = cpu;
    lp_host_cpu_set(world.m, cpu);
    state.serving[cpu] = true;
    k->preempt_disable(k->ctx);
    fn(arg);
    k->preempt_enable(k->ctx);
    state.serving[cpu] = false;
    state.cpu_of[self] = was;
    lp_host_cpu_set(world.m, was);
}

static void serve(unsigned cpu)
{
    struct call *call;

    while (!state.masked[cpu] && !state.serving[cpu] &&
           (call = state.calls[cpu]) != NULL) {
        state.calls[cpu] = call->next;
        interrupt(cpu, call->fn, call->arg);
        call->done = true;
    }
}

void lp_step(const char *file, int line)
{
    unsigned self = schedule_self();

    if (!schedule_running())
        return;
    schedule_step(file, line);
    if (!state.calls[self])
        return;
    if (world.scenario->flags & SERVE_AT_ONCE) {
        serve(self);
        schedule_yield(file, line);
    } else if (state.eager && chance(state.eager) == 0) {
        serve(self);
    }
}

void relax(void)
{
    if (!schedule_running())
        return;
    serve(schedule_self());
    schedule_yield("relax", 0);
    serve(schedule_self());
}

void step(void)
{
    lp_step("scenario", 0);
}

static void poll(void *ctx)
{
    (void)ctx;
    relax();
}

static void post(unsigned cpu, struct call *call)
{
    struct call **at = &state.calls[cpu];

    while (*at)
        at = &(*at)->next;
    *at = call;
}

static void call_cpus(void *ctx, const struct lp_cpuset *cpus,
                      void (*fn)(void *arg), void *arg)
{
    struct call calls[COROUTINES_MAX];
    unsigned self = schedule_self(), cpu;

    (void)ctx;
    if (!schedule_running()) {
        lp_host_kernel(world.m)->call_cpus(world.m, cpus, fn, arg);
        return;
    }
    expect(!state.serving[self] && !(cpus->word[0] >> self & 1), self,
           cpus->word[0]);
    for (cpu = 0; cpu < world.scenario->ncpus; cpu++) {
        calls[cpu] = (struct call){ fn, arg, true, NULL };
        if (!(cpus->word[0] >> cpu & 1))
            continue;
        if (!schedule_live(cpu)) {
            interrupt(cpu, fn, arg);
            continue;
        }
        calls[cpu].done = false;
        post(cpu, &calls[cpu]);
    }
    for (cpu = 0; cpu < world.scenario->ncpus; cpu++)
        while (!calls[cpu].done)
            relax();
}

static void switched(unsigned self)
{
    lp_host_cpu_set(world.m, state.cpu_of[self]);
}

static void run(unsigned self)
{
    world.scenario->run(self);
}

static void finished(unsigned self)
{
    serve(self);
}

/* --- what scenarios call ------------------------------------------------- */

uint64_t chance(uint64_t n)
{
    return schedule_random(&state.random) % n;
}

static void keep(struct lp_space *space)
{
    unsigned i;

    for (i = 0; i < SPACES_MAX; i++)
        if (!world.space[i]) {
            world.space[i] = space;
            return;
        }
    fail("too many spaces");
}

struct lp_space *new_space(void)
{
    struct lp_space *space = NULL;
    int error = lp_space_create(world.pager, &space);

    expect(error == 0, error, 0);
    keep(space);
    return space;
}

/* May this error be the allocation that was told to fail? */
static bool failed_once(int64_t error)
{
    return error == -LP_ENOMEM && world.scenario->flags & FAILS;
}

struct lp_space *fork_of(struct lp_space *parent)
{
    struct lp_space *child = NULL;
    int error = lp_fork(parent, &child);

    if (failed_once(error))
        error = lp_fork(parent, &child);
    expect(error == 0, error, 0);
    keep(child);
    return child;
}

void end_space(struct lp_space *space)
{
    unsigned i;

    for (i = 0; i < SPACES_MAX; i++)
        if (world.space[i] == space)
            world.space[i] = NULL;
    lp_space_destroy(space);
}

void use(struct lp_space *space)
{
    unsigned self = schedule_running() ? schedule_self() : 0;

    state.masked[self] = true;
    lp_host_activate(world.m, world.pager, space);
    state.masked[self] = false;
}

void map(struct lp_space *space, lp_va va, unsigned npages)
{
    int64_t at = -LP_ENOMEM;
    unsigned tries;

    for (tries = 0; tries < 2 && (tries == 0 || failed_once(at)); tries++)
        at = lp_mmap(space, va, npages * LP_PAGE_SIZE, LP_READ | LP_WRITE,
                     LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL, 0);
    expect(at == (int64_t)va, at, va);
}

void map_object(struct lp_space *space, lp_va va, unsigned npages,
                unsigned flags)
{
    int64_t at = lp_mmap(space, va, npages * LP_PAGE_SIZE, LP_READ | LP_WRITE,
                         flags | LP_MAP_FIXED, world.object, 0);

    expect(at == (int64_t)va, at, va);
}

void unmap(struct lp_space *space, lp_va va, unsigned npages)
{
    int error = lp_munmap(space, va, npages * LP_PAGE_SIZE);

    if (failed_once(error))
        error = lp_munmap(space, va, npages * LP_PAGE_SIZE);
    expect(error == 0, error, va);
}

void protect(struct lp_space *space, lp_va va, unsigned npages, unsigned access)
{
    int error = lp_mprotect(space, va, npages * LP_PAGE_SIZE, access);

    if (failed_once(error))
        error = lp_mprotect(space, va, npages * LP_PAGE_SIZE, access);
    expect(error == 0, error, va);
}

enum lp_host_code try_put(lp_va va, uint64_t value)
{
    enum lp_host_code code;

    step();
    code = lp_host_store(world.m, va, &value, sizeof(value));
    if (code == LP_HOST_NOMEM && world.scenario->flags & FAILS)
        code = lp_host_store(world.m, va, &value, sizeof(value));
    return code;
}

enum lp_host_code try_get(lp_va va, uint64_t *value)
{
    enum lp_host_code code;

    step();
    code = lp_host_load(world.m, va, value, sizeof(*value));
    if (code == LP_HOST_NOMEM && world.scenario->flags & FAILS)
        code = lp_host_load(world.m, va, value, sizeof(*value));
    return code;
}

void put(lp_va va, uint64_t value)
{
    enum lp_host_code code = try_put(va, value);

    expect(code == LP_HOST_OK, code, va);
}

uint64_t get(lp_va va)
{
    uint64_t value = 0;
    enum lp_host_code code = try_get(va, &value);

    expect(code == LP_HOST_OK, code, va);
    return value;
}

uint64_t look(struct lp_space *space, lp_va va)
{
    uint64_t value;

    lp_host_cpu_set(world.m, 0);
    use(space);
    value = get(va);
    return value;
}

/* --- a run --------------------------------------------------------------- */

/* A machine in the mood that the seed says. */
static void make_machine(void)
{
    static const unsigned evict[] = { 0, 0, 16 };
    static const int asids[] = { 0, LP_HOST_NO_ASIDS, 1, 2 };
    struct lp_host_config config = {
        .format = world.format,
        .ncpus = world.scenario->ncpus,
        .nframes = FRAMES,
        .failed = machine_failed,
    };

    config.seed = chance(UINT64_MAX);
    config.evict_one_in = evict[chance(3)];
    config.asid_bits = asids[chance(4)];
    config.flags = (chance(2) ? LP_HOST_RANDOM_FRAMES : 0) |
                   (chance(4) ? 0 : LP_HOST_SPECULATE) |
                   (chance(4) ? 0 : LP_HOST_DROP_ON_FAULT) |
                   (world.scenario->flags & CODE ? LP_HOST_ICACHE : 0);
    world.m = lp_host_create(&config);
    expect(world.m != NULL, 0, 0);
    world.kernel = *lp_host_kernel(world.m);
    world.kernel.call_cpus = call_cpus;
    world.kernel.poll = poll;
}

static void make_plan(struct plan *plan, uint64_t expected_steps)
{
    unsigned i, k;
    struct change change;

    memset(plan, 0, sizeof(*plan));
    plan->seed = chance(UINT64_MAX);
    plan->strategy = chance(3) ? PRIORITIES : RANDOM_WALK;
    plan->rate = 2u << chance(6);
    plan->nchanges = (unsigned)chance(CHANGES_MAX + 1);
    for (i = 0; i < plan->nchanges; i++) {
        change.step = 1 + chance(expected_steps ? expected_steps : 1000);
        change.to = 0;
        for (k = i; k > 0 && plan->change[k - 1].step > change.step; k--)
            plan->change[k] = plan->change[k - 1];
        plan->change[k] = change;
    }
}

static void check_all(const char *when)
{
    struct lp_check_report report;

    if (lp_check(world.pager, scratch, &report))
        fail("%s: lp_check: %s (0x%llx, 0x%llx)", when, report.what,
             (unsigned long long)report.a, (unsigned long long)report.b);
    lp_host_check(world.m);
}

/* The pager's own root goes too: every CPU walks an empty one. */
static void park(void)
{
    const struct lp_kernel *k = lp_host_kernel(world.m);
    const struct lp_arch *arch = lp_host_arch(world.m);
    lp_pa root;
    unsigned i;
    int error = k->frame_alloc(k->ctx, LP_FRAME_ZEROED, &root);

    expect(error == 0, error, 0);
    for (i = 0; i < world.scenario->ncpus; i++) {
        lp_host_cpu_set(world.m, i);
        k->preempt_disable(k->ctx);
        arch->activate(arch->ctx, root, 0, true);
        k->preempt_enable(k->ctx);
    }
    lp_host_cpu_set(world.m, 0);
}

/* No CPU runs any space. */
static void leave_all(void)
{
    unsigned i;

    for (i = 0; i < world.scenario->ncpus; i++) {
        lp_host_cpu_set(world.m, i);
        lp_host_activate(world.m, world.pager, NULL);
    }
    lp_host_cpu_set(world.m, 0);
}

/* Everything goes; what is left is what was there before. */
static void tear_down(uint64_t baseline)
{
    unsigned i;
    int error;

    leave_all();
    for (i = 0; i < SPACES_MAX; i++)
        if (world.space[i]) {
            lp_space_destroy(world.space[i]);
            world.space[i] = NULL;
        }
    if (world.object)
        lp_object_put(world.object);
    world.object = NULL;
    check_all("at the end");
    expect(lp_host_frames_used(world.m) == baseline,
           lp_host_frames_used(world.m), baseline);
    park();
    error = lp_pager_destroy(world.pager);
    expect(error == 0, error, 0);
    expect(lp_host_frames_used(world.m) == 1, lp_host_frames_used(world.m), 1);
    expect(lp_host_failures(world.m) == 0, 0, 0);
    lp_host_destroy(world.m);
}

static void reset(const struct scenario *scenario,
                  const struct options *options)
{
    unsigned i;

    memset(&state, 0, sizeof(state));
    for (i = 0; i < COROUTINES_MAX; i++)
        state.cpu_of[i] = i;
    state.random = options->seed;
    state.options = options;
    world.scenario = scenario;
    world.format = options->format;
}

/* The first address of the kernel's half. */
static lp_va kernel_base(const struct lp_pte_format *f)
{
    unsigned bits = LP_PAGE_SHIFT + f->levels * f->index_bits;
    lp_va base = (lp_va)1 << (bits - 1);

    return f->sign_extended ? base | ~(lp_va)0 << bits : base;
}

static void make_pager(void)
{
    lp_va base = kernel_base(&lp_host_arch(world.m)->format);
    struct lp_range range = { base, base + KERNEL_PAGES * LP_PAGE_SIZE };
    struct lp_options options = { .kernel_ranges = &range,
                                  .nkernel_ranges = 1 };
    int error = lp_pager_create(
        lp_host_arch(world.m), &world.kernel,
        world.scenario->flags & KERNEL ? &options : NULL, &world.pager);

    expect(error == 0, error, 0);
    world.kernel_base = base;
}

uint64_t world_run(const struct scenario *scenario,
                   const struct options *options, uint64_t expected_steps)
{
    struct schedule_hooks hooks = { run, switched, finished, stuck,
                                    options->trace };
    struct plan plan = options->plan;
    uint64_t baseline, taken;

    reset(scenario, options);
    make_machine();
    if (!options->listed)
        make_plan(&plan, expected_steps);
    make_pager();
    baseline = lp_host_frames_used(world.m);
    scenario->setup();
    state.eager = options->listed ? 0 : (unsigned)chance(4) * 4;
    if (scenario->flags & FAILS)
        lp_host_fail_once(world.m, 1 + chance(24));
    taken = schedule_run(scenario->ncpus, &plan, &hooks);
    lp_host_fail_once(world.m, 0);
    lp_host_cpu_set(world.m, 0);
    check_all("after the run");
    if (scenario->check)
        scenario->check();
    check_all("after the check");
    tear_down(baseline);
    return taken;
}
