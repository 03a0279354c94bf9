/* A peer that writes its frames by hand, for one end of ours. What the engine sends is read back into a text such as
 * "HEADERS(1 :status=200) RST_STREAM(1 8)". */
#ifndef MAYFLY_TESTS_RPC_H2_PEER_H
#define MAYFLY_TESTS_RPC_H2_PEER_H

#include "rpc/h2_frame.h"
#include "rpc/h2_pair.h"

#include <nghttp2/nghttp2.h>

struct peer {
    struct pair *pair;
    struct pair_end *end; /* ours */
    struct buffer out;    /* what the peer is about to send */
    struct buffer in;     /* what it has not read yet */
    nghttp2_hd_inflater *inflater;
    char heard[1 << 16];
};

/* --- Writing frames --- */

static inline void peer_put(struct peer *peer, const void *data, size_t size)
{
    assert_true(buffer_append(&peer->out, bytes_make(data, size)));
}

static inline void peer_frame(struct peer *peer, uint8_t type, uint8_t flags, uint32_t stream,
                              struct bytes payload)
{
    uint8_t head[FRAME_HEAD_BYTES];
    frame_write(head, (struct frame){(uint32_t)payload.size, type, flags, stream});
    peer_put(peer, head, sizeof head);
    peer_put(peer, payload.data, payload.size);
}

static inline void peer_number_frame(struct peer *peer, uint8_t type, uint32_t stream, uint32_t number)
{
    uint8_t payload[4];
    number_write(payload, number);
    peer_frame(peer, type, 0, stream, bytes_make(payload, sizeof payload));
}

static inline void peer_goaway(struct peer *peer, uint32_t last, uint32_t code)
{
    uint8_t payload[8];
    number_write(payload, last);
    number_write(payload + 4, code);
    peer_frame(peer, FRAME_GOAWAY, 0, 0, bytes_make(payload, sizeof payload));
}

/* A field without compression: RFC 7541 section 6.2.2. */
static inline void put_field(struct buffer *block, struct bytes name, struct bytes value)
{
    uint8_t start[] = {0, (uint8_t)name.size};
    assert_true(name.size < 127);
    assert_true(buffer_append(block, bytes_make(start, 2)) && buffer_append(block, name));
    if (value.size < 127) {
        uint8_t size = (uint8_t)value.size;
        assert_true(buffer_append(block, bytes_make(&size, 1)));
    } else {
        size_t rest = value.size - 127;
        uint8_t size[] = {127, (uint8_t)(rest | 0x80), (uint8_t)(rest >> 7 | 0x80), (uint8_t)(rest >> 14)};
        assert_true(buffer_append(block, bytes_make(size, 4)));
    }
    assert_true(buffer_append(block, value));
}

static const char *const unary_request[] = {":method=POST",
                                            ":scheme=http",
                                            ":path=/test.Service/Unary",
                                            ":authority=localhost",
                                            "te=trailers",
                                            "content-type=application/grpc",
                                            NULL};

static const char *const reply_start[] = {":status=200", "content-type=application/grpc", NULL};

/* FIELDS: "name=value" one after the other, closed by NULL. */
static inline void put_fields(struct buffer *block, const char *const *fields)
{
    for (; *fields != NULL; fields++) {
        const char *equals = strchr(*fields, '=');
        put_field(block, bytes_make(*fields, (size_t)(equals - *fields)), bytes_of(equals + 1));
    }
}

/* A whole header block, which is freed. */
static inline void peer_block(struct peer *peer, uint8_t flags, uint32_t stream, struct buffer *block)
{
    peer_frame(peer, FRAME_HEADERS, flags | FLAG_END_HEADERS, stream, buffer_bytes(block));
    buffer_free(block);
}

static inline void peer_headers(struct peer *peer, uint8_t flags, uint32_t stream, const char *const *fields)
{
    struct buffer block = {0};
    put_fields(&block, fields);
    peer_block(peer, flags, stream, &block);
}

/* A message with its prefix as one DATA frame. */
static inline void peer_message(struct peer *peer, uint8_t flags, uint32_t stream, uint8_t compressed,
                                const char *text)
{
    uint8_t payload[64] = {compressed, 0, 0, 0, (uint8_t)strlen(text)};
    assert_true(strlen(text) < sizeof payload - 5);
    memcpy(payload + 5, text, strlen(text));
    peer_frame(peer, FRAME_DATA, flags, stream, bytes_make(payload, 5 + strlen(text)));
}

/* --- Reading frames --- */

__attribute__((format(printf, 2, 3))) static inline void peer_note(struct peer *peer, const char *format, ...)
{
    size_t used = strlen(peer->heard);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(peer->heard + used, sizeof peer->heard - used, format, arguments);
    va_end(arguments);
}

