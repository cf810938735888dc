/*
 * Flushes on x86-64: does the planned operation drop what the flush names, and
 * little else?
 *
 * Below is a processor's TLB and its paging-structure caches as the manual
 * describes them, Intel SDM vol. 3A, 4.10 (2023), with the least that each
 * instruction must drop: a real one may drop more.  Every plan is executed on
 * it, for each set of features, with random entries near the range.  An
 * instruction that the processor would refuse (#UD, #GP) fails the test.
 */
#include "runner.h"

#include "plan.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE LP_PAGE_SIZE

enum {
    NLEAVES = 48,
    NUPPERS = 32,
    NPCIDS = 4, /* in use: 0..3 */
    ROUNDS = 20000,
};

/* --- the processor -------------------------------------------------------- */

/* A TLB entry (4.10.2), or one of a paging-structure cache (4.10.3). */
struct entry {
    bool live;
    bool global;
    uint32_t pcid;
    unsigned shift; /* it is for the addresses that agree from this bit on */
    lp_va va;
};

struct cpu {
    struct lp_x86_64_features has;
    unsigned va_bits;
    uint64_t cr3;
    bool pge;
    bool pcide;
    struct entry leaves[NLEAVES];
    struct entry uppers[NUPPERS];
};

static bool canonical(const struct cpu *cpu, lp_va va)
{
    lp_va high = va >> (cpu->va_bits - 1);

    return high == 0 || high == UINT64_MAX >> (cpu->va_bits - 1);
}

static uint32_t current(const struct cpu *cpu)
{
    return cpu->pcide ? cpu->cr3 & 0xfff : 0;
}

static bool covers(const struct entry *e, lp_va va)
{
    return e->va >> e->shift == va >> e->shift;
}

/* Vol. 2A, INVLPG; 4.10.4.1. */
static void invlpg(struct cpu *cpu, lp_va va)
{
    size_t i;

    if (!canonical(cpu, va))
        return; /* a NOP */
    for (i = 0; i < NLEAVES; i++)
        if (covers(&cpu->leaves[i], va) &&
            (cpu->leaves[i].global || cpu->leaves[i].pcid == current(cpu)))
            cpu->leaves[i].live = false;
    for (i = 0; i < NUPPERS; i++)
        if (cpu->uppers[i].pcid == current(cpu))
            cpu->uppers[i].live = false;
}

/* Vol. 2A, INVPCID. */
static void invpcid(struct cpu *cpu, unsigned type, uint32_t pcid, lp_va va)
{
    size_t i;

    assert_true(cpu->has.invpcid); /* #UD */
    assert_true(type <= 3);        /* #GP, and so are the next three */
    assert_true(pcid < 4096);
    assert_true(cpu->pcide || type > 1 || pcid == 0);
    assert_true(type != 0 || canonical(cpu, va));
    for (i = 0; i < NLEAVES; i++) {
        struct entry *e = &cpu->leaves[i];
        bool mine = type > 1 || e->pcid == pcid;

        if (mine && (type == 2 || !e->global) && (type || covers(e, va)))
            e->live = false;
    }
    for (i = 0; i < NUPPERS; i++) {
        struct entry *e = &cpu->uppers[i];

        if ((type > 1 || e->pcid == pcid) && (type || covers(e, va)))
            e->live = false;
    }
}

/* 4.10.4.1, MOV to CR3. */
static void write_cr3(struct cpu *cpu, uint64_t value)
{
    bool keep = value >> 63;
    size_t i;

    assert_true(cpu->pcide || !keep); /* #GP: bit 63 is reserved */
    cpu->cr3 = value & ~(UINT64_C(1) << 63);
    for (i = 0; i < NLEAVES && !keep; i++)
        if (!cpu->leaves[i].global && cpu->leaves[i].pcid == current(cpu))
            cpu->leaves[i].live = false;
    for (i = 0; i < NUPPERS && !keep; i++)
        if (cpu->uppers[i].pcid == current(cpu))
            cpu->uppers[i].live = false;
}

