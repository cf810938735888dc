/*
 * init.c: the order in which the hardware is brought up: paging, this CPU's
 * interrupts and clock, the other CPUs.
 *
 * The local APIC's identifier of a CPU is taken to be its number: so QEMU
 * counts them (a machine at large lists them in the ACPI MADT).
 */
#include "cpu.h"
#include "x86.h"

enum {
    AP_STACK = 16384,
    NS_PER_MS = 1000000,
};
#define ARRIVAL_NS ((uint64_t)10000 * NS_PER_MS)
#define SECOND_STARTUP_NS ((uint64_t)NS_PER_MS)

struct lp_x86_64 machine;

/* ap.S and boot.S */
extern const char ap_trampoline[], ap_trampoline_end[];
extern uint64_t ap_stack;
extern uint32_t ap_number;

static lp_pa ap_root;
static unsigned char ap_stacks[CPUS_MAX][AP_STACK] __attribute__((aligned(16)));

const struct lp_arch *arch_pager(unsigned levels)
{
    struct lp_x86_64_features features;
    unsigned now = read_cr4() & CR4_LA57 ? 5 : 4;

    lp_x86_64_probe(&features);
    if (levels == 0)
        levels = now;
    if (levels != now)
        panic("this CPU has no page tables of %u levels", levels);
    if (lp_x86_64_setup(&machine, &features, levels))
        panic("this CPU has no NX");
    lp_x86_64_cpu_enable(&machine);
    return &machine.arch;
}

bool canonical(lp_va va)
{
    unsigned unused = machine.arch.format.levels == 5 ? 7 : 16;

    return (lp_va)((int64_t)(va << unused) >> unused) == va;
}

/* The old interrupt controllers, which this kernel does not use: moved to
 * vectors of no exception, and silent. */
static void mask_pics(void)
{
    static const uint8_t words[2][4] = { { 0x11, 0xe0, 4, 1 },
                                         { 0x11, 0xe8, 2, 1 } };
    static const uint16_t port[2] = { 0x20, 0xa0 };
    unsigned pic, i;

    for (pic = 0; pic < 2; pic++) {
        out8(port[pic], words[pic][0]);
        for (i = 1; i < 4; i++)
            out8(port[pic] + 1, words[pic][i]);
        out8(port[pic] + 1, 0xff);
    }
}

void arch_init(void)
{
    mask_pics();
    apic_init();
    ASSERT(apic_id() == 0);
    clock_init();
    apic_timer_start(clock_apic_per_tick);
}

/* --- the other CPUs --- */

/* From boot.S, in the boot tables, on its own stack, interrupts off. */
_Noreturn void ap_main(unsigned cpu);

void ap_main(unsigned cpu)
{
    percpu_init(cpu);
    lp_x86_64_cpu_enable(&machine);
    __asm__ volatile("mov %0, %%cr3" : : "r"(ap_root) : "memory");
    apic_init();
    ASSERT(apic_id() == cpu);
    apic_timer_start(clock_apic_per_tick);
    cpu_main(cpu);
}

static void wait_ns(uint64_t ns)
{
    uint64_t end = arch_clock() + ns;

    while (arch_clock() < end)
        arch_pause();
}

/* Has CPU n counted itself before this much time has passed? */
static bool arrived(unsigned cpu, uint64_t ns)
{
    uint64_t end = arch_clock() + ns;

    while (atomic_load(&ncpus) <= cpu) {
        if (arch_clock() >= end)
            return false;
        arch_pause();
    }
    return true;
}

/*
 * INIT, then the start-up message, and once more when the first was lost (SDM
 * vol. 3A, 8.4.4.1).  The ten milliseconds after INIT that the manual asks for
 * passed in arch_start_cpus, once for all.
 */
static void start_cpu(unsigned cpu)
{
    ap_number = cpu;
    ap_stack = (uint64_t)(ap_stacks[cpu] + AP_STACK);
    apic_send_startup(cpu, TRAMPOLINE);
    if (arrived(cpu, SECOND_STARTUP_NS))
        return;
    apic_send_startup(cpu, TRAMPOLINE);
    if (!arrived(cpu, ARRIVAL_NS))
        panic("CPU %u does not start", cpu);
}

void arch_start_cpus(unsigned wanted, lp_pa root)
{
    unsigned cpu;

    memcpy(direct(TRAMPOLINE), ap_trampoline,
           (size_t)(ap_trampoline_end - ap_trampoline));
    ap_root = root;
    for (cpu = 1; cpu < wanted; cpu++)
        apic_send_init(cpu);
    wait_ns((uint64_t)10 * NS_PER_MS);
    for (cpu = 1; cpu < wanted; cpu++)
        start_cpu(cpu);
}
