/*
 * The RISC-V backend before any instruction: the device tree's string, the
 * table for the core, and what a trap says.
 *
 * Expected values: Privileged 1.12, table 4.2 (scause), figure 4.2 (sstatus),
 * chapters 5 to 7 (names of extensions); Unprivileged, chapter 27.
 */
#include "runner.h"

#include "plan.h"

#include <lazypager/fault.h>

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { INVAL = 1, NAPOT = 2, PBMT = 4, ADE = 8, ADU = 16 };

static unsigned flags_of(const struct lp_riscv64_features *features)
{
    return (features->svinval ? INVAL : 0) | (features->svnapot ? NAPOT : 0) |
           (features->svpbmt ? PBMT : 0) | (features->svade ? ADE : 0) |
           (features->svadu ? ADU : 0);
}

/* Which extensions does a device tree's string name? */
static void test_riscv64_isa_strings__give_their_extensions(void **unused)
{
    static const struct {
        const char *isa;
        unsigned flags;
    } cases[] = {
        { "rv64imafdc", 0 },
        { "rv64gc", 0 },
        { "RV64IMAFDC", 0 },
        { "rv64imafdcsu", 0 },
        { "rv64imafdcsuh_svinval_svnapot_svpbmt", INVAL | NAPOT | PBMT },
        { "rv64imafdch_zicsr_zifencei_zba_sstc_svinval", INVAL },
        { "RV64GC_SVPBMT_Svade", PBMT | ADE },
        { "rv64gcsvinval", INVAL },
        { "rv64gcsvinval_svadu", INVAL | ADU },
        { "rv64imafdc_s_svnapot", NAPOT },
        { "rv64i2p1_m2p0_a2p1_svinval1p0_svpbmt1", INVAL | PBMT },
        { "rv64i2p1m2p0svadu10p23", ADU },
        { "rv64gc__svade_", ADE },
        { "rv64gc_svinvalx_xsvpbmt_svnapo_svpbmt2x", 0 },
        { "rv64gcxsvinval", 0 },
        { "rv64gczsvinval", 0 },
        { "rv64gc_svadup_sv", 0 },
        { "rv64imafdcsuhsvinval", INVAL },
        /* Ends of numbers and of names, in every position. */
        { "rv64e_svade2", ADE },
        { "rv64gc_2p0_p1_1_9p", 0 },
        { "rv64gc_svinval:1p0", 0 },
        { "rv64gc_svinvalsvinvalsvinval", 0 },
        { "rv64gcs1_svade", ADE },
        { "rv64gcs{_svade", ADE },
        { "rv64gc_svade-_zp1", 0 },
        { "rv64imafdcsh_svade", ADE },
    };
    size_t i;

    (void)unused;
    for (i = 0; i < COUNT(cases); i++) {
        struct lp_riscv64_features features = {
            .svinval = true, .svadu = true, .asid_bits = 9, .levels_max = 4
        };

        assert_int_equal(lp_riscv64_isa_decode(cases[i].isa, &features), 0);
        if (flags_of(&features) != cases[i].flags)
            fail_msg("%s: %#x", cases[i].isa, flags_of(&features));
        assert_int_equal(features.asid_bits, 9);
        assert_int_equal(features.levels_max, 4);
    }
}

/* Is what is no string of a 64-bit hart refused, and nothing changed? */
static void test_riscv64_isa_not_64_bits__is_refused(void **unused)
{
    static const char *const bad[] = {
        "",       "r",      "rv",           "rv6",  "rv64", "rv32imac_svinval",
        "rv128i", "x86-64", "rv64_svinval", "64gc",
    };
    size_t i;

    (void)unused;
    for (i = 0; i < COUNT(bad); i++) {
        struct lp_riscv64_features features = { .svpbmt = true };

        assert_int_equal(lp_riscv64_isa_decode(bad[i], &features), -LP_EINVAL);
        assert_int_equal(flags_of(&features), PBMT);
    }
}

