/* The suite's chapters, and how promises are written in them: collections are spelled in text, elements apart by
 * blanks, with "=value" for a dictionary's fields and ":score" in sorted sets. */
#ifndef MAYFLY_TESTS_BEHAVIOUR_CHAPTERS_H
#define MAYFLY_TESTS_BEHAVIOUR_CHAPTERS_H

#include "store/behaviour.h"
#include "store/behaviour_calls.h"

struct behaviour_chapter {
    const struct CMUnitTest *promises;
    size_t count;
    bool on_engine; /* the tests' state is the engine, rather than a fixture in whose store there is room */
};

extern const struct behaviour_chapter behaviour_items;
extern const struct behaviour_chapter behaviour_tables;
extern const struct behaviour_chapter behaviour_lists;
extern const struct behaviour_chapter behaviour_sorted_sets;
extern const struct behaviour_chapter behaviour_room;
extern const struct behaviour_chapter behaviour_random;

/* A fixture with an empty store and the cache "cache", at time 1000. */
struct fixture *behaviour_open(const struct behaviour_engine *engine, uint64_t limit_bytes);
void behaviour_close(struct fixture *f);

/* A command on all of a collection, without elements, for a minute. */
struct store_command command_on(enum store_command_kind kind, enum store_type type, const char *key);

/* Does the command with the elements spelled. */
enum store_status give(struct fixture *f, struct store_command order, const char *spelled);

/* What is spelled of elements beside their names. */
enum spelling {
    SPELL_POSITIONAL = 1, /* one that was not found is "-" */
    SPELL_VALUES = 2,
    SPELL_SCORES = 4,
    SPELL_RANKS = 8, /* "#0" */
    SPELL_BY_NAME = 16,
};

/* Fails unless the latest answer is OK with these elements. */
void assert_answer(struct fixture *f, unsigned spelling, const char *expected);

/* Fail unless the key holds just this; tables are spelled by name, sorted sets in ascending order. */
void assert_dictionary(struct fixture *f, const char *key, const char *spelled);
void assert_set(struct fixture *f, const char *key, const char *spelled);
void assert_list(struct fixture *f, const char *key, const char *spelled);
void assert_sorted_set(struct fixture *f, const char *key, const char *spelled);
void assert_leaderboard(struct fixture *f, const char *key, const char *spelled);
void assert_missing(struct fixture *f, const char *key);
void assert_ttl(struct fixture *f, const char *key, uint64_t ttl_ms);

#endif
