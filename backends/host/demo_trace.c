/*
 * demo_trace.c: the family's story as a trace, for lazypager-view.
 *
 * The machine that tells the story is the only one that is traced.
 */
#include "demo_family.h"
#include "tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than a step makes. */
enum { SLOTS = 4096 };

struct demo_trace {
    FILE *file;
    bool on; /* the machine that runs is the one */
    struct lp_tracer tracer;
    struct lp_tracer_slot slots[SLOTS];
};

bool demo_trace_open(struct demo *d, const char *path)
{
    d->trace = calloc(1, sizeof *d->trace);
    if (!d->trace)
        return false;
    d->trace->file = fopen(path, "w");
    return d->trace->file != NULL;
}

static void emit(void *ctx, const char *line, size_t len)
{
    const struct demo_trace *trace = ctx;

    fwrite(line, 1, len, trace->file);
}

static void record(void *ctx, const struct lp_trace *event)
{
    struct demo *d = ctx;

    lp_tracer_record(&d->trace->tracer, lp_host_cpu(d->m), event);
}

void demo_trace_configure(struct demo *d, struct lp_host_config *config)
{
    if (d->trace && d->trace->on)
        config->trace = record;
}

void demo_trace_begin(struct demo *d)
{
    if (d->trace && d->trace->on)
        lp_tracer_start(&d->trace->tracer, d->trace->slots, SLOTS, emit,
                        d->trace, lp_host_arch(d->m));
}

/* The first sentence says what happened, the others why. */
void demo_trace_step(struct demo_family *f, const char *text)
{
    struct demo_trace *trace = f->d->trace;
    const char *end = strstr(text, ". ");
    enum demo_who who;
    char label[200];

    if (!trace || !trace->on)
        return;
    snprintf(label, sizeof label, "%.*s", end ? (int)(end + 1 - text) : -1,
             text);
    lp_tracer_begin(&trace->tracer, label);
    for (who = PARENT; who < MEMBERS; who++)
        if (f->member[who].space)
            lp_tracer_space(&trace->tracer, f->member[who].space,
                            f->member[who].name);
    lp_tracer_commit(&trace->tracer);
}

void demo_trace_on(struct demo *d)
{
    if (d->trace)
        d->trace->on = d->trace->file != NULL;
}

bool demo_trace_end(struct demo *d)
{
    struct demo_trace *trace = d->trace;
    bool good;

    if (!trace || !trace->on)
        return true;
    lp_tracer_end(&trace->tracer);
    good = !ferror(trace->file);
    good = fclose(trace->file) == 0 && good;
    trace->file = NULL;
    trace->on = false;
    return good;
}
