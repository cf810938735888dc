/*
 * main.c: the command line of the explorer.
 *
 *     --list                     the cases, FORMAT/SCENARIO and
 *                                FORMAT/SCENARIO_exhaustively
 *     --test CASE                one of them
 *     --scenario S               that scenario, with
 *         --format F             ... this format; default: all of them
 *         --seed N               ... the first seed; default 1
 *         --schedules K          ... so many seeds; default 1 with --seed
 *         --switches P,N:C,...   ... P first, at step N go on with C, ...
 *         --exhaust B            ... all ways to switch at most B times
 *         --trace                ... print each switch
 */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DEATH 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define DEATH 1
#endif
#ifdef DEATH
#include <sanitizer/common_interface_defs.h>
#endif

enum { SCHEDULES = 1000 };

void world_last_words(void);

static const struct scenario *const lists[] = {
    scenarios_own,  scenarios_space,  scenarios_object, scenarios_advise,
    scenarios_code, scenarios_kernel, scenarios_query,  scenarios_soup
};
static const char *const formats[] = { "free-w", "free-v", "x86-64", "sv39" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- exploring ----------------------------------------------------------- */

static void explore(const struct scenario *s, const struct options *options,
                    uint64_t schedules)
{
    struct options each = *options;
    struct options measure = { .format = options->format, .listed = true };
    uint64_t steps = world_run(s, &measure, 0), i;

    for (i = 0; i < schedules; i++) {
        each.seed = options->seed + i;
        world_run(s, &each, steps);
    }
}

/*
 * All runs that begin as `options` says and switch once more, `left` more
 * times at most.  Returns how many runs there were.
 */
static uint64_t exhaust(const struct scenario *s, struct options *options,
                        unsigned left)
{
    struct plan *plan = &options->plan;
    unsigned depth = plan->nchanges, to;
    uint64_t steps = world_run(s, options, 0), runs = 1, at;
    uint64_t from = depth ? plan->change[depth - 1].step : 0;

    if (left == 0)
        return runs;
    for (at = from + 1; at <= steps; at++)
        for (to = 0; to < s->ncpus; to++) {
            plan->nchanges = depth + 1;
            plan->change[depth] = (struct change){ at, to };
            runs += exhaust(s, options, left - 1);
        }
    plan->nchanges = depth;
    return runs;
}

static uint64_t exhaust_all(const struct scenario *s, const char *format,
                            uint64_t seed, unsigned bound)
{
    struct options options = { .format = format, .seed = seed, .listed = true };
    uint64_t runs = 0;
    unsigned first;

    for (first = 0; first < s->ncpus; first++) {
        options.plan = (struct plan){ .strategy = LISTED, .start = first };
        runs += exhaust(s, &options, bound);
    }
    return runs;
}

/* --- cases --------------------------------------------------------------- */

static const struct scenario *find_scenario(const char *name, size_t len)
{
    const struct scenario *s;
    size_t i;

    for (i = 0; i < COUNT(lists); i++)
        for (s = lists[i]; s->name; s++)
            if (strlen(s->name) == len && memcmp(s->name, name, len) == 0)
                return s;
    return NULL;
}

static void list_cases(void)
{
    const struct scenario *s;
    size_t i, f;

    for (i = 0; i < COUNT(lists); i++)
        for (s = lists[i]; s->name; s++)
            for (f = 0; f < COUNT(formats); f++) {
                printf("%s/%s\n", formats[f], s->name);
                if (s->bound)
                    printf("%s/%s_exhaustively\n", formats[f], s->name);
            }
}

/* The format that a case's name begins with. */
static const char *format_of(const char *name)
{
    size_t f, len;

    for (f = 0; f < COUNT(formats); f++) {
        len = strlen(formats[f]);
        if (strncmp(name, formats[f], len) == 0 && name[len] == '/')
            return formats[f];
    }
    return NULL;
}

static int run_case(const char *name)
{
    static const char suffix[] = "_exhaustively";
    const char *format = format_of(name), *rest;
    const struct scenario *s = NULL;
    struct options options = { .format = format, .seed = 1 };
    size_t len;

    if (format) {
        rest = name + strlen(format) + 1;
        len = strlen(rest);
        s = find_scenario(rest, len);
        if (!s && len > strlen(suffix)) {
            s = find_scenario(rest, len - strlen(suffix));
            if (s && s->bound && strcmp(rest + strlen(s->name), suffix) == 0)
                return exhaust_all(s, format, 1, s->bound) ? 0 : 1;
            s = NULL;
        }
    }
    if (!s) {
        fprintf(stderr, "no case named %s\n", name);
        return 2;
    }
    explore(s, &options, s->schedules ? s->schedules : SCHEDULES);
    return 0;
}

/* --- by hand ------------------------------------------------------------- */

struct arguments {
    const char *scenario, *format, *switches;
    uint64_t seed, schedules;
    unsigned bound;
    bool trace, exhaust;
};

static bool parse(int argc, char **argv, struct arguments *a)
{
    int i;

    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--trace") == 0) {
            a->trace = true;
            continue;
        }
        if (!value)
            return false;
        if (strcmp(argv[i], "--scenario") == 0)
            a->scenario = value;
        else if (strcmp(argv[i], "--format") == 0)
            a->format = value;
        else if (strcmp(argv[i], "--switches") == 0)
            a->switches = value;
        else if (strcmp(argv[i], "--seed") == 0)
            a->seed = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--schedules") == 0)
            a->schedules = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--exhaust") == 0)
            a->exhaust = true, a->bound = (unsigned)strtoul(value, NULL, 0);
        else
            return false;
        i++;
    }
    return a->scenario != NULL;
}

