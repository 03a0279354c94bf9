/* What the header block of a request says to gRPC. */
#ifndef MAYFLY_RPC_REQUEST_HEADER_H
#define MAYFLY_RPC_REQUEST_HEADER_H

#include "base/clock.h"
#include "rpc/h2.h"

#include <limits.h>

struct request_header {
    unsigned method;           /* UINT_MAX: a path that is in no table */
    int64_t timeout_ns;        /* CLOCK_NEVER where there is none */
    struct metadata *metadata; /* what is the caller's own business */
    bool is_post;
    bool is_grpc;
    bool is_timeout_valid;
    bool is_compressed; /* an encoding other than identity is named */
};

enum request_field {
    REQUEST_METADATA, /* shown to the owner */
    REQUEST_PATH,
    REQUEST_TIMEOUT,
    REQUEST_HTTP_METHOD,
    REQUEST_CONTENT_TYPE,
    REQUEST_ENCODING,
    REQUEST_TRANSPORT, /* of no interest beyond HTTP */
};

/* What a field of this name is. */
enum request_field request_field_of(struct bytes name);

static inline struct request_header request_header_make(void)
{
    return (struct request_header){.method = UINT_MAX, .timeout_ns = CLOCK_NEVER, .is_timeout_valid = true};
}

/* Takes in the value of a field. */
void request_header_take(struct request_header *header, const struct h2_methods *methods,
                         enum request_field field, struct bytes value);

#endif
