/*
 * space.c: the page-array model of a space.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t zeroes[PAGE];

bool m_private(const struct m_cell *c)
{
    return !c->shared || m_past_end(c->object, c->index);
}

const uint8_t *m_bytes(const struct m_cell *c)
{
    if (c->own)
        return c->own;
    if (!c->object || m_past_end(c->object, c->index))
        return zeroes;
    return m_page_of(c->object, c->index)->data;
}

uint8_t *m_writable_bytes(struct m_cell *c)
{
    struct m_page *page;

    if (!m_private(c)) {
        page = m_page_of(c->object, c->index);
        page->must = page->may = true;
        return page->data;
    }
    if (!c->own) {
        const uint8_t *bytes = m_bytes(c);

        c->own = malloc(PAGE);
        memcpy(c->own, bytes, PAGE);
    }
    return c->own;
}

unsigned m_allows(const struct layout *l, const struct m_cell *c)
{
    return c->access | ((c->access & LP_EXEC) && l->exec_reads ? LP_READ : 0u);
}

unsigned m_touch(const struct layout *l, const struct m_cell *c,
                 unsigned access)
{
    const struct m_page *page;

    if (!c->mapped)
        return 1u << LP_FAULT_MAPERR;
    if (access & ~m_allows(l, c))
        return 1u << LP_FAULT_ACCERR;
    if (c->own || !c->object)
        return 1u << LP_FAULT_OK;
    if (m_past_end(c->object, c->index))
        return 1u << (c->object->flags & LP_OBJECT_ZERO_PAST_END
                          ? LP_FAULT_OK
                          : LP_FAULT_BUS);
    page = m_page_of(c->object, c->index);
    if (page->bad)
        return 1u << (page->bad == -LP_EAGAIN ? LP_FAULT_RETRY : LP_FAULT_BUS);
    return 1u << LP_FAULT_OK;
}

void m_unmap(struct m_space *s, unsigned first, unsigned last)
{
    unsigned i;

    for (i = first; i < last; i++) {
        if (s->cell[i].object)
            s->cell[i].object->cells--;
        free(s->cell[i].own);
        s->cell[i] = (struct m_cell){ .mapped = false };
    }
}

void m_map(const struct layout *l, struct m_space *s, unsigned first,
           unsigned last, const struct m_cell *as, uint64_t *epoch)
{
    unsigned i;

    m_unmap(s, first, last);
    for (i = first; i < last; i++) {
        s->cell[i] = *as;
        s->cell[i].epoch = ++*epoch;
        if (!as->object)
            continue;
        as->object->cells++;
        s->cell[i].index =
            as->index + (l->at[i].start - l->at[first].start) / PAGE;
    }
}

bool m_same_area(const struct layout *l, const struct m_space *s, unsigned i)
{
    const struct m_cell *a, *b;

    if (i + 1 >= l->n)
        return false;
    a = &s->cell[i];
    b = &s->cell[i + 1];
    return a->mapped && b->mapped && a->access == b->access &&
           a->may == b->may && a->shared == b->shared &&
           a->object == b->object &&
           (!a->object ||
            b->index == a->index + (l->at[i].end - l->at[i].start) / PAGE);
}

bool m_gap(const struct layout *l, const struct m_space *s, uint64_t len,
           lp_va low, lp_va high, lp_va *out)
{
    lp_va end = high, start;
    unsigned i;

    for (i = l->n; i-- > 0;) {
        if (l->at[i].start >= high)
            continue;
        if (l->at[i].end <= low)
            return false;
        if (s->cell[i].mapped) {
            end = l->at[i].start;
            continue;
        }
        start = l->at[i].start > low ? l->at[i].start : low;
        if (end > start && end - start >= len) {
            *out = end - len;
            return true;
        }
    }
    return false;
}

uint64_t m_bytes_mapped(const struct layout *l, const struct m_space *s)
{
    uint64_t bytes = 0;
    unsigned i;

    for (i = 0; i < l->n; i++)
        if (s->cell[i].mapped)
            bytes += l->at[i].end - l->at[i].start;
    return bytes;
}

struct m_space *m_fork(const struct layout *l, const struct m_space *parent)
{
    struct m_space *child = malloc(sizeof *child);
    unsigned i;

    *child = *parent;
    child->depth++;
    child->forks = 0;
    memset(&child->stats, 0, sizeof child->stats);
    for (i = 0; i < l->n; i++) {
        if (parent->cell[i].object)
            parent->cell[i].object->cells++;
        if (!parent->cell[i].own)
            continue;
        child->cell[i].own = malloc(PAGE);
        memcpy(child->cell[i].own, parent->cell[i].own, PAGE);
    }
    return child;
}

void m_space_free(const struct layout *l, struct m_space *s)
{
    m_unmap(s, 0, l->n);
    free(s);
}
