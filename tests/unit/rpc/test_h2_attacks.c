/* Attacks on a server of ours, and games that are none but try its limits. Each is stopped by a limit of its own, at a
 * bounded cost, with the error that the RFC has for it; or it costs nothing, and an honest call goes on beside it. */
#include "rpc/engine.h"
#include "rpc/h2_peer.h"

#include <malloc.h>

static const uint8_t zeros[16384];

static void request(struct peer *peer, uint32_t stream, const char *text)
{
    peer_headers(peer, 0, stream, unary_request);
    peer_message(peer, FLAG_END_STREAM, stream, 0, text);
}

/* What is allocated, large blocks too. Zero under sanitizers, whose own allocator does not say. */
static size_t memory_taken(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void assert_goaway(const struct peer *peer, unsigned code)
{
    char text[16];
    const char *goaway = strstr(peer->heard, "GOAWAY(");
    assert_non_null(goaway);
    (void)snprintf(text, sizeof text, " %u)", code);
    assert_non_null(strstr(goaway, text));
    assert_true(peer->end->over);
}

/* An honest call works. */
static void assert_serves(struct peer *peer, uint32_t stream)
{
    char expected[64];
    peer->heard[0] = '\0';
    request(peer, stream, "honest");
    peer_talk(peer);
    (void)snprintf(expected, sizeof expected, "HEADERS(%u grpc-status=0)", stream);
    assert_heard(peer, expected);
    assert_false(peer->end->over);
}

static void assert_told_to_calm_down(struct peer *peer)
{
    assert_goaway(peer, H2_ENHANCE_YOUR_CALM);
    assert_true(h2_finished(peer->end->h2));
}

/* --- Header blocks --- */

static void continuations_of_nothing_are_ended(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    struct buffer block = {0};
    put_fields(&block, unary_request);
    peer_frame(peer, FRAME_HEADERS, 0, 1, buffer_bytes(&block));
    buffer_free(&block);
    for (int i = 0; i < 1000; i++)
        peer_frame(peer, FRAME_CONTINUATION, 0, 1, bytes_make(NULL, 0));
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

static void a_block_without_an_end_is_ended(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    size_t before = memory_taken();
    peer_frame(peer, FRAME_HEADERS, 0, 1, bytes_make(zeros, 0));
    for (int i = 0; i < 30; i++)
        peer_frame(peer, FRAME_CONTINUATION, 0, 1, bytes_make(zeros, 16000));
    size_t written = peer->out.capacity;
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    assert_true(memory_taken() < before + written + (size_t)1024 * 1024);
    peer_free(peer);
}

static void a_block_that_is_interrupted_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    struct buffer block = {0};
    put_fields(&block, unary_request);
    peer_frame(peer, FRAME_HEADERS, 0, 1, buffer_bytes(&block));
    buffer_free(&block);
    peer_frame(peer, FRAME_PING, 0, 0, bytes_make(zeros, 8));
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(0 1)"); /* PROTOCOL_ERROR */
    assert_int_equal(peer->end->talk_count, 0);
    peer_free(peer);
}

static void a_block_in_many_pieces_is_one_block(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    struct buffer block = {0};
    put_fields(&block, unary_request);
    size_t piece = block.size / 20 + 1;
    for (size_t at = 0; at < block.size; at += piece) {
        size_t size = block.size - at < piece ? block.size - at : piece;
        peer_frame(peer, at == 0 ? FRAME_HEADERS : FRAME_CONTINUATION,
                   at + size == block.size ? FLAG_END_HEADERS : 0, 1, bytes_make(block.data + at, size));
    }
    buffer_free(&block);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "hello");
    peer_talk(peer);
    assert_string_equal(first_talk(peer)->story, "opened message(hello) closed(OK)");
    peer_free(peer);
}

