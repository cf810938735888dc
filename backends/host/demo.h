/*
 * demo.h: what the files of lazypager-demo share.
 *
 * The demo makes a host machine and a pager of one format, lets programs run
 * on it, shows what happens, and compares everything it can with something
 * that does not come from the pager: the bytes of a file as the operating
 * system reads them, bytes it remembers having written, faults as the CPU
 * counted them, the geometry of the format from its manual.
 *
 *     demo.c          options, validation, the order of things
 *     demo_screen.c   what fits this terminal: width, colour, characters
 *     demo_table.c    tables of numbers
 *     demo_machine.c  machine and pager, checks and their count
 *     demo_files.c    real files, read through page faults
 *     demo_family.c   four processes, step by step
 *     demo_members.c  what the processes do and should find in their memory
 *     demo_picture.c  their pages, one character each
 *     demo_cost.c     what a fork costs
 *     demo_trace.c    the family's story for lazypager-view
 */
#ifndef LAZYPAGER_DEMO_H
#define LAZYPAGER_DEMO_H

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <stdio.h>

/* How to speak to whoever watches. */
struct demo_screen {
    unsigned width; /* columns */
    bool colour;    /* escape sequences are understood and wanted */
    bool blocks;    /* UTF-8, on a terminal; else ASCII */
    bool progress;  /* stderr is a terminal */
    bool quiet;     /* say nothing for now */
};

/* Colours by meaning, not by name. */
enum demo_colour {
    DEMO_PLAIN,
    DEMO_DIM,
    DEMO_BOLD,
    DEMO_GOOD,
    DEMO_BAD,
    DEMO_OWNED,
    DEMO_COW,
    DEMO_ZERO,
    DEMO_CACHE,
    DEMO_DIRTY,
};

/* A file as the operating system knows it; open for reading. */
struct demo_file {
    const char *path;
    int fd;
    uint64_t size;
};

/* A format's geometry, from its manual. */
struct demo_format {
    const char *name;
    unsigned levels;
};

/* What a run of one format found out, for the last table. */
struct demo_result {
    uint64_t checks;
    uint64_t file_faults, file_bytes;
    const char *memory; /* the largest size that was forked */
    uint64_t fork_frames, fork_entries;
    uint64_t back, back_after_write; /* faults */
};

struct demo {
    struct demo_screen screen;
    const struct demo_format *format;
    unsigned ncpus;
    bool quick;
    struct demo_file *files;
    size_t nfiles;
    struct demo_trace *trace; /* NULL: not wanted */

    uint64_t checks, failed;
    char where[80]; /* what a failure's message begins with */

    /* The machine that runs now. */
    struct lp_host *m;
    struct lp_pager *pager;
    uint32_t *scratch;
    uint64_t frames_before; /* in use when there were no spaces yet */
    struct lp_space *active[LP_HOST_CPUS_MAX];
    struct demo_result result;
};

/* --- demo_screen.c --- */

void demo_screen_init(struct demo_screen *screen);

/* Characters that a text takes on the screen. */
unsigned demo_columns(const char *text);

/*
 * demo_printable: a copy of text, at most room columns wide, that leaves the
 * terminal as it is: control characters, and where ASCII is spoken all others
 * too, become '?'; what is too long loses its beginning.
 *
 * => buffer: 4 bytes a column, 4 more.
 */
void demo_printable(const struct demo_screen *screen, const char *text,
                    unsigned room, char *buffer);

