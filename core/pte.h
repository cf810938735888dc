/*
 * pte.h: what an entry of a page table means.
 *
 * The page-table module is this file, table.c and own.c; nothing else looks
 * inside a struct lp_pte.  An entry is one of
 *
 *     empty            0
 *     a table          a pointer to the table below, owned or unowned
 *     a page           a leaf that hardware uses
 *     a kept page      a leaf that hardware ignores: its area is PROT_NONE
 *
 * On formats whose upper entries carry no permission an unowned table entry is
 * not valid; on the others it is valid and write-protects all below.
 */
#ifndef LP_CORE_PTE_H
#define LP_CORE_PTE_H

#include "base.h"

struct lp_pte {
    uint64_t bits;
};

/* Where an entry lies, in the direct map. */
typedef _Atomic uint64_t lp_slot;

static inline struct lp_pte lp_pte_load(const lp_slot *slot)
{
    return (struct lp_pte){ atomic_load_explicit(slot, memory_order_acquire) };
}

static inline void lp_pte_store(lp_slot *slot, struct lp_pte pte)
{
    atomic_store_explicit(slot, pte.bits, memory_order_release);
}

/* Swap in: what hardware set in the old one is in the answer, none is lost. */
static inline struct lp_pte lp_pte_exchange(lp_slot *slot, struct lp_pte pte)
{
    return (struct lp_pte){ atomic_exchange_explicit(slot, pte.bits,
                                                     memory_order_acq_rel) };
}

/* Clear and set bits in one step; hardware's A and D are kept unless named. */
static inline void lp_pte_change(lp_slot *slot, uint64_t clear, uint64_t set)
{
    uint64_t old = atomic_load_explicit(slot, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(
        slot, &old, (old & ~clear) | set, memory_order_acq_rel,
        memory_order_relaxed))
        ;
}

static inline unsigned lp_index(const struct lp_pte_format *f, lp_va va,
                                unsigned level)
{
    return (unsigned)(va >> (LP_PAGE_SHIFT + level * f->index_bits)) &
           ((1u << f->index_bits) - 1);
}

/* Bytes that one entry at this level maps. */
static inline uint64_t lp_span(const struct lp_pte_format *f, unsigned level)
{
    return LP_PAGE_SIZE << (level * f->index_bits);
}

static inline uint64_t lp_pte_pa_mask(const struct lp_pte_format *f)
{
    return (((uint64_t)1 << f->pa_bits) - 1) << f->pa_shift;
}

static inline uint64_t lp_pte_encode_pa(const struct lp_pte_format *f, lp_pa pa)
{
    return pa >> LP_PAGE_SHIFT << f->pa_shift;
}

static inline bool lp_pte_empty(struct lp_pte pte)
{
    return pte.bits == 0;
}

static inline bool lp_pte_valid(const struct lp_pte_format *f,
                                struct lp_pte pte)
{
    return (pte.bits & f->valid) != 0;
}

static inline enum lp_absent_tag lp_pte_tag(const struct lp_pte_format *f,
                                            struct lp_pte pte)
{
    return (enum lp_absent_tag)(pte.bits >> f->absent_shift & 7);
}

/* A page that is kept while inaccessible. */
static inline bool lp_pte_kept(const struct lp_pte_format *f, struct lp_pte pte)
{
    /* no branch: asked of pages only, and no other page is not valid */
    return !lp_pte_valid(f, pte) && lp_pte_tag(f, pte) == LP_ABSENT_KEPT;
}

/* Does an entry above level 0 point at a table? */
static inline bool lp_pte_table(const struct lp_pte_format *f,
                                struct lp_pte pte)
{
    if (lp_pte_valid(f, pte))
        return (pte.bits & f->leaf_mask) == 0;
    return lp_pte_tag(f, pte) == LP_ABSENT_TABLE;
}

