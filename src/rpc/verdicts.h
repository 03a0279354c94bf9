/* What gRPC makes of messages and replies that are not as they should be: the status and the sentence for each, the
 * same whichever engine found it. */
#ifndef MAYFLY_RPC_VERDICTS_H
#define MAYFLY_RPC_VERDICTS_H

#include "rpc/grpc.h"
#include "rpc/h2.h"
#include "rpc/reply_headers.h"
#include "rpc/request_header.h"

struct verdict {
    enum h2_refusal refusal; /* server */
    enum status status;
    const char *message;
    const char *http_status; /* server: answer with this alone, since the request is not gRPC; else NULL */
};

/* Server: a request's header block; false where there is nothing against it. */
bool verdict_of_header(const struct request_header *header, struct verdict *verdict);
extern const struct verdict verdict_header_too_large;
extern const struct verdict verdict_header_without_memory;

/* Server: a request that ended before its message did, and a message that cannot be taken. GRPC_MESSAGE: it is one too
 * many; GRPC_NEED_MORE: too much of the connection is in memory. */
extern const struct verdict verdict_request_cut;
struct verdict verdict_of_request_message(enum grpc_assembly problem, bool is_compressed);

/* Client: likewise. */
struct verdict verdict_of_reply_message(enum grpc_assembly problem);
extern const struct verdict verdict_reply_header_too_large;
extern const struct verdict verdict_reply_without_memory;
extern const struct verdict verdict_connection_lost;

/* Client: how a call has ended that was given no verdict. */
struct reply_end {
    uint32_t error_code; /* of its stream */
    bool was_sent;       /* the peer may have heard of it */
    bool is_cut;         /* it ended inside a message */
    bool has_message;
    bool streams; /* its method may have no message, and many */
};
struct h2_outcome reply_outcome(const struct reply_headers *reply, struct reply_end end);

#endif
