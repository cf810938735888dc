/*
 * starter.h: what starter.c and the file of an architecture tell each other.
 */
#ifndef STARTER_H
#define STARTER_H

#include <lazypager/lazypager.h>

/* --- the architecture's (ARCH/arch.c) --- */

/* What an address in the image has more than its physical one.  All of RAM that
 * is used is mapped so, by the tables of boot.S: it is the direct map too. */
extern char *const arch_direct_map;

/* Traps come to arch.c, and the backend's table is filled.  Once, first. */
const struct lp_arch *arch_start(void);
/* The root table of boot.S: the kernel's half of every space. */
lp_pa arch_boot_root(void);
void arch_put(char c);
_Noreturn void arch_stop(bool ok);
/* Between the two the kernel may touch user memory by its own address. */
void arch_user_begin(void);
void arch_user_end(void);

/* --- starter.c's --- */

/* From boot.S, in the upper half, on a stack, interrupts off. */
_Noreturn void kernel_main(void);
/* A page fault of the kernel's.  Returns when the access shall run again. */
void page_fault(const struct lp_fault *fault);

/* --- lib.c's --- */

void *memset(void *to, int byte, size_t len);
void *memmove(void *to, const void *from, size_t len);
void print(const char *text);
void print_number(const char *text, uint64_t n); /* and a new line */
_Noreturn void panic(const char *why, uint64_t number);

#endif
