/* A client and a server of ours, back to back in memory. What each end hears about a call is written down as
 * a story, such as "opened message(hello) closed(OK)", which tests compare with the one they expect. Bytes
 * are cut as the test says, and each piece is a block of its own that is gone after it was received, so
 * that the address sanitizer sees what is read too late or too far. */
#ifndef MAYFLY_TESTS_RPC_H2_PAIR_H
#define MAYFLY_TESTS_RPC_H2_PAIR_H

#include "base/buffer.h"
#include "base/clock.h"
#include "rpc/h2.h"
#include "rpc/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { UNARY, STREAM_IN, STREAM_OUT, STREAM_BOTH, PAIR_METHODS };

static const struct h2_method pair_methods[PAIR_METHODS] = {
    [UNARY] = {.path = "/test.Service/Unary"},
    [STREAM_IN] = {.path = "/test.Service/StreamIn", .client_streams = true},
    [STREAM_OUT] = {.path = "/test.Service/StreamOut", .server_streams = true},
    [STREAM_BOTH] = {.path = "/test.Service/StreamBoth", .client_streams = true, .server_streams = true},
};

/* The engines of the two ends, for all pairs that are opened from now on. */
static const struct h2_engine *pair_client_engine = &h2_engine_mayfly;
static const struct h2_engine *pair_server_engine = &h2_engine_mayfly;

#define PAIR_TALKS       4096
#define PAIR_STORY_BYTES 512

/* A call as one end sees it. */
struct talk {
    struct h2_call *call; /* NULL once it is gone */
    char story[PAIR_STORY_BYTES];
    struct buffer last_message;
    size_t messages;
    struct metadata *metadata; /* server: the request's, held; client: the reply's trailers, held */
    int64_t timeout_ns;
    unsigned method;
    enum status status; /* client: from here on, how the call ended */
    char status_message[256];
    bool unseen;
};

struct pair_end {
    struct pair *pair;
    struct h2_connection *h2;
    struct talk talks[PAIR_TALKS];
    size_t talk_count;
    bool over;       /* h2_recv said so */
    size_t cut_at;   /* no piece that arrives goes beyond this place of the stream of bytes */
    size_t received; /* bytes so far */
    size_t refused[H2_REFUSALS];
    size_t settings;
    size_t draining;
    size_t pongs;
};

struct pair {
    struct pair_end client;
    struct pair_end server;
    struct h2_methods *methods;
    int64_t now_ns;
    size_t piece_bytes; /* the largest piece; 0: all that is there */
    uint64_t random;    /* not 0: pieces of random size up to piece_bytes */
    /* What the server does at a message; a unary echo where it is NULL. */
    void (*answer)(struct pair_end *server, struct talk *talk, struct bytes message);
    void (*answer_half_close)(struct pair_end *server, struct talk *talk);
    void (*answer_opened)(struct pair_end *server, struct talk *talk);
    void (*on_drained)(struct pair_end *server, struct talk *talk);
};

/* --- Events --- */

