/*
 * glue.c: all that this kernel needs in order to embed the library.
 *
 * Two tables: the architecture's comes from the backend (arch_pager), the
 * kernel's is filled here.  Then one call starts the pager, and one for each
 * mapping builds the kernel's half, which replaces the tables of the boot code.
 * Where processes come in: exec.c maps programs, process.c forks and handles
 * faults, sched.c activates.
 */
#include "glue.h"
#include "arch.h"
#include "cpu.h"
#include "trace.h"

struct lp_pager *the_pager;
const struct lp_arch *the_arch;

static int frame_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    (void)ctx;
    *pa = frame_get();
    if (*pa == LP_PA_NONE)
        return -LP_ENOMEM;
    if (fill == LP_FRAME_ZEROED)
        memset(direct(*pa), 0, PAGE_SIZE);
    return 0;
}

static void frame_free(void *ctx, lp_pa pa)
{
    (void)ctx;
    frame_put(pa);
}

static unsigned cpu(void *ctx)
{
    (void)ctx;
    return arch_cpu();
}

static void poll(void *ctx)
{
    (void)ctx;
    arch_pause(); /* requests come in by themselves: interrupts are on */
}

static void assert_failed(void *ctx, const char *what, const char *file,
                          int line, uint64_t a, uint64_t b)
{
    (void)ctx;
    panic("%s:%d: not true: %s [%lx, %lx]", file, line, what, a, b);
}

struct lp_kernel the_kernel = {
    .frame_alloc = frame_alloc,
    .frame_free = frame_free,
    .direct_map = (void *)ARCH_DIRECT_MAP,
    .cpu = cpu,
    .call_cpus = cpu_call,
    .poll = poll,
    .assert_failed = assert_failed,
};

/* Memory for the records: 16 bytes a frame. */
static void *records(lp_pa start, lp_pa end)
{
    size_t len = lp_frame_records_size(start, end);
    lp_pa pa = frames_get((len + PAGE_SIZE - 1) / PAGE_SIZE);

    if (pa == LP_PA_NONE)
        panic("no memory for %lu bytes of frame records", len);
    return direct(pa);
}

static void map(const struct boot_mapping *m)
{
    int error =
        lp_kernel_map(the_pager, m->va, m->pa, m->len, m->access, 0, m->cache);

    if (error)
        panic("mapping %lx: %s", m->va, lp_strerror(error));
}

void glue_start(const struct boot_info *info, unsigned cpus)
{
    struct lp_options options = { .kernel_ranges = info->half,
                                  .nkernel_ranges = info->nhalves };
    int error;
    unsigned i;

    the_arch = arch_pager((unsigned)option_number("levels", 0));
    the_kernel.ncpus = cpus;
    the_kernel.frames_start = info->ram_start;
    the_kernel.frames_end = info->ram_end;
    the_kernel.frame_records = records(info->ram_start, info->ram_end);
#ifdef ARCH_HAS_FENCE_CPUS
    if (option_is("flush", "sbi")) {
        the_kernel.fence_cpus = arch_fence_cpus;
        the_kernel.sync_code_cpus = arch_sync_code_cpus;
    }
#endif
    trace_start();
    error = lp_pager_create(the_arch, &the_kernel, &options, &the_pager);
    if (error)
        panic("lp_pager_create: %s: %s", lp_strerror(error),
              lp_arch_check(the_arch) ? lp_arch_check(the_arch) : "options");
    for (i = 0; i < info->nmappings; i++)
        map(&info->mapping[i]);
    lp_activate(the_pager, NULL);
}
