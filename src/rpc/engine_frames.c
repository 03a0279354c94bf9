/* What each kind of frame from the peer does, RFC 9113 sections 5 and 6. Where the RFC leaves a choice between ending a
 * stream and ending the connection, a peer that broke the rules of framing loses the connection, and one that sent a
 * malformed message the stream. */
#include "rpc/engine.h"

/* Places in the table of streams, to look at which costs as much as a small frame does. */
#define WALK_SLOTS ((size_t)4096)

/* --- Streams --- */

/* Whether nobody has begun this stream yet. Ours are odd on a client, and a server begins none. */
static bool is_idle(const struct engine_connection *connection, uint32_t stream_id)
{
    return stream_id % 2 == 0 || stream_id > connection->last_id;
}

static void protocol_error(struct engine_connection *connection, const char *why)
{
    engine_fail(connection, H2_PROTOCOL_ERROR, why);
}

/* Server: whether the client knows that a stream is over. Of those that we ended it may not have heard yet, and of those
 * that came after our GOAWAY it will never hear. */
static bool client_knows_end(const struct engine_connection *connection, uint32_t stream_id)
{
    return stream_id <= connection->processed_id && !engine_was_reset_by_us(connection, stream_id);
}

/* --- Content --- */

/* Content on a stream that is over. A server may have sent a whole reply to a call that our client has given up. */
static void pass_over_data(struct engine_connection *connection, uint32_t stream_id)
{
    if (!is_server(connection) || !client_knows_end(connection, stream_id))
        return;
    /* Not engine_put_reset: the stream is not ours to end, and the next frame on it is as wrong as this one. */
    engine_put_number(connection, FRAME_RST_STREAM, stream_id, H2_STREAM_CLOSED);
    engine_count_chatter(connection);
}

/* Whether content may come on this stream; if not, the connection is over. */
static bool accept_data(struct engine_connection *connection, struct frame frame)
{
    struct engine_call *call = stream_find(&connection->streams, frame.stream_id);
    if (call == NULL && is_idle(connection, frame.stream_id))
        protocol_error(connection, "content came on a stream that nobody has opened");
    else if (call == NULL)
        pass_over_data(connection, frame.stream_id);
    else if (call->remote_closed)
        engine_fail(connection, H2_STREAM_CLOSED, "content came on a stream that the peer had closed");
    else if (!call->rules.is_begun && !call->rules.awaits_final)
        protocol_error(connection, "content came before the headers");
    return !connection->over;
}

/* Opens a window again when half of it is used up. */
static uint32_t refill(struct engine_connection *connection, uint32_t stream_id, uint32_t received_bytes,
                       uint32_t window_bytes)
{
    if (received_bytes < window_bytes / 2)
        return received_bytes;
    engine_put_number(connection, FRAME_WINDOW_UPDATE, stream_id, received_bytes);
    return 0;
}

/* The window that a peer may count on: ours, or the protocol's while it has not acknowledged ours. */
static uint32_t stream_window(const struct engine_connection *connection)
{
    uint32_t window_bytes = connection->config.limits.stream_window_bytes;
    bool may_not_know = connection->settings_unacked > 0 && window_bytes < WINDOW_INITIAL_BYTES;
    return may_not_know ? WINDOW_INITIAL_BYTES : window_bytes;
}

static uint32_t connection_window(const struct engine_connection *connection)
{
    uint32_t window_bytes = connection->config.limits.connection_window_bytes;
    return window_bytes > WINDOW_INITIAL_BYTES ? window_bytes : WINDOW_INITIAL_BYTES;
}

/* Counts a frame against the windows, padding and all: section 6.9.1. False when the stream is over for it. */
static bool count_data(struct engine_connection *connection, struct engine_call *call, struct frame frame)
{
    uint32_t window_bytes = connection_window(connection);
    connection->received_bytes += frame.size;
    if (connection->received_bytes > window_bytes) {
        engine_fail(connection, H2_FLOW_CONTROL_ERROR, "the peer sends more than the connection's window");
        return false;
    }
    connection->received_bytes = refill(connection, 0, connection->received_bytes, window_bytes);
    if (call == NULL)
        return false;
    call->received_bytes += frame.size;
    if (call->received_bytes > stream_window(connection)) {
        engine_call_reset(call, H2_FLOW_CONTROL_ERROR);
        return false;
    }
    if ((frame.flags & FLAG_END_STREAM) == 0)
        call->received_bytes = refill(connection, frame.stream_id, call->received_bytes,
                                      connection->config.limits.stream_window_bytes);
    return true;
}

