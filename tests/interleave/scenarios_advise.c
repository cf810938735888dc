/*
 * scenarios_advise.c: madvise against stores, faults, forks and write-back.
 */
#include "world.h"

#include <string.h>

#define A ((lp_va)PAGES_A)
#define B ((lp_va)PAGES_B)
#define PAGE LP_PAGE_SIZE

static struct lp_space *parent;
static uint64_t on_disk; /* the file's only word */
static uint64_t stored;  /* what has been stored for certain */
static bool done;

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    (void)ctx;
    (void)offset;
    memset(page, 0, len);
    memcpy(page, &on_disk, sizeof(on_disk));
    return 0;
}

static int write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    (void)ctx;
    (void)offset;
    (void)len;
    step();
    memcpy(&on_disk, page, sizeof(on_disk));
    lp_host_wrote_back(world.m, page);
    return 0;
}

static void make_object(const struct lp_object_ops *ops, uint64_t npages)
{
    int error =
        lp_object_create(world.pager, ops, NULL, npages * PAGE,
                         LP_OBJECT_READ | LP_OBJECT_WRITE, &world.object);

    expect(error == 0, error, 0);
}

static void begin(void)
{
    parent = new_space();
    lp_host_cpu_set(world.m, 0);
    use(parent);
    on_disk = stored = 0;
    done = false;
}

static void advise(struct lp_space *space, lp_va va, unsigned npages,
                   int advice)
{
    int error = lp_madvise(space, va, npages * PAGE, advice);

    expect(error == 0, error, advice);
}

/* --- DONTNEED ------------------------------------------------------------ */

/* Whoever syncs after a store finds it, however little is left to show it. */
static void discard_sync_setup(void)
{
    static const struct lp_object_ops ops = { fill, write, NULL };

    begin();
    make_object(&ops, 1);
    map_object(parent, A, 1, LP_MAP_SHARED);
}

static void discard_sync_run(unsigned self)
{
    uint64_t i, before;
    int error;

    if (self == 2) {
        (void)fork_of(parent);
        return;
    }
    use(parent);
    for (i = 1; i < 4; i++) {
        if (self == 0) {
            put(A, i);
            stored = i;
            advise(parent, A, 1, LP_MADV_DONTNEED);
            continue;
        }
        before = stored;
        error = lp_object_sync(world.object, 0, UINT64_MAX);
        expect(error == 0, error, 0);
        expect(on_disk >= before, on_disk, before);
    }
}

static void discard_sync_check(void)
{
    int error = lp_object_sync(world.object, 0, UINT64_MAX);

    expect(error == 0 && on_disk == 3, on_disk, error);
    expect(look(parent, A) == 3, look(parent, A), 0);
}

/* When it has returned nobody sees the page; a child has it whole, or not. */
static void discard_access_setup(void)
{
    begin();
    map(parent, A, 4);
    put(A + PAGE, 5);
    put(A + PAGE + 8, 5);
}

static void discard_access_run(unsigned self)
{
    uint64_t seen, i;
    struct lp_space *child;
    bool after;

    if (self == 0) {
        advise(parent, A, 2 + (unsigned)chance(3), LP_MADV_DONTNEED);
        done = true;
        return;
    }
    if (self == 2) {
        child = fork_of(parent);
        use(child);
        seen = get(A + PAGE);
        expect(seen == 0 || seen == 5, seen, 0);
        expect(get(A + PAGE + 8) == seen, seen, 0);
        put(A + PAGE, 7);
        return;
    }
    use(parent);
    for (i = 0; i < 5; i++) {
        after = done;
        seen = get(A + PAGE);
        expect(seen == 0 || (seen == 5 && !after), seen, after);
    }
}

static void discard_access_check(void)
{
    expect(look(parent, A + PAGE) == 0, look(parent, A + PAGE), 0);
}

/* --- REMOVE -------------------------------------------------------------- */

