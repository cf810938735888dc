/*
 * The RISC-V backend's choice of fences.
 *
 * On one side arch.h, which says what a flush must drop; on the other a model of
 * a hart's address-translation cache, written from Privileged 1.12, 4.2.1 and
 * chapter 7, on which each planned operation is executed:
 *
 *     SFENCE.VMA rs1, rs2 orders
 *       rs1 = x0, rs2 = x0    all levels, all address spaces
 *       rs1 = x0, rs2 = asid  all levels of one, not global mappings
 *       rs1 = va, rs2 = x0    leaf entries of va, all address spaces
 *       rs1 = va, rs2 = asid  leaf entries of va of one, not global mappings
 *     SINVAL.VMA does that between SFENCE.W.INVAL, which orders the stores
 *       before, and SFENCE.INVAL.IR, which orders the walks after; alone it
 *       promises nothing.
 *
 * A cached entry that was not valid counts as one of its level: the manual
 * lets a hart cache it, and its address names a leaf at level 0 only.
 */
#include "runner.h"

#include "plan.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE LP_PAGE_SIZE

enum { ENTRIES = 300, ROUNDS = 20000 };

/* --- the model --- */

struct cached {
    bool there;
    bool pointer; /* of an upper level: a pointer, or not valid */
    bool global;
    uint32_t asid;
    lp_va start; /* what it translates */
    uint64_t len;
    bool condemned; /* by a SINVAL.VMA that waits for its second fence */
};

struct hart {
    bool svinval;
    struct cached entry[ENTRIES];
    bool stores_ordered; /* SFENCE.W.INVAL has been executed */
    unsigned executed;   /* instructions */
};

static bool holds(const struct cached *entry, lp_va va)
{
    return va - entry->start < entry->len;
}

/* Does an instruction with these operands order accesses to this entry? */
static bool named(const struct cached *entry, const struct lp_riscv64_op *op,
                  lp_va va)
{
    if (op->by_va && (entry->pointer || !holds(entry, va)))
        return false;
    return !op->by_asid || (entry->asid == op->asid && !entry->global);
}

static void invalidate(struct hart *hart, const struct lp_riscv64_op *op,
                       lp_va va)
{
    size_t i;

    hart->executed++;
    for (i = 0; i < ENTRIES; i++) {
        if (!named(&hart->entry[i], op, va))
            continue;
        if (op->kind == LP_RISCV64_SFENCE)
            hart->entry[i].there = false;
        else
            hart->entry[i].condemned |= hart->stores_ordered;
    }
}

static void execute(struct hart *hart, const struct lp_riscv64_op *op)
{
    lp_va va = op->start;
    size_t i;

    if (op->kind != LP_RISCV64_SFENCE)
        assert_true(hart->svinval); /* an illegal instruction elsewhere */
    switch (op->kind) {
    case LP_RISCV64_SFENCE:
    case LP_RISCV64_SINVAL:
        do
            invalidate(hart, op, va);
        while (op->by_va && (va += PAGE) != op->end);
        break;
    case LP_RISCV64_W_INVAL:
        hart->executed++;
        hart->stores_ordered = true;
        break;
    case LP_RISCV64_INVAL_IR:
        hart->executed++;
        for (i = 0; i < ENTRIES; i++)
            if (hart->entry[i].condemned)
                hart->entry[i].there = hart->entry[i].condemned = false;
        break;
    }
}

/* --- what arch.h says --- */

static bool in_range(const struct cached *entry, const struct lp_flush *what)
{
    uint64_t len = what->end - what->start;

    return entry->start - what->start < len ||
           what->start - entry->start < entry->len;
}

/* Translations that the range itself names. */
static bool leaf_in_range(const struct cached *entry,
                          const struct lp_flush *what)
{
    return !entry->pointer && what->start != what->end && in_range(entry, what);
}

static bool must_go(const struct cached *entry, const struct lp_flush *what)
{
    bool ours = entry->asid == what->asid && !entry->global;
    bool hit = leaf_in_range(entry, what) || (entry->pointer && what->tables);

    switch (what->scope) {
    case LP_FLUSH_RANGE: return ours && hit;
    case LP_FLUSH_ASID: return ours;
    case LP_FLUSH_GLOBAL: return hit;
    default: return true;
    }
}

/*
 * What may go for nothing: a small range drops itself alone, everything else in
 * one ASID that ASID alone.
 */
static bool may_go(const struct cached *entry, const struct lp_flush *what)
{
    bool ours = entry->asid == what->asid && !entry->global;
    bool small =
        what->end - what->start <= LP_RISCV64_PAGES_MAX * PAGE && !what->tables;

    switch (what->scope) {
    case LP_FLUSH_RANGE: return ours && (!small || leaf_in_range(entry, what));
    case LP_FLUSH_ASID: return ours;
    case LP_FLUSH_GLOBAL: return !small || leaf_in_range(entry, what);
    default: return true;
    }
}

