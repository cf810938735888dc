/*
 * What the host machine's hardware does: walks, TLBs, flushes, A and D, frames.
 * Tables are built by hand; the core is not involved.
 */
#include "machine_kit.h"

#include "machine.h"

static const uint64_t WORD = UINT64_C(0x1122334455667788);

static void put_word(struct kit *kit, lp_pa page, uint64_t word)
{
    memcpy(lp_host_memory(kit->m, page), &word, sizeof word);
}

/* --- walks --- */

/* Does a hand-made tree lead each format's walker to the page? */
static void test_machine_load_through_tables__reads_the_page(void **state)
{
    uint64_t word;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        put_word(kit, kit->page, WORD);
        assert_int_equal(lp_host_load(kit->m, f->va, &word, 8), LP_HOST_OK);
        assert_true(word == WORD);
        kit_destroy(kit);
    }
}

/* Does a program's store arrive in the frame, and at the right offset? */
static void test_machine_store__reaches_the_frame(void **state)
{
    const unsigned char *page;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(lp_host_store(kit->m, f->va + 0x7fd, &WORD, 8),
                         LP_HOST_OK);
        page = lp_host_memory(kit->m, kit->page);
        assert_memory_equal(page + 0x7fd, &WORD, 8);
        assert_int_equal(page[0x7fc], 0);
        assert_int_equal(page[0x805], 0);
        kit_destroy(kit);
    }
}

/* Is each kind of access checked against the leaf? */
static void test_machine_access_by_rights__obeys_the_leaf(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->ro);

        *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->rw);
        *kit_leaf(kit, 2) = kit_entry(kit, kit->page, f->rx);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        assert_int_equal(kit_run(kit, 0), LP_HOST_MAPERR);
        assert_int_equal(kit_write(kit, 0x1000), LP_HOST_OK);
        assert_int_equal(kit_run(kit, 0x1000), LP_HOST_MAPERR);
        assert_int_equal(kit_run(kit, 0x2000), LP_HOST_OK);
        assert_int_equal(kit_write(kit, 0x2000), LP_HOST_MAPERR);
        assert_int_equal(kit->faults, 4);
        kit_destroy(kit);
    }
}

/* Does the trap say what was wanted, where, and from which mode? */
static void test_machine_fault__tells_address_access_and_mode(void **state)
{
    struct lp_host_trap trap;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, 0);

        assert_int_equal(kit_write(kit, 0x123), LP_HOST_MAPERR);
        assert_true(kit->fault.va == f->va + 0x123);
        assert_int_equal(kit->fault.access, LP_WRITE);
        assert_int_equal(kit->fault.flags, LP_FAULT_USER);
        assert_int_equal(lp_host_peek(kit->m, LP_HOST_SUPERVISOR, LP_EXEC,
                                      f->va, NULL, 1, &trap),
                         LP_HOST_FAULT);
        assert_true(trap.page_fault && trap.va == f->va);
        assert_int_equal(trap.access, LP_EXEC);
        assert_int_equal(trap.flags, 0);
        assert_int_equal(kit->faults, 1);
        kit_destroy(kit);
    }
}

/* Does a leaf at level 1 map its whole size, page by page? */
static void test_machine_large_leaf__maps_all_of_its_pages(void **state)
{
    uint64_t size, word;
    lp_pa base;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        size = (uint64_t)1 << f->large_shift;
        base = (kit->kernel->frames_start + size - 1) & ~(size - 1);
        while (!lp_host_frame_used(kit->m, base + 3 * LP_PAGE_SIZE))
            kit_frame(kit);
        put_word(kit, base + 3 * LP_PAGE_SIZE, WORD);
        kit_slot(kit, 1)[0] = kit_entry(kit, base, f->rw | f->large);
        assert_int_equal(lp_host_load(kit->m,
                                      (f->va & ~(size - 1)) + 3 * LP_PAGE_SIZE,
                                      &word, 8),
                         LP_HOST_OK);
        assert_true(word == WORD);
        kit_destroy(kit);
    }
}

