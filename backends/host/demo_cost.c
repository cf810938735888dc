/*
 * demo_cost.c: what a fork costs, counted, not timed.
 *
 * A process touches all of its memory and forks.  Counted are the frames that
 * fork takes and the entries of page tables it touches; then, when the child
 * has exited, the faults the parent needs until it can write everywhere again.
 */
#include "demo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE ((lp_va)1 << 36)
#define MIB ((uint64_t)256) /* in pages */

/* One process to be measured. */
struct subject {
    const char *name;
    uint64_t npages; /* touched */
    unsigned stride; /* pages from one to the next; 1: all one area */
};

static const struct subject subjects[] = {
    { "1 MiB", MIB, 1 },          { "64 MiB", 64 * MIB, 1 },
    { "1 GiB", 1024 * MIB, 1 },   { "20 areas", 20, 2 },
    { "20,000 areas", 20000, 2 },
};

enum { SUBJECTS = sizeof subjects / sizeof subjects[0], LARGEST = 2 };

struct cost {
    struct demo *d;
    const struct subject *subject;
    struct lp_space *parent;
    uint64_t frames, entries, back, back_after_write;
};

static lp_va page_va(const struct cost *c, uint64_t i)
{
    return BASE + i * c->subject->stride * LP_PAGE_SIZE;
}

/* What page i holds: its number, mixed. */
static uint64_t stamp(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void map_all(struct cost *c)
{
    const struct subject *s = c->subject;
    uint64_t narea = s->stride == 1 ? 1 : s->npages, i;
    uint64_t len = s->npages / narea * LP_PAGE_SIZE;

    for (i = 0; i < narea; i++)
        demo_must(
            c->d,
            lp_mmap(c->parent, page_va(c, i), len, LP_READ | LP_WRITE,
                    LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED_NOREPLACE,
                    NULL, 0),
            "lp_mmap");
    demo_equal(c->d, lp_area_count(c->parent), narea, "areas");
}

/* The program that runs now reads each page and finds what belongs there. */
static void read_all(struct cost *c)
{
    uint64_t i, value, expected, bad = 0;

    for (i = 0; i < c->subject->npages; i++) {
        expected = stamp(i);
        if (lp_host_load(c->d->m, page_va(c, i), &value, sizeof value) !=
                LP_HOST_OK ||
            value != expected)
            bad++;
    }
    c->d->checks += c->subject->npages - 1;
    demo_equal(c->d, bad, 0, "pages with a wrong number in them");
}

/* Store to each page of the program that runs now; returns its page faults. */
static uint64_t write_all(struct cost *c, uint64_t offset, size_t len)
{
    uint64_t traps = demo_traps(c->d), i, value, bad = 0;

    for (i = 0; i < c->subject->npages; i++) {
        value = stamp(i);
        bad += lp_host_store(c->d->m, page_va(c, i) + offset, &value, len) !=
               LP_HOST_OK;
        if (i % 4096 == 0)
            demo_progress(&c->d->screen, c->subject->name, i,
                          c->subject->npages);
    }
    demo_equal(c->d, bad, 0, "writes refused");
    return demo_traps(c->d) - traps;
}

/* A process that has all its memory. */
static uint64_t fill_memory(struct cost *c)
{
    return write_all(c, 0, sizeof(uint64_t));
}

/*
 * The parent, alone again, writes one byte to each page; returns its page
 * faults.  What it had written before must be there.
 */
static uint64_t get_back(struct cost *c)
{
    uint64_t faults;

    demo_run(c->d, 0, c->parent);
    faults = write_all(c, LP_PAGE_SIZE - 1, 1);
    demo_sound(c->d);
    read_all(c);
    return faults;
}

/* Root entries in use, by the format's geometry. */
static uint64_t root_entries(const struct cost *c)
{
    unsigned shift = 12 + 9 * (c->d->format->levels - 1);
    lp_va last = page_va(c, c->subject->npages - 1);

    return (last >> shift) - (BASE >> shift) + 1;
}

static struct lp_space *fork_measured(struct cost *c)
{
    uint64_t frames = lp_host_frames_used(c->d->m);
    struct lp_space *child = NULL;
    struct lp_stats before, after;

    lp_space_stats(c->parent, &before);
    demo_must(c->d, lp_fork(c->parent, &child), "lp_fork");
    lp_space_stats(c->parent, &after);
    c->frames = lp_host_frames_used(c->d->m) - frames;
    c->entries = after.tables_shared - before.tables_shared;
    demo_check(c->d, c->frames <= 3, "fork took %llu frames",
               (unsigned long long)c->frames);
    demo_equal(c->d, c->entries, root_entries(c), "entries touched by fork");
    demo_equal(c->d, after.copies - before.copies, 0, "pages copied by fork");
    return child;
}

/* The child reads all, writes one page in the middle, and exits. */
static void child_writes(struct cost *c, struct lp_space *child)
{
    uint64_t page = c->subject->npages / 2, value = 0;

    demo_run(c->d, 1, child);
    read_all(c);
    demo_equal(c->d,
               lp_host_store(c->d->m, page_va(c, page), &value, sizeof value),
               LP_HOST_OK, "the child's write");
    demo_exit(c->d, child);
}

static void measure(struct cost *c)
{
    struct demo *d = c->d;

    demo_must(d, lp_space_create(d->pager, &c->parent), "lp_space_create");
    map_all(c);
    demo_run(d, 0, c->parent);
    demo_equal(d, fill_memory(c), c->subject->npages,
               "faults of the first writes");
    demo_sound(d);
    demo_exit(d, fork_measured(c));
    c->back = get_back(c);
    child_writes(c, fork_measured(c));
    c->back_after_write = get_back(c);
    demo_exit(d, c->parent);
}

/* The number behind `word` in a small file; UINT64_MAX: there is none. */
static uint64_t number_in(const char *path, const char *word)
{
    FILE *file = fopen(path, "r");
    uint64_t n = UINT64_MAX;
    char line[120];
    size_t len = strlen(word);

    if (!file)
        return n;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, word, len) == 0 && strpbrk(line, "0123456789"))
            n = strtoull(line + len, NULL, 10);
    fclose(file);
    return n;
}

