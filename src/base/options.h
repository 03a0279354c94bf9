/* Settings as a table: each has a name, a type, a default, a range and a sentence, and from the table come
 * the parsing of the command line, of the environment and of a file, --help and the page in docs/.
 *
 * A setting named "memory-limit" is --memory-limit VALUE or --memory-limit=VALUE on the command line,
 * MAYFLY_MEMORY_LIMIT in the environment and `memory-limit = VALUE` in a file. The command line wins over
 * the environment, which wins over the file. */
#ifndef MAYFLY_BASE_OPTIONS_H
#define MAYFLY_BASE_OPTIONS_H

#include "base/bytes.h"

#include <stdio.h>

enum option_type {
    OPTION_TEXT,     /* const char *: as given; the option set owns it */
    OPTION_NUMBER,   /* int64_t: decimal */
    OPTION_SIZE,     /* int64_t bytes: decimal with an optional b, kb, mb, gb or kib, mib, gib */
    OPTION_DURATION, /* int64_t nanoseconds: decimal with us, ms, s, m or h; a bare number is seconds */
    OPTION_RATE,     /* int64_t bits a second: decimal with an optional bit, kbit, mbit, gbit */
    OPTION_FLAG,     /* bool: alone or with true/false */
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset; /* of the value in the structure that the caller fills */
    const char *fallback;
    int64_t min; /* of numbers, bytes, bits or nanoseconds; ignored for texts and flags */
    int64_t max;
    const char *value_name; /* in help: "SIZE" */
    const char *help;
    const char *const *choices; /* texts: NULL, or what is allowed, closed by NULL */
};

#define OPTIONS_ERROR_BYTES 256

/* A table at work. Texts that were given live until options_free. */
struct option_set {
    const struct option *table;
    size_t count;
    void *values;
    char **texts; /* one place an option */
    char error[OPTIONS_ERROR_BYTES];
};

/* Sets every value to its fallback. False when memory is out. */
bool options_init(struct option_set *set, const struct option *table, size_t count, void *values);
void options_free(struct option_set *set);

/* Sets one value from TEXT; false with a sentence in set->error where it is not allowed. */
bool options_set(struct option_set *set, const char *name, const char *text);

/* Reads MAYFLY_ variables. */
bool options_read_environment(struct option_set *set);

/* Reads `name = value` lines; empty lines and those that start with # are passed over. */
bool options_read_file(struct option_set *set, const char *path);

/* Reads arguments from ARGV[AT] on, options and others in any order; the others are moved together to
 * ARGV[AT] and counted in *positional_count. What follows "--" is no option. */
bool options_read_arguments(struct option_set *set, int argc, char **argv, int at, int *positional_count);

/* The table as help for a terminal, and as a Markdown table. */
void options_print_help(const struct option *table, size_t count, FILE *to);
void options_print_markdown(const struct option *table, size_t count, FILE *to);

/* One value from text, by the rules above; false where it is none. Used by others that read sizes. */
bool options_parse_value(enum option_type type, const char *text, int64_t *value);

#endif
