/*
 * around.h: the pages that one fault on an object maps, where they are at hand.
 */
#ifndef LP_CORE_AROUND_H
#define LP_CORE_AROUND_H

#include "object.h"
#include "table.h"

enum { LP_AROUND = 16 };

/* Pages from start on, each with a reference of ours, or LP_PA_NONE. */
struct lp_around {
    lp_va start;
    unsigned n;
    lp_pa page[LP_AROUND];
};

/*
 * lp_around_grab: `page` at walk->va, and those around it that the object has in
 * its cache and that have no entry yet: within the 16 that it lies in, the area,
 * and so the leaf table.
 *
 * => vma: of walk->va, mapping an object.  page: referenced; goes to *around.
 * => space locked; walk's leaf table locked until they are installed.
 */
void lp_around_grab(const struct lp_space *space, const struct lp_vma *vma,
                    const struct lp_walk *walk, lp_pa page,
                    struct lp_around *around);

#endif
