/* The HTTP/2 engine on nghttp2, the first behind h2.h. nghttp2 does framing, header compression and flow
 * control; this file turns its frames into calls and adds what gRPC asks for.
 *
 * What is done for speed: messages are handed out where they lie in the input, and a message goes from its
 * call straight to the output; a call is recycled with its buffers; the header blocks of requests are
 * compared rather than parsed (request_headers.h).
 *
 * Where memory is out and nothing smaller can be given up, the connection is: it is "broken" from then on,
 * says nothing more and waits to be closed. */
#include "base/clock.h"
#include "base/list.h"
#include "rpc/allowance.h"
#include "rpc/grpc.h"
#include "rpc/h2.h"
#include "rpc/reply_headers.h"
#include "rpc/request_headers.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SEND_FIELDS_MAX     96 /* of a header block */
#define FRAME_HEADER_BYTES  9
#define OUTPUT_HIGH_BYTES   ((size_t)1 << 20)  /* h2_pending gathers no more than about this */
#define OUTPUT_KEEP_BYTES   ((size_t)64 << 10) /* what an idle connection may hold on to */
#define CALL_KEEP_BYTES     ((size_t)1024)     /* what each buffer of a recycled call may hold on to */
#define CALLS_SPARE_MAX     64
#define DRAINED_BELOW_BYTES ((size_t)64 << 10)

static const uint8_t ping_alive[8] = "alive";
static const uint8_t ping_drain[8] = "drain";

/* --- What a connection and a call consist of --- */

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

    struct engine_call *reading;      /* the call whose header block is being decoded */
    struct request_headers *requests; /* server: made for the first request */

    struct allowance resets;
    struct allowance chatter; /* frames that cost the sender nothing and the receiver some work */
    size_t pings;             /* sent and not answered */
    bool draining;
    bool drain_noticed; /* server: the last stream has been named */
    bool over;          /* nothing that the peer says matters any more */
    bool broken;        /* nothing more is said to the peer */
    bool has_error;
    char error[128];
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
    bool is_compressed; /* server: the client named an encoding */
    bool has_message;

    struct grpc_assembler in;
    struct bytes message; /* the one message of a unary direction */
    struct buffer out;
    size_t out_taken;

    enum status status; /* server: of the reply */
    struct buffer status_message;
    struct metadata *trailers;

    struct reply_headers reply; /* client */
    enum status failure_status; /* client: the outcome whatever the reply says, where there is a `failure` */
    const char *failure;
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

