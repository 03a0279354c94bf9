/* A channel: a connection to the server that comes back when it is lost. Keepalive notices one that has died
 * silently; a server that asks to be left keeps the calls it has while a new connection takes the others.
 *
 *     WAITING ──> CONNECTING ──> READY ──> LEAVING
 *        ^            │ ^          │
 *        └────────────┘ └──────────┘
 */
#include "base/clock.h"
#include "client/client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_NS      ((int64_t)20 * CLOCK_NS_PER_MS)
#define RETRY_LIMIT_NS      ((int64_t)500 * CLOCK_NS_PER_MS)
#define CONNECT_LIMIT_NS    ((int64_t)5 * CLOCK_NS_PER_S) /* two lost SYNs, at one address */
#define STEADY_NS           ((int64_t)1 * CLOCK_NS_PER_S) /* a connection that lived so long was a good one */
#define CLIENT_HEADER_BYTES 65536
#define TOPIC_INTERVAL_MS   5000 /* keepalive of subscriptions, which wait for ever */
#define TOPIC_TIMEOUT_MS    1000
#define STALL_LIMIT_NS      ((int64_t)30 * CLOCK_NS_PER_S)
#define CLIENT_BUFFERED_MAX ((size_t)1 << 30)

static void channel_connect(struct channel *channel);

static void count_ready(struct mayfly_client *client)
{
    uint32_t ready = 0;
    for (struct list *at = client->channels.next; at != &client->channels; at = at->next)
        ready += list_entry(at, struct channel, link)->state == CHANNEL_READY;
    atomic_store(&client->ready_channels, ready);
}

/* --- Keepalive --- */

static bool is_for_topics(const struct channel *channel)
{
    return channel->set == &channel->client->topic_channels;
}

struct keepalive {
    uint32_t interval_ms; /* 0: none */
    uint32_t timeout_ms;
};

/* What the configuration says. A call without keepalive has its deadline; a subscription would hear of a dead
 * connection never, so its own is not to be done without. */
static struct keepalive keepalive_of(const struct channel *channel)
{
    const mayfly_configuration *configuration = &channel->client->configuration;
    if (configuration->keepalive_interval_ms == 0 && is_for_topics(channel))
        return (struct keepalive){TOPIC_INTERVAL_MS, TOPIC_TIMEOUT_MS};
    return (struct keepalive){configuration->keepalive_interval_ms, configuration->keepalive_timeout_ms};
}

static void keepalive_arm(struct channel *channel, int64_t from_ns, uint32_t wait_ms)
{
    if (wait_ms > 0)
        (void)net_loop_arm(&channel->client->loop, &channel->keepalive,
                           clock_add(from_ns, (int64_t)wait_ms * CLOCK_NS_PER_MS));
}

static void on_keepalive(struct timer *timer)
{
    struct channel *channel = list_entry(timer, struct channel, keepalive);
    const struct keepalive keepalive = keepalive_of(channel);
    int64_t now_ns = channel->client->loop.now_ns;
    int64_t interval_ns = (int64_t)keepalive.interval_ms * CLOCK_NS_PER_MS;
    if (channel->pinged_ns > channel->heard_ns) {
        net_connection_close(channel->net, "the server does not answer keepalive pings");
    } else if (now_ns - channel->heard_ns < interval_ns) {
        keepalive_arm(channel, channel->heard_ns, keepalive.interval_ms);
    } else {
        if (h2_ping(channel->net->h2))
            channel->pinged_ns = now_ns;
        net_connection_flush_later(channel->net);
        keepalive_arm(channel, now_ns, keepalive.timeout_ms);
    }
}

/* --- Leaving --- */

static bool is_steady(const struct channel *channel)
{
    return channel->state == CHANNEL_READY && clock_now_ns() - channel->ready_ns >= STEADY_NS;
}

void client_channel_leave(struct channel *channel)
{
    struct mayfly_client *client = channel->client;
    if (channel->state == CHANNEL_LEAVING)
        return;
    unsigned tries = is_steady(channel) ? 0 : channel->tries;
    channel->state = CHANNEL_LEAVING;
    list_remove(&channel->link);
    list_push_back(&client->leaving, &channel->link);
    if (!client->closing && channel->set == &client->channels)
        (void)client_channel_open(client, channel->set, tries);
    count_ready(client);
    h2_drain(channel->net->h2); /* so that the connection ends with its last call */
    net_connection_flush_later(channel->net);
}

/* --- What a connection tells --- */

/* What waits may have found room. */
static void channel_pump(const struct channel *channel)
{
    if (is_for_topics(channel))
        client_topics_pump(channel->client);
    else
        client_pump(channel->client);
}

static void on_message(void *owner, struct h2_call *call, struct bytes message)
{
    (void)owner;
    client_call_message(call->user, message);
}

static void on_call_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)owner;
    client_call_closed(call->user, outcome);
}

