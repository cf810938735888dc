/*
 * sys_time.c: clocks and sleep, and random bytes.
 *
 * One clock, arch_clock, in nanoseconds since boot; the time of day is that
 * plus time=SECONDS of the command line.  Sleepers wake at a tick (10 ms).
 * Under the kernel lock.
 */
#include "clock.h"
#include "process.h"
#include "syscall.h"
#include "user.h"

#define SECOND ((uint64_t)1000000000)

enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPUTIME = 2,
    CLOCK_THREAD_CPUTIME = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    TIMER_ABSTIME = 1,
};

/* struct timespec */
struct timespec {
    int64_t sec, nsec;
};

uint64_t real_time(void)
{
    static bool known;
    static uint64_t boot;

    if (!known) {
        boot = option_number("time", 0) * SECOND;
        known = true;
    }
    return boot + arch_clock();
}

/* Nanoseconds on a clock; false: no such clock. */
static bool read_clock(uint64_t clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: *ns = real_time(); return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME: *ns = arch_clock(); return true;
    case CLOCK_PROCESS_CPUTIME:
    case CLOCK_THREAD_CPUTIME: *ns = process_time(current()); return true;
    default: return false;
    }
}

static int write_timespec(lp_va to, uint64_t ns)
{
    struct timespec t = {
        .sec = (int64_t)(ns / SECOND),
        .nsec = (int64_t)(ns % SECOND),
    };

    return user_write(to, &t, sizeof(t));
}

int read_timespec(lp_va from, uint64_t *ns)
{
    struct timespec t;

    if (user_read(&t, from, sizeof(t)) != 0)
        return -EFAULT;
    if (t.sec < 0 || t.nsec < 0 || t.nsec >= (int64_t)SECOND)
        return -EINVAL;
    if ((uint64_t)t.sec >= TIME_MAX / SECOND)
        *ns = TIME_MAX;
    else
        *ns = (uint64_t)t.sec * SECOND + (uint64_t)t.nsec;
    return 0;
}

/* --- clocks --- */

int64_t sys_clock_gettime(const uint64_t args[6])
{
    uint64_t ns;

    return read_clock(args[0], &ns) ? write_timespec(args[1], ns) : -EINVAL;
}

int64_t sys_clock_getres(const uint64_t args[6])
{
    uint64_t ns;

    if (!read_clock(args[0], &ns))
        return -EINVAL;
    return args[1] ? write_timespec(args[1], 1) : 0;
}

/* gettimeofday(timeval, timezone) */
int64_t sys_gettimeofday(const uint64_t args[6])
{
    uint64_t ns = real_time();
    struct timespec t = {
        .sec = (int64_t)(ns / SECOND),
        .nsec = (int64_t)(ns % SECOND / 1000),
    };
    int error = args[0] ? user_write(args[0], &t, sizeof(t)) : 0;

    if (!error && args[1])
        error = user_zero(args[1], 8);
    return error;
}

int64_t sys_time(const uint64_t args[6])
{
    int64_t t = (int64_t)(real_time() / SECOND);

    if (args[0] && user_write(args[0], &t, sizeof(t)) != 0)
        return -EFAULT;
    return t;
}

/* --- sleep --- */

/* Until `end` on arch_clock.  What is left goes to `remain`, unless that is
 * 0. */
static int64_t sleep_until(uint64_t end, lp_va remain)
{
    struct wait_queue nobody = { NULL };
    uint64_t now;
    int result;

    do
        result = wait_on(&nobody, end);
    while (result == 0);
    if (result == -ETIMEDOUT)
        return 0;
    now = arch_clock();
    if (remain && write_timespec(remain, end > now ? end - now : 0) != 0)
        return -EFAULT;
    return -EINTR;
}

/* nanosleep(request, remain) */
int64_t sys_nanosleep(const uint64_t args[6])
{
    uint64_t ns;
    int error = read_timespec(args[0], &ns);

    return error ? error : sleep_until(arch_clock() + ns, args[1]);
}

/* clock_nanosleep(clock, flags, request, remain) */
int64_t sys_clock_nanosleep(const uint64_t args[6])
{
    uint64_t ns, now;
    int error;

    if (!read_clock(args[0], &now) || args[0] == CLOCK_THREAD_CPUTIME)
        return -EINVAL;
    if (args[0] == CLOCK_PROCESS_CPUTIME)
        return -EOPNOTSUPP; /* it stands still while its process sleeps */
    error = read_timespec(args[2], &ns);
    if (error)
        return error;
    if (!(args[1] & TIMER_ABSTIME))
        return sleep_until(arch_clock() + ns, args[3]);
    return ns <= now ? 0 : sleep_until(arch_clock() + (ns - now), 0);
}

/* --- random bytes --- */

/* getrandom(buffer, length, flags): the flags choose nothing here. */
int64_t sys_getrandom(const uint64_t args[6])
{
    unsigned char bytes[256];
    uint64_t done = 0, len = args[1];

    if (args[2] & ~(uint64_t)7)
        return -EINVAL;
    if (len > INT32_MAX)
        len = INT32_MAX;
    while (done < len) {
        size_t n =
            len - done < sizeof(bytes) ? (size_t)(len - done) : sizeof(bytes);

        random_bytes(bytes, n);
        if (user_write(args[0] + done, bytes, n) != 0)
            return done ? (int64_t)done : -EFAULT;
        done += n;
    }
    return (int64_t)done;
}
