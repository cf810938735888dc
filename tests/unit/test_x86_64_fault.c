/*
 * Page faults of x86-64, set-up, and what CPUID says.
 *
 * Expected values were worked out by hand from Intel SDM vol. 3A: figure 4-12
 * for the error code, 4.6.1 for who may do what:
 *
 *     P 1  W/R 2  U/S 4  RSVD 8  I/D 10  PK 20  SS 40  HLAT 80  SGX 8000
 */
#include "runner.h"

#include "plan.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define AC UINT64_C(0x40000)
#define RFLAGS UINT64_C(0x202) /* IF, and the bit that is always set */
#define RING0 UINT64_C(0x08)
#define RING3 UINT64_C(0x2b)
#define USER_VA UINT64_C(0x00007fffffffe123)
#define KERNEL_VA UINT64_C(0xffffffff80000123)

enum {
    R = LP_READ,
    W = LP_WRITE,
    X = LP_EXEC,
    U = LP_FAULT_USER,
    RS = LP_FAULT_RESERVED,
    K = LP_FAULT_KEY,
    S = LP_FAULT_SUPERVISOR,
};

static const struct lp_x86_64_features full = {
    .nx = true,
    .page1g = true,
    .la57 = true,
    .pge = true,
    .pcid = true,
    .invpcid = true,
    .smep = true,
    .smap = true,
    .pa_bits = 46,
};

static struct lp_x86_64 machine_with(bool smep, bool smap, unsigned levels)
{
    struct lp_x86_64 machine;
    struct lp_x86_64_features features = full;

    features.smep = smep;
    features.smap = smap;
    assert_int_equal(lp_x86_64_describe(&machine, &features, levels), 0);
    return machine;
}

static struct lp_fault decode(const struct lp_x86_64 *machine, uint64_t address,
                              uint64_t error, uint64_t cs, uint64_t rflags)
{
    const struct lp_x86_64_fault raw = { address, error, cs, rflags };
    struct lp_fault fault = { 0 };
    struct lp_x86_64 copy = *machine;

    assert_int_equal(lp_x86_64_fault_decode(&copy, &raw, &fault), 0);
    assert_true(fault.va == address);
    return fault;
}

/* --- the error code ------------------------------------------------------- */

/* Every code that a user-mode access can have; SMEP and SMAP have no say. */
static void test_x86_64_fault_user_mode__as_the_code_says(void **unused)
{
    static const struct {
        uint64_t error;
        unsigned access, flags;
    } rows[] = {
        { 0x04, R, U },
        { 0x06, W, U },
        { 0x14, X, U },
        { 0x05, R, U },
        { 0x07, W, U },
        { 0x15, X, U },
        { 0x0d, R, U | RS },
        { 0x0f, W, U | RS },
        { 0x1d, X, U | RS },
        { 0x25, R, U | K },
        { 0x27, W, U | K },
        /* RSVD without P, which the manual rules out and an emulator does */
        { 0x0c, R, U | RS },
        { 0x0e, W, U | RS },
        { 0x1c, X, U | RS },
    };
    size_t i, k;

    (void)unused;
    for (k = 0; k < 4; k++) {
        struct lp_x86_64 machine = machine_with(k & 1, k & 2, 4);

        for (i = 0; i < COUNT(rows) * 2; i++) {
            uint64_t va = i & 1 ? KERNEL_VA : USER_VA;
            struct lp_fault fault = decode(&machine, va, rows[i / 2].error,
                                           RING3, RFLAGS | (k & 1 ? AC : 0));

            assert_int_equal(fault.access, rows[i / 2].access);
            assert_int_equal(fault.flags, rows[i / 2].flags);
        }
    }
}

/*
 * Every code that a supervisor access to a user address can have.  Columns: the
 * flags with SMEP and SMAP off, and with both on in ring 0 with AC set, in ring
 * 0 with AC clear, and for an implicit access of ring 3, AC set or clear.
 */
