/*
 * scenarios_kernel.c: the kernel's half: who looks at it while its tables go.
 */
#include "world.h"

#define PAGE LP_PAGE_SIZE

/* Where the page at the beginning of the range is; no frame is touched. */
#define FRAME ((lp_pa)0x100000)

static struct lp_page_info query(void)
{
    struct lp_page_info info;
    int error = lp_kernel_query(world.pager, world.kernel_base, &info);

    expect(error == 0, error, 0);
    return info;
}

static void query_setup(void)
{
    int error = lp_kernel_map(world.pager, world.kernel_base, FRAME, 2 * PAGE,
                              LP_READ | LP_WRITE, 0, LP_CACHE_WRITEBACK);

    expect(error == 0, error, 0);
}

/*
 * CPU 0 asks for a page whose table CPU 1 takes away and gives back.  The flush
 * in between waits for CPU 0, which answers it in the middle of the query.
 */
static void query_run(unsigned self)
{
    struct lp_page_info info;
    int error;

    if (self == 1) {
        error = lp_kernel_unmap(world.pager, world.kernel_base, 2 * PAGE);
        expect(error == 0, error, 0);
        return;
    }
    info = query();
    expect(info.frame == LP_PA_NONE || info.frame == FRAME, info.frame, 0);
    expect(info.frame == LP_PA_NONE || info.access == (LP_READ | LP_WRITE),
           info.access, info.flags);
}

static void query_check(void)
{
    struct lp_page_info info = query();

    expect(info.frame == LP_PA_NONE, info.frame, 0);
}

const struct scenario scenarios_kernel[] = {
    { "kernel_query_against_unmap", "does a query read a table that is gone?",
      2, 100, 1, KERNEL | SERVE_AT_ONCE, query_setup, query_run, query_check },
    { .name = NULL },
};
