/*
 * Does each oracle of the host machine bite?  Every test here breaks one
 * promise on purpose, and stays silent where none is broken.
 */
#include "machine_kit.h"

#include "machine.h"

static struct kit *two_cpus(const struct kit_format *f, uint64_t leaf)
{
    return kit_create_config(f, leaf, (struct lp_host_config){ .ncpus = 2 });
}

/* --- frames --- */

/* Is a second free of a frame noticed? */
static void test_oracle_double_free__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    kit_free(kit, kit->page);
    assert_int_equal(kit->failures, 0);
    kit_free(kit, kit->page);
    kit_expect(kit, "which is not allocated");
    kit_destroy(kit);
}

/* Is the free of a frame that was never handed out, or of none, noticed? */
static void test_oracle_free_of_no_frame__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    kit_free(kit, kit->kernel->frames_end - LP_PAGE_SIZE);
    kit_expect(kit, "which is not allocated");
    kit_free(kit, kit->kernel->frames_end);
    kit_expect(kit, "which is no frame");
    kit_free(kit, kit->page + 8);
    kit_expect(kit, "which is no frame");
    kit_destroy(kit);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

/* Is a write to a free frame noticed when the frame is handed out again? */
static void test_oracle_write_to_free_frame__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    kit_free(kit, kit->page);
#ifndef SANITIZED /* which would stop us here already */
    ((char *)lp_host_memory(kit->m, kit->page))[0x123] = 1;
    assert_true(kit_frame(kit) == kit->page);
    kit_expect(kit, "was written to at offset 288");
#endif
    kit_destroy(kit);
}

/* Does a walk into a freed table, or to a freed page, get noticed? */
static void test_oracle_walk_to_freed_frame__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        kit_free(kit, kit->page);
        assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
        kit_expect(kit, "use of a freed frame: page");
        kit_destroy(kit);

        kit = kit_create(f, f->rw);
        kit_free(kit, kit->table[0]);
        assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
        kit_expect(kit, "use of a freed frame: page table");
        kit_destroy(kit);
    }
}

/* And a walk to where there is no memory at all? */
static void test_oracle_walk_to_no_memory__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        *kit_slot(kit, 0) = kit_entry(kit, kit->kernel->frames_end, f->rw);
        assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
        kit_expect(kit, "no memory there");
        kit_destroy(kit);
    }
}

/* Is a page freed while a TLB has it?  On any CPU, not only this one? */
static void test_oracle_page_freed_while_cached__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = two_cpus(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        lp_host_cpu_set(kit->m, 1);
        kit_free(kit, kit->page);
        kit_expect(kit, "freed while CPU 0 still has it as the page");
        kit_destroy(kit);

        kit = two_cpus(f, f->rw);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        kit_flush_page(kit, f->va, false);
        kit_free(kit, kit->page);
        kit_destroy(kit);
    }
}

/* A table freed while only an upper-level cache leads to it? */
static void test_oracle_table_freed_while_cached__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 1) = 0;
        kit_flush_page(kit, f->va, false);
        kit_free(kit, kit->table[0]);
        kit_expect(kit, "still has it as a table of va");
        kit_destroy(kit);

        kit = kit_create(f, f->rw);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 1) = 0;
        kit_flush_page(kit, f->va, true);
        kit_free(kit, kit->table[0]);
        kit_destroy(kit);
    }
}

/* The root, while a CPU runs on it? */
static void test_oracle_active_root_freed__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        kit_free(kit, kit->table[f->levels - 1]);
        kit_expect(kit, "still has it as the root");
        kit_destroy(kit);
    }
}

/* --- ASIDs that are away --- */

/*
 * A page freed while an ASID that is away has it: legal; but may the ASID come
 * back without a flush?
 */
static void test_oracle_stale_asid_activated__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 2, true);
        *kit_slot(kit, 0) = 0;
        kit_free(kit, kit->page);
        assert_int_equal(kit->failures, 0);
        kit_activate(kit, 1, false);
        kit_expect(kit, "ASID 1 activated without a flush");
        kit_destroy(kit);
    }
}

