/*
 * The page-table formats and lp_arch_check.
 *
 * Every expected entry was worked out by hand from the manuals' figures: Intel
 * SDM vol. 3A, tables 4-14 to 4-20; RISC-V Privileged 1.12, 4.3.1 and 4.4.1:
 *
 *     x86-64   P 1  W 2  U 4  PWT 8  PCD 10  A 20  D 40  PS 80  G 100
 *              address 000ffffffffff000  NX 8000000000000000
 *     Sv       V 1  R 2  W 4  X 8  U 10  G 20  A 40  D 80
 *              address 003ffffffffffc00, which is PA bits 55:12
 */
#include "runner.h"

#include <lazypager/riscv64.h>
#include <lazypager/x86_64.h>

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { R = LP_READ, W = LP_WRITE, X = LP_EXEC };

static const struct {
    const char *name;
    const struct lp_pte_format *format;
} formats[] = {
    { "x86-64 4-level", &lp_x86_64_format_4level },
    { "x86-64 5-level", &lp_x86_64_format_5level },
    { "sv39", &lp_riscv64_format_sv39 },
    { "sv48", &lp_riscv64_format_sv48 },
    { "sv57", &lp_riscv64_format_sv57 },
};

static const struct lp_pte_format *const x86_formats[] = {
    &lp_x86_64_format_4level,
    &lp_x86_64_format_5level,
};

static const struct lp_pte_format *const sv_formats[] = {
    &lp_riscv64_format_sv39,
    &lp_riscv64_format_sv48,
    &lp_riscv64_format_sv57,
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

static struct lp_arch arch_of(const struct lp_pte_format *format)
{
    return (struct lp_arch){
        .name = "test",
        .format = *format,
        .asid_bits = 12,
        .activate = activate,
        .flush = flush,
    };
}

/* bits with the address in its place. */
static uint64_t entry(const struct lp_pte_format *f, uint64_t bits, lp_pa pa)
{
    return bits | pa >> LP_PAGE_SHIFT << f->pa_shift;
}

/* One entry of each combination of R, W and X, user and kernel. */
struct leaf_case {
    unsigned access;
    uint64_t user;
    uint64_t kernel;
};

static void check_leaves(const struct lp_pte_format *f,
                         const struct leaf_case *cases)
{
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(cases[i].access, i);
        assert_int_equal(f->leaf[i], cases[i].user);
        assert_int_equal(f->kernel_leaf[i], cases[i].kernel);
    }
}

/* On x86-64: is NX set exactly when not executable, W when writable? */
static void test_formats_x86_leaf__grants_what_was_asked(void **state)
{
    static const struct leaf_case cases[8] = {
        { 0, 0, 0 },
        { R, 0x8000000000000005, 0x8000000000000101 },
        { W, 0x8000000000000007, 0x8000000000000103 },
        { R | W, 0x8000000000000007, 0x8000000000000103 },
        { X, 0x0000000000000005, 0x0000000000000101 },
        { X | R, 0x0000000000000005, 0x0000000000000101 },
        { X | W, 0x0000000000000007, 0x0000000000000103 },
        { X | W | R, 0x0000000000000007, 0x0000000000000103 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(x86_formats); i++)
        check_leaves(x86_formats[i], cases);
}

/* On Sv: is W never without R, and X alone execute-only? */
static void test_formats_sv_leaf__grants_what_was_asked(void **state)
{
    static const struct leaf_case cases[8] = {
        { 0, 0, 0 },           { R, 0x13, 0x23 },         { W, 0x17, 0x27 },
        { R | W, 0x17, 0x27 }, { X, 0x19, 0x29 },         { X | R, 0x1b, 0x2b },
        { X | W, 0x1f, 0x2f }, { X | W | R, 0x1f, 0x2f },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(sv_formats); i++)
        check_leaves(sv_formats[i], cases);
}

/* On x86-64: is a table that is not owned valid, but for reading only? */
static void test_formats_x86_table__unowned_lacks_w_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(x86_formats); i++) {
        assert_int_equal(x86_formats[i]->table_owned, 0x27);
        assert_int_equal(x86_formats[i]->table_unowned, 0x25);
        assert_int_equal(x86_formats[i]->kernel_table, 0x27);
    }
}

