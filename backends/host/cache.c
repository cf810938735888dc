/*
 * cache.c: a TLB: a hash table that grows and never evicts.
 *
 * Open addressing with linear probing, at most half full; removal shifts the
 * entries behind back, so that there are no tombstones and a TLB that has
 * lived long is as fast as a new one.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64 };

uint64_t lp_host_leaf_key(lp_va va)
{
    return (va >> 12 & ((UINT64_C(1) << 45) - 1)) << 1 | 1;
}

uint64_t lp_host_table_key(const struct lp_host_walker *w, unsigned level,
                           lp_va va)
{
    uint64_t number = va & ((UINT64_C(1) << lp_host_va_bits(w)) - 1);

    return (number >> lp_host_level_shift(w, level)) << 4 | level << 1 | 1;
}

lp_va lp_host_key_va(const struct lp_host_walker *w,
                     const struct lp_host_cached *entry, bool table)
{
    unsigned bits = lp_host_va_bits(w);
    lp_va va;

    if (table)
        va = entry->key >> 4 << lp_host_level_shift(w, entry->level);
    else
        va = entry->key >> 1 << 12;
    va &= (UINT64_C(1) << bits) - 1;
    if (w->canonical != LP_HOST_ZERO_FAULT && va >> (bits - 1))
        va |= ~UINT64_C(0) << bits;
    return va;
}

static size_t home(const struct lp_host_cache *cache, uint64_t key)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) &
           (cache->capacity - 1);
}

/* The slot that holds key, or the free one where it would go. */
static size_t slot_of(const struct lp_host_cache *cache, uint64_t key)
{
    size_t i = home(cache, key);

    while (cache->slots[i].key && cache->slots[i].key != key)
        i = (i + 1) & (cache->capacity - 1);
    return i;
}

struct lp_host_cached *lp_host_cache_find(const struct lp_host_cache *cache,
                                          uint64_t key)
{
    size_t i;

    if (cache->count == 0)
        return NULL;
    i = slot_of(cache, key);
    return cache->slots[i].key ? &cache->slots[i] : NULL;
}

static void resize(struct lp_host_cache *cache, size_t capacity)
{
    struct lp_host_cache old = *cache;
    size_t i;

    cache->capacity = capacity;
    cache->slots = calloc(capacity, sizeof *cache->slots);
    if (!cache->slots)
        abort();
    for (i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            cache->slots[slot_of(cache, old.slots[i].key)] = old.slots[i];
    free(old.slots);
}

void lp_host_cache_put(struct lp_host_cache *cache,
                       const struct lp_host_cached *entry)
{
    size_t i;

    if (cache->count * 2 >= cache->capacity)
        resize(cache, cache->capacity ? cache->capacity * 2 : SMALLEST);
    i = slot_of(cache, entry->key);
    if (cache->slots[i].key) {
        cache->nbig -= cache->slots[i].level > 0;
        cache->count--;
    }
    cache->slots[i] = *entry;
    cache->nbig += entry->level > 0;
    cache->count++;
}

void lp_host_cache_remove(struct lp_host_cache *cache, uint64_t key)
{
    size_t mask = cache->capacity - 1;
    size_t gap, i, distance;

    if (cache->count == 0)
        return;
    gap = slot_of(cache, key);
    if (!cache->slots[gap].key)
        return;
    cache->count--;
    cache->nbig -= cache->slots[gap].level > 0;
    for (i = (gap + 1) & mask; cache->slots[i].key; i = (i + 1) & mask) {
        distance = (i - home(cache, cache->slots[i].key)) & mask;
        if (distance < ((i - gap) & mask))
            continue;
        cache->slots[gap] = cache->slots[i];
        gap = i;
    }
    cache->slots[gap].key = 0;
}

void lp_host_cache_filter(struct lp_host_cache *cache,
                          bool (*keep)(void *ctx, struct lp_host_cached *),
                          void *ctx)
{
    struct lp_host_cache old = *cache;
    size_t i;

    if (old.count == 0)
        return;
    memset(cache, 0, sizeof *cache);
    for (i = 0; i < old.capacity; i++)
        if (old.slots[i].key && keep(ctx, &old.slots[i]))
            lp_host_cache_put(cache, &old.slots[i]);
    free(old.slots);
}

void lp_host_cache_free(struct lp_host_cache *cache)
{
    free(cache->slots);
    memset(cache, 0, sizeof *cache);
}
