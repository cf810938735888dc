/*
 * sbi.h: calls to the firmware below us.
 *
 * RISC-V SBI 1.0: chapter 3 (the calling convention), 6 TIME, 7 IPI, 8 RFENCE,
 * 9 HSM.
 */
#ifndef SBI_H
#define SBI_H

#include <stdint.h>

/* Each answers 0 or a negative SBI error. */

/* The timer of this hart interrupts at this value of `time`; a pending one is
 * withdrawn. */
long sbi_set_timer(uint64_t when);
/* A software interrupt on one hart. */
long sbi_send_ipi(uint64_t hart);
/* Start a stopped hart at physical address pc, paging off, a1 = argument. */
long sbi_hart_start(uint64_t hart, uint64_t pc, uint64_t argument);
/*
 * SFENCE.VMA with x0 as ASID on the harts base + n for each bit n of the mask:
 * for [start, start + len), or for everything when both are 0.  Returns
 * when it is done.
 */
long sbi_remote_sfence_vma(uint64_t mask, uint64_t base, uint64_t start,
                           uint64_t len);
/* FENCE.I there. */
long sbi_remote_fence_i(uint64_t mask, uint64_t base);

#endif
