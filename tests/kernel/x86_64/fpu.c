/*
 * fpu.c: the program's x87 and SSE registers.
 *
 * The kernel is compiled for general registers only, so they stay in the CPU
 * until the thread is left, and are then saved whole (eagerly: no CR0.TS).
 */
#include "x86.h"

enum { FCW = 0, MXCSR = 24 }; /* offsets (SDM vol. 1, table 10-2) */

void arch_fpu_init(struct fpu_state *state)
{
    static const uint16_t fcw = 0x37f;    /* as after FNINIT */
    static const uint32_t mxcsr = 0x1f80; /* as after reset */

    memset(state, 0, sizeof(*state));
    memcpy(&state->image[FCW], &fcw, sizeof(fcw));
    memcpy(&state->image[MXCSR], &mxcsr, sizeof(mxcsr));
}

void arch_fpu_save(struct fpu_state *state)
{
    __asm__ volatile("fxsave64 %0" : "=m"(*state));
}

void arch_fpu_restore(const struct fpu_state *state)
{
    __asm__ volatile("fxrstor64 %0" : : "m"(*state));
}
