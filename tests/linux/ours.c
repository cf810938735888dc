/*
 * ours.c: the library's side: a host machine, a pager whose choices lie in the
 * window, files.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 3000 };

static void machine_failed(void *ctx, const char *message)
{
    wrong(ctx, "the machine: %s", message);
}

/* --- files --- */

struct backing {
    struct run *r;
    uint8_t *disk;
};

static int read_disk(void *ctx, uint64_t offset, void *page, size_t len)
{
    const struct backing *b = ctx;

    memcpy(page, b->disk + offset, len);
    return 0;
}

static int write_disk(void *ctx, uint64_t offset, const void *page, size_t len)
{
    const struct backing *b = ctx;

    lp_host_wrote_back(b->r->m, page);
    memcpy(b->disk + offset, page, len);
    return 0;
}

static void release(void *ctx)
{
    struct backing *b = ctx;

    free(b->disk);
    free(b);
}

/* Memory, as tmpfs has it; files with a disk; one that is never written. */
static const struct {
    struct lp_object_ops ops;
    unsigned flags;
} kinds[FILES] = {
    { { .release = release },
      LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC },
    { { read_disk, write_disk, release },
      LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC },
    { { read_disk, write_disk, release }, LP_OBJECT_READ | LP_OBJECT_EXEC },
    { { .release = release }, LP_OBJECT_WRITE | LP_OBJECT_EXEC },
    { { .release = release },
      LP_OBJECT_READ | LP_OBJECT_WRITE | LP_OBJECT_EXEC },
};

static void open_file(struct run *r, unsigned i)
{
    struct backing *b = calloc(1, sizeof *b);
    uint8_t *bytes = calloc(1, FILE_PAGES * PAGE);
    struct file *f = &r->file[i];
    uint64_t size = pick(r, 12) * PAGE + (chance(r, 50) ? pick(r, 4089) : 0);

    b->r = r;
    b->disk = bytes;
    f->disk = kinds[i].ops.fill ? bytes : NULL;
    f->writes = (kinds[i].flags & LP_OBJECT_WRITE) != 0;
    fill(bytes, 0, size, pick(r, UINT64_MAX));
    if (lp_object_create(r->pager, &kinds[i].ops, b, size, kinds[i].flags,
                         &f->object))
        wrong(r, "lp_object_create failed");
    if (!f->disk && lp_object_write(f->object, 0, bytes, size) != (int64_t)size)
        wrong(r, "lp_object_write failed");
    theirs_set_up(r, i, bytes, size);
}

/* --- the machine --- */

/* Across a border of page tables; of which level is up to the seed. */
static void place_window(struct run *r)
{
    const struct lp_pte_format *f = &lp_host_arch(r->m)->format;
    uint64_t least = WINDOW / 2 * PAGE + 0x10000, border;
    unsigned level = 1 + (unsigned)pick(r, f->levels - 1);

    border = (uint64_t)PAGE << f->index_bits * level;
    while (border < least)
        border *= 2;
    border *= 1 + pick(r, 3);
    if (border > f->user_end - (WINDOW / 2 + 2 * BEHIND) * (uint64_t)PAGE)
        border = f->user_end / 2 & ~(uint64_t)(PAGE - 1);
    r->base[OURS] = border - WINDOW / 2 * PAGE;
    r->end[OURS] = f->user_end;
    r->exec_reads = f->leaf[LP_EXEC] == f->leaf[LP_READ | LP_EXEC];
}