__attribute__((format(printf, 2, 3))) static inline void talk_tell(struct talk *talk, const char *format, ...)
{
    size_t used = strlen(talk->story);
    const char *space = used > 0 ? " " : "";
    char part[PAIR_STORY_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    (void)snprintf(talk->story + used, sizeof talk->story - used, "%s%.64s", space, part);
}

static inline struct talk *talk_add(struct pair_end *end, struct h2_call *call)
{
    assert_true(end->talk_count < PAIR_TALKS);
    struct talk *talk = &end->talks[end->talk_count++];
    talk->call = call;
    talk->method = call->method;
    call->user = talk;
    return talk;
}

static inline void talk_send(struct talk *talk, struct bytes message)
{
    uint8_t *to = h2_message_begin(talk->call, message.size);
    assert_non_null(to);
    bytes_copy(to, message.data, message.size);
    h2_message_end(talk->call);
}

static inline void talk_finish(struct talk *talk, enum status status, const char *message)
{
    h2_finish(talk->call, status, bytes_of(message), NULL);
}

/* Leaves a call to the test. */
static inline void answer_nothing(struct pair_end *server, struct talk *talk, struct bytes message)
{
    (void)server;
    (void)talk;
    (void)message;
}

static inline void pair_on_opened(void *owner, struct h2_call *call)
{
    struct pair_end *end = owner;
    struct talk *talk = talk_add(end, call);
    talk->timeout_ns = call->timeout_ns;
    talk->metadata = metadata_hold(call->metadata);
    talk_tell(talk, "opened");
    if (end->pair->answer_opened != NULL)
        end->pair->answer_opened(end, talk);
}

static inline void pair_on_message(void *owner, struct h2_call *call, struct bytes message)
{
    struct pair_end *end = owner;
    struct talk *talk = call->user;
    assert_non_null(talk);
    assert_ptr_equal(talk->call, call);
    talk->messages++;
    talk->last_message.size = 0;
    assert_true(buffer_append(&talk->last_message, message));
    if (message.size <= 32)
        talk_tell(talk, "message(%.*s)", (int)message.size, (const char *)message.data);
    else
        talk_tell(talk, "message(%zu bytes)", message.size);
    if (end != &end->pair->server)
        return;
    if (end->pair->answer != NULL) {
        end->pair->answer(end, talk, message);
    } else {
        talk_send(talk, message);
        talk_finish(talk, STATUS_OK, "");
    }
}

static inline void pair_on_half_closed(void *owner, struct h2_call *call)
{
    struct pair_end *end = owner;
    struct talk *talk = call->user;
    talk_tell(talk, "half_closed");
    if (end->pair->answer_half_close != NULL)
        end->pair->answer_half_close(end, talk);
    else
        talk_finish(talk, STATUS_OK, "");
}

static inline void pair_on_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    struct pair_end *end = owner;
    struct talk *talk = call->user;
    assert_non_null(talk);
    assert_ptr_equal(talk->call, call);
    talk->call = NULL;
    talk->status = outcome->status;
    talk->unseen = outcome->unseen;
    (void)snprintf(talk->status_message, sizeof talk->status_message, "%.*s", (int)outcome->message.size,
                   outcome->message.size > 0 ? (const char *)outcome->message.data : "");
    talk_tell(talk, "closed(%s)", status_name(outcome->status));
    if (end == &end->pair->client && outcome->trailers != NULL)
        talk->metadata = metadata_hold(outcome->trailers);
}

static inline void pair_on_drained(void *owner, struct h2_call *call)
{
    struct pair_end *end = owner;
    talk_tell(call->user, "drained");
    if (end->pair->on_drained != NULL)
        end->pair->on_drained(end, call->user);
}

static inline void pair_on_refused(void *owner, enum h2_refusal refusal)
{
    ((struct pair_end *)owner)->refused[refusal]++;
}

static inline void pair_on_settings(void *owner)
{
    ((struct pair_end *)owner)->settings++;
}

static inline void pair_on_draining(void *owner)
{
    ((struct pair_end *)owner)->draining++;
}

static inline void pair_on_pong(void *owner)
{
    ((struct pair_end *)owner)->pongs++;
}

static const struct h2_events pair_events = {
    .opened = pair_on_opened,
    .message = pair_on_message,
    .half_closed = pair_on_half_closed,
    .closed = pair_on_closed,
    .drained = pair_on_drained,
    .refused = pair_on_refused,
    .settings = pair_on_settings,
    .draining = pair_on_draining,
    .pong = pair_on_pong,
};

/* --- The pair --- */

static inline struct h2_config pair_config(struct pair *pair, enum h2_role role)
{
    return (struct h2_config){
        .role = role,
        .methods = pair->methods,
        .events = &pair_events,
        .owner = role == H2_CLIENT ? &pair->client : &pair->server,
        .limits = h2_default_limits,
        .authority = "localhost",
    };
}

/* A pair without connections; the test opens them with configurations of its own. */
static inline struct pair *pair_new(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->client.pair = pair->server.pair = pair;
    pair->client.cut_at = pair->server.cut_at = SIZE_MAX;
    pair->now_ns = CLOCK_NS_PER_S;
    pair->methods = h2_methods_create(pair_methods, PAIR_METHODS);
    assert_non_null(pair->methods);
    return pair;
}

static inline void pair_open(struct pair *pair, const struct h2_config *client,
                             const struct h2_config *server)
{
    pair->client.h2 = h2_open(pair_client_engine, client);
    pair->server.h2 = h2_open(pair_server_engine, server);
    assert_non_null(pair->client.h2);
    assert_non_null(pair->server.h2);
}

static inline void end_close(struct pair_end *end)
{
    if (end->h2 != NULL)
        h2_close(end->h2);
    end->h2 = NULL;
}

