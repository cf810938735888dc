/*
 * Instruction caches that do not watch stores: the machine's CPUs fetch what they
 * fetched before from the same frame, until they are told.
 *
 * Each test makes a CPU fetch from a frame, gives the frame other contents in
 * one of the ways the pager has, and fetches again.
 */
#include "core_kit.h"

/* The file takes half of the smallest leaf table. */
enum { OLD = 11, NEW = 22, NPAGES = 8 };

#define RX (LP_READ | LP_EXEC)
#define RWX (LP_READ | LP_WRITE | LP_EXEC)

struct world {
    struct ck *ck;
    struct lp_space *p, *q; /* p on CPUs 0 and 1, q nowhere */
    struct lp_object *file;
    unsigned char contents; /* of each byte of the file's pages */
    lp_pa pa[NPAGES];       /* frames that held OLD code */
};

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    const struct world *w = ctx;

    (void)offset;
    memset(page, w->contents, len);
    return 0;
}

static unsigned char fetch(const struct world *w, lp_va va)
{
    unsigned char byte = 0;

    assert_int_equal(lp_host_fetch(w->ck->m, va, &byte, 1), LP_HOST_OK);
    return byte;
}

/* Both CPUs, which run p, have fetched each page of the file; CPU 0 goes on. */
static void fetch_old(const struct world *w)
{
    unsigned cpu, i;

    for (cpu = 2; cpu--;) {
        lp_host_cpu_set(w->ck->m, cpu);
        for (i = 0; i < NPAGES; i++)
            assert_int_equal(fetch(w, w->ck->base + i * LP_PAGE_SIZE), OLD);
    }
}

static void begin_with(struct world *w, const char *format, unsigned flags,
                       const struct lp_options *options)
{
    static const struct lp_object_ops ops = { .fill = fill };
    struct lp_host_config config = { .flags = LP_HOST_ICACHE | flags };
    struct ck *ck = w->ck = ck_create_with(format, config, options);
    unsigned cpu, i;

    w->contents = OLD;
    w->p = ck_space(ck);
    w->q = ck_space(ck);
    assert_int_equal(lp_object_create(ck->pager, &ops, w, NPAGES * LP_PAGE_SIZE,
                                      LP_OBJECT_READ | LP_OBJECT_EXEC,
                                      &w->file),
                     0);
    assert_int_equal(lp_mmap(w->p, ck->base, NPAGES * LP_PAGE_SIZE, RX,
                             LP_MAP_PRIVATE | LP_MAP_FIXED, w->file, 0),
                     ck->base);
    for (cpu = 2; cpu--;)
        ck_run(ck, cpu, w->p);
    fetch_old(w);
    for (i = 0; i < NPAGES; i++)
        w->pa[i] = ck_leaf(w->p, ck->base + i * LP_PAGE_SIZE).pa;
}

static void begin(struct world *w, const char *format)
{
    begin_with(w, format, 0, NULL);
}

static void end(struct world *w)
{
    ck_check(w->ck);
    ck_end(w->ck, w->p);
    ck_end(w->ck, w->q);
    lp_object_put(w->file);
    ck_destroy(w->ck);
}

/* Nothing maps the frames any more; they are the next to be allocated. */
static void free_code(struct world *w)
{
    assert_int_equal(lp_object_resize(w->file, 0), 0);
    assert_int_equal(lp_object_resize(w->file, NPAGES * LP_PAGE_SIZE), 0);
    assert_false(lp_host_frame_used(w->ck->m, w->pa[0]));
    w->contents = NEW;
}

/* Does the page at va lie in a frame that the CPUs have fetched from? */
static bool was_code(const struct world *w, struct lp_space *space, lp_va va)
{
    lp_pa pa = ck_leaf(space, va).pa;
    unsigned i;

    for (i = 0; i < NPAGES; i++)
        if (w->pa[i] == pa)
            return true;
    return false;
}

static uint64_t syncs(const struct world *w)
{
    struct lp_host_stats stats;

    lp_host_read_stats(w->ck->m, &stats);
    return stats.code_syncs;
}

