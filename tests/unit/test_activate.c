/*
 * Activation: a CPU that was away catches up by generations, and identifiers
 * that change hands are flushed.
 *
 * The space `p` runs on CPUs 0 and 1.
 */
#include "core_kit.h"

#include "tlb.h"

struct world {
    struct ck *ck;
    struct lp_space *p;
    lp_va va; /* one anonymous page, written on CPU 0 */
};

static struct world create(const char *format)
{
    struct ck *ck = ck_create(format);
    struct world w = { ck, ck_space(ck), ck->base };

    ck_map(w.p, w.va, 1, CK_RW, CK_ANON);
    ck_run(ck, 1, w.p);
    ck_run(ck, 0, w.p);
    ck_write(ck, w.va, 10);
    ck_watch(ck, NULL);
    return w;
}

static void destroy(struct world *w)
{
    ck_check(w->ck);
    ck_end(w->ck, w->p);
    ck_destroy(w->ck);
}

/* Nothing was missed while it was away: does the TLB keep what it has? */
static void test_activate_come_back_unchanged__no_flush(void **state)
{
    struct world w = create("x86-64");
    struct lp_space *q = ck_space(w.ck);

    (void)state;
    ck_watch(w.ck, NULL);
    ck_run(w.ck, 1, q);
    ck_run(w.ck, 1, w.p);
    assert_int_equal(w.ck->nevents, 2);
    assert_true(w.ck->event[0].flush); /* q: never here before */
    assert_false(w.ck->event[1].flush);
    assert_int_not_equal(w.ck->event[0].asid, w.ck->event[1].asid);
    assert_int_equal(w.ck->event[1].root, w.p->root);
    lp_host_cpu_set(w.ck->m, 0);
    ck_end(w.ck, q);
    destroy(&w);
}

/* A CPU that is away is not called, and flushes when it comes back, once. */
static void test_activate_flush_missed_while_away__caught_up_once(void **state)
{
    struct world w = create("x86-64");
    struct lp_space *q = ck_space(w.ck);

    (void)state;
    ck_run(w.ck, 1, q);
    lp_host_cpu_set(w.ck->m, 0);
    ck_watch(w.ck, NULL);
    assert_int_equal(lp_munmap(w.p, w.va, LP_PAGE_SIZE), 0);
    assert_int_equal(ck_flushes(w.ck, 0), 1);
    assert_int_equal(ck_flushes(w.ck, 1), 0);
    ck_watch(w.ck, NULL);
    ck_run(w.ck, 1, w.p);
    ck_run(w.ck, 1, q);
    ck_run(w.ck, 1, w.p);
    assert_int_equal(w.ck->nevents, 3);
    assert_true(w.ck->event[0].flush);
    assert_false(w.ck->event[1].flush);
    assert_false(w.ck->event[2].flush);
    ck_end(w.ck, q);
    destroy(&w);
}

/* A flush that was served while it ran counts as seen. */
static void test_activate_flush_served_before_leaving__no_flush_again(
    void **state)
{
    struct world w = create("x86-64");
    struct lp_space *q = ck_space(w.ck);

    (void)state;
    lp_host_cpu_set(w.ck->m, 0);
    assert_int_equal(lp_munmap(w.p, w.va, LP_PAGE_SIZE), 0);
    ck_run(w.ck, 1, q);
    ck_watch(w.ck, NULL);
    ck_run(w.ck, 1, w.p);
    assert_int_equal(w.ck->nevents, 1);
    assert_false(w.ck->event[0].flush);
    ck_end(w.ck, q);
    destroy(&w);
}

/* The same space again, or none: is the first free, the second the pager's? */
static void test_activate_activate_same_or_none__nothing_or_own_root(
    void **state)
{
    struct world w = create("x86-64");

    (void)state;
    ck_run(w.ck, 0, w.p);
    assert_int_equal(w.ck->nevents, 0);
    ck_run(w.ck, 0, NULL);
    assert_int_equal(w.ck->nevents, 1);
    assert_int_equal(w.ck->event[0].root, w.ck->pager->root);
    assert_int_equal(w.ck->event[0].asid, 0);
    assert_true(lp_tlb_active(w.p)); /* on CPU 1 */
    ck_run(w.ck, 1, NULL);
    assert_false(lp_tlb_active(w.p));
    ck_run(w.ck, 0, w.p);
    destroy(&w);
}

