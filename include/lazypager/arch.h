/*
 * arch.h: what a backend supplies: a page-table format, which is numbers, and
 * a TLB, which is three functions.
 *
 * The page-table half holds no function because one would run for every entry,
 * and a call through a pointer costs more than the work it would do.  Only the
 * page-table module of the core reads these numbers.
 *
 * A backend allocates nothing, locks nothing and keeps no state.  The table is
 * checked once, by lp_pager_create, and must stay valid and unchanged for as
 * long as the pager lives.
 *
 * How the core names levels: level 0 is the table whose entries map 4 KiB
 * pages (x86 calls it PT); the root is at level `levels` - 1.  An entry is
 * 64 bits; a table fills one frame or the beginning of it.
 */
#ifndef LAZYPAGER_ARCH_H
#define LAZYPAGER_ARCH_H

#include <lazypager/types.h>

/* Bounds of lp_pte_format.levels. */
enum {
    LP_LEVELS_MAX = 5, /* the deepest tree */
    LP_LEVELS_MIN = 2, /* the flattest one: a root and leaf tables */
};

/* Values of the tag in an entry that is not valid (struct lp_pte_format). */
enum lp_absent_tag {
    LP_ABSENT_NONE = 0,  /* the entry is 0: nothing was ever here */
    LP_ABSENT_TABLE = 1, /* a pointer to a table that is not owned (Sv) */
    LP_ABSENT_KEPT = 2,  /* a counted page kept while its area is PROT_NONE */
    LP_ABSENT_SWAP = 3,  /* a slot in swap space; not used by this version */
};

/* How memory is cached, for device mappings. */
enum lp_cache_mode {
    LP_CACHE_WRITEBACK = 0, /* ordinary memory */
    LP_CACHE_WRITETHROUGH,  /* reads are cached, stores go through */
    LP_CACHE_WRITECOMBINE,  /* stores are gathered; frame buffers */
    LP_CACHE_UNCACHED,      /* every access reaches the device, in order */
    LP_CACHE_MODES,         /* how many there are */
};

/* A test of bits: true when (entry & mask) == value. */
struct lp_bit_test {
    uint64_t mask;  /* the bits that are looked at */
    uint64_t value; /* what they must be; a subset of mask */
};

/* A page-table format, as numbers: what every bit of an entry means. */
struct lp_pte_format {
    /* Number of levels of tables, LP_LEVELS_MIN..LP_LEVELS_MAX. */
    unsigned levels;
    /* Index bits of each level, 2..9: a table has 1 << index_bits entries. */
    unsigned index_bits;
    /*
     * The user range is [0, user_end).  A multiple of the page, at most what
     * the lower half of the root reaches; the x86 and Sv formats leave the
     * last page out, so that no user instruction ends on the border.
     */
    lp_va user_end;
    /*
     * Number of root entries that belong to user space, from entry 0 on; the
     * rest is the kernel's and is the same in every root.  user_end lies on
     * or (by one page) below the border.
     */
    unsigned user_root_entries;
    /*
     * What an address has above its 12 + levels * index_bits bits: copies of
     * the top one of them (x86, Sv), or zeros.  Addresses that have something
     * else are not canonical and cannot be mapped.
     */
    bool sign_extended;

    /*
     * The address: entry bits [pa_shift, pa_shift + pa_bits) hold physical
     * address bits [12, 12 + pa_bits).
     */
    unsigned pa_shift; /* 12 on x86-64, 10 on the Sv formats */
    unsigned pa_bits;  /* 40 on x86-64, 44 on the Sv formats */

    /*
     * An entry that points at a table below, without the address: as it is
     * while that table is exclusively ours (owned), and otherwise.  They differ
     * in exactly the bits of the owned mask, which holds no A, D or software
     * bit; both may carry A already.  On x86-64 the unowned form lacks
     * W, which write-protects everything below.  On the Sv formats it is not
     * valid and carries LP_ABSENT_TABLE: nothing below is reachable.
     */
    uint64_t table_owned;
    uint64_t table_unowned;

