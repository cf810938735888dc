/*
 * Ends of ranges, arguments that nobody passes, and hooks that do what they may
 * at the worst moment.
 */
#include "core_kit.h"

#include "cache.h"
#include "object.h"

#define RW_FILE (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* --- a kernel with only what is needed ------------------------------------ */

static void no_flush(void *ctx, const struct lp_flush *what)
{
    (void)ctx;
    (void)what;
}

static void no_activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    (void)ctx;
    (void)root;
    (void)asid;
    (void)flush;
}

/* One CPU, no preemption to switch off, nothing to poll: does all work? */
static void test_kernel_without_optional_hooks__works(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct lp_host_config config = { .format = format };
        struct lp_host *m = lp_host_create(&config);
        struct lp_arch arch = *lp_host_arch(m);
        struct lp_kernel kernel = *lp_host_kernel(m);
        struct lp_space *parent, *child, *none;
        struct lp_pager *pager;

        arch.flush = no_flush;
        arch.activate = no_activate;
        arch.sync_code = NULL;
        kernel.preempt_disable = kernel.preempt_enable = NULL;
        kernel.cpu = NULL;
        kernel.poll = NULL;
        kernel.low_memory = NULL;
        kernel.trace = NULL;
        assert_int_equal(lp_pager_create(&arch, &kernel, NULL, &pager), 0);
        assert_int_equal(lp_space_create(pager, &parent), 0);
        lp_activate(pager, parent);
        ck_map(parent, 0x10000, 2, CK_RW, CK_ANON);
        assert_int_equal(ck_fault(parent, 0x10000, LP_WRITE), LP_ZERO);
        child = ck_fork(parent);
        assert_int_equal(ck_fault(child, 0x10000, LP_WRITE), LP_COPY);
        lp_host_fail_once(m, 1);
        assert_int_equal(lp_space_create(pager, &none), -LP_ENOMEM);
        lp_poll(&kernel);
        lp_activate(pager, NULL);
        lp_space_destroy(child);
        lp_space_destroy(parent);
        assert_int_equal(lp_pager_destroy(pager), 0);
        assert_int_equal(lp_host_frames_used(m), 0);
        lp_host_destroy(m);
    }
}

/* --- objects --------------------------------------------------------------- */

/* What a device's range, its cache mode and its flags may be. */
static void test_object_device_arguments__einval(void **state)
{
    struct ck *ck = ck_create("x86-64");
    const struct lp_frames *frames = &ck->pager->frames;
    lp_pa limit = (lp_pa)1 << (ck->f->pa_bits + LP_PAGE_SHIFT);
    struct lp_object *o;

    (void)state;
#define DEVICE(start, len, cache, flags) \
    lp_object_create_device(ck->pager, start, len, cache, flags, &o)
    assert_int_equal(DEVICE(limit - 4096, 8192, 0, RW_FILE), -LP_EINVAL);
    assert_int_equal(DEVICE(limit, 4096, 0, RW_FILE), -LP_EINVAL);
    assert_int_equal(DEVICE(0, 0, 0, RW_FILE), -LP_EINVAL);
    assert_int_equal(DEVICE(12, 4096, 0, RW_FILE), -LP_EINVAL);
    assert_int_equal(DEVICE(frames->start - 4096, 8192, 0, RW_FILE),
                     -LP_EINVAL);
    assert_int_equal(DEVICE(0, 4096, LP_CACHE_MODES, RW_FILE), -LP_EINVAL);
    assert_int_equal(DEVICE(0, 4096, 0, 16), -LP_EINVAL);
    assert_int_equal(DEVICE(0, 4096, 0, RW_FILE), 0);
    lp_object_put(o);
    assert_int_equal(DEVICE(frames->end, 4096, 0, RW_FILE), 0);
    assert_int_equal(lp_object_sync(o, 0, 4096), 0);
    lp_object_put(o);
#undef DEVICE
    ck_destroy(ck);
}

/* No frame for the object's record: neither kind comes into being. */
static void test_object_create_out_of_memory__enomem(void **state)
{
    struct ck *ck = ck_create("sv39");
    struct lp_object *o;

    (void)state;
    lp_host_fail_once(ck->m, 1);
    assert_int_equal(
        lp_object_create_device(ck->pager, 0, 4096, 0, RW_FILE, &o),
        -LP_ENOMEM);
    lp_host_fail_once(ck->m, 1);
    assert_int_equal(lp_object_create_memory(ck->pager, 4096, &o), -LP_ENOMEM);
    ck_destroy(ck);
}

