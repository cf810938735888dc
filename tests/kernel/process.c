/*
 * process.c: the life of processes: made, found, forked, ended.
 *
 * A process is one thread and what it owns: a vm, descriptors, signals.  All
 * are in one list; its children hang on it, newest first.  A zombie is a
 * process without a thread: only its status is left, for wait4 (wait.c).
 *
 * Under the kernel lock.
 */
#include "process.h"

#include "cpu.h"
#include "futex.h"
#include "trace.h"
#include "user.h"

_Static_assert(sizeof(struct process) <= PAGE_SIZE &&
                   _Alignof(struct process) <= 16,
               "kmalloc makes it");

enum { PROCESSES_MAX = 1024, PID_MAX = 32767 };

static struct process *processes;
static unsigned nprocesses;

/* --- the table --- */

struct process *process_find(int pid)
{
    struct process *process;

    for (process = processes; process; process = process->next)
        if (process->pid == pid)
            return process;
    return NULL;
}

void process_each(void (*fn)(struct process *process, void *arg), void *arg)
{
    struct process *process;

    for (process = processes; process; process = process->next)
        fn(process, arg);
}

unsigned process_count(void)
{
    return nprocesses;
}

/* A number that no process has, nor a group or session that is still there. */
static int new_pid(void)
{
    static int last;
    const struct process *process;

    for (;;) {
        last = last < PID_MAX ? last + 1 : 2;
        for (process = processes; process; process = process->next)
            if (process->pid == last || process->pgid == last ||
                process->sid == last)
                break;
        if (!process)
            return last;
    }
}

/* --- address spaces --- */

struct vm *vm_create(void)
{
    struct vm *vm = kmalloc(sizeof(*vm));

    if (!vm)
        return NULL;
    if (lp_space_create(the_pager, &vm->space) != 0) {
        kfree(vm);
        return NULL;
    }
    vm->references = 1;
    return vm;
}

static struct vm *vm_fork(const struct vm *parent)
{
    struct vm *vm = kmalloc(sizeof(*vm));

    if (!vm)
        return NULL;
    *vm = *parent;
    if (lp_fork(parent->space, &vm->space) != 0) {
        kfree(vm);
        return NULL;
    }
    vm->references = 1;
    return vm;
}

void vm_put(struct vm *vm)
{
    if (!vm || --vm->references > 0)
        return;
    /* May take long, and nobody else knows it any more. */
    kernel_unlock();
    lp_space_destroy(vm->space);
    kfree(vm);
    kernel_lock();
}

void process_set_vm(struct vm *vm)
{
    struct process *process = current();
    struct vm *old = process->vm;
    bool interrupts = arch_irq_disable();

    process->vm = vm;
    lp_activate(the_pager, vm ? vm->space : NULL);
    arch_irq_restore(interrupts);
    vm_put(old);
}

/* --- made --- */

/* A process in no list, with nothing but signals; NULL: no memory. */
static struct process *allocate(const struct process *parent)
{
    struct process *process;
    int error;

    if (nprocesses >= PROCESSES_MAX)
        return NULL;
    process = kmalloc(sizeof(*process));
    if (!process)
        return NULL;
    error = parent ? signals_copy(&process->signals, &parent->signals)
                   : signals_init(&process->signals);
    if (error) {
        kfree(process);
        return NULL;
    }
    return process;
}

/* Of one that never ran, or of a zombie. */
static void release(struct process *process)
{
    vm_put(process->vm);
    if (process->files)
        files_destroy(process->files);
    signals_free(&process->signals);
    kfree(process);
}

static void publish(struct process *process, struct process *parent)
{
    process->pid = new_pid();
    process->next = processes;
    processes = process;
    nprocesses++;
    process->parent = parent;
    if (!parent)
        return;
    process->sibling = parent->children;
    parent->children = process;
}

void process_reap(struct process *process)
{
    struct process **link;

    ASSERT(!process->thread);
    for (link = &processes; *link != process; link = &(*link)->next)
        ;
    *link = process->next;
    for (link = &process->parent->children; *link != process;
         link = &(*link)->sibling)
        ;
    *link = process->sibling;
    nprocesses--;
    release(process);
}

/* What the first process was told to run. */
static struct {
    const char *path;
    char *const *argv, *const *envp;
} first;

static void run_first(void *unused)
{
    int error;

    kernel_lock();
    error = process_exec(first.path, first.argv, first.envp);
    if (error) {
        klog("cannot run %s: error %d", first.path, -error);
        process_exit((error == -ENOENT ? 127 : 126) << 8);
    }
    kernel_unlock();
    process_run(unused);
}

int process_start_first(const char *path, char *const argv[],
                        char *const envp[])
{
    struct process *process = allocate(NULL);

    ASSERT(kernel_locked() && !processes);
    if (!process)
        return -ENOMEM;
    first.path = path;
    first.argv = argv;
    first.envp = envp;
    process->umask = 022;
    process->files = files_create();
    if (process->files)
        process->thread = thread_start(process, run_first, NULL);
    if (!process->thread) {
        release(process);
        return -ENOMEM;
    }
    publish(process, NULL);
    process->pgid = process->sid = process->pid;
    return 0;
}

/* --- forked --- */

