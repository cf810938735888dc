/*
 * ops_object.c: the operations on objects.
 */
#include "ops_map.h"

#include <string.h>

#define X(n) ((unsigned long long)(n))

/* --- reading and writing --- */

/* How far a transfer gets; *error: why no farther. */
static uint64_t transferable(struct m_object *o, uint64_t offset, uint64_t len,
                             int *error)
{
    const struct m_page *page;
    uint64_t done = 0;

    *error = 0;
    if (offset >= o->size)
        return 0;
    if (len > o->size - offset)
        len = o->size - offset;
    while (done < len) {
        page = m_page_of(o, (offset + done) / PAGE);
        *error = page->bad;
        if (page->bad)
            return done;
        done += PAGE - (offset + done) % PAGE;
    }
    return len;
}

/* The bytes of an object that a transfer sees, in place. */
static uint8_t *bytes_at(struct m_object *o, uint64_t at, uint64_t left,
                         size_t *n)
{
    *n = PAGE - at % PAGE < left ? (size_t)(PAGE - at % PAGE) : (size_t)left;
    return m_page_of(o, at / PAGE)->data + at % PAGE;
}

/* Is the answer right?  Gives the number of bytes that were copied. */
static uint64_t transferred(struct world *w, struct m_object *o,
                            uint64_t offset, uint64_t len, int64_t r)
{
    int error;
    uint64_t most = transferable(o, offset, len, &error);

    if (forgiven(w, r))
        return 0;
    if (o->kind == M_DEVICE) {
        expect(w, "lp_object_read or _write of a device", r, -LP_EINVAL);
        return 0;
    }
    if (w->fired && r >= 0 && (uint64_t)r < most &&
        (offset + (uint64_t)r) % PAGE == 0)
        return (uint64_t)r;
    expect(w, "lp_object_read or _write", r,
           most || !error ? (int64_t)most : error);
    return most;
}

static void pick_transfer(struct world *w, const struct m_object *o,
                          uint64_t *offset, uint64_t *len)
{
    *offset = pick(w, o->size + PAGE);
    *len = chance(w, 50) ? 1 + pick(w, 64) : pick(w, BUFFER);
    if (chance(w, 3)) /* past every end */
        *offset = UINT64_MAX - pick(w, 2 * PAGE);
}

void op_object_read(struct world *w)
{
    struct m_object *o = pick_object(w);
    uint64_t offset, len, done, n, i;
    const uint8_t *bytes;
    int64_t r;
    size_t some;

    if (!o)
        return;
    pick_transfer(w, o, &offset, &len);
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_object_read(o->handle, offset, w->buffer, len);
    } while (call_again(w, r));
    say(w, "object_read(%u, %#llx, %#llx) = %lld", o->number, X(offset), X(len),
        (long long)r);
    n = transferred(w, o, offset, len, r);
    for (done = 0; done < n; done += some) {
        bytes = bytes_at(o, offset + done, n - done, &some);
        for (i = 0; i < some; i++)
            if (bytes[i] != w->buffer[done + i])
                wrong(w, "lp_object_read(object %u): wrong byte at %#llx",
                      o->number, X(offset + done + i));
    }
}

void op_object_write(struct world *w)
{
    struct m_object *o = pick_object(w);
    uint64_t offset, len, done, n, i;
    struct m_page *page;
    uint8_t *to;
    size_t some;
    int64_t r;

    if (!o)
        return;
    pick_transfer(w, o, &offset, &len);
    for (i = 0; i < len; i++)
        w->buffer[i] = (uint8_t)(i * 7 + w->op);
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_object_write(o->handle, offset, w->buffer, len);
    } while (call_again(w, r));
    say(w, "object_write(%u, %#llx, %#llx) = %lld", o->number, X(offset),
        X(len), (long long)r);
    n = transferred(w, o, offset, len, r);
    for (done = 0; done < n; done += some) {
        to = bytes_at(o, offset + done, n - done, &some);
        memcpy(to, w->buffer + done, some);
        page = m_page_of(o, (offset + done) / PAGE);
        page->must = page->may = true;
    }
}

/* --- writing back --- */

