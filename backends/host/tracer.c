/*
 * tracer.c: events and snapshots as lines of text (docs/TRACE.md).
 *
 * The ring is Dmitry Vyukov's bounded queue with one taker.  A place's turn says
 * whose it is: p: whoever fills place p (p counts on and on; the ring has
 * nslots places); p + 1: filled, the taker's; p + nslots: empty again, for the
 * next time round.  A CPU draws a place by moving `head` over it, so a full ring
 * turns an event away before anything is drawn, and nobody ever waits.
 */
#include "tracer.h"

/* --- the ring --- */

void lp_tracer_record(struct lp_tracer *t, unsigned cpu,
                      const struct lp_trace *event)
{
    uint64_t p = atomic_load_explicit(&t->head, memory_order_relaxed), turn;
    struct lp_tracer_slot *slot;

    for (;;) {
        slot = &t->slots[p % t->nslots];
        turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn < p) {
            atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
            return;
        }
        if (turn > p)
            p = atomic_load_explicit(&t->head, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(&t->head, &p, p + 1,
                                                       memory_order_relaxed,
                                                       memory_order_relaxed))
            break;
    }
    slot->cpu = cpu;
    slot->event = *event;
    atomic_store_explicit(&slot->turn, p + 1, memory_order_release);
}

/* The oldest event, if there is one. */
static bool take(struct lp_tracer *t, unsigned *cpu, struct lp_trace *event)
{
    uint64_t p = atomic_load_explicit(&t->tail, memory_order_relaxed);
    struct lp_tracer_slot *slot = &t->slots[p % t->nslots];

    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != p + 1)
        return false;
    *cpu = slot->cpu;
    *event = slot->event;
    atomic_store_explicit(&slot->turn, p + t->nslots, memory_order_release);
    atomic_store_explicit(&t->tail, p + 1, memory_order_relaxed);
    return true;
}

uint64_t lp_tracer_pending(struct lp_tracer *t)
{
    uint64_t tail = atomic_load_explicit(&t->tail, memory_order_relaxed);

    return atomic_load_explicit(&t->head, memory_order_relaxed) - tail;
}

/* --- a line --- */

static void put(struct lp_tracer *t, char c)
{
    if (t->len < sizeof(t->line) - 1)
        t->line[t->len++] = c;
}

static void put_word(struct lp_tracer *t, const char *word)
{
    if (t->len)
        put(t, ' ');
    while (*word)
        put(t, *word++);
}

static void put_digits(struct lp_tracer *t, uint64_t x, unsigned base)
{
    char digits[20];
    int n = 0;

    do {
        digits[n++] = "0123456789abcdef"[x % base];
        x /= base;
    } while (x);
    while (n)
        put(t, digits[--n]);
}

static void put_decimal(struct lp_tracer *t, uint64_t x)
{
    put(t, ' ');
    put_digits(t, x, 10);
}

static void put_hex(struct lp_tracer *t, uint64_t x)
{
    put(t, ' ');
    put_digits(t, x, 16);
}

static void put_access(struct lp_tracer *t, unsigned access)
{
    put(t, ' ');
    put(t, access & LP_READ ? 'r' : '-');
    put(t, access & LP_WRITE ? 'w' : '-');
    put(t, access & LP_EXEC ? 'x' : '-');
}

/* The rest of a line, for a reader; printable characters only. */
static void put_text(struct lp_tracer *t, const char *text)
{
    unsigned room = LP_TRACER_TEXT;

    put(t, ' ');
    for (; *text && room; text++, room--)
        put(t, *text >= ' ' && *text <= '~' ? *text : '?');
}

static void line_end(struct lp_tracer *t)
{
    t->line[t->len++] = '\n';
    t->emit(t->ctx, t->line, t->len);
    t->len = 0;
}

/* --- events --- */

static void put_result(struct lp_tracer *t, int64_t result)
{
    put_word(t, lp_strerror(result < 0 ? (int)result : 0));
}

