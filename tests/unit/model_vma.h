/*
 * model_vma.h: trees of areas beside arrays of pages.
 *
 * The model of a tree is one cell for each page.  Since equal neighbours are
 * merged, the cells say exactly which areas there must be.  check_all compares
 * every tree with its cells, calls lp_vma_check, and compares the counts of
 * nodes and objects with the pointers found.
 *
 * Defines everything: included by one file of a program.
 */
#ifndef LP_TEST_MODEL_VMA_H
#define LP_TEST_MODEL_VMA_H

#include "runner.h"

#include "fake_vma.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE LP_PAGE_SIZE

enum { PAGES = 3000, TREES = 4, OBJECTS = 3 };

struct cell {
    uint32_t offset; /* pages */
    uint16_t flags;
    uint8_t object; /* 0: none */
    bool used;
};

static struct lp_vma_pools pools;
static struct lp_vma_tree trees[TREES];
static struct cell cells[TREES][PAGES];
static struct lp_object objects[OBJECTS];
static struct lp_object_list dead;
static uint64_t seed, state;
static uint32_t round_number;

/* --- the model ----------------------------------------------------------- */

#define die(...)                                                  \
    do {                                                          \
        fprintf(stderr, "seed %llu: ", (unsigned long long)seed); \
        fprintf(stderr, __VA_ARGS__);                             \
        fprintf(stderr, "\n");                                    \
        fail();                                                   \
    } while (0)

static inline struct lp_object *object_of(unsigned i)
{
    return i > 0 ? &objects[i - 1] : NULL;
}

/* Does page i belong to the same area as the page before? */
static inline bool joined(const struct cell *c, unsigned i)
{
    return c[i - 1].used && c[i].used && c[i - 1].flags == c[i].flags &&
           c[i - 1].object == c[i].object &&
           (c[i].object == 0 || c[i - 1].offset + 1 == c[i].offset);
}

/* The first page of the next area at or after page i, and where it ends. */
static inline bool model_next(const struct cell *c, unsigned i, unsigned *start,
                              unsigned *end)
{
    while (i < PAGES && !c[i].used)
        i++;
    if (i == PAGES)
        return false;
    for (*end = i + 1; *end < PAGES && joined(c, *end);)
        ++*end;
    while (i > 0 && joined(c, i))
        i--;
    *start = i;
    return true;
}

static inline void expect_area(const struct cell *c, unsigned start,
                               unsigned end, const struct lp_vma *vma)
{
    if (vma->start != start * PAGE || vma->end != end * PAGE)
        die("area [%llx, %llx), expected [%llx, %llx)",
            (unsigned long long)vma->start, (unsigned long long)vma->end,
            (unsigned long long)(start * PAGE),
            (unsigned long long)(end * PAGE));
    if (vma->object != object_of(c[start].object) ||
        vma->flags != c[start].flags ||
        vma->offset != (c[start].object ? c[start].offset * PAGE : 0))
        die("area at %x has wrong contents", start);
}

/* Every area, in order, and nothing else. */
static inline void compare(unsigned t)
{
    unsigned at = 0, start, end;
    struct lp_vma vma;

    while (model_next(cells[t], at, &start, &end)) {
        if (!lp_vma_find(&trees[t], at * PAGE, &vma))
            die("no area at or above %x in tree %u", at, t);
        expect_area(cells[t], start, end, &vma);
        at = end;
    }
    if (lp_vma_find(&trees[t], at * PAGE, &vma))
        die("an area too many in tree %u", t);
}

static inline void count_object(void *ctx, struct lp_object *object)
{
    uint64_t *found = ctx;

    found[object - objects]++;
}

/* Nodes and objects have as many references as there are pointers. */
static inline void recount(void)
{
    uint64_t found[OBJECTS] = { 0 };
    const char *wrong = NULL;

    round_number++;
    for (unsigned t = 0; t < TREES; t++)
        lp_vma_recount(&trees[t], round_number, count_object, found);
    for (unsigned t = 0; t < TREES && !wrong; t++)
        wrong = lp_vma_recount_check(&trees[t], round_number);
    if (wrong)
        die("%s", wrong);
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (atomic_load(&objects[i].refs) != found[i] + 1)
            die("object %u has %llu references, found %llu", i,
                (unsigned long long)atomic_load(&objects[i].refs),
                (unsigned long long)found[i] + 1);
    }
}

