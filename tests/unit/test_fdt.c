/*
 * The test kernel's reader of device trees (tests/kernel/riscv64/fdt.h): what
 * it finds, and that no blob, however wrong, leads it out of its bytes.
 *
 * Blobs are built by hand after the Devicetree Specification 0.3, chapter 5, in
 * memory of exactly their size, so that a sanitizer sees one byte too far.
 */
#include "runner.h"

#include "fdt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 40, RESERVATIONS = 40, BLOCK_MAX = 8192 };

/* A blob in the making: its two blocks. */
struct builder {
    uint8_t structure[BLOCK_MAX], strings[BLOCK_MAX];
    size_t nstructure, nstrings;
    uint64_t reserved_start, reserved_len;
};

static void put(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static void add_cell(struct builder *b, uint32_t value)
{
    assert_true(b->nstructure + 4 <= BLOCK_MAX);
    put(b->structure + b->nstructure, value);
    b->nstructure += 4;
}

static void add_bytes(struct builder *b, const void *bytes, size_t len)
{
    assert_true(b->nstructure + len + 4 <= BLOCK_MAX);
    memset(b->structure + b->nstructure, 0, len + 4);
    memcpy(b->structure + b->nstructure, bytes, len);
    b->nstructure += (len + 3) / 4 * 4;
}

static void begin(struct builder *b, const char *name)
{
    add_cell(b, 1);
    add_bytes(b, name, strlen(name) + 1);
}

static void end(struct builder *b)
{
    add_cell(b, 2);
}

static void property(struct builder *b, const char *name, const void *value,
                     size_t len)
{
    size_t size = strlen(name) + 1;

    assert_true(b->nstrings + size <= BLOCK_MAX);
    add_cell(b, 3);
    add_cell(b, (uint32_t)len);
    add_cell(b, (uint32_t)b->nstrings);
    add_bytes(b, value, len);
    memcpy(b->strings + b->nstrings, name, size);
    b->nstrings += size;
}

static void text(struct builder *b, const char *name, const char *value)
{
    property(b, name, value, strlen(value) + 1);
}

/* n cells, at most 4. */
static void numbers(struct builder *b, const char *name, unsigned n,
                    const uint32_t *values)
{
    uint8_t bytes[16];
    unsigned i;

    for (i = 0; i < n; i++)
        put(bytes + (size_t)i * 4, values[i]);
    property(b, name, bytes, (size_t)n * 4);
}

static void number(struct builder *b, const char *name, uint32_t value)
{
    numbers(b, name, 1, &value);
}

/* The blob, in memory of its own size. */
static uint8_t *finish(struct builder *b, size_t *size)
{
    size_t structure = RESERVATIONS + 32;
    size_t strings = structure + b->nstructure;
    uint8_t *blob;

    *size = strings + b->nstrings;
    blob = calloc(1, *size);
    assert_non_null(blob);
    put(blob, 0xd00dfeed);
    put(blob + 4, (uint32_t)*size);
    put(blob + 8, (uint32_t)structure);
    put(blob + 12, (uint32_t)strings);
    put(blob + 16, RESERVATIONS);
    put(blob + 20, 17);
    put(blob + 24, 16);
    put(blob + 32, (uint32_t)b->nstrings);
    put(blob + 36, (uint32_t)b->nstructure);
    put(blob + RESERVATIONS, (uint32_t)(b->reserved_start >> 32));
    put(blob + RESERVATIONS + 4, (uint32_t)b->reserved_start);
    put(blob + RESERVATIONS + 8, (uint32_t)(b->reserved_len >> 32));
    put(blob + RESERVATIONS + 12, (uint32_t)b->reserved_len);
    memcpy(blob + structure, b->structure, b->nstructure);
    memcpy(blob + strings, b->strings, b->nstrings);
    return blob;
}

static void add_cpu(struct builder *b, const char *name, uint32_t id,
                    const char *status)
{
    begin(b, name);
    text(b, "device_type", "cpu");
    number(b, "reg", id);
    if (status)
        text(b, "status", status);
    text(b, "riscv,isa", "rv64imafdc_svinval");
    begin(b, "interrupt-controller");
    number(b, "reg", 99);
    end(b);
    end(b);
}

/* A machine with one of everything. */
static void build(struct builder *b)
{
    memset(b, 0, sizeof(*b));
    b->reserved_start = 0x87000000;
    b->reserved_len = 0x1000;
    begin(b, "");
    number(b, "#address-cells", 2);
    number(b, "#size-cells", 2);
    text(b, "compatible", "riscv-virtio");
    begin(b, "chosen");
    text(b, "bootargs", "cpus=2 levels=4");
    number(b, "linux,initrd-start", 0x84000000);
    numbers(b, "linux,initrd-end", 2, (uint32_t[]){ 0, 0x84100000 });
    end(b);
    begin(b, "memory@80000000");
    numbers(b, "reg", 4, (uint32_t[]){ 1, 0x80000000, 0, 0x08000000 });
    end(b);
    begin(b, "reserved-memory");
    number(b, "#address-cells", 1);
    number(b, "#size-cells", 1);
    begin(b, "firmware@80000000");
    numbers(b, "reg", 2, (uint32_t[]){ 0x80000000, 0x80000 });
    end(b);
    end(b);
    begin(b, "cpus");
    number(b, "#address-cells", 1);
    number(b, "#size-cells", 0);
    number(b, "timebase-frequency", 10000000);
    add_cell(b, 4);
    add_cpu(b, "cpu@0", 7, NULL);
    add_cpu(b, "cpu@1", 9, "disabled");
    add_cpu(b, "cpu@2", 3, "okay");
    begin(b, "cpu-map");
    number(b, "reg", 5);
    end(b);
    end(b);
    begin(b, "soc");
    begin(b, "memory@1");
    numbers(b, "reg", 2, (uint32_t[]){ 0x1000, 0x1000 });
    end(b);
    end(b);
    end(b);
    add_cell(b, 9);
}

/* Is everything found, and nothing that stands elsewhere? */
static void test_fdt_of_a_machine__is_read(void **unused)
{
    struct builder b;
    struct machine m;
    size_t size;
    uint8_t *blob;

    (void)unused;
    build(&b);
    blob = finish(&b, &size);
    assert_int_equal(fdt_size(blob), size);
    assert_null(fdt_read(blob, size, &m));
    assert_int_equal(m.nram, 1);
    assert_int_equal(m.ram[0].start, 0x180000000);
    assert_int_equal(m.ram[0].end, 0x188000000);
    assert_int_equal(m.nreserved, 2);
    assert_int_equal(m.reserved[0].start, 0x87000000);
    assert_int_equal(m.reserved[0].end, 0x87001000);
    assert_int_equal(m.reserved[1].start, 0x80000000);
    assert_int_equal(m.reserved[1].end, 0x80080000);
    assert_int_equal(m.initrd.start, 0x84000000);
    assert_int_equal(m.initrd.end, 0x84100000);
    assert_string_equal(m.command_line, "cpus=2 levels=4");
    assert_int_equal(m.timebase, 10000000);
    assert_int_equal(m.ncpus, 3);
    assert_int_equal(m.cpu[0].id, 7);
    assert_int_equal(m.cpu[1].id, 9);
    assert_int_equal(m.cpu[2].id, 3);
    assert_false(m.cpu[0].disabled);
    assert_true(m.cpu[1].disabled);
    assert_false(m.cpu[2].disabled);
    assert_string_equal(m.cpu[2].isa, "rv64imafdc_svinval");
    free(blob);
}

/* Does a tree that says little leave the rest empty? */
static void test_fdt_without_nodes__finds_nothing(void **unused)
{
    struct builder b = { .nstructure = 0 };
    struct machine m;
    size_t size;
    uint8_t *blob;

    (void)unused;
    begin(&b, "");
    end(&b);
    add_cell(&b, 9);
    blob = finish(&b, &size);
    assert_null(fdt_read(blob, size, &m));
    assert_int_equal(m.nram + m.nreserved + m.ncpus + m.timebase, 0);
    assert_int_equal(m.initrd.end, 0);
    assert_string_equal(m.command_line, "");
    free(blob);
}

/* --- blobs that are wrong --- */

static void many_ranges(struct builder *b)
{
    unsigned i;

    for (i = 0; i <= MACHINE_RANGES; i++) {
        begin(b, "memory");
        numbers(b, "reg", 3, (uint32_t[]){ 0, i << 12, 0x1000 });
        end(b);
    }
}

static void many_cpus(struct builder *b)
{
    unsigned i;

    begin(b, "cpus");
    for (i = 0; i <= MACHINE_CPUS; i++) {
        begin(b, "cpu@0");
        end(b);
    }
    end(b);
}

static void deep(struct builder *b)
{
    unsigned i;

    for (i = 0; i < 40; i++)
        begin(b, "a");
    for (i = 0; i < 40; i++)
        end(b);
}

static void wraps(struct builder *b)
{
    begin(b, "memory");
    numbers(b, "reg", 3, (uint32_t[]){ 0xffffffff, 0xfffff000, 0x2000 });
    end(b);
}

static void half_a_reg(struct builder *b)
{
    begin(b, "memory");
    numbers(b, "reg", 2, (uint32_t[]){ 0, 0x1000 });
    end(b);
}

static void half_a_cpu(struct builder *b)
{
    begin(b, "cpus"); /* two cells where nothing else is said */
    begin(b, "cpu@0");
    number(b, "reg", 1);
    end(b);
    end(b);
}

static void no_string(struct builder *b)
{
    begin(b, "chosen");
    property(b, "bootargs", "abc", 3);
    end(b);
}

static void initrd_backwards(struct builder *b)
{
    begin(b, "chosen");
    number(b, "linux,initrd-start", 2);
    number(b, "linux,initrd-end", 1);
    end(b);
}

static void no_frequency(struct builder *b)
{
    begin(b, "cpus");
    number(b, "timebase-frequency", 0);
    end(b);
}

static void no_cells(struct builder *b)
{
    number(b, "#size-cells", 0);
    many_ranges(b);
}

static void ends_twice(struct builder *b)
{
    end(b);
    end(b);
}

static void unknown_token(struct builder *b)
{
    add_cell(b, 5);
}

static void long_value(struct builder *b)
{
    add_cell(b, 3);
    add_cell(b, 0xfffffffd);
    add_cell(b, 0);
}

static void name_outside(struct builder *b)
{
    add_cell(b, 3);
    add_cell(b, 0);
    add_cell(b, 0x7fffffff);
}

/* Is each refused, and not believed in part? */
static void test_fdt_that_is_wrong__is_refused(void **unused)
{
    static void (*const wrong[])(struct builder * b) = {
        many_ranges, many_cpus,     deep,         wraps,      half_a_reg,
        no_string,   no_frequency,  no_cells,     ends_twice, initrd_backwards,
        long_value,  unknown_token, name_outside, half_a_cpu,
    };
    struct machine m;
    size_t size, i;
    uint8_t *blob;

    (void)unused;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct builder b = { .nstructure = 0 };

        begin(&b, "");
        wrong[i](&b);
        end(&b);
        add_cell(&b, 9);
        blob = finish(&b, &size);
        if (!fdt_read(blob, size, &m))
            fail_msg("wrong[%zu] was accepted", i);
        free(blob);
    }
}

