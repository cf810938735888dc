/*
 * ops_touch.c: what programs do to memory, and what system calls do to it.
 *
 * Linux has no call that does nothing but copy to a program, but many that do
 * it on the way: process_vm_readv and process_vm_writev go through the page
 * tables, as lp_copy_in does, pread and pwrite of a file through the
 * program's own addresses, with a fix-up.  Both are asked.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#define X(n) ((unsigned long long)(n))
#define PLAIN __attribute__((no_sanitize("address", "undefined"), noinline))

static unsigned long long at_of(const struct command *c)
{
    return X(c->addr[THEIRS] - theirs_world->base[THEIRS]);
}

/* --- loads and stores --- */

/* Of 1, 2, 4 or 8 bytes, anywhere, sometimes across a border of pages. */
static void pick_word(struct run *r, struct command *c)
{
    uint64_t at = pick_page(r) * (uint64_t)PAGE, len = 1u << pick(r, 4);

    if (chance(r, 1))
        at = (WINDOW + pick(r, BEHIND)) * PAGE;
    at += chance(r, 10) ? PAGE - len : chance(r, 5) ? PAGE - 1 : pick(r, PAGE);
    tame(&at, &len);
    place(r, c, at, len);
    c->value = pick(r, UINT64_MAX);
}

/* One instruction, whatever the alignment. */
struct word8 {
    uint8_t v;
} __attribute__((packed));
struct word16 {
    uint16_t v;
} __attribute__((packed));
struct word32 {
    uint32_t v;
} __attribute__((packed));
struct word64 {
    uint64_t v;
} __attribute__((packed));

struct touch {
    uintptr_t addr;
    uint64_t len;
    uint8_t data[8];
};

PLAIN static void load_now(void *arg)
{
    struct touch *t = arg;
    const volatile void *from = (const volatile void *)t->addr;
    uint64_t value;

    switch (t->len) {
    case 1: value = ((const volatile struct word8 *)from)->v; break;
    case 2: value = ((const volatile struct word16 *)from)->v; break;
    case 4: value = ((const volatile struct word32 *)from)->v; break;
    default: value = ((const volatile struct word64 *)from)->v; break;
    }
    __builtin_memcpy(t->data, &value, 8);
}

PLAIN static void store_now(void *arg)
{
    struct touch *t = arg;
    volatile void *to = (volatile void *)t->addr;
    uint64_t value;

    __builtin_memcpy(&value, t->data, 8);
    switch (t->len) {
    case 1: ((volatile struct word8 *)to)->v = (uint8_t)value; break;
    case 2: ((volatile struct word16 *)to)->v = (uint16_t)value; break;
    case 4: ((volatile struct word32 *)to)->v = (uint32_t)value; break;
    default: ((volatile struct word64 *)to)->v = value; break;
    }
}

bool make_store(struct run *r, struct command *c)
{
    pick_word(r, c);
    return true;
}

void ours_store(struct run *r, struct command *c)
{
    uint8_t data[8];

    ours_enter(r);
    fill(data, c->addr[OURS], c->len, c->value);
    ours_touched(r, &c->answer[OURS],
                 lp_host_store(r->m, c->addr[OURS], data, c->len));
}

void theirs_store(const struct command *c, struct answer *a)
{
    struct touch t = { .addr = c->addr[THEIRS], .len = c->len };

    fill(t.data, c->addr[THEIRS], c->len, c->value);
    theirs_touch(a, store_now, &t);
}

void print_store(const struct command *c)
{
    printf("store(%#llx, %llu bytes)", at_of(c), X(c->len));
}

bool make_load(struct run *r, struct command *c)
{
    pick_word(r, c);
    return true;
}

void ours_load(struct run *r, struct command *c)
{
    struct answer *a = &c->answer[OURS];
    uint8_t data[8];

    ours_enter(r);
    ours_touched(r, a, lp_host_load(r->m, c->addr[OURS], data, c->len));
    if (!a->fault)
        a->bytes = digest(data, c->len);
}

