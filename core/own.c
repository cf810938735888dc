/*
 * own.c: copy-on-write of page tables; own.h has the rules R1 to R6.
 */
#include "own.h"

/* What owning an entry changes: the bits in which its two forms differ. */
static struct lp_arm owning(const struct lp_pte_format *f, lp_slot *slot,
                            unsigned level, lp_va va)
{
    uint64_t diff = lp_pte_owned_diff(f);
    lp_va start = va & ~(lp_span(f, level) - 1);

    return (struct lp_arm){ slot, f->table_owned & diff,
                            f->table_unowned & diff, start,
                            start + lp_span(f, level) };
}

static void own_now(const struct lp_arm *arm)
{
    lp_pte_change(arm->slot, arm->clear, arm->set);
}

static void disown(const struct lp_pte_format *f, lp_slot *slot)
{
    uint64_t diff = lp_pte_owned_diff(f);

    lp_pte_change(slot, f->table_owned & diff, f->table_unowned & diff);
}

/* May an entry above this frame carry its owned bits?  R1: count first. */
static bool exclusive(struct lp_frame *frame)
{
    return lp_frame_count(frame) == 1 &&
           !(lp_frame_state(frame) & LP_FRAME_STALE);
}

/*
 * Take the owned bits of one entry where what is below is not ours alone.  It is
 * in use: lp_table_next gave it, and nobody else has the table.
 */
static bool clean_entry(const struct lp_pager *pager, lp_slot *slot,
                        unsigned level)
{
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte pte = lp_pte_load(slot);
    struct lp_frame *child;

    if (level == 0 && ((pte.bits & f->soft_shared) || !lp_pte_valid(f, pte) ||
                       (pte.bits & f->owned_leaf) != f->owned_leaf))
        return true;
    child = lp_frame(&pager->frames, lp_pte_pa(f, pte));
    if (exclusive(child))
        return true;
    if (level == 0)
        lp_pte_change(slot, f->owned_leaf, 0);
    else
        disown(f, slot);
    return false;
}

/*
 * Make a stale table good: keep the owned bits only where the child has one
 * reference and is not itself stale; then clear the mark (R4).
 */
static void clean(const struct lp_pager *pager, lp_pa table,
                  struct lp_frame *frame, unsigned level)
{
    struct lp_use use = lp_use_of(frame);
    unsigned i, end = use.used ? use.high + 1 : use.low;
    lp_slot *slots = lp_slot_at(pager, table, 0);
    bool all = true;

    for (i = lp_table_next(slots, use.low, end); i < end;
         i = lp_table_next(slots, i + 1, end))
        all &= clean_entry(pager, &slots[i], level);
    lp_frame_reset(frame, LP_FRAME_STALE);
    if (level == 0 && !all)
        lp_frame_set(frame, LP_FRAME_COPIED);
}

/*
 * One leaf of a copy: not owned, and one more reference to the page.  Leaves of
 * shared mappings keep W; their D moves to the frame's record and is cleared
 * on both sides: the path is unwritable and has been flushed, so no hardware
 * sets it meanwhile.
 */
static inline struct lp_pte copy_leaf(const struct lp_pager *pager,
                                      lp_slot *slot, struct lp_pte pte)
{
    const struct lp_pte_format *f = &pager->format;
    struct lp_frame *frame;

    if (lp_unlikely(pte.bits & f->soft_uncounted))
        return pte;
    frame = lp_frame(&pager->frames, lp_pte_pa(f, pte));
    lp_frame_get(frame);
    if (!(pte.bits & f->soft_shared)) {
        if (lp_pte_valid(f, pte))
            pte.bits &= ~f->owned_leaf;
    } else if (pte.bits & f->dirty) {
        lp_frame_set(frame, LP_FRAME_DIRTY);
        lp_pte_change(slot, f->dirty, 0);
        pte.bits &= ~f->dirty;
    }
    return pte;
}

/* One table entry of a copy. */
static inline struct lp_pte copy_table(const struct lp_pager *pager,
                                       struct lp_pte pte)
{
    lp_pa pa = lp_table_address(pager, pte);

    lp_frame_get(lp_frame(&pager->frames, pa));
    return lp_pte_make_table(&pager->format, pa, false);
}

/*
 * Fill `to` with what the shared table `from` holds.  The node lock keeps
 * truncate out, which alone may change a shared table.
 */
static void copy_entries(const struct lp_pager *pager, lp_pa from, lp_pa to,
                         unsigned level)
{
    struct lp_frame *original = lp_frame(&pager->frames, from);
    struct lp_frame *copy = lp_frame(&pager->frames, to);
    lp_slot *old = lp_slot_at(pager, from, 0), *new = lp_slot_at(pager, to, 0);
    struct lp_use use;
    struct lp_pte pte;
    unsigned i, end;

    lp_frame_lock(&pager->frames, original);
    lp_frame_set(original, LP_FRAME_STALE);
    use = lp_use_of(original);
    end = use.used ? use.high + 1 : use.low;
    for (i = lp_table_next(old, use.low, end); i < end;
         i = lp_table_next(old, i + 1, end)) {
        pte = lp_pte_load(&old[i]);
        lp_pte_store(&new[i], level ? copy_table(pager, pte)
                                    : copy_leaf(pager, &old[i], pte));
    }
    lp_use_set(copy, use);
    lp_frame_unlock(original);
    if (level == 0)
        lp_frame_set(copy, LP_FRAME_COPIED);
}

