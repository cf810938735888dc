/*
 * From what the harts have to a struct lp_arch, and from a trap to a fault: the
 * parts of the backend that are neither numbers nor instructions.
 */
#include <lazypager/fault.h>

#include "plan.h"

enum {
    ASID_BITS_MAX = 16, /* satp, figure 4.13: the field's width */
    CAUSE_FETCH = 12,   /* scause, table 4.2 */
    CAUSE_LOAD = 13,
    CAUSE_STORE = 15,
};

#define SSTATUS_SPP ((uint64_t)1 << 8)
#define SSTATUS_SUM ((uint64_t)1 << 18)

static void set_format(struct lp_arch *arch, unsigned levels)
{
    switch (levels) {
    case 3:
        arch->name = "sv39";
        arch->format = lp_riscv64_format_sv39;
        break;
    case 4:
        arch->name = "sv48";
        arch->format = lp_riscv64_format_sv48;
        break;
    default:
        arch->name = "sv57";
        arch->format = lp_riscv64_format_sv57;
        break;
    }
}

int lp_riscv64_describe(struct lp_riscv64 *out,
                        const struct lp_riscv64_features *features,
                        unsigned levels)
{
    struct lp_arch *arch = &out->arch;

    if (levels < 3 || levels > 5 || levels > features->levels_max ||
        features->asid_bits > ASID_BITS_MAX)
        return -LP_EINVAL;
    *out = (struct lp_riscv64){ .features = *features };
    set_format(arch, levels);
    if (features->svpbmt) {
        arch->format.cache[LP_CACHE_WRITETHROUGH] = LP_RISCV64_PBMT_NC;
        arch->format.cache[LP_CACHE_WRITECOMBINE] = LP_RISCV64_PBMT_NC;
        arch->format.cache[LP_CACHE_UNCACHED] = LP_RISCV64_PBMT_IO;
    }
    arch->asid_bits = features->asid_bits;
    arch->caches_invalid = true;
    arch->ctx = out;
    arch->decode = lp_riscv64_decode;
    return 0;
}

/* What S mode may do to a user page: nothing, but to load and store with SUM. */
static bool supervisor_refused(const struct lp_riscv64_fault *raw)
{
    return raw->scause == CAUSE_FETCH || !(raw->sstatus & SSTATUS_SUM);
}

int lp_riscv64_decode(void *ctx, const void *raw, struct lp_fault *out)
{
    const struct lp_riscv64 *riscv64 = ctx;
    const struct lp_riscv64_fault *trap = raw;
    struct lp_fault fault = { .va = trap->stval };

    switch (trap->scause) {
    case CAUSE_FETCH: fault.access = LP_EXEC; break;
    case CAUSE_LOAD: fault.access = LP_READ; break;
    case CAUSE_STORE: fault.access = LP_WRITE; break;
    default: return -LP_EINVAL;
    }
    if (!(trap->sstatus & SSTATUS_SPP))
        fault.flags = LP_FAULT_USER;
    else if (fault.va < riscv64->arch.format.user_end &&
             supervisor_refused(trap))
        fault.flags = LP_FAULT_SUPERVISOR;
    *out = fault;
    return 0;
}
