/*
 * gather.h: what an operation has revoked, and what must happen after the
 * flush, and not before.
 *
 * The order that every operation keeps:
 *
 *     1. change the tables                    (locks held)
 *     2. lp_gather_flush: flush, then arm     (locks held)
 *     3. unlock
 *     4. lp_gather_free: drop what was revoked
 *
 * A frame that was ever mapped leaves in this way only.
 *
 * Arms.  A write to a page behind a shared table and a shared leaf table:
 *
 *     root         T                T'               T'
 *      | W clear   | W clear        | W set          |
 *      T (2)  -->  T' (1)    -->    L' (1)    -->    P' (1)
 *      | ...
 *
 * The root's entry is swung to the copy T' first, but stays without W: it is
 * the one arm.  Everything below it is covered by it: no CPU can write through
 * the new path, however far it is done, so T' and L' get their owned bits at
 * once.  After one flush the root's entry gets W, and the path is whole.
 */
#ifndef LP_CORE_GATHER_H
#define LP_CORE_GATHER_H

#include "pte.h"
#include "tlb.h"

enum {
    LP_GATHER_RANGES = LP_FENCES_MAX,
    LP_GATHER_ARMS = 4,
    LP_GATHER_DIRTY = 0x800,
    LP_GATHER_FRAMES = 30, /* on the stack, before a frame is asked for */
};

/*
 * An entry that was left without its owned bits until the flush (R2): it
 * covers [start, end).
 */
struct lp_arm {
    lp_slot *slot;
    uint64_t set, clear; /* what owning it changes */
    lp_va start, end;
};

struct lp_gather {
    struct lp_space *space;
    bool pending;    /* there is something to flush or to arm */
    bool everything; /* more ranges than fit: flush the whole ASID */
    bool tables;     /* entries above level 0 changed */
    bool all_spaces; /* other spaces map what was revoked (truncate) */
    uint32_t nranges, narms, nframes;
    struct {
        lp_va start, end;
    } range[LP_GATHER_RANGES];
    struct lp_arm arm[LP_GATHER_ARMS];
    /*
     * References to drop: address | kind, kind 0 a data page (LP_GATHER_DIRTY:
     * a dirty one), n a table of level n - 1.  When full, a frame is asked for
     * to hold more of them (`more`, which links to the one before); if there is
     * none, what is here is flushed and dropped at once.
     */
    uint64_t frame[LP_GATHER_FRAMES];
    uint64_t *more; /* [0] the one before, [1] number, then references */
    struct lp_object_list dead; /* objects to finish */
};

static inline void lp_gather_init(struct lp_gather *gather,
                                  struct lp_space *space)
{
    gather->space = space;
    gather->pending = gather->everything = false;
    gather->tables = gather->all_spaces = false;
    gather->nranges = gather->narms = gather->nframes = 0;
    gather->more = NULL;
    gather->dead.first = NULL;
}

/* lp_gather_range: translations of [start, end) have lost rights. */
void lp_gather_range(struct lp_gather *gather, lp_va start, lp_va end);

/* lp_gather_tables: entries above level 0 have changed. */
static inline void lp_gather_tables(struct lp_gather *gather)
{
    gather->pending = gather->tables = true;
}

/* lp_gather_everything: the whole space has lost rights. */
static inline void lp_gather_everything(struct lp_gather *gather)
{
    gather->pending = gather->everything = gather->tables = true;
}

/* lp_gather_all_spaces: so have spaces that share its tables. */
static inline void lp_gather_all_spaces(struct lp_gather *gather)
{
    gather->pending = gather->all_spaces = true;
}

/*
 * lp_gather_data, lp_gather_table: a reference to drop after the flush.  May
 * flush and drop earlier ones, so the revoked ranges must be known before.
 *
 * => dirty: the page must reach its object.  The record is marked when the
 *    reference is dropped, not before: until the flush a CPU may store to the
 *    page through a translation that is dirty already, and somebody who writes
 *    the page back meanwhile would take the mark and miss the store.
 */
void lp_gather_data(struct lp_gather *gather, lp_pa pa, bool dirty);
void lp_gather_table(struct lp_gather *gather, lp_pa pa, unsigned level);

/*
 * lp_gather_covered: is an entry pending that keeps [va, va + 1) from being
 * written, so that what is below may be owned at once (R6)?
 */
static inline bool lp_gather_covered(const struct lp_gather *gather, lp_va va)
{
    uint32_t i;

    for (i = 0; i < gather->narms; i++)
        if (va >= gather->arm[i].start && va < gather->arm[i].end)
            return true;
    return false;
}

/* lp_gather_armed: does this very entry wait to be owned? */
static inline bool lp_gather_armed(const struct lp_gather *gather,
                                   const lp_slot *slot)
{
    uint32_t i;

    for (i = 0; i < gather->narms; i++)
        if (gather->arm[i].slot == slot)
            return true;
    return false;
}

/*
 * lp_gather_arm: own this entry after the flush.  When there is no room it
 * stays as it is, unowned: a later fault owns it.
 */
void lp_gather_arm(struct lp_gather *gather, const struct lp_arm *arm);

/*
 * lp_gather_disarm: entries that map a part of [start, end) have been removed,
 * with all tables below: they must not be touched again.
 */
void lp_gather_disarm(struct lp_gather *gather, lp_va start, lp_va end);

/*
 * lp_gather_flush: flush what was revoked, if anything, then arm.  Locks as for
 * lp_tlb_flush.
 */
void lp_gather_flush_slow(struct lp_gather *gather);

static inline void lp_gather_flush(struct lp_gather *gather)
{
    if (gather->pending)
        lp_gather_flush_slow(gather);
}

/*
 * lp_gather_settle: flush, and drop the references at once, under the lock:
 * what hardware knew of dirty pages is in the records when this returns.
 */
void lp_gather_settle(struct lp_gather *gather);

/*
 * lp_gather_free: drop the references, finish the objects.  After
 * lp_gather_flush; no lock held where objects may be in it: they may sleep.
 */
void lp_gather_free_slow(struct lp_gather *gather);

static inline void lp_gather_free(struct lp_gather *gather)
{
    if (gather->nframes || gather->dead.first)
        lp_gather_free_slow(gather);
}

#endif
