/*
 * Shared mappings, truncated objects, write-back and held pages, while programs
 * on other CPUs use the same pages.
 */
#include "threads_kit.h"

/* --- counters that parent and children share --- */

enum { COUNTERS = 6, ADDS = 60, COUNT_FORKS = 16 };

static lp_va counter(const struct world *w, unsigned i)
{
    return w->base + i * PAGE;
}

static void add(struct job *job, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++)
        expect(job->w, lp_host_fetch_add(job->w->m,
                                         counter(job->w, below(job, COUNTERS)),
                                         1, NULL) == LP_HOST_OK);
}

static void only_add(struct job *job)
{
    add(job, COUNT_FORKS * ADDS);
}

/* Fork; the child adds, then the parent, then the child is destroyed. */
static void fork_and_add(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *child;
    unsigned i;

    for (i = 0; i < COUNT_FORKS; i++) {
        if (!expect(w, lp_fork(w->space, &child) == 0))
            return;
        lp_host_activate(w->m, w->pager, child);
        add(job, ADDS / 2);
        lp_host_activate(w->m, w->pager, w->space);
        add(job, ADDS / 2);
        lp_space_destroy(child);
    }
}

static uint64_t sum_of_counters(struct world *w)
{
    uint64_t sum = 0;
    unsigned i;

    lp_host_cpu_bind(w->m, 0);
    lp_host_activate(w->m, w->pager, w->space);
    for (i = 0; i < COUNTERS; i++)
        sum += get(w, counter(w, i));
    lp_host_activate(w->m, w->pager, NULL);
    lp_host_cpu_unbind(w->m);
    return sum;
}

/* Two CPUs add to counters in shared memory, two fork and add on both sides:
 * is the sum what was added? */
static void test_object_shared_counters_and_forks__lose_no_addition(
    void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = fork_and_add },
            { .run = only_add },
            { .run = fork_and_add },
            { .run = only_add },
        };

        map_first(w, w->base, COUNTERS, RW, LP_MAP_SHARED | LP_MAP_ANONYMOUS,
                  NULL);
        run_jobs(w, jobs);
        assert_int_equal(sum_of_counters(w), CPUS * COUNT_FORKS * ADDS);
        world_end(w);
    }
}

/* --- a file, in memory that knows what it was given --- */

enum { FILE_PAGES = 8, KEPT_PAGES = 3, RESIZES = 60 };

struct file {
    struct world *w;
    struct lp_object *object;
    _Atomic uint64_t words[FILE_PAGES]; /* the first word of each page */
    _Atomic unsigned writes;
    _Atomic bool released;
    _Atomic unsigned epoch; /* of the size; odd: changing */
};

static int fill_page(void *ctx, uint64_t offset, void *page, size_t len)
{
    struct file *file = ctx;

    memset(page, 0, len);
    *(uint64_t *)page = atomic_load(&file->words[offset / PAGE]);
    return 0;
}

/* The page may be written to meanwhile. */
static int write_page(void *ctx, uint64_t offset, const void *page, size_t len)
{
    struct file *file = ctx;

    (void)len;
    lp_host_wrote_back(file->w->m, page);
    atomic_store(&file->words[offset / PAGE],
                 atomic_load((const _Atomic uint64_t *)page));
    atomic_fetch_add(&file->writes, 1);
    return 0;
}

static void release_file(void *ctx)
{
    atomic_store(&((struct file *)ctx)->released, true);
}

static const struct lp_object_ops file_ops = {
    .fill = fill_page,
    .write = write_page,
    .release = release_file,
};

static void file_open(struct world *w, struct file *file, uint64_t first)
{
    unsigned i;

    memset(file, 0, sizeof *file);
    file->w = w;
    for (i = 0; i < FILE_PAGES; i++)
        atomic_init(&file->words[i], first + i);
    w->data = file;
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(
        lp_object_create(w->pager, &file_ops, file, FILE_PAGES * PAGE,
                         LP_OBJECT_READ | LP_OBJECT_WRITE, &file->object),
        0);
    lp_host_cpu_unbind(w->m);
}

/* No area maps it any more: it is written back and goes. */
static void file_close(struct world *w, struct file *file)
{
    lp_host_cpu_bind(w->m, 0);
    assert_int_equal(lp_munmap(w->space, w->base, 2 * FILE_PAGES * PAGE), 0);
    world_check(w);
    lp_object_put(file->object);
    lp_host_cpu_unbind(w->m);
    assert_true(atomic_load(&file->released));
}

/* --- truncation --- */

static void resize(struct job *job)
{
    struct world *w = job->w;
    struct file *file = w->data;
    unsigned i;

    meet(job);
    for (i = 0; i < RESIZES; i++) {
        atomic_fetch_add(&file->epoch, 1);
        expect(w,
               lp_object_resize(file->object,
                                (i % 2 ? FILE_PAGES : KEPT_PAGES) * PAGE) == 0);
        atomic_fetch_add(&file->epoch, 1);
        lp_host_cpu_idle(w->m);
    }
    atomic_store(&w->stop, true);
}

