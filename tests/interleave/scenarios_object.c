/*
 * scenarios_object.c: files: write-back against stores, truncate against
 * everything, pages held for a device against forks.
 */
#include "world.h"

#include <string.h>

#define A ((lp_va)PAGES_A)
#define B ((lp_va)PAGES_B)
#define PAGE LP_PAGE_SIZE

enum { FILE_PAGES = 4 };

static unsigned char disk[FILE_PAGES][LP_PAGE_SIZE];
static struct lp_space *parent, *child;
static uint64_t last_stored;
static bool truncated; /* to one page; resize has returned */
static unsigned late;  /* pages written after that, beyond the end */

static uint64_t on_disk(unsigned page, unsigned word)
{
    uint64_t value;

    memcpy(&value, &disk[page][word * sizeof(value)], sizeof(value));
    return value;
}

static int fill(void *ctx, uint64_t offset, void *page, size_t len)
{
    (void)ctx;
    step();
    memcpy(page, disk[offset / PAGE], len);
    step();
    return 0;
}

static int write(void *ctx, uint64_t offset, const void *page, size_t len)
{
    (void)ctx;
    expect(len > 0 && len <= PAGE, offset, len);
    late += truncated && offset >= PAGE;
    step();
    lp_host_wrote_back(world.m, page);
    memcpy(disk[offset / PAGE], page, len);
    step();
    return 0;
}

/* A file whose page i begins with 100 + i. */
static void make_file(void)
{
    static const struct lp_object_ops ops = { fill, write, NULL };
    uint64_t i, word;
    int error;

    memset(disk, 0, sizeof(disk));
    for (i = 0; i < FILE_PAGES; i++) {
        word = 100 + i;
        memcpy(disk[i], &word, sizeof(word));
    }
    error = lp_object_create(world.pager, &ops, NULL, FILE_PAGES * PAGE,
                             LP_OBJECT_READ | LP_OBJECT_WRITE, &world.object);
    expect(error == 0, error, 0);
}

static void make_parent(void)
{
    make_file();
    parent = new_space();
    map_object(parent, A, FILE_PAGES, LP_MAP_SHARED);
    map_object(parent, B, FILE_PAGES, LP_MAP_PRIVATE);
    lp_host_cpu_set(world.m, 0);
    use(parent);
    child = NULL;
}

static void sync_all(void)
{
    int error = lp_object_sync(world.object, 0, UINT64_MAX);

    expect(error == 0, error, 0);
}

/* --- write-back ---------------------------------------------------------- */

/* One thread stores, two others write back what is dirty. */
static void sync_setup(void)
{
    make_parent();
    put(A, 1);
}

static void sync_run(unsigned self)
{
    uint64_t i;
    int error;

    use(parent);
    if (self == 0) {
        for (i = 2; i < 6; i++)
            put(A, i);
    } else if (self == 1) {
        error = lp_msync(parent, A, PAGE, LP_MS_SYNC);
        expect(error == 0, error, 0);
    } else {
        sync_all();
    }
}

static void sync_check(void)
{
    sync_all();
    expect(on_disk(0, 0) == 5, on_disk(0, 0), 0);
}

/* Parent and child store to the same file while it is written back. */
static void sync_fork_setup(void)
{
    make_parent();
    put(A, 1);
    put(A + PAGE, 1);
    put(B, 1);
    child = fork_of(parent);
}

static void sync_fork_run(unsigned self)
{
    uint64_t i;

    if (self == 2) {
        sync_all();
        step();
        sync_all();
        return;
    }
    use(self ? child : parent);
    for (i = 2; i < 5; i++) {
        put(A + self * PAGE, i);
        if (i == 3 && self)
            put(B, 7);
        if (i == 3 && !self)
            (void)fork_of(parent);
    }
}

static void sync_fork_check(void)
{
    sync_all();
    expect(on_disk(0, 0) == 4, on_disk(0, 0), 0);
    expect(on_disk(1, 0) == 4, on_disk(1, 0), 0);
    expect(look(parent, B) == 1, look(parent, B), 0);
    expect(look(child, B) == 7, look(child, B), 0);
    expect(look(child, A) == 4, look(child, A), 0);
}

/* A mapping goes while its last store is being written back. */
static void sync_unmap_run(unsigned self)
{
    if (self == 2) {
        sync_all();
        return;
    }
    use(self ? child : parent);
    put(A + self * PAGE, 3);
    put(A + self * PAGE, 4);
    if (self == 0)
        unmap(parent, A, 1);
    else
        protect(child, A, FILE_PAGES, LP_READ);
}