void engine_data_begins(struct engine_connection *connection, struct frame frame, size_t padding)
{
    struct engine_call *call = stream_find(&connection->streams, frame.stream_id);
    bool is_padded = (frame.flags & FLAG_PADDED) != 0;
    size_t rest = frame.size - (is_padded ? 1 : 0); /* behind the byte that says PADDING */
    if (call == NULL) {                             /* all of it is passed over */
        padding = 0;
    } else if (padding > rest) {
        protocol_error(connection, "a frame has more padding than content");
        return;
    }
    connection->data = (struct data_frame){
        .stream_id = frame.stream_id,
        .content = rest - padding,
        .padding = padding,
        .ends = (frame.flags & FLAG_END_STREAM) != 0,
    };
    if (connection->data.content == 0 && !connection->data.ends)
        engine_count_chatter(connection);
    if (count_data(connection, call, frame) && !field_rules_content(&call->rules, connection->data.content))
        engine_call_reset(call, H2_PROTOCOL_ERROR);
    if (connection->data.content + connection->data.padding == 0)
        engine_data_ended(connection);
}

/* Whether anybody waits for messages of the peer, and it speaks gRPC. */
static bool call_listens(const struct engine_call *call)
{
    if (!call->opened || call->ended || call->gone)
        return false;
    if (is_server(owner_of(call)))
        return !call->finished;
    const struct reply_headers *reply = &call->reply;
    return !call->has_verdict && !reply->has_status && reply->http_status == 200 && reply->is_grpc;
}

static void refuse_message(struct engine_call *call, enum grpc_assembly problem)
{
    if (is_server(owner_of(call)))
        engine_server_refuse_message(call, problem);
    else
        engine_client_refuse_message(call, problem);
}

/* A call that takes one message has it from here until the peer has half-closed or sent its status. */
static void take_message(struct engine_call *call, struct bytes message)
{
    struct engine_connection *connection = owner_of(call);
    const struct h2_method *method = method_of(call);
    if (is_server(connection) ? method->client_streams : method->server_streams) {
        connection->config.events->message(connection->config.owner, &call->base.call, message);
        return;
    }
    call->has_message = true;
    call->message = message;
    if (message.data != call->in.gathered.data)
        list_push_back(&connection->borrowed, &call->borrowed);
}

void engine_take_data(struct engine_connection *connection, struct bytes piece)
{
    const struct h2_limits *limits = &connection->config.limits;
    struct engine_call *call = stream_find(&connection->streams, connection->data.stream_id);
    if (call != NULL && connection->data.ends && piece.size == connection->data.content)
        call->remote_closed = true; /* known before anybody may answer */
    while (call != NULL && piece.size > 0 && call_listens(call)) {
        struct bytes message;
        if (call->has_message) {
            refuse_message(call, GRPC_MESSAGE);
            break;
        }
        size_t before = call->in.gathered.size;
        enum grpc_assembly got = grpc_assemble(&call->in, &piece, limits->message_bytes, &message);
        call_buffered(call, before, call->in.gathered.size);
        if (got == GRPC_MESSAGE)
            take_message(call, message);
        else if (got != GRPC_NEED_MORE || connection->buffered_bytes > limits->buffered_bytes)
            refuse_message(call, got);
    }
}

static void half_closed(struct engine_call *call)
{
    call->remote_closed = true;
    if (!field_rules_whole(&call->rules))
        engine_call_reset(call, H2_PROTOCOL_ERROR);
    else if (is_server(owner_of(call)))
        engine_server_half_closed(call);
    else
        engine_client_half_closed(call);
}

void engine_data_ended(struct engine_connection *connection)
{
    struct engine_call *call = NULL;
    if (connection->data.ends)
        call = stream_find(&connection->streams, connection->data.stream_id);
    connection->data.stream_id = 0;
    if (call != NULL)
        half_closed(call);
}

