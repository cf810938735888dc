/*
 * print.c: the areas as text, in the shape of /proc/PID/maps.
 *
 *     00400000-00452000 r-xp 00000000 82
 *
 * start and end, access and p(rivate) or s(hared), offset, resident pages.
 */
#include <lazypager/watch.h>

#include "base.h"

/* A line under construction. */
struct line {
    char text[96];
    size_t len;
};

static void put(struct line *line, char c)
{
    line->text[line->len++] = c;
}

static void put_hex(struct line *line, uint64_t x)
{
    int shift = 60;

    while (shift > 28 && x >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put(line, "0123456789abcdef"[x >> shift & 15]);
}

static void put_decimal(struct line *line, uint64_t x)
{
    char digits[20];
    int n = 0;

    do {
        digits[n++] = (char)('0' + x % 10);
        x /= 10;
    } while (x);
    while (n)
        put(line, digits[--n]);
}

void lp_print_map(struct lp_space *space,
                  void (*emit)(void *ctx, const char *text, size_t len),
                  void *ctx)
{
    struct lp_area area;
    struct line line;
    lp_va va;

    for (va = 0; lp_next_area(space, va, &area); va = area.end) {
        line.len = 0;
        put_hex(&line, area.start);
        put(&line, '-');
        put_hex(&line, area.end);
        put(&line, ' ');
        put(&line, area.access & LP_READ ? 'r' : '-');
        put(&line, area.access & LP_WRITE ? 'w' : '-');
        put(&line, area.access & LP_EXEC ? 'x' : '-');
        put(&line, area.shared ? 's' : 'p');
        put(&line, ' ');
        put_hex(&line, area.offset);
        put(&line, ' ');
        put_decimal(&line, lp_resident_pages(space, area.start, area.end));
        put(&line, '\n');
        emit(ctx, line.text, line.len);
    }
}
