/*
 * How far a page-table format of AArch64 goes: docs/PORTING.md quotes this file.
 *
 * Stage 1 of EL1&0, 4 KiB granule, 48-bit addresses (Arm ARM, DDI 0487, D8.3,
 * the VMSAv8-64 descriptors).  There is no backend: the core stores entries as
 * they are, and AArch64 has three bits the other way round.
 */
#include "runner.h"

#include <lazypager/arch.h>

#define BIT(n) ((uint64_t)1 << (n))

#define PTE_VALID BIT(0)
#define PTE_TABLE BIT(1)   /* a table; at the last level: a page */
#define PTE_USER BIT(6)    /* AP[1]: EL0 too */
#define PTE_RO BIT(7)      /* AP[2]: no stores */
#define PTE_INNER (3 << 8) /* SH: inner shareable */
#define PTE_AF BIT(10)
#define PTE_NG BIT(11) /* tagged with an ASID */
#define PTE_PXN BIT(53)
#define PTE_UXN BIT(54)
#define PTE_DIRTY BIT(55) /* 58:55 are software's */
#define PTE_SHARED BIT(56)
#define PTE_UNCOUNTED BIT(57)
#define TABLE_UXN BIT(60) /* EL0 executes nothing below */

#define ATTR(n) ((uint64_t)(n) << 2) /* index into MAIR_EL1 */
#define ABSENT_SHIFT 2

/* --- entries with these three bits inverted where they are valid --- */

#define INVERTED (PTE_TABLE | PTE_RO | PTE_NG)
#define BLOCK PTE_TABLE /* set: a leaf above the last level */
#define WRITE PTE_RO
#define GLOBAL PTE_NG

/* clang-format off */
#define LEAVES(base)                                                        \
    {                                                                       \
        [LP_READ] = (base) | PTE_UXN,                                       \
        [LP_WRITE] = (base) | WRITE | PTE_UXN,                              \
        [LP_READ | LP_WRITE] = (base) | WRITE | PTE_UXN,                    \
        [LP_EXEC] = (base),                                                 \
        [LP_READ | LP_EXEC] = (base),                                       \
        [LP_WRITE | LP_EXEC] = (base) | WRITE,                              \
        [LP_READ | LP_WRITE | LP_EXEC] = (base) | WRITE,                    \
    }
/* clang-format on */

static const struct lp_pte_format inverted = {
    .levels = 4,
    .index_bits = 9,
    .user_end = BIT(47),
    .user_root_entries = 256,
    .sign_extended = true,
    .pa_shift = 12,
    .pa_bits = 36,
    .table_owned = PTE_VALID,
    .table_unowned = (uint64_t)LP_ABSENT_TABLE << ABSENT_SHIFT,
    .leaf = LEAVES(PTE_VALID | PTE_USER | PTE_INNER | PTE_PXN),
    .kernel_leaf = LEAVES(PTE_VALID | PTE_INNER | GLOBAL),
    .global = GLOBAL,
    .kernel_table = PTE_VALID | TABLE_UXN,
    .leaf_levels = 7,
    .big = BLOCK,
    .leaf_mask = BLOCK,
    .valid = PTE_VALID,
    .owned_leaf = WRITE,
    .accessed = PTE_AF,
    .dirty = PTE_DIRTY,
    .hardware_ad = false,
    .readable = { PTE_VALID, PTE_VALID },
    .executable = { PTE_VALID | PTE_UXN, PTE_VALID },
    .soft_shared = PTE_SHARED,
    .soft_uncounted = PTE_UNCOUNTED,
    .cache = { ATTR(0), ATTR(1), ATTR(2), ATTR(3) },
    .absent_shift = ABSENT_SHIFT,
};

static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    (void)ctx;
    (void)root;
    (void)asid;
    (void)flush;
}

static void flush(void *ctx, const struct lp_flush *what)
{
    (void)ctx;
    (void)what;
}

static const char *check(const struct lp_pte_format *format)
{
    const struct lp_arch arch = { .name = "aarch64",
                                  .format = *format,
                                  .asid_bits = 16,
                                  .activate = activate,
                                  .flush = flush };

    return lp_arch_check(&arch);
}

/* Is the format one that the core can work with, if bits may be inverted? */
static void test_aarch64_inverted_bits__passes_the_check(void **state)
{
    (void)state;
    assert_null(check(&inverted));
}

/* What the CPU must find in memory for an entry of the format. */
static uint64_t stored(uint64_t entry)
{
    return entry & PTE_VALID ? entry ^ INVERTED : entry;
}

/*
 * Are the entries then what the manual says?  By hand, for the page at
 * 0x40001000 and the block at 0x40000000, accessed.
 */
static void test_aarch64_entries__are_the_manual_s(void **state)
{
    const uint64_t page = 0x40001000 | PTE_AF, block = 0x40000000 | PTE_AF;
    const struct lp_pte_format *f = &inverted;

    (void)state;
    /* UXN PXN, nG AF SH AP[2:1] = 01, page, valid */
    assert_int_equal(stored(f->leaf[LP_READ | LP_WRITE] | page),
                     0x0060000040001f43);
    /* the same, AP[2:1] = 11 */
    assert_int_equal(stored(f->leaf[LP_READ] | page), 0x0060000040001fc3);
    assert_int_equal(stored(f->leaf[LP_READ | LP_EXEC] | page),
                     0x0020000040001fc3);
    /* AP[2:1] = 00, global; a block has bit 1 clear */
    assert_int_equal(stored(f->kernel_leaf[LP_READ | LP_WRITE] | page),
                     0x0040000040001703);
    assert_int_equal(
        stored(f->kernel_leaf[LP_READ | LP_WRITE] | f->big | block),
        0x0040000040000701);
    assert_int_equal(stored(f->table_owned | 0x40001000) & ~(uint64_t)0xf80,
                     0x40001003);
    assert_int_equal(stored(f->table_unowned | 0x40001000) & PTE_VALID, 0);
}

/* --- entries as they are --- */

/* The same format without the inversion: W is a bit that is clear. */
static struct lp_pte_format as_it_is(void)
{
    struct lp_pte_format f = inverted;
    unsigned access;

    f.table_owned |= PTE_TABLE;
    f.kernel_table |= PTE_TABLE;
    for (access = 1; access < 8; access++) {
        f.leaf[access] ^= INVERTED;
        f.kernel_leaf[access] ^= INVERTED;
    }
    f.leaf_levels = 1; /* a block is a bit that is clear, too */
    f.big = 0;
    f.leaf_mask = 0;
    f.global = 0;
    return f;
}

/* Which rule is it that keeps AArch64 out? */
static void test_aarch64_bits_as_they_are__refused_for_the_write_bit(
    void **state)
{
    struct lp_pte_format f = as_it_is();

    (void)state;
    assert_string_equal(check(&f), "a leaf must hold owned_leaf with LP_WRITE, "
                                   "none of it without");
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aarch64_inverted_bits__passes_the_check),
        cmocka_unit_test(test_aarch64_entries__are_the_manual_s),
        cmocka_unit_test(
            test_aarch64_bits_as_they_are__refused_for_the_write_bit),
    };

    return lp_test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
