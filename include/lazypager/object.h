/*
 * object.h: mappable things: where pages come from.
 *
 * An object has a size, a page cache, and (for a file) functions that read and
 * write its pages.  Private mappings share the cache's pages read-only and
 * copy on write; shared mappings map them as they are.  The pager calls an
 * object's functions with no lock held and expects them to sleep.
 *
 * References: create returns one; every area that maps the object has one;
 * when the last goes, dirty pages are written back, the cache is freed and
 * `release` is called.
 */
#ifndef LAZYPAGER_OBJECT_H
#define LAZYPAGER_OBJECT_H

#include <lazypager/arch.h>
#include <lazypager/error.h>

/* What a file system supplies.  Any member may be NULL. */
struct lp_object_ops {
    /*
     * fill: read len bytes at byte `offset` of the object (a multiple of the
     * page) into page, which is LP_PAGE_SIZE bytes of direct map.  1 <= len <=
     * LP_PAGE_SIZE: len is short for the page that holds the object's end.
     * The pager zeroes what is behind.
     * => returns 0; -LP_EAGAIN (not ready: the fault is reported as RETRY); any
     *    other error: the fault is reported as BUS.
     * => no lock held, may sleep, may be called for the same page on two CPUs at
     *    once (one of the results is thrown away).  Must not touch user memory
     *    through a fault on this object.
     * NULL: pages come into being zeroed (memory, such as shared anonymous
     * memory or a RAM file system).
     */
    int (*fill)(void *ctx, uint64_t offset, void *page, size_t len);
    /*
     * write: take len bytes of a dirty page, at byte `offset`, back.  len as
     * above: never past the object's end.
     * => returns 0, or an error: the page stays dirty and the caller of
     *    lp_msync or lp_object_sync gets the error.
     * => no lock held, may sleep.
     * NULL: dirty pages stay in the cache for as long as the object lives.
     */
    int (*write)(void *ctx, uint64_t offset, const void *page, size_t len);
    /*
     * release: the last reference is gone and the cache is empty; the object's
     * memory goes when this returns.  No lock held, may sleep.
     */
    void (*release)(void *ctx);
};

/* What an object allows and how it behaves: flags of lp_object_create. */
enum {
    LP_OBJECT_READ = 1,  /* may be mapped at all */
    LP_OBJECT_WRITE = 2, /* may be mapped SHARED and writable */
    LP_OBJECT_EXEC = 4,  /* may be mapped executable */
    /* Pages past the end are zero pages instead of BUS errors. */
    LP_OBJECT_ZERO_PAST_END = 8,
};

LP_BEGIN_DECLS

/*
 * lp_object_create: make a file-like object.
 *
 * => ops, ctx: borrowed until release has been called; ops may not be NULL.
 * => size: in bytes, any value up to 2^62.
 * => flags: LP_OBJECT_*.
 * => returns 0 and *out with one reference, the caller's; -LP_EINVAL (size or
 *    flags), -LP_ENOMEM.
 * => no lock held.
 */
LP_MUST_CHECK
int lp_object_create(struct lp_pager *pager, const struct lp_object_ops *ops,
                     void *ctx, uint64_t size, unsigned flags,
                     struct lp_object **out);

/*
 * lp_object_create_device: make an object of a fixed physical range.
 *
 * Its pages are never counted, copied, cached or freed; forks of shared
 * mappings map the same range.  Pages of it cannot be pinned.
 *
 * => start, len: page-aligned, not zero; the range must not meet
 *    [frames_start, frames_end) and must fit the format's address field.
 * => cache: the memory type of every mapping.  flags: LP_OBJECT_*.
 * => returns 0 and *out with one reference, as lp_object_create.
 * => no lock held.
 */
LP_MUST_CHECK
int lp_object_create_device(struct lp_pager *pager, lp_pa start, uint64_t len,
                            enum lp_cache_mode cache, unsigned flags,
                            struct lp_object **out);

/*
 * lp_object_get: take one more reference.  The caller has one already.
 * => any context, no locks.
 */
void lp_object_get(struct lp_object *object);

/*
 * lp_object_put: give a reference back; the last one writes dirty pages back,
 * frees the cache, and calls release.  No lock held; may sleep.
 *
 * An error of write at this point has nobody to go to: the page's changes are
 * lost with the object, and the pager's statistics count it.  Call
 * lp_object_sync first where that matters.
 */
void lp_object_put(struct lp_object *object);

/* lp_object_size: the size in bytes.  Any context. */
uint64_t lp_object_size(const struct lp_object *object);

/*
 * lp_object_resize: set the size, as ftruncate does.
 *
 * Pages wholly past the new end disappear from the cache and from every
 * space that maps them, private copies included; later touches are BUS.  The
 * rest of the last page is zeroed.  Growing again gives zeroes.
 *
 * Of an object with LP_OBJECT_ZERO_PAST_END, growing replaces the zero pages of
 * shared mappings that stood in for pages that exist now.
 *
 * => returns 0, or -LP_EINVAL (a device; size above 2^62): nothing changed.
 * => one call at a time for each object (a file system has its inode's lock):
 *    the late visits of a truncation would remove what was mapped after a
 *    growth that overtook it.
 * => no lock held; may sleep.
 */
LP_MUST_CHECK
int lp_object_resize(struct lp_object *object, uint64_t size);

/*
 * lp_object_read, lp_object_write: copy through the page cache, as read() and
 * write() on the file do, so that they agree with every mapping.
 *
 * => [offset, offset + len) is cut at the object's end; write does not grow.
 * => buffer: kernel memory.
 * => returns the number of bytes copied; fewer than asked at the end of the
 *    object or where a page could not be had; a negative error when nothing
 *    was copied for such a reason: -LP_ENOMEM, -LP_EIO, -LP_EAGAIN,
 *    -LP_EINVAL (a device).
 * => no lock held; may sleep.
 */
int64_t lp_object_read(struct lp_object *object, uint64_t offset, void *buffer,
                       uint64_t len);
int64_t lp_object_write(struct lp_object *object, uint64_t offset,
                        const void *buffer, uint64_t len);

/*
 * lp_object_sync: write every dirty page of [offset, offset + len) back, as
 * fsync does: also what was dirtied through a mapping of any space.
 *
 * => len: UINT64_MAX for all; the range is widened to whole pages.
 * => returns 0, or the first error of write; pages that were not written stay
 *    dirty and the others are written all the same.
 * => no lock held; may sleep.
 */
LP_MUST_CHECK
int lp_object_sync(struct lp_object *object, uint64_t offset, uint64_t len);

LP_END_DECLS

#endif
