/* Calls of every kind between a client and a server of ours, over bytes that are cut at any place. */
#include "rpc/h2_pair.h"

/* --- What servers do --- */

static void answer_three_times(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    for (int i = 0; i < 3; i++)
        talk_send(talk, message);
    talk_finish(talk, STATUS_OK, "");
}

static void answer_each(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    talk_send(talk, message);
}

static void answer_failure(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)message;
    struct metadata *trailers = metadata_of_text("err", "item_not_found");
    h2_finish(talk->call, STATUS_NOT_FOUND, bytes_of("no such \xc3\xa9l\xc3\xa9ment, 100% sure"), trailers);
    metadata_release(trailers);
}

static void answer_message_then_failure(struct pair_end *server, struct talk *talk, struct bytes message)
{
    talk_send(talk, message);
    answer_failure(server, talk, message);
}

static void answer_and_cancel(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)message;
    h2_call_cancel(talk->call);
    talk->call = NULL;
}

static void finish_at_once(struct pair_end *server, struct talk *talk)
{
    (void)server;
    talk_finish(talk, STATUS_RESOURCE_EXHAUSTED, "come back later");
}

/* --- The kinds of calls --- */

/* One call of each kind. */
static void run_all_kinds(struct pair *pair)
{
    pair->answer = NULL;
    struct talk *unary = call_with(pair, UNARY, "hello");
    pair_run(pair);
    assert_string_equal(unary->story, "message(hello) closed(OK)");
    assert_string_equal(pair->server.talks[0].story, "opened message(hello) closed(OK)");

    pair->answer = answer_three_times;
    struct talk *out = call_with(pair, STREAM_OUT, "tick");
    pair_run(pair);
    assert_string_equal(out->story, "message(tick) message(tick) message(tick) closed(OK)");

    pair->answer = answer_nothing;
    struct talk *in = call_start(pair, STREAM_IN);
    talk_send(in, bytes_of("one"));
    talk_send(in, bytes_of(""));
    talk_send(in, bytes_of("three"));
    h2_half_close(in->call);
    pair_run(pair);
    assert_string_equal(in->story, "closed(INTERNAL)"); /* it asks for a message and gets none */
    assert_string_equal(pair->server.talks[2].story,
                        "opened message(one) message() message(three) half_closed closed(OK)");

    pair->answer = answer_each;
    struct talk *both = call_start(pair, STREAM_BOTH);
    talk_send(both, bytes_of("a"));
    pair_run(pair);
    assert_string_equal(both->story, "message(a)");
    talk_send(both, bytes_of("b"));
    h2_half_close(both->call);
    pair_run(pair);
    assert_string_equal(both->story, "message(a) message(b) closed(OK)");
    assert_string_equal(pair->server.talks[3].story, "opened message(a) message(b) half_closed closed(OK)");

    assert_int_equal(pair->client.h2->calls, 0);
    assert_int_equal(pair->server.h2->calls, 0);
    assert_string_equal(h2_error(pair->client.h2), "");
    assert_string_equal(h2_error(pair->server.h2), "");
}

static void calls_of_every_kind_work(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    run_all_kinds(pair);
    assert_int_equal(pair->client.settings, 1);
    pair_free(pair);
}

static void the_bytes_may_be_cut_at_every_place(void **state)
{
    (void)state;
    struct pair *whole = pair_ready();
    run_all_kinds(whole);
    size_t to_server = whole->server.received;
    size_t to_client = whole->client.received;
    pair_free(whole);

    for (size_t cut = 1; cut < to_server || cut < to_client; cut++) {
        struct pair *pair = pair_new();
        struct h2_config client = pair_config(pair, H2_CLIENT);
        struct h2_config server = pair_config(pair, H2_SERVER);
        pair->client.cut_at = pair->server.cut_at = cut;
        pair_open(pair, &client, &server);
        run_all_kinds(pair);
        assert_int_equal(pair->server.received, to_server);
        assert_int_equal(pair->client.received, to_client);
        pair_free(pair);
    }
}

static void the_bytes_may_come_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct pair *pair = pair_new();
        struct h2_config client = pair_config(pair, H2_CLIENT);
        struct h2_config server = pair_config(pair, H2_SERVER);
        pair->random = seed * UINT64_C(0x9e3779b97f4a7c15);
        pair->piece_bytes = 1 + seed % 40;
        pair_open(pair, &client, &server);
        run_all_kinds(pair);
        pair_free(pair);
    }
}

static void one_byte_at_a_time_is_enough(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    pair->piece_bytes = 1;
    pair_open(pair, &client, &server);
    run_all_kinds(pair);
    pair_free(pair);
}

/* --- Metadata and timeouts --- */

static const struct metadata *server_metadata(const struct pair *pair, size_t talk)
{
    return pair->server.talks[talk].metadata;
}

