/*
 * table.c: walking and editing page tables.
 *
 * Every change of an entry that hardware may be using is one atomic step that
 * keeps the A and D bits hardware sets behind our back.  D of a page of a
 * shared mapping is never thrown away: when its entry goes, D moves to the
 * frame's record.
 */
#include "table.h"

/* Where an entry is empty: on behind what it would map, from the root again. */
bool lp_table_seek(struct lp_space *space, unsigned level, lp_va va,
                   struct lp_walk *walk)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    unsigned at = f->levels - 1;
    lp_pa table = space->root;
    bool owned = true;
    struct lp_pte pte;

    while (at > level) {
        pte = lp_pte_load(lp_slot_at(pager, table, lp_index(f, va, at)));
        if (lp_pte_table(f, pte)) {
            owned = owned && (pte.bits & pager->owned_table.mask) ==
                                 pager->owned_table.value;
            table = lp_table_address(pager, pte);
            at--;
            continue;
        }
        va = (va & ~(lp_span(f, at) - 1)) + lp_span(f, at);
        if (va >= f->user_end)
            return false;
        at = f->levels - 1;
        table = space->root;
        owned = true;
    }
    *walk = (struct lp_walk){ .va = va,
                              .level = level,
                              .owned = owned,
                              .table = table,
                              .frame = lp_frame(&pager->frames, table) };
    return true;
}

struct lp_leaf lp_table_leaf(const struct lp_space *space,
                             const struct lp_walk *walk)
{
    const struct lp_pte_format *f = &space->pager->format;
    struct lp_pte pte = walk->pte;
    struct lp_leaf leaf = { .pa = LP_PA_NONE };

    if (walk->level != 0 || lp_pte_empty(pte))
        return leaf;
    leaf.present = true;
    leaf.kept = lp_pte_kept(f, pte);
    leaf.shared = (pte.bits & f->soft_shared) != 0;
    leaf.uncounted = (pte.bits & f->soft_uncounted) != 0;
    leaf.accessed = (pte.bits & f->accessed) != 0;
    leaf.dirty = (pte.bits & f->dirty) != 0;
    leaf.access = lp_pte_access(f, pte);
    leaf.pa = lp_pte_pa(f, pte);
    return leaf;
}

unsigned lp_table_reach(const struct lp_pager *pager, unsigned access,
                        bool owned)
{
    if (owned)
        return access;
    return lp_unowned_unreachable(&pager->format)
               ? 0
               : access & ~(unsigned)LP_WRITE;
}

/* Link one new table into the walk's entry, unless somebody was faster. */
static int add_table(struct lp_space *space, struct lp_walk *walk)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_pa pa;

    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_TABLE,
                       walk->level - 1, &pa) != 0)
        return -LP_ENOMEM;
    lp_frame_lock(&pager->frames, walk->frame);
    if (lp_pte_empty(lp_pte_load(walk->slot))) {
        lp_pte_store(walk->slot, lp_pte_make_table(f, pa, true));
        lp_use_add(walk->frame, lp_index(f, walk->va, walk->level));
        pa = LP_PA_NONE;
    }
    lp_frame_unlock(walk->frame);
    if (pa != LP_PA_NONE)
        lp_frame_put(&pager->frames, pa);
    return 0;
}

int lp_table_extend(struct lp_space *space, struct lp_walk *walk)
{
    int error;

    while (walk->level > 0) {
        lp_assert2(space->pager->kernel, lp_pte_empty(walk->pte), walk->va,
                   walk->pte.bits);
        error = add_table(space, walk);
        if (error)
            return error;
        lp_table_walk(space, walk->va, walk);
    }
    return 0;
}

void lp_table_replace(struct lp_space *space, struct lp_walk *walk,
                      const struct lp_new_leaf *leaf, struct lp_gather *gather)
{
    const struct lp_pte_format *f = &space->pager->format;
    lp_va va = lp_round_down(walk->va);
    struct lp_pte old;

    if (!(leaf->access & LP_WRITE) || lp_gather_covered(gather, va)) {
        old = lp_pte_exchange(walk->slot,
                              lp_new_leaf_encode(f, leaf, leaf->access));
    } else {
        /* R2 at the bottom: swing without W, flush, then own. */
        struct lp_arm arm = { walk->slot, f->owned_leaf, 0, va,
                              va + LP_PAGE_SIZE };

        old = lp_pte_exchange(
            walk->slot,
            lp_new_leaf_encode(f, leaf, leaf->access & ~(unsigned)LP_WRITE));
        lp_gather_arm(gather, &arm);
    }
    lp_gather_range(gather, va, va + LP_PAGE_SIZE);
    /* no branch: only pages that are copied are replaced, a device's is not */
    if (!(old.bits & f->soft_uncounted))
        lp_gather_data(gather, lp_pte_pa(f, old), false);
}

