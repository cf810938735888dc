/*
 * trace.h: what the library does for this kernel's processes, for
 * lazypager-view; with trace=1 on the command line, else nothing.
 *
 * Channel 'c' gets the lines of backends/host/tracer.h, "trace " before each;
 * tests/kernel/run --trace takes them down.  A snapshot of all processes at each
 * fork, exec and exit.
 */
#ifndef TRACE_H
#define TRACE_H

#include "process.h"

/* Listen to the library.  Before the pager is made. */
void trace_start(void);

/* A snapshot: what this process has just done, or is about to do.  Under the
 * kernel lock. */
void trace_snapshot(const char *what, const struct process *who);

/* Is the room for events half full?  Then somebody should call trace_drain, under
 * the kernel lock. */
bool trace_pressing(void);
void trace_drain(void);

/* Write what is left: the machine ends.  Under the kernel lock. */
void trace_end(void);

#endif
