/*
 * Start and end of a pager: what its two tables and its options must be.
 */
#include "core_kit.h"

/* A machine and copies of its tables, to break. */
struct world {
    struct lp_host *m;
    struct lp_arch arch;
    struct lp_kernel kernel;
    struct lp_pager *pager;
};

static struct world create(const char *format, unsigned ncpus)
{
    struct lp_host_config config = { .format = format,
                                     .ncpus = ncpus,
                                     .nframes = 512 };
    struct world w = { .m = lp_host_create(&config) };

    assert_non_null(w.m);
    w.arch = *lp_host_arch(w.m);
    w.kernel = *lp_host_kernel(w.m);
    return w;
}

static void destroy(struct world *w)
{
    assert_int_equal(lp_host_frames_used(w->m), 0);
    assert_int_equal(lp_host_failures(w->m), 0);
    lp_host_destroy(w->m);
}

static int start(struct world *w, const struct lp_options *options)
{
    return lp_pager_create(&w->arch, &w->kernel, options, &w->pager);
}

/* Does it start and end on every format, and give every frame back? */
static void test_pager_create_and_destroy__every_format(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct world w = create(format, 40);

        assert_int_equal(start(&w, NULL), 0);
        assert_true(lp_host_frames_used(w.m) > 0);
        assert_int_equal(lp_pager_destroy(w.pager), 0);
        destroy(&w);
    }
}

