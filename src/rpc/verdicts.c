#include "rpc/verdicts.h"

#include "rpc/h2_frame.h"

/* --- Requests --- */

const struct verdict verdict_header_too_large = {H2_REFUSED_HEADER_SIZE, STATUS_RESOURCE_EXHAUSTED,
                                                 "the request's metadata is larger than this server accepts",
                                                 NULL};

const struct verdict verdict_header_without_memory = {H2_REFUSED_MEMORY, STATUS_RESOURCE_EXHAUSTED,
                                                      "the server is out of memory", NULL};

const struct verdict verdict_request_cut = {H2_REFUSED_PROTOCOL, STATUS_INTERNAL,
                                            "the request ended before its message did", NULL};

bool verdict_of_header(const struct request_header *header, struct verdict *verdict)
{
    if (!header->is_post)
        *verdict = (struct verdict){H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "", "405"};
    else if (!header->is_grpc)
        *verdict = (struct verdict){H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "", "415"};
    else if (!header->is_timeout_valid)
        *verdict =
            (struct verdict){H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the grpc-timeout is malformed", NULL};
    else if (header->method == UINT_MAX)
        *verdict =
            (struct verdict){H2_REFUSED_METHOD, STATUS_UNIMPLEMENTED, "this server has no such method", NULL};
    else
        return false;
    return true;
}

struct verdict verdict_of_request_message(enum grpc_assembly problem, bool is_compressed)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        return (struct verdict){H2_REFUSED_MESSAGE_SIZE, STATUS_RESOURCE_EXHAUSTED,
                                "the request's message is larger than this server accepts", NULL};
    case GRPC_COMPRESSED:
        if (is_compressed)
            return (struct verdict){H2_REFUSED_COMPRESSION, STATUS_UNIMPLEMENTED,
                                    "this server takes no compressed messages", NULL};
        return (struct verdict){H2_REFUSED_COMPRESSION, STATUS_INTERNAL,
                                "a message is marked as compressed and no grpc-encoding was named", NULL};
    case GRPC_MESSAGE:
        return (struct verdict){H2_REFUSED_PROTOCOL, STATUS_INTERNAL,
                                "more than one message came where one belongs", NULL};
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        break;
    }
    return (struct verdict){H2_REFUSED_MEMORY, STATUS_RESOURCE_EXHAUSTED,
                            "too much of this connection's requests is unfinished", NULL};
}

/* --- Replies --- */

const struct verdict verdict_reply_header_too_large = {
    .status = STATUS_RESOURCE_EXHAUSTED,
    .message = "the reply's metadata is larger than this client accepts"};

const struct verdict verdict_reply_without_memory = {.status = STATUS_RESOURCE_EXHAUSTED,
                                                     .message = "there is no memory for the reply"};

const struct verdict verdict_connection_lost = {
    .status = STATUS_UNAVAILABLE,
    .message = "the connection was lost before the reply came; the server may have executed the call"};

struct verdict verdict_of_reply_message(enum grpc_assembly problem)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        return (struct verdict){.status = STATUS_RESOURCE_EXHAUSTED,
                                .message = "the reply's message is larger than this client accepts"};
    case GRPC_COMPRESSED:
        return (struct verdict){.status = STATUS_INTERNAL,
                                .message = "the reply's message is compressed, which was not offered"};
    case GRPC_MESSAGE:
        return (struct verdict){.status = STATUS_INTERNAL,
                                .message = "more than one message came where one belongs"};
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        break;
    }
    return verdict_reply_without_memory;
}

static struct h2_outcome outcome_of(enum status status, const char *message)
{
    return (struct h2_outcome){.status = status, .message = bytes_of(message)};
}

/* What a reply without a status of gRPC's means. */
static struct h2_outcome outcome_without_status(const struct reply_headers *reply, uint32_t error_code)
{
    if (error_code != H2_NO_ERROR)
        return outcome_of(grpc_status_of_reset(error_code), h2_code_name(error_code));
    if (reply->http_status != 0 && (reply->http_status != 200 || !reply->is_grpc))
        return outcome_of(grpc_status_of_http(reply->http_status),
                          "the peer answered in HTTP, not in gRPC; is this a gRPC port?");
    return outcome_of(STATUS_INTERNAL, "the reply ended without a status");
}

struct h2_outcome reply_outcome(const struct reply_headers *reply, struct reply_end end)
{
    if (!reply->has_status || end.error_code != H2_NO_ERROR) { /* a malformed reply's status does not count */
        bool is_refused = end.error_code == H2_REFUSED_STREAM && reply->http_status == 0;
        if (end.was_sent && !is_refused)
            return outcome_without_status(reply, end.error_code);
        struct h2_outcome outcome =
            outcome_of(STATUS_UNAVAILABLE, "the server did not take the call, which was not executed");
        outcome.unseen = true;
        return outcome;
    }
    if (reply->status == STATUS_OK && end.is_cut)
        return outcome_of(STATUS_INTERNAL, "the reply ended inside a message");
    if (reply->status == STATUS_OK && !end.streams && !end.has_message)
        return outcome_of(STATUS_INTERNAL, "the reply has no message");
    return (struct h2_outcome){.status = reply->status, .message = buffer_bytes(&reply->message)};
}
