/* The header blocks of one connection's requests, for a server on nghttp2. Requests repeat the same block,
 * but for path and timeout, over and over. So a block is compared with the one before as it is decoded, field
 * by field and mostly by pointer, since the decoder hands out the same buffer for the same entry of its
 * table: the usual request costs no parsing and shares the metadata of the request before. */
#ifndef MAYFLY_RPC_NGHTTP2_NG_REQUESTS_H
#define MAYFLY_RPC_NGHTTP2_NG_REQUESTS_H

#include "rpc/request_header.h"

#include <nghttp2/nghttp2.h>

struct ng_requests;

/* For a connection; NULL when memory is out. */
struct ng_requests *ng_requests_create(const struct h2_methods *methods, size_t limit_bytes);
void ng_requests_destroy(struct ng_requests *headers);

/* Reads one block: begin, its fields in their order, end. */
void ng_requests_begin(struct ng_requests *headers);
void ng_requests_field(struct ng_requests *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value);

enum ng_requests_end {
    NG_REQUESTS_READ,
    NG_REQUESTS_TOO_LARGE,
    NG_REQUESTS_NO_MEMORY,
};

/* *HEADER lives until the next block begins; set when the block was read. */
enum ng_requests_end ng_requests_end(struct ng_requests *headers, const struct request_header **header);

#endif
