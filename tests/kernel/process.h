/*
 * process.h: processes.  Everything here under the kernel lock, unless said.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include "file.h"
#include "sched.h"
#include "signal.h"

/* An address space and what the kernel knows of it; vfork lends it. */
struct vm {
    struct lp_space *space;
    unsigned references;
    lp_va brk_start, brk; /* the heap; brk_start page-aligned */
};

struct process {
    int pid;
    struct process *parent;
    struct process *children, *sibling; /* a list; newest first */
    struct process *next;               /* all processes */
    struct thread *thread;              /* NULL: a zombie */
    struct vm *vm;                      /* NULL: a zombie */
    struct files *files;                /* descriptors and directory */
    struct signals signals;
    int pgid, sid;
    char name[32]; /* of the program, for messages */

    int wait_status;        /* as wait4 tells it; of a zombie */
    int exit_signal;        /* what its parent gets when it ends; 0: nothing */
    struct wait_queue wait; /* its own wait4 */
    /* vfork: the child that runs while this process waits, or NULL. */
    struct process *borrower;
    struct wait_queue vfork_done;
    lp_va clear_child_tid;
    unsigned umask;
    uint64_t run_time; /* ns on a CPU, until the last switch away from it */

    struct user_frame frame;
    struct fpu_state fpu;
};

/* The current thread's process.  Any context; NULL in a kernel thread. */
struct process *current(void);

/*
 * Start the first process; path, argv and envp in kernel memory, NULL-
 * terminated, never freed.  0 or -ENOMEM.  When the program cannot be run the
 * machine ends with 127 (not found) or 126, as a shell answers.
 */
int process_start_first(const char *path, char *const argv[],
                        char *const envp[]);

/* A new vm with an empty space, one reference; NULL: no memory. */
struct vm *vm_create(void);
/* Give a reference back.  No CPU runs in the space when the last one goes; the
 * kernel lock is let go meanwhile. */
void vm_put(struct vm *vm);
/*
 * The current process goes on in this vm (NULL: in none), whose reference it
 * takes over; its own goes back.
 */
void process_set_vm(struct vm *vm);

/* The process with this number, a zombie too; NULL. */
struct process *process_find(int pid);
/* Call fn for each process, zombies too. */
void process_each(void (*fn)(struct process *process, void *arg), void *arg);
unsigned process_count(void); /* zombies too */
/* Nanoseconds that the current process has run, until now. */
uint64_t process_time(const struct process *process);

/* clone's flags */
enum {
    CLONE_SIGNAL = 0xff, /* the signal that tells of the child's end */
    CLONE_VM = 0x100,
    CLONE_VFORK = 0x4000,
    CLONE_SETTLS = 0x80000,
    CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000,
    CLONE_DETACHED = 0x400000, /* without meaning */
    CLONE_CHILD_SETTID = 0x1000000,
};

struct clone_request {
    uint64_t flags;
    lp_va stack; /* 0: the same address as the parent's */
    lp_va parent_tid, child_tid, tls;
};

/* Make a child of the current process; its pid or an error.  The flags have
 * been checked. */
int process_clone(const struct clone_request *request);

enum {
    RUSAGE_LEN = 144,  /* bytes of struct rusage */
    CLOCK_TICKS = 100, /* a second, in what times() answers */
};

/* Forget a zombie. */
void process_reap(struct process *process);
/* Tell a zombie's parent; that may forget it at once. */
void process_notify_parent(struct process *process);

/* The parent of a vforked child may go on: the child has a vm of its own, or
 * is gone. */
void process_return_vm(struct process *process);

/* trap.c: run the current process's program, until it ends. */
_Noreturn void process_run(void *unused);

/* exec.c: replace the current program.  On an error before the point of no
 * return nothing has changed; after it the process has been killed. */
int process_exec(const char *path, char *const argv[], char *const envp[]);

/*
 * End the current process with this wait status (exit code << 8, or a signal's
 * number).  When it is the first one, the machine ends: the console says its
 * exit code, or 128 + the signal's number.
 */
_Noreturn void process_exit(int wait_status);

#endif
