/*
 * No frame, but low_memory says that trying again is worth it: every call then
 * succeeds as if nothing had been, whichever of its allocations failed.
 */
#include "core_kit.h"

#define AT(i) (ck->base + (i)*LP_PAGE_SIZE)

static unsigned asked; /* low_memory, since the last reset */
static bool hopeless;  /* ... and what it says */

static bool again(void *ctx)
{
    (void)ctx;
    asked++;
    return !hopeless;
}

/* --- the calls --------------------------------------------------------------- */

struct scene {
    struct ck *ck;
    struct lp_space *space, *child;
    struct lp_object *object;
    struct lp_range half;
};

/* So many that records for them need frames. */
static int64_t map_many(struct scene *s, unsigned flags)
{
    lp_va va = s->ck->base + 6 * LP_PAGE_SIZE;
    int64_t result = 0;
    unsigned i;

    for (i = 0; i < 100 && result >= 0; i++) {
        va += 2 * LP_PAGE_SIZE;
        result = lp_mmap(s->space, va, LP_PAGE_SIZE, CK_RW, flags, NULL, 0);
    }
    return result;
}

static int64_t map_private(struct scene *s)
{
    return map_many(s, CK_ANON);
}

static int64_t map_shared(struct scene *s)
{
    return map_many(s, CK_SHARED);
}

static int64_t unmap_middle(struct scene *s)
{
    return lp_munmap(s->space, s->ck->base + LP_PAGE_SIZE, LP_PAGE_SIZE);
}

static int64_t protect_middle(struct scene *s)
{
    return lp_mprotect(s->space, s->ck->base + LP_PAGE_SIZE, LP_PAGE_SIZE,
                       LP_READ);
}

static int64_t discard_middle(struct scene *s)
{
    return lp_madvise(s->space, s->ck->base + LP_PAGE_SIZE, LP_PAGE_SIZE,
                      LP_MADV_DONTNEED);
}

static int64_t create_space(struct scene *s)
{
    struct lp_space *space;
    int error = lp_space_create(s->ck->pager, &space);

    if (!error)
        lp_space_destroy(space);
    return error;
}

static int64_t get_page(struct scene *s)
{
    struct lp_pin pin;
    int error = lp_get_user_page(s->space, s->ck->base, LP_READ, &pin);

    if (!error)
        lp_put_user_page(&pin);
    return error;
}

static int64_t write_file(struct scene *s)
{
    return lp_object_write(s->object, 0, "x", 1);
}

static int64_t fault_file(struct scene *s)
{
    struct lp_fault fault = { s->ck->base + 4 * LP_PAGE_SIZE, LP_READ,
                              LP_FAULT_USER };
    struct lp_fault_result result;

    return lp_handle_fault(s->space, &fault, &result);
}

static int64_t kernel_map(struct scene *s)
{
    return lp_kernel_map(s->ck->pager, s->half.start, lp_host_device(s->ck->m),
                         LP_PAGE_SIZE, CK_RW, 0, 0);
}

/* A leaf of level 1 that must be cut. */
static int64_t kernel_cut(struct scene *s, bool unmap)
{
    uint64_t big = s->ck->span;
    lp_pa pa = (lp_host_device(s->ck->m) + big - 1) & ~(big - 1);
    lp_va va = s->half.start + big;
    struct lp_page_info info;

    if (lp_kernel_query(s->ck->pager, va, &info) == 0 &&
        info.frame == LP_PA_NONE)
        assert_int_equal(lp_kernel_map(s->ck->pager, va, pa, big, CK_RW, 0, 0),
                         0);
    return unmap ? lp_kernel_unmap(s->ck->pager, va, LP_PAGE_SIZE)
                 : lp_kernel_protect(s->ck->pager, va, LP_PAGE_SIZE, LP_READ);
}

static int64_t kernel_unmap(struct scene *s)
{
    return kernel_cut(s, true);
}

static int64_t kernel_protect(struct scene *s)
{
    return kernel_cut(s, false);
}

/* --- before and after ---------------------------------------------------------- */

static struct lp_range one_root(const char *format)
{
    struct lp_host_config config = { .format = format };
    struct lp_host *m = lp_host_create(&config);
    const struct lp_pte_format *f = &lp_host_arch(m)->format;
    unsigned shift = 12 + (f->levels - 1) * f->index_bits;
    unsigned index = f->user_root_entries;
    lp_va va = (lp_va)index << shift;

