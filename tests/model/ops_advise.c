/*
 * ops_advise.c: madvise.  Place by place, in order: that is all there is to it.
 */
#include "ops_map.h"

#include <string.h>

#define X(n) ((unsigned long long)(n))

/* What was asked for, and what the answer should be. */
struct advice {
    struct m_space *s;
    lp_va addr, end; /* end: rounded up */
    uint64_t len;
    int what;
    unsigned first, stop; /* places that are treated, holes among them */
    int wanted;
};

/* The usual ones more often; sometimes one that does not exist. */
static int pick_advice(struct world *w)
{
    static const int often[] = {
        LP_MADV_DONTNEED,      LP_MADV_DONTNEED,       LP_MADV_DONTNEED,
        LP_MADV_DONTNEED,      LP_MADV_FREE,           LP_MADV_FREE,
        LP_MADV_POPULATE_READ, LP_MADV_POPULATE_WRITE, LP_MADV_POPULATE_WRITE,
        LP_MADV_WILLNEED,      LP_MADV_WILLNEED,       LP_MADV_REMOVE,
        LP_MADV_REMOVE,
    };
    static const int hints[] = {
        LP_MADV_NORMAL,      LP_MADV_RANDOM,   LP_MADV_SEQUENTIAL,
        LP_MADV_MERGEABLE,   LP_MADV_HUGEPAGE, LP_MADV_NOHUGEPAGE,
        LP_MADV_UNMERGEABLE, LP_MADV_COLD,     LP_MADV_PAGEOUT,
    };

    if (chance(w, 2))
        return chance(w, 50) ? LP_MADV_PAGEOUT + 3 + (int)pick(w, 20)
                             : LP_MADV_REMOVE + 1 + (int)pick(w, 2);
    if (chance(w, 15))
        return hints[pick(w, sizeof hints / sizeof *hints)];
    return often[pick(w, sizeof often / sizeof *often)];
}

static bool populates(int advice)
{
    return advice == LP_MADV_POPULATE_READ || advice == LP_MADV_POPULATE_WRITE;
}

static unsigned access_of(int advice)
{
    return advice == LP_MADV_POPULATE_WRITE ? LP_WRITE : LP_READ;
}

/* The error of an area that the advice is not for; or 0. */
static int unfit(const struct m_cell *c, int advice)
{
    bool device = c->object && c->object->kind == M_DEVICE;

    switch (advice) {
    case LP_MADV_DONTNEED:
    case LP_MADV_COLD:
    case LP_MADV_PAGEOUT:
    case LP_MADV_HUGEPAGE: return device ? -LP_EINVAL : 0;
    case LP_MADV_FREE: return c->object ? -LP_EINVAL : 0;
    case LP_MADV_POPULATE_READ:
    case LP_MADV_POPULATE_WRITE:
        return device || !(c->access & access_of(advice)) ? -LP_EINVAL : 0;
    case LP_MADV_REMOVE:
        if (!c->object)
            return -LP_EINVAL;
        if (!c->shared || !(c->access & LP_WRITE))
            return -LP_EACCES;
        return c->object->kind == M_MEMORY || c->object->kind == M_ANONYMOUS
                   ? 0
                   : -LP_EOPNOTSUPP;
    default: return 0;
    }
}

/* The error of a page that cannot be brought; or 0. */
static int missing(const struct layout *l, const struct m_cell *c, int advice)
{
    unsigned comes;

    if (!populates(advice))
        return 0;
    comes = m_touch(l, c, access_of(advice));
    if (comes & 1u << LP_FAULT_OK)
        return 0;
    return comes & 1u << LP_FAULT_RETRY ? -LP_EAGAIN : -LP_EFAULT;
}

/* How far it goes, and the answer. */
static void foresee(const struct layout *l, struct advice *a)
{
    bool hole = false;
    const struct m_cell *c;
    int error = 0;
    unsigned i;

    a->first = place_of(l, a->addr);
    for (i = a->first; i < l->n && l->at[i].start < a->end; i++) {
        c = &a->s->cell[i];
        hole |= !c->mapped;
        if (hole && populates(a->what))
            break;
        error = c->mapped ? unfit(c, a->what) : 0;
        if (!error && c->mapped)
            error = missing(l, c, a->what);
        if (error)
            break;
    }
    a->stop = i;
    hole |= a->end > l->user_end;
    a->wanted = error ? error : hole ? -LP_ENOMEM : 0;
}

/* A hole in an object: as new, but of the same size. */
static void punch(struct world *w, struct m_object *o, uint64_t first,
                  uint64_t last)
{
    struct m_page *page;
    unsigned i;

    for (i = 0; i < OBJECT_BUCKETS; i++)
        for (page = o->bucket[i]; page; page = page->next) {
            if (page->index < first || page->index > last)
                continue;
            memset(page->data, 0, PAGE);
            page->must = page->may = page->held_written = false;
        }
    for (i = 0; i < PINS_MAX; i++)
        if (w->pins[i].object == o && w->pins[i].index >= first &&
            w->pins[i].index <= last)
            w->pins[i].object = NULL;
}

