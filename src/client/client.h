/* The inside of libmayfly: the structures that its files share. Everything but what says otherwise happens on
 * the thread that drives the client, without locks; drive.c brings the other threads' wishes there.
 *
 *     mayfly_start ──> route's backlog ──> channel ──> h2 ──> ... ──> call_closed ──> callback
 *                         ^                                        │
 *                         └──────────── another attempt ───────────┘
 */
#ifndef MAYFLY_CLIENT_CLIENT_H
#define MAYFLY_CLIENT_CLIENT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "client/limiter.h"
#include "net/connection.h"

#include <mayfly/mayfly.h>
#include <stdatomic.h>
#include <sys/types.h>

#define CLIENT_CHANNELS_MAX 1024
#define CLIENT_KNOWN_CACHES 16
#define CLIENT_METADATA_MAX 32                  /* entries of a request's own */
#define CHANNEL_CALLS_MAX   (UINT32_C(1) << 29) /* a connection's stream ids end at twice as many */

struct client_call;
struct channel;
struct route;

/* --- Methods: methods.c, problems.c --- */

enum client_method_traits {
    NAMES_CACHE = 1,  /* by metadata */
    REPEATABLE = 2,   /* may be sent again after INTERNAL or UNAVAILABLE */
    STREAMS = 4,      /* its reply is many messages */
    ANSWERS_EACH = 8, /* with as many items as were asked for */
    CONTROLS = 16,    /* of the control plane: its time says nothing about data */
};

struct client_method {
    const char *path;
    unsigned traits;
    /* Appends the request's message to TO; false when memory is out. */
    bool (*encode)(const mayfly_request *request, struct buffer *to);
    /* Reads a message of the reply into call->reply; false when it makes no sense. What the reply points at
     * lives as long as MESSAGE or in the call's arena. */
    bool (*decode)(struct client_call *call, struct bytes message);
};

/* Subscribe is no call that ends with a reply: it has a place among the paths alone. */
#define CLIENT_METHOD_SUBSCRIBE MAYFLY_METHODS
#define CLIENT_METHODS          (MAYFLY_METHODS + 1)

extern const struct client_method client_methods[MAYFLY_METHODS];
struct h2_methods *client_methods_create(void);

/* NULL, or what is wrong with the request. Any thread. */
const char *client_request_problem(const mayfly_request *request);
const char *client_cache_problem(const char *cache);

/* --- Calls: call.c --- */

#define CLIENT_RETRY_TOKENS 1000 /* of a new client: ten retries */

struct client_call {
    struct list link; /* of the lists of its route, of the calls in flight or failing, or of the spare ones */
    struct mayfly_client *client;
    struct route *route;
    _Atomic uint64_t id; /* 0 while it is spare; other threads make new calls of spare ones */
    mayfly_method method;
    mayfly_callback callback;
    void *context;

    struct buffer request; /* the encoded message, kept for further attempts */
    struct metadata *metadata;
    char *cache;                  /* prepared on another thread: the name, until metadata is made of it */
    struct metadata_pair *extras; /* likewise, all in the arena */
    size_t extra_count;

    struct channel *channel;     /* while in flight */
    const struct channel *avoid; /* where it failed, if it is still there */
    struct h2_call *stream;
    struct timer deadline;
    struct timer pause; /* before the next attempt */
    int64_t timeout_ns;
    int64_t start_ns;
    int64_t sent_ns;
    uint32_t moves;   /* further attempts after those that no server saw */
    uint32_t retries; /* and after the others */
    bool is_doomed;   /* too little time is left to send it */

    struct arena arena;
    mayfly_reply reply;
    struct { /* of a batch, in the arena */
        mayfly_item *items;
        size_t count;
        size_t capacity;
        size_t asked;
    } batch;
};

/* Any thread: a call that holds all it needs of REQUEST, or NULL when memory is out. */
struct client_call *client_call_prepare(struct mayfly_client *client, const mayfly_request *request,
                                        mayfly_callback callback, void *context);
