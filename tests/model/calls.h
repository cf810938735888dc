/*
 * calls.h: calls of the library that may fail for want of memory.
 *
 * Each stands in brackets, and its arguments do not change in between:
 *
 *     do {
 *         call_begins(w, CALL_WHOLE);
 *         r = lp_munmap(space, addr, len);
 *     } while (call_again(w, r));
 *
 * In the random model an allocation fails now and then; the call is made once.
 * With --mode inject every call is made again and again: its first allocation
 * fails, once, and from then on; its second; and so on until the call gets
 * through.  Or each page that an object is to read or to write is refused in
 * turn, as broken or as not ready.  After every failure everything must be as
 * it was.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct world;
struct m_object;

/* What a call that fails may have changed. */
enum call_kind {
    CALL_WHOLE, /* nothing at all */
    CALL_SYNCS, /* nothing, but pages may have been written back */
    /* Nothing that a program sees: pages may have been brought or copied. */
    CALL_BRINGS,
};

/* See digest.c. */
struct digest {
    uint64_t all;
    uint64_t dirty; /* of shared pages; another one after a write-back */
};

/* Which refusal comes next.  Starts at zero for each call. */
struct call {
    bool again; /* not the first attempt */
    enum call_kind kind;
    bool io;              /* pages of objects are refused, not frames */
    bool from;            /* all from the n-th on; of objects: not ready */
    uint64_t n;           /* counted from 1 */
    struct digest before; /* and how much was in use: */
    uint64_t nodes, frames;
    unsigned asked; /* pages of objects, in this attempt */
    bool wrote;     /* one was written back, in any attempt */
    /* The page that was refused. */
    const struct m_object *object;
    uint64_t index;
};

void call_begins(struct world *w, enum call_kind kind);
/* call_again: result: what the call answered, 0 or more when it succeeded. */
bool call_again(struct world *w, int64_t result);

/* forgiven: did it meet a refusal, and is this the right answer then? */
bool forgiven(const struct world *w, int64_t result);

/*
 * page_refused: an object is asked to read or to write this page: 0, or the
 * error that it must answer.
 */
int page_refused(struct world *w, const struct m_object *o, uint64_t index);

/* digest.c: numbers for all that may not change; see enum call_kind. */
struct digest digest(struct world *w, enum call_kind kind);
/*
 * nodes_in_use: small things of the library's own that are allocated; not
 * those of areas, which are copied out of sight as tables are.
 */
uint64_t nodes_in_use(const struct world *w);

#endif
