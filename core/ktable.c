/*
 * ktable.c: the page tables of the kernel's half; ktable.h has their rules.
 *
 * What can fail is counting and taking tables, and comes first: a dry run over
 * the leaves says how many are needed.
 */
#include "ktable.h"

#include "pte.h"

/* The way to an entry: level 0, or above a leaf or an empty entry. */
struct walk {
    unsigned level;
    lp_pa table[LP_LEVELS_MAX]; /* by level, from `level` up */
    lp_slot *slot[LP_LEVELS_MAX];
    struct lp_pte pte;
};

static lp_slot *slot_of(const struct lp_pager *pager, lp_pa table, lp_va va,
                        unsigned level)
{
    lp_slot *slots = lp_frame_memory(&pager->frames, table);

    return &slots[lp_index(&pager->format, va, level)];
}

static void step_to(const struct lp_pager *pager, lp_va va, lp_pa table,
                    unsigned level, struct walk *walk)
{
    walk->level = level;
    walk->table[level] = table;
    walk->slot[level] = slot_of(pager, table, va, level);
    walk->pte = lp_pte_load(walk->slot[level]);
}

static void walk_to(const struct lp_pager *pager, lp_va va, struct walk *walk)
{
    const struct lp_pte_format *f = &pager->format;

    step_to(pager, va, pager->root, f->levels - 1, walk);
    while (walk->level > 0 && !lp_pte_empty(walk->pte) &&
           lp_pte_table(f, walk->pte))
        step_to(pager, va, lp_pte_pa(f, walk->pte), walk->level - 1, walk);
    lp_assert2(pager->kernel, walk->level < f->levels - 1, va, walk->level);
}

/* Last address of the span that the walk's entry maps. */
static lp_va last_of(const struct lp_pager *pager, lp_va va, unsigned level)
{
    return va | (lp_span(&pager->format, level) - 1);
}

static bool aligned(const struct lp_pager *pager, uint64_t x, unsigned level)
{
    return (x & (lp_span(&pager->format, level) - 1)) == 0;
}

/* --- the stock --- */

static void push(struct lp_pager *pager, struct lp_kstock *stock, lp_pa pa)
{
    atomic_store_explicit(&lp_frame(&pager->frames, pa)->refs, stock->first,
                          memory_order_relaxed);
    stock->first = pa;
}

static lp_pa pop(struct lp_pager *pager, struct lp_kstock *stock)
{
    lp_pa pa = stock->first;
    struct lp_frame *frame;

    lp_assert2(pager->kernel, pa != LP_PA_NONE, 0, 0);
    frame = lp_frame(&pager->frames, pa);
    stock->first = atomic_load_explicit(&frame->refs, memory_order_relaxed);
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    return pa;
}

int lp_ktable_stock(struct lp_pager *pager, uint64_t n, struct lp_kstock *stock)
{
    lp_pa pa;

    stock->first = LP_PA_NONE;
    for (; n; n--) {
        if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_KERNEL, 0,
                           &pa) != 0) {
            lp_ktable_unstock(pager, stock);
            return -LP_ENOMEM;
        }
        push(pager, stock, pa);
    }
    return 0;
}

void lp_ktable_unstock(struct lp_pager *pager, struct lp_kstock *stock)
{
    while (stock->first != LP_PA_NONE)
        lp_frame_free(&pager->frames, pop(pager, stock));
}

/* --- entries --- */

static uint64_t table_bits(const struct lp_pte_format *f, lp_pa pa)
{
    return lp_pte_encode_pa(f, pa) | f->kernel_table;
}

/* What a leaf grants and to whom, A and D; no address, no cache mode. */
static uint64_t grant_bits(const struct lp_pte_format *f, unsigned access,
                           bool user)
{
    return (user ? f->leaf[access] | f->global : f->kernel_leaf[access]) |
           f->accessed | (access & LP_WRITE ? f->dirty : 0);
}

