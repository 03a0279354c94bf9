/* A channel: a connection of a route that comes back when it is lost. Keepalive notices one that has died silently,
 * and so does the first call that times out on it; a server that asks to be left keeps the calls it has
 * while a new connection takes the others.
 *
 *     WAITING ──> CONNECTING ──> READY ──> LEAVING
 *        ^            │ ^          │
 *        └────────────┘ └──────────┘
 */
#include "base/clock.h"
#include "client/client.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_NS       ((int64_t)20 * CLOCK_NS_PER_MS)
#define CONNECT_LIMIT_NS     ((int64_t)5 * CLOCK_NS_PER_S) /* two lost SYNs */
#define CONNECT_NEXT_NS      ((int64_t)1 * CLOCK_NS_PER_S) /* where there are more addresses to try */
#define CONNECT_SLOW_NS      ((int64_t)200 * CLOCK_NS_PER_MS)
#define STEADY_NS            ((int64_t)200 * CLOCK_NS_PER_MS) /* a connection that lived so long was a good one */
#define CLIENT_HEADER_BYTES  65536
#define TOPIC_INTERVAL_MS    5000 /* keepalive of subscriptions, which wait for ever */
#define KEEPALIVE_TIMEOUT_MS 1000 /* where none is set */
#define LATE_INTERVALS       3
#define STALL_LIMIT_NS       ((int64_t)30 * CLOCK_NS_PER_S)
#define CLIENT_BUFFERED_MAX  ((size_t)1 << 30)

static bool is_for_topics(const struct channel *channel)
{
    return channel->route == &channel->client->topics;
}

static uint32_t ready_in(const struct route *route)
{
    uint32_t ready = 0;
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next)
        ready += list_entry(at, struct channel, link)->state == CHANNEL_READY;
    return ready;
}

static void count_ready(struct mayfly_client *client)
{
    atomic_store(&client->ready_channels, ready_in(&client->data) + ready_in(&client->control));
}

/* --- Keepalive --- */

struct keepalive {
    uint32_t interval_ms; /* 0: none */
    uint32_t timeout_ms;
};

/* What the configuration says. A call without keepalive has its deadline; a subscription would hear of a dead
 * connection never, so its own is not to be done without. */
static struct keepalive keepalive_of(const struct channel *channel)
{
    const mayfly_configuration *configuration = &channel->client->configuration;
    struct keepalive keepalive = {configuration->keepalive_interval_ms, configuration->keepalive_timeout_ms};
    if (keepalive.interval_ms == 0)
        keepalive = (struct keepalive){is_for_topics(channel) ? TOPIC_INTERVAL_MS : 0, KEEPALIVE_TIMEOUT_MS};
    if (channel->route == &channel->client->control)
        keepalive.interval_ms = 0;
    return keepalive;
}

static void keepalive_arm(struct channel *channel, int64_t from_ns, uint32_t wait_ms)
{
    if (wait_ms > 0)
        (void)net_loop_arm(&channel->client->loop, &channel->keepalive,
                           clock_add(from_ns, (int64_t)wait_ms * CLOCK_NS_PER_MS));
}

/* Whether a ping is under way. */
static bool is_pinged(const struct channel *channel)
{
    return channel->pinged_ns > channel->heard_ns;
}

static void ping(struct channel *channel)
{
    int64_t now_ns = clock_now_ns();
    if (h2_ping(channel->net->h2))
        channel->pinged_ns = now_ns;
    net_connection_flush_later(channel->net);
    keepalive_arm(channel, now_ns, keepalive_of(channel).timeout_ms);
}

/* A client that is not driven between its calls comes late to its pings. By then a connection may be dead for long, so
 * no call is sent on it before it has answered. */
static void on_keepalive(struct timer *timer)
{
    struct channel *channel = list_entry(timer, struct channel, keepalive);
    int64_t interval_ns = (int64_t)keepalive_of(channel).interval_ms * CLOCK_NS_PER_MS;
    int64_t silent_ns = channel->client->loop.now_ns - channel->heard_ns;
    if (is_pinged(channel) || channel->is_suspect) {
        net_connection_close(channel->net, "the server does not answer keepalive pings");
    } else if (silent_ns < interval_ns) {
        keepalive_arm(channel, channel->heard_ns, keepalive_of(channel).interval_ms);
    } else if (interval_ns > 0) {
        channel->is_suspect = silent_ns > LATE_INTERVALS * interval_ns;
        ping(channel);
    }
}