/* "1,20:0,31:2": start with 1, at step 20 go on with 0, ... */
static bool parse_switches(const char *text, struct plan *plan)
{
    char *end;

    *plan = (struct plan){ .strategy = LISTED };
    plan->start = (unsigned)strtoul(text, &end, 10);
    while (*end == ',' && plan->nchanges < CHANGES_MAX) {
        plan->change[plan->nchanges].step = strtoull(end + 1, &end, 10);
        if (*end++ != ':')
            return false;
        plan->change[plan->nchanges++].to = (unsigned)strtoul(end, &end, 10);
    }
    return *end == 0;
}

static int by_hand_on(const struct scenario *s, const struct arguments *a,
                      const char *format)
{
    struct options options = { .format = format,
                               .seed = a->seed,
                               .trace = a->trace };

    if (a->exhaust) {
        printf("%s on %s: %llu schedules\n", s->name, format,
               (unsigned long long)exhaust_all(s, format, a->seed, a->bound));
        return 0;
    }
    if (a->switches) {
        options.listed = true;
        if (!parse_switches(a->switches, &options.plan))
            return 2;
        world_run(s, &options, 0);
        return 0;
    }
    explore(s, &options, a->schedules);
    printf("%s on %s: %llu schedules\n", s->name, format,
           (unsigned long long)a->schedules);
    return 0;
}

static int by_hand(const struct arguments *a)
{
    const struct scenario *s = find_scenario(a->scenario, strlen(a->scenario));
    int status = 0;
    size_t f;

    if (!s) {
        fprintf(stderr, "no scenario named %s\n", a->scenario);
        return 2;
    }
    if (a->format)
        return by_hand_on(s, a, a->format);
    for (f = 0; f < COUNT(formats) && !status; f++)
        status = by_hand_on(s, a, formats[f]);
    return status;
}

/* --- main ---------------------------------------------------------------- */

#ifdef DEATH
static void watch_death(void)
{
    __sanitizer_set_death_callback(world_last_words);
}
#else
static void on_signal(int number)
{
    world_last_words();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_death(void)
{
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGABRT, on_signal);
}
#endif

int main(int argc, char **argv)
{
    struct arguments a = { .seed = 1, .schedules = 1 };

    watch_death();
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_cases();
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (argc == 3 && strcmp(argv[1], "--test") == 0)
        return run_case(argv[2]);
    if (parse(argc, argv, &a))
        return by_hand(&a);
    fprintf(stderr, "bad arguments; see tests/interleave/main.c\n");
    return 2;
}