/* The root itself freed while its ASID is away, which has nothing cached? */
static void test_oracle_root_of_asid_away_freed__bites(void **state)
{
    lp_pa root;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        root = kit->table[f->levels - 1];
        kit_build(kit);
        kit_activate(kit, 2, true);
        kit_free(kit, root);
        kit_activate(kit, 1, false);
        kit_expect(kit, "ASID 1 activated without a flush");
        kit_destroy(kit);
    }
}

/* The same with a flush: at the activation, or before it. */
static void test_oracle_stale_asid_flushed__is_silent(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 2, true);
        *kit_slot(kit, 0) = 0;
        kit_free(kit, kit->page);
        kit_activate(kit, 1, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);

        kit_activate(kit, 2, true);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page = kit_frame(kit), f->rw);
        kit_activate(kit, 1, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 2, true);
        *kit_slot(kit, 0) = 0;
        kit_free(kit, kit->page);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, true, 1, 0, 0 });
        kit_activate(kit, 1, false);
        kit_destroy(kit);
    }
}

/* Narrowed behind the back of an ASID that is away: found by the check? */
static void test_oracle_asid_stale_by_check__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        kit_activate(kit, 2, true);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->ro);
        assert_true(lp_host_check(kit->m));
        kit_activate(kit, 1, false);
        kit_expect(kit, "its entries are stale");
        kit_destroy(kit);
    }
}

/* An ASID given to another root, without a flush? */
static void test_oracle_asid_reused_for_other_root__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_build(kit);
        kit_activate(kit, 1, false);
        kit_expect(kit, "it has entries of root");
        kit_destroy(kit);
    }
}

/* An ASID that does not fit? */
static void test_oracle_asid_too_wide__bites(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    struct lp_host_config config = { .asid_bits = 3 };
    struct kit *kit = kit_create_config(f, f->rw, config);

    (void)state;
    kit_activate(kit, 7, true);
    kit_activate(kit, 8, true);
    kit_expect(kit, "ASID 8 is too wide");
    kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, true, 8, 0, 0 });
    kit_expect(kit, "an ASID that is too wide");
    kit_destroy(kit);
}

/* --- TLB <= PTE --- */

/* What lp_host_check must find: a leaf is changed and nothing is flushed. */
static void check_changed_leaf(const struct kit_format *f, uint64_t entry,
                               bool other_page, bool bites)
{
    struct kit *kit = kit_create(f, f->rw);

    assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
    assert_true(lp_host_check(kit->m));
    if (entry)
        entry = kit_entry(kit, other_page ? kit_frame(kit) : kit->page, entry);
    *kit_slot(kit, 0) = entry;
    assert_int_equal(lp_host_check(kit->m), !bites);
    if (bites)
        kit_expect(kit, "the TLB grants more than the tables: page");
    kit_flush_page(kit, f->va, false);
    assert_true(lp_host_check(kit->m));
    kit_destroy(kit);
}

static void test_oracle_page_changed_without_flush__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        check_changed_leaf(f, f->rw, false, false);
        check_changed_leaf(f, 0, false, true);
        check_changed_leaf(f, f->ro, false, true);
        check_changed_leaf(f, f->rw, true, true);
        /* D cleared while stores still pass unseen. */
        check_changed_leaf(f, f->rw & ~f->dirty, false, true);
        /* Clearing A alone takes nothing away. */
        check_changed_leaf(f, f->rw & ~f->accessed, false, false);
    }
}

/* A table exchanged for a copy, and only the page is flushed? */
static void test_oracle_table_swung_without_flush__bites(void **state)
{
    lp_pa copy;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        copy = kit_frame(kit);
        memcpy(lp_host_memory(kit->m, copy),
               lp_host_memory(kit->m, kit->table[0]), LP_PAGE_SIZE);
        *kit_slot(kit, 1) = kit_entry(kit, copy, f->table);
        kit_flush_page(kit, f->va, false);
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "the TLB grants more than the tables: table");
        kit_flush_page(kit, f->va, true);
        assert_true(lp_host_check(kit->m));
        kit_destroy(kit);
    }
}