void theirs_load(const struct command *c, struct answer *a)
{
    struct touch t = { .addr = c->addr[THEIRS], .len = c->len };

    if (theirs_touch(a, load_now, &t))
        a->bytes = digest(t.data, c->len);
}

void print_load(const struct command *c)
{
    printf("load(%#llx, %llu bytes)", at_of(c), X(c->len));
}

/* --- running code --- */

bool make_fetch(struct run *r, struct command *c)
{
#if defined(__x86_64__)
    place(r, c, pick_page(r) * (uint64_t)PAGE + PAGE - 8, 1);
    return true;
#else
    (void)r, (void)c;
    return false; /* what is in the pages is code of x86-64 */
#endif
}

void ours_fetch(struct run *r, struct command *c)
{
    struct answer *a = &c->answer[OURS];
    uint8_t code = 0;

    ours_enter(r);
    ours_touched(r, a, lp_host_fetch(r->m, c->addr[OURS], &code, 1));
    a->bytes = code;
}

#if defined(__x86_64__)
/* No program's address: what two zeroes store to (add [rax], al). */
static const uint64_t nowhere = UINT64_C(0x4141414141410000);

PLAIN static void call_now(void *arg)
{
    struct touch *t = arg;

    __asm__ volatile("sub $256, %%rsp\n\t"
                     "call *%1\n\t"
                     "add $256, %%rsp"
                     :
                     : "a"(nowhere), "r"(t->addr)
                     : "memory", "cc", "rbx");
}
#endif

void theirs_fetch(const struct command *c, struct answer *a)
{
#if defined(__x86_64__)
    struct touch t = { .addr = c->addr[THEIRS] };

    if (theirs_touch(a, call_now, &t)) {
        a->bytes = 0xc3;
    } else if (a->fault >= FAULT_OTHER) {
        /* A general protection fault: the code ran, it was zeroes. */
        a->fault = 0;
        a->where = 0;
    }
#else
    *a = c->answer[OURS];
#endif
}

void print_fetch(const struct command *c)
{
    printf("fetch(%#llx)", at_of(c));
}

/* --- system calls' copies --- */

enum { BY_TABLES, BY_ADDRESS };

static void pick_copy(struct run *r, struct command *c)
{
    uint64_t at = pick_page(r) * (uint64_t)PAGE, len;

    at += chance(r, 20) ? 0 : pick(r, PAGE);
    len = chance(r, 50) ? 1 + pick(r, 200) : pick(r, COPY_MAX);
    if (chance(r, 2))
        len = 0;
    else
        tame(&at, &len);
    place(r, c, at, len);
    c->value = pick(r, UINT64_MAX);
    c->flags = chance(r, 50) ? BY_TABLES : BY_ADDRESS;
    /* By the tables, also of a process that is not running. */
    if (c->flags == BY_TABLES && chance(r, 40))
        c->member = pick_member(r);
}

static int64_t copied(uint64_t done, int error)
{
    return done || !error ? (int64_t)done : error;
}

bool make_copy_in(struct run *r, struct command *c)
{
    pick_copy(r, c);
    return true;
}

void ours_copy_in(struct run *r, struct command *c)
{
    static uint8_t buffer[COPY_MAX + PAGE];
    struct answer *a = &c->answer[OURS];
    int error;
    uint64_t n =
        lp_copy_in(r->space[c->member], buffer, c->addr[OURS], c->len, &error);

    a->result = copied(n, error);
    a->bytes = digest(buffer, n);
}

static struct iovec vector(uint64_t addr, uint64_t len)
{
    return (struct iovec){ (void *)(uintptr_t)addr, len };
}

enum { PIECES = COPY_MAX / PAGE + 2 };

/*
 * One piece for each page: Linux holds all pages of a piece before it copies,
 * so that a page that is copied on write would not get what is being written to
 * its source through an earlier page.
 */
