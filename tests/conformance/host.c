/*
 * host.c: the conformance suite on the host machine, every case on every
 * format.  The one file here that is not freestanding.
 */
#include "conformance.h"

#include <lazypager/host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NFRAMES = 8192, NDEVICE = 16, NCPUS = 4, EXIT_USAGE = 2 };

/*
 * Each case runs on each of these machines: one that only forgets what it is
 * told to, one that walks and forgets at the worst moments, and one whose CPUs
 * are made to forget by fences, not by calls.
 */
static const struct variant {
    unsigned flags, evict_one_in;
    int asid_bits;
} variants[] = {
    { LP_HOST_RANDOM_FRAMES, 0, 0 },
    { LP_HOST_RANDOM_FRAMES | LP_HOST_FENCES, 0, 0 },
    { LP_HOST_RANDOM_FRAMES | LP_HOST_SPECULATE | LP_HOST_DROP_ON_FAULT, 5,
      LP_HOST_NO_ASIDS },
};

struct host {
    struct lp_host *m;
    lp_pa root; /* of the machine's own */
    char failure[512];
};

static void failed(void *ctx, const char *message)
{
    struct host *host = ctx;

    if (!host->failure[0])
        snprintf(host->failure, sizeof(host->failure), "%s", message);
}

static void cpu_set(void *ctx, unsigned cpu)
{
    lp_host_cpu_set(((struct host *)ctx)->m, cpu);
}

static void activate(void *ctx, struct lp_pager *pager, struct lp_space *space)
{
    lp_host_activate(((struct host *)ctx)->m, pager, space);
}

static void leave(void *ctx)
{
    struct host *host = ctx;
    const struct lp_kernel *kernel = lp_host_kernel(host->m);
    const struct lp_arch *arch = lp_host_arch(host->m);

    kernel->preempt_disable(kernel->ctx);
    arch->activate(arch->ctx, host->root, 0, true);
    kernel->preempt_enable(kernel->ctx);
}

static enum lp_fault_code access_page(void *ctx, unsigned access, lp_va va,
                                      void *buffer, size_t len)
{
    struct host *host = ctx;
    enum lp_host_code code =
        lp_host_access(host->m, LP_HOST_USER, access, va, buffer, len);

    /* What a kernel makes of #GP for an address that is not canonical. */
    if (code == LP_HOST_PROTECTION)
        return LP_FAULT_MAPERR;
    if (code > LP_HOST_NOMEM)
        failed(host, "an access was not completed");
    return (enum lp_fault_code)code;
}

static const char *check(void *ctx)
{
    struct host *host = ctx;

    lp_host_check(host->m);
    return host->failure[0] ? host->failure : NULL;
}

static void wrote_back(void *ctx, const void *page)
{
    lp_host_wrote_back(((struct host *)ctx)->m, page);
}

static void print(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static bool run_on(struct host *host, const char *format,
                   const struct conf_case *which)
{
    uint32_t *scratch = calloc(NFRAMES, sizeof(*scratch));
    struct conf_machine machine = {
        .ctx = host,
        .name = format,
        .arch = lp_host_arch(host->m),
        .kernel = lp_host_kernel(host->m),
        .scratch = scratch,
        .device = lp_host_device(host->m),
        .device_len = NDEVICE * PAGE,
        .cpu_set = cpu_set,
        .activate = activate,
        .leave = leave,
        .access = access_page,
        .can_fetch = true,
        .check = check,
        .wrote_back = wrote_back,
        .log = print,
    };
    bool passed = scratch && conf_run(&machine, which);

    if (passed && (check(host) || lp_host_frames_used(host->m) != 1)) {
        fprintf(stderr, "%s/%s: at the end: %s\n", format, which->name,
                host->failure[0] ? host->failure : "frames are left");
        passed = false;
    }
    free(scratch);
    return passed;
}

/* One frame is the machine's. */
static bool first_root(struct host *host)
{
    const struct lp_kernel *kernel = lp_host_kernel(host->m);

    return kernel->frame_alloc(kernel->ctx, LP_FRAME_ZEROED, &host->root) == 0;
}

/* A new machine for each case: what one breaks does not meet the next. */
static bool run_variant(const char *format, const struct conf_case *which,
                        const struct variant *variant)
{
    struct host host = { .failure = "" };
    struct lp_host_config config = {
        .format = format,
        .ncpus = NCPUS,
        .nframes = NFRAMES,
        .ndevice = NDEVICE,
        .flags = variant->flags,
        .evict_one_in = variant->evict_one_in,
        .asid_bits = variant->asid_bits,
        .seed = 1,
        .ctx = &host,
        .failed = failed,
    };
    bool passed;

    host.m = lp_host_create(&config);
    if (!host.m) {
        fprintf(stderr, "%s: cannot make the machine\n", format);
        return false;
    }
    passed = first_root(&host) && run_on(&host, format, which);
    lp_host_destroy(host.m);
    return passed;
}

static bool run(const char *format, const struct conf_case *which)
{
    bool passed = true;
    size_t i;

    for (i = 0; passed && i < sizeof(variants) / sizeof(variants[0]); i++)
        passed = run_variant(format, which, &variants[i]);
    return passed;
}

/* Call visit for every case on every format; the number of true answers. */
static unsigned each(bool (*visit)(const char *format,
                                   const struct conf_case *which,
                                   const char *name),
                     const char *name)
{
    const struct conf_case *const *table, *which;
    const char *const *format;
    unsigned n = 0;

    for (format = lp_host_formats; *format; format++)
        for (table = conf_tables; *table; table++)
            for (which = *table; which->name; which++)
                n += visit(*format, which, name);
    return n;
}

static bool list(const char *format, const struct conf_case *which,
                 const char *name)
{
    (void)name;
    printf("%s/%s\n", format, which->name);
    return true;
}

static bool fails(const char *format, const struct conf_case *which,
                  const char *name)
{
    (void)name;
    return !run(format, which);
}

static bool is_called(const char *format, const struct conf_case *which,
                      const char *name)
{
    size_t len = strlen(format);

    return strncmp(name, format, len) == 0 && name[len] == '/' &&
           (strcmp(name + len + 1, which->name) == 0 ||
            strcmp(name + len + 1, "*") == 0);
}

static bool fails_named(const char *format, const struct conf_case *which,
                        const char *name)
{
    return is_called(format, which, name) && !run(format, which);
}

static int usage(FILE *out, const char *program, int status)
{
    fprintf(out,
            "usage: %s [--list | --test FORMAT/CASE | --help]\n"
            "Runs all cases on all formats, or the one named; CASE *: all "
            "of them on that format.\n",
            program);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return each(fails, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, argv[0], EXIT_SUCCESS);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        each(list, NULL);
        return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (argc == 3 && strcmp(argv[1], "--test") == 0) {
        if (each(is_called, argv[2]))
            return each(fails_named, argv[2]) ? EXIT_FAILURE : EXIT_SUCCESS;
        fprintf(stderr, "%s: no case named %s\n", argv[0], argv[2]);
        return EXIT_USAGE;
    }
    fprintf(stderr, "%s: bad arguments\n", argv[0]);
    return usage(stderr, argv[0], EXIT_USAGE);
}
