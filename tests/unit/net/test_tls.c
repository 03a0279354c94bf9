/* TLS over real connections: a server in a process of its own, clients of ours, and peers that misbehave. */
#include "base/clock.h"
#include "certificates.h"
#include "with_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define TTL_MS      UINT64_C(60000)
#define LARGE_BYTES 4990000
#define MANY        1000
#define PATIENCE_NS ((int64_t)30 * CLOCK_NS_PER_S)

static struct fixture {
    struct certificates certificates;
    struct identity authority;
    struct identity stranger;
    struct identity server;
    struct identity client;
} here;

static int open_fixture(void **state)
{
    (void)state;
    certificates_open(&here.certificates);
    here.authority = identity_of_its_own(&here.certificates, "authority", NULL);
    here.stranger = identity_of_its_own(&here.certificates, "stranger", NULL);
    here.server =
        identity_signed_by(&here.certificates, &here.authority, "server", "DNS:localhost,IP:127.0.0.1");
    here.client = identity_signed_by(&here.certificates, &here.authority, "client", NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    identity_free(&here.authority);
    identity_free(&here.stranger);
    identity_free(&here.server);
    identity_free(&here.client);
    certificates_close(&here.certificates);
    return 0;
}

/* --- Servers and clients --- */

/* With one more setting, or NULL. */
static struct test_server secure_server(const char *name, const char *value)
{
    const char *options[] = {"cache", "cache", "threads", "2",  "tls-key", here.server.key_file,
                             name,    value,   NULL,      NULL, NULL};
    size_t end = name != NULL ? 8 : 6;
    options[end] = "tls-certificate";
    options[end + 1] = here.server.file;
    return server_start(options);
}

/* One of the figures that the server logs when it is asked to. */
static int64_t server_counter(const struct test_server *server, const char *name)
{
    char line[8192];
    char field[64];
    size_t size = 0;
    (void)snprintf(field, sizeof field, "\"%s\":", name);
    assert_int_equal(kill(server->pid, SIGUSR1), 0);
    for (;;) {
        assert_int_equal(read(server->log_fd, line + size, 1), 1);
        if (line[size] != '\n') {
            assert_true(++size < sizeof line);
            continue;
        }
        line[size] = '\0';
        size = 0;
        if (strstr(line, "\"event\":\"counters\"") != NULL)
            break;
    }
    const char *at = strstr(line, field);
    assert_non_null(at);
    return strtoll(at + strlen(field), NULL, 10);
}

static void await_counter(const struct test_server *server, const char *name, int64_t value)
{
    int64_t limit_ns = clock_now_ns() + PATIENCE_NS;
    while (server_counter(server, name) != value)
        assert_true(clock_now_ns() < limit_ns);
}

static mayfly_credentials secure_credentials(uint16_t port)
{
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", port);
    credentials.tls.is_on = true;
    credentials.tls.ca_file = here.authority.file;
    return credentials;
}

static mayfly_configuration one_channel(void)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.min_channels = configuration.max_channels = 1;
    return configuration;
}

static mayfly_client *secure_client(const mayfly_credentials *credentials,
                                    const mayfly_configuration *configuration, mayfly_drive drive)
{
    mayfly_client *client;
    mayfly_error error;
    if (mayfly_client_open(configuration, credentials, drive, &client, &error) != MAYFLY_OK)
        fail_msg("%s", error.message);
    return client;
}

static mayfly_client *secure_client_to(uint16_t port)
{
    const mayfly_credentials credentials = secure_credentials(port);
    const mayfly_configuration configuration = one_channel();
    return secure_client(&credentials, &configuration, MAYFLY_DRIVEN_BY_CALLS);
}

