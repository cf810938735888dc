/*
 * pager.h: a pager: everything that its spaces and objects share.
 *
 * The library has no global state.  Two pagers in one program are legal and
 * know nothing of each other.
 */
#ifndef LAZYPAGER_PAGER_H
#define LAZYPAGER_PAGER_H

#include <lazypager/arch.h>
#include <lazypager/error.h>
#include <lazypager/kernel.h>

/* struct lp_options, field flags. */
enum {
    /*
     * A read of untouched anonymous memory gets a page of its own, writable,
     * instead of the shared zero page.
     */
    LP_OPTION_NO_ZERO_PAGE = 1,
};

/* Choices and limits; zero is always a good default. */
struct lp_options {
    unsigned flags;
    /*
     * Where the pager looks for free addresses: downwards from mmap_base, not
     * below mmap_min.  0: the top of the user range, and 64 KiB.  Both
     * page-aligned.  A space may have a base of its own (lp_space_set_base).
     */
    lp_va mmap_base;
    lp_va mmap_min;
    /* Most areas a space may have; 0: 65,530, as on Linux. */
    uint64_t max_areas;
    /* Most bytes of address space a space may map; 0: no limit. */
    uint64_t max_bytes;
};

LP_BEGIN_DECLS

/*
 * lp_pager_create: start a pager.
 *
 * Takes a few frames for itself: its own state, one for each sixteen CPUs, the
 * zero page, the root table in which no user page is mapped.
 *
 * => arch, kernel: borrowed until lp_pager_destroy; options may be NULL.
 * => before any other call; one CPU; preemption may be on.
 * => returns 0 and *out, or -LP_EINVAL (a table breaks its contract:
 *    lp_arch_check says how), -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_pager_create(const struct lp_arch *arch, const struct lp_kernel *kernel,
                    const struct lp_options *options, struct lp_pager **out);

/*
 * lp_pager_destroy: give everything back.
 *
 * => every space and object of the pager has been destroyed or put, and no
 *    page is pinned; else returns -LP_EBUSY and nothing has changed.
 * => no CPU still walks a root of this pager: activate something else first.
 */
LP_MUST_CHECK
int lp_pager_destroy(struct lp_pager *pager);

LP_END_DECLS

#endif