static struct engine_call *call_at(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static bool is_server(const struct engine_connection *connection)
{
    return connection->config.role == H2_SERVER;
}

/* --- The end of a connection --- */

static void connection_set_error(struct engine_connection *connection, const char *why)
{
    if (!connection->has_error && why != connection->error)
        (void)snprintf(connection->error, sizeof connection->error, "%s", why);
    connection->has_error = true;
    connection->over = true;
}

static void connection_break(struct engine_connection *connection, const char *why)
{
    connection_set_error(connection, why);
    connection->broken = true;
}

/* Ends the connection with a GOAWAY. */
static void connection_fail(struct engine_connection *connection, uint32_t code, const char *why)
{
    connection_set_error(connection, why);
    if (nghttp2_session_terminate_session(connection->session, code) != 0)
        connection->broken = true;
}

/* Passes judgement on what nghttp2 says to a request of ours; it only ever refuses for want of memory. */
static void connection_check(struct engine_connection *connection, int error)
{
    if (error != 0)
        connection_break(connection, nghttp2_strerror(error));
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

/* Counts what a call holds in memory, where it was BEFORE and is AFTER bytes. */
static void call_buffered(const struct engine_call *call, size_t before, size_t after)
{
    owner_of(call)->buffered_bytes += after - before;
}

static size_t call_out_bytes(const struct engine_call *call)
{
    return call->out.size - call->out_taken;
}

/* Forgets what has come, where nobody will want it any more. */
static void call_drop_input(struct engine_call *call)
{
    call_buffered(call, call->in.gathered.size, 0);
    buffer_reset(&call->in.gathered, CALL_KEEP_BYTES);
    list_remove(&call->borrowed);
    call->has_message = false;
}

static void call_free(struct engine_call *call)
{
    buffer_free(&call->in.gathered);
    buffer_free(&call->out);
    buffer_free(&call->status_message);
    reply_headers_free(&call->reply);
    free(call);
}

/* Puts a call back among the spare ones. Nobody may know it any more. */
static void call_recycle(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    call_drop_input(call);
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
    struct engine_call fresh = {
        .in.gathered = call->in.gathered,
        .out = call->out,
        .status_message = call->status_message,
        .reply = call->reply,
    };
    *call = fresh;
    list_push_front(&connection->spare, &call->link);
    connection->spares++;
}

/* Has nghttp2 reset the call's stream; on_stream_close follows once that is written. */
static void call_reset(struct engine_call *call, uint32_t error_code)
{
    struct engine_connection *connection = owner_of(call);
    connection_check(connection, nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE,
                                                           call->stream_id, error_code));
}

static void call_refused(struct engine_call *call, enum h2_refusal refusal)
{
    struct engine_connection *connection = owner_of(call);
    if (connection->config.events->refused != NULL)
        connection->config.events->refused(connection->config.owner, refusal);
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
static size_t nv_add_status(const struct engine_call *call, nghttp2_nv *nva, size_t count)
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
    struct engine_connection *connection = user;
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
    if (is_server(connection)) {
        nghttp2_nv nva[SEND_FIELDS_MAX];
        size_t count = nv_add_status(call, nva, 0);
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, nva, count) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return (ssize_t)waiting;
}

/* nghttp2 has framed a piece of a call's messages: it goes from the call straight to the output. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header,
                        size_t size, nghttp2_data_source *source, void *user)
{
    (void)session;
    struct engine_connection *connection = user;
    struct engine_call *call = source->ptr;
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
    if (call->out_taken == call->out.size)
        call->out.size = call->out_taken = 0;
    bool is_drained = before >= DRAINED_BELOW_BYTES && before - size < DRAINED_BELOW_BYTES;
    if (is_drained && events->drained != NULL && call->opened && !call->ended)
        events->drained(connection->config.owner, &call->base.call);
    return 0;
}

static nghttp2_data_provider provider_of(struct engine_call *call)
{
    return (nghttp2_data_provider){.source.ptr = call, .read_callback = on_read};
}

static void call_submit_reply(struct engine_call *call, bool is_status_only)
{
    struct engine_connection *connection = owner_of(call);
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
    connection_check(connection, nghttp2_submit_response(connection->session, call->stream_id, nva, count,
                                                         is_status_only ? NULL : &provider));
}

static void call_resume(struct engine_call *call)
{
    if (!call->deferred)
        return;
    call->deferred = false;
    struct engine_connection *connection = owner_of(call);
    connection_check(connection, nghttp2_session_resume_data(connection->session, call->stream_id));
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
    buffer_commit(&call->out, GRPC_PREFIX_BYTES + size);
    call_buffered(call, 0, GRPC_PREFIX_BYTES + size);
    return to + GRPC_PREFIX_BYTES;
}

static void engine_message_end(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    if (is_server(owner_of(call)) && !call->submitted)
        call_submit_reply(call, false);
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
    /* Where memory is out, the status goes without its message. */
    (void)grpc_message_encode(message, &call->status_message);
    call->trailers = trailers != NULL ? metadata_hold(trailers) : NULL;
    if (call->submitted)
        call_resume(call);
    else
        call_submit_reply(call, true);
}

static void engine_cancel(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    call->ended = true;
    call_reset(call, NGHTTP2_CANCEL);
}

static size_t engine_queued(const struct h2_call *handle)
{
    return call_out_bytes((const struct engine_call *)handle);
}

