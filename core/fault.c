/*
 * fault.c: from a fault to a page.
 *
 *     lock for reading -> find the area -> walk -> decide -> apply
 *                      -> flush -> unlock -> free
 *
 * The decision that counts is made under the leaf table's lock.  Where there is
 * no leaf table yet, or the path to it is not owned, one is made before, to
 * learn whether a table or the lock for writing is needed at all.  If somebody
 * else was faster in between, the attempt starts over.
 *
 * Owning a table by copying takes the space's lock for writing; everything else
 * runs under the lock for reading, so that faults in different leaf tables do
 * not wait for each other.
 */
#include "fault.h"

#include "around.h"
#include "decide.h"
#include "own.h"

/* One attempt, from lock to unlock. */
struct attempt {
    struct lp_space *space;
    const struct lp_fault *fault;
    bool writing; /* the space is locked for writing, the path is ours */
    bool opened;  /* entries above level 0 became usable in this fault */
    struct lp_vma vma;
    struct lp_walk walk;
    struct lp_leaf leaf;
    struct lp_facts facts;
    lp_pa page; /* the object's, with a reference of ours; or LP_PA_NONE */
    struct lp_gather gather;
};

/* How an attempt ends. */
enum outcome {
    DONE,       /* decided: see the decision and the code */
    WANT_FILL,  /* the object must read; it has been referenced */
    AGAIN,      /* somebody was faster, or the path was owned in place */
    WANT_WRITE, /* a table must be copied or cleaned */
    NO_FRAME,
};

/* What the hardware would let pass on this path, A and D included. */
static unsigned granted(const struct lp_pager *pager,
                        const struct lp_leaf *leaf, bool owned)
{
    unsigned access = lp_table_reach(pager, leaf->access, owned);

    if (pager->format.hardware_ad)
        return access;
    /* no branch: every leaf is made with A, and nothing clears it yet */
    if (!leaf->accessed)
        return 0;
    return leaf->dirty ? access : access & ~(unsigned)LP_WRITE;
}

static uint64_t page_index(const struct attempt *a)
{
    return (a->vma.offset + (a->fault->va - a->vma.start)) >> LP_PAGE_SHIFT;
}

/*
 * What is known before a look at any page; false when that is enough to refuse.
 */
LP_INLINE bool observe_area(struct attempt *a)
{
    const struct lp_fault *fault = a->fault;
    unsigned refused =
        fault->flags & (LP_FAULT_RESERVED | LP_FAULT_KEY | LP_FAULT_SUPERVISOR);
    bool area = fault->va < a->space->pager->format.user_end &&
                lp_vma_find(&a->space->vmas, fault->va, &a->vma) &&
                a->vma.start <= fault->va;
    unsigned allowed = area ? lp_allowed(a->space->pager, a->vma.flags) : 0;

    /* The kernel never runs a program's code. */
    if (!(fault->flags & LP_FAULT_USER) && fault->access == LP_EXEC)
        refused |= LP_FAULT_SUPERVISOR;
    a->facts = (struct lp_facts){ .wanted = (uint8_t)fault->access,
                                  .refused = (uint8_t)refused,
                                  .allowed = (uint8_t)allowed,
                                  .area = area };
    return !refused && (fault->access & allowed);
}

/* Facts of an entry that holds no page. */
LP_INLINE void observe_absent(struct attempt *a)
{
    struct lp_facts *facts = &a->facts;

    facts->present = false;
    facts->shared = (a->vma.flags & LP_VMA_SHARED) != 0;
    if (a->vma.object && a->page == LP_PA_NONE)
        facts->source =
            (uint8_t)lp_object_grab(a->vma.object, page_index(a), &a->page);
}

/* Facts of the page that the entry holds. */
static void observe_present(struct attempt *a)
{
    struct lp_pager *pager = a->space->pager;
    struct lp_facts *facts = &a->facts;
    const struct lp_leaf leaf = a->leaf = lp_table_leaf(a->space, &a->walk);

    facts->present = true;
    facts->granted = (uint8_t)granted(pager, &leaf, facts->path_owned);
    facts->shared = leaf.shared;
    facts->zero_page = leaf.pa == pager->zero_page;
    facts->sole = facts->wanted == LP_WRITE && !leaf.uncounted &&
                  lp_frame_count(lp_frame(&pager->frames, leaf.pa)) == 1;
}

