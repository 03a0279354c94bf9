/* The HTTP/2 engine on nghttp2, the first behind h2.h. nghttp2 does framing, header compression and flow
 * control; this file turns its frames into calls and adds what gRPC asks for.
 *
 * What is done for speed: a request's header block is compared with the connection's previous one as it is
 * decoded, field by field and mostly by pointer, so the usual request costs no parsing and shares its
 * metadata; messages are handed out where they lie in the input; a call is recycled with its buffers. */
#include "base/clock.h"
#include "base/list.h"
#include "rpc/grpc.h"
#include "rpc/h2.h"

#include <limits.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER_FIELDS_MAX    96
#define KNOWN_METADATA       8
#define OUTPUT_HIGH_BYTES    ((size_t)1 << 20) /* h2_pending gathers no more than about this */
#define CALL_BUFFER_KEEP     ((size_t)4096)    /* what a recycled call may hold on to */
#define CALLS_SPARE_MAX      256
#define DRAINED_BELOW_BYTES  ((size_t)64 << 10)
#define FIELD_OVERHEAD_BYTES 32 /* of a field in a header list, RFC 9113 section 6.5.2 */

static const uint8_t ping_alive[8] = "alive";
static const uint8_t ping_drain[8] = "drain";

/* --- What a connection and a call consist of --- */

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

/* A request's header block and what was made of it. */
struct header_block {
    struct field fields[HEADER_FIELDS_MAX];
    size_t count;
    size_t bytes;
    unsigned method;
    int64_t timeout_ns;
    struct metadata *metadata;
    bool is_post;
    bool is_grpc;
    bool is_compressed;
};

/* Permits something so many times at once, and so many times a second in the long run. */
struct allowance {
    double tokens;
    int64_t filled_ns;
};

struct engine_connection {
    struct h2_connection base;
    struct h2_config config;
    nghttp2_session *session;
    int64_t now_ns;

    struct buffer out;
    size_t out_sent;
    size_t buffered_bytes;

    struct list open;     /* every call */
    struct list borrowed; /* calls whose message lies in the input being read */
    struct list spare;
    size_t spares;

    struct engine_call *reading; /* the call whose header block is being decoded */
    struct header_block *block;  /* the newest block, kept to compare the next one with */
    struct header_block *other;  /* where a block is built that differs */
    bool block_valid;
    bool block_matches; /* so far, the one being decoded */
    bool block_too_large;
    size_t block_at;
    size_t block_bytes;
    struct metadata *known[KNOWN_METADATA];
    size_t known_next;

    struct allowance resets;
    struct allowance pings;
    bool draining;
    char error[160];
};

struct engine_call {
    struct h2_call_base base;
    struct list link;
    struct list borrowed;
    int32_t stream_id;

    bool opened;        /* the owner knows it */
    bool ended;         /* cancelled or closed: no more events */
    bool remote_closed; /* the peer has half-closed */
    bool finished;      /* no more messages from our side */
    bool submitted;     /* server: reply headers are on their way */
    bool deferred;      /* nghttp2 waits for h2_message_end or h2_finish */
    bool written;       /* client: the request's headers have been serialized */
    bool replied;       /* server: handed to nghttp2 to the last byte */
    bool is_compressed; /* the peer named an encoding */
    bool has_message;
    bool has_status;
    bool ready; /* client: the final response headers have come */

    struct grpc_assembler in;
    struct bytes message; /* the one message of a unary direction */
    struct buffer out;
    size_t out_taken;

    enum status status; /* sent on a server, received on a client */
    struct buffer status_message;
    struct metadata *trailers;
    int http_status;
    struct metadata_pair *received; /* client: reply metadata, texts in received_text */
    size_t received_count;
    struct buffer received_text;
};

static struct engine_connection *connection_of(struct h2_connection *connection)
{
    return (struct engine_connection *)connection;
}

static struct engine_call *call_of(struct h2_call *call)
{
    return (struct engine_call *)call;
}

static struct engine_connection *owner_of(const struct engine_call *call)
{
    return connection_of(call->base.connection);
}

static bool allowance_take(struct allowance *allowance, int64_t now_ns, uint32_t burst, uint32_t per_second)
{
    double seconds = (double)(now_ns - allowance->filled_ns) / CLOCK_NS_PER_S;
    allowance->tokens += seconds * per_second;
    allowance->filled_ns = now_ns;
    if (allowance->tokens > burst)
        allowance->tokens = burst;
    if (allowance->tokens < 1)
        return false;
    allowance->tokens -= 1;
    return true;
}

/* --- The life of a call --- */

static struct engine_call *call_open(struct engine_connection *connection, int32_t stream_id)
{
    struct engine_call *call;
    if (!list_empty(&connection->spare)) {
        call = list_entry(list_pop_front(&connection->spare), struct engine_call, link);
        connection->spares--;
    } else {
        call = calloc(1, sizeof *call);
        if (call == NULL)
            return NULL;
    }
    call->base.connection = &connection->base;
    call->base.call.timeout_ns = CLOCK_NEVER;
    call->stream_id = stream_id;
    list_init(&call->borrowed);
    list_push_back(&connection->open, &call->link);
    connection->base.calls++;
    return call;
}

static void call_buffered(struct engine_call *call, size_t before, size_t after)
{
    owner_of(call)->buffered_bytes += after - before;
}

static size_t call_out_bytes(const struct engine_call *call)
{
    return call->out.size - call->out_taken;
}