/* Another page of a file in the same frame, on the CPU that took the fault? */
static void test_code_file_page_here__fetches_the_new(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;

        begin(&w, name);
        free_code(&w);
        assert_int_equal(fetch(&w, w.ck->base), NEW);
        assert_true(was_code(&w, w.p, w.ck->base));
        end(&w);
    }
}

/* ... and on one that runs the space and takes no fault? */
static void test_code_file_page_other_cpu__fetches_the_new(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;

        begin(&w, name);
        free_code(&w);
        assert_int_equal(fetch(&w, w.ck->base), NEW);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(fetch(&w, w.ck->base), NEW);
        assert_true(was_code(&w, w.p, w.ck->base));
        end(&w);
    }
}

/* ... and where the machine itself does it there? */
static void test_code_file_page_fenced_cpu__fetches_the_new(void **state)
{
    struct world w;

    (void)state;
    begin_with(&w, "sv39", LP_HOST_FENCES, NULL);
    free_code(&w);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    lp_host_cpu_set(w.ck->m, 1);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    assert_true(was_code(&w, w.p, w.ck->base));
    end(&w);
}

/* ... and on one that was away?  It is not disturbed, and catches up once. */
static void test_code_file_page_cpu_away__catches_up_once(void **state)
{
    struct world w;
    uint64_t before;

    (void)state;
    begin(&w, "sv39");
    ck_run(w.ck, 1, w.q);
    lp_host_cpu_set(w.ck->m, 0);
    free_code(&w);
    before = syncs(&w);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    assert_int_equal(syncs(&w), before + 1);
    ck_run(w.ck, 1, w.p);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    assert_int_equal(syncs(&w), before + 2);
    ck_run(w.ck, 1, w.q);
    ck_run(w.ck, 1, w.p);
    assert_int_equal(syncs(&w), before + 2);
    assert_true(was_code(&w, w.p, w.ck->base));
    end(&w);
}

/* A space that is new to the CPU, filled by another one, as after a fork? */
static void test_code_child_on_other_cpu__fetches_the_new(void **state)
{
    struct world w;
    struct lp_space *child;

    (void)state;
    begin(&w, "sv39-svade");
    ck_run(w.ck, 1, w.q);
    lp_host_cpu_set(w.ck->m, 0);
    free_code(&w);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    assert_true(was_code(&w, w.p, w.ck->base));
    child = ck_fork(w.p);
    ck_run(w.ck, 1, child);
    assert_int_equal(fetch(&w, w.ck->base), NEW);
    ck_end(w.ck, child);
    end(&w);
}

/* Zeroes instead of somebody's code, on the short way of a first write? */
static void test_code_zeroed_page__fetches_zeroes(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;
        lp_va va;

        begin(&w, name);
        va = w.ck->base + NPAGES * LP_PAGE_SIZE; /* its table is there */
        ck_map(w.p, va, 1, RWX, CK_ANON);
        free_code(&w);
        ck_write(w.ck, va, NEW);
        assert_true(was_code(&w, w.p, va));
        assert_int_equal(fetch(&w, va + 1), 0);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(fetch(&w, va + 1), 0);
        end(&w);
    }
}

/* A private copy of a page of code? */
static void test_code_copied_page__fetches_the_copy(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;
        struct lp_space *child;
        lp_va va;

        begin(&w, name);
        va = w.ck->base + NPAGES * LP_PAGE_SIZE;
        ck_map(w.p, va, 1, RWX, CK_ANON);
        ck_write(w.ck, va, NEW);
        child = ck_fork(w.p);
        ck_map(w.p, va + LP_PAGE_SIZE, 1, CK_RW, CK_ANON);
        ck_write(w.ck, va + LP_PAGE_SIZE, 1); /* owns the tables */
        fetch_old(&w);
        free_code(&w);
        ck_write(w.ck, va + 1, NEW);
        assert_true(was_code(&w, w.p, va));
        assert_int_equal(fetch(&w, va), NEW);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(fetch(&w, va), NEW);
        ck_end(w.ck, child);
        end(&w);
    }
}

