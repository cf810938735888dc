/*
 * ops_life.c: whose turn it is, fork, exit; and the two operations that look
 * at a whole window.
 */
#include "ops.h"

#define X(n) ((unsigned long long)(n))

/* --- whose turn --- */

unsigned pick_member(struct run *r)
{
    unsigned m;

    do
        m = (unsigned)pick(r, MEMBERS_MAX);
    while (!r->space[m]);
    return m;
}

/* The queue goes to the member whose turn it was: see run_op. */
bool make_switch(struct run *r, struct command *c)
{
    c->member = pick_member(r);
    return true;
}

void ours_switch(struct run *r, struct command *c)
{
    (void)r, (void)c;
}

void theirs_switch(const struct command *c, struct answer *a)
{
    (void)c, (void)a;
}

void print_switch(const struct command *c)
{
    printf("switch to %u", c->member);
}

/* --- fork and exit --- */

bool make_fork(struct run *r, struct command *c)
{
    if (r->nmembers == MEMBERS_MAX)
        return false;
    for (c->member = 0; r->space[c->member];)
        c->member++;
    return true;
}

void ours_fork(struct run *r, struct command *c)
{
    struct lp_space *child = NULL;

    c->answer[OURS].result = lp_fork(r->space[r->current], &child);
    if (!child)
        return;
    r->space[c->member] = child;
    r->write_only[c->member] = r->write_only[r->current];
    r->nmembers++;
    r->since_fork = 0;
}

void theirs_fork(const struct command *c, struct answer *a)
{
    a->result = member_fork(c->member);
}

void print_fork(const struct command *c)
{
    printf("fork: %u", c->member);
}

bool make_exit(struct run *r, struct command *c)
{
    (void)c;
    return r->nmembers > 1;
}

void ours_exit(struct run *r, struct command *c)
{
    struct lp_space *space = r->space[r->current];

    (void)c;
    ours_leave(r, space);
    lp_space_destroy(space);
    r->space[r->current] = NULL;
    r->nmembers--;
}

void theirs_exit(const struct command *c, struct answer *a)
{
    (void)c, (void)a;
    member_exit();
}

void print_exit(const struct command *c)
{
    (void)c;
    printf("exit");
}

/* --- looking --- */

bool make_layout(struct run *r, struct command *c)
{
    (void)r, (void)c;
    return true;
}

void ours_layout(struct run *r, struct command *c)
{
    (void)c;
    ours_pages(r, r->page);
}

void theirs_layout(const struct command *c, struct answer *a)
{
    (void)c, (void)a;
    member_pages(theirs_world->shared->theirs);
}

void print_layout(const struct command *c)
{
    (void)c;
    printf("look at the layout");
}

/* All pages, or those that are there: so that others stay untouched. */
bool make_contents(struct run *r, struct command *c)
{
    struct lp_page_info info;
    unsigned i;

    c->value = ~UINT64_C(0);
    if (chance(r, 40))
        return true;
    for (i = 0; i < WINDOW; i++)
        if (lp_query(r->space[r->current], r->base[OURS] + i * (uint64_t)PAGE,
                     &info) ||
            !(info.flags & LP_PAGE_PRESENT))
            c->value &= ~(UINT64_C(1) << i);
    return true;
}

void ours_contents(struct run *r, struct command *c)
{
    static uint8_t buffer[PAGE];
    struct answer *a;
    unsigned i;

    ours_enter(r);
    for (i = 0; i < WINDOW; i++) {
        a = &r->page[i].touch;
        *a = (struct answer){ 0 };
        if (!(c->value >> i & 1))
            continue;
        ours_touched(r, a,
                     lp_host_load(r->m, r->base[OURS] + i * (uint64_t)PAGE,
                                  buffer, PAGE));
        if (!a->fault)
            a->bytes = digest(buffer, PAGE);
    }
}

struct look {
    uintptr_t addr;
    uint64_t sum;
};

static void look_now(void *arg)
{
    struct look *look = arg;

    look->sum = digest((const void *)look->addr, PAGE);
}

void theirs_contents(const struct command *c, struct answer *a)
{
    struct look look = { theirs_world->base[THEIRS], 0 };
    struct page *page = theirs_world->shared->theirs;
    unsigned i;

    (void)a;
    for (i = 0; i < WINDOW; i++, look.addr += PAGE) {
        page[i].touch = (struct answer){ 0 };
        if ((c->value >> i & 1) &&
            theirs_touch(&page[i].touch, look_now, &look))
            page[i].touch.bytes = look.sum;
    }
}

void print_contents(const struct command *c)
{
    printf("look at pages %#llx", X(c->value));
}
