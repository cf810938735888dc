/*
 * campaign.c: many runs, one after the other, and what they came to.
 *
 * Each run is one process of its own (fork), so that a run that dies is seen,
 * named in one line, and can be made shorter (--shrink).
 */
#include "campaign.h"

#include "operations.h"
#include "shrink.h"
#include "tally.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define X(n) ((unsigned long long)(n))

/* The small trees share their upper levels most: they get most runs. */
static const char *const rotation[] = {
    "free-w",      "free-v", "x86-64",     "free-v-ad",  "free-w", "free-v",
    "sv39",        "free-w", "free-v",     "sv48-svade", "free-w", "free-v-ad",
    "x86-64-la57", "free-v", "sv39-svade", "free-w",     "sv57",   "free-v",
    "free-w",      "sv48",   "free-v-ad",  "sv57-svade",
};

static const char *format_of(const struct campaign *c, uint64_t seed)
{
    return c->format ? c->format
                     : rotation[seed % (sizeof rotation / sizeof *rotation)];
}

/* --- an interrupt: the current run is the last --- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void expect_interrupt(void)
{
    struct sigaction action = { .sa_handler = interrupt };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* --- figures --- */

/*
 * From so many runs of all formats on the budgets hold, but for so many entries
 * that are free: one flush of a whole TLB may be among the first that are met,
 * and where that is the rule, a few.
 */
enum { BUDGET_RUNS = 20, FREE_SMALL = 20, FREE = 150, SMALL = 3 };

/* The runs add to it, each in its own process. */
static struct tally *shared_tally(void)
{
    void *p = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("model: mmap");
        exit(1);
    }
    return p;
}

static void print_figures(const struct campaign *c, uint64_t failed)
{
    const struct tally *t = c->settings.tally;
    uint64_t dropped = 0, dropped_true = 0;
    unsigned i;

    for (i = 0; i < noperations; i++) {
        dropped += t->row[i].dropped;
        dropped_true += t->row[i].dropped_true;
        if (c->settings.mode == MODE_TLB && t->row[i].dropped)
            printf("over-flush: operation=%s runs=%llu dropped=%llu "
                   "true=%llu\n",
                   operations[i].name, X(t->row[i].runs), X(t->row[i].dropped),
                   X(t->row[i].dropped_true));
    }
    printf("figures: runs=%llu operations=%llu checks=%llu refused-frames=%llu "
           "refused-io=%llu absorbed=%llu accesses=%llu looks=%llu "
           "dropped=%llu dropped-true=%llu failed=%llu next-seed=%llu\n",
           X(t->runs), X(t->operations), X(t->checks), X(t->refused_frames),
           X(t->refused_io), X(t->absorbed), X(t->accesses), X(t->looks),
           X(dropped), X(dropped_true), X(failed), X(c->settings.seed));
    fflush(stdout);
}

/* How many operations have dropped too much that was still true? */
static unsigned over_budget(const struct campaign *c)
{
    const struct tally *t = c->settings.tally;
    const struct tally_row *row;
    unsigned i, percent, free_of, n = 0;

    if (c->settings.mode != MODE_TLB || c->format || t->runs < BUDGET_RUNS)
        return 0;
    for (i = 0; i < noperations; i++) {
        row = &t->row[i];
        percent = operations[i].over_flush;
        free_of = percent > SMALL ? FREE : FREE_SMALL;
        if (row->dropped_true <= row->dropped * percent / 100 + free_of)
            continue;
        fprintf(stderr,
                "%s: %llu of %llu TLB entries that it flushed were still "
                "true, more than %u%% and %u\n",
                operations[i].name, X(row->dropped_true), X(row->dropped),
                percent, free_of);
        n++;
    }
    return n;
}

static void progress(const struct campaign *c, time_t start, time_t *last)
{
    const struct tally *t = c->settings.tally;
    time_t now = time(NULL), spent = now - start ? now - start : 1;

    if (now < *last + 10)
        return;
    *last = now;
    fprintf(stderr,
            "%llu runs, %llu operations (%.0f/s), %llu refused (%.0f/s), "
            "%llu accesses (%.0f/s); go on with --seed %llu\n",
            X(t->runs), X(t->operations), (double)t->operations / (double)spent,
            X(t->refused_frames + t->refused_io),
            (double)(t->refused_frames + t->refused_io) / (double)spent,
            X(t->accesses), (double)t->accesses / (double)spent,
            X(c->settings.seed + 1));
}

/* The command for so many runs from this seed on. */
static void print_command(const struct campaign *c, const char *why,
                          uint64_t seed, uint64_t runs)
{
    const struct settings *s = &c->settings;
    char cpus[32] = "";

    if (s->cpus)
        snprintf(cpus, sizeof cpus, " --cpus %u", s->cpus);
    fprintf(stderr,
            "%s: model --mode %s --format %s --seed %llu --runs %llu "
            "--ops %llu --check-every %u%s%s\n",
            why, mode_names[s->mode], c->format ? c->format : "all", X(seed),
            X(runs), X(s->ops), s->check_every, cpus,
            c->keep_going ? " --keep-going" : "");
}

/* --- the campaign --- */

int campaign(struct campaign *c)
{
    time_t start = time(NULL), last = start;
    struct settings *s = &c->settings;
    uint64_t run, failed = 0, first = s->seed;

    s->tally = shared_tally();
    expect_interrupt();
    for (run = 0; run < c->runs && !interrupted; run++, s->seed++) {
        if (c->seconds && time(NULL) - start >= (time_t)c->seconds)
            break;
        s->format = format_of(c, s->seed);
        if (!run_alone(s, SHOW)) {
            failed++;
            if (c->shrink)
                shrink(s);
            if (!c->keep_going)
                break;
        }
        progress(c, start, &last);
    }
    print_figures(c, failed);
    fprintf(stderr, "%llu runs, %llu operations, %llu failed\n",
            X(s->tally->runs + failed), X(s->tally->operations), X(failed));
    if (interrupted && run < c->runs && !failed)
        print_command(c, "interrupted; go on with", s->seed, c->runs - run);
    if (failed)
        return 1;
    if (over_budget(c)) {
        print_command(c, "again", first, run);
        return 1;
    }
    return interrupted ? 130 : 0;
}