/* On Sv: is a table that is not owned out of reach, with tag 1 in bits 3:1? */
static void test_formats_sv_table__unowned_is_not_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sv_formats); i++) {
        assert_int_equal(sv_formats[i]->table_owned, 0x1);
        assert_int_equal(sv_formats[i]->table_unowned, 0x2);
        assert_int_equal(sv_formats[i]->kernel_table, 0x1);
    }
}

/* On x86-64: does the address stay where it is, up to 52 bits? */
static void test_formats_x86_address__lies_in_bits_51_to_12(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(x86_formats); i++) {
        const struct lp_pte_format *f = x86_formats[i];
        uint64_t rw = f->leaf[R | W];

        assert_int_equal(f->pa_shift + f->pa_bits, 52);
        assert_int_equal(entry(f, rw, 0), 0x8000000000000007);
        assert_int_equal(entry(f, rw, 0x1000), 0x8000000000001007);
        assert_int_equal(entry(f, rw, 0x000ffffffffff000), 0x800ffffffffff007);
        assert_int_equal(entry(f, f->table_owned, 0x80200000), 0x80200027);
    }
}

/* On Sv: does the address lie two bits lower, up to 56 bits? */
static void test_formats_sv_address__lies_in_bits_53_to_10(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sv_formats); i++) {
        const struct lp_pte_format *f = sv_formats[i];
        uint64_t rw = f->leaf[R | W];

        assert_int_equal(f->pa_shift + f->pa_bits, 54);
        assert_int_equal(entry(f, rw, 0), 0x17);
        assert_int_equal(entry(f, rw, 0x1000), 0x417);
        assert_int_equal(entry(f, rw, 0x00fffffffffff000), 0x003ffffffffffc17);
        assert_int_equal(entry(f, f->table_owned, 0x80200000), 0x20080001);
        assert_int_equal(entry(f, f->table_unowned, 0x80200000), 0x20080002);
    }
}

/* Does each format end user space one page below the middle? */
static void test_formats_user_range__is_the_lower_half_less_a_page(void **state)
{
    static const struct {
        unsigned levels;
        lp_va user_end;
        unsigned leaf_levels;
    } expected[COUNT(formats)] = {
        { 4, 0x00007ffffffff000, 0x07 }, { 5, 0x00fffffffffff000, 0x07 },
        { 3, 0x0000003ffffff000, 0x07 }, { 4, 0x00007ffffffff000, 0x0f },
        { 5, 0x00fffffffffff000, 0x1f },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct lp_pte_format *f = formats[i].format;

        assert_int_equal(f->levels, expected[i].levels);
        assert_int_equal(f->user_end, expected[i].user_end);
        assert_int_equal(f->leaf_levels, expected[i].leaf_levels);
        assert_int_equal(f->index_bits, 9);
        assert_int_equal(f->user_root_entries, 256);
    }
}

/* On x86-64: is each other bit where the manual has it? */
static void test_formats_x86_bits__are_those_of_the_manual(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(x86_formats); i++) {
        const struct lp_pte_format *f = x86_formats[i];

        assert_int_equal(f->valid, 0x1);
        assert_int_equal(f->owned_leaf, 0x2);
        assert_int_equal(f->accessed, 0x20);
        assert_int_equal(f->dirty, 0x40);
        assert_int_equal(f->big, 0x80);
        assert_int_equal(f->leaf_mask, 0x80);
        assert_int_equal(f->soft_shared, 0x200);
        assert_int_equal(f->soft_uncounted, 0x400);
        assert_int_equal(f->cache[LP_CACHE_WRITEBACK], 0);
        assert_int_equal(f->cache[LP_CACHE_WRITETHROUGH], 0x08);
        assert_int_equal(f->cache[LP_CACHE_WRITECOMBINE], 0x10);
        assert_int_equal(f->cache[LP_CACHE_UNCACHED], 0x18);
        assert_int_equal(f->kept_invert, 0x000ffffffffff000);
        assert_true(f->hardware_ad);
    }
}

