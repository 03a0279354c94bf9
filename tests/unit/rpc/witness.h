/* What an engine makes of a stream of bytes, written down so that two engines can be compared: the story of each call as
 * its owner hears it, and what is sent on each stream, read back by nghttp2's decoder. How the sending is cut into frames,
 * compressed and spread over time is an engine's own business and not written down.
 *
 * The owner behaves as a real one would, and the same for every engine: a server echoes, one in three of a client's or a
 * server's messages may be answered by cancelling. */
#ifndef MAYFLY_TESTS_RPC_WITNESS_H
#define MAYFLY_TESTS_RPC_WITNESS_H

#include "base/buffer.h"
#include "base/clock.h"
#include "rpc/h2.h"
#include "rpc/h2_frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

enum { WITNESS_UNARY, WITNESS_IN, WITNESS_OUT, WITNESS_BOTH, WITNESS_METHODS };

static const struct h2_method witness_methods[WITNESS_METHODS] = {
    [WITNESS_UNARY] = {.path = "/s/U"},
    [WITNESS_IN] = {.path = "/s/I", .client_streams = true},
    [WITNESS_OUT] = {.path = "/s/O", .server_streams = true},
    [WITNESS_BOTH] = {.path = "/s/B", .client_streams = true, .server_streams = true},
};

#define WITNESS_PREFACE        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define WITNESS_CALLS          512
#define WITNESS_STREAMS        512
#define WITNESS_BUFFERED_BYTES ((size_t)3000)

struct witness_stream {
    uint32_t id;
    bool in_data; /* the last frame was of content */
    struct buffer said;
};

struct witness {
    struct h2_connection *h2;
    bool is_server;
    bool cancels;
    bool over;
    bool over_in_block; /* before the header block that it was hearing had come whole */
    size_t begun;
    size_t ended;
    size_t messages;
    struct buffer stories[WITNESS_CALLS]; /* in the order in which calls were begun */
    size_t refused[H2_REFUSALS];
    size_t settings;
    size_t draining;
    size_t pongs;

    struct buffer unread; /* of what was sent */
    bool has_preface;
    nghttp2_hd_inflater *inflater;
    struct witness_stream streams[WITNESS_STREAMS];
    size_t stream_count;
    bool has_goaway;
    uint32_t goaway_code;
    size_t ping_acks;
    size_t settings_acks;
};

static inline void witness_insist(bool holds)
{
    if (!holds)
        abort();
}

__attribute__((format(printf, 2, 3))) static inline void witness_note(struct buffer *to, const char *format,
                                                                      ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    witness_insist(
        size >= 0 &&
        buffer_append(to, bytes_make(text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1)));
}

static inline void witness_note_bytes(struct buffer *to, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] > ' ' && bytes.data[i] < 0x7f)
            witness_note(to, "%c", bytes.data[i]);
        else
            witness_note(to, "\\%02x", bytes.data[i]);
}

/* --- The owner --- */

static inline struct buffer *witness_begin(struct witness *witness, struct h2_call *call)
{
    witness_insist(witness->begun < WITNESS_CALLS);
    struct buffer *story = &witness->stories[witness->begun++];
    call->user = story;
    return story;
}

static inline bool witness_reply(struct h2_call *call, struct bytes message)
{
    uint8_t *to = h2_message_begin(call, message.size);
    if (to == NULL)
        return false;
    bytes_copy(to, message.data, message.size);
    h2_message_end(call);
    return true;
}

static inline void witness_on_opened(void *owner, struct h2_call *call)
{
    struct buffer *story = witness_begin(owner, call);
    witness_insist(call->method < WITNESS_METHODS && call->metadata != NULL && call->timeout_ns >= 0);
    witness_note(story, "opened %u %lld {", call->method, (long long)call->timeout_ns);
    for (size_t i = 0; i < call->metadata->count; i++) {
        witness_note_bytes(story, call->metadata->pairs[i].name);
        witness_note(story, ": ");
        witness_note_bytes(story, call->metadata->pairs[i].value);
        witness_note(story, ", ");
    }
    witness_note(story, "}");
}

static inline void witness_on_message(void *owner, struct h2_call *call, struct bytes message)
{
    struct witness *witness = owner;
    witness_note(call->user, " message(");
    witness_note_bytes(call->user, message);
    witness_note(call->user, ")");
    witness->messages++;
    if (witness->cancels && witness->messages % 3 == 0) {
        witness_note(call->user, " cancelled");
        h2_call_cancel(call);
        witness->ended++;
    } else if (witness->is_server) {
        bool sent = witness_reply(call, message);
        if (!sent || !witness_methods[call->method].client_streams)
            h2_finish(call, sent ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED, message, call->metadata);
    }
}