/* 4.10.4.1, MOV to CR4 that changes PGE. */
static void flip_pge(struct cpu *cpu)
{
    size_t i;

    assert_true(cpu->has.pge); /* #GP */
    cpu->pge = !cpu->pge;
    for (i = 0; i < NLEAVES; i++)
        cpu->leaves[i].live = false;
    for (i = 0; i < NUPPERS; i++)
        cpu->uppers[i].live = false;
}

static void execute(struct cpu *cpu, const struct lp_x86_64_plan *plan)
{
    lp_va va = plan->va;
    uint64_t n = plan->npages;

    switch (plan->operation) {
    case LP_X86_64_NOTHING: return;
    case LP_X86_64_INVLPG:
        for (; n; n--, va += PAGE)
            invlpg(cpu, va);
        return;
    case LP_X86_64_INVPCID_PAGE:
        for (; n; n--, va += PAGE)
            invpcid(cpu, 0, plan->pcid, va);
        return;
    case LP_X86_64_INVPCID_CONTEXT: invpcid(cpu, 1, plan->pcid, 0); return;
    case LP_X86_64_INVPCID_ALL: invpcid(cpu, 2, 0, 0); return;
    case LP_X86_64_RELOAD_CR3: write_cr3(cpu, cpu->cr3); return;
    case LP_X86_64_TOGGLE_PGE:
        flip_pge(cpu);
        flip_pge(cpu);
        return;
    }
    fail_msg("operation %d", plan->operation);
}

/* --- what the contract says ----------------------------------------------- */

/* Bytes of the range that lie in the entry, wherever either ends. */
static bool meets(const struct lp_flush *what, const struct entry *e)
{
    lp_va first = e->va >> e->shift << e->shift;
    lp_va len = what->end - what->start;

    return (first - what->start < len) ||
           (len && what->start - first < (lp_va)1 << e->shift);
}

/* arch.h, enum lp_flush_scope. */
static bool leaf_must_go(const struct lp_flush *what, const struct entry *e)
{
    switch (what->scope) {
    case LP_FLUSH_RANGE:
        return !e->global && e->pcid == what->asid && meets(what, e);
    case LP_FLUSH_ASID: return !e->global && e->pcid == what->asid;
    case LP_FLUSH_GLOBAL: return meets(what, e);
    case LP_FLUSH_ALL: return true;
    }
    return true;
}

static bool upper_must_go(const struct lp_flush *what, const struct entry *e)
{
    switch (what->scope) {
    case LP_FLUSH_RANGE:
    case LP_FLUSH_ASID: return what->tables && e->pcid == what->asid;
    case LP_FLUSH_GLOBAL: return what->tables;
    case LP_FLUSH_ALL: return true;
    }
    return true;
}

/* How far a plan may reach beyond what it must drop. */
enum reach {
    PAGES,   /* the range, under every ASID; upper entries of one ASID */
    CONTEXT, /* all of one ASID, nothing global */
    MACHINE, /* everything */
};

/* What these features allow: worked out from the table in plan.h. */
static enum reach reach_of(const struct cpu *cpu, const struct lp_flush *what)
{
    bool few = what->end - what->start <= 32 * PAGE;
    bool here = !cpu->pcide || what->asid == current(cpu);

    switch (what->scope) {
    case LP_FLUSH_RANGE:
        if (few && (here || (cpu->has.invpcid && !what->tables)))
            return PAGES;
        return here || cpu->has.invpcid ? CONTEXT : MACHINE;
    case LP_FLUSH_ASID: return here || cpu->has.invpcid ? CONTEXT : MACHINE;
    case LP_FLUSH_GLOBAL:
        return few && !(what->tables && cpu->pcide) ? PAGES : MACHINE;
    case LP_FLUSH_ALL: break;
    }
    return MACHINE;
}

