/*
 * The page-table formats of 64-bit RISC-V, as numbers.  What they assume of the
 * CPU is in lazypager/riscv64.h.
 *
 * An entry (Privileged 1.12, 4.3.1 and 4.4.1):
 *
 *     63  62:61   60:54     53:10    9:8  7 6 5 4 3 2 1 0
 *      N   PBMT  reserved  address  soft. D A G U X W R V
 *
 * With V clear hardware ignores all other bits.  An absent entry then carries
 * its tag where R, W and X were.  With V set and R, W and X clear the entry
 * points at a table.
 */
#include <lazypager/riscv64.h>

#define BIT(n) ((uint64_t)1 << (n))

#define PTE_V BIT(0)
#define PTE_R BIT(1)
#define PTE_W BIT(2)
#define PTE_X BIT(3)
#define PTE_U BIT(4)
#define PTE_G BIT(5)
#define PTE_A BIT(6)
#define PTE_D BIT(7)
#define PTE_SHR BIT(8) /* soft_shared: RSW, for the supervisor's use */
#define PTE_UNC BIT(9) /* soft_uncounted */

#define ABSENT_SHIFT 1

/*
 * Leaves that add to base what each access needs: W always with R, since the
 * contrary is reserved (table 4.5).
 */
/* clang-format off */
#define LEAVES(base)                                                        \
    {                                                                       \
        [LP_READ] = (base) | PTE_R,                                         \
        [LP_WRITE] = (base) | PTE_R | PTE_W,                                \
        [LP_READ | LP_WRITE] = (base) | PTE_R | PTE_W,                      \
        [LP_EXEC] = (base) | PTE_X,                                         \
        [LP_READ | LP_EXEC] = (base) | PTE_R | PTE_X,                       \
        [LP_WRITE | LP_EXEC] = (base) | PTE_R | PTE_W | PTE_X,              \
        [LP_READ | LP_WRITE | LP_EXEC] = (base) | PTE_R | PTE_W | PTE_X,    \
    }
/* clang-format on */

/*
 * A format of n levels.
 *
 * A table entry is V alone: D, A and U of one are reserved (4.3.1), and G
 * would say that all below is global.  The unowned form is nothing but its
 * tag and the address.
 *
 * Half of the root, 256 entries, is user space: the bits above the virtual
 * address must all equal its top bit (4.4.1), which is clear there.
 */
/* clang-format off */
#define FORMAT(n)                                                           \
    {                                                                       \
        .levels = (n),                                                      \
        .index_bits = 9,                                                    \
        .user_end = BIT(LP_PAGE_SHIFT + 9 * (n) - 1) - LP_PAGE_SIZE,        \
        .user_root_entries = 256,                                           \
        .sign_extended = true,                                              \
        .pa_shift = 10,                                                     \
        .pa_bits = 44,                                                      \
        .table_owned = PTE_V,                                               \
        .table_unowned = (uint64_t)LP_ABSENT_TABLE << ABSENT_SHIFT,         \
        .leaf = LEAVES(PTE_V | PTE_U),                                      \
        .kernel_leaf = LEAVES(PTE_V | PTE_G),                               \
        .global = PTE_G,                                                    \
        .kernel_table = PTE_V,                                              \
        .leaf_levels = (1u << (n)) - 1, /* all */                           \
        .big = 0,                                                           \
        .leaf_mask = PTE_R | PTE_W | PTE_X,                                 \
        .valid = PTE_V,                                                     \
        .owned_leaf = PTE_W,                                                \
        .accessed = PTE_A,                                                  \
        .dirty = PTE_D,                                                     \
        .hardware_ad = false,                                               \
        .readable = { .mask = PTE_V | PTE_R, .value = PTE_V | PTE_R },      \
        .executable = { .mask = PTE_V | PTE_X, .value = PTE_V | PTE_X },    \
        .soft_shared = PTE_SHR,                                             \
        .soft_uncounted = PTE_UNC,                                          \
        .cache = { 0 }, /* see LP_RISCV64_PBMT_NC */                        \
        .absent_shift = ABSENT_SHIFT,                                       \
        .kept_invert = 0,                                                   \
    }
/* clang-format on */

const struct lp_pte_format lp_riscv64_format_sv39 = FORMAT(3);
const struct lp_pte_format lp_riscv64_format_sv48 = FORMAT(4);
const struct lp_pte_format lp_riscv64_format_sv57 = FORMAT(5);
