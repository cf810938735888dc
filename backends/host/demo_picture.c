/*
 * demo_picture.c: the family's memory, one character a page.
 *
 * Two blocks side by side: what each page is, and whose frame it is: the
 * letter of the first member, from the top, that has the same frame at this
 * place.  So equal letters in a column are one frame.  What does not fit the
 * screen goes below.  Below that, what the step took.
 *
 *                   pages                          frames
 *                   heap          private  shared  heap          private ...
 *     P parent      ##c##czz..    ff.#...  d.f...  PPPPPPzz      ffPf
 *     1 child 1     ccccc#zz..    ff.#...  d.f...  PPPPP1zz
 */
#include "demo_family.h"

#include <stdarg.h>
#include <string.h>

enum { NAMES = 14, GAP = 2, BLOCK_GAP = 4 };
enum { COLUMNS = 2 * AREAS }; /* states of each area, then frames of each */

static const struct {
    const char *ascii, *block;
    enum demo_colour colour;
    const char *meaning;
} looks[DEMO_STATES] = {
    [DEMO_UNMAPPED] = { " ", " ", DEMO_PLAIN, "nothing is mapped there" },
    [DEMO_ABSENT] = { ".", "\u00b7", DEMO_DIM,
                      "absent: no frame, the first touch will fault" },
    [DEMO_IS_ZERO] = { "z", "\u25cb", DEMO_ZERO,
                       "the zero page, one for everybody" },
    [DEMO_IS_CACHE] = { "f", "\u2591", DEMO_CACHE,
                        "clean page of a file's page cache" },
    [DEMO_IS_COW] = { "c", "\u2592", DEMO_COW,
                      "copy-on-write: a write will fault first" },
    [DEMO_IS_OWNED] = { "#", "\u2588", DEMO_OWNED,
                        "owned: written to without a fault" },
    [DEMO_IS_DIRTY] = { "d", "\u25c6", DEMO_DIRTY,
                        "dirty page of a shared file, to be written back" },
};

static const char *const area_names[AREAS] = { "heap", "private", "shared" };
static const unsigned area_widths[AREAS] = { HEAP_PAGES, PRIVATE_PAGES,
                                             SHARED_PAGES };

static const char *symbol(const struct demo_screen *screen,
                          enum demo_state state)
{
    return screen->blocks ? looks[state].block : looks[state].ascii;
}

/*
 * A private page of a file that was never written has no D, and then it is the
 * cache's own.
 */
enum demo_state demo_page_state(struct demo_family *f, enum demo_who who,
                                enum demo_where area, unsigned page)
{
    const struct demo_member *member = &f->member[who];
    struct lp_page_info info;

    if (page >= member->npages[area] ||
        lp_query(member->space, demo_page_va(f, area, page), &info))
        return DEMO_UNMAPPED;
    if (!(info.flags & LP_PAGE_PRESENT))
        return DEMO_ABSENT;
    if (info.flags & LP_PAGE_ZERO)
        return DEMO_IS_ZERO;
    if (info.flags & LP_PAGE_SHARED)
        return info.flags & LP_PAGE_DIRTY ? DEMO_IS_DIRTY : DEMO_IS_CACHE;
    if (!(info.flags & LP_PAGE_COW))
        return DEMO_IS_OWNED;
    return area == PRIVATE && !(info.flags & LP_PAGE_DIRTY) ? DEMO_IS_CACHE
                                                            : DEMO_IS_COW;
}

static const struct {
    enum lp_decision decision;
    const char *meaning;
} decisions[] = {
    { LP_ZERO, "a page of zeroes" },
    { LP_FILL, "the file must be read first" },
    { LP_MAP, "a page of the file's cache, and its neighbours" },
    { LP_COPY, "a copy of a shared page" },
    { LP_REUSE, "the last who shares a page keeps it, without a copy" },
    { LP_OWN, "a shared page table is copied, or taken back" },
    { LP_SPURIOUS, "the tables were right, only the TLB was behind" },
};

