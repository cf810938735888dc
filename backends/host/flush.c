/*
 * flush.c: the machine's struct lp_arch: what activates a root and what makes a
 * CPU forget; and the bookkeeping that says which frames a CPU can reach.
 *
 * Each frame counts the cached entries that lead to it, so that freeing a frame
 * nobody has cached costs nothing.  When the count is not zero, the frame's
 * entries are looked for on all CPUs:
 *
 *     under the ASID that is active there, or global    a failure
 *     under an ASID that is away                        it is condemned
 *
 * A condemned ASID may not be used before it has been flushed; activating it
 * without is the failure.  As none of its entries can be used legally any more,
 * they are dropped at once.  In the upper half, which is the kernel's, to be
 * away is no excuse: nobody flushes an ASID there because it comes back.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

/* --- entries and the counts of their frames --- */

static void count_frame(struct lp_host *m, const struct lp_host_cached *entry,
                        uint32_t by)
{
    struct lp_host_frame *frame = NULL;

    if (!entry->negative)
        frame = lp_host_frame_of(m, entry->pa);
    if (frame)
        atomic_fetch_add(&frame->cached, by);
}

void lp_host_remember(struct lp_host_cpu *cpu, struct lp_host_cache *cache,
                      const struct lp_host_cached *entry)
{
    struct lp_host_cached *old = lp_host_cache_find(cache, entry->key);

    count_frame(cpu->m, entry, 1);
    if (old) {
        count_frame(cpu->m, old, UINT32_MAX);
        *old = *entry;
    } else {
        lp_host_cache_put(cache, entry);
    }
}

void lp_host_forget(struct lp_host_cpu *cpu, struct lp_host_cache *cache,
                    uint64_t key)
{
    struct lp_host_cached *old = lp_host_cache_find(cache, key);

    if (!old)
        return;
    count_frame(cpu->m, old, UINT32_MAX);
    lp_host_cache_remove(cache, key);
}

/* What a flush drops: those entries that meet [start, end). */
struct range {
    struct lp_host_cpu *cpu;
    lp_pa root; /* to see what was still true; LP_PA_NONE: do not look */
    bool table; /* the entries are of upper levels */
    bool asked; /* the library has asked for it: count what is dropped */
    bool all;
    lp_va start, end;
};

static bool still_true(const struct range *range,
                       const struct lp_host_cached *entry)
{
    struct lp_host *m = range->cpu->m;
    struct lp_host_cached now;
    lp_va va = lp_host_key_va(m->walker, entry, false);

    return !entry->negative && lp_host_look(m, range->root, va, 0, &now) &&
           now.pa == entry->pa && (entry->rights & ~now.rights) == 0 &&
           (!entry->dirty || now.dirty || !(entry->rights & LP_WRITE));
}

/* The counting that goes with dropping an entry. */
static void dropped(const struct range *range,
                    const struct lp_host_cached *entry)
{
    count_frame(range->cpu->m, entry, UINT32_MAX);
    if (range->table || !range->asked)
        return;
    range->cpu->stats.dropped++;
    if (range->root != LP_PA_NONE && still_true(range, entry))
        range->cpu->stats.dropped_true++;
}

static bool outside(void *ctx, struct lp_host_cached *entry)
{
    const struct range *range = ctx;
    const struct lp_host_walker *w = range->cpu->m->walker;
    uint64_t span = UINT64_C(1) << lp_host_level_shift(w, entry->level);
    lp_va va;

    if (!range->all) {
        va = lp_host_key_va(w, entry, range->table) & ~(span - 1);
        if (va >= range->end || va + (span - 1) < range->start)
            return true;
    }
    dropped(range, entry);
    return false;
}

