/*
 * The tree of areas, against an array of pages.
 *
 * The model of a tree is one cell for each page.  Since equal neighbours are
 * merged, the cells say exactly which areas there must be.  After each operation
 * every tree is compared with its cells, checked by lp_vma_check, and the counts
 * of nodes and objects are compared with the pointers found.
 */
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

#define die(...)                                                               \
    do {                                                                       \
        fprintf(stderr, "seed %llu: ", (unsigned long long)seed);              \
        fprintf(stderr, __VA_ARGS__);                                          \
        fprintf(stderr, "\n");                                                 \
        fail();                                                                \
    } while (0)

static struct lp_object *object_of(unsigned i)
{
    return i > 0 ? &objects[i - 1] : NULL;
}

/* Does page i belong to the same area as the page before? */
static bool joined(const struct cell *c, unsigned i)
{
    return c[i - 1].used && c[i].used && c[i - 1].flags == c[i].flags &&
           c[i - 1].object == c[i].object &&
           (c[i].object == 0 || c[i - 1].offset + 1 == c[i].offset);
}

/* The first page of the next area at or after page i, and where it ends. */
static bool model_next(const struct cell *c, unsigned i, unsigned *start,
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

static void expect_area(const struct cell *c, unsigned start, unsigned end,
                        const struct lp_vma *vma)
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
static void compare(unsigned t)
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

static void count_object(void *ctx, struct lp_object *object)
{
    uint64_t *found = ctx;

    found[object - objects]++;
}

/* Nodes and objects have as many references as there are pointers. */
static void recount(void)
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

static void check_all(void)
{
    for (unsigned t = 0; t < TREES; t++) {
        const char *wrong = lp_vma_check(&trees[t]);

        if (wrong)
            die("tree %u: %s", t, wrong);
        compare(t);
    }
    recount();
}

static int setup(void **unused)
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
static int teardown(void **unused)
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

static void prepare(unsigned t, unsigned start, unsigned end)
{
    fake_fail(-1);
    assert_int_equal(lp_vma_prepare(&trees[t], start * PAGE, end * PAGE), 0);
    fake_fail(0); /* edits do not allocate */
}

static void settle(unsigned t)
{
    lp_vma_settle(&trees[t]);
    fake_fail(-1);
}

static void do_remove(unsigned t, unsigned start, unsigned end)
{
    lp_vma_remove(&trees[t], start * PAGE, end * PAGE, &dead);
    for (unsigned i = start; i < end; i++)
        cells[t][i].used = false;
}

static void do_insert(unsigned t, unsigned start, unsigned end, unsigned flags,
                      unsigned object, unsigned offset)
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

static void do_share(unsigned to, unsigned from)
{
    lp_vma_clear(&trees[to], &dead);
    lp_vma_share(&trees[to], &trees[from]);
    memcpy(cells[to], cells[from], sizeof(cells[to]));
}

static void insert(unsigned t, unsigned start, unsigned end, unsigned flags,
                   unsigned object, unsigned offset)
{
    prepare(t, start, end);
    do_remove(t, start, end);
    do_insert(t, start, end, flags, object, offset);
    settle(t);
}

static void remove_range(unsigned t, unsigned start, unsigned end)
{
    prepare(t, start, end);
    do_remove(t, start, end);
    settle(t);
}

static void change(unsigned t, unsigned start, unsigned end, uint32_t clear,
                   uint32_t set)
{
    fake_fail(-1);
    assert_int_equal(
        lp_vma_prepare_change(&trees[t], start * PAGE, end * PAGE), 0);
    fake_fail(0);
    lp_vma_change(&trees[t], start * PAGE, end * PAGE, clear, set);
    for (unsigned i = start; i < end; i++)
        cells[t][i].flags = (uint16_t)((cells[t][i].flags & ~clear) | set);
    settle(t);
}

/* n areas of one page, `step` pages apart, that do not merge. */
static void fill(unsigned t, unsigned n, unsigned step)
{
    for (unsigned i = 0; i < n; i++)
        insert(t, i * step, i * step + 1, 1 + i % 2, 0, 0);
}

/* --- single situations --------------------------------------------------- */

/* What does a tree without areas answer? */
static void test_vma_empty__finds_nothing_and_is_one_gap(void **unused)
{
    struct lp_vma vma;
    lp_va va;

    (void)unused;
    assert_false(lp_vma_find(&trees[0], 0, &vma));
    assert_false(lp_vma_find(&trees[0], UINT64_MAX, &vma));
    assert_false(lp_vma_any(&trees[0], 0, UINT64_MAX));
    assert_true(lp_vma_gap(&trees[0], 2 * PAGE, PAGE, 10 * PAGE, &va));
    assert_int_equal(va, 8 * PAGE);
    assert_false(lp_vma_gap(&trees[0], 10 * PAGE, PAGE, 10 * PAGE, &va));
    prepare(0, 1, 2);
    do_remove(0, 1, 2);
    settle(0);
    check_all();
}

/* Which area is found for an address in, at the ends of, and between areas? */
static void test_vma_find__gives_the_holder_or_the_next_above(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    insert(0, 10, 12, 1, 1, 5);
    insert(0, 20, 21, 2, 0, 0);
    assert_true(lp_vma_find(&trees[0], 0, &vma));
    assert_int_equal(vma.start, 10 * PAGE);
    assert_int_equal(vma.offset, 5 * PAGE);
    assert_true(lp_vma_find(&trees[0], 12 * PAGE - 1, &vma));
    assert_int_equal(vma.start, 10 * PAGE);
    assert_true(lp_vma_find(&trees[0], 12 * PAGE, &vma));
    assert_int_equal(vma.start, 20 * PAGE);
    assert_false(lp_vma_find(&trees[0], 21 * PAGE, &vma));
    assert_true(lp_vma_any(&trees[0], 11 * PAGE, 12 * PAGE));
    assert_false(lp_vma_any(&trees[0], 12 * PAGE, 20 * PAGE));
    assert_true(lp_vma_any(&trees[0], 12 * PAGE, 20 * PAGE + 1));
    assert_false(lp_vma_any(&trees[0], 11 * PAGE, 11 * PAGE));
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[0].bytes, 3 * PAGE);
}

