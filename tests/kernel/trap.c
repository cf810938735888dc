/*
 * trap.c: a program runs, traps, is served, and runs on.
 *
 * This loop is all that a process's thread does.  Page faults are served
 * without the kernel lock: the library has its own, and programs on several
 * CPUs fault side by side.
 */
#include "cpu.h"
#include "process.h"
#include "syscall.h"
#include "trace.h"

/* --- page faults --- */

static void send_fault(const struct lp_fault_result *result)
{
    struct signal_info info = { .address = result->va };

    switch (result->code) {
    case LP_FAULT_BUS:
        info.signal = SIGBUS;
        info.code = BUS_ADRERR;
        break;
    case LP_FAULT_ACCERR:
        info.signal = SIGSEGV;
        info.code = SEGV_ACCERR;
        break;
    default:
        info.signal = SIGSEGV;
        info.code = SEGV_MAPERR;
        break;
    }
    signal_force(&info);
}

static void kill_for_memory(const struct process *process)
{
    struct signal_info info = { .signal = SIGKILL, .code = SI_KERNEL };

    klog("out of memory: killed %s, process %d", process->name, process->pid);
    signal_force(&info);
}

static void serve_fault(struct process *process, const struct lp_fault *fault)
{
    struct lp_fault_result result;

    if (lp_handle_fault(process->vm->space, fault, &result) == 0)
        return;
    kernel_lock();
    if (result.code == LP_FAULT_RETRY)
        thread_yield();
    else if (result.code == LP_FAULT_NOMEM)
        kill_for_memory(process);
    else
        send_fault(&result);
    kernel_unlock();
}

/* An object that is not ready is asked again: the instruction faults again. */
bool kernel_fault(const struct lp_fault *fault)
{
    struct process *process = current();
    struct lp_fault ours = *fault;
    int error;

    if (!process || !process->vm)
        return false;
    ours.flags &= ~(unsigned)LP_FAULT_USER;
    error = lp_handle_fault(process->vm->space, &ours, NULL);
    return error == 0 || error == -LP_EAGAIN;
}

/* --- the rest --- */

static int64_t call(uint64_t number, const uint64_t args[6])
{
    if (number >= arch_nsyscalls || !arch_syscalls[number].run)
        return -ENOSYS;
    return arch_syscalls[number].run(args);
}

/* Whether the answer waits for what signal_deliver finds. */
static bool serve_call(struct process *process)
{
    uint64_t args[6];
    int64_t result;

    arch_syscall_arguments(&process->frame, args);
    result = call(arch_syscall_number(&process->frame), args);
    if (result != -ERESTART && result != -ENORESULT)
        arch_syscall_return(&process->frame, result);
    return result == -ERESTART;
}

static void serve_exception(const struct trap *trap)
{
    struct signal_info info = {
        .signal = trap->signal,
        .code = trap->code,
        .address = trap->address,
    };

    kernel_lock();
    signal_force(&info);
    kernel_unlock();
}

/* Before the program goes on, in the order of a preemption first: what was sent
 * meanwhile is still seen. */
static void prepare(struct process *process)
{
    if (cpu_resched()) {
        kernel_lock();
        thread_yield();
        kernel_unlock();
    }
    if (trace_pressing()) {
        kernel_lock();
        trace_drain();
        kernel_unlock();
    }
    if (signal_pending(process)) {
        kernel_lock();
        signal_deliver(false);
        kernel_unlock();
    }
}

void process_run(void *unused)
{
    struct process *process = current();
    struct trap trap;

    (void)unused;
    for (;;) {
        prepare(process);
        arch_user_run(&process->frame, &trap);
        switch (trap.kind) {
        case TRAP_SYSCALL:
            kernel_lock();
            signal_deliver(serve_call(process));
            kernel_unlock();
            break;
        case TRAP_PAGE_FAULT: serve_fault(process, &trap.fault); break;
        case TRAP_SIGNAL: serve_exception(&trap); break;
        case TRAP_INTERRUPT: break;
        }
    }
}
