/*
 * query.c: looking on: snapshots, walks, counters, the printed map, the trace.
 */
#include "conformance.h"

/* Does a query load nothing, and refuse only what no area holds? */
static void query__loads_nothing(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;
    uint64_t frames;

    conf_anon(c, s, a, 2, RW);
    frames = c->frames;
    CHECK_EQ(c, lp_query(s, a + 1, &info), 0);
    CHECK_EQ(c, info.frame, LP_PA_NONE);
    CHECK_EQ(c, info.access, 0);
    CHECK_EQ(c, info.flags, 0);
    CHECK_EQ(c, lp_query(s, a - 1, &info), -LP_EFAULT);
    CHECK_EQ(c, lp_query(s, a + 2 * PAGE, &info), -LP_EFAULT);
    CHECK_EQ(c, lp_query(s, conf_user_end(c), &info), -LP_EFAULT);
    CHECK_EQ(c, lp_query(s, UINT64_MAX, &info), -LP_EFAULT);
    CHECK_EQ(c, c->frames, frames);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 2 * PAGE), 0);
}

/* The flags of a page in its life: own, shared by fork, copied, regained. */
static void query__flags_through_fork(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;

    conf_anon(c, p, a, 2, RW);
    conf_put_pages(c, p, a, 2, 1);
    info = conf_query(c, p, a);
    CHECK_EQ(c, info.access, RW);
    CHECK_EQ(c, info.references, 1);
    CHECK_EQ(c, info.flags, LP_PAGE_PRESENT | LP_PAGE_DIRTY | LP_PAGE_ACCESSED);
    child = conf_fork(c, p);
    info = conf_query(c, p, a);
    CHECK_EQ(c, info.flags & (LP_PAGE_COW | LP_PAGE_UNOWNED),
             LP_PAGE_COW | LP_PAGE_UNOWNED);
    CHECK_EQ(c, info.access & LP_WRITE, 0);
    conf_put(c, child, a, 2);
    info = conf_query(c, child, a);
    CHECK_EQ(c, info.flags & (LP_PAGE_COW | LP_PAGE_UNOWNED), 0);
    CHECK_EQ(c, info.access, RW);
    CHECK_EQ(c, info.references, 1);
    info = conf_query(c, child, a + PAGE);
    CHECK_EQ(c, info.flags & (LP_PAGE_COW | LP_PAGE_UNOWNED), LP_PAGE_COW);
    CHECK_EQ(c, info.access, LP_READ);
    CHECK_EQ(c, info.references, 2);
    conf_destroy(c, child);
    conf_put(c, p, a + PAGE, 3);
    info = conf_query(c, p, a + PAGE);
    CHECK_EQ(c, info.access, RW);
    CHECK_EQ(c, info.references, 1);
}

/* The flags of a page of a shared file. */
static void query__flags_of_a_shared_file(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o =
        conf_open(c, 0, PAGE, LP_OBJECT_READ | LP_OBJECT_WRITE);
    lp_va a = conf_place(c, 1, 0);
    struct lp_page_info info;

    conf_map(c, s, a, 1, RW, LP_MAP_SHARED, o, 0);
    CHECK_EQ(c, conf_get(c, s, a), conf_file_word(c, 0, 0));
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.flags & (LP_PAGE_SHARED | LP_PAGE_COW | LP_PAGE_DIRTY),
             LP_PAGE_SHARED);
    conf_put(c, s, a, 1);
    info = conf_query(c, s, a);
    CHECK_EQ(c, info.flags & (LP_PAGE_SHARED | LP_PAGE_COW | LP_PAGE_DIRTY),
             LP_PAGE_SHARED | LP_PAGE_DIRTY);
    CHECK_EQ(c, info.access, RW);
}

