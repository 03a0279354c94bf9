/* What the files of our engine share: a connection, a call, and who does what with them.
 *
 *     engine.c          a connection: its beginning and end, the bytes that come and go
 *     engine_frames.c   what each kind of frame from the peer does
 *     engine_headers.c  header blocks read and written
 *     engine_call.c     the life of a call, and what it sends
 *     engine_server.c   what a server makes of a request
 *     engine_client.c   what a client makes of a reply
 *
 * docs/http2.md says how they work together. */
#ifndef MAYFLY_RPC_ENGINE_H
#define MAYFLY_RPC_ENGINE_H

#include "base/list.h"
#include "rpc/allowance.h"
#include "rpc/field_rules.h"
#include "rpc/h2_frame.h"
#include "rpc/prepared_blocks.h"
#include "rpc/seen_blocks.h"
#include "rpc/stream_table.h"
#include "rpc/verdicts.h"

#define OUTPUT_HIGH_BYTES   ((size_t)1 << 20)  /* of output; with more there, calls wait */
#define CALL_TRIM_BYTES     ((size_t)64 << 10) /* of a call's output; of more, a quarter is in use */
#define CALL_KEEP_BYTES     ((size_t)1024) /* what each buffer of a call may hold on to when it is not in use */

/* Of a frame or a header block; docs/http2.md has the reasons. */
#define SETTINGS_MAX        ((size_t)32)
#define CONTINUATIONS_MAX   32
#define HEADER_FIELDS_MAX   96
#define HEADER_BLOCK_FACTOR 8 /* times the bytes that its fields may have, as it comes */

/* What the peer allows. */
struct peer_settings {
    uint32_t max_streams;
    uint32_t stream_window_bytes;
};

/* A DATA frame of which a part has come. */
struct data_frame {
    uint32_t stream_id; /* 0: none is under way */
    size_t content;     /* bytes of it to come, */
    size_t padding;     /* and of what follows them */
    bool ends;
};

/* A header block, until it has come whole. */
struct header_frame {
    uint32_t stream_id; /* 0: none is under way */
    bool ends;
    unsigned continuations;
    struct buffer block;
};

/* Streams that we have reset, and whose peer may not have heard of it: as many as may be open, and again as many, so that
 * those that are forgotten were heard of. */
struct reset_memory {
    uint32_t *ids; /* at the place of each, the newest; NULL until the first */
    size_t mask;
};

/* Client: the field for the timeout of the last call. */
struct timeout_field {
    struct buffer bytes;
    int64_t timeout_ns;
    uint8_t text[GRPC_TIMEOUT_TEXT_BYTES]; /* what it says of that */
    size_t text_size;
    uint64_t generation; /* of the encoder's table in which it says that, or TIMEOUT_VOID */
};

#define TIMEOUT_VOID UINT64_MAX /* it may not be sent again */

struct engine_connection {
    struct h2_connection base;
    struct h2_config config;
    int64_t now_ns;

    /* In */
    size_t preface_left;   /* server: bytes of the client's preface that have not come */
    struct buffer partial; /* a frame that has not come whole, but for its content */
    struct data_frame data;
    struct header_frame header;
    bool has_settings;         /* the peer's first frame has come */
    unsigned settings_unacked; /* of ours */
    uint32_t received_bytes;   /* of content, since the peer's window was last opened */

    /* Out. Places in the stream of bytes are counted from its beginning. */
    struct buffer out;
    size_t out_sent;
    uint64_t sent_bytes;  /* ever, of all that was in `out` */
    uint64_t shown_bytes; /* ever, as far as the owner has seen it */
    int64_t send_window;
    size_t buffered_bytes; /* unfinished messages in, unsent ones out */

    struct hpack_decoder decoder;
    struct seen_blocks seen;
    struct field_list fields; /* of the block being read */
    struct metadata_ring known;

    struct hpack_encoder encoder;
    struct prepared_blocks prepared;
    struct buffer block; /* being written */
    struct timeout_field timeout;

    struct stream_table streams;
    struct list borrowed;  /* calls whose message lies in the input being read */
    struct list sending;   /* calls that have something to send, and a window for it */
    struct list unwritten; /* client: calls that have no stream yet, since the output is at its bound */
    struct list done;      /* calls that have ended, until their owner is told */
    struct list spare;
    size_t spares;
    int64_t used_ns; /* when a call was last begun, by the newest reading of the clock */

    struct peer_settings peer;
    uint32_t last_id; /* server: the highest stream that the client began; client: the last one of ours */
    uint32_t processed_id;           /* server: likewise, of those that were looked at */
    struct reset_memory reset_by_us; /* server */
    struct allowance resets;
    struct allowance chatter; /* frames that cost the sender nothing and the receiver some work */
    uint64_t late_resets;     /* client: resets of calls that were over */
    size_t pings;             /* sent and not answered */
    uint32_t goaway_last;     /* as the peer said last */
    bool draining;
    bool goaway_sent; /* one that names the last stream, and no error */
    bool goaway_heard;
    bool over; /* nothing that the peer says matters any more, and nothing more is said to it */
    char error[128];
};