/* What a leaf of that level is besides what it grants. */
static uint64_t other_bits(const struct lp_pte_format *f, unsigned level)
{
    uint64_t bits = lp_pte_pa_mask(f) | f->soft_uncounted;
    unsigned mode;

    for (mode = 0; mode < LP_CACHE_MODES; mode++)
        bits |= f->cache[mode];
    return bits | (level ? f->big : 0);
}

static bool is_user(const struct lp_pte_format *f, struct lp_pte pte)
{
    uint64_t differ = (f->leaf[LP_READ] ^ f->kernel_leaf[LP_READ]) & ~f->global;

    return ((pte.bits ^ f->leaf[LP_READ]) & differ) == 0;
}

/* Put an entry where none was. */
static void enter(struct lp_pager *pager, const struct walk *walk, lp_va va,
                  uint64_t bits)
{
    unsigned level = walk->level;

    lp_pte_store(walk->slot[level], (struct lp_pte){ bits });
    lp_use_add(lp_frame(&pager->frames, walk->table[level]),
               lp_index(&pager->format, va, level));
}

/* --- map --- */

/* Level of the leaf for the page at va: the largest that fits. */
static unsigned leaf_level(const struct lp_pager *pager,
                           const struct lp_kpages *pages, lp_va va)
{
    const struct lp_pte_format *f = &pager->format;
    lp_pa pa = pages->pa + (va - pages->start);
    unsigned level = f->levels - 2;

    while (level > 0 &&
           (!(f->leaf_levels >> level & 1) || !aligned(pager, va | pa, level) ||
            lp_span(f, level) > pages->end - va))
        level--;
    return level;
}

int lp_ktable_map_needs(const struct lp_pager *pager,
                        const struct lp_kpages *pages, uint64_t *n)
{
    const struct lp_pte_format *f = &pager->format;
    unsigned level, above;
    struct walk walk;
    lp_va va;

    *n = 0;
    for (va = pages->start; va < pages->end; va += lp_span(f, level)) {
        level = leaf_level(pager, pages, va);
        walk_to(pager, va, &walk);
        if (!lp_pte_empty(walk.pte) || walk.level < level)
            return -LP_EEXIST;
        /* Entries above lack a table; the first leaf below takes it. */
        for (above = walk.level; above > level; above--)
            *n += va == pages->start || aligned(pager, va, above);
    }
    return 0;
}

void lp_ktable_map(struct lp_pager *pager, const struct lp_kpages *pages,
                   struct lp_kstock *stock, struct lp_kchange *change)
{
    const struct lp_pte_format *f = &pager->format;
    uint64_t bits = grant_bits(f, pages->access, pages->user) |
                    f->cache[pages->cache] | f->soft_uncounted;
    struct walk walk;
    unsigned level;
    lp_pa table;
    lp_va va;

    for (va = pages->start; va < pages->end; va += lp_span(f, level)) {
        level = leaf_level(pager, pages, va);
        walk_to(pager, va, &walk);
        change->any = true;
        change->tables |= walk.level > 0;
        while (walk.level > level) {
            table = pop(pager, stock);
            enter(pager, &walk, va, table_bits(f, table));
            step_to(pager, va, table, walk.level - 1, &walk);
        }
        enter(pager, &walk, va,
              bits | lp_pte_encode_pa(f, pages->pa + (va - pages->start)) |
                  (level ? f->big : 0));
    }
}

bool lp_ktable_mapped(const struct lp_pager *pager, lp_va start, lp_va end)
{
    struct walk walk;
    lp_va va = start, last;

    for (;;) {
        walk_to(pager, va, &walk);
        if (lp_pte_empty(walk.pte))
            return false;
        last = last_of(pager, va, walk.level);
        if (last >= end - 1)
            return true;
        va = last + 1;
    }
}

/* --- split --- */

