/*
 * pager.h: a pager: everything that its spaces and objects share.
 *
 * The library has no global state.  Two pagers in one program are legal and
 * know nothing of each other, unless one adopts the kernel's half of the other
 * (struct lp_options, field kernel_root).
 *
 * The kernel's half.  Root entries from format.user_root_entries on are the
 * kernel's: they are the same in every root, that of the pager and that of each
 * space, from lp_pager_create to lp_pager_destroy, so no root ever lags behind.
 * Each comes from one of two places:
 *
 *     kernel_root      made by somebody else, copied as they are
 *     kernel_ranges    made by this pager, which manages what is below (kmap.h)
 *
 * and all others are empty.
 *
 * ASIDs are each pager's own numbers.  A CPU that changes from the spaces of one
 * pager to those of another forgets everything in between (LP_FLUSH_ALL).
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

/* Bounds of struct lp_options. */
enum {
    LP_KERNEL_RANGES_MAX = 16, /* the most ranges that a pager manages */
};

/* Choices and limits; zero is always a good default. */
struct lp_options {
    unsigned flags; /* LP_OPTION_* */
    /*
     * Where the pager looks for free addresses: downwards from mmap_base, not
     * below mmap_min.  0: the top of the user range, and 64 KiB, or half of
     * mmap_base where that is less.  Both page-aligned.  A space may have a
     * base of its own (lp_space_set_base).
     */
    lp_va mmap_base;
    lp_va mmap_min;
    /* Most areas a space may have; 0: 65,530, as on Linux. */
    uint64_t max_areas;
    /* Most bytes of address space a space may map; 0: no limit. */
    uint64_t max_bytes;
    /*
     * The root table of somebody else, boot code or another pager: its kernel
     * entries are copied into this pager's root, as they are, whatever their
     * bits.  0: none.
     *
     * => page-aligned, in the format of this pager, and readable through the
     *    direct map (in or outside the range of frames).
     * => read once, in lp_pager_create.  What the entries lead to must live
     *    as long as this pager; it is never freed or changed by it.  Entries
     *    made in that root later are not seen, changes below them are.
     */
    lp_pa kernel_root;
    /*
     * Ranges of the kernel's half that this pager manages, and their number,
     * at most LP_KERNEL_RANGES_MAX.  Read once, in lp_pager_create, which
     * makes a table for each root entry that a range meets.
     *
     * => start and end are page-aligned, start < end.  All of a range lies in
     *    the kernel's half: its addresses are canonical
     *    (format.sign_extended), without a gap between, and their root
     *    entries are format.user_root_entries or above.
     * => end is exclusive.  So the last page of a sign-extended address space
     *    (its end would be 2^64) is in no range; where addresses are
     *    zero-extended the last page may be.
     * => ranges do not overlap; they may meet the same root entry.
     * => kernel_root fills no root entry that a range meets.
     */
    const struct lp_range *kernel_ranges;
    unsigned nkernel_ranges;
};

LP_BEGIN_DECLS

/*
 * lp_pager_create: start a pager.
 *
 * Takes a few frames for itself: its own state, one for each sixteen CPUs, the
 * zero page, the root table in which no user page is mapped, a table for each
 * root entry that it manages.
 *
 * => arch, kernel: borrowed until lp_pager_destroy; options may be NULL and is
 *    copied.
 * => before any other call; one CPU; preemption may be on.
 * => returns 0 and *out, or -LP_EINVAL (a table breaks its contract:
 *    lp_arch_check says how; an option breaks its own), -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_pager_create(const struct lp_arch *arch, const struct lp_kernel *kernel,
                    const struct lp_options *options, struct lp_pager **out);

/*
 * lp_pager_destroy: give everything back.
 *
 * => every space and object of the pager has been destroyed or put, and no
 *    page is pinned; else returns -LP_EBUSY and nothing has changed.
 * => no CPU still walks a root of this pager, and no other pager has adopted
 *    its kernel half: activate and destroy those first.
 * => what is mapped in its kernel ranges disappears, and every CPU has
 *    forgotten it when this returns; the memory stays the caller's.
 * => interrupts enabled, no lock of the library held.
 */
LP_MUST_CHECK
int lp_pager_destroy(struct lp_pager *pager);

LP_END_DECLS

#endif
