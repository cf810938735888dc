/*
 * fault.h: the fault path, for the verbs that need a page.
 */
#ifndef LP_CORE_FAULT_H
#define LP_CORE_FAULT_H

#include "object.h"
#include "table.h"

/*
 * lp_fault_resolve: lp_handle_fault for the library's own needs: no statistics
 * of faults, no refusal of repeated spurious ones.
 */
LP_MUST_CHECK
int lp_fault_resolve(struct lp_space *space, const struct lp_fault *fault,
                     struct lp_fault_result *result);

/*
 * lp_fault_unshare: give a space that nobody runs yet its own copy of the page
 * at va if it still maps `frame` there privately.
 *
 * => lp_own_path has been done.  Returns 0 or -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_fault_unshare(struct lp_space *space, lp_va va, lp_pa frame,
                     struct lp_gather *gather);

#endif
