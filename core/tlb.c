/*
 * tlb.c: activation, address-space identifiers, flushes.
 *
 * Each CPU hands out its own identifiers to the spaces that it ran last, and
 * remembers for each how far in that space's flushes it has come.  The rules:
 *
 *   - A flush changes the tables, raises the generation, reads the set of active
 *     CPUs, and sends each a request.
 *   - Activation enters the set, reads the generation, and flushes unless
 *     its identifier has seen exactly that one.
 *
 * If the flush did not see the CPU in the set, the CPU read the new generation
 * and flushes by itself.  Entries under an identifier that is behind are dead:
 * the CPU cannot use them before it has flushed them.  So the exit of a space
 * needs no flush at all: no CPU runs it, and its id never comes again.
 *
 * A CPU may say that it has seen a generation only when it has seen all before:
 * one that skips a number takes it from a flush whose sender has not read the
 * set yet, and which may never reach the CPU if that leaves the set now.  It
 * stays behind, and flushes when it comes back.
 *
 * Fences.  Where the machine performs the flush itself (fence_cpus), no code of
 * ours runs on the other CPU, which stays behind: it will flush once more than
 * it had to when it comes back, and that is all.  Nobody knows the CPU's
 * identifier for the space, so what a fence drops it drops under all of them.
 * That makes it sound also beside an activation: a CPU that has entered the set
 * and read the old generation, but not yet loaded the root, has dropped the
 * stale entries of its identifier before it uses that.
 *
 * Code.  Instruction caches that do not watch stores are treated in the same way,
 * with one generation for all spaces, since what they hold is named by frames:
 * it is raised before a page becomes executable in a space, then the CPUs that
 * run the space are asked, while those that enter one have read the generation.
 * Here a number may be skipped: sync_code is about all stores, those of the
 * senders before too, and the additions order them.
 */
#include "tlb.h"

/* Also on the way: this CPU has fetched nothing that is older than `code`. */
static void sync_code_here(struct lp_pager *pager, struct lp_cpu *cpu,
                           uint64_t code)
{
    pager->arch->sync_code(pager->arch->ctx);
    /* no branch: false only when a newer request came in between */
    if (cpu->code < code)
        cpu->code = code;
}

/* A CPU enters a space, whose pages others may have filled meanwhile. */
static void catch_up_code(struct lp_pager *pager, struct lp_cpu *cpu)
{
    uint64_t code = atomic_load_explicit(&pager->code, memory_order_seq_cst);

    if (cpu->code != code)
        sync_code_here(pager, cpu, code);
}

/* A request to other CPUs. */
struct request {
    struct lp_space *space;
    const struct lp_flush *what;
    unsigned n;
    uint64_t generation;
};

static void set_active(struct lp_space *space, unsigned cpu)
{
    atomic_fetch_or_explicit(&space->active[cpu / 64],
                             (uint64_t)1 << (cpu % 64), memory_order_seq_cst);
}

static void clear_active(struct lp_space *space, unsigned cpu)
{
    atomic_fetch_and_explicit(&space->active[cpu / 64],
                              ~((uint64_t)1 << (cpu % 64)),
                              memory_order_release);
}

/* This CPU's identifier for a space; or nasids when it has none. */
static uint32_t find_asid(const struct lp_pager *pager,
                          const struct lp_cpu *cpu, uint64_t space)
{
    uint32_t i;

    for (i = 0; i < pager->nasids; i++)
        if (cpu->asids[i].space == space)
            break;
    return i;
}

/* Identifiers in use are 1.. where there are any: 0 is the pager's root. */
static uint32_t asid_number(const struct lp_pager *pager, uint32_t index)
{
    return pager->arch->asid_bits ? index + 1 : 0;
}

static uint32_t take_asid(const struct lp_pager *pager, struct lp_cpu *cpu,
                          uint64_t space)
{
    uint32_t i = find_asid(pager, cpu, space);

    if (i == pager->nasids) {
        i = cpu->next;
        cpu->next = (i + 1) % pager->nasids;
        cpu->asids[i] = (struct lp_asid){ space, 0 };
    }
    return i;
}

