/*
 * ops_map.c: the operations that arrange areas.
 */
#include "ops_map.h"

#define X(n) ((unsigned long long)(n))

uint64_t round_up(uint64_t len)
{
    return (len + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* Is the limit of areas so near that the library may refuse? */
bool near_limit(const struct world *w, struct m_space *s)
{
    return w->limited && lp_area_count(s->lib) + 2 > w->options.max_areas;
}

void check_limit(struct world *w, struct m_space *s)
{
    if (w->limited && lp_area_count(s->lib) > w->options.max_areas)
        wrong(w, "space %u has %llu areas, may have %llu", s->number,
              X(lp_area_count(s->lib)), X(w->options.max_areas));
}

bool inside(const struct layout *l, lp_va start, uint64_t len)
{
    return start <= l->user_end && len <= l->user_end - start;
}

unsigned object_allows(const struct m_object *o, bool shared)
{
    unsigned may = 7;

    if (!o)
        return may;
    if (shared ? !(o->flags & LP_OBJECT_WRITE) : o->kind == M_DEVICE)
        may &= ~2u; /* nobody copies a device */
    if (!(o->flags & LP_OBJECT_EXEC))
        may &= ~4u;
    return may;
}

/* --- munmap --- */

void pick_range(struct world *w, lp_va *addr, uint64_t *len)
{
    unsigned first, last;

    pick_places(w, &first, &last);
    *addr = w->layout.at[first].start;
    *len = w->layout.at[last - 1].end - *addr;
    if (chance(w, 20))
        *len -= pick(w, PAGE);
    if (chance(w, 96))
        return;
    switch (pick(w, 5)) {
    case 0: *len = 0; break;
    case 1: *addr += 1 + pick(w, PAGE - 1); break;
    case 2: *len = UINT64_MAX - pick(w, 2 * PAGE); break;
    case 3: *len = w->layout.user_end - *addr + 1 + pick(w, PAGE); break;
    case 4: *addr = UINT64_MAX - 5 * PAGE + 1; break;
    }
}

/* Does [addr, addr + len), rounded up, leave the user range? */
static bool leaves(const struct layout *l, lp_va addr, uint64_t len)
{
    return !inside(l, addr, len) || !inside(l, addr, round_up(len));
}

static void munmap_at(struct world *w, struct m_space *s, lp_va addr,
                      uint64_t len)
{
    bool limit = near_limit(w, s);
    unsigned first, last;
    int r;

    do {
        call_begins(w, CALL_WHOLE);
        r = lp_munmap(s->lib, addr, len);
    } while (call_again(w, r));
    say(w, "munmap(space %u, %#llx, %#llx) = %d", s->number, X(addr), X(len),
        r);
    expect_heard(w, (struct lp_trace){ .kind = LP_TRACE_MUNMAP,
                                       .space = s->lib,
                                       .va = addr,
                                       .len = len,
                                       .result = r });
    check_limit(w, s);
    if (addr % PAGE || len == 0 || leaves(&w->layout, addr, len)) {
        expect(w, "lp_munmap", r, -LP_EINVAL);
    } else if (!forgiven(w, r) && !(limit && r == -LP_ENOMEM)) {
        expect(w, "lp_munmap", r, 0);
        if (!place_range(&w->layout, addr, addr + round_up(len), &first, &last))
            wrong(w, "not a range of places");
        m_unmap(s, first, last);
    }
    compare_areas(w, s);
}

void op_munmap(struct world *w)
{
    struct m_space *s = pick_space(w);
    uint64_t len;
    lp_va addr;

    pick_range(w, &addr, &len);
    munmap_at(w, s, addr, len);
}

void op_munmap_area(struct world *w)
{
    struct m_space *s = pick_space(w);
    const struct layout *l = &w->layout;
    unsigned first = pick_page(w, s), last = first;
    bool starts;
    lp_va addr;
    int r;

    if (chance(w, 60))
        while (first && m_same_area(l, s, first - 1))
            first--;
    addr = l->at[first].start + (chance(w, 5) ? pick(w, PAGE) : 0);
    starts = s->cell[first].mapped && addr == l->at[first].start &&
             !(first && m_same_area(l, s, first - 1));
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_munmap_area(s->lib, addr);
    } while (call_again(w, r));
    say(w, "munmap_area(space %u, %#llx) = %d", s->number, X(addr), r);
    while (m_same_area(l, s, last))
        last++;
    expect_heard(
        w, (struct lp_trace){ .kind = LP_TRACE_MUNMAP,
                              .space = s->lib,
                              .va = addr,
                              .len = r ? w->heard.len : l->at[last].end - addr,
                              .result = r });
    if (!starts) {
        expect(w, "lp_munmap_area", r, -LP_EINVAL);
    } else if (!forgiven(w, r)) {
        expect(w, "lp_munmap_area", r, 0);
        m_unmap(s, first, last + 1);
    }
    compare_areas(w, s);
}

/* --- mprotect --- */

/* Change places [first, last) up to what stops it; gives the answer. */
static int protect(struct m_space *s, unsigned first, unsigned last,
                   unsigned access, unsigned *end)
{
    unsigned i;

    for (i = first; i < last; i++) {
        *end = i;
        if (!s->cell[i].mapped)
            return -LP_ENOMEM;
        if (access & ~(unsigned)s->cell[i].may)
            return -LP_EACCES;
    }
    *end = last;
    return 0;
}

/* An ENOMEM that may have two reasons: was the part before the hole changed? */
static bool prefix_changed(struct world *w, struct m_space *s, unsigned first,
                           unsigned end, unsigned access)
{
    struct lp_area area;
    unsigned i;

    for (i = first; i < end; i++)
        if (s->cell[i].access != access)
            return lp_next_area(s->lib, w->layout.at[i].start, &area) &&
                   area.access == access;
    return true;
}

static void mprotected(struct world *w, struct m_space *s, lp_va addr,
                       uint64_t len, unsigned access, int r, bool limit)
{
    unsigned first, last, end, i;
    int wanted;

    if (!place_range(&w->layout, addr, addr + round_up(len), &first, &last))
        wrong(w, "not a range of places");
    if (access & LP_WRITE)
        access |= LP_READ;
    wanted = protect(s, first, last, access, &end);
    if (forgiven(w, r) || (limit && r == -LP_ENOMEM)) {
        if (wanted != -LP_ENOMEM || !prefix_changed(w, s, first, end, access))
            return;
    }
    expect(w, "lp_mprotect", r, wanted);
    for (i = first; i < end; i++)
        s->cell[i].access = (uint8_t)access;
}

/* Does a hole alone make mprotect answer ENOMEM, with a part changed? */
static bool meets_hole(const struct world *w, const struct m_space *s,
                       lp_va addr, uint64_t len)
{
    unsigned first, last;

    if (!place_range(&w->layout, addr, addr + round_up(len), &first, &last))
        return false;
    while (first < last && s->cell[first].mapped)
        first++;
    return first < last;
}

static void mprotect_at(struct world *w, struct m_space *s, lp_va addr,
                        uint64_t len, unsigned access)
{
    bool limit = near_limit(w, s);
    int r;

    do {
        call_begins(w, CALL_WHOLE);
        r = lp_mprotect(s->lib, addr, len, access);
    } while (call_again(w, meets_hole(w, s, addr, len) ? 0 : r));
    say(w, "mprotect(space %u, %#llx, %#llx, %u) = %d", s->number, X(addr),
        X(len), access, r);
    expect_heard(w, (struct lp_trace){ .kind = LP_TRACE_MPROTECT,
                                       .space = s->lib,
                                       .va = addr,
                                       .len = len,
                                       .access = access,
                                       .result = r });
    check_limit(w, s);
    if (addr % PAGE)
        expect(w, "lp_mprotect", r, -LP_EINVAL);
    else if (len == 0)
        expect(w, "lp_mprotect", r, 0);
    else if (access & ~7u)
        expect(w, "lp_mprotect", r,
               leaves(&w->layout, addr, len) && r == -LP_ENOMEM ? r
                                                                : -LP_EINVAL);
    else if (leaves(&w->layout, addr, len))
        expect(w, "lp_mprotect", r, -LP_ENOMEM);
    else
        mprotected(w, s, addr, len, access, r, limit);
    compare_areas(w, s);
}

void op_mprotect(struct world *w)
{
    struct m_space *s = pick_space(w);
    unsigned access = pick_access(w);
    uint64_t len;
    lp_va addr;

    pick_range(w, &addr, &len);
    if (chance(w, 1))
        access |= 8u << pick(w, 20);
    mprotect_at(w, s, addr, len, access);
}

void op_comb(struct world *w)
{
    unsigned first, last, step = 2 + (unsigned)pick(w, 3), i;
    const struct place *at = w->layout.at;
    struct m_space *s = pick_space(w);
    unsigned access = pick_access(w);
    bool unmap = chance(w, 25);

    pick_places(w, &first, &last);
    for (i = first; i < last; i += step)
        if (unmap)
            munmap_at(w, s, at[i].start, at[i].end - at[i].start);
        else
            mprotect_at(w, s, at[i].start, at[i].end - at[i].start,
                        chance(w, 10) ? pick_access(w) : access);
}

void op_jit(struct world *w)
{
    static const unsigned steps[] = { LP_READ | LP_EXEC, LP_READ | LP_WRITE,
                                      LP_READ | LP_EXEC };
    struct m_space *s = pick_space(w);
    unsigned place = pick_page(w, s), i;
    const struct place *at = &w->layout.at[place];

    if (!s->cell[place].mapped || s->cell[place].may != 7)
        return;
    for (i = 0; i < 3; i++) {
        mprotect_at(w, s, at->start, PAGE, steps[i]);
        if (steps[i] & LP_EXEC)
            fetch_page(w, s, place);
        else
            store_word(w, s, place);
    }
}

void op_set_base(struct world *w)
{
    struct m_space *s = pick_space(w);
    lp_va base = w->layout.at[pick_page(w, NULL)].end;
    bool good;
    int r;

    if (chance(w, 10))
        base += chance(w, 50) ? pick(w, PAGE) : w->layout.user_end;
    good = base % PAGE == 0 && base <= w->layout.user_end &&
           base > w->layout.mmap_min;
    r = lp_space_set_base(s->lib, base);
    say(w, "set_base(space %u, %#llx) = %d", s->number, X(base), r);
    if (base == w->layout.mmap_min && r == 0)
        good = true; /* the contract says "below" */
    expect(w, "lp_space_set_base", r, good ? 0 : -LP_EINVAL);
    if (good)
        s->base = base;
}
