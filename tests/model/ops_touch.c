/*
 * ops_touch.c: the operations that reach memory: programs' loads, stores and
 * fetches through the machine's TLBs, and the system calls' copies.
 */
#include "world.h"

#include <string.h>

#define X(n) ((unsigned long long)(n))

enum { OK = 1u << LP_FAULT_OK };

/* An access: the part of it in one page. */
struct part {
    unsigned place; /* layout.n: none */
    unsigned offset;
    size_t len;
    size_t done; /* bytes of the parts before */
};

static bool next_part(const struct world *w, lp_va va, size_t len,
                      struct part *p)
{
    size_t done = p->done + p->len, left = len - done;
    unsigned offset = (unsigned)((va + done) % PAGE);

    if (left == 0)
        return false;
    p->place = place_of(&w->layout, va + done);
    p->offset = offset;
    p->done = done;
    p->len = left < PAGE - offset ? left : PAGE - offset;
    return true;
}

static unsigned touch_part(const struct world *w, const struct m_space *s,
                           const struct part *p, unsigned access)
{
    if (p->place == w->layout.n)
        return 1u << LP_FAULT_MAPERR;
    return m_touch(&w->layout, &s->cell[p->place], access);
}

void resolve_tried(struct world *w, struct m_space *s, unsigned place,
                   unsigned access)
{
    struct lp_page_info info;
    struct m_cell *c;
    int r;

    if (place >= w->layout.n || !s->cell[place].mapped)
        return;
    c = &s->cell[place];
    r = lp_query(s->lib, w->layout.at[place].start, &info);
    expect(w, "lp_query", r, 0);
    c->touched = info.flags & LP_PAGE_PRESENT ? YES : NO;
    if (!(access & c->access & LP_WRITE))
        return;
    if (!m_private(c))
        m_page_of(c->object, c->index)->may = true;
    else if ((info.flags & LP_PAGE_PRESENT) &&
             !(info.flags & (LP_PAGE_COW | LP_PAGE_KEPT)))
        m_writable_bytes(c);
}

/* The same for a system call, which cannot reach a device. */
static unsigned reach_part(const struct world *w, const struct m_space *s,
                           const struct part *p, unsigned access)
{
    unsigned right = touch_part(w, s, p, access);
    const struct m_object *o;

    if (p->place == w->layout.n || !(right & OK))
        return right;
    o = s->cell[p->place].object;
    if (s->cell[p->place].mapped && o && o->kind == M_DEVICE)
        right = (right & ~(unsigned)OK) | 1u << LP_FAULT_ACCERR;
    return right;
}

/* The same for every page of a range. */
static void resolve_range(struct world *w, struct m_space *s, lp_va va,
                          size_t len)
{
    struct part p = { .len = 0 };

    while (next_part(w, va, len, &p))
        resolve_tried(w, s, p.place, LP_READ);
}

static void load_part(struct m_space *s, const struct part *p, uint8_t *to)
{
    struct m_cell *c = &s->cell[p->place];

    memcpy(to + p->done, m_bytes(c) + p->offset, p->len);
    c->touched = YES;
}

static void store_part(struct m_space *s, const struct part *p,
                       const uint8_t *from)
{
    struct m_cell *c = &s->cell[p->place];

    memcpy(m_writable_bytes(c) + p->offset, from + p->done, p->len);
    c->touched = YES;
}

/* An access ends before a mapped stretch: nobody knows what is in there. */
static size_t clip(const struct world *w, const struct m_space *s, lp_va va,
                   size_t len)
{
    struct part p = { .len = 0 };

    while (next_part(w, va, len, &p))
        if (p.place < w->layout.n && s->cell[p.place].mapped &&
            !place_is_page(&w->layout, p.place))
            return p.done;
    return len;
}

