/*
 * ops_kernel.c: the operations on the kernel's half: map, unmap, protect, and
 * accesses to what is there, from user and from kernel mode, on any CPU.
 *
 * No fault makes good what a CPU has cached wrongly there, so each access must
 * come out right at once.
 */
#include "kernel.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define X(n) ((unsigned long long)(n))

#define NOWHERE UINT32_MAX

/* A call's arguments, and the pages that they mean. */
struct kcall {
    struct m_krange *r;
    unsigned first, last;
    lp_va va;
    uint64_t len;
    lp_pa pa;
    unsigned access, flags, cache;
    bool malformed;
};

static unsigned leaf_pages(const struct world *w, unsigned level)
{
    return 1u << (level * lp_host_arch(w->m)->format.index_bits);
}

/* The page of a range as a number that large leaves are aligned by. */
static uint64_t number_of(const struct m_krange *r, unsigned page)
{
    return r->range.start / PAGE + page;
}

static unsigned pick_kernel_access(struct world *w)
{
    static const uint8_t often[] = { 3, 3, 3, 1, 5, 7, 1, 2, 4, 6 };

    /* Where it matters what was fetched before, more of what is fetched. */
    if (w->icache && chance(w, 50))
        return LP_READ | LP_WRITE | LP_EXEC;
    return often[pick(w, sizeof often)];
}

static void set_pages(struct kcall *c)
{
    c->va = c->r->range.start + (lp_va)c->first * PAGE;
    c->len = (uint64_t)(c->last - c->first) * PAGE;
}

/* A few pages, or all, or what a large leaf maps, and a bit more or less. */
static void pick_pages(struct world *w, struct kcall *c)
{
    unsigned big = leaf_pages(w, 1), align;

    c->r = &w->kernel.range[pick(w, w->kernel.n)];
    c->first = (unsigned)pick(w, c->r->n);
    c->last = c->first + 1 + (unsigned)pick(w, 6);
    if (c->r->n > big && chance(w, 45)) {
        align = (unsigned)(-number_of(c->r, 0) % big);
        c->first = align + (chance(w, 30) ? (unsigned)pick(w, 4) : 0);
        c->last = align + big + (unsigned)pick(w, 4) -
                  (chance(w, 30) ? (unsigned)pick(w, 4) : 0);
    } else if (chance(w, 5)) {
        c->first = 0;
        c->last = c->r->n;
    }
    if (c->last > c->r->n)
        c->last = c->r->n;
    if (c->first >= c->last)
        c->first = c->last - 1;
    set_pages(c);
}

/* What is free there, mostly, or what is mapped. */
static void pick_pages_that(struct world *w, struct kcall *c, bool mapped)
{
    unsigned tries, i;

    for (tries = 0; tries < 6; tries++) {
        pick_pages(w, c);
        for (i = c->first; i < c->last; i++)
            if (c->r->page[i].mapped != mapped)
                break;
        if (i > c->first && chance(w, 90))
            c->last = i;
        if (i > c->first)
            break;
    }
    set_pages(c);
}

/* One thing wrong with it. */
static void spoil(struct world *w, struct kcall *c)
{
    c->malformed = true;
    switch (pick(w, 5)) {
    case 0: c->va += 1 + pick(w, PAGE - 1); break;
    case 1: c->len = 0; break;
    case 2: c->len -= 1 + pick(w, PAGE - 1); break;
    case 3: c->len = c->r->range.end - c->va + PAGE; break;
    case 4: c->va = c->r->range.end + pick(w, 2) * PAGE; break;
    }
}

/* ... of what a mapping alone has. */
static void spoil_map(struct world *w, struct kcall *c)
{
    lp_pa limit = (lp_pa)1 << (lp_host_arch(w->m)->format.pa_bits + 12);

    c->malformed = true;
    switch (pick(w, 6)) {
    case 0: c->pa += 1 + pick(w, PAGE - 1); break;
    case 1: c->pa = limit - c->len + PAGE; break;
    case 2: c->access = 0; break;
    case 3: c->access |= 8u << pick(w, 20); break;
    case 4: c->flags |= 2u << pick(w, 30); break;
    case 5: c->cache = LP_CACHE_MODES + (unsigned)pick(w, 3); break;
    }
}

/*
 * A frame, the device where it is long enough, or nowhere, aligned as va or not.
 */
