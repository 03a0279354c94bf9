/* cache_client.Scs, the methods of one item: read the request, check it, ask the store, write what it says.
 * Get and Set, the hottest, read and write their messages in place; the others go through generated code. */
#include "server/services.h"

#include "base/clock.h"
#include "cacheclient.pb-c.h"
#include "proto/hot.h"

/* --- Checks --- */

bool scs_check_key(struct server_request *request, struct bytes key)
{
    if (key.size > 0)
        return true;
    server_fail_argument(request, "cache_key", "is empty");
    return false;
}

static bool fits_an_item(const struct server_request *request, size_t size)
{
    return size <= (size_t)request->worker->server->settings->max_item_bytes;
}

/* Of an item that the request may make, of whatever type. */
bool scs_check_name(struct server_request *request, const char *field, struct bytes name)
{
    if (name.size == 0)
        server_fail_argument(request, field, "is empty");
    else if (!fits_an_item(request, name.size))
        server_fail_limit(request, field, "is larger than an item may be", CAUSE_ITEM_SIZE);
    else
        return true;
    return false;
}

bool scs_check_item(struct server_request *request, struct bytes key, struct bytes value)
{
    if (!scs_check_key(request, key))
        return false;
    if (fits_an_item(request, key.size + value.size))
        return true;
    server_fail_limit(request, "cache_body", "and `cache_key` together are larger than an item may be",
                      CAUSE_ITEM_SIZE);
    return false;
}

static bool check_ttl(struct server_request *request, const char *field, uint64_t ttl_ms)
{
    if (ttl_ms > 0 && ttl_ms <= (uint64_t)(request->worker->server->settings->max_ttl_ns / CLOCK_NS_PER_MS))
        return true;
    server_fail_argument(request, field, ttl_ms == 0 ? "is zero" : "is longer than this server allows");
    return false;
}

bool scs_check_ttl(struct server_request *request, uint64_t ttl_ms)
{
    return check_ttl(request, "ttl_milliseconds", ttl_ms);
}

/* --- The ends of store operations --- */

/* Leaves the store; true when the item was found or is missing, else the request is failed or gone. */
static bool read_done(struct server_request *request, const struct store_reply *reply)
{
    if (!server_request_leave_store(request))
        return false;
    if (reply->status == STORE_OK || reply->status == STORE_MISSING)
        return true;
    server_fail_store(request, reply->status);
    return false;
}

/* Leaves the store; true when the write was done or its condition did not hold. */
static bool write_done(struct server_request *request, const struct store_reply *reply)
{
    if (!server_request_leave_store(request))
        return false;
    if (reply->status == STORE_OK || reply->status == STORE_REFUSED)
        return true;
    server_fail_store(request, reply->status);
    return false;
}

/* --- Get and Set, in place --- */

bool scs_reply_get(struct server_request *request, const struct store_reply *reply, bool last)
{
    bool hit = reply->status == STORE_OK;
    struct bytes value = hit ? reply->value : bytes_make(NULL, 0);
    enum hot_result result = hit ? HOT_RESULT_HIT : HOT_RESULT_MISS;
    uint8_t *to = server_reply_begin(request, hot_size_get_response(result, value.size));
    if (to == NULL)
        return false;
    to = hot_write_get_response_head(to, result, value.size);
    bytes_copy(to, value.data, value.size);
    server_reply_end(request, last);
    return true;
}

bool scs_reply_set(struct server_request *request, bool last)
{
    uint8_t *to = server_reply_begin(request, hot_size_set_response(HOT_RESULT_OK));
    if (to == NULL)
        return false;
    (void)hot_write_set_response(to, HOT_RESULT_OK);
    server_reply_end(request, last);
    return true;
}

static void on_get(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (read_done(request, reply))
        (void)scs_reply_get(request, reply, true);
}

void scs_get(struct server_request *request, struct bytes message)
{
    struct hot_get_request get;
    if (!hot_read_get_request(message, &get)) {
        server_fail_malformed(request);
        return;
    }
    if (!scs_check_key(request, get.key))
        return;
    server_request_enter_store(request);
    store_get(request->worker->server->store, request->cache, get.key, server_now_ms(request->worker), on_get,
              request);
}

