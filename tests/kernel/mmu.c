/*
 * mmu.c: does this CPU agree with the host machine's walker?
 *
 * The tests of the core believe backends/host/walk_*.c, which are written from
 * the manuals.  Here the same walkers are compiled into the kernel: random
 * tables, as raw bits and not made by the library, are walked by both, and for
 * each access the outcome is compared: done or refused, for which reason, the
 * bytes that were loaded or stored, and A and D afterwards.
 *
 * The tables lie in a pool of 2 MiB that is aligned to its size, so that a large
 * leaf can point into it.  Stores and fetches go to the pool's data pages only:
 * where the prediction says otherwise, a load is made instead.  Each access
 * begins with an empty TLB.
 */
#include "mmu.h"

#include "kernel_tests.h"
#include "probe.h"
#include "sched.h"

enum {
    NTABLES = 40, /* the root is the first */
    NDATA = 16,
    NINDICES = 5,
    ACCESSES_PER_ROUND = 32,
    FETCH_AT = 16, /* in a data page: breakpoints from here on */
    FAILURES_SHOWN = 10,
};
#define POOL_SIZE ((uint64_t)1 << 21)

static const struct lp_host_walker *walker;
static struct lp_host_config config;
static lp_pa pool;
static uint64_t naccesses_wanted, ndone[2], nrefused, nfailures;

/* --- chance --- */

static uint64_t random_state = 1;

