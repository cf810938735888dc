/*
 * access.c: what programs do: loads, stores, fetches, and the faults of them.
 *
 * An access of at most SMALL bytes is one instruction: both of its pages are
 * translated before a byte moves, and after a fault it starts over.  A longer
 * one goes page by page, as a string instruction does.
 *
 * User data is accessed by relaxed atomics, so that programs may race with each
 * other: what ThreadSanitizer reports is the library's.
 */
#include "machine.h"

#include <sched.h>
#include <string.h>

enum {
    SMALL = 64,
    TRIES = 8, /* faults said to be resolved, per page of an access */
};

/* One access of one program. */
struct run {
    struct lp_host *m;
    struct lp_host_cpu *cpu;
    enum lp_host_mode mode;
    unsigned access;
    bool handle;               /* faults are handled */
    struct lp_host_trap *trap; /* else what it was, or NULL */
    unsigned faults;
};

/* --- bytes --- */

/* One atomic move of a type; buffer may be misaligned. */
#define MOVE(type)                                               \
    do {                                                         \
        type unit_;                                              \
        if (store) {                                             \
            memcpy(&unit_, buffer, sizeof unit_);                \
            atomic_store_explicit((_Atomic type *)memory, unit_, \
                                  memory_order_relaxed);         \
        } else {                                                 \
            unit_ = atomic_load_explicit((_Atomic type *)memory, \
                                         memory_order_relaxed);  \
            memcpy(buffer, &unit_, sizeof unit_);                \
        }                                                        \
    } while (0)

static void move_unit(bool store, void *memory, void *buffer, size_t size)
{
    switch (size) {
    case 8: MOVE(uint64_t); break;
    case 4: MOVE(uint32_t); break;
    case 2: MOVE(uint16_t); break;
    default: MOVE(uint8_t); break;
    }
}

/* The largest aligned unit that fits. */
static size_t unit_at(uintptr_t memory, size_t left)
{
    size_t size = 8;

    while (size > left || memory & (size - 1))
        size /= 2;
    return size;
}

/* Between memory and a buffer, which may be NULL for loads. */
static void move(bool store, unsigned char *memory, unsigned char *buffer,
                 size_t len)
{
    unsigned char nowhere[8];
    size_t done, size;

    for (done = 0; done < len; done += size) {
        size = unit_at((uintptr_t)(memory + done), len - done);
        move_unit(store, memory + done, buffer ? buffer + done : nowhere, size);
    }
}

/* --- what a fence waits for --- */

/*
 * An access from before its translation until its bytes have moved, or until
 * it has faulted: a fence waits for its end (lp_host_access_over).
 */
static void enter_access(struct lp_host_cpu *cpu)
{
    if (cpu->m->threads)
        atomic_fetch_add(&cpu->accesses, 1);
    lp_host_icache_enter(cpu);
}

static void leave_access(struct lp_host_cpu *cpu)
{
    if (cpu->m->threads && atomic_load(&cpu->accesses) & 1)
        atomic_fetch_add(&cpu->accesses, 1);
}

void lp_host_access_over(struct lp_host_cpu *cpu)
{
    uint32_t seen = atomic_load(&cpu->accesses);

    if (!cpu->m->threads || !(seen & 1))
        return;
    while (atomic_load(&cpu->accesses) == seen)
        sched_yield();
}

/* --- faults --- */

static int call_handler(struct run *run, const struct lp_fault *fault,
                        struct lp_fault_result *result)
{
    struct lp_host *m = run->m;
    const struct lp_host_core *core = atomic_load(&m->core);

    if (m->config.fault)
        return m->config.fault(m->config.ctx, fault, result);
    if (core && run->cpu->space)
        return core->fault(run->cpu->space, fault, result);
    lp_host_fail(m, "CPU %u: page fault at va 0x%llx, and no space is active",
                 run->cpu->number, (unsigned long long)fault->va);
    result->code = LP_FAULT_MAPERR;
    return -LP_EFAULT;
}

static enum lp_host_code handle(struct run *run, const struct lp_fault *fault)
{
    struct lp_host *m = run->m;
    struct lp_host_cpu *cpu = run->cpu;
    struct lp_fault_result result = { 0 };
    int error;