static void a_header_block_that_repeats_shares_its_metadata(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    struct metadata_pair fields[] = {{bytes_of("authorization"), bytes_of("token")},
                                     {bytes_of("cache"), bytes_of("blue")}};
    struct metadata *blue = metadata_of_pairs(fields, 2);
    fields[1].value = bytes_of("green");
    struct metadata *green = metadata_of_pairs(fields, 2);

    struct {
        unsigned method;
        struct metadata *metadata;
        int64_t timeout_ns;
    } calls[] = {
        {UNARY, blue, CLOCK_NS_PER_S},      {UNARY, blue, CLOCK_NS_PER_S},
        {STREAM_OUT, blue, CLOCK_NS_PER_S}, {UNARY, blue, 5 * CLOCK_NS_PER_MS},
        {UNARY, green, CLOCK_NS_PER_S},     {UNARY, blue, CLOCK_NS_PER_S},
        {STREAM_OUT, green, CLOCK_NEVER},   {UNARY, blue, CLOCK_NEVER},
    };
    size_t count = sizeof calls / sizeof calls[0];
    for (size_t i = 0; i < count; i++) {
        struct talk *talk = call_start_with(pair, calls[i].method, calls[i].metadata, calls[i].timeout_ns);
        talk_send(talk, bytes_of("x"));
        h2_half_close(talk->call);
        pair_run(pair);
        assert_int_equal(talk->status, STATUS_OK);
    }
    assert_int_equal(pair->server.talk_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct talk *seen = &pair->server.talks[i];
        size_t same = calls[i].metadata == blue ? 0 : 4;
        assert_int_equal(seen->method, calls[i].method);
        assert_true(seen->timeout_ns == calls[i].timeout_ns);
        assert_ptr_equal(server_metadata(pair, i), server_metadata(pair, same));
    }
    assert_ptr_not_equal(server_metadata(pair, 0), server_metadata(pair, 4));
    assert_int_equal(server_metadata(pair, 0)->count, 2);
    assert_bytes(metadata_find(server_metadata(pair, 0), "cache"), "blue");
    assert_bytes(metadata_find(server_metadata(pair, 4), "cache"), "green");
    assert_bytes(metadata_find(server_metadata(pair, 4), "authorization"), "token");
    metadata_release(blue);
    metadata_release(green);
    pair_free(pair);
}

static void more_kinds_of_metadata_than_are_remembered_stay_right(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    for (int round = 0; round < 3; round++) {
        for (int kind = 0; kind < 20; kind++) {
            char name[32];
            (void)snprintf(name, sizeof name, "cache-%d", kind);
            struct metadata *metadata = metadata_of_text("cache", name);
            struct talk *talk = call_start_with(pair, UNARY, metadata, CLOCK_NEVER);
            metadata_release(metadata);
            talk_send(talk, bytes_of(""));
            h2_half_close(talk->call);
            pair_run(pair);
            const struct metadata *seen = server_metadata(pair, pair->server.talk_count - 1);
            assert_bytes(metadata_find(seen, "cache"), name);
        }
    }
    pair_free(pair);
}

static void a_block_that_grows_or_shrinks_is_read_anew(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    struct metadata_pair fields[] = {
        {bytes_of("a"), bytes_of("1")}, {bytes_of("b"), bytes_of("2")}, {bytes_of("c"), bytes_of("3")}};
    const size_t counts[] = {3, 1, 2, 0, 3, 3, 0, 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct metadata *metadata = metadata_of_pairs(fields, counts[i]);
        struct talk *talk = call_start_with(pair, UNARY, metadata, CLOCK_NEVER);
        talk_send(talk, bytes_of(""));
        h2_half_close(talk->call);
        pair_run(pair);
        assert_true(metadata_matches(server_metadata(pair, i), fields, counts[i]));
        metadata_release(metadata);
    }
    pair_free(pair);
}

static void binary_metadata_passes_as_its_text(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    struct metadata *metadata = metadata_of_text("trace-bin", "AAEC/w==");
    struct talk *talk = call_start_with(pair, UNARY, metadata, CLOCK_NEVER);
    metadata_release(metadata);
    talk_send(talk, bytes_of("x"));
    h2_half_close(talk->call);
    pair_run(pair);
    assert_bytes(metadata_find(server_metadata(pair, 0), "trace-bin"), "AAEC/w==");
    pair_free(pair);
}

static void a_timeout_arrives_no_shorter_than_it_was(void **state)
{
    (void)state;
    static const int64_t timeouts_ns[] = {1,
                                          999,
                                          1000,
                                          999999,
                                          CLOCK_NS_PER_MS,
                                          CLOCK_NS_PER_MS + 1,
                                          INT64_C(1100) * CLOCK_NS_PER_MS,
                                          INT64_C(86400) * CLOCK_NS_PER_S,
                                          INT64_C(400000) * CLOCK_NS_PER_S};
    struct pair *pair = pair_ready();
    for (size_t i = 0; i < sizeof timeouts_ns / sizeof timeouts_ns[0]; i++) {
        struct talk *talk = call_start_with(pair, UNARY, NULL, timeouts_ns[i]);
        talk_send(talk, bytes_of("x"));
        h2_half_close(talk->call);
        pair_run(pair);
        int64_t seen_ns = pair->server.talks[i].timeout_ns;
        assert_true(seen_ns >= timeouts_ns[i]);
        assert_true(seen_ns - timeouts_ns[i] < CLOCK_NS_PER_S);
    }
    pair_free(pair);
}

