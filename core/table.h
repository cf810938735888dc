/*
 * table.h: the only walker of page tables.
 *
 * Entries are named by where they lie (a slot); what they mean stays in pte.h.
 * Under the space's lock for reading no table that the space reaches goes away;
 * leaf entries change under their table's node lock; tables are replaced and
 * removed only under the lock for writing.
 */
#ifndef LP_CORE_TABLE_H
#define LP_CORE_TABLE_H

#include "gather.h"

/* Where a walk ended. */
struct lp_walk {
    lp_va va;
    unsigned level;         /* 0: an entry for a page; above: an empty entry */
    bool owned;             /* every table entry on the path is owned */
    lp_pa table;            /* the table that holds the entry */
    struct lp_frame *frame; /* its record */
    lp_slot *slot;          /* the entry */
    struct lp_pte pte;      /* as last read */
};

/* What a leaf says, for those who may not look inside. */
struct lp_leaf {
    bool present; /* holds a page, also a kept one */
    bool kept;
    bool shared;    /* of a MAP_SHARED area */
    bool uncounted; /* a device page */
    bool accessed, dirty;
    unsigned access; /* what it grants itself, whatever is above */
    lp_pa pa;
};

/* lp_slot_at: the entry with this index of a table. */
static inline lp_slot *lp_slot_at(const struct lp_pager *pager, lp_pa table,
                                  unsigned index)
{
    return (lp_slot *)lp_frame_memory(&pager->frames, table) + index;
}

/* The address in a table entry, whatever its position. */
static inline lp_pa lp_table_address(const struct lp_pager *pager,
                                     struct lp_pte pte)
{
    uint64_t field = pte.bits & pager->pa_mask;

    return field << pager->pa_rotate | field >> (-pager->pa_rotate & 63);
}

/*
 * lp_table_next: index of the first entry in use at or above i, or end.  The
 * root of a small process has two, 0 and the last but one.
 */
static inline unsigned lp_table_next(const lp_slot *table, unsigned i,
                                     unsigned end)
{
    while (i < end && lp_pte_empty(lp_pte_load(&table[i])))
        i++;
    return i;
}

/*
 * lp_table_walk: go down from the root to the entry for va.
 *
 * => va in the user range; space locked.
 * => ends at level 0, or above at an entry that is empty.
 */
static inline void lp_table_walk(struct lp_space *space, lp_va va,
                                 struct lp_walk *walk)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    const struct lp_bit_test owned_table = pager->owned_table;
    const unsigned bits = f->index_bits, last = (1u << bits) - 1;
    unsigned level = f->levels - 1, shift = LP_PAGE_SHIFT + level * bits;
    lp_pa table = space->root;
    bool owned = true;
    struct lp_pte pte;
    lp_slot *slot;

    for (;; level--, shift -= bits) {
        slot = lp_slot_at(pager, table, (unsigned)(va >> shift) & last);
        pte = lp_pte_load(slot);
        if (level == 0)
            break;
        if ((pte.bits & owned_table.mask) != owned_table.value) {
            if (!lp_pte_table(f, pte))
                break;
            owned = false;
        }
        table = lp_table_address(pager, pte);
    }
    walk->va = va;
    walk->level = level;
    walk->owned = owned;
    walk->table = table;
    walk->frame = lp_frame(&pager->frames, table);
    walk->slot = slot;
    walk->pte = pte;
}

/*
 * lp_table_owned_slot: the entry for va and the table that holds it, if that
 * table is there and the whole path to it is owned; else NULL.  Space locked.
 */
static inline lp_slot *lp_table_owned_slot(const struct lp_space *space,
                                           lp_va va, lp_pa *table)
{
    const struct lp_pager *pager = space->pager;
    const uint64_t mask = pager->owned_table.mask;
    const uint64_t value = pager->owned_table.value;
    const unsigned bits = pager->format.index_bits, last = (1u << bits) - 1;
    unsigned shift = LP_PAGE_SHIFT + (pager->format.levels - 1) * bits;
    lp_pa at = space->root;
    struct lp_pte pte;

    for (; shift > LP_PAGE_SHIFT; shift -= bits) {
        pte =
            lp_pte_load(lp_slot_at(pager, at, (unsigned)(va >> shift) & last));
        if ((pte.bits & mask) != value)
            return NULL;
        at = lp_table_address(pager, pte);
    }
    *table = at;
    return lp_slot_at(pager, at, (unsigned)(va >> shift) & last);
}

