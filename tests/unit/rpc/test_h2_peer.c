/* The engine against peers that break rules, abuse them, or only use them otherwise than we do: frames
 * written by hand. */
#include "rpc/h2_peer.h"

/* --- Bytes that are no HTTP/2, or stop being it --- */

static void a_wrong_preface_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = peer_of(H2_SERVER, &h2_default_limits, false);
    const char *request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    peer_put(peer, request, strlen(request));
    peer_talk(peer);
    assert_true(peer->end->over);
    assert_true(h2_finished(peer->end->h2));
    assert_non_null(strstr(h2_error(peer->end->h2), "HTTP/2"));
    peer_free(peer);
}

static void a_truncated_frame_waits_for_its_rest(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "hello");
    peer->out.size -= 3;
    peer_talk(peer);
    assert_string_equal(first_talk(peer)->story, "opened");
    assert_false(peer->end->over);
    end_close(peer->end);
    assert_string_equal(first_talk(peer)->story, "opened closed(CANCELLED)");
    peer_free(peer);
}

static void a_frame_over_the_size_allowed_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    uint8_t *payload = calloc(1, 16385);
    assert_non_null(payload);
    peer_headers(peer, 0, 1, unary_request);
    peer_frame(peer, FRAME_DATA, 0, 1, bytes_make(payload, 16385));
    free(payload);
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(1 6)"); /* FRAME_SIZE_ERROR */
    assert_true(h2_finished(peer->end->h2));
    assert_true(h2_error(peer->end->h2)[0] != '\0');
    peer_free(peer);
}

static void data_on_no_stream_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_message(peer, 0, 0, 0, "hello");
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(0 1)"); /* PROTOCOL_ERROR */
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

static void a_header_block_that_cannot_be_decoded_ends_the_connection(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const uint8_t no_such_entry[] = {0xff, 0xff, 0x7f};
    peer_frame(peer, FRAME_HEADERS, FLAG_END_HEADERS, 1, bytes_make(no_such_entry, sizeof no_such_entry));
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(1 9)"); /* COMPRESSION_ERROR */
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

static void a_malformed_field_costs_its_call_only(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const upper_case[] = {":method=POST",
                                             ":scheme=http",
                                             ":authority=localhost",
                                             ":path=/test.Service/Unary",
                                             "Cache=blue",
                                             "content-type=application/grpc",
                                             NULL};
    peer_headers(peer, 0, 1, upper_case);
    peer_headers(peer, 0, 3, unary_request);
    peer_message(peer, FLAG_END_STREAM, 3, 0, "hello");
    peer_talk(peer);
    assert_heard(peer, "RST_STREAM(1 1)");
    assert_heard(peer, "HEADERS(3 grpc-status=0)");
    assert_string_equal(h2_error(peer->end->h2), "");
    assert_int_equal(peer->end->h2->calls, 0);
    peer_free(peer);
}

/* --- Requests that are not as gRPC wants them --- */

static void a_get_is_405_and_another_content_type_is_415(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const get[] = {":method=GET", ":scheme=http", ":path=/", ":authority=localhost", NULL};
    static const char *const json[] = {":method=POST",
                                       ":scheme=http",
                                       ":authority=localhost",
                                       ":path=/test.Service/Unary",
                                       "content-type=application/json",
                                       NULL};
    static const char *const almost[] = {":method=POST",
                                         ":scheme=http",
                                         ":authority=localhost",
                                         ":path=/test.Service/Unary",
                                         "content-type=application/grpcish",
                                         NULL};
    static const char *const none[] = {":method=POST", ":scheme=http", ":authority=localhost",
                                       ":path=/test.Service/Unary", NULL};
    peer_headers(peer, FLAG_END_STREAM, 1, get);
    peer_headers(peer, FLAG_END_STREAM, 3, json);
    peer_headers(peer, 0, 5, almost);
    peer_headers(peer, FLAG_END_STREAM, 7, none);
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=405)");
    assert_heard(peer, "HEADERS(3 :status=415)");
    assert_heard(peer, "HEADERS(5 :status=415)");
    assert_heard(peer, "HEADERS(7 :status=415)");
    assert_int_equal(peer->end->refused[H2_REFUSED_PROTOCOL], 4);
    assert_int_equal(peer->end->talk_count, 0);
    peer_free(peer);
}

