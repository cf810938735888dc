/*
 * sched.h: threads of control, their sleep, and who runs.
 *
 * Round robin over one queue of runnable threads, under the kernel lock.  A
 * thread is preempted when it is in user mode, at the end of its 10 ms slice;
 * in kernel mode it goes on until it sleeps, yields or returns to user mode.
 *
 * The kernel lock across a switch.  The lock belongs to a CPU, not to a thread.
 * Whoever switches holds it, and the thread that is switched to finds it held:
 * one that slept goes on holding it, as its caller expects; a new one lets it
 * go before its first own instruction.  So no CPU can pick a thread whose
 * registers are not saved yet, or free a stack that is still stood on.
 *
 * Address spaces.  A thread of a process runs in its process's space; a thread
 * without one runs in whatever root it finds or activates itself (the
 * conformance suite has pagers of its own), and what it activates is gone when
 * a process's thread has run on the CPU in between.
 */
#ifndef SCHED_H
#define SCHED_H

#include "arch.h"

enum { KERNEL_STACK = 16384 };

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_ASLEEP, THREAD_DEAD };

struct wait_queue {
    struct thread *first;
};

struct thread {
    struct context context;
    enum thread_state state;
    void *stack;             /* KERNEL_STACK bytes of direct map */
    struct process *process; /* NULL: a thread of the kernel's own */
    unsigned cpu;            /* where it runs, or ran last */
    int pinned;              /* the one CPU it may run on; -1: any */
    struct thread *next;     /* in the queue of runnable threads */
    struct thread *next_waiting;
    struct wait_queue *waits;    /* asleep on, or NULL */
    bool quiet;                  /* ... and only SIGKILL disturbs it */
    int woken;                   /* what wait_on answers */
    uint64_t wake_at;            /* arch_clock() at which it wakes; 0: never */
    struct thread *next_sleeper; /* the list of those with wake_at */
};

/* This CPU's thread.  Never NULL after sched_init. */
struct thread *thread_current(void);

/*
 * thread_start: make a thread that runs entry(arg), with interrupts on and
 * without the kernel lock.  process may be NULL.
 * => kernel lock held.  Returns NULL when out of memory.
 */
struct thread *thread_start(struct process *process, void (*entry)(void *arg),
                            void *arg);

/* End this thread; the kernel lock is held and let go.  Its stack and record go
 * when it has been left. */
_Noreturn void thread_exit(void);

/* Let others run.  Kernel lock held, also after. */
void thread_yield(void);

/* Go on running on this CPU only (-1: any).  Kernel lock held. */
void thread_pin(int cpu);

/*
 * wait_on: sleep until the queue is woken, the deadline (arch_clock(); 0: none)
 * has passed, or a signal for this thread's process is pending.
 *
 * => kernel lock held: let go while asleep.  The caller looks again at what it
 *    waits for: waking is a hint.
 * => returns 0, -ETIMEDOUT, -EINTR.
 */
int wait_on(struct wait_queue *queue, uint64_t deadline);
/* ... not disturbed by signals but SIGKILL: returns 0 or -EINTR. */
int wait_on_quietly(struct wait_queue *queue);
void wake_all(struct wait_queue *queue);
/*
 * Make a thread notice a signal that was sent to its process, wherever it
 * waits or runs.  A signal that arrives in the last instructions before its CPU
 * enters user mode is noticed at that CPU's next tick.
 */
void thread_interrupt(struct thread *thread);

/*
 * sched_init: the caller becomes this CPU's idle thread.  sched_idle: what it
 * does from then on, without the kernel lock; never returns.
 */
void sched_init(void);
_Noreturn void sched_idle(void);

#endif
