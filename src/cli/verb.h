/* Client commands as tables: a row says what a verb takes, which options it has, which method it calls and how the
 * answer is printed. Parsing, the request, help, the page of settings and completion all come from the row. */
#ifndef MAYFLY_CLI_VERB_H
#define MAYFLY_CLI_VERB_H

#include "cli/target.h"

/* What an argument is, which says where in the request it goes. */
enum argument {
    ARGUMENT_END,
    ARGUMENT_CACHE,
    ARGUMENT_KEY, /* the name of an item; of a collection and so on by the kind's own word */
    ARGUMENT_DICTIONARY,
    ARGUMENT_SET,
    ARGUMENT_LIST,
    ARGUMENT_SORTED_SET,
    ARGUMENT_LEADERBOARD,
    ARGUMENT_TOPIC,
    ARGUMENT_FIELD,
    ARGUMENT_VALUE, /* "-" is standard input */
    ARGUMENT_SCORE,
    ARGUMENT_ID,
    ARGUMENT_SOURCE, /* a sorted set that a union reads */
    ARGUMENT_WEIGHT,
    ARGUMENT_RANGE,        /* INDEX or INDEX:COUNT */
    ARGUMENT_TIME,         /* to live */
    ARGUMENT_AMOUNT,       /* a whole number; 1 where it is left out */
    ARGUMENT_SCORE_AMOUNT, /* likewise, any number */
};

#define VERB_ARGUMENTS_MAX 5

struct verb {
    const char *name;
    const char *summary;
    mayfly_method method;
    enum argument takes[VERB_ARGUMENTS_MAX]; /* closed by ARGUMENT_END */
    int repeated;                            /* so many at the end may come again, together */
    bool optional;                           /* the last one may be left out */
    bool all;                                /* the whole collection, as request.all says */
    unsigned options;                        /* TAKES_..., see settings.h */
    bool is_local; /* calls no server, so the options of those that do are not its own */
    int (*adjust)(struct target *target); /* what the rest of the row cannot say of the request, or NULL */
    int (*print)(struct target *target);  /* a successful answer, see print.h */
    int (*run)(struct target *target);    /* NULL, or all of it instead of call and print */
};

/* A command's verbs, a table a file. */
extern const struct verb cache_verbs[], ping_verbs[];
extern const struct verb get_verbs[], set_verbs[], delete_verbs[], increment_verbs[], exists_verbs[],
    type_verbs[], ttl_verbs[], batch_verbs[];
extern const struct verb dictionary_verbs[], sets_verbs[], list_verbs[], sorted_set_verbs[],
    leaderboard_verbs[], topic_verbs[], key_verbs[];

/* Runs the command that ARGV[0] names. */
int verb_run(const struct cli_command *command, int argc, char **argv);

/* The command's verb that the arguments name; NULL where they name none. */
const struct verb *verb_find(const struct cli_command *command, int argc, char **argv);

/* All options of a verb, its own first; returns how many of TABLE were filled. */
size_t verb_options(const struct verb *verb, struct option table[SETTINGS_MAX]);

/* Whether the command is its own verb. */
static inline bool verb_is_only(const struct verb *verb)
{
    return *verb->name == '\0';
}

/* "mayfly list push-front CACHE LIST VALUE" */
#define VERB_USAGE_BYTES 160
void verb_usage(const struct cli_command *command, const struct verb *verb, char text[VERB_USAGE_BYTES]);

#endif