/* How often must the leaf that maps va be cut, so that one ends at `edge`? */
static uint64_t edge_needs(const struct lp_pager *pager, lp_va va, lp_va edge)
{
    struct walk walk;
    uint64_t n = 0;

    walk_to(pager, va, &walk);
    if (lp_pte_empty(walk.pte))
        return 0;
    for (; walk.level > 0 && !aligned(pager, edge, walk.level); walk.level--)
        n++;
    return n;
}

uint64_t lp_ktable_split_needs(const struct lp_pager *pager, lp_va start,
                               lp_va end)
{
    return edge_needs(pager, start, start) +
           edge_needs(pager, end - LP_PAGE_SIZE, end);
}

/* One leaf becomes a table of leaves that say the same. */
static void cut(struct lp_pager *pager, const struct walk *walk, lp_pa table)
{
    const struct lp_pte_format *f = &pager->format;
    unsigned level = walk->level - 1, i, n = 1u << f->index_bits;
    uint64_t bits = walk->pte.bits & ~(lp_pte_pa_mask(f) | f->big);
    lp_pa pa = lp_pte_pa(f, walk->pte);
    lp_slot *slots = lp_frame_memory(&pager->frames, table);

    bits |= level ? f->big : 0;
    for (i = 0; i < n; i++, pa += lp_span(f, level))
        lp_pte_store(&slots[i],
                     (struct lp_pte){ bits | lp_pte_encode_pa(f, pa) });
    lp_use_set(lp_frame(&pager->frames, table), (struct lp_use){ n, 0, n - 1 });
    lp_pte_store(walk->slot[walk->level],
                 (struct lp_pte){ table_bits(f, table) });
}

static void split_edge(struct lp_pager *pager, lp_va va, lp_va edge,
                       struct lp_kstock *stock, struct lp_kchange *change)
{
    struct walk walk;

    for (walk_to(pager, va, &walk);
         !lp_pte_empty(walk.pte) && !aligned(pager, edge, walk.level);
         walk_to(pager, va, &walk)) {
        cut(pager, &walk, pop(pager, stock));
        change->any = change->tables = true;
    }
}

void lp_ktable_split(struct lp_pager *pager, lp_va start, lp_va end,
                     struct lp_kstock *stock, struct lp_kchange *change)
{
    split_edge(pager, start, start, stock, change);
    split_edge(pager, end - LP_PAGE_SIZE, end, stock, change);
}

/* --- clear, protect, query --- */

/* Remove the walk's entry, and then each table that this leaves empty. */
static void remove_entry(struct lp_pager *pager, const struct walk *walk,
                         struct lp_kstock *dead, struct lp_kchange *change)
{
    unsigned level = walk->level;
    struct lp_frame *frame;

    for (;;) {
        change->any = true;
        change->tables |= level > 0;
        frame = lp_frame(&pager->frames, walk->table[level]);
        lp_pte_store(walk->slot[level], (struct lp_pte){ 0 });
        lp_use_remove(frame, 1);
        if (lp_use_of(frame).used > 0 || level == pager->format.levels - 2)
            return;
        push(pager, dead, walk->table[level]);
        level++;
    }
}

void lp_ktable_clear(struct lp_pager *pager, lp_va start, lp_va end,
                     struct lp_kstock *dead, struct lp_kchange *change)
{
    struct walk walk;
    lp_va va = start, last;

    for (;;) {
        walk_to(pager, va, &walk);
        if (!lp_pte_empty(walk.pte))
            remove_entry(pager, &walk, dead, change);
        last = last_of(pager, va, walk.level);
        if (last >= end - 1)
            return;
        va = last + 1;
    }
}

void lp_ktable_protect(struct lp_pager *pager, lp_va start, lp_va end,
                       unsigned access, struct lp_kchange *change)
{
    const struct lp_pte_format *f = &pager->format;
    struct walk walk;
    uint64_t bits;
    lp_va va;

    for (va = start; va < end; va += lp_span(f, walk.level)) {
        walk_to(pager, va, &walk);
        bits = (walk.pte.bits & other_bits(f, walk.level)) |
               grant_bits(f, access, is_user(f, walk.pte));
        if (bits == walk.pte.bits)
            continue;
        lp_pte_store(walk.slot[walk.level], (struct lp_pte){ bits });
        change->any = true;
        change->tables |= walk.level > 0;
    }
}

