/* Channels by themselves: they open when their streams are used up and close when idle, calls move from one to
 * another, dead ones are found out, and a host that is down holds up no other. */
#include "base/clock.h"
#include "rpc/h2.h"
#include "with_server.h"

#include "client/scripted_peer.h"

#define KEYS 2000

static struct peer peer;

/* --- Waiting for what will come --- */

static int64_t ms_since(int64_t start_ns)
{
    return (clock_now_ns() - start_ns) / CLOCK_NS_PER_MS;
}

/* Turns a client as a host's loop would, until a condition holds or 5 s have passed. */
static bool turn(mayfly_client *client, int64_t start_ns)
{
    struct pollfd fd = {mayfly_client_descriptor(client), POLLIN, 0};
    int timeout_ms = mayfly_client_timeout_ms(client);
    (void)poll(&fd, 1, timeout_ms < 0 || timeout_ms > 10 ? 10 : timeout_ms);
    assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
    return ms_since(start_ns) < 5000;
}

static void turn_until_in_flight(mayfly_client *client, uint32_t in_flight)
{
    int64_t start_ns = clock_now_ns();
    while (mayfly_client_count(client).in_flight != in_flight && turn(client, start_ns))
        continue;
    assert_int_equal(mayfly_client_count(client).in_flight, in_flight);
}

static void turn_until_connections(mayfly_client *client, uint32_t connections)
{
    int64_t start_ns = clock_now_ns();
    while (mayfly_client_count(client).connections != connections && turn(client, start_ns))
        continue;
    assert_int_equal(mayfly_client_count(client).connections, connections);
}

static void turn_until_left(mayfly_client *client, unsigned left)
{
    int64_t start_ns = clock_now_ns();
    while (atomic_load(&peer.left) < left && turn(client, start_ns))
        continue;
    assert_int_equal(atomic_load(&peer.left), left);
}

/* --- Calls --- */

struct ends {
    int count;
    int statuses[17];
};

static void on_end(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    ends->count++;
    ends->statuses[reply->status]++;
}

static mayfly_handle start(mayfly_client *client, mayfly_request request, struct ends *ends)
{
    mayfly_handle handle;
    assert_int_equal(mayfly_start(client, &request, on_end, ends, &handle), MAYFLY_OK);
    return handle;
}

static void turn_until_ended(mayfly_client *client, const struct ends *ends, int count)
{
    int64_t start_ns = clock_now_ns();
    while (ends->count < count && turn(client, start_ns))
        continue;
    assert_int_equal(ends->count, count);
}

static mayfly_client *open_with(void (*answer)(struct peer *, struct peer_link *, uint32_t, unsigned),
                                uint32_t streams, const mayfly_configuration *configuration)
{
    peer_start(&peer, answer);
    peer.streams = streams;
    return client_open_with(configuration, peer.port, MAYFLY_DRIVEN_BY_CALLER);
}

static mayfly_configuration with_in_flight(uint32_t max_in_flight)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = max_in_flight;
    configuration.reconnect_max_ms = 100;
    return configuration;
}

static void hold(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)link;
    (void)stream;
    (void)request;
}

static void answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_answer_empty(link, stream);
}

/* --- As many as are needed --- */

static void one_call_more_than_a_connection_takes_opens_another_one(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    mayfly_client *client = open_with(hold, 100, &configuration);
    struct ends ends = {0};
    for (int i = 0; i < 100; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 100);
    assert_int_equal(mayfly_client_count(client).connections, 1);
    (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 101);
    assert_int_equal(mayfly_client_count(client).connections, 2);
    for (int i = 101; i < 400; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 400);
    assert_int_equal(mayfly_client_count(client).connections, 4);
    assert_int_equal(atomic_load(&peer.connections), 4);
    mayfly_client_close(client);
    assert_int_equal(ends.statuses[MAYFLY_CANCELLED], 400);
    peer_stop(&peer);
}

