/*
 * slab.c: nodes from frames.
 *
 * A frame of a slab begins with a header; its free nodes are linked through
 * their first word, and nodes that were never used are taken off the end, so
 * that a new frame costs no loop.
 */
#include "slab.h"

#include "frame.h"
#include "pager.h"

struct lp_slab_frame {
    struct lp_slab_frame *next, *prev; /* the slab's list of partial frames */
    void *free;                        /* nodes given back */
    lp_pa pa;
    uint32_t used;  /* nodes handed out */
    uint32_t fresh; /* nodes never handed out yet */
};

/* The header's share of the frame: nodes start here, well aligned. */
#define HEADER 64
_Static_assert(sizeof(struct lp_slab_frame) <= HEADER, "header fits");

void lp_slab_init(struct lp_slab *slab, struct lp_pager *pager,
                  uint32_t node_size)
{
    memset(slab, 0, sizeof(*slab));
    slab->pager = pager;
    slab->node_size = (node_size + 15) & ~(uint32_t)15;
    slab->per_frame = (uint32_t)(LP_PAGE_SIZE - HEADER) / slab->node_size;
    lp_assert2(pager->kernel, slab->per_frame > 0, node_size, 0);
}

static void link_frame(struct lp_slab *slab, struct lp_slab_frame *frame)
{
    frame->prev = NULL;
    frame->next = slab->partial;
    if (frame->next)
        frame->next->prev = frame;
    slab->partial = frame;
}

static void unlink_frame(struct lp_slab *slab, struct lp_slab_frame *frame)
{
    if (frame->prev)
        frame->prev->next = frame->next;
    else
        slab->partial = frame->next;
    if (frame->next)
        frame->next->prev = frame->prev;
}

/* One more frame; slab locked. */
static bool grow(struct lp_slab *slab)
{
    struct lp_frames *frames = &slab->pager->frames;
    struct lp_slab_frame *frame;
    lp_pa pa;

    if (lp_frame_alloc(frames, LP_FRAME_ANY, LP_KIND_SLAB, 0, &pa) != 0)
        return false;
    frame = lp_frame_memory(frames, pa);
    frame->pa = pa;
    frame->free = NULL;
    frame->used = 0;
    frame->fresh = slab->per_frame;
    link_frame(slab, frame);
    slab->frames++;
    return true;
}

/* A node of a frame that has one; slab locked. */
static void *take(struct lp_slab *slab, struct lp_slab_frame *frame)
{
    void *node = frame->free;

    if (node) {
        memcpy(&frame->free, node, sizeof(frame->free));
    } else {
        frame->fresh--;
        node = (char *)frame + HEADER + (size_t)frame->fresh * slab->node_size;
    }
    frame->used++;
    if (frame->used == slab->per_frame)
        unlink_frame(slab, frame);
    return node;
}

void *lp_slab_alloc(struct lp_slab *slab)
{
    void *node = NULL;

    lp_ticket_lock(slab->pager->kernel, &slab->lock);
    if (slab->partial || grow(slab)) {
        node = take(slab, slab->partial);
        slab->nodes++;
    }
    lp_ticket_unlock(slab->pager->kernel, &slab->lock);
    return node;
}

void lp_slab_free(struct lp_slab *slab, void *node)
{
    struct lp_frames *frames = &slab->pager->frames;
    /* Frames are pages of the direct map, which starts on a page. */
    struct lp_slab_frame *frame =
        (void *)((char *)node - ((uintptr_t)node & LP_PAGE_MASK));
    lp_pa empty = LP_PA_NONE;

    lp_ticket_lock(slab->pager->kernel, &slab->lock);
    lp_assert2(slab->pager->kernel, frame->used > 0, (uintptr_t)node, 0);
    memcpy(node, &frame->free, sizeof(frame->free));
    frame->free = node;
    if (frame->used == slab->per_frame)
        link_frame(slab, frame);
    frame->used--;
    slab->nodes--;
    if (frame->used == 0) {
        unlink_frame(slab, frame);
        slab->frames--;
        empty = frame->pa;
    }
    lp_ticket_unlock(slab->pager->kernel, &slab->lock);
    /* no branch: nobody else counts a slab's frame */
    if (empty != LP_PA_NONE && lp_frame_drop(lp_frame(frames, empty)))
        lp_frame_free(frames, empty);
}
