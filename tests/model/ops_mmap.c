/*
 * ops_mmap.c: mmap: where it goes, and every reason to refuse it.
 */
#include "ops_map.h"

#include <stdlib.h>

#define X(n) ((unsigned long long)(n))

/* A set of errors, by number. */
struct errors {
    unsigned n;
    int error[12];
};

static void may_fail(struct errors *e, bool when, int error)
{
    if (when)
        e->error[e->n++] = error;
}

static bool is_one_of(const struct errors *e, int64_t result)
{
    unsigned i;

    for (i = 0; i < e->n; i++)
        if (result == e->error[i])
            return true;
    return false;
}

struct mapping {
    struct m_space *s;
    lp_va addr;
    uint64_t len, offset;
    unsigned access, flags;
    struct m_object *object;
    struct m_cell as;
    bool fixed;
    lp_va where; /* when it succeeds */
};

unsigned pick_access(struct world *w)
{
    static const uint8_t often[] = { 3, 3, 3, 3, 3, 3, 1, 1, 5, 7, 0, 4, 2 };

    if (w->icache && chance(w, 30))
        return LP_READ | LP_WRITE | LP_EXEC;
    return chance(w, 92) ? often[pick(w, sizeof often)] : (unsigned)pick(w, 8);
}

static void pick_kind(struct world *w, struct mapping *r)
{
    unsigned kind = (unsigned)pick(w, 100);

    if (kind < 45 ||
        !(r->object = chance(w, 80) || kind > 70 ? pick_object(w) : NULL)) {
        r->object = NULL;
        r->flags =
            LP_MAP_ANONYMOUS | (kind < 40 ? LP_MAP_PRIVATE : LP_MAP_SHARED);
        r->offset = chance(w, 50) ? 0 : pick(w, UINT64_MAX / PAGE) * PAGE;
    } else {
        r->flags = chance(w, 50) ? LP_MAP_PRIVATE : LP_MAP_SHARED;
        r->offset = pick(w, r->object->size / PAGE + 3) * PAGE;
        if (chance(w, 50))
            r->offset = 0;
    }
    if ((r->flags & LP_MAP_SHARED) && chance(w, 5))
        r->flags |= LP_MAP_PRIVATE; /* SHARED_VALIDATE: of objects alone */
}

static void pick_place(struct world *w, struct mapping *r)
{
    const struct layout *l = &w->layout;
    unsigned how = (unsigned)pick(w, 100), first, last;

    pick_places(w, &first, &last);
    r->addr = l->at[first].start;
    r->len = l->at[last - 1].end - r->addr;
    if (chance(w, 30))
        r->len -= pick(w, PAGE);
    if (how < 60) {
        r->flags |= LP_MAP_FIXED;
    } else if (how < 75) {
        r->flags |= LP_MAP_FIXED_NOREPLACE;
        if (chance(w, 20))
            r->flags |= LP_MAP_FIXED;
    } else if (how < 88) {
        r->addr += pick(w, PAGE);
    } else {
        r->addr = 0;
    }
    r->fixed = how < 75;
}

static void pick_extras(struct world *w, struct mapping *r)
{
    static const unsigned ignored[] = { LP_MAP_DENYWRITE, LP_MAP_EXECUTABLE,
                                        LP_MAP_NORESERVE, LP_MAP_STACK };

    if (chance(w, 20))
        r->flags |= ignored[pick(w, 4)];
    if (chance(w, 8)) {
        r->flags |= LP_MAP_NEVER_WRITE;
        if (chance(w, 80))
            r->access &= ~(unsigned)LP_WRITE;
    }
    if (chance(w, 12) && r->len <= (w->big ? 600 : 40) * PAGE)
        r->flags |= LP_MAP_POPULATE;
}

/* One thing wrong with it. */
static void spoil(struct world *w, struct mapping *r)
{
    switch (pick(w, 10)) {
    case 0: r->len = 0; break;
    case 1: r->addr += 1 + pick(w, PAGE - 1); break;
    case 2: r->offset += 1 + pick(w, PAGE - 1); break;
    case 3: r->flags &= ~(unsigned)(LP_MAP_PRIVATE | LP_MAP_SHARED); break;
    case 4: r->access |= 8u << pick(w, 20); break;
    case 5: r->flags ^= LP_MAP_ANONYMOUS; break;
    case 6: r->flags |= 0x100u << (pick(w, 2) * 2); break; /* GROWSDOWN.. */
    case 7: r->offset = UINT64_MAX - pick(w, 8) * PAGE - PAGE + 1; break;
    case 8: r->len = UINT64_MAX - pick(w, 3 * PAGE); break;
    case 9:
        r->addr = chance(w, 50) ? w->layout.user_end - pick(w, 3) * PAGE
                                : UINT64_MAX - PAGE + 1 - pick(w, 4) * PAGE;
        r->len += 4 * PAGE;
        break;
    }
}

