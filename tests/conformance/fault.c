/*
 * fault.c: page faults: what is decided, what is refused, and what the result
 * says.
 */
#include "conformance.h"

/* A read of untouched memory: the zero page, read-only, and no frame? */
static void read__zero_page(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;
    uint64_t frames;

    conf_anon(c, s, a, 4, RW);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    frames = c->frames;
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_EQ(c, conf_get(c, s, a + 2 * PAGE - 8), 0);
    CHECK_EQ(c, c->frames, frames);
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.access & LP_WRITE, 0);
    CHECK(c, info.flags & LP_PAGE_ZERO);
    CHECK_EQ(c, info.frame, conf_query(c, s, a + PAGE).frame);
    conf_put(c, s, a, 6);
    CHECK_EQ(c, c->frames, frames + 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK(c, !(conf_query(c, s, a).flags & LP_PAGE_ZERO));
}

static const struct lp_options no_zero_page = {
    .flags = LP_OPTION_NO_ZERO_PAGE,
};

/* With the option: does even a read get a page of its own, writable? */
static void read_without_zero_page__own_page(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;
    uint64_t faults;

    conf_anon(c, s, a, 2, RW);
    CHECK_EQ(c, conf_get(c, s, a), 0);
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.access & RW, RW);
    CHECK(c, !(info.flags & LP_PAGE_ZERO));
    CHECK_EQ(c, info.references, 1);
    CHECK_EQ(c, conf_get(c, s, a + PAGE), 0);
    CHECK_NE(c, conf_query(c, s, a + PAGE).frame, info.frame);
    faults = conf_stats(c, s).copies;
    conf_put(c, s, a, 4);
    CHECK_EQ(c, conf_query(c, s, a).frame, info.frame);
    CHECK_EQ(c, conf_stats(c, s).copies, faults);
}

/* Is a first write a page full of zeroes but for what was written? */
static void write__zero_filled(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1) - PAGE;
    struct lp_page_info info;
    const char *page;

    conf_anon(c, s, a, 2, RW);
    conf_put(c, s, a + 64, UINT64_MAX);
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.access, RW);
    page = (const char *)c->kernel.direct_map + info.frame;
    CHECK(c, conf_all_bytes(page, 0, 64));
    CHECK(c, conf_all_bytes(page + 64, 0xff, 8));
    CHECK(c, conf_all_bytes(page + 72, 0, PAGE - 72));
    CHECK_EQ(c, conf_query(c, s, a + PAGE).frame, LP_PA_NONE);
}

/* Is what the area does not allow refused, before and after the first touch? */
static void not_allowed__accerr(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    unsigned round;

    conf_anon(c, s, a, 1, LP_READ);
    conf_anon(c, s, a + PAGE, 1, RW);
    for (round = 0; round < 2; round++) {
        CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a), LP_FAULT_ACCERR);
        CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a), LP_FAULT_ACCERR);
        CHECK_EQ(c, conf_touch(c, s, LP_EXEC, a + PAGE), LP_FAULT_ACCERR);
        CHECK_EQ(c, lp_resident_pages(s, a, a + 2 * PAGE), 2 * round);
        CHECK_EQ(c, conf_get(c, s, a), 0);
        CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + PAGE), LP_FAULT_OK);
    }
    CHECK_EQ(c, conf_stats(c, s).copies, 0);
}

/* No area, the kernel's half, not canonical: MAPERR, and no table walked? */
static void no_area__maperr(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0), end = conf_user_end(c);
    const lp_va bad[] = {
        0,
        8,
        a - 1,
        a + PAGE,
        end - 1,
        end,
        end * 2,
        ~a,
        UINT64_MAX,
        (uint64_t)1 << 63,
        a | (uint64_t)1 << 62,
    };
    struct lp_fault_result result;
    unsigned i, bit;

    conf_anon(c, s, a, 1, RWX);
    conf_put(c, s, a, 1);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (bit = LP_READ; bit <= LP_EXEC; bit <<= 1) {
            CHECK_EQ(c, conf_fault(c, s, bad[i], bit, LP_FAULT_USER, &result),
                     -LP_EFAULT);
            CHECK_EQ(c, result.code, LP_FAULT_MAPERR);
            CHECK_EQ(c, result.decision, LP_DENY);
            CHECK_EQ(c, result.va, bad[i]);
        }
    CHECK_EQ(c, conf_touch(c, s, LP_READ, end - 1), LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_touch(c, s, LP_WRITE, a + PAGE), LP_FAULT_MAPERR);
    CHECK_EQ(c, lp_resident_pages(s, 0, end), 1);
}

