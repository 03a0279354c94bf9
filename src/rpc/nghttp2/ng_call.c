/* The life of a call, and what it sends. A call is recycled with its buffers. Its messages wait in one buffer until
 * nghttp2 frames them, and go from there straight to the connection's output. */
#include "base/clock.h"
#include "rpc/nghttp2/ng.h"

#include <stdlib.h>

#define SEND_FIELDS_MAX     96 /* of a header block */
#define FRAME_HEADER_BYTES  9
#define CALL_KEEP_BYTES     ((size_t)1024) /* what each buffer of a call may hold on to when it is not in use */
#define CALLS_SPARE_MAX     128
#define DRAINED_BELOW_BYTES ((size_t)64 << 10)

/* --- The life of a call --- */

struct ng_call *ng_call_open(struct ng_connection *connection, int32_t stream_id)
{
    struct ng_call *call;
    if (!list_empty(&connection->spare)) {
        call = list_entry(list_pop_front(&connection->spare), struct ng_call, link);
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
    connection->used_ns = connection->now_ns;
    return call;
}

void ng_call_drop_input(struct ng_call *call)
{
    call_buffered(call, call->in.gathered.size, 0);
    buffer_reset(&call->in.gathered, CALL_KEEP_BYTES);
    list_remove(&call->borrowed);
    call->has_message = false;
}

static void call_free(struct ng_call *call)
{
    buffer_free(&call->in.gathered);
    buffer_free(&call->out);
    buffer_free(&call->status_message);
    reply_headers_free(&call->reply);
    free(call);
}

void ng_call_recycle(struct ng_call *call)
{
    struct ng_connection *connection = owner_of(call);
    ng_call_drop_input(call);
    call_buffered(call, call_out_bytes(call), 0);
    metadata_release(call->base.call.metadata);
    metadata_release(call->trailers);
    list_remove(&call->link);
    connection->base.calls--;
    if (connection->reading == call)
        connection->reading = NULL;
    if (connection->spares >= CALLS_SPARE_MAX) {
        call_free(call);
        return;
    }
    buffer_reset(&call->out, CALL_KEEP_BYTES);
    buffer_reset(&call->status_message, CALL_KEEP_BYTES);
    reply_headers_reset(&call->reply, CALL_KEEP_BYTES);
    struct ng_call fresh = {
        .in.gathered = call->in.gathered,
        .out = call->out,
        .status_message = call->status_message,
        .reply = call->reply,
    };
    *call = fresh;
    list_push_front(&connection->spare, &call->link);
    connection->spares++;
}

void ng_call_reset(struct ng_call *call, uint32_t error_code)
{
    struct ng_connection *connection = owner_of(call);
    ng_check(connection,
             nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id, error_code));
}

void ng_calls_trim(struct ng_connection *connection)
{
    while (!list_empty(&connection->spare))
        call_free(list_entry(list_pop_front(&connection->spare), struct ng_call, link));
    connection->spares = 0;
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
static size_t nv_add_status(const struct ng_call *call, nghttp2_nv *nva, size_t count)
{
    const struct metadata *trailers = call->trailers;
    nva[count++] = nv_fixed("grpc-status", grpc_status_text(call->status));
    if (call->status_message.size > 0)
        nva[count++] =
            nv_make(bytes_of("grpc-message"), buffer_bytes(&call->status_message), NGHTTP2_NV_FLAG_NONE);
    for (size_t i = 0; trailers != NULL && i < trailers->count && count < SEND_FIELDS_MAX; i++)
        nva[count++] = nv_make(trailers->pairs[i].name, trailers->pairs[i].value, NGHTTP2_NV_FLAG_NONE);
    return count;
}

/* nghttp2 asks how much of a call's messages it may frame next. */
static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size, uint32_t *flags,
                       nghttp2_data_source *source, void *user)
{
    (void)to;
    struct ng_connection *connection = user;
    struct ng_call *call = source->ptr;
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
    if (is_server(connection)) {
        nghttp2_nv nva[SEND_FIELDS_MAX];
        size_t count = nv_add_status(call, nva, 0);
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, nva, count) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return (ssize_t)waiting;
}

int ng_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header, size_t size,
                    nghttp2_data_source *source, void *user)
{
    (void)session;
    struct ng_connection *connection = user;
    struct ng_call *call = source->ptr;
    const struct h2_events *events = connection->config.events;
    if (frame->data.padlen > 0) /* nobody here pads */
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (connection->out.size - connection->out_sent >= OUTPUT_HIGH_BYTES)
        return NGHTTP2_ERR_WOULDBLOCK;
    uint8_t *to = buffer_extend(&connection->out, FRAME_HEADER_BYTES + size);
    if (to == NULL)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(to, frame_header, FRAME_HEADER_BYTES);
    bytes_copy(to + FRAME_HEADER_BYTES, call->out.data + call->out_taken, size);
    buffer_commit(&connection->out, FRAME_HEADER_BYTES + size);
    allowance_give(&connection->chatter);

    size_t before = call_out_bytes(call);
    call_buffered(call, before, before - size);
    call->out_taken += size;
    if (call->out_taken == call->out.size) { /* a stream may be open for days after its one burst */
        buffer_reset(&call->out, CALL_KEEP_BYTES);
        call->out_taken = 0;
    }
    bool is_drained = before >= DRAINED_BELOW_BYTES && before - size < DRAINED_BELOW_BYTES;
    if (is_drained && events->drained != NULL && call->opened && !call->ended)
        events->drained(connection->config.owner, &call->base.call);
    return 0;
}

static nghttp2_data_provider provider_of(struct ng_call *call)
{
    return (nghttp2_data_provider){.source.ptr = call, .read_callback = on_read};
}

