/*
 * range.c: page tables, many entries at a time.
 *
 * Ranges are walked leaf table by leaf table, each from the root again: a few
 * steps for up to 512 pages, and no state that a change of the tree could
 * make wrong.
 */
#include "table.h"

/*
 * A run of entries of one leaf table, [first, last], that lie in a range and
 * in the table's span in use; va is the address of the first.
 */
struct run {
    lp_pa table;
    struct lp_frame *frame;
    lp_va va;
    unsigned first, last;
    bool owned; /* the path to the table */
};

/* The run of leaf table `table` for addresses from va up to end. */
static bool make_run(const struct lp_pager *pager, lp_pa table, lp_va va,
                     lp_va end, struct run *run)
{
    const struct lp_pte_format *f = &pager->format;
    struct lp_frame *frame = lp_frame(&pager->frames, table);
    struct lp_use use = lp_use_of(frame);
    lp_va base = va & ~(lp_span(f, 1) - 1);
    unsigned first = lp_index(f, va, 0);
    unsigned last = (unsigned)((lp_min(end, base + lp_span(f, 1)) - 1 - base) >>
                               LP_PAGE_SHIFT);

    first = first > use.low ? first : use.low;
    last = last < use.high ? last : use.high;
    if (use.used == 0 || first > last)
        return false;
    *run = (struct run){ table, frame, base + (lp_va)first * LP_PAGE_SIZE,
                         first, last,  true };
    return true;
}

/* The next run at or above *at, below end; *at moves past it. */
static bool next_run(struct lp_space *space, lp_va *at, lp_va end,
                     struct run *run)
{
    const struct lp_pte_format *f = &space->pager->format;
    struct lp_walk walk;
    lp_va va, span;

    while (*at < end) {
        va = *at;
        lp_table_walk(space, va, &walk);
        span = lp_span(f, walk.level ? walk.level : 1);
        *at = (va & ~(span - 1)) + span;
        if (walk.level == 0 &&
            make_run(space->pager, walk.table, va, end, run)) {
            run->owned = walk.owned;
            return true;
        }
    }
    return false;
}

/* Take the entry of a table or page out; space locked for writing. */
static void detach(struct lp_space *space, lp_pa table, unsigned level,
                   lp_va va, struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte old = lp_pte_exchange(
        lp_slot_at(pager, table, lp_index(f, va, level)), (struct lp_pte){ 0 });

    lp_va base = va & ~(lp_span(f, level) - 1);

    lp_use_remove(lp_frame(&pager->frames, table), 1);
    lp_gather_disarm(gather, base, base + lp_span(f, level));
    lp_gather_tables(gather);
    lp_gather_table(gather, lp_pte_pa(f, old), level - 1);
}

/* Clear the entry of a page; its reference goes to the gather. */
static inline void clear_entry(const struct lp_pte_format *f,
                               const struct run *run, lp_slot *slot,
                               struct lp_gather *gather)
{
    struct lp_pte old = lp_pte_exchange(slot, (struct lp_pte){ 0 });

    lp_use_remove(run->frame, 1);
    if (!(old.bits & f->soft_uncounted))
        lp_gather_data(gather, lp_pte_pa(f, old), lp_table_dirty(f, old));
}

static void clear_run(struct lp_space *space, const struct run *run,
                      struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    lp_slot *slot = lp_slot_at(pager, run->table, run->first);
    unsigned i;

    for (i = run->first; i <= run->last; i++, slot++)
        if (!lp_pte_empty(lp_pte_load(slot)))
            clear_entry(&pager->format, run, slot, gather);
}

/* The same where the page comes from a cache: private copies stay. */
static void clear_cached(struct lp_space *space, const struct run *run,
                         struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_slot *slot = lp_slot_at(pager, run->table, run->first);
    struct lp_pte pte;
    unsigned i;

    for (i = run->first; i <= run->last; i++, slot++) {
        pte = lp_pte_load(slot);
        /* no branch: an area of a cached object has no device's pages */
        if (!lp_pte_empty(pte) && !(pte.bits & f->soft_uncounted) &&
            (lp_frame_state(lp_frame(&pager->frames, lp_pte_pa(f, pte))) &
             LP_FRAME_CACHED))
            clear_entry(f, run, slot, gather);
    }
}

/* Tables on the path that became empty go too, but for the root. */
static void prune(struct lp_space *space, const lp_pa *path, unsigned level,
                  lp_va va, struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;

    for (; level + 1 < pager->format.levels; level++) {
        if (lp_use_of(lp_frame(&pager->frames, path[level])).used)
            return;
        detach(space, path[level + 1], level + 1, va, gather);
    }
}

/*
 * Clear from va on what one entry holds: nothing, a whole subtree, or some
 * pages of a leaf table.  Returns where the next entry begins.
 */
