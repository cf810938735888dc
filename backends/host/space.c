/*
 * space.c: the only place where the machine knows the library: everything else
 * runs without it, and is tested so.
 */
#include "machine.h"

#include <lazypager/space.h>

#include "space.h"

/* Is the page of an object, at `offset`, dirty where this area maps it? */
static bool dirty_in(struct lp_space *space, const struct lp_area *area,
                     uint64_t offset, lp_pa pa)
{
    struct lp_page_info info;

    return offset >= area->offset &&
           offset - area->offset < area->end - area->start &&
           lp_query(space, area->start + (offset - area->offset), &info) == 0 &&
           info.frame == pa && (info.flags & LP_PAGE_DIRTY);
}

/* In any space: D stays in tables that others have let go of. */
static bool dirty_anywhere(struct lp_space *space, lp_va va, lp_pa pa)
{
    struct lp_pager *pager = space->pager;
    struct lp_area page, area;
    uint64_t offset;
    bool dirty = false;

    if (!lp_next_area(space, va, &page) || page.start > va)
        return false;
    offset = page.offset + (va - page.start);
    for (space = NULL; (space = lp_space_next(pager, space)) != NULL;)
        for (va = 0; lp_next_area(space, va, &area); va = area.end)
            dirty |= area.shared && area.object == page.object &&
                     dirty_in(space, &area, offset, pa);
    return dirty;
}

static const struct lp_host_core core = {
    .dirty_anywhere = dirty_anywhere,
    .fault = lp_handle_fault,
    .next_area = lp_next_area,
    .query = lp_query,
};

void lp_host_activate(struct lp_host *m, struct lp_pager *pager,
                      struct lp_space *space)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);

    lp_host_serve(cpu);
    atomic_store(&m->core, &core);
    m->kernel.preempt_disable(m->kernel.ctx);
    lp_activate(pager, space);
    lp_host_lock(cpu);
    cpu->space = space;
    if (cpu->active)
        cpu->active->space = space;
    lp_host_unlock(cpu);
    m->kernel.preempt_enable(m->kernel.ctx);
    if (m->config.flags & LP_HOST_CHECK_ALWAYS)
        (void)lp_host_check(m);
}
