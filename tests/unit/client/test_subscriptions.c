/* What a subscription makes of what a server says, and of one that says nothing: the peer is scripted, so
 * every message and every loss is chosen. */
#include "base/clock.h"
#include "cachepubsub.pb-c.h"
#include "with_server.h"

#include "client/scripted_peer.h"

#define REQUESTS_KEPT 8
#define PUBLISHER     "me"

/* What the peer was asked for. */
static struct {
    _Atomic uint64_t resume;
    _Atomic uint64_t page;
} asked[REQUESTS_KEPT];

static struct peer peer;
static mayfly_client *client;

typedef void (*peer_answer)(struct peer *, struct peer_link *, uint32_t, unsigned);

static void begin(peer_answer answer, mayfly_drive drive)
{
    peer_start(&peer, answer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = 5000;
    configuration.min_channels = configuration.max_channels = 1;
    client = client_open_with(&configuration, peer.port, drive);
}

static void end(void)
{
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- The peer's side --- */

static void note(const struct peer_link *link, unsigned request)
{
    CacheClient__Pubsub__SubscriptionRequest *message =
        cache_client__pubsub____subscription_request__unpack(NULL, link->message_size, link->message);
    if (message != NULL && request < REQUESTS_KEPT) {
        atomic_store(&asked[request].resume, message->resume_at_topic_sequence_number);
        atomic_store(&asked[request].page, message->sequence_page);
    }
    cache_client__pubsub____subscription_request__free_unpacked(message, NULL);
}

static void say(const struct peer_link *link, uint32_t stream, CacheClient__Pubsub__SubscriptionItem *item)
{
    uint8_t bytes[200];
    assert_true(cache_client__pubsub____subscription_item__get_packed_size(item) <= sizeof bytes);
    peer_message(link, stream, false, bytes, cache_client__pubsub____subscription_item__pack(item, bytes));
}

static void say_heartbeat(const struct peer_link *link, uint32_t stream)
{
    CacheClient__Pubsub__Heartbeat heartbeat = CACHE_CLIENT__PUBSUB____HEARTBEAT__INIT;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_HEARTBEAT;
    item.heartbeat = &heartbeat;
    say(link, stream, &item);
}

static void say_item(const struct peer_link *link, uint32_t stream, uint64_t sequence, uint64_t page)
{
    CacheClient__Pubsub__TopicValue value = CACHE_CLIENT__PUBSUB____TOPIC_VALUE__INIT;
    CacheClient__Pubsub__TopicItem topic_item;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    static char text[] = "text";
    static char publisher[] = PUBLISHER;
    cache_client__pubsub____topic_item__init(&topic_item);
    value.kind_case = CACHE_CLIENT__PUBSUB____TOPIC_VALUE__KIND_TEXT;
    value.text = text;
    topic_item.topic_sequence_number = sequence;
    topic_item.sequence_page = page;
    topic_item.publisher_id = publisher;
    topic_item.value = &value;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_ITEM;
    item.item = &topic_item;
    say(link, stream, &item);
}

static void say_discontinuity(const struct peer_link *link, uint32_t stream, uint64_t last, uint64_t next,
                              uint64_t page)
{
    CacheClient__Pubsub__Discontinuity discontinuity = CACHE_CLIENT__PUBSUB____DISCONTINUITY__INIT;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    discontinuity.last_topic_sequence = last;
    discontinuity.new_topic_sequence = next - 1;
    discontinuity.new_sequence_page = page;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_DISCONTINUITY;
    item.discontinuity = &discontinuity;
    say(link, stream, &item);
}

static void confirm(const struct peer_link *link, uint32_t stream, unsigned request)
{
    note(link, request);
    peer_headers(link, stream, NULL);
    say_heartbeat(link, stream);
}

/* --- The client's side --- */

static const mayfly_topic_options plain_options = {.cache = "cache", .topic = {"topic", 5}};

static mayfly_subscription *subscribe_with(const mayfly_topic_options *options,
                                           mayfly_topic_callback callback, void *context)
{
    mayfly_subscription *subscription;
    mayfly_error error;
    if (mayfly_subscribe(client, options, callback, context, &subscription, &error) != MAYFLY_OK)
        fail_msg("%s", error.message);
    return subscription;
}

static mayfly_subscription *subscribe(void)
{
    return subscribe_with(&plain_options, NULL, NULL);
}

/* The next event, which must be one of KIND. */
static mayfly_topic_event *next(mayfly_subscription *subscription, mayfly_topic_event_kind kind)
{
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 5000, &event), MAYFLY_OK);
    if (event->kind != kind)
        fail_msg("event %d with sequence %u: %s", event->kind, (unsigned)event->sequence, event->message);
    return event;
}

