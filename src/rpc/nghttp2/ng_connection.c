/* The HTTP/2 engine on nghttp2, the first behind h2.h: the connection. nghttp2 does framing, header compression
 * and flow control; this engine turns its frames into calls and adds what gRPC asks for.
 *
 * Messages are handed out where they lie in the input, and only what has to outlive it is copied. Where
 * memory is out and nothing smaller can be given up, the connection is: it is "broken" from then on, says
 * nothing more and waits to be closed. */
#include "base/clock.h"
#include "rpc/nghttp2/ng.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_KEEP_BYTES ((size_t)64 << 10) /* what a connection may hold on to between writes */
#define IDLE_AFTER_NS     (INT64_C(3) * CLOCK_NS_PER_S)

static const uint8_t ping_alive[8] = "alive";
static const uint8_t ping_drain[8] = "drain";

/* --- The end of a connection --- */

static void connection_set_error(struct ng_connection *connection, const char *why)
{
    if (!connection->has_error && why != connection->error)
        (void)snprintf(connection->error, sizeof connection->error, "%s", why);
    connection->has_error = true;
    connection->over = true;
}

static void connection_break(struct ng_connection *connection, const char *why)
{
    connection_set_error(connection, why);
    connection->broken = true;
}

void ng_fail(struct ng_connection *connection, uint32_t code, const char *why)
{
    connection_set_error(connection, why);
    if (nghttp2_session_terminate_session(connection->session, code) != 0)
        connection->broken = true;
}

void ng_check(struct ng_connection *connection, int error)
{
    if (error != 0)
        connection_break(connection, nghttp2_strerror(error));
}

/* --- Frames --- */

/* Ends a call whose stream is gone, with the events that are due. */
static void call_closed(struct ng_call *call, uint32_t error_code)
{
    const struct h2_config *config = &owner_of(call)->config;
    if (call->opened && !call->ended && config->role == H2_CLIENT) {
        ng_client_closed(call, error_code);
    } else if (call->opened && !call->ended) {
        struct h2_outcome outcome = {.status = call->replied ? STATUS_OK : STATUS_CANCELLED};
        call->ended = true;
        config->events->closed(config->owner, &call->base.call, &outcome);
    }
    ng_call_recycle(call);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct ng_connection *connection = user;
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
            ng_requests_create(connection->config.methods, connection->config.limits.header_bytes);
    struct ng_call *call = connection->requests != NULL ? ng_call_open(connection, stream_id) : NULL;
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)nghttp2_session_set_stream_user_data(session, stream_id, call);
    connection->reading = call;
    ng_requests_begin(connection->requests);
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
    struct ng_connection *connection = user;
    if (connection->reading == NULL)
        return 0;
    if (is_server(connection))
        ng_requests_field(connection->requests, name, value);
    else
        ng_client_field(connection->reading, rcbuf_bytes(name), rcbuf_bytes(value));
    return 0;
}

/* Whether anybody waits for messages of the peer, and it speaks gRPC. */
static bool call_listens(const struct ng_call *call)
{
    if (call == NULL || !call->opened || call->ended)
        return false;
    if (is_server(owner_of(call)))
        return !call->finished;
    const struct reply_headers *reply = &call->reply;
    return !call->has_verdict && !reply->has_status && reply->http_status == 200 && reply->is_grpc;
}

static bool call_takes_one_message(const struct ng_call *call)
{
    const struct h2_config *config = &owner_of(call)->config;
    const struct h2_method *method = h2_methods_at(config->methods, call->base.call.method);
    return config->role == H2_SERVER ? !method->client_streams : !method->server_streams;
}

static void call_refuse_message(struct ng_call *call, enum grpc_assembly problem)
{
    if (is_server(owner_of(call)))
        ng_server_refuse_message(call, problem);
    else
        ng_client_refuse_message(call, problem);
}

/* A call that takes one message has it from here until the peer has half-closed or sent its status. */
static void call_take_message(struct ng_call *call, struct bytes message)
{
    struct ng_connection *connection = owner_of(call);
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
    struct ng_connection *connection = user;
    const struct h2_limits *limits = &connection->config.limits;
    struct ng_call *call = call_at(session, stream_id);
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
static void on_reset(struct ng_connection *connection)
{
    if (is_server(connection) && !allowance_take(&connection->resets, connection->now_ns))
        ng_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, "the client resets calls too fast");
}

static void on_chatter(struct ng_connection *connection)
{
    if (!allowance_take(&connection->chatter, connection->now_ns))
        ng_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM,
                is_server(connection) ? "the client sends control frames too fast"
                                      : "the server sends control frames too fast");
}