void client_channel_suspect(struct channel *channel, int64_t sent_ns)
{
    if (channel->heard_ns >= sent_ns || channel->is_suspect || channel->net->closing)
        return;
    channel->is_suspect = true;
    if (!is_pinged(channel))
        ping(channel);
}

/* --- Leaving --- */

/* Whether the connection was of use, so that it may be replaced at once. */
static bool is_steady(const struct channel *channel)
{
    return channel->state == CHANNEL_READY &&
           (channel->has_served || clock_now_ns() - channel->ready_ns >= STEADY_NS);
}

static void channel_free(struct channel *channel)
{
    net_loop_disarm(&channel->client->loop, &channel->retry);
    net_loop_disarm(&channel->client->loop, &channel->keepalive);
    list_remove(&channel->link);
    list_remove(&channel->resolving);
    free(channel);
}

static void set_leaving(struct channel *channel)
{
    channel->state = CHANNEL_LEAVING;
    list_remove(&channel->link);
    list_push_back(&channel->client->leaving, &channel->link);
    count_ready(channel->client);
}

void client_channel_leave(struct channel *channel)
{
    unsigned tries = is_steady(channel) ? 0 : channel->tries;
    if (channel->state == CHANNEL_LEAVING)
        return;
    set_leaving(channel);
    if (is_for_topics(channel))
        client_topics_refill(channel->client, tries);
    else
        (void)client_route_fill(channel->route, tries);
    h2_drain(channel->net->h2); /* so that the connection ends with its last call */
    net_connection_flush_later(channel->net);
}

void client_channel_abandon(struct channel *channel)
{
    if (channel->net == NULL) {
        channel_free(channel);
        return;
    }
    set_leaving(channel);
    (void)net_loop_arm(&channel->client->loop, &channel->retry, clock_now_ns()); /* see on_retry */
}

/* --- What a connection tells --- */

/* What waits may have found room. */
static void channel_pump(const struct channel *channel)
{
    if (is_for_topics(channel))
        client_topics_pump(channel->client);
    else
        client_pump(channel->route);
}

static void channel_served(struct channel *channel)
{
    if (channel->has_served)
        return;
    channel->has_served = true;
    client_route_served(channel->route);
}

static void on_message(void *owner, struct h2_call *call, struct bytes message)
{
    channel_served(owner);
    client_call_message(call->user, message);
}

static void on_call_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)owner;
    client_call_closed(call->user, outcome);
}

static void channel_ready(struct channel *channel)
{
    struct mayfly_client *client = channel->client;
    channel->state = CHANNEL_READY;
    channel->was_ready = true;
    channel->is_slow = false;
    channel->ready_ns = client->loop.now_ns;
    net_loop_disarm(&client->loop, &channel->retry);
    client_count_one(&client->connects);
    count_ready(client);
    client_route_joined(channel->route);
}