/* Facts of the entry as the walk found it, and the decision. */
LP_INLINE enum lp_decision decide(struct attempt *a, enum lp_fault_code *code)
{
    a->facts.path_owned = a->walk.owned;
    if (lp_table_absent(&a->walk))
        observe_absent(a);
    else
        observe_present(a);
    return lp_fault_decide(&a->facts, code);
}

/* The reference that lp_object_grab took has not become an entry's. */
static void release_page(struct attempt *a)
{
    if (a->page == LP_PA_NONE)
        return;
    if (a->vma.object->kind != LP_OBJECT_DEVICE)
        lp_frame_put(&a->space->pager->frames, a->page);
    a->page = LP_PA_NONE;
}

static void install(struct attempt *a, lp_pa pa, unsigned access, bool dirty)
{
    lp_tlb_sync_code(a->space, access);
    lp_table_install(
        a->space, &a->walk,
        &(struct lp_new_leaf){ .pa = pa, .access = access, .dirty = dirty },
        &a->gather);
}

static enum outcome apply_zero(struct attempt *a)
{
    struct lp_pager *pager = a->space->pager;
    unsigned allowed = a->facts.allowed;
    bool write = a->facts.wanted == LP_WRITE;
    lp_pa pa;

    if (!write && !(pager->options.flags & LP_OPTION_NO_ZERO_PAGE)) {
        install(a, pager->zero_page, allowed & ~(unsigned)LP_WRITE, false);
        return DONE;
    }
    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_DATA, 0, &pa))
        return NO_FRAME;
    install(a, pa, allowed, write);
    return DONE;
}

static enum outcome apply_copy(struct attempt *a)
{
    struct lp_frames *frames = &a->space->pager->frames;
    lp_pa from = a->leaf.present ? a->leaf.pa : a->page, pa;

    if (lp_frame_alloc(frames, LP_FRAME_ANY, LP_KIND_DATA, 0, &pa))
        return NO_FRAME;
    memcpy(lp_frame_memory(frames, pa), lp_frame_memory(frames, from),
           LP_PAGE_SIZE);
    install(a, pa, a->facts.allowed, true);
    lp_count(a->space, copies);
    return DONE;
}

/*
 * Map an object's page; the reference to it becomes the entry's.  Code has been
 * synced.
 */
static void map_page(struct attempt *a, struct lp_walk *walk, lp_pa pa,
                     bool dirty)
{
    const struct lp_object *object = a->vma.object;
    bool shared = (a->vma.flags & LP_VMA_SHARED) != 0;
    struct lp_new_leaf leaf = {
        .pa = pa,
        .access = a->facts.allowed & (shared ? 7u : ~(unsigned)LP_WRITE),
        .shared = shared,
        .uncounted = object->kind == LP_OBJECT_DEVICE,
        .dirty = shared && dirty,
        .cache = object->cache_mode,
    };

    lp_table_install(a->space, walk, &leaf, &a->gather);
}

/* Code is synced once for all of them, after the last has been filled. */
LP_APART static enum outcome apply_map(struct attempt *a)
{
    struct lp_around around;
    struct lp_walk walk;
    unsigned i;
    lp_va va;

    lp_around_grab(a->space, &a->vma, &a->walk, a->page, &around);
    a->page = LP_PA_NONE;
    lp_tlb_sync_code(a->space, a->facts.allowed);
    for (i = 0; i < around.n; i++) {
        if (around.page[i] == LP_PA_NONE)
            continue;
        va = around.start + i * LP_PAGE_SIZE;
        walk = lp_table_beside(&a->walk, va);
        map_page(a, &walk, around.page[i],
                 a->facts.wanted == LP_WRITE &&
                     va == lp_round_down(a->fault->va));
    }
    return DONE;
}

/* This CPU may hold what the fault found; with the levels above, or without. */
static void flush_page(const struct attempt *a, bool tables)
{
    lp_va va = lp_round_down(a->fault->va);

    lp_tlb_flush_here(a->space, va, va + LP_PAGE_SIZE, tables);
}

/* More rights for a page that stays; W only where it is right already. */
static enum outcome apply_widen(struct attempt *a)
{
    unsigned access = a->facts.allowed;
    const struct lp_object *object = a->vma.object;

