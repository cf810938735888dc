/*
 * ops_hold.c: the operations that make objects, hold them, let them go, and
 * bring them into trouble.
 */
#include "world.h"

#define X(n) ((unsigned long long)(n))

static unsigned nheld(const struct world *w)
{
    const struct m_object *o;
    unsigned n = 0;

    for (o = w->objects; o; o = o->next)
        n += o->held != 0;
    return n;
}

void op_object_open(struct world *w)
{
    if (nheld(w) < OBJECTS_HELD_MAX)
        object_open(w);
}

void op_object_close(struct world *w)
{
    struct m_object *o = pick_object(w);

    if (!o || (o->held == 1 && (o->kind == M_DEVICE || chance(w, 50))))
        return;
    o->held--;
    o->write_fails = false;
    lp_object_put(o->handle);
    say(w, "object_put(%u)", o->number);
}

/* A page that was never read cannot be read; or all is well again. */
void op_object_trouble(struct world *w)
{
    struct m_object *o = pick_object(w);
    struct m_page *page;
    unsigned i;

    if (!o)
        return;
    if (chance(w, 40)) {
        for (i = 0; i < OBJECT_BUCKETS; i++)
            for (page = o->bucket[i]; page; page = page->next)
                page->bad = 0;
        o->write_fails = false;
        say(w, "object %u: all is well", o->number);
        return;
    }
    if (chance(w, 20)) {
        o->write_fails = o->kind == M_FILE;
        say(w, "object %u: writes fail", o->number);
        return;
    }
    page = m_page_of(o, pick(w, 1 + o->size / PAGE));
    if (page->filled == NO && (o->kind == M_FILE || o->kind == M_SOURCE)) {
        page->bad = chance(w, 50) ? -LP_EIO : -LP_EAGAIN;
        say(w, "object %u: page %llu cannot be read", o->number,
            X(page->index));
    }
}

/* --- one more reference --- */

/* Shared anonymous memory, which nobody holds: as the area tells it. */
static struct m_object *found_by_area(struct world *w)
{
    struct m_space *s = pick_space(w);
    unsigned place = pick_page(w, s);
    struct m_object *o = s->cell[place].object;
    struct lp_area area;

    if (!o || !lp_next_area(s->lib, w->layout.at[place].start, &area))
        return NULL;
    if (area.object != o->handle)
        wrong(w, "space %u: the object of the area at %#llx is another one",
              s->number, X(w->layout.at[place].start));
    return o->held || nheld(w) < OBJECTS_HELD_MAX ? o : NULL;
}

void op_object_get(struct world *w)
{
    struct m_object *o = chance(w, 50) ? pick_object(w) : found_by_area(w);

    if (!o || o->held >= 3)
        return;
    lp_object_get(o->handle);
    o->held++;
    say(w, "object_get(%u): %u", o->number, o->held);
}

/* --- objects that cannot be --- */

static int refuse_file(struct world *w, struct lp_object **out)
{
    static const struct lp_object_ops none = { NULL, NULL, NULL };
    uint64_t size = pick(w, 9 * PAGE);
    unsigned flags = (unsigned)pick(w, 16);

    if (chance(w, 50))
        size = ((uint64_t)1 << 62) + 1 + pick(w, (uint64_t)1 << 62);
    else
        flags |= 16u << pick(w, 27);
    return lp_object_create(w->pager, &none, NULL, size, flags, out);
}

static int refuse_device(struct world *w, struct lp_object **out)
{
    const struct lp_kernel *kernel = lp_host_kernel(w->m);
    lp_pa limit = (lp_pa)1 << (lp_host_arch(w->m)->format.pa_bits + 12);
    lp_pa start = lp_host_device(w->m);
    uint64_t len = DEVICE_PAGES * PAGE;
    unsigned cache = (unsigned)pick(w, LP_CACHE_MODES), flags = 3;

    switch (pick(w, 8)) {
    case 0: start += 1 + pick(w, PAGE - 1); break;
    case 1: len -= 1 + pick(w, PAGE - 1); break;
    case 2: len = 0; break;
    case 3: start = kernel->frames_end - (1 + pick(w, 5)) * PAGE; break;
    case 4: start = kernel->frames_start - PAGE, len = 2 * PAGE; break;
    case 5: start = limit - pick(w, DEVICE_PAGES) * PAGE; break;
    case 6: cache = LP_CACHE_MODES + (unsigned)pick(w, 5); break;
    case 7: flags |= 16u << pick(w, 27); break;
    }
    return lp_object_create_device(w->pager, start, len,
                                   (enum lp_cache_mode)cache, flags, out);
}

void op_object_refuse(struct world *w)
{
    struct lp_object *none = NULL;
    bool device = chance(w, 50);
    int r;

    call_begins(w, CALL_WHOLE);
    r = device ? refuse_device(w, &none) : refuse_file(w, &none);
    (void)call_again(w, 0);
    say(w, "object that cannot be (device %d) = %d", device, r);
    expect(w, "lp_object_create of what cannot be", r, -LP_EINVAL);
    if (none)
        wrong(w, "lp_object_create has refused, and given one");
}