static void pick_memory(struct world *w, struct kcall *c)
{
    const struct m_kernel *k = &w->kernel;
    unsigned n = c->last - c->first, big = leaf_pages(w, 1);
    uint64_t phase = number_of(c->r, c->first) % big;
    lp_pa nowhere = (lp_pa)1 << 38;

    if (n == 1 && chance(w, 50)) {
        c->pa = k->frame[pick(w, KERNEL_FRAMES)];
        return;
    }
    if (n <= k->ndevice && chance(w, 85)) {
        c->pa = k->device + pick(w, k->ndevice - n + 1) * PAGE;
        if (phase + n <= k->ndevice && chance(w, 70))
            c->pa = k->device + phase * PAGE;
        return;
    }
    c->flags = 0; /* no program walks there, not even by itself */
    c->pa = nowhere + pick(w, 1000) * big * PAGE +
            (chance(w, 70) ? phase : pick(w, big)) * PAGE;
}

static bool any_mapped(const struct kcall *c)
{
    unsigned i;

    for (i = c->first; i < c->last; i++)
        if (c->r->page[i].mapped)
            return true;
    return false;
}

/*
 * The largest leaf that maps page i: aligned in both kinds of address, all of
 * it asked for, below the root's level.
 */
static uint8_t level_for(const struct world *w, const struct kcall *c,
                         unsigned i)
{
    const struct lp_pte_format *f = &lp_host_arch(w->m)->format;
    uint64_t va = number_of(c->r, i), pa = c->pa / PAGE + (i - c->first), start;
    uint64_t first = number_of(c->r, c->first), last = first + c->len / PAGE;
    unsigned level, n;

    for (level = f->levels - 2; level > 0; level--) {
        n = leaf_pages(w, level);
        start = va - va % n;
        if ((f->leaf_levels >> level & 1) && va % n == pa % n &&
            start >= first && start + n <= last)
            return (uint8_t)level;
    }
    return 0;
}

static void mapped(struct world *w, const struct kcall *c)
{
    unsigned i;

    for (i = c->first; i < c->last; i++)
        c->r->page[i] = (struct m_kpage){
            .mapped = true,
            .user = (c->flags & LP_KERNEL_USER) != 0,
            .access = (uint8_t)c->access,
            .level = level_for(w, c, i),
            .pa = c->pa + (lp_pa)(i - c->first) * PAGE,
        };
}

/* Around the call's pages, where a split would have been seen. */
static void compare_around(struct world *w, const struct kcall *c)
{
    unsigned big = leaf_pages(w, 1);

    compare_kernel(w, c->r, c->first < big ? 0 : c->first - big,
                   c->last + big < c->r->n ? c->last + big : c->r->n);
}

/* --- accesses --- */

/* Does the page allow it in this mode? */
static bool allows(const struct world *w, const struct m_kpage *p,
                   enum lp_host_mode mode, unsigned access)
{
    unsigned may =
        p->access | (p->access & LP_WRITE ? LP_READ : 0u) |
        ((p->access & LP_EXEC) && w->layout.exec_reads ? LP_READ : 0u);

    if (!p->mapped || !(may & access))
        return false;
    switch (mode) {
    case LP_HOST_USER: return p->user;
    case LP_HOST_SUPERVISOR:
        /* The made-up formats keep the kernel from a program's code alone. */
        return !p->user || (access != LP_EXEC &&
                            strncmp(w->settings->format, "free", 4) == 0);
    default: return !p->user || access != LP_EXEC;
    }
}

/* The number of the page in what the model knows the bytes of; or NOWHERE. */
static unsigned memory_of(const struct m_kernel *k, lp_pa pa)
{
    unsigned i;

    for (i = 0; i < KERNEL_FRAMES; i++)
        if (k->frame[i] == pa)
            return k->ndevice + i;
    if (pa >= k->device && pa < k->device + (lp_pa)k->ndevice * PAGE)
        return (unsigned)((pa - k->device) / PAGE);
    return NOWHERE;
}

/* Its bytes in the model, made when they are first asked for. */
static uint8_t *bytes_of(struct m_kernel *k, lp_pa pa)
{
    uint8_t **data = &k->data[memory_of(k, pa)];

    if (!*data)
        *data = calloc(1, PAGE);
    return *data;
}

/* It has been stored to: what was executable then may be fetched as it was. */
static void stored(struct m_kernel *k, lp_pa pa)
{
    struct m_krange *r;
    unsigned i;

    for (r = k->range; r < k->range + k->n; r++)
        for (i = 0; i < r->n; i++)
            if (r->page[i].mapped && r->page[i].pa == pa)
                r->page[i].stale = true;
}

/* One access to the word at `offset` of the page at va. */
static void touch(struct world *w, const struct m_kpage *p, lp_va va,
                  enum lp_host_mode mode, unsigned access)
{
    struct lp_host_trap trap = { .va = 0 };
    uint64_t word = pick(w, UINT64_MAX), old = 0;
    unsigned offset = 8 * (unsigned)pick(w, 4); /* often the same word */
    bool right = allows(w, p, mode, access);
    enum lp_host_code code;
    uint8_t *bytes;