/* The n-th frame cannot be had, for every n: is all given back? */
static void test_pager_create_out_of_frames__nothing_left(void **state)
{
    struct world w = create("sv48", 40);
    unsigned n = 0;
    int error;

    (void)state;
    do {
        lp_host_fail_once(w.m, ++n);
        error = start(&w, NULL);
        if (error) {
            assert_int_equal(error, -LP_ENOMEM);
            assert_int_equal(lp_host_frames_used(w.m), 0);
        }
    } while (error);
    lp_host_fail_once(w.m, 0);
    assert_true(n > 4); /* itself, CPUs, the zero page, the root */
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Says no, and leaves the address of somebody else's frame behind. */
static int spoil(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    const struct lp_kernel *kernel = lp_host_kernel(ctx);
    int error = kernel->frame_alloc(ctx, fill, pa);

    if (error)
        *pa = kernel->frames_start;
    return error;
}

/* What frame_alloc leaves in *pa when it fails nobody promises. */
static void test_pager_create_out_of_frames__address_not_used(void **state)
{
    struct world w = create("sv48", 1);
    unsigned n = 0;
    int error;

    (void)state;
    w.kernel.frame_alloc = spoil;
    do {
        lp_host_fail_once(w.m, ++n);
        error = start(&w, NULL);
        if (error)
            assert_int_equal(lp_host_frames_used(w.m), 0);
    } while (error);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Is every promise of struct lp_kernel asked for? */
static void test_pager_broken_kernel__einval(void **state)
{
    struct world w = create("x86-64", 2);
    const struct lp_kernel good = w.kernel;

    (void)state;
#define BROKEN(change)                                 \
    do {                                               \
        w.kernel = good;                               \
        change;                                        \
        assert_int_equal(start(&w, NULL), -LP_EINVAL); \
    } while (0)
    BROKEN(w.kernel.frame_alloc = NULL);
    BROKEN(w.kernel.frame_free = NULL);
    BROKEN(w.kernel.frame_records = NULL);
    BROKEN(w.kernel.frame_records = (char *)good.frame_records + 8);
    BROKEN(w.kernel.frames_start += 1);
    BROKEN(w.kernel.frames_end += 512);
    BROKEN(w.kernel.frames_end = w.kernel.frames_start);
    BROKEN(w.kernel.direct_map = (char *)good.direct_map + 64);
    BROKEN(w.kernel.ncpus = 0);
    BROKEN(w.kernel.ncpus = LP_CPUS_MAX + 1);
    BROKEN(w.kernel.cpu = NULL);
    BROKEN(w.kernel.call_cpus = NULL);
#undef BROKEN
    w.kernel = good;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Is the arch's table checked, and are optional members optional? */
static void test_pager_broken_arch__einval(void **state)
{
    struct world w = create("x86-64", 1);
    const struct lp_arch good = w.arch;

    (void)state;
    w.arch.flush = NULL;
    assert_int_equal(start(&w, NULL), -LP_EINVAL);
    w.arch = good;
    w.arch.format.table_unowned ^= w.arch.format.valid;
    assert_int_equal(start(&w, NULL), -LP_EINVAL);
    w.arch = good;
    w.arch.decode = NULL;
    w.kernel.cpu = NULL;
    w.kernel.call_cpus = NULL;
    w.kernel.poll = NULL;
    w.kernel.low_memory = NULL;
    w.kernel.trace = NULL;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Options that make no sense. */
static void test_pager_broken_options__einval(void **state)
{
    static const struct lp_options broken[] = {
        { .flags = 2 },
        { .flags = 1u << 31 },
        { .mmap_base = 0x100001 },
        { .mmap_min = 0x100 },
        { .mmap_base = (lp_va)1 << 47 }, /* above the user range */
        { .mmap_base = 0x10000, .mmap_min = 0x10000 },
        { .mmap_base = 0x10000, .mmap_min = 0x20000 },
    };
    struct world w = create("x86-64", 1);
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(start(&w, &broken[i]), -LP_EINVAL);
    destroy(&w);
}

static int64_t map(struct lp_space *space, uint64_t len)
{
    return lp_mmap(space, 0, len, LP_READ, LP_MAP_PRIVATE | LP_MAP_ANONYMOUS,
                   NULL, 0);
}

/* Zero: the top of the user range is the base, 64 KiB the least. */
static void test_pager_default_options__whole_user_range(void **state)
{
    struct world w = create("x86-64", 1);
    struct lp_space *space;
    lp_va end = w.arch.format.user_end;

    (void)state;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_space_create(w.pager, &space), 0);
    assert_int_equal(map(space, LP_PAGE_SIZE), end - LP_PAGE_SIZE);
    assert_int_equal(map(space, end - LP_PAGE_SIZE - 0x10000), 0x10000);
    assert_int_equal(map(space, LP_PAGE_SIZE), -LP_ENOMEM);
    lp_space_destroy(space);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Are base, least address, and both limits kept, to the last page? */
static void test_pager_options__are_kept(void **state)
{
    struct lp_options options = { .mmap_base = 0x100000,
                                  .mmap_min = 0x20000,
                                  .max_areas = 2,
                                  .max_bytes = 4 * LP_PAGE_SIZE };
    struct world w = create("x86-64", 1);
    struct lp_space *space;

    (void)state;
    assert_int_equal(start(&w, &options), 0);
    assert_int_equal(lp_space_create(w.pager, &space), 0);
    assert_int_equal(map(space, 5 * LP_PAGE_SIZE), -LP_ENOMEM);
    assert_int_equal(map(space, LP_PAGE_SIZE), 0xff000);
    assert_int_equal(map(space, LP_PAGE_SIZE), 0xfe000); /* merged: one area */
    assert_int_equal(
        lp_mmap(space, 0x20000, LP_PAGE_SIZE, LP_READ, CK_ANON, NULL, 0),
        0x20000);
    assert_int_equal(
        lp_mmap(space, 0x30000, LP_PAGE_SIZE, LP_READ, CK_ANON, NULL, 0),
        -LP_ENOMEM); /* a third area */
    assert_int_equal(lp_munmap(space, 0x20000, LP_PAGE_SIZE), 0);
    assert_int_equal(map(space, 2 * LP_PAGE_SIZE), 0xfc000);
    assert_int_equal(map(space, LP_PAGE_SIZE), -LP_ENOMEM); /* a fifth page */
    lp_space_destroy(space);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* A read of untouched memory: the zero page, or without it a page of its own? */
static void test_pager_zero_page_option__own_page_on_read(void **state)
{
    unsigned off;

    (void)state;
    for (off = 0; off < 2; off++) {
        struct lp_options o = { .flags = off ? LP_OPTION_NO_ZERO_PAGE : 0 };
        struct ck *ck =
            ck_create_with("sv39", (struct lp_host_config){ 0 }, &o);
        struct lp_space *space = ck_space(ck);

        ck_map(space, ck->base, 1, CK_RW, CK_ANON);
        assert_int_equal(ck_fault(space, ck->base, LP_READ), LP_ZERO);
        assert_int_equal(ck_leaf(space, ck->base).pa == ck->pager->zero_page,
                         !off);
        assert_int_equal(ck_leaf(space, ck->base).access,
                         off ? CK_RW : LP_READ);
        ck_end(ck, space);
        ck_destroy(ck);
    }
}

static const struct lp_object_ops nothing = { .fill = NULL };

/* With a space or an object left: is it refused, and nothing changed? */
static void test_pager_destroy_in_use__ebusy(void **state)
{
    struct world w = create("x86-64", 1);
    struct lp_object *object;
    struct lp_space *space;

    (void)state;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_space_create(w.pager, &space), 0);
    assert_int_equal(lp_pager_destroy(w.pager), -LP_EBUSY);
    assert_int_equal(map(space, LP_PAGE_SIZE),
                     w.arch.format.user_end - LP_PAGE_SIZE);
    lp_space_destroy(space);
    assert_int_equal(
        lp_object_create(w.pager, &nothing, NULL, 1, LP_OBJECT_READ, &object),
        0);
    assert_int_equal(lp_pager_destroy(w.pager), -LP_EBUSY);
    lp_object_put(object);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* A device's range is an object like others: does it count, and go? */
static void test_pager_destroy_with_a_device__ebusy(void **state)
{
    struct world w = create("x86-64", 1);
    struct lp_object *first, *device;

    (void)state;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_object_create_device(w.pager, (lp_pa)1 << 40,
                                             LP_PAGE_SIZE, LP_CACHE_UNCACHED,
                                             LP_OBJECT_READ, &device),
                     0);
    assert_int_equal(lp_pager_destroy(w.pager), -LP_EBUSY);
    lp_object_put(device);
    assert_int_equal(
        lp_object_create(w.pager, &nothing, NULL, 1, LP_OBJECT_READ, &first),
        0);
    assert_int_equal(lp_object_create_device(w.pager, (lp_pa)1 << 40,
                                             LP_PAGE_SIZE, LP_CACHE_UNCACHED,
                                             LP_OBJECT_READ, &device),
                     0);
    lp_object_put(device);
    assert_int_equal(lp_pager_destroy(w.pager), -LP_EBUSY);
    lp_object_put(first);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* Invariant 9: do two pagers in one program know nothing of each other? */
static void test_pager_two_at_once__are_apart(void **state)
{
    struct ck *a = ck_create("x86-64"), *b = ck_create("sv39");
    struct lp_space *in_a = ck_space(a), *in_b = ck_space(b);

    (void)state;
    ck_map(in_a, a->base, 1, CK_RW, CK_ANON);
    ck_map(in_b, a->base, 1, CK_RW, CK_ANON);
    ck_run(a, 0, in_a);
    ck_run(b, 0, in_b);
    ck_write(a, a->base, 1);
    ck_write(b, a->base, 2);
    assert_int_equal(ck_read(a, a->base), 1);
    assert_int_equal(ck_read(b, a->base), 2);
    ck_end(a, in_a);
    ck_destroy(a);
    assert_int_equal(ck_read(b, b->base), 2);
    ck_check(b);
    ck_end(b, in_b);
    ck_destroy(b);
}

/* Is the zero page immortal from birth, however often it is mapped? */
static void test_pager_zero_page__is_never_counted(void **state)
{
    struct ck *ck = ck_create("free-w");
    struct lp_space *space = ck_space(ck);
    struct lp_frame *zero = ck_frame(ck, ck->pager->zero_page);
    unsigned i;

    (void)state;
    ck_map(space, ck->base, 16, CK_RW, CK_ANON);
    assert_int_equal(lp_frame_count(zero), UINT32_MAX);
    for (i = 0; i < 16; i++)
        (void)ck_fault(space, ck->base + i * LP_PAGE_SIZE, LP_READ);
    assert_int_equal(lp_munmap(space, ck->base, 8 * LP_PAGE_SIZE), 0);
    assert_int_equal(lp_frame_count(zero), UINT32_MAX);
    ck_end(ck, space);
    assert_int_equal(lp_frame_count(zero), UINT32_MAX);
    ck_destroy(ck);
}

/* A machine that fences must also sync code by itself, where caches need it. */
static void test_pager_no_way_to_sync_code__einval(void **state)
{
    struct lp_host_config config = { .ncpus = 2,
                                     .flags = LP_HOST_FENCES | LP_HOST_ICACHE };
    struct world w = { .m = lp_host_create(&config) };
    void (*sync_code_cpus)(void *, const struct lp_cpuset *);

    (void)state;
    assert_non_null(w.m);
    w.arch = *lp_host_arch(w.m);
    w.kernel = *lp_host_kernel(w.m);
    sync_code_cpus = w.kernel.sync_code_cpus;
    w.kernel.sync_code_cpus = NULL;
    assert_null(w.kernel.call_cpus);
    assert_int_equal(start(&w, NULL), -LP_EINVAL);
    w.kernel.sync_code_cpus = sync_code_cpus;
    assert_int_equal(start(&w, NULL), 0);
    assert_int_equal(lp_pager_destroy(w.pager), 0);
    destroy(&w);
}

/* As many areas as there may be: may one unmap where none is cut? */
static void test_pager_unmap_at_the_limit__only_cuts_are_refused(void **state)
{
    struct lp_options options = { .max_areas = 2 };
    struct ck *ck =
        ck_create_with("x86-64", (struct lp_host_config){ 0 }, &options);
    struct lp_space *space = ck_space(ck);
    const lp_va a = ck->base;

    (void)state;
    ck_map(space, a, 3, CK_RW, CK_ANON);
    ck_map(space, a + 4 * LP_PAGE_SIZE, 2, CK_RW, CK_ANON);
    assert_int_equal(lp_munmap(space, a + LP_PAGE_SIZE, LP_PAGE_SIZE),
                     -LP_ENOMEM);
    /* Nothing there: above all areas, and between two. */
    assert_int_equal(lp_munmap(space, a + 8 * LP_PAGE_SIZE, LP_PAGE_SIZE), 0);
    assert_int_equal(lp_munmap(space, a + 3 * LP_PAGE_SIZE, LP_PAGE_SIZE), 0);
    assert_int_equal(lp_munmap(space, a + 5 * LP_PAGE_SIZE, LP_PAGE_SIZE), 0);
    assert_int_equal(lp_area_count(space), 2);
    ck_check(ck);
    ck_end(ck, space);
    ck_destroy(ck);
}

/* Kernels need no global pages, but leaves that are closed to programs. */
static void test_pager_kernel_leaves__closed_to_programs(void **state)
{
    struct world w = create("x86-64", 1);
    struct lp_pte_format *f = &w.arch.format;
    unsigned access;

    (void)state;
    for (access = 1; access <= 7; access++)
        f->kernel_leaf[access] &= ~f->global;
    f->global = 0;
    assert_null(lp_arch_check(&w.arch));
    for (access = 1; access <= 7; access++)
        f->kernel_leaf[access] = f->leaf[access];
    assert_string_equal(
        lp_arch_check(&w.arch),
        "kernel_leaf must differ from leaf, in global and in the same bits for "
        "every access");
    assert_int_equal(start(&w, NULL), -LP_EINVAL);
    destroy(&w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pager_create_and_destroy__every_format),
        cmocka_unit_test(test_pager_create_out_of_frames__nothing_left),
        cmocka_unit_test(test_pager_create_out_of_frames__address_not_used),
        cmocka_unit_test(test_pager_broken_kernel__einval),
        cmocka_unit_test(test_pager_broken_arch__einval),
        cmocka_unit_test(test_pager_broken_options__einval),
        cmocka_unit_test(test_pager_default_options__whole_user_range),
        cmocka_unit_test(test_pager_options__are_kept),
        cmocka_unit_test(test_pager_zero_page_option__own_page_on_read),
        cmocka_unit_test(test_pager_destroy_in_use__ebusy),
        cmocka_unit_test(test_pager_destroy_with_a_device__ebusy),
        cmocka_unit_test(test_pager_two_at_once__are_apart),
        cmocka_unit_test(test_pager_zero_page__is_never_counted),
        cmocka_unit_test(test_pager_no_way_to_sync_code__einval),
        cmocka_unit_test(test_pager_unmap_at_the_limit__only_cuts_are_refused),
        cmocka_unit_test(test_pager_kernel_leaves__closed_to_programs),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