static void sync_unmap_check(void)
{
    sync_all();
    expect(on_disk(0, 0) == 4, on_disk(0, 0), 0);
    expect(on_disk(1, 0) == 4, on_disk(1, 0), 0);
    expect(look(parent, A + PAGE) == 4, look(parent, A + PAGE), 0);
    expect(look(child, A) == 4, look(child, A), 0);
}

/*
 * One thread stores until another has unmapped the page, the last of four that
 * a third one is writing back.
 */
static void unmap_store_setup(void)
{
    unsigned i;

    sync_setup();
    for (i = 1; i < FILE_PAGES; i++)
        put(A + i * PAGE, 1);
    last_stored = 1;
}

static void unmap_store_run(unsigned self)
{
    uint64_t i;
    enum lp_host_code code;

    if (self == 2) {
        sync_all();
        return;
    }
    use(parent);
    if (self == 1) {
        unmap(parent, A + 3 * PAGE, 1);
        return;
    }
    for (i = 2; i < 8; i++) {
        code = try_put(A + 3 * PAGE, i);
        expect(code == LP_HOST_OK || code == LP_HOST_MAPERR, code, 0);
        if (code != LP_HOST_OK)
            break;
        last_stored = i;
    }
}

static void unmap_store_check(void)
{
    sync_all();
    expect(on_disk(3, 0) == last_stored, on_disk(3, 0), last_stored);
}

/*
 * A page that has been written back is taken out of reach while a program
 * stores to it anew: D of what still went through must not be lost.
 */
static void keep_setup(void)
{
    sync_setup();
    sync_all();
    last_stored = 1;
}

static void keep_run(unsigned self)
{
    uint64_t i;
    enum lp_host_code code;

    if (self == 1) {
        protect(parent, A, 1, 0);
        return;
    }
    use(parent);
    for (i = 2; i < 5; i++) {
        code = try_put(A, i);
        expect(code == LP_HOST_OK || code == LP_HOST_ACCERR, code, i);
        if (code != LP_HOST_OK)
            break;
        last_stored = i;
    }
}

static void keep_check(void)
{
    sync_all();
    expect(on_disk(0, 0) == last_stored, on_disk(0, 0), last_stored);
}

/* A space that maps the file ends, and another takes its place, meanwhile. */
static void leave_setup(void)
{
    make_parent();
    put(A, 1);
    child = fork_of(parent);
    use(child);
    put(A + PAGE, 2);
    use(NULL);
}

static void leave_run(unsigned self)
{
    if (self == 0) {
        sync_all();
    } else {
        end_space(child);
        (void)new_space();
    }
}

static void leave_check(void)
{
    sync_all();
    expect(on_disk(0, 0) == 1, on_disk(0, 0), 0);
    expect(on_disk(1, 0) == 2, on_disk(1, 0), 0);
}

/* --- truncate ------------------------------------------------------------ */

static void truncate_setup(void)
{
    make_parent();
    put(A + 2 * PAGE, 11);
    put(B + 2 * PAGE, 12);
    child = fork_of(parent);
    truncated = false;
}

/* Read page 2 or write it: allowed until it is gone, never after. */
static void touch(lp_va va, bool write_it)
{
    bool after = truncated;
    uint64_t seen = 0;
    enum lp_host_code code =
        write_it ? try_put(va + 2 * PAGE, 13) : try_get(va + 2 * PAGE, &seen);

    expect(code == LP_HOST_BUS || (code == LP_HOST_OK && !after), code, va);
    expect(write_it || code != LP_HOST_OK || (seen >= 11 && seen <= 13), seen,
           va);
}

static void truncate_run(unsigned self)
{
    struct lp_space *more;
    int error;

    if (self == 0) {
        error = lp_object_resize(world.object, PAGE);
        expect(error == 0, error, 0);
        truncated = true;
        return;
    }
    use(self == 1 ? parent : child);
    touch(A, chance(2));
    touch(B, chance(2));
    if (chance(2)) {
        more = fork_of(self == 1 ? parent : child);
        touch(B, true);
        touch(A, true);
        use(more);
        touch(A, chance(2));
        touch(B, chance(2));
    }
    touch(B, false);
}