static void test_x86_64_fault_supervisor__names_smep_and_smap(void **unused)
{
    static const struct {
        uint64_t error;
        unsigned access, off, ac, no_ac, implicit;
    } rows[] = {
        /* clang-format off */
        /* absent: would be refused if it were there */
        { 0x00, R, 0,  0,      S,      U | S },
        { 0x02, W, 0,  0,      S,      U | S },
        { 0x10, X, 0,  S,      S,      U | S },
        /* a read of a valid page: SMAP, whatever AC says */
        { 0x01, R, 0,  S,      S,      U | S },
        /* a store: W is clear, or SMAP */
        { 0x03, W, 0,  0,      S,      U | S },
        /* a fetch: NX is set, or SMEP */
        { 0x11, X, 0,  S,      S,      U | S },
        { 0x09, R, RS, RS,     RS | S, U | RS | S },
        { 0x0b, W, RS, RS,     RS | S, U | RS | S },
        { 0x19, X, RS, RS | S, RS | S, U | RS | S },
        { 0x08, R, RS, RS,     RS | S, U | RS | S },
        { 0x0a, W, RS, RS,     RS | S, U | RS | S },
        { 0x18, X, RS, RS | S, RS | S, U | RS | S },
        { 0x21, R, K,  K,      K | S,  U | K | S },
        { 0x23, W, K,  K,      K | S,  U | K | S },
        /* clang-format on */
    };
    struct lp_x86_64 off = machine_with(false, false, 4);
    struct lp_x86_64 on = machine_with(true, true, 4);
    size_t i;

    (void)unused;
    for (i = 0; i < COUNT(rows); i++) {
        const uint64_t e = rows[i].error;
        const struct {
            struct lp_fault fault;
            unsigned flags;
        } got[] = {
            { decode(&off, USER_VA, e, RING0, RFLAGS), rows[i].off },
            { decode(&off, USER_VA, e, RING0, RFLAGS | AC), rows[i].off },
            { decode(&off, USER_VA, e, RING3, RFLAGS), rows[i].off | U },
            { decode(&on, USER_VA, e, RING0, RFLAGS | AC), rows[i].ac },
            { decode(&on, USER_VA, e, RING0, RFLAGS), rows[i].no_ac },
            { decode(&on, USER_VA, e, RING3, RFLAGS), rows[i].implicit },
            { decode(&on, USER_VA, e, RING3, RFLAGS | AC), rows[i].implicit },
        };
        size_t k;

        for (k = 0; k < COUNT(got); k++) {
            assert_int_equal(got[k].fault.access, rows[i].access);
            if (got[k].fault.flags != got[k].flags)
                fail_msg("error %#x, column %zu: flags %u, expected %u",
                         (unsigned)e, k, got[k].fault.flags, got[k].flags);
        }
    }
}

/* SMEP and SMAP each by itself; and each is about user addresses only. */
static void test_x86_64_fault_one_of_the_two__blames_that_one(void **unused)
{
    struct lp_x86_64 smep = machine_with(true, false, 4);
    struct lp_x86_64 smap = machine_with(false, true, 4);
    struct lp_x86_64 five = machine_with(true, true, 5);
    const uint64_t user_end = UINT64_C(0x00007ffffffff000);

    (void)unused;
    assert_int_equal(decode(&smep, 0x1000, 0x11, RING0, RFLAGS).flags, S);
    assert_int_equal(decode(&smep, 0x1000, 0x01, RING0, RFLAGS).flags, 0);
    assert_int_equal(decode(&smap, 0x1000, 0x11, RING0, RFLAGS).flags, 0);
    assert_int_equal(decode(&smap, 0x1000, 0x01, RING0, RFLAGS).flags, S);

    assert_int_equal(decode(&smap, user_end - 1, 1, RING0, RFLAGS).flags, S);
    assert_int_equal(decode(&smap, user_end, 1, RING0, RFLAGS).flags, 0);
    assert_int_equal(decode(&five, user_end, 1, RING0, RFLAGS).flags, S);
    assert_int_equal(decode(&five, KERNEL_VA, 0x01, RING0, RFLAGS).flags, 0);
    assert_int_equal(decode(&five, KERNEL_VA, 0x03, RING0, RFLAGS).flags, 0);
    assert_int_equal(decode(&five, KERNEL_VA, 0x11, RING0, RFLAGS).flags, 0);
}

