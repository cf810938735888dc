/*
 * The kernel around the example of docs/EMBEDDING.md: memory, signals, and a
 * CPU without tables of its own, so that what a program would do is done by the
 * calls of the library.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <lazypager/lazypager.h>
#include <lazypager/x86_64.h>

enum { FRAMES = 64, MY_SIGKILL = 9, MY_SIGBUS = 7, MY_SIGSEGV = 11 };

#define MY_RAM_START ((lp_pa)0x100000)
#define MY_RAM_END (MY_RAM_START + FRAMES * LP_PAGE_SIZE)
#define MY_DIRECT_MAP ((uintptr_t)my_ram - MY_RAM_START)
#define MY_STACK ((lp_va)0x7ff000000000)
#define MY_STACK_LEN ((uint64_t)0x10000)

static _Alignas(4096) char my_ram[FRAMES * LP_PAGE_SIZE];
static lp_pa my_free[FRAMES];
static unsigned my_nfree;

struct process {
    struct lp_space *space;
    int signal;
    lp_va signal_va;
};

static lp_pa my_frame_get(void)
{
    return my_nfree ? my_free[--my_nfree] : 0;
}

static void my_frame_put(lp_pa pa)
{
    my_free[my_nfree++] = pa;
}

static void *my_boot_alloc(size_t len)
{
    return aligned_alloc(16, (len + 15) & ~(size_t)15);
}

static void my_signal(struct process *process, int signal, lp_va va)
{
    process->signal = signal;
    process->signal_va = va;
}

EXAMPLE
static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    (void)ctx;
    (void)root;
    (void)asid;
    (void)flush;
}

static void flush(void *ctx, const struct lp_flush *what)
{
    (void)ctx;
    (void)what;
}

static void fault(struct process *process, lp_va va, unsigned access)
{
    const struct lp_fault f = { va, access, LP_FAULT_USER };

    process->signal = 0;
    page_fault(process, &f);
}

int main(void)
{
    struct process parent = { NULL, 0, 0 }, child = { NULL, 0, 0 };
    struct lp_arch arch = { .name = "no CPU",
                            .format = lp_x86_64_format_4level,
                            .activate = activate,
                            .flush = flush };
    struct lp_page_info info;
    uint64_t number = 42;
    unsigned before;

    for (my_nfree = 0; my_nfree < FRAMES; my_nfree++)
        my_free[my_nfree] = MY_RAM_START + my_nfree * LP_PAGE_SIZE;
    before = my_nfree;
    assert(!pager_start(&arch));
    assert(!process_create(&parent));
    process_switch(&parent);
    assert(!lp_query(parent.space, MY_STACK, &info));
    assert(info.frame == LP_PA_NONE);

    fault(&parent, MY_STACK, LP_WRITE);
    assert(parent.signal == 0);
    assert(!lp_query(parent.space, MY_STACK, &info));
    assert(info.frame != LP_PA_NONE && (info.access & LP_WRITE));
    fault(&parent, 0x1000, LP_READ);
    assert(parent.signal == MY_SIGSEGV && parent.signal_va == 0x1000);

    assert(!process_fork(&parent, &child));
    assert(!give(&child, MY_STACK, &number, sizeof number));
    assert(give(&child, 0x1000, &number, sizeof number) == -LP_EFAULT);
    number = 1;
    assert(lp_copy_in(parent.space, &number, MY_STACK, 8, NULL) == 8);
    assert(number == 0);

    process_switch(NULL);
    process_end(&child);
    process_end(&parent);
    assert(!lp_pager_destroy(the_pager));
    assert(my_nfree == before);
    free(the_kernel.frame_records);
    return 0;
}