static void forms_of_the_content_type_are_taken(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const forms[] = {"content-type=application/grpc+proto",
                                        "content-type=application/grpc;charset=utf-8"};
    for (uint32_t i = 0; i < 2; i++) {
        const char *const fields[] = {":method=POST",
                                      ":scheme=http",
                                      ":authority=localhost",
                                      ":path=/test.Service/Unary",
                                      forms[i],
                                      NULL};
        peer_headers(peer, 0, 1 + 2 * i, fields);
        peer_message(peer, FLAG_END_STREAM, 1 + 2 * i, 0, "x");
    }
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 grpc-status=0)");
    assert_heard(peer, "HEADERS(3 grpc-status=0)");
    peer_free(peer);
}

static void an_unknown_method_is_unimplemented(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const paths[] = {":path=/test.Service/Nope", ":path=/", ":path=/test.Service/Unary/"};
    for (uint32_t i = 0; i < 3; i++) {
        const char *const fields[] = {":method=POST",
                                      ":scheme=http",
                                      ":authority=localhost",
                                      paths[i],
                                      "content-type=application/grpc",
                                      NULL};
        peer_headers(peer, 0, 1 + 2 * i, fields);
        peer_message(peer, FLAG_END_STREAM, 1 + 2 * i, 0, "x");
    }
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=200 content-type=application/grpc grpc-status=12");
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=12");
    assert_heard(peer, "HEADERS(5 :status=200 content-type=application/grpc grpc-status=12");
    assert_int_equal(peer->end->refused[H2_REFUSED_METHOD], 3);
    peer_free(peer);
}

static void a_malformed_timeout_fails_its_call_and_not_the_next(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const timeouts[] = {"grpc-timeout=1100m", "grpc-timeout=soon", "grpc-timeout=2S"};
    for (uint32_t i = 0; i < 3; i++) {
        const char *const fields[] = {":method=POST",
                                      ":scheme=http",
                                      ":authority=localhost",
                                      ":path=/test.Service/Unary",
                                      "content-type=application/grpc",
                                      timeouts[i],
                                      NULL};
        peer_headers(peer, 0, 1 + 2 * i, fields);
        peer_message(peer, FLAG_END_STREAM, 1 + 2 * i, 0, "x");
    }
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 grpc-status=0)");
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=13");
    assert_heard(peer, "HEADERS(5 grpc-status=0)");
    assert_int_equal(peer->end->talk_count, 2);
    assert_true(peer->end->talks[1].timeout_ns == 2 * INT64_C(1000000000));
    peer_free(peer);
}

static void a_compressed_message_is_unimplemented_or_internal(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const gzip[] = {":method=POST",
                                       ":scheme=http",
                                       ":authority=localhost",
                                       ":path=/test.Service/Unary",
                                       "content-type=application/grpc",
                                       "grpc-encoding=gzip",
                                       NULL};
    static const char *const identity[] = {":method=POST",
                                           ":scheme=http",
                                           ":authority=localhost",
                                           ":path=/test.Service/Unary",
                                           "content-type=application/grpc",
                                           "grpc-encoding=identity",
                                           NULL};
    peer_headers(peer, 0, 1, gzip);
    peer_message(peer, FLAG_END_STREAM, 1, 1, "zipped");
    peer_headers(peer, 0, 3, identity);
    peer_message(peer, FLAG_END_STREAM, 3, 1, "marked");
    peer_headers(peer, 0, 5, gzip);
    peer_message(peer, FLAG_END_STREAM, 5, 0, "not compressed after all");
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=200 content-type=application/grpc grpc-accept-encoding=identity "
                       "grpc-status=12");
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=13");
    assert_heard(peer, "HEADERS(5 grpc-status=0)");
    assert_int_equal(peer->end->refused[H2_REFUSED_COMPRESSION], 2);
    peer_free(peer);
}

