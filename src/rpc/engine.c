/* The HTTP/2 engine made for gRPC: a connection's beginning and end, and the bytes that come and go.
 *
 * Input is read where it lies; only a frame that has not come whole is copied. What is to be sent is written where it
 * leaves: a call's messages and headers go straight into the connection's output, and wait in the call only where the
 * peer's windows, or the output's bound, hold them up. Where memory is out and nothing smaller can be given up, the
 * connection is: it is over, says nothing more and waits to be closed. */
#include "rpc/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_KEEP_BYTES     ((size_t)64 << 10) /* what a connection may hold on to between writes */
#define PARTIAL_KEEP_BYTES    ((size_t)1024)
#define RESETS_REMEMBERED_MIN ((size_t)256)
#define IDLE_AFTER_NS         (INT64_C(3) * CLOCK_NS_PER_S)
#define PEER_STREAMS_AT_FIRST 100 /* that a server is taken to allow before it has said so */

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_BYTES (sizeof preface - 1)

static const uint8_t ping_alive[PING_BYTES] = "alive";
static const uint8_t ping_drain[PING_BYTES] = "drain";

/* --- The end of a connection --- */

void engine_set_error(struct engine_connection *connection, const char *why, const char *detail)
{
    if (connection->error[0] == '\0')
        (void)snprintf(connection->error, sizeof connection->error, "%s%s", why, detail);
}

void engine_break(struct engine_connection *connection)
{
    engine_set_error(connection, "memory is out", "");
    connection->over = true;
}

void engine_fail(struct engine_connection *connection, enum h2_code code, const char *why)
{
    if (connection->over)
        return;
    engine_set_error(connection, why, "");
    engine_put_goaway(connection, connection->processed_id, code);
    connection->over = true; /* nothing may follow */
}

void engine_count_chatter(struct engine_connection *connection)
{
    if (!allowance_take(&connection->chatter, connection->now_ns))
        engine_fail(connection, H2_ENHANCE_YOUR_CALM,
                    is_server(connection) ? "the client sends control frames too fast"
                                          : "the server sends control frames too fast");
}

void engine_count_reset(struct engine_connection *connection)
{
    if (is_server(connection) && !allowance_take(&connection->resets, connection->now_ns))
        engine_fail(connection, H2_ENHANCE_YOUR_CALM, "the client resets calls too fast");
}

static size_t reset_place(const struct reset_memory *memory, uint32_t stream_id)
{
    return stream_id / 2 & memory->mask;
}

/* Where memory is out nothing is remembered: what comes late then counts as what should not come at all. */
static void remember_reset(struct engine_connection *connection, uint32_t stream_id)
{
    struct reset_memory *memory = &connection->reset_by_us;
    if (memory->ids == NULL) {
        size_t places = RESETS_REMEMBERED_MIN;
        while (places < 2 * (size_t)connection->config.limits.max_streams)
            places *= 2;
        memory->ids = calloc(places, sizeof *memory->ids);
        memory->mask = places - 1;
    }
    if (memory->ids != NULL)
        memory->ids[reset_place(memory, stream_id)] = stream_id;
}

bool engine_was_reset_by_us(const struct engine_connection *connection, uint32_t stream_id)
{
    const struct reset_memory *memory = &connection->reset_by_us;
    return memory->ids != NULL && memory->ids[reset_place(memory, stream_id)] == stream_id;
}

/* --- Frames of its own --- */

uint8_t *engine_output(struct engine_connection *connection, size_t size)
{
    if (connection->over)
        return NULL;
    uint8_t *to = buffer_extend(&connection->out, size);
    if (to == NULL)
        engine_break(connection);
    return to;
}

void engine_put_frame(struct engine_connection *connection, struct frame frame, const void *payload)
{
    uint8_t *to = engine_output(connection, FRAME_HEAD_BYTES + frame.size);
    if (to == NULL)
        return;
    frame_write(to, frame);
    bytes_copy(to + FRAME_HEAD_BYTES, payload, frame.size);
    buffer_commit(&connection->out, FRAME_HEAD_BYTES + frame.size);
}

void engine_put_number(struct engine_connection *connection, enum frame_type type, uint32_t stream_id,
                       uint32_t number)
{
    uint8_t payload[NUMBER_BYTES];
    number_write(payload, number);
    engine_put_frame(connection, (struct frame){sizeof payload, (uint8_t)type, 0, stream_id}, payload);
}

