/*
 * walk_free.c: two page-table formats that no CPU has, so that nothing in the
 * core works only because real ones happen to look alike.
 *
 * Both have four levels of tables with 16 entries: a table is 128 bytes at the
 * beginning of a frame, a virtual address has 28 bits (those above must be
 * zero), and a whole tree is small enough to fill and to print.  Entries:
 *
 *     free-w   63 V | 62 soft | 58:57 cache | 52:50 tag | 45 G | 44 S | 43 not
 *              readable | 42 X | 41 not X | 40 W | 38 large | 36:9 address |
 *              5 D | 2 A | 0 soft
 *     free-v   63 V | 62 soft | 58:56 tag | 52 not X | 51 X | 50 W | 48:47 cache
 *              | 45 G | 44 S | 43:14 address | 6 A | 5 R | 3 D | 1 soft
 *
 *     - V clear: all else is ignored.
 *     - S set: for supervisor mode only.
 *     - A leaf has exactly one of "X" and "not X"; a table has neither.  W
 *       without the right to read is reserved.  Execute-only exists.
 *     - free-w: a clear W in a table entry write-protects all below, and walks
 *       set A in table entries.  Above level 0 a leaf is marked "large".
 *     - free-v: a table entry is V and an address, anything else is reserved.
 *     - Pages and large pages of 64 KiB (level 1), which are aligned.
 *     - Bits not listed, and the tag, must be zero while V is set.
 *     - Supervisor mode may load and store user pages, not execute them.
 */
#include "walk.h"

#define BIT(n) (UINT64_C(1) << (n))

enum { LEVELS = 4, INDEX_BITS = 4 };

/* An address field of n bits, for the physical address from bit 12 on. */
static lp_pa address(uint64_t bits, unsigned shift, unsigned n)
{
    return (bits >> shift & (BIT(n) - 1)) << 12;
}

static bool misaligned(lp_pa pa, unsigned level)
{
    return pa & ((LP_PAGE_SIZE << (level * INDEX_BITS)) - 1);
}

/* --- free-w --- */

#define W_A BIT(2)
#define W_D BIT(5)
#define W_LARGE BIT(38)
#define W_W BIT(40)
#define W_NOT_X BIT(41)
#define W_X BIT(42)
#define W_NOT_R BIT(43)
#define W_S BIT(44)
#define W_G BIT(45)
#define W_CACHE (BIT(57) | BIT(58))
#define W_SOFT (BIT(0) | BIT(62))
#define W_V BIT(63)
#define W_ADDRESS ((BIT(28) - 1) << 9)
#define W_TABLE (W_V | W_ADDRESS | W_W | W_S | W_A)
#define W_LEAF \
    (W_TABLE | W_D | W_X | W_NOT_X | W_NOT_R | W_G | W_CACHE | W_SOFT)

static enum lp_host_kind kind_w(unsigned level, uint64_t bits, lp_pa pa)
{
    bool leaf = level == 0 || bits & W_LARGE;
    bool executable = bits & W_X, not_executable = bits & W_NOT_X;

    if (!(bits & W_V))
        return LP_HOST_ABSENT;
    if (!leaf)
        return bits & ~W_TABLE ? LP_HOST_RESERVED : LP_HOST_TABLE;
    if (bits & ~(W_LEAF | (level == 1 ? W_LARGE : 0)) || level > 1 ||
        executable == not_executable || misaligned(pa, level) ||
        (bits & W_W && bits & W_NOT_R))
        return LP_HOST_RESERVED;
    return LP_HOST_LEAF;
}

static void decode_w(const struct lp_host_config *config, unsigned level,
                     uint64_t bits, struct lp_host_entry *out)
{
    bool leaf;

    (void)config;
    out->pa = address(bits, 9, 28);
    out->kind = kind_w(level, bits, out->pa);
    leaf = out->kind == LP_HOST_LEAF;
    out->rights = bits & W_W ? LP_WRITE : 0;
    out->rights |= bits & W_S ? 0 : LP_HOST_RIGHT_USER;
    if (!leaf || !(bits & W_NOT_R))
        out->rights |= LP_READ;
    if (!leaf || bits & W_X)
        out->rights |= LP_EXEC;
    out->accessed = bits & W_A;
    out->dirty = leaf && bits & W_D;
    out->global = leaf && bits & W_G;
}

