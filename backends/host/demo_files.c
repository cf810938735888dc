/*
 * demo_files.c: real files, read through page faults.
 *
 * Each file is mapped three times into one space: privately and writable, so
 * that pages of it can be changed behind its back; shared and readable; and
 * privately to be run.  Every byte that a program can see is compared with the
 * file as the operating system reads it.
 */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

enum { PRIVATE, SHARED, RUN, MAPPINGS };
enum { CHUNK = 16 };

static const struct {
    const char *name;
    unsigned access, flags;
} mappings[MAPPINGS] = {
    [PRIVATE] = { "private mapping", LP_READ | LP_WRITE, LP_MAP_PRIVATE },
    [SHARED] = { "shared mapping", LP_READ, LP_MAP_SHARED },
    [RUN] = { "mapping to run", LP_EXEC, LP_MAP_PRIVATE },
};

/* One file under the eye. */
struct look {
    struct demo *d;
    const struct demo_file *file;
    struct lp_object *object;
    struct lp_space *space;
    lp_va va[MAPPINGS];
    uint64_t npages;
    char name[120];
};

/* One page more than the file has: what lies past its end must not be there. */
static void map_all(struct look *look)
{
    unsigned i;

    for (i = 0; i < MAPPINGS; i++)
        look->va[i] = (lp_va)demo_must(
            look->d,
            lp_mmap(look->space, 0, (look->npages + 1) * LP_PAGE_SIZE,
                    mappings[i].access, mappings[i].flags, look->object, 0),
            "lp_mmap");
}

static enum lp_host_code read_chunk(struct look *look, unsigned i,
                                    uint64_t offset, void *buffer, size_t len)
{
    if (i == RUN)
        return lp_host_fetch(look->d->m, look->va[i] + offset, buffer, len);
    return lp_host_load(look->d->m, look->va[i] + offset, buffer, len);
}

/* Whole pages, the last one with the zeroes behind the file's end. */
static void compare_chunk(struct look *look, unsigned i, uint64_t page,
                          uint64_t n)
{
    static unsigned char got[CHUNK * LP_PAGE_SIZE];
    static unsigned char expected[CHUNK * LP_PAGE_SIZE];
    uint64_t offset = page * LP_PAGE_SIZE, k;
    struct demo *d = look->d;

    memset(got, 0xee, sizeof got);
    demo_pread(d, look->file->fd, offset, expected, n * LP_PAGE_SIZE);
    demo_equal(d, read_chunk(look, i, offset, got, n * LP_PAGE_SIZE),
               LP_HOST_OK, mappings[i].name);
    for (k = 0; k < n; k++)
        demo_bytes(d, got + k * LP_PAGE_SIZE, expected + k * LP_PAGE_SIZE,
                   LP_PAGE_SIZE, mappings[i].name, offset + k * LP_PAGE_SIZE);
}

/* Read a mapping from its beginning to its end; returns the page faults. */
static uint64_t compare(struct look *look, unsigned i)
{
    uint64_t traps = demo_traps(look->d), page, n;
    unsigned char byte;

    for (page = 0; page < look->npages; page += n) {
        n = look->npages - page < CHUNK ? look->npages - page : CHUNK;
        compare_chunk(look, i, page, n);
        if (page / CHUNK % 64 == 0)
            demo_progress(&look->d->screen, look->name, i * look->npages + page,
                          MAPPINGS * look->npages);
    }
    traps = demo_traps(look->d) - traps;
    demo_equal(look->d,
               read_chunk(look, i, look->npages * LP_PAGE_SIZE, &byte, 1),
               LP_HOST_BUS, "a touch past the end of the file");
    return traps;
}

/* What the private mapping holds at this page now, against the file. */
static void compare_changed(struct look *look, uint64_t page, const char *stamp,
                            size_t len)
{
    unsigned char got[LP_PAGE_SIZE], expected[LP_PAGE_SIZE];
    uint64_t offset = page * LP_PAGE_SIZE;
    struct demo *d = look->d;

    demo_pread(d, look->file->fd, offset, expected, LP_PAGE_SIZE);
    demo_equal(d, read_chunk(look, SHARED, offset, got, LP_PAGE_SIZE), 0,
               "a read beside a private change");
    demo_bytes(d, got, expected, LP_PAGE_SIZE, "beside a private change",
               offset);
    memcpy(expected, stamp, len);
    demo_equal(d, read_chunk(look, PRIVATE, offset, got, LP_PAGE_SIZE), 0,
               "a read of a private change");
    demo_bytes(d, got, expected, LP_PAGE_SIZE, "a private change", offset);
}

