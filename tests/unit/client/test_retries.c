/* What happens to calls that fail: which are tried again, how often, and on which connection. The peer is
 * scripted, so every attempt is seen. */
#include "base/clock.h"
#include "with_server.h"

#include "client/scripted_peer.h"

static struct peer peer;
static mayfly_client *client;

static void begin(void (*answer)(struct peer *, struct peer_link *, uint32_t, unsigned))
{
    peer_start(&peer, answer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = 5000;
    configuration.retry_budget_percent = 0; /* as many as `retries` allows */
    configuration.reconnect_max_ms = 50;
    configuration.min_channels = configuration.max_channels = 1;
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
}

static void end(void)
{
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* Makes a call that must end with STATUS after so many ATTEMPTS. */
static void assert_ends(mayfly_request request, mayfly_status status, uint32_t attempts)
{
    mayfly_reply *reply = call(client, request);
    if (reply->status != status || reply->attempts != attempts)
        fail_msg("%s: %s (%s) after %u attempts", mayfly_method_name(request.method),
                 mayfly_status_name(reply->status), reply->message, reply->attempts);
    mayfly_reply_free(reply);
}

static mayfly_request request_of(mayfly_method method)
{
    static const mayfly_item item = {.key = {"key", 3}, .value = {"value", 5}, .ttl_ms = 1000};
    mayfly_request request = mayfly_request_of(method, "cache");
    request.key = request.value = mayfly_text("text");
    request.ttl_ms = 1000;
    request.items = &item;
    request.item_count = 1;
    request.condition = MAYFLY_IF_EQUAL;
    request.field = request.key;
    request.end = 1;
    request.limit = 1;
    return request;
}

/* The list of the contract, but for Subscribe. */
static bool is_repeatable(mayfly_method method)
{
    static const char *const names[] = {"Get",
                                        "GetBatch",
                                        "Set",
                                        "SetBatch",
                                        "Delete",
                                        "KeysExist",
                                        "ItemGetTtl",
                                        "ItemGetType",
                                        "DictionaryGet",
                                        "DictionaryFetch",
                                        "DictionarySet",
                                        "DictionaryDelete",
                                        "DictionaryLength",
                                        "SetFetch",
                                        "SetSample",
                                        "SetUnion",
                                        "SetDifference",
                                        "SetContains",
                                        "SetLength",
                                        "ListRemove",
                                        "ListFetch",
                                        "ListLength",
                                        "SortedSetPut",
                                        "SortedSetFetch",
                                        "SortedSetGetScore",
                                        "SortedSetRemove",
                                        "SortedSetGetRank",
                                        "SortedSetLength",
                                        "SortedSetLengthByScore"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(mayfly_method_name(method), names[i]) == 0)
            return true;
    return false;
}

static const char *failure; /* the status that the peer answers with, set before it starts */

static void fail_always(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_fail(link, stream, failure);
}

static void only_methods_of_the_list_are_repeated_and_three_times_at_most(void **state)
{
    (void)state;
    const struct {
        const char *text;
        mayfly_status status;
    } failures[] = {{"14", MAYFLY_UNAVAILABLE}, {"13", MAYFLY_INTERNAL}};
    for (size_t i = 0; i < 2; i++) {
        failure = failures[i].text;
        begin(fail_always);
        for (int method = 0; method < MAYFLY_METHODS; method++)
            assert_ends(request_of((mayfly_method)method), failures[i].status,
                        is_repeatable((mayfly_method)method) ? 4 : 1);
        assert_int_equal(atomic_load(&peer.connections), 1);
        end();
    }
}

static void other_statuses_are_final(void **state)
{
    (void)state;
    const char *const texts[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "15", "16"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        failure = texts[i];
        begin(fail_always);
        assert_ends(request_of(MAYFLY_METHOD_GET), (mayfly_status)strtol(texts[i], NULL, 10), 1);
        end();
    }
}

static void fail_twice(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    if (request < 2)
        peer_fail(link, stream, "14");
    else
        peer_answer_miss(link, stream);
}

static void a_repeated_call_may_succeed(void **state)
{
    (void)state;
    begin(fail_twice);
    assert_ends(request_of(MAYFLY_METHOD_GET), MAYFLY_OK, 3);
    assert_int_equal(mayfly_client_count(client).retries, 2);
    end();
}

static void no_retries_means_one_attempt(void **state)
{
    (void)state;
    failure = "14";
    peer_start(&peer, fail_always);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.retries = 0;
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_ends(request_of(MAYFLY_METHOD_GET), MAYFLY_UNAVAILABLE, 1);
    end();
}

static void fail_midway(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    static const uint8_t hit[] = {0x08, 0x02, 0x12, 0x01, 'v'};
    if (request > 0) {
        peer_answer_miss(link, stream);
        return;
    }
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, hit, sizeof hit);
    peer_trailers(link, stream, "14");
}

static void what_came_of_a_failed_batch_is_forgotten(void **state)
{
    (void)state;
    begin(fail_midway);
    mayfly_reply *reply = call(client, request_of(MAYFLY_METHOD_GET_BATCH));
    assert_int_equal(reply->status, MAYFLY_OK);
    assert_int_equal(reply->attempts, 2);
    assert_int_equal(reply->item_count, 1);
    assert_false(reply->items[0].found);
    mayfly_reply_free(reply);
    end();
}

static void answer_nothing_in_a_batch(struct peer *at, struct peer_link *link, uint32_t stream,
                                      unsigned request)
{
    (void)at;
    (void)request;
    peer_headers(link, stream, NULL);
    peer_trailers(link, stream, "0");
}

static void a_batch_with_items_missing_is_no_success(void **state)
{
    (void)state;
    begin(answer_nothing_in_a_batch);
    assert_ends(request_of(MAYFLY_METHOD_GET_BATCH), MAYFLY_INTERNAL, 1);
    end();
}

static void answer_twice_and_stay(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    static const uint8_t hit[] = {0x08, 0x02, 0x12, 0x01, 'v'};
    peer_headers(link, stream, NULL);
    for (int i = 0; i < 2; i++)
        peer_message(link, stream, false, hit, sizeof hit);
}

/* The stream does not end, so the first message too many has to end the call. */
static void a_batch_ends_at_the_first_item_that_nobody_asked_for(void **state)
{
    (void)state;
    begin(answer_twice_and_stay);
    assert_ends(request_of(MAYFLY_METHOD_GET_BATCH), MAYFLY_INTERNAL, 1);
    assert_int_equal(mayfly_client_count(client).in_flight, 0);
    end();
}

static void refuse_twice(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    if (request < 2)
        peer_reset(link, stream, CODE_REFUSED);
    else
        peer_answer_empty(link, stream);
}

static void a_refused_stream_was_not_seen_and_any_method_is_sent_again(void **state)
{
    (void)state;
    begin(refuse_twice);
    assert_ends(mayfly_ping(), MAYFLY_OK, 3);
    end();
}

static void refuse_always(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_reset(link, stream, CODE_REFUSED);
}

static void a_peer_that_refuses_every_stream_is_unavailable(void **state)
{
    (void)state;
    begin(refuse_always);
    assert_ends(request_of(MAYFLY_METHOD_INCREMENT), MAYFLY_UNAVAILABLE, 9);
    end();
}

static void fail_once_and_refuse(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    if (request == 0)
        peer_fail(link, stream, "14");
    else
        peer_reset(link, stream, CODE_REFUSED);
}

static void a_call_that_is_refused_in_the_end_may_have_been_executed_before(void **state)
{
    (void)state;
    begin(fail_once_and_refuse);
    mayfly_reply *reply = call(client, request_of(MAYFLY_METHOD_SET));
    assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
    assert_int_equal(reply->attempts, 10);
    assert_non_null(strstr(reply->message, "may have executed an earlier attempt"));
    assert_null(strstr(reply->message, "not executed"));
    mayfly_reply_free(reply);
    end();
}

static void leave_unseen(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (link->number == 0)
        peer_goaway(link, 0);
    else
        peer_answer_empty(link, stream);
}

static void a_call_above_the_last_stream_of_a_goaway_goes_to_a_new_connection(void **state)
{
    (void)state;
    begin(leave_unseen);
    assert_ends(mayfly_ping(), MAYFLY_OK, 2);
    assert_int_equal(atomic_load(&peer.connections), 2);
    end();
}

static void leave_and_answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (link->number == 0)
        peer_goaway(link, stream);
    peer_answer_empty(link, stream);
}

