/*
 * elf.h: programs in files: ELF, 64 bits, little-endian, static.
 */
#ifndef ELF_H
#define ELF_H

#include "kernel.h"

/* What a program's start needs to know. */
struct elf_program {
    lp_va entry;
    lp_va headers; /* where its program headers are in memory, or 0 */
    unsigned nheaders;
    lp_va end; /* one past the last segment's last byte */
    bool executable_stack;
};

enum { ELF_HEADER_LEN = 64, ELF_SEGMENT_LEN = 56 };

/*
 * elf_load: map the program in object into an empty space.
 *
 * => all of it lies below `limit`; one that may lie anywhere (static-PIE) goes
 *    to two thirds of it, as on Linux.
 * => returns 0; -ENOEXEC: not a program for this machine, or malformed in any
 *    way, or one that wants an interpreter; -ENOMEM, -EIO.  On an error the
 *    space is to be thrown away.
 */
int elf_load(struct lp_object *object, struct lp_space *space, lp_va limit,
             struct elf_program *program);

#endif
