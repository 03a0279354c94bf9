/* Limits and what happens at them: calls in flight, the backlog, deadlines, the peer's streams, a server that
 * stops answering, and one that comes back. */
#include "base/clock.h"
#include "with_server.h"

#include <poll.h>

#define TTL_MS UINT64_C(60000)

struct ends {
    int count;
    int statuses[17];
    uint32_t attempts; /* of the last one */
    mayfly_client *client;
    int again;
};

static void on_end(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    ends->count++;
    ends->statuses[reply->status]++;
    ends->attempts = reply->attempts;
}

static void on_end_again(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    on_end(context, reply);
    const mayfly_request ping = mayfly_ping();
    if (ends->again-- > 0)
        assert_int_equal(mayfly_start(ends->client, &ping, on_end_again, ends, NULL), MAYFLY_OK);
}

static mayfly_status start(mayfly_client *client, uint32_t deadline_ms, struct ends *ends)
{
    mayfly_request ping = mayfly_ping();
    ping.deadline_ms = deadline_ms;
    return mayfly_start(client, &ping, on_end, ends, NULL);
}

static void step_until(mayfly_client *client, const struct ends *ends, int count)
{
    while (ends->count < count) {
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
        assert_true(mayfly_client_count(client).in_flight <= 100);
    }
}

static void stop_answering(const struct test_server *server)
{
    assert_int_equal(kill(server->pid, SIGSTOP), 0);
}

