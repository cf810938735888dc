/*
 * space.h: address spaces, and the calls that arrange areas in them.
 *
 * mmap only records an area; lp_handle_fault (fault.h) brings pages.
 *
 * What is common to all calls, unless one says otherwise:
 *
 * => any CPU, on any space, several at once; interrupts enabled.  Each takes
 *    the space's lock itself: no lock of the library held, so not from those of
 *    the kernel's functions that the library calls under a lock.
 */
#ifndef LAZYPAGER_SPACE_H
#define LAZYPAGER_SPACE_H

#include <lazypager/error.h>
#include <lazypager/object.h>

/*
 * Flags of lp_mmap.  The values are Linux's MAP_*.  Exactly one of SHARED and
 * PRIVATE, or both (SHARED_VALIDATE, treated as SHARED).
 */
enum {
    LP_MAP_SHARED = 0x1,      /* stores reach the object and all its mappers */
    LP_MAP_PRIVATE = 0x2,     /* stores make a copy of this space's own */
    LP_MAP_FIXED = 0x10,      /* at addr, replacing what is there */
    LP_MAP_ANONYMOUS = 0x20,  /* zeroes, no object */
    LP_MAP_DENYWRITE = 0x800, /* accepted, ignored */
    LP_MAP_EXECUTABLE = 0x1000, /* accepted, ignored */
    LP_MAP_NORESERVE = 0x4000,  /* accepted, ignored */
    LP_MAP_POPULATE = 0x8000,   /* bring the pages at once */
    LP_MAP_STACK = 0x20000,     /* accepted, ignored */
    /* At addr, or not at all. */
    LP_MAP_FIXED_NOREPLACE = 0x100000,
    /*
     * Not Linux's: this mapping may never be written to, also not after
     * lp_mprotect, although the object allows it.  For a shared mapping of a
     * file that was opened for reading only: the object is the file's, the
     * right to write is the descriptor's.
     */
    LP_MAP_NEVER_WRITE = 0x40000000,
};

/* Flags of lp_msync; the values are Linux's MS_*. */
enum {
    LP_MS_ASYNC = 1,      /* written some time later */
    LP_MS_INVALIDATE = 2, /* other mappings see it: they always do */
    LP_MS_SYNC = 4,       /* written when the call returns */
};

/* Advice for lp_madvise; the values are Linux's MADV_*. */
enum {
    /* Hints about the order of accesses: there is nothing to tune. */
    LP_MADV_NORMAL = 0,
    LP_MADV_RANDOM = 1,
    LP_MADV_SEQUENTIAL = 2,
    /* Read the object's pages into its cache, the first 32 of each area. */
    LP_MADV_WILLNEED = 3,
    /* Pages go: private ones for good, others stay in their object. */
    LP_MADV_DONTNEED = 4,
    /* Private anonymous pages may go any time: they go now, as by DONTNEED. */
    LP_MADV_FREE = 8,
    /* A hole in the object, through a shared writable mapping. */
    LP_MADV_REMOVE = 9,
    /* Pages are merged if somebody looks for equal ones: nobody does. */
    LP_MADV_MERGEABLE = 12,
    LP_MADV_UNMERGEABLE = 13,
    /* There are no huge pages. */
    LP_MADV_HUGEPAGE = 14,
    LP_MADV_NOHUGEPAGE = 15,
    /* What shall be evicted first, or now: nothing is evicted. */
    LP_MADV_COLD = 20,
    LP_MADV_PAGEOUT = 21,
    /* Bring every page, as if it had been read, or written to. */
    LP_MADV_POPULATE_READ = 22,
    LP_MADV_POPULATE_WRITE = 23,
};

LP_BEGIN_DECLS

/*
 * lp_space_create: make an empty address space.
 *
 * => returns 0 and *out, the caller's until lp_space_destroy; or -LP_ENOMEM.
 *    Takes at most three frames.
 */
LP_MUST_CHECK
int lp_space_create(struct lp_pager *pager, struct lp_space **out);

/*
 * lp_space_destroy: end an address space: all areas, pages and tables go.
 *
 * => no CPU has it active (lp_activate something else first), no other call
 *    on it is running, none of its pages is pinned.  Asserted.
 * => no lock held; may sleep in the objects it lets go.
 */
void lp_space_destroy(struct lp_space *space);

