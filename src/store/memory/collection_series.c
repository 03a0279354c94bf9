/* Lists: commands on a sequence. */
#include <stdlib.h>

#include "store/memory/collection_kinds.h"
#include "store/memory/counted.h"

#define RANGES_NEAR 64

static void write_value(uint8_t *to, struct bytes value)
{
    bytes_copy(to, value.data, value.size);
}

/* Makes bytes of the pages that went to the husk bytes of the husk. They are told from the fewer pages, those that went
 * or those that stayed. */
static void charge_husk(struct series *series, struct series *husk)
{
    const struct sequence *sequence = &series->sequence;
    uint64_t bytes;
    if (husk->sequence.used <= sequence->used)
        bytes = sequence_page_bytes(&husk->sequence);
    else
        bytes = series->collection.bytes - counted_bytes(series) - sequence_ring_bytes(sequence) -
                sequence_page_bytes(sequence);
    series->collection.bytes -= bytes;
    husk->collection.bytes += bytes;
}

/* Removes ranges, as sequence_erase. Where many pages go, it is for whoever takes the husk to free them. */
static void erase_ranges(struct series *series, const struct sequence_range *ranges, size_t count,
                         struct collection_answer *answer)
{
    struct sequence *sequence = &series->sequence;
    uint64_t values = 0;
    for (size_t i = 0; i < count; i++)
        values += ranges[i].count;
    if (values * sequence->used > COLLECTION_HUSK_PAGES * sequence->count)
        answer->husk = collection_create(STORE_LIST, 0);
    if (answer->husk == NULL) {
        sequence_erase(sequence, ranges, count, NULL);
        return;
    }
    struct series *husk = (struct series *)(void *)answer->husk;
    sequence_erase(sequence, ranges, count, &husk->sequence);
    charge_husk(series, husk);
}

/* Of more elements than the limit only those are pushed that would be left. */
static enum store_status push(struct series *series, const struct store_command *command,
                              struct collection_answer *answer)
{
    struct sequence *sequence = &series->sequence;
    uint64_t limit = command->limit == 0 ? STORE_NO_LIMIT : command->limit;
    bool back = command->from_end;
    size_t pushed = command->count < limit ? command->count : (size_t)limit;
    const struct store_element *elements = command->elements + (back ? command->count - pushed : 0);
    for (size_t i = 0; i < pushed; i++) {
        struct bytes value = elements[back ? i : pushed - 1 - i].name;
        uint8_t *to = sequence_push(sequence, back, value.size);
        if (to == NULL) {
            sequence_cut(sequence, back ? sequence->count - i : 0, i);
            return STORE_NO_MEMORY;
        }
        write_value(to, value);
    }
    if (sequence->count > limit) {
        struct sequence_range over = {.index = back ? 0 : limit, .count = sequence->count - limit};
        erase_ranges(series, &over, 1, answer);
    }
    return STORE_OK;
}

static enum store_status pop(struct series *series, const struct store_command *command,
                             struct collection_answer *answer, struct store_reply *reply)
{
    struct sequence *sequence = &series->sequence;
    uint64_t count = sequence->count > 0;
    struct store_element *element = collection_elements(answer, reply, count);
    if (count == 0)
        return STORE_OK;
    uint64_t index = command->from_end ? sequence->count - 1 : 0;
    struct bytes value = sequence_value(sequence, sequence_locate(sequence, index));
    if (!collection_book(answer, 1) ||
        !collection_book_element(answer, &(struct store_element){.name = value}))
        return STORE_TOO_LARGE;
    answer->taken = malloc(value.size + 1);
    if (answer->taken == NULL)
        return STORE_NO_MEMORY;
    write_value(answer->taken, value);
    *element = (struct store_element){.name = bytes_make(answer->taken, value.size), .found = true};
    sequence_cut(sequence, index, 1);
    return STORE_OK;
}

/* Whether the values have room in the reply. What takes less memory than that needs no look at each. */
static bool book_slice(const struct series *series, uint64_t begin, uint64_t end,
                       struct collection_answer *answer)
{
    if (!collection_book(answer, end - begin))
        return false;
    if (begin == end || series->collection.bytes <= answer->room_bytes)
        return true;
    struct sequence_place place = sequence_locate(&series->sequence, begin);
    for (; begin < end; begin++, sequence_next(&series->sequence, &place)) {
        struct store_element element = {.name = sequence_value(&series->sequence, place)};
        if (!collection_book_element(answer, &element))
            return false;
    }
    return true;
}

