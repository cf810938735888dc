/*
 * sys_poll.c: poll and ppoll.
 *
 * All polls sleep on one queue, which every pipe wakes when it changes, and
 * then look again at all of theirs: few programs poll here, and a queue for
 * each file would need a thread to wait on many at once.
 */
#include "syscall.h"
#include "user.h"
#include "vfs.h"

enum { MILLISECOND = 1000000 }; /* in nanoseconds */

struct pollfd {
    int32_t fd;
    int16_t events, revents;
};

/* Fill every revents; returns how many are not 0. */
static int64_t look(struct pollfd *fds, size_t n)
{
    int64_t ready = 0;
    struct file *file;
    unsigned mask;
    size_t i;

    for (i = 0; i < n; i++) {
        file = files_at(fds[i].fd);
        if (fds[i].fd < 0)
            mask = 0;
        else if (!file)
            mask = POLLNVAL;
        else
            mask =
                file_poll(file) & ((uint16_t)fds[i].events | POLLERR | POLLHUP);
        fds[i].revents = (int16_t)mask;
        ready += mask != 0;
    }
    return ready;
}

/* How long to wait. */
enum patience { POLL_ONCE, POLL_UNTIL, POLL_FOREVER };

static int64_t wait_for(struct pollfd *fds, size_t n, enum patience patience,
                        uint64_t deadline)
{
    int64_t ready;
    int error = 0;

    for (;;) {
        ready = look(fds, n);
        if (ready || patience == POLL_ONCE || error)
            return ready ? ready : error == -ETIMEDOUT ? 0 : error;
        error = wait_on(&poll_waits, patience == POLL_UNTIL ? deadline : 0);
    }
}

static int64_t poll(lp_va to, uint64_t n, enum patience patience,
                    uint64_t deadline)
{
    struct pollfd *fds;
    size_t size = n * sizeof(*fds);
    int64_t ready;
    int error;

    if (n > FILES_MAX)
        return -EINVAL;
    fds = kmalloc(size + 1);
    if (!fds)
        return -ENOMEM;
    error = user_read(fds, to, size);
    ready = error ? error : wait_for(fds, n, patience, deadline);
    if (ready >= 0 && user_write(to, fds, size) != 0)
        ready = -EFAULT;
    kfree(fds);
    return ready;
}

int64_t sys_poll(const uint64_t args[6])
{
    int ms = (int)args[2];
    uint64_t wait = ms > 0 ? (uint64_t)ms * MILLISECOND : 0;
    enum patience patience = ms < 0   ? POLL_FOREVER
                             : ms > 0 ? POLL_UNTIL
                                      : POLL_ONCE;

    return poll(args[0], args[1], patience, arch_clock() + wait);
}

/* Blocked signals for the time of the call; a handler that ends it comes back
 * to the ones before. */
static void block(uint64_t mask)
{
    struct signals *signals = &current()->signals;

    signals->restored = signals->blocked;
    signals->blocked = mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
}

static void unblock(int64_t result)
{
    struct signals *signals = &current()->signals;

    if (result == -EINTR)
        signals->restore = true;
    else
        signals->blocked = signals->restored;
}

static int deadline_of(lp_va from, enum patience *patience, uint64_t *deadline)
{
    uint64_t ns;
    int error = read_timespec(from, &ns);

    if (error)
        return error;
    *patience = ns ? POLL_UNTIL : POLL_ONCE;
    *deadline = arch_clock() + ns;
    return 0;
}

int64_t sys_ppoll(const uint64_t args[6])
{
    enum patience patience = POLL_FOREVER;
    uint64_t deadline = 0, mask = 0;
    int64_t result;
    int error = 0;

    if (args[2])
        error = deadline_of(args[2], &patience, &deadline);
    if (!error && args[3] && args[4] != sizeof(mask))
        error = -EINVAL;
    if (!error && args[3])
        error = user_read(&mask, args[3], sizeof(mask));
    if (error)
        return error;
    if (args[3])
        block(mask);
    result = poll(args[0], args[1], patience, deadline);
    if (args[3])
        unblock(result);
    return result;
}