/* Has a prepared call sent now or when its turn comes. False when memory is out: the call is as it was. */
bool client_call_begin(struct client_call *call);
/* Any thread: forgets a prepared call. */
void client_call_discard(struct client_call *call);
/* Ends a call wherever it is. */
void client_call_end(struct client_call *call, mayfly_status status, const char *message);
/* Sends what waits for a route, as far as limits and channels allow. */
void client_pump(struct route *route);
/* Ends all that waits for a route: there is no connection and none is coming. */
void client_fail_backlog(struct route *route);
/* Ends all that is on no channel. */
void client_calls_cancel(struct mayfly_client *client);
void client_calls_free(struct mayfly_client *client);

/* Events of a stream. */
void client_call_message(struct client_call *call, struct bytes message);
void client_call_closed(struct client_call *call, const struct h2_outcome *outcome);

/* Adds an item to a call's batch; NULL when memory is out, and where an item for each that was asked for is there. */
mayfly_item *client_call_add_item(struct client_call *call);

/* Forgets what came of a reply. */
void client_call_forget(struct client_call *call);

/* --- Seen from outside: observe.c --- */

struct client_latency;

/* Prepares a client to be watched as its configuration says; false when memory is out. */
bool client_watch_init(struct mayfly_client *client);
void client_watch_free(struct mayfly_client *client);
/* Where client->is_watched: tells the observer of a step; SIZE is that of the request or the message. */
void client_watch_step(const struct client_call *call, mayfly_step step, int64_t now_ns, size_t size);
/* Likewise, and measures a call whose reply is complete. */
void client_watch_done(const struct client_call *call, int64_t now_ns);

/* --- Endpoints: endpoint.c --- */

/* A host that a client connects to, and the addresses that its name stands for. */
struct endpoint {
    struct net_loop *loop;
    char *host;
    uint16_t port;
    char *authority;
    struct sockaddr_storage *addresses;
    size_t address_count;
    size_t next_address; /* where the next channel begins */
    bool is_name;        /* no address but a name, which may come to mean something else */
    bool has_failed;     /* no address was any good: resolve anew */
    int64_t resolved_ns;
    struct resolution *resolution; /* under way */
    struct list waiting;           /* channels, for the resolution */
};

/* False when memory is out; client_endpoint_free is due in any case. */
bool client_endpoint_init(struct endpoint *endpoint, struct net_loop *loop, const char *host, uint16_t port);
void client_endpoint_free(struct endpoint *endpoint);
/* Whether addresses are known, perhaps old ones. If not, they are asked for, and client_channel_resolved tells
 * CHANNEL. */
bool client_endpoint_ready(struct endpoint *endpoint, struct channel *channel);
/* Lets go of a resolution that is under way, which nobody can end. False while its news is yet to be heard: turn the
 * loop and ask again. */
bool client_endpoint_close(struct endpoint *endpoint);

/* --- Routes: route.c --- */

/* How long calls are on the wire: a moving mean, and how far they are from it. */
struct wire_time {
    int64_t mean_ns; /* of calls that were answered; 0 before the first */
    int64_t spread_ns;
};

/* A way to the service: a host, the channels to it, and the calls that wait for them. One that is down holds up
 * no other. */
struct route {
    struct mayfly_client *client;
    struct endpoint *endpoint; /* NULL: there is no such route */
    bool is_for_calls;         /* subscriptions see to their channels themselves */
    uint32_t min_channels;
    uint32_t max_channels;
    struct list channels; /* but for those that are left */
    size_t streams_each;  /* that a connection is thought to allow */
    size_t peak;          /* streams wanted at once since the timer was armed */
    struct timer idle;    /* armed while there are more channels than min_channels */
    int64_t tried_ns;     /* when a channel last began to connect */
    char problem[240];    /* why a connection was lost or did not come about the last time; "" at first */
    bool is_untrusted;    /* for that, the server's certificate was to blame, at the last of its addresses */

    struct list backlog;   /* calls that wait, first come first */
    struct list returning; /* calls that were sent in vain: they go before those */
    struct list pausing;   /* and calls that do so after their pause */
    struct list doomed;    /* calls that are sent no more, until their deadline */
    size_t in_flight;
    struct wire_time wire;
    _Atomic uint32_t admitted; /* calls that were accepted and have not ended; shared with other threads */
};

