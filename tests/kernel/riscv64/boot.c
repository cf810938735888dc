/*
 * boot.c: from the device tree to struct boot_info, and the backend's table.
 *
 * What is free is RAM less what somebody uses: everything below the image (the
 * firmware's), the image, the device tree, the initrd, and what the tree calls
 * reserved.  Subtraction goes range by range from below.
 */
#include "boot.h"

#include "hart.h"

#include <lazypager/riscv64.h>

enum {
    UART = 0x10000000,
    TEST = 0x100000,
    USED_MAX = MACHINE_RANGES + 4,
    RAM_MAX = 3, /* struct boot_info's room for mappings */
};

struct machine the_machine;
struct hart harts[CPUS_MAX];

static struct boot_info boot_info;

/* --- free memory --- */

struct used {
    struct machine_range range[USED_MAX];
    unsigned n;
};

static void use(struct used *used, lp_pa start, lp_pa end)
{
    if (start == end)
        return;
    ASSERT(used->n < USED_MAX);
    used->range[used->n++] =
        (struct machine_range){ round_down(start, PAGE_SIZE),
                                round_up(end, PAGE_SIZE) };
}

/* The used range that begins first among those that end behind `from`. */
static const struct machine_range *next_used(const struct used *used,
                                             lp_pa from)
{
    const struct machine_range *first = NULL;

    for (unsigned i = 0; i < used->n; i++)
        if (used->range[i].end > from &&
            (!first || used->range[i].start < first->start))
            first = &used->range[i];
    return first;
}

/* What there is no room to mention is not used. */
static void give(struct boot_info *info, lp_pa start, lp_pa end)
{
    if (start >= end || info->nfree == ARRAY_SIZE(info->free))
        return;
    info->free[info->nfree].start = start;
    info->free[info->nfree++].end = end;
}

static void give_unused(struct boot_info *info, const struct used *used,
                        const struct machine_range *ram)
{
    lp_pa at = round_up(ram->start, PAGE_SIZE);
    lp_pa end = round_down(ram->end, PAGE_SIZE);
    const struct machine_range *next;

    while (at < end && (next = next_used(used, at)) && next->start < end) {
        give(info, at, next->start);
        at = next->end;
    }
    give(info, at, end);
}

static void find_free(struct boot_info *info, lp_pa tree, size_t tree_size)
{
    const struct machine *m = &the_machine;
    struct used used = { .n = 0 };

    for (unsigned i = 0; i < m->nreserved; i++)
        use(&used, m->reserved[i].start, m->reserved[i].end);
    for (unsigned i = 0; i < m->nram; i++)
        if (m->ram[i].start < image_pa(image_start) &&
            m->ram[i].end > image_pa(image_start))
            use(&used, m->ram[i].start, image_pa(image_start));
    use(&used, image_pa(image_start), image_pa(image_end));
    use(&used, tree, tree + tree_size);
    use(&used, m->initrd.start, m->initrd.end);
    for (unsigned i = 0; i < m->nram; i++)
        give_unused(info, &used, &m->ram[i]);
}

/* --- the kernel's half --- */

static void add_mapping(struct boot_info *info, lp_va va, lp_pa pa, lp_pa end,
                        unsigned access, enum lp_cache_mode cache)
{
    ASSERT(info->nmappings < ARRAY_SIZE(info->mapping));
    info->mapping[info->nmappings++] = (struct boot_mapping){
        .va = va, .pa = pa, .len = end - pa, .access = access, .cache = cache
    };
}

static void add_image(struct boot_info *info, const char *start,
                      const char *end, unsigned access)
{
    add_mapping(info, (lp_va)(uintptr_t)start, image_pa(start), image_pa(end),
                access, LP_CACHE_WRITEBACK);
}

static void add_direct(struct boot_info *info, lp_pa start, lp_pa end,
                       enum lp_cache_mode cache)
{
    add_mapping(info, DIRECT_MAP + start, start, end, LP_READ | LP_WRITE,
                cache);
}

static void add_half(struct boot_info *info, lp_va start, lp_va end)
{
    info->half[info->nhalves++] = (struct lp_range){ start, end };
}

static void describe_half(struct boot_info *info)
{
    const struct machine *m = &the_machine;

    add_image(info, image_start, image_text_end, LP_READ | LP_EXEC);
    add_image(info, image_text_end, image_rodata_end, LP_READ);
    add_image(info, image_rodata_end, image_end, LP_READ | LP_WRITE);
    for (unsigned i = 0; i < m->nram; i++)
        add_direct(info, round_up(m->ram[i].start, PAGE_SIZE),
                   round_down(m->ram[i].end, PAGE_SIZE), LP_CACHE_WRITEBACK);
    add_direct(info, TEST, TEST + PAGE_SIZE, LP_CACHE_UNCACHED);
    add_direct(info, UART, UART + PAGE_SIZE, LP_CACHE_UNCACHED);

    add_half(info, DIRECT_MAP, DIRECT_MAP + round_up(info->ram_end, PAGE_SIZE));
    add_half(info, IMAGE_START, (lp_va)(uintptr_t)image_end);
    add_half(info, USER_CODE, ARCH_PROBE + PAGE_SIZE);
}

