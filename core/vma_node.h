/*
 * vma_node.h: the nodes of the tree of areas, for vma*.c alone.
 *
 * The tree, for 3 keys a node instead of 16:
 *
 *                          key  [ 60 | 90 ]             level 1: inner
 *                         gap  [  5 | 10 ]
 *                              /        \
 *        key  [ 20 | 40 | 60 ]            [ 75 | 90 ]   level 0: leaves
 *      start  [ 10 | 20 | 45 ]            [ 70 | 80 ]
 *        gap  [  . |  0 |  5 ]            [  . |  5 ]
 *
 * A B+-tree.  Each area lies in one leaf, in address order; all leaves are at
 * level 0.  An ENTRY of a leaf is an area, one of an inner node is a child.
 *
 * key      key[i] is where entry i ends: the end of an area, or the end of the
 *          last area below a child.  It is exact, not merely a separator, so
 *          the first key above va leads to the leaf with the first area that
 *          ends above va, and that one holds va or is the next above.  No
 *          search ever has to look into the leaf beside.
 *
 * search   Keys behind the last are UINT64_MAX, so a search always looks at the
 *          same 16 places: four steps that halve them, each adds the outcome of
 *          a compare, without a branch.  Four steps tell 16 answers apart, not
 *          17; the seventeenth, "above all keys", is ruled out before: for the
 *          root by tree->top, below it because the parent's key was above va.
 *
 * gap      The hole below entry i is [key[i - 1], where entry i starts), for
 *          i > 0.  gap[i] is the largest hole inside child i or below it.  What
 *          is below entry 0 belongs to somebody further up; so all that a node
 *          says depends only on what is under it, and stays true when trees
 *          that differ elsewhere share it.  A leaf needs no array: the hole is
 *          area[i].start - key[i - 1].
 *
 * most     most[i] is the largest of gap[i], gap[i + 1], ... to the last.  It
 *          never grows with i, so the same four steps find the last i with
 *          most[i] >= len, and that is also the last with gap[i] >= len: the
 *          highest hole that fits.  Behind the last entry it is 0.  most[0] is
 *          the largest hole in the node.
 *
 * upto     upto[i] is the largest of gap[0] to gap[i], in inner nodes: is there
 *          any hole that fits below a border between two entries?
 *
 * refs     The number of pointers at the node, in parents and in trees.  A node
 *          is OWNED by a tree when it and all nodes above it have one
 *          reference; only then is it changed.  A copy takes a reference to
 *          each child, or to each area's object.  A node whose last reference
 *          is dropped gives these back.  Drops release, seeing a count of one
 *          acquires: whoever is left alone sees what the others did before.
 *
 * fill     A node that loses entries is merged with a neighbour below the same
 *          parent when both fit into one with some room (see below); so are,
 *          when inner nodes are merged, the two children that meet in the
 *          middle.  A full node that gets one more is split in halves, or,
 *          where a tree grows at its end, into 16 and 1, which is how a
 *          program's first mappings come; so such trees are full.  Hence two
 *          neighbours below one parent have at least LP_VMA_PAIR entries
 *          together: after a split one of them has 8, and a merge was refused
 *          because they had more.  That is more than four entries a node at the
 *          very worst, and 11 in the long run.  One exception: children that
 *          meet in the middle are left alone when both are shared, since a
 *          merge must own one; the next edit there mends it.  The root has two
 *          children or is a leaf.
 *
 * What can fail is done first.  lp_vma_prepare(start, end) makes the tree own
 * two paths: to the last area that starts below `start`, and to the first that
 * ends above `end`.
 *
 *          A node that a remove has to change keeps some area and loses some;
 *          since it holds a run of neighbours, it holds the last area before
 *          the range or the first behind, and so lies on one of the two.  Nodes
 *          wholly inside the range are dropped, owned or not, at their parent.
 *          An insert changes the area before, the one behind, or puts a new
 *          entry next to one of them.  A merge changes one owned node and
 *          absorbs the other, which may be shared: that one is only read.
 *
 *          So edits never copy.  What they allocate is for splits.  A remove
 *          adds at most one entry to a leaf (an area cut in two), an insert
 *          one, a change two: LP_VMA_ADDS for each prepare.  k entries added
 *          under a node with n entries split it at most n + k - 16 times and
 *          add as many to its parent; a root that splits needs one node more.
 *          Summed over both paths that is the number of spares: usually none,
 *          at most 2 (k levels + 1).  k counts all prepares since the last
 *          settle, so that ranges prepared together may meet in one leaf.  A
 *          merge leaves room for as many entries as are promised: a merged node
 *          is never the one that splits.
 */
