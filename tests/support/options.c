/*
 * options.c: see options.h.
 */
#include "options.h"

#include <lazypager/host.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(n) ((unsigned long long)(n))

static const char *program = "?", *usage = "";

void options_of(const char *name, const char *text)
{
    program = name;
    usage = text;
}

_Noreturn void bad_argument(const char *what, const char *value)
{
    fprintf(stderr, "%s: %s%s%s\n%s", program, what, value ? ": " : "",
            value ? value : "", usage);
    exit(2);
}

const char *value_of(const char *option, const char *value)
{
    if (!value)
        bad_argument("a value is missing after", option);
    return value;
}

uint64_t number_of(const char *option, const char *value, uint64_t least,
                   uint64_t most)
{
    unsigned long long n;
    char *end;

    value_of(option, value);
    errno = 0;
    n = strtoull(value, &end, 0);
    /* strtoull takes a sign and blanks. */
    if (errno || *end || *value < '0' || *value > '9' || n < least ||
        n > most) {
        fprintf(stderr, "%s: %s: not a number from %llu to %llu: %s\n", program,
                option, X(least), X(most), value);
        exit(2);
    }
    return n;
}

bool is_format(const char *name)
{
    unsigned i;

    for (i = 0; lp_host_formats[i]; i++)
        if (strcmp(name, lp_host_formats[i]) == 0)
            return true;
    return false;
}

const char *format_option(const char *name)
{
    if (!name || strcmp(name, "all") == 0)
        return NULL;
    if (!is_format(name))
        bad_argument("unknown format", name);
    return name;
}

/* --- operations that are left out --- */

/* A number of the list; *text: what is behind it. */
static uint64_t take_number(const char *list, const char **text, uint64_t ops)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(*text, &end, 10);
    if (**text < '0' || **text > '9' || errno || n >= ops)
        bad_argument("not a list of operations of this run", list);
    *text = end;
    return n;
}

uint8_t *keep_of(const char *list, uint64_t ops)
{
    uint8_t *skip = malloc(ops);
    const char *text = list;
    uint64_t first, last;

    memset(skip, 1, ops);
    do {
        text += text != list; /* the comma */
        first = last = take_number(list, &text, ops);
        if (*text == '-') {
            text++;
            last = take_number(list, &text, ops);
        }
        if (last < first || (*text && *text != ','))
            bad_argument("not a list of operations of this run", list);
        for (; first <= last; first++)
            skip[first] = 0;
    } while (*text);
    return skip;
}

void print_keep(const uint8_t *skip, uint64_t ops)
{
    const char *between = " --keep ";
    uint64_t i, j;

    for (i = 0; skip && i < ops; i = j) {
        j = i + 1;
        if (skip[i])
            continue;
        while (j < ops && !skip[j])
            j++;
        fprintf(stderr, "%s%llu", between, X(i));
        if (j > i + 1)
            fprintf(stderr, "-%llu", X(j) - 1);
        between = ",";
    }
}

/* The smallest number of operations that fails, by halving. */
static void cut(uint64_t *ops, bool (*fails)(void *ctx), void *ctx)
{
    uint64_t low = 0, high = *ops;

    while (low + 1 < high) {
        *ops = (low + high) / 2;
        if (fails(ctx))
            high = *ops;
        else
            low = *ops;
    }
    *ops = high;
}

/* Leave out n operations unless they are needed; are they gone? */
static bool leave_out(uint8_t *skip, uint64_t n, bool (*fails)(void *ctx),
                      void *ctx)
{
    uint8_t *before;
    bool gone;

    if (!memchr(skip, 0, n))
        return false;
    before = malloc(n);
    memcpy(before, skip, n);
    memset(skip, 1, n);
    gone = fails(ctx);
    if (!gone)
        memcpy(skip, before, n);
    free(before);
    return gone;
}

bool shorten(uint64_t *ops, uint8_t *skip, bool (*fails)(void *ctx), void *ctx)
{
    uint64_t size, start;
    bool any;

    if (!fails(ctx))
        return false;
    cut(ops, fails, ctx);
    for (size = *ops / 2 + 1; size; size = any && size == 1 ? 1 : size / 2) {
        any = false;
        for (start = 0; start < *ops; start += size)
            any |= leave_out(skip + start,
                             *ops - start < size ? *ops - start : size, fails,
                             ctx);
    }
    return true;
}