    if (run->faults++ == 2 * TRIES) {
        lp_host_fail(m,
                     "CPU %u: the fault at va 0x%llx (access %u) is "
                     "resolved again and again",
                     cpu->number, (unsigned long long)fault->va, fault->access);
        return LP_HOST_BROKEN;
    }
    cpu->stats.traps++;
    error = call_handler(run, fault, &result);
    cpu->last_fault = result;
    if ((error == 0) != (result.code == LP_FAULT_OK))
        lp_host_fail(m, "the fault at va 0x%llx gave error %d and code %d",
                     (unsigned long long)fault->va, error, (int)result.code);
    if (cpu->preempt)
        lp_host_fail(m, "CPU %u: a fault returns with preemption off",
                     cpu->number);
    if (m->config.flags & LP_HOST_CHECK_ALWAYS && !lp_host_check(m))
        return LP_HOST_BROKEN;
    return error ? (enum lp_host_code)result.code : LP_HOST_OK;
}

/* OK: run the access again. */
static enum lp_host_code trap(struct run *run, lp_va va, unsigned flags,
                              bool page_fault)
{
    struct lp_host_trap what = {
        .page_fault = page_fault,
        .va = va,
        .access = run->access,
        .flags = flags | (run->mode == LP_HOST_USER ? LP_FAULT_USER : 0),
    };
    struct lp_fault fault;

    leave_access(run->cpu);
    if (run->trap)
        *run->trap = what;
    if (run->m->arch.decode(run->m->arch.ctx, &what, &fault))
        return LP_HOST_PROTECTION;
    return run->handle ? handle(run, &fault) : LP_HOST_FAULT;
}

/* --- one instruction --- */

/* Remember for lp_host_check that D must be found for this page. */
static void note_store(struct run *run, lp_va va, lp_pa pa)
{
    struct lp_host_frame *frame = lp_host_frame_of(run->m, pa);
    struct lp_host_asid *asid = run->cpu->active;
    struct lp_host_cached entry = { .key = lp_host_leaf_key(va), .pa = pa };
    const struct lp_host_cached *old;

    if (!frame || !run->cpu->space)
        return;
    entry.since = atomic_load_explicit(&frame->written, memory_order_relaxed);
    if (!atomic_load_explicit(&frame->stored, memory_order_relaxed))
        atomic_store_explicit(&frame->stored, 1, memory_order_relaxed);
    lp_host_lock(run->cpu);
    old = lp_host_cache_find(&asid->stores, entry.key);
    if (!old || old->pa != pa || old->since != entry.since)
        lp_host_cache_put(&asid->stores, &entry);
    lp_host_unlock(run->cpu);
}

/* Translate one page.  OK and *memory; OK and NULL: run it all again. */
static enum lp_host_code translate(struct run *run, lp_va va,
                                   unsigned char **memory)
{
    struct lp_host_cached cached;
    unsigned flags;

    *memory = NULL;
    run->cpu->stats.accesses++;
    switch (lp_host_translate_on(run->cpu, run->mode, run->access, va, &cached,
                                 &flags)) {
    case LP_HOST_HIT:
        *memory = lp_host_reach(run->m, cached.pa, "page", va);
        if (!*memory)
            return LP_HOST_BROKEN;
        if (run->access == LP_WRITE)
            note_store(run, va, cached.pa);
        if (run->access == LP_EXEC)
            *memory = lp_host_icache(run->cpu, cached.pa, *memory);
        *memory += va & LP_PAGE_MASK;
        return LP_HOST_OK;
    case LP_HOST_PAGE_FAULT: return trap(run, va, flags, true);
    case LP_HOST_NOT_CANONICAL: return trap(run, va, 0, false);
    default: return LP_HOST_BROKEN;
    }
}

/* The part of [va, va + len) in the page of va. */
static size_t in_page(lp_va va, size_t len)
{
    size_t room = (size_t)(LP_PAGE_SIZE - (va & LP_PAGE_MASK));

    return len < room ? len : room;
}

/* At most two pages: all or nothing. */
static enum lp_host_code instruction(struct run *run, lp_va va,
                                     unsigned char *buffer, size_t len)
{
    size_t first = in_page(va, len);
    bool store = run->access == LP_WRITE;
    unsigned char *low, *high;
    enum lp_host_code code;

    run->faults = 0;
    do {
        high = NULL;
        leave_access(run->cpu); /* the page that did not fault, if one did */
        enter_access(run->cpu);
        code = translate(run, va, &low);
        if (code == LP_HOST_OK && low && first < len)
            code = translate(run, va + first, &high);
    } while (code == LP_HOST_OK && (!low || (first < len && !high)));
    if (code == LP_HOST_OK)
        move(store, low, buffer, first);
    if (code == LP_HOST_OK && high)
        move(store, high, buffer ? buffer + first : NULL, len - first);
    leave_access(run->cpu);
    return code;
}

