/* The seam to the HTTP/2 engine. It speaks of calls; frames, streams and header compression stay behind
 * it, and so does whichever library or code of ours does that work.
 *
 * A connection does no I/O and reads no clock. Its owner feeds it bytes from the peer (h2_recv), asks
 * for bytes to send (h2_pending, h2_sent), and is told through struct h2_events what happened. All
 * functions of a connection are called from one thread. Calls may be started, answered and cancelled from
 * within an event; h2_recv, h2_pending and h2_close may not be called from within one.
 *
 *     opened ──> message* ──> half_closed ──> closed          on a server
 *     h2_call_start ──> message* ──> closed                   on a client
 *
 * `closed` is the last event of every call, once, and the call is gone when it returns, unless it was
 * ended by h2_call_cancel, which is followed by no event at all. */
#ifndef MAYFLY_RPC_H2_H
#define MAYFLY_RPC_H2_H

#include "base/bytes.h"
#include "base/status.h"
#include "rpc/metadata.h"

enum h2_role { H2_CLIENT, H2_SERVER };

/* One method of the services on a connection. Where the peer of a call sends one message only (a unary
 * direction), the engine enforces it: `message` comes once, together with the peer's half-close. */
struct h2_method {
    const char *path; /* "/package.Service/Method" */
    bool client_streams;
    bool server_streams;
};

/* The table of methods, prepared once and shared by any number of connections and threads. It copies the
 * array; the texts of the paths must outlive it. */
struct h2_methods;
struct h2_methods *h2_methods_create(const struct h2_method *methods, size_t count);
void h2_methods_destroy(struct h2_methods *methods);

struct h2_connection;

/* A call in progress. The engine's own part lies behind these fields. */
struct h2_call {
    unsigned method;           /* its place in the table of methods */
    int64_t timeout_ns;        /* server: what the client allows, CLOCK_NEVER if it does not say */
    struct metadata *metadata; /* server: the request's; the call's own reference, hold it to keep it */
    void *user;                /* the owner's; NULL at first on a server */
};

/* How a call ended. Everything in it lives until the event returns. */
struct h2_outcome {
    enum status status;        /* server: OK when the reply was handed over whole, else CANCELLED */
    struct bytes message;      /* client: the status message, decoded */
    struct metadata *trailers; /* client: metadata of the reply, or NULL */
    bool unseen;               /* client: the peer certainly did not process the call */
};

/* Requests that the engine answered or dropped by itself, so that the owner can count them. */
enum h2_refusal {
    H2_REFUSED_METHOD,       /* UNIMPLEMENTED: a path that is in no table */
    H2_REFUSED_PROTOCOL,     /* not gRPC: wrong content type, HTTP method or message framing */
    H2_REFUSED_COMPRESSION,  /* UNIMPLEMENTED or INTERNAL: a compressed message */
    H2_REFUSED_MESSAGE_SIZE, /* RESOURCE_EXHAUSTED: a message over the limit */
    H2_REFUSED_HEADER_SIZE,  /* RESOURCE_EXHAUSTED: metadata over the limit */
    H2_REFUSED_MEMORY,       /* RESOURCE_EXHAUSTED: too much of this connection in memory */
    H2_REFUSALS,
};

struct h2_events {
    /* Server: a call's metadata is here. May be NULL. */
    void (*opened)(void *owner, struct h2_call *call);
    /* A message has come; its bytes live until the event returns, those of a direction that has no other until the call
     * is closed or h2_recv returns. */
    void (*message)(void *owner, struct h2_call *call, struct bytes message);
    /* Server, client-streaming methods: no more messages will come. May be NULL. */
    void (*half_closed)(void *owner, struct h2_call *call);
    void (*closed)(void *owner, struct h2_call *call, const struct h2_outcome *outcome);
    /* The bytes queued by a call fell below the low-water mark. May be NULL. */
    void (*drained)(void *owner, struct h2_call *call);
    /* Server: a request was refused by the engine. May be NULL. */
    void (*refused)(void *owner, enum h2_refusal refusal);
    /* Client: the peer has said how many calls it takes (h2_capacity). May be NULL. */
    void (*settings)(void *owner);
    /* Client: the peer takes no new calls on this connection. May be NULL. */
    void (*draining)(void *owner);
    /* An h2_ping was answered. May be NULL. */
    void (*pong)(void *owner);
};

