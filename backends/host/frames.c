/*
 * frames.c: physical memory: frames full of junk, and a few pages of device.
 *
 * Memory is reserved, not touched: a large machine costs what is used of it.
 * A frame handed out holds ALLOCATED words, a free one FREED words (unless
 * LP_HOST_NO_JUNK); a free one is looked at again before it is handed out, so a
 * write to freed memory is noticed late, but noticed.  Under AddressSanitizer
 * free frames are poisoned, and then it is noticed at once, reads too.
 *
 * As page-table entries both patterns are harmful: on x86-64 both are present.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#endif
#ifdef POISONS
#include <sanitizer/asan_interface.h>
#define poison(page) __asan_poison_memory_region(page, LP_PAGE_SIZE)
#define unpoison(page, len) __asan_unpoison_memory_region(page, len)
#else
#define poison(page) ((void)(page))
#define unpoison(page, len) ((void)(page), (void)(len))
#endif

#define ALLOCATED UINT64_C(0xa5a5a5a5a5a5a5a5)
#define FREED UINT64_C(0xdbdbdbdbdbdbdbdb)

enum { WORDS = LP_PAGE_SIZE / 8 };

static void *reserve(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void release(void *p, size_t len)
{
    if (!p)
        return;
    unpoison(p, len);
    munmap(p, len);
}

static bool junk(const struct lp_host *m)
{
    return !(m->config.flags & LP_HOST_NO_JUNK);
}

static void *page_of(const struct lp_host *m, uint64_t number)
{
    return m->arena + number * LP_PAGE_SIZE;
}

bool lp_host_frames_create(struct lp_host *m)
{
    const struct lp_host_config *c = &m->config;
    uint64_t i;

    m->records_len = c->nframes * 16;
    m->frames_end = c->pa_base + c->nframes * LP_PAGE_SIZE;
    m->arena = reserve(c->nframes * LP_PAGE_SIZE);
    m->frames = reserve(c->nframes * sizeof *m->frames);
    m->free_list = reserve(c->nframes * sizeof *m->free_list);
    m->kernel.frame_records = reserve(m->records_len);
    if (!m->arena || !m->frames || !m->free_list || !m->kernel.frame_records)
        return false;
    if (junk(m))
        memset(m->kernel.frame_records, 0xa5, m->records_len);
    for (i = 0; i < c->nframes; i++)
        m->free_list[i] = (uint32_t)(c->nframes - 1 - i);
    m->nfree = c->nframes;

    /* A page between the frames and the device belongs to nobody. */
    m->device_start = m->device_end = LP_PA_NONE;
    if (c->ndevice) {
        m->device = reserve(c->ndevice * LP_PAGE_SIZE);
        m->device_start = m->frames_end + LP_PAGE_SIZE;
        m->device_end = m->device_start + c->ndevice * LP_PAGE_SIZE;
    }
    return !c->ndevice || m->device;
}

void lp_host_frames_destroy(struct lp_host *m)
{
    const struct lp_host_config *c = &m->config;

    release(m->arena, c->nframes * LP_PAGE_SIZE);
    release(m->frames, c->nframes * sizeof *m->frames);
    release(m->free_list, c->nframes * sizeof *m->free_list);
    release(m->kernel.frame_records, m->records_len);
    release(m->device, c->ndevice * LP_PAGE_SIZE);
}

struct lp_host_frame *lp_host_frame_of(struct lp_host *m, lp_pa pa)
{
    if (pa < m->config.pa_base || pa >= m->frames_end)
        return NULL;
    return &m->frames[(pa - m->config.pa_base) / LP_PAGE_SIZE];
}

void *lp_host_memory(struct lp_host *m, lp_pa pa)
{
    if (pa >= m->config.pa_base && pa < m->frames_end)
        return m->arena + (pa - m->config.pa_base);
    if (m->device && pa >= m->device_start && pa < m->device_end)
        return m->device + (pa - m->device_start);
    return NULL;
}

lp_pa lp_host_device(struct lp_host *m)
{
    return m->device_start;
}

void *lp_host_reach(struct lp_host *m, lp_pa pa, const char *why, lp_va va)
{
    struct lp_host_frame *frame = lp_host_frame_of(m, pa);
    void *memory = lp_host_memory(m, pa);

    if (frame && atomic_load_explicit(&frame->serial, memory_order_acquire))
        return memory;
    if (frame)
        lp_host_fail(m, "use of a freed frame: %s at pa 0x%llx for va 0x%llx",
                     why, (unsigned long long)pa, (unsigned long long)va);
    else if (!memory)
        lp_host_fail(m, "no memory there: %s at pa 0x%llx for va 0x%llx", why,
                     (unsigned long long)pa, (unsigned long long)va);
    return frame ? NULL : memory;
}

/* Is it this allocation's turn to fail?  free_lock held. */
static bool must_fail(struct lp_host *m)
{
    uint64_t number = ++m->allocations;

    if (m->nfree == 0)
        return true;
    if (m->fail_at == 0 || number < m->fail_at)
        return false;
    return m->fail_after || number == m->fail_at;
}

