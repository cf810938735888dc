/*
 * check.c: are the invariants true?
 *
 * References are counted from scratch: every table is entered once for each
 * pointer to it, so that what a space may reach is compared with that space's
 * areas, but its children are counted only the first time.  The first thing
 * that is wrong is reported, and the rest is not looked at.
 */
#include "ktable.h"
#include "object.h"
#include "table.h"

#if LP_CHECK

struct check {
    struct lp_pager *pager;
    uint32_t *found; /* references found, a number a frame */
    struct lp_check_report report;
};

static bool fail(struct check *c, const char *what,
                 const struct lp_space *space, uint64_t a, uint64_t b)
{
    c->report = (struct lp_check_report){ what, space, a, b };
    return false;
}

static uint32_t *found(const struct check *c, lp_pa pa)
{
    return &c->found[(pa - c->pager->frames.start) >> LP_PAGE_SHIFT];
}

static bool is_frame(const struct check *c, lp_pa pa)
{
    return pa >= c->pager->frames.start && pa < c->pager->frames.end;
}

/* A table on the way down through one space. */
struct step {
    lp_pa table;
    struct lp_frame *frame;
    unsigned level, next;
    lp_va base; /* address of entry 0 */
    bool owned; /* every entry above is owned */
    bool first; /* its children have not been counted yet */
    bool stale;
    unsigned used;
};

/*
 * Enter a table.  counted: the pointer to it lies in a table that was walked
 * for another space before; it is not one pointer more, and neither is what
 * is below.
 */
static struct step enter(const struct check *c, lp_pa table, unsigned level,
                         lp_va base, bool owned, bool counted)
{
    struct lp_frame *frame = lp_frame(&c->pager->frames, table);

    return (struct step){ table,
                          frame,
                          level,
                          0,
                          base,
                          owned,
                          !counted && (*found(c, table))++ == 0,
                          (lp_frame_state(frame) & LP_FRAME_STALE) != 0,
                          0 };
}

/* May the entry above this child carry its owned bits? */
static bool exclusive(struct lp_frame *frame)
{
    return lp_frame_count(frame) == 1 &&
           !(lp_frame_state(frame) & LP_FRAME_STALE);
}

static bool check_child(struct check *c, const struct lp_space *space,
                        const struct step *s, const struct lp_entry *e,
                        lp_va va)
{
    struct lp_frame *child;

    if (e->uncounted)
        return true;
    if (!is_frame(c, e->pa))
        return fail(c, "an entry points outside the frames", space, va, e->pa);
    child = lp_frame(&c->pager->frames, e->pa);
    if (lp_frame_kind(child) !=
        (e->kind == LP_ENTRY_TABLE ? LP_KIND_TABLE : LP_KIND_DATA))
        return fail(c, "an entry points at the wrong kind of frame", space, va,
                    e->pa);
    if (!s->stale && e->owned && !e->shared && !exclusive(child))
        return fail(c, "an owned entry's child is shared or stale", space, va,
                    e->pa);
    return true;
}

/* The page belongs into this area? */
static bool check_source(struct check *c, const struct lp_space *space,
                         const struct lp_entry *e, const struct lp_vma *vma,
                         lp_va va)
{
    uint64_t index = (vma->offset + (va - vma->start)) >> LP_PAGE_SHIFT;
    struct lp_object *object = vma->object;

    if (!e->shared)
        return true;
    if (!(vma->flags & LP_VMA_SHARED) || !object)
        return fail(c, "a shared page in a private area", space, va, e->pa);
    if (e->uncounted ? e->pa != object->device + (index << LP_PAGE_SHIFT)
                     : e->pa != lp_cache_find(&object->cache, index))
        return fail(c, "a shared page is not the object's", space, va, e->pa);
    return true;
}

static bool check_page(struct check *c, struct lp_space *space,
                       const struct step *s, const struct lp_entry *e, lp_va va)
{
    unsigned access = lp_table_reach(c->pager, e->access, s->owned);
    struct lp_vma vma;

    if (!lp_vma_find(&space->vmas, va, &vma) || vma.start > va)
        return fail(c, "a page without an area", space, va, e->pa);
    if (access & ~lp_allowed(c->pager, vma.flags))
        return fail(c, "an entry grants more than its area", space, va, access);
    if (e->pa == c->pager->zero_page && (e->access & LP_WRITE))
        return fail(c, "the zero page is writable", space, va, 0);
    return check_source(c, space, e, &vma, va);
}