/* Is a TLB that grants less than the tables nobody's business? */
static void test_oracle_widened_tables__are_silent(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->ro);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_read(kit, 0x1000), LP_HOST_MAPERR);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->rw);
        *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->rw);
        assert_true(lp_host_check(kit->m));
        kit_destroy(kit);
    }
}

/* Does the check look at all CPUs? */
static void test_oracle_other_cpu_not_flushed__bites(void **state)
{
    const struct kit_format *f = kit_format("sv48");
    struct kit *kit = two_cpus(f, f->rw);

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    lp_host_cpu_set(kit->m, 1);
    kit_activate(kit, 1, true);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    *kit_slot(kit, 0) = 0;
    kit_flush_page(kit, f->va, false);
    assert_false(lp_host_check(kit->m));
    kit_expect(kit, "CPU 0, ASID 1: the TLB grants more");
    kit_destroy(kit);
}

static int map_it(struct kit *kit, const struct lp_fault *fault)
{
    (void)fault;
    *kit_slot(kit, 0) = kit_entry(kit, kit->page, kit->f->rw);
    kit_flush_page(kit, kit->f->va, true);
    return 0;
}

/* Does CHECK_ALWAYS check after a fault, without being asked? */
static void test_oracle_check_always__bites_after_a_fault(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    struct lp_host_config config = { .flags = LP_HOST_CHECK_ALWAYS };
    struct kit *kit = kit_create_config(f, 0, config);

    (void)state;
    kit->handler = map_it;
    *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->rw);
    assert_int_equal(kit_read(kit, 0x1000), LP_HOST_OK);
    *kit_leaf(kit, 1) = 0;
    assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
    kit_expect(kit, "the TLB grants more than the tables");
    kit_destroy(kit);
}

/* --- PTE <= VMA, and D: with the library's answers played here --- */

static struct lp_area area;
static struct lp_page_info page_info;
static lp_va dirty_at; /* this page is dirty, whatever page_info says */

static bool play_next_area(struct lp_space *space, lp_va va,
                           struct lp_area *out)
{
    (void)space;
    *out = area;
    return va < area.end;
}

static int play_query(struct lp_space *space, lp_va va,
                      struct lp_page_info *info)
{
    (void)space;
    *info = page_info;
    if (va == dirty_at)
        info->flags |= LP_PAGE_DIRTY;
    return 0;
}

static const struct lp_host_core played = {
    .next_area = play_next_area,
    .query = play_query,
};

/* As if a space were active, whose only area is [va, va + len). */
static void play_space(struct kit *kit, uint64_t len, unsigned access)
{
    atomic_store(&kit->m->core, &played);
    kit->m->cpus[0].space = (struct lp_space *)kit;
    area = (struct lp_area){ .start = kit->f->va,
                             .end = kit->f->va + len,
                             .access = access };
    page_info = (struct lp_page_info){ .frame = kit->page };
    dirty_at = 0;
}

/* Is a page noticed that the tables have and the areas have not? */
static void test_oracle_page_outside_areas__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        play_space(kit, 0x1000, LP_READ | LP_WRITE);
        assert_true(lp_host_check(kit->m));
        *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->ro);
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "the tables grant more than the areas: no area");
        play_space(kit, 0x2000, LP_READ | LP_WRITE);
        assert_true(lp_host_check(kit->m));
        kit_destroy(kit);
    }
}

/* A large page that begins in an area and ends behind it? */
static void test_oracle_large_page_beyond_the_area__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        uint64_t size = (uint64_t)1 << f->large_shift;
        struct kit *kit = kit_create(f, f->rw);

        *kit_slot(kit, 1) =
            kit_entry(kit, kit->kernel->frames_start, f->rw | f->large);
        play_space(kit, size, LP_READ | LP_WRITE);
        area.start = f->va & ~(size - 1);
        area.end = area.start + size;
        assert_true(lp_host_check(kit->m));
        area.end -= LP_PAGE_SIZE;
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "areas: no area");
        kit_destroy(kit);
    }
}

