/*
 * fdt.h: what the kernel wants to know of a flattened device tree.
 *
 * Devicetree Specification 0.3, chapter 5 (the format), chapter 3 (the nodes).
 * The blob comes from outside: nothing in it is believed, no read leaves it.
 */
#ifndef FDT_H
#define FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MACHINE_CPUS = 64, MACHINE_RANGES = 16 };

/* Physical addresses [start, end), not empty. */
struct machine_range {
    uint64_t start, end;
};

struct machine_cpu {
    uint64_t id;
    const char *isa; /* "riscv,isa", in the blob; NULL: not given */
    bool disabled;
};

/* Strings point into the blob. */
struct machine {
    struct machine_range ram[MACHINE_RANGES];
    unsigned nram;
    /* Nodes of /reserved-memory and entries of the reservation block. */
    struct machine_range reserved[MACHINE_RANGES];
    unsigned nreserved;
    struct machine_range initrd; /* both 0: none */
    const char *command_line;    /* "" when there is none */
    struct machine_cpu cpu[MACHINE_CPUS];
    unsigned ncpus;
    uint32_t timebase; /* Hz; 0: not given */
};

/*
 * fdt_size: bytes of the blob at `blob`, by its header; 0: not a device tree
 * of a version that fdt_read knows (17).
 * => 40 bytes there are readable.
 */
size_t fdt_size(const void *blob);

/*
 * fdt_read: fill in *machine from the blob of `size` bytes.
 *
 * => returns NULL, or a static sentence that says what is wrong; then *machine
 *    is not to be used.  More ranges or CPUs than there is room for is wrong
 *    too: a reserved range must not be forgotten.
 * => any context, no locks; memory is all that it needs.
 */
const char *fdt_read(const void *blob, size_t size, struct machine *machine);

#endif
