/*
 * harts.c: the CPUs: interrupts on and off, starting the others, asking them.
 *
 * There are two ways to make another hart flush its TLB, and the command line's
 * flush=ipi|sbi chooses:
 *
 *     ipi   an interrupt of our own; the handler runs the library's flush
 *           there.  Only this way may the library look at that hart's state, so
 *           that it flushes one ASID, or nothing where that space does not run.
 *           Waits until the other hart has its interrupts on.
 *     sbi   the firmware interrupts the hart in machine mode and fences there.
 *           That works whatever the other hart is doing, also with its
 *           interrupts off, and on machines where the firmware has something
 *           faster than an interrupt; but it costs two changes of mode on each
 *           side, and drops the pages of every ASID.
 */
#include "boot.h"
#include "csr.h"
#include "hart.h"
#include "sbi.h"
#include "sched.h"

unsigned arch_cpu(void)
{
    return hart_self()->cpu;
}

bool arch_irq_disable(void)
{
    uint64_t old;

    __asm__ volatile("csrrc %0, sstatus, %1"
                     : "=r"(old)
                     : "r"((uint64_t)SSTATUS_SIE)
                     : "memory");
    return old & SSTATUS_SIE;
}

void arch_irq_enable(void)
{
    csr_set(sstatus, SSTATUS_SIE);
}

/* WFI ends when an interrupt is pending, also while all are off (Privileged
 * 1.12, 3.3.3): one that came before it is not slept through. */
void arch_wait(void)
{
    __asm__ volatile("wfi" ::: "memory");
    arch_irq_enable();
}

/*
 * PAUSE (Zihintpause) is a FENCE that does nothing where it is not known, and
 * does not give way either where an emulator runs the harts in turns: what this
 * one waits for would come at the next tick.  WFI gives way; a software
 * interrupt that this hart sends to itself keeps it from sleeping, and then
 * costs one look for requests.  That is for whoever has waited for a while.
 */
static void give_way(void)
{
    bool on = arch_irq_disable();

    if (csr_read(sie) & SIE_SOFTWARE) {
        csr_set(sip, SIE_SOFTWARE);
        __asm__ volatile("wfi" ::: "memory");
    }
    arch_irq_restore(on);
}

void arch_pause(void)
{
    enum { A_WHILE = 64 };

    __asm__ volatile(".4byte 0x0100000f" ::: "memory"); /* PAUSE */
    if (++hart_self()->pauses % A_WHILE == 0)
        give_way();
}

/* The request's stores must be there before the interrupt is. */
void arch_send_ipi(unsigned cpu)
{
    __asm__ volatile("fence rw, rw" ::: "memory");
    if (sbi_send_ipi(harts[cpu].id) != 0)
        panic("the firmware sends no interrupt to hart %lu", harts[cpu].id);
}

void arch_sync_code(void)
{
    __asm__ volatile("fence rw, rw\n\tfence.i" ::: "memory");
}

void arch_init(void)
{
    /* What is left of the boot tables: other rights for the same memory, in
     * another mode's format. */
    __asm__ volatile("sfence.vma" ::: "memory");
    signal_init();
    timer_start();
}

/* --- starting --- */

void hart_main(void)
{
    hart_setup();
    timer_start();
    cpu_main(arch_cpu());
}

static void start(unsigned cpu, uint64_t satp)
{
    enum { SECONDS = 20 };
    struct hart *hart = &harts[cpu];
    lp_pa stack = frames_get(KERNEL_STACK / PAGE_SIZE);
    uint64_t deadline = arch_clock() + SECONDS * (uint64_t)1000000000;
    long error;

    if (stack == LP_PA_NONE)
        panic("no memory for the stack of CPU %u", cpu);
    hart->start_satp = satp;
    hart->start_sp = (uintptr_t)direct(stack) + KERNEL_STACK;
    __asm__ volatile("fence rw, rw" ::: "memory");
    error = sbi_hart_start(hart->id, image_pa(hart_entry), image_pa(hart));
    if (error)
        panic("the firmware does not start hart %lu: error %ld (booted on %lu)",
              hart->id, error, harts[0].id);
    while (atomic_load(&ncpus) <= cpu) {
        if (arch_clock() > deadline)
            panic("hart %lu does not arrive", hart->id);
        arch_pause();
    }
}

/* In the mode that the pager has chosen and this hart runs in. */
void arch_start_cpus(unsigned wanted, lp_pa root)
{
    uint64_t mode = csr_read(satp) >> SATP_MODE_SHIFT << SATP_MODE_SHIFT;

    if (wanted > the_machine.ncpus)
        panic("%u CPUs are asked for, the machine has %u", wanted,
              the_machine.ncpus);
    for (unsigned cpu = 1; cpu < wanted; cpu++)
        start(cpu, mode | root >> LP_PAGE_SHIFT);
}

/* --- fences by the firmware --- */

/* Some harts, as the firmware names them: base + n for each bit n. */
struct hart_mask {
    uint64_t mask, base;
};

/*
 * Take out of *left, a set of CPUs, those that fit into one mask: 64 ids from
 * the lowest on.
 */
static struct hart_mask take_mask(uint64_t *left)
{
    struct hart_mask out = { 0, UINT64_MAX };

    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        if (*left >> cpu & 1 && harts[cpu].id < out.base)
            out.base = harts[cpu].id;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        if (*left >> cpu & 1 && harts[cpu].id - out.base < 64) {
            out.mask |= (uint64_t)1 << (harts[cpu].id - out.base);
            *left &= ~((uint64_t)1 << cpu);
        }
    return out;
}

/* Those of the set that run: the others fence when they start. */
static uint64_t running(const struct lp_cpuset *cpus)
{
    return cpus->word[0] & (((uint64_t)1 << atomic_load(&ncpus)) - 1);
}

static void fence(struct hart_mask to, const struct lp_flush *what)
{
    /* Both 0: everything.  With an address only leaves are forgotten. */
    bool all = what->scope != LP_FLUSH_GLOBAL || what->tables;
    uint64_t start = all ? 0 : what->start;
    uint64_t len = all ? 0 : what->end - what->start;

    if (!all && len == 0)
        return;
    if (sbi_remote_sfence_vma(to.mask, to.base, start, len) != 0)
        panic("the firmware does not fence harts %lx from %lu", to.mask,
              to.base);
}

/* The firmware's interrupts must not overtake our stores. */
void arch_fence_cpus(void *ctx, const struct lp_cpuset *cpus,
                     const struct lp_flush *what, unsigned n)
{
    uint64_t left = running(cpus);

    (void)ctx;
    __asm__ volatile("fence rw, rw" ::: "memory");
    while (left) {
        struct hart_mask to = take_mask(&left);

        for (unsigned i = 0; i < n; i++)
            fence(to, &what[i]);
    }
}

void arch_sync_code_cpus(void *ctx, const struct lp_cpuset *cpus)
{
    uint64_t left = running(cpus);

    (void)ctx;
    __asm__ volatile("fence rw, rw" ::: "memory");
    while (left) {
        struct hart_mask to = take_mask(&left);

        if (sbi_remote_fence_i(to.mask, to.base) != 0)
            panic("the firmware does not fence harts %lx from %lu", to.mask,
                  to.base);
    }
}
