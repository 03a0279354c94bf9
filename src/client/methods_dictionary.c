/* The methods of dictionaries. */
#include "client/methods.h"
#include "proto/hot.h"

bool encode_dictionary_set(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    for (size_t i = 0; i < request->item_count; i++) {
        size_t pair = wire_open(&writer, 2);
        wire_put_bytes(&writer, 1, request->items[i].key);
        wire_put_bytes(&writer, 2, request->items[i].value);
        wire_close(&writer, pair);
    }
    wire_put_ttl(&writer, 3, request);
    return !writer.failed;
}

bool encode_dictionary_increment(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_bytes(&writer, 2, request->field);
    wire_put_uint(&writer, 3, (uint64_t)request->amount);
    wire_put_ttl(&writer, 4, request);
    return !writer.failed;
}

bool encode_dictionary_delete(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    if (request->all) {
        wire_put_empty(&writer, 3);
    } else {
        size_t some = wire_open(&writer, 2);
        wire_put_keys(&writer, 1, request);
        wire_close(&writer, some);
    }
    return !writer.failed;
}

/* Of an item that was asked for: 1 says whether it is there, 2 is its value. */
static bool take_part_field(struct client_call *call, const struct field *field)
{
    mayfly_item *item = &call->batch.items[call->batch.count - 1];
    if (wire_is(field, 1, FIELD_VARINT))
        item->found = field->integer == HOT_RESULT_HIT;
    else if (wire_is(field, 2, FIELD_BYTES))
        item->value = reply_bytes(field->bytes.data, field->bytes.size);
    return true;
}

static bool take_part(struct client_call *call, const struct field *field)
{
    return !wire_is(field, 1, FIELD_BYTES) ||
           (client_call_add_item(call) != NULL && wire_read(call, field->bytes, take_part_field));
}

bool decode_dictionary_get(struct client_call *call, struct bytes message)
{
    return wire_read_each(call, message, take_part);
}

static bool take_pair_field(struct client_call *call, const struct field *field)
{
    mayfly_item *item = &call->batch.items[call->batch.count - 1];
    if (wire_is(field, 1, FIELD_BYTES))
        item->key = reply_bytes(field->bytes.data, field->bytes.size);
    else if (wire_is(field, 2, FIELD_BYTES))
        item->value = reply_bytes(field->bytes.data, field->bytes.size);
    return true;
}

static bool take_pair(struct client_call *call, const struct field *field)
{
    if (!wire_is(field, 1, FIELD_BYTES))
        return true;
    mayfly_item *item = client_call_add_item(call);
    if (item == NULL)
        return false;
    item->found = true;
    return wire_read(call, field->bytes, take_pair_field);
}

bool decode_dictionary_fetch(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, take_pair);
}