/* What happens outside the address range? */
static void test_machine_noncanonical__faults_as_the_manual_says(void **state)
{
    /* The first address above the lower half of each. */
    static const struct {
        const char *name;
        lp_va va;
        enum lp_host_code code;
    } cases[] = {
        /* Intel SDM vol. 1, 3.3.7.1: a general-protection exception. */
        { "x86-64", 0x800000000000, LP_HOST_PROTECTION },
        { "x86-64-la57", 0x100000000000000, LP_HOST_PROTECTION },
        /* Privileged 1.12, 4.4.1: a page fault. */
        { "sv39", 0x4000000000, LP_HOST_MAPERR },
        { "sv48", 0x800000000000, LP_HOST_MAPERR },
        { "sv57", 0x100000000000000, LP_HOST_MAPERR },
        { "free-w", 0x10000000, LP_HOST_MAPERR },
    };
    unsigned char byte;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit *kit = kit_create(kit_format(cases[i].name), 0);

        assert_int_equal(lp_host_load(kit->m, cases[i].va, &byte, 1),
                         cases[i].code);
        assert_int_equal(kit->faults, cases[i].code == LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* The same, without #GP, just inside the range, and in the upper half. */
static void test_machine_canonical_edges__reach_the_tables(void **state)
{
    unsigned char byte;

    (void)state;
    struct kit *kit = kit_create(kit_format("x86-64"), 0);

    assert_int_equal(lp_host_load(kit->m, 0x7fffffffffff, &byte, 1),
                     LP_HOST_MAPERR);
    assert_int_equal(lp_host_load(kit->m, 0xffff800000000000, &byte, 1),
                     LP_HOST_MAPERR);
    assert_int_equal(lp_host_load(kit->m, 0xffff7fffffffffff, &byte, 1),
                     LP_HOST_PROTECTION);
    assert_int_equal(kit->faults, 2);
    kit_destroy(kit);
}

/* A change of one entry, and whether the access still works. */
struct change {
    unsigned level;
    uint64_t set;
    unsigned flags; /* of the machine */
    bool reserved;
};

static void try_change(const char *name, const struct change *change)
{
    const struct kit_format *f = kit_format(name);
    struct lp_host_config config = { .flags = change->flags };
    struct kit *kit = kit_create_config(f, f->rw, config);
    unsigned want = LP_FAULT_USER;

    /* Only x86 and the free formats say that it was a reserved bit. */
    if (strncmp(name, "sv", 2) != 0)
        want |= LP_FAULT_RESERVED;
    *kit_slot(kit, change->level) |= change->set;
    assert_int_equal(kit_read(kit, 0),
                     change->reserved ? LP_HOST_MAPERR : LP_HOST_OK);
    if (change->reserved)
        assert_int_equal(kit->fault.flags, want);
    kit_destroy(kit);
}

/* Which bits are reserved on x86-64 (SDM vol. 3A, 4.5)? */
static void test_machine_x86_reserved_bits__fault(void **state)
{
    static const struct change cases[] = {
        { 0, UINT64_C(1) << 46, 0, true }, /* MAXPHYADDR is 46 */
        { 0, UINT64_C(1) << 51, 0, true },
        { 1, UINT64_C(1) << 46, 0, true },
        { 3, UINT64_C(1) << 46, 0, true },
        { 3, 0x80, 0, true }, /* PS in a PML4E */
        { 3, UINT64_C(1) << 63, LP_HOST_NO_NX, true },
        { 3, UINT64_C(1) << 63, 0, false },
        { 0, UINT64_C(1) << 52, 0, false }, /* ignored, 62:52 */
        { 0, UINT64_C(1) << 62, 0, false },
        { 3, UINT64_C(1) << 58, 0, false },
        { 0, 0xe00, 0, false }, /* ignored, 11:9 */
        { 0, 0x80, 0, false },  /* PAT in a PTE */
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        try_change("x86-64", &cases[i]);
    /* PS in a PML5E. */
    try_change("x86-64-la57", &(struct change){ 4, 0x80, 0, true });
}

/* Which bits of a large leaf are address bits that must be zero? */
static void test_machine_x86_large_leaf_low_bits__are_reserved(void **state)
{
    static const struct {
        unsigned level;
        uint64_t bit;
        bool reserved;
    } cases[] = {
        { 1, 12, false }, /* PAT */
        { 1, 13, true },  { 1, 20, true }, { 2, 12, false },
        { 2, 13, true },  { 2, 29, true },
    };
    const struct kit_format *f = kit_format("x86-64");
    unsigned i;
    uint64_t bits;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lp_host_config config = { .pa_base = 0x40000000 };
        struct kit *kit = kit_create_config(f, f->rw, config);

        /* 1 GiB is where memory begins. */
        bits = 0x40000000 | f->rw | f->large;
        *kit_slot(kit, cases[i].level) = bits | UINT64_C(1) << cases[i].bit;
        /* Page 1 of the leaf, which is a table of ours. */
        assert_int_equal(lp_host_peek(kit->m, LP_HOST_USER, LP_READ,
                                      (f->va >> 30 << 30) +
                                          (cases[i].level == 1 ? 0x200000 : 0),
                                      NULL, 1, NULL),
                         cases[i].reserved ? LP_HOST_FAULT : LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* Which encodings are reserved on the Sv formats (4.3.2, 4.4.1)? */
static void test_machine_sv_reserved_bits__fault(void **state)
{
    static const struct change cases[] = {
        { 0, UINT64_C(1) << 54, 0, true },
        { 0, UINT64_C(1) << 60, 0, true },
        { 0, UINT64_C(1) << 61, 0, true }, /* PBMT without Svpbmt */
        { 0, UINT64_C(1) << 61, LP_HOST_SVPBMT, false },
        { 0, UINT64_C(2) << 61, LP_HOST_SVPBMT, false },
        { 0, UINT64_C(3) << 61, LP_HOST_SVPBMT, true },
        { 0, UINT64_C(1) << 63, 0, true }, /* N without Svnapot */
        { 1, 0x10, 0, true },              /* U in a pointer */
        { 1, 0x40, 0, true },              /* A */
        { 1, 0x80, 0, true },              /* D */
        { 1, UINT64_C(1) << 61, LP_HOST_SVPBMT, true },
        { 1, 0x20, 0, false },  /* G */
        { 1, 0x300, 0, false }, /* for software */
        { 0, 0x300, 0, false },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        try_change("sv39", &cases[i]);
}

/* Whole entries that must fault on Sv: W without R, a pointer at the bottom. */
static void test_machine_sv_bad_entries__fault(void **state)
{
    static const uint64_t cases[] = {
        0xd5, /* V W U A D */
        0xdd, /* V W X U A D */
        0x01, /* V alone: a pointer */
    };
    unsigned i, j;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit *kit = kit_create(kit_format("sv39"), cases[i]);

        /* Whoever takes the page for a table finds pages in it. */
        for (j = 0; j < 512; j++)
            put_word(kit, kit->page + j * 8, kit_entry(kit, kit->page, 0xd7));
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Does a superpage whose address is not aligned fault (step 6)? */
static void test_machine_sv_misaligned_superpage__faults(void **state)
{
    const struct kit_format *f = kit_format("sv39");
    struct kit *kit = kit_create(f, f->rw);

    (void)state;
    *kit_slot(kit, 1) = kit_entry(kit, UINT64_C(0x280001000), f->rw);
    assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
    *kit_slot(kit, 1) = kit_entry(kit, UINT64_C(0x280000000), f->rw);
    kit_flush_page(kit, f->va, true);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_destroy(kit);
}

/* Do the free formats refuse what their essay calls reserved? */
static void test_machine_free_reserved_bits__fault(void **state)
{
    static const struct change w[] = {
        { 0, UINT64_C(1) << 50, 0, true }, /* the tag */
        { 0, UINT64_C(1) << 42, 0, true }, /* X and not X */
        { 0, UINT64_C(1) << 43, 0, true }, /* W, not readable */
        { 0, UINT64_C(1) << 38, 0, true }, /* large, at level 0 */
        { 1, UINT64_C(1) << 41, 0, true },
        { 2, UINT64_C(1) << 1, 0, true },
        { 0, UINT64_C(1) << 62 | 1, 0, false },
        { 0, UINT64_C(3) << 57, 0, false },
    };
    static const struct change v[] = {
        { 0, UINT64_C(1) << 56, 0, true },
        { 0, UINT64_C(1) << 51, 0, true },
        { 1, 0x20, 0, true }, /* R in a table */
        { 1, 0x40, 0, true },
        { 0, UINT64_C(1) << 62 | 2, 0, false },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof w / sizeof w[0]; i++)
        try_change("free-w", &w[i]);
    for (i = 0; i < sizeof v / sizeof v[0]; i++)
        try_change("free-v", &v[i]);
}

/* Do clear W, clear U and set NX in a table count for all below (SDM 4.6.1)? */
static void test_machine_x86_rights__are_those_of_the_whole_path(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    unsigned level;

    (void)state;
    for (level = 1; level < 4; level++) {
        struct kit *kit = kit_create(f, 0x67);

        *kit_slot(kit, level) &= ~(uint64_t)2;
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_run(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, level) |= UINT64_C(1) << 63;
        kit_flush_page(kit, f->va, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_run(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, level) &= ~(uint64_t)4;
        kit_flush_page(kit, f->va, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Who may touch user and supervisor pages, in which mode? */
static void test_machine_supervisor_mode__obeys_smap_smep_and_sum(void **state)
{
    static const struct {
        const char *name;
        unsigned flags;
        enum lp_host_mode mode;
        unsigned access;
        enum lp_host_code code;
    } cases[] = {
        { "x86-64", 0, LP_HOST_SUPERVISOR, LP_READ, LP_HOST_FAULT },
        { "x86-64", 0, LP_HOST_SUPERVISOR_USER, LP_READ, LP_HOST_OK },
        { "x86-64", LP_HOST_NO_SMAP, LP_HOST_SUPERVISOR, LP_READ, LP_HOST_OK },
        { "x86-64", 0, LP_HOST_SUPERVISOR_USER, LP_EXEC, LP_HOST_FAULT },
        { "x86-64", LP_HOST_NO_SMEP, LP_HOST_SUPERVISOR, LP_EXEC, LP_HOST_OK },
        { "sv39", 0, LP_HOST_SUPERVISOR, LP_READ, LP_HOST_FAULT },
        { "sv39", 0, LP_HOST_SUPERVISOR_USER, LP_READ, LP_HOST_OK },
        { "sv39", 0, LP_HOST_SUPERVISOR_USER, LP_EXEC, LP_HOST_FAULT },
        { "free-w", 0, LP_HOST_SUPERVISOR, LP_READ, LP_HOST_OK },
    };
    struct lp_host_trap trap;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kit_format *f = kit_format(cases[i].name);
        struct lp_host_config config = { .flags = cases[i].flags };
        struct kit *kit = kit_create_config(f, f->rx, config);

        assert_int_equal(lp_host_peek(kit->m, cases[i].mode, cases[i].access,
                                      f->va, NULL, 1, &trap),
                         cases[i].code);
        if (cases[i].code == LP_HOST_FAULT)
            assert_int_equal(trap.flags, LP_FAULT_SUPERVISOR);
        kit_destroy(kit);
    }
}

/* Is a supervisor page closed to programs? */
static void test_machine_supervisor_page__is_closed_to_programs(void **state)
{
    static const struct {
        const char *name;
        uint64_t leaf;
    } cases[] = {
        { "x86-64", 0x63 }, /* P RW A D */
        { "sv39", 0xc7 },   /* V R W A D */
        { "free-w", 0x8000130000000024 },
        { "free-v", 0x8014100000000068 },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit *kit = kit_create(kit_format(cases[i].name), cases[i].leaf);

        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        assert_int_equal(lp_host_access(kit->m, LP_HOST_SUPERVISOR, LP_WRITE,
                                        kit->f->va, kit->message, 8),
                         LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* MXR: may executable pages be read? */
static void test_machine_sv_mxr__reads_executable_pages(void **state)
{
    const struct kit_format *f = kit_format("sv39");
    struct lp_host_config config = { .flags = LP_HOST_MXR };
    struct kit *kit = kit_create_config(f, 0xd9, config); /* V X U A D */

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_destroy(kit);
    kit = kit_create(f, 0xd9);
    assert_int_equal(kit_run(kit, 0), LP_HOST_OK);
    assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
    kit_destroy(kit);
}

/* --- A and D --- */

/* Who sets A and D, and when? */
static void test_machine_accessed_and_dirty__set_or_fault(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        uint64_t clean = f->rw & ~(f->accessed | f->dirty), now;
        struct kit *kit = kit_create(f, clean);
        enum lp_host_code want = f->hardware_ad ? LP_HOST_OK : LP_HOST_MAPERR;

        assert_int_equal(kit_read(kit, 0), want);
        now = *kit_slot(kit, 0);
        assert_true((now & f->accessed) == (f->hardware_ad ? f->accessed : 0));
        assert_true((now & f->dirty) == 0);
        assert_int_equal(kit_write(kit, 0), want);
        now = *kit_slot(kit, 0);
        assert_true((now & f->dirty) == (f->hardware_ad ? f->dirty : 0));
        kit_destroy(kit);
    }
}

/* With A set by software and D clear: does Svade let loads pass? */
static void test_machine_svade_dirty_clear__stores_fault_loads_do_not(
    void **state)
{
    const struct kit_format *f = kit_format("sv39-svade");
    struct kit *kit = kit_create(f, f->rw & ~f->dirty);

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
    *kit_slot(kit, 0) |= f->dirty;
    assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
    kit_destroy(kit);
}

/* Does x86 set A in the entries above as well? */
static void test_machine_x86_walk__sets_a_in_tables(void **state)
{
    struct kit *kit = kit_create(kit_format("x86-64"), 0x67);
    unsigned level;

    (void)state;
    for (level = 1; level < 4; level++)
        assert_true((*kit_slot(kit, level) & 0x20) == 0);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    for (level = 1; level < 4; level++)
        assert_true((*kit_slot(kit, level) & 0x20) != 0);
    kit_destroy(kit);
}

/* A store through a cached clean entry: does it look at the tables again? */
static void test_machine_store_through_clean_entry__walks_again(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw & ~f->dirty);

        if (f->hardware_ad) {
            assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
            *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->ro & ~f->dirty);
            /* The cached entry says writable; D cannot be set. */
            assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
            assert_true((*kit_slot(kit, 0) & f->dirty) == 0);
        }
        kit_destroy(kit);
    }
}

/* --- TLBs --- */

/* Does an entry live on when its page-table entry is gone? */
static void test_machine_cached_page__outlives_its_entry(void **state)
{
    uint64_t word;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        put_word(kit, kit->page, WORD);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        assert_int_equal(lp_host_load(kit->m, f->va, &word, 8), LP_HOST_OK);
        assert_true(word == WORD);
        assert_int_equal(kit_write(kit, 8), LP_HOST_OK);
        kit_flush_page(kit, f->va + LP_PAGE_SIZE, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Does a cached read-only entry refuse although the tables allow by now? */
static void test_machine_cached_refusal__faults_until_flushed(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->ro);

        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->rw);
        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* The same on a CPU that forgets on a fault, as x86 must. */
static void test_machine_drop_on_fault__second_try_succeeds(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .flags = LP_HOST_DROP_ON_FAULT };
        struct kit *kit = kit_create_config(f, f->ro, config);

        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->rw);
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* Is what each scope names dropped, and nothing else? */
static void test_machine_flush_scopes__drop_what_they_name(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK); /* ASID 1 */
        kit_activate(kit, 2, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK); /* ASID 2 */
        *kit_slot(kit, 0) = 0;
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, true, 1, 0, 0 });
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 1, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_activate(kit, 2, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ALL, false, 0, 0, 0 });
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Does activation keep an ASID's entries, and forget them when told? */
static void test_machine_activate__keeps_unless_told(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        kit_activate(kit, 2, true);
        kit_activate(kit, 1, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 1, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Without ASIDs: does every activation forget? */
static void test_machine_no_asids__every_activation_flushes(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .asid_bits = LP_HOST_NO_ASIDS };
        struct kit *kit = kit_create_config(f, f->rw, config);

        assert_int_equal(kit->arch->asid_bits, 0);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 0, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Do global pages survive everything but ALL, and serve every ASID? */
static void test_machine_global_page__dropped_by_all_alone(void **state)
{
    static const struct {
        const char *name;
        uint64_t global;
    } cases[] = {
        { "x86-64", 0x100 },
        { "sv39", 0x20 },
        { "free-w", UINT64_C(1) << 45 },
        { "free-v", UINT64_C(1) << 45 },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kit_format *f = kit_format(cases[i].name);
        struct kit *kit = kit_create(f, f->rw | cases[i].global);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        kit_flush_page(kit, f->va, true);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, true, 1, 0, 0 });
        kit_activate(kit, 1, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_activate(kit, 2, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ALL, true, 0, 0, 0 });
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Does flushing one page of a large leaf drop all its fragments? */
static void test_machine_flush_in_large_leaf__drops_all_of_it(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { 0 };
        struct kit *kit = kit_create_config(f, f->rw, config);
        uint64_t size = (uint64_t)1 << f->large_shift;
        lp_va va = f->va & ~(size - 1);
        unsigned char byte;

        /* The machine's memory begins at a multiple of 2 MiB. */
        kit_slot(kit, 1)[0] =
            kit_entry(kit, kit->kernel->frames_start, f->rw | f->large);
        assert_int_equal(lp_host_load(kit->m, va, &byte, 1), LP_HOST_OK);
        assert_int_equal(lp_host_load(kit->m, va + 0x1000, &byte, 1),
                         LP_HOST_OK);
        kit_slot(kit, 1)[0] = 0;
        assert_int_equal(lp_host_load(kit->m, va + 0x1000, &byte, 1),
                         LP_HOST_OK);
        kit_flush_page(kit, va + size - LP_PAGE_SIZE, false);
        assert_int_equal(lp_host_load(kit->m, va, &byte, 1), LP_HOST_MAPERR);
        assert_int_equal(lp_host_load(kit->m, va + 0x1000, &byte, 1),
                         LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Does a range end before the page behind it, however it is looked for? */
static void test_machine_flush_range__ends_at_its_end(void **state)
{
    /* Few pages: each is looked up.  Many: all that is cached is. */
    static const uint64_t npages[] = { 1, 100000 };
    unsigned i;

    (void)state;
    KIT_EACH(f)
    {
        for (i = 0; i < 2; i++) {
            struct kit *kit = kit_create(f, f->rw);
            lp_va end = f->va + LP_PAGE_SIZE;
            lp_va start = end - npages[i] * LP_PAGE_SIZE;

            if (start > end)
                start = 0;
            *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->rw);
            assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
            assert_int_equal(kit_read(kit, 0x1000), LP_HOST_OK);
            *kit_leaf(kit, 0) = *kit_leaf(kit, 1) = 0;
            kit_flush(kit,
                      (struct lp_flush){ LP_FLUSH_RANGE, true, 1, start, end });
            assert_int_equal(kit_read(kit, 0x1000), LP_HOST_OK);
            assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
            kit_destroy(kit);
        }
    }
}

enum { MODEL_KEYS = 300 };

static void compare(const struct lp_host_cache *cache, const lp_pa *model)
{
    const struct lp_host_cached *entry;
    size_t count = 0;
    unsigned i;

    for (i = 0; i < MODEL_KEYS; i++) {
        entry = lp_host_cache_find(cache, lp_host_leaf_key(i * LP_PAGE_SIZE));
        assert_int_equal(entry != NULL, model[i] != 0);
        assert_true(!entry || entry->pa == model[i]);
        count += model[i] != 0;
    }
    assert_int_equal(cache->count, count);
}

/* Is the hash table behind the TLB a map, whatever is put and removed? */
static void test_machine_cache_random_changes__agree_with_an_array(void **state)
{
    struct lp_host_cache cache = { 0 };
    lp_pa model[MODEL_KEYS] = { 0 };
    uint64_t seed = 7, r;
    unsigned round, i;

    (void)state;
    for (round = 0; round < 20000; round++) {
        r = lp_host_random(&seed);
        i = (unsigned)(r % MODEL_KEYS);
        model[i] = r >> 40 & 1 ? (r >> 20) | 1 : 0;
        if (model[i])
            lp_host_cache_put(&cache,
                              &(struct lp_host_cached){
                                  .key = lp_host_leaf_key(i * LP_PAGE_SIZE),
                                  .pa = model[i] });
        else
            lp_host_cache_remove(&cache, lp_host_leaf_key(i * LP_PAGE_SIZE));
        if (round % 50 == 0)
            compare(&cache, model);
    }
    lp_host_cache_free(&cache);
}

/* --- caches of upper levels --- */

/* Does a walk use a table that is not in the tree any more? */
static void test_machine_cached_table__outlives_its_entry(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 1) = 0;
        kit_flush_page(kit, f->va, false);
        /* The leaf is found again through the cached pointer. */
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, false, 1, 0, 0 });
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        /* A flush with tables means all of the ASID's, whatever the range. */
        kit_flush_page(kit, f->va + ((uint64_t)1 << f->large_shift), true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK); /* the leaf is there */
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_destroy(kit);
    }
}

/* Are the rights of the upper levels those of when they were cached? */
static void test_machine_cached_table_rights__stay_until_flushed(void **state)
{
    static const struct {
        const char *name;
        uint64_t write;
    } cases[] = {
        { "x86-64", 2 },
        { "free-w", UINT64_C(1) << 40 },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < 2; i++) {
        const struct kit_format *f = kit_format(cases[i].name);
        struct kit *kit = kit_create(f, f->rw);

        *kit_slot(kit, 2) &= ~cases[i].write;
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 2) |= cases[i].write;
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_write(kit, 0), LP_HOST_MAPERR);
        kit_flush_page(kit, f->va, true);
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* Is an entry that was not valid remembered where the manual allows it? */
static void test_machine_invalid_leaf__is_cached_on_riscv(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, 0);

        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->rw);
        assert_int_equal(kit_read(kit, 0),
                         f->negative ? LP_HOST_MAPERR : LP_HOST_OK);
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit->arch->caches_invalid, f->negative);
        kit_destroy(kit);
    }
}

/* And above level 0: does it take a flush of tables? */
static void test_machine_invalid_table__needs_a_flush_of_tables(void **state)
{
    uint64_t entry;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        entry = *kit_slot(kit, 1);
        *kit_slot(kit, 1) = 0;
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        *kit_slot(kit, 1) = entry;
        kit_flush_page(kit, f->va, false);
        assert_int_equal(kit_read(kit, 0),
                         f->negative ? LP_HOST_MAPERR : LP_HOST_OK);
        kit_flush_page(kit, f->va, true);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_destroy(kit);
    }
}

