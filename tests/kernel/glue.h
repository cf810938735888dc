/*
 * glue.h: starting the library, once, at boot.
 */
#ifndef GLUE_H
#define GLUE_H

#include "arch.h"

/*
 * glue_start: make the pager and the kernel's half, and leave the boot tables.
 *
 * => boot CPU, interrupts off; the frame allocator works.  cpus: how many there
 *    will be.  Panics when it cannot.
 */
void glue_start(const struct boot_info *info, unsigned cpus);

#endif
