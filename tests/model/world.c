/*
 * world.c: one run, from an empty machine to an empty machine.
 */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* splitmix64, by Sebastiano Vigna. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pick(struct world *w, uint64_t n)
{
    return next_random(&w->random) % n;
}

bool chance(struct world *w, unsigned percent)
{
    return pick(w, 100) < percent;
}

/* The sequence of operation `op`; UINT64_MAX: of the set-up. */
static void seed_op(struct world *w, uint64_t op)
{
    uint64_t state = w->settings->seed;

    next_random(&state);
    state ^= op * UINT64_C(0xd1342543de82ef95);
    next_random(&state);
    w->random = state;
    w->op = op;
}

void say(struct world *w, const char *f, ...)
{
    va_list arguments;

    if (!w->settings->verbose)
        return;
    printf("%6lld: ", (long long)w->op);
    va_start(arguments, f);
    vprintf(f, arguments);
    va_end(arguments);
    printf("%s\n", w->fired ? "  [a frame was refused]" : "");
}

void wrong(struct world *w, const char *f, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "operation %lld: ", (long long)w->op);
    va_start(arguments, f);
    vfprintf(stderr, f, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    fflush(stderr);
    _exit(1); /* no look for leaks: the world is still there */
}

static void machine_failed(void *ctx, const char *message)
{
    wrong(ctx, "%s", message);
}

/* --- calls that may be out of memory --- */

static bool low_memory(void *ctx)
{
    struct world *w = ctx;
    bool again = w->retry;

    w->short_of_memory = true;
    if (again)
        lp_host_fail_once(w->m, 0);
    w->retry = false;
    return again;
}

void call_begins(struct world *w)
{
    w->short_of_memory = false;
    w->fired = false;
    w->allocations = lp_host_allocations(w->m);
    w->fail_at = 0;
    w->retry = chance(w, 25);
    if (!chance(w, w->fail_percent))
        return;
    w->fail_at = 1 + (unsigned)pick(w, chance(w, 50) ? 3 : 12);
    w->fail_all = chance(w, 40);
    if (w->fail_all)
        lp_host_fail_from(w->m, w->fail_at);
    else
        lp_host_fail_once(w->m, w->fail_at);
}

void call_ends(struct world *w)
{
    lp_host_fail_once(w->m, 0);
    w->fired = (w->fail_at &&
                lp_host_allocations(w->m) - w->allocations >= w->fail_at) ||
               (w->tiny && (w->short_of_memory ||
                            lp_host_frames_used(w->m) + 16 > w->nframes));
    w->fail_at = 0;
}

bool forgiven(const struct world *w, int64_t result)
{
    return result == -LP_ENOMEM && w->fired;
}

void expect(struct world *w, const char *call, int64_t result, int64_t wanted)
{
    if (result != wanted)
        wrong(w, "%s = %lld, should be %lld", call, (long long)result,
              (long long)wanted);
}

/* --- spaces --- */

static void activate_on(struct world *w, unsigned cpu, struct m_space *s)
{
    lp_host_cpu_set(w->m, cpu);
    lp_host_activate(w->m, w->pager, s ? s->lib : NULL);
    w->active[cpu] = s;
}

void enter(struct world *w, struct m_space *s)
{
    unsigned first = (unsigned)pick(w, w->ncpus), i, cpu;

    for (i = 0; i < w->ncpus && chance(w, 90); i++) {
        cpu = (first + i) % w->ncpus;
        if (w->active[cpu] == s) {
            lp_host_cpu_set(w->m, cpu);
            return;
        }
    }
    activate_on(w, first, s);
}

struct m_space *pick_space(struct world *w)
{
    struct m_space *s = w->spaces;
    uint64_t n;

    if (!w->nspaces)
        return NULL;
    for (n = pick(w, w->nspaces); n > 0; n--)
        s = s->next;
    return s;
}

struct m_space *space_open(struct world *w)
{
    struct m_space *s = calloc(1, sizeof *s);
    int r;

