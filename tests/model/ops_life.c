/*
 * ops_life.c: the operations that make and end spaces, and move CPUs.
 */
#include "world.h"

#include <stdlib.h>

#define X(n) ((unsigned long long)(n))

/*
 * A page that is held stays with the parent.  Where it was a file's own page,
 * the child may have got a copy all the same, or not.
 */
static void copy_held(struct world *w, const struct m_space *parent,
                      struct m_space *child)
{
    struct lp_page_info theirs, ours;
    const struct m_pin *p;
    struct m_cell *c;
    lp_va va;

    for (p = w->pins; p < w->pins + PINS_MAX; p++) {
        c = &child->cell[p->place];
        if (!p->used || p->space != parent || !c->mapped || !m_private(c))
            continue;
        va = w->layout.at[p->place].start;
        expect(w, "lp_query", lp_query(parent->lib, va, &ours), 0);
        expect(w, "lp_query", lp_query(child->lib, va, &theirs), 0);
        if ((theirs.flags & LP_PAGE_PRESENT) && ours.frame != theirs.frame)
            m_writable_bytes(c);
    }
}

void op_fork(struct world *w)
{
    struct m_space *parent = pick_space(w), *child;
    struct lp_space *lib = NULL;
    int r;

    if (w->nspaces >= SPACES_MAX) {
        op_destroy(w);
        return;
    }
    if (chance(w, 8)) {
        space_open(w);
        return;
    }
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_fork(parent->lib, &lib);
    } while (call_again(w, r));
    say(w, "fork(space %u) = %d: space %u", parent->number, r,
        r ? 0 : w->next_number);
    expect_heard(w, (struct lp_trace){ .kind = LP_TRACE_FORK,
                                       .space = parent->lib,
                                       .other = r ? NULL : lib,
                                       .result = r });
    if (forgiven(w, r)) {
        compare_areas(w, parent);
        return;
    }
    expect(w, "lp_fork", r, 0);
    child = m_fork(&w->layout, parent);
    parent->forks++;
    w->forks++;
    child->lib = lib;
    space_number(w, child);
    child->next = w->spaces;
    w->spaces = child;
    w->nspaces++;
    copy_held(w, parent, child);
    compare_areas(w, parent);
    compare_areas(w, child);
}

void op_destroy(struct world *w)
{
    struct m_space *s = pick_space(w);

    if (w->nspaces < 2 + pick(w, 3))
        return;
    say(w, "destroy(space %u)", s->number);
    space_close(w, s);
}

void op_activate(struct world *w)
{
    unsigned cpu = (unsigned)pick(w, w->ncpus);
    struct m_space *s = chance(w, 15) ? NULL : pick_space(w);

    lp_host_cpu_set(w->m, cpu);
    lp_host_activate(w->m, w->pager, s ? s->lib : NULL);
    w->active[cpu] = s;
    say(w, "activate(CPU %u, space %d)", cpu, s ? (int)s->number : -1);
}

void op_resident(struct world *w)
{
    struct m_space *s = pick_space(w);
    const struct layout *l = &w->layout;
    uint64_t least = 0, most = 0, n;
    unsigned first, last, i;

    pick_places(w, &first, &last);
    for (i = first; i < last; i++) {
        if (!s->cell[i].mapped)
            continue;
        most += (l->at[i].end - l->at[i].start) / PAGE;
        if (place_is_page(l, i) &&
            (s->cell[i].own ||
             (!s->cell[i].object && s->cell[i].touched == YES)))
            least++;
    }
    n = lp_resident_pages(s->lib, l->at[first].start, l->at[last - 1].end);
    say(w, "resident(space %u, %#llx, %#llx) = %llu", s->number,
        X(l->at[first].start), X(l->at[last - 1].end), X(n));
    if (n < least || n > most)
        wrong(w, "lp_resident_pages = %llu, should be in [%llu, %llu]", X(n),
              X(least), X(most));
}
