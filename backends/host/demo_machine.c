/*
 * demo_machine.c: the machine and the pager on it, and checks.
 *
 * A check that fails is told on stderr at once and remembered; the demo goes
 * on, so that one mistake shows all that it does.
 */
#include "demo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages after these are counted, not shown. */
enum { MESSAGES = 20 };

static void complain(struct demo *d, const char *message)
{
    demo_progress(&d->screen, "", 0, 0);
    fflush(stdout);
    if (d->failed < MESSAGES)
        fprintf(stderr, "lazypager-demo: %s: %s: %s\n", d->format->name,
                d->where, message);
    d->failed++;
}

bool demo_check(struct demo *d, bool ok, const char *format, ...)
{
    va_list arguments;
    char text[400];

    d->checks++;
    if (ok)
        return true;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    complain(d, text);
    return false;
}

bool demo_equal(struct demo *d, uint64_t got, uint64_t expected,
                const char *what)
{
    return demo_check(d, got == expected, "%s: %llu, not %llu", what,
                      (unsigned long long)got, (unsigned long long)expected);
}

bool demo_bytes(struct demo *d, const void *got, const void *expected,
                size_t len, const char *what, uint64_t offset)
{
    const unsigned char *a = got, *b = expected;
    size_t i = 0;

    if (memcmp(a, b, len) == 0)
        return demo_check(d, true, " ");
    while (a[i] == b[i])
        i++;
    return demo_check(d, false, "%s: byte %llu is 0x%02x, not 0x%02x", what,
                      (unsigned long long)(offset + i), a[i], b[i]);
}

/* An oracle of the machine found something. */
static void oracle(void *ctx, const char *message)
{
    struct demo *d = ctx;

    d->checks++;
    complain(d, message);
}

bool demo_machine_open(struct demo *d, uint64_t nframes, unsigned flags)
{
    struct lp_host_config config = {
        .format = d->format->name,
        .ncpus = d->ncpus,
        .nframes = nframes,
        .flags = flags,
        .ctx = d,
        .failed = oracle,
    };

    demo_trace_configure(d, &config);
    d->m = lp_host_create(&config);
    d->scratch = d->m ? calloc(nframes, sizeof *d->scratch) : NULL;
    if (!d->scratch) {
        demo_check(d, false,
                   "cannot reserve memory for a machine of %llu MiB: %s",
                   (unsigned long long)(nframes >> 8), strerror(errno));
        lp_host_destroy(d->m);
        return false;
    }
    memset(d->active, 0, sizeof d->active);
    demo_trace_begin(d);
    demo_must(d,
              lp_pager_create(lp_host_arch(d->m), lp_host_kernel(d->m), NULL,
                              &d->pager),
              "lp_pager_create");
    d->frames_before = lp_host_frames_used(d->m);
    demo_sound(d);
    return true;
}

void demo_machine_close(struct demo *d)
{
    unsigned cpu;

    demo_sound(d);
    for (cpu = 0; cpu < d->ncpus; cpu++) {
        lp_host_cpu_set(d->m, cpu);
        lp_host_deactivate(d->m);
    }
    demo_equal(d, lp_host_frames_used(d->m), d->frames_before,
               "frames in use when all spaces are gone");
    demo_equal(d, (uint64_t)lp_pager_destroy(d->pager), 0, "lp_pager_destroy");
    demo_equal(d, lp_host_frames_used(d->m), 0,
               "frames in use when the pager is gone");
    demo_equal(d, lp_host_failures(d->m), 0, "complaints of the machine");
    lp_host_destroy(d->m);
    free(d->scratch);
    d->m = NULL;
    d->pager = NULL;
    d->scratch = NULL;
}

void demo_sound(struct demo *d)
{
    struct lp_check_report report = { .what = "lp_check failed" };
    int error = lp_check(d->pager, d->scratch, &report);

    demo_check(d, error == 0, "lp_check: %s (0x%llx, 0x%llx)", report.what,
               (unsigned long long)report.a, (unsigned long long)report.b);
    demo_check(d, lp_host_check(d->m), "lp_host_check: %s",
               lp_host_failure(d->m));
}

int64_t demo_must(struct demo *d, int64_t result, const char *what)
{
    if (result >= 0)
        return result;
    demo_check(d, false, "%s: %s; cannot go on", what,
               lp_strerror((int)result));
    exit(EXIT_FAILURE);
}

uint64_t demo_traps(struct demo *d)
{
    struct lp_host_stats stats;

    lp_host_read_stats(d->m, &stats);
    return stats.traps;
}

void demo_run(struct demo *d, unsigned cpu, struct lp_space *space)
{
    cpu %= d->ncpus;
    lp_host_cpu_set(d->m, cpu);
    if (d->active[cpu] == space)
        return;
    lp_host_activate(d->m, d->pager, space);
    d->active[cpu] = space;
}

void demo_exit(struct demo *d, struct lp_space *space)
{
    unsigned cpu;

    for (cpu = 0; cpu < d->ncpus; cpu++)
        if (d->active[cpu] == space)
            demo_run(d, cpu, NULL);
    lp_space_destroy(space);
}

void demo_pread(struct demo *d, int fd, uint64_t offset, void *buffer,
                size_t len)
{
    size_t done = 0;
    ssize_t n;

    while (done < len) {
        n = pread(fd, (char *)buffer + done, len - done,
                  (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            demo_check(d, false, "cannot read the file: %s", strerror(errno));
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    memset((char *)buffer + done, 0, len - done);
}