/* On Sv: is each other bit where the manual has it? */
static void test_formats_sv_bits__are_those_of_the_manual(void **state)
{
    (void)state;
    assert_int_equal(LP_RISCV64_PBMT_NC, 0x2000000000000000);
    assert_int_equal(LP_RISCV64_PBMT_IO, 0x4000000000000000);
    for (size_t i = 0; i < COUNT(sv_formats); i++) {
        const struct lp_pte_format *f = sv_formats[i];

        assert_int_equal(f->valid, 0x1);
        assert_int_equal(f->owned_leaf, 0x4);
        assert_int_equal(f->accessed, 0x40);
        assert_int_equal(f->dirty, 0x80);
        assert_int_equal(f->big, 0);
        assert_int_equal(f->leaf_mask, 0x0e);
        assert_int_equal(f->soft_shared, 0x100);
        assert_int_equal(f->soft_uncounted, 0x200);
        for (unsigned mode = 0; mode < LP_CACHE_MODES; mode++)
            assert_int_equal(f->cache[mode], 0);
        assert_int_equal(f->kept_invert, 0);
        assert_false(f->hardware_ad);
    }
}

static unsigned granted(const struct lp_pte_format *f, uint64_t leaf)
{
    unsigned access = 0;

    if ((leaf & f->readable.mask) == f->readable.value)
        access |= R;
    if ((leaf & f->owned_leaf) == f->owned_leaf)
        access |= W;
    if ((leaf & f->executable.mask) == f->executable.value)
        access |= X;
    return access;
}

/* Do the bit tests read back what the leaves grant, whatever else is set? */
static void test_formats_bit_tests__tell_what_a_leaf_grants(void **state)
{
    static const unsigned x86[8] = { 0,     R,     R | W,     R | W,
                                     R | X, R | X, R | W | X, R | W | X };
    static const unsigned sv[8] = { 0, R,     R | W,     R | W,
                                    X, R | X, R | W | X, R | W | X };

    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct lp_pte_format *f = formats[i].format;
        const unsigned *expected = i < COUNT(x86_formats) ? x86 : sv;

        for (unsigned access = 1; access < 8; access++) {
            uint64_t leaf = f->leaf[access];
            uint64_t full = entry(f, leaf, 0x000ffffffffff000) | f->accessed |
                            f->dirty | f->soft_shared | f->soft_uncounted;

            assert_int_equal(granted(f, leaf), expected[access]);
            assert_int_equal(granted(f, full), expected[access]);
            assert_int_equal(granted(f, f->kernel_leaf[access]),
                             expected[access]);
        }
    }
}

/* Is every format one that the core can work with? */
static void test_formats_check_ours__accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct lp_arch arch = arch_of(formats[i].format);
        const char *broken = lp_arch_check(&arch);

        if (broken != NULL)
            fail_msg("%s: %s", formats[i].name, broken);
    }
}

/* Are the variants that the headers invite to accepted too? */
static void test_formats_check_variants__accepts(void **state)
{
    struct lp_arch no_1g = arch_of(&lp_x86_64_format_4level);
    struct lp_arch no_big = arch_of(&lp_x86_64_format_4level);
    struct lp_arch whole = arch_of(&lp_x86_64_format_4level);
    struct lp_arch pbmt = arch_of(&lp_riscv64_format_sv39);

    (void)state;
    no_1g.format.leaf_levels = 3;
    assert_null(lp_arch_check(&no_1g));

    no_big.format.leaf_levels = 1;
    no_big.format.big = 0;
    no_big.format.leaf_mask = 0;
    assert_null(lp_arch_check(&no_big));

    whole.asid_bits = 0;
    whole.format.user_end = 0x0000800000000000;
    assert_null(lp_arch_check(&whole));

    pbmt.asid_bits = 16;
    pbmt.format.cache[LP_CACHE_WRITECOMBINE] = LP_RISCV64_PBMT_NC;
    pbmt.format.cache[LP_CACHE_UNCACHED] = LP_RISCV64_PBMT_IO;
    assert_null(lp_arch_check(&pbmt));
}

/* Are the smallest and the widest format within the rules accepted? */
static void test_formats_check_extremes__accepts(void **state)
{
    struct lp_arch tiny = arch_of(&lp_riscv64_format_sv39);
    struct lp_arch wide = arch_of(&lp_riscv64_format_sv57);

    (void)state;
    tiny.format.levels = 2;
    tiny.format.index_bits = 2;
    tiny.format.leaf_levels = 3;
    tiny.format.user_root_entries = 1;
    tiny.format.user_end = 0x4000;
    tiny.format.absent_shift = 61;
    tiny.format.table_unowned = 0x2000000000000000;
    assert_null(lp_arch_check(&tiny));

    wide.format.pa_shift = 12;
    wide.format.pa_bits = 52;
    assert_null(lp_arch_check(&wide));
}