/* One name of a list: found by its length, not by what follows it? */
static void test_riscv64_isa_extension__adds_one_flag(void **unused)
{
    struct lp_riscv64_features features = { .svpbmt = true };

    (void)unused;
    lp_riscv64_isa_extension("svinval", 7, &features);
    assert_int_equal(flags_of(&features), PBMT | INVAL);
    lp_riscv64_isa_extension("svadexyz", 5, &features);
    assert_int_equal(flags_of(&features), PBMT | INVAL | ADE);
    lp_riscv64_isa_extension("svnapot", 6, &features);
    lp_riscv64_isa_extension("", 0, &features);
    lp_riscv64_isa_extension("zicbom", 6, &features);
    lp_riscv64_isa_extension("svinval_long_name", 17, &features);
    assert_int_equal(flags_of(&features), PBMT | INVAL | ADE);
}

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

/* Does each mode give a table that the core accepts, with the right depth? */
static void test_riscv64_setup_modes__give_a_good_table(void **unused)
{
    static const char *const names[] = { "sv39", "sv48", "sv57" };
    struct lp_riscv64_features features = { .asid_bits = 16, .levels_max = 5 };
    struct lp_riscv64 riscv64;
    unsigned levels;

    (void)unused;
    for (levels = 3; levels <= 5; levels++) {
        assert_int_equal(lp_riscv64_describe(&riscv64, &features, levels), 0);
        assert_string_equal(riscv64.arch.name, names[levels - 3]);
        assert_int_equal(riscv64.arch.format.levels, levels);
        assert_int_equal(riscv64.arch.asid_bits, 16);
        assert_true(riscv64.arch.caches_invalid);
        assert_ptr_equal(riscv64.arch.ctx, &riscv64);
        assert_int_equal(riscv64.arch.format.cache[LP_CACHE_UNCACHED], 0);
        riscv64.arch.activate = activate;
        riscv64.arch.flush = flush;
        assert_null(lp_arch_check(&riscv64.arch));
    }
}

/* With Svpbmt: bits 62:61, NC 1 and IO 2 (table 6.1)? */
static void test_riscv64_setup_svpbmt__has_cache_modes(void **unused)
{
    struct lp_riscv64_features features = { .svpbmt = true, .levels_max = 3 };
    struct lp_riscv64 riscv64;
    const uint64_t *cache = riscv64.arch.format.cache;

    (void)unused;
    assert_int_equal(lp_riscv64_describe(&riscv64, &features, 3), 0);
    assert_int_equal(cache[LP_CACHE_WRITEBACK], 0);
    assert_int_equal(cache[LP_CACHE_WRITETHROUGH], 0x2000000000000000);
    assert_int_equal(cache[LP_CACHE_WRITECOMBINE], 0x2000000000000000);
    assert_int_equal(cache[LP_CACHE_UNCACHED], 0x4000000000000000);
    riscv64.arch.activate = activate;
    riscv64.arch.flush = flush;
    assert_null(lp_arch_check(&riscv64.arch));
}

/* Is a mode that the harts do not have refused, and nothing written? */
static void test_riscv64_setup_missing_mode__is_refused(void **unused)
{
    static const struct {
        unsigned levels, levels_max, asid_bits;
    } cases[] = {
        { 2, 5, 16 }, { 6, 6, 16 }, { 4, 3, 16 }, { 5, 4, 0 },
        { 3, 0, 16 }, { 3, 5, 17 }, { 0, 5, 16 },
    };
    struct lp_riscv64 riscv64, before;
    size_t i;

    (void)unused;
    memset(&riscv64, 0x5a, sizeof riscv64);
    memset(&before, 0x5a, sizeof before);
    for (i = 0; i < COUNT(cases); i++) {
        struct lp_riscv64_features features = {
            .levels_max = cases[i].levels_max, .asid_bits = cases[i].asid_bits
        };

        assert_int_equal(
            lp_riscv64_describe(&riscv64, &features, cases[i].levels),
            -LP_EINVAL);
        assert_memory_equal(&riscv64, &before, sizeof riscv64);
    }
}

#define SPP 0x100
#define SUM 0x40000
#define IRQ 0x8000000000000000

