/*
 * scenarios_soup.c: random programs with an exact model.
 *
 * In the first soup every CPU has a space of its own; they descend from one
 * parent and so share tables, but nothing that one does may show in
 * another: each CPU keeps a model of its space and compares.
 *
 * In the second all CPUs run one space; each changes pages of its own only,
 * which lie between those of the others, and all of them fork.
 */
#include "world.h"

#define PAGE LP_PAGE_SIZE

enum { RUN = 4, PAGES = 3 * RUN, OPERATIONS = 9 };

/* What a page must be. */
struct page {
    bool mapped;
    unsigned access;
    uint64_t value;
};

struct model {
    struct lp_space *space;
    struct page page[PAGES];
};

static struct model model[COROUTINES_MAX];

static lp_va address(unsigned page)
{
    static const lp_va base[] = { PAGES_A, PAGES_B, PAGES_C };

    return base[page / RUN] + page % RUN * PAGE;
}

/* --- one page ------------------------------------------------------------ */

static enum lp_host_code expected(const struct page *page, unsigned access)
{
    if (!page->mapped)
        return LP_HOST_MAPERR;
    return access & ~page->access ? LP_HOST_ACCERR : LP_HOST_OK;
}

static void load(const struct model *m, unsigned i)
{
    const struct page *page = &m->page[i];
    uint64_t seen = 0;
    enum lp_host_code code = try_get(address(i), &seen);

    expect(code == expected(page, LP_READ), code, i);
    expect(code != LP_HOST_OK || seen == page->value, seen, page->value);
}

static void store(struct model *m, unsigned i)
{
    struct page *page = &m->page[i];
    uint64_t value = 1 + chance(1000);
    enum lp_host_code code = try_put(address(i), value);

    expect(code == expected(page, LP_WRITE), code, i);
    if (code == LP_HOST_OK)
        page->value = value;
}

/* The same by a system call. */
static void copy(struct model *m, unsigned i)
{
    struct page *page = &m->page[i];
    uint64_t value = 1 + chance(1000), n, tries = 0;
    int error;

    do
        n = lp_copy_out(m->space, address(i), &value, sizeof(value), &error);
    while (error == -LP_ENOMEM && world.scenario->flags & FAILS && !tries++);
    expect((n == sizeof(value)) == (expected(page, LP_WRITE) == LP_HOST_OK), n,
           error);
    if (n)
        page->value = value;
}

/* --- some pages ---------------------------------------------------------- */

static void unmap_pages(struct model *m, unsigned i, unsigned n)
{
    unmap(m->space, address(i), n);
    for (; n > 0; n--)
        m->page[i++].mapped = false;
}

static void map_pages(struct model *m, unsigned i, unsigned n)
{
    map(m->space, address(i), n);
    for (; n > 0; n--)
        m->page[i++] = (struct page){ true, LP_READ | LP_WRITE, 0 };
}

static void protect_pages(struct model *m, unsigned i, unsigned n)
{
    static const unsigned choices[] = { 0, LP_READ, LP_READ | LP_WRITE };
    unsigned access = choices[chance(3)], k;

    for (k = 0; k < n; k++)
        if (!m->page[i + k].mapped)
            return;
    protect(m->space, address(i), n, access);
    for (k = 0; k < n; k++)
        m->page[i + k].access = access;
}

/* --- a space for each ---------------------------------------------------- */

static void spaces_setup(void)
{
    struct model *m = &model[0];
    unsigned i;

    *m = (struct model){ .space = new_space() };
    lp_host_cpu_set(world.m, 0);
    use(m->space);
    for (i = 0; i < PAGES; i += RUN)
        map_pages(m, i, RUN);
    for (i = 0; i < PAGES; i++)
        if (chance(2))
            store(m, i);
    model[1] = *m;
    model[1].space = fork_of(m->space);
    model[2] = *m;
    model[2].space = fork_of(chance(2) ? m->space : model[1].space);
}

/* Go on in a child, or look at it and let it go. */
static void fork_and_choose(struct model *m)
{
    struct lp_space *next = fork_of(m->space);
    struct model before = *m;

    before.space = next;
    store(m, (unsigned)chance(PAGES));
    use(next);
    load(&before, (unsigned)chance(PAGES));
    store(&before, (unsigned)chance(PAGES));
    if (chance(2)) {
        use(m->space);
        end_space(next);
    } else {
        end_space(m->space);
        *m = before;
    }
}