static void call_free(struct engine_call *call)
{
    buffer_free(&call->in.gathered);
    buffer_free(&call->out);
    buffer_free(&call->status_message);
    buffer_free(&call->received_text);
    free(call->received);
    free(call);
}

/* Puts a call back among the spare ones. Nobody may know it any more. */
static void call_recycle(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    call_buffered(call, call->in.gathered.size + call_out_bytes(call), 0);
    metadata_release(call->base.call.metadata);
    metadata_release(call->trailers);
    list_remove(&call->link);
    list_remove(&call->borrowed);
    connection->base.calls--;
    if (connection->reading == call)
        connection->reading = NULL;
    if (connection->spares >= CALLS_SPARE_MAX) {
        call_free(call);
        return;
    }
    buffer_reset(&call->in.gathered, CALL_BUFFER_KEEP);
    buffer_reset(&call->out, CALL_BUFFER_KEEP);
    buffer_reset(&call->status_message, CALL_BUFFER_KEEP);
    buffer_reset(&call->received_text, CALL_BUFFER_KEEP);
    struct engine_call fresh = {
        .in.gathered = call->in.gathered,
        .out = call->out,
        .status_message = call->status_message,
        .received = call->received,
        .received_text = call->received_text,
    };
    *call = fresh;
    list_push_front(&connection->spare, &call->link);
    connection->spares++;
}

static void call_refused(struct engine_call *call, enum h2_refusal refusal)
{
    struct engine_connection *connection = owner_of(call);
    if (connection->config.events->refused != NULL)
        connection->config.events->refused(connection->config.owner, refusal);
}

/* --- Header fields --- */

static struct bytes rcbuf_bytes(nghttp2_rcbuf *buffer)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
    return bytes_make(vec.base, vec.len);
}

static bool rcbuf_same(nghttp2_rcbuf *a, nghttp2_rcbuf *b)
{
    return a == b || bytes_equal(rcbuf_bytes(a), rcbuf_bytes(b));
}

static enum field_kind field_kind(struct bytes name)
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

static bool is_grpc_content_type(struct bytes value)
{
    struct bytes grpc = bytes_of("application/grpc");
    return bytes_start_with(value, grpc) &&
           (value.size == grpc.size || value.data[grpc.size] == '+' || value.data[grpc.size] == ';');
}

static bool is_identity(struct bytes encoding)
{
    return bytes_equal(encoding, bytes_of("identity"));
}

static void block_apply(struct engine_connection *connection, struct header_block *block,
                        const struct field *field)
{
    struct bytes value = rcbuf_bytes(field->value);
    switch (field->kind) {
    case FIELD_PATH:
        block->method = h2_methods_find(connection->config.methods, value);
        break;
    case FIELD_TIMEOUT:
        if (!grpc_timeout_parse(value, &block->timeout_ns))
            block->is_grpc = false;
        break;
    case FIELD_HTTP_METHOD:
        block->is_post = bytes_equal(value, bytes_of("POST"));
        break;
    case FIELD_CONTENT_TYPE:
        block->is_grpc = is_grpc_content_type(value);
        break;
    case FIELD_ENCODING:
        block->is_compressed = !is_identity(value);
        break;
    case FIELD_METADATA:
    case FIELD_TRANSPORT:
        break;
    }
}

static void block_clear(struct header_block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        nghttp2_rcbuf_decref(block->fields[i].name);
        nghttp2_rcbuf_decref(block->fields[i].value);
    }
    metadata_release(block->metadata);
    block->count = 0;
    block->metadata = NULL;
    block->method = UINT_MAX;
    block->timeout_ns = CLOCK_NEVER;
    block->is_post = block->is_grpc = block->is_compressed = false;
}

static void block_append(struct engine_connection *connection, struct header_block *block,
                         enum field_kind kind, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    struct field *field = &block->fields[block->count++];
    *field = (struct field){.kind = kind, .name = name, .value = value};
    nghttp2_rcbuf_incref(name);
    nghttp2_rcbuf_incref(value);
    block_apply(connection, block, field);
}

/* Takes a field that is where the previous block had the same one; false when the blocks part ways here. A
 * path or a timeout may differ: they say nothing about the metadata. */
static bool block_match(struct engine_connection *connection, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    struct header_block *block = connection->block;
    if (connection->block_at >= block->count)
        return false;
    struct field *field = &block->fields[connection->block_at];
    if (!rcbuf_same(field->name, name))
        return false;
    if (!rcbuf_same(field->value, value)) {
        if (field->kind != FIELD_PATH && field->kind != FIELD_TIMEOUT)
            return false;
        nghttp2_rcbuf_decref(field->value);
        nghttp2_rcbuf_incref(value);
        field->value = value;
        block_apply(connection, block, field);
    }
    connection->block_at++;
    return true;
}

/* Starts a block of its own with the first fields of the previous one, where the two part ways. */
static void block_diverge(struct engine_connection *connection)
{
    struct header_block *from = connection->block;
    struct header_block *to = connection->other;
    block_clear(to);
    for (size_t i = 0; i < connection->block_at; i++)
        block_append(connection, to, from->fields[i].kind, from->fields[i].name, from->fields[i].value);
    connection->block_matches = false;
}