void engine_keep_borrowed(struct engine_connection *connection)
{
    while (!list_empty(&connection->borrowed)) {
        struct engine_call *call =
            list_entry(list_pop_front(&connection->borrowed), struct engine_call, borrowed);
        if (buffer_append(&call->in.gathered, call->message)) {
            call->message = buffer_bytes(&call->in.gathered);
            call_buffered(call, 0, call->message.size);
        } else {
            refuse_message(call, GRPC_NO_MEMORY);
        }
    }
}

/* --- Headers --- */

/* A block is whole. */
static void take_block(struct engine_connection *connection, uint32_t stream_id, struct bytes block,
                       bool ends)
{
    struct engine_call *call = stream_find(&connection->streams, stream_id);
    bool is_request = is_server(connection) && call == NULL && is_idle(connection, stream_id);
    if (is_request)
        call = engine_server_request(connection, stream_id, block, ends);
    else if (call == NULL)
        (void)engine_skip_block(connection, block);
    else if (is_server(connection))
        engine_server_trailers(call, block, ends);
    else
        engine_client_reply(call, block, ends);
    if (ends && call != NULL && !call->gone && !connection->over)
        half_closed(call);
}

/* Whether a header block may come on this stream; if not, the connection is over. */
static bool accept_headers(struct engine_connection *connection, uint32_t stream_id, uint32_t depends_on)
{
    const struct engine_call *call = stream_find(&connection->streams, stream_id);
    if (stream_id % 2 == 0 || (!is_server(connection) && is_idle(connection, stream_id)))
        protocol_error(connection, "headers came on a stream that the peer may not open");
    else if (call != NULL && call->remote_closed)
        engine_fail(connection, H2_STREAM_CLOSED, "headers came on a stream that the peer had closed");
    else if (is_idle(connection, stream_id) && depends_on == stream_id)
        protocol_error(connection, "a stream depends on itself");
    else if (call == NULL && is_server(connection) && client_knows_end(connection, stream_id))
        engine_fail(connection, H2_STREAM_CLOSED, "headers came on a stream that was over");
    return !connection->over;
}

/* Takes the padding and the old priority off a frame's payload; false when the connection is over for it. */
static bool strip_headers(struct engine_connection *connection, struct frame frame, struct bytes *payload,
                          uint32_t *depends_on)
{
    size_t padding = 0;
    *depends_on = 0;
    if ((frame.flags & FLAG_PADDED) != 0) {
        padding = payload->data[0];
        *payload = bytes_make(payload->data + 1, payload->size - 1);
    }
    size_t priority = (frame.flags & FLAG_PRIORITY) != 0 ? PRIORITY_BYTES : 0;
    if (padding + priority > payload->size) {
        protocol_error(connection, "a frame has more padding than content");
        return false;
    }
    if (priority > 0)
        *depends_on = number_read(payload->data) & STREAM_ID_MAX;
    *payload = bytes_make(payload->data + priority, payload->size - priority - padding);
    return true;
}

/* Adds to a block that has not come whole. */
static bool gather_block(struct engine_connection *connection, struct bytes piece)
{
    struct header_frame *header = &connection->header;
    size_t limit_bytes = HEADER_BLOCK_FACTOR * connection->config.limits.header_bytes;
    if (header->block.size + piece.size > limit_bytes || header->continuations > CONTINUATIONS_MAX) {
        engine_fail(connection, H2_ENHANCE_YOUR_CALM, "a header block does not end");
        return false;
    }
    if (!buffer_append(&header->block, piece)) {
        engine_break(connection);
        return false;
    }
    return true;
}

static void take_headers(struct engine_connection *connection, struct frame frame, struct bytes payload)
{
    uint32_t depends_on;
    if (!strip_headers(connection, frame, &payload, &depends_on) ||
        !accept_headers(connection, frame.stream_id, depends_on))
        return;
    bool ends = (frame.flags & FLAG_END_STREAM) != 0;
    if ((frame.flags & FLAG_END_HEADERS) != 0) {
        take_block(connection, frame.stream_id, payload, ends);
        return;
    }
    connection->header.stream_id = frame.stream_id;
    connection->header.ends = ends;
    connection->header.continuations = 0;
    (void)gather_block(connection, payload);
}