static int call_submit_request(struct engine_call *call)
{
    const struct engine_connection *connection = owner_of(call);
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

static struct h2_call *engine_call_start(struct h2_connection *base, unsigned method,
                                         struct metadata *metadata, int64_t timeout_ns, void *user)
{
    struct engine_connection *connection = connection_of(base);
    if (h2_capacity(base) == 0)
        return NULL;
    struct engine_call *call = call_open(connection, 0);
    if (call == NULL)
        return NULL;
    call->opened = true;
    call->base.call.method = method;
    call->base.call.timeout_ns = timeout_ns;
    call->base.call.user = user;
    call->base.call.metadata = metadata != NULL ? metadata_hold(metadata) : NULL;
    call->stream_id = call_submit_request(call);
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
    call_drop_input(call);
    engine_finish(&call->base.call, status, bytes_of(message), trailers);
}

/* Answers a request that is HTTP but not gRPC, as the gRPC specification asks: without a gRPC status. */
static void server_refuse_http(struct engine_call *call, const char *http_status)
{
    struct engine_connection *connection = owner_of(call);
    nghttp2_nv nva[] = {nv_fixed(":status", http_status)};
    call_refused(call, H2_REFUSED_PROTOCOL);
    call->finished = call->submitted = true;
    connection_check(connection, nghttp2_submit_response(connection->session, call->stream_id, nva, 1, NULL));
}

static void server_opened(struct engine_connection *connection, struct engine_call *call)
{
    const struct request_header *header;
    enum request_headers_end end = request_headers_end(connection->requests, &header);
    if (end != REQUEST_HEADERS_READ) {
        bool is_too_large = end == REQUEST_HEADERS_TOO_LARGE;
        server_refuse(call, is_too_large ? H2_REFUSED_HEADER_SIZE : H2_REFUSED_MEMORY,
                      STATUS_RESOURCE_EXHAUSTED,
                      is_too_large ? "the request's metadata is larger than this server accepts"
                                   : "the server is out of memory",
                      NULL);
        return;
    }
    call->base.call.method = header->method;
    call->base.call.timeout_ns = header->timeout_ns;
    call->base.call.metadata = metadata_hold(header->metadata);
    call->is_compressed = header->is_compressed;
    if (!header->is_post) {
        server_refuse_http(call, "405");
    } else if (!header->is_grpc) {
        server_refuse_http(call, "415");
    } else if (!header->is_timeout_valid) {
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the grpc-timeout is malformed", NULL);
    } else if (header->method == UINT_MAX) {
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
    bool streams = h2_methods_at(connection->config.methods, call->base.call.method)->client_streams;
    if (grpc_assembler_inside(&call->in) || (!streams && !call->has_message)) {
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL, "the request ended before its message did",
                      NULL);
    } else if (streams) {
        if (events->half_closed != NULL)
            events->half_closed(connection->config.owner, &call->base.call);
    } else {
        list_remove(&call->borrowed);
        events->message(connection->config.owner, &call->base.call, call->message);
    }
}

static void server_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        server_refuse(call, H2_REFUSED_MESSAGE_SIZE, STATUS_RESOURCE_EXHAUSTED,
                      "the request's message is larger than this server accepts",
                      owner_of(call)->config.message_size_trailers);
        break;
    case GRPC_COMPRESSED:
        server_refuse(
            call, H2_REFUSED_COMPRESSION, call->is_compressed ? STATUS_UNIMPLEMENTED : STATUS_INTERNAL,
            call->is_compressed ? "this server takes no compressed messages"
                                : "a message is marked as compressed and no grpc-encoding was named",
            NULL);
        break;
    case GRPC_MESSAGE:
        server_refuse(call, H2_REFUSED_PROTOCOL, STATUS_INTERNAL,
                      "more than one message came where one belongs", NULL);
        break;
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        server_refuse(call, H2_REFUSED_MEMORY, STATUS_RESOURCE_EXHAUSTED,
                      "too much of this connection's requests is unfinished", NULL);
        break;
    }
}

/* --- Receiving: client --- */

/* Settles how the call ends, whatever the peer may still say. */
static void client_fail(struct engine_call *call, enum status status, const char *why)
{
    if (call->failure != NULL)
        return;
    call->failure_status = status;
    call->failure = why;
    call_drop_input(call);
    call_reset(call, NGHTTP2_CANCEL);
}

static void client_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    switch (problem) {
    case GRPC_TOO_LARGE:
        client_fail(call, STATUS_RESOURCE_EXHAUSTED,
                    "the reply's message is larger than this client accepts");
        break;
    case GRPC_COMPRESSED:
        client_fail(call, STATUS_INTERNAL, "the reply's message is compressed, which was not offered");
        break;
    case GRPC_MESSAGE:
        client_fail(call, STATUS_INTERNAL, "more than one message came where one belongs");
        break;
    case GRPC_NEED_MORE:
    case GRPC_NO_MEMORY:
        client_fail(call, STATUS_RESOURCE_EXHAUSTED, "there is no memory for the reply");
        break;
    }
}