static void two_messages_on_a_unary_call_are_internal(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_message(peer, 0, 1, 0, "one");
    peer_message(peer, FLAG_END_STREAM, 1, 0, "two");
    peer_headers(peer, 0, 3, unary_request);
    peer_message(peer, 0, 3, 0, "one");
    peer_frame(peer, FRAME_DATA, FLAG_END_STREAM, 3, bytes_of("\x01"));
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 :status=200 content-type=application/grpc grpc-status=13");
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=13");
    assert_string_equal(first_talk(peer)->story, "opened closed(OK)");
    assert_int_equal(peer->end->refused[H2_REFUSED_PROTOCOL], 2);
    peer_free(peer);
}

static void a_request_that_ends_inside_its_message_is_internal(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const uint8_t half[] = {0, 0, 0, 0, 10, 'h', 'a', 'l', 'f'};
    for (uint32_t size = 0; size <= sizeof half; size++) {
        peer_headers(peer, 0, 1 + 2 * size, unary_request);
        peer_frame(peer, FRAME_DATA, FLAG_END_STREAM, 1 + 2 * size, bytes_make(half, size));
    }
    peer_headers(peer, FLAG_END_STREAM, 101, unary_request);
    peer_talk(peer);
    for (uint32_t size = 0; size <= sizeof half; size++) {
        char text[96];
        (void)snprintf(text, sizeof text,
                       "HEADERS(%u :status=200 content-type=application/grpc grpc-status=13", 1 + 2 * size);
        assert_heard(peer, text);
        assert_string_equal(peer->end->talks[size].story, "opened closed(OK)");
    }
    assert_heard(peer, "HEADERS(101 :status=200 content-type=application/grpc grpc-status=13");
    peer_free(peer);
}

static void trailers_of_a_request_end_it(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    static const char *const trailers[] = {"checksum=1", NULL};
    peer_headers(peer, 0, 1, unary_request);
    peer_message(peer, 0, 1, 0, "hello");
    peer_headers(peer, FLAG_END_STREAM, 1, trailers);
    peer_talk(peer);
    assert_string_equal(first_talk(peer)->story, "opened message(hello) closed(OK)");
    assert_null(metadata_find(first_talk(peer)->metadata, "checksum").data);
    peer_free(peer);
}

static void more_calls_than_allowed_are_not_opened(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.max_streams = 10;
    struct peer *peer = client_peer(&limits);
    for (uint32_t i = 0; i <= 10; i++)
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
    peer_talk(peer);
    assert_int_equal(peer->end->talk_count, 10);
    assert_true(strstr(peer->heard, "RST_STREAM(21 ") != NULL || strstr(peer->heard, "GOAWAY(") != NULL);
    peer_free(peer);
}

/* --- Floods --- */

static void a_header_flood_is_resource_exhausted_and_no_more(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    char field[9000] = "cache=";
    memset(field + 6, 'x', sizeof field - 7);
    const char *const large[] = {":method=POST",
                                 ":scheme=http",
                                 ":authority=localhost",
                                 ":path=/test.Service/Unary",
                                 "content-type=application/grpc",
                                 field,
                                 NULL};
    peer_headers(peer, 0, 1, large);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "x");
    peer_talk(peer);
    assert_heard(peer, "HEADERS(1 grpc-status=0)");

    /* Two frames' worth of fields in one block: more than the 16 KiB that the server says it takes. */
    struct buffer block = {0};
    put_fields(&block, unary_request);
    size_t first = block.size;
    for (size_t i = 0; i < 3; i++)
        put_field(&block, bytes_of("flood"), bytes_make(field, 8000));
    peer_frame(peer, FRAME_HEADERS, 0, 3, bytes_make(block.data, first));
    for (size_t at = first; at < block.size; at += 16000) {
        size_t size = block.size - at < 16000 ? block.size - at : 16000;
        peer_frame(peer, FRAME_CONTINUATION, at + size == block.size ? FLAG_END_HEADERS : 0, 3,
                   bytes_make(block.data + at, size));
    }
    buffer_free(&block);
    peer_message(peer, FLAG_END_STREAM, 3, 0, "x");
    peer_headers(peer, 0, 5, unary_request);
    peer_message(peer, FLAG_END_STREAM, 5, 0, "x");
    peer_talk(peer);
    assert_heard(peer, "HEADERS(3 :status=200 content-type=application/grpc grpc-status=8");
    assert_heard(peer, "HEADERS(5 grpc-status=0)");
    assert_int_equal(peer->end->refused[H2_REFUSED_HEADER_SIZE], 1);
    peer_free(peer);
}

