/*
 * ktable.h: the page tables of the kernel's half that a pager manages.
 *
 * They are reached from the pager's root, and from every other root by the same
 * root entries, which never change.  The tables those point at live as long as
 * the pager; below them no table is ever empty.  So an entry that points at a
 * table says that something is mapped in its span.
 *
 * Nothing here is counted, owned or shared, and every leaf carries A from the
 * start, and D where it may be written: no hardware ever changes an entry.
 *
 * All changes under KERNEL.  None flushes: struct lp_kchange says what must be.
 */
#ifndef LP_CORE_KTABLE_H
#define LP_CORE_KTABLE_H

#include "pager.h"

/* Tables that nothing points at, linked through their records (hardware may
 * still walk those that have just been removed). */
struct lp_kstock {
    lp_pa first; /* LP_PA_NONE: empty */
};

/* What the TLBs must forget. */
struct lp_kchange {
    bool any;
    bool tables; /* entries above level 0 changed */
};

/* What to map. */
struct lp_kpages {
    lp_va start, end;
    lp_pa pa;
    unsigned access;
    bool user;
    enum lp_cache_mode cache;
};

/*
 * lp_ktable_options_ok: do the options' kernel_root and kernel_ranges keep
 * their contract?  Before there is a pager.
 */
bool lp_ktable_options_ok(const struct lp_frames *frames,
                          const struct lp_pte_format *f,
                          const struct lp_options *options);

/*
 * lp_ktable_create: fill the kernel's half of the pager's root, which is empty.
 *
 * => returns 0, or -LP_ENOMEM: lp_ktable_destroy frees what is there.
 */
LP_MUST_CHECK
int lp_ktable_create(struct lp_pager *pager, const struct lp_options *options);

/* lp_ktable_manages: does a managed range meet this root entry? */
bool lp_ktable_manages(const struct lp_pager *pager, unsigned index);

/*
 * lp_ktable_same_half: is this root's kernel half the pager's?  Hardware may
 * have set A, and D of a leaf, in one of them.
 */
bool lp_ktable_same_half(const struct lp_pager *pager, lp_pa root);

/* lp_ktable_destroy: free all tables of the managed ranges.  No TLB has them. */
void lp_ktable_destroy(struct lp_pager *pager);

/*
 * lp_ktable_stock: n new tables.  Returns 0, or -LP_ENOMEM with none taken.
 * lp_ktable_unstock: back to the kernel; no TLB has them.
 */
LP_MUST_CHECK
int lp_ktable_stock(struct lp_pager *pager, uint64_t n,
                    struct lp_kstock *stock);
void lp_ktable_unstock(struct lp_pager *pager, struct lp_kstock *stock);

/*
 * lp_ktable_map_needs: how many tables lp_ktable_map will take.
 *
 * => returns 0 and *n, or -LP_EEXIST.
 */
LP_MUST_CHECK
int lp_ktable_map_needs(const struct lp_pager *pager,
                        const struct lp_kpages *pages, uint64_t *n);

/* lp_ktable_map: map them, with tables from the stock.  Cannot fail. */
void lp_ktable_map(struct lp_pager *pager, const struct lp_kpages *pages,
                   struct lp_kstock *stock, struct lp_kchange *change);

/* lp_ktable_mapped: is all of [start, end) mapped? */
bool lp_ktable_mapped(const struct lp_pager *pager, lp_va start, lp_va end);

/*
 * lp_ktable_split: cut leaves that reach over an edge of [start, end) into
 * smaller ones that say the same.  lp_ktable_split_needs: how many tables that
 * takes at most.
 */
uint64_t lp_ktable_split_needs(const struct lp_pager *pager, lp_va start,
                               lp_va end);
void lp_ktable_split(struct lp_pager *pager, lp_va start, lp_va end,
                     struct lp_kstock *stock, struct lp_kchange *change);

/*
 * lp_ktable_clear: remove all leaves in [start, end), which has been split, and
 * the tables that this empties: they go to `dead`, to be freed after the flush.
 */
void lp_ktable_clear(struct lp_pager *pager, lp_va start, lp_va end,
                     struct lp_kstock *dead, struct lp_kchange *change);

/* lp_ktable_protect: all leaves in [start, end), which has been split and is
 * mapped, grant `access`. */
void lp_ktable_protect(struct lp_pager *pager, lp_va start, lp_va end,
                       unsigned access, struct lp_kchange *change);

/* lp_ktable_query: what is at va, in a managed range. */
void lp_ktable_query(const struct lp_pager *pager, lp_va va,
                     struct lp_page_info *info);

#endif