/* Can that be turned off? */
static void test_machine_no_negative__invalid_is_not_cached(void **state)
{
    const struct kit_format *f = kit_format("sv39");
    struct lp_host_config config = { .flags = LP_HOST_NO_NEGATIVE };
    struct kit *kit = kit_create_config(f, 0, config);

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
    *kit_slot(kit, 0) = kit_entry(kit, kit->page, f->rw);
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_destroy(kit);
}

/* --- CPUs --- */

/* Has each CPU a TLB of its own, with ASIDs of its own? */
static void test_machine_cpus__have_separate_tlbs(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .ncpus = 2 };
        struct kit *kit = kit_create_config(f, f->rw, config);

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        lp_host_cpu_set(kit->m, 1);
        kit_activate(kit, 1, true);
        *kit_slot(kit, 0) = 0;
        assert_int_equal(kit_read(kit, 0), LP_HOST_MAPERR);
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ALL, true, 0, 0, 0 });
        lp_host_cpu_set(kit->m, 0);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        kit_destroy(kit);
    }
}

static void note_cpu(void *arg)
{
    struct kit *kit = ((void **)arg)[0];
    unsigned *seen = ((void **)arg)[1];

    seen[kit->kernel->cpu(kit->kernel->ctx)]++;
}

/* Does call_cpus run the function as each CPU in the set, once? */
static void test_machine_call_cpus__runs_as_each_target(void **state)
{
    struct lp_host_config config = { .ncpus = 4 };
    struct kit *kit = kit_create_config(kit_format("sv39"), 0, config);
    struct lp_cpuset set = { { 0xb } }; /* 0, 1, 3 */
    unsigned seen[4] = { 0 };
    void *arg[2] = { kit, seen };

    (void)state;
    lp_host_cpu_set(kit->m, 2);
    kit->kernel->preempt_disable(kit->kernel->ctx);
    kit->kernel->call_cpus(kit->kernel->ctx, &set, note_cpu, arg);
    assert_int_equal(kit->kernel->cpu(kit->kernel->ctx), 2);
    kit->kernel->preempt_enable(kit->kernel->ctx);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 0);
    assert_int_equal(seen[3], 1);
    kit_destroy(kit);
}

