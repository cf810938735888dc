/*
 * scenarios_own.c: the orders R1 to R6 of core/own.h, one or two scenarios
 * each: what would go wrong if an order were another.
 */
#include "world.h"

#define A ((lp_va)PAGES_A)
#define B ((lp_va)PAGES_B)
#define PAGE LP_PAGE_SIZE

static struct lp_space *parent, *child, *grandchild;

/* Two pages at A and one at B, each with the value of its number. */
static void make_parent(void)
{
    parent = new_space();
    map(parent, A, 4);
    map(parent, B, 4);
    lp_host_cpu_set(world.m, 0);
    use(parent);
    put(A, 1);
    put(A + PAGE, 2);
    put(B, 3);
}

/* --- R1: the count before the stale mark --------------------------------- */

static void r1_setup(void)
{
    make_parent();
    child = fork_of(parent);
    grandchild = NULL;
}

static void r1_run(unsigned self)
{
    use(self ? child : parent);
    put(A + (self ? 0 : PAGE), 10 + self);
}

static void r1_check(void)
{
    expect(look(child, A) == 11, look(child, A), 0);
    expect(look(child, A + PAGE) == 2, look(child, A + PAGE), 0);
    expect(look(child, B) == 3, look(child, B), 0);
    expect(look(parent, A) == 1, look(parent, A), 0);
    expect(look(parent, A + PAGE) == 10, look(parent, A + PAGE), 0);
}

/* The child owns the path to B, so A's leaf table hangs on a stale table. */
static void r1_clean_setup(void)
{
    r1_setup();
    use(child);
    put(B, 4);
}

static void r1_clean_check(void)
{
    expect(look(child, B) == 4, look(child, B), 0);
    put(B, 3);
    r1_check();
}

/* --- R2: swing, flush, then own ------------------------------------------ */

/*
 * X is shared copy-on-write, Y is not.  CPU 1 writes X, then Y; CPU 2 has X in
 * its TLB; whoever reads the new Y must read the new X.  CPU 0 writes another
 * word of X's page and may be the one who copies.
 */
static lp_va x, y;

static void message_run(unsigned self)
{
    uint64_t seen;

    if (self == 0) {
        put(x, 100);
    } else if (self == 1) {
        put(x + 8, 7);
        put(y, 1);
    } else {
        seen = get(y);
        expect(seen == 0 || get(x + 8) == 7, seen, 0);
    }
}

static void message_start(void)
{
    unsigned cpu;

    for (cpu = 0; cpu < 3; cpu++) {
        lp_host_cpu_set(world.m, cpu);
        use(parent);
    }
    (void)get(x + 8);
}

/* Reading X fills the TLB of CPU 2; it stays although others run. */
static void message_warm_run(unsigned self)
{
    use(parent);
    if (self == 2)
        (void)get(x + 8);
    message_run(self);
}

static void message_check(void)
{
    expect(look(parent, x) == 100, look(parent, x), 0);
    expect(look(parent, x + 8) == 7, look(parent, x + 8), 0);
    expect(look(child, x) == 1, look(child, x), 0);
    expect(look(child, x + 8) == 0, look(child, x + 8), 0);
}

static void r2_tables_setup(void)
{
    x = A;
    y = B;
    r1_setup();
    use(parent);
    put(y, 0);
}

/* The same with the path owned already: only X's page is shared (R3). */
static void r3_setup(void)
{
    x = A;
    y = A + PAGE;
    r1_setup();
    use(parent);
    put(y, 0);
}

/* --- R2: write; fork; write ---------------------------------------------- */

/*
 * Two threads write their words and fork; a third reads.  CPU i writes its
 * word first on page A, then on page B, so that in every snapshot the word on A
 * is at least as new.  A child shows exactly what its maker wrote before.
 */
static void wfw_setup(void)
{
    make_parent();
    put(A, 0);
    put(B, 0);
}

static void wfw_write(unsigned self, uint64_t value)
{
    put(A + 8 * self, value);
    put(B + 8 * self, value);
}

static void wfw_expect(unsigned self, uint64_t a, uint64_t b, uint64_t last)
{
    expect(a >= b && a <= last, a, b);
    expect(self != 2 || a == 0, a, b);
}

static void wfw_see_child(struct lp_space *space, unsigned self, uint64_t mine)
{
    uint64_t a, b;
    unsigned i, again;

    for (again = 0; again < 2; again++)
        for (i = 0; i < 2; i++) {
            b = get(B + 8 * i);
            a = get(A + 8 * i);
            wfw_expect(i, a, b, 3);
            expect(i != self || (a == mine && b == mine), a, mine);
        }
    use(parent);
    (void)space;
}

static void wfw_run(unsigned self)
{
    struct lp_space *mine;
    uint64_t a, b, i;

    use(parent);
    if (self == 2) {
        for (i = 0; i < 4; i++) {
            b = get(B + 8 * (i % 2));
            a = get(A + 8 * (i % 2));
            wfw_expect((unsigned)(i % 2), a, b, 3);
        }
        return;
    }
    wfw_write(self, 1);
    mine = fork_of(parent);
    wfw_write(self, 2);
    use(mine);
    wfw_see_child(mine, self, 1);
    use(parent);
    wfw_write(self, 3);
    if (chance(2)) {
        use(NULL);
        end_space(mine);
    }
}

static void wfw_check(void)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        expect(look(parent, A + 8 * i) == 3, i, 0);
        expect(look(parent, B + 8 * i) == 3, i, 0);
    }
}

/* --- R4: clean completely, then own -------------------------------------- */

/*
 * The parent's tables are stale: a child has copied the path to A and is
 * looking.  One thread of the parent makes them good by a write to page 0 while
 * others write to page 1, whose entries still say "owned", and read.
 */