    /*
     * leaf[access]: an entry that maps a page for user mode, without the
     * address, for each combination of LP_READ, LP_WRITE, LP_EXEC.  W implies
     * R; where the hardware has no execute-only, X implies R.  leaf[0] is
     * unused (0).  Includes valid and the user bit; not A, D or software
     * bits.  kernel_leaf: the same for supervisor-only pages, with the global
     * bit; whoever installs one adds A, and D where it may be written.
     */
    uint64_t leaf[8];
    uint64_t kernel_leaf[8];
    /*
     * One bit, or 0 where there is none: a translation that does not belong to
     * one ASID.  In every kernel_leaf, in no leaf; a page of the kernel's half
     * that user mode may use is leaf[] with this bit.
     */
    uint64_t global;
    /*
     * A table entry of the kernel's half, always owned.  As open to user mode
     * as table_owned is: the leaf decides (x86: a page is a user page when U
     * is set all along its path, Intel SDM vol. 3A, 4.6).
     */
    uint64_t kernel_table;

    /*
     * Levels that may hold a leaf: bit n for level n.  Bit 0 is set, and there
     * is no gap: a leaf splits into leaves of the level below.
     */
    unsigned leaf_levels;
    /* Extra bits of a leaf above level 0 (x86: PS). */
    uint64_t big;
    /*
     * A valid entry above level 0 is a leaf when any of these is set
     * (x86: PS; Sv: R, W or X).
     */
    uint64_t leaf_mask;

    /* The bit that makes an entry valid.  Clear: hardware ignores the rest. */
    uint64_t valid;
    /*
     * The bit (or bits) of a leaf that are set only while the page is
     * exclusively ours: W.  leaf[a | LP_WRITE] is leaf[a] with exactly these
     * bits more, for every a that has LP_READ.
     */
    uint64_t owned_leaf;
    /* One bit each. */
    uint64_t accessed;
    uint64_t dirty;
    /*
     * Does hardware set A and D?  If not (Svade), a clear A, or a clear D on
     * a store, faults, and the pager sets them.  Entries are changed
     * atomically in either case: hardware may do both (Svadu switched on
     * behind our back is harmless).
     */
    bool hardware_ad;

    /* What a valid leaf grants (write: owned_leaf set). */
    struct lp_bit_test readable;
    struct lp_bit_test executable;

    /* Two software bits, one bit each, that hardware ignores in a leaf. */
    uint64_t soft_shared;    /* belongs to a MAP_SHARED area */
    uint64_t soft_uncounted; /* a device page: no reference counted */

    /* Cache modes of a leaf, by enum lp_cache_mode; [0] is usually 0. */
    uint64_t cache[LP_CACHE_MODES];

    /*
     * Entries that are not valid carry a tag (enum lp_absent_tag) in the
     * three bits from absent_shift on, which must not overlap `valid`, the
     * address, A, D or the software bits.
     */
    unsigned absent_shift;
    /*
     * A page kept while inaccessible is stored with these bits inverted, so
     * that a CPU that speculates past a clear valid bit finds no memory
     * there (x86: the address bits, against the L1 terminal fault).  A
     * subset of the address bits; 0 for none.
     */
    uint64_t kept_invert;
};

/* What a flush must drop; see struct lp_arch. */
enum lp_flush_scope {
    LP_FLUSH_RANGE, /* leaf translations of [start, end) in one ASID */
    LP_FLUSH_ASID,  /* every translation of one ASID but global ones */
    LP_FLUSH_ALL,   /* everything, all ASIDs and global entries too */
    /*
     * Leaf translations of [start, end), whatever their ASID, and global ones;
     * with `tables` also every cached upper-level entry of every ASID.
     *
     * lp_arch.flush gets it for ranges of the kernel's half only, where each
     * leaf of the pager carries format.global.
     * => x86: INVLPG drops global translations of the page whatever their PCID,
     *    but paging-structure caches of the current PCID alone (SDM vol. 3A,
     *    4.10.4.1): with `tables` everything must be dropped (INVPCID type 2,
     *    or CR4.PGE cleared and set, 4.10.4.1).  A kernel that leaves CR4.PGE
     *    clear has no global translations: then too.
     * => RISC-V: SFENCE.VMA with an address and x0 as ASID, for all ASIDs and
     *    global ones; with `tables` without an address (Privileged 1.12,
     *    4.2.1).
     */
    LP_FLUSH_GLOBAL,
};