/* --- free-v --- */

#define V_D BIT(3)
#define V_R BIT(5)
#define V_A BIT(6)
#define V_S BIT(44)
#define V_G BIT(45)
#define V_CACHE (BIT(47) | BIT(48))
#define V_W BIT(50)
#define V_X BIT(51)
#define V_NOT_X BIT(52)
#define V_SOFT (BIT(1) | BIT(62))
#define V_V BIT(63)
#define V_ADDRESS ((BIT(30) - 1) << 14)
#define V_TABLE (V_V | V_ADDRESS)
#define V_LEAF                                                               \
    (V_TABLE | V_D | V_R | V_A | V_S | V_G | V_CACHE | V_W | V_X | V_NOT_X | \
     V_SOFT)

static enum lp_host_kind kind_v(unsigned level, uint64_t bits, lp_pa pa)
{
    bool executable = bits & V_X, not_executable = bits & V_NOT_X;

    if (!(bits & V_V))
        return LP_HOST_ABSENT;
    if (!executable && !not_executable)
        return bits & ~V_TABLE || level == 0 ? LP_HOST_RESERVED : LP_HOST_TABLE;
    if (bits & ~V_LEAF || level > 1 || (executable && not_executable) ||
        misaligned(pa, level) || (bits & (V_R | V_W)) == V_W)
        return LP_HOST_RESERVED;
    return LP_HOST_LEAF;
}

static void decode_v(const struct lp_host_config *config, unsigned level,
                     uint64_t bits, struct lp_host_entry *out)
{
    (void)config;
    out->pa = address(bits, 14, 30);
    out->kind = kind_v(level, bits, out->pa);
    out->rights = LP_HOST_RIGHTS_ALL;
    if (out->kind != LP_HOST_LEAF)
        return;
    out->rights = bits & V_R ? LP_READ : 0;
    out->rights |= bits & V_W ? LP_WRITE : 0;
    out->rights |= bits & V_X ? LP_EXEC : 0;
    out->rights |= bits & V_S ? 0 : LP_HOST_RIGHT_USER;
    out->accessed = bits & V_A;
    out->dirty = bits & V_D;
    out->global = bits & V_G;
}

/* --- both --- */

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
    return rights & access ? LP_HOST_ALLOWED : LP_HOST_NO_RIGHT;
}

/* clang-format off */
#define FREE_WALKER(name_, format_, decode_)                                 \
    .name = name_, .format = &format_, .levels = LEVELS,                     \
    .index_bits = INDEX_BITS, .canonical = LP_HOST_ZERO_FAULT,               \
    .asid_bits = 12, .reports_reserved = true, .decode = decode_,            \
    .allows = allows

const struct lp_host_walker lp_host_walkers_free[] = {
    {
        FREE_WALKER("free-w", lp_host_format_free_w, decode_w),
        .pa_bits = 40, .table_accessed = true, .hardware_ad = true,
        .accessed = W_A, .dirty = W_D,
    }, {
        FREE_WALKER("free-v", lp_host_format_free_v, decode_v),
        .pa_bits = 42, .caches_invalid = true,
        .accessed = V_A, .dirty = V_D,
    }, {
        FREE_WALKER("free-v-ad", lp_host_format_free_v, decode_v),
        .pa_bits = 42, .caches_invalid = true, .hardware_ad = true,
        .accessed = V_A, .dirty = V_D,
    },
    {0},
};

/* --- the same for the core --- */