/* Do walks that nobody asked for refill a TLB? */
static void test_machine_speculation__refills_after_a_flush(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    struct lp_host_config config = { .flags = LP_HOST_SPECULATE };
    struct kit *kit = kit_create_config(f, f->rw, config);

    (void)state;
    assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    kit_flush_page(kit, f->va, true);
    assert_int_equal(lp_host_cached(kit->m, f->va, NULL), LP_READ | LP_WRITE);
    kit_destroy(kit);
}

/* Do entries vanish at random when the config says so? */
static void test_machine_evict_one_in__walks_again(void **state)
{
    const struct kit_format *f = kit_format("x86-64");
    struct lp_host_config config = { .evict_one_in = 2, .seed = 1 };
    struct kit *kit = kit_create_config(f, f->rw, config);
    struct lp_host_stats stats;
    unsigned i;

    (void)state;
    for (i = 0; i < 100; i++)
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
    lp_host_read_stats(kit->m, &stats);
    assert_in_range(stats.walks, 20, 80);
    kit_destroy(kit);
}

/* --- accesses --- */

static int map_next(struct kit *kit, const struct lp_fault *fault)
{
    uint64_t i = (fault->va - kit->f->va) / LP_PAGE_SIZE;

    *kit_leaf(kit, (unsigned)i) = kit_entry(kit, kit->page, kit->f->rw);
    kit_flush_page(kit, fault->va & ~LP_PAGE_MASK, true);
    return 0;
}

