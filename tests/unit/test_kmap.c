/*
 * The kernel's half: what lp_kernel_map, _unmap and _protect make of the tables,
 * on every format, and what the CPUs then still know.
 *
 * The machine's TLBs never forget unless told to, so each change is made with
 * the old translations cached on every CPU under every ASID; and its oracles
 * look at each frame that goes free.
 *
 * The range that is managed lies at the border of the upper half's first root
 * entry: it meets two.
 */
#include "core_kit.h"

enum {
    BIG_PAGES = 512, /* a leaf of level 1 at most */
    NDEVICE = 2 * BIG_PAGES + BIG_PAGES,
    SPACES = 3,
};

#define NONE LP_HOST_FAULT
#define OK LP_HOST_OK
#define RWX (LP_READ | LP_WRITE | LP_EXEC)

/* A pager with a managed range, three CPUs, and spaces that run there. */
struct world {
    struct ck *ck;
    struct lp_range range;
    lp_va va;      /* in it, aligned to a leaf of level 1 */
    lp_pa pa;      /* of the device, aligned likewise */
    uint64_t span; /* of a leaf of level 1 */
    struct lp_space *space[SPACES];
};

/* The first address of a root entry, the free formats' bits above zero. */
static lp_va root_va(const struct lp_pte_format *f, unsigned index)
{
    unsigned shift = 12 + (f->levels - 1) * f->index_bits;
    lp_va va = (lp_va)index << shift;

    if (f->sign_extended && index >> (f->index_bits - 1))
        va |= ~(lp_va)0 << (shift + f->index_bits);
    return va;
}

static struct lp_range two_roots(const struct lp_pte_format *f)
{
    uint64_t big = LP_PAGE_SIZE << f->index_bits;
    lp_va border = root_va(f, f->user_root_entries + 1);

    return (struct lp_range){ border - 4 * big, border + 4 * big };
}

static const struct lp_pte_format *format_of(const char *name)
{
    struct lp_host_config config = { .format = name };
    struct lp_host *m = lp_host_create(&config);
    static struct lp_pte_format f;

    f = lp_host_arch(m)->format;
    lp_host_destroy(m);
    return &f;
}

static struct world create_with(const char *format, unsigned flags,
                                uint64_t seed)
{
    struct lp_range range = two_roots(format_of(format));
    struct lp_options options = { .kernel_ranges = &range,
                                  .nkernel_ranges = 1 };
    struct lp_host_config config = { .ndevice = NDEVICE,
                                     .flags = flags,
                                     .seed = seed };
    struct world w = { .range = range };
    unsigned i;

    w.ck = ck_create_with(format, config, &options);
    range = (struct lp_range){ 0, 0 }; /* the pager has a copy */
    w.span = LP_PAGE_SIZE << w.ck->f->index_bits;
    w.va = w.range.start + w.span;
    w.pa = (lp_host_device(w.ck->m) + w.span - 1) & ~(w.span - 1);
    for (i = 0; i < SPACES; i++) {
        w.space[i] = ck_space(w.ck);
        ck_map(w.space[i], w.ck->base, 1, CK_RW, CK_ANON);
        ck_run(w.ck, i, w.space[i]);
    }
    return w;
}

static struct world create(const char *format)
{
    return create_with(format, 0, 1);
}

static void destroy(struct world *w)
{
    unsigned i;

    ck_check(w->ck);
    assert_int_equal(lp_kernel_unmap(w->ck->pager, w->range.start,
                                     w->range.end - w->range.start),
                     0);
    for (i = 0; i < SPACES; i++)
        if (w->space[i])
            ck_end(w->ck, w->space[i]);
    ck_destroy(w->ck);
}

/* Both ways in which other CPUs are made to forget. */
static const unsigned ways[] = { 0, LP_HOST_FENCES,
                                 LP_HOST_FENCES | LP_HOST_SPECULATE };
enum { WAYS = sizeof ways / sizeof ways[0] };

/* A supervisor's access to one byte, on the current CPU, no fault handled. */
static enum lp_host_code kernel(struct world *w, unsigned access, lp_va va)
{
    unsigned char byte = 0x5a;

    return lp_host_peek(w->ck->m, LP_HOST_SUPERVISOR, access, va,
                        access == LP_EXEC ? NULL : &byte, 1, NULL);
}

static enum lp_host_code user(struct world *w, unsigned access, lp_va va)
{
    unsigned char byte = 0x5a;

    return lp_host_peek(w->ck->m, LP_HOST_USER, access, va,
                        access == LP_EXEC ? NULL : &byte, 1, NULL);
}

/*
 * Let every CPU cache what is at va under every ASID: each runs each space and
 * touches it, whatever comes of it.
 */
static void touch_everywhere(struct world *w, lp_va va)
{
    unsigned cpu, i;

    for (cpu = 0; cpu < CK_CPUS; cpu++)
        for (i = 0; i < SPACES; i++) {
            ck_run(w->ck, cpu, w->space[(cpu + 1 + i) % SPACES]);
            kernel(w, LP_READ, va);
            kernel(w, LP_WRITE, va);
        }
    lp_host_cpu_set(w->ck->m, 0);
}

/* On every CPU under every ASID: is that what comes of it? */
static void expect_everywhere(struct world *w, unsigned access, lp_va va,
                              enum lp_host_code code)
{
    unsigned cpu, i;

    for (cpu = 0; cpu < CK_CPUS; cpu++)
        for (i = 0; i < SPACES; i++) {
            ck_run(w->ck, cpu, w->space[(cpu + 1 + i) % SPACES]);
            if (kernel(w, access, va) != code)
                fail_msg("%s: CPU %u, space %u, access %u", w->ck->format, cpu,
                         i, access);
        }
    lp_host_cpu_set(w->ck->m, 0);
}