    call_begins(w);
    r = lp_space_create(w->pager, &s->lib);
    call_ends(w);
    if (forgiven(w, r)) {
        free(s);
        return NULL;
    }
    expect(w, "lp_space_create", r, 0);
    s->number = w->next_number++;
    s->base = w->options.mmap_base ? w->options.mmap_base : w->layout.user_end;
    s->next = w->spaces;
    w->spaces = s;
    w->nspaces++;
    say(w, "space %u", s->number);
    return s;
}

void space_close(struct world *w, struct m_space *s)
{
    struct m_space **link = &w->spaces;
    unsigned i;

    for (i = 0; i < PINS_MAX; i++)
        if (w->pins[i].used && w->pins[i].space == s)
            pin_put(w, &w->pins[i]);
    for (i = 0; i < w->ncpus; i++)
        if (w->active[i] == s)
            activate_on(w, i, NULL);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    w->nspaces--;
    lp_space_destroy(s->lib);
    m_space_free(&w->layout, s);
}

struct m_object *pick_object(struct world *w)
{
    struct m_object *o, *held[OBJECTS_HELD_MAX + 1];
    unsigned n = 0;

    for (o = w->objects; o && n <= OBJECTS_HELD_MAX; o = o->next)
        if (o->held)
            held[n++] = o;
    return n ? held[pick(w, n)] : NULL;
}

/* --- a run --- */

static const struct {
    void (*run)(struct world *w);
    unsigned weight;
} operations[] = {
    { op_store, 26 },         { op_load, 18 },        { op_fetch, 5 },
    { op_mmap, 13 },          { op_munmap, 8 },       { op_munmap_area, 1 },
    { op_mprotect, 10 },      { op_fork, 5 },         { op_destroy, 3 },
    { op_copy_in, 4 },        { op_copy_out, 5 },     { op_zero, 2 },
    { op_string, 3 },         { op_access_ok, 2 },    { op_pin, 4 },
    { op_pin_write, 4 },      { op_unpin, 3 },        { op_msync, 3 },
    { op_object_read, 2 },    { op_object_write, 3 }, { op_object_resize, 2 },
    { op_object_sync, 2 },    { op_object_open, 1 },  { op_object_close, 1 },
    { op_object_trouble, 2 }, { op_activate, 5 },     { op_set_base, 1 },
    { op_resident, 1 },       { op_touch_all, 3 },    { op_comb, 2 },
    { op_madvise, 6 },
};

enum { NOPERATIONS = sizeof operations / sizeof operations[0] };

static void run_op(struct world *w)
{
    unsigned i, total = 0;
    uint64_t n;

    for (i = 0; i < NOPERATIONS; i++)
        total += operations[i].weight;
    n = pick(w, total);
    for (i = 0; n >= operations[i].weight; i++)
        n -= operations[i].weight;
    if (!w->nspaces && !space_open(w))
        return;
    operations[i].run(w);
    collect_objects(w);
}

static unsigned pick_host_flags(struct world *w)
{
    static const unsigned flags[] = {
        LP_HOST_RANDOM_FRAMES,
        LP_HOST_DROP_ON_FAULT,
        LP_HOST_NO_NEGATIVE,
        LP_HOST_SPECULATE,
    };
    unsigned set = 0, i;

    for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (chance(w, 35))
            set |= flags[i];
    if (w->settings->check_every == 1)
        set |= LP_HOST_CHECK_ALWAYS;
    return set;
}

