/*
 * ops_pin.c: the operations on pages held in place, as for a device.
 */
#include "world.h"

#include <string.h>

#define X(n) ((unsigned long long)(n))

static unsigned pick_pin_access(struct world *w)
{
    static const uint8_t often[] = { 1, 2, 3, 3, 3, 1, 4, 5, 7, 6, 0 };

    return often[pick(w, sizeof often)];
}

/* What getting the page must answer: one kind of access at a time. */
static bool pin_agrees(const struct layout *l, const struct m_cell *c,
                       unsigned access, int r)
{
    unsigned bit, right, faults = 1u << LP_FAULT_MAPERR | 1u << LP_FAULT_ACCERR;

    access = access ? access : LP_READ;
    for (bit = LP_READ; bit <= LP_EXEC; bit <<= 1) {
        if (!(access & bit))
            continue;
        right = m_touch(l, c, bit);
        if (!(right & 1u << LP_FAULT_OK) || (r && (right & faults)))
            return (r == -LP_EFAULT && (right & faults)) ||
                   (r == -LP_EIO && (right & 1u << LP_FAULT_BUS)) ||
                   (r == -LP_EAGAIN && (right & 1u << LP_FAULT_RETRY));
    }
    if (c->object && c->object->kind == M_DEVICE)
        return r == -LP_EFAULT;
    return r == 0;
}

/* The page is held: remember what writing to it will change. */
static void pinned(struct m_pin *p, unsigned access)
{
    struct m_cell *c = &p->space->cell[p->place];

    p->used = true;
    p->write = (access & LP_WRITE) != 0;
    p->object = NULL;
    p->epoch = 0;
    c->touched = YES;
    if (!p->write)
        return;
    if (m_private(c)) {
        m_writable_bytes(c);
        p->epoch = c->epoch;
    } else {
        p->object = c->object;
        p->index = c->index;
        m_page_of(c->object, c->index)->may = true;
    }
}

static void check_pin(struct world *w, const struct m_pin *p, unsigned access)
{
    const struct m_cell *c = &p->space->cell[p->place];
    unsigned may = m_allows(&w->layout, c);

    if (memcmp(p->lib.page, m_bytes(c), PAGE) != 0)
        wrong(w, "lp_get_user_page(space %u, %#llx): wrong bytes",
              p->space->number, X(w->layout.at[p->place].start));
    if ((access & ~p->lib.access) || (p->lib.access & ~may))
        wrong(w, "lp_get_user_page(access %u): pin's access %u, area's %u",
              access, p->lib.access, c->access);
    if (p->lib.page != lp_host_memory(w->m, p->lib.frame))
        wrong(w, "lp_get_user_page: page and frame differ");
}

void op_pin(struct world *w)
{
    struct m_pin *p = &w->pins[pick(w, PINS_MAX)];
    unsigned access = pick_pin_access(w);
    struct m_space *s = pick_space(w);
    lp_va va;
    int r;

    if (p->used) {
        pin_put(w, p);
        return;
    }
    p->space = s;
    p->place = pick_page(w, s);
    va = w->layout.at[p->place].start + pick(w, PAGE);
    do {
        call_begins(w, CALL_BRINGS);
        r = lp_get_user_page(s->lib, va, access, &p->lib);
    } while (call_again(w, r));
    say(w, "pin %d = get_user_page(space %u, %#llx, %u) = %d",
        (int)(p - w->pins), s->number, X(va), access, r);
    if (forgiven(w, r)) {
        resolve_tried(w, s, p->place, access);
        return;
    }
    if (!pin_agrees(&w->layout, &s->cell[p->place], access, r))
        wrong(w, "lp_get_user_page(space %u, %#llx, %u) = %d; touches %#x",
              s->number, X(va), access, r,
              m_touch(&w->layout, &s->cell[p->place], access & -access));
    if (r) {
        resolve_tried(w, s, p->place, access);
        return;
    }
    pinned(p, access);
    check_pin(w, p, access);
}

/* A device writes into a page that is held. */
void op_pin_write(struct world *w)
{
    struct m_pin *p = &w->pins[pick(w, PINS_MAX)];
    unsigned offset = (unsigned)pick(w, PAGE - 8);
    uint64_t bytes = pick(w, UINT64_MAX);
    struct m_page *page;
    struct m_cell *c;

    if (!p->used || !p->write)
        return;
    say(w, "pin %d: write at %#x", (int)(p - w->pins), offset);
    memcpy((char *)p->lib.page + offset, &bytes, sizeof bytes);
    c = &p->space->cell[p->place];
    if (p->object) {
        page = m_page_of(p->object, p->index);
        memcpy(page->data + offset, &bytes, sizeof bytes);
        page->held_written = true;
    } else if (p->epoch && c->epoch == p->epoch) {
        memcpy(c->own + offset, &bytes, sizeof bytes);
    }
}

void pin_put(struct world *w, struct m_pin *p)
{
    struct m_page *page;

    say(w, "pin %d: put", (int)(p - w->pins));
    if (p->object) {
        page = m_page_of(p->object, p->index);
        page->may = page->must = true;
        page->held_written = false;
    }
    lp_put_user_page(&p->lib);
    p->used = false;
    p->object = NULL;
}

void op_unpin(struct world *w)
{
    struct m_pin *p = &w->pins[pick(w, PINS_MAX)];

    if (p->used)
        pin_put(w, p);
}