/* A file whose functions do as they are told. */
struct file {
    struct ck *ck;
    struct lp_object *object;
    int error;
    unsigned calls;
    void (*during)(struct file *file);
};

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;
    void (*during)(struct file *) = file->during;

    (void)offset;
    memset(page, 'f', len);
    file->during = NULL;
    if (during)
        during(file);
    file->calls++;
    return file->error;
}

static int write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    struct file *file = ctx;

    (void)offset;
    (void)len;
    lp_host_wrote_back(file->ck->m, page);
    file->calls++;
    return file->error;
}

static const struct lp_object_ops file_ops = { fill, write, NULL };

static void file_create(struct file *file, uint64_t npages)
{
    *file = (struct file){ .ck = ck_create("x86-64") };
    assert_int_equal(lp_object_create(file->ck->pager, &file_ops, file,
                                      npages * LP_PAGE_SIZE, RW_FILE,
                                      &file->object),
                     0);
}

static void file_destroy(struct file *file)
{
    lp_object_put(file->object);
    ck_destroy(file->ck);
}

/* The first error is reported, every page is tried, and none is lost. */
static void test_object_sync_errors__first_reported_all_tried(void **state)
{
    struct file file;
    char bytes[2 * LP_PAGE_SIZE] = { 0 };

    (void)state;
    file_create(&file, 2);
    assert_int_equal(lp_object_write(file.object, 0, bytes, sizeof bytes),
                     sizeof bytes);
    file.calls = 0;
    file.error = -LP_EIO;
    assert_int_equal(lp_object_sync(file.object, 0, sizeof bytes), -LP_EIO);
    assert_int_equal(file.calls, 2);
    file.error = 0;
    assert_int_equal(lp_object_sync(file.object, 0, 0), 0);
    assert_int_equal(file.calls, 2);
    assert_int_equal(lp_object_sync(file.object, LP_PAGE_SIZE, UINT64_MAX), 0);
    assert_int_equal(file.calls, 3);
    assert_int_equal(lp_object_sync(file.object, 0, 1), 0);
    assert_int_equal(file.calls, 4);
    file_destroy(&file);
}

static void load_it_first(struct file *file)
{
    assert_int_equal(lp_object_load(file->object, 0), 0);
}

static void grow_it(struct file *file)
{
    assert_int_equal(lp_object_resize(file->object, 2 * LP_PAGE_SIZE), 0);
}

static void cut_it(struct file *file)
{
    assert_int_equal(lp_object_resize(file->object, 0), 0);
}

/* While a page is read, another comes first, or the file changes. */
static void test_object_load_while_it_changes__result_thrown_away(void **state)
{
    struct file file;
    char byte;

    (void)state;
    file_create(&file, 1);
    file.during = load_it_first;
    assert_int_equal(lp_object_read(file.object, 0, &byte, 1), 1);
    assert_int_equal(file.calls, 2);
    assert_int_equal(lp_object_resize(file.object, 100), 0);
    assert_int_equal(lp_object_resize(file.object, 0), 0);
    assert_int_equal(lp_object_resize(file.object, 100), 0);
    file.during = grow_it;
    assert_int_equal(lp_object_read(file.object, 0, &byte, 1), 1);
    assert_int_equal(file.calls, 4);
    file.during = cut_it;
    assert_int_equal(lp_object_read(file.object, LP_PAGE_SIZE, &byte, 1),
                     -LP_EIO);
    file_destroy(&file);
}

/* A transfer that fails in the middle says how far it came. */
static void test_object_read_error_on_second_page__says_how_far(void **state)
{
    struct file file;
    char bytes[2 * LP_PAGE_SIZE];

    (void)state;
    file_create(&file, 2);
    assert_int_equal(lp_object_load(file.object, 0), 0);
    file.error = -LP_EIO;
    assert_int_equal(lp_object_read(file.object, 0, bytes, sizeof bytes),
                     LP_PAGE_SIZE);
    assert_int_equal(lp_object_read(file.object, LP_PAGE_SIZE, bytes, 1),
                     -LP_EIO);
    file_destroy(&file);
}

/* --- user memory ------------------------------------------------------------ */

