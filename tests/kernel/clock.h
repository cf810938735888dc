/* clock.h: time, as system calls take and tell it. */
#ifndef CLOCK_H
#define CLOCK_H

#include "kernel.h"

/* A length of time in nanoseconds that never ends: 146 years. */
#define TIME_MAX ((uint64_t)1 << 62)

/* Nanoseconds since 1970: of the time of day.  Kernel lock held. */
uint64_t real_time(void);

/* A struct timespec of the current program, as nanoseconds, at most TIME_MAX.
 * 0, -EFAULT, -EINVAL. */
int read_timespec(lp_va from, uint64_t *ns);

#endif