static inline void witness_on_half_closed(void *owner, struct h2_call *call)
{
    (void)owner;
    witness_note(call->user, " half_closed");
    h2_finish(call, STATUS_NOT_FOUND, bytes_of("gone, 100%"), NULL);
}

static inline void witness_on_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    struct witness *witness = owner;
    witness->ended++;
    witness_insist((unsigned)outcome->status < STATUS_COUNT);
    witness_note(call->user, " closed(%s%s ", status_name(outcome->status), outcome->unseen ? " unseen" : "");
    witness_note_bytes(call->user, outcome->message);
    for (size_t i = 0; outcome->trailers != NULL && i < outcome->trailers->count; i++) {
        witness_note(call->user, ", ");
        witness_note_bytes(call->user, outcome->trailers->pairs[i].name);
        witness_note(call->user, ": ");
        witness_note_bytes(call->user, outcome->trailers->pairs[i].value);
    }
    witness_note(call->user, ")");
}

static inline void witness_on_refused(void *owner, enum h2_refusal refusal)
{
    ((struct witness *)owner)->refused[refusal]++;
}

static inline void witness_on_settings(void *owner)
{
    ((struct witness *)owner)->settings++;
}

static inline void witness_on_draining(void *owner)
{
    ((struct witness *)owner)->draining++;
}

static inline void witness_on_pong(void *owner)
{
    ((struct witness *)owner)->pongs++;
}

static const struct h2_events witness_events = {
    .opened = witness_on_opened,
    .message = witness_on_message,
    .half_closed = witness_on_half_closed,
    .closed = witness_on_closed,
    .refused = witness_on_refused,
    .settings = witness_on_settings,
    .draining = witness_on_draining,
    .pong = witness_on_pong,
};

/* --- What is sent --- */

static inline struct witness_stream *witness_stream_of(struct witness *witness, uint32_t id)
{
    for (size_t i = 0; i < witness->stream_count; i++)
        if (witness->streams[i].id == id)
            return &witness->streams[i];
    witness_insist(witness->stream_count < WITNESS_STREAMS);
    witness->streams[witness->stream_count].id = id;
    return &witness->streams[witness->stream_count++];
}