/* A few kilobytes that stand for sixty megabytes of fields. */
static void a_bomb_of_indices_costs_its_call_and_no_memory(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    struct buffer block = {0};
    char value[3900];
    memset(value, 'x', sizeof value);
    put_fields(&block, unary_request);
    put_field(&block, bytes_of("bomb"), bytes_make(value, sizeof value));
    /* The last field once more, into the table this time: it begins behind all others. */
    size_t last = block.size - sizeof value - 4 - 6;
    assert_int_equal(block.data[last], 0);
    block.data[last] = 0x40;
    static const uint8_t newest[12000] = {0};
    size_t start = block.size;
    assert_true(buffer_append(&block, bytes_make(newest, sizeof newest)));
    memset(block.data + start, 0xbe, sizeof newest);
    size_t before = memory_taken();
    peer_block(peer, 0, 1, &block);
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=200 content-type=application/grpc grpc-status=8");
    assert_int_equal(peer->end->refused[H2_REFUSED_HEADER_SIZE], 1);
    assert_true(memory_taken() < before + (size_t)256 * 1024);
    assert_serves(peer, 3);
    peer_free(peer);
}

/* Nor time: what is behind the limit is not looked at, so that the upper case there is not found. */
static void fields_behind_the_limit_are_not_looked_at(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.header_bytes = 1000;
    struct peer *peer = client_peer(&limits);
    char value[1000];
    memset(value, 'x', sizeof value);
    for (uint32_t is_trailers = 0; is_trailers < 2; is_trailers++) {
        uint32_t stream = 1 + 2 * is_trailers;
        struct buffer block = {0};
        if (is_trailers == 1)
            peer_headers(peer, 0, stream, unary_request);
        else
            put_fields(&block, unary_request);
        put_field(&block, bytes_of("long"), bytes_make(value, sizeof value));
        put_field(&block, bytes_of("Upper"), bytes_of("case"));
        peer_block(peer, FLAG_END_STREAM, stream, &block);
    }
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=200 content-type=application/grpc grpc-status=8");
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=8");
    assert_not_heard(peer, "RST_STREAM");
    assert_int_equal(peer->end->refused[H2_REFUSED_HEADER_SIZE], 2);
    peer_free(peer);
}

static void a_table_that_is_resized_all_the_time_is_fine(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const uint8_t resizes[] = {0x20, 0x3f, 0xe1, 0x1f}; /* nothing, and 4,096 bytes again */
    struct buffer block = {0};
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append(&block, bytes_make(resizes, sizeof resizes)));
    put_fields(&block, unary_request);
    peer_block(peer, 0, 1, &block);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "hello");
    peer_talk(peer);
    assert_string_equal(first_talk(peer)->story, "opened message(hello) closed(OK)");
    peer_free(peer);
}

static void a_table_beyond_its_limit_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const uint8_t too_large[] = {0x3f, 0xe2, 0x1f};
    peer_frame(peer, FRAME_HEADERS, FLAG_END_HEADERS, 1, bytes_make(too_large, sizeof too_large));
    peer_talk(peer);
    assert_goaway(peer, H2_COMPRESSION_ERROR);
    peer_free(peer);
}

static void put_setting(struct peer *peer, uint8_t setting, uint32_t value)
{
    uint8_t payload[SETTING_BYTES] = {0, setting};
    number_write(payload + 2, value);
    peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(payload, sizeof payload));
}

/* What was prepared is thrown away with each change, and what is sent can always be read. */
static void a_peers_table_may_change_under_what_was_prepared(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4096, 0, 100, 64, UINT32_MAX, 0, 4096};
    struct peer *peer = client_peer(&h2_default_limits);
    uint32_t stream = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put_setting(peer, 1, sizes[i]);
        assert_int_equal(nghttp2_hd_inflate_change_table_size(peer->inflater, sizes[i]), 0);
        for (int call = 0; call < 4; call++, stream += 2)
            assert_serves(peer, stream);
    }
    peer_free(peer);
}

/* --- What was seen before --- */

/* A field that goes into the table, RFC 7541 section 6.2.1. */
static void put_kept(struct buffer *block, const char *name, const char *value)
{
    size_t start = block->size;
    put_field(block, bytes_of(name), bytes_of(value));
    block->data[start] = 0x40;
}

static void peer_request_block(struct peer *peer, uint32_t stream, struct bytes block)
{
    peer_frame(peer, FRAME_HEADERS, FLAG_END_HEADERS, stream, block);
    peer_message(peer, FLAG_END_STREAM, stream, 0, "x");
}

/* The same six bytes again and again, and now and then another cache goes into the table, so that the last of them names
 * that one: what was seen before is not what is meant. */
