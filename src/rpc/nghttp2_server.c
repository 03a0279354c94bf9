/* What a server makes of a request: who may not go on is answered here and never reaches the owner. */
#include "rpc/nghttp2_engine.h"

#include <limits.h>

static void call_refused(struct engine_call *call, enum h2_refusal refusal)
{
    struct engine_connection *connection = owner_of(call);
    if (connection->config.events->refused != NULL)
        connection->config.events->refused(connection->config.owner, refusal);
}

static void server_refuse(struct engine_call *call, enum h2_refusal refusal, enum status status,
                          const char *message, struct metadata *trailers)
{
    call_refused(call, refusal);
    engine_call_drop_input(call);
    engine_finish(&call->base.call, status, bytes_of(message), trailers);
}

/* Answers a request that is HTTP but not gRPC, as the gRPC specification asks: without a gRPC status. */
static void server_refuse_http(struct engine_call *call, const char *http_status)
{
    call_refused(call, H2_REFUSED_PROTOCOL);
    engine_call_submit_http(call, http_status);
}

void engine_server_opened(struct engine_connection *connection, struct engine_call *call)
{
    const struct request_header *header;
    enum request_headers_end end = request_headers_end(connection->requests, &header);
    if (end != REQUEST_HEADERS_READ) {
        bool is_too_large = end == REQUEST_HEADERS_TOO_LARGE;
        server_refuse(call, is_too_large ? H2_REFUSED_HEADER_SIZE : H2_REFUSED_MEMORY,
                      STATUS_RESOURCE_EXHAUSTED,
                      is_too_large ? "the request's metadata is larger than this server accepts"
                                   : "the server is out of memory",
                      NULL);
        return;
    }
    call->base.call.method = header->method;
    call->base.call.timeout_ns = header->timeout_ns;
    call->base.call.metadata = metadata_hold(header->metadata);
    call->is_compressed = header->is_compressed;
    if (!header->is_post) {
        server_refuse_http(call, "405");
    } else if (!header->is_grpc) {
        server_refuse_http(call, "415");
    } else if (!header->is_timeout_valid) {
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the grpc-timeout is malformed", NULL);
    } else if (header->method == UINT_MAX) {
        server_refuse(call, H2_REFUSED_METHOD, STATUS_UNIMPLEMENTED, "this server has no such method", NULL);
    } else {
        call->opened = true;
        if (connection->config.events->opened != NULL)
            connection->config.events->opened(connection->config.owner, &call->base.call);
    }
}

void engine_server_half_closed(struct engine_connection *connection, struct engine_call *call)
{
    const struct h2_events *events = connection->config.events;
    call->remote_closed = true;
    if (!call->opened || call->finished || call->ended)
        return;
    bool streams = h2_methods_at(connection->config.methods, call->base.call.method)->client_streams;
    if (grpc_assembler_inside(&call->in) || (!streams && !call->has_message)) {
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the request ended before its message did",
                      NULL);
    } else if (streams) {
        if (events->half_closed != NULL)
            events->half_closed(connection->config.owner, &call->base.call);
    } else {
        list_remove(&call->borrowed);
        events->message(connection->config.owner, &call->base.call, call->message);
    }
}

void engine_server_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        server_refuse(call, H2_REFUSED_MESSAGE_SIZE, STATUS_RESOURCE_EXHAUSTED,
                      "the request's message is larger than this server accepts",
                      owner_of(call)->config.message_size_trailers);
        break;
    case GRPC_COMPRESSED:
        server_refuse(
            call, H2_REFUSED_COMPRESSION, call->is_compressed ? STATUS_UNIMPLEMENTED : STATUS_INTERNAL,
            call->is_compressed ? "this server takes no compressed messages"
                                : "a message is marked as compressed and no grpc-encoding was named",
            NULL);
        break;
    case GRPC_MESSAGE:
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL,
                      "more than one message came where one belongs", NULL);
        break;
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        server_refuse(call, H2_REFUSED_MEMORY, STATUS_RESOURCE_EXHAUSTED,
                      "too much of this connection's requests is unfinished", NULL);
        break;
    }
}