/* A program that writes code first, and makes it executable then? */
static void test_code_written_then_protected__fetches_what_it_wrote(
    void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;
        lp_va va;

        begin(&w, name);
        va = w.ck->base + NPAGES * LP_PAGE_SIZE;
        ck_map(w.p, va, 1, CK_RW, CK_ANON);
        free_code(&w);
        ck_write(w.ck, va, NEW);
        assert_true(was_code(&w, w.p, va));
        assert_int_equal(lp_mprotect(w.p, va, LP_PAGE_SIZE, RX), 0);
        assert_int_equal(fetch(&w, va), NEW);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(fetch(&w, va), NEW);
        end(&w);
    }
}

/* ... where the last sharer of a page gets it back, with more rights? */
static void test_code_page_taken_back__fetches_what_it_wrote(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;
        struct lp_space *child;
        lp_va va;

        begin(&w, name);
        va = w.ck->base + NPAGES * LP_PAGE_SIZE;
        ck_map(w.p, va, 2, CK_RW, CK_ANON);
        free_code(&w);
        ck_write(w.ck, va, NEW);
        ck_write(w.ck, va + LP_PAGE_SIZE, NEW);
        child = ck_fork(w.p);
        ck_write(w.ck, va + LP_PAGE_SIZE, OLD); /* copies the tables */
        ck_end(w.ck, child);
        assert_int_equal(lp_mprotect(w.p, va, LP_PAGE_SIZE, RWX), 0);
        ck_write(w.ck, va + 1, NEW);
        assert_int_equal(lp_host_last_fault(w.ck->m).decision, LP_REUSE);
        assert_true(was_code(&w, w.p, va));
        assert_int_equal(fetch(&w, va), NEW);
        lp_host_cpu_set(w.ck->m, 1);
        assert_int_equal(fetch(&w, va), NEW);
        end(&w);
    }
}

/* A child's copy of a page that is held, which no fault makes? */
static void test_code_copy_of_held_page__fetches_the_copy(void **state)
{
    (void)state;
    CK_EACH(name)
    {
        struct world w;
        struct lp_space *child;
        struct lp_pin pin;
        unsigned cpu;
        lp_va va;

        begin(&w, name);
        va = w.ck->base + NPAGES * LP_PAGE_SIZE;
        ck_map(w.p, va, 1, RWX, CK_ANON);
        ck_write(w.ck, va, NEW);
        assert_int_equal(lp_get_user_page(w.p, va, LP_WRITE, &pin), 0);
        fetch_old(&w);
        free_code(&w);
        child = ck_fork(w.p);
        assert_true(was_code(&w, child, va));
        for (cpu = 0; cpu < 2; cpu++) {
            ck_run(w.ck, cpu, child);
            assert_int_equal(fetch(&w, va), NEW);
        }
        lp_put_user_page(&pin);
        ck_end(w.ck, child);
        end(&w);
    }
}

/* Stores to a page that can be executed already, and lp_sync_code? */
static void test_code_sync_code__reaches_every_cpu(void **state)
{
    struct world w;
    unsigned cpu;
    lp_va va;

    (void)state;
    begin(&w, "sv48");
    va = w.ck->base + NPAGES * LP_PAGE_SIZE;
    ck_map(w.p, va, 1, RWX, CK_ANON);
    ck_write(w.ck, va, OLD);
    for (cpu = 0; cpu < 2; cpu++) {
        lp_host_cpu_set(w.ck->m, cpu);
        assert_int_equal(fetch(&w, va), OLD);
    }
    ck_write(w.ck, va, NEW);
    assert_int_equal(fetch(&w, va), OLD); /* the machine is that bad */
    lp_sync_code(w.p);
    for (cpu = 0; cpu < 2; cpu++) {
        lp_host_cpu_set(w.ck->m, cpu);
        assert_int_equal(fetch(&w, va), NEW);
    }
    end(&w);
}