static void call_submit_reply(struct ng_call *call, bool is_status_only)
{
    struct ng_connection *connection = owner_of(call);
    nghttp2_nv nva[SEND_FIELDS_MAX];
    size_t count = 0;
    nva[count++] = nv_fixed(":status", "200");
    nva[count++] = nv_fixed("content-type", "application/grpc");
    if (call->is_compressed)
        nva[count++] = nv_fixed("grpc-accept-encoding", "identity");
    if (is_status_only)
        count = nv_add_status(call, nva, count);
    nghttp2_data_provider provider = provider_of(call);
    call->submitted = true;
    ng_check(connection, nghttp2_submit_response(connection->session, call->stream_id, nva, count,
                                                 is_status_only ? NULL : &provider));
}

void ng_call_submit_http(struct ng_call *call, const char *http_status)
{
    struct ng_connection *connection = owner_of(call);
    nghttp2_nv nva[] = {nv_fixed(":status", http_status)};
    call->finished = call->submitted = true;
    ng_check(connection, nghttp2_submit_response(connection->session, call->stream_id, nva, 1, NULL));
}

static void call_resume(struct ng_call *call)
{
    if (!call->deferred)
        return;
    call->deferred = false;
    struct ng_connection *connection = owner_of(call);
    ng_check(connection, nghttp2_session_resume_data(connection->session, call->stream_id));
}

size_t ng_room(const struct h2_connection *base)
{
    const struct ng_connection *connection = (const struct ng_connection *)base;
    size_t limit = connection->config.limits.buffered_bytes;
    return connection->buffered_bytes < limit ? limit - connection->buffered_bytes : 0;
}

uint8_t *ng_message_begin(struct h2_call *handle, size_t size)
{
    struct ng_call *call = call_of(handle);
    struct ng_connection *connection = owner_of(call);
    if (call->finished || size > UINT32_MAX || size > ng_room(&connection->base))
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
    buffer_commit(&call->out, GRPC_PREFIX_BYTES + size);
    call_buffered(call, 0, GRPC_PREFIX_BYTES + size);
    return to + GRPC_PREFIX_BYTES;
}

void ng_message_end(struct h2_call *handle)
{
    struct ng_call *call = call_of(handle);
    if (is_server(owner_of(call)) && !call->submitted)
        call_submit_reply(call, false);
    else
        call_resume(call);
}

void ng_half_close(struct h2_call *handle)
{
    struct ng_call *call = call_of(handle);
    call->finished = true;
    call_resume(call);
}

void ng_finish(struct h2_call *handle, enum status status, struct bytes message, struct metadata *trailers)
{
    struct ng_call *call = call_of(handle);
    if (call->finished)
        return;
    call->finished = true;
    call->status = status;
    /* Where memory is out, the status goes without its message. */
    (void)grpc_message_encode(message, &call->status_message);
    call->trailers = trailers != NULL ? metadata_hold(trailers) : NULL;
    if (call->submitted)
        call_resume(call);
    else
        call_submit_reply(call, true);
}

void ng_cancel(struct h2_call *handle)
{
    struct ng_call *call = call_of(handle);
    call->ended = true;
    ng_call_reset(call, is_server(owner_of(call)) ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_CANCEL);
}

size_t ng_queued(const struct h2_call *handle)
{
    return call_out_bytes((const struct ng_call *)handle);
}

static int call_submit_request(struct ng_call *call)
{
    const struct ng_connection *connection = owner_of(call);
    const struct h2_config *config = &connection->config;
    const struct metadata *metadata = call->base.call.metadata;
    nghttp2_nv nva[SEND_FIELDS_MAX];
    size_t count = 0;
    nva[count++] = nv_fixed(":method", "POST");
    nva[count++] = nv_fixed(":scheme", config->is_secure ? "https" : "http");
    nva[count++] = nv_fixed(":path", h2_methods_at(config->methods, call->base.call.method)->path);
    nva[count++] = nv_fixed(":authority", config->authority);
    nva[count++] = nv_fixed("te", "trailers");
    nva[count++] = nv_fixed("content-type", "application/grpc");
    for (size_t i = 0; metadata != NULL && i < metadata->count && count < SEND_FIELDS_MAX - 1; i++)
        nva[count++] = nv_make(metadata->pairs[i].name, metadata->pairs[i].value, NV_FIXED);
    char timeout[GRPC_TIMEOUT_TEXT_BYTES];
    if (call->base.call.timeout_ns != CLOCK_NEVER) {
        struct bytes text = bytes_make(timeout, grpc_timeout_format(call->base.call.timeout_ns, timeout));
        nva[count++] = nv_make(bytes_of("grpc-timeout"), text, NGHTTP2_NV_FLAG_NO_COPY_NAME);
    }
    nghttp2_data_provider provider = provider_of(call);
    return nghttp2_submit_request(connection->session, NULL, nva, count, &provider, call);
}

struct h2_call *ng_call_start(struct h2_connection *base, unsigned method, struct metadata *metadata,
                              int64_t timeout_ns, void *user)
{
    struct ng_connection *connection = connection_of(base);
    if (h2_capacity(base) == 0)
        return NULL;
    struct ng_call *call = ng_call_open(connection, 0);
    if (call == NULL)
        return NULL;
    call->opened = true;
    call->base.call.method = method;
    call->base.call.timeout_ns = timeout_ns;
    call->base.call.user = user;
    call->base.call.metadata = metadata != NULL ? metadata_hold(metadata) : NULL;
    call->stream_id = call_submit_request(call);
    if (call->stream_id < 0) {
        ng_call_recycle(call);
        return NULL;
    }
    return &call->base.call;
}
