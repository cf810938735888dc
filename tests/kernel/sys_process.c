/*
 * sys_process.c: the system calls about processes and the system itself.
 *
 * There is one user, root, and limits and groups are kept but mean little.
 * Under the kernel lock.
 */
#include "process.h"
#include "syscall.h"
#include "user.h"

/* --- fork and its kin --- */

/* What clone may ask for; and only these kinds of children: forked, or running
 * on the parent's memory while that waits. */
static bool can_clone(uint64_t flags)
{
    const uint64_t known = CLONE_SIGNAL | CLONE_VM | CLONE_VFORK |
                           CLONE_SETTLS | CLONE_PARENT_SETTID |
                           CLONE_CHILD_CLEARTID | CLONE_DETACHED |
                           CLONE_CHILD_SETTID;

    return !(flags & ~known) && (flags & CLONE_SIGNAL) <= NSIG &&
           (!(flags & CLONE_VM) || (flags & CLONE_VFORK));
}

/* clone(flags, stack, parent tid, child tid, tls): -EINVAL for threads. */
int64_t sys_clone(const uint64_t args[6])
{
    struct clone_request request = {
        .flags = args[0],
        .stack = args[1],
        .parent_tid = args[2],
        .child_tid = ARCH_CLONE_TLS_LAST ? args[3] : args[4],
        .tls = ARCH_CLONE_TLS_LAST ? args[4] : args[3],
    };

    return can_clone(request.flags) ? process_clone(&request) : -EINVAL;
}

int64_t sys_fork(const uint64_t args[6])
{
    const struct clone_request request = { .flags = SIGCHLD };

    (void)args;
    return process_clone(&request);
}

int64_t sys_vfork(const uint64_t args[6])
{
    const struct clone_request request = {
        .flags = CLONE_VM | CLONE_VFORK | SIGCHLD,
    };

    (void)args;
    return process_clone(&request);
}

/* exit(code), exit_group(code): a process has one thread. */
int64_t sys_exit(const uint64_t args[6])
{
    process_exit((int)(args[0] & 0xff) << 8);
}

int64_t sys_exit_group(const uint64_t args[6])
{
    return sys_exit(args);
}

int64_t sys_sched_yield(const uint64_t args[6])
{
    (void)args;
    thread_yield();
    return 0;
}

/* --- numbers --- */

int64_t sys_getpid(const uint64_t args[6])
{
    (void)args;
    return current()->pid;
}

int64_t sys_gettid(const uint64_t args[6])
{
    return sys_getpid(args);
}

int64_t sys_getppid(const uint64_t args[6])
{
    const struct process *parent = current()->parent;

    (void)args;
    return parent ? parent->pid : 0;
}

int64_t sys_getuid(const uint64_t args[6])
{
    (void)args;
    return 0;
}

int64_t sys_geteuid(const uint64_t args[6])
{
    return sys_getuid(args);
}

int64_t sys_getgid(const uint64_t args[6])
{
    return sys_getuid(args);
}

int64_t sys_getegid(const uint64_t args[6])
{
    return sys_getuid(args);
}

int64_t sys_set_tid_address(const uint64_t args[6])
{
    current()->clear_child_tid = args[0];
    return current()->pid;
}

/* Robust futexes are for threads that die with one; there are none. */
int64_t sys_set_robust_list(const uint64_t args[6])
{
    return args[1] == 24 ? 0 : -EINVAL;
}

int64_t sys_umask(const uint64_t args[6])
{
    struct process *process = current();
    unsigned old = process->umask;

    process->umask = args[0] & 0777;
    return (int64_t)old;
}

/* --- groups and sessions --- */

/* 0: the current one. */
static struct process *process_of(int pid)
{
    return pid ? process_find(pid) : current();
}

int64_t sys_getpgid(const uint64_t args[6])
{
    const struct process *process = process_of((int)args[0]);

    return process ? process->pgid : -ESRCH;
}

int64_t sys_getpgrp(const uint64_t args[6])
{
    (void)args;
    return current()->pgid;
}

int64_t sys_getsid(const uint64_t args[6])
{
    const struct process *process = process_of((int)args[0]);

    return process ? process->sid : -ESRCH;
}

struct group_query {
    int pgid, sid;
    bool found;
};

static void look_for_group(struct process *process, void *arg)
{
    struct group_query *query = arg;

    if (process->pgid == query->pgid && process->sid == query->sid)
        query->found = true;
}

