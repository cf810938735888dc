/*
 * decide.c: the fault decision.
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
#include "fault.h"

static enum lp_decision decide_absent(const struct lp_facts *facts)
{
    if (facts->source != LP_SOURCE_RESIDENT)
        return LP_ZERO;
    if (facts->wanted == LP_WRITE && !facts->shared)
        return LP_COPY;
    return LP_MAP;
}

static enum lp_decision decide_present(const struct lp_facts *facts)
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

enum lp_decision lp_fault_decide(const struct lp_facts *facts,
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
    return facts->present ? decide_present(facts) : decide_absent(facts);
}