static void more_fields_than_a_block_may_have_are_resource_exhausted(void **state)
{
    (void)state;
    struct peer *peer = client_peer(&h2_default_limits);
    struct buffer block = {0};
    put_fields(&block, unary_request);
    for (size_t i = 0; i < 200; i++)
        put_field(&block, bytes_of("n"), bytes_of("v"));
    peer_block(peer, 0, 1, &block);
    peer_talk(peer);
    assert_heard(peer, "grpc-status=8");
    peer_free(peer);
}

static void a_rapid_reset_flood_is_told_to_calm_down(void **state)
{
    (void)state;
    struct h2_limits limits = h2_default_limits;
    limits.resets_burst = 200;
    limits.resets_per_second = 100;
    struct peer *peer = client_peer(&limits);
    for (uint32_t i = 0; i < 1000; i++) {
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
        peer_number_frame(peer, FRAME_RST_STREAM, 1 + 2 * i, 8);
    }
    peer_talk(peer);
    assert_true(peer->end->over);
    assert_heard(peer, " 11)"); /* ENHANCE_YOUR_CALM */
    assert_true(peer->end->talk_count < 400);
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

static void requests_broken_so_that_they_are_reset_count_as_resets(void **state)
{
    (void)state;
    static const char *const upper_case[] = {"Cache=blue", NULL};
    struct h2_limits limits = h2_default_limits;
    limits.resets_burst = 200;
    limits.resets_per_second = 100;
    struct peer *peer = client_peer(&limits);
    for (uint32_t i = 0; i < 1000; i++) {
        peer_headers(peer, 0, 1 + 2 * i, upper_case);
        peer_talk(peer);
    }
    assert_true(peer->end->over);
    assert_heard(peer, "RST_STREAM(1 1)");
    assert_heard(peer, " 11)");
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

static void answer_later(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)talk;
    (void)message;
}

static void a_storm_of_expired_deadlines_keeps_its_connection(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_later;
    for (int round = 0; round < 40; round++) {
        struct talk *talks[100];
        for (size_t i = 0; i < 100; i++)
            talks[i] = call_with(pair, UNARY, "x");
        pair_run(pair);
        for (size_t i = 0; i < 100; i++)
            h2_call_cancel(talks[i]->call);
        pair_run(pair);
    }
    assert_false(pair->server.over);
    assert_false(pair->client.over);
    assert_int_equal(pair->server.talk_count, 4000);
    pair->answer = NULL;
    struct talk *last = call_with(pair, UNARY, "still there");
    pair_run(pair);
    assert_string_equal(last->story, "message(still there) closed(OK)");
    pair_free(pair);
}

static void assert_flood_is_ended(uint8_t type, uint32_t stream, size_t size)
{
    static const uint8_t zeros[8] = {0};
    struct peer *peer = client_peer(&h2_default_limits);
    peer_headers(peer, 0, 1, unary_request);
    peer_talk(peer);
    for (size_t i = 0; i < 5000; i++)
        peer_frame(peer, type, 0, stream, bytes_make(zeros, size));
    peer_talk(peer);
    assert_true(peer->end->over);
    assert_heard(peer, "GOAWAY(1 11)");
    assert_true(h2_finished(peer->end->h2));
    assert_non_null(strstr(h2_error(peer->end->h2), "too fast"));
    peer_free(peer);
}

static void floods_of_frames_that_cost_nothing_are_told_to_calm_down(void **state)
{
    (void)state;
    assert_flood_is_ended(FRAME_PING, 0, 8);
    assert_flood_is_ended(FRAME_SETTINGS, 0, 0);
    assert_flood_is_ended(FRAME_DATA, 1, 0);
}

static void a_ping_now_and_then_is_fine_for_ever(void **state)
{
    (void)state;
    static const uint8_t zeros[8] = {0};
    struct peer *peer = client_peer(&h2_default_limits);
    for (size_t i = 0; i < 5000; i++) {
        peer->pair->now_ns += 20 * CLOCK_NS_PER_MS;
        peer_frame(peer, FRAME_PING, 0, 0, bytes_make(zeros, 8));
        peer_talk(peer);
    }
    assert_false(peer->end->over);
    peer_free(peer);
}

static void a_ping_for_each_reply_is_fine_at_any_speed(void **state)
{
    (void)state;
    static const uint8_t zeros[8] = {0};
    struct peer *peer = client_peer(&h2_default_limits);
    for (uint32_t i = 0; i < 4000; i++) {
        peer_headers(peer, 0, 1 + 2 * i, unary_request);
        peer_message(peer, FLAG_END_STREAM, 1 + 2 * i, 0, "x");
        peer_frame(peer, FRAME_PING, 0, 0, bytes_make(zeros, 8));
        peer_talk(peer);
        peer->heard[0] = '\0';
    }
    assert_false(peer->end->over);
    peer_free(peer);
}

/* --- Servers that our client meets --- */

static struct talk *start_call(struct peer *peer, unsigned method)
{
    struct talk *talk = call_with(peer->pair, method, "x");
    peer_hear(peer);
    return talk;
}

static void a_request_begins_as_grpc_asks(void **state)
{
    (void)state;
    for (int is_secure = 0; is_secure < 2; is_secure++) {
        struct peer *peer = server_peer_over(&h2_default_limits, is_secure != 0);
        struct metadata *metadata = metadata_of_text("cache", "blue");
        struct talk *talk = call_start_with(peer->pair, UNARY, metadata, 1500 * INT64_C(1000000));
        metadata_release(metadata);
        talk_send(talk, bytes_of("x"));
        peer_hear(peer);
        assert_heard(peer, is_secure ? "HEADERS(1 :method=POST :scheme=https :path=/test.Service/Unary "
                                     : "HEADERS(1 :method=POST :scheme=http :path=/test.Service/Unary ");
        assert_heard(peer, ":authority=localhost te=trailers content-type=application/grpc cache=blue "
                           "grpc-timeout=1500m)");
        peer_free(peer);
    }
}

static void a_reply_without_a_status_is_internal(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = start_call(peer, UNARY);
    peer_headers(peer, 0, 1, reply_start);
    peer_message(peer, FLAG_END_STREAM, 1, 0, "hello");
    peer_talk(peer);
    assert_string_equal(talk->story, "closed(INTERNAL)");
    assert_false(talk->unseen);
    peer_free(peer);
}

static void an_answer_in_http_is_mapped_to_a_status(void **state)
{
    (void)state;
    static const struct {
        const char *http;
        enum status status;
    } cases[] = {
        {":status=400", STATUS_INTERNAL},          {":status=401", STATUS_UNAUTHENTICATED},
        {":status=403", STATUS_PERMISSION_DENIED}, {":status=404", STATUS_UNIMPLEMENTED},
        {":status=429", STATUS_UNAVAILABLE},       {":status=502", STATUS_UNAVAILABLE},
        {":status=503", STATUS_UNAVAILABLE},       {":status=504", STATUS_UNAVAILABLE},
        {":status=418", STATUS_UNKNOWN},           {":status=200", STATUS_UNKNOWN},
    };
    struct peer *peer = server_peer(&h2_default_limits);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk *talk = start_call(peer, UNARY);
        const char *const fields[] = {cases[i].http, "content-type=text/html", NULL};
        peer_headers(peer, 0, 1 + 2 * i, fields);
        peer_frame(peer, FRAME_DATA, FLAG_END_STREAM, 1 + 2 * i, bytes_of("<html>"));
        peer_talk(peer);
        assert_int_equal(talk->status, cases[i].status);
        assert_null(talk->call);
    }
    peer_free(peer);
}

