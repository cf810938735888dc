/*
 * core_kit.h: a pager on the host machine, for the tests of the core's modules:
 * three CPUs, and a record of what the core asks their TLBs to do.
 *
 * The pager's struct lp_arch is the machine's with a recorder in front. A hook
 * sees each request before the machine does, with the tables as they are at
 * that moment: orders can be asked for, not only outcomes.
 */
#ifndef CORE_KIT_H
#define CORE_KIT_H

#include "runner.h"

#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

enum { CK_CPUS = 3, CK_EVENTS = 256, CK_FRAMES = 4096 };

#define CK_ANON (LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED)
#define CK_SHARED (LP_MAP_SHARED | LP_MAP_ANONYMOUS | LP_MAP_FIXED)
#define CK_RW (LP_READ | LP_WRITE)

/* What the core asked of one CPU's TLB. */
struct ck_event {
    enum { CK_FLUSH, CK_ACTIVATE, CK_SYNC_CODE } kind;
    unsigned cpu;
    struct lp_flush what; /* of a flush */
    lp_pa root;           /* of an activation */
    uint32_t asid;
    bool flush;
};

struct ck {
    const char *format;
    struct lp_host *m;
    struct lp_arch arch; /* the recorder */
    struct lp_pager *pager;
    const struct lp_pte_format *f;
    lp_va span;      /* of one leaf table */
    lp_va base;      /* where the tests map: the border of a leaf table */
    uint64_t frames; /* in use with a pager and no space */
    struct ck_event event[CK_EVENTS];
    unsigned nevents;
    void (*hook)(struct ck *ck, const struct ck_event *event);
    /* For the hook. */
    struct lp_space *space;
    lp_va va;
    lp_pa pa, table;
    unsigned seen;
    uint32_t scratch[CK_FRAMES];
};

static inline void ck_failed(void *ctx, const char *message)
{
    struct ck *ck = ctx;

    fail_msg("%s: %s", ck->format, message);
}

static inline void ck_record(struct ck *ck, struct ck_event event)
{
    event.cpu = lp_host_cpu(ck->m);
    assert_true(ck->nevents < CK_EVENTS);
    ck->event[ck->nevents++] = event;
    if (ck->hook)
        ck->hook(ck, &event);
}

static inline void ck_activate_hook(void *ctx, lp_pa root, uint32_t asid,
                                    bool flush)
{
    struct ck *ck = ctx;
    const struct lp_arch *arch = lp_host_arch(ck->m);

    ck_record(ck, (struct ck_event){ .kind = CK_ACTIVATE,
                                     .root = root,
                                     .asid = asid,
                                     .flush = flush });
    arch->activate(arch->ctx, root, asid, flush);
}

static inline void ck_flush_hook(void *ctx, const struct lp_flush *what)
{
    struct ck *ck = ctx;
    const struct lp_arch *arch = lp_host_arch(ck->m);

    ck_record(ck, (struct ck_event){ .kind = CK_FLUSH, .what = *what });
    arch->flush(arch->ctx, what);
}

static inline void ck_sync_code_hook(void *ctx)
{
    struct ck *ck = ctx;
    const struct lp_arch *arch = lp_host_arch(ck->m);

    ck_record(ck, (struct ck_event){ .kind = CK_SYNC_CODE });
    arch->sync_code(arch->ctx);
}

/* A machine and a pager; config: format, ctx, failed and sizes are set here. */
static inline struct ck *ck_create_with(const char *format,
                                        struct lp_host_config config,
                                        const struct lp_options *options)
{
    struct ck *ck = calloc(1, sizeof *ck);

    assert_non_null(ck);
    ck->format = format;
    config.format = format;
    config.ctx = ck;
    config.failed = ck_failed;
    config.nframes = CK_FRAMES;
    if (!config.ncpus)
        config.ncpus = CK_CPUS;
    ck->m = lp_host_create(&config);
    assert_non_null(ck->m);
    ck->arch = *lp_host_arch(ck->m);
    ck->arch.ctx = ck;
    ck->arch.activate = ck_activate_hook;
    ck->arch.flush = ck_flush_hook;
    if (ck->arch.sync_code)
        ck->arch.sync_code = ck_sync_code_hook;
    assert_int_equal(
        lp_pager_create(&ck->arch, lp_host_kernel(ck->m), options, &ck->pager),
        0);
    ck->f = &ck->arch.format;
    ck->span = LP_PAGE_SIZE << ck->f->index_bits;
    ck->base = 8 * ck->span;
    ck->frames = lp_host_frames_used(ck->m);
    return ck;
}

static inline struct ck *ck_create(const char *format)
{
    return ck_create_with(format, (struct lp_host_config){ 0 }, NULL);
}

/* All invariants, seen from the tables and from the TLBs. */
static inline void ck_check(struct ck *ck)
{
    struct lp_check_report report = { 0 };

    if (lp_check(ck->pager, ck->scratch, &report) != 0)
        fail_msg("%s: %s (0x%llx, 0x%llx)", ck->format, report.what,
                 (unsigned long long)report.a, (unsigned long long)report.b);
    assert_true(lp_host_check(ck->m));
}