static void block_field(struct engine_connection *connection, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    connection->block_bytes += rcbuf_bytes(name).size + rcbuf_bytes(value).size + FIELD_OVERHEAD_BYTES;
    if (connection->block_matches && block_match(connection, name, value))
        return;
    if (connection->block_matches)
        block_diverge(connection);
    struct header_block *block = connection->other;
    if (connection->block_bytes > connection->config.limits.header_bytes || block->count == HEADER_FIELDS_MAX)
        connection->block_too_large = true;
    else
        block_append(connection, block, field_kind(rcbuf_bytes(name)), name, value);
}

/* The handle on a block's metadata: one that this connection knows already, or a new one. */
static struct metadata *block_metadata(struct engine_connection *connection, const struct header_block *block)
{
    struct metadata_pair pairs[HEADER_FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        if (block->fields[i].kind != FIELD_METADATA)
            continue;
        pairs[count++] =
            (struct metadata_pair){rcbuf_bytes(block->fields[i].name), rcbuf_bytes(block->fields[i].value)};
    }
    for (size_t i = 0; i < KNOWN_METADATA; i++)
        if (connection->known[i] != NULL && metadata_matches(connection->known[i], pairs, count))
            return metadata_hold(connection->known[i]);

    struct metadata *metadata = metadata_create(pairs, count);
    if (metadata == NULL)
        return NULL;
    size_t slot = connection->known_next++ % KNOWN_METADATA;
    metadata_release(connection->known[slot]);
    connection->known[slot] = metadata_hold(metadata);
    return metadata;
}

static void block_begin(struct engine_connection *connection)
{
    connection->block_at = 0;
    connection->block_bytes = 0;
    connection->block_too_large = false;
    connection->block_matches = connection->block_valid;
    if (!connection->block_valid)
        block_clear(connection->other);
}

/* Ends a block: false when it cannot be used. Afterwards connection->block is the one just read. */
static bool block_end(struct engine_connection *connection)
{
    if (connection->block_matches && connection->block_at < connection->block->count)
        block_diverge(connection);
    if (connection->block_matches)
        return true;
    if (connection->block_too_large)
        return false;

    struct header_block *fresh = connection->other;
    fresh->metadata = block_metadata(connection, fresh);
    if (fresh->metadata == NULL)
        return false;
    connection->other = connection->block;
    connection->block = fresh;
    connection->block_valid = true;
    return true;
}

/* --- Sending --- */

static nghttp2_nv nv_make(struct bytes name, struct bytes value, uint8_t flags)
{
    /* The library does not write through these pointers; its type only lacks the const. */
    union {
        const uint8_t *in;
        uint8_t *out;
    } n = {.in = name.data}, v = {.in = value.data};
    return (nghttp2_nv){
        .name = n.out, .value = v.out, .namelen = name.size, .valuelen = value.size, .flags = flags};
}

#define NV_FIXED (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)

static nghttp2_nv nv_fixed(const char *name, const char *value)
{
    return nv_make(bytes_of(name), bytes_of(value), NV_FIXED);
}

/* Adds what ends a call to NVA: status, message and trailers. */
static size_t nv_add_status(const struct engine_call *call, nghttp2_nv *nva, size_t count, size_t limit)
{
    nva[count++] = nv_fixed("grpc-status", grpc_status_text(call->status));
    if (call->status_message.size > 0)
        nva[count++] =
            nv_make(bytes_of("grpc-message"), buffer_bytes(&call->status_message), NGHTTP2_NV_FLAG_NONE);
    for (size_t i = 0; call->trailers != NULL && i < call->trailers->count && count < limit; i++)
        nva[count++] =
            nv_make(call->trailers->pairs[i].name, call->trailers->pairs[i].value, NGHTTP2_NV_FLAG_NONE);
    return count;
}

/* nghttp2 asks how much of a call's message it may frame next. */
static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size, uint32_t *flags,
                       nghttp2_data_source *source, void *user)
{
    (void)to;
    (void)user;
    struct engine_call *call = source->ptr;
    size_t waiting = call_out_bytes(call);
    if (waiting == 0 && !call->finished) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (waiting > size)
        return (ssize_t)size;
    if (!call->finished)
        return (ssize_t)waiting;

    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (owner_of(call)->config.role == H2_SERVER) {
        nghttp2_nv nva[HEADER_FIELDS_MAX];
        size_t count = nv_add_status(call, nva, 0, HEADER_FIELDS_MAX);
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, nva, count) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return (ssize_t)waiting;
}

/* nghttp2 has framed a piece of a call's message: it goes from the call straight to the output. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header,
                        size_t size, nghttp2_data_source *source, void *user)
{
    (void)session;
    struct engine_connection *connection = user;
    struct engine_call *call = source->ptr;
    if (frame->data.padlen > 0) /* nobody here pads */
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    uint8_t *to = buffer_extend(&connection->out, 9 + size);
    if (to == NULL)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(to, frame_header, 9);
    bytes_copy(to + 9, call->out.data + call->out_taken, size);
    buffer_commit(&connection->out, 9 + size);

    size_t before = call_out_bytes(call);
    call->out_taken += size;
    if (call->out_taken == call->out.size)
        call->out.size = call->out_taken = 0;
    call_buffered(call, before, before - size);
    const struct h2_events *events = connection->config.events;
    if (events->drained != NULL && call->opened && !call->ended && before >= DRAINED_BELOW_BYTES &&
        before - size < DRAINED_BELOW_BYTES)
        events->drained(connection->config.owner, &call->base.call);
    return 0;
}

