/*
 * object.c: objects of the model, and the file system behind the real ones.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

bool m_past_end(const struct m_object *o, uint64_t index)
{
    return m_length(o, index) == 0;
}

size_t m_length(const struct m_object *o, uint64_t index)
{
    uint64_t start = index * PAGE;

    if (start >= o->size)
        return 0;
    return o->size - start < PAGE ? (size_t)(o->size - start) : PAGE;
}

struct m_page *m_page_of(struct m_object *o, uint64_t index)
{
    struct m_page **link = &o->bucket[index % OBJECT_BUCKETS];
    struct m_page *page;

    for (; *link; link = &(*link)->next)
        if ((*link)->index == index)
            return *link;
    page = calloc(1, sizeof *page);
    page->index = index;
    page->data = calloc(1, PAGE);
    page->disk = calloc(1, PAGE);
    return *link = page;
}

void m_object_free(struct m_object *o)
{
    struct m_page *page;
    unsigned i;

    for (i = 0; i < OBJECT_BUCKETS; i++)
        while ((page = o->bucket[i]) != NULL) {
            o->bucket[i] = page->next;
            free(page->data);
            free(page->disk);
            free(page);
        }
    free(o);
}

/* A file has something in it. */
static void scribble(struct m_object *o)
{
    struct m_page *page;
    uint64_t index;
    size_t i, len;

    for (index = 0; (len = m_length(o, index)) != 0; index++) {
        page = m_page_of(o, index);
        for (i = 0; i < len; i++)
            page->data[i] = page->disk[i] =
                (uint8_t)(o->number * 37 + index * 11 + i / 7 + i + 1);
    }
}

static int fill(void *ctx, uint64_t offset, void *to, size_t len)
{
    struct m_object *o = ctx;
    struct m_page *page = m_page_of(o, offset / PAGE);
    int refused;

    if (o->released)
        wrong(o->world, "object %u: fill after release", o->number);
    if (offset % PAGE || len == 0 || len != m_length(o, offset / PAGE))
        wrong(o->world, "object %u: fill(%#llx, %zu), size %#llx", o->number,
              (unsigned long long)offset, len, (unsigned long long)o->size);
    if (page->filled == YES)
        wrong(o->world, "object %u: page %llu is filled twice", o->number,
              (unsigned long long)page->index);
    refused = page_refused(o->world, o, page->index);
    if (refused || page->bad)
        return refused ? refused : page->bad;
    if (memcmp(page->disk, page->data, len) != 0)
        wrong(o->world,
              "object %u: page %llu is filled, but was changed and "
              "not written",
              o->number, (unsigned long long)page->index);
    memcpy(to, page->disk, len);
    page->filled = o->world->fail_at || o->world->tiny ? MAYBE : YES;
    return 0;
}

static int write_back(void *ctx, uint64_t offset, const void *from, size_t len)
{
    struct m_object *o = ctx;
    struct m_page *page = m_page_of(o, offset / PAGE);
    int refused;

    if (o->released)
        wrong(o->world, "object %u: write after release", o->number);
    if (offset % PAGE || len == 0 || len != m_length(o, offset / PAGE))
        wrong(o->world, "object %u: write(%#llx, %zu), size %#llx", o->number,
              (unsigned long long)offset, len, (unsigned long long)o->size);
    if (!page->may)
        wrong(o->world, "object %u: page %llu is written, but is clean",
              o->number, (unsigned long long)page->index);
    if (memcmp(from, page->data, len) != 0)
        wrong(o->world, "object %u: page %llu is written, with wrong bytes",
              o->number, (unsigned long long)page->index);
    refused = page_refused(o->world, o, page->index);
    if (refused || o->write_fails)
        return refused ? refused : -LP_EIO;
    o->world->call.wrote = true;
    lp_host_wrote_back(o->world->m, from);
    memcpy(page->disk, from, len);
    page->must = page->may = false;
    return 0;
}

static void release(void *ctx)
{
    struct m_object *o = ctx;

    if (o->released)
        wrong(o->world, "object %u is released twice", o->number);
    if (o->held)
        wrong(o->world, "object %u is released, but we hold it", o->number);
    o->released = true;
    /* Its last write was refused, and there was nobody to be told. */
    if (o->world->call.again && o->world->call.object == o)
        m_page_of(o, o->world->call.index)->lost = true;
}