static void drop_from(struct lp_host_cache *cache, struct range *range)
{
    lp_va va;
    const struct lp_host_cached *entry;

    if (range->all || range->table || cache->nbig ||
        (range->end - range->start) / LP_PAGE_SIZE > cache->capacity) {
        lp_host_cache_filter(cache, outside, range);
        return;
    }
    for (va = range->start; va < range->end && cache->count;
         va += LP_PAGE_SIZE) {
        entry = lp_host_cache_find(cache, lp_host_leaf_key(va));
        if (!entry)
            continue;
        dropped(range, entry);
        lp_host_cache_remove(cache, lp_host_leaf_key(va));
    }
}

static void drop_asid(struct lp_host_cpu *cpu, struct lp_host_asid *asid,
                      bool asked, bool tables)
{
    struct range range = {
        .cpu = cpu, .root = LP_PA_NONE, .asked = asked, .all = true
    };

    if (asked && cpu->m->config.flags & LP_HOST_COUNT_TRUE)
        range.root = asid->root;
    drop_from(&asid->leaves, &range);
    range.table = true;
    if (tables)
        drop_from(&asid->tables, &range);
}

void lp_host_forget_va(struct lp_host_cpu *cpu, lp_va va)
{
    struct range range = { .cpu = cpu, .root = LP_PA_NONE };

    range.start = va & ~LP_PAGE_MASK;
    range.end = range.start + LP_PAGE_SIZE;
    drop_from(&cpu->active->leaves, &range);
    drop_from(&cpu->global, &range);
    range.table = true;
    drop_from(&cpu->active->tables, &range);
}

/* --- ASIDs --- */

static struct lp_host_asid *asid_of(struct lp_host_cpu *cpu, uint32_t number)
{
    struct lp_host_asid **grown, *asid;
    uint32_t n = cpu->nasids;

    if (number >= n) {
        while (number >= n)
            n = n ? n * 2 : 16;
        grown = realloc(cpu->asids, n * sizeof(*grown));
        if (!grown)
            abort();
        memset(grown + cpu->nasids, 0, (n - cpu->nasids) * sizeof(*grown));
        cpu->asids = grown;
        cpu->nasids = n;
    }
    if (!cpu->asids[number]) {
        asid = calloc(1, sizeof *asid);
        if (!asid)
            abort();
        asid->number = number;
        asid->root = LP_PA_NONE;
        cpu->asids[number] = asid;
    }
    return cpu->asids[number];
}

static void set_root(struct lp_host *m, struct lp_host_asid *asid, lp_pa root)
{
    struct lp_host_frame *frame = lp_host_frame_of(m, asid->root);

    if (frame)
        atomic_fetch_sub(&frame->roots, 1);
    asid->root = root;
    frame = lp_host_frame_of(m, root);
    if (frame)
        atomic_fetch_add(&frame->roots, 1);
}

void lp_host_condemn(struct lp_host_cpu *cpu, struct lp_host_asid *asid)
{
    drop_asid(cpu, asid, false, true);
    set_root(cpu->m, asid, LP_PA_NONE);
    lp_host_cache_free(&asid->stores);
    asid->condemned = true;
}

void lp_host_drop_asids(struct lp_host_cpu *cpu)
{
    uint32_t i;

    for (i = 0; i < cpu->nasids; i++) {
        if (!cpu->asids[i])
            continue;
        lp_host_cache_free(&cpu->asids[i]->leaves);
        lp_host_cache_free(&cpu->asids[i]->tables);
        lp_host_cache_free(&cpu->asids[i]->stores);
        free(cpu->asids[i]);
    }
    free(cpu->asids);
    lp_host_cache_free(&cpu->global);
}

static bool has_entries(const struct lp_host_asid *asid)
{
    return asid->leaves.count || asid->tables.count;
}

/* May this ASID be used again, with this root, without a flush? */
static void expect_fresh(struct lp_host_cpu *cpu,
                         const struct lp_host_asid *asid, lp_pa root)
{
    if (asid->condemned)
        lp_host_fail(cpu->m,
                     "CPU %u: ASID %u activated without a flush "
                     "although its entries are stale",
                     cpu->number, asid->number);
    else if (has_entries(asid) && asid->root != root)
        lp_host_fail(cpu->m,
                     "CPU %u: ASID %u activated for root 0x%llx "
                     "without a flush; it has entries of root 0x%llx",
                     cpu->number, asid->number, (unsigned long long)root,
                     (unsigned long long)asid->root);
}

