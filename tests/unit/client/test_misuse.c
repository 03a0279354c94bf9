/* Every public function, used as it must not be: it answers with a status that names the mistake, or does nothing, and
 * what is right goes on working afterwards. */
#include "with_server.h"

#include <poll.h>
#include <stdatomic.h>

#define TTL_MS UINT64_C(60000)

static const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS,
                                      MAYFLY_DRIVEN_BY_THREAD};
static struct test_server server;

static int set_up(void **state)
{
    (void)state;
    server = server_start(SERVER_PLAIN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static void on_end(void *context, const mayfly_reply *reply)
{
    (void)reply;
    if (context != NULL)
        atomic_fetch_add((_Atomic int *)context, 1);
}

static void on_event(void *context, const mayfly_topic_event *event)
{
    (void)context;
    (void)event;
}

/* --- Where a client belongs is something else --- */

struct expected {
    mayfly_status status;
    const char *word; /* of the sentences */
};

/* All that takes a client, on one that takes nothing. */
static void assert_of_no_use(mayfly_client *client, struct expected expected)
{
    const mayfly_request ping = mayfly_ping();
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_reply *reply;
    mayfly_handle handle;
    mayfly_latency latency;
    mayfly_subscription *subscription = (mayfly_subscription *)(uintptr_t)1;
    mayfly_error error;
    assert_int_equal(mayfly_call(client, &ping, &reply), expected.status);
    assert_int_equal(reply->status, expected.status);
    if (strstr(reply->message, expected.word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reply->message, expected.word);
    mayfly_reply_free(reply);
    assert_int_equal(mayfly_start(client, &ping, on_end, NULL, &handle), expected.status);
    assert_int_equal(mayfly_client_step(client, true), expected.status);
    assert_int_equal(mayfly_client_descriptor(client), -1);
    assert_int_equal(mayfly_client_timeout_ms(client), -1);
    assert_int_equal(mayfly_client_count(client).calls, 0);
    assert_int_equal(mayfly_client_count(client).connections, 0);
    assert_int_equal(mayfly_client_latency(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE, &latency),
                     expected.status);
    assert_int_equal(latency.count, 0);
    assert_int_equal(mayfly_subscribe(client, &options, on_event, NULL, &subscription, &error),
                     expected.status);
    assert_null(subscription);
    if (strstr(error.message, expected.word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, expected.word);
    mayfly_cancel(client, (mayfly_handle){NULL, 1});
    mayfly_client_close(client);
}

static void a_client_that_is_null_is_an_invalid_argument(void **state)
{
    (void)state;
    assert_of_no_use(NULL, (struct expected){MAYFLY_INVALID_ARGUMENT, "client"});
}

static void a_client_that_was_closed_is_known_as_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        mayfly_client *client = client_open_to(server.port, drives[i]);
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
        mayfly_client_close(client);
        assert_of_no_use(client, (struct expected){MAYFLY_FAILED_PRECONDITION, "closed"});
        mayfly_client *next = client_open_to(server.port, drives[i]);
        assert_ptr_not_equal(client, next);
        assert_of_no_use(client, (struct expected){MAYFLY_FAILED_PRECONDITION, "closed"});
        assert_int_equal(status_of(next, mayfly_ping()), MAYFLY_OK);
        mayfly_client_close(next);
    }
}

/* --- Arguments that are not there, or make no sense --- */

static void what_is_null_is_an_invalid_argument(void **state)
{
    (void)state;
    const mayfly_request ping = mayfly_ping();
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_subscription *subscription;
    mayfly_topic_event *event = (mayfly_topic_event *)(uintptr_t)1;
    mayfly_reply *reply;
    mayfly_error error;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    assert_int_equal(mayfly_call(client, &ping, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_call(client, NULL, &reply), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(reply->message, "request"));
    mayfly_reply_free(reply);
    assert_int_equal(mayfly_start(client, NULL, on_end, NULL, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_start(client, &ping, NULL, NULL, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(mayfly_request_problem(NULL), "NULL"));
    assert_non_null(strstr(mayfly_configuration_problem(NULL), "NULL"));
    assert_int_equal(mayfly_configuration_print(NULL, NULL, 0), 0);
    assert_int_equal(mayfly_client_latency(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE, NULL),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_subscribe(client, NULL, NULL, NULL, &subscription, &error),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_subscribe(client, &options, NULL, NULL, NULL, &error), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_subscription_next(NULL, 0, &event), MAYFLY_INVALID_ARGUMENT);
    mayfly_unsubscribe(NULL);
    mayfly_topic_event_free(NULL);
    mayfly_reply_free(NULL);
    mayfly_cancel(client, (mayfly_handle){NULL, 0});
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
}

static void what_names_nothing_is_an_invalid_argument(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop();
    configuration.measures_latency = true;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_latency latency;
    assert_int_equal(mayfly_client_latency(client, -1, MAYFLY_LATENCY_WIRE, &latency),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_latency(client, MAYFLY_METHODS, MAYFLY_LATENCY_WIRE, &latency),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_latency(client, MAYFLY_METHOD_GET, (mayfly_latency_kind)2, &latency),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(status_of(client, mayfly_request_of((mayfly_method)12345, "cache")),
                     MAYFLY_INVALID_ARGUMENT);
    assert_string_equal(mayfly_status_name((mayfly_status)12345), "UNKNOWN");
    assert_non_null(mayfly_method_name((mayfly_method)12345));
    mayfly_client_close(client);
}

static void a_request_that_cannot_be_sent_is_told_by_its_fault(void **state)
{
    (void)state;
    mayfly_request no_key = mayfly_get("cache", (mayfly_bytes){NULL, 0});
    mayfly_request null_key = mayfly_get("cache", (mayfly_bytes){NULL, 7});
    mayfly_request no_cache = mayfly_get(NULL, mayfly_text("key"));
    mayfly_request null_value = mayfly_set("cache", mayfly_text("key"), (mayfly_bytes){NULL, 7}, TTL_MS);
    mayfly_request no_items = mayfly_get_batch("cache", NULL, 3);
    mayfly_request late = mayfly_ping();
    late.deadline_ms = 86400001;
    const struct {
        const mayfly_request *request;
        const char *word;
    } wrong[] = {
        {&no_key, "key"},       {&null_key, "key"},   {&no_cache, "cache"},
        {&null_value, "value"}, {&no_items, "items"}, {&late, "deadline_ms"},
    };
    for (size_t drive = 0; drive < 3; drive++) {
        mayfly_client *client = client_open_to(server.port, drives[drive]);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            mayfly_reply *reply = call(client, *wrong[i].request);
            assert_int_equal(reply->status, MAYFLY_INVALID_ARGUMENT);
            assert_non_null(strstr(reply->message, wrong[i].word));
            assert_string_equal(reply->message, mayfly_request_problem(wrong[i].request));
            assert_int_equal(reply->attempts, 0);
            mayfly_reply_free(reply);
            assert_int_equal(mayfly_start(client, wrong[i].request, on_end, NULL, NULL),
                             MAYFLY_INVALID_ARGUMENT);
        }
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
        mayfly_client_close(client);
    }
}

static void a_deadline_of_zero_is_refused_in_a_configuration_and_the_default_in_a_request(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop();
    configuration.deadline_ms = 0;
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", server.port);
    mayfly_client *client;
    mayfly_error error;
    assert_int_equal(
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error),
        MAYFLY_INVALID_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(error.message, "deadline_ms"));
    client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_request ping = mayfly_ping();
    ping.deadline_ms = 0;
    assert_int_equal(status_of(client, ping), MAYFLY_OK);
    mayfly_client_close(client);
}

/* --- What the caller has taken back --- */

static void a_configuration_and_credentials_may_be_freed_once_the_client_is_open(void **state)
{
    (void)state;
    mayfly_configuration *configuration = malloc(sizeof *configuration);
    mayfly_credentials *credentials = malloc(sizeof *credentials);
    char *name = strdup("a name of its own");
    char *host = strdup("127.0.0.1");
    assert_true(configuration != NULL && credentials != NULL && name != NULL && host != NULL);
    *configuration = mayfly_configuration_laptop();
    configuration->name = name;
    *credentials = mayfly_credentials_local(host, server.port);
    mayfly_client *client = client_open_with(configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_client *other;
    assert_int_equal(mayfly_client_open(configuration, credentials, MAYFLY_DRIVEN_BY_THREAD, &other, NULL),
                     MAYFLY_OK);
    free(configuration);
    free(credentials);
    memset(name, 'x', strlen(name));
    memset(host, 'x', strlen(host));
    free(name);
    free(host);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    assert_int_equal(status_of(other, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    mayfly_client_close(other);
}

static void a_request_may_be_freed_once_its_call_is_started(void **state)
{
    (void)state;
    const mayfly_drive with_callbacks[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 2; i++) {
        mayfly_client *client = client_open_to(server.port, with_callbacks[i]);
        _Atomic int ended = 0;
        char *text = strdup("cache-key-value");
        char *cache = strdup("cache");
        assert_true(text != NULL && cache != NULL);
        mayfly_metadata metadata = {mayfly_text(text), mayfly_text(text)};
        metadata.name.size = 5;
        metadata.name.data = text + 6; /* key-v */
        mayfly_request set = mayfly_set(cache, (mayfly_bytes){text, 9}, (mayfly_bytes){text, 15}, TTL_MS);
        set.metadata = &metadata;
        set.metadata_count = 1;
        assert_int_equal(mayfly_start(client, &set, on_end, &ended, NULL), MAYFLY_OK);
        free(text);
        free(cache);
        mayfly_reply *reply = call(client, mayfly_get("cache", mayfly_text("cache-key")));
        assert_int_equal(reply->status, MAYFLY_OK);
        assert_bytes(reply->value, "cache-key-value");
        mayfly_reply_free(reply);
        mayfly_client_close(client);
        assert_int_equal(ended, 1);
    }
}

/* --- The wrong place --- */

struct inside {
    mayfly_client *client;
    mayfly_subscription *subscription;
    _Atomic int ended;
};

static void on_end_misuse(void *context, const mayfly_reply *reply)
{
    (void)reply;
    struct inside *inside = context;
    const mayfly_request ping = mayfly_ping();
    mayfly_reply *nested;
    mayfly_topic_event *event;
    assert_int_equal(mayfly_call(inside->client, &ping, &nested), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(nested->message, "callback"));
    mayfly_reply_free(nested);
    assert_int_equal(mayfly_client_step(inside->client, true), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_subscription_next(inside->subscription, -1, &event), MAYFLY_INVALID_ARGUMENT);
    mayfly_client_close(inside->client); /* does nothing */
    atomic_fetch_add(&inside->ended, 1);
}

static void a_callback_cannot_wait_step_or_close(void **state)
{
    (void)state;
    const mayfly_drive with_callbacks[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    const mayfly_request ping = mayfly_ping();
    for (size_t i = 0; i < 2; i++) {
        struct inside inside = {.client = client_open_to(server.port, with_callbacks[i])};
        assert_int_equal(mayfly_subscribe(inside.client, &options, NULL, NULL, &inside.subscription, NULL),
                         MAYFLY_OK);
        assert_int_equal(mayfly_start(inside.client, &ping, on_end_misuse, &inside, NULL), MAYFLY_OK);
        assert_int_equal(status_of(inside.client, mayfly_ping()), MAYFLY_OK);
        while (inside.ended < 1)
            (void)poll(NULL, 0, 1);
        assert_int_equal(status_of(inside.client, mayfly_ping()), MAYFLY_OK);
        mayfly_unsubscribe(inside.subscription);
        mayfly_client_close(inside.client);
    }
}

struct closing {
    mayfly_client *client;
    mayfly_status started;
    mayfly_status subscribed;
    _Atomic int ended;
};

static void on_end_go_on(void *context, const mayfly_reply *reply)
{
    struct closing *closing = context;
    const mayfly_request ping = mayfly_ping();
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_subscription *subscription;
    mayfly_reply *nested;
    assert_int_equal(reply->status, MAYFLY_CANCELLED);
    closing->started = mayfly_start(closing->client, &ping, on_end, NULL, NULL);
    closing->subscribed = mayfly_subscribe(closing->client, &options, on_event, NULL, &subscription, NULL);
    assert_int_equal(mayfly_call(closing->client, &ping, &nested), MAYFLY_INVALID_ARGUMENT);
    mayfly_reply_free(nested);
    mayfly_client_close(closing->client);
    atomic_fetch_add(&closing->ended, 1);
}

static void a_client_that_is_being_closed_takes_nothing(void **state)
{
    (void)state;
    const mayfly_drive with_callbacks[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    const mayfly_request ping = mayfly_ping();
    for (size_t i = 0; i < 2; i++) {
        struct closing closing = {.client = client_open_to(server.port, with_callbacks[i])};
        assert_int_equal(kill(server.pid, SIGSTOP), 0);
        assert_int_equal(mayfly_start(closing.client, &ping, on_end_go_on, &closing, NULL), MAYFLY_OK);
        mayfly_client_close(closing.client);
        assert_int_equal(kill(server.pid, SIGCONT), 0);
        assert_int_equal(closing.ended, 1);
        assert_int_equal(closing.started, MAYFLY_CANCELLED);
        assert_int_equal(closing.subscribed, MAYFLY_CANCELLED);
    }
}

static void a_client_is_driven_only_as_it_was_opened(void **state)
{
    (void)state;
    const mayfly_request ping = mayfly_ping();
    for (size_t i = 1; i < 3; i++) {
        mayfly_client *client = client_open_to(server.port, drives[i]);
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_INVALID_ARGUMENT);
        assert_int_equal(mayfly_client_descriptor(client), -1);
        assert_int_equal(mayfly_client_timeout_ms(client), -1);
        if (drives[i] == MAYFLY_DRIVEN_BY_CALLS)
            assert_int_equal(mayfly_start(client, &ping, on_end, NULL, NULL), MAYFLY_INVALID_ARGUMENT);
        mayfly_client_close(client);
    }
}

static void a_handle_cancels_no_call_of_another_client(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_client *other = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    const mayfly_request ping = mayfly_ping();
    _Atomic int ended = 0;
    mayfly_handle handle;
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, &handle), MAYFLY_OK);
    mayfly_cancel(other, handle);
    assert_int_equal(ended, 0);
    mayfly_cancel(client, handle);
    assert_int_equal(ended, 1);
    mayfly_client_close(client);
    mayfly_client_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_is_null_is_an_invalid_argument),
        cmocka_unit_test(a_client_that_was_closed_is_known_as_one),
        cmocka_unit_test(what_is_null_is_an_invalid_argument),
        cmocka_unit_test(what_names_nothing_is_an_invalid_argument),
        cmocka_unit_test(a_request_that_cannot_be_sent_is_told_by_its_fault),
        cmocka_unit_test(a_deadline_of_zero_is_refused_in_a_configuration_and_the_default_in_a_request),
        cmocka_unit_test(a_configuration_and_credentials_may_be_freed_once_the_client_is_open),
        cmocka_unit_test(a_request_may_be_freed_once_its_call_is_started),
        cmocka_unit_test(a_callback_cannot_wait_step_or_close),
        cmocka_unit_test(a_client_that_is_being_closed_takes_nothing),
        cmocka_unit_test(a_client_is_driven_only_as_it_was_opened),
        cmocka_unit_test(a_handle_cancels_no_call_of_another_client),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
