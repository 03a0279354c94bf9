/* The life of a request and the ways to answer it. Requests are recycled by their worker, arena and all, so
 * that the usual one allocates nothing. */
#include "server/request.h"

#include "base/clock.h"
#include "server/quota.h"
#include "server/rig.h"

#include <stdio.h>
#include <stdlib.h>

#define SPARE_REQUESTS_MAX 1024

/* --- The cache that a request names --- */

/* Attached to the metadata of a connection's requests, so that a name is looked up once, and held by each request
 * that works on the cache, so that it stays while one of them waits. */
struct server_cache {
    unsigned references;
    struct server *server;
    struct store_cache *cache;
    struct quota *quota; /* NULL without rates */
    uint64_t epoch;      /* of the names when it was looked up */
};

static void cache_release(void *attachment)
{
    struct server_cache *cache = attachment;
    if (cache == NULL || --cache->references > 0)
        return;
    if (cache->cache != NULL)
        store_cache_release(cache->server->store, cache->cache);
    quotas_release(cache->server->quotas, cache->quota);
    free(cache);
}

/* The cache of this name with one reference, or NULL where there is none. */
static struct server_cache *cache_look_up(struct server *server, struct bytes name, uint64_t epoch,
                                          int64_t now_ns)
{
    struct server_cache *cache = malloc(sizeof *cache);
    if (cache == NULL)
        return NULL;
    *cache = (struct server_cache){.references = 1, .server = server, .epoch = epoch};
    cache->cache = store_cache_take(server->store, name);
    if (cache->cache != NULL && server->quotas != NULL)
        cache->quota = quotas_hold(server->quotas, name, now_ns);
    if (cache->cache != NULL && (server->quotas == NULL || cache->quota != NULL))
        return cache;
    cache_release(cache);
    return NULL;
}

static struct server_cache *cache_of(struct server_request *request)
{
    struct server *server = request->worker->server;
    struct metadata *metadata = request->call->metadata;
    struct server_cache *cache = metadata->attachment;
    uint64_t epoch = atomic_load_explicit(&server->caches_epoch, memory_order_acquire);
    if (cache == NULL || cache->epoch != epoch) {
        cache_release(cache);
        cache = cache_look_up(server, metadata_find(metadata, "cache"), epoch, request->worker->loop.now_ns);
        metadata->attachment = cache;
        metadata->attachment_free = cache_release;
    }
    if (cache != NULL)
        cache->references++;
    return cache;
}

static bool resolve_cache(struct server_request *request)
{
    request->held = cache_of(request);
    if (request->held != NULL) {
        request->cache = request->held->cache;
        request->quota = request->held->quota;
        return true;
    }
    if (metadata_find(request->call->metadata, "cache").size == 0)
        server_fail(request, STATUS_INVALID_ARGUMENT, "the request names no cache: set the metadata `cache`");
    else
        server_fail_store(request, STORE_NO_CACHE);
    return false;
}

/* --- The rates of its cache --- */

static bool admit(struct server_request *request, size_t size)
{
    switch (quota_admit(request->quota, size, request->worker->loop.now_ns)) {
    case QUOTA_TOO_MANY_REQUESTS:
        server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                               "the cache gets more requests a second than this server allows",
                               CAUSE_OPERATIONS_RATE);
        return false;
    case QUOTA_TOO_MANY_BYTES:
        server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                               "the cache moves more bytes a second than this server allows",
                               CAUSE_THROUGHPUT_RATE);
        return false;
    case QUOTA_ADMITTED:
        break;
    }
    request->is_watched = true;
    return true;
}

bool server_request_admit(struct server_request *request, struct bytes cache_name, size_t size)
{
    struct quotas *quotas = request->worker->server->quotas;
    if (quotas == NULL)
        return true;
    request->quota = quotas_hold(quotas, cache_name, request->worker->loop.now_ns);
    request->holds_quota = request->quota != NULL;
    if (request->quota != NULL)
        return admit(request, size);
    server_fail_memory(request);
    return false;
}

/* --- Life --- */

static void on_deadline(struct timer *timer)
{
    struct server_request *request = list_entry(timer, struct server_request, deadline);
    struct net_connection *net = request->connection->net;
    server_fail(request, STATUS_DEADLINE_EXCEEDED, "the deadline passed before the call was done");
    net_connection_flush_later(net);
}

