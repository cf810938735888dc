/*
 * plan.c: which instruction a flush takes; see plan.h for what each drops.
 *
 *     scope    which                                     operation
 *     RANGE    nothing: empty and no tables              NOTHING
 *              this ASID, few pages                      INVLPG
 *              this ASID, many                           RELOAD_CR3
 *              another, few pages, no tables, INVPCID    INVPCID_PAGE
 *              another, INVPCID                          INVPCID_CONTEXT
 *              another                                   everything
 *     ASID     this one                                  RELOAD_CR3
 *              another, INVPCID                          INVPCID_CONTEXT
 *              another                                   everything
 *     GLOBAL   nothing: empty and no tables              NOTHING
 *              few pages; no tables, or no other PCIDs   INVLPG
 *              else                                      everything
 *     ALL                                                everything
 *
 * everything: INVPCID_ALL, or TOGGLE_PGE, or without CR4.PGE, where nothing is
 * global and there are no PCIDs, RELOAD_CR3.
 *
 * Another ASID without INVPCID could be dropped by activating it for a moment.
 * But the root that belongs to it is not known here, and under another root
 * the CPU may fill that ASID with translations of the wrong space at any time,
 * unasked (SDM 4.10.2.3).  The pager flushes no ASID but the current one; it is
 * the contract that allows it.
 */
#include "plan.h"

#define CR3_NOFLUSH ((uint64_t)1 << 63)
#define PCID_MASK (((uint32_t)1 << LP_X86_64_PCID_BITS) - 1)

static struct lp_x86_64_plan whole(enum lp_x86_64_operation operation,
                                   uint32_t pcid)
{
    return (struct lp_x86_64_plan){ .operation = operation, .pcid = pcid };
}

static struct lp_x86_64_plan everything(const struct lp_x86_64_features *f)
{
    if (f->invpcid)
        return whole(LP_X86_64_INVPCID_ALL, 0);
    return whole(f->pge ? LP_X86_64_TOGGLE_PGE : LP_X86_64_RELOAD_CR3, 0);
}

/* All of one ASID but global translations. */
static struct lp_x86_64_plan context(const struct lp_x86_64_features *f,
                                     uint32_t asid, bool here)
{
    if (here)
        return whole(LP_X86_64_RELOAD_CR3, 0);
    return f->invpcid ? whole(LP_X86_64_INVPCID_CONTEXT, asid) : everything(f);
}

/* The range, page by page. */
static struct lp_x86_64_plan pages(enum lp_x86_64_operation operation,
                                   const struct lp_flush *what, uint32_t pcid)
{
    uint64_t npages = (what->end - what->start) >> LP_PAGE_SHIFT;

    /*
     * Tables alone: any one page takes all upper entries along.  Page 0, which
     * hardly anybody maps: the end of user space could be what is named, where
     * INVLPG does nothing at all (not canonical: SDM vol. 2A, INVLPG).
     */
    return (struct lp_x86_64_plan){
        .operation = operation,
        .va = npages ? what->start : 0,
        .npages = npages ? npages : 1,
        .pcid = pcid,
    };
}

static bool few_pages(const struct lp_flush *what)
{
    return what->end - what->start <= LP_X86_64_PAGES_MAX * LP_PAGE_SIZE;
}

static struct lp_x86_64_plan range(const struct lp_x86_64_features *f,
                                   const struct lp_flush *what, bool here)
{
    if (few_pages(what) && here)
        return pages(LP_X86_64_INVLPG, what, 0);
    /* INVPCID_PAGE leaves the upper entries of other addresses alone. */
    if (few_pages(what) && !what->tables && f->invpcid)
        return pages(LP_X86_64_INVPCID_PAGE, what, what->asid);
    return context(f, what->asid, here);
}

/*
 * The kernel's half.  INVLPG reaches its leaves under every PCID because they
 * are global (SDM 4.10.2.4), but upper entries of the current PCID only.
 */
static struct lp_x86_64_plan global(const struct lp_x86_64_features *f,
                                    const struct lp_flush *what)
{
    if (few_pages(what) && !(what->tables && f->pcid))
        return pages(LP_X86_64_INVLPG, what, 0);
    return everything(f);
}

struct lp_x86_64_plan lp_x86_64_plan(const struct lp_x86_64_features *features,
                                     const struct lp_flush *what,
                                     uint32_t current)
{
    bool here = !features->pcid || what->asid == current;
    bool empty = what->start == what->end && !what->tables;

    /* no branch: enum lp_flush_scope has no other value */
    switch (what->scope) {
    case LP_FLUSH_RANGE:
        return empty ? whole(LP_X86_64_NOTHING, 0)
                     : range(features, what, here);
    case LP_FLUSH_ASID: return context(features, what->asid, here);
    case LP_FLUSH_GLOBAL:
        return empty ? whole(LP_X86_64_NOTHING, 0) : global(features, what);
    case LP_FLUSH_ALL: break;
    }
    return everything(features);
}

uint64_t lp_x86_64_cr3(const struct lp_x86_64_features *features, lp_pa root,
                       uint32_t asid, bool flush)
{
    /* Bit 63 is reserved where PCIDs are off (SDM vol. 2B, MOV to CR). */
    if (!features->pcid)
        return root;
    return root | (asid & PCID_MASK) | (flush ? 0 : CR3_NOFLUSH);
}
