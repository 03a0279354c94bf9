/* What the header blocks of one reply say to a client: HTTP's status, gRPC's status and message, and the
 * metadata of the first and last block together. Filled field by field, whichever engine decodes them. */
#ifndef MAYFLY_RPC_REPLY_HEADERS_H
#define MAYFLY_RPC_REPLY_HEADERS_H

#include "base/status.h"
#include "rpc/field_list.h"

struct reply_headers {
    int http_status; /* of the final response, 0 until it came */
    bool is_grpc;    /* by its content type */
    bool has_status; /* a grpc-status came */
    enum status status;
    struct buffer message;
    size_t bytes; /* of all fields, as RFC 9113 section 6.5.2 counts them */
    struct field_list metadata;
};

/* Takes a field; false when memory is out. */
bool reply_headers_field(struct reply_headers *reply, struct bytes name, struct bytes value);

/* A handle on the metadata, or NULL where there is none or memory is out. */
struct metadata *reply_headers_metadata(struct reply_headers *reply);

/* Forgets all and holds on to no more than KEEP bytes of each buffer. */
void reply_headers_reset(struct reply_headers *reply, size_t keep);
void reply_headers_free(struct reply_headers *reply);

#endif