/* Of pages [first, last]: must some be written; may some be? */
static void dirty_pages(struct m_object *o, uint64_t first, uint64_t last,
                        bool *must, bool *may)
{
    const struct m_page *page;
    unsigned i;

    for (i = 0; i < OBJECT_BUCKETS; i++)
        for (page = o->bucket[i]; page; page = page->next)
            if (page->index >= first && page->index <= last &&
                !m_past_end(o, page->index)) {
                *must |= page->must;
                *may |= page->may;
            }
}

/* What a sync of the pages will have to answer. */
struct sync_prospect {
    bool must_fail, may_fail;
};

static void foresee(struct m_object *o, uint64_t first, uint64_t last,
                    struct sync_prospect *p)
{
    bool must = false, may = false;

    if (o->kind != M_FILE || !o->write_fails)
        return;
    dirty_pages(o, first, last, &must, &may);
    p->must_fail |= must;
    p->may_fail |= may;
}

static void check_synced(struct world *w, struct m_object *o, uint64_t first,
                         uint64_t last)
{
    bool must = false, may = false;

    if (o->kind != M_FILE || o->write_fails)
        return;
    dirty_pages(o, first, last, &must, &may);
    if (must)
        wrong(w, "object %u: a dirty page of [%llu, %llu] was not written",
              o->number, X(first), X(last));
}

/*
 * One page was refused: it stays dirty, and all the others of [first, last]
 * have been written nevertheless.
 */
static void check_others_written(struct world *w, const struct m_object *o,
                                 uint64_t first, uint64_t last)
{
    const struct m_object *refused = w->call.object;
    const struct m_page *page;
    unsigned i;

    if (!refused || o->write_fails || o->kind != M_FILE)
        return;
    for (i = 0; i < OBJECT_BUCKETS; i++)
        for (page = o->bucket[i]; page; page = page->next)
            if (page->index >= first && page->index <= last && page->must &&
                (o != refused || page->index != w->call.index) &&
                !m_past_end(o, page->index))
                wrong(w,
                      "object %u: page %llu was not written because page "
                      "%llu of object %u was refused",
                      o->number, X(page->index), X(w->call.index),
                      refused->number);
}

void op_object_sync(struct world *w)
{
    struct m_object *o = pick_object(w);
    struct sync_prospect p = { false, false };
    uint64_t offset = 0, len = UINT64_MAX, first, last;
    int r;

    if (!o)
        return;
    if (chance(w, 60)) {
        offset = pick(w, o->size + PAGE);
        len = 1 + pick(w, 5 * PAGE);
    }
    if (chance(w, 4))
        offset = chance(w, 50) ? pick(w, o->size + PAGE)
                               : UINT64_MAX - pick(w, 6 * PAGE);
    first = offset / PAGE;
    last = len > UINT64_MAX - offset ? UINT64_MAX / PAGE
                                     : (offset + len - 1) / PAGE;
    foresee(o, first, last, &p);
    do {
        call_begins(w, CALL_SYNCS);
        r = lp_object_sync(o->handle, offset, len);
        check_others_written(w, o, first, last);
    } while (call_again(w, r));
    say(w, "object_sync(%u, %#llx, %#llx) = %d", o->number, X(offset), X(len),
        r);
    if (!(r == -LP_EIO && p.may_fail) && !(r == 0 && !p.must_fail))
        wrong(w, "lp_object_sync(object %u) = %d; must fail %d, may fail %d",
              o->number, r, p.must_fail, p.may_fail);
    check_synced(w, o, first, last);
}

/* For each shared area's part of places [first, last). */
static void each_shared(struct world *w, struct m_space *s, unsigned first,
                        unsigned last, struct sync_prospect *p, bool *hole)
{
    const struct layout *l = &w->layout;
    const struct m_cell *c;
    unsigned i;
    uint64_t n;

    for (i = first; i < last; i++) {
        c = &s->cell[i];
        n = (l->at[i].end - l->at[i].start) / PAGE;
        *hole |= !c->mapped;
        if (!c->mapped || !c->shared)
            continue;
        if (p)
            foresee(c->object, c->index, c->index + n - 1, p);
        else
            check_synced(w, c->object, c->index, c->index + n - 1);
    }
}