/* Is every other cause left to the kernel, and the result untouched? */
static void test_x86_64_fault_other_causes__not_a_page_fault(void **unused)
{
    struct lp_x86_64 machine = machine_with(true, true, 4);
    struct lp_x86_64_fault raw = { .address = USER_VA,
                                   .cs = RING3,
                                   .rflags = RFLAGS };
    struct lp_fault fault, before;
    unsigned bit;

    (void)unused;
    memset(&fault, 0x5a, sizeof(fault));
    before = fault;
    for (bit = 6; bit < 64; bit++) {
        raw.error_code = UINT64_C(1) << bit | 0x05;
        assert_int_equal(lp_x86_64_fault_decode(&machine, &raw, &fault),
                         -LP_EINVAL);
        assert_memory_equal(&fault, &before, sizeof(fault));
    }
}

/* --- a processor that takes faults ---------------------------------------- */

/* One access, and the user page that it meets. */
struct access {
    unsigned kind; /* R, W or X */
    bool ring3, implicit, ac;
    bool present, writable, nx;
};

/*
 * 4.6.1 and 4.7, CR0.WP, EFER.NXE on, no protection keys: may it pass?  If not,
 * *error is the code.
 */
static bool permitted(const struct access *a, bool smep, bool smap,
                      uint64_t *error)
{
    bool user = a->ring3 && !a->implicit;

    *error = (a->present ? 1u : 0) | (a->kind == W ? 2u : 0) | (user ? 4u : 0) |
             (a->kind == X ? 0x10u : 0);
    if (!a->present)
        return false;
    if (a->kind == X)
        return !a->nx && (user || !smep);
    if (!user && smap && (a->implicit || !a->ac))
        return false;
    return a->kind == R || a->writable;
}

static struct access access_number(unsigned n)
{
    static const unsigned kinds[] = { R, W, X };

    return (struct access){
        .kind = kinds[n / 64],
        .ring3 = n & 1,
        .implicit = n & 2,
        .ac = n & 4,
        .present = n & 8,
        .writable = n & 16,
        .nx = n & 32,
    };
}

/*
 * Does SUPERVISOR say exactly that no change of the page would let the access
 * pass?  If it were missing, a fault over SMAP would be called spurious and
 * met again for ever; if it were there without cause, the kernel could not
 * write to pages shared copy-on-write.
 */
static void test_x86_64_fault_supervisor__exactly_when_hopeless(void **unused)
{
    unsigned n, k;
    uint64_t error, ignored;

    (void)unused;
    for (k = 0; k < 4; k++)
        for (n = 0; n < 3 * 64; n++) {
            bool smep = k & 1, smap = k & 2;
            struct lp_x86_64 machine = machine_with(smep, smap, 4);
            struct access a = access_number(n), best = a;
            struct lp_fault fault;

            if (a.kind == X && a.implicit)
                continue; /* there are none */
            if (permitted(&a, smep, smap, &error))
                continue;
            /* A store of the kernel's own to a descriptor table: see there. */
            if (a.implicit && !a.ring3 && a.ac && (a.kind == W || !a.present))
                continue;
            best.present = best.writable = true;
            best.nx = false;
            fault = decode(&machine, USER_VA, error, a.ring3 ? RING3 : RING0,
                           RFLAGS | (a.ac ? AC : 0));
            assert_int_equal(fault.access, a.kind);
            assert_int_equal((fault.flags & U) != 0, a.ring3);
            assert_int_equal((fault.flags & S) != 0,
                             !permitted(&best, smep, smap, &ignored));
        }
}

