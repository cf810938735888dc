/*
 * user.h: how system calls reach user memory: through the direct map, never by
 * the user's own address, so that a bad pointer is an error and not a fault.
 *
 * What is common to all calls:
 *
 * => any space, not only the one that is active.  They load what is absent and
 *    break copy-on-write first when they write.
 * => interrupts enabled, no lock of the library held.
 */
#ifndef LAZYPAGER_USER_H
#define LAZYPAGER_USER_H

#include <lazypager/error.h>

/*
 * A page held for the caller: memory of the caller's, from
 * lp_get_user_page until lp_put_user_page; it must not move meanwhile.
 */
struct lp_pin {
    lp_pa frame;     /* its frame; the page starts here */
    void *page;      /* the same through the direct map */
    unsigned access; /* what the mapping allowed: LP_READ ... */
    /* The library's own. */
    lp_va va;
    struct lp_space *space;
    struct lp_pin *next, *prev;
    bool write;
};

LP_BEGIN_DECLS

/*
 * lp_access_ok: does every byte of [va, va + len) lie in areas that allow
 * all of `access`?  Areas only: loads nothing, ignores copy-on-write.
 *
 * => the end is exclusive; the range may cross adjacent areas.  An empty range
 *    still asks whether va itself lies in such an area.  A range that
 *    overflows is not ok.
 * => access: LP_READ, LP_WRITE, LP_EXEC, or-ed; 0 asks only for areas.
 */
bool lp_access_ok(struct lp_space *space, lp_va va, uint64_t len,
                  unsigned access);

/*
 * lp_get_user_page: the page that holds va, loaded, and held in place.
 *
 * With LP_WRITE in access, copy-on-write is broken first: what is written into
 * the frame, by the CPU or by a device, is what the space sees.  A page that is
 * held stays with this space when it forks (the child gets a copy).  The
 * frame is not freed before it is put, whatever happens to the mapping.
 *
 * => va: any alignment.  access: LP_READ, LP_WRITE, LP_EXEC, or-ed; 0 is
 *    LP_READ.
 * => returns 0 and fills *pin, or -LP_EFAULT (no area, or not allowed, or a
 *    device page), -LP_EIO, -LP_EAGAIN, -LP_ENOMEM as lp_handle_fault.
 * => no lock held; may sleep.
 */
LP_MUST_CHECK
int lp_get_user_page(struct lp_space *space, lp_va va, unsigned access,
                     struct lp_pin *pin);

/*
 * lp_put_user_page: let go of a page that lp_get_user_page has put into *pin.
 * With LP_WRITE in the access it was got with, a page of an object counts as
 * dirty.
 */
void lp_put_user_page(struct lp_pin *pin);

/*
 * lp_copy_in, lp_copy_out, lp_zero_user: copy len bytes from, to, or zero them
 * in user memory, page by page.
 *
 * => returns the number of bytes done, which is len, or less when a page could
 *    not be had; when *error is wanted (not NULL) it is set to 0 or to why:
 *    -LP_EFAULT, -LP_EIO, -LP_EAGAIN, -LP_ENOMEM.
 * => no lock held; may sleep.  The kernel's buffer must not be user memory.
 */
uint64_t lp_copy_in(struct lp_space *space, void *to, lp_va from, uint64_t len,
                    int *error);
uint64_t lp_copy_out(struct lp_space *space, lp_va to, const void *from,
                     uint64_t len, int *error);
uint64_t lp_zero_user(struct lp_space *space, lp_va to, uint64_t len,
                      int *error);

/*
 * lp_strnlen_user: length of the string at va without its terminating zero, at
 * most max.
 *
 * => returns 0..max; max means that there was no zero among the first max
 *    bytes; an error as above when a byte could not be read before a zero.
 */
LP_MUST_CHECK
int64_t lp_strnlen_user(struct lp_space *space, lp_va va, uint64_t max);

/*
 * lp_strncpy_in: copy the string at `from`, at most max bytes with its zero.
 *
 * => returns its length without the zero; max when there was no zero among the
 *    first max bytes (`to` then holds max bytes and no zero); an error as
 *    above (what `to` holds is then unspecified).
 */
LP_MUST_CHECK
int64_t lp_strncpy_in(struct lp_space *space, char *to, lp_va from,
                      uint64_t max);

LP_END_DECLS

#endif
