/*
 * check.c: TLB <= PTE <= VMA, looked at from the hardware's side, when no call
 * of the library is running.
 *
 *     TLB <= PTE   each cached entry of the active ASID of each CPU against a
 *                  new walk: the same page or table, no right more, and D set
 *                  if stores may go through it unseen.  ASIDs that are away
 *                  may be stale, but then they are condemned; in the upper
 *                  half, the kernel's, they may not.
 *     PTE <= VMA   each page that the tables of each active space reach: inside
 *                  one area, no right more, entries well formed, frames
 *                  allocated.
 *     D            each page of a shared mapping that was stored to since its
 *                  object last took it, as lp_query shows it there or, where
 *                  the table that had D was let go of, in any other space.
 */
#include "machine.h"

/* What an entry is compared with. */
struct view {
    struct lp_host *m;
    struct lp_host_cpu *cpu;
    struct lp_host_asid *asid;
    bool quiet; /* do not report: the ASID is away */
    bool stale; /* something was found */
    struct lp_space *space;
    struct lp_area area; /* the last one looked at; end 0: none */
};

/* --- TLB <= PTE --- */

static void stale(struct view *view, const char *what, lp_va va,
                  const struct lp_host_cached *cached,
                  const struct lp_host_cached *now)
{
    view->stale = true;
    if (view->quiet && !lp_host_upper(view->m->walker, va))
        return;
    lp_host_fail(view->m,
                 "CPU %u, ASID %u: the TLB grants more than the "
                 "tables: %s of va 0x%llx: cached pa 0x%llx rights 0x%x "
                 "dirty %d, tables pa 0x%llx rights 0x%x dirty %d",
                 view->cpu->number, view->asid->number, what,
                 (unsigned long long)va, (unsigned long long)cached->pa,
                 cached->rights, cached->dirty, (unsigned long long)now->pa,
                 now->rights, now->dirty);
}

static void check_leaf(struct view *view, const struct lp_host_cached *entry)
{
    lp_va va = lp_host_key_va(view->m->walker, entry, false);
    struct lp_host_cached now = { .pa = LP_PA_NONE };
    bool there;

    if (!entry->key || entry->negative)
        return;
    there = lp_host_look(view->m, view->asid->root, va, 0, &now);
    if (!there || now.pa != entry->pa || entry->rights & ~now.rights ||
        (entry->rights & LP_WRITE && entry->dirty && !now.dirty))
        stale(view, "page", va, entry, &now);
}

static void check_table(struct view *view, const struct lp_host_cached *entry)
{
    lp_va va = lp_host_key_va(view->m->walker, entry, true);
    struct lp_host_cached now = { .pa = LP_PA_NONE };
    bool there;

    if (!entry->key || entry->negative)
        return;
    there = lp_host_look(view->m, view->asid->root, va, entry->level, &now);
    if (!there || now.pa != entry->pa || entry->rights & ~now.rights)
        stale(view, "table", va, entry, &now);
}

static void check_asid(struct view *view)
{
    const struct lp_host_cache *leaves = &view->asid->leaves;
    const struct lp_host_cache *tables = &view->asid->tables;
    size_t i;

    for (i = 0; i < leaves->capacity; i++)
        check_leaf(view, &leaves->slots[i]);
    for (i = 0; i < tables->capacity; i++)
        check_table(view, &tables->slots[i]);
}

static void check_cached(struct lp_host_cpu *cpu)
{
    struct view view = { .m = cpu->m, .cpu = cpu };
    const struct lp_host_cache *global = &cpu->global;
    uint32_t n;
    size_t i;

    for (n = 0; n < cpu->nasids; n++) {
        view.asid = cpu->asids[n];
        view.quiet = view.asid != cpu->active;
        view.stale = false;
        if (!view.asid || view.asid->root == LP_PA_NONE)
            continue;
        check_asid(&view);
        if (view.quiet && view.stale)
            lp_host_condemn(cpu, view.asid);
    }
    view.asid = cpu->active;
    view.quiet = false;
    for (i = 0; view.asid && i < global->capacity; i++)
        check_leaf(&view, &global->slots[i]);
}

/* --- PTE <= VMA --- */

static void beyond(const struct view *view, const char *what, lp_va va,
                   lp_pa pa, unsigned rights)
{
    lp_host_fail(view->m,
                 "CPU %u: the tables grant more than the areas: %s: "
                 "va 0x%llx, pa 0x%llx, rights 0x%x",
                 view->cpu->number, what, (unsigned long long)va,
                 (unsigned long long)pa, rights);
}

/* What the hardware may have to grant for an area's access. */
static unsigned granted(const struct lp_host_walker *w, unsigned access)
{
    if (access & LP_WRITE || (access & LP_EXEC && w->exec_reads))
        access |= LP_READ;
    return access;
}