/* Is an access run again after a fault that was resolved? */
static void test_machine_resolved_fault__runs_the_access_again(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, 0);

        kit->handler = map_next;
        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        assert_int_equal(kit->faults, 1);
        assert_int_equal(lp_host_last_fault(kit->m).code, LP_FAULT_OK);
        kit_destroy(kit);
    }
}

/* A short store over a page border whose second page is refused: all or none. */
static void test_machine_store_across_refused_page__writes_nothing(void **state)
{
    uint64_t zero = 0;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);
        const unsigned char *page = lp_host_memory(kit->m, kit->page);

        assert_int_equal(lp_host_store(kit->m, f->va + 0xffc, &WORD, 8),
                         LP_HOST_MAPERR);
        assert_true(kit->fault.va == f->va + 0x1000);
        assert_memory_equal(page + 0xffc, &zero, 4);
        kit_destroy(kit);
    }
}

/* A long one: does it go page by page, faulting on each? */
static void test_machine_long_store__goes_page_by_page(void **state)
{
    static unsigned char buffer[3 * LP_PAGE_SIZE];

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, 0);

        kit->handler = map_next;
        memset(buffer, 7, sizeof buffer);
        assert_int_equal(
            lp_host_store(kit->m, f->va + 1, buffer, sizeof buffer),
            LP_HOST_OK);
        assert_int_equal(kit->faults, 4);
        kit_destroy(kit);
    }
}

