/*
 * apic.c: the local APIC: ticks and interrupts between CPUs.
 *
 * The page of its registers (SDM vol. 3A, table 10-1) looks the same from each
 * CPU and is each CPU's own.  x2APIC would need MSRs; here it is plain memory,
 * mapped uncached.
 */
#include "x86.h"

enum {
    ID = 0x20,
    TASK_PRIORITY = 0x80,
    EOI = 0xb0,
    SPURIOUS = 0xf0,
    COMMAND_LOW = 0x300,
    COMMAND_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LVT_THERMAL = 0x330,
    LVT_PERFORMANCE = 0x340,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    TIMER_INITIAL = 0x380,
    TIMER_CURRENT = 0x390,
    TIMER_DIVIDE = 0x3e0,
};

#define ENABLE 0x100        /* of SPURIOUS */
#define MASKED 0x10000      /* of an LVT entry */
#define NMI 0x400           /* of an LVT entry: the pin is the NMI button */
#define PERIODIC 0x20000    /* of LVT_TIMER */
#define DIVIDE_BY_16 3      /* of TIMER_DIVIDE */
#define PENDING 0x1000      /* of COMMAND_LOW: not yet sent */
#define FIXED_ASSERT 0x4000 /* of COMMAND_LOW */
#define INIT_ASSERT 0x4500  /* of COMMAND_LOW */
#define STARTUP_ASSERT 0x4600

static volatile uint32_t *reg(unsigned offset)
{
    return (volatile uint32_t *)(APIC_VA + offset);
}

void apic_init(void)
{
    static const unsigned unused[] = { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE,
                                       LVT_LINT0, LVT_ERROR };
    unsigned i;

    if (round_down(rdmsr(MSR_APIC_BASE), PAGE_SIZE) != APIC_PA)
        panic("the local APIC is not at %x", APIC_PA);
    for (i = 0; i < ARRAY_SIZE(unused); i++)
        *reg(unused[i]) = MASKED;
    *reg(LVT_LINT1) = NMI;
    *reg(TASK_PRIORITY) = 0;
    *reg(SPURIOUS) = ENABLE | VECTOR_SPURIOUS;
    *reg(TIMER_DIVIDE) = DIVIDE_BY_16;
}

unsigned apic_id(void)
{
    return *reg(ID) >> 24;
}

void apic_eoi(void)
{
    *reg(EOI) = 0;
}

void apic_timer_free_run(void)
{
    *reg(LVT_TIMER) = MASKED;
    *reg(TIMER_INITIAL) = UINT32_MAX;
}

uint32_t apic_timer_left(void)
{
    return *reg(TIMER_CURRENT);
}

void apic_timer_start(uint32_t per_tick)
{
    *reg(LVT_TIMER) = PERIODIC | VECTOR_TICK;
    *reg(TIMER_INITIAL) = per_tick;
}

/* The command is two registers: a handler that sends between the two stores
 * would spoil it. */
static void send(unsigned cpu, uint32_t command)
{
    bool on = arch_irq_disable();

    while (*reg(COMMAND_LOW) & PENDING)
        arch_pause();
    *reg(COMMAND_HIGH) = cpu << 24;
    *reg(COMMAND_LOW) = command;
    arch_irq_restore(on);
}

/* The store to an uncached page does not pass earlier stores (SDM vol. 3A,
 * 8.2.2), so the other CPU sees what this one wrote before. */
void arch_send_ipi(unsigned cpu)
{
    send(cpu, FIXED_ASSERT | VECTOR_IPI);
}

void apic_send_init(unsigned cpu)
{
    send(cpu, INIT_ASSERT);
}

void apic_send_startup(unsigned cpu, lp_pa code)
{
    send(cpu, STARTUP_ASSERT | (uint32_t)(code / PAGE_SIZE));
}