static void map(struct world *w, lp_va va, lp_pa pa, uint64_t len,
                unsigned access)
{
    assert_int_equal(
        lp_kernel_map(w->ck->pager, va, pa, len, access, 0, LP_CACHE_WRITEBACK),
        0);
    ck_check(w->ck);
}

static struct lp_page_info query(struct world *w, lp_va va)
{
    struct lp_page_info info;

    assert_int_equal(lp_kernel_query(w->ck->pager, va, &info), 0);
    return info;
}

/* --- map --- */

/* Is what was mapped there at once, in every space, on every CPU? */
static void test_kmap_map__every_space_and_cpu_has_it(void **state)
{
    unsigned way;

    (void)state;
    for (way = 0; way < WAYS; way++) {
        CK_EACH(format)
        {
            struct world w = create_with(format, ways[way], 1);
            unsigned char *memory = lp_host_memory(w.ck->m, w.pa);

            touch_everywhere(&w, w.va); /* that nothing is there is cached */
            expect_everywhere(&w, LP_READ, w.va, NONE);
            map(&w, w.va, w.pa, LP_PAGE_SIZE, CK_RW);
            memory[0] = 0;
            expect_everywhere(&w, LP_READ, w.va, OK);
            expect_everywhere(&w, LP_WRITE, w.va, OK);
            assert_int_equal(memory[0], 0x5a);
            expect_everywhere(&w, LP_EXEC, w.va, NONE);
            expect_everywhere(&w, LP_READ, w.va + LP_PAGE_SIZE, NONE);
            assert_int_equal(user(&w, LP_READ, w.va), NONE);
            /* The next page: the table is there, its entry was not. */
            touch_everywhere(&w, w.va + LP_PAGE_SIZE);
            map(&w, w.va + LP_PAGE_SIZE, w.pa, LP_PAGE_SIZE, LP_READ);
            expect_everywhere(&w, LP_READ, w.va + LP_PAGE_SIZE, OK);
            expect_everywhere(&w, LP_WRITE, w.va + LP_PAGE_SIZE, NONE);
            destroy(&w);
        }
    }
}

/* Does each combination of accesses grant what an area of it would? */
static void test_kmap_map_access__grants_as_asked(void **state)
{
    unsigned access;

    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        for (access = 1; access <= RWX; access++) {
            lp_va va = w.va + access * LP_PAGE_SIZE;
            unsigned granted = access & LP_WRITE ? access | LP_READ : access;
            struct lp_page_info info;

            if (access & LP_EXEC)
                granted |= w.ck->pager->exec_implies;
            map(&w, va, w.pa, LP_PAGE_SIZE, access);
            info = query(&w, va + 5);
            assert_int_equal(info.access, granted);
            assert_int_equal(info.frame, w.pa);
            assert_int_equal(info.references, 0);
            assert_int_equal(
                info.flags,
                LP_PAGE_PRESENT | LP_PAGE_DEVICE | LP_PAGE_ACCESSED |
                    (access & LP_WRITE ? (unsigned)LP_PAGE_DIRTY : 0));
            assert_int_equal(kernel(&w, LP_READ, va),
                             granted & LP_READ ? OK : NONE);
            assert_int_equal(kernel(&w, LP_WRITE, va),
                             granted & LP_WRITE ? OK : NONE);
            assert_int_equal(kernel(&w, LP_EXEC, va),
                             granted & LP_EXEC ? OK : NONE);
            assert_int_equal(user(&w, LP_READ, va), NONE);
        }
        destroy(&w);
    }
}

/* Is a user page here one that programs may use as access says, and no more? */
static void test_kmap_map_user__programs_use_it(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_pager *pager = w.ck->pager;
        lp_va next = w.va + LP_PAGE_SIZE;

        map(&w, next, w.pa + LP_PAGE_SIZE, LP_PAGE_SIZE, CK_RW);
        assert_int_equal(lp_kernel_map(pager, w.va, w.pa, LP_PAGE_SIZE,
                                       LP_READ | LP_EXEC, LP_KERNEL_USER,
                                       LP_CACHE_WRITEBACK),
                         0);
        ck_check(w.ck);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_USER, LP_PAGE_USER);
        assert_int_equal(query(&w, next).flags & LP_PAGE_USER, 0);
        assert_int_equal(user(&w, LP_READ, w.va), OK);
        assert_int_equal(user(&w, LP_EXEC, w.va), OK);
        assert_int_equal(user(&w, LP_WRITE, w.va), NONE);
        assert_int_equal(user(&w, LP_READ, next), NONE);
        assert_int_equal(user(&w, LP_WRITE, next), NONE);
        assert_false(lp_access_ok(w.space[0], w.va, 1, LP_READ));

        /* Global: cached under one ASID, used under the next; then gone. */
        ck_run(w.ck, 2, w.space[1]);
        assert_int_equal(lp_host_cached(w.ck->m, w.va, NULL),
                         LP_READ | LP_EXEC);
        touch_everywhere(&w, w.va);
        assert_int_equal(lp_kernel_protect(pager, w.va, LP_PAGE_SIZE, CK_RW),
                         0);
        ck_check(w.ck);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_USER, LP_PAGE_USER);
        assert_int_equal(user(&w, LP_WRITE, w.va), OK);
        assert_int_equal(user(&w, LP_EXEC, w.va), NONE);
        assert_int_equal(lp_kernel_unmap(pager, w.va, LP_PAGE_SIZE), 0);
        assert_int_equal(user(&w, LP_READ, w.va), NONE);
        destroy(&w);
    }
}