/* The page is not executable, or is still the one before, ck->pa. */
static void not_yet_there(struct ck *ck, const struct ck_event *event)
{
    struct lp_leaf leaf = ck_leaf(ck->space, ck->va);

    if (event->kind != CK_SYNC_CODE)
        return;
    ck->seen++;
    assert_true(!(leaf.access & LP_EXEC) || leaf.pa == ck->pa);
}

/* Is code synced before any CPU can fetch it? */
static void test_code_order__synced_before_the_entry(void **state)
{
    struct world w;
    lp_va va;

    (void)state;
    begin(&w, "sv39");
    free_code(&w);
    w.ck->space = w.p;
    w.ck->va = w.ck->base;
    w.ck->pa = LP_PA_NONE;
    ck_watch(w.ck, not_yet_there);
    assert_int_equal(fetch(&w, w.ck->base), NEW); /* MAP */
    assert_int_equal(w.ck->seen, 2);
    va = w.ck->va = w.ck->base + NPAGES * LP_PAGE_SIZE;
    ck_map(w.p, va, 2, RWX, CK_ANON);
    ck_watch(w.ck, not_yet_there);
    ck_write(w.ck, va, NEW); /* the short way */
    assert_int_equal(w.ck->seen, 2);
    w.ck->va = va + LP_PAGE_SIZE;
    ck_watch(w.ck, not_yet_there);
    fetch(&w, w.ck->va);
    w.ck->pa = w.ck->pager->zero_page;
    ck_write(w.ck, w.ck->va, NEW);
    assert_int_equal(w.ck->seen, 2 + 2);
    assert_int_equal(lp_mprotect(w.p, va, LP_PAGE_SIZE, CK_RW), 0);
    ck_write(w.ck, va, OLD);
    assert_int_equal(lp_mprotect(w.p, va, LP_PAGE_SIZE, RX), 0);
    w.ck->va = va;
    ck_watch(w.ck, not_yet_there);
    assert_int_equal(fetch(&w, va), OLD); /* WIDEN */
    assert_int_equal(w.ck->seen, 2);
    w.ck->hook = NULL;
    end(&w);
}

/* Data costs nothing, and all pages of code that a fault maps cost one. */
static void test_code_cost__none_for_data_one_for_many_pages(void **state)
{
    struct world w;
    uint64_t before;
    unsigned i;
    lp_va va;

    (void)state;
    begin(&w, "sv57");
    va = w.ck->base + NPAGES * LP_PAGE_SIZE;
    ck_map(w.p, va, 4, CK_RW, CK_ANON);
    before = syncs(&w);
    ck_write(w.ck, va, 1);
    ck_read(w.ck, va + LP_PAGE_SIZE);
    ck_write(w.ck, va + LP_PAGE_SIZE, 1);
    assert_int_equal(syncs(&w), before);
    for (i = 0; i < NPAGES; i++)
        fetch(&w, w.ck->base + i * LP_PAGE_SIZE);
    assert_int_equal(lp_munmap(w.p, w.ck->base, NPAGES * LP_PAGE_SIZE), 0);
    assert_int_equal(lp_mmap(w.p, w.ck->base, NPAGES * LP_PAGE_SIZE, RX,
                             LP_MAP_PRIVATE | LP_MAP_FIXED, w.file, 0),
                     w.ck->base);
    before = syncs(&w);
    for (i = 0; i < NPAGES; i++)
        fetch(&w, w.ck->base + i * LP_PAGE_SIZE);
    assert_int_equal(syncs(&w), before + 2); /* one fault, two CPUs */
    end(&w);
}

/*
 * The kernel's half: a page of code there, in a frame that held other code, on
 * CPUs that run anything?
 */