static void assert_not_opened(const mayfly_credentials *credentials, mayfly_status status,
                              const char *part_of_sentence)
{
    mayfly_configuration configuration = one_channel();
    mayfly_client *client;
    mayfly_error error;
    configuration.connect_timeout_ms = 300;
    assert_int_equal(mayfly_client_open(&configuration, credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error),
                     status);
    assert_null(client);
    if (strstr(error.message, part_of_sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, part_of_sentence);
}

/* --- Calls --- */

static void assert_calls_work(mayfly_client *client)
{
    assert_int_equal(outcome_of(client, mayfly_set("cache", mayfly_text("k"), mayfly_text("v"), TTL_MS)),
                     MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_get("cache", mayfly_text("k")));
    assert_int_equal(reply->status, MAYFLY_OK);
    assert_bytes(reply->value, "v");
    mayfly_reply_free(reply);
}

static void calls_go_over_tls_however_the_client_is_driven(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    struct test_server server = secure_server(NULL, NULL);
    const mayfly_credentials credentials = secure_credentials(server.port);
    const mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    for (size_t i = 0; i < 3; i++) {
        mayfly_client *client = secure_client(&credentials, &configuration, drives[i]);
        assert_calls_work(client);
        mayfly_client_close(client);
    }
    await_counter(&server, "connections_open", 0);
    assert_int_equal(server_counter(&server, "connections_failed"), 0);
    server_stop(&server);
}

static void large_values_go_both_ways(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    mayfly_client *client = secure_client_to(server.port);
    uint8_t *value = test_malloc(LARGE_BYTES);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        value[i] = (uint8_t)(i * 2654435761U >> 13);
    const mayfly_bytes large = {value, LARGE_BYTES};
    assert_int_equal(outcome_of(client, mayfly_set("cache", mayfly_text("large"), large, TTL_MS)),
                     MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_get("cache", mayfly_text("large")));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->value.size, LARGE_BYTES);
    assert_memory_equal(reply->value.data, value, LARGE_BYTES);
    mayfly_reply_free(reply);
    test_free(value);
    mayfly_client_close(client);
    server_stop(&server);
}

struct expectation {
    char key[32]; /* its value too */
    size_t *done;
};

static void on_value(void *context, const mayfly_reply *reply)
{
    const struct expectation *expectation = context;
    assert_int_equal(reply->status, MAYFLY_OK);
    assert_bytes(reply->value, expectation->key);
    (*expectation->done)++;
}

static void on_stored(void *context, const mayfly_reply *reply)
{
    const struct expectation *expectation = context;
    assert_int_equal(reply->status, MAYFLY_OK);
    (*expectation->done)++;
}

static void a_thousand_calls_at_once_get_their_own_answers(void **state)
{
    (void)state;
    struct test_server server = secure_server("max-streams", "1000");
    const mayfly_credentials credentials = secure_credentials(server.port);
    mayfly_configuration configuration = one_channel();
    configuration.max_in_flight = MANY;
    mayfly_client *client = secure_client(&credentials, &configuration, MAYFLY_DRIVEN_BY_CALLER);
    static struct expectation expectations[MANY];
    for (int step = 0; step < 2; step++) {
        size_t done = 0;
        for (int i = 0; i < MANY; i++) {
            struct expectation *expectation = &expectations[i];
            expectation->done = &done;
            (void)snprintf(expectation->key, sizeof expectation->key, "key-%d", i);
            const mayfly_bytes text = mayfly_text(expectation->key);
            const mayfly_request request =
                step == 0 ? mayfly_set("cache", text, text, TTL_MS) : mayfly_get("cache", text);
            assert_int_equal(
                mayfly_start(client, &request, step == 0 ? on_stored : on_value, expectation, NULL),
                MAYFLY_OK);
        }
        while (done < MANY)
            assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    }
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- Refusals --- */

static void a_client_says_why_it_does_not_trust_the_server(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    mayfly_credentials credentials = secure_credentials(server.port);
    credentials.tls.server_name = "elsewhere.example.com";
    assert_not_opened(&credentials, MAYFLY_UNAVAILABLE,
                      "the server's certificate is not valid for the name elsewhere.example.com");
    credentials.tls.server_name = "";
    assert_not_opened(&credentials, MAYFLY_INVALID_ARGUMENT, "is empty");
    credentials.tls.server_name = ".example.com";
    assert_not_opened(&credentials, MAYFLY_INVALID_ARGUMENT, "does not begin with a dot");
    char endless[300];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    credentials.tls.server_name = endless;
    assert_not_opened(&credentials, MAYFLY_INVALID_ARGUMENT, "255 characters");
    credentials = secure_credentials(server.port);
    credentials.tls.ca_file = here.stranger.file;
    assert_not_opened(&credentials, MAYFLY_UNAVAILABLE,
                      "is not signed by an authority that this client trusts");
    credentials.tls.ca_file = "/nowhere/ca.pem";
    assert_not_opened(&credentials, MAYFLY_INVALID_ARGUMENT, "/nowhere/ca.pem cannot be read");
    credentials.tls.ca_file = NULL;
    credentials.tls.is_unchecked = true;
    const mayfly_configuration configuration = one_channel();
    mayfly_client *client = secure_client(&credentials, &configuration, MAYFLY_DRIVEN_BY_CALLS);
    assert_calls_work(client);
    mayfly_client_close(client);
    server_stop(&server);
}

/* Nothing that a client does makes a certificate better. */
static void a_certificate_that_is_not_trusted_is_told_at_once(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    mayfly_credentials credentials = secure_credentials(server.port);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_client *client;
    mayfly_error error;
    configuration.min_channels = configuration.max_channels = 4;
    configuration.connect_timeout_ms = 60000;
    credentials.tls.ca_file = here.stranger.file;
    int64_t start_ns = clock_now_ns();
    assert_int_equal(
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error),
        MAYFLY_UNAVAILABLE);
    assert_true(clock_now_ns() - start_ns < PATIENCE_NS);
    assert_non_null(strstr(error.message, "is not signed by an authority that this client trusts"));
    assert_null(strstr(error.message, "tried for"));
    server_stop(&server);
}

