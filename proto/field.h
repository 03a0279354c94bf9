/* Reads the fields of a protobuf message one after another, where they lie: nothing is copied or allocated.
 * For code that needs a few fields of a message it knows; the generated code serves for all others.
 * Source: https://protobuf.dev/programming-guides/encoding */
#ifndef MAYFLY_PROTO_FIELD_H
#define MAYFLY_PROTO_FIELD_H

#include "base/bytes.h"

/* How deep groups may lie in one another before a message is refused, as in other protobuf parsers. */
#define FIELD_GROUP_DEPTH_MAX 100

/* The numbers are those on the wire. */
enum field_type {
    FIELD_VARINT = 0,
    FIELD_FIXED64 = 1,
    FIELD_BYTES = 2,
    FIELD_GROUP_START = 3,
    FIELD_GROUP_END = 4,
    FIELD_FIXED32 = 5,
};

struct field {
    uint32_t number;
    enum field_type type;
    uint64_t integer;   /* of every type but FIELD_BYTES */
    struct bytes bytes; /* of FIELD_BYTES alone; part of the message that is read */
};

struct field_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool malformed; /* something was no field; there is no reading on */
};

static inline struct field_reader field_reader_make(struct bytes message)
{
    const uint8_t *end = message.size > 0 ? message.data + message.size : message.data;
    return (struct field_reader){.at = message.data, .end = end};
}

/* For the inline functions below alone: the same for what is longer than one byte, or for what is left. */
const uint8_t *field_read_long_varint(const uint8_t *at, const uint8_t *end, uint64_t *out);
bool field_next_present(struct field_reader *reader, struct field *out);

/* Reads a varint of up to ten bytes, the shortest form or not; bits beyond 64 are dropped. Returns where it
 * ends, or NULL where it does not end in time. */
static inline const uint8_t *field_read_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    return field_read_long_varint(at, end, out);
}

/* The next field. False at the end of the message and at what is no field; `malformed` tells which. Groups,
 * which proto3 cannot declare and so are unknown fields to everybody, are checked and passed over. */
static inline bool field_next(struct field_reader *reader, struct field *out)
{
    return reader->at != reader->end && field_next_present(reader, out);
}

#endif