#ifndef LP_CORE_VMA_NODE_H
#define LP_CORE_VMA_NODE_H

#include "vma.h"

enum {
    LP_VMA_KEYS = 16,
    LP_VMA_LEVELS = 20,
    LP_VMA_ADDS = 2,                                 /* entries, a prepare */
    LP_VMA_PROMISES = LP_VMA_ADDS * LP_VMA_PREPARES, /* the most at once */
    LP_VMA_PAIR = LP_VMA_KEYS - LP_VMA_PROMISES + 1, /* of two neighbours */
};

/* One area in a leaf: a struct lp_vma up to its end, which is the key. */
struct lp_vma_area {
    lp_va start;
    struct lp_object *object;
    uint64_t offset;
    uint32_t flags;
    uint32_t owner;
};
_Static_assert(offsetof(struct lp_vma_area, owner) ==
                       offsetof(struct lp_vma, owner) &&
                   sizeof(struct lp_vma_area) == offsetof(struct lp_vma, end),
               "lp_vma_unpack copies an area at once");

struct lp_vma_node {
    _Atomic uint32_t refs; /* (A) */
    uint32_t mark, seen;   /* lp_vma_recount's: round, pointers found */
    /* From here on never changed while shared: (S) while owned. */
    uint16_t n;     /* entries, 1..LP_VMA_KEYS */
    uint16_t level; /* 0: a leaf */
    union {
        lp_va lo;                 /* start of the first area */
        struct lp_vma_node *next; /* while spare, or about to be freed */
    };
    lp_va key[LP_VMA_KEYS];
    uint64_t most[LP_VMA_KEYS];
    union {
        struct lp_vma_area area[LP_VMA_KEYS]; /* level 0 */
        struct {
            struct lp_vma_node *child[LP_VMA_KEYS];
            uint64_t gap[LP_VMA_KEYS];
            uint64_t upto[LP_VMA_KEYS];
        };
    };
};
_Static_assert(sizeof(struct lp_vma_node) <= (LP_PAGE_SIZE - 64) / 5,
               "five nodes a frame");
_Static_assert(LP_VMA_PAIR == LP_VMA_KEYS / 2 + 1, "half a split and one more");

/* What lp_vma_node_insert puts in. */
struct lp_vma_entry {
    lp_va key;
    struct lp_vma_node *child; /* of an inner node */
    struct lp_vma_area area;   /* of a leaf */
};

/* From the root to an entry of a leaf: by level, the node and the index in it.
 */
struct lp_vma_path {
    struct lp_vma_node *node[LP_VMA_LEVELS];
    uint8_t index[LP_VMA_LEVELS]; /* small: several paths are on the stack */
    unsigned top;                 /* the root's level when it was found */
};

/*
 * lp_vma_index: index of the first key above va, when there is one; else the
 * number of keys, but at most 15.
 *
 * In this form no compiler seen so far makes a jump of it.
 */
static inline size_t lp_vma_index(const struct lp_vma_node *node, lp_va va)
{
    size_t i = node->key[7] <= va ? 8 : 0;

    i += node->key[i + 3] <= va ? 4 : 0;
    i += node->key[i + 1] <= va ? 2 : 0;
    i += node->key[i] <= va ? 1 : 0;
    return i;
}

/* Index of the last entry whose most is at least len, when most[0] is. */
static inline size_t lp_vma_index_most(const struct lp_vma_node *node,
                                       uint64_t len)
{
    size_t i = node->most[8] >= len ? 8 : 0;

    i += node->most[i + 4] >= len ? 4 : 0;
    i += node->most[i + 2] >= len ? 2 : 0;
    i += node->most[i + 1] >= len ? 1 : 0;
    return i;
}

/* Where the node's last area ends. */
static inline lp_va lp_vma_hi(const struct lp_vma_node *node)
{
    return node->key[(size_t)node->n - 1];
}

