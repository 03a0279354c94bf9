#include "rpc/reply_headers.h"

#include "rpc/grpc.h"
#include "rpc/hpack.h"

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

bool reply_headers_field(struct reply_headers *reply, struct bytes name, struct bytes value)
{
    reply->bytes += hpack_field_bytes((struct hpack_field){name, value});
    if (is_named(name, ":status")) {
        reply->http_status = http_status_parse(value);
    } else if (reply->http_status == 0 || is_named(name, "content-length")) {
        return true; /* part of an informational reply, or HTTP's business */
    } else if (is_named(name, "content-type")) {
        reply->is_grpc = grpc_is_content_type(value);
    } else if (is_named(name, "grpc-status")) {
        reply->status = grpc_status_parse(value);
        reply->has_status = true;
    } else if (is_named(name, "grpc-message")) {
        reply->message.size = 0;
        return grpc_message_decode(value, &reply->message);
    } else {
        return field_list_add(&reply->metadata, name, value);
    }
    return true;
}

struct metadata *reply_headers_metadata(struct reply_headers *reply)
{
    size_t count = field_list_count(&reply->metadata);
    return count > 0 ? metadata_create(field_list_pairs(&reply->metadata), count) : NULL;
}

void reply_headers_reset(struct reply_headers *reply, size_t keep)
{
    buffer_reset(&reply->message, keep);
    field_list_reset(&reply->metadata, keep);
    *reply = (struct reply_headers){.message = reply->message, .metadata = reply->metadata};
}

void reply_headers_free(struct reply_headers *reply)
{
    buffer_free(&reply->message);
    field_list_free(&reply->metadata);
}
