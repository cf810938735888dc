/*
 * oom.c: the n-th allocation fails, for every n, in every call: the stated
 * error, every space as it was, pages and all; and then the call works.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

/* One call that is made to fail; the first space is c->spaces[0]. */
struct trial {
    void (*setup)(struct conf *c);
    int64_t (*call)(struct conf *c); /* 0 or more: success */
    void (*verify)(struct conf *c);  /* after success; or NULL */
};

static lp_va base(const struct conf *c)
{
    return conf_place(c, 1, 1) - 4 * PAGE;
}

static void clear(struct conf *c)
{
    unsigned i;

    for (i = 0; i < CONF_SPACES; i++)
        if (c->spaces[i])
            conf_destroy(c, c->spaces[i]);
    for (i = 0; i < CONF_OBJECTS; i++)
        if (c->objects[i])
            conf_close(c, c->objects[i]);
}

/* *reached: the call came as far as the n-th allocation. */
static void fail_nth(struct conf *c, const struct trial *t, uint64_t n, bool on,
                     bool *reached)
{
    uint64_t before, frames = c->frames, start;
    int64_t result;

    *reached = false;
    t->setup(c);
    if (c->failed)
        return;
    before = conf_snapshot(c);
    start = c->allocations;
    conf_fail_at(c, n, on);
    result = t->call(c);
    conf_fail_at(c, 0, false);
    *reached = c->allocations - start >= n;
    if (result < 0) {
        CHECK(c, *reached);
        CHECK_EQ(c, result, -LP_ENOMEM);
        CHECK_EQ(c, conf_snapshot(c), before);
        result = t->call(c);
        CHECK(c, result >= 0);
    }
    if (t->verify)
        t->verify(c);
    clear(c);
    CHECK_EQ(c, c->frames, frames);
}

static void fail_each(struct conf *c, const struct trial *t)
{
    unsigned mode;
    bool reached;
    uint64_t n;

    for (mode = 0; mode < 2; mode++) {
        reached = true;
        for (n = 1; reached && !c->failed; n++)
            fail_nth(c, t, n, mode == 1, &reached);
    }
}

/* A parent with private, read-only and shared pages, and a child of it. */
static void setup_family(struct conf *c)
{
    struct lp_space *p = conf_space(c);
    lp_va a = base(c);

    conf_anon(c, p, a, 8, RW);
    conf_anon(c, p, a + 8 * PAGE, 4, RWX);
    conf_map(c, p, a + 12 * PAGE, 4, RW, SHANON, NULL, 0);
    conf_anon(c, p, conf_place(c, 3, 0), 2, RW);
    conf_put_pages(c, p, a, 14, 1);
    conf_put(c, p, conf_place(c, 3, 0), 1);
    conf_fork(c, p);
}

/* The same, and the child has tables and pages of its own by now. */
static void setup_grown_family(struct conf *c)
{
    setup_family(c);
    conf_put_pages(c, c->spaces[1], base(c), 3, 20);
    conf_put_pages(c, c->spaces[0], base(c) + PAGE, 1, 30);
    conf_fork(c, c->spaces[1]);
}

static void verify_pages(struct conf *c)
{
    conf_expect_pages(c, c->spaces[1], base(c), 14, 1);
    conf_put_pages(c, c->spaces[0], base(c), 12, 50);
    conf_expect_pages(c, c->spaces[1], base(c), 12, 1);
}

static int64_t call_create(struct conf *c)
{
    struct lp_space *s;
    int error = lp_space_create(c->pager, &s);

    conf_check(c);
    if (!error)
        lp_space_destroy(s);
    return error;
}

static int64_t call_fork(struct conf *c)
{
    struct lp_space *child;

    return conf_try_fork(c, c->spaces[0], &child);
}

static void verify_fork(struct conf *c)
{
    conf_expect_pages(c, c->spaces[2], base(c), 14, 1);
    conf_put_pages(c, c->spaces[2], base(c), 12, 70);
    verify_pages(c);
}

static struct lp_pin held[2];

static void setup_pinned(struct conf *c)
{
    setup_family(c);
    CHECK_EQ(c, conf_pin(c, c->spaces[0], base(c), RW, &held[0]), 0);
    CHECK_EQ(c,
             conf_pin(c, c->spaces[0], conf_place(c, 3, 0), LP_READ, &held[1]),
             0);
}

