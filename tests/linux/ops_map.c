/*
 * ops_map.c: mmap, munmap, mprotect, madvise, msync.
 */
#include "ops.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define X(n) ((unsigned long long)(n))

/* Offset from the window's start. */
static unsigned long long at_of(const struct command *c)
{
    return X(c->addr[THEIRS] - theirs_world->base[THEIRS]);
}

static int64_t or_errno(long result)
{
    return result < 0 ? -errno : result;
}

/* --- mmap --- */

static void pick_where(struct run *r, struct command *c)
{
    uint64_t n = pick(r, 100);

    if (n < 58) {
        c->flags |= LP_MAP_FIXED;
    } else if (n < 72) {
        c->flags |= LP_MAP_FIXED_NOREPLACE;
        if (chance(r, 10))
            c->flags |= LP_MAP_FIXED;
    } else if (n < 88) { /* a hint, rounded down */
        if (chance(r, 30) && c->addr[OURS] % PAGE == 0 &&
            c->addr[OURS] < r->base[OURS] + WINDOW * PAGE)
            place(r, c, c->addr[OURS] - r->base[OURS] + pick(r, 100), c->len);
    } else {
        c->addr[OURS] = c->addr[THEIRS] = 0;
    }
}

static void pick_what(struct run *r, struct command *c)
{
    static const uint8_t often[] = { 0, 0, 0, 1, 1, 2, 3, 4, 4, 5, 6 };
    uint64_t n = pick(r, 100);

    c->file = -1;
    c->flags = n < 65   ? LP_MAP_PRIVATE
               : n < 96 ? LP_MAP_SHARED
               : n < 99 ? LP_MAP_SHARED | LP_MAP_PRIVATE
                        : 0;
    if (chance(r, 55))
        c->flags |= LP_MAP_ANONYMOUS;
    else if (chance(r, 99))
        c->file = often[pick(r, sizeof often)];
    c->offset = pick(r, chance(r, 80) ? 5 : FILE_PAGES) * PAGE;
    if (chance(r, 2))
        c->offset += 1 + pick(r, PAGE - 1);
    else if (chance(r, 1))
        c->offset = 0 - (1 + pick(r, 8)) * PAGE;
    else if (chance(r, 1))
        c->offset = (UINT64_C(1) << 63) - (1 + pick(r, 8)) * PAGE;
}

bool make_mmap(struct run *r, struct command *c)
{
    static const unsigned extra[] = {
        LP_MAP_POPULATE,  LP_MAP_POPULATE,   LP_MAP_NORESERVE,
        LP_MAP_DENYWRITE, LP_MAP_EXECUTABLE, LP_MAP_STACK,
    };

    pick_range(r, c, 0, CROSSES);
    pick_what(r, c);
    pick_where(r, c);
    c->access = pick_access(r);
    while (chance(r, 15))
        c->flags |= extra[pick(r, sizeof extra / sizeof *extra)];
    /* Linux does not know NOREPLACE together with SHARED_VALIDATE. */
    if ((c->flags & LP_MAP_SHARED) && (c->flags & LP_MAP_PRIVATE) &&
        c->file >= 0)
        c->flags &= ~(unsigned)LP_MAP_FIXED_NOREPLACE;
    return true;
}

/* Did the library take an address that nobody had named? */
static enum how who_chose(const struct command *c, int64_t result)
{
    uint64_t wanted = c->addr[OURS] & ~(uint64_t)(PAGE - 1);

    if (c->flags & (LP_MAP_FIXED | LP_MAP_FIXED_NOREPLACE))
        return AS_ASKED;
    if (result == -LP_ENOMEM && c->len <= WINDOW * PAGE)
        return NOT_ASKED;
    return result < 0 || (uint64_t)result == wanted ? AS_ASKED : CHOSEN;
}

void ours_mmap(struct run *r, struct command *c)
{
    const struct opened *o = c->file < 0 ? NULL : &r->opened[c->file];
    struct answer *a = &c->answer[OURS];
    unsigned flags = c->flags;

    /* What the file could do and this descriptor cannot. */
    if (o && (flags & LP_MAP_SHARED) && r->file[o->file].writes && !o->writes)
        flags |= LP_MAP_NEVER_WRITE;
    a->result = lp_mmap(r->space[r->current], c->addr[OURS], c->len, c->access,
                        flags, o ? r->file[o->file].object : NULL, c->offset);
    c->how = who_chose(c, a->result);
    if (a->result >= 0)
        a->result -= (int64_t)r->base[OURS];
    if (a->result >= 0)
        note_access(r, c, (uint64_t)a->result);
    c->chosen = (uint64_t)a->result;
}