static void expect_subscribed(mayfly_subscription *subscription)
{
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
}

static void expect_item(mayfly_subscription *subscription, uint64_t sequence, uint64_t page)
{
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_ITEM);
    assert_int_equal(event->sequence, sequence);
    assert_int_equal(event->page, page);
    assert_true(event->is_text);
    assert_bytes(event->value, "text");
    assert_bytes(event->publisher, PUBLISHER);
    mayfly_topic_event_free(event);
}

static void expect_gap(mayfly_subscription *subscription, uint64_t last, uint64_t sequence, uint64_t page)
{
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_DISCONTINUITY);
    assert_int_equal(event->last_sequence, last);
    assert_int_equal(event->sequence, sequence);
    assert_int_equal(event->page, page);
    mayfly_topic_event_free(event);
}

static void expect_reconnecting(mayfly_subscription *subscription)
{
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_RECONNECTING);
    assert_int_equal(event->status, MAYFLY_UNAVAILABLE);
    mayfly_topic_event_free(event);
}

/* ENDED, and nothing after it. */
static void expect_ended(mayfly_subscription *subscription, mayfly_status status)
{
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_ENDED);
    if (event->status != status)
        fail_msg("ended with %s: %s", mayfly_status_name(event->status), event->message);
    mayfly_topic_event_free(event);
    assert_int_equal(mayfly_subscription_next(subscription, 0, &event), MAYFLY_CANCELLED);
    assert_null(event);
}

static void expect_silence(mayfly_subscription *subscription)
{
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 20, &event), MAYFLY_DEADLINE_EXCEEDED);
    assert_null(event);
}

static void await_left(unsigned connections)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)5 * CLOCK_NS_PER_S;
    while (atomic_load(&peer.left) < connections && clock_now_ns() < limit_ns) {
        (void)mayfly_client_step(client, false); /* of those that are driven so */
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(atomic_load(&peer.left), connections);
}

/* --- Items --- */

static void tell_three(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    for (uint64_t i = 1; i <= 3; i++)
        say_item(link, stream, i, 9);
    say_heartbeat(link, stream);
}

static void items_are_told_in_order_on_every_drive(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 3; i++) {
        begin(tell_three, drives[i]);
        mayfly_subscription *subscription = subscribe();
        expect_subscribed(subscription);
        for (uint64_t sequence = 1; sequence <= 3; sequence++)
            expect_item(subscription, sequence, 9);
        expect_silence(subscription);
        assert_int_equal(atomic_load(&asked[0].resume), 0);
        mayfly_unsubscribe(subscription);
        end();
    }
}