static void truncate_check(void)
{
    enum lp_host_code code;
    uint64_t value;
    unsigned i;
    int error;

    for (i = 0; i < SPACES_MAX; i++) {
        if (!world.space[i])
            continue;
        lp_host_cpu_set(world.m, 0);
        use(world.space[i]);
        code = try_get(A + 2 * PAGE, &value);
        expect(code == LP_HOST_BUS, code, i);
        code = try_get(B + 2 * PAGE, &value);
        expect(code == LP_HOST_BUS, code, i);
    }
    /* What the file system does when it frees the blocks. */
    memset(disk[1], 0, 3 * PAGE);
    error = lp_object_resize(world.object, FILE_PAGES * PAGE);
    expect(error == 0, error, 0);
    for (i = 0; i < SPACES_MAX; i++)
        if (world.space[i]) {
            value = look(world.space[i], A + 2 * PAGE);
            expect(value == 0, value, i);
            value = look(world.space[i], B + 2 * PAGE);
            expect(value == 0, value, i);
        }
}

/* The file shrinks and grows while it is read for the first time. */
static void regrow_run(unsigned self)
{
    uint64_t seen = 0;
    enum lp_host_code code;
    int error;

    if (self == 0) {
        error = lp_object_resize(world.object, PAGE);
        expect(error == 0, error, 0);
        memset(disk[1], 0, 3 * PAGE);
        step();
        error = lp_object_resize(world.object, FILE_PAGES * PAGE);
        expect(error == 0, error, 0);
        truncated = true;
        return;
    }
    use(parent);
    do {
        bool after = truncated;

        code = try_get((self == 1 ? A : B) + 2 * PAGE, &seen);
        expect(code == LP_HOST_BUS || code == LP_HOST_OK, code, self);
        expect(code != LP_HOST_OK || seen == 0 || (seen == 102 && !after), seen,
               after);
        relax();
    } while (!truncated);
}

static void regrow_setup(void)
{
    make_parent();
    truncated = false;
}

static void regrow_check(void)
{
    expect(look(parent, A + 2 * PAGE) == 0, 0, 0);
    expect(look(parent, B + 2 * PAGE) == 0, 0, 0);
}

/*
 * The file shrinks while all of it is written back: of what was cut off only
 * the page that was on its way may still arrive.
 */
static void cut_setup(void)
{
    unsigned i;

    make_parent();
    for (i = 0; i < FILE_PAGES; i++)
        put(A + i * PAGE, 1);
    use(NULL); /* no flush that waits for the other CPU */
    truncated = false;
    late = 0;
}

static void cut_run(unsigned self)
{
    int error;

    if (self == 0) {
        error = lp_object_resize(world.object, PAGE);
        expect(error == 0, error, 0);
        truncated = true;
    }
    sync_all();
}

static void cut_check(void)
{
    expect(late <= 1, late, 0);
    expect(on_disk(0, 0) == 1, on_disk(0, 0), 0);
    expect(lp_object_size(world.object) == PAGE, 0, 0);
}

/* --- pages held ---------------------------------------------------------- */

/*
 * CPU 0 is a driver that holds page A while a device writes word 6; CPU 1
 * forks; CPU 2 writes word 1.  The device's words must be the parent's, and a
 * child must never change under its reader.
 */
static void pin_setup(void)
{
    parent = new_space();
    map(parent, A, 4);
    lp_host_cpu_set(world.m, 0);
    use(parent);
    put(A, 1);
    put(A + PAGE, 2);
    if (chance(2))
        child = fork_of(parent);
}

/* A device takes its time. */
static void a_while(void)
{
    uint64_t n;

    for (n = chance(40); n > 0; n--)
        step();
}

static void drive(lp_va va, uint64_t value)
{
    struct lp_pin pin;
    int error = lp_get_user_page(parent, va, LP_READ | LP_WRITE, &pin);

    if (error == -LP_ENOMEM && world.scenario->flags & FAILS)
        error = lp_get_user_page(parent, va, LP_READ | LP_WRITE, &pin);
    expect(error == 0, error, va);
    a_while();
    memcpy((char *)pin.page + 48, &value, sizeof(value));
    step();
    memcpy((char *)pin.page + 56, &value, sizeof(value));
    a_while();
    lp_put_user_page(&pin);
    memset(&pin, 0xdb, sizeof(pin));
    a_while();
    expect(pin.frame == UINT64_C(0xdbdbdbdbdbdbdbdb), pin.frame, 0);
}