static void put_range(struct lp_tracer *t, const struct lp_trace *event)
{
    put_hex(t, event->va);
    put_hex(t, event->len);
}

static void put_details(struct lp_tracer *t, const struct lp_trace *event)
{
    switch (event->kind) {
    case LP_TRACE_DECISION:
        put_hex(t, event->va);
        put_access(t, event->access);
        put_word(t, lp_decision_name(event->decision));
        return;
    case LP_TRACE_MMAP:
    case LP_TRACE_MUNMAP: put_range(t, event); break;
    case LP_TRACE_MPROTECT:
        put_range(t, event);
        put_access(t, event->access);
        break;
    case LP_TRACE_MADVISE:
        put_range(t, event);
        put_decimal(t, (unsigned)event->advice);
        break;
    case LP_TRACE_FORK: put_decimal(t, event->other_id); break;
    case LP_TRACE_DESTROY: return;
    }
    put_result(t, event->result);
}

static void write_event(struct lp_tracer *t, unsigned cpu,
                        const struct lp_trace *event)
{
    static const char *const words[] = {
        [LP_TRACE_DECISION] = "fault",  [LP_TRACE_MMAP] = "mmap",
        [LP_TRACE_MUNMAP] = "munmap",   [LP_TRACE_MPROTECT] = "mprotect",
        [LP_TRACE_MADVISE] = "madvise", [LP_TRACE_FORK] = "fork",
        [LP_TRACE_DESTROY] = "destroy",
    };

    put_word(t, words[event->kind]);
    put_decimal(t, ++t->events);
    put_decimal(t, cpu);
    put_decimal(t, event->space_id);
    put_details(t, event);
    line_end(t);
}

void lp_tracer_drain(struct lp_tracer *t)
{
    struct lp_trace event;
    unsigned cpu;
    uint64_t lost;

    while (take(t, &cpu, &event))
        write_event(t, cpu, &event);
    lost = atomic_load_explicit(&t->lost, memory_order_relaxed);
    if (lost == t->told_lost)
        return;
    put_word(t, "lost");
    put_decimal(t, lost - t->told_lost);
    line_end(t);
    t->told_lost = lost;
}

/* --- snapshots --- */

void lp_tracer_begin(struct lp_tracer *t, const char *label)
{
    lp_tracer_drain(t);
    put_word(t, "snapshot");
    put_decimal(t, ++t->snapshots);
    put_text(t, label);
    line_end(t);
}

void lp_tracer_commit(struct lp_tracer *t)
{
    put_word(t, "end");
    put_decimal(t, t->snapshots);
    line_end(t);
}

static void write_area(struct lp_tracer *t, const struct lp_area *area)
{
    put_word(t, "area");
    put_hex(t, area->start);
    put_hex(t, area->end);
    put_access(t, area->access);
    put_word(t, area->shared ? "shared" : "private");
    put_hex(t, (uintptr_t)area->object);
    put_hex(t, area->offset);
    line_end(t);
}

static void write_tables(struct lp_tracer *t, struct lp_space *space)
{
    struct lp_table_info info;
    unsigned level = LP_LEVELS_MAX;
    lp_va va;

    while (level-- > 0)
        for (va = 0; lp_next_table(space, level, va, &info); va = info.end) {
            put_word(t, "table");
            put_decimal(t, level);
            put_hex(t, info.start);
            put_hex(t, info.end);
            put_hex(t, info.table >> LP_PAGE_SHIFT);
            put_decimal(t, info.references);
            put_decimal(t, info.used);
            put_word(t, info.owned ? "owned" : "unowned");
            line_end(t);
        }
}