/* What a child gets as a copy.  0 or -ENOMEM: then release() it. */
static int copy(struct process *child, struct process *parent, bool share_vm)
{
    child->files = files_copy(parent->files);
    if (!child->files)
        return -ENOMEM;
    if (share_vm) {
        child->vm = parent->vm;
        child->vm->references++;
    } else {
        child->vm = vm_fork(parent->vm);
    }
    if (!child->vm)
        return -ENOMEM;
    child->pgid = parent->pgid;
    child->sid = parent->sid;
    child->umask = parent->umask;
    memcpy(child->name, parent->name, sizeof(child->name));
    child->frame = parent->frame;
    arch_fpu_save(&parent->fpu);
    child->fpu = parent->fpu;
    return 0;
}

/* The memory of both, before the child runs.  Bad addresses change nothing, as
 * on Linux. */
static void store_tids(const struct process *child,
                       const struct clone_request *request)
{
    int32_t tid = child->pid;

    if (request->flags & CLONE_PARENT_SETTID)
        (void)user_write(request->parent_tid, &tid, sizeof(tid));
    if (request->flags & CLONE_CHILD_SETTID)
        (void)lp_copy_out(child->vm->space, request->child_tid, &tid,
                          sizeof(tid), NULL);
}

static void set_registers(struct process *child,
                          const struct clone_request *request)
{
    arch_syscall_return(&child->frame, 0);
    if (request->stack)
        arch_user_set_stack(&child->frame, request->stack);
    if (request->flags & CLONE_SETTLS)
        arch_user_set_tls(&child->frame, request->tls);
    if (request->flags & CLONE_CHILD_CLEARTID)
        child->clear_child_tid = request->child_tid;
    child->exit_signal = (int)(request->flags & CLONE_SIGNAL);
}

/* The parent of a vfork sleeps until the child has no more use for its vm. */
static void await_borrower(struct process *parent, struct process *child)
{
    parent->borrower = child;
    while (parent->borrower && wait_on_quietly(&parent->vfork_done) == 0)
        ;
    parent->borrower = NULL;
}

void process_return_vm(struct process *process)
{
    struct process *parent = process->parent;

    if (!parent || parent->borrower != process)
        return;
    parent->borrower = NULL;
    wake_all(&parent->vfork_done);
}

int process_clone(const struct clone_request *request)
{
    struct process *parent = current(), *child;
    int pid, error;

    if (nprocesses >= PROCESSES_MAX)
        return -EAGAIN;
    child = allocate(parent);
    if (!child)
        return -ENOMEM;
    error = copy(child, parent, request->flags & CLONE_VM);
    if (!error) {
        child->thread = thread_start(child, process_run, NULL);
        error = child->thread ? 0 : -ENOMEM;
    }
    if (error) {
        release(child);
        return error;
    }
    publish(child, parent);
    trace_snapshot("fork", child);
    set_registers(child, request);
    store_tids(child, request);
    /* From here on the child may be gone whenever this sleeps. */
    pid = child->pid;
    if (request->flags & CLONE_VFORK)
        await_borrower(parent, child);
    return pid;
}

/* --- ended --- */

static _Noreturn void end_machine(int wait_status)
{
    int code =
        wait_status & 0x7f ? 128 + (wait_status & 0x7f) : wait_status >> 8;

    trace_end();
    console_end((unsigned)code);
}

/* Children that are left go to the first process, which may wait for them. */
static void orphan_children(struct process *process)
{
    struct process *heir = process_find(1), *child;

    while ((child = process->children) != NULL) {
        process->children = child->sibling;
        child->parent = heir;
        child->sibling = heir->children;
        heir->children = child;
        child->exit_signal = SIGCHLD;
        if (!child->thread)
            process_notify_parent(child);
    }
}

/* What others can see of a program that ends, its memory included. */
static void let_go(struct process *process)
{
    int32_t zero = 0;

    /* On Linux, too, only where somebody else could see it by way of the space
     * itself. */
    if (process->clear_child_tid && process->vm->references > 1) {
        if (user_write(process->clear_child_tid, &zero, sizeof(zero)) == 0)
            futex_wake_address(process->clear_child_tid);
    }
    files_destroy(process->files);
    process->files = NULL;
    process_set_vm(NULL);
}

void process_notify_parent(struct process *process)
{
    struct process *parent = process->parent;
    int killed = process->wait_status & 0x7f;
    struct signal_info info = {
        .signal = process->exit_signal,
        .code = killed ? CLD_KILLED : CLD_EXITED,
        .pid = process->pid,
        .status = killed ? killed : process->wait_status >> 8,
    };
    const struct signal_action *action = &parent->signals.action[SIGCHLD];

    wake_all(&parent->wait);
    if (info.signal)
        signal_send(parent, &info);
    if (info.signal == SIGCHLD &&
        (action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT)))
        process_reap(process);
}

void process_exit(int wait_status)
{
    struct process *process = current();

    ASSERT(kernel_locked());
    trace_snapshot("exit", process);
    if (process->pid == 1)
        end_machine(wait_status);
    if (process->vm)
        let_go(process);
    process_return_vm(process);
    orphan_children(process);
    process->wait_status = wait_status;
    process->thread = NULL;
    thread_current()->process = NULL;
    process_notify_parent(process);
    thread_exit();
}
