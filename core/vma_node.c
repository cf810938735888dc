/*
 * vma_node.c: one node of the tree of areas, and its references; see
 * vma_node.h for what a node is.
 *
 * Nothing here knows of trees or allocates, but for the copy.  Every change is
 * to nodes that one tree owns, under its space's lock for writing.
 */
#include "vma_node.h"

/* A reference to whatever entries [from, to) point at. */
static void get_entries(const struct lp_vma_node *node, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (node->level > 0)
            lp_vma_node_get(node->child[i]);
        else if (node->area[i].object)
            lp_object_get(node->area[i].object);
    }
}

/* Drop a reference; a node that has none left is put before `todo`. */
static void drop(struct lp_vma_node *node, struct lp_vma_node **todo)
{
    if (lp_vma_sole(node) ||
        atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
        node->next = *todo;
        *todo = node;
    }
}

void lp_vma_node_put(struct lp_vma_pools *pools, struct lp_vma_node *node,
                     struct lp_object_list *dead)
{
    struct lp_vma_node *todo = NULL;

    drop(node, &todo);
    while (todo) {
        node = todo;
        todo = node->next;
        for (size_t i = 0; i < node->n; i++) {
            if (node->level > 0)
                drop(node->child[i], &todo);
            else if (node->area[i].object)
                lp_object_drop(node->area[i].object, dead);
        }
        lp_slab_free(&pools->node, node);
    }
}

struct lp_vma_node *lp_vma_node_copy(struct lp_vma_pools *pools,
                                     const struct lp_vma_node *from)
{
    const size_t rest = offsetof(struct lp_vma_node, n);
    struct lp_vma_node *node = lp_slab_alloc(&pools->node);

    if (!node)
        return NULL;
    lp_vma_node_init(node, from->level);
    /* Not the count: others change it at this moment. */
    memcpy((char *)node + rest, (const char *)from + rest,
           sizeof(*node) - rest);
    get_entries(node, 0, node->n);
    return node;
}

void lp_vma_node_init(struct lp_vma_node *node, unsigned level)
{
    atomic_init(&node->refs, 1);
    node->mark = 0;
    node->seen = 0;
    node->n = 0;
    node->level = (uint16_t)level;
}

/* gap[i] of an inner node, from the children. */
static void index_gap(struct lp_vma_node *node, size_t i)
{
    const struct lp_vma_node *child = node->child[i];
    uint64_t below = i > 0 ? child->lo - node->key[i - 1] : 0;

    node->gap[i] = lp_max(below, child->most[0]);
}

/* upto[] of an inner node, from entry i on. */
static void index_upto(struct lp_vma_node *node, size_t i)
{
    uint64_t most = i > 0 ? node->upto[i - 1] : 0;

    for (; i < node->n; i++) {
        most = lp_max(most, node->gap[i]);
        node->upto[i] = most;
    }
}

/* most[] from entry i down, where those above are right. */
static void index_most(struct lp_vma_node *node, size_t i)
{
    uint64_t most = i + 1 < node->n ? node->most[i + 1] : 0;

    for (i++; i-- > 0;) {
        most = lp_max(most, lp_vma_gap_at(node, i));
        node->most[i] = most;
    }
}

void lp_vma_node_index(struct lp_vma_node *node)
{
    size_t n = node->n;

    node->lo = lp_vma_lo(node, 0);
    for (size_t i = 0; node->level > 0 && i < n; i++) {
        node->key[i] = lp_vma_hi(node->child[i]);
        index_gap(node, i);
    }
    for (size_t i = n; i < LP_VMA_KEYS; i++) {
        node->key[i] = UINT64_MAX;
        node->most[i] = 0;
    }
    if (node->level > 0)
        index_upto(node, 0);
    index_most(node, n - 1);
}

void lp_vma_node_refresh(struct lp_vma_node *node, size_t i)
{
    size_t last = i + 1 < node->n ? i + 1 : i;

    lp_assert2(NULL, lp_vma_sole(node), node->level, i);
    node->lo = lp_vma_lo(node, 0);
    node->key[i] = lp_vma_hi(node->child[i]);
    for (size_t k = i; k <= last; k++)
        index_gap(node, k);
    index_upto(node, i);
    index_most(node, last);
}

/*
 * Move n entries of one node, or of another of the same level; the places may
 * overlap.  Gaps are worked out again by the index.
 */
static void move_entries(struct lp_vma_node *to, size_t at,
                         const struct lp_vma_node *from, size_t i, size_t n)
{
    memmove(&to->key[at], &from->key[i], n * sizeof(to->key[0]));
    if (to->level == 0)
        memmove(&to->area[at], &from->area[i], n * sizeof(to->area[0]));
    else
        memmove(&to->child[at], &from->child[i],
                n * sizeof(struct lp_vma_node *));
}

void lp_vma_node_insert(struct lp_vma_node *node, size_t i,
                        const struct lp_vma_entry *entry)
{
    lp_assert2(NULL, node->n < LP_VMA_KEYS && i <= node->n, node->n, i);
    move_entries(node, i + 1, node, i, node->n - i);
    node->key[i] = entry->key;
    if (node->level == 0)
        node->area[i] = entry->area;
    else
        node->child[i] = entry->child;
    node->n++;
    lp_vma_node_index(node);
}

void lp_vma_node_split(struct lp_vma_node *node, struct lp_vma_node *right,
                       size_t at)
{
    lp_vma_node_init(right, node->level);
    right->n = (uint16_t)(node->n - at);
    move_entries(right, 0, node, at, right->n);
    node->n = (uint16_t)at;
}

void lp_vma_node_erase(struct lp_vma_node *node, size_t from, size_t to)
{
    lp_assert2(NULL, lp_vma_sole(node) && to - from < node->n, node->n, from);
    move_entries(node, from, node, to, node->n - to);
    node->n = (uint16_t)(node->n - (to - from));
    lp_vma_node_index(node);
}

void lp_vma_node_absorb(struct lp_vma_pools *pools, struct lp_vma_node *parent,
                        size_t i)
{
    struct lp_vma_node *left = parent->child[i], *right = parent->child[i + 1];
    struct lp_vma_node *keep = lp_vma_sole(left) ? left : right;
    struct lp_vma_node *goes = keep == left ? right : left;
    struct lp_object_list none = { NULL };
    size_t seam = left->n;

    lp_assert2(NULL, lp_vma_sole(keep) && seam + right->n <= LP_VMA_KEYS, seam,
               right->n);
    if (keep == right)
        move_entries(keep, seam, keep, 0, right->n);
    move_entries(keep, keep == left ? seam : 0, goes, 0, goes->n);
    keep->n = (uint16_t)(seam + right->n);
    lp_vma_node_index(keep);
    parent->child[i + 1] = keep;
    lp_vma_node_erase(parent, i, i + 1);
    if (lp_vma_sole(goes)) {
        lp_slab_free(&pools->node, goes);
    } else {
        get_entries(goes, 0, goes->n);
        lp_vma_node_put(pools, goes, &none);
    }
}
