/* Topics under load, mayfly's or Redis's with the same counts: one publisher, some topics, some subscribers to
 * each. The loop is closed: at most WINDOW published messages are on their way to all of their subscribers, so that
 * nobody falls behind and both servers do the same work. Latency is from the start of the publishing call to the
 * delivery at one subscriber, all on this process's clock.
 *
 *     pubsub mayfly|redis HOST PORT TOPICS SUBSCRIBERS_A_TOPIC WINDOW SECONDS
 *
 * Prints one line of JSON. */
#include "base/clock.h"
#include "base/histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <mayfly/mayfly.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW_MAX    1024
#define PAYLOAD_BYTES 100
#define NAME_BYTES                                                                                           \
    16 /* "topic:", four digits, and five that are this run's: subscribers get a topic's newest item first */
#define TOPICS_MAX        10000
#define CACHE             "bench"
#define WARMUP_NS         CLOCK_NS_PER_S / 2
#define REDIS_INPUT_BYTES 65536
#define EVENTS            256

/* A published message that is not yet with all subscribers. */
struct message {
    int64_t published_ns;
    uint64_t left; /* deliveries yet to come */
};

struct load {
    unsigned topics;
    unsigned subscribers; /* of each topic */
    unsigned window;
    int64_t end_ns;
    int64_t measured_from_ns;
    struct message messages[WINDOW_MAX]; /* message N at N modulo the window */
    uint64_t published;
    uint64_t completed;
    uint64_t deliveries; /* measured */
    struct histogram latency_ns;
    void (*publish)(struct load *load, const char *topic, const uint8_t payload[PAYLOAD_BYTES]);
    void *peer;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "pubsub: %s\n", what);
    exit(1);
}

static void topic_name(char name[NAME_BYTES + 1], unsigned number)
{
    (void)snprintf(name, NAME_BYTES + 1, "topic:%04u:%05u", number % TOPICS_MAX, (unsigned)getpid() % 100000);
}

/* Publishes while the next message's place in the window is free. */
static void load_publish(struct load *load)
{
    while (load->published < load->completed + load->window &&
           load->messages[load->published % load->window].left == 0 && clock_now_ns() < load->end_ns) {
        char name[NAME_BYTES + 1];
        uint8_t payload[PAYLOAD_BYTES] = {0};
        topic_name(name, (unsigned)(load->published % load->topics));
        memcpy(payload, &load->published, sizeof load->published);
        load->messages[load->published % load->window] =
            (struct message){.published_ns = clock_now_ns(), .left = load->subscribers};
        load->published++;
        load->publish(load, name, payload);
    }
}

static void load_delivered(struct load *load, const uint8_t payload[PAYLOAD_BYTES])
{
    uint64_t number;
    memcpy(&number, payload, sizeof number);
    struct message *message = &load->messages[number % load->window];
    int64_t now_ns = clock_now_ns();
    if (message->left == 0)
        fail("a message came more often than it has subscribers");
    if (now_ns >= load->measured_from_ns && now_ns < load->end_ns) {
        histogram_record(&load->latency_ns, (uint64_t)(now_ns - message->published_ns));
        load->deliveries++;
    }
    if (--message->left == 0)
        load->completed++;
}

static bool load_is_done(const struct load *load)
{
    return load->completed == load->published && clock_now_ns() >= load->end_ns;
}

static void load_begin(struct load *load, int64_t seconds)
{
    load->measured_from_ns = clock_now_ns() + WARMUP_NS;
    load->end_ns = load->measured_from_ns + seconds * CLOCK_NS_PER_S;
    load_publish(load);
}

/* --- Redis: a connection a subscriber and one for the publisher. All messages have one size. --- */

struct redis_connection {
    int fd;
    bool publishes;
    size_t input_size;
    uint8_t input[REDIS_INPUT_BYTES];
};

struct redis {
    int epoll;
    struct redis_connection *connections; /* the publisher's last */
    size_t count;
};