static void on_headers(struct ng_connection *connection, const nghttp2_frame *frame)
{
    struct ng_call *call = call_at(connection->session, frame->hd.stream_id);
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (call == NULL)
        return;
    if (is_server(connection)) {
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            ng_server_opened(connection, call);
        if (is_last)
            ng_server_half_closed(connection, call);
    } else if (is_last) {
        ng_client_reply_ended(connection, call);
    }
}

static void on_data_frame(struct ng_connection *connection, const nghttp2_frame *frame)
{
    bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct ng_call *call = call_at(connection->session, frame->hd.stream_id);
    if (frame->hd.length == 0 && !is_last)
        on_chatter(connection);
    if (call == NULL || !is_last)
        return;
    if (is_server(connection))
        ng_server_half_closed(connection, call);
    else
        ng_client_reply_ended(connection, call);
}

static void on_pong(struct ng_connection *connection, const nghttp2_ping *ping)
{
    const struct h2_events *events = connection->config.events;
    bool is_drain = memcmp(ping->opaque_data, ping_drain, sizeof ping_drain) == 0;
    if (is_drain && is_server(connection) && connection->draining && !connection->drain_noticed) {
        connection->drain_noticed = true;
        int32_t last = nghttp2_session_get_last_proc_stream_id(connection->session);
        ng_check(connection, nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE, last,
                                                   NGHTTP2_NO_ERROR, NULL, 0));
    } else if (!is_drain && connection->pings > 0) {
        connection->pings--;
        if (events->pong != NULL)
            events->pong(connection->config.owner);
    }
}

static void on_settings(struct ng_connection *connection)
{
    const struct h2_events *events = connection->config.events;
    on_chatter(connection);
    if (events->settings != NULL && !is_server(connection))
        events->settings(connection->config.owner);
}

static void on_goaway(struct ng_connection *connection, const nghttp2_goaway *goaway)
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
    struct ng_connection *connection = user;
    bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers(connection, frame);
        break;
    case NGHTTP2_DATA:
        on_data_frame(connection, frame);
        break;
    case NGHTTP2_RST_STREAM: {
        struct ng_call *call = call_at(connection->session, frame->hd.stream_id);
        if (is_server(connection) && (call == NULL || !call->replied))
            on_reset(connection);
        else if (call == NULL)
            on_chatter(connection);
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

static int before_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct ng_connection *connection = user;
    if (is_server(connection) || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct ng_call *call = call_at(session, frame->hd.stream_id);
    if (call != NULL) {
        call->framed = true;
        call->framed_at = connection->sent_bytes + connection->out.size - connection->out_sent;
    }
    return 0;
}

static void on_headers_sent(struct ng_connection *connection, const nghttp2_frame *frame)
{
    struct ng_call *call = call_at(connection->session, frame->hd.stream_id);
    if (call == NULL || !is_server(connection) || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return;
    call->replied = true;
    /* The reply came before the request had ended: the client may stop sending it. */
    if (!call->remote_closed)
        ng_call_reset(call, NGHTTP2_NO_ERROR);
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct ng_connection *connection = user;
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
    struct ng_call *call = call_at(session, stream_id);
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
    struct ng_connection *connection = user;
    if (!connection->has_error)
        (void)snprintf(connection->error, sizeof connection->error, "%.*s", (int)size, message);
    return 0;
}

/* --- The connection --- */

/* Copies what still points into the input, which is about to go. */
static void keep_borrowed(struct ng_connection *connection)
{
    while (!list_empty(&connection->borrowed)) {
        struct ng_call *call = list_entry(list_pop_front(&connection->borrowed), struct ng_call, borrowed);
        if (buffer_append(&call->in.gathered, call->message)) {
            call->message = buffer_bytes(&call->in.gathered);
            call_buffered(call, 0, call->message.size);
        } else {
            call_refuse_message(call, GRPC_NO_MEMORY);
        }
    }
}

/* Gives back what many calls at once have left behind. An idle connection still hears pings. */
static void trim_when_idle(struct ng_connection *connection)
{
    if (connection->base.calls > 0 || connection->now_ns - connection->used_ns < IDLE_AFTER_NS)
        return;
    ng_calls_trim(connection);
    if (connection->out.size == 0)
        buffer_free(&connection->out);
}

static bool ng_recv(struct h2_connection *base, struct bytes input, int64_t now_ns)
{
    struct ng_connection *connection = connection_of(base);
    if (connection->over)
        return false;
    connection->now_ns = now_ns;
    ssize_t taken = nghttp2_session_mem_recv(connection->session, input.data, input.size);
    keep_borrowed(connection);
    trim_when_idle(connection);
    if (taken == NGHTTP2_ERR_FLOODED)
        ng_fail(connection, NGHTTP2_ENHANCE_YOUR_CALM, nghttp2_strerror((int)taken));
    else if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        ng_fail(connection, NGHTTP2_PROTOCOL_ERROR, "the client does not speak HTTP/2");
    else if (taken < 0)
        connection_break(connection, nghttp2_strerror((int)taken));
    return !connection->over && nghttp2_session_want_read(connection->session) != 0;
}

static struct bytes ng_pending(struct h2_connection *base)
{
    struct ng_connection *connection = connection_of(base);
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

static void ng_sent(struct h2_connection *base, size_t size)
{
    struct ng_connection *connection = connection_of(base);
    connection->out_sent += size;
    connection->sent_bytes += size;
    if (connection->out_sent == connection->out.size) {
        connection->out_sent = 0;
        buffer_reset(&connection->out, OUTPUT_KEEP_BYTES);
    } else if (connection->out_sent > OUTPUT_HIGH_BYTES) {
        connection->out.size -= connection->out_sent;
        memmove(connection->out.data, connection->out.data + connection->out_sent, connection->out.size);
        connection->out_sent = 0;
    }
}

static void ng_drain(struct h2_connection *base)
{
    struct ng_connection *connection = connection_of(base);
    if (connection->draining)
        return;
    connection->draining = true;
    nghttp2_session *session = connection->session;
    if (is_server(connection)) {
        /* The notice first; the last call that will be processed is known a round trip later. */
        ng_check(connection, nghttp2_submit_shutdown_notice(session));
        ng_check(connection, nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, ping_drain));
    } else {
        ng_check(connection, nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0));
    }
}

static bool ng_finished(const struct h2_connection *base)
{
    const struct ng_connection *connection = (const struct ng_connection *)base;
    if (connection->out.size > connection->out_sent)
        return false;
    return connection->broken || (!nghttp2_session_want_read(connection->session) &&
                                  !nghttp2_session_want_write(connection->session));
}

static bool ng_ping(struct h2_connection *base)
{
    struct ng_connection *connection = connection_of(base);
    if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, ping_alive) != 0)
        return false;
    connection->pings++;
    return true;
}