/* Does a hole become one area when what fills it equals both sides? */
static void test_vma_insert_equal__merges_left_right_and_both(void **unused)
{
    (void)unused;
    insert(0, 10, 12, 1, 1, 10);
    insert(0, 12, 14, 1, 1, 12);
    assert_int_equal(trees[0].count, 1);
    insert(0, 18, 20, 1, 1, 18);
    insert(0, 16, 18, 1, 1, 16);
    assert_int_equal(trees[0].count, 2);
    insert(0, 14, 16, 1, 1, 14);
    assert_int_equal(trees[0].count, 1);
    check_all();
}

/* Does anything merge that differs in object, offset, flags or owner? */
static void test_vma_insert_unequal__does_not_merge(void **unused)
{
    struct lp_vma vma = {
        .start = 40 * PAGE, .end = 41 * PAGE, .flags = 1, .owner = 7
    };

    (void)unused;
    insert(0, 10, 11, 1, 1, 10);
    insert(0, 11, 12, 1, 1, 12);
    insert(0, 12, 13, 1, 2, 13);
    insert(0, 13, 14, 3, 2, 14);
    insert(0, 14, 15, 3, 0, 0);
    assert_int_equal(trees[0].count, 5);
    insert(0, 30, 40, 1, 0, 0);
    assert_int_equal(lp_vma_prepare(&trees[0], vma.start, vma.end), 0);
    lp_vma_insert(&trees[0], &vma);
    assert_int_equal(trees[0].count, 7);
    remove_range(0, 40, 41);
    check_all();
}

/* Where do the offsets of the parts begin when the middle of an area goes? */
static void test_vma_remove_middle__leaves_both_ends(void **unused)
{
    struct lp_vma vma;

    (void)unused;
    insert(0, 10, 20, 1, 1, 100);
    remove_range(0, 13, 15);
    check_all();
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[0].bytes, 8 * PAGE);
    assert_true(lp_vma_find(&trees[0], 13 * PAGE, &vma));
    assert_int_equal(vma.start, 15 * PAGE);
    assert_int_equal(vma.offset, 105 * PAGE);
}

/* Is a range over many leaves removed, for every pair of borders? */
static void test_vma_remove_many__leaves_the_rest(void **unused)
{
    (void)unused;
    fill(1, 700, 2);
    for (unsigned start = 0; start < 1400; start += 173) {
        for (unsigned end = start + 1; end < 1402; end += 131) {
            do_share(0, 1);
            remove_range(0, start, end);
            check_all();
        }
    }
}