static nghttp2_data_provider provider_of(struct engine_call *call)
{
    return (nghttp2_data_provider){.source.ptr = call, .read_callback = on_read};
}

static int call_submit_reply(struct engine_call *call, bool status_only)
{
    nghttp2_nv nva[HEADER_FIELDS_MAX + 3];
    size_t count = 0;
    nva[count++] = nv_fixed(":status", "200");
    nva[count++] = nv_fixed("content-type", "application/grpc");
    if (call->is_compressed)
        nva[count++] = nv_fixed("grpc-accept-encoding", "identity");
    if (status_only)
        count = nv_add_status(call, nva, count, HEADER_FIELDS_MAX);
    nghttp2_data_provider provider = provider_of(call);
    call->submitted = true;
    return nghttp2_submit_response(owner_of(call)->session, call->stream_id, nva, count,
                                   status_only ? NULL : &provider);
}

static void call_resume(struct engine_call *call)
{
    if (call->deferred) {
        call->deferred = false;
        (void)nghttp2_session_resume_data(owner_of(call)->session, call->stream_id);
    }
}

static uint8_t *engine_message_begin(struct h2_call *handle, size_t size)
{
    struct engine_call *call = call_of(handle);
    struct engine_connection *connection = owner_of(call);
    if (call->finished || size > UINT32_MAX ||
        connection->buffered_bytes + size > connection->config.limits.buffered_bytes)
        return NULL;
    if (call->out_taken > call->out.size / 2) {
        memmove(call->out.data, call->out.data + call->out_taken, call_out_bytes(call));
        call->out.size -= call->out_taken;
        call->out_taken = 0;
    }
    uint8_t *to = buffer_extend(&call->out, GRPC_PREFIX_BYTES + size);
    if (to == NULL)
        return NULL;
    grpc_prefix_write(to, size);
    call->out.size += GRPC_PREFIX_BYTES + size;
    call_buffered(call, 0, GRPC_PREFIX_BYTES + size);
    return to + GRPC_PREFIX_BYTES;
}

static void engine_message_end(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    if (owner_of(call)->config.role == H2_SERVER && !call->submitted)
        (void)call_submit_reply(call, false);
    else
        call_resume(call);
}

static void engine_half_close(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    call->finished = true;
    call_resume(call);
}

static void engine_finish(struct h2_call *handle, enum status status, struct bytes message,
                          struct metadata *trailers)
{
    struct engine_call *call = call_of(handle);
    if (call->finished)
        return;
    call->finished = true;
    call->status = status;
    (void)grpc_message_encode(message, &call->status_message);
    call->trailers = trailers != NULL ? metadata_hold(trailers) : NULL;
    if (call->submitted)
        call_resume(call);
    else
        (void)call_submit_reply(call, call->out.size == 0);
}

static void engine_cancel(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    call->ended = true;
    (void)nghttp2_submit_rst_stream(owner_of(call)->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
}

static size_t engine_queued(const struct h2_call *handle)
{
    return call_out_bytes((const struct engine_call *)handle);
}

static struct h2_call *engine_call_start(struct h2_connection *base, unsigned method,
                                         struct metadata *metadata, int64_t timeout_ns, void *user)
{
    struct engine_connection *connection = connection_of(base);
    if (base->engine->capacity(base) == 0)
        return NULL;
    struct engine_call *call = call_open(connection, 0);
    if (call == NULL)
        return NULL;
    call->opened = true;
    call->base.call.method = method;
    call->base.call.timeout_ns = timeout_ns;
    call->base.call.user = user;
    call->base.call.metadata = metadata != NULL ? metadata_hold(metadata) : NULL;

    nghttp2_nv nva[HEADER_FIELDS_MAX + 8];
    size_t count = 0;
    nva[count++] = nv_fixed(":method", "POST");
    nva[count++] = nv_fixed(":scheme", "http");
    nva[count++] = nv_fixed(":path", h2_methods_at(connection->config.methods, method)->path);
    nva[count++] = nv_fixed(":authority", connection->config.authority);
    nva[count++] = nv_fixed("te", "trailers");
    nva[count++] = nv_fixed("content-type", "application/grpc");
    for (size_t i = 0; metadata != NULL && i < metadata->count && i < HEADER_FIELDS_MAX; i++)
        nva[count++] = nv_make(metadata->pairs[i].name, metadata->pairs[i].value, NV_FIXED);
    char timeout[GRPC_TIMEOUT_TEXT_BYTES];
    if (timeout_ns != CLOCK_NEVER) {
        struct bytes text = bytes_make(timeout, grpc_timeout_format(timeout_ns, timeout));
        nva[count++] = nv_make(bytes_of("grpc-timeout"), text, NGHTTP2_NV_FLAG_NO_COPY_NAME);
    }
    nghttp2_data_provider provider = provider_of(call);
    call->stream_id = nghttp2_submit_request(connection->session, NULL, nva, count, &provider, call);
    if (call->stream_id < 0) {
        call_recycle(call);
        return NULL;
    }
    return &call->base.call;
}

/* --- Receiving: server --- */

static void server_refuse(struct engine_call *call, enum h2_refusal refusal, enum status status,
                          const char *message, struct metadata *trailers)
{
    call_refused(call, refusal);
    call->has_message = false;
    list_remove(&call->borrowed);
    engine_finish(&call->base.call, status, bytes_of(message), trailers);
}

/* Answers a request that is HTTP but not gRPC, as the gRPC specification asks: without a gRPC status. */
static void server_refuse_http(struct engine_call *call, const char *http_status)
{
    call_refused(call, H2_REFUSED_PROTOCOL);
    nghttp2_nv nva[] = {nv_fixed(":status", http_status)};
    call->finished = call->submitted = true;
    (void)nghttp2_submit_response(owner_of(call)->session, call->stream_id, nva, 1, NULL);
}

static void server_opened(struct engine_connection *connection, struct engine_call *call)
{
    if (!block_end(connection)) {
        server_refuse(call, H2_REFUSED_HEADER_SIZE, STATUS_RESOURCE_EXHAUSTED,
                      "the request's metadata is larger than this server accepts", NULL);
        return;
    }
    const struct header_block *block = connection->block;
    call->base.call.method = block->method;
    call->base.call.timeout_ns = block->timeout_ns;
    call->base.call.metadata = metadata_hold(block->metadata);
    call->is_compressed = block->is_compressed;
    if (!block->is_post) {
        server_refuse_http(call, "405");
    } else if (!block->is_grpc) {
        server_refuse_http(call, "415");
    } else if (block->method == UINT_MAX) {
        server_refuse(call, H2_REFUSED_METHOD, STATUS_UNIMPLEMENTED, "this server has no such method", NULL);
    } else {
        call->opened = true;
        if (connection->config.events->opened != NULL)
            connection->config.events->opened(connection->config.owner, &call->base.call);
    }
}

static void server_half_closed(struct engine_connection *connection, struct engine_call *call)
{
    const struct h2_events *events = connection->config.events;
    call->remote_closed = true;
    if (!call->opened || call->finished || call->ended)
        return;
    bool streaming = h2_methods_at(connection->config.methods, call->base.call.method)->client_streams;
    if (grpc_assembler_inside(&call->in) || (!streaming && !call->has_message)) {
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the request ended before its message did",
                      NULL);
    } else if (streaming) {
        if (events->half_closed != NULL)
            events->half_closed(connection->config.owner, &call->base.call);
    } else {
        list_remove(&call->borrowed);
        events->message(connection->config.owner, &call->base.call, call->message);
    }
}

