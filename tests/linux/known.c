/*
 * known.c: where the library and Linux are known to differ, and why.
 *
 * docs/LINUX.md has a paragraph for each name, and for what is not asked at
 * all.  A row says exactly when it applies: a difference that is a little larger
 * than the known one is reported.
 */
#define _GNU_SOURCE
#include "oracle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static bool is(const struct command *c, const char *name)
{
    return strcmp(operations[c->row].name, name) == 0;
}

static bool is_copy(const struct command *c)
{
    return is(c, "copy_in") || is(c, "copy_out") || is(c, "zero");
}

/* A file mapping of no file: the library knows no descriptors. */
static bool no_descriptor(const struct run *r, const struct command *c,
                          const struct answer *ours,
                          const struct answer *theirs)
{
    (void)r;
    return is(c, "mmap") && c->file < 0 && !(c->flags & LP_MAP_ANONYMOUS) &&
           ours->result < 0 && theirs->result == -EBADF;
}

/* The library leaves it to the kernel what a system call makes of EIO. */
static bool bus_in_a_copy(const struct run *r, const struct command *c,
                          const struct answer *ours,
                          const struct answer *theirs)
{
    (void)r;
    return is_copy(c) && ours->result == -EIO && theirs->result == -EFAULT;
}

static bool reads(const struct command *c)
{
    return is(c, "load") || is(c, "contents");
}

/*
 * x86 can read what it may execute, unless the CPU has protection keys; the Sv
 * formats need not.  Linux's own walks through the tables go by what was asked
 * for.
 */
static bool execute_only(const struct run *r, const struct command *c,
                         const struct answer *ours, const struct answer *theirs)
{
    const uint32_t key = FAULT_OTHER + (SIGSEGV << 8) + SEGV_PKUERR;

    if (!(c->sight & SEES_EXEC_ONLY))
        return false;
    if (reads(c) && theirs->fault == key)
        return true;
    if (reads(c))
        return !r->exec_reads && ours->fault == LP_FAULT_ACCERR &&
               (theirs->fault == LP_FAULT_OK || theirs->where > ours->where);
    if (!is(c, "copy_in"))
        return false;
    return r->exec_reads ? theirs->result < ours->result
                         : ours->result < theirs->result;
}

/* What may be written may be read; Linux's own walks insist on being asked. */
static bool write_only(const struct run *r, const struct command *c,
                       const struct answer *ours, const struct answer *theirs)
{
    (void)r;
    if (!(c->sight & SEES_WRITE_ONLY))
        return false;
    if (is(c, "copy_in"))
        return c->flags == 0 && theirs->result < ours->result;
    return is(c, "madvise") && c->advice == LP_MADV_POPULATE_READ &&
           theirs->result == -EINVAL;
}

/*
 * Linux on x86 does not look for READ or EXEC when the page is not there, but
 * for any access; so it meets the end of the file first.
 */
static bool bus_first(const struct run *r, const struct command *c,
                      const struct answer *ours, const struct answer *theirs)
{
    (void)r;
#if !defined(__x86_64__)
    return false;
#endif
    return (reads(c) || is(c, "fetch")) && (c->sight & SEES_OBJECT) &&
           (c->sight & SEES_ACCESS) && ours->fault == LP_FAULT_ACCERR &&
           theirs->fault == LP_FAULT_BUS && ours->where == theirs->where;
}

/* Is there this reason to refuse it, whatever else is wrong with it? */
static bool reason(const struct run *r, const struct command *c, int64_t error)
{
    unsigned type = c->flags & (LP_MAP_SHARED | LP_MAP_PRIVATE);
    bool shared = (type & LP_MAP_SHARED) != 0, map = is(c, "mmap");
    const struct opened *f = c->file < 0 ? NULL : &r->opened[c->file];

    switch (error) {
    case -EINVAL:
        return map ? !type || (!f && type == (LP_MAP_SHARED | LP_MAP_PRIVATE))
                   : (c->access & ~7u) != 0;
    case -ENOMEM: return c->len > r->end[OURS] || c->addr[OURS] >= r->end[OURS];
    case -EOVERFLOW: return f && c->offset > INT64_MAX - FILE_PAGES * PAGE;
    case -EACCES:
        return f &&
               (!f->reads || (shared && !f->writes && (c->access & LP_WRITE)));
    case -EEXIST:
        return (c->flags & LP_MAP_FIXED_NOREPLACE) && (c->sight & SEES_AREA);
    default: return false;
    }
}

/* Two things are wrong at once: which one is said is nobody's promise. */
static bool which_error(const struct run *r, const struct command *c,
                        const struct answer *ours, const struct answer *theirs)
{
    return (is(c, "mmap") || is(c, "mprotect")) && reason(r, c, ours->result) &&
           reason(r, c, theirs->result);
}

/* Linux rounds such a length up to nothing at all. */
static bool msync_of_everything(const struct run *r, const struct command *c,
                                const struct answer *ours,
                                const struct answer *theirs)
{
    (void)r;
    return is(c, "msync") && c->len > UINT64_MAX - PAGE + 1 &&
           ours->result == -ENOMEM && theirs->result == 0;
}

/* A kernel may be built without merging of pages, and without huge ones. */
static bool not_built_in(const struct run *r, const struct command *c,
                         const struct answer *ours, const struct answer *theirs)
{
    static char page[PAGE] __attribute__((aligned(4096)));

    (void)r;
    return is(c, "madvise") && c->advice >= LP_MADV_MERGEABLE &&
           c->advice <= LP_MADV_NOHUGEPAGE && ours->result != -EINVAL &&
           theirs->result == -EINVAL && madvise(page, PAGE, c->advice) < 0 &&
           errno == EINVAL;
}

/* tmpfs keeps what was stored behind the end of the last page. */
static bool tail_after_growth(const struct run *r, const struct command *c,
                              const struct answer *ours,
                              const struct answer *theirs)
{
    (void)r;
    return is(c, "truncate") && ours->result == theirs->result &&
           theirs->bytes == 1;
}

const struct known known[] = {
    { "no-descriptor", no_descriptor },
    { "bus-in-a-copy", bus_in_a_copy },
    { "execute-only", execute_only },
    { "write-only", write_only },
    { "bus-first", bus_first },
    { "which-error", which_error },
    { "msync-of-everything", msync_of_everything },
    { "not-built-in", not_built_in },
    { "tail-after-growth", tail_after_growth },
    { NULL, NULL },
};

_Static_assert(sizeof known / sizeof known[0] <= KNOWN_MAX, "totals.known");

bool known_difference(struct run *r, const struct command *c,
                      const struct answer *ours, const struct answer *theirs)
{
    unsigned i;

    for (i = 0; known[i].name; i++)
        if (known[i].applies(r, c, ours, theirs)) {
            r->totals->known[i]++;
            return true;
        }
    return false;
}
