/* A server that means harm costs a call or a connection, with a status and a sentence, and bounded memory: each of its
 * games is played on the first request, and a later one is answered as if nothing had been. */
#include "base/clock.h"
#include "with_server.h"

#include <errno.h>
#include <malloc.h>

#include "scripted_peer.h"

#define FRAME_PRIORITY     ((enum peer_frame)2)
#define FRAME_PUSH         ((enum peer_frame)5)
#define FRAME_WINDOW       ((enum peer_frame)8)
#define FRAME_CONTINUATION ((enum peer_frame)9)
#define FRAME_UNKNOWN      ((enum peer_frame)0xfa)

#define WINDOW_MAX         UINT32_C(0x7fffffff)
#define BLOCK_BYTES        16000
#define FLOOD_FRAMES       200000
#define GROWTH_MAX_BYTES   ((size_t)48 << 20)
#define DEADLINE_MS        1500

/* --- Pieces of games --- */

/* Whether the client is still there, for games that would go on for ever. */
static bool is_connected(const struct peer_link *link)
{
    int error = 0;
    socklen_t size = sizeof error;
    char byte;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        return false;
    ssize_t more = recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return more > 0 || (more < 0 && errno == EAGAIN);
}

/* Sends a frame again and again, until the client has had enough or the test has. */
static void flood(struct peer_link *link, enum peer_frame type, unsigned flags, uint32_t stream,
                  const void *payload, size_t size)
{
    enum { BATCH = 100 };
    uint8_t frames[BATCH * 64];
    size_t at = 0;
    for (int i = 0; i < BATCH; i++) {
        const uint8_t head[FRAME_HEAD_BYTES] = {
            (uint8_t)(size >> 16),   (uint8_t)(size >> 8),   (uint8_t)size,
            (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
            (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream,
        };
        memcpy(frames + at, head, sizeof head);
        if (size > 0)
            memcpy(frames + at + sizeof head, payload, size);
        at += sizeof head + size;
    }
    for (int i = 0; i < FLOOD_FRAMES / BATCH; i++) {
        if (send(link->fd, frames, at, MSG_NOSIGNAL) < 0)
            return;
        char sink[4096]; /* what the client answers must not stop it */
        while (recv(link->fd, sink, sizeof sink, MSG_DONTWAIT) > 0) {}
    }
}

/* A block of about BYTES of fields, after SIZE bytes that are there. */
static size_t fill(uint8_t *block, size_t size, size_t bytes)
{
    char value[101];
    memset(value, 'v', 100);
    value[100] = '\0';
    while (size + 120 < bytes)
        size += peer_field(block + size, "x-filler", value);
    return size;
}

static size_t begin_headers(uint8_t *block)
{
    block[0] = HPACK_STATUS_200;
    return 1 + peer_field(block + 1, "content-type", "application/grpc");
}

static void send_block(struct peer_link *link, uint32_t stream, const uint8_t *block, size_t size,
                       unsigned flags)
{
    peer_frame(link, FRAME_HEADERS, flags, stream, block, size);
}

static void send_setting(struct peer_link *link, uint8_t id, uint32_t value)
{
    uint8_t payload[6] = {0, id};
    peer_put32(payload + 2, value);
    peer_frame(link, FRAME_SETTINGS, 0, 0, payload, sizeof payload);
}

static void send_window(struct peer_link *link, uint32_t stream, uint32_t more)
{
    uint8_t payload[4];
    peer_put32(payload, more);
    peer_frame(link, FRAME_WINDOW, 0, stream, payload, sizeof payload);
}

/* DATA that begins with a message's head as given. */
static void send_message_head(struct peer_link *link, uint32_t stream, uint8_t flag, uint32_t size)
{
    uint8_t data[MESSAGE_HEAD_BYTES + 2] = {flag, 0, 0, 0, 0, 0x08, 0x03};
    peer_put32(data + 1, size);
    peer_frame(link, FRAME_DATA, 0, stream, data, sizeof data);
}

/* An answer in HTTP: the status by its place in HPACK's static table or as text. */
static void send_http(struct peer_link *link, uint32_t stream, const char *status, const char *type)
{
    static const char page[] = "<html><body>Bad Gateway</body></html>";
    uint8_t block[256];
    size_t size = peer_field(block, ":status", status);
    size += peer_field(block + size, "content-type", type);
    send_block(link, stream, block, size, FLAG_END_HEADERS);
    peer_frame(link, FRAME_DATA, FLAG_END_STREAM, stream, page, sizeof page - 1);
}

/* --- Games --- */

static void oversized_headers(struct peer_link *link, uint32_t stream)
{
    uint8_t block[BLOCK_BYTES];
    send_block(link, stream, block, fill(block, begin_headers(block), BLOCK_BYTES), 0);
    for (int i = 0; i < 5; i++)
        peer_frame(link, FRAME_CONTINUATION, i == 4 ? FLAG_END_HEADERS : 0, stream, block,
                   fill(block, 0, BLOCK_BYTES));
}

static void oversized_trailers(struct peer_link *link, uint32_t stream)
{
    uint8_t block[BLOCK_BYTES];
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 0, 2);
    send_block(link, stream, block, fill(block, peer_field(block, "grpc-status", "0"), BLOCK_BYTES),
               FLAG_END_STREAM);
    for (int i = 0; i < 5; i++)
        peer_frame(link, FRAME_CONTINUATION, i == 4 ? FLAG_END_HEADERS : 0, stream, block,
                   fill(block, 0, BLOCK_BYTES));
}

static void headers_without_an_end(struct peer_link *link, uint32_t stream)
{
    uint8_t block[256];
    send_block(link, stream, block, begin_headers(block), 0);
    flood(link, FRAME_CONTINUATION, 0, stream, block, peer_field(block, "x-more", "of the same"));
}

static void continuations_of_nothing(struct peer_link *link, uint32_t stream)
{
    uint8_t block[256];
    send_block(link, stream, block, begin_headers(block), 0);
    flood(link, FRAME_CONTINUATION, 0, stream, NULL, 0);
}

static void trailers_without_an_end(struct peer_link *link, uint32_t stream)
{
    uint8_t block[64];
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 0, 2);
    flood(link, FRAME_HEADERS, FLAG_END_HEADERS, stream, block, peer_field(block, "x-more", "of the same"));
}

