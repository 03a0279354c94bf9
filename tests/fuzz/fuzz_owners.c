/* The owners of both ends of a connection, who do whatever they may at any moment. An input is a list of decisions, of which
 * the main loop takes some and every event some more: what to start, send, end or cancel, how many bytes to move and which way.
 *
 * Every call must end once at each end, a message must come as it was sent, and neither end may find fault with the other.
 * Once the owners have ended what they began, nothing of it is left. */
#include "base/clock.h"
#include "rpc/h2.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNARY, IN, OUT, BOTH, METHODS };

static const struct h2_method methods[METHODS] = {
    [UNARY] = {.path = "/s/U"},
    [IN] = {.path = "/s/I", .client_streams = true},
    [OUT] = {.path = "/s/O", .server_streams = true},
    [BOTH] = {.path = "/s/B", .client_streams = true, .server_streams = true},
};

#define TALKS_MAX 256 /* at once, at an end */

struct side {
    struct h2_connection *h2;
    struct h2_limits limits;
    bool is_server;
    bool over; /* h2_recv said so */
    bool drains;
    struct h2_call *calls[TALKS_MAX]; /* that the owner knows of; a call's `user` is its place */
    size_t begun;
    size_t ended;
};

static struct side client;
static struct side server;
static struct metadata *caches[3]; /* the last stays NULL */
static struct bytes decisions;

static const char *fault_of(const struct side *side)
{
    return side->h2 != NULL ? h2_error(side->h2) : "";
}

static void insist(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s; client: \"%s\", server: \"%s\"\n", what, fault_of(&client), fault_of(&server));
    abort();
}

static uint8_t decide(void)
{
    if (decisions.size == 0)
        return 0;
    uint8_t decision = decisions.data[0];
    decisions = bytes_make(decisions.data + 1, decisions.size - 1);
    return decision;
}

/* --- What an owner does --- */

static void know(struct side *side, struct h2_call *call)
{
    size_t place = 0;
    while (place < TALKS_MAX && side->calls[place] != NULL)
        place++;
    insist(place < TALKS_MAX, "more calls than the limit");
    side->calls[place] = call;
    call->user = &side->calls[place];
    side->begun++;
}

static void insist_known(const struct h2_call *call)
{
    struct h2_call **place = call->user;
    insist(place != NULL && *place == call, "a call that has ended is told of");
}

static void forget(struct side *side, struct h2_call *call)
{
    insist_known(call);
    *(struct h2_call **)call->user = NULL;
    side->ended++;
}

/* A call that is open, if there is one. */
static struct h2_call *choose(const struct side *side)
{
    size_t from = decide();
    for (size_t i = 0; i < TALKS_MAX; i++)
        if (side->calls[(from + i) % TALKS_MAX] != NULL)
            return side->calls[(from + i) % TALKS_MAX];
    return NULL;
}

/* Every byte of a message says how many there are. */
static void send(struct h2_call *call)
{
    static const size_t sizes[] = {0, 1, 100, 16370, 16379, 16380, 40000, 300000};
    size_t size = sizes[decide() % (sizeof sizes / sizeof sizes[0])];
    size += decide() % 8;
    uint8_t *to = h2_message_begin(call, size);
    if (to == NULL)
        return;
    memset(to, (int)(size & 0xff), size);
    h2_message_end(call);
}

static void start(struct side *side)
{
    if (side->is_server || side->begun - side->ended == TALKS_MAX)
        return;
    int64_t timeout_ns = (int64_t)(decide() % 4) * CLOCK_NS_PER_S;
    unsigned method = decide();
    struct h2_call *call = h2_call_start(side->h2, method % METHODS, caches[method / METHODS % 3],
                                         timeout_ns > 0 ? timeout_ns : CLOCK_NEVER, NULL);
    if (call != NULL)
        know(side, call);
}

static void end(const struct side *side, struct h2_call *call, enum status status)
{
    if (side->is_server)
        h2_finish(call, status, bytes_of(status == STATUS_OK ? "" : " why "), call->metadata);
    else
        h2_half_close(call);
}

static void cancel(struct side *side, struct h2_call *call)
{
    forget(side, call);
    h2_call_cancel(call);
}

static void act(struct side *side)
{
    if (decisions.size == 0)
        return;
    uint8_t what = decide() % 32;
    struct h2_call *call = what >= 8 && what < 24 ? choose(side) : NULL;
    if (what < 8)
        start(side);
    else if (call != NULL && what < 16)
        send(call);
    else if (call != NULL && what < 22)
        end(side, call, what % 2 == 0 ? STATUS_OK : STATUS_NOT_FOUND);
    else if (call != NULL)
        cancel(side, call);
    else if (what == 24)
        (void)h2_ping(side->h2);
    else if (what == 25 && side->drains)
        h2_drain(side->h2);
}

/* --- Events --- */

static void on_opened(void *owner, struct h2_call *call)
{
    know(owner, call);
    act(owner);
}