static inline void pair_free(struct pair *pair)
{
    struct pair_end *ends[] = {&pair->client, &pair->server};
    for (size_t e = 0; e < 2; e++) {
        end_close(ends[e]);
        for (size_t i = 0; i < ends[e]->talk_count; i++) {
            buffer_free(&ends[e]->talks[i].last_message);
            metadata_release(ends[e]->talks[i].metadata);
        }
    }
    h2_methods_destroy(pair->methods);
    free(pair);
}

/* Hands one piece to an end, in a block of its own. */
static inline void end_receive(struct pair_end *end, struct bytes piece)
{
    uint8_t *block = malloc(piece.size);
    assert_non_null(block);
    memcpy(block, piece.data, piece.size);
    if (!h2_recv(end->h2, bytes_make(block, piece.size), end->pair->now_ns))
        end->over = true;
    end->received += piece.size;
    free(block);
}

static inline size_t end_piece_bytes(struct pair_end *end, size_t waiting)
{
    struct pair *pair = end->pair;
    size_t size = pair->piece_bytes > 0 && pair->piece_bytes < waiting ? pair->piece_bytes : waiting;
    if (pair->random != 0)
        size = 1 + random_next(&pair->random) % size;
    if (end->received < end->cut_at && end->cut_at - end->received < size)
        size = end->cut_at - end->received;
    return size;
}

/* Moves what is pending at FROM to TO; false when there was nothing. */
static inline bool pair_move(struct pair_end *from, struct pair_end *to)
{
    struct bytes pending = h2_pending(from->h2);
    if (pending.size == 0)
        return false;
    size_t size = end_piece_bytes(to, pending.size);
    if (!to->over)
        end_receive(to, bytes_make(pending.data, size));
    h2_sent(from->h2, size);
    return true;
}

/* Moves bytes both ways until both ends have nothing to say. */
static inline void pair_run(struct pair *pair)
{
    bool moved = true;
    while (moved) {
        moved = pair_move(&pair->client, &pair->server);
        moved = pair_move(&pair->server, &pair->client) || moved;
    }
}

/* A pair with the usual configurations that have greeted each other. */
static inline struct pair *pair_ready(void)
{
    struct pair *pair = pair_new();
    struct h2_config client = pair_config(pair, H2_CLIENT);
    struct h2_config server = pair_config(pair, H2_SERVER);
    pair_open(pair, &client, &server);
    pair_run(pair);
    return pair;
}

/* --- Calls --- */

static inline struct talk *call_start_with(struct pair *pair, unsigned method, struct metadata *metadata,
                                           int64_t timeout_ns)
{
    struct h2_call *call = h2_call_start(pair->client.h2, method, metadata, timeout_ns, NULL);
    assert_non_null(call);
    return talk_add(&pair->client, call);
}

static inline struct talk *call_start(struct pair *pair, unsigned method)
{
    return call_start_with(pair, method, NULL, CLOCK_NEVER);
}

/* A whole request of one message. */
static inline struct talk *call_with(struct pair *pair, unsigned method, const char *message)
{
    struct talk *talk = call_start(pair, method);
    talk_send(talk, bytes_of(message));
    h2_half_close(talk->call);
    return talk;
}

static inline struct metadata *metadata_of_pairs(const struct metadata_pair *pairs, size_t count)
{
    struct metadata *metadata = metadata_create(pairs, count);
    assert_non_null(metadata);
    return metadata;
}

static inline struct metadata *metadata_of_text(const char *name, const char *value)
{
    struct metadata_pair pair = {bytes_of(name), bytes_of(value)};
    return metadata_of_pairs(&pair, 1);
}

static inline void assert_bytes(struct bytes bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

/* Runs all tests of a file with each engine at each end, so that ours meets itself and the one it is measured by. */
static inline int pair_run_all(const char *name, const struct CMUnitTest *tests, size_t count)
{
    static const struct h2_engine *const engines[] = {&h2_engine_mayfly, &h2_engine_nghttp2};
    int failures = 0;
    for (size_t i = 0; i < 4; i++) {
        pair_client_engine = engines[i / 2];
        pair_server_engine = engines[i % 2];
        print_message("client: %s, server: %s\n", pair_client_engine->name, pair_server_engine->name);
        failures += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    }
    return failures;
}

#define pair_run_tests(tests) pair_run_all(#tests, tests, sizeof(tests) / sizeof(tests)[0])

#endif