/*
 * lp_activate: this CPU uses this space's translations from now on.
 *
 * Flushes what this CPU's TLB missed while it was away, no more.  NULL as the
 * space: the pager's own root, in which only the kernel's half is mapped.
 *
 * => call with interrupts off (a flush request that is served half way would
 *    not know which tables are in use), no lock held.  Waits for nobody.
 */
void lp_activate(struct lp_pager *pager, struct lp_space *space);

/*
 * lp_sync_code: what this CPU has seen stored to the space's memory is what
 * every CPU fetches that runs the space from now on.
 *
 * The pager does this by itself before it makes a page executable.  It does not
 * know of stores to a page that is executable already: a program's (it asks with
 * a system call), a debugger's, lp_copy_out's.
 *
 * => interrupts enabled, no lock of the library held.  Does nothing where
 *    fetches see stores by themselves (lp_arch.sync_code is NULL).
 */
void lp_sync_code(struct lp_space *space);

/*
 * lp_fork: a second space with the same areas and the same memory, as
 * fork(2) makes: private memory is shared until one side writes.
 *
 * Copies the root table's entries in use and shares everything below, tables
 * and areas alike, so that it costs the same for a small and for a huge
 * parent.  Pages of the parent that are pinned stay with the parent; the
 * child gets copies (this part costs time for each pin).
 *
 * => the parent may run on any CPUs meanwhile; all of them have been flushed
 *    when this returns, also when it fails.
 * => returns 0 and *out, the caller's until lp_space_destroy; or -LP_ENOMEM.
 */
LP_MUST_CHECK
int lp_fork(struct lp_space *parent, struct lp_space **out);

/*
 * lp_mmap: map len bytes of object from offset on, or of zeroes.
 *
 * Touches no page and no table, unless LP_MAP_POPULATE asks: then it goes on
 * as if every page had been touched, and ignores failures of that.
 *
 * => addr: with FIXED or FIXED_NOREPLACE the address, page-aligned; else a hint
 *    (rounded down), honoured when free; 0: the pager chooses.
 * => len: in bytes, rounded up to pages.
 * => access: LP_READ, LP_WRITE, LP_EXEC or 0; WRITE implies READ.
 * => flags: LP_MAP_*.
 * => object: NULL exactly when LP_MAP_ANONYMOUS is given; the area takes its
 *    own reference.  offset: page-aligned; without an object otherwise ignored.
 * => returns the address, or
 *    -LP_EINVAL     len 0; FIXED addr or offset misaligned; neither SHARED nor
 *                   PRIVATE; unknown bits in access; object against ANONYMOUS
 *    -LP_EOPNOTSUPP a flag that is not listed above
 *    -LP_EOVERFLOW  offset + len does not fit; of what is not a device: is
 *                   above 2^63 - 1, the last byte that a file can have
 *    -LP_ENOMEM     no room; outside the user range; a limit; out of frames
 *    -LP_EACCES     the object does not allow it: SHARED and writable without
 *                   LP_OBJECT_WRITE, executable without LP_OBJECT_EXEC, any
 *                   mapping without LP_OBJECT_READ; or NEVER_WRITE and
 *                   writable
 *    -LP_EEXIST     FIXED_NOREPLACE, and something is there
 *    On an error the space is as it was, also what FIXED would have replaced.
 */
LP_MUST_CHECK
int64_t lp_mmap(struct lp_space *space, lp_va addr, uint64_t len,
                unsigned access, unsigned flags, struct lp_object *object,
                uint64_t offset);

/*
 * lp_munmap: unmap [addr, addr + len), holes included.
 *
 * When it returns, no access to the range succeeds on any CPU.
 *
 * => len is rounded up to pages.
 * => returns 0; -LP_EINVAL (addr misaligned, len 0, outside the user range);
 *    -LP_ENOMEM (an area had to be split, or shared tables copied, and there
 *    was no frame or the limit of areas was reached).
 */
LP_MUST_CHECK
int lp_munmap(struct lp_space *space, lp_va addr, uint64_t len);

/*
 * lp_munmap_area: unmap the one area that starts at addr, all of it.
 *
 * => returns 0; -LP_EINVAL when no area starts there; -LP_ENOMEM as above.
 */
LP_MUST_CHECK
int lp_munmap_area(struct lp_space *space, lp_va addr);

