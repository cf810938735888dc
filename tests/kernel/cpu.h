/*
 * cpu.h: the CPUs of this machine, and the lock that they share.
 */
#ifndef CPU_H
#define CPU_H

#include <stdatomic.h>

#include "kernel.h"

extern atomic_uint ncpus; /* that run */

/* This CPU can be asked from now on.  CPUs arrive in order, one at a time. */
void cpu_arrived(void);

/*
 * The kernel lock guards processes, threads, files and everything else that is
 * not behind a lock of the library or of memory.c.  Not recursive.  Waiting
 * for it serves flush requests (interrupts are on).
 */
void kernel_lock(void);
void kernel_unlock(void);
bool kernel_locked(void); /* by this CPU; for assertions */

/*
 * cpu_call: run fn(arg) on each CPU of the set, not this one, in its interrupt
 * handler, and return when all have: struct lp_kernel's call_cpus.
 */
void cpu_call(void *ctx, const struct lp_cpuset *cpus, void (*fn)(void *arg),
              void *arg);

/* Did a tick ask this CPU to choose again?  Reading clears it. */
bool cpu_resched(void);
/* Make another CPU look for work. */
void cpu_kick(unsigned cpu);

#endif