static lp_va clear_step(struct lp_space *space, lp_va va, lp_va start,
                        lp_va end, struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_pa path[LP_LEVELS_MAX];
    unsigned level = f->levels - 1;
    struct lp_pte pte;
    struct run run;
    lp_va base, next;

    for (path[level] = space->root;; path[level] = lp_pte_pa(f, pte)) {
        if (level == 0) {
            next = (va & ~(lp_span(f, 1) - 1)) + lp_span(f, 1);
            if (make_run(pager, path[0], va, end, &run))
                clear_run(space, &run, gather);
            break;
        }
        base = va & ~(lp_span(f, level) - 1);
        next = base + lp_span(f, level);
        pte =
            lp_pte_load(lp_slot_at(pager, path[level], lp_index(f, va, level)));
        if (!lp_pte_table(f, pte))
            break;
        if (start <= base && next <= end) {
            detach(space, path[level], level, va, gather);
            break;
        }
        level--;
    }
    prune(space, path, level, va, gather);
    return next;
}

void lp_table_clear(struct lp_space *space, lp_va start, lp_va end,
                    struct lp_gather *gather)
{
    lp_va va;

    lp_assert_writing(space);
    lp_gather_range(gather, start, end);
    for (va = start; va < end;)
        va = clear_step(space, va, start, end, gather);
}

/* One entry grants no more than `access`; a page without any is kept. */
static void narrow_entry(const struct lp_pte_format *f, lp_slot *slot,
                         struct lp_pte pte, unsigned access)
{
    access &= lp_pte_access(f, pte);
    if (access)
        lp_pte_change(slot, lp_pte_access_bits(f) & ~f->leaf[access],
                      f->leaf[access]);
    else
        lp_pte_keep(f, slot);
}

void lp_table_narrow(struct lp_space *space, lp_va start, lp_va end,
                     unsigned access, struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte pte;
    struct run run;
    lp_slot *slot;
    unsigned i;

    lp_assert_writing(space);
    lp_gather_range(gather, start, end);
    while (next_run(space, &start, end, &run)) {
        slot = lp_slot_at(pager, run.table, run.first);
        for (i = run.first; i <= run.last; i++, slot++) {
            pte = lp_pte_load(slot);
            if (lp_pte_valid(f, pte))
                narrow_entry(f, slot, pte, access);
        }
    }
}

/*
 * Take D out of one entry.  Below an owned path a CPU may go on storing through
 * a translation that is dirty already, so the record is marked after the
 * flush: the page gets a reference for the gather.  Below one that is not owned
 * nobody has been able to store since the flush that came with the fork.
 */
static void harvest_entry(const struct lp_pager *pager, lp_slot *slot, lp_va va,
                          bool owned, struct lp_gather *gather)
{
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte pte = lp_pte_load(slot);
    struct lp_frame *frame;

    if (!lp_table_dirty(f, pte))
        return;
    frame = lp_frame(&pager->frames, lp_pte_pa(f, pte));
    if (!owned)
        lp_frame_set(frame, LP_FRAME_DIRTY);
    lp_pte_change(slot, f->dirty, 0);
    if (!owned)
        return;
    lp_gather_range(gather, va, va + LP_PAGE_SIZE);
    lp_frame_get(frame);
    lp_gather_data(gather, lp_pte_pa(f, pte), true);
}

void lp_table_harvest(struct lp_space *space, lp_va start, lp_va end,
                      struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    struct run run;
    unsigned i;

    lp_assert_writing(space);
    while (next_run(space, &start, end, &run)) {
        lp_frame_lock(&pager->frames, run.frame);
        for (i = run.first; i <= run.last; i++)
            harvest_entry(pager, lp_slot_at(pager, run.table, i),
                          run.va + (lp_va)(i - run.first) * LP_PAGE_SIZE,
                          run.owned, gather);
        lp_frame_unlock(run.frame);
    }
}

/*
 * Do `clear` for every run, in place, whoever shares the table.  One below an
 * owned path nobody shares: its translations are this space's.
 */
static void zap(struct lp_space *space, lp_va start, lp_va end,
                struct lp_gather *gather,
                void (*clear)(struct lp_space *space, const struct run *run,
                              struct lp_gather *gather))
{
    const struct lp_pager *pager = space->pager;
    struct run run;

    lp_assert_writing(space);
    while (next_run(space, &start, end, &run)) {
        if (run.owned)
            lp_gather_range(gather, run.va,
                            run.va + (run.last - run.first + 1) * LP_PAGE_SIZE);
        else
            lp_gather_all_spaces(gather);
        lp_frame_lock(&pager->frames, run.frame);
        clear(space, &run, gather);
        lp_frame_unlock(run.frame);
    }
}

void lp_table_zap(struct lp_space *space, lp_va start, lp_va end,
                  struct lp_gather *gather)
{
    zap(space, start, end, gather, clear_run);
}

void lp_table_zap_cached(struct lp_space *space, lp_va start, lp_va end,
                         struct lp_gather *gather)
{
    zap(space, start, end, gather, clear_cached);
}

uint64_t lp_table_resident(struct lp_space *space, lp_va start, lp_va end)
{
    uint64_t n = 0;
    struct run run;
    unsigned i;

    while (next_run(space, &start, end, &run))
        for (i = run.first; i <= run.last; i++)
            n += !lp_pte_empty(
                lp_pte_load(lp_slot_at(space->pager, run.table, i)));
    return n;
}
