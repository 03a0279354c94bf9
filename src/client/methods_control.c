/* The methods about caches as wholes, and Ping. */
#include "client/methods.h"

/* Every control request but the list is a name in field 1. */
bool encode_cache_name(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, mayfly_text(request->cache));
    return !writer.failed;
}

/* Of a cache, its name: field 1. */
static bool take_name(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_BYTES))
        call->batch.items[call->batch.count - 1].key = reply_bytes(field->bytes.data, field->bytes.size);
    return true;
}

static bool take_cache(struct client_call *call, const struct field *field)
{
    if (!wire_is(field, 1, FIELD_BYTES))
        return true;
    mayfly_item *item = client_call_add_item(call);
    if (item == NULL)
        return false;
    item->found = true;
    return wire_read(call, field->bytes, take_name);
}

bool decode_list_caches(struct client_call *call, struct bytes message)
{
    call->reply.outcome = MAYFLY_DONE;
    return wire_read(call, message, take_cache);
}