static void where_to_resume_is_the_callers_choice(void **state)
{
    (void)state;
    begin(tell_three, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_topic_options options = plain_options;
    options.resume_at_sequence = 3;
    options.resume_at_page = 9;
    mayfly_subscription *subscription = subscribe_with(&options, NULL, NULL);
    expect_subscribed(subscription);
    assert_int_equal(atomic_load(&asked[0].resume), 3);
    assert_int_equal(atomic_load(&asked[0].page), 9);
    expect_item(subscription, 3, 9); /* the first two were not asked for */
    expect_silence(subscription);
    end();
}

static void tell_the_third(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    say_item(link, stream, 3, 9);
}

static void to_resume_without_a_page_is_no_gap(void **state)
{
    (void)state;
    begin(tell_the_third, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_topic_options options = plain_options;
    options.resume_at_sequence = 3;
    mayfly_subscription *subscription = subscribe_with(&options, NULL, NULL);
    expect_subscribed(subscription);
    expect_item(subscription, 3, 9);
    mayfly_unsubscribe(subscription);
    options.resume_at_sequence = 2;
    subscription = subscribe_with(&options, NULL, NULL);
    expect_subscribed(subscription);
    expect_gap(subscription, 1, 3, 9); /* but what is missing by number is */
    end();
}

static void tell_out_of_order(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    static const uint64_t told[][2] = {{1, 1}, {2, 1}, {2, 1}, {1, 1}, {5, 1}, {1, 2}, {6, 1}, {2, 2}};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        say_item(link, stream, told[i][0], told[i][1]);
}

static void items_told_before_are_dropped_and_missing_ones_are_told(void **state)
{
    (void)state;
    begin(tell_out_of_order, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    expect_item(subscription, 1, 1);
    expect_item(subscription, 2, 1);
    expect_gap(subscription, 2, 5, 1);
    expect_item(subscription, 5, 1);
    expect_gap(subscription, 5, 1, 2);
    expect_item(subscription, 1, 2);
    expect_item(subscription, 2, 2);
    expect_silence(subscription);
    end();
}

static void tell_a_gap(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    say_item(link, stream, 3, 1);
    say_discontinuity(link, stream, 3, 9, 2);
    say_item(link, stream, 9, 2);
}

static void a_discontinuity_of_the_server_is_told_once(void **state)
{
    (void)state;
    begin(tell_a_gap, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    expect_item(subscription, 3, 1);
    expect_gap(subscription, 3, 9, 2);
    expect_item(subscription, 9, 2);
    expect_silence(subscription);
    end();
}

static void confirm_only(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
}

/* --- Losses --- */

static void hang_up_once(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    say_item(link, stream, request == 0 ? 5 : 6, 7);
    link->hang_up = request == 0;
}

static void fail_once(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    say_item(link, stream, request == 0 ? 5 : 6, 7);
    if (request == 0)
        peer_trailers(link, stream, "14");
}

static void a_lost_stream_is_resumed_behind_the_last_item(void **state)
{
    (void)state;
    const peer_answer answers[] = {hang_up_once, fail_once};
    for (size_t i = 0; i < 2; i++) {
        begin(answers[i], MAYFLY_DRIVEN_BY_CALLS);
        mayfly_subscription *subscription = subscribe();
        expect_subscribed(subscription);
        expect_item(subscription, 5, 7);
        expect_reconnecting(subscription);
        expect_subscribed(subscription);
        expect_item(subscription, 6, 7);
        assert_int_equal(atomic_load(&asked[1].resume), 6);
        assert_int_equal(atomic_load(&asked[1].page), 7);
        end();
    }
}

static void lose_before_an_item(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    if (request > 0)
        say_item(link, stream, 4, 1);
    link->hang_up = request == 0;
}

static void a_loss_before_the_first_item_is_told_with_it(void **state)
{
    (void)state;
    begin(lose_before_an_item, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    expect_reconnecting(subscription);
    expect_subscribed(subscription);
    expect_gap(subscription, 0, 4, 1);
    expect_item(subscription, 4, 1);
    end();
}

static void begin_anew(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    say_item(link, stream, request == 0 ? 5 : 1, request == 0 ? 7 : 3);
    link->hang_up = request == 0;
}

static void a_server_that_forgot_its_pages_is_still_heard(void **state)
{
    (void)state;
    begin(begin_anew, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    expect_item(subscription, 5, 7);
    expect_reconnecting(subscription);
    expect_subscribed(subscription);
    expect_gap(subscription, 5, 1, 3);
    expect_item(subscription, 1, 3);
    end();
}

static void fail_at_first(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    if (request < 2)
        peer_fail(link, stream, request == 0 ? "14" : "13");
    else
        confirm(link, stream, request);
}

static void what_may_pass_is_tried_again_before_the_first_confirmation(void **state)
{
    (void)state;
    begin(fail_at_first, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    assert_int_equal(atomic_load(&peer.requests), 3);
    end();
}

/* Confirms, loses the stream, and says nothing to the next one on the same connection. */
static void fall_silent(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    if (request == 1)
        return;
    confirm(link, stream, request);
    if (request == 0)
        peer_trailers(link, stream, "14");
}

static void a_connection_that_says_nothing_to_a_lost_stream_is_given_up(void **state)
{
    (void)state;
    begin(fall_silent, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_topic_options options = plain_options;
    options.deadline_ms = 200;
    mayfly_subscription *subscription = subscribe_with(&options, NULL, NULL);
    expect_subscribed(subscription);
    expect_reconnecting(subscription);
    expect_subscribed(subscription);
    assert_int_equal(atomic_load(&peer.connections), 3); /* one is for calls */
    end();
}

static void go_deaf(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    confirm(link, stream, request);
    at->is_silent = true; /* from now on, to pings as well */
}

static void a_dead_connection_is_noticed_even_without_keepalive_of_calls(void **state)
{
    (void)state;
    peer_start(&peer, go_deaf);
    const mayfly_configuration configuration = mayfly_configuration_lambda_v1();
    assert_int_equal(configuration.keepalive_interval_ms, 0);
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 15000, &event), MAYFLY_OK);
    assert_int_equal(event->kind, MAYFLY_TOPIC_RECONNECTING);
    mayfly_topic_event_free(event);
    end();
}

/* --- Ends --- */

static const char *failure; /* set before the peer starts */

static void fail_always(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_fail(link, stream, failure);
}

static void what_will_not_heal_ends_a_subscription(void **state)
{
    (void)state;
    const char *const texts[] = {"3", "5", "7", "8", "12", "16"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        failure = texts[i];
        begin(fail_always, MAYFLY_DRIVEN_BY_CALLS);
        mayfly_subscription *subscription = subscribe();
        expect_ended(subscription, (mayfly_status)strtol(texts[i], NULL, 10));
        assert_int_equal(atomic_load(&peer.requests), 1);
        await_left(1); /* the connection has no other use */
        end();
    }
}

static void begin_with_an_item(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_headers(link, stream, NULL);
    say_item(link, stream, 1, 1);
}

static void talk_nonsense(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    peer_message(link, stream, false, "\xff\xff\xff", 3);
}

static void a_stream_that_begins_with_an_item_is_no_subscription(void **state)
{
    (void)state;
    begin(begin_with_an_item, MAYFLY_DRIVEN_BY_CALLS);
    expect_ended(subscribe(), MAYFLY_INTERNAL);
    end();
}

static void a_message_that_makes_no_sense_ends_a_subscription(void **state)
{
    (void)state;
    begin(talk_nonsense, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe();
    expect_subscribed(subscription);
    expect_ended(subscription, MAYFLY_INTERNAL);
    end();
}

static void never_answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)link;
    (void)stream;
    (void)request;
}

static void the_deadline_is_for_the_confirmation(void **state)
{
    (void)state;
    mayfly_topic_options options = plain_options;
    options.deadline_ms = 50;
    begin(never_answer, MAYFLY_DRIVEN_BY_CALLS);
    expect_ended(subscribe_with(&options, NULL, NULL), MAYFLY_DEADLINE_EXCEEDED);
    end();
    begin(tell_three, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_subscription *subscription = subscribe_with(&options, NULL, NULL);
    expect_subscribed(subscription);
    for (uint64_t sequence = 1; sequence <= 3; sequence++)
        expect_item(subscription, sequence, 9);
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 100, &event), MAYFLY_DEADLINE_EXCEEDED);
    end();
}

static void a_server_that_is_not_there_is_the_reason_given(void **state)
{
    (void)state;
    peer_start(&peer, never_answer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0;
    uint16_t port = peer.port;
    peer_stop(&peer);
    client = client_open_with(&configuration, port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_topic_options options = plain_options;
    options.deadline_ms = 100;
    expect_ended(subscribe_with(&options, NULL, NULL), MAYFLY_UNAVAILABLE);
    mayfly_client_close(client);
}

static void a_peer_that_takes_no_streams_is_asked_over_one_connection(void **state)
{
    (void)state;
    peer_start(&peer, never_answer);
    peer.takes_no_streams = true; /* nobody has connected yet */
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = configuration.max_channels = 1;
    client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_topic_options options = plain_options;
    options.deadline_ms = 200;
    mayfly_subscription *subscription = subscribe_with(&options, NULL, NULL);
    expect_ended(subscription, MAYFLY_DEADLINE_EXCEEDED);
    assert_int_equal(atomic_load(&peer.connections), 2); /* one is for calls */
    await_left(1);                                       /* nobody waits for room any more */
    end();
}

/* --- Callbacks --- */

struct heard {
    _Atomic unsigned kinds[MAYFLY_TOPIC_ENDED + 1];
    _Atomic int status; /* of the end */
    mayfly_subscription *subscription;
    bool is_enough; /* unsubscribe at the first item */
};

static void on_event(void *context, const mayfly_topic_event *event)
{
    struct heard *heard = context;
    if (event->kind == MAYFLY_TOPIC_ENDED)
        atomic_store(&heard->status, (int)event->status);
    if (event->kind == MAYFLY_TOPIC_ITEM && heard->is_enough)
        mayfly_unsubscribe(heard->subscription);
    atomic_fetch_add(&heard->kinds[event->kind], 1);
}

static void await(struct heard *heard, mayfly_topic_event_kind kind, unsigned count)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)5 * CLOCK_NS_PER_S;
    while (atomic_load(&heard->kinds[kind]) < count && clock_now_ns() < limit_ns)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&heard->kinds[kind]), count);
}

static void step_until(struct heard *heard, mayfly_topic_event_kind kind, unsigned count)
{
    while (atomic_load(&heard->kinds[kind]) < count)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
}

static void callbacks_are_told_heartbeats_too(void **state)
{
    (void)state;
    begin(tell_three, MAYFLY_DRIVEN_BY_CALLER);
    struct heard heard = {.is_enough = false};
    mayfly_subscription *subscription = subscribe_with(&plain_options, on_event, &heard);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_SUBSCRIBED]), 0);
    step_until(&heard, MAYFLY_TOPIC_HEARTBEAT, 1);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_SUBSCRIBED]), 1);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ITEM]), 3);
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 0, &event), MAYFLY_INVALID_ARGUMENT);
    mayfly_unsubscribe(subscription);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ENDED]), 1);
    assert_int_equal(atomic_load(&heard.status), MAYFLY_CANCELLED);
    end();
}

