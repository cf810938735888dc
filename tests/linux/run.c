/*
 * run.c: one run: both sides from nothing to nothing, operation by operation.
 *
 * The library is always ahead: an operation has been carried out there when it
 * is queued.  So the first answer that differs is the one that counts.
 */
#define _GNU_SOURCE
#include "oracle.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Places in operations[]. */
enum { LAYOUT, CONTENTS };

void wrong(struct run *r, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "operation %lld: ", (long long)r->op);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    fflush(stderr);
    _exit(1); /* the members see that the driver is gone */
}

/* --- answers --- */

static void print_answer(FILE *out, const char *who, const struct answer *a)
{
    fprintf(out, "%s: ", who);
    if (a->fault && a->fault < FAULT_OTHER)
        fprintf(out, "%s at %#llx", lp_fault_code_name(a->fault),
                (unsigned long long)a->where);
    else if (a->fault)
        fprintf(out, "signal %u, code %u, at %#llx",
                (a->fault - FAULT_OTHER) >> 8, a->fault & 0xff,
                (unsigned long long)a->where);
    else if (a->result < 0)
        fprintf(out, "%s (%lld)", lp_strerror((int)a->result),
                (long long)a->result);
    else
        fprintf(out, "%#llx, bytes %016llx", (unsigned long long)a->result,
                (unsigned long long)a->bytes);
}

static void print_command(struct run *r, const struct command *c)
{
    printf("%6lld: %u: ", (long long)c->op, r->current);
    operations[c->row].print(c);
}

static bool same(const struct answer *a, const struct answer *b)
{
    return a->result == b->result && a->bytes == b->bytes &&
           a->where == b->where && a->fault == b->fault;
}

static _Noreturn void differ(struct run *r, const struct command *c,
                             const char *what, const struct answer *ours,
                             const struct answer *theirs)
{
    fflush(stderr);
    print_command(r, c);
    printf("\n%s: ", what);
    print_answer(stdout, "library", ours);
    print_answer(stdout, "; Linux", theirs);
    printf("\n");
    r->op = c->op;
    wrong(r, "the library and Linux differ");
}

static void compare_answers(struct run *r, const struct command *c)
{
    const struct answer *ours = &c->answer[OURS], *theirs = &c->answer[THEIRS];

    if (r->settings->verbose) {
        print_command(r, c);
        print_answer(stdout, " = library", ours);
        if (!same(ours, theirs))
            print_answer(stdout, "; Linux", theirs);
        printf("\n");
    }
    if (!same(ours, theirs) && !known_difference(r, c, ours, theirs))
        differ(r, c, "answers", ours, theirs);
}

/* --- windows --- */

static unsigned seen_access(const struct page *page)
{
    /* What may be written may be read; Linux keeps in mind that nobody asked. */
    return page->access | (page->access & LP_WRITE ? LP_READ : 0);
}

/* Shared anonymous memory: the same object here if and only if there. */
static bool same_objects(struct run *r, const struct page *ours,
                         const struct page *theirs, unsigned i)
{
    unsigned j;

    for (j = 0; j < FILES; j++)
        if (ours[i].object == r->file[j].inode ||
            theirs[i].object == r->file[j].inode)
            return ours[i].object == theirs[i].object;
    if (!ours[i].object || !theirs[i].object)
        return ours[i].object == theirs[i].object;
    for (j = 0; j < i; j++)
        if ((ours[i].object == ours[j].object) !=
            (theirs[i].object == theirs[j].object))
            return false;
    return true;
}

static void print_page(const char *who, const struct page *page)
{
    if (!page->mapped)
        printf("%s: not mapped", who);
    else
        printf("%s: access %u, %s, object %llu, offset %#llx", who,
               page->access, page->shared ? "shared" : "private",
               (unsigned long long)page->object,
               (unsigned long long)page->offset);
}

static void compare_layout(struct run *r, const struct command *c)
{
    const struct page *ours = r->page, *theirs = r->shared->theirs;
    unsigned i;

    r->totals->layouts++;
    for (i = 0; i < WINDOW; i++) {
        if (ours[i].mapped == theirs[i].mapped &&
            ours[i].shared == theirs[i].shared &&
            seen_access(&ours[i]) == seen_access(&theirs[i]) &&
            ours[i].offset == theirs[i].offset &&
            same_objects(r, ours, theirs, i))
            continue;
        printf("page %#x of member %u: ", i * PAGE, r->current);
        print_page("library", &ours[i]);
        print_page("; Linux", &theirs[i]);
        printf("\n");
        r->op = c->op;
        wrong(r, "the layouts differ");
    }
}

