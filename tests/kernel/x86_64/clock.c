/*
 * clock.c: time, from the time-stamp counter.
 *
 * The counter's rate is measured against channel 2 of the interval timer
 * (8254), which runs at a known one, and the APIC timer's with it.  Both ends
 * of the measurement are samples of all three, so a busy host may stretch it as
 * it likes; of several samples the one taken in the shortest time counts.
 * Where the counter counts instructions (-icount) this holds just as well.
 *
 * The counter is taken to be the same on all CPUs and to run at one rate
 * (SDM vol. 3B, 17.17.1, invariant TSC): true of QEMU.
 */
#include "x86.h"

enum {
    PIT_HZ = 1193182,
    PIT_CHANNEL2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_CHANNEL2_MODE0 = 0xb0, /* count down once, low byte then high */
    PIT_LATCH_CHANNEL2 = 0x80,
    GATE = 0x61, /* bit 0: channel 2 runs; bit 1: speaker; bit 5: output */
    GATE_ON = 1,
    GATE_OUTPUT = 0x20,
    MEASURE = PIT_HZ / 200, /* 5 ms */
    SAMPLES = 5,
    ATTEMPTS = 100,
    TICKS_PER_SECOND = 100,
};
#define NS_PER_SECOND ((uint64_t)1000000000)

uint32_t clock_apic_per_tick;

static uint64_t tsc_start;
static uint64_t ns_per_tsc; /* times 2^32; 0: not measured yet */

struct sample {
    uint64_t tsc;
    uint32_t pit, apic; /* count down */
};

static uint32_t pit_left(void)
{
    uint32_t low;

    out8(PIT_COMMAND, PIT_LATCH_CHANNEL2);
    low = in8(PIT_CHANNEL2);
    return low | (uint32_t)in8(PIT_CHANNEL2) << 8;
}

static struct sample take(void)
{
    struct sample best = { 0, 0, 0 };
    uint64_t shortest = UINT64_MAX;
    unsigned i;

    for (i = 0; i < SAMPLES; i++) {
        uint64_t before = rdtsc();
        uint32_t pit = pit_left(), apic = apic_timer_left();
        uint64_t took = rdtsc() - before;

        if (took >= shortest)
            continue;
        shortest = took;
        best.tsc = before + took / 2;
        best.pit = pit;
        best.apic = apic;
    }
    return best;
}

static void pit_start(void)
{
    out8(GATE, GATE_ON);
    out8(PIT_COMMAND, PIT_CHANNEL2_MODE0);
    out8(PIT_CHANNEL2, 0xff);
    out8(PIT_CHANNEL2, 0xff);
}

/* A few microseconds; a port costs an emulator that counts instructions more
 * than a thousand of these. */
static void spin(void)
{
    unsigned i;

    for (i = 0; i < 1000; i++)
        __asm__ volatile("");
}

/* Two samples, at least MEASURE apart; false: the timer ran out meanwhile (55
 * ms), and nobody knows how often. */
static bool measure(struct sample *from, struct sample *to)
{
    pit_start();
    apic_timer_free_run();
    *from = take();
    while (pit_left() + MEASURE > from->pit && !(in8(GATE) & GATE_OUTPUT))
        spin();
    *to = take();
    return !(in8(GATE) & GATE_OUTPUT);
}

void clock_init(void)
{
    struct sample from, to;
    unsigned attempts = 1;
    uint64_t ns;

    for (; !measure(&from, &to); attempts++)
        if (attempts == ATTEMPTS)
            panic("the interval timer (8254) does not count");
    ns = (from.pit - to.pit) * NS_PER_SECOND / PIT_HZ;
    ns_per_tsc = (ns << 32) / (to.tsc - from.tsc);
    clock_apic_per_tick = (uint32_t)((uint64_t)(from.apic - to.apic) *
                                     (NS_PER_SECOND / TICKS_PER_SECOND) / ns);
    tsc_start = from.tsc;
}

uint64_t arch_clock(void)
{
    __extension__ typedef unsigned __int128 wide;

    if (ns_per_tsc == 0)
        return 0;
    return (uint64_t)((wide)(rdtsc() - tsc_start) * ns_per_tsc >> 32);
}

uint64_t arch_counter(void)
{
    return rdtsc();
}
