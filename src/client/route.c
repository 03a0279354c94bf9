/* A route: how many channels there are, and which of them takes the next call. What decides is what was wanted at
 * once, at its peak: a channel opens when the others could not carry that, and is left when they could for a
 * whole period. A connection that the peer has closed, or that does not answer, is replaced by the same rule. */
#include "base/clock.h"
#include "client/client.h"

#define CONTROL_IN_FLIGHT_MAX 100
#define STREAMS_USUAL         100 /* that a server allows on a connection, until it says so */
#define HEDGE_MIN_NS          ((int64_t)200 * CLOCK_NS_PER_MS)
#define REFUSAL_KEPT_NS       ((int64_t)1 * CLOCK_NS_PER_S)
#define WIRE_MEMORY           16 /* calls */
#define WIRE_SPREADS          4  /* as TCP sets its timeouts: RFC 6298 */

/* --- What there is and what is wanted --- */

struct tally {
    size_t channels;
    size_t room; /* streams that they have, or will have when they are ready */
};

static struct channel *channel_at(struct list *link)
{
    return list_entry(link, struct channel, link);
}

/* Of the channels that can be counted upon, but for one of them. */
static struct tally tally_without(const struct route *route, const struct channel *without)
{
    struct tally tally = {0, 0};
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next) {
        const struct channel *channel = channel_at(at);
        if (channel == without || channel->is_suspect)
            continue;
        tally.channels++;
        bool is_ready = channel->state == CHANNEL_READY && !channel->net->closing;
        tally.room += is_ready ? channel->streams + h2_capacity(channel->net->h2) : route->streams_each;
    }
    return tally;
}

uint32_t client_route_limit(const struct route *route)
{
    return route == &route->client->control
               ? CONTROL_IN_FLIGHT_MAX
               : atomic_load_explicit(&route->client->limit, memory_order_relaxed);
}

/* Calls that could be on the wire now, were there streams for all of them. */
static size_t streams_wanted(const struct route *route)
{
    size_t admitted = atomic_load_explicit(&route->admitted, memory_order_relaxed);
    size_t limit = client_route_limit(route);
    size_t wanted = admitted < limit ? admitted : limit;
    return wanted > route->in_flight ? wanted : route->in_flight;
}

struct route *client_route_of(struct mayfly_client *client, mayfly_method method)
{
    bool is_apart = client->control.endpoint != NULL && (client_methods[method].traits & CONTROLS);
    return is_apart ? &client->control : &client->data;
}

static bool has_room(const struct channel *channel)
{
    return channel->state == CHANNEL_READY && !channel->is_suspect && !channel->net->closing &&
           h2_capacity(channel->net->h2) > 0;
}

enum reluctance { GLADLY, RELUCTANTLY, AT_LAST };

/* A channel whose peer refuses calls looks the least loaded, and would be tried first by all. */
static enum reluctance reluctance_of(const struct channel *channel, const struct channel *avoid)
{
    if (channel == avoid)
        return AT_LAST;
    bool has_refused =
        channel->refused_ns > 0 && channel->client->loop.now_ns - channel->refused_ns < REFUSAL_KEPT_NS;
    return has_refused ? RELUCTANTLY : GLADLY;
}

struct channel *client_route_choose(const struct route *route, const struct channel *avoid)
{
    struct channel *best = NULL;
    enum reluctance least = AT_LAST;
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next) {
        struct channel *channel = channel_at(at);
        enum reluctance reluctance = reluctance_of(channel, avoid);
        bool is_worse = best != NULL &&
                        (reluctance > least || (reluctance == least && channel->streams >= best->streams));
        if (is_worse || !has_room(channel))
            continue;
        best = channel;
        least = reluctance;
    }
    return best;
}

bool client_route_has_hope(const struct route *route)
{
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next)
        if (channel_at(at)->state != CHANNEL_WAITING)
            return true;
    return false;
}

/* --- Time on the wire --- */

/* One that timed out would have taken longer than the mean, nobody knows how much: it only widens the spread. Else
 * calls that are given too little time would never show that they need more. */
void client_route_timed(struct route *route, int64_t wire_ns, bool is_answered)
{
    struct wire_time *wire = &route->wire;
    int64_t off_ns = wire_ns - wire->mean_ns;
    if (!is_answered && (wire->mean_ns == 0 || off_ns <= wire->spread_ns))
        return;
    if (wire->mean_ns == 0) {
        *wire = (struct wire_time){.mean_ns = wire_ns, .spread_ns = wire_ns / 2};
        return;
    }
    wire->spread_ns += ((off_ns < 0 ? -off_ns : off_ns) - wire->spread_ns) / WIRE_MEMORY;
    if (is_answered)
        wire->mean_ns += off_ns / WIRE_MEMORY;
}

int64_t client_route_needed_ns(const struct route *route)
{
    return route->wire.mean_ns + WIRE_SPREADS * route->wire.spread_ns;
}

/* --- Opening --- */

static void arm_idle(struct route *route)
{
    int64_t idle_ns = (int64_t)route->client->configuration.channel_idle_ms * CLOCK_NS_PER_MS;
    (void)net_loop_arm(&route->client->loop, &route->idle, clock_add(clock_now_ns(), idle_ns));
}

