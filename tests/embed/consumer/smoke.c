/*
 * smoke.c: the least that can embed the library, as a program on any machine:
 * sixty-four frames, page tables of x86-64 that no CPU walks, and so a
 * TLB that has nothing to forget.
 *
 * It maps, faults, forks, writes on both sides and takes everything down, and
 * prints what is linked into it.  Each way to get the library into a build is
 * tested with it.
 */
#include <lazypager/lazypager.h>
#include <lazypager/x86_64.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NFRAMES = 64, FRAMES_START = 0x100000 };

static _Alignas(4096) unsigned char frames[NFRAMES][4096];
static _Alignas(16) unsigned char records[NFRAMES * 16];
#if LP_CHECK
static uint32_t scratch[NFRAMES];
#endif
static lp_pa spare[NFRAMES];
static unsigned nspare;

#define REQUIRE(condition)                                                   \
    do {                                                                     \
        if (!(condition)) {                                                  \
            printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static void *memory(lp_pa pa)
{
    return frames[(pa - FRAMES_START) / LP_PAGE_SIZE];
}

static int frame_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    (void)ctx;
    if (nspare == 0)
        return -LP_ENOMEM;
    *pa = spare[--nspare];
    memset(memory(*pa), fill == LP_FRAME_ZEROED ? 0 : 0xa5, LP_PAGE_SIZE);
    return 0;
}

static void frame_free(void *ctx, lp_pa pa)
{
    (void)ctx;
    spare[nspare++] = pa;
}

static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    (void)ctx, (void)root, (void)asid, (void)flush;
}

static void flush(void *ctx, const struct lp_flush *what)
{
    (void)ctx, (void)what;
}

static void put(struct lp_space *space, lp_va va, char byte)
{
    REQUIRE(lp_copy_out(space, va, &byte, 1, NULL) == 1);
}

static char get(struct lp_space *space, lp_va va)
{
    char byte = 0;

    REQUIRE(lp_copy_in(space, &byte, va, 1, NULL) == 1);
    return byte;
}

static void run_space(struct lp_pager *pager)
{
    struct lp_space *parent, *child = NULL;
    struct lp_fault fault = { .access = LP_WRITE, .flags = LP_FAULT_USER };
    int64_t at;

    REQUIRE(lp_space_create(pager, &parent) == 0);
    at = lp_mmap(parent, 0, 8 * LP_PAGE_SIZE, LP_READ | LP_WRITE,
                 LP_MAP_PRIVATE | LP_MAP_ANONYMOUS, NULL, 0);
    REQUIRE(at > 0);
    fault.va = (lp_va)at + 5;
    REQUIRE(lp_handle_fault(parent, &fault, NULL) == 0);
    put(parent, (lp_va)at, 'a');
    REQUIRE(lp_fork(parent, &child) == 0);
    put(child, (lp_va)at, 'b');
    REQUIRE(get(parent, (lp_va)at) == 'a' && get(child, (lp_va)at) == 'b');
#if LP_CHECK
    REQUIRE(lp_check(pager, scratch, NULL) == 0);
#endif
    REQUIRE(lp_munmap(parent, (lp_va)at, LP_PAGE_SIZE) == 0);
    REQUIRE(lp_handle_fault(parent, &fault, NULL) == -LP_EFAULT);
    lp_space_destroy(child);
    lp_space_destroy(parent);
}

int main(void)
{
    static struct lp_arch arch = { .name = "nothing",
                                   .activate = activate,
                                   .flush = flush };
    struct lp_kernel kernel = {
        .frame_alloc = frame_alloc,
        .frame_free = frame_free,
        .frames_start = FRAMES_START,
        .frames_end = FRAMES_START + NFRAMES * LP_PAGE_SIZE,
        .frame_records = records,
        .direct_map = (void *)((uintptr_t)frames - FRAMES_START),
        .ncpus = 1,
    };
    struct lp_pager *pager;

    arch.format = lp_x86_64_format_4level;
    for (unsigned i = 0; i < NFRAMES; i++)
        frame_free(NULL, FRAMES_START + i * LP_PAGE_SIZE);
    REQUIRE(lp_frame_records_size(kernel.frames_start, kernel.frames_end) <=
            sizeof(records));
    REQUIRE(lp_pager_create(&arch, &kernel, NULL, &pager) == 0);
    run_space(pager);
    REQUIRE(lp_pager_destroy(pager) == 0);
    REQUIRE(nspare == NFRAMES);
    printf("lazypager %s: ok\n", LP_VERSION_STRING);
    return 0;
}