static void the_same_block_is_read_anew_when_the_table_has_changed(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const caches[] = {"blue", "green", "red"};
    /* POST, http, and the last four that went into the table: path, authority, content type, cache. */
    static const uint8_t indices[] = {0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe};
    uint32_t stream = 1;
    for (size_t i = 0; i < 3; i++) {
        struct buffer block = {0};
        assert_true(buffer_append(&block, bytes_make(indices, 2)));
        put_kept(&block, ":path", "/test.Service/Unary");
        put_kept(&block, ":authority", "localhost");
        put_kept(&block, "content-type", "application/grpc");
        put_kept(&block, "cache", caches[i]);
        peer_request_block(peer, stream, buffer_bytes(&block));
        buffer_free(&block);
        stream += 2;
        for (int again = 0; again < 3; again++, stream += 2)
            peer_request_block(peer, stream, bytes_make(indices, sizeof indices));
    }
    peer_talk(peer);
    assert_int_equal(peer->end->talk_count, 12);
    for (size_t i = 0; i < 12; i++) {
        const struct talk *talk = &peer->end->talks[i];
        assert_string_equal(talk->story, "opened message(x) closed(OK)");
        assert_bytes(metadata_find(talk->metadata, "cache"), caches[i / 4]);
    }
    peer_free(peer);
}

/* Short blocks, which are kept, that differ in one letter. */
static void blocks_that_differ_in_one_place_are_told_apart(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    uint32_t stream = 1;
    struct buffer block = {0};
    assert_true(buffer_append(&block, bytes_make("\x83\x86", 2)));
    put_kept(&block, ":path", "/test.Service/Unary");
    put_kept(&block, ":authority", "localhost");
    put_kept(&block, "content-type", "application/grpc");
    peer_request_block(peer, stream, buffer_bytes(&block));
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < (size_t)26 * 8; i++) {
            char cache[] = "00000000";
            cache[i % 8] = (char)('a' + i / 8);
            block.size = 0;
            assert_true(buffer_append(&block, bytes_make("\x83\x86\xc0\xbf\xbe", 5)));
            put_field(&block, bytes_of("cache"), bytes_of(cache));
            stream += 2;
            peer_request_block(peer, stream, buffer_bytes(&block));
        }
    buffer_free(&block);
    peer_talk(peer);
    assert_int_equal(peer->end->talk_count, 1 + 2 * 26 * 8);
    for (size_t i = 0; i < (size_t)2 * 26 * 8; i++) {
        char cache[] = "00000000";
        cache[i % 8] = (char)('a' + i / 8 % 26);
        assert_bytes(metadata_find(peer->end->talks[1 + i].metadata, "cache"), cache);
    }
    peer_free(peer);
}

/* --- Frames that cost nothing --- */

/* Of which so many are allowed, and no more come with time. */
static struct h2_limits limits_of_chatter(uint32_t burst)
{
    struct h2_limits limits = h2_default_limits;
    limits.pings_burst = burst;
    limits.pings_per_second = 0;
    return limits;
}