static void client_field(struct engine_call *call, struct bytes name, struct bytes value)
{
    size_t limit_bytes = owner_of(call)->config.limits.header_bytes;
    size_t field_bytes = name.size + value.size + GRPC_FIELD_OVERHEAD_BYTES;
    if (call->failure != NULL)
        return;
    if (call->reply.bytes + field_bytes > limit_bytes)
        client_fail(call, STATUS_RESOURCE_EXHAUSTED,
                    "the reply's metadata is larger than this client accepts");
    else if (!reply_headers_field(&call->reply, name, value))
        client_fail(call, STATUS_RESOURCE_EXHAUSTED, "there is no memory for the reply");
}

/* What a reply without a status of gRPC's means. */
static void client_outcome_without_status(const struct engine_call *call, uint32_t error_code,
                                          struct h2_outcome *outcome)
{
    const struct reply_headers *reply = &call->reply;
    if (outcome->unseen) {
        outcome->status = STATUS_UNAVAILABLE;
        outcome->message = bytes_of("the server did not take the call; it may be sent again");
    } else if (error_code != NGHTTP2_NO_ERROR) {
        outcome->status = grpc_status_of_reset(error_code);
        outcome->message = bytes_of(nghttp2_http2_strerror(error_code));
    } else if (reply->http_status != 0 && (reply->http_status != 200 || !reply->is_grpc)) {
        outcome->status = grpc_status_of_http(reply->http_status);
        outcome->message = bytes_of("the peer answered in HTTP, not in gRPC; is this a gRPC port?");
    } else {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended without a status");
    }
}

static void client_outcome(const struct engine_call *call, uint32_t error_code, struct h2_outcome *outcome)
{
    const struct engine_connection *connection = owner_of(call);
    if (call->failure != NULL) {
        outcome->status = call->failure_status;
        outcome->message = bytes_of(call->failure);
    } else if (call->reply.has_status) {
        outcome->status = call->reply.status;
        outcome->message = buffer_bytes(&call->reply.message);
    } else {
        outcome->unseen = !call->written || error_code == NGHTTP2_REFUSED_STREAM;
        client_outcome_without_status(call, error_code, outcome);
    }
    if (outcome->status != STATUS_OK)
        return;
    bool streams = h2_methods_at(connection->config.methods, call->base.call.method)->server_streams;
    if (grpc_assembler_inside(&call->in)) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply ended inside a message");
    } else if (!streams && !call->has_message) {
        outcome->status = STATUS_INTERNAL;
        outcome->message = bytes_of("the reply has no message");
    }
}

