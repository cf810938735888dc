/*
 * vma_edit.c: the tree of areas: remove, insert, change.
 *
 * Nothing here can fail: prepare has owned the nodes that are changed and set
 * aside the new ones.  Every edit goes down a path, changes the node at its
 * end, and climbs back to bring what the parents say up to date.  Under the
 * space's lock for writing.
 */
#include "vma_node.h"

static void path_area(const struct lp_vma_path *path, struct lp_vma *out)
{
    lp_vma_unpack(path->node[0], path->index[0], out);
}

/* Bring the nodes above `level` of the path, and the tree, up to date. */
static void climb(struct lp_vma_tree *tree, const struct lp_vma_path *path,
                  unsigned level)
{
    lp_assert2(NULL, lp_vma_sole(path->node[level]), level, 0);
    for (level++; level <= tree->root->level; level++)
        lp_vma_node_refresh(path->node[level], path->index[level]);
    tree->top = lp_vma_hi(tree->root);
}

/* --- entries come -------------------------------------------------------- */

/* Which end of the tree grows: where full nodes are split. */
enum edge { EDGE_NONE, EDGE_FIRST, EDGE_LAST };

/* A root with one child, the old root. */
static void grow_root(struct lp_vma_tree *tree, struct lp_vma_path *path)
{
    unsigned level = tree->root->level + 1U;
    struct lp_vma_node *root = lp_vma_spare(tree);
    struct lp_vma_entry entry = { .child = tree->root };

    lp_assert2(NULL, level < LP_VMA_LEVELS, level, tree->count);
    lp_vma_node_init(root, level);
    lp_vma_node_insert(root, 0, &entry);
    tree->root = root;
    path->node[level] = root;
    path->index[level] = 0;
}

/* Put an entry before entry i of a full node, in two halves; returns the upper.
 */
static struct lp_vma_node *split(struct lp_vma_tree *tree,
                                 struct lp_vma_node *node, size_t i,
                                 const struct lp_vma_entry *entry,
                                 enum edge edge)
{
    size_t stay = edge == EDGE_FIRST  ? 1
                  : edge == EDGE_LAST ? LP_VMA_KEYS
                                      : LP_VMA_KEYS / 2;
    struct lp_vma_node *right = lp_vma_spare(tree);

    if (i < stay) {
        lp_vma_node_split(node, right, stay - 1);
        lp_vma_node_insert(node, i, entry);
        lp_vma_node_index(right);
    } else {
        lp_vma_node_split(node, right, stay);
        lp_vma_node_insert(right, i - stay, entry);
        lp_vma_node_index(node);
    }
    return right;
}

/* Put an area before the entry of the leaf that the path names. */
static void insert_entry(struct lp_vma_tree *tree, struct lp_vma_path *path,
                         struct lp_vma_entry *entry, enum edge edge)
{
    unsigned level = 0;

    while (path->node[level]->n == LP_VMA_KEYS) {
        struct lp_vma_node *node = path->node[level];

        if (level == tree->root->level)
            grow_root(tree, path);
        entry->child = split(tree, node, path->index[level], entry, edge);
        entry->key = lp_vma_hi(entry->child);
        level++;
        path->index[level]++;
    }
    lp_vma_node_insert(path->node[level], path->index[level], entry);
    climb(tree, path, level);
    tree->count++;
}

static struct lp_vma_entry entry_of(const struct lp_vma *vma)
{
    return (struct lp_vma_entry){
        .key = vma->end,
        .area = { vma->start, vma->object, vma->offset, vma->flags,
                  vma->owner },
    };
}

/* --- entries go ---------------------------------------------------------- */

/*
 * Merge children i and i + 1 when they fit into one with room for what is still
 * promised; then the two of their children that meet, and so on down.
 */
static bool merge(struct lp_vma_tree *tree, struct lp_vma_node *parent,
                  size_t i)
{
    bool merged = false;

    for (;;) {
        struct lp_vma_node *left = parent->child[i];
        struct lp_vma_node *right = parent->child[i + 1];
        size_t seam = left->n;

        if (seam + right->n + tree->promised > LP_VMA_KEYS)
            return merged;
        if (!lp_vma_sole(left) && !lp_vma_sole(right))
            return merged;
        lp_vma_node_absorb(tree->pools, parent, i);
        merged = true;
        parent = parent->child[i];
        if (parent->level == 0)
            return merged;
        i = seam - 1;
    }
}

/* A root with one child makes room for it. */
static void collapse_root(struct lp_vma_tree *tree)
{
    while (tree->root->level > 0 && tree->root->n == 1) {
        struct lp_vma_node *root = tree->root;

        tree->root = root->child[0];
        lp_slab_free(&tree->pools->node, root);
    }
}