struct engine_call {
    struct h2_call_base base;
    struct list link; /* among the unwritten, the done or the spare ones */
    struct list borrowed;
    struct list sending;
    uint32_t stream_id; /* 0: unwritten */

    bool opened;        /* the owner knows it */
    bool ended;         /* cancelled or closed: no more events */
    bool gone;          /* its stream is over */
    bool remote_closed; /* the peer has half-closed */
    bool local_closed;  /* and so have we, on the wire */
    bool finished;      /* no more messages from our side */
    bool submitted;     /* server: reply headers are on their way */
    bool replied;       /* server: handed over to the last byte */
    bool is_compressed; /* server: the client named an encoding */
    bool has_message;
    bool has_data_frame;
    bool has_verdict;

    int64_t send_window;
    uint32_t received_bytes; /* of content, since the peer's window was last opened */
    uint32_t reset_code;     /* with which the stream ended */

    struct bytes message; /* the one message of a unary direction */
    struct field_rules rules;

    size_t out_taken; /* of `out` */
    uint8_t *begun; /* where the message being written lies, if that is the connection's output; else NULL */
    size_t begun_bytes;  /* with its prefix */
    uint64_t data_at;    /* where the last frame of content begins, if there is one */
    uint64_t headers_at; /* client: where the request begins */

    enum status status; /* server: of the reply */
    struct metadata *trailers;
    struct verdict verdict; /* client: the outcome whatever the reply says, where there is one */

    /* From here on a recycled call keeps its memory. */
    struct grpc_assembler in;
    struct buffer out; /* messages that have no window yet, or not the room */
    struct buffer status_message;
    struct reply_headers reply; /* client */
};

#define CALL_FORGOTTEN_BYTES offsetof(struct engine_call, in)

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

static inline bool is_server(const struct engine_connection *connection)
{
    return connection->config.role == H2_SERVER;
}

static inline size_t call_out_bytes(const struct engine_call *call)
{
    return call->out.size - call->out_taken;
}

static inline const struct h2_method *method_of(const struct engine_call *call)
{
    return h2_methods_at(owner_of(call)->config.methods, call->base.call.method);
}

/* Counts what a call holds in memory, where it was BEFORE and is AFTER bytes. Where that is less, the sum wraps around to
 * the right place. */
static inline void call_buffered(const struct engine_call *call, size_t before, size_t after)
{
    owner_of(call)->buffered_bytes += after - before;
}

/* Client: whether the peer may have heard of the call: the first byte of its request was taken for sending. */
static inline bool call_was_sent(const struct engine_call *call)
{
    return owner_of(call)->sent_bytes > call->headers_at;
}

/* How much waits to be sent. */
static inline size_t output_bytes(const struct engine_connection *connection)
{
    return connection->out.size - connection->out_sent;
}

/* Where the output ends, in the stream of bytes. */
static inline uint64_t output_end(const struct engine_connection *connection)
{
    return connection->sent_bytes + output_bytes(connection);
}

/* --- engine.c --- */

/* Room for SIZE bytes at the end of the output; NULL when the connection is over, or memory is out, and that ends it. */
uint8_t *engine_output(struct engine_connection *connection, size_t size);

/* Puts a frame into the output. */
void engine_put_frame(struct engine_connection *connection, struct frame frame, const void *payload);
void engine_put_number(struct engine_connection *connection, enum frame_type type, uint32_t stream_id,
                       uint32_t number);

/* Resets a stream, which counts against a peer that causes it. */
void engine_put_reset(struct engine_connection *connection, uint32_t stream_id, enum h2_code code);
void engine_put_goaway(struct engine_connection *connection, uint32_t last_id, enum h2_code code);

/* Ends the connection with a GOAWAY that carries CODE. */
void engine_fail(struct engine_connection *connection, enum h2_code code, const char *why);

/* Ends it without a word: there is no memory for one. */
void engine_break(struct engine_connection *connection);

/* Of the connection's errors the first is kept: WHY and DETAIL, one behind the other. */
void engine_set_error(struct engine_connection *connection, const char *why, const char *detail);

/* A frame that costs the sender nothing and the receiver some work. */
void engine_count_chatter(struct engine_connection *connection);

/* A request that the client begins and resets, or breaks so that it is reset, costs more than it earns. */
void engine_count_reset(struct engine_connection *connection);