static bool leaf_may_go(const struct cpu *cpu, const struct lp_flush *what,
                        const struct entry *e)
{
    /* Where only tables have changed, page 0 is the one that goes. */
    bool victim = what->start == what->end && what->tables && covers(e, 0);
    enum reach reach = reach_of(cpu, what);

    if (reach == MACHINE)
        return true;
    if (reach == CONTEXT)
        return !e->global && e->pcid == what->asid;
    if (what->scope == LP_FLUSH_RANGE && !e->global && e->pcid != what->asid)
        return false;
    return meets(what, e) || victim;
}

static bool upper_may_go(const struct cpu *cpu, const struct lp_flush *what,
                         const struct entry *e)
{
    uint32_t asid = what->scope == LP_FLUSH_GLOBAL ? current(cpu) : what->asid;
    bool empty = what->start == what->end && !what->tables;

    if (reach_of(cpu, what) == MACHINE)
        return true;
    if (what->scope != LP_FLUSH_ASID && empty)
        return false;
    return e->pcid == asid;
}

/* --- random entries and flushes ------------------------------------------- */

static uint64_t state;

static uint64_t rnd(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static const struct lp_x86_64_features all_features[] = {
    { .nx = true },
    { .nx = true, .invpcid = true },
    { .nx = true, .pge = true },
    { .nx = true, .pge = true, .invpcid = true },
    { .nx = true, .pge = true, .pcid = true },
    { .nx = true, .pge = true, .pcid = true, .invpcid = true },
};

/* The two ends of the lower half, or of the kernel's. */
static lp_va base_of(const struct cpu *cpu, bool kernel)
{
    lp_va half = (lp_va)1 << (cpu->va_bits - 1);

    if (kernel)
        return rnd(2) ? 0 - half : 0 - 128 * PAGE;
    return rnd(2) ? 0 : half - 128 * PAGE;
}

/* A page close to base; now and then a big one, or one far away. */
static struct entry random_entry(const struct cpu *cpu, lp_va base, bool upper)
{
    static const unsigned leaf_shifts[] = { 12, 12, 12, 21, 30 };
    bool kernel;
    struct entry e = {
        .live = true,
        .pcid = cpu->pcide ? (uint32_t)rnd(NPCIDS) : 0,
        .shift = upper ? 21 + 9 * (unsigned)rnd(3)
                       : leaf_shifts[rnd(COUNT(leaf_shifts))],
    };

    if (rnd(8) == 0)
        base = base_of(cpu, rnd(2));
    kernel = base >> 63;
    e.va = (base + rnd(128) * PAGE) >> e.shift << e.shift;
    /* arch.h: each leaf of the kernel's half is global; CR4.PGE, 4.10.2.4. */
    e.global = kernel && !upper && cpu->pge;
    return e;
}

static void fill(struct cpu *cpu, lp_va base)
{
    size_t i;

    for (i = 0; i < NLEAVES; i++)
        cpu->leaves[i] = random_entry(cpu, base, false);
    for (i = 0; i < NUPPERS; i++)
        cpu->uppers[i] = random_entry(cpu, base, true);
}

/* Half of the lengths are at most 8 pages, some exactly at the border. */
static struct lp_flush random_flush(const struct cpu *cpu, lp_va *base)
{
    static const enum lp_flush_scope scopes[] = {
        LP_FLUSH_RANGE, LP_FLUSH_RANGE,  LP_FLUSH_RANGE, LP_FLUSH_ASID,
        LP_FLUSH_ALL,   LP_FLUSH_GLOBAL, LP_FLUSH_GLOBAL
    };
    uint64_t lengths[] = { 0, rnd(9), rnd(9), 31 + rnd(3), rnd(64) };
    uint64_t len = lengths[rnd(COUNT(lengths))];
    struct lp_flush what = { .scope = scopes[rnd(COUNT(scopes))],
                             .tables = rnd(2) };

    *base = base_of(cpu, what.scope == LP_FLUSH_GLOBAL);
    if (cpu->pcide && what.scope != LP_FLUSH_GLOBAL &&
        what.scope != LP_FLUSH_ALL)
        what.asid = (uint32_t)rnd(NPCIDS);
    if (what.scope == LP_FLUSH_RANGE || what.scope == LP_FLUSH_GLOBAL) {
        what.start = *base + rnd(129 - len) * PAGE;
        what.end = what.start + len * PAGE;
    }
    return what;
}

static struct cpu random_cpu(const struct lp_x86_64_features *features)
{
    struct cpu cpu = { .has = *features, .va_bits = rnd(2) ? 48 : 57 };

    cpu.pge = features->pge;
    cpu.pcide = features->pcid;
    cpu.cr3 = 0x123000 | (cpu.pcide ? rnd(NPCIDS) : 0);
    return cpu;
}

static void check_entry(const struct cpu *cpu, const struct lp_flush *what,
                        uint64_t seed, const char *kind, const struct entry *e,
                        bool must_go, bool may_go)
{
    bool wrong = e->live ? must_go : !may_go;

    if (wrong)
        fail_msg("seed %#llx, pge %d pcid %d invpcid %d, current %u: scope %d "
                 "tables %d asid %u [%#llx, %#llx): %s %s: pcid %u va %#llx "
                 "shift %u global %d",
                 (unsigned long long)seed, cpu->has.pge, cpu->has.pcid,
                 cpu->has.invpcid, (unsigned)current(cpu), (int)what->scope,
                 what->tables, (unsigned)what->asid,
                 (unsigned long long)what->start, (unsigned long long)what->end,
                 kind, e->live ? "is left" : "should have stayed",
                 (unsigned)e->pcid, (unsigned long long)e->va, e->shift,
                 e->global);
}

static void check_flush(const struct lp_x86_64_features *features)
{
    uint64_t seed = state;
    struct cpu cpu = random_cpu(features);
    lp_va base;
    struct lp_flush what = random_flush(&cpu, &base);
    struct lp_x86_64_plan plan = lp_x86_64_plan(features, &what, current(&cpu));
    uint64_t cr3 = cpu.cr3;
    size_t i;

    fill(&cpu, base);
    execute(&cpu, &plan);
    for (i = 0; i < NLEAVES; i++)
        check_entry(&cpu, &what, seed, "leaf", &cpu.leaves[i],
                    leaf_must_go(&what, &cpu.leaves[i]),
                    leaf_may_go(&cpu, &what, &cpu.leaves[i]));
    for (i = 0; i < NUPPERS; i++)
        check_entry(&cpu, &what, seed, "upper", &cpu.uppers[i],
                    upper_must_go(&what, &cpu.uppers[i]),
                    upper_may_go(&cpu, &what, &cpu.uppers[i]));
    assert_int_equal(cpu.cr3, cr3);
    assert_int_equal(cpu.pge, features->pge);
}

/* --- tests ---------------------------------------------------------------- */

/* Is everything gone that must go, and no more than the instruction takes? */
static void test_x86_64_plan_random_flush__drops_what_it_names(void **unused)
{
    size_t i;
    int round;

    (void)unused;
    state = UINT64_C(0x9e3779b97f4a7c15);
    for (i = 0; i < COUNT(all_features); i++)
        for (round = 0; round < ROUNDS; round++)
            check_flush(&all_features[i]);
}

#define RANGE(a, t, s, n)                                            \
    {                                                                \
        .scope = LP_FLUSH_RANGE, .asid = a, .tables = t, .start = s, \
        .end = (s) + (n)*PAGE                                        \
    }
#define GLOBAL(t, s, n)                                    \
    {                                                      \
        .scope = LP_FLUSH_GLOBAL, .tables = t, .start = s, \
        .end = (s) + (n)*PAGE                              \
    }

#define USER UINT64_C(0x400000)
#define KERNEL UINT64_C(0xffffffff80000000)

/*
 * Is each row of the table in plan.c what is planned?  The CPU is on PCID 1, or
 * on 0 without PCIDs; columns as in all_features; 0 is LP_X86_64_NOTHING.
 */
static void test_x86_64_plan_each_case__as_the_table_says(void **unused)
{
    enum {
        LPG = LP_X86_64_INVLPG,
        PG = LP_X86_64_INVPCID_PAGE,
        CTX = LP_X86_64_INVPCID_CONTEXT,
        ALL = LP_X86_64_INVPCID_ALL,
        CR3 = LP_X86_64_RELOAD_CR3,
        PGE = LP_X86_64_TOGGLE_PGE
    };
    static const struct {
        struct lp_flush what;
        uint64_t npages; /* of INVLPG and INVPCID_PAGE */
        int plan[COUNT(all_features)];
    } rows[] = {
        /* clang-format off */
        /*                     features:   -    inv  pge  p+i  pcid all */
        { RANGE(1, false, USER, 0),  0, { 0 } },
        { RANGE(1, true,  USER, 0),  1, { LPG, LPG, LPG, LPG, LPG, LPG } },
        { RANGE(1, false, USER, 1),  1, { LPG, LPG, LPG, LPG, LPG, LPG } },
        { RANGE(1, true,  USER, 32), 32, { LPG, LPG, LPG, LPG, LPG, LPG } },
        { RANGE(1, false, USER, 33), 0, { CR3, CR3, CR3, CR3, CR3, CR3 } },
        { RANGE(2, false, USER, 0),  0, { 0 } },
        { RANGE(2, true,  USER, 0),  1, { LPG, LPG, LPG, LPG, PGE, CTX } },
        { RANGE(2, false, USER, 32), 32, { LPG, LPG, LPG, LPG, PGE, PG } },
        { RANGE(2, true,  USER, 32), 32, { LPG, LPG, LPG, LPG, PGE, CTX } },
        { RANGE(2, false, USER, 33), 0, { CR3, CR3, CR3, CR3, PGE, CTX } },
        { { .scope = LP_FLUSH_ASID, .asid = 1 }, 0,
                                        { CR3, CR3, CR3, CR3, CR3, CR3 } },
        { { .scope = LP_FLUSH_ASID, .asid = 2, .tables = true }, 0,
                                        { CR3, CR3, CR3, CR3, PGE, CTX } },
        { GLOBAL(false, KERNEL, 0),  0, { 0 } },
        { GLOBAL(false, KERNEL, 32), 32, { LPG, LPG, LPG, LPG, LPG, LPG } },
        { GLOBAL(true,  KERNEL, 0),  1, { LPG, LPG, LPG, LPG, PGE, ALL } },
        { GLOBAL(true,  KERNEL, 1),  1, { LPG, LPG, LPG, LPG, PGE, ALL } },
        { GLOBAL(false, KERNEL, 33), 0, { CR3, ALL, PGE, ALL, PGE, ALL } },
        { { .scope = LP_FLUSH_ALL, .tables = true }, 0,
                                        { CR3, ALL, PGE, ALL, PGE, ALL } },
        /* clang-format on */
    };
    struct lp_x86_64_plan plan;
    size_t i, k;

    (void)unused;
    for (i = 0; i < COUNT(rows); i++)
        for (k = 0; k < COUNT(all_features); k++) {
            const struct lp_flush *what = &rows[i].what;

            plan = lp_x86_64_plan(&all_features[k], what,
                                  all_features[k].pcid ? 1 : 0);
            if ((int)plan.operation != rows[i].plan[k])
                fail_msg("row %zu, features %zu: %d", i, k, plan.operation);
            if (plan.operation == LP_X86_64_INVLPG ||
                plan.operation == LP_X86_64_INVPCID_PAGE) {
                assert_int_equal(plan.va,
                                 what->start == what->end ? 0 : what->start);
                assert_int_equal(plan.npages, rows[i].npages);
            }
            if (plan.operation == LP_X86_64_INVPCID_PAGE ||
                plan.operation == LP_X86_64_INVPCID_CONTEXT)
                assert_int_equal(plan.pcid, 2);
        }
}

/* May a range end at the top of the address space, where `end` is 0? */
static void test_x86_64_plan_last_page__is_one_page(void **unused)
{
    struct lp_flush what = { .scope = LP_FLUSH_GLOBAL, .start = 0 - PAGE };
    struct lp_x86_64_plan plan = lp_x86_64_plan(&all_features[5], &what, 1);

    (void)unused;
    assert_int_equal(plan.operation, LP_X86_64_INVLPG);
    assert_int_equal(plan.va, 0 - PAGE);
    assert_int_equal(plan.npages, 1);
}

/* What does a load of CR3 drop, asked to flush and asked not to? */
static void test_x86_64_plan_activate__flushes_when_asked(void **unused)
{
    const lp_pa root = UINT64_C(0x000f123456789000);
    struct cpu cpu;
    struct entry *e;
    size_t i, k;
    bool flush;

    (void)unused;
    state = 1;
    for (i = 0; i < COUNT(all_features); i++)
        for (k = 0; k < 1000; k++) {
            bool pcid = all_features[i].pcid;
            uint32_t asid = pcid ? (uint32_t)rnd(NPCIDS) : 0;

            cpu = random_cpu(&all_features[i]);
            fill(&cpu, base_of(&cpu, false));
            flush = !pcid || rnd(2);
            write_cr3(&cpu, lp_x86_64_cr3(&all_features[i], root, asid, flush));
            assert_int_equal(cpu.cr3, root | asid);
            for (e = cpu.leaves; e < cpu.leaves + NLEAVES; e++)
                assert_int_equal(e->live,
                                 !flush || e->global || e->pcid != asid);
            for (e = cpu.uppers; e < cpu.uppers + NUPPERS; e++)
                assert_int_equal(e->live, !flush || e->pcid != asid);
        }
}

/* The values of CR3 themselves, bit by bit (4.5, tables 4-12 and 4-13). */
static void test_x86_64_plan_cr3__known_values(void **unused)
{
    const struct lp_x86_64_features *without = &all_features[3];
    const struct lp_x86_64_features *with = &all_features[4];

    (void)unused;
    assert_true(lp_x86_64_cr3(without, 0x5000, 0, true) == 0x5000);
    assert_true(lp_x86_64_cr3(without, 0x5000, 0, false) == 0x5000);
    assert_true(lp_x86_64_cr3(with, 0x5000, 0, true) == 0x5000);
    assert_true(lp_x86_64_cr3(with, 0x5000, 0xfff, true) == 0x5fff);
    assert_true(lp_x86_64_cr3(with, 0x5000, 7, false) ==
                UINT64_C(0x8000000000005007));
}

/* Does every leaf of the kernel's half have G, which INVLPG counts on? */
static void test_x86_64_plan_kernel_leaves__are_global(void **unused)
{
    unsigned access;

    (void)unused;
    for (access = 1; access < 8; access++) {
        assert_true(lp_x86_64_format_4level.kernel_leaf[access] & 0x100);
        assert_true(lp_x86_64_format_5level.kernel_leaf[access] & 0x100);
        assert_false(lp_x86_64_format_4level.leaf[access] & 0x100);
        assert_false(lp_x86_64_format_5level.leaf[access] & 0x100);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x86_64_plan_random_flush__drops_what_it_names),
        cmocka_unit_test(test_x86_64_plan_each_case__as_the_table_says),
        cmocka_unit_test(test_x86_64_plan_last_page__is_one_page),
        cmocka_unit_test(test_x86_64_plan_activate__flushes_when_asked),
        cmocka_unit_test(test_x86_64_plan_cr3__known_values),
        cmocka_unit_test(test_x86_64_plan_kernel_leaves__are_global),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