/* Is [start, start + len), in the user range, free? */
static bool is_free(const struct layout *l, const struct m_space *s,
                    lp_va start, uint64_t len)
{
    unsigned i;

    for (i = place_of(l, start); i < l->n && l->at[i].start < start + len; i++)
        if (s->cell[i].mapped)
            return false;
    return true;
}

static uint64_t overlap(const struct layout *l, const struct m_space *s,
                        lp_va start, lp_va end)
{
    uint64_t bytes = 0;
    unsigned i;

    for (i = place_of(l, start); i < l->n && l->at[i].start < end; i++)
        if (s->cell[i].mapped)
            bytes += l->at[i].end - l->at[i].start;
    return bytes;
}

/* Where it goes when nothing is wrong; false: nowhere. */
static bool predict_place(struct world *w, struct mapping *r)
{
    const struct layout *l = &w->layout;
    uint64_t len = round_up(r->len);
    lp_va hint = r->addr & ~(lp_va)(PAGE - 1);

    if (r->len > l->user_end || len > l->user_end)
        return false;
    r->where = hint;
    if (r->fixed || (hint >= l->mmap_min && inside(l, hint, len) &&
                     is_free(l, r->s, hint, len)))
        return inside(l, hint, len);
    return m_gap(l, r->s, len, l->mmap_min, r->s->base, &r->where);
}

/* Does it reach past the last byte that a file can have? */
static bool too_far(const struct mapping *r, uint64_t len)
{
    return r->offset + len < r->offset ||
           (r->object->kind != M_DEVICE && r->offset + len > INT64_MAX);
}

/* What mprotect may make of it. */
static unsigned may_become(const struct mapping *r)
{
    unsigned may = object_allows(r->object, r->flags & LP_MAP_SHARED);

    return r->flags & LP_MAP_NEVER_WRITE ? may & ~(unsigned)LP_WRITE : may;
}

/* Every error that the contract names for this call. */
static void predict_errors(struct world *w, struct mapping *r, struct errors *e)
{
    uint64_t len = round_up(r->len), bytes;
    bool fits;
    const unsigned known = 0x1 | 0x2 | 0x10 | 0x20 | 0x800 | 0x1000 | 0x4000 |
                           0x8000 | 0x20000 | 0x100000 | LP_MAP_NEVER_WRITE;

    may_fail(e, r->len == 0, -LP_EINVAL);
    may_fail(e, r->fixed && r->addr % PAGE, -LP_EINVAL);
    may_fail(e, r->offset % PAGE, -LP_EINVAL);
    may_fail(e, !(r->flags & 3), -LP_EINVAL);
    may_fail(e, !r->object && (r->flags & 3) == 3, -LP_EINVAL);
    may_fail(e, r->access & ~7u, -LP_EINVAL);
    may_fail(e, !(r->flags & LP_MAP_ANONYMOUS) != (r->object != NULL),
             -LP_EINVAL);
    may_fail(e, r->flags & ~known, -LP_EOPNOTSUPP);
    may_fail(e, r->object && too_far(r, len ? len : r->len), -LP_EOVERFLOW);
    may_fail(e,
             (r->object && !(r->object->flags & LP_OBJECT_READ)) ||
                 (r->access & 7 & ~may_become(r)),
             -LP_EACCES);
    fits = predict_place(w, r);
    may_fail(e, !fits, -LP_ENOMEM);
    if (!fits)
        return;
    may_fail(e,
             (r->flags & LP_MAP_FIXED_NOREPLACE) &&
                 !is_free(&w->layout, r->s, r->where, len),
             -LP_EEXIST);
    bytes = m_bytes_mapped(&w->layout, r->s) -
            overlap(&w->layout, r->s, r->where, r->where + len);
    may_fail(e, w->options.max_bytes && bytes + len > w->options.max_bytes,
             -LP_ENOMEM);
}

static struct m_object *anonymous_object(struct world *w, struct m_space *s,
                                         lp_va va, uint64_t size)
{
    struct m_object *o = calloc(1, sizeof *o);
    struct lp_area area;

    if (!lp_next_area(s->lib, va, &area) || area.start > va || !area.object)
        wrong(w, "no object behind the shared area at %#llx", X(va));
    o->world = w;
    o->number = w->next_object++;
    o->kind = M_ANONYMOUS;
    o->flags = 7;
    o->size = size;
    o->handle = area.object;
    o->next = w->objects;
    w->objects = o;
    return o;
}