/* The node at this level of the path has lost entries: merge, and climb. */
static void shrink(struct lp_vma_tree *tree, const struct lp_vma_path *path,
                   unsigned level)
{
    for (; level < tree->root->level; level++) {
        struct lp_vma_node *parent = path->node[level + 1];
        size_t i = path->index[level + 1];
        bool merged = false;

        if (i + 1 < parent->n)
            merged = merge(tree, parent, i);
        if (i > 0)
            merged |= merge(tree, parent, i - 1);
        if (!merged)
            break;
    }
    climb(tree, path, level);
    collapse_root(tree);
}

/* Entries [from, to) of a node of the path go, with what they point at. */
static void erase(struct lp_vma_tree *tree, const struct lp_vma_path *path,
                  unsigned level, size_t from, size_t to,
                  struct lp_object_list *dead)
{
    struct lp_vma_node *node = path->node[level];

    if (to - from == node->n) {
        lp_assert2(NULL, node == tree->root, from, to);
        lp_vma_node_put(tree->pools, node, dead);
        tree->root = NULL;
        tree->top = 0;
        return;
    }
    for (size_t i = from; i < to; i++) {
        if (level > 0)
            lp_vma_node_put(tree->pools, node->child[i], dead);
        else if (node->area[i].object)
            lp_object_drop(node->area[i].object, dead);
    }
    lp_vma_node_erase(node, from, to);
    if (level > 0 && from > 0 && from < node->n)
        (void)merge(tree, node, from - 1);
    shrink(tree, path, level);
}

/*
 * Erase the first run of neighbours, as high in the tree as can be, that lies
 * in [start, end); no area crosses a border.  False when there is none: then
 * it has been called once for each level of each border.
 */
static bool erase_run(struct lp_vma_tree *tree, lp_va start, lp_va end,
                      struct lp_object_list *dead)
{
    struct lp_vma_path path;
    struct lp_vma_node *node = tree->root;

    if (start >= tree->top)
        return false;
    for (unsigned level = node->level;; level--) {
        size_t from = lp_vma_index(node, start), to = from;

        path.node[level] = node;
        path.index[level] = (uint8_t)from;
        if (lp_vma_lo(node, from) >= end)
            return false;
        if (lp_vma_lo(node, from) >= start) {
            while (to < node->n && node->key[to] <= end)
                to++;
        }
        if (to > from) {
            erase(tree, &path, level, from, to, dead);
            return true;
        }
        /* no branch: no area crosses a border, so one from here on is whole */
        if (level == 0)
            return false;
        node = node->child[from];
    }
}

/* --- one area ------------------------------------------------------------ */

/* Move the start of the path's area; its offset goes with it. */
static void set_start(struct lp_vma_tree *tree, const struct lp_vma_path *path,
                      lp_va start)
{
    struct lp_vma_area *area = &path->node[0]->area[path->index[0]];

    if (area->object)
        area->offset += start - area->start;
    area->start = start;
    lp_vma_node_index(path->node[0]);
    climb(tree, path, 0);
}

/* Move the end of the path's area. */
static void set_end(struct lp_vma_tree *tree, const struct lp_vma_path *path,
                    lp_va end)
{
    path->node[0]->key[path->index[0]] = end;
    lp_vma_node_index(path->node[0]);
    climb(tree, path, 0);
}

/* Cut the area that holds `at`, if it does not start there, in two. */
LP_APART static void cut(struct lp_vma_tree *tree, lp_va at)
{
    struct lp_vma_path path;
    struct lp_vma_entry entry;
    struct lp_vma vma;

    if (!lp_vma_path_below(tree, at, &path))
        return;
    path_area(&path, &vma);
    if (vma.end <= at)
        return;
    if (vma.object) {
        lp_object_get(vma.object);
        vma.offset += at - vma.start;
    }
    vma.start = at;
    entry = entry_of(&vma);
    path.node[0]->key[path.index[0]] = at;
    path.index[0]++;
    insert_entry(tree, &path, &entry, EDGE_NONE);
}

/* Merge `high` into the area below it, which it touches and equals. */
static void join(struct lp_vma_tree *tree, const struct lp_vma *high)
{
    struct lp_object_list none = { NULL };
    struct lp_vma_path path;
    bool found;

    (void)erase_run(tree, high->start, high->end, &none);
    found = lp_vma_path_below(tree, high->start, &path);
    lp_assert2(NULL, found && !none.first, high->start, high->end);
    set_end(tree, &path, high->end);
    tree->count--;
}

/* --- the edits ----------------------------------------------------------- */

/* Take what meets [start, end) out of the tree's totals. */
static void discount(struct lp_vma_tree *tree, lp_va start, lp_va end)
{
    struct lp_vma_path path;

    for (lp_va va = start; va < end && lp_vma_path_above(tree, va, &path);
         va = lp_vma_hi(path.node[0])) {
        const struct lp_vma_node *leaf = path.node[0];

        for (size_t i = path.index[0]; i < leaf->n; i++) {
            lp_va lo = leaf->area[i].start, hi = leaf->key[i];

            if (lo >= end)
                return;
            tree->bytes -= lp_min(hi, end) - lp_max(lo, start);
            tree->count -= lo >= start && hi <= end;
        }
    }
}