/* Does the result name the last decision, the address and the kind? */
static void result_fields(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0), f = conf_place(c, 2, 0);
    struct lp_fault_result r;

    conf_anon(c, s, a, 2, RW);
    conf_map(c, s, f, 2, RW, LP_MAP_PRIVATE, o, 0);
    conf_put(c, s, a + PAGE, 1);
    CHECK_EQ(c, conf_fault(c, s, a + 77, LP_READ, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.code, LP_FAULT_OK);
    CHECK_EQ(c, r.decision, LP_ZERO);
    CHECK_EQ(c, r.va, a + 77);
    CHECK(c, !r.major);
    CHECK_EQ(c, conf_fault(c, s, a + 5, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_ZERO);
    CHECK_EQ(c, conf_fault(c, s, a + 5, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_SPURIOUS);
    CHECK_EQ(c, conf_fault(c, s, f + 1, LP_READ, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_MAP);
    CHECK(c, r.major);
    CHECK_EQ(c, conf_fault(c, s, f + 1, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_COPY);
    CHECK(c, !r.major);
    CHECK_EQ(c, conf_fault(c, s, f + PAGE, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_COPY);
    CHECK(c, r.major);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_fault(c, child, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_COPY);
    CHECK_EQ(c, conf_fault(c, s, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_OWN);
    conf_destroy(c, child);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, r.decision, LP_REUSE);
}

/* Is a fault that needs nothing absorbed, and counted as spurious? */
static void already_resolved__spurious(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;
    uint64_t before;
    unsigned i;

    conf_anon(c, s, a, 1, RWX);
    conf_put(c, s, a, 5);
    before = conf_stats(c, s).decisions[LP_SPURIOUS];
    for (i = 0; i < 3; i++) {
        CHECK_EQ(c, conf_fault(c, s, a, LP_WRITE, LP_FAULT_USER, &r), 0);
        CHECK_EQ(c, r.decision, LP_SPURIOUS);
        CHECK_EQ(c, r.code, LP_FAULT_OK);
    }
    CHECK_EQ(c, conf_stats(c, s).decisions[LP_SPURIOUS] - before, 3);
    CHECK_EQ(c, conf_get(c, s, a), 5);
}

/* Do faults of kernel mode take the same path: loading, copying, refusing? */
static void kernel_mode__same_path(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;

    conf_anon(c, s, a, 2, RWX);
    CHECK_EQ(c, conf_fault(c, s, a, LP_WRITE, 0, &r), 0);
    CHECK_EQ(c, r.decision, LP_ZERO);
    conf_put(c, s, a, 5);
    child = conf_fork(c, s);
    CHECK_EQ(c, conf_fault(c, child, a, LP_WRITE, 0, &r), 0);
    CHECK_EQ(c, r.decision, LP_COPY);
    CHECK_EQ(c, conf_get(c, child, a), 5);
    CHECK_EQ(c, conf_fault(c, s, a - 1, LP_READ, 0, &r), -LP_EFAULT);
    CHECK_EQ(c, r.code, LP_FAULT_MAPERR);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_EXEC, 0, &r), -LP_EFAULT);
    CHECK_EQ(c, r.code, LP_FAULT_ACCERR);
    CHECK_EQ(c, r.decision, LP_DENY);
    CHECK_EQ(c, conf_query(c, s, a + PAGE).frame, LP_PA_NONE);
}

/* The same spurious fault twice in a row from kernel mode: refused? */
static void kernel_mode_spurious_twice__deny(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;

    conf_anon(c, s, a, 2, RW);
    conf_put_pages(c, s, a, 2, 1);
    CHECK_EQ(c, conf_fault(c, s, a, LP_READ, 0, &r), 0);
    CHECK_EQ(c, r.decision, LP_SPURIOUS);
    CHECK_EQ(c, conf_fault(c, s, a, LP_READ, 0, &r), -LP_EFAULT);
    CHECK_EQ(c, r.decision, LP_DENY);
    CHECK_EQ(c, r.code, LP_FAULT_ACCERR);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_READ, 0, &r), 0);
    CHECK_EQ(c, conf_fault(c, s, a, LP_READ, 0, &r), 0);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_READ, 0, &r), 0);
    /* Not in a row: a program's fault in between. */
    CHECK_EQ(c, conf_fault(c, s, a, LP_READ, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_READ, 0, &r), 0);
    CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_READ, 0, &r), -LP_EFAULT);
}