bool client_route_fill(struct route *route, unsigned tries)
{
    struct tally tally = tally_without(route, NULL);
    bool is_made = true;
    while (is_made && route->is_for_calls && !route->client->closing) {
        /* A peer that takes no streams now would take none on further connections either. */
        bool is_lacking = tally.room < route->peak && tally.channels < route->max_channels &&
                          (route->streams_each > 0 || tally.channels == 0);
        if (tally.channels >= route->min_channels && !is_lacking)
            break;
        is_made = client_channel_open(route, tries) != NULL;
        tally.channels++;
        tally.room += route->streams_each;
    }
    if (route->is_for_calls && tally.channels > route->min_channels && !timer_armed(&route->idle)) {
        route->peak = streams_wanted(route);
        arm_idle(route);
    }
    return is_made;
}

void client_route_lacks(struct route *route)
{
    size_t wanted = streams_wanted(route);
    if (wanted > route->peak)
        route->peak = wanted;
    (void)client_route_fill(route, 0);
}

void client_route_hedge(struct route *route)
{
    int64_t now_ns = clock_now_ns();
    int64_t wait_ns = (int64_t)route->client->configuration.reconnect_max_ms * CLOCK_NS_PER_MS;
    if (route->client->closing ||
        now_ns - route->tried_ns < (wait_ns > HEDGE_MIN_NS ? wait_ns : HEDGE_MIN_NS))
        return;
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next)
        if (channel_at(at)->state == CHANNEL_READY)
            return;
    struct channel *channel = client_channel_open(route, 0);
    if (channel != NULL)
        channel->is_slow = true; /* it only stands in for those that are */
    route->tried_ns = now_ns;
}

/* --- Leaving --- */

bool client_route_spares(const struct channel *channel)
{
    const struct route *route = channel->route;
    struct tally others = tally_without(route, channel);
    bool is_enough = others.channels >= route->min_channels && others.room >= route->peak;
    return is_enough || others.channels >= route->max_channels;
}

/* The channel with the fewest streams that the others can do without, or NULL. */
static struct channel *find_spare(const struct route *route)
{
    struct channel *best = NULL;
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next) {
        struct channel *channel = channel_at(at);
        if (!channel->is_suspect && (best == NULL || channel->streams <= best->streams))
            best = channel;
    }
    return best != NULL && client_route_spares(best) ? best : NULL;
}

/* A period is over. */
static void on_idle(struct timer *timer)
{
    struct route *route = list_entry(timer, struct route, idle);
    struct channel *channel;
    while ((channel = find_spare(route)) != NULL) {
        if (channel->state == CHANNEL_READY)
            client_channel_leave(channel);
        else
            client_channel_abandon(channel);
    }
    route->peak = streams_wanted(route);
    if (tally_without(route, NULL).channels > route->min_channels)
        arm_idle(route);
}

/* Gives up those that are slow or, when there are ENOUGH channels, whatever is not ready. */
static void abandon_slow(struct route *route, bool is_enough)
{
    for (struct list *at = route->channels.next; at != &route->channels;) {
        struct channel *channel = channel_at(at);
        at = at->next;
        if (channel->state == CHANNEL_READY)
            continue;
        if (channel->is_slow || (is_enough && client_route_spares(channel)))
            client_channel_abandon(channel);
    }
}

void client_route_learns(struct channel *channel)
{
    struct route *route = channel->route;
    if (channel->state == CHANNEL_LEAVING) /* it takes no calls, whatever its peer would allow */
        return;
    size_t room = h2_capacity(channel->net->h2);
    if (room > 0 || channel->streams < route->streams_each)
        route->streams_each = channel->streams + room;
}

void client_route_joined(struct route *route)
{
    abandon_slow(route, tally_without(route, NULL).channels > route->max_channels);
    (void)client_route_fill(route, 0);
}

/* Not when a channel is merely ready: where a peer takes connections and keeps none, each would have the others tried
 * again at once, without end. */
void client_route_served(struct route *route)
{
    for (struct list *at = route->channels.next; at != &route->channels; at = at->next)
        if (channel_at(at)->state == CHANNEL_WAITING)
            client_channel_hurry(channel_at(at));
}

void client_route_rejoined(struct channel *channel)
{
    struct route *route = channel->route;
    if (!route->is_for_calls)
        return;
    abandon_slow(route, true);
    if (tally_without(route, channel).channels >= route->max_channels)
        client_channel_leave(channel);
}

/* --- Beginning --- */

void client_route_init(struct route *route, struct mayfly_client *client, struct endpoint *endpoint,
                       uint32_t min_channels, uint32_t max_channels)
{
    *route = (struct route){
        .client = client,
        .endpoint = endpoint,
        .is_for_calls = route != &client->topics,
        .min_channels = min_channels,
        .max_channels = max_channels,
        .streams_each = STREAMS_USUAL,
    };
    list_init(&route->channels);
    list_init(&route->backlog);
    list_init(&route->returning);
    list_init(&route->pausing);
    list_init(&route->doomed);
    timer_init(&route->idle, on_idle);
}
