/*
 * user.c: the system calls' view of user memory.
 *
 * A page is looked up under the space's lock for reading and its table's lock,
 * and pinned before they are let go: a fork needs the lock for writing, so
 * what is written while it is held is in the parent's page before the child
 * exists.
 */
#include "fault.h"
#include "own.h"

/* Does the area at va allow it?  *end: where that area ends. */
static bool area_allows(struct lp_space *space, lp_va va, unsigned access,
                        lp_va *end)
{
    struct lp_vma vma;

    if (!lp_vma_find(&space->vmas, va, &vma) || vma.start > va ||
        (access & ~lp_allowed(space->pager, vma.flags)))
        return false;
    *end = vma.end;
    return true;
}

bool lp_access_ok(struct lp_space *space, lp_va va, uint64_t len,
                  unsigned access)
{
    bool ok = true;
    lp_va end;

    if (len > UINT64_MAX - va)
        return false;
    if (va >= space->pager->format.user_end)
        return false;
    end = len ? va + len : va + 1;
    lp_space_read_lock(space);
    while (ok && va < end)
        ok = area_allows(space, va, access, &va);
    lp_space_read_unlock(space);
    return ok;
}

/* What is wanted of a page. */
struct want {
    struct lp_space *space;
    unsigned access;
    /*
     * It will be held for long: it must not be shared copy-on-write, or
     * whoever shares it could get it back as sole owner and write to it.
     */
    bool ours;
    bool dirty; /* it will be written: mark it when it has been */
};

/* May this page be used as it is? */
static bool usable(const struct want *want, const struct lp_walk *walk,
                   const struct lp_leaf *leaf)
{
    const struct lp_pager *pager = want->space->pager;
    unsigned access = lp_table_reach(pager, leaf->access, walk->owned);

    if (!leaf->present || leaf->uncounted || (want->access & ~access))
        return false;
    return !want->ours || leaf->shared ||
           (walk->owned && !lp_fault_cow(pager, leaf->pa));
}

/*
 * Look at the page at va; if it may be used, call use(ctx, frame, access)
 * under the table's lock.  Space locked for reading.  Returns 0, -LP_EFAULT
 * where a device is, or -LP_EAGAIN: it must be loaded.
 */
static int use_page(const struct want *want, lp_va va,
                    void (*use)(void *ctx, lp_pa frame, unsigned access),
                    void *ctx)
{
    struct lp_space *space = want->space;
    struct lp_walk walk;
    struct lp_leaf leaf;
    bool ok;

    lp_table_walk(space, va, &walk);
    if (walk.level > 0)
        return -LP_EAGAIN;
    lp_table_lock(space, &walk);
    leaf = lp_table_leaf(space, &walk);
    ok = usable(want, &walk, &leaf);
    if (ok)
        use(ctx, leaf.pa,
            lp_table_reach(space->pager, leaf.access, walk.owned));
    lp_table_unlock(&walk);
    return ok ? 0 : leaf.uncounted ? -LP_EFAULT : -LP_EAGAIN;
}

/* Own the path to va, and the page there, without asking for a write. */
static int unshare(struct lp_space *space, lp_va va)
{
    struct lp_gather gather;
    struct lp_walk walk;
    struct lp_leaf leaf;
    int error;

    do {
        lp_gather_init(&gather, space);
        lp_space_write_lock(space);
        error = lp_own_path(space, va, &gather);
        lp_table_walk(space, va, &walk);
        leaf = lp_table_leaf(space, &walk);
        if (!error)
            error = lp_fault_unshare(space, va, leaf.pa, &gather);
        lp_gather_flush(&gather);
        lp_space_write_unlock(space);
        lp_gather_free(&gather);
    } while (error == -LP_ENOMEM && lp_low_memory(space->pager));
    return error;
}

/* Bring the page, one kind of access at a time. */
static int load(struct lp_space *space, lp_va va, unsigned access)
{
    struct lp_fault fault = { .va = va, .flags = LP_FAULT_USER };
    struct lp_fault_result result;
    unsigned bit;
    int error;

    for (bit = LP_READ; bit <= LP_EXEC; bit <<= 1) {
        if (!(access & bit))
            continue;
        fault.access = bit;
        error = lp_handle_fault(space, &fault, &result);
        if (error)
            return error;
    }
    return 0;
}

/*
 * Load the page at va and call use on it.  On success the space is still
 * locked for reading.
 */
LP_NO_TSA static int with_page(const struct want *want, lp_va va,
                               void (*use)(void *ctx, lp_pa frame,
                                           unsigned access),
                               void *ctx)
{
    int error;

    if (va >= want->space->pager->format.user_end)
        return -LP_EFAULT;
    for (;;) {
        lp_space_read_lock(want->space);
        error = use_page(want, va, use, ctx);
        if (!error)
            return 0;
        lp_space_read_unlock(want->space);
        if (error == -LP_EAGAIN)
            error = load(want->space, va, want->access);
        if (!error && want->ours)
            error = unshare(want->space, va);
        if (error)
            return error;
    }
}

static void pin_page(void *ctx, lp_pa frame, unsigned access)
{
    struct lp_pin *pin = ctx;
    struct lp_frames *frames = &pin->space->pager->frames;

    lp_frame_pin(lp_frame(frames, frame));
    pin->frame = frame;
    pin->page = lp_frame_memory(frames, frame);
    pin->access = access;
}

static void link_pin(struct lp_pin *pin)
{
    struct lp_space *space = pin->space;

    lp_ticket_lock(space->pager->kernel, &space->pin_lock);
    pin->prev = NULL;
    pin->next = space->pins;
    if (pin->next)
        pin->next->prev = pin;
    space->pins = pin;
    lp_ticket_unlock(space->pager->kernel, &space->pin_lock);
}

