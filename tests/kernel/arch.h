/*
 * arch.h: what an architecture supplies to the kernel, and what the kernel
 * supplies to it.
 *
 * An architecture is a directory.  Its frame.h defines struct user_frame,
 * struct context, struct fpu_state and the constants
 *
 *     ARCH_NAME            "x86_64"
 *     ARCH_ELF_MACHINE     e_machine of its programs
 *     ARCH_DIRECT_MAP      where physical address 0 is mapped
 *     ARCH_PROBE           a free page of the kernel's half, in one of the
 *                          ranges of struct boot_info (probe.h)
 *     ARCH_STACK_TOP       one past the top of a program's stack
 *     ARCH_TRAP_CODE, ARCH_TRAP_LEN   the bytes of its breakpoint instruction,
 *                          as a string literal and their number
 *     ARCH_SIGACTION_RESTORER   1: struct sigaction has sa_restorer; else 0
 *     ARCH_CLONE_TLS_LAST       1: clone's arguments end in ctid, tls; 0: in
 *                               tls, ctid
 */
#ifndef ARCH_H
#define ARCH_H

#include "frame.h"
#include "kernel.h"

/* --- booting --- */

/* A part of the kernel's half: glue.c maps these with lp_kernel_map. */
struct boot_mapping {
    lp_va va;
    lp_pa pa;
    uint64_t len;
    unsigned access;
    enum lp_cache_mode cache;
};

/* What the boot code found out. */
struct boot_info {
    const char *command_line; /* in the kernel's image or the direct map */
    /* Memory that nobody uses: not the image, the initrd, firmware. */
    struct {
        lp_pa start, end;
    } free[8];
    unsigned nfree;
    lp_pa ram_start, ram_end;       /* all of the above lies in here */
    lp_pa initrd_start, initrd_end; /* both 0: none */
    struct boot_mapping mapping[8]; /* the direct map, the image, devices */
    unsigned nmappings;
    struct lp_range half[4]; /* the ranges that they lie in */
    unsigned nhalves;
};

/*
 * kmain: the boot CPU arrives here, in boot tables that hold the image and the
 * direct map of all RAM; interrupts off, the console works.  Does not return.
 */
_Noreturn void kmain(const struct boot_info *info);

/*
 * arch_pager: the backend's table for this machine.
 *
 * => levels: of page tables; 0: as many as the CPU has.  A number that it has
 *    not: panics with a message.
 * => boot CPU, once; also switches on what this CPU's paging needs.
 */
const struct lp_arch *arch_pager(unsigned levels);

/*
 * arch_init: after the pager's root is active: interrupt controller, timer,
 * traps; interrupts stay off.  Boot CPU, once.
 */
void arch_init(void);

/*
 * arch_start_cpus: start CPUs 1..ncpus - 1.  Each calls cpu_main(n) with
 * interrupts off, on a stack of its own, in the pager's root (root is its
 * physical address).  One at a time, in order: `ncpus` (cpu.h) has counted one
 * when it has arrived.  Returns when all have; panics when one does not.
 */
void arch_start_cpus(unsigned ncpus, lp_pa root);
_Noreturn void cpu_main(unsigned cpu);

/*
 * arch_exit: stop the machine.  ok: the orderly end that tests/kernel/run
 * accepts; else the one for a kernel that failed.  Any context.
 */
_Noreturn void arch_exit(bool ok);

/* arch_console_write: bytes to the serial line, as they are; any context. */
void arch_console_write(const char *text, size_t len);

/* --- the CPU --- */

unsigned arch_cpu(void);     /* number of this CPU, from 0 */
bool arch_irq_disable(void); /* returns whether they were on */
void arch_irq_enable(void);
static inline void arch_irq_restore(bool on)
{
    if (on)
        arch_irq_enable();
}
/* Interrupts on and wait for one, with no gap between.  Returns with them
 * on; called with them off. */
void arch_wait(void);
void arch_pause(void); /* in a spin loop */
/* Interrupt another CPU: it calls cpu_request() soon. */
void arch_send_ipi(unsigned cpu);
/* Nanoseconds since boot, never backwards, the same on all CPUs. */
uint64_t arch_clock(void);
/* Instructions or cycles, for --count: the CPU's own counter. */
uint64_t arch_counter(void);

/*
 * The portable ends of interrupts, called by the arch's handler, whether
 * it interrupted user or kernel mode, with interrupts off: cpu_request for an
 * IPI, cpu_tick every 10 ms on each CPU.
 */
void cpu_request(void);
void cpu_tick(void);

/* --- switching --- */

/*
 * A context is a thread that is not running: callee-saved registers on its
 * stack.  Both calls with interrupts off; a new context begins in entry(arg)
 * with interrupts off and never returns from it.
 */
