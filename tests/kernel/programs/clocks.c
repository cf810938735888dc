/*
 * clocks.c: time, sleeping, waiting on words of shared memory, sharing CPUs.
 */
#include "kit.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

/* musl has no <linux/futex.h>. */
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static long futex(_Atomic uint32_t *word, int op, uint32_t value,
                  const struct timespec *timeout)
{
    return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static _Atomic uint32_t *words(void)
{
    return (_Atomic uint32_t *)(void *)pages(1, MAP_SHARED);
}

static void monotonic(void)
{
    struct timespec last, now;
    int i;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &last) == 0);
    for (i = 0; i < 2000; i++) {
        CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
        CHECK(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
        CHECK(now.tv_sec > last.tv_sec ||
              (now.tv_sec == last.tv_sec && now.tv_nsec >= last.tv_nsec));
        last = now;
    }
    FAILS(syscall(SYS_clock_gettime, 99, &now), EINVAL);
}

/* After 2020 at the latest, and before long. */
static void of_day(void)
{
    struct timespec real;
    struct timeval day;

    CHECK(clock_gettime(CLOCK_REALTIME, &real) == 0);
    CHECK(gettimeofday(&day, NULL) == 0);
    CHECK(real.tv_sec > 1577836800 && real.tv_sec < 1ll << 33);
    CHECK(day.tv_sec - real.tv_sec >= 0 && day.tv_sec - real.tv_sec <= 1);
}

static void sleeping(void)
{
    struct timespec time = { 0, 1000000000 };
    long long before = now_ms(), slept;

    sleep_ms(40);
    slept = now_ms() - before;
    CHECK(slept >= 39 && slept < 5000);
    FAILS(nanosleep(&time, NULL), EINVAL);
    time = (struct timespec){ -1, 0 };
    FAILS(nanosleep(&time, NULL), EINVAL);
    time = (struct timespec){ 0, 0 };
    CHECK(nanosleep(&time, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    before = now_ms();
    time.tv_nsec += 20000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    EQUAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0);
    CHECK(now_ms() - before >= 18);
}

/* Who sleeps until earlier wakes earlier. The gaps are for a busy machine. */
static void order_of_waking(void)
{
    static const time_t gaps[] = { 3, 1, 2, 0 };
    struct timespec until;
    int ends[2], i;
    char order[5] = { 0 };

    CHECK(pipe(ends) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    for (i = 0; i < 4; i++)
        if (start() == 0) {
            long ms = until.tv_nsec / 1000000 + 100 + 250 * gaps[i];
            char letter = (char)('a' + i);

            until.tv_sec += ms / 1000;
            until.tv_nsec = ms % 1000 * 1000000;
            EQUAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL),
                  0);
            CHECK(write(ends[1], &letter, 1) == 1);
            _exit(0);
        }
    for (i = 0; i < 4; i++) {
        EQUAL(read(ends[0], order + i, 1), 1);
        CHECK(wait(NULL) > 0);
    }
    CHECK(!strcmp(order, "dbca"));
}

static void futex_answers(void)
{
    _Atomic uint32_t *word = words();
    struct timespec little = { 0, 20000000 };
    long long before = now_ms();

    FAILS(futex(word, FUTEX_WAIT, 1, NULL), EAGAIN);
    FAILS(futex(word, FUTEX_WAIT, 0, &little), ETIMEDOUT);
    CHECK(now_ms() - before >= 19);
    EQUAL(futex(word, FUTEX_WAKE, 1, NULL), 0);
    little.tv_nsec = 1000000000;
    FAILS(futex(word, FUTEX_WAIT, 0, &little), EINVAL);
    FAILS(syscall(SYS_futex, (char *)word + 1, FUTEX_WAIT, 0, NULL, NULL, 0),
          EINVAL);
    FAILS(futex(word, 99, 0, NULL), ENOSYS);
}

/* A lock that sleeps, in memory that eight processes share. */
static void lock(_Atomic uint32_t *word)
{
    uint32_t free = 0;

    if (atomic_compare_exchange_strong(word, &free, 1))
        return;
    while (atomic_exchange(word, 2) != 0)
        futex(word, FUTEX_WAIT, 2, NULL);
}

static void unlock(_Atomic uint32_t *word)
{
    if (atomic_exchange(word, 0) == 2)
        futex(word, FUTEX_WAKE, 1, NULL);
}

