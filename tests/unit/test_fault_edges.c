/*
 * Faults and owning where something unusual lies in the way: a file that
 * changes while it is read, pages that a sweep must leave alone, tables that
 * truncation has emptied.
 */
#include "core_kit.h"

#include "object.h"

#define RW_FILE (LP_OBJECT_READ | LP_OBJECT_WRITE)
#define AT(i) (ck->base + (i)*LP_PAGE_SIZE)

/* --- the file changes ------------------------------------------------------ */

struct file {
    struct lp_object *object;
    unsigned fills;
};

/* The first time the page is gone again before it is there. */
static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;

    (void)offset;
    memset(page, 'f', len);
    if (file->fills++ == 0) {
        assert_int_equal(lp_object_resize(file->object, 0), 0);
        assert_int_equal(lp_object_resize(file->object, LP_PAGE_SIZE), 0);
    }
    return 0;
}

static const struct lp_object_ops ops = { .fill = fill };

/* Two reads for one fault: does it count as one major fault? */
static void test_fault_page_gone_while_read__starts_over(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck);
    struct file file = { 0 };
    struct lp_fault_result result;
    struct lp_stats stats;

    (void)state;
    assert_int_equal(lp_object_create(ck->pager, &ops, &file, LP_PAGE_SIZE,
                                      LP_OBJECT_READ, &file.object),
                     0);
    assert_int_equal(lp_mmap(space, ck->base, LP_PAGE_SIZE, LP_READ,
                             LP_MAP_SHARED | LP_MAP_FIXED, file.object, 0),
                     ck->base);
    assert_int_equal(
        lp_handle_fault(space,
                        &(struct lp_fault){ ck->base, LP_READ, LP_FAULT_USER },
                        &result),
        0);
    lp_space_stats(space, &stats);
    assert_int_equal(file.fills, 2);
    assert_int_equal(stats.major_faults, 1);
    ck_end(ck, space);
    lp_object_put(file.object);
    ck_destroy(ck);
}

/* Pages that come into being zeroed: nobody was asked to read them. */
static void test_fault_page_of_memory__is_minor(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck);
    struct lp_fault_result result;
    struct lp_stats stats;

    (void)state;
    assert_int_equal(lp_mmap(space, ck->base, LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_ANONYMOUS | LP_MAP_FIXED,
                             NULL, 0),
                     ck->base);
    assert_int_equal(
        lp_handle_fault(space,
                        &(struct lp_fault){ ck->base, LP_READ, LP_FAULT_USER },
                        &result),
        0);
    lp_space_stats(space, &stats);
    assert_false(result.major);
    assert_int_equal(stats.major_faults, 0);
    ck_end(ck, space);
    ck_destroy(ck);
}

/* At and above the end of the user range. */
static void test_fault_above_user_range__maperr(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *space = ck_space(ck);
        struct lp_fault fault = { ck->f->user_end, LP_WRITE, LP_FAULT_USER };
        struct lp_fault_result result;

        assert_int_equal(lp_handle_fault(space, &fault, &result), -LP_EFAULT);
        assert_int_equal(result.code, LP_FAULT_MAPERR);
        fault.va = UINT64_MAX;
        assert_int_equal(lp_handle_fault(space, &fault, &result), -LP_EFAULT);
        ck_end(ck, space);
        ck_destroy(ck);
    }
}

/* --- pins ------------------------------------------------------------------- */

/* A pinned page that is inaccessible: the child has a copy, also inaccessible,
 * and sees the bytes when it may look again. */
static void test_fork_pinned_kept_page__child_gets_a_kept_copy(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *parent = ck_space(ck), *child;
        struct lp_pin pin;
        char byte = 0;

        ck_map(parent, AT(0), 1, CK_RW, CK_ANON);
        assert_int_equal(lp_copy_out(parent, AT(0), "x", 1, NULL), 1);
        assert_int_equal(lp_get_user_page(parent, AT(0), LP_WRITE, &pin), 0);
        assert_int_equal(lp_mprotect(parent, AT(0), LP_PAGE_SIZE, 0), 0);
        child = ck_fork(parent);
        ck_check(ck);
        assert_true(ck_leaf(child, AT(0)).kept);
        assert_int_not_equal(ck_leaf(child, AT(0)).pa, pin.frame);
        assert_int_equal(lp_mprotect(child, AT(0), LP_PAGE_SIZE, LP_READ), 0);
        assert_int_equal(lp_copy_in(child, &byte, AT(0), 1, NULL), 1);
        assert_int_equal(byte, 'x');
        lp_put_user_page(&pin);
        ck_end(ck, child);
        ck_end(ck, parent);
        ck_destroy(ck);
    }
}

