/*
 * gather.c: revoke, flush, free.
 */
#include "gather.h"

#include "table.h"

enum { MORE_PREVIOUS = 0, MORE_COUNT = 1, MORE_FIRST = 2 };
#define MORE_MAX (LP_PAGE_SIZE / sizeof(uint64_t) - MORE_FIRST)

void lp_gather_range(struct lp_gather *gather, lp_va start, lp_va end)
{
    uint32_t last = gather->nranges - 1;

    gather->pending = true;
    if (gather->nranges && start <= gather->range[last].end &&
        end >= gather->range[last].start) {
        gather->range[last].start = lp_min(gather->range[last].start, start);
        gather->range[last].end = lp_max(gather->range[last].end, end);
    } else if (gather->nranges < LP_GATHER_RANGES) {
        gather->range[gather->nranges].start = start;
        gather->range[gather->nranges].end = end;
        gather->nranges++;
    } else {
        gather->everything = true;
    }
}

void lp_gather_arm(struct lp_gather *gather, const struct lp_arm *arm)
{
    gather->pending = true;
    if (gather->narms < LP_GATHER_ARMS)
        gather->arm[gather->narms++] = *arm;
}

void lp_gather_disarm(struct lp_gather *gather, lp_va start, lp_va end)
{
    uint32_t i, kept = 0;

    for (i = 0; i < gather->narms; i++)
        if (gather->arm[i].start < start || gather->arm[i].end > end)
            gather->arm[kept++] = gather->arm[i];
    gather->narms = kept;
}

static unsigned describe(const struct lp_gather *gather,
                         struct lp_flush what[LP_GATHER_RANGES])
{
    unsigned i;

    if (gather->everything) {
        what[0] = (struct lp_flush){ .scope = LP_FLUSH_ASID,
                                     .tables = gather->tables };
        return 1;
    }
    for (i = 0; i < gather->nranges; i++)
        what[i] = (struct lp_flush){ .scope = LP_FLUSH_RANGE,
                                     .tables = gather->tables,
                                     .start = gather->range[i].start,
                                     .end = gather->range[i].end };
    if (i == 0 && gather->tables)
        what[i++] =
            (struct lp_flush){ .scope = LP_FLUSH_RANGE, .tables = true };
    return i;
}

/* Flush what is known so far; more may be revoked in the same ranges. */
static void flush(struct lp_gather *gather)
{
    struct lp_flush what[LP_GATHER_RANGES];
    unsigned n = describe(gather, what);

    if (gather->all_spaces)
        lp_tlb_flush_all(gather->space->pager);
    else if (n)
        lp_tlb_flush(gather->space, what, n);
}

void lp_gather_flush_slow(struct lp_gather *gather)
{
    uint32_t i;

    flush(gather);
    gather->nranges = 0;
    gather->pending = gather->everything = false;
    gather->tables = gather->all_spaces = false;
    for (i = 0; i < gather->narms; i++)
        lp_pte_change(gather->arm[i].slot, gather->arm[i].clear,
                      gather->arm[i].set);
    gather->narms = 0;
}

static void put(struct lp_pager *pager, uint64_t reference)
{
    if (reference & LP_GATHER_DIRTY)
        lp_frame_set(lp_frame(&pager->frames, lp_round_down(reference)),
                     LP_FRAME_DIRTY);
    lp_table_put(pager, lp_round_down(reference),
                 (unsigned)(reference & (LP_GATHER_DIRTY - 1)));
}

static void drop_frames(struct lp_gather *gather)
{
    struct lp_pager *pager = gather->space->pager;
    struct lp_frames *frames = &pager->frames;
    uint64_t *more, i;

    while ((more = gather->more) != NULL) {
        for (i = 0; i < more[MORE_COUNT]; i++)
            put(pager, more[MORE_FIRST + i]);
        gather->more = (uint64_t *)(uintptr_t)more[MORE_PREVIOUS];
        lp_frame_put(frames, (lp_pa)((char *)more - frames->direct));
    }
    for (i = 0; i < gather->nframes; i++)
        put(pager, gather->frame[i]);
    gather->nframes = 0;
}

/* Another frame to remember references in; false when there is none. */
static bool grow(struct lp_gather *gather)
{
    struct lp_frames *frames = &gather->space->pager->frames;
    uint64_t *more;
    lp_pa pa;

    if (lp_frame_alloc(frames, LP_FRAME_ANY, LP_KIND_META, 0, &pa) != 0)
        return false;
    more = lp_frame_memory(frames, pa);
    more[MORE_PREVIOUS] = (uintptr_t)gather->more;
    more[MORE_COUNT] = 0;
    gather->more = more;
    return true;
}

static void add(struct lp_gather *gather, uint64_t reference)
{
    uint64_t *more;

    if (lp_likely(gather->nframes < LP_GATHER_FRAMES)) {
        gather->frame[gather->nframes++] = reference;
        return;
    }
    more = gather->more;
    if ((!more || more[MORE_COUNT] == MORE_MAX) && !grow(gather)) {
        flush(gather);
        drop_frames(gather);
        gather->frame[gather->nframes++] = reference;
        return;
    }
    more = gather->more;
    more[MORE_FIRST + more[MORE_COUNT]++] = reference;
}

void lp_gather_data(struct lp_gather *gather, lp_pa pa, bool dirty)
{
    add(gather, pa | (dirty ? LP_GATHER_DIRTY : 0));
}

void lp_gather_table(struct lp_gather *gather, lp_pa pa, unsigned level)
{
    add(gather, pa | (level + 1));
}

void lp_gather_settle(struct lp_gather *gather)
{
    lp_gather_flush(gather);
    drop_frames(gather);
}

void lp_gather_free_slow(struct lp_gather *gather)
{
    drop_frames(gather);
    if (lp_unlikely(gather->dead.first != NULL))
        lp_object_reap(&gather->dead);
}
