/*
 * calls.c: the library's calls as the cases make them: each followed by a check
 * of everything, none made after a failure.
 */
#include "conformance.h"

/* --- geometry --- */

const struct lp_pte_format *conf_format(const struct conf *c)
{
    return &c->m->arch->format;
}

lp_va conf_user_end(const struct conf *c)
{
    return conf_format(c)->user_end;
}

uint64_t conf_table_span(const struct conf *c)
{
    return PAGE << conf_format(c)->index_bits;
}

uint64_t conf_root_span(const struct conf *c)
{
    const struct lp_pte_format *f = conf_format(c);

    return PAGE << (f->index_bits * (f->levels - 1));
}

lp_va conf_place(const struct conf *c, unsigned root, unsigned table)
{
    return root * conf_root_span(c) + table * conf_table_span(c);
}

bool conf_execute_only(const struct conf *c)
{
    const struct lp_pte_format *f = conf_format(c);

    return (f->leaf[LP_EXEC] & f->readable.mask) != f->readable.value;
}

unsigned conf_ncpus(const struct conf *c)
{
    unsigned n = c->m->kernel->ncpus;

    return n < CONF_CPUS ? n : CONF_CPUS;
}

/* --- spaces --- */

static void keep_space(struct conf *c, struct lp_space *space)
{
    unsigned i;

    for (i = 0; i < CONF_SPACES; i++)
        if (!c->spaces[i]) {
            c->spaces[i] = space;
            return;
        }
    conf_fail(c, __FILE__, __LINE__, "too many spaces", CONF_SPACES, 0);
}

struct lp_space *conf_space(struct conf *c)
{
    struct lp_space *space = NULL;

    if (c->failed)
        return NULL;
    if (lp_space_create(c->pager, &space)) {
        conf_fail(c, __FILE__, __LINE__, "lp_space_create", 0, 0);
        return NULL;
    }
    keep_space(c, space);
    conf_check(c);
    return space;
}

int conf_try_fork(struct conf *c, struct lp_space *parent,
                  struct lp_space **child)
{
    int error;

    *child = NULL;
    if (c->failed)
        return -1;
    error = lp_fork(parent, child);
    if (!error)
        keep_space(c, *child);
    conf_check(c);
    return error;
}

struct lp_space *conf_fork(struct conf *c, struct lp_space *parent)
{
    struct lp_space *child;
    int error = conf_try_fork(c, parent, &child);

    if (error)
        conf_fail(c, __FILE__, __LINE__, "lp_fork", (uint64_t)-error, 0);
    return child;
}

void conf_destroy(struct conf *c, struct lp_space *space)
{
    unsigned i, cpu, back = c->cpu;

    if (c->failed)
        return;
    for (cpu = 0; cpu < conf_ncpus(c); cpu++)
        if (c->active[cpu] == space) {
            conf_cpu(c, cpu);
            conf_activate(c, NULL);
        }
    conf_cpu(c, back);
    for (i = 0; i < CONF_SPACES; i++)
        if (c->spaces[i] == space)
            c->spaces[i] = NULL;
    lp_space_destroy(space);
    conf_check(c);
}

/* --- areas --- */

int64_t conf_mmap(struct conf *c, struct lp_space *space, lp_va addr,
                  uint64_t len, unsigned access, unsigned flags,
                  struct lp_object *object, uint64_t offset)
{
    int64_t result;

    if (c->failed)
        return -1;
    result = lp_mmap(space, addr, len, access, flags, object, offset);
    conf_check(c);
    return result;
}

void conf_map(struct conf *c, struct lp_space *space, lp_va addr,
              uint64_t npages, unsigned access, unsigned flags,
              struct lp_object *object, uint64_t offset)
{
    int64_t result = conf_mmap(c, space, addr, npages * PAGE, access,
                               flags | LP_MAP_FIXED, object, offset);

    CHECK_EQ(c, result, addr);
}

void conf_anon(struct conf *c, struct lp_space *space, lp_va addr,
               uint64_t npages, unsigned access)
{
    conf_map(c, space, addr, npages, access, ANON, NULL, 0);
}

int conf_munmap(struct conf *c, struct lp_space *space, lp_va addr,
                uint64_t len)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_munmap(space, addr, len);
    conf_check(c);
    return error;
}

int conf_munmap_area(struct conf *c, struct lp_space *space, lp_va addr)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_munmap_area(space, addr);
    conf_check(c);
    return error;
}