void lp_ktable_query(const struct lp_pager *pager, lp_va va,
                     struct lp_page_info *info)
{
    const struct lp_pte_format *f = &pager->format;
    struct walk walk;
    lp_va offset;

    *info = (struct lp_page_info){ .frame = LP_PA_NONE };
    walk_to(pager, va, &walk);
    if (lp_pte_empty(walk.pte))
        return;
    offset = va & (lp_span(f, walk.level) - 1);
    info->frame = lp_pte_pa(f, walk.pte) + lp_round_down(offset);
    info->access = lp_pte_access(f, walk.pte);
    info->flags = LP_PAGE_PRESENT | LP_PAGE_DEVICE |
                  /* no branch: every leaf of the kernel's half has A */
                  ((walk.pte.bits & f->accessed) ? LP_PAGE_ACCESSED : 0) |
                  ((walk.pte.bits & f->dirty) ? LP_PAGE_DIRTY : 0) |
                  (is_user(f, walk.pte) ? LP_PAGE_USER : 0) |
                  (walk.level ? LP_PAGE_BIG : 0);
}

/* --- from lp_pager_create to lp_pager_destroy --- */

static unsigned va_bits(const struct lp_pte_format *f)
{
    return LP_PAGE_SHIFT + f->levels * f->index_bits;
}

static bool canonical(const struct lp_pte_format *f, lp_va va)
{
    unsigned bits = va_bits(f);
    bool high = f->sign_extended && va >> (bits - 1) & 1;

    return va >> bits == (high ? ~(lp_va)0 >> bits : 0);
}

/* Does a range lie in the kernel's half? */
static bool range_ok(const struct lp_pte_format *f, const struct lp_range *r)
{
    lp_va last = r->end - 1;

    /* Where addresses are sign-extended none is between the two halves. */
    return r->start < r->end && lp_page_aligned(r->start | r->end) &&
           canonical(f, r->start) && canonical(f, last) &&
           !(f->sign_extended && (r->start ^ last) >> (va_bits(f) - 1)) &&
           lp_index(f, r->start, f->levels - 1) >= f->user_root_entries;
}

static bool root_taken(const struct lp_frames *frames,
                       const struct lp_pte_format *f, lp_pa root,
                       const struct lp_range *r)
{
    const lp_slot *slots = lp_frame_memory(frames, root);
    unsigned i, last = lp_index(f, r->end - 1, f->levels - 1);

    for (i = lp_index(f, r->start, f->levels - 1); i <= last; i++)
        if (!lp_pte_empty(lp_pte_load(&slots[i])))
            return true;
    return false;
}

bool lp_ktable_options_ok(const struct lp_frames *frames,
                          const struct lp_pte_format *f,
                          const struct lp_options *options)
{
    const struct lp_range *r = options->kernel_ranges;
    unsigned i, j;

    if (!lp_page_aligned(options->kernel_root) ||
        options->nkernel_ranges > LP_KERNEL_RANGES_MAX)
        return false;
    for (i = 0; i < options->nkernel_ranges; i++) {
        if (!range_ok(f, &r[i]))
            return false;
        if (options->kernel_root &&
            root_taken(frames, f, options->kernel_root, &r[i]))
            return false;
        for (j = 0; j < i; j++)
            if (r[i].start < r[j].end && r[j].start < r[i].end)
                return false;
    }
    return true;
}

bool lp_ktable_manages(const struct lp_pager *pager, unsigned index)
{
    const struct lp_pte_format *f = &pager->format;
    const struct lp_range *r = pager->kernel_range;
    unsigned i, top = f->levels - 1;

    for (i = 0; i < pager->nkernel_ranges; i++, r++)
        if (index >= lp_index(f, r->start, top) &&
            index <= lp_index(f, r->end - 1, top))
            return true;
    return false;
}

