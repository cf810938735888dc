/*
 * probe.c: single accesses from user mode.
 */
#include "probe.h"

#include "signal.h"

void probe_init(void)
{
    size_t len = (size_t)(arch_probe_end - arch_probe_start);
    lp_pa pa = frames_get(1);
    int error;

    ASSERT(len <= PAGE_SIZE && pa != LP_PA_NONE);
    memcpy(direct(pa), arch_probe_start, len);
    error = lp_kernel_map(the_pager, ARCH_PROBE, pa, PAGE_SIZE, LP_EXEC,
                          LP_KERNEL_USER, LP_CACHE_WRITEBACK);
    if (error)
        panic("mapping the probe: %s", lp_strerror(error));
    arch_sync_code();
}

void probe(unsigned access, unsigned width, lp_va va, uint64_t *value,
           struct trap *trap)
{
    static struct user_frame frames[CPUS_MAX];
    struct user_frame *frame = &frames[arch_cpu()];

    arch_probe_frame(frame, ARCH_PROBE, access, width, va, *value);
    do
        arch_user_run(frame, trap);
    while (trap->kind == TRAP_INTERRUPT);
    if (access == LP_READ)
        *value = arch_probe_value(frame);
}

bool probe_done(const struct trap *trap)
{
    return trap->kind == TRAP_SIGNAL && trap->signal == SIGTRAP;
}