/* Does the atomic addition give the old value and leave the sum? */
static void test_machine_fetch_add__adds(void **state)
{
    uint64_t old = 0, now = 0;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        put_word(kit, kit->page, 40);
        assert_int_equal(lp_host_fetch_add(kit->m, f->va, 2, &old), LP_HOST_OK);
        assert_int_equal(lp_host_load(kit->m, f->va, &now, 8), LP_HOST_OK);
        assert_int_equal(old, 40);
        assert_int_equal(now, 42);
        kit_destroy(kit);
    }
}

/* Do translate and cached tell the tables from the TLB? */
static void test_machine_translate_and_cached__tell_tables_from_tlb(
    void **state)
{
    lp_pa pa;

    (void)state;
    KIT_EACH(f)
    {
        struct kit *kit = kit_create(f, f->rw);

        assert_int_equal(lp_host_cached(kit->m, f->va, &pa), 0);
        assert_true(pa == LP_PA_NONE);
        assert_int_equal(lp_host_translate(kit->m, f->va, &pa),
                         LP_READ | LP_WRITE);
        assert_true(pa == kit->page);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        *kit_slot(kit, 0) = 0;
        assert_int_equal(lp_host_translate(kit->m, f->va, NULL), 0);
        assert_int_equal(lp_host_cached(kit->m, f->va, &pa),
                         LP_READ | LP_WRITE);
        assert_true(pa == kit->page);
        kit_destroy(kit);
    }
}

/* Can device memory be mapped, and is it no frame? */
static void test_machine_device_page__is_memory_but_no_frame(void **state)
{
    uint64_t word = 0;

    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .ndevice = 2 };
        struct kit *kit = kit_create_config(f, 0, config);
        lp_pa device = lp_host_device(kit->m);

        assert_true(device >= kit->kernel->frames_end);
        *kit_slot(kit, 0) = kit_entry(kit, device, f->rw);
        put_word(kit, device, WORD);
        assert_int_equal(lp_host_load(kit->m, f->va, &word, 8), LP_HOST_OK);
        assert_true(word == WORD);
        kit_destroy(kit);
    }
}

/* Do the statistics count true entries that a flush dropped? */
static void test_machine_dropped_true__counts_needless_flushes(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .flags = LP_HOST_COUNT_TRUE };
        struct kit *kit = kit_create_config(f, f->rw, config);
        struct lp_host_stats stats;

        *kit_leaf(kit, 1) = kit_entry(kit, kit->page, f->rw);
        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_read(kit, 0x1000), LP_HOST_OK);
        *kit_leaf(kit, 1) = 0;
        kit_flush(kit, (struct lp_flush){ LP_FLUSH_ASID, true, 1, 0, 0 });
        lp_host_read_stats(kit->m, &stats);
        assert_int_equal(stats.dropped, 2);
        assert_int_equal(stats.dropped_true, 1);
        assert_int_equal(stats.flushes_asid, 1);
        assert_int_equal(stats.walks, 2);
        kit_destroy(kit);
    }
}