static void take_continuation(struct engine_connection *connection, struct frame frame, struct bytes payload)
{
    struct header_frame *header = &connection->header;
    header->continuations++;
    if (!gather_block(connection, payload) || (frame.flags & FLAG_END_HEADERS) == 0)
        return;
    uint32_t stream_id = header->stream_id;
    header->stream_id = 0;
    take_block(connection, stream_id, buffer_bytes(&header->block), header->ends);
    buffer_reset(&header->block, 0);
}

/* --- What the peer allows --- */

static void open_window(struct engine_connection *connection, uint32_t stream_id, uint32_t increment)
{
    struct engine_call *call = stream_find(&connection->streams, stream_id);
    int64_t *window = call != NULL ? &call->send_window : &connection->send_window;
    if (stream_id != 0 && call == NULL) {
        if (is_idle(connection, stream_id))
            protocol_error(connection, "a window was opened on a stream that nobody has opened");
        return;
    }
    if (increment == 0) {
        protocol_error(connection, "a window was opened by nothing");
        return;
    }
    if (*window + increment > WINDOW_MAX) {
        if (call != NULL)
            engine_call_reset(call, H2_FLOW_CONTROL_ERROR);
        else
            engine_fail(connection, H2_FLOW_CONTROL_ERROR, "the connection's window was opened too far");
        return;
    }
    *window += increment;
    if (call != NULL)
        engine_call_may_send(call);
}

/* Counts a look at every stream: nothing where there are few. */
static void count_walk(struct engine_connection *connection)
{
    if (connection->streams.count == 0)
        return;
    for (size_t slots = connection->streams.mask; slots >= WALK_SLOTS; slots -= WALK_SLOTS)
        engine_count_chatter(connection);
}

/* All streams' windows move with the setting, section 6.9.2. */
static void set_stream_window(struct engine_connection *connection, uint32_t window_bytes)
{
    int64_t change = (int64_t)window_bytes - connection->peer.stream_window_bytes;
    const struct stream_table *streams = &connection->streams;
    connection->peer.stream_window_bytes = window_bytes;
    count_walk(connection);
    for (size_t i = 0; streams->count > 0 && i <= streams->mask; i++) {
        struct engine_call *call = streams->slots[i].id != 0 ? streams->slots[i].call : NULL;
        if (call == NULL)
            continue;
        call->send_window += change;
        if (call->send_window > WINDOW_MAX) {
            engine_fail(connection, H2_FLOW_CONTROL_ERROR, "a setting opened a stream's window too far");
            return;
        }
        engine_call_may_send(call);
    }
}

