#include "rpc/request_headers.h"

#include "base/clock.h"
#include "rpc/grpc.h"

#include <limits.h>
#include <stdlib.h>

#define FIELDS_MAX     96
#define KNOWN_METADATA 8

enum field_kind {
    FIELD_METADATA, /* shown to the owner */
    FIELD_PATH,
    FIELD_TIMEOUT,
    FIELD_HTTP_METHOD,
    FIELD_CONTENT_TYPE,
    FIELD_ENCODING,
    FIELD_TRANSPORT, /* of no interest beyond HTTP */
};

struct field {
    enum field_kind kind;
    nghttp2_rcbuf *name;
    nghttp2_rcbuf *value;
};

struct block {
    struct field fields[FIELDS_MAX];
    size_t count;
    size_t bytes; /* as RFC 9113 section 6.5.2 counts them */
    struct request_header header;
};

struct request_headers {
    const struct h2_methods *methods;
    size_t limit_bytes;

    struct block *last;  /* the newest whole block, to compare the next one with */
    struct block *fresh; /* where a block that differs is built */
    size_t at;           /* the next field's place, while the block repeats the last one */
    bool repeats;
    bool too_large;

    struct metadata *known[KNOWN_METADATA]; /* handles of blocks that take turns */
    size_t known_next;
    struct block blocks[2];
};

static struct bytes rcbuf_bytes(nghttp2_rcbuf *buffer)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
    return bytes_make(vec.base, vec.len);
}

static bool rcbuf_same(nghttp2_rcbuf *a, nghttp2_rcbuf *b)
{
    return a == b || bytes_equal(rcbuf_bytes(a), rcbuf_bytes(b));
}

/* --- Fields and blocks --- */

static enum field_kind kind_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum field_kind kind;
    } kinds[] = {
        {":path", FIELD_PATH},
        {"grpc-timeout", FIELD_TIMEOUT},
        {":method", FIELD_HTTP_METHOD},
        {"content-type", FIELD_CONTENT_TYPE},
        {"grpc-encoding", FIELD_ENCODING},
        {"grpc-accept-encoding", FIELD_TRANSPORT},
        {"te", FIELD_TRANSPORT},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (bytes_equal(name, bytes_of(kinds[i].name)))
            return kinds[i].kind;
    return name.size > 0 && name.data[0] == ':' ? FIELD_TRANSPORT : FIELD_METADATA;
}

static void header_apply(struct request_header *header, const struct h2_methods *methods,
                         enum field_kind kind, struct bytes value)
{
    switch (kind) {
    case FIELD_PATH:
        header->method = h2_methods_find(methods, value);
        break;
    case FIELD_TIMEOUT:
        header->is_timeout_valid = grpc_timeout_parse(value, &header->timeout_ns);
        break;
    case FIELD_HTTP_METHOD:
        header->is_post = bytes_equal(value, bytes_of("POST"));
        break;
    case FIELD_CONTENT_TYPE:
        header->is_grpc = grpc_is_content_type(value);
        break;
    case FIELD_ENCODING:
        header->is_compressed = !bytes_equal(value, bytes_of("identity"));
        break;
    case FIELD_METADATA:
    case FIELD_TRANSPORT:
        break;
    }
}

static void block_clear(struct block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        nghttp2_rcbuf_decref(block->fields[i].name);
        nghttp2_rcbuf_decref(block->fields[i].value);
    }
    metadata_release(block->header.metadata);
    block->count = 0;
    block->bytes = 0;
    block->header = (struct request_header){
        .method = UINT_MAX,
        .timeout_ns = CLOCK_NEVER,
        .is_timeout_valid = true,
    };
}

static void block_append(struct block *block, struct field field)
{
    nghttp2_rcbuf_incref(field.name);
    nghttp2_rcbuf_incref(field.value);
    block->fields[block->count++] = field;
}

/* --- Reading --- */

struct request_headers *request_headers_create(const struct h2_methods *methods, size_t limit_bytes)
{
    struct request_headers *headers = calloc(1, sizeof *headers);
    if (headers == NULL)
        return NULL;
    headers->methods = methods;
    headers->limit_bytes = limit_bytes;
    headers->last = &headers->blocks[0];
    headers->fresh = &headers->blocks[1];
    return headers;
}

