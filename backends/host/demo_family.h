/*
 * demo_family.h: four processes with three areas each, and what the demo
 * remembers of their memory.
 *
 * What a process should find is kept in ordinary arrays, changed by the same
 * writes: bytes of the file as the operating system reads it, zeroes, and what
 * was stored.  The pager has no part in it.
 */
#ifndef LAZYPAGER_DEMO_FAMILY_H
#define LAZYPAGER_DEMO_FAMILY_H

#include "demo.h"

enum demo_who { PARENT, CHILD1, CHILD2, GRANDCHILD, MEMBERS };
enum demo_where { HEAP, PRIVATE, SHARED, AREAS };

enum {
    HEAP_BEFORE = 9, /* pages of the heap before it grows */
    HEAP_PAGES = 12,
    PRIVATE_PAGES = 7, /* at most: a small file has fewer */
    SHARED_PAGES = 6,
    OWN_PAGES = HEAP_PAGES + PRIVATE_PAGES,
};

struct demo_member {
    const char *name;
    char letter;
    struct lp_space *space;                     /* NULL: not born, or gone */
    unsigned npages[AREAS];                     /* mapped now */
    unsigned char own[OWN_PAGES][LP_PAGE_SIZE]; /* the heap, then the file */
};

struct demo_family {
    struct demo *d;
    const struct demo_file *file;
    char file_name[64];
    int temp; /* a copy of the file's first pages; has no name any more */
    struct lp_object *file_object, *temp_object;
    lp_va start[AREAS];
    struct demo_member member[MEMBERS];
    unsigned char shared[SHARED_PAGES][LP_PAGE_SIZE];

    unsigned step;
    /* As they were when the step began. */
    struct lp_stats stats;
    uint64_t traps, frames;
};

/* What a page is, for whoever looks. */
enum demo_state {
    DEMO_UNMAPPED,
    DEMO_ABSENT,
    DEMO_IS_ZERO,  /* the one zero page */
    DEMO_IS_CACHE, /* a clean page of a file's page cache */
    DEMO_IS_COW,   /* private, and a write will fault first */
    DEMO_IS_OWNED, /* private, and writable */
    DEMO_IS_DIRTY, /* of a shared mapping, and changed since the last sync */
    DEMO_STATES,
};

/* --- demo_members.c --- */

/* Machine and objects; false: no memory, or no temporary file. */
bool demo_family_begin(struct demo_family *f);

/* The parent, with its areas. */
void demo_family_map(struct demo_family *f);

/* All members are gone: objects, machine. */
void demo_family_end(struct demo_family *f);

/* What the page should hold. */
unsigned char *demo_expected(struct demo_family *f, enum demo_who who,
                             enum demo_where area, unsigned page);

/* Bytes of the page that lie in the file; of the heap, all. */
size_t demo_page_bytes(const struct demo_family *f, enum demo_where area,
                       unsigned page);

lp_va demo_page_va(const struct demo_family *f, enum demo_where area,
                   unsigned page);

/* The member stores its name and the step's number into the page. */
void demo_member_write(struct demo_family *f, enum demo_who who,
                       enum demo_where area, unsigned page);

/* The member reads the whole page; it is compared. */
void demo_member_read(struct demo_family *f, enum demo_who who,
                      enum demo_where area, unsigned page);

void demo_member_fork(struct demo_family *f, enum demo_who parent,
                      enum demo_who child);
void demo_member_exit(struct demo_family *f, enum demo_who who);

/* The frame at this page, LP_PA_NONE: none; no page is touched. */
lp_pa demo_page_frame(struct demo_family *f, enum demo_who who,
                      enum demo_where area, unsigned page);

/*
 * Compare every page that is present, without touching it, and check
 * everything else that can be checked.
 */
void demo_family_verify(struct demo_family *f);

/* --- demo_trace.c --- */

/* A snapshot of all members, named by the text's first sentence. */
void demo_trace_step(struct demo_family *f, const char *text);

/* --- demo_picture.c --- */

enum demo_state demo_page_state(struct demo_family *f, enum demo_who who,
                                enum demo_where area, unsigned page);

void demo_legend(const struct demo_screen *screen);

/* A step begins: remember the counters. */
void demo_step_begin(struct demo_family *f);

/*
 * A step is over: say what happened and why, show the pages and what it took,
 * and verify everything.
 */
void demo_step_tell(struct demo_family *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
