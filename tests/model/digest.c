/*
 * digest.c: a number for everything that a failed call may not change.
 *
 * CALL_WHOLE and CALL_SYNCS: each area, and for each page which frame is there, what it is to
 * its area (kept, shared, the zero page) and what is in it.  Not in it: whether
 * tables are owned, which nobody sees, and so what the hardware would grant
 * without a fault, how often a page is shared, and the dirty bits of private
 * pages, of which nothing follows.  Those of shared pages are a number of their
 * own.
 *
 * CALL_BRINGS: each area, and the bytes that a program would read, whether the
 * page is there or not.
 *
 * The kernel's half is looked at around calls that are about it.
 *
 * Frames are read once each, however many spaces share them.
 */
#include "calls.h"
#include "world.h"

#include "pager.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

/* Four sums at a time: a processor adds faster than it multiplies. */
static uint64_t hash_page(const void *page)
{
    const unsigned char *bytes = page;
    uint64_t lane[4] = { 1, 2, 3, 4 }, word[4];
    size_t i, k;

    for (i = 0; i < PAGE; i += sizeof word) {
        memcpy(word, bytes + i, sizeof word);
        for (k = 0; k < 4; k++)
            lane[k] = (lane[k] ^ word[k]) * UINT64_C(0xd6e8feb86659fd93);
    }
    return mix(mix(mix(lane[0], lane[1]), lane[2]), lane[3]);
}

static uint64_t hash_frame(struct world *w, lp_pa pa)
{
    const struct lp_kernel *kernel = lp_host_kernel(w->m);
    const void *page = lp_host_memory(w->m, pa);
    struct seen *seen;

    if (!page)
        wrong(w, "frame %#llx is no memory", (unsigned long long)pa);
    if (pa < kernel->frames_start || pa >= kernel->frames_end)
        return hash_page(page);
    seen = &w->seen[(pa - kernel->frames_start) / PAGE];
    if (seen->round != w->round) {
        seen->round = w->round;
        seen->hash = hash_page(page);
    }
    return seen->hash;
}

static uint64_t hash_areas(const struct m_space *s)
{
    struct lp_area area;
    uint64_t hash = s->number;
    lp_va va = 0;

    while (lp_next_area(s->lib, va, &area)) {
        hash = mix(mix(hash, area.start), area.end);
        hash = mix(hash, area.access | (unsigned)area.shared << 3);
        hash = mix(mix(hash, (uintptr_t)area.object), area.offset);
        va = area.end;
    }
    return mix(mix(hash, lp_area_count(s->lib)), lp_mapped_bytes(s->lib));
}

/* A frame is dirty when one of its mappings says so: a sum, each but once. */
static void add_dirty(struct world *w, lp_pa pa, struct digest *d)
{
    lp_pa start = lp_host_kernel(w->m)->frames_start;
    struct seen *seen = &w->seen[(pa - start) / PAGE];

    if (seen->dirty_round == w->round)
        return;
    seen->dirty_round = w->round;
    d->dirty += mix(1, pa);
}

/* Which page is there, as what, and what is in it. */
static void add_present(struct world *w, const struct lp_page_info *info,
                        struct digest *d)
{
    unsigned flags = info->flags & (LP_PAGE_KEPT | LP_PAGE_SHARED |
                                    LP_PAGE_ZERO | LP_PAGE_DEVICE);

    d->all = mix(mix(d->all, info->frame), flags);
    d->all = mix(d->all, hash_frame(w, info->frame));
    if ((info->flags & LP_PAGE_DIRTY) && (info->flags & LP_PAGE_SHARED) &&
        !(info->flags & LP_PAGE_DEVICE))
        add_dirty(w, info->frame, d);
}

static void add_cell(struct world *w, const struct m_space *s, unsigned place,
                     enum call_kind kind, struct digest *d)
{
    const struct m_cell *c = &s->cell[place];
    struct lp_page_info info;
    bool there;

    if (!c->mapped)
        return;
    expect(w, "lp_query", lp_query(s->lib, w->layout.at[place].start, &info),
           0);
    there = (info.flags & LP_PAGE_PRESENT) != 0;
    d->all = mix(d->all, place);
    if (there && kind != CALL_BRINGS)
        add_present(w, &info, d);
    else if (kind == CALL_BRINGS)
        d->all = mix(d->all,
                     there ? hash_frame(w, info.frame) : hash_page(m_bytes(c)));
}

static bool changes_kernel(const struct world *w)
{
    return w->run == op_kernel_map || w->run == op_kernel_unmap ||
           w->run == op_kernel_protect;
}

/* A page of the kernel's half; where its A and D say nothing. */
static void add_kernel_page(struct world *w, lp_va va, struct digest *d)
{
    struct lp_page_info info;

    expect(w, "lp_kernel_query", lp_kernel_query(w->pager, va, &info), 0);
    info.flags &= ~(unsigned)(LP_PAGE_ACCESSED | LP_PAGE_DIRTY);
    d->all = mix(mix(d->all, info.frame), info.access << 16 | info.flags);
}

struct digest digest(struct world *w, enum call_kind kind)
{
    const struct m_krange *r;
    const struct m_object *o;
    const struct m_space *s;
    struct digest d = { 0, 0 };
    unsigned i;

    w->round++;
    for (s = w->spaces; s; s = s->next) {
        d.all = mix(d.all, hash_areas(s));
        for (i = 0; i < w->layout.n; i++)
            if (place_is_page(&w->layout, i))
                add_cell(w, s, i, kind, &d);
    }
    for (o = w->objects; o; o = o->next)
        d.all = mix(d.all, lp_object_size(o->handle));
    r = w->kernel.range;
    for (; changes_kernel(w) && r < w->kernel.range + w->kernel.n; r++)
        for (i = 0; i < r->n; i++)
            add_kernel_page(w, r->range.start + (lp_va)i * PAGE, &d);
    return d;
}

uint64_t nodes_in_use(const struct world *w)
{
    const struct lp_pager *p = w->pager;
    uint64_t n = p->space_slab.nodes + p->object_slab.nodes;
    const struct m_object *o;

    /*
     * The cache of an object that needs more than one node keeps empty ones
     * after it has failed (core/cache.c); what only areas have is not read.
     */
    for (o = w->objects; o; o = o->next)
        if (o->held && o->size > LP_CACHE_ENTRIES * PAGE)
            return n;
    return n + p->cache_slab.nodes;
}