static void assert_flood_is_ended(uint8_t type, uint32_t stream, size_t size)
{
    struct h2_limits limits = h2_default_limits;
    limits.resets_burst = 1000;
    struct peer *peer = client_peer(&limits);
    request(peer, 1, "x");
    peer_talk(peer);
    for (int i = 0; i < 5000; i++)
        peer_frame(peer, type, 0, stream, bytes_make(zeros, size));
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

static void floods_are_told_to_calm_down(void **state)
{
    (void)state;
    assert_flood_is_ended(FRAME_PRIORITY, 3, 5);
    assert_flood_is_ended(FRAME_RST_STREAM, 1, 4); /* of a stream that is over */
    assert_flood_is_ended(FRAME_DATA, 1, 100);     /* likewise */
    assert_flood_is_ended(FRAME_PING, 0, 8);
    assert_flood_is_ended(FRAME_SETTINGS, 0, 0);
}

static void content_that_is_padding_alone_is_told_to_calm_down(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    for (int i = 0; i < 2000; i++)
        peer_frame(peer, FRAME_DATA, FLAG_PADDED, 1, bytes_make("\1", 2));
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

/* To end a call with an empty frame is usual, and needs no reply to make up for it. */
static void calls_that_end_with_an_empty_frame_are_fine(void **state)
{
    (void)state;
    struct h2_limits limits = limits_of_chatter(1);
    struct peer *peer = client_peer(&limits);
    peer->pair->answer = answer_nothing;
    for (uint32_t i = 0; i < 100; i++) {
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
        peer_message(peer, 0, 1 + 2 * i, 0, "x");
        peer_frame(peer, FRAME_DATA, FLAG_END_STREAM, 1 + 2 * i, bytes_make(NULL, 0));
    }
    peer_talk(peer);
    assert_false(peer->end->over);
    for (size_t i = 0; i < 100; i++)
        assert_string_equal(peer->end->talks[i].story, "opened message(x)");
    peer_free(peer);
}

static void a_server_that_takes_its_leave_for_ever_is_told_to_calm_down(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    (void)call_with(peer->pair, UNARY, "x");
    for (int i = 0; i < 2000; i++)
        peer_goaway(peer, 0x7fffffff, H2_NO_ERROR);
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

/* A server may reset each stream that it has answered early, and none of them again and again. */
static void resets_of_calls_that_are_over_are_expected_once_a_call(void **state)
{
    (void)state;
    static const char *const refusal[] = {":status=200", "content-type=application/grpc", "grpc-status=16",
                                          NULL};
    enum { CALLS = 100 };
    struct h2_limits limits = limits_of_chatter(1);
    struct peer *peer = server_peer(&limits);
    for (uint32_t i = 0; i < CALLS; i++) {
        (void)call_with(peer->pair, UNARY, "x");
        peer_headers(peer, FLAG_END_STREAM, 1 + 2 * i, refusal);
        peer_number_frame(peer, FRAME_RST_STREAM, 1 + 2 * i, H2_NO_ERROR);
    }
    peer_collect(peer);
    peer_talk(peer);
    assert_false(peer->end->over);
    for (size_t i = 0; i < CALLS; i++)
        assert_string_equal(peer->end->talks[i].story, "closed(UNAUTHENTICATED)");
    for (int more = 0; more < 2; more++) { /* one more is allowed, and none behind it */
        assert_false(peer->end->over);
        peer_number_frame(peer, FRAME_RST_STREAM, 1, H2_NO_ERROR);
        peer_talk(peer);
    }
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

/* A server takes its leave in two steps: the notice, and the last call that it has seen. More of them that leave calls
 * out count for the look at all calls that each of them costs. */
static void a_leave_that_is_taken_by_and_by_costs_more(void **state)
{
    (void)state;
    enum { CALLS = 4000, WALKS = 3 }; /* of more than 16,000 places, 4,096 of which count as one frame */
    struct h2_limits limits = limits_of_chatter(1 + 4 + WALKS); /* SETTINGS and four GOAWAYs */
    struct peer *peer = server_peer(&limits);
    for (int i = 0; i < CALLS; i++)
        (void)call_with(peer->pair, UNARY, "x");
    peer_collect(peer);
    peer->in.size = 0;
    const uint32_t last_ids[] = {0x7fffffff, 2001, 1001, 501};
    for (size_t i = 0; i < sizeof last_ids / sizeof last_ids[0]; i++) {
        assert_false(peer->end->over);
        peer_goaway(peer, last_ids[i], H2_NO_ERROR);
        peer_talk(peer);
        assert_int_equal(peer->end->h2->calls, last_ids[i] < 2 * CALLS ? (last_ids[i] + 1) / 2 : CALLS);
    }
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

static void settings_that_cost_much_are_fewer(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.max_streams = 4000;
    static const uint8_t windows[] = {0, 4, 0, 0, 0xff, 0xfe, 0, 4, 0, 0, 0xff, 0xff};
    for (uint32_t streams = 1; streams <= limits.max_streams; streams += limits.max_streams - 1) {
        struct peer *peer = client_peer(&limits);
        for (uint32_t i = 0; i < streams; i++)
            peer_headers(peer, 0, 1 + 2 * i, unary_request);
        for (int i = 0; i < 500; i++)
            peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(windows, sizeof windows));
        peer_talk(peer);
        assert_int_equal(peer->end->talk_count, streams);
        if (streams == 1)
            assert_false(peer->end->over);
        else
            assert_told_to_calm_down(peer);
        peer_free(peer);
    }
}

static void a_frame_of_many_settings_is_told_to_calm_down(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(zeros, (size_t)33 * 6));
    peer_talk(peer);
    assert_told_to_calm_down(peer);
    peer_free(peer);
}

static void frames_of_unknown_kinds_cost_nothing(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    size_t before = memory_taken();
    for (int i = 0; i < 2000; i++) {
        peer_frame(peer, (uint8_t)(10 + i % 240), 0xff, (uint32_t)i,
                   bytes_make(zeros, (size_t)i * 8 % 16384));
        peer_talk(peer);
    }
    assert_true(memory_taken() < before + (size_t)256 * 1024);
    assert_serves(peer, 1);
    peer_free(peer);
}

/* --- Windows --- */

/* The first frame of what was collected and not read, which goes on behind it; false where there is none. */
static bool next_frame(struct bytes *in, struct frame *frame, const uint8_t **payload)
{
    if (in->size < FRAME_HEAD_BYTES)
        return false;
    *frame = frame_read(in->data);
    *payload = in->data + FRAME_HEAD_BYTES;
    *in = bytes_make(*payload + frame->size, in->size - FRAME_HEAD_BYTES - frame->size);
    return true;
}

static size_t content_heard(const struct peer *peer)
{
    size_t bytes = 0;
    struct frame frame;
    const uint8_t *payload;
    for (struct bytes in = buffer_bytes(&peer->in); next_frame(&in, &frame, &payload);)
        bytes += frame.type == FRAME_DATA ? frame.size : 0;
    return bytes;
}

static void answer_large(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)message;
    talk_send(talk, bytes_make(zeros, 10000));
    talk_finish(talk, STATUS_OK, "");
}

static void a_window_is_never_overrun(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer->pair->answer = answer_large;
    put_setting(peer, 4, 0);
    request(peer, 1, "x");
    peer_talk(peer);
    size_t expected = 0;
    for (uint32_t step = 0; step <= 100; step++) {
        end_receive(peer->end, buffer_bytes(&peer->out));
        peer->out.size = 0;
        peer_collect(peer);
        assert_int_equal(content_heard(peer), expected);
        peer_number_frame(peer, FRAME_WINDOW_UPDATE, 1, step + 1);
        expected += step + 1;
    }
    put_setting(peer, 4, 65535); /* what the setting adds, all streams get */
    end_receive(peer->end, buffer_bytes(&peer->out));
    peer->out.size = 0;
    peer_collect(peer);
    assert_int_equal(content_heard(peer), 10005);
    assert_string_equal(first_talk(peer)->story, "opened message(x) closed(OK)");
    peer_free(peer);
}

static void answer_very_large(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)message;
    for (int i = 0; i < 5; i++)
        talk_send(talk, bytes_make(zeros, sizeof zeros));
    talk_finish(talk, STATUS_OK, "");
}

/* Two replies wait for the connection's window, and then a setting takes their own. */
static void a_call_whose_window_is_taken_away_holds_nobody_up(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer->pair->answer = answer_very_large;
    request(peer, 1, "x");
    request(peer, 3, "x");
    peer_talk(peer);
    put_setting(peer, 4, 0);
    peer->pair->answer = NULL;
    request(peer, 5, "third");
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 0, 100000);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 5, 1000);
    peer_talk(peer);
    assert_heard(peer, "HEADERS(5 grpc-status=0)");
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 1, 100000);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 3, 100000);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 0, 100000);
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 grpc-status=0)");
    assert_heard(peer, "HEADERS(3 grpc-status=0)");
    peer_free(peer);
}