int conf_mprotect(struct conf *c, struct lp_space *space, lp_va addr,
                  uint64_t len, unsigned access)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_mprotect(space, addr, len, access);
    conf_check(c);
    return error;
}

int conf_msync(struct conf *c, struct lp_space *space, lp_va addr, uint64_t len,
               unsigned flags)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_msync(space, addr, len, flags);
    conf_check(c);
    return error;
}

int conf_madvise(struct conf *c, struct lp_space *space, lp_va addr,
                 uint64_t len, int advice)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_madvise(space, addr, len, advice);
    conf_check(c);
    return error;
}

int conf_fault(struct conf *c, struct lp_space *space, lp_va va,
               unsigned access, unsigned flags, struct lp_fault_result *result)
{
    struct lp_fault fault = { .va = va, .access = access, .flags = flags };
    int error;

    memset(result, 0, sizeof(*result));
    if (c->failed)
        return -1;
    error = lp_handle_fault(space, &fault, result);
    conf_check(c);
    return error;
}

int conf_pin(struct conf *c, struct lp_space *space, lp_va va, unsigned access,
             struct lp_pin *pin)
{
    int error;

    if (c->failed)
        return -1;
    error = lp_get_user_page(space, va, access, pin);
    conf_check(c);
    return error;
}

void conf_unpin(struct conf *c, struct lp_pin *pin)
{
    if (c->failed)
        return;
    lp_put_user_page(pin);
    conf_check(c);
}

/* --- looking --- */

struct lp_page_info conf_query(struct conf *c, struct lp_space *space, lp_va va)
{
    struct lp_page_info info = { .frame = LP_PA_NONE };

    if (c->failed)
        return info;
    if (lp_query(space, va, &info))
        conf_fail(c, __FILE__, __LINE__, "lp_query", va, 0);
    return info;
}

struct lp_stats conf_stats(struct conf *c, struct lp_space *space)
{
    struct lp_stats stats;

    memset(&stats, 0, sizeof(stats));
    if (!c->failed)
        lp_space_stats(space, &stats);
    return stats;
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    return (hash ^ x) * UINT64_C(0x100000001b3) + (hash >> 29);
}

static uint64_t mix_page(const struct conf *c, uint64_t hash, lp_pa frame)
{
    const char *page = (const char *)c->kernel.direct_map + frame;
    uint64_t word;
    unsigned i;

    for (i = 0; i < PAGE; i += sizeof(word)) {
        memcpy(&word, page + i, sizeof(word));
        hash = mix(hash, word);
    }
    return hash;
}

/* Owning a table is invisible: nothing that it changes takes part. */
static uint64_t mix_area(struct conf *c, uint64_t hash, struct lp_space *space,
                         const struct lp_area *area)
{
    const unsigned flags = LP_PAGE_PRESENT | LP_PAGE_KEPT | LP_PAGE_SHARED |
                           LP_PAGE_ZERO | LP_PAGE_DEVICE;
    struct lp_page_info info;
    lp_va va;

    hash = mix(mix(hash, area->start), area->end);
    hash = mix(mix(hash, area->access), area->shared);
    hash = mix(mix(hash, (uintptr_t)area->object), area->offset);
    for (va = area->start; va < area->end; va += PAGE) {
        info = conf_query(c, space, va);
        hash = mix(mix(hash, info.frame), info.flags & flags);
        if (info.frame != LP_PA_NONE && !(info.flags & LP_PAGE_DEVICE))
            hash = mix_page(c, hash, info.frame);
    }
    return hash;
}

uint64_t conf_snapshot(struct conf *c)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct lp_area area;
    unsigned i;
    lp_va va;

    for (i = 0; i < CONF_SPACES; i++) {
        hash = mix(hash, i);
        if (!c->spaces[i])
            continue;
        for (va = 0; lp_next_area(c->spaces[i], va, &area); va = area.end)
            hash = mix_area(c, hash, c->spaces[i], &area);
    }
    return hash;
}

bool conf_is_area(struct conf *c, struct lp_space *space, lp_va start,
                  lp_va end, unsigned access)
{
    struct lp_area area;

    return !c->failed && lp_next_area(space, start, &area) &&
           area.start == start && area.end == end && area.access == access;
}

bool conf_all_bytes(const void *memory, unsigned char value, size_t len)
{
    const unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < len; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

void conf_fail_at(struct conf *c, uint64_t n, bool on)
{
    c->fail_at = n;
    c->fail_on = on;
}
