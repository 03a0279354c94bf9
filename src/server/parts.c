#include "server/parts.h"

#include "proto/field.h"

#include <math.h>

#define FIRST_CAPACITY 8

/* What stays the same while a request is read. */
struct reading {
    struct parts *parts;
    struct arena *arena;
    size_t entries_most;
};

static enum parts_status read_message(const struct reading *reading, struct bytes message,
                                      const struct parts_layout *layout, unsigned depth);

/* --- Values as the wire has them --- */

static int32_t signed_of(uint64_t integer)
{
    uint32_t zigzag = (uint32_t)integer;
    return (int32_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double float_of(uint64_t integer)
{
    uint32_t bits = (uint32_t)integer;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --- Choices --- */

/* Undoes what the members of a oneof may have said. */
static void forget(struct parts *parts)
{
    struct store_command *command = &parts->command;
    command->count = 0;
    command->range_count = 0;
    command->start = 0;
    command->end = STORE_END;
    command->min = (struct store_bound){.score = -INFINITY};
    command->max = (struct store_bound){.score = INFINITY};
    command->offset = 0;
    command->limit = 0;
    parts->min_set = false;
    parts->max_set = false;
}

static void choose(struct parts *parts, uint32_t number, unsigned depth)
{
    if (parts->choice[depth] == number)
        return;
    memset(parts->choice + depth, 0, sizeof parts->choice - depth);
    parts->choice[depth] = (uint8_t)number;
    forget(parts);
}

/* --- Entries of repeated fields --- */

/* The array ENTRIES, moved if need be, with a zeroed place for one more of SIZE bytes behind the COUNT it has; NULL
 * when memory is out. */
static void *entries_extend(const struct reading *reading, void *entries, size_t count, size_t size)
{
    size_t *capacity = &reading->parts->capacity;
    if (count == *capacity) {
        size_t larger = *capacity > 0 ? *capacity * 2 : FIRST_CAPACITY;
        void *moved = arena_alloc(reading->arena, larger * size);
        if (moved == NULL)
            return NULL;
        bytes_copy(moved, entries, count * size);
        entries = moved;
        *capacity = larger;
    }
    memset((uint8_t *)entries + count * size, 0, size);
    return entries;
}

static enum parts_status element_add(const struct reading *reading, struct store_element **out)
{
    struct store_command *command = &reading->parts->command;
    if (command->count == reading->entries_most)
        return PARTS_TOO_MANY;
    struct store_element *elements =
        entries_extend(reading, reading->parts->elements, command->count, sizeof *elements);
    if (elements == NULL)
        return PARTS_NO_MEMORY;
    reading->parts->elements = elements;
    command->elements = elements;
    *out = &elements[command->count++];
    return PARTS_READ;
}

static bool read_element(struct bytes message, enum part part, struct store_element *element)
{
    const uint32_t score_number = part == PART_ID_SCORED ? 3 : 2;
    const bool has_value = part == PART_PAIRS;
    const bool has_id = part == PART_ID_SCORED;
    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (field.number == 1 && field.type == FIELD_BYTES && !has_id)
            element->name = field.bytes;
        else if (field.number == 1 && field.type == FIELD_VARINT && has_id)
            element->rank = (uint32_t)field.integer;
        else if (field.number == 2 && field.type == FIELD_BYTES && has_value)
            element->value = field.bytes;
        else if (field.number == score_number && field.type == FIELD_FIXED64 && !has_value)
            element->score = double_of(field.integer);
    }
    return !reader.malformed;
}

static enum parts_status add_element(const struct reading *reading, const struct field *field, enum part part)
{
    struct store_element *element;
    enum parts_status status = element_add(reading, &element);
    if (status != PARTS_READ)
        return status;
    if (part == PART_NAMES)
        element->name = field->bytes;
    else if (!read_element(field->bytes, part, element))
        return PARTS_MALFORMED;
    return PARTS_READ;
}

static enum parts_status add_id(const struct reading *reading, uint64_t integer)
{
    struct store_element *element;
    enum parts_status status = element_add(reading, &element);
    if (status == PARTS_READ)
        element->rank = (uint32_t)integer;
    return status;
}

/* Ids come one a field or many in one, as the writer likes. */
static enum parts_status add_ids(const struct reading *reading, const struct field *field)
{
    if (field->type == FIELD_VARINT)
        return add_id(reading, field->integer);
    struct field_reader packed = field_reader_make(field->bytes);
    while (packed.at != packed.end) {
        uint64_t id;
        packed.at = field_read_varint(packed.at, packed.end, &id);
        if (packed.at == NULL)
            return PARTS_MALFORMED;
        enum parts_status status = add_id(reading, id);
        if (status != PARTS_READ)
            return status;
    }
    return PARTS_READ;
}

static enum parts_status add_range(const struct reading *reading, struct bytes message)
{
    struct store_command *command = &reading->parts->command;
    if (command->range_count == reading->entries_most)
        return PARTS_TOO_MANY;
    struct store_range *ranges =
        entries_extend(reading, reading->parts->ranges, command->range_count, sizeof *ranges);
    if (ranges == NULL)
        return PARTS_NO_MEMORY;
    reading->parts->ranges = ranges;
    command->ranges = ranges;
    struct store_range *range = &ranges[command->range_count++];

    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (field.number == 1 && field.type == FIELD_VARINT)
            range->begin = (uint32_t)field.integer;
        else if (field.number == 2 && field.type == FIELD_VARINT)
            range->count = (uint32_t)field.integer;
    }
    return reader.malformed ? PARTS_MALFORMED : PARTS_READ;
}

static enum parts_status add_source(const struct reading *reading, struct bytes message)
{
    struct store_command *command = &reading->parts->command;
    if (command->source_count == reading->entries_most)
        return PARTS_TOO_MANY;
    struct store_source *sources =
        entries_extend(reading, reading->parts->sources, command->source_count, sizeof *sources);
    if (sources == NULL)
        return PARTS_NO_MEMORY;
    reading->parts->sources = sources;
    command->sources = sources;
    struct store_source *source = &sources[command->source_count++];

    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (field.number == 1 && field.type == FIELD_BYTES)
            source->key = field.bytes;
        else if (field.number == 2 && field.type == FIELD_FIXED32)
            source->weight = float_of(field.integer);
    }
    return reader.malformed ? PARTS_MALFORMED : PARTS_READ;
}

