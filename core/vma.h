/*
 * vma.h: the tree of areas of one space.
 *
 * It knows addresses, flags, objects and offsets; nothing of pages.
 *
 * A B+-tree.  Its nodes have reference counts (the number of parent nodes and
 * trees that point at them) and are copied on write: a node with one reference,
 * reached through nodes with one reference, is owned and changed in place; any
 * other is shared and never changed.  So a fork shares the whole tree by taking
 * one reference to the root.  How the nodes look is in vma_node.h.
 *
 * Who calls: readers hold the space's lock for reading, editors for writing.
 * Nodes shared with another space's tree are only read, and their counts are
 * atomic, so that two spaces never need each other's lock.
 *
 * Editing is in two steps: prepare, which may fail and changes nothing that
 * anyone can see; then the edits, which cannot fail.
 */
#ifndef LP_CORE_VMA_H
#define LP_CORE_VMA_H

#include "base.h"
#include "object.h"
#include "slab.h"

/* struct lp_vma, field flags. */
enum {
    LP_VMA_READ = LP_READ,
    LP_VMA_WRITE = LP_WRITE,
    LP_VMA_EXEC = LP_EXEC,
    LP_VMA_ACCESS = LP_READ | LP_WRITE | LP_EXEC,
    LP_VMA_MAY_SHIFT = 3, /* what mprotect may raise the access to */
    LP_VMA_MAY_READ = LP_READ << LP_VMA_MAY_SHIFT,
    LP_VMA_MAY_WRITE = LP_WRITE << LP_VMA_MAY_SHIFT,
    LP_VMA_MAY_EXEC = LP_EXEC << LP_VMA_MAY_SHIFT,
    LP_VMA_SHARED = 64,
};

/* One area, by value. */
struct lp_vma {
    lp_va start;              /* page-aligned, below end */
    struct lp_object *object; /* NULL: private anonymous */
    uint64_t offset;          /* of start in the object; 0 without object */
    uint32_t flags;           /* LP_VMA_* */
    uint32_t owner;           /* spare: 0; areas merge only if it is equal */
    lp_va end;                /* last: a leaf keeps it apart from the rest */
};

struct lp_vma_node;

/* The cache of nodes, in the pager. */
struct lp_vma_pools {
    struct lp_slab node;
};

struct lp_vma_tree {
    struct lp_vma_node *root;   /* (S) NULL when empty */
    lp_va top;                  /* (S) end of the last area; 0 when empty */
    struct lp_vma_pools *pools; /* (C) where nodes come from */
    uint64_t count;             /* (S) areas */
    uint64_t bytes;             /* (S) sum of their lengths */
    struct lp_vma_node *spare;  /* (S) nodes set aside by prepare */
    uint32_t nspare;            /* (S) how many */
    uint32_t promised;          /* (S) entries that edits may still add */
    _Atomic(struct lp_vma_node *) last; /* (A) leaf of the last hit, or NULL */
};

void lp_vma_pools_init(struct lp_vma_pools *pools, struct lp_pager *pager);

/* lp_vma_init: an empty tree. */
void lp_vma_init(struct lp_vma_tree *tree, struct lp_vma_pools *pools);

/*
 * lp_vma_share: make `to` (just initialised) a tree with the same areas, by a
 * reference to the root.  Constant time; cannot fail.
 *
 * => space of `from` locked for writing; from has nothing prepared.
 */
void lp_vma_share(struct lp_vma_tree *to, struct lp_vma_tree *from);

/*
 * lp_vma_clear: drop everything, spares too.
 *
 * => objects that lose their last reference are put on the list.
 */
void lp_vma_clear(struct lp_vma_tree *tree, struct lp_object_list *dead);

/*
 * lp_vma_find: the area that holds va, or else the first one above.
 *
 * => returns false when there is none at or above va; else fills *out: the area
 *    holds va exactly when out->start <= va.
 * => space locked for reading.
 */
bool lp_vma_find(struct lp_vma_tree *tree, lp_va va, struct lp_vma *out);