/* Is an entry that remembers a D which was cleared not true any more? */
static void test_machine_dropped_true__not_where_D_was_taken(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .flags = LP_HOST_COUNT_TRUE };
        struct kit *kit = kit_create_config(f, f->rw, config);
        struct lp_host_stats stats;

        assert_int_equal(kit_write(kit, 0), LP_HOST_OK);
        *kit_leaf(kit, 0) &= ~f->dirty;
        kit_flush_page(kit, f->va, false);
        lp_host_read_stats(kit->m, &stats);
        assert_int_equal(stats.dropped, 1);
        assert_int_equal(stats.dropped_true, 0);
        kit_destroy(kit);
    }
}

/* Is what a page fault drops by itself no flush? */
static void test_machine_dropped__not_by_faults(void **state)
{
    (void)state;
    KIT_EACH(f)
    {
        struct lp_host_config config = { .flags = LP_HOST_COUNT_TRUE |
                                                  LP_HOST_DROP_ON_FAULT };
        struct kit *kit = kit_create_config(f, f->rw, config);
        struct lp_host_stats stats;

        assert_int_equal(kit_read(kit, 0), LP_HOST_OK);
        assert_int_equal(kit_run(kit, 0), LP_HOST_MAPERR);
        assert_int_equal(kit->faults, 1);
        lp_host_read_stats(kit->m, &stats);
        assert_int_equal(stats.dropped, 0);
        kit_destroy(kit);
    }
}

/* --- frames --- */

static struct lp_host *plain_machine(struct lp_host_config config)
{
    struct lp_host *m = lp_host_create(&config);

    assert_non_null(m);
    return m;
}

/* Is a frame full of junk, or of zeroes if asked, also the second time? */
static void test_machine_frame_alloc__junk_or_zeroes(void **state)
{
    struct lp_host *m = plain_machine((struct lp_host_config){ 0 });
    const struct lp_kernel *k = lp_host_kernel(m);
    const uint64_t *page;
    unsigned round, i;
    lp_pa pa;

    (void)state;
    for (round = 0; round < 2; round++) {
        assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), 0);
        page = (const void *)((const char *)k->direct_map + pa);
        assert_ptr_equal(page, lp_host_memory(m, pa));
        for (i = 0; i < 512; i++)
            assert_true(page[i] != 0);
        k->frame_free(k->ctx, pa);
        assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ZEROED, &pa), 0);
        for (i = 0; i < 512; i++)
            assert_true(page[i] == 0);
        k->frame_free(k->ctx, pa);
    }
    lp_host_destroy(m);
}

/* Is the frame that was freed last handed out first? */
static void test_machine_frame_reuse__last_freed_first(void **state)
{
    struct lp_host *m = plain_machine((struct lp_host_config){ 0 });
    const struct lp_kernel *k = lp_host_kernel(m);
    lp_pa a, b, c;

    (void)state;
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &a), 0);
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &b), 0);
    k->frame_free(k->ctx, a);
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &c), 0);
    assert_true(a == c && a != b);
    lp_host_destroy(m);
}

/* Is the order random on request, and the same for the same seed? */
static void test_machine_random_frames__follow_the_seed(void **state)
{
    struct lp_host_config config = { .flags = LP_HOST_RANDOM_FRAMES,
                                     .seed = 3 };
    struct lp_host *one = plain_machine(config), *two = plain_machine(config);
    const struct lp_kernel *k1 = lp_host_kernel(one);
    const struct lp_kernel *k2 = lp_host_kernel(two);
    lp_pa before = 0, a, b;
    unsigned i, ascending = 0;

    (void)state;
    for (i = 0; i < 64; i++) {
        assert_int_equal(k1->frame_alloc(k1->ctx, LP_FRAME_ANY, &a), 0);
        assert_int_equal(k2->frame_alloc(k2->ctx, LP_FRAME_ANY, &b), 0);
        assert_true(a == b);
        ascending += a == before + LP_PAGE_SIZE;
        before = a;
    }
    assert_true(ascending < 16);
    lp_host_destroy(one);
    lp_host_destroy(two);
}

/* Does exactly the n-th allocation fail, or all from it on? */
static void test_machine_failing_allocation__fails_when_asked(void **state)
{
    struct lp_host *m = plain_machine((struct lp_host_config){ 0 });
    const struct lp_kernel *k = lp_host_kernel(m);
    int want[6] = { 0, -LP_ENOMEM, 0, 0, -LP_ENOMEM, -LP_ENOMEM };
    unsigned i;
    lp_pa pa;

    (void)state;
    lp_host_fail_once(m, 2);
    for (i = 0; i < 6; i++) {
        if (i == 3)
            lp_host_fail_from(m, 2);
        assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), want[i]);
    }
    lp_host_fail_from(m, 0);
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), 0);
    assert_int_equal(lp_host_frames_used(m), 4);
    assert_int_equal(lp_host_allocations(m), 7);
    lp_host_destroy(m);
}

/* Does memory end? */
static void test_machine_out_of_frames__fails(void **state)
{
    struct lp_host *m = plain_machine((struct lp_host_config){ .nframes = 3 });
    const struct lp_kernel *k = lp_host_kernel(m);
    lp_pa pa = 0;
    unsigned i;

    (void)state;
    for (i = 0; i < 3; i++)
        assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), 0);
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), -LP_ENOMEM);
    k->frame_free(k->ctx, pa);
    assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &pa), 0);
    lp_host_destroy(m);
}

