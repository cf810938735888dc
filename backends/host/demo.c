/*
 * demo.c: lazypager-demo: the library at work, to be looked at.
 *
 * Everything that can be wrong with the arguments is found before the first
 * word goes to stdout.
 *
 * => exit 0: every check passed; 1: one did not, or the machine could not be
 *    made or its output not be written; 2: the arguments are wrong.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USAGE = 2, CPUS = 4 };

/* Larger files would need a larger machine than one should be surprised by. */
#define FILE_MAX ((uint64_t)1 << 30)

/* Levels: Intel SDM vol. 3A, 4.5; RISC-V Privileged 1.12, 4.4 to 4.6. */
static const struct demo_format formats[] = {
    { "x86-64", 4 }, { "x86-64-la57", 5 }, { "sv39", 3 },
    { "sv48", 4 },   { "sv57", 5 },
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static const char help[] =
    "Usage: lazypager-demo [OPTION]... FILE...\n"
    "Show the LazyPager library at work, and check all that it does.\n"
    "\n"
    "A machine is made inside this process.  Each FILE is mapped into a space\n"
    "on it and read through page faults; then a family of four processes\n"
    "forks, writes and exits, drawn page by page; then forks of small and\n"
    "large processes are measured.  No FILE is ever changed.\n"
    "\n"
    "  -f, --format=FORMAT  page tables to use: x86-64, x86-64-la57, sv39,\n"
    "                       sv48, sv57, or all (default): the story is told\n"
    "                       for x86-64, the others are checked as well\n"
    "  -c, --cpus=N         CPUs of the machine, 1 to 64 (default 4)\n"
    "  -q, --quick          leave out the process of 1 GiB\n"
    "  -t, --trace=FILE     write what the family does, for lazypager-view\n"
    "  -h, --help           show this and exit\n"
    "  -V, --version        show the version and exit\n"
    "\n"
    "The exit status is 0 when every check passed, 1 when one failed, 2 for\n"
    "wrong arguments.  NO_COLOR, COLUMNS and TMPDIR are respected.\n";

static _Noreturn void usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static _Noreturn void usage(const char *format, ...)
{
    va_list arguments;

    fputs("lazypager-demo: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'lazypager-demo --help'.\n", stderr);
    exit(USAGE);
}

/* The file's name for a message on stderr. */
static const char *shown(const char *path)
{
    static const struct demo_screen ascii;
    static char buffer[4 * 512 + 4];

    demo_printable(&ascii, path, 512, buffer);
    return buffer;
}

static unsigned number_of_cpus(const char *text)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < 1 ||
        n > LP_HOST_CPUS_MAX)
        usage("--cpus: '%s' is not a number from 1 to %d", shown(text),
              LP_HOST_CPUS_MAX);
    return (unsigned)n;
}

/* NULL: all of them. */
static const struct demo_format *format_named(const char *name)
{
    unsigned i;

    if (strcmp(name, "all") == 0)
        return NULL;
    for (i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    usage("--format: '%s' is not one of x86-64, x86-64-la57, sv39, sv48, "
          "sv57, all",
          shown(name));
}

/* A file that can be mapped, or the end. */
static struct demo_file open_file(const char *path)
{
    struct demo_file file = { .path = path };
    struct stat status;
    char byte;

    file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.fd < 0 || fstat(file.fd, &status) < 0)
        usage("%s: %s", shown(path), strerror(errno));
    if (S_ISDIR(status.st_mode))
        usage("%s: is a directory", shown(path));
    if (!S_ISREG(status.st_mode))
        usage("%s: is not a regular file", shown(path));
    if (status.st_size == 0)
        usage("%s: is empty", shown(path));
    if ((uint64_t)status.st_size > FILE_MAX)
        usage("%s: is larger than 1 GiB", shown(path));
    if (pread(file.fd, &byte, 1, 0) != 1)
        usage("%s: cannot be read", shown(path));
    file.size = (uint64_t)status.st_size;
    return file;
}

static void open_files(struct demo *d, int argc, char **argv)
{
    int i;

    if (argc == 0)
        usage("no FILE given; try it on /bin/sh");
    d->nfiles = (size_t)argc;
    d->files = calloc(d->nfiles, sizeof *d->files);
    if (!d->files)
        usage("out of memory");
    for (i = 0; i < argc; i++)
        d->files[i] = open_file(argv[i]);
}

static void open_trace(struct demo *d, const char *path)
{
    if (!demo_trace_open(d, path))
        usage("cannot write %s: %s", shown(path), strerror(errno));
}

