/*
 * fdt.c: a reader of flattened device trees: one walk over the structure block,
 * and every property that we know goes to where it belongs.
 *
 * The trick: the walk checks a token's length once and hands out (pointer,
 * length) pairs, and whoever reads a value checks it against that length; there
 * is no other place where a wrong blob could lead us astray.
 *
 * Numbers are big-endian 32-bit cells.  They are read byte by byte, so the blob
 * may lie anywhere.
 */
#include "fdt.h"

#include "kernel.h"

#define FDT_MAGIC 0xd00dfeedu

enum {
    FDT_VERSION = 17,
    FDT_HEADER = 40,

    FDT_BEGIN_NODE = 1,
    FDT_END_NODE = 2,
    FDT_PROP = 3,
    FDT_NOP = 4,
    FDT_END = 9,

    DEPTH_MAX = 16,
};

/* An open node.  Cells are what it says of its children's "reg". */
struct node {
    const char *name;
    uint32_t address_cells, size_cells;
};

struct walk {
    const uint8_t *blob;
    size_t pos, end;             /* of the structure block */
    size_t strings, strings_end; /* the strings block */
    struct node node[DEPTH_MAX]; /* [0]: the root */
    unsigned depth;              /* nodes that are open */
    const char *name;            /* the property at hand */
    const uint8_t *value;
    size_t len;
    struct machine *machine;
};

static uint32_t cell(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

/* A number of n cells, the last 64 bits of it. */
static uint64_t cells(const uint8_t *p, uint32_t n)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < n; i++)
        value = value << 32 | cell(p + (size_t)i * 4);
    return value;
}