/* Where two pages that can both be read differ first. */
static void print_bytes(struct run *r, const struct command *page)
{
    static uint8_t ours[PAGE], theirs[PAGE];
    struct iovec to = { theirs, PAGE };
    struct iovec from = { (void *)(uintptr_t)page->addr[THEIRS], PAGE };
    unsigned i, n = 0;

    if (lp_host_load(r->m, page->addr[OURS], ours, PAGE) != LP_HOST_OK ||
        process_vm_readv(r->shared->pid[r->current], &to, 1, &from, 1, 0) !=
            PAGE)
        return;
    for (i = 0; i < PAGE; i++)
        if (ours[i] != theirs[i] && n++ == 0)
            printf("first at %#x: library %#x, Linux %#x\n", i, ours[i],
                   theirs[i]);
    printf("%u bytes differ\n", n);
}

static void compare_contents(struct run *r, const struct command *c)
{
    const struct answer *ours, *theirs;
    struct command page = *c;
    char what[48];
    unsigned i;

    for (i = 0; i < WINDOW; i++) {
        if (!(c->value >> i & 1))
            continue;
        ours = &r->page[i].touch;
        theirs = &r->shared->theirs[i].touch;
        place(r, &page, i * (uint64_t)PAGE, PAGE);
        page.sight = survey(r, &page);
        snprintf(what, sizeof what, "page %#x of member %u", i * PAGE,
                 r->current);
        if (!same(ours, theirs) && !known_difference(r, &page, ours, theirs)) {
            print_bytes(r, &page);
            differ(r, c, what, ours, theirs);
        }
        r->totals->pages++;
    }
}

/* --- the queue --- */

static void flush(struct run *r)
{
    struct command *batch = r->shared->batch;
    unsigned i;

    if (!r->queued)
        return;
    r->shared->ncommands = r->queued;
    theirs_run(r);
    for (i = 0; i < r->queued; i++) {
        compare_answers(r, &batch[i]);
        if (batch[i].row == LAYOUT)
            compare_layout(r, &batch[i]);
        if (batch[i].row == CONTENTS)
            compare_contents(r, &batch[i]);
    }
    r->queued = 0;
}

static bool queue(struct run *r, unsigned row)
{
    struct command *c = &r->shared->batch[r->queued];

    *c = (struct command){
        .row = row, .op = r->op, .file = -1, .member = r->current
    };
    if (!operations[row].make(r, c))
        return false;
    c->sight = operations[row].kind == ENDS_TURN ? 0 : survey(r, c);
    operations[row].ours(r, c);
    r->queued++;
    return true;
}

/* --- lies --- */

static bool is_touch(const struct command *c)
{
    const char *name = operations[c->row].name;

    return strcmp(name, "load") == 0 || strcmp(name, "store") == 0 ||
           strcmp(name, "fetch") == 0;
}

static void unmap_or_map(struct run *r)
{
    uint64_t va = r->base[OURS] + pick_page(r) * (uint64_t)PAGE;
    struct lp_area area;
    int64_t done;

    if (area_at(r, va - r->base[OURS], &area))
        done = lp_munmap(r->space[r->current], va, PAGE);
    else
        done =
            lp_mmap(r->space[r->current], va, PAGE, LP_READ,
                    LP_MAP_PRIVATE | LP_MAP_ANONYMOUS | LP_MAP_FIXED, NULL, 0);
    r->lied = done >= 0;
}

static void change_a_byte(struct run *r)
{
    uint64_t va = r->base[OURS] + pick_page(r) * (uint64_t)PAGE + 100;
    uint8_t byte;

    if (lp_copy_in(r->space[r->current], &byte, va, 1, NULL) != 1)
        return;
    byte ^= 1;
    r->lied = lp_copy_out(r->space[r->current], va, &byte, 1, NULL) == 1;
}

/* A wrong answer, or a wrong state, of the library: this must be seen. */
static void lie(struct run *r, struct command *c)
{
    struct answer *a = &c->answer[OURS];

    switch (r->settings->lie) {
    case LIE_ANSWER:
        a->result++;
        r->lied = true;
        break;
    case LIE_FAULT:
        if (is_touch(c)) {
            a->fault =
                a->fault == LP_FAULT_MAPERR ? LP_FAULT_ACCERR : LP_FAULT_MAPERR;
            r->lied = true;
        }
        break;
    case LIE_LAYOUT: unmap_or_map(r); break;
    case LIE_CONTENTS: change_a_byte(r); break;
    default: break;
    }
}

