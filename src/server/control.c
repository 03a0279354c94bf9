/* control_client.ScsControl: caches come, go, are listed and are emptied. */
#include "server/services.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "controlclient.pb-c.h"
#include "proto/field.h"
#include "server/topics.h"

#define CACHE_NAME_MAX 255
#define NO_LIMIT       UINT32_MAX
#define LISTING_FIRST  ((size_t)16)

/* Whether TEXT is UTF-8 without control characters: what every client can show and, since lists of names are
 * protobuf strings, what every client can read at all. */
static bool is_plain_text(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return utf8_is_valid(text);
}

bool control_is_cache_name(struct bytes name)
{
    /* Calls name their cache in a header field, which may not begin or end with a space. */
    return name.size > 0 && name.size <= CACHE_NAME_MAX && is_plain_text(name) && name.data[0] != ' ' &&
           name.data[name.size - 1] != ' ';
}

/* The cache's name, which is field 1 of every request here, as it lies in the message: the generated code's C
 * strings would hide a zero byte. False with the request failed. */
static bool read_name(struct server_request *request, struct bytes message, struct bytes *name)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    *name = bytes_make(NULL, 0);
    while (field_next(&reader, &field))
        if (field.number == 1 && field.type == FIELD_BYTES)
            *name = field.bytes;
    if (reader.malformed)
        server_fail_malformed(request);
    else if (!control_is_cache_name(*name))
        server_fail(request, STATUS_INVALID_ARGUMENT, CONTROL_CACHE_NAME_RULE);
    else
        return true;
    return false;
}

/* All replies of this service but the list are empty. */
static void on_done(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    /* Whatever happened, names resolved before may mean something else now. */
    atomic_fetch_add(&request->worker->server->caches_epoch, 1);
    if (!server_request_leave_store(request))
        return;
    if (reply->status != STORE_OK)
        server_fail_store(request, reply->status);
    else if (server_reply_begin(request, 0) != NULL)
        server_reply_end(request, true);
}

/* Topics go after the cache and after the epoch has moved, so that whoever uses one meanwhile finds out
 * (pubsub.c). */
static void on_deleted(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    struct server *server = request->worker->server;
    atomic_fetch_add(&server->caches_epoch, 1);
    if (reply->status == STORE_OK)
        topics_forget_cache(server->topics, *(const struct bytes *)request->state);
    on_done(context, reply);
}

static bool is_full(const struct server *server)
{
    struct store_stats stats;
    store_stats(server->store, &stats);
    return stats.caches >= (uint64_t)server->settings->max_caches;
}

bool control_has_cache(const struct server *server, struct bytes name)
{
    struct store_cache *cache = store_cache_take(server->store, name);
    if (cache != NULL)
        store_cache_release(server->store, cache);
    return cache != NULL;
}

void control_create_cache(struct server_request *request, struct bytes message)
{
    struct bytes name;
    if (!read_name(request, message, &name))
        return;
    struct server *server = request->worker->server;
    if (is_full(server) && !control_has_cache(server, name)) {
        server_fail(request, STATUS_RESOURCE_EXHAUSTED, "this server holds no more caches; delete one first");
        return;
    }
    server_request_enter_store(request);
    store_cache_create(server->store, name, on_done, request);
}

void control_delete_cache(struct server_request *request, struct bytes message)
{
    struct bytes name;
    if (!read_name(request, message, &name))
        return;
    struct bytes *kept = arena_alloc(&request->arena, sizeof *kept);
    if (kept == NULL || (*kept = arena_copy(&request->arena, name)).data == NULL) {
        server_fail_memory(request);
        return;
    }
    request->state = kept;
    server_request_enter_store(request);
    store_cache_delete(request->worker->server->store, name, on_deleted, request);
}

void control_flush_cache(struct server_request *request, struct bytes message)
{
    struct bytes name;
    if (!read_name(request, message, &name))
        return;
    server_request_enter_store(request);
    store_cache_flush(request->worker->server->store, name, on_done, request);
}

/* --- The list --- */

struct listing {
    struct server_request *request;
    ControlClient__CacheLimits *cache_limits;
    ControlClient__TopicLimits *topic_limits;
    ControlClient__Cache **caches;
    size_t count;
    size_t capacity;
    bool failed;
};

static bool list_has_room(struct listing *listing)
{
    if (listing->count < listing->capacity)
        return true;
    size_t capacity = listing->capacity > 0 ? 2 * listing->capacity : LISTING_FIRST;
    ControlClient__Cache **caches =
        arena_alloc(&listing->request->arena, capacity * sizeof(ControlClient__Cache *));
    if (caches == NULL)
        return false;
    bytes_copy(caches, listing->caches, listing->count * sizeof(ControlClient__Cache *));
    listing->caches = caches;
    listing->capacity = capacity;
    return true;
}

static void list_one(void *context, struct bytes name)
{
    struct listing *listing = context;
    struct arena *arena = &listing->request->arena;
    ControlClient__Cache *cache = arena_alloc(arena, sizeof *cache);
    char *text = arena_copy_text(arena, name);
    if (cache == NULL || text == NULL || !list_has_room(listing)) {
        listing->failed = true;
        return;
    }
    control_client____cache__init(cache);
    cache->cache_name = text;
    cache->cache_limits = listing->cache_limits;
    cache->topic_limits = listing->topic_limits;
    listing->caches[listing->count++] = cache;
}

static uint32_t kib(int64_t bytes)
{
    return (uint32_t)((bytes + 1023) / 1024);
}

/* A rate as it is listed. */
static uint32_t rate(int64_t per_s)
{
    return per_s > 0 ? (uint32_t)per_s : NO_LIMIT;
}

void control_list_caches(struct server_request *request, struct bytes message)
{
    if (server_unpack(request, &control_client____list_caches_request__descriptor, message) == NULL)
        return;
    const struct server_settings *settings = request->worker->server->settings;
    ControlClient__CacheLimits cache_limits = CONTROL_CLIENT____CACHE_LIMITS__INIT;
    cache_limits.max_traffic_rate = rate(settings->max_requests_per_s);
    cache_limits.max_throughput_kbps = rate(kib(settings->max_bytes_per_s));
    cache_limits.max_item_size_kb = kib(settings->max_item_bytes);
    cache_limits.max_ttl_seconds = (uint64_t)(settings->max_ttl_ns / CLOCK_NS_PER_S);
    ControlClient__TopicLimits topic_limits = CONTROL_CLIENT____TOPIC_LIMITS__INIT;
    topic_limits.max_publish_rate = rate(settings->max_requests_per_s);
    topic_limits.max_subscription_count = (uint32_t)settings->max_subscriptions;
    topic_limits.max_publish_message_size_kb = kib(settings->max_topic_message_bytes);

    struct listing listing = {
        .request = request,
        .cache_limits = &cache_limits,
        .topic_limits = &topic_limits,
    };
    store_cache_each(request->worker->server->store, list_one, &listing);
    if (listing.failed) {
        server_fail_memory(request);
        return;
    }
    ControlClient__ListCachesResponse response;
    control_client____list_caches_response__init(&response);
    response.n_cache = listing.count;
    response.cache = listing.caches;
    (void)server_reply_message(request, &response.base, true);
}
