/*
 * walker.c: the host machine's x86-64 walker, for this CPU, and random entries
 * (Intel SDM vol. 3A, tables 4-14 to 4-20).
 */
#include <lazypager/x86_64.h>

#include "mmu.h"

static unsigned pa_bits, largest; /* the highest level with leaves */

const struct lp_host_walker *arch_walker(struct lp_host_config *config)
{
    const struct lp_x86_64 *machine = the_arch->ctx;
    const struct lp_x86_64_features *f = &machine->features;

    pa_bits = f->pa_bits;
    config->maxphyaddr = pa_bits;
    config->flags =
        (f->smep ? 0 : LP_HOST_NO_SMEP) | (f->smap ? 0 : LP_HOST_NO_SMAP);
    /*
     * Without 1 GiB pages PS is reserved in a PDPTE; the emulator takes it for
     * a page all the same, so it is not tried there.
     */
    largest = f->page1g ? 2 : 1;
    return &lp_host_walkers_x86_64[the_arch->format.levels - 4];
}

/* A bit that is set, or not, about once in n entries. */
static uint64_t sometimes(unsigned bit, unsigned n)
{
    return (uint64_t)mmu_one_in(n) << bit;
}

static uint64_t mostly(unsigned bit, unsigned n)
{
    return (uint64_t)!mmu_one_in(n) << bit;
}

uint64_t arch_entry(unsigned level, lp_pa table, lp_pa page)
{
    /* P, R/W, U/S, PWT, PCD, A, D, G, bits that are ignored, XD. */
    uint64_t bits = mostly(0, 16) | mostly(1, 8) | mostly(2, 16) |
                    sometimes(3, 8) | sometimes(4, 8) | sometimes(5, 2) |
                    sometimes(6, 2) | sometimes(8, 4) | sometimes(63, 8) |
                    (mmu_random() & ((uint64_t)7 << 9 | (uint64_t)127 << 52));
    bool big = level > 0 && level <= largest && mmu_one_in(3);

    if (pa_bits < 52 && mmu_one_in(40))
        bits |= (uint64_t)1 << (pa_bits + mmu_random() % (52 - pa_bits));
    if (big)
        bits |= (uint64_t)1 << 7 | (page & ~((PAGE_SIZE << (9 * level)) - 1)) |
                sometimes(12 + (unsigned)mmu_random() % 9, 40);
    else if (level == 0)
        bits |= page | sometimes(7, 4);
    else
        bits |= table | (level > 2 ? sometimes(7, 40) : 0);
    return bits;
}
