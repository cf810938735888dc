/*
 * options.h: what the command lines of the campaigns have in common.
 *
 * Bad arguments end the program: one line that says what was wrong, and exit
 * status 2.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* options_of: the program's name and its usage, for the messages below. */
void options_of(const char *program, const char *usage);

/* bad_argument: say what, about which value (may be NULL), and the usage. */
_Noreturn void bad_argument(const char *what, const char *value);

/* value_of: the word behind an option, which must be there. */
const char *value_of(const char *option, const char *value);

/* number_of: a whole number from least to most, also in hexadecimal. */
uint64_t number_of(const char *option, const char *value, uint64_t least,
                   uint64_t most);

/* is_format: is it the name of one of the host machine's formats? */
bool is_format(const char *name);

/* format_option: the same, or NULL for "all" and for NULL. */
const char *format_option(const char *name);

/*
 * keep_of: "3,7-9" to what a run of `ops` operations leaves out: for each, 1 or
 * 0.  The caller frees it.
 */
uint8_t *keep_of(const char *list, uint64_t ops);

/* print_keep: ` --keep 3,7-9` on standard error; nothing where skip is NULL. */
void print_keep(const uint8_t *skip, uint64_t ops);

/*
 * shorten: look for a shorter run that still fails: fewer operations, then
 * blocks of them left out, half as large each time, down to single ones.
 *
 * => *ops and skip say what a run does, and are changed; fails runs it.
 * => false: it does not even fail as it is.
 */
bool shorten(uint64_t *ops, uint8_t *skip, bool (*fails)(void *ctx), void *ctx);

#endif
