/*
 * conformance.c: running a case, and how it fails.
 */
#include "conformance.h"

static struct conf the_case;

const struct conf_case *const conf_tables[] = {
    conf_map_cases,
    conf_place_cases,
    conf_unmap_cases,
    conf_protect_cases,
    conf_fault_cases,
    conf_fork_cases,
    conf_family_cases,
    conf_share_cases,
    conf_user_cases,
    conf_pin_cases,
    conf_object_cases,
    conf_resize_cases,
    conf_query_cases,
    conf_oom_cases,
    conf_cpus_cases,
    conf_limit_cases,
    conf_advise_cases,
    conf_discard_cases,
    NULL,
};

/* --- messages --- */

struct line {
    char text[400];
    size_t len;
};

static void add(struct line *line, const char *text)
{
    while (*text && line->len < sizeof(line->text) - 1)
        line->text[line->len++] = *text++;
    line->text[line->len] = 0;
}

static void add_decimal(struct line *line, unsigned x)
{
    char digits[12];
    unsigned n = sizeof(digits) - 1;

    digits[n] = 0;
    do {
        digits[--n] = (char)('0' + x % 10);
        x /= 10;
    } while (x);
    add(line, digits + n);
}

static void add_hex(struct line *line, uint64_t x)
{
    char digits[19];
    unsigned n = sizeof(digits) - 1;

    digits[n] = 0;
    do {
        digits[--n] = "0123456789abcdef"[x & 15];
        x >>= 4;
    } while (x);
    digits[--n] = 'x';
    digits[--n] = '0';
    add(line, digits + n);
}

void conf_fail(struct conf *c, const char *file, int line, const char *what,
               uint64_t a, uint64_t b)
{
    struct line text = { .len = 0 };

    if (c->failed)
        return;
    c->failed = true;
    add(&text, c->m->name);
    add(&text, "/");
    add(&text, c->name);
    add(&text, ": ");
    add(&text, file);
    add(&text, ":");
    add_decimal(&text, (unsigned)line);
    add(&text, ": ");
    add(&text, what);
    add(&text, " [");
    add_hex(&text, a);
    add(&text, ", ");
    add_hex(&text, b);
    add(&text, "]");
    c->m->log(c->m->ctx, text.text);
}

void conf_check(struct conf *c)
{
    struct lp_check_report report = { .what = NULL };
    const char *wrong;

    if (c->failed || c->quiet || !c->pager)
        return;
    if (lp_check(c->pager, c->m->scratch, &report)) {
        conf_fail(c, "lp_check", 0, report.what, report.a, report.b);
        return;
    }
    wrong = c->m->check ? c->m->check(c->m->ctx) : NULL;
    if (wrong)
        conf_fail(c, "machine", 0, wrong, 0, 0);
}

/* --- the kernel around the machine's --- */

static bool must_fail(struct conf *c)
{
    if (c->fail_at == 0)
        return false;
    if (c->fail_at > 1) {
        c->fail_at--;
        return false;
    }
    if (!c->fail_on)
        c->fail_at = 0;
    return true;
}

static int frame_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    struct conf *c = ctx;
    int error;

    c->allocations++;
    if (must_fail(c))
        return -LP_ENOMEM;
    error = c->m->kernel->frame_alloc(c->m->kernel->ctx, fill, pa);
    if (!error)
        c->frames++;
    return error;
}

static void frame_free(void *ctx, lp_pa pa)
{
    struct conf *c = ctx;

    c->frames--;
    c->m->kernel->frame_free(c->m->kernel->ctx, pa);
}

static unsigned current_cpu(void *ctx)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    return k->cpu ? k->cpu(k->ctx) : 0;
}

static void call_cpus(void *ctx, const struct lp_cpuset *cpus,
                      void (*fn)(void *arg), void *arg)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    k->call_cpus(k->ctx, cpus, fn, arg);
}

static void fence_cpus(void *ctx, const struct lp_cpuset *cpus,
                       const struct lp_flush *what, unsigned n)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    k->fence_cpus(k->ctx, cpus, what, n);
}

static void poll(void *ctx)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    if (k->poll)
        k->poll(k->ctx);
}