static void answer_again(const struct test_server *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

static int64_t ms_since(int64_t start_ns)
{
    return (clock_now_ns() - start_ns) / CLOCK_NS_PER_MS;
}

/* --- In flight and waiting --- */

static void a_full_backlog_refuses_at_once(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = 5;
    configuration.max_backlog = 20;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    stop_answering(&server);
    for (int i = 0; i < 25; i++)
        assert_int_equal(start(client, 0, &ends), MAYFLY_OK);
    assert_int_equal(start(client, 0, &ends), MAYFLY_RESOURCE_EXHAUSTED);
    assert_int_equal(mayfly_client_count(client).in_flight, 5);
    assert_int_equal(mayfly_client_count(client).backlog, 20);
    answer_again(&server);
    step_until(client, &ends, 1);
    assert_int_equal(start(client, 0, &ends), MAYFLY_OK);
    step_until(client, &ends, 26);
    assert_int_equal(ends.statuses[MAYFLY_OK], 26);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_blocking_call_is_told_that_the_backlog_is_full(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = 1;
    configuration.max_backlog = 0;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    assert_int_equal(start(client, 0, &ends), MAYFLY_OK);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_RESOURCE_EXHAUSTED);
    step_until(client, &ends, 1);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    server_stop(&server);
}

static void ten_thousand_calls_wait_unless_set_otherwise(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_in_region_low_latency_v1();
    configuration.deadline_ms = 60000;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    stop_answering(&server);
    for (int i = 0; i < 10005; i++)
        assert_int_equal(start(client, 0, &ends), MAYFLY_OK);
    assert_int_equal(start(client, 0, &ends), MAYFLY_RESOURCE_EXHAUSTED);
    answer_again(&server);
    step_until(client, &ends, 10005);
    assert_int_equal(ends.statuses[MAYFLY_OK], 10005);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- Deadlines --- */

static void a_call_in_flight_ends_at_its_deadline(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_request request = mayfly_get("cache", mayfly_text("key"));
    request.deadline_ms = 80;
    stop_answering(&server);
    int64_t start_ns = clock_now_ns();
    assert_int_equal(status_of(client, request), MAYFLY_DEADLINE_EXCEEDED);
    assert_in_range(ms_since(start_ns), 80, 1000);
    answer_again(&server);
    request.deadline_ms = 0;
    assert_int_equal(outcome_of(client, request), MAYFLY_MISS);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_deadline_counts_the_time_in_the_backlog(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends first = {0};
    struct ends second = {0};
    stop_answering(&server);
    int64_t start_ns = clock_now_ns();
    assert_int_equal(start(client, 2000, &first), MAYFLY_OK);
    assert_int_equal(start(client, 100, &second), MAYFLY_OK);
    step_until(client, &second, 1);
    assert_in_range(ms_since(start_ns), 100, 1500);
    assert_int_equal(second.statuses[MAYFLY_DEADLINE_EXCEEDED], 1);
    assert_int_equal(second.attempts, 0); /* it never left */
    assert_int_equal(first.count, 0);
    answer_again(&server);
    step_until(client, &first, 1);
    assert_int_equal(first.statuses[MAYFLY_OK], 1);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- The peer's streams --- */

static void a_peer_that_takes_one_call_at_a_time_gets_one_at_a_time(void **state)
{
    (void)state;
    struct test_server server = server_start((const char *const[]){"max-streams", "1", NULL});
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_channels = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client, .again = 1000};
    const mayfly_request ping = mayfly_ping();
    for (int i = 0; i < 50; i++)
        assert_int_equal(mayfly_start(client, &ping, on_end_again, &ends, NULL), MAYFLY_OK);
    while (ends.count < 1050) {
        assert_true(mayfly_client_count(client).in_flight <= 1);
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    }
    assert_int_equal(ends.statuses[MAYFLY_OK], 1050);
    assert_int_equal(mayfly_client_count(client).retries, 0);
    mayfly_client_close(client);
    server_stop(&server);
}

static void deadlines_and_cancels_give_a_scarce_stream_to_the_next(void **state)
{
    (void)state;
    struct test_server server = server_start((const char *const[]){"max-streams", "1", NULL});
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_channels = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends early = {0};
    struct ends late = {0};
    stop_answering(&server);
    for (int i = 0; i < 20; i++)
        assert_int_equal(start(client, 30, &early), MAYFLY_OK);
    mayfly_handle handle;
    const mayfly_request ping = mayfly_ping();
    assert_int_equal(mayfly_start(client, &ping, on_end, &late, &handle), MAYFLY_OK);
    assert_int_equal(start(client, 10000, &late), MAYFLY_OK);
    step_until(client, &early, 20);
    assert_int_equal(early.statuses[MAYFLY_DEADLINE_EXCEEDED], 20);
    assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
    mayfly_cancel(client, handle);
    answer_again(&server);
    step_until(client, &late, 2);
    assert_int_equal(late.statuses[MAYFLY_CANCELLED], 1);
    assert_int_equal(late.statuses[MAYFLY_OK], 1);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- Servers that die and come back --- */

static void keepalive_gives_up_a_server_that_stopped_answering(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.keepalive_interval_ms = 60;
    configuration.keepalive_timeout_ms = 60;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_request request = mayfly_increment("cache", mayfly_text("n"), 1, TTL_MS); /* is not repeated */
    stop_answering(&server);
    int64_t start_ns = clock_now_ns();
    mayfly_reply *reply = call(client, request);
    assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
    assert_in_range(ms_since(start_ns), 60, 5000);
    mayfly_reply_free(reply);
    answer_again(&server);
    mayfly_client_close(client);
    server_stop(&server);
}

static void keepalive_leaves_a_server_alone_that_answers(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.keepalive_interval_ms = 20;
    configuration.keepalive_timeout_ms = 2000;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    int64_t until_ns = clock_now_ns() + (int64_t)300 * CLOCK_NS_PER_MS;
    while (clock_now_ns() < until_ns) {
        struct pollfd fd = {mayfly_client_descriptor(client), POLLIN, 0};
        (void)poll(&fd, 1, mayfly_client_timeout_ms(client));
        assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
        assert_int_equal(mayfly_client_count(client).connections, 1);
    }
    mayfly_client_close(client);
    server_stop(&server);
}

/* A client without traffic is not driven; that its server looks silent meanwhile is not the server's fault. */
static void a_client_that_rested_does_not_suspect_its_server(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.keepalive_interval_ms = 10;
    configuration.keepalive_timeout_ms = 10;
    configuration.retries = 0;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    for (int i = 0; i < 10; i++) {
        (void)poll(NULL, 0, 12); /* long enough for a ping to be due, or overdue */
        assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
        (void)poll(NULL, 0, 25);
        assert_int_equal(outcome_of(client, mayfly_increment("cache", mayfly_text("n"), 1, TTL_MS)),
                         MAYFLY_DONE);
    }
    mayfly_client_close(client);
    server_stop(&server);
}

static struct test_server server_restart(uint16_t port)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    return server_start((const char *const[]){"cache", "cache", "listen", address, NULL});
}

/* Calls until one succeeds; until then they may be told UNAVAILABLE and nothing else. */
static void call_until_ok(mayfly_client *client)
{
    int64_t start_ns = clock_now_ns();
    mayfly_status status = MAYFLY_UNAVAILABLE;
    while (status == MAYFLY_UNAVAILABLE && ms_since(start_ns) < 10000)
        status = status_of(client, mayfly_ping());
    assert_int_equal(status, MAYFLY_OK);
}

static void a_client_comes_back_to_a_server_that_was_killed_and_restarted(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    server_kill(&server);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_UNAVAILABLE);
    server = server_restart(server.port);
    call_until_ok(client);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_server_that_shuts_down_under_load_costs_no_call_that_it_took(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client, .again = 20000};
    const mayfly_request ping = mayfly_ping();
    for (int i = 0; i < 50; i++)
        assert_int_equal(mayfly_start(client, &ping, on_end_again, &ends, NULL), MAYFLY_OK);
    step_until(client, &ends, 100);
    assert_int_equal(kill(server.pid, SIGTERM), 0);
    while (mayfly_client_count(client).connections > 0)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    int code = -1;
    assert_int_equal(waitpid(server.pid, &code, 0), server.pid);
    assert_int_equal(code, 0);
    (void)close(server.log_fd);

    ends.again = 0;
    int refused = mayfly_client_count(client).backlog + mayfly_client_count(client).in_flight;
    step_until(client, &ends, ends.count + refused);
    assert_int_equal(ends.statuses[MAYFLY_OK] + ends.statuses[MAYFLY_UNAVAILABLE], ends.count);
    assert_true(ends.statuses[MAYFLY_UNAVAILABLE] <= 100); /* those that found no server any more */
    server = server_restart(server.port);
    call_until_ok(client);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_thousand_calls_in_flight_are_back_within_a_second_of_the_server(void **state)
{
    (void)state;
    enum { CALLS = 1000, MANY = 10000000 };
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = CALLS;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client, .again = MANY};
    const mayfly_request ping = mayfly_ping();
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(mayfly_start(client, &ping, on_end_again, &ends, NULL), MAYFLY_OK);
    while (mayfly_client_count(client).connections < 10 || ends.count < 2 * CALLS)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);

    server_kill(&server);
    int64_t start_ns = clock_now_ns();
    while (ms_since(start_ns) < 300)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    assert_int_equal(mayfly_client_count(client).connections, 0);
    assert_true(ends.statuses[MAYFLY_UNAVAILABLE] >= CALLS);
    server = server_restart(server.port);
    start_ns = clock_now_ns();
    int before = ends.statuses[MAYFLY_OK];
    while (mayfly_client_count(client).connections < 10 || ends.statuses[MAYFLY_OK] < before + 2 * CALLS) {
        assert_true(ms_since(start_ns) < 1000);
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    }

    int started = CALLS + MANY - ends.again;
    ends.again = 0;
    while (ends.count < started)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    assert_int_equal(ends.statuses[MAYFLY_OK] + ends.statuses[MAYFLY_UNAVAILABLE], ends.count);
    assert_int_equal(mayfly_client_count(client).calls, ends.count);
    mayfly_client_close(client);
    assert_int_equal(ends.count, started); /* each ended once */
    server_stop(&server);
}

/* --- Much in both directions --- */

/* Were both ends to stop reading while they cannot write, each would wait for the other. */
static void large_values_in_both_directions_pass_each_other(void **state)
{
    (void)state;
    enum { CALLS = 48, VALUE_BYTES = 3000000 };
    const char *const options[] = {"cache", "c", "max-buffered", "1gib", NULL};
    struct test_server server = server_start(options);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = configuration.max_channels = 1;
    configuration.keepalive_interval_ms = 0;
    configuration.deadline_ms = 60000; /* what takes long on a slow machine has not stopped */
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    char *text = calloc(1, VALUE_BYTES);
    assert_non_null(text);
    const mayfly_bytes value = {text, VALUE_BYTES};
    assert_int_equal(status_of(client, mayfly_set("c", mayfly_text("read"), value, TTL_MS)), MAYFLY_OK);
    struct ends ends = {0};
    for (int i = 0; i < CALLS; i++) {
        const mayfly_request request = i % 2 != 0 ? mayfly_set("c", mayfly_text("written"), value, TTL_MS)
                                                  : mayfly_get("c", mayfly_text("read"));
        assert_int_equal(mayfly_start(client, &request, on_end, &ends, NULL), MAYFLY_OK);
    }
    step_until(client, &ends, CALLS);
    assert_int_equal(ends.statuses[MAYFLY_OK], CALLS);
    free(text);
    mayfly_client_close(client);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_backlog_refuses_at_once),
        cmocka_unit_test(a_blocking_call_is_told_that_the_backlog_is_full),
        cmocka_unit_test(ten_thousand_calls_wait_unless_set_otherwise),
        cmocka_unit_test(a_call_in_flight_ends_at_its_deadline),
        cmocka_unit_test(a_deadline_counts_the_time_in_the_backlog),
        cmocka_unit_test(a_peer_that_takes_one_call_at_a_time_gets_one_at_a_time),
        cmocka_unit_test(deadlines_and_cancels_give_a_scarce_stream_to_the_next),
        cmocka_unit_test(keepalive_gives_up_a_server_that_stopped_answering),
        cmocka_unit_test(keepalive_leaves_a_server_alone_that_answers),
        cmocka_unit_test(a_client_that_rested_does_not_suspect_its_server),
        cmocka_unit_test(a_client_comes_back_to_a_server_that_was_killed_and_restarted),
        cmocka_unit_test(a_server_that_shuts_down_under_load_costs_no_call_that_it_took),
        cmocka_unit_test(a_thousand_calls_in_flight_are_back_within_a_second_of_the_server),
        cmocka_unit_test(large_values_in_both_directions_pass_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
