/* The part of the field reader that is too long to be inline. What it accepts is what the specification asks
 * of a parser; where implementations differ it takes the more tolerant side that is still bounded. */
#include "proto/field.h"

#define VARINT_BYTES_MAX 10
#define TAG_BYTES_MAX    5

const uint8_t *field_read_long_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && at < end; i++) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = value;
            return at;
        }
    }
    return NULL;
}

/* A tag is a field number and a type in 32 bits. Unlike other varints it may not be longer than it needs to
 * be for that size, and no field has the number zero. */
static const uint8_t *read_tag(const uint8_t *at, const uint8_t *end, struct field *out)
{
    uint64_t tag;
    const uint8_t *after = field_read_varint(at, end, &tag);
    if (after == NULL || after - at > TAG_BYTES_MAX || tag > UINT32_MAX || tag >> 3 == 0)
        return NULL;
    out->number = (uint32_t)(tag >> 3);
    out->type = (enum field_type)(tag & 7);
    return after;
}

static const uint8_t *read_fixed(const uint8_t *at, const uint8_t *end, size_t size, uint64_t *out)
{
    if ((size_t)(end - at) < size)
        return NULL;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    *out = value;
    return at + size;
}

static const uint8_t *read_bytes(const uint8_t *at, const uint8_t *end, struct bytes *out)
{
    uint64_t size;
    at = field_read_varint(at, end, &size);
    if (at == NULL || size > (size_t)(end - at))
        return NULL;
    *out = bytes_make(at, size);
    return at + size;
}

static const uint8_t *read_value(const uint8_t *at, const uint8_t *end, struct field *out)
{
    switch (out->type) {
    case FIELD_VARINT:
        return field_read_varint(at, end, &out->integer);
    case FIELD_FIXED64:
        return read_fixed(at, end, 8, &out->integer);
    case FIELD_FIXED32:
        return read_fixed(at, end, 4, &out->integer);
    case FIELD_BYTES:
        return read_bytes(at, end, &out->bytes);
    case FIELD_GROUP_START:
    case FIELD_GROUP_END:
        return at;
    }
    return NULL;
}

/* One field as it stands, the two ends of a group included. Does not move from what is no field. */
static bool read_field(struct field_reader *reader, struct field *out)
{
    const uint8_t *at = read_tag(reader->at, reader->end, out);
    if (at != NULL)
        at = read_value(at, reader->end, out);
    if (at == NULL)
        return false;
    reader->at = at;
    return true;
}

/* Passes over the group NUMBER, whose start was read: each group in it must end with its own number. */
static bool skip_group(struct field_reader *reader, uint32_t number)
{
    uint32_t open[FIELD_GROUP_DEPTH_MAX] = {number};
    size_t depth = 1;
    while (depth > 0) {
        struct field field;
        if (!read_field(reader, &field))
            return false;
        if (field.type == FIELD_GROUP_END) {
            depth--;
            if (open[depth] != field.number)
                return false;
        } else if (field.type == FIELD_GROUP_START) {
            if (depth == FIELD_GROUP_DEPTH_MAX)
                return false;
            open[depth++] = field.number;
        }
    }
    return true;
}

bool field_next_present(struct field_reader *reader, struct field *out)
{
    while (reader->at != reader->end && !reader->malformed) {
        *out = (struct field){0};
        bool sound = read_field(reader, out);
        if (sound && out->type == FIELD_GROUP_START)
            reader->malformed = !skip_group(reader, out->number);
        else if (!sound || out->type == FIELD_GROUP_END)
            reader->malformed = true;
        else
            return true;
    }
    return false;
}