void lp_vma_remove(struct lp_vma_tree *tree, lp_va start, lp_va end,
                   struct lp_object_list *dead)
{
    struct lp_vma_path path;
    struct lp_vma vma;

    lp_vma_forget(tree);
    discount(tree, start, end);
    if (lp_vma_path_below(tree, start, &path)) {
        path_area(&path, &vma);
        if (vma.end > end) {
            cut(tree, end);
            (void)lp_vma_path_below(tree, start, &path);
        }
        if (vma.end > start)
            set_end(tree, &path, start);
    }
    if (lp_vma_path_above(tree, end, &path)) {
        path_area(&path, &vma);
        if (vma.start < end)
            set_start(tree, &path, end);
    }
    while (erase_run(tree, start, end, dead))
        ;
}

/* Merge a new area with the neighbours that equal it, if any does. */
static bool merge_area(struct lp_vma_tree *tree, const struct lp_vma *vma)
{
    struct lp_object_list none = { NULL };
    struct lp_vma_path path;
    struct lp_vma low, high;
    bool to_low = false, to_high = false;

    if (lp_vma_path_above(tree, vma->start, &path)) {
        path_area(&path, &high);
        lp_assert2(NULL, high.start >= vma->end, high.start, vma->end);
        to_high = lp_vma_mergeable(vma, &high);
    }
    if (lp_vma_path_below(tree, vma->start, &path)) {
        path_area(&path, &low);
        to_low = lp_vma_mergeable(&low, vma);
    }
    if (to_low) {
        set_end(tree, &path, vma->end);
        if (to_high)
            join(tree, &high);
    } else if (to_high) {
        (void)lp_vma_path_above(tree, vma->start, &path);
        set_start(tree, &path, vma->start);
    }
    if ((to_low || to_high) && vma->object)
        lp_object_drop(vma->object, &none);
    return to_low || to_high;
}

/* The first area of an empty tree. */
static void insert_first(struct lp_vma_tree *tree, struct lp_vma_entry *entry)
{
    tree->root = lp_vma_spare(tree);
    lp_vma_node_init(tree->root, 0);
    lp_vma_node_insert(tree->root, 0, entry);
    tree->top = entry->key;
    tree->count++;
}

/* Put an area between its neighbours: behind the lower where there is room. */
static void place(struct lp_vma_tree *tree, const struct lp_vma *vma)
{
    struct lp_vma_entry entry = entry_of(vma);
    struct lp_vma_path below, above;
    bool has_below = lp_vma_path_below(tree, vma->start, &below);
    bool has_above = lp_vma_path_above(tree, vma->start, &above);

    if (has_below && (!has_above || below.node[0]->n < LP_VMA_KEYS)) {
        below.index[0]++;
        insert_entry(tree, &below, &entry, has_above ? EDGE_NONE : EDGE_LAST);
    } else if (has_above) {
        insert_entry(tree, &above, &entry, has_below ? EDGE_NONE : EDGE_FIRST);
    } else {
        insert_first(tree, &entry);
    }
}

void lp_vma_insert(struct lp_vma_tree *tree, const struct lp_vma *vma)
{
    lp_assert2(NULL, vma->start < vma->end, vma->start, vma->end);
    lp_vma_forget(tree);
    tree->bytes += vma->end - vma->start;
    if (!merge_area(tree, vma))
        place(tree, vma);
}

/* Merge equal neighbours among the areas that touch [start, end). */
LP_APART static void join_equal(struct lp_vma_tree *tree, lp_va start,
                                lp_va end)
{
    struct lp_vma_path path;
    struct lp_vma low, high;

    if (!lp_vma_path_below(tree, start, &path) &&
        !lp_vma_path_above(tree, start, &path))
        return;
    path_area(&path, &low);
    while (lp_vma_path_above(tree, low.end, &path)) {
        path_area(&path, &high);
        if (high.start > end)
            return;
        if (lp_vma_mergeable(&low, &high)) {
            join(tree, &high);
            low.end = high.end;
        } else {
            low = high;
        }
    }
}

void lp_vma_change(struct lp_vma_tree *tree, lp_va start, lp_va end,
                   uint32_t clear, uint32_t set)
{
    struct lp_vma_path path;

    lp_vma_forget(tree);
    cut(tree, start);
    cut(tree, end);
    for (lp_va va = start; va < end && lp_vma_path_above(tree, va, &path);
         va = lp_vma_hi(path.node[0])) {
        struct lp_vma_node *leaf = path.node[0];

        lp_assert2(NULL, lp_vma_sole(leaf), start, end);
        for (size_t i = path.index[0]; i < leaf->n; i++) {
            if (leaf->area[i].start < end)
                leaf->area[i].flags = (leaf->area[i].flags & ~clear) | set;
        }
    }
    join_equal(tree, start, end);
}
