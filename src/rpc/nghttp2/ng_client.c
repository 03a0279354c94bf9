/* What a client makes of a reply: its headers, and how the call has ended when everything was heard. */
#include "rpc/hpack.h"
#include "rpc/nghttp2/ng.h"

/* Settles how the call ends, whatever the peer may still say. */
static void client_fail(struct ng_call *call, struct verdict verdict)
{
    if (call->has_verdict)
        return;
    call->has_verdict = true;
    call->verdict = verdict;
    ng_call_drop_input(call);
    ng_call_reset(call, NGHTTP2_CANCEL);
}

void ng_client_refuse_message(struct ng_call *call, enum grpc_assembly problem)
{
    client_fail(call, verdict_of_reply_message(problem));
}

void ng_client_field(struct ng_call *call, struct bytes name, struct bytes value)
{
    size_t limit_bytes = owner_of(call)->config.limits.header_bytes;
    size_t field_bytes = hpack_field_bytes((struct hpack_field){name, value});
    if (call->has_verdict)
        return;
    if (call->reply.bytes + field_bytes > limit_bytes)
        client_fail(call, verdict_reply_header_too_large);
    else if (!reply_headers_field(&call->reply, name, value))
        client_fail(call, verdict_reply_without_memory);
}

static struct h2_outcome client_outcome(const struct ng_call *call, uint32_t error_code)
{
    const struct ng_connection *connection = owner_of(call);
    if (call->has_verdict)
        return (struct h2_outcome){.status = call->verdict.status,
                                   .message = bytes_of(call->verdict.message)};
    struct reply_end end = {
        .error_code = error_code,
        .was_sent = call_was_sent(call),
        .is_cut = grpc_assembler_inside(&call->in),
        .has_message = call->has_message,
        .streams = h2_methods_at(connection->config.methods, call->base.call.method)->server_streams,
    };
    return reply_outcome(&call->reply, end);
}

void ng_client_closed(struct ng_call *call, uint32_t error_code)
{
    const struct h2_config *config = &owner_of(call)->config;
    struct h2_outcome outcome = client_outcome(call, error_code);
    outcome.trailers = call->trailers = reply_headers_metadata(&call->reply);
    if (outcome.status == STATUS_OK && call->has_message)
        config->events->message(config->owner, &call->base.call, call->message);
    if (!call->ended) {
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
}

/* The reply is complete. Where the request is not, nobody wants the rest of it. */
void ng_client_reply_ended(struct ng_connection *connection, struct ng_call *call)
{
    if (nghttp2_session_get_stream_local_close(connection->session, call->stream_id) == 0)
        ng_call_reset(call, NGHTTP2_NO_ERROR);
}
