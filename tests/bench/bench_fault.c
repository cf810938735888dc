/*
 * Faults in a space of 1,000 areas of 32 pages with holes between them, at
 * random pages.  The tables are there: the first page of each area has been
 * touched.
 */
#include "bench.h"

enum {
    AREAS = 1000,
    AREA_PAGES = 32,
    STRIDE = 64, /* pages from area to area */
    TOUCHED = 8, /* pages of each area that build_touched touches */
    FAULTS = 512,
    FILE_PAGES = AREAS * AREA_PAGES,
};

static const lp_va base = 0x40000000;
static lp_va addresses[FAULTS];
static enum lp_decision expected;
static struct lp_space *child;
static struct lp_object *file;

static lp_va page_of(unsigned area, unsigned page)
{
    return base + ((lp_va)area * STRIDE + page) * PAGE;
}

/* xorshift64*: the same everywhere. */
static unsigned random_below(unsigned n)
{
    static uint64_t state = 5;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

/* Pages to fault on: all different, in areas at random, not page 0. */
static void choose(unsigned npages)
{
    static unsigned char used[AREAS];
    unsigned area;

    for (unsigned i = 0; i < FAULTS; i++) {
        do
            area = random_below(AREAS);
        while (used[area]);
        used[area] = 1;
        addresses[i] = page_of(area, 1 + random_below(npages - 1));
    }
}

static void touch(unsigned npages, unsigned access)
{
    for (unsigned area = 0; area < AREAS; area++)
        for (unsigned page = 0; page < npages; page++)
            bench_fault(bench.space, page_of(area, page), access);
}

static void build_areas(void)
{
    for (unsigned area = 0; area < AREAS; area++)
        bench_map(page_of(area, 0), AREA_PAGES, LP_READ | LP_WRITE);
    touch(1, LP_WRITE);
    choose(AREA_PAGES);
    expected = LP_ZERO;
}

/* Pages that are there and all ours. */
static void build_touched(void)
{
    build_areas();
    touch(TOUCHED, LP_WRITE);
    for (unsigned i = 0; i < FAULTS; i++)
        addresses[i] = addresses[i] -
                       (addresses[i] - base) / PAGE % STRIDE * PAGE +
                       (1 + i % (TOUCHED - 1)) * PAGE;
    expected = LP_SPURIOUS;
}

/* A child has them too; the tables are ours again, page 0 as well. */
static void build_forked(void)
{
    build_touched();
    bench_ok(lp_fork(bench.space, &child));
    touch(1, LP_WRITE);
    expected = LP_COPY;
}

/* Pages that may be written again, after they might not: no child anywhere. */
static void build_narrowed(void)
{
    lp_va end = page_of(AREAS, 0);

    build_touched();
    for (unsigned area = 0; area < AREAS; area++) {
        bench_ok(lp_mprotect(bench.space, page_of(area, 0), AREA_PAGES * PAGE,
                             LP_READ));
        bench_ok(lp_mprotect(bench.space, page_of(area, 0), AREA_PAGES * PAGE,
                             LP_READ | LP_WRITE));
    }
    bench_require(lp_resident_pages(bench.space, base, end) >= FAULTS, "pages");
    expected = LP_REUSE;
}

/* Zero pages, to be written. */
static void build_zero_pages(void)
{
    build_areas();
    touch(AREA_PAGES, LP_READ);
}

/* Some other table is missing for each of them. */
static void build_no_tables(void)
{
    lp_va va = base + 0x40000000;

    build_areas();
    bench_map(va, (uint64_t)(FAULTS + 1) * 512, LP_READ | LP_WRITE);
    bench_fault(bench.space, va, LP_WRITE);
    for (unsigned i = 0; i < FAULTS; i++)
        addresses[i] = va + (lp_va)(i + 1) * 512 * PAGE;
}

static void map_file(unsigned access, unsigned flags)
{
    static const struct lp_object_ops memory;
    char byte = 1;

    bench_ok(lp_object_create(bench.pager, &memory, NULL,
                              (uint64_t)FILE_PAGES * PAGE,
                              LP_OBJECT_READ | LP_OBJECT_WRITE, &file));
    for (unsigned area = 0; area < AREAS; area++)
        bench_ok(lp_mmap(bench.space, page_of(area, 0), AREA_PAGES * PAGE,
                         access, flags | LP_MAP_FIXED, file,
                         (uint64_t)area * AREA_PAGES * PAGE));
    touch(1, LP_READ);
    choose(AREA_PAGES);
    /* Not in the window of page 0, which has been mapped. */
    for (unsigned i = 0; i < FAULTS; i++) {
        addresses[i] |= 16 * PAGE;
        bench_ok(lp_object_write(
            file,
            (addresses[i] - base) / PAGE / STRIDE * AREA_PAGES * PAGE +
                (addresses[i] - base) / PAGE % STRIDE * PAGE,
            &byte, 1));
    }
    expected = LP_MAP;
}

/* Each page is in the cache, none of its neighbours is. */
static void build_file(void)
{
    map_file(LP_READ, LP_MAP_PRIVATE);
}

static void build_file_private(void)
{
    map_file(LP_READ | LP_WRITE, LP_MAP_PRIVATE);
    expected = LP_COPY;
}

static void build_file_shared(void)
{
    map_file(LP_READ | LP_WRITE, LP_MAP_SHARED);
}

/* ... all of its 15 neighbours are. */
static void build_file_all(void)
{
    char byte = 1;

    map_file(LP_READ, LP_MAP_PRIVATE);
    for (unsigned page = 0; page < FILE_PAGES; page++)
        bench_ok(lp_object_write(file, page * PAGE, &byte, 1));
}

static void build_file_none(void)
{
    static const struct lp_object_ops memory;

    bench_ok(lp_object_create(bench.pager, &memory, NULL,
                              (uint64_t)FILE_PAGES * PAGE, LP_OBJECT_READ,
                              &file));
    for (unsigned area = 0; area < AREAS; area++)
        bench_ok(lp_mmap(bench.space, page_of(area, 0), AREA_PAGES * PAGE,
                         LP_READ, LP_MAP_PRIVATE | LP_MAP_FIXED, file,
                         (uint64_t)area * AREA_PAGES * PAGE));
    touch(1, LP_READ);
    choose(AREA_PAGES);
    for (unsigned i = 0; i < FAULTS; i++)
        addresses[i] |= 16 * PAGE;
    expected = LP_MAP;
}

static void fault_all(unsigned access)
{
    for (unsigned i = 0; i < FAULTS; i++)
        bench_require(bench_fault(bench.space, addresses[i], access) ==
                          expected,
                      "the decision");
}

static void tell(void)
{
    bench_say("ops", FAULTS);
    if (child)
        lp_space_destroy(child);
    if (file) {
        bench_ok(lp_munmap(bench.space, base, page_of(AREAS, 0) - base));
        lp_object_put(file);
    }
}

/* Each is a function of its own, so that count can name it. */
#define CASE(name, access)   \
    void bench_##name(void); \
    void bench_##name(void)  \
    {                        \
        fault_all(access);   \
    }

CASE(write, LP_WRITE)
CASE(read, LP_READ)
CASE(write_zero_page, LP_WRITE)
CASE(write_new_table, LP_WRITE)
CASE(map_one, LP_READ)
CASE(map_16, LP_READ)
CASE(fill_map, LP_READ)
CASE(map_shared_write, LP_WRITE)
CASE(copy_file, LP_WRITE)
CASE(copy, LP_WRITE)
CASE(reuse, LP_WRITE)
CASE(spurious, LP_WRITE)

static const struct bench_case cases[] = {
    { "write", build_areas, bench_write, tell },
    { "read", build_areas, bench_read, tell },
    { "write_zero_page", build_zero_pages, bench_write_zero_page, tell },
    { "write_new_table", build_no_tables, bench_write_new_table, tell },
    { "map_one", build_file, bench_map_one, tell },
    { "map_16", build_file_all, bench_map_16, tell },
    { "fill_map", build_file_none, bench_fill_map, tell },
    { "map_shared_write", build_file_shared, bench_map_shared_write, tell },
    { "copy_file", build_file_private, bench_copy_file, tell },
    { "copy", build_forked, bench_copy, tell },
    { "reuse", build_narrowed, bench_reuse, tell },
    { "spurious", build_touched, bench_spurious, tell },
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, cases, COUNT(cases));
}
