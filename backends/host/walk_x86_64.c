/*
 * walk_x86_64.c: entries of x86-64 page tables, from the Intel 64 and IA-32
 * Architectures Software Developer's Manual, volume 3A, chapter 4 ("Paging"),
 * tables 4-14 to 4-20 for the formats of entries.
 *
 * CR0.WP is 1, CR4.PGE is 1; EFER.NXE, CR4.SMEP and CR4.SMAP are 1 unless the
 * config says otherwise.  Protection keys are off (bits 62:59 are ignored).
 */
#include "walk.h"

#include <lazypager/x86_64.h>

#define P (UINT64_C(1) << 0)
#define RW (UINT64_C(1) << 1)
#define US (UINT64_C(1) << 2)
#define A (UINT64_C(1) << 5)
#define D (UINT64_C(1) << 6)
#define PS (UINT64_C(1) << 7) /* PAT in an entry of the lowest table */
#define G (UINT64_C(1) << 8)
#define NX (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000ffffffffff000)

/* Our level n is the table that translates from bit 12 + 9n on. */
enum { PT, PD, PDPT, PML4, PML5 };

static uint64_t bits_up(unsigned first, unsigned end)
{
    return (UINT64_C(1) << end) - (UINT64_C(1) << first);
}

/*
 * Reserved bits of an entry with P set (4.5, tables 4-14 to 4-20): address bits
 * from MAXPHYADDR on; PS in a PML5E or PML4E; in a leaf, address bits below
 * its size but for bit 12, which is PAT; bit 63 while EFER.NXE is 0.
 */
static uint64_t reserved(const struct lp_host_config *config, unsigned level,
                         bool leaf)
{
    uint64_t bits = bits_up(config->maxphyaddr, 52);

    if (config->flags & LP_HOST_NO_NX)
        bits |= NX;
    if (level >= PML4)
        bits |= PS;
    if (leaf && level == PD)
        bits |= bits_up(13, 21);
    if (leaf && level == PDPT)
        bits |= bits_up(13, 30);
    return bits;
}

static void decode(const struct lp_host_config *config, unsigned level,
                   uint64_t bits, struct lp_host_entry *out)
{
    bool leaf = level == PT || (level <= PDPT && bits & PS);

    out->kind = LP_HOST_ABSENT;
    if (!(bits & P))
        return;
    out->kind = leaf ? LP_HOST_LEAF : LP_HOST_TABLE;
    if (bits & reserved(config, level, leaf))
        out->kind = LP_HOST_RESERVED;
    out->pa = bits & ADDRESS;
    if (leaf && level != PT)
        out->pa &= ~(UINT64_C(1) << 12);
    /* 4.6.1: writable, executable, user only if every entry says so. */
    out->rights = LP_READ;
    out->rights |= bits & RW ? LP_WRITE : 0;
    out->rights |= bits & NX ? 0 : LP_EXEC;
    out->rights |= bits & US ? LP_HOST_RIGHT_USER : 0;
    out->accessed = bits & A;
    out->dirty = leaf && bits & D;
    out->global = leaf && bits & G;
}

/* 4.6.1, with CR0.WP = 1. */
static enum lp_host_refusal allows(const struct lp_host_config *config,
                                   unsigned rights, unsigned access,
                                   enum lp_host_mode mode)
{
    bool user_page = rights & LP_HOST_RIGHT_USER;
    bool smep = !(config->flags & LP_HOST_NO_SMEP);
    bool smap = !(config->flags & LP_HOST_NO_SMAP);

    if (mode == LP_HOST_USER && !user_page)
        return LP_HOST_NO_RIGHT;
    if (mode != LP_HOST_USER && user_page && access == LP_EXEC && smep)
        return LP_HOST_NO_SUPERVISOR;
    if (mode == LP_HOST_SUPERVISOR && user_page && access != LP_EXEC && smap)
        return LP_HOST_NO_SUPERVISOR;
    return rights & access ? LP_HOST_ALLOWED : LP_HOST_NO_RIGHT;
}

/* PCIDs have 12 bits (4.10.1), physical addresses at most 52 (4.1.4). */
#define WALKER(name_, format_, levels_)                                        \
    {                                                                          \
        .name = name_, .format = &format_, .levels = levels_, .index_bits = 9, \
        .canonical = LP_HOST_SIGN_GP, .asid_bits = 12, .pa_bits = 52,          \
        .table_accessed = true, .hardware_ad = true, .exec_reads = true,       \
        .reports_reserved = true, .accessed = A, .dirty = D, .decode = decode, \
        .allows = allows,                                                      \
    }

const struct lp_host_walker lp_host_walkers_x86_64[] = {
    WALKER("x86-64", lp_x86_64_format_4level, PML4 + 1),
    WALKER("x86-64-la57", lp_x86_64_format_5level, PML5 + 1),
    { 0 },
};
