/*
 * trace.c: the library's trace, on the serial line.
 *
 * Events are kept in the order in which they came, on all CPUs, and written when
 * the kernel lock is held and no lock of the library is.  A program that runs on
 * another CPU may change its memory while a snapshot is taken.
 */
#include "trace.h"

#include "cpu.h"
#include "tracer.h"

enum { SLOTS = 8192 };

static const char prefix[] = "trace ";
static struct lp_tracer tracer;
static bool tracing;

/* A line is one call, so that no other record gets into it. */
static void emit(void *ctx, const char *line, size_t len)
{
    static char text[sizeof(prefix) - 1 + LP_TRACER_LINE];

    (void)ctx;
    memcpy(text, prefix, sizeof(prefix) - 1);
    memcpy(text + sizeof(prefix) - 1, line, len);
    console_write('c', text, sizeof(prefix) - 1 + len);
}

static void record(void *ctx, const struct lp_trace *event)
{
    (void)ctx;
    lp_tracer_record(&tracer, arch_cpu(), event);
}

void trace_start(void)
{
    size_t len = SLOTS * sizeof(struct lp_tracer_slot);
    lp_pa pa;

    if (!option_number("trace", 0))
        return;
    pa = frames_get((len + PAGE_SIZE - 1) / PAGE_SIZE);
    if (pa == LP_PA_NONE)
        panic("no memory for %lu bytes of trace", len);
    lp_tracer_start(&tracer, direct(pa), SLOTS, emit, NULL, the_arch);
    the_kernel.trace = record;
    tracing = true;
}

/* --- snapshots --- */

/* "what: name 7", as far as there is room. */
static const char *describe(const char *what, const struct process *process)
{
    static char text[80];
    const char *parts[] = { what, *what ? ": " : "", process->name, " " };
    char digits[12];
    size_t n = 0, len = 0, i;
    int pid = process->pid;

    for (i = 0; i < ARRAY_SIZE(parts); i++)
        while (*parts[i] && len < sizeof(text) - sizeof(digits))
            text[len++] = *parts[i]++;
    do {
        digits[n++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid);
    while (n)
        text[len++] = digits[--n];
    text[len] = 0;
    return text;
}

static void look_at(struct process *process, void *unused)
{
    (void)unused;
    if (!process->vm)
        return;
    /* Lent by vfork: told of the parent. */
    if (process->parent && process->parent->vm == process->vm)
        return;
    lp_tracer_space(&tracer, process->vm->space, describe("", process));
}

void trace_snapshot(const char *what, const struct process *who)
{
    if (!tracing)
        return;
    lp_tracer_begin(&tracer, describe(what, who));
    process_each(look_at, NULL);
    lp_tracer_commit(&tracer);
}

/* --- events --- */

bool trace_pressing(void)
{
    return tracing && lp_tracer_pending(&tracer) > SLOTS / 2;
}

void trace_drain(void)
{
    if (tracing)
        lp_tracer_drain(&tracer);
}

void trace_end(void)
{
    if (tracing)
        lp_tracer_end(&tracer);
    tracing = false;
}