/* --- struct lp_arch --- */

static void activate(void *ctx, lp_pa root, uint32_t number, bool flush)
{
    struct lp_host *m = ctx;
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);
    struct lp_host_asid *asid;
    bool asked = flush; /* not: a machine without ASIDs */

    lp_host_expect_preempt_off(cpu, "activate");
    if (number >> m->arch.asid_bits)
        lp_host_fail(m, "CPU %u: ASID %u is too wide", cpu->number, number);
    if (!lp_host_reach(m, root, "root", 0))
        return;
    /* Without ASIDs every load of the root flushes. */
    flush |= m->arch.asid_bits == 0;
    lp_host_lock(cpu);
    asid = asid_of(cpu, number);
    if (flush)
        drop_asid(cpu, asid, asked && asid->root == root, true);
    else
        expect_fresh(cpu, asid, root);
    asid->condemned = false;
    if (asid->root != root) {
        set_root(m, asid, root);
        lp_host_cache_free(&asid->stores);
        asid->space = NULL;
    }
    cpu->active = asid;
    cpu->space = asid->space;
    lp_host_unlock(cpu);
    cpu->stats.activations++;
    cpu->stats.activations_flushing += flush;
}

void lp_host_deactivate(struct lp_host *m)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);

    lp_host_serve(cpu);
    lp_host_lock(cpu);
    cpu->active = NULL;
    cpu->space = NULL;
    lp_host_unlock(cpu);
}

static void flush_range(struct lp_host_cpu *cpu, const struct lp_flush *what)
{
    struct lp_host_asid *asid = asid_of(cpu, what->asid);
    struct range range = { .cpu = cpu,
                           .root = LP_PA_NONE,
                           .asked = true,
                           .start = what->start,
                           .end = what->end };

    if (cpu->m->config.flags & LP_HOST_COUNT_TRUE)
        range.root = asid->root;
    drop_from(&asid->leaves, &range);
    range.table = range.all = true; /* of upper levels, whatever the range */
    if (what->tables)
        drop_from(&asid->tables, &range);
}

static void flush_asid(struct lp_host_cpu *cpu, const struct lp_flush *what)
{
    struct lp_host_asid *asid = asid_of(cpu, what->asid);

    drop_asid(cpu, asid, true, what->tables);
    if (what->tables)
        asid->condemned = false;
}

/* A range under every ASID, and global. */
static void flush_global(struct lp_host_cpu *cpu, const struct lp_flush *what)
{
    struct lp_flush one = *what;
    struct range range = { .cpu = cpu,
                           .root = LP_PA_NONE,
                           .asked = true,
                           .start = what->start,
                           .end = what->end };

    for (one.asid = 0; one.asid < cpu->nasids; one.asid++)
        if (cpu->asids[one.asid])
            flush_range(cpu, &one);
    drop_from(&cpu->global, &range);
}

static void flush_all(struct lp_host_cpu *cpu)
{
    struct range range = {
        .cpu = cpu, .root = LP_PA_NONE, .asked = true, .all = true
    };
    uint32_t i;

    for (i = 0; i < cpu->nasids; i++) {
        if (!cpu->asids[i])
            continue;
        drop_asid(cpu, cpu->asids[i], true, true);
        cpu->asids[i]->condemned = false;
    }
    drop_from(&cpu->global, &range);
}

static const char *bad_flush(const struct lp_host *m,
                             const struct lp_flush *what)
{
    bool every = what->scope == LP_FLUSH_ALL || what->scope == LP_FLUSH_GLOBAL;

    if (every ? what->asid != 0 : what->asid >> m->arch.asid_bits != 0)
        return every ? "one ASID and of all" : "an ASID that is too wide";
    if (what->scope != LP_FLUSH_RANGE && what->scope != LP_FLUSH_GLOBAL)
        return what->start || what->end ? "a range that is not asked for"
                                        : NULL;
    if ((what->start | what->end) & LP_PAGE_MASK)
        return "a range that is not page-aligned";
    return what->start > what->end ? "a range that ends before it starts"
                                   : NULL;
}

