/*
 * hosted.c: a program of somebody else's on the host machine: one store through
 * its page tables.
 */
#include <lazypager/host.h>
#include <lazypager/lazypager.h>

#include <stdio.h>

int main(void)
{
    static const struct lp_host_config config = { .ncpus = 1 };
    struct lp_host *m = lp_host_create(&config);
    struct lp_pager *pager;
    struct lp_space *space;
    int64_t at = -1;
    bool ok;

    if (!m || lp_pager_create(lp_host_arch(m), lp_host_kernel(m), NULL, &pager))
        return 1;
    if (lp_space_create(pager, &space) == 0)
        at = lp_mmap(space, 0, LP_PAGE_SIZE, LP_READ | LP_WRITE,
                     LP_MAP_PRIVATE | LP_MAP_ANONYMOUS, NULL, 0);
    lp_host_activate(m, pager, space);
    ok = at > 0 && lp_host_store(m, (lp_va)at, "x", 1) == LP_HOST_OK &&
         lp_host_failures(m) == 0;
    lp_host_activate(m, pager, NULL);
    lp_space_destroy(space);
    lp_host_deactivate(m);
    ok = ok && lp_pager_destroy(pager) == 0;
    lp_host_destroy(m);
    if (ok)
        printf("lazypager %s: hosted ok\n", LP_VERSION_STRING);
    return ok ? 0 : 1;
}