static void a_callback_may_unsubscribe_and_hears_only_the_end(void **state)
{
    (void)state;
    begin(tell_three, MAYFLY_DRIVEN_BY_CALLER);
    struct heard heard = {.is_enough = true};
    heard.subscription = subscribe_with(&plain_options, on_event, &heard);
    step_until(&heard, MAYFLY_TOPIC_ENDED, 1);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ITEM]), 1);
    assert_int_equal(atomic_load(&heard.status), MAYFLY_CANCELLED);
    await_left(1); /* the connection has no other use */
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ENDED]), 1);
    end();
}

static void on_a_thread_of_its_own_all_is_told_there(void **state)
{
    (void)state;
    begin(tell_three, MAYFLY_DRIVEN_BY_THREAD);
    struct heard heard = {.is_enough = false};
    mayfly_subscription *subscription = subscribe_with(&plain_options, on_event, &heard);
    await(&heard, MAYFLY_TOPIC_HEARTBEAT, 1);
    assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ITEM]), 3);
    mayfly_unsubscribe(subscription);
    await(&heard, MAYFLY_TOPIC_ENDED, 1);
    subscription = subscribe_with(&plain_options, on_event, &heard);
    mayfly_unsubscribe(subscription); /* perhaps before it has begun */
    await(&heard, MAYFLY_TOPIC_ENDED, 2);
    end();
}

