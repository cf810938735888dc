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
static inline bool covers(const struct lp_vma_node *leaf, lp_va va)
{
    return va >= leaf->lo && va < lp_vma_hi(leaf);
}

/* The leaf with the first area that ends above va, in a tree with several. */
static inline const struct lp_vma_node *leaf_above(struct lp_vma_tree *tree,
                                                   lp_va va)
{
    struct lp_vma_node *node =
        atomic_load_explicit(&tree->last, memory_order_relaxed);
    unsigned level;

    if (node && covers(node, va))
        return node;
    node = tree->root;
    level = node->level;
    do {
        node = node->child[lp_vma_index(node, va)];
    } while (--level > 0);
    atomic_store_explicit(&tree->last, node, memory_order_relaxed);
    return node;
}

bool lp_vma_find(struct lp_vma_tree *tree, lp_va va, struct lp_vma *out)
{
    const struct lp_vma_node *node = tree->root;

    if (va >= tree->top)
        return false;
    if (node->level > 0)
        node = leaf_above(tree, va);
    lp_vma_unpack(node, lp_vma_index(node, va), out);
    return true;
}

bool lp_vma_any(struct lp_vma_tree *tree, lp_va start, lp_va end)
{
    struct lp_vma vma;

    return start < end && lp_vma_find(tree, start, &vma) && vma.start < end;
}

/* --- gap ----------------------------------------------------------------- */

/*
 * Where the highest hole of len bytes in the node ends.  When there is none
 * every step goes to entry 0: then it is where the hole below the node ends.
 *
 * Where a hole starts does not matter: whoever wants len bytes of it takes the
 * last ones.
 */
static inline lp_va highest(const struct lp_vma_node *node, uint64_t len)
{
    for (unsigned level = node->level; level > 0; level--)
        node = node->child[lp_vma_index_most(node, len)];
    return node->area[lp_vma_index_most(node, len)].start;
}

/* The last entry before `end` with len bytes free in it or below it, or end. */
static size_t last_before(const struct lp_vma_node *node, size_t end,
                          uint64_t len)
{
    if (end == 0 || node->most[0] < len ||
        (node->level > 0 && node->upto[end - 1] < len))
        return end;
    if (node->most[end] < len)
        return lp_vma_index_most(node, len);
    for (size_t i = end; i-- > 0;) {
        if (lp_vma_gap_at(node, i) >= len)
            return i;
    }
    return end;
}

/*
 * Where the hole below entry i, the first that ends above high, ends at the
 * latest, and that has len bytes?
 */
static bool fits_below(const struct lp_vma_node *node, size_t i, uint64_t len,
                       lp_va high, lp_va *end)
{
    if (i == 0)
        return false;
    *end = lp_min(lp_vma_lo(node, i), high);
    return *end - node->key[i - 1] >= len;
}

/*
 * The last len bytes below end, if they are not below low: once the highest
 * hole with len bytes is known, low decides.  If it cuts that one short, every
 * other ends below low.
 */
static inline bool take(lp_va end, uint64_t len, lp_va low, lp_va *out)
{
    if (end < len || end - len < low)
        return false;
    *out = end - len;
    return true;
}

/*
 * The gap when some area ends above high.
 *
 * Down to the first such area, as long as there are large holes; then up again,
 * looking on each level at what is before that path.  When nothing fits, the
 * hole below all areas is left.
 */
__attribute__((noinline)) /* or the quick way saves registers for this one */
static bool
gap_below(const struct lp_vma_node *root, uint64_t len, lp_va low, lp_va high,
          lp_va *out)
{
    const struct lp_vma_node *path[LP_VMA_LEVELS], *node = root;
    uint8_t index[LP_VMA_LEVELS];
    size_t i;
    unsigned level = root->level;
    lp_va end;

    for (;; level--) {
        path[level] = node;
        i = lp_vma_index(node, high);
        index[level] = (uint8_t)i;
        if (level == 0 || node->gap[i] < len)
            break;
        node = node->child[i];
    }
    for (; level <= root->level; level++) {
        node = path[level];
        if (fits_below(node, index[level], len, high, &end))
            return take(end, len, low, out);
        i = last_before(node, index[level], len);
        if (i < index[level]) {
            end =
                level > 0 ? highest(node->child[i], len) : node->area[i].start;
            return take(end, len, low, out);
        }
    }
    return take(lp_min(root->lo, high), len, low, out);
}

/*
 * First as if high cut nothing: where that gives a place below high, it is the
 * one.  (If high is below len the difference wraps; then nothing is taken.)
 */
bool lp_vma_gap(struct lp_vma_tree *tree, uint64_t len, lp_va low, lp_va high,
                lp_va *out)
{
    lp_va end = high;

    if (high - len < tree->top) {
        end = highest(tree->root, len);
        if (end > high)
            return gap_below(tree->root, len, low, high, out);
    }
    return take(end, len, low, out);
}