/* Are leaves as large as alignment and length allow? */
static void test_kmap_map_aligned__big_leaves(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        uint64_t len = w.span + 2 * LP_PAGE_SIZE;
        uint64_t before = lp_host_frames_used(w.ck->m);
        lp_va start = w.va - LP_PAGE_SIZE, last = w.va + w.span;

        /* One page, a big leaf, one page. */
        map(&w, start, w.pa + w.span - LP_PAGE_SIZE, len, CK_RW);
        assert_int_equal(query(&w, start).flags & LP_PAGE_BIG, 0);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_BIG, LP_PAGE_BIG);
        assert_int_equal(query(&w, last - 1).flags & LP_PAGE_BIG, LP_PAGE_BIG);
        assert_int_equal(query(&w, last).flags & LP_PAGE_BIG, 0);
        assert_int_equal(query(&w, last - 1).frame,
                         w.pa + 2 * w.span - LP_PAGE_SIZE);
        assert_int_equal(query(&w, last + LP_PAGE_SIZE).frame, LP_PA_NONE);
        expect_everywhere(&w, LP_WRITE, last - 1, OK);
        expect_everywhere(&w, LP_WRITE, last, OK);
        expect_everywhere(&w, LP_WRITE, last + LP_PAGE_SIZE, NONE);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, start, len), 0);
        ck_check(w.ck);
        assert_int_equal(lp_host_frames_used(w.ck->m), before);

        /* The same length where pa is not aligned like va: pages only. */
        map(&w, w.va, w.pa + LP_PAGE_SIZE, w.span, CK_RW);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_BIG, 0);
        destroy(&w);
    }
}

/* Are all leaves above the lowest level, up to below the root, used? */
static void test_kmap_map_huge__a_leaf_below_the_root(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        const struct lp_pte_format *f = format_of(format);
        unsigned level = f->levels - 2;
        struct lp_range all = { root_va(f, f->user_root_entries),
                                root_va(f, f->user_root_entries + 2) };
        struct lp_options options = { .kernel_ranges = &all,
                                      .nkernel_ranges = 1 };
        struct lp_page_info info;
        uint64_t before, span;
        struct ck *ck =
            ck_create_with(format, (struct lp_host_config){ 0 }, &options);

        f = ck->f;
        while (!(f->leaf_levels >> level & 1))
            level--;
        span = LP_PAGE_SIZE << (level * f->index_bits);
        before = lp_host_frames_used(ck->m);
        assert_int_equal(lp_kernel_map(ck->pager, all.start, 0, 2 * span,
                                       LP_READ, 0, LP_CACHE_UNCACHED),
                         0);
        assert_int_equal(lp_host_frames_used(ck->m) - before,
                         f->levels - 2 - level);
        ck_check(ck);
        assert_int_equal(
            lp_kernel_query(ck->pager, all.start + span + 0x1234, &info), 0);
        assert_int_equal(info.frame, span + 0x1000);
        /* Split all the way down, in the middle. */
        assert_int_equal(lp_kernel_unmap(ck->pager,
                                         all.start + span - LP_PAGE_SIZE,
                                         LP_PAGE_SIZE),
                         0);
        ck_check(ck);
        assert_int_equal(lp_host_frames_used(ck->m) - before, f->levels - 2);
        assert_int_equal(lp_kernel_query(ck->pager, all.start + span, &info),
                         0);
        assert_int_equal(info.frame, span);
        assert_int_equal(lp_kernel_query(ck->pager,
                                         all.start + span - 2 * LP_PAGE_SIZE,
                                         &info),
                         0);
        assert_int_equal(info.frame, span - 2 * LP_PAGE_SIZE);
        assert_int_equal(lp_kernel_unmap(ck->pager, all.start, 2 * span), 0);
        ck_check(ck);
        assert_int_equal(lp_host_frames_used(ck->m), before);
        ck_destroy(ck);
    }
}

/* Across the border of two root entries. */
static void test_kmap_map_across_roots__both_tables_are_there(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va border = root_va(w.ck->f, w.ck->f->user_root_entries + 1);

        touch_everywhere(&w, border - LP_PAGE_SIZE);
        touch_everywhere(&w, border);
        map(&w, border - LP_PAGE_SIZE, w.pa, 2 * LP_PAGE_SIZE, CK_RW);
        expect_everywhere(&w, LP_WRITE, border - LP_PAGE_SIZE, OK);
        expect_everywhere(&w, LP_WRITE, border, OK);
        assert_int_equal(lp_kernel_protect(w.ck->pager, border - LP_PAGE_SIZE,
                                           2 * LP_PAGE_SIZE, LP_READ),
                         0);
        expect_everywhere(&w, LP_WRITE, border - LP_PAGE_SIZE, NONE);
        expect_everywhere(&w, LP_WRITE, border, NONE);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, w.range.start,
                                         w.range.end - w.range.start),
                         0);
        expect_everywhere(&w, LP_READ, border - LP_PAGE_SIZE, NONE);
        expect_everywhere(&w, LP_READ, border, NONE);
        destroy(&w);
    }
}

/* Is anything that is mapped in the range in the way, and nothing changed? */
static void test_kmap_map_over__eexist(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_pager *pager = w.ck->pager;
        uint64_t used;

        map(&w, w.va + 3 * LP_PAGE_SIZE, w.pa, LP_PAGE_SIZE, LP_READ);
        used = lp_host_frames_used(w.ck->m);
        assert_int_equal(lp_kernel_map(pager, w.va, w.pa, w.span, CK_RW, 0,
                                       LP_CACHE_WRITEBACK),
                         -LP_EEXIST);
        assert_int_equal(lp_kernel_map(pager, w.va + 3 * LP_PAGE_SIZE, w.pa,
                                       LP_PAGE_SIZE, CK_RW, 0,
                                       LP_CACHE_WRITEBACK),
                         -LP_EEXIST);
        assert_int_equal(lp_kernel_map(pager, w.range.start,
                                       w.pa + LP_PAGE_SIZE, 2 * w.span, CK_RW,
                                       0, LP_CACHE_WRITEBACK),
                         -LP_EEXIST);
        assert_int_equal(query(&w, w.va).frame, LP_PA_NONE);
        assert_int_equal(query(&w, w.range.start).frame, LP_PA_NONE);
        assert_int_equal(query(&w, w.va + 3 * LP_PAGE_SIZE).access & LP_WRITE,
                         0);
        assert_int_equal(lp_host_frames_used(w.ck->m), used);
        /* A page inside a big leaf. */
        map(&w, w.va + w.span, w.pa, w.span, LP_READ);
        assert_int_equal(lp_kernel_map(pager, w.va + w.span + LP_PAGE_SIZE,
                                       w.pa, LP_PAGE_SIZE, LP_READ, 0,
                                       LP_CACHE_WRITEBACK),
                         -LP_EEXIST);
        destroy(&w);
    }
}

