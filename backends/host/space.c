/*
 * space.c: the only place where the machine knows the library: everything else
 * runs without it, and is tested so.
 */
#include "machine.h"

#include <lazypager/space.h>

static const struct lp_host_core core = {
    .fault = lp_handle_fault,
    .next_area = lp_next_area,
    .query = lp_query,
};

void lp_host_activate(struct lp_host *m, struct lp_pager *pager,
                      struct lp_space *space)
{
    struct lp_host_cpu *cpu = lp_host_this_cpu(m);

    lp_host_serve(cpu);
    atomic_store(&m->core, &core);
    m->kernel.preempt_disable(m->kernel.ctx);
    lp_activate(pager, space);
    lp_host_lock(cpu);
    cpu->space = space;
    if (cpu->active)
        cpu->active->space = space;
    lp_host_unlock(cpu);
    m->kernel.preempt_enable(m->kernel.ctx);
    if (m->config.flags & LP_HOST_CHECK_ALWAYS)
        (void)lp_host_check(m);
}