static unsigned long pieces(const struct command *c, struct iovec *piece)
{
    uint64_t at = c->addr[THEIRS], end = at + c->len, next;
    unsigned long n = 0;

    for (; at < end; at = next) {
        next = (at | (PAGE - 1)) + 1;
        next = next < end ? next : end;
        piece[n++] = vector(at, next - at);
    }
    return n;
}

static int pid_of(const struct command *c)
{
    return theirs_world->shared->pid[c->member];
}

void theirs_copy_in(const struct command *c, struct answer *a)
{
    struct iovec local = vector((uintptr_t)theirs_buffer, c->len);
    struct iovec remote[PIECES];
    ssize_t n;

    if (c->flags == BY_TABLES)
        n = process_vm_readv(pid_of(c), &local, 1, remote, pieces(c, remote),
                             0);
    else
        n = pwrite(theirs_scratch_file, (void *)(uintptr_t)c->addr[THEIRS],
                   c->len, 0);
    a->result = n < 0 ? -errno : n;
    if (n > 0 && c->flags == BY_ADDRESS &&
        pread(theirs_scratch_file, theirs_buffer, (size_t)n, 0) != n)
        a->result = -EIO;
    a->bytes = digest(theirs_buffer, n < 0 ? 0 : (size_t)n);
}

static void print_copy(const char *name, const struct command *c)
{
    printf("%s(%#llx, %#llx, %s of %u)", name, at_of(c), X(c->len),
           c->flags == BY_TABLES ? "by tables" : "by address", c->member);
}

void print_copy_in(const struct command *c)
{
    print_copy("copy_in", c);
}

bool make_copy_out(struct run *r, struct command *c)
{
    pick_copy(r, c);
    return true;
}

void ours_copy_out(struct run *r, struct command *c)
{
    static uint8_t buffer[COPY_MAX + PAGE];
    int error;
    uint64_t n;

    fill(buffer, c->addr[OURS], c->len, c->value);
    n = lp_copy_out(r->space[c->member], c->addr[OURS], buffer, c->len, &error);
    c->answer[OURS].result = copied(n, error);
}

void theirs_copy_out(const struct command *c, struct answer *a)
{
    struct iovec local = vector((uintptr_t)theirs_buffer, c->len);
    struct iovec remote[PIECES];
    ssize_t n;

    fill(theirs_buffer, c->addr[THEIRS], c->len, c->value);
    if (c->flags == BY_TABLES)
        n = process_vm_writev(pid_of(c), &local, 1, remote, pieces(c, remote),
                              0);
    else if (pwrite(theirs_scratch_file, theirs_buffer, c->len, 0) ==
             (ssize_t)c->len)
        n = pread(theirs_scratch_file, (void *)(uintptr_t)c->addr[THEIRS],
                  c->len, 0);
    else
        n = -1;
    a->result = n < 0 ? -errno : n;
}

void print_copy_out(const struct command *c)
{
    print_copy("copy_out", c);
}

bool make_zero(struct run *r, struct command *c)
{
    pick_copy(r, c);
    /* Not the first of a call's two zeroes alone: see tame. */
    if (c->len && (c->addr[OURS] + c->len) % PAGE == CODE + 1)
        c->len++;
    c->member = r->current;
    return true;
}

void ours_zero(struct run *r, struct command *c)
{
    int error;
    uint64_t n =
        lp_zero_user(r->space[r->current], c->addr[OURS], c->len, &error);

    c->answer[OURS].result = copied(n, error);
}

void theirs_zero(const struct command *c, struct answer *a)
{
    ssize_t n =
        read(theirs_zero_file, (void *)(uintptr_t)c->addr[THEIRS], c->len);

    a->result = n < 0 ? -errno : n;
}

void print_zero(const struct command *c)
{
    printf("zero(%#llx, %#llx)", at_of(c), X(c->len));
}