/* Causes that no table mends: refused at once, also where all is well? */
static void hardware_causes__accerr(struct conf *c)
{
    static const unsigned causes[] = { LP_FAULT_RESERVED, LP_FAULT_KEY,
                                       LP_FAULT_SUPERVISOR };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;
    unsigned i;

    conf_anon(c, s, a, 2, RW);
    conf_put(c, s, a, 1);
    for (i = 0; i < 3; i++) {
        CHECK_EQ(c, conf_fault(c, s, a, LP_READ, causes[i] | LP_FAULT_USER, &r),
                 -LP_EFAULT);
        CHECK_EQ(c, r.code, LP_FAULT_ACCERR);
        CHECK_EQ(c, conf_fault(c, s, a + PAGE, LP_READ, causes[i], &r),
                 -LP_EFAULT);
        CHECK_EQ(c, r.code, LP_FAULT_ACCERR);
    }
    CHECK_EQ(c, lp_resident_pages(s, a, a + 2 * PAGE), 1);
}

/* May the caller do without the result? */
static void no_result_wanted(struct conf *c)
{
    struct lp_fault fault = { .access = LP_WRITE, .flags = LP_FAULT_USER };
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);

    conf_anon(c, s, a, 1, RW);
    fault.va = a;
    CHECK_EQ(c, lp_handle_fault(s, &fault, NULL), 0);
    fault.va = a - 1;
    CHECK_EQ(c, lp_handle_fault(s, &fault, NULL), -LP_EFAULT);
    conf_check(c);
    CHECK_EQ(c, conf_get(c, s, a), 0);
}

/* Out of frames: NOMEM, the callback asked, nothing half done? */
static void out_of_frames__nomem(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;
    unsigned n;

    conf_anon(c, s, a, 1, RW);
    for (n = 1;; n++) {
        conf_fail_at(c, n, true);
        if (conf_fault(c, s, a, LP_WRITE, LP_FAULT_USER, &r) == 0)
            break;
        CHECK_EQ(c, r.code, LP_FAULT_NOMEM);
        CHECK_EQ(c, c->low_memory_calls, n);
        CHECK_EQ(c, lp_resident_pages(s, a, a + PAGE), 0);
        CHECK_LE(c, n, 10);
    }
    CHECK_OP(c, n, >, 1);
    conf_fail_at(c, 0, false);
    CHECK_EQ(c, conf_get(c, s, a), 0);
}

/* Does the operation start over when the callback found memory? */
static void low_memory_helps__success(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;

    conf_anon(c, s, a, 1, RW);
    c->low_memory_helps = 1;
    conf_fail_at(c, 1, true);
    CHECK_EQ(c, conf_fault(c, s, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, c->low_memory_calls, 1);
    CHECK_EQ(c, r.code, LP_FAULT_OK);
    c->low_memory_helps = 1;
    conf_fail_at(c, 1, true);
    CHECK(c, conf_fork(c, s));
    CHECK_EQ(c, c->low_memory_calls, 2);
}

const struct conf_case conf_fault_cases[] = {
    { "fault-zero-page", read__zero_page, NULL },
    { "fault-no-zero-page", read_without_zero_page__own_page, &no_zero_page },
    { "fault-zero-filled", write__zero_filled, NULL },
    { "fault-not-allowed", not_allowed__accerr, NULL },
    { "fault-no-area", no_area__maperr, NULL },
    { "fault-result", result_fields, NULL },
    { "fault-spurious", already_resolved__spurious, NULL },
    { "fault-kernel-mode", kernel_mode__same_path, NULL },
    { "fault-kernel-spurious", kernel_mode_spurious_twice__deny, NULL },
    { "fault-hardware-causes", hardware_causes__accerr, NULL },
    { "fault-no-result", no_result_wanted, NULL },
    { "fault-out-of-frames", out_of_frames__nomem, NULL },
    { "fault-low-memory", low_memory_helps__success, NULL },
    { NULL, NULL, NULL },
};
