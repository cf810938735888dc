/*
 * Fork, and what comes after it.
 *
 * A large process: 1 GiB touched, in 20,000 areas; a small one: 1 MiB in 20
 * areas.  Both lie around the same border between two entries of the root, and
 * use both.
 */
#include "bench.h"

struct shape {
    unsigned areas;
    unsigned pages;
};

static const struct shape small = { 20, 256 };
static const struct shape large = { 20000, 262144 };

static const struct shape *shape;
static struct lp_space *child;
static uint64_t frames;
static struct lp_stats before;

/* Areas of the same size, some of one page more, a hole of a page between. */
static unsigned first_page(unsigned area)
{
    return (unsigned)((uint64_t)area * shape->pages / shape->areas);
}

static lp_va page_va(unsigned area, unsigned page)
{
    lp_va start = bench.root_span - shape->pages / 2 * PAGE;

    return start + ((lp_va)page + area) * PAGE;
}

static void for_each_page(void (*fn)(lp_va va))
{
    for (unsigned area = 0; area < shape->areas; area++)
        for (unsigned page = first_page(area); page < first_page(area + 1);
             page++)
            fn(page_va(area, page));
}

static void touch(lp_va va)
{
    bench_fault(bench.space, va, LP_WRITE);
}

static void build(const struct shape *which)
{
    shape = which;
    for (unsigned area = 0; area < shape->areas; area++)
        bench_map(page_va(area, first_page(area)),
                  first_page(area + 1) - first_page(area), LP_READ | LP_WRITE);
    bench_require(lp_area_count(bench.space) == shape->areas, "areas");
    for_each_page(touch);
    lp_space_stats(bench.space, &before);
    frames = lp_host_frames_used(bench.m);
}

static void build_small(void)
{
    build(&small);
}

static void build_large(void)
{
    build(&large);
}

static void fork_child(void)
{
    bench_ok(lp_fork(bench.space, &child));
}

static void tell_fork(void)
{
    struct lp_stats after;

    lp_space_stats(bench.space, &after);
    bench_say("ops", 1);
    bench_say("frames", lp_host_frames_used(bench.m) - frames);
    bench_say("roots", after.tables_shared - before.tables_shared);
    lp_space_destroy(child);
}

void bench_fork_small(void);
void bench_fork_large(void);

void bench_fork_small(void)
{
    fork_child();
}

void bench_fork_large(void)
{
    fork_child();
}

/* --- the child exits at once --- */

static void build_exit(void)
{
    build_large();
    fork_child();
}

static void tell_exit(void)
{
    bench_say("ops", 1);
    bench_require(lp_host_frames_used(bench.m) == frames, "frames are back");
}

void bench_exit_large(void);

void bench_exit_large(void)
{
    lp_space_destroy(child);
}

/* --- the child is gone; the parent writes all of its memory again --- */

static void build_regain(void)
{
    build_large();
    fork_child();
    lp_space_destroy(child);
    lp_space_stats(bench.space, &before);
}

static void tell_regain(void)
{
    struct lp_stats after;

    for_each_page(bench_store);
    lp_space_stats(bench.space, &after);
    bench_say("ops", 1);
    bench_say("faults", after.faults - before.faults);
    bench_say("copies", after.copies - before.copies);
}

void bench_regain_first(void);

/* Only the first store of each half is counted. */
void bench_regain_first(void)
{
    bench_store(page_va(0, 0));
    bench_store(page_va(shape->areas - 1, shape->pages - 1));
}

/* --- the parent writes while its child lives --- */

static void tell_own(void)
{
    bench_say("ops", 1);
    lp_space_destroy(child);
}

void bench_own_copy(void);

/* One page: every table above it is full and must be copied. */
void bench_own_copy(void)
{
    bench_store(page_va(shape->areas / 2, first_page(shape->areas / 2)));
}

/* --- a process of ten pages --- */

enum { TEXT = 3, HEAP = 4, STACK = 3, LIFE_PAGES = TEXT + HEAP + STACK };

static lp_va life_page(unsigned i)
{
    lp_va end = lp_host_arch(bench.m)->format.user_end;

    if (i < TEXT)
        return 0x400000 + i * PAGE;
    if (i < TEXT + HEAP)
        return 0x600000 + (i - TEXT) * PAGE;
    return end - (LIFE_PAGES - i + 16) * PAGE;
}

static void build_life(void)
{
    bench_map(life_page(0), TEXT, LP_READ | LP_WRITE);
    bench_map(life_page(TEXT), HEAP, LP_READ | LP_WRITE);
    bench_map(life_page(TEXT + HEAP), STACK, LP_READ | LP_WRITE);
    for (unsigned i = 0; i < LIFE_PAGES; i++)
        bench_store(life_page(i));
    lp_space_stats(bench.space, &before);
    frames = lp_host_frames_used(bench.m);
}

static void store_pages(unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        bench_store(life_page(i));
}

/* Fork; the child runs on the CPU, writes some pages, exits; the parent goes on
 * and writes all of its own. */
static void life(unsigned first, unsigned end)
{
    fork_child();
    lp_host_activate(bench.m, bench.pager, child);
    store_pages(first, end);
    lp_host_activate(bench.m, bench.pager, bench.space);
    lp_space_destroy(child);
    store_pages(0, LIFE_PAGES);
}

static void tell_life(void)
{
    struct lp_stats after;

    lp_pager_stats(bench.pager, &after);
    bench_say("ops", 1);
    bench_say("faults", after.faults - before.faults);
    bench_say("copies", after.copies - before.copies);
    bench_require(lp_host_frames_used(bench.m) == frames, "frames are back");
}

void bench_life_10(void);
void bench_life_3(void);
void bench_life_0(void);

/* The child writes all ten pages. */
void bench_life_10(void)
{
    life(0, LIFE_PAGES);
}

/* The child writes its stack, as one that runs another program would. */
void bench_life_3(void)
{
    life(TEXT + HEAP, LIFE_PAGES);
}

/* The child exits at once. */
void bench_life_0(void)
{
    life(0, 0);
}

static const struct bench_case cases[] = {
    { "fork_small", build_small, bench_fork_small, tell_fork },
    { "fork_large", build_large, bench_fork_large, tell_fork },
    { "exit_large", build_exit, bench_exit_large, tell_exit },
    { "regain_first", build_regain, bench_regain_first, tell_regain },
    { "own_copy", build_exit, bench_own_copy, tell_own },
    { "life_10", build_life, bench_life_10, tell_life },
    { "life_3", build_life, bench_life_3, tell_life },
    { "life_0", build_life, bench_life_0, tell_life },
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, cases, COUNT(cases));
}