static long map(const struct command *c, uint64_t addr, unsigned flags)
{
    return syscall(SYS_mmap, addr, c->len, c->access, flags,
                   c->file < 0 ? -1 : theirs_world->opened[c->file].fd,
                   c->offset);
}

/* The library did not take the hint: nor must Linux. */
static bool hint_is_taken(const struct command *c)
{
    uint64_t hint = c->addr[THEIRS] & ~(uint64_t)(PAGE - 1);
    long got;

    if (!hint)
        return true;
    got = map(c, hint, c->flags & ~(unsigned)LP_MAP_POPULATE);
    if (got < 0)
        return true; /* the next one will say why */
    syscall(SYS_munmap, got, c->len);
    return (uint64_t)got != hint;
}

void theirs_mmap(const struct command *c, struct answer *a)
{
    long got;

    *a = c->answer[OURS];
    if (c->how == NOT_ASKED)
        return;
    if (c->how == CHOSEN && !hint_is_taken(c)) {
        a->result = (int64_t)(c->addr[THEIRS] - theirs_world->base[THEIRS]);
        return;
    }
    if (c->how == CHOSEN)
        got = map(c, theirs_world->base[THEIRS] + c->chosen,
                  c->flags |
                      (c->flags & LP_MAP_PRIVATE && c->flags & LP_MAP_SHARED
                           ? LP_MAP_FIXED
                           : LP_MAP_FIXED_NOREPLACE));
    else
        got = map(c, c->addr[THEIRS], c->flags);
    a->result = got < 0 ? -errno : got - (int64_t)theirs_world->base[THEIRS];
}

void print_mmap(const struct command *c)
{
    if (c->addr[OURS])
        printf("mmap(%#llx, ", at_of(c));
    else
        printf("mmap(anywhere, ");
    printf("%#llx, access %u, flags %#x, file %d, offset %#llx)", X(c->len),
           c->access, c->flags, c->file, X(c->offset));
}

/* --- munmap --- */

bool make_munmap(struct run *r, struct command *c)
{
    pick_range(r, c, BEHIND, CROSSES);
    return true;
}

void ours_munmap(struct run *r, struct command *c)
{
    c->answer[OURS].result =
        lp_munmap(r->space[r->current], c->addr[OURS], c->len);
}

void theirs_munmap(const struct command *c, struct answer *a)
{
    a->result = or_errno(syscall(SYS_munmap, c->addr[THEIRS], c->len));
}

void print_munmap(const struct command *c)
{
    printf("munmap(%#llx, %#llx)", at_of(c), X(c->len));
}

/* --- mprotect --- */

bool make_mprotect(struct run *r, struct command *c)
{
    pick_range(r, c, BEHIND, STAYS);
    c->access = pick_access(r);
    if (chance(r, 1))
        c->access |= 64u << pick(r, 17); /* no machine knows these */
    return true;
}

void ours_mprotect(struct run *r, struct command *c)
{
    c->answer[OURS].result =
        lp_mprotect(r->space[r->current], c->addr[OURS], c->len, c->access);
    /* An error may have a prefix: then this notes too many. */
    if (c->answer[OURS].result == 0 || (c->access & 3) == LP_WRITE)
        note_access(r, c, c->addr[OURS] - r->base[OURS]);
}

void theirs_mprotect(const struct command *c, struct answer *a)
{
    a->result =
        or_errno(syscall(SYS_mprotect, c->addr[THEIRS], c->len, c->access));
}

void print_mprotect(const struct command *c)
{
    printf("mprotect(%#llx, %#llx, access %#x)", at_of(c), X(c->len),
           c->access);
}

/* --- madvise --- */