/* --- the sweep -------------------------------------------------------------- */

enum { FIRST, OTHER, ZERO, PINNED, READ_ONLY, DEVICE, LATER, GONE, PAGES };

static struct lp_object *scene(struct ck *ck, struct lp_space *space)
{
    struct lp_object *device;
    unsigned i;

    assert_int_equal(lp_object_create_device(ck->pager, lp_host_device(ck->m),
                                             LP_PAGE_SIZE, 0, RW_FILE, &device),
                     0);
    ck_map(space, AT(0), PAGES, CK_RW, CK_ANON);
    assert_int_equal(lp_mmap(space, AT(DEVICE), LP_PAGE_SIZE, CK_RW,
                             LP_MAP_SHARED | LP_MAP_FIXED, device, 0),
                     AT(DEVICE));
    for (i = 0; i < PAGES; i++)
        ck_fault(space, AT(i), i == ZERO ? LP_READ : LP_WRITE);
    assert_int_equal(lp_mprotect(space, AT(READ_ONLY), LP_PAGE_SIZE, LP_READ),
                     0);
    return device;
}

static bool writable(struct lp_space *space, lp_va va)
{
    return (ck_leaf(space, va).access & LP_WRITE) != 0;
}

/*
 * After the other sharer has gone, a write to one page gets the others back;
 * but not the zero page, a pinned one, or what may not be written; and not where
 * the areas have gone. above: is there an area further up?
 */
static void sweep(const char *format, bool above)
{
    struct ck *ck =
        ck_create_with(format, (struct lp_host_config){ .ndevice = 1 }, NULL);
    struct lp_space *space = ck_space(ck), *child;
    struct lp_object *device = scene(ck, space);
    struct lp_pin pin;

    if (above)
        ck_map(space, AT(0) + ck->span, 1, CK_RW, CK_ANON);
    child = ck_fork(space);
    assert_int_equal(ck_fault(space, AT(OTHER), LP_WRITE), LP_COPY);
    ck_end(ck, child);
    assert_int_equal(lp_get_user_page(space, AT(PINNED), LP_READ, &pin), 0);
    assert_int_equal(lp_munmap(space, AT(GONE), LP_PAGE_SIZE), 0);
    assert_int_equal(ck_fault(space, AT(FIRST), LP_WRITE), LP_REUSE);
    ck_check(ck);
    assert_true(writable(space, AT(FIRST)));
    assert_true(writable(space, AT(OTHER)));
    assert_true(writable(space, AT(LATER)));
    assert_false(writable(space, AT(ZERO)));
    assert_false(writable(space, AT(PINNED)));
    assert_false(writable(space, AT(READ_ONLY)));
    lp_put_user_page(&pin);
    ck_end(ck, space);
    lp_object_put(device);
    ck_destroy(ck);
}

static void test_sweep__leaves_alone_what_it_must(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        sweep(format, false);
        sweep(format, true);
    }
}

/* The back-off ends at 2^10 soft faults. */
static void test_sweep_back_off__has_an_end(void **state)
{
    struct ck *ck = ck_create("x86-64");
    struct lp_space *space = ck_space(ck), *child, *other;
    struct lp_frame *table;

    (void)state;
    ck_map(space, AT(0), 4, CK_RW, CK_ANON);
    ck_fault(space, AT(0), LP_WRITE);
    ck_fault(space, AT(1), LP_WRITE);
    ck_fault(space, AT(2), LP_WRITE);
    child = ck_fork(space);
    ck_fault(space, AT(0), LP_WRITE);
    other = ck_fork(child);
    ck_fault(child, AT(1), LP_WRITE); /* leaves AT(1) to us and `other` */
    ck_fault(other, AT(1), LP_WRITE);
    table = ck_walk(space, AT(0)).frame;
    lp_frame_reset(table, LP_FRAME_WAIT_MASK | LP_FRAME_PASSED_MASK);
    lp_frame_set(table,
                 10u << LP_FRAME_WAIT_SHIFT | 1023u << LP_FRAME_PASSED_SHIFT);
    assert_int_equal(ck_fault(space, AT(1), LP_WRITE), LP_REUSE);
    assert_int_equal(lp_frame_state(table) & LP_FRAME_WAIT_MASK,
                     10u << LP_FRAME_WAIT_SHIFT);
    ck_end(ck, other);
    ck_end(ck, child);
    ck_end(ck, space);
    ck_destroy(ck);
}