/* --- arguments --- */

static int try_map(struct world *w, lp_va va, lp_pa pa, uint64_t len,
                   unsigned access, unsigned flags, int cache)
{
    return lp_kernel_map(w->ck->pager, va, pa, len, access, flags,
                         (enum lp_cache_mode)cache);
}

/* Is each malformed argument refused? */
static void test_kmap_bad_arguments__einval(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_pager *pager = w.ck->pager;
        lp_pa beyond = ~(lp_pa)0 >> (52 - w.ck->f->pa_bits);
        uint64_t P = LP_PAGE_SIZE, used = lp_host_frames_used(w.ck->m);
        const lp_va outside[] = { 0,
                                  w.range.start - P,
                                  w.range.end,
                                  w.range.end - P,
                                  ~(lp_va)0 - P + 1,
                                  w.range.start - P };
        struct lp_page_info info;
        unsigned i;

        assert_int_equal(try_map(&w, w.va + 1, w.pa, P, 1, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa + 1, P, 1, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P + 1, 1, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, 0, 1, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P, 0, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P, 9, 0, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P, 1, 2, 0), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P, 1, 0, LP_CACHE_MODES),
                         -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, w.pa, P, 1, 0, -1), -LP_EINVAL);
        assert_int_equal(try_map(&w, w.va, (beyond & ~(P - 1)), 2 * P, 1, 0, 0),
                         -LP_EINVAL);
        if (w.ck->f->pa_bits < 52)
            assert_int_equal(try_map(&w, w.va, beyond + 1, P, 1, 0, 0),
                             -LP_EINVAL);
        for (i = 0; i < sizeof outside / sizeof outside[0]; i++) {
            uint64_t len = 2 * P;

            assert_int_equal(try_map(&w, outside[i], w.pa, len, 1, 0, 0),
                             -LP_EINVAL);
            assert_int_equal(lp_kernel_unmap(pager, outside[i], len),
                             -LP_EINVAL);
            assert_int_equal(lp_kernel_protect(pager, outside[i], len, 1),
                             -LP_EINVAL);
        }
        assert_int_equal(
            try_map(&w, w.range.start, w.pa, ~(uint64_t)0 - P + 1, 1, 0, 0),
            -LP_EINVAL);
        assert_int_equal(lp_kernel_unmap(pager, w.va, 0), -LP_EINVAL);
        assert_int_equal(lp_kernel_protect(pager, w.va, P, 0), -LP_EINVAL);
        assert_int_equal(lp_kernel_protect(pager, w.va, P, 8), -LP_EINVAL);
        assert_int_equal(lp_kernel_query(pager, w.range.end, &info),
                         -LP_EFAULT);
        assert_int_equal(lp_kernel_query(pager, w.range.start - 1, &info),
                         -LP_EFAULT);
        assert_int_equal(lp_host_frames_used(w.ck->m), used);
        /* The last page of the range, and of physical memory, are fine. */
        assert_int_equal(
            try_map(&w, w.range.end - P, (beyond & ~(P - 1)), P, 1, 0, 0), 0);
        assert_int_equal(query(&w, w.range.end - 1).frame, beyond & ~(P - 1));
        destroy(&w);
    }
}

/* What lp_pager_create says to ranges. */
static int try_ranges(const char *format, const struct lp_range *ranges,
                      unsigned n, lp_pa root)
{
    struct lp_host_config config = { .format = format, .ncpus = 1 };
    struct lp_options options = { .kernel_ranges = ranges,
                                  .nkernel_ranges = n,
                                  .kernel_root = root };
    struct lp_host *m = lp_host_create(&config);
    struct lp_pager *pager;
    int error =
        lp_pager_create(lp_host_arch(m), lp_host_kernel(m), &options, &pager);

    if (!error)
        assert_int_equal(lp_pager_destroy(pager), 0);
    assert_int_equal(lp_host_frames_used(m), 0);
    assert_int_equal(lp_host_failures(m), 0);
    lp_host_destroy(m);
    return error;
}

