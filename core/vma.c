/*
 * vma.c: the tree of areas: lookups, sharing, the end.
 *
 * Lookups run under the space's lock for reading, several at once; they write
 * nothing but the leaf of the last hit.  That leaf is in the tree, which has a
 * reference to it, so long as nobody edits; and every edit forgets it.
 */
#include "vma_node.h"

void lp_vma_pools_init(struct lp_vma_pools *pools, struct lp_pager *pager)
{
    lp_slab_init(&pools->node, pager, sizeof(struct lp_vma_node));
}

void lp_vma_init(struct lp_vma_tree *tree, struct lp_vma_pools *pools)
{
    memset(tree, 0, sizeof(*tree));
    tree->pools = pools;
    atomic_init(&tree->last, NULL);
}

void lp_vma_share(struct lp_vma_tree *to, struct lp_vma_tree *from)
{
    lp_assert(!to->root && from->promised == 0);
    if (from->root)
        lp_vma_node_get(from->root);
    to->root = from->root;
    to->top = from->top;
    to->count = from->count;
    to->bytes = from->bytes;
}

void lp_vma_clear(struct lp_vma_tree *tree, struct lp_object_list *dead)
{
    lp_vma_settle(tree);
    if (tree->root)
        lp_vma_node_put(tree->pools, tree->root, dead);
    lp_vma_init(tree, tree->pools);
}

/* --- find ---------------------------------------------------------------- */

/* Is the first area that ends above va in this leaf, for certain? */
static bool covers(const struct lp_vma_node *leaf, lp_va va)
{
    return va >= leaf->lo && va < lp_vma_hi(leaf);
}

bool lp_vma_find(struct lp_vma_tree *tree, lp_va va, struct lp_vma *out)
{
    struct lp_vma_node *node;

    if (va >= tree->top)
        return false;
    node = atomic_load_explicit(&tree->last, memory_order_relaxed);
    if (!node || !covers(node, va)) {
        node = tree->root;
        for (unsigned level = node->level; level > 0; level--)
            node = node->child[lp_vma_index(node, va)];
        atomic_store_explicit(&tree->last, node, memory_order_relaxed);
    }
    lp_vma_unpack(node, lp_vma_index(node, va), out);
    return true;
}

bool lp_vma_any(struct lp_vma_tree *tree, lp_va start, lp_va end)
{
    struct lp_vma vma;

    return start < end && lp_vma_find(tree, start, &vma) && vma.start < end;
}

/* --- gap ----------------------------------------------------------------- */

/* A stretch without areas. */
struct hole {
    lp_va start, end;
};

/* The hole below entry i > 0. */
static struct hole hole_below(const struct lp_vma_node *node, unsigned i)
{
    return (struct hole){ node->key[i - 1], lp_vma_lo(node, i) };
}

/* The highest hole of at least len bytes in a node that has one. */
static struct hole highest(const struct lp_vma_node *node, uint64_t len)
{
    for (unsigned level = node->level;; level--) {
        const uint64_t *most = lp_vma_search_most(node->most, len);
        unsigned i = (unsigned)(most - node->most);
        const struct lp_vma_node *child;

        if (level == 0)
            return (struct hole){ node->key[i - 1], node->area[i].start };
        child = node->child[i];
        if (child->most[0] < len)
            return (struct hole){ node->key[i - 1], child->lo };
        node = child;
    }
}

/*
 * Index of the last entry before `end` with a hole of len bytes in it or below
 * it; 0 when there is none but perhaps inside entry 0.
 */
static unsigned last_before(const struct lp_vma_node *node, unsigned end,
                            uint64_t len)
{
    unsigned i = end - 1;

    if (node->most[end] < len)
        return (unsigned)(lp_vma_search_most(node->most, len) - node->most);
    while (i > 0 && lp_vma_gap_at(node, i) < len)
        i--;
    return i;
}

/*
 * The highest hole of len bytes in the node, wholly below entry `end`; false
 * when there is none.
 */
static bool highest_before(const struct lp_vma_node *node, unsigned end,
                           uint64_t len, struct hole *hole)
{
    unsigned i;

    if (end == 0 || node->most[0] < len)
        return false;
    i = last_before(node, end, len);
    if (node->level > 0 && node->child[i]->most[0] >= len)
        *hole = highest(node->child[i], len);
    else if (i > 0)
        *hole = hole_below(node, i);
    else
        return false;
    return true;
}

/* Does the part below `high` of the hole below entry i have len bytes? */
static bool fits_below(const struct lp_vma_node *node, unsigned i, lp_va high,
                       uint64_t len, struct hole *hole)
{
    if (i == 0)
        return false;
    *hole = hole_below(node, i);
    hole->end = lp_min(hole->end, high);
    return hole->end >= hole->start && hole->end - hole->start >= len;
}

/*
 * The highest hole of len bytes, cut at high, where 0 < high <= tree->top: down
 * to the area that holds high - 1 or is the next above, then up until some hole
 * before that path fits.
 */
static struct hole highest_below(const struct lp_vma_node *root, lp_va high,
                                 uint64_t len)
{
    const struct lp_vma_node *path[LP_VMA_LEVELS];
    unsigned index[LP_VMA_LEVELS];
    const struct lp_vma_node *node = root;
    unsigned level = root->level;
    struct hole hole;

    for (;; level--) {
        path[level] = node;
        index[level] = lp_vma_index(node, high - 1);
        if (level == 0 || node->gap[index[level]] < len)
            break;
        node = node->child[index[level]];
    }
    for (; level <= root->level; level++) {
        if (fits_below(path[level], index[level], high, len, &hole) ||
            highest_before(path[level], index[level], len, &hole))
            return hole;
    }
    return (struct hole){ 0, lp_min(root->lo, high) };
}

bool lp_vma_gap(struct lp_vma_tree *tree, uint64_t len, lp_va low, lp_va high,
                lp_va *out)
{
    const struct lp_vma_node *root = tree->root;
    struct hole hole = { tree->top, high };

    if (high < low || high - low < len)
        return false;
    if (high < tree->top)
        hole = highest_below(root, high, len);
    else if (root && high - tree->top < len)
        hole = root->most[0] >= len ? highest(root, len)
                                    : (struct hole){ 0, root->lo };
    /*
     * Of all holes with len bytes below high this is the highest, so any other
     * ends below its start: if low cuts it short, none is left.
     */
    hole.start = lp_max(hole.start, low);
    if (hole.end < hole.start || hole.end - hole.start < len)
        return false;
    *out = hole.end - len;
    return true;
}
