/* The header blocks of one connection's requests, for a server on nghttp2. Requests repeat the same block,
 * but for path and timeout, over and over. So a block is compared with the one before as it is decoded, field
 * by field and mostly by pointer, since the decoder hands out the same buffer for the same entry of its
 * table: the usual request costs no parsing and shares the metadata of the request before. */
#ifndef MAYFLY_RPC_REQUEST_HEADERS_H
#define MAYFLY_RPC_REQUEST_HEADERS_H

#include "rpc/h2.h"

#include <nghttp2/nghttp2.h>

/* What a header block says. */
struct request_header {
    unsigned method;           /* UINT_MAX: a path that is in no table */
    int64_t timeout_ns;        /* CLOCK_NEVER where there is none */
    struct metadata *metadata; /* what is the caller's own business; lives until the next block begins */
    bool is_post;
    bool is_grpc;
    bool is_timeout_valid;
    bool is_compressed; /* an encoding other than identity is named */
};

struct request_headers;

/* For a connection; NULL when memory is out. */
struct request_headers *request_headers_create(const struct h2_methods *methods, size_t limit_bytes);
void request_headers_destroy(struct request_headers *headers);

/* Reads one block: begin, its fields in their order, end. */
void request_headers_begin(struct request_headers *headers);
void request_headers_field(struct request_headers *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value);

enum request_headers_end {
    REQUEST_HEADERS_READ,
    REQUEST_HEADERS_TOO_LARGE,
    REQUEST_HEADERS_NO_MEMORY,
};

/* *HEADER lives until the next block begins; set when the block was read. */
enum request_headers_end request_headers_end(struct request_headers *headers,
                                             const struct request_header **header);

#endif