    if (!a->facts.shared)
        access &= ~(unsigned)LP_WRITE;
    lp_tlb_sync_code(a->space, access & ~a->leaf.access);
    lp_table_grant(a->space, &a->walk, access, a->facts.wanted == LP_WRITE,
                   object ? object->cache_mode : LP_CACHE_WRITEBACK);
    flush_page(a, false);
    return DONE;
}

static enum outcome apply_reuse(struct attempt *a)
{
    uint64_t span = lp_span(&a->space->pager->format, 1);
    lp_va base = a->fault->va & ~(span - 1);

    lp_frame_claim(lp_frame(&a->space->pager->frames, a->leaf.pa));
    lp_tlb_sync_code(a->space, a->facts.allowed & ~a->leaf.access);
    lp_table_grant(a->space, &a->walk, a->facts.allowed, true,
                   LP_CACHE_WRITEBACK);
    if (lp_own_sweep(a->space, &a->walk))
        lp_tlb_flush_here(a->space, base, base + span, false);
    else
        flush_page(a, false);
    return DONE;
}

/* Carry a decision out that changes the entry.  Leaf table locked. */
static enum outcome apply(struct attempt *a, enum lp_decision decision)
{
    /* no branch: changes() lets no other decision come here */
    switch (decision) {
    case LP_ZERO: return apply_zero(a);
    case LP_COPY: return apply_copy(a);
    case LP_MAP: return apply_map(a);
    case LP_WIDEN: return apply_widen(a);
    case LP_REUSE: return apply_reuse(a);
    default:
        lp_assert2(a->space->pager->kernel, false, decision, a->fault->va);
        return DONE;
    }
}

/* Does this decision change the entry? */
static bool changes(enum lp_decision decision)
{
    return decision >= LP_ZERO;
}

/* Carry out a decision that leaves the entry alone. */
static enum outcome leave(struct attempt *a, enum lp_decision decision)
{
    switch (decision) {
    case LP_SPURIOUS: flush_page(a, true); return DONE;
    case LP_FILL: lp_object_get(a->vma.object); return WANT_FILL;
    case LP_OWN:
        return lp_own_read_locked(a->space, a->fault->va) ? AGAIN : WANT_WRITE;
    default: return DONE;
    }
}

/* Decide for good under the leaf table's lock, and do it. */
LP_INLINE enum outcome decide_locked(struct attempt *a,
                                     struct lp_fault_result *result)
{
    struct lp_space *space = a->space;
    enum outcome outcome;
    bool absent;

    lp_table_lock(space, &a->walk);
    absent = lp_table_absent(&a->walk);
    result->decision = decide(a, &result->code);
    if (!changes(result->decision)) {
        lp_table_unlock(&a->walk);
        return leave(a, result->decision);
    }
    outcome = apply(a, result->decision);
    lp_gather_flush(&a->gather);
    lp_table_unlock(&a->walk);
    if ((absent || a->opened) && space->pager->arch->caches_invalid)
        flush_page(a, a->opened);
    return outcome;
}

/*
 * Where there is no leaf table yet, or the path is not owned: decide without
 * the lock that is not there.  AGAIN: there is a table now, decide for good.
 */
static enum outcome decide_early(struct attempt *a,
                                 struct lp_fault_result *result)
{
    result->decision = decide(a, &result->code);
    if (!changes(result->decision))
        return leave(a, result->decision);
    if (lp_table_extend(a->space, &a->walk))
        return NO_FRAME;
    a->opened = true;
    return AGAIN;
}

LP_INLINE enum outcome attempt(struct attempt *a,
                               struct lp_fault_result *result)
{
    struct lp_space *space = a->space;
    enum outcome outcome;

    if (lp_unlikely(!observe_area(a))) {
        result->decision = lp_fault_decide(&a->facts, &result->code);
        return DONE;
    }
    if (lp_unlikely(a->writing) && lp_own_path(space, a->fault->va, &a->gather))
        return NO_FRAME;
    lp_table_walk(space, a->fault->va, &a->walk);
    a->walk.owned |= a->writing;
    if (lp_unlikely(a->walk.level > 0 || !a->walk.owned)) {
        outcome = decide_early(a, result);
        if (outcome != AGAIN || a->walk.level > 0 || !a->walk.owned)
            return outcome;
    }
    return decide_locked(a, result);
}

/* A page that an object must read; the object is referenced. */
struct pending {
    struct lp_object *object;
    uint64_t index;
};