/* --- Bounds --- */

static void set_bound(struct store_bound *bound, bool *is_set, double score, bool exclusive)
{
    *bound = (struct store_bound){.score = score, .exclusive = exclusive};
    *is_set = true;
}

static void open_bound(struct store_bound *bound, bool *is_set, double score)
{
    *bound = (struct store_bound){.score = score};
    *is_set = false;
}

static enum parts_status read_bound(struct bytes message, struct store_bound *bound, bool *is_set)
{
    if (!*is_set)
        set_bound(bound, is_set, 0, false);
    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (field.number == 1 && field.type == FIELD_FIXED64)
            bound->score = double_of(field.integer);
        else if (field.number == 2 && field.type == FIELD_VARINT)
            bound->exclusive = field.integer != 0;
    }
    return reader.malformed ? PARTS_MALFORMED : PARTS_READ;
}

/* --- Fields, by their type on the wire; under another type a field is unknown and passed over --- */

static void take_varint(struct parts *parts, enum part part, uint64_t integer)
{
    struct store_command *command = &parts->command;
    switch (part) {
    case PART_TTL:
        command->ttl_ms = integer;
        break;
    case PART_REFRESH_TTL:
        command->refresh_ttl = integer != 0;
        break;
    case PART_AMOUNT:
        command->amount = (int64_t)integer;
        break;
    case PART_OFFSET:
        command->offset = (uint32_t)integer;
        break;
    case PART_LIMIT:
        command->limit = integer;
        break;
    case PART_LIMIT_32:
        command->limit = (uint32_t)integer;
        break;
    case PART_LIMIT_SIGNED:
        command->limit = signed_of(integer) < 0 ? STORE_NO_LIMIT : (uint64_t)signed_of(integer);
        break;
    case PART_ORDER:
        parts->order = (int32_t)integer;
        break;
    case PART_AGGREGATE:
        parts->aggregate = (int32_t)integer;
        break;
    case PART_WITH_SCORES:
        parts->with_scores = integer != 0;
        break;
    case PART_START:
        command->start = signed_of(integer);
        break;
    case PART_START_RANK:
        command->start = (uint32_t)integer;
        break;
    case PART_END:
        command->end = signed_of(integer);
        break;
    case PART_END_RANK:
        command->end = (uint32_t)integer;
        break;
    default:
        break;
    }
}