/*
 * lp_table_seek: the table of this level that covers va, or the first above.
 *
 * => level below format.levels, va in the user range; space locked.
 * => returns true with an address that it covers, the table, its record, and
 *    whether the path to it is owned; no entry.  false: there is none.
 */
bool lp_table_seek(struct lp_space *space, unsigned level, lp_va va,
                   struct lp_walk *walk);

/* lp_table_leaf: what the walk's entry says (as last read). */
struct lp_leaf lp_table_leaf(const struct lp_space *space,
                             const struct lp_walk *walk);

/*
 * lp_table_reach: what a leaf grants given its path: all of it if owned, all
 * but LP_WRITE below a write-protected entry, nothing where unreachable.
 */
unsigned lp_table_reach(const struct lp_pager *pager, unsigned access,
                        bool owned);

/*
 * lp_table_extend: add the missing tables down to level 0 at walk->va, and
 * continue the walk.
 *
 * => space locked; the path is owned.
 * => returns 0, or -LP_ENOMEM: tables added so far stay, empty.
 */
LP_MUST_CHECK
int lp_table_extend(struct lp_space *space, struct lp_walk *walk);

/*
 * lp_table_lock: lock the leaf table of the walk and read the entry again.
 * walk->level is 0.
 */
static inline void lp_table_lock(struct lp_space *space, struct lp_walk *walk)
{
    lp_assert2(space->pager->kernel, walk->level == 0, walk->va, walk->level);
    lp_frame_lock(&space->pager->frames, walk->frame);
    walk->pte = lp_pte_load(walk->slot);
}

/*
 * lp_table_beside: the walk to another page of the same leaf table, which is
 * locked.
 */
static inline struct lp_walk lp_table_beside(const struct lp_walk *walk,
                                             lp_va va)
{
    struct lp_walk beside = *walk;

    beside.va = va;
    beside.slot +=
        (int64_t)(va >> LP_PAGE_SHIFT) - (int64_t)(walk->va >> LP_PAGE_SHIFT);
    beside.pte = lp_pte_load(beside.slot);
    return beside;
}

static inline void lp_table_unlock(struct lp_walk *walk)
{
    lp_frame_unlock(walk->frame);
}

/* lp_table_absent: did the walk find no page? */
static inline bool lp_table_absent(const struct lp_walk *walk)
{
    return walk->level > 0 || lp_pte_empty(walk->pte);
}

/* What a new leaf shall be. */
struct lp_new_leaf {
    lp_pa pa;
    unsigned access;
    bool shared, uncounted, dirty;
    enum lp_cache_mode cache;
};

/* The entry for a new leaf; `access` may be less than the leaf's. */
static inline struct lp_pte lp_new_leaf_encode(const struct lp_pte_format *f,
                                               const struct lp_new_leaf *leaf,
                                               unsigned access)
{
    return lp_pte_make_leaf(f, leaf->pa, access,
                            (leaf->shared ? f->soft_shared : 0) |
                                (leaf->uncounted ? f->soft_uncounted : 0) |
                                (leaf->dirty ? f->dirty : 0) |
                                f->cache[leaf->cache]);
}

/*
 * lp_table_install: put a page into the walk's entry, which may hold another.
 *
 * The caller's reference to the new page becomes the entry's; the old page's
 * reference goes to the gather.  If the old page may be in a TLB, the new entry
 * is armed with LP_WRITE only after the flush, unless an entry above is
 * pending.
 *
 * => leaf table locked (it stays so until after lp_gather_flush), path owned.
 * => lp_tlb_sync_code has been done, after the page was filled.
 */
void lp_table_replace(struct lp_space *space, struct lp_walk *walk,
                      const struct lp_new_leaf *leaf, struct lp_gather *gather);