static void futex_lock(void)
{
    enum { N = 8, EACH = 200 };
    _Atomic uint32_t *word = words();
    volatile uint32_t *guarded = (volatile uint32_t *)(word + 64);
    pid_t children[N];
    int i, j;

    for (i = 0; i < N; i++) {
        children[i] = start();
        if (children[i] != 0)
            continue;
        for (j = 0; j < EACH; j++) {
            uint32_t value;

            lock(word);
            value = *guarded;
            if (j % 16 == 0)
                sched_yield();
            *guarded = value + 1;
            unlock(word);
        }
        _exit(0);
    }
    for (i = 0; i < N; i++)
        EQUAL(finish(children[i]), 0);
    EQUAL(*guarded, N * EACH);
}

static void futex_wakes_so_many(void)
{
    enum { N = 5 };
    _Atomic uint32_t *word = words(), *arrived = word + 1, *awake = word + 2;
    int i, woken = 0;

    for (i = 0; i < N; i++)
        if (start() == 0) {
            ++*arrived;
            while (futex(word, FUTEX_WAIT, 0, NULL) < 0 && errno == EINTR)
                ;
            ++*awake;
            _exit(0);
        }
    while (*arrived < N)
        sleep_ms(1);
    while (woken < 2) {
        woken += (int)futex(word, FUTEX_WAKE, (uint32_t)(2 - woken), NULL);
        sleep_ms(1);
    }
    sleep_ms(10);
    EQUAL(*awake, 2);
    *word = 1;
    while (*awake < N) {
        futex(word, FUTEX_WAKE, 100, NULL);
        sleep_ms(1);
    }
    for (i = 0; i < N; i++)
        CHECK(wait(NULL) > 0);
}

/* More computing processes than CPUs: all of them get on, and a sleeper is
 * not forgotten meanwhile. */
static void everybody_gets_on(void)
{
    enum { N = 6 };
    _Atomic uint32_t *counts = words(), *stop = counts + N;
    pid_t children[N];
    int i, j;

    for (i = 0; i < N; i++) {
        children[i] = start();
        if (children[i] == 0) {
            while (!*stop)
                ++counts[i];
            _exit(0);
        }
    }
    for (i = 0; i < 400; i++) {
        sleep_ms(10);
        for (j = 0; j < N && counts[j] > 100; j++)
            ;
        if (j == N)
            break;
    }
    CHECK(i < 400);
    *stop = 1;
    for (i = 0; i < N; i++)
        EQUAL(finish(children[i]), 0);
}

static void relations(void)
{
    pid_t me = getpid(), child = start();

    if (child == 0) {
        EQUAL(getppid(), me);
        CHECK(getpid() != me);
        EQUAL(syscall(SYS_gettid), getpid());
        EQUAL(getpgid(0), getpgid(me));
        CHECK(setpgid(0, 0) == 0);
        EQUAL(getpgid(0), getpid());
        _exit(0);
    }
    EQUAL(finish(child), 0);
    child = start();
    if (child == 0) {
        EQUAL(setsid(), getpid());
        EQUAL(getpgid(0), getpid());
        FAILS(setsid(), EPERM);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    FAILS(getpgid(0x3ffffff), ESRCH);
}

static void randomness(void)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };

    EQUAL(getrandom(a, 64, 0), 64);
    EQUAL(getrandom(b, 64, 0), 64);
    CHECK(memcmp(a, b, 64));
    FAILS(getrandom(a, 64, 0x100), EINVAL);
}

static void names_of_the_system(void)
{
    struct utsname name;
    struct rlimit limit;

    CHECK(uname(&name) == 0);
    CHECK(name.sysname[0] && name.nodename[0] && name.release[0]);
#if defined(__x86_64__)
    CHECK(!strcmp(name.machine, "x86_64"));
#else
    CHECK(!strcmp(name.machine, "riscv64"));
#endif
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 64);
    FAILS(syscall(SYS_prlimit64, 0, 99, NULL, &limit), EINVAL);
    FAILS(syscall(123456), ENOSYS);
    FAILS(syscall(-1), ENOSYS);
}

static void used(void)
{
    struct rusage usage;
    long long before = now_ms();
    volatile unsigned work = 0;

    while (now_ms() - before < 60)
        work++;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
              usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec >
          0);
    FAILS(getrusage(99, &usage), EINVAL);
}

static const struct kit_case cases[] = {
    CASE(monotonic),
    CASE(of_day),
    CASE(sleeping),
    CASE(order_of_waking),
    CASE(futex_answers),
    CASE(futex_lock),
    CASE(futex_wakes_so_many),
    CASE(everybody_gets_on),
    CASE(relations),
    CASE(randomness),
    CASE(names_of_the_system),
    CASE(used),
};
KIT_MAIN(cases)