static enum store_status fetch(const struct series *series, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply)
{
    const struct sequence *sequence = &series->sequence;
    uint64_t begin;
    uint64_t end = collection_slice(command->start, command->end, sequence->count, &begin);
    if (!book_slice(series, begin, end, answer))
        return STORE_TOO_LARGE;
    struct store_element *elements = collection_elements(answer, reply, end - begin);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    if (begin == end)
        return STORE_OK;
    struct sequence_place place = sequence_locate(sequence, begin);
    for (size_t i = 0; i < reply->count; i++, sequence_next(sequence, &place))
        elements[i] = (struct store_element){.name = sequence_value(sequence, place), .found = true};
    return STORE_OK;
}

static void retain(struct series *series, const struct store_command *command,
                   struct collection_answer *answer)
{
    uint64_t length = series->sequence.count;
    struct sequence_range ranges[2];
    size_t count = 0;
    uint64_t begin;
    uint64_t end = collection_slice(command->start, command->end, length, &begin);
    if (begin == end)
        begin = end = length;
    if (begin > 0)
        ranges[count++] = (struct sequence_range){.index = 0, .count = begin};
    if (end < length)
        ranges[count++] = (struct sequence_range){.index = end, .count = length - end};
    erase_ranges(series, ranges, count, answer);
}

static int by_index(const void *a, const void *b)
{
    uint64_t left = ((const struct sequence_range *)a)->index;
    uint64_t right = ((const struct sequence_range *)b)->index;
    return (left > right) - (left < right);
}

/* Makes sorted ranges that overlap or touch one; returns how many are left. */
static size_t merge_ranges(struct sequence_range *ranges, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct sequence_range *last = kept > 0 ? &ranges[kept - 1] : NULL;
        if (last == NULL || ranges[i].index > last->index + last->count) {
            ranges[kept++] = ranges[i];
            continue;
        }
        uint64_t size = ranges[i].index + ranges[i].count - last->index;
        last->count = last->count > size ? last->count : size;
    }
    return kept;
}

/* What of the ranges is there, in order. */
static size_t read_ranges(const struct store_command *command, uint64_t length, struct sequence_range *ranges)
{
    size_t count = 0;
    for (size_t i = 0; i < command->range_count; i++) {
        uint64_t begin = command->ranges[i].begin;
        uint64_t end = begin + command->ranges[i].count;
        end = end < length ? end : length;
        if (begin < end)
            ranges[count++] = (struct sequence_range){.index = begin, .count = end - begin};
    }
    qsort(ranges, count, sizeof *ranges, by_index);
    return merge_ranges(ranges, count);
}

static enum store_status erase(struct series *series, const struct store_command *command,
                               struct collection_answer *answer)
{
    struct sequence_range near[RANGES_NEAR];
    struct sequence_range *ranges = near;
    if (command->range_count > RANGES_NEAR)
        ranges = malloc(command->range_count * sizeof *ranges);
    if (ranges == NULL)
        return STORE_NO_MEMORY;
    erase_ranges(series, ranges, read_ranges(command, series->sequence.count, ranges), answer);
    if (ranges != near)
        free(ranges);
    return STORE_OK;
}

uint64_t series_growth_most(const struct series *series, const struct store_command *command)
{
    uint64_t bytes = 0;
    uint64_t held = 0;
    for (size_t i = 0; i < command->count; i++) {
        held += PAGE_SLOT_PLAIN + page_held(command->elements[i].name.size);
        bytes += page_outside_most(command->elements[i].name.size);
    }
    return bytes + sequence_growth_most(&series->sequence, held);
}

enum store_status series_apply(struct series *series, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply)
{
    enum store_status status = STORE_OK;
    switch (command->kind) {
    case STORE_LIST_PUSH:
        status = push(series, command, answer);
        break;
    case STORE_LIST_POP:
        status = pop(series, command, answer, reply);
        break;
    case STORE_LIST_FETCH:
        status = fetch(series, command, answer, reply);
        break;
    case STORE_LIST_RETAIN:
        retain(series, command, answer);
        break;
    case STORE_LIST_ERASE:
        status = erase(series, command, answer);
        break;
    case STORE_LIST_REMOVE:
        sequence_remove(&series->sequence, command->elements[0].name);
        break;
    default:
        return STORE_WRONG_TYPE;
    }
    reply->number = (int64_t)series->sequence.count;
    return status;
}