static void on_set(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (write_done(request, reply))
        (void)scs_reply_set(request, true);
}

/* Stores an item once it is checked; DONE answers. */
static void set(struct server_request *request, struct bytes key, struct bytes value, uint64_t ttl_ms,
                const struct store_condition *condition, store_done done)
{
    if (!scs_check_item(request, key, value) || !scs_check_ttl(request, ttl_ms))
        return;
    server_request_enter_store(request);
    store_set(request->worker->server->store, request->cache, key, value, ttl_ms, condition,
              server_now_ms(request->worker), done, request);
}

void scs_set(struct server_request *request, struct bytes message)
{
    struct hot_set_request item;
    if (hot_read_set_request(message, &item))
        set(request, item.key, item.body, item.ttl_ms, NULL, on_set);
    else
        server_fail_malformed(request);
}

/* --- Reading --- */

/* The request and store part of every method that reads one item by its key. */
static void read_item(struct server_request *request, struct bytes key,
                      void (*operation)(struct store *, struct store_cache *, struct bytes, int64_t,
                                        store_done, void *),
                      store_done done)
{
    if (!scs_check_key(request, key))
        return;
    server_request_enter_store(request);
    operation(request->worker->server->store, request->cache, key, server_now_ms(request->worker), done,
              request);
}

static ProtobufCBinaryData binary(const void *data, size_t size)
{
    /* Packing reads through this pointer only; the generated type lacks the const. */
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)data, .len = size};
}

static void on_get_with_hash(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!read_done(request, reply))
        return;
    CacheClient__GetWithHashResponse response = CACHE_CLIENT____GET_WITH_HASH_RESPONSE__INIT;
    CacheClient__GetWithHashResponse__Found found = CACHE_CLIENT____GET_WITH_HASH_RESPONSE____FOUND__INIT;
    CacheClient__GetWithHashResponse__Missing missing =
        CACHE_CLIENT____GET_WITH_HASH_RESPONSE____MISSING__INIT;
    uint8_t digest[HASH_DIGEST_SIZE];
    if (reply->status == STORE_OK) {
        hash_digest(reply->value, digest);
        found.value = binary(reply->value.data, reply->value.size);
        found.hash = binary(digest, sizeof digest);
        response.result_case = CACHE_CLIENT____GET_WITH_HASH_RESPONSE__RESULT_FOUND;
        response.found = &found;
    } else {
        response.result_case = CACHE_CLIENT____GET_WITH_HASH_RESPONSE__RESULT_MISSING;
        response.missing = &missing;
    }
    (void)server_reply_message(request, &response.base, true);
}

void scs_get_with_hash(struct server_request *request, struct bytes message)
{
    const CacheClient__GetWithHashRequest *get = (const CacheClient__GetWithHashRequest *)server_unpack(
        request, &cache_client____get_with_hash_request__descriptor, message);
    if (get != NULL)
        read_item(request, server_bytes(get->cache_key), store_get, on_get_with_hash);
}

static void on_item_get_ttl(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!read_done(request, reply))
        return;
    CacheClient__ItemGetTtlResponse response = CACHE_CLIENT____ITEM_GET_TTL_RESPONSE__INIT;
    CacheClient__ItemGetTtlResponse__Found found = CACHE_CLIENT____ITEM_GET_TTL_RESPONSE____FOUND__INIT;
    CacheClient__ItemGetTtlResponse__Missing missing = CACHE_CLIENT____ITEM_GET_TTL_RESPONSE____MISSING__INIT;
    if (reply->status == STORE_OK) {
        found.remaining_ttl_millis = reply->ttl_ms;
        response.result_case = CACHE_CLIENT____ITEM_GET_TTL_RESPONSE__RESULT_FOUND;
        response.found = &found;
    } else {
        response.result_case = CACHE_CLIENT____ITEM_GET_TTL_RESPONSE__RESULT_MISSING;
        response.missing = &missing;
    }
    (void)server_reply_message(request, &response.base, true);
}

void scs_item_get_ttl(struct server_request *request, struct bytes message)
{
    const CacheClient__ItemGetTtlRequest *get = (const CacheClient__ItemGetTtlRequest *)server_unpack(
        request, &cache_client____item_get_ttl_request__descriptor, message);
    if (get != NULL)
        read_item(request, server_bytes(get->cache_key), store_item_ttl, on_item_get_ttl);
}

