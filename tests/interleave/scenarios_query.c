/*
 * scenarios_query.c: who looks at a space while its pages and tables go.  No CPU
 * runs the space, so nothing waits for the one that looks.
 */
#include "world.h"

#define A ((lp_va)PAGES_A)
#define PAGE LP_PAGE_SIZE

enum { NPAGES = 3 };

static struct lp_space *space;

static void query_setup(void)
{
    unsigned i;

    space = new_space();
    map(space, A, NPAGES);
    lp_host_cpu_set(world.m, 0);
    use(space);
    for (i = 0; i < NPAGES; i++)
        put(A + i * PAGE, i);
    use(NULL);
}

static void take_away(void)
{
    unmap(space, A, NPAGES);
}

static void pages_run(unsigned self)
{
    struct lp_page_info info;
    int error;

    if (self == 1) {
        take_away();
        return;
    }
    error = lp_query(space, A, &info);
    expect(error == 0 || error == -LP_EFAULT, error, 0);
    expect(error || info.flags & LP_PAGE_PRESENT, info.flags, 0);
    expect(error || info.references == 1, info.references, info.frame);
}

static void resident_run(unsigned self)
{
    uint64_t n;

    if (self == 1) {
        take_away();
        return;
    }
    n = lp_resident_pages(space, A, A + NPAGES * PAGE);
    expect(n == 0 || n == NPAGES, n, 0);
}

static void tables_run(unsigned self)
{
    struct lp_table_info info;

    if (self == 1) {
        take_away();
        return;
    }
    if (!lp_next_table(space, 0, A, &info))
        return;
    expect(info.used == NPAGES, info.used, info.table);
    expect(info.references == 1, info.references, info.table);
}

static void query_check(void)
{
    struct lp_page_info info;

    expect(lp_query(space, A, &info) == -LP_EFAULT, info.flags, 0);
    expect(lp_resident_pages(space, A, A + NPAGES * PAGE) == 0, 0, 0);
}

/* --- a page for a system call -------------------------------------------- */

/* So many areas that the tree of them has two levels. */
enum { NAREAS = 40 };

static lp_va area(unsigned i)
{
    return A + 2 * i * PAGE;
}

static void copy_setup(void)
{
    unsigned i;

    space = new_space();
    for (i = 0; i < NAREAS; i++)
        map(space, area(i), 1);
}

/* The page is brought, and its area looked at again: is that still there? */
static void copy_run(unsigned self)
{
    uint64_t word = 1, n;
    int error;

    if (self == 1) {
        unmap(space, A, 2 * NAREAS);
        return;
    }
    n = lp_copy_in(space, &word, area(NAREAS / 2), sizeof(word), &error);
    expect((n == sizeof(word) && word == 0) || (n == 0 && error == -LP_EFAULT),
           n, word);
}

/* The page is looked at and held; a store of another CPU replaces it. */
static struct lp_space *child;

static void hold_setup(void)
{
    query_setup();
    child = fork_of(space);
}

static void hold_run(unsigned self)
{
    uint64_t word = 0, n;
    int error;

    if (self == 1) {
        use(space);
        put(A + PAGE, 7);
        end_space(child); /* and with it the page that was there */
        return;
    }
    n = lp_copy_in(space, &word, A + PAGE, sizeof(word), &error);
    expect(n == sizeof(word) && (word == 1 || word == 7), n, word);
}

const struct scenario scenarios_query[] = {
    { "query_against_unmap", "does a query read a page that is gone?", 2, 100,
      1, 0, query_setup, pages_run, query_check },
    { "resident_against_unmap", "... or count what is in a table that is gone?",
      2, 100, 1, 0, query_setup, resident_run, query_check },
    { "next_table_against_unmap", "... or tell of the table itself?", 2, 100, 1,
      0, query_setup, tables_run, query_check },
    { "copy_in_against_unmap", "does a copy look at an area that is gone?", 2,
      100, 1, 0, copy_setup, copy_run, NULL },
    { "copy_in_against_copy", "... or hold a page that is gone?", 2, 100, 1, 0,
      hold_setup, hold_run, NULL },
    { .name = NULL },
};