/* --- Statuses --- */

static void a_failure_brings_its_message_and_trailers(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_failure;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(NOT_FOUND)");
    assert_string_equal(talk->status_message, "no such \xc3\xa9l\xc3\xa9ment, 100% sure");
    assert_bytes(metadata_find(talk->metadata, "err"), "item_not_found");
    assert_false(talk->unseen);
    assert_string_equal(pair->server.talks[0].story, "opened message(x) closed(OK)");
    pair_free(pair);
}

static void a_failure_behind_messages_brings_the_messages_first(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_message_then_failure;
    struct talk *stream = call_with(pair, STREAM_OUT, "x");
    struct talk *unary = call_with(pair, UNARY, "y");
    pair_run(pair);
    assert_string_equal(stream->story, "message(x) closed(NOT_FOUND)");
    assert_bytes(metadata_find(stream->metadata, "err"), "item_not_found");
    assert_string_equal(unary->story, "closed(NOT_FOUND)");
    pair_free(pair);
}

static void a_unary_reply_without_a_message_is_internal(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer_opened = NULL;
    pair->answer = answer_nothing;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    talk_finish(&pair->server.talks[0], STATUS_OK, "");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(INTERNAL)");
    assert_non_null(strstr(talk->status_message, "no message"));
    pair_free(pair);
}

static void two_replies_to_a_unary_call_are_internal(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_three_times;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(INTERNAL)");
    assert_int_equal(pair->client.h2->calls, 0);
    assert_int_equal(pair->server.h2->calls, 0);
    pair_free(pair);
}

/* --- Cancelling --- */

static void a_client_that_cancels_ends_the_call_on_the_server(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    h2_call_cancel(talk->call);
    pair_run(pair);
    assert_string_equal(talk->story, "");
    assert_string_equal(pair->server.talks[0].story, "opened message(x) closed(CANCELLED)");
    assert_int_equal(pair->client.h2->calls, 0);
    assert_int_equal(pair->server.h2->calls, 0);
    pair_free(pair);
}

/* Calls until the output is at its bound, as it is when the peer does not read. Those after it have no place there. */
static void fill_output(struct pair *pair)
{
    static const char page[16000];
    for (size_t i = 0; i < 70; i++) {
        struct talk *talk = call_start(pair, UNARY);
        talk_send(talk, bytes_make(page, sizeof page));
        h2_half_close(talk->call);
    }
}

static void a_call_cancelled_before_it_is_written_is_never_seen(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_failure;
    fill_output(pair);
    struct talk *talk = call_with(pair, UNARY, "x");
    h2_call_cancel(talk->call);
    struct talk *other = call_with(pair, UNARY, "y");
    pair_run(pair);
    assert_string_equal(talk->story, "");
    assert_null(other->call);
    assert_int_equal(pair->server.talk_count, 71);
    assert_int_equal(pair->client.h2->calls, 0);
    pair_free(pair);
}

static void a_cancelled_call_leaves_the_others_as_they_are(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    struct talk *talk = call_with(pair, UNARY, "x");
    h2_call_cancel(talk->call);
    struct talk *other = call_with(pair, UNARY, "y");
    pair_run(pair);
    assert_string_equal(talk->story, "");
    assert_string_equal(other->story, "message(y) closed(OK)");
    assert_int_equal(pair->client.h2->calls, 0);
    assert_int_equal(pair->server.h2->calls, 0);
    pair_free(pair);
}

static void a_server_that_cancels_ends_the_call_on_the_client(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_and_cancel;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(RESOURCE_EXHAUSTED)");
    assert_string_equal(pair->server.talks[0].story, "opened message(x)");
    assert_int_equal(pair->server.h2->calls, 0);
    pair_free(pair);
}

static void a_server_may_answer_before_the_request_has_ended(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer_opened = finish_at_once;
    struct talk *talk = call_start(pair, STREAM_BOTH);
    talk_send(talk, bytes_of("first"));
    pair_run(pair);
    assert_string_equal(talk->story, "closed(RESOURCE_EXHAUSTED)");
    assert_string_equal(talk->status_message, "come back later");
    assert_string_equal(pair->server.talks[0].story, "opened closed(OK)");
    assert_int_equal(pair->client.h2->calls, 0);
    assert_int_equal(pair->server.h2->calls, 0);
    pair_free(pair);
}

/* --- Sizes and flow control --- */

static void fill(struct buffer *buffer, size_t size)
{
    buffer->size = 0;
    uint8_t *to = buffer_extend(buffer, size);
    assert_non_null(to);
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(i * 31 + (i >> 8));
    buffer_commit(buffer, size);
}

