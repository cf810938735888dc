/*
 * floats.c: floating-point registers and modes belong to a process: neither
 * another process nor a signal's handler changes them.
 */
#include "kit.h"

#include <fenv.h>
#include <sched.h>

enum { N = 8 };

/*
 * Eight running sums that a compiler keeps in registers: what they come to
 * depends on every one of them and on the rounding mode.
 */
static double __attribute__((noinline)) work(double seed, unsigned rounds)
{
    double a = seed, b = seed / 3, c = seed / 7, d = seed / 11;
    double e = -seed, f = seed * 3, g = seed * 7, h = seed * 11;
    unsigned i;

    for (i = 0; i < rounds; i++) {
        a = a * 1.0000001 + b / 3;
        b = b * 0.9999999 - c / 7;
        c = c * 1.0000003 + d / 11;
        d = d * 0.9999997 - e / 13;
        e = e * 1.0000005 + f / 17;
        f = f * 0.9999995 - g / 19;
        g = g * 1.0000007 + h / 23;
        h = h * 0.9999993 - a / 29;
    }
    return a + b + c + d + e + f + g + h;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static const int modes[4] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
                              FE_TOWARDZERO };

/* Differently rounded processes, interrupted by each other all the time. */
static void across_switches(void)
{
    pid_t children[N];
    int i, round;

    for (i = 0; i < N; i++) {
        children[i] = start();
        if (children[i] == 0) {
            double want, seed = 1 + i / 10.0;

            CHECK(fesetround(modes[i % 4]) == 0);
            want = work(seed, 20000);
            for (round = 0; round < 30; round++) {
                CHECK(same(work(seed, 20000), want));
                EQUAL(fegetround(), modes[i % 4]);
                if (round % 4 == 0)
                    sched_yield();
            }
            _exit(0);
        }
    }
    for (i = 0; i < N; i++)
        EQUAL(finish(children[i]), 0);
}

static volatile double results[4];

static void modes_differ(void)
{
    int i, j;

    for (i = 0; i < 4; i++) {
        CHECK(fesetround(modes[i]) == 0);
        results[i] = work(1.1, 1000);
    }
    CHECK(fesetround(FE_TONEAREST) == 0);
    for (i = 0; i < 4; i++)
        for (j = 0; j < i; j++)
            CHECK(!same(results[i], results[j]));
}

static volatile unsigned handled;
static volatile double handler_result;

static void spoil(int signal)
{
    (void)signal;
    fesetround(FE_UPWARD);
    handler_result = work(2.5 + handled, 50);
    handled++;
}

static void across_handlers(void)
{
    struct sigaction action = { .sa_flags = SA_RESTART };
    double want = work(1.7, 20000);
    pid_t parent = getpid(), child;
    int status;

    action.sa_handler = spoil;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    child = start();
    if (child == 0) {
        int i;

        for (i = 0; i < 50; i++) {
            kill(parent, SIGUSR1);
            sleep_ms(1);
        }
        _exit(0);
    }
    do {
        CHECK(same(work(1.7, 20000), want));
        EQUAL(fegetround(), FE_TONEAREST);
    } while (waitpid(child, &status, WNOHANG) == 0);
    EQUAL(status, 0);
    CHECK(handled > 0);
}

/* Modes go to a child with all other registers. */
static void across_fork(void)
{
    pid_t child;

    CHECK(fesetround(FE_DOWNWARD) == 0);
    child = start();
    EQUAL(fegetround(), FE_DOWNWARD);
    if (child == 0) {
        CHECK(fesetround(FE_UPWARD) == 0);
        sched_yield();
        EQUAL(fegetround(), FE_UPWARD);
        _exit(0);
    }
    sched_yield();
    EQUAL(fegetround(), FE_DOWNWARD);
    EQUAL(finish(child), 0);
}

/* exec starts with modes as at the beginning of the world. */
static void across_exec(void)
{
    pid_t child = start();

    if (child == 0) {
        CHECK(fesetround(FE_UPWARD) == 0);
        feraiseexcept(FE_OVERFLOW);
        execl("/proc/self/exe", "floats", "--modes", NULL);
        _exit(1);
    }
    EQUAL(finish(child), 77 << 8);
}

/* Sticky flags, too. */
static void flags(void)
{
    pid_t child;

    feclearexcept(FE_ALL_EXCEPT);
    child = start();
    if (child == 0) {
        feraiseexcept(FE_DIVBYZERO | FE_INVALID);
        sched_yield();
        EQUAL(fetestexcept(FE_DIVBYZERO | FE_INVALID),
              FE_DIVBYZERO | FE_INVALID);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(fetestexcept(FE_ALL_EXCEPT), 0);
}

static const struct kit_case cases[] = {
    CASE(modes_differ), CASE(across_switches), CASE(across_handlers),
    CASE(across_fork),  CASE(across_exec),     CASE(flags),
};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--modes"))
        return fegetround() == FE_TONEAREST && !fetestexcept(FE_ALL_EXCEPT)
                   ? 77
                   : 78;
    return kit_main(argc, argv, cases, sizeof(cases) / sizeof(*cases));
}