static void r4_setup(void)
{
    r1_setup();
    use(child);
    put(A + 3 * PAGE, 9);
}

static void r4_run(unsigned self)
{
    uint64_t seen;

    if (self == 2) {
        use(child);
        seen = get(A + PAGE);
        expect(seen == 2, seen, 0);
        put(A, 12);
        return;
    }
    use(parent);
    put(A + self * PAGE, 10 + self);
}

static void r4_check(void)
{
    expect(look(child, A) == 12, look(child, A), 0);
    expect(look(child, A + PAGE) == 2, look(child, A + PAGE), 0);
    expect(look(parent, A) == 10, look(parent, A), 0);
    expect(look(parent, A + PAGE) == 11, look(parent, A + PAGE), 0);
}

/* --- R5: owning by copying needs the lock for writing -------------------- */

/* Two threads of the parent and one of the child own the same tables. */
static void r5_run(unsigned self)
{
    use(self == 2 ? child : parent);
    put(A + self * PAGE, 20 + self);
    put(B, 30 + (self == 2));
}

static void r5_check(void)
{
    expect(look(parent, A) == 20, look(parent, A), 0);
    expect(look(parent, A + PAGE) == 21, look(parent, A + PAGE), 0);
    expect(look(parent, B) == 30, look(parent, B), 0);
    expect(look(child, A) == 1, look(child, A), 0);
    expect(look(child, A + PAGE) == 2, look(child, A + PAGE), 0);
    expect(look(child, A + 2 * PAGE) == 22, look(child, A + 2 * PAGE), 0);
    expect(look(child, B) == 31, look(child, B), 0);
}

/* A child goes while two threads own in place what it leaves behind. */
static void r5_regain_run(unsigned self)
{
    if (self == 2) {
        end_space(child);
        return;
    }
    use(parent);
    put(A + self * PAGE, 20 + self);
    put(B + self * PAGE, 20 + self);
}

static void r5_regain_check(void)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        expect(look(parent, A + i * PAGE) == 20 + i, i, 0);
        expect(look(parent, B + i * PAGE) == 20 + i, i, 0);
    }
}

/* Two threads own in place what a child has left behind: it was one table. */
static uint64_t regained(void)
{
    struct lp_stats stats;

    lp_space_stats(parent, &stats);
    return stats.tables_regained;
}

static void r5_together_setup(void)
{
    r1_setup();
    end_space(child);
    expect(regained() == 0, regained(), 0);
}

static void r5_together_run(unsigned self)
{
    use(parent);
    put(A + self * PAGE, 20 + self);
}

static void r5_together_check(void)
{
    expect(regained() == 1, regained(), 0);
}

/* --- R6: one flush, also on the way out ---------------------------------- */

/*
 * A write of CPU 0 runs out of frames half way down, after it has swung tables
 * away.  CPU 1 has the old ones in its TLB and reads on; the child, whose they
 * are now alone, writes in place.
 */
static void r6_setup(void)
{
    r1_setup();
}

static void r6_run(unsigned self)
{
    uint64_t seen, i;

    use(self == 2 ? child : parent);
    if (self == 0) {
        put(A, 20);
        put(B, 21);
    } else if (self == 1) {
        for (i = 0; i < 4; i++) {
            seen = get(A + PAGE);
            expect(seen == 2, seen, i);
            seen = get(B);
            expect(seen == 3 || seen == 21, seen, i);
        }
    } else {
        put(A + PAGE, 22);
        put(B, 23);
        expect(get(A) == 1, 0, 0);
    }
}

static void r6_check(void)
{
    expect(look(parent, A) == 20, look(parent, A), 0);
    expect(look(parent, A + PAGE) == 2, look(parent, A + PAGE), 0);
    expect(look(parent, B) == 21, look(parent, B), 0);
    expect(look(child, A) == 1, look(child, A), 0);
    expect(look(child, A + PAGE) == 22, look(child, A + PAGE), 0);
    expect(look(child, B) == 23, look(child, B), 0);
}

static void message_tables_setup(void)
{
    r2_tables_setup();
    message_start();
}

static void message_page_setup(void)
{
    r3_setup();
    message_start();
}

const struct scenario scenarios_own[] = {
    { "r1_own_against_copy", "is the count read before the stale mark?", 2, 0,
      1, 0, r1_setup, r1_run, r1_check },
    { "r1_clean_against_copy", "... and for each child while cleaning?", 2, 0,
      1, 0, r1_clean_setup, r1_run, r1_clean_check },
    { "r2_message_by_copied_tables",
      "does a stale TLB show old data after a newer message?", 3, 0, 0, 0,
      message_tables_setup, message_warm_run, message_check },
    { "r2_write_fork_write", "do snapshots of two forking threads agree?", 3, 0,
      0, 0, wfw_setup, wfw_run, wfw_check },
    { "r3_message_by_copied_page",
      "is the leaf table locked until the copy is seen by all?", 3, 0, 0, 0,
      message_page_setup, message_warm_run, message_check },
    { "r4_clean_against_writers",
      "can hardware use what a table said before it was clean?", 3, 0, 0, 0,
      r4_setup, r4_run, r4_check },
    { "r5_owners_of_the_same_tables", "do two copies of one table meet?", 3, 0,
      0, 0, r1_setup, r5_run, r5_check },
    { "r5_regain_against_exit", "... and two owners in place?", 3, 0, 0, 0,
      r1_setup, r5_regain_run, r5_regain_check },
    { "r5_regain_together", "... is the entry looked at again under the lock?",
      2, 100, 1, 0, r5_together_setup, r5_together_run, r5_together_check },
    { "r6_failure_half_way", "does an error path flush what it has swung?", 3,
      0, 0, FAILS, r6_setup, r6_run, r6_check },
    { .name = NULL },
};