/* Whether the peer may still send on a stream that we have reset, for want of news. */
bool engine_was_reset_by_us(const struct engine_connection *connection, uint32_t stream_id);

/* The answer to one of our pings has come. */
void engine_ponged(struct engine_connection *connection, const uint8_t opaque[PING_BYTES]);

/* --- engine_frames.c --- */

/* Whether a frame may come here and now, by its head; if not, the connection is over. */
bool engine_accept_frame(struct engine_connection *connection, struct frame frame);

/* A frame that has come whole; not for content. */
void engine_take_frame(struct engine_connection *connection, struct frame frame, struct bytes payload);

/* A frame of content begins, a piece of its content has come, it has ended. */
void engine_data_begins(struct engine_connection *connection, struct frame frame, size_t padding);
void engine_take_data(struct engine_connection *connection, struct bytes piece);
void engine_data_ended(struct engine_connection *connection);

/* Copies what still points into the input, which is about to go. */
void engine_keep_borrowed(struct engine_connection *connection);

/* --- engine_headers.c --- */

enum block_result {
    BLOCK_READ,
    BLOCK_MALFORMED,
    BLOCK_TOO_LARGE,
    BLOCK_NO_MEMORY, /* for what it says; the connection goes on */
    BLOCK_BROKEN,    /* and with it the connection */
};

/* Reads a request's first block. The metadata is held for the caller when the block was read. */
enum block_result engine_read_request(struct engine_connection *connection, struct bytes block,
                                      struct field_rules *rules, struct request_header *header);

/* Reads a block of a request that is under way, for nothing but its rules; ENDS: its frame ends the stream. */
enum block_result engine_read_trailers(struct engine_connection *connection, struct bytes block,
                                       struct field_rules *rules, bool ends);

/* Reads a block of a call's reply into what is known of it. */
enum block_result engine_read_reply(struct engine_connection *connection, struct bytes block,
                                    struct engine_call *call, bool ends);

/* Reads a block that nobody wants, for the sake of those that follow. */
enum block_result engine_skip_block(struct engine_connection *connection, struct bytes block);

/* Write the headers of a request, the beginning of a reply, and its end: with the trailers alone where nothing was
 * submitted before. */
void engine_write_request(struct engine_call *call);
void engine_write_reply(struct engine_call *call);
void engine_write_status(struct engine_call *call);

/* Ends a stream with a status of HTTP's and nothing else. */
void engine_write_http_status(struct engine_call *call, const char *http_status);

/* --- engine_call.c --- */

/* A fresh call, or NULL when memory is out; it gets its stream from the second, which may fail likewise. */
struct engine_call *engine_call_open(struct engine_connection *connection);
bool engine_call_on_stream(struct engine_call *call, uint32_t stream_id);

/* The call's stream is over. The owner is told soon, when no event is under way. */
void engine_call_end(struct engine_call *call, uint32_t code);

/* Resets the call's stream, which is over with that. */
void engine_call_reset(struct engine_call *call, enum h2_code code);

/* Tells the owner of the calls that have ended. */
void engine_tell_ended(struct engine_connection *connection);

/* Frees the spare ones. */
void engine_calls_trim(struct engine_connection *connection);

/* Forgets what has come, where nobody will want it any more. */
void engine_call_drop_input(struct engine_call *call);

/* The peer has opened the call's window or the connection's: it may send again. */
void engine_call_may_send(struct engine_call *call);

/* Puts into the output what windows and its bound allow. */
void engine_send(struct engine_connection *connection);

/* Client: ends the calls that have no stream yet. */
void engine_end_unwritten(struct engine_connection *connection);

/* Server: the reply is complete. */
void engine_call_replied(struct engine_call *call);

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

/* --- engine_server.c --- */

/* A request's first header block is here, and another one. The first gives its call, or NULL where it gets none. */
struct engine_call *engine_server_request(struct engine_connection *connection, uint32_t stream_id,
                                          struct bytes block, bool ends);
void engine_server_trailers(struct engine_call *call, struct bytes block, bool ends);

/* The client sends no more. */
void engine_server_half_closed(struct engine_call *call);

/* Answers a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void engine_server_refuse_message(struct engine_call *call, enum grpc_assembly problem);

/* --- engine_client.c --- */

/* A header block of the reply is here. */
void engine_client_reply(struct engine_call *call, struct bytes block, bool ends);

/* The reply is complete. */
void engine_client_half_closed(struct engine_call *call);

/* Ends a call on a message that cannot be taken; GRPC_MESSAGE: it is one too many. */
void engine_client_refuse_message(struct engine_call *call, enum grpc_assembly problem);

/* The connection is lost, and with it a call that may have been executed. */
void engine_client_lost(struct engine_call *call);

/* The call's stream is over: gives the events that are due. */
void engine_client_closed(struct engine_call *call);

#endif
