/*
 * world.c: one run, from an empty machine to an empty machine.
 */
#include "world.h"
#include "operations.h"
#include "tally.h"

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

/* Of the operation's piece of the input; the generator goes on after it. */
static bool take_input(struct world *w, uint64_t n, uint64_t *out)
{
    size_t bytes = n <= 256 ? 1 : 2;

    if (n > 65536 || w->input_len < bytes)
        return false;
    *out = w->input[0];
    if (bytes == 2)
        *out |= (uint64_t)w->input[1] << 8;
    *out %= n;
    w->input += bytes;
    w->input_len -= bytes;
    return true;
}

uint64_t pick(struct world *w, uint64_t n)
{
    uint64_t choice;

    if (take_input(w, n, &choice))
        return choice;
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
    if (w->settings->input)
        abort(); /* the fuzzer is to keep the input */
    _exit(1);    /* no look for leaks: the world is still there */
}

static void machine_failed(void *ctx, const char *message)
{
    wrong(ctx, "%s", message);
}

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

void expect(struct world *w, const char *call, int64_t result, int64_t wanted)
{
    if (result != wanted)
        wrong(w, "%s = %lld, should be %lld", call, (long long)result,
              (long long)wanted);
}

/* --- spaces --- */

static void activate_on(struct world *w, unsigned cpu, struct m_space *s)
{
    if (w->run)
        charge_flushes(w, w->run);
    lp_host_cpu_set(w->m, cpu);
    lp_host_activate(w->m, w->pager, s ? s->lib : NULL);
    w->active[cpu] = s;
    charge_flushes(w, op_activate);
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

void space_number(struct world *w, struct m_space *s)
{
    size_t i;

    s->number = w->next_number++;
    s->id = lp_space_id(s->lib);
    for (i = 0; i < w->nids; i++)
        if (w->ids[i] == s->id)
            break;
    if (s->id == 0 || i < w->nids)
        wrong(w, "space %u: id %llu", s->number, (unsigned long long)s->id);
    w->ids = realloc(w->ids, (w->nids + 1) * sizeof *w->ids);
    w->ids[w->nids++] = s->id;
}

struct m_space *space_open(struct world *w)
{
    struct m_space *s = calloc(1, sizeof *s);
    int r;

    do {
        call_begins(w, CALL_WHOLE);
        r = lp_space_create(w->pager, &s->lib);
    } while (call_again(w, r));
    if (forgiven(w, r)) {
        free(s);
        return NULL;
    }
    expect(w, "lp_space_create", r, 0);
    space_number(w, s);
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
    expect(w, "lp_space_id", (int64_t)lp_space_id(s->lib), (int64_t)s->id);
    w->going = s->lib;
    w->nheard = 0;
    lp_space_destroy(s->lib);
    expect_heard(
        w, (struct lp_trace){ .kind = LP_TRACE_DESTROY, .space = s->lib });
    w->going = NULL;
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

static unsigned pick_host_flags(struct world *w)
{
    static const unsigned flags[] = {
        LP_HOST_RANDOM_FRAMES, LP_HOST_DROP_ON_FAULT, LP_HOST_NO_NEGATIVE,
        LP_HOST_SPECULATE,     LP_HOST_FENCES,        LP_HOST_ICACHE,
    };
    unsigned set = 0, i;

    for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (chance(w, 35))
            set |= flags[i];
    if (w->settings->mode == MODE_TLB) {
        set |= LP_HOST_COUNT_TRUE;
        if (chance(w, 15))
            set |= LP_HOST_CHECK_ALWAYS;
    }
    if (w->settings->mode == MODE_MODEL && w->settings->check_every == 1)
        set |= LP_HOST_CHECK_ALWAYS;
    return set;
}

/* How many CPUs, how many frames, and how often one is refused. */
static void pick_size(struct world *w)
{
    bool model = w->settings->mode == MODE_MODEL;

    w->ncpus = 1 + (unsigned)pick(w, w->settings->mode == MODE_TLB ? 8 : 5);
    if (w->settings->cpus)
        w->ncpus = w->settings->cpus;
    w->tiny = chance(w, 10) && model;
    w->big = !w->tiny && chance(w, 12) && model && !w->settings->input;
    w->fail_percent = chance(w, 30) ? 0 : 1 + (unsigned)pick(w, 15);
    if (!model)
        w->fail_percent = 0;
    w->nframes = w->tiny ? 60 + w->ncpus * 4 + pick(w, 150) : 6000;
    if (w->big)
        w->nframes = 20000;
    if (w->settings->mode != MODE_MODEL || w->settings->input)
        w->nframes = 3000;
}

static void make_machine(struct world *w)
{
    struct lp_host_config c = { .format = w->settings->format,
                                .ctx = w,
                                .seed = w->settings->seed,
                                .failed = machine_failed,
                                .low_memory = low_memory,
                                .trace = hear };

    pick_size(w);
    c.ncpus = w->ncpus;
    c.nframes = w->nframes;
    c.flags = pick_host_flags(w);
    w->icache = (c.flags & LP_HOST_ICACHE) != 0;
    w->fences = (c.flags & LP_HOST_FENCES) != 0;
    /* The kernel half's part of the device begins on a large leaf. */
    c.ndevice = DEVICE_PAGES + 2 * 512;
    c.evict_one_in = chance(w, 70) ? 0 : 1 + (unsigned)pick(w, 50);
    c.asid_bits = chance(w, 50)   ? 0
                  : chance(w, 30) ? LP_HOST_NO_ASIDS
                                  : 1 + (int)pick(w, 3);
    w->m = lp_host_create(&c);
    if (!w->m)
        wrong(w, "lp_host_create(%s)", w->settings->format);
    w->scratch = calloc(c.nframes, sizeof *w->scratch);
    w->seen = calloc(c.nframes, sizeof *w->seen);
}

/* Where mmap looks: as the options say, or as they do by default. */
static void pick_base(struct world *w)
{
    struct lp_options *o = &w->options;

    w->layout.mmap_min = 0x10000;
    if (chance(w, 15))
        w->layout.mmap_min = o->mmap_min = (1 + pick(w, 40)) * PAGE;
    o->mmap_base = w->layout.at[pick_page(w, NULL)].end;
    if (o->mmap_base <= w->layout.mmap_min || chance(w, 85))
        o->mmap_base = 0;
    if (o->mmap_base && !o->mmap_min && o->mmap_base < 2 * 0x10000)
        w->layout.mmap_min = o->mmap_base / 2 / PAGE * PAGE;
}

static void make_pager(struct world *w)
{
    make_layout(w);
    kernel_layout(w, &lp_host_arch(w->m)->format);
    pick_base(w);
    if (chance(w, 25))
        w->options.flags |= LP_OPTION_NO_ZERO_PAGE;
    w->limited = chance(w, 12);
    if (w->limited)
        w->options.max_areas = 4 + pick(w, 20);
    if (chance(w, 10))
        w->options.max_bytes = (10 + pick(w, 100)) * PAGE;
    expect(w, "lp_pager_create",
           lp_pager_create(lp_host_arch(w->m), lp_host_kernel(w->m),
                           &w->options, &w->pager),
           0);
    kernel_open(w);
    w->baseline = lp_host_frames_used(w->m);
    if (!w->tiny && chance(w, 30))
        device_open(w);
    say(w, "%u CPUs, %u places, allocations fail %u%%%s%s", w->ncpus,
        w->layout.n, w->fail_percent, w->tiny ? ", few frames" : "",
        w->limited ? ", few areas" : "");
}

/* No CPU walks a root of the pager any more. */
static void leave_pager(struct world *w)
{
    unsigned i;

    for (i = 0; i < w->ncpus; i++) {
        activate_on(w, i, NULL);
        lp_host_deactivate(w->m);
    }
}

static void let_go(struct m_object *o)
{
    while (o->held) {
        o->held--; /* first: release may be called */
        lp_object_put(o->handle);
    }
}

/* Everything goes, in any order; nothing must be left. */
static void end_world(struct world *w)
{
    struct lp_host_stats stats;
    struct m_object *o;
    struct m_space *s;

    w->fail_percent = 0;
    compare_all(w);
    if (w->spaces || w->objects)
        expect(w, "lp_pager_destroy, in use", lp_pager_destroy(w->pager),
               -LP_EBUSY);
    for (o = w->objects; o; o = o->next) {
        o->write_fails = false;
        if (chance(w, 50))
            let_go(o);
    }
    collect_objects(w); /* before pins are put: those do not hold an object */
    while ((s = pick_space(w)) != NULL) {
        space_close(w, s);
        collect_objects(w);
    }
    for (o = w->objects; o; o = o->next)
        let_go(o);
    collect_objects(w);
    compare_all(w);
    if (kernel_close(w))
        expect(w, "frames used at the end", (int64_t)lp_host_frames_used(w->m),
               (int64_t)w->baseline);
    leave_pager(w);
    expect(w, "lp_pager_destroy", lp_pager_destroy(w->pager), 0);
    kernel_free(w);
    expect(w, "frames used after lp_pager_destroy",
           (int64_t)lp_host_frames_used(w->m), 0);
    lp_host_read_stats(w->m, &stats);
    w->settings->tally->accesses += stats.accesses;
    lp_host_destroy(w->m);
    free(w->scratch);
    free(w->seen);
    free(w->ids);
}

/*
 * The next operation's bytes: a piece of fixed length, so that a fuzzer that
 * takes one out or puts one in leaves the others what they are.
 */
static bool next_input(struct world *w, uint64_t op)
{
    const struct settings *s = w->settings;
    size_t i, start = (size_t)op * INPUT_PIECE;

    if (!s->input)
        return true;
    if (start >= s->input_len)
        return false;
    w->input = s->input + start;
    w->input_len = s->input_len - start;
    if (w->input_len > INPUT_PIECE)
        w->input_len = INPUT_PIECE;
    w->random = s->seed;
    for (i = 0; i < w->input_len; i++)
        w->random = (w->random ^ w->input[i]) * UINT64_C(0x100000001b3);
    return true;
}

/* Operation `op` is over. */
static void check_now(struct world *w, uint64_t op)
{
    const struct settings *s = w->settings;

    if (s->check_every && (op + 1) % s->check_every == 0)
        compare_all(w);
    else if (s->mode == MODE_TLB)
        lp_host_check(w->m);
    s->tally->looks += s->mode == MODE_TLB;
    s->tally->operations++;
}

void run_world(const struct settings *settings)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t op;

    w->settings = settings;
    seed_op(w, UINT64_MAX);
    make_machine(w);
    make_pager(w);
    for (op = 0; op < settings->ops; op++) {
        seed_op(w, op);
        if (!next_input(w, op))
            break;
        if (settings->skip && settings->skip[op])
            continue;
        run_operation(w);
        check_now(w, op);
    }
    w->input_len = 0;
    seed_op(w, settings->ops);
    end_world(w);
    settings->tally->runs++;
    free(w);
}