/*
 * As if every page had been touched, until one cannot be had; written to only
 * where that makes nothing dirty that others see, as on Linux.
 */
static void populated(struct world *w, struct m_space *s, unsigned first,
                      unsigned last)
{
    unsigned i, access = s->cell[first].access;
    struct m_cell *c;

    if (!access)
        return;
    access = access & 2 && !s->cell[first].shared ? LP_WRITE
             : access & 1                         ? LP_READ
                                                  : LP_EXEC;
    for (i = first; i < last; i++) {
        c = &s->cell[i];
        if (w->fired || m_touch(&w->layout, c, access) != 1u << LP_FAULT_OK)
            break;
        c->touched = YES;
        if (access == LP_WRITE)
            m_writable_bytes(c);
    }
    for (; i < last; i++)
        resolve_tried(w, s, i, access);
}

/*
 * What mmap chose lies across a stretch, where the model cannot follow: seen
 * that it works, and away with it; or with the space, where that cannot be.
 */
static void unmap_again(struct world *w, struct m_space *s, lp_va va,
                        uint64_t len)
{
    int r = lp_munmap(s->lib, va, len);

    if (r == -LP_ENOMEM && (w->tiny || w->limited))
        space_close(w, s);
    else
        expect(w, "lp_munmap of what mmap chose", r, 0);
}

static void mapped(struct world *w, struct mapping *r)
{
    uint64_t len = round_up(r->len);
    struct m_cell as = { .mapped = true,
                         .shared = (r->flags & LP_MAP_SHARED) != 0,
                         .access = (uint8_t)(r->access | (r->access & 2) / 2),
                         .may = (uint8_t)may_become(r),
                         .object = r->object,
                         .index = r->object ? r->offset / PAGE : 0 };
    unsigned first, last;

    if (!place_range(&w->layout, r->where, r->where + len, &first, &last)) {
        unmap_again(w, r->s, r->where, len);
        return;
    }
    if (as.shared && !as.object)
        as.object = anonymous_object(w, r->s, r->where, len);
    m_map(&w->layout, r->s, first, last, &as, &w->epoch);
    if (r->flags & LP_MAP_POPULATE)
        populated(w, r->s, first, last);
    compare_areas(w, r->s);
}

static bool has_stretch(const struct layout *l, lp_va start, lp_va end)
{
    unsigned first, last, i;

    if (!place_range(l, start, end, &first, &last))
        return true;
    for (i = first; i < last; i++)
        if (!place_is_page(l, i))
            return true;
    return false;
}

void op_mmap(struct world *w)
{
    struct mapping r = { .s = pick_space(w), .access = pick_access(w) };
    struct errors e = { 0 };
    bool limit;
    int64_t got;

    pick_kind(w, &r);
    pick_place(w, &r);
    pick_extras(w, &r);
    if (chance(w, 6))
        spoil(w, &r);
    limit = near_limit(w, r.s);
    predict_errors(w, &r, &e);
    if (e.n == 0 && has_stretch(&w->layout, r.where, r.where + round_up(r.len)))
        r.flags &= ~(unsigned)LP_MAP_POPULATE;
    do {
        call_begins(w, CALL_WHOLE);
        got = lp_mmap(r.s->lib, r.addr, r.len, r.access, r.flags,
                      r.object ? r.object->handle : NULL, r.offset);
    } while (call_again(w, is_one_of(&e, got) ? 0 : got));
    say(w, "mmap(space %u, %#llx, %#llx, %u, %#x, object %d, %#llx) = %#llx",
        r.s->number, X(r.addr), X(r.len), r.access, r.flags,
        r.object ? (int)r.object->number : -1, X(r.offset), X(got));
    expect_heard(w, (struct lp_trace){ .kind = LP_TRACE_MMAP,
                                       .space = r.s->lib,
                                       .va = got < 0 ? r.addr : (lp_va)got,
                                       .len = r.len,
                                       .access = r.access,
                                       .result = got });
    check_limit(w, r.s);
    if (forgiven(w, got) || is_one_of(&e, got) ||
        (limit && got == -LP_ENOMEM)) {
        compare_areas(w, r.s);
        return;
    }
    if (e.n)
        wrong(w, "lp_mmap = %lld, should be %d", (long long)got, e.error[0]);
    expect(w, "lp_mmap", got, (int64_t)r.where);
    mapped(w, &r);
}