struct h2_limits {
    uint32_t max_streams;  /* server: calls at once on a connection */
    size_t message_bytes;  /* a message from the peer */
    size_t header_bytes;   /* a header list from the peer, as RFC 9113 section 6.5.2 counts it */
    size_t buffered_bytes; /* of one connection: unfinished messages in, and those that wait in calls to be
                                         sent; beside it the output, of about a megabyte */
    uint32_t stream_window_bytes;     /* what a peer may send on a call before it is read */
    uint32_t connection_window_bytes; /* what it may send on all of them */
    uint32_t resets_burst; /* server: calls that the client resets, or breaks so that they are reset: so */
    uint32_t resets_per_second; /*   many at once, and so many in the long run */
    uint32_t pings_burst; /* likewise frames that cost the peer nothing: PING, SETTINGS, PRIORITY, GOAWAY,
                                         DATA that is empty or padding alone, DATA for calls that are over, on a
                                         client resets of those beyond one a call, and looks at all streams; each
                                         DATA frame sent earns one more (peers that measure their bandwidth answer
                                         data with pings) */
    uint32_t pings_per_second;
};

/* Values fit for a cache: 100 streams, messages of 5,243,000 bytes, windows for a gigabit across an ocean. */
extern const struct h2_limits h2_default_limits;

struct h2_config {
    enum h2_role role;
    const struct h2_methods *methods;
    const struct h2_events *events;
    void *owner;
    struct h2_limits limits;
    /* Server: sent with the status of a message over the limit; may be NULL. */
    struct metadata *message_size_trailers;
    /* Client: the :authority of every call, and whether their :scheme is https. */
    const char *authority;
    bool is_secure;
};

/* An engine: all of it. The functions below call it; nobody else does. */
struct h2_engine {
    const char *name;
    struct h2_connection *(*open)(const struct h2_config *config);
    void (*close)(struct h2_connection *connection);
    bool (*recv)(struct h2_connection *connection, struct bytes input, int64_t now_ns);
    struct bytes (*pending)(struct h2_connection *connection);
    void (*sent)(struct h2_connection *connection, size_t size);
    void (*drain)(struct h2_connection *connection);
    bool (*finished)(const struct h2_connection *connection);
    bool (*ping)(struct h2_connection *connection);
    size_t (*capacity)(const struct h2_connection *connection);
    const char *(*error)(const struct h2_connection *connection);
    struct h2_call *(*call_start)(struct h2_connection *connection, unsigned method,
                                  struct metadata *metadata, int64_t timeout_ns, void *user);
    uint8_t *(*message_begin)(struct h2_call *call, size_t size);
    void (*message_end)(struct h2_call *call);
    void (*half_close)(struct h2_call *call);
    void (*finish)(struct h2_call *call, enum status status, struct bytes message, struct metadata *trailers);
    void (*cancel)(struct h2_call *call);
    size_t (*queued)(const struct h2_call *call);
    size_t (*room)(const struct h2_connection *connection);
};

extern const struct h2_engine h2_engine_mayfly;
extern const struct h2_engine h2_engine_nghttp2; /* in builds that compare the two */

/* What servers and clients use: ours, unless the build was told otherwise. */
extern const struct h2_engine *const h2_engine_default;

/* What a connection of any engine begins with. */
struct h2_connection {
    const struct h2_engine *engine;
    size_t calls; /* open ones */
};

/* What a call of any engine begins with. */
struct h2_call_base {
    struct h2_call call;
    struct h2_connection *connection;
};

static inline struct h2_connection *h2_call_connection(const struct h2_call *call)
{
    return ((const struct h2_call_base *)call)->connection;
}

/* A new connection, or NULL when memory is out. Its first bytes are pending at once. */
static inline struct h2_connection *h2_open(const struct h2_engine *engine, const struct h2_config *config)
{
    return engine->open(config);
}

/* Ends the connection: every open call is closed (UNAVAILABLE on a client). */
static inline void h2_close(struct h2_connection *connection)
{
    connection->engine->close(connection);
}

