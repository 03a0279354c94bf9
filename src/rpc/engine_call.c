/* The life of a call, and what it sends. A call is recycled with its buffers, so that the usual one allocates nothing.
 *
 * A message is written where it leaves, behind room for the heads of its frame and of itself:
 *
 *     connection->out   ... | frame head, 9 | prefix, 5 | message | ...
 *                           ^ begun                     ^ what engine_message_begin gives
 *
 * It waits in the call instead while one before it waits, while the peer's windows are too small for it, where it is
 * larger than a frame, or one of a stream. Those that wait take turns, a frame each. While the output is at its bound, since the peer does not
 * read, a client's calls wait without a stream: what is given up meanwhile leaves no trace. */
#include "rpc/engine.h"

#include <stdlib.h>

#define CALLS_SPARE_MAX     128
#define DRAINED_BELOW_BYTES ((size_t)64 << 10)

/* --- The life of a call --- */

static struct engine_call *call_new(struct engine_connection *connection)
{
    if (list_empty(&connection->spare))
        return calloc(1, sizeof(struct engine_call));
    connection->spares--;
    return list_entry(list_pop_front(&connection->spare), struct engine_call, link);
}

static void call_free(struct engine_call *call)
{
    buffer_free(&call->in.gathered);
    buffer_free(&call->out);
    buffer_free(&call->status_message);
    reply_headers_free(&call->reply);
    free(call);
}

struct engine_call *engine_call_open(struct engine_connection *connection)
{
    struct engine_call *call = call_new(connection);
    if (call == NULL)
        return NULL;
    call->base.connection = &connection->base;
    call->base.call.timeout_ns = CLOCK_NEVER;
    call->headers_at = UINT64_MAX;
    field_rules_init(&call->rules);
    list_init(&call->link);
    list_init(&call->borrowed);
    list_init(&call->sending);
    connection->base.calls++;
    connection->used_ns = connection->now_ns;
    return call;
}

bool engine_call_on_stream(struct engine_call *call, uint32_t stream_id)
{
    struct engine_connection *connection = owner_of(call);
    if (!stream_add(&connection->streams, stream_id, call))
        return false;
    call->stream_id = stream_id;
    call->send_window = connection->peer.stream_window_bytes;
    return true;
}

void engine_call_drop_input(struct engine_call *call)
{
    call_buffered(call, call->in.gathered.size, 0);
    buffer_reset(&call->in.gathered, CALL_KEEP_BYTES);
    list_remove(&call->borrowed);
    call->has_message = false;
}

static void drop_output(struct engine_call *call)
{
    call_buffered(call, call_out_bytes(call), 0);
    buffer_reset(&call->out, CALL_KEEP_BYTES);
    call->out_taken = 0;
    list_remove(&call->sending);
}

void engine_call_end(struct engine_call *call, uint32_t code)
{
    struct engine_connection *connection = owner_of(call);
    if (call->gone)
        return;
    call->gone = true;
    call->finished = true;
    call->reset_code = code;
    drop_output(call);
    if (call->stream_id != 0)
        stream_remove(&connection->streams, call->stream_id);
    else
        list_remove(&call->link);
    connection->base.calls--;
    list_push_back(&connection->done, &call->link);
}

void engine_call_reset(struct engine_call *call, enum h2_code code)
{
    if (call->gone)
        return;
    if (call->stream_id != 0)
        engine_put_reset(owner_of(call), call->stream_id, code);
    engine_call_end(call, code);
}

/* Puts a call back among the spare ones. Nobody may know it any more. */
static void recycle(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    engine_call_drop_input(call);
    metadata_release(call->base.call.metadata);
    metadata_release(call->trailers);
    if (connection->spares >= CALLS_SPARE_MAX) {
        call_free(call);
        return;
    }
    buffer_reset(&call->status_message, CALL_KEEP_BYTES);
    if (!is_server(connection))
        reply_headers_reset(&call->reply, CALL_KEEP_BYTES);
    call->in.prefix_size = 0;
    memset(call, 0, CALL_FORGOTTEN_BYTES);
    list_push_front(&connection->spare, &call->link);
    connection->spares++;
}

