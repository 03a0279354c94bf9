/* What a client makes of a reply: its headers, and how the call has ended when everything was heard. */
#include "rpc/nghttp2_engine.h"

/* Settles how the call ends, whatever the peer may still say. */
static void client_fail(struct engine_call *call, enum status status, const char *why)
{
    if (call->failure != NULL)
        return;
    call->failure_status = status;
    call->failure = why;
    engine_call_drop_input(call);
    engine_call_reset(call, NGHTTP2_CANCEL);
}

void engine_client_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        client_fail(call, STATUS_RESOURCE_EXHAUSTED,
                    "the reply's message is larger than this client accepts");
        break;
    case GRPC_COMPRESSED:
        client_fail(call, STATUS_INTERNAL, "the reply's message is compressed, which was not offered");
        break;
    case GRPC_MESSAGE:
        client_fail(call, STATUS_INTERNAL, "more than one message came where one belongs");
        break;
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        client_fail(call, STATUS_RESOURCE_EXHAUSTED, "there is no memory for the reply");
        break;
    }
}

void engine_client_field(struct engine_call *call, struct bytes name, struct bytes value)
{
    size_t limit_bytes = owner_of(call)->config.limits.header_bytes;
    size_t field_bytes = name.size + value.size + GRPC_FIELD_OVERHEAD_BYTES;
    if (call->failure != NULL)
        return;
    if (call->reply.bytes + field_bytes > limit_bytes)
        client_fail(call, STATUS_RESOURCE_EXHAUSTED,
                    "the reply's metadata is larger than this client accepts");
    else if (!reply_headers_field(&call->reply, name, value))
        client_fail(call, STATUS_RESOURCE_EXHAUSTED, "there is no memory for the reply");
}

/* What a reply without a status of gRPC's means. */
static void client_outcome_without_status(const struct engine_call *call, uint32_t error_code,
                                          struct h2_outcome *outcome)
{
    const struct reply_headers *reply = &call->reply;
    if (outcome->unseen) {
        outcome->status = STATUS_UNAVAILABLE;
        outcome->message = bytes_of("the server did not take the call, which was not executed");
    } else if (error_code != NGHTTP2_NO_ERROR) {
        outcome->status = grpc_status_of_reset(error_code);
        outcome->message = bytes_of(nghttp2_http2_strerror(error_code));
    } else if (reply->http_status != 0 && (reply->http_status != 200 || !reply->is_grpc)) {
        outcome->status = grpc_status_of_http(reply->http_status);
        outcome->message = bytes_of("the peer answered in HTTP, not in gRPC; is this a gRPC port?");
    } else {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended without a status");
    }
}

static void client_outcome(const struct engine_call *call, uint32_t error_code, struct h2_outcome *outcome)
{
    const struct engine_connection *connection = owner_of(call);
    if (call->failure != NULL) {
        outcome->status = call->failure_status;
        outcome->message = bytes_of(call->failure);
    } else if (call->reply.has_status) {
        outcome->status = call->reply.status;
        outcome->message = buffer_bytes(&call->reply.message);
    } else {
        bool is_refused = error_code == NGHTTP2_REFUSED_STREAM && call->reply.http_status == 0;
        outcome->unseen = !call_was_sent(call) || is_refused;
        client_outcome_without_status(call, error_code, outcome);
    }
    if (outcome->status != STATUS_OK)
        return;
    bool streams = h2_methods_at(connection->config.methods, call->base.call.method)->server_streams;
    if (grpc_assembler_inside(&call->in)) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended inside a message");
    } else if (!streams && !call->has_message) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply has no message");
    }
}

void engine_client_closed(struct engine_call *call, uint32_t error_code)
{
    const struct h2_config *config = &owner_of(call)->config;
    struct h2_outcome outcome = {.message = bytes_make(NULL, 0)};
    client_outcome(call, error_code, &outcome);
    outcome.trailers = call->trailers = reply_headers_metadata(&call->reply);
    if (outcome.status == STATUS_OK && call->has_message)
        config->events->message(config->owner, &call->base.call, call->message);
    if (!call->ended) {
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
}

/* The reply is complete. Where the request is not, nobody wants the rest of it. */
void engine_client_reply_ended(struct engine_connection *connection, struct engine_call *call)
{
    if (nghttp2_session_get_stream_local_close(connection->session, call->stream_id) == 0)
        engine_call_reset(call, NGHTTP2_NO_ERROR);
}
