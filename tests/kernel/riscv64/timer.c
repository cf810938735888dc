/*
 * timer.c: the clock and the tick.
 *
 * `time` is one counter that all harts read, in units that the device tree
 * names (Privileged 1.12, 3.1.10: it does not go backwards, and a program sees
 * it as the same everywhere).  The tick is the firmware's timer, set anew
 * each time: SBI 1.0, chapter 6.
 */
#include "csr.h"
#include "hart.h"
#include "sbi.h"

enum { TICKS_PER_SECOND = 100 };

#define SECOND ((uint64_t)1000000000)

uint64_t arch_clock(void)
{
    static uint64_t boot; /* as the first caller, the boot hart, found it */
    uint64_t now = csr_read(time), hz = the_machine.timebase;

    if (boot == 0)
        boot = now;
    now -= boot;
    return now / hz * SECOND + now % hz * SECOND / hz;
}

uint64_t arch_counter(void)
{
    return csr_read(cycle);
}

static void set(struct hart *hart)
{
    if (sbi_set_timer(hart->next_tick) != 0)
        panic("the firmware has no timer");
}

/* The grid of ticks goes on where one was missed: no burst follows. */
void timer_interrupt(void)
{
    struct hart *hart = hart_self();
    uint64_t step = the_machine.timebase / TICKS_PER_SECOND;
    uint64_t now = csr_read(time);

    while (hart->next_tick <= now)
        hart->next_tick += step;
    set(hart);
    cpu_tick();
}

void timer_start(void)
{
    struct hart *hart = hart_self();

    (void)arch_clock();
    hart->next_tick = csr_read(time) + the_machine.timebase / TICKS_PER_SECOND;
    set(hart);
    csr_set(sie, SIE_TIMER | SIE_SOFTWARE);
}
