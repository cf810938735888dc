/*
 * lp_arch_check: the rules of lazypager/arch.h, each with its sentence.
 *
 * A wrong bit in a format shows itself late, as memory that another process
 * can write; so all that can be known from the numbers alone is asked here,
 * once, before the first entry is made.
 *
 * Later groups rely on what earlier ones found true: masks can be computed
 * once the address field is known to fit.
 */
#include <lazypager/arch.h>

#if LP_ARCH_CHECK

enum {
    INDEX_BITS_MIN = 2,
    INDEX_BITS_MAX = 9,
    PA_BITS_MAX = 64 - LP_PAGE_SHIFT,
    TAG_BITS = 3,
    ASID_BITS_MAX = 16,
    ACCESSES = LP_READ | LP_WRITE | LP_EXEC, /* the largest combination */
};

typedef const char *format_check(const struct lp_pte_format *f);

static bool one_bit(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static bool passes(uint64_t entry, struct lp_bit_test test)
{
    return (entry & test.mask) == test.value;
}

static uint64_t address_bits(const struct lp_pte_format *f)
{
    return (((uint64_t)1 << f->pa_bits) - 1) << f->pa_shift;
}

/* Bits that come and go in an entry by themselves: no constant holds them. */
static uint64_t variable_bits(const struct lp_pte_format *f)
{
    return address_bits(f) | f->accessed | f->dirty | f->soft_shared |
           f->soft_uncounted;
}

static const char *check_functions(const struct lp_arch *arch)
{
    if (arch->name == NULL)
        return "name must not be NULL";
    if (arch->activate == NULL)
        return "activate must not be NULL";
    if (arch->flush == NULL)
        return "flush must not be NULL";
    if (arch->asid_bits > ASID_BITS_MAX)
        return "asid_bits must be at most 16";
    return NULL;
}

static const char *check_shape(const struct lp_pte_format *f)
{
    if (f->levels < LP_LEVELS_MIN || f->levels > LP_LEVELS_MAX)
        return "levels must be 2 to 5";
    if (f->index_bits < INDEX_BITS_MIN || f->index_bits > INDEX_BITS_MAX)
        return "index_bits must be 2 to 9";
    if ((f->leaf_levels & 1) == 0)
        return "leaf_levels must have bit 0 set";
    if (f->leaf_levels >> f->levels != 0)
        return "leaf_levels must have no bit at or above levels";
    if ((f->leaf_levels & (f->leaf_levels + 1)) != 0)
        return "leaf_levels must have no gap";
    return NULL;
}

static const char *check_user_range(const struct lp_pte_format *f)
{
    unsigned root_shift = LP_PAGE_SHIFT + f->index_bits * (f->levels - 1);
    lp_va border = (lp_va)f->user_root_entries << root_shift;

    if (f->user_root_entries == 0 ||
        f->user_root_entries > 1u << (f->index_bits - 1))
        return "user_root_entries must be 1 to half of the root";
    if ((f->user_end & LP_PAGE_MASK) != 0)
        return "user_end must be a multiple of the page";
    if (f->user_end != border && f->user_end != border - LP_PAGE_SIZE)
        return "user_end must be the border that user_root_entries sets, or "
               "one page less";
    return NULL;
}

static const char *check_address(const struct lp_pte_format *f)
{
    if (f->pa_bits == 0 || f->pa_bits > PA_BITS_MAX)
        return "pa_bits must be 1 to 52";
    if (f->pa_shift > 64 - f->pa_bits)
        return "the address must lie within 64 bits";
    if ((f->kept_invert & ~address_bits(f)) != 0)
        return "kept_invert must be a subset of the address";
    return NULL;
}

static const char *check_single_bits(const struct lp_pte_format *f)
{
    const uint64_t bits[] = { f->valid, f->accessed, f->dirty, f->soft_shared,
                              f->soft_uncounted };
    uint64_t seen = address_bits(f);

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (!one_bit(bits[i]))
            return "valid, accessed, dirty and the software bits must be one "
                   "bit each";
        if ((bits[i] & seen) != 0)
            return "valid, accessed, dirty, the software bits and the address "
                   "must not overlap";
        seen |= bits[i];
    }
    return NULL;
}