static unsigned pick_flags(struct run *r)
{
    static const unsigned flags[] = { LP_HOST_RANDOM_FRAMES,
                                      LP_HOST_DROP_ON_FAULT,
                                      LP_HOST_NO_NEGATIVE, LP_HOST_SPECULATE };
    unsigned set = 0, i;

    for (i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (chance(r, 35))
            set |= flags[i];
    if (r->settings->check_every == 1)
        set |= LP_HOST_CHECK_ALWAYS;
    else
        set |= LP_HOST_NO_JUNK;
    return set;
}

static void make_machine(struct run *r)
{
    struct lp_host_config config = { .format = r->settings->format,
                                     .nframes = FRAMES,
                                     .seed = r->settings->seed,
                                     .ctx = r,
                                     .failed = machine_failed };
    const struct lp_kernel *kernel;

    r->ncpus = config.ncpus = 1 + (unsigned)pick(r, CPUS_MAX);
    config.flags = pick_flags(r);
    config.asid_bits = chance(r, 50) ? 0 : 1 + (int)pick(r, 3);
    r->m = lp_host_create(&config);
    if (!r->m)
        wrong(r, "lp_host_create failed");
    kernel = lp_host_kernel(r->m);
    if (kernel->frame_alloc(kernel->ctx, LP_FRAME_ZEROED, &r->empty_root))
        wrong(r, "no first frame");
    r->scratch = calloc(FRAMES, sizeof *r->scratch);
}

void ours_open(struct run *r)
{
    struct lp_options options = { 0 };
    unsigned i;

    make_machine(r);
    place_window(r);
    if (chance(r, 25))
        options.flags |= LP_OPTION_NO_ZERO_PAGE;
    options.mmap_min = r->base[OURS];
    options.mmap_base = r->base[OURS] + WINDOW * PAGE;
    if (lp_pager_create(lp_host_arch(r->m), lp_host_kernel(r->m), &options,
                        &r->pager) ||
        lp_space_create(r->pager, &r->space[0]))
        wrong(r, "no pager");
    r->nmembers = 1;
    for (i = 0; i < FILES; i++)
        open_file(r, i);
}

static void activate(struct run *r, unsigned cpu, struct lp_space *space)
{
    lp_host_cpu_set(r->m, cpu);
    lp_host_activate(r->m, r->pager, space);
    r->active[cpu] = space;
}

/* Where it runs already, mostly. */
void ours_enter(struct run *r)
{
    struct lp_space *space = r->space[r->current];
    unsigned cpu = r->ncpus > 1 && r->op % 8 == 0
                       ? (unsigned)(r->op / 8 + r->settings->seed) % r->ncpus
                       : lp_host_cpu(r->m);

    if (r->active[cpu] != space)
        activate(r, cpu, space);
    else
        lp_host_cpu_set(r->m, cpu);
}

void ours_leave(struct run *r, struct lp_space *space)
{
    unsigned cpu;

    for (cpu = 0; cpu < r->ncpus; cpu++)
        if (r->active[cpu] == space)
            activate(r, cpu, NULL);
}

void ours_close(struct run *r)
{
    const struct lp_kernel *kernel = lp_host_kernel(r->m);
    unsigned i;

    for (i = 0; i < FILES; i++)
        lp_object_put(r->file[i].object);
    for (i = 0; i < MEMBERS_MAX; i++)
        if (r->space[i]) {
            ours_leave(r, r->space[i]);
            lp_space_destroy(r->space[i]);
        }
    for (i = 0; i < r->ncpus; i++) {
        activate(r, i, NULL);
        lp_host_deactivate(r->m);
    }
    if (lp_pager_destroy(r->pager))
        wrong(r, "lp_pager_destroy failed");
    kernel->frame_free(kernel->ctx, r->empty_root);
    if (lp_host_frames_used(r->m))
        wrong(r, "frames are left");
    lp_host_destroy(r->m);
    free(r->scratch);
}

/* --- answers --- */

void ours_touched(struct run *r, struct answer *a, enum lp_host_code code)
{
    a->fault = code;
    if (code == LP_HOST_OK)
        return;
    if (code > LP_HOST_BUS)
        wrong(r, "an access ended with code %u", code);
    a->where = lp_host_last_fault(r->m).va - r->base[OURS];
}

static uint64_t object_number(const struct run *r,
                              const struct lp_object *object)
{
    unsigned i;

    for (i = 0; object && i < FILES; i++)
        if (object == r->file[i].object)
            return r->file[i].inode;
    return (uint64_t)(uintptr_t)object;
}

void ours_pages(struct run *r, struct page *page)
{
    uint64_t base = r->base[OURS], va = base;
    struct lp_area area;
    unsigned i;

    for (i = 0; i < WINDOW; i++)
        page[i] = (struct page){ 0 };
    for (; lp_next_area(r->space[r->current], va, &area); va = area.end) {
        if (area.start < base || area.end > base + WINDOW * PAGE)
            wrong(r, "an area outside the window");
        for (i = (unsigned)((area.start - base) / PAGE);
             base + i * (uint64_t)PAGE < area.end; i++)
            page[i] = (struct page){
                .mapped = true,
                .shared = area.shared,
                .access = (uint8_t)area.access,
                .object = object_number(r, area.object),
                .offset = area.object ? area.offset + base +
                                            i * (uint64_t)PAGE - area.start
                                      : 0,
            };
    }
}