/* --- set-up --------------------------------------------------------------- */

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

/* Would the pager take it, with the functions that lp_x86_64_setup adds? */
static void check_accepted(const struct lp_x86_64 *machine)
{
    struct lp_arch arch = machine->arch;

    arch.activate = activate;
    arch.flush = flush;
    assert_null(lp_arch_check(&arch));
}

/* Is what the pager gets a table that it accepts, with what was asked for? */
static void test_x86_64_setup_good_features__fills_the_table(void **unused)
{
    struct lp_x86_64_features features = full;
    struct lp_x86_64 machine;

    (void)unused;
    assert_int_equal(lp_x86_64_describe(&machine, &features, 5), 0);
    assert_string_equal(machine.arch.name, "x86-64-la57");
    assert_int_equal(machine.arch.format.levels, 5);
    assert_int_equal(machine.arch.format.leaf_levels, 7);
    assert_int_equal(machine.arch.asid_bits, 12);
    assert_false(machine.arch.caches_invalid);
    assert_ptr_equal(machine.arch.ctx, &machine);
    assert_ptr_equal(machine.arch.decode, lp_x86_64_fault_decode);
    assert_memory_equal(&machine.features, &full, sizeof(full));
    check_accepted(&machine);

    features.page1g = features.la57 = false;
    assert_int_equal(lp_x86_64_describe(&machine, &features, 4), 0);
    assert_string_equal(machine.arch.name, "x86-64");
    assert_int_equal(machine.arch.format.levels, 4);
    assert_int_equal(machine.arch.format.leaf_levels, 3);
    check_accepted(&machine);
}

/* PCIDs are used where both are there; what is not used is not kept. */
static void test_x86_64_setup_pcid__needs_global_pages(void **unused)
{
    unsigned k;

    (void)unused;
    for (k = 0; k < 4; k++) {
        struct lp_x86_64_features features = full;
        struct lp_x86_64 machine;

        features.pge = k & 1;
        features.pcid = k & 2;
        assert_int_equal(lp_x86_64_describe(&machine, &features, 4), 0);
        assert_int_equal(machine.arch.asid_bits, k == 3 ? 12 : 0);
        assert_int_equal(machine.features.pcid, k == 3);
        assert_int_equal(machine.features.pge, k & 1);
    }
}

/* Is what cannot work refused, and nothing written? */
static void test_x86_64_setup_bad_features__refused(void **unused)
{
    struct lp_x86_64_features no_nx = full, no_la57 = full;
    static const unsigned levels[] = { 0, 2, 3, 6, 255 };
    struct lp_x86_64 machine, before;
    size_t i;

    (void)unused;
    no_nx.nx = false;
    no_la57.la57 = false;
    memset(&machine, 0x5a, sizeof(machine));
    before = machine;
    for (i = 0; i < COUNT(levels); i++)
        assert_int_equal(lp_x86_64_describe(&machine, &full, levels[i]),
                         -LP_EINVAL);
    assert_int_equal(lp_x86_64_describe(&machine, &no_nx, 4), -LP_EINVAL);
    assert_int_equal(lp_x86_64_describe(&machine, &no_la57, 5), -LP_EINVAL);
    assert_memory_equal(&machine, &before, sizeof(machine));
    assert_int_equal(lp_x86_64_describe(&machine, &no_la57, 4), 0);
}

/* --- CPUID ---------------------------------------------------------------- */

#define ALL_ONES UINT32_C(0xffffffff)

static const struct lp_x86_64_cpuid every_bit = {
    .last_basic = 0x16,
    .last_extended = 0x80000008,
    .leaf1_ecx = ALL_ONES,
    .leaf1_edx = ALL_ONES,
    .leaf7_ebx = ALL_ONES,
    .leaf7_ecx = ALL_ONES,
    .ext1_edx = ALL_ONES,
    .ext8_eax = 0x3034, /* 48 linear, 52 physical */
};