/* Rights that the area does not give? */
static void test_oracle_rights_beyond_the_area__bite(void **state)
{
    static const struct {
        unsigned access; /* of the area */
        unsigned leaf;   /* 0 ro, 1 rw, 2 rx */
        bool bites;
    } cases[] = {
        { LP_READ, 0, false },
        { LP_READ, 1, true },
        { LP_READ, 2, true },
        { LP_WRITE, 1, false }, /* implies READ */
        { LP_READ | LP_EXEC, 2, false },
        { LP_READ | LP_EXEC, 1, true },
        { 0, 0, true },
    };
    unsigned i;

    (void)state;
    KIT_EACH(f)
    {
        for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const uint64_t leaves[] = { f->ro, f->rw, f->rx };
            struct kit *kit = kit_create(f, leaves[cases[i].leaf]);

            play_space(kit, 0x1000, cases[i].access);
            assert_int_equal(lp_host_check(kit->m), !cases[i].bites);
            if (cases[i].bites)
                kit_expect(kit, "areas: not allowed");
            kit_destroy(kit);
        }
    }
}

/* Execute-only areas: may be readable where hardware has no other way. */
static void test_oracle_execute_only_area__is_readable_on_x86_alone(
    void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        bool x86 = strncmp(f->name, "x86", 3) == 0;
        struct kit *kit = kit_create(f, f->rx);

        play_space(kit, 0x1000, LP_EXEC);
        assert_int_equal(lp_host_check(kit->m), x86);
        if (!x86)
            kit_expect(kit, "areas: not allowed");
        kit_destroy(kit);
    }
}

/* An entry with reserved bits, which no access has met yet? */
static void test_oracle_malformed_entry__bites(void **state)
{
    const struct kit_format *f = kit_format("sv39");
    struct kit *kit = kit_create(f, f->rw);

    (void)state;
    play_space(kit, 0x1000, LP_READ | LP_WRITE);
    *kit_leaf(kit, 5) = 5; /* V W */
    assert_false(lp_host_check(kit->m));
    kit_expect(kit, "malformed entry");
    kit_destroy(kit);
}

/* An entry of a table in use that leads to a free frame? */
static void test_oracle_mapped_free_frame__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        play_space(kit, 0x1000, LP_READ | LP_WRITE);
        kit_free(kit, kit->page);
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "use of a freed frame: mapped page");
        kit_destroy(kit);
    }
}

/* A store to a shared page that the library does not call dirty? */
static void test_oracle_lost_dirty__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        play_space(kit, 0x1000, LP_READ | LP_WRITE);
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        assert_true(lp_host_check(kit->m)); /* a private page */
        page_info.flags = LP_PAGE_SHARED | LP_PAGE_DIRTY;
        assert_true(lp_host_check(kit->m));
        page_info.flags = LP_PAGE_SHARED;
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "lost D");
        lp_host_wrote_back(kit->m, lp_host_memory(kit->m, kit->page));
        assert_true(lp_host_check(kit->m));
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        assert_false(lp_host_check(kit->m));
        kit_expect(kit, "lost D");
        kit_destroy(kit);
    }
}

/* Is a store to a page that is gone held against the next one there? */
static void test_oracle_lost_dirty__forgets_a_freed_page(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);
        uint64_t entry;

        play_space(kit, 0x2000, LP_READ | LP_WRITE);
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        entry = *kit_leaf(kit, 0);
        *kit_leaf(kit, 0) = 0;
        kit_flush_page(kit, f->va, false);
        kit_free(kit, kit->page);
        assert_int_equal(kit_frame(kit), kit->page);
        *kit_leaf(kit, 0) = *kit_leaf(kit, 1) = entry;
        page_info.flags = LP_PAGE_SHARED;
        dirty_at = f->va + 0x1000;
        assert_int_equal(kit_write(kit, 0x1000), LP_HOST_OK);
        assert_true(lp_host_check(kit->m));
        kit_destroy(kit);
    }
}