static inline void witness_headers(struct witness *witness, struct buffer *said, struct bytes block)
{
    witness_note(said, "headers{");
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(witness->inflater, &field, &flags, block.data, block.size, 1);
        witness_insist(used >= 0);
        block = bytes_make(block.data + used, block.size - (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            witness_note_bytes(said, bytes_make(field.name, field.namelen));
            witness_note(said, ": ");
            witness_note_bytes(said, bytes_make(field.value, field.valuelen));
            witness_note(said, ", ");
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    witness_insist(nghttp2_hd_inflate_end_headers(witness->inflater) == 0);
    witness_note(said, "} ");
}

static inline void witness_frame(struct witness *witness, struct frame frame, struct bytes payload)
{
    bool is_ack = (frame.flags & FLAG_ACK) != 0;
    witness_insist(!witness->has_goaway || frame.type == FRAME_GOAWAY || witness->goaway_code == 0);
    if (frame.type == FRAME_PING)
        witness->ping_acks += is_ack;
    else if (frame.type == FRAME_SETTINGS)
        witness->settings_acks += is_ack;
    else if (frame.type == FRAME_GOAWAY) {
        witness->has_goaway = true;
        witness->goaway_code = number_read(payload.data + 4);
    }
    if (frame.stream_id == 0 || frame.type == FRAME_WINDOW_UPDATE)
        return;
    struct witness_stream *stream = witness_stream_of(witness, frame.stream_id);
    if (frame.type == FRAME_HEADERS) {
        witness_insist((frame.flags & FLAG_END_HEADERS) != 0);
        witness_headers(witness, &stream->said, payload);
    } else if (frame.type == FRAME_DATA) {
        if (!stream->in_data)
            witness_note(&stream->said, "data: ");
        witness_note_bytes(&stream->said, payload);
    } else if (frame.type == FRAME_RST_STREAM && number_read(payload.data) != H2_STREAM_CLOSED &&
               number_read(payload.data) != H2_NO_ERROR) {
        /* Ours says STREAM_CLOSED of what comes on a stream that is over, and nghttp2, as it is set here, nothing; and
         * whether a request had ended when its reply was sent depends on how its last frame was cut. */
        witness_note(&stream->said, " reset(%u) ", number_read(payload.data));
    }
    stream->in_data = frame.type == FRAME_DATA;
    if (frame.type != FRAME_RST_STREAM && (frame.flags & FLAG_END_STREAM) != 0)
        witness_note(&stream->said, " end ");
}

/* Reads all that is pending, in pieces that owe nothing to frames. */
static inline void witness_read(struct witness *witness)
{
    struct bytes pending;
    while ((pending = h2_pending(witness->h2)).size > 0) {
        size_t size = pending.size > 100 ? pending.size - 1 : pending.size;
        witness_insist(buffer_append(&witness->unread, bytes_make(pending.data, size)));
        h2_sent(witness->h2, size);
    }
    struct bytes rest = buffer_bytes(&witness->unread);
    if (!witness->is_server && !witness->has_preface && rest.size >= sizeof WITNESS_PREFACE - 1) {
        witness->has_preface = true;
        rest = bytes_make(rest.data + sizeof WITNESS_PREFACE - 1, rest.size - (sizeof WITNESS_PREFACE - 1));
    }
    while (rest.size >= FRAME_HEAD_BYTES) {
        struct frame frame = frame_read(rest.data);
        size_t whole = FRAME_HEAD_BYTES + frame.size;
        witness_insist(rest.size >= whole); /* only whole frames are pending in the end */
        witness_frame(witness, frame, bytes_make(rest.data + FRAME_HEAD_BYTES, frame.size));
        rest = bytes_make(rest.data + whole, rest.size - whole);
    }
    witness_insist(rest.size == 0);
    witness->unread.size = 0;
}

/* --- Its life --- */

static inline void witness_start_calls(struct witness *witness)
{
    for (unsigned method = 0; method < WITNESS_METHODS; method++) {
        struct h2_call *call = h2_call_start(witness->h2, method, NULL, CLOCK_NS_PER_S, NULL);
        witness_insist(call != NULL);
        (void)witness_begin(witness, call);
        witness_insist(witness_reply(call, bytes_of("hello")));
        if (method != WITNESS_BOTH)
            h2_half_close(call);
    }
    (void)h2_ping(witness->h2);
}

static inline void witness_open(struct witness *witness, const struct h2_engine *engine,
                                const struct h2_methods *table, bool is_server, bool cancels)
{
    *witness = (struct witness){.is_server = is_server, .cancels = cancels};
    struct h2_config config = {
        .role = is_server ? H2_SERVER : H2_CLIENT,
        .methods = table,
        .events = &witness_events,
        .owner = witness,
        .limits = h2_default_limits,
        .authority = "witness",
    };
    config.limits.max_streams = 10000; /* where the engines differ in what they do about it */
    config.limits.message_bytes = 1000;
    config.limits.header_bytes = 1000;
    config.limits.buffered_bytes = WITNESS_BUFFERED_BYTES;
    witness->h2 = h2_open(engine, &config);
    witness_insist(witness->h2 != NULL && nghttp2_hd_inflate_new(&witness->inflater) == 0);
    if (!is_server) {
        witness_start_calls(witness);
        witness_start_calls(witness);
    }
    witness_read(witness);
}

/* Feeds a piece in a block of its own, so that a read beyond or after it is seen. */
static inline void witness_feed(struct witness *witness, struct bytes piece, int64_t now_ns)
{
    if (witness->over || piece.size == 0)
        return;
    uint8_t *block = malloc(piece.size);
    witness_insist(block != NULL);
    memcpy(block, piece.data, piece.size);
    witness->over = !h2_recv(witness->h2, bytes_make(block, piece.size), now_ns);
    free(block);
    witness_read(witness);
    witness->over = witness->over || h2_finished(witness->h2); /* and then its owner closes it */
}

static inline void witness_close(struct witness *witness)
{
    h2_close(witness->h2);
    witness_insist(witness->begun == witness->ended);
}

static inline void witness_free(struct witness *witness)
{
    nghttp2_hd_inflate_del(witness->inflater);
    for (size_t i = 0; i < witness->begun; i++)
        buffer_free(&witness->stories[i]);
    for (size_t i = 0; i < witness->stream_count; i++)
        buffer_free(&witness->streams[i].said);
    buffer_free(&witness->unread);
}

#endif