static inline void peer_hear_headers(struct peer *peer, uint32_t stream, struct bytes block)
{
    peer_note(peer, "HEADERS(%u", stream);
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(peer->inflater, &field, &flags, block.data, block.size, 1);
        assert_true(used >= 0);
        block = bytes_make(block.data + used, block.size - (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            peer_note(peer, " %.*s=%.*s", (int)field.namelen, field.name, (int)field.valuelen, field.value);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    assert_int_equal(nghttp2_hd_inflate_end_headers(peer->inflater), 0);
    peer_note(peer, ") ");
}

static inline size_t peer_hear_frame(struct peer *peer, struct bytes in)
{
    struct frame frame = frame_read(in.data);
    const uint8_t *payload = in.data + FRAME_HEAD_BYTES;
    if (in.size < FRAME_HEAD_BYTES + frame.size)
        return 0;
    if (frame.type == FRAME_HEADERS)
        peer_hear_headers(peer, frame.stream_id, bytes_make(payload, frame.size));
    else if (frame.type == FRAME_RST_STREAM)
        peer_note(peer, "RST_STREAM(%u %u) ", frame.stream_id, number_read(payload));
    else if (frame.type == FRAME_GOAWAY)
        peer_note(peer, "GOAWAY(%u %u) ", number_read(payload), number_read(payload + 4));
    return FRAME_HEAD_BYTES + frame.size;
}

/* Takes what is pending without reading it. */
static inline void peer_collect(struct peer *peer)
{
    struct bytes pending;
    while ((pending = h2_pending(peer->end->h2)).size > 0) {
        assert_true(buffer_append(&peer->in, pending));
        h2_sent(peer->end->h2, pending.size);
    }
}

static inline void peer_hear(struct peer *peer)
{
    peer_collect(peer);
    struct bytes in = buffer_bytes(&peer->in);
    size_t used;
    while (in.size >= FRAME_HEAD_BYTES && (used = peer_hear_frame(peer, in)) > 0)
        in = bytes_make(in.data + used, in.size - used);
    memmove(peer->in.data, in.data, in.size);
    peer->in.size = in.size;
}

/* Sends all that was written, in slices as from a socket, and reads what comes back. */
static inline void peer_talk(struct peer *peer)
{
    struct bytes out = buffer_bytes(&peer->out);
    while (out.size > 0 && !peer->end->over) {
        size_t size = out.size < 4096 ? out.size : 4096;
        end_receive(peer->end, bytes_make(out.data, size));
        out = bytes_make(out.data + size, out.size - size);
        peer_hear(peer);
    }
    peer->out.size = 0;
    peer_hear(peer);
}

static inline void assert_heard(const struct peer *peer, const char *text)
{
    if (strstr(peer->heard, text) == NULL)
        fail_msg("%s is not in what was heard: %s", text, peer->heard);
}

static inline void assert_not_heard(const struct peer *peer, const char *text)
{
    if (strstr(peer->heard, text) != NULL)
        fail_msg("%s is in what was heard: %s", text, peer->heard);
}

/* --- A peer's life --- */

static inline struct peer *peer_of(enum h2_role ours, const struct h2_limits *limits, bool is_secure)
{
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->pair = pair_new();
    peer->end = ours == H2_CLIENT ? &peer->pair->client : &peer->pair->server;
    struct h2_config config = pair_config(peer->pair, ours);
    config.limits = *limits;
    config.is_secure = is_secure;
    peer->end->h2 = h2_open(ours == H2_CLIENT ? pair_client_engine : pair_server_engine, &config);
    assert_non_null(peer->end->h2);
    assert_int_equal(nghttp2_hd_inflate_new(&peer->inflater), 0);
    return peer;
}

/* A client for our server, which has greeted it. */
static inline struct peer *client_peer(const struct h2_limits *limits)
{
    struct peer *peer = peer_of(H2_SERVER, limits, false);
    peer_put(peer, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(NULL, 0));
    peer_frame(peer, FRAME_SETTINGS, FLAG_ACK, 0, bytes_make(NULL, 0));
    peer_talk(peer);
    return peer;
}

/* A server for our client. */
static inline struct peer *server_peer_over(const struct h2_limits *limits, bool is_secure)
{
    struct peer *peer = peer_of(H2_CLIENT, limits, is_secure);
    struct bytes greeting = h2_pending(peer->end->h2);
    assert_true(greeting.size > NGHTTP2_CLIENT_MAGIC_LEN);
    assert_memory_equal(greeting.data, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    h2_sent(peer->end->h2, NGHTTP2_CLIENT_MAGIC_LEN);
    peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(NULL, 0));
    peer_frame(peer, FRAME_SETTINGS, FLAG_ACK, 0, bytes_make(NULL, 0));
    peer_talk(peer);
    return peer;
}

static inline struct peer *server_peer(const struct h2_limits *limits)
{
    return server_peer_over(limits, false);
}

static inline void peer_free(struct peer *peer)
{
    nghttp2_hd_inflate_del(peer->inflater);
    buffer_free(&peer->out);
    buffer_free(&peer->in);
    pair_free(peer->pair);
    free(peer);
}

static inline struct talk *first_talk(struct peer *peer)
{
    return &peer->end->talks[0];
}

#endif