void lp_table_grant(struct lp_space *space, struct lp_walk *walk,
                    unsigned access, bool dirty, enum lp_cache_mode cache)
{
    const struct lp_pte_format *f = &space->pager->format;
    uint64_t extra = f->accessed | (dirty ? f->dirty : 0);
    struct lp_pte pte = walk->pte;

    if (lp_pte_kept(f, pte)) {
        extra |= pte.bits & (f->soft_shared | f->soft_uncounted | f->dirty);
        lp_pte_store(walk->slot, lp_pte_make_leaf(f, lp_pte_pa(f, pte), access,
                                                  extra | f->cache[cache]));
        return;
    }
    access |= lp_pte_access(f, pte);
    lp_pte_change(walk->slot, lp_pte_access_bits(f) & ~f->leaf[access],
                  f->leaf[access] | extra);
}

void lp_table_keep(struct lp_space *space, struct lp_walk *walk)
{
    lp_pte_keep(&space->pager->format, walk->slot);
}

struct lp_entry lp_table_entry(const struct lp_pager *pager, lp_pa table,
                               unsigned index, unsigned level)
{
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte pte = lp_pte_load(lp_slot_at(pager, table, index));
    struct lp_entry entry = { .kind = LP_ENTRY_EMPTY };

    if (lp_pte_empty(pte))
        return entry;
    entry.pa = lp_pte_pa(f, pte);
    if (level > 0 && lp_pte_table(f, pte)) {
        entry.kind = LP_ENTRY_TABLE;
        entry.owned = lp_pte_table_owned(f, pte);
        return entry;
    }
    entry.kind = LP_ENTRY_PAGE;
    entry.shared = (pte.bits & f->soft_shared) != 0;
    entry.uncounted = (pte.bits & f->soft_uncounted) != 0;
    entry.access = lp_pte_access(f, pte);
    entry.owned = (entry.access & LP_WRITE) != 0;
    return entry;
}

/* A table that lost its last reference, being emptied. */
struct dying {
    lp_pa pa;
    unsigned next, end; /* entries still to look at */
};

static struct dying dying(const struct lp_pager *pager, lp_pa pa)
{
    struct lp_use use = lp_use_of(lp_frame(&pager->frames, pa));

    return use.used ? (struct dying){ pa, use.low, use.high + 1 }
                    : (struct dying){ pa, 0, 0 };
}

/*
 * Drop what the next entry in use of a dying table points at.  Returns a table
 * below that has lost its last reference by this, or LP_PA_NONE.
 */
static lp_pa drop_entry(struct lp_pager *pager, struct dying *table,
                        unsigned level)
{
    const struct lp_pte_format *f = &pager->format;
    lp_slot *slots = lp_slot_at(pager, table->pa, 0);
    unsigned i = lp_table_next(slots, table->next, table->end);
    struct lp_pte pte;
    lp_pa pa;

    table->next = i + 1;
    if (i == table->end)
        return LP_PA_NONE;
    pte = lp_pte_load(&slots[i]);
    pa = lp_pte_pa(f, pte);
    if (level > 0)
        return lp_frame_drop(lp_frame(&pager->frames, pa)) ? pa : LP_PA_NONE;
    if (lp_table_dirty(f, pte))
        lp_frame_set(lp_frame(&pager->frames, pa), LP_FRAME_DIRTY);
    if (!(pte.bits & f->soft_uncounted))
        lp_frame_put(&pager->frames, pa);
    return LP_PA_NONE;
}

void lp_table_put(struct lp_pager *pager, lp_pa pa, unsigned kind)
{
    struct dying stack[LP_LEVELS_MAX];
    unsigned top = kind ? kind - 1 : 0; /* level of the table at the top */
    unsigned level = top;

    if (!lp_frame_drop(lp_frame(&pager->frames, pa)))
        return;
    if (kind == 0) {
        lp_frame_free(&pager->frames, pa);
        return;
    }
    stack[level] = dying(pager, pa);
    for (;;) {
        if (stack[level].next < stack[level].end) {
            pa = drop_entry(pager, &stack[level], level);
            if (pa != LP_PA_NONE)
                stack[--level] = dying(pager, pa);
            continue;
        }
        lp_frame_free(&pager->frames, stack[level].pa);
        lp_poll(pager->kernel);
        if (level++ == top)
            return;
    }
}
