/* A channel: a connection to the server that comes back when it is lost. Keepalive notices one that has died
 * silently; a server that asks to be left keeps the calls it has while a new connection takes the others. */
#include "base/clock.h"
#include "client/client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_NS      ((int64_t)20 * CLOCK_NS_PER_MS)
#define RETRY_LIMIT_NS      ((int64_t)500 * CLOCK_NS_PER_MS)
#define CLIENT_HEADER_BYTES 65536
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

static void keepalive_arm(struct channel *channel, int64_t from_ns, uint32_t wait_ms)
{
    if (channel->client->configuration.keepalive_interval_ms > 0)
        (void)net_loop_arm(&channel->client->loop, &channel->keepalive,
                           clock_add(from_ns, (int64_t)wait_ms * CLOCK_NS_PER_MS));
}

static void on_keepalive(struct timer *timer)
{
    struct channel *channel = list_entry(timer, struct channel, keepalive);
    const mayfly_configuration *configuration = &channel->client->configuration;
    int64_t now_ns = channel->client->loop.now_ns;
    int64_t quiet_ns = now_ns - channel->heard_ns;
    if (channel->ping_sent && quiet_ns >= (int64_t)configuration->keepalive_timeout_ms * CLOCK_NS_PER_MS) {
        net_connection_close(channel->net, "the server does not answer keepalive pings");
    } else if (quiet_ns < (int64_t)configuration->keepalive_interval_ms * CLOCK_NS_PER_MS) {
        channel->ping_sent = false;
        keepalive_arm(channel, channel->heard_ns, configuration->keepalive_interval_ms);
    } else {
        channel->ping_sent = h2_ping(channel->net->h2);
        net_connection_flush_later(channel->net);
        keepalive_arm(channel, now_ns, configuration->keepalive_timeout_ms);
    }
}

/* --- What a connection tells --- */

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
        channel->failures = 0;
        channel->client->connect_problem[0] = '\0';
        count_ready(channel->client);
    }
    client_pump(channel->client);
}

static void on_draining(void *owner)
{
    struct channel *channel = owner;
    struct mayfly_client *client = channel->client;
    if (channel->state == CHANNEL_LEAVING)
        return;
    channel->state = CHANNEL_LEAVING;
    list_remove(&channel->link);
    list_push_back(&client->leaving, &channel->link);
    if (!client->closing)
        (void)client_channel_open(client);
    count_ready(client);
}

static void on_received(void *owner)
{
    struct channel *channel = owner;
    struct mayfly_client *client = channel->client;
    channel->heard_ns = client->loop.now_ns;
    client_pump(client); /* calls that ended left room */
    if (channel->state == CHANNEL_LEAVING && channel->streams == 0)
        net_connection_close(channel->net, "");
}

static const struct h2_events call_events = {
    .message = on_message,
    .closed = on_call_closed,
    .settings = on_settings,
    .draining = on_draining,
};

/* --- Connecting --- */

static void channel_free(struct channel *channel)
{
    struct mayfly_client *client = channel->client;
    net_loop_disarm(&client->loop, &channel->retry);
    net_loop_disarm(&client->loop, &channel->keepalive);
    list_remove(&channel->link);
    free(channel);
}

static bool any_hope(const struct mayfly_client *client)
{
    for (struct list *at = client->channels.next; at != &client->channels; at = at->next)
        if (list_entry(at, struct channel, link)->state != CHANNEL_WAITING)
            return true;
    return false;
}

/* Waits before the next try: none after a connection that had worked, then doubling, with jitter so that many
 * clients do not come back in step. Calls wait for the first try; when it fails, they fail. */