void demo_legend(const struct demo_screen *screen)
{
    unsigned i;
    enum demo_state state;
    char lead[16];

    for (state = DEMO_UNMAPPED; state < DEMO_STATES; state++) {
        snprintf(lead, sizeof lead, "  %s  ", symbol(screen, state));
        demo_item(screen, looks[state].colour, lead, "%s",
                  looks[state].meaning);
    }
    demo_print(screen, "\n");
    demo_say(screen, "",
             "Under 'frames' stands for each page the first process, from the "
             "top, that has the same frame there: equal letters below each "
             "other are one frame. The zero page and the caches' frames keep "
             "their signs.");
    demo_print(screen, "\n");
    demo_say(screen, "",
             "Below each picture: page faults, by what was decided on them, "
             "and frames in use, with the difference to the step before.");
    demo_print(screen, "\n");
    for (i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        snprintf(lead, sizeof lead, "  %-10s",
                 lp_decision_name(decisions[i].decision));
        demo_item(screen, DEMO_PLAIN, lead, "%s", decisions[i].meaning);
    }
}

/*
 * Blanks wait until something follows them, so that no line ends in one; a
 * colour stays until another is wanted.
 */
struct pen {
    const struct demo_screen *screen;
    unsigned blanks;
    enum demo_colour colour;
};

static void take_colour(struct pen *pen, enum demo_colour colour)
{
    if (pen->colour != colour && pen->colour != DEMO_PLAIN)
        demo_print(pen->screen, "%s", demo_colour(pen->screen, DEMO_PLAIN));
    if (pen->colour != colour && colour != DEMO_PLAIN)
        demo_print(pen->screen, "%s", demo_colour(pen->screen, colour));
    pen->colour = colour;
}

static void put(struct pen *pen, enum demo_colour colour, const char *text)
{
    if (!*text || strcmp(text, " ") == 0) {
        pen->blanks += *text != '\0';
        return;
    }
    demo_print(pen->screen, "%*s", (int)pen->blanks, "");
    take_colour(pen, colour);
    demo_print(pen->screen, "%s", text);
    pen->blanks = 0;
}

static void put_padded(struct pen *pen, enum demo_colour colour,
                       const char *text, unsigned width)
{
    put(pen, colour, text);
    pen->blanks += width - demo_columns(text);
}

static void end_line(struct pen *pen)
{
    take_colour(pen, DEMO_PLAIN);
    demo_print(pen->screen, "\n");
    pen->blanks = 0;
}

static void put_state(struct pen *pen, enum demo_state state)
{
    put(pen, looks[state].colour, symbol(pen->screen, state));
}

/* Whose frame: a letter, or the state's sign where it is nobody's. */
static void put_frame(struct pen *pen, struct demo_family *f, enum demo_who who,
                      enum demo_where area, unsigned page)
{
    static const enum demo_colour colours[MEMBERS] = { DEMO_OWNED, DEMO_COW,
                                                       DEMO_ZERO, DEMO_DIRTY };
    enum demo_state state = demo_page_state(f, who, area, page);
    lp_pa frame = demo_page_frame(f, who, area, page);
    enum demo_who first = PARENT;
    char letter[2] = "";

    if (state == DEMO_IS_COW || state == DEMO_IS_OWNED) {
        while (demo_page_frame(f, first, area, page) != frame)
            first++;
        letter[0] = f->member[first].letter;
        put(pen, colours[first], letter);
    } else {
        put_state(pen, state == DEMO_IS_DIRTY ? DEMO_IS_CACHE : state);
    }
}

static unsigned column_width(unsigned column)
{
    unsigned width = area_widths[column % AREAS];
    unsigned name = (unsigned)strlen(area_names[column % AREAS]);

    return name > width ? name : width;
}

static unsigned column_gap(unsigned first, unsigned column)
{
    return column > first && column % AREAS == 0 ? BLOCK_GAP : GAP;
}

static unsigned columns_width(unsigned first, unsigned end)
{
    unsigned width = NAMES, column;

    for (column = first; column < end; column++)
        width += column_gap(first, column) + column_width(column);
    return width;
}

/*
 * Where the columns that fit the screen end, from `first` on; at least one. A
 * block that does not fit whole begins a row of pictures of its own.
 */
