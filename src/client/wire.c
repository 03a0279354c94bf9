/* The pieces that messages are made of, written and read in place.
 * Source: https://protobuf.dev/programming-guides/encoding */
#include "client/methods.h"

#include "proto/hot.h"

#include <math.h>

#define VARINT_BYTES_MAX 10

/* --- Writing --- */

struct wire_writer wire_writer_make(struct buffer *to)
{
    /* Even a message without a field is one: its place exists. */
    return (struct wire_writer){.to = to, .failed = buffer_extend(to, 1) == NULL};
}

static uint8_t *varint_write(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* Writes a field's tag and, behind it, VALUE as a varint where HAS_VARINT says so, then room for SIZE
 * bytes, which is returned; NULL when memory is out. */
static uint8_t *put(struct wire_writer *writer, unsigned field, enum field_type type, bool has_varint,
                    uint64_t value, size_t size)
{
    uint8_t *start = writer->failed ? NULL : buffer_extend(writer->to, (size_t)2 * VARINT_BYTES_MAX + size);
    if (start == NULL) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *at = varint_write(start, (uint64_t)field << 3 | type);
    if (has_varint)
        at = varint_write(at, value);
    buffer_commit(writer->to, (size_t)(at - start) + size);
    return at;
}

void wire_put_bytes(struct wire_writer *writer, unsigned field, mayfly_bytes bytes)
{
    uint8_t *at = put(writer, field, FIELD_BYTES, true, bytes.size, bytes.size);
    if (at != NULL)
        bytes_copy(at, bytes.data, bytes.size);
}

void wire_put_uint(struct wire_writer *writer, unsigned field, uint64_t value)
{
    (void)put(writer, field, FIELD_VARINT, true, value, 0);
}

void wire_put_sint(struct wire_writer *writer, unsigned field, int64_t value)
{
    wire_put_uint(writer, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void little_endian(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

void wire_put_double(struct wire_writer *writer, unsigned field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint8_t *at = put(writer, field, FIELD_FIXED64, false, 0, sizeof bits);
    if (at != NULL)
        little_endian(at, bits, sizeof bits);
}

void wire_put_float(struct wire_writer *writer, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint8_t *at = put(writer, field, FIELD_FIXED32, false, 0, sizeof bits);
    if (at != NULL)
        little_endian(at, bits, sizeof bits);
}

void wire_put_empty(struct wire_writer *writer, unsigned field)
{
    (void)put(writer, field, FIELD_BYTES, true, 0, 0);
}

size_t wire_open(struct wire_writer *writer, unsigned field)
{
    wire_put_empty(writer, field);
    return writer->to->size;
}

/* The length was written as the one byte that does for most messages. Where it needs more, what is in the
 * message moves: a copy, but no message has to be measured before it is written. */
void wire_close(struct wire_writer *writer, size_t opened)
{
    uint8_t length[VARINT_BYTES_MAX];
    if (writer->failed)
        return;
    size_t size = writer->to->size - opened;
    size_t more = (size_t)(varint_write(length, size) - length) - 1;
    if (buffer_extend(writer->to, more) == NULL) {
        writer->failed = true;
        return;
    }
    uint8_t *start = writer->to->data + opened;
    if (more > 0)
        memmove(start + more, start, size);
    memcpy(start - 1, length, more + 1);
    buffer_commit(writer->to, more);
}

void wire_put_keys(struct wire_writer *writer, unsigned field, const mayfly_request *request)
{
    for (size_t i = 0; i < request->item_count; i++)
        wire_put_bytes(writer, field, request->items[i].key);
}

void wire_put_values(struct wire_writer *writer, unsigned field, const mayfly_request *request)
{
    for (size_t i = 0; i < request->item_count; i++)
        wire_put_bytes(writer, field, request->items[i].value);
}

void wire_put_ids(struct wire_writer *writer, unsigned field, const mayfly_request *request)
{
    size_t ids = wire_open(writer, field);
    for (size_t i = 0; i < request->item_count && !writer->failed; i++) {
        uint8_t *start = buffer_extend(writer->to, VARINT_BYTES_MAX);
        writer->failed = start == NULL;
        if (start != NULL)
            buffer_commit(writer->to, (size_t)(varint_write(start, request->items[i].id) - start));
    }
    wire_close(writer, ids);
}

void wire_put_ttl(struct wire_writer *writer, unsigned field, const mayfly_request *request)
{
    wire_put_uint(writer, field, request->ttl_ms);
    wire_put_uint(writer, field + 1, request->refresh_ttl);
}

/* --- Reading --- */

bool wire_read(struct client_call *call, struct bytes message, wire_take take)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field))
        if (!take(call, &field))
            return false;
    return !reader.malformed;
}

bool wire_read_found(struct client_call *call, struct bytes message, wire_take take)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    bool is_told = false;
    bool was_found = false;
    while (field_next(&reader, &field)) {
        bool is_found = wire_is(&field, 1, FIELD_BYTES);
        if (!is_found && !wire_is(&field, 2, FIELD_BYTES))
            continue;
        if (is_told && is_found != was_found) /* of a oneof the last member counts, alone */
            client_call_forget(call);
        is_told = true;
        was_found = is_found;
        call->reply.outcome = is_found ? MAYFLY_HIT : MAYFLY_MISS;
        if (is_found && !wire_read(call, field.bytes, take))
            return false;
    }
    return is_told && !reader.malformed;
}

bool wire_read_each(struct client_call *call, struct bytes message, wire_take take)
{
    if (!wire_read_found(call, message, take))
        return false;
    while (call->reply.outcome == MAYFLY_MISS && call->batch.count < call->batch.asked)
        if (client_call_add_item(call) == NULL)
            return false;
    return true;
}

bool wire_take_number(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_VARINT))
        call->reply.number = (int64_t)field->integer;
    return true;
}

bool wire_take_value(struct client_call *call, const struct field *field)
{
    if (!wire_is(field, 1, FIELD_BYTES))
        return true;
    mayfly_item *item = client_call_add_item(call);
    if (item == NULL)
        return false;
    item->found = true;
    item->value = reply_bytes(field->bytes.data, field->bytes.size);
    return true;
}

bool wire_take_nothing(struct client_call *call, const struct field *field)
{
    (void)call;
    (void)field;
    return true;
}

bool wire_read_score(const struct field *field, double *score)
{
    memcpy(score, &field->integer, sizeof *score);
    return !isnan(*score);
}

/* --- Requests and replies of more than one type --- */

bool encode_nothing(const mayfly_request *request, struct buffer *to)
{
    (void)request;
    return !wire_writer_make(to).failed;
}

bool encode_key(const mayfly_request *request, struct buffer *to)
{
    size_t size = hot_size_get_request(plain(request->key));
    uint8_t *at = buffer_extend(to, size + 1);
    if (at == NULL)
        return false;
    (void)hot_write_get_request(at, plain(request->key));
    buffer_commit(to, size);
    return true;
}

bool encode_key_fields(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_keys(&writer, 2, request);
    return !writer.failed;
}

bool encode_key_values(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_values(&writer, 2, request);
    return !writer.failed;
}

bool decode_done(struct client_call *call, struct bytes message)
{
    call->reply.outcome = MAYFLY_DONE;
    return wire_read(call, message, wire_take_nothing);
}

bool decode_number(struct client_call *call, struct bytes message)
{
    call->reply.outcome = MAYFLY_DONE;
    return wire_read(call, message, wire_take_number);
}

bool decode_found(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, wire_take_nothing);
}

bool decode_found_number(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, wire_take_number);
}

bool decode_found_values(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, wire_take_value);
}