static void verify_pinned(struct conf *c)
{
    CHECK_EQ(c, conf_query(c, c->spaces[0], base(c)).frame, held[0].frame);
    CHECK_NE(c, conf_query(c, c->spaces[2], base(c)).frame, held[0].frame);
    conf_expect_pages(c, c->spaces[2], base(c), 14, 1);
    conf_unpin(c, &held[0]);
    conf_unpin(c, &held[1]);
    verify_pages(c);
}

static int64_t call_mmap(struct conf *c)
{
    return conf_mmap(c, c->spaces[0], 0, 5 * PAGE, RW, ANON, NULL, 0);
}

static int64_t call_mmap_shared(struct conf *c)
{
    return conf_mmap(c, c->spaces[0], 0, 5 * PAGE, RW, SHANON, NULL, 0);
}

static int64_t call_mmap_fixed(struct conf *c)
{
    return conf_mmap(c, c->spaces[0], base(c) + 2 * PAGE, 4 * PAGE, LP_READ,
                     ANON | LP_MAP_FIXED, NULL, 0);
}

static void verify_fixed(struct conf *c)
{
    lp_va a = base(c);

    CHECK_EQ(c, conf_get(c, c->spaces[0], a + 2 * PAGE), 0);
    CHECK_EQ(c, conf_get(c, c->spaces[0], a + 6 * PAGE), 7);
    conf_expect_pages(c, c->spaces[1], a, 14, 1);
}

static int64_t call_munmap(struct conf *c)
{
    return conf_munmap(c, c->spaces[0], base(c) + 2 * PAGE, 4 * PAGE);
}

static void verify_munmap(struct conf *c)
{
    lp_va a = base(c);

    CHECK_EQ(c, conf_touch(c, c->spaces[0], LP_READ, a + 2 * PAGE),
             LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_get(c, c->spaces[0], a + 6 * PAGE), 7);
    conf_expect_pages(c, c->spaces[1], a, 14, 1);
}

static int64_t call_munmap_area(struct conf *c)
{
    return conf_munmap_area(c, c->spaces[0], base(c) + 8 * PAGE);
}

static int64_t call_mprotect(struct conf *c)
{
    return conf_mprotect(c, c->spaces[0], base(c) + 2 * PAGE, 8 * PAGE, 0);
}

static void verify_mprotect(struct conf *c)
{
    lp_va a = base(c);

    CHECK_EQ(c, conf_touch(c, c->spaces[0], LP_READ, a + 2 * PAGE),
             LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, c->spaces[0], a, 12 * PAGE, RW), 0);
    verify_pages(c);
}

static int64_t call_mprotect_wider(struct conf *c)
{
    return conf_mprotect(c, c->spaces[0], base(c) + 2 * PAGE, 2 * PAGE, RWX);
}

static int64_t call_dontneed(struct conf *c)
{
    return conf_madvise(c, c->spaces[0], base(c) + 2 * PAGE, 4 * PAGE,
                        LP_MADV_DONTNEED);
}

static void verify_dontneed(struct conf *c)
{
    lp_va a = base(c);
    unsigned i;

    CHECK_EQ(c, conf_get(c, c->spaces[0], a + PAGE), 2);
    for (i = 2; i < 6; i++)
        CHECK_EQ(c, conf_get(c, c->spaces[0], a + i * PAGE), 0);
    CHECK_EQ(c, conf_get(c, c->spaces[0], a + 6 * PAGE), 7);
    verify_pages(c);
}

/* One page: with more, those before the one that fails stay. */
static int64_t call_populate(struct conf *c)
{
    return conf_madvise(c, c->spaces[0], base(c) + 3 * PAGE, PAGE,
                        LP_MADV_POPULATE_WRITE);
}

/* The whole shared area: there is no error that it could answer. */
static int64_t call_remove(struct conf *c)
{
    return conf_madvise(c, c->spaces[0], base(c) + 12 * PAGE, 4 * PAGE,
                        LP_MADV_REMOVE);
}

static void verify_remove(struct conf *c)
{
    CHECK_EQ(c, conf_get(c, c->spaces[1], base(c) + 12 * PAGE), 0);
    conf_expect_pages(c, c->spaces[1], base(c), 12, 1);
}

static int64_t fault(struct conf *c, lp_va va, unsigned access)
{
    struct lp_fault_result r;
    int error = conf_fault(c, c->spaces[0], va, access, LP_FAULT_USER, &r);

    if ((error == -LP_ENOMEM) != (r.code == LP_FAULT_NOMEM))
        conf_fail(c, __FILE__, __LINE__, "error and code differ",
                  (uint64_t)-error, r.code);
    return error;
}

