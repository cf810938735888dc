/*
 * traps.c: what the CPU traps for, turned into struct trap or into a panic.
 *
 * Which signal an exception is, and with what code and address, is as on Linux:
 *
 *     #DE         SIGFPE   FPE_INTDIV   the instruction
 *     #DB         SIGTRAP  TRAP_TRACE   the next instruction
 *     #BP         SIGTRAP  SI_KERNEL    0
 *     #OF #BR     SIGSEGV  SI_KERNEL    0
 *     #UD         SIGILL   ILL_ILLOPN   the instruction
 *     #TS #GP     SIGSEGV  SI_KERNEL    0 (a non-canonical address: #GP)
 *     #NP #SS     SIGBUS   SI_KERNEL    0 (the same through rsp or rbp: #SS)
 *     #MF #XM     SIGFPE   by the FPU's status words, the instruction
 *     #AC         SIGBUS   BUS_ADRALN   0
 *     #PF         what the pager says; undecodable: as #GP
 *
 * All others are the kernel's mistake or the machine's failure.
 */
#include "signal.h"
#include "x86.h"

_Static_assert(offsetof(struct user_frame, cs) == FRAME_CS, "x86.h");
_Static_assert(offsetof(struct user_frame, rsp) == FRAME_RSP, "x86.h");
_Static_assert(offsetof(struct user_frame, vector) == FRAME_VECTOR, "x86.h");
_Static_assert(offsetof(struct user_frame, fs_base) % 16 == 0,
               "the CPU aligns rsp before it pushes (SDM vol. 3A, 6.14.2)");

/* traps.S */
extern const char trap_stubs[];
void trap_kernel(struct user_frame *frame);
_Noreturn void trap_fatal(const struct user_frame *frame);

/* si_code that signal.h does not need */
enum {
    TRAP_TRACE = 2,
    ILL_ILLOPN = 2,
    FPE_FLTDIV = 3,
    FPE_FLTOVF = 4,
    FPE_FLTUND = 5,
    FPE_FLTRES = 6,
};

/* --- the table of vectors --- */

/* SDM vol. 3A, figure 6-8. */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

enum {
    INTERRUPT_GATE = 0x8e, /* present, clears IF */
    OPEN_TO_USERS = 0x60,  /* for INT3 and INTO */
    FATAL_IST = 1,
};

static struct gate idt[256];

static void set_gate(unsigned vector, uint8_t ist, uint8_t open)
{
    uint64_t offset = (uint64_t)trap_stubs + vector * TRAP_STUB;
    struct gate gate = {
        .offset_low = (uint16_t)offset,
        .selector = KERNEL_CS,
        .ist = ist,
        .type = (uint8_t)(INTERRUPT_GATE | open),
        .offset_middle = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32),
    };

    idt[vector] = gate;
}

void traps_init(void)
{
    unsigned vector;

    for (vector = 0; vector < ARRAY_SIZE(idt); vector++)
        set_gate(vector, 0, 0);
    set_gate(VECTOR_BP, 0, OPEN_TO_USERS);
    set_gate(VECTOR_OF, 0, OPEN_TO_USERS);
    set_gate(VECTOR_NMI, FATAL_IST, 0);
    set_gate(VECTOR_DF, FATAL_IST, 0);
    set_gate(VECTOR_MC, FATAL_IST, 0);
}