/* --- harts --- */

/* CPU 0 is the hart that booted, whichever it is: the firmware draws lots. */
static void number_harts(uint64_t boot)
{
    const struct machine *m = &the_machine;
    unsigned n = 1;

    harts[0].id = boot;
    for (unsigned i = 0; i < m->ncpus && n < CPUS_MAX; i++)
        if (m->cpu[i].id != boot && !m->cpu[i].disabled)
            harts[n++].id = m->cpu[i].id;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        harts[cpu].cpu = cpu;
    the_machine.ncpus = n;
}

/* Keep in *features what this hart has as well. */
static void least(struct lp_riscv64_features *features, const char *isa)
{
    struct lp_riscv64_features one = { .svinval = false };

    if (!isa || lp_riscv64_isa_decode(isa, &one) != 0)
        panic("device tree: riscv,isa is not that of a 64-bit hart");
    features->svinval &= one.svinval;
    features->svnapot &= one.svnapot;
    features->svpbmt &= one.svpbmt;
    features->svade &= one.svade;
    features->svadu &= one.svadu;
}

/*
 * Are the memory types of Svpbmt switched on (menvcfg.PBMTE, Privileged 1.12,
 * 3.1.18)?  Only the firmware can tell; so try a load through one.  The table
 * is that of the boot, whose first entry nobody uses.
 */
static bool pbmt_works(void)
{
    lp_pa image = IMAGE_START - IMAGE_OFFSET;
    bool works;

    boot_root[0] = boot_root[2 + (DIRECT_MAP >> 30 & 511)] | LP_RISCV64_PBMT_NC;
    __asm__ volatile("sfence.vma" ::: "memory");
    works = boot_try_load((const void *)(image & 0x3fffffff));
    boot_root[0] = 0;
    __asm__ volatile("sfence.vma" ::: "memory");
    return works;
}

static void find_features(void)
{
    const struct machine *m = &the_machine;
    struct lp_riscv64_features all = {
        .svinval = true,
        .svnapot = true,
        .svpbmt = true,
        .svade = true,
        .svadu = true,
        .asid_bits = boot_features.asid_bits,
        .levels_max = boot_features.levels_max,
    };

    for (unsigned i = 0; i < m->ncpus; i++)
        if (!m->cpu[i].disabled)
            least(&all, m->cpu[i].isa);
    all.svpbmt = all.svpbmt && pbmt_works();
    boot_features = all;
}

const struct lp_arch *arch_pager(unsigned levels)
{
    static struct lp_riscv64 riscv64;

    if (levels == 0)
        levels = boot_features.levels_max;
    if (lp_riscv64_setup(&riscv64, &boot_features, levels) != 0)
        panic("no page tables of %u levels: this hart has up to %u", levels,
              boot_features.levels_max);
    return &riscv64.arch;
}

/* --- the way to kmain --- */

static void read_tree(lp_pa tree, size_t size)
{
    const char *wrong = fdt_read(direct(tree), size, &the_machine);

    if (!wrong && the_machine.timebase == 0)
        wrong = "device tree: no timebase-frequency";
    if (!wrong && (the_machine.nram == 0 || the_machine.nram > RAM_MAX))
        wrong = "device tree: no memory, or in too many pieces";
    if (wrong)
        panic("%s", wrong);
}

static void find_ram(struct boot_info *info)
{
    const struct machine *m = &the_machine;

    info->ram_start = m->ram[0].start;
    for (unsigned i = 0; i < m->nram; i++) {
        if (m->ram[i].start < info->ram_start)
            info->ram_start = m->ram[i].start;
        if (m->ram[i].end > info->ram_end)
            info->ram_end = m->ram[i].end;
    }
    if (info->ram_end > (lp_pa)BOOT_DIRECT_GIB << 30)
        panic("memory lies higher than the direct map reaches");
}

void boot_main(uint64_t hart, lp_pa tree)
{
    struct boot_info *info = &boot_info;
    size_t size;

    __asm__ volatile("mv tp, %0" ::"r"(&harts[0])); /* hart_self() works */
    hart_setup();
    ASSERT((uintptr_t)image_start == IMAGE_START);
    size = fdt_size(direct(tree));
    read_tree(tree, size);
    find_features();
    number_harts(hart);

    info->command_line = the_machine.command_line;
    info->initrd_start = the_machine.initrd.start;
    info->initrd_end = the_machine.initrd.end;
    find_ram(info);
    find_free(info, tree, size);
    describe_half(info);
    kmain(info);
}
