/*
 * ops.c: the table of operations, and what they pick their arguments with.
 */
#include "ops.h"

#define ELEMENT(name, weight, kind)                            \
    {                                                          \
        #name,         weight,       make_##name, ours_##name, \
        theirs_##name, print_##name, kind                      \
    },

const struct operation operations[] = { OPERATIONS(ELEMENT) };

#undef ELEMENT

const unsigned noperations = sizeof operations / sizeof operations[0];

/* --- random numbers --- */

/* splitmix64, by Sebastiano Vigna. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t pick(struct run *r, uint64_t n)
{
    return next_random(&r->random) % n;
}

bool chance(struct run *r, unsigned percent)
{
    return pick(r, 100) < percent;
}

void seed_op(struct run *r, uint64_t op)
{
    uint64_t state = r->settings->seed;

    next_random(&state);
    state ^= op * UINT64_C(0xd1342543de82ef95);
    next_random(&state);
    r->random = state;
    r->op = op;
}

/* --- places --- */

bool area_at(struct run *r, uint64_t at, struct lp_area *area)
{
    uint64_t va = r->base[OURS] + at;

    return lp_next_area(r->space[r->current], va, area) && area->start <= va;
}

unsigned pick_page(struct run *r)
{
    uint64_t at = pick(r, WINDOW), end;
    struct lp_area area;

    if (chance(r, 30) ||
        !lp_next_area(r->space[r->current], r->base[OURS] + at * PAGE, &area))
        return (unsigned)at;
    if (area.start > r->base[OURS] + at * PAGE)
        at = (area.start - r->base[OURS]) / PAGE;
    end = (area.end - r->base[OURS]) / PAGE;
    return (unsigned)(at + (chance(r, 50) ? 0 : pick(r, end - at)));
}

void place(struct run *r, struct command *c, uint64_t at, uint64_t len)
{
    c->addr[OURS] = r->base[OURS] + at;
    c->addr[THEIRS] = r->base[THEIRS] + at;
    c->len = len;
}

static void pick_nonsense(struct run *r, struct command *c, enum reach reach)
{
    uint64_t n;

    switch (pick(r, reach == CROSSES ? 6 : 5)) {
    case 0: c->len = 0; break;
    case 1:
        n = 1 + pick(r, PAGE - 1);
        place(r, c, c->addr[OURS] - r->base[OURS] + n, c->len);
        break;
    case 2: c->len = UINT64_MAX - pick(r, 2 * PAGE); break;
    case 3: c->len = 0 - (1 + pick(r, 3)) * PAGE; break;
    case 4:
        n = pick(r, 3) * PAGE;
        c->addr[OURS] = r->end[OURS] + PAGE + n;
        c->addr[THEIRS] = r->end[THEIRS] + n;
        break;
    default:
        /* As far as no program's range goes: too long on either side. */
        c->len = r->end[THEIRS] + pick(r, 2) * PAGE;
        break;
    }
}

void pick_range(struct run *r, struct command *c, unsigned behind,
                enum reach reach)
{
    uint64_t first = pick_page(r), most = WINDOW + behind - first;
    uint64_t n = 1 + pick(r, chance(r, 85) ? 6 : WINDOW);
    struct lp_area area;

    n = n < most ? n : most;
    /* Half of the time no further than to the end of an area. */
    if (chance(r, 50) && area_at(r, first * PAGE, &area) &&
        (area.end - r->base[OURS]) / PAGE - first < n)
        n = (area.end - r->base[OURS]) / PAGE - first;
    place(r, c, first * PAGE, n * PAGE - (chance(r, 15) ? pick(r, PAGE) : 0));
    if (chance(r, 3))
        pick_nonsense(r, c, reach);
}

/* The pages of the window among [at, at + len), as a set. */
static uint64_t pages_of(uint64_t at, uint64_t len)
{
    uint64_t first = at / PAGE, n;

    if (first >= WINDOW || !len)
        return 0;
    n = len / PAGE >= WINDOW ? WINDOW : (at % PAGE + len + PAGE - 1) / PAGE;
    n = n < WINDOW - first ? n : WINDOW - first;
    return (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

static unsigned survey_area(const struct lp_area *area)
{
    return SEES_AREA | (area->access == LP_EXEC ? SEES_EXEC_ONLY : 0) |
           (area->object ? SEES_OBJECT : 0) | (area->access ? SEES_ACCESS : 0);
}

unsigned survey(struct run *r, const struct command *c)
{
    uint64_t at = c->addr[OURS] - r->base[OURS], va = c->addr[OURS];
    uint64_t pages = pages_of(at, c->len), end;
    unsigned seen = 0;
    struct lp_area area;

    if (!pages)
        return 0;
    if (pages & r->write_only[c->member])
        seen |= SEES_WRITE_ONLY;
    end = c->len < WINDOW * PAGE ? va + c->len : va + WINDOW * PAGE;
    for (; lp_next_area(r->space[c->member], va, &area); va = area.end) {
        if (area.start >= end)
            break;
        seen |= survey_area(&area);
    }
    return seen;
}

void note_access(struct run *r, const struct command *c, uint64_t at)
{
    uint64_t pages = pages_of(at, c->len);

    if ((c->access & (LP_READ | LP_WRITE)) == LP_WRITE)
        r->write_only[r->current] |= pages;
    else
        r->write_only[r->current] &= ~pages;
}

unsigned pick_access(struct run *r)
{
    static const uint8_t often[] = { 3, 3, 3, 3, 3, 3, 1, 1, 1, 7, 7, 5, 0 };

    return chance(r, 95) ? often[pick(r, sizeof often)] : (unsigned)pick(r, 8);
}

/* --- data --- */

enum { RETURN = 0xc3 };

__attribute__((no_sanitize("address", "undefined"))) uint64_t digest(
    const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t sum = len, word;

    for (; len >= 8; len -= 8, at += 8) {
        __builtin_memcpy(&word, at, 8);
        sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
        sum ^= sum >> 29;
    }
    for (; len; len--, at++)
        sum = (sum ^ *at) * UINT64_C(0x100000001b3);
    return sum;
}

void fill(uint8_t *to, uint64_t at, size_t len, uint64_t seed)
{
    uint64_t word = 0;
    size_t i;

    for (i = 0; i < len; i++, word >>= 8) {
        if (i % 8 == 0)
            word = next_random(&seed);
        to[i] = (at + i) % PAGE >= CODE ? RETURN : (uint8_t)word;
    }
}

/*
 * A page's last eight bytes are called.  They begin with 0xc3, which returns,
 * or with two zeroes, which is a store that faults at a known address: as long
 * as no byte 4088 is zero before one that is 0xc3.
 */
void tame(uint64_t *at, uint64_t *len)
{
    if (*at % PAGE == CODE + 1)
        --*at;
    if (*len < 8 && *at % PAGE + *len > CODE)
        *len = 8;
}
