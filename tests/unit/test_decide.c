/*
 * The fault decision: every combination of facts against rules that are
 * written from the table of faults, each for itself, in no order.
 */
#include "runner.h"

#include "decide.h"

enum { REFUSALS = 16, ACCESSES = 8, BOOLS = 64 };

static unsigned long combinations;

/* Calls look with every combination there is. */
static void each(void (*look)(const struct lp_facts *facts))
{
    static const uint8_t wants[] = { LP_READ, LP_WRITE, LP_EXEC };
    unsigned w, r, al, gr, b, s;

    for (w = 0; w < 3; w++)
        for (r = 0; r < REFUSALS; r += 2)
            for (al = 0; al < ACCESSES; al++)
                for (gr = 0; gr < ACCESSES; gr++)
                    for (b = 0; b < BOOLS; b++)
                        for (s = 0; s < LP_SOURCES; s++)
                            look(&(struct lp_facts){
                                wants[w], (uint8_t)r, (uint8_t)al, (uint8_t)gr,
                                b & 1, b & 2, b & 4, b & 8, b & 16, b & 32,
                                (uint8_t)s });
}

/* --- the rules, each complete in itself --- */

static bool lacks(unsigned have, unsigned wanted)
{
    return (have & wanted) != wanted;
}

static bool is_maperr(const struct lp_facts *f)
{
    return !f->area;
}

/* A read-only area, a page that may not run, PROT_NONE; first touch or not. */
static bool is_accerr(const struct lp_facts *f)
{
    return f->area && (f->refused != 0 || lacks(f->allowed, f->wanted));
}

static bool is_legal(const struct lp_facts *f)
{
    return f->area && f->refused == 0 && !lacks(f->allowed, f->wanted);
}

static bool is_bus(const struct lp_facts *f)
{
    return is_legal(f) && !f->present && f->source == LP_SOURCE_PAST_END;
}

static bool is_spurious(const struct lp_facts *f)
{
    return is_legal(f) && f->present && !lacks(f->granted, f->wanted);
}

static bool is_fill(const struct lp_facts *f)
{
    return is_legal(f) && !f->present && f->source == LP_SOURCE_ABSENT;
}

/* Something must change in the leaf table. */
static bool is_change(const struct lp_facts *f)
{
    return is_legal(f) && !is_bus(f) && !is_spurious(f) && !is_fill(f);
}

static bool is_own(const struct lp_facts *f)
{
    return is_change(f) && !f->path_owned;
}

static bool writes(const struct lp_facts *f)
{
    return f->wanted == LP_WRITE;
}

/* First touch of zeroes, or a write to the zero page. */
static bool is_zero(const struct lp_facts *f)
{
    bool first = !f->present && (f->source == LP_SOURCE_NONE ||
                                 f->source == LP_SOURCE_PAST_ZERO);

    return is_change(f) && f->path_owned &&
           (first || (f->present && writes(f) && f->zero_page));
}

static bool is_map(const struct lp_facts *f)
{
    return is_change(f) && f->path_owned && !f->present &&
           f->source == LP_SOURCE_RESIDENT && (f->shared || !writes(f));
}

/* A private write to what somebody else has as well. */
static bool is_copy(const struct lp_facts *f)
{
    bool cache = !f->present && f->source == LP_SOURCE_RESIDENT;
    bool others = f->present && !f->zero_page && !f->sole;

    return is_change(f) && f->path_owned && writes(f) && !f->shared &&
           (cache || others);
}

static bool is_reuse(const struct lp_facts *f)
{
    return is_change(f) && f->path_owned && f->present && writes(f) &&
           !f->shared && !f->zero_page && f->sole;
}

static bool is_widen(const struct lp_facts *f)
{
    return is_change(f) && f->path_owned && f->present &&
           (!writes(f) || (f->shared && !f->zero_page));
}

static bool (*const rules[LP_DECISIONS])(const struct lp_facts *) = {
    [LP_SPURIOUS] = is_spurious, [LP_FILL] = is_fill, [LP_OWN] = is_own,
    [LP_ZERO] = is_zero,         [LP_MAP] = is_map,   [LP_REUSE] = is_reuse,
    [LP_WIDEN] = is_widen,       [LP_COPY] = is_copy,
};

static enum lp_fault_code expected_code(const struct lp_facts *f)
{
    return is_maperr(f)   ? LP_FAULT_MAPERR
           : is_accerr(f) ? LP_FAULT_ACCERR
           : is_bus(f)    ? LP_FAULT_BUS
                          : LP_FAULT_OK;
}

static void look_at_rules(const struct lp_facts *f)
{
    enum lp_fault_code code = LP_FAULT_NOMEM, expected = expected_code(f);
    enum lp_decision decision = lp_fault_decide(f, &code), rule;
    unsigned holding = 0;

    combinations++;
    assert_int_equal(code, expected);
    assert_int_equal(decision == LP_DENY, expected != LP_FAULT_OK);
    for (rule = LP_SPURIOUS; rule < LP_DECISIONS; rule++) {
        assert_int_equal(rules[rule](f), decision == rule);
        holding += rules[rule](f);
    }
    assert_int_equal(holding, decision != LP_DENY);
}

/* Does every combination get the one decision that the table of faults has? */
static void test_decide_every_combination__is_as_the_table_says(void **state)
{
    (void)state;
    combinations = 0;
    each(look_at_rules);
    /* 3 accesses, 8 refusals, 8 allowed, 8 granted, 6 bools, 5 sources. */
    assert_int_equal(combinations, 3UL * 8 * 8 * 8 * 64 * 5);
}

/* --- what must never happen, whatever the table says --- */

static void look_at_writes(const struct lp_facts *f)
{
    enum lp_fault_code code;
    enum lp_decision decision = lp_fault_decide(f, &code);

    if (decision == LP_REUSE)
        assert_true(f->sole && !f->shared && !f->zero_page);
    if (decision == LP_WIDEN && writes(f))
        assert_true(f->shared && !f->zero_page);
    if (decision == LP_MAP && writes(f))
        assert_true(f->shared);
    if (decision == LP_REUSE || decision == LP_COPY)
        assert_true(writes(f));
}

/* Can a write ever reach a page that others have, other than a shared one? */
static void test_decide_write__never_in_place_unless_ours_or_shared(
    void **state)
{
    (void)state;
    each(look_at_writes);
}

static void look_at_rights(const struct lp_facts *f)
{
    enum lp_fault_code code;
    enum lp_decision decision = lp_fault_decide(f, &code);

    if (decision == LP_DENY)
        return;
    assert_true(f->area && !f->refused);
    assert_true((f->allowed & f->wanted) == f->wanted);
    if (decision >= LP_ZERO)
        assert_true(f->path_owned);
}

/* Does anything happen without an area that allows it, or in shared tables? */
static void test_decide_change__only_if_allowed_and_owned(void **state)
{
    (void)state;
    each(look_at_rights);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_every_combination__is_as_the_table_says),
        cmocka_unit_test(
            test_decide_write__never_in_place_unless_ours_or_shared),
        cmocka_unit_test(test_decide_change__only_if_allowed_and_owned),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
