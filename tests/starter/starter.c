/*
 * starter.c: a kernel that embeds LazyPager, to begin one's own with.
 *
 * It has one CPU, a megabyte of memory in an array, and interrupts off.  It maps
 * an area in a space, touches it, forks the space, writes on both sides, and
 * gives everything back.  There is no user mode: the kernel does the touching,
 * by the library's copies and by user addresses.
 *
 * What to replace first: the array by the machine's memory map (and the direct
 * map by one that reaches it); then a thread that returns to user mode, whose
 * page faults go to page_fault with LP_FAULT_USER, as arch.decode sets it.
 */
#include "starter.h"

enum { NFRAMES = 256 };

#define AREA ((lp_va)0x400000)

static _Alignas(4096) char frames[NFRAMES][LP_PAGE_SIZE];
static _Alignas(16) char records[NFRAMES * 16];
static lp_pa free_frames[NFRAMES];
static unsigned nfree;
static struct lp_space *current; /* whose tables the CPU walks */

/* A result that is negative ends everything. */
static void require(const char *what, int64_t result)
{
    if (result >= 0)
        return;
    print(what);
    print(": ");
    panic(lp_strerror((int)result), 0);
}

/* --- what the library asks of a kernel --- */

static int frame_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    (void)ctx;
    if (nfree == 0)
        return -LP_ENOMEM;
    *pa = free_frames[--nfree];
    if (fill == LP_FRAME_ZEROED)
        memset(arch_direct_map + *pa, 0, LP_PAGE_SIZE);
    return 0;
}

static void frame_free(void *ctx, lp_pa pa)
{
    (void)ctx;
    free_frames[nfree++] = pa;
}

static void assert_failed(void *ctx, const char *what, const char *file,
                          int line, uint64_t a, uint64_t b)
{
    (void)ctx, (void)a, (void)b;
    print(file);
    print(": not true: ");
    print(what);
    panic(", line ", (uint64_t)line);
}

static struct lp_pager *start_pager(void)
{
    static struct lp_kernel kernel = { .frame_alloc = frame_alloc,
                                       .frame_free = frame_free,
                                       .frame_records = records,
                                       .ncpus = 1,
                                       .assert_failed = assert_failed };
    const struct lp_arch *arch = arch_start();
    struct lp_options options = { .kernel_root = arch_boot_root() };
    struct lp_pager *pager;

    kernel.direct_map = arch_direct_map;
    kernel.frames_start = (lp_pa)(frames[0] - (uintptr_t)arch_direct_map);
    kernel.frames_end = kernel.frames_start + sizeof(frames);
    for (lp_pa pa = kernel.frames_start; pa < kernel.frames_end;
         pa += LP_PAGE_SIZE)
        frame_free(NULL, pa);
    require("lp_pager_create",
            lp_pager_create(arch, &kernel, &options, &pager));
    print("paging: ");
    print(arch->name);
    print("\n");
    return pager;
}

void page_fault(const struct lp_fault *fault)
{
    struct lp_fault_result result;

    if (!current || lp_handle_fault(current, fault, &result))
        panic("page fault, and no area allows it, at ", fault->va);
    print(lp_decision_name(result.decision));
    print_number(" fault, page ", (fault->va - AREA) / LP_PAGE_SIZE);
}

/* --- what to do with it --- */

static void switch_to(struct lp_pager *pager, struct lp_space *space)
{
    current = space;
    lp_activate(pager, space);
}

/* By the user's own address: the CPU faults, page_fault is called. */
static void store(lp_va va, char c)
{
    arch_user_begin();
    *(volatile char *)va = c;
    arch_user_end();
}

static char load(lp_va va)
{
    char c;

    arch_user_begin();
    c = *(volatile char *)va;
    arch_user_end();
    return c;
}

static void show(const char *who)
{
    char page1[16] = { 0 }, page0[2] = { load(AREA) };

    if (lp_copy_in(current, page1, AREA + LP_PAGE_SIZE, 15, NULL) != 15)
        panic("lp_copy_in", 0);
    print(who);
    print(" sees ");
    print(page0);
    print(" and ");
    print(page1);
    print("\n");
}

_Noreturn void kernel_main(void)
{
    struct lp_pager *pager = start_pager();
    struct lp_space *parent, *child;
    unsigned before = nfree;

    require("lp_space_create", lp_space_create(pager, &parent));
    require("lp_mmap",
            lp_mmap(parent, AREA, 16 * LP_PAGE_SIZE, LP_READ | LP_WRITE,
                    LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL, 0));
    switch_to(pager, parent);
    store(AREA, 'P');
    lp_copy_out(parent, AREA + LP_PAGE_SIZE, "one for both...", 15, NULL);

    require("lp_fork", lp_fork(parent, &child));
    switch_to(pager, child);
    store(AREA, 'C');
    show("child");
    switch_to(pager, parent);
    store(AREA, 'Q');
    show("parent");

    switch_to(pager, NULL);
    lp_space_destroy(child);
    lp_space_destroy(parent);
    print_number("frames lost: ", before - nfree);
    print("starter: done\n");
    arch_stop(nfree == before);
}