    code = lp_host_peek(w->m, mode, access, va + offset, &word, sizeof word,
                        &trap);
    say(w, "CPU %u: kernel page %#llx, mode %d, access %u = %d",
        lp_host_cpu(w->m), X(va + offset), (int)mode, access, (int)code);
    expect(w, "access to the kernel's half", code,
           right ? LP_HOST_OK : LP_HOST_FAULT);
    if (!right) {
        expect(w, "address of the fault", (int64_t)trap.va,
               (int64_t)(va + offset));
        return;
    }
    bytes = bytes_of(&w->kernel, p->pa) + offset;
    if (access == LP_WRITE) {
        memcpy(bytes, &word, sizeof word);
        stored(&w->kernel, p->pa);
        return;
    }
    if (access == LP_EXEC && p->stale && w->icache)
        return;
    memcpy(&old, bytes, sizeof old);
    expect(w, "word in the kernel's half", (int64_t)word, (int64_t)old);
}

/* A program that strays there is told, and no page comes. */
static void stray(struct world *w, lp_va va)
{
    uint64_t word;

    expect(w, "a program's access to the kernel's half",
           lp_host_load(w->m, va, &word, sizeof word), LP_HOST_MAPERR);
}

static void touch_at(struct world *w, const struct kcall *c, unsigned i)
{
    static const enum lp_host_mode modes[] = { LP_HOST_USER, LP_HOST_SUPERVISOR,
                                               LP_HOST_SUPERVISOR,
                                               LP_HOST_SUPERVISOR_USER };
    const struct m_kpage *p = &c->r->page[i];
    lp_va va = c->r->range.start + (lp_va)i * PAGE;

    if (p->mapped && memory_of(&w->kernel, p->pa) == NOWHERE)
        return;
    enter(w, pick_space(w));
    if (chance(w, 5) && !allows(w, p, LP_HOST_USER, LP_READ))
        stray(w, va);
    else
        touch(w, p, va,
              p->user && chance(w, 70) ? LP_HOST_USER : modes[pick(w, 4)],
              1u << pick(w, 3));
}

/* Before and after a call: what a CPU knows from before must be gone. */
static void touch_some(struct world *w, const struct kcall *c)
{
    unsigned n = chance(w, 50) ? 0 : 1 + (unsigned)pick(w, 12);

    for (; n > 0; n--)
        touch_at(w, c, c->first + (unsigned)pick(w, c->last - c->first));
}

/* --- the calls --- */

void op_kernel_map(struct world *w)
{
    struct kcall c = { .access = pick_kernel_access(w) };
    int r, wanted;

    if (!w->kernel.n)
        return;
    pick_pages_that(w, &c, false);
    if (w->icache && chance(w, 50)) { /* for a frame: see pick_memory */
        c.last = c.first + 1;
        set_pages(&c);
    }
    touch_some(w, &c);
    c.flags = chance(w, 30) ? LP_KERNEL_USER : 0;
    c.cache = chance(w, 70) ? 0 : (unsigned)pick(w, LP_CACHE_MODES);
    pick_memory(w, &c);
    if (chance(w, 3))
        spoil(w, &c);
    else if (chance(w, 4))
        spoil_map(w, &c);
    wanted = c.malformed ? -LP_EINVAL : any_mapped(&c) ? -LP_EEXIST : 0;
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_kernel_map(w->pager, c.va, c.pa, c.len, c.access, c.flags,
                          (enum lp_cache_mode)c.cache);
    } while (call_again(w, r));
    say(w, "kernel_map(%#llx, %#llx, %#llx, %u, %u, %u) = %d", X(c.va), X(c.pa),
        X(c.len), c.access, c.flags, c.cache, r);
    if (!forgiven(w, r)) {
        expect(w, "lp_kernel_map", r, wanted);
        if (r == 0)
            mapped(w, &c);
    }
    compare_around(w, &c);
    touch_some(w, &c);
}

/* No leaf reaches over this edge any more. */
static void split_at(struct world *w, struct m_krange *r, unsigned edge)
{
    unsigned n, i, level;
    uint64_t start;

    while (edge < r->n && (level = r->page[edge].level) != 0 &&
           number_of(r, edge) % leaf_pages(w, level)) {
        n = leaf_pages(w, level);
        start = edge - number_of(r, edge) % n;
        for (i = 0; i < n; i++)
            r->page[start + i].level = (uint8_t)(level - 1);
    }
}