static void client_closed(struct engine_call *call, uint32_t error_code)
{
    const struct h2_config *config = &owner_of(call)->config;
    struct h2_outcome outcome = {.message = bytes_make(NULL, 0)};
    client_outcome(call, error_code, &outcome);
    outcome.trailers = call->trailers = reply_headers_metadata(&call->reply);
    if (outcome.status == STATUS_OK && call->has_message)
        config->events->message(config->owner, &call->base.call, call->message);
    if (!call->ended) {
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
}

/* The reply is complete. Where the request is not, nobody wants the rest of it. */
static void client_reply_ended(struct engine_connection *connection, struct engine_call *call)
{
    if (nghttp2_session_get_stream_local_close(connection->session, call->stream_id) == 0)
        call_reset(call, NGHTTP2_NO_ERROR);
}

/* --- Receiving: both --- */

/* Ends a call whose stream is gone, with the events that are due. */
static void call_closed(struct engine_call *call, uint32_t error_code)
{
    const struct h2_config *config = &owner_of(call)->config;
    if (call->opened && !call->ended && config->role == H2_CLIENT) {
        client_closed(call, error_code);
    } else if (call->opened && !call->ended) {
        struct h2_outcome outcome = {.status = call->replied ? STATUS_OK : STATUS_CANCELLED};
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
    call_recycle(call);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct engine_connection *connection = user;
    int32_t stream_id = frame->hd.stream_id;
    connection->reading = NULL;
    if (!is_server(connection)) {
        connection->reading = call_at(session, stream_id);
        return 0;
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* a client's trailers say nothing to gRPC */
    if (connection->requests == NULL)
        connection->requests =
            request_headers_create(connection->config.methods, connection->config.limits.header_bytes);
    struct engine_call *call = connection->requests != NULL ? call_open(connection, stream_id) : NULL;
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)nghttp2_session_set_stream_user_data(session, stream_id, call);
    connection->reading = call;
    request_headers_begin(connection->requests);
    return 0;
}

static struct bytes rcbuf_bytes(nghttp2_rcbuf *buffer)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
    return bytes_make(vec.base, vec.len);
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
    if (is_server(connection))
        request_headers_field(connection->requests, name, value);
    else
        client_field(connection->reading, rcbuf_bytes(name), rcbuf_bytes(value));
    return 0;
}

/* Whether anybody waits for messages of the peer, and it speaks gRPC. */
static bool call_listens(const struct engine_call *call)
{
    if (call == NULL || !call->opened || call->ended)
        return false;
    if (is_server(owner_of(call)))
        return !call->finished;
    const struct reply_headers *reply = &call->reply;
    return call->failure == NULL && !reply->has_status && reply->http_status == 200 && reply->is_grpc;
}

static bool call_takes_one_message(const struct engine_call *call)
{
    const struct h2_config *config = &owner_of(call)->config;
    const struct h2_method *method = h2_methods_at(config->methods, call->base.call.method);
    return config->role == H2_SERVER ? !method->client_streams : !method->server_streams;
}

static void call_refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    if (is_server(owner_of(call)))
        server_refuse_message(call, problem);
    else
        client_refuse_message(call, problem);
}

/* A call that takes one message has it from here until the peer has half-closed or sent its status. */
static void call_take_message(struct engine_call *call, struct bytes message)
{
    struct engine_connection *connection = owner_of(call);
    if (!call_takes_one_message(call)) {
        connection->config.events->message(connection->config.owner, &call->base.call, message);
        return;
    }
    call->has_message = true;
    call->message = message;
    if (message.data != call->in.gathered.data)
        list_push_back(&connection->borrowed, &call->borrowed);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user)
{
    (void)flags;
    struct engine_connection *connection = user;
    const struct h2_limits *limits = &connection->config.limits;
    struct engine_call *call = call_at(session, stream_id);
    struct bytes input = bytes_make(data, size);
    while (call_listens(call) && input.size > 0) {
        struct bytes message;
        if (call->has_message) {
            call_refuse_message(call, GRPC_MESSAGE);
            break;
        }
        size_t before = call->in.gathered.size;
        enum grpc_assembly got = grpc_assemble(&call->in, &input, limits->message_bytes, &message);
        call_buffered(call, before, call->in.gathered.size);
        if (got == GRPC_MESSAGE)
            call_take_message(call, message);
        else if (got != GRPC_NEED_MORE || connection->buffered_bytes > limits->buffered_bytes)
            call_refuse_message(call, got);
    }
    return 0;
}

/* A request that the client begins and resets, or breaks so that it is reset, costs more than it earns. */
static void on_reset(struct engine_connection *connection)
{
    if (is_server(connection) && !allowance_take(&connection->resets, connection->now_ns))
        connection_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, "the client resets calls too fast");
}

static void on_chatter(struct engine_connection *connection)
{
    if (is_server(connection) && !allowance_take(&connection->chatter, connection->now_ns))
        connection_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, "the client sends control frames too fast");
}

static void on_headers(struct engine_connection *connection, const nghttp2_frame *frame)
{
    struct engine_call *call = call_at(connection->session, frame->hd.stream_id);
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (call == NULL)
        return;
    if (is_server(connection)) {
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            server_opened(connection, call);
        if (is_last)
            server_half_closed(connection, call);
    } else if (is_last) {
        client_reply_ended(connection, call);
    }
}

static void on_data_frame(struct engine_connection *connection, const nghttp2_frame *frame)
{
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct engine_call *call = call_at(connection->session, frame->hd.stream_id);
    if (frame->hd.length == 0 && !is_last)
        on_chatter(connection);
    if (call == NULL || !is_last)
        return;
    if (is_server(connection))
        server_half_closed(connection, call);
    else
        client_reply_ended(connection, call);
}