static void a_name_to_check_can_be_another_than_the_hosts(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    mayfly_credentials credentials = secure_credentials(server.port);
    credentials.tls.server_name = "localhost";
    const mayfly_configuration configuration = one_channel();
    mayfly_client *client = secure_client(&credentials, &configuration, MAYFLY_DRIVEN_BY_CALLS);
    assert_calls_work(client);
    mayfly_client_close(client);
    server_stop(&server);
}

static void a_server_that_asks_for_a_certificate_gets_one_or_says_so(void **state)
{
    (void)state;
    struct test_server server = secure_server("tls-client-ca", here.authority.file);
    mayfly_credentials credentials = secure_credentials(server.port);
    assert_not_opened(&credentials, MAYFLY_UNAVAILABLE, "the server wants a client certificate");
    credentials.tls.certificate_file = here.client.file;
    assert_not_opened(&credentials, MAYFLY_INVALID_ARGUMENT, "the key is missing");
    credentials.tls.key_file = here.client.key_file;
    const mayfly_configuration configuration = one_channel();
    mayfly_client *client = secure_client(&credentials, &configuration, MAYFLY_DRIVEN_BY_CALLS);
    assert_calls_work(client);
    mayfly_client_close(client);
    server_stop(&server);
}

static void tls_and_plain_do_not_mix(void **state)
{
    (void)state;
    struct test_server plain = server_start(SERVER_PLAIN);
    struct test_server secure = secure_server(NULL, NULL);
    mayfly_credentials credentials = secure_credentials(plain.port);
    assert_not_opened(&credentials, MAYFLY_UNAVAILABLE, "the server does not speak TLS on this port");
    credentials = mayfly_credentials_local("127.0.0.1", secure.port);
    assert_not_opened(&credentials, MAYFLY_UNAVAILABLE, "the peer closed the connection");
    await_counter(&secure, "connections_open", 0);
    assert_true(server_counter(&secure, "connections_failed") > 0);
    server_stop(&plain);
    server_stop(&secure);
}

/* --- Peers that misbehave --- */

static int raw_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    return fd;
}

static bool is_closed_by_peer(int fd, int wait_ms)
{
    char byte;
    struct pollfd polled = {fd, POLLIN, 0};
    return poll(&polled, 1, wait_ms) > 0 && recv(fd, &byte, 1, 0) <= 0;
}

static void who_does_not_end_the_handshake_is_dropped(void **state)
{
    (void)state;
    struct test_server server = secure_server("stall-timeout", "300ms");
    mayfly_client *client = secure_client_to(server.port);
    int silent = raw_connect(server.port);
    assert_true(is_closed_by_peer(silent, 20000));
    (void)close(silent);

    int slow = raw_connect(server.port); /* a record that says it is longer than what ever comes */
    const uint8_t head[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};
    bool is_dropped = false;
    for (size_t sent = 0; sent < 1000 && !is_dropped; sent++) {
        uint8_t byte = sent < sizeof head ? head[sent] : 0;
        is_dropped = send(slow, &byte, 1, MSG_NOSIGNAL) != 1 || is_closed_by_peer(slow, 20);
    }
    assert_true(is_dropped);
    (void)close(slow);
    assert_int_equal(server_counter(&server, "connections_failed"), 2);
    assert_int_equal(server_counter(&server, "connections_open"), 1); /* who is through may be silent */
    assert_calls_work(client);
    mayfly_client_close(client);
    server_stop(&server);
}

