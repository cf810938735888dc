/*
 * tables.c: the tables themselves, after a fork.
 *
 * What programs see of fork is tested elsewhere; here the entries are read, by
 * the host machine's decoders, which are written from the manuals.  A pager
 * runs through an architecture table of our own that notes which root was
 * activated.
 *
 * The two kinds of format (core/own.c) differ in what an entry above a shared
 * table is: on the Sv modes not valid, so that nothing below can be reached;
 * on x86-64 valid without W.
 */
#include "kernel_tests.h"
#include "lab.h"
#include "mmu.h"

enum { NAREAS = 2, NPAGES = 40, NTABLES_MAX = 64 };

static const struct lp_host_walker *walker;
static struct lp_host_config config;
static struct lp_arch arch;
static struct lp_pager *pager;
static lp_pa activated;

#define CHECK(condition)                                                 \
    do {                                                                 \
        if (!(condition)) {                                              \
            klog("tables: line %d: not true: %s", __LINE__, #condition); \
            console_end(1);                                              \
        }                                                                \
    } while (0)

/* --- reading tables --- */

static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    activated = root;
    the_arch->activate(ctx, root, asid, flush);
}

static lp_pa root_of(struct lp_space *space)
{
    lab_activate(pager, space);
    return activated;
}

static uint64_t entry_at(lp_pa table, unsigned index)
{
    return ((const uint64_t *)direct(table))[index];
}

static struct lp_host_entry decode(unsigned level, uint64_t bits)
{
    struct lp_host_entry e = { .kind = LP_HOST_ABSENT };

    walker->decode(&config, level, bits, &e);
    return e;
}

/* Is the hardware kept from writing (x86) or from going (Sv) below? */
static bool guarded(unsigned level, uint64_t bits)
{
    struct lp_host_entry e = decode(level, bits);

    return e.kind == LP_HOST_ABSENT ||
           (walker->table_accessed && !(e.rights & LP_WRITE));
}

static unsigned index_of(lp_va va, unsigned level)
{
    return (unsigned)(va >> lp_host_level_shift(walker, level)) & 511;
}

/*
 * The tables on the way to va, from the root down, as far as hardware goes;
 * returns how many.
 */
static unsigned path(lp_pa root, lp_va va, lp_pa tables[LP_LEVELS_MAX])
{
    unsigned level = walker->levels - 1, n = 0;
    struct lp_host_entry e = { .kind = LP_HOST_TABLE, .pa = root };

    for (;; level--) {
        tables[n++] = e.pa;
        if (level == 0)
            return n;
        e = decode(level, entry_at(e.pa, index_of(va, level)));
        if (e.kind != LP_HOST_TABLE)
            return n;
    }
}

/* --- the scene --- */

/* Areas in different entries of the root, written to. */
static lp_va area(unsigned i)
{
    return ((lp_va)(i + 1) << lp_host_level_shift(walker, walker->levels - 1)) +
           PAGE_SIZE;
}

static void write_page(lp_va va, uint64_t value)
{
    CHECK(lab_access(LP_WRITE, va, &value, sizeof(value)) == LP_FAULT_OK);
}

static uint64_t read_page(lp_va va)
{
    uint64_t value = 0;

    CHECK(lab_access(LP_READ, va, &value, sizeof(value)) == LP_FAULT_OK);
    return value;
}

static void populate(struct lp_space *space)
{
    unsigned i, page;

    lab_activate(pager, space);
    for (i = 0; i < NAREAS; i++) {
        CHECK(lp_mmap(space, area(i), NPAGES * PAGE_SIZE, LP_READ | LP_WRITE,
                      LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL,
                      0) == (int64_t)area(i));
        for (page = 0; page < NPAGES; page++)
            write_page(area(i) + page * PAGE_SIZE, page);
    }
}

static void check_all(void)
{
    struct lp_check_report report = { .what = NULL };

    if (lp_check(pager, lab.scratch, &report)) {
        klog("tables: lp_check: %s", report.what);
        console_end(1);
    }
    CHECK(lab.wrong == NULL);
}

