#include "server/test_port.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <http_parser.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX    16
#define CLIENT_LIFE_NS ((int64_t)10 * CLOCK_NS_PER_S)
#define REQUEST_BYTES  ((size_t)16 << 10)
#define URL_BYTES      ((size_t)4 << 10)
#define BODY_BYTES     512

struct test_port {
    struct test_port_config config;
    struct net_listener listener;
    struct list clients;
    size_t clients_count;
    bool is_blocked;
    bool is_closed;
};

/* A connection: read until its request is whole, answered, then read on until the peer closes it, since closing a
 * socket with unread bytes may take the answer away from the peer. */
struct client {
    uv_poll_t poll;
    struct list link;
    struct test_port *port;
    struct timer limit;
    int fd;
    http_parser parser;
    size_t taken_bytes;
    char url[URL_BYTES];
    size_t url_bytes;
    bool is_url_whole;
    bool is_answered;
};

/* --- What the port does --- */

/* An answer: a status and a sentence. */
struct answer {
    unsigned status;
    char text[BODY_BYTES];
};

__attribute__((format(printf, 3, 4))) static void answer_set(struct answer *answer, unsigned status,
                                                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    answer->status = status;
    (void)vsnprintf(answer->text, sizeof answer->text, format, arguments);
    va_end(arguments);
}

static void block(struct test_port *port, bool blocked, struct answer *answer)
{
    if (blocked != port->is_blocked) {
        port->is_blocked = blocked;
        port->config.block(port->config.owner, blocked);
        log_write(port->config.log, LOG_WARN,
                  blocked ? "test faults: the service port is blocked"
                          : "test faults: the service port is no longer blocked",
                  NULL, 0);
    }
    answer_set(answer, 200, "the service port is %s", blocked ? "blocked" : "open");
}

static void simulate(struct test_port *port, struct bytes query, struct answer *answer)
{
    struct simulate_order order;
    char error[SIMULATE_ERROR_BYTES];
    if (!simulate_parse(query, &order, error) ||
        !simulation_change(port->config.simulation, &order, clock_now_ns(), error)) {
        answer_set(answer, 400, "%s", error);
        return;
    }
    const struct log_field fields[] = {
        log_number("workers", (int64_t)order.workers),
        log_text("time", order.time_text),
        log_number("seed", (int64_t)order.seed),
        log_text("log", order.log_path),
    };
    if (order.workers == 0) {
        log_write(port->config.log, LOG_WARN, "test faults: no simulation any more", NULL, 0);
        answer_set(answer, 200, "calls are served as they come");
    } else {
        log_write(port->config.log, LOG_WARN, "test faults: calls are served by a simulation", fields, 4);
        answer_set(answer, 200, "calls are served by a simulation: workers %zu, time %.200s, seed %llu",
                   order.workers, order.time_text, (unsigned long long)order.seed);
    }
}

static void answer_request(struct client *client, struct answer *answer)
{
    struct test_port *port = client->port;
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (client->parser.method != HTTP_GET && client->parser.method != HTTP_POST) {
        answer_set(answer, 405, "this port takes GET and POST");
        return;
    }
    if (http_parser_parse_url(client->url, client->url_bytes, 0, &url) != 0) {
        answer_set(answer, 400, "the URL is none");
        return;
    }
    struct bytes path = bytes_make(client->url + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len);
    struct bytes query = bytes_make(client->url + url.field_data[UF_QUERY].off, url.field_data[UF_QUERY].len);
    if (bytes_equal(path, bytes_of("/block")))
        block(port, true, answer);
    else if (bytes_equal(path, bytes_of("/unblock")))
        block(port, false, answer);
    else if (bytes_equal(path, bytes_of("/simulate")))
        simulate(port, query, answer);
    else
        answer_set(answer, 404, "this port knows /block, /unblock and /simulate");
}

/* --- Connections --- */

static void on_freed(uv_handle_t *handle)
{
    free(handle->data);
}

static void client_close(struct client *client)
{
    net_loop_disarm(client->port->config.loop, &client->limit);
    list_remove(&client->link);
    client->port->clients_count--;
    uv_close((uv_handle_t *)&client->poll, on_freed);
    (void)close(client->fd);
}

static void on_limit(struct timer *timer)
{
    client_close(list_entry(timer, struct client, limit));
}