static int64_t call_fault_cow(struct conf *c)
{
    return fault(c, base(c) + 3 * PAGE, LP_WRITE);
}

static int64_t call_fault_shared(struct conf *c)
{
    return fault(c, base(c) + 15 * PAGE, LP_WRITE);
}

static int64_t call_fault_zero(struct conf *c)
{
    return fault(c, conf_place(c, 3, 0) + PAGE, LP_READ);
}

static int64_t call_copy_out(struct conf *c)
{
    uint64_t word = 5, done;
    int error;

    done = lp_copy_out(c->spaces[0], base(c) + 5 * PAGE, &word, 8, &error);
    conf_check(c);
    return done == 8 ? 0 : error;
}

static int64_t call_pin(struct conf *c)
{
    struct lp_pin pin;
    int error = conf_pin(c, c->spaces[0], base(c) + 5 * PAGE, RW, &pin);

    if (!error)
        conf_unpin(c, &pin);
    return error;
}

/* --- files --- */

static void setup_file(struct conf *c)
{
    struct lp_space *p = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 10 * PAGE, FILE_RW);

    conf_map(c, p, base(c), 8, RW, LP_MAP_PRIVATE, o, 0);
    conf_map(c, p, conf_place(c, 3, 0), 8, RW, LP_MAP_SHARED, o, 0);
    conf_put(c, p, base(c) + PAGE, 3);
    conf_put(c, p, conf_place(c, 3, 0) + 2 * PAGE, 4);
    conf_fork(c, p);
}

static int64_t call_file_read(struct conf *c)
{
    return fault(c, base(c) + 7 * PAGE, LP_READ);
}

static int64_t call_file_write(struct conf *c)
{
    return fault(c, base(c) + 6 * PAGE, LP_WRITE);
}

static int64_t call_object_create(struct conf *c)
{
    static const struct lp_object_ops none = { NULL, NULL, NULL };
    struct lp_object *o;
    int error = lp_object_create(c->pager, &none, NULL, PAGE, FILE_RW, &o);

    conf_check(c);
    if (!error)
        lp_object_put(o);
    return error;
}

static int64_t call_object_write(struct conf *c)
{
    uint64_t word = 7;
    int64_t done = lp_object_write(c->objects[0], 9 * PAGE, &word, 8);

    conf_check(c);
    return done;
}

static int64_t call_resize(struct conf *c)
{
    return conf_resize(c, 0, 5 * PAGE + 7);
}

static int64_t call_dontneed_file(struct conf *c)
{
    return conf_madvise(c, c->spaces[0], conf_place(c, 3, 0), 8 * PAGE,
                        LP_MADV_DONTNEED);
}

static int64_t call_willneed(struct conf *c)
{
    return conf_madvise(c, c->spaces[0], base(c), 8 * PAGE, LP_MADV_WILLNEED);
}

static int64_t call_msync(struct conf *c)
{
    return conf_msync(c, c->spaces[0], conf_place(c, 3, 0), 8 * PAGE,
                      LP_MS_SYNC);
}

static void verify_file(struct conf *c)
{
    CHECK_EQ(c, conf_get(c, c->spaces[0], base(c) + PAGE), 3);
    CHECK_EQ(c, conf_get(c, c->spaces[1], base(c)), conf_file_word(c, 0, 0));
    CHECK_EQ(c, lp_object_sync(c->objects[0], 0, UINT64_MAX), 0);
    CHECK_EQ(c, conf_file_word(c, 0, 2 * PAGE), 4);
    CHECK_EQ(c, c->files[0].writes[2], 1);
}

#define OOM_CASE(name, setup, call, verify)                    \
    static void name(struct conf *c)                           \
    {                                                          \
        static const struct trial t = { setup, call, verify }; \
        fail_each(c, &t);                                      \
    }

