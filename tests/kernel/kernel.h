/*
 * kernel.h: what every file of this kernel may count on.
 *
 * A small kernel that embeds LazyPager the way a hobby kernel would: one pager,
 * a lp_space for each process, demand-loaded programs, fork, signals, files in
 * memory.  It runs unmodified static Linux programs.
 *
 *     boot, traps, timer, IPIs     x86_64/ riscv64/      behind arch.h
 *     CPUs and the big lock        cpu.c
 *     frames and small memory      memory.c
 *     the library's two tables     glue.c                all that embedding takes
 *     threads, processes           sched.c process.c exec.c signal.c
 *     files                        file.h: vfs.h names them
 *     system calls                 syscall.h and the files of their topics
 *
 * Locks, in order: the kernel lock (cpu.h), then any lock of the library, then
 * the locks of memory.c.  The kernel lock guards all state of processes and
 * files; page faults do not take it.  Kernel code is not preempted, but
 * interrupts are on nearly always, so that a flush request is served at once;
 * interrupt handlers take no lock.
 *
 * Calls answer 0 or more, or a negative number of errno.h.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <lazypager/lazypager.h>

#include "errno.h"

#define PAGE_SIZE LP_PAGE_SIZE
/* The most CPUs that this kernel runs on. */
enum { CPUS_MAX = 8 };
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* The structure of type `type` whose member `member` lies at pointer. */
#define CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline uint64_t round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) & ~(to - 1);
}

static inline uint64_t round_down(uint64_t x, uint64_t to)
{
    return x & ~(to - 1);
}

/* --- string.c --- */

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t len);
/* First byte equal to c (the terminating zero counts), or NULL. */
char *strchr(const char *s, int c);

/* --- memory.c --- */

/* Physical memory through the direct map, and back. */
void *direct(lp_pa pa);
lp_pa direct_pa(const void *p);

/*
 * frames_give: the allocator owns [start, end) from now on.  Page-aligned.
 * frame_get: one frame or LP_PA_NONE.  frames_get: n frames in a row, only
 * before frames are in short supply (boot); LP_PA_NONE.  frame_put: give back.
 * Any context, any lock held.
 */
void frames_give(lp_pa start, lp_pa end);
lp_pa frame_get(void);
lp_pa frames_get(size_t n);
void frame_put(lp_pa pa);
uint64_t frames_free(void);

/*
 * kmalloc: len zeroed bytes, 16-byte aligned, or NULL; any length up to a
 * page.  kfree: give back (NULL is fine).  Any context.
 */
void *kmalloc(size_t len);
void kfree(void *p);

/* --- console.c --- */

/*
 * The machine has one serial line.  It carries several channels; the byte
 * CONSOLE_ESCAPE announces a change (tests/kernel/run reads this):
 *
 *     ESC '1'  what follows is what programs write to standard output
 *     ESC '2'  ... to standard error
 *     ESC 'k'  ... the kernel's own messages
 *     ESC 'c'  ... records, lines whose first word says what they are:
 *              "trace" (trace.h)
 *     ESC ESC  one byte ESC on the current channel
 *     ESC 'x' DDD '\n'  the end: the first process's exit status, three digits;
 *              the machine is then stopped in the orderly way (arch_exit)
 *
 * What comes before the first of them is the firmware's.
 */
enum { CONSOLE_ESCAPE = 0x10 };

/* Whole calls do not mix with those of other CPUs.  Any context. */
void console_write(char channel, const void *text, size_t len);

/* The end: the record with this status (0..255), then arch_exit(true). */
_Noreturn void console_end(unsigned status);

/* The kernel's message; a line each.  %s %d %u %x %c, with l; %p; no widths
 * but a number and 0. */
void klog(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say so and stop the machine: tests/kernel/run answers 125. */
_Noreturn void panic(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#define ASSERT(condition)                                                 \
    do {                                                                  \
        if (!(condition))                                                 \
            panic("%s:%d: not true: %s", __FILE__, __LINE__, #condition); \
    } while (0)

/* --- main.c --- */

/* The word after "name=" on the command line, terminated by a space or the
 * end, copied to out (at most len bytes with its zero); false: not there. */
bool option(const char *name, char *out, size_t len);
/* Is it there with this value? */
bool option_is(const char *name, const char *value);
/* ... as a decimal number. */
uint64_t option_number(const char *name, uint64_t otherwise);

/* --- glue.c --- */

/* The kernel's pager, and the tables that it was given. */
extern struct lp_pager *the_pager;
extern const struct lp_arch *the_arch;
extern struct lp_kernel the_kernel;

#endif