/* One entry; *below is entered next when it is a table. */
static bool check_entry(struct check *c, struct lp_space *space, struct step *s,
                        unsigned index, struct step *below)
{
    const struct lp_pte_format *f = &c->pager->format;
    struct lp_entry e = lp_table_entry(c->pager, s->table, index, s->level);
    lp_va va = s->base + (lp_va)index * lp_span(f, s->level);
    struct lp_use use = lp_use_of(s->frame);

    below->frame = NULL;
    if (e.kind == LP_ENTRY_EMPTY)
        return true;
    s->used++;
    if (use.used == 0 || index < use.low || index > use.high)
        return fail(c, "an entry in use outside the table's span", space, va,
                    index);
    if (!check_child(c, space, s, &e, va))
        return false;
    if (e.kind == LP_ENTRY_TABLE) {
        *below =
            enter(c, e.pa, s->level - 1, va, s->owned && e.owned, !s->first);
        return true;
    }
    if (s->first && !e.uncounted)
        (*found(c, e.pa))++;
    return check_page(c, space, s, &e, va);
}

static bool leave(struct check *c, const struct lp_space *space,
                  const struct step *s)
{
    if (s->used != lp_use_of(s->frame).used)
        return fail(c, "a table's number of entries in use is wrong", space,
                    s->table, s->used);
    if (lp_frame_state(s->frame) & LP_FRAME_LOCK)
        return fail(c, "a table is still locked", space, s->table, 0);
    return true;
}

/* The tables of one space, depth first. */
static bool check_tables(struct check *c, struct lp_space *space)
{
    const struct lp_pte_format *f = &c->pager->format;
    unsigned top = f->levels - 1, level = top, end;
    struct step stack[LP_LEVELS_MAX], below;

    stack[top] = enter(c, space->root, top, 0, true, false);
    if (!exclusive(stack[top].frame))
        return fail(c, "a root is shared or stale", space, space->root, 0);
    for (;;) {
        end = level == top ? f->user_root_entries : 1u << f->index_bits;
        if (stack[level].next < end) {
            if (!check_entry(c, space, &stack[level], stack[level].next++,
                             &below))
                return false;
            if (below.frame)
                stack[--level] = below;
            continue;
        }
        if (!leave(c, space, &stack[level]))
            return false;
        if (level++ == top)
            return true;
    }
}

/* --- the kernel's half --- */

/* One entry of a kernel table; *below: a table to enter, or LP_PA_NONE. */
static bool check_kernel_entry(struct check *c, struct step *s, unsigned index,
                               lp_pa *below)
{
    struct lp_entry e = lp_table_entry(c->pager, s->table, index, s->level);

    *below = LP_PA_NONE;
    if (e.kind == LP_ENTRY_EMPTY)
        return true;
    s->used++;
    if (e.kind == LP_ENTRY_PAGE) {
        if (!e.uncounted)
            return fail(c, "a counted page in the kernel's half", NULL, e.pa,
                        index);
        return true;
    }
    if (!is_frame(c, e.pa) ||
        lp_frame_kind(lp_frame(&c->pager->frames, e.pa)) != LP_KIND_KERNEL)
        return fail(c, "a kernel table is the wrong kind of frame", NULL, e.pa,
                    index);
    *below = e.pa;
    return true;
}

static bool leave_kernel(struct check *c, const struct step *s)
{
    if (s->used == 0 && s->level < c->pager->format.levels - 2)
        return fail(c, "an empty table in the kernel's half", NULL, s->table,
                    s->level);
    return leave(c, NULL, s);
}

/* The tables below one root entry that the pager manages. */
static bool check_kernel_tree(struct check *c, lp_pa root)
{
    unsigned top = c->pager->format.levels - 2, level = top;
    struct step stack[LP_LEVELS_MAX];
    lp_pa below;

    stack[top] = enter(c, root, top, 0, true, false);
    for (;;) {
        if (stack[level].next == 1u << c->pager->format.index_bits) {
            if (!leave_kernel(c, &stack[level]))
                return false;
            if (level++ == top)
                return true;
            continue;
        }
        if (!check_kernel_entry(c, &stack[level], stack[level].next++, &below))
            return false;
        if (below == LP_PA_NONE)
            continue;
        level--;
        stack[level] = enter(c, below, level, 0, true, false);
    }
}

static bool check_kernel_ranges(struct check *c)
{
    const struct lp_pager *pager = c->pager;
    const struct lp_pte_format *f = &pager->format;
    unsigned i, top = f->levels - 1;
    struct lp_entry e;

    for (i = f->user_root_entries; i < 1u << f->index_bits; i++) {
        if (!lp_ktable_manages(pager, i))
            continue;
        e = lp_table_entry(pager, pager->root, i, top);
        if (e.kind != LP_ENTRY_TABLE || !is_frame(c, e.pa))
            return fail(c, "a managed root entry has no table", NULL, i, e.pa);
        if (!check_kernel_tree(c, e.pa))
            return false;
    }
    return true;
}

