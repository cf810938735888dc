/*
 * fault.h: page faults: the one place where pages come into being.
 */
#ifndef LAZYPAGER_FAULT_H
#define LAZYPAGER_FAULT_H

#include <lazypager/error.h>

/* struct lp_fault, field flags: what the hardware told. */
enum {
    LP_FAULT_USER = 1, /* the CPU was in user mode */
    /*
     * Causes that no page table change mends; each is refused at once, so
     * that it cannot look like a spurious fault for ever.
     */
    LP_FAULT_RESERVED = 2,   /* x86: a reserved bit was set in an entry */
    LP_FAULT_KEY = 4,        /* x86: a protection key forbade it */
    LP_FAULT_SUPERVISOR = 8, /* x86: SMAP or SMEP; RISC-V: SUM clear */
};

/* A fault as the CPU met it.  A backend's decode fills this in. */
struct lp_fault {
    lp_va va;        /* the address, any alignment, any value */
    unsigned access; /* exactly one of LP_READ, LP_WRITE, LP_EXEC */
    unsigned flags;  /* LP_FAULT_* */
};

/* What came of a fault: what a signal or a system call needs to know. */
enum lp_fault_code {
    LP_FAULT_OK = 0, /* resolved: run the instruction again */
    LP_FAULT_MAPERR, /* no area there: SIGSEGV, SEGV_MAPERR */
    LP_FAULT_ACCERR, /* an area that does not allow it: SIGSEGV, SEGV_ACCERR */
    LP_FAULT_BUS,    /* past the object's end, or I/O error: SIGBUS */
    LP_FAULT_RETRY,  /* the object is not ready: run the instruction again */
    LP_FAULT_NOMEM,  /* no frame, after low_memory had its chance */
};

/*
 * What was decided.  One fault may take several decisions (OWN, then COPY);
 * the result names the last.
 */
enum lp_decision {
    LP_DENY,     /* refused, see the code */
    LP_SPURIOUS, /* the tables allow it already: this CPU's TLB was flushed */
    LP_FILL,     /* the object is asked for the page, then all over again */
    LP_OWN,      /* a table above is shared: make it ours first */
    /* These change the entry: */
    LP_ZERO,      /* a zero-filled page, or the zero page for a read */
    LP_MAP,       /* a page that the object has in its cache */
    LP_REUSE,     /* the last sharer of a page gets it back without a copy */
    LP_WIDEN,     /* the area allows more than the entry did */
    LP_COPY,      /* a copy of the shared page */
    LP_DECISIONS, /* how many there are */
};

/* What lp_handle_fault tells. */
struct lp_fault_result {
    enum lp_fault_code code;   /* LP_FAULT_OK when resolved */
    enum lp_decision decision; /* the last one */
    lp_va va;                  /* the fault's address, as given */
    bool major;                /* an object was asked to read */
};

LP_BEGIN_DECLS

/*
 * lp_handle_fault: resolve a page fault, or say why not.
 *
 * Decides by the area and the tables as they are now, not by what the hardware
 * saw.  Faults of kernel mode on user addresses take the same path; when such a
 * one is refused the kernel's fix-up decides what happens.
 *
 * => space: any, whether active here or not.  result may be NULL.
 * => interrupts enabled, no lock of the library held; may sleep in the object.
 * => returns 0: run the instruction again; else, with nothing half done,
 *    -LP_EFAULT  MAPERR or ACCERR
 *    -LP_EIO     BUS
 *    -LP_EAGAIN  RETRY
 *    -LP_ENOMEM  NOMEM
 * => a user-range address is decided before any table is walked when there
 *    is no area; an address outside the user range is MAPERR.
 */
LP_MUST_CHECK
int lp_handle_fault(struct lp_space *space, const struct lp_fault *fault,
                    struct lp_fault_result *result);

/*
 * lp_decision_name: "COPY" for the decision LP_COPY; "?" for an unknown one.
 * => never NULL; static.  Any context, no locks.
 */
const char *lp_decision_name(enum lp_decision decision);

/*
 * lp_fault_code_name: "MAPERR" for the code LP_FAULT_MAPERR; "?" for an unknown
 * one.
 * => never NULL; static.  Any context, no locks.
 */
const char *lp_fault_code_name(enum lp_fault_code code);

LP_END_DECLS

#endif
