/*
 * traps.c: exceptions, signal frames and registers as RISC-V programs see
 * them.  What is expected is in the Unprivileged ISA 20191213 and in the layout
 * of ucontext_t that the C library declares.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"

static siginfo_t last;
static uint64_t last_pc;
static volatile sig_atomic_t times;
static uint64_t
    resume; /* where the handler goes on; 0: behind the instruction */

/* Without telling the compiler: it must not put them back. */
static void clobber_floats(void)
{
    __asm__ volatile("fmv.d.x ft1, zero\n\tfmv.d.x fs0, zero\n\t"
                     "fmv.d.x fa0, zero\n\tfmv.d.x fs2, zero\n\t"
                     "fmv.d.x ft11, zero\n\tfscsr zero");
}

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    CHECK(number == info->si_signo);
    last = *info;
    last_pc = uc->uc_mcontext.__gregs[REG_PC];
    uc->uc_mcontext.__gregs[REG_PC] = resume ? resume : last_pc + 4;
    resume = 0;
    times++;
    clobber_floats();
}

static void catch (int number)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = handler;
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void expect(int number, int code, uint64_t address)
{
    CHECK(times == 1);
    times = 0;
    CHECK(last.si_signo == number);
    CHECK(last.si_code == code);
    CHECK((uint64_t)last.si_addr == address);
}

/* Is the address of an exception that of its instruction? */
static void test_instructions(void)
{
    uint64_t at;

    __asm__ volatile("lla %0, 1f\n1: .4byte 0xffffffff" : "=&r"(at)::"memory");
    expect(SIGILL, ILL_ILLOPC, at);
    CHECK(last_pc == at);
    __asm__ volatile("lla %0, 1f\n1: csrr t0, sstatus"
                     : "=&r"(at)::"memory", "t0");
    expect(SIGILL, ILL_ILLOPC, at);
    __asm__ volatile(".option push\n.option norvc\nlla %0, 1f\n1: ebreak\n"
                     ".option pop"
                     : "=&r"(at)::"memory");
    expect(SIGTRAP, TRAP_BRKPT, at);
    CHECK(last_pc == at);
}

/* A load that is not aligned succeeds, or its emulation does; an atomic one
 * does not. */
static void test_alignment(void)
{
    static uint64_t words[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
    char *p = (char *)words + 3;
    uint64_t got, at;

    __asm__ volatile("ld %0, 0(%1)" : "=r"(got) : "r"(p) : "memory");
    CHECK(got == 0xeeff001122334455);
    __asm__ volatile("lla %0, 1f\n1: amoadd.w t0, zero, (%1)"
                     : "=&r"(at)
                     : "r"(p)
                     : "memory", "t0");
    expect(SIGBUS, BUS_ADRALN, at);
}

static void load(uint64_t address)
{
    __asm__ volatile(".option push\n.option norvc\nlbu t0, 0(%0)\n"
                     ".option pop" ::"r"(address)
                     : "memory", "t0");
}

/* Addresses that no program has: the kernel's half, and neither half. */
static void test_addresses(void)
{
    static const uint64_t addresses[] = {
        (uint64_t)1 << 56,  (uint64_t)1 << 62,  (uint64_t)1 << 63,
        0xffffffc080200000, 0xffffffff80200000, ~(uint64_t)0,
        0xfffffffffffff000,
    };
    unsigned i;

    for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        load(addresses[i]);
        expect(SIGSEGV, SEGV_MAPERR, addresses[i]);
        __asm__ volatile("lla t0, 1f\nsd t0, %0\njr %1\n1:"
                         : "=m"(resume)
                         : "r"(addresses[i] & ~(uint64_t)1)
                         : "memory", "t0");
        expect(SIGSEGV, SEGV_MAPERR, addresses[i] & ~(uint64_t)1);
    }
}

/*
 * Does everything but the pc come back from a handler as it was?  Each register
 * holds its number and a pattern; t0 gathers the bits that differ.  gp and tp
 * stay: the handler needs them.
 */