/* Where and how much: mostly small, often across the end of a page. */
static void pick_bytes(struct world *w, const struct m_space *s, lp_va *va,
                       size_t *len)
{
    static const uint8_t small[] = { 1, 2, 4, 8, 8, 16, 64 };
    bool careful =
        w->tiny || w->fail_percent || w->settings->mode == MODE_INJECT;
    unsigned how = (unsigned)pick(w, 10);

    *va = w->layout.at[pick_page(w, s)].start;
    *len = small[pick(w, sizeof small)];
    if (how < 5)
        *va += pick(w, PAGE / *len) * *len;
    else if (how < 7)
        *va += PAGE - 1 - pick(w, *len);
    else if (how < 8)
        *len = 1 + pick(w, 64), *va += pick(w, PAGE);
    else if (!careful)
        *len = 1 + pick(w, how == 9 ? BUFFER : PAGE), *va += pick(w, PAGE);
    if (chance(w, 1))
        *va = chance(w, 50) ? w->layout.user_end - pick(w, 2)
                            : pick(w, UINT64_MAX / 2) << pick(w, 2);
    *len = clip(w, s, *va, *len);
}

static void fill_buffer(struct world *w, size_t len)
{
    uint64_t bytes = pick(w, UINT64_MAX);
    size_t i;

    for (i = 0; i < len; i++) {
        if (i % 8 == 0)
            bytes = bytes * UINT64_C(6364136223846793005) + 1442695040888963407;
        w->buffer[i] = (uint8_t)(bytes >> (i % 8 * 8));
    }
}

static const char *const codes[] = { "OK",         "MAPERR", "ACCERR",
                                     "BUS",        "RETRY",  "NOMEM",
                                     "PROTECTION", "FAULT",  "BROKEN" };

/* Is the machine's answer for this part among the right ones? */
static bool agrees(const struct world *w, lp_va va, unsigned right,
                   enum lp_host_code code)
{
    if (code == LP_HOST_PROTECTION)
        return va >= w->layout.user_end && (right & 1u << LP_FAULT_MAPERR);
    return code <= LP_HOST_NOMEM && (right >> code & 1);
}

/*
 * An access across two pages faults on both before it stores: a page that is
 * copied for it does not have what it stores into the other, even if that is
 * the page it was copied from.
 */
static void settle_parts(struct world *w, struct m_space *s, lp_va va,
                         size_t len)
{
    struct part p = { .len = 0 };

    while (next_part(w, va, len, &p))
        m_writable_bytes(&s->cell[p.place]);
}

/*
 * What a program's access came to.  Of up to 64 bytes nothing is done when it
 * is refused; of more, the pages before.  exact: what was read is what was
 * stored.
 */
static void accessed(struct world *w, struct m_space *s, unsigned access,
                     lp_va va, size_t len, enum lp_host_code code, bool exact)
{
    struct part p = { .len = 0 }, q = { .len = 0 };
    bool refused = false;
    unsigned right = OK;

    while (!refused && next_part(w, va, len, &p)) {
        right = touch_part(w, s, &p, access);
        refused = !(right & OK);
    }
    if (code == LP_HOST_NOMEM && w->fired)
        refused = true;
    else if (!agrees(w, va, refused ? right : OK, code))
        wrong(w,
              "space %u: access %u of %zu bytes at %#llx: %s, should be "
              "one of the set %#x",
              s->number, access, len, X(va), codes[code], refused ? right : OK);
    if (!refused && access == LP_WRITE && len <= 64)
        settle_parts(w, s, va, len);
    while (next_part(w, va, len, &q)) {
        if (refused && (len <= 64 || q.done >= p.done)) {
            resolve_tried(w, s, q.place, access);
        } else if (access == LP_WRITE) {
            store_part(s, &q, w->buffer);
        } else {
            load_part(s, &q, w->other);
            if (exact &&
                memcmp(w->other + q.done, w->buffer + q.done, q.len) != 0)
                wrong(w,
                      "space %u: access %u of %zu bytes at %#llx: wrong "
                      "bytes from the %zuth on",
                      s->number, access, len, X(va), q.done);
        }
        if (refused && q.done >= p.done)
            break;
    }
}