static void closing_the_client_ends_subscriptions(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 2; i++) {
        begin(tell_three, drives[i]);
        struct heard heard = {.is_enough = false};
        struct heard late = {.is_enough = false};
        (void)subscribe_with(&plain_options, on_event, &heard);
        if (drives[i] == MAYFLY_DRIVEN_BY_CALLER)
            step_until(&heard, MAYFLY_TOPIC_HEARTBEAT, 1);
        else
            await(&heard, MAYFLY_TOPIC_HEARTBEAT, 1);
        (void)subscribe_with(&plain_options, on_event, &late);
        end();
        assert_int_equal(atomic_load(&heard.kinds[MAYFLY_TOPIC_ENDED]), 1);
        assert_int_equal(atomic_load(&heard.status), MAYFLY_CANCELLED);
        assert_int_equal(atomic_load(&late.kinds[MAYFLY_TOPIC_ENDED]), 1);
    }
}

static void lose_the_stream(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    peer_trailers(link, stream, "14");
}

static void on_event_until_it_is_lost(void *context, const mayfly_topic_event *event)
{
    struct heard *heard = context;
    if (event->kind == MAYFLY_TOPIC_RECONNECTING)
        mayfly_unsubscribe(heard->subscription);
    atomic_fetch_add(&heard->kinds[event->kind], 1);
}

static void a_subscription_that_ends_while_it_rests_leaves_no_connection(void **state)
{
    (void)state;
    begin(lose_the_stream, MAYFLY_DRIVEN_BY_CALLER);
    struct heard heard = {.is_enough = false};
    heard.subscription = subscribe_with(&plain_options, on_event_until_it_is_lost, &heard);
    step_until(&heard, MAYFLY_TOPIC_ENDED, 1);
    await_left(1);
    end();
}