/* One attempt under the lock.  owned: the path became ours in an earlier one. */
LP_NO_TSA LP_INLINE enum outcome attempt_locked(struct lp_space *space,
                                                const struct lp_fault *fault,
                                                bool writing, bool owned,
                                                struct lp_fault_result *result,
                                                struct pending *pending)
{
    enum outcome outcome;
    struct attempt a;

    a.space = space;
    a.fault = fault;
    a.writing = writing;
    a.opened = writing || owned;
    a.page = LP_PA_NONE;
    a.leaf.present = false;
    lp_gather_init(&a.gather, space);
    if (writing)
        lp_space_write_lock(space);
    else
        lp_space_read_lock(space);
    outcome = attempt(&a, result);
    lp_trace(space, .kind = LP_TRACE_DECISION, .va = fault->va,
             .access = fault->access, .decision = result->decision);
    if (writing)
        lp_gather_flush(&a.gather);
    if (outcome == WANT_FILL) {
        pending->object = a.vma.object;
        pending->index = page_index(&a);
    }
    release_page(&a);
    if (writing)
        lp_space_write_unlock(space);
    else
        lp_space_read_unlock(space);
    lp_gather_free(&a.gather);
    return outcome;
}

/* Ask the object for a page; 0: start over, else the fault's end. */
static int fill(struct lp_space *space, const struct pending *pending,
                struct lp_fault_result *result)
{
    int error = lp_object_load(pending->object, pending->index);
    bool major = !error && pending->object->ops->fill;

    lp_object_put(pending->object);
    if (major && !result->major)
        lp_count(space, major_faults);
    result->major = result->major || major;
    if (!error)
        return 0;
    if (error == -LP_ENOMEM)
        return lp_low_memory(space->pager) ? 0 : -LP_ENOMEM;
    if (error == -LP_EAGAIN) {
        result->code = LP_FAULT_RETRY;
        return -LP_EAGAIN;
    }
    result->code = LP_FAULT_BUS;
    return -LP_EIO;
}

static int error_of(enum lp_fault_code code)
{
    if (code == LP_FAULT_OK)
        return 0;
    return code == LP_FAULT_BUS ? -LP_EIO : -LP_EFAULT;
}

/*
 * Count a decision that was carried out.  When owning the path was all that it
 * took, the entry itself was fine: that is an OWN, not a spurious fault.
 */
LP_INLINE void note(struct lp_space *space, struct lp_fault_result *result,
                    bool owned)
{
    if (result->decision == LP_SPURIOUS && owned)
        result->decision = LP_OWN;
    else
        lp_count(space, decisions[result->decision]);
}

/*
 * A spurious fault that comes back at once, in kernel mode, is one that no
 * flush mends (a protection that the decoding did not know): refuse it.
 */
static void refuse_spurious(struct lp_space *space,
                            const struct lp_fault *fault,
                            struct lp_fault_result *result)
{
    bool repeated;

    if (result->decision != LP_SPURIOUS)
        return;
    lp_preempt_disable(space->pager->kernel);
    repeated = lp_tlb_repeated(space, fault->va);
    lp_preempt_enable(space->pager->kernel);
    if (repeated) {
        result->decision = LP_DENY;
        result->code = LP_FAULT_ACCERR;
    }
}

/* What is left to do when an attempt did not end the fault; 0: try again. */
static int go_on(struct lp_space *space, enum outcome outcome,
                 const struct pending *pending, struct lp_fault_result *result)
{
    int error = 0;

    if (outcome == WANT_FILL)
        error = fill(space, pending, result);
    else if (outcome == NO_FRAME && !lp_low_memory(space->pager))
        error = -LP_ENOMEM;
    if (error == -LP_ENOMEM)
        result->code = LP_FAULT_NOMEM;
    return error;
}

/* A zeroed page into an entry that is empty; false: not so, or no frame. */
static inline bool fill_zeroed(struct lp_space *space, lp_va va, lp_slot *slot,
                               lp_pa table, unsigned access)
{
    const struct lp_pager *pager = space->pager;
    const struct lp_pte_format *f = &pager->format;
    struct lp_frame *frame = lp_frame(&pager->frames, table);
    bool done = false;
    lp_pa page;

    lp_frame_lock(&pager->frames, frame);
    if (lp_pte_empty(lp_pte_load(slot)) &&
        !lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_DATA, 0,
                        &page)) {
        lp_tlb_sync_code(space, access);
        lp_pte_store(slot, lp_pte_make_leaf(f, page, access, f->dirty));
        lp_use_add(frame, lp_index(f, va, 0));
        done = true;
    }
    lp_frame_unlock(frame);
    return done;
}