/*
 * lp_mprotect: change what [addr, addr + len) allows.
 *
 * Narrowing is visible on every CPU when it returns.  Widening changes no page
 * table: faults widen.
 *
 * => len is rounded up to pages; 0 is a success.
 * => returns 0; -LP_EINVAL (addr misaligned, unknown bits in access);
 *    -LP_ENOMEM: a hole, the part before it has been changed; or the range
 *    leaves the user range, or out of frames: nothing has been changed;
 *    -LP_EACCES: more than the object or NEVER_WRITE allows, the areas before
 *    have been changed.
 */
LP_MUST_CHECK
int lp_mprotect(struct lp_space *space, lp_va addr, uint64_t len,
                unsigned access);

/*
 * lp_msync: write the dirty pages of the shared mappings in
 * [addr, addr + len) to their objects.
 *
 * => len is rounded up to pages.
 * => flags: LP_MS_*; SYNC writes before it returns, ASYNC leaves the pages to a
 *    later sync (nothing to do: they are not forgotten), INVALIDATE is
 *    accepted: there is one cache.
 * => returns 0; -LP_EINVAL (misaligned, unknown flags, both SYNC and ASYNC);
 *    -LP_ENOMEM: a hole in the range, or a part outside the user range, all else
 *    has been written; or addr + len overflows: nothing has; or an error of the
 *    object's write.
 * => no lock held; may sleep.
 */
LP_MUST_CHECK
int lp_msync(struct lp_space *space, lp_va addr, uint64_t len, unsigned flags);

/*
 * lp_madvise: say how [addr, addr + len) is going to be used.
 *
 * No area changes.  What the advice does to the pages:
 *
 *   DONTNEED   The pages are gone when it returns, for every CPU.  The next
 *              touch finds zeroes in private anonymous memory, the object's
 *              page in a private mapping of an object; a shared mapping loses
 *              nothing but time, what was dirty will be written.  Other spaces
 *              that share the pages keep them; a pinned page stays with whoever
 *              holds it.
 *   FREE       The same; of private anonymous memory only.
 *   REMOVE     The pages leave the object and all who map them, and read as
 *              zeroes; private copies of them stay.
 *   WILLNEED   Nothing that the program could see but time.  Errors of the
 *              object, and a want of frames, end it silently.  Memory that is
 *              not read from anywhere is left alone.
 *   POPULATE_* Pages come as by a fault; those before an error stay.
 *   all other  Nothing at all.
 *
 * => len: in bytes, rounded up to pages; 0 is a success.
 * => returns 0, or
 *    -LP_EINVAL     another advice than those listed above; addr misaligned;
 *                   addr + len overflows: nothing has been done
 *    -LP_ENOMEM     a part is not mapped, or lies outside the user range: the
 *                   others have been treated all the same, but POPULATE_*
 *                   ends there.  Or out of frames: DONTNEED and FREE have
 *                   changed nothing, POPULATE_* has brought the pages before.
 *    An area that does not fit ends the call with one of these; those before
 *    it have been treated:
 *    -LP_EINVAL     a device (DONTNEED, FREE, COLD, PAGEOUT, HUGEPAGE,
 *                   POPULATE_*); an object or shared memory (FREE); private
 *                   anonymous memory (REMOVE); an area that does not allow the
 *                   access (POPULATE_*)
 *    -LP_EACCES     REMOVE: not both shared and writable
 *    -LP_EOPNOTSUPP REMOVE: the object has a fill or a write function, so that
 *                   its pages are also elsewhere; or is a device
 *    -LP_EFAULT     POPULATE_*: a page past the object's end, or one that it
 *                   could not read
 *    -LP_EAGAIN     POPULATE_*: the object is not ready
 * => no lock held; may sleep.
 */
LP_MUST_CHECK
int lp_madvise(struct lp_space *space, lp_va addr, uint64_t len, int advice);

/*
 * lp_space_set_base: where the pager looks for free addresses in this space:
 * below base, downwards.  A kernel randomises here.  Inherited by fork.
 *
 * => returns 0, or -LP_EINVAL: misaligned, outside the user range, or not above
 *    the options' mmap_min.
 */
LP_MUST_CHECK
int lp_space_set_base(struct lp_space *space, lp_va base);

LP_END_DECLS

#endif