static void any_operation(struct model *m)
{
    unsigned i = (unsigned)chance(PAGES);
    unsigned n = 1 + (unsigned)chance(RUN - i % RUN);

    switch (chance(12)) {
    case 0: unmap_pages(m, i, n); break;
    case 1: map_pages(m, i, n); break;
    case 2: protect_pages(m, i, n); break;
    case 3:
    case 4: fork_and_choose(m); break;
    case 5: copy(m, i); break;
    case 6: use(NULL), use(m->space); break;
    case 7:
    case 8: load(m, i); break;
    default: store(m, i); break;
    }
}

static void spaces_run(unsigned self)
{
    unsigned i;

    use(model[self].space);
    for (i = 0; i < OPERATIONS; i++)
        any_operation(&model[self]);
}

static void spaces_check(void)
{
    unsigned self, i;

    lp_host_cpu_set(world.m, 0);
    for (self = 0; self < world.scenario->ncpus; self++) {
        use(model[self].space);
        for (i = 0; i < PAGES; i++)
            load(&model[self], i);
    }
}

/* --- one space for all --------------------------------------------------- */

static void threads_setup(void)
{
    struct model *m = &model[0];
    unsigned i;

    *m = (struct model){ .space = new_space() };
    lp_host_cpu_set(world.m, 0);
    use(m->space);
    for (i = 0; i < PAGES; i += RUN)
        map_pages(m, i, RUN);
    for (i = 0; i < PAGES; i++)
        if (chance(2))
            store(m, i);
    if (chance(2))
        fork_of(m->space);
    model[1] = model[2] = *m;
}

/* A page of another thread is this or that, but does not change in a child. */
static void stays(unsigned i)
{
    uint64_t first = 0, second = 0;
    enum lp_host_code code = try_get(address(i), &first);

    expect(try_get(address(i), &second) == code, code, i);
    expect(first == second, first, second);
}

static void fork_and_compare(struct model *m, unsigned self)
{
    struct model child = *m;
    unsigned i, page;

    child.space = fork_of(m->space);
    page = (unsigned)chance(PAGES / 3) * 3 + self;
    store(m, page);
    use(child.space);
    load(&child, page);
    for (i = 0; i < 3; i++) {
        page = (unsigned)chance(PAGES);
        if (page % 3 == self)
            load(&child, page);
        else
            stays(page);
    }
    store(&child, (unsigned)chance(PAGES / 3) * 3 + self);
    use(m->space);
    end_space(child.space);
}

static void threads_run(unsigned self)
{
    struct model *m = &model[self];
    unsigned i, page;

    use(m->space);
    for (i = 0; i < OPERATIONS; i++) {
        page = (unsigned)chance(PAGES / 3) * 3 + self;
        switch (chance(8)) {
        case 0: unmap_pages(m, page, 1); break;
        case 1: map_pages(m, page, 1); break;
        case 2: protect_pages(m, page, 1); break;
        case 3: fork_and_compare(m, self); break;
        case 4: load(m, page); break;
        case 5: copy(m, page); break;
        default: store(m, page); break;
        }
    }
}

static void threads_check(void)
{
    unsigned i;

    lp_host_cpu_set(world.m, 0);
    use(model[0].space);
    for (i = 0; i < PAGES; i++)
        load(&model[i % 3], i);
}

const struct scenario scenarios_soup[] = {
    { "soup_of_spaces", "does anything that one space does show in another?", 3,
      250, 0, 0, spaces_setup, spaces_run, spaces_check },
    { "soup_of_spaces_with_a_failure", "... when a frame is missing?", 3, 250,
      0, FAILS, spaces_setup, spaces_run, spaces_check },
    { "soup_of_threads", "do threads of one space keep their own pages?", 3,
      250, 0, 0, threads_setup, threads_run, threads_check },
    { "soup_of_threads_with_a_failure", "... when a frame is missing?", 3, 250,
      0, FAILS, threads_setup, threads_run, threads_check },
    { .name = NULL },
};