/*
 * Does a program fetch what was stored?  Where instruction caches do not watch
 * stores, only after lp_sync_code, and what becomes executable by this fetch.
 */
static bool fetches_anew(struct world *w, const struct m_space *s, lp_va va,
                         size_t len)
{
    struct part p = { .len = 0 };
    struct lp_page_info info;

    if (!w->icache || w->synced)
        return true;
    while (next_part(w, va, len, &p)) {
        if (p.place == w->layout.n || !s->cell[p.place].mapped)
            continue;
        expect(w, "lp_query",
               lp_query(s->lib, w->layout.at[p.place].start, &info), 0);
        if ((info.flags & LP_PAGE_PRESENT) &&
            ((info.flags & LP_PAGE_UNOWNED) || (info.access & LP_EXEC)))
            return false;
    }
    return true;
}

static enum lp_host_code run_access(struct world *w, bool supervisor,
                                    unsigned access, lp_va va, size_t len)
{
    if (supervisor)
        return lp_host_access(w->m, LP_HOST_SUPERVISOR_USER, access, va,
                              w->buffer, len);
    return access == LP_READ    ? lp_host_load(w->m, va, w->buffer, len)
           : access == LP_WRITE ? lp_host_store(w->m, va, w->buffer, len)
                                : lp_host_fetch(w->m, va, w->buffer, len);
}

static int64_t error_of(enum lp_host_code code)
{
    switch (code) {
    case LP_HOST_OK: return 0;
    case LP_HOST_BUS: return -LP_EIO;
    case LP_HOST_RETRY: return -LP_EAGAIN;
    case LP_HOST_NOMEM: return -LP_ENOMEM;
    default: return -LP_EFAULT;
    }
}

/* A page was refused to its object: only accesses to that page may feel it. */
static void check_concerned(struct world *w, const struct m_space *s, lp_va va,
                            size_t len, enum lp_host_code code)
{
    const struct call *c = &w->call;
    struct part p = { .len = 0 };

    if (!c->object || error_of(code) != (c->from ? -LP_EAGAIN : -LP_EIO))
        return;
    while (next_part(w, va, len, &p))
        if (p.place < w->layout.n && s->cell[p.place].object == c->object &&
            s->cell[p.place].index == c->index)
            return;
    wrong(w,
          "space %u: %s at %#llx, because page %llu of object %u was "
          "refused, which is not there",
          s->number, codes[code], X(va), X(c->index), c->object->number);
}

static void access_at(struct world *w, struct m_space *s, unsigned access,
                      lp_va va, size_t len)
{
    enum lp_host_code code;
    bool supervisor, exact;

    enter(w, s);
    exact = access != LP_EXEC || fetches_anew(w, s, va, len);
    /* The kernel on the program's behalf; it never runs a program's code. */
    supervisor = access != LP_EXEC && chance(w, 10);
    if (access == LP_WRITE)
        fill_buffer(w, len);
    do {
        call_begins(w, CALL_BRINGS);
        code = run_access(w, supervisor, access, va, len);
        check_concerned(w, s, va, len, code);
    } while (call_again(w, error_of(code)));
    say(w, "CPU %u: access %u(space %u, %#llx, %zu) = %s", lp_host_cpu(w->m),
        access, s->number, X(va), len, codes[code]);
    accessed(w, s, access, va, len, code, exact);
}

static void access_memory(struct world *w, unsigned access)
{
    struct m_space *s = pick_space(w);
    size_t len;
    lp_va va;

    pick_bytes(w, s, &va, &len);
    if (len)
        access_at(w, s, access, va, len);
}

void op_touch_all(struct world *w)
{
    unsigned access = 1u << pick(w, 3), first, last, i;
    struct m_space *s = pick_space(w);

    pick_places(w, &first, &last);
    for (i = first; i < last; i++)
        if (place_is_page(&w->layout, i) && !chance(w, 5))
            access_at(w, s, access, w->layout.at[i].start + 8 * pick(w, 500),
                      8);
}