static void messages_of_all_sizes_come_back_as_they_were(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     16379,   16380,   16384,   65530,  65535,
                                   65536, 70000, 1 << 20, 1048571, 3000000, 5243000};
    struct pair *pair = pair_ready();
    struct buffer message = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill(&message, sizes[i]);
        pair->piece_bytes = i % 2 == 0 ? 4096 : 0;
        struct talk *talk = call_start(pair, UNARY);
        talk_send(talk, buffer_bytes(&message));
        h2_half_close(talk->call);
        pair_run(pair);
        assert_int_equal(talk->status, STATUS_OK);
        assert_int_equal(talk->messages, 1);
        assert_true(bytes_equal(buffer_bytes(&talk->last_message), buffer_bytes(&message)));
    }
    buffer_free(&message);
    pair_free(pair);
}

static void large_messages_of_many_calls_share_the_window(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->piece_bytes = 65536;
    pair->random = 7;
    struct buffer message = {0};
    struct talk *talks[12];
    for (size_t i = 0; i < 12; i++) {
        fill(&message, 2000000 + i);
        talks[i] = call_start(pair, UNARY);
        talk_send(talks[i], buffer_bytes(&message));
        h2_half_close(talks[i]->call);
    }
    pair_run(pair);
    for (size_t i = 0; i < 12; i++) {
        fill(&message, 2000000 + i);
        assert_int_equal(talks[i]->status, STATUS_OK);
        assert_true(bytes_equal(buffer_bytes(&talks[i]->last_message), buffer_bytes(&message)));
    }
    buffer_free(&message);
    pair_free(pair);
}

static void pending_gathers_a_bounded_piece(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    client.limits.stream_window_bytes = client.limits.connection_window_bytes = 64 << 20;
    pair_open(pair, &client, &server);
    pair_run(pair);
    pair->answer = answer_nothing;
    struct talk *talks[8];
    for (size_t i = 0; i < 8; i++)
        talks[i] = call_with(pair, UNARY, "x");
    pair_run(pair);
    struct buffer message = {0};
    fill(&message, 4 << 20);
    for (size_t i = 0; i < 8; i++) {
        talk_send(&pair->server.talks[i], buffer_bytes(&message));
        talk_finish(&pair->server.talks[i], STATUS_OK, "");
    }
    assert_true(h2_pending(pair->server.h2).size < 2 << 20);
    pair_run(pair);
    for (size_t i = 0; i < 8; i++)
        assert_true(bytes_equal(buffer_bytes(&talks[i]->last_message), buffer_bytes(&message)));
    buffer_free(&message);
    pair_free(pair);
}

static void send_more_when_drained(struct pair_end *server, struct talk *talk)
{
    (void)server;
    if (talk->messages < 3) {
        talk->messages++;
        talk_send(talk, bytes_of("more"));
    } else {
        talk_finish(talk, STATUS_OK, "");
    }
}

static void a_writer_hears_when_its_bytes_are_on_their_way(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    pair->on_drained = send_more_when_drained;
    struct talk *talk = call_with(pair, STREAM_OUT, "x");
    pair_run(pair);
    struct buffer message = {0};
    fill(&message, 3 << 20);
    struct talk *writer = &pair->server.talks[0];
    talk_send(writer, buffer_bytes(&message));
    assert_int_equal(h2_queued(writer->call), message.size + 5);
    pair_run(pair);
    assert_int_equal(h2_queued(writer->call), 0);
    assert_string_equal(writer->story, "opened message(x) drained");
    assert_string_equal(talk->story, "message(3145728 bytes) message(more)");
    h2_call_cancel(writer->call);
    writer->call = NULL;
    buffer_free(&message);
    pair_free(pair);
}

static void a_connection_has_room_for_what_its_calls_have_not_queued(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    server.limits.buffered_bytes = 1 << 20;
    client.limits.stream_window_bytes = 0;
    pair_open(pair, &client, &server);
    pair->answer = answer_nothing;
    (void)call_with(pair, STREAM_OUT, "x");
    (void)call_with(pair, STREAM_OUT, "y");
    pair_run(pair);
    const struct h2_connection *h2 = pair->server.h2;
    struct talk *one = &pair->server.talks[0];
    struct talk *other = &pair->server.talks[1];
    assert_int_equal(h2_room(h2), 1 << 20);

    struct buffer message = {0};
    fill(&message, 1000000);
    talk_send(one, buffer_bytes(&message));
    pair_run(pair);
    size_t room = (1 << 20) - message.size - 5;
    assert_int_equal(h2_room(h2), room);
    assert_null(h2_message_begin(other->call, room + 1));
    message.size = room;
    talk_send(other, buffer_bytes(&message));
    assert_int_equal(h2_room(h2), 0);

    h2_call_cancel(one->call); /* what it has queued goes with it */
    one->call = NULL;
    pair_run(pair);
    assert_int_equal(h2_room(h2), (1 << 20) - room - 5);
    buffer_free(&message);
    pair_free(pair);
}

/* --- Many at once --- */

