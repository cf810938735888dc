/*
 * decide.h: the fault decision, a pure function.
 *
 * First what is refused, then what needs no change, then what must happen
 * before the entry can change, then what happens to the entry:
 *
 *     refused by hardware for good, or by the area      DENY
 *     the entry and its path grant it already           SPURIOUS
 *     absent, past the object's end                     DENY (BUS)
 *     absent, the object must read it                   FILL
 *     a table above is not owned                        OWN
 *
 *     absent    no object, or zeroes past its end       ZERO
 *               resident, private and written           COPY
 *               resident                                MAP
 *     present   read or execute                         WIDEN
 *               write   the zero page                   ZERO
 *                       shared mapping                  WIDEN
 *                       ours alone                      REUSE
 *                       shared copy-on-write            COPY
 */
#ifndef LP_CORE_DECIDE_H
#define LP_CORE_DECIDE_H

#include "object.h"

/*
 * Everything that a decision depends on.  The decision is a pure function of
 * this, so that a test can try every combination.
 */
struct lp_facts {
    uint8_t wanted;  /* LP_READ, LP_WRITE or LP_EXEC */
    uint8_t refused; /* LP_FAULT_RESERVED ... : nothing mends these */
    uint8_t allowed; /* what the area allows */
    uint8_t granted; /* what the entry gives on this path, A and D included */
    bool area;       /* an area holds the address */
    bool path_owned; /* every table on the path is owned */
    bool present;    /* the entry holds a page, also a kept one */
    bool shared;     /* the page (absent: the area) is MAP_SHARED */
    bool zero_page;  /* it is the zero page */
    bool sole;       /* its count is one; only of interest for a write */
    uint8_t source;  /* absent: enum lp_page_source, what the object has */
};

static inline enum lp_decision lp_decide_absent(const struct lp_facts *facts)
{
    if (facts->source != LP_SOURCE_RESIDENT)
        return LP_ZERO;
    if (facts->wanted == LP_WRITE && !facts->shared)
        return LP_COPY;
    return LP_MAP;
}

static inline enum lp_decision lp_decide_present(const struct lp_facts *facts)
{
    if (facts->wanted != LP_WRITE)
        return LP_WIDEN;
    if (facts->zero_page)
        return LP_ZERO;
    if (facts->shared)
        return LP_WIDEN;
    if (facts->sole)
        return LP_REUSE;
    return LP_COPY;
}

/* lp_fault_decide: the decision; for LP_DENY also *code. */
static inline enum lp_decision lp_fault_decide(const struct lp_facts *facts,
                                               enum lp_fault_code *code)
{
    if (!facts->area) {
        *code = LP_FAULT_MAPERR;
        return LP_DENY;
    }
    if (facts->refused || (facts->wanted & ~facts->allowed)) {
        *code = LP_FAULT_ACCERR;
        return LP_DENY;
    }
    *code = LP_FAULT_OK;
    if (facts->present && !(facts->wanted & ~facts->granted))
        return LP_SPURIOUS;
    if (!facts->present && facts->source == LP_SOURCE_PAST_END) {
        *code = LP_FAULT_BUS;
        return LP_DENY;
    }
    if (!facts->present && facts->source == LP_SOURCE_ABSENT)
        return LP_FILL;
    if (!facts->path_owned)
        return LP_OWN;
    return facts->present ? lp_decide_present(facts) : lp_decide_absent(facts);
}

#endif