static inline void check_all(void)
{
    for (unsigned t = 0; t < TREES; t++) {
        const char *wrong = lp_vma_check(&trees[t]);

        if (wrong)
            die("tree %u: %s", t, wrong);
        compare(t);
    }
    recount();
}

static inline int setup(void **unused)
{
    (void)unused;
    memset(cells, 0, sizeof(cells));
    lp_vma_pools_init(&pools, NULL);
    for (unsigned t = 0; t < TREES; t++)
        lp_vma_init(&trees[t], &pools);
    for (unsigned i = 0; i < OBJECTS; i++)
        atomic_store(&objects[i].refs, 1);
    dead.first = NULL;
    seed = state = 1;
    return 0;
}

/* Nothing is left over. */
static inline int teardown(void **unused)
{
    (void)unused;
    fake_fail(-1);
    for (unsigned t = 0; t < TREES; t++)
        lp_vma_clear(&trees[t], &dead);
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_int_equal(atomic_load(&objects[i].refs), 1);
    assert_null(dead.first);
    assert_int_equal(atomic_load(&fake_nodes), 0);
    return 0;
}

/* --- operations on a tree and its model ---------------------------------- */

static inline void prepare(unsigned t, unsigned start, unsigned end)
{
    fake_fail(-1);
    assert_int_equal(lp_vma_prepare(&trees[t], start * PAGE, end * PAGE), 0);
    fake_fail(0); /* edits do not allocate */
}

static inline void settle(unsigned t)
{
    lp_vma_settle(&trees[t]);
    fake_fail(-1);
}

static inline void do_remove(unsigned t, unsigned start, unsigned end)
{
    lp_vma_remove(&trees[t], start * PAGE, end * PAGE, &dead);
    for (unsigned i = start; i < end; i++)
        cells[t][i].used = false;
}

static inline void do_insert(unsigned t, unsigned start, unsigned end,
                             unsigned flags, unsigned object, unsigned offset)
{
    struct lp_vma vma = {
        .start = start * PAGE,
        .end = end * PAGE,
        .object = object_of(object),
        .offset = object > 0 ? offset * PAGE : 0,
        .flags = flags,
    };

    if (vma.object)
        lp_object_get(vma.object);
    lp_vma_insert(&trees[t], &vma);
    for (unsigned i = start; i < end; i++) {
        cells[t][i] = (struct cell){
            .used = true,
            .flags = (uint16_t)flags,
            .object = (uint8_t)object,
            .offset = offset + i - start,
        };
    }
}

static inline void do_share(unsigned to, unsigned from)
{
    lp_vma_clear(&trees[to], &dead);
    lp_vma_share(&trees[to], &trees[from]);
    memcpy(cells[to], cells[from], sizeof(cells[to]));
}

static inline void insert(unsigned t, unsigned start, unsigned end,
                          unsigned flags, unsigned object, unsigned offset)
{
    prepare(t, start, end);
    do_remove(t, start, end);
    do_insert(t, start, end, flags, object, offset);
    settle(t);
}

static inline void remove_range(unsigned t, unsigned start, unsigned end)
{
    prepare(t, start, end);
    do_remove(t, start, end);
    settle(t);
}

static inline void change(unsigned t, unsigned start, unsigned end,
                          uint32_t clear, uint32_t set)
{
    fake_fail(-1);
    assert_int_equal(lp_vma_prepare_change(&trees[t], start * PAGE, end * PAGE),
                     0);
    fake_fail(0);
    lp_vma_change(&trees[t], start * PAGE, end * PAGE, clear, set);
    for (unsigned i = start; i < end; i++)
        cells[t][i].flags = (uint16_t)((cells[t][i].flags & ~clear) | set);
    settle(t);
}

/* n areas of one page, `step` pages apart, that do not merge. */
static inline void fill(unsigned t, unsigned n, unsigned step)
{
    for (unsigned i = 0; i < n; i++)
        insert(t, i * step, i * step + 1, 1 + i % 2, 0, 0);
}

/* Neighbours below one parent have LP_VMA_PAIR entries together. */
static inline void check_fill(const struct lp_vma_node *node)
{
    for (unsigned i = 0; node && node->level > 0 && i < node->n; i++) {
        check_fill(node->child[i]);
        if (i > 0 && node->child[i - 1]->n + node->child[i]->n < LP_VMA_PAIR)
            die("two thin neighbours");
    }
}

#endif