static int redis_connect(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("Redis cannot be reached");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("Redis took no more");
        at += sent;
        size -= (size_t)sent;
    }
}

static void redis_publish(struct load *load, const char *topic, const uint8_t payload[PAYLOAD_BYTES])
{
    struct redis *redis = load->peer;
    char command[256];
    int head = snprintf(command, sizeof command, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n", NAME_BYTES,
                        topic, PAYLOAD_BYTES);
    memcpy(command + head, payload, PAYLOAD_BYTES);
    memcpy(command + head + PAYLOAD_BYTES, "\r\n", 2);
    send_all(redis->connections[redis->count - 1].fd, command, (size_t)head + PAYLOAD_BYTES + 2);
}

/* The message that SUBSCRIBE is answered with, and then one for each message: what lies before the payload. */
static size_t redis_head_bytes(void)
{
    return strlen("*3\r\n$7\r\nmessage\r\n$16\r\n") + NAME_BYTES + strlen("\r\n$100\r\n");
}

static void redis_take_input(struct load *load, struct redis_connection *connection)
{
    ssize_t got = recv(connection->fd, connection->input + connection->input_size,
                       sizeof connection->input - connection->input_size, 0);
    if (got <= 0)
        fail("Redis closed a connection");
    if (connection->publishes)
        return; /* how many subscribers each message had: known */
    connection->input_size += (size_t)got;
    size_t message_bytes = redis_head_bytes() + PAYLOAD_BYTES + 2;
    size_t at = 0;
    for (; connection->input_size - at >= message_bytes; at += message_bytes)
        load_delivered(load, connection->input + at + redis_head_bytes());
    memmove(connection->input, connection->input + at, connection->input_size - at);
    connection->input_size -= at;
}

static void redis_subscribe(struct redis_connection *connection, unsigned topic)
{
    char name[NAME_BYTES + 1];
    char text[128];
    topic_name(name, topic);
    int size = snprintf(text, sizeof text, "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", NAME_BYTES, name);
    send_all(connection->fd, text, (size_t)size);
    size_t answer =
        (size_t)snprintf(text, sizeof text, "*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", NAME_BYTES, name);
    if (recv(connection->fd, text, answer, MSG_WAITALL) != (ssize_t)answer)
        fail("Redis did not subscribe");
}

static void redis_run(struct load *load, const char *host, uint16_t port, int64_t seconds)
{
    size_t subscribers = (size_t)load->topics * load->subscribers;
    struct redis redis = {.epoll = epoll_create1(0), .count = subscribers + 1};
    redis.connections = calloc(redis.count, sizeof *redis.connections);
    if (redis.epoll < 0 || redis.connections == NULL)
        fail("memory is out");
    for (size_t i = 0; i < redis.count; i++) {
        struct redis_connection *connection = &redis.connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = redis_connect(host, port);
        connection->publishes = i == subscribers;
        if (!connection->publishes)
            redis_subscribe(connection, (unsigned)(i % load->topics));
        (void)epoll_ctl(redis.epoll, EPOLL_CTL_ADD, connection->fd, &event);
    }
    load->peer = &redis;
    load->publish = redis_publish;
    load_begin(load, seconds);
    while (!load_is_done(load)) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(redis.epoll, events, EVENTS, 100);
        for (int i = 0; i < count; i++)
            redis_take_input(load, events[i].data.ptr);
        load_publish(load);
    }
    for (size_t i = 0; i < redis.count; i++)
        (void)close(redis.connections[i].fd);
    (void)close(redis.epoll);
    free(redis.connections);
}

/* --- mayfly: one client, a subscription a subscriber, the publisher's calls on it too --- */

struct mayfly_peer {
    struct load *load;
    mayfly_client *client;
    size_t subscribed;
};

