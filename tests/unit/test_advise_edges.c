/*
 * madvise where what it goes over is not what it was when the call began, and
 * on objects of unusual kinds.
 */
#include "core_kit.h"

#include "object.h"

enum { PAGES = 3 };

#define RW_FILE (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* --- the area changes ------------------------------------------------------ */

struct file {
    struct lp_space *space;
    lp_va second; /* the page after the first of the mapping */
    int (*change)(struct file *file);
};

/* Reading the first page is a good time to change what comes behind it. */
static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;

    memset(page, 'f', len);
    return offset == 0 ? file->change(file) : 0;
}

static int protect_second(struct file *file)
{
    return lp_mprotect(file->space, file->second, LP_PAGE_SIZE, 0);
}

static int unmap_second(struct file *file)
{
    return lp_munmap(file->space, file->second, LP_PAGE_SIZE);
}

static int nothing(struct file *file)
{
    (void)file;
    return 0;
}

/* What populating says when this happens on the way. */
static int populate_while(const char *format, int (*change)(struct file *),
                          uint64_t *pages)
{
    static const struct lp_object_ops ops = { .fill = fill };
    struct ck *ck = ck_create(format);
    struct lp_space *space = ck_space(ck);
    struct file file = { space, ck->base + LP_PAGE_SIZE, change };
    struct lp_object *object;
    int error;

    assert_int_equal(lp_object_create(ck->pager, &ops, &file,
                                      PAGES * LP_PAGE_SIZE, LP_OBJECT_READ,
                                      &object),
                     0);
    assert_int_equal(lp_mmap(space, ck->base, PAGES * LP_PAGE_SIZE, LP_READ,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     ck->base);
    error = lp_madvise(space, ck->base, PAGES * LP_PAGE_SIZE,
                       LP_MADV_POPULATE_READ);
    *pages =
        lp_resident_pages(space, ck->base, ck->base + PAGES * LP_PAGE_SIZE);
    ck_check(ck);
    ck_end(ck, space);
    lp_object_put(object);
    ck_destroy(ck);
    return error;
}

/* Somebody else takes a right, or the area: does the call say so, as it would
 * have if it had begun later, and is what came before done? */
static void test_advise_populate_while_area_changes__says_so(void **state)
{
    uint64_t pages;

    (void)state;
    CK_EACH(format)
    {
        assert_int_equal(populate_while(format, nothing, &pages), 0);
        assert_int_equal(pages, PAGES);
        assert_int_equal(populate_while(format, protect_second, &pages),
                         -LP_EINVAL);
        assert_int_equal(pages, 1);
        assert_int_equal(populate_while(format, unmap_second, &pages),
                         -LP_ENOMEM);
        assert_int_equal(pages, 1);
    }
}

/* --- unusual objects --------------------------------------------------------- */

static int write_nothing(void *ctx, uint64_t offset, const void *page,
                         size_t len)
{
    (void)offset;
    (void)page;
    (void)len;
    ++*(unsigned *)ctx;
    return 0;
}

/* Pages come zeroed but are written somewhere: zeroes in the cache alone would
 * not be what the object holds. */
static void test_advise_remove_of_what_is_written_back__refused(void **state)
{
    static const struct lp_object_ops ops = { .write = write_nothing };
    struct ck *ck = ck_create("sv39");
    struct lp_space *space = ck_space(ck);
    struct lp_object *object;
    unsigned writes = 0;

    (void)state;
    assert_int_equal(lp_object_create(ck->pager, &ops, &writes, LP_PAGE_SIZE,
                                      RW_FILE, &object),
                     0);
    assert_int_equal(lp_mmap(space, ck->base, LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                     ck->base);
    ck_run(ck, 0, space);
    ck_write(ck, ck->base, 'x');
    assert_int_equal(lp_madvise(space, ck->base, LP_PAGE_SIZE, LP_MADV_REMOVE),
                     -LP_EOPNOTSUPP);
    assert_int_equal(ck_read(ck, ck->base), 'x');
    assert_int_equal(lp_msync(space, ck->base, LP_PAGE_SIZE, LP_MS_SYNC), 0);
    assert_int_equal(writes, 1);
    ck_end(ck, space);
    lp_object_put(object);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_advise_populate_while_area_changes__says_so),
        cmocka_unit_test(test_advise_remove_of_what_is_written_back__refused),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
