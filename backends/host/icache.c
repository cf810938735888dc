/*
 * icache.c: instruction caches that do not watch stores (LP_HOST_ICACHE).
 *
 * A CPU copies a page whole when it first fetches from its frame, and fetches
 * from the copy until lp_arch.sync_code drops all copies; whatever is stored to
 * the frame, also when it is freed and becomes another page.  A stale byte is
 * what the program then executes: a test that compares what it fetched sees it.
 *
 * Lock: none.  A CPU's copies are touched by the thread that is this CPU; other
 * CPUs leave a mark that it finds before its next access.
 */
#include "machine.h"

#include <stdlib.h>

/* Programs may store to the page at this moment: no byte is torn. */
static void copy_page(unsigned char *to, unsigned char *from)
{
    _Atomic uint64_t *words = (_Atomic uint64_t *)(void *)from;
    uint64_t *copy = (uint64_t *)(void *)to;
    size_t i;

    for (i = 0; i < LP_PAGE_SIZE / sizeof *copy; i++)
        copy[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
}

unsigned char *lp_host_icache(struct lp_host_cpu *cpu, lp_pa pa,
                              unsigned char *page)
{
    struct lp_host *m = cpu->m;
    struct lp_host_frame *frame = lp_host_frame_of(m, pa);
    unsigned char **copy;

    if (!(m->config.flags & LP_HOST_ICACHE) || !frame)
        return page;
    if (!cpu->code)
        cpu->code = calloc(m->config.nframes, sizeof *cpu->code);
    copy = cpu->code ? &cpu->code[frame - m->frames] : NULL;
    if (copy && !*copy) {
        *copy = malloc(LP_PAGE_SIZE);
        if (*copy)
            copy_page(*copy, page);
    }
    if (copy && *copy)
        return *copy;
    lp_host_fail(m, "no memory for what CPU %u has fetched", cpu->number);
    return page;
}

void lp_host_icache_enter(struct lp_host_cpu *cpu)
{
    if (atomic_load_explicit(&cpu->code_fenced, memory_order_relaxed) &&
        atomic_exchange(&cpu->code_fenced, 0))
        lp_host_icache_drop(cpu);
}

void lp_host_icache_fence(struct lp_host_cpu *cpu)
{
    atomic_store(&cpu->code_fenced, 1);
    lp_host_access_over(cpu);
}

void lp_host_icache_drop(struct lp_host_cpu *cpu)
{
    uint64_t i;

    if (!cpu->code)
        return;
    for (i = 0; i < cpu->m->config.nframes; i++)
        free(cpu->code[i]);
    free(cpu->code);
    cpu->code = NULL;
}
