/* What the files of the nghttp2 engine share: a connection, a call, and who does what with them.
 *
 *     h2_nghttp2.c      a connection: bytes in, frames, bytes out
 *     nghttp2_call.c    the life of a call, and what it sends
 *     nghttp2_server.c  what a server makes of a request
 *     nghttp2_client.c  what a client makes of a reply */
#ifndef MAYFLY_RPC_NGHTTP2_ENGINE_H
#define MAYFLY_RPC_NGHTTP2_ENGINE_H

#include "base/list.h"
#include "rpc/allowance.h"
#include "rpc/grpc.h"
#include "rpc/h2.h"
#include "rpc/reply_headers.h"
#include "rpc/request_headers.h"

#define OUTPUT_HIGH_BYTES ((size_t)1 << 20) /* h2_pending gathers no more than about this */

struct engine_connection {
    struct h2_connection base;
    struct h2_config config;
    nghttp2_session *session;
    int64_t now_ns;

    struct buffer out;
    size_t out_sent;
    uint64_t sent_bytes; /* ever, of all that was in `out` */
    size_t buffered_bytes;

    struct list open;     /* every call */
    struct list borrowed; /* calls whose message lies in the input being read */
    struct list spare;
    size_t spares;
    int64_t used_ns; /* when a call was last begun, by the newest reading of the clock */

    struct engine_call *reading;      /* the call whose header block is being decoded */
    struct request_headers *requests; /* server: made for the first request */

    struct allowance resets;
    struct allowance chatter; /* frames that cost the sender nothing and the receiver some work */
    size_t pings;             /* sent and not answered */
    bool draining;
    bool drain_noticed; /* server: the last stream has been named */
    bool over;          /* nothing that the peer says matters any more */
    bool broken;        /* nothing more is said to the peer */
    bool has_error;
    char error[128];
};

struct engine_call {
    struct h2_call_base base;
    struct list link;
    struct list borrowed;
    int32_t stream_id;

    bool opened;        /* the owner knows it */
    bool ended;         /* cancelled or closed: no more events */
    bool remote_closed; /* the peer has half-closed */
    bool finished;      /* no more messages from our side */
    bool submitted;     /* server: reply headers are on their way */
    bool deferred;      /* nghttp2 waits for h2_message_end or h2_finish */
    bool framed;        /* client: the request's headers have gone to the connection's output ... */
    bool replied;       /* server: handed to nghttp2 to the last byte */
    bool is_compressed; /* server: the client named an encoding */
    bool has_message;

    uint64_t framed_at; /* ... where they begin, of all the bytes that ever went there */

    struct grpc_assembler in;
    struct bytes message; /* the one message of a unary direction */
    struct buffer out;
    size_t out_taken;

    enum status status; /* server: of the reply */
    struct buffer status_message;
    struct metadata *trailers;

    struct reply_headers reply; /* client */
    enum status failure_status; /* client: the outcome whatever the reply says, where there is a `failure` */
    const char *failure;
};

static inline struct engine_connection *connection_of(struct h2_connection *connection)
{
    return (struct engine_connection *)connection;
}

static inline struct engine_call *call_of(struct h2_call *call)
{
    return (struct engine_call *)call;
}

static inline struct engine_connection *owner_of(const struct engine_call *call)
{
    return connection_of(call->base.connection);
}

static inline struct engine_call *call_at(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static inline bool is_server(const struct engine_connection *connection)
{
    return connection->config.role == H2_SERVER;
}

static inline size_t call_out_bytes(const struct engine_call *call)
{
    return call->out.size - call->out_taken;
}

/* Client: whether the peer may have heard of the call: the first byte of its request was taken for sending. */
static inline bool call_was_sent(const struct engine_call *call)
{
    return call->framed && owner_of(call)->sent_bytes > call->framed_at;
}

/* Counts what a call holds in memory, where it was BEFORE and is AFTER bytes. */
static inline void call_buffered(const struct engine_call *call, size_t before, size_t after)
{
    owner_of(call)->buffered_bytes += after - before;
}

/* --- h2_nghttp2.c --- */

/* Ends the connection with a GOAWAY that carries CODE. */
void engine_fail(struct engine_connection *connection, uint32_t code, const char *why);

/* Passes judgement on what nghttp2 says to a request of ours: it only ever refuses for want of memory, and that
 * breaks the connection. */
void engine_check(struct engine_connection *connection, int error);

/* --- nghttp2_call.c --- */

/* A fresh call among the open ones, or NULL when memory is out. */
struct engine_call *engine_call_open(struct engine_connection *connection, int32_t stream_id);

/* Puts a call back among the spare ones. Nobody may know it any more. */
void engine_call_recycle(struct engine_call *call);

/* Frees the spare ones. */
void engine_calls_trim(struct engine_connection *connection);

/* Forgets what has come, where nobody will want it any more. */
void engine_call_drop_input(struct engine_call *call);

/* Has nghttp2 reset the call's stream; it is closed once that is written. */
void engine_call_reset(struct engine_call *call, uint32_t error_code);

/* Server: ends the call with a status of HTTP's and nothing else. */
void engine_call_submit_http(struct engine_call *call, const char *http_status);

/* nghttp2 has framed a piece of a call's messages: it goes from the call straight to the output. */
int engine_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header,
                        size_t size, nghttp2_data_source *source, void *user);

/* The functions of struct h2_engine that concern calls. */
struct h2_call *engine_call_start(struct h2_connection *base, unsigned method, struct metadata *metadata,
                                  int64_t timeout_ns, void *user);
uint8_t *engine_message_begin(struct h2_call *handle, size_t size);
void engine_message_end(struct h2_call *handle);
void engine_half_close(struct h2_call *handle);
void engine_finish(struct h2_call *handle, enum status status, struct bytes message,
                   struct metadata *trailers);
void engine_cancel(struct h2_call *handle);
size_t engine_queued(const struct h2_call *handle);
size_t engine_room(const struct h2_connection *base);

/* --- nghttp2_server.c --- */

/* The request's header block is complete. */
void engine_server_opened(struct engine_connection *connection, struct engine_call *call);

/* The client sends no more. */
void engine_server_half_closed(struct engine_connection *connection, struct engine_call *call);

/* Answers a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void engine_server_refuse_message(struct engine_call *call, enum grpc_assembly problem);

/* --- nghttp2_client.c --- */

/* A field of the reply's header blocks. */
void engine_client_field(struct engine_call *call, struct bytes name, struct bytes value);

/* The reply is complete. */
void engine_client_reply_ended(struct engine_connection *connection, struct engine_call *call);

/* Ends a call on a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void engine_client_refuse_message(struct engine_call *call, enum grpc_assembly problem);

/* The call's stream is gone: gives the events that are due. */
void engine_client_closed(struct engine_call *call, uint32_t error_code);

#endif