/* A member of struct lp_arch, what it is set to, and what must be said. */
struct broken_case {
    const struct lp_pte_format *format;
    size_t offset;
    size_t size;
    uint64_t value;
    const char *rule;
};

#define X86 &lp_x86_64_format_4level
#define SV &lp_riscv64_format_sv39

#define BROKEN(base, member, number, sentence)                               \
    {                                                                        \
        .format = (base), .offset = offsetof(struct lp_arch, member),        \
        .size = sizeof(((struct lp_arch *)NULL)->member), .value = (number), \
        .rule = (sentence),                                                  \
    }

#define RULE_ONE_BIT \
    "valid, accessed, dirty and the software bits must be one bit each"
#define RULE_DISJOINT                                                     \
    "valid, accessed, dirty, the software bits and the address must not " \
    "overlap"
#define RULE_USER_END \
    "user_end must be the border that user_root_entries sets, or one page less"
#define RULE_ROOT "user_root_entries must be 1 to half of the root"
#define RULE_ADDRESS "the address must lie within 64 bits"
#define RULE_ABSENT                                                           \
    "the absent tag must not overlap valid, the address, accessed, dirty or " \
    "the software bits"
#define RULE_TABLE_VALID "table_owned and kernel_table must be valid"
#define RULE_TABLE_LEAF \
    "table_owned and kernel_table must hold no bit of leaf_mask"
#define RULE_TABLE_PA "a table entry must hold no address"
#define RULE_UNOWNED_TAG                                                     \
    "a table_unowned that is not valid must be LP_ABSENT_TABLE and nothing " \
    "else"
#define RULE_TABLE_DIFF                                                    \
    "table_owned and table_unowned must not differ in accessed, dirty or " \
    "software bits"
#define RULE_TEST_VALUE "the value of a bit test must be a subset of its mask"
#define RULE_TEST_MASK                                                         \
    "a bit test must not look at the address, accessed, dirty, software bits " \
    "or owned_leaf"
#define RULE_OWNED                                                            \
    "owned_leaf must not overlap valid, the address, accessed, dirty or the " \
    "software bits"
#define RULE_LEAF_0 "leaf[0] and kernel_leaf[0] must be 0"
#define RULE_LEAF_CLEAN \
    "a leaf must hold no address, accessed, dirty or software bit"
#define RULE_KERNEL_LEAF                                                     \
    "kernel_leaf must differ from leaf, in global and in the same bits for " \
    "every access"
#define RULE_GLOBAL_ALONE                                               \
    "global must not overlap valid, the address, accessed, dirty, the " \
    "software bits, big or permissions"
#define RULE_GLOBAL_LEAF "global must be in every kernel_leaf and in no leaf"
#define RULE_LEAF_W \
    "a leaf must hold owned_leaf with LP_WRITE, none of it without"
#define RULE_LEAF_R "a leaf with LP_READ or LP_WRITE must be readable"
#define RULE_LEAF_X "a leaf must be executable with LP_EXEC and only with it"
#define RULE_LEAF_COW                                                      \
    "a leaf with LP_WRITE, less owned_leaf, must be the one with LP_READ " \
    "instead"
#define RULE_BIG                                                              \
    "big must not overlap valid, the address, accessed, dirty, the software " \
    "bits or owned_leaf"
#define RULE_LEAF_MASK                                                       \
    "leaf_mask must not overlap valid, the address, accessed, dirty or the " \
    "software bits"
#define RULE_BIG_LEAF "a leaf above level 0 must hold a bit of leaf_mask"
#define RULE_CACHE                                                          \
    "a cache mode must hold no valid, address, accessed, dirty, software, " \
    "permission or global bit"