static size_t ng_capacity(const struct h2_connection *base)
{
    const struct ng_connection *connection = (const struct ng_connection *)base;
    if (connection->draining || connection->over ||
        !nghttp2_session_check_request_allowed(connection->session))
        return 0;
    uint32_t allowed =
        nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return allowed > base->calls ? allowed - base->calls : 0;
}

static const char *ng_error(const struct h2_connection *base)
{
    const struct ng_connection *connection = (const struct ng_connection *)base;
    return connection->has_error ? connection->error : "";
}

static void ng_close(struct h2_connection *base)
{
    struct ng_connection *connection = connection_of(base);
    connection->over = true; /* the calls' ends may not start new ones here */
    while (!list_empty(&connection->open)) {
        struct ng_call *call = list_entry(connection->open.next, struct ng_call, link);
        if (call->stream_id > 0)
            (void)nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
        if (!call->has_verdict && call_was_sent(call) && !call->reply.has_status) {
            call->has_verdict = true;
            call->verdict = verdict_connection_lost;
        }
        call_closed(call, NGHTTP2_NO_ERROR);
    }
    nghttp2_session_del(connection->session);
    ng_calls_trim(connection);
    ng_requests_destroy(connection->requests);
    buffer_free(&connection->out);
    free(connection);
}

static int connection_start_session(struct ng_connection *connection)
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
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, before_frame_sent);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, ng_on_send_data);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);

    nghttp2_option_set_no_closed_streams(option, 1);
    /* The library counts every reset by its own clock and would drop an honest client in a storm of expired
     * deadlines; on_reset counts instead. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX / 2, 1);
    if (connection->config.role == H2_CLIENT)
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
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

static int connection_greet(struct ng_connection *connection)
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

static struct h2_connection *ng_open(const struct h2_config *config)
{
    struct ng_connection *connection = calloc(1, sizeof *connection);
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
        ng_close(&connection->base);
        return NULL;
    }
    return &connection->base;
}

const struct h2_engine h2_engine_nghttp2 = {
    .name = "nghttp2",
    .open = ng_open,
    .close = ng_close,
    .recv = ng_recv,
    .pending = ng_pending,
    .sent = ng_sent,
    .drain = ng_drain,
    .finished = ng_finished,
    .ping = ng_ping,
    .capacity = ng_capacity,
    .error = ng_error,
    .call_start = ng_call_start,
    .message_begin = ng_message_begin,
    .message_end = ng_message_end,
    .half_close = ng_half_close,
    .finish = ng_finish,
    .cancel = ng_cancel,
    .queued = ng_queued,
    .room = ng_room,
};