/*
 * Write to the first, a middle and the last page of the private mapping: each
 * becomes a copy, and neither the file nor another mapping sees it.  Returns
 * the number of pages copied.
 */
static uint64_t change_pages(struct look *look)
{
    static const char stamp[] = "not in the file";
    uint64_t page[] = { 0, look->npages / 2, look->npages - 1 };
    uint64_t distinct = look->npages < 3 ? look->npages : 3;
    struct lp_stats before, after;
    struct demo *d = look->d;
    unsigned i;

    lp_space_stats(look->space, &before);
    for (i = 0; i < 3; i++)
        demo_equal(d,
                   lp_host_store(d->m,
                                 look->va[PRIVATE] + page[i] * LP_PAGE_SIZE,
                                 stamp, sizeof stamp),
                   LP_HOST_OK, "a private write");
    for (i = 0; i < 3; i++)
        compare_changed(look, page[i], stamp, sizeof stamp);
    lp_space_stats(look->space, &after);
    demo_equal(d, after.copies - before.copies, distinct,
               "pages copied by private writes");
    return after.copies - before.copies;
}

static void look_at(struct look *look, struct demo_table *table)
{
    struct demo *d = look->d;
    uint64_t numbers[6];
    unsigned i;

    map_all(look);
    demo_equal(d, lp_resident_pages(look->space, 0, UINT64_MAX), 0,
               "pages present after mmap");
    demo_run(d, 0, look->space);
    numbers[0] = look->file->size;
    numbers[1] = look->npages;
    for (i = 0; i < MAPPINGS; i++) {
        numbers[2 + i] = compare(look, i);
        d->result.file_faults += numbers[2 + i];
        d->result.file_bytes += look->file->size;
        demo_sound(d);
    }
    demo_equal(d, numbers[2], look->npages, "faults of the first reading");
    demo_check(d, numbers[3] <= look->npages && numbers[4] <= look->npages,
               "more faults than pages");
    numbers[5] = change_pages(look);
    demo_sound(d);
    demo_progress(&d->screen, "", 0, 0);
    demo_table_row(d, table, look->name, numbers);
}

static void one_file(struct demo *d, const struct demo_file *file,
                     struct demo_table *table)
{
    struct look look = { .d = d, .file = file };

    look.npages = demo_pages(file->size);
    demo_printable(&d->screen, file->path, 24, look.name);
    snprintf(d->where, sizeof d->where, "file %.60s", look.name);
    demo_must(d,
              lp_host_file_open(d->m, d->pager, file->path, LP_HOST_FILE_READ,
                                &look.object),
              "lp_host_file_open");
    if (demo_equal(d, lp_object_size(look.object), file->size,
                   "size of the file, which changed meanwhile")) {
        demo_must(d, lp_space_create(d->pager, &look.space), "lp_space_create");
        look_at(&look, table);
        demo_exit(d, look.space);
    }
    lp_object_put(look.object);
}

void demo_files(struct demo *d)
{
    struct demo_table table = {
        .ncolumns = 7,
        .head = { "file", "bytes", "pages", "faults,\nprivate",
                  "faults,\nshared", "faults,\nto run", "pages\ncopied" },
    };
    uint64_t npages = 0, n;
    size_t i;

    snprintf(d->where, sizeof d->where, "files");
    demo_heading(&d->screen, "Files, read through page faults");
    demo_say(&d->screen, "",
             "Each file is mapped three times: privately, shared, and to run. "
             "No page is read before it is touched; the second and third "
             "mapping find the pages in the file's page cache and map up to "
             "16 of them with one fault. Then three private pages are "
             "written, which copies them. Every byte is compared with what "
             "the operating system reads.");
    demo_print(&d->screen, "\n");
    for (i = 0; i < d->nfiles; i++) {
        n = demo_pages(d->files[i].size);
        npages = n > npages ? n : npages;
    }
    if (!demo_machine_open(d, npages + npages / 64 + 4096, 0))
        return;
    for (i = 0; i < d->nfiles; i++)
        one_file(d, &d->files[i], &table);
    demo_table_end(d, &table);
    snprintf(d->where, sizeof d->where, "files, at the end");
    demo_machine_close(d);
}
