/*
 * walk.c: from a virtual address to a page: the TLB, then the tables.
 *
 * A walk starts at the lowest upper-level entry that is cached for the address
 * (Intel SDM vol. 3A, 4.10.3.2; RISC-V Privileged 1.12, 4.2.1 allows the same),
 * with the rights that were collected when it was cached, whatever the tables
 * say by now.  It caches every entry that it reads.
 *
 * A and D are set by a compare-and-swap that starts over at the same entry when
 * the entry has changed (SDM vol. 3A, 4.8: "locked"; Privileged 1.12, 4.3.2
 * step 7): so D is set only while the entry is valid and writable.
 *
 * A store through a cached entry with D clear walks again.  An access that a
 * cached entry does not allow faults without a walk.
 */
#include "machine.h"

/* One translation on its way down. */
struct walk {
    struct lp_host_cpu *cpu;
    struct lp_host *m;
    const struct lp_host_walker *w;
    enum lp_host_mode mode;
    unsigned access;
    lp_va va;
    lp_pa table;     /* we stand in this table */
    unsigned level;  /* which is of this level */
    unsigned rights; /* collected above */
    bool global;
    unsigned *flags; /* for the trap */
    struct lp_host_cached *out;
};

typedef _Atomic uint64_t slot;

static bool canonical(const struct lp_host_walker *w, lp_va va)
{
    unsigned bits = lp_host_va_bits(w);
    uint64_t above;

    if (w->canonical == LP_HOST_ZERO_FAULT)
        return va >> bits == 0;
    above = va >> (bits - 1);
    return above == 0 || above == ~UINT64_C(0) >> (bits - 1);
}

static lp_pa entry_pa(const struct lp_host_walker *w, lp_pa table,
                      unsigned level, lp_va va)
{
    uint64_t index = va >> lp_host_level_shift(w, level) &
                     ((UINT64_C(1) << w->index_bits) - 1);

    return table + index * 8;
}

/* The page of a leaf that va lies in. */
static lp_pa fragment(const struct lp_host_walker *w, lp_pa leaf,
                      unsigned level, lp_va va)
{
    uint64_t span = UINT64_C(1) << lp_host_level_shift(w, level);

    return leaf + (va & (span - 1) & ~LP_PAGE_MASK);
}

/* --- what is cached --- */

static bool evicted(struct lp_host_cpu *cpu)
{
    unsigned n = cpu->m->config.evict_one_in;

    return n && lp_host_random(&cpu->random) % n == 0;
}

static struct lp_host_cached *find_leaf(struct lp_host_cpu *cpu, lp_va va)
{
    uint64_t key = lp_host_leaf_key(va);
    struct lp_host_cache *cache = &cpu->active->leaves;
    struct lp_host_cached *entry = lp_host_cache_find(cache, key);

    if (!entry && cpu->global.count) {
        cache = &cpu->global;
        entry = lp_host_cache_find(cache, key);
    }
    if (entry && evicted(cpu)) {
        lp_host_forget(cpu, cache, key);
        entry = NULL;
    }
    return entry;
}

/* The lowest cached upper-level entry on the way to va. */
static struct lp_host_cached *find_table(struct lp_host_cpu *cpu, lp_va va)
{
    const struct lp_host_walker *w = cpu->m->walker;
    struct lp_host_cached *entry;
    unsigned level;

    if (cpu->active->tables.count == 0 || evicted(cpu))
        return NULL;
    for (level = 1; level < w->levels; level++) {
        entry = lp_host_cache_find(&cpu->active->tables,
                                   lp_host_table_key(w, level, va));
        if (entry)
            return entry;
    }
    return NULL;
}

static void remember_table(const struct walk *walk, lp_pa pa, bool negative)
{
    struct lp_host_cached entry = {
        .key = lp_host_table_key(walk->w, walk->level, walk->va),
        .pa = pa,
        .rights = (uint8_t)walk->rights,
        .level = (uint8_t)walk->level,
        .negative = negative,
    };

    lp_host_remember(walk->cpu, &walk->cpu->active->tables, &entry);
}

static void remember_leaf(const struct walk *walk,
                          const struct lp_host_entry *e, bool negative)
{
    struct lp_host_cpu *cpu = walk->cpu;
    struct lp_host_cached entry = {
        .key = lp_host_leaf_key(walk->va),
        .pa = negative ? LP_PA_NONE
                       : fragment(walk->w, e->pa, walk->level, walk->va),
        .rights = (uint8_t)walk->rights,
        .level = (uint8_t)walk->level,
        .negative = negative,
        .dirty = e->dirty,
    };
    bool global = !negative && walk->global;

    lp_host_remember(cpu, global ? &cpu->global : &cpu->active->leaves, &entry);
    *walk->out = entry;
}

/* --- the walk --- */

