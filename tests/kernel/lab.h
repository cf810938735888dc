/*
 * lab.h: where a kernel thread tests the library on this machine's own MMU:
 * frames of its own, a struct lp_kernel around them, spaces that it activates,
 * and accesses made in user mode.
 *
 * Frames are full of junk while they are free, so whoever writes to one is
 * seen.  A pager made here adopts the kernel's half (kernel_root).  One thread
 * at a time; it moves from CPU to CPU with lab_cpu.
 */
#ifndef LAB_H
#define LAB_H

#include "arch.h"

enum { LAB_FRAMES = 2048 };

struct lab {
    struct lp_kernel kernel; /* for lp_pager_create, or to be built upon */
    struct lp_arch arch;     /* the machine's */
    uint32_t *scratch;       /* for lp_check: 4 bytes a frame */
    lp_pa device;            /* memory that is none of the frames */
    uint64_t device_len;
    const char *wrong; /* what was seen: a frame written to while free */
};

extern struct lab lab;

/* Start a thread that sets the lab up and runs fn in it. */
void lab_start(void (*fn)(void));

/* From now on the thread runs on this CPU. */
void lab_cpu(unsigned cpu);
/* lp_activate on this CPU; lab_access then faults in this space. */
void lab_activate(struct lp_pager *pager, struct lp_space *space);
/* Back to the kernel's own root, on this CPU. */
void lab_leave(void);
/* kernel_root, for the options of a pager. */
void lab_options(struct lp_options *options);

/*
 * lab_access: a program reads, writes or executes len bytes at va, all in one
 * page; faults go to lp_handle_fault until it succeeds or is refused.
 *
 * => LP_EXEC: buffer is NULL.  What the bytes would do does not happen: while
 *    it is tried, a breakpoint stands there, put through the direct map.
 */
enum lp_fault_code lab_access(unsigned access, lp_va va, void *buffer,
                              size_t len);

#endif
