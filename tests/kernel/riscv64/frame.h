/*
 * frame.h: what this architecture keeps of a program and of a thread, and its
 * numbers (arch.h).
 *
 * All addresses below hold for Sv39, and so for Sv48 and Sv57, which have the
 * same addresses and more:
 *
 *     0x0000000000000000   programs; static Linux programs link at 0x10000
 *     0x0000003ffffff000   end of Sv39's user range: top of a program's stack
 *     0xffffffc000000000   the direct map: RAM at ..80000000, the UART at
 *                          ..10000000; 254 GiB
 *     0xffffffff80200000   the kernel's image
 *     0xffffffffc0000000   code of ours for user mode: the signal trampoline,
 *                          the probe; a page each
 */
#ifndef FRAME_H
#define FRAME_H

#include "layout.h"

#include <stdint.h>

#define ARCH_NAME "riscv64"
#define ARCH_ELF_MACHINE 243 /* EM_RISCV */
#define ARCH_DIRECT_MAP DIRECT_MAP
#define ARCH_PROBE (USER_CODE + 0x1000)
#define ARCH_STACK_TOP 0x3ffffff000u
#define ARCH_TRAP_CODE "\x73\x00\x10\x00" /* ebreak */
#define ARCH_TRAP_LEN 4
#define ARCH_SIGACTION_RESTORER 0
#define ARCH_CLONE_TLS_LAST 0

/* struct stat is asm-generic's. */
#define ARCH_STAT_GENERIC 1
/* No sa_restorer (signal.c has the trampoline); clone's arguments end in tls,
 * ctid. */
#define ARCH_SIGACTION_RESTORER 0
#define ARCH_CLONE_TLS_LAST 0
/* arch_fence_cpus and arch_sync_code_cpus are there, for the members of struct
 * lp_kernel of these names. */
#define ARCH_HAS_FENCE_CPUS 1

/* Indices of user_frame.regs; x0 needs no place, so pc has it. */
enum {
    REG_PC = 0,
    REG_RA = 1,
    REG_SP = 2,
    REG_GP = 3,
    REG_TP = 4,
    REG_A0 = 10,
    REG_A1 = 11,
    REG_A2 = 12,
    REG_A7 = 17,
};

/* A program's registers, in the order of Linux's user_regs_struct. */
struct user_frame {
    uint64_t regs[32];
    uint64_t first_argument; /* a0 as the last system call had it */
};

/* A thread that is not running; the rest is on its stack (context.S). */
struct context {
    uint64_t sp;
};

/* The D extension, as Linux's __riscv_d_ext_state. */
struct fpu_state {
    uint64_t f[32];
    uint32_t fcsr;
    uint32_t pad;
};

struct lp_cpuset;
struct lp_flush;

/* harts.c: by the firmware, with flush=sbi. */
void arch_fence_cpus(void *ctx, const struct lp_cpuset *cpus,
                     const struct lp_flush *what, unsigned n);
void arch_sync_code_cpus(void *ctx, const struct lp_cpuset *cpus);

#endif
