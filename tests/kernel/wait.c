/*
 * wait.c: wait4: a parent learns how its children ended.
 *
 * Under the kernel lock.
 */
#include "process.h"
#include "syscall.h"
#include "user.h"

/* Options; those about stopped and continued children never find any. */
enum {
    WNOHANG = 1,
    WUNTRACED = 2,
    WCONTINUED = 8,
    WALL = 0x40000000,
    WNOTHREAD = 0x20000000,
};
#define WCLONE 0x80000000u

/* pid as wait4 has it: one child, any, or those of a group. */
static bool asked_for(const struct process *child, int pid, int own_group)
{
    if (pid > 0)
        return child->pid == pid;
    if (pid == -1)
        return true;
    return child->pgid == (pid == 0 ? own_group : -pid);
}

/* A zombie among them, or NULL; *any: is there such a child at all? */
static struct process *find_zombie(const struct process *parent, int pid,
                                   bool *any)
{
    struct process *child, *found = NULL;

    *any = false;
    for (child = parent->children; child; child = child->sibling) {
        if (!asked_for(child, pid, parent->pgid))
            continue;
        *any = true;
        if (!child->thread)
            found = child; /* the list is newest first: take the oldest */
    }
    return found;
}

/* Linux forgets the zombie first: with a bad pointer its status is lost. */
static int64_t collect(struct process *zombie, lp_va status, lp_va usage)
{
    int32_t value = zombie->wait_status;
    int pid = zombie->pid;

    process_reap(zombie);
    if (status && user_write(status, &value, sizeof(value)) != 0)
        return -EFAULT;
    if (usage && user_zero(usage, RUSAGE_LEN) != 0)
        return -EFAULT;
    return pid;
}

/* wait4(pid, status, options, rusage).  The usage is all zero. */
int64_t sys_wait4(const uint64_t args[6])
{
    struct process *process = current(), *zombie;
    int pid = (int)args[0];
    uint32_t options = (uint32_t)args[2];
    bool any;

    if (options &
        ~(WNOHANG | WUNTRACED | WCONTINUED | WALL | WNOTHREAD | WCLONE))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    for (;;) {
        zombie = find_zombie(process, pid, &any);
        if (zombie)
            return collect(zombie, args[1], args[3]);
        if (!any)
            return -ECHILD;
        if (options & WNOHANG)
            return 0;
        if (wait_on(&process->wait, 0) == -EINTR)
            return -ERESTART;
    }
}