/*
 * Point the entry at a copy of the shared table that it points at; the original
 * goes to the gather.
 */
LP_APART static int swing(struct lp_space *space, lp_slot *slot, lp_pa child,
                          unsigned level, struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    lp_pa copy;

    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_TABLE,
                       level - 1, &copy) != 0)
        return -LP_ENOMEM;
    copy_entries(pager, child, copy, level - 1);
    lp_pte_store(slot, lp_pte_make_table(&pager->format, copy, false));
    lp_gather_table(gather, child, level - 1);
    lp_count(space, tables_copied);
    return 0;
}

/*
 * Make what the entry points at ours alone, by whatever it takes.  Where
 * hardware may go on using what was there, the gather says that tables changed.
 */
static int make_ours(struct lp_space *space, lp_slot *slot, unsigned level,
                     struct lp_gather *gather)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_pa child = lp_pte_pa(f, lp_pte_load(slot));
    struct lp_frame *frame = lp_frame(&pager->frames, child);
    int error = 0;

    if (lp_frame_count(frame) != 1) {
        error = swing(space, slot, child, level, gather);
    } else if (lp_frame_state(frame) & LP_FRAME_STALE) {
        clean(pager, child, frame, level - 1);
        lp_count(space, tables_cleaned);
    } else {
        lp_count(space, tables_regained);
        return 0;
    }
    if (!error && !lp_unowned_unreachable(f))
        lp_gather_tables(gather);
    return error;
}

/*
 * Own the table entry *slot, which is at `level` of a path that is ours.  Until
 * a flush that is due has been done the entry stays unowned (R2), or one above
 * it does (R6).
 */
static int own_entry(struct lp_space *space, lp_slot *slot, unsigned level,
                     lp_va va, struct lp_gather *gather)
{
    const struct lp_pte_format *f = &space->pager->format;
    struct lp_arm arm = owning(f, slot, level, va);
    int error;

    if (lp_pte_table_owned(f, lp_pte_load(slot)) ||
        lp_gather_armed(gather, slot))
        return 0;
    error = make_ours(space, slot, level, gather);
    if (error)
        return error;
    if (gather->tables && !lp_gather_covered(gather, va))
        lp_gather_arm(gather, &arm);
    else
        own_now(&arm);
    return 0;
}

int lp_own_path(struct lp_space *space, lp_va va, struct lp_gather *gather)
{
    return lp_own_range(space, va, va + 1, LP_OWN_ALL, gather);
}

/*
 * Own the tables on the path to va, down to where it ends or, for EDGES, to
 * where a subtree lies wholly in the range.  *next: where the last entry that
 * was looked at ends.
 */
static int own_down(struct lp_space *space, lp_va va, lp_va start, lp_va end,
                    enum lp_own_range which, struct lp_gather *gather,
                    lp_va *next)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_pa table = space->root;
    unsigned level;
    lp_slot *slot;
    lp_va base;
    int error;

    for (level = f->levels - 1; level > 0; level--) {
        base = va & ~(lp_span(f, level) - 1);
        *next = base + lp_span(f, level);
        slot = lp_slot_at(pager, table, lp_index(f, va, level));
        if (!lp_pte_table(f, lp_pte_load(slot)))
            return 0;
        if (which == LP_OWN_EDGES && start <= base && *next <= end)
            return 0;
        error = own_entry(space, slot, level, va, gather);
        if (error)
            return error;
        table = lp_pte_pa(f, lp_pte_load(slot));
    }
    return 0;
}

int lp_own_range(struct lp_space *space, lp_va start, lp_va end,
                 enum lp_own_range which, struct lp_gather *gather)
{
    lp_va va, next = end;
    int error;

    lp_assert_locked(space);
    for (va = start; va < end; va = next) {
        error = own_down(space, va, start, end, which, gather, &next);
        if (error)
            return error;
    }
    return 0;
}

/* Own *slot if that needs neither a copy nor cleaning; under its node lock. */
static bool own_in_place(struct lp_space *space, lp_slot *slot, unsigned level,
                         lp_va va)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_frame *child =
        lp_frame(&pager->frames, lp_pte_pa(f, lp_pte_load(slot)));
    struct lp_arm arm = owning(f, slot, level, va);
    bool done = false;

    lp_frame_lock(&pager->frames, child);
    if (lp_pte_table_owned(f, lp_pte_load(slot))) {
        done = true;
    } else if (exclusive(child)) {
        own_now(&arm);
        lp_count(space, tables_regained);
        done = true;
    }
    lp_frame_unlock(child);
    return done;
}

