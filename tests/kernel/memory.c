/*
 * memory.c: frames, and small pieces of memory cut from them.
 *
 * Free frames form a list through their own first words; frames that were
 * never used are a stack of ranges, so that boot touches none of them.  Small
 * memory comes in powers of two: a frame holds pieces of one size, and begins
 * with a header that says which.
 *
 * Locks: `frames_lock`, and `heap_lock` before it; interrupts off while one is
 * held, so that handlers may use both.
 */
#include <stdatomic.h>

#include "arch.h"

struct spin {
    atomic_flag taken;
};

static bool spin_lock(struct spin *lock)
{
    bool on = arch_irq_disable();

    while (
        atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire))
        arch_pause();
    return on;
}

static void spin_unlock(struct spin *lock, bool on)
{
    atomic_flag_clear_explicit(&lock->taken, memory_order_release);
    arch_irq_restore(on);
}

void *direct(lp_pa pa)
{
    return (void *)(uintptr_t)(ARCH_DIRECT_MAP + pa);
}

lp_pa direct_pa(const void *p)
{
    return (uintptr_t)p - ARCH_DIRECT_MAP;
}

/* --- frames --- */

enum { RANGES_MAX = 16 };

static struct spin frames_lock = { ATOMIC_FLAG_INIT };
static struct {
    lp_pa start, end;
} unused[RANGES_MAX];
static unsigned nunused;
static lp_pa *free_list; /* each free frame's first word leads to the next */
static uint64_t nfree;

void frames_give(lp_pa start, lp_pa end)
{
    bool on = spin_lock(&frames_lock);

    ASSERT(nunused < RANGES_MAX && start <= end &&
           ((start | end) & LP_PAGE_MASK) == 0);
    unused[nunused].start = start;
    unused[nunused].end = end;
    nunused++;
    nfree += (end - start) / PAGE_SIZE;
    spin_unlock(&frames_lock, on);
}

/* Cut n frames from a range that was never used. */
static lp_pa cut(size_t n)
{
    uint64_t len = n * PAGE_SIZE;
    unsigned i;

    for (i = 0; i < nunused; i++)
        if (unused[i].end - unused[i].start >= len) {
            unused[i].start += len;
            nfree -= n;
            return unused[i].start - len;
        }
    return LP_PA_NONE;
}

lp_pa frames_get(size_t n)
{
    bool on = spin_lock(&frames_lock);
    lp_pa pa = cut(n);

    spin_unlock(&frames_lock, on);
    return pa;
}

lp_pa frame_get(void)
{
    bool on = spin_lock(&frames_lock);
    lp_pa pa;

    if (free_list) {
        pa = direct_pa(free_list);
        free_list = *free_list ? direct(*free_list) : NULL;
        nfree--;
    } else {
        pa = cut(1);
    }
    spin_unlock(&frames_lock, on);
    return pa;
}

void frame_put(lp_pa pa)
{
    bool on = spin_lock(&frames_lock);
    lp_pa *frame = direct(pa);

    *frame = free_list ? direct_pa(free_list) : 0;
    free_list = frame;
    nfree++;
    spin_unlock(&frames_lock, on);
}

uint64_t frames_free(void)
{
    bool on = spin_lock(&frames_lock);
    uint64_t n = nfree;

    spin_unlock(&frames_lock, on);
    return n;
}

/* --- small memory --- */

enum {
    SIZE_MIN = 32, /* of the smallest piece */
    NSIZES = 7,    /* 32 .. 2,048; above: a frame of its own */
    HEADER = 32,   /* keeps pieces 16-byte aligned */
};

/* The beginning of a frame that holds small pieces. */
struct chunk {
    unsigned size; /* index of its pieces' size */
    unsigned used;
    void **free;               /* its free pieces */
    struct chunk *next, *prev; /* those of one size with free pieces */
};
_Static_assert(sizeof(struct chunk) <= HEADER, "the header is too small");

static struct spin heap_lock = { ATOMIC_FLAG_INIT };
static struct chunk *chunks[NSIZES];

static size_t piece(unsigned size)
{
    return (size_t)SIZE_MIN << size;
}

static void chunk_link(struct chunk *chunk)
{
    struct chunk **first = &chunks[chunk->size];

    chunk->prev = NULL;
    chunk->next = *first;
    if (*first)
        (*first)->prev = chunk;
    *first = chunk;
}

static void chunk_unlink(struct chunk *chunk)
{
    if (chunk->prev)
        chunk->prev->next = chunk->next;
    else
        chunks[chunk->size] = chunk->next;
    if (chunk->next)
        chunk->next->prev = chunk->prev;
}

static struct chunk *chunk_new(unsigned size)
{
    lp_pa pa = frame_get();
    struct chunk *chunk;
    size_t at;

    if (pa == LP_PA_NONE)
        return NULL;
    chunk = direct(pa);
    *chunk = (struct chunk){ .size = size };
    for (at = HEADER; at + piece(size) <= PAGE_SIZE; at += piece(size)) {
        void **p = (void *)((char *)chunk + at);

        *p = (void *)chunk->free;
        chunk->free = p;
    }
    chunk_link(chunk);
    return chunk;
}

static void *small(unsigned size)
{
    struct chunk *chunk = chunks[size] ? chunks[size] : chunk_new(size);
    void **p;

    if (!chunk)
        return NULL;
    p = chunk->free;
    chunk->free = *p;
    chunk->used++;
    if (!chunk->free)
        chunk_unlink(chunk);
    return p;
}

/* A whole frame starts at a page; a piece never does. */
void *kmalloc(size_t len)
{
    unsigned size = 0;
    void *p;
    bool on;

    ASSERT(len <= PAGE_SIZE);
    while (size < NSIZES && piece(size) < len)
        size++;
    if (size == NSIZES || piece(size) > PAGE_SIZE - HEADER) {
        lp_pa pa = frame_get();

        return pa == LP_PA_NONE ? NULL : memset(direct(pa), 0, PAGE_SIZE);
    }
    on = spin_lock(&heap_lock);
    p = small(size);
    spin_unlock(&heap_lock, on);
    return p ? memset(p, 0, piece(size)) : NULL;
}

void kfree(void *p)
{
    struct chunk *chunk = (void *)((uintptr_t)p & ~(uintptr_t)LP_PAGE_MASK);
    bool on, empty;

    if (!p)
        return;
    if (p == chunk) {
        frame_put(direct_pa(p));
        return;
    }
    on = spin_lock(&heap_lock);
    if (!chunk->free)
        chunk_link(chunk);
    *(void **)p = (void *)chunk->free;
    chunk->free = p;
    empty = --chunk->used == 0;
    if (empty)
        chunk_unlink(chunk);
    spin_unlock(&heap_lock, on);
    if (empty)
        frame_put(direct_pa(chunk));
}