/* What a CPU must forget: the argument of lp_arch.flush. */
struct lp_flush {
    enum lp_flush_scope scope; /* what start, end and asid mean */
    /*
     * Entries above level 0 changed as well: whatever the range, every cached
     * upper-level entry of the ASID must be dropped.  x86: any INVLPG drops all
     * paging-structure caches of the current PCID (Intel SDM vol. 3A,
     * 4.10.4.1), so this costs nothing.  RISC-V: SFENCE.VMA with an address
     * orders leaf entries only (Privileged 1.12, 4.2.1), so this needs the
     * form without an address.
     */
    bool tables;
    uint32_t asid; /* 0 where the scope is ALL or GLOBAL */
    /* Page-aligned; 0 unless scope is RANGE or GLOBAL. */
    lp_va start;
    /*
     * Exclusive.  With `tables`, start == end is legal: no leaf translation has
     * changed.
     */
    lp_va end;
};

/* Why a fault happened, as the hardware tells it. */
struct lp_fault;

/* What a backend supplies: a page-table format and a TLB. */
struct lp_arch {
    /* A short name for messages, such as "x86-64" or "sv39". */
    const char *name;
    struct lp_pte_format format; /* the page tables, checked once */
    /* Width of the ASID, at most 16; 0: none, every activate flushes. */
    unsigned asid_bits;
    /*
     * May this CPU cache that an entry was NOT valid (RISC-V)?  Then the pager
     * flushes the address on this CPU after it has made an entry valid, and
     * expects spurious faults on others.
     */
    bool caches_invalid;

    /* Handed to each function below. */
    void *ctx;
    /*
     * activate: this CPU walks the tables at root from now on, tagged asid;
     * with flush, it first forgets all of that ASID's entries that are not
     * global.
     * => preemption off; may be called under any lock.
     */
    void (*activate)(void *ctx, lp_pa root, uint32_t asid, bool flush);
    /*
     * flush: this CPU forgets at least what is described.  May drop more (a
     * backend chooses at which size of a range it drops the whole ASID).
     * Stores to tables made before the call are visible to walks after it.
     * => preemption off; may be called under any lock, also from the handler
     *    of a cross-CPU request.
     */
    void (*flush)(void *ctx, const struct lp_flush *what);
    /*
     * decode: turn what the trap handler saved (its meaning is the
     * backend's: a struct named in the backend's header) into a fault.
     * Returns 0, or -LP_EINVAL when this was not a page fault.  The library
     * never calls it: any context.  May be NULL where the kernel fills struct
     * lp_fault itself.
     */
    int (*decode)(void *ctx, const void *raw, struct lp_fault *out);
    /*
     * sync_code: whatever this CPU fetches after the call it fetches as the
     * stores that were visible to it before the call have left it.  For CPUs
     * whose instruction cache does not watch stores (RISC-V: FENCE.I).  The
     * pager calls it on each CPU that can run a page before the page becomes
     * executable there.
     * => preemption off; may be called under any lock, also from the handler
     *    of a cross-CPU request.
     * NULL: instruction fetches see all stores by themselves (x86: AMD64 APM
     * vol. 2, 7.6.1; Intel SDM vol. 3A, 11.6), and nothing is spent on it.
     */
    void (*sync_code)(void *ctx);
};

LP_BEGIN_DECLS

/*
 * lp_arch_check: is this table one that the core can work with?
 *
 * Checks every rule stated above that can be checked, of arch and of its format.
 * => returns NULL, or a static sentence that names the first broken rule.
 * => any context, no locks.
 */
const char *lp_arch_check(const struct lp_arch *arch);

LP_END_DECLS

#endif
