/*
 * cpus.c: several CPUs: what one changes, all the others see.
 *
 * On a machine with one CPU the cases run on that one.
 */
#include "conformance.h"

#define FILE_RW (LP_OBJECT_READ | LP_OBJECT_WRITE)

static void on(struct conf *c, unsigned cpu)
{
    conf_cpu(c, cpu % conf_ncpus(c));
}

/* Does the same access give the same answer on every CPU? */
static void expect_on_all(struct conf *c, struct lp_space *s, unsigned access,
                          lp_va va, enum lp_fault_code code)
{
    unsigned cpu;

    for (cpu = 0; cpu < conf_ncpus(c); cpu++) {
        on(c, cpu);
        CHECK_EQ(c, conf_touch(c, s, access, va), code);
    }
    on(c, 0);
}

static void get_on_all(struct conf *c, struct lp_space *s, lp_va va,
                       uint64_t value)
{
    unsigned cpu;

    for (cpu = 0; cpu < conf_ncpus(c); cpu++) {
        on(c, cpu);
        CHECK_EQ(c, conf_get(c, s, va), value);
    }
    on(c, 0);
}

/* After munmap: does no CPU get through, and do neighbours stay? */
static void unmapped_everywhere(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - 2 * PAGE;
    unsigned i;

    conf_anon(c, s, a, 4, RW);
    conf_put_pages(c, s, a, 4, 10);
    for (i = 0; i < 4; i++)
        get_on_all(c, s, a + i * PAGE, 10 + i);
    CHECK_EQ(c, conf_munmap(c, s, a + PAGE, 2 * PAGE), 0);
    expect_on_all(c, s, LP_READ, a + PAGE, LP_FAULT_MAPERR);
    expect_on_all(c, s, LP_WRITE, a + 2 * PAGE, LP_FAULT_MAPERR);
    get_on_all(c, s, a, 10);
    get_on_all(c, s, a + 3 * PAGE, 13);
    conf_anon(c, s, a + PAGE, 2, RW);
    get_on_all(c, s, a + PAGE, 0);
}

/* After FIXED over it: does every CPU see the new memory? */
static void replaced_everywhere(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 10);
    get_on_all(c, s, a, 10);
    on(c, 1);
    conf_map(c, s, a, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    get_on_all(c, s, a, conf_file_word(c, 0, 0));
    expect_on_all(c, s, LP_WRITE, a, LP_FAULT_ACCERR);
}

/* Is narrowing visible on every CPU when mprotect returns? */
static void narrowed_everywhere(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 2, RWX);
    expect_on_all(c, s, LP_WRITE, a, LP_FAULT_OK);
    expect_on_all(c, s, LP_EXEC, a, LP_FAULT_OK);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RX), 0);
    expect_on_all(c, s, LP_WRITE, a, LP_FAULT_ACCERR);
    expect_on_all(c, s, LP_EXEC, a, LP_FAULT_OK);
    on(c, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, LP_READ), 0);
    expect_on_all(c, s, LP_EXEC, a, LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, 0), 0);
    expect_on_all(c, s, LP_READ, a, LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RWX), 0);
    expect_on_all(c, s, LP_WRITE, a, LP_FAULT_OK);
    expect_on_all(c, s, LP_EXEC, a, LP_FAULT_OK);
}

/* The parent runs on all CPUs, each ready to write: is fork a border? */
static void fork_while_all_may_write(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 4 * PAGE;
    unsigned cpu, n = conf_ncpus(c);

    conf_anon(c, p, a, 8, RW);
    for (cpu = 0; cpu < n; cpu++) {
        on(c, cpu);
        conf_put_pages(c, p, a, 8, 1);
    }
    on(c, 0);
    child = conf_fork(c, p);
    for (cpu = 0; cpu < n; cpu++) {
        on(c, cpu);
        conf_put(c, p, a + cpu * PAGE, 100 + cpu);
    }
    on(c, 0);
    conf_expect_pages(c, child, a, 8, 1);
    for (cpu = 0; cpu < n; cpu++)
        get_on_all(c, p, a + cpu * PAGE, 100 + cpu);
}

