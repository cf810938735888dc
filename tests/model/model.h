/*
 * model.h: what the library must look like to a program, done in the most
 * naive way: an array of pages for each space, each with its own bytes.
 *
 * fork copies the array, bytes and all; mmap fills elements in, munmap empties
 * them.  No tree, no table, no sharing, no order: nothing here has anything in
 * common with the library but the contracts in its public headers.
 *
 * Address space is too large for an array of pages, so it is cut into places.
 * A place is one page, or a stretch of many that is only ever mapped and
 * unmapped as a whole and whose contents nobody looks at.  Pages lie where
 * page tables meet; stretches fill what is between.
 */
#ifndef MODEL_H
#define MODEL_H

#include <lazypager/lazypager.h>

enum {
    PAGE = 4096,
    PLACES_MAX = 800,
    OBJECT_BUCKETS = 32,
};

struct place {
    lp_va start, end;
};

/* The places, in order; together they are the user range. */
struct layout {
    unsigned n;
    struct place at[PLACES_MAX];
    lp_va user_end;
    lp_va mmap_min;
    bool exec_reads; /* the hardware has no execute-only pages */
};

/* What is known of something that the library did out of sight. */
enum known { NO, YES, MAYBE };

/* A page of an object. */
struct m_page {
    uint64_t index;
    uint8_t *data;     /* as every view of the object sees it now */
    uint8_t *disk;     /* as the file system has it */
    bool must;         /* changed since it was last written: must be written */
    bool may;          /* somebody wanted to write: may be written */
    bool held_written; /* changed through a pin that is still held */
    bool lost;         /* ... and could not be, at the object's end */
    enum known filled; /* was read into the cache */
    int bad;           /* what fill answers: 0 or an error */
    struct m_page *next;
};

enum m_kind {
    M_FILE,      /* fill and write */
    M_SOURCE,    /* fill only */
    M_MEMORY,    /* neither */
    M_DEVICE,    /* memory that is no frame */
    M_ANONYMOUS, /* made by mmap: shared anonymous memory */
    M_KINDS,
};

struct m_object {
    struct world *world;
    struct lp_object *handle;
    unsigned number;
    enum m_kind kind;
    unsigned flags; /* LP_OBJECT_* */
    uint64_t size;
    unsigned held;    /* references of our own */
    bool released;    /* release was called */
    bool write_fails; /* write answers -LP_EIO */
    uint64_t cells;   /* of all spaces, that are of it */
    struct m_page *bucket[OBJECT_BUCKETS];
    struct m_object *next;
};

/* One place of a space. */
struct m_cell {
    bool mapped;
    bool shared;
    uint8_t access;
    uint8_t may;             /* what mprotect may make of access */
    enum known touched;      /* private anonymous: has an entry */
    struct m_object *object; /* NULL: private anonymous */
    uint64_t index;          /* in the object, of the place's first page */
    uint8_t *own;            /* bytes that differ from the source; or NULL */
    bool stand_in;           /* own: may still be the zero page */
    uint64_t epoch;          /* changes whenever the page goes */
};

struct m_space {
    struct lp_space *lib;
    unsigned number, depth;
    uint64_t id; /* lp_space_id */
    lp_va base;
    uint64_t forks;        /* of this space */
    struct lp_stats stats; /* as they were last seen */
    struct m_cell cell[PLACES_MAX];
    struct m_space *next;
};

/* --- places (place.c) --- */

/* place_of: number of the place that holds va; layout->n past the end. */
unsigned place_of(const struct layout *l, lp_va va);

/* place_is_page: one page? */
static inline bool place_is_page(const struct layout *l, unsigned i)
{
    return l->at[i].end - l->at[i].start == PAGE;
}

/* place_range: is [start, end) exactly the places [*first, *last)? */
bool place_range(const struct layout *l, lp_va start, lp_va end,
                 unsigned *first, unsigned *last);

/* --- objects (object.c) --- */

/* m_page_of: page `index` of an object, made when it is first asked for. */
struct m_page *m_page_of(struct m_object *o, uint64_t index);

/* m_past_end: does no byte of the page lie before the end? */
bool m_past_end(const struct m_object *o, uint64_t index);

/* m_length: how many bytes of the page lie before the end. */
size_t m_length(const struct m_object *o, uint64_t index);

void m_object_free(struct m_object *o);

/* --- spaces (space.c) --- */

/* m_private: are writes to this page its space's own? */
bool m_private(const struct m_cell *c);

/* m_bytes: what a program reads there; 4096 bytes, not to be changed. */
const uint8_t *m_bytes(const struct m_cell *c);

/* m_writable_bytes: the same to write to: breaks copy-on-write, marks dirty. */
uint8_t *m_writable_bytes(struct m_cell *c);

/*
 * m_allows: what the area allows: where hardware has no execute-only, what may
 * be run may be read.
 */
unsigned m_allows(const struct layout *l, const struct m_cell *c);

/*
 * m_touch: what comes of an access, as a set of 1 << enum lp_fault_code, so
 * that a caller can say what else it would take.
 */
unsigned m_touch(const struct layout *l, const struct m_cell *c,
                 unsigned access);

/* m_unmap, m_map: places [first, last). */
void m_unmap(struct m_space *s, unsigned first, unsigned last);
void m_map(const struct layout *l, struct m_space *s, unsigned first,
           unsigned last, const struct m_cell *as, uint64_t *epoch);

/* m_same_area: do places i and i + 1 belong to one area? */
bool m_same_area(const struct layout *l, const struct m_space *s, unsigned i);

/* m_gap: the highest free [*out, *out + len) inside [low, high). */
bool m_gap(const struct layout *l, const struct m_space *s, uint64_t len,
           lp_va low, lp_va high, lp_va *out);

/* m_bytes_mapped: sum of the lengths of all areas. */
uint64_t m_bytes_mapped(const struct layout *l, const struct m_space *s);

/* m_fork: a copy of everything. */
struct m_space *m_fork(const struct layout *l, const struct m_space *parent);

void m_space_free(const struct layout *l, struct m_space *s);

#endif