static const char *check_absent(const struct lp_pte_format *f)
{
    uint64_t tag = ((uint64_t)1 << TAG_BITS) - 1;

    if (f->absent_shift > 64 - TAG_BITS)
        return "the absent tag must lie within 64 bits";
    if ((tag << f->absent_shift & (f->valid | variable_bits(f))) != 0)
        return "the absent tag must not overlap valid, the address, accessed, "
               "dirty or the software bits";
    return NULL;
}

/*
 * A valid unowned form is the owned one less what grants write access, so that
 * disowning is an AND; A is hardware's and cannot tell the forms apart.
 */
static const char *check_unowned(const struct lp_pte_format *f)
{
    uint64_t owned = f->table_owned;
    uint64_t unowned = f->table_unowned;

    if ((unowned & f->valid) == 0) {
        if (unowned != (uint64_t)LP_ABSENT_TABLE << f->absent_shift)
            return "a table_unowned that is not valid must be LP_ABSENT_TABLE "
                   "and nothing else";
        return NULL;
    }
    if (owned == unowned)
        return "table_owned and table_unowned must differ";
    if ((unowned & ~owned) != 0)
        return "a valid table_unowned must be a subset of table_owned";
    if (((owned ^ unowned) & variable_bits(f)) != 0)
        return "table_owned and table_unowned must not differ in accessed, "
               "dirty or software bits";
    return NULL;
}

static const char *check_tables(const struct lp_pte_format *f)
{
    uint64_t all = f->table_owned | f->table_unowned | f->kernel_table;

    if ((f->table_owned & f->valid) == 0 || (f->kernel_table & f->valid) == 0)
        return "table_owned and kernel_table must be valid";
    if ((all & address_bits(f)) != 0)
        return "a table entry must hold no address";
    if ((f->table_owned & f->leaf_mask) != 0 ||
        (f->kernel_table & f->leaf_mask) != 0)
        return "table_owned and kernel_table must hold no bit of leaf_mask";
    return check_unowned(f);
}

static const char *check_tests(const struct lp_pte_format *f)
{
    uint64_t mask = f->readable.mask | f->executable.mask;

    if (f->owned_leaf == 0)
        return "owned_leaf must not be 0";
    if ((f->owned_leaf & (f->valid | variable_bits(f))) != 0)
        return "owned_leaf must not overlap valid, the address, accessed, "
               "dirty or the software bits";
    if ((f->readable.value & ~f->readable.mask) != 0 ||
        (f->executable.value & ~f->executable.mask) != 0)
        return "the value of a bit test must be a subset of its mask";
    if ((mask & (variable_bits(f) | f->owned_leaf)) != 0)
        return "a bit test must not look at the address, accessed, dirty, "
               "software bits or owned_leaf";
    return NULL;
}

static const char *check_leaf(const struct lp_pte_format *f,
                              const uint64_t *leaves, unsigned access)
{
    uint64_t leaf = leaves[access];
    bool exec = (access & LP_EXEC) != 0;

    if ((leaf & f->valid) == 0)
        return "a leaf must be valid";
    if ((leaf & variable_bits(f)) != 0)
        return "a leaf must hold no address, accessed, dirty or software bit";
    if ((leaf & f->owned_leaf) != ((access & LP_WRITE) ? f->owned_leaf : 0))
        return "a leaf must hold owned_leaf with LP_WRITE, none of it without";
    if ((access & (LP_READ | LP_WRITE)) != 0 && !passes(leaf, f->readable))
        return "a leaf with LP_READ or LP_WRITE must be readable";
    if (passes(leaf, f->executable) != exec)
        return "a leaf must be executable with LP_EXEC and only with it";
    return NULL;
}

/* Copy-on-write clears owned_leaf and expects a read-only leaf. */
static bool write_protects(const struct lp_pte_format *f,
                           const uint64_t *leaves, unsigned access)
{
    unsigned without = (access & ~(unsigned)LP_WRITE) | LP_READ;

    return (leaves[access] & ~f->owned_leaf) == leaves[without];
}

