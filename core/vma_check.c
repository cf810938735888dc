/*
 * vma_check.c: is the tree of areas well formed?  For lp_check and tests.
 *
 * Everything is worked out again from the areas, in a simple way, and compared
 * with what the nodes say.  All walks go down and up again by a path; nothing
 * recurses.
 */
#include "vma_node.h"

#if LP_CHECK

/* A walk through a tree, parents before children. */
struct walk {
    struct lp_vma_path path;
    unsigned top, level;
};

static struct lp_vma_node *walk_first(struct walk *walk,
                                      struct lp_vma_node *root)
{
    if (!root)
        return NULL;
    walk->top = walk->level = root->level;
    walk->path.node[root->level] = root;
    walk->path.index[root->level] = 0;
    return root;
}

/* The next node beside or above the one that the walk stands on. */
static struct lp_vma_node *walk_past(struct walk *walk)
{
    while (walk->level < walk->top) {
        struct lp_vma_node *parent = walk->path.node[++walk->level];
        size_t i = ++walk->path.index[walk->level];

        if (i < parent->n) {
            walk->level--;
            walk->path.node[walk->level] = parent->child[i];
            walk->path.index[walk->level] = 0;
            return parent->child[i];
        }
    }
    return NULL;
}

/* The next node, children first. */
static struct lp_vma_node *walk_next(struct walk *walk)
{
    struct lp_vma_node *node = walk->path.node[walk->level];

    if (walk->level == 0)
        return walk_past(walk);
    walk->level--;
    walk->path.node[walk->level] = node->child[0];
    walk->path.index[walk->level] = 0;
    return node->child[0];
}

/* --- lp_vma_check -------------------------------------------------------- */

static const char *check_padding(const struct lp_vma_node *node)
{
    for (size_t i = node->n; i < LP_VMA_KEYS; i++) {
        if (node->key[i] != UINT64_MAX)
            return "a key behind the last is not the largest number";
        if (node->most[i] != 0)
            return "a hole behind the last entry";
    }
    return NULL;
}

/* gap and most, against the entries. */
static const char *check_gaps(const struct lp_vma_node *node)
{
    uint64_t most = 0;

    for (size_t i = node->n; i-- > 0;) {
        uint64_t gap = i > 0 ? lp_vma_lo(node, i) - node->key[i - 1] : 0;

        if (node->level > 0) {
            gap = lp_max(gap, node->child[i]->most[0]);
            if (node->gap[i] != gap)
                return "the largest hole of a child is wrong";
        }
        most = lp_max(most, gap);
        if (node->most[i] != most)
            return "the largest hole from an entry on is wrong";
    }
    return NULL;
}

static const char *check_upto(const struct lp_vma_node *node)
{
    uint64_t most = 0;

    for (size_t i = 0; node->level > 0 && i < node->n; i++) {
        most = lp_max(most, node->gap[i]);
        if (node->upto[i] != most)
            return "the largest hole up to an entry is wrong";
    }
    return NULL;
}

static const char *check_child(const struct lp_vma_node *node, size_t i)
{
    const struct lp_vma_node *child = node->child[i];

    if (child->level + 1 != node->level)
        return "a child is not one level below its parent";
    if (child->n == 0 || child->n > LP_VMA_KEYS)
        return "a child's number of entries is wrong";
    if (node->key[i] != lp_vma_hi(child))
        return "a key is not where the child ends";
    return NULL;
}

static const char *check_node(const struct lp_vma_node *node)
{
    const char *wrong = NULL;

    if (node->n == 0 || node->n > LP_VMA_KEYS)
        return "a node's number of entries is wrong";
    if (atomic_load_explicit(&node->refs, memory_order_relaxed) == 0)
        return "a node in the tree has no reference";
    for (size_t i = 0; node->level > 0 && i < node->n && !wrong; i++)
        wrong = check_child(node, i);
    if (!wrong && node->lo != lp_vma_lo(node, 0))
        wrong = "a node does not start where its first entry does";
    if (!wrong)
        wrong = check_padding(node);
    if (!wrong)
        wrong = check_gaps(node);
    return wrong ? wrong : check_upto(node);
}