void request_headers_destroy(struct request_headers *headers)
{
    if (headers == NULL)
        return;
    block_clear(headers->last);
    block_clear(headers->fresh);
    for (size_t i = 0; i < KNOWN_METADATA; i++)
        metadata_release(headers->known[i]);
    free(headers);
}

void request_headers_begin(struct request_headers *headers)
{
    headers->at = 0;
    headers->repeats = true;
    headers->too_large = false;
}

/* Takes a field that is where the last block had the same one; false when the blocks part ways here. A path
 * or a timeout may differ: they say nothing about the metadata. */
static bool take_repeated(struct request_headers *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    struct block *block = headers->last;
    if (headers->at == block->count)
        return false;
    struct field *field = &block->fields[headers->at];
    if (!rcbuf_same(field->name, name))
        return false;
    if (!rcbuf_same(field->value, value)) {
        if (field->kind != FIELD_PATH && field->kind != FIELD_TIMEOUT)
            return false;
        struct bytes text = rcbuf_bytes(value);
        size_t bytes = block->bytes - rcbuf_bytes(field->value).size + text.size;
        if (bytes > headers->limit_bytes)
            return false;
        block->bytes = bytes;
        nghttp2_rcbuf_incref(value);
        nghttp2_rcbuf_decref(field->value);
        field->value = value;
        header_apply(&block->header, headers->methods, field->kind, text);
    }
    headers->at++;
    return true;
}

static void take_fresh(struct request_headers *headers, struct field field)
{
    struct block *block = headers->fresh;
    struct bytes value = rcbuf_bytes(field.value);
    block->bytes += rcbuf_bytes(field.name).size + value.size + GRPC_FIELD_OVERHEAD_BYTES;
    if (block->bytes > headers->limit_bytes || block->count == FIELDS_MAX) {
        headers->too_large = true;
        return;
    }
    block_append(block, field);
    header_apply(&block->header, headers->methods, field.kind, value);
}

/* Starts a block of its own with the fields that did repeat the last one. */
static void part_ways(struct request_headers *headers)
{
    headers->repeats = false;
    block_clear(headers->fresh);
    for (size_t i = 0; i < headers->at; i++)
        take_fresh(headers, headers->last->fields[i]);
}

void request_headers_field(struct request_headers *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    if (headers->repeats && take_repeated(headers, name, value))
        return;
    if (headers->repeats)
        part_ways(headers);
    if (!headers->too_large)
        take_fresh(headers, (struct field){kind_of(rcbuf_bytes(name)), name, value});
}

/* The handle on a block's metadata: one that this connection knows already, or a new one. */
static struct metadata *metadata_of(struct request_headers *headers, const struct block *block)
{
    struct metadata_pair pairs[FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct field *field = &block->fields[i];
        if (field->kind == FIELD_METADATA)
            pairs[count++] = (struct metadata_pair){rcbuf_bytes(field->name), rcbuf_bytes(field->value)};
    }
    for (size_t i = 0; i < KNOWN_METADATA; i++)
        if (headers->known[i] != NULL && metadata_matches(headers->known[i], pairs, count))
            return metadata_hold(headers->known[i]);

    struct metadata *metadata = metadata_create(pairs, count);
    if (metadata == NULL)
        return NULL;
    size_t slot = headers->known_next++ % KNOWN_METADATA;
    metadata_release(headers->known[slot]);
    headers->known[slot] = metadata_hold(metadata);
    return metadata;
}

enum request_headers_end request_headers_end(struct request_headers *headers,
                                             const struct request_header **header)
{
    bool is_shorter = headers->at < headers->last->count || headers->at == 0;
    if (headers->repeats && is_shorter)
        part_ways(headers);
    if (headers->too_large)
        return REQUEST_HEADERS_TOO_LARGE;
    if (!headers->repeats) {
        struct block *block = headers->fresh;
        block->header.metadata = metadata_of(headers, block);
        if (block->header.metadata == NULL)
            return REQUEST_HEADERS_NO_MEMORY;
        headers->fresh = headers->last;
        headers->last = block;
    }
    *header = &headers->last->header;
    return REQUEST_HEADERS_READ;
}