/*
 * Row "exit", with identifiers that run out: no flush at exit, but one before
 * an identifier serves its next space, and before its old one comes back.
 */
static void reuse_asids(const char *format, int asid_bits)
{
    struct lp_host_config config = { .asid_bits = asid_bits };
    struct ck *ck = ck_create_with(format, config, NULL);
    unsigned most = (1u << asid_bits) - 1, i, round;
    struct lp_space *space[5];

    for (i = 0; i <= most; i++) {
        space[i] = ck_space(ck);
        ck_map(space[i], ck->base, 1, CK_RW, CK_ANON);
    }
    for (round = 0; round < 2; round++)
        for (i = 0; i <= most; i++) { /* one more than there are ids */
            ck_watch(ck, NULL);
            ck_run(ck, 0, space[i]);
            assert_true(ck->event[0].flush);
            assert_in_range(ck->event[0].asid, 1, most);
            ck_write(ck, ck->base, (unsigned char)i);
            assert_int_equal(ck_read(ck, ck->base), i);
        }
    ck_run(ck, 0, NULL);
    ck_watch(ck, NULL);
    lp_space_destroy(space[most]);
    assert_int_equal(ck->nevents, 0);
    space[most] = ck_space(ck);
    ck_run(ck, 0, space[most]);
    assert_true(ck->event[0].flush);
    for (i = 0; i <= most; i++)
        ck_end(ck, space[i]);
    ck_destroy(ck);
}

static void test_activate_asids_run_out__flushed_before_reuse(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        reuse_asids(format, 1);
        reuse_asids(format, 2);
    }
}

/* Hardware without identifiers: does every activation flush? */
static void test_activate_no_asids__every_activation_flushes(void **state)
{
    struct lp_host_config config = { .asid_bits = LP_HOST_NO_ASIDS };
    struct ck *ck = ck_create_with("x86-64", config, NULL);
    struct lp_space *a = ck_space(ck), *b = ck_space(ck);
    unsigned i;

    (void)state;
    ck_watch(ck, NULL);
    for (i = 0; i < 4; i++)
        ck_run(ck, 0, i % 2 ? a : b);
    ck_run(ck, 0, NULL);
    ck_run(ck, 0, a); /* its own entries are as it left them, not all others */
    assert_int_equal(ck->nevents, 6);
    for (i = 0; i < 6; i++) {
        assert_true(ck->event[i].flush);
        assert_int_equal(ck->event[i].asid, 0);
    }
    ck_end(ck, a);
    ck_end(ck, b);
    ck_destroy(ck);
}

/* The number of the identifier is that CPU's own: is each told its own? */
static void test_activate_asids_differ_by_cpu__each_flushed_by_its_own(
    void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *a = ck_space(ck), *b = ck_space(ck);
    uint32_t asid[2];
    unsigned i;

    (void)state;
    ck_map(b, ck->base, 1, CK_RW, CK_ANON);
    ck_run(ck, 0, a); /* takes CPU 0's first identifier */
    ck_watch(ck, NULL);
    ck_run(ck, 0, b);
    ck_run(ck, 1, b);
    asid[0] = ck->event[0].asid;
    asid[1] = ck->event[1].asid;
    assert_int_not_equal(asid[0], asid[1]);
    ck_write(ck, ck->base, 1);
    ck_watch(ck, NULL);
    assert_int_equal(lp_munmap(b, ck->base, LP_PAGE_SIZE), 0);
    assert_int_equal(ck->nevents, 2);
    for (i = 0; i < 2; i++)
        assert_int_equal(ck->event[i].what.asid, asid[ck->event[i].cpu]);
    ck_end(ck, a);
    ck_end(ck, b);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activate_come_back_unchanged__no_flush),
        cmocka_unit_test(test_activate_flush_missed_while_away__caught_up_once),
        cmocka_unit_test(
            test_activate_flush_served_before_leaving__no_flush_again),
        cmocka_unit_test(
            test_activate_activate_same_or_none__nothing_or_own_root),
        cmocka_unit_test(test_activate_asids_run_out__flushed_before_reuse),
        cmocka_unit_test(test_activate_no_asids__every_activation_flushes),
        cmocka_unit_test(
            test_activate_asids_differ_by_cpu__each_flushed_by_its_own),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