static uint64_t copied(struct lp_space *space)
{
    struct lp_stats stats;

    lp_space_stats(space, &stats);
    return stats.tables_copied;
}

/* --- what is looked for --- */

/* Fork leaves no entry through which a shared table can be written. */
static void check_fork(lp_pa parent, lp_pa child)
{
    unsigned i, used = 0, top = walker->levels - 1;
    uint64_t ours, theirs;

    for (i = 0; i < the_arch->format.user_root_entries; i++) {
        ours = entry_at(parent, i);
        theirs = entry_at(child, i);
        CHECK(!ours == !theirs);
        if (!ours)
            continue;
        used++;
        CHECK(guarded(top, ours) && guarded(top, theirs));
    }
    CHECK(used == NAREAS);
}

/* The first touch copies the path to the page, and nothing beside it. */
static void check_first_touch(struct lp_space *parent, lp_pa root,
                              const lp_pa before[LP_LEVELS_MAX])
{
    unsigned level, n;
    lp_pa after[LP_LEVELS_MAX];
    uint64_t tables = copied(parent);

    lab_activate(pager, parent);
    write_page(area(0), 1000);
    n = path(root, area(0), after);
    CHECK(n == walker->levels);
    for (level = 1; level < n; level++)
        CHECK(after[level] != before[level]);
    CHECK(copied(parent) - tables == walker->levels - 1);
    CHECK(!guarded(walker->levels - 1,
                   entry_at(root, index_of(area(0), walker->levels - 1))));
    /* The other area has not been touched. */
    CHECK(guarded(walker->levels - 1,
                  entry_at(root, index_of(area(1), walker->levels - 1))));
}

/* The last owner gets the same tables back, without a copy. */
static void check_regain(struct lp_space *last, lp_pa root,
                         const lp_pa before[LP_LEVELS_MAX])
{
    unsigned level, page;
    lp_pa after[LP_LEVELS_MAX];
    uint64_t tables = copied(last);

    lab_activate(pager, last);
    for (page = 0; page < NPAGES; page++) {
        CHECK(read_page(area(1) + page * PAGE_SIZE) == page);
        write_page(area(1) + page * PAGE_SIZE, page);
    }
    CHECK(path(root, area(1), after) == walker->levels);
    for (level = 1; level < walker->levels; level++)
        CHECK(after[level] == before[level]);
    CHECK(copied(last) == tables);
}

static void run(void)
{
    lp_pa before[NAREAS][LP_LEVELS_MAX], root, child_root;
    struct lp_space *parent, *child;
    struct lp_options options = { 0 };

    walker = arch_walker(&config);
    arch = lab.arch;
    arch.activate = activate;
    lab_options(&options);
    CHECK(lp_pager_create(&arch, &lab.kernel, &options, &pager) == 0);
    CHECK(lp_space_create(pager, &parent) == 0);
    root = root_of(parent);
    populate(parent);
    CHECK(path(root, area(0), before[0]) == walker->levels);
    CHECK(path(root, area(1), before[1]) == walker->levels);
    CHECK(lp_fork(parent, &child) == 0);
    child_root = root_of(child);
    check_all();
    check_fork(root, child_root);
    check_first_touch(parent, root, before[0]);
    check_all();
    CHECK(read_page(area(0)) == 1000);
    lab_activate(pager, child);
    CHECK(read_page(area(0)) == 0);
    lab_activate(pager, parent);
    lp_space_destroy(child);
    check_all();
    check_regain(parent, root, before[1]);
    check_all();
    lab_activate(pager, NULL);
    lab_leave();
    lp_space_destroy(parent);
    CHECK(lp_pager_destroy(pager) == 0);
    klog("tables: %s: as they should be", walker->name);
    console_end(0);
}

void tables_test_start(void)
{
    lab_start(run);
}