static void windows_that_stay_shut_hold_bounded_memory(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.buffered_bytes = (size_t)1 << 20;
    limits.max_streams = 1000;
    struct peer *peer = client_peer(&limits);
    put_setting(peer, 4, 0);
    size_t refused = 0;
    for (uint32_t i = 0; i < 900; i++) {
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
        peer_talk(peer);
        struct h2_call *call = peer->end->talks[i].call;
        assert_non_null(call);
        uint8_t *to = h2_message_begin(call, 10000);
        if (to != NULL)
            h2_message_end(call);
        refused += to == NULL;
    }
    assert_int_equal(900 - refused, (((size_t)1 << 20) - 10000) / 10005 + 1);
    assert_true(h2_room(peer->end->h2) < 10000);
    peer_free(peer);
}

/* Replies of a megabyte each, of all of which the last byte is never asked for. */
static void what_was_sent_of_a_reply_is_held_no_longer(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, CALLS = 50 };
    struct peer *peer = client_peer(&h2_default_limits);
    put_setting(peer, 4, SIZE + 5 - 1);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 0, CALLS * SIZE);
    peer_talk(peer);
    size_t before = memory_taken();
    for (uint32_t i = 0; i < CALLS; i++) {
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
        peer_talk(peer);
        struct h2_call *call = peer->end->talks[i].call;
        uint8_t *to = h2_message_begin(call, SIZE);
        assert_non_null(to);
        memset(to, 'y', SIZE);
        h2_message_end(call);
        peer_talk(peer);
        assert_int_equal(h2_queued(call), 1);
    }
    assert_true(memory_taken() < before + (size_t)8 * SIZE);
    peer_free(peer);
}

