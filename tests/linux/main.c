/*
 * main.c: the command line.
 */
#include "options.h"
#include "oracle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>

static const char usage[] =
    "usage: linux-oracle [options]\n"
    "  --format F       one of the host machine's formats, or all\n"
    "                   (default: all, in turn)\n"
    "  --seed S         of the first run (default 1); each run adds one\n"
    "  --ops N          operations a run (default 20000)\n"
    "  --runs R         how many runs (default 1)\n"
    "  --check-every K  look at the whole window after every K operations;\n"
    "                   0: at the end of the run (default 64)\n"
    "  --keep LIST      run only these operations (3,7-9)\n"
    "  --lie N[:WHAT]   the library lies at operation N, or the first where it\n"
    "                   can; WHAT: answer (default), fault, layout, contents\n"
    "  --text-maps      read /proc/self/maps, also where it can be asked\n"
    "  --verbose        print each operation\n"
    "  --shrink         on a failure look for a shorter run that fails\n"
    "  --keep-going     do not stop at the first run that fails\n"
    "  --list, --test NAME\n"
    "                   short runs, as tests\n"
    "  --help\n"
    "Exit status: 0 all agree, 1 they differ, 2 bad arguments, 77 this\n"
    "kernel cannot be asked.\n";

struct campaign {
    struct settings settings;
    const char *format; /* NULL or a name */
    uint64_t runs;
    bool shrink, keep_going;
    const char *keep;
};

static struct totals *totals;

/* --- arguments --- */

static const char *format_of(const struct campaign *c, uint64_t seed)
{
    unsigned n = 0;

    if (c->format)
        return c->format;
    while (lp_host_formats[n])
        n++;
    return lp_host_formats[seed % n];
}

static void take_lie(struct settings *s, const char *value)
{
    static const char *const kinds[] = { "answer", "fault", "layout",
                                         "contents" };
    const char *kind = strchr(value, ':');
    char digits[24];
    unsigned i;

    snprintf(digits, sizeof digits, "%.*s",
             (int)(kind ? kind - value : (long)strlen(value)), value);
    s->lie_at = number_of("--lie", digits, 0, UINT64_MAX);
    kind = kind ? kind + 1 : kinds[0];
    for (i = 0; i < 4; i++)
        if (strcmp(kind, kinds[i]) == 0)
            s->lie = LIE_ANSWER + i;
    if (!s->lie)
        bad_argument("no such lie", kind);
}

/* Options with a value; false: it is none of them. */
static bool take_value(struct campaign *c, const char *option,
                       const char *value)
{
    struct settings *s = &c->settings;

    if (strcmp(option, "--seed") == 0)
        s->seed = number_of(option, value, 0, UINT64_MAX);
    else if (strcmp(option, "--ops") == 0)
        s->ops = number_of(option, value, 1, 100000000);
    else if (strcmp(option, "--runs") == 0)
        c->runs = number_of(option, value, 1, UINT64_MAX);
    else if (strcmp(option, "--check-every") == 0)
        s->check_every = (unsigned)number_of(option, value, 0, 1000000000);
    else if (strcmp(option, "--format") == 0)
        c->format = format_option(value_of(option, value));
    else if (strcmp(option, "--keep") == 0)
        c->keep = value_of(option, value);
    else if (strcmp(option, "--lie") == 0)
        take_lie(s, value_of(option, value));
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
    else if (strcmp(option, "--text-maps") == 0)
        c->settings.text_maps = true;
    else if (strcmp(option, "--keep-going") == 0)
        c->keep_going = true;
    else
        return false;
    return true;
}

/* --- the kernel that answers --- */

static void need_linux(void)
{
    const char *lacks = theirs_probe();
    struct utsname name;

    if (!lacks)
        return;
    uname(&name);
    fprintf(stderr, "linux-oracle: skipped: %s %s lacks %s\n", name.sysname,
            name.release, lacks);
    exit(SKIPPED);
}

/* --- the tests --- */

static const char *const lies[] = { "answer", "fault", "layout", "contents" };