/* Which ranges may a pager manage? */
static void test_kmap_ranges__only_in_the_kernel_half(void **state)
{
    uint64_t P = LP_PAGE_SIZE;

    (void)state;
    CK_EACH(format)
    {
        const struct lp_pte_format f = *format_of(format);
        unsigned n = 1u << f.index_bits;
        lp_va low = root_va(&f, f.user_root_entries);
        lp_va top = root_va(&f, n - 1);
        lp_va end = f.sign_extended ? ~P + 1 : root_va(&f, n);
        const struct lp_range bad[] = {
            { low, low },
            { low + P, low },
            { low + 1, low + P },
            { low, low + P + 1 },
            { 0, P },
            { f.user_end - P, f.user_end },
            { low - P, low + P },
            { low ^ (lp_va)1 << 60, low + P },
            { P, low + P },
            /* Zero where copies of the top bit belong, or the other way. */
            { low ^ ~(lp_va)0 << (12 + f.levels * f.index_bits),
              (low ^ ~(lp_va)0 << (12 + f.levels * f.index_bits)) + P },
            { top, 0 },
            { end - P, end + 1 },
            { end - P, end + P },
            { P, (lp_va)1 << 60 },
        };
        const struct lp_range twice[] = { { low + P, low + 3 * P },
                                          { low + 2 * P, low + 4 * P } };
        const struct lp_range good[] = {
            { low, end }, { low, low + P }, { top, end }, { end - P, end }
        };
        const struct lp_range beside[] = { { low, low + P },
                                           { low + P, low + 2 * P },
                                           { end - P, end } };
        const struct lp_range downwards[] = { { end - P, end },
                                              { low + P, low + 2 * P },
                                              { low, low + P } };
        struct lp_range many[LP_KERNEL_RANGES_MAX + 1];
        unsigned i;

        for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
            if (try_ranges(format, &bad[i], 1, 0) != -LP_EINVAL)
                fail_msg("%s: bad range %u", format, i);
        assert_int_equal(try_ranges(format, twice, 2, 0), -LP_EINVAL);
        assert_int_equal(try_ranges(format, beside, 3, 1), -LP_EINVAL);
        for (i = 0; i < sizeof good / sizeof good[0]; i++)
            if (try_ranges(format, &good[i], 1, 0) != 0)
                fail_msg("%s: good range %u", format, i);
        assert_int_equal(try_ranges(format, beside, 3, 0), 0);
        assert_int_equal(try_ranges(format, downwards, 3, 0), 0);
        for (i = 0; i < LP_KERNEL_RANGES_MAX + 1; i++)
            many[i] = (struct lp_range){ low + i * P, low + (i + 1) * P };
        assert_int_equal(try_ranges(format, many, LP_KERNEL_RANGES_MAX, 0), 0);
        assert_int_equal(try_ranges(format, many, LP_KERNEL_RANGES_MAX + 1, 0),
                         -LP_EINVAL);
    }
}

/* --- unmap --- */

/* Has everybody forgotten it, so that the frame may go to somebody else? */
static void test_kmap_unmap__no_cpu_keeps_it(void **state)
{
    unsigned way;

    (void)state;
    for (way = 0; way < WAYS; way++) {
        CK_EACH(format)
        {
            struct world w = create_with(format, ways[way], 2);
            const struct lp_kernel *k = lp_host_kernel(w.ck->m);
            uint64_t before = lp_host_frames_used(w.ck->m);
            lp_pa frame;

            assert_int_equal(k->frame_alloc(k->ctx, LP_FRAME_ANY, &frame), 0);
            map(&w, w.va, frame, LP_PAGE_SIZE, CK_RW);
            expect_everywhere(&w, LP_WRITE, w.va, OK);
            /* The pages of the table that goes are cached as its path, too. */
            touch_everywhere(&w, w.va + LP_PAGE_SIZE);
            assert_int_equal(lp_kernel_unmap(w.ck->pager, w.va, LP_PAGE_SIZE),
                             0);
            k->frame_free(k->ctx, frame);
            assert_int_equal(lp_host_frames_used(w.ck->m), before);
            ck_check(w.ck);
            expect_everywhere(&w, LP_READ, w.va, NONE);
            /* Nothing there: nothing to do, and nobody is disturbed. */
            ck_watch(w.ck, NULL);
            assert_int_equal(lp_kernel_unmap(w.ck->pager, w.range.start,
                                             w.range.end - w.range.start),
                             0);
            assert_int_equal(ck_flushes(w.ck, 0), 0);
            assert_int_equal(ck_flushes(w.ck, 1), 0);
            destroy(&w);
        }
    }
}

/* A part of a big leaf: are the edges split, and does the rest stay? */
static void test_kmap_unmap_part_of_big_leaf__splits(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        lp_va hole = w.va + 3 * LP_PAGE_SIZE;
        uint64_t before = lp_host_frames_used(w.ck->m);

        map(&w, w.va, w.pa, w.span, CK_RW);
        touch_everywhere(&w, hole);
        touch_everywhere(&w, hole + LP_PAGE_SIZE);
        touch_everywhere(&w, w.va);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, hole, LP_PAGE_SIZE), 0);
        ck_check(w.ck);
        expect_everywhere(&w, LP_READ, hole, NONE);
        expect_everywhere(&w, LP_WRITE, hole - LP_PAGE_SIZE, OK);
        expect_everywhere(&w, LP_WRITE, hole + LP_PAGE_SIZE, OK);
        assert_int_equal(query(&w, hole + LP_PAGE_SIZE).frame,
                         w.pa + 4 * LP_PAGE_SIZE);
        assert_int_equal(query(&w, hole + LP_PAGE_SIZE).flags & LP_PAGE_BIG, 0);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, w.va, w.span), 0);
        ck_check(w.ck);
        assert_int_equal(lp_host_frames_used(w.ck->m), before);
        destroy(&w);
    }
}

/* Gone and mapped anew, as something else and as a big leaf. */
static void test_kmap_unmap_then_map__the_new_one_is_seen(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        map(&w, w.va + 2 * LP_PAGE_SIZE, w.pa, LP_PAGE_SIZE, CK_RW);
        touch_everywhere(&w, w.va + 2 * LP_PAGE_SIZE);
        touch_everywhere(&w, w.va);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, w.va, w.span), 0);
        touch_everywhere(&w, w.va);
        map(&w, w.va, w.pa, w.span, LP_READ);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_BIG, LP_PAGE_BIG);
        expect_everywhere(&w, LP_READ, w.va, OK);
        expect_everywhere(&w, LP_WRITE, w.va + 2 * LP_PAGE_SIZE, NONE);
        expect_everywhere(&w, LP_READ, w.va + 2 * LP_PAGE_SIZE, OK);
        destroy(&w);
    }
}

/* --- protect --- */

