/* futex.h: what others need of futex.c. */
#ifndef FUTEX_H
#define FUTEX_H

#include "kernel.h"

/* Wake one who waits at this address of the current process, as the end of a
 * thread does for its tid.  Kernel lock held. */
void futex_wake_address(lp_va address);

#endif