static const struct lp_object_ops operations[] = {
    [M_FILE] = { fill, write_back, release },
    [M_SOURCE] = { fill, NULL, release },
    [M_MEMORY] = { NULL, NULL, release },
};

/* Most objects allow everything. */
static unsigned pick_flags(struct world *w)
{
    unsigned flags = LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC;

    if (chance(w, 15))
        flags &= ~(unsigned)LP_OBJECT_WRITE;
    if (chance(w, 15))
        flags &= ~(unsigned)LP_OBJECT_EXEC;
    if (chance(w, 3))
        flags &= ~(unsigned)LP_OBJECT_READ;
    if (chance(w, 12))
        flags |= LP_OBJECT_ZERO_PAST_END;
    return flags;
}

struct m_object *object_open(struct world *w)
{
    struct m_object *o = calloc(1, sizeof *o);
    unsigned kind = (unsigned)pick(w, 10);
    int r;

    o->world = w;
    o->number = w->next_object++;
    o->kind = kind < 6 ? M_FILE : kind < 8 ? M_SOURCE : M_MEMORY;
    o->flags = pick_flags(w);
    o->size = pick(w, 14) * PAGE + (chance(w, 70) ? pick(w, PAGE) : 0);
    if (o->kind != M_MEMORY)
        scribble(o);
    do {
        call_begins(w, CALL_WHOLE);
        r = lp_object_create(w->pager, &operations[o->kind], o, o->size,
                             o->flags, &o->handle);
    } while (call_again(w, r));
    say(w, "object %u: kind %d, size %#llx, flags %u = %d", o->number, o->kind,
        (unsigned long long)o->size, o->flags, r);
    if (forgiven(w, r)) {
        m_object_free(o);
        return NULL;
    }
    expect(w, "lp_object_create", r, 0);
    o->held = 1;
    o->next = w->objects;
    w->objects = o;
    return o;
}

void device_open(struct world *w)
{
    struct m_object *o = calloc(1, sizeof *o);
    lp_pa start = lp_host_device(w->m);
    uint64_t index;

    o->world = w;
    o->number = w->next_object++;
    o->kind = M_DEVICE;
    o->flags = LP_OBJECT_READ | LP_OBJECT_WRITE;
    o->size = DEVICE_PAGES * PAGE;
    for (index = 0; index < DEVICE_PAGES; index++) {
        memset(m_page_of(o, index)->data, (int)(0x50 + index), PAGE);
        memset(lp_host_memory(w->m, start + index * PAGE), (int)(0x50 + index),
               PAGE);
    }
    expect(w, "lp_object_create_device",
           lp_object_create_device(w->pager, start, o->size, LP_CACHE_WRITEBACK,
                                   o->flags, &o->handle),
           0);
    o->held = 1;
    o->next = w->objects;
    w->objects = o;
}

/* The last reference went: everything that must be on disk is there. */
static void check_released(struct world *w, const struct m_object *o)
{
    const struct m_page *page;
    unsigned i;

    if (o->kind == M_ANONYMOUS || o->kind == M_DEVICE)
        return;
    if (!o->released)
        wrong(w, "object %u: nobody has it, and it is not released", o->number);
    if (o->kind != M_FILE)
        return;
    for (i = 0; i < OBJECT_BUCKETS; i++)
        for (page = o->bucket[i]; page; page = page->next)
            if (!page->held_written && !page->lost &&
                (page->must ||
                 memcmp(page->data, page->disk, m_length(o, page->index)) != 0))
                wrong(w, "object %u: changes of page %llu are lost at release",
                      o->number, (unsigned long long)page->index);
}

void collect_objects(struct world *w)
{
    struct m_object **link = &w->objects, *o;
    unsigned i;

    while ((o = *link) != NULL) {
        if (o->held || o->cells) {
            if (o->released)
                wrong(w, "object %u is released, but still in use", o->number);
            link = &o->next;
            continue;
        }
        check_released(w, o);
        for (i = 0; i < PINS_MAX; i++)
            if (w->pins[i].object == o)
                w->pins[i].object = NULL;
        *link = o->next;
        m_object_free(o);
    }
}
