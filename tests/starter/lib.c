/*
 * lib.c: what compilers and the library expect of every program, and messages.
 *
 * The bytes are volatile so that no compiler makes a call of memset out of the
 * loop in memset.  A kernel of one's own has faster ones.
 */
#include "starter.h"

void *memset(void *to, int byte, size_t len)
{
    for (char volatile *t = to; len > 0; len--)
        *t++ = (char)byte;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    char volatile *t = to;
    const char *f = from;

    if (t <= f || t >= f + len)
        for (size_t i = 0; i < len; i++)
            t[i] = f[i];
    else
        while (len-- > 0)
            t[len] = f[len];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    return memmove(to, from, len);
}

int memcmp(const void *a, const void *b, size_t len)
{
    const unsigned char *x = a, *y = b;

    for (; len > 0; len--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void print(const char *text)
{
    while (*text)
        arch_put(*text++);
}

void print_number(const char *text, uint64_t n)
{
    char digits[21] = { 0 }, *d = digits + 20;

    do
        *--d = (char)('0' + n % 10);
    while (n /= 10);
    print(text);
    print(d);
    print("\n");
}

_Noreturn void panic(const char *why, uint64_t number)
{
    print_number(why, number);
    arch_stop(false);
}