struct server_request *server_request_open(struct server_connection *connection, struct h2_call *call)
{
    struct server_worker *worker = connection->worker;
    struct server_request *request;
    if (!list_empty(&worker->spare_requests)) {
        request = list_entry(list_pop_front(&worker->spare_requests), struct server_request, link);
        worker->spare_count--;
    } else {
        request = calloc(1, sizeof *request);
        if (request == NULL)
            return NULL;
        timer_init(&request->deadline, on_deadline);
    }
    request->connection = connection;
    request->worker = worker;
    request->call = call;
    request->method = &server_methods[call->method];
    call->user = request;
    list_push_back(&connection->opened, &request->link);
    atomic_store_explicit(&worker->streams, atomic_load_explicit(&worker->streams, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return request;
}

void server_request_handle(struct server_request *request, struct bytes message)
{
    if (request->worker->server->rig != NULL)
        rig_handle(request, message);
    else
        server_request_serve(request, message);
}

void server_request_serve(struct server_request *request, struct bytes message)
{
    if (request->method->wants_cache && !resolve_cache(request))
        return;
    if (request->quota != NULL && !admit(request, message.size))
        return;
    request->method->handle(request, message);
    /* A stream that was opened while the server goes down ends like those that were open before. */
    if (request->method->drain != NULL && !request->finished &&
        atomic_load(&request->worker->server->draining))
        request->method->drain(request);
}

/* Tells a handler that keeps a request among others' that it has ended, for whatever reason. */
static void tell_ended(struct server_request *request)
{
    void (*ended)(struct server_request * request) = request->ended;
    request->ended = NULL;
    request->resume = NULL;
    if (ended != NULL)
        ended(request);
}

static void request_recycle(struct server_request *request)
{
    struct server_worker *worker = request->worker;
    if (request->holds_quota)
        quotas_release(worker->server->quotas, request->quota);
    cache_release(request->held);
    request->held = NULL;
    request->quota = NULL;
    request->holds_quota = false;
    request->is_watched = false;
    arena_reset(&request->arena);
    if (worker->spare_count >= SPARE_REQUESTS_MAX) {
        arena_free(&request->arena);
        free(request);
        return;
    }
    request->state = NULL;
    request->cache = NULL;
    request->finished = false;
    list_push_front(&worker->spare_requests, &request->link);
    worker->spare_count++;
}

void server_request_closed(struct server_request *request)
{
    struct server_worker *worker = request->worker;
    tell_ended(request);
    if (request->plan != NULL)
        rig_closed(request);
    request->call = NULL;
    list_remove(&request->link);
    net_loop_disarm(&worker->loop, &request->deadline);
    atomic_store_explicit(&worker->streams, atomic_load_explicit(&worker->streams, memory_order_relaxed) - 1,
                          memory_order_relaxed);
    if (!request->in_store)
        request_recycle(request);
}

void server_request_abort(struct server_request *request)
{
    struct h2_call *call = request->call;
    if (!request->finished)
        server_count(&request->worker->counters.replies[STATUS_RESOURCE_EXHAUSTED]);
    call->user = NULL;
    server_request_closed(request);
    h2_call_cancel(call);
}

void server_requests_free(struct server_worker *worker)
{
    while (!list_empty(&worker->spare_requests)) {
        struct server_request *request =
            list_entry(list_pop_front(&worker->spare_requests), struct server_request, link);
        arena_free(&request->arena);
        free(request);
    }
}

bool server_request_leave_store(struct server_request *request)
{
    request->in_store = false;
    if (request->call != NULL)
        return !request->finished; /* its deadline may have answered meanwhile */
    request_recycle(request);
    return false;
}

/* --- Answers --- */

static void finish(struct server_request *request, enum status status, struct bytes message,
                   struct metadata *trailers)
{
    server_count(&request->worker->counters.replies[status]);
    request->finished = true;
    list_remove(&request->link);
    tell_ended(request);
    net_loop_disarm(&request->worker->loop, &request->deadline);
    h2_finish(request->call, status, message, trailers);
}

/* A message of SIZE bytes is about to be sent; false with the request failed. */
static bool watch_reply(struct server_request *request, size_t size)
{
    if (request->quota != NULL)
        quota_count_reply(request->quota, size, request->worker->loop.now_ns);
    return rig_allows_message(request);
}

uint8_t *server_reply_begin(struct server_request *request, size_t size)
{
    if (size > (size_t)request->worker->server->settings->max_buffered_bytes) {
        server_fail_store(request, STORE_TOO_LARGE);
        return NULL;
    }
    if (request->is_watched && !watch_reply(request, size))
        return NULL;
    uint8_t *to = h2_message_begin(request->call, size);
    if (to == NULL)
        server_fail(request, STATUS_RESOURCE_EXHAUSTED,
                    "too many replies of this connection are waiting to be read");
    return to;
}

void server_reply_end(struct server_request *request, bool last)
{
    h2_message_end(request->call);
    if (last)
        server_reply_finish(request);
}

bool server_reply_message(struct server_request *request, const ProtobufCMessage *message, bool last)
{
    uint8_t *to = server_reply_begin(request, protobuf_c_message_get_packed_size(message));
    if (to == NULL)
        return false;
    (void)protobuf_c_message_pack(message, to);
    server_reply_end(request, last);
    return true;
}

void server_reply_finish(struct server_request *request)
{
    enum status ordered;
    if (request->is_watched && rig_ends_stream(request, &ordered))
        server_fail(request, ordered, RIG_WHY);
    else
        finish(request, STATUS_OK, bytes_make(NULL, 0), NULL);
}

void server_fail(struct server_request *request, enum status status, const char *message)
{
    server_fail_with_cause(request, status, message, CAUSE_NONE);
}

void server_fail_with_cause(struct server_request *request, enum status status, const char *message,
                            enum server_cause cause)
{
    finish(request, status, bytes_of(message), request->worker->causes[cause]);
}

/* The client's developer learns which field is wrong: "`score` is not a number". */
static void fail_field(struct server_request *request, enum status status, const char *field,
                       const char *what, enum server_cause cause)
{
    char message[128];
    (void)snprintf(message, sizeof message, "`%s` %s", field, what);
    server_fail_with_cause(request, status, message, cause);
}

void server_fail_argument(struct server_request *request, const char *field, const char *what)
{
    fail_field(request, STATUS_INVALID_ARGUMENT, field, what, CAUSE_NONE);
}

void server_fail_limit(struct server_request *request, const char *field, const char *what,
                       enum server_cause cause)
{
    fail_field(request, STATUS_RESOURCE_EXHAUSTED, field, what, cause);
}

void server_fail_malformed(struct server_request *request)
{
    server_fail(request, STATUS_INVALID_ARGUMENT,
                "the request's message is not the protobuf that its method takes");
}

void server_fail_memory(struct server_request *request)
{
    server_fail(request, STATUS_RESOURCE_EXHAUSTED, "the server is out of memory");
}

void server_fail_store(struct server_request *request, enum store_status status)
{
    switch (status) {
    case STORE_NO_CACHE:
        server_fail(request, STATUS_NOT_FOUND, "there is no cache of this name; create it first");
        return;
    case STORE_EXISTS:
        server_fail(request, STATUS_ALREADY_EXISTS, "a cache of this name exists already");
        return;
    case STORE_WRONG_TYPE:
        server_fail(request, STATUS_FAILED_PRECONDITION, "the key holds an item of another type");
        return;
    case STORE_NOT_INTEGER:
        server_fail(request, STATUS_FAILED_PRECONDITION, "the value is not a decimal 64-bit integer");
        return;
    case STORE_OVERFLOW:
        server_fail(request, STATUS_FAILED_PRECONDITION,
                    "the increment would pass the range of a 64-bit integer");
        return;
    case STORE_NOT_NUMBER:
        server_fail(request, STATUS_FAILED_PRECONDITION,
                    "the score is infinite and the amount is its opposite: there is no sum");
        return;
    case STORE_NO_MEMORY:
        server_fail(request, STATUS_RESOURCE_EXHAUSTED,
                    "the item does not fit into the server's memory limit");
        return;
    case STORE_TOO_LARGE:
        server_fail(request, STATUS_RESOURCE_EXHAUSTED,
                    "the reply is larger than this server sends at once; ask for less at a time");
        return;
    case STORE_OK:
    case STORE_MISSING:
    case STORE_REFUSED:
        break;
    }
    server_fail(request, STATUS_INTERNAL, "the store gave an answer that this method does not know");
}

static void *unpack_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void unpack_free(void *arena, void *block)
{
    (void)arena; /* it goes with the arena */
    (void)block;
}

ProtobufCMessage *server_unpack(struct server_request *request, const ProtobufCMessageDescriptor *descriptor,
                                struct bytes message)
{
    ProtobufCAllocator allocator = {
        .alloc = unpack_alloc, .free = unpack_free, .allocator_data = &request->arena};
    ProtobufCMessage *unpacked =
        protobuf_c_message_unpack(descriptor, &allocator, message.size, message.data);
    if (unpacked == NULL)
        server_fail_malformed(request);
    return unpacked;
}