/* The family needs a file to write to: better now than half way. */
static void probe_temp(void)
{
    char path[4096] = "";
    int fd = demo_temp(path, sizeof path);

    if (fd < 0)
        usage("cannot make a temporary file %s: %s", shown(path),
              strerror(errno));
    unlink(path);
    close(fd);
}

static void options(struct demo *d, const struct demo_format **only, int argc,
                    char **argv)
{
    static const struct option longs[] = {
        { "format", required_argument, NULL, 'f' },
        { "cpus", required_argument, NULL, 'c' },
        { "quick", no_argument, NULL, 'q' },
        { "trace", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    const char *trace = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "f:c:qt:hV", longs, NULL)) != -1) {
        switch (c) {
        case 'f': *only = format_named(optarg); break;
        case 'c': d->ncpus = number_of_cpus(optarg); break;
        case 'q': d->quick = true; break;
        case 't': trace = optarg; break;
        case 'h': fputs(help, stdout); exit(EXIT_SUCCESS);
        case 'V': puts("lazypager-demo " LP_VERSION_STRING); exit(EXIT_SUCCESS);
        default: /* getopt has said what is wrong */
            fputs("Try 'lazypager-demo --help'.\n", stderr);
            exit(USAGE);
        }
    }
    open_files(d, argc - optind, argv + optind);
    probe_temp();
    if (trace)
        open_trace(d, trace);
}

static void introduce(const struct demo *d)
{
    demo_print(&d->screen, "%sLazyPager " LP_VERSION_STRING "%s\n\n",
               demo_colour(&d->screen, DEMO_BOLD),
               demo_colour(&d->screen, DEMO_PLAIN));
    demo_say(&d->screen, "",
             "A machine inside this process: %s page tables of %u levels, "
             "%u CPU%s whose TLBs never forget unless they are told to, and "
             "frames full of junk. Every load and store of a program on it "
             "goes through a page walk written from the manual, and every "
             "page fault to the pager.",
             d->format->name, d->format->levels, d->ncpus,
             d->ncpus == 1 ? "" : "s");
}

/* All there is to see on one format. */
static void run(struct demo *d)
{
    uint64_t before = d->checks;

    d->result = (struct demo_result){ 0 };
    demo_files(d);
    demo_family(d);
    demo_cost(d);
    d->result.checks = d->checks - before;
}

/* The other formats, without a word, and a table at the end. */
static void run_others(struct demo *d)
{
    struct demo_table table = {
        .ncolumns = 8,
        .head = { "format", "levels", "faults of\nfiles", "fork:\nframes",
                  "fork:\nentries", "back:\nfaults", "after a\nwrite",
                  "checks" },
    };
    unsigned i;

    demo_heading(&d->screen, "The same on every format");
    for (i = 0; i < FORMATS; i++) {
        if (i > 0) {
            d->format = &formats[i];
            d->screen.quiet = true;
            run(d);
            d->screen.quiet = false;
        }
        demo_table_row(
            d, &table, formats[i].name,
            (const uint64_t[]){ formats[i].levels, d->result.file_faults,
                                d->result.fork_frames, d->result.fork_entries,
                                d->result.back, d->result.back_after_write,
                                d->result.checks });
    }
    demo_say(&d->screen, "",
             "The files and the family once more with all other page tables; "
             "fork and getting back are those of %s.",
             d->result.memory);
    demo_print(&d->screen, "\n");
    demo_table_end(d, &table);
}

static int verdict(const struct demo *d)
{
    const struct demo_screen *screen = &d->screen;
    char failed[DEMO_NUMBER], checks[DEMO_NUMBER];

    demo_number(failed, d->failed);
    demo_number(checks, d->checks);
    if (d->failed)
        demo_print(screen, "\n%s%s of %s checks failed%s\n",
                   demo_colour(screen, DEMO_BAD), failed, checks,
                   demo_colour(screen, DEMO_PLAIN));
    else
        demo_print(screen, "\n%sall %s checks passed%s\n",
                   demo_colour(screen, DEMO_GOOD), checks,
                   demo_colour(screen, DEMO_PLAIN));
    return d->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct demo_format *only = NULL;
    struct demo d = { .ncpus = CPUS };
    int status;
    size_t i;

    options(&d, &only, argc, argv);
    demo_screen_init(&d.screen);
    d.format = only ? only : &formats[0];
    introduce(&d);
    run(&d);
    if (!only)
        run_others(&d);
    status = verdict(&d);
    for (i = 0; i < d.nfiles; i++)
        close(d.files[i].fd);
    free(d.files);
    free(d.trace);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "lazypager-demo: cannot write the output: %s\n",
                strerror(errno));
        return EXIT_FAILURE;
    }
    return status;
}