static void on_settings(void *owner)
{
    struct channel *channel = owner;
    if (channel->state == CHANNEL_CONNECTING) {
        channel->state = CHANNEL_READY;
        channel->ready_ns = channel->client->loop.now_ns;
        net_loop_disarm(&channel->client->loop, &channel->retry);
        count_ready(channel->client);
    }
    channel_pump(channel);
    if (is_for_topics(channel) && !client_topics_wanted(channel->client))
        client_channel_leave(channel);
}

static void on_draining(void *owner)
{
    client_channel_leave(owner);
}

static const struct h2_events call_events = {
    .message = on_message,
    .closed = on_call_closed,
    .settings = on_settings,
    .draining = on_draining,
};

static void on_topic_message(void *owner, struct h2_call *call, struct bytes message)
{
    (void)owner;
    client_topic_message(call->user, message);
}

static void on_topic_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)owner;
    client_topic_closed(call->user, outcome);
}

static const struct h2_events topic_events = {
    .message = on_topic_message,
    .closed = on_topic_closed,
    .settings = on_settings,
    .draining = on_draining,
};

static void on_connected(void *owner)
{
    struct channel *channel = owner;
    channel->heard_ns = clock_now_ns();
    channel->pinged_ns = 0;
    keepalive_arm(channel, channel->heard_ns, keepalive_of(channel).interval_ms);
}

static void on_received(void *owner)
{
    struct channel *channel = owner;
    channel->heard_ns = channel->client->loop.now_ns;
    channel_pump(channel); /* calls that ended left room */
}

static void on_flushed(void *owner)
{
    channel_pump(owner); /* so did calls that were reset */
}

static void channel_lost(struct channel *channel, const char *why);

static void on_closed(void *owner, const char *why, bool broken)
{
    (void)broken;
    channel_lost(owner, why[0] != '\0' ? why : "the server closed the connection");
}

static const struct net_connection_events connection_events = {
    .connected = on_connected,
    .received = on_received,
    .flushed = on_flushed,
    .closed = on_closed,
};

/* --- Losing a connection --- */

static void channel_free(struct channel *channel)
{
    net_loop_disarm(&channel->client->loop, &channel->retry);
    net_loop_disarm(&channel->client->loop, &channel->keepalive);
    list_remove(&channel->link);
    uv_freeaddrinfo(channel->addresses);
    free(channel);
}

static bool any_hope(const struct mayfly_client *client)
{
    for (struct list *at = client->channels.next; at != &client->channels; at = at->next)
        if (list_entry(at, struct channel, link)->state != CHANNEL_WAITING)
            return true;
    return false;
}

int64_t client_backoff_ns(unsigned tries, const void *salt)
{
    int64_t wait_ns = RETRY_FIRST_NS << (tries < 8 ? tries - 1 : 7);
    if (wait_ns > RETRY_LIMIT_NS)
        wait_ns = RETRY_LIMIT_NS;
    uint64_t dice = (uint64_t)clock_now_ns() * UINT64_C(0x9e3779b97f4a7c15) + (uintptr_t)salt;
    return wait_ns - (int64_t)((dice >> 40) % (uint64_t)(wait_ns / 2));
}

/* Has the channel connect: the first time at once, then after a wait that doubles until a connection
 * lasts. */
static void channel_connect_later(struct channel *channel)
{
    int64_t wait_ns = channel->tries > 0 ? client_backoff_ns(channel->tries, channel) : 0;
    channel->state = channel->tries > 0 ? CHANNEL_WAITING : CHANNEL_CONNECTING;
    channel->tries++;
    (void)net_loop_arm(&channel->client->loop, &channel->retry, clock_add(clock_now_ns(), wait_ns));
}

/* Calls wait for a try to connect; when it fails, and no other channel is on its way, they fail. */
static void channel_failed(struct channel *channel, const char *why)
{
    struct mayfly_client *client = channel->client;
    bool had_worked = channel->state == CHANNEL_READY;
    if (is_steady(channel))
        channel->tries = 0;
    (void)snprintf(client->connect_problem, sizeof client->connect_problem, "no connection to %s: %s",
                   client->authority, why);
    uv_freeaddrinfo(channel->addresses);
    channel->addresses = NULL;
    channel->next_address = NULL;
    channel_connect_later(channel);
    if (!had_worked && !is_for_topics(channel) && !any_hope(client))
        client_fail_backlog(client, client->connect_problem);
}

static void channel_connect_next(struct channel *channel);