void client_route_init(struct route *route, struct mayfly_client *client, struct endpoint *endpoint,
                       uint32_t min_channels, uint32_t max_channels);
/* The route of a method's calls. Any thread. */
struct route *client_route_of(struct mayfly_client *client, mayfly_method method);
/* How many of its calls may be on the wire. Any thread. */
uint32_t client_route_limit(const struct route *route);
/* The ready channel with the fewest streams and room for one more, or NULL; one that has refused a call lately only if
 * there is no other, and one to AVOID (or NULL) after that. */
struct channel *client_route_choose(const struct route *route, const struct channel *avoid);
/* Opens the channels that are lacking for all that is wanted: at once, or later where so many TRIES came before them.
 * False when memory is out. */
bool client_route_fill(struct route *route, unsigned tries);
/* Calls wait that might go, were there a stream for them. */
void client_route_lacks(struct route *route);
/* Whether the others could carry what this channel would. */
bool client_route_spares(const struct channel *channel);
/* A channel's peer has said how many streams it takes. */
void client_route_learns(struct channel *channel);
/* A channel is ready: what else the route has tried meanwhile gives way. */
void client_route_joined(struct route *route);
/* A connection has brought its first reply: channels that wait for their next try do it now. */
void client_route_served(struct route *route);
/* One that was suspect has answered: what should have replaced it gives way. */
void client_route_rejoined(struct channel *channel);
/* A channel is slow to connect: perhaps another try is quicker. */
void client_route_hedge(struct route *route);
/* A call has left the wire, with a reply or since its time was up. */
void client_route_timed(struct route *route, int64_t wire_ns, bool is_answered);
/* The time that a call should have left when it is sent: but for a few, they take less. 0: not known. */
int64_t client_route_needed_ns(const struct route *route);
/* Whether a channel is there or on its way. */
bool client_route_has_hope(const struct route *route);

/* --- Channels: channel.c --- */

enum channel_state {
    CHANNEL_CONNECTING,
    CHANNEL_READY,
    CHANNEL_WAITING, /* for the next try to connect */
    CHANNEL_LEAVING, /* it takes no new calls; the old ones go on */
};

struct channel {
    struct list link; /* of its route, or of client->leaving */
    struct mayfly_client *client;
    struct route *route;
    enum channel_state state;
    bool was_ready;             /* this connection */
    bool has_served;            /* likewise: it brought a reply */
    bool is_suspect;            /* a call timed out and nothing was heard: it gets no other before there is */
    bool is_slow;               /* to connect: not counted upon */
    int64_t refused_ns;         /* when the peer last did not take a call on this connection; 0: never */
    struct net_connection *net; /* NULL while waiting or resolving */
    size_t streams;
    uint32_t calls;     /* ever, on this connection */
    unsigned tries;     /* to connect, since a connection lasted */
    struct timer retry; /* when to connect, and while connecting when to give up */
    int64_t ready_ns;
    int64_t connect_ns; /* when it began to, to this address */
    struct timer keepalive;
    int64_t heard_ns;
    int64_t pinged_ns;
    struct list resolving; /* of endpoint->waiting */
    size_t next_address;
    size_t addresses_left; /* to be tried */
};

/* Adds a channel to ROUTE that connects at once, or later where so many TRIES came before it; NULL when memory
 * is out. */
struct channel *client_channel_open(struct route *route, unsigned tries);
/* Takes no new calls on this channel, which ends with its last one; the route gets another one if it needs it. */
void client_channel_leave(struct channel *channel);
/* Gives up a channel that is not ready. */
void client_channel_abandon(struct channel *channel);
/* Has one that waits for its next try do it now. */
void client_channel_hurry(struct channel *channel);
/* A call that was sent on it then has timed out. */
void client_channel_suspect(struct channel *channel, int64_t sent_ns);
/* The addresses of its endpoint are known, or there is a PROBLEM. */
void client_channel_resolved(struct channel *channel, const char *problem);
/* How long to wait before the next of so many TRIES: doubling, at most reconnect_max_ms, with jitter so that
 * many clients do not come back in step. */