OOM_CASE(oom_create, setup_family, call_create, NULL)
OOM_CASE(oom_fork, setup_family, call_fork, verify_fork)
OOM_CASE(oom_fork_grown, setup_grown_family, call_fork, NULL)
OOM_CASE(oom_fork_pinned, setup_pinned, call_fork, verify_pinned)
OOM_CASE(oom_mmap, setup_family, call_mmap, verify_pages)
OOM_CASE(oom_mmap_shared, setup_family, call_mmap_shared, verify_pages)
OOM_CASE(oom_mmap_fixed, setup_family, call_mmap_fixed, verify_fixed)
OOM_CASE(oom_fixed_grown, setup_grown_family, call_mmap_fixed, NULL)
OOM_CASE(oom_munmap, setup_family, call_munmap, verify_munmap)
OOM_CASE(oom_munmap_grown, setup_grown_family, call_munmap, NULL)
OOM_CASE(oom_munmap_area, setup_family, call_munmap_area, NULL)
OOM_CASE(oom_mprotect, setup_family, call_mprotect, verify_mprotect)
OOM_CASE(oom_mprotect_grown, setup_grown_family, call_mprotect, NULL)
OOM_CASE(oom_mprotect_wider, setup_family, call_mprotect_wider, verify_pages)
OOM_CASE(oom_dontneed, setup_family, call_dontneed, verify_dontneed)
OOM_CASE(oom_dontneed_grown, setup_grown_family, call_dontneed, NULL)
OOM_CASE(oom_dontneed_file, setup_file, call_dontneed_file, verify_file)
OOM_CASE(oom_populate, setup_family, call_populate, verify_pages)
OOM_CASE(oom_willneed, setup_file, call_willneed, verify_file)
OOM_CASE(oom_remove, setup_family, call_remove, verify_remove)
OOM_CASE(oom_fault_cow, setup_family, call_fault_cow, verify_pages)
OOM_CASE(oom_fault_cow_grown, setup_grown_family, call_fault_cow, NULL)
OOM_CASE(oom_fault_shared, setup_family, call_fault_shared, verify_pages)
OOM_CASE(oom_fault_zero, setup_family, call_fault_zero, verify_pages)
OOM_CASE(oom_copy_out, setup_family, call_copy_out, verify_pages)
OOM_CASE(oom_pin, setup_family, call_pin, verify_pages)
OOM_CASE(oom_file_read, setup_file, call_file_read, verify_file)
OOM_CASE(oom_file_write, setup_file, call_file_write, verify_file)
OOM_CASE(oom_object_create, setup_file, call_object_create, verify_file)
OOM_CASE(oom_object_write, setup_file, call_object_write, NULL)
OOM_CASE(oom_resize, setup_file, call_resize, NULL)
OOM_CASE(oom_msync, setup_file, call_msync, verify_file)

/*
 * mprotect changes what lies before a hole and says -LP_ENOMEM; without a frame
 * it says the same and changes nothing.  *reached: the frame was asked for.
 */
static void protect_to_a_hole(struct conf *c, uint64_t n, bool on,
                              bool *reached)
{
    lp_va a = base(c) + 2 * PAGE, hole = base(c) + 16 * PAGE;
    uint64_t before, start;

    *reached = false;
    setup_grown_family(c);
    if (c->failed)
        return;
    before = conf_snapshot(c);
    start = c->allocations;
    conf_fail_at(c, n, on);
    CHECK_EQ(c, conf_mprotect(c, c->spaces[0], a, hole + PAGE - a, 0),
             -LP_ENOMEM);
    conf_fail_at(c, 0, false);
    *reached = c->allocations - start >= n;
    if (*reached)
        CHECK_EQ(c, conf_snapshot(c), before);
    else
        CHECK_EQ(c, conf_touch(c, c->spaces[0], LP_READ, hole - PAGE),
                 LP_FAULT_ACCERR);
    clear(c);
}

static void oom_mprotect_hole(struct conf *c)
{
    unsigned mode;
    bool reached;
    uint64_t n;

    for (mode = 0; mode < 2; mode++) {
        reached = true;
        for (n = 1; reached && !c->failed; n++)
            protect_to_a_hole(c, n, mode == 1, &reached);
        CHECK_OP(c, n, >, 2);
    }
}

/* Does a pager that cannot be made give everything back? */
static void oom_pager(struct conf *c)
{
    struct lp_pager *pager = NULL;
    int error = -LP_ENOMEM;
    uint64_t n;

    CHECK_EQ(c, lp_pager_destroy(c->pager), 0);
    c->pager = NULL;
    CHECK_EQ(c, c->frames, 0);
    for (n = 1; error; n++) {
        CHECK_LE(c, n, 100);
        conf_fail_at(c, n, n % 2);
        error = lp_pager_create(c->m->arch, &c->kernel, NULL, &pager);
        conf_fail_at(c, 0, false);
        CHECK(c, error == 0 || error == -LP_ENOMEM);
        CHECK_EQ(c, error ? c->frames : 0, 0);
    }
    CHECK_OP(c, n, >, 3);
    c->pager = pager;
    conf_check(c);
}

