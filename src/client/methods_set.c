/* The methods of sets. */
#include "client/methods.h"

bool encode_set_union(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_values(&writer, 2, request);
    wire_put_ttl(&writer, 3, request);
    return !writer.failed;
}

/* Also for SetPop, whose `count` is the same on the wire. */
bool encode_set_sample(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_uint(&writer, 2, request->limit);
    return !writer.failed;
}

bool encode_set_difference(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    size_t outer = wire_open(&writer, request->from_items ? 2 : 3);
    if (request->from_items) {
        wire_put_values(&writer, 1, request);
    } else if (request->all) {
        wire_put_empty(&writer, 2);
    } else {
        size_t some = wire_open(&writer, 1);
        wire_put_values(&writer, 1, request);
        wire_close(&writer, some);
    }
    wire_close(&writer, outer);
    return !writer.failed;
}

static bool add_answer(struct client_call *call, bool found)
{
    mayfly_item *item = client_call_add_item(call);
    if (item != NULL)
        item->found = found;
    return item != NULL;
}

/* Booleans, packed or one by one. */
static bool take_contains(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_VARINT))
        return add_answer(call, field->integer != 0);
    if (!wire_is(field, 1, FIELD_BYTES))
        return true;
    const uint8_t *at = field->bytes.data;
    const uint8_t *end = at + field->bytes.size;
    while (at != end) {
        uint64_t value;
        at = field_read_varint(at, end, &value);
        if (at == NULL || !add_answer(call, value != 0))
            return false;
    }
    return true;
}

bool decode_set_contains(struct client_call *call, struct bytes message)
{
    return wire_read_each(call, message, take_contains);
}
