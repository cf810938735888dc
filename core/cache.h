/*
 * cache.h: an object's page cache: which frame holds which page.
 *
 * A radix tree of 64 entries a node, as high as the largest index in it needs.
 * The cache has one reference to each frame.  The object's lock protects all
 * of it.
 */
#ifndef LP_CORE_CACHE_H
#define LP_CORE_CACHE_H

#include "base.h"
#include "slab.h"

enum { LP_CACHE_BITS = 6, LP_CACHE_ENTRIES = 1 << LP_CACHE_BITS };

/* At the bottom an entry is a frame's address | 1, above a node; 0: nothing. */
struct lp_cache_node {
    uintptr_t entry[LP_CACHE_ENTRIES];
};

struct lp_cache {
    struct lp_slab *slab; /* (C) where nodes come from */
    uintptr_t root;       /* the topmost node, or 0 */
    uint32_t height;      /* levels of nodes; 0: empty */
    uint64_t npages;
};

/* lp_cache_find: the frame of page `index`, or LP_PA_NONE. */
lp_pa lp_cache_find(const struct lp_cache *cache, uint64_t index);

/*
 * lp_cache_insert: page `index` is in this frame.  There is none yet.
 *
 * => returns 0, or -LP_ENOMEM: nothing has changed.
 */
LP_MUST_CHECK
int lp_cache_insert(struct lp_cache *cache, uint64_t index, lp_pa pa);

/* lp_cache_remove: forget page `index`; its frame, or LP_PA_NONE. */
lp_pa lp_cache_remove(struct lp_cache *cache, uint64_t index);

/*
 * lp_cache_next: the first page at or above *index: its frame and *index, or
 * LP_PA_NONE.
 */
lp_pa lp_cache_next(const struct lp_cache *cache, uint64_t *index);

/* lp_cache_clear: free all nodes; no page is left in it. */
void lp_cache_clear(struct lp_cache *cache);

#endif