static void a_connection_that_is_left_still_answers_its_calls(void **state)
{
    (void)state;
    begin(leave_and_answer);
    assert_ends(mayfly_ping(), MAYFLY_OK, 1);
    assert_ends(mayfly_ping(), MAYFLY_OK, 1);
    assert_int_equal(atomic_load(&peer.connections), 2);
    end();
}

static void await_left(unsigned connections)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)5 * CLOCK_NS_PER_S;
    while (atomic_load(&peer.left) < connections && clock_now_ns() < limit_ns)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&peer.left), connections);
}

static void leave_after_the_answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_answer_empty(link, stream);
    if (link->number == 0)
        peer_goaway(link, stream);
}

static void leave_without_an_answer(struct peer *at, struct peer_link *link, uint32_t stream,
                                    unsigned request)
{
    (void)at;
    (void)request;
    if (link->number == 0)
        peer_goaway(link, stream);
    else
        peer_answer_empty(link, stream);
}

static void a_connection_that_is_left_is_closed_when_its_last_call_ends(void **state)
{
    (void)state;
    begin(leave_after_the_answer);
    assert_ends(mayfly_ping(), MAYFLY_OK, 1);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    await_left(1);
    end();
    begin(leave_without_an_answer);
    mayfly_request request = mayfly_ping();
    request.deadline_ms = 50;
    assert_ends(request, MAYFLY_DEADLINE_EXCEEDED, 1);
    assert_ends(mayfly_ping(), MAYFLY_OK, 1);
    await_left(1);
    end();
}

