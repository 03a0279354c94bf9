/* What a server makes of a request: who may not go on is answered here and never reaches the owner. */
#include "rpc/engine.h"

static void refuse(struct engine_call *call, struct verdict verdict, struct metadata *trailers)
{
    struct engine_connection *connection = owner_of(call);
    if (connection->config.events->refused != NULL)
        connection->config.events->refused(connection->config.owner, verdict.refusal);
    engine_call_drop_input(call);
    if (verdict.http_status == NULL) {
        engine_finish(&call->base.call, verdict.status, bytes_of(verdict.message), trailers);
        return;
    }
    /* HTTP but not gRPC: answered without a status of gRPC's, as its specification asks. */
    call->finished = true;
    engine_write_http_status(call, verdict.http_status);
    if (!connection->over)
        engine_call_replied(call);
}

/* A request's header has been read and may be followed by its messages. */
static void open_call(struct engine_call *call, const struct request_header *header)
{
    const struct h2_config *config = &owner_of(call)->config;
    struct verdict verdict;
    call->base.call.method = header->method;
    call->base.call.timeout_ns = header->timeout_ns;
    call->is_compressed = header->is_compressed;
    if (verdict_of_header(header, &verdict)) {
        refuse(call, verdict, NULL);
        return;
    }
    call->opened = true;
    if (config->events->opened != NULL)
        config->events->opened(config->owner, &call->base.call);
}

/* A stream that will not become a call. */
static void turn_away(struct engine_connection *connection, uint32_t stream_id, struct bytes block,
                      enum h2_code code)
{
    if (engine_skip_block(connection, block) == BLOCK_READ)
        engine_put_reset(connection, stream_id, code);
}

static void read_header(struct engine_call *call, struct bytes block, bool ends)
{
    struct request_header header;
    call->remote_closed = ends; /* known before anybody may answer */
    switch (engine_read_request(owner_of(call), block, &call->rules, &header)) {
    case BLOCK_READ:
        call->base.call.metadata = header.metadata;
        if (ends && !field_rules_whole(&call->rules))
            engine_call_reset(call, H2_PROTOCOL_ERROR);
        else
            open_call(call, &header);
        break;
    case BLOCK_MALFORMED:
        engine_call_reset(call, H2_PROTOCOL_ERROR);
        break;
    case BLOCK_TOO_LARGE:
        refuse(call, verdict_header_too_large, NULL);
        break;
    case BLOCK_NO_MEMORY:
        refuse(call, verdict_header_without_memory, NULL);
        break;
    case BLOCK_BROKEN:
        break;
    }
}

struct engine_call *engine_server_request(struct engine_connection *connection, uint32_t stream_id,
                                          struct bytes block, bool ends)
{
    connection->last_id = stream_id;
    if (connection->goaway_sent) { /* the client knows that nobody looks at it */
        (void)engine_skip_block(connection, block);
        return NULL;
    }
    connection->processed_id = stream_id;
    if (connection->streams.count >= connection->config.limits.max_streams) {
        turn_away(connection, stream_id, block, H2_REFUSED_STREAM);
        return NULL;
    }
    struct engine_call *call = engine_call_open(connection);
    if (call == NULL || !engine_call_on_stream(call, stream_id)) {
        if (call != NULL)
            engine_call_end(call, H2_INTERNAL_ERROR);
        turn_away(connection, stream_id, block, H2_INTERNAL_ERROR);
        return NULL;
    }
    read_header(call, block, ends);
    return call;
}

/* A client's trailers say nothing to gRPC, but they have to be right, and within the bounds. */
void engine_server_trailers(struct engine_call *call, struct bytes block, bool ends)
{
    switch (engine_read_trailers(owner_of(call), block, &call->rules, ends)) {
    case BLOCK_READ:
    case BLOCK_BROKEN:
        break;
    case BLOCK_TOO_LARGE:
        call->remote_closed = ends;
        if (!call->finished)
            refuse(call, verdict_header_too_large, NULL);
        break;
    case BLOCK_MALFORMED:
    case BLOCK_NO_MEMORY:
        engine_call_reset(call, H2_PROTOCOL_ERROR);
        break;
    }
}

void engine_server_half_closed(struct engine_call *call)
{
    const struct h2_config *config = &owner_of(call)->config;
    if (!call->opened || call->finished || call->ended)
        return;
    bool streams = method_of(call)->client_streams;
    if (grpc_assembler_inside(&call->in) || (!streams && !call->has_message)) {
        refuse(call, verdict_request_cut, NULL);
    } else if (streams) {
        if (config->events->half_closed != NULL)
            config->events->half_closed(config->owner, &call->base.call);
    } else {
        list_remove(&call->borrowed);
        config->events->message(config->owner, &call->base.call, call->message);
    }
}

void engine_server_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    struct metadata *trailers =
        problem == GRPC_TOO_LARGE ? owner_of(call)->config.message_size_trailers : NULL;
    refuse(call, verdict_of_request_message(problem, call->is_compressed), trailers);
}