static void garbage_costs_its_connection_only(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    mayfly_client *client = secure_client_to(server.port);
    uint8_t garbage[20000];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (uint8_t)(i * 2654435761U >> 11);
    for (int i = 0; i < 50; i++) {
        int fd = raw_connect(server.port);
        garbage[0] = i % 2 == 0 ? 22 : (uint8_t)i;
        garbage[1] = 3;
        (void)send(fd, garbage, sizeof garbage, MSG_NOSIGNAL);
        while (!is_closed_by_peer(fd, 20000))
            ; /* an alert may come first */
        (void)close(fd);
    }
    await_counter(&server, "connections_failed", 50);
    assert_calls_work(client);
    mayfly_client_close(client);
    server_stop(&server);
}

/* A literal field of a header block, RFC 7541 section 6.2.2. */
static size_t put_field(uint8_t *to, const char *name, const char *value)
{
    size_t size = 0;
    const char *const parts[] = {name, value};
    to[size++] = 0;
    for (size_t i = 0; i < 2; i++) {
        to[size++] = (uint8_t)strlen(parts[i]);
        memcpy(to + size, parts[i], strlen(parts[i]));
        size += strlen(parts[i]);
    }
    return size;
}

/* The beginning of a connection with one call that is not said to its end. */
static size_t half_a_call(uint8_t *to)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t size = sizeof preface - 1;
    memcpy(to, preface, size);
    memcpy(to + size, (const uint8_t[9]){0, 0, 0, 4}, 9); /* SETTINGS */
    size += 9;
    uint8_t *head = to + size;
    uint8_t *block = head + 9;
    size_t block_size = put_field(block, ":method", "POST");
    block_size += put_field(block + block_size, ":scheme", "https");
    block_size += put_field(block + block_size, ":path", "/cache_client.Scs/Get");
    block_size += put_field(block + block_size, ":authority", "localhost");
    block_size += put_field(block + block_size, "content-type", "application/grpc");
    block_size += put_field(block + block_size, "te", "trailers");
    memcpy(head, (const uint8_t[9]){0, 0, (uint8_t)block_size, 1, 4, 0, 0, 0, 1}, 9); /* HEADERS, their end */
    return size + 9 + block_size;
}

