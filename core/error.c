/*
 * Names of the numbers that calls and faults answer, for messages.
 */
#include <lazypager/error.h>
#include <lazypager/fault.h>

const char *lp_strerror(int error)
{
    switch (error) {
    case 0: return "OK";
    case -LP_EIO: return "EIO";
    case -LP_EAGAIN: return "EAGAIN";
    case -LP_ENOMEM: return "ENOMEM";
    case -LP_EACCES: return "EACCES";
    case -LP_EFAULT: return "EFAULT";
    case -LP_EBUSY: return "EBUSY";
    case -LP_EEXIST: return "EEXIST";
    case -LP_EINVAL: return "EINVAL";
    case -LP_EOVERFLOW: return "EOVERFLOW";
    case -LP_EOPNOTSUPP: return "EOPNOTSUPP";
    default: return "E?";
    }
}

/* No default below: the compiler then names a value that was forgotten. */

const char *lp_decision_name(enum lp_decision decision)
{
    switch (decision) {
    case LP_DENY: return "DENY";
    case LP_SPURIOUS: return "SPURIOUS";
    case LP_ZERO: return "ZERO";
    case LP_MAP: return "MAP";
    case LP_FILL: return "FILL";
    case LP_REUSE: return "REUSE";
    case LP_WIDEN: return "WIDEN";
    case LP_OWN: return "OWN";
    case LP_COPY: return "COPY";
    case LP_DECISIONS: break;
    }
    return "?";
}

const char *lp_fault_code_name(enum lp_fault_code code)
{
    switch (code) {
    case LP_FAULT_OK: return "OK";
    case LP_FAULT_MAPERR: return "MAPERR";
    case LP_FAULT_ACCERR: return "ACCERR";
    case LP_FAULT_BUS: return "BUS";
    case LP_FAULT_RETRY: return "RETRY";
    case LP_FAULT_NOMEM: return "NOMEM";
    }
    return "?";
}