/* What does each trap mean? */
static void test_riscv64_decode_traps__as_the_tables_say(void **unused)
{
    enum { USER = LP_FAULT_USER, SUPERVISOR = LP_FAULT_SUPERVISOR };
    static const lp_va last = 0x3fffffe000, border = 0x3ffffff000;
    static const lp_va high = 0xffffffc000000000;
    const struct {
        struct lp_riscv64_fault raw;
        unsigned access; /* 0: not a page fault */
        unsigned flags;
    } cases[] = {
        { { 12, 0x1002, 0 }, LP_EXEC, USER },
        { { 13, 0x1234, 0 }, LP_READ, USER },
        { { 15, 0xfff, 0 }, LP_WRITE, USER },
        { { 15, high, 0 }, LP_WRITE, USER },
        { { 13, 0x1234, SUM }, LP_READ, USER },
        /* From S mode: a user address with SUM may be mended, else never. */
        { { 13, 0x1234, SPP | SUM }, LP_READ, 0 },
        { { 15, last, SPP | SUM }, LP_WRITE, 0 },
        { { 13, 0x1234, SPP }, LP_READ, SUPERVISOR },
        { { 15, last + 0xfff, SPP }, LP_WRITE, SUPERVISOR },
        { { 12, 0x1234, SPP }, LP_EXEC, SUPERVISOR },
        { { 12, 0x1234, SPP | SUM }, LP_EXEC, SUPERVISOR },
        /* Not a user address: SUM has no say. */
        { { 13, border, SPP }, LP_READ, 0 },
        { { 15, high, SPP }, LP_WRITE, 0 },
        { { 12, high, SPP }, LP_EXEC, 0 },
        /* No page faults: access faults, a breakpoint, an ecall, interrupts. */
        { { 0, 0x1234, 0 }, 0, 0 },
        { { 1, 0x1234, 0 }, 0, 0 },
        { { 2, 0x1234, 0 }, 0, 0 },
        { { 3, 0x1234, 0 }, 0, 0 },
        { { 5, 0x1234, SPP | SUM }, 0, 0 },
        { { 7, 0x1234, 0 }, 0, 0 },
        { { 8, 0, 0 }, 0, 0 },
        { { 14, 0x1234, 0 }, 0, 0 },
        { { 20, 0x1234, 0 }, 0, 0 },
        { { IRQ | 13, 0x1234, 0 }, 0, 0 },
        { { IRQ | 5, 0, 0 }, 0, 0 },
    };
    struct lp_riscv64_features features = { .levels_max = 3 };
    struct lp_riscv64 riscv64;
    size_t i;

    (void)unused;
    assert_int_equal(lp_riscv64_describe(&riscv64, &features, 3), 0);
    for (i = 0; i < COUNT(cases); i++) {
        struct lp_fault fault = { 1, 2, 3 };
        int want = cases[i].access ? 0 : -LP_EINVAL;

        if (riscv64.arch.decode(riscv64.arch.ctx, &cases[i].raw, &fault) !=
            want)
            fail_msg("case %zu: not %d", i, want);
        if (want)
            assert_true(fault.va == 1 && fault.access == 2 && fault.flags == 3);
        else if (fault.va != cases[i].raw.stval ||
                 fault.access != cases[i].access ||
                 fault.flags != cases[i].flags)
            fail_msg("case %zu: access %u flags %u", i, fault.access,
                     fault.flags);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_riscv64_isa_strings__give_their_extensions),
        cmocka_unit_test(test_riscv64_isa_not_64_bits__is_refused),
        cmocka_unit_test(test_riscv64_isa_extension__adds_one_flag),
        cmocka_unit_test(test_riscv64_setup_modes__give_a_good_table),
        cmocka_unit_test(test_riscv64_setup_svpbmt__has_cache_modes),
        cmocka_unit_test(test_riscv64_setup_missing_mode__is_refused),
        cmocka_unit_test(test_riscv64_decode_traps__as_the_tables_say),
    };

    return lp_test_main(argc, argv, tests, COUNT(tests));
}
