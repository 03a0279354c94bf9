/* Which kind does which command, and what a command may cost. */
#include "store/memory/collection.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/memory/collection_kinds.h"
#include "store/memory/command_kind.h"
#include "store/memory/counted.h"

/* Pages that a piece of freeing takes: about 50 us. */
#define FREE_PAGES 256

union kind {
    struct table table;
    struct series series;
    struct sorted sorted;
};

static union kind *kind_of(struct collection *collection)
{
    return (union kind *)(void *)collection;
}

static const size_t kind_sizes[] = {
    [STORE_DICTIONARY] = sizeof(struct table),   [STORE_SET] = sizeof(struct table),
    [STORE_LIST] = sizeof(struct series),        [STORE_SORTED_SET] = sizeof(struct sorted),
    [STORE_LEADERBOARD] = sizeof(struct sorted),
};

/* Where a set's draws begin: elsewhere for each set, also for one that stands where another stood. */
static uint64_t random_begin(const struct collection *collection, uint64_t seed)
{
    const uint64_t parts[] = {(uintptr_t)collection, (uint64_t)clock_now_ns()};
    return hash64(bytes_make(parts, sizeof parts), seed);
}

struct collection *collection_create(enum store_type type, uint64_t seed)
{
    uint64_t bytes = 0;
    struct collection *collection = counted_take(kind_sizes[type], &bytes);
    if (collection == NULL)
        return NULL;
    memset(collection, 0, kind_sizes[type]);
    list_init(&collection->link);
    collection->bytes = bytes;
    collection->type = type;

    union kind *kind = kind_of(collection);
    uint64_t *account = &collection->bytes;
    if (type == STORE_LIST) {
        kind->series.sequence.bytes = account;
    } else if (type == STORE_DICTIONARY || type == STORE_SET) {
        kind->table.tree = (struct tree){.sized_names = type == STORE_DICTIONARY, .bytes = account};
        kind->table.seed = seed;
        kind->table.random = random_begin(collection, seed);
    } else {
        kind->sorted.by_score.bytes = kind->sorted.by_name.bytes = account;
        kind->sorted.seed = seed;
    }
    return collection;
}

bool collection_free_piece(struct collection *collection)
{
    union kind *kind = kind_of(collection);
    unsigned budget = FREE_PAGES;
    bool gone;
    if (collection->type == STORE_LIST)
        gone = sequence_free_piece(&kind->series.sequence, &budget);
    else if (collection->type == STORE_DICTIONARY || collection->type == STORE_SET)
        gone = tree_free_piece(&kind->table.tree, &budget);
    else
        gone = tree_free_piece(&kind->sorted.by_name, &budget) &&
               tree_free_piece(&kind->sorted.by_score, &budget);
    if (gone)
        free(collection);
    return gone;
}

static uint64_t growth_most(const union kind *kind, enum store_type type, const struct store_command *command)
{
    if (type == STORE_LIST)
        return series_growth_most(&kind->series, command);
    if (type == STORE_DICTIONARY || type == STORE_SET)
        return table_growth_most(&kind->table, command);
    return sorted_growth_most(&kind->sorted, command);
}

uint64_t collection_need_bytes(const struct collection *collection, const struct store_command *command)
{
    if (!command_kind_of(command)->grows)
        return 0;
    if (collection != NULL)
        return growth_most((const union kind *)(const void *)collection, collection->type, command);
    enum store_type type = command_type(command);
    union kind none = {0};
    if (type == STORE_DICTIONARY)
        none.table.tree.sized_names = true;
    return counted_most(kind_sizes[type]) + growth_most(&none, type, command);
}

void collection_apply(struct collection *collection, const struct store_command *command,
                      struct collection_answer *answer, struct store_reply *reply)
{
    union kind *kind = kind_of(collection);
    collection_answer_init(answer);
    answer->room_bytes = command->reply_limit_bytes > 0 ? command->reply_limit_bytes : UINT64_MAX;
    if (command->kind == STORE_LENGTH) {
        reply->status = STORE_OK;
        reply->number = (int64_t)collection->length;
    } else if (collection->type == STORE_LIST) {
        reply->status = series_apply(&kind->series, command, answer, reply);
        collection->length = kind->series.sequence.count;
    } else if (collection->type == STORE_DICTIONARY || collection->type == STORE_SET) {
        reply->status = table_apply(&kind->table, command, answer, reply);
        collection->length = kind->table.tree.count;
    } else {
        reply->status = sorted_apply(&kind->sorted, command, answer, reply);
        collection->length = kind->sorted.by_score.count;
    }
    if (reply->status != STORE_OK) {
        reply->elements = NULL;
        reply->count = 0;
    }
}

void collection_answer_free(struct collection_answer *answer)
{
    free(answer->far);
    free(answer->taken);
    while (answer->husk != NULL && !collection_free_piece(answer->husk))
        continue;
    collection_answer_init(answer);
}

bool collection_book(struct collection_answer *answer, uint64_t count)
{
    if (count > answer->room_bytes / STORE_ELEMENT_BYTES)
        return false;
    answer->room_bytes -= count * STORE_ELEMENT_BYTES;
    return true;
}

bool collection_book_element(struct collection_answer *answer, const struct store_element *element)
{
    uint64_t size = element->name.size + element->value.size;
    if (size > answer->room_bytes)
        return false;
    answer->room_bytes -= size;
    return true;
}

struct store_element *collection_elements(struct collection_answer *answer, struct store_reply *reply,
                                          uint64_t count)
{
    struct store_element *elements = answer->near;
    if (count > COLLECTION_ELEMENTS_NEAR)
        elements = answer->far = malloc(count * sizeof *elements);
    if (elements == NULL)
        return NULL;
    reply->elements = elements;
    reply->count = count;
    return elements;
}

/* INDEX as a distance from the first. */
static uint64_t clamp(int64_t index, uint64_t length)
{
    if (index < 0)
        index += (int64_t)length;
    if (index < 0)
        return 0;
    return (uint64_t)index < length ? (uint64_t)index : length;
}

uint64_t collection_slice(int64_t start, int64_t end, uint64_t length, uint64_t *begin)
{
    *begin = clamp(start, length);
    uint64_t stop = clamp(end, length);
    return stop > *begin ? stop : *begin;
}