static void on_message(void *owner, struct h2_call *call, struct bytes message)
{
    insist_known(call);
    for (size_t i = 0; i < message.size; i++)
        insist(message.data[i] == (message.size & 0xff), "a message has come otherwise than it was sent");
    act(owner);
}

static void on_half_closed(void *owner, struct h2_call *call)
{
    insist_known(call);
    act(owner);
}

static void on_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)outcome;
    forget(owner, call);
    act(owner);
}

static void on_drained(void *owner, struct h2_call *call)
{
    insist_known(call);
    act(owner);
}

static void on_refused(void *owner, enum h2_refusal refusal)
{
    (void)refusal;
    act(owner);
}

static void on_change(void *owner)
{
    act(owner);
}

static const struct h2_events events = {
    .opened = on_opened,
    .message = on_message,
    .half_closed = on_half_closed,
    .closed = on_closed,
    .drained = on_drained,
    .refused = on_refused,
    .settings = on_change,
    .draining = on_change,
    .pong = on_change,
};

/* --- A connection --- */

static void open_side(struct side *side, enum h2_role role, const struct h2_methods *table, uint8_t how)
{
    *side =
        (struct side){.limits = h2_default_limits, .is_server = role == H2_SERVER, .drains = (how & 8) != 0};
    side->limits.pings_burst = UINT32_MAX; /* owners may ping without end, and it is no fault */
    if ((how & 1) != 0)
        side->limits.stream_window_bytes = side->limits.connection_window_bytes = 65535;
    if ((how & 2) != 0)
        side->limits.max_streams = 3;
    if ((how & 4) != 0)
        side->limits.buffered_bytes = 400000;
    struct h2_config config = {
        .role = role,
        .methods = table,
        .events = &events,
        .owner = side,
        .limits = side->limits,
        .authority = "localhost",
    };
    side->h2 = h2_open(&h2_engine_mayfly, &config);
    insist(side->h2 != NULL, "memory is out");
}

static void close_side(struct side *side)
{
    struct h2_connection *h2 = side->h2;
    side->h2 = NULL;
    h2_close(h2);
}

/* Moves some of what is pending, or all; false when nothing is. */
static bool move(struct side *from, struct side *to, size_t most, int64_t now_ns)
{
    struct bytes pending = h2_pending(from->h2);
    size_t size = pending.size < most ? pending.size : most;
    if (size == 0)
        return false;
    uint8_t *block = malloc(size); /* of its own, so that what is read too late is seen */
    insist(block != NULL, "memory is out");
    memcpy(block, pending.data, size);
    h2_sent(from->h2, size);
    if (!to->over && !h2_recv(to->h2, bytes_make(block, size), now_ns))
        to->over = true;
    free(block);
    return true;
}

static void end_all(struct side *side)
{
    for (size_t i = 0; i < TALKS_MAX; i++)
        if (side->calls[i] != NULL)
            end(side, side->calls[i], STATUS_OK);
}

/* Ends what is open, and what opens meanwhile, until nobody has anything to say. */
static void settle(int64_t now_ns)
{
    bool moved = true;
    while (moved) {
        end_all(&client);
        end_all(&server);
        moved = move(&client, &server, SIZE_MAX, now_ns);
        moved = move(&server, &client, SIZE_MAX, now_ns) || moved;
    }
    insist(h2_error(client.h2)[0] == '\0' && h2_error(server.h2)[0] == '\0',
           "an end finds fault with the other");
    if (client.over || server.over)
        return;
    insist(client.h2->calls == 0 && server.h2->calls == 0, "a call goes on for ever");
    insist(h2_room(client.h2) == client.limits.buffered_bytes &&
               h2_room(server.h2) == server.limits.buffered_bytes,
           "what has ended is still counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_ns = CLOCK_NS_PER_S;
    struct h2_methods *table = h2_methods_create(methods, METHODS);
    struct metadata_pair pair = {bytes_of("cache"), bytes_of("blue")};
    caches[0] = metadata_create(&pair, 1);
    pair.value = bytes_of("green");
    caches[1] = metadata_create(&pair, 1);
    decisions = bytes_make(data, size);
    open_side(&client, H2_CLIENT, table, decide());
    open_side(&server, H2_SERVER, table, decide());
    while (decisions.size > 0) {
        uint8_t decision = decide();
        size_t most = SIZE_MAX;
        if ((decision & 8) != 0) {
            most = decide();
            most <<= decide() % 12;
        }
        if ((decision & 1) != 0)
            act((decision & 2) != 0 ? &client : &server);
        else
            (void)((decision & 2) != 0 ? move(&client, &server, most, now_ns)
                                       : move(&server, &client, most, now_ns));
        now_ns += (int64_t)(decision >> 4) * CLOCK_NS_PER_S / 16;
    }
    settle(now_ns);
    close_side(&client);
    close_side(&server);
    if (client.begun != client.ended || server.begun != server.ended)
        abort();
    metadata_release(caches[0]);
    metadata_release(caches[1]);
    h2_methods_destroy(table);
    return 0;
}
