/* control_client.ScsControl: caches come, go, are listed and are emptied. */
#include "server/services.h"

#include "controlclient.pb-c.h"

#define NS_PER_S       INT64_C(1000000000)
#define CACHE_NAME_MAX 255
#define NO_LIMIT       UINT32_MAX

static bool check_name(struct server_request *request, struct bytes name)
{
    if (name.size > 0 && name.size <= CACHE_NAME_MAX)
        return true;
    server_fail(request, STATUS_INVALID_ARGUMENT, "a cache's name has 1 to 255 bytes");
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

void control_create_cache(struct server_request *request, struct bytes message)
{
    const ControlClient__CreateCacheRequest *create =
        (const ControlClient__CreateCacheRequest *)server_unpack(
            request, &control_client____create_cache_request__descriptor, message);
    if (create == NULL || !check_name(request, bytes_of(create->cache_name)))
        return;
    struct server *server = request->worker->server;
    struct store_stats stats;
    store_stats(server->store, &stats);
    if (stats.caches >= (uint64_t)server->settings->max_caches) {
        server_fail(request, STATUS_RESOURCE_EXHAUSTED, "this server holds no more caches; delete one first");
        return;
    }
    server_request_enter_store(request);
    store_cache_create(server->store, bytes_of(create->cache_name), on_done, request);
}

void control_delete_cache(struct server_request *request, struct bytes message)
{
    const ControlClient__DeleteCacheRequest *delete =
        (const ControlClient__DeleteCacheRequest *)server_unpack(
            request, &control_client____delete_cache_request__descriptor, message);
    if (delete == NULL || !check_name(request, bytes_of(delete->cache_name)))
        return;
    server_request_enter_store(request);
    store_cache_delete(request->worker->server->store, bytes_of(delete->cache_name), on_done, request);
}

void control_flush_cache(struct server_request *request, struct bytes message)
{
    const ControlClient__FlushCacheRequest *flush = (const ControlClient__FlushCacheRequest *)server_unpack(
        request, &control_client____flush_cache_request__descriptor, message);
    if (flush == NULL || !check_name(request, bytes_of(flush->cache_name)))
        return;
    server_request_enter_store(request);
    store_cache_flush(request->worker->server->store, bytes_of(flush->cache_name), on_done, request);
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

static void list_one(void *context, struct bytes name)
{
    struct listing *listing = context;
    struct arena *arena = &listing->request->arena;
    ControlClient__Cache *cache = arena_alloc(arena, sizeof *cache);
    char *text = arena_copy_text(arena, name);
    if (cache == NULL || text == NULL || listing->count == listing->capacity) {
        listing->failed = cache == NULL || text == NULL;
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
    return (uint32_t)(bytes / 1024);
}

void control_list_caches(struct server_request *request, struct bytes message)
{
    if (server_unpack(request, &control_client____list_caches_request__descriptor, message) == NULL)
        return;
    const struct server_settings *settings = request->worker->server->settings;
    ControlClient__CacheLimits cache_limits = CONTROL_CLIENT____CACHE_LIMITS__INIT;
    cache_limits.max_traffic_rate = NO_LIMIT;
    cache_limits.max_throughput_kbps = NO_LIMIT;
    cache_limits.max_item_size_kb = kib(settings->max_item_bytes);
    cache_limits.max_ttl_seconds = (uint64_t)(settings->max_ttl_ns / NS_PER_S);
    ControlClient__TopicLimits topic_limits = CONTROL_CLIENT____TOPIC_LIMITS__INIT;
    topic_limits.max_publish_rate = NO_LIMIT;
    topic_limits.max_subscription_count = NO_LIMIT;
    topic_limits.max_publish_message_size_kb = kib(settings->max_message_bytes);

    struct listing listing = {
        .request = request,
        .cache_limits = &cache_limits,
        .topic_limits = &topic_limits,
        .capacity = (size_t)settings->max_caches,
    };
    listing.caches = arena_alloc(&request->arena, listing.capacity * sizeof *listing.caches);
    if (listing.caches != NULL)
        store_cache_each(request->worker->server->store, list_one, &listing);
    if (listing.caches == NULL || listing.failed) {
        server_fail(request, STATUS_RESOURCE_EXHAUSTED, "the server is out of memory");
        return;
    }
    ControlClient__ListCachesResponse response;
    control_client____list_caches_response__init(&response);
    response.n_cache = listing.count;
    response.cache = listing.caches;
    (void)server_reply_message(request, &response.base, true);
}
