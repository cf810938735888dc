/*
 * scenarios_space.c: fork, exit, munmap, mprotect, faults and switches of
 * spaces against each other.
 */
#include "world.h"

#define A ((lp_va)PAGES_A)
#define B ((lp_va)PAGES_B)
#define C ((lp_va)PAGES_C)
#define PAGE LP_PAGE_SIZE

static struct lp_space *parent, *child, *other;
static bool done;

static void make_parent(void)
{
    parent = new_space();
    map(parent, A, 4);
    map(parent, B, 4);
    map(parent, C, 4);
    lp_host_cpu_set(world.m, 0);
    use(parent);
    put(A, 1);
    put(A + PAGE, 2);
    put(B, 3);
    done = false;
}

static void make_family(void)
{
    make_parent();
    child = fork_of(parent);
    other = fork_of(child);
}

/* --- revoking ------------------------------------------------------------ */

/* After munmap has returned no CPU reaches the page; nor old data later. */
static void unmap_run(unsigned self)
{
    uint64_t seen = 0;
    enum lp_host_code code;
    unsigned i;
    bool after;

    use(parent);
    if (self == 0) {
        unmap(parent, A, 2);
        done = true;
        step();
        map(parent, A, 2);
        put(A, 5);
        return;
    }
    for (i = 0; i < 5; i++) {
        after = done;
        code = i == 2 && self == 2 ? try_put(A + PAGE, 2)
                                   : try_get(A + PAGE, &seen);
        expect(code == LP_HOST_MAPERR || code == LP_HOST_OK, code, self);
        expect(code != LP_HOST_OK || !after || seen == 0 || seen == 2, seen, i);
        if (self == 1 && code == LP_HOST_OK && after)
            expect(try_get(A, &seen) == LP_HOST_OK && seen != 1, seen, 0);
    }
}

/* After mprotect has returned no store gets through. */
static void protect_run(unsigned self)
{
    uint64_t before;
    enum lp_host_code code;
    unsigned i;
    bool after;

    use(parent);
    if (self == 0) {
        protect(parent, A, 4, LP_READ);
        done = true;
        before = get(A);
        step();
        expect(get(A) == before, before, get(A));
        return;
    }
    for (i = 0; i < 4; i++) {
        after = done;
        code = try_put(A, 10 * self + i);
        expect(code == LP_HOST_ACCERR || (code == LP_HOST_OK && !after), code,
               self);
    }
}

/* None, and back: what was there is still there. */
static void none_run(unsigned self)
{
    uint64_t seen = 0;
    enum lp_host_code code;
    unsigned i;

    use(self == 2 ? child : parent);
    if (self == 0) {
        protect(parent, A, 4, 0);
        protect(parent, A, 4, LP_READ | LP_WRITE);
        done = true;
        return;
    }
    for (i = 0; i < 4; i++) {
        code = try_put(A + 8 * self, i);
        expect(code == LP_HOST_OK || (code == LP_HOST_ACCERR && self == 1),
               code, self);
        code = try_get(A + PAGE, &seen);
        expect(code == LP_HOST_OK || (code == LP_HOST_ACCERR && self == 1),
               code, self);
        expect(code != LP_HOST_OK || seen == 2, seen, self);
    }
}

static void none_check(void)
{
    expect(look(parent, A) == 1, look(parent, A), 0);
    expect(look(parent, A + 16) == 0, 0, 0);
    expect(look(child, A + 8) == 0, 0, 0);
    expect(look(child, A + 16) == 3, 0, 0);
    expect(look(child, A) == 1, 0, 0);
}

/* --- switching ----------------------------------------------------------- */