static void leave_at_once(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)stream;
    (void)request;
    peer_goaway(link, 0);
}

static void a_peer_that_always_leaves_is_not_stormed(void **state)
{
    (void)state;
    begin(leave_at_once);
    assert_ends(mayfly_ping(), MAYFLY_UNAVAILABLE, 9);
    assert_in_range(atomic_load(&peer.connections), 9, 10);
    end();
}

static void hang_up_once(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (link->number == 0) {
        peer_headers(link, stream, NULL);
        link->hang_up = true;
    } else {
        peer_answer_miss(link, stream);
    }
}

static void a_call_whose_connection_dies_is_repeated_only_where_that_is_safe(void **state)
{
    (void)state;
    begin(hang_up_once);
    assert_ends(request_of(MAYFLY_METHOD_GET), MAYFLY_OK, 2);
    end();
    begin(hang_up_once);
    assert_ends(request_of(MAYFLY_METHOD_INCREMENT), MAYFLY_UNAVAILABLE, 1);
    end();
}

static void say_nonsense_once(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    static const char nonsense[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    if (link->number == 0)
        peer_send(link, nonsense, sizeof nonsense);
    else
        peer_answer_miss(link, stream);
}

static void a_peer_that_talks_nonsense_is_left_for_a_new_connection(void **state)
{
    (void)state;
    begin(say_nonsense_once);
    assert_ends(request_of(MAYFLY_METHOD_GET), MAYFLY_OK, 2);
    assert_int_equal(atomic_load(&peer.connections), 2);
    end();
}

static void compress(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_headers(link, stream, NULL);
    peer_message(link, stream, true, "squeezed", 8);
    peer_trailers(link, stream, "0");
}

static void a_compressed_reply_is_an_internal_error(void **state)
{
    (void)state;
    begin(compress);
    assert_ends(mayfly_ping(), MAYFLY_INTERNAL, 1);
    assert_ends(request_of(MAYFLY_METHOD_GET), MAYFLY_INTERNAL, 4);
    end();
}

static void answer_with_nonsense(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, "\xff\xff\xff", 3);
    peer_trailers(link, stream, "0");
}