/* Write as printf does; nothing while quiet. */
void demo_print(const struct demo_screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * demo_say: a paragraph, filled to the width of the screen; the first line
 * begins with lead, the others are indented by as much.
 */
void demo_say(const struct demo_screen *screen, const char *lead,
              const char *format, ...) __attribute__((format(printf, 3, 4)));

/* demo_item: the same, with a lead of this colour instead of bold. */
void demo_item(const struct demo_screen *screen, enum demo_colour colour,
               const char *lead, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A heading with a line under it. */
void demo_heading(const struct demo_screen *screen, const char *text);

/* Switch to a colour, or back with DEMO_PLAIN; "" where there is none. */
const char *demo_colour(const struct demo_screen *screen,
                        enum demo_colour colour);

/* One number with thousands apart: "48,213".  buffer: DEMO_NUMBER bytes. */
enum { DEMO_NUMBER = 28 };
const char *demo_number(char *buffer, uint64_t n);

/*
 * demo_progress: what is being done, and how far it is; total 0: erase it.
 * Seen on a terminal only.
 */
void demo_progress(const struct demo_screen *screen, const char *what,
                   uint64_t done, uint64_t total);

/* --- demo_table.c --- */

enum { DEMO_TABLE_COLUMNS = 8, DEMO_CELL = 256 };

/*
 * A table: columns are as wide as they must be; the first is flush left, the
 * others right.  On a screen that is too narrow each row becomes a list.
 */
struct demo_table {
    unsigned ncolumns;
    const char *head[DEMO_TABLE_COLUMNS]; /* may have two lines, "a\nb" */
    unsigned nrows, room;
    char (*cells)[DEMO_CELL]; /* nrows * ncolumns */
};

/* A row begins with a text; numbers follow, all that the table has. */
void demo_table_row(struct demo *d, struct demo_table *table, const char *first,
                    const uint64_t *numbers);

/* Show it, and give its memory back. */
void demo_table_end(struct demo *d, struct demo_table *table);

/* --- demo_machine.c --- */

/*
 * demo_machine_open: a machine with so many frames, and a pager.
 *
 * => false: the host has no memory for it; the message has been printed and
 *    counts as a failure.
 */
bool demo_machine_open(struct demo *d, uint64_t nframes, unsigned flags);

/* All spaces are gone: nothing may be left.  Checked, then all is freed. */
void demo_machine_close(struct demo *d);

/* One check: counted, and when it is not ok the message goes to stderr. */
bool demo_check(struct demo *d, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One check of two numbers. */
bool demo_equal(struct demo *d, uint64_t got, uint64_t expected,
                const char *what);

/* One check of len bytes; what: whose they are. */
bool demo_bytes(struct demo *d, const void *got, const void *expected,
                size_t len, const char *what, uint64_t offset);

/* Every invariant, every oracle: two checks. */
void demo_sound(struct demo *d);

/* A call of the library that must succeed: ends the program if not. */
int64_t demo_must(struct demo *d, int64_t result, const char *what);

/* Page faults as the CPUs count them: traps. */
uint64_t demo_traps(struct demo *d);

/* Run this space on this CPU from now on. */
void demo_run(struct demo *d, unsigned cpu, struct lp_space *space);

/* End a space: take it from its CPUs first. */
void demo_exit(struct demo *d, struct lp_space *space);

/* Read from the file as the operating system has it; zeroes past its end. */
void demo_pread(struct demo *d, int fd, uint64_t offset, void *buffer,
                size_t len);

/*
 * demo_temp: make a file in TMPDIR; its name goes to path and is the caller's
 * to remove.  Returns a descriptor, or -1 and errno.
 */
int demo_temp(char *path, size_t room);

static inline uint64_t demo_pages(uint64_t bytes)
{
    return (bytes + LP_PAGE_SIZE - 1) / LP_PAGE_SIZE;
}

/* --- demo_trace.c --- */

/* demo_trace_open: write a trace to this file.  false: errno says why not. */
bool demo_trace_open(struct demo *d, const char *path);

/* Trace the next machine; without this call, or demo_trace_open, all of these do
 * nothing. */
void demo_trace_on(struct demo *d);

/* Before a machine is made, and when there is one but no space yet. */
void demo_trace_configure(struct demo *d, struct lp_host_config *config);
void demo_trace_begin(struct demo *d);

/* The traced machine is done: false, when not everything could be written. */
bool demo_trace_end(struct demo *d);

/* --- the three parts --- */

void demo_files(struct demo *d);
void demo_family(struct demo *d);
void demo_cost(struct demo *d);

#endif