/* A CPU leaves and comes back while what it has cached is revoked. */
static void switch_run(unsigned self)
{
    uint64_t seen = 0;
    enum lp_host_code code;
    unsigned i;
    bool after;

    if (self == 0) {
        use(chance(2) ? parent : NULL);
        protect(parent, B, 4, LP_READ);
        unmap(parent, A, 2);
        done = true;
        if (chance(2))
            map(parent, A, 2);
        return;
    }
    for (i = 0; i < 4; i++) {
        use(parent);
        after = done;
        code = try_get(A + PAGE, &seen);
        expect(code == LP_HOST_OK || code == LP_HOST_MAPERR, code, 0);
        expect(code != LP_HOST_OK || seen == (after ? 0 : seen), seen, after);
        code = try_put(B, 7);
        expect(code == LP_HOST_ACCERR || (code == LP_HOST_OK && !after), code,
               after);
        use(i % 2 ? other : child);
        expect(get(A + PAGE) == 2, self, i);
    }
}

/* More spaces than a CPU has identifiers. */
static struct lp_space *crowd[10];

static void crowd_setup(void)
{
    unsigned i;

    make_parent();
    for (i = 0; i < 10; i++)
        crowd[i] = fork_of(parent);
}

static void crowd_run(unsigned self)
{
    unsigned i, n;

    for (i = 0; i < 6; i++) {
        n = (unsigned)chance(10);
        use(crowd[n]);
        put(C + 8 * self, 100 + n);
        expect(get(C + 8 * self) == 100 + n, n, 0);
        expect(get(A) == 1, n, 0);
        use(parent);
        put(A + 8 * (1 + self), i);
    }
}

/* --- families ------------------------------------------------------------ */

/* Parent, child and grandchild write, fork and go at the same time. */
static void family_run(unsigned self)
{
    struct lp_space *mine = self == 0 ? parent : self == 1 ? child : other;
    struct lp_space *next;
    uint64_t i;

    use(mine);
    for (i = 0; i < 2; i++) {
        put(A + 8 * i, 10 * self + i);
        next = fork_of(mine);
        put(B, 20 * self + i);
        use(next);
        expect(get(B) == (i ? 20 * self : 3), get(B), i);
        end_space(mine);
        mine = next;
        put(A + PAGE, 30 * self + i);
        expect(get(A) == 10 * self, get(A), i);
        expect(get(A + 8 * i) == 10 * self + i, get(A + 8 * i), i);
        put(B, 20 * self);
    }
    expect(get(A + PAGE) == 30 * self + 1, get(A + PAGE), self);
}

/* Threads of one space fork at once; the children fork again. */
static void forks_run(unsigned self)
{
    struct lp_space *first, *second;

    use(parent);
    put(A + 8 * (self + 1), 1);
    first = fork_of(parent);
    put(A + 8 * (self + 1), 2);
    second = fork_of(first);
    use(first);
    expect(get(A + 8 * (self + 1)) == 1, get(A + 8 * (self + 1)), 0);
    put(A + 8 * (self + 1), 3);
    use(second);
    expect(get(A + 8 * (self + 1)) == 1, get(A + 8 * (self + 1)), 0);
    expect(get(A) == 1 && get(B) == 3, get(A), get(B));
    end_space(first);
    put(B, 9);
    expect(get(A) == 1, 0, 0);
}

static void forks_check(void)
{
    unsigned i;

    for (i = 0; i < 3; i++)
        expect(look(parent, A + 8 * (i + 1)) == 2, i, 0);
    expect(look(parent, B) == 3, 0, 0);
}

/* A thread forks while others unmap, map and protect. */
static void change_run(unsigned self)
{
    uint64_t seen = 0;
    enum lp_host_code code;
    struct lp_space *mine;

    use(parent);
    if (self == 1) {
        unmap(parent, A + PAGE, 1);
        map(parent, A + PAGE, 1);
        put(A + PAGE, 4);
        return;
    }
    if (self == 2) {
        protect(parent, B, 4, LP_READ);
        protect(parent, B, 4, LP_READ | LP_WRITE);
        put(B, 6);
        return;
    }
    mine = fork_of(parent);
    put(A, 8);
    use(mine);
    expect(get(A) == 1, get(A), 0);
    code = try_get(A + PAGE, &seen);
    expect(code == LP_HOST_MAPERR ||
               (code == LP_HOST_OK && (seen == 2 || seen == 0 || seen == 4)),
           code, seen);
    code = try_put(B, 7);
    expect(code == LP_HOST_OK || code == LP_HOST_ACCERR, code, 0);
    seen = get(B);
    expect(code == LP_HOST_OK ? seen == 7 : seen == 3, seen, code);
}