static void unlink_pin(struct lp_pin *pin)
{
    struct lp_space *space = pin->space;

    lp_ticket_lock(space->pager->kernel, &space->pin_lock);
    if (pin->prev)
        pin->prev->next = pin->next;
    else
        space->pins = pin->next;
    if (pin->next)
        pin->next->prev = pin->prev;
    lp_ticket_unlock(space->pager->kernel, &space->pin_lock);
}

LP_NO_TSA int lp_get_user_page(struct lp_space *space, lp_va va,
                               unsigned access, struct lp_pin *pin)
{
    struct want want = { space, access ? access : LP_READ, true, false };
    int error;

    pin->space = space;
    pin->va = lp_round_down(va);
    pin->write = (access & LP_WRITE) != 0;
    error = with_page(&want, va, pin_page, pin);
    if (error)
        return error;
    link_pin(pin);
    lp_space_read_unlock(space);
    return 0;
}

void lp_put_user_page(struct lp_pin *pin)
{
    struct lp_frames *frames = &pin->space->pager->frames;

    if (pin->write)
        lp_frame_set(lp_frame(frames, pin->frame), LP_FRAME_DIRTY);
    /* Fork walks the pins with the space locked for writing. */
    lp_space_read_lock(pin->space);
    unlink_pin(pin);
    lp_space_read_unlock(pin->space);
    lp_frame_unpin(frames, pin->frame);
}

/* A piece of a copy: within one page. */
struct piece {
    struct lp_frames *frames;
    lp_pa frame;
};

static void hold_piece(void *ctx, lp_pa frame, unsigned access)
{
    struct piece *piece = ctx;

    (void)access;
    lp_frame_pin(lp_frame(piece->frames, frame));
    piece->frame = frame;
}

/*
 * Do `step` for each page of [va, va + len): memory of the page, bytes done
 * so far, bytes of this piece; it returns how many it used, fewer to stop.
 */
LP_NO_TSA static uint64_t each_piece(
    const struct want *want, lp_va va, uint64_t len,
    uint64_t (*step)(void *ctx, char *memory, uint64_t done, uint64_t n),
    void *ctx, int *error)
{
    struct lp_frames *frames = &want->space->pager->frames;
    struct piece piece = { frames, LP_PA_NONE };
    uint64_t done = 0, n, used;

    *error = 0;
    while (done < len) {
        n = lp_min(len - done, LP_PAGE_SIZE - ((va + done) & LP_PAGE_MASK));
        *error = with_page(want, va + done, hold_piece, &piece);
        if (*error)
            break;
        used = step(ctx,
                    (char *)lp_frame_memory(frames, piece.frame) +
                        ((va + done) & LP_PAGE_MASK),
                    done, n);
        if (want->dirty)
            lp_frame_set(lp_frame(frames, piece.frame), LP_FRAME_DIRTY);
        lp_space_read_unlock(want->space);
        lp_frame_unpin(frames, piece.frame);
        done += used;
        if (used < n)
            break;
    }
    return done;
}

static uint64_t step_in(void *ctx, char *memory, uint64_t done, uint64_t n)
{
    memcpy((char *)ctx + done, memory, n);
    return n;
}

static uint64_t step_out(void *ctx, char *memory, uint64_t done, uint64_t n)
{
    memcpy(memory, *(const char *const *)ctx + done, n);
    return n;
}

static uint64_t step_zero(void *ctx, char *memory, uint64_t done, uint64_t n)
{
    (void)ctx;
    (void)done;
    memset(memory, 0, n);
    return n;
}

uint64_t lp_copy_in(struct lp_space *space, void *to, lp_va from, uint64_t len,
                    int *error)
{
    struct want want = { space, LP_READ, false, false };
    int ignored;

    return each_piece(&want, from, len, step_in, to, error ? error : &ignored);
}

uint64_t lp_copy_out(struct lp_space *space, lp_va to, const void *from,
                     uint64_t len, int *error)
{
    struct want want = { space, LP_WRITE, false, true };
    int ignored;

    return each_piece(&want, to, len, step_out, &from,
                      error ? error : &ignored);
}

uint64_t lp_zero_user(struct lp_space *space, lp_va to, uint64_t len,
                      int *error)
{
    struct want want = { space, LP_WRITE, false, true };
    int ignored;

    return each_piece(&want, to, len, step_zero, NULL,
                      error ? error : &ignored);
}

/* Looking for the end of a string, copying on the way where `to` is set. */
struct string {
    char *to;
    bool ended;
};

/* cppcheck-suppress constParameter ; each_piece wants this type of a step */
static uint64_t step_string(void *ctx, char *memory, uint64_t done, uint64_t n)
{
    struct string *string = ctx;
    uint64_t i;

    for (i = 0; i < n; i++) {
        if (string->to)
            string->to[done + i] = memory[i];
        if (memory[i] == 0) {
            string->ended = true;
            break;
        }
    }
    return i;
}

static int64_t scan_string(struct lp_space *space, lp_va va, uint64_t max,
                           char *to)
{
    struct want want = { space, LP_READ, false, false };
    struct string string = { to, false };
    uint64_t done;
    int error;

    max = lp_min(max, INT64_MAX);
    done = each_piece(&want, va, max, step_string, &string, &error);
    return error ? error : (int64_t)done;
}

int64_t lp_strnlen_user(struct lp_space *space, lp_va va, uint64_t max)
{
    return scan_string(space, va, max, NULL);
}

int64_t lp_strncpy_in(struct lp_space *space, char *to, lp_va from,
                      uint64_t max)
{
    return scan_string(space, from, max, to);
}
