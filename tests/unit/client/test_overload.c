/* More is offered than a fixed limit can carry, for as long as it lasts: what is sent is what can still come back in
 * time, and the others wait for their deadline without being in the way. */
#include "base/clock.h"
#include "bench/relay.h"
#include "with_server.h"

#define CALLERS     3000
#define IN_FLIGHT   50
#define ROUND_TRIP  ((int64_t)80 * CLOCK_NS_PER_MS)
#define DEADLINE_MS 250 /* of the first caller; each has another one, up to 100 ms more */
#define LATE_NS     ((int64_t)2 * CLOCK_NS_PER_S)
#define PATIENCE_NS ((int64_t)30 * CLOCK_NS_PER_S)

struct crowd;

struct caller {
    struct crowd *crowd;
    uint32_t deadline_ms;
    int64_t started_ns;
    bool is_waiting; /* for its callback */
    mayfly_handle handle;
};

struct crowd {
    struct test_server server;
    struct relay *relay;
    mayfly_client *client;
    struct caller callers[CALLERS];
    uint32_t waiting;
    uint64_t oks;
    uint64_t sent;
    uint64_t doomed;
    uint64_t failed;    /* in any other way than for want of time */
    uint64_t cancelled; /* among those */
    uint64_t late;
    bool is_over;
    bool is_cut; /* from the server */
};

static void caller_start(struct caller *caller);

static void on_end(void *context, const mayfly_reply *reply)
{
    struct caller *caller = context;
    struct crowd *crowd = caller->crowd;
    assert_true(caller->is_waiting);
    caller->is_waiting = false;
    crowd->waiting--;
    crowd->sent += reply->attempts > 0;
    crowd->oks += reply->status == MAYFLY_OK;
    crowd->failed += reply->status != MAYFLY_OK && reply->status != MAYFLY_DEADLINE_EXCEEDED;
    crowd->cancelled += reply->status == MAYFLY_CANCELLED;
    crowd->doomed +=
        strstr(reply->message, "too little time was left to send it; it was not executed") != NULL;
    if (strstr(reply->message, "not executed") !=
        NULL) /* one that was about to leave may be among those that are cut */
        assert_true(reply->attempts == 0 || crowd->is_cut);
    crowd->late +=
        clock_now_ns() - caller->started_ns > (int64_t)caller->deadline_ms * CLOCK_NS_PER_MS + LATE_NS;
    if (!crowd->is_over)
        caller_start(caller);
}

static void caller_start(struct caller *caller)
{
    mayfly_request request = mayfly_get("cache", mayfly_text("key"));
    request.deadline_ms = caller->deadline_ms;
    caller->started_ns = clock_now_ns();
    caller->is_waiting = true;
    caller->crowd->waiting++;
    assert_int_equal(mayfly_start(caller->crowd->client, &request, on_end, caller, &caller->handle),
                     MAYFLY_OK);
}

static struct crowd *crowd_begin(void)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    const struct relay_network network = {.rtt_ns = ROUND_TRIP};
    char to[32];
    char error[RELAY_ERROR_BYTES];
    assert_non_null(crowd);
    crowd->server = server_start(SERVER_PLAIN);
    (void)snprintf(to, sizeof to, "127.0.0.1:%u", crowd->server.port);
    crowd->relay = relay_start("127.0.0.1:0", to, &network, error);
    if (crowd->relay == NULL)
        fail_msg("%s", error);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = IN_FLIGHT;
    configuration.max_channels = 1;
    crowd->client = client_open_with(&configuration, relay_port(crowd->relay), MAYFLY_DRIVEN_BY_CALLER);
    for (uint32_t i = 0; i < CALLERS; i++) {
        crowd->callers[i].crowd = crowd;
        crowd->callers[i].deadline_ms = DEADLINE_MS + (i * 37) % 101;
        caller_start(&crowd->callers[i]);
    }
    return crowd;
}

static void crowd_turn_until(struct crowd *crowd, const uint64_t *count, uint64_t goal)
{
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (*count < goal) {
        assert_int_equal(mayfly_client_step(crowd->client, true), MAYFLY_OK);
        if (clock_now_ns() > give_up_ns)
            fail_msg("of %llu calls that were sent only %llu came back in time",
                     (unsigned long long)crowd->sent, (unsigned long long)crowd->oks);
    }
}

static void crowd_end(struct crowd *crowd)
{
    mayfly_client_close(crowd->client);
    assert_int_equal(crowd->waiting, 0);
    assert_int_equal(crowd->late, 0);
    relay_stop(crowd->relay);
    server_stop(&crowd->server);
    free(crowd);
}

static void assert_no_call_is_left(const struct crowd *crowd)
{
    const mayfly_client_counts counts = mayfly_client_count(crowd->client);
    assert_int_equal(crowd->waiting, 0);
    assert_int_equal(counts.in_flight, 0);
    assert_int_equal(counts.backlog, 0);
}

static void most_of_what_is_sent_comes_back_in_time(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_begin();
    crowd_turn_until(crowd, &crowd->oks, (uint64_t)20 * IN_FLIGHT);
    assert_true(crowd->doomed > 0);
    assert_true(crowd->oks * 10 > crowd->sent * 8);
    assert_int_equal(
        mayfly_client_count(crowd->client).backlog + mayfly_client_count(crowd->client).in_flight, CALLERS);
    crowd->is_over = true;
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (crowd->waiting > 0 && clock_now_ns() < give_up_ns)
        assert_int_equal(mayfly_client_step(crowd->client, true), MAYFLY_OK);
    assert_no_call_is_left(crowd);
    assert_int_equal(crowd->failed, 0);
    crowd_end(crowd);
}

static void what_is_not_sent_any_more_can_be_cancelled(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_begin();
    crowd_turn_until(crowd, &crowd->doomed, 1); /* and where one was, more are */
    crowd->is_over = true;
    for (size_t i = 0; i < CALLERS; i++)
        mayfly_cancel(crowd->client, crowd->callers[i].handle);
    assert_no_call_is_left(crowd);
    assert_true(crowd->cancelled > 0);
    assert_int_equal(crowd->failed, crowd->cancelled);
    crowd_end(crowd);
}

static void what_is_not_sent_any_more_ends_with_the_client(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_begin();
    crowd_turn_until(crowd, &crowd->doomed, 1);
    crowd->is_over = true;
    crowd_end(crowd); /* closes, and misses no callback */
}

static void what_is_not_sent_any_more_fails_with_the_backlog(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_begin();
    crowd_turn_until(crowd, &crowd->doomed, 1);
    crowd->is_over = true;
    crowd->is_cut = true;
    assert_true(relay_refuse(crowd->relay, true));
    relay_cut(crowd->relay);
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (crowd->waiting > 0 && clock_now_ns() < give_up_ns)
        assert_int_equal(mayfly_client_step(crowd->client, true), MAYFLY_OK);
    assert_no_call_is_left(crowd);
    crowd_end(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_of_what_is_sent_comes_back_in_time),
        cmocka_unit_test(what_is_not_sent_any_more_can_be_cancelled),
        cmocka_unit_test(what_is_not_sent_any_more_ends_with_the_client),
        cmocka_unit_test(what_is_not_sent_any_more_fails_with_the_backlog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
