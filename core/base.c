/*
 * base.c: what happens when the library breaks a promise.
 */
#include "base.h"

_Noreturn void lp_assert_failed(const struct lp_kernel *kernel,
                                const char *what, const char *file, int line,
                                uint64_t a, uint64_t b)
{
    if (kernel && kernel->assert_failed)
        kernel->assert_failed(kernel->ctx, what, file, line, a, b);
    __builtin_trap();
}