/* Narrow and widen: does every CPU see it when the call returns? */
static void test_kmap_protect__every_cpu_sees_it(void **state)
{
    unsigned way;

    (void)state;
    for (way = 0; way < WAYS; way++) {
        CK_EACH(format)
        {
            struct world w = create_with(format, ways[way], 3);
            struct lp_pager *pager = w.ck->pager;

            map(&w, w.va, w.pa, 3 * LP_PAGE_SIZE, CK_RW);
            touch_everywhere(&w, w.va + LP_PAGE_SIZE);
            assert_int_equal(lp_kernel_protect(pager, w.va + LP_PAGE_SIZE,
                                               LP_PAGE_SIZE, LP_READ | LP_EXEC),
                             0);
            ck_check(w.ck);
            expect_everywhere(&w, LP_WRITE, w.va + LP_PAGE_SIZE, NONE);
            expect_everywhere(&w, LP_EXEC, w.va + LP_PAGE_SIZE, OK);
            expect_everywhere(&w, LP_WRITE, w.va, OK);
            expect_everywhere(&w, LP_WRITE, w.va + 2 * LP_PAGE_SIZE, OK);
            /* The refusals are cached by now. */
            assert_int_equal(
                lp_kernel_protect(pager, w.va, 3 * LP_PAGE_SIZE, CK_RW), 0);
            ck_check(w.ck);
            expect_everywhere(&w, LP_WRITE, w.va + LP_PAGE_SIZE, OK);
            expect_everywhere(&w, LP_EXEC, w.va + LP_PAGE_SIZE, NONE);
            /* No change: nobody is disturbed. */
            ck_watch(w.ck, NULL);
            assert_int_equal(
                lp_kernel_protect(pager, w.va, 3 * LP_PAGE_SIZE, CK_RW), 0);
            assert_int_equal(w.ck->nevents, 0);
            destroy(&w);
        }
    }
}

/* A part of a big leaf: is the rest as it was? */
static void test_kmap_protect_part_of_big_leaf__splits(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_pager *pager = w.ck->pager;
        lp_va part = w.va + w.span - 2 * LP_PAGE_SIZE;

        assert_int_equal(lp_kernel_map(pager, w.va, w.pa, 2 * w.span, CK_RW, 0,
                                       LP_CACHE_UNCACHED),
                         0);
        touch_everywhere(&w, part);
        touch_everywhere(&w, w.va + w.span);
        /* Two pages of this leaf, one of the next. */
        assert_int_equal(
            lp_kernel_protect(pager, part, 3 * LP_PAGE_SIZE, LP_READ), 0);
        ck_check(w.ck);
        expect_everywhere(&w, LP_WRITE, part - LP_PAGE_SIZE, OK);
        expect_everywhere(&w, LP_WRITE, part, NONE);
        expect_everywhere(&w, LP_WRITE, part + 2 * LP_PAGE_SIZE, NONE);
        expect_everywhere(&w, LP_READ, part + 2 * LP_PAGE_SIZE, OK);
        expect_everywhere(&w, LP_WRITE, part + 3 * LP_PAGE_SIZE, OK);
        /* A whole big leaf changes as one. */
        assert_int_equal(lp_kernel_unmap(pager, w.va, 2 * w.span), 0);
        map(&w, w.va, w.pa, w.span, CK_RW);
        touch_everywhere(&w, w.va);
        assert_int_equal(lp_kernel_protect(pager, w.va, w.span, LP_EXEC), 0);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_BIG, LP_PAGE_BIG);
        expect_everywhere(&w, LP_WRITE, w.va, NONE);
        expect_everywhere(&w, LP_EXEC, w.va, OK);
        destroy(&w);
    }
}

/* A hole anywhere: ENOMEM, and is all else as it was? */
static void test_kmap_protect_hole__enomem_nothing_changed(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        uint64_t used;

        map(&w, w.va, w.pa, w.span, CK_RW);
        map(&w, w.va + w.span + LP_PAGE_SIZE, w.pa, LP_PAGE_SIZE, CK_RW);
        used = lp_host_frames_used(w.ck->m);
        ck_watch(w.ck, NULL);
        assert_int_equal(lp_kernel_protect(w.ck->pager, w.va + LP_PAGE_SIZE,
                                           w.span + LP_PAGE_SIZE, LP_READ),
                         -LP_ENOMEM);
        assert_int_equal(w.ck->nevents, 0);
        assert_int_equal(lp_host_frames_used(w.ck->m), used);
        assert_int_equal(query(&w, w.va + LP_PAGE_SIZE).access, CK_RW);
        assert_int_equal(query(&w, w.va).flags & LP_PAGE_BIG, LP_PAGE_BIG);
        destroy(&w);
    }
}

/* --- out of memory --- */

/* What is mapped, page by page: equal before and after a failure. */
struct picture {
    struct lp_page_info page[4 * BIG_PAGES];
};

static void draw(struct world *w, struct picture *picture)
{
    uint64_t i, n = 4 * w->span / LP_PAGE_SIZE;
    struct lp_page_info info;

    /* Member by member: what lies between them stays 0. */
    memset(picture, 0, sizeof *picture);
    for (i = 0; i < n; i++) {
        info = query(w, w->va + i * LP_PAGE_SIZE);
        picture->page[i].frame = info.frame;
        picture->page[i].access = info.access;
        picture->page[i].flags = info.flags;
        picture->page[i].references = info.references;
    }
}

enum verb { MAP, UNMAP, PROTECT, VERBS };

static int do_verb(struct world *w, enum verb verb)
{
    lp_va edge = w->va + LP_PAGE_SIZE;

    switch (verb) {
    case MAP:
        return lp_kernel_map(w->ck->pager, w->va + w->span, w->pa + w->span,
                             w->span + LP_PAGE_SIZE, CK_RW, 0,
                             LP_CACHE_WRITEBACK);
    case UNMAP: return lp_kernel_unmap(w->ck->pager, edge, LP_PAGE_SIZE);
    default:
        return lp_kernel_protect(w->ck->pager, edge, LP_PAGE_SIZE, LP_READ);
    }
}