static void four_hundred_calls_open_four_channels_at_once(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    configuration.connect_timeout_ms = 0; /* nothing is known of the peer */
    mayfly_client *client = open_with(hold, 100, &configuration);
    struct ends ends = {0};
    for (int i = 0; i < 1000; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 400);
    assert_int_equal(mayfly_client_count(client).connections, 4);
    assert_int_equal(mayfly_client_count(client).backlog, 600);
    assert_int_equal(atomic_load(&peer.connections), 4);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void no_more_channels_open_than_may(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    configuration.max_channels = 3;
    mayfly_client *client = open_with(hold, 10, &configuration);
    struct ends ends = {0};
    for (int i = 0; i < 400; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 30);
    for (int i = 0; i < 20; i++)
        (void)turn(client, clock_now_ns());
    assert_int_equal(mayfly_client_count(client).in_flight, 30);
    assert_int_equal(atomic_load(&peer.connections), 3);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void channels_that_are_not_needed_close(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    configuration.min_channels = 2;
    configuration.channel_idle_ms = 100;
    mayfly_client *client = open_with(hold, 100, &configuration);
    struct ends ends = {0};
    mayfly_handle handles[400];
    for (int i = 0; i < 400; i++)
        handles[i] = start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 400);
    int64_t start_ns = clock_now_ns();
    while (ms_since(start_ns) < 300) /* needed for three periods: they stay */
        (void)turn(client, clock_now_ns());
    assert_int_equal(mayfly_client_count(client).connections, 4);
    for (int i = 0; i < 150; i++)
        mayfly_cancel(client, handles[i]);
    turn_until_connections(client, 3); /* 250 streams need three */
    for (int i = 150; i < 400; i++)
        mayfly_cancel(client, handles[i]);
    turn_until_connections(client, 2); /* and none at all need min_channels */
    turn_until_left(client, 2);
    start_ns = clock_now_ns();
    while (ms_since(start_ns) < 250)
        (void)turn(client, clock_now_ns());
    assert_int_equal(mayfly_client_count(client).connections, 2);
    assert_int_equal(mayfly_client_count(client).connects, 4);
    assert_int_equal(mayfly_client_count(client).disconnects, 2);
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- The peer's mind changes --- */

static _Atomic uint32_t allowed; /* what the peer says before it answers a ping; increments are held */

static bool is_ping(const struct peer_link *link)
{
    return link->message_size == 0;
}

static void allow_at_pings(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (!is_ping(link))
        return;
    peer_allow(link, atomic_load(&allowed));
    peer_answer_empty(link, stream);
}

static void streams_that_the_peer_takes_back_or_grants_count_at_once(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    configuration.max_channels = 1;
    mayfly_client *client = open_with(allow_at_pings, 30, &configuration);
    const mayfly_request held = mayfly_increment("cache", mayfly_text("n"), 1, 1000);
    struct ends pings = {0};
    struct ends ends = {0};
    mayfly_handle handles[40];
    for (int i = 0; i < 20; i++)
        handles[i] = start(client, held, &ends);
    turn_until_in_flight(client, 20);
    atomic_store(&allowed, 5);
    (void)start(client, mayfly_ping(), &pings);
    turn_until_ended(client, &pings, 1);
    for (int i = 20; i < 40; i++) /* what is there goes on; what is new waits */
        handles[i] = start(client, held, &ends);
    assert_int_equal(mayfly_client_count(client).in_flight, 20);
    for (int i = 0; i < 17; i++)
        mayfly_cancel(client, handles[i]);
    turn_until_in_flight(client, 5);
    for (int i = 0; i < 10; i++)
        (void)turn(client, clock_now_ns());
    assert_int_equal(mayfly_client_count(client).in_flight, 5);
    mayfly_cancel(client, handles[17]);
    turn_until_in_flight(client, 5);
    mayfly_client_close(client);
    assert_int_equal(ends.count, 40);
    peer_stop(&peer);

    client = open_with(allow_at_pings, 2, &configuration);
    atomic_store(&allowed, 30);
    (void)start(client, mayfly_ping(), &pings);
    for (int i = 0; i < 30; i++)
        (void)start(client, held, &ends);
    turn_until_ended(client, &pings, 2);
    turn_until_in_flight(client, 30);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void fewer_streams_on_each_connection_open_more_of_them(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(40);
    mayfly_client *client = open_with(hold, 10, &configuration); /* and not 100 */
    struct ends ends = {0};
    for (int i = 0; i < 40; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 40);
    assert_int_equal(mayfly_client_count(client).connections, 4);
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- Calls that move --- */

static _Atomic unsigned executed[KEYS]; /* by the number that is the key of an increment */
static unsigned executed_count;
static bool is_left[PEER_LINKS]; /* by the peer, which hears nothing there any more */

/* Leaves a connection behind each fiftieth call. */
static void leave_and_speak_again(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    if (request == 0) {
        peer_goaway(link, stream);
    } else if (request == 1) {
        peer_allow(&at->links[0], 100);
        peer_answer_empty(link, stream);
    }
}

static void what_a_connection_that_is_left_allows_is_no_measure_for_others(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    mayfly_client *client = open_with(leave_and_speak_again, 100, &configuration);
    struct ends ends = {0};
    (void)start(client, mayfly_ping(), &ends);
    turn_until_connections(client, 0); /* the first is left ... */
    turn_until_connections(client, 1); /* ... and there is a second */
    (void)start(client, mayfly_ping(), &ends);
    turn_until_ended(client, &ends, 1);
    for (int i = 0; i < 300; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_in_flight(client, 301);
    assert_in_range(mayfly_client_count(client).connections, 3, 4);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void leave_often(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    static const uint8_t one[] = {0x08, 0x01};
    (void)at;
    (void)request;
    if (is_left[link->number])
        return;
    assert_true(link->message_size > 6 && link->message[0] == 0x0a);
    char key[8] = "";
    memcpy(key, link->message + 2, 4);
    atomic_fetch_add(&executed[strtoul(key, NULL, 10)], 1);
    if (++executed_count % 50 == 0) {
        is_left[link->number] = true;
        peer_goaway(link, stream);
    }
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, one, sizeof one);
    peer_trailers(link, stream, "0");
}

static void a_peer_that_leaves_all_the_time_executes_every_call_once(void **state)
{
    (void)state;
    memset(is_left, 0, sizeof is_left);
    mayfly_configuration configuration = with_in_flight(30);
    configuration.max_channels = 1;
    mayfly_client *client = open_with(leave_often, 100, &configuration);
    struct ends ends = {0};
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%04d", i);
        (void)start(client, mayfly_increment("cache", mayfly_text(key), 1, 1000), &ends);
    }
    turn_until_ended(client, &ends, KEYS);
    assert_int_equal(ends.statuses[MAYFLY_OK], KEYS);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(atomic_load(&executed[i]), 1);
    assert_in_range(atomic_load(&peer.connections), KEYS / 50, 1 + KEYS / 50);
    assert_true(mayfly_client_count(client).retries > 0);
    assert_int_equal(mayfly_client_count(client).calls, KEYS);
    assert_int_equal(mayfly_client_count(client).failures, 0);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void refuse_on_the_first(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (link->number == 0)
        peer_reset(link, stream, CODE_REFUSED);
    else
        peer_answer_empty(link, stream);
}

static void refused_calls_move_whatever_the_budget(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    configuration.min_channels = 2;
    configuration.retries = 0;
    configuration.retry_budget_percent = 1;
    mayfly_client *client = open_with(refuse_on_the_first, 100, &configuration);
    struct ends ends = {0};
    for (int i = 0; i < 100; i++)
        (void)start(client, mayfly_ping(), &ends);
    turn_until_ended(client, &ends, 100);
    assert_int_equal(ends.statuses[MAYFLY_OK], 100);
    assert_int_equal(mayfly_client_count(client).refused_retries, 0);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void a_channel_that_refuses_is_tried_after_the_others(void **state)
{
    (void)state;
    peer_start(&peer, refuse_on_the_first);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = configuration.max_channels = 2;
    mayfly_client *client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    for (int i = 0; i < 20; i++)
        assert_int_equal(status_of(client, mayfly_increment("cache", mayfly_text("key"), 1, 1000)),
                         MAYFLY_OK);
    assert_true(mayfly_client_count(client).retries <= 2); /* one, and perhaps another one a second later */
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void refuse(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_reset(link, stream, CODE_REFUSED);
}

static void a_peer_that_always_refuses_is_asked_less_and_less_and_then_no_more(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    mayfly_client *client = open_with(refuse, 100, &configuration);
    int64_t start_ns = clock_now_ns();
    mayfly_reply *reply = call(client, mayfly_increment("cache", mayfly_text("n"), 1, 1000));
    assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
    assert_int_equal(reply->attempts, 9);
    assert_non_null(strstr(reply->message, "not executed"));
    assert_in_range(ms_since(start_ns), 200, 4000);
    mayfly_reply_free(reply);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void fail_always(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_fail(link, stream, "14");
}

static void retries_end_with_their_budget(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    configuration.retry_budget_percent = 20;
    mayfly_client *client = open_with(fail_always, 100, &configuration);
    const uint32_t attempts[] = {4, 4, 4, 2, 1, 2, 1, 1}; /* ten retries and a fifth of one for each call */
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        mayfly_reply *reply = call(client, mayfly_get("cache", mayfly_text("key")));
        assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
        assert_int_equal(reply->attempts, attempts[i]);
        assert_int_equal(strstr(reply->message, "retry budget") != NULL, i >= 3);
        mayfly_reply_free(reply);
    }
    assert_int_equal(mayfly_client_count(client).retries, 11);
    assert_int_equal(mayfly_client_count(client).refused_retries, 5);
    assert_int_equal(mayfly_client_count(client).failures, 8);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void hang_up(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)stream;
    (void)request;
    link->hang_up = true;
}

static void a_call_that_may_have_run_says_so(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    mayfly_client *client = open_with(hang_up, 100, &configuration);
    mayfly_reply *reply = call(client, mayfly_increment("cache", mayfly_text("n"), 1, 1000));
    assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
    assert_non_null(strstr(reply->message, "may have executed"));
    mayfly_reply_free(reply);
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- Connections that die silently --- */

/* Falls silent for ever on the first connection after its first answer. */
static void fall_silent(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_answer_empty(link, stream);
    link->is_deaf = link->number == 0;
}

static void open_and_fall_silent(mayfly_client **client, const mayfly_configuration *configuration,
                                 mayfly_drive drive)
{
    peer_start(&peer, fall_silent);
    *client = client_open_with(configuration, peer.port, drive);
    assert_int_equal(status_of(*client, mayfly_ping()), MAYFLY_OK);
}

static void a_dropped_connection_costs_one_deadline(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < sizeof drives / sizeof drives[0]; i++) {
        mayfly_client *client;
        mayfly_configuration configuration = mayfly_configuration_lambda_v1(); /* one channel, no keepalive */
        open_and_fall_silent(&client, &configuration, drives[i]);
        mayfly_request ping = mayfly_ping();
        ping.deadline_ms = 100;
        assert_int_equal(status_of(client, ping), MAYFLY_DEADLINE_EXCEEDED);
        int64_t start_ns = clock_now_ns();
        ping.deadline_ms = 5000;
        assert_int_equal(status_of(client, ping), MAYFLY_OK);
        assert_true(ms_since(start_ns) < 900); /* that is, before the old one was given up */
        while (atomic_load(&peer.left) < 1 && ms_since(start_ns) < 5000) {
            (void)poll(NULL, 0, 20);
            assert_int_equal(status_of(client, ping), MAYFLY_OK);
        }
        assert_int_equal(atomic_load(&peer.left), 1);
        mayfly_client_close(client);
        peer_stop(&peer);
    }
}

static void a_dropped_connection_is_noticed_while_idle(void **state)
{
    (void)state;
    mayfly_client *client;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.keepalive_interval_ms = configuration.keepalive_timeout_ms = 50;
    open_and_fall_silent(&client, &configuration, MAYFLY_DRIVEN_BY_CALLER);
    turn_until_left(client, 1);
    turn_until_connections(client, 1);
    assert_int_equal(mayfly_client_count(client).connects, 2);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void answer_pings(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    if (is_ping(link))
        peer_answer_empty(link, stream);
}

static void a_slow_answer_costs_no_connection_that_lives(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    mayfly_client *client = open_with(answer_pings, 100, &configuration);
    mayfly_request slow = mayfly_get("cache", mayfly_text("key"));
    slow.deadline_ms = 50;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status_of(client, slow), MAYFLY_DEADLINE_EXCEEDED);
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    }
    int64_t start_ns = clock_now_ns();
    while (ms_since(start_ns) < 200)
        (void)turn(client, clock_now_ns());
    assert_int_equal(mayfly_client_count(client).connections, 1);
    assert_int_equal(mayfly_client_count(client).disconnects, 0);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void answer_and_hang_up(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_answer_empty(link, stream);
    link->hang_up = true;
}

/* Nobody drives it meanwhile, so it cannot know before. */
static void a_client_that_rested_sends_nothing_to_a_connection_that_is_gone(void **state)
{
    (void)state;
    peer_start(&peer, answer_and_hang_up);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_client *client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLS);
    for (unsigned i = 0; i < 3; i++) {
        mayfly_reply *reply = call(client, mayfly_ping());
        assert_int_equal(reply->status, MAYFLY_OK);
        assert_int_equal(reply->attempts, 1);
        mayfly_reply_free(reply);
        (void)poll(NULL, 0, 150);
    }
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- Peers that are down, and come back --- */

static void a_silent_try_does_not_keep_others_from_being_made(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    peer.silent_links = 3;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.reconnect_max_ms = 200;
    configuration.connect_timeout_ms = 0;
    mayfly_client *client = client_open_with(&configuration, peer.port, MAYFLY_DRIVEN_BY_CALLER);
    int64_t start_ns = clock_now_ns();
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    assert_true(ms_since(start_ns) < 3000);
    turn_until_left(client, 3); /* the others are given up */
    assert_int_equal(mayfly_client_count(client).connections, 1);
    assert_int_equal(atomic_load(&peer.connections), 4);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void calls_return_with_the_peer(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(400);
    mayfly_client *client = open_with(answer, 100, &configuration);
    uint16_t port = peer.port;
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    peer_stop(&peer);
    int64_t start_ns = clock_now_ns();
    while (ms_since(start_ns) < 500) {
        mayfly_reply *reply = call(client, mayfly_ping());
        assert_int_equal(reply->status, MAYFLY_UNAVAILABLE);
        assert_non_null(strstr(reply->message, "executed"));
        mayfly_reply_free(reply);
    }
    peer_start_at(&peer, INADDR_LOOPBACK, port, answer);
    start_ns = clock_now_ns();
    while (status_of(client, mayfly_ping()) != MAYFLY_OK)
        assert_true(ms_since(start_ns) < 1000);
    mayfly_client_close(client);
    peer_stop(&peer);
}

/* --- Two hosts --- */

static mayfly_client *open_to_two_hosts(const mayfly_configuration *configuration, uint16_t port)
{
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", port);
    credentials.control_host = "127.0.0.2";
    mayfly_client *client;
    mayfly_error error;
    if (mayfly_client_open(configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &client, &error) !=
        MAYFLY_OK)
        fail_msg("%s", error.message);
    return client;
}

static void a_control_host_that_is_down_holds_up_no_data(void **state)
{
    (void)state;
    peer_start(&peer, answer_pings);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_client *client = open_to_two_hosts(&configuration, peer.port);
    struct ends control = {0};
    for (int i = 0; i < 10; i++) {
        (void)start(client, mayfly_list_caches(), &control);
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    }
    turn_until_ended(client, &control, 10);
    assert_int_equal(control.statuses[MAYFLY_UNAVAILABLE], 10);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void control_calls_go_to_their_host_by_a_channel_that_closes_when_idle(void **state)
{
    (void)state;
    static struct peer control_peer;
    peer_start(&peer, answer);
    peer_start_at(&control_peer, INADDR_LOOPBACK + 1, peer.port, answer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.channel_idle_ms = 100;
    mayfly_client *client = open_to_two_hosts(&configuration, peer.port);
    assert_int_equal(atomic_load(&control_peer.connections), 0);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    assert_int_equal(status_of(client, mayfly_create_cache("cache")), MAYFLY_OK);
    assert_int_equal(status_of(client, mayfly_list_caches()), MAYFLY_OK);
    assert_int_equal(atomic_load(&peer.requests), 1);
    assert_int_equal(atomic_load(&control_peer.requests), 2);
    assert_int_equal(atomic_load(&control_peer.connections), 1);
    assert_int_equal(mayfly_client_count(client).connections, 2);
    turn_until_connections(client, 1);
    assert_int_equal(status_of(client, mayfly_create_cache("cache")), MAYFLY_OK);
    assert_int_equal(atomic_load(&control_peer.connections), 2);
    mayfly_client_close(client);
    peer_stop(&peer);
    peer_stop(&control_peer);
}

/* --- What is sent --- */

struct heard {
    int calls;
    int keys; /* of them with the key */
};

static void on_opened(void *owner, struct h2_call *opened)
{
    struct heard *heard = owner;
    heard->calls++;
    for (size_t i = 0; i < opened->metadata->count; i++) {
        const struct metadata_pair *pair = &opened->metadata->pairs[i];
        heard->keys += bytes_equal(pair->name, bytes_of("authorization")) &&
                       bytes_equal(pair->value, bytes_of("secret key"));
    }
}

static void ignore_message(void *owner, struct h2_call *heard, struct bytes message)
{
    (void)owner;
    (void)heard;
    (void)message;
}

static void ignore_end(void *owner, struct h2_call *heard, const struct h2_outcome *outcome)
{
    (void)owner;
    (void)heard;
    (void)outcome;
}

static void the_api_key_goes_with_every_call(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    const mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", peer.port);
    credentials.api_key = "secret key";
    mayfly_client *client;
    assert_int_equal(mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, NULL),
                     MAYFLY_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(status_of(client, mayfly_delete("cache", mayfly_text("key"))), MAYFLY_OK);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    peer_stop(&peer);

    struct heard heard = {0};
    const struct h2_events events = {.opened = on_opened, .message = ignore_message, .closed = ignore_end};
    const struct h2_method methods[] = {{.path = "/cache_client.Scs/Delete"},
                                        {.path = "/cache_client.Ping/Ping"}};
    struct h2_methods *table = h2_methods_create(methods, 2);
    const struct h2_config config = {
        .role = H2_SERVER, .methods = table, .events = &events, .owner = &heard, .limits = h2_default_limits};
    struct h2_connection *server = h2_open(h2_engine_default, &config);
    assert_true(h2_recv(server, bytes_make(peer.tape, peer.tape_size), 1));
    h2_close(server);
    h2_methods_destroy(table);
    assert_int_equal(heard.calls, 4);
    assert_int_equal(heard.keys, 4);
}

static void a_key_that_cannot_be_sent_is_refused_and_not_repeated(void **state)
{
    (void)state;
    const mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", 1);
    const char *const bad[] = {"line\nbreak", " blank", "blank ", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mayfly_client *client;
        mayfly_error error;
        credentials.api_key = bad[i];
        assert_int_equal(
            mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error),
            MAYFLY_INVALID_ARGUMENT);
        assert_non_null(strstr(error.message, "API key"));
        assert_null(strstr(error.message, bad[i]));
    }
}

static void a_request_that_is_too_large_fails_before_it_is_sent(void **state)
{
    (void)state;
    mayfly_configuration configuration = with_in_flight(100);
    configuration.max_request_bytes = 1024;
    mayfly_client *client = open_with(answer, 100, &configuration);
    static const char text[2000];
    const mayfly_request large =
        mayfly_set("cache", mayfly_text("key"), (mayfly_bytes){text, sizeof text}, 1000);
    mayfly_reply *reply = call(client, large);
    assert_int_equal(reply->status, MAYFLY_RESOURCE_EXHAUSTED);
    assert_int_equal(reply->attempts, 0);
    assert_non_null(strstr(reply->message, "max_request_bytes"));
    mayfly_reply_free(reply);
    struct ends ends = {0};
    (void)start(client, large, &ends);
    assert_int_equal(ends.count, 0);
    turn_until_ended(client, &ends, 1);
    assert_int_equal(ends.statuses[MAYFLY_RESOURCE_EXHAUSTED], 1);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_more_than_a_connection_takes_opens_another_one),
        cmocka_unit_test(four_hundred_calls_open_four_channels_at_once),
        cmocka_unit_test(no_more_channels_open_than_may),
        cmocka_unit_test(channels_that_are_not_needed_close),
        cmocka_unit_test(streams_that_the_peer_takes_back_or_grants_count_at_once),
        cmocka_unit_test(fewer_streams_on_each_connection_open_more_of_them),
        cmocka_unit_test(what_a_connection_that_is_left_allows_is_no_measure_for_others),
        cmocka_unit_test(a_peer_that_leaves_all_the_time_executes_every_call_once),
        cmocka_unit_test(refused_calls_move_whatever_the_budget),
        cmocka_unit_test(a_channel_that_refuses_is_tried_after_the_others),
        cmocka_unit_test(a_peer_that_always_refuses_is_asked_less_and_less_and_then_no_more),
        cmocka_unit_test(retries_end_with_their_budget),
        cmocka_unit_test(a_call_that_may_have_run_says_so),
        cmocka_unit_test(a_dropped_connection_costs_one_deadline),
        cmocka_unit_test(a_dropped_connection_is_noticed_while_idle),
        cmocka_unit_test(a_slow_answer_costs_no_connection_that_lives),
        cmocka_unit_test(a_client_that_rested_sends_nothing_to_a_connection_that_is_gone),
        cmocka_unit_test(a_silent_try_does_not_keep_others_from_being_made),
        cmocka_unit_test(calls_return_with_the_peer),
        cmocka_unit_test(a_control_host_that_is_down_holds_up_no_data),
        cmocka_unit_test(control_calls_go_to_their_host_by_a_channel_that_closes_when_idle),
        cmocka_unit_test(the_api_key_goes_with_every_call),
        cmocka_unit_test(a_key_that_cannot_be_sent_is_refused_and_not_repeated),
        cmocka_unit_test(a_request_that_is_too_large_fails_before_it_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