static const struct broken_case broken_cases[] = {
    /* functions */
    BROKEN(X86, name, 0, "name must not be NULL"),
    BROKEN(X86, activate, 0, "activate must not be NULL"),
    BROKEN(X86, flush, 0, "flush must not be NULL"),
    BROKEN(X86, asid_bits, 17, "asid_bits must be at most 16"),

    /* shape */
    BROKEN(X86, format.levels, 1, "levels must be 2 to 5"),
    BROKEN(X86, format.levels, 6, "levels must be 2 to 5"),
    BROKEN(X86, format.index_bits, 1, "index_bits must be 2 to 9"),
    BROKEN(X86, format.index_bits, 10, "index_bits must be 2 to 9"),
    BROKEN(X86, format.leaf_levels, 6, "leaf_levels must have bit 0 set"),
    BROKEN(X86, format.leaf_levels, 5, "leaf_levels must have no gap"),
    BROKEN(X86, format.leaf_levels, 0x11,
           "leaf_levels must have no bit at or above levels"),

    /* user range */
    BROKEN(X86, format.user_root_entries, 0, RULE_ROOT),
    BROKEN(X86, format.user_root_entries, 257, RULE_ROOT),
    BROKEN(X86, format.user_root_entries, 255, RULE_USER_END),
    BROKEN(X86, format.user_end, 0x00007ffffffff001,
           "user_end must be a multiple of the page"),
    BROKEN(X86, format.user_end, 0x00007fffffffe000, RULE_USER_END),
    BROKEN(X86, format.user_end, 0x0000800000001000, RULE_USER_END),
    BROKEN(X86, format.user_end, 0, RULE_USER_END),
    BROKEN(X86, format.levels, 5, RULE_USER_END),

    /* address */
    BROKEN(X86, format.pa_bits, 0, "pa_bits must be 1 to 52"),
    BROKEN(X86, format.pa_bits, 53, "pa_bits must be 1 to 52"),
    BROKEN(X86, format.pa_shift, 25, RULE_ADDRESS),
    BROKEN(X86, format.pa_shift, 0xffffffff, RULE_ADDRESS),
    BROKEN(X86, format.kept_invert, 0x0010000000000000,
           "kept_invert must be a subset of the address"),

    /* single bits */
    BROKEN(X86, format.valid, 0, RULE_ONE_BIT),
    BROKEN(X86, format.valid, 0x5, RULE_ONE_BIT),
    BROKEN(X86, format.accessed, 0, RULE_ONE_BIT),
    BROKEN(X86, format.dirty, 0x60, RULE_ONE_BIT),
    BROKEN(X86, format.soft_shared, 0, RULE_ONE_BIT),
    BROKEN(X86, format.soft_uncounted, 0xc00, RULE_ONE_BIT),
    BROKEN(X86, format.valid, 0x1000, RULE_DISJOINT),
    BROKEN(X86, format.accessed, 0x1, RULE_DISJOINT),
    BROKEN(X86, format.dirty, 0x20, RULE_DISJOINT),
    BROKEN(X86, format.soft_shared, 0x40, RULE_DISJOINT),
    BROKEN(X86, format.soft_uncounted, 0x200, RULE_DISJOINT),
    BROKEN(X86, format.soft_uncounted, 0x0008000000000000, RULE_DISJOINT),
    BROKEN(SV, format.pa_shift, 9, RULE_DISJOINT),

    /* absent entries */
    BROKEN(X86, format.absent_shift, 62,
           "the absent tag must lie within 64 bits"),
    BROKEN(X86, format.absent_shift, 0, RULE_ABSENT),
    BROKEN(X86, format.absent_shift, 3, RULE_ABSENT),
    BROKEN(X86, format.absent_shift, 4, RULE_ABSENT),
    BROKEN(X86, format.absent_shift, 7, RULE_ABSENT),
    BROKEN(X86, format.absent_shift, 8, RULE_ABSENT),
    BROKEN(X86, format.absent_shift, 51, RULE_ABSENT),

    /* table entries */
    BROKEN(X86, format.table_owned, 0x26, RULE_TABLE_VALID),
    BROKEN(X86, format.kernel_table, 0x22, RULE_TABLE_VALID),
    BROKEN(X86, format.table_owned, 0x1027, RULE_TABLE_PA),
    BROKEN(X86, format.table_unowned, 0x1025, RULE_TABLE_PA),
    BROKEN(X86, format.kernel_table, 0x1027, RULE_TABLE_PA),
    BROKEN(X86, format.table_owned, 0xa7, RULE_TABLE_LEAF),
    BROKEN(SV, format.kernel_table, 0x3, RULE_TABLE_LEAF),
    BROKEN(SV, format.table_unowned, 0, RULE_UNOWNED_TAG),
    BROKEN(SV, format.table_unowned, 0x4, RULE_UNOWNED_TAG),
    BROKEN(SV, format.table_unowned, 0x12, RULE_UNOWNED_TAG),
    BROKEN(SV, format.absent_shift, 2, RULE_UNOWNED_TAG),
    BROKEN(X86, format.table_unowned, 0x27,
           "table_owned and table_unowned must differ"),
    BROKEN(X86, format.table_unowned, 0x2d,
           "a valid table_unowned must be a subset of table_owned"),
    BROKEN(X86, format.table_unowned, 0x05, RULE_TABLE_DIFF),

    /* bit tests and owned_leaf */
    BROKEN(X86, format.readable.value, 0x5, RULE_TEST_VALUE),
    BROKEN(X86, format.executable.mask, 0, RULE_TEST_VALUE),
    BROKEN(X86, format.readable.mask, 0x3, RULE_TEST_MASK),
    BROKEN(X86, format.executable.mask, 0x8000000000000021, RULE_TEST_MASK),
    BROKEN(X86, format.owned_leaf, 0, "owned_leaf must not be 0"),
    BROKEN(X86, format.owned_leaf, 0x12, RULE_LEAF_W),
    BROKEN(X86, format.owned_leaf, 0x3, RULE_OWNED),
    BROKEN(X86, format.owned_leaf, 0x42, RULE_OWNED),
    BROKEN(X86, format.owned_leaf, 0x1002, RULE_OWNED),

    /* leaves */
    BROKEN(X86, format.leaf[0], 0x5, RULE_LEAF_0),
    BROKEN(X86, format.kernel_leaf[0], 0x101, RULE_LEAF_0),
    BROKEN(X86, format.leaf[R], 0x8000000000000004, "a leaf must be valid"),
    BROKEN(X86, format.leaf[R | W | X], 0, "a leaf must be valid"),
    BROKEN(X86, format.leaf[R], 0x8000000000000025, RULE_LEAF_CLEAN),
    BROKEN(X86, format.leaf[R], 0x8000000000000205, RULE_LEAF_CLEAN),
    BROKEN(X86, format.leaf[R], 0x8000000000001005, RULE_LEAF_CLEAN),
    BROKEN(X86, format.kernel_leaf[R | W], 0x8000000000000143, RULE_LEAF_CLEAN),
    BROKEN(X86, format.leaf[R], 0x8000000000000007, RULE_LEAF_W),
    BROKEN(X86, format.leaf[W], 0x8000000000000005, RULE_LEAF_W),
    BROKEN(SV, format.leaf[R], 0x19, RULE_LEAF_R),
    BROKEN(SV, format.leaf[W], 0x15, RULE_LEAF_R),
    BROKEN(X86, format.leaf[R], 0x5, RULE_LEAF_X),
    BROKEN(X86, format.leaf[R | X], 0x8000000000000005, RULE_LEAF_X),
    BROKEN(SV, format.kernel_leaf[X], 0x23, RULE_LEAF_X),
    BROKEN(X86, format.leaf[R | W], 0x800000000000000f, RULE_LEAF_COW),
    BROKEN(X86, format.leaf[R | W | X], 0xf, RULE_LEAF_COW),
    BROKEN(X86, format.kernel_leaf[R], 0x8000000000000109, RULE_LEAF_COW),
    BROKEN(X86, format.kernel_leaf[R | W | X], 0x107, RULE_LEAF_COW),
    BROKEN(X86, format.kernel_leaf[X], 0x105, RULE_KERNEL_LEAF),
    BROKEN(X86, format.kernel_table, 0x23,
           "kernel_table must be as open to user mode as table_owned"),

    /* global */
    BROKEN(X86, format.global, 0x300, "global must be one bit or 0"),
    BROKEN(X86, format.global, 0x20, RULE_GLOBAL_ALONE),
    BROKEN(X86, format.global, 0x2, RULE_GLOBAL_ALONE),
    BROKEN(X86, format.global, 0x80, RULE_GLOBAL_ALONE),
    BROKEN(X86, format.global, 0x800, RULE_GLOBAL_LEAF),
    BROKEN(X86, format.global, 0x4, RULE_GLOBAL_LEAF),
    BROKEN(SV, format.kernel_leaf[R], 0x3, RULE_GLOBAL_LEAF),
    BROKEN(SV, format.leaf[X], 0x39, RULE_GLOBAL_LEAF),

    /* big leaves */
    BROKEN(X86, format.big, 0, RULE_BIG_LEAF),
    BROKEN(X86, format.big, 0x81, RULE_BIG),
    BROKEN(X86, format.big, 0x82, RULE_BIG),
    BROKEN(X86, format.big, 0x1080, RULE_BIG),
    BROKEN(X86, format.leaf_mask, 0, RULE_BIG_LEAF),
    BROKEN(X86, format.leaf_mask, 0x1080, RULE_LEAF_MASK),
    BROKEN(SV, format.leaf_mask, 0x6, RULE_BIG_LEAF),
    BROKEN(SV, format.leaf_mask, 0x10, RULE_BIG_LEAF),
    BROKEN(SV, format.leaf_mask, 0x20, RULE_BIG_LEAF),

    /* cache modes */
    BROKEN(X86, format.cache[LP_CACHE_WRITEBACK], 0x1, RULE_CACHE),
    BROKEN(X86, format.cache[LP_CACHE_WRITETHROUGH], 0x20, RULE_CACHE),
    BROKEN(X86, format.cache[LP_CACHE_UNCACHED], 0x4, RULE_CACHE),
    BROKEN(X86, format.cache[LP_CACHE_UNCACHED], 0x100, RULE_CACHE),
    BROKEN(X86, format.cache[LP_CACHE_WRITECOMBINE], 0x2, RULE_CACHE),
    BROKEN(X86, format.cache[LP_CACHE_UNCACHED], 0x8000000000000000,
           RULE_CACHE),
    BROKEN(SV, format.cache[LP_CACHE_UNCACHED], 0x0020000000000000, RULE_CACHE),
};