static void server_message_broken(struct engine_call *call, enum grpc_assembly problem)
{
    struct engine_connection *connection = owner_of(call);
    if (problem == GRPC_TOO_LARGE)
        server_refuse(call, H2_REFUSED_MESSAGE_SIZE, STATUS_RESOURCE_EXHAUSTED,
                      "the request's message is larger than this server accepts",
                      connection->config.message_size_trailers);
    else if (problem == GRPC_COMPRESSED && call->is_compressed)
        server_refuse(call, H2_REFUSED_COMPRESSION, STATUS_UNIMPLEMENTED,
                      "this server takes no compressed messages", NULL);
    else if (problem == GRPC_COMPRESSED)
        server_refuse(call, H2_REFUSED_COMPRESSION, STATUS_INTERNAL,
                      "a message is marked as compressed and no grpc-encoding was named", NULL);
    else
        server_refuse(call, H2_REFUSED_MEMORY, STATUS_RESOURCE_EXHAUSTED,
                      "too much of this connection's requests is unfinished", NULL);
}

/* --- Receiving: client --- */

static bool client_keep_field(struct engine_call *call, struct bytes name, struct bytes value)
{
    if (call->received_count == HEADER_FIELDS_MAX)
        return true; /* nobody needs more; the limit on header lists bounds what comes before */
    if (call->received == NULL) {
        call->received = calloc(HEADER_FIELDS_MAX, sizeof *call->received);
        if (call->received == NULL)
            return false;
    }
    /* Positions rather than pointers until all text is there: the buffer may move. */
    struct metadata_pair *pair = &call->received[call->received_count];
    pair->name = bytes_make(NULL, name.size);
    pair->value = bytes_make(NULL, value.size);
    if (!buffer_append(&call->received_text, name) || !buffer_append(&call->received_text, value))
        return false;
    call->received_count++;
    return true;
}

static void client_field(struct engine_call *call, struct bytes name, struct bytes value)
{
    if (name.size == 11 && memcmp(name.data, "grpc-status", 11) == 0) {
        call->status = grpc_status_parse(value);
        call->has_status = true;
    } else if (name.size == 7 && memcmp(name.data, ":status", 7) == 0) {
        call->http_status = 0;
        for (size_t i = 0; i < value.size && i < 3; i++)
            call->http_status = call->http_status * 10 + (value.data[i] - '0');
        call->ready = call->http_status >= 200;
    } else if (name.size == 12 && memcmp(name.data, "content-type", 12) == 0) {
        if (!is_grpc_content_type(value) && call->http_status == 200)
            call->http_status = 415;
    } else if (name.size == 12 && memcmp(name.data, "grpc-message", 12) == 0) {
        call->status_message.size = 0;
        (void)grpc_message_decode(value, &call->status_message);
    } else if (call->ready) {
        (void)client_keep_field(call, name, value);
    }
}

static struct metadata *client_trailers(struct engine_call *call)
{
    if (call->received_count == 0)
        return NULL;
    const uint8_t *text = call->received_text.data;
    for (size_t i = 0; i < call->received_count; i++) {
        call->received[i].name.data = text;
        text += call->received[i].name.size;
        call->received[i].value.data = text;
        text += call->received[i].value.size;
    }
    return metadata_create(call->received, call->received_count);
}

