/*
 * lab.c: a place to test the library in.
 */
#include "lab.h"

#include "cpu.h"
#include "probe.h"
#include "sched.h"

enum { NDEVICE = 16, JUNK = 0xd5 };

struct lab lab;

static struct {
    lp_pa start;
    lp_pa free[LAB_FRAMES];
    unsigned nfree;
} pool;

static struct lp_space *active[CPUS_MAX];
static void (*run_this)(void);

/* --- frames --- */

/* Is this page as frame_free left it? */
static bool is_junk(const void *page)
{
    const unsigned char *byte = page;
    size_t i;

    for (i = 0; i < PAGE_SIZE; i++)
        if (byte[i] != JUNK)
            return false;
    return true;
}

static int frame_alloc(void *ctx, enum lp_frame_fill fill, lp_pa *pa)
{
    (void)ctx;
    if (pool.nfree == 0)
        return -LP_ENOMEM;
    *pa = pool.free[--pool.nfree];
    if (!is_junk(direct(*pa)))
        lab.wrong = "a frame was written to after it was freed";
    if (fill == LP_FRAME_ZEROED)
        memset(direct(*pa), 0, PAGE_SIZE);
    return 0;
}

static void frame_free(void *ctx, lp_pa pa)
{
    (void)ctx;
    memset(direct(pa), JUNK, PAGE_SIZE);
    pool.free[pool.nfree++] = pa;
}

static lp_pa frames_or_panic(size_t n)
{
    lp_pa pa = frames_get(n);

    if (pa == LP_PA_NONE)
        panic("no memory for the lab");
    return pa;
}

static void make_pool(void)
{
    unsigned i;

    pool.start = frames_or_panic(LAB_FRAMES);
    for (i = 0; i < LAB_FRAMES; i++)
        frame_free(NULL, pool.start + i * PAGE_SIZE);
}

/* --- CPUs and spaces --- */

void lab_cpu(unsigned cpu)
{
    kernel_lock();
    thread_pin((int)cpu);
    kernel_unlock();
    ASSERT(arch_cpu() == cpu);
}

void lab_activate(struct lp_pager *pager, struct lp_space *space)
{
    bool on = arch_irq_disable();

    lp_activate(pager, space);
    active[arch_cpu()] = space;
    arch_irq_restore(on);
}

/* Another pager may give the same ASIDs to others: all that is cached goes. */
void lab_leave(void)
{
    static const struct lp_flush all = { .scope = LP_FLUSH_ALL,
                                         .tables = true };
    bool on = arch_irq_disable();

    lp_activate(the_pager, NULL);
    the_arch->flush(the_arch->ctx, &all);
    active[arch_cpu()] = NULL;
    arch_irq_restore(on);
}

void lab_options(struct lp_options *options)
{
    options->kernel_root = lp_kernel_root(the_pager);
}

/* --- accesses --- */

/* What stands in for the bytes at va, while a page is there. */
struct patch {
    char *at; /* NULL: no page */
    char saved[ARCH_TRAP_LEN];
};

static void patch(struct patch *patch, lp_va va)
{
    static const char code[] = ARCH_TRAP_CODE;
    struct lp_page_info info;

    patch->at = NULL;
    if (lp_query(active[arch_cpu()], va, &info) || info.frame == LP_PA_NONE)
        return;
    patch->at = (char *)direct(info.frame) + (va & LP_PAGE_MASK);
    memcpy(patch->saved, patch->at, ARCH_TRAP_LEN);
    memcpy(patch->at, code, ARCH_TRAP_LEN);
    arch_sync_code();
}

static void unpatch(const struct patch *patch)
{
    if (patch->at)
        memcpy(patch->at, patch->saved, ARCH_TRAP_LEN);
    arch_sync_code();
}

/* One try: true when that was it, *code says how; false: run it again. */
static bool try(unsigned access, unsigned width, lp_va va, uint64_t *value,
                enum lp_fault_code *code)
{
    struct patch breakpoint = { .at = NULL };
    struct lp_fault_result result;
    struct trap trap;

    *code = LP_FAULT_OK;

    if (access == LP_EXEC)
        patch(&breakpoint, va);
    probe(access, width, va, value, &trap);
    if (access == LP_EXEC)
        unpatch(&breakpoint);
    if (probe_done(&trap))
        return true;
    if (trap.kind != TRAP_PAGE_FAULT)
        *code = LP_FAULT_MAPERR; /* the address is not canonical */
    else if (lp_handle_fault(active[arch_cpu()], &trap.fault, &result))
        *code = result.code;
    return *code != LP_FAULT_OK;
}

/* The widest access at va within len bytes. */
static unsigned width_at(lp_va va, size_t len)
{
    unsigned width = 8;

    while (width > len || (va & (width - 1)))
        width /= 2;
    return width;
}

enum lp_fault_code lab_access(unsigned access, lp_va va, void *buffer,
                              size_t len)
{
    enum lp_fault_code code = LP_FAULT_OK;
    char *bytes = buffer;
    unsigned width;
    uint64_t value;

    if (access == LP_EXEC)
        len = 1;
    for (; len > 0 && !code; len -= width, va += width) {
        width = width_at(va, len);
        value = 0;
        if (access == LP_WRITE)
            memcpy(&value, bytes, width);
        while (!try(access, width, va, &value, &code))
            ;
        if (access == LP_READ && !code)
            memcpy(bytes, &value, width);
        bytes = bytes ? bytes + width : NULL;
    }
    return code;
}

/* --- setting it up --- */

static void make_kernel(void)
{
    lp_pa end = pool.start + LAB_FRAMES * PAGE_SIZE;
    size_t len = lp_frame_records_size(pool.start, end);

    lab.kernel = the_kernel;
    lab.kernel.frame_alloc = frame_alloc;
    lab.kernel.frame_free = frame_free;
    lab.kernel.frames_start = pool.start;
    lab.kernel.frames_end = end;
    lab.kernel.frame_records =
        direct(frames_or_panic((len + PAGE_SIZE - 1) / PAGE_SIZE));
}

static void run(void *arg)
{
    (void)arg;
    lab_cpu(0);
    probe_init();
    make_pool();
    make_kernel();
    lab.arch = *the_arch;
    lab.scratch = direct(frames_or_panic(LAB_FRAMES * 4 / PAGE_SIZE));
    lab.device = frames_or_panic(NDEVICE);
    lab.device_len = NDEVICE * PAGE_SIZE;
    run_this();
}

void lab_start(void (*fn)(void))
{
    run_this = fn;
    if (!thread_start(NULL, run, NULL))
        panic("no memory for the lab's thread");
}
