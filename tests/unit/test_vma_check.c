/*
 * Does lp_vma_check see each way in which a tree of areas can be wrong?  One
 * number of a good tree is made wrong, the sentence compared, the number put
 * back.
 */
#include "model_vma.h"

/* What is wrong with this node's tree now; the node is then as before. */
#define EXPECT(node, change, text)                                \
    do {                                                          \
        struct lp_vma_node before_ = *(node);                     \
                                                                  \
        change;                                                   \
        assert_non_null(lp_vma_check(&trees[0]));                 \
        assert_string_equal(lp_vma_check(&trees[0]), text);       \
        memcpy((void *)(node), (void *)&before_, sizeof before_); \
        assert_null(lp_vma_check(&trees[0]));                     \
    } while (0)

/* Nodes of two levels and more: are their sums and shapes compared? */
static void test_vma_check_inner_node__bites(void **unused)
{
    struct lp_vma_node *root, *child;

    (void)unused;
    fill(0, 40, 2);
    root = trees[0].root;
    assert_int_equal(root->level, 1);
    child = root->child[1];
    assert_true(root->n > 2 && root->n < LP_VMA_KEYS);
    EXPECT(root, root->n = 1, "an inner root has one child");
    EXPECT(root, root->level = LP_VMA_LEVELS, "the tree is too high");
    EXPECT(root, root->gap[1] += PAGE, "the largest hole of a child is wrong");
    EXPECT(root, root->most[1] += PAGE,
           "the largest hole from an entry on is wrong");
    EXPECT(root, root->upto[1] += PAGE,
           "the largest hole up to an entry is wrong");
    EXPECT(root, root->key[1] += PAGE, "a key is not where the child ends");
    EXPECT(root, root->lo += PAGE,
           "a node does not start where its first entry does");
    EXPECT(child, child->level = 1,
           "a child is not one level below its parent");
    EXPECT(child, child->n = 0, "a child's number of entries is wrong");
    EXPECT(child, child->n = LP_VMA_KEYS + 1,
           "a child's number of entries is wrong");
}

/* Any node: its count of entries and of references, and what is unused. */
static void test_vma_check_node__bites(void **unused)
{
    struct lp_vma_node *root;

    (void)unused;
    fill(0, 3, 2);
    root = trees[0].root;
    EXPECT(root, root->n = 0, "a node's number of entries is wrong");
    EXPECT(root, root->n = LP_VMA_KEYS + 1,
           "a node's number of entries is wrong");
    EXPECT(root, atomic_store(&root->refs, 0),
           "a node in the tree has no reference");
    EXPECT(root, root->key[3] = 0,
           "a key behind the last is not the largest number");
    EXPECT(root, root->most[3] = PAGE, "a hole behind the last entry");
}

/* Areas: is each compared with what an area must be, and with its neighbour? */
static void test_vma_check_area__bites(void **unused)
{
    struct lp_vma_node *leaf;
    struct lp_vma_area *area;

    (void)unused;
    fill(0, 3, 2);
    leaf = trees[0].root;
    area = &leaf->area[1];
    EXPECT(leaf, (area->start = leaf->key[1], lp_vma_node_index(leaf)),
           "an area is empty");
    EXPECT(leaf, (area->start += 1, lp_vma_node_index(leaf)),
           "an area is not page-aligned");
    EXPECT(leaf, area->offset = PAGE, "an offset without an object");
    EXPECT(leaf, (area->start = 0, lp_vma_node_index(leaf)),
           "areas overlap or are out of order");
    EXPECT(leaf,
           (area->start = leaf->key[0], area->flags = leaf->area[0].flags,
            lp_vma_node_index(leaf)),
           "equal neighbours are not merged");
}

#define EXPECT_TREE(field, n, text)                         \
    do {                                                    \
        trees[0].field += n;                                \
        assert_non_null(lp_vma_check(&trees[0]));           \
        assert_string_equal(lp_vma_check(&trees[0]), text); \
        trees[0].field -= n;                                \
        assert_null(lp_vma_check(&trees[0]));               \
    } while (0)

/* The tree's own sums. */
static void test_vma_check_totals__bites(void **unused)
{
    (void)unused;
    fill(0, 3, 2);
    EXPECT_TREE(count, 1, "the number of areas is wrong");
    EXPECT_TREE(bytes, PAGE, "the sum of the areas' lengths is wrong");
    EXPECT_TREE(top, PAGE, "the tree does not end where its last area does");
    EXPECT_TREE(nspare, 1, "the number of spare nodes is wrong");
}

/* Is a node noticed that has more references than pointers to it? */
static void test_vma_recount__bites(void **unused)
{
    struct lp_vma_node *child;

    (void)unused;
    fill(0, 40, 2);
    child = trees[0].root->child[1];
    lp_vma_recount(&trees[0], 1, NULL, NULL);
    assert_null(lp_vma_recount_check(&trees[0], 1));
    lp_vma_node_get(child);
    lp_vma_recount(&trees[0], 2, NULL, NULL);
    assert_string_equal(lp_vma_recount_check(&trees[0], 2),
                        "a node's count is not the number of pointers to it");
    atomic_fetch_sub(&child->refs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_vma_check_inner_node__bites),
        TEST(test_vma_check_node__bites),
        TEST(test_vma_check_area__bites),
        TEST(test_vma_check_totals__bites),
        TEST(test_vma_recount__bites),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