static void client_outcome(struct engine_call *call, uint32_t error_code, struct h2_outcome *outcome)
{
    outcome->unseen = !call->written || error_code == NGHTTP2_REFUSED_STREAM;
    if (call->has_status) {
        outcome->status = call->status;
        outcome->message = buffer_bytes(&call->status_message);
    } else if (outcome->unseen) {
        outcome->status = STATUS_UNAVAILABLE;
        outcome->message = bytes_of("the server did not take the call; it may be sent again");
    } else if (error_code != NGHTTP2_NO_ERROR) {
        outcome->status = grpc_status_of_reset(error_code);
        outcome->message = bytes_of(nghttp2_http2_strerror(error_code));
    } else if (call->ready && call->http_status != 200) {
        outcome->status = grpc_status_of_http(call->http_status);
        outcome->message = bytes_of("the peer answered in HTTP, not in gRPC; is this a gRPC port?");
    } else {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended without a status");
    }
    if (outcome->status == STATUS_OK && grpc_assembler_inside(&call->in)) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended inside a message");
    }
    bool unary = !h2_methods_at(owner_of(call)->config.methods, call->base.call.method)->server_streams;
    if (outcome->status == STATUS_OK && unary && !call->has_message) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply has no message");
    }
}

/* Ends a call whose stream is gone, with the events that are due. */
static void call_closed(struct engine_call *call, uint32_t error_code)
{
    struct engine_connection *connection = owner_of(call);
    const struct h2_events *events = connection->config.events;
    if (call->opened && !call->ended) {
        struct h2_outcome outcome = {.status = STATUS_OK, .message = bytes_make(NULL, 0)};
        call->ended = true;
        if (connection->config.role == H2_SERVER) {
            outcome.status = call->replied ? STATUS_OK : STATUS_CANCELLED;
        } else {
            client_outcome(call, error_code, &outcome);
            outcome.trailers = call->trailers = client_trailers(call);
            if (outcome.status == STATUS_OK && call->has_message)
                events->message(connection->config.owner, &call->base.call, call->message);
        }
        events->closed(connection->config.owner, &call->base.call, &outcome);
    }
    call_recycle(call);
}

static void client_message_broken(struct engine_call *call, enum grpc_assembly problem)
{
    call->has_status = true;
    call->status_message.size = 0;
    call->status = problem == GRPC_COMPRESSED ? STATUS_INTERNAL : STATUS_RESOURCE_EXHAUSTED;
    const char *message = problem == GRPC_COMPRESSED  ? "the reply is compressed, which was not offered"
                          : problem == GRPC_TOO_LARGE ? "the reply is larger than this client accepts"
                                                      : "no memory for the reply";
    (void)buffer_append(&call->status_message, bytes_of(message));
    (void)nghttp2_submit_rst_stream(owner_of(call)->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
}

/* --- Receiving: both --- */

static struct engine_call *call_at(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static void connection_fail(struct engine_connection *connection, uint32_t code, const char *why)
{
    if (connection->error[0] == '\0')
        (void)snprintf(connection->error, sizeof connection->error, "%s", why);
    (void)nghttp2_session_terminate_session(connection->session, code);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct engine_connection *connection = user;
    int32_t stream_id = frame->hd.stream_id;
    connection->reading = NULL;
    if (connection->config.role == H2_CLIENT) {
        connection->reading = call_at(session, stream_id);
        return 0;
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* a client's trailers say nothing to gRPC */
    struct engine_call *call = call_open(connection, stream_id);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)nghttp2_session_set_stream_user_data(session, stream_id, call);
    connection->reading = call;
    block_begin(connection);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)flags;
    struct engine_connection *connection = user;
    if (connection->reading == NULL)
        return 0;
    if (connection->config.role == H2_SERVER)
        block_field(connection, name, value);
    else
        client_field(connection->reading, rcbuf_bytes(name), rcbuf_bytes(value));
    return 0;
}

static bool call_is_unary_in(const struct engine_call *call)
{
    const struct engine_connection *connection = owner_of(call);
    const struct h2_method *method = h2_methods_at(connection->config.methods, call->base.call.method);
    return connection->config.role == H2_SERVER ? !method->client_streams : !method->server_streams;
}

/* Takes one message; false when there was one already where only one may come. */
static bool call_take_message(struct engine_call *call, struct bytes message)
{
    struct engine_connection *connection = owner_of(call);
    if (!call_is_unary_in(call)) {
        connection->config.events->message(connection->config.owner, &call->base.call, message);
        return true;
    }
    if (call->has_message)
        return false;
    call->has_message = true;
    call->message = message;
    if (message.data != call->in.gathered.data)
        list_push_back(&connection->borrowed, &call->borrowed);
    return true;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user)
{
    (void)flags;
    struct engine_connection *connection = user;
    struct engine_call *call = call_at(session, stream_id);
    bool server = connection->config.role == H2_SERVER;
    struct bytes input = bytes_make(data, size);
    while (call != NULL && call->opened && !call->ended && !(server && call->finished) &&
           !(!server && call->has_status)) {
        struct bytes message;
        size_t before = call->in.gathered.size;
        enum grpc_assembly got =
            grpc_assemble(&call->in, &input, connection->config.limits.message_bytes, &message);
        call_buffered(call, before, call->in.gathered.size);
        if (got == GRPC_NEED_MORE && connection->buffered_bytes > connection->config.limits.buffered_bytes)
            got = GRPC_NO_MEMORY;
        if (got == GRPC_NEED_MORE)
            break;
        if (got == GRPC_MESSAGE && call_take_message(call, message))
            continue;
        if (got == GRPC_MESSAGE && server)
            server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL,
                          "more than one message came where one belongs", NULL);
        else if (server)
            server_message_broken(call, got);
        else
            client_message_broken(call, got);
    }
    return 0;
}

