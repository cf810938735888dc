/*
 * The page-table formats of x86-64, as numbers.  What they assume of the CPU
 * is in lazypager/x86_64.h.
 *
 * An entry (SDM 4.5, tables 4-14 to 4-20; APM 5.4):
 *
 *     63    62:59   58:52     51:12     11  10  9   8  7  6  5  4   3   2 1 0
 *     NX  prot. key ignored  address   ign  soft.   G PS  D  A PCD PWT  U W P
 *
 * With P clear hardware ignores all other bits.  An absent entry then carries
 * its tag where W, U and PWT were.
 */
#include <lazypager/x86_64.h>

#define BIT(n) ((uint64_t)1 << (n))

#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7) /* the PAT bit at level 0, where it stays clear */
#define PTE_G BIT(8)
#define PTE_SHR BIT(9)  /* soft_shared */
#define PTE_UNC BIT(10) /* soft_uncounted */
#define PTE_NX BIT(63)
#define PTE_ADDR (BIT(52) - BIT(12))

/*
 * Leaves that add to base what each access needs.  Every valid leaf can be
 * read (SDM 4.6.1); NX forbids fetches, also through big leaves.
 */
/* clang-format off */
#define LEAVES(base)                                                        \
    {                                                                       \
        [LP_READ] = (base) | PTE_NX,                                        \
        [LP_WRITE] = (base) | PTE_W | PTE_NX,                               \
        [LP_READ | LP_WRITE] = (base) | PTE_W | PTE_NX,                     \
        [LP_EXEC] = (base),                                                 \
        [LP_READ | LP_EXEC] = (base),                                       \
        [LP_WRITE | LP_EXEC] = (base) | PTE_W,                              \
        [LP_READ | LP_WRITE | LP_EXEC] = (base) | PTE_W,                    \
    }
/* clang-format on */

/*
 * A format of n levels.
 *
 * A table entry is as permissive as an entry can be, also in the kernel's half:
 * what a page grants, and whether it is a user page at all, is the AND along its
 * path (SDM 4.6, 4.6.1), and its leaf decides.  The unowned form lacks
 * W, so that everything below is read-only.  A is set from the start: hardware
 * would set it at the first walk in an atomic access of its own (SDM 4.8), and
 * so no table entry ever changes under the pager.
 *
 * Half of the root, 256 entries, is user space: canonical addresses with the
 * top bit clear (SDM vol. 1, 3.3.7.1).
 *
 * kept_invert: a CPU with the L1 terminal fault forwards data from the L1 cache
 * at the address in an entry with P clear (CVE-2018-3620).  With all address
 * bits inverted that is memory at the far end of the physical space.
 */
/* clang-format off */
#define FORMAT(n)                                                           \
    {                                                                       \
        .levels = (n),                                                      \
        .index_bits = 9,                                                    \
        .user_end = BIT(LP_PAGE_SHIFT + 9 * (n) - 1) - LP_PAGE_SIZE,        \
        .user_root_entries = 256,                                           \
        .sign_extended = true,                                              \
        .pa_shift = 12,                                                     \
        .pa_bits = 40,                                                      \
        .table_owned = PTE_P | PTE_W | PTE_U | PTE_A,                       \
        .table_unowned = PTE_P | PTE_U | PTE_A,                             \
        .leaf = LEAVES(PTE_P | PTE_U),                                      \
        .kernel_leaf = LEAVES(PTE_P | PTE_G),                               \
        .global = PTE_G,                                                    \
        .kernel_table = PTE_P | PTE_W | PTE_U | PTE_A,                      \
        .leaf_levels = 7, /* PT, PD, PDPT */                                \
        .big = PTE_PS,                                                      \
        .leaf_mask = PTE_PS,                                                \
        .valid = PTE_P,                                                     \
        .owned_leaf = PTE_W,                                                \
        .accessed = PTE_A,                                                  \
        .dirty = PTE_D,                                                     \
        .hardware_ad = true,                                                \
        .readable = { .mask = PTE_P, .value = PTE_P },                      \
        .executable = { .mask = PTE_P | PTE_NX, .value = PTE_P },           \
        .soft_shared = PTE_SHR,                                             \
        .soft_uncounted = PTE_UNC,                                          \
        .cache = {                                                          \
            [LP_CACHE_WRITEBACK] = 0,                                       \
            [LP_CACHE_WRITETHROUGH] = PTE_PWT,                              \
            [LP_CACHE_WRITECOMBINE] = PTE_PCD,                              \
            [LP_CACHE_UNCACHED] = PTE_PCD | PTE_PWT,                        \
        },                                                                  \
        .absent_shift = 1,                                                  \
        .kept_invert = PTE_ADDR,                                            \
    }
/* clang-format on */

const struct lp_pte_format lp_x86_64_format_4level = FORMAT(4);
const struct lp_pte_format lp_x86_64_format_5level = FORMAT(5);
