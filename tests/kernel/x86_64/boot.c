/*
 * boot.c: what the loader left, turned into struct boot_info.
 *
 * The loader speaks the PVH protocol (Xen, docs/misc/pvh and
 * public/arch-x86/hvm/start_info.h); its structures are read once, here,
 * through the boot tables' direct map.  So only memory below 2 GiB is used.
 */
#include "x86.h"

#define START_MAGIC 0x336ec578
#define RAM 1 /* type of an entry in the memory map */

#define LOW_MEMORY 0x100000    /* below: firmware, the trampoline, real mode */
#define BOOT_REACH 0x80000000u /* what the boot tables map */
#define ROOT_ENTRY 0x8000000000
#define LAST_PAGE 0xfffffffffffff000 /* in no range: its end would be 2^64 */

struct start_info {
    uint32_t magic, version, flags, nmodules;
    uint64_t modules, command_line, rsdp, map;
    uint32_t nmap, reserved;
};

struct module {
    uint64_t pa, len, command_line, reserved;
};

struct map_entry {
    uint64_t pa, len;
    uint32_t type, reserved;
};

/* kernel.ld */
extern char image_start[], rodata_start[], data_start[], image_end[];

static struct boot_info info;

static lp_pa image_pa(const void *va)
{
    return (lp_pa)va - KERNEL_BASE;
}

static const void *boot_memory(lp_pa pa)
{
    return (const void *)(pa + ARCH_DIRECT_MAP);
}

static void add_free(lp_pa start, lp_pa end)
{
    if (start >= end)
        return;
    if (info.nfree == ARRAY_SIZE(info.free))
        panic("the memory map is in too many pieces");
    info.free[info.nfree].start = start;
    info.free[info.nfree++].end = end;
}

/* Whole pages of RAM above 1 MiB that the boot tables reach. */
static void read_map(const struct start_info *start)
{
    const struct map_entry *map = boot_memory(start->map);
    unsigned i;

    for (i = 0; i < start->nmap; i++) {
        lp_pa from = round_up(map[i].pa, PAGE_SIZE);
        lp_pa to = round_down(map[i].pa + map[i].len, PAGE_SIZE);

        if (map[i].type != RAM)
            continue;
        if (from < LOW_MEMORY)
            from = LOW_MEMORY;
        if (to > BOOT_REACH)
            to = BOOT_REACH;
        add_free(from, to);
    }
    if (info.nfree == 0)
        panic("no memory");
    info.ram_start = info.free[0].start;
    for (i = 0; i < info.nfree; i++) {
        if (info.free[i].start < info.ram_start)
            info.ram_start = info.free[i].start;
        if (info.free[i].end > info.ram_end)
            info.ram_end = info.free[i].end;
    }
}

/* [start, end) is in use: take it out of the free memory. */
static void reserve(lp_pa start, lp_pa end)
{
    unsigned i, n = info.nfree;

    start = round_down(start, PAGE_SIZE);
    end = round_up(end, PAGE_SIZE);
    for (i = 0; i < n; i++) {
        lp_pa was = info.free[i].end;

        if (info.free[i].start >= end || was <= start)
            continue;
        info.free[i].end =
            start > info.free[i].start ? start : info.free[i].start;
        add_free(end, was);
    }
}

/* After the last reserve, which leaves empty pieces behind. */
static void drop_empty(void)
{
    unsigned i, n = 0;

    for (i = 0; i < info.nfree; i++)
        if (info.free[i].start < info.free[i].end)
            info.free[n++] = info.free[i];
    info.nfree = n;
}

static void read_modules(const struct start_info *start)
{
    const struct module *module = boot_memory(start->modules);

    if (start->nmodules == 0)
        return;
    if (module->pa + module->len > BOOT_REACH)
        panic("the initial archive lies above 2 GiB");
    info.initrd_start = module->pa;
    info.initrd_end = module->pa + module->len;
    reserve(info.initrd_start, info.initrd_end);
}

/* It stays where it is: below 1 MiB, or reserved. */
static void read_command_line(const struct start_info *start)
{
    const char *line = "";
    lp_pa pa = start->command_line;

    if (pa) {
        line = boot_memory(pa);
        reserve(pa, pa + strlen(line) + 1);
        if (pa < TRAMPOLINE + PAGE_SIZE && pa + strlen(line) >= TRAMPOLINE)
            panic("the command line lies where CPUs start");
    }
    info.command_line = line;
}

static void add_mapping(lp_va va, lp_pa pa, uint64_t len, unsigned access,
                        enum lp_cache_mode cache)
{
    struct boot_mapping mapping = { va, pa, len, access, cache };

    ASSERT(info.nmappings < ARRAY_SIZE(info.mapping));
    info.mapping[info.nmappings++] = mapping;
}

static void add_image(const char *start, const char *end, unsigned access)
{
    add_mapping((lp_va)start, image_pa(start), (uint64_t)(end - start), access,
                LP_CACHE_WRITEBACK);
}

static void add_mappings(void)
{
    add_mapping(ARCH_DIRECT_MAP, 0, info.ram_end, LP_READ | LP_WRITE,
                LP_CACHE_WRITEBACK);
    add_image(image_start, rodata_start, LP_READ | LP_EXEC);
    add_image(rodata_start, data_start, LP_READ);
    add_image(data_start, image_end, LP_READ | LP_WRITE);
    add_mapping(APIC_VA, APIC_PA, PAGE_SIZE, LP_READ | LP_WRITE,
                LP_CACHE_UNCACHED);
    info.half[0].start = ARCH_DIRECT_MAP;
    info.half[0].end = ARCH_DIRECT_MAP + ROOT_ENTRY;
    info.half[1].start = KERNEL_BASE;
    info.half[1].end = LAST_PAGE;
    info.nhalves = 2;
}

/* From boot.S, in the boot tables, on the boot stack. */
_Noreturn void boot_main(lp_pa start_pa);

void boot_main(lp_pa start_pa)
{
    const struct start_info *start = boot_memory(start_pa);

    traps_init();
    percpu_init(0);
    serial_init();
    if (start->magic != START_MAGIC || start->version < 1)
        panic("not started by the PVH protocol, version 1");
    read_map(start);
    reserve(image_pa(image_start), image_pa(image_end));
    read_modules(start);
    read_command_line(start);
    drop_empty();
    add_mappings();
    kmain(&info);
}
