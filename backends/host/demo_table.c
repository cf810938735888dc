/*
 * demo_table.c: tables of numbers, or lists of them where tables do not fit.
 */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2, LINES = 3 };

void demo_table_row(struct demo *d, struct demo_table *table, const char *first,
                    const uint64_t *numbers)
{
    char(*row)[DEMO_CELL], number[DEMO_NUMBER];
    unsigned i;

    if (d->screen.quiet)
        return;
    if (table->nrows == table->room) {
        table->room = table->room ? 2 * table->room : 8;
        row = realloc(table->cells,
                      (size_t)table->room * table->ncolumns * sizeof *row);
        if (!row) {
            demo_must(d, -LP_ENOMEM, "a table");
            return;
        }
        table->cells = row;
    }
    row = table->cells + (size_t)table->nrows++ * table->ncolumns;
    snprintf(row[0], DEMO_CELL, "%s", first);
    for (i = 1; i < table->ncolumns; i++)
        snprintf(row[i], DEMO_CELL, "%s", demo_number(number, numbers[i - 1]));
}

/* Line n of a heading, or "". */
static const char *head_line(const char *head, unsigned n, char *buffer)
{
    size_t len;

    for (; n; n--) {
        head += strcspn(head, "\n");
        head += *head == '\n';
    }
    len = strcspn(head, "\n");
    memcpy(buffer, head, len);
    buffer[len] = '\0';
    return buffer;
}

static unsigned head_lines(const char *head)
{
    unsigned n = 1;

    for (; *head; head++)
        n += *head == '\n';
    return n;
}

static unsigned column_width(const struct demo_table *table, unsigned column)
{
    char buffer[DEMO_CELL];
    unsigned row, width = 0, n;

    for (row = 0; row < LINES; row++) {
        n = demo_columns(head_line(table->head[column], row, buffer));
        width = n > width ? n : width;
    }
    for (row = 0; row < table->nrows; row++) {
        n = demo_columns(table->cells[(size_t)row * table->ncolumns + column]);
        width = n > width ? n : width;
    }
    return width;
}

/* A line is built, and ends without blanks. */
struct line {
    char text[DEMO_TABLE_COLUMNS * DEMO_CELL];
    size_t len;
};

static void add(struct line *line, unsigned pad, const char *text,
                unsigned pad_after)
{
    line->len +=
        (size_t)snprintf(line->text + line->len, sizeof line->text - line->len,
                         "%*s%s%*s", (int)pad, "", text, (int)pad_after, "");
}

/* One cell, at the left or the right of its column. */
static void put(struct line *line, const char *text, unsigned width, bool left)
{
    unsigned pad = width - demo_columns(text);

    if (left)
        add(line, 0, text, pad);
    else
        add(line, GAP + pad, text, 0);
}

static void show(struct demo *d, struct line *line, enum demo_colour colour)
{
    while (line->len && line->text[line->len - 1] == ' ')
        line->len--;
    demo_print(&d->screen, "%s%.*s%s\n", demo_colour(&d->screen, colour),
               (int)line->len, line->text, demo_colour(&d->screen, DEMO_PLAIN));
    line->len = 0;
}

/* Headings stand on their columns: those of fewer lines begin lower. */
static void show_heads(struct demo *d, const struct demo_table *table,
                       const unsigned *width)
{
    unsigned i, n, lines = 1, l;
    struct line line = { .len = 0 };
    char buffer[DEMO_CELL];

    for (i = 0; i < table->ncolumns; i++) {
        n = head_lines(table->head[i]);
        lines = n > lines ? n : lines;
    }
    for (l = 0; l < lines; l++) {
        for (i = 0; i < table->ncolumns; i++) {
            n = lines - head_lines(table->head[i]);
            put(&line, l < n ? "" : head_line(table->head[i], l - n, buffer),
                width[i], i == 0);
        }
        show(d, &line, DEMO_DIM);
    }
}

static void show_rows(struct demo *d, const struct demo_table *table,
                      const unsigned *width)
{
    struct line line = { .len = 0 };
    unsigned row, i;

    for (row = 0; row < table->nrows; row++) {
        for (i = 0; i < table->ncolumns; i++)
            put(&line, table->cells[(size_t)row * table->ncolumns + i],
                width[i], i == 0);
        show(d, &line, DEMO_PLAIN);
    }
}

static void show_lists(const struct demo_table *table)
{
    unsigned row, i;
    const char *p;

    for (row = 0; row < table->nrows; row++) {
        printf("%s\n", table->cells[(size_t)row * table->ncolumns]);
        for (i = 1; i < table->ncolumns; i++) {
            printf("  ");
            for (p = table->head[i]; *p; p++)
                putchar(*p == '\n' ? ' ' : *p);
            printf(": %s\n", table->cells[(size_t)row * table->ncolumns + i]);
        }
    }
}

void demo_table_end(struct demo *d, struct demo_table *table)
{
    unsigned i, width[DEMO_TABLE_COLUMNS], sum = 0;

    if (!d->screen.quiet) {
        for (i = 0; i < table->ncolumns; i++) {
            width[i] = column_width(table, i);
            sum += width[i] + (i ? GAP : 0);
        }
        if (sum <= d->screen.width) {
            show_heads(d, table, width);
            show_rows(d, table, width);
        } else {
            show_lists(table);
        }
    }
    free(table->cells);
    table->cells = NULL;
    table->nrows = table->room = 0;
}