static void the_server_takes_as_many_calls_as_it_says(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    assert_int_equal(h2_capacity(pair->client.h2), 100);
    for (size_t i = 0; i < 100; i++) {
        (void)call_with(pair, UNARY, "x");
        assert_int_equal(h2_capacity(pair->client.h2), 99 - i);
    }
    assert_null(h2_call_start(pair->client.h2, UNARY, NULL, CLOCK_NEVER, NULL));
    pair_run(pair);
    assert_int_equal(pair->server.h2->calls, 100);
    assert_int_equal(h2_capacity(pair->client.h2), 0);

    talk_send(&pair->server.talks[42], bytes_of("done"));
    talk_finish(&pair->server.talks[42], STATUS_OK, "");
    pair_run(pair);
    assert_string_equal(pair->client.talks[42].story, "message(done) closed(OK)");
    assert_int_equal(h2_capacity(pair->client.h2), 1);
    assert_int_equal(pair->server.h2->calls, 99);
    pair_free(pair);
}

static void many_calls_at_once_get_their_own_answers(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    server.limits.max_streams = 1000;
    pair->random = 99;
    pair->piece_bytes = 3000;
    pair_open(pair, &client, &server);
    pair_run(pair);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "%d/%d", round, i);
            (void)call_with(pair, UNARY, text);
        }
        pair_run(pair);
    }
    for (int i = 0; i < 3000; i++) {
        char story[64];
        (void)snprintf(story, sizeof story, "message(%d/%d) closed(OK)", i / 1000, i % 1000);
        assert_string_equal(pair->client.talks[i].story, story);
    }
    pair_free(pair);
}

/* --- The end of a connection --- */

static void a_server_that_drains_lets_calls_under_way_end(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    h2_drain(pair->server.h2);
    assert_false(h2_finished(pair->server.h2));
    pair_run(pair);
    assert_int_equal(pair->client.draining, 1);
    assert_int_equal(h2_capacity(pair->client.h2), 0);
    assert_null(h2_call_start(pair->client.h2, UNARY, NULL, CLOCK_NEVER, NULL));
    assert_false(h2_finished(pair->server.h2));

    talk_send(&pair->server.talks[0], bytes_of("y"));
    talk_finish(&pair->server.talks[0], STATUS_OK, "");
    pair_run(pair);
    assert_string_equal(talk->story, "message(y) closed(OK)");
    assert_true(h2_finished(pair->server.h2));
    assert_true(h2_finished(pair->client.h2));
    assert_string_equal(h2_error(pair->server.h2), "");
    pair_free(pair);
}

static void calls_that_cross_the_drain_notice_are_served(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    h2_drain(pair->server.h2);
    struct talk *talk = call_with(pair, UNARY, "x");
    (void)h2_pending(pair->client.h2);
    pair_run(pair);
    assert_string_equal(talk->story, "message(x) closed(OK)");
    assert_true(h2_finished(pair->server.h2));
    pair_free(pair);
}

static void calls_not_written_before_the_notice_are_unseen(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    fill_output(pair);
    struct talk *talk = call_with(pair, UNARY, "x");
    h2_drain(pair->server.h2);
    while (pair_move(&pair->server, &pair->client))
        continue;
    pair_run(pair);
    assert_string_equal(talk->story, "closed(UNAVAILABLE)");
    assert_true(talk->unseen);
    pair_free(pair);
}

static void a_client_that_drains_finishes_with_its_last_call(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    struct talk *talk = call_with(pair, UNARY, "x");
    h2_drain(pair->client.h2);
    assert_int_equal(h2_capacity(pair->client.h2), 0);
    assert_false(h2_finished(pair->client.h2));
    pair_run(pair);
    assert_string_equal(talk->story, "message(x) closed(OK)");
    assert_true(h2_finished(pair->client.h2));
    assert_true(h2_finished(pair->server.h2));
    pair_free(pair);
}

/* The server may close as soon as it hears that the client leaves, and has answered what it knows of. */
static void a_client_that_drains_loses_no_call_that_waits_to_be_written(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    fill_output(pair);
    h2_drain(pair->client.h2);
    pair_run(pair);
    end_close(&pair->client);
    for (size_t i = 0; i < pair->client.talk_count; i++) {
        const struct talk *talk = &pair->client.talks[i];
        assert_true(talk->unseen || strcmp(talk->story, "message(16000 bytes) closed(OK)") == 0);
    }
    pair_free(pair);
}

static void a_connection_that_closes_ends_its_calls(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    struct talk *seen = call_with(pair, UNARY, "x");
    pair_run(pair);
    struct talk *never_written = call_with(pair, UNARY, "y");
    end_close(&pair->client);
    assert_string_equal(seen->story, "closed(UNAVAILABLE)");
    assert_false(seen->unseen);
    assert_string_equal(never_written->story, "closed(UNAVAILABLE)");
    assert_true(never_written->unseen);
    end_close(&pair->server);
    assert_string_equal(pair->server.talks[0].story, "opened message(x) closed(CANCELLED)");
    pair_free(pair);
}