static void an_informational_answer_is_passed_over(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = start_call(peer, UNARY);
    static const char *const early[] = {":status=103", "link=x", NULL};
    static const char *const end[] = {"grpc-status=0", NULL};
    peer_headers(peer, 0, 1, early);
    peer_headers(peer, 0, 1, reply_start);
    peer_message(peer, 0, 1, 0, "hello");
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    peer_talk(peer);
    assert_string_equal(talk->story, "message(hello) closed(OK)");
    assert_null(metadata_find(talk->metadata, "link").data);
    peer_free(peer);
}

/* Though a block says it that will be seen again. */
static void what_an_informational_answer_says_is_no_part_of_the_reply(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    static const char *const early[] = {":status=103", "content-type=application/grpc", "grpc-status=0",
                                        NULL};
    static const char *const late[] = {":status=200", NULL};
    for (uint32_t stream = 1; stream <= 5; stream += 2) {
        struct talk *talk = start_call(peer, UNARY);
        if (stream < 5)
            peer_headers(peer, 0, stream, early);
        peer_headers(peer, 0, stream, late);
        peer_message(peer, FLAG_END_STREAM, stream, 0, "hello");
        peer_talk(peer);
        assert_string_equal(talk->story, "closed(UNKNOWN)");
    }
    peer_free(peer);
}