/* What an msync was asked for, and what its answer should be. */
struct msync {
    struct m_space *s;
    lp_va addr;
    uint64_t len;
    unsigned flags;
    unsigned first, last; /* the places that it means */
    struct sync_prospect p;
    bool malformed, hole;
};

static void foresee_msync(struct world *w, struct msync *a)
{
    const unsigned both = LP_MS_SYNC | LP_MS_ASYNC;
    const struct layout *l = &w->layout;
    lp_va end = a->addr + round_up(a->len);

    a->malformed =
        a->addr % PAGE || a->flags & ~7u || (a->flags & both) == both;
    /* What wraps around is refused as a whole. */
    a->hole = (a->len && !round_up(a->len)) || end < a->addr;
    if (a->malformed || a->hole || end == a->addr)
        return;
    a->hole = end > l->user_end;
    a->first = place_of(l, a->addr);
    a->last =
        a->addr < l->user_end
            ? place_of(l, end < l->user_end ? end - 1 : l->user_end - 1) + 1
            : a->first;
    each_shared(w, a->s, a->first, a->last, &a->p, &a->hole);
    if (!(a->flags & LP_MS_SYNC))
        a->p = (struct sync_prospect){ false, false };
}

static void check_msync(struct world *w, const struct msync *a, int r)
{
    bool hole = false; /* not asked again */

    if (a->malformed) {
        expect(w, "lp_msync", r, -LP_EINVAL);
        return;
    }
    if (r == -LP_EIO && a->p.may_fail)
        return;
    if (a->p.must_fail)
        wrong(w, "lp_msync = %d, but a write failed", r);
    expect(w, "lp_msync", r, a->hole ? -LP_ENOMEM : 0);
    if (a->flags & LP_MS_SYNC)
        each_shared(w, a->s, a->first, a->last, NULL, &hole);
}

/* The same for what the range of an msync maps. */
static void check_others_msynced(struct world *w, const struct msync *a)
{
    const struct place *at = w->layout.at;
    const struct m_cell *c;
    unsigned i;

    for (i = a->first; i < a->last; i++) {
        c = &a->s->cell[i];
        if (c->mapped && c->shared)
            check_others_written(w, c->object, c->index,
                                 c->index + (at[i].end - at[i].start) / PAGE -
                                     1);
    }
}

static void msync_at(struct world *w, struct msync a)
{
    int r;

    foresee_msync(w, &a);
    do {
        call_begins(w, CALL_SYNCS);
        r = lp_msync(a.s->lib, a.addr, a.len, a.flags);
        check_others_msynced(w, &a);
    } while (call_again(w, r));
    say(w, "msync(space %u, %#llx, %#llx, %u) = %d", a.s->number, X(a.addr),
        X(a.len), a.flags, r);
    check_msync(w, &a, r);
}

void op_msync(struct world *w)
{
    static const unsigned choice[] = {
        LP_MS_SYNC,  LP_MS_SYNC, LP_MS_SYNC, LP_MS_SYNC | LP_MS_INVALIDATE,
        LP_MS_ASYNC, 0
    };
    struct msync a = { .s = pick_space(w), .flags = choice[pick(w, 6)] };

    pick_range(w, &a.addr, &a.len);
    if (chance(w, 2))
        a.flags = chance(w, 50) ? LP_MS_SYNC | LP_MS_ASYNC : 8u << pick(w, 28);
    msync_at(w, a);
}

void op_dirty_all(struct world *w)
{
    struct m_space *s = pick_space(w);
    const struct m_cell *c;
    unsigned i;

    for (i = 0; i < w->layout.n; i++) {
        c = &s->cell[i];
        if (place_is_page(&w->layout, i) && c->mapped && c->shared &&
            (c->access & LP_WRITE))
            store_word(w, s, i);
    }
    msync_at(w, (struct msync){
                    .s = s, .len = w->layout.user_end, .flags = LP_MS_SYNC });
}

/* --- resize --- */

