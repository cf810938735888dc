/*
 * walk.h: what the walker of the host machine must know of an architecture:
 * what one entry of a table means, and who may use it.
 *
 * One struct lp_host_walker a paging mode, each in a walk_*.c written from the
 * manual.  struct lp_pte_format is not used here: the walkers are the second
 * opinion about those numbers.
 */
#ifndef LP_HOST_WALK_H
#define LP_HOST_WALK_H

#include <lazypager/host.h>

/* Rights are LP_READ, LP_WRITE, LP_EXEC and this one: open to user mode. */
enum {
    LP_HOST_RIGHT_USER = 8,
    LP_HOST_RIGHTS_ALL = 15,
};

enum lp_host_kind {
    LP_HOST_ABSENT,   /* not valid */
    LP_HOST_RESERVED, /* valid, but with bits that must not be set */
    LP_HOST_TABLE,
    LP_HOST_LEAF,
};

/* An entry, understood. */
struct lp_host_entry {
    enum lp_host_kind kind;
    lp_pa pa;
    /*
     * What this entry allows.  The rights of an access are the AND along the
     * path: tables that carry no permission allow all.
     */
    unsigned rights;
    bool accessed, dirty, global;
};

/* Why an access that reached a leaf is refused. */
enum lp_host_refusal {
    LP_HOST_ALLOWED,
    LP_HOST_NO_RIGHT,      /* more rights would mend it */
    LP_HOST_NO_SUPERVISOR, /* a user page, in supervisor mode */
};

/* What an address outside the virtual address range is. */
enum lp_host_canonical {
    LP_HOST_SIGN_GP,    /* bits above must be copies of the top one; else #GP */
    LP_HOST_SIGN_FAULT, /* ... else a page fault */
    LP_HOST_ZERO_FAULT, /* bits above must be zero; else a page fault */
};

struct lp_host_walker {
    const char *name;
    const struct lp_pte_format *format; /* for struct lp_arch only */
    unsigned levels;
    unsigned index_bits;
    enum lp_host_canonical canonical;
    unsigned asid_bits; /* the most the architecture has */
    unsigned pa_bits;   /* physical addresses are narrower than this */
    bool caches_invalid;
    bool table_accessed;      /* a walk sets A in table entries */
    bool hardware_ad;         /* sets A and D; else their absence faults */
    bool exec_reads;          /* what may be executed may be read */
    bool reports_reserved;    /* the trap says that a reserved bit was set */
    uint64_t accessed, dirty; /* the bits */
    void (*decode)(const struct lp_host_config *config, unsigned level,
                   uint64_t bits, struct lp_host_entry *out);
    enum lp_host_refusal (*allows)(const struct lp_host_config *config,
                                   unsigned rights, unsigned access,
                                   enum lp_host_mode mode);
};

/* Lists that end with an entry whose name is NULL. */
extern const struct lp_host_walker lp_host_walkers_x86_64[];
extern const struct lp_host_walker lp_host_walkers_riscv64[];
extern const struct lp_host_walker lp_host_walkers_free[];

/* Levels: 0 is the table of single pages; the root is levels - 1. */
static inline unsigned lp_host_level_shift(const struct lp_host_walker *w,
                                           unsigned level)
{
    return 12 + level * w->index_bits;
}

static inline unsigned lp_host_va_bits(const struct lp_host_walker *w)
{
    return lp_host_level_shift(w, w->levels);
}

/* Is this address in the upper half of the address space, the kernel's? */
static inline bool lp_host_upper(const struct lp_host_walker *w, lp_va va)
{
    return va >> (lp_host_va_bits(w) - 1) & 1;
}

#endif