static void on_item_get_type(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!read_done(request, reply))
        return;
    CacheClient__ItemGetTypeResponse response = CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__INIT;
    CacheClient__ItemGetTypeResponse__Found found = CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE____FOUND__INIT;
    CacheClient__ItemGetTypeResponse__Missing missing =
        CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE____MISSING__INIT;
    if (reply->status == STORE_OK) {
        /* The store's types are numbered as the contract's are. */
        found.item_type = (CacheClient__ItemGetTypeResponse__ItemType)reply->type;
        response.result_case = CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__RESULT_FOUND;
        response.found = &found;
    } else {
        response.result_case = CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__RESULT_MISSING;
        response.missing = &missing;
    }
    (void)server_reply_message(request, &response.base, true);
}

void scs_item_get_type(struct server_request *request, struct bytes message)
{
    const CacheClient__ItemGetTypeRequest *get = (const CacheClient__ItemGetTypeRequest *)server_unpack(
        request, &cache_client____item_get_type_request__descriptor, message);
    if (get != NULL)
        read_item(request, server_bytes(get->cache_key), store_item_type, on_item_get_type);
}

/* --- Conditional writes --- */

static void no_condition(struct server_request *request)
{
    server_fail(request, STATUS_INVALID_ARGUMENT, "the request sets no `condition`");
}

static void on_set_if(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!write_done(request, reply))
        return;
    CacheClient__SetIfResponse response = CACHE_CLIENT____SET_IF_RESPONSE__INIT;
    CacheClient__SetIfResponse__Stored stored = CACHE_CLIENT____SET_IF_RESPONSE____STORED__INIT;
    CacheClient__SetIfResponse__NotStored not_stored = CACHE_CLIENT____SET_IF_RESPONSE____NOT_STORED__INIT;
    if (reply->status == STORE_OK) {
        response.result_case = CACHE_CLIENT____SET_IF_RESPONSE__RESULT_STORED;
        response.stored = &stored;
    } else {
        response.result_case = CACHE_CLIENT____SET_IF_RESPONSE__RESULT_NOT_STORED;
        response.not_stored = &not_stored;
    }
    (void)server_reply_message(request, &response.base, true);
}