static void on_reset(struct engine_connection *connection, struct engine_call *call)
{
    const struct h2_limits *limits = &connection->config.limits;
    if (connection->config.role == H2_SERVER && (call == NULL || !call->replied) &&
        !allowance_take(&connection->resets, connection->now_ns, limits->resets_burst,
                        limits->resets_per_second))
        connection_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, "the client resets calls too fast");
}

/* Frames that cost the sender nothing and this end some work. */
static void on_chatter(struct engine_connection *connection)
{
    const struct h2_limits *limits = &connection->config.limits;
    if (connection->config.role == H2_SERVER &&
        !allowance_take(&connection->pings, connection->now_ns, limits->pings_burst,
                        limits->pings_per_second))
        connection_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, "the client sends control frames too fast");
}

static void on_ping(struct engine_connection *connection, const nghttp2_ping *ping)
{
    const struct h2_events *events = connection->config.events;
    if (!(ping->hd.flags & NGHTTP2_FLAG_ACK)) {
        on_chatter(connection);
    } else if (memcmp(ping->opaque_data, ping_drain, sizeof ping_drain) == 0) {
        (void)nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(connection->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    } else if (events->pong != NULL) {
        events->pong(connection->config.owner);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct engine_connection *connection = user;
    const struct h2_events *events = connection->config.events;
    bool server = connection->config.role == H2_SERVER;
    struct engine_call *call;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        call = connection->reading;
        if (server && frame->headers.cat != NGHTTP2_HCAT_REQUEST)
            call = call_at(session, frame->hd.stream_id);
        else if (server && call != NULL)
            server_opened(connection, call);
        if (server && call != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            server_half_closed(connection, call);
        break;
    case NGHTTP2_DATA:
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
            call = call_at(session, frame->hd.stream_id);
            if (server && call != NULL)
                server_half_closed(connection, call);
        } else if (frame->hd.length == 0) {
            on_chatter(connection);
        }
        break;
    case NGHTTP2_RST_STREAM:
        on_reset(connection, call_at(session, frame->hd.stream_id));
        break;
    case NGHTTP2_PING:
        on_ping(connection, &frame->ping);
        break;
    case NGHTTP2_PRIORITY:
        on_chatter(connection);
        break;
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
            on_chatter(connection);
            if (events->settings != NULL)
                events->settings(connection->config.owner);
        }
        break;
    case NGHTTP2_GOAWAY:
        connection->draining = true;
        if (events->draining != NULL)
            events->draining(connection->config.owner);
        break;
    default:
        break;
    }
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct engine_connection *connection = user;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct engine_call *call = call_at(session, frame->hd.stream_id);
    if (call == NULL)
        return 0;
    call->written = true;
    if (connection->config.role == H2_SERVER && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        call->replied = true;
        /* The reply came before the request had ended: the client may stop sending it. */
        if (!call->remote_closed)
            (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                            NGHTTP2_NO_ERROR);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user)
{
    (void)user;
    struct engine_call *call = call_at(session, stream_id);
    if (call != NULL) {
        (void)nghttp2_session_set_stream_user_data(session, stream_id, NULL);
        call_closed(call, error_code);
    }
    return 0;
}

static int on_error(nghttp2_session *session, int code, const char *message, size_t size, void *user)
{
    (void)session;
    (void)code;
    struct engine_connection *connection = user;
    if (connection->error[0] == '\0')
        (void)snprintf(connection->error, sizeof connection->error, "%.*s", (int)size, message);
    return 0;
}

/* --- The connection --- */

static bool engine_recv(struct h2_connection *base, struct bytes input, int64_t now_ns)
{
    struct engine_connection *connection = connection_of(base);
    connection->now_ns = now_ns;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, input.data, input.size);
    if (taken < 0)
        connection_fail(connection,
                        taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR,
                        nghttp2_strerror((int)taken));

    /* What still points into the input must outlive it. */
    while (!list_empty(&connection->borrowed)) {
        struct engine_call *call =
            list_entry(list_pop_front(&connection->borrowed), struct engine_call, borrowed);
        call->in.gathered.size = 0;
        if (buffer_append(&call->in.gathered, call->message)) {
            call->message = buffer_bytes(&call->in.gathered);
            call_buffered(call, 0, call->message.size);
        } else if (connection->config.role == H2_SERVER) {
            server_message_broken(call, GRPC_NO_MEMORY);
        } else {
            call->has_message = false;
            client_message_broken(call, GRPC_NO_MEMORY);
        }
    }
    return taken >= 0 && nghttp2_session_want_read(connection->session) != 0;
}

static struct bytes engine_pending(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    while (connection->out.size - connection->out_sent < OUTPUT_HIGH_BYTES) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(connection->session, &data);
        if (size < 0)
            connection_fail(connection, NGHTTP2_INTERNAL_ERROR, nghttp2_strerror((int)size));
        if (size <= 0)
            break;
        if (!buffer_append(&connection->out, bytes_make(data, (size_t)size))) {
            connection_fail(connection, NGHTTP2_INTERNAL_ERROR, "no memory for output");
            break;
        }
    }
    return bytes_make(connection->out.data + connection->out_sent,
                      connection->out.size - connection->out_sent);
}

