/*
 * traps.c: what a trap means.
 *
 *     from user mode    arch_user_run returns and says so in struct trap
 *     from kernel mode  an interrupt is served; a page fault at one of
 *                       copy.S's guarded instructions is kernel_fault's; all
 *                       else is a broken kernel
 *
 * Causes: Privileged 1.12, table 4.2.  What signal a program gets is as on
 * Linux, with its pc as the address where it was no page fault.
 */
#include "csr.h"
#include "hart.h"
#include "signal.h"

enum {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL = 8,

    INTERRUPT_SOFTWARE = 1,
    INTERRUPT_TIMER = 5,
};

#define CAUSE_INTERRUPT ((uint64_t)1 << 63)

/* What user_enter answers, in two registers. */
struct cause {
    uint64_t scause, stval;
};
struct cause user_enter(struct user_frame *frame);

/* What trap.S leaves on the kernel's stack. */
struct kernel_frame {
    uint64_t regs[32]; /* [0] is pc */
    uint64_t sstatus;
};
_Static_assert(offsetof(struct kernel_frame, sstatus) == KERNEL_FRAME_SSTATUS &&
                   sizeof(struct kernel_frame) <= KERNEL_FRAME_SIZE,
               "layout.h says so to trap.S");

void kernel_trap(struct kernel_frame *frame, uint64_t scause, uint64_t stval);

extern const char trap_entry[];

void hart_setup(void)
{
    enum { COUNTERS = 7 }; /* cycle, time, instret: for programs */

    csr_write(sie, 0);
    csr_write(sscratch, 0);
    csr_write(stvec, (uintptr_t)trap_entry);
    csr_clear(sstatus, SSTATUS_SUM | SSTATUS_MXR);
    csr_set(sstatus, SSTATUS_FS);
    csr_write(scounteren, COUNTERS);
}

static void interrupt(uint64_t scause)
{
    switch (scause & ~CAUSE_INTERRUPT) {
    case INTERRUPT_SOFTWARE:
        /* Cleared first: a request that comes now interrupts again. */
        csr_clear(sip, SIE_SOFTWARE);
        cpu_request();
        break;
    case INTERRUPT_TIMER: timer_interrupt(); break;
    default: panic("an interrupt that nobody asked for: %lx", scause);
    }
}

static bool decode(struct cause cause, uint64_t sstatus, struct lp_fault *fault)
{
    struct lp_riscv64_fault raw = { .scause = cause.scause,
                                    .stval = cause.stval,
                                    .sstatus = sstatus };

    return lp_riscv64_decode(the_arch ? the_arch->ctx : NULL, &raw, fault) == 0;
}

/* --- from user mode --- */

static void signal(struct trap *trap, int number, int code, uint64_t address)
{
    trap->kind = TRAP_SIGNAL;
    trap->signal = number;
    trap->code = code;
    trap->address = address;
}

static void exception(struct user_frame *frame, struct cause cause,
                      struct trap *trap)
{
    uint64_t pc = frame->regs[REG_PC];

    switch (cause.scause) {
    case CAUSE_ECALL:
        trap->kind = TRAP_SYSCALL;
        frame->regs[REG_PC] = pc + 4;
        frame->first_argument = frame->regs[REG_A0];
        break;
    case CAUSE_ILLEGAL: signal(trap, SIGILL, ILL_ILLOPC, pc); break;
    case CAUSE_BREAKPOINT: signal(trap, SIGTRAP, TRAP_BRKPT, pc); break;
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED: signal(trap, SIGBUS, BUS_ADRALN, pc); break;
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS: signal(trap, SIGSEGV, SEGV_ACCERR, pc); break;
    default:
        if (!decode(cause, csr_read(sstatus), &trap->fault))
            panic("a trap from user mode that is none: %lx", cause.scause);
        trap->kind = TRAP_PAGE_FAULT;
    }
}

void arch_user_run(struct user_frame *frame, struct trap *trap)
{
    struct cause cause;

    arch_irq_disable();
    cause = user_enter(frame);
    if (cause.scause & CAUSE_INTERRUPT) {
        interrupt(cause.scause);
        trap->kind = TRAP_INTERRUPT;
    } else {
        exception(frame, cause, trap);
    }
    arch_irq_enable();
}

/* --- from kernel mode --- */

static _Noreturn void die(const struct kernel_frame *frame, uint64_t scause,
                          uint64_t stval)
{
    const uint64_t *r = frame->regs;

    klog("pc %lx  scause %lx  stval %lx  sstatus %lx", r[0], scause, stval,
         frame->sstatus);
    for (unsigned i = 0; i < 32; i += 4)
        klog("x%u: %lx %lx %lx %lx", i, i ? r[i] : 0, r[i + 1], r[i + 2],
             r[i + 3]);
    panic("a trap in kernel mode");
}

/* The fix-up of a guarded instruction; 0: it is not one. */
static uint64_t fixup(uint64_t pc)
{
    extern const uint64_t fixup_start[], fixup_end[];

    for (const uint64_t *entry = fixup_start; entry < fixup_end; entry += 2)
        if (entry[0] == pc)
            return entry[1];
    return 0;
}

/* The fault may sleep: with interrupts as they were, as any kernel code. */
static bool resolve(struct kernel_frame *frame, const struct lp_fault *fault)
{
    bool answer;

    if (frame->sstatus & SSTATUS_SPIE)
        arch_irq_enable();
    answer = kernel_fault(fault);
    arch_irq_disable();
    return answer;
}

void kernel_trap(struct kernel_frame *frame, uint64_t scause, uint64_t stval)
{
    uint64_t fix;
    struct lp_fault fault;

    if (scause & CAUSE_INTERRUPT) {
        interrupt(scause);
        return;
    }
    fix = fixup(frame->regs[0]);
    if (fix && (scause == CAUSE_LOAD_ACCESS || scause == CAUSE_STORE_ACCESS)) {
        frame->regs[0] = fix; /* mapped, but there is nothing to access */
        return;
    }
    if (!fix ||
        !decode((struct cause){ scause, stval }, frame->sstatus, &fault))
        die(frame, scause, stval);
    if (!resolve(frame, &fault))
        frame->regs[0] = fix;
}
