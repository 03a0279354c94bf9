/* The pre-built configurations, value by value, and what is refused when a client opens. */
#include "base/clock.h"
#include "with_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

static void the_four_configurations_have_the_published_values(void **state)
{
    (void)state;
    const struct {
        mayfly_configuration made;
        const char *name;
        uint32_t deadline_ms;
        uint32_t keepalive_interval_ms;
        uint32_t max_in_flight;
        uint32_t max_channels;
    } expected[] = {
        {mayfly_configuration_laptop_v1(), "Laptop.v1", 15000, 5000, 100, 64},
        {mayfly_configuration_in_region_default_v1(), "InRegion.Default.v1", 1100, 5000, 50, 64},
        {mayfly_configuration_in_region_low_latency_v1(), "InRegion.LowLatency.v1", 500, 5000, 5, 64},
        {mayfly_configuration_lambda_v1(), "Lambda.v1", 1100, 0, 50, 1},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const mayfly_configuration *made = &expected[i].made;
        assert_string_equal(made->name, expected[i].name);
        assert_int_equal(made->deadline_ms, expected[i].deadline_ms);
        assert_int_equal(made->retries, 3);
        assert_int_equal(made->keepalive_interval_ms, expected[i].keepalive_interval_ms);
        assert_int_equal(made->keepalive_timeout_ms, 1000);
        assert_int_equal(made->connect_timeout_ms, 30000);
        assert_int_equal(made->max_in_flight, expected[i].max_in_flight);
        assert_int_equal(made->max_backlog, 10000);
        assert_int_equal(made->min_channels, 1);
        assert_int_equal(made->max_channels, expected[i].max_channels);
        assert_int_equal(made->max_reply_bytes, 5243000);
    }
}

static void the_latest_find_their_concurrency_by_themselves(void **state)
{
    (void)state;
    const struct {
        mayfly_configuration made;
        mayfly_configuration v1; /* the same but for what is found */
        const char *name;
        uint32_t target_p999_us;
    } expected[] = {
        {mayfly_configuration_laptop(), mayfly_configuration_laptop_v1(), "Laptop", 0},
        {mayfly_configuration_in_region_default(), mayfly_configuration_in_region_default_v1(),
         "InRegion.Default", 20000},
        {mayfly_configuration_in_region_low_latency(), mayfly_configuration_in_region_low_latency_v1(),
         "InRegion.LowLatency", 5000},
        {mayfly_configuration_lambda(), mayfly_configuration_lambda_v1(), "Lambda", 20000},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        mayfly_configuration made = expected[i].made;
        const mayfly_configuration *v1 = &expected[i].v1;
        assert_string_equal(made.name, expected[i].name);
        assert_int_equal(made.concurrency, MAYFLY_ADAPTIVE);
        assert_int_equal(v1->concurrency, MAYFLY_FIXED);
        assert_int_equal(made.target_p999_us, expected[i].target_p999_us);
        assert_true(made.max_in_flight > v1->max_in_flight);
        assert_null(mayfly_configuration_problem(&made));
        made.name = v1->name;
        made.concurrency = v1->concurrency;
        made.target_p999_us = v1->target_p999_us;
        made.max_in_flight = v1->max_in_flight;
        char texts[2][2048];
        assert_true(mayfly_configuration_print(&made, texts[0], sizeof texts[0]) < sizeof texts[0]);
        (void)mayfly_configuration_print(v1, texts[1], sizeof texts[1]);
        assert_string_equal(texts[0], texts[1]);
    }
}

static void observe_nothing(void *context, const mayfly_observation *observation)
{
    (void)context;
    (void)observation;
}