/* Exit needs no memory: what can always be given back is given back. */
static void exit_without_memory(struct conf *c)
{
    setup_grown_family(c);
    conf_fail_at(c, 1, true);
    conf_destroy(c, c->spaces[1]);
    conf_destroy(c, c->spaces[0]);
    conf_destroy(c, c->spaces[2]);
    conf_fail_at(c, 0, false);
}

/* Unmapping everything needs none either, with many pages to let go. */
static void unmap_all_without_memory(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 700, RW);
    c->quiet++;
    conf_put_pages(c, s, a, 700, 1);
    c->quiet--;
    conf_fail_at(c, 1, true);
    CHECK_EQ(c, conf_munmap(c, s, 0, conf_user_end(c)), 0);
    conf_fail_at(c, 0, false);
    CHECK_EQ(c, lp_area_count(s), 0);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_MAPERR);
}

/* A hole without a frame; if it fails, nothing changes, and then with one. */
static bool hole_without_memory(struct conf *c, struct lp_space *s, lp_va va)
{
    uint64_t areas = lp_area_count(s);
    int error;

    conf_fail_at(c, 1, true);
    error = conf_munmap(c, s, va, PAGE);
    conf_fail_at(c, 0, false);
    if (error == 0)
        return false;
    if (error != -LP_ENOMEM || lp_area_count(s) != areas)
        conf_fail(c, __FILE__, __LINE__, "munmap", (uint64_t)-error, va);
    if (conf_munmap(c, s, va, PAGE))
        conf_fail(c, __FILE__, __LINE__, "munmap, again", 0, va);
    return true;
}

/*
 * A hole in each of many areas: nodes of the tree of areas split until its
 * frames are full, and then the next hole cannot be cut.
 */
static void unmap_splits_without_memory(struct conf *c)
{
    enum { AREAS = 160 };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned i, failed = 0;

    c->quiet++;
    for (i = 0; i < AREAS; i++)
        conf_anon(c, s, a + i * 4 * PAGE, 3, RW);
    c->quiet--;
    for (i = 0; i < AREAS && !c->failed; i++)
        failed += hole_without_memory(c, s, a + i * 4 * PAGE + PAGE);
    CHECK(c, failed > 0);
    CHECK_EQ(c, lp_area_count(s), 2 * AREAS);
}

const struct conf_case conf_oom_cases[] = {
    { "oom-pager", oom_pager, NULL },
    { "oom-space-create", oom_create, NULL },
    { "oom-fork", oom_fork, NULL },
    { "oom-fork-grown", oom_fork_grown, NULL },
    { "oom-fork-pinned", oom_fork_pinned, NULL },
    { "oom-mmap", oom_mmap, NULL },
    { "oom-mmap-shared", oom_mmap_shared, NULL },
    { "oom-mmap-fixed", oom_mmap_fixed, NULL },
    { "oom-mmap-fixed-grown", oom_fixed_grown, NULL },
    { "oom-munmap", oom_munmap, NULL },
    { "oom-munmap-grown", oom_munmap_grown, NULL },
    { "oom-munmap-area", oom_munmap_area, NULL },
    { "oom-munmap-splits", unmap_splits_without_memory, NULL },
    { "oom-mprotect", oom_mprotect, NULL },
    { "oom-mprotect-grown", oom_mprotect_grown, NULL },
    { "oom-mprotect-wider", oom_mprotect_wider, NULL },
    { "oom-mprotect-hole", oom_mprotect_hole, NULL },
    { "oom-dontneed", oom_dontneed, NULL },
    { "oom-dontneed-grown", oom_dontneed_grown, NULL },
    { "oom-dontneed-file", oom_dontneed_file, NULL },
    { "oom-populate", oom_populate, NULL },
    { "oom-willneed", oom_willneed, NULL },
    { "oom-remove", oom_remove, NULL },
    { "oom-fault-cow", oom_fault_cow, NULL },
    { "oom-fault-cow-grown", oom_fault_cow_grown, NULL },
    { "oom-fault-shared", oom_fault_shared, NULL },
    { "oom-fault-zero", oom_fault_zero, NULL },
    { "oom-copy-out", oom_copy_out, NULL },
    { "oom-pin", oom_pin, NULL },
    { "oom-file-read", oom_file_read, NULL },
    { "oom-file-write", oom_file_write, NULL },
    { "oom-object-create", oom_object_create, NULL },
    { "oom-object-write", oom_object_write, NULL },
    { "oom-resize", oom_resize, NULL },
    { "oom-msync", oom_msync, NULL },
    { "oom-exit", exit_without_memory, NULL },
    { "oom-unmap-all", unmap_all_without_memory, NULL },
    { NULL, NULL, NULL },
};
