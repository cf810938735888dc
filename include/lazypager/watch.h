/*
 * watch.h: looking on: snapshots, areas, statistics, a printed map, a trace,
 * and the check of every invariant.  Nothing here changes what a program
 * could see.
 *
 * What is common to all calls, unless one says otherwise:
 *
 * => any CPU; interrupts enabled, no lock of the library held.
 */
#ifndef LAZYPAGER_WATCH_H
#define LAZYPAGER_WATCH_H

#include <lazypager/error.h>
#include <lazypager/fault.h>

/* struct lp_page_info, field flags. */
enum {
    LP_PAGE_PRESENT = 1,   /* the entry holds a page (also a kept one) */
    LP_PAGE_KEPT = 2,      /* ... which PROT_NONE makes inaccessible */
    LP_PAGE_COW = 4,       /* private, and a write would need REUSE or COPY */
    LP_PAGE_SHARED = 8,    /* belongs to a MAP_SHARED area */
    LP_PAGE_DIRTY = 16,    /* D in the entry, or in the frame's record */
    LP_PAGE_ACCESSED = 32, /* A in the entry */
    LP_PAGE_ZERO = 64,     /* the shared zero page */
    LP_PAGE_DEVICE = 128,  /* not counted */
    LP_PAGE_UNOWNED = 256, /* a table above is not owned */
    /* Only from lp_kernel_query: */
    LP_PAGE_USER = 512, /* user mode may use it */
    LP_PAGE_BIG = 1024, /* part of a leaf above the lowest level */
};

/* What is at an address now. */
struct lp_page_info {
    lp_pa frame;         /* LP_PA_NONE when nothing is present */
    unsigned access;     /* effective: what the path and the entry grant */
    unsigned flags;      /* LP_PAGE_* */
    uint32_t references; /* the frame's count; 0 for a device page */
};

/* One area, as mmap and mprotect left it. */
struct lp_area {
    lp_va start, end;         /* half-open, page-aligned */
    unsigned access;          /* LP_READ ... */
    bool shared;              /* mapped with LP_MAP_SHARED */
    struct lp_object *object; /* NULL: private anonymous; not referenced */
    uint64_t offset;          /* in the object, of start */
};

/* Counters since creation.  Of a space; of a pager: the sum over all spaces
 * that ever were. */
struct lp_stats {
    /* Faults handled, those for POPULATE and for user memory included. */
    uint64_t faults;
    /* Decisions carried out, by enum lp_decision. */
    uint64_t decisions[LP_DECISIONS];
    uint64_t major_faults;    /* that asked an object to read */
    uint64_t copies;          /* data pages copied */
    uint64_t swept;           /* pages got back by a sweep, not a fault */
    uint64_t tables_shared;   /* root entries shared by fork */
    uint64_t tables_copied;   /* because they were shared */
    uint64_t tables_cleaned;  /* stale ones made good */
    uint64_t tables_regained; /* got back without copy or cleaning */
    uint64_t flushes_local;   /* on the CPU that asked */
    uint64_t flushes_remote;  /* requests sent: one for each other CPU */
    uint64_t forks;           /* that succeeded, of this parent */
    uint64_t lost_writes;     /* objects whose last write-back failed */
};

/* Kinds of trace events. */
enum lp_trace_kind {
    LP_TRACE_DECISION, /* va, access, decision */
    LP_TRACE_MMAP,     /* va (where it went), len, access, result */
    LP_TRACE_MUNMAP,   /* va, len, result */
    LP_TRACE_MPROTECT, /* va, len, access, result */
    LP_TRACE_MADVISE,  /* va, len, advice, result */
    LP_TRACE_FORK,     /* other: the child; result */
    LP_TRACE_DESTROY,  /* the space is going; also a child of a failed fork */
};

/*
 * An event, handed to lp_kernel.trace.  What its kind does not name is 0.
 */
struct lp_trace {
    enum lp_trace_kind kind;      /* what happened */
    const struct lp_space *space; /* where; valid during the call only */
    const struct lp_space *other; /* fork: the child, NULL if it failed */
    uint64_t space_id, other_id;  /* theirs, for good; other_id 0: none */
    lp_va va;                     /* as the caller gave it */
    uint64_t len;                 /* in bytes, as the caller gave it */
    unsigned access;              /* LP_READ ... */
    int advice;                   /* LP_MADV_* */
    enum lp_decision decision;    /* of a fault, one of perhaps several */
    int64_t result;               /* 0 or an error; for mmap the address */
};