/* Set one member to what the case says. */
static struct lp_arch break_arch(const struct broken_case *c)
{
    struct lp_arch arch = arch_of(c->format);
    unsigned char *member = (unsigned char *)&arch + c->offset;
    uint32_t narrow = (uint32_t)c->value;

    if (c->size == sizeof(narrow))
        memcpy(member, &narrow, sizeof(narrow));
    else if (c->size == sizeof(c->value))
        memcpy(member, &c->value, sizeof(c->value));
    else
        fail_msg("a member of %zu bytes", c->size);
    return arch;
}

/* Is each rule of arch.h enforced, and is the broken one named? */
static void test_formats_check_broken__names_the_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken_cases); i++) {
        struct lp_arch arch = break_arch(&broken_cases[i]);
        const char *rule = lp_arch_check(&arch);

        if (rule == NULL || strcmp(rule, broken_cases[i].rule) != 0)
            fail_msg("case %zu: said \"%s\", not \"%s\"", i,
                     rule ? rule : "fine", broken_cases[i].rule);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_x86_leaf__grants_what_was_asked),
        cmocka_unit_test(test_formats_sv_leaf__grants_what_was_asked),
        cmocka_unit_test(test_formats_x86_table__unowned_lacks_w_alone),
        cmocka_unit_test(test_formats_sv_table__unowned_is_not_valid),
        cmocka_unit_test(test_formats_x86_address__lies_in_bits_51_to_12),
        cmocka_unit_test(test_formats_sv_address__lies_in_bits_53_to_10),
        cmocka_unit_test(
            test_formats_user_range__is_the_lower_half_less_a_page),
        cmocka_unit_test(test_formats_x86_bits__are_those_of_the_manual),
        cmocka_unit_test(test_formats_sv_bits__are_those_of_the_manual),
        cmocka_unit_test(test_formats_bit_tests__tell_what_a_leaf_grants),
        cmocka_unit_test(test_formats_check_ours__accepts),
        cmocka_unit_test(test_formats_check_variants__accepts),
        cmocka_unit_test(test_formats_check_extremes__accepts),
        cmocka_unit_test(test_formats_check_broken__names_the_rule),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