static void test_registers(void)
{
    uint64_t wrong, flags;

    __asm__ volatile(
        ".irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27\n"
        "addi sp, sp, -8\nsd x\\n, 0(sp)\n.endr\n"
        ".irp n, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, "
        "20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "li x\\n, 0x5a500 + \\n\n.endr\n"
        ".irp n, 1, 8, 10, 18, 31\nfmv.d.x f\\n, x\\n\n.endr\n"
        "fsflagsi 5\nfsrmi 2\n"
        ".4byte 0xffffffff\n"
        /* t0 and t6 first: they are needed. */
        "addi sp, sp, -8\nsd t6, 0(sp)\n"
        "li t6, 0x5a500 + 5\nxor t0, t0, t6\n"
        ".irp n, 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, "
        "21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
        "li t6, 0x5a500 + \\n\nxor t6, t6, x\\n\nor t0, t0, t6\n.endr\n"
        "ld t5, 0(sp)\naddi sp, sp, 8\n"
        "li t6, 0x5a500 + 31\nxor t5, t5, t6\nor t0, t0, t5\n"
        ".irp n, 1, 8, 10, 18, 31\n"
        "fmv.x.d t6, f\\n\nli t5, 0x5a500 + \\n\n"
        "xor t6, t6, t5\nor t0, t0, t6\n.endr\n"
        ".irp n, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 9, 8\n"
        "ld x\\n, 0(sp)\naddi sp, sp, 8\n.endr\n"
        "mv %0, t0\nfrcsr %1\n"
        : "=&r"(wrong), "=&r"(flags)::"memory", "ra", "t0", "t1", "t2", "a0",
          "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t3", "t4", "t5", "t6",
          "ft1", "fs0", "fa0", "fs2", "ft11");
    __asm__ volatile("fscsr zero");
    CHECK(times == 1);
    times = 0;
    CHECK(wrong == 0);
    CHECK(flags == (2 << 5 | 5));
}

/* Two processes with other numbers in the same registers. */
static void test_floats_are_each_ones_own(void)
{
    pid_t child = fork();
    double mine = child ? 1.5 : 2.5, f8, f20;
    int i, status;

    CHECK(child >= 0);
    __asm__ volatile("fmv.d fs0, %0\n\tfmv.d ft8, %0" ::"f"(mine)
                     : "fs0", "ft8");
    for (i = 0; i < 200; i++) {
        register long a7 __asm__("a7") = 124; /* sched_yield */
        register long a0 __asm__("a0");

        __asm__ volatile("ecall\n\tfmv.d %1, fs0\n\tfmv.d %2, ft8"
                         : "=r"(a0), "=&f"(f8), "=&f"(f20)
                         : "r"(a7)
                         : "memory", "fs0", "ft8");
        if (f8 != mine || f20 != mine)
            _exit(1);
    }
    if (!child)
        _exit(0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Is code that was written over fetched as it is now? */
static void test_code_is_fetched_anew(void)
{
    uint32_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t i;

    CHECK(code != MAP_FAILED);
    for (i = 0; i < 100; i++) {
        code[0] = 0x00000513 | i << 20; /* li a0, i */
        code[1] = 0x00008067;           /* ret */
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        CHECK(((uint32_t(*)(void))(uintptr_t)code)() == i);
    }
}

static void test_counters_run(void)
{
    uint64_t before, after;

    __asm__ volatile("rdtime %0\n\t"
                     "li t0, 100000\n1: addi t0, t0, -1\n\tbnez t0, 1b\n\t"
                     "rdtime %1"
                     : "=&r"(before), "=&r"(after)::"t0");
    CHECK(after > before);
    __asm__ volatile("rdcycle %0\n\tnop\n\trdcycle %1"
                     : "=&r"(before), "=&r"(after));
    CHECK(after > before);
    __asm__ volatile("rdinstret %0\n\tnop\n\trdinstret %1"
                     : "=&r"(before), "=&r"(after));
    CHECK(after > before);
}

int main(void)
{
    static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGSEGV };
    unsigned i;

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        catch (signals[i]);
    test_instructions();
    test_alignment();
    test_addresses();
    test_registers();
    test_floats_are_each_ones_own();
    test_code_is_fetched_anew();
    test_counters_run();
    puts("fine");
    return 0;
}