/* The physical address in a table or page entry, kept ones included. */
static inline lp_pa lp_pte_pa(const struct lp_pte_format *f, struct lp_pte pte)
{
    uint64_t bits = pte.bits;

    if (lp_unlikely(!lp_pte_valid(f, pte)) &&
        lp_pte_tag(f, pte) == LP_ABSENT_KEPT)
        bits ^= f->kept_invert;
    return (bits & lp_pte_pa_mask(f)) >> f->pa_shift << LP_PAGE_SHIFT;
}

/* The two forms of a table entry. */
static inline struct lp_pte lp_pte_make_table(const struct lp_pte_format *f,
                                              lp_pa pa, bool owned)
{
    return (struct lp_pte){ lp_pte_encode_pa(f, pa) |
                            (owned ? f->table_owned : f->table_unowned) };
}

/* The bits in which the two forms differ. */
static inline uint64_t lp_pte_owned_diff(const struct lp_pte_format *f)
{
    return f->table_owned ^ f->table_unowned;
}

/* Where the hardware has no execute-only, what may run may be read. */
static inline unsigned lp_pte_exec_implies(const struct lp_pte_format *f)
{
    return f->leaf[LP_EXEC] == f->leaf[LP_READ | LP_EXEC] ? LP_READ : 0;
}

/*
 * The one test for "a table entry, owned" that covers most of what a walk
 * meets: valid, not a leaf, with the owned bits.
 */
static inline struct lp_bit_test lp_pte_owned_table(
    const struct lp_pte_format *f)
{
    uint64_t mask = f->valid | f->leaf_mask | lp_pte_owned_diff(f);

    return (struct lp_bit_test){ mask, f->table_owned & mask };
}

static inline bool lp_pte_table_owned(const struct lp_pte_format *f,
                                      struct lp_pte pte)
{
    return ((pte.bits ^ f->table_owned) & lp_pte_owned_diff(f)) == 0;
}

/* Is what an unowned entry points at out of the hardware's reach (Sv)? */
static inline bool lp_unowned_unreachable(const struct lp_pte_format *f)
{
    return (f->table_unowned & f->valid) == 0;
}

/*
 * lp_pte_make_leaf: an entry for a page, accessed.
 *
 * => access: what the hardware shall grant; not 0.  extra: software bits, D,
 *    cache mode.
 */
static inline struct lp_pte lp_pte_make_leaf(const struct lp_pte_format *f,
                                             lp_pa pa, unsigned access,
                                             uint64_t extra)
{
    return (struct lp_pte){ lp_pte_encode_pa(f, pa) | f->leaf[access] |
                            f->accessed | extra };
}

/* What a leaf itself grants, whatever is above it. */
static inline unsigned lp_pte_access(const struct lp_pte_format *f,
                                     struct lp_pte pte)
{
    unsigned access = 0;

    if (!lp_pte_valid(f, pte))
        return 0;
    if ((pte.bits & f->readable.mask) == f->readable.value)
        access |= LP_READ;
    if ((pte.bits & f->owned_leaf) == f->owned_leaf)
        access |= LP_WRITE;
    if ((pte.bits & f->executable.mask) == f->executable.value)
        access |= LP_EXEC;
    return access;
}

/* All bits by which leaves of different access differ, and valid. */
static inline uint64_t lp_pte_access_bits(const struct lp_pte_format *f)
{
    return f->valid | f->readable.mask | f->executable.mask | f->owned_leaf |
           f->leaf[LP_READ] | f->leaf[LP_READ | LP_WRITE] | f->leaf[LP_EXEC];
}

/* What is left of a page's entry while hardware must not use it. */
static inline void lp_pte_keep(const struct lp_pte_format *f, lp_slot *slot)
{
    uint64_t lose = lp_pte_access_bits(f) | (uint64_t)7 << f->absent_shift;
    uint64_t tag = (uint64_t)LP_ABSENT_KEPT << f->absent_shift;
    uint64_t old = atomic_load_explicit(slot, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(
        slot, &old, ((old & ~lose) | tag) ^ f->kept_invert,
        memory_order_acq_rel, memory_order_relaxed))
        ;
}

#endif