static const char *check_leaves(const struct lp_pte_format *f,
                                const uint64_t *leaves)
{
    if (leaves[0] != 0)
        return "leaf[0] and kernel_leaf[0] must be 0";
    for (unsigned access = 1; access <= ACCESSES; access++) {
        const char *broken = check_leaf(f, leaves, access);

        if (broken != NULL)
            return broken;
    }
    for (unsigned access = 1; access <= ACCESSES; access++)
        if ((access & LP_WRITE) != 0 && !write_protects(f, leaves, access))
            return "a leaf with LP_WRITE, less owned_leaf, must be the one "
                   "with LP_READ instead";
    return NULL;
}

static const char *check_user_leaves(const struct lp_pte_format *f)
{
    return check_leaves(f, f->leaf);
}

static const char *check_global(const struct lp_pte_format *f)
{
    uint64_t taken = f->valid | variable_bits(f) | f->owned_leaf | f->big |
                     f->readable.mask | f->executable.mask;

    if (f->global != 0 && !one_bit(f->global))
        return "global must be one bit or 0";
    if ((f->global & taken) != 0)
        return "global must not overlap valid, the address, accessed, dirty, "
               "the software bits, big or permissions";
    for (unsigned access = 1; access <= ACCESSES; access++)
        if ((f->kernel_leaf[access] & f->global) != f->global ||
            (f->leaf[access] & f->global) != 0)
            return "global must be in every kernel_leaf and in no leaf";
    return NULL;
}

/* The bits that tell a supervisor's leaf from a user's. */
static uint64_t supervisor_bits(const struct lp_pte_format *f)
{
    return (f->kernel_leaf[LP_READ] ^ f->leaf[LP_READ]) & ~f->global;
}

static const char *check_kernel_leaves(const struct lp_pte_format *f)
{
    uint64_t differ = supervisor_bits(f) | f->global;
    const char *broken = check_leaves(f, f->kernel_leaf);

    if (broken != NULL)
        return broken;
    for (unsigned access = 1; access <= ACCESSES; access++)
        if (supervisor_bits(f) == 0 ||
            (f->kernel_leaf[access] ^ f->leaf[access]) != differ)
            return "kernel_leaf must differ from leaf, in global and in the "
                   "same bits for every access";
    if (((f->kernel_table ^ f->table_owned) & supervisor_bits(f)) != 0)
        return "kernel_table must be as open to user mode as table_owned";
    return NULL;
}

static const char *check_big(const struct lp_pte_format *f)
{
    uint64_t fixed = f->valid | variable_bits(f);

    if ((f->big & (fixed | f->owned_leaf)) != 0)
        return "big must not overlap valid, the address, accessed, dirty, the "
               "software bits or owned_leaf";
    if ((f->leaf_mask & fixed) != 0)
        return "leaf_mask must not overlap valid, the address, accessed, dirty "
               "or the software bits";
    if (f->leaf_levels == 1)
        return NULL;
    for (unsigned access = 1; access <= ACCESSES; access++)
        if (((f->leaf[access] | f->big) & f->leaf_mask) == 0 ||
            ((f->kernel_leaf[access] | f->big) & f->leaf_mask) == 0)
            return "a leaf above level 0 must hold a bit of leaf_mask";
    return NULL;
}

static const char *check_cache(const struct lp_pte_format *f)
{
    uint64_t taken = f->valid | variable_bits(f) | f->owned_leaf |
                     f->readable.mask | f->executable.mask | f->global |
                     supervisor_bits(f);

    for (unsigned mode = 0; mode < LP_CACHE_MODES; mode++)
        if ((f->cache[mode] & taken) != 0)
            return "a cache mode must hold no valid, address, accessed, dirty, "
                   "software, permission or global bit";
    return NULL;
}

const char *lp_arch_check(const struct lp_arch *arch)
{
    static format_check *const checks[] = {
        check_shape,  check_user_range,    check_address, check_single_bits,
        check_absent, check_tables,        check_tests,   check_user_leaves,
        check_global, check_kernel_leaves, check_big,     check_cache,
    };
    const char *broken = check_functions(arch);

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (broken == NULL)
            broken = checks[i](&arch->format);
    return broken;
}

#else

const char *lp_arch_check(const struct lp_arch *arch)
{
    (void)arch;
    return NULL;
}

#endif