static void tell_closed(struct engine_call *call)
{
    const struct h2_config *config = &owner_of(call)->config;
    if (!call->opened || call->ended)
        return;
    if (config->role == H2_CLIENT) {
        engine_client_closed(call);
        return;
    }
    struct h2_outcome outcome = {.status = call->replied ? STATUS_OK : STATUS_CANCELLED};
    call->ended = true;
    config->events->closed(config->owner, &call->base.call, &outcome);
}

void engine_tell_ended(struct engine_connection *connection)
{
    while (!list_empty(&connection->done)) {
        struct engine_call *call = list_entry(list_pop_front(&connection->done), struct engine_call, link);
        tell_closed(call);
        recycle(call);
    }
}

void engine_calls_trim(struct engine_connection *connection)
{
    while (!list_empty(&connection->spare))
        call_free(list_entry(list_pop_front(&connection->spare), struct engine_call, link));
    connection->spares = 0;
}

/* --- Sending --- */

void engine_call_replied(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    call->replied = true;
    /* The reply came before the request had ended: the client may stop sending it. */
    if (!call->remote_closed)
        engine_put_reset(connection, call->stream_id, H2_NO_ERROR);
    engine_call_end(call, H2_NO_ERROR);
}

/* Everything that the call has to say is in the output but its end, and now that. */
static void send_end(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    if (connection->over)
        return;
    if (is_server(connection)) {
        engine_write_status(call);
        if (!connection->over)
            engine_call_replied(call);
        return;
    }
    call->local_closed = true;
    if (call->has_data_frame && call->data_at >= connection->shown_bytes) {
        size_t at = connection->out_sent + (size_t)(call->data_at - connection->sent_bytes);
        connection->out.data[at + 4] |= FLAG_END_STREAM;
        return;
    }
    struct frame frame = {.type = FRAME_DATA, .flags = FLAG_END_STREAM, .stream_id = call->stream_id};
    engine_put_frame(connection, frame, NULL);
}

/* Notes that SIZE bytes of content are in the output, in a frame that begins AT. */
static void count_sent(struct engine_call *call, uint64_t at, size_t size)
{
    struct engine_connection *connection = owner_of(call);
    call->send_window -= (int64_t)size;
    connection->send_window -= (int64_t)size;
    call->data_at = at;
    call->has_data_frame = true;
    allowance_give(&connection->chatter);
}

/* Drops what was taken from the front of what waits. */
static void drop_taken(struct engine_call *call)
{
    size_t left = call_out_bytes(call);
    memmove(call->out.data, call->out.data + call->out_taken, left);
    call->out.size = left;
    call->out_taken = 0;
}

/* Gives back what a burst has left behind: a stream may be open for days, and what little waits in it may wait as long. */
static void trim_output(struct engine_call *call)
{
    size_t left = call_out_bytes(call);
    if (left == 0) {
        buffer_reset(&call->out, CALL_KEEP_BYTES);
        call->out_taken = 0;
    } else if (call->out.capacity > CALL_TRIM_BYTES && left < call->out.capacity / 4) {
        drop_taken(call);
        buffer_trim(&call->out);
    }
}

/* Moves one frame's worth of what waits into the output. */
static void send_frame(struct engine_call *call, size_t size)
{
    struct engine_connection *connection = owner_of(call);
    uint64_t at = output_end(connection);
    struct frame frame = {.size = (uint32_t)size, .type = FRAME_DATA, .stream_id = call->stream_id};
    engine_put_frame(connection, frame, call->out.data + call->out_taken);
    if (connection->over)
        return;
    count_sent(call, at, size);
    size_t before = call_out_bytes(call);
    call_buffered(call, before, before - size);
    call->out_taken += size;
    trim_output(call);
}