/* --- tables that truncation has emptied --------------------------------------- */

/* A shared table without any entry: copied, then cleaned by the other side. */
static void test_own_emptied_table__copied_and_cleaned(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *parent = ck_space(ck), *child;
        struct lp_object *object;

        assert_int_equal(
            lp_object_create_memory(ck->pager, LP_PAGE_SIZE, &object), 0);
        assert_int_equal(lp_mmap(parent, AT(0), LP_PAGE_SIZE, CK_RW,
                                 LP_MAP_SHARED | LP_MAP_FIXED, object, 0),
                         AT(0));
        ck_fault(parent, AT(0), LP_WRITE);
        child = ck_fork(parent);
        assert_int_equal(lp_object_resize(object, 0), 0);
        ck_check(ck);
        assert_int_equal(lp_object_resize(object, LP_PAGE_SIZE), 0);
        ck_fault(parent, AT(0), LP_WRITE);
        ck_check(ck);
        ck_fault(child, AT(0), LP_WRITE);
        ck_check(ck);
        assert_int_equal(ck_leaf(parent, AT(0)).pa, ck_leaf(child, AT(0)).pa);
        ck_end(ck, child);
        ck_end(ck, parent);
        lp_object_put(object);
        ck_destroy(ck);
    }
}

/* Alone again, at a place that has no leaf table: is the path owned on the way,
 * without a copy? */
static void test_own_path_to_missing_table__in_place(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *space = ck_space(ck);
        lp_va there = AT(0) + 2 * ck->span;
        struct lp_stats stats;

        ck_map(space, AT(0), 1, CK_RW, CK_ANON);
        ck_map(space, there, 1, CK_RW, CK_ANON);
        ck_fault(space, AT(0), LP_WRITE);
        ck_end(ck, ck_fork(space));
        ck_fault(space, there, LP_READ);
        assert_int_equal(ck_fault(space, AT(0), LP_WRITE), LP_SPURIOUS);
        lp_space_stats(space, &stats);
        assert_int_equal(stats.tables_copied, 0);
        assert_true(stats.tables_regained > 0);
        ck_check(ck);
        ck_end(ck, space);
        ck_destroy(ck);
    }
}

/* --- spurious in kernel mode -------------------------------------------------- */

static int kernel_read(struct lp_space *space, lp_va va)
{
    return lp_handle_fault(space, &(struct lp_fault){ va, LP_READ, 0 }, NULL);
}

/* The same fault again, but the CPU has been away from the space, or another
 * space had one there: is it not taken for one that no flush mends? */
static void test_fault_spurious_after_a_switch__resolved(void **state)
{
    (void)state;
    CK_EACH(format)
    {
        struct ck *ck = ck_create(format);
        struct lp_space *space = ck_space(ck), *other = ck_space(ck);

        ck_map(space, AT(0), 1, CK_RW, CK_ANON);
        ck_map(other, AT(0), 1, CK_RW, CK_ANON);
        ck_fault(space, AT(0), LP_WRITE);
        ck_fault(other, AT(0), LP_WRITE);
        ck_run(ck, 0, space);
        assert_int_equal(kernel_read(space, AT(0)), 0);
        ck_run(ck, 0, other);
        ck_run(ck, 0, space);
        assert_int_equal(kernel_read(space, AT(0)), 0);
        assert_int_equal(kernel_read(other, AT(0)), 0);
        assert_int_equal(kernel_read(space, AT(0)), 0);
        assert_int_equal(kernel_read(space, AT(0)), -LP_EFAULT);
        ck_end(ck, space);
        ck_end(ck, other);
        ck_destroy(ck);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_page_gone_while_read__starts_over),
        cmocka_unit_test(test_fault_page_of_memory__is_minor),
        cmocka_unit_test(test_fault_above_user_range__maperr),
        cmocka_unit_test(test_fork_pinned_kept_page__child_gets_a_kept_copy),
        cmocka_unit_test(test_sweep__leaves_alone_what_it_must),
        cmocka_unit_test(test_sweep_back_off__has_an_end),
        cmocka_unit_test(test_own_emptied_table__copied_and_cleaned),
        cmocka_unit_test(test_own_path_to_missing_table__in_place),
        cmocka_unit_test(test_fault_spurious_after_a_switch__resolved),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
