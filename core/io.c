/*
 * io.c: reading and writing an object through its cache, as read() and write()
 * on a file do.
 */
#include "object.h"

#include "space.h"

/* The page that holds byte `offset`, referenced; or an error. */
static int get_page(struct lp_object *object, uint64_t offset, lp_pa *pa)
{
    enum lp_page_source source;
    int error;

    for (;;) {
        source = lp_object_grab(object, offset >> LP_PAGE_SHIFT, pa);
        if (source == LP_SOURCE_RESIDENT)
            return 0;
        if (source != LP_SOURCE_ABSENT)
            return -LP_EIO;
        error = lp_object_load(object, offset >> LP_PAGE_SHIFT);
        if (error == -LP_ENOMEM && lp_low_memory(object->pager))
            continue;
        if (error)
            return error;
    }
}

/* One transfer: into the buffer, or out of it. */
struct transfer {
    char *in;        /* read: where to */
    const char *out; /* write: where from */
};

static void move(struct lp_object *object, lp_pa pa, uint64_t offset,
                 const struct transfer *t, uint64_t done, uint64_t n)
{
    struct lp_frames *frames = &object->pager->frames;
    char *memory =
        (char *)lp_frame_memory(frames, pa) + (offset & LP_PAGE_MASK);

    if (t->in) {
        memcpy(t->in + done, memory, n);
    } else {
        memcpy(memory, t->out + done, n);
        lp_frame_set(lp_frame(frames, pa), LP_FRAME_DIRTY);
    }
    lp_frame_put(frames, pa);
}

static int64_t transfer(struct lp_object *object, uint64_t offset, uint64_t len,
                        const struct transfer *t)
{
    uint64_t size = lp_object_size(object), done = 0, n;
    int error = 0;
    lp_pa pa;

    if (object->kind == LP_OBJECT_DEVICE)
        return -LP_EINVAL;
    if (offset >= size)
        return 0;
    len = lp_min(lp_min(len, size - offset), INT64_MAX);
    while (done < len) {
        error = get_page(object, offset + done, &pa);
        if (error)
            break;
        n = lp_min(len - done, LP_PAGE_SIZE - ((offset + done) & LP_PAGE_MASK));
        move(object, pa, offset + done, t, done, n);
        done += n;
    }
    return done || !error ? (int64_t)done : error;
}

int64_t lp_object_read(struct lp_object *object, uint64_t offset, void *buffer,
                       uint64_t len)
{
    return transfer(object, offset, len, &(struct transfer){ .in = buffer });
}

int64_t lp_object_write(struct lp_object *object, uint64_t offset,
                        const void *buffer, uint64_t len)
{
    return transfer(object, offset, len, &(struct transfer){ .out = buffer });
}
