/*
 * frame.h: physical frames and their records; the only caller of the kernel's
 * frame allocator.
 *
 * A record is 16 bytes.  Its count is the number of entries that point at
 * the frame (and of gathers, roots, caches and readers that hold it).  Pins
 * are not references: they live in the other half of the same word, so that
 * "one reference" stays a question about one number while "may go free" (both
 * zero) is still a single atomic decision.
 *
 * A count that reaches LP_COUNT_MAX is saturated: the frame is immortal and its
 * record's count is not written again.  The zero page is born so.
 */
#ifndef LP_CORE_FRAME_H
#define LP_CORE_FRAME_H

#include "lock.h"

#define LP_COUNT_MAX UINT32_MAX

enum lp_frame_kind {
    LP_KIND_FREE, /* not ours */
    LP_KIND_TABLE,
    LP_KIND_DATA,
    LP_KIND_SLAB,
    LP_KIND_META,   /* the pager's own state */
    LP_KIND_KERNEL, /* a page table of the kernel's half (ktable.h) */
};

/* struct lp_frame, field state. */
enum {
    LP_FRAME_LOCK = 1,  /* a table's node lock */
    LP_FRAME_STALE = 2, /* a table: was copied while shared; see own.h */
    LP_FRAME_DIRTY = 4, /* a cache's page: must reach the object */
    /* In an object's cache, or was, until it is somebody's own (claim). */
    LP_FRAME_CACHED = 8,
    LP_FRAME_KIND_SHIFT = 4,
    LP_FRAME_KIND_MASK = 7 << LP_FRAME_KIND_SHIFT,
    LP_FRAME_LEVEL_SHIFT = 8, /* of a table */
    LP_FRAME_LEVEL_MASK = 7 << LP_FRAME_LEVEL_SHIFT,
    /*
     * A leaf table that was copied: how many soft faults to wait before the
     * next sweep (a power of two, its exponent), and how many have passed.
     */
    LP_FRAME_COPIED = 1 << 15,
    LP_FRAME_WAIT_SHIFT = 16,
    LP_FRAME_WAIT_MASK = 15 << LP_FRAME_WAIT_SHIFT,
    LP_FRAME_PASSED_SHIFT = 20,
    LP_FRAME_PASSED_MASK = 0x7ff << LP_FRAME_PASSED_SHIFT,
};

struct lp_frame {
    _Atomic uint64_t refs;  /* (A) count, and pins << 32 */
    _Atomic uint32_t state; /* (A) LP_FRAME_* */
    /*
     * (T) A table: entries in use, and the span that they lie in (a hint:
     * never too small).  See lp_use_*.
     */
    _Atomic uint32_t use;
};
_Static_assert(sizeof(struct lp_frame) == 16, "a record is 16 bytes");

/* Where frames are; embedded in the pager, constant after creation. */
struct lp_frames {
    const struct lp_kernel *kernel;
    struct lp_frame *record;
    char *direct; /* + physical address: where to reach it */
    lp_pa start, end;
};

/* The record of a counted frame. */
static inline struct lp_frame *lp_frame(const struct lp_frames *frames,
                                        lp_pa pa)
{
    lp_assert_hot(frames->kernel,
                  pa - frames->start < frames->end - frames->start, pa,
                  frames->start);
    return &frames->record[(pa - frames->start) >> LP_PAGE_SHIFT];
}

/* The frame's memory. */
static inline void *lp_frame_memory(const struct lp_frames *frames, lp_pa pa)
{
    return frames->direct + pa;
}

static inline uint32_t lp_frame_state(const struct lp_frame *frame)
{
    return atomic_load_explicit(&frame->state, memory_order_acquire);
}

static inline void lp_frame_set(struct lp_frame *frame, uint32_t bits)
{
    atomic_fetch_or_explicit(&frame->state, bits, memory_order_acq_rel);
}

static inline void lp_frame_reset(struct lp_frame *frame, uint32_t bits)
{
    atomic_fetch_and_explicit(&frame->state, ~bits, memory_order_acq_rel);
}

/*
 * The count, with acquire: whoever sees one also sees what the others did
 * before they let go, a stale mark above all (R1).
 */
static inline uint32_t lp_frame_count(const struct lp_frame *frame)
{
    return (uint32_t)atomic_load_explicit(&frame->refs, memory_order_acquire);
}

static inline uint32_t lp_frame_pins(const struct lp_frame *frame)
{
    return (
        uint32_t)(atomic_load_explicit(&frame->refs, memory_order_acquire) >>
                  32);
}

static inline enum lp_frame_kind lp_frame_kind(const struct lp_frame *frame)
{
    return (enum lp_frame_kind)((lp_frame_state(frame) & LP_FRAME_KIND_MASK) >>
                                LP_FRAME_KIND_SHIFT);
}

/*
 * lp_frame_alloc: a frame of the kernel's, counted once, for the caller.
 *
 * => kind: not FREE; level: of a table, else 0.
 * => returns 0 and *pa, or -LP_ENOMEM and *pa unchanged.
 * => any lock may be held.
 */