/* lp_vma_any: does any area meet [start, end)?  Locked for reading. */
bool lp_vma_any(struct lp_vma_tree *tree, lp_va start, lp_va end);

/*
 * lp_vma_gap: the highest address a with [a, a + len) inside [low, high) and no
 * area there.
 *
 * => page-aligned, len > 0.  O(log n).
 * => returns false when there is no such gap.
 * => space locked for reading.
 */
bool lp_vma_gap(struct lp_vma_tree *tree, uint64_t len, lp_va low, lp_va high,
                lp_va *out);

/*
 * lp_vma_prepare: own and set aside what these edits can need: one
 * lp_vma_remove of [start, end), then one lp_vma_insert of exactly that range.
 * The insert may cover a part of it, when what is around it in the range was
 * removed.
 *
 * => start < end, page-aligned.
 * => returns 0, or -LP_ENOMEM: nothing visible has changed.
 * => space locked for writing, until after the edits and lp_vma_settle, which
 *    must follow in any case.
 * => up to LP_VMA_PREPARES calls before the settle: their ranges can then be
 *    edited in any order (mremap: the old place and the new).
 */
LP_MUST_CHECK
int lp_vma_prepare(struct lp_vma_tree *tree, lp_va start, lp_va end);

/*
 * lp_vma_prepare_change: the same for one lp_vma_change of [start, end).  It
 * owns every leaf that the range touches.
 */
LP_MUST_CHECK
int lp_vma_prepare_change(struct lp_vma_tree *tree, lp_va start, lp_va end);

enum { LP_VMA_PREPARES = 4 };

/*
 * lp_vma_remove: no area meets [start, end) any more; areas across the borders
 * are cut.  After lp_vma_prepare of the range.
 *
 * => objects that lose their last reference go to the list.
 */
void lp_vma_remove(struct lp_vma_tree *tree, lp_va start, lp_va end,
                   struct lp_object_list *dead);

/*
 * lp_vma_insert: add an area where there is none, merged with equal
 * neighbours.  After lp_vma_prepare of its range.
 *
 * => takes over the caller's reference to vma->object, which is given back
 *    when the area was merged into a neighbour; that one has a reference of
 *    its own, so it is never the last.
 */
void lp_vma_insert(struct lp_vma_tree *tree, const struct lp_vma *vma);

/*
 * lp_vma_change: in every area part inside [start, end) set the flags to
 * (flags & ~clear) | set; split at the borders, merge equal neighbours.
 * Holes are skipped.  After lp_vma_prepare_change of the same range.
 */
void lp_vma_change(struct lp_vma_tree *tree, lp_va start, lp_va end,
                   uint32_t clear, uint32_t set);

/* lp_vma_settle: the edits are over, or given up: spares go back. */
void lp_vma_settle(struct lp_vma_tree *tree);

/*
 * lp_vma_check: is the tree well formed?  Sorted, disjoint, non-empty, aligned,
 * merged, keys and gap index right, fill, counts at least one, totals right.
 *
 * => returns NULL or a static sentence.
 * => space locked for reading.
 */
const char *lp_vma_check(struct lp_vma_tree *tree);

/*
 * lp_vma_recount: for lp_check, over all trees that can share nodes: count in
 * each node the pointers to it, and show the objects its areas hold.
 *
 * => round: not 0, the same for all trees, different from the last recount's.
 * => visit (or NULL) is called for every area that has an object, once for
 *    each leaf, however many trees share it: one call is one reference.
 * => all spaces at rest.
 */
void lp_vma_recount(struct lp_vma_tree *tree, uint32_t round,
                    void (*visit)(void *ctx, struct lp_object *object),
                    void *ctx);

/*
 * lp_vma_recount_check: after lp_vma_recount of all trees, for each of them: is
 * every node's reference count the number of pointers found?
 *
 * => returns NULL or a static sentence.
 */
const char *lp_vma_recount_check(struct lp_vma_tree *tree, uint32_t round);

#endif
