/*
 * tracer.h: what the library does, as text that lazypager-view draws.
 *
 * Freestanding, and needs the public headers only: a kernel compiles tracer.c
 * as it is.  docs/TRACE.md says what the lines mean.
 *
 * Two halves.  lp_tracer_record is for lp_kernel.trace, which is called under
 * locks of the library, on any CPU: it copies the event into a ring and returns.
 * All else is for quiet points, where no lock of the library is held: it takes
 * events out of the ring, looks at spaces, and writes lines.
 *
 *     lp_tracer_start     once, before the first event
 *     lp_tracer_drain     whenever lp_tracer_pending says that it is time
 *     lp_tracer_begin, lp_tracer_space ..., lp_tracer_commit    a snapshot
 *     lp_tracer_end       once, after the last event
 *
 * Locking: _record takes none.  Of the others one call at a time, by whatever
 * lock the caller has for it; that may not be a lock that lp_kernel's functions
 * take, since the library is called.
 */
#ifndef LAZYPAGER_TRACER_H
#define LAZYPAGER_TRACER_H

#include <stdatomic.h>

#include <lazypager/lazypager.h>

/* A place in the ring. */
struct lp_tracer_slot {
    _Atomic uint64_t turn; /* whose it is: see tracer.c */
    unsigned cpu;
    struct lp_trace event;
};

enum {
    LP_TRACER_LINE = 512, /* bytes of a line at most, its newline included */
    LP_TRACER_TEXT = 200, /* characters of a label or name; the rest is cut */
};

struct lp_tracer {
    /* Zero until lp_tracer_start; then the tracer's alone. */
    void (*emit)(void *ctx, const char *line, size_t len);
    void *ctx;
    struct lp_tracer_slot *slots;
    uint64_t nslots;
    _Atomic uint64_t head; /* next place to fill */
    _Atomic uint64_t tail; /* next place to take from */
    _Atomic uint64_t lost; /* events that found no place */
    uint64_t told_lost;    /* ... of which a line tells */
    uint64_t events, snapshots;
    char line[LP_TRACER_LINE];
    size_t len;
};

/*
 * lp_tracer_start: begin a trace: write its head.
 *
 * => slots: memory for nslots events, at least 2, the caller's; contents do not
 *    matter.  What comes while all are full is lost, and counted.
 * => emit gets whole lines, "\n" at the end, not terminated; ASCII only; must
 *    not call the library.
 * => arch: what the pager was made with; read here only.
 */
void lp_tracer_start(struct lp_tracer *t, struct lp_tracer_slot *slots,
                     uint64_t nslots,
                     void (*emit)(void *ctx, const char *line, size_t len),
                     void *ctx, const struct lp_arch *arch);

/* lp_tracer_record: keep an event.  Any context, several CPUs at once. */
void lp_tracer_record(struct lp_tracer *t, unsigned cpu,
                      const struct lp_trace *event);

/* lp_tracer_pending: how many events wait in the ring.  Any context. */
uint64_t lp_tracer_pending(struct lp_tracer *t);

/* lp_tracer_drain: write the events that wait. */
void lp_tracer_drain(struct lp_tracer *t);

/*
 * lp_tracer_begin, lp_tracer_space, lp_tracer_commit: a snapshot: its areas,
 * tables and pages, for each space that the caller names.
 *
 * Costs a query for each page that the spaces' leaf tables could hold.  Each
 * query is true for its moment: other CPUs may go on meanwhile.
 *
 * => label: what happened, for a reader; name: whose space this is.
 * => the space lives at least until lp_tracer_space returns.
 */
void lp_tracer_begin(struct lp_tracer *t, const char *label);
void lp_tracer_space(struct lp_tracer *t, struct lp_space *space,
                     const char *name);
void lp_tracer_commit(struct lp_tracer *t);

/* lp_tracer_end: write the events that wait, and the last line. */
void lp_tracer_end(struct lp_tracer *t);

#endif
