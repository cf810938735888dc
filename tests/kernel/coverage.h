/*
 * coverage.h: what ran of the library, told at the end of a run.
 *
 * coverage_end: write the counters of every instrumented file to channel 'c':
 * for each a line "gcda PATH", then its bytes in lines of hexadecimal digits.
 * tests/kernel/run --coverage adds them to the build's .gcda files.  Nothing in
 * a kernel that was built without LP_COVERAGE.
 *
 * => the machine is about to stop in the orderly way.  A panic tells nothing:
 *    a run that failed does not count.
 */
#ifndef COVERAGE_H
#define COVERAGE_H

void coverage_end(void);

#endif