static void on_settings(void *owner)
{
    struct channel *channel = owner;
    client_route_learns(channel);
    if (channel->state == CHANNEL_CONNECTING)
        channel_ready(channel);
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
    channel_served(owner);
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

/* It lives. */
static void channel_acquit(struct channel *channel)
{
    channel->is_suspect = false;
    if (channel->state == CHANNEL_READY)
        client_route_rejoined(channel);
}

static void on_received(void *owner)
{
    struct channel *channel = owner;
    channel->heard_ns = channel->client->loop.now_ns;
    if (channel->is_suspect)
        channel_acquit(channel);
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

int64_t client_backoff_ns(const struct mayfly_client *client, unsigned tries, const void *salt)
{
    int64_t limit_ns = (int64_t)client->configuration.reconnect_max_ms * CLOCK_NS_PER_MS;
    int64_t wait_ns = RETRY_FIRST_NS << (tries < 16 ? tries - 1 : 15);
    if (wait_ns > limit_ns)
        wait_ns = limit_ns;
    uint64_t dice = (uint64_t)clock_now_ns() * UINT64_C(0x9e3779b97f4a7c15) + (uintptr_t)salt;
    return wait_ns - (int64_t)((dice >> 40) % (uint64_t)(wait_ns / 2));
}

/* Has the channel connect: the first time at once, then after a wait that doubles until a connection
 * lasts. False when memory is out, and then nothing will. */
static bool channel_connect_later(struct channel *channel)
{
    int64_t wait_ns = channel->tries > 0 ? client_backoff_ns(channel->client, channel->tries, channel) : 0;
    channel->state = channel->tries > 0 ? CHANNEL_WAITING : CHANNEL_CONNECTING;
    channel->is_slow = false;
    channel->tries++;
    return net_loop_arm(&channel->client->loop, &channel->retry, clock_add(clock_now_ns(), wait_ns));
}

/* Whether nobody will miss the channel. */
static bool is_unneeded(const struct channel *channel)
{
    if (channel->client->closing || channel->state == CHANNEL_LEAVING)
        return true;
    return is_for_topics(channel) ? !client_topics_wanted(channel->client) : client_route_spares(channel);
}

static void channel_connect_next(struct channel *channel);

/* Forgets a connection; true if there had been one. */
static bool channel_disconnect(struct channel *channel)
{
    struct mayfly_client *client = channel->client;
    bool was_ready = channel->was_ready;
    net_loop_disarm(&client->loop, &channel->keepalive);
    net_loop_disarm(&client->loop, &channel->retry);
    if (was_ready)
        client_count_one(&client->disconnects);
    if (is_steady(channel))
        channel->tries = 0;
    channel->was_ready = channel->has_served = false;
    channel->is_suspect = false;
    channel->refused_ns = 0;
    channel->net = NULL;
    return was_ready;
}

static void route_pump(struct route *route)
{
    if (route->is_for_calls)
        client_pump(route);
    else
        client_topics_pump(route->client);
}

/* The connection is gone, or none has come about. Calls wait for a try to connect; when it fails, and no other
 * channel is on its way, they fail. */
static void channel_lost(struct channel *channel, const char *why)
{
    struct mayfly_client *client = channel->client;
    struct route *route = channel->route;
    bool was_left = channel->state == CHANNEL_LEAVING;
    bool is_untrusted = channel->net != NULL && channel->net->is_untrusted;
    bool was_ready = channel_disconnect(channel);
    if (!was_left)
        (void)snprintf(route->problem, sizeof route->problem, "no connection to %s: %s",
                       route->endpoint->authority, why);
    if (channel->state == CHANNEL_CONNECTING && channel->addresses_left > 0 && !client->closing) {
        channel_connect_next(channel);
        return;
    }
    if (!was_left)
        route->is_untrusted = is_untrusted;
    if (!was_ready && !was_left)
        route->endpoint->has_failed = true;
    if (is_unneeded(channel) || !channel_connect_later(channel))
        channel_free(channel);
    count_ready(client);
    if (!was_ready && !was_left && !client->closing && !client_route_has_hope(route))
        client_fail_backlog(route);
    route_pump(route);
}

/* --- Connecting --- */

static int64_t connect_limit_ns(const struct channel *channel)
{
    return channel->addresses_left > 0 ? CONNECT_NEXT_NS : CONNECT_LIMIT_NS;
}

/* When to look again at a try: it is slow first, and hopeless then. */
static void arm_connecting(struct channel *channel)
{
    int64_t due_ns = connect_limit_ns(channel);
    int64_t slow_ns = (int64_t)channel->client->configuration.reconnect_max_ms * CLOCK_NS_PER_MS;
    if (slow_ns < CONNECT_SLOW_NS)
        slow_ns = CONNECT_SLOW_NS;
    if (slow_ns < due_ns && clock_now_ns() < channel->connect_ns + slow_ns)
        due_ns = slow_ns;
    (void)net_loop_arm(&channel->client->loop, &channel->retry, channel->connect_ns + due_ns);
}

static void channel_connect_to(struct channel *channel, const struct sockaddr *address)
{
    struct mayfly_client *client = channel->client;
    struct h2_config config = {
        .role = H2_CLIENT,
        .methods = client->methods,
        .events = is_for_topics(channel) ? &topic_events : &call_events,
        .owner = channel,
        .limits = h2_default_limits,
        .authority = channel->route->endpoint->authority,
        .is_secure = client->tls != NULL,
    };
    config.limits.message_bytes = client->configuration.max_reply_bytes;
    config.limits.header_bytes = CLIENT_HEADER_BYTES;
    config.limits.buffered_bytes = CLIENT_BUFFERED_MAX;
    int error = 0;
    channel->calls = 0;
    channel->connect_ns = channel->route->tried_ns = clock_now_ns();
    channel->net = net_connection_connect(&client->loop, address, h2_engine_default, &config,
                                          &connection_events, channel, STALL_LIMIT_NS, &error);
    if (channel->net == NULL) {
        channel_lost(channel, uv_strerror(error));
        return;
    }
    arm_connecting(channel);
    if (client->tls != NULL) /* the last thing: it may close the connection */
        net_connection_secure(channel->net, client->tls,
                              client->tls_name != NULL ? client->tls_name : channel->route->endpoint->host);
}

static void channel_connect_next(struct channel *channel)
{
    const struct endpoint *endpoint = channel->route->endpoint;
    const struct sockaddr_storage *address =
        &endpoint->addresses[channel->next_address++ % endpoint->address_count];
    channel->addresses_left--;
    channel_connect_to(channel, (const struct sockaddr *)address);
}

void client_channel_resolved(struct channel *channel, const char *problem)
{
    struct endpoint *endpoint = channel->route->endpoint;
    if (problem != NULL) {
        channel->addresses_left = 0;
        channel_lost(channel, problem);
        return;
    }
    channel->next_address = endpoint->next_address++;
    channel->addresses_left = endpoint->address_count;
    channel_connect_next(channel);
}

static void channel_connect(struct channel *channel)
{
    channel->state = CHANNEL_CONNECTING;
    if (client_endpoint_ready(channel->route->endpoint, channel))
        client_channel_resolved(channel, NULL);
}

/* It is time to connect, or a try takes long. */
static void on_retry(struct timer *timer)
{
    struct channel *channel = list_entry(timer, struct channel, retry);
    if (channel->net == NULL) {
        channel_connect(channel);
    } else if (channel->state == CHANNEL_LEAVING) {
        net_connection_close(channel->net, "another connection was quicker");
    } else if (clock_now_ns() < channel->connect_ns + connect_limit_ns(channel)) {
        channel->is_slow = true;
        arm_connecting(channel);
        client_route_hedge(channel->route);
    } else {
        net_connection_close(channel->net, channel->net->h2 != NULL ? "the peer accepts but says nothing"
                                                                    : "the address does not answer");
    }
}

struct channel *client_channel_open(struct route *route, unsigned tries)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->client = route->client;
    channel->route = route;
    channel->tries = tries;
    timer_init(&channel->retry, on_retry);
    timer_init(&channel->keepalive, on_keepalive);
    list_init(&channel->resolving);
    list_push_back(&route->channels, &channel->link);
    if (!channel_connect_later(channel)) {
        channel_free(channel);
        return NULL;
    }
    return channel;
}

void client_channel_hurry(struct channel *channel)
{
    channel->tries = 0;
    (void)net_loop_arm(&channel->client->loop, &channel->retry, clock_now_ns());
}

static void close_all(struct list *channels)
{
    struct list *at = channels->next;
    while (at != channels) {
        struct channel *channel = list_entry(at, struct channel, link);
        at = at->next;
        if (channel->net != NULL)
            net_connection_close(channel->net, "the client was closed");
        else
            channel_free(channel);
    }
}

void client_channels_close(struct mayfly_client *client)
{
    close_all(&client->data.channels);
    close_all(&client->control.channels);
    close_all(&client->topics.channels);
    close_all(&client->leaving);
}

bool client_channels_closed(struct mayfly_client *client)
{
    bool is_resolved =
        client_endpoint_close(&client->cache_endpoint) && client_endpoint_close(&client->control_endpoint);
    return is_resolved && list_empty(&client->data.channels) && list_empty(&client->control.channels) &&
           list_empty(&client->topics.channels) && list_empty(&client->leaving);
}
