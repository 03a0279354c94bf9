/* Bytes from anywhere into a connection of the HTTP/2 engine, whose owner answers, cancels and pings as a
 * real one would. Nothing may crash, and each call that was begun must end exactly once.
 *
 * The first byte of an input chooses the end (bit 0: server or client), whether the engine is drained or
 * cancels calls on the way (bits 1 and 2), and the size of the slices in which the rest is fed. A server
 * is given the client's preface first, so that every input gets past it. */
#include "base/clock.h"
#include "rpc/h2.h"

#include <stdlib.h>

enum { UNARY, STREAM_IN, STREAM_OUT, STREAM_BOTH, METHODS };

static const struct h2_method methods[METHODS] = {
    [UNARY] = {.path = "/s/U"},
    [STREAM_IN] = {.path = "/s/I", .client_streams = true},
    [STREAM_OUT] = {.path = "/s/O", .server_streams = true},
    [STREAM_BOTH] = {.path = "/s/B", .client_streams = true, .server_streams = true},
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct owner {
    struct h2_connection *h2;
    bool is_server;
    bool cancels;
    size_t begun;
    size_t ended;
    size_t messages;
};

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static bool reply(struct h2_call *call, struct bytes message)
{
    uint8_t *to = h2_message_begin(call, message.size);
    if (to == NULL)
        return false;
    bytes_copy(to, message.data, message.size);
    h2_message_end(call);
    return true;
}

static void on_opened(void *owner, struct h2_call *call)
{
    ((struct owner *)owner)->begun++;
    insist(call->method < METHODS && call->metadata != NULL && call->timeout_ns >= 0);
}

static void on_message(void *user, struct h2_call *call, struct bytes message)
{
    struct owner *owner = user;
    owner->messages++;
    if (owner->cancels && owner->messages % 2 == 0) {
        h2_call_cancel(call);
        owner->ended++;
    } else if (owner->is_server) {
        bool sent = reply(call, message);
        if (!sent || !methods[call->method].client_streams)
            h2_finish(call, sent ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED, message, call->metadata);
    }
}

static void on_half_closed(void *owner, struct h2_call *call)
{
    (void)owner;
    h2_finish(call, STATUS_NOT_FOUND, bytes_of("gone, 100%"), NULL);
}

static void on_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)call;
    ((struct owner *)owner)->ended++;
    insist((unsigned)outcome->status < STATUS_COUNT);
}

static const struct h2_events events = {
    .opened = on_opened, .message = on_message, .half_closed = on_half_closed, .closed = on_closed};

static void start_calls(struct owner *owner)
{
    for (unsigned method = 0; method < METHODS; method++) {
        struct h2_call *call = h2_call_start(owner->h2, method, NULL, CLOCK_NS_PER_S, NULL);
        insist(call != NULL);
        owner->begun++;
        insist(reply(call, bytes_of("hello")));
        if (method != STREAM_BOTH)
            h2_half_close(call);
    }
    (void)h2_ping(owner->h2);
}

static void send_pending(struct h2_connection *h2)
{
    struct bytes pending;
    while ((pending = h2_pending(h2)).size > 0)
        h2_sent(h2, pending.size);
}

/* Feeds a slice in a block of its own, so that a read beyond or after it is seen. */
static bool feed(struct h2_connection *h2, const uint8_t *data, size_t size, int64_t now_ns)
{
    uint8_t *block = malloc(size);
    insist(block != NULL);
    memcpy(block, data, size);
    bool goes_on = h2_recv(h2, bytes_make(block, size), now_ns);
    free(block);
    send_pending(h2);
    return goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct h2_methods *table = h2_methods_create(methods, METHODS);
    insist(table != NULL);
    struct owner owner = {.is_server = (data[0] & 1) == 0, .cancels = (data[0] & 4) != 0};
    struct h2_config config = {
        .role = owner.is_server ? H2_SERVER : H2_CLIENT,
        .methods = table,
        .events = &events,
        .owner = &owner,
        .limits = h2_default_limits,
        .authority = "fuzz",
    };
    config.limits.message_bytes = 1000;
    config.limits.header_bytes = 1000;
    config.limits.buffered_bytes = 3000;
    owner.h2 = h2_open(&h2_engine_mayfly, &config);
    insist(owner.h2 != NULL);

    bool goes_on = true;
    if (owner.is_server)
        goes_on = feed(owner.h2, (const uint8_t *)preface, sizeof preface - 1, 1);
    else
        start_calls(&owner);
    send_pending(owner.h2);
    size_t slice = data[0] >> 3 == 0 ? size : data[0] >> 3;
    for (size_t at = 1; goes_on && at < size; at += slice) {
        if ((data[0] & 2) != 0 && at > size / 2)
            h2_drain(owner.h2);
        goes_on = feed(owner.h2, data + at, size - at < slice ? size - at : slice, (int64_t)at);
    }
    h2_close(owner.h2);
    insist(owner.begun == owner.ended);
    h2_methods_destroy(table);
    return 0;
}