/* Takes bytes from the peer. False when the connection is over: send what is pending, then close. */
static inline bool h2_recv(struct h2_connection *connection, struct bytes input, int64_t now_ns)
{
    return connection->engine->recv(connection, input, now_ns);
}

/* Bytes that wait to be sent, a bounded piece of them: ask again once they are sent, until there are none. They
 * live until the next call into the connection other than h2_sent. Events may come from in here. */
static inline struct bytes h2_pending(struct h2_connection *connection)
{
    return connection->engine->pending(connection);
}

/* The first SIZE of the pending bytes have been sent. */
static inline void h2_sent(struct h2_connection *connection, size_t size)
{
    connection->engine->sent(connection, size);
}

/* Begins a graceful end: the peer is told to start no more calls, those under way go on. A client's calls of which nothing
 * is written end as unseen. */
static inline void h2_drain(struct h2_connection *connection)
{
    connection->engine->drain(connection);
}

/* Whether a drained or broken connection has nothing more to say or to hear. */
static inline bool h2_finished(const struct h2_connection *connection)
{
    return connection->engine->finished(connection);
}

/* Asks the peer for a sign of life, answered by the event `pong`. False when the connection is over or memory is out. */
static inline bool h2_ping(struct h2_connection *connection)
{
    return connection->engine->ping(connection);
}

/* Client: how many more calls the peer takes now. Zero while draining. */
static inline size_t h2_capacity(const struct h2_connection *connection)
{
    return connection->engine->capacity(connection);
}

/* Why the connection is over, or is about to be, as a sentence for a log; "" while all is well. */
static inline const char *h2_error(const struct h2_connection *connection)
{
    return connection->engine->error(connection);
}

/* Client: starts a call; USER is its `user`. NULL when memory is out or h2_capacity is zero. The
 * metadata is held while the call lasts. Follow with one message (or more on a client-streaming
 * method) and h2_half_close. timeout_ns may be CLOCK_NEVER. */
static inline struct h2_call *h2_call_start(struct h2_connection *connection, unsigned method,
                                            struct metadata *metadata, int64_t timeout_ns, void *user)
{
    return connection->engine->call_start(connection, method, metadata, timeout_ns, user);
}

/* Begins a message of exactly SIZE bytes and gives the place to write them; NULL when memory is out, when
 * the call is finished, when the connection is over, or when more is queued than the limits allow. h2_message_end must follow before any
 * other use of the connection. */
static inline uint8_t *h2_message_begin(struct h2_call *call, size_t size)
{
    return h2_call_connection(call)->engine->message_begin(call, size);
}

static inline void h2_message_end(struct h2_call *call)
{
    h2_call_connection(call)->engine->message_end(call);
}

/* Client: no more messages will follow. */
static inline void h2_half_close(struct h2_call *call)
{
    h2_call_connection(call)->engine->half_close(call);
}

/* Server: ends the call with a status behind its messages, whatever the status says: those
 * that wait for flow control still go first. MESSAGE and TRAILERS are copied or held; TRAILERS may
 * be NULL. The event `closed` follows. */
static inline void h2_finish(struct h2_call *call, enum status status, struct bytes message,
                             struct metadata *trailers)
{
    h2_call_connection(call)->engine->finish(call, status, message, trailers);
}

/* Ends the call at once, from either end, and drops what it has queued. No event follows; the call is gone. From a
 * server it is for a client that asks for more than it may, and tells it that: RESOURCE_EXHAUSTED. */
static inline void h2_call_cancel(struct h2_call *call)
{
    h2_call_connection(call)->engine->cancel(call);
}

/* Bytes of messages that the call has queued and that have not been handed out as pending. A message that is the only
 * one of its direction is not counted while it lies in the connection's output, which is bounded. */
static inline size_t h2_queued(const struct h2_call *call)
{
    return h2_call_connection(call)->engine->queued(call);
}

/* How large a message may be begun now by any call of the connection: what the limits allow to be queued and is not. */
static inline size_t h2_room(const struct h2_connection *connection)
{
    return connection->engine->room(connection);
}

/* For engines: the table's entry for a path; UINT_MAX where there is none. */
unsigned h2_methods_find(const struct h2_methods *methods, struct bytes path);
const struct h2_method *h2_methods_at(const struct h2_methods *methods, unsigned method);

#endif
