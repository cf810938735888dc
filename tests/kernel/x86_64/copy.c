/*
 * copy.c: the way to user memory by its own addresses; copy.S copies.
 */
#include "x86.h"

/* copy.S */
size_t copy_user(void *to, const void *from, size_t len, unsigned smap);

static bool in_user_range(lp_va va, size_t len)
{
    lp_va end = machine.arch.format.user_end;

    return va <= end && len <= end - va;
}

size_t arch_copy_in(void *to, lp_va from, size_t len)
{
    if (!in_user_range(from, len))
        return len;
    return copy_user(to, (const void *)from, len, machine.features.smap);
}

size_t arch_copy_out(lp_va to, const void *from, size_t len)
{
    if (!in_user_range(to, len))
        return len;
    return copy_user((void *)to, from, len, machine.features.smap);
}
