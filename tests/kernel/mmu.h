/*
 * mmu.h: what mmu.c asks of an architecture: the walker that is its second
 * opinion, and entries that are worth trying.
 */
#ifndef MMU_H
#define MMU_H

#include "arch.h"
#include "walk.h"

/* Of splitmix64's family; the same on every machine. */
uint64_t mmu_random(void);
/* True once in n times. */
bool mmu_one_in(unsigned n);

/*
 * arch_walker: the host machine's walker for the tables that are in use, and
 * what it must know of this CPU (maxphyaddr, flags).
 */
const struct lp_host_walker *arch_walker(struct lp_host_config *config);

/*
 * arch_entry: the bits of a random entry of a table of this level: mostly
 * sound, with every flag now and then, reserved ones too.
 *
 * => table: where it points when it is to be a pointer; page: when a leaf, of
 *    whatever size; the address of a large leaf is page rounded down.
 */
uint64_t arch_entry(unsigned level, lp_pa table, lp_pa page);

#endif