/* Leaves in the middle of a call, with TLS's goodbye or without. */
static void leave_in_the_middle(uint16_t port, bool says_goodbye)
{
    uint8_t bytes[512];
    size_t size = half_a_call(bytes);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int fd = raw_connect(port);
    assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2", 3), 0);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_int_equal(SSL_write(ssl, bytes, (int)size), (int)size);
    if (says_goodbye)
        assert_int_equal(SSL_shutdown(ssl), 0);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    while (!is_closed_by_peer(fd, 20000))
        ;
    (void)close(fd);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void a_cut_in_the_middle_is_told_from_an_end(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    leave_in_the_middle(server.port, true);
    await_counter(&server, "connections_open", 0);
    assert_int_equal(server_counter(&server, "connections_failed"), 0);
    leave_in_the_middle(server.port, false);
    await_counter(&server, "connections_open", 0);
    assert_int_equal(server_counter(&server, "connections_failed"), 1);
    server_stop(&server);
}

/* --- A way that is slow and can be cut --- */

#define WAY_CUT  'c'
#define WAY_STOP 's'

/* Carries one connection at a time, in pieces of so many bytes. */
struct way {
    uint16_t port;
    uint16_t to_port;
    size_t piece_bytes;
    int listener;
    int orders[2];
    pthread_t thread;
};

static bool pass_on(int from, int to, size_t piece_bytes)
{
    uint8_t piece[4096];
    ssize_t size = recv(from, piece, piece_bytes < sizeof piece ? piece_bytes : sizeof piece, 0);
    return size > 0 && send(to, piece, (size_t)size, MSG_NOSIGNAL) == size;
}

/* Until it is cut; the order to do so, or 0 where an end has left. */
static char way_carry(const struct way *way, int client, int server)
{
    for (;;) {
        struct pollfd polled[3] = {{way->orders[0], POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
        char order;
        if (poll(polled, 3, -1) < 0)
            continue;
        if (polled[0].revents != 0 && read(way->orders[0], &order, 1) == 1)
            return order;
        if ((polled[1].revents != 0 && !pass_on(client, server, way->piece_bytes)) ||
            (polled[2].revents != 0 && !pass_on(server, client, way->piece_bytes)))
            return 0;
    }
}

static void *way_run(void *context)
{
    const struct way *way = context;
    char order = 0;
    while (order != WAY_STOP) {
        struct pollfd polled[2] = {{way->orders[0], POLLIN, 0}, {way->listener, POLLIN, 0}};
        if (poll(polled, 2, -1) <= 0)
            continue;
        if (polled[0].revents != 0) {
            (void)!read(way->orders[0], &order, 1);
            continue;
        }
        int client = accept(way->listener, NULL, NULL);
        int server = raw_connect(way->to_port);
        int on = 1;
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        order = way_carry(way, client, server);
        (void)close(client);
        (void)close(server);
    }
    return NULL;
}

static void way_open(struct way *way, uint16_t to_port, size_t piece_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *way = (struct way){.to_port = to_port, .piece_bytes = piece_bytes};
    way->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(way->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(way->listener, 16), 0);
    assert_int_equal(getsockname(way->listener, (struct sockaddr *)&address, &size), 0);
    way->port = ntohs(address.sin_port);
    assert_int_equal(pipe(way->orders), 0);
    assert_int_equal(pthread_create(&way->thread, NULL, way_run, way), 0);
}

static void way_order(const struct way *way, char order)
{
    assert_int_equal(write(way->orders[1], &order, 1), 1);
}

static void way_close(struct way *way)
{
    way_order(way, WAY_STOP);
    (void)pthread_join(way->thread, NULL);
    (void)close(way->listener);
    (void)close(way->orders[0]);
    (void)close(way->orders[1]);
}

static void a_connection_that_comes_byte_by_byte_works(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    struct way way;
    way_open(&way, server.port, 1);
    mayfly_client *client = secure_client_to(way.port);
    assert_calls_work(client);
    mayfly_client_close(client);
    way_close(&way);
    server_stop(&server);
}

static void a_connection_that_was_cut_is_resumed(void **state)
{
    (void)state;
    struct test_server server = secure_server(NULL, NULL);
    struct way way;
    way_open(&way, server.port, 4096);
    mayfly_client *client = secure_client_to(way.port);
    for (int i = 0; i < 5; i++) {
        assert_calls_work(client);
        way_order(&way, WAY_CUT);
        int64_t limit_ns = clock_now_ns() + PATIENCE_NS;
        while (server_counter(&server, "tls_handshakes") < i + 2) {
            mayfly_reply_free(call(client, mayfly_ping())); /* which drives the client */
            assert_true(clock_now_ns() < limit_ns);
        }
    }
    assert_calls_work(client);
    assert_int_equal(server_counter(&server, "tls_handshakes"), 6);
    assert_int_equal(server_counter(&server, "tls_handshakes_resumed"), 5);
    mayfly_client_close(client);
    way_close(&way);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_go_over_tls_however_the_client_is_driven),
        cmocka_unit_test(large_values_go_both_ways),
        cmocka_unit_test(a_thousand_calls_at_once_get_their_own_answers),
        cmocka_unit_test(a_client_says_why_it_does_not_trust_the_server),
        cmocka_unit_test(a_certificate_that_is_not_trusted_is_told_at_once),
        cmocka_unit_test(a_name_to_check_can_be_another_than_the_hosts),
        cmocka_unit_test(a_server_that_asks_for_a_certificate_gets_one_or_says_so),
        cmocka_unit_test(tls_and_plain_do_not_mix),
        cmocka_unit_test(who_does_not_end_the_handshake_is_dropped),
        cmocka_unit_test(garbage_costs_its_connection_only),
        cmocka_unit_test(a_cut_in_the_middle_is_told_from_an_end),
        cmocka_unit_test(a_connection_that_comes_byte_by_byte_works),
        cmocka_unit_test(a_connection_that_was_cut_is_resumed),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
