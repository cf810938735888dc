/*
 * own.h: copy-on-write of page tables: the one idea.
 *
 * A table with one reference is owned and may be changed in place.  A table
 * with more is shared and is never changed: copy it, then change the copy.
 *
 *     own(entry):  the child has one reference  -> clean it if it is stale,
 *                                                  mark the entry owned
 *                  the child is shared          -> copy it, mark the original
 *                                                  stale, point the entry at
 *                                                  the copy, drop the original
 *                                                  after the flush
 *
 * Stale: after N was copied to N', the children have two references but N's
 * entries still say "owned".  Whoever becomes N's sole owner cleans it
 * before trusting it.  The orders that make this right, each of which has a
 * test that breaks without it:
 *
 *   R1  Read the count (acquire, equal to one) before the stale mark, in own
 *       and for every child while cleaning.
 *   R2  Swing, flush, then own: store {copy, not owned}; flush every CPU of
 *       the space; set owned; drop the original.  `write; fork; write` from two
 *       threads breaks without it.
 *   R3  At a data page hold the leaf table's lock across that flush.
 *   R4  Clean completely, then clear the stale mark, then set the owned bits
 *       above it (release).
 *   R5  Owning by copying needs the space's lock for writing; owning without a
 *       copy may run under the lock for reading, with the child's node lock
 *       held and the entry checked again.
 *   R6  Several steps in one operation need one flush: the topmost unowned
 *       entry stays so until it is done (struct lp_arm).
 *
 * When copying: allocate, mark the original stale, then increment the
 * children, then swing.
 */
#ifndef LP_CORE_OWN_H
#define LP_CORE_OWN_H

#include "table.h"

enum lp_own_range {
    LP_OWN_EDGES, /* tables that lie partly in the range: for clearing */
    LP_OWN_ALL,   /* all tables: for changing entries */
};

/*
 * lp_own_path: own every table on the path to va that exists.
 *
 * Invisible: nothing that a program could see changes, also when it fails.
 *
 * => space locked for writing.
 * => returns 0, or -LP_ENOMEM.  In both cases the gather must be flushed and
 *    freed.
 */
LP_MUST_CHECK
int lp_own_path(struct lp_space *space, lp_va va, struct lp_gather *gather);

/* lp_own_range: the same for every path into [start, end). */
LP_MUST_CHECK
int lp_own_range(struct lp_space *space, lp_va start, lp_va end,
                 enum lp_own_range which, struct lp_gather *gather);

/*
 * lp_own_read_locked: own the path to va without copying or cleaning anything.
 *
 * => space locked for reading only.
 * => returns true when the whole path is owned now; false: take the lock for
 *    writing and lp_own_path.
 */
bool lp_own_read_locked(struct lp_space *space, lp_va va);

/*
 * lp_own_fork: share everything that `parent` maps with `child`, whose root is
 * empty: one reference and two unowned entries for each root entry in use.
 *
 * => parent locked for writing, child not published.  The gather flushes the
 *    parent.
 * => cannot fail.
 */
void lp_own_fork(struct lp_space *parent, struct lp_space *child,
                 struct lp_gather *gather);

/*
 * lp_own_sweep: after a REUSE in a table that was copied: own every page of
 * the walk's leaf table that has one reference and whose area allows writing.
 *
 * => leaf table locked, path owned.  Backs off by itself (frame.h).
 * => returns true when it owned any: this CPU may hold translations of all the
 *    table's pages that say less now than they could.
 */
bool lp_own_sweep(struct lp_space *space, struct lp_walk *walk);

#endif