/* The areas of a leaf, after the one before; adds to the sums. */
static const char *check_areas(const struct lp_vma_node *leaf,
                               struct lp_vma *before, uint64_t *count,
                               uint64_t *bytes)
{
    for (size_t i = 0; i < leaf->n; i++) {
        struct lp_vma vma;

        lp_vma_unpack(leaf, i, &vma);
        if (vma.start >= vma.end)
            return "an area is empty";
        if (!lp_page_aligned(vma.start | vma.end | vma.offset))
            return "an area is not page-aligned";
        if (!vma.object && vma.offset != 0)
            return "an offset without an object";
        if (vma.start < before->end)
            return "areas overlap or are out of order";
        if (lp_vma_mergeable(before, &vma))
            return "equal neighbours are not merged";
        *count += 1;
        *bytes += vma.end - vma.start;
        *before = vma;
    }
    return NULL;
}

static const char *check_totals(const struct lp_vma_tree *tree, lp_va end,
                                uint64_t count, uint64_t bytes)
{
    const struct lp_vma_node *spare = tree->spare;
    uint32_t n = 0;

    for (; spare; spare = spare->next)
        n++;
    if (tree->count != count)
        return "the number of areas is wrong";
    if (tree->bytes != bytes)
        return "the sum of the areas' lengths is wrong";
    if (tree->top != end)
        return "the tree does not end where its last area does";
    if (tree->nspare != n)
        return "the number of spare nodes is wrong";
    return NULL;
}

const char *lp_vma_check(struct lp_vma_tree *tree)
{
    struct walk walk;
    struct lp_vma before = { .end = 0, .flags = ~(uint32_t)0 };
    uint64_t count = 0, bytes = 0;
    struct lp_vma_node *node = tree->root;

    if (node && node->level > 0 && node->n < 2)
        return "an inner root has one child";
    if (node && node->level >= LP_VMA_LEVELS)
        return "the tree is too high";
    for (node = walk_first(&walk, node); node; node = walk_next(&walk)) {
        const char *wrong = check_node(node);

        if (!wrong && node->level == 0)
            wrong = check_areas(node, &before, &count, &bytes);
        if (wrong)
            return wrong;
    }
    return check_totals(tree, before.end, count, bytes);
}

/* --- counts of references ------------------------------------------------ */

static void visit_areas(const struct lp_vma_node *leaf,
                        void (*visit)(void *ctx, struct lp_object *object),
                        void *ctx)
{
    for (size_t i = 0; i < leaf->n; i++) {
        if (leaf->area[i].object)
            visit(ctx, leaf->area[i].object);
    }
}

void lp_vma_recount(struct lp_vma_tree *tree, uint32_t round,
                    void (*visit)(void *ctx, struct lp_object *object),
                    void *ctx)
{
    struct walk walk;
    struct lp_vma_node *node = walk_first(&walk, tree->root);

    while (node) {
        if (node->mark == round) { /* one pointer more; seen what is below */
            node->seen++;
            node = walk_past(&walk);
            continue;
        }
        node->mark = round;
        node->seen = 1;
        if (node->level == 0 && visit)
            visit_areas(node, visit, ctx);
        node = walk_next(&walk);
    }
}

const char *lp_vma_recount_check(struct lp_vma_tree *tree, uint32_t round)
{
    struct walk walk;
    struct lp_vma_node *node = walk_first(&walk, tree->root);

    while (node) {
        if (node->mark != round) { /* another tree's check was here */
            node = walk_past(&walk);
            continue;
        }
        node->mark = 0;
        if (node->seen !=
            atomic_load_explicit(&node->refs, memory_order_relaxed))
            return "a node's count is not the number of pointers to it";
        node = walk_next(&walk);
    }
    return NULL;
}

#endif