static void check_page(struct view *view, lp_va va, unsigned level, lp_pa pa,
                       unsigned rights)
{
    const struct lp_host_core *core = atomic_load(&view->m->core);
    const struct lp_host_walker *w = view->m->walker;
    lp_va last = va + ((UINT64_C(1) << lp_host_level_shift(w, level)) - 1);
    struct lp_area *area = &view->area;

    if (!(rights & LP_HOST_RIGHT_USER))
        return;
    lp_host_reach(view->m, pa, "mapped page", va);
    if (va >= area->end && !core->next_area(view->space, va, area))
        area->start = area->end = UINT64_MAX;
    if (va < area->start || last >= area->end)
        beyond(view, "no area", va, pa, rights);
    else if (rights & 7 & ~granted(w, area->access))
        beyond(view, "not allowed", va, pa, rights);
}

/* One table and all below it; rights: collected above. */
static void check_tree(struct view *view, lp_pa table, unsigned level, lp_va va,
                       unsigned rights)
{
    struct lp_host *m = view->m;
    const struct lp_host_walker *w = m->walker;
    unsigned i, n = 1u << w->index_bits;
    const _Atomic uint64_t *slots = lp_host_reach(m, table, "page table", va);
    struct lp_host_entry e;

    if (!slots)
        return;
    if (level == w->levels - 1)
        n /= 2; /* the user's half of the root */
    for (i = 0; i < n;
         i++, va += UINT64_C(1) << lp_host_level_shift(w, level)) {
        e = (struct lp_host_entry){ 0 };
        w->decode(&m->config, level, atomic_load(&slots[i]), &e);
        if (e.kind == LP_HOST_RESERVED)
            beyond(view, "malformed entry", va, e.pa, e.rights);
        else if (e.kind == LP_HOST_TABLE)
            check_tree(view, e.pa, level - 1, va, rights & e.rights);
        else if (e.kind == LP_HOST_LEAF)
            check_page(view, va, level, e.pa, rights & e.rights);
    }
}

/* --- D --- */

static void check_stores(struct view *view)
{
    const struct lp_host_core *core = atomic_load(&view->m->core);
    const struct lp_host_cache *stores = &view->asid->stores;
    const struct lp_host_frame *frame;
    struct lp_page_info info;
    lp_va va;
    size_t i;

    for (i = 0; i < stores->capacity; i++) {
        if (!stores->slots[i].key)
            continue;
        va = lp_host_key_va(view->m->walker, &stores->slots[i], false);
        frame = lp_host_frame_of(view->m, stores->slots[i].pa);
        if (!atomic_load(&frame->stored) ||
            atomic_load(&frame->written) != stores->slots[i].since ||
            core->query(view->space, va, &info) ||
            info.frame != stores->slots[i].pa ||
            !(info.flags & LP_PAGE_SHARED) || info.flags & LP_PAGE_DIRTY)
            continue;
        if (core->dirty_anywhere &&
            core->dirty_anywhere(view->space, va, info.frame))
            continue;
        lp_host_fail(view->m,
                     "CPU %u: lost D: va 0x%llx, pa 0x%llx was "
                     "stored to, is not written back, and is not dirty",
                     view->cpu->number, (unsigned long long)va,
                     (unsigned long long)info.frame);
    }
}

static void check_space(struct lp_host_cpu *cpu)
{
    struct view view = {
        .m = cpu->m, .cpu = cpu, .asid = cpu->active, .space = cpu->space
    };
    unsigned i;

    if (!cpu->space || !cpu->active)
        return;
    check_stores(&view);
    for (i = 0; i < cpu->number; i++)
        if (cpu->m->cpus[i].space == cpu->space)
            return;
    check_tree(&view, cpu->active->root, cpu->m->walker->levels - 1, 0,
               LP_HOST_RIGHTS_ALL);
}

bool lp_host_check(struct lp_host *m)
{
    uint64_t before = lp_host_failures(m);
    unsigned i;

    m->checking = true;
    for (i = 0; i < m->config.ncpus; i++) {
        if (m->cpus[i].preempt || m->cpus[i].interrupt)
            lp_host_fail(m, "CPU %u is left with preemption off", i);
        check_cached(&m->cpus[i]);
        check_space(&m->cpus[i]);
    }
    m->checking = false;
    return lp_host_failures(m) == before;
}

void lp_host_wrote_back(struct lp_host *m, const void *page)
{
    uintptr_t offset = (uintptr_t)page - (uintptr_t)m->arena;
    uint64_t number = offset / LP_PAGE_SIZE;

    if (number >= m->config.nframes)
        return;
    atomic_fetch_add_explicit(&m->frames[number].written, 1,
                              memory_order_relaxed);
    atomic_store_explicit(&m->frames[number].stored, 0, memory_order_relaxed);
}