/* Take a frame's number off the free list.  free_lock held. */
static uint32_t take(struct lp_host *m)
{
    uint64_t i = m->nfree - 1;
    uint32_t number;

    if (m->config.flags & LP_HOST_RANDOM_FRAMES)
        i = lp_host_random(&m->random) % m->nfree;
    number = m->free_list[i];
    m->free_list[i] = m->free_list[--m->nfree];
    return number;
}

static void look_for_writes(struct lp_host *m, uint32_t number)
{
    const uint64_t *word = page_of(m, number);
    unsigned i;

    for (i = 0; i < WORDS; i++) {
        if (word[i] == FREED)
            continue;
        lp_host_fail(
            m, "free frame 0x%llx was written to at offset %u",
            (unsigned long long)(m->config.pa_base + number * LP_PAGE_SIZE),
            i * 8);
        return;
    }
}

static void fill(uint64_t *page, uint64_t pattern)
{
    unsigned i;

    for (i = 0; i < WORDS; i++)
        page[i] = pattern;
}

static int frame_alloc(void *ctx, enum lp_frame_fill how, lp_pa *pa)
{
    struct lp_host *m = ctx;
    struct lp_host_frame *frame;
    uint32_t number;
    bool fresh;
    uint64_t serial;

    lp_host_speculate(m);
    pthread_mutex_lock(&m->free_lock);
    if (must_fail(m)) {
        pthread_mutex_unlock(&m->free_lock);
        return -LP_ENOMEM;
    }
    serial = m->allocations;
    number = take(m);
    pthread_mutex_unlock(&m->free_lock);

    frame = &m->frames[number];
    /* `stored` of a frame that was never used is 0, of a free one 1. */
    fresh = atomic_load_explicit(&frame->stored, memory_order_relaxed) == 0;
    unpoison(page_of(m, number), LP_PAGE_SIZE);
    if (!fresh && junk(m))
        look_for_writes(m, number);
    if (how == LP_FRAME_ZEROED && !fresh)
        memset(page_of(m, number), 0, LP_PAGE_SIZE);
    else if (how == LP_FRAME_ANY && junk(m))
        fill(page_of(m, number), ALLOCATED);
    atomic_store_explicit(&frame->stored, 0, memory_order_relaxed);
    atomic_store(&frame->serial, (uint32_t)serial | UINT32_C(0x80000000));
    *pa = m->config.pa_base + number * LP_PAGE_SIZE;
    return 0;
}

static void frame_free(void *ctx, lp_pa pa)
{
    struct lp_host *m = ctx;
    struct lp_host_frame *frame = lp_host_frame_of(m, pa);
    void *page = lp_host_memory(m, pa);

    lp_host_speculate(m);
    if (!frame || pa & LP_PAGE_MASK) {
        lp_host_fail(m, "free of 0x%llx, which is no frame",
                     (unsigned long long)pa);
        return;
    }
    if (atomic_exchange(&frame->serial, 0) == 0) {
        lp_host_fail(m, "free of frame 0x%llx, which is not allocated",
                     (unsigned long long)pa);
        return;
    }
    lp_host_check_freed(m, frame, pa);
    if (junk(m))
        fill(page, FREED);
    atomic_store_explicit(&frame->stored, 1, memory_order_relaxed);
    /* What was stored to this page is no matter of the next one's D. */
    atomic_fetch_add_explicit(&frame->written, 1, memory_order_relaxed);
    poison(page);

    pthread_mutex_lock(&m->free_lock);
    m->frees++;
    m->free_list[m->nfree++] =
        (uint32_t)((pa - m->config.pa_base) / LP_PAGE_SIZE);
    pthread_mutex_unlock(&m->free_lock);
}

void lp_host_frames_kernel(struct lp_host *m)
{
    m->kernel.frame_alloc = frame_alloc;
    m->kernel.frame_free = frame_free;
    m->kernel.frames_start = m->config.pa_base;
    m->kernel.frames_end = m->frames_end;
    m->kernel.direct_map = (void *)((uintptr_t)m->arena - m->config.pa_base);
}

uint64_t lp_host_frames_used(struct lp_host *m)
{
    uint64_t used;

    pthread_mutex_lock(&m->free_lock);
    used = m->config.nframes - m->nfree;
    pthread_mutex_unlock(&m->free_lock);
    return used;
}

uint64_t lp_host_allocations(struct lp_host *m)
{
    uint64_t allocations;

    pthread_mutex_lock(&m->free_lock);
    allocations = m->allocations;
    pthread_mutex_unlock(&m->free_lock);
    return allocations;
}

bool lp_host_frame_used(struct lp_host *m, lp_pa pa)
{
    struct lp_host_frame *frame = lp_host_frame_of(m, pa);

    return frame && atomic_load(&frame->serial);
}

static void fail_allocation(struct lp_host *m, uint64_t n, bool after)
{
    pthread_mutex_lock(&m->free_lock);
    m->fail_at = n ? m->allocations + n : 0;
    m->fail_after = after;
    pthread_mutex_unlock(&m->free_lock);
}

void lp_host_fail_once(struct lp_host *m, uint64_t n)
{
    fail_allocation(m, n, false);
}

void lp_host_fail_from(struct lp_host *m, uint64_t n)
{
    fail_allocation(m, n, true);
}