static size_t sendable_bytes(const struct engine_call *call)
{
    int64_t window = owner_of(call)->send_window;
    if (call->send_window < window)
        window = call->send_window;
    size_t size = call_out_bytes(call);
    if (window < (int64_t)size)
        size = window > 0 ? (size_t)window : 0;
    return size < FRAME_BYTES_MAX ? size : FRAME_BYTES_MAX;
}

/* The call's turn. */
static void send_turn(struct engine_call *call, size_t size)
{
    struct engine_connection *connection = owner_of(call);
    const struct h2_events *events = connection->config.events;
    size_t before = call_out_bytes(call);
    send_frame(call, size);
    list_remove(&call->sending);
    size_t left = call_out_bytes(call);
    if (left == 0 && call->finished)
        send_end(call);
    else
        engine_call_may_send(call);
    bool is_drained = before >= DRAINED_BELOW_BYTES && left < DRAINED_BELOW_BYTES;
    if (is_drained && events->drained != NULL && call->opened && !call->ended && !connection->over)
        events->drained(connection->config.owner, &call->base.call);
}

void engine_call_may_send(struct engine_call *call)
{
    if (call_out_bytes(call) > 0 && call->send_window > 0 && list_empty(&call->sending) && !call->gone)
        list_push_back(&owner_of(call)->sending, &call->sending);
}

/* Gives a call its stream and writes its headers; false when memory is out, and the connection is over. */
static bool write_call(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    uint32_t stream_id = connection->last_id == 0 ? 1 : connection->last_id + 2;
    if (!engine_call_on_stream(call, stream_id)) {
        engine_break(connection);
        return false;
    }
    list_remove(&call->link);
    connection->last_id = stream_id;
    engine_write_request(call);
    return !connection->over;
}

static void write_unwritten(struct engine_connection *connection)
{
    while (!list_empty(&connection->unwritten) && !connection->over &&
           output_bytes(connection) < OUTPUT_HIGH_BYTES &&
           connection->streams.count < connection->peer.max_streams) {
        struct engine_call *call = list_entry(connection->unwritten.next, struct engine_call, link);
        if (!write_call(call))
            return;
        engine_call_may_send(call);
        if (call->finished && call_out_bytes(call) == 0)
            send_end(call);
    }
}

void engine_end_unwritten(struct engine_connection *connection)
{
    while (!list_empty(&connection->unwritten))
        engine_call_end(list_entry(connection->unwritten.next, struct engine_call, link), H2_NO_ERROR);
}

void engine_send(struct engine_connection *connection)
{
    write_unwritten(connection);
    while (!list_empty(&connection->sending) && !connection->over &&
           output_bytes(connection) < OUTPUT_HIGH_BYTES) {
        struct engine_call *call = list_entry(connection->sending.next, struct engine_call, sending);
        size_t size = sendable_bytes(call);
        if (size > 0)
            send_turn(call, size);
        else if (call->send_window <= 0) /* a setting took it away; WINDOW_UPDATE brings the call back */
            list_remove(&call->sending);
        else /* the connection's is used up */
            break;
    }
}

size_t engine_room(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    size_t limit = connection->config.limits.buffered_bytes;
    return connection->buffered_bytes < limit ? limit - connection->buffered_bytes : 0;
}

/* Whether a message of SIZE bytes, prefix included, can go straight into the output. Those of a stream may be many, and
 * their owner watches how many wait (h2_queued), so they do wait until more is asked for. */
static bool is_straight(const struct engine_call *call, size_t size)
{
    const struct engine_connection *connection = owner_of(call);
    const struct h2_method *method = method_of(call);
    bool is_stream = is_server(connection) ? method->server_streams : method->client_streams;
    return !is_stream && call->stream_id != 0 && size <= FRAME_BYTES_MAX &&
           (int64_t)size <= call->send_window && (int64_t)size <= connection->send_window &&
           call_out_bytes(call) == 0 && list_empty(&connection->sending) &&
           output_bytes(connection) < OUTPUT_HIGH_BYTES;
}