/* The n-th allocation fails, for every n: is nothing changed? */
static void test_kmap_allocation_fails__nothing_changed(void **state)
{
    static struct picture before, after;
    unsigned verb, n;
    int error;

    (void)state;
    CK_EACH(format)
    {
        for (verb = 0; verb < VERBS; verb++) {
            struct world w = create(format);
            uint64_t used;

            map(&w, w.va, w.pa, w.span, CK_RW);
            touch_everywhere(&w, w.va + LP_PAGE_SIZE);
            draw(&w, &before);
            used = lp_host_frames_used(w.ck->m);
            ck_watch(w.ck, NULL);
            for (n = 1;; n++) {
                lp_host_fail_once(w.ck->m, n);
                error = do_verb(&w, (enum verb)verb);
                lp_host_fail_once(w.ck->m, 0);
                if (!error)
                    break;
                assert_int_equal(error, -LP_ENOMEM);
                assert_int_equal(w.ck->nevents, 0);
                assert_int_equal(lp_host_frames_used(w.ck->m), used);
                draw(&w, &after);
                assert_memory_equal(&before, &after, sizeof before);
                ck_check(w.ck);
            }
            assert_true(n > 1);
            destroy(&w);
        }
    }
}

/* lp_pager_create with ranges: does it give back what it took? */
static void test_kmap_create_fails__gives_everything_back(void **state)
{
    unsigned n;
    int error;

    (void)state;
    CK_EACH(format)
    {
        const struct lp_range range = two_roots(format_of(format));
        struct lp_options options = { .kernel_ranges = &range,
                                      .nkernel_ranges = 1 };
        struct lp_host_config config = { .format = format };
        struct lp_host *m = lp_host_create(&config);
        struct lp_pager *pager;

        for (n = 1;; n++) {
            lp_host_fail_once(m, n);
            error = lp_pager_create(lp_host_arch(m), lp_host_kernel(m),
                                    &options, &pager);
            if (!error)
                break;
            assert_int_equal(error, -LP_ENOMEM);
            assert_int_equal(lp_host_frames_used(m), 0);
        }
        assert_int_equal(n, 7); /* itself, CPUs, zero page, root, two tables */
        assert_int_equal(lp_pager_destroy(pager), 0);
        assert_int_equal(lp_host_frames_used(m), 0);
        lp_host_destroy(m);
    }
}

/* --- spaces --- */

/* Do fork and exit leave the half alone, and does a new space have it? */
static void test_kmap_fork_and_exit__keep_the_half(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_space *child, *grandchild;
        uint64_t used;

        map(&w, w.va, w.pa, LP_PAGE_SIZE, CK_RW);
        used = lp_host_frames_used(w.ck->m);
        ck_run(w.ck, 0, w.space[0]);
        ck_write(w.ck, w.ck->base, 1);
        child = ck_fork(w.space[0]);
        ck_run(w.ck, 1, child);
        assert_int_equal(kernel(&w, LP_WRITE, w.va), OK);
        ck_check(w.ck);
        /* Mapped between two forks: also in the one before. */
        map(&w, w.va + w.span, w.pa, LP_PAGE_SIZE, CK_RW);
        grandchild = ck_fork(child);
        ck_run(w.ck, 2, grandchild);
        assert_int_equal(kernel(&w, LP_WRITE, w.va + w.span), OK);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(kernel(&w, LP_WRITE, w.va + w.span), OK);
        ck_check(w.ck);
        ck_end(w.ck, child);
        ck_end(w.ck, grandchild);
        ck_end(w.ck, w.space[0]);
        w.space[0] = ck_space(w.ck);
        ck_map(w.space[0], w.ck->base, 1, CK_RW, CK_ANON);
        ck_check(w.ck);
        expect_everywhere(&w, LP_WRITE, w.va, OK);
        expect_everywhere(&w, LP_WRITE, w.va + w.span, OK);
        assert_true(lp_host_frames_used(w.ck->m) >= used);
        destroy(&w);
    }
}

/* The pager's own root, which a CPU loads when it starts. */
static void test_kmap_root__has_the_half_and_no_page(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);

        map(&w, w.va, w.pa, LP_PAGE_SIZE, CK_RW);
        ck_run(w.ck, 0, NULL);
        assert_int_equal(lp_kernel_root(w.ck->pager), w.ck->pager->root);
        assert_int_equal(kernel(&w, LP_WRITE, w.va), OK);
        assert_int_equal(kernel(&w, LP_READ, w.ck->base), NONE);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, w.va, LP_PAGE_SIZE), 0);
        assert_int_equal(kernel(&w, LP_READ, w.va), NONE);
        destroy(&w);
    }
}

/* --- two pagers --- */