static unsigned group_end(const struct demo_screen *screen, unsigned first)
{
    unsigned end = first + 1, next;

    while (end < COLUMNS) {
        next = end % AREAS == 0 ? end + AREAS : end + 1;
        if (columns_width(first, next) > screen->width)
            break;
        end = next;
    }
    return end;
}

static void put_heads(const struct demo_screen *screen, unsigned first,
                      unsigned end)
{
    struct pen pen = { .screen = screen, .blanks = NAMES };
    const char *text;
    unsigned column;

    for (column = first; column < end; column++) {
        pen.blanks += column_gap(first, column);
        text = column < AREAS ? "pages" : "frames";
        if (column != first && column % AREAS != 0)
            text = "";
        put_padded(&pen, DEMO_DIM, text, column_width(column));
    }
    end_line(&pen);
    pen.blanks = NAMES;
    for (column = first; column < end; column++) {
        pen.blanks += column_gap(first, column);
        put_padded(&pen, DEMO_DIM, area_names[column % AREAS],
                   column_width(column));
    }
    end_line(&pen);
}

static void put_row(struct demo_family *f, enum demo_who who, unsigned first,
                    unsigned end)
{
    struct pen pen = { .screen = &f->d->screen, .blanks = 2 };
    const char letter[] = { f->member[who].letter, '\0' };
    unsigned column, page, width;
    enum demo_where area;

    put_padded(&pen, DEMO_PLAIN, letter, 2);
    put_padded(&pen, DEMO_PLAIN, f->member[who].name, NAMES - 4);
    for (column = first; column < end; column++) {
        area = column % AREAS;
        width = area_widths[area];
        pen.blanks += column_gap(first, column);
        for (page = 0; page < width; page++) {
            if (column < AREAS)
                put_state(&pen, demo_page_state(f, who, area, page));
            else
                put_frame(&pen, f, who, area, page);
        }
        pen.blanks += column_width(column) - width;
    }
    end_line(&pen);
}

static void picture(struct demo_family *f)
{
    unsigned first, end;
    enum demo_who who;

    if (f->d->screen.quiet)
        return;
    for (first = 0; first < COLUMNS; first = end) {
        end = group_end(&f->d->screen, first);
        put_heads(&f->d->screen, first, end);
        for (who = PARENT; who < MEMBERS; who++)
            if (f->member[who].space)
                put_row(f, who, first, end);
    }
}

void demo_step_begin(struct demo_family *f)
{
    struct demo *d = f->d;

    f->step++;
    snprintf(d->where, sizeof d->where, "step %u", f->step);
    lp_pager_stats(d->pager, &f->stats);
    f->traps = demo_traps(d);
    f->frames = lp_host_frames_used(d->m);
}

/* Faults, decisions and frames since the step began. */
static void tell_numbers(struct demo_family *f)
{
    uint64_t traps = demo_traps(f->d) - f->traps, n;
    uint64_t frames = lp_host_frames_used(f->d->m);
    long long more = (long long)frames - (long long)f->frames;
    struct lp_stats now;
    char text[200] = "";
    size_t len = 0;
    unsigned i;

    lp_pager_stats(f->d->pager, &now);
    for (i = 0; i < LP_DECISIONS; i++) {
        n = now.decisions[i] - f->stats.decisions[i];
        if (n && len < sizeof text)
            len += (size_t)snprintf(
                text + len, sizeof text - len, "%s%s %llu", len ? ", " : ": ",
                lp_decision_name((enum lp_decision)i), (unsigned long long)n);
    }
    demo_print(&f->d->screen, "%s", demo_colour(&f->d->screen, DEMO_DIM));
    demo_say(&f->d->screen, "    ", "%llu fault%s%s; %llu frames in use, %+lld",
             (unsigned long long)traps, traps == 1 ? "" : "s", text,
             (unsigned long long)frames, more);
    demo_print(&f->d->screen, "%s", demo_colour(&f->d->screen, DEMO_PLAIN));
}

void demo_step_tell(struct demo_family *f, const char *format, ...)
{
    char text[600], lead[8];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(lead, sizeof lead, "%2u. ", f->step);
    demo_print(&f->d->screen, "\n");
    demo_say(&f->d->screen, lead, "%s", text);
    picture(f);
    tell_numbers(f);
    demo_trace_step(f, text);
    demo_family_verify(f);
}
