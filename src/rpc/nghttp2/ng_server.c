/* What a server makes of a request: who may not go on is answered here and never reaches the owner. */
#include "rpc/nghttp2/ng.h"

static void call_refused(struct ng_call *call, enum h2_refusal refusal)
{
    struct ng_connection *connection = owner_of(call);
    if (connection->config.events->refused != NULL)
        connection->config.events->refused(connection->config.owner, refusal);
}

static void server_refuse(struct ng_call *call, struct verdict verdict, struct metadata *trailers)
{
    call_refused(call, verdict.refusal);
    ng_call_drop_input(call);
    if (verdict.http_status != NULL)
        ng_call_submit_http(call, verdict.http_status);
    else
        ng_finish(&call->base.call, verdict.status, bytes_of(verdict.message), trailers);
}

void ng_server_opened(struct ng_connection *connection, struct ng_call *call)
{
    const struct request_header *header;
    struct verdict verdict;
    enum ng_requests_end end = ng_requests_end(connection->requests, &header);
    if (end != NG_REQUESTS_READ) {
        server_refuse(call,
                      end == NG_REQUESTS_TOO_LARGE ? verdict_header_too_large : verdict_header_without_memory,
                      NULL);
        return;
    }
    call->base.call.method = header->method;
    call->base.call.timeout_ns = header->timeout_ns;
    call->base.call.metadata = metadata_hold(header->metadata);
    call->is_compressed = header->is_compressed;
    if (verdict_of_header(header, &verdict)) {
        server_refuse(call, verdict, NULL);
    } else {
        call->opened = true;
        if (connection->config.events->opened != NULL)
            connection->config.events->opened(connection->config.owner, &call->base.call);
    }
}

void ng_server_half_closed(struct ng_connection *connection, struct ng_call *call)
{
    const struct h2_events *events = connection->config.events;
    call->remote_closed = true;
    if (!call->opened || call->finished || call->ended)
        return;
    bool streams = h2_methods_at(connection->config.methods, call->base.call.method)->client_streams;
    if (grpc_assembler_inside(&call->in) || (!streams && !call->has_message)) {
        server_refuse(call, verdict_request_cut, NULL);
    } else if (streams) {
        if (events->half_closed != NULL)
            events->half_closed(connection->config.owner, &call->base.call);
    } else {
        list_remove(&call->borrowed);
        events->message(connection->config.owner, &call->base.call, call->message);
    }
}

void ng_server_refuse_message(struct ng_call *call, enum grpc_assembly problem)
{
    struct metadata *trailers =
        problem == GRPC_TOO_LARGE ? owner_of(call)->config.message_size_trailers : NULL;
    server_refuse(call, verdict_of_request_message(problem, call->is_compressed), trailers);
}