/* Where entry i starts. */
static inline lp_va lp_vma_lo(const struct lp_vma_node *node, size_t i)
{
    return node->level == 0 ? node->area[i].start : node->child[i]->lo;
}

/* The largest hole inside entry i, or below it in the node. */
static inline uint64_t lp_vma_gap_at(const struct lp_vma_node *node, size_t i)
{
    if (node->level > 0)
        return node->gap[i];
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; i is below n, n at most 16 */
    return i > 0 ? node->area[i].start - node->key[i - 1] : 0;
}

/* Has the node one reference?  If so, what others did with it is visible. */
static inline bool lp_vma_sole(const struct lp_vma_node *node)
{
    return atomic_load_explicit(&node->refs, memory_order_acquire) == 1;
}

static inline void lp_vma_node_get(struct lp_vma_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

/* The area at entry i of a leaf, by value; the builtin, to have it inline. */
static inline void lp_vma_unpack(const struct lp_vma_node *leaf, size_t i,
                                 struct lp_vma *out)
{
    __builtin_memcpy(out, &leaf->area[i], sizeof(leaf->area[i]));
    out->end = leaf->key[i];
}

/* Do two areas touch, and belong together? */
static inline bool lp_vma_mergeable(const struct lp_vma *low,
                                    const struct lp_vma *high)
{
    return low->end == high->start && low->object == high->object &&
           low->flags == high->flags && low->owner == high->owner &&
           (!low->object ||
            low->offset + (low->end - low->start) == high->offset);
}

/* The tree is about to change: the leaf of the last hit may go. */
static inline void lp_vma_forget(struct lp_vma_tree *tree)
{
    atomic_store_explicit(&tree->last, NULL, memory_order_relaxed);
}

/* --- vma_node.c ---------------------------------------------------------- */

/* lp_vma_node_put: drop a reference and, without recursion, what hung on it. */
void lp_vma_node_put(struct lp_vma_pools *pools, struct lp_vma_node *node,
                     struct lp_object_list *dead);

/* lp_vma_node_copy: a copy with one reference; NULL when there is no memory. */
struct lp_vma_node *lp_vma_node_copy(struct lp_vma_pools *pools,
                                     const struct lp_vma_node *from);

/* lp_vma_node_init: a node without entries. */
void lp_vma_node_init(struct lp_vma_node *node, unsigned level);

/*
 * lp_vma_node_index: work out again what an owned node says of its entries: lo,
 * keys, gaps.
 */
void lp_vma_node_index(struct lp_vma_node *node);

/* lp_vma_node_refresh: the same, when only entry i of an inner node changed. */
void lp_vma_node_refresh(struct lp_vma_node *node, size_t i);

/* lp_vma_node_insert: put an entry before entry i (or last); there is room. */
void lp_vma_node_insert(struct lp_vma_node *node, size_t i,
                        const struct lp_vma_entry *entry);

/*
 * lp_vma_node_split: entries from `at` on go to the node `right`, which is
 * new.  One of the two may be left empty; neither is indexed.
 */
void lp_vma_node_split(struct lp_vma_node *node, struct lp_vma_node *right,
                       size_t at);

/* lp_vma_node_erase: entries [from, to) go; their references are moved or
 * dropped by the caller.  Some entry stays. */
void lp_vma_node_erase(struct lp_vma_node *node, size_t from, size_t to);

/*
 * lp_vma_node_absorb: merge children i and i + 1 of an owned parent.
 *
 * => they have at most 16 entries together.
 * => one of them is owned and stays; the other may be shared, and goes.
 */
void lp_vma_node_absorb(struct lp_vma_pools *pools, struct lp_vma_node *parent,
                        size_t i);

/* --- vma_prepare.c -------------------------------------------------------- */

/* lp_vma_path_above: to the first area that ends above va; false: none. */
bool lp_vma_path_above(const struct lp_vma_tree *tree, lp_va va,
                       struct lp_vma_path *path);

/* lp_vma_path_below: to the last area that starts below va; false: none. */
bool lp_vma_path_below(const struct lp_vma_tree *tree, lp_va va,
                       struct lp_vma_path *path);

/* lp_vma_spare: one of the nodes that prepare set aside. */
struct lp_vma_node *lp_vma_spare(struct lp_vma_tree *tree);

#endif