/* A lie must be seen, wherever it is told. */
static int test_lie(const char *kind)
{
    struct settings s = { .format = "x86-64", .ops = 400, .check_every = 1 };

    for (s.seed = 1; s.seed <= 4; s.seed++) {
        char value[48];

        s.lie = LIE_NONE;
        snprintf(value, sizeof value, "%llu:%s",
                 (unsigned long long)s.seed * 50, kind);
        take_lie(&s, value);
        if (run_alone(&s, totals, HIDE) != DIFFERED) {
            fprintf(stderr, "seed %llu: a lie about %s was not seen\n",
                    (unsigned long long)s.seed, kind);
            return 1;
        }
    }
    return 0;
}

static int test_format(const char *format, const char *kind)
{
    struct settings s = { .format = format, .ops = 200, .check_every = 1 };

    if (strcmp(kind, "long") == 0) {
        s.check_every = 128;
        s.ops = 4000;
    }
    for (s.seed = 1; s.seed <= 3; s.seed++) {
        s.text_maps = s.seed == 3;
        if (run_alone(&s, totals, SHOW) != AGREED)
            return 1;
    }
    return 0;
}

static int run_test(const char *name)
{
    const char *kind = strchr(name, '/');
    char before[32];
    unsigned i;

    if (!kind || (size_t)(kind - name) >= sizeof before)
        bad_argument("no such test", name);
    snprintf(before, sizeof before, "%.*s", (int)(kind++ - name), name);
    if (strcmp(before, "sees-lies") == 0)
        for (i = 0; i < 4; i++)
            if (strcmp(kind, lies[i]) == 0)
                return test_lie(kind);
    if (!is_format(before) ||
        (strcmp(kind, "every-op") != 0 && strcmp(kind, "long") != 0))
        bad_argument("no such test", name);
    return test_format(before, kind);
}

static void list_tests(void)
{
    unsigned i;

    for (i = 0; lp_host_formats[i]; i++)
        printf("%s/every-op\n%s/long\n", lp_host_formats[i],
               lp_host_formats[i]);
    for (i = 0; i < 4; i++)
        printf("sees-lies/%s\n", lies[i]);
}

/* --- the campaign --- */

static void progress(uint64_t run, const struct campaign *c, time_t start,
                     time_t *last)
{
    time_t now = time(NULL);

    if (now < *last + 10)
        return;
    *last = now;
    fprintf(stderr,
            "%llu runs, %llu operations, %.0f/s; go on with --seed %llu\n",
            (unsigned long long)run, (unsigned long long)totals->operations,
            (double)totals->operations / (double)(now - start),
            (unsigned long long)c->settings.seed + 1);
}

static void summary(uint64_t runs, uint64_t failed)
{
    struct utsname name;
    unsigned i;

    uname(&name);
    fprintf(stderr,
            "%s %s: %llu runs, %llu operations, %llu layouts and %llu pages "
            "compared, %llu failed\n",
            name.sysname, name.release, (unsigned long long)runs,
            (unsigned long long)totals->operations,
            (unsigned long long)totals->layouts,
            (unsigned long long)totals->pages, (unsigned long long)failed);
    for (i = 0; known[i].name; i++)
        if (totals->known[i])
            fprintf(stderr, "known difference %s: %llu times\n", known[i].name,
                    (unsigned long long)totals->known[i]);
}

static int campaign(struct campaign *c)
{
    time_t start = time(NULL), last = start;
    uint64_t run, failed = 0;
    uint8_t *skip = c->keep ? keep_of(c->keep, c->settings.ops) : NULL;

    c->settings.skip = skip;
    for (run = 0; run < c->runs; run++, c->settings.seed++) {
        c->settings.format = format_of(c, c->settings.seed);
        if (run_alone(&c->settings, totals, SHOW) != AGREED) {
            failed++;
            if (c->shrink)
                shrink(&c->settings, totals);
            if (!c->keep_going)
                break;
        }
        progress(run + 1, c, start, &last);
    }
    free(skip);
    summary(run + (run < c->runs), failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct campaign c = {
        .settings = { .seed = 1, .ops = 20000, .check_every = 64 }, .runs = 1
    };
    const char *test = NULL;
    int i;

    options_of("linux-oracle", usage);
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
            test = value_of(argv[i], argv[i + 1]);
            i++;
            continue;
        }
        if (take_switch(&c, argv[i]))
            continue;
        if (!take_value(&c, argv[i], argv[i + 1]))
            bad_argument("unknown option", argv[i]);
        i++;
    }
    need_linux();
    totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED) {
        perror("linux-oracle: mmap");
        return 1;
    }
    return test ? run_test(test) : campaign(&c);
}