static void change_check(void)
{
    expect(look(parent, A) == 8, look(parent, A), 0);
    expect(look(parent, A + PAGE) == 4, look(parent, A + PAGE), 0);
    expect(look(parent, B) == 6, look(parent, B), 0);
}

/* First touches in one place: tables are linked, pages come, once. */
static void grow_run(unsigned self)
{
    unsigned i;

    use(parent);
    for (i = 0; i < 3; i++) {
        if (self == 2)
            (void)get(C + i * PAGE);
        put(C + i * PAGE + 8 * self, 1 + self);
        expect(get(C + i * PAGE + 8 * self) == 1 + self, i, self);
    }
    if (self == 1)
        (void)fork_of(parent);
}

static void grow_check(void)
{
    unsigned i, cpu;

    for (i = 0; i < 3; i++)
        for (cpu = 0; cpu < 3; cpu++)
            expect(look(parent, C + i * PAGE + 8 * cpu) == 1 + cpu, i, cpu);
}

/* Both last sharers write the same page: whoever is last gets it back. */
static void last_run(unsigned self)
{
    use(self ? child : parent);
    put(A, 10 + self);
    put(A + PAGE, 20 + self);
}

static void last_check(void)
{
    expect(look(parent, A) == 10 && look(child, A) == 11, 0, 0);
    expect(look(parent, A + PAGE) == 20 && look(child, A + PAGE) == 21, 0, 0);
    expect(look(child, B) == 3 && look(parent, B) == 3, 0, 0);
}

static void make_pair(void)
{
    make_parent();
    child = fork_of(parent);
}

const struct scenario scenarios_space[] = {
    { "unmap_against_access", "is a page out of reach when munmap returns?", 3,
      0, 0, 0, make_parent, unmap_run, NULL },
    { "unmap_shared_against_access", "... also from tables shared by fork?", 3,
      0, 0, 0, make_family, unmap_run, NULL },
    { "protect_against_stores", "is narrowing seen by all when it returns?", 3,
      0, 0, 0, make_parent, protect_run, NULL },
    { "protect_shared_against_stores", "... also of what fork shares?", 3, 0, 0,
      0, make_family, protect_run, NULL },
    { "protect_none_and_back", "is what was there still there?", 3, 0, 0, 0,
      make_family, none_run, none_check },
    { "switch_against_revocation", "does a CPU that was away catch up?", 2, 0,
      0, 0, make_family, switch_run, NULL },
    { "switch_among_many", "are identifiers that change hands flushed?", 2, 400,
      0, 0, crowd_setup, crowd_run, NULL },
    { "family_of_three", "do three generations disturb each other?", 3, 400, 0,
      0, make_family, family_run, NULL },
    { "family_with_a_failure", "... when a frame is missing?", 3, 400, 0, FAILS,
      make_family, family_run, NULL },
    { "forks_at_once", "do forks of one space at once agree?", 3, 400, 0, 0,
      make_parent, forks_run, forks_check },
    { "forks_at_once_with_a_failure", "... when a frame is missing?", 3, 400, 0,
      FAILS, make_parent, forks_run, forks_check },
    { "fork_against_changes", "is a child one moment of its parent?", 3, 0, 0,
      0, make_parent, change_run, change_check },
    { "grow_at_once", "do first touches in one place meet?", 3, 0, 0, 0,
      make_parent, grow_run, grow_check },
    { "grow_at_once_with_a_failure", "... when a frame is missing?", 3, 0, 0,
      FAILS, make_parent, grow_run, grow_check },
    { "last_sharers_at_once", "does each of two sharers keep its page?", 2, 0,
      1, 0, make_pair, last_run, last_check },
    { .name = NULL },
};
