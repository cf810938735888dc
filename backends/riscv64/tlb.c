/*
 * The instructions: satp, SFENCE.VMA, Svinval and FENCE.I.  No other file of
 * this backend contains any; which of them a flush takes is plan.c's choice.  On
 * other machines this file is empty, so that the rest can be built there.
 *
 * Each asm has a "memory" clobber: stores to tables that the source says come
 * before a fence are before it in the code too.  The hart then orders them: a
 * fence acts on what the tables are after all earlier stores (Privileged 1.12,
 * 4.2.1).
 *
 * An operand that must not be x0 is one that the compiler chose: it never puts
 * a variable into x0, also when its value is 0.
 */
#include "plan.h"

#if defined(__riscv)

#define SATP_MODE(satp) ((satp) >> 60)
#define SATP_ASID(satp) ((satp) >> 44 & 0xffff)

static inline void sfence_all(void)
{
    __asm__ volatile("sfence.vma x0, x0" ::: "memory");
}

static inline void sfence_asid(uint64_t asid)
{
    __asm__ volatile("sfence.vma x0, %0" ::"r"(asid) : "memory");
}

static inline void sfence_va(lp_va va)
{
    __asm__ volatile("sfence.vma %0, x0" ::"r"(va) : "memory");
}

static inline void sfence_va_asid(lp_va va, uint64_t asid)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
}

/*
 * Svinval by number, for assemblers that do not know the names: R-type, opcode
 * SYSTEM (0x73), funct3 0.  SINVAL.VMA has funct7 0x0b; the two fences 0x0c,
 * and 0 or 1 where rs2 is (chapter 7).
 */
static inline void sinval_va(lp_va va)
{
    __asm__ volatile(".insn r 0x73, 0, 0x0b, x0, %0, x0" ::"r"(va) : "memory");
}

static inline void sinval_va_asid(lp_va va, uint64_t asid)
{
    __asm__ volatile(".insn r 0x73, 0, 0x0b, x0, %0, %1" ::"r"(va), "r"(asid)
                     : "memory");
}

static inline void sfence_w_inval(void)
{
    __asm__ volatile(".insn r 0x73, 0, 0x0c, x0, x0, x0" ::: "memory");
}

static inline void sfence_inval_ir(void)
{
    __asm__ volatile(".insn r 0x73, 0, 0x0c, x0, x0, x1" ::: "memory");
}

/* An operation without an address. */
static void fence(const struct lp_riscv64_op *op)
{
    if (op->by_asid)
        sfence_asid(op->asid);
    else
        sfence_all();
}

static void fence_pages(const struct lp_riscv64_op *op)
{
    lp_va va;

    for (va = op->start; va != op->end; va += LP_PAGE_SIZE)
        if (op->by_asid)
            sfence_va_asid(va, op->asid);
        else
            sfence_va(va);
}

static void invalidate_pages(const struct lp_riscv64_op *op)
{
    lp_va va;

    for (va = op->start; va != op->end; va += LP_PAGE_SIZE)
        if (op->by_asid)
            sinval_va_asid(va, op->asid);
        else
            sinval_va(va);
}

static void execute(const struct lp_riscv64_op *op)
{
    switch (op->kind) {
    case LP_RISCV64_SFENCE:
        if (op->by_va)
            fence_pages(op);
        else
            fence(op);
        break;
    case LP_RISCV64_W_INVAL: sfence_w_inval(); break;
    case LP_RISCV64_SINVAL: invalidate_pages(op); break;
    case LP_RISCV64_INVAL_IR: sfence_inval_ir(); break;
    }
}

static void flush(void *ctx, const struct lp_flush *what)
{
    const struct lp_riscv64 *riscv64 = ctx;
    struct lp_riscv64_plan plan = lp_riscv64_plan(&riscv64->features, what);
    unsigned i;

    for (i = 0; i < plan.n; i++)
        execute(&plan.op[i]);
}

/*
 * The fence comes after satp: before it, walks of the old root, or of none,
 * could still fill the caches under this ASID with what the fence has dropped.
 */
static void activate(void *ctx, lp_pa root, uint32_t asid, bool flush)
{
    const struct lp_riscv64 *riscv64 = ctx;
    uint64_t satp = lp_riscv64_satp(riscv64->arch.format.levels, asid, root);

    __asm__ volatile("csrw satp, %0" ::"r"(satp) : "memory");
    if (flush)
        sfence_asid(asid);
}

/*
 * FENCE.I is about stores that this hart can see (Unprivileged, chapter 3).
 * Those of another hart it can see once it has read what that one wrote after
 * them; the fence keeps that read in front.
 */
static void sync_code(void *ctx)
{
    (void)ctx;
    __asm__ volatile("fence rw, rw\n\tfence.i" ::: "memory");
}

int lp_riscv64_setup(struct lp_riscv64 *out,
                     const struct lp_riscv64_features *features,
                     unsigned levels)
{
    int error = lp_riscv64_describe(out, features, levels);

    if (error)
        return error;
    out->arch.activate = activate;
    out->arch.flush = flush;
    out->arch.sync_code = sync_code;
    return 0;
}

/*
 * Put value into satp for the time of one read, and give what was read.  Between
 * the two writes the hart fetches through the table that value names, and does
 * nothing else: all of it lies in one aligned block, so in one leaf.  The first
 * fence is for the store into that table, the second for what was cached.
 */
__attribute__((naked, noinline, aligned(32))) static uint64_t try_satp(
    __attribute__((unused)) uint64_t value)
{
    __asm__ volatile("sfence.vma x0, x0\n\t"
                     "csrw satp, a0\n\t"
                     "csrr a0, satp\n\t"
                     "csrw satp, zero\n\t"
                     "sfence.vma x0, x0\n\t"
                     "ret");
}

/* What satp reads as when a mode of so many levels and ASID ~0 are written. */
static uint64_t try_mode(volatile uint64_t *root, unsigned levels, lp_pa code)
{
    enum { V = 1, R = 2, X = 8, A = 64 };
    unsigned shift = LP_PAGE_SHIFT + 9 * (levels - 1);
    uint64_t got, index = code >> shift & 511;

    root[index] = code >> shift << shift >> 2 | V | R | X | A;
    got = try_satp(lp_riscv64_satp(levels, 0xffff, (lp_pa)(uintptr_t)root));
    root[index] = 0;
    return got;
}

int lp_riscv64_probe(struct lp_riscv64_features *out, uint64_t *root)
{
    lp_pa code = (lp_pa)(uintptr_t)try_satp;
    uint64_t satp, asid;
    unsigned levels;

    __asm__ volatile("csrr %0, satp" : "=r"(satp));
    if (SATP_MODE(satp) != 0 || ((uintptr_t)root & LP_PAGE_MASK) != 0 ||
        code >> 38 != 0)
        return -LP_EINVAL;
    out->levels_max = out->asid_bits = 0;
    for (levels = 5; levels >= 3; levels--) {
        satp = try_mode(root, levels, code);
        if (SATP_MODE(satp) == SATP_MODE(lp_riscv64_satp(levels, 0, 0)))
            break;
    }
    if (levels < 3)
        return 0;
    out->levels_max = levels;
    for (asid = SATP_ASID(satp); asid & 1; asid >>= 1)
        out->asid_bits++;
    return 0;
}

#endif