static void metadata_of_both_header_blocks_is_told(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = start_call(peer, UNARY);
    static const char *const start[] = {":status=200", "content-type=application/grpc", "server=old", NULL};
    static const char *const end[] = {"grpc-status=5", "grpc-message=a%20%C3%A9%", "err=item_not_found",
                                      NULL};
    peer_headers(peer, 0, 1, start);
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    peer_talk(peer);
    assert_int_equal(talk->status, STATUS_NOT_FOUND);
    assert_string_equal(talk->status_message, "a \xc3\xa9%");
    assert_int_equal(talk->metadata->count, 2);
    assert_bytes(metadata_find(talk->metadata, "server"), "old");
    assert_bytes(metadata_find(talk->metadata, "err"), "item_not_found");
    peer_free(peer);
}

/* gRPC writes spaces as they are, also at the end. */
static void a_status_message_may_end_in_spaces(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = start_call(peer, UNARY);
    static const char *const end[] = {":status=200",        "content-type=application/grpc",
                                      "grpc-status=5",      "grpc-message= key:  ",
                                      "err=item_not_found", NULL};
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    peer_talk(peer);
    assert_string_equal(talk->story, "closed(NOT_FOUND)");
    assert_string_equal(talk->status_message, " key:  ");
    assert_bytes(metadata_find(talk->metadata, "err"), "item_not_found");
    peer_free(peer);
}