/* A hole is made while pages come in and spaces fork: nobody keeps one. */
static void remove_setup(void)
{
    static const struct lp_object_ops ops = { NULL, NULL, NULL };

    begin();
    make_object(&ops, 4);
    map_object(parent, A, 4, LP_MAP_SHARED);
    map_object(parent, B, 4, LP_MAP_PRIVATE);
    put(A + PAGE, 5);
    put(A + 2 * PAGE, 6);
    put(B + 2 * PAGE, 9);
}

static void remove_run(unsigned self)
{
    struct lp_space *more;
    uint64_t seen;

    if (self == 0) {
        advise(parent, A + PAGE, 2, LP_MADV_REMOVE);
        return;
    }
    use(parent);
    seen = get(B + PAGE);
    expect(seen == 0 || seen == 5, seen, 0);
    more = fork_of(parent);
    if (self == 1)
        use(more);
    (void)get(A + PAGE);
    (void)get(B + PAGE);
    put(B, 1);
    (void)get(A + 2 * PAGE);
    expect(get(B + 2 * PAGE) == 9, self, 0);
}

static void remove_check(void)
{
    unsigned i;

    for (i = 0; i < SPACES_MAX; i++) {
        if (!world.space[i])
            continue;
        expect(look(world.space[i], A + PAGE) == 0, i, 0);
        expect(look(world.space[i], A + 2 * PAGE) == 0, i, 0);
        expect(look(world.space[i], B + PAGE) == 0, i, 0);
        expect(look(world.space[i], B + 2 * PAGE) == 9, i, 0);
    }
}

/*
 * A program writes to its private mapping of the page while the hole is made:
 * from then on the page is its own, whichever frame it is.
 */
static void remove_write_setup(void)
{
    static const struct lp_object_ops ops = { NULL, NULL, NULL };

    begin();
    make_object(&ops, 2);
    map_object(parent, A, 2, LP_MAP_SHARED);
    map_object(parent, B, 2, LP_MAP_PRIVATE);
    put(A, 5);
    expect(get(B) == 5, 0, 0);
    advise(parent, A, 1, LP_MADV_DONTNEED); /* B alone still maps it */
}

static void remove_write_run(unsigned self)
{
    if (self == 0) {
        advise(parent, A, 1, LP_MADV_REMOVE);
        return;
    }
    use(parent);
    put(B + 8, 9);
    expect(get(B + 8) == 9, get(B + 8), 0);
}

static void remove_write_check(void)
{
    uint64_t rest = look(parent, B);

    expect(look(parent, A) == 0, look(parent, A), 0);
    expect(look(parent, B + 8) == 9, look(parent, B + 8), 0);
    expect(rest == 0 || rest == 5, rest, 0);
}

/* The object goes with its only area while advice is about to be carried out. */
static void remove_unmap_setup(void)
{
    int64_t at;

    begin();
    at = lp_mmap(parent, A, PAGE, LP_READ | LP_WRITE,
                 LP_MAP_SHARED | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL, 0);
    expect(at == (int64_t)A, at, 0);
    use(NULL); /* or munmap waits for this CPU to answer its flush */
}

static void remove_unmap_run(unsigned self)
{
    int error;

    if (self == 1) {
        unmap(parent, A, 1);
        return;
    }
    error = lp_madvise(parent, A, PAGE, LP_MADV_REMOVE);
    expect(error == 0 || error == -LP_ENOMEM, error, 0);
}

const struct scenario scenarios_advise[] = {
    { "discard_against_sync", "is a store written that DONTNEED came after?", 3,
      0, 0, 0, discard_sync_setup, discard_sync_run, discard_sync_check },
    { "discard_against_access", "is a page out of reach after DONTNEED?", 3, 0,
      0, 0, discard_access_setup, discard_access_run, discard_access_check },
    { "remove_against_faults_and_forks", "is a hole a hole for all?", 3, 0, 0,
      0, remove_setup, remove_run, remove_check },
    { "remove_against_private_write", "does a private write outlive a hole?", 2,
      0, 2, 0, remove_write_setup, remove_write_run, remove_write_check },
    { "remove_against_unmap", "does the object live as long as the advice?", 2,
      400, 1, 0, remove_unmap_setup, remove_unmap_run, NULL },
    { .name = NULL },
};
