/*
 * storm: system calls with arguments that make no sense, thousands of them, in
 * children that may die of it.  The kernel must not.  Not for the machine that
 * it was built on: a storm unlinks, truncates and signals whatever it hits.
 *
 * storm [SEED [CALLS]]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static char *memory;

static uint64_t argument(void)
{
    static const uint64_t evil[] = {
        0,
        1,
        2,
        3,
        8,
        4096,
        4095,
        -1ul,
        -4096ul,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        1ul << 32,
        1ul << 47,
        1ul << 38,
        0x7ffffffff000,
        0x3ffffff000,
        1ul << 63,
        0x7fffffffffffffff,
        0xffffffff80000000,
    };

    switch (next_random() % 6) {
    case 0: return evil[next_random() % (sizeof(evil) / sizeof(*evil))];
    case 1: return (uint64_t)memory + next_random() % 20480;
    case 2: return next_random() % 16;
    case 3: return (uint64_t)1 << (next_random() % 64);
    case 4: return (uint64_t)&state - next_random() % 65536;
    default: return next_random() >> (next_random() % 64);
    }
}

/* Those that would end or stop the test itself, and nothing else. */
static int left_out(long number)
{
    static const long out[] = {
        SYS_exit,
        SYS_exit_group,
        SYS_kill,
        SYS_tkill,
        SYS_tgkill,
        SYS_wait4,
        SYS_rt_sigsuspend,
        SYS_nanosleep,
        SYS_clock_nanosleep,
        SYS_reboot,
        SYS_ppoll,
        SYS_futex,
        SYS_clone,
        SYS_read,
        SYS_readv,
        SYS_rt_sigtimedwait,
#ifdef SYS_pause
        SYS_pause,
        SYS_poll,
        SYS_select,
        SYS_fork,
        SYS_vfork,
#endif
    };
    size_t i;

    for (i = 0; i < sizeof(out) / sizeof(*out); i++)
        if (out[i] == number)
            return 1;
    return 0;
}

/* Those that block end when the parent's patience does. */
static void blow(long calls)
{
    while (calls-- > 0) {
        long number = (long)(next_random() % 450);

        if (left_out(number) && calls % 8)
            continue;
        if (number == SYS_exit || number == SYS_exit_group ||
            number == SYS_kill)
            continue;
        syscall(number, argument(), argument(), argument(), argument(),
                argument(), argument());
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
    long calls = argc > 2 ? strtol(argv[2], NULL, 0) : 4000, round;
    int died = 0;

    CHECK(getpid() == 1);
    for (round = 0; round < 40; round++) {
        pid_t pid = fork();
        int status, waited;

        CHECK(pid >= 0);
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);

            setpgid(0, 0);
            for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
            state = (seed + (uint64_t)round) * 0x9e3779b97f4a7c15u;
            memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            blow(calls / 40 * 4);
            _exit(0);
        }
        for (waited = 0; waitpid(pid, &status, WNOHANG) == 0; waited++) {
            if (waited == 30)
                kill(pid, SIGKILL);
            usleep(10000);
        }
        died += status != 0;
        while (waitpid(-1, &status, WNOHANG) > 0)
            ;
    }
    printf("storm: %d of 40 died\n", died);
    return 0;
}