/* Parent and child on two CPUs, page by page, each first in turn. */
static void both_sides_at_once(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 8 * PAGE;
    unsigned i;

    conf_anon(c, p, a, 16, RW);
    conf_put_pages(c, p, a, 16, 1);
    child = conf_fork(c, p);
    for (i = 0; i < 16; i++) {
        on(c, i % 2);
        conf_put(c, i % 2 ? child : p, a + i * PAGE, 100 + i);
        on(c, 1 - i % 2);
        conf_put(c, i % 2 ? p : child, a + i * PAGE, 200 + i);
        CHECK_EQ(c, conf_get(c, i % 2 ? p : child, a + i * PAGE), 200 + i);
        on(c, i % 2);
        CHECK_EQ(c, conf_get(c, i % 2 ? child : p, a + i * PAGE), 100 + i);
    }
    on(c, 0);
}

/* write; fork; write, two threads of the parent on two CPUs (DESIGN, R2). */
static void write_fork_write(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child, *second;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 3, RW);
    conf_put_pages(c, p, a, 3, 1);
    on(c, 1);
    conf_expect_pages(c, p, a, 3, 1);
    conf_put(c, p, a + PAGE, 5);
    child = conf_fork(c, p);
    on(c, 0);
    conf_put(c, p, a, 6);
    second = conf_fork(c, p);
    on(c, 1);
    CHECK_EQ(c, conf_get(c, p, a), 6);
    conf_put(c, p, a, 7);
    conf_put(c, p, a + PAGE, 8);
    on(c, 0);
    CHECK_EQ(c, conf_get(c, p, a), 7);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 8);
    CHECK_EQ(c, conf_get(c, child, a), 1);
    CHECK_EQ(c, conf_get(c, child, a + PAGE), 5);
    CHECK_EQ(c, conf_get(c, second, a), 6);
    CHECK_EQ(c, conf_get(c, second, a + PAGE), 5);
}

/* A copy made by one CPU is what the others read and write from then on. */
static void copy_seen_by_all(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, p, a, 2, RW);
    CHECK_EQ(c, conf_get(c, p, a + PAGE), 0);
    conf_put(c, p, a, 1);
    child = conf_fork(c, p);
    get_on_all(c, child, a, 1);
    get_on_all(c, child, a + PAGE, 0);
    on(c, 1);
    conf_put(c, child, a, 2);
    conf_put(c, child, a + PAGE, 3);
    get_on_all(c, child, a, 2);
    get_on_all(c, child, a + PAGE, 3);
    on(c, 2);
    conf_put(c, child, a, 4);
    get_on_all(c, child, a, 4);
    get_on_all(c, p, a, 1);
}

/* A CPU that was away comes back: has it missed nothing? */
static void away_and_back(struct conf *c)
{
    struct lp_space *s = conf_space(c), *other = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 3, RW);
    conf_anon(c, other, a, 3, RW);
    on(c, 1);
    conf_put_pages(c, s, a, 3, 1);
    conf_put_pages(c, other, a, 3, 100);
    on(c, 0);
    CHECK_EQ(c, conf_munmap(c, s, a, PAGE), 0);
    CHECK_EQ(c, conf_mprotect(c, s, a + PAGE, PAGE, LP_READ), 0);
    conf_fork(c, s);
    conf_put(c, s, a + 2 * PAGE, 50);
    on(c, 1);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + PAGE), LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 2);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE), 50);
    conf_expect_pages(c, other, a, 3, 100);
    conf_activate(c, NULL);
    on(c, 0);
    CHECK_EQ(c, conf_munmap(c, s, a, 3 * PAGE), 0);
    on(c, 1);
    CHECK_EQ(c, conf_touch(c, s, LP_READ, a + 2 * PAGE), LP_FAULT_MAPERR);
    on(c, 0);
}

/* More spaces than a TLB keeps apart, in turn, on one CPU and on all. */
static void many_spaces(struct conf *c)
{
    struct lp_space *s[10];
    lp_va a = conf_place(c, 1, 0);
    unsigned i, round;

    for (i = 0; i < 10; i++) {
        s[i] = conf_space(c);
        conf_anon(c, s[i], a, 2, RW);
        conf_put(c, s[i], a, i);
    }
    for (round = 0; round < 4; round++)
        for (i = 0; i < 10; i++) {
            on(c, round + i / 3);
            CHECK_EQ(c, conf_get(c, s[i], a), i + 10 * round);
            conf_put(c, s[i], a, i + 10 * (round + 1));
            conf_put(c, s[i], a + PAGE, i);
            if ((round + i) % 3)
                continue;
            CHECK_EQ(c, conf_munmap(c, s[i], a + PAGE, PAGE), 0);
            CHECK_EQ(c, conf_touch(c, s[i], LP_READ, a + PAGE),
                     LP_FAULT_MAPERR);
            conf_anon(c, s[i], a + PAGE, 1, RW);
        }
    on(c, 0);
}

