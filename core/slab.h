/*
 * slab.h: nodes of a fixed size, carved from frames.
 *
 * The library needs no heap: spaces, objects, area nodes and cache nodes come
 * from here.  A cache keeps the frames that have a free node in a list and
 * gives a frame back to the kernel when its last node is freed.
 */
#ifndef LP_CORE_SLAB_H
#define LP_CORE_SLAB_H

#include "lock.h"

struct lp_slab_frame;

struct lp_slab {
    struct lp_pager *pager;        /* (C) */
    struct lp_ticket_lock lock;    /* a leaf lock: nothing is taken under it */
    uint32_t node_size;            /* (C) bytes, a multiple of 8 */
    uint32_t per_frame;            /* (C) nodes in a frame */
    struct lp_slab_frame *partial; /* (lock) frames with a free node */
    uint64_t nodes;                /* (lock) nodes handed out */
    uint64_t frames;               /* (lock) frames held */
};

/*
 * lp_slab_init: a cache of nodes of node_size bytes (16..2032).
 */
void lp_slab_init(struct lp_slab *slab, struct lp_pager *pager,
                  uint32_t node_size);

/*
 * lp_slab_alloc: a node, 16-byte aligned, contents unspecified; NULL when there
 * is no frame.
 *
 * => any lock may be held but a slab's.
 */
void *lp_slab_alloc(struct lp_slab *slab);

/* lp_slab_free: give a node back to the cache that it came from. */
void lp_slab_free(struct lp_slab *slab, void *node);

#endif