static inline void lp_table_install(struct lp_space *space,
                                    struct lp_walk *walk,
                                    const struct lp_new_leaf *leaf,
                                    struct lp_gather *gather)
{
    const struct lp_pte_format *f = &space->pager->format;

    if (lp_pte_empty(walk->pte)) {
        lp_pte_store(walk->slot, lp_new_leaf_encode(f, leaf, leaf->access));
        lp_use_add(walk->frame, lp_index(f, walk->va, 0));
    } else {
        lp_table_replace(space, walk, leaf, gather);
    }
}

/*
 * lp_table_grant: let the walk's entry, which holds a page, grant `access` as
 * well as what it grants, in place, and mark it accessed (and dirty).
 * A kept page comes back.
 *
 * => leaf table locked, path owned.  The caller has made sure that LP_WRITE is
 *    right.  Grants only more: no other CPU needs a flush.  lp_tlb_sync_code
 *    has been done for what the entry does not grant yet.
 */
void lp_table_grant(struct lp_space *space, struct lp_walk *walk,
                    unsigned access, bool dirty, enum lp_cache_mode cache);

/* lp_table_keep: make the walk's page inaccessible, but keep it. */
void lp_table_keep(struct lp_space *space, struct lp_walk *walk);

/*
 * lp_table_clear: remove every translation in [start, end).
 *
 * => space locked for writing; lp_own_range(EDGES) has been done.
 * => each page and table removed goes to the gather, still referenced; D of
 *    shared pages goes to the frame's record.
 * => cannot fail; does not flush.
 */
void lp_table_clear(struct lp_space *space, lp_va start, lp_va end,
                    struct lp_gather *gather);

/*
 * lp_table_narrow: entries in [start, end) grant no more than `access`; with
 * access 0 pages are kept, out of reach.
 *
 * => space locked for writing; lp_own_range(ALL) has been done.
 * => cannot fail; does not flush.
 */
void lp_table_narrow(struct lp_space *space, lp_va start, lp_va end,
                     unsigned access, struct lp_gather *gather);

/*
 * lp_table_harvest: move D of shared pages in [start, end) to the frames'
 * records, in place, also in tables that are shared.
 *
 * => space locked for writing, until after lp_gather_settle: only then do the
 *    records say all, and who comes next must find either D or the mark.
 */
void lp_table_harvest(struct lp_space *space, lp_va start, lp_va end,
                      struct lp_gather *gather);

/*
 * lp_table_zap: remove the pages in [start, end) in place, also from tables
 * that are shared: the exception that truncate needs.
 *
 * => space locked for writing; the gather flushes all spaces where a table is
 *    shared, else the pages of this one.
 */
void lp_table_zap(struct lp_space *space, lp_va start, lp_va end,
                  struct lp_gather *gather);

/* lp_table_zap_cached: the same, of pages that come from a cache only. */
void lp_table_zap_cached(struct lp_space *space, lp_va start, lp_va end,
                         struct lp_gather *gather);

/*
 * lp_table_put: drop a reference to a table or data page (kind as in the
 * gather); what loses its last reference goes, with all below.  Takes no lock;
 * polls.  Iterative.
 */
void lp_table_put(struct lp_pager *pager, lp_pa pa, unsigned kind);

/*
 * lp_table_dirty: is this the entry of a shared mapping whose D says that the
 * page must reach its object?
 */
static inline bool lp_table_dirty(const struct lp_pte_format *f,
                                  struct lp_pte pte)
{
    return (pte.bits & f->soft_shared) && (pte.bits & f->dirty) &&
           !(pte.bits & f->soft_uncounted);
}

/*
 * lp_table_resident: number of pages present in [start, end).  Space locked.
 */
uint64_t lp_table_resident(struct lp_space *space, lp_va start, lp_va end);

/* One entry as lp_check wants to see it. */
struct lp_entry {
    enum { LP_ENTRY_EMPTY, LP_ENTRY_TABLE, LP_ENTRY_PAGE } kind;
    bool owned; /* carries its owned bits */
    bool shared, uncounted;
    unsigned access;
    lp_pa pa;
};

struct lp_entry lp_table_entry(const struct lp_pager *pager, lp_pa table,
                               unsigned index, unsigned level);

#endif
