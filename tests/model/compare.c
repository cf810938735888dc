/*
 * compare.c: is what the library has what the model has?
 *
 * Nothing here changes anything that the run could see: pages are looked at
 * through lp_query and the direct map, so that a comparison now and then and
 * one after every operation give the same run.
 */
#include "tally.h"
#include "world.h"

#include <string.h>

#define X(n) ((unsigned long long)(n))

static void compare_area(struct world *w, const struct m_space *s,
                         unsigned first, unsigned last, const struct lp_area *a)
{
    const struct place *at = w->layout.at;
    const struct m_cell *c = &s->cell[first];

    if (a->start != at[first].start || a->end != at[last - 1].end)
        wrong(w, "space %u: area [%#llx, %#llx), should be [%#llx, %#llx)",
              s->number, X(a->start), X(a->end), X(at[first].start),
              X(at[last - 1].end));
    if (a->access != c->access || a->shared != c->shared ||
        a->object != (c->object ? c->object->handle : NULL) ||
        (c->object && a->offset != c->index * PAGE))
        wrong(w,
              "space %u: area [%#llx, %#llx) access %u shared %d object %p "
              "offset %#llx, should be access %u shared %d object %p offset "
              "%#llx",
              s->number, X(a->start), X(a->end), a->access, a->shared,
              (void *)a->object, X(a->offset), c->access, c->shared,
              (void *)(c->object ? c->object->handle : NULL),
              X(c->index * PAGE));
}

void compare_areas(struct world *w, struct m_space *s)
{
    const struct layout *l = &w->layout;
    uint64_t count = 0, bytes;
    struct lp_area area;
    unsigned i, last;
    lp_va va = 0;

    for (i = 0; i < l->n; i = last) {
        last = i + 1;
        if (!s->cell[i].mapped)
            continue;
        while (m_same_area(l, s, last - 1))
            last++;
        if (!lp_next_area(s->lib, va, &area))
            wrong(w, "space %u: no area above %#llx, should be one at %#llx",
                  s->number, X(va), X(l->at[i].start));
        compare_area(w, s, i, last, &area);
        va = area.end;
        count++;
    }
    if (lp_next_area(s->lib, va, &area))
        wrong(w, "space %u: an area at %#llx, should be none", s->number,
              X(area.start));
    expect(w, "lp_area_count", (int64_t)lp_area_count(s->lib), (int64_t)count);
    bytes = m_bytes_mapped(l, s);
    expect(w, "lp_mapped_bytes", (int64_t)lp_mapped_bytes(s->lib),
           (int64_t)bytes);
}

static bool is_device(const struct m_cell *c)
{
    return c->object && c->object->kind == M_DEVICE;
}

/* What lp_query says of a page that is there. */
static void compare_flags(struct world *w, const struct m_space *s, lp_va va,
                          const struct m_cell *c,
                          const struct lp_page_info *info)
{
    unsigned may = m_allows(&w->layout, c);
    const char *what = NULL;

    if (info->access & ~may)
        what = "grants more than its area";
    else if (!c->access && !(info->flags & LP_PAGE_KEPT))
        what = "PROT_NONE, but not KEPT";
    else if ((info->flags & LP_PAGE_KEPT) && info->access)
        what = "KEPT, but accessible";
    else if (m_private(c) && (info->flags & LP_PAGE_SHARED))
        what = "private, but SHARED";
    else if (!m_private(c) && !(info->flags & LP_PAGE_SHARED))
        what = "not SHARED";
    else if (!m_private(c) && (info->flags & LP_PAGE_COW))
        what = "shared, but COW";
    else if (c->own && !c->stand_in && (info->flags & LP_PAGE_ZERO))
        what = "written, but still the zero page";
    else if (!c->object && c->touched == NO)
        what = "there, but never touched";
    else if (!c->object && !c->own && c->touched == YES &&
             !(w->options.flags & LP_OPTION_NO_ZERO_PAGE) &&
             !(info->flags & LP_PAGE_ZERO))
        what = "only read, but not the zero page";
    else if (is_device(c) != ((info->flags & LP_PAGE_DEVICE) != 0))
        what = "a device, or not";
    else if (is_device(c) != (info->references == 0))
        what = "references";
    if (what)
        wrong(w, "space %u, %#llx: %s (access %u, flags %u; area's access %u)",
              s->number, X(va), what, info->access, info->flags, c->access);
}