/* --- random machines and requests --- */

static uint64_t state;

static uint64_t any(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

/* The lowest and the highest addresses, and around a border of tables. */
static lp_va any_page(void)
{
    static const lp_va bases[] = { 0, 0x3fe00000, (lp_va)0 - 128 * PAGE };

    return bases[any(COUNT(bases))] + any(128) * PAGE;
}

static const uint32_t asids[] = { 0, 1, 2, 0xffff };

static struct cached any_entry(void)
{
    static const uint64_t lens[] = { PAGE, PAGE, PAGE, 512 * PAGE,
                                     512 * 512 * PAGE };
    struct cached entry = { .there = true,
                            .pointer = any(4) == 0,
                            .asid = asids[any(COUNT(asids))],
                            .len = lens[any(COUNT(lens))] };

    if (entry.pointer && entry.len == PAGE)
        entry.len = 512 * PAGE;
    entry.global = !entry.pointer && any(4) == 0;
    entry.start = any_page() & ~(entry.len - 1);
    return entry;
}

static uint64_t any_npages(void)
{
    uint64_t edge = LP_RISCV64_PAGES_MAX - 1 + any(3);

    switch (any(4)) {
    case 0: return any(3);
    case 1: return edge;
    case 2: return any(12);
    default: return any(100);
    }
}

static struct lp_flush any_flush(void)
{
    static const enum lp_flush_scope scopes[] = {
        LP_FLUSH_RANGE, LP_FLUSH_RANGE,  LP_FLUSH_ASID,
        LP_FLUSH_ALL,   LP_FLUSH_GLOBAL,
    };
    struct lp_flush what = { .scope = scopes[any(COUNT(scopes))],
                             .tables = any(3) == 0 };
    uint64_t left;

    if (what.scope == LP_FLUSH_RANGE || what.scope == LP_FLUSH_ASID)
        what.asid = asids[any(COUNT(asids))];
    if (what.scope == LP_FLUSH_RANGE || what.scope == LP_FLUSH_GLOBAL) {
        what.start = any_page();
        left = ((lp_va)0 - what.start) / PAGE; /* 0: all of it */
        what.end = any_npages();
        what.end = left && what.end > left ? left : what.end;
        what.end = what.start + what.end * PAGE;
    }
    return what;
}

static void describe(unsigned round, const struct lp_flush *what,
                     const struct cached *entry, const char *wrong)
{
    fail_msg("round %u: %s: scope %d tables %d asid %u [%#llx, %#llx), entry "
             "%#llx + %#llx asid %u%s%s",
             round, wrong, (int)what->scope, what->tables, what->asid,
             (unsigned long long)what->start, (unsigned long long)what->end,
             (unsigned long long)entry->start, (unsigned long long)entry->len,
             entry->asid, entry->global ? " global" : "",
             entry->pointer ? " pointer" : "");
}

static void run(struct hart *hart, const struct lp_flush *what)
{
    struct lp_riscv64_features features = { .svinval = hart->svinval };
    struct lp_riscv64_plan plan = lp_riscv64_plan(&features, what);
    unsigned i;

    assert_true(plan.n <= LP_RISCV64_OPS_MAX);
    for (i = 0; i < plan.n; i++)
        execute(hart, &plan.op[i]);
}

static void one_round(unsigned round)
{
    static struct hart hart;
    struct lp_flush what = any_flush();
    struct cached before;
    size_t i;

    hart = (struct hart){ .svinval = any(2) };
    for (i = 0; i < ENTRIES; i++)
        hart.entry[i] = any_entry();
    run(&hart, &what);
    for (i = 0; i < ENTRIES; i++) {
        before = hart.entry[i];
        if (before.there && must_go(&before, &what))
            describe(round, &what, &before, "left over");
        if (!before.there && !may_go(&before, &what))
            describe(round, &what, &before, "dropped for nothing");
    }
    if (hart.executed > LP_RISCV64_PAGES_MAX + 2)
        fail_msg("round %u: %u instructions", round, hart.executed);
}

/* --- the tests --- */

/*
 * Does each plan, on a hart with anything in its caches, drop all that was asked
 * for, little else, and in few instructions?
 */
static void test_riscv64_plan_random__drops_what_was_asked(void **unused)
{
    unsigned round;

    (void)unused;
    state = 20211203;
    for (round = 0; round < ROUNDS; round++)
        one_round(round);
}

/* Is the model one that a wrong plan fails on?  A plan of nothing must. */
static void test_riscv64_plan_model__keeps_what_no_operation_names(
    void **unused)
{
    static const struct lp_riscv64_op unfenced[] = {
        { .kind = LP_RISCV64_SINVAL, .by_va = true, .end = PAGE },
        { .kind = LP_RISCV64_INVAL_IR },
    };
    struct hart hart = { .svinval = true };
    size_t i;

    (void)unused;
    hart.entry[0] = (struct cached){ .there = true, .len = PAGE };
    for (i = 0; i < COUNT(unfenced); i++)
        execute(&hart, &unfenced[i]);
    assert_true(hart.entry[0].there);
    execute(&hart, &(struct lp_riscv64_op){ .kind = LP_RISCV64_W_INVAL });
    execute(&hart, &unfenced[0]);
    assert_true(hart.entry[0].there);
    execute(&hart, &unfenced[1]);
    assert_false(hart.entry[0].there);
}

#define SFENCE LP_RISCV64_SFENCE
#define RANGE LP_FLUSH_RANGE

/*
 * Which instructions, in the cases that a reader of the manual would work out by
 * hand?
 */
static void test_riscv64_plan_cases__are_as_worked_out(void **unused)
{
    static const struct {
        bool svinval;
        struct lp_flush what;
        unsigned n;
        struct lp_riscv64_op op; /* the first, or the second of three */
    } cases[] = {
        { false,
          { .scope = LP_FLUSH_ALL, .tables = true },
          1,
          { .kind = SFENCE } },
        { true,
          { .scope = LP_FLUSH_ASID, .asid = 7 },
          1,
          { .kind = SFENCE, .by_asid = true, .asid = 7 } },
        { true,
          { .scope = RANGE, .asid = 7, .start = PAGE, .end = PAGE },
          0,
          { .kind = SFENCE } },
        { true,
          { RANGE, true, 7, PAGE, PAGE },
          1,
          { .kind = SFENCE, .by_asid = true, .asid = 7 } },
        { true,
          { RANGE, true, 7, PAGE, 2 * PAGE },
          1,
          { .kind = SFENCE, .by_asid = true, .asid = 7 } },
        { true,
          { RANGE, false, 0, 0, PAGE },
          1,
          { SFENCE, true, true, 0, 0, PAGE } },
        { false,
          { RANGE, false, 7, 0, 2 * PAGE },
          1,
          { SFENCE, true, true, 7, 0, 2 * PAGE } },
        { true,
          { RANGE, false, 7, 0, 2 * PAGE },
          3,
          { LP_RISCV64_SINVAL, true, true, 7, 0, 2 * PAGE } },
        { false,
          { RANGE, false, 7, 0, 32 * PAGE },
          1,
          { SFENCE, true, true, 7, 0, 32 * PAGE } },
        { true,
          { RANGE, false, 7, 0, 33 * PAGE },
          1,
          { .kind = SFENCE, .by_asid = true, .asid = 7 } },
        { false,
          { LP_FLUSH_GLOBAL, false, 0, PAGE, 3 * PAGE },
          1,
          { SFENCE, true, false, 0, PAGE, 3 * PAGE } },
        { false,
          { LP_FLUSH_GLOBAL, true, 0, PAGE, 3 * PAGE },
          1,
          { .kind = SFENCE } },
    };
    size_t i;

    (void)unused;
    for (i = 0; i < COUNT(cases); i++) {
        struct lp_riscv64_features features = { .svinval = cases[i].svinval };
        struct lp_riscv64_plan plan =
            lp_riscv64_plan(&features, &cases[i].what);
        const struct lp_riscv64_op *op = &plan.op[plan.n / 2];
        const struct lp_riscv64_op *want = &cases[i].op;

        if (plan.n != cases[i].n)
            fail_msg("case %zu: %u operations", i, plan.n);
        if (op->kind != want->kind || op->by_va != want->by_va ||
            op->by_asid != want->by_asid || op->asid != want->asid ||
            op->start != want->start || op->end != want->end)
            fail_msg("case %zu: kind %d va %d asid %d: %u", i, op->kind,
                     op->by_va, op->by_asid, op->asid);
        if (plan.n == 3) {
            assert_int_equal(plan.op[0].kind, LP_RISCV64_W_INVAL);
            assert_int_equal(plan.op[2].kind, LP_RISCV64_INVAL_IR);
        }
    }
}

/* satp: MODE 63:60, ASID 59:44, PPN 43:0 (4.1.11; table 4.4)? */
static void test_riscv64_plan_satp__is_as_figure_4_13_has_it(void **unused)
{
    (void)unused;
    assert_int_equal(lp_riscv64_satp(3, 0, 0x80201000), 0x8000000000080201);
    assert_int_equal(lp_riscv64_satp(4, 0x1234, 0x80201000),
                     0x9123400000080201);
    assert_int_equal(lp_riscv64_satp(5, 0xffff, 0xfffffffffff000),
                     0xaffff00000000000 | 0xfffffffffff);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_riscv64_plan_random__drops_what_was_asked),
        cmocka_unit_test(
            test_riscv64_plan_model__keeps_what_no_operation_names),
        cmocka_unit_test(test_riscv64_plan_cases__are_as_worked_out),
        cmocka_unit_test(test_riscv64_plan_satp__is_as_figure_4_13_has_it),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
