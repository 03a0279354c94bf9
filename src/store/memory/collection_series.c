/* Lists: commands on a sequence. */
#include <stdlib.h>

#include "store/memory/collection_kinds.h"

#define RANGES_NEAR 64

static void write_value(uint8_t *to, struct bytes value)
{
    bytes_copy(to, value.data, value.size);
}

/* Of more elements than the limit only those are pushed that would be left. */
static enum store_status push(struct series *series, const struct store_command *command)
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
    if (sequence->count > limit)
        sequence_cut(sequence, back ? 0 : limit, sequence->count - limit);
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
    answer->taken = malloc(value.size + 1);
    if (answer->taken == NULL)
        return STORE_NO_MEMORY;
    write_value(answer->taken, value);
    *element = (struct store_element){.name = bytes_make(answer->taken, value.size), .found = true};
    sequence_cut(sequence, index, 1);
    return STORE_OK;
}

static enum store_status fetch(const struct series *series, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply)
{
    const struct sequence *sequence = &series->sequence;
    uint64_t begin;
    uint64_t end = collection_slice(command->start, command->end, sequence->count, &begin);
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

static void retain(struct series *series, const struct store_command *command)
{
    struct sequence *sequence = &series->sequence;
    uint64_t begin;
    uint64_t end = collection_slice(command->start, command->end, sequence->count, &begin);
    sequence_cut(sequence, end, sequence->count - end);
    sequence_cut(sequence, 0, begin);
}

static int by_begin(const void *a, const void *b)
{
    uint32_t left = ((const struct store_range *)a)->begin;
    uint32_t right = ((const struct store_range *)b)->begin;
    return (left > right) - (left < right);
}

static uint64_t range_end(struct store_range range)
{
    return (uint64_t)range.begin + range.count;
}

/* Makes sorted ranges that overlap or touch one; returns how many are left. */
static size_t merge_ranges(struct store_range *ranges, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || ranges[i].begin > range_end(ranges[kept - 1])) {
            ranges[kept++] = ranges[i];
            continue;
        }
        struct store_range *last = &ranges[kept - 1];
        uint64_t end = range_end(*last) > range_end(ranges[i]) ? range_end(*last) : range_end(ranges[i]);
        uint64_t size = end - last->begin;
        last->count = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    }
    return kept;
}

/* Goes from the back, so that the indices of what is to come stay as they were. */
static enum store_status erase(struct series *series, const struct store_command *command)
{
    struct sequence *sequence = &series->sequence;
    struct store_range near[RANGES_NEAR];
    size_t count = command->range_count;
    struct store_range *ranges = count <= RANGES_NEAR ? near : malloc(count * sizeof *ranges);
    if (ranges == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        ranges[i] = command->ranges[i];
    qsort(ranges, count, sizeof *ranges, by_begin);
    count = merge_ranges(ranges, count);
    while (count-- > 0) {
        uint64_t length = sequence->count;
        uint64_t end = range_end(ranges[count]) < length ? range_end(ranges[count]) : length;
        if (ranges[count].begin < end)
            sequence_cut(sequence, ranges[count].begin, end - ranges[count].begin);
    }
    if (ranges != near)
        free(ranges);
    return STORE_OK;
}

enum store_status series_apply(struct series *series, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply)
{
    enum store_status status = STORE_OK;
    switch (command->kind) {
    case STORE_LIST_PUSH:
        status = push(series, command);
        break;
    case STORE_LIST_POP:
        status = pop(series, command, answer, reply);
        break;
    case STORE_LIST_FETCH:
        status = fetch(series, command, answer, reply);
        break;
    case STORE_LIST_RETAIN:
        retain(series, command);
        break;
    case STORE_LIST_ERASE:
        status = erase(series, command);
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
