/*
 * main.c: the command line of the campaign.
 *
 * Each run is one process of its own (fork), so that a run that dies is seen,
 * named in one line, and can be made shorter (--shrink).
 */
#include "shrink.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: model [options]\n"
    "  --format F       one of the host machine's formats, or all\n"
    "                   (default: all, the small ones more often)\n"
    "  --seed S         of the first run (default 1); each run adds one\n"
    "  --ops N          operations a run (default 2000)\n"
    "  --runs R         how many runs (default 1)\n"
    "  --check-every K  compare everything after every K operations (16)\n"
    "  --cpus N         virtual CPUs, 1 to 16 (default: by the seed)\n"
    "  --keep LIST      run only these operations (3,7-9)\n"
    "  --verbose        print each operation\n"
    "  --shrink         on a failure look for a shorter run that fails\n"
    "  --keep-going     do not stop at the first run that fails\n"
    "  --list, --test NAME\n"
    "                   short runs, as tests\n"
    "  --help\n";

struct campaign {
    struct settings settings;
    const char *format; /* NULL or a name */
    uint64_t runs;
    bool shrink, keep_going;
    const char *keep;
};

/* --- which format --- */

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

static bool is_format(const char *name)
{
    unsigned i;

    for (i = 0; lp_host_formats[i]; i++)
        if (strcmp(name, lp_host_formats[i]) == 0)
            return true;
    return false;
}

/* --- arguments --- */

static _Noreturn void bad_argument(const char *what, const char *value)
{
    fprintf(stderr, "model: %s%s%s\n%s", what, value ? ": " : "",
            value ? value : "", usage);
    exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t least,
                       uint64_t most)
{
    unsigned long long n;
    char *end;

    if (!text || !*text)
        bad_argument("a number is missing after", option);
    errno = 0;
    n = strtoull(text, &end, 0);
    if (errno || *end || *text == '-' || n < least || n > most) {
        fprintf(stderr, "model: %s: not a number from %llu to %llu: %s\n",
                option, (unsigned long long)least, (unsigned long long)most,
                text);
        exit(2);
    }
    return n;
}

/* Options with a value; gives false when it is none of them. */
static bool take_value(struct campaign *c, const char *option,
                       const char *value)
{
    struct settings *s = &c->settings;

    if (strcmp(option, "--seed") == 0)
        s->seed = number(option, value, 0, UINT64_MAX);
    else if (strcmp(option, "--ops") == 0)
        s->ops = number(option, value, 1, 100000000);
    else if (strcmp(option, "--runs") == 0)
        c->runs = number(option, value, 1, UINT64_MAX);
    else if (strcmp(option, "--check-every") == 0)
        s->check_every = (unsigned)number(option, value, 0, 1000000000);
    else if (strcmp(option, "--cpus") == 0)
        s->cpus = (unsigned)number(option, value, 1, WORLD_CPUS_MAX);
    else if (strcmp(option, "--keep") == 0)
        c->keep = value;
    else if (strcmp(option, "--format") == 0)
        c->format = value;
    else
        return false;
    if (!value)
        bad_argument("a value is missing after", option);
    return true;
}

static bool take_switch(struct campaign *c, const char *option)
{
    if (strcmp(option, "--verbose") == 0)
        c->settings.verbose = true;
    else if (strcmp(option, "--shrink") == 0)
        c->shrink = true;
    else if (strcmp(option, "--keep-going") == 0)
        c->keep_going = true;
    else
        return false;
    return true;
}

/* --- the tests --- */

enum { TEST_RUNS = 6 };

/* Cases by name: the format, and which of its two short runs. */
static int run_test(const char *name)
{
    struct settings s = { .check_every = 1 };
    char format[32];
    const char *kind = strchr(name, '/');
    uint64_t i;

    if (!kind || (size_t)(kind - name) >= sizeof format ||
        (strcmp(kind, "/every_op") != 0 && strcmp(kind, "/long") != 0))
        bad_argument("no such test", name);
    snprintf(format, sizeof format, "%.*s", (int)(kind - name), name);
    if (!is_format(format))
        bad_argument("no such test", name);
    s.format = format;
    s.ops = 250;
    if (strcmp(kind, "/long") == 0) {
        s.check_every = 64;
        s.ops = 1500;
    }
    for (i = 0; i < TEST_RUNS; i++) {
        s.seed = 1 + i;
        if (!run_alone(&s, SHOW))
            return 1;
    }
    return 0;
}

static void list_tests(void)
{
    unsigned i;

    for (i = 0; lp_host_formats[i]; i++)
        printf("%s/every_op\n%s/long\n", lp_host_formats[i],
               lp_host_formats[i]);
}

/* --- the campaign --- */

static void progress(uint64_t run, const struct campaign *c, uint64_t ops,
                     time_t start, time_t *last)
{
    time_t now = time(NULL);

    if (now < *last + 10)
        return;
    *last = now;
    fprintf(stderr,
            "%llu runs, %llu operations, %.0f/s; go on with --seed %llu\n",
            (unsigned long long)run, (unsigned long long)ops,
            (double)ops / (double)(now - start ? now - start : 1),
            (unsigned long long)c->settings.seed);
}

static int campaign(struct campaign *c)
{
    time_t start = time(NULL), last = start;
    uint64_t run, ops = 0, failed = 0;
    uint8_t *skip = c->keep ? parse_keep(c->keep, c->settings.ops) : NULL;

    if (c->keep && !skip)
        bad_argument("not a list of operations", c->keep);
    c->settings.skip = skip;
    for (run = 0; run < c->runs; run++, c->settings.seed++) {
        c->settings.format = format_of(c, c->settings.seed);
        if (!run_alone(&c->settings, SHOW)) {
            failed++;
            if (c->shrink)
                shrink(&c->settings);
            if (!c->keep_going)
                break;
        }
        ops += c->settings.ops;
        progress(run + 1, c, ops, start, &last);
    }
    free(skip);
    fprintf(stderr, "%llu runs, %llu operations, %llu failed\n",
            (unsigned long long)(run + (run < c->runs)),
            (unsigned long long)ops, (unsigned long long)failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct campaign c = {
        .settings = { .seed = 1, .ops = 2000, .check_every = 16 }, .runs = 1
    };
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--list") == 0) {
            list_tests();
            return 0;
        }
        if (strcmp(argv[i], "--test") == 0) {
            if (!argv[i + 1])
                bad_argument("a name is missing after", argv[i]);
            return run_test(argv[i + 1]);
        }
        if (take_switch(&c, argv[i]))
            continue;
        if (!take_value(&c, argv[i], argv[i + 1]))
            bad_argument("unknown option", argv[i]);
        i++;
    }
    if (c.format && strcmp(c.format, "all") == 0)
        c.format = NULL;
    if (c.format && !is_format(c.format))
        bad_argument("unknown format", c.format);
    return campaign(&c);
}
