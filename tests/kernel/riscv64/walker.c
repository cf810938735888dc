/*
 * walker.c: the host machine's walker of the Sv modes, for this hart, and
 * random entries (Privileged 1.12, 4.3.1 and 4.4.1).
 */
#include <lazypager/riscv64.h>

#include "mmu.h"

const struct lp_host_walker *arch_walker(struct lp_host_config *config)
{
    const struct lp_riscv64 *machine = the_arch->ctx;

    config->flags = machine->features.svpbmt ? LP_HOST_SVPBMT : 0;
    /* Those that set A and D: this emulator does. */
    return &lp_host_walkers_riscv64[(the_arch->format.levels - 3) * 2];
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

static uint64_t ppn(lp_pa pa)
{
    return pa >> LP_PAGE_SHIFT << 10;
}

/*
 * One of those that are reserved, PBMT or N.  Where there is Svpbmt or Svnapot
 * QEMU 7.2 does not look at 60:54, and at N only where there is Svnapot.
 */
static unsigned reserved_bit(void)
{
    const struct lp_riscv64 *machine = the_arch->ctx;
    bool svpbmt = machine->features.svpbmt, svnapot = machine->features.svnapot;
    unsigned lowest = svpbmt || svnapot ? 61 : 54;
    unsigned end = svpbmt && !svnapot ? 63 : 64;

    return lowest + (unsigned)mmu_random() % (end - lowest);
}

uint64_t arch_entry(unsigned level, lp_pa table, lp_pa page)
{
    /* V, G, and the two bits for software. */
    uint64_t bits =
        mostly(0, 16) | sometimes(5, 5) | (mmu_random() & ((uint64_t)3 << 8));
    unsigned low = 10 + 9 * level;

    if (mmu_one_in(40))
        bits |= (uint64_t)1 << reserved_bit();
    if (level > 0 && !mmu_one_in(3))
        return bits | ppn(table) | sometimes(4, 60) | sometimes(6, 60) |
               sometimes(7, 60);
    /* R, W, X, U, A, D; a large page that is not aligned. */
    bits |= mostly(1, 8) | mostly(2, 4) | mostly(3, 4) | mostly(4, 8) |
            sometimes(6, 2) | sometimes(7, 2);
    /* Without rights, in a table that stands higher up, it would point to a
     * table, and there is none. */
    if (!(bits & 0xe))
        bits |= 2;
    bits |= ppn(page) & ~(((uint64_t)1 << low) - 1);
    return bits | (level ? sometimes(10, 30) : 0);
}
