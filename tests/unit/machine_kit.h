/*
 * machine_kit.h: page tables built by hand, for the tests of the host machine.
 *
 * Every number in formats[] is worked out from the manual (or, for the free
 * formats, from the comment in walk_free.c), not taken from a format's table.
 */
#ifndef MACHINE_KIT_H
#define MACHINE_KIT_H

#include "runner.h"

#include <lazypager/host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One format, and the bits of its entries. */
struct kit_format {
    const char *name;
    unsigned levels;
    lp_va va;            /* index 1 in the table of every level */
    unsigned pa_shift;   /* of pa >> 12 in an entry */
    uint64_t table;      /* an entry that points at a table, all rights */
    uint64_t ro, rw, rx; /* user leaves with A and D, by rights */
    uint64_t accessed, dirty, valid;
    uint64_t large;       /* what makes a leaf above level 0 */
    unsigned large_shift; /* size of a leaf at level 1 */
    bool hardware_ad;     /* else a clear A or D faults */
    bool negative;        /* caches what was not valid */
};

/*
 * x86-64 (Intel SDM vol. 3A, tables 4-15 and 4-20): P 1, RW 2, US 4, A 0x20,
 * D 0x40, PS 0x80, NX bit 63.
 *     table 7; ro 1+4+0x60 and NX; rw with 2; rx 0x65
 * Sv (Privileged 1.12, 4.4): V 1, R 2, W 4, X 8, U 0x10, A 0x40, D 0x80.
 *     table 1; ro 1+2+0x10+0xc0; rw +4; rx ro+8
 * free-w: V bit 63, W 40, not-X 41, X 42, A 2, D 5, large 38.
 * free-v: V bit 63, W 50, X 51, not-X 52, R 5, A 6, D 3.
 */
#define KIT_X86(name_, levels_, va_)                                    \
    {                                                                   \
        .name = name_, .levels = levels_, .va = va_, .pa_shift = 12,    \
        .table = 7, .ro = 0x8000000000000065, .rw = 0x8000000000000067, \
        .rx = 0x65, .accessed = 0x20, .dirty = 0x40, .valid = 1,        \
        .large = 0x80, .large_shift = 21, .hardware_ad = true,          \
    }
#define KIT_SV(name_, levels_, va_, hardware_ad_)                         \
    {                                                                     \
        .name = name_, .levels = levels_, .va = va_, .pa_shift = 10,      \
        .table = 1, .ro = 0xd3, .rw = 0xd7, .rx = 0xdb, .accessed = 0x40, \
        .dirty = 0x80, .valid = 1, .large = 0, .large_shift = 21,         \
        .hardware_ad = hardware_ad_, .negative = true,                    \
    }
#define KIT_FREE_V(name_, hardware_ad_)                                       \
    {                                                                         \
        .name = name_, .levels = 4, .va = 0x1111000, .pa_shift = 14,          \
        .table = 0x8000000000000000, .ro = 0x8010000000000068,                \
        .rw = 0x8014000000000068, .rx = 0x8008000000000068, .accessed = 0x40, \
        .dirty = 8, .valid = 0x8000000000000000, .large = 0,                  \
        .large_shift = 16, .hardware_ad = hardware_ad_, .negative = true,     \
    }

static const struct kit_format kit_formats[] = {
    KIT_X86("x86-64", 4, 0x8040201000),
    KIT_X86("x86-64-la57", 5, 0x1008040201000),
    KIT_SV("sv39", 3, 0x40201000, true),
    KIT_SV("sv39-svade", 3, 0x40201000, false),
    KIT_SV("sv48", 4, 0x8040201000, true),
    KIT_SV("sv48-svade", 4, 0x8040201000, false),
    KIT_SV("sv57", 5, 0x1008040201000, true),
    KIT_SV("sv57-svade", 5, 0x1008040201000, false),
    {
        .name = "free-w",
        .levels = 4,
        .va = 0x1111000,
        .pa_shift = 9,
        .table = 0x8000010000000000,
        .ro = 0x8000020000000024,
        .rw = 0x8000030000000024,
        .rx = 0x8000040000000024,
        .accessed = 4,
        .dirty = 0x20,
        .valid = 0x8000000000000000,
        .large = 0x4000000000,
        .large_shift = 16,
        .hardware_ad = true,
    },
    KIT_FREE_V("free-v", false),
    KIT_FREE_V("free-v-ad", true),
};

enum { KIT_FORMATS = sizeof kit_formats / sizeof kit_formats[0] };

/* A machine with one address space of one page. */
struct kit {
    const struct kit_format *f;
    struct lp_host *m;
    const struct lp_arch *arch;
    const struct lp_kernel *kernel;
    lp_pa table[5]; /* by level; table[levels - 1] is the root */
    lp_pa page;
    char message[512]; /* of the last oracle */
    unsigned failures;
    unsigned faults;       /* calls of the handler */
    struct lp_fault fault; /* the last one */
    /* What the handler does; NULL: MAPERR. */
    int (*handler)(struct kit *kit, const struct lp_fault *fault);
};

static inline void kit_failed(void *ctx, const char *message)
{
    struct kit *kit = ctx;

    kit->failures++;
    snprintf(kit->message, sizeof kit->message, "%s", message);
}

static inline int kit_fault(void *ctx, const struct lp_fault *fault,
                            struct lp_fault_result *result)
{
    struct kit *kit = ctx;