void engine_put_reset(struct engine_connection *connection, uint32_t stream_id, enum h2_code code)
{
    if (is_server(connection))
        remember_reset(connection, stream_id);
    engine_put_number(connection, FRAME_RST_STREAM, stream_id, code);
    if (code != H2_NO_ERROR && code != H2_CANCEL)
        engine_count_reset(connection);
}

void engine_put_goaway(struct engine_connection *connection, uint32_t last_id, enum h2_code code)
{
    uint8_t payload[GOAWAY_BYTES];
    number_write(payload, last_id);
    number_write(payload + 4, code);
    engine_put_frame(connection, (struct frame){.size = sizeof payload, .type = FRAME_GOAWAY}, payload);
}

static void put_ping(struct engine_connection *connection, const uint8_t opaque[PING_BYTES])
{
    engine_put_frame(connection, (struct frame){.size = PING_BYTES, .type = FRAME_PING}, opaque);
}

static uint8_t *put_setting(uint8_t *at, enum setting setting, uint32_t value)
{
    at[0] = 0;
    at[1] = (uint8_t)setting;
    number_write(at + 2, value);
    return at + SETTING_BYTES;
}

static void greet(struct engine_connection *connection)
{
    const struct h2_limits *limits = &connection->config.limits;
    if (!is_server(connection)) {
        uint8_t *to = engine_output(connection, PREFACE_BYTES);
        if (to == NULL)
            return;
        memcpy(to, preface, PREFACE_BYTES);
        buffer_commit(&connection->out, PREFACE_BYTES);
    }
    uint8_t settings[3 * SETTING_BYTES];
    uint8_t *at = put_setting(settings, SETTING_INITIAL_WINDOW_SIZE, limits->stream_window_bytes);
    at = put_setting(at, SETTING_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes);
    if (is_server(connection))
        (void)put_setting(at, SETTING_MAX_CONCURRENT_STREAMS, limits->max_streams);
    else
        (void)put_setting(at, SETTING_ENABLE_PUSH, 0);
    engine_put_frame(connection, (struct frame){.size = sizeof settings, .type = FRAME_SETTINGS}, settings);
    connection->settings_unacked = 1;
    if (limits->connection_window_bytes > WINDOW_INITIAL_BYTES)
        engine_put_number(connection, FRAME_WINDOW_UPDATE, 0,
                          limits->connection_window_bytes - WINDOW_INITIAL_BYTES);
}

/* --- Bytes in --- */

/* Takes up to WANTED bytes from *INPUT into the partial frame; whether it has that many now. */
static bool gather(struct engine_connection *connection, struct bytes *input, size_t wanted)
{
    struct buffer *partial = &connection->partial;
    if (partial->size >= wanted)
        return true;
    size_t size = wanted - partial->size < input->size ? wanted - partial->size : input->size;
    if (!buffer_append(partial, bytes_make(input->data, size))) {
        engine_break(connection);
        return false;
    }
    *input = bytes_make(input->data + size, input->size - size);
    return partial->size >= wanted;
}

/* A frame of content is read with the byte that says how much padding ends it, if there is one. */
static size_t head_bytes_of(struct frame frame)
{
    bool has_padding = frame.type == FRAME_DATA && (frame.flags & FLAG_PADDED) != 0;
    return FRAME_HEAD_BYTES + (has_padding ? 1 : 0);
}

/* How much of a frame must be there before anything is done with it. */
static size_t whole_bytes_of(struct frame frame)
{
    return frame.type == FRAME_DATA ? head_bytes_of(frame) : FRAME_HEAD_BYTES + frame.size;
}

static void take_whole(struct engine_connection *connection, struct frame frame, const uint8_t *at)
{
    if (frame.type == FRAME_DATA)
        engine_data_begins(connection, frame,
                           head_bytes_of(frame) > FRAME_HEAD_BYTES ? at[FRAME_HEAD_BYTES] : 0);
    else
        engine_take_frame(connection, frame, bytes_make(at + FRAME_HEAD_BYTES, frame.size));
}

/* Goes on with a frame whose beginning came before. */
static void take_partial(struct engine_connection *connection, struct bytes *input)
{
    bool is_new = connection->partial.size < FRAME_HEAD_BYTES;
    if (!gather(connection, input, FRAME_HEAD_BYTES))
        return;
    struct frame frame = frame_read(connection->partial.data);
    if ((is_new && !engine_accept_frame(connection, frame)) ||
        !gather(connection, input, whole_bytes_of(frame)))
        return;
    take_whole(connection, frame, connection->partial.data);
    buffer_reset(&connection->partial, PARTIAL_KEEP_BYTES);
}

