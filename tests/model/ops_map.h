/*
 * ops_map.h: what mmap, munmap, mprotect and madvise have in common.
 */
#ifndef OPS_MAP_H
#define OPS_MAP_H

#include "world.h"

/* round_up: to pages. */
uint64_t round_up(uint64_t len);

/* inside: does [start, start + len) lie in the user range? */
bool inside(const struct layout *l, lp_va start, uint64_t len);

/* near_limit: is the limit of areas so near that the library may refuse? */
bool near_limit(const struct world *w, struct m_space *s);

/* check_limit: a space has no more areas than it may. */
void check_limit(struct world *w, struct m_space *s);

/* object_allows: the access that any mapping of it may have; NULL: all. */
unsigned object_allows(const struct m_object *o, bool shared);

/* pick_range: a range, page-aligned mostly; sometimes one without sense. */
void pick_range(struct world *w, lp_va *addr, uint64_t *len);

/* pick_access: LP_READ and so on, the usual ones more often. */
unsigned pick_access(struct world *w);

#endif