/* A new space where an old one was: does nothing of the old one show? */
static void reborn_spaces(struct conf *c)
{
    lp_va a = conf_place(c, 1, 0);
    struct lp_space *s;
    unsigned i, cpu;

    for (i = 0; i < 12; i++) {
        s = conf_space(c);
        for (cpu = 0; cpu < conf_ncpus(c); cpu++) {
            on(c, cpu);
            CHECK_EQ(c, conf_touch(c, s, LP_READ, a), LP_FAULT_MAPERR);
        }
        conf_anon(c, s, a, 1, RW);
        get_on_all(c, s, a, 0);
        on(c, i);
        conf_put(c, s, a, i + 1);
        get_on_all(c, s, a, i + 1);
        conf_destroy(c, s);
    }
}

/* A store on a CPU that has D cached, after msync: is it dirty again? */
static void dirty_again_after_msync(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);
    unsigned i;

    conf_map(c, s, a, 2, RW, LP_MAP_SHARED, o, 0);
    for (i = 1; i <= 4; i++) {
        on(c, 1);
        conf_put(c, s, a, i);
        on(c, 2);
        conf_put(c, s, a + 8, i);
        on(c, 0);
        CHECK_EQ(c, conf_msync(c, s, a, 2 * PAGE, LP_MS_SYNC), 0);
        CHECK_EQ(c, conf_file_word(c, 0, 0), i);
        CHECK_EQ(c, c->files[0].nwrites, i);
    }
}

/* Truncate: is the page gone on every CPU, in every space, also shared ones? */
static void truncated_everywhere(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 3 * PAGE, FILE_RW);
    lp_va a = conf_place(c, 1, 0);

    conf_map(c, p, a, 3, RW, LP_MAP_SHARED, o, 0);
    conf_map(c, p, a + 3 * PAGE, 3, RW, LP_MAP_PRIVATE, o, 0);
    conf_put_pages(c, p, a, 6, 1);
    child = conf_fork(c, p);
    on(c, 1);
    conf_expect_pages(c, child, a, 6, 1);
    on(c, 2);
    conf_expect_pages(c, p, a, 6, 1);
    on(c, 0);
    CHECK_EQ(c, conf_resize(c, 0, PAGE), 0);
    on(c, 1);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a + 2 * PAGE), LP_FAULT_BUS);
    CHECK_EQ(c, conf_touch(c, child, LP_READ, a + 4 * PAGE), LP_FAULT_BUS);
    on(c, 2);
    CHECK_EQ(c, conf_touch(c, p, LP_READ, a + PAGE), LP_FAULT_BUS);
    CHECK_EQ(c, conf_touch(c, p, LP_WRITE, a + 5 * PAGE), LP_FAULT_BUS);
    get_on_all(c, p, a, 1);
    get_on_all(c, child, a + 3 * PAGE, 4);
}

/* Rights that another CPU's fault added: does a stale entry cost a fault? */
static void widened_elsewhere__spurious(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_stats before, after;

    conf_anon(c, s, a, 1, RWX);
    conf_put(c, s, a, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, LP_READ), 0);
    get_on_all(c, s, a, 1);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, RWX), 0);
    before = conf_stats(c, s);
    expect_on_all(c, s, LP_WRITE, a, LP_FAULT_OK);
    after = conf_stats(c, s);
    CHECK_EQ(c, after.copies, before.copies);
    CHECK_EQ(c, after.decisions[LP_DENY], before.decisions[LP_DENY]);
    expect_on_all(c, s, LP_EXEC, a, LP_FAULT_OK);
}

const struct conf_case conf_cpus_cases[] = {
    { "cpus-unmapped", unmapped_everywhere, NULL },
    { "cpus-replaced", replaced_everywhere, NULL },
    { "cpus-narrowed", narrowed_everywhere, NULL },
    { "cpus-fork", fork_while_all_may_write, NULL },
    { "cpus-both-sides", both_sides_at_once, NULL },
    { "cpus-write-fork-write", write_fork_write, NULL },
    { "cpus-copy-seen", copy_seen_by_all, NULL },
    { "cpus-away", away_and_back, NULL },
    { "cpus-many-spaces", many_spaces, NULL },
    { "cpus-reborn-spaces", reborn_spaces, NULL },
    { "cpus-dirty-again", dirty_again_after_msync, NULL },
    { "cpus-truncated", truncated_everywhere, NULL },
    { "cpus-widened", widened_elsewhere__spurious, NULL },
    { NULL, NULL, NULL },
};
