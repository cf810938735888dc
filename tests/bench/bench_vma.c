/*
 * Lookups in the tree of areas: 1,000 a case, at random addresses, so that the
 * leaf of the last hit is hardly ever the right one.
 *
 * "full" trees got their areas in order; "mixed" ones at random, twice as many
 * as stay, and lost half of them at random.
 */
#include "../unit/fake_vma.h"

#include <string.h>

#define PAGE LP_PAGE_SIZE
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LOOKUPS = 1000, STEP = 4, HOLE = 64 };

static struct lp_vma_pools pools;
static struct lp_vma_tree tree;
static lp_va addresses[LOOKUPS];
static lp_va sum;

/* One page, every STEP pages. */
static void insert(unsigned i)
{
    struct lp_vma vma = {
        .start = (uint64_t)(i + 1) * STEP * PAGE,
        .end = ((uint64_t)(i + 1) * STEP + 1) * PAGE,
        .flags = LP_VMA_READ,
    };

    if (lp_vma_prepare(&tree, vma.start, vma.end) != 0)
        abort();
    lp_vma_insert(&tree, &vma);
    lp_vma_settle(&tree);
}

static void remove_pages(uint64_t start, uint64_t end)
{
    struct lp_object_list dead = { NULL };

    if (lp_vma_prepare(&tree, start * PAGE, end * PAGE) != 0)
        abort();
    lp_vma_remove(&tree, start * PAGE, end * PAGE, &dead);
    lp_vma_settle(&tree);
}

static void build_full(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        insert(i);
}

static void shuffle(unsigned *order, unsigned n, uint64_t *state)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned k = fake_below(state, i), swap = order[k];

        order[k] = order[i - 1];
        order[i - 1] = swap;
    }
}

static void build_mixed(unsigned n)
{
    unsigned *order = calloc(2 * n, sizeof(*order));
    uint64_t state = 7;

    if (!order)
        abort();
    for (unsigned i = 0; i < 2 * n; i++)
        order[i] = i;
    shuffle(order, 2 * n, &state);
    for (unsigned i = 0; i < 2 * n; i++)
        insert(order[i]);
    shuffle(order, 2 * n, &state);
    for (unsigned i = 0; i < n; i++) {
        uint64_t page = (uint64_t)(order[i] + 1) * STEP;

        remove_pages(page, page + 1);
    }
    free(order);
}

/* Somewhere below the end of the last area. */
static void choose_addresses(void)
{
    uint64_t state = 11;

    for (unsigned i = 0; i < LOOKUPS; i++)
        addresses[i] = fake_random(&state) % tree.top;
}

static void find_all(void)
{
    struct lp_vma vma;

    for (unsigned i = 0; i < LOOKUPS; i++) {
        if (lp_vma_find(&tree, addresses[i], &vma))
            sum += vma.start;
    }
}

/* Holes of HOLE pages in many places, and a mapping of that size wanted. */
static void build_holes(unsigned n)
{
    build_full(n);
    remove_pages((uint64_t)n * STEP / 2, (uint64_t)n * STEP / 2 + HOLE);
}

/* And an area high above all others, as a stack is. */
static void build_stack(unsigned n)
{
    build_holes(n);
    insert(2 * n);
}

static void gap_all(lp_va high)
{
    lp_va va;

    for (unsigned i = 0; i < LOOKUPS; i++) {
        if (lp_vma_gap(&tree, (HOLE - STEP) * PAGE, PAGE, high, &va))
            sum += va;
    }
}

void bench_find_10(void);
void bench_find_1000(void);
void bench_find_100000(void);
void bench_find_mixed_100000(void);
void bench_gap_100000(void);
void bench_gap_below_top_100000(void);
void bench_gap_below_stack_100000(void);

void bench_find_10(void)
{
    find_all();
}

void bench_find_1000(void)
{
    find_all();
}

void bench_find_100000(void)
{
    find_all();
}

void bench_find_mixed_100000(void)
{
    find_all();
}

/* The address space ends just above the last area. */
void bench_gap_100000(void)
{
    gap_all(tree.top);
}

/* Mappings are wanted below the last area, as below a stack. */
void bench_gap_below_top_100000(void)
{
    gap_all(tree.top - 2 * PAGE);
}

/* There is a large hole above where mappings are wanted. */
void bench_gap_below_stack_100000(void)
{
    gap_all((100000 + 1) * STEP * PAGE);
}

static const struct {
    const char *name;
    void (*build)(unsigned n);
    unsigned n;
    void (*run)(void);
} cases[] = {
    { "find_10", build_full, 10, bench_find_10 },
    { "find_1000", build_full, 1000, bench_find_1000 },
    { "find_100000", build_full, 100000, bench_find_100000 },
    { "find_mixed_100000", build_mixed, 100000, bench_find_mixed_100000 },
    { "gap_100000", build_holes, 100000, bench_gap_100000 },
    { "gap_below_top_100000", build_holes, 100000, bench_gap_below_top_100000 },
    { "gap_below_stack_100000", build_stack, 100000,
      bench_gap_below_stack_100000 },
};

static int run(const char *name)
{
    struct lp_object_list dead = { NULL };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(cases[i].name, name) != 0)
            continue;
        lp_vma_pools_init(&pools, NULL);
        lp_vma_init(&tree, &pools);
        cases[i].build(cases[i].n);
        choose_addresses();
        cases[i].run();
        lp_vma_clear(&tree, &dead);
        return sum == 0;
    }
    return 2;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < COUNT(cases); i++)
            puts(cases[i].name);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--test") == 0)
        return run(argv[2]);
    return 2;
}