/* Is an area as large as the address space possible, and its end found? */
static void test_vma_full_range__is_one_area(void **unused)
{
    const lp_va end = ~LP_PAGE_MASK;
    struct lp_vma vma = { .start = 0, .end = end, .flags = 1 };
    lp_va va;

    (void)unused;
    assert_int_equal(lp_vma_prepare(&trees[0], 0, end), 0);
    lp_vma_remove(&trees[0], 0, end, &dead);
    lp_vma_insert(&trees[0], &vma);
    lp_vma_settle(&trees[0]);
    assert_null(lp_vma_check(&trees[0]));
    assert_true(lp_vma_find(&trees[0], end - 1, &vma));
    assert_false(lp_vma_find(&trees[0], end, &vma));
    assert_false(lp_vma_find(&trees[0], UINT64_MAX, &vma));
    assert_false(lp_vma_gap(&trees[0], PAGE, 0, end, &va));
    assert_int_equal(lp_vma_prepare(&trees[0], 5 * PAGE, end), 0);
    lp_vma_remove(&trees[0], 5 * PAGE, end, &dead);
    lp_vma_settle(&trees[0]);
    assert_true(lp_vma_gap(&trees[0], PAGE, 0, end, &va));
    assert_int_equal(va, end - PAGE);
    lp_vma_clear(&trees[0], &dead);
}

/* Do low and high cut the holes that they stand in? */
static void test_vma_gap_at_borders__is_cut(void **unused)
{
    struct lp_vma_tree *tree = &trees[0];
    lp_va va;

    (void)unused;
    insert(0, 10, 20, 1, 0, 0);
    insert(0, 30, 40, 2, 0, 0);
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 28 * PAGE, &va));
    assert_int_equal(va, 23 * PAGE);
    assert_true(lp_vma_gap(tree, 9 * PAGE, 0, 28 * PAGE, &va));
    assert_int_equal(va, 1 * PAGE);
    assert_false(lp_vma_gap(tree, 9 * PAGE, 2 * PAGE, 28 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 10 * PAGE, 0, 45 * PAGE, &va));
    assert_int_equal(va, 20 * PAGE);
    assert_false(lp_vma_gap(tree, 10 * PAGE, 21 * PAGE, 45 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 45 * PAGE, &va));
    assert_int_equal(va, 40 * PAGE);
    assert_true(lp_vma_gap(tree, 5 * PAGE, 41 * PAGE, 46 * PAGE, &va));
    assert_int_equal(va, 41 * PAGE);
    assert_false(lp_vma_gap(tree, 5 * PAGE, 42 * PAGE, 46 * PAGE, &va));
    assert_true(lp_vma_gap(tree, 5 * PAGE, 0, 5 * PAGE, &va));
    assert_int_equal(va, 0);
    assert_false(lp_vma_gap(tree, 5 * PAGE, 6 * PAGE, 5 * PAGE, &va));
    assert_false(lp_vma_gap(tree, PAGE, 12 * PAGE, 18 * PAGE, &va));
}

/* Are areas that become equal merged across leaves, inside and at the ends? */
static void test_vma_change_all__becomes_one_area(void **unused)
{
    (void)unused;
    fill(1, 600, 1);
    assert_int_equal(trees[1].count, 600);
    do_share(0, 1);
    change(0, 1, 599, 3, 1);
    check_all();
    assert_int_equal(trees[0].count, 2);
    assert_int_equal(trees[1].count, 600);
}

/* Do both trees have their own areas after a share? */
static void test_vma_share__costs_nothing_and_is_private(void **unused)
{
    int64_t before;

    (void)unused;
    fill(0, 500, 3);
    insert(0, 1600, 1700, 1, 1, 0);
    before = atomic_load(&fake_nodes);
    do_share(1, 0);
    do_share(2, 1);
    assert_int_equal(atomic_load(&fake_nodes), before);
    insert(1, 700, 701, 7, 2, 9);
    change(2, 100, 140, 3, 0);
    remove_range(0, 0, 1000);
    check_all();
    lp_vma_clear(&trees[1], &dead);
    memset(cells[1], 0, sizeof(cells[1]));
    check_all();
}

/* Are whole shared subtrees dropped without being copied? */
static void test_vma_remove_shared__copies_only_the_borders(void **unused)
{
    int64_t nodes, most;

    (void)unused;
    fill(0, 1000, 3);
    do_share(1, 0);
    nodes = atomic_load(&fake_nodes);
    prepare(1, 31, 2900);
    do_remove(1, 31, 2900);
    settle(1);
    most = 2 * 3;
    assert_true(atomic_load(&fake_nodes) - nodes <= most);
    check_all();
}