static void a_call_is_unseen_until_the_first_byte_of_it_is_taken_for_sending(void **state)
{
    (void)state;
    for (size_t taken = 0; taken < 2; taken++) {
        struct pair *pair = pair_ready();
        struct talk *first = call_with(pair, UNARY, "x");
        size_t first_bytes = h2_pending(pair->client.h2).size;
        struct talk *second = call_with(pair, UNARY, "y");
        assert_true(h2_pending(pair->client.h2).size > first_bytes); /* both are in the output */
        h2_sent(pair->client.h2, first_bytes + taken);
        end_close(&pair->client);
        assert_string_equal(first->story, "closed(UNAVAILABLE)");
        assert_false(first->unseen);
        assert_non_null(strstr(first->status_message, "may have executed"));
        assert_string_equal(second->story, "closed(UNAVAILABLE)");
        assert_int_equal(second->unseen, taken == 0);
        pair_free(pair);
    }
}

static void a_ping_is_answered_once(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    assert_true(h2_ping(pair->client.h2));
    assert_int_equal(pair->client.pongs, 0);
    pair_run(pair);
    assert_int_equal(pair->client.pongs, 1);
    assert_true(h2_ping(pair->server.h2));
    assert_true(h2_ping(pair->server.h2));
    pair_run(pair);
    assert_int_equal(pair->server.pongs, 2);
    assert_int_equal(pair->client.pongs, 1);
    pair_free(pair);
}

/* --- Limits --- */

static struct pair *pair_with_limits(struct h2_limits server_limits, struct h2_limits client_limits)
{
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    client.limits = client_limits;
    server.limits = server_limits;
    pair_open(pair, &client, &server);
    pair_run(pair);
    return pair;
}

static void a_request_over_the_limit_is_refused_with_its_trailers(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    server.limits.message_bytes = 10;
    server.message_size_trailers = metadata_of_text("err", "request_size_limit_exceeded");
    pair_open(pair, &client, &server);
    pair_run(pair);
    struct talk *fits = call_with(pair, UNARY, "0123456789");
    struct talk *too_large = call_with(pair, UNARY, "0123456789a");
    pair_run(pair);
    assert_string_equal(fits->story, "message(0123456789) closed(OK)");
    assert_string_equal(too_large->story, "closed(RESOURCE_EXHAUSTED)");
    assert_bytes(metadata_find(too_large->metadata, "err"), "request_size_limit_exceeded");
    assert_int_equal(pair->server.refused[H2_REFUSED_MESSAGE_SIZE], 1);
    metadata_release(server.message_size_trailers);
    pair_free(pair);
}

static void a_reply_over_the_limit_is_refused_by_the_client(void **state)
{
    (void)state;
    struct h2_limits client = h2_default_limits;
    client.message_bytes = 10;
    struct pair *pair = pair_with_limits(h2_default_limits, client);
    struct talk *talk = call_with(pair, UNARY, "0123456789a");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(RESOURCE_EXHAUSTED)");
    assert_int_equal(pair->client.h2->calls, 0);
    struct talk *next = call_with(pair, UNARY, "fits");
    pair_run(pair);
    assert_string_equal(next->story, "message(fits) closed(OK)");
    pair_free(pair);
}

static void metadata_over_the_limit_is_refused(void **state)
{
    (void)state;
    struct h2_limits server = h2_default_limits;
    server.header_bytes = 2000;
    struct pair *pair = pair_with_limits(server, h2_default_limits);
    char value[4000];
    memset(value, 'v', sizeof value);
    static const size_t sizes[] = {100, 3999, 100, 2100, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct metadata_pair field = {bytes_of("cache"), bytes_make(value, sizes[i])};
        struct metadata *metadata = metadata_of_pairs(&field, 1);
        struct talk *talk = call_start_with(pair, UNARY, metadata, CLOCK_NEVER);
        metadata_release(metadata);
        talk_send(talk, bytes_of("x"));
        h2_half_close(talk->call);
        pair_run(pair);
        assert_int_equal(talk->status, sizes[i] < 2000 ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED);
    }
    assert_int_equal(pair->server.refused[H2_REFUSED_HEADER_SIZE], 2);
    assert_int_equal(pair->server.talk_count, 3);
    pair_free(pair);
}

static void answer_with_much_metadata(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    char value[3000];
    memset(value, 'v', sizeof value);
    struct metadata_pair field = {bytes_of("huge"), bytes_make(value, sizeof value)};
    struct metadata *trailers = metadata_of_pairs(&field, 1);
    talk_send(talk, message);
    h2_finish(talk->call, STATUS_OK, bytes_of(""), trailers);
    metadata_release(trailers);
}

static void reply_metadata_over_the_limit_fails_the_call(void **state)
{
    (void)state;
    struct h2_limits client = h2_default_limits;
    client.header_bytes = 2000;
    struct pair *pair = pair_with_limits(h2_default_limits, client);
    pair->answer = answer_with_much_metadata;
    struct talk *talk = call_with(pair, UNARY, "x");
    pair_run(pair);
    assert_string_equal(talk->story, "closed(RESOURCE_EXHAUSTED)");
    assert_null(metadata_find(talk->metadata, "huge").data);
    pair_free(pair);
}