static void the_status_of_a_malformed_reply_does_not_count(void **state)
{
    (void)state;
    static const char *const malformed[] = {"grpc-status=0", "X-Upper=1", NULL};
    static const char *const fine[] = {"grpc-status=0", NULL};
    static const char *const longer[] = {":status=200", "content-type=application/grpc", "content-length=100",
                                         NULL};
    static const struct {
        const char *const *start;
        const char *const *end;
        uint8_t flags;
    } cases[] = {
        {reply_start, malformed, FLAG_END_STREAM},
        {reply_start, fine, 0}, /* trailers that do not end the stream */
        {longer, fine, FLAG_END_STREAM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *peer = server_peer(&h2_default_limits);
        struct talk *talk = start_call(peer, UNARY);
        peer_headers(peer, 0, 1, cases[i].start);
        peer_message(peer, 0, 1, 0, "y");
        peer_headers(peer, cases[i].flags, 1, cases[i].end);
        peer_talk(peer);
        assert_string_equal(talk->story, "closed(INTERNAL)");
        assert_string_equal(talk->status_message, "PROTOCOL_ERROR");
        assert_heard(peer, "RST_STREAM(1 1)");
        peer_free(peer);
    }
}

static void a_status_that_is_none_is_unknown(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = start_call(peer, UNARY);
    static const char *const end[] = {":status=200", "content-type=application/grpc", "grpc-status=99", NULL};
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    peer_talk(peer);
    assert_string_equal(talk->story, "closed(UNKNOWN)");
    peer_free(peer);
}

static void a_reply_ends_a_request_that_has_not_ended(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *talk = call_start(peer->pair, STREAM_BOTH);
    talk_send(talk, bytes_of("first"));
    peer_hear(peer);
    static const char *const end[] = {":status=200", "content-type=application/grpc", "grpc-status=14", NULL};
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    peer_talk(peer); /* and no RST_STREAM from the server */
    assert_string_equal(talk->story, "closed(UNAVAILABLE)");
    assert_heard(peer, "RST_STREAM(1 0)");
    assert_int_equal(peer->end->h2->calls, 0);
    peer_free(peer);
}

static void a_reply_that_is_compressed_or_cut_is_internal(void **state)
{
    (void)state;
    static const char *const end[] = {"grpc-status=0", NULL};
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *compressed = start_call(peer, UNARY);
    peer_headers(peer, 0, 1, reply_start);
    peer_message(peer, 0, 1, 1, "zipped");
    peer_headers(peer, FLAG_END_STREAM, 1, end);
    struct talk *cut = start_call(peer, STREAM_OUT);
    peer_headers(peer, 0, 3, reply_start);
    peer_frame(peer, FRAME_DATA, 0, 3, bytes_make("\0\0\0\0\x09half", 9));
    peer_headers(peer, FLAG_END_STREAM, 3, end);
    struct talk *two = start_call(peer, UNARY);
    peer_headers(peer, 0, 5, reply_start);
    peer_message(peer, 0, 5, 0, "one");
    peer_message(peer, 0, 5, 0, "two");
    peer_headers(peer, FLAG_END_STREAM, 5, end);
    peer_talk(peer);
    assert_string_equal(compressed->story, "closed(INTERNAL)");
    assert_non_null(strstr(compressed->status_message, "compressed"));
    assert_string_equal(cut->story, "closed(INTERNAL)");
    assert_string_equal(two->story, "closed(INTERNAL)");
    assert_int_equal(peer->end->h2->calls, 0);
    peer_free(peer);
}

static void reset_codes_are_mapped_to_statuses(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum status status;
        bool unseen;
    } cases[] = {
        {0, STATUS_INTERNAL, false},           {1, STATUS_INTERNAL, false},
        {2, STATUS_INTERNAL, false},           {7, STATUS_UNAVAILABLE, true},
        {8, STATUS_CANCELLED, false},          {11, STATUS_RESOURCE_EXHAUSTED, false},
        {12, STATUS_PERMISSION_DENIED, false}, {77, STATUS_INTERNAL, false},
    };
    struct peer *peer = server_peer(&h2_default_limits);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk *talk = start_call(peer, UNARY);
        peer_number_frame(peer, FRAME_RST_STREAM, 1 + 2 * i, cases[i].code);
        peer_talk(peer);
        assert_int_equal(talk->status, cases[i].status);
        assert_int_equal(talk->unseen, cases[i].unseen);
    }
    peer_free(peer);
}

static void calls_above_the_last_stream_of_a_goaway_are_unseen(void **state)
{
    (void)state;
    static const char *const end[] = {"grpc-status=0", NULL};
    struct peer *peer = server_peer(&h2_default_limits);
    struct talk *first = start_call(peer, UNARY);
    struct talk *second = start_call(peer, UNARY);
    struct talk *third = start_call(peer, UNARY);
    peer_goaway(peer, 3, 0);
    peer_talk(peer);
    assert_string_equal(third->story, "closed(UNAVAILABLE)");
    assert_true(third->unseen);
    assert_int_equal(peer->end->draining, 1);
    assert_int_equal(h2_capacity(peer->end->h2), 0);
    for (uint32_t stream = 1; stream <= 3; stream += 2) {
        peer_headers(peer, 0, stream, reply_start);
        peer_message(peer, 0, stream, 0, "y");
        peer_headers(peer, FLAG_END_STREAM, stream, end);
    }
    peer_talk(peer);
    assert_string_equal(first->story, "message(y) closed(OK)");
    assert_string_equal(second->story, "message(y) closed(OK)");
    assert_true(h2_finished(peer->end->h2));
    peer_free(peer);
}

static void a_goaway_with_an_error_says_why(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    peer_goaway(peer, 0, 11);
    peer_talk(peer);
    assert_non_null(strstr(h2_error(peer->end->h2), "ENHANCE_YOUR_CALM"));
    peer_free(peer);
}

