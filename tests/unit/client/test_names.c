/* Hosts with names: all addresses of a name are used, it is resolved anew when they fail, and a name server that says
 * nothing holds up nobody. The resolver is the test's own, which the linker takes in place of the system's. */
#include "base/clock.h"
#include "with_server.h"

#include "client/scripted_peer.h"

#include <netdb.h>
#include <semaphore.h>

/* --- The resolver --- */

static _Atomic uint16_t port;
static _Atomic unsigned resolved;          /* how often */
static _Atomic unsigned resolving_to_dead; /* so often it gives an address where nobody listens */
static sem_t released;                     /* resolvers of stuck.test, so many */
static sem_t freed;                        /* those of them that went on */

static struct addrinfo *address(uint32_t ip, struct addrinfo *next)
{
    struct addrinfo *made = calloc(1, sizeof *made + sizeof(struct sockaddr_in));
    assert_non_null(made);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(made + 1);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(ip);
    v4->sin_port = htons(port);
    made->ai_family = AF_INET;
    made->ai_addr = (struct sockaddr *)v4;
    made->ai_addrlen = sizeof *v4;
    made->ai_next = next;
    return made;
}

#define ALIVE INADDR_LOOPBACK
#define OTHER (INADDR_LOOPBACK + 1)
#define DEAD  (INADDR_LOOPBACK + 2)

static void await_sem(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

/* Lets one that is stuck go. */
static void release_resolver(void)
{
    assert_int_equal(sem_post(&released), 0);
    await_sem(&freed);
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    (void)service;
    (void)hints;
    unsigned before = atomic_fetch_add(&resolved, 1);
    if (strcmp(name, "stuck.test") == 0) {
        await_sem(&released);
        (void)sem_post(&freed);
    }
    if (strcmp(name, "stuck.test") == 0)
        *found = address(ALIVE, NULL);
    else if (strcmp(name, "two.test") == 0)
        *found = address(ALIVE, address(OTHER, NULL));
    else if (strcmp(name, "half.test") == 0)
        *found = address(DEAD, address(ALIVE, NULL));
    else if (strcmp(name, "moving.test") == 0)
        *found = address(before < atomic_load(&resolving_to_dead) ? DEAD : ALIVE, NULL);
    else
        return EAI_NONAME;
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

/* --- The tests --- */

static void answer(struct peer *at, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)at;
    (void)request;
    peer_answer_empty(link, stream);
}

static int64_t ms_since(int64_t start_ns)
{
    return (clock_now_ns() - start_ns) / CLOCK_NS_PER_MS;
}

static mayfly_status open_to(const char *host, const mayfly_configuration *configuration,
                             mayfly_client **client, mayfly_error *error)
{
    const mayfly_credentials credentials = mayfly_credentials_local(host, port);
    atomic_store(&resolved, 0);
    return mayfly_client_open(configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, client, error);
}

static struct peer peer;
static struct peer other;

static void channels_spread_over_all_addresses_of_a_name(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    port = peer.port;
    peer_start_at(&other, OTHER, port, answer);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = 4;
    mayfly_client *client;
    assert_int_equal(open_to("two.test", &configuration, &client, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_client_count(client).connections, 4);
    assert_int_equal(atomic_load(&peer.connections), 2);
    assert_int_equal(atomic_load(&other.connections), 2);
    assert_int_equal(atomic_load(&resolved), 1);
    mayfly_client_close(client);
    peer_stop(&peer);
    peer_stop(&other);
}

static void an_address_that_is_dead_costs_no_channel(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    port = peer.port;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = 4;
    mayfly_client *client;
    int64_t start_ns = clock_now_ns();
    assert_int_equal(open_to("half.test", &configuration, &client, NULL), MAYFLY_OK);
    assert_true(ms_since(start_ns) < 1000);
    assert_int_equal(mayfly_client_count(client).connections, 4);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void a_name_whose_addresses_failed_is_resolved_anew(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    port = peer.port;
    atomic_store(&resolving_to_dead, 2);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_client *client;
    assert_int_equal(open_to("moving.test", &configuration, &client, NULL), MAYFLY_OK);
    assert_true(atomic_load(&resolved) >= 3);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
    peer_stop(&peer);
}

static void a_name_that_nobody_knows_is_told(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 100;
    mayfly_client *client;
    mayfly_error error;
    assert_int_equal(open_to("none.test", &configuration, &client, &error), MAYFLY_UNAVAILABLE);
    assert_non_null(strstr(error.message, "none.test"));
    assert_true(atomic_load(&resolved) > 1);
}

static void a_stuck_resolver_holds_up_neither_calls_nor_the_end(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0;
    configuration.min_channels = 8;
    mayfly_client *client;
    assert_int_equal(open_to("stuck.test", &configuration, &client, NULL), MAYFLY_OK);
    mayfly_request ping = mayfly_ping();
    ping.deadline_ms = 100;
    int64_t start_ns = clock_now_ns();
    assert_int_equal(status_of(client, ping), MAYFLY_DEADLINE_EXCEEDED);
    mayfly_client_close(client);
    assert_in_range(ms_since(start_ns), 100, 1000);
    assert_int_equal(atomic_load(&resolved), 1); /* by one thread for all channels */
    release_resolver();
}

/* Opens and closes at once, so that the news and the end meet in any order. */
static void clients_may_close_while_their_host_is_being_resolved(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    port = peer.port;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0;
    for (int i = 0; i < 50; i++) {
        mayfly_client *client;
        assert_int_equal(open_to("two.test", &configuration, &client, NULL), MAYFLY_OK);
        mayfly_request ping = mayfly_ping();
        ping.deadline_ms = 1;
        if (i % 2 == 0)
            (void)status_of(client, ping);
        mayfly_client_close(client);
    }
    peer_stop(&peer);
}

static void a_stuck_resolver_does_not_keep_a_client_from_the_addresses_that_it_knows(void **state)
{
    (void)state;
    peer_start(&peer, answer);
    port = peer.port;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.reconnect_max_ms = 50;
    assert_int_equal(sem_post(&released), 0); /* for the first time alone */
    mayfly_client *client;
    assert_int_equal(open_to("stuck.test", &configuration, &client, NULL), MAYFLY_OK);
    await_sem(&freed);
    peer_stop(&peer);
    while (atomic_load(&resolved) < 2)
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_UNAVAILABLE);
    peer_start_at(&peer, ALIVE, port, answer);
    int64_t start_ns = clock_now_ns();
    while (status_of(client, mayfly_ping()) != MAYFLY_OK)
        assert_true(ms_since(start_ns) < 1000);
    mayfly_client_close(client);
    peer_stop(&peer);
    release_resolver();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_spread_over_all_addresses_of_a_name),
        cmocka_unit_test(an_address_that_is_dead_costs_no_channel),
        cmocka_unit_test(a_name_whose_addresses_failed_is_resolved_anew),
        cmocka_unit_test(a_name_that_nobody_knows_is_told),
        cmocka_unit_test(a_stuck_resolver_holds_up_neither_calls_nor_the_end),
        cmocka_unit_test(a_stuck_resolver_does_not_keep_a_client_from_the_addresses_that_it_knows),
        cmocka_unit_test(clients_may_close_while_their_host_is_being_resolved),
    };
    (void)sem_init(&released, 0, 0);
    (void)sem_init(&freed, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