/* Does the list get an object when its last area goes, and only then? */
static void test_vma_remove_last_area_of_object__puts_it_on_list(void **unused)
{
    (void)unused;
    insert(0, 10, 20, 1, 1, 0);
    atomic_fetch_sub(&objects[0].refs, 1); /* the creator's */
    do_share(1, 0);
    remove_range(0, 10, 15);
    assert_null(dead.first);
    remove_range(0, 15, 20);
    assert_null(dead.first);
    remove_range(1, 0, 100);
    assert_ptr_equal(dead.first, &objects[0]);
    dead.first = NULL;
    atomic_store(&objects[0].refs, 1);
}

/* --- n-th allocation fails ----------------------------------------------- */

/* Try, from the same shared tree, until n allocations are enough. */
static void fail_every(unsigned start, unsigned end,
                       int (*try)(struct lp_vma_tree *, lp_va, lp_va))
{
    int error = -LP_ENOMEM;

    for (int64_t n = 0; error != 0; n++) {
        do_share(1, 0);
        fake_fail(n);
        error = try(&trees[1], start * PAGE, end * PAGE);
        assert_true(error == 0 || error == -LP_ENOMEM);
        check_all();
        settle(1);
    }
    check_all();
}

/* Is the tree as it was when any allocation of a prepare fails? */
static void test_vma_prepare_out_of_memory__changes_nothing(void **unused)
{
    static const unsigned ranges[][2] = {
        { 0, 1 }, { 0, 2000 }, { 100, 101 }, { 321, 323 }, { 90, 1700 },
        { 1990, 2400 },
    };

    (void)unused;
    fill(0, 666, 3);
    insert(0, 2000, 2500, 1, 1, 0);
    for (unsigned i = 0; i < COUNT(ranges); i++) {
        fail_every(ranges[i][0], ranges[i][1], lp_vma_prepare);
        fail_every(ranges[i][0], ranges[i][1], lp_vma_prepare_change);
    }
}

/* --- random -------------------------------------------------------------- */

/* A range: mostly short, sometimes long, now and then everything. */
static void random_range(unsigned *start, unsigned *end)
{
    unsigned kind = fake_below(&state, 64), most = 4;

    if (kind == 0)
        most = PAGES;
    else if (kind < 8)
        most = 200;
    *start = fake_below(&state, PAGES);
    *end = *start + 1 + fake_below(&state, most);
    if (*end > PAGES)
        *end = PAGES;
}

static void random_insert(unsigned t, unsigned start, unsigned end)
{
    unsigned object = fake_below(&state, OBJECTS + 1);
    unsigned offset = fake_below(&state, 8) ? start : fake_below(&state, 99);

    do_insert(t, start, end, 1 + fake_below(&state, 3), object, offset);
}

/* Two places prepared together, as mremap does. */
static void random_move(unsigned t)
{
    unsigned a, b, c, d;

    random_range(&a, &b);
    random_range(&c, &d);
    if (a < d && c < b)
        return;
    prepare(t, a, b);
    prepare(t, c, d);
    do_remove(t, a, b);
    do_remove(t, c, d);
    if (fake_below(&state, 2))
        random_insert(t, a, b);
    random_insert(t, c, d);
    settle(t);
}

/* With no memory at first; what was owned stays owned. */
static void random_failure(unsigned t)
{
    unsigned start, end;
    int error;

    random_range(&start, &end);
    fake_fail(fake_below(&state, 4));
    if (fake_below(&state, 2))
        error = lp_vma_prepare(&trees[t], start * PAGE, end * PAGE);
    else
        error = lp_vma_prepare_change(&trees[t], start * PAGE, end * PAGE);
    assert_true(error == 0 || error == -LP_ENOMEM);
    settle(t);
}

static void random_step(unsigned t, unsigned ntrees)
{
    unsigned start, end, kind = fake_below(&state, 100);

    random_range(&start, &end);
    if (kind < 60) {
        prepare(t, start, end);
        do_remove(t, start, end);
        random_insert(t, start, end);
        settle(t);
    } else if (kind < 75) {
        remove_range(t, start, end);
    } else if (kind < 87) {
        change(t, start, end, fake_below(&state, 4), fake_below(&state, 4));
    } else if (kind < 93) {
        random_move(t);
    } else if (kind < 96) {
        random_failure(t);
    } else if (ntrees > 1 && kind < 98) {
        unsigned to = fake_below(&state, ntrees);

        if (to != t)
            do_share(to, t);
    } else if (kind == 99 && fake_below(&state, 20) == 0) {
        lp_vma_clear(&trees[t], &dead);
        memset(cells[t], 0, sizeof(cells[t]));
    }
}