/* Takes the next piece of a frame of content. */
static void take_content(struct engine_connection *connection, struct bytes *input)
{
    struct data_frame *data = &connection->data;
    size_t content = data->content < input->size ? data->content : input->size;
    if (content > 0)
        engine_take_data(connection, bytes_make(input->data, content));
    data->content -= content;
    size_t rest = input->size - content;
    size_t padding = data->padding < rest ? data->padding : rest;
    data->padding -= padding;
    *input = bytes_make(input->data + content + padding, rest - padding);
    if (data->content + data->padding == 0)
        engine_data_ended(connection);
}

/* Takes one frame, or what there is of it. */
static void take_one(struct engine_connection *connection, struct bytes *input)
{
    if (connection->partial.size > 0 || input->size < FRAME_HEAD_BYTES) {
        take_partial(connection, input);
        return;
    }
    struct frame frame = frame_read(input->data);
    if (!engine_accept_frame(connection, frame))
        return;
    size_t whole = whole_bytes_of(frame);
    if (input->size < whole) {
        (void)gather(connection, input, whole);
        return;
    }
    const uint8_t *at = input->data;
    *input = bytes_make(at + whole, input->size - whole);
    take_whole(connection, frame, at);
}

static void take_preface(struct engine_connection *connection, struct bytes *input)
{
    size_t size = connection->preface_left < input->size ? connection->preface_left : input->size;
    if (memcmp(preface + PREFACE_BYTES - connection->preface_left, input->data, size) != 0)
        engine_fail(connection, H2_PROTOCOL_ERROR, "the client does not speak HTTP/2");
    connection->preface_left -= size;
    *input = bytes_make(input->data + size, input->size - size);
}

/* Gives back what many calls at once have left behind. An idle connection still hears pings. */
static void trim_when_idle(struct engine_connection *connection)
{
    if (connection->base.calls > 0 || connection->now_ns - connection->used_ns < IDLE_AFTER_NS)
        return;
    engine_calls_trim(connection);
    stream_table_trim(&connection->streams);
    hpack_decoder_trim(&connection->decoder);
    buffer_wipe(&connection->block);
    field_list_wipe(&connection->fields);
    if (connection->out.size == 0)
        buffer_wipe(&connection->out);
}

/* Whether both ends have said what they had to. */
static bool is_done(const struct engine_connection *connection)
{
    return connection->over ||
           ((connection->goaway_sent || connection->goaway_heard) && connection->base.calls == 0);
}

static bool engine_recv(struct h2_connection *base, struct bytes input, int64_t now_ns)
{
    struct engine_connection *connection = connection_of(base);
    if (connection->over)
        return false;
    connection->now_ns = now_ns;
    if (connection->preface_left > 0 && input.size > 0)
        take_preface(connection, &input);
    while (input.size > 0 && !connection->over) {
        if (connection->data.stream_id != 0)
            take_content(connection, &input);
        else
            take_one(connection, &input);
        engine_tell_ended(connection);
    }
    engine_keep_borrowed(connection);
    engine_tell_ended(connection);
    trim_when_idle(connection);
    return !is_done(connection);
}

/* --- Bytes out --- */

static struct bytes engine_pending(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    engine_tell_ended(connection);
    engine_send(connection);
    engine_tell_ended(connection);
    connection->shown_bytes = output_end(connection);
    if (output_bytes(connection) == 0)
        return bytes_make(NULL, 0);
    return bytes_make(connection->out.data + connection->out_sent, output_bytes(connection));
}