static void a_reply_that_makes_no_sense_is_an_internal_error(void **state)
{
    (void)state;
    begin(answer_with_nonsense);
    for (int method = 0; method < MAYFLY_METHODS; method++)
        assert_ends(request_of((mayfly_method)method), MAYFLY_INTERNAL, 1);
    end();
}

static void never_answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)link;
    (void)stream;
    (void)request;
}

static void retries_end_at_the_deadline(void **state)
{
    (void)state;
    begin(never_answer);
    mayfly_request request = request_of(MAYFLY_METHOD_GET);
    request.deadline_ms = 100;
    int64_t start_ns = clock_now_ns();
    assert_ends(request, MAYFLY_DEADLINE_EXCEEDED, 1);
    assert_in_range((clock_now_ns() - start_ns) / CLOCK_NS_PER_MS, 100, 1500);
    end();
}

static void calls_wait_no_longer_than_their_deadline_for_a_connection(void **state)
{
    (void)state;
    peer_start(&peer, never_answer);
    peer.is_silent = true; /* nobody has connected yet */
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0;
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_request request = mayfly_ping();
    request.deadline_ms = 100;
    assert_ends(request, MAYFLY_DEADLINE_EXCEEDED, 0);
    end();
}

static void calls_fail_at_once_where_nobody_listens(void **state)
{
    (void)state;
    peer_start(&peer, never_answer);
    peer_stop(&peer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0;
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_ends(mayfly_ping(), MAYFLY_UNAVAILABLE, 0);
    mayfly_client_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_methods_of_the_list_are_repeated_and_three_times_at_most),
        cmocka_unit_test(other_statuses_are_final),
        cmocka_unit_test(a_repeated_call_may_succeed),
        cmocka_unit_test(no_retries_means_one_attempt),
        cmocka_unit_test(what_came_of_a_failed_batch_is_forgotten),
        cmocka_unit_test(a_batch_with_items_missing_is_no_success),
        cmocka_unit_test(a_batch_ends_at_the_first_item_that_nobody_asked_for),
        cmocka_unit_test(a_refused_stream_was_not_seen_and_any_method_is_sent_again),
        cmocka_unit_test(a_peer_that_refuses_every_stream_is_unavailable),
        cmocka_unit_test(a_call_that_is_refused_in_the_end_may_have_been_executed_before),
        cmocka_unit_test(a_call_above_the_last_stream_of_a_goaway_goes_to_a_new_connection),
        cmocka_unit_test(a_connection_that_is_left_still_answers_its_calls),
        cmocka_unit_test(a_connection_that_is_left_is_closed_when_its_last_call_ends),
        cmocka_unit_test(a_peer_that_always_leaves_is_not_stormed),
        cmocka_unit_test(a_call_whose_connection_dies_is_repeated_only_where_that_is_safe),
        cmocka_unit_test(a_peer_that_talks_nonsense_is_left_for_a_new_connection),
        cmocka_unit_test(a_compressed_reply_is_an_internal_error),
        cmocka_unit_test(a_reply_that_makes_no_sense_is_an_internal_error),
        cmocka_unit_test(retries_end_at_the_deadline),
        cmocka_unit_test(calls_wait_no_longer_than_their_deadline_for_a_connection),
        cmocka_unit_test(calls_fail_at_once_where_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