/* Does the walk give every area once, in order, as it was made? */
static void walk_over_areas(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    struct lp_area area;

    CHECK(c, !lp_next_area(s, 0, &area));
    conf_map(c, s, a + 4 * PAGE, 2, LP_READ, LP_MAP_SHARED, o, 3 * PAGE);
    conf_anon(c, s, a, 3, RW);
    CHECK(c, lp_next_area(s, 0, &area));
    CHECK_EQ(c, area.start, a);
    CHECK_EQ(c, area.end, a + 3 * PAGE);
    CHECK_EQ(c, area.access, RW);
    CHECK(c, !area.shared && !area.object);
    CHECK(c, lp_next_area(s, a + 3 * PAGE - 1, &area));
    CHECK_EQ(c, area.start, a);
    CHECK(c, lp_next_area(s, area.end, &area));
    CHECK_EQ(c, area.start, a + 4 * PAGE);
    CHECK_EQ(c, area.offset, 3 * PAGE);
    CHECK(c, area.shared && area.object == o);
    CHECK(c, !lp_next_area(s, area.end, &area));
    CHECK(c, !lp_next_area(s, UINT64_MAX, &area));
    CHECK_EQ(c, lp_area_count(s), 2);
    CHECK_EQ(c, lp_mapped_bytes(s), 5 * PAGE);
}

/* Are resident pages those that were touched, cut at the range? */
static void resident_pages(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 1) - 3 * PAGE;

    conf_anon(c, s, a, 6, RW);
    conf_put_pages(c, s, a + PAGE, 4, 1);
    CHECK_EQ(c, lp_resident_pages(s, a, a + 6 * PAGE), 4);
    CHECK_EQ(c, lp_resident_pages(s, a + 2 * PAGE, a + 4 * PAGE), 2);
    CHECK_EQ(c, lp_resident_pages(s, a, a), 0);
    CHECK_EQ(c, lp_resident_pages(s, 0, UINT64_MAX), 4);
    child = conf_fork(c, s);
    CHECK_EQ(c, lp_resident_pages(child, 0, UINT64_MAX), 4);
    CHECK_EQ(c, conf_mprotect(c, child, a, 6 * PAGE, 0), 0);
    CHECK_EQ(c, lp_resident_pages(child, 0, UINT64_MAX), 4);
    CHECK_EQ(c, conf_munmap(c, child, a, 3 * PAGE), 0);
    CHECK_EQ(c, lp_resident_pages(child, 0, UINT64_MAX), 2);
    CHECK_EQ(c, lp_resident_pages(s, 0, UINT64_MAX), 4);
}

/* The table of the level, when it is the only one; else with references 0. */
static struct lp_table_info only_table(struct lp_space *s, unsigned level)
{
    struct lp_table_info info = { 0 }, more;

    if (lp_next_table(s, level, 0, &info) &&
        lp_next_table(s, level, info.end, &more))
        info.references = 0;
    return info;
}

/* Does the walk give every table once, in order, with what it maps? */
static void walk_over_tables(struct conf *c)
{
    unsigned root = conf_format(c)->levels - 1u, level;
    struct lp_space *s = conf_space(c);
    lp_va a = conf_place(c, 1, 1);
    struct lp_table_info info;

    for (level = 0; level < root; level++)
        CHECK(c, !lp_next_table(s, level, 0, &info));
    info = only_table(s, root);
    CHECK_EQ(c, info.start, 0);
    CHECK_EQ(c, info.end, conf_user_end(c));
    CHECK_EQ(c, info.used, 0);
    conf_anon(c, s, a - 2 * PAGE, 4, RW);
    conf_put_pages(c, s, a - 2 * PAGE, 3, 1);
    CHECK(c, lp_next_table(s, 0, 0, &info));
    CHECK_EQ(c, info.start, a - conf_table_span(c));
    CHECK_EQ(c, info.end, a);
    CHECK_EQ(c, info.level, 0);
    CHECK_EQ(c, info.used, 2);
    CHECK_EQ(c, info.references, 1);
    CHECK(c, info.owned);
    CHECK(c, lp_next_table(s, 0, info.end, &info));
    CHECK_EQ(c, info.start, a);
    CHECK_EQ(c, info.used, 1);
    CHECK(c, !lp_next_table(s, 0, info.end, &info));
    info = only_table(s, root);
    CHECK_EQ(c, info.used, 1);
    CHECK_EQ(c, info.references, 1);
    CHECK(c, !lp_next_table(s, root + 1, 0, &info));
    CHECK(c, !lp_next_table(s, UINT32_MAX, 0, &info));
    CHECK(c, !lp_next_table(s, root, conf_user_end(c), &info));
    CHECK(c, !lp_next_table(s, 0, UINT64_MAX, &info));
}

