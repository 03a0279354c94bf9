/* The listening socket: taken ports, a thousand connections, and none to spare. */
#include "base/clock.h"
#include "net/listener.h"
#include "with_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void close_accepted(void *owner, int fd)
{
    (*(int *)owner)++;
    (void)close(fd);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void a_port_that_is_taken_says_so(void **state)
{
    (void)state;
    struct net_loop loop;
    struct net_listener first;
    struct net_listener second;
    int accepted = 0;
    struct sockaddr_in address = loopback(0);
    assert_int_equal(net_loop_init(&loop), 0);
    assert_int_equal(
        net_listener_open(&first, &loop, (const struct sockaddr *)&address, close_accepted, &accepted), 0);
    address = loopback((uint16_t)net_listener_port(&first));
    assert_int_equal(
        net_listener_open(&second, &loop, (const struct sockaddr *)&address, close_accepted, &accepted),
        -EADDRINUSE);

    int fd = connect_to(ntohs(address.sin_port));
    while (accepted == 0)
        net_loop_step(&loop, true);
    (void)close(fd);
    net_listener_close(&first);
    net_loop_free(&loop);
}

static void a_thousand_connections_are_served_at_once(void **state)
{
    (void)state;
    raise_descriptor_limit();
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = configuration.max_channels = 1000;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_int_equal(mayfly_client_count(client).connections, 1000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    server_stop(&server);
}

#define MANY 200

/* Waits until the peer has closed one of the sockets. */
static void await_shed(int fds[MANY])
{
    struct pollfd polled[MANY];
    for (int i = 0; i < MANY; i++)
        polled[i] = (struct pollfd){fds[i], POLLRDHUP, 0};
    assert_true(poll(polled, MANY, 10000) > 0);
}

static void a_server_out_of_descriptors_turns_newcomers_away_and_recovers(void **state)
{
    (void)state;
    raise_descriptor_limit();
    struct test_server server = server_start_limited(64, SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = connect_to(server.port);
    await_shed(fds);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK); /* who is in stays in */
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    mayfly_client *newcomer = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_int_equal(status_of(newcomer, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(newcomer);
    mayfly_client_close(client);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_is_taken_says_so),
        cmocka_unit_test(a_thousand_connections_are_served_at_once),
        cmocka_unit_test(a_server_out_of_descriptors_turns_newcomers_away_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