static void report_bad(struct lp_host_cpu *cpu, const struct lp_flush *what,
                       const char *bad)
{
    lp_host_fail(cpu->m, "CPU %u: flush of %s: 0x%llx to 0x%llx, ASID %u",
                 cpu->number, bad, (unsigned long long)what->start,
                 (unsigned long long)what->end, what->asid);
}

/* This CPU forgets.  CPU locked. */
static void forget(struct lp_host_cpu *cpu, const struct lp_flush *what)
{
    switch (what->scope) {
    case LP_FLUSH_RANGE: flush_range(cpu, what); break;
    case LP_FLUSH_ASID: flush_asid(cpu, what); break;
    case LP_FLUSH_GLOBAL: flush_global(cpu, what); break;
    case LP_FLUSH_ALL: flush_all(cpu); break;
    }
}

static void flush(void *ctx, const struct lp_flush *what)
{
    struct lp_host *m = ctx;
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);
    const char *bad = bad_flush(m, what);

    lp_host_speculate(m);
    lp_host_expect_preempt_off(cpu, "flush");
    /* For user space a backend may do less than it says (arch.h). */
    if (!bad && what->scope == LP_FLUSH_GLOBAL && what->start < what->end &&
        !lp_host_upper(m->walker, what->start))
        bad = "all ASIDs in user space";
    if (bad) {
        report_bad(cpu, what, bad);
        return;
    }
    lp_host_lock(cpu);
    forget(cpu, what);
    lp_host_unlock(cpu);
    cpu->stats.flushes_range += what->scope == LP_FLUSH_RANGE;
    cpu->stats.flushes_asid += what->scope == LP_FLUSH_ASID;
    cpu->stats.flushes_all += what->scope == LP_FLUSH_ALL;
    cpu->stats.flushes_global += what->scope == LP_FLUSH_GLOBAL;
}

/*
 * struct lp_kernel: the other CPUs forget, without code of the library there.
 * An access that has translated its address, but not moved its bytes yet, is
 * waited for: a real fence comes between two instructions.
 */
void lp_host_fence(struct lp_host *m, const struct lp_cpuset *cpus,
                   const struct lp_flush *what, unsigned n)
{
    struct lp_host_cpu *self = lp_host_this_cpu(m), *cpu;
    const char *bad;
    unsigned i, k;

    for (k = 0; k < n; k++) {
        bad = bad_flush(m, &what[k]);
        if (what[k].scope == LP_FLUSH_RANGE || what[k].scope == LP_FLUSH_ASID)
            bad = "one ASID of another CPU";
        if (bad) {
            report_bad(self, &what[k], bad);
            return;
        }
    }
    for (i = 0; i < m->config.ncpus; i++) {
        if (!(cpus->word[i / 64] >> (i % 64) & 1))
            continue;
        cpu = &m->cpus[i];
        lp_host_lock(cpu);
        for (k = 0; k < n; k++)
            forget(cpu, &what[k]);
        lp_host_unlock(cpu);
        lp_host_access_over(cpu);
        self->stats.fences++;
    }
}

static int decode(void *ctx, const void *raw, struct lp_fault *out)
{
    const struct lp_host_trap *trap = raw;

    (void)ctx;
    if (!trap->page_fault)
        return -LP_EINVAL;
    *out = (struct lp_fault){ trap->va, trap->access, trap->flags };
    return 0;
}

static void sync_code(void *ctx)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(ctx);

    lp_host_expect_preempt_off(cpu, "sync_code");
    lp_host_icache_drop(cpu);
    cpu->stats.code_syncs++;
}

