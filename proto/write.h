/* Writes the fields of a protobuf message one after another, to where there is room for them: first what they will
 * take is summed up, then they are written, and nothing is copied twice. Like every proto3 writer, the functions
 * of fields leave out what is empty or zero. For field numbers below 16, whose tags are one byte. */
#ifndef MAYFLY_PROTO_WRITE_H
#define MAYFLY_PROTO_WRITE_H

#include "proto/field.h"

#define WRITE_VARINT_TAG(number)  ((uint8_t)((number) << 3 | FIELD_VARINT))
#define WRITE_FIXED64_TAG(number) ((uint8_t)((number) << 3 | FIELD_FIXED64))
#define WRITE_BYTES_TAG(number)   ((uint8_t)((number) << 3 | FIELD_BYTES))

static inline size_t write_varint_size(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

static inline uint8_t *write_varint(uint8_t *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static inline size_t write_varint_field_size(uint64_t value)
{
    return value == 0 ? 0 : 1 + write_varint_size(value);
}

static inline uint8_t *write_varint_field(uint8_t *to, uint8_t tag, uint64_t value)
{
    if (value == 0)
        return to;
    *to++ = tag;
    return write_varint(to, value);
}

static inline size_t write_bytes_field_size(size_t size)
{
    return size == 0 ? 0 : 1 + write_varint_size(size) + size;
}

static inline uint8_t *write_bytes_field_head(uint8_t *to, uint8_t tag, size_t size)
{
    return write_varint_field(to, tag, size);
}

static inline uint8_t *write_bytes_field(uint8_t *to, uint8_t tag, struct bytes value)
{
    to = write_bytes_field_head(to, tag, value.size);
    bytes_copy(to, value.data, value.size);
    return to + value.size;
}

/* A message in a message, or an entry of a repeated field: these are written when they are empty, too. */
static inline size_t write_entry_size(size_t size)
{
    return 1 + write_varint_size(size) + size;
}

static inline uint8_t *write_entry_head(uint8_t *to, uint8_t tag, size_t size)
{
    *to++ = tag;
    return write_varint(to, size);
}

static inline uint8_t *write_entry(uint8_t *to, uint8_t tag, struct bytes value)
{
    to = write_entry_head(to, tag, value.size);
    bytes_copy(to, value.data, value.size);
    return to + value.size;
}

/* Zero is what has no bit set: minus zero is written. */
static inline uint64_t write_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline size_t write_double_field_size(double value)
{
    return write_double_bits(value) == 0 ? 0 : 1 + sizeof(uint64_t);
}

static inline uint8_t *write_double_field(uint8_t *to, uint8_t tag, double value)
{
    uint64_t bits = write_double_bits(value);
    if (bits == 0)
        return to;
    *to++ = tag;
    for (unsigned shift = 0; shift < 64; shift += 8)
        *to++ = (uint8_t)(bits >> shift);
    return to;
}

#endif