/* One field of 4,000 bytes put into the table, then named again and again by one byte. */
static void a_header_bomb(struct peer_link *link, uint32_t stream)
{
    uint8_t block[BLOCK_BYTES];
    size_t size = begin_headers(block);
    block[size++] = 0x40; /* literal with indexing, a new name */
    block[size++] = 1;
    block[size++] = 'x';
    block[size++] = 0x7f; /* a length of 3,900: 127, then 3,773 in groups of 7 bits */
    block[size++] = 0x80 | (3773 & 0x7f);
    block[size++] = 3773 >> 7;
    memset(block + size, 'v', 3900);
    size += 3900;
    memset(block + size, 0xbe, sizeof block - size); /* the table's entry 62 */
    send_block(link, stream, block, sizeof block, FLAG_END_HEADERS);
}

static void headers_that_cannot_be_decoded(struct peer_link *link, uint32_t stream)
{
    static const uint8_t block[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    send_block(link, stream, block, sizeof block, FLAG_END_HEADERS);
}

static void informational_for_ever(struct peer_link *link, uint32_t stream)
{
    uint8_t block[64];
    flood(link, FRAME_HEADERS, FLAG_END_HEADERS, stream, block, peer_field(block, ":status", "103"));
}

static void a_wrong_content_type(struct peer_link *link, uint32_t stream)
{
    send_http(link, stream, "200", "text/html");
}

static void a_bad_gateway(struct peer_link *link, uint32_t stream)
{
    send_http(link, stream, "502", "text/html");
}

static void a_status_of_no_meaning(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, "99999999999999999999");
}

static void no_protobuf(struct peer_link *link, uint32_t stream)
{
    static const uint8_t nonsense[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, nonsense, sizeof nonsense);
    peer_trailers(link, stream, "0");
}

static void a_field_that_lies_about_its_size(struct peer_link *link, uint32_t stream)
{
    static const uint8_t lie[] = {0x08, 0x02, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f};
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, lie, sizeof lie);
    peer_trailers(link, stream, "0");
}

