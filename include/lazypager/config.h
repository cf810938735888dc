/*
 * config.h: what an embedder may set at compile time.
 *
 * Every option is an #ifndef, so that a kernel sets it with -D or by putting
 * a header of its own in front of this one (-include).  All code of one program
 * must see the same values, the library's own included.
 */
#ifndef LAZYPAGER_CONFIG_H
#define LAZYPAGER_CONFIG_H

#ifdef __cplusplus
#define LP_STATIC_ASSERT static_assert
#else
#define LP_STATIC_ASSERT _Static_assert
#endif

/*
 * LP_CPUS_MAX: the largest number of CPUs, a multiple of 64.
 * It sizes the set of CPUs in each space and in each flush request: one bit a
 * CPU.  The number that really exists is given at run time.
 */
#ifndef LP_CPUS_MAX
#define LP_CPUS_MAX 256
#endif
LP_STATIC_ASSERT(LP_CPUS_MAX >= 64 && LP_CPUS_MAX <= 4096 &&
                     LP_CPUS_MAX % 64 == 0,
                 "LP_CPUS_MAX is a multiple of 64, 64 to 4096");

/*
 * LP_ASIDS_PER_CPU: how many address spaces a CPU's TLB keeps apart.
 * A CPU hands out this many address-space identifiers of its own, round robin;
 * the format's asid_bits may make it fewer.  More of them keep more processes'
 * translations alive across switches and cost 16 bytes each a CPU.
 */
#ifndef LP_ASIDS_PER_CPU
#define LP_ASIDS_PER_CPU 8
#endif
LP_STATIC_ASSERT(LP_ASIDS_PER_CPU >= 1 && LP_ASIDS_PER_CPU <= 12,
                 "LP_ASIDS_PER_CPU is 1 to 12");

/*
 * LP_ASSERT: 1 checks the library's own promises at run time and calls the
 * kernel's assert_failed when one is broken; 2 checks also in the innermost
 * loops (for tests); 0 compiles the checks out.
 */
#ifndef LP_ASSERT
#define LP_ASSERT 1
#endif
LP_STATIC_ASSERT(LP_ASSERT >= 0 && LP_ASSERT <= 2, "LP_ASSERT is 0, 1 or 2");

/*
 * LP_STATS: 0 counts nothing but faults: all else that lp_space_stats and
 * lp_pager_stats answer is 0.  Saves an atomic addition or more for each fault
 * and each flush, and the code for it.
 */
#ifndef LP_STATS
#define LP_STATS 1
#endif
LP_STATIC_ASSERT(LP_STATS == 0 || LP_STATS == 1, "LP_STATS is 0 or 1");

/*
 * LP_TRACE: 0 never calls struct lp_kernel's trace, and has no code for it in
 * the verbs.
 */
#ifndef LP_TRACE
#define LP_TRACE 1
#endif
LP_STATIC_ASSERT(LP_TRACE == 0 || LP_TRACE == 1, "LP_TRACE is 0 or 1");

/*
 * LP_CHECK: 0 leaves lp_check out.  It is for tests; where the library is an
 * archive it costs nothing unless it is called, in one file it is there.
 */
#ifndef LP_CHECK
#define LP_CHECK 1
#endif
LP_STATIC_ASSERT(LP_CHECK == 0 || LP_CHECK == 1, "LP_CHECK is 0 or 1");

/*
 * LP_ARCH_CHECK: 0 believes struct lp_arch: lp_arch_check looks at nothing and
 * answers NULL.  For kernels that use the tables of this library's backends,
 * which its tests have checked; its fifty sentences are a fifteenth of the whole.
 */
#ifndef LP_ARCH_CHECK
#define LP_ARCH_CHECK 1
#endif
LP_STATIC_ASSERT(LP_ARCH_CHECK == 0 || LP_ARCH_CHECK == 1,
                 "LP_ARCH_CHECK is 0 or 1");

#endif