bool lp_own_read_locked(struct lp_space *space, lp_va va)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    lp_pa table = space->root;
    unsigned level;
    lp_slot *slot;
    struct lp_pte pte;

    for (level = f->levels - 1; level > 0; level--) {
        slot = lp_slot_at(pager, table, lp_index(f, va, level));
        pte = lp_pte_load(slot);
        if (!lp_pte_table(f, pte))
            return true;
        if (!lp_pte_table_owned(f, pte) &&
            !own_in_place(space, slot, level, va))
            return false;
        table = lp_pte_pa(f, pte);
    }
    return true;
}

void lp_own_fork(struct lp_space *parent, struct lp_space *child,
                 struct lp_gather *gather)
{
    const struct lp_pager *pager = parent->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_frame *ours = lp_frame(&pager->frames, parent->root);
    struct lp_frame *theirs = lp_frame(&pager->frames, child->root);
    struct lp_use use = lp_use_of(ours);
    lp_slot *from = lp_slot_at(pager, parent->root, 0);
    lp_slot *to = lp_slot_at(pager, child->root, 0);
    unsigned i, end = use.used ? use.high + 1 : use.low;
    struct lp_pte pte;

    for (i = lp_table_next(from, use.low, end); i < end;
         i = lp_table_next(from, i + 1, end)) {
        pte = lp_pte_load(&from[i]);
        lp_frame_get(lp_frame(&pager->frames, lp_pte_pa(f, pte)));
        if (lp_pte_table_owned(f, pte))
            disown(f, &from[i]);
        lp_pte_store(&to[i], lp_pte_make_table(f, lp_pte_pa(f, pte), false));
        lp_use_add(theirs, i);
        lp_count(parent, tables_shared);
    }
    lp_gather_everything(gather);
}

/* Is it time?  The first REUSE in a copied table, then after ever more. */
static bool sweep_due(struct lp_frame *frame)
{
    uint32_t state = lp_frame_state(frame), wait, passed;

    if (!(state & LP_FRAME_COPIED))
        return false;
    wait = 1u << ((state & LP_FRAME_WAIT_MASK) >> LP_FRAME_WAIT_SHIFT);
    passed = ((state & LP_FRAME_PASSED_MASK) >> LP_FRAME_PASSED_SHIFT) + 1;
    lp_frame_reset(frame, LP_FRAME_PASSED_MASK);
    if (passed >= wait)
        return true;
    lp_frame_set(frame, passed << LP_FRAME_PASSED_SHIFT);
    return false;
}

/* Some pages are still shared: wait twice as long before the next sweep. */
static void sweep_again(struct lp_frame *frame)
{
    uint32_t wait =
        (lp_frame_state(frame) & LP_FRAME_WAIT_MASK) >> LP_FRAME_WAIT_SHIFT;

    lp_frame_reset(frame, LP_FRAME_WAIT_MASK);
    lp_frame_set(frame, (wait < 10 ? wait + 1 : wait) << LP_FRAME_WAIT_SHIFT);
}

enum swept { SWEPT_SKIP, SWEPT_OWNED, SWEPT_STILL_SHARED };

/* One entry of the sweep: a private page of ours alone becomes writable. */
static enum swept sweep_entry(struct lp_space *space, lp_slot *slot)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_pte pte = lp_pte_load(slot);
    struct lp_frame *frame;
    unsigned access;

    if (!lp_pte_valid(f, pte) ||
        (pte.bits & (f->soft_shared | f->soft_uncounted)) ||
        (pte.bits & f->owned_leaf) == f->owned_leaf ||
        lp_pte_pa(f, pte) == pager->zero_page)
        return SWEPT_SKIP;
    frame = lp_frame(&pager->frames, lp_pte_pa(f, pte));
    if (lp_frame_pins(frame))
        return SWEPT_SKIP;
    if (lp_frame_count(frame) != 1)
        return SWEPT_STILL_SHARED;
    lp_frame_claim(frame);
    access = lp_pte_access(f, pte) | LP_READ | LP_WRITE;
    lp_pte_change(slot, lp_pte_access_bits(f) & ~f->leaf[access],
                  f->leaf[access]);
    return SWEPT_OWNED;
}

bool lp_own_sweep(struct lp_space *space, struct lp_walk *walk)
{
    const struct lp_pte_format *f = &space->pager->format;
    struct lp_use use = lp_use_of(walk->frame);
    lp_va va, base = walk->va & ~(lp_span(f, 1) - 1);
    struct lp_vma vma = { 0 };
    bool shared = false, any = false;
    enum swept swept;
    unsigned i;

    if (!sweep_due(walk->frame))
        return false;
    for (i = use.low; i <= use.high; i++) {
        va = base + (lp_va)i * LP_PAGE_SIZE;
        if (va >= vma.end && !lp_vma_find(&space->vmas, va, &vma))
            break;
        if (va < vma.start || !(vma.flags & LP_VMA_WRITE))
            continue;
        swept = sweep_entry(space, lp_slot_at(space->pager, walk->table, i));
        shared |= swept == SWEPT_STILL_SHARED;
        if (swept != SWEPT_OWNED)
            continue;
        lp_count(space, swept);
        any = true;
    }
    if (shared)
        sweep_again(walk->frame);
    else
        lp_frame_reset(walk->frame, LP_FRAME_COPIED | LP_FRAME_WAIT_MASK);
    return any;
}
