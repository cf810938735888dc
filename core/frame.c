/*
 * frame.c: frames in and out, and pins.
 */
#include "frame.h"

#define ONE_PIN ((uint64_t)1 << 32)

int lp_frame_alloc(const struct lp_frames *frames, enum lp_frame_fill fill,
                   enum lp_frame_kind kind, unsigned level, lp_pa *pa)
{
    const struct lp_kernel *kernel = frames->kernel;
    struct lp_frame *frame;
    lp_pa got;

    if (kernel->frame_alloc(kernel->ctx, fill, &got) != 0)
        return -LP_ENOMEM;
    lp_assert_hot(kernel, lp_page_aligned(got), got, 0);
    frame = lp_frame(frames, got);
    lp_assert2(kernel, lp_frame_kind(frame) == LP_KIND_FREE, got,
               lp_frame_kind(frame));
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&frame->use, 0, memory_order_relaxed);
    atomic_store_explicit(&frame->state,
                          (uint32_t)kind << LP_FRAME_KIND_SHIFT |
                              level << LP_FRAME_LEVEL_SHIFT,
                          memory_order_relaxed);
    *pa = got;
    return 0;
}

void lp_frame_free(const struct lp_frames *frames, lp_pa pa)
{
    struct lp_frame *frame = lp_frame(frames, pa);

    lp_assert2(frames->kernel, lp_frame_kind(frame) != LP_KIND_FREE, pa, 0);
    lp_assert2(frames->kernel, (lp_frame_state(frame) & LP_FRAME_LOCK) == 0, pa,
               0);
    atomic_store_explicit(&frame->refs, 0, memory_order_relaxed);
    atomic_store_explicit(&frame->state, 0, memory_order_relaxed);
    frames->kernel->frame_free(frames->kernel->ctx, pa);
}

void lp_frame_pin(struct lp_frame *frame)
{
    uint64_t old =
        atomic_fetch_add_explicit(&frame->refs, ONE_PIN, memory_order_relaxed);

    lp_assert2(NULL, old >> 32 != UINT32_MAX, old, 0);
}

void lp_frame_unpin(const struct lp_frames *frames, lp_pa pa)
{
    struct lp_frame *frame = lp_frame(frames, pa);
    uint64_t old =
        atomic_fetch_sub_explicit(&frame->refs, ONE_PIN, memory_order_acq_rel);

    lp_assert2(frames->kernel, old >> 32 != 0, pa, old);
    if (old == ONE_PIN)
        lp_frame_free(frames, pa);
}

size_t lp_frame_records_size(lp_pa start, lp_pa end)
{
    return (size_t)((end - start) >> LP_PAGE_SHIFT) * sizeof(struct lp_frame);
}