/* One page table of a space. */
struct lp_table_info {
    lp_va start, end;    /* what it maps, cut at the end of the user range */
    lp_pa table;         /* the frame that it fills */
    unsigned level;      /* 0: its entries map pages */
    unsigned used;       /* entries in use; of the root: of its user half */
    uint32_t references; /* table entries that point at it; 1 for a root */
    bool owned;          /* every entry on the path from the root is owned */
};

/* What lp_check found. */
struct lp_check_report {
    const char *what;             /* NULL: nothing; else a static sentence */
    const struct lp_space *space; /* where, or NULL */
    uint64_t a, b;                /* two numbers that the sentence speaks of */
};

LP_BEGIN_DECLS

/*
 * lp_query: what is at va.  Loads nothing, owns nothing.
 *
 * => returns 0 and fills *info (an address without a page is not an error:
 *    frame is LP_PA_NONE); -LP_EFAULT when no area holds va.
 */
LP_MUST_CHECK
int lp_query(struct lp_space *space, lp_va va, struct lp_page_info *info);

/*
 * lp_next_area: the area that holds va, or else the first one above it.
 *
 * To walk all: start with va 0 and go on with area.end.
 *
 * => returns true and fills *area, or false when there is none.
 * => area->object is not referenced: valid while the area stays mapped.
 */
bool lp_next_area(struct lp_space *space, lp_va va, struct lp_area *area);

/* lp_area_count: number of areas.  lp_mapped_bytes: sum of their lengths. */
uint64_t lp_area_count(struct lp_space *space);
uint64_t lp_mapped_bytes(struct lp_space *space);

/*
 * lp_resident_pages: number of pages present in [start, end), kept ones
 * included, counted now from the tables.
 */
uint64_t lp_resident_pages(struct lp_space *space, lp_va start, lp_va end);

/*
 * lp_next_table: the page table of this level that covers va, or else the first
 * one above it.
 *
 * To walk all of a level: start with va 0 and go on with info.end.  Two spaces
 * share a table when both have it, at the same address, in the same frame.
 *
 * => level: 0, the tables whose entries map pages, to format.levels - 1, the
 *    root.
 * => returns true and fills *info; false when there is none, or no such level.
 */
bool lp_next_table(struct lp_space *space, unsigned level, lp_va va,
                   struct lp_table_info *info);

/*
 * lp_space_id: a number that no other space of this pager has or had; not 0.
 *
 * => any context, also from lp_kernel.trace.
 */
uint64_t lp_space_id(const struct lp_space *space);

/*
 * lp_space_stats, lp_pager_stats: copy the counters to *out.  Each is a number
 * that it once had; other CPUs may count between two of them.
 */
void lp_space_stats(struct lp_space *space, struct lp_stats *out);
void lp_pager_stats(struct lp_pager *pager, struct lp_stats *out);

/*
 * lp_print_map: the areas, a line each, in the shape of /proc/PID/maps (start
 * and end in hexadecimal, "rwxp", offset) with the number of resident pages
 * behind, handed to emit piece by piece.
 *
 * => emit: gets text (not terminated) and its length; must not call the
 *    library; called with no lock held.
 */
void lp_print_map(struct lp_space *space,
                  void (*emit)(void *ctx, const char *text, size_t len),
                  void *ctx);

#if LP_CHECK
/*
 * lp_check: are all invariants of docs/DESIGN.md true that can be seen from
 * the tables and records?
 *
 * Counts every reference from scratch.  Cost: every table of every space.
 *
 * => scratch: (frames_end - frames_start) / LP_PAGE_SIZE numbers of 32 bits.
 * => no other call on this pager is running on any CPU; nobody holds a page by
 *    lp_object_read and the like.
 * => returns 0; or -LP_EIO with *report (may be NULL) naming the first
 *    violation.
 */
LP_MUST_CHECK
int lp_check(struct lp_pager *pager, uint32_t *scratch,
             struct lp_check_report *report);
#endif

LP_END_DECLS

#endif