void lp_activate(struct lp_pager *pager, struct lp_space *space)
{
    const struct lp_arch *arch = pager->arch;
    unsigned number = lp_this_cpu(pager);
    struct lp_cpu *cpu = lp_cpu_at(pager, number);
    struct lp_space *before = cpu->current;
    uint64_t generation;
    struct lp_asid *asid;

    cpu->spurious_space = 0;
    if (before == space && space)
        return;
    if (!space) {
        cpu->current = NULL;
        arch->activate(arch->ctx, pager->root, 0, true);
    } else {
        set_active(space, number);
        generation =
            atomic_load_explicit(&space->generation, memory_order_seq_cst);
        if (arch->sync_code)
            catch_up_code(pager, cpu);
        cpu->asid = take_asid(pager, cpu, space->id);
        cpu->current = space;
        asid = &cpu->asids[cpu->asid];
        arch->activate(arch->ctx, space->root, asid_number(pager, cpu->asid),
                       asid->seen != generation || arch->asid_bits == 0);
        asid->seen = generation;
    }
    if (before)
        clear_active(before, number);
}

/* Serve a request on this CPU: our own or another CPU's. */
static void serve(void *arg)
{
    const struct request *request = arg;
    struct lp_pager *pager = request->space->pager;
    const struct lp_arch *arch = pager->arch;
    struct lp_cpu *cpu = lp_cpu_at(pager, lp_this_cpu(pager));
    struct lp_flush what;
    uint32_t i = find_asid(pager, cpu, request->space->id);
    unsigned k;

    if (i == pager->nasids)
        return;
    if (cpu->current != request->space) {
        cpu->asids[i].seen = 0;
        return;
    }
    for (k = 0; k < request->n; k++) {
        what = request->what[k];
        what.asid = asid_number(pager, i);
        arch->flush(arch->ctx, &what);
    }
    if (cpu->asids[i].seen + 1 == request->generation)
        cpu->asids[i].seen = request->generation;
}

/* Make other CPUs forget under all ASIDs what is described for one. */
LP_APART static void fence(const struct lp_kernel *kernel,
                           const struct lp_cpuset *cpus,
                           const struct lp_flush *what, unsigned n)
{
    struct lp_flush every[LP_FENCES_MAX];
    unsigned i;

    lp_assert2(kernel, n <= LP_FENCES_MAX, n, 0);
    for (i = 0; i < n; i++) {
        every[i] = what[i];
        every[i].scope =
            what[i].scope == LP_FLUSH_RANGE ? LP_FLUSH_GLOBAL : LP_FLUSH_ALL;
        every[i].asid = 0;
    }
    kernel->fence_cpus(kernel->ctx, cpus, every, n);
}

/* The CPUs that run the space, without this one; returns their number. */
static unsigned other_cpus(const struct lp_space *space, unsigned self,
                           struct lp_cpuset *out)
{
    unsigned i, n = 0;
    uint64_t rest;

    for (i = 0; i < LP_CPUS_MAX / 64; i++) {
        out->word[i] =
            atomic_load_explicit(&space->active[i], memory_order_seq_cst);
        if (i == self / 64)
            out->word[i] &= ~((uint64_t)1 << (self % 64));
        for (rest = out->word[i]; rest; rest &= rest - 1)
            n++;
    }
    return n;
}

void lp_tlb_flush(struct lp_space *space, const struct lp_flush *what,
                  unsigned n)
{
    struct lp_pager *pager = space->pager;
    unsigned self = lp_this_cpu(pager), nothers;
    struct request request = { space, what, n, 0 };
    struct lp_cpuset others;

    request.generation =
        atomic_fetch_add_explicit(&space->generation, 1, memory_order_seq_cst) +
        1;
    nothers = other_cpus(space, self, &others);
    if (lp_cpu_at(pager, self)->current == space)
        lp_count(space, flushes_local);
    serve(&request);
    if (nothers) {
        lp_count_n(space, flushes_remote, nothers);
        if (pager->kernel->fence_cpus)
            fence(pager->kernel, &others, what, n);
        else
            pager->kernel->call_cpus(pager->kernel->ctx, &others, serve,
                                     &request);
    }
}

void lp_tlb_flush_here(struct lp_space *space, lp_va start, lp_va end,
                       bool tables)
{
    struct lp_pager *pager = space->pager;
    const struct lp_arch *arch = pager->arch;
    const struct lp_cpu *cpu = lp_cpu_at(pager, lp_this_cpu(pager));
    struct lp_flush what = {
        .scope = LP_FLUSH_RANGE, .tables = tables, .start = start, .end = end
    };

    if (cpu->current != space)
        return;
    what.asid = asid_number(pager, cpu->asid);
    lp_count(space, flushes_local);
    arch->flush(arch->ctx, &what);
}

/* A flush that does not depend on who runs what. */
struct broadcast {
    const struct lp_arch *arch;
    const struct lp_flush *what;
};

static void serve_broadcast(void *arg)
{
    const struct broadcast *b = arg;

    b->arch->flush(b->arch->ctx, b->what);
}

