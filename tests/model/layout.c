/*
 * layout.c: which addresses the campaign plays with.
 *
 * Windows of pages lie across the borders of what one table maps, at every
 * level: around a border between two root entries, around the ends of the leaf
 * tables and larger subtrees next to it, at both ends of the user range.
 * Stretches between them end on such borders too, so that ranges cover whole
 * subtrees exactly, or all but a page.
 */
#include "world.h"

enum { CUTS_MAX = 1024 };

/* Addresses where a place begins. */
struct cuts {
    unsigned n;
    lp_va at[CUTS_MAX];
    lp_va end;
};

static void cut(struct cuts *cuts, lp_va va)
{
    if (va < cuts->end && cuts->n < CUTS_MAX)
        cuts->at[cuts->n++] = va;
}

/* Cut [low, high) into pages. */
static void window(struct cuts *cuts, lp_va low, lp_va high)
{
    if (high > cuts->end)
        high = cuts->end;
    if (cuts->n + (high - low) / PAGE > PLACES_MAX - 100)
        return;
    for (; low <= high; low += PAGE)
        cut(cuts, low);
}

static void around(struct world *w, struct cuts *cuts, lp_va border,
                   unsigned most)
{
    uint64_t below = pick(w, most) * PAGE, above = (1 + pick(w, most)) * PAGE;

    if (border > cuts->end)
        border = cuts->end;
    window(cuts, border > below ? border - below : 0, border + above);
}

static lp_va span_of(const struct lp_pte_format *f, unsigned level)
{
    return (lp_va)PAGE << (level * f->index_bits);
}

/* Windows where tables meet, near one border between root entries. */
static void cut_windows(struct world *w, const struct lp_pte_format *f,
                        struct cuts *cuts)
{
    unsigned most = w->big ? 90 : f->index_bits < 6 && chance(w, 50) ? 24 : 8;
    unsigned level, i, n;
    lp_va root = span_of(f, f->levels - 1), near, span;

    near = (1 + pick(w, f->user_root_entries - 1)) * root;
    if (w->big && chance(w, 40)) /* a whole leaf table, and more */
        window(cuts, near - 8 * PAGE, near + span_of(f, 1) + 8 * PAGE);
    else
        around(w, cuts, near, most);
    for (i = 0, n = 2 + (unsigned)pick(w, 4); i < n; i++) {
        level = 1 + (unsigned)pick(w, f->levels - 1);
        span = span_of(f, level) * (1 + pick(w, 2));
        around(w, cuts,
               chance(w, 50) || near < span ? near + span : near - span, most);
        cut(cuts, near + span_of(f, level));
        if (chance(w, 30))
            near += span;
    }
    if (chance(w, 30))
        window(cuts, 0, (1 + pick(w, 10)) * PAGE);
    if (chance(w, 40))
        window(cuts, cuts->end - (1 + pick(w, 12)) * PAGE, cuts->end);
}

static void sort(struct cuts *cuts)
{
    unsigned i, j;
    lp_va va;

    for (i = 1; i < cuts->n; i++) {
        va = cuts->at[i];
        for (j = i; j > 0 && cuts->at[j - 1] > va; j--)
            cuts->at[j] = cuts->at[j - 1];
        cuts->at[j] = va;
    }
}

void make_layout(struct world *w)
{
    const struct lp_pte_format *f = &lp_host_arch(w->m)->format;
    struct cuts cuts = { .end = f->user_end };
    struct layout *l = &w->layout;
    unsigned i;

    cut(&cuts, 0);
    cut_windows(w, f, &cuts);
    sort(&cuts);
    l->n = 0;
    l->user_end = f->user_end;
    l->exec_reads = f->leaf[LP_EXEC] == f->leaf[LP_READ | LP_EXEC];
    for (i = 0; i < cuts.n && l->n < PLACES_MAX; i++) {
        if (l->n && l->at[l->n - 1].start == cuts.at[i])
            continue;
        if (l->n)
            l->at[l->n - 1].end = cuts.at[i];
        l->at[l->n++].start = cuts.at[i];
    }
    l->at[l->n - 1].end = f->user_end;
}

/* A window is a run of places that are pages: its two ends. */
static void window_at(const struct layout *l, unsigned i, unsigned *first,
                      unsigned *last)
{
    for (*first = i; *first && place_is_page(l, *first - 1); --*first)
        ;
    for (*last = i + 1; *last < l->n && place_is_page(l, *last); ++*last)
        ;
}

void pick_places(struct world *w, unsigned *first, unsigned *last)
{
    const struct layout *l = &w->layout;
    unsigned i = pick_page(w, NULL), j, low, high, t;

    window_at(l, i, &low, &high);
    switch (w->big && chance(w, 30) ? 7 : pick(w, 10)) {
    default: /* a few pages */
        j = i + 1 + (unsigned)pick(w, 8);
        *first = i;
        *last = j < high ? j : high;
        return;
    case 7: /* a window */
        *first = low;
        *last = high;
        return;
    case 8: /* from one place to another, anywhere */
        j = chance(w, 50) ? pick_page(w, NULL) : (unsigned)pick(w, l->n);
        break;
    case 9: /* one of the windows and what is next to it */
        i = chance(w, 50) && low ? low - 1 : low;
        j = chance(w, 50) && high < l->n ? high : high - 1;
        break;
    }
    if (i > j)
        t = i, i = j, j = t;
    *first = i;
    *last = j + 1;
}

unsigned pick_page(struct world *w, const struct m_space *s)
{
    const struct layout *l = &w->layout;
    unsigned tries, i = 0;

    /* Where something is mapped, mostly. */
    for (tries = 0; tries < 400; tries++) {
        i = (unsigned)pick(w, l->n);
        if (place_is_page(l, i) &&
            (!s || s->cell[i].mapped || tries > 30 || chance(w, 4)))
            return i;
    }
    while (!place_is_page(l, i))
        i = (i + 1) % l->n;
    return i;
}