struct late_reader {
    mayfly_subscription *other;
    mayfly_status status; /* of what was asked for when the end was told */
};

static void on_end_read_on(void *context, const mayfly_topic_event *event)
{
    struct late_reader *reader = context;
    mayfly_topic_event *other;
    if (event->kind != MAYFLY_TOPIC_ENDED)
        return;
    reader->status = mayfly_subscription_next(reader->other, 1000, &other);
    mayfly_topic_event_free(other);
    mayfly_unsubscribe(reader->other);
}

static void while_the_client_closes_nothing_is_waited_for(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 2; i++) {
        begin(confirm_only, drives[i]);
        struct late_reader reader = {.status = MAYFLY_OK};
        (void)subscribe_with(&plain_options, on_end_read_on, &reader);
        reader.other = subscribe();
        expect_subscribed(reader.other);
        end();
        assert_int_equal(reader.status, MAYFLY_INVALID_ARGUMENT);
    }
}

/* --- Readers --- */

#define FLOOD 100

static struct peer_link *first_link;
static uint32_t first_stream;

/* The first subscriber is flooded when the second one comes, and told one more item when the third does;
 * these hear an item behind that. */
static void flood_the_first(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    confirm(link, stream, request);
    if (request == 0) {
        first_link = link;
        first_stream = stream;
        return;
    }
    assert_ptr_equal(link, first_link);
    for (uint64_t i = 1; i <= (request == 1 ? FLOOD : 1); i++)
        say_item(link, first_stream, request == 1 ? i : FLOOD + i, 1);
    say_item(link, stream, 1, 1);
}