/* A message of a megabyte, and one of nothing behind it. */
static void what_a_stream_has_handed_on_is_held_no_longer(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, CALLS = 50 };
    static const char *const request_on_stream[] = {":method=POST",
                                                    ":scheme=http",
                                                    ":path=/test.Service/StreamBoth",
                                                    ":authority=localhost",
                                                    "te=trailers",
                                                    "content-type=application/grpc",
                                                    NULL};
    struct peer *peer = client_peer(&h2_default_limits);
    peer->pair->answer = answer_nothing;
    size_t before = memory_taken();
    for (uint32_t i = 0; i < CALLS; i++) {
        peer_headers(peer, 0, 1 + 2 * i, request_on_stream);
        peer_frame(peer, FRAME_DATA, 0, 1 + 2 * i, bytes_make("\0\0\x10\0\0", 5));
        for (size_t sent = 0; sent < SIZE; sent += sizeof zeros)
            peer_frame(peer, FRAME_DATA, 0, 1 + 2 * i, bytes_make(zeros, sizeof zeros));
        peer_frame(peer, FRAME_DATA, 0, 1 + 2 * i, bytes_make(zeros, 5));
        peer_talk(peer);
        assert_int_equal(peer->end->talks[i].messages, 2);
        buffer_free(&peer->end->talks[i].last_message);
    }
    assert_true(memory_taken() < before + (size_t)8 * SIZE);
    peer_free(peer);
}

static void a_window_beyond_its_limit_is_an_error(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 1, 0x7fffffff);
    peer_talk(peer);
    assert_heard(peer, "RST_STREAM(1 3)"); /* FLOW_CONTROL_ERROR, of the stream */
    assert_serves(peer, 3);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 0, 0x7fffffff);
    peer_talk(peer);
    assert_goaway(peer, H2_FLOW_CONTROL_ERROR);
    peer_free(peer);
}

static void a_setting_that_opens_windows_beyond_their_limit_is_an_error(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 1, 0x7fff0000);
    put_setting(peer, 4, 0x7fffffff);
    peer_talk(peer);
    assert_goaway(peer, H2_FLOW_CONTROL_ERROR);
    peer_free(peer);
}

