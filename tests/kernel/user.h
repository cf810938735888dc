/*
 * user.h: user memory for system calls.
 *
 * Two ways, the same result: through the direct map by the library's copies,
 * or by the user's own addresses with a fix-up (arch_copy_in).  The command
 * line's copy=direct (the default) or copy=fixup chooses.
 *
 * All of the current process's space; each returns 0 or -EFAULT (-ENOMEM when
 * memory ran out), then some of it may have been copied.
 */
#ifndef USER_H
#define USER_H

#include "kernel.h"

/* Once, at boot. */
void user_init(void);

int user_read(void *to, lp_va from, size_t len);
int user_write(lp_va to, const void *from, size_t len);
int user_zero(lp_va to, size_t len);
/* At most max bytes with the zero; -ENAMETOOLONG when it is longer; else its
 * length. */
int64_t user_read_string(char *to, lp_va from, size_t max);

#endif