/* Those that do something more often; sometimes one that does not exist. */
static int pick_advice(struct run *r)
{
    static const int8_t often[] = {
        LP_MADV_DONTNEED,       LP_MADV_DONTNEED,       LP_MADV_DONTNEED,
        LP_MADV_FREE,           LP_MADV_REMOVE,         LP_MADV_POPULATE_READ,
        LP_MADV_POPULATE_WRITE, LP_MADV_POPULATE_WRITE, LP_MADV_WILLNEED,
    };
    static const int8_t hints[] = {
        LP_MADV_NORMAL,      LP_MADV_RANDOM,   LP_MADV_SEQUENTIAL,
        LP_MADV_MERGEABLE,   LP_MADV_HUGEPAGE, LP_MADV_NOHUGEPAGE,
        LP_MADV_UNMERGEABLE, LP_MADV_COLD,     LP_MADV_PAGEOUT,
    };
    static const int8_t none[] = { 5, 6, 7, 26, 27, 99, -1 };

    if (chance(r, 2))
        return none[pick(r, sizeof none)];
    return chance(r, 20) ? hints[pick(r, sizeof hints)]
                         : often[pick(r, sizeof often)];
}

/* How far FREE goes: up to the first area that has an object. */
static uint64_t freed(struct run *r, const struct command *c)
{
    uint64_t va = c->addr[OURS], end;
    struct lp_area area;

    if (va % PAGE || c->len > (WINDOW + BEHIND) * PAGE)
        return 0;
    end = (va + c->len + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    for (; lp_next_area(r->space[r->current], va, &area); va = area.end) {
        if (area.start >= end)
            break;
        if (area.object)
            return area.start > c->addr[OURS] ? area.start - c->addr[OURS] : 0;
    }
    return end - c->addr[OURS];
}

/*
 * Does REMOVE reach what only Linux removes?  A file that has its pages on a
 * disk; since Linux 6.7, a shared mapping that might be made writable.
 */
static bool removes_more(struct run *r, const struct command *c)
{
    uint64_t va = c->addr[OURS];
    struct lp_area area;
    unsigned i;
    bool may;

    for (; lp_next_area(r->space[r->current], va, &area); va = area.end) {
        if (area.start >= c->addr[OURS] + c->len)
            return false;
        may = area.object && area.shared && !(area.access & LP_WRITE);
        for (i = 0; i < FILES; i++)
            if (area.object && area.object == r->file[i].object) {
                if (r->file[i].disk && r->file[i].writes)
                    return true;
                may &= r->file[i].writes;
            }
        if (may)
            return true;
    }
    return false;
}

/* Does the range begin in an area of which REMOVE has something to remove? */
static bool removable(struct run *r, const struct command *c)
{
    struct lp_area area;

    return area_at(r, c->addr[OURS] - r->base[OURS], &area) && area.shared &&
           (area.access & LP_WRITE);
}

bool make_madvise(struct run *r, struct command *c)
{
    unsigned tries = 0;

    c->advice = pick_advice(r);
    do
        pick_range(r, c, BEHIND, STAYS);
    while (c->advice == LP_MADV_REMOVE && !removable(r, c) && tries++ < 5);
    if (c->advice == LP_MADV_REMOVE && removes_more(r, c))
        return false;
    if (c->advice == LP_MADV_FREE)
        c->value = freed(r, c);
    return true;
}

void ours_madvise(struct run *r, struct command *c)
{
    c->answer[OURS].result =
        lp_madvise(r->space[r->current], c->addr[OURS], c->len, c->advice);
}

/* What FREE leaves is gone at any time it likes: now, as in the library. */
void theirs_madvise(const struct command *c, struct answer *a)
{
    a->result =
        or_errno(syscall(SYS_madvise, c->addr[THEIRS], c->len, c->advice));
    if (c->advice == LP_MADV_FREE && c->value)
        syscall(SYS_madvise, c->addr[THEIRS], c->value, MADV_DONTNEED);
}

void print_madvise(const struct command *c)
{
    printf("madvise(%#llx, %#llx, %d)", at_of(c), X(c->len), c->advice);
}

/* --- msync --- */

bool make_msync(struct run *r, struct command *c)
{
    pick_range(r, c, BEHIND, STAYS);
    c->flags = chance(r, 60) ? LP_MS_SYNC : (unsigned)pick(r, 8);
    if (chance(r, 2))
        c->flags |= 8;
    return true;
}

void ours_msync(struct run *r, struct command *c)
{
    c->answer[OURS].result =
        lp_msync(r->space[r->current], c->addr[OURS], c->len, c->flags);
}

void theirs_msync(const struct command *c, struct answer *a)
{
    a->result = or_errno(syscall(SYS_msync, c->addr[THEIRS], c->len, c->flags));
}

void print_msync(const struct command *c)
{
    printf("msync(%#llx, %#llx, flags %#x)", at_of(c), X(c->len), c->flags);
}
