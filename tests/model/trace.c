/*
 * trace.c: what the pager tells while it works (lp_kernel.trace): exactly one
 * event for each call that has one, and it says what was asked and answered.
 */
#include "world.h"

#define X(n) ((unsigned long long)(n))

static bool is_ours(const struct world *w, const struct lp_space *space)
{
    const struct m_space *s;

    for (s = w->spaces; s && s->lib != space; s = s->next)
        ;
    return s || space == w->going;
}

/* A fork that has failed late: the child goes before anybody knew it. */
static bool is_stillborn(const struct world *w, const struct lp_trace *e)
{
    return e->kind == LP_TRACE_DESTROY && w->run == op_fork &&
           !is_ours(w, e->space);
}

void hear(void *ctx, const struct lp_trace *e)
{
    struct world *w = ctx;

    if (is_stillborn(w, e))
        return;
    if (!is_ours(w, e->space) || e->space_id != lp_space_id(e->space) ||
        e->other_id != (e->other ? lp_space_id(e->other) : 0))
        wrong(w, "trace: an event of space %llu, %llu", X(e->space_id),
              X(e->other_id));
    if (e->kind == LP_TRACE_DECISION) {
        if (e->len || e->advice || e->result || e->access & (e->access - 1) ||
            e->decision >= LP_DECISIONS)
            wrong(w, "trace: a decision %u for access %u at %#llx", e->decision,
                  e->access, X(e->va));
        return;
    }
    w->heard = *e;
    w->nheard++;
}

void expect_heard(struct world *w, struct lp_trace wanted)
{
    const struct lp_trace *e = &w->heard;

    if (!LP_TRACE)
        return;
    expect(w, "events told of a call", w->nheard, 1);
    if (e->kind != wanted.kind || e->space != wanted.space ||
        e->va != wanted.va || e->len != wanted.len ||
        e->access != wanted.access || e->advice != wanted.advice ||
        e->result != wanted.result || e->other != wanted.other || e->decision)
        wrong(w,
              "trace: kind %u, va %#llx, len %#llx, access %u, advice %d, "
              "result %lld; should be kind %u, va %#llx, len %#llx, access %u, "
              "advice %d, result %lld",
              e->kind, X(e->va), X(e->len), e->access, e->advice,
              (long long)e->result, wanted.kind, X(wanted.va), X(wanted.len),
              wanted.access, wanted.advice, (long long)wanted.result);
}