void arch_context_init(struct context *context, void *stack_top,
                       void (*entry)(void *arg), void *arg);
void arch_context_switch(struct context *from, struct context *to);

/* The user's floating-point and vector registers of this CPU. */
void arch_fpu_init(struct fpu_state *state); /* as a program starts */
void arch_fpu_save(struct fpu_state *state);
void arch_fpu_restore(const struct fpu_state *state);

/* --- user mode --- */

enum trap_kind {
    TRAP_INTERRUPT, /* a tick or an IPI: already served */
    TRAP_SYSCALL,
    TRAP_PAGE_FAULT, /* `fault` says which */
    TRAP_SIGNAL,     /* an exception that is a signal to the program */
};

struct trap {
    enum trap_kind kind;
    struct lp_fault fault;
    int signal, code; /* SIGILL, ILL_ILLOPC, ... */
    uint64_t address; /* si_addr */
};

/*
 * arch_user_run: run the program until its next trap.
 *
 * Enters user mode with the registers in *frame; comes back, as a function
 * returns, when the CPU traps from user mode, with the registers in *frame and
 * the cause in *trap.  A fault's address is read before interrupts go on.
 *
 * => on the thread's own kernel stack, which traps from user mode use from its
 *    top on down; interrupts on before and after.
 */
void arch_user_run(struct user_frame *frame, struct trap *trap);

/* A program's first registers: all zero but these. */
void arch_user_init(struct user_frame *frame, lp_va entry, lp_va stack);

/* System calls: number, six arguments, result. */
uint64_t arch_syscall_number(const struct user_frame *frame);
void arch_syscall_arguments(const struct user_frame *frame, uint64_t args[6]);
void arch_syscall_return(struct user_frame *frame, int64_t result);
/* Make the program issue the same system call again (its number and first
 * argument as they were). */
void arch_syscall_restart(struct user_frame *frame);
/* For clone: the child's stack (0: unchanged) and TLS register. */
void arch_user_set_stack(struct user_frame *frame, lp_va stack);
lp_va arch_user_stack(const struct user_frame *frame);
void arch_user_set_tls(struct user_frame *frame, lp_va tls);

/*
 * Signals.  arch_signal_push writes Linux's rt_sigframe (siginfo and ucontext,
 * FPU state with it) to the user stack and sets the frame to run the handler
 * (signal.h has struct signal_delivery).  arch_signal_return undoes it.
 *
 * => *fpu: the CPU's registers, which the caller has saved; what it loads
 *    afterwards.
 * => return 0, or -EFAULT when the stack cannot be used: then *frame is as it
 *    was.  *mask: the blocked signals that were saved.
 */
struct signal_delivery;
int arch_signal_push(struct user_frame *frame, struct fpu_state *fpu,
                     const struct signal_delivery *delivery);
int arch_signal_return(struct user_frame *frame, struct fpu_state *fpu,
                       uint64_t *mask);

/*
 * arch_copy_in, arch_copy_out: the second way to user memory: copy by the
 * user's own addresses in the active space, with user access allowed for just
 * these loads or stores (STAC, SUM).  A fault goes to kernel_fault; where that
 * answers false, the copy ends.
 *
 * => returns the number of bytes NOT copied.
 * => interrupts on.  Any address is fine, also the kernel's half: refused.
 */
size_t arch_copy_in(void *to, lp_va from, size_t len);
size_t arch_copy_out(lp_va to, const void *from, size_t len);

/*
 * kernel_fault: a page fault in kernel mode, at an instruction that has a
 * fix-up.  true: run it again.  Called with interrupts as they were before the
 * fault (on).  A fault anywhere else in kernel mode is a panic by the arch.
 */
bool kernel_fault(const struct lp_fault *fault);

/* --- a probe: one access from user mode, for the tests of the MMU --- */

/*
 * [arch_probe_start, arch_probe_end) is position-independent user code, less
 * than a page, that is mapped into the kernel's half, open to user mode, when a
 * test asks.  arch_probe_frame prepares one load (LP_READ) or store (LP_WRITE)
 * of `width` bytes, 1, 2, 4 or 8, at va with that code at `code`, or a jump to va
 * (LP_EXEC).  After a load or store a breakpoint: TRAP_SIGNAL with SIGTRAP.
 * arch_probe_value: what the load got.
 */
extern const char arch_probe_start[], arch_probe_end[];
void arch_probe_frame(struct user_frame *frame, lp_va code, unsigned access,
                      unsigned width, lp_va va, uint64_t value);
uint64_t arch_probe_value(const struct user_frame *frame);
/* Stores made to code through the direct map are fetched from now on (this
 * CPU). */
void arch_sync_code(void);

#endif