static void make_machine(struct world *w)
{
    struct lp_host_config c = { .format = w->settings->format,
                                .ctx = w,
                                .seed = w->settings->seed,
                                .failed = machine_failed,
                                .low_memory = low_memory };
    const struct lp_kernel *kernel;

    w->ncpus = w->settings->cpus ? w->settings->cpus : 1 + (unsigned)pick(w, 5);
    w->tiny = chance(w, 10);
    w->big = !w->tiny && chance(w, 12);
    w->fail_percent = chance(w, 30) ? 0 : 1 + (unsigned)pick(w, 15);
    c.ncpus = w->ncpus;
    c.nframes = w->nframes = w->tiny  ? 60 + w->ncpus * 4 + pick(w, 150)
                             : w->big ? 20000
                                      : 6000;
    c.flags = pick_host_flags(w);
    c.ndevice = DEVICE_PAGES;
    c.evict_one_in = chance(w, 70) ? 0 : 1 + (unsigned)pick(w, 50);
    c.asid_bits = chance(w, 50)   ? 0
                  : chance(w, 30) ? LP_HOST_NO_ASIDS
                                  : 1 + (int)pick(w, 3);
    w->m = lp_host_create(&c);
    if (!w->m)
        wrong(w, "lp_host_create(%s)", w->settings->format);
    kernel = lp_host_kernel(w->m);
    expect(w, "frame_alloc",
           kernel->frame_alloc(kernel->ctx, LP_FRAME_ZEROED, &w->empty_root),
           0);
    w->scratch = calloc(c.nframes, sizeof *w->scratch);
}

static void make_pager(struct world *w)
{
    make_layout(w);
    if (chance(w, 25))
        w->options.flags |= LP_OPTION_NO_ZERO_PAGE;
    w->limited = chance(w, 12);
    if (w->limited)
        w->options.max_areas = 4 + pick(w, 20);
    if (chance(w, 10))
        w->options.max_bytes = (10 + pick(w, 100)) * PAGE;
    w->layout.mmap_min = 0x10000;
    expect(w, "lp_pager_create",
           lp_pager_create(lp_host_arch(w->m), lp_host_kernel(w->m),
                           &w->options, &w->pager),
           0);
    w->baseline = lp_host_frames_used(w->m);
    if (!w->tiny && chance(w, 30))
        device_open(w);
    say(w, "%u CPUs, %u places, allocations fail %u%%%s%s", w->ncpus,
        w->layout.n, w->fail_percent, w->tiny ? ", few frames" : "",
        w->limited ? ", few areas" : "");
}

/* No CPU walks a root of the pager any more: a table of our own instead. */
static void leave_pager(struct world *w)
{
    const struct lp_kernel *kernel = lp_host_kernel(w->m);
    const struct lp_arch *arch = lp_host_arch(w->m);
    unsigned i;

    for (i = 0; i < w->ncpus; i++) {
        activate_on(w, i, NULL);
        kernel->preempt_disable(kernel->ctx);
        arch->activate(arch->ctx, w->empty_root, 0, true);
        kernel->preempt_enable(kernel->ctx);
    }
}

/* Everything goes, in any order; nothing must be left. */
static void end_world(struct world *w)
{
    struct m_object *o;
    struct m_space *s;

    w->fail_percent = 0;
    compare_all(w);
    for (o = w->objects; o; o = o->next) {
        o->write_fails = false;
        if (o->held && chance(w, 50)) {
            o->held = false;
            lp_object_put(o->handle);
        }
    }
    while ((s = pick_space(w)) != NULL) {
        space_close(w, s);
        collect_objects(w);
    }
    for (o = w->objects; o; o = o->next)
        if (o->held) {
            o->held = false;
            lp_object_put(o->handle);
        }
    collect_objects(w);
    compare_all(w);
    leave_pager(w);
    expect(w, "frames used at the end", (int64_t)lp_host_frames_used(w->m),
           (int64_t)w->baseline);
    expect(w, "lp_pager_destroy", lp_pager_destroy(w->pager), 0);
    expect(w, "frames used after lp_pager_destroy",
           (int64_t)lp_host_frames_used(w->m), 1);
    lp_host_destroy(w->m);
    free(w->scratch);
}

void run_world(const struct settings *settings, uint64_t *checks)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t op;

    w->settings = settings;
    seed_op(w, UINT64_MAX);
    make_machine(w);
    make_pager(w);
    for (op = 0; op < settings->ops; op++) {
        seed_op(w, op);
        if (settings->skip && settings->skip[op])
            continue;
        run_op(w);
        if (settings->check_every && (op + 1) % settings->check_every == 0)
            compare_all(w);
    }
    seed_op(w, settings->ops);
    end_world(w);
    *checks += w->checks;
    free(w);
}