static void compare_bytes(struct world *w, const struct m_space *s, lp_va va,
                          const struct m_cell *c, lp_pa frame)
{
    const uint8_t *wanted = m_bytes(c), *got = lp_host_memory(w->m, frame);
    unsigned i = 0;

    if (!got)
        wrong(w, "space %u, %#llx: frame %#llx is no memory", s->number, X(va),
              X(frame));
    if (memcmp(wanted, got, PAGE) == 0)
        return;
    while (wanted[i] == got[i])
        i++;
    wrong(w, "space %u, %#llx: byte %#x is %#x, should be %#x", s->number,
          X(va), i, got[i], wanted[i]);
}

void compare_page(struct world *w, struct m_space *s, unsigned place)
{
    const struct m_cell *c = &s->cell[place];
    lp_va va = w->layout.at[place].start;
    struct lp_page_info info;
    int r = lp_query(s->lib, va + PAGE / 2, &info);

    expect(w, "lp_query", r, c->mapped ? 0 : -LP_EFAULT);
    if (!c->mapped)
        return;
    if (info.flags & LP_PAGE_PRESENT) {
        if (!c->own && c->object && m_past_end(c->object, c->index) &&
            !(c->object->flags & LP_OBJECT_ZERO_PAST_END))
            wrong(w, "space %u, %#llx: a page past the object's end", s->number,
                  X(va));
        compare_flags(w, s, va, c, &info);
        compare_bytes(w, s, va, c, info.frame);
    } else if (info.frame != LP_PA_NONE || info.access) {
        wrong(w, "space %u, %#llx: not PRESENT, but frame %#llx, access %u",
              s->number, X(va), X(info.frame), info.access);
    } else if (c->own || (!c->object && c->touched == YES)) {
        wrong(w, "space %u, %#llx: the page is gone", s->number, X(va));
    }
}

static void check_library(struct world *w)
{
    struct lp_check_report report;
    const struct m_space *s;

    if (lp_check(w->pager, w->scratch, &report) == 0)
        return;
    for (s = w->spaces; s && s->lib != report.space; s = s->next)
        ;
    wrong(w, "lp_check: %s (space %d, %#llx, %#llx)", report.what,
          s ? (int)s->number : -1, X(report.a), X(report.b));
}

/* A pinned frame stays. */
static void compare_pins(struct world *w)
{
    unsigned i;

    for (i = 0; i < PINS_MAX; i++)
        if (w->pins[i].used && !lp_host_frame_used(w->m, w->pins[i].lib.frame))
            wrong(w, "pinned frame %#llx is free", X(w->pins[i].lib.frame));
}

void check_machine(struct world *w)
{
    check_library(w);
    lp_host_check(w->m);
    w->settings->tally->looks++;
}

/* The model's own count; see collect_objects. */
static void count_cells(struct world *w)
{
    const struct m_object *o;
    const struct m_space *s;
    uint64_t n;
    unsigned i;

    for (o = w->objects; o; o = o->next) {
        n = 0;
        for (s = w->spaces; s; s = s->next)
            for (i = 0; i < w->layout.n; i++)
                n += s->cell[i].object == o;
        if (n != o->cells)
            wrong(w, "the model miscounts: %llu places of object %u, not %llu",
                  X(n), o->number, X(o->cells));
    }
}

void compare_all(struct world *w)
{
    struct m_space *s;
    unsigned i;

    check_machine(w);
    for (s = w->spaces; s; s = s->next) {
        compare_areas(w, s);
        for (i = 0; i < w->layout.n; i++)
            if (place_is_page(&w->layout, i))
                compare_page(w, s, i);
    }
    compare_kernel_all(w);
    compare_pins(w);
    count_cells(w);
    w->settings->tally->checks++;
}