static void preempt_disable(void *ctx)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    if (k->preempt_disable)
        k->preempt_disable(k->ctx);
}

static void preempt_enable(void *ctx)
{
    const struct lp_kernel *k = ((struct conf *)ctx)->m->kernel;

    if (k->preempt_enable)
        k->preempt_enable(k->ctx);
}

static bool low_memory(void *ctx)
{
    struct conf *c = ctx;

    c->low_memory_calls++;
    if (c->low_memory_helps == 0)
        return false;
    c->low_memory_helps--;
    c->fail_at = 0;
    return true;
}

static void assert_failed(void *ctx, const char *what, const char *file,
                          int line, uint64_t a, uint64_t b)
{
    struct conf *c = ctx;
    const struct lp_kernel *k = c->m->kernel;

    c->failed = false;
    conf_fail(c, file, line, what, a, b);
    if (k->assert_failed)
        k->assert_failed(k->ctx, what, file, line, a, b);
    __builtin_trap();
}

static void trace(void *ctx, const struct lp_trace *event)
{
    struct conf *c = ctx;

    c->events++;
    c->last_event = *event;
}

static void make_kernel(struct conf *c)
{
    c->kernel = *c->m->kernel;
    c->kernel.ctx = c;
    c->kernel.frame_alloc = frame_alloc;
    c->kernel.frame_free = frame_free;
    c->kernel.cpu = current_cpu;
    c->kernel.call_cpus = c->m->kernel->call_cpus ? call_cpus : NULL;
    c->kernel.fence_cpus = c->m->kernel->fence_cpus ? fence_cpus : NULL;
    c->kernel.poll = poll;
    c->kernel.preempt_disable = preempt_disable;
    c->kernel.preempt_enable = preempt_enable;
    c->kernel.low_memory = low_memory;
    c->kernel.assert_failed = assert_failed;
    c->kernel.trace = trace;
}

/* --- one case --- */

static void begin(struct conf *c)
{
    struct lp_options options = c->options;
    int error;

    if (c->m->options)
        c->m->options(c->m->ctx, &options);
    error = lp_pager_create(c->m->arch, &c->kernel, &options, &c->pager);
    if (error) {
        c->pager = NULL;
        conf_fail(c, __FILE__, __LINE__, "lp_pager_create", (uint64_t)-error,
                  0);
        return;
    }
    conf_check(c);
}

/* No CPU goes on with tables of this pager. */
static void leave(struct conf *c)
{
    unsigned cpu, n = conf_ncpus(c);

    for (cpu = 0; cpu < n; cpu++) {
        if (c->m->cpu_set)
            c->m->cpu_set(c->m->ctx, cpu);
        if (c->active[cpu])
            c->m->activate(c->m->ctx, c->pager, NULL);
        c->m->leave(c->m->ctx);
    }
    if (c->m->cpu_set)
        c->m->cpu_set(c->m->ctx, 0);
    c->cpu = 0;
}

/* Everything that the case left goes; then no frame may be left. */
static void end(struct conf *c)
{
    unsigned i;

    c->quiet = 0;
    conf_fail_at(c, 0, false);
    for (i = 0; i < CONF_SPACES; i++)
        if (c->spaces[i])
            conf_destroy(c, c->spaces[i]);
    for (i = 0; i < CONF_OBJECTS; i++)
        if (c->objects[i])
            conf_close(c, c->objects[i]);
    for (i = 0; i < CONF_FILES; i++) {
        CHECK(c, !c->files[i].strange);
        if (c->files[i].conf)
            CHECK_EQ(c, c->files[i].released, 1);
    }
    leave(c);
    CHECK_EQ(c, lp_pager_destroy(c->pager), 0);
    c->pager = NULL;
    CHECK_EQ(c, c->frames, 0);
}

bool conf_run(const struct conf_machine *m, const struct conf_case *which)
{
    struct conf *c = &the_case;

    memset(c, 0, sizeof(*c));
    c->m = m;
    c->name = which->name;
    if (which->options)
        c->options = *which->options;
    make_kernel(c);
    begin(c);
    if (!c->failed)
        which->run(c);
    if (!c->failed)
        end(c);
    if (c->failed && c->pager)
        leave(c);
    return !c->failed;
}