static void take_setting(struct engine_connection *connection, unsigned setting, uint32_t value)
{
    switch (setting) {
    case SETTING_HEADER_TABLE_SIZE:
        hpack_encoder_limit(&connection->encoder, value);
        break;
    case SETTING_ENABLE_PUSH:
        if (value > 1 || (value == 1 && !is_server(connection)))
            protocol_error(connection, "ENABLE_PUSH may not be set to that");
        break;
    case SETTING_MAX_CONCURRENT_STREAMS:
        connection->peer.max_streams = value;
        break;
    case SETTING_INITIAL_WINDOW_SIZE:
        if (value > WINDOW_MAX)
            engine_fail(connection, H2_FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is too large");
        else
            set_stream_window(connection, value);
        break;
    case SETTING_MAX_FRAME_SIZE:
        if (value < FRAME_BYTES_MAX || value > FRAME_BYTES_LIMIT)
            protocol_error(connection, "MAX_FRAME_SIZE is out of bounds");
        break;
    default: /* what we do not use */
        break;
    }
}

static void take_settings(struct engine_connection *connection, struct frame frame, struct bytes payload)
{
    const struct h2_events *events = connection->config.events;
    if ((frame.flags & FLAG_ACK) != 0) {
        if (connection->settings_unacked == 0)
            protocol_error(connection, "settings were acknowledged that nobody sent");
        else
            connection->settings_unacked--;
        return;
    }
    if (payload.size > SETTINGS_MAX * SETTING_BYTES) {
        engine_fail(connection, H2_ENHANCE_YOUR_CALM, "a frame has too many settings");
        return;
    }
    if (!connection->has_settings && !is_server(connection))
        connection->peer.max_streams = UINT32_MAX; /* unless it says so now */
    connection->has_settings = true;
    for (size_t at = 0; at < payload.size && !connection->over; at += SETTING_BYTES) {
        unsigned setting = (unsigned)payload.data[at] << 8 | payload.data[at + 1];
        take_setting(connection, setting, number_read(payload.data + at + 2));
    }
    engine_count_chatter(connection);
    if (connection->over)
        return;
    engine_put_frame(connection, (struct frame){.type = FRAME_SETTINGS, .flags = FLAG_ACK}, NULL);
    if (events->settings != NULL && !is_server(connection))
        events->settings(connection->config.owner);
}

/* --- The rest --- */

static void take_reset(struct engine_connection *connection, uint32_t stream_id, uint32_t code)
{
    struct engine_call *call = stream_find(&connection->streams, stream_id);
    if (is_idle(connection, stream_id)) {
        protocol_error(connection, "a stream was reset that nobody has opened");
        return;
    }
    if (call != NULL)
        engine_call_end(call, code);
    if (is_server(connection))
        engine_count_reset(connection);
    else if (call == NULL && ++connection->late_resets > connection->last_id / 2 + 1)
        engine_count_chatter(connection); /* once a call is usual, where replies come early */
}

/* The calls above the last one that the server will take were not seen by it. A server that takes its leave leaves some
 * out once, which is not counted. */
static void end_unseen(struct engine_connection *connection, uint32_t last_before)
{
    const struct stream_table *streams = &connection->streams;
    struct list unseen;
    if (connection->goaway_last >= connection->last_id)
        return;
    if (last_before < connection->last_id)
        count_walk(connection);
    list_init(&unseen);
    for (size_t i = 0; streams->count > 0 && i <= streams->mask; i++)
        if (streams->slots[i].id > connection->goaway_last)
            list_push_back(&unseen, &streams->slots[i].call->link);
    while (!list_empty(&unseen))
        engine_call_end(list_entry(list_pop_front(&unseen), struct engine_call, link), H2_REFUSED_STREAM);
}

static void take_goaway(struct engine_connection *connection, uint32_t last_id, uint32_t code)
{
    const struct h2_events *events = connection->config.events;
    bool is_news = !connection->draining;
    uint32_t last_before = connection->goaway_last;
    bool is_ours = last_id == 0 || last_id == STREAM_ID_MAX || last_id % 2 == (is_server(connection) ? 0 : 1);
    if (last_id > last_before || !is_ours) {
        protocol_error(connection, "a GOAWAY names a stream that it may not");
        return;
    }
    engine_count_chatter(connection);
    connection->goaway_last = last_id;
    connection->goaway_heard = true;
    connection->draining = true;
    if (code != H2_NO_ERROR)
        engine_set_error(connection, "the peer gave up: ", h2_code_name(code));
    if (!is_server(connection)) {
        engine_end_unwritten(connection);
        end_unseen(connection, last_before);
    }
    if (is_news && events->draining != NULL && !is_server(connection))
        events->draining(connection->config.owner);
}

static void take_ping(struct engine_connection *connection, struct frame frame, struct bytes payload)
{
    if ((frame.flags & FLAG_ACK) != 0) {
        engine_ponged(connection, payload.data);
        return;
    }
    engine_count_chatter(connection);
    if (!connection->over)
        engine_put_frame(connection,
                         (struct frame){.size = PING_BYTES, .type = FRAME_PING, .flags = FLAG_ACK},
                         payload.data);
}

static void take_priority(struct engine_connection *connection, uint32_t stream_id, struct bytes payload)
{
    if ((number_read(payload.data) & STREAM_ID_MAX) == stream_id)
        protocol_error(connection, "a stream depends on itself");
    else
        engine_count_chatter(connection);
}

/* --- All of them --- */

/* What its kind asks of a frame: the least and the greatest size, and where it may be. */
static const struct frame_rule {
    uint32_t least_bytes;
    uint32_t most_bytes;
    enum { ON_STREAM, ON_CONNECTION, ON_EITHER } place;
} frame_rules[FRAME_KINDS] = {
    [FRAME_DATA] = {0, FRAME_BYTES_MAX, ON_STREAM},
    [FRAME_HEADERS] = {0, FRAME_BYTES_MAX, ON_STREAM},
    [FRAME_PRIORITY] = {PRIORITY_BYTES, PRIORITY_BYTES, ON_STREAM},
    [FRAME_RST_STREAM] = {NUMBER_BYTES, NUMBER_BYTES, ON_STREAM},
    [FRAME_SETTINGS] = {0, FRAME_BYTES_MAX, ON_CONNECTION},
    [FRAME_PUSH_PROMISE] = {NUMBER_BYTES, FRAME_BYTES_MAX, ON_STREAM},
    [FRAME_PING] = {PING_BYTES, PING_BYTES, ON_CONNECTION},
    [FRAME_GOAWAY] = {GOAWAY_BYTES, FRAME_BYTES_MAX, ON_CONNECTION},
    [FRAME_WINDOW_UPDATE] = {NUMBER_BYTES, NUMBER_BYTES, ON_EITHER},
    [FRAME_CONTINUATION] = {0, FRAME_BYTES_MAX, ON_STREAM},
};

/* The least size of a frame with these flags. */
static uint32_t least_bytes_of(struct frame frame)
{
    bool may_be_padded = frame.type == FRAME_DATA || frame.type == FRAME_HEADERS;
    uint32_t padding = may_be_padded && (frame.flags & FLAG_PADDED) != 0 ? 1 : 0;
    bool has_priority = frame.type == FRAME_HEADERS && (frame.flags & FLAG_PRIORITY) != 0;
    return frame_rules[frame.type].least_bytes + padding + (has_priority ? PRIORITY_BYTES : 0);
}

static bool is_size_wrong(struct frame frame)
{
    if (frame.type == FRAME_SETTINGS &&
        (frame.size % SETTING_BYTES != 0 || ((frame.flags & FLAG_ACK) != 0 && frame.size > 0)))
        return true;
    return frame.size < least_bytes_of(frame) || frame.size > frame_rules[frame.type].most_bytes;
}

static bool is_place_wrong(struct frame frame)
{
    bool is_on_connection = frame.stream_id == 0;
    return frame_rules[frame.type].place != ON_EITHER &&
           (frame_rules[frame.type].place == ON_CONNECTION) != is_on_connection;
}

bool engine_accept_frame(struct engine_connection *connection, struct frame frame)
{
    bool is_settings = frame.type == FRAME_SETTINGS && (frame.flags & FLAG_ACK) == 0;
    bool is_continuation = frame.type == FRAME_CONTINUATION;
    bool awaits_continuation = connection->header.stream_id != 0;
    if (!connection->has_settings && !is_settings)
        protocol_error(connection, "the peer does not begin with its settings");
    else if (frame.size > FRAME_BYTES_MAX)
        engine_fail(connection, H2_FRAME_SIZE_ERROR, "a frame is larger than allowed");
    else if (is_continuation != awaits_continuation ||
             (awaits_continuation && frame.stream_id != connection->header.stream_id))
        protocol_error(connection, "a header block was interrupted");
    else if (frame.type >= FRAME_KINDS) /* kinds that others may know, section 5.5 */
        return true;
    else if (is_size_wrong(frame))
        engine_fail(connection, H2_FRAME_SIZE_ERROR, "a frame has a size that its kind may not have");
    else if (is_place_wrong(frame))
        protocol_error(connection, "a frame is on a stream where its kind may not be");
    else if (frame.type == FRAME_DATA)
        return accept_data(connection, frame);
    return !connection->over;
}

void engine_take_frame(struct engine_connection *connection, struct frame frame, struct bytes payload)
{
    switch (frame.type) {
    case FRAME_HEADERS:
        take_headers(connection, frame, payload);
        break;
    case FRAME_CONTINUATION:
        take_continuation(connection, frame, payload);
        break;
    case FRAME_PRIORITY:
        take_priority(connection, frame.stream_id, payload);
        break;
    case FRAME_RST_STREAM:
        take_reset(connection, frame.stream_id, number_read(payload.data));
        break;
    case FRAME_SETTINGS:
        take_settings(connection, frame, payload);
        break;
    case FRAME_PUSH_PROMISE:
        protocol_error(connection, "the peer pushes, which it may not");
        break;
    case FRAME_PING:
        take_ping(connection, frame, payload);
        break;
    case FRAME_GOAWAY:
        take_goaway(connection, number_read(payload.data) & STREAM_ID_MAX, number_read(payload.data + 4));
        break;
    case FRAME_WINDOW_UPDATE:
        open_window(connection, frame.stream_id, number_read(payload.data) & WINDOW_MAX);
        break;
    default:
        break;
    }
}
