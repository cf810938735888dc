/*
 * counted.c: how many instructions a loop takes, by the CPU's own counter. On a
 * machine that counts (run --count) the numbers repeat from run to run; on
 * others they do not, and this program is not to be compared.
 */
#include <stdint.h>
#include <stdio.h>

static uint64_t counter(void)
{
#if defined(__x86_64__)
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
#else
    uint64_t count;

    __asm__ volatile("rdcycle %0" : "=r"(count) : : "memory");
    return count;
#endif
}

static uint64_t around(unsigned rounds)
{
    uint64_t before = counter();
    volatile unsigned i;

    for (i = 0; i < rounds; i++)
        ;
    return counter() - before;
}

int main(void)
{
    static volatile char bss[64 * 4096];
    uint64_t before;
    unsigned i;

    for (i = 0; i <= 1000; i += 100)
        printf("%u rounds: %llu\n", i, (unsigned long long)around(i));
    for (i = 0; i < 64; i++) {
        before = counter();
        bss[i * 4096]++;
        printf("fault %u: %llu\n", i, (unsigned long long)(counter() - before));
    }
    return 0;
}
