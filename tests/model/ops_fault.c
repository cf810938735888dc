/*
 * ops_fault.c: faults that no CPU has met: those of another space, of the
 * kernel's mode, at any address, with any cause.  What programs do goes through
 * the machine (ops_touch.c), which only ever reports what is so.
 */
#include "world.h"

#define X(n) ((unsigned long long)(n))

static void pick_fault(struct world *w, const struct m_space *s,
                       struct lp_fault *fault)
{
    static const unsigned causes[] = { LP_FAULT_RESERVED, LP_FAULT_KEY,
                                       LP_FAULT_SUPERVISOR };
    const struct layout *l = &w->layout;

    fault->access = 1u << pick(w, 3);
    fault->va = l->at[pick_page(w, s)].start + pick(w, PAGE);
    fault->flags = chance(w, 70) ? LP_FAULT_USER : 0;
    if (chance(w, 8))
        fault->flags |= causes[pick(w, 3)];
    if (chance(w, 4))
        fault->va = chance(w, 50) ? l->user_end + pick(w, PAGE)
                                  : UINT64_MAX - pick(w, PAGE);
}

/* The set of answers that are right. */
static unsigned foresee(const struct world *w, const struct m_space *s,
                        unsigned place, const struct lp_fault *fault)
{
    const unsigned causes =
        LP_FAULT_RESERVED | LP_FAULT_KEY | LP_FAULT_SUPERVISOR;

    if (place == w->layout.n || !s->cell[place].mapped)
        return 1u << LP_FAULT_MAPERR;
    /* No table mends it; and the kernel runs no code of a program's. */
    if ((fault->flags & causes) ||
        (fault->access == LP_EXEC && !(fault->flags & LP_FAULT_USER)))
        return 1u << LP_FAULT_ACCERR;
    return m_touch(&w->layout, &s->cell[place], fault->access);
}

static int error_of(enum lp_fault_code code)
{
    switch (code) {
    case LP_FAULT_OK: return 0;
    case LP_FAULT_BUS: return -LP_EIO;
    case LP_FAULT_RETRY: return -LP_EAGAIN;
    case LP_FAULT_NOMEM: return -LP_ENOMEM;
    default: return -LP_EFAULT;
    }
}

/* It says that it has resolved it: then a program may do what it wanted. */
static void check_resolved(struct world *w, const struct m_space *s,
                           const struct lp_fault *fault,
                           const struct lp_fault_result *result)
{
    struct lp_page_info info;

    expect(w, "lp_query", lp_query(s->lib, fault->va, &info), 0);
    if (!(info.access & fault->access))
        wrong(w,
              "space %u, %#llx: a fault for %u is resolved, but %u is all "
              "that is granted",
              s->number, X(fault->va), fault->access, info.access);
    if (result->decision <= LP_DENY || result->decision == LP_FILL ||
        result->decision >= LP_DECISIONS)
        wrong(w, "a fault is resolved by %s",
              lp_decision_name(result->decision));
}

static void check_result(struct world *w, const struct m_space *s,
                         unsigned place, const struct lp_fault *fault,
                         const struct lp_fault_result *result, int r)
{
    const struct m_object *o =
        place < w->layout.n ? s->cell[place].object : NULL;

    expect(w, "lp_handle_fault", r, error_of(result->code));
    if (result->va != fault->va)
        wrong(w, "lp_handle_fault: va %#llx, was %#llx", X(result->va),
              X(fault->va));
    if (result->major && !(o && (o->kind == M_FILE || o->kind == M_SOURCE)))
        wrong(w, "space %u, %#llx: a major fault, but nothing was read",
              s->number, X(fault->va));
    if (r == 0)
        check_resolved(w, s, fault, result);
}

/* As in ops_touch.c: a stretch has too many pages to know what is in them. */
static bool unknown(const struct world *w, const struct m_space *s,
                    unsigned place)
{
    return place < w->layout.n && s->cell[place].mapped &&
           !place_is_page(&w->layout, place);
}

/*
 * The kernel's own fault, on what is granted already, again and again: no flush
 * mends it, so it is refused before the kernel runs it for ever.
 */
static void check_refused_in_the_end(struct world *w, struct m_space *s,
                                     const struct lp_fault *fault)
{
    int r = 0;
    unsigned n;

    call_begins(w, CALL_BRINGS);
    for (n = 0; n < 3 && r == 0; n++)
        r = lp_handle_fault(s->lib, fault, NULL);
    (void)call_again(w, 0);
    w->call.again = false;
    if (!forgiven(w, r))
        expect(w, "lp_handle_fault, again and again", r, -LP_EFAULT);
}

/* The kernel's fault on what is granted may have been the last one, too. */
static bool may_be_refused(const struct m_space *s,
                           const struct lp_fault *fault)
{
    struct lp_page_info info;

    return !(fault->flags & LP_FAULT_USER) &&
           lp_query(s->lib, fault->va, &info) == 0 &&
           (info.access & fault->access);
}

void op_fault(struct world *w)
{
    struct m_space *s = pick_space(w);
    struct lp_fault_result result;
    struct lp_fault fault;
    unsigned place, right;
    bool asked = chance(w, 90); /* result may be NULL */
    int r;

    pick_fault(w, s, &fault);
    place = place_of(&w->layout, fault.va);
    if (unknown(w, s, place))
        return;
    right = foresee(w, s, place, &fault);
    if (may_be_refused(s, &fault))
        right |= 1u << LP_FAULT_ACCERR;
    do {
        call_begins(w, CALL_BRINGS);
        r = lp_handle_fault(s->lib, &fault, asked ? &result : NULL);
    } while (call_again(w, r));
    say(w, "fault(space %u, %#llx, %u, flags %u) = %d", s->number, X(fault.va),
        fault.access, fault.flags, r);
    if (asked)
        check_result(w, s, place, &fault, &result, r);
    if (!forgiven(w, r) && asked && !(right >> result.code & 1))
        wrong(w,
              "space %u: fault at %#llx for %u: %s, should be one of the "
              "set %#x",
              s->number, X(fault.va), fault.access,
              lp_fault_code_name(result.code), right);
    if (!forgiven(w, r) && (r == 0) && !(right & 1u << LP_FAULT_OK))
        wrong(w,
              "space %u: fault at %#llx for %u = %d, should be one of the "
              "set %#x",
              s->number, X(fault.va), fault.access, r, right);
    resolve_tried(w, s, place, fault.access);
    if (r == 0 && !(fault.flags & LP_FAULT_USER) && chance(w, 20))
        check_refused_in_the_end(w, s, &fault);
}