void store_word(struct world *w, struct m_space *s, unsigned place)
{
    access_at(w, s, LP_WRITE, w->layout.at[place].start + 8 * pick(w, PAGE / 8),
              8);
}

void fetch_page(struct world *w, struct m_space *s, unsigned place)
{
    access_at(w, s, LP_EXEC, w->layout.at[place].start, PAGE);
}

void op_burst(struct world *w)
{
    bool many = w->settings->mode == MODE_TLB;
    unsigned n = 1 + (unsigned)pick(w, many ? 400 : 16);
    struct m_space *s = pick_space(w);
    unsigned first, last, i;

    pick_places(w, &first, &last);
    for (; n > 0; n--) {
        i = first + (unsigned)pick(w, last - first);
        if (n % 16 == 0 && chance(w, 30)) {
            s = pick_space(w);
            i = pick_page(w, s);
        }
        if (place_is_page(&w->layout, i))
            access_at(w, s, chance(w, 35) ? LP_WRITE : LP_READ,
                      w->layout.at[i].start + 8 * pick(w, PAGE / 8), 8);
    }
}

void op_load(struct world *w)
{
    /* Where it matters what was fetched before, fetch more. */
    access_memory(w, w->icache && chance(w, 40) ? LP_EXEC : LP_READ);
}

void op_store(struct world *w)
{
    access_memory(w, LP_WRITE);
}

void op_fetch(struct world *w)
{
    access_memory(w, LP_EXEC);
}

void op_sync_code(struct world *w)
{
    struct m_space *s = pick_space(w);
    size_t len;
    lp_va va;

    lp_sync_code(s->lib);
    say(w, "sync_code(space %u)", s->number);
    pick_bytes(w, s, &va, &len);
    w->synced = true;
    if (len)
        access_at(w, s, LP_EXEC, va, len);
    w->synced = false;
}

/* --- system calls --- */

/* Is this error right where these codes are? */
static bool error_agrees(unsigned right, int error)
{
    switch (error) {
    case 0: return right & OK;
    case -LP_EFAULT:
        return right & (1u << LP_FAULT_MAPERR | 1u << LP_FAULT_ACCERR);
    case -LP_EIO: return right & 1u << LP_FAULT_BUS;
    case -LP_EAGAIN: return right & 1u << LP_FAULT_RETRY;
    default: return false;
    }
}

enum copy { COPY_IN, COPY_OUT, COPY_ZERO };

/* One part that was copied. */
static void copied_part(struct world *w, struct m_space *s, enum copy what,
                        const struct part *p, lp_va va)
{
    if (what != COPY_IN) {
        store_part(s, p, w->buffer);
        return;
    }
    load_part(s, p, w->other);
    if (memcmp(w->other + p->done, w->buffer + p->done, p->len) != 0)
        wrong(w, "space %u: lp_copy_in at %#llx: wrong bytes from the %zuth on",
              s->number, X(va), p->done);
}

static void copied(struct world *w, struct m_space *s, enum copy what, lp_va va,
                   size_t len, uint64_t done, int error)
{
    unsigned access = what == COPY_IN ? LP_READ : LP_WRITE, right;
    struct part p = { .len = 0 };

    if (done > len || (done == len) != (error == 0))
        wrong(w, "%llu of %zu bytes copied, error %d", X(done), len, error);
    while (next_part(w, va, len, &p)) {
        right = reach_part(w, s, &p, access);
        if (p.done < done) {
            if (!(right & OK) || p.done + p.len > done)
                wrong(w,
                      "copy %d(space %u, %#llx, %zu) = %llu, %d: stops at "
                      "the wrong byte",
                      (int)what, s->number, X(va), len, X(done), error);
            copied_part(w, s, what, &p, va);
            continue;
        }
        if (!forgiven(w, error) && !error_agrees(right, error))
            wrong(w,
                  "copy %d(space %u, %#llx, %zu) = %llu, %d: should be one "
                  "of the set %#x",
                  (int)what, s->number, X(va), len, X(done), error, right);
        resolve_tried(w, s, p.place, access);
        return;
    }
}