static void test_code_kernel_page__fetches_the_new(void **state)
{
    static const unsigned modes[] = { 0, LP_HOST_FENCES };
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        lp_va va = (lp_va)0 - 0x40000000;
        struct lp_range range = { va, va + 0x200000 };
        struct lp_options options = { .kernel_ranges = &range,
                                      .nkernel_ranges = 1 };
        struct world w;
        unsigned cpu;

        begin_with(&w, "sv39", modes[i], &options);
        ck_run(w.ck, 1, w.q);
        lp_host_cpu_set(w.ck->m, 0);
        memset(lp_host_memory(w.ck->m, w.pa[0]), NEW, LP_PAGE_SIZE);
        assert_int_equal(lp_kernel_map(w.ck->pager, va, w.pa[0], LP_PAGE_SIZE,
                                       RX, LP_KERNEL_USER, 0),
                         0);
        for (cpu = 0; cpu < 2; cpu++) {
            lp_host_cpu_set(w.ck->m, cpu);
            assert_int_equal(fetch(&w, va), NEW);
        }
        memset(lp_host_memory(w.ck->m, w.pa[0]), OLD, LP_PAGE_SIZE);
        assert_int_equal(
            lp_kernel_protect(w.ck->pager, va, LP_PAGE_SIZE, LP_READ), 0);
        assert_int_equal(lp_kernel_protect(w.ck->pager, va, LP_PAGE_SIZE, RX),
                         0);
        for (cpu = 0; cpu < 2; cpu++) {
            lp_host_cpu_set(w.ck->m, cpu);
            assert_int_equal(fetch(&w, va), OLD);
        }
        assert_int_equal(lp_kernel_unmap(w.ck->pager, va, LP_PAGE_SIZE), 0);
        end(&w);
    }
}

/* One CPU alone: does it sync itself, and ask nobody? */
static void test_code_kernel_page_one_cpu__syncs_itself(void **state)
{
    lp_va va = (lp_va)0 - 0x40000000;
    struct lp_range range = { va, va + 0x200000 };
    struct lp_options options = { .kernel_ranges = &range,
                                  .nkernel_ranges = 1 };
    struct lp_host_config config = { .ncpus = 1, .flags = LP_HOST_ICACHE };
    struct ck *ck = ck_create_with("sv39", config, &options);
    struct lp_host_stats before, after;
    lp_pa pa = ck_alloc(ck, LP_KIND_DATA, 0);

    (void)state;
    lp_host_read_stats(ck->m, &before);
    assert_int_equal(lp_kernel_map(ck->pager, va, pa, LP_PAGE_SIZE, CK_RW, 0,
                                   LP_CACHE_WRITEBACK),
                     0);
    lp_host_read_stats(ck->m, &after);
    assert_int_equal(after.code_syncs, before.code_syncs);
    assert_int_equal(lp_kernel_protect(ck->pager, va, LP_PAGE_SIZE, RX), 0);
    lp_host_read_stats(ck->m, &after);
    assert_int_equal(after.code_syncs, before.code_syncs + 1);
    assert_int_equal(after.calls, before.calls);
    assert_int_equal(lp_kernel_unmap(ck->pager, va, LP_PAGE_SIZE), 0);
    lp_frame_put(&ck->pager->frames, pa);
    ck_destroy(ck);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_file_page_here__fetches_the_new),
        cmocka_unit_test(test_code_file_page_other_cpu__fetches_the_new),
        cmocka_unit_test(test_code_file_page_fenced_cpu__fetches_the_new),
        cmocka_unit_test(test_code_file_page_cpu_away__catches_up_once),
        cmocka_unit_test(test_code_child_on_other_cpu__fetches_the_new),
        cmocka_unit_test(test_code_zeroed_page__fetches_zeroes),
        cmocka_unit_test(test_code_copied_page__fetches_the_copy),
        cmocka_unit_test(
            test_code_written_then_protected__fetches_what_it_wrote),
        cmocka_unit_test(test_code_page_taken_back__fetches_what_it_wrote),
        cmocka_unit_test(test_code_copy_of_held_page__fetches_the_copy),
        cmocka_unit_test(test_code_sync_code__reaches_every_cpu),
        cmocka_unit_test(test_code_kernel_page__fetches_the_new),
        cmocka_unit_test(test_code_kernel_page_one_cpu__syncs_itself),
        cmocka_unit_test(test_code_order__synced_before_the_entry),
        cmocka_unit_test(test_code_cost__none_for_data_one_for_many_pages),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
