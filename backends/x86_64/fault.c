/*
 * fault.c: what a page fault's error code says.
 *
 *     bit   SDM 4.7, APM 8.4.2                        here
 *       0   P     the entries were valid              SUPERVISOR, see below
 *       1   W/R   a write                             LP_WRITE
 *       2   U/S   a user-mode access                  SUPERVISOR, see below
 *       3   RSVD  a reserved bit was set              RESERVED
 *       4   I/D   an instruction fetch                LP_EXEC
 *       5   PK    a protection key forbade it         KEY
 *       6   SS    a shadow-stack access               not ours
 *       7   HLAT  in hypervisor-managed translation   not ours
 *      15   SGX   in an enclave's page cache          not ours
 *      31   RMP   AMD: the reverse map forbade it     not ours
 *
 * I/D is reported with NXE or SMEP on, and NXE always is.  By the manual RSVD
 * comes with P set; QEMU 7.2 leaves P clear, so nothing here depends on that.
 */
#include <lazypager/x86_64.h>

#define BIT(n) ((uint64_t)1 << (n))

#define ERROR_P BIT(0)
#define ERROR_W BIT(1)
#define ERROR_U BIT(2)
#define ERROR_RSVD BIT(3)
#define ERROR_I BIT(4)
#define ERROR_PK BIT(5)
#define ERROR_OURS (BIT(6) - 1)

#define RFLAGS_AC BIT(18)
#define CS_RING 3

static unsigned access_of(uint64_t error)
{
    if (error & ERROR_I)
        return LP_EXEC;
    return (error & ERROR_W) ? LP_WRITE : LP_READ;
}

/* A data access in supervisor mode, SMAP on: does SMAP forbid it? */
static bool smap_forbids(const struct lp_x86_64_fault *fault)
{
    uint64_t why = ERROR_P | ERROR_W | ERROR_RSVD | ERROR_PK;

    if (!(fault->rflags & RFLAGS_AC) || fault->cs & CS_RING)
        return true;
    /* A read, the page is valid, and it was nothing else. */
    return (fault->error_code & why) == ERROR_P;
}

/* Is it SMEP or SMAP that stopped this, or that would stop it next time? */
static bool supervisor(const struct lp_x86_64 *machine,
                       const struct lp_x86_64_fault *fault)
{
    if (fault->error_code & ERROR_U)
        return false;
    if (fault->address >= machine->arch.format.user_end)
        return false;
    if (fault->error_code & ERROR_I)
        return machine->features.smep;
    return machine->features.smap && smap_forbids(fault);
}

int lp_x86_64_fault_decode(void *ctx, const void *raw, struct lp_fault *out)
{
    const struct lp_x86_64_fault *fault = raw;
    uint64_t error = fault->error_code;
    unsigned flags = 0;

    if (error & ~ERROR_OURS)
        return -LP_EINVAL;
    if (fault->cs & CS_RING)
        flags |= LP_FAULT_USER;
    if (error & ERROR_RSVD)
        flags |= LP_FAULT_RESERVED;
    if (error & ERROR_PK)
        flags |= LP_FAULT_KEY;
    if (supervisor(ctx, fault))
        flags |= LP_FAULT_SUPERVISOR;
    *out = (struct lp_fault){ .va = fault->address,
                              .access = access_of(error),
                              .flags = flags };
    return 0;
}
