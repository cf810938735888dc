/*
 * kmap.h: the kernel's half of the address space: mappings that every space of
 * a pager has.
 *
 * A kernel names the ranges that the pager shall manage at lp_pager_create
 * (struct lp_options, field kernel_ranges): the direct map, its image, memory
 * for modules and stacks, a page of code for programs.  Their top-level tables
 * exist from then on, and every root shares them; so what is mapped here is
 * there in every space at once, on every CPU, and stays through fork and exit.
 *
 * The memory is the caller's: nothing is counted, nothing is allocated but page
 * tables, and nothing is freed but those.  No fault ever fills a page in, and
 * none absorbs a stale translation: what a call has made or taken away is true
 * on every CPU when it returns.
 *
 * What is common to all calls:
 *
 * => any CPU, several at once; interrupts enabled, or no other CPU has started
 *    (boot); no lock of the library held.  One lock of the pager's makes them
 *    wait for each other; the wait polls (struct lp_kernel).
 * => va and len are multiples of the page, len is not 0, and all of
 *    [va, va + len) lies in one range of kernel_ranges; else -LP_EINVAL.
 * => an error has changed nothing.
 * => what becomes executable is fetched as this CPU has seen it stored before
 *    the call, on every CPU (lp_arch.sync_code).  Stores to what is executable
 *    already are the caller's to sync.
 * => -LP_ENOMEM only after low_memory had its chance.
 *
 * A user-accessible page here (LP_KERNEL_USER) is for code that runs as every
 * program: a signal trampoline, a clock.  It is in no area: lp_access_ok is
 * false there, and lp_copy_in and its like do not read it.
 */
#ifndef LAZYPAGER_KMAP_H
#define LAZYPAGER_KMAP_H

#include <lazypager/arch.h>
#include <lazypager/error.h>

struct lp_page_info;

/* lp_kernel_map, argument flags. */
enum {
    LP_KERNEL_USER = 1, /* user mode may use it, as far as access says */
};

LP_BEGIN_DECLS

/*
 * lp_kernel_map: map the physical memory [pa, pa + len) at va.
 *
 * Uses the largest leaves that the alignment of va and pa, len, and the
 * format's leaf_levels allow, below the root level.
 *
 * => pa: a multiple of the page; all of [pa, pa + len) fits into the format's
 *    address field.  It need not lie in the range of frames.
 * => access: LP_READ, LP_WRITE, LP_EXEC, or-ed, not 0; what the hardware
 *    cannot tell apart is granted as for an area (W implies R).
 * => flags: LP_KERNEL_USER or 0.  cache: how it is cached; LP_CACHE_WRITEBACK
 *    is right for memory.
 * => A, and D where the page may be written, are set from the start and say
 *    nothing.
 * => returns 0; -LP_EINVAL (also unknown bits, access 0, an unknown cache
 *    mode); -LP_EEXIST when anything is mapped in the range; -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_kernel_map(struct lp_pager *pager, lp_va va, lp_pa pa, uint64_t len,
                  unsigned access, unsigned flags, enum lp_cache_mode cache);

/*
 * lp_kernel_unmap: nothing is mapped in [va, va + len) any more; where nothing
 * was, that is fine.
 *
 * When it returns no CPU uses what was there, so the memory may go to somebody
 * else.  A leaf that reaches over an edge is split: that takes tables.
 *
 * => returns 0; -LP_EINVAL; -LP_ENOMEM, only where an edge needs a split.
 */
LP_MUST_CHECK
int lp_kernel_unmap(struct lp_pager *pager, lp_va va, uint64_t len);

/*
 * lp_kernel_protect: what is mapped in [va, va + len) grants `access` from now
 * on, on every CPU, when this returns.  Memory, cache mode and LP_KERNEL_USER
 * stay.  Leaves are split at the edges, and not put together again.
 *
 * => access as for lp_kernel_map.  To take away all, unmap.
 * => the pages stay usable meanwhile, with what they granted before or what
 *    they will grant.
 * => returns 0; -LP_EINVAL; -LP_ENOMEM when a part of the range is not mapped,
 *    or where an edge needs a split.
 */
LP_MUST_CHECK
int lp_kernel_protect(struct lp_pager *pager, lp_va va, uint64_t len,
                      unsigned access);

/*
 * lp_kernel_query: what is mapped at va (any alignment).
 *
 * => info->frame: the page that holds va, LP_PA_NONE when nothing is mapped;
 *    flags: LP_PAGE_PRESENT, _DIRTY, _ACCESSED, _DEVICE (always: not counted),
 *    _USER, _BIG; references: 0.
 * => returns 0 and fills *info (watch.h); -LP_EFAULT when va is in no range of
 *    this pager.
 */
LP_MUST_CHECK
int lp_kernel_query(struct lp_pager *pager, lp_va va,
                    struct lp_page_info *info);

/*
 * lp_kernel_root: the pager's own root: the kernel's half and no user page.
 *
 * What a CPU loads when it starts, before its first lp_activate; what another
 * pager names as its kernel_root.
 * => any context, no locks.  Constant until lp_pager_destroy.
 */
lp_pa lp_kernel_root(const struct lp_pager *pager);

LP_END_DECLS

#endif
