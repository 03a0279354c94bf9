/* cache_client.Scs, the methods of many items: the items are checked before the first is touched, then done
 * one after another, and a stream of replies waits while the client has much to read. */
#include "server/services.h"

#include "cacheclient.pb-c.h"
#include "proto/field.h"

#define QUEUED_HIGH_BYTES ((size_t)1 << 20)

/* A batch at work, in its request's arena. */
struct batch {
    size_t count;
    size_t next;                                              /* the item that is asked for now */
    void (*ask)(struct server_request *request, size_t item); /* starts one store operation */
    void (*finish)(struct server_request *request);
    bool stepping;
    bool answered; /* the store answered before the operation returned */
    const ProtobufCMessage *message;
    protobuf_c_boolean *exist; /* KeysExist: the reply, as it fills */
};

static struct batch *batch_of(struct server_request *request)
{
    return request->state;
}

/* Does items until the store answers later, the client has enough to read, or all are done. */
static void batch_step(struct server_request *request)
{
    struct batch *batch = batch_of(request);
    if (batch->stepping || request->in_store)
        return;
    batch->stepping = true;
    while (batch->next < batch->count && h2_queued(request->call) < QUEUED_HIGH_BYTES) {
        batch->answered = false;
        server_request_enter_store(request);
        batch->ask(request, batch->next);
        if (!batch->answered)
            break;
        batch = batch_of(request);
        if (batch == NULL) /* failed */
            return;
    }
    batch->stepping = false;
    if (batch->next == batch->count)
        batch->finish(request);
}

/* In a completion, after the item has been dealt with: goes on to the next. */
static void batch_next(struct server_request *request)
{
    struct batch *batch = batch_of(request);
    batch->next++;
    batch->answered = true;
    batch_step(request);
}

static void batch_failed(struct server_request *request)
{
    batch_of(request)->answered = true;
    request->state = NULL;
}

/* Leaves the store; true when the item was done, or is missing. Otherwise the request is failed, or gone. */
static bool batch_item_done(struct server_request *request, const struct store_reply *reply)
{
    if (!server_request_leave_store(request))
        return false;
    if (reply->status == STORE_OK || reply->status == STORE_MISSING)
        return true;
    batch_failed(request);
    server_fail_store(request, reply->status);
    return false;
}

/* Goes on when the item's reply was queued; otherwise the request has failed. */
static void batch_replied(struct server_request *request, bool queued)
{
    if (queued)
        batch_next(request);
    else
        batch_failed(request);
}

static struct batch *batch_start(struct server_request *request, const ProtobufCMessage *message,
                                 size_t count, void (*ask)(struct server_request *request, size_t item),
                                 void (*finish)(struct server_request *request))
{
    struct batch *batch = arena_alloc(&request->arena, sizeof *batch);
    if (batch == NULL) {
        server_fail_memory(request);
        return NULL;
    }
    *batch = (struct batch){.count = count, .ask = ask, .finish = finish, .message = message};
    request->state = batch;
    request->resume = batch_step;
    return batch;
}

/* The batch's message unpacked, or NULL with the request failed. Its items are field 1 in all three methods;
 * they are counted before they are unpacked, since a small message can name very many. */
static const ProtobufCMessage *batch_unpack(struct server_request *request,
                                            const ProtobufCMessageDescriptor *descriptor,
                                            struct bytes message)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    int64_t items = 0;
    while (field_next(&reader, &field))
        items += field.number == 1;
    if (items <= request->worker->server->settings->max_batch)
        return server_unpack(request, descriptor, message);
    server_fail_limit(request, descriptor->fields[0].name, "has more entries than this server allows",
                      CAUSE_NONE);
    return NULL;
}

/* --- GetBatch --- */

static void on_get_batch_item(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (batch_item_done(request, reply))
        batch_replied(request, scs_reply_get(request, reply, false));
}

