/*
 * scenarios_code.c: pages of code that come into being, against CPUs that enter
 * the space, on instruction caches that do not watch stores.
 */
#include "world.h"

#define A ((lp_va)PAGES_A)
#define B ((lp_va)PAGES_B)
#define PAGE LP_PAGE_SIZE

enum { OLD = 11, NEW = 22, NPAGES = 12 };

#define RX (LP_READ | LP_EXEC)
#define RWX (LP_READ | LP_WRITE | LP_EXEC)

static struct lp_space *program, *other;

static enum lp_host_code fetch(lp_va va, uint64_t *value)
{
    step();
    return lp_host_fetch(world.m, va, value, sizeof *value);
}

/*
 * Free frames that both CPUs have fetched OLD from.  In A one page will be
 * written first and made executable then, another is both from the start.
 */
static void code_setup(void)
{
    unsigned cpu, i;
    uint64_t seen;

    program = new_space();
    other = new_space();
    map(program, A, 4);
    protect(program, A + 2 * PAGE, 1, RWX);
    map(program, B, NPAGES + 1);
    protect(program, B, NPAGES, RWX);
    use(program);
    put(B + NPAGES * PAGE, 1); /* stays, so that no table is freed */
    put(A + 3 * PAGE, 1);      /* there is a leaf table */
    for (i = 0; i < NPAGES; i++) {
        put(B + i * PAGE, OLD);
        put(B + i * PAGE + 8, OLD);
    }
    for (cpu = world.scenario->ncpus; cpu--;) {
        lp_host_cpu_set(world.m, cpu);
        use(program);
        for (i = 0; i < NPAGES; i++)
            expect(fetch(B + i * PAGE, &seen) == LP_HOST_OK && seen == OLD, cpu,
                   i);
        use(NULL);
    }
    use(program);
    unmap(program, B, NPAGES);
    use(NULL);
}

/* Whoever can fetch the page fetches what was stored to it. */
static void code_run(unsigned self)
{
    enum lp_host_code code;
    uint64_t seen = 0;
    unsigned i;

    if (self == 0) {
        use(program);
        put(A, NEW);
        protect(program, A, 1, RX);
        expect(fetch(A, &seen) == LP_HOST_OK && seen == NEW, seen, 0);
        put(A + 2 * PAGE, NEW);
        return;
    }
    for (i = 0; i < 3; i++) {
        use(program);
        code = fetch(A, &seen);
        expect(code == LP_HOST_OK || code == LP_HOST_ACCERR, code, i);
        expect(code != LP_HOST_OK || seen == NEW, seen, i);
        code = fetch(A + 2 * PAGE + 8, &seen);
        expect(code == LP_HOST_OK && seen == 0, code, seen);
        use(i % 2 ? NULL : other);
    }
}

const struct scenario scenarios_code[] = {
    { "code_against_switch", "does a CPU that enters fetch what was stored?", 2,
      0, 1, CODE, code_setup, code_run, NULL },
    { "code_against_switches", "... with two of them?", 3, 0, 0, CODE,
      code_setup, code_run, NULL },
    { .name = NULL },
};