static bool set_if_condition(const CacheClient__SetIfRequest *request, struct store_condition *condition)
{
    switch (request->condition_case) {
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_PRESENT:
        *condition = (struct store_condition){.kind = STORE_IF_PRESENT};
        return true;
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_ABSENT:
        *condition = (struct store_condition){.kind = STORE_IF_ABSENT};
        return true;
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_EQUAL:
        *condition = (struct store_condition){STORE_IF_EQUAL, server_bytes(request->equal->value_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_NOT_EQUAL:
        *condition =
            (struct store_condition){STORE_IF_NOT_EQUAL, server_bytes(request->not_equal->value_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_PRESENT_AND_NOT_EQUAL:
        *condition = (struct store_condition){STORE_IF_PRESENT_NOT_EQUAL,
                                              server_bytes(request->present_and_not_equal->value_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_REQUEST__CONDITION_ABSENT_OR_EQUAL:
        *condition = (struct store_condition){STORE_IF_ABSENT_OR_EQUAL,
                                              server_bytes(request->absent_or_equal->value_to_check)};
        return true;
    default:
        return false;
    }
}

void scs_set_if(struct server_request *request, struct bytes message)
{
    const CacheClient__SetIfRequest *item = (const CacheClient__SetIfRequest *)server_unpack(
        request, &cache_client____set_if_request__descriptor, message);
    struct store_condition condition;
    if (item == NULL)
        return;
    if (set_if_condition(item, &condition))
        set(request, server_bytes(item->cache_key), server_bytes(item->cache_body), item->ttl_milliseconds,
            &condition, on_set_if);
    else
        no_condition(request);
}

static void on_set_if_not_exists(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!write_done(request, reply))
        return;
    CacheClient__SetIfNotExistsResponse response = CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE__INIT;
    CacheClient__SetIfNotExistsResponse__Stored stored =
        CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE____STORED__INIT;
    CacheClient__SetIfNotExistsResponse__NotStored not_stored =
        CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE____NOT_STORED__INIT;
    if (reply->status == STORE_OK) {
        response.result_case = CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE__RESULT_STORED;
        response.stored = &stored;
    } else {
        response.result_case = CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE__RESULT_NOT_STORED;
        response.not_stored = &not_stored;
    }
    (void)server_reply_message(request, &response.base, true);
}

void scs_set_if_not_exists(struct server_request *request, struct bytes message)
{
    const CacheClient__SetIfNotExistsRequest *item =
        (const CacheClient__SetIfNotExistsRequest *)server_unpack(
            request, &cache_client____set_if_not_exists_request__descriptor, message);
    const struct store_condition absent = {.kind = STORE_IF_ABSENT};
    if (item != NULL)
        set(request, server_bytes(item->cache_key), server_bytes(item->cache_body), item->ttl_milliseconds,
            &absent, on_set_if_not_exists);
}

static void on_set_if_hash(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!write_done(request, reply))
        return;
    CacheClient__SetIfHashResponse response = CACHE_CLIENT____SET_IF_HASH_RESPONSE__INIT;
    CacheClient__SetIfHashResponse__Stored stored = CACHE_CLIENT____SET_IF_HASH_RESPONSE____STORED__INIT;
    CacheClient__SetIfHashResponse__NotStored not_stored =
        CACHE_CLIENT____SET_IF_HASH_RESPONSE____NOT_STORED__INIT;
    if (reply->status == STORE_OK) {
        stored.new_hash = binary(request->state, HASH_DIGEST_SIZE);
        response.result_case = CACHE_CLIENT____SET_IF_HASH_RESPONSE__RESULT_STORED;
        response.stored = &stored;
    } else {
        response.result_case = CACHE_CLIENT____SET_IF_HASH_RESPONSE__RESULT_NOT_STORED;
        response.not_stored = &not_stored;
    }
    (void)server_reply_message(request, &response.base, true);
}

static bool set_if_hash_condition(const CacheClient__SetIfHashRequest *request,
                                  struct store_condition *condition)
{
    switch (request->condition_case) {
    case CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_PRESENT_AND_HASH_EQUAL:
        *condition = (struct store_condition){STORE_IF_HASH_EQUAL,
                                              server_bytes(request->present_and_hash_equal->hash_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_PRESENT_AND_NOT_HASH_EQUAL:
        *condition =
            (struct store_condition){STORE_IF_PRESENT_NOT_HASH_EQUAL,
                                     server_bytes(request->present_and_not_hash_equal->hash_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_ABSENT_OR_HASH_EQUAL:
        *condition = (struct store_condition){STORE_IF_ABSENT_OR_HASH_EQUAL,
                                              server_bytes(request->absent_or_hash_equal->hash_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_ABSENT_OR_NOT_HASH_EQUAL:
        *condition = (struct store_condition){STORE_IF_ABSENT_OR_NOT_HASH_EQUAL,
                                              server_bytes(request->absent_or_not_hash_equal->hash_to_check)};
        return true;
    case CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_UNCONDITIONAL:
        *condition = (struct store_condition){.kind = STORE_ALWAYS};
        return true;
    default:
        return false;
    }
}

void scs_set_if_hash(struct server_request *request, struct bytes message)
{
    const CacheClient__SetIfHashRequest *item = (const CacheClient__SetIfHashRequest *)server_unpack(
        request, &cache_client____set_if_hash_request__descriptor, message);
    struct store_condition condition;
    if (item == NULL)
        return;
    if (!set_if_hash_condition(item, &condition)) {
        no_condition(request);
        return;
    }
    request->state = arena_alloc(&request->arena, HASH_DIGEST_SIZE);
    if (request->state == NULL) {
        server_fail_memory(request);
        return;
    }
    struct bytes value = server_bytes(item->cache_body);
    hash_digest(value, request->state);
    set(request, server_bytes(item->cache_key), value, item->ttl_milliseconds, &condition, on_set_if_hash);
}

/* --- Other writes --- */

static void on_delete(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!read_done(request, reply)) /* deleting what is not there is fine */
        return;
    if (server_reply_begin(request, 0) != NULL)
        server_reply_end(request, true);
}

void scs_delete(struct server_request *request, struct bytes message)
{
    const CacheClient__DeleteRequest *item = (const CacheClient__DeleteRequest *)server_unpack(
        request, &cache_client____delete_request__descriptor, message);
    if (item != NULL)
        read_item(request, server_bytes(item->cache_key), store_delete, on_delete);
}

static void on_increment(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!server_request_leave_store(request))
        return;
    if (reply->status != STORE_OK) {
        server_fail_store(request, reply->status);
        return;
    }
    CacheClient__IncrementResponse response = CACHE_CLIENT____INCREMENT_RESPONSE__INIT;
    response.value = reply->number;
    (void)server_reply_message(request, &response.base, true);
}

void scs_increment(struct server_request *request, struct bytes message)
{
    const CacheClient__IncrementRequest *item = (const CacheClient__IncrementRequest *)server_unpack(
        request, &cache_client____increment_request__descriptor, message);
    if (item == NULL)
        return;
    struct bytes key = server_bytes(item->cache_key);
    if (!scs_check_name(request, "cache_key", key) || !scs_check_ttl(request, item->ttl_milliseconds))
        return;
    server_request_enter_store(request);
    store_increment(request->worker->server->store, request->cache, key, item->amount, item->ttl_milliseconds,
                    server_now_ms(request->worker), on_increment, request);
}

static void on_update_ttl(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!server_request_leave_store(request))
        return;
    CacheClient__UpdateTtlResponse response = CACHE_CLIENT____UPDATE_TTL_RESPONSE__INIT;
    CacheClient__UpdateTtlResponse__Set set_ = CACHE_CLIENT____UPDATE_TTL_RESPONSE____SET__INIT;
    CacheClient__UpdateTtlResponse__NotSet not_set = CACHE_CLIENT____UPDATE_TTL_RESPONSE____NOT_SET__INIT;
    CacheClient__UpdateTtlResponse__Missing missing = CACHE_CLIENT____UPDATE_TTL_RESPONSE____MISSING__INIT;
    switch (reply->status) {
    case STORE_OK:
        response.result_case = CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_SET;
        response.set = &set_;
        break;
    case STORE_REFUSED:
        response.result_case = CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_NOT_SET;
        response.not_set = &not_set;
        break;
    case STORE_MISSING:
        response.result_case = CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_MISSING;
        response.missing = &missing;
        break;
    default:
        server_fail_store(request, reply->status);
        return;
    }
    (void)server_reply_message(request, &response.base, true);
}

void scs_update_ttl(struct server_request *request, struct bytes message)
{
    const CacheClient__UpdateTtlRequest *item = (const CacheClient__UpdateTtlRequest *)server_unpack(
        request, &cache_client____update_ttl_request__descriptor, message);
    if (item == NULL)
        return;
    enum store_ttl_mode mode;
    uint64_t ttl_ms;
    const char *field;
    switch (item->update_ttl_case) {
    case CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_INCREASE_TO_MILLISECONDS:
        mode = STORE_TTL_INCREASE;
        ttl_ms = item->increase_to_milliseconds;
        field = "increase_to_milliseconds";
        break;
    case CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_DECREASE_TO_MILLISECONDS:
        mode = STORE_TTL_DECREASE;
        ttl_ms = item->decrease_to_milliseconds;
        field = "decrease_to_milliseconds";
        break;
    case CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_OVERWRITE_TO_MILLISECONDS:
        mode = STORE_TTL_OVERWRITE;
        ttl_ms = item->overwrite_to_milliseconds;
        field = "overwrite_to_milliseconds";
        break;
    default:
        server_fail(request, STATUS_INVALID_ARGUMENT, "the request sets no `update_ttl`");
        return;
    }
    struct bytes key = server_bytes(item->cache_key);
    if (!scs_check_key(request, key) || !check_ttl(request, field, ttl_ms))
        return;
    server_request_enter_store(request);
    store_update_ttl(request->worker->server->store, request->cache, key, mode, ttl_ms,
                     server_now_ms(request->worker), on_update_ttl, request);
}