static bool check_caches(struct check *c)
{
    const struct lp_object *object;
    uint64_t index;
    lp_pa pa;

    for (object = c->pager->objects; object; object = object->next) {
        index = 0;
        while ((pa = lp_cache_next(&object->cache, &index)) != LP_PA_NONE) {
            (*found(c, pa))++;
            if (index << LP_PAGE_SHIFT >= lp_object_size(object))
                return fail(c, "a cached page past the object's end", NULL,
                            index, pa);
            index++;
        }
    }
    return true;
}

static bool check_frame(struct check *c, lp_pa pa)
{
    struct lp_frame *frame = lp_frame(&c->pager->frames, pa);
    uint32_t count = lp_frame_count(frame), references = *found(c, pa);

    switch (lp_frame_kind(frame)) {
    case LP_KIND_FREE:
        if (count || references || lp_frame_pins(frame))
            return fail(c, "a free frame is referenced", NULL, pa, references);
        return true;
    case LP_KIND_KERNEL:
        if (count != 1 || references != 1)
            return fail(c, "a kernel table is not mapped exactly once", NULL,
                        pa, (uint64_t)count << 32 | references);
        return true;
    case LP_KIND_TABLE:
    case LP_KIND_DATA:
        if (pa == c->pager->root)
            references++;
        if (count != LP_COUNT_MAX && count != references)
            return fail(c, "a frame's count is not the number of entries", NULL,
                        pa, (uint64_t)count << 32 | references);
        if (!count && !lp_frame_pins(frame))
            return fail(c, "a frame without references is not free", NULL, pa,
                        0);
        return true;
    default:
        if (references || count != 1)
            return fail(c, "a frame of the library's own is mapped", NULL, pa,
                        references);
        return true;
    }
}

static bool unlocked(const struct lp_space *space)
{
    return atomic_load(&space->lock.rin) == atomic_load(&space->lock.rout) &&
           atomic_load(&space->lock.win) == atomic_load(&space->lock.wout);
}

static bool check_space(struct check *c, struct lp_space *space)
{
    const char *what = lp_vma_check(&space->vmas);

    if (what)
        return fail(c, what, space, 0, 0);
    if (!unlocked(space))
        return fail(c, "a space is still locked", space, 0, 0);
    if (space->vmas.spare)
        return fail(c, "spare nodes were not given back", space, 0, 0);
    if (!lp_ktable_same_half(c->pager, space->root))
        return fail(c, "a root's kernel half is not the pager's", space,
                    space->root, c->pager->root);
    return check_tables(c, space);
}

/* Objects: fewer references than areas hold would be freed too early. */
static void count_object(void *ctx, struct lp_object *object)
{
    (void)ctx;
    object->checked++;
}

static bool check_nodes(struct check *c)
{
    struct lp_pager *pager = c->pager;
    struct lp_object *object;
    struct lp_space *space;
    const char *what;

    for (object = pager->objects; object; object = object->next)
        object->checked = 0;
    if (++pager->check_round == 0)
        pager->check_round = 1;
    for (space = pager->spaces; space; space = space->next)
        lp_vma_recount(&space->vmas, pager->check_round, count_object, NULL);
    for (space = pager->spaces; space; space = space->next) {
        what = lp_vma_recount_check(&space->vmas, pager->check_round);
        if (what)
            return fail(c, what, space, 0, 0);
    }
    for (object = pager->objects; object; object = object->next)
        if (atomic_load(&object->refs) < object->checked)
            return fail(c, "an object has fewer references than areas", NULL,
                        atomic_load(&object->refs), object->checked);
    return true;
}

static bool check_all(struct check *c)
{
    struct lp_space *space;
    lp_pa pa;

    for (space = c->pager->spaces; space; space = space->next)
        if (!check_space(c, space))
            return false;
    if (!check_nodes(c) || !check_caches(c) || !check_kernel_ranges(c))
        return false;
    for (pa = c->pager->frames.start; pa < c->pager->frames.end;
         pa += LP_PAGE_SIZE)
        if (!check_frame(c, pa))
            return false;
    return true;
}

int lp_check(struct lp_pager *pager, uint32_t *scratch,
             struct lp_check_report *report)
{
    struct check c = { pager, scratch, { NULL, NULL, 0, 0 } };
    uint64_t n = (pager->frames.end - pager->frames.start) >> LP_PAGE_SHIFT;
    bool ok;

    memset(scratch, 0, n * sizeof(*scratch));
    ok = check_all(&c);
    if (report)
        *report = c.report;
    return ok ? 0 : -LP_EIO;
}

#endif