/*
 * The commonest fault of all: a program's first write to private anonymous
 * memory, where the leaf table is there and the path to it is owned.  It is the
 * row "absent, no object: ZERO" of decide.h without the ceremony that the other
 * rows need.  Whatever is not exactly so returns false, and takes the long way.
 */
LP_NO_TSA static bool zero_at_once(struct lp_space *space, lp_va va)
{
    const struct lp_pager *pager = space->pager;
    lp_slot *slot = NULL;
    struct lp_vma vma;
    bool done = false;
    lp_pa table;

    lp_space_read_lock(space);
    if (va < pager->format.user_end && lp_vma_find(&space->vmas, va, &vma) &&
        vma.start <= va && !vma.object && (vma.flags & LP_WRITE))
        slot = lp_table_owned_slot(space, va, &table);
    if (slot)
        done = fill_zeroed(space, va, slot, table, vma.flags & LP_VMA_ACCESS);
    if (done && pager->arch->caches_invalid) {
        va = lp_round_down(va);
        lp_tlb_flush_here(space, va, va + LP_PAGE_SIZE, false);
    }
    lp_space_read_unlock(space);
    return done;
}

/* A fault that zero_at_once may try, and nobody listens. */
static inline bool plain_write(const struct lp_space *space,
                               const struct lp_fault *fault)
{
    return fault->access == LP_WRITE && fault->flags == LP_FAULT_USER &&
           !(LP_TRACE && space->pager->kernel->trace);
}

int lp_handle_fault(struct lp_space *space, const struct lp_fault *fault,
                    struct lp_fault_result *result)
{
    bool writing = false, owned = false;
    struct lp_fault_result unwanted;
    struct pending pending = { NULL, 0 };
    enum outcome outcome;
    int error;

    if (!result)
        result = &unwanted;
    *result =
        (struct lp_fault_result){ LP_FAULT_OK, LP_ZERO, fault->va, false };
    lp_count(space, faults);
    if (plain_write(space, fault) && zero_at_once(space, fault->va)) {
        lp_count(space, decisions[LP_ZERO]);
        return 0;
    }
    for (;;) {
        outcome =
            attempt_locked(space, fault, writing, owned, result, &pending);
        if (outcome <= WANT_FILL || result->decision == LP_OWN)
            note(space, result, owned);
        if (lp_likely(outcome == DONE))
            break;
        writing = outcome == WANT_WRITE;
        owned = owned || result->decision == LP_OWN;
        error = go_on(space, outcome, &pending, result);
        if (error)
            return error;
    }
    if (lp_unlikely(!(fault->flags & LP_FAULT_USER)))
        refuse_spurious(space, fault, result);
    return error_of(result->code);
}

int lp_fault_unshare(struct lp_space *space, lp_va va, lp_pa frame,
                     struct lp_gather *gather)
{
    struct lp_frames *frames = &space->pager->frames;
    struct lp_new_leaf copy;
    struct lp_walk walk;
    struct lp_leaf leaf;

    lp_table_walk(space, va, &walk);
    leaf = lp_table_leaf(space, &walk);
    if (!leaf.present || leaf.shared || leaf.uncounted || leaf.pa != frame ||
        !lp_fault_cow(space->pager, frame))
        return 0;
    if (lp_frame_alloc(frames, LP_FRAME_ANY, LP_KIND_DATA, 0, &copy.pa))
        return -LP_ENOMEM;
    memcpy(lp_frame_memory(frames, copy.pa), lp_frame_memory(frames, frame),
           LP_PAGE_SIZE);
    copy = (struct lp_new_leaf){ .pa = copy.pa,
                                 .access = leaf.kept ? LP_READ : leaf.access };
    lp_table_lock(space, &walk);
    lp_tlb_sync_code(space, copy.access);
    lp_table_install(space, &walk, &copy, gather);
    if (leaf.kept)
        lp_table_keep(space, &walk);
    lp_table_unlock(&walk);
    return 0;
}
