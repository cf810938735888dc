/*
 * boot.h: between the files that bring the machine up: boot.S early.c boot.c.
 */
#ifndef BOOT_H
#define BOOT_H

#include "layout.h"

#include <lazypager/riscv64.h>

enum { BOOT_DIRECT_GIB = 254 }; /* up to the image */

/* What satp said; the flags come from the device tree (boot.c). */
extern struct lp_riscv64_features boot_features;
/* The root that boots. */
extern uint64_t boot_root[];

/*
 * early_tables: probe, make the boot tables, and say what satp becomes.
 * => the boot hart, at physical addresses, satp Bare.
 */
uint64_t early_tables(void);

/* From boot.S, in the boot tables, with the device tree's physical address. */
_Noreturn void boot_main(uint64_t hart, lp_pa device_tree);
/* From boot.S, in the pager's root: another hart. */
_Noreturn void hart_main(void);
/* Where arch_start_cpus lets it begin; its a1: struct hart, physical. */
extern const char hart_entry[];

bool boot_try_load(const void *p);

/* The linker script's; the trampoline's page lies in rodata. */
extern const char image_start[], image_text_end[], image_rodata_end[],
    image_end[];

#endif