/* One letter for each flag that is set; "-": none. */
static void put_flags(struct lp_tracer *t, unsigned flags)
{
    static const struct {
        unsigned flag;
        char letter;
    } letters[] = {
        { LP_PAGE_KEPT, 'k' },     { LP_PAGE_COW, 'c' },
        { LP_PAGE_SHARED, 's' },   { LP_PAGE_DIRTY, 'd' },
        { LP_PAGE_ACCESSED, 'a' }, { LP_PAGE_ZERO, 'z' },
        { LP_PAGE_DEVICE, 'v' },   { LP_PAGE_UNOWNED, 'u' },
    };
    size_t start, i;

    put(t, ' ');
    start = t->len;
    for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (flags & letters[i].flag)
            put(t, letters[i].letter);
    if (t->len == start)
        put(t, '-');
}

/* Pages in a row that differ in their frames only share a line. */
struct run {
    lp_va next; /* 0: no line has been begun */
    unsigned access, flags, npages;
};

enum { RUN_MAX = 16 };

static void run_end(struct lp_tracer *t, struct run *run)
{
    if (run->next)
        line_end(t);
    run->next = 0;
}

static void run_add(struct lp_tracer *t, struct run *run, lp_va va,
                    const struct lp_page_info *info)
{
    if (run->next != va || run->access != info->access ||
        run->flags != info->flags || run->npages == RUN_MAX)
        run_end(t, run);
    if (!run->next) {
        *run = (struct run){ 0, info->access, info->flags, 0 };
        put_word(t, "pages");
        put_hex(t, va);
        put_access(t, info->access);
        put_flags(t, info->flags);
    }
    put_hex(t, info->frame >> LP_PAGE_SHIFT);
    if (info->references != 1 && !(info->flags & LP_PAGE_ZERO)) {
        put(t, '*');
        put_digits(t, info->references, 10);
    }
    run->next = va + LP_PAGE_SIZE;
    run->npages++;
}

/* The pages of [va, end), which leaf tables may hold in part. */
static void write_pages(struct lp_tracer *t, struct lp_space *space, lp_va va,
                        lp_va end)
{
    struct run run = { 0 };
    struct lp_table_info table;
    struct lp_page_info info;

    while (va < end && lp_next_table(space, 0, va, &table)) {
        if (va < table.start)
            va = table.start;
        for (; va < end && va < table.end; va += LP_PAGE_SIZE)
            if (lp_query(space, va, &info) == 0 &&
                (info.flags & LP_PAGE_PRESENT))
                run_add(t, &run, va, &info);
    }
    run_end(t, &run);
}

void lp_tracer_space(struct lp_tracer *t, struct lp_space *space,
                     const char *name)
{
    struct lp_area area;
    lp_va va;

    put_word(t, "space");
    put_decimal(t, lp_space_id(space));
    put_text(t, name);
    line_end(t);
    write_tables(t, space);
    for (va = 0; lp_next_area(space, va, &area); va = area.end) {
        write_area(t, &area);
        write_pages(t, space, area.start, area.end);
    }
}

/* --- the ends --- */

void lp_tracer_start(struct lp_tracer *t, struct lp_tracer_slot *slots,
                     uint64_t nslots,
                     void (*emit)(void *ctx, const char *line, size_t len),
                     void *ctx, const struct lp_arch *arch)
{
    uint64_t i;

    t->emit = emit;
    t->ctx = ctx;
    t->slots = slots;
    t->nslots = nslots;
    for (i = 0; i < nslots; i++)
        atomic_init(&slots[i].turn, i);
    atomic_init(&t->head, 0);
    atomic_init(&t->tail, 0);
    atomic_init(&t->lost, 0);
    t->told_lost = t->events = t->snapshots = 0;
    t->len = 0;
    put_word(t, "lazypager-trace 1");
    line_end(t);
    put_word(t, "machine");
    put_word(t, arch->name);
    put_decimal(t, arch->format.levels);
    put_decimal(t, arch->format.index_bits);
    put_hex(t, arch->format.user_end);
    line_end(t);
}

void lp_tracer_end(struct lp_tracer *t)
{
    lp_tracer_drain(t);
    put_word(t, "done");
    put_decimal(t, t->events);
    put_decimal(t, t->told_lost);
    line_end(t);
}
