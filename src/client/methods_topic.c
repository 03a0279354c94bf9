/* Publish. What a subscription writes and reads is in topic.c. */
#include "client/methods.h"

bool encode_publish(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, mayfly_text(request->cache));
    wire_put_bytes(&writer, 2, request->key);
    size_t value = wire_open(&writer, 3);
    wire_put_bytes(&writer, request->is_text ? 1 : 2, request->value);
    wire_close(&writer, value);
    return !writer.failed;
}