static void a_message_of_4_gib(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 0, UINT32_MAX);
}

static void a_message_that_is_cut(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 0, 100);
    peer_trailers(link, stream, "0");
}

static void a_message_shorter_than_its_data(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 0, 1);
    peer_trailers(link, stream, "0");
}

static void a_compressed_message(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    send_message_head(link, stream, 1, 2);
    peer_trailers(link, stream, "0");
}

static void messages_without_an_end(struct peer_link *link, uint32_t stream)
{
    static const uint8_t miss[] = {0, 0, 0, 0, 2, 0x08, 0x03};
    peer_headers(link, stream, NULL);
    flood(link, FRAME_DATA, 0, stream, miss, sizeof miss);
}

/* More than the client's windows of 1 and 16 MiB, and more than a message may have, with no regard for either. */
static void data_beyond_every_window(struct peer_link *link, uint32_t stream)
{
    uint8_t data[BLOCK_BYTES] = {0, 0x00, 0x50, 0, 0}; /* a message of 5,242,880 bytes, and no end */
    peer_headers(link, stream, NULL);
    for (int i = 0; i < 4000 && is_connected(link); i++) {
        peer_frame(link, FRAME_DATA, 0, stream, data, sizeof data);
        memset(data, 0xff, sizeof data);
    }
}

static void data_before_headers(struct peer_link *link, uint32_t stream)
{
    send_message_head(link, stream, 0, 2);
}

static void data_on_no_stream(struct peer_link *link, uint32_t stream)
{
    send_message_head(link, stream + 1000, 0, 2);
}

static void a_window_beyond_its_limit(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    send_window(link, 0, WINDOW_MAX);
}

static void a_streams_window_beyond_its_limit(struct peer_link *link, uint32_t stream)
{
    send_window(link, stream, WINDOW_MAX);
}

static void a_window_that_grows_by_nothing(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    send_window(link, 0, 0);
}

static void an_initial_window_beyond_its_limit(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    send_setting(link, 4, WINDOW_MAX + 1);
}

static void a_frame_size_of_nothing(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    send_setting(link, 5, 0);
}

static void a_frame_beyond_the_size_allowed(struct peer_link *link, uint32_t stream)
{
    static const uint8_t data[20000];
    peer_headers(link, stream, NULL);
    peer_frame(link, FRAME_DATA, 0, stream, data, sizeof data);
}

static void a_push(struct peer_link *link, uint32_t stream)
{
    static const uint8_t promise[] = {0, 0, 0, 2, 0x82, 0x87, 0x84};
    peer_frame(link, FRAME_PUSH, FLAG_END_HEADERS, stream, promise, sizeof promise);
}

static void a_goaway_that_takes_back_its_word(struct peer_link *link, uint32_t stream)
{
    peer_goaway(link, stream);
    peer_goaway(link, stream + 1000);
}

static void a_flood_of_settings(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    flood(link, FRAME_SETTINGS, 0, 0, NULL, 0);
}

static void a_flood_of_pings(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    flood(link, FRAME_PING, 0, 0, "12345678", 8);
}

static void a_flood_of_priorities(struct peer_link *link, uint32_t stream)
{
    static const uint8_t priority[5] = {0, 0, 0, 0, 16};
    flood(link, FRAME_PRIORITY, 0, stream, priority, sizeof priority);
}

static void a_flood_of_empty_data(struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    flood(link, FRAME_DATA, 0, stream, NULL, 0);
}

static void a_flood_of_resets(struct peer_link *link, uint32_t stream)
{
    flood(link, FRAME_RESET, 0, stream, "\0\0\0\2", 4);
}

static void half_a_frame(struct peer_link *link, uint32_t stream)
{
    (void)stream;
    peer_send(link, "\0\1\0\0", 4);
}

/* What the first request comes to. */
struct game {
    const char *name;
    void (*play)(struct peer_link *link, uint32_t stream);
    mayfly_status status;
};

#define GAME(game, status)                                                                                   \
    {                                                                                                        \
#game, game, status                                                                                  \
    }

