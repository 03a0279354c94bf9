/* Peers that take every connection and keep none: they are asked again, less and less often, and never in a storm. */
#include "base/clock.h"
#include "with_server.h"

#include "client/scripted_peer.h"

#define WATCHED_NS   ((int64_t)1500 * CLOCK_NS_PER_MS)
#define RECONNECT_MS 200
#define STORM        60 /* connections in that time: two channels that wait 100 ms or more make 30 and a few */

/* Greets each connection, says what it has to say, and ends it. */
struct flapper {
    int listener;
    uint16_t port;
    pthread_t thread;
    bool says_goaway;
    bool takes_no_streams;
    _Atomic unsigned connections;
};

static void flap(struct flapper *flapper, int fd)
{
    struct peer_link link = {.fd = fd};
    uint8_t ignored[4096];
    atomic_fetch_add(&flapper->connections, 1);
    if (flapper->takes_no_streams)
        peer_allow(&link, 0);
    else
        peer_frame(&link, FRAME_SETTINGS, 0, 0, NULL, 0);
    if (flapper->says_goaway)
        peer_goaway(&link, 0);
    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, ignored, sizeof ignored, 0) > 0)
        continue;
    (void)close(fd);
}

static void *flap_on(void *context)
{
    struct flapper *flapper = context;
    int fd;
    while ((fd = accept(flapper->listener, NULL, NULL)) >= 0)
        flap(flapper, fd);
    return NULL;
}

static void flapper_start(struct flapper *flapper)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    flapper->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(flapper->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(flapper->listener, 64), 0);
    assert_int_equal(getsockname(flapper->listener, (struct sockaddr *)&address, &size), 0);
    flapper->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&flapper->thread, NULL, flap_on, flapper), 0);
}

static void flapper_stop(struct flapper *flapper)
{
    assert_int_equal(shutdown(flapper->listener, SHUT_RDWR), 0); /* ends its accept */
    assert_int_equal(pthread_join(flapper->thread, NULL), 0);
    (void)close(flapper->listener);
}

static mayfly_client *open_client(uint16_t port, uint32_t min_channels)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = min_channels;
    configuration.connect_timeout_ms = 0;
    configuration.reconnect_max_ms = RECONNECT_MS;
    return client_open_with(&configuration, port, MAYFLY_DRIVEN_BY_CALLER);
}

static void turn_watching(mayfly_client *client)
{
    int64_t end_ns = clock_now_ns() + WATCHED_NS;
    while (clock_now_ns() < end_ns) {
        struct pollfd fd = {mayfly_client_descriptor(client), POLLIN, 0};
        int wait_ms = mayfly_client_timeout_ms(client);
        (void)poll(&fd, 1, wait_ms >= 0 && wait_ms < 50 ? wait_ms : 50);
        assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
    }
}

static void assert_is_not_stormed(struct flapper *flapper)
{
    unsigned connections = atomic_load(&flapper->connections);
    if (connections < 4 || connections > STORM)
        fail_msg("%u connections", connections);
}

static void a_peer_that_hangs_up_on_each_connection_is_not_stormed(void **state)
{
    (void)state;
    struct flapper flapper = {.listener = -1};
    flapper_start(&flapper);
    mayfly_client *client = open_client(flapper.port, 2);
    turn_watching(client);
    mayfly_client_close(client);
    assert_is_not_stormed(&flapper);
    flapper_stop(&flapper);
}

static void count_end(void *context, const mayfly_reply *reply)
{
    assert_int_not_equal(reply->status, MAYFLY_OK);
    ++*(unsigned *)context;
}

static void a_peer_that_leaves_each_connection_is_not_stormed(void **state)
{
    (void)state;
    for (int takes = 0; takes < 2; takes++) {
        struct flapper flapper = {.listener = -1, .says_goaway = true, .takes_no_streams = takes == 0};
        unsigned ends = 0;
        flapper_start(&flapper);
        mayfly_client *client = open_client(flapper.port, 2);
        const mayfly_request request = mayfly_ping();
        assert_int_equal(mayfly_start(client, &request, count_end, &ends, NULL), MAYFLY_OK);
        turn_watching(client);
        mayfly_client_close(client);
        assert_int_equal(ends, 1);
        assert_is_not_stormed(&flapper);
        flapper_stop(&flapper);
    }
}

static void ignore_event(void *context, const mayfly_topic_event *event)
{
    (void)context;
    (void)event;
}

static void subscriptions_storm_no_peer_that_leaves_each_connection(void **state)
{
    (void)state;
    for (int takes = 0; takes < 2; takes++) {
        struct flapper flapper = {.listener = -1, .says_goaway = true, .takes_no_streams = takes == 0};
        flapper_start(&flapper);
        mayfly_client *client = open_client(flapper.port, 1);
        const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
        mayfly_subscription *subscription;
        assert_int_equal(mayfly_subscribe(client, &options, ignore_event, NULL, &subscription, NULL),
                         MAYFLY_OK);
        turn_watching(client);
        mayfly_unsubscribe(subscription);
        mayfly_client_close(client);
        assert_is_not_stormed(&flapper);
        flapper_stop(&flapper);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_hangs_up_on_each_connection_is_not_stormed),
        cmocka_unit_test(a_peer_that_leaves_each_connection_is_not_stormed),
        cmocka_unit_test(subscriptions_storm_no_peer_that_leaves_each_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
