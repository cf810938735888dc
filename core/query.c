/*
 * query.c: looking on without changing anything: one page, the areas, the
 * counters.
 */
#include "object.h"
#include "table.h"

static unsigned page_flags(const struct lp_pager *pager,
                           const struct lp_walk *walk,
                           const struct lp_leaf *leaf, const struct lp_vma *vma)
{
    unsigned flags = LP_PAGE_PRESENT;

    flags |= leaf->kept ? LP_PAGE_KEPT : 0;
    flags |= leaf->shared ? LP_PAGE_SHARED : 0;
    flags |= leaf->uncounted ? LP_PAGE_DEVICE : 0;
    /* no branch: every leaf is made with A, and nothing clears it yet */
    flags |= leaf->accessed ? LP_PAGE_ACCESSED : 0;
    flags |= leaf->dirty ? LP_PAGE_DIRTY : 0;
    flags |= walk->owned ? 0 : LP_PAGE_UNOWNED;
    flags |= leaf->pa == pager->zero_page ? LP_PAGE_ZERO : 0;
    if (!leaf->uncounted &&
        (lp_frame_state(lp_frame(&pager->frames, leaf->pa)) & LP_FRAME_DIRTY))
        flags |= LP_PAGE_DIRTY;
    if (!leaf->shared && (vma->flags & LP_VMA_WRITE) &&
        (!walk->owned || !(leaf->access & LP_WRITE)))
        flags |= LP_PAGE_COW;
    return flags;
}

static void query_page(struct lp_space *space, lp_va va,
                       const struct lp_vma *vma, struct lp_page_info *info)
{
    const struct lp_pager *pager = space->pager;
    struct lp_walk walk;
    struct lp_leaf leaf;

    lp_table_walk(space, va, &walk);
    leaf = lp_table_leaf(space, &walk);
    info->frame = leaf.pa;
    if (!leaf.present)
        return;
    info->access = lp_table_reach(pager, leaf.access, walk.owned);
    info->flags = page_flags(pager, &walk, &leaf, vma);
    if (!leaf.uncounted)
        info->references = lp_frame_count(lp_frame(&pager->frames, leaf.pa));
}

int lp_query(struct lp_space *space, lp_va va, struct lp_page_info *info)
{
    struct lp_vma vma;
    int error = 0;

    *info = (struct lp_page_info){ .frame = LP_PA_NONE };
    lp_space_read_lock(space);
    if (lp_vma_find(&space->vmas, va, &vma) && vma.start <= va)
        query_page(space, va, &vma, info);
    else
        error = -LP_EFAULT;
    lp_space_read_unlock(space);
    return error;
}

bool lp_next_area(struct lp_space *space, lp_va va, struct lp_area *area)
{
    struct lp_vma vma;
    bool found;

    lp_space_read_lock(space);
    found = lp_vma_find(&space->vmas, va, &vma);
    lp_space_read_unlock(space);
    if (found)
        *area = (struct lp_area){ vma.start,
                                  vma.end,
                                  vma.flags & LP_VMA_ACCESS,
                                  (vma.flags & LP_VMA_SHARED) != 0,
                                  vma.object,
                                  vma.offset };
    return found;
}

uint64_t lp_area_count(struct lp_space *space)
{
    uint64_t n;

    lp_space_read_lock(space);
    n = space->vmas.count;
    lp_space_read_unlock(space);
    return n;
}

uint64_t lp_mapped_bytes(struct lp_space *space)
{
    uint64_t n;

    lp_space_read_lock(space);
    n = space->vmas.bytes;
    lp_space_read_unlock(space);
    return n;
}

uint64_t lp_resident_pages(struct lp_space *space, lp_va start, lp_va end)
{
    uint64_t n;

    start = lp_round_down(start);
    end = lp_min(end, space->pager->format.user_end);
    lp_space_read_lock(space);
    n = lp_table_resident(space, start, end);
    lp_space_read_unlock(space);
    return n;
}

bool lp_next_table(struct lp_space *space, unsigned level, lp_va va,
                   struct lp_table_info *info)
{
    const struct lp_pte_format *f = &space->pager->format;
    struct lp_walk walk;
    uint64_t span;
    bool found;

    if (level >= f->levels || va >= f->user_end)
        return false;
    span = lp_span(f, level + 1);
    lp_space_read_lock(space);
    found = lp_table_seek(space, level, va, &walk);
    if (found) {
        info->start = walk.va & ~(span - 1);
        info->end = lp_min(info->start + span, f->user_end);
        info->table = walk.table;
        info->level = level;
        info->used = lp_use_of(walk.frame).used;
        info->references = lp_frame_count(walk.frame);
        info->owned = walk.owned;
    }
    lp_space_read_unlock(space);
    return found;
}

uint64_t lp_space_id(const struct lp_space *space)
{
    return space->id;
}

static void add_counters(uint64_t *sum, const struct lp_space *space)
{
    unsigned i;

    for (i = 0; i < LP_NCOUNTERS; i++)
        sum[i] +=
            atomic_load_explicit(&space->counter[i], memory_order_relaxed);
}

void lp_space_stats(struct lp_space *space, struct lp_stats *out)
{
    uint64_t sum[LP_NCOUNTERS] = { 0 };

    add_counters(sum, space);
    memcpy(out, sum, sizeof(*out));
}

void lp_pager_stats(struct lp_pager *pager, struct lp_stats *out)
{
    uint64_t sum[LP_NCOUNTERS];
    const struct lp_space *space;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    memcpy(sum, pager->past, sizeof(sum));
    for (space = pager->spaces; space; space = space->next)
        add_counters(sum, space);
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
    memcpy(out, sum, sizeof(*out));
    out->lost_writes =
        atomic_load_explicit(&pager->lost_writes, memory_order_relaxed);
}