/* A second pager that adopts the first one's half. */
static void test_kmap_adopt__two_pagers_share_the_half(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        const struct lp_pte_format *f = w.ck->f;
        unsigned last = (1u << f->index_bits) - 1;
        struct lp_range own = { root_va(f, last),
                                root_va(f, last) + 8 * LP_PAGE_SIZE };
        const struct lp_range taken = { w.range.end - LP_PAGE_SIZE,
                                        w.range.end };
        struct lp_options options = { .kernel_root =
                                          lp_kernel_root(w.ck->pager),
                                      .kernel_ranges = &taken,
                                      .nkernel_ranges = 1 };
        struct lp_kernel k = *lp_host_kernel(w.ck->m);
        uint64_t before = lp_host_frames_used(w.ck->m);
        struct lp_pager *second;
        struct lp_space *space;

        /* Records of its own: frames come to one pager or to the other. */
        k.frame_records = aligned_alloc(
            16, lp_frame_records_size(k.frames_start, k.frames_end));
        map(&w, w.va, w.pa, LP_PAGE_SIZE, CK_RW);
        assert_int_equal(lp_pager_create(&w.ck->arch, &k, &options, &second),
                         -LP_EINVAL);
        options.kernel_ranges = &own;
        assert_int_equal(lp_pager_create(&w.ck->arch, &k, &options, &second),
                         0);
        assert_int_equal(lp_space_create(second, &space), 0);
        assert_int_equal(lp_kernel_map(second, own.start, w.pa, LP_PAGE_SIZE,
                                       CK_RW, 0, LP_CACHE_WRITEBACK),
                         0);
        /* What is not its own it does not touch. */
        assert_int_equal(lp_kernel_unmap(second, w.va, LP_PAGE_SIZE),
                         -LP_EINVAL);

        lp_host_cpu_set(w.ck->m, 1);
        lp_host_activate(w.ck->m, w.ck->pager, NULL);
        lp_host_activate(w.ck->m, second, space);
        assert_int_equal(kernel(&w, LP_WRITE, w.va), OK);
        assert_int_equal(kernel(&w, LP_WRITE, own.start), OK);
        assert_int_equal(kernel(&w, LP_READ, w.va + w.span), NONE);
        assert_int_equal(lp_check(second, w.ck->scratch, NULL), 0);
        /* Below the adopted entries changes are seen at once. */
        map(&w, w.va + w.span, w.pa, LP_PAGE_SIZE, CK_RW);
        assert_int_equal(kernel(&w, LP_WRITE, w.va + w.span), OK);
        assert_int_equal(lp_kernel_unmap(w.ck->pager, w.va, LP_PAGE_SIZE), 0);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(kernel(&w, LP_READ, w.va), NONE);
        ck_check(w.ck);

        /* Its end takes its own half along, and nothing else. */
        lp_host_activate(w.ck->m, second, NULL);
        lp_space_destroy(space);
        lp_host_deactivate(w.ck->m);
        assert_int_equal(lp_pager_destroy(second), 0);
        lp_host_activate(w.ck->m, w.ck->pager, w.space[1]);
        assert_int_equal(kernel(&w, LP_READ, own.start), NONE);
        assert_int_equal(kernel(&w, LP_WRITE, w.va + w.span), OK);
        assert_int_equal(
            lp_kernel_unmap(w.ck->pager, w.va + w.span, LP_PAGE_SIZE), 0);
        assert_int_equal(lp_host_frames_used(w.ck->m), before);
        free(k.frame_records);
        destroy(&w);
    }
}

/* --- the check itself --- */

/* Does lp_check see a root whose half has diverged? */
static void test_kmap_check__sees_a_root_that_diverged(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format);
        struct lp_check_report report;
        lp_slot *slot = lp_slot_at(w.ck->pager, w.space[1]->root,
                                   w.ck->f->user_root_entries);
        struct lp_pte pte = lp_pte_load(slot);

        lp_pte_store(slot, (struct lp_pte){ 0 });
        assert_int_equal(lp_check(w.ck->pager, w.ck->scratch, &report),
                         -LP_EIO);
        assert_string_equal(report.what,
                            "a root's kernel half is not the pager's");
        lp_pte_store(slot, pte);
        destroy(&w);
    }
}

/* A pager ends with leaves of all sizes in its half: do only tables go? */
static void test_kmap_pager_destroyed__mapped_memory_stays(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct lp_range range = two_roots(format_of(format));
        struct lp_options options = { .kernel_ranges = &range,
                                      .nkernel_ranges = 1 };
        struct lp_host_config config = { .ndevice = NDEVICE };
        struct ck *ck = ck_create_with(format, config, &options);
        uint64_t span = ck->span, used = lp_host_frames_used(ck->m);
        lp_pa pa = (lp_host_device(ck->m) + span - 1) & ~(span - 1);
        struct lp_page_info info;

        assert_int_equal(lp_kernel_map(ck->pager, range.start, pa,
                                       span + LP_PAGE_SIZE, CK_RW, 0,
                                       LP_CACHE_WRITEBACK),
                         0);
        assert_int_equal(lp_kernel_query(ck->pager, range.start, &info), 0);
        assert_int_equal(info.flags & LP_PAGE_BIG, LP_PAGE_BIG);
        assert_true(lp_host_frames_used(ck->m) > used);
        assert_int_equal(lp_pager_destroy(ck->pager), 0);
        assert_int_equal(lp_host_frames_used(ck->m), 0);
        assert_int_equal(lp_host_failures(ck->m), 0);
        lp_host_destroy(ck->m);
        free(ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kmap_map__every_space_and_cpu_has_it),
        cmocka_unit_test(test_kmap_map_access__grants_as_asked),
        cmocka_unit_test(test_kmap_map_user__programs_use_it),
        cmocka_unit_test(test_kmap_map_aligned__big_leaves),
        cmocka_unit_test(test_kmap_map_huge__a_leaf_below_the_root),
        cmocka_unit_test(test_kmap_map_across_roots__both_tables_are_there),
        cmocka_unit_test(test_kmap_map_over__eexist),
        cmocka_unit_test(test_kmap_bad_arguments__einval),
        cmocka_unit_test(test_kmap_ranges__only_in_the_kernel_half),
        cmocka_unit_test(test_kmap_unmap__no_cpu_keeps_it),
        cmocka_unit_test(test_kmap_unmap_part_of_big_leaf__splits),
        cmocka_unit_test(test_kmap_unmap_then_map__the_new_one_is_seen),
        cmocka_unit_test(test_kmap_protect__every_cpu_sees_it),
        cmocka_unit_test(test_kmap_protect_part_of_big_leaf__splits),
        cmocka_unit_test(test_kmap_protect_hole__enomem_nothing_changed),
        cmocka_unit_test(test_kmap_allocation_fails__nothing_changed),
        cmocka_unit_test(test_kmap_create_fails__gives_everything_back),
        cmocka_unit_test(test_kmap_fork_and_exit__keep_the_half),
        cmocka_unit_test(test_kmap_root__has_the_half_and_no_page),
        cmocka_unit_test(test_kmap_adopt__two_pagers_share_the_half),
        cmocka_unit_test(test_kmap_check__sees_a_root_that_diverged),
        cmocka_unit_test(test_kmap_pager_destroyed__mapped_memory_stays),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