static void unfinished_requests_are_bounded_in_memory(void **state)
{
    (void)state;
    struct h2_limits server = h2_default_limits;
    server.buffered_bytes = 1 << 20;
    struct pair *pair = pair_with_limits(server, h2_default_limits);
    struct buffer message = {0};
    for (size_t round = 1; round <= 3; round++) {
        fill(&message, 2 << 20);
        struct talk *too_much = call_start(pair, UNARY);
        talk_send(too_much, buffer_bytes(&message));
        h2_half_close(too_much->call);
        pair_run(pair);
        assert_int_equal(too_much->status, STATUS_RESOURCE_EXHAUSTED);
        assert_int_equal(pair->server.refused[H2_REFUSED_MEMORY], round);

        fill(&message, 400000);
        struct talk *fits = call_start(pair, UNARY);
        talk_send(fits, buffer_bytes(&message));
        h2_half_close(fits->call);
        pair_run(pair);
        assert_int_equal(fits->status, STATUS_OK);
    }
    buffer_free(&message);
    pair_free(pair);
}

static void unsent_replies_are_bounded_in_memory(void **state)
{
    (void)state;
    struct h2_limits server = h2_default_limits;
    server.buffered_bytes = 100000;
    struct pair *pair = pair_with_limits(server, h2_default_limits);
    pair->answer = answer_nothing;
    (void)call_with(pair, STREAM_OUT, "x");
    pair_run(pair);
    struct h2_call *call = pair->server.talks[0].call;
    struct buffer message = {0};
    fill(&message, 40000);
    talk_send(&pair->server.talks[0], buffer_bytes(&message));
    talk_send(&pair->server.talks[0], buffer_bytes(&message));
    assert_null(h2_message_begin(call, message.size));
    assert_null(h2_message_begin(call, SIZE_MAX / 2));
    pair_run(pair);
    assert_int_equal(h2_queued(call), 0);
    talk_send(&pair->server.talks[0], buffer_bytes(&message));
    pair_run(pair);
    assert_int_equal(pair->client.talks[0].messages, 3);
    buffer_free(&message);
    pair_free(pair);
}

static void a_finished_call_takes_no_more_messages(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_nothing;
    struct talk *talk = call_with(pair, UNARY, "x");
    assert_null(h2_message_begin(talk->call, 1));
    pair_run(pair);
    struct talk *server = &pair->server.talks[0];
    talk_send(server, bytes_of("y"));
    talk_finish(server, STATUS_OK, "");
    assert_null(h2_message_begin(server->call, 1));
    talk_finish(server, STATUS_INTERNAL, "twice is once");
    pair_run(pair);
    assert_string_equal(talk->story, "message(y) closed(OK)");
    pair_free(pair);
}

/* --- Calls from within events --- */

static void on_closed_retry(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    struct pair_end *client = owner;
    pair_on_closed(owner, call, outcome);
    if (client->talk_count >= 50)
        return;
    struct h2_call *next = h2_call_start(client->h2, UNARY, NULL, CLOCK_NEVER, NULL);
    if (next == NULL)
        return;
    struct talk *talk = talk_add(client, next);
    talk_send(talk, bytes_of("again"));
    h2_half_close(next);
}

static void a_call_may_start_the_next_one_as_it_ends(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_events events = pair_events;
    events.closed = on_closed_retry;
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    client.events = &events;
    pair_open(pair, &client, &server);
    pair_run(pair);
    (void)call_with(pair, UNARY, "first");
    pair_run(pair);
    assert_int_equal(pair->client.talk_count, 50);
    assert_string_equal(pair->client.talks[49].story, "message(again) closed(OK)");
    pair_free(pair);
}

static void a_closing_connection_takes_no_new_calls(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_events events = pair_events;
    events.closed = on_closed_retry;
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    client.events = &events;
    pair->answer = answer_nothing;
    pair_open(pair, &client, &server);
    pair_run(pair);
    (void)call_with(pair, UNARY, "first");
    pair_run(pair);
    end_close(&pair->client);
    assert_int_equal(pair->client.talk_count, 1);
    pair_free(pair);
}

static void answer_and_count(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    size_t room = h2_room(h2_call_connection(talk->call));
    talk_send(talk, message);
    assert_int_equal(h2_queued(talk->call), 5 + message.size);
    assert_int_equal(room - h2_room(h2_call_connection(talk->call)), 5 + message.size);
}

/* Who sends a stream paces it by what is queued. */
static void a_message_of_a_stream_counts_as_queued_until_it_is_handed_out(void **state)
{
    (void)state;
    struct pair *pair = pair_ready();
    pair->answer = answer_and_count;
    struct talk *talk = call_with(pair, STREAM_OUT, "hello");
    pair_run(pair);
    assert_string_equal(talk->story, "message(hello)");
    assert_int_equal(h2_queued(pair->server.talks[0].call), 0);
    pair_free(pair);
}

