/*
 * stack.c: the stack grows as far as it may, and its overflow is a signal that
 * a handler on another stack can take.
 */
#include "kit.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MIB = 1 << 20 };

static sigjmp_buf out;
static siginfo_t seen;
static uintptr_t handler_stack;
static bool on_alternative;

static void overflowed(int signal, siginfo_t *info, void *context)
{
    volatile char here = 0;
    stack_t now;

    (void)signal;
    (void)context;
    (void)here;
    seen = *info;
    handler_stack = (uintptr_t)&here;
    on_alternative =
        sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_ONSTACK);
    siglongjmp(out, 1);
}

static unsigned char *alternative(size_t len)
{
    unsigned char *p = pages(len / PAGE, MAP_PRIVATE);
    stack_t stack = { .ss_sp = p, .ss_size = len };
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

    CHECK(sigaltstack(&stack, NULL) == 0);
    action.sa_sigaction = overflowed;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    return p;
}

/* So deep in frames of a kilobyte; the sum keeps the compiler honest. */
static unsigned __attribute__((noinline)) deep(unsigned depth)
{
    volatile unsigned char frame[1024];
    unsigned below;

    frame[0] = (unsigned char)depth;
    frame[1023] = (unsigned char)(depth >> 8);
    below = depth > 0 ? deep(depth - 1) : 0;
    return below + frame[0] + frame[1023];
}

static void recursion(void)
{
    unsigned sum = 0, i;

    for (i = 0; i <= 3000; i++)
        sum += (i & 0xff) + (i >> 8);
    EQUAL(deep(3000), sum);
    EQUAL(deep(3000), sum);
}

/* A frame of megabytes: the first touch is far below the stack's lowest page. */
static unsigned __attribute__((noinline)) large_frame(void)
{
    volatile unsigned char frame[4 * MIB];
    size_t i;
    unsigned sum = 0;

    frame[0] = 1;
    for (i = 0; i < sizeof(frame); i += 64 * PAGE)
        frame[i] = 1;
    for (i = 0; i < sizeof(frame); i += 64 * PAGE)
        sum += frame[i];
    return sum;
}

static void large_frames(void)
{
    EQUAL(large_frame(), 16);
}

static void overflow(void)
{
    unsigned char *p = alternative(16 * PAGE);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), limit = 8 * MIB;
    int round;

    for (round = 0; round < 2; round++) {
        if (sigsetjmp(out, 1) == 0) {
            deep(1 << 20);
            CHECK(!"the stack has no end");
        }
        EQUAL(seen.si_signo, SIGSEGV);
        EQUAL(seen.si_code, SEGV_MAPERR);
        CHECK(on_alternative);
        CHECK(handler_stack >= (uintptr_t)p &&
              handler_stack < (uintptr_t)p + 16 * PAGE);
        /* Within a megabyte of where the limit of 8 MiB says it must end. */
        CHECK((uintptr_t)seen.si_addr < here);
        CHECK(here - (uintptr_t)seen.si_addr > limit - MIB);
        CHECK(here - (uintptr_t)seen.si_addr < limit + MIB);
    }
    recursion();
}

static void overflow_unhandled(void)
{
    pid_t child = start();

    if (child == 0) {
        deep(1 << 20);
        _exit(0);
    }
    EQUAL(finish(child) & 0x7f, SIGSEGV);
}

/* A handler that has no stack to run on cannot run: the program dies. */
static void overflow_without_alternative(void)
{
    pid_t child = start();

    if (child == 0) {
        struct sigaction action = { .sa_flags = SA_SIGINFO };

        action.sa_sigaction = overflowed;
        CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
        if (sigsetjmp(out, 1) == 0)
            deep(1 << 20);
        _exit(1);
    }
    EQUAL(finish(child) & 0x7f, SIGSEGV);
}

static void alternative_errors(void)
{
    unsigned char *p = pages(4, MAP_PRIVATE);
    stack_t stack = { .ss_sp = p, .ss_size = 512 }, old;

    FAILS(sigaltstack(&stack, NULL), ENOMEM);
    stack.ss_size = 4 * PAGE;
    stack.ss_flags = 0x100;
    FAILS(sigaltstack(&stack, NULL), EINVAL);
    stack.ss_flags = 0;
    CHECK(sigaltstack(&stack, &old) == 0);
    EQUAL(old.ss_flags, SS_DISABLE);
    CHECK(sigaltstack(NULL, &old) == 0);
    EQUAL(old.ss_sp, p);
    EQUAL(old.ss_size, 4 * PAGE);
    EQUAL(old.ss_flags, 0);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(sigaltstack(NULL, &old) == 0);
    EQUAL(old.ss_flags, SS_DISABLE);
}

static int change_error;

static void change_it(int signal)
{
    stack_t stack = { .ss_flags = SS_DISABLE };

    (void)signal;
    change_error = sigaltstack(&stack, NULL) == 0 ? 0 : errno;
}

static void alternative_in_use(void)
{
    struct sigaction action = { .sa_flags = SA_ONSTACK };

    alternative(16 * PAGE);
    action.sa_handler = change_it;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    EQUAL(change_error, EPERM);
}

/* Below what has been used, a child's stack is its own. */
static void stack_across_fork(void)
{
    pid_t child = start();

    EQUAL(deep(child ? 500 : 600) > 0, 1);
    if (child == 0) {
        EQUAL(large_frame(), 16);
        _exit(0);
    }
    EQUAL(finish(child), 0);
    EQUAL(large_frame(), 16);
}

static void not_executable(void)
{
    unsigned char code[16];

    put_code(code);
    FAULTS(fault_jump(code), SIGSEGV, SEGV_ACCERR, code);
}

static void limit_is_told(void)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    EQUAL(limit.rlim_cur, 8 * MIB);
}

static const struct kit_case cases[] = {
    CASE(recursion),
    CASE(large_frames),
    CASE(overflow),
    CASE(overflow_unhandled),
    CASE(overflow_without_alternative),
    CASE(alternative_errors),
    CASE(alternative_in_use),
    CASE(stack_across_fork),
    CASE(not_executable),
    CASE(limit_is_told),
};
KIT_MAIN(cases)