/* Frames are smaller than windows that are of use, which are opened again in time; so this one is of none. */
static void content_beyond_our_windows_is_an_error(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.stream_window_bytes = 10;
    struct peer *peer = client_peer(&limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_frame(peer, FRAME_DATA, 0, 1, bytes_make(zeros, 11));
    peer_talk(peer);
    assert_heard(peer, "RST_STREAM(1 3)"); /* FLOW_CONTROL_ERROR */
    assert_false(peer->end->over);
    peer_free(peer);
}

/* What the peer was told that its window on a stream has become larger by. */
static size_t opened_by(const struct peer *peer, uint32_t stream)
{
    size_t bytes = 0;
    struct frame frame;
    const uint8_t *payload;
    for (struct bytes in = buffer_bytes(&peer->in); next_frame(&in, &frame, &payload);)
        if (frame.type == FRAME_WINDOW_UPDATE && frame.stream_id == stream)
            bytes += number_read(payload);
    return bytes;
}

/* Until it knows ours, a peer counts on the protocol's window; what it has sent by then must not leave it with none. */
static void a_window_smaller_than_a_peer_thought_opens_again(void **state)
{
    (void)state;
    enum { WINDOW_BYTES = 16384, SENT_BYTES = 30000 };
    struct h2_limits limits = h2_default_limits;
    limits.stream_window_bytes = WINDOW_BYTES;
    struct peer *peer = peer_of(H2_SERVER, &limits, false);
    peer_put(peer, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    peer_frame(peer, FRAME_SETTINGS, 0, 0, bytes_make(NULL, 0));
    peer_headers(peer, 0, 1, unary_request);
    peer_frame(peer, FRAME_DATA, 0, 1, bytes_make("\0\0\1\0\0", 5)); /* a message of 64 KiB */
    for (size_t sent = 5; sent < SENT_BYTES; sent += 5999)
        peer_frame(peer, FRAME_DATA, 0, 1, bytes_make(zeros, 5999));
    peer_frame(peer, FRAME_SETTINGS, FLAG_ACK, 0, bytes_make(NULL, 0));
    end_receive(peer->end, buffer_bytes(&peer->out));
    peer->out.size = 0;
    peer_collect(peer);
    assert_false(peer->end->over);
    assert_true(WINDOW_BYTES + opened_by(peer, 1) > SENT_BYTES);
    peer_free(peer);
}

/* --- Streams --- */

static void half_open_calls_are_bounded_and_disturb_nobody(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    for (uint32_t i = 0; i < 500; i++)
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
    peer_talk(peer);
    assert_int_equal(peer->end->talk_count, 100);
    assert_int_equal(peer->end->h2->calls, 100);
    assert_heard(peer, "RST_STREAM(201 7)"); /* REFUSED_STREAM: may be sent again */
    assert_false(peer->end->over);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "at last");
    peer_talk(peer);
    assert_string_equal(first_talk(peer)->story, "opened message(at last) closed(OK)");
    assert_serves(peer, 1001);
    peer_free(peer);
}

static void streams_in_no_order_end_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    request(peer, 5, "x");
    request(peer, 3, "y");
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(5 5)"); /* STREAM_CLOSED */
    assert_int_equal(peer->end->talk_count, 1);
    peer_free(peer);
}