/* Room behind the messages that wait in the call. */
static uint8_t *wait_for_window(struct engine_call *call, size_t size)
{
    if (call->out_taken > call->out.size / 2)
        drop_taken(call);
    uint8_t *to = buffer_extend(&call->out, size);
    if (to == NULL)
        return NULL;
    buffer_commit(&call->out, size);
    call_buffered(call, 0, size);
    return to;
}

uint8_t *engine_message_begin(struct h2_call *handle, size_t size)
{
    struct engine_call *call = call_of(handle);
    struct engine_connection *connection = owner_of(call);
    if (call->finished || connection->over || size > UINT32_MAX || size > engine_room(&connection->base))
        return NULL;
    if (is_server(connection) && !call->submitted)
        engine_write_reply(call);
    size_t bytes = GRPC_PREFIX_BYTES + size;
    uint8_t *to;
    call->begun = NULL;
    if (is_straight(call, bytes)) {
        call->begun = engine_output(connection, FRAME_HEAD_BYTES + bytes);
        call->begun_bytes = bytes;
        to = call->begun != NULL ? call->begun + FRAME_HEAD_BYTES : NULL;
    } else {
        to = wait_for_window(call, bytes);
    }
    if (to == NULL)
        return NULL;
    grpc_prefix_write(to, size);
    return to + GRPC_PREFIX_BYTES;
}

void engine_message_end(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    struct engine_connection *connection = owner_of(call);
    if (call->begun == NULL) {
        engine_call_may_send(call);
        return;
    }
    frame_write(call->begun, (struct frame){
                                 .size = (uint32_t)call->begun_bytes,
                                 .type = FRAME_DATA,
                                 .stream_id = call->stream_id,
                             });
    uint64_t at = output_end(connection);
    buffer_commit(&connection->out, FRAME_HEAD_BYTES + call->begun_bytes);
    count_sent(call, at, call->begun_bytes);
}

void engine_half_close(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    if (call->finished)
        return;
    call->finished = true;
    if (call_out_bytes(call) == 0 && call->stream_id != 0)
        send_end(call);
}

void engine_finish(struct h2_call *handle, enum status status, struct bytes message,
                   struct metadata *trailers)
{
    struct engine_call *call = call_of(handle);
    if (call->finished)
        return;
    call->finished = true;
    call->status = status;
    if (message.size > 0) /* where memory is out, the status goes without its message */
        (void)grpc_message_encode(message, &call->status_message);
    call->trailers = trailers != NULL ? metadata_hold(trailers) : NULL;
    if (call_out_bytes(call) == 0)
        send_end(call);
}

void engine_cancel(struct h2_call *handle)
{
    struct engine_call *call = call_of(handle);
    call->ended = true;
    engine_call_reset(call, is_server(owner_of(call)) ? H2_ENHANCE_YOUR_CALM : H2_CANCEL);
}

size_t engine_queued(const struct h2_call *handle)
{
    return call_out_bytes((const struct engine_call *)handle);
}

struct h2_call *engine_call_start(struct h2_connection *base, unsigned method, struct metadata *metadata,
                                  int64_t timeout_ns, void *user)
{
    struct engine_connection *connection = connection_of(base);
    if (h2_capacity(base) == 0)
        return NULL;
    struct engine_call *call = engine_call_open(connection);
    if (call == NULL)
        return NULL;
    call->base.call.method = method;
    call->base.call.timeout_ns = timeout_ns;
    call->base.call.user = user;
    call->base.call.metadata = metadata != NULL ? metadata_hold(metadata) : NULL;
    if (output_bytes(connection) >= OUTPUT_HIGH_BYTES || !list_empty(&connection->unwritten)) {
        list_push_back(&connection->unwritten, &call->link);
    } else if (!write_call(call)) { /* its owner will hear of nothing but the connection's end */
        engine_call_end(call, H2_NO_ERROR);
        return NULL;
    }
    call->opened = true;
    return &call->base.call;
}
