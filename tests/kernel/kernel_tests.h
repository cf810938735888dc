/*
 * kernel_tests.h: tests that run as a thread of the kernel instead of a first
 * process, and end the machine with status 0 or 1.  Kernel lock held.
 */
#ifndef KERNEL_TESTS_H
#define KERNEL_TESTS_H

#include "kernel.h"

/* The conformance suite (tests/conformance): the cases TOPIC-..., or "all". */
void conformance_start(const char *topic);

/* naccesses accesses on random page tables: the CPU against the host machine's
 * walker. */
void mmu_test_start(uint64_t naccesses);

/* What fork and the faults after it leave in the tables, read as the manuals
 * say. */
void tables_test_start(void);

#endif