/* After the last stream that there can be, a server that drains ends as after any other. */
static void the_last_stream_is_one_like_others(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    request(peer, 0x7fffffff, "x");
    peer_talk(peer);
    h2_drain(peer->end->h2);
    peer_frame(peer, FRAME_PING, FLAG_ACK, 0, bytes_make("drain\0\0", 8));
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(2147483647 0) GOAWAY(2147483647 0)");
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

/* Near the end of the numbers a client offers as many calls as it has numbers for, whether they have got theirs or not. */
static void calls_are_offered_while_there_are_numbers(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    ((struct engine_connection *)peer->end->h2)->last_id = 0x7fffffff - 2 * 3;
    peer_number_frame(peer, FRAME_WINDOW_UPDATE, 0, 1 << 24);
    put_setting(peer, 4, 1 << 24);
    peer_talk(peer);
    struct talk *large = call_start(peer->pair, STREAM_IN);
    for (int i = 0; i < 80; i++)
        talk_send(large, bytes_make(zeros, sizeof zeros));
    (void)h2_pending(peer->end->h2); /* so much that calls behind it wait for their numbers */
    for (int i = 0; i < 2; i++) {
        assert_true(h2_capacity(peer->end->h2) > 0);
        (void)call_with(peer->pair, UNARY, "x");
    }
    assert_int_equal(h2_capacity(peer->end->h2), 0);
    assert_null(h2_call_start(peer->end->h2, UNARY, NULL, CLOCK_NEVER, NULL));
    peer_talk(peer);
    assert_heard(peer, "HEADERS(2147483647");
    assert_int_equal(h2_capacity(peer->end->h2), 0);
    peer_free(peer);
}

static void late_frames_for_a_call_that_the_server_has_cut_off_are_passed_over(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.message_bytes = 10;
    struct peer *peer = client_peer(&limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_message(peer, 0, 1, 0, "more than ten bytes");
    for (int i = 0; i < 3000; i++)
        peer_frame(peer, FRAME_DATA, 0, 1, bytes_make(zeros, 1000));
    peer_frame(peer, FRAME_DATA, FLAG_END_STREAM, 1, bytes_make(zeros, 10));
    peer_talk(peer);
    assert_heard(peer, "RST_STREAM(1 0)");
    assert_false(peer->end->over);
    assert_serves(peer, 3);
    peer_free(peer);
}

static void answer_early(struct pair_end *server, struct talk *talk)
{
    (void)server;
    talk_finish(talk, STATUS_UNAUTHENTICATED, "who are you?");
}

/* Thousands at once, all answered before their messages come. */
static void late_frames_are_passed_over_for_as_many_calls_as_may_be_open(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.max_streams = 4000;
    struct peer *peer = client_peer(&limits);
    peer->pair->answer_opened = answer_early;
    for (uint32_t i = 0; i < 3000; i++)
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
    for (uint32_t i = 0; i < 3000; i++)
        peer_message(peer, FLAG_END_STREAM, 1 + 2 * i, 0, "x");
    struct bytes out = buffer_bytes(&peer->out);
    end_receive(peer->end, out);
    peer->out.size = 0;
    peer_collect(peer);
    assert_false(peer->end->over);
    assert_int_equal(peer->end->talk_count, 3000);
    assert_string_equal(h2_error(peer->end->h2), "");
    peer_free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuations_of_nothing_are_ended),
        cmocka_unit_test(a_block_without_an_end_is_ended),
        cmocka_unit_test(a_block_that_is_interrupted_ends_the_connection),
        cmocka_unit_test(a_block_in_many_pieces_is_one_block),
        cmocka_unit_test(a_bomb_of_indices_costs_its_call_and_no_memory),
        cmocka_unit_test(fields_behind_the_limit_are_not_looked_at),
        cmocka_unit_test(a_table_that_is_resized_all_the_time_is_fine),
        cmocka_unit_test(a_table_beyond_its_limit_ends_the_connection),
        cmocka_unit_test(a_peers_table_may_change_under_what_was_prepared),
        cmocka_unit_test(the_same_block_is_read_anew_when_the_table_has_changed),
        cmocka_unit_test(blocks_that_differ_in_one_place_are_told_apart),
        cmocka_unit_test(floods_are_told_to_calm_down),
        cmocka_unit_test(content_that_is_padding_alone_is_told_to_calm_down),
        cmocka_unit_test(calls_that_end_with_an_empty_frame_are_fine),
        cmocka_unit_test(a_server_that_takes_its_leave_for_ever_is_told_to_calm_down),
        cmocka_unit_test(resets_of_calls_that_are_over_are_expected_once_a_call),
        cmocka_unit_test(a_leave_that_is_taken_by_and_by_costs_more),
        cmocka_unit_test(settings_that_cost_much_are_fewer),
        cmocka_unit_test(a_frame_of_many_settings_is_told_to_calm_down),
        cmocka_unit_test(frames_of_unknown_kinds_cost_nothing),
        cmocka_unit_test(a_window_is_never_overrun),
        cmocka_unit_test(a_call_whose_window_is_taken_away_holds_nobody_up),
        cmocka_unit_test(windows_that_stay_shut_hold_bounded_memory),
        cmocka_unit_test(what_was_sent_of_a_reply_is_held_no_longer),
        cmocka_unit_test(what_a_stream_has_handed_on_is_held_no_longer),
        cmocka_unit_test(a_window_beyond_its_limit_is_an_error),
        cmocka_unit_test(a_setting_that_opens_windows_beyond_their_limit_is_an_error),
        cmocka_unit_test(content_beyond_our_windows_is_an_error),
        cmocka_unit_test(a_window_smaller_than_a_peer_thought_opens_again),
        cmocka_unit_test(half_open_calls_are_bounded_and_disturb_nobody),
        cmocka_unit_test(streams_in_no_order_end_the_connection),
        cmocka_unit_test(the_last_stream_is_one_like_others),
        cmocka_unit_test(calls_are_offered_while_there_are_numbers),
        cmocka_unit_test(late_frames_are_passed_over_for_as_many_calls_as_may_be_open),
        cmocka_unit_test(late_frames_for_a_call_that_the_server_has_cut_off_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
