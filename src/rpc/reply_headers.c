#include "rpc/reply_headers.h"

#include "rpc/grpc.h"

static bool is_named(struct bytes name, const char *wanted)
{
    return bytes_equal(name, bytes_of(wanted));
}

/* The number of a :status; informational ones (below 200) are followed by the final one. */
static int http_status_parse(struct bytes text)
{
    int status = 0;
    for (size_t i = 0; i < text.size && i < 3; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        status = status * 10 + (text.data[i] - '0');
    }
    return status >= 200 ? status : 0;
}

static bool keep(struct reply_headers *reply, struct bytes name, struct bytes value)
{
    /* Sizes only, until all text is there: the buffer moves as it grows. */
    struct metadata_pair pair = {bytes_make(NULL, name.size), bytes_make(NULL, value.size)};
    if (!buffer_reserve(&reply->text, name.size + value.size) ||
        !buffer_append(&reply->pairs, bytes_make(&pair, sizeof pair)))
        return false;
    return buffer_append(&reply->text, name) && buffer_append(&reply->text, value);
}

bool reply_headers_field(struct reply_headers *reply, struct bytes name, struct bytes value)
{
    reply->bytes += name.size + value.size + GRPC_FIELD_OVERHEAD_BYTES;
    if (is_named(name, ":status")) {
        reply->http_status = http_status_parse(value);
    } else if (is_named(name, "content-type")) {
        reply->is_grpc = grpc_is_content_type(value);
    } else if (is_named(name, "grpc-status")) {
        reply->status = grpc_status_parse(value);
        reply->has_status = true;
    } else if (is_named(name, "grpc-message")) {
        reply->message.size = 0;
        return grpc_message_decode(value, &reply->message);
    } else if (reply->http_status != 0) {
        return keep(reply, name, value);
    }
    return true;
}

struct metadata *reply_headers_metadata(struct reply_headers *reply)
{
    struct metadata_pair *pairs = (struct metadata_pair *)(void *)reply->pairs.data;
    size_t count = reply->pairs.size / sizeof *pairs;
    const uint8_t *text = reply->text.data;
    if (count == 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        pairs[i].name.data = text;
        text += pairs[i].name.size;
        pairs[i].value.data = text;
        text += pairs[i].value.size;
    }
    return metadata_create(pairs, count);
}

void reply_headers_reset(struct reply_headers *reply, size_t keep_bytes)
{
    buffer_reset(&reply->message, keep_bytes);
    buffer_reset(&reply->pairs, keep_bytes);
    buffer_reset(&reply->text, keep_bytes);
    *reply = (struct reply_headers){.message = reply->message, .pairs = reply->pairs, .text = reply->text};
}

void reply_headers_free(struct reply_headers *reply)
{
    buffer_free(&reply->message);
    buffer_free(&reply->pairs);
    buffer_free(&reply->text);
}
