/*
 * pager.c: start and end of a pager.
 */
#include "pager.h"

#include "ktable.h"
#include "object.h"
#include "pte.h"
#include "space.h"
#include "tlb.h"

static const char *kernel_check(const struct lp_kernel *k,
                                const struct lp_arch *arch)
{
    if (!k->frame_alloc || !k->frame_free || !k->frame_records)
        return "frame_alloc, frame_free and frame_records are needed";
    if (!lp_page_aligned(k->frames_start | k->frames_end) ||
        k->frames_start >= k->frames_end)
        return "[frames_start, frames_end) is a range of pages";
    if ((uintptr_t)k->frame_records & 15)
        return "frame_records is 16-byte aligned";
    if ((uintptr_t)k->direct_map & LP_PAGE_MASK)
        return "direct_map is page-aligned";
    if (k->ncpus < 1 || k->ncpus > LP_CPUS_MAX)
        return "ncpus is 1..LP_CPUS_MAX";
    if (k->ncpus > 1 && (!k->cpu || (!k->call_cpus && !k->fence_cpus)))
        return "several CPUs need cpu, and call_cpus or fence_cpus";
    if (k->ncpus > 1 && arch->sync_code && !k->call_cpus && !k->sync_code_cpus)
        return "sync_code needs call_cpus or sync_code_cpus";
    return NULL;
}

static bool options_ok(const struct lp_pte_format *f,
                       const struct lp_options *o)
{
    return !(o->flags & ~(unsigned)LP_OPTION_NO_ZERO_PAGE) &&
           lp_page_aligned(o->mmap_base | o->mmap_min) &&
           o->mmap_base <= f->user_end && o->mmap_min < o->mmap_base;
}

static struct lp_options options_of(const struct lp_pte_format *f,
                                    const struct lp_options *given)
{
    struct lp_options o = { 0 };

    if (given)
        o = *given;
    if (o.mmap_base == 0)
        o.mmap_base = lp_round_down(f->user_end);
    if (o.mmap_min == 0)
        o.mmap_min = lp_min(0x10000, lp_round_down(o.mmap_base / 2));
    if (o.max_areas == 0)
        o.max_areas = 65530;
    if (o.max_bytes == 0)
        o.max_bytes = UINT64_MAX;
    return o;
}

/* Frames before there is a pager to ask for them. */
static int first_frame(const struct lp_frames *frames, lp_pa *pa)
{
    return lp_frame_alloc(frames, LP_FRAME_ZEROED, LP_KIND_META, 0, pa);
}

static void init_slabs(struct lp_pager *pager)
{
    lp_slab_init(&pager->space_slab, pager, sizeof(struct lp_space));
    lp_slab_init(&pager->object_slab, pager, sizeof(struct lp_object));
    lp_slab_init(&pager->cache_slab, pager, sizeof(struct lp_cache_node));
    lp_vma_pools_init(&pager->vma_pools, pager);
}

static void init(struct lp_pager *pager, const struct lp_arch *arch,
                 const struct lp_frames *frames,
                 const struct lp_options *options, lp_pa self)
{
    uint32_t most;

    pager->arch = arch;
    pager->kernel = frames->kernel;
    pager->format = arch->format;
    pager->pa_mask = lp_pte_pa_mask(&arch->format);
    pager->exec_implies = lp_pte_exec_implies(&arch->format);
    pager->code_access = arch->sync_code ? LP_EXEC : 0;
    pager->pa_rotate = (LP_PAGE_SHIFT - arch->format.pa_shift) & 63;
    pager->owned_table = lp_pte_owned_table(&arch->format);
    pager->frames = *frames;
    pager->options = *options;
    pager->options.kernel_ranges = NULL; /* the caller's; ours is a copy */
    pager->self = self;
    pager->zero_page = pager->root = LP_PA_NONE;
    most = arch->asid_bits ? (1u << arch->asid_bits) - 1 : 1;
    pager->nasids = most < LP_ASIDS_PER_CPU ? most : LP_ASIDS_PER_CPU;
    atomic_init(&pager->next_id, 1);
    init_slabs(pager);
}

/* Records of the CPUs, the zero page, the kernel's half. */
static int furnish(struct lp_pager *pager, const struct lp_options *options)
{
    unsigned cpu;
    lp_pa pa;

    for (cpu = 0; cpu < pager->kernel->ncpus; cpu += LP_CPUS_PER_FRAME) {
        if (first_frame(&pager->frames, &pa))
            return -LP_ENOMEM;
        pager->cpus[cpu / LP_CPUS_PER_FRAME] =
            lp_frame_memory(&pager->frames, pa);
    }
    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_DATA, 0,
                       &pager->zero_page))
        return -LP_ENOMEM;
    atomic_store_explicit(&lp_frame(&pager->frames, pager->zero_page)->refs,
                          LP_COUNT_MAX, memory_order_relaxed);
    if (lp_frame_alloc(&pager->frames, LP_FRAME_ZEROED, LP_KIND_TABLE,
                       pager->format.levels - 1, &pager->root))
        return -LP_ENOMEM;
    return lp_ktable_create(pager, options);
}

/* Give back what furnish took, and the pager itself. */
static void strip(struct lp_pager *pager)
{
    struct lp_frames frames = pager->frames;
    unsigned i;

    if (pager->root != LP_PA_NONE) {
        lp_ktable_destroy(pager);
        lp_frame_free(&frames, pager->root);
    }
    if (pager->zero_page != LP_PA_NONE)
        lp_frame_free(&frames, pager->zero_page);
    for (i = 0; i < LP_CPUS_MAX / LP_CPUS_PER_FRAME; i++)
        if (pager->cpus[i])
            lp_frame_free(&frames,
                          (lp_pa)((char *)pager->cpus[i] - frames.direct));
    lp_frame_free(&frames, pager->self);
}

int lp_pager_create(const struct lp_arch *arch, const struct lp_kernel *kernel,
                    const struct lp_options *options, struct lp_pager **out)
{
    struct lp_frames frames = { kernel, kernel->frame_records,
                                kernel->direct_map, kernel->frames_start,
                                kernel->frames_end };
    struct lp_options chosen;
    struct lp_pager *pager;
    lp_pa self;

    if (lp_arch_check(arch) || kernel_check(kernel, arch))
        return -LP_EINVAL;
    chosen = options_of(&arch->format, options);
    if (!options_ok(&arch->format, &chosen) ||
        !lp_ktable_options_ok(&frames, &arch->format, &chosen))
        return -LP_EINVAL;
    memset(kernel->frame_records, 0,
           lp_frame_records_size(frames.start, frames.end));
    if (first_frame(&frames, &self))
        return -LP_ENOMEM;
    pager = lp_frame_memory(&frames, self);
    init(pager, arch, &frames, &chosen, self);
    if (furnish(pager, &chosen)) {
        strip(pager);
        return -LP_ENOMEM;
    }
    *out = pager;
    return 0;
}

int lp_pager_destroy(struct lp_pager *pager)
{
    if (pager->spaces || pager->objects)
        return -LP_EBUSY;
    if (pager->nkernel_ranges) {
        /* Global translations outlive every activation. */
        lp_preempt_disable(pager->kernel);
        lp_tlb_flush_all(pager);
        lp_preempt_enable(pager->kernel);
    }
    strip(pager);
    return 0;
}