/* MiB that Linux, or the container, could still give; UINT64_MAX: who knows. */
static uint64_t memory_available(void)
{
    uint64_t kib = number_in("/proc/meminfo", "MemAvailable:");
    uint64_t most = number_in("/sys/fs/cgroup/memory.max", "");
    uint64_t now = number_in("/sys/fs/cgroup/memory.current", "");
    uint64_t mib = kib == UINT64_MAX ? kib : kib >> 10, room;

    if (most == UINT64_MAX || now == UINT64_MAX)
        return mib;
    room = most > now ? (most - now) >> 20 : 0;
    return room < mib ? room : mib;
}

static void one_subject(struct demo *d, const struct subject *s,
                        struct demo_table *table)
{
    struct cost c = { .d = d, .subject = s };

    snprintf(d->where, sizeof d->where, "fork of %s", s->name);
    if (!demo_machine_open(d, s->npages + s->npages * s->stride / 256 + 2048,
                           LP_HOST_NO_JUNK))
        return;
    measure(&c);
    demo_machine_close(d);
    demo_progress(&d->screen, "", 0, 0);
    demo_table_row(d, table, s->name,
                   (const uint64_t[]){ s->npages, c.frames, c.entries, c.back,
                                       c.back_after_write });
    if (s - subjects > LARGEST)
        return;
    d->result.memory = s->name;
    d->result.fork_frames = c.frames;
    d->result.fork_entries = c.entries;
    d->result.back = c.back;
    d->result.back_after_write = c.back_after_write;
}

void demo_cost(struct demo *d)
{
    struct demo_table table = {
        .ncolumns = 6,
        .head = { "process of", "pages\ntouched", "fork:\nframes",
                  "fork:\nentries", "back:\nfaults", "after a\nwrite" },
    };
    uint64_t mib = memory_available(), needed;
    char note[200] = "";
    unsigned i;

    demo_heading(&d->screen, "What a fork costs");
    demo_say(&d->screen, "",
             "A process writes to all its memory and forks. Counted are the "
             "frames that fork takes and the entries of page tables it "
             "touches (a fork that copies page tables touches one for each "
             "page); then, after the child's exit, the faults until the "
             "parent has written to every page again. Last column: the same "
             "after a child that read everything and wrote one page.");
    demo_print(&d->screen, "\n");
    for (i = 0; i < SUBJECTS; i++) {
        needed = subjects[i].npages / MIB * 5 / 4;
        if (i == LARGEST && d->quick)
            snprintf(note, sizeof note, "1 GiB was left out: --quick.");
        else if (needed > mib)
            snprintf(note, sizeof note,
                     "%s was left out: only %llu MiB of memory are free.",
                     subjects[i].name, (unsigned long long)mib);
        else
            one_subject(d, &subjects[i], &table);
    }
    demo_table_end(d, &table);
    if (*note) {
        demo_print(&d->screen, "\n");
        demo_say(&d->screen, "", "%s", note);
    }
}