int64_t client_backoff_ns(const struct mayfly_client *client, unsigned tries, const void *salt);
/* Ends all channels, and all calls on them. */
void client_channels_close(struct mayfly_client *client);
bool client_channels_closed(struct mayfly_client *client);

/* --- Subscriptions: topic.c, and topic_reader.c for those that are read --- */

enum topic_state {
    TOPIC_WAITING,  /* for a channel with room */
    TOPIC_OPENING,  /* asked for, not confirmed */
    TOPIC_STANDING, /* confirmed */
    TOPIC_RESTING,  /* until the next try */
    TOPIC_ENDED,
};

/* Where a subscription is: the last item that it told, or that is told to be gone. */
struct topic_position {
    bool is_known;
    uint64_t sequence;
    uint64_t page;
};

/* The events that wait for a reader. Under the client's lock. */
struct topic_queue {
    struct list events;
    size_t bytes;
    size_t limit_bytes;
    uint64_t last_sequence; /* that was kept */
    bool has_gap;           /* something was dropped behind it: what came next would be ... */
    uint64_t gap_sequence;
    uint64_t gap_page;
    bool is_over; /* ENDED follows what is here */
    bool end_told;
    struct waiter *reader; /* while it waits */
};

struct mayfly_subscription {
    struct list link; /* of client->subscriptions, once it has begun */
    struct list turn; /* of client->topics_waiting, while it waits */
    struct list wish; /* of client->subscribes or client->unsubscribes; under the client's lock */
    struct mayfly_client *client;
    mayfly_topic_callback callback; /* NULL: the queue */
    void *context;
    mayfly_topic_options options; /* with texts of our own */

    enum topic_state state;
    struct channel *channel; /* while opening or standing */
    struct h2_call *stream;
    struct timer deadline; /* for the confirmation */
    int64_t asked_ns;      /* when the stream was opened */
    struct timer retry;
    unsigned tries;      /* since it stood for a while */
    int64_t standing_ns; /* since when */
    bool is_confirmed;   /* it has stood before */
    bool is_missed;      /* it stood, fell, and did not know where it was */
    bool is_fresh;       /* nothing with a number came on this stream yet */
    struct topic_position position;

    bool is_telling;  /* its callback is running */
    bool is_released; /* mayfly_unsubscribe was called */
    mayfly_status status;
    char why[240]; /* of the last failure */
    struct topic_queue queue;
};

/* Any thread: a subscription with texts of its own, or NULL when memory is out. */
mayfly_subscription *client_topic_create(mayfly_client *client, const mayfly_topic_options *options,
                                         mayfly_topic_callback callback, void *context);
/* On the driving thread: starts a subscription; unsubscribes and frees it, once its callback has returned. */
void client_topic_begin(mayfly_subscription *subscription);
void client_topic_release(mayfly_subscription *subscription);
/* Sends what waits, as far as there are channels, and sees to it that there are. */
void client_topics_pump(struct mayfly_client *client);
/* A channel is left: what waits gets another one, later where so many TRIES came before. */
void client_topics_refill(struct mayfly_client *client, unsigned tries);
/* Whether any is left that will want a channel. */
bool client_topics_wanted(const struct mayfly_client *client);
/* Ends and frees them all. */
void client_topics_close(struct mayfly_client *client);

/* Events of a stream. */
void client_topic_message(mayfly_subscription *subscription, struct bytes message);
void client_topic_closed(mayfly_subscription *subscription, const struct h2_outcome *outcome);

/* Keeps an event, or counts it as dropped. */
void client_topic_queue(mayfly_subscription *subscription, const mayfly_topic_event *event);
/* Forgets all that is kept. */
void client_topic_queue_free(struct topic_queue *queue);

/* --- The client: client.c and, for who drives it, drive.c --- */

struct client_cache {
    char *name;
    struct metadata *metadata;
};

struct mayfly_client {
    struct net_loop loop;
    mayfly_configuration configuration;
    char *name; /* of the configuration */
    bool is_watched;
    struct client_latency *latency; /* NULL: nobody wants it */
    mayfly_drive drive;
    bool is_open;        /* false in the pages of a closed client too */
    unsigned forks;      /* behind the process when it opened; after one more the child has no part in it */
    struct net_tls *tls; /* NULL: in plain */
    char *tls_name;      /* what certificates must be valid for; NULL: the host */
    char *api_key;       /* NULL: none */
    struct h2_methods *methods;

