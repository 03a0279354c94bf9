/* Each reader first takes the fields that every client sends in the order in which every client sends them,
 * by comparing one byte with the tag it expects. Whatever is left, usually nothing, goes through the field
 * reader; as the last of equal fields counts, that part need not know how far the first one came. */
#include "proto/hot.h"

#include "proto/field.h"
#include "proto/write.h"

enum request_field {
    REQUEST_KEY = 1,
    REQUEST_BODY = 2,
    REQUEST_TTL = 3,
};

enum get_response_field {
    GET_RESPONSE_RESULT = 1,
    GET_RESPONSE_BODY = 2,
    GET_RESPONSE_MESSAGE = 3,
};

enum set_response_field {
    SET_RESPONSE_RESULT = 1,
    SET_RESPONSE_MESSAGE = 2,
};

/* Takes the next field if it is there in full and has that tag; otherwise changes nothing. */
static inline void take_bytes(struct field_reader *reader, uint8_t tag, struct bytes *out)
{
    if (reader->at == reader->end || *reader->at != tag)
        return;
    uint64_t size;
    const uint8_t *at = field_read_varint(reader->at + 1, reader->end, &size);
    if (at == NULL || size > (size_t)(reader->end - at))
        return;
    *out = bytes_make(at, size);
    reader->at = at + size;
}

static inline void take_varint(struct field_reader *reader, uint8_t tag, uint64_t *out)
{
    if (reader->at == reader->end || *reader->at != tag)
        return;
    const uint8_t *at = field_read_varint(reader->at + 1, reader->end, out);
    if (at != NULL)
        reader->at = at;
}

/* A field under a number that is known but of another type is an unknown field, and ignored. */
static inline bool is_bytes(const struct field *field, uint32_t number)
{
    return field->number == number && field->type == FIELD_BYTES;
}

static inline bool is_varint(const struct field *field, uint32_t number)
{
    return field->number == number && field->type == FIELD_VARINT;
}

bool hot_read_get_request(struct bytes message, struct hot_get_request *out)
{
    struct field_reader reader = field_reader_make(message);
    *out = (struct hot_get_request){0};
    take_bytes(&reader, WRITE_BYTES_TAG(REQUEST_KEY), &out->key);

    struct field field;
    while (field_next(&reader, &field)) {
        if (is_bytes(&field, REQUEST_KEY))
            out->key = field.bytes;
    }
    return !reader.malformed;
}

bool hot_read_set_request(struct bytes message, struct hot_set_request *out)
{
    struct field_reader reader = field_reader_make(message);
    *out = (struct hot_set_request){0};
    take_bytes(&reader, WRITE_BYTES_TAG(REQUEST_KEY), &out->key);
    take_bytes(&reader, WRITE_BYTES_TAG(REQUEST_BODY), &out->body);
    take_varint(&reader, WRITE_VARINT_TAG(REQUEST_TTL), &out->ttl_ms);

    struct field field;
    while (field_next(&reader, &field)) {
        if (is_bytes(&field, REQUEST_KEY))
            out->key = field.bytes;
        else if (is_bytes(&field, REQUEST_BODY))
            out->body = field.bytes;
        else if (is_varint(&field, REQUEST_TTL))
            out->ttl_ms = field.integer;
    }
    return !reader.malformed;
}

bool hot_read_get_response(struct bytes message, struct hot_get_response *out)
{
    struct field_reader reader = field_reader_make(message);
    uint64_t result = 0;
    *out = (struct hot_get_response){0};
    take_varint(&reader, WRITE_VARINT_TAG(GET_RESPONSE_RESULT), &result);
    take_bytes(&reader, WRITE_BYTES_TAG(GET_RESPONSE_BODY), &out->body);

    struct field field;
    while (field_next(&reader, &field)) {
        if (is_varint(&field, GET_RESPONSE_RESULT))
            result = field.integer;
        else if (is_bytes(&field, GET_RESPONSE_BODY))
            out->body = field.bytes;
        else if (is_bytes(&field, GET_RESPONSE_MESSAGE))
            out->message = field.bytes;
    }
    out->result = (int32_t)result;
    return !reader.malformed;
}

bool hot_read_set_response(struct bytes message, struct hot_set_response *out)
{
    struct field_reader reader = field_reader_make(message);
    uint64_t result = 0;
    *out = (struct hot_set_response){0};
    take_varint(&reader, WRITE_VARINT_TAG(SET_RESPONSE_RESULT), &result);

    struct field field;
    while (field_next(&reader, &field)) {
        if (is_varint(&field, SET_RESPONSE_RESULT))
            result = field.integer;
        else if (is_bytes(&field, SET_RESPONSE_MESSAGE))
            out->message = field.bytes;
    }
    out->result = (int32_t)result;
    return !reader.malformed;
}

/* The writers. */

size_t hot_size_get_request(struct bytes key)
{
    return write_bytes_field_size(key.size);
}

uint8_t *hot_write_get_request(uint8_t *to, struct bytes key)
{
    return write_bytes_field(to, WRITE_BYTES_TAG(REQUEST_KEY), key);
}

size_t hot_size_set_request(const struct hot_set_request *request)
{
    return write_bytes_field_size(request->key.size) + write_bytes_field_size(request->body.size) +
           write_varint_field_size(request->ttl_ms);
}

uint8_t *hot_write_set_request(uint8_t *to, const struct hot_set_request *request)
{
    to = write_bytes_field(to, WRITE_BYTES_TAG(REQUEST_KEY), request->key);
    to = write_bytes_field(to, WRITE_BYTES_TAG(REQUEST_BODY), request->body);
    return write_varint_field(to, WRITE_VARINT_TAG(REQUEST_TTL), request->ttl_ms);
}

size_t hot_size_get_response(enum hot_result result, size_t body_size)
{
    return write_varint_field_size(result) + write_bytes_field_size(body_size);
}

uint8_t *hot_write_get_response_head(uint8_t *to, enum hot_result result, size_t body_size)
{
    to = write_varint_field(to, WRITE_VARINT_TAG(GET_RESPONSE_RESULT), result);
    return write_bytes_field_head(to, WRITE_BYTES_TAG(GET_RESPONSE_BODY), body_size);
}

size_t hot_size_set_response(enum hot_result result)
{
    return write_varint_field_size(result);
}

uint8_t *hot_write_set_response(uint8_t *to, enum hot_result result)
{
    return write_varint_field(to, WRITE_VARINT_TAG(SET_RESPONSE_RESULT), result);
}
