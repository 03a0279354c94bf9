/* A collection and the reply to its latest command, for tests. */
#ifndef MAYFLY_TESTS_COLLECTION_CALLS_H
#define MAYFLY_TESTS_COLLECTION_CALLS_H

#include "store/memory/collection.h"
#include "store/structures.h"

#define SEED 7

struct shelf {
    struct collection *collection;
    enum store_type type;
    struct collection_answer answer;
    struct store_reply reply;
};

static inline void shelf_open(struct shelf *shelf, enum store_type type)
{
    shelf->collection = collection_create(type, SEED);
    shelf->type = type;
    collection_answer_init(&shelf->answer);
    assert_non_null(shelf->collection);
}

static inline void shelf_close(struct shelf *shelf)
{
    collection_answer_free(&shelf->answer);
    while (!collection_free_piece(shelf->collection))
        continue;
}

/* The reply is there until the next command. */
static inline enum store_status apply(struct shelf *shelf, struct store_command command)
{
    collection_answer_free(&shelf->answer);
    shelf->reply = (struct store_reply){0};
    command.type = shelf->type;
    collection_apply(shelf->collection, &command, &shelf->answer, &shelf->reply);
    return shelf->reply.status;
}

/* A command with one element. */
static inline enum store_status apply_one(struct shelf *shelf, struct store_command command, const char *name,
                                          const char *value, double score)
{
    struct store_element element = {.name = bytes_of(name), .value = bytes_of(value), .score = score};
    command.elements = &element;
    command.count = 1;
    return apply(shelf, command);
}

/* The reply's names, with a space between; scores and ranks are written where FORM asks for them. */
enum shelf_form { NAMES, WITH_VALUES, WITH_SCORES, WITH_RANKS };

static inline void assert_answer(const struct shelf *shelf, enum shelf_form form, const char *expected)
{
    char text[4096] = "";
    size_t at = 0;
    for (size_t i = 0; i < shelf->reply.count && at + 128 < sizeof text; i++) {
        const struct store_element *element = &shelf->reply.elements[i];
        char *to = text + at;
        size_t room = sizeof text - at;
        const char *space = i == 0 ? "" : " ";
        int name = (int)element->name.size;
        const char *data = (const char *)element->name.data;
        int size;
        if (!element->found)
            size = snprintf(to, room, "%s-", space);
        else if (form == WITH_VALUES)
            size = snprintf(to, room, "%s%.*s=%.*s", space, name, data, (int)element->value.size,
                            (const char *)element->value.data);
        else if (form == WITH_SCORES)
            size = snprintf(to, room, "%s%.*s=%g", space, name, data, element->score);
        else if (form == WITH_RANKS)
            size = snprintf(to, room, "%s%.*s@%llu", space, name, data, (unsigned long long)element->rank);
        else
            size = snprintf(to, room, "%s%.*s", space, name, data);
        at += (size_t)size;
    }
    assert_string_equal(text, expected);
}

#endif