    kit->faults++;
    kit->fault = *fault;
    if (kit->handler && kit->handler(kit, fault) == 0)
        return 0;
    result->code = LP_FAULT_MAPERR;
    return -LP_EFAULT;
}

static inline lp_pa kit_frame(struct kit *kit)
{
    lp_pa pa = LP_PA_NONE;

    assert_int_equal(
        kit->kernel->frame_alloc(kit->kernel->ctx, LP_FRAME_ZEROED, &pa), 0);
    return pa;
}

static inline void kit_free(struct kit *kit, lp_pa pa)
{
    kit->kernel->frame_free(kit->kernel->ctx, pa);
}

static inline uint64_t kit_entry(const struct kit *kit, lp_pa pa, uint64_t bits)
{
    return pa >> 12 << kit->f->pa_shift | bits;
}

/* The entry on the way to va in the table of that level. */
static inline uint64_t *kit_slot(struct kit *kit, unsigned level)
{
    return (uint64_t *)lp_host_memory(kit->m, kit->table[level]) + 1;
}

/* The entry of the i-th page after va. */
static inline uint64_t *kit_leaf(struct kit *kit, unsigned i)
{
    return kit_slot(kit, 0) + i;
}

static inline void kit_activate(struct kit *kit, uint32_t asid, bool flush)
{
    kit->kernel->preempt_disable(kit->kernel->ctx);
    kit->arch->activate(kit->arch->ctx, kit->table[kit->f->levels - 1], asid,
                        flush);
    kit->kernel->preempt_enable(kit->kernel->ctx);
}

static inline void kit_flush(struct kit *kit, struct lp_flush what)
{
    kit->kernel->preempt_disable(kit->kernel->ctx);
    kit->arch->flush(kit->arch->ctx, &what);
    kit->kernel->preempt_enable(kit->kernel->ctx);
}

/* One page at va, in ASID 1. */
static inline void kit_flush_page(struct kit *kit, lp_va va, bool tables)
{
    kit_flush(kit, (struct lp_flush){ LP_FLUSH_RANGE, tables, 1, va,
                                      va + LP_PAGE_SIZE });
}

/* Tables down to level 0, all pointing at the next. */
static inline void kit_build(struct kit *kit)
{
    unsigned level;

    for (level = 0; level < kit->f->levels; level++)
        kit->table[level] = kit_frame(kit);
    for (level = kit->f->levels - 1; level; level--)
        *kit_slot(kit, level) =
            kit_entry(kit, kit->table[level - 1], kit->f->table);
}

/*
 * A machine of a format with tables down to a page at f->va, mapped with
 * `leaf`, active as ASID 1 on CPU 0.
 */
static inline struct kit *kit_create_config(const struct kit_format *f,
                                            uint64_t leaf,
                                            struct lp_host_config config)
{
    struct kit *kit = calloc(1, sizeof *kit);

    assert_non_null(kit);
    kit->f = f;
    config.format = f->name;
    config.ctx = kit;
    config.failed = kit_failed;
    config.fault = kit_fault;
    kit->m = lp_host_create(&config);
    assert_non_null(kit->m);
    kit->arch = lp_host_arch(kit->m);
    kit->kernel = lp_host_kernel(kit->m);
    kit_build(kit);
    kit->page = kit_frame(kit);
    *kit_slot(kit, 0) = leaf ? kit_entry(kit, kit->page, leaf) : 0;
    if (!(config.flags & LP_HOST_THREADS))
        kit_activate(kit, config.asid_bits >= 0 ? 1 : 0, true);
    return kit;
}

static inline struct kit *kit_create(const struct kit_format *f, uint64_t leaf)
{
    return kit_create_config(f, leaf, (struct lp_host_config){ 0 });
}

/* The machine goes; no oracle may have failed. */
static inline void kit_destroy(struct kit *kit)
{
    if (kit->failures)
        print_error("%s: %s\n", kit->f->name, kit->message);
    assert_int_equal(kit->failures, 0);
    lp_host_destroy(kit->m);
    free(kit);
}

/* Exactly one oracle has failed since, and it said so. */
static inline void kit_expect(struct kit *kit, const char *text)
{
    if (kit->failures != 1 || !strstr(kit->message, text))
        print_error("%s: %u failures, last \"%s\", wanted \"%s\"\n",
                    kit->f->name, kit->failures, kit->message, text);
    assert_int_equal(kit->failures, 1);
    assert_non_null(strstr(kit->message, text));
    kit->failures = 0;
}

/* A program's byte accesses at va + offset. */
static inline enum lp_host_code kit_read(struct kit *kit, uint64_t offset)
{
    unsigned char byte;

    return lp_host_load(kit->m, kit->f->va + offset, &byte, 1);
}

static inline enum lp_host_code kit_write(struct kit *kit, uint64_t offset)
{
    unsigned char byte = 0x5a;

    return lp_host_store(kit->m, kit->f->va + offset, &byte, 1);
}

static inline enum lp_host_code kit_run(struct kit *kit, uint64_t offset)
{
    return lp_host_fetch(kit->m, kit->f->va + offset, NULL, 1);
}

static inline const struct kit_format *kit_format(const char *name)
{
    unsigned i;

    for (i = 0; i < KIT_FORMATS; i++)
        if (strcmp(kit_formats[i].name, name) == 0)
            return &kit_formats[i];
    fail_msg("no format %s", name);
    return NULL;
}

#define KIT_EACH(f)                                \
    for (const struct kit_format *f = kit_formats; \
         f < kit_formats + KIT_FORMATS; f++)

#endif
