/* A request being served: what a method's handler is given, and how it answers.
 *
 * A handler is called once with the request's message. It answers at once or later, through the store's
 * completion; a call that has ended meanwhile makes the answer go nowhere, quietly. After a reply or a
 * failure the handler must not touch the request again. */
#ifndef MAYFLY_SERVER_REQUEST_H
#define MAYFLY_SERVER_REQUEST_H

#include "base/arena.h"
#include "server/worker.h"

#include <protobuf-c/protobuf-c.h>

struct server_request;
struct server_cache;
struct rig_plan;

/* A method of a service: the table in methods.c has one row for each. */
struct server_method {
    void (*handle)(struct server_request *request, struct bytes message);
    bool wants_cache; /* the metadata must name a cache that exists */
    bool is_open;     /* to callers without an API key too: for those who watch over the server */
    /* Streaming requests: no more messages will come. */
    void (*half_closed)(struct server_request *request);
    /* The server is going down: end the stream. NULL for calls that end by themselves. */
    void (*drain)(struct server_request *request);
};

struct server_request {
    struct list link; /* of its connection's unanswered ones, or of the worker's spare ones */
    struct server_connection *connection;
    struct server_worker *worker;
    struct h2_call *call; /* NULL once it has ended */
    const struct server_method *method;
    struct store_cache *cache; /* where the method wants one */
    struct server_cache *held; /* keeps it */
    struct timer deadline;
    struct arena arena;    /* for what the handler needs until it has answered */
    bool in_store;         /* a completion will come */
    bool finished;         /* answered to the end */
    bool is_watched;       /* its replies count against the quota or are those of a stream with a plan */
    bool holds_quota;      /* itself, not through `held` */
    struct quota *quota;   /* of its cache; NULL without rates */
    struct rig_plan *plan; /* of the test rig; NULL without the rig */

    void *state;                                    /* the handler's */
    void (*resume)(struct server_request *request); /* there is room for more of the reply */
    void (*ended)(
        struct server_request *request); /* once, when it is answered to the end or its call is gone */
};

/* The table of methods, and the same as the engine wants it. */
extern const struct server_method server_methods[];
extern const struct h2_method server_paths[];
extern const size_t server_methods_count;

struct server_request *server_request_open(struct server_connection *connection, struct h2_call *call);
/* A message has come. With a test rig it may be served later; without one it is served now. */
void server_request_handle(struct server_request *request, struct bytes message);
/* Finds the request's cache, holds it to its rates and calls the handler. */
void server_request_serve(struct server_request *request, struct bytes message);
/* The call has ended; the request goes once the store has let go of it. */
void server_request_closed(struct server_request *request);
/* Ends the call of a client that does not read, with all that waits for it; also one that is answered. */
void server_request_abort(struct server_request *request);
/* Frees the spare requests of a worker. */
void server_requests_free(struct server_worker *worker);

/* For methods whose message names the cache: counts the request, of SIZE bytes, against the rates of that cache, which
 * must be known to exist, and from then on its replies. False with the request failed. */
bool server_request_admit(struct server_request *request, struct bytes cache_name, size_t size);

/* Around a store operation: enter before it, leave first thing in its completion. Leave is false when the
 * call has been answered meanwhile or has ended, and then the request is not to be touched. */
static inline void server_request_enter_store(struct server_request *request)
{
    request->in_store = true;
}
bool server_request_leave_store(struct server_request *request);

/* Answers with a message of SIZE bytes: begin gives the place, or fails the request and gives NULL. */
uint8_t *server_reply_begin(struct server_request *request, size_t size);
/* Ends the message; `last` ends the call with OK too. */
void server_reply_end(struct server_request *request, bool last);

/* Answers with a generated message, in one go; `last` as above. False when the request had to be failed. */
bool server_reply_message(struct server_request *request, const ProtobufCMessage *message, bool last);

/* Ends the call with OK after the messages it has sent. */
void server_reply_finish(struct server_request *request);

/* Ends the call with a status and a sentence for whoever reads the client's log. */
void server_fail(struct server_request *request, enum status status, const char *message);
void server_fail_with_cause(struct server_request *request, enum status status, const char *message,
                            enum server_cause cause);

/* The failures that more than one method knows. */
void server_fail_argument(struct server_request *request, const char *field, const char *what);
void server_fail_limit(struct server_request *request, const char *field, const char *what,
                       enum server_cause cause);
void server_fail_malformed(struct server_request *request);
void server_fail_memory(struct server_request *request);

/* Fails the request as a store status asks for. */
void server_fail_store(struct server_request *request, enum store_status status);

/* The message unpacked into the request's arena, or NULL with the request failed. */
ProtobufCMessage *server_unpack(struct server_request *request, const ProtobufCMessageDescriptor *descriptor,
                                struct bytes message);

static inline struct bytes server_bytes(ProtobufCBinaryData data)
{
    return bytes_make(data.data, data.len);
}

#endif
