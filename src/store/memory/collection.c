/* Which kind does which command, and what a command may cost. */
#include "store/memory/collection.h"

#include <stdlib.h>

#include "store/memory/collection_kinds.h"
#include "store/memory/command_kind.h"
#include "store/memory/counted.h"

/* Pages that a piece of freeing takes: about 50 us. */
#define FREE_PAGES           256

/* What a command may add beside its elements: the collection, a sorted set's second tree at first, a longer ring, new
 * nodes far up in a tree. */
#define GROWTH_BYTES         ((uint64_t)8 << 10)

/* What an element may add to a tree beside name and value: key, slot, sizes, the step by which its page grows or what is
 * rounded up when the page divides, and branches in two levels above it. */
#define GROWTH_TREE_BYTES    ((uint64_t)200)

/* To a list: slot, rounding, its part of a page; a page ends up to an eighth before it is full. */
#define GROWTH_LIST_BYTES    ((uint64_t)64)
#define GROWTH_LIST_FRACTION 4

/* What the second tree holds. */
#define SCORE_BYTES          ((uint64_t)8)

union kind {
    struct table table;
    struct series series;
    struct sorted sorted;
};

static union kind *kind_of(struct collection *collection)
{
    return (union kind *)(void *)collection;
}

struct collection *collection_create(enum store_type type, uint64_t seed)
{
    static const size_t sizes[] = {
        [STORE_DICTIONARY] = sizeof(struct table),   [STORE_SET] = sizeof(struct table),
        [STORE_LIST] = sizeof(struct series),        [STORE_SORTED_SET] = sizeof(struct sorted),
        [STORE_LEADERBOARD] = sizeof(struct sorted),
    };
    uint64_t bytes = 0;
    struct collection *collection = counted_take(sizes[type], &bytes);
    if (collection == NULL)
        return NULL;
    memset(collection, 0, sizes[type]);
    list_init(&collection->link);
    collection->bytes = bytes;
    collection->type = type;

    union kind *kind = kind_of(collection);
    uint64_t *account = &collection->bytes;
    if (type == STORE_LIST) {
        kind->series.sequence.bytes = account;
    } else if (type == STORE_DICTIONARY || type == STORE_SET) {
        kind->table.tree = (struct tree){.sized_names = type == STORE_DICTIONARY, .bytes = account};
        kind->table.seed = kind->table.random = seed;
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

uint64_t collection_growth_bytes(const struct store_command *command)
{
    if (!command_kind_of(command)->grows)
        return 0;
    uint64_t bytes = GROWTH_BYTES;
    bool sorted = command->kind == STORE_SORTED_PUT || command->kind == STORE_SORTED_INCREMENT;
    for (size_t i = 0; i < command->count; i++) {
        uint64_t size = command->elements[i].name.size + command->elements[i].value.size;
        if (command->kind == STORE_LIST_PUSH)
            bytes += size + size / GROWTH_LIST_FRACTION + GROWTH_LIST_BYTES;
        else
            bytes += size + GROWTH_TREE_BYTES + (sorted ? SCORE_BYTES + GROWTH_TREE_BYTES : 0);
    }
    return bytes;
}

void collection_apply(struct collection *collection, const struct store_command *command,
                      struct collection_answer *answer, struct store_reply *reply)
{
    union kind *kind = kind_of(collection);
    answer->far = NULL;
    answer->taken = NULL;
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
}

void collection_answer_free(struct collection_answer *answer)
{
    free(answer->far);
    free(answer->taken);
    answer->far = NULL;
    answer->taken = NULL;
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
