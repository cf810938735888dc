/*
 * usercopy.c: user memory for system calls, by the way that copy= chose.
 */
#include "user.h"

#include "arch.h"
#include "process.h"

static bool by_address; /* copy=fixup */

void user_init(void)
{
    by_address = option_is("copy", "fixup");
}

/* What a library copy that came short is to the program. */
static int outcome(uint64_t done, size_t len, int error)
{
    if (done == len)
        return 0;
    return error == -LP_ENOMEM ? -ENOMEM : -EFAULT;
}

int user_read(void *to, lp_va from, size_t len)
{
    uint64_t done;
    int error;

    if (by_address)
        return arch_copy_in(to, from, len) ? -EFAULT : 0;
    done = lp_copy_in(current()->vm->space, to, from, len, &error);
    return outcome(done, len, error);
}

int user_write(lp_va to, const void *from, size_t len)
{
    uint64_t done;
    int error;

    if (by_address)
        return arch_copy_out(to, from, len) ? -EFAULT : 0;
    done = lp_copy_out(current()->vm->space, to, from, len, &error);
    return outcome(done, len, error);
}

int user_zero(lp_va to, size_t len)
{
    int error;
    uint64_t done = lp_zero_user(current()->vm->space, to, len, &error);

    return outcome(done, len, error);
}

int64_t user_read_string(char *to, lp_va from, size_t max)
{
    int64_t len = lp_strncpy_in(current()->vm->space, to, from, max);

    if (len < 0)
        return len == -LP_ENOMEM ? -ENOMEM : -EFAULT;
    return (uint64_t)len == max ? -ENAMETOOLONG : len;
}
