/*
 * types.h: the words that all other headers use.
 *
 * Addresses are 64-bit numbers with a name that says what they count; ranges
 * are half-open, [start, end); a length in bytes is called len, a number of
 * pages npages.  Nothing here allocates or locks.
 */
#ifndef LAZYPAGER_TYPES_H
#define LAZYPAGER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lazypager/config.h>

#ifdef __cplusplus
#define LP_BEGIN_DECLS extern "C" {
#define LP_END_DECLS }
#else
#define LP_BEGIN_DECLS
#define LP_END_DECLS
#endif

/* The caller must look at the result. */
#if defined(__GNUC__)
#define LP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define LP_MUST_CHECK
#endif

/* A virtual address, in bytes. */
typedef uint64_t lp_va;
/* A physical address, in bytes.  A frame is named by the address it starts at. */
typedef uint64_t lp_pa;

/* The smallest page and the size of every frame and page table: 4 KiB. */
#define LP_PAGE_SHIFT 12
#define LP_PAGE_SIZE ((uint64_t)1 << LP_PAGE_SHIFT)
#define LP_PAGE_MASK (LP_PAGE_SIZE - 1)

/* No frame has this address: it is not page-aligned. */
#define LP_PA_NONE ((lp_pa)-1)

/*
 * Kinds of access: what a fault wanted, what an area grants.
 * The values are those of POSIX's PROT_READ, PROT_WRITE and PROT_EXEC on
 * Linux, so that a system call passes them on as they are.
 */
enum {
    LP_READ = 1,  /* load */
    LP_WRITE = 2, /* store */
    LP_EXEC = 4,  /* fetch an instruction */
};

/* A range of virtual addresses, half-open: [start, end). */
struct lp_range {
    lp_va start, end; /* the first address; one past the last */
};

/* A set of CPUs: bit c % 64 of word c / 64 is CPU c. */
struct lp_cpuset {
    uint64_t word[LP_CPUS_MAX / 64]; /* its bits, from CPU 0 on */
};

/* One address space; see space.h.  Only the library looks inside. */
struct lp_space;
/* Everything that spaces share; see pager.h.  Only the library looks inside. */
struct lp_pager;
/* A mappable thing; see object.h.  Only the library looks inside. */
struct lp_object;

#endif
