/* The methods of lists. */
#include "client/methods.h"

/* At either end: the message says "back" or "front", the numbers are the same. */
bool encode_list_push(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_bytes(&writer, 2, request->value);
    wire_put_ttl(&writer, 3, request);
    wire_put_uint(&writer, 5, request->limit);
    return !writer.failed;
}

bool encode_list_concatenate(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_values(&writer, 2, request);
    wire_put_ttl(&writer, 3, request);
    wire_put_uint(&writer, 5, request->limit);
    return !writer.failed;
}

bool encode_list_erase(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    if (request->all) {
        wire_put_empty(&writer, 3);
        return !writer.failed;
    }
    size_t some = wire_open(&writer, 2);
    for (size_t i = 0; i < request->range_count; i++) {
        size_t range = wire_open(&writer, 1);
        wire_put_uint(&writer, 1, request->ranges[i].begin);
        wire_put_uint(&writer, 2, request->ranges[i].count);
        wire_close(&writer, range);
    }
    wire_close(&writer, some);
    return !writer.failed;
}

bool encode_list_remove(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_bytes(&writer, 2, request->value);
    return !writer.failed;
}

static void put_slice(struct wire_writer *writer, const mayfly_request *request)
{
    wire_put_bytes(writer, 1, request->key);
    if (request->start == MAYFLY_UNBOUNDED)
        wire_put_empty(writer, 2);
    else
        wire_put_sint(writer, 3, request->start);
    if (request->end == MAYFLY_UNBOUNDED)
        wire_put_empty(writer, 4);
    else
        wire_put_sint(writer, 5, request->end);
}

bool encode_list_fetch(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    put_slice(&writer, request);
    return !writer.failed;
}

bool encode_list_retain(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    put_slice(&writer, request);
    wire_put_ttl(&writer, 6, request);
    return !writer.failed;
}

static bool take_popped(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_BYTES))
        call->reply.value = reply_bytes(field->bytes.data, field->bytes.size);
    else if (wire_is(field, 2, FIELD_VARINT))
        call->reply.number = (int64_t)field->integer;
    return true;
}

bool decode_list_pop(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, take_popped);
}
