/*
 * string.c: the few functions on bytes that compilers and the library expect
 * (memcpy, memmove, memset, memcmp), and those on strings that this kernel
 * uses.
 *
 * Compiled without the optimisation that would turn a loop here into a call of
 * the very function it is in.
 */
#include "kernel.h"

/* Words at a time where both ends are aligned: most copies are of pages. */
static bool words(const void *a, const void *b, size_t len)
{
    return (((uintptr_t)a | (uintptr_t)b | len) & 7) == 0;
}

/* A 64-bit word that may lie in memory of any type. */
typedef uint64_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    const unsigned char *f = from;
    unsigned char *t = to;
    size_t i;

    if (words(to, from, len))
        for (i = 0; i < len / 8; i++)
            ((word *)to)[i] = ((const word *)from)[i];
    else
        for (i = 0; i < len; i++)
            t[i] = f[i];
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    const unsigned char *f = from;
    unsigned char *t = to;

    if ((uintptr_t)to - (uintptr_t)from >= len)
        return memcpy(to, from, len);
    while (len-- > 0)
        t[len] = f[len];
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    uint64_t pattern = 0x0101010101010101 * (uint64_t)(unsigned char)byte;
    unsigned char *t = to;
    size_t i;

    if (words(to, NULL, len))
        for (i = 0; i < len / 8; i++)
            ((word *)to)[i] = pattern;
    else
        for (i = 0; i < len; i++)
            t[i] = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const unsigned char *x = a, *y = b;

    for (; len > 0; len--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t len = 0;

    while (s[len])
        len++;
    return len;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t len)
{
    for (; len > 0; len--, a++, b++)
        if (*a != *b || !*a)
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}
