/*
 * demo_screen.c: what fits the terminal, or the pipe, that is there.
 *
 * Escape sequences only on a terminal that knows them and whose user has not
 * set NO_COLOR (https://no-color.org: set and not empty).  Characters beyond
 * ASCII only on a terminal whose locale is UTF-8: what goes into a file or a
 * pipe can be read anywhere.
 */
#include "demo.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80, WIDTH_MIN = 20, WIDTH_MAX = 400, TEXT_MAX = 79 };

/* COLUMNS, as a shell exports it; else the terminal's own word; else 80. */
static unsigned width_of_screen(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size = { 0 };
    unsigned long n = 0;
    char *end;

    if (columns && *columns >= '0' && *columns <= '9') {
        n = strtoul(columns, &end, 10);
        if (*end)
            n = 0;
    }
    if (n == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    if (n == 0)
        return WIDTH;
    if (n < WIDTH_MIN)
        return WIDTH_MIN;
    return n < WIDTH_MAX ? (unsigned)n : WIDTH_MAX;
}

void demo_screen_init(struct demo_screen *screen)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool capable = term && *term && strcmp(term, "dumb") != 0;
    bool terminal = isatty(STDOUT_FILENO);

    setlocale(LC_CTYPE, "");
    screen->width = width_of_screen();
    screen->colour = terminal && capable && !(no_color && *no_color);
    screen->blocks =
        terminal && capable && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen->progress = isatty(STDERR_FILENO) && capable;
    screen->quiet = false;
}

unsigned demo_columns(const char *text)
{
    unsigned n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void demo_printable(const struct demo_screen *screen, const char *text,
                    unsigned room, char *buffer)
{
    unsigned skip = demo_columns(text);
    unsigned char c;

    if (room < 4)
        room = 4;
    skip = skip > room ? skip - room + 3 : 0;
    if (skip) {
        memcpy(buffer, "...", 3);
        buffer += 3;
    }
    for (; *text; text++) {
        c = (unsigned char)*text;
        if ((c & 0xc0) != 0x80 && skip) {
            skip--;
            while (((unsigned char)text[1] & 0xc0) == 0x80)
                text++;
            continue;
        }
        if (c < ' ' || c == 0x7f || (c >= 0x80 && !screen->blocks))
            c = '?';
        *buffer++ = (char)c;
    }
    *buffer = '\0';
}

void demo_print(const struct demo_screen *screen, const char *format, ...)
{
    va_list arguments;

    if (screen->quiet)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

/* Print words, beginning new lines; `column` is where we are. */
static void fill(const struct demo_screen *screen, const char *text,
                 unsigned column, unsigned indent)
{
    unsigned width = screen->width < TEXT_MAX ? screen->width : TEXT_MAX;
    bool first = true;
    char word[256];
    size_t len;

    while (*(text += strspn(text, " "))) {
        len = strcspn(text, " ");
        if (len >= sizeof word)
            len = sizeof word - 1;
        memcpy(word, text, len);
        word[len] = '\0';
        text += len;
        if (!first && column + 1 + demo_columns(word) > width) {
            printf("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        printf("%s%s", first ? "" : " ", word);
        column += demo_columns(word) + !first;
        first = false;
    }
    printf("\n");
}

static void say(const struct demo_screen *screen, enum demo_colour colour,
                const char *lead, const char *format, va_list arguments)
{
    unsigned indent = demo_columns(lead);
    char text[2048];

    vsnprintf(text, sizeof text, format, arguments);
    if (lead[strspn(lead, " ")])
        printf("%s%s%s", demo_colour(screen, colour), lead,
               demo_colour(screen, DEMO_PLAIN));
    else
        printf("%s", lead);
    fill(screen, text, indent, indent);
}

void demo_say(const struct demo_screen *screen, const char *lead,
              const char *format, ...)
{
    va_list arguments;

    if (screen->quiet)
        return;
    va_start(arguments, format);
    say(screen, DEMO_BOLD, lead, format, arguments);
    va_end(arguments);
}

void demo_item(const struct demo_screen *screen, enum demo_colour colour,
               const char *lead, const char *format, ...)
{
    va_list arguments;

    if (screen->quiet)
        return;
    va_start(arguments, format);
    say(screen, colour, lead, format, arguments);
    va_end(arguments);
}

void demo_heading(const struct demo_screen *screen, const char *text)
{
    const char *line = screen->blocks ? "\u2500" : "-";
    unsigned i, n = demo_columns(text);

    if (screen->quiet)
        return;
    printf("\n%s%s%s\n%s", demo_colour(screen, DEMO_BOLD), text,
           demo_colour(screen, DEMO_PLAIN), demo_colour(screen, DEMO_DIM));
    for (i = 0; i < n && i < screen->width; i++)
        fputs(line, stdout);
    printf("%s\n\n", demo_colour(screen, DEMO_PLAIN));
}

const char *demo_colour(const struct demo_screen *screen,
                        enum demo_colour colour)
{
    static const char *const sequences[] = {
        [DEMO_PLAIN] = "\033[0m",  [DEMO_DIM] = "\033[2m",
        [DEMO_BOLD] = "\033[1m",   [DEMO_GOOD] = "\033[1;32m",
        [DEMO_BAD] = "\033[1;31m", [DEMO_OWNED] = "\033[32m",
        [DEMO_COW] = "\033[33m",   [DEMO_ZERO] = "\033[36m",
        [DEMO_CACHE] = "\033[34m", [DEMO_DIRTY] = "\033[35m",
    };

    return screen->colour ? sequences[colour] : "";
}

const char *demo_number(char *buffer, uint64_t n)
{
    char *p = buffer + DEMO_NUMBER - 1;
    unsigned digits = 0;

    *p = '\0';
    do {
        if (digits && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + n % 10);
        digits++;
    } while (n /= 10);
    return memmove(buffer, p, strlen(p) + 1);
}

void demo_progress(const struct demo_screen *screen, const char *what,
                   uint64_t done, uint64_t total)
{
    static unsigned shown;
    char line[200];

    if (!screen->progress)
        return;
    fflush(stdout);
    if (shown)
        fprintf(stderr, "\r%*s\r", (int)shown, "");
    shown = 0;
    if (total == 0)
        return;
    snprintf(line, sizeof line, "%s: %u %%", what,
             (unsigned)(done * 100 / total));
    shown = demo_columns(line);
    if (shown < screen->width)
        fputs(line, stderr);
    else
        shown = 0;
}