uint64_t mmu_random(void)
{
    uint64_t x = random_state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

bool mmu_one_in(unsigned n)
{
    return mmu_random() % n == 0;
}

/* --- the pool --- */

static lp_pa table_at(unsigned i)
{
    return pool + i * PAGE_SIZE;
}

static lp_pa data_at(unsigned i)
{
    return pool + (NTABLES + i) * PAGE_SIZE;
}

static bool is_data(lp_pa pa)
{
    return pa >= data_at(0) && pa < data_at(NDATA);
}

/* The indices that tables use; the root uses those of its lower half. */
static unsigned some_index(unsigned level)
{
    static const unsigned indices[NINDICES] = { 0, 1, 255, 256, 511 };
    unsigned n = level == walker->levels - 1 ? 3 : NINDICES;

    return indices[mmu_random() % n];
}

/*
 * A page's own word, and breakpoints.  As an entry of a table, which a walk may
 * take it for, each of these is absent: its lowest bit is clear.
 */
static void fill_data(unsigned i)
{
    static const char code[] = ARCH_TRAP_CODE;
    char *page = direct(data_at(i));
    size_t at;

    for (at = 0; at < PAGE_SIZE; at += ARCH_TRAP_LEN)
        memcpy(page + at, code, ARCH_TRAP_LEN);
    *(uint64_t *)(void *)page = 0xda7a0000 + 2 * i;
}

/* Tables 1.. take turns at the levels below the root. */
static unsigned level_of(unsigned i)
{
    return i ? (i - 1) % (walker->levels - 1) : walker->levels - 1;
}

/* A table of the level below; below level 0 there are pages: any will do. */
static unsigned table_below(unsigned level)
{
    unsigned i;

    do
        i = 1 + (unsigned)(mmu_random() % (NTABLES - 1));
    while (level > 0 && level_of(i) != level - 1);
    return i;
}

static void fill_table(unsigned i)
{
    uint64_t *table = direct(table_at(i));
    unsigned n, level = level_of(i);

    for (n = 0; n < 2 * NINDICES; n++)
        table[some_index(level)] =
            arch_entry(level, table_at(table_below(level)),
                       data_at((unsigned)mmu_random() % NDATA));
}

/* The root's upper half is the kernel's. */
static void make_tables(void)
{
    uint64_t *root = direct(table_at(0));
    const uint64_t *kernel = direct(lp_kernel_root(the_pager));
    unsigned i;

    memset(root, 0, NTABLES * PAGE_SIZE);
    memcpy(root + 256, kernel + 256, 256 * sizeof(*root));
    for (i = 0; i < NTABLES; i++)
        fill_table(i);
    for (i = 0; i < NDATA; i++)
        fill_data(i);
}

/* --- what the walker says --- */

struct access {
    unsigned access;
    bool user;
    lp_va va;
};

struct prediction {
    enum { DONE, REFUSED, RESERVED, NOT_CANONICAL } outcome;
    lp_pa pa;
    unsigned level;                 /* of the last entry read */
    uint64_t *entry[LP_LEVELS_MAX]; /* those on the path */
    uint64_t before[LP_LEVELS_MAX];
};

static bool canonical(lp_va va)
{
    unsigned bits = 12 + 9 * walker->levels;
    uint64_t above = va >> (bits - 1);

    return above == 0 || above == ~(uint64_t)0 >> (bits - 1);
}

static bool leaf_allows(const struct access *a, unsigned rights,
                        const struct lp_host_entry *e)
{
    enum lp_host_mode mode = a->user ? LP_HOST_USER : LP_HOST_SUPERVISOR_USER;

    if (walker->allows(&config, rights, a->access, mode) != LP_HOST_ALLOWED)
        return false;
    return walker->hardware_ad ||
           (e->accessed && (e->dirty || a->access != LP_WRITE));
}

static void predict(const struct access *a, struct prediction *p)
{
    unsigned level = walker->levels, rights = LP_HOST_RIGHTS_ALL;
    struct lp_host_entry e = { .kind = LP_HOST_TABLE, .pa = table_at(0) };
    uint64_t span;

    *p = (struct prediction){ .outcome = NOT_CANONICAL };
    if (!canonical(a->va))
        return;
    p->outcome = REFUSED;
    while (e.kind == LP_HOST_TABLE && level > 0) {
        level--;
        p->entry[level] = (uint64_t *)direct(e.pa) +
                          (a->va >> lp_host_level_shift(walker, level) & 511);
        p->before[level] = *p->entry[level];
        walker->decode(&config, level, p->before[level], &e);
        rights &= e.rights;
    }
    p->level = level;
    if (e.kind == LP_HOST_RESERVED && walker->reports_reserved)
        p->outcome = RESERVED;
    if (e.kind != LP_HOST_LEAF)
        return;
    span = (uint64_t)1 << lp_host_level_shift(walker, level);
    p->pa = e.pa + (a->va & (span - 1));
    if (leaf_allows(a, rights, &e))
        p->outcome = DONE;
}

/* --- what the CPU does --- */

struct result {
    enum { RESULT_DONE, RESULT_FAULT, RESULT_SIGNAL } outcome;
    unsigned flags;
    uint64_t value;
};

/* Supervisor loads and stores with user access allowed (SUM, STAC). */
static void as_supervisor(const struct access *a, struct result *r)
{
    size_t left = a->access == LP_WRITE
                      ? arch_copy_out(a->va, &r->value, sizeof(r->value))
                      : arch_copy_in(&r->value, a->va, sizeof(r->value));

    r->outcome = left ? RESULT_FAULT : RESULT_DONE;
}

static void as_user(const struct access *a, struct result *r)
{
    struct trap trap;

    probe(a->access, 8, a->va, &r->value, &trap);
    r->outcome = RESULT_DONE;
    if (!probe_done(&trap))
        r->outcome =
            trap.kind == TRAP_PAGE_FAULT ? RESULT_FAULT : RESULT_SIGNAL;
    r->flags = trap.fault.flags;
}

static void do_access(const struct access *a, struct result *r)
{
    static const struct lp_flush all = { .scope = LP_FLUSH_ALL,
                                         .tables = true };
    bool on = arch_irq_disable();

    the_arch->activate(the_arch->ctx, table_at(0), 0, true);
    the_arch->flush(the_arch->ctx, &all);
    arch_irq_restore(on);
    if (a->user)
        as_user(a, r);
    else
        as_supervisor(a, r);
    on = arch_irq_disable();
    lp_activate(the_pager, NULL);
    arch_irq_restore(on);
}

/* --- comparing --- */

static const char *compare_entries(const struct access *a,
                                   const struct prediction *p)
{
    unsigned level = p->level;
    uint64_t leaf = *p->entry[level];

    if (!(leaf & walker->accessed))
        return "A of the leaf is not set";
    if (a->access == LP_WRITE && !(leaf & walker->dirty))
        return "D of the leaf is not set";
    if ((leaf ^ p->before[level]) &
        ~(walker->accessed | (a->access == LP_WRITE ? walker->dirty : 0)))
        return "other bits of the leaf have changed";
    for (level++; walker->table_accessed && level < walker->levels; level++)
        if (!(*p->entry[level] & walker->accessed))
            return "A of a table entry is not set";
    return NULL;
}

static const char *compare_done(const struct access *a,
                                const struct prediction *p,
                                const struct result *r, uint64_t stored)
{
    uint64_t there = *(uint64_t *)direct(p->pa);

    if (a->access == LP_READ && r->value != there)
        return "the load got other bytes";
    if (a->access == LP_WRITE && there != stored)
        return "the store did not arrive";
    return compare_entries(a, p);
}

static const char *compare(const struct access *a, const struct prediction *p,
                           const struct result *r, uint64_t stored)
{
    bool reserved = r->flags & LP_FAULT_RESERVED;

    switch (p->outcome) {
    case DONE:
        if (r->outcome != RESULT_DONE)
            return "refused; the walker allows it";
        return compare_done(a, p, r, stored);
    case NOT_CANONICAL:
        if (walker->canonical == LP_HOST_SIGN_GP)
            return r->outcome == RESULT_SIGNAL ? NULL : "not canonical: no #GP";
        break;
    default: break;
    }
    if (r->outcome != RESULT_FAULT)
        return "done; the walker refuses it";
    if (a->user && reserved != (p->outcome == RESERVED))
        return "the fault's reserved flag is another";
    return NULL;
}

static void report(const struct access *a, const struct prediction *p,
                   const char *wrong)
{
    unsigned level;

    if (nfailures++ >= FAILURES_SHOWN)
        return;
    klog("%s: %s access %u at %lx: %s", walker->name,
         a->user ? "user" : "supervisor", a->access, a->va, wrong);
    for (level = walker->levels; level-- > 0;)
        if (p->entry[level])
            klog("    level %u: %lx before, %lx now", level, p->before[level],
                 *p->entry[level]);
}

/* --- accesses --- */

static lp_va random_va(void)
{
    lp_va va = 0;
    unsigned level;

    for (level = 0; level < walker->levels; level++)
        va |= (lp_va)some_index(level) << lp_host_level_shift(walker, level);
    if (mmu_one_in(50))
        va ^= (lp_va)1 << (12 + 9 * walker->levels + mmu_random() % 8 - 1);
    return va;
}

/* An access, aimed at a data page where a large leaf leaves the choice. */
static void propose(struct access *a, struct prediction *p)
{
    static const unsigned kinds[] = { LP_READ, LP_WRITE, LP_EXEC };
    uint64_t span;

    a->va = random_va();
    /* The supervisor's copy takes nothing beyond the user range. */
    a->user = !mmu_one_in(3) || a->va >= the_arch->format.user_end;
    a->access = kinds[mmu_random() % (a->user ? 3 : 2)];
    predict(a, p);
    if (p->outcome == DONE && p->level > 0) {
        span = (uint64_t)1 << lp_host_level_shift(walker, p->level);
        a->va = (a->va & ~(span - 1)) |
                (data_at((unsigned)mmu_random() % NDATA) & (span - 1));
        predict(a, p);
    }
    if (a->access == LP_EXEC)
        a->va += FETCH_AT;
    if (p->outcome == DONE && !is_data(p->pa))
        a->access = LP_READ;
    predict(a, p);
}

/* One whose effect is known: what is outside the pool is not ours to load. */
static void choose(struct access *a, struct prediction *p)
{
    do
        propose(a, p);
    while (p->outcome == DONE && (p->pa < pool || p->pa >= pool + POOL_SIZE));
}

static void try(void)
{
    uint64_t stored = mmu_random();
    struct prediction p;
    struct access a;
    struct result r = { .value = stored };
    const char *wrong;

    choose(&a, &p);
    do_access(&a, &r);
    wrong = compare(&a, &p, &r, stored);
    if (wrong)
        report(&a, &p, wrong);
    if (p.outcome == DONE)
        ndone[a.user]++;
    else
        nrefused++;
    if (a.access == LP_WRITE && is_data(p.pa))
        fill_data((unsigned)((p.pa - data_at(0)) / PAGE_SIZE));
}

static void run(void *arg)
{
    lp_pa memory = frames_get(2 * POOL_SIZE / PAGE_SIZE);
    uint64_t i;

    (void)arg;
    if (memory == LP_PA_NONE)
        panic("no memory for the test of the MMU");
    pool = round_up(memory, POOL_SIZE);
    probe_init();
    walker = arch_walker(&config);
    random_state = option_number("seed", 1);
    for (i = 0; i < naccesses_wanted; i++) {
        if (i % ACCESSES_PER_ROUND == 0)
            make_tables();
        try();
    }
    klog("mmu: %s: %lu accesses done by users, %lu by the supervisor, "
         "%lu refused; %lu differ",
         walker->name, ndone[1], ndone[0], nrefused, nfailures);
    /* A run that saw too few of one kind has compared nothing. */
    if (ndone[0] < i / 100 || ndone[1] < i / 100 || nrefused < i / 100)
        panic("mmu: not enough accesses of each kind");
    console_end(nfailures > 0);
}

void mmu_test_start(uint64_t naccesses)
{
    naccesses_wanted = naccesses;
    if (!thread_start(NULL, run, NULL))
        panic("no memory for the MMU test's thread");
}