/* Everything has been given back, and no oracle has failed. */
static inline void ck_destroy(struct ck *ck)
{
    unsigned cpu;

    for (cpu = 0; cpu < lp_host_kernel(ck->m)->ncpus; cpu++) {
        lp_host_cpu_set(ck->m, cpu);
        lp_host_deactivate(ck->m);
    }
    assert_int_equal(lp_host_frames_used(ck->m), ck->frames);
    assert_int_equal(lp_pager_destroy(ck->pager), 0);
    assert_int_equal(lp_host_frames_used(ck->m), 0);
    assert_int_equal(lp_host_failures(ck->m), 0);
    lp_host_destroy(ck->m);
    free(ck);
}

static inline struct lp_space *ck_space(struct ck *ck)
{
    struct lp_space *space;

    assert_int_equal(lp_space_create(ck->pager, &space), 0);
    return space;
}

static inline struct lp_space *ck_fork(struct lp_space *parent)
{
    struct lp_space *child;

    assert_int_equal(lp_fork(parent, &child), 0);
    return child;
}

/* Make it active on a CPU, which becomes the current one. */
static inline void ck_run(struct ck *ck, unsigned cpu, struct lp_space *space)
{
    lp_host_cpu_set(ck->m, cpu);
    lp_host_activate(ck->m, ck->pager, space);
}

/* Run it nowhere, and destroy it. */
static inline void ck_end(struct ck *ck, struct lp_space *space)
{
    unsigned cpu;

    for (cpu = 0; cpu < lp_host_kernel(ck->m)->ncpus; cpu++)
        if (lp_cpu_at(ck->pager, cpu)->current == space)
            ck_run(ck, cpu, NULL);
    lp_space_destroy(space);
}

static inline void ck_map(struct lp_space *space, lp_va va, uint64_t npages,
                          unsigned access, unsigned flags)
{
    assert_int_equal(
        lp_mmap(space, va, npages * LP_PAGE_SIZE, access, flags, NULL, 0), va);
}

/* A program on the current CPU. */
static inline void ck_write(struct ck *ck, lp_va va, unsigned char byte)
{
    assert_int_equal(lp_host_store(ck->m, va, &byte, 1), LP_HOST_OK);
}

static inline unsigned char ck_read(struct ck *ck, lp_va va)
{
    unsigned char byte = 0;

    assert_int_equal(lp_host_load(ck->m, va, &byte, 1), LP_HOST_OK);
    return byte;
}

/* A fault of a program, whether the space is active or not. */
static inline enum lp_decision ck_fault(struct lp_space *space, lp_va va,
                                        unsigned access)
{
    struct lp_fault fault = { va, access, LP_FAULT_USER };
    struct lp_fault_result result;

    assert_int_equal(lp_handle_fault(space, &fault, &result), 0);
    return result.decision;
}

static inline struct lp_walk ck_walk(struct lp_space *space, lp_va va)
{
    struct lp_walk walk;

    lp_table_walk(space, va, &walk);
    return walk;
}

static inline struct lp_leaf ck_leaf(struct lp_space *space, lp_va va)
{
    struct lp_walk walk = ck_walk(space, va);

    return lp_table_leaf(space, &walk);
}

static inline struct lp_frame *ck_frame(struct ck *ck, lp_pa pa)
{
    return lp_frame(&ck->pager->frames, pa);
}

static inline lp_pa ck_alloc(struct ck *ck, enum lp_frame_kind kind,
                             unsigned level)
{
    lp_pa pa = LP_PA_NONE;

    assert_int_equal(
        lp_frame_alloc(&ck->pager->frames, LP_FRAME_ZEROED, kind, level, &pa),
        0);
    return pa;
}

/* Forget what was recorded, and look with this hook from now on. */
static inline void ck_watch(struct ck *ck,
                            void (*hook)(struct ck *, const struct ck_event *))
{
    ck->nevents = 0;
    ck->seen = 0;
    ck->hook = hook;
}

/* How many recorded flushes were on this CPU? */
static inline unsigned ck_flushes(const struct ck *ck, unsigned cpu)
{
    unsigned i, n = 0;

    for (i = 0; i < ck->nevents; i++)
        n += ck->event[i].kind == CK_FLUSH && ck->event[i].cpu == cpu;
    return n;
}

/* Did this CPU drop all leaf translations of [start, end)? */
static inline bool ck_flushed(const struct ck *ck, unsigned cpu, lp_va start,
                              lp_va end)
{
    const struct ck_event *e;

    for (e = ck->event; e < ck->event + ck->nevents; e++)
        if (e->kind == CK_FLUSH && e->cpu == cpu &&
            (e->what.scope != LP_FLUSH_RANGE ||
             (e->what.start <= start && e->what.end >= end)))
            return true;
    return false;
}

/* Did it drop its upper-level entries? */
static inline bool ck_flushed_tables(const struct ck *ck, unsigned cpu)
{
    const struct ck_event *e;

    for (e = ck->event; e < ck->event + ck->nevents; e++)
        if (e->kind == CK_FLUSH && e->cpu == cpu && e->what.tables)
            return true;
    return false;
}

/* Are unowned tables write-protecting (x86), not out of reach (Sv)? */
static inline bool ck_is_w(const struct ck *ck)
{
    return (ck->f->table_unowned & ck->f->valid) != 0;
}

#define CK_EACH(name)                                       \
    for (const char *const *each_ = lp_host_formats, *name; \
         (name = *each_) != NULL; each_++)

#endif