static void answers_to_pings_that_were_not_sent_are_ignored(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    peer_frame(peer, FRAME_PING, FLAG_ACK, 0, bytes_make("drain\0\0\0", 8));
    peer_frame(peer, FRAME_PING, FLAG_ACK, 0, bytes_make("alive\0\0\0", 8));
    peer_talk(peer);
    assert_int_equal(peer->end->pongs, 0);
    assert_not_heard(peer, "GOAWAY");
    assert_true(h2_capacity(peer->end->h2) > 0);
    peer_free(peer);
}

static void a_push_is_refused(void **state)
{
    (void)state;
    struct peer *peer = server_peer(&h2_default_limits);
    (void)start_call(peer, UNARY);
    peer_frame(peer, FRAME_PUSH_PROMISE, FLAG_END_HEADERS, 1, bytes_make("\0\0\0\2", 4));
    peer_talk(peer);
    assert_heard(peer, "GOAWAY(0 1)");
    end_close(peer->end);
    assert_string_equal(first_talk(peer)->story, "closed(UNAVAILABLE)");
    peer_free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_preface_ends_the_connection),
        cmocka_unit_test(a_truncated_frame_waits_for_its_rest),
        cmocka_unit_test(a_frame_over_the_size_allowed_ends_the_connection),
        cmocka_unit_test(data_on_no_stream_ends_the_connection),
        cmocka_unit_test(a_header_block_that_cannot_be_decoded_ends_the_connection),
        cmocka_unit_test(a_malformed_field_costs_its_call_only),
        cmocka_unit_test(a_get_is_405_and_another_content_type_is_415),
        cmocka_unit_test(forms_of_the_content_type_are_taken),
        cmocka_unit_test(an_unknown_method_is_unimplemented),
        cmocka_unit_test(a_malformed_timeout_fails_its_call_and_not_the_next),
        cmocka_unit_test(a_compressed_message_is_unimplemented_or_internal),
        cmocka_unit_test(two_messages_on_a_unary_call_are_internal),
        cmocka_unit_test(a_request_that_ends_inside_its_message_is_internal),
        cmocka_unit_test(trailers_of_a_request_end_it),
        cmocka_unit_test(more_calls_than_allowed_are_not_opened),
        cmocka_unit_test(a_header_flood_is_resource_exhausted_and_no_more),
        cmocka_unit_test(more_fields_than_a_block_may_have_are_resource_exhausted),
        cmocka_unit_test(a_rapid_reset_flood_is_told_to_calm_down),
        cmocka_unit_test(requests_broken_so_that_they_are_reset_count_as_resets),
        cmocka_unit_test(a_storm_of_expired_deadlines_keeps_its_connection),
        cmocka_unit_test(floods_of_frames_that_cost_nothing_are_told_to_calm_down),
        cmocka_unit_test(a_ping_now_and_then_is_fine_for_ever),
        cmocka_unit_test(a_ping_for_each_reply_is_fine_at_any_speed),
        cmocka_unit_test(a_request_begins_as_grpc_asks),
        cmocka_unit_test(a_reply_without_a_status_is_internal),
        cmocka_unit_test(an_answer_in_http_is_mapped_to_a_status),
        cmocka_unit_test(an_informational_answer_is_passed_over),
        cmocka_unit_test(what_an_informational_answer_says_is_no_part_of_the_reply),
        cmocka_unit_test(metadata_of_both_header_blocks_is_told),
        cmocka_unit_test(a_status_message_may_end_in_spaces),
        cmocka_unit_test(the_status_of_a_malformed_reply_does_not_count),
        cmocka_unit_test(a_status_that_is_none_is_unknown),
        cmocka_unit_test(a_reply_ends_a_request_that_has_not_ended),
        cmocka_unit_test(a_reply_that_is_compressed_or_cut_is_internal),
        cmocka_unit_test(reset_codes_are_mapped_to_statuses),
        cmocka_unit_test(calls_above_the_last_stream_of_a_goaway_are_unseen),
        cmocka_unit_test(a_goaway_with_an_error_says_why),
        cmocka_unit_test(answers_to_pings_that_were_not_sent_are_ignored),
        cmocka_unit_test(a_push_is_refused),
    };
    return pair_run_tests(tests);
}
