/*
 * error.h: what a call may answer instead of doing its work.
 *
 * A function that can fail returns 0 (or a useful number that is not
 * negative) or one of these, negated: -LP_ENOMEM.  The numbers are Linux's
 * (asm-generic/errno-base.h and errno.h), so that a system call hands them to
 * a program as they are.
 *
 * A call that fails has changed nothing that anyone can see.  The calls where
 * Linux itself applies a prefix before it reports a hole say so.
 */
#ifndef LAZYPAGER_ERROR_H
#define LAZYPAGER_ERROR_H

#include <lazypager/types.h>

enum {
    LP_EIO = 5,         /* the object could not supply or take a page */
    LP_EAGAIN = 11,     /* not now: try again */
    LP_ENOMEM = 12,     /* out of frames; a limit; outside the user range */
    LP_EACCES = 13,     /* the object does not allow this access */
    LP_EFAULT = 14,     /* no area there, or it does not allow this access */
    LP_EBUSY = 16,      /* still in use */
    LP_EEXIST = 17,     /* FIXED_NOREPLACE: something is mapped there */
    LP_EINVAL = 22,     /* a malformed argument */
    LP_EOVERFLOW = 75,  /* offset + length does not fit */
    LP_EOPNOTSUPP = 95, /* a flag that this version does not know */
};

LP_BEGIN_DECLS

/*
 * lp_strerror: the name of an error, "ENOMEM" for -LP_ENOMEM.
 *
 * => error: a value returned by this library, negative or 0 ("OK").
 * => never NULL; an unknown value gives "E?".  The string is static.
 * => any context, no locks.
 */
const char *lp_strerror(int error);

LP_END_DECLS

#endif