static void engine_sent(struct h2_connection *base, size_t size)
{
    struct engine_connection *connection = connection_of(base);
    connection->out_sent += size;
    if (connection->out_sent == connection->out.size) {
        connection->out_sent = 0;
        buffer_reset(&connection->out, 2 * OUTPUT_HIGH_BYTES);
    } else if (connection->out_sent > OUTPUT_HIGH_BYTES) {
        connection->out.size -= connection->out_sent;
        memmove(connection->out.data, connection->out.data + connection->out_sent, connection->out.size);
        connection->out_sent = 0;
    }
}

static void engine_drain(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    if (connection->draining)
        return;
    connection->draining = true;
    if (connection->config.role == H2_SERVER) {
        /* The notice first; the last call that will be processed is known a round trip later. */
        (void)nghttp2_submit_shutdown_notice(connection->session);
        (void)nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, ping_drain);
    } else {
        (void)nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
    }
}

static bool engine_finished(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    return !nghttp2_session_want_read(connection->session) &&
           !nghttp2_session_want_write(connection->session) && connection->out.size == connection->out_sent;
}

static bool engine_ping(struct h2_connection *base)
{
    return nghttp2_submit_ping(connection_of(base)->session, NGHTTP2_FLAG_NONE, ping_alive) == 0;
}

static size_t engine_capacity(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    if (connection->draining || !nghttp2_session_check_request_allowed(connection->session))
        return 0;
    uint32_t allowed =
        nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return allowed > base->calls ? allowed - base->calls : 0;
}

static const char *engine_error(const struct h2_connection *base)
{
    return ((const struct engine_connection *)base)->error;
}

static void engine_close(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    while (!list_empty(&connection->open)) {
        struct engine_call *call = list_entry(connection->open.next, struct engine_call, link);
        (void)nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
        if (connection->config.role == H2_CLIENT && !call->has_status && call->written) {
            call->has_status = true;
            call->status = STATUS_UNAVAILABLE;
            call->status_message.size = 0;
            (void)buffer_append(&call->status_message,
                                bytes_of("the connection was lost before the reply came"));
        }
        call_closed(call, NGHTTP2_NO_ERROR);
    }
    nghttp2_session_del(connection->session);
    while (!list_empty(&connection->spare))
        call_free(list_entry(list_pop_front(&connection->spare), struct engine_call, link));
    for (size_t i = 0; i < KNOWN_METADATA; i++)
        metadata_release(connection->known[i]);
    struct header_block *blocks[] = {connection->block, connection->other};
    for (size_t i = 0; i < 2; i++) {
        if (blocks[i] != NULL)
            block_clear(blocks[i]);
        free(blocks[i]);
    }
    buffer_free(&connection->out);
    free(connection);
}

static int connection_start_session(struct engine_connection *connection)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int error = nghttp2_session_callbacks_new(&callbacks);
    if (error == 0)
        error = nghttp2_option_new(&option);
    if (error != 0)
        goto done;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);

    nghttp2_option_set_no_closed_streams(option, 1);
    /* The library counts every reset by its own clock and would drop an honest client in a storm of expired
     * deadlines; on_reset counts instead. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX / 2, 1);
    if (connection->config.role == H2_SERVER)
        error = nghttp2_session_server_new2(&connection->session, callbacks, connection, option);
    else
        error = nghttp2_session_client_new2(&connection->session, callbacks, connection, option);
done:
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return error;
}

static int connection_greet(struct engine_connection *connection)
{
    const struct h2_limits *limits = &connection->config.limits;
    bool server = connection->config.role == H2_SERVER;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        {server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
         server ? limits->max_streams : 0},
    };
    int error = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
                                        sizeof settings / sizeof settings[0]);
    if (error == 0)
        error = nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
                                                      (int32_t)limits->connection_window_bytes);
    return error;
}

static struct h2_connection *engine_open(const struct h2_config *config)
{
    struct engine_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->base.engine = &h2_engine_nghttp2;
    connection->config = *config;
    connection->resets.tokens = config->limits.resets_burst;
    connection->pings.tokens = config->limits.pings_burst;
    list_init(&connection->open);
    list_init(&connection->borrowed);
    list_init(&connection->spare);
    if (config->role == H2_SERVER) {
        connection->block = calloc(1, sizeof *connection->block);
        connection->other = calloc(1, sizeof *connection->other);
    }
    bool blocks = config->role == H2_CLIENT || (connection->block != NULL && connection->other != NULL);
    if (!blocks || connection_start_session(connection) != 0 || connection_greet(connection) != 0) {
        engine_close(&connection->base);
        return NULL;
    }
    return &connection->base;
}

const struct h2_engine h2_engine_nghttp2 = {
    .name = "nghttp2",
    .open = engine_open,
    .close = engine_close,
    .recv = engine_recv,
    .pending = engine_pending,
    .sent = engine_sent,
    .drain = engine_drain,
    .finished = engine_finished,
    .ping = engine_ping,
    .capacity = engine_capacity,
    .error = engine_error,
    .call_start = engine_call_start,
    .message_begin = engine_message_begin,
    .message_end = engine_message_end,
    .half_close = engine_half_close,
    .finish = engine_finish,
    .cancel = engine_cancel,
    .queued = engine_queued,
};