static const struct game games[] = {
    GAME(oversized_headers, MAYFLY_RESOURCE_EXHAUSTED),
    GAME(oversized_trailers, MAYFLY_RESOURCE_EXHAUSTED),
    GAME(headers_without_an_end, MAYFLY_UNAVAILABLE),
    GAME(continuations_of_nothing, MAYFLY_UNAVAILABLE),
    GAME(trailers_without_an_end, MAYFLY_INTERNAL),
    GAME(a_header_bomb, MAYFLY_RESOURCE_EXHAUSTED),
    GAME(headers_that_cannot_be_decoded, MAYFLY_UNAVAILABLE),
    GAME(informational_for_ever, MAYFLY_RESOURCE_EXHAUSTED),
    GAME(a_wrong_content_type, MAYFLY_UNKNOWN),
    GAME(a_bad_gateway, MAYFLY_UNAVAILABLE),
    GAME(a_status_of_no_meaning, MAYFLY_UNKNOWN),
    GAME(no_protobuf, MAYFLY_INTERNAL),
    GAME(a_field_that_lies_about_its_size, MAYFLY_INTERNAL),
    GAME(a_message_of_4_gib, MAYFLY_RESOURCE_EXHAUSTED),
    GAME(a_message_that_is_cut, MAYFLY_INTERNAL),
    GAME(a_message_shorter_than_its_data, MAYFLY_INTERNAL),
    GAME(a_compressed_message, MAYFLY_INTERNAL),
    GAME(messages_without_an_end, MAYFLY_INTERNAL),
    GAME(data_beyond_every_window, MAYFLY_INTERNAL),
    GAME(data_before_headers, MAYFLY_UNAVAILABLE),
    GAME(data_on_no_stream, MAYFLY_UNAVAILABLE),
    GAME(a_window_beyond_its_limit, MAYFLY_UNAVAILABLE),
    GAME(a_streams_window_beyond_its_limit, MAYFLY_INTERNAL),
    GAME(a_window_that_grows_by_nothing, MAYFLY_UNAVAILABLE),
    GAME(an_initial_window_beyond_its_limit, MAYFLY_UNAVAILABLE),
    GAME(a_frame_size_of_nothing, MAYFLY_UNAVAILABLE),
    GAME(a_frame_beyond_the_size_allowed, MAYFLY_UNAVAILABLE),
    GAME(a_push, MAYFLY_UNAVAILABLE),
    GAME(a_goaway_that_takes_back_its_word, MAYFLY_UNAVAILABLE),
    GAME(a_flood_of_settings, MAYFLY_UNAVAILABLE),
    GAME(a_flood_of_pings, MAYFLY_UNAVAILABLE),
    GAME(a_flood_of_priorities, MAYFLY_UNAVAILABLE),
    GAME(a_flood_of_empty_data, MAYFLY_UNAVAILABLE),
    GAME(a_flood_of_resets, MAYFLY_INTERNAL),
    GAME(half_a_frame, MAYFLY_UNAVAILABLE),
};

static const struct game *game;

/* Plays the game once, on the first request of all, and is a good server from then on. */
static void play_once(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)peer;
    if (request == 0)
        game->play(link, stream);
    else
        peer_answer_miss(link, stream);
}

static mayfly_request get(void)
{
    return mayfly_get("cache", mayfly_text("key"));
}

static mayfly_client *open_wary(const struct peer *peer)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.retries = 0;
    configuration.max_channels = 1;
    configuration.keepalive_interval_ms = 200;
    configuration.keepalive_timeout_ms = 200;
    configuration.deadline_ms = DEADLINE_MS;
    return client_open_with(&configuration, peer->port, MAYFLY_DRIVEN_BY_CALLER);
}

static void each_game_costs_a_call_or_a_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof games / sizeof games[0]; i++) {
        struct peer *peer = calloc(1, sizeof *peer);
        assert_non_null(peer);
        game = &games[i];
        peer_start(peer, play_once);
        mayfly_client *client = open_wary(peer);
        size_t before = mallinfo2().uordblks;
        mayfly_reply *reply = call(client, get());
        size_t growth = mallinfo2().uordblks - before;
        if (reply->status != game->status || strlen(reply->message) == 0)
            fail_msg("%s: %s (%s)", game->name, mayfly_status_name(reply->status), reply->message);
        if ((ptrdiff_t)growth > (ptrdiff_t)GROWTH_MAX_BYTES)
            fail_msg("%s takes %zu bytes", game->name, growth);
        mayfly_reply_free(reply);

        /* A connection that is not well yet may cost another call; then all is as it was. */
        mayfly_status status = MAYFLY_UNKNOWN;
        for (int again = 0; again < 3 && status != MAYFLY_OK; again++)
            status = status_of(client, get());
        if (status != MAYFLY_OK)
            fail_msg("%s leaves the client with %s", game->name, mayfly_status_name(status));
        assert_true(mayfly_client_count(client).disconnects <= 1);
        mayfly_client_close(client);
        peer_stop(peer);
        free(peer);
    }
}

