/*
 * cache.c: a radix tree from page index to frame.
 *
 * Nodes are added on the way down and kept until the whole tree goes: an
 * object that was large once may be so again, and an insertion that fails
 * leaves only empty nodes, which mean nothing.
 */
#include "cache.h"

/* Index bits from level h on are gone when shifted by this. */
static unsigned shift_of(uint32_t level)
{
    return level * LP_CACHE_BITS;
}

static unsigned slot_of(uint64_t index, uint32_t level)
{
    return (unsigned)(index >> shift_of(level)) & (LP_CACHE_ENTRIES - 1);
}

/* Does a tree of this height reach the index? */
static bool reaches(uint32_t height, uint64_t index)
{
    return shift_of(height) >= 64 || index >> shift_of(height) == 0;
}

static struct lp_cache_node *new_node(struct lp_cache *cache)
{
    struct lp_cache_node *node = lp_slab_alloc(cache->slab);

    if (node)
        memset(node, 0, sizeof(*node));
    return node;
}

/* Make the tree high enough. */
static int grow(struct lp_cache *cache, uint64_t index)
{
    struct lp_cache_node *node;

    while (cache->height == 0 || !reaches(cache->height, index)) {
        node = new_node(cache);
        if (!node)
            return -LP_ENOMEM;
        node->entry[0] = cache->root;
        cache->root = (uintptr_t)node;
        cache->height++;
    }
    return 0;
}

/* The bottom entry for index, or NULL where nodes are missing. */
static uintptr_t *lookup(const struct lp_cache *cache, uint64_t index)
{
    struct lp_cache_node *node = (struct lp_cache_node *)cache->root;
    uint32_t level = cache->height;

    if (level == 0 || !reaches(level, index))
        return NULL;
    while (--level > 0 && node)
        node = (struct lp_cache_node *)node->entry[slot_of(index, level)];
    return node ? &node->entry[slot_of(index, 0)] : NULL;
}

lp_pa lp_cache_find(const struct lp_cache *cache, uint64_t index)
{
    const uintptr_t *entry = lookup(cache, index);

    return entry && *entry ? (lp_pa)(*entry & ~(uintptr_t)1) : LP_PA_NONE;
}

int lp_cache_insert(struct lp_cache *cache, uint64_t index, lp_pa pa)
{
    struct lp_cache_node *node, *below;
    uint32_t level;
    uintptr_t *entry;

    if (grow(cache, index))
        return -LP_ENOMEM;
    node = (struct lp_cache_node *)cache->root;
    for (level = cache->height - 1; level > 0; level--) {
        entry = &node->entry[slot_of(index, level)];
        if (!*entry) {
            below = new_node(cache);
            if (!below)
                return -LP_ENOMEM;
            *entry = (uintptr_t)below;
        }
        node = (struct lp_cache_node *)*entry;
    }
    entry = &node->entry[slot_of(index, 0)];
    lp_assert2(NULL, *entry == 0, index, *entry);
    *entry = (uintptr_t)pa | 1;
    cache->npages++;
    return 0;
}

lp_pa lp_cache_remove(struct lp_cache *cache, uint64_t index)
{
    uintptr_t *entry = lookup(cache, index);
    lp_pa pa;

    if (!entry || !*entry)
        return LP_PA_NONE;
    pa = (lp_pa)(*entry & ~(uintptr_t)1);
    *entry = 0;
    cache->npages--;
    return pa;
}

/*
 * Step to the first index that may be in use: skip what a missing node covers.
 * Returns false at the end of what the tree reaches.
 */
static bool skip_hole(const struct lp_cache *cache, uint64_t *index)
{
    const struct lp_cache_node *node =
        (const struct lp_cache_node *)cache->root;
    uint32_t level = cache->height - 1;
    uint64_t mask;

    /* Eleven levels of six bits reach every index. */
    lp_assert2(NULL, level < 11, cache->height, *index);
    for (; level > 0; level--) {
        node =
            (const struct lp_cache_node *)node->entry[slot_of(*index, level)];
        if (!node)
            break;
    }
    mask = ((uint64_t)1 << shift_of(level)) - 1;
    *index = (*index | mask) + 1;
    /* cppcheck-suppress knownConditionTrueFalse ; the sum wraps at the top */
    return *index != 0 && reaches(cache->height, *index);
}

lp_pa lp_cache_next(const struct lp_cache *cache, uint64_t *index)
{
    lp_pa pa;

    if (cache->npages == 0 || !reaches(cache->height, *index))
        return LP_PA_NONE;
    do {
        pa = lp_cache_find(cache, *index);
        if (pa != LP_PA_NONE)
            return pa;
    } while (skip_hole(cache, index));
    return LP_PA_NONE;
}

/* Free the leftmost path's bottom node; true while there was one. */
static bool prune(struct lp_cache *cache)
{
    uintptr_t *link = &cache->root;
    struct lp_cache_node *node;
    uint32_t level;
    unsigned i;

    if (!cache->root)
        return false;
    for (level = cache->height - 1; level > 0; level--) {
        node = (struct lp_cache_node *)*link;
        for (i = 0; i < LP_CACHE_ENTRIES && !node->entry[i]; i++)
            ;
        if (i == LP_CACHE_ENTRIES)
            break;
        link = &node->entry[i];
    }
    lp_slab_free(cache->slab, (void *)*link);
    *link = 0;
    return true;
}

void lp_cache_clear(struct lp_cache *cache)
{
    lp_assert2(NULL, cache->npages == 0, cache->npages, 0);
    while (prune(cache))
        ;
    cache->height = 0;
}
