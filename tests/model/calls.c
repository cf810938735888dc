/*
 * calls.c: what is refused in a call, and what must be true after it failed.
 */
#include "calls.h"

#include "tally.h"
#include "world.h"

#define X(n) ((unsigned long long)(n))

/* --- the random model: now and then an allocation fails --- */

static bool low_on_frames(const struct world *w)
{
    return w->tiny &&
           (w->short_of_memory || lp_host_frames_used(w->m) + 16 > w->nframes);
}

static void refuse_at_random(struct world *w)
{
    w->retry = chance(w, 25);
    if (!chance(w, w->fail_percent))
        return;
    w->fail_at = 1 + (unsigned)pick(w, chance(w, 50) ? 3 : 12);
    if (chance(w, 40))
        lp_host_fail_from(w->m, w->fail_at);
    else
        lp_host_fail_once(w->m, w->fail_at);
}

/* --- the same call again and again, each time refused a little later --- */

static void plan(struct world *w, enum call_kind kind)
{
    struct call *c = &w->call;

    *c = (struct call){ .again = true, .kind = kind, .n = 1 };
    c->io = w->objects && chance(w, kind == CALL_SYNCS ? 90 : 30);
    c->from = chance(w, 50);
    if (chance(w, 15)) /* a call that absorbs the first refusals */
        c->n += pick(w, 6);
    c->before = digest(w, kind);
    c->nodes = nodes_in_use(w);
    c->frames = lp_host_frames_used(w->m);
}

static void refuse_next(struct world *w, enum call_kind kind)
{
    struct call *c = &w->call;

    if (!c->again)
        plan(w, kind);
    c->asked = 0;
    c->object = NULL;
    w->fail_at = (unsigned)c->n;
    if (c->io)
        return;
    if (c->from)
        lp_host_fail_from(w->m, c->n);
    else
        lp_host_fail_once(w->m, c->n);
}

int page_refused(struct world *w, const struct m_object *o, uint64_t index)
{
    struct call *c = &w->call;

    if (!c->again || !c->io || ++c->asked != c->n)
        return 0;
    c->object = o;
    c->index = index;
    w->fired = true;
    return c->from ? -LP_EAGAIN : -LP_EIO;
}

static int refusal(const struct world *w)
{
    if (!w->call.io)
        return -LP_ENOMEM;
    return w->call.from ? -LP_EAGAIN : -LP_EIO;
}

/* A call has failed because something was refused: nothing must have come of
 * it. */
static void check_unchanged(struct world *w)
{
    const struct call *c = &w->call;
    const char *how = c->io ? "page of an object" : "allocation";
    struct digest now = digest(w, c->kind);

    if (now.all != c->before.all)
        wrong(w, "refused %s %llu%s: the failed call has changed something",
              how, X(c->n), c->from ? " on" : "");
    if (now.dirty != c->before.dirty && !c->wrote)
        wrong(w, "refused %s %llu%s: the failed call has changed D bits", how,
              X(c->n), c->from ? " on" : "");
    if (c->kind != CALL_BRINGS && !c->io && nodes_in_use(w) != c->nodes)
        wrong(w, "refused %s %llu%s: %lld nodes are left over", how, X(c->n),
              c->from ? " on" : "", (long long)(nodes_in_use(w) - c->nodes));
    if (c->from && c->n == 1 && !c->io && lp_host_frames_used(w->m) > c->frames)
        wrong(w, "no frame was to be had, but more are in use");
    check_machine(w);
}

/* The other kind of refusal at this place, then the next place. */
static void plan_next(struct call *c)
{
    c->n += c->from;
    c->from = !c->from;
}

static bool refused_again(struct world *w, int64_t result)
{
    struct tally *t = w->settings->tally;
    struct call *c = &w->call;

    if (w->fired && result == refusal(w)) {
        c->io ? t->refused_io++ : t->refused_frames++;
        say(w, "... refused %s %llu%s", c->io ? "page" : "frame", X(c->n),
            c->from ? " on" : "");
        check_unchanged(w);
        plan_next(c);
        return true;
    }
    t->absorbed += w->fired && result >= 0;
    c->again = false;
    return false;
}

/* --- all campaigns --- */

void call_begins(struct world *w, enum call_kind kind)
{
    w->short_of_memory = w->fired = w->retry = false;
    w->nheard = 0;
    w->allocations = lp_host_allocations(w->m);
    w->fail_at = 0;
    if (w->settings->mode == MODE_INJECT)
        refuse_next(w, kind);
    else
        refuse_at_random(w);
}

bool call_again(struct world *w, int64_t result)
{
    lp_host_fail_once(w->m, 0);
    if (w->fail_at && !w->call.io &&
        lp_host_allocations(w->m) - w->allocations >= w->fail_at)
        w->fired = true;
    w->fired |= low_on_frames(w);
    w->fail_at = 0;
    return w->call.again && refused_again(w, result);
}

bool forgiven(const struct world *w, int64_t result)
{
    return w->fired && result == refusal(w);
}