bool lp_ktable_same_half(const struct lp_pager *pager, lp_pa root)
{
    const struct lp_pte_format *f = &pager->format;
    const lp_slot *theirs = lp_frame_memory(&pager->frames, root);
    const lp_slot *ours = lp_frame_memory(&pager->frames, pager->root);
    unsigned i;

    for (i = f->user_root_entries; i < 1u << f->index_bits; i++)
        if ((lp_pte_load(&theirs[i]).bits ^ lp_pte_load(&ours[i]).bits) &
            ~(f->accessed | f->dirty))
            return false;
    return true;
}

static void copy_root(struct lp_pager *pager, lp_pa from)
{
    const struct lp_pte_format *f = &pager->format;
    const lp_slot *theirs = lp_frame_memory(&pager->frames, from);
    lp_slot *ours = lp_frame_memory(&pager->frames, pager->root);
    unsigned i;

    for (i = f->user_root_entries; i < 1u << f->index_bits; i++)
        lp_pte_store(&ours[i], lp_pte_load(&theirs[i]));
}

static int make_tables(struct lp_pager *pager, const struct lp_range *r)
{
    const struct lp_pte_format *f = &pager->format;
    lp_slot *slots = lp_frame_memory(&pager->frames, pager->root);
    unsigned i, top = f->levels - 1, last = lp_index(f, r->end - 1, top);
    lp_pa pa;

    for (i = lp_index(f, r->start, top); i <= last; i++) {
        if (!lp_pte_empty(lp_pte_load(&slots[i])))
            continue; /* another range meets it */
        if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_KERNEL,
                           top - 1, &pa) != 0)
            return -LP_ENOMEM;
        lp_pte_store(&slots[i], (struct lp_pte){ table_bits(f, pa) });
    }
    return 0;
}

int lp_ktable_create(struct lp_pager *pager, const struct lp_options *options)
{
    unsigned i;

    if (options->kernel_root)
        copy_root(pager, options->kernel_root);
    for (i = 0; i < options->nkernel_ranges; i++) {
        pager->kernel_range[i] = options->kernel_ranges[i];
        pager->nkernel_ranges = i + 1;
        if (make_tables(pager, &options->kernel_ranges[i]))
            return -LP_ENOMEM;
    }
    return 0;
}

/* Free a table and all below, depth first. */
static void free_tree(struct lp_pager *pager, lp_pa root, unsigned top)
{
    const struct lp_pte_format *f = &pager->format;
    lp_pa table[LP_LEVELS_MAX];
    unsigned next[LP_LEVELS_MAX], level = top;
    const lp_slot *slots;
    struct lp_pte pte;

    table[top] = root;
    next[top] = 0;
    for (;;) {
        slots = lp_frame_memory(&pager->frames, table[level]);
        if (level == 0 || next[level] == 1u << f->index_bits) {
            lp_frame_free(&pager->frames, table[level]);
            if (level++ == top)
                return;
            continue;
        }
        pte = lp_pte_load(&slots[next[level]++]);
        if (lp_pte_empty(pte) || !lp_pte_table(f, pte))
            continue;
        table[--level] = lp_pte_pa(f, pte);
        next[level] = 0;
    }
}

void lp_ktable_destroy(struct lp_pager *pager)
{
    const struct lp_pte_format *f = &pager->format;
    lp_slot *slots = lp_frame_memory(&pager->frames, pager->root);
    struct lp_pte pte;
    unsigned i;

    for (i = f->user_root_entries; i < 1u << f->index_bits; i++) {
        pte = lp_pte_load(&slots[i]);
        if (lp_ktable_manages(pager, i) && !lp_pte_empty(pte))
            free_tree(pager, lp_pte_pa(f, pte), f->levels - 2);
    }
}