/* --- operations --- */

static unsigned pick_any(struct run *r)
{
    unsigned row, total = 0;
    uint64_t n;

    for (row = 0; row < noperations; row++)
        total += operations[row].weight;
    n = pick(r, total);
    for (row = 0; n >= operations[row].weight; row++)
        n -= operations[row].weight;
    return row;
}

/*
 * What a fork has shared stays shared until somebody touches it: then the
 * operations that arrange things have something to be careful with.
 */
static unsigned pick_row(struct run *r)
{
    unsigned row = pick_any(r);

    while (r->since_fork < 6 && operations[row].kind == TOUCHES &&
           chance(r, 75))
        row = pick_any(r);
    return row;
}

/* Whose turn it is after an operation that ends a queue. */
static void next_member(struct run *r, const struct command *last)
{
    if (strcmp(operations[last->row].name, "switch") == 0)
        r->current = last->member;
    while (!r->space[r->current])
        r->current = (r->current + 1) % MEMBERS_MAX;
}

static void run_op(struct run *r)
{
    unsigned row = pick_row(r);
    struct command *c, last;

    r->totals->operations++;
    r->since_fork++;
    if (!queue(r, row))
        return;
    c = &r->shared->batch[r->queued - 1];
    if (r->settings->lie && !r->lied && r->op >= r->settings->lie_at &&
        operations[row].kind != ENDS_TURN)
        lie(r, c);
    last = *c;
    if (operations[row].kind == ENDS_TURN || r->queued == BATCH)
        flush(r);
    if (operations[row].kind == ENDS_TURN)
        next_member(r, &last);
}

/* --- comparisons --- */

static void check(struct run *r)
{
    struct lp_check_report report;

    if (lp_check(r->pager, r->scratch, &report))
        wrong(r, "lp_check: %s (%llu, %llu)", report.what,
              (unsigned long long)report.a, (unsigned long long)report.b);
    if (!lp_host_check(r->m))
        wrong(r, "lp_host_check found something");
}

/* Layout first: looking at contents changes none, but a signal may be told. */
static void compare_member(struct run *r)
{
    flush(r);
    queue(r, LAYOUT);
    queue(r, CONTENTS);
    flush(r);
}

static void compare_family(struct run *r)
{
    unsigned was = r->current;

    flush(r);
    for (r->current = 0; r->current < MEMBERS_MAX; r->current++)
        if (r->space[r->current])
            compare_member(r);
    r->current = was;
    check(r);
}

static void compare_now_and_then(struct run *r)
{
    unsigned every = r->settings->check_every;

    if (!every || (r->op + 1) % every != 0)
        return;
    if (every == 1)
        check(r);
    /* All members now and then: each may have touched what they share. */
    if ((r->op + 1) / every % 16 == 0)
        compare_family(r);
    else
        compare_member(r);
}

/* Disks of files, when all has been written back. */
static void compare_disks(struct run *r)
{
    static uint8_t theirs[FILE_PAGES * PAGE];
    struct file *f;
    unsigned i;
    uint64_t size;

    for (i = 0; i < FILES; i++) {
        f = &r->file[i];
        if (!f->disk)
            continue;
        size = lp_object_size(f->object);
        if (lp_object_sync(f->object, 0, UINT64_MAX))
            wrong(r, "lp_object_sync failed");
        if (pread(f->io, theirs, size, 0) != (ssize_t)size ||
            memcmp(theirs, f->disk, size) != 0)
            wrong(r, "what reached the disk of file %u is not what is in it",
                  i);
    }
}

void run_all(const struct settings *settings, struct totals *totals)
{
    struct run *r = calloc(1, sizeof *r);
    uint64_t op;

    r->settings = settings;
    r->totals = totals;
    seed_op(r, UINT64_MAX);
    theirs_open(r);
    ours_open(r);
    for (op = 0; op < settings->ops; op++) {
        seed_op(r, op);
        if (settings->skip && settings->skip[op])
            continue;
        run_op(r);
        compare_now_and_then(r);
    }
    seed_op(r, settings->ops);
    compare_family(r);
    compare_disks(r);
    ours_close(r);
    theirs_close(r);
    free(r);
}