static void channel_lost(struct channel *channel, const char *why)
{
    struct mayfly_client *client = channel->client;
    net_loop_disarm(&client->loop, &channel->keepalive);
    net_loop_disarm(&client->loop, &channel->retry);
    channel->net = NULL;
    bool is_idle = is_for_topics(channel) && !client_topics_wanted(client);
    if (client->closing || channel->state == CHANNEL_LEAVING || is_idle)
        channel_free(channel);
    else if (channel->state == CHANNEL_CONNECTING && channel->next_address != NULL)
        channel_connect_next(channel);
    else
        channel_failed(channel, why);
    count_ready(client);
    client_pump(client);
    client_topics_pump(client);
}

/* --- Connecting --- */

static void channel_connect_to(struct channel *channel, const struct sockaddr *address)
{
    struct mayfly_client *client = channel->client;
    struct h2_config config = {
        .role = H2_CLIENT,
        .methods = client->methods,
        .events = is_for_topics(channel) ? &topic_events : &call_events,
        .owner = channel,
        .limits = h2_default_limits,
        .authority = client->authority,
        .is_secure = client->tls != NULL,
    };
    config.limits.message_bytes = client->configuration.max_reply_bytes;
    config.limits.header_bytes = CLIENT_HEADER_BYTES;
    config.limits.buffered_bytes = CLIENT_BUFFERED_MAX;
    int error = 0;
    channel->calls = 0;
    channel->net = net_connection_connect(&client->loop, address, &h2_engine_nghttp2, &config,
                                          &connection_events, channel, STALL_LIMIT_NS, &error);
    if (channel->net == NULL) {
        channel_lost(channel, uv_strerror(error));
        return;
    }
    (void)net_loop_arm(&client->loop, &channel->retry, clock_add(clock_now_ns(), CONNECT_LIMIT_NS));
    if (client->tls != NULL) /* the last thing: it may close the connection */
        net_connection_secure(channel->net, client->tls,
                              client->tls_name != NULL ? client->tls_name : client->host);
}

static void channel_connect_next(struct channel *channel)
{
    const struct addrinfo *address = channel->next_address;
    channel->next_address = address->ai_next;
    channel_connect_to(channel, address->ai_addr);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *addresses)
{
    struct channel *channel = resolve->data;
    channel->resolving = false;
    channel->addresses = addresses;
    channel->next_address = addresses;
    if (channel->client->closing || addresses == NULL)
        channel_lost(channel, status != 0 ? uv_strerror(status) : "the name has no address");
    else
        channel_connect_next(channel);
}

static void channel_connect(struct channel *channel)
{
    struct mayfly_client *client = channel->client;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    channel->state = CHANNEL_CONNECTING;
    if (uv_ip4_addr(client->host, client->port, &address.v4) == 0 ||
        uv_ip6_addr(client->host, client->port, &address.v6) == 0) {
        channel_connect_to(channel, &address.any);
        return;
    }
    char port[8];
    (void)snprintf(port, sizeof port, "%u", client->port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    channel->resolve.data = channel;
    int error = uv_getaddrinfo(&client->loop.uv, &channel->resolve, on_resolved, client->host, port, &hints);
    channel->resolving = error == 0;
    if (error != 0)
        channel_lost(channel, uv_strerror(error));
}

/* It is time to connect, or the time to connect is over. */
static void on_retry(struct timer *timer)
{
    struct channel *channel = list_entry(timer, struct channel, retry);
    if (channel->net != NULL)
        net_connection_close(channel->net, channel->net->h2 != NULL ? "the peer accepts but says nothing"
                                                                    : "the address does not answer");
    else
        channel_connect(channel);
}

bool client_channel_open(struct mayfly_client *client, struct list *set, unsigned tries)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return false;
    channel->client = client;
    channel->set = set;
    channel->tries = tries;
    timer_init(&channel->retry, on_retry);
    timer_init(&channel->keepalive, on_keepalive);
    list_push_back(set, &channel->link);
    channel_connect_later(channel);
    return true;
}

struct channel *client_channel_choose(const struct list *set)
{
    struct channel *best = NULL;
    for (struct list *at = set->next; at != set; at = at->next) {
        struct channel *channel = list_entry(at, struct channel, link);
        if (channel->state == CHANNEL_READY && (best == NULL || channel->streams < best->streams) &&
            h2_capacity(channel->net->h2) > 0)
            best = channel;
    }
    return best;
}

static void close_all(struct list *channels)
{
    struct list *at = channels->next;
    while (at != channels) {
        struct channel *channel = list_entry(at, struct channel, link);
        at = at->next;
        if (channel->net != NULL)
            net_connection_close(channel->net, "the client was closed");
        else if (channel->resolving)
            (void)uv_cancel((uv_req_t *)&channel->resolve);
        else
            channel_free(channel);
    }
}

void client_channels_close(struct mayfly_client *client)
{
    close_all(&client->channels);
    close_all(&client->topic_channels);
    close_all(&client->leaving);
}

bool client_channels_closed(const struct mayfly_client *client)
{
    return list_empty(&client->channels) && list_empty(&client->topic_channels) &&
           list_empty(&client->leaving);
}