    struct endpoint cache_endpoint;
    struct endpoint control_endpoint; /* unless it is the same */
    struct route data;
    struct route control; /* calls that have the trait CONTROLS, where there is such an endpoint */
    struct route topics;  /* its channels alone: subscriptions are no calls */
    struct list leaving;  /* channels of any route */
    bool closing;

    struct list in_flight;
    struct list failing;  /* calls that could not be sent and end in the loop's next turn */
    int64_t retry_tokens; /* hundredths of retries that the budget allows */
    struct limiter limiter;
    struct list subscriptions;
    struct list topics_waiting;
    struct client_cache known[CLIENT_KNOWN_CACHES];
    size_t known_next;
    bool introduced; /* the server knows what client this is */

    /* Shared with other threads. */
    _Atomic uint32_t limit; /* of data calls on the wire */
    _Atomic uint32_t counted_in_flight;
    _Atomic bool is_target_unmet;
    _Atomic uint32_t ready_channels;
    _Atomic uint64_t calls; /* that have ended */
    _Atomic uint64_t failures;
    _Atomic uint64_t retries;
    _Atomic uint64_t refused_retries;
    _Atomic uint64_t connects;
    _Atomic uint64_t disconnects;
    _Atomic uint64_t next_id;
    pthread_mutex_t lock; /* of what follows */
    struct list spare;
    struct list prepared; /* calls from other threads, to begin */
    struct list cancels;
    struct list subscribes; /* subscriptions from other threads, to begin */
    struct list unsubscribes;
    struct list waiters;  /* blocking calls whose threads sleep */
    bool driven;          /* a thread is driving */
    struct net_task work; /* takes the four lists before */
    bool work_posted;
    struct net_task stop;
    pthread_t thread;
};

/* Counts one more. Only the driving thread does, so that it needs no more than a load and a store. */
static inline void client_count_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* The handle on a call's metadata, made once a cache; NULL when memory is out. */
struct metadata *client_metadata(struct mayfly_client *client, const char *cache,
                                 const struct metadata_pair *extras, size_t extra_count);

/* Any thread: NULL, or why the client can be used no more. */
const char *client_use_problem(const struct mayfly_client *client);

/* drive.c: the parts of opening and closing that depend on who drives. */
bool client_drive_start(struct mayfly_client *client);
void client_drive_stop(struct mayfly_client *client);
/* Begins what other threads left to begin, so that it can be ended with the rest. */
void client_drive_finish(struct mayfly_client *client);
/* Whether this thread is in a callback, as far as that can be known without a lock: while the client is being closed
 * nobody else may use it, so whoever asks then was called from there. */
bool client_inside_callback(const struct mayfly_client *client);

/* A thread in a blocking call. */
struct waiter {
    struct list link; /* of client->waiters, while it sleeps */
    pthread_cond_t wake;
    struct mayfly_client *client;
    mayfly_reply *reply;
    int64_t due_ns; /* how long to wait at most, or CLOCK_NEVER */
    struct timer timer;
    bool done;
    bool is_driver; /* its thread drives, or is woken to */

    mayfly_interrupt interrupt; /* NULL: nothing ends its call before time */
    void *interrupt_context;
    struct timer look; /* when to ask, while it drives */
    bool is_look_due;
    mayfly_handle handle; /* of the call that an interrupt ends */
    bool is_interrupted;
};

void client_waiter_init(struct waiter *waiter, struct mayfly_client *client, int64_t due_ns);
void client_waiter_free(struct waiter *waiter);
/* With the lock held: drives, or sleeps while another thread does, until the waiter is done or it is due. */
void client_wait(struct waiter *waiter);
/* With the lock held: has the waiter return. */
void client_waiter_finish(struct waiter *waiter);
/* With the lock held: has the driving thread look at the lists of wishes. */
void client_drive_post(struct mayfly_client *client);

#endif
