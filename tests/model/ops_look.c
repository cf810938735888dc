/*
 * ops_look.c: the operations that only look: what watch.h tells, asked
 * anywhere.  What is to be seen where the model has something, compare.c asks.
 */
#include "ops_map.h"

#include <stdlib.h>
#include <string.h>

#define X(n) ((unsigned long long)(n))

/* Any address: mostly where areas begin and end, sometimes of nobody's. */
static lp_va pick_address(struct world *w)
{
    const struct layout *l = &w->layout;

    if (chance(w, 6))
        return chance(w, 50) ? l->user_end - PAGE + pick(w, 3 * PAGE)
                             : UINT64_MAX - pick(w, 2 * PAGE);
    return l->at[pick(w, l->n)].start + (chance(w, 50) ? pick(w, PAGE) : 0);
}

/* --- areas --- */

/* The area that holds place i, or the first above: places [*first, *last). */
static bool area_from(const struct layout *l, const struct m_space *s,
                      unsigned i, unsigned *first, unsigned *last)
{
    while (i < l->n && !s->cell[i].mapped)
        i++;
    if (i == l->n)
        return false;
    for (*first = i; *first && m_same_area(l, s, *first - 1); --*first)
        ;
    for (*last = i + 1; m_same_area(l, s, *last - 1); ++*last)
        ;
    return true;
}

void op_next_area(struct world *w)
{
    struct m_space *s = pick_space(w);
    const struct layout *l = &w->layout;
    lp_va va = pick_address(w);
    unsigned first = 0, last = 0;
    struct lp_area area;
    struct lp_page_info info;
    bool found, wanted;

    found = lp_next_area(s->lib, va, &area);
    say(w, "next_area(space %u, %#llx) = %d", s->number, X(va), found);
    wanted = area_from(l, s, place_of(l, va), &first, &last);
    expect(w, "lp_next_area", found, wanted);
    if (found &&
        (area.start != l->at[first].start || area.end != l->at[last - 1].end))
        wrong(w,
              "lp_next_area(%#llx): [%#llx, %#llx), should be [%#llx, %#llx)",
              X(va), X(area.start), X(area.end), X(l->at[first].start),
              X(l->at[last - 1].end));
    first = place_of(l, va);
    expect(w, "lp_query", lp_query(s->lib, va, &info),
           first < l->n && s->cell[first].mapped ? 0 : -LP_EFAULT);
}

static bool access_ok(const struct world *w, const struct m_space *s, lp_va va,
                      uint64_t len, unsigned access)
{
    const struct layout *l = &w->layout;
    unsigned i;
    lp_va last;

    if (len > UINT64_MAX - va)
        return false;
    last = len ? va + len - 1 : va;
    for (i = place_of(l, va); i < l->n && l->at[i].start <= last; i++)
        if (!s->cell[i].mapped || (access & ~m_allows(l, &s->cell[i])))
            return false;
    return last < l->user_end;
}

void op_access_ok(struct world *w)
{
    struct m_space *s = pick_space(w);
    unsigned access = (unsigned)pick(w, 8), first, last;
    uint64_t len;
    lp_va va;
    bool got;

    pick_places(w, &first, &last);
    va = w->layout.at[first].start + (chance(w, 50) ? pick(w, PAGE) : 0);
    len = chance(w, 50) ? pick(w, 3 * PAGE)
                        : w->layout.at[last - 1].end - va + pick(w, 3) - 1;
    if (chance(w, 3))
        len = UINT64_MAX - pick(w, PAGE);
    if (chance(w, 3))
        va = UINT64_MAX - pick(w, 10);
    got = lp_access_ok(s->lib, va, len, access);
    say(w, "access_ok(space %u, %#llx, %#llx, %u) = %d", s->number, X(va),
        X(len), access, got);
    expect(w, "lp_access_ok", got, access_ok(w, s, va, len, access));
}

/* --- tables --- */

/* Is it the table of another space, too? */
static bool has_table(const struct m_space *s, const struct lp_table_info *t)
{
    struct lp_table_info theirs;

    return lp_next_table(s->lib, t->level, t->start, &theirs) &&
           theirs.start == t->start && theirs.table == t->table;
}

/* What is true of every table, and of the one above it. */
static void check_table(struct world *w, const struct m_space *s, lp_va from,
                        const struct lp_table_info *t)
{
    const struct lp_pte_format *f = &lp_host_arch(w->m)->format;
    const struct m_space *other;
    struct lp_table_info above;

    if (t->end <= from || t->start >= t->end || t->end > f->user_end)
        wrong(w, "table [%#llx, %#llx) is found from %#llx", X(t->start),
              X(t->end), X(from));
    if (!lp_host_frame_used(w->m, t->table) || t->references == 0 ||
        (t->level == 0 &&
         t->used != lp_resident_pages(s->lib, t->start, t->end)))
        wrong(w, "table [%#llx, %#llx): frame %#llx, %u references, %u used",
              X(t->start), X(t->end), X(t->table), t->references, t->used);
    for (other = w->spaces; other && t->owned; other = other->next)
        if (other != s && has_table(other, t))
            wrong(w,
                  "table [%#llx, %#llx) of space %u is owned, and space "
                  "%u's too",
                  X(t->start), X(t->end), s->number, other->number);
    if (t->level + 1u == f->levels)
        return;
    if (!lp_next_table(s->lib, t->level + 1, t->start, &above) ||
        above.start > t->start || above.end < t->end ||
        (t->owned && !above.owned))
        wrong(w, "table [%#llx, %#llx) hangs on none", X(t->start), X(t->end));
}

