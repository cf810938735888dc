/*
 * bench.c: the main program of the benchmarks on the host machine.
 *
 * Nothing is checked by the machine while a case runs (no junk in frames): the
 * unit tests do that.  Building a case runs outside callgrind's
 * instrumentation, and so nearly at full speed.
 */
#include "bench.h"

enum { FRAMES = 300000, CPUS = 4, NAME_MAX_LEN = 128 };

struct bench bench;

/* Formats that are tests; --list-all lists all real ones. */
static const char *const main_formats[] = { "x86-64", "sv39" };
static const char *const all_formats[] = {
    "x86-64", "x86-64-la57", "sv39",       "sv48",
    "sv57",   "sv39-svade",  "sv48-svade", "sv57-svade",
};

static void list(const struct bench_case *cases, size_t n,
                 const char *const *formats, size_t nformats)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < nformats; k++)
            printf("%s/%s\n", cases[i].name, formats[k]);
}

static void create(const char *format)
{
    struct lp_host_config config = {
        .format = format,
        .ncpus = CPUS,
        .nframes = FRAMES,
        .flags = LP_HOST_NO_JUNK,
    };
    struct lp_options options = { .max_areas = 1u << 20 };
    const struct lp_pte_format *f;

    bench.format = format;
    bench.m = lp_host_create(&config);
    bench_require(bench.m != NULL, format);
    f = &lp_host_arch(bench.m)->format;
    bench.root_span = PAGE << ((f->levels - 1) * f->index_bits);
    bench_ok(lp_pager_create(lp_host_arch(bench.m), lp_host_kernel(bench.m),
                             &options, &bench.pager));
    bench_ok(lp_space_create(bench.pager, &bench.space));
    lp_host_activate(bench.m, bench.pager, bench.space);
}

static void destroy(void)
{
    lp_host_activate(bench.m, bench.pager, NULL);
    lp_space_destroy(bench.space);
    lp_host_deactivate(bench.m);
    bench_ok(lp_pager_destroy(bench.pager));
    bench_require(lp_host_frames_used(bench.m) == 0, "all frames are back");
    bench_require(lp_host_failures(bench.m) == 0, "the machine is content");
    lp_host_destroy(bench.m);
}

static void run(const struct bench_case *c, const char *format)
{
    create(format);
    if (c->build)
        c->build();
    CALLGRIND_START_INSTRUMENTATION;
    c->run();
    CALLGRIND_STOP_INSTRUMENTATION;
    if (c->tell)
        c->tell();
    destroy();
}

static int find_and_run(const char *name, const struct bench_case *cases,
                        size_t n)
{
    const char *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;

    for (size_t i = 0; i < n; i++) {
        if (strlen(cases[i].name) != len ||
            strncmp(cases[i].name, name, len) != 0)
            continue;
        for (size_t k = 0; k < COUNT(all_formats); k++) {
            if (strcmp(all_formats[k], slash + 1) != 0)
                continue;
            run(&cases[i], all_formats[k]);
            return 0;
        }
    }
    fprintf(stderr, "no case %s\n", name);
    return 2;
}

int bench_main(int argc, char **argv, const struct bench_case *cases, size_t n)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        list(cases, n, main_formats, COUNT(main_formats));
    else if (argc == 2 && strcmp(argv[1], "--list-all") == 0)
        list(cases, n, all_formats, COUNT(all_formats));
    else if (argc == 3 && strcmp(argv[1], "--test") == 0)
        return find_and_run(argv[2], cases, n);
    else
        return 2;
    return 0;
}