/* --- faults, preemption, calls --- */

static int do_nothing(struct kit *kit, const struct lp_fault *fault)
{
    (void)kit;
    (void)fault;
    return 0;
}

/* Does a fault end that is said to be resolved for ever? */
static void test_oracle_livelock__bites(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, 0);

        kit->handler = do_nothing;
        assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
        kit_expect(kit, "is resolved again and again");
        kit_destroy(kit);
    }
}

static int leave_preemption_off(struct kit *kit, const struct lp_fault *fault)
{
    kit->kernel->preempt_disable(kit->kernel->ctx);
    return map_it(kit, fault);
}

/* Preemption left off by a handler, on leaving the CPU, on running a program? */
static void test_oracle_preemption_left_off__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    kit->handler = leave_preemption_off;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_expect(kit, "a fault returns with preemption off");
    assert_false(lp_host_check(kit->m));
    kit_expect(kit, "is left with preemption off");
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_expect(kit, "a program runs with preemption off");
    kit->kernel->preempt_enable(kit->kernel->ctx);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit->kernel->preempt_enable(kit->kernel->ctx);
    kit_expect(kit, "but it was not disabled");
    kit_destroy(kit);
}

/* Things that need preemption off, with preemption on? */
static void test_oracle_preemption_on__bites(void **state)
{
    struct kit *kit = two_cpus(kit_format("x86-64"), 0);
    struct lp_flush all = { LP_FLUSH_ALL, true, 0, 0, 0 };
    struct lp_cpuset set = { { 2 } };

    (void)state;
    (void)kit->kernel->cpu(kit->kernel->ctx);
    kit_expect(kit, "cpu() with preemption on");
    kit->arch->flush(kit->arch->ctx, &all);
    kit_expect(kit, "flush with preemption on");
    kit->arch->activate(kit->arch->ctx, kit->table[3], 1, true);
    kit_expect(kit, "activate with preemption on");
    kit->kernel->call_cpus(kit->kernel->ctx, &set, (void (*)(void *))free,
                           NULL);
    kit_expect(kit, "call_cpus with preemption on");
    kit_destroy(kit);
}

static void call_again(void *arg)
{
    struct kit *kit = arg;
    struct lp_cpuset set = { { 1 } };

    kit->kernel->call_cpus(kit->kernel->ctx, &set, (void (*)(void *))free,
                           NULL);
}

/* A call to oneself, to nobody, or from within a call? */
static void test_oracle_wrong_call__bites(void **state)
{
    struct kit *kit = two_cpus(kit_format("x86-64"), 0);
    const struct lp_kernel *k = kit->kernel;

    (void)state;
    k->preempt_disable(k->ctx);
    k->call_cpus(k->ctx, &(struct lp_cpuset){ { 1 } }, call_again, kit);
    kit_expect(kit, "call_cpus names the calling CPU");
    k->call_cpus(k->ctx, &(struct lp_cpuset){ { 4 } }, call_again, kit);
    kit_expect(kit, "a CPU that does not exist");
    k->call_cpus(k->ctx, &(struct lp_cpuset){ { 2 } }, call_again, kit);
    kit_expect(kit, "call_cpus inside a cross-CPU call");
    k->preempt_enable(k->ctx);
    kit_destroy(kit);
}

/* low_memory under a lock? */
static void test_oracle_low_memory_under_lock__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    assert_false(kit->kernel->low_memory(kit->kernel->ctx));
    kit->kernel->preempt_disable(kit->kernel->ctx);
    assert_false(kit->kernel->low_memory(kit->kernel->ctx));
    kit_expect(kit, "low_memory with preemption off");
    kit->kernel->preempt_enable(kit->kernel->ctx);
    kit_destroy(kit);
}