/* Are tables the same frames after a fork, and which after the first write? */
static void tables_through_fork(struct conf *c)
{
    unsigned root = conf_format(c)->levels - 1u, level;
    struct lp_space *p = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_table_info ours, theirs;

    conf_anon(c, p, a, 2, RW);
    conf_put_pages(c, p, a, 2, 1);
    child = conf_fork(c, p);
    CHECK(c, only_table(p, root).table != only_table(child, root).table);
    for (level = 0; level < root; level++) {
        ours = only_table(p, level);
        theirs = only_table(child, level);
        CHECK_EQ(c, ours.table, theirs.table);
        CHECK_EQ(c, ours.references, level == root - 1 ? 2 : 1);
        CHECK(c, !ours.owned && !theirs.owned);
    }
    conf_put(c, child, a, 3);
    for (level = 0; level < root; level++) {
        ours = only_table(p, level);
        theirs = only_table(child, level);
        CHECK(c, ours.table != theirs.table);
        CHECK_EQ(c, ours.references, 1);
        CHECK_EQ(c, theirs.references, 1);
        CHECK(c, !ours.owned && theirs.owned);
    }
}

/* Are the counters those of what was done? */
static void counters(struct conf *c)
{
    struct lp_space *p = conf_space(c), *child;
    struct lp_object *o = conf_open(c, 0, 2 * PAGE, LP_OBJECT_READ);
    lp_va a = conf_place(c, 1, 0);
    struct lp_stats mine, sum;
    struct lp_fault_result r;

    conf_anon(c, p, a, 4, RW);
    conf_map(c, p, a + 4 * PAGE, 2, LP_READ, LP_MAP_PRIVATE, o, 0);
    CHECK_EQ(c, conf_fault(c, p, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, conf_fault(c, p, a + PAGE, LP_READ, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, conf_fault(c, p, a - 1, LP_READ, LP_FAULT_USER, &r),
             -LP_EFAULT);
    CHECK_EQ(c, conf_fault(c, p, a + 4 * PAGE, LP_READ, LP_FAULT_USER, &r), 0);
    mine = conf_stats(c, p);
    CHECK_EQ(c, mine.faults, 4);
    CHECK_EQ(c, mine.decisions[LP_ZERO], 2);
    CHECK_EQ(c, mine.decisions[LP_DENY], 1);
    CHECK_EQ(c, mine.decisions[LP_MAP], 1);
    CHECK_EQ(c, mine.major_faults, 1);
    CHECK_EQ(c, mine.forks, 0);
    child = conf_fork(c, p);
    CHECK_EQ(c, conf_fault(c, child, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, conf_stats(c, child).copies, 1);
    CHECK_EQ(c, conf_stats(c, child).decisions[LP_COPY], 1);
    CHECK_EQ(c, conf_stats(c, child).tables_copied,
             conf_format(c)->levels - 1u);
    mine = conf_stats(c, p);
    CHECK_EQ(c, mine.forks, 1);
    CHECK_EQ(c, mine.tables_shared, 1);
    conf_destroy(c, child);
    lp_pager_stats(c->pager, &sum);
    CHECK_EQ(c, sum.faults, 5);
    CHECK_EQ(c, sum.copies, 1);
    CHECK_EQ(c, sum.forks, 1);
    CHECK_EQ(c, sum.lost_writes, 0);
}

struct text {
    char bytes[512];
    size_t len;
};

static void emit(void *ctx, const char *text, size_t len)
{
    struct text *all = ctx;

    if (len > sizeof(all->bytes) - all->len)
        len = sizeof(all->bytes) - all->len;
    memcpy(all->bytes + all->len, text, len);
    all->len += len;
}

/* Is the printed map that of /proc/PID/maps, with the resident pages? */
static void printed_map(struct conf *c)
{
    static const char expected[] = "00100000-00103000 rw-p 00000000 2\n"
                                   "00103000-00104000 r-xp 00000000 0\n"
                                   "00110000-00112000 r--s 00003000 1\n"
                                   "00120000-00121000 ---p 00000000 0\n";
    struct lp_space *s = conf_space(c);
    struct lp_object *o = conf_open(c, 0, 8 * PAGE, LP_OBJECT_READ);
    static struct text text;

    text.len = 0;
    lp_print_map(s, emit, &text);
    CHECK_EQ(c, text.len, 0);
    conf_anon(c, s, 0x100000, 3, RW);
    conf_anon(c, s, 0x103000, 1, RX);
    conf_map(c, s, 0x110000, 2, LP_READ, LP_MAP_SHARED, o, 0x3000);
    conf_anon(c, s, 0x120000, 1, 0);
    conf_put_pages(c, s, 0x101000, 2, 1);
    CHECK_EQ(c, conf_get(c, s, 0x111000), conf_file_word(c, 0, 0x4000));
    lp_print_map(s, emit, &text);
    CHECK_EQ(c, text.len, sizeof(expected) - 1);
    CHECK(c, memcmp(text.bytes, expected, text.len) == 0);
}

/* Does the trace tell of every verb, with its result? */
static void trace_events(struct conf *c)
{
    struct lp_space *s = conf_space(c), *child;
    lp_va a = conf_place(c, 1, 0);
    struct lp_fault_result r;

    conf_anon(c, s, a, 2, RW);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_MMAP);
    CHECK_EQ(c, c->last_event.va, a);
    CHECK_EQ(c, c->last_event.len, 2 * PAGE);
    CHECK(c, c->last_event.space == s);
    CHECK_EQ(c, conf_fault(c, s, a, LP_WRITE, LP_FAULT_USER, &r), 0);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_DECISION);
    CHECK_EQ(c, c->last_event.decision, LP_ZERO);
    CHECK_EQ(c, c->last_event.va, a);
    CHECK_EQ(c, conf_mprotect(c, s, a, PAGE, LP_READ), 0);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_MPROTECT);
    CHECK_EQ(c, c->last_event.access, LP_READ);
    CHECK_EQ(c, conf_munmap(c, s, a, 0), -LP_EINVAL);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_MUNMAP);
    CHECK_EQ(c, c->last_event.result, -LP_EINVAL);
    child = conf_fork(c, s);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_FORK);
    CHECK(c, c->last_event.other == child);
    CHECK_EQ(c, c->last_event.space_id, lp_space_id(s));
    CHECK_EQ(c, c->last_event.other_id, lp_space_id(child));
    CHECK(c, lp_space_id(s) != 0 && lp_space_id(s) != lp_space_id(child));
    CHECK_EQ(c, c->last_event.result, 0);
    conf_destroy(c, child);
    CHECK_EQ(c, c->last_event.kind, LP_TRACE_DESTROY);
    CHECK_EQ(c, c->last_event.other_id, 0);
}