static void brought(struct m_cell *c, unsigned access)
{
    c->touched = YES;
    if (access != LP_WRITE)
        return;
    if (m_private(c))
        m_writable_bytes(c);
    else
        m_page_of(c->object, c->index)->may = true;
}

/* The advice was taken at this place. */
static void taken(struct world *w, struct advice *a, unsigned place)
{
    const struct place *at = &w->layout.at[place];
    struct m_cell *c = &a->s->cell[place];

    switch (a->what) {
    case LP_MADV_DONTNEED:
    case LP_MADV_FREE: drop_cell(w, a->s, place); break;
    case LP_MADV_REMOVE:
        punch(w, c->object, c->index,
              c->index + (at->end - at->start) / PAGE - 1);
        break;
    case LP_MADV_POPULATE_READ:
    case LP_MADV_POPULATE_WRITE: brought(c, access_of(a->what)); break;
    default: break;
    }
}

/*
 * An ENOMEM that may have two reasons.  DONTNEED is done or not, as a whole:
 * where a page is still there, it is not.
 */
static bool discarded(struct world *w, const struct advice *a)
{
    struct lp_page_info info;
    unsigned i;

    for (i = a->first; i < a->stop; i++) {
        if (!a->s->cell[i].mapped || !place_is_page(&w->layout, i))
            continue;
        expect(w, "lp_query", lp_query(a->s->lib, w->layout.at[i].start, &info),
               0);
        if (info.flags & LP_PAGE_PRESENT)
            return false;
    }
    return true;
}

/* Out of memory, or so it seems.  True: what was asked for has been done. */
static bool done_without_memory(struct world *w, struct advice *a)
{
    unsigned i;

    if (a->what == LP_MADV_DONTNEED || a->what == LP_MADV_FREE)
        return a->wanted == -LP_ENOMEM && discarded(w, a);
    if (!populates(a->what)) {
        expect(w, "lp_madvise", -LP_ENOMEM, a->wanted);
        return true;
    }
    for (i = a->first; i < a->stop; i++)
        resolve_tried(w, a->s, i, access_of(a->what));
    return false;
}

static void advised(struct world *w, struct advice *a, int r)
{
    unsigned i;

    foresee(&w->layout, a);
    if (forgiven(w, r)) {
        if (!done_without_memory(w, a))
            return;
    } else {
        expect(w, "lp_madvise", r, a->wanted);
    }
    for (i = a->first; i < a->stop; i++)
        if (a->s->cell[i].mapped)
            taken(w, a, i);
    /* What ended it may have left traces. */
    if (populates(a->what) && a->stop < w->layout.n)
        resolve_tried(w, a->s, a->stop, access_of(a->what));
}

/* Does it reach into a mapped stretch, which has too many pages to bring? */
static bool meets_stretch(const struct layout *l, const struct advice *a)
{
    unsigned i;

    for (i = place_of(l, a->addr); i < l->n && l->at[i].start < a->end; i++)
        if (a->s->cell[i].mapped && !place_is_page(l, i))
            return true;
    return false;
}

static bool exists(int advice)
{
    return (advice >= 0 && advice <= 4) || advice == 8 || advice == 9 ||
           (advice >= 12 && advice <= 15) || (advice >= 20 && advice <= 23);
}

/* What call_again is told: its refusal as itself; 0 where a hole would have
 * given the same answer. */
static int64_t told(struct world *w, struct advice *a, bool malformed, int r)
{
    if (malformed)
        return r;
    if (populates(a->what))
        return r == -LP_EFAULT && w->call.object ? -LP_EIO : r;
    foresee(&w->layout, a);
    return r == a->wanted ? 0 : r;
}

void op_madvise(struct world *w)
{
    struct advice a = { .s = pick_space(w), .what = pick_advice(w) };
    bool malformed;
    int r;

    pick_range(w, &a.addr, &a.len);
    if (chance(w, 30)) { /* no hole, mostly */
        a.addr = w->layout.at[pick_page(w, a.s)].start;
        a.len = 1 + pick(w, PAGE);
    }
    a.end = a.addr + round_up(a.len);
    malformed = !exists(a.what) || a.addr % PAGE ||
                (a.len && !round_up(a.len)) || a.end < a.addr;
    if (!malformed && populates(a.what) && meets_stretch(&w->layout, &a))
        a.what = LP_MADV_DONTNEED;
    do {
        call_begins(w, populates(a.what) ? CALL_BRINGS : CALL_WHOLE);
        r = lp_madvise(a.s->lib, a.addr, a.len, a.what);
    } while (call_again(w, told(w, &a, malformed, r)));
    say(w, "madvise(space %u, %#llx, %#llx, %d) = %d", a.s->number, X(a.addr),
        X(a.len), a.what, r);
    expect_heard(w, (struct lp_trace){ .kind = LP_TRACE_MADVISE,
                                       .space = a.s->lib,
                                       .va = a.addr,
                                       .len = a.len,
                                       .advice = a.what,
                                       .result = r });
    if (malformed)
        expect(w, "lp_madvise", r, -LP_EINVAL);
    else if (a.end == a.addr)
        expect(w, "lp_madvise", r, 0);
    else
        advised(w, &a, r);
    compare_areas(w, a.s);
}
