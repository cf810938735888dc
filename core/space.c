/*
 * space.c: life of an address space.
 */
#include "space.h"

#include "gather.h"
#include "table.h"

/* The kernel's half of the root is the same in every space, and constant. */
static void copy_kernel_half(const struct lp_pager *pager, lp_pa root)
{
    unsigned first = pager->format.user_root_entries;
    unsigned n = (1u << pager->format.index_bits) - first;

    memcpy((void *)lp_slot_at(pager, root, first),
           (const void *)lp_slot_at(pager, pager->root, first),
           n * sizeof(lp_slot));
}

int lp_space_alloc(struct lp_pager *pager, struct lp_space **out)
{
    struct lp_space *space = lp_slab_alloc(&pager->space_slab);
    lp_pa root;

    if (!space)
        return -LP_ENOMEM;
    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_TABLE,
                       pager->format.levels - 1, &root) != 0) {
        lp_slab_free(&pager->space_slab, space);
        return -LP_ENOMEM;
    }
    memset(space, 0, sizeof(*space));
    space->pager = pager;
    space->id =
        atomic_fetch_add_explicit(&pager->next_id, 1, memory_order_relaxed);
    space->root = root;
    space->base = pager->options.mmap_base;
    atomic_init(&space->generation, 1);
    lp_vma_init(&space->vmas, &pager->vma_pools);
    copy_kernel_half(pager, root);
    *out = space;
    return 0;
}

void lp_space_publish(struct lp_space *space, struct lp_space *parent)
{
    struct lp_pager *pager = space->pager;
    struct lp_space **link = parent ? &parent->next : &pager->spaces;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    space->next = *link;
    space->prev = parent;
    if (space->next)
        space->next->prev = space;
    *link = space;
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
}

/* Wait for visitors, then leave the list; what was counted is not lost. */
static void unpublish(struct lp_space *space)
{
    struct lp_pager *pager = space->pager;
    unsigned i;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    while (space->holds) {
        lp_ticket_unlock(pager->kernel, &pager->list_lock);
        lp_poll(pager->kernel);
        lp_ticket_lock(pager->kernel, &pager->list_lock);
    }
    if (space->prev)
        space->prev->next = space->next;
    else
        pager->spaces = space->next;
    if (space->next)
        space->next->prev = space->prev;
    for (i = 0; i < LP_NCOUNTERS; i++)
        pager->past[i] +=
            atomic_load_explicit(&space->counter[i], memory_order_relaxed);
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
}

struct lp_space *lp_space_next(struct lp_pager *pager, struct lp_space *space)
{
    struct lp_space *next;

    lp_ticket_lock(pager->kernel, &pager->list_lock);
    next = space ? space->next : pager->spaces;
    if (next)
        next->holds++;
    if (space)
        space->holds--;
    lp_ticket_unlock(pager->kernel, &pager->list_lock);
    return next;
}

int lp_space_create(struct lp_pager *pager, struct lp_space **out)
{
    struct lp_space *space;
    int error;

    while ((error = lp_space_alloc(pager, &space)) != 0)
        if (!lp_low_memory(pager))
            return error;
    lp_space_publish(space, NULL);
    *out = space;
    return 0;
}

void lp_space_destroy(struct lp_space *space)
{
    struct lp_pager *pager = space->pager;
    struct lp_object_list dead = { NULL };

    lp_assert2(pager->kernel, !lp_tlb_active(space), space->id, 0);
    lp_assert2(pager->kernel, !space->pins, space->id, 0);
    lp_trace(space, .kind = LP_TRACE_DESTROY);
    unpublish(space);
    /*
     * No CPU runs it and its id never comes again, so what TLBs still hold
     * under its identifiers is dead (tlb.c): no flush before the drop.
     */
    lp_table_put(pager, space->root, pager->format.levels);
    lp_vma_clear(&space->vmas, &dead);
    lp_slab_free(&pager->space_slab, space);
    lp_object_reap(&dead);
}

int lp_space_set_base(struct lp_space *space, lp_va base)
{
    const struct lp_pager *pager = space->pager;

    if (!lp_page_aligned(base) || base > pager->format.user_end ||
        base <= pager->options.mmap_min)
        return -LP_EINVAL;
    lp_space_write_lock(space);
    space->base = base;
    lp_space_write_unlock(space);
    return 0;
}