/* The highest fitting address, by trying them all. */
static bool model_gap(unsigned t, unsigned len, unsigned low, unsigned high,
                      unsigned *out)
{
    unsigned run = 0;

    for (unsigned i = high; i-- > low;) {
        run = i < PAGES && cells[t][i].used ? 0 : run + 1;
        if (run == len) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void random_lookups(unsigned t)
{
    for (unsigned n = 0; n < 8; n++) {
        unsigned va = fake_below(&state, PAGES), start, end;
        unsigned low = fake_below(&state, PAGES);
        unsigned high = fake_below(&state, PAGES + 20);
        unsigned len = 1 + fake_below(&state, n < 4 ? 4 : 200), at = 0;
        struct lp_vma vma;
        lp_va gap = 0;
        bool found = lp_vma_find(&trees[t], va * PAGE, &vma);

        if (found != model_next(cells[t], va, &start, &end))
            die("find %x in tree %u", va, t);
        if (found)
            expect_area(cells[t], start, end, &vma);
        if (n % 2)
            low = fake_below(&state, 8);
        found = lp_vma_gap(&trees[t], len * PAGE, low * PAGE, high * PAGE,
                           &gap);
        if (found != model_gap(t, len, low, high, &at) || gap != at * PAGE)
            die("gap of %x in [%x, %x) of tree %u: %d %llx, expected %x", len,
                low, high, t, found, (unsigned long long)gap, at);
    }
}

/* Neighbours below one parent have LP_VMA_PAIR entries together. */
static void check_fill(const struct lp_vma_node *node)
{
    for (unsigned i = 0; node && node->level > 0 && i < node->n; i++) {
        check_fill(node->child[i]);
        if (i > 0 &&
            node->child[i - 1]->n + node->child[i]->n < LP_VMA_PAIR)
            die("two thin neighbours");
    }
}

/* Do trees that share nodes behave as arrays of pages that share nothing? */
static void test_vma_random_on_shared_trees__equals_model(void **unused)
{
    for (uint64_t s = 1; s <= 6; s++) {
        setup(unused);
        seed = state = s;
        for (unsigned n = 0; n < 1500; n++) {
            unsigned t = fake_below(&state, TREES);

            random_step(t, TREES);
            check_all();
            random_lookups(t);
        }
        teardown(unused);
    }
}

/* And a tree that never shared: is it well filled too? */
static void test_vma_random_on_one_tree__equals_model_and_is_full(void **unused)
{
    for (uint64_t s = 100; s <= 103; s++) {
        setup(unused);
        seed = state = s;
        for (unsigned n = 0; n < 3000; n++) {
            random_step(0, 1);
            check_all();
            check_fill(trees[0].root);
            random_lookups(0);
        }
        teardown(unused);
    }
}

/* --- fill ---------------------------------------------------------------- */

static int64_t nodes_after_fill(bool ascending)
{
    for (unsigned i = 0; i < 1500; i++) {
        unsigned at = ascending ? 2 * i : 2 * (1499 - i);

        insert(0, at, at + 1, 1, 0, 0);
    }
    check_all();
    return atomic_load(&fake_nodes);
}

/* Are nodes full when areas come in order of their addresses? */
static void test_vma_insert_ascending__fills_nodes(void **unused)
{
    (void)unused; /* 1500 = 93 * 16 + 12: 94 leaves, 6 above, the root */
    assert_int_equal(nodes_after_fill(true), 94 + 6 + 1);
}

/* Or in the opposite order, as mmap hands them out? */
static void test_vma_insert_descending__fills_nodes(void **unused)
{
    (void)unused;
    assert_int_equal(nodes_after_fill(false), 94 + 6 + 1);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_vma_empty__finds_nothing_and_is_one_gap),
        TEST(test_vma_find__gives_the_holder_or_the_next_above),
        TEST(test_vma_insert_equal__merges_left_right_and_both),
        TEST(test_vma_insert_unequal__does_not_merge),
        TEST(test_vma_remove_middle__leaves_both_ends),
        TEST(test_vma_remove_many__leaves_the_rest),
        TEST(test_vma_full_range__is_one_area),
        TEST(test_vma_gap_at_borders__is_cut),
        TEST(test_vma_change_all__becomes_one_area),
        TEST(test_vma_share__costs_nothing_and_is_private),
        TEST(test_vma_remove_shared__copies_only_the_borders),
        TEST(test_vma_remove_last_area_of_object__puts_it_on_list),
        TEST(test_vma_prepare_out_of_memory__changes_nothing),
        TEST(test_vma_random_on_shared_trees__equals_model),
        TEST(test_vma_random_on_one_tree__equals_model_and_is_full),
        TEST(test_vma_insert_ascending__fills_nodes),
        TEST(test_vma_insert_descending__fills_nodes),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