/* All CPUs but this one; false: there is no other. */
static bool all_others(const struct lp_kernel *kernel, unsigned self,
                       struct lp_cpuset *out)
{
    unsigned cpu;

    *out = (struct lp_cpuset){ { 0 } };
    for (cpu = 0; cpu < kernel->ncpus; cpu++)
        if (cpu != self)
            out->word[cpu / 64] |= (uint64_t)1 << (cpu % 64);
    return kernel->ncpus > 1;
}

/* Every CPU does what is said; scope GLOBAL or ALL. */
static void flush_everywhere(const struct lp_pager *pager,
                             const struct lp_flush *what)
{
    const struct lp_kernel *kernel = pager->kernel;
    struct broadcast broadcast = { pager->arch, what };
    struct lp_cpuset others;

    serve_broadcast(&broadcast);
    if (!all_others(kernel, lp_this_cpu(pager), &others))
        return;
    if (kernel->fence_cpus)
        kernel->fence_cpus(kernel->ctx, &others, what, 1);
    else
        kernel->call_cpus(kernel->ctx, &others, serve_broadcast, &broadcast);
}

void lp_tlb_flush_all(struct lp_pager *pager)
{
    struct lp_flush what = { .scope = LP_FLUSH_ALL, .tables = true };

    flush_everywhere(pager, &what);
}

void lp_tlb_flush_kernel(struct lp_pager *pager, lp_va start, lp_va end,
                         bool tables)
{
    struct lp_flush what = {
        .scope = LP_FLUSH_GLOBAL, .tables = tables, .start = start, .end = end
    };

    flush_everywhere(pager, &what);
}

struct code_request {
    struct lp_pager *pager;
    uint64_t code;
};

static void serve_code(void *arg)
{
    const struct code_request *request = arg;
    struct lp_pager *pager = request->pager;

    sync_code_here(pager, lp_cpu_at(pager, lp_this_cpu(pager)), request->code);
}

/* The new generation, up to which this CPU is right already. */
static uint64_t raise_code(struct lp_pager *pager)
{
    uint64_t code =
        atomic_fetch_add_explicit(&pager->code, 1, memory_order_seq_cst) + 1;

    sync_code_here(pager, lp_cpu_at(pager, lp_this_cpu(pager)), code);
    return code;
}

/* Other CPUs; where the machine does it they stay behind, and do it again. */
static void sync_code_there(struct lp_pager *pager,
                            const struct lp_cpuset *others, uint64_t code)
{
    const struct lp_kernel *kernel = pager->kernel;
    struct code_request request = { pager, code };

    if (kernel->sync_code_cpus)
        kernel->sync_code_cpus(kernel->ctx, others);
    else
        kernel->call_cpus(kernel->ctx, others, serve_code, &request);
}

void lp_tlb_sync_code_slow(struct lp_space *space)
{
    struct lp_pager *pager = space->pager;
    uint64_t code = raise_code(pager);
    struct lp_cpuset others;

    if (other_cpus(space, lp_this_cpu(pager), &others))
        sync_code_there(pager, &others, code);
}

void lp_tlb_sync_code_kernel(struct lp_pager *pager, unsigned access)
{
    struct lp_cpuset others;
    uint64_t code;

    if (!(access & pager->code_access))
        return;
    code = raise_code(pager);
    if (all_others(pager->kernel, lp_this_cpu(pager), &others))
        sync_code_there(pager, &others, code);
}

void lp_sync_code(struct lp_space *space)
{
    lp_preempt_disable(space->pager->kernel);
    lp_tlb_sync_code(space, LP_EXEC);
    lp_preempt_enable(space->pager->kernel);
}

bool lp_tlb_active(const struct lp_space *space)
{
    unsigned i;

    for (i = 0; i < LP_CPUS_MAX / 64; i++)
        if (atomic_load_explicit(&space->active[i], memory_order_seq_cst))
            return true;
    return false;
}

bool lp_tlb_repeated(struct lp_space *space, lp_va va)
{
    struct lp_pager *pager = space->pager;
    struct lp_cpu *cpu = lp_cpu_at(pager, lp_this_cpu(pager));
    uint64_t faults = lp_counted(space, faults);
    uint64_t generation =
        atomic_load_explicit(&space->generation, memory_order_seq_cst);
    bool same = cpu->spurious == va && cpu->spurious_space == space->id &&
                cpu->spurious_faults + 1 == faults &&
                cpu->spurious_generation == generation;

    cpu->spurious = va;
    cpu->spurious_space = space->id;
    cpu->spurious_faults = faults;
    cpu->spurious_generation = generation;
    return same;
}