static void a_configuration_is_printed_whole(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop();
    configuration.name = "mine";
    configuration.measures_latency = true;
    configuration.observer = observe_nothing;
    const struct {
        uint32_t *field;
        const char *name;
    } numbers[] = {
        {&configuration.deadline_ms, "deadline_ms"},
        {&configuration.retries, "retries"},
        {&configuration.retry_budget_percent, "retry_budget_percent"},
        {&configuration.keepalive_interval_ms, "keepalive_interval_ms"},
        {&configuration.keepalive_timeout_ms, "keepalive_timeout_ms"},
        {&configuration.connect_timeout_ms, "connect_timeout_ms"},
        {&configuration.reconnect_max_ms, "reconnect_max_ms"},
        {&configuration.target_p999_us, "target_p999_us"},
        {&configuration.max_in_flight, "max_in_flight"},
        {&configuration.max_backlog, "max_backlog"},
        {&configuration.min_channels, "min_channels"},
        {&configuration.max_channels, "max_channels"},
        {&configuration.channel_idle_ms, "channel_idle_ms"},
        {&configuration.max_request_bytes, "max_request_bytes"},
        {&configuration.max_reply_bytes, "max_reply_bytes"},
    };
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
    for (uint32_t i = 0; i < NUMBERS; i++)
        *numbers[i].field = 4000001 + i; /* each its own */
    char text[2048] = "\n";
    size_t length = mayfly_configuration_print(&configuration, text + 1, sizeof text - 1);
    assert_int_equal(length, strlen(text + 1));
    for (uint32_t i = 0; i < NUMBERS; i++) {
        char line[80];
        (void)snprintf(line, sizeof line, "\n%s: %u\n", numbers[i].name, 4000001 + i);
        if (strstr(text, line) == NULL)
            fail_msg("%s is missing in %s", line, text);
    }
    assert_non_null(strstr(text, "\nname: mine\n"));
    assert_non_null(strstr(text, "\nconcurrency: adaptive\n"));
    assert_non_null(strstr(text, "\nmeasures_latency: yes\n"));
    assert_non_null(strstr(text, "\nobserver: yes\n"));
    /* Every number of the structure is among those above: the rest is what is not one. */
    const mayfly_configuration *whole = &configuration;
    size_t rest = sizeof whole->name + sizeof whole->concurrency + sizeof whole->measures_latency +
                  sizeof whole->observer + sizeof whole->observer_context;
    assert_in_range(sizeof *whole - rest - NUMBERS * sizeof(uint32_t), 0, 15); /* padding */

    char cut[11];
    cut[10] = 'x';
    assert_int_equal(mayfly_configuration_print(&configuration, cut, 10), length);
    assert_string_equal(cut, "name: min");
    assert_int_equal(cut[10], 'x');
    assert_int_equal(mayfly_configuration_print(&configuration, NULL, 0), length);
}

static void assert_refused(const mayfly_configuration *configuration, const mayfly_credentials *credentials,
                           mayfly_drive drive, const char *named)
{
    mayfly_client *client = (mayfly_client *)(uintptr_t)1;
    mayfly_error error;
    assert_int_equal(mayfly_client_open(configuration, credentials, drive, &client, &error),
                     MAYFLY_INVALID_ARGUMENT);
    assert_null(client);
    assert_int_equal(error.status, MAYFLY_INVALID_ARGUMENT);
    if (strstr(error.message, named) == NULL)
        fail_msg("\"%s\" does not name %s", error.message, named);
}

