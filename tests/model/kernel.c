/*
 * kernel.c: which ranges of the kernel's half there are, and whether what is
 * there is what the model has.
 */
#include "kernel.h"

#include "world.h"

#include <stdlib.h>

#define X(n) ((unsigned long long)(n))

/* The first address of a root entry. */
static lp_va root_va(const struct lp_pte_format *f, unsigned index)
{
    unsigned shift = 12 + (f->levels - 1) * f->index_bits;
    lp_va va = (lp_va)index << shift;

    if (f->sign_extended && index >> (f->index_bits - 1))
        va |= ~(lp_va)0 << (shift + f->index_bits);
    return va;
}

/* So many pages on one side of a border: a few, or a large leaf and more. */
static unsigned pick_side(struct world *w, unsigned leaf)
{
    /* Each look at all TLBs walks all of it, and each digest. */
    bool rarely = w->settings->mode != MODE_MODEL;

    if (chance(w, rarely ? 5 : 40))
        return leaf + (unsigned)pick(w, 12);
    return leaf < 64 && chance(w, 50) ? 3 * leaf : (unsigned)pick(w, 12);
}

/*
 * Ranges of their own root entries, or across the border of two; near it, where
 * tables of every level end.
 */
static void make_range(struct world *w, const struct lp_pte_format *f,
                       struct m_krange *r, unsigned number)
{
    unsigned leaf = 1u << f->index_bits, below = pick_side(w, leaf);
    unsigned root = f->user_root_entries + 1 + 2 * number;

    r->n = below + 1 + pick_side(w, leaf);
    r->range.start = root_va(f, root) - (lp_va)below * PAGE;
    r->range.end = r->range.start + (lp_va)r->n * PAGE;
    r->page = calloc(r->n, sizeof *r->page);
}

void kernel_layout(struct world *w, const struct lp_pte_format *f)
{
    struct m_kernel *k = &w->kernel;
    unsigned i;

    if (w->tiny || chance(w, 50))
        return;
    k->n = 1 + (unsigned)pick(w, KERNEL_RANGES);
    for (i = 0; i < k->n; i++) {
        make_range(w, f, &k->range[i], i);
        w->kernel_ranges[i] = k->range[i].range;
    }
    w->options.kernel_ranges = w->kernel_ranges;
    w->options.nkernel_ranges = k->n;
}

void kernel_open(struct world *w)
{
    uint64_t leaf = (uint64_t)PAGE << lp_host_arch(w->m)->format.index_bits;
    const struct lp_kernel *kernel = lp_host_kernel(w->m);
    struct m_kernel *k = &w->kernel;
    unsigned i;
    lp_pa start = lp_host_device(w->m) + DEVICE_PAGES * PAGE;

    k->root = lp_kernel_root(w->pager);
    k->device = (start + leaf - 1) & ~(leaf - 1);
    k->ndevice = (unsigned)(leaf / PAGE);
    k->data = calloc(k->ndevice + KERNEL_FRAMES, sizeof *k->data);
    for (i = 0; i < KERNEL_FRAMES && k->n; i++)
        expect(w, "frame_alloc",
               kernel->frame_alloc(kernel->ctx, LP_FRAME_ZEROED, &k->frame[i]),
               0);
}

bool kernel_close(struct world *w)
{
    struct m_kernel *k = &w->kernel;
    const struct lp_range *r;
    unsigned i;

    if (k->n && chance(w, 50))
        return false;
    for (i = 0; i < k->n; i++) {
        r = &k->range[i].range;
        expect(w, "lp_kernel_unmap of everything",
               lp_kernel_unmap(w->pager, r->start, r->end - r->start), 0);
    }
    return true;
}

void kernel_free(struct world *w)
{
    const struct lp_kernel *kernel = lp_host_kernel(w->m);
    struct m_kernel *k = &w->kernel;
    unsigned i;

    for (i = 0; i < KERNEL_RANGES; i++)
        free(k->range[i].page);
    for (i = 0; i < KERNEL_FRAMES && k->n; i++)
        kernel->frame_free(kernel->ctx, k->frame[i]);
    for (i = 0; i < k->ndevice + KERNEL_FRAMES; i++)
        free(k->data[i]);
    free(k->data);
}

/* --- comparing --- */

/* What the hardware grants where this was asked for. */
static unsigned grants(const struct world *w, unsigned access)
{
    if (access & LP_WRITE)
        access |= LP_READ;
    if ((access & LP_EXEC) && w->layout.exec_reads)
        access |= LP_READ;
    return access;
}

void compare_kernel(struct world *w, const struct m_krange *r, unsigned first,
                    unsigned last)
{
    const unsigned nothing = LP_PAGE_DIRTY | LP_PAGE_ACCESSED;
    const struct m_kpage *p;
    struct lp_page_info info;
    unsigned flags;
    lp_va va;

    for (; first < last; first++) {
        p = &r->page[first];
        va = r->range.start + (lp_va)first * PAGE;
        expect(w, "lp_kernel_query",
               lp_kernel_query(w->pager, va + first % PAGE, &info), 0);
        flags = p->mapped ? LP_PAGE_PRESENT | LP_PAGE_DEVICE : 0;
        flags |= p->user ? LP_PAGE_USER : 0;
        flags |= p->level ? LP_PAGE_BIG : 0;
        if (info.frame != (p->mapped ? p->pa : LP_PA_NONE) ||
            info.access != (p->mapped ? grants(w, p->access) : 0) ||
            (info.flags & ~nothing) != flags || info.references)
            wrong(w,
                  "kernel page %#llx: %#llx, access %u, flags %u; should be "
                  "%#llx, access %u, flags %u",
                  X(va), X(info.frame), info.access, info.flags,
                  X(p->mapped ? p->pa : LP_PA_NONE),
                  p->mapped ? grants(w, p->access) : 0, flags);
    }
}

void compare_kernel_all(struct world *w)
{
    const struct m_kernel *k = &w->kernel;
    struct lp_page_info info;
    const struct m_krange *r;

    for (r = k->range; r < k->range + k->n; r++) {
        compare_kernel(w, r, 0, r->n);
        expect(w, "lp_kernel_query before a range",
               lp_kernel_query(w->pager, r->range.start - 1, &info),
               -LP_EFAULT);
        expect(w, "lp_kernel_query behind a range",
               lp_kernel_query(w->pager, r->range.end, &info), -LP_EFAULT);
    }
    expect(w, "lp_kernel_query of a user page",
           lp_kernel_query(w->pager, w->layout.at[0].start, &info), -LP_EFAULT);
    expect(w, "lp_kernel_root", (int64_t)lp_kernel_root(w->pager),
           (int64_t)k->root);
}
