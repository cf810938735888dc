/*
 * demo_family.c: a parent, two children and a grandchild, step by step.
 *
 * Each step does something, says in one sentence what and why, shows the pages
 * and what it took, and checks all that is known about every page.
 */
#include "demo_family.h"

#include <stdlib.h>
#include <string.h>

/* --- small helps --- */

static unsigned pages(const struct demo_family *f, enum demo_where area)
{
    return f->member[PARENT].npages[area];
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The page, or the last one that a small file has. */
static unsigned page_in(const struct demo_family *f, enum demo_where area,
                        unsigned page)
{
    return least(page, pages(f, area) - 1);
}

static uint64_t copies(struct demo_family *f)
{
    struct lp_stats now;

    lp_pager_stats(f->d->pager, &now);
    return now.copies - f->stats.copies;
}

/* Root entries that the areas need, by the format's geometry. */
static unsigned root_entries(const struct demo_family *f)
{
    unsigned shift = 12 + 9 * (f->d->format->levels - 1), n = 0, i;
    lp_va seen[2 * AREAS], entry;
    enum demo_where area;
    unsigned end;

    for (area = HEAP; area < AREAS; area++)
        for (end = 0; end < 2; end++) {
            entry = demo_page_va(f, area, end ? pages(f, area) - 1 : 0);
            entry >>= shift;
            for (i = 0; i < n && seen[i] != entry; i++)
                continue;
            seen[i] = entry;
            n += i == n;
        }
    return n;
}

/* --- the story --- */

static void step_map(struct demo_family *f)
{
    struct lp_space *parent;

    demo_step_begin(f);
    demo_family_map(f);
    parent = f->member[PARENT].space;
    demo_step_tell(
        f,
        "The parent maps %u pages of heap, the first %u page%s of %s "
        "privately, and the first %u of a copy of it shared. Nothing is "
        "loaded: areas are noted down, there is no page and no table for "
        "them.",
        HEAP_BEFORE, pages(f, PRIVATE), pages(f, PRIVATE) == 1 ? "" : "s",
        f->file_name, pages(f, SHARED));
    demo_equal(f->d, lp_area_count(parent), AREAS, "areas of the parent");
    demo_equal(f->d, lp_resident_pages(parent, 0, UINT64_MAX), 0,
               "pages present after mmap");
}

static void step_read(struct demo_family *f)
{
    unsigned from_private = least(4, pages(f, PRIVATE));
    unsigned from_shared = least(2, pages(f, SHARED)), page;

    demo_step_begin(f);
    for (page = 5; page < 8; page++)
        demo_member_read(f, PARENT, HEAP, page);
    for (page = 0; page < from_private; page++)
        demo_member_read(f, PARENT, PRIVATE, page);
    for (page = 0; page < from_shared; page++)
        demo_member_read(f, PARENT, SHARED, page);
    demo_step_tell(
        f,
        "It reads 3 pages of heap and %u + %u of the files, one fault each. "
        "Heap that was never written is the one zero page; pages of files "
        "come from their page caches. Nothing else is loaded.",
        from_private, from_shared);
    demo_equal(f->d, demo_traps(f->d) - f->traps,
               3 + from_private + from_shared, "faults of the first reads");
}

static void step_write(struct demo_family *f)
{
    unsigned page;

    demo_step_begin(f);
    for (page = 0; page < 6; page++)
        demo_member_write(f, PARENT, HEAP, page);
    demo_member_write(f, PARENT, PRIVATE, page_in(f, PRIVATE, 1));
    demo_equal(f->d, demo_traps(f->d) - f->traps, 7,
               "faults of the first writes");
    demo_member_write(f, PARENT, SHARED, 0);
    demo_step_tell(
        f, "It writes 6 pages of heap, which get frames of their own; one "
           "private page, which is copied so that the file never sees it; and "
           "one shared page, which is dirty now.");
    demo_equal(f->d, copies(f), 1, "pages copied");
}

/* Both sides have the same frames everywhere, and nothing was copied. */
static void check_forked(struct demo_family *f, enum demo_who parent,
                         enum demo_who child)
{
    enum demo_where area;
    unsigned page;

    for (area = HEAP; area < AREAS; area++)
        for (page = 0; page < f->member[parent].npages[area]; page++)
            demo_equal(f->d, demo_page_frame(f, child, area, page),
                       demo_page_frame(f, parent, area, page),
                       "frame of the child");
    demo_equal(f->d, copies(f), 0, "pages copied by fork");
}

static void step_fork(struct demo_family *f)
{
    struct lp_stats now;
    uint64_t entries;

    demo_step_begin(f);
    demo_member_fork(f, PARENT, CHILD1);
    lp_pager_stats(f->d->pager, &now);
    entries = now.tables_shared - f->stats.tables_shared;
    demo_step_tell(
        f,
        "The parent forks child 1. No page is copied, and of the tables only "
        "the root: both roots point at the same tables now, through %llu "
        "entr%s that nobody can write through. That is all, however large "
        "the parent is.",
        (unsigned long long)entries, entries == 1 ? "y" : "ies");
    check_forked(f, PARENT, CHILD1);
    demo_equal(f->d, entries, root_entries(f), "root entries shared by fork");
    demo_check(f->d, lp_host_frames_used(f->d->m) - f->frames <= 3,
               "fork took more than three frames");
}

static void step_forks(struct demo_family *f)
{
    demo_step_begin(f);
    demo_member_fork(f, PARENT, CHILD2);
    demo_member_fork(f, CHILD1, GRANDCHILD);
    demo_step_tell(
        f, "The parent forks child 2, and child 1, which has not run yet, "
           "forks the grandchild: four processes, still one set of pages.");
    check_forked(f, PARENT, CHILD2);
    check_forked(f, CHILD1, GRANDCHILD);
}

static void step_heaps(struct demo_family *f)
{
    lp_pa frame = demo_page_frame(f, GRANDCHILD, HEAP, 4);
    enum demo_who who;

    demo_step_begin(f);
    for (who = PARENT; who < MEMBERS; who++) {
        demo_member_write(f, who, HEAP, who);
        demo_member_write(f, who, HEAP, 4);
    }
    demo_step_tell(
        f, "Each writes a page of the heap that is its alone, and then all "
           "four write page 4. Whoever shares a page gets a copy of it first; "
           "of page 4 there are three, for when the grandchild comes nobody "
           "shares it any more, and it keeps the frame.");
    demo_equal(f->d, copies(f), 7, "pages copied");
    demo_equal(f->d, demo_page_frame(f, GRANDCHILD, HEAP, 4), frame,
               "frame of the last sharer");
}

static void step_mappings(struct demo_family *f)
{
    unsigned private_page = page_in(f, PRIVATE, 2);
    unsigned shared_page = page_in(f, SHARED, 3);
    enum demo_who who;

    demo_step_begin(f);
    demo_member_write(f, CHILD1, PRIVATE, private_page);
    demo_member_write(f, GRANDCHILD, SHARED, shared_page);
    for (who = PARENT; who < MEMBERS; who++) {
        demo_member_read(f, who, PRIVATE, private_page);
        demo_member_read(f, who, SHARED, shared_page);
    }
    demo_step_tell(
        f,
        "Child 1 writes private page %u, the grandchild shared page %u, "
        "and all four read both: the first change is child 1's alone, the "
        "second is everybody's.",
        private_page, shared_page);
    demo_equal(f->d, copies(f), 1, "pages copied");
}

static void step_grow(struct demo_family *f)
{
    struct demo_member *child = &f->member[CHILD2];
    lp_va more = demo_page_va(f, HEAP, HEAP_BEFORE);
    unsigned char byte;
    enum demo_who who;

    demo_step_begin(f);
    demo_must(
        f->d,
        lp_mmap(child->space, more, (HEAP_PAGES - HEAP_BEFORE) * LP_PAGE_SIZE,
                LP_READ | LP_WRITE,
                LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED_NOREPLACE,
                NULL, 0),
        "more heap");
    child->npages[HEAP] = HEAP_PAGES;
    demo_member_write(f, CHILD2, HEAP, HEAP_BEFORE);
    demo_member_write(f, CHILD2, HEAP, HEAP_BEFORE + 1);
    demo_step_tell(
        f,
        "Child 2 grows its heap by %u pages and writes to two of them. The "
        "new area becomes one with the old; the other three know nothing "
        "of it.",
        HEAP_PAGES - HEAP_BEFORE);
    for (who = PARENT; who < MEMBERS; who++) {
        demo_equal(f->d, lp_area_count(f->member[who].space), AREAS, "areas");
        demo_run(f->d, who, f->member[who].space);
        demo_equal(f->d, lp_host_load(f->d->m, more, &byte, 1),
                   who == CHILD2 ? LP_HOST_OK : LP_HOST_MAPERR,
                   "a read where only child 2 has heap");
    }
}

/* How many pages of the temporary file differ from the original. */
static unsigned changed_pages(struct demo_family *f)
{
    unsigned char now[LP_PAGE_SIZE], original[LP_PAGE_SIZE];
    unsigned page, n = 0;

    for (page = 0; page < pages(f, SHARED); page++) {
        demo_pread(f->d, f->temp, page * LP_PAGE_SIZE, now, sizeof now);
        demo_pread(f->d, f->file->fd, page * LP_PAGE_SIZE, original,
                   demo_page_bytes(f, SHARED, page));
        n += memcmp(now, original, demo_page_bytes(f, SHARED, page)) != 0;
    }
    return n;
}

static void step_sync(struct demo_family *f)
{
    unsigned char now[LP_PAGE_SIZE];
    unsigned page, before, after;

    demo_step_begin(f);
    before = changed_pages(f);
    demo_must(f->d,
              lp_msync(f->member[PARENT].space, f->start[SHARED],
                       pages(f, SHARED) * LP_PAGE_SIZE, LP_MS_SYNC),
              "lp_msync");
    after = changed_pages(f);
    demo_step_tell(
        f,
        "The parent calls msync: the dirty pages, also the grandchild's, "
        "are written to the file on disk, of which %u pages had changed "
        "before and %u have now. (It is a temporary copy; %s itself is "
        "never written.)",
        before, after, f->file_name);
    demo_equal(f->d, before, 0, "pages of the file changed before msync");
    demo_equal(f->d, after, 1 + (page_in(f, SHARED, 3) > 0),
               "pages of the file changed by msync");
    for (page = 0; page < pages(f, SHARED); page++) {
        demo_pread(f->d, f->temp, page * LP_PAGE_SIZE, now, sizeof now);
        demo_bytes(f->d, now, f->shared[page], demo_page_bytes(f, SHARED, page),
                   "the file on disk", page * LP_PAGE_SIZE);
    }
}

static void step_compare(struct demo_family *f)
{
    enum demo_who who;
    enum demo_where area;
    unsigned page;

    demo_step_begin(f);
    for (who = PARENT; who < MEMBERS; who++)
        for (area = HEAP; area < AREAS; area++)
            for (page = 0; page < f->member[who].npages[area]; page++)
                demo_member_read(f, who, area, page);
    demo_step_tell(
        f, "All four read all their memory; every byte is compared with what "
           "it should be: the file as the operating system reads it, zeroes, "
           "and what this process or its ancestors wrote.");
    demo_equal(f->d, copies(f), 0, "pages copied by reads");
}

static void step_exits(struct demo_family *f)
{
    enum demo_who who;

    demo_step_begin(f);
    for (who = GRANDCHILD; who > PARENT; who--)
        demo_member_exit(f, who);
    demo_step_tell(
        f, "The grandchild and the children exit. What was theirs alone is "
           "free; the pages of the parent are its alone now, but their entries "
           "do not know it yet.");
    demo_check(f->d, lp_host_frames_used(f->d->m) < f->frames,
               "no frame came back");
}

static void step_regain(struct demo_family *f)
{
    unsigned page, n = 0;
    struct lp_stats now;
    uint64_t faults;

    for (page = 0; page < HEAP_BEFORE; page++)
        n += demo_page_state(f, PARENT, HEAP, page) == DEMO_IS_COW;
    demo_step_begin(f);
    for (page = 0; page < 6; page++)
        demo_member_write(f, PARENT, HEAP, page);
    faults = demo_traps(f->d) - f->traps;
    lp_pager_stats(f->d->pager, &now);
    demo_step_tell(
        f,
        "The parent writes the 6 pages of heap it had, %u of them still "
        "write-protected. The first such write finds that nobody shares the "
        "page and sweeps its table, which gives back %llu more; faults on "
        "those only come from a TLB that had not heard of it. Nothing is "
        "copied.",
        n, (unsigned long long)(now.swept - f->stats.swept));
    demo_equal(f->d, copies(f), 0, "pages copied for the last sharer");
    demo_check(f->d, faults <= n, "more faults than pages");
    for (page = 0; page < 6; page++)
        demo_equal(f->d, demo_page_state(f, PARENT, HEAP, page), DEMO_IS_OWNED,
                   "state of a page that was written");
}

static void step_end(struct demo_family *f)
{
    demo_step_begin(f);
    demo_member_exit(f, PARENT);
    demo_family_end(f);
}

static void story(struct demo_family *f)
{
    if (!demo_family_begin(f))
        return;
    demo_legend(&f->d->screen);
    step_map(f);
    step_read(f);
    step_write(f);
    step_fork(f);
    step_forks(f);
    step_heaps(f);
    step_mappings(f);
    step_grow(f);
    step_sync(f);
    step_compare(f);
    step_exits(f);
    step_regain(f);
    step_end(f);
    demo_check(f->d, demo_trace_end(f->d), "cannot write the trace");
    demo_print(&f->d->screen, "\n");
    demo_say(&f->d->screen, "13. ",
             "The parent exits, the files are closed, the pager goes: 0 "
             "frames are in use.");
}

void demo_family(struct demo *d)
{
    struct demo_family *f = calloc(1, sizeof *f);
    const char *slash;
    size_t i;

    snprintf(d->where, sizeof d->where, "family");
    demo_heading(&d->screen, "A family of four");
    if (!f) {
        demo_must(d, -LP_ENOMEM, "memory for the family");
        return;
    }
    f->d = d;
    demo_trace_on(d);
    f->file = &d->files[0];
    for (i = 1; i < d->nfiles; i++)
        if (d->files[i].size > f->file->size)
            f->file = &d->files[i];
    slash = strrchr(f->file->path, '/');
    demo_printable(&d->screen, slash ? slash + 1 : f->file->path, 15,
                   f->file_name);
    story(f);
    free(f);
}