void traps_load(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = { sizeof(idt) - 1, (uint64_t)idt };

    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* --- the kernel's own --- */

static void show_stack(uint64_t rsp)
{
    const uint64_t *word = (const uint64_t *)rsp;
    unsigned i;

    /* A stack of the kernel's is in the image or in the direct map. */
    if (rsp % 8 != 0 || rsp < ARCH_DIRECT_MAP)
        return;
    for (i = 0; i < 16 && ((uint64_t)&word[i + 4] & (PAGE_SIZE - 1)) != 0;
         i += 4)
        klog("stack %016lx: %016lx %016lx %016lx %016lx", (uint64_t)&word[i],
             word[i], word[i + 1], word[i + 2], word[i + 3]);
}

void trap_fatal(const struct user_frame *f)
{
    klog("rip %016lx cs %lx rflags %lx rsp %016lx ss %lx", f->rip, f->cs,
         f->rflags, f->rsp, f->ss);
    klog("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx,
         f->rdx);
    klog("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp,
         f->r8);
    klog("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11,
         f->r12);
    klog("r13 %016lx r14 %016lx r15 %016lx cr3 %016lx", f->r13, f->r14, f->r15,
         read_cr3());
    if ((f->cs & 3) == 0)
        show_stack(f->rsp);
    panic("exception %lu, error %lx, cr2 %lx, rip %lx", f->vector, f->error,
          read_cr2(), f->rip);
}

static void interrupt(uint64_t vector)
{
    switch (vector) {
    case VECTOR_TICK:
        apic_eoi();
        cpu_tick();
        break;
    case VECTOR_IPI:
        apic_eoi();
        cpu_request();
        break;
    default: break; /* spurious: not acknowledged (SDM vol. 3A, 10.9) */
    }
}

static bool is_interrupt(uint64_t vector)
{
    return vector == VECTOR_TICK || vector == VECTOR_IPI ||
           vector == VECTOR_SPURIOUS;
}

/* kernel.ld: what copy.S lists */
struct fixup {
    uint64_t from, to;
};
extern const struct fixup fixups_start[], fixups_end[];

static const struct fixup *find_fixup(uint64_t rip)
{
    const struct fixup *fixup;

    for (fixup = fixups_start; fixup < fixups_end; fixup++)
        if (fixup->from == rip)
            return fixup;
    return NULL;
}

/* Returns 0 or -LP_EINVAL: not a fault of page tables. */
static int decode_fault(const struct user_frame *frame, uint64_t address,
                        struct lp_fault *fault)
{
    struct lp_x86_64_fault raw = { address, frame->error, frame->cs,
                                   frame->rflags };

    return machine.arch.decode(machine.arch.ctx, &raw, fault);
}

/* A page fault in kernel mode: one of copy.S's, or fatal. */
static void kernel_page_fault(struct user_frame *frame, uint64_t address)
{
    const struct fixup *fixup = find_fixup(frame->rip);
    struct lp_fault fault;

    if (!fixup || decode_fault(frame, address, &fault))
        trap_fatal(frame);
    arch_irq_restore(frame->rflags & RFLAGS_IF);
    if (!kernel_fault(&fault))
        frame->rip = fixup->to;
    arch_irq_disable();
}

/* From traps.S: the frame is on the stack, and ends with ss. */
void trap_kernel(struct user_frame *frame)
{
    if (is_interrupt(frame->vector))
        interrupt(frame->vector);
    else if (frame->vector == VECTOR_PF)
        kernel_page_fault(frame, read_cr2());
    else
        trap_fatal(frame);
}

/* --- a program's --- */

static const struct exception {
    int signal, code;
    bool at_rip; /* si_addr is the instruction, else 0 */
} exceptions[EXCEPTIONS] = {
    [VECTOR_DE] = { SIGFPE, FPE_INTDIV, true },
    [VECTOR_DB] = { SIGTRAP, TRAP_TRACE, true },
    [VECTOR_BP] = { SIGTRAP, SI_KERNEL, false },
    [VECTOR_OF] = { SIGSEGV, SI_KERNEL, false },
    [VECTOR_BR] = { SIGSEGV, SI_KERNEL, false },
    [VECTOR_UD] = { SIGILL, ILL_ILLOPN, true },
    [VECTOR_TS] = { SIGSEGV, SI_KERNEL, false },
    [VECTOR_NP] = { SIGBUS, SI_KERNEL, false },
    [VECTOR_SS] = { SIGBUS, SI_KERNEL, false },
    [VECTOR_GP] = { SIGSEGV, SI_KERNEL, false },
    [VECTOR_MF] = { SIGFPE, 0, true },
    [VECTOR_AC] = { SIGBUS, BUS_ADRALN, false },
    [VECTOR_XM] = { SIGFPE, 0, true },
};

/*
 * The first of the exceptions that are raised and not masked, in the order in
 * which the CPU would meet them: invalid, divide, overflow, underflow or
 * denormal, precision (SDM vol. 1, 8.1.3, 8.1.5 and 10.2.3).
 */
static int fpu_code(uint64_t vector)
{
    uint16_t status, control;
    uint32_t mxcsr, raised;

    if (vector == VECTOR_MF) {
        __asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
        raised = (uint32_t)status & ~(uint32_t)control;
    } else {
        __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
        raised = mxcsr & ~(mxcsr >> 7);
    }
    if (raised & 0x01)
        return FPE_FLTINV;
    if (raised & 0x04)
        return FPE_FLTDIV;
    if (raised & 0x08)
        return FPE_FLTOVF;
    if (raised & 0x12)
        return FPE_FLTUND;
    return raised & 0x20 ? FPE_FLTRES : 0;
}

static void signal_trap(const struct user_frame *frame, uint64_t vector,
                        struct trap *trap)
{
    const struct exception *exception;

    if (vector >= EXCEPTIONS || exceptions[vector].signal == 0)
        trap_fatal(frame);
    exception = &exceptions[vector];
    trap->kind = TRAP_SIGNAL;
    trap->signal = exception->signal;
    trap->code = exception->code;
    if (vector == VECTOR_MF || vector == VECTOR_XM)
        trap->code = fpu_code(vector);
    trap->address = exception->at_rip ? frame->rip : 0;
}

/* Interrupts are off: CR2 is still the fault's. */
static void take_trap(struct user_frame *frame, struct trap *trap)
{
    if (frame->vector == VECTOR_SYSCALL) {
        trap->kind = TRAP_SYSCALL;
        frame->number = frame->rax;
    } else if (is_interrupt(frame->vector)) {
        trap->kind = TRAP_INTERRUPT;
        interrupt(frame->vector);
    } else if (frame->vector == VECTOR_PF) {
        trap->kind = TRAP_PAGE_FAULT;
        frame->cr2 = read_cr2();
        if (decode_fault(frame, frame->cr2, &trap->fault))
            signal_trap(frame, VECTOR_GP, trap);
    } else {
        signal_trap(frame, frame->vector, trap);
    }
}

/* traps.S */
void user_enter(struct user_frame *frame, unsigned by_sysret);

/*
 * Back from a system call the short way?  Only when nothing has been changed
 * that SYSRET does not load (rcx and r11 are rip and rflags then), and never to
 * an address that is not canonical: Intel's SYSRET faults in kernel mode on the
 * user's stack (SDM vol. 2B, SYSRET).
 */
static bool can_sysret(const struct user_frame *frame)
{
    return frame->vector == VECTOR_SYSCALL && frame->rcx == frame->rip &&
           frame->r11 == frame->rflags && frame->rip < ARCH_STACK_TOP &&
           !(frame->rflags & (RFLAGS_TF | RFLAGS_RF));
}

/* What a program may have in RFLAGS: all but IOPL, and interrupts on. */
static uint64_t user_flags(uint64_t rflags)
{
    return (rflags & RFLAGS_USER) | RFLAGS_IF | RFLAGS_FIXED;
}

/*
 * A program that goes on at an address that is not canonical gets the #GP that
 * it would get in user mode; IRET would raise it here.
 */
void arch_user_run(struct user_frame *frame, struct trap *trap)
{
    if (!canonical(frame->rip)) {
        frame->vector = VECTOR_GP;
        frame->error = 0;
        signal_trap(frame, VECTOR_GP, trap);
        return;
    }
    ASSERT((uint64_t)frame % 16 == 0);
    frame->rflags = user_flags(frame->rflags);
    arch_irq_disable();
    wrmsr(MSR_FS_BASE, frame->fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, frame->gs_base);
    percpu_set_rsp0((uint64_t)&frame->fs_base);
    user_enter(frame, can_sysret(frame));
    frame->fs_base = rdmsr(MSR_FS_BASE);
    frame->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    take_trap(frame, trap);
    arch_irq_enable();
}
