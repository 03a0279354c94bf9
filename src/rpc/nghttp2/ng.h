/* The HTTP/2 engine on nghttp2, the first behind h2.h, by which the one of ours is measured. What its files share: a
 * connection, a call, and who does what with them. It looks like ours in many places and shares no code of an engine with
 * it: an oracle that does proves less.
 *
 *     ng_connection.c  a connection: bytes in, frames, bytes out
 *     ng_requests.c    the header blocks of requests
 *     ng_call.c        the life of a call, and what it sends
 *     ng_server.c      what a server makes of a request
 *     ng_client.c      what a client makes of a reply */
#ifndef MAYFLY_RPC_NGHTTP2_NG_H
#define MAYFLY_RPC_NGHTTP2_NG_H

#include "base/list.h"
#include "rpc/allowance.h"
#include "rpc/grpc.h"
#include "rpc/h2.h"
#include "rpc/nghttp2/ng_requests.h"
#include "rpc/verdicts.h"

#define OUTPUT_HIGH_BYTES ((size_t)1 << 20) /* h2_pending gathers no more than about this */

struct ng_connection {
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

    struct ng_call *reading;      /* the call whose header block is being decoded */
    struct ng_requests *requests; /* server: made for the first request */

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

struct ng_call {
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
    struct verdict verdict;     /* client: the outcome whatever the reply says, where there is one */
    bool has_verdict;
};

static inline struct ng_connection *connection_of(struct h2_connection *connection)
{
    return (struct ng_connection *)connection;
}

static inline struct ng_call *call_of(struct h2_call *call)
{
    return (struct ng_call *)call;
}

static inline struct ng_connection *owner_of(const struct ng_call *call)
{
    return connection_of(call->base.connection);
}

static inline struct ng_call *call_at(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static inline bool is_server(const struct ng_connection *connection)
{
    return connection->config.role == H2_SERVER;
}

static inline size_t call_out_bytes(const struct ng_call *call)
{
    return call->out.size - call->out_taken;
}

/* Client: whether the peer may have heard of the call: the first byte of its request was taken for sending. */
static inline bool call_was_sent(const struct ng_call *call)
{
    return call->framed && owner_of(call)->sent_bytes > call->framed_at;
}

/* Counts what a call holds in memory, where it was BEFORE and is AFTER bytes. */
static inline void call_buffered(const struct ng_call *call, size_t before, size_t after)
{
    owner_of(call)->buffered_bytes += after - before;
}

/* --- ng_connection.c--- */

/* Ends the connection with a GOAWAY that carries CODE. */
void ng_fail(struct ng_connection *connection, uint32_t code, const char *why);

/* Passes judgement on what nghttp2 says to a request of ours: it only ever refuses for want of memory, and that
 * breaks the connection. */
void ng_check(struct ng_connection *connection, int error);

/* --- ng_call.c --- */

/* A fresh call among the open ones, or NULL when memory is out. */
struct ng_call *ng_call_open(struct ng_connection *connection, int32_t stream_id);

/* Puts a call back among the spare ones. Nobody may know it any more. */
void ng_call_recycle(struct ng_call *call);

/* Frees the spare ones. */
void ng_calls_trim(struct ng_connection *connection);

/* Forgets what has come, where nobody will want it any more. */
void ng_call_drop_input(struct ng_call *call);

/* Has nghttp2 reset the call's stream; it is closed once that is written. */
void ng_call_reset(struct ng_call *call, uint32_t error_code);

/* Server: ends the call with a status of HTTP's and nothing else. */
void ng_call_submit_http(struct ng_call *call, const char *http_status);

/* nghttp2 has framed a piece of a call's messages: it goes from the call straight to the output. */
int ng_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header, size_t size,
                    nghttp2_data_source *source, void *user);

/* The functions of struct h2_engine that concern calls. */
struct h2_call *ng_call_start(struct h2_connection *base, unsigned method, struct metadata *metadata,
                              int64_t timeout_ns, void *user);
uint8_t *ng_message_begin(struct h2_call *handle, size_t size);
void ng_message_end(struct h2_call *handle);
void ng_half_close(struct h2_call *handle);
void ng_finish(struct h2_call *handle, enum status status, struct bytes message, struct metadata *trailers);
void ng_cancel(struct h2_call *handle);
size_t ng_queued(const struct h2_call *handle);
size_t ng_room(const struct h2_connection *base);

/* --- ng_server.c --- */

/* The request's header block is complete. */
void ng_server_opened(struct ng_connection *connection, struct ng_call *call);

/* The client sends no more. */
void ng_server_half_closed(struct ng_connection *connection, struct ng_call *call);

/* Answers a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void ng_server_refuse_message(struct ng_call *call, enum grpc_assembly problem);

/* --- ng_client.c --- */

/* A field of the reply's header blocks. */
void ng_client_field(struct ng_call *call, struct bytes name, struct bytes value);

/* The reply is complete. */
void ng_client_reply_ended(struct ng_connection *connection, struct ng_call *call);

/* Ends a call on a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void ng_client_refuse_message(struct ng_call *call, enum grpc_assembly problem);

/* The call's stream is gone: gives the events that are due. */
void ng_client_closed(struct ng_call *call, uint32_t error_code);

#endif