static void drop_pages(struct m_object *o, uint64_t first)
{
    struct m_page *page;
    unsigned i;

    for (i = 0; i < OBJECT_BUCKETS; i++)
        for (page = o->bucket[i]; page; page = page->next) {
            if (page->index < first)
                continue;
            memset(page->data, 0, PAGE);
            memset(page->disk, 0, PAGE);
            page->must = page->may = page->held_written = false;
            page->filled = NO;
            page->bad = 0;
        }
}

void drop_cell(struct world *w, struct m_space *s, unsigned place)
{
    struct m_cell as = s->cell[place];

    as.own = NULL;
    as.stand_in = false;
    as.touched = NO;
    m_map(&w->layout, s, place, place + 1, &as, &w->epoch);
}

/* Pages from `first` on are gone from every space. */
static void drop_mapped(struct world *w, const struct m_object *o,
                        uint64_t first)
{
    struct m_space *s;
    unsigned i;

    for (s = w->spaces; s; s = s->next)
        for (i = 0; i < w->layout.n; i++)
            if (s->cell[i].object == o && s->cell[i].index >= first)
                drop_cell(w, s, i);
    for (i = 0; i < PINS_MAX; i++)
        if (w->pins[i].object == o && w->pins[i].index >= first)
            w->pins[i].object = NULL;
}

/*
 * Pages [first, end) will exist, where zero pages have stood in for them: in
 * shared mappings these go; in private ones they stay, where there are any.
 */
static void replace_stand_ins(struct world *w, const struct m_object *o,
                              uint64_t first, uint64_t end)
{
    struct lp_page_info info;
    struct m_space *s;
    struct m_cell *c;
    unsigned i;

    for (s = w->spaces; s; s = s->next)
        for (i = 0; i < w->layout.n; i++) {
            c = &s->cell[i];
            if (c->object != o || c->index < first || c->index >= end ||
                !place_is_page(&w->layout, i))
                continue;
            if (c->shared) {
                drop_cell(w, s, i);
                continue;
            }
            expect(w, "lp_query",
                   lp_query(s->lib, w->layout.at[i].start, &info), 0);
            if (!(info.flags & LP_PAGE_PRESENT))
                continue;
            m_writable_bytes(c);
            c->stand_in = true;
        }
}

static uint64_t pages_of(uint64_t size)
{
    return (size + PAGE - 1) / PAGE;
}

static void resized(struct world *w, struct m_object *o, uint64_t size)
{
    uint64_t old = o->size, end = old < size ? old : size;
    struct m_page *page;

    if (o->flags & LP_OBJECT_ZERO_PAST_END)
        replace_stand_ins(w, o, pages_of(old), pages_of(size));
    o->size = size;
    if (end % PAGE) {
        page = m_page_of(o, end / PAGE);
        memset(page->data + end % PAGE, 0, PAGE - end % PAGE);
        memset(page->disk + end % PAGE, 0, PAGE - end % PAGE);
    }
    if (pages_of(size) < pages_of(old)) {
        drop_pages(o, pages_of(size));
        drop_mapped(w, o, pages_of(size));
    }
}

void op_object_resize(struct world *w)
{
    struct m_object *o = pick_object(w);
    uint64_t size = pick(w, 15) * PAGE + (chance(w, 60) ? pick(w, PAGE) : 0);
    int r;

    if (!o)
        return;
    if (chance(w, 3))
        size = ((uint64_t)1 << 62) + 1 + pick(w, PAGE);
    if (o->kind == M_DEVICE || size > (uint64_t)1 << 62) {
        expect(w, "lp_object_resize of a device, or to no size",
               lp_object_resize(o->handle, size), -LP_EINVAL);
        expect(w, "lp_object_size", (int64_t)lp_object_size(o->handle),
               (int64_t)o->size);
        return;
    }
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_object_resize(o->handle, size);
    } while (call_again(w, r));
    say(w, "object_resize(%u, %#llx) = %d", o->number, X(size), r);
    if (forgiven(w, r))
        return;
    expect(w, "lp_object_resize", r, 0);
    resized(w, o, size);
    expect(w, "lp_object_size", (int64_t)lp_object_size(o->handle),
           (int64_t)size);
}
