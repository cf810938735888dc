/*
 * The kernel around README.md's example: the host machine, whose page faults
 * come to it.
 */
#include <assert.h>

#include <lazypager/host.h>

EXAMPLE

static struct lp_space *current;

static int on_fault(void *ctx, const struct lp_fault *fault,
                    struct lp_fault_result *result)
{
    int signal = page_fault(current, fault);

    (void)ctx;
    result->code = signal ? LP_FAULT_ACCERR : LP_FAULT_OK;
    return signal;
}

int main(void)
{
    const struct lp_host_config config = { .fault = on_fault };
    struct lp_host *m = lp_host_create(&config);
    struct lp_pager *pager;
    uint32_t word = 7;
    int64_t at;

    assert(m && !start(lp_host_arch(m), lp_host_kernel(m), &pager, &current));
    at = lp_mmap(current, 0, 1, LP_READ | LP_WRITE,
                 LP_MAP_PRIVATE | LP_MAP_ANONYMOUS, NULL, 0);
    assert(at > 0);
    lp_host_activate(m, pager, current);
    assert(lp_host_store(m, (lp_va)at, &word, sizeof word) == LP_HOST_OK);
    assert(lp_host_load(m, 0x1000, &word, 1) == LP_HOST_ACCERR);
    assert(lp_host_load(m, (lp_va)at, &word, sizeof word) == LP_HOST_OK);
    assert(word == 7);
    lp_host_activate(m, pager, NULL);
    lp_space_destroy(current);
    lp_host_deactivate(m);
    assert(!lp_pager_destroy(pager) && lp_host_failures(m) == 0);
    lp_host_destroy(m);
    return 0;
}