static enum lp_host_outcome refuse(const struct walk *walk,
                                   enum lp_host_refusal refusal)
{
    *walk->flags = refusal == LP_HOST_NO_SUPERVISOR ? LP_FAULT_SUPERVISOR : 0;
    return LP_HOST_PAGE_FAULT;
}

static enum lp_host_outcome absent(const struct walk *walk,
                                   const struct lp_host_entry *e)
{
    if (walk->m->negative && walk->level)
        remember_table(walk, LP_PA_NONE, true);
    else if (walk->m->negative)
        remember_leaf(walk, e, true);
    *walk->flags = 0;
    return LP_HOST_PAGE_FAULT;
}

/* Set bits in an entry; false: it has changed, look again. */
static bool set_bits(slot *entry, uint64_t seen, uint64_t bits)
{
    return (seen & bits) == bits ||
           atomic_compare_exchange_strong_explicit(entry, &seen, seen | bits,
                                                   memory_order_acq_rel,
                                                   memory_order_relaxed);
}

/*
 * A leaf: check, set A and D, cache.  False: it changed meanwhile, read it
 * again.
 */
static bool use_leaf(struct walk *walk, slot *entry, uint64_t bits,
                     struct lp_host_entry *e, enum lp_host_outcome *outcome)
{
    const struct lp_host_config *config = &walk->m->config;
    unsigned above = walk->rights;
    uint64_t wanted = walk->w->accessed;
    enum lp_host_refusal refusal;

    if (walk->access == LP_WRITE)
        wanted |= walk->w->dirty;
    walk->rights &= e->rights;
    refusal = walk->w->allows(config, walk->rights, walk->access, walk->mode);
    if (refusal != LP_HOST_ALLOWED) {
        if (e->accessed)
            remember_leaf(walk, e, false);
        *outcome = refuse(walk, refusal);
        return true;
    }
    if (!walk->w->hardware_ad && (bits & wanted) != wanted) {
        *outcome = refuse(walk, LP_HOST_NO_RIGHT);
        return true;
    }
    if (!set_bits(entry, bits, wanted)) {
        walk->rights = above;
        return false;
    }
    e->dirty |= walk->access == LP_WRITE;
    remember_leaf(walk, e, false);
    /* Counted as cached first: who frees it now finds the entry. */
    *outcome = lp_host_reach(walk->m, walk->out->pa, "page", walk->va)
                   ? LP_HOST_HIT
                   : LP_HOST_STUCK;
    return true;
}

/* A table below: go there.  False: the entry changed meanwhile. */
static bool descend(struct walk *walk, slot *entry, uint64_t bits,
                    const struct lp_host_entry *e)
{
    if (walk->w->table_accessed && !set_bits(entry, bits, walk->w->accessed))
        return false;
    walk->rights &= e->rights;
    walk->global |= e->global;
    remember_table(walk, e->pa, false);
    walk->table = e->pa;
    walk->level--;
    return true;
}

/* Look at one entry; true: the walk is over. */
static bool step(struct walk *walk, enum lp_host_outcome *outcome)
{
    lp_pa pa = entry_pa(walk->w, walk->table, walk->level, walk->va);
    slot *entry = lp_host_reach(walk->m, pa, "page table", walk->va);
    struct lp_host_entry e = { 0 };
    uint64_t bits;

    *outcome = LP_HOST_STUCK;
    if (!entry)
        return true;
    walk->cpu->stats.entries_read++;
    bits = atomic_load_explicit(entry, memory_order_acquire);
    walk->w->decode(&walk->m->config, walk->level, bits, &e);
    switch (e.kind) {
    case LP_HOST_ABSENT: *outcome = absent(walk, &e); return true;
    case LP_HOST_RESERVED:
        *walk->flags = walk->w->reports_reserved ? LP_FAULT_RESERVED : 0;
        *outcome = LP_HOST_PAGE_FAULT;
        return true;
    case LP_HOST_TABLE: descend(walk, entry, bits, &e); return false;
    case LP_HOST_LEAF:
        walk->global |= e.global;
        return use_leaf(walk, entry, bits, &e, outcome);
    }
    return true;
}

static enum lp_host_outcome walk_down(struct walk *walk)
{
    struct lp_host_cached *from = find_table(walk->cpu, walk->va);
    enum lp_host_outcome outcome;

    walk->cpu->stats.walks++;
    walk->table = walk->cpu->active->root;
    walk->level = walk->w->levels - 1;
    walk->rights = LP_HOST_RIGHTS_ALL;
    if (from && from->negative) {
        *walk->flags = 0;
        return LP_HOST_PAGE_FAULT;
    }
    if (from) {
        walk->table = from->pa;
        walk->level = from->level - 1u;
        walk->rights = from->rights;
    }
    while (!step(walk, &outcome))
        ;
    return outcome;
}

