/*
 * probe.h: single accesses from user mode, for tests of the MMU.
 *
 * The code that makes them is one page of the kernel's half that is open to
 * user mode (LP_KERNEL_USER), so that the space under test holds nothing of
 * ours.
 */
#ifndef PROBE_H
#define PROBE_H

#include "arch.h"

/* Map the code.  Once, before the first probe. */
void probe_init(void);

/*
 * probe: one load (LP_READ), store (LP_WRITE) or fetch (LP_EXEC) in user mode
 * in whatever space is active; interrupts that come meanwhile are served.
 *
 * => width: 1, 2, 4 or 8, for a load or store; va a multiple of it.
 * => a fetch: the bytes at va must be the breakpoint instruction, or the fetch
 *    must fault.
 * => returns TRAP_SIGNAL with SIGTRAP in *trap when it succeeded, else what
 *    came instead; *value is loaded or stored.
 */
void probe(unsigned access, unsigned width, lp_va va, uint64_t *value,
           struct trap *trap);

/* Did it succeed? */
bool probe_done(const struct trap *trap);

#endif