static void a_slow_reader_is_told_what_it_missed(void **state)
{
    (void)state;
    begin(flood_the_first, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_topic_options options = plain_options;
    options.queue_bytes = 2000;
    mayfly_subscription *slow = subscribe_with(&options, NULL, NULL);
    expect_subscribed(slow);
    struct heard heard = {.is_enough = false};
    (void)subscribe_with(&plain_options, on_event, &heard);
    step_until(&heard, MAYFLY_TOPIC_ITEM, 1);
    uint64_t sequence = 0;
    mayfly_topic_event *event;
    for (;;) {
        assert_int_equal(mayfly_subscription_next(slow, 0, &event), MAYFLY_OK);
        if (event->kind != MAYFLY_TOPIC_ITEM)
            break;
        assert_int_equal(event->sequence, ++sequence);
        mayfly_topic_event_free(event);
    }
    assert_in_range(sequence, 1, FLOOD / 2);
    assert_int_equal(event->kind, MAYFLY_TOPIC_DISCONTINUITY);
    assert_int_equal(event->last_sequence, sequence);
    assert_int_equal(event->sequence, FLOOD + 1);
    mayfly_topic_event_free(event);
    expect_silence(slow);
    end();
}

static void what_a_reader_missed_is_told_before_what_came_later(void **state)
{
    (void)state;
    begin(flood_the_first, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_topic_options options = plain_options;
    options.queue_bytes = 2000;
    mayfly_subscription *slow = subscribe_with(&options, NULL, NULL);
    expect_subscribed(slow);
    struct heard heard = {.is_enough = false};
    (void)subscribe_with(&plain_options, on_event, &heard);
    step_until(&heard, MAYFLY_TOPIC_ITEM, 1);
    for (uint64_t sequence = 1; sequence <= 3; sequence++) /* makes room for the gap and an item */
        expect_item(slow, sequence, 1);
    (void)subscribe_with(&plain_options, on_event, &heard);
    step_until(&heard, MAYFLY_TOPIC_ITEM, 2);
    uint64_t last = 3;
    mayfly_topic_event *event;
    for (;;) {
        assert_int_equal(mayfly_subscription_next(slow, 0, &event), MAYFLY_OK);
        if (event->kind != MAYFLY_TOPIC_ITEM)
            break;
        assert_int_equal(event->sequence, ++last);
        mayfly_topic_event_free(event);
    }
    assert_int_equal(event->last_sequence, last);
    assert_int_equal(event->sequence, FLOOD + 1);
    mayfly_topic_event_free(event);
    expect_item(slow, FLOOD + 1, 1);
    expect_silence(slow);
    end();
}

static void *read_one(void *context)
{
    expect_item(context, 1, 9);
    return NULL;
}

static void answer_subscriptions_and_pings(struct peer *at, struct peer_link *link, uint32_t stream,
                                           unsigned request)
{
    if (link->message_size == 0) {
        peer_answer_empty(link, stream);
        if (first_link != NULL)
            say_item(first_link, first_stream, 1, 9);
        return;
    }
    (void)at;
    confirm(link, stream, request);
    first_link = link;
    first_stream = stream;
}

static void a_reader_and_callers_share_a_client(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 2; i++) {
        first_link = NULL;
        begin(answer_subscriptions_and_pings, drives[i]);
        mayfly_subscription *subscription = subscribe();
        expect_subscribed(subscription);
        pthread_t reader;
        assert_int_equal(pthread_create(&reader, NULL, read_one, subscription), 0);
        for (int pings = 0; pings < 10; pings++)
            assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
        assert_int_equal(pthread_join(reader, NULL), 0);
        mayfly_unsubscribe(subscription);
        end();
    }
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    begin(never_answer, MAYFLY_DRIVEN_BY_CALLS);
    const mayfly_topic_options wrong[] = {
        {.cache = NULL, .topic = {"topic", 5}},
        {.cache = "", .topic = {"topic", 5}},
        {.cache = "cache"},
        {.cache = "cache", .topic = {"\xff", 1}},
        {.cache = "\xff", .topic = {"topic", 5}},
        {.cache = "cache", .topic = {"topic", 5}, .deadline_ms = 86400001},
    };
    mayfly_subscription *subscription;
    mayfly_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(mayfly_subscribe(client, &wrong[i], NULL, NULL, &subscription, &error),
                         MAYFLY_INVALID_ARGUMENT);
        assert_null(subscription);
        assert_true(strlen(error.message) > 0);
    }
    struct heard heard = {.is_enough = false};
    assert_int_equal(mayfly_subscribe(client, &plain_options, on_event, &heard, &subscription, &error),
                     MAYFLY_INVALID_ARGUMENT);
    mayfly_unsubscribe(NULL);
    mayfly_topic_event_free(NULL);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_told_in_order_on_every_drive),
        cmocka_unit_test(where_to_resume_is_the_callers_choice),
        cmocka_unit_test(to_resume_without_a_page_is_no_gap),
        cmocka_unit_test(items_told_before_are_dropped_and_missing_ones_are_told),
        cmocka_unit_test(a_discontinuity_of_the_server_is_told_once),
        cmocka_unit_test(a_lost_stream_is_resumed_behind_the_last_item),
        cmocka_unit_test(a_loss_before_the_first_item_is_told_with_it),
        cmocka_unit_test(a_server_that_forgot_its_pages_is_still_heard),
        cmocka_unit_test(what_may_pass_is_tried_again_before_the_first_confirmation),
        cmocka_unit_test(a_connection_that_says_nothing_to_a_lost_stream_is_given_up),
        cmocka_unit_test(a_dead_connection_is_noticed_even_without_keepalive_of_calls),
        cmocka_unit_test(what_will_not_heal_ends_a_subscription),
        cmocka_unit_test(a_stream_that_begins_with_an_item_is_no_subscription),
        cmocka_unit_test(a_message_that_makes_no_sense_ends_a_subscription),
        cmocka_unit_test(the_deadline_is_for_the_confirmation),
        cmocka_unit_test(a_server_that_is_not_there_is_the_reason_given),
        cmocka_unit_test(a_peer_that_takes_no_streams_is_asked_over_one_connection),
        cmocka_unit_test(callbacks_are_told_heartbeats_too),
        cmocka_unit_test(a_callback_may_unsubscribe_and_hears_only_the_end),
        cmocka_unit_test(on_a_thread_of_its_own_all_is_told_there),
        cmocka_unit_test(closing_the_client_ends_subscriptions),
        cmocka_unit_test(a_subscription_that_ends_while_it_rests_leaves_no_connection),
        cmocka_unit_test(while_the_client_closes_nothing_is_waited_for),
        cmocka_unit_test(a_slow_reader_is_told_what_it_missed),
        cmocka_unit_test(what_a_reader_missed_is_told_before_what_came_later),
        cmocka_unit_test(a_reader_and_callers_share_a_client),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