/* A flush that contradicts its contract? */
static void test_oracle_malformed_flush__bites(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    (void)state;
    kit_flush(kit,
              (struct lp_flush){ LP_FLUSH_RANGE, false, 1, 0x1001, 0x2000 });
    kit_expect(kit, "not page-aligned");
    kit_flush(kit,
              (struct lp_flush){ LP_FLUSH_RANGE, false, 1, 0x3000, 0x2000 });
    kit_expect(kit, "ends before it starts");
    kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, false, 1, 0, 0x1000 });
    kit_expect(kit, "a range that is not asked for");
    kit_destroy(kit);
}

/* Faults and accesses before anything is active? */
static void test_oracle_access_without_root__bites(void **state)
{
    struct kit *kit = two_cpus(kit_format("sv39"), 0);

    (void)state;
    lp_host_cpu_set(kit->m, 1);
    assert_int_equal(kit_read(kit, 0), LP_HOST_BROKEN);
    kit_expect(kit, "without a root");
    kit_destroy(kit);
}

/* Does speculation find a table that was freed while it was linked? */
static void test_oracle_speculation_into_freed_table__bites(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    struct lp_host_config config = { .flags = LP_HOST_SPECULATE };
    struct kit *kit = kit_create_config(f, f->rw, config);

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    /* Flushed, but still in the tree: filled again before it is freed. */
    kit_flush_page(kit, f->va, true);
    kit_free(kit, kit->page);
    kit_expect(kit, "still has it as the page");
    kit_destroy(kit);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_double_free__bites),
        cmocka_unit_test(test_oracle_free_of_no_frame__bites),
        cmocka_unit_test(test_oracle_write_to_free_frame__bites),
        cmocka_unit_test(test_oracle_walk_to_freed_frame__bites),
        cmocka_unit_test(test_oracle_walk_to_no_memory__bites),
        cmocka_unit_test(test_oracle_page_freed_while_cached__bites),
        cmocka_unit_test(test_oracle_table_freed_while_cached__bites),
        cmocka_unit_test(test_oracle_active_root_freed__bites),
        cmocka_unit_test(test_oracle_stale_asid_activated__bites),
        cmocka_unit_test(test_oracle_root_of_asid_away_freed__bites),
        cmocka_unit_test(test_oracle_stale_asid_flushed__is_silent),
        cmocka_unit_test(test_oracle_asid_stale_by_check__bites),
        cmocka_unit_test(test_oracle_asid_reused_for_other_root__bites),
        cmocka_unit_test(test_oracle_asid_too_wide__bites),
        cmocka_unit_test(test_oracle_page_changed_without_flush__bites),
        cmocka_unit_test(test_oracle_table_swung_without_flush__bites),
        cmocka_unit_test(test_oracle_widened_tables__are_silent),
        cmocka_unit_test(test_oracle_other_cpu_not_flushed__bites),
        cmocka_unit_test(test_oracle_check_always__bites_after_a_fault),
        cmocka_unit_test(test_oracle_page_outside_areas__bites),
        cmocka_unit_test(test_oracle_large_page_beyond_the_area__bites),
        cmocka_unit_test(test_oracle_rights_beyond_the_area__bite),
        cmocka_unit_test(
            test_oracle_execute_only_area__is_readable_on_x86_alone),
        cmocka_unit_test(test_oracle_malformed_entry__bites),
        cmocka_unit_test(test_oracle_mapped_free_frame__bites),
        cmocka_unit_test(test_oracle_lost_dirty__bites),
        cmocka_unit_test(test_oracle_lost_dirty__forgets_a_freed_page),
        cmocka_unit_test(test_oracle_livelock__bites),
        cmocka_unit_test(test_oracle_preemption_left_off__bites),
        cmocka_unit_test(test_oracle_preemption_on__bites),
        cmocka_unit_test(test_oracle_wrong_call__bites),
        cmocka_unit_test(test_oracle_low_memory_under_lock__bites),
        cmocka_unit_test(test_oracle_malformed_flush__bites),
        cmocka_unit_test(test_oracle_access_without_root__bites),
        cmocka_unit_test(test_oracle_speculation_into_freed_table__bites),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