/*
 * Shared area first, private area behind it, both of the whole file.  Odd pages
 * are stored to in the private one only and even ones in the shared one, since
 * a store while the private copy is made may be in it or not.
 */
static void use_file(struct job *job)
{
    struct world *w = job->w;
    struct file *file = w->data;
    unsigned page, epoch;
    enum lp_host_code code;
    uint64_t value;
    bool kept, load_it;

    meet(job);
    while (going_on(job)) {
        page = below(job, 2 * FILE_PAGES);
        load_it = below(job, 2) || page % 2 != page / FILE_PAGES;
        kept = page % FILE_PAGES < KEPT_PAGES;
        epoch = atomic_load(&file->epoch);
        value = 7;
        code = load_it ? load(w, w->base + page * PAGE, &value)
                       : store(w, w->base + page * PAGE + 8, 7);
        if (kept)
            expect(w, code == LP_HOST_OK);
        expect(w, code == LP_HOST_OK || code == LP_HOST_BUS);
        if (epoch % 2 == 0 && atomic_load(&file->epoch) == epoch)
            expect(w,
                   code == (kept || epoch % 4 == 0 ? LP_HOST_OK : LP_HOST_BUS));
        if (load_it && code == LP_HOST_OK)
            expect(w,
                   value == page % FILE_PAGES + 100 || (!kept && value == 0));
    }
}

/* The same, in a child. */
static void use_file_in_child(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *child;

    if (!expect(w, lp_fork(w->space, &child) == 0))
        return;
    lp_host_activate(w->m, w->pager, child);
    use_file(job);
    lp_host_activate(w->m, w->pager, w->space);
    lp_space_destroy(child);
}

/*
 * A file is cut and grown under programs that have it mapped, shared and
 * private, in parent and child: is what remains always there, and what was cut
 * off never?
 */
static void test_object_truncated_under_programs__no_page_survives(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct file file;
        struct job jobs[CPUS] = {
            { .run = resize },
            { .run = use_file },
            { .run = use_file_in_child },
            { .run = use_file_in_child },
        };

        file_open(w, &file, 100);
        map_first(w, w->base, FILE_PAGES, RW, LP_MAP_SHARED, file.object);
        map_first(w, w->base + FILE_PAGES * PAGE, FILE_PAGES, RW,
                  LP_MAP_PRIVATE, file.object);
        run_jobs(w, jobs);
        file_close(w, &file);
        world_end(w);
    }
}

/* --- write-back --- */

enum { SYNCS = 20 };

static void sync_often(struct job *job)
{
    struct world *w = job->w;
    struct file *file = w->data;
    struct lp_space *child;
    unsigned i;

    meet(job);
    for (i = 0; i < SYNCS; i++) {
        if (!expect(w, lp_fork(w->space, &child) == 0))
            break;
        expect(w, lp_msync(i % 2 ? w->space : child, w->base, FILE_PAGES * PAGE,
                           LP_MS_SYNC) == 0);
        lp_space_destroy(child);
        expect(w, lp_object_sync(file->object, 0, UINT64_MAX) == 0);
    }
    atomic_store(&w->stop, true);
}

/* Page n is this CPU's, if n % CPUS is; each holds a number that only grows. */
static void grow_numbers(struct job *job)
{
    struct world *w = job->w;
    uint64_t old, last[FILE_PAGES] = { 0 };
    unsigned page = job->cpu;

    expect(w, lp_host_fetch_add(w->m, w->base + page * PAGE, 1, &last[page]) ==
                  LP_HOST_OK);
    last[page]++;
    meet(job);
    while (going_on(job)) {
        page = below(job, FILE_PAGES / CPUS) * CPUS + job->cpu;
        expect(w, lp_host_fetch_add(w->m, w->base + page * PAGE, 1, &old) ==
                      LP_HOST_OK);
        expect(w, last[page] == 0 || old == last[page]);
        last[page] = old + 1;
    }
}

/*
 * Pages are written back, by parent and children, while programs write: has the
 * file, after the last sync, what memory has?
 */
static void test_object_synced_under_programs__no_write_is_lost(void **state)
{
    unsigned page;

    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct file file;
        uint64_t memory[FILE_PAGES];
        struct job jobs[CPUS] = {
            { .run = sync_often },
            { .run = grow_numbers },
            { .run = grow_numbers },
            { .run = grow_numbers },
        };

        file_open(w, &file, 0);
        map_first(w, w->base, FILE_PAGES, RW, LP_MAP_SHARED, file.object);
        run_jobs(w, jobs);
        lp_host_cpu_bind(w->m, 0);
        lp_host_activate(w->m, w->pager, w->space);
        for (page = 0; page < FILE_PAGES; page++)
            memory[page] = get(w, w->base + page * PAGE);
        lp_host_activate(w->m, w->pager, NULL);
        lp_host_cpu_unbind(w->m);
        file_close(w, &file);
        for (page = 0; page < FILE_PAGES; page++)
            assert_int_equal(atomic_load(&file.words[page]), memory[page]);
        assert_true(atomic_load(&file.writes) > 0);
        world_end(w);
    }
}

