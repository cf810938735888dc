/*
 * fake_vma.h: what the tree of areas stands on, faked: nodes come from malloc
 * and are counted, the n-th allocation fails on request, and objects are a
 * count of references.  Defines the functions: included by one file of a
 * program.
 *
 * Counts are atomic, so that threads may use them.
 */
#ifndef LP_TEST_FAKE_VMA_H
#define LP_TEST_FAKE_VMA_H

#include "vma_node.h"

#include <stdio.h>
#include <stdlib.h>

static _Atomic int64_t fake_nodes;      /* handed out */
static _Atomic int64_t fake_allocs;     /* calls since the last reset */
static _Atomic int64_t fake_fail_after; /* that many succeed; -1: all */

void lp_slab_init(struct lp_slab *slab, struct lp_pager *pager,
                  uint32_t node_size)
{
    memset(slab, 0, sizeof(*slab));
    slab->pager = pager;
    slab->node_size = node_size;
    atomic_store(&fake_fail_after, -1);
}

void *lp_slab_alloc(struct lp_slab *slab)
{
    int64_t allowed = atomic_load(&fake_fail_after);
    void *node;

    if (atomic_fetch_add(&fake_allocs, 1) >= allowed && allowed >= 0)
        return NULL;
    node = malloc(slab->node_size);
    if (!node)
        abort();
    memset(node, 0xa5, slab->node_size);
    atomic_fetch_add(&fake_nodes, 1);
    return node;
}

void lp_slab_free(struct lp_slab *slab, void *node)
{
    memset(node, 0x5a, slab->node_size);
    atomic_fetch_sub(&fake_nodes, 1);
    free(node);
}

void lp_object_get(struct lp_object *object)
{
    if (atomic_fetch_add(&object->refs, 1) == 0)
        abort();
}

void lp_object_drop(struct lp_object *object, struct lp_object_list *dead)
{
    uint64_t old = atomic_fetch_sub(&object->refs, 1);

    if (old == 0)
        abort();
    if (old == 1)
        dead->first = object;
}

/* Let n allocations succeed and the next fail; -1: none fails. */
static inline void fake_fail(int64_t n)
{
    atomic_store(&fake_allocs, 0);
    atomic_store(&fake_fail_after, n);
}

/* xorshift64*: good enough, and the same everywhere. */
static inline uint64_t fake_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

/* A number below n. */
static inline unsigned fake_below(uint64_t *state, unsigned n)
{
    return (unsigned)((fake_random(state) >> 33) % n);
}

#endif