/* The TLB, then the walk.  CPU locked, a root active. */
static enum lp_host_outcome look_up(struct walk *walk)
{
    struct lp_host_cpu *cpu = walk->cpu;
    const struct lp_host_cached *entry = find_leaf(cpu, walk->va);
    enum lp_host_refusal refusal;

    if (!entry)
        return walk_down(walk);
    if (entry->negative)
        return refuse(walk, LP_HOST_NO_RIGHT);
    refusal = walk->w->allows(&walk->m->config, entry->rights, walk->access,
                              walk->mode);
    if (refusal != LP_HOST_ALLOWED)
        return refuse(walk, refusal);
    if (walk->access == LP_WRITE && !entry->dirty)
        return walk_down(walk);
    cpu->stats.tlb_hits++;
    *walk->out = *entry;
    return LP_HOST_HIT;
}

enum lp_host_outcome lp_host_translate_on(struct lp_host_cpu *cpu,
                                          enum lp_host_mode mode,
                                          unsigned access, lp_va va,
                                          struct lp_host_cached *cached,
                                          unsigned *flags)
{
    struct lp_host *m = cpu->m;
    struct walk walk = { .cpu = cpu,
                         .m = m,
                         .w = m->walker,
                         .mode = mode,
                         .access = access,
                         .va = va,
                         .flags = flags,
                         .out = cached };
    enum lp_host_outcome outcome;

    *flags = 0;
    if (!cpu->active) {
        lp_host_fail(m, "CPU %u: access to va 0x%llx without a root",
                     cpu->number, (unsigned long long)va);
        return LP_HOST_STUCK;
    }
    if (!canonical(m->walker, va))
        return m->walker->canonical == LP_HOST_SIGN_GP ? LP_HOST_NOT_CANONICAL
                                                       : LP_HOST_PAGE_FAULT;
    if (m->config.flags & LP_HOST_SPECULATE)
        cpu->recent[cpu->nrecent++ % LP_HOST_RECENT] = va;
    lp_host_lock(cpu);
    outcome = look_up(&walk);
    if (outcome == LP_HOST_PAGE_FAULT &&
        m->config.flags & LP_HOST_DROP_ON_FAULT)
        lp_host_forget_va(cpu, va);
    lp_host_unlock(cpu);
    return outcome;
}

/* --- looking without touching --- */

bool lp_host_look(struct lp_host *m, lp_pa root, lp_va va, unsigned level,
                  struct lp_host_cached *out)
{
    const struct lp_host_walker *w = m->walker;
    unsigned rights = LP_HOST_RIGHTS_ALL, at = w->levels;
    struct lp_host_entry e = { .kind = LP_HOST_TABLE, .pa = root };
    slot *entry;

    if (!canonical(w, va))
        return false;
    while (at > level && e.kind == LP_HOST_TABLE) {
        at--;
        if (lp_host_frame_of(m, e.pa) && !lp_host_frame_used(m, e.pa))
            return false;
        entry = lp_host_memory(m, entry_pa(w, e.pa, at, va));
        if (!entry)
            return false;
        w->decode(&m->config, at,
                  atomic_load_explicit(entry, memory_order_acquire), &e);
        rights &= e.rights;
    }
    if (e.kind != (level ? LP_HOST_TABLE : LP_HOST_LEAF))
        return false;
    out->pa = level ? e.pa : fragment(w, e.pa, at, va);
    out->rights = (uint8_t)rights;
    out->level = (uint8_t)at;
    out->dirty = e.dirty;
    out->negative = false;
    return true;
}

/* --- walks that nobody asked for --- */

static void speculate_on(struct lp_host_cpu *cpu)
{
    struct lp_host_cached cached;
    unsigned flags, i, n = cpu->nrecent;
    struct walk walk = { .cpu = cpu,
                         .m = cpu->m,
                         .w = cpu->m->walker,
                         .mode = LP_HOST_USER,
                         .access = LP_READ,
                         .flags = &flags,
                         .out = &cached };

    if (!cpu->active)
        return;
    lp_host_lock(cpu);
    for (i = 0; i < n && i < LP_HOST_RECENT; i++) {
        walk.va = cpu->recent[i];
        walk.global = false;
        if (!lp_host_cache_find(&cpu->active->leaves,
                                lp_host_leaf_key(walk.va)))
            walk_down(&walk);
    }
    lp_host_unlock(cpu);
}

void lp_host_speculate(struct lp_host *m)
{
    unsigned i;

    if (!(m->config.flags & LP_HOST_SPECULATE) || m->checking)
        return;
    if (m->threads) {
        speculate_on(lp_host_this_cpu(m));
        return;
    }
    for (i = 0; i < m->config.ncpus; i++)
        speculate_on(&m->cpus[i]);
}