static void watch_child(struct lp_space *space)
{
    uint64_t before[4], after;
    unsigned i;

    use(space);
    for (i = 0; i < 4; i++)
        before[i] = get(A + (i < 2 ? 8 * i : 8 * i + 32));
    for (i = 0; i < 4; i++) {
        after = get(A + (i < 2 ? 8 * i : 8 * i + 32));
        expect(after == before[i], before[i], after);
    }
}

static void pin_run(unsigned self)
{
    if (self == 0) {
        drive(A, 60);
        drive(A, 61);
        drive(A + PAGE, 62);
    } else if (self == 1) {
        watch_child(fork_of(parent));
        watch_child(fork_of(parent));
    } else {
        use(parent);
        put(A + 8, 5);
        put(A + 8, 6);
        put(A + PAGE, 7);
    }
}

static void pin_check(void)
{
    expect(look(parent, A + 48) == 61, look(parent, A + 48), 0);
    expect(look(parent, A + 56) == 61, look(parent, A + 56), 0);
    expect(look(parent, A + PAGE + 48) == 62, 0, 0);
    expect(look(parent, A + 8) == 6, look(parent, A + 8), 0);
    expect(look(parent, A + PAGE) == 7, 0, 0);
}

/* System calls read and write memory that is being forked. */
static void copy_run(unsigned self)
{
    uint64_t value = 8, seen = 0, n;
    struct lp_space *mine;
    int error;

    if (self == 1) {
        mine = fork_of(parent);
        n = lp_copy_in(mine, &seen, A + 8, sizeof(seen), &error);
        expect(n == 8 && (seen == 0 || seen == 8 || seen == 9), seen, error);
        watch_child(mine);
        return;
    }
    if (self == 0) {
        n = lp_copy_out(parent, A + 8, &value, sizeof(value), &error);
        expect(n == 8, n, error);
        step();
        value = 9;
        n = lp_copy_out(parent, A + 8, &value, sizeof(value), &error);
        expect(n == 8, n, error);
        return;
    }
    use(parent);
    for (n = 0; n < 4; n++) {
        value = get(A + 8);
        expect(value == 9 || value == seen || (value == 8 && seen == 0), value,
               seen);
        seen = value;
    }
    put(A + 16, 3);
}

static void copy_check(void)
{
    expect(look(parent, A + 8) == 9, look(parent, A + 8), 0);
    expect(look(parent, A + 16) == 3, look(parent, A + 16), 0);
}

const struct scenario scenarios_object[] = {
    { "sync_two_against_stores", "do two write-backs lose a store?", 3, 0, 0, 0,
      sync_setup, sync_run, sync_check },
    { "sync_against_fork", "... or one, when tables are copied meanwhile?", 3,
      0, 0, 0, sync_fork_setup, sync_fork_run, sync_fork_check },
    { "sync_against_unmap", "... or when the mapping goes?", 3, 0, 0, 0,
      sync_fork_setup, sync_unmap_run, sync_unmap_check },
    { "sync_against_unmap_of_stores",
      "is the last store before munmap written?", 3, 0, 0, 0, unmap_store_setup,
      unmap_store_run, unmap_store_check },
    { "protect_none_against_stores_again",
      "is D kept of a page that goes out of reach?", 2, 0, 1, 0, keep_setup,
      keep_run, keep_check },
    { "sync_against_exit", "does a space stay while somebody looks into it?", 2,
      0, 1, 0, leave_setup, leave_run, leave_check },
    { "truncate_against_sync", "is what was cut off not written any more?", 2,
      0, 1, 0, cut_setup, cut_run, cut_check },
    { "truncate_against_faults_and_forks",
      "is a page past the end out of every space's reach?", 3, 0, 0, 0,
      truncate_setup, truncate_run, truncate_check },
    { "truncate_and_grow_against_fill", "does old data come back?", 3, 0, 0, 0,
      regrow_setup, regrow_run, regrow_check },
    { "pin_against_fork", "does a page held stay with its space?", 3, 0, 0, 0,
      pin_setup, pin_run, pin_check },
    { "pin_against_fork_with_a_failure", "... when a frame is missing?", 3, 0,
      0, FAILS, pin_setup, pin_run, pin_check },
    { "copy_out_against_fork", "do system calls write for the parent?", 3, 0, 0,
      0, pin_setup, copy_run, copy_check },
    { .name = NULL },
};