static uint64_t run_copy(struct world *w, struct m_space *s, enum copy what,
                         lp_va va, size_t len, int *error)
{
    switch (what) {
    case COPY_IN: return lp_copy_in(s->lib, w->buffer, va, len, error);
    case COPY_OUT: return lp_copy_out(s->lib, va, w->buffer, len, error);
    default:
        memset(w->buffer, 0, len);
        return lp_zero_user(s->lib, va, len, error);
    }
}

static void copy(struct world *w, enum copy what)
{
    struct m_space *s = pick_space(w);
    int error = 1;
    uint64_t done = 0;
    size_t len;
    lp_va va;

    pick_bytes(w, s, &va, &len);
    if (chance(w, 30))
        len = clip(w, s, va, pick(w, BUFFER + 1));
    if (what == COPY_OUT)
        fill_buffer(w, len);
    do {
        call_begins(w, CALL_BRINGS);
        done = run_copy(w, s, what, va, len, &error);
    } while (call_again(w, done ? 0 : error));
    say(w, "copy %d(space %u, %#llx, %zu) = %llu, %d", (int)what, s->number,
        X(va), len, X(done), error);
    copied(w, s, what, va, len, done, error);
}

void op_copy_in(struct world *w)
{
    copy(w, COPY_IN);
}

void op_copy_out(struct world *w)
{
    copy(w, COPY_OUT);
}

void op_zero(struct world *w)
{
    copy(w, COPY_ZERO);
}

/* What a string call must answer; the string goes to other[]. */
static void string_read(struct world *w, struct m_space *s, lp_va va,
                        size_t max, int64_t r)
{
    struct part p = { .len = 0 };
    unsigned right;
    uint8_t *end;

    while (next_part(w, va, max, &p)) {
        right = reach_part(w, s, &p, LP_READ);
        if (forgiven(w, r) || !(right & OK) ||
            (r < 0 && error_agrees(right, (int)r))) {
            if (!forgiven(w, r) && !error_agrees(right, (int)r))
                wrong(w,
                      "string at %#llx, %zu = %lld, should be one of the "
                      "set %#x",
                      X(va), max, (long long)r, right);
            return;
        }
        load_part(s, &p, w->other);
        end = memchr(w->other + p.done, 0, p.len);
        if (end) {
            expect(w, "string's length", r, end - w->other);
            return;
        }
    }
    expect(w, "string's length", r, (int64_t)max);
}

void op_string(struct world *w)
{
    struct m_space *s = pick_space(w);
    bool copies = chance(w, 50);
    size_t max;
    lp_va va;
    int64_t r;

    pick_bytes(w, s, &va, &max);
    max = clip(w, s, va, chance(w, 2) ? 0 : 1 + pick(w, BUFFER));
    do {
        call_begins(w, CALL_BRINGS);
        r = copies ? lp_strncpy_in(s->lib, (char *)w->buffer, va, max)
                   : lp_strnlen_user(s->lib, va, max);
    } while (call_again(w, r));
    say(w, "string(space %u, %#llx, %zu) = %lld", s->number, X(va), max,
        (long long)r);
    string_read(w, s, va, max, r);
    if (forgiven(w, r))
        resolve_range(w, s, va, max);
    if (copies && r > 0 && memcmp(w->buffer, w->other, (size_t)r) != 0)
        wrong(w, "lp_strncpy_in(%#llx): wrong bytes", X(va));
    if (copies && r >= 0 && (size_t)r < max && w->buffer[r] != 0)
        wrong(w, "lp_strncpy_in(%#llx): no zero at the end", X(va));
}