static void engine_sent(struct h2_connection *base, size_t size)
{
    struct engine_connection *connection = connection_of(base);
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

/* --- The connection --- */

static void engine_drain(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    if (connection->draining || connection->over)
        return;
    connection->draining = true;
    if (is_server(connection)) {
        /* The notice first; the last call that will be processed is known a round trip later. */
        engine_put_goaway(connection, STREAM_ID_MAX, H2_NO_ERROR);
        put_ping(connection, ping_drain);
    } else {
        /* A server may close when it hears GOAWAY, and would never hear of these. */
        engine_end_unwritten(connection);
        engine_put_goaway(connection, 0, H2_NO_ERROR);
        connection->goaway_sent = true;
    }
}

void engine_ponged(struct engine_connection *connection, const uint8_t opaque[PING_BYTES])
{
    const struct h2_events *events = connection->config.events;
    bool is_drain = memcmp(opaque, ping_drain, sizeof ping_drain) == 0;
    if (is_drain && is_server(connection) && connection->draining && !connection->goaway_sent) {
        engine_put_goaway(connection, connection->processed_id, H2_NO_ERROR);
        connection->goaway_sent = true;
    } else if (!is_drain && connection->pings > 0) {
        connection->pings--;
        if (events->pong != NULL)
            events->pong(connection->config.owner);
    }
}

static bool engine_finished(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    return output_bytes(connection) == 0 && is_done(connection);
}

static bool engine_ping(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    put_ping(connection, ping_alive);
    if (connection->over)
        return false;
    connection->pings++;
    return true;
}

static size_t engine_capacity(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    /* Calls that have no stream yet will take one each. */
    uint64_t last_id = connection->last_id + 2 * (uint64_t)(base->calls - connection->streams.count);
    if (connection->draining || connection->over || last_id > STREAM_ID_MAX - 2)
        return 0;
    return connection->peer.max_streams > base->calls ? connection->peer.max_streams - base->calls : 0;
}

static const char *engine_error(const struct h2_connection *base)
{
    const struct engine_connection *connection = (const struct engine_connection *)base;
    return connection->error;
}

static void connection_free(struct engine_connection *connection)
{
    engine_calls_trim(connection);
    stream_table_trim(&connection->streams);
    hpack_decoder_free(&connection->decoder);
    hpack_encoder_free(&connection->encoder);
    seen_free(&connection->seen, is_server(connection));
    prepared_free(&connection->prepared);
    metadata_ring_free(&connection->known);
    free(connection->reset_by_us.ids);
    field_list_wipe(&connection->fields);
    buffer_free(&connection->timeout.bytes);
    buffer_wipe(&connection->block);
    buffer_wipe(&connection->header.block);
    buffer_wipe(&connection->partial);
    buffer_wipe(&connection->out);
    free(connection);
}

/* A call that is removed has its place taken by one from behind, in the circle of the table; so each place is looked at
 * until it is free, and what moves from the table's beginning to its end comes up there. */
static void end_all_calls(struct engine_connection *connection)
{
    struct stream_table *streams = &connection->streams;
    for (size_t i = 0; streams->count > 0 && i <= streams->mask; i++)
        while (streams->slots[i].id != 0) {
            struct engine_call *call = streams->slots[i].call;
            if (!is_server(connection))
                engine_client_lost(call);
            engine_call_end(call, H2_NO_ERROR);
        }
}

static void engine_close(struct h2_connection *base)
{
    struct engine_connection *connection = connection_of(base);
    connection->over = true; /* the calls' ends may not start new ones here */
    engine_tell_ended(connection);
    engine_end_unwritten(connection);
    end_all_calls(connection);
    engine_tell_ended(connection);
    connection_free(connection);
}

static struct h2_connection *engine_open(const struct h2_config *config)
{
    struct engine_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->base.engine = &h2_engine_mayfly;
    connection->config = *config;
    connection->resets = allowance_make(config->limits.resets_burst, config->limits.resets_per_second);
    connection->chatter = allowance_make(config->limits.pings_burst, config->limits.pings_per_second);
    connection->preface_left = is_server(connection) ? PREFACE_BYTES : 0;
    connection->send_window = WINDOW_INITIAL_BYTES;
    connection->timeout.generation = TIMEOUT_VOID;
    connection->goaway_last = STREAM_ID_MAX;
    connection->peer = (struct peer_settings){.max_streams = PEER_STREAMS_AT_FIRST,
                                              .stream_window_bytes = WINDOW_INITIAL_BYTES};
    hpack_decoder_init(&connection->decoder);
    hpack_encoder_init(&connection->encoder);
    list_init(&connection->borrowed);
    list_init(&connection->sending);
    list_init(&connection->unwritten);
    list_init(&connection->done);
    list_init(&connection->spare);
    greet(connection);
    if (connection->over) {
        connection_free(connection);
        return NULL;
    }
    return &connection->base;
}

const struct h2_engine h2_engine_mayfly = {
    .name = "mayfly",
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
    .room = engine_room,
};
