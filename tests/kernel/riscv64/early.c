/*
 * early.c: what is done at physical addresses: find the deepest mode of page
 * tables, and make the tables to boot in.
 *
 * The boot tables are one page, in Sv39, which every machine with a deeper mode
 * has too: leaves of 1 GiB for the direct map and for the image, open to
 * everything until the pager's own tables are there.
 *
 * => Nothing here may store the address of anything, or read one that the
 *    linker stored: they are the image's, where nothing is yet.
 */
#include "boot.h"

enum {
    PTE_V = 1,
    PTE_R = 2,
    PTE_W = 4,
    PTE_X = 8,
    PTE_A = 64,
    PTE_D = 128,
    PTE_RWX = PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D,

    ENTRIES = 512,
    GIB_SHIFT = 30,
    PPN_SHIFT = 10, /* an address >> 12 << 10 */
};

struct lp_riscv64_features boot_features;
uint64_t boot_root[ENTRIES] __attribute__((aligned(4096)));

/* The GiB that va lies in, and more behind it, lead to that of pa and on. */
static void map(lp_va va, lp_pa pa, unsigned entries)
{
    uint64_t index = va >> GIB_SHIFT & (ENTRIES - 1);

    for (unsigned i = 0; i < entries; i++) {
        lp_pa gib = (pa >> GIB_SHIFT) + i;

        boot_root[index + i] =
            gib << (GIB_SHIFT - LP_PAGE_SHIFT + PPN_SHIFT) | PTE_RWX;
    }
}

uint64_t early_tables(void)
{
    if (lp_riscv64_probe(&boot_features, boot_root) != 0)
        boot_features.levels_max = 0;
    map(DIRECT_MAP, 0, BOOT_DIRECT_GIB);
    map(IMAGE_START, IMAGE_START - IMAGE_OFFSET, 1);
    return (uint64_t)SATP_SV39 << SATP_MODE_SHIFT |
           (uint64_t)(uintptr_t)boot_root >> LP_PAGE_SHIFT;
}