static void ask_get(struct server_request *request, size_t item)
{
    const CacheClient__GetBatchRequest *batch =
        (const CacheClient__GetBatchRequest *)batch_of(request)->message;
    store_get(request->worker->server->store, request->cache, server_bytes(batch->items[item]->cache_key),
              server_now_ms(request->worker), on_get_batch_item, request);
}

void scs_get_batch(struct server_request *request, struct bytes message)
{
    const CacheClient__GetBatchRequest *batch = (const CacheClient__GetBatchRequest *)batch_unpack(
        request, &cache_client____get_batch_request__descriptor, message);
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->n_items; i++)
        if (!scs_check_key(request, server_bytes(batch->items[i]->cache_key)))
            return;
    if (batch_start(request, &batch->base, batch->n_items, ask_get, server_reply_finish) != NULL)
        batch_step(request);
}

/* --- SetBatch --- */

static void on_set_batch_item(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (batch_item_done(request, reply)) /* a set never misses */
        batch_replied(request, scs_reply_set(request, false));
}

static void ask_set(struct server_request *request, size_t item)
{
    const CacheClient__SetBatchRequest *batch =
        (const CacheClient__SetBatchRequest *)batch_of(request)->message;
    const CacheClient__SetRequest *set = batch->items[item];
    store_set(request->worker->server->store, request->cache, server_bytes(set->cache_key),
              server_bytes(set->cache_body), set->ttl_milliseconds, NULL, server_now_ms(request->worker),
              on_set_batch_item, request);
}

void scs_set_batch(struct server_request *request, struct bytes message)
{
    const CacheClient__SetBatchRequest *batch = (const CacheClient__SetBatchRequest *)batch_unpack(
        request, &cache_client____set_batch_request__descriptor, message);
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->n_items; i++) {
        const CacheClient__SetRequest *item = batch->items[i];
        if (!scs_check_item(request, server_bytes(item->cache_key), server_bytes(item->cache_body)) ||
            !scs_check_ttl(request, item->ttl_milliseconds))
            return;
    }
    if (batch_start(request, &batch->base, batch->n_items, ask_set, server_reply_finish) != NULL)
        batch_step(request);
}

/* --- KeysExist --- */

static void on_key_exists(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!batch_item_done(request, reply))
        return;
    struct batch *batch = batch_of(request);
    batch->exist[batch->next] = reply->status == STORE_OK;
    batch_next(request);
}

static void ask_exists(struct server_request *request, size_t item)
{
    const CacheClient__KeysExistRequest *keys =
        (const CacheClient__KeysExistRequest *)batch_of(request)->message;
    store_item_type(request->worker->server->store, request->cache, server_bytes(keys->cache_keys[item]),
                    server_now_ms(request->worker), on_key_exists, request);
}

static void keys_exist_finish(struct server_request *request)
{
    struct batch *batch = batch_of(request);
    CacheClient__KeysExistResponse response = CACHE_CLIENT____KEYS_EXIST_RESPONSE__INIT;
    response.n_exists = batch->count;
    response.exists = batch->exist;
    (void)server_reply_message(request, &response.base, true);
}

void scs_keys_exist(struct server_request *request, struct bytes message)
{
    const CacheClient__KeysExistRequest *keys = (const CacheClient__KeysExistRequest *)batch_unpack(
        request, &cache_client____keys_exist_request__descriptor, message);
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->n_cache_keys; i++)
        if (keys->cache_keys[i].len == 0) {
            server_fail_argument(request, "cache_keys", "has an entry that is empty");
            return;
        }
    struct batch *batch =
        batch_start(request, &keys->base, keys->n_cache_keys, ask_exists, keys_exist_finish);
    if (batch == NULL)
        return;
    batch->exist = arena_alloc(&request->arena, (keys->n_cache_keys + 1) * sizeof *batch->exist);
    if (batch->exist == NULL)
        server_fail_memory(request);
    else
        batch_step(request);
}
