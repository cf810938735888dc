/*
 * operations.h: everything a campaign can do, one row each.
 *
 * The table is the heart of the campaigns: the random model, the failure at
 * every allocation, the accesses through many TLBs and the fuzzer all draw
 * from it.  A new call of the library joins all of them with one row and its
 * function, which brackets the call as calls.h says.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "world.h"

struct operation {
    const char *name;
    void (*run)(struct world *w); /* picks its space, its place and all else */
    unsigned weight;              /* how often: among all rows' weights */
    /* The campaign of accesses: how often there; and of a hundred entries that
     * its flushes dropped, how many may have been true still. */
    unsigned tlb_weight, over_flush;
};

extern const struct operation operations[];
extern const unsigned noperations;

/* run_operation: one, by weight. */
void run_operation(struct world *w);

/*
 * charge_flushes: what flushes have dropped since the last time goes on the
 * line of the operation that is run by this function.
 */
void charge_flushes(struct world *w, void (*run)(struct world *w));

#endif
