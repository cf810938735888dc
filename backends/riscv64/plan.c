/*
 * The choice of fences; see plan.h.
 *
 * Every flush is one fence, or one fence repeated for each page.  Svinval splits
 * the repeated one: the waiting for stores and the stop of the pipeline are
 * paid once, before and after, not for each page.
 */
#include "plan.h"

static struct lp_riscv64_plan one(struct lp_riscv64_op op)
{
    return (struct lp_riscv64_plan){ .n = 1, .op = { op } };
}

static struct lp_riscv64_plan bracketed(struct lp_riscv64_op op)
{
    op.kind = LP_RISCV64_SINVAL;
    return (struct lp_riscv64_plan){
        .n = 3,
        .op = { { .kind = LP_RISCV64_W_INVAL },
                op,
                { .kind = LP_RISCV64_INVAL_IR } },
    };
}

/* A range in one ASID, or in all and among global entries (by_asid clear). */
static struct lp_riscv64_plan range(const struct lp_riscv64_features *features,
                                    const struct lp_flush *what, bool by_asid)
{
    uint64_t npages = (what->end - what->start) >> LP_PAGE_SHIFT;
    struct lp_riscv64_op op = { .kind = LP_RISCV64_SFENCE,
                                .by_asid = by_asid,
                                .asid = what->asid };

    if (what->tables || npages > LP_RISCV64_PAGES_MAX)
        return one(op);
    if (npages == 0)
        return (struct lp_riscv64_plan){ .n = 0 };
    op.by_va = true;
    op.start = what->start;
    op.end = what->end;
    return features->svinval && npages > 1 ? bracketed(op) : one(op);
}

struct lp_riscv64_plan lp_riscv64_plan(
    const struct lp_riscv64_features *features, const struct lp_flush *what)
{
    switch (what->scope) {
    case LP_FLUSH_RANGE: return range(features, what, true);
    case LP_FLUSH_GLOBAL: return range(features, what, false);
    case LP_FLUSH_ASID:
        return one((struct lp_riscv64_op){
            .kind = LP_RISCV64_SFENCE, .by_asid = true, .asid = what->asid });
    default: return one((struct lp_riscv64_op){ .kind = LP_RISCV64_SFENCE });
    }
}

uint64_t lp_riscv64_satp(unsigned levels, uint32_t asid, lp_pa root)
{
    uint64_t mode = 5 + levels; /* table 4.4: 8 Sv39, 9 Sv48, 10 Sv57 */

    return mode << 60 | (uint64_t)asid << 44 | root >> LP_PAGE_SHIFT;
}
