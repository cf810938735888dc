/*
 * walk_riscv64.c: entries of Sv39, Sv48 and Sv57 page tables, from the RISC-V
 * Instruction Set Manual, volume II: Privileged Architecture, version 20211203
 * (1.12): 4.3.2 (the algorithm), 4.4 to 4.6 (the formats), 4.2.1 (the fence).
 *
 * No Svnapot; Svpbmt only if the config says so.  The plain formats set A and D
 * by hardware (4.3.1, the second of its two schemes; later named Svadu), those
 * named -svade raise a page fault instead.
 */
#include "walk.h"

#include <lazypager/riscv64.h>

#define V (UINT64_C(1) << 0)
#define R (UINT64_C(1) << 1)
#define W (UINT64_C(1) << 2)
#define X (UINT64_C(1) << 3)
#define U (UINT64_C(1) << 4)
#define G (UINT64_C(1) << 5)
#define A (UINT64_C(1) << 6)
#define D (UINT64_C(1) << 7)
#define PPN_SHIFT 10
#define PPN_MASK ((UINT64_C(1) << 44) - 1)
#define RESERVED (UINT64_C(0x7f) << 54)
#define PBMT (UINT64_C(3) << 61)
#define N (UINT64_C(1) << 63)

/*
 * Step 3, and 4.4.1: "if any bits or encodings that are reserved for future
 * standard use are set": W without R; bits 60:54; N; PBMT without Svpbmt, or
 * its value 3; in a pointer to a table D, A, U, PBMT.
 */
static bool reserved(const struct lp_host_config *config, uint64_t bits,
                     bool leaf)
{
    bool pbmt = leaf && config->flags & LP_HOST_SVPBMT;

    if (bits & (RESERVED | N) || (bits & (R | W)) == W)
        return true;
    if (bits & PBMT && (!pbmt || (bits & PBMT) == PBMT))
        return true;
    return !leaf && bits & (D | A | U);
}

static void decode(const struct lp_host_config *config, unsigned level,
                   uint64_t bits, struct lp_host_entry *out)
{
    bool leaf = bits & (R | X);
    uint64_t size = LP_PAGE_SIZE << (9 * level);

    out->kind = LP_HOST_ABSENT;
    if (!(bits & V))
        return;
    out->pa = (bits >> PPN_SHIFT & PPN_MASK) << LP_PAGE_SHIFT;
    out->kind = leaf ? LP_HOST_LEAF : LP_HOST_TABLE;
    /* Step 4: a pointer in the lowest table; step 6: a misaligned superpage. */
    if (reserved(config, bits, leaf) || (!leaf && level == 0) ||
        (leaf && out->pa & (size - 1)))
        out->kind = LP_HOST_RESERVED;
    out->rights = LP_HOST_RIGHTS_ALL;
    if (leaf) {
        out->rights = bits & R ? LP_READ : 0;
        out->rights |= bits & W ? LP_WRITE : 0;
        out->rights |= bits & X ? LP_EXEC : 0;
        out->rights |= bits & U ? LP_HOST_RIGHT_USER : 0;
        /* 3.1.6.3: with MXR, loads from executable pages succeed. */
        if (bits & X && config->flags & LP_HOST_MXR)
            out->rights |= LP_READ;
    }
    out->accessed = bits & A;
    out->dirty = leaf && bits & D;
    out->global = bits & G;
}

/* 4.3.1: S-mode reaches user pages only with SUM, and never executes them. */
static enum lp_host_refusal allows(const struct lp_host_config *config,
                                   unsigned rights, unsigned access,
                                   enum lp_host_mode mode)
{
    bool user_page = rights & LP_HOST_RIGHT_USER;

    (void)config;
    if (mode == LP_HOST_USER && !user_page)
        return LP_HOST_NO_RIGHT;
    if (mode != LP_HOST_USER && user_page && access == LP_EXEC)
        return LP_HOST_NO_SUPERVISOR;
    if (mode == LP_HOST_SUPERVISOR && user_page)
        return LP_HOST_NO_SUPERVISOR;
    return rights & access ? LP_HOST_ALLOWED : LP_HOST_NO_RIGHT;
}

/* 16 bits of ASID at most (4.1.11), 56 of physical address (4.4). */
#define WALKER(name_, format_, levels_, hardware_ad_)                          \
    {                                                                          \
        .name = name_, .format = &format_, .levels = levels_, .index_bits = 9, \
        .canonical = LP_HOST_SIGN_FAULT, .asid_bits = 16, .pa_bits = 56,       \
        .caches_invalid = true, .hardware_ad = hardware_ad_, .accessed = A,    \
        .dirty = D, .decode = decode, .allows = allows,                        \
    }

const struct lp_host_walker lp_host_walkers_riscv64[] = {
    WALKER("sv39", lp_riscv64_format_sv39, 3, true),
    WALKER("sv39-svade", lp_riscv64_format_sv39, 3, false),
    WALKER("sv48", lp_riscv64_format_sv48, 4, true),
    WALKER("sv48-svade", lp_riscv64_format_sv48, 4, false),
    WALKER("sv57", lp_riscv64_format_sv57, 5, true),
    WALKER("sv57-svade", lp_riscv64_format_sv57, 5, false),
    { 0 },
};