/* --- Games that an honest answer follows --- */

static void play_and_answer(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)peer;
    switch (request) {
    case 0: /* frames that nobody knows are passed over */
        for (int i = 0; i < 2000; i++)
            peer_frame(link, FRAME_UNKNOWN, 0xff, i % 2 == 0 ? 0 : stream, "nobody knows", 12);
        break;
    case 1: /* a table for compression of 4 GiB is the client's to decline */
        send_setting(link, 1, UINT32_MAX);
        break;
    case 2: /* settings that change their mind */
        for (int i = 0; i < 200; i++)
            send_setting(link, 4, i % 2 == 0 ? 0 : 65535);
        break;
    case 3: /* as many calls as there may ever be, and then a hundred */
        send_setting(link, 3, UINT32_MAX);
        send_setting(link, 3, 100);
        break;
    case 4: /* pings that are no answers to anything */
        for (int i = 0; i < 500; i++)
            peer_frame(link, FRAME_PING, FLAG_ACK, 0, "12345678", 8);
        break;
    default: /* a window that grows in many small steps */
        for (int i = 0; i < 2000; i++)
            send_window(link, i % 2 == 0 ? 0 : stream, 1);
    }
    peer_answer_miss(link, stream);
}

static void what_is_odd_but_allowed_costs_nothing(void **state)
{
    (void)state;
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer_start(peer, play_and_answer);
    mayfly_client *client = open_wary(peer);
    for (int i = 0; i < 6; i++)
        assert_int_equal(outcome_of(client, get()), MAYFLY_MISS);
    assert_int_equal(mayfly_client_count(client).disconnects, 0);
    mayfly_client_close(client);
    peer_stop(peer);
    free(peer);
}

/* --- A window that never opens --- */

static void shut_the_window(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)peer;
    (void)request;
    send_setting(link, 4, 0);
    peer_answer_miss(link, stream);
}

static void on_end(void *context, const mayfly_reply *reply)
{
    int *timed_out = context;
    *timed_out += reply->status == MAYFLY_DEADLINE_EXCEEDED;
}

static void a_window_that_never_opens_costs_its_calls_and_keeps_nothing_of_them(void **state)
{
    (void)state;
    enum { CALLS = 50, VALUE_BYTES = 1 << 20 };
    struct peer *peer = calloc(1, sizeof *peer);
    char *value = calloc(1, VALUE_BYTES);
    assert_true(peer != NULL && value != NULL);
    peer_start(peer, shut_the_window);
    mayfly_client *client = open_wary(peer);
    assert_int_equal(outcome_of(client, get()), MAYFLY_MISS);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int round = 0; round < 2; round++) {
        int timed_out = 0;
        mayfly_request set =
            mayfly_set("cache", mayfly_text("key"), (mayfly_bytes){value, VALUE_BYTES}, 60000);
        set.deadline_ms = 100;
        for (int i = 0; i < CALLS; i++)
            assert_int_equal(mayfly_start(client, &set, on_end, &timed_out, NULL), MAYFLY_OK);
        while (mayfly_client_count(client).in_flight + mayfly_client_count(client).backlog > 0)
            assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
        assert_int_equal(timed_out, CALLS);
    }
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < before + GROWTH_MAX_BYTES);
    mayfly_client_close(client);
    peer_stop(peer);
    free(value);
    free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_game_costs_a_call_or_a_connection),
        cmocka_unit_test(what_is_odd_but_allowed_costs_nothing),
        cmocka_unit_test(a_window_that_never_opens_costs_its_calls_and_keeps_nothing_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