/* Up to the last byte of the address space, and past it. */
static void test_user_copy_at_the_end_of_addresses__efault(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck);
    lp_va top = ck->f->user_end - LP_PAGE_SIZE;
    char bytes[8] = "1234567";
    int error = 0;

    (void)state;
    ck_map(space, top, 1, CK_RW, CK_ANON);
    assert_int_equal(lp_zero_user(space, top + 4092, 4, NULL), 4);
    assert_int_equal(lp_zero_user(space, top + 4092, 8, &error), 4);
    assert_int_equal(error, -LP_EFAULT);
    assert_int_equal(lp_zero_user(space, top + 4088, 8, &error), 8);
    assert_int_equal(error, 0);
    assert_int_equal(
        lp_copy_out(space, UINT64_MAX - 3, bytes, sizeof bytes, &error), 0);
    assert_int_equal(error, -LP_EFAULT);
    ck_end(ck, space);
    ck_destroy(ck);
}

/* Pins are given back in any order; no access asked for means reading. */
static void test_user_pins_in_any_order__all_given_back(void **state)
{
    static const unsigned order[][3] = { { 0, 1, 2 },
                                         { 2, 1, 0 },
                                         { 1, 0, 2 } };
    struct lp_pin pin[3];
    unsigned i, j;

    (void)state;
    for (i = 0; i < 3; i++) {
        struct ck *ck = ck_create("sv39");
        struct lp_space *space = ck_space(ck);

        ck_map(space, ck->base, 3, CK_RW, CK_ANON);
        for (j = 0; j < 3; j++)
            assert_int_equal(lp_get_user_page(space,
                                              ck->base + j * LP_PAGE_SIZE,
                                              j ? LP_WRITE : 0, &pin[j]),
                             0);
        for (j = 0; j < 3; j++)
            lp_put_user_page(&pin[order[i][j]]);
        ck_check(ck);
        ck_end(ck, space);
        ck_destroy(ck);
    }
}

/* --- the cache's tree --------------------------------------------------------- */

/* The largest number as an index: eleven levels, and nothing above it. */
static void test_cache_largest_index__found_and_last(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_cache cache = { .slab = &ck->pager->cache_slab };
    uint64_t index = 0;

    (void)state;
    assert_int_equal(lp_cache_insert(&cache, UINT64_MAX, 4096), 0);
    assert_int_equal(lp_cache_find(&cache, UINT64_MAX), 4096);
    assert_int_equal(lp_cache_next(&cache, &index), 4096);
    assert_int_equal(index, UINT64_MAX);
    assert_int_equal(lp_cache_remove(&cache, UINT64_MAX - 1), LP_PA_NONE);
    assert_int_equal(lp_cache_insert(&cache, 5, 8192), 0);
    assert_int_equal(lp_cache_remove(&cache, UINT64_MAX), 4096);
    index = 6;
    assert_int_equal(lp_cache_next(&cache, &index), LP_PA_NONE);
    assert_int_equal(lp_cache_remove(&cache, 5), 8192);
    lp_cache_clear(&cache);
    ck_destroy(ck);
}

/* --- the printed map ----------------------------------------------------------- */

static void emit(void *ctx, const char *text, size_t len)
{
    strncat(ctx, text, len);
}

/* Numbers of more than one digit, addresses of more than eight. */
static void test_print_map_large_numbers__all_digits(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck);
    lp_va va = 0x7f0123456000;
    char text[256] = "";
    unsigned i;

    (void)state;
    ck_map(space, va, 120, CK_RW, CK_ANON);
    for (i = 0; i < 107; i++)
        ck_fault(space, va + i * LP_PAGE_SIZE, LP_WRITE);
    lp_print_map(space, emit, text);
    assert_non_null(strstr(text, "7f0123456000-7f01234ce000 rw-p"));
    assert_non_null(strstr(text, " 107"));
    ck_end(ck, space);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_without_optional_hooks__works),
        cmocka_unit_test(test_object_device_arguments__einval),
        cmocka_unit_test(test_object_create_out_of_memory__enomem),
        cmocka_unit_test(test_object_sync_errors__first_reported_all_tried),
        cmocka_unit_test(test_object_load_while_it_changes__result_thrown_away),
        cmocka_unit_test(test_object_read_error_on_second_page__says_how_far),
        cmocka_unit_test(test_user_copy_at_the_end_of_addresses__efault),
        cmocka_unit_test(test_user_pins_in_any_order__all_given_back),
        cmocka_unit_test(test_cache_largest_index__found_and_last),
        cmocka_unit_test(test_print_map_large_numbers__all_digits),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
