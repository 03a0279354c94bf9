/* What a client makes of a reply: its headers, and how the call has ended when everything was heard. */
#include "rpc/engine.h"

/* Settles how the call ends, whatever the peer may still say. */
static void fail(struct engine_call *call, struct verdict verdict)
{
    if (call->has_verdict || call->gone)
        return;
    call->has_verdict = true;
    call->verdict = verdict;
    engine_call_drop_input(call);
    engine_call_reset(call, H2_CANCEL);
}

void engine_client_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    fail(call, verdict_of_reply_message(problem));
}

void engine_client_reply(struct engine_call *call, struct bytes block, bool ends)
{
    switch (engine_read_reply(owner_of(call), block, call, ends)) {
    case BLOCK_READ:
    case BLOCK_BROKEN:
        break;
    case BLOCK_MALFORMED:
        engine_call_reset(call, H2_PROTOCOL_ERROR);
        break;
    case BLOCK_TOO_LARGE:
        fail(call, verdict_reply_header_too_large);
        break;
    case BLOCK_NO_MEMORY:
        fail(call, verdict_reply_without_memory);
        break;
    }
}

void engine_client_half_closed(struct engine_call *call)
{
    /* Where the request is not complete, nobody wants the rest of it. */
    if (!call->local_closed)
        engine_put_reset(owner_of(call), call->stream_id, H2_NO_ERROR);
    engine_call_end(call, H2_NO_ERROR);
}

void engine_client_lost(struct engine_call *call)
{
    if (call->has_verdict || !call_was_sent(call) || call->reply.has_status)
        return;
    call->has_verdict = true;
    call->verdict = verdict_connection_lost;
}

static struct h2_outcome outcome_of(const struct engine_call *call)
{
    if (call->has_verdict)
        return (struct h2_outcome){.status = call->verdict.status,
                                   .message = bytes_of(call->verdict.message)};
    struct reply_end end = {
        .error_code = call->reset_code,
        .was_sent = call_was_sent(call),
        .is_cut = grpc_assembler_inside(&call->in),
        .has_message = call->has_message,
        .streams = method_of(call)->server_streams,
    };
    return reply_outcome(&call->reply, end);
}

void engine_client_closed(struct engine_call *call)
{
    const struct h2_config *config = &owner_of(call)->config;
    struct h2_outcome outcome = outcome_of(call);
    outcome.trailers = call->trailers = reply_headers_metadata(&call->reply);
    if (outcome.status == STATUS_OK && call->has_message)
        config->events->message(config->owner, &call->base.call, call->message);
    if (!call->ended) {
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
}