/* setpgid(pid, pgid): of itself or a child, to its own number or to a group of
 * the same session. */
int64_t sys_setpgid(const uint64_t args[6])
{
    struct process *self = current(), *process = process_of((int)args[0]);
    struct group_query query = { .pgid = (int)args[1], .sid = self->sid };

    if (query.pgid < 0)
        return -EINVAL;
    if (!process || (process != self && process->parent != self))
        return -ESRCH;
    if (process->sid != self->sid || process->sid == process->pid)
        return -EPERM;
    if (query.pgid == 0)
        query.pgid = process->pid;
    if (query.pgid != process->pid) {
        process_each(look_for_group, &query);
        if (!query.found)
            return -EPERM;
    }
    process->pgid = query.pgid;
    return 0;
}

static void look_for_member(struct process *process, void *arg)
{
    struct group_query *query = arg;

    if (process->pgid == query->pgid)
        query->found = true;
}

int64_t sys_setsid(const uint64_t args[6])
{
    struct process *process = current();
    struct group_query query = { .pgid = process->pid };

    (void)args;
    process_each(look_for_member, &query);
    if (query.found)
        return -EPERM;
    process->sid = process->pgid = process->pid;
    return process->pid;
}

/* --- the system --- */

enum { UNAME_LEN = 65 };

int64_t sys_uname(const uint64_t args[6])
{
    static const char *const word[] = {
        "Linux", "lazypager", "6.1.0", "#1 LazyPager", ARCH_NAME, "(none)",
    };
    char names[ARRAY_SIZE(word)][UNAME_LEN] = { { 0 } };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(word); i++)
        memcpy(names[i], word[i], strlen(word[i]));
    return user_write(args[0], names, sizeof(names));
}

enum { LIMIT_STACK = 3, LIMIT_FILES = 7, LIMITS = 16 };

/*
 * prlimit64(pid, which, new, old): of any process the same: 8 MiB of stack, 256
 * files, the rest without end.  New ones are read and have no effect.
 */
int64_t sys_prlimit64(const uint64_t args[6])
{
    uint64_t new[2], old[2] = { UINT64_MAX, UINT64_MAX };
    uint64_t which = args[1];

    if (which >= LIMITS)
        return -EINVAL;
    if (!process_of((int)args[0]))
        return -ESRCH;
    if (which == LIMIT_STACK)
        old[0] = (uint64_t)8 << 20;
    if (which == LIMIT_FILES)
        old[0] = old[1] = FILES_MAX;
    if (args[2] && user_read(new, args[2], sizeof(new)) != 0)
        return -EFAULT;
    if (args[2] && new[0] > new[1])
        return -EINVAL;
    return args[3] ? user_write(args[3], old, sizeof(old)) : 0;
}

/* struct sysinfo */
struct user_sysinfo {
    int64_t uptime;
    uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap,
        freeswap;
    uint16_t procs, pad;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit;
};
_Static_assert(sizeof(struct user_sysinfo) == 112, "the ABI's size");

int64_t sys_sysinfo(const uint64_t args[6])
{
    struct user_sysinfo info;

    memset(&info, 0, sizeof(info));
    info.uptime = (int64_t)(arch_clock() / 1000000000);
    info.totalram = the_kernel.frames_end - the_kernel.frames_start;
    info.freeram = frames_free() * PAGE_SIZE;
    info.procs = (uint16_t)process_count();
    info.mem_unit = 1;
    return user_write(args[0], &info, sizeof(info));
}

/* --- time spent --- */

/* times(struct tms *): all of it counts as the user's; children's is not
 * kept. */
int64_t sys_times(const uint64_t args[6])
{
    const uint64_t tick = 1000000000 / CLOCK_TICKS;
    uint64_t tms[4] = { process_time(current()) / tick };

    if (args[0] && user_write(args[0], tms, sizeof(tms)) != 0)
        return -EFAULT;
    return (int64_t)(arch_clock() / tick);
}

enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };

int64_t sys_getrusage(const uint64_t args[6])
{
    uint64_t usage[RUSAGE_LEN / 8] = { 0 };
    uint64_t time = process_time(current());
    int who = (int)args[0];

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    if (who != RUSAGE_CHILDREN) {
        usage[0] = time / 1000000000;
        usage[1] = time % 1000000000 / 1000;
    }
    return user_write(args[1], usage, sizeof(usage));
}
