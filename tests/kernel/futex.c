/*
 * futex.c: sleep on a word of memory until somebody says it has changed.
 *
 * Its one trick: what a futex is called.  A word of a MAP_SHARED area is the
 * same for all who map it, at whatever address: its name is its place in the
 * machine.  Any other word belongs to one space, and its frame changes when
 * copy-on-write takes its page apart: its name is the space and the address.
 * So it does not matter whether a program says PRIVATE.
 *
 * Waiters are in one list, on their own stacks.  The word is looked at and the
 * waiter listed under the kernel lock, and a waker takes that, too: no wake-up
 * falls between.
 */
#include "futex.h"

#include "clock.h"
#include "process.h"
#include "syscall.h"
#include "user.h"

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128,
    FUTEX_CLOCK_REALTIME = 256,
};

struct key {
    const struct lp_space *space; /* NULL: shared */
    uint64_t place;               /* physical where shared, else virtual */
};

struct waiter {
    struct key key;
    uint32_t bits;
    bool woken;
    struct wait_queue queue;
    struct waiter *next;
};

static struct waiter *waiters; /* the longest waiting first */

/* --- names --- */

static int find_key(lp_va address, struct key *key)
{
    struct lp_space *space = current()->vm->space;
    struct lp_page_info page;
    uint32_t value;

    if (address % sizeof(value))
        return -EINVAL;
    /* Brings the page, so that a shared one has its place. */
    if (user_read(&value, address, sizeof(value)) != 0 ||
        lp_query(space, address, &page) != 0)
        return -EFAULT;
    key->space = page.flags & LP_PAGE_SHARED ? NULL : space;
    key->place = key->space ? address : page.frame + (address & LP_PAGE_MASK);
    return 0;
}

static bool same(const struct key *a, const struct key *b)
{
    return a->space == b->space && a->place == b->place;
}

/* --- waiting and waking --- */

static void enlist(struct waiter *waiter)
{
    struct waiter **link;

    for (link = &waiters; *link; link = &(*link)->next)
        ;
    *link = waiter;
}

static void delist(struct waiter *waiter)
{
    struct waiter **link;

    for (link = &waiters; *link != waiter; link = &(*link)->next)
        ;
    *link = waiter->next;
}

static int64_t wake(const struct key *key, uint64_t most, uint32_t bits)
{
    struct waiter *waiter;
    uint64_t n = 0;

    for (waiter = waiters; waiter && n < most; waiter = waiter->next) {
        if (waiter->woken || !(waiter->bits & bits) || !same(&waiter->key, key))
            continue;
        waiter->woken = true;
        wake_all(&waiter->queue);
        n++;
    }
    return (int64_t)n;
}

static int64_t wait(const struct key *key, lp_va address, uint32_t expected,
                    uint64_t deadline, uint32_t bits)
{
    struct waiter waiter = { .key = *key, .bits = bits };
    uint32_t value;
    int result = 0;

    if (user_read(&value, address, sizeof(value)) != 0)
        return -EFAULT;
    if (value != expected)
        return -EAGAIN;
    enlist(&waiter);
    while (!waiter.woken && !result)
        result = wait_on(&waiter.queue, deadline);
    delist(&waiter);
    if (waiter.woken)
        return 0;
    /* A deadline given as a length of time would start anew. */
    return result == -EINTR && !deadline ? -ERESTART : result;
}

void futex_wake_address(lp_va address)
{
    struct key key;

    if (find_key(address, &key) == 0)
        (void)wake(&key, 1, UINT32_MAX);
}

/* --- the system call --- */

/* WAIT has a length of time, WAIT_BITSET a point on one of the two clocks. */
static int find_deadline(unsigned op, lp_va from, uint64_t *deadline)
{
    uint64_t now = arch_clock(), ns, zero;
    int error;

    *deadline = 0;
    if (!from)
        return 0;
    error = read_timespec(from, &ns);
    if (error)
        return error;
    if ((op & 127) == FUTEX_WAIT) {
        *deadline = now + ns;
        return 0;
    }
    zero = op & FUTEX_CLOCK_REALTIME ? real_time() - now : 0;
    *deadline = ns > zero ? ns - zero : 1; /* 1: long ago */
    return 0;
}

/* futex(address, operation, value, timeout, address2, bits) */
int64_t sys_futex(const uint64_t args[6])
{
    unsigned op = (unsigned)args[1], command = op & 127;
    uint32_t bits = command == FUTEX_WAIT || command == FUTEX_WAKE
                        ? UINT32_MAX
                        : (uint32_t)args[5];
    bool waits = command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    uint64_t deadline = 0;
    struct key key;
    int error;

    if (!waits && command != FUTEX_WAKE && command != FUTEX_WAKE_BITSET)
        return -ENOSYS;
    if (!bits)
        return -EINVAL;
    error = find_key(args[0], &key);
    if (!error && waits)
        error = find_deadline(op, args[3], &deadline);
    if (error)
        return error;
    if (waits)
        return wait(&key, args[0], (uint32_t)args[2], deadline, bits);
    return wake(&key, (int32_t)args[2] < 1 ? 1 : (uint32_t)args[2], bits);
}