/* Another magic, version or size is not a tree at all. */
static void test_fdt_of_another_kind__is_refused(void **unused)
{
    static const struct {
        size_t at;
        uint32_t value;
    } wrong[] = {
        { 0, 0xd00dfeee },  { 4, 39 },          { 4, 0x7fffffff },
        { 20, 16 },         { 24, 18 },         { 8, 0xfffffff0 },
        { 12, 0xfffffff },  { 16, 0xfffffff0 }, { 32, 0x10000000 },
        { 36, 0x10000000 }, { 36, 4 },
    };
    struct builder b;
    struct machine m;
    size_t size, i;
    uint8_t *blob;

    (void)unused;
    build(&b);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        blob = finish(&b, &size);
        put(blob + wrong[i].at, wrong[i].value);
        if (!fdt_read(blob, size, &m))
            fail_msg("%#x at %zu was accepted", wrong[i].value, wrong[i].at);
        free(blob);
    }
}

/* What was accepted points into the blob and ends there. */
static void check_strings(const struct machine *m, const uint8_t *blob,
                          size_t size)
{
    const uint8_t *p = (const uint8_t *)m->command_line;
    unsigned i;

    if (*p != 0)
        assert_true(p >= blob && p < blob + size && strlen((const char *)p));
    for (i = 0; i < m->ncpus; i++)
        if (m->cpu[i].isa)
            assert_true(strlen(m->cpu[i].isa) < size);
}

