#include "rpc/nghttp2/ng_requests.h"

#include "rpc/hpack.h"

#include <stdlib.h>

#define FIELDS_MAX 96

struct field {
    enum request_field kind;
    nghttp2_rcbuf *name;
    nghttp2_rcbuf *value;
};

struct block {
    struct field fields[FIELDS_MAX];
    size_t count;
    size_t bytes; /* as RFC 9113 section 6.5.2 counts them */
    struct request_header header;
};

struct ng_requests {
    const struct h2_methods *methods;
    size_t limit_bytes;

    struct block *last;  /* the newest whole block, to compare the next one with */
    struct block *fresh; /* where a block that differs is built */
    size_t at;           /* the next field's place, while the block repeats the last one */
    bool repeats;
    bool too_large;

    struct metadata_ring known;
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

static void block_clear(struct block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        nghttp2_rcbuf_decref(block->fields[i].name);
        nghttp2_rcbuf_decref(block->fields[i].value);
    }
    metadata_release(block->header.metadata);
    block->count = 0;
    block->bytes = 0;
    block->header = request_header_make();
}

static void block_append(struct block *block, struct field field)
{
    nghttp2_rcbuf_incref(field.name);
    nghttp2_rcbuf_incref(field.value);
    block->fields[block->count++] = field;
}

/* --- Reading --- */

struct ng_requests *ng_requests_create(const struct h2_methods *methods, size_t limit_bytes)
{
    struct ng_requests *headers = calloc(1, sizeof *headers);
    if (headers == NULL)
        return NULL;
    headers->methods = methods;
    headers->limit_bytes = limit_bytes;
    headers->last = &headers->blocks[0];
    headers->fresh = &headers->blocks[1];
    return headers;
}

void ng_requests_destroy(struct ng_requests *headers)
{
    if (headers == NULL)
        return;
    block_clear(headers->last);
    block_clear(headers->fresh);
    metadata_ring_free(&headers->known);
    free(headers);
}

void ng_requests_begin(struct ng_requests *headers)
{
    headers->at = 0;
    headers->repeats = true;
    headers->too_large = false;
}

/* Takes a field that is where the last block had the same one; false when the blocks part ways here. A path
 * or a timeout may differ: they say nothing about the metadata. */
static bool take_repeated(struct ng_requests *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    struct block *block = headers->last;
    if (headers->at == block->count)
        return false;
    struct field *field = &block->fields[headers->at];
    if (!rcbuf_same(field->name, name))
        return false;
    if (!rcbuf_same(field->value, value)) {
        if (field->kind != REQUEST_PATH && field->kind != REQUEST_TIMEOUT)
            return false;
        struct bytes text = rcbuf_bytes(value);
        size_t bytes = block->bytes - rcbuf_bytes(field->value).size + text.size;
        if (bytes > headers->limit_bytes)
            return false;
        block->bytes = bytes;
        nghttp2_rcbuf_incref(value);
        nghttp2_rcbuf_decref(field->value);
        field->value = value;
    }
    /* Even where it is the same: one of the same name before it may not be. */
    if (field->kind == REQUEST_PATH || field->kind == REQUEST_TIMEOUT)
        request_header_take(&block->header, headers->methods, field->kind, rcbuf_bytes(value));
    headers->at++;
    return true;
}

static void take_fresh(struct ng_requests *headers, struct field field)
{
    struct block *block = headers->fresh;
    struct bytes value = rcbuf_bytes(field.value);
    block->bytes += hpack_field_bytes((struct hpack_field){rcbuf_bytes(field.name), value});
    if (block->bytes > headers->limit_bytes || block->count == FIELDS_MAX) {
        headers->too_large = true;
        return;
    }
    block_append(block, field);
    request_header_take(&block->header, headers->methods, field.kind, value);
}

/* Starts a block of its own with the fields that did repeat the last one. */
static void part_ways(struct ng_requests *headers)
{
    headers->repeats = false;
    block_clear(headers->fresh);
    for (size_t i = 0; i < headers->at; i++)
        take_fresh(headers, headers->last->fields[i]);
}

void ng_requests_field(struct ng_requests *headers, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    if (headers->repeats && take_repeated(headers, name, value))
        return;
    if (headers->repeats)
        part_ways(headers);
    if (!headers->too_large)
        take_fresh(headers, (struct field){request_field_of(rcbuf_bytes(name)), name, value});
}

/* The handle on a block's metadata: one that this connection knows already, or a new one. */
static struct metadata *metadata_of(struct ng_requests *headers, const struct block *block)
{
    struct metadata_pair pairs[FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct field *field = &block->fields[i];
        if (field->kind == REQUEST_METADATA)
            pairs[count++] = (struct metadata_pair){rcbuf_bytes(field->name), rcbuf_bytes(field->value)};
    }
    return metadata_ring_hold(&headers->known, pairs, count);
}

enum ng_requests_end ng_requests_end(struct ng_requests *headers, const struct request_header **header)
{
    bool is_shorter = headers->at < headers->last->count || headers->at == 0;
    if (headers->repeats && is_shorter)
        part_ways(headers);
    if (headers->too_large)
        return NG_REQUESTS_TOO_LARGE;
    if (!headers->repeats) {
        struct block *block = headers->fresh;
        block->header.metadata = metadata_of(headers, block);
        if (block->header.metadata == NULL)
            return NG_REQUESTS_NO_MEMORY;
        headers->fresh = headers->last;
        headers->last = block;
    }
    *header = &headers->last->header;
    return NG_REQUESTS_READ;
}