void lp_host_arch_init(struct lp_host *m)
{
    m->arch.name = m->config.format;
    m->arch.format = *m->walker->format;
    m->arch.asid_bits =
        m->config.asid_bits < 0 ? 0 : (unsigned)m->config.asid_bits;
    m->arch.caches_invalid = m->walker->caches_invalid;
    m->arch.ctx = m;
    m->arch.activate = activate;
    m->arch.flush = flush;
    m->arch.decode = decode;
    m->arch.sync_code = m->config.flags & LP_HOST_ICACHE ? sync_code : NULL;
}

/* --- the oracle of freed frames --- */

/* What kind of entries, and in which half, an oracle looks for. */
struct wanted {
    const struct lp_host_walker *w;
    bool table; /* the cache is one of upper levels */
    bool upper; /* only in the upper half */
};

static const struct lp_host_cached *leads_to(const struct lp_host_cache *cache,
                                             lp_pa pa, struct wanted wanted)
{
    const struct lp_host_cached *entry;
    size_t i;

    for (i = 0; i < cache->capacity; i++) {
        entry = &cache->slots[i];
        if (entry->key && !entry->negative && entry->pa == pa &&
            (!wanted.upper ||
             lp_host_upper(wanted.w,
                           lp_host_key_va(wanted.w, entry, wanted.table))))
            return entry;
    }
    return NULL;
}

static void report_freed(struct lp_host_cpu *cpu, lp_pa pa, const char *what,
                         lp_va va)
{
    lp_host_fail(cpu->m,
                 "frame 0x%llx freed while CPU %u still has it as %s "
                 "of va 0x%llx",
                 (unsigned long long)pa, cpu->number, what,
                 (unsigned long long)va);
}

/* Entries of this ASID that lead there; false: none.  upper: see wanted. */
static bool report_asid(struct lp_host_cpu *cpu, struct lp_host_asid *asid,
                        lp_pa pa, bool upper)
{
    const struct lp_host_walker *w = cpu->m->walker;
    const struct lp_host_cached *page, *table;

    page = leads_to(&asid->leaves, pa, (struct wanted){ w, false, upper });
    table = leads_to(&asid->tables, pa, (struct wanted){ w, true, upper });
    if (page)
        report_freed(cpu, pa, "the page", lp_host_key_va(w, page, false));
    if (table)
        report_freed(cpu, pa, "a table", lp_host_key_va(w, table, true));
    return page || table;
}

static void check_active(struct lp_host_cpu *cpu, lp_pa pa)
{
    const struct lp_host_walker *w = cpu->m->walker;
    const struct lp_host_cached *entry =
        leads_to(&cpu->global, pa, (struct wanted){ w, false, false });

    if (entry)
        report_freed(cpu, pa, "a global page", lp_host_key_va(w, entry, false));
    if (!cpu->active)
        return;
    if (cpu->active->root == pa)
        report_freed(cpu, pa, "the root", 0);
    report_asid(cpu, cpu->active, pa, false);
}

static void check_away(struct lp_host_cpu *cpu, lp_pa pa)
{
    const struct lp_host_walker *w = cpu->m->walker;
    struct lp_host_asid *asid;
    uint32_t i;

    for (i = 0; i < cpu->nasids; i++) {
        asid = cpu->asids[i];
        if (!asid || asid == cpu->active)
            continue;
        report_asid(cpu, asid, pa, true);
        if (asid->root == pa ||
            leads_to(&asid->leaves, pa, (struct wanted){ w, false, false }) ||
            leads_to(&asid->tables, pa, (struct wanted){ w, true, false }))
            lp_host_condemn(cpu, asid);
    }
}

void lp_host_check_freed(struct lp_host *m, struct lp_host_frame *frame,
                         lp_pa pa)
{
    unsigned i;

    for (i = 0; i < m->config.ncpus; i++) {
        if (!atomic_load(&frame->cached) && !atomic_load(&frame->roots))
            return;
        lp_host_lock(&m->cpus[i]);
        check_active(&m->cpus[i], pa);
        check_away(&m->cpus[i], pa);
        lp_host_unlock(&m->cpus[i]);
    }
}
