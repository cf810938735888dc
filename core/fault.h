/*
 * fault.h: the fault path, for the verbs that need a page.
 */
#ifndef LP_CORE_FAULT_H
#define LP_CORE_FAULT_H

#include "object.h"
#include "table.h"

/*
 * Everything that a decision depends on.  The decision is a pure function of
 * this, so that a test can try every combination.
 */
struct lp_facts {
    unsigned wanted;  /* LP_READ, LP_WRITE or LP_EXEC */
    unsigned refused; /* LP_FAULT_RESERVED ... : nothing mends these */
    bool area;        /* an area holds the address */
    unsigned allowed; /* what it allows */
    bool path_owned;  /* every table on the path is owned */
    bool present;     /* the entry holds a page, also a kept one */
    unsigned granted; /* what the entry gives on this path, A and D included */
    bool shared;      /* the page (absent: the area) is MAP_SHARED */
    bool zero_page;   /* it is the zero page */
    bool sole;        /* its count is one */
    enum lp_page_source source; /* absent: what the area's object has */
};

/* lp_fault_decide: the decision; for LP_DENY also *code. */
enum lp_decision lp_fault_decide(const struct lp_facts *facts,
                                 enum lp_fault_code *code);

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