static void take_fixed64(struct parts *parts, enum part part, uint64_t bits)
{
    struct store_command *command = &parts->command;
    const double score = double_of(bits);
    switch (part) {
    case PART_ELEMENT_SCORE:
        parts->single.score = score;
        break;
    case PART_MIN:
        set_bound(&command->min, &parts->min_set, score, false);
        break;
    case PART_MIN_EXCLUSIVE:
        set_bound(&command->min, &parts->min_set, score, true);
        break;
    case PART_MAX:
        set_bound(&command->max, &parts->max_set, score, false);
        break;
    case PART_MAX_EXCLUSIVE:
        set_bound(&command->max, &parts->max_set, score, true);
        break;
    default:
        break;
    }
}

/* What a message of no fields says by being there. */
static void take_open_end(struct parts *parts, enum part part)
{
    struct store_command *command = &parts->command;
    if (part == PART_START_OPEN)
        command->start = 0;
    else if (part == PART_END_OPEN)
        command->end = STORE_END;
    else if (part == PART_MIN_OPEN)
        open_bound(&command->min, &parts->min_set, -INFINITY);
    else
        open_bound(&command->max, &parts->max_set, INFINITY);
}

static enum parts_status take_bytes(const struct reading *reading, const struct field *field, enum part part,
                                    const struct parts_layout *inner, unsigned depth)
{
    struct parts *parts = reading->parts;
    switch (part) {
    case PART_KEY:
        parts->command.key = field->bytes;
        return PARTS_READ;
    case PART_ELEMENT:
        parts->single.name = field->bytes;
        parts->element_set = true;
        return PARTS_READ;
    case PART_NAMES:
    case PART_PAIRS:
    case PART_SCORED:
    case PART_ID_SCORED:
        return add_element(reading, field, part);
    case PART_IDS:
        return add_ids(reading, field);
    case PART_RANGES:
        return add_range(reading, field->bytes);
    case PART_SOURCES:
        return add_source(reading, field->bytes);
    case PART_MIN_BOUND:
        return read_bound(field->bytes, &parts->command.min, &parts->min_set);
    case PART_MAX_BOUND:
        return read_bound(field->bytes, &parts->command.max, &parts->max_set);
    case PART_START_OPEN:
    case PART_END_OPEN:
    case PART_MIN_OPEN:
    case PART_MAX_OPEN:
        take_open_end(parts, part);
        return read_message(reading, field->bytes, inner, depth + 1);
    case PART_CHOICE:
        choose(parts, field->number, depth);
        return read_message(reading, field->bytes, inner, depth + 1);
    case PART_MESSAGE:
        return read_message(reading, field->bytes, inner, depth + 1);
    default:
        return PARTS_READ;
    }
}

static enum parts_status take_field(const struct reading *reading, const struct field *field,
                                    const struct parts_layout *layout, unsigned depth)
{
    const enum part part = layout->fields[field->number];
    switch (field->type) {
    case FIELD_BYTES:
        return take_bytes(reading, field, part, layout->inner[field->number], depth);
    case FIELD_VARINT:
        if (part == PART_IDS)
            return add_ids(reading, field);
        take_varint(reading->parts, part, field->integer);
        return PARTS_READ;
    case FIELD_FIXED64:
        take_fixed64(reading->parts, part, field->integer);
        return PARTS_READ;
    default:
        return PARTS_READ;
    }
}

static enum parts_status read_message(const struct reading *reading, struct bytes message,
                                      const struct parts_layout *layout, unsigned depth)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    enum parts_status status = PARTS_READ;
    while (status == PARTS_READ && field_next(&reader, &field)) {
        if (layout != NULL && field.number < PARTS_FIELDS)
            status = take_field(reading, &field, layout, depth);
    }
    return reader.malformed ? PARTS_MALFORMED : status;
}

void parts_init(struct parts *parts)
{
    memset(parts, 0, sizeof *parts);
    forget(parts);
}

enum parts_status parts_read(struct parts *parts, struct bytes message, const struct parts_layout *layout,
                             size_t entries_most, struct arena *arena)
{
    const struct reading reading = {.parts = parts, .arena = arena, .entries_most = entries_most};
    if (layout->single) {
        parts->command.elements = &parts->single;
        parts->command.count = 1;
    }
    return read_message(&reading, message, layout, 0);
}
