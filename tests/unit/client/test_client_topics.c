/* Topics through the client, against a real server: what one publishes the other hears, also when there
 * are many of them, and when the server goes and comes back. */
#include "base/clock.h"
#include "with_server.h"

#include <poll.h>
#include <stdatomic.h>

static mayfly_status publish(mayfly_client *client, const char *topic, const char *words)
{
    return status_of(client, mayfly_publish_text("cache", mayfly_text(topic), mayfly_text(words)));
}

static mayfly_subscription *subscribe(mayfly_client *client, const mayfly_topic_options *options,
                                      mayfly_topic_callback callback, void *context)
{
    mayfly_subscription *subscription;
    mayfly_error error;
    if (mayfly_subscribe(client, options, callback, context, &subscription, &error) != MAYFLY_OK)
        fail_msg("%s", error.message);
    return subscription;
}

static mayfly_topic_event *next(mayfly_subscription *subscription, mayfly_topic_event_kind kind)
{
    mayfly_topic_event *event;
    assert_int_equal(mayfly_subscription_next(subscription, 10000, &event), MAYFLY_OK);
    if (event->kind != kind)
        fail_msg("event %d with sequence %u: %s", event->kind, (unsigned)event->sequence, event->message);
    return event;
}

static void what_is_published_is_heard(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    const char *const topics[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++) {
        mayfly_client *client = client_open_to(server.port, drives[i]);
        const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text(topics[i])};
        mayfly_subscription *subscription = subscribe(client, &options, NULL, NULL);
        mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
        assert_int_equal(publish(client, topics[i], "hello"), MAYFLY_OK);
        const mayfly_request binary =
            mayfly_publish_binary("cache", mayfly_text(topics[i]), (mayfly_bytes){"\0\xff", 2});
        assert_int_equal(status_of(client, binary), MAYFLY_OK);
        mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_ITEM);
        uint64_t sequence = event->sequence;
        assert_true(event->is_text);
        assert_bytes(event->value, "hello");
        mayfly_topic_event_free(event);
        event = next(subscription, MAYFLY_TOPIC_ITEM);
        assert_false(event->is_text);
        assert_int_equal(event->value.size, 2);
        assert_memory_equal(event->value.data, "\0\xff", 2);
        assert_int_equal(event->sequence, sequence + 1);
        mayfly_topic_event_free(event);
        mayfly_unsubscribe(subscription);
        mayfly_client_close(client);
    }
    server_stop(&server);
}

static void a_later_subscription_goes_on_where_an_earlier_one_ended(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_subscription *subscription = subscribe(client, &options, NULL, NULL);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
    assert_int_equal(publish(client, "topic", "first"), MAYFLY_OK);
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_ITEM);
    options.resume_at_sequence = event->sequence + 1;
    options.resume_at_page = event->page;
    mayfly_topic_event_free(event);
    mayfly_unsubscribe(subscription);
    assert_int_equal(publish(client, "topic", "second"), MAYFLY_OK);
    subscription = subscribe(client, &options, NULL, NULL);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
    event = next(subscription, MAYFLY_TOPIC_ITEM);
    assert_bytes(event->value, "second");
    assert_int_equal(event->sequence, options.resume_at_sequence);
    mayfly_topic_event_free(event);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_cache_that_is_not_there_ends_a_subscription(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    const mayfly_topic_options options = {.cache = "unknown", .topic = mayfly_text("topic")};
    mayfly_topic_event *event = next(subscribe(client, &options, NULL, NULL), MAYFLY_TOPIC_ENDED);
    assert_int_equal(event->status, MAYFLY_NOT_FOUND);
    mayfly_topic_event_free(event);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- Many --- */

#define SUBSCRIBERS 250 /* more than two connections take */

static void on_event(void *context, const mayfly_topic_event *event)
{
    atomic_fetch_add((_Atomic unsigned *)context + event->kind, 1);
}

static void await(_Atomic unsigned *heard, mayfly_topic_event_kind kind, unsigned count)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)20 * CLOCK_NS_PER_S;
    while (atomic_load(&heard[kind]) < count && clock_now_ns() < limit_ns)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&heard[kind]), count);
}

static void many_subscriptions_take_nothing_from_calls(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = 1;
    configuration.min_channels = configuration.max_channels = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_THREAD);
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    _Atomic unsigned heard[MAYFLY_TOPIC_ENDED + 1] = {0};
    mayfly_subscription *subscriptions[SUBSCRIBERS];
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        subscriptions[i] = subscribe(client, &options, on_event, heard);
    await(heard, MAYFLY_TOPIC_SUBSCRIBED, SUBSCRIBERS);
    assert_int_equal(mayfly_client_count(client).in_flight, 0);
    assert_int_equal(publish(client, "topic", "to all"), MAYFLY_OK);
    await(heard, MAYFLY_TOPIC_ITEM, SUBSCRIBERS);
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        mayfly_unsubscribe(subscriptions[i]);
    await(heard, MAYFLY_TOPIC_ENDED, SUBSCRIBERS);
    assert_int_equal(publish(client, "topic", "to nobody"), MAYFLY_OK);
    assert_int_equal(atomic_load(&heard[MAYFLY_TOPIC_ITEM]), SUBSCRIBERS);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- A server that goes and comes back --- */

/* Ends the server as END does and has it come back where it was. */
static void outlive(void (*end)(struct test_server *))
{
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_subscription *subscription = subscribe(client, &options, NULL, NULL);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
    assert_int_equal(publish(client, "topic", "before"), MAYFLY_OK);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_ITEM));
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", server.port);
    end(&server);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_RECONNECTING));
    server = server_start((const char *const[]){"cache", "cache", "listen", address, NULL});
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_SUBSCRIBED));
    assert_int_equal(publish(client, "topic", "after"), MAYFLY_OK);
    mayfly_topic_event_free(next(subscription, MAYFLY_TOPIC_DISCONTINUITY)); /* the topic began anew */
    mayfly_topic_event *event = next(subscription, MAYFLY_TOPIC_ITEM);
    assert_bytes(event->value, "after");
    mayfly_topic_event_free(event);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_subscription_outlives_a_server_that_dies(void **state)
{
    (void)state;
    outlive(server_kill);
}

static void a_subscription_outlives_a_server_that_is_stopped(void **state)
{
    (void)state;
    outlive(server_stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_heard),
        cmocka_unit_test(a_later_subscription_goes_on_where_an_earlier_one_ended),
        cmocka_unit_test(a_cache_that_is_not_there_ends_a_subscription),
        cmocka_unit_test(many_subscriptions_take_nothing_from_calls),
        cmocka_unit_test(a_subscription_outlives_a_server_that_dies),
        cmocka_unit_test(a_subscription_outlives_a_server_that_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