static void a_setting_out_of_range_is_named(void **state)
{
    (void)state;
    const mayfly_configuration laptop = mayfly_configuration_laptop_v1();
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", 1);
    const struct {
        size_t offset;
        uint32_t value;
        const char *name;
    } wrong[] = {
        {offsetof(mayfly_configuration, deadline_ms), 0, "deadline_ms"},
        {offsetof(mayfly_configuration, deadline_ms), 86400001, "deadline_ms"},
        {offsetof(mayfly_configuration, retries), 101, "retries"},
        {offsetof(mayfly_configuration, retry_budget_percent), 10001, "retry_budget_percent"},
        {offsetof(mayfly_configuration, keepalive_timeout_ms), 3600001, "keepalive_timeout_ms"},
        {offsetof(mayfly_configuration, reconnect_max_ms), 0, "reconnect_max_ms"},
        {offsetof(mayfly_configuration, reconnect_max_ms), 600001, "reconnect_max_ms"},
        {offsetof(mayfly_configuration, concurrency), 2, "concurrency"},
        {offsetof(mayfly_configuration, target_p999_us), 3600000001, "target_p999_us"},
        {offsetof(mayfly_configuration, max_in_flight), 1000001, "max_in_flight"},
        {offsetof(mayfly_configuration, min_channels), 0, "min_channels"},
        {offsetof(mayfly_configuration, min_channels), 65, "max_channels"}, /* which is 64 */
        {offsetof(mayfly_configuration, channel_idle_ms), 0, "channel_idle_ms"},
        {offsetof(mayfly_configuration, channel_idle_ms), 86400001, "channel_idle_ms"},
        {offsetof(mayfly_configuration, max_request_bytes), 1023, "max_request_bytes"},
        {offsetof(mayfly_configuration, max_request_bytes), 1073741825, "max_request_bytes"},
        {offsetof(mayfly_configuration, max_reply_bytes), 1073741825, "max_reply_bytes"},
        {offsetof(mayfly_configuration, keepalive_interval_ms), 3600001, "keepalive_interval_ms"},
        {offsetof(mayfly_configuration, keepalive_timeout_ms), 0, "keepalive_timeout_ms"},
        {offsetof(mayfly_configuration, connect_timeout_ms), 600001, "connect_timeout_ms"},
        {offsetof(mayfly_configuration, max_in_flight), 0, "max_in_flight"},
        {offsetof(mayfly_configuration, max_backlog), 10000001, "max_backlog"},
        {offsetof(mayfly_configuration, max_channels), 1025, "max_channels"},
        {offsetof(mayfly_configuration, max_reply_bytes), 0, "max_reply_bytes"},
        {offsetof(mayfly_configuration, max_request_bytes), 1023, "max_request_bytes"},
        {offsetof(mayfly_configuration, retry_budget_percent), 10001, "retry_budget_percent"},
        {offsetof(mayfly_configuration, reconnect_max_ms), 0, "reconnect_max_ms"},
        {offsetof(mayfly_configuration, target_p999_us), 3600000001, "target_p999_us"},
        {offsetof(mayfly_configuration, min_channels), 0, "min_channels"},
        {offsetof(mayfly_configuration, min_channels), 65, "max_channels"}, /* above the 64 that are set */
        {offsetof(mayfly_configuration, channel_idle_ms), 0, "channel_idle_ms"},
        {offsetof(mayfly_configuration, concurrency), 2, "concurrency"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mayfly_configuration configuration = laptop;
        memcpy((char *)&configuration + wrong[i].offset, &wrong[i].value, sizeof wrong[i].value);
        assert_refused(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, wrong[i].name);
    }
}

static void missing_arguments_are_named(void **state)
{
    (void)state;
    const mayfly_configuration laptop = mayfly_configuration_laptop_v1();
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", 1);
    const mayfly_credentials no_host = mayfly_credentials_local(NULL, 1);
    const mayfly_credentials empty_host = mayfly_credentials_local("", 1);
    const mayfly_credentials no_port = mayfly_credentials_local("127.0.0.1", 0);
    assert_refused(NULL, &credentials, MAYFLY_DRIVEN_BY_CALLS, "configuration");
    assert_refused(&laptop, NULL, MAYFLY_DRIVEN_BY_CALLS, "credentials");
    assert_refused(&laptop, &no_host, MAYFLY_DRIVEN_BY_CALLS, "host");
    assert_refused(&laptop, &empty_host, MAYFLY_DRIVEN_BY_CALLS, "host");
    assert_refused(&laptop, &no_port, MAYFLY_DRIVEN_BY_CALLS, "port");
    assert_refused(&laptop, &credentials, (mayfly_drive)3, "drive");
    assert_int_equal(mayfly_client_open(&laptop, &credentials, MAYFLY_DRIVEN_BY_CALLS, NULL, NULL),
                     MAYFLY_INVALID_ARGUMENT);
}

/* Opens with 300 ms to connect; it must fail within that and some, and say what is wrong. */
static void assert_unreachable(const char *host, uint16_t port, const char *named)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 300;
    const mayfly_credentials credentials = mayfly_credentials_local(host, port);
    mayfly_client *client;
    mayfly_error error;
    int64_t start_ns = clock_now_ns();
    assert_int_equal(
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error),
        MAYFLY_UNAVAILABLE);
    assert_null(client);
    assert_in_range((clock_now_ns() - start_ns) / CLOCK_NS_PER_MS, 300, 2000);
    assert_non_null(strstr(error.message, host));
    if (strstr(error.message, named) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", error.message, named);
}

/* A listening socket that accepts by the kernel alone, and its port. */
static int silent_listener(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void connecting_where_nobody_listens_fails_in_time_and_says_so(void **state)
{
    (void)state;
    uint16_t port;
    (void)close(silent_listener(&port));
    assert_unreachable("127.0.0.1", port, "connection refused");
}

static void connecting_to_a_peer_that_says_nothing_fails_in_time(void **state)
{
    (void)state;
    uint16_t port;
    int fd = silent_listener(&port);
    assert_unreachable("127.0.0.1", port, "no answer");
    (void)close(fd);
}

static void a_server_is_found_by_name_at_whichever_address_answers(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN); /* listens on one of the name's addresses only */
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0; /* the first call waits for the connection */
    const mayfly_credentials credentials = mayfly_credentials_local("localhost", server.port);
    mayfly_client *client;
    assert_int_equal(mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, NULL),
                     MAYFLY_OK);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    server_stop(&server);
}

static void channels_are_open_as_many_as_are_to_be_kept(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    const uint32_t cases[] = {1, 7, 64};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mayfly_configuration configuration = mayfly_configuration_laptop_v1();
        configuration.min_channels = cases[i];
        mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLS);
        assert_int_equal(mayfly_client_count(client).connections, cases[i]);
        mayfly_client_close(client);
    }
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_configurations_have_the_published_values),
        cmocka_unit_test(the_latest_find_their_concurrency_by_themselves),
        cmocka_unit_test(a_configuration_is_printed_whole),
        cmocka_unit_test(a_setting_out_of_range_is_named),
        cmocka_unit_test(missing_arguments_are_named),
        cmocka_unit_test(connecting_where_nobody_listens_fails_in_time_and_says_so),
        cmocka_unit_test(connecting_to_a_peer_that_says_nothing_fails_in_time),
        cmocka_unit_test(a_server_is_found_by_name_at_whichever_address_answers),
        cmocka_unit_test(channels_are_open_as_many_as_are_to_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