static void on_pong(struct engine_connection *connection, const nghttp2_ping *ping)
{
    const struct h2_events *events = connection->config.events;
    bool is_drain = memcmp(ping->opaque_data, ping_drain, sizeof ping_drain) == 0;
    if (is_drain && is_server(connection) && connection->draining && !connection->drain_noticed) {
        connection->drain_noticed = true;
        int32_t last = nghttp2_session_get_last_proc_stream_id(connection->session);
        connection_check(connection, nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, last,
                                                           NGHTTP2_NO_ERROR, NULL, 0));
    } else if (!is_drain && connection->pings > 0) {
        connection->pings--;
        if (events->pong != NULL)
            events->pong(connection->config.owner);
    }
}

static void on_settings(struct engine_connection *connection)
{
    const struct h2_events *events = connection->config.events;
    on_chatter(connection);
    if (events->settings != NULL && !is_server(connection))
        events->settings(connection->config.owner);
}

static void on_goaway(struct engine_connection *connection, const nghttp2_goaway *goaway)
{
    const struct h2_events *events = connection->config.events;
    bool is_news = !connection->draining;
    connection->draining = true;
    if (goaway->error_code != NGHTTP2_NO_ERROR && !connection->has_error) {
        connection->has_error = true;
        (void)snprintf(connection->error, sizeof connection->error, "the peer gave up: %s",
                       nghttp2_http2_strerror(goaway->error_code));
    }
    if (is_news && events->draining != NULL && !is_server(connection))
        events->draining(connection->config.owner);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct engine_connection *connection = user;
    bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers(connection, frame);
        break;
    case NGHTTP2_DATA:
        on_data_frame(connection, frame);
        break;
    case NGHTTP2_RST_STREAM: {
        struct engine_call *call = call_at(connection->session, frame->hd.stream_id);
        if (call == NULL || !call->replied)
            on_reset(connection);
        break;
    }
    case NGHTTP2_PING:
        if (is_ack)
            on_pong(connection, &frame->ping);
        else
            on_chatter(connection);
        break;
    case NGHTTP2_PRIORITY:
        on_chatter(connection);
        break;
    case NGHTTP2_SETTINGS:
        if (!is_ack)
            on_settings(connection);
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(connection, &frame->goaway);
        break;
    default:
        break;
    }
    return 0;
}

static void on_headers_sent(struct engine_connection *connection, const nghttp2_frame *frame)
{
    struct engine_call *call = call_at(connection->session, frame->hd.stream_id);
    if (call == NULL)
        return;
    call->written = true;
    if (!is_server(connection) || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return;
    call->replied = true;
    /* The reply came before the request had ended: the client may stop sending it. */
    if (!call->remote_closed)
        call_reset(call, NGHTTP2_NO_ERROR);
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct engine_connection *connection = user;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers_sent(connection, frame);
        break;
    case NGHTTP2_RST_STREAM: {
        uint32_t code = frame->rst_stream.error_code;
        if (code != NGHTTP2_NO_ERROR && code != NGHTTP2_CANCEL)
            on_reset(connection);
        break;
    }
    case NGHTTP2_GOAWAY: {
        uint32_t code = frame->goaway.error_code;
        if (code != NGHTTP2_NO_ERROR)
            connection_set_error(connection, connection->error[0] != '\0' ? connection->error
                                                                          : nghttp2_http2_strerror(code));
        break;
    }
    default:
        break;
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

/* nghttp2 says what it does not like. Often that costs a call only, so it is no error of the connection's
 * until a GOAWAY goes out for it (on_frame_sent). */
static int on_error(nghttp2_session *session, int code, const char *message, size_t size, void *user)
{
    (void)session;
    (void)code;
    struct engine_connection *connection = user;
    if (!connection->has_error)
        (void)snprintf(connection->error, sizeof connection->error, "%.*s", (int)size, message);
    return 0;
}

/* --- The connection --- */

/* Copies what still points into the input, which is about to go. */
static void keep_borrowed(struct engine_connection *connection)
{
    while (!list_empty(&connection->borrowed)) {
        struct engine_call *call =
            list_entry(list_pop_front(&connection->borrowed), struct engine_call, borrowed);
        if (buffer_append(&call->in.gathered, call->message)) {
            call->message = buffer_bytes(&call->in.gathered);
            call_buffered(call, 0, call->message.size);
        } else {
            call_refuse_message(call, GRPC_NO_MEMORY);
        }
    }
}

static bool engine_recv(struct h2_connection *base, struct bytes input, int64_t now_ns)
{
    struct engine_connection *connection = connection_of(base);
    if (connection->over)
        return false;
    connection->now_ns = now_ns;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, input.data, input.size);
    keep_borrowed(connection);
    if (taken == NGHTTP2_ERR_FLOODED)
        connection_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, nghttp2_strerror((int)taken));
    else if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        connection_fail(connection, NGHTTP2_PROTOCOL_ERROR, "the client does not speak HTTP/2");
    else if (taken < 0)
        connection_break(connection, nghttp2_strerror((int)taken));
    return !connection->over && nghttp2_session_want_read(connection->session) != 0;
}