/* The CPU is about to run a program. */
static struct lp_host_cpu *enter(struct lp_host *m)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);

    lp_host_serve(cpu);
    cpu->polls = 0;
    if (cpu->preempt || cpu->interrupt)
        lp_host_fail(m, "CPU %u: a program runs with preemption off",
                     cpu->number);
    return cpu;
}

static enum lp_host_code run_all(struct run *run, lp_va va, void *buffer,
                                 size_t len)
{
    unsigned char *at = buffer;
    enum lp_host_code code = LP_HOST_OK;
    size_t part;

    run->cpu = enter(run->m);
    if (len <= SMALL)
        return len ? instruction(run, va, at, len) : LP_HOST_OK;
    while (len && code == LP_HOST_OK) {
        lp_host_serve(run->cpu);
        part = in_page(va, len);
        code = instruction(run, va, at, part);
        va += part;
        len -= part;
        at = at ? at + part : NULL;
    }
    return code;
}

/* --- what tests call --- */

enum lp_host_code lp_host_access(struct lp_host *m, enum lp_host_mode mode,
                                 unsigned access, lp_va va, void *buffer,
                                 size_t len)
{
    struct run run = { .m = m, .mode = mode, .access = access, .handle = true };

    return run_all(&run, va, buffer, len);
}

enum lp_host_code lp_host_peek(struct lp_host *m, enum lp_host_mode mode,
                               unsigned access, lp_va va, void *buffer,
                               size_t len, struct lp_host_trap *what)
{
    struct run run = { .m = m, .mode = mode, .access = access, .trap = what };

    return run_all(&run, va, buffer, len);
}

enum lp_host_code lp_host_load(struct lp_host *m, lp_va va, void *to,
                               size_t len)
{
    return lp_host_access(m, LP_HOST_USER, LP_READ, va, to, len);
}

enum lp_host_code lp_host_store(struct lp_host *m, lp_va va, const void *from,
                                size_t len)
{
    /* A store only reads its buffer. */
    return lp_host_access(m, LP_HOST_USER, LP_WRITE, va,
                          (void *)(uintptr_t)from, len);
}

enum lp_host_code lp_host_fetch(struct lp_host *m, lp_va va, void *to,
                                size_t len)
{
    return lp_host_access(m, LP_HOST_USER, LP_EXEC, va, to, len);
}

enum lp_host_code lp_host_fetch_add(struct lp_host *m, lp_va va, uint64_t delta,
                                    uint64_t *old)
{
    struct run run = {
        .m = m, .mode = LP_HOST_USER, .access = LP_WRITE, .handle = true
    };
    enum lp_host_code code = LP_HOST_OK;
    unsigned char *memory = NULL;
    uint64_t before = 0;

    run.cpu = enter(m);
    while (code == LP_HOST_OK && !memory) {
        enter_access(run.cpu);
        code = translate(&run, va & ~(lp_va)7, &memory);
    }
    if (code == LP_HOST_OK)
        before = atomic_fetch_add((_Atomic uint64_t *)(void *)memory, delta);
    leave_access(run.cpu);
    if (code != LP_HOST_OK)
        return code;
    if (old)
        *old = before;
    return LP_HOST_OK;
}

struct lp_fault_result lp_host_last_fault(struct lp_host *m)
{
    return lp_host_this_cpu(m)->last_fault;
}

static unsigned as_program(const struct lp_host_cached *entry, lp_pa *pa)
{
    if (pa)
        *pa = entry ? entry->pa : LP_PA_NONE;
    if (!entry || entry->negative || !(entry->rights & LP_HOST_RIGHT_USER))
        return 0;
    return entry->rights & (LP_READ | LP_WRITE | LP_EXEC);
}

unsigned lp_host_translate(struct lp_host *m, lp_va va, lp_pa *pa)
{
    const struct lp_host_asid *active = lp_host_this_cpu(m)->active;
    struct lp_host_cached now;
    bool there = active && lp_host_look(m, active->root, va, 0, &now);

    return as_program(there ? &now : NULL, pa);
}

unsigned lp_host_cached(struct lp_host *m, lp_va va, lp_pa *pa)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);
    const struct lp_host_cached *entry = NULL;

    if (cpu->active)
        entry = lp_host_cache_find(&cpu->active->leaves, lp_host_leaf_key(va));
    if (!entry)
        entry = lp_host_cache_find(&cpu->global, lp_host_leaf_key(va));
    return as_program(entry, pa);
}