/* Does a string that starts at pos end before `end`? */
static bool string_ends(const uint8_t *blob, size_t pos, size_t end)
{
    while (pos < end && blob[pos] != 0)
        pos++;
    return pos < end;
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* --- what properties mean --- */

static const char *add_range(struct machine_range *list, unsigned *n,
                             uint64_t start, uint64_t len)
{
    if (len == 0)
        return NULL;
    if (start + len < start)
        return "device tree: a range wraps around";
    if (*n == MACHINE_RANGES)
        return "device tree: too many ranges of memory";
    list[(*n)++] = (struct machine_range){ start, start + len };
    return NULL;
}

/* The value is a "reg" of (address, size) pairs in `parent`'s cells. */
static const char *add_reg(const struct walk *w, const struct node *parent,
                           struct machine_range *list, unsigned *n)
{
    uint32_t na = parent->address_cells, ns = parent->size_cells;
    size_t step = ((size_t)na + ns) * 4;
    const char *wrong = NULL;

    if (na == 0 || na > 4 || ns == 0 || ns > 4 || w->len % step != 0)
        return "device tree: a reg of a wrong length";
    for (size_t at = 0; at < w->len && !wrong; at += step) {
        const uint8_t *p = w->value + at;

        wrong = add_range(list, n, cells(p, na), cells(p + na * 4, ns));
    }
    return wrong;
}

/* The value is a number of one or two cells. */
static bool number(const struct walk *w, uint64_t *out)
{
    if (w->len != 4 && w->len != 8)
        return false;
    *out = cells(w->value, (uint32_t)w->len / 4);
    return true;
}

/* The value is a string; NULL: it is not. */
static const char *string(const struct walk *w)
{
    if (!string_ends(w->value, 0, w->len))
        return NULL;
    return (const char *)w->value;
}

static const char *read_chosen(struct walk *w)
{
    struct machine *m = w->machine;

    if (strcmp(w->name, "bootargs") == 0) {
        m->command_line = string(w);
        return m->command_line ? NULL : "device tree: bootargs is no string";
    }
    if (strcmp(w->name, "linux,initrd-start") == 0 &&
        !number(w, &m->initrd.start))
        return "device tree: initrd-start is no number";
    if (strcmp(w->name, "linux,initrd-end") == 0 && !number(w, &m->initrd.end))
        return "device tree: initrd-end is no number";
    return NULL;
}

static const char *read_cpu(struct walk *w, const struct node *parent)
{
    struct machine_cpu *cpu = &w->machine->cpu[w->machine->ncpus - 1];
    uint32_t na = parent->address_cells;

    if (strcmp(w->name, "reg") == 0) {
        if (na == 0 || na > 2 || w->len < (size_t)na * 4)
            return "device tree: a CPU's reg of a wrong length";
        cpu->id = cells(w->value, na);
    } else if (strcmp(w->name, "riscv,isa") == 0) {
        cpu->isa = string(w);
    } else if (strcmp(w->name, "status") == 0) {
        const char *status = string(w);

        cpu->disabled = !status || (strcmp(status, "okay") != 0 &&
                                    strcmp(status, "ok") != 0);
    }
    return NULL;
}

/* A property of a child of the root. */
static const char *read_top(struct walk *w, const char *node)
{
    struct machine *m = w->machine;
    uint64_t hz;

    if (strcmp(node, "chosen") == 0)
        return read_chosen(w);
    if ((strcmp(node, "memory") == 0 || starts_with(node, "memory@")) &&
        strcmp(w->name, "reg") == 0)
        return add_reg(w, &w->node[0], m->ram, &m->nram);
    if (strcmp(node, "cpus") == 0 &&
        strcmp(w->name, "timebase-frequency") == 0) {
        if (!number(w, &hz) || hz == 0 || hz > UINT32_MAX)
            return "device tree: timebase-frequency is no frequency";
        m->timebase = (uint32_t)hz;
    }
    return NULL;
}

static const char *read_property(struct walk *w)
{
    struct node *node = &w->node[w->depth - 1];
    struct machine *m = w->machine;

    if (strcmp(w->name, "#address-cells") == 0 && w->len == 4)
        node->address_cells = cell(w->value);
    if (strcmp(w->name, "#size-cells") == 0 && w->len == 4)
        node->size_cells = cell(w->value);
    if (w->depth == 2)
        return read_top(w, node->name);
    if (w->depth != 3)
        return NULL;
    if (strcmp(w->node[1].name, "cpus") == 0 && starts_with(node->name, "cpu@"))
        return read_cpu(w, &w->node[1]);
    if (strcmp(w->node[1].name, "reserved-memory") == 0 &&
        strcmp(w->name, "reg") == 0)
        return add_reg(w, &w->node[1], m->reserved, &m->nreserved);
    return NULL;
}

/* --- the walk --- */

static bool take_cell(struct walk *w, uint32_t *out)
{
    if (w->end - w->pos < 4)
        return false;
    *out = cell(w->blob + w->pos);
    w->pos += 4;
    return true;
}

/* Past len bytes and the padding behind them. */
static bool skip(struct walk *w, size_t len)
{
    len = (len + 3) & ~(size_t)3;
    if (w->end - w->pos < len)
        return false;
    w->pos += len;
    return true;
}

static const char *begin_node(struct walk *w)
{
    const char *name = (const char *)w->blob + w->pos;
    struct machine *m = w->machine;

    if (!string_ends(w->blob, w->pos, w->end) || !skip(w, strlen(name) + 1))
        return "device tree: a name without an end";
    if (w->depth == DEPTH_MAX)
        return "device tree: too deep";
    /* The defaults of 2.3.5. */
    w->node[w->depth++] = (struct node){ name, 2, 1 };
    if (w->depth == 3 && strcmp(w->node[1].name, "cpus") == 0 &&
        starts_with(name, "cpu@")) {
        if (m->ncpus == MACHINE_CPUS)
            return "device tree: too many CPUs";
        m->cpu[m->ncpus++] = (struct machine_cpu){ 0 };
    }
    return NULL;
}

static const char *take_property(struct walk *w)
{
    uint32_t len, name;

    if (!take_cell(w, &len) || !take_cell(w, &name))
        return "device tree: a property that is cut off";
    w->value = w->blob + w->pos;
    w->len = len;
    if (!skip(w, len))
        return "device tree: a value that is cut off";
    if (name >= w->strings_end - w->strings ||
        !string_ends(w->blob, w->strings + name, w->strings_end))
        return "device tree: a property without a name";
    w->name = (const char *)w->blob + w->strings + name;
    if (w->depth == 0)
        return "device tree: a property outside of all nodes";
    return read_property(w);
}

static const char *walk(struct walk *w)
{
    const char *wrong = NULL;
    uint32_t token;

    while (!wrong) {
        if (!take_cell(w, &token))
            return "device tree: it has no end";
        switch (token) {
        case FDT_BEGIN_NODE: wrong = begin_node(w); break;
        case FDT_PROP: wrong = take_property(w); break;
        case FDT_NOP: break;
        case FDT_END_NODE:
            if (w->depth-- == 0)
                return "device tree: a node that ends twice";
            break;
        case FDT_END:
            return w->depth == 0 ? NULL : "device tree: a node without an end";
        default: return "device tree: an unknown token";
        }
    }
    return wrong;
}

/* The memory reservation block: pairs of 64 bits, the last one zero. */
static const char *read_reservations(const uint8_t *blob, size_t size,
                                     struct machine *m)
{
    size_t pos = cell(blob + 16);
    const char *wrong = NULL;

    while (!wrong) {
        if (pos > size || size - pos < 16)
            return "device tree: the reservations have no end";
        uint64_t start = cells(blob + pos, 2), len = cells(blob + pos + 8, 2);

        if (start == 0 && len == 0)
            break;
        wrong = add_range(m->reserved, &m->nreserved, start, len);
        pos += 16;
    }
    return wrong;
}

size_t fdt_size(const void *blob)
{
    const uint8_t *header = blob;

    if (cell(header) != FDT_MAGIC || cell(header + 20) < FDT_VERSION ||
        cell(header + 24) > FDT_VERSION || cell(header + 4) < FDT_HEADER)
        return 0;
    return cell(header + 4);
}

const char *fdt_read(const void *blob, size_t size, struct machine *machine)
{
    const uint8_t *header = blob;
    struct walk w = { .blob = blob, .machine = machine };
    const char *wrong;

    if (size < FDT_HEADER || fdt_size(blob) == 0 || fdt_size(blob) > size)
        return "device tree: not one of version 17";
    w.pos = cell(header + 8);
    w.end = w.pos + cell(header + 36);
    w.strings = cell(header + 12);
    w.strings_end = w.strings + cell(header + 32);
    if (w.end > size || w.strings_end > size)
        return "device tree: a block lies outside";

    memset(machine, 0, sizeof(*machine));
    machine->command_line = "";
    wrong = read_reservations(blob, size, machine);
    if (!wrong)
        wrong = walk(&w);
    if (!wrong && machine->initrd.start > machine->initrd.end)
        wrong = "device tree: an initrd that ends before it starts";
    return wrong;
}