/* --- held pages --- */

enum { PINS = 80, PINNED_PAGES = 3 };

/* A device stores into memory: no thread, and in no order with any. */
__attribute__((no_sanitize("thread"))) static void device_stores(void *to,
                                                                 uint64_t value)
{
    *(volatile uint64_t *)to = value;
}

static void hold_and_store(struct job *job)
{
    struct world *w = job->w;
    struct lp_pin pin;
    unsigned i, page;
    lp_va va;

    meet(job);
    for (i = 0; i < PINS; i++) {
        page = below(job, PINNED_PAGES);
        va = w->base + page * PAGE;
        if (!expect(w, lp_get_user_page(w->space, va, RW, &pin) == 0))
            break;
        lp_host_cpu_idle(w->m);
        device_stores((char *)pin.page + job->cpu * 8, i);
        lp_host_cpu_idle(w->m);
        expect(w, get(w, va + job->cpu * 8) == i);
        lp_put_user_page(&pin);
        expect(w, get(w, va + job->cpu * 8) == i);
    }
    atomic_store(&w->stop, true);
}

static void write_beside(struct job *job)
{
    struct world *w = job->w;
    uint64_t n, last[PINNED_PAGES] = { 0 };
    unsigned page;
    lp_va va;

    meet(job);
    for (n = 1; going_on(job); n++) {
        page = below(job, PINNED_PAGES);
        va = w->base + page * PAGE + job->cpu * 8;
        expect(w, get(w, va) == last[page]);
        put(w, va, n);
        last[page] = n;
    }
}

static void fork_and_spoil(struct job *job)
{
    struct world *w = job->w;
    struct lp_space *child;
    unsigned page;

    meet(job);
    while (going_on(job)) {
        if (!expect(w, lp_fork(w->space, &child) == 0))
            break;
        lp_host_activate(w->m, w->pager, child);
        for (page = 0; page < PINNED_PAGES; page++) {
            expect(w, get(w, w->base + page * PAGE + job->cpu * 8) == 0);
            put(w, w->base + page * PAGE, UINT64_MAX);
            put(w, w->base + page * PAGE + 8, UINT64_MAX);
        }
        lp_host_activate(w->m, w->pager, w->space);
        lp_space_destroy(child);
    }
}

/*
 * A device stores into pages that are held, while other threads fork and write
 * beside it: does the parent see every store, at once and later, and the
 * children's none?
 */
static void test_object_page_held_across_forks__stays_with_parent(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct job jobs[CPUS] = {
            { .run = hold_and_store },
            { .run = write_beside },
            { .run = fork_and_spoil },
            { .run = fork_and_spoil },
        };

        map_first(w, w->base, PINNED_PAGES, RW, ANON, NULL);
        run_jobs(w, jobs);
        world_end(w);
    }
}

/* --- mappings of one object that come and go on all CPUs --- */

enum { VISITS = 50 };

static void visit(struct job *job)
{
    struct world *w = job->w;
    struct file *file = w->data;
    lp_va va = w->base + job->cpu * w->table_span;
    unsigned i, page;

    for (i = 0; i < VISITS; i++) {
        map(w, w->space, va, FILE_PAGES, RW,
            i % 2 ? LP_MAP_SHARED : LP_MAP_PRIVATE, file->object);
        page = below(job, FILE_PAGES);
        expect(w, get(w, va + page * PAGE) == page + 100);
        /* Not a page that is stored to through the other kind of mapping. */
        page = (page & ~1u) | i % 2;
        put(w, va + page * PAGE + 8 * (job->cpu + 1), i);
        expect(w, get(w, va + page * PAGE + 8 * (job->cpu + 1)) == i);
        expect(w, lp_munmap(w->space, va, FILE_PAGES * PAGE) == 0);
    }
}

/* A file is mapped, used and unmapped on all CPUs: is it the same file? */
static void test_object_mapped_on_all_cpus__is_one_file(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        struct world *w = world_begin(*f);
        struct file file;
        struct job jobs[CPUS] = {
            { .run = visit },
            { .run = visit },
            { .run = visit },
            { .run = visit },
        };

        file_open(w, &file, 100);
        run_jobs(w, jobs);
        file_close(w, &file);
        world_end(w);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_object_shared_counters_and_forks__lose_no_addition),
        cmocka_unit_test(
            test_object_truncated_under_programs__no_page_survives),
        cmocka_unit_test(test_object_synced_under_programs__no_write_is_lost),
        cmocka_unit_test(test_object_page_held_across_forks__stays_with_parent),
        cmocka_unit_test(test_object_mapped_on_all_cpus__is_one_file),
    };
    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
