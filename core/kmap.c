/*
 * kmap.c: the verbs of the kernel's half.
 *
 * Each does the same: lock KERNEL, take the tables that it will need, change
 * the tables, flush every CPU, unlock, free.  The flush is under the lock, or
 * what somebody maps next could meet translations that are not gone yet.
 *
 * The kernel has no fault that absorbs what a CPU has cached wrongly.  So where
 * CPUs may cache that an entry was not valid, even mapping flushes; and so does
 * every change of access, also one that grants more.  What becomes executable is
 * synced before, for instruction caches that do not watch stores.
 */
#include "ktable.h"
#include "space.h"
#include "tlb.h"

/* One call at work. */
struct work {
    lp_va start, end;
    struct lp_kstock stock; /* tables to use */
    struct lp_kstock dead;  /* tables to free after the flush */
    struct lp_kchange change;
};

static const struct lp_range *range_of(const struct lp_pager *pager, lp_va va,
                                       uint64_t len)
{
    const struct lp_range *r = pager->kernel_range;
    unsigned i;

    for (i = 0; i < pager->nkernel_ranges; i++, r++)
        if (va >= r->start && va < r->end && len <= r->end - va)
            return r;
    return NULL;
}

static bool args_ok(const struct lp_pager *pager, lp_va va, uint64_t len)
{
    return len != 0 && lp_page_aligned(va | len) && range_of(pager, va, len);
}

static bool access_ok(unsigned access)
{
    return access != 0 && !(access & ~(unsigned)(LP_READ | LP_WRITE | LP_EXEC));
}

static bool pa_ok(const struct lp_pte_format *f, lp_pa pa, uint64_t len)
{
    lp_pa last = ~(lp_pa)0 >> (64 - LP_PAGE_SHIFT - f->pa_bits);

    return lp_page_aligned(pa) && pa <= last && len - 1 <= last - pa;
}

static void begin(struct lp_pager *pager, struct work *work, lp_va va,
                  uint64_t len) LP_TSA(acquire_capability(pager->kernel_lock))
{
    *work = (struct work){ .start = va,
                           .end = va + len,
                           .stock = { LP_PA_NONE },
                           .dead = { LP_PA_NONE } };
    lp_ticket_lock(pager->kernel, &pager->kernel_lock);
}

/* Flush what changed, unlock, free. */
static void finish(struct lp_pager *pager, struct work *work, bool flush)
    LP_TSA(release_capability(pager->kernel_lock))
{
    if (flush && work->change.any)
        lp_tlb_flush_kernel(pager, work->start, work->end, work->change.tables);
    lp_ticket_unlock(pager->kernel, &pager->kernel_lock);
    lp_ktable_unstock(pager, &work->stock);
    lp_ktable_unstock(pager, &work->dead);
}

static int map(struct lp_pager *pager, const struct lp_kpages *pages)
{
    struct work work;
    uint64_t n;
    int error;

    begin(pager, &work, pages->start, pages->end - pages->start);
    error = lp_ktable_map_needs(pager, pages, &n);
    if (!error)
        error = lp_ktable_stock(pager, n, &work.stock);
    if (!error) {
        lp_tlb_sync_code_kernel(pager, pages->access);
        lp_ktable_map(pager, pages, &work.stock, &work.change);
    }
    finish(pager, &work, pager->arch->caches_invalid);
    return error;
}

int lp_kernel_map(struct lp_pager *pager, lp_va va, lp_pa pa, uint64_t len,
                  unsigned access, unsigned flags, enum lp_cache_mode cache)
{
    struct lp_kpages pages = {
        va, va + len, pa, access, (flags & LP_KERNEL_USER) != 0, cache
    };
    int error;

    if (!args_ok(pager, va, len) || !access_ok(access) ||
        !pa_ok(&pager->format, pa, len) ||
        (flags & ~(unsigned)LP_KERNEL_USER) ||
        (unsigned)cache >= LP_CACHE_MODES)
        return -LP_EINVAL;
    while ((error = map(pager, &pages)) == -LP_ENOMEM)
        if (!lp_low_memory(pager))
            break;
    return error;
}

static int unmap(struct lp_pager *pager, lp_va va, uint64_t len)
{
    struct work work;
    int error;

    begin(pager, &work, va, len);
    error = lp_ktable_stock(
        pager, lp_ktable_split_needs(pager, work.start, work.end), &work.stock);
    if (!error) {
        lp_ktable_split(pager, work.start, work.end, &work.stock, &work.change);
        lp_ktable_clear(pager, work.start, work.end, &work.dead, &work.change);
    }
    finish(pager, &work, true);
    return error;
}

int lp_kernel_unmap(struct lp_pager *pager, lp_va va, uint64_t len)
{
    int error;

    if (!args_ok(pager, va, len))
        return -LP_EINVAL;
    while ((error = unmap(pager, va, len)) == -LP_ENOMEM)
        if (!lp_low_memory(pager))
            break;
    return error;
}

/* *hole: a part is not mapped; no memory helps. */
static int protect(struct lp_pager *pager, lp_va va, uint64_t len,
                   unsigned access, bool *hole)
{
    struct work work;
    int error = -LP_ENOMEM;

    begin(pager, &work, va, len);
    *hole = !lp_ktable_mapped(pager, work.start, work.end);
    if (!*hole)
        error = lp_ktable_stock(
            pager, lp_ktable_split_needs(pager, work.start, work.end),
            &work.stock);
    if (!error) {
        lp_tlb_sync_code_kernel(pager, access);
        lp_ktable_split(pager, work.start, work.end, &work.stock, &work.change);
        lp_ktable_protect(pager, work.start, work.end, access, &work.change);
    }
    finish(pager, &work, true);
    return error;
}

int lp_kernel_protect(struct lp_pager *pager, lp_va va, uint64_t len,
                      unsigned access)
{
    bool hole;
    int error;

    if (!args_ok(pager, va, len) || !access_ok(access))
        return -LP_EINVAL;
    while ((error = protect(pager, va, len, access, &hole)) == -LP_ENOMEM)
        if (hole || !lp_low_memory(pager))
            break;
    return error;
}

int lp_kernel_query(struct lp_pager *pager, lp_va va, struct lp_page_info *info)
{
    if (!range_of(pager, va, 1))
        return -LP_EFAULT;
    lp_ticket_lock(pager->kernel, &pager->kernel_lock);
    lp_ktable_query(pager, va, info);
    lp_ticket_unlock(pager->kernel, &pager->kernel_lock);
    return 0;
}

lp_pa lp_kernel_root(const struct lp_pager *pager)
{
    return pager->root;
}