/* A page that is there is in a table, and none is in between. */
static void check_pages_in_tables(struct world *w, const struct m_space *s)
{
    struct lp_table_info t = { .end = 0 };
    struct lp_page_info info;
    bool any = true;
    lp_va va;
    unsigned i;

    for (i = 0; i < w->layout.n; i++) {
        va = w->layout.at[i].start;
        if (!s->cell[i].mapped || !place_is_page(&w->layout, i))
            continue;
        if (any && va >= t.end)
            any = lp_next_table(s->lib, 0, va, &t);
        expect(w, "lp_query", lp_query(s->lib, va, &info), 0);
        if ((info.flags & LP_PAGE_PRESENT) && (!any || va < t.start))
            wrong(w, "the page at %#llx is in no table", X(va));
        if (any && va >= t.start && (info.flags & LP_PAGE_PRESENT) &&
            t.owned == ((info.flags & LP_PAGE_UNOWNED) != 0))
            wrong(w, "the table of %#llx is owned %d, its page's flags are %u",
                  X(va), t.owned, info.flags);
    }
}

void op_next_table(struct world *w)
{
    unsigned levels = lp_host_arch(w->m)->format.levels;
    unsigned level = (unsigned)pick(w, levels + 1), n = 0;
    struct m_space *s = pick_space(w);
    struct lp_table_info t;
    lp_va va;

    for (va = chance(w, 50) ? 0 : pick_address(w);
         lp_next_table(s->lib, level, va, &t); va = t.end, n++) {
        expect(w, "level of the table", t.level, level);
        check_table(w, s, va, &t);
    }
    say(w, "next_table(space %u, level %u): %u tables", s->number, level, n);
    if (level >= levels)
        expect(w, "tables of a level that is not", n, 0);
    check_pages_in_tables(w, s);
}

/* --- the map --- */

struct text {
    char *at;
    size_t len, size;
};

static void add_text(void *ctx, const char *text, size_t len)
{
    struct text *t = ctx;

    if (t->len + len > t->size) {
        t->size = 2 * (t->len + len);
        t->at = realloc(t->at, t->size);
    }
    memcpy(t->at + t->len, text, len);
    t->len += len;
}

/* As proc(5) has it; the number of pages is op_resident's to compare. */
static void print_model(struct world *w, struct m_space *s, struct text *t)
{
    const struct layout *l = &w->layout;
    unsigned first, last = 0;
    const struct m_cell *c;
    char line[120];
    int n;

    while (area_from(l, s, last, &first, &last)) {
        c = &s->cell[first];
        n = snprintf(line, sizeof line, "%08llx-%08llx %c%c%c%c %08llx %llu\n",
                     X(l->at[first].start), X(l->at[last - 1].end),
                     c->access & LP_READ ? 'r' : '-',
                     c->access & LP_WRITE ? 'w' : '-',
                     c->access & LP_EXEC ? 'x' : '-', c->shared ? 's' : 'p',
                     X(c->object ? c->index * PAGE : 0),
                     X(lp_resident_pages(s->lib, l->at[first].start,
                                         l->at[last - 1].end)));
        add_text(t, line, (size_t)n);
    }
}

void op_print_map(struct world *w)
{
    struct m_space *s = pick_space(w);
    struct text got = { NULL, 0, 0 }, wanted = { NULL, 0, 0 };

    lp_print_map(s->lib, add_text, &got);
    print_model(w, s, &wanted);
    say(w, "print_map(space %u): %zu bytes", s->number, got.len);
    if (got.len != wanted.len ||
        (got.len && memcmp(got.at, wanted.at, got.len) != 0))
        wrong(w, "lp_print_map:\n%.*s\nshould be:\n%.*s", (int)got.len, got.at,
              (int)wanted.len, wanted.at);
    free(got.at);
    free(wanted.at);
}

/* --- statistics --- */

/* They are all of one type: an array. */
enum { NCOUNTERS = sizeof(struct lp_stats) / sizeof(uint64_t) };

static const uint64_t *counters(const struct lp_stats *stats)
{
    return (const uint64_t *)(const void *)stats;
}

/* No counter runs back, and the sum has at least its parts. */
static void check_counters(struct world *w, const struct lp_stats *old,
                           const struct lp_stats *now,
                           const struct lp_stats *part)
{
    unsigned i;

    for (i = 0; i < NCOUNTERS; i++)
        if (counters(now)[i] < counters(old)[i] ||
            counters(now)[i] < counters(part)[i])
            wrong(w, "statistics: counter %u is %llu, was %llu, a part is %llu",
                  i, X(counters(now)[i]), X(counters(old)[i]),
                  X(counters(part)[i]));
}

void op_stats(struct world *w)
{
    struct lp_stats sum = { 0 }, now;
    uint64_t *parts = (uint64_t *)(void *)&sum;
    struct m_space *s;
    unsigned i;

    for (s = w->spaces; s; s = s->next) {
        lp_space_stats(s->lib, &now);
        check_counters(w, &s->stats, &now, &s->stats);
        expect(w, "forks of a space", (int64_t)now.forks, (int64_t)s->forks);
        expect(w, "writes that a space has lost", (int64_t)now.lost_writes, 0);
        for (i = 0; i < NCOUNTERS; i++)
            parts[i] += counters(&now)[i];
        s->stats = now;
    }
    lp_pager_stats(w->pager, &now);
    say(w, "stats: %llu faults", X(now.faults));
    check_counters(w, &w->stats, &now, &sum);
    expect(w, "forks of all", (int64_t)now.forks, (int64_t)w->forks);
    w->stats = now;
}