/* Sends an answer, which is small enough for an empty socket to take it whole. */
static void client_answer(struct client *client, const struct answer *answer)
{
    char text[2 * BODY_BYTES];
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n%s\n",
                        answer->status, http_status_str((enum http_status)answer->status),
                        strlen(answer->text) + 1, answer->text);
    client->is_answered = true;
    (void)send(client->fd, text, (size_t)size, MSG_NOSIGNAL);
    (void)shutdown(client->fd, SHUT_WR);
}

static int on_url(http_parser *parser, const char *at, size_t size)
{
    struct client *client = parser->data;
    if (size > URL_BYTES - client->url_bytes)
        return 1;
    memcpy(client->url + client->url_bytes, at, size);
    client->url_bytes += size;
    return 0;
}

static int on_whole(http_parser *parser)
{
    struct client *client = parser->data;
    struct answer answer;
    answer_request(client, &answer);
    client_answer(client, &answer);
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings parser_settings = {.on_url = on_url, .on_message_complete = on_whole};

static void client_take(struct client *client, const char *data, size_t size)
{
    if (client->is_answered)
        return;
    client->taken_bytes += size;
    size_t parsed = http_parser_execute(&client->parser, &parser_settings, data, size);
    if (client->is_answered)
        return;
    struct answer answer;
    if (client->taken_bytes > REQUEST_BYTES)
        answer_set(&answer, 413, "the request is too large");
    else if (HTTP_PARSER_ERRNO(&client->parser) == HPE_CB_url)
        answer_set(&answer, 414, "the URL is too long");
    else if (parsed != size || client->parser.upgrade)
        answer_set(&answer, 400, "this is no request that this port reads: %s",
                   http_errno_description(HTTP_PARSER_ERRNO(&client->parser)));
    else
        return;
    client_answer(client, &answer);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    char data[4096];
    (void)events;
    ssize_t size = status == 0 ? recv(client->fd, data, sizeof data, 0) : 0;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0)
        client_close(client);
    else
        client_take(client, data, (size_t)size);
}

static void on_accepted(void *owner, int fd)
{
    struct test_port *port = owner;
    struct client *client = port->clients_count < CLIENTS_MAX ? calloc(1, sizeof *client) : NULL;
    if (client == NULL || uv_poll_init(&port->config.loop->uv, &client->poll, fd) != 0) {
        free(client);
        (void)close(fd);
        return;
    }
    client->fd = fd;
    client->port = port;
    client->poll.data = client;
    list_push_back(&port->clients, &client->link);
    port->clients_count++;
    http_parser_init(&client->parser, HTTP_REQUEST);
    client->parser.data = client;
    timer_init(&client->limit, on_limit);
    (void)uv_poll_start(&client->poll, UV_READABLE, on_readable);
    (void)net_loop_arm(port->config.loop, &client->limit, clock_add(clock_now_ns(), CLIENT_LIFE_NS));
}

/* --- The port --- */

struct test_port *test_port_open(const struct test_port_config *config, char error[SERVER_ERROR_BYTES])
{
    union address address;
    struct test_port *port = calloc(1, sizeof *port);
    if (port == NULL) {
        (void)snprintf(error, SERVER_ERROR_BYTES, "there is no memory for the test port");
        return NULL;
    }
    port->config = *config;
    list_init(&port->clients);
    if (address_parse("test-faults-listen", config->listen, config->trusted_network, &address, error) &&
        address_listen("test-faults-listen", config->listen, &address, &port->listener, config->loop,
                       on_accepted, port, error))
        return port;
    free(port);
    return NULL;
}

void test_port_announce(const struct test_port *port)
{
    char host[ADDRESS_HOST_BYTES];
    address_host(port->config.listen, host);
    const struct log_field fields[] = {
        log_text("address", host),
        log_number("port", net_listener_port(&port->listener)),
        log_text("meaning", "whoever calls can have calls fail, wait or hang: never in production"),
    };
    log_write(port->config.log, LOG_WARN, "test faults are on", fields, 3);
}

void test_port_close(struct test_port *port)
{
    struct answer ignored;
    if (port == NULL || port->is_closed)
        return;
    port->is_closed = true;
    if (port->is_blocked)
        block(port, false, &ignored);
    while (!list_empty(&port->clients))
        client_close(list_entry(port->clients.next, struct client, link));
    net_listener_close(&port->listener);
}

void test_port_free(struct test_port *port)
{
    free(port);
}