static struct bytes engine_pending(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    while (!connection->broken && connection->out.size - connection->out_sent < OUTPUT_HIGH_BYTES) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(connection->session, &data);
        if (size == 0)
            break;
        if (size < 0)
            connection_break(connection, nghttp2_strerror((int)size));
        else if (!buffer_append(&connection->out, bytes_make(data, (size_t)size)))
            connection_break(connection, nghttp2_strerror(NGHTTP2_ERR_NOMEM));
    }
    if (connection->out.size == 0)
        return bytes_make(NULL, 0);
    return bytes_make(connection->out.data + connection->out_sent,
                      connection->out.size - connection->out_sent);
}

static void engine_sent(struct h2_connection *base, size_t size)
{
    struct engine_connection *connection = connection_of(base);
    connection->out_sent += size;
    if (connection->out_sent == connection->out.size) {
        connection->out_sent = 0;
        buffer_reset(&connection->out, OUTPUT_KEEP_BYTES);
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
    nghttp2_session *session = connection->session;
    if (is_server(connection)) {
        /* The notice first; the last call that will be processed is known a round trip later. */
        connection_check(connection, nghttp2_submit_shutdown_notice(session));
        connection_check(connection, nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, ping_drain));
    } else {
        connection_check(connection,
                         nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0));
    }
}

static bool engine_finished(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    if (connection->out.size > connection->out_sent)
        return false;
    return connection->broken || (!nghttp2_session_want_read(connection->session) &&
                                  !nghttp2_session_want_write(connection->session));
}

static bool engine_ping(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, ping_alive) != 0)
        return false;
    connection->pings++;
    return true;
}

static size_t engine_capacity(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    if (connection->draining || connection->over ||
        !nghttp2_session_check_request_allowed(connection->session))
        return 0;
    uint32_t allowed =
        nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return allowed > base->calls ? allowed - base->calls : 0;
}

static const char *engine_error(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    return connection->has_error ? connection->error : "";
}

static void engine_close(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    connection->over = true; /* the calls' ends may not start new ones here */
    while (!list_empty(&connection->open)) {
        struct engine_call *call = list_entry(connection->open.next, struct engine_call, link);
        if (call->stream_id > 0)
            (void)nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
        if (call->failure == NULL && call->written && !call->reply.has_status) {
            call->failure_status = STATUS_UNAVAILABLE;
            call->failure = "the connection was lost before the reply came";
        }
        call_closed(call, NGHTTP2_NO_ERROR);
    }
    nghttp2_session_del(connection->session);
    while (!list_empty(&connection->spare))
        call_free(list_entry(list_pop_front(&connection->spare), struct engine_call, link));
    request_headers_destroy(connection->requests);
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
    if (error != 0)
        connection->session = NULL; /* the library leaves the address of what it has freed */
done:
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return error;
}

static int connection_greet(struct engine_connection *connection)
{
    const struct h2_limits *limits = &connection->config.limits;
    bool server = is_server(connection);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes},

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
    connection->resets = allowance_make(config->limits.resets_burst, config->limits.resets_per_second);
    connection->chatter = allowance_make(config->limits.pings_burst, config->limits.pings_per_second);
    list_init(&connection->open);
    list_init(&connection->borrowed);
    list_init(&connection->spare);
    if (connection_start_session(connection) != 0 || connection_greet(connection) != 0) {
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