LP_MUST_CHECK
int lp_frame_alloc(const struct lp_frames *frames, enum lp_frame_fill fill,
                   enum lp_frame_kind kind, unsigned level, lp_pa *pa);

/*
 * lp_frame_free: back to the kernel: no references, no pins, no TLB.
 */
void lp_frame_free(const struct lp_frames *frames, lp_pa pa);

/* lp_frame_get: one more reference; the caller knows that there is one. */
static inline void lp_frame_get(struct lp_frame *frame)
{
    uint64_t old = atomic_load_explicit(&frame->refs, memory_order_relaxed);

    do {
        if (lp_unlikely((uint32_t)old == LP_COUNT_MAX))
            return;
    } while (!atomic_compare_exchange_weak_explicit(&frame->refs, &old, old + 1,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed));
}

/*
 * lp_frame_drop: give a reference back.
 *
 * => returns true when neither references nor pins are left: the frame is the
 *    caller's, who empties it (a table) and calls lp_frame_free.
 */
static inline bool lp_frame_drop(struct lp_frame *frame)
{
    uint64_t old = atomic_load_explicit(&frame->refs, memory_order_relaxed);

    do {
        if (lp_unlikely((uint32_t)old == LP_COUNT_MAX))
            return false;
        lp_assert_hot(NULL, (uint32_t)old != 0, old, 0);
    } while (!atomic_compare_exchange_weak_explicit(&frame->refs, &old, old - 1,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
    return old == 1;
}

/* lp_frame_put: drop, and free a data frame when that was all. */
static inline void lp_frame_put(const struct lp_frames *frames, lp_pa pa)
{
    if (lp_frame_drop(lp_frame(frames, pa)))
        lp_frame_free(frames, pa);
}

/*
 * lp_frame_claim: a private mapping has the page alone and is about to write to
 * it: from now on it is no cache's, also for who makes a hole in the object that
 * it came from (lp_table_zap_cached).  Its count is one; leaf table locked.
 */
static inline void lp_frame_claim(struct lp_frame *frame)
{
    if (lp_unlikely(lp_frame_state(frame) & LP_FRAME_CACHED))
        lp_frame_reset(frame, LP_FRAME_CACHED);
}

/*
 * lp_frame_pin, lp_frame_unpin: hold a data frame without being a reference.
 * Pinning needs a reference that cannot go meanwhile (the caller holds the
 * lock of the table that maps it).
 */
void lp_frame_pin(struct lp_frame *frame);
void lp_frame_unpin(const struct lp_frames *frames, lp_pa pa);

/* Node lock of a table; lock.h says in which order. */
static inline bool lp_frame_trylock(struct lp_frame *frame)
{
    return !(atomic_fetch_or_explicit(&frame->state, LP_FRAME_LOCK,
                                      memory_order_acquire) &
             LP_FRAME_LOCK);
}

static inline void lp_frame_lock(const struct lp_frames *frames,
                                 struct lp_frame *frame)
{
    while (lp_unlikely(!lp_frame_trylock(frame)))
        lp_poll(frames->kernel);
}

static inline void lp_frame_unlock(struct lp_frame *frame)
{
    atomic_fetch_and_explicit(&frame->state, ~(uint32_t)LP_FRAME_LOCK,
                              memory_order_release);
}

/*
 * Entries of a table in use: their number, and the lowest and the highest index
 * that was ever in use since the number was last 0.  Small processes live by
 * this: copying, cleaning and dropping touch only the span.
 */
struct lp_use {
    unsigned used;
    unsigned low, high; /* both inclusive; meaningless when used is 0 */
};

static inline struct lp_use lp_use_of(const struct lp_frame *frame)
{
    uint32_t u = atomic_load_explicit(&frame->use, memory_order_relaxed);

    return (struct lp_use){ u & 1023, (u >> 10) & 511, (u >> 19) & 511 };
}

static inline void lp_use_set(struct lp_frame *frame, struct lp_use use)
{
    atomic_store_explicit(&frame->use,
                          use.used | use.low << 10 | use.high << 19,
                          memory_order_relaxed);
}

/* An entry came into use.  Table locked, or not yet published. */
static inline void lp_use_add(struct lp_frame *frame, unsigned index)
{
    struct lp_use use = lp_use_of(frame);

    if (lp_unlikely(use.used == 0))
        use.low = use.high = index;
    if (lp_unlikely(index < use.low))
        use.low = index;
    if (lp_unlikely(index > use.high))
        use.high = index;
    use.used++;
    lp_use_set(frame, use);
}

/* n entries went out of use. */
static inline void lp_use_remove(struct lp_frame *frame, unsigned n)
{
    struct lp_use use = lp_use_of(frame);

    lp_assert2(NULL, use.used >= n, use.used, n);
    use.used -= n;
    lp_use_set(frame, use);
}

#endif