/* Does a blob that is cut off anywhere keep the reader inside? */
static void test_fdt_cut_off__is_refused(void **unused)
{
    struct builder b;
    struct machine m;
    size_t size, len;
    uint8_t *blob, *cut;

    (void)unused;
    build(&b);
    blob = finish(&b, &size);
    for (len = HEADER; len < size; len++) {
        cut = malloc(len);
        assert_non_null(cut);
        memcpy(cut, blob, len);
        assert_non_null(fdt_read(cut, len, &m));
        put(cut + 4, (uint32_t)len);
        assert_non_null(fdt_read(cut, len, &m));
        free(cut);
    }
    free(blob);
}

/* ... and one in which any byte is another? */
static void test_fdt_with_a_wrong_byte__is_read_inside_its_bounds(void **unused)
{
    static const uint8_t flips[] = { 0x01, 0x02, 0x04, 0x10, 0x80, 0xff };
    struct builder b;
    struct machine m;
    size_t size, at, i;
    uint8_t *blob;

    (void)unused;
    build(&b);
    blob = finish(&b, &size);
    for (at = 0; at < size; at++)
        for (i = 0; i < sizeof(flips); i++) {
            blob[at] ^= flips[i];
            if (!fdt_read(blob, size, &m))
                check_strings(&m, blob, size);
            blob[at] ^= flips[i];
        }
    assert_null(fdt_read(blob, size, &m));
    free(blob);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fdt_of_a_machine__is_read),
        cmocka_unit_test(test_fdt_without_nodes__finds_nothing),
        cmocka_unit_test(test_fdt_that_is_wrong__is_refused),
        cmocka_unit_test(test_fdt_of_another_kind__is_refused),
        cmocka_unit_test(test_fdt_cut_off__is_refused),
        cmocka_unit_test(test_fdt_with_a_wrong_byte__is_read_inside_its_bounds),
    };

    return lp_test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
