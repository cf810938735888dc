/*
 * The host machine's upper half: what LP_FLUSH_GLOBAL drops and what not, and
 * that its oracles see what a kernel forgets to flush there.
 *
 * The upper half of the kit's root has the same tables as the lower: one page,
 * not global, so that each ASID caches it for itself.
 */
#include "machine_kit.h"

/* Index of the upper half's entry, and the address of the page below it. */
static unsigned upper_index(const struct kit *kit)
{
    return (1u << kit->arch->format.index_bits) / 2 + 1;
}

static lp_va upper_va(const struct kit *kit)
{
    const struct lp_pte_format *f = &kit->arch->format;
    unsigned bits = 12 + f->levels * f->index_bits;
    lp_va va = kit->f->va + ((lp_va)1 << (bits - 1));

    return f->sign_extended ? va | ~(lp_va)0 << bits : va;
}

/* The page is mapped in both halves, and cached under ASIDs 1 and 2. */
static struct kit *create(const struct kit_format *f, unsigned flags)
{
    struct lp_host_config config = { .ncpus = 2, .flags = flags };
    struct kit *kit = kit_create_config(f, f->ro, config);
    uint64_t *root = lp_host_memory(kit->m, kit->table[f->levels - 1]);
    unsigned char byte;
    unsigned cpu;
    uint32_t asid;

    root[upper_index(kit)] = root[1];
    for (cpu = 0; cpu < 2; cpu++) {
        lp_host_cpu_set(kit->m, cpu);
        for (asid = 1; asid <= 2; asid++) {
            kit_activate(kit, asid, true);
            assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
            assert_int_equal(lp_host_load(kit->m, upper_va(kit), &byte, 1),
                             LP_HOST_OK);
        }
    }
    lp_host_cpu_set(kit->m, 0);
    return kit;
}

static void flush_upper(struct kit *kit, bool tables)
{
    lp_va va = upper_va(kit);

    kit_flush(kit, (struct lp_flush){ LP_FLUSH_GLOBAL, tables, 0, va,
                                      va + LP_PAGE_SIZE });
}

/* What is cached on this CPU at va under this ASID. */
static unsigned cached(struct kit *kit, uint32_t asid, lp_va va)
{
    kit_activate(kit, asid, false);
    return lp_host_cached(kit->m, va, NULL);
}

/* Does it drop the address under every ASID, and nothing else? */
static void test_half_flush_global__every_asid_and_no_other_page(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = create(f, 0);

        flush_upper(kit, false);
        assert_int_equal(cached(kit, 1, upper_va(kit)), 0);
        assert_int_equal(cached(kit, 2, upper_va(kit)), 0);
        assert_true(cached(kit, 1, f->va));
        assert_true(cached(kit, 2, f->va));
        lp_host_cpu_set(kit->m, 1);
        assert_true(cached(kit, 1, upper_va(kit)));
        kit_destroy(kit);
    }
}

/* A table goes: is a flush without `tables` noticed, and one with it enough? */
static void free_table(bool tables)
{
    KIT_EACH(f)
    {
        struct kit *kit = create(f, 0);
        uint64_t *root = lp_host_memory(kit->m, kit->table[f->levels - 1]);
        unsigned cpu;

        root[upper_index(kit)] = root[1] = 0;
        for (cpu = 0; cpu < 2; cpu++) {
            lp_host_cpu_set(kit->m, cpu);
            kit_flush(kit, (struct lp_flush){ .scope = LP_FLUSH_ASID,
                                              .tables = true,
                                              .asid = 2 });
            flush_upper(kit, tables);
        }
        kit_free(kit, kit->table[f->levels - 2]);
        /* ASID 1, which is away on both CPUs. */
        if (!tables) {
            assert_int_equal(kit->failures, 2);
            assert_non_null(strstr(kit->message, "as a table"));
            kit->failures = 0;
        }
        kit_destroy(kit);
    }
}

static void test_half_flush_global_without_tables__keeps_them(void **state)
{
    (void)state;
    free_table(false);
}

static void test_half_flush_global_with_tables__drops_them(void **state)
{
    (void)state;
    free_table(true);
}

/* A page freed while an ASID that is away has it: no excuse in this half. */
static void test_half_page_freed_while_cached_away__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = create(f, 0);

        *kit_slot(kit, 0) = 0;
        kit_flush(kit, (struct lp_flush){ .scope = LP_FLUSH_ASID, .asid = 2 });
        lp_host_cpu_set(kit->m, 1);
        kit_flush(kit, (struct lp_flush){ .scope = LP_FLUSH_ASID, .asid = 2 });
        flush_upper(kit, false);
        kit_free(kit, kit->page);
        kit_expect(kit, "CPU 0 still has it as the page");
        kit_destroy(kit);
    }
}

/* Stale under an ASID that is away: does lp_host_check say so? */
static void test_half_stale_away__check_bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = create(f, 0);
        unsigned cpu;

        *kit_slot(kit, 0) = 0;
        for (cpu = 0; cpu < 2; cpu++) {
            lp_host_cpu_set(kit->m, cpu);
            kit_flush(kit,
                      (struct lp_flush){ .scope = LP_FLUSH_ASID, .asid = 2 });
        }
        flush_upper(kit, false);
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "CPU 0, ASID 1: the TLB grants more");
        kit_destroy(kit);
    }
}

/* Do fences reach the other CPU under every ASID, and are bad ones seen? */
static void test_half_fence__other_cpu_every_asid(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = create(f, LP_HOST_FENCES);
        const struct lp_kernel *k = kit->kernel;
        struct lp_cpuset other = { { 2 } };
        struct lp_flush what = { LP_FLUSH_GLOBAL, false, 0, f->va,
                                 f->va + LP_PAGE_SIZE };

        assert_null(k->call_cpus);
        k->preempt_disable(k->ctx);
        k->fence_cpus(k->ctx, &other, &what, 1);
        what.scope = LP_FLUSH_RANGE;
        k->fence_cpus(k->ctx, &other, &what, 1);
        kit_expect(kit, "flush of one ASID of another CPU");
        k->fence_cpus(k->ctx, &other, &what, 0);
        kit_expect(kit, "fence_cpus with 0 descriptions");
        k->preempt_enable(k->ctx);
        assert_true(cached(kit, 1, f->va));
        lp_host_cpu_set(kit->m, 1);
        assert_int_equal(cached(kit, 1, f->va), 0);
        assert_int_equal(cached(kit, 2, f->va), 0);
        assert_true(cached(kit, 2, upper_va(kit)));
        /* A backend may do less for user space when it is its own flush. */
        what.scope = LP_FLUSH_GLOBAL;
        kit_flush(kit, what);
        kit_expect(kit, "flush of all ASIDs in user space");
        what.asid = 1;
        kit_flush(kit, what);
        kit_expect(kit, "flush of one ASID and of all");
        kit_destroy(kit);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_flush_global__every_asid_and_no_other_page),
        cmocka_unit_test(test_half_flush_global_without_tables__keeps_them),
        cmocka_unit_test(test_half_flush_global_with_tables__drops_them),
        cmocka_unit_test(test_half_page_freed_while_cached_away__bites),
        cmocka_unit_test(test_half_stale_away__check_bites),
        cmocka_unit_test(test_half_fence__other_cpu_every_asid),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