static struct metadata *long_metadata(void)
{
    static char value[40000];
    memset(value, 'v', sizeof value - 1);
    return metadata_of_text("long", value);
}

static void answer_with_long_trailers(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    struct metadata *trailers = long_metadata();
    talk_send(talk, message);
    h2_finish(talk->call, STATUS_OK, bytes_of(""), trailers);
    metadata_release(trailers);
}

/* Header blocks that take several frames, both ways. */
static void metadata_longer_than_a_frame_arrives_whole(void **state)
{
    (void)state;
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    client.limits.header_bytes = server.limits.header_bytes = 60000;
    pair->answer = answer_with_long_trailers;
    pair_open(pair, &client, &server);
    pair_run(pair);
    struct metadata *metadata = long_metadata();
    for (int i = 0; i < 3; i++) {
        struct talk *talk = call_start_with(pair, UNARY, metadata, CLOCK_NS_PER_S);
        talk_send(talk, bytes_of("x"));
        h2_half_close(talk->call);
        pair_run(pair);
        assert_string_equal(talk->story, "message(x) closed(OK)");
        assert_true(bytes_equal(metadata_find(talk->metadata, "long"), metadata->pairs[0].value));
        assert_true(
            bytes_equal(metadata_find(pair->server.talks[i].metadata, "long"), metadata->pairs[0].value));
    }
    metadata_release(metadata);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_every_kind_work),
        cmocka_unit_test(the_bytes_may_be_cut_at_every_place),
        cmocka_unit_test(the_bytes_may_come_in_pieces_of_any_size),
        cmocka_unit_test(one_byte_at_a_time_is_enough),
        cmocka_unit_test(a_header_block_that_repeats_shares_its_metadata),
        cmocka_unit_test(more_kinds_of_metadata_than_are_remembered_stay_right),
        cmocka_unit_test(a_block_that_grows_or_shrinks_is_read_anew),
        cmocka_unit_test(binary_metadata_passes_as_its_text),
        cmocka_unit_test(a_timeout_arrives_no_shorter_than_it_was),
        cmocka_unit_test(a_failure_brings_its_message_and_trailers),
        cmocka_unit_test(a_failure_behind_messages_brings_the_messages_first),
        cmocka_unit_test(a_unary_reply_without_a_message_is_internal),
        cmocka_unit_test(two_replies_to_a_unary_call_are_internal),
        cmocka_unit_test(a_client_that_cancels_ends_the_call_on_the_server),
        cmocka_unit_test(a_call_cancelled_before_it_is_written_is_never_seen),
        cmocka_unit_test(a_cancelled_call_leaves_the_others_as_they_are),
        cmocka_unit_test(metadata_longer_than_a_frame_arrives_whole),
        cmocka_unit_test(a_message_of_a_stream_counts_as_queued_until_it_is_handed_out),
        cmocka_unit_test(a_connection_has_room_for_what_its_calls_have_not_queued),
        cmocka_unit_test(a_server_that_cancels_ends_the_call_on_the_client),
        cmocka_unit_test(a_server_may_answer_before_the_request_has_ended),
        cmocka_unit_test(messages_of_all_sizes_come_back_as_they_were),
        cmocka_unit_test(large_messages_of_many_calls_share_the_window),
        cmocka_unit_test(pending_gathers_a_bounded_piece),
        cmocka_unit_test(a_writer_hears_when_its_bytes_are_on_their_way),
        cmocka_unit_test(the_server_takes_as_many_calls_as_it_says),
        cmocka_unit_test(many_calls_at_once_get_their_own_answers),
        cmocka_unit_test(a_server_that_drains_lets_calls_under_way_end),
        cmocka_unit_test(calls_that_cross_the_drain_notice_are_served),
        cmocka_unit_test(calls_not_written_before_the_notice_are_unseen),
        cmocka_unit_test(a_client_that_drains_finishes_with_its_last_call),
        cmocka_unit_test(a_client_that_drains_loses_no_call_that_waits_to_be_written),
        cmocka_unit_test(a_connection_that_closes_ends_its_calls),
        cmocka_unit_test(a_call_is_unseen_until_the_first_byte_of_it_is_taken_for_sending),
        cmocka_unit_test(a_ping_is_answered_once),
        cmocka_unit_test(a_request_over_the_limit_is_refused_with_its_trailers),
        cmocka_unit_test(a_reply_over_the_limit_is_refused_by_the_client),
        cmocka_unit_test(metadata_over_the_limit_is_refused),
        cmocka_unit_test(reply_metadata_over_the_limit_fails_the_call),
        cmocka_unit_test(unfinished_requests_are_bounded_in_memory),
        cmocka_unit_test(unsent_replies_are_bounded_in_memory),
        cmocka_unit_test(a_finished_call_takes_no_more_messages),
        cmocka_unit_test(a_call_may_start_the_next_one_as_it_ends),
        cmocka_unit_test(a_closing_connection_takes_no_new_calls),
    };
    return pair_run_tests(tests);
}