void op_kernel_unmap(struct world *w)
{
    struct kcall c = { .access = 0 };
    unsigned i;
    int r;

    if (!w->kernel.n)
        return;
    pick_pages_that(w, &c, true);
    touch_some(w, &c);
    if (chance(w, 4))
        spoil(w, &c);
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_kernel_unmap(w->pager, c.va, c.len);
    } while (call_again(w, r));
    say(w, "kernel_unmap(%#llx, %#llx) = %d", X(c.va), X(c.len), r);
    if (!forgiven(w, r)) {
        expect(w, "lp_kernel_unmap", r, c.malformed ? -LP_EINVAL : 0);
        if (r == 0) {
            split_at(w, c.r, c.first);
            split_at(w, c.r, c.last);
            for (i = c.first; i < c.last; i++)
                c.r->page[i] = (struct m_kpage){ .mapped = false };
        }
    }
    compare_around(w, &c);
    touch_some(w, &c);
}

static void protected_pages(const struct kcall *c)
{
    struct m_kpage *p;
    unsigned i;

    for (i = c->first; i < c->last; i++) {
        p = &c->r->page[i];
        if (!(p->access & LP_EXEC))
            p->stale = false;
        p->access = (uint8_t)c->access;
    }
}

void op_kernel_protect(struct world *w)
{
    struct kcall c = { .access = pick_kernel_access(w) };
    bool hole = false;
    unsigned i;
    int r;

    if (!w->kernel.n)
        return;
    pick_pages_that(w, &c, true);
    touch_some(w, &c);
    if (chance(w, 4))
        spoil(w, &c);
    else if (chance(w, 3)) {
        c.malformed = true;
        c.access = chance(w, 50) ? 0 : c.access | 8u << pick(w, 20);
    }
    for (i = c.first; i < c.last && !c.malformed; i++)
        hole |= !c.r->page[i].mapped;
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_kernel_protect(w->pager, c.va, c.len, c.access);
    } while (call_again(w, hole ? 0 : r));
    say(w, "kernel_protect(%#llx, %#llx, %u) = %d", X(c.va), X(c.len), c.access,
        r);
    if (hole || !forgiven(w, r)) {
        expect(w, "lp_kernel_protect", r,
               c.malformed ? -LP_EINVAL
               : hole      ? -LP_ENOMEM
                           : 0);
        if (r == 0) {
            split_at(w, c.r, c.first);
            split_at(w, c.r, c.last);
            protected_pages(&c);
        }
    }
    compare_around(w, &c);
    touch_some(w, &c);
}

/* A page of a frame that the kernel alone may use; NULL: none. */
static struct m_kpage *pick_frame_page(struct world *w, lp_va *va)
{
    struct m_krange *r = &w->kernel.range[pick(w, w->kernel.n)];
    unsigned i, start = (unsigned)pick(w, r->n);
    struct m_kpage *p;

    for (i = 0; i < r->n; i++) {
        p = &r->page[(start + i) % r->n];
        if (!p->mapped || p->user || p->level ||
            memory_of(&w->kernel, p->pa) < w->kernel.ndevice ||
            memory_of(&w->kernel, p->pa) == NOWHERE)
            continue;
        *va = r->range.start + (lp_va)((start + i) % r->n) * PAGE;
        return p;
    }
    return NULL;
}

/* The kernel patches its own code, which every CPU has run. */
void op_kernel_patch(struct world *w)
{
    static const unsigned steps[] = { LP_READ | LP_EXEC, LP_READ | LP_WRITE,
                                      LP_READ | LP_EXEC };
    struct m_kpage *p;
    unsigned i, n;
    lp_va va;

    if (!w->kernel.n || !(p = pick_frame_page(w, &va)))
        return;
    for (i = 0; i < 3; i++) {
        expect(w, "lp_kernel_protect of a page",
               lp_kernel_protect(w->pager, va, PAGE, steps[i]), 0);
        p->stale = p->stale && (p->access & LP_EXEC);
        p->access = (uint8_t)steps[i];
        for (n = 0; n < 3; n++) {
            enter(w, pick_space(w));
            touch(w, p, va, LP_HOST_SUPERVISOR, steps[i] & 6);
        }
    }
}

void op_kernel_touch(struct world *w)
{
    unsigned n = 1 + (unsigned)pick(w, w->settings->mode == MODE_TLB ? 60 : 6);
    struct kcall c = { 0 };

    if (!w->kernel.n)
        return;
    pick_pages_that(w, &c, true);
    for (; n > 0; n--)
        touch_at(w, &c, c.first + (unsigned)pick(w, c.last - c.first));
}