static void channel_lost(struct channel *channel, const char *why)
{
    struct mayfly_client *client = channel->client;
    bool had_worked = channel->state == CHANNEL_READY;
    net_loop_disarm(&client->loop, &channel->keepalive);
    channel->net = NULL;
    channel->ping_sent = false;
    if (client->closing || channel->state == CHANNEL_LEAVING) {
        channel_free(channel);
        return;
    }
    if (had_worked) {
        channel->state = CHANNEL_CONNECTING;
        (void)net_loop_arm(&client->loop, &channel->retry, clock_now_ns());
    } else {
        (void)snprintf(client->connect_problem, sizeof client->connect_problem, "%s", why);
        unsigned doublings = channel->failures < 8 ? channel->failures : 8;
        int64_t wait_ns = RETRY_FIRST_NS << doublings;
        if (wait_ns > RETRY_LIMIT_NS)
            wait_ns = RETRY_LIMIT_NS;
        uint64_t dice = (uint64_t)clock_now_ns() * UINT64_C(0x9e3779b97f4a7c15) + (uintptr_t)channel;
        wait_ns -= (int64_t)((dice >> 40) % (uint64_t)(wait_ns / 2));
        channel->failures++;
        channel->state = CHANNEL_WAITING;
        (void)net_loop_arm(&client->loop, &channel->retry, clock_add(clock_now_ns(), wait_ns));
    }
    count_ready(client);
    if (!any_hope(client))
        client_fail_backlog(client, "there is no connection to the server");
    client_pump(client);
}

static void on_closed(void *owner, const char *why, bool broken)
{
    (void)broken;
    channel_lost(owner, why[0] != '\0' ? why : "the server closed the connection");
}

static void on_connected(void *owner)
{
    struct channel *channel = owner;
    channel->heard_ns = clock_now_ns();
    keepalive_arm(channel, channel->heard_ns, channel->client->configuration.keepalive_interval_ms);
}

static const struct net_connection_events connection_events = {
    .connected = on_connected,
    .received = on_received,
    .closed = on_closed,
};

static void channel_connect_to(struct channel *channel, const struct sockaddr *address)
{
    struct mayfly_client *client = channel->client;
    struct h2_config config = {
        .role = H2_CLIENT,
        .methods = client->methods,
        .events = &call_events,
        .owner = channel,
        .limits = h2_default_limits,
        .authority = client->authority,
    };
    config.limits.message_bytes = client->configuration.max_message_bytes;
    config.limits.header_bytes = CLIENT_HEADER_BYTES;
    config.limits.buffered_bytes = CLIENT_BUFFERED_MAX;
    channel->net = net_connection_connect(&client->loop, address, &h2_engine_nghttp2, &config,
                                          &connection_events, channel, STALL_LIMIT_NS);
    if (channel->net == NULL)
        channel_lost(channel, "memory or file descriptors are out");
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *addresses)
{
    struct channel *channel = resolve->data;
    channel->resolving = false;
    if (channel->client->closing) {
        channel_free(channel);
    } else if (status != 0 || addresses == NULL) {
        channel_lost(channel, status != 0 ? uv_strerror(status) : "the name has no address");
    } else {
        /* Another address each time one failed. */
        unsigned count = 0;
        for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next)
            count++;
        unsigned wanted = channel->failures % count;
        const struct addrinfo *chosen = addresses;
        while (wanted-- > 0)
            chosen = chosen->ai_next;
        channel_connect_to(channel, chosen->ai_addr);
    }
    uv_freeaddrinfo(addresses);
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
    channel->resolving =
        uv_getaddrinfo(&client->loop.uv, &channel->resolve, on_resolved, client->host, port, &hints) == 0;
    if (!channel->resolving)
        channel_lost(channel, "the name cannot be resolved");
}

static void on_retry(struct timer *timer)
{
    channel_connect(list_entry(timer, struct channel, retry));
}

struct channel *client_channel_open(struct mayfly_client *client)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->client = client;
    channel->state = CHANNEL_CONNECTING;
    timer_init(&channel->retry, on_retry);
    timer_init(&channel->keepalive, on_keepalive);
    list_push_back(&client->channels, &channel->link);
    (void)net_loop_arm(&client->loop, &channel->retry, clock_now_ns());
    return channel;
}

struct channel *client_channel_choose(struct mayfly_client *client)
{
    struct channel *best = NULL;
    for (struct list *at = client->channels.next; at != &client->channels; at = at->next) {
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
    close_all(&client->leaving);
}

bool client_channels_closed(const struct mayfly_client *client)
{
    return list_empty(&client->channels) && list_empty(&client->leaving);
}
