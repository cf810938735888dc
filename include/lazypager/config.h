/*
 * config.h: what an embedder may set at compile time.
 *
 * Every option is an #ifndef, so that a kernel sets it with -D or by putting
 * a header of its own in front of this one.  All code of one program must see
 * the same values.
 */
#ifndef LAZYPAGER_CONFIG_H
#define LAZYPAGER_CONFIG_H

/*
 * LP_CPUS_MAX: the largest number of CPUs, a multiple of 64.
 * It sizes the set of CPUs in each space and in each flush request: one bit a
 * CPU.  The number that really exists is given at run time.
 */
#ifndef LP_CPUS_MAX
#define LP_CPUS_MAX 256
#endif

/*
 * LP_ASIDS_PER_CPU: how many address spaces a CPU's TLB keeps apart.
 * A CPU hands out this many address-space identifiers of its own, round robin;
 * the format's asid_bits may make it fewer.  More of them keep more processes'
 * translations alive across switches and cost 16 bytes each a CPU.
 */
#ifndef LP_ASIDS_PER_CPU
#define LP_ASIDS_PER_CPU 8
#endif

/*
 * LP_ASSERT: 1 checks the library's own promises at run time and calls the
 * kernel's assert_failed when one is broken; 2 checks also in the innermost
 * loops (for tests); 0 compiles the checks out.
 */
#ifndef LP_ASSERT
#define LP_ASSERT 1
#endif

#endif