/* Does a successful mmap's event carry the address, as its header says? */
static void trace_of_mmap__address(struct conf *c)
{
    struct lp_space *s = conf_space(c);
    int64_t a = conf_mmap(c, s, 0, PAGE, RW, ANON, NULL, 0);

    CHECK_EQ(c, c->last_event.kind, LP_TRACE_MMAP);
    CHECK_EQ(c, c->last_event.result, a);
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Names, never NULL, also of what does not exist. */
static void names(struct conf *c)
{
    CHECK(c, same(lp_strerror(0), "OK"));
    CHECK(c, same(lp_strerror(-LP_ENOMEM), "ENOMEM"));
    CHECK(c, same(lp_strerror(-LP_EOVERFLOW), "EOVERFLOW"));
    CHECK(c, same(lp_strerror(-9999), "E?"));
    CHECK(c, same(lp_decision_name(LP_COPY), "COPY"));
    CHECK(c, same(lp_decision_name(LP_DENY), "DENY"));
    CHECK(c, lp_decision_name(LP_DECISIONS));
    CHECK(c, same(lp_fault_code_name(LP_FAULT_MAPERR), "MAPERR"));
    CHECK(c, lp_fault_code_name((enum lp_fault_code)99));
}

const struct conf_case conf_query_cases[] = {
    { "query-loads-nothing", query__loads_nothing, NULL },
    { "query-fork", query__flags_through_fork, NULL },
    { "query-shared-file", query__flags_of_a_shared_file, NULL },
    { "query-areas", walk_over_areas, NULL },
    { "query-resident", resident_pages, NULL },
    { "query-tables", walk_over_tables, NULL },
    { "query-tables-fork", tables_through_fork, NULL },
    { "query-counters", counters, NULL },
    { "query-printed-map", printed_map, NULL },
    { "query-trace", trace_events, NULL },
    { "query-trace-mmap", trace_of_mmap__address, NULL },
    { "query-names", names, NULL },
    { NULL, NULL, NULL },
};
