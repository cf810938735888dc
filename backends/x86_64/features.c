/*
 * features.c: from CPUID to struct lp_x86_64, without an instruction.
 */
#include "plan.h"

#define BIT(n) ((uint32_t)1 << (n))

/* Page-table level whose leaves map 1 GiB. */
#define LEVEL_1G 2

void lp_x86_64_features_decode(const struct lp_x86_64_cpuid *cpuid,
                               struct lp_x86_64_features *out)
{
    bool leaf1 = cpuid->last_basic >= 1, leaf7 = cpuid->last_basic >= 7;
    /* Without extended leaves the last one is below the first of them. */
    bool ext1 = cpuid->last_extended >= 0x80000001;
    bool ext8 = cpuid->last_extended >= 0x80000008;

    *out = (struct lp_x86_64_features){
        .nx = ext1 && cpuid->ext1_edx & BIT(20),
        .page1g = ext1 && cpuid->ext1_edx & BIT(26),
        .la57 = leaf7 && cpuid->leaf7_ecx & BIT(16),
        .pge = leaf1 && cpuid->leaf1_edx & BIT(13),
        .pcid = leaf1 && cpuid->leaf1_ecx & BIT(17),
        .invpcid = leaf7 && cpuid->leaf7_ebx & BIT(10),
        .smep = leaf7 && cpuid->leaf7_ebx & BIT(7),
        .smap = leaf7 && cpuid->leaf7_ebx & BIT(20),
        .pa_bits = ext8 ? cpuid->ext8_eax & 0xff : 36,
    };
}

int lp_x86_64_describe(struct lp_x86_64 *out,
                       const struct lp_x86_64_features *features,
                       unsigned levels)
{
    struct lp_x86_64_features used = *features;

    if (!used.nx || levels < 4 || levels > 5 || (levels == 5 && !used.la57))
        return -LP_EINVAL;
    used.pcid = used.pcid && used.pge;
    *out = (struct lp_x86_64){
        .arch = {
            .name = levels == 5 ? "x86-64-la57" : "x86-64",
            .format = levels == 5 ? lp_x86_64_format_5level
                                  : lp_x86_64_format_4level,
            .asid_bits = used.pcid ? LP_X86_64_PCID_BITS : 0,
            .ctx = out,
            .decode = lp_x86_64_fault_decode,
        },
        .features = used,
    };
    if (!used.page1g)
        out->arch.format.leaf_levels &= ~(1u << LEVEL_1G);
    return 0;
}