static unsigned flags_of(const struct lp_x86_64_features *f)
{
    return (f->nx ? 1u : 0) | (f->page1g ? 2u : 0) | (f->la57 ? 4u : 0) |
           (f->pge ? 8u : 0) | (f->pcid ? 16u : 0) | (f->invpcid ? 32u : 0) |
           (f->smep ? 64u : 0) | (f->smap ? 128u : 0);
}

/* Does each flag depend on its bit, and on nothing else? */
static void test_x86_64_features_each_bit__is_one_flag(void **unused)
{
    struct lp_x86_64_cpuid c = every_bit;
    struct lp_x86_64_features f;
    const struct {
        uint32_t *reg;
        unsigned bit, flag;
    } rows[] = {
        { &c.ext1_edx, 20, 1 },   { &c.ext1_edx, 26, 2 },
        { &c.leaf7_ecx, 16, 4 },  { &c.leaf1_edx, 13, 8 },
        { &c.leaf1_ecx, 17, 16 }, { &c.leaf7_ebx, 10, 32 },
        { &c.leaf7_ebx, 7, 64 },  { &c.leaf7_ebx, 20, 128 },
    };
    size_t i;

    (void)unused;
    lp_x86_64_features_decode(&c, &f);
    assert_int_equal(flags_of(&f), 255);
    assert_int_equal(f.pa_bits, 52);
    for (i = 0; i < COUNT(rows); i++) {
        c = every_bit;
        *rows[i].reg = ~(UINT32_C(1) << rows[i].bit);
        lp_x86_64_features_decode(&c, &f);
        assert_int_equal(flags_of(&f), 255 & ~rows[i].flag);
        c.leaf1_ecx = c.leaf1_edx = c.leaf7_ebx = c.leaf7_ecx = 0;
        c.ext1_edx = 0;
        *rows[i].reg = UINT32_C(1) << rows[i].bit;
        lp_x86_64_features_decode(&c, &f);
        assert_int_equal(flags_of(&f), rows[i].flag);
    }
}

/* A leaf that the processor does not have returns another one's values. */
static void test_x86_64_features_missing_leaf__is_not_believed(void **unused)
{
    struct lp_x86_64_cpuid c = every_bit;
    struct lp_x86_64_features f;

    (void)unused;
    c.last_basic = 6;
    lp_x86_64_features_decode(&c, &f);
    assert_int_equal(flags_of(&f), 1 | 2 | 8 | 16);

    c = every_bit;
    c.last_basic = 0;
    lp_x86_64_features_decode(&c, &f);
    assert_int_equal(flags_of(&f), 1 | 2);

    c = every_bit;
    c.last_extended = 0x80000007;
    lp_x86_64_features_decode(&c, &f);
    assert_int_equal(flags_of(&f), 255);
    assert_int_equal(f.pa_bits, 36);

    c.last_extended = 0x80000000;
    lp_x86_64_features_decode(&c, &f);
    assert_int_equal(flags_of(&f), 255 & ~3);
    assert_int_equal(f.pa_bits, 36);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x86_64_fault_user_mode__as_the_code_says),
        cmocka_unit_test(test_x86_64_fault_supervisor__names_smep_and_smap),
        cmocka_unit_test(test_x86_64_fault_one_of_the_two__blames_that_one),
        cmocka_unit_test(test_x86_64_fault_other_causes__not_a_page_fault),
        cmocka_unit_test(test_x86_64_fault_supervisor__exactly_when_hopeless),
        cmocka_unit_test(test_x86_64_setup_good_features__fills_the_table),
        cmocka_unit_test(test_x86_64_setup_pcid__needs_global_pages),
        cmocka_unit_test(test_x86_64_setup_bad_features__refused),
        cmocka_unit_test(test_x86_64_features_each_bit__is_one_flag),
        cmocka_unit_test(test_x86_64_features_missing_leaf__is_not_believed),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