static void on_event(void *context, const mayfly_topic_event *event)
{
    struct mayfly_peer *peer = context;
    switch (event->kind) {
    case MAYFLY_TOPIC_SUBSCRIBED:
        peer->subscribed++;
        return;
    case MAYFLY_TOPIC_ITEM:
        load_delivered(peer->load, event->value.data);
        return;
    case MAYFLY_TOPIC_HEARTBEAT:
        return;
    case MAYFLY_TOPIC_DISCONTINUITY:
        fail("a subscriber missed messages");
        return;
    case MAYFLY_TOPIC_RECONNECTING:
    case MAYFLY_TOPIC_ENDED:
        if (event->status != MAYFLY_CANCELLED)
            fail(event->message);
        return;
    }
}

static void on_published(void *context, const mayfly_reply *reply)
{
    (void)context;
    if (reply->status != MAYFLY_OK && reply->status != MAYFLY_CANCELLED)
        fail(reply->message);
}

static void mayfly_publish(struct load *load, const char *topic, const uint8_t payload[PAYLOAD_BYTES])
{
    struct mayfly_peer *peer = load->peer;
    mayfly_request request =
        mayfly_publish_binary(CACHE, mayfly_text(topic), (mayfly_bytes){payload, PAYLOAD_BYTES});
    if (mayfly_start(peer->client, &request, on_published, NULL, NULL) != MAYFLY_OK)
        fail("a message could not be published");
}

static void mayfly_run(struct load *load, const char *host, uint16_t port, int64_t seconds)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_credentials credentials = mayfly_credentials_local(host, port);
    struct mayfly_peer peer = {.load = load};
    mayfly_error error;
    configuration.connect_timeout_ms = 5000;
    configuration.max_in_flight = load->window;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &peer.client, &error) !=
        MAYFLY_OK)
        fail(error.message);
    size_t subscribers = (size_t)load->topics * load->subscribers;
    for (size_t i = 0; i < subscribers; i++) {
        char name[NAME_BYTES + 1];
        mayfly_subscription *subscription;
        topic_name(name, (unsigned)(i % load->topics));
        mayfly_topic_options options = {.cache = CACHE, .topic = mayfly_text(name)};
        if (mayfly_subscribe(peer.client, &options, on_event, &peer, &subscription, &error) != MAYFLY_OK)
            fail(error.message);
    }
    while (peer.subscribed < subscribers)
        (void)mayfly_client_step(peer.client, true);
    load->peer = &peer;
    load->publish = mayfly_publish;
    load_begin(load, seconds);
    while (!load_is_done(load)) {
        (void)mayfly_client_step(peer.client, load->published > load->completed);
        load_publish(load);
    }
    mayfly_client_close(peer.client);
}

int main(int argc, char **argv)
{
    if (argc != 8)
        fail("takes mayfly|redis HOST PORT TOPICS SUBSCRIBERS_A_TOPIC WINDOW SECONDS");
    static struct load load;
    uint16_t port = (uint16_t)strtoul(argv[3], NULL, 10);
    load.topics = (unsigned)strtoul(argv[4], NULL, 10);
    load.subscribers = (unsigned)strtoul(argv[5], NULL, 10);
    load.window = (unsigned)strtoul(argv[6], NULL, 10);
    int64_t seconds = strtol(argv[7], NULL, 10);
    if (load.topics == 0 || load.topics > TOPICS_MAX || load.subscribers == 0 || load.window == 0 ||
        load.window > WINDOW_MAX || seconds <= 0)
        fail("a count is out of range");
    bool is_redis = strcmp(argv[1], "redis") == 0;
    (is_redis ? redis_run : mayfly_run)(&load, argv[2], port, seconds);
    (void)printf("{\"messages\": %" PRIu64
                 ", \"deliveries_per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
                 load.completed, (double)load.deliveries / (double)seconds,
                 (double)histogram_quantile(&load.latency_ns, 0.5) / 1000,
                 (double)histogram_quantile(&load.latency_ns, 0.99) / 1000);
    return 0;
}
