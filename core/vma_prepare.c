/*
 * vma_prepare.c: the tree of areas: what can fail, before an edit.
 *
 * Finds the two paths that an edit can touch, copies what is shared of them,
 * and sets aside as many nodes as splits can take.  vma_node.h argues why that
 * is enough.  Under the space's lock for writing.
 */
#include "vma_node.h"

/* --- paths --------------------------------------------------------------- */

bool lp_vma_path_above(const struct lp_vma_tree *tree, lp_va va,
                       struct lp_vma_path *path)
{
    struct lp_vma_node *node = tree->root;

    if (va >= tree->top)
        return false;
    path->top = node->level;
    for (unsigned level = path->top; level > 0; level--) {
        path->node[level] = node;
        path->index[level] = (uint8_t)lp_vma_index(node, va);
        node = node->child[path->index[level]];
    }
    path->node[0] = node;
    path->index[0] = (uint8_t)lp_vma_index(node, va);
    return true;
}

/* Index of the last entry that starts below va; va is above the node's start.
 */
static size_t index_below(const struct lp_vma_node *node, lp_va va)
{
    size_t i = lp_vma_index(node, va - 1);

    if (i >= node->n)
        return (size_t)node->n - 1;
    return lp_vma_lo(node, i) < va ? i : i - 1;
}

bool lp_vma_path_below(const struct lp_vma_tree *tree, lp_va va,
                       struct lp_vma_path *path)
{
    struct lp_vma_node *node = tree->root;

    if (!node || va <= node->lo)
        return false;
    path->top = node->level;
    for (unsigned level = path->top; level > 0; level--) {
        path->node[level] = node;
        path->index[level] = (uint8_t)index_below(node, va);
        node = node->child[path->index[level]];
    }
    path->node[0] = node;
    path->index[0] = (uint8_t)index_below(node, va);
    return true;
}

/* --- prepare ------------------------------------------------------------- */

/* Copy every shared node on the path, from the root down. */
static int own_path(struct lp_vma_tree *tree, struct lp_vma_path *path)
{
    struct lp_object_list none = { NULL };
    struct lp_vma_node **link = &tree->root;

    for (unsigned level = path->top;; level--) {
        struct lp_vma_node *node = *link;

        if (!lp_vma_sole(node)) {
            *link = lp_vma_node_copy(tree->pools, node);
            if (!*link) {
                *link = node;
                return -LP_ENOMEM;
            }
            /* The last reference, if the others went meanwhile. */
            lp_vma_node_put(tree->pools, node, &none);
        }
        path->node[level] = *link;
        if (level == 0)
            return 0;
        link = &(*link)->child[path->index[level]];
    }
}

/* How many nodes splits can take when k entries are added along the path. */
static unsigned splits(const struct lp_vma_path *path, unsigned k)
{
    unsigned sum = 0;

    for (unsigned level = 0; level <= path->top; level++) {
        unsigned n = path->node[level]->n + k;

        if (n <= LP_VMA_KEYS)
            return sum;
        k = n - LP_VMA_KEYS;
        sum += k;
    }
    return sum + 1;
}

static int reserve(struct lp_vma_tree *tree, unsigned n)
{
    for (; n > 0; n--) {
        struct lp_vma_node *node = lp_slab_alloc(&tree->pools->node);

        if (!node)
            return -LP_ENOMEM;
        node->next = tree->spare;
        tree->spare = node;
        tree->nspare++;
    }
    return 0;
}

int lp_vma_prepare(struct lp_vma_tree *tree, lp_va start, lp_va end)
{
    struct lp_vma_path below, above;
    bool has_below, has_above;
    unsigned n = 0;

    lp_assert2(NULL, start < end && tree->promised < LP_VMA_PROMISES, start,
               end);
    lp_vma_forget(tree);
    tree->promised += LP_VMA_ADDS;
    has_below = lp_vma_path_below(tree, start, &below);
    if (has_below && own_path(tree, &below) != 0)
        return -LP_ENOMEM;
    has_above = lp_vma_path_above(tree, end, &above);
    if (has_above && own_path(tree, &above) != 0)
        return -LP_ENOMEM;
    if (has_below)
        n += splits(&below, tree->promised);
    if (has_above && !(has_below && above.node[0] == below.node[0]))
        n += splits(&above, tree->promised);
    if (!has_below && !has_above)
        n = 1; /* the tree will be empty, then have one leaf */
    return reserve(tree, n);
}

int lp_vma_prepare_change(struct lp_vma_tree *tree, lp_va start, lp_va end)
{
    struct lp_vma_path path;

    lp_vma_forget(tree);
    for (lp_va va = start; va <= end; va = lp_vma_hi(path.node[0])) {
        if (!lp_vma_path_above(tree, va, &path))
            break;
        if (own_path(tree, &path) != 0)
            return -LP_ENOMEM;
    }
    return lp_vma_prepare(tree, start, end);
}

void lp_vma_settle(struct lp_vma_tree *tree)
{
    tree->promised = 0;
    while (tree->spare)
        lp_slab_free(&tree->pools->node, lp_vma_spare(tree));
}

struct lp_vma_node *lp_vma_spare(struct lp_vma_tree *tree)
{
    struct lp_vma_node *node = tree->spare;

    lp_assert2(NULL, node, tree->promised, tree->count);
    tree->spare = node->next;
    tree->nspare--;
    return node;
}