/* Is a config that makes no sense refused? */
static void test_machine_bad_config__gives_no_machine(void **state)
{
    static const struct lp_host_config cases[] = {
        { .format = "vax" },
        { .ncpus = LP_HOST_CPUS_MAX + 1 },
        { .asid_bits = 17 },
        { .pa_base = 0x1234 },
        { .pa_base = UINT64_C(1) << 46 }, /* MAXPHYADDR */
        { .format = "free-w", .pa_base = UINT64_C(1) << 40 },
        { .format = "sv39", .pa_base = (UINT64_C(1) << 56) - 0x1000 },
        { .maxphyaddr = 53 },
        { .flags = LP_HOST_THREADS | LP_HOST_CHECK_ALWAYS },
    };
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_null(lp_host_create(&cases[i]));
}

/* Does every name in the list make a machine of that name? */
static void test_machine_each_format__can_be_made(void **state)
{
    struct lp_host_config config = { 0 };
    unsigned i;

    (void)state;
    for (i = 0; lp_host_formats[i]; i++) {
        struct lp_host *m;

        config.format = lp_host_formats[i];
        m = plain_machine(config);
        assert_string_equal(lp_host_arch(m)->name, config.format);
        assert_string_equal(kit_formats[i].name, config.format);
        lp_host_destroy(m);
    }
    assert_int_equal(i, KIT_FORMATS);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_load_through_tables__reads_the_page),
        cmocka_unit_test(test_machine_store__reaches_the_frame),
        cmocka_unit_test(test_machine_access_by_rights__obeys_the_leaf),
        cmocka_unit_test(test_machine_fault__tells_address_access_and_mode),
        cmocka_unit_test(test_machine_large_leaf__maps_all_of_its_pages),
        cmocka_unit_test(test_machine_noncanonical__faults_as_the_manual_says),
        cmocka_unit_test(test_machine_canonical_edges__reach_the_tables),
        cmocka_unit_test(test_machine_x86_reserved_bits__fault),
        cmocka_unit_test(test_machine_x86_large_leaf_low_bits__are_reserved),
        cmocka_unit_test(test_machine_sv_reserved_bits__fault),
        cmocka_unit_test(test_machine_sv_bad_entries__fault),
        cmocka_unit_test(test_machine_sv_misaligned_superpage__faults),
        cmocka_unit_test(test_machine_free_reserved_bits__fault),
        cmocka_unit_test(test_machine_x86_rights__are_those_of_the_whole_path),
        cmocka_unit_test(test_machine_supervisor_mode__obeys_smap_smep_and_sum),
        cmocka_unit_test(test_machine_supervisor_page__is_closed_to_programs),
        cmocka_unit_test(test_machine_sv_mxr__reads_executable_pages),
        cmocka_unit_test(test_machine_accessed_and_dirty__set_or_fault),
        cmocka_unit_test(
            test_machine_svade_dirty_clear__stores_fault_loads_do_not),
        cmocka_unit_test(test_machine_x86_walk__sets_a_in_tables),
        cmocka_unit_test(test_machine_store_through_clean_entry__walks_again),
        cmocka_unit_test(test_machine_cached_page__outlives_its_entry),
        cmocka_unit_test(test_machine_cached_refusal__faults_until_flushed),
        cmocka_unit_test(test_machine_drop_on_fault__second_try_succeeds),
        cmocka_unit_test(test_machine_flush_scopes__drop_what_they_name),
        cmocka_unit_test(test_machine_activate__keeps_unless_told),
        cmocka_unit_test(test_machine_no_asids__every_activation_flushes),
        cmocka_unit_test(test_machine_global_page__dropped_by_all_alone),
        cmocka_unit_test(test_machine_flush_in_large_leaf__drops_all_of_it),
        cmocka_unit_test(test_machine_flush_range__ends_at_its_end),
        cmocka_unit_test(
            test_machine_cache_random_changes__agree_with_an_array),
        cmocka_unit_test(test_machine_cached_table__outlives_its_entry),
        cmocka_unit_test(test_machine_cached_table_rights__stay_until_flushed),
        cmocka_unit_test(test_machine_invalid_leaf__is_cached_on_riscv),
        cmocka_unit_test(test_machine_invalid_table__needs_a_flush_of_tables),
        cmocka_unit_test(test_machine_no_negative__invalid_is_not_cached),
        cmocka_unit_test(test_machine_cpus__have_separate_tlbs),
        cmocka_unit_test(test_machine_call_cpus__runs_as_each_target),
        cmocka_unit_test(test_machine_speculation__refills_after_a_flush),
        cmocka_unit_test(test_machine_evict_one_in__walks_again),
        cmocka_unit_test(test_machine_resolved_fault__runs_the_access_again),
        cmocka_unit_test(
            test_machine_store_across_refused_page__writes_nothing),
        cmocka_unit_test(test_machine_long_store__goes_page_by_page),
        cmocka_unit_test(test_machine_fetch_add__adds),
        cmocka_unit_test(
            test_machine_translate_and_cached__tell_tables_from_tlb),
        cmocka_unit_test(test_machine_device_page__is_memory_but_no_frame),
        cmocka_unit_test(test_machine_dropped_true__counts_needless_flushes),
        cmocka_unit_test(test_machine_dropped_true__not_where_D_was_taken),
        cmocka_unit_test(test_machine_dropped__not_by_faults),
        cmocka_unit_test(test_machine_frame_alloc__junk_or_zeroes),
        cmocka_unit_test(test_machine_frame_reuse__last_freed_first),
        cmocka_unit_test(test_machine_random_frames__follow_the_seed),
        cmocka_unit_test(test_machine_failing_allocation__fails_when_asked),
        cmocka_unit_test(test_machine_out_of_frames__fails),
        cmocka_unit_test(test_machine_bad_config__gives_no_machine),
        cmocka_unit_test(test_machine_each_format__can_be_made),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
