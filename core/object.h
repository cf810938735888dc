/*
 * object.h: objects, inside the library.
 *
 * An object's reference count is held by the creator, by every area record in
 * the trees of areas, and by a fault that has let go of its locks to ask the
 * object for a page.  The cache's own reference to each page is in the frame's
 * count.
 */
#ifndef LP_CORE_OBJECT_H
#define LP_CORE_OBJECT_H

#include "cache.h"
#include "lock.h"

enum lp_object_kind {
    LP_OBJECT_CACHED, /* pages come into a cache: file-like, or memory */
    LP_OBJECT_DEVICE, /* a physical range, never counted */
};

struct lp_object {
    struct lp_pager *pager;          /* (C) */
    enum lp_object_kind kind;        /* (C) */
    const struct lp_object_ops *ops; /* (C) NULL for a device */
    void *ctx;                       /* (C) */
    unsigned flags;                  /* (C) LP_OBJECT_* */
    enum lp_cache_mode cache_mode;   /* (C) of a device */
    lp_pa device;                    /* (C) where a device's range starts */
    _Atomic uint64_t refs;           /* (A) */
    struct lp_ticket_lock lock;      /* OBJECT */
    _Atomic uint64_t size;           /* (O) in bytes; read without the lock */
    struct lp_cache cache;           /* (O) */
    /*
     * (O) Raised whenever a page leaves the cache, so that whoever read a page
     * meanwhile without the lock knows that it may be out of date.
     */
    uint64_t removals;
    struct lp_object *dead;        /* the list of those to finish */
    struct lp_object *next, *prev; /* (LIST) all objects */
    uint64_t checked; /* areas that hold it: only lp_check uses this */
};

/*
 * Objects whose last reference was dropped under a lock, linked through the
 * objects; lp_object_reap finishes them when no lock is held.
 */
struct lp_object_list {
    struct lp_object *first;
};

/* lp_object_drop: give a reference back; the last one puts it on the list. */
void lp_object_drop(struct lp_object *object, struct lp_object_list *dead);

/* lp_object_reap: finish everything on the list.  No lock held; may sleep. */
void lp_object_reap(struct lp_object_list *dead);

/*
 * lp_object_create_memory: zeroes that live in the cache: what a shared
 * anonymous mapping maps.  Returns as lp_object_create.
 */
LP_MUST_CHECK
int lp_object_create_memory(struct lp_pager *pager, uint64_t size,
                            struct lp_object **out);

/* What an object has at a page index now. */
enum lp_page_source {
    LP_SOURCE_NONE,      /* no object: zeroes */
    LP_SOURCE_RESIDENT,  /* in the cache, or a device's */
    LP_SOURCE_ABSENT,    /* must be filled */
    LP_SOURCE_PAST_END,  /* no such page */
    LP_SOURCE_PAST_ZERO, /* no such page, and the object wants zeroes there */
    LP_SOURCES,
};

/*
 * lp_object_grab: look for page `index`; when it is resident, *pa with a
 * reference of the caller's (a device's page: without).
 *
 * => SPACE or table locks may be held.
 */
enum lp_page_source lp_object_grab(struct lp_object *object, uint64_t index,
                                   lp_pa *pa);

/*
 * lp_object_load: bring page `index` into the cache.
 *
 * Reads without a lock.  Two CPUs that miss the same page both read; the first
 * to come back wins and the other's result is thrown away.
 *
 * => no lock held; may sleep.
 * => returns 0 also when the page has gone past the end meanwhile;
 *    -LP_ENOMEM, or fill's error.
 */
LP_MUST_CHECK
int lp_object_load(struct lp_object *object, uint64_t index);

/*
 * lp_object_write_back: write the pages of [first, last] whose frame's record
 * says dirty.  No lock held; may sleep.  Returns 0 or the first error.
 */
LP_MUST_CHECK
int lp_object_write_back(struct lp_object *object, uint64_t first,
                         uint64_t last);

/*
 * lp_object_harvest: visit every space: D of mappings of the pages
 * [first, last] moves to the records.  No lock held.  (sync.c)
 */
void lp_object_harvest(struct lp_object *object, uint64_t first, uint64_t last);

/*
 * lp_object_each_mapping: call visit for the part of each area of this space
 * that has these flags (LP_VMA_*) and maps pages [first, last] of the object.
 * Space locked.  (sync.c)
 */
struct lp_gather;
void lp_object_each_mapping(struct lp_space *space,
                            const struct lp_object *object, uint64_t first,
                            uint64_t last, uint32_t flags,
                            struct lp_gather *gather,
                            void (*visit)(struct lp_space *space, lp_va start,
                                          lp_va end, struct lp_gather *gather));

/*
 * lp_object_sparse: may pages be taken out of it, to come back as zeroes?  Only
 * where the cache is all there is.
 */
static inline bool lp_object_sparse(const struct lp_object *object)
{
    return object->kind == LP_OBJECT_CACHED && !object->ops->fill &&
           !object->ops->write;
}

/*
 * lp_object_punch: pages [first, last] leave the cache and every mapping of
 * them; private copies stay.  (resize.c)
 *
 * => lp_object_sparse.  No lock held.
 */
void lp_object_punch(struct lp_object *object, uint64_t first, uint64_t last);

#endif