    if (f->sign_extended && index >> (f->index_bits - 1))
        va |= ~(lp_va)0 << (shift + f->index_bits);
    lp_host_destroy(m);
    return (struct lp_range){ va, va + ((lp_va)1 << shift) };
}

static struct scene create(const char *format)
{
    struct scene s = { .half = one_root(format) };
    struct lp_options options = { .kernel_ranges = &s.half,
                                  .nkernel_ranges = 1 };
    struct lp_host_config config = { .ndevice = 1024, .low_memory = again };
    unsigned i;

    s.ck = ck_create_with(format, config, &options);
    s.space = ck_space(s.ck);
    assert_int_equal(
        lp_object_create_memory(s.ck->pager, LP_PAGE_SIZE, &s.object), 0);
    ck_map(s.space, s.ck->base, 3, CK_RW, CK_ANON);
    assert_true(lp_mmap(s.space, s.ck->base + 4 * LP_PAGE_SIZE, LP_PAGE_SIZE,
                        CK_RW, LP_MAP_SHARED | LP_MAP_FIXED, s.object, 0) > 0);
    for (i = 0; i < 3; i++)
        ck_fault(s.space, s.ck->base + i * LP_PAGE_SIZE, LP_WRITE);
    s.child = ck_fork(s.space);
    return s;
}

static void destroy(struct scene *s)
{
    ck_check(s->ck);
    assert_int_equal(lp_kernel_unmap(s->ck->pager, s->half.start,
                                     s->half.end - s->half.start),
                     0);
    ck_end(s->ck, s->child);
    ck_end(s->ck, s->space);
    lp_object_put(s->object);
    ck_destroy(s->ck);
}

static void every_allocation(const char *format,
                             int64_t (*call)(struct scene *))
{
    unsigned n = 0;

    do {
        struct scene s = create(format);

        asked = 0;
        lp_host_fail_once(s.ck->m, ++n);
        assert_true(call(&s) >= 0);
        lp_host_fail_once(s.ck->m, 0);
        assert_true(asked <= 1);
        destroy(&s);
    } while (asked);
    assert_true(n > 1);
}

#define CALL(name)                                            \
    static void test_low_memory_##name##__again(void **state) \
    {                                                         \
        (void)state;                                          \
        every_allocation("x86-64", name);                     \
        every_allocation("sv39", name);                       \
        every_allocation("free-v", name);                     \
    }

/* A hole's error is no want of a frame, whatever the call before has met. */
static void test_low_memory_advice_to_a_hole__not_asked(void **state)
{
    struct scene s = create("x86-64");
    int64_t first, second;

    (void)state;
    asked = 0;
    hopeless = true;
    lp_host_fail_from(s.ck->m, 1);
    first = discard_middle(&s);
    second = lp_madvise(s.space, s.ck->base + 3 * LP_PAGE_SIZE, LP_PAGE_SIZE,
                        LP_MADV_DONTNEED);
    lp_host_fail_from(s.ck->m, 0);
    hopeless = false;
    assert_int_equal(first, -LP_ENOMEM);
    assert_int_equal(second, -LP_ENOMEM);
    assert_int_equal(asked, 1);
    destroy(&s);
}

CALL(map_private)
CALL(map_shared)
CALL(unmap_middle)
CALL(protect_middle)
CALL(discard_middle)
CALL(create_space)
CALL(get_page)
CALL(write_file)
CALL(fault_file)
CALL(kernel_map)
CALL(kernel_unmap)
CALL(kernel_protect)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_low_memory_advice_to_a_hole__not_asked),
        cmocka_unit_test(test_low_memory_map_private__again),
        cmocka_unit_test(test_low_memory_map_shared__again),
        cmocka_unit_test(test_low_memory_unmap_middle__again),
        cmocka_unit_test(test_low_memory_protect_middle__again),
        cmocka_unit_test(test_low_memory_discard_middle__again),
        cmocka_unit_test(test_low_memory_create_space__again),
        cmocka_unit_test(test_low_memory_get_page__again),
        cmocka_unit_test(test_low_memory_write_file__again),
        cmocka_unit_test(test_low_memory_fault_file__again),
        cmocka_unit_test(test_low_memory_kernel_map__again),
        cmocka_unit_test(test_low_memory_kernel_unmap__again),
        cmocka_unit_test(test_low_memory_kernel_protect__again),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
