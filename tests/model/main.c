/*
 * main.c: the command line of the campaigns, and their short slices as tests.
 */
#include "campaign.h"
#include "options.h"
#include "shrink.h"

#include <string.h>

static const char usage[] =
    "usage: model [options]\n"
    "  --mode M         model: random operations against a page-array model\n"
    "                   inject: every allocation and every page of an object\n"
    "                   is refused in turn; nothing may have changed\n"
    "                   tlb: accesses through many TLBs, looked at after each\n"
    "                   call; how many entries were flushed in vain\n"
    "  --format F       one of the host machine's formats, or all\n"
    "                   (default: all, the small ones more often)\n"
    "  --seed S         of the first run (default 1); each run adds one\n"
    "  --ops N          operations a run (default 2000)\n"
    "  --runs R         how many runs (default 1)\n"
    "  --seconds S      start no run after so many seconds\n"
    "  --check-every K  compare everything after every K operations (16)\n"
    "  --cpus N         virtual CPUs, 1 to 16 (default: by the seed)\n"
    "  --keep LIST      run only these operations (3,7-9)\n"
    "  --verbose        print each operation\n"
    "  --shrink         on a failure look for a shorter run that fails\n"
    "  --keep-going     do not stop at the first run that fails\n"
    "  --list, --test NAME\n"
    "                   short runs, as tests\n"
    "  --help\n"
    "An interrupt ends the campaign after the current run; the last line says\n"
    "how to go on.  Exit status: 0 nothing found, 1 a difference, 2 bad\n"
    "arguments, 130 interrupted.\n";

/* --- arguments --- */

static enum mode mode_of(const char *name)
{
    unsigned i;

    for (i = 0; mode_names[i]; i++)
        if (strcmp(name, mode_names[i]) == 0)
            return (enum mode)i;
    bad_argument("unknown mode", name);
}

/* Options with a value; gives false when it is none of them. */
static bool take_value(struct campaign *c, const char *option,
                       const char *value)
{
    struct settings *s = &c->settings;

    if (strcmp(option, "--mode") == 0)
        s->mode = mode_of(value_of(option, value));
    else if (strcmp(option, "--seed") == 0)
        s->seed = number_of(option, value, 0, UINT64_MAX);
    else if (strcmp(option, "--ops") == 0)
        s->ops = number_of(option, value, 1, 100000000);
    else if (strcmp(option, "--runs") == 0)
        c->runs = number_of(option, value, 1, UINT64_MAX);
    else if (strcmp(option, "--seconds") == 0)
        c->seconds = number_of(option, value, 1, 100000000);
    else if (strcmp(option, "--check-every") == 0)
        s->check_every = (unsigned)number_of(option, value, 0, 1000000000);
    else if (strcmp(option, "--cpus") == 0)
        s->cpus = (unsigned)number_of(option, value, 1, WORLD_CPUS_MAX);
    else if (strcmp(option, "--keep") == 0)
        c->keep = value_of(option, value);
    else if (strcmp(option, "--format") == 0)
        c->format = format_option(value_of(option, value));
    else
        return false;
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

/* Cases by name: a format and one of these. */
static const struct test {
    const char *name;
    struct settings settings;
    uint64_t runs;
} tests[] = {
    { "every_op", { .mode = MODE_MODEL, .check_every = 1, .ops = 250 }, 6 },
    { "long", { .mode = MODE_MODEL, .check_every = 64, .ops = 2000 }, 6 },
    { "inject", { .mode = MODE_INJECT, .check_every = 64, .ops = 300 }, 12 },
    { "tlb", { .mode = MODE_TLB, .check_every = 64, .ops = 150 }, 3 },
};

enum { NTESTS = sizeof tests / sizeof tests[0] };

/* All formats in turn: enough flushes to say how many were needless. */
static const struct campaign over_flush = {
    .settings = { .mode = MODE_TLB, .check_every = 0, .ops = 200, .seed = 1 },
    .runs = 22,
};

static int run_test(const char *name)
{
    const char *kind = strchr(name, '/');
    struct campaign c = over_flush;
    char format[32];
    unsigned i;

    if (strcmp(name, "over-flush") == 0)
        return campaign(&c);
    if (!kind || (size_t)(kind - name) >= sizeof format)
        bad_argument("no such test", name);
    snprintf(format, sizeof format, "%.*s", (int)(kind - name), name);
    for (i = 0; i < NTESTS && strcmp(kind + 1, tests[i].name) != 0; i++)
        ;
    if (i == NTESTS || !is_format(format))
        bad_argument("no such test", name);
    c = (struct campaign){ .settings = tests[i].settings,
                           .format = format,
                           .runs = tests[i].runs };
    c.settings.seed = 1;
    return campaign(&c);
}

static void list_tests(void)
{
    unsigned i, k;

    for (i = 0; lp_host_formats[i]; i++)
        for (k = 0; k < NTESTS; k++)
            printf("%s/%s\n", lp_host_formats[i], tests[k].name);
    printf("over-flush\n");
}

int main(int argc, char **argv)
{
    struct campaign c = {
        .settings = { .seed = 1, .ops = 2000, .check_every = 16 }, .runs = 1
    };
    int i;

    options_of("model", usage);
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--list") == 0) {
            list_tests();
            return 0;
        }
        if (strcmp(argv[i], "--test") == 0)
            return run_test(value_of(argv[i], argv[i + 1]));
        if (take_switch(&c, argv[i]))
            continue;
        if (!take_value(&c, argv[i], argv[i + 1]))
            bad_argument("unknown option", argv[i]);
        i++;
    }
    if (c.keep)
        c.settings.skip = keep_of(c.keep, c.settings.ops);
    return campaign(&c);
}