#define LEAVES_W(base)                                                       \
    {                                                                        \
        [LP_READ] = (base) | W_NOT_X,                                        \
        [LP_WRITE] = (base) | W_W | W_NOT_X,                                 \
        [LP_READ | LP_WRITE] = (base) | W_W | W_NOT_X,                       \
        [LP_EXEC] = (base) | W_NOT_R | W_X,                                  \
        [LP_READ | LP_EXEC] = (base) | W_X,                                  \
        [LP_WRITE | LP_EXEC] = (base) | W_W | W_X,                           \
        [LP_READ | LP_WRITE | LP_EXEC] = (base) | W_W | W_X,                 \
    }

#define LEAVES_V(base)                                                       \
    {                                                                        \
        [LP_READ] = (base) | V_R | V_NOT_X,                                  \
        [LP_WRITE] = (base) | V_R | V_W | V_NOT_X,                           \
        [LP_READ | LP_WRITE] = (base) | V_R | V_W | V_NOT_X,                 \
        [LP_EXEC] = (base) | V_X,                                            \
        [LP_READ | LP_EXEC] = (base) | V_R | V_X,                            \
        [LP_WRITE | LP_EXEC] = (base) | V_R | V_W | V_X,                     \
        [LP_READ | LP_WRITE | LP_EXEC] = (base) | V_R | V_W | V_X,           \
    }
/* clang-format on */

const struct lp_pte_format lp_host_format_free_w = {
    .levels = LEVELS,
    .index_bits = INDEX_BITS,
    .user_end = BIT(27),
    .user_root_entries = 8,
    .pa_shift = 9,
    .pa_bits = 28,
    .table_owned = W_V | W_W,
    .table_unowned = W_V,
    .leaf = LEAVES_W(W_V),
    .kernel_leaf = LEAVES_W(W_V | W_S | W_G),
    .global = W_G,
    .kernel_table = W_V | W_W,
    .leaf_levels = 3,
    .big = W_LARGE,
    .leaf_mask = W_LARGE,
    .valid = W_V,
    .owned_leaf = W_W,
    .accessed = W_A,
    .dirty = W_D,
    .hardware_ad = true,
    .readable = { .mask = W_V | W_NOT_R, .value = W_V },
    .executable = { .mask = W_V | W_X | W_NOT_X, .value = W_V | W_X },
    .soft_shared = BIT(62),
    .soft_uncounted = BIT(0),
    .cache = { [LP_CACHE_WRITETHROUGH] = BIT(57),
               [LP_CACHE_WRITECOMBINE] = BIT(58),
               [LP_CACHE_UNCACHED] = BIT(57) | BIT(58) },
    .absent_shift = 50,
    .kept_invert = W_ADDRESS,
};

const struct lp_pte_format lp_host_format_free_v = {
    .levels = LEVELS,
    .index_bits = INDEX_BITS,
    .user_end = BIT(27),
    .user_root_entries = 8,
    .pa_shift = 14,
    .pa_bits = 30,
    .table_owned = V_V,
    .table_unowned = (uint64_t)LP_ABSENT_TABLE << 56,
    .leaf = LEAVES_V(V_V),
    .kernel_leaf = LEAVES_V(V_V | V_S | V_G),
    .global = V_G,
    .kernel_table = V_V,
    .leaf_levels = 3,
    .big = 0,
    .leaf_mask = V_X | V_NOT_X,
    .valid = V_V,
    .owned_leaf = V_W,
    .accessed = V_A,
    .dirty = V_D,
    .hardware_ad = false,
    .readable = { .mask = V_V | V_R, .value = V_V | V_R },
    .executable = { .mask = V_V | V_X, .value = V_V | V_X },
    .soft_shared = BIT(1),
    .soft_uncounted = BIT(62),
    .cache = { [LP_CACHE_WRITETHROUGH] = BIT(47),
               [LP_CACHE_WRITECOMBINE] = BIT(48),
               [LP_CACHE_UNCACHED] = BIT(47) | BIT(48) },
    .absent_shift = 56,
    .kept_invert = 0,
};
