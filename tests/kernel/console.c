/*
 * console.c: one serial line, several channels (kernel.h), and messages.
 *
 * The lock spins with interrupts off: a message may come from anywhere.  A
 * panic does not wait for it for ever, since its owner may be the one that died.
 */
#include <stdarg.h>
#include <stdatomic.h>

#include "arch.h"
#include "coverage.h"
#include "cpu.h"

static atomic_flag taken = ATOMIC_FLAG_INIT;
static char channel_now; /* what the line is switched to; 0: nothing yet */
static atomic_bool dying;

enum { PATIENCE = 100000000 };

static void lock(void)
{
    unsigned long spins = 0;

    while (atomic_flag_test_and_set_explicit(&taken, memory_order_acquire) &&
           !(atomic_load(&dying) && ++spins > PATIENCE))
        arch_pause();
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&taken, memory_order_release);
}

static void change(char channel)
{
    const char text[] = { CONSOLE_ESCAPE, channel };

    if (channel_now != channel)
        arch_console_write(text, sizeof(text));
    channel_now = channel;
}

/* ESC is doubled; all else goes out in pieces as long as possible. */
static void put(const char *text, size_t len)
{
    const char escape = CONSOLE_ESCAPE;
    size_t i, from = 0;

    for (i = 0; i < len; i++)
        if (text[i] == CONSOLE_ESCAPE) {
            arch_console_write(text + from, i + 1 - from);
            arch_console_write(&escape, 1);
            from = i + 1;
        }
    arch_console_write(text + from, len - from);
}

void console_write(char channel, const void *text, size_t len)
{
    bool on = arch_irq_disable();

    lock();
    change(channel);
    put(text, len);
    unlock();
    arch_irq_restore(on);
}

void console_end(unsigned status)
{
    const char text[] = { CONSOLE_ESCAPE,
                          'x',
                          (char)('0' + status / 100 % 10),
                          (char)('0' + status / 10 % 10),
                          (char)('0' + status % 10),
                          '\n' };

    arch_irq_disable();
    coverage_end();
    lock();
    arch_console_write(text, sizeof(text));
    arch_exit(true);
}

/* --- messages --- */

struct line {
    char text[256];
    size_t len;
};

static void add(struct line *line, char c)
{
    if (line->len < sizeof(line->text))
        line->text[line->len++] = c;
}

static void add_number(struct line *line, uint64_t x, unsigned base,
                       unsigned width, char pad)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[x % base];
        x /= base;
    } while (x);
    while (n < width && n < sizeof(digits))
        digits[n++] = pad;
    while (n > 0)
        add(line, digits[--n]);
}

static void add_string(struct line *line, const char *s)
{
    for (s = s ? s : "(null)"; *s; s++)
        add(line, *s);
}

/* What stands between % and the letter. */
struct spec {
    unsigned width;
    char pad;
    bool wide;
};

static const char *parse(const char *format, struct spec *spec)
{
    *spec = (struct spec){ .pad = *format == '0' ? '0' : ' ' };
    for (; *format >= '0' && *format <= '9'; format++)
        spec->width = spec->width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        spec->wide = true;
    return format;
}

static void add_signed(struct line *line, int64_t x, const struct spec *spec)
{
    if (x < 0)
        add(line, '-');
    add_number(line, x < 0 ? -(uint64_t)x : (uint64_t)x, 10, spec->width,
               spec->pad);
}

/* Everything is fetched at its full size: int is promoted, long is 64 bits. */
static void print(struct line *line, const char *format, va_list args)
{
    struct spec spec;

    for (; *format; format++) {
        if (*format != '%') {
            add(line, *format);
            continue;
        }
        format = parse(format + 1, &spec);
        switch (*format) {
        case 's': add_string(line, va_arg(args, const char *)); break;
        case 'c': add(line, (char)va_arg(args, int)); break;
        case 'd':
            add_signed(line, spec.wide ? va_arg(args, long) : va_arg(args, int),
                       &spec);
            break;
        case 'u':
        case 'x':
            add_number(line,
                       spec.wide ? va_arg(args, unsigned long)
                                 : va_arg(args, unsigned),
                       *format == 'u' ? 10 : 16, spec.width, spec.pad);
            break;
        case 'p':
            add_number(line, (uintptr_t)va_arg(args, void *), 16, 16, '0');
            break;
        default: add(line, *format); break;
        }
    }
}

void klog(const char *format, ...)
{
    struct line line = { .len = 0 };
    va_list args;

    va_start(args, format);
    print(&line, format, args);
    va_end(args);
    if (line.len == sizeof(line.text))
        line.len--;
    add(&line, '\n');
    console_write('k', line.text, line.len);
}

void panic(const char *format, ...)
{
    struct line line = { .len = 0 };
    va_list args;

    arch_irq_disable();
    atomic_store(&dying, true);
    add_string(&line, "panic: ");
    va_start(args, format);
    print(&line, format, args);
    va_end(args);
    if (line.len == sizeof(line.text))
        line.len--;
    add(&line, '\n');
    console_write('k', line.text, line.len);
    arch_exit(false);
}
