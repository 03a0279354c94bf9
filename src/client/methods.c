/* The methods: how each request is written and each reply read. Get and Set, the hottest, do both in place;
 * the others go through the generated code, with the call's arena for what it allocates. */
#include "cacheclient.pb-c.h"
#include "client/client.h"
#include "controlclient.pb-c.h"
#include "proto/hot.h"

#define CACHE_NAME_MAX          255
#define METADATA_BYTES_MAX      32768 /* names and values of a request */
#define METADATA_OVERHEAD_BYTES 32    /* for each, as HTTP/2 counts */

/* --- Between the library's types and the generated ones --- */

static ProtobufCBinaryData binary(mayfly_bytes bytes)
{
    /* Packing reads through this pointer only; the generated type lacks the const. */
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)bytes.data, .len = bytes.size};
}

static struct bytes plain(mayfly_bytes bytes)
{
    return bytes_make(bytes.data, bytes.size);
}

static mayfly_bytes reply_bytes(const void *data, size_t size)
{
    return (mayfly_bytes){data, size};
}

static bool append(const ProtobufCMessage *message, struct buffer *to)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *at = buffer_extend(to, size);
    if (at == NULL)
        return false;
    (void)protobuf_c_message_pack(message, at);
    buffer_commit(to, size);
    return true;
}

static void *unpack_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void unpack_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

static void *unpack(struct client_call *call, const ProtobufCMessageDescriptor *descriptor,
                    struct bytes message)
{
    ProtobufCAllocator allocator = {
        .alloc = unpack_alloc, .free = unpack_free, .allocator_data = &call->arena};
    return protobuf_c_message_unpack(descriptor, &allocator, message.size, message.data);
}

static bool done(struct client_call *call, struct bytes message)
{
    (void)message;
    call->reply.outcome = MAYFLY_DONE;
    return true;
}

static bool encode_nothing(const mayfly_request *request, struct buffer *to)
{
    (void)request;
    return buffer_extend(to, 1) != NULL; /* an empty message still is one */
}

/* --- Get and Set --- */

/* Also for every other request that is a key in field 1 and nothing else. */
static bool encode_key(const mayfly_request *request, struct buffer *to)
{
    size_t size = hot_size_get_request(plain(request->key));
    uint8_t *at = buffer_extend(to, size + 1);
    if (at == NULL)
        return false;
    (void)hot_write_get_request(at, plain(request->key));
    buffer_commit(to, size);
    return true;
}

static bool decode_get(struct client_call *call, struct bytes message)
{
    struct hot_get_response response;
    if (!hot_read_get_response(message, &response))
        return false;
    call->reply.outcome = response.result == HOT_RESULT_HIT ? MAYFLY_HIT : MAYFLY_MISS;
    call->reply.value = reply_bytes(response.body.data, response.body.size);
    return response.result == HOT_RESULT_HIT || response.result == HOT_RESULT_MISS;
}

static bool encode_set(const mayfly_request *request, struct buffer *to)
{
    struct hot_set_request set = {plain(request->key), plain(request->value), request->ttl_ms};
    size_t size = hot_size_set_request(&set);
    uint8_t *at = buffer_extend(to, size);
    if (at == NULL)
        return false;
    (void)hot_write_set_request(at, &set);
    buffer_commit(to, size);
    return true;
}

static bool decode_set(struct client_call *call, struct bytes message)
{
    struct hot_set_response response;
    call->reply.outcome = MAYFLY_DONE;
    return hot_read_set_response(message, &response) && response.result == HOT_RESULT_OK;
}

/* --- Conditions --- */

static bool encode_set_if(const mayfly_request *request, struct buffer *to)
{
    CacheClient__SetIfRequest set = CACHE_CLIENT____SET_IF_REQUEST__INIT;
    Common__Present present = COMMON__PRESENT__INIT;
    Common__Absent absent = COMMON__ABSENT__INIT;
    Common__Equal equal = COMMON__EQUAL__INIT;
    Common__NotEqual not_equal = COMMON__NOT_EQUAL__INIT;
    Common__PresentAndNotEqual present_and_not_equal = COMMON__PRESENT_AND_NOT_EQUAL__INIT;
    Common__AbsentOrEqual absent_or_equal = COMMON__ABSENT_OR_EQUAL__INIT;
    set.cache_key = binary(request->key);
    set.cache_body = binary(request->value);
    set.ttl_milliseconds = request->ttl_ms;
    switch (request->condition) {
    case MAYFLY_IF_PRESENT:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_PRESENT;
        set.present = &present;
        break;
    case MAYFLY_IF_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_EQUAL;
        equal.value_to_check = binary(request->operand);
        set.equal = &equal;
        break;
    case MAYFLY_IF_NOT_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_NOT_EQUAL;
        not_equal.value_to_check = binary(request->operand);
        set.not_equal = &not_equal;
        break;
    case MAYFLY_IF_PRESENT_AND_NOT_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_PRESENT_AND_NOT_EQUAL;
        present_and_not_equal.value_to_check = binary(request->operand);
        set.present_and_not_equal = &present_and_not_equal;
        break;
    case MAYFLY_IF_ABSENT_OR_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_ABSENT_OR_EQUAL;
        absent_or_equal.value_to_check = binary(request->operand);
        set.absent_or_equal = &absent_or_equal;
        break;
    case MAYFLY_IF_ABSENT:
    case MAYFLY_ALWAYS:
        set.condition_case = CACHE_CLIENT____SET_IF_REQUEST__CONDITION_ABSENT;
        set.absent = &absent;
        break;
    }
    return append(&set.base, to);
}

static bool decode_set_if(struct client_call *call, struct bytes message)
{
    const CacheClient__SetIfResponse *response =
        unpack(call, &cache_client____set_if_response__descriptor, message);
    if (response == NULL)
        return false;
    bool stored = response->result_case == CACHE_CLIENT____SET_IF_RESPONSE__RESULT_STORED;
    call->reply.outcome = stored ? MAYFLY_STORED : MAYFLY_NOT_STORED;
    return stored || response->result_case == CACHE_CLIENT____SET_IF_RESPONSE__RESULT_NOT_STORED;
}

static bool encode_set_if_hash(const mayfly_request *request, struct buffer *to)
{
    CacheClient__SetIfHashRequest set = CACHE_CLIENT____SET_IF_HASH_REQUEST__INIT;
    Common__PresentAndHashEqual equal = COMMON__PRESENT_AND_HASH_EQUAL__INIT;
    Common__PresentAndNotHashEqual present_and_not_equal = COMMON__PRESENT_AND_NOT_HASH_EQUAL__INIT;
    Common__AbsentOrHashEqual absent_or_equal = COMMON__ABSENT_OR_HASH_EQUAL__INIT;
    Common__AbsentOrNotHashEqual not_equal = COMMON__ABSENT_OR_NOT_HASH_EQUAL__INIT;
    Common__Unconditional always = COMMON__UNCONDITIONAL__INIT;
    set.cache_key = binary(request->key);
    set.cache_body = binary(request->value);
    set.ttl_milliseconds = request->ttl_ms;
    switch (request->condition) {
    case MAYFLY_IF_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_PRESENT_AND_HASH_EQUAL;
        equal.hash_to_check = binary(request->operand);
        set.present_and_hash_equal = &equal;
        break;
    case MAYFLY_IF_PRESENT_AND_NOT_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_PRESENT_AND_NOT_HASH_EQUAL;
        present_and_not_equal.hash_to_check = binary(request->operand);
        set.present_and_not_hash_equal = &present_and_not_equal;
        break;
    case MAYFLY_IF_ABSENT_OR_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_ABSENT_OR_HASH_EQUAL;
        absent_or_equal.hash_to_check = binary(request->operand);
        set.absent_or_hash_equal = &absent_or_equal;
        break;
    case MAYFLY_IF_NOT_EQUAL:
        set.condition_case = CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_ABSENT_OR_NOT_HASH_EQUAL;
        not_equal.hash_to_check = binary(request->operand);
        set.absent_or_not_hash_equal = &not_equal;
        break;
    case MAYFLY_IF_PRESENT:
    case MAYFLY_IF_ABSENT:
    case MAYFLY_ALWAYS:
        set.condition_case = CACHE_CLIENT____SET_IF_HASH_REQUEST__CONDITION_UNCONDITIONAL;
        set.unconditional = &always;
        break;
    }
    return append(&set.base, to);
}

static bool decode_set_if_hash(struct client_call *call, struct bytes message)
{
    const CacheClient__SetIfHashResponse *response =
        unpack(call, &cache_client____set_if_hash_response__descriptor, message);
    if (response == NULL)
        return false;
    if (response->result_case == CACHE_CLIENT____SET_IF_HASH_RESPONSE__RESULT_STORED) {
        call->reply.outcome = MAYFLY_STORED;
        call->reply.hash = reply_bytes(response->stored->new_hash.data, response->stored->new_hash.len);
        return true;
    }
    call->reply.outcome = MAYFLY_NOT_STORED;
    return response->result_case == CACHE_CLIENT____SET_IF_HASH_RESPONSE__RESULT_NOT_STORED;
}

static bool decode_set_if_not_exists(struct client_call *call, struct bytes message)
{
    const CacheClient__SetIfNotExistsResponse *response =
        unpack(call, &cache_client____set_if_not_exists_response__descriptor, message);
    if (response == NULL)
        return false;
    bool stored = response->result_case == CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE__RESULT_STORED;
    call->reply.outcome = stored ? MAYFLY_STORED : MAYFLY_NOT_STORED;
    return stored || response->result_case == CACHE_CLIENT____SET_IF_NOT_EXISTS_RESPONSE__RESULT_NOT_STORED;
}

/* --- Other reads and writes of an item --- */

static bool decode_get_with_hash(struct client_call *call, struct bytes message)
{
    const CacheClient__GetWithHashResponse *response =
        unpack(call, &cache_client____get_with_hash_response__descriptor, message);
    if (response == NULL)
        return false;
    if (response->result_case == CACHE_CLIENT____GET_WITH_HASH_RESPONSE__RESULT_FOUND) {
        call->reply.outcome = MAYFLY_HIT;
        call->reply.value = reply_bytes(response->found->value.data, response->found->value.len);
        call->reply.hash = reply_bytes(response->found->hash.data, response->found->hash.len);
        return true;
    }
    call->reply.outcome = MAYFLY_MISS;
    return response->result_case == CACHE_CLIENT____GET_WITH_HASH_RESPONSE__RESULT_MISSING;
}

static bool encode_increment(const mayfly_request *request, struct buffer *to)
{
    CacheClient__IncrementRequest increment = CACHE_CLIENT____INCREMENT_REQUEST__INIT;
    increment.cache_key = binary(request->key);
    increment.amount = request->amount;
    increment.ttl_milliseconds = request->ttl_ms;
    return append(&increment.base, to);
}

static bool decode_increment(struct client_call *call, struct bytes message)
{
    const CacheClient__IncrementResponse *response =
        unpack(call, &cache_client____increment_response__descriptor, message);
    if (response == NULL)
        return false;
    call->reply.number = response->value;
    return true;
}

static bool encode_update_ttl(const mayfly_request *request, struct buffer *to)
{
    CacheClient__UpdateTtlRequest update = CACHE_CLIENT____UPDATE_TTL_REQUEST__INIT;
    update.cache_key = binary(request->key);
    switch (request->ttl_mode) {
    case MAYFLY_TTL_OVERWRITE:
        update.update_ttl_case = CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_OVERWRITE_TO_MILLISECONDS;
        update.overwrite_to_milliseconds = request->ttl_ms;
        break;
    case MAYFLY_TTL_INCREASE:
        update.update_ttl_case = CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_INCREASE_TO_MILLISECONDS;
        update.increase_to_milliseconds = request->ttl_ms;
        break;
    case MAYFLY_TTL_DECREASE:
        update.update_ttl_case = CACHE_CLIENT____UPDATE_TTL_REQUEST__UPDATE_TTL_DECREASE_TO_MILLISECONDS;
        update.decrease_to_milliseconds = request->ttl_ms;
        break;
    }
    return append(&update.base, to);
}

static bool decode_update_ttl(struct client_call *call, struct bytes message)
{
    const CacheClient__UpdateTtlResponse *response =
        unpack(call, &cache_client____update_ttl_response__descriptor, message);
    if (response == NULL)
        return false;
    switch (response->result_case) {
    case CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_SET:
        call->reply.outcome = MAYFLY_STORED;
        return true;
    case CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_NOT_SET:
        call->reply.outcome = MAYFLY_NOT_STORED;
        return true;
    case CACHE_CLIENT____UPDATE_TTL_RESPONSE__RESULT_MISSING:
        call->reply.outcome = MAYFLY_MISS;
        return true;
    default:
        return false;
    }
}

static bool decode_item_get_ttl(struct client_call *call, struct bytes message)
{
    const CacheClient__ItemGetTtlResponse *response =
        unpack(call, &cache_client____item_get_ttl_response__descriptor, message);
    if (response == NULL)
        return false;
    if (response->result_case == CACHE_CLIENT____ITEM_GET_TTL_RESPONSE__RESULT_FOUND) {
        call->reply.outcome = MAYFLY_HIT;
        call->reply.ttl_ms = response->found->remaining_ttl_millis;
        return true;
    }
    call->reply.outcome = MAYFLY_MISS;
    return response->result_case == CACHE_CLIENT____ITEM_GET_TTL_RESPONSE__RESULT_MISSING;
}

static bool decode_item_get_type(struct client_call *call, struct bytes message)
{
    const CacheClient__ItemGetTypeResponse *response =
        unpack(call, &cache_client____item_get_type_response__descriptor, message);
    if (response == NULL)
        return false;
    if (response->result_case == CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__RESULT_FOUND) {
        call->reply.outcome = MAYFLY_HIT;
        call->reply.type = (mayfly_type)response->found->item_type; /* numbered alike */
        return true;
    }
    call->reply.outcome = MAYFLY_MISS;
    return response->result_case == CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__RESULT_MISSING;
}

/* --- Batches: written item by item in place, so that a large one needs no tree of messages --- */

/* A field of bytes with a length in front: how a batch holds its items. */
static uint8_t *embed(struct buffer *to, uint8_t tag, size_t size)
{
    uint8_t *start = buffer_extend(to, 1 + 10 + size);
    if (start == NULL)
        return NULL;
    uint8_t *at = start;
    *at++ = tag;
    size_t left = size;
    for (; left >= 0x80; left >>= 7)
        *at++ = (uint8_t)(left | 0x80);
    *at++ = (uint8_t)left;
    buffer_commit(to, (size_t)(at - start) + size);
    return at;
}

#define TAG_FIELD_1_BYTES 0x0a

static bool encode_get_batch(const mayfly_request *request, struct buffer *to)
{
    if (buffer_extend(to, 1) == NULL)
        return false;
    for (size_t i = 0; i < request->item_count; i++) {
        struct bytes key = plain(request->items[i].key);
        uint8_t *at = embed(to, TAG_FIELD_1_BYTES, hot_size_get_request(key));
        if (at == NULL)
            return false;
        (void)hot_write_get_request(at, key);
    }
    return true;
}

static bool encode_set_batch(const mayfly_request *request, struct buffer *to)
{
    if (buffer_extend(to, 1) == NULL)
        return false;
    for (size_t i = 0; i < request->item_count; i++) {
        const mayfly_item *item = &request->items[i];
        struct hot_set_request set = {plain(item->key), plain(item->value), item->ttl_ms};
        uint8_t *at = embed(to, TAG_FIELD_1_BYTES, hot_size_set_request(&set));
        if (at == NULL)
            return false;
        (void)hot_write_set_request(at, &set);
    }
    return true;
}

static bool encode_keys_exist(const mayfly_request *request, struct buffer *to)
{
    if (buffer_extend(to, 1) == NULL)
        return false;
    for (size_t i = 0; i < request->item_count; i++) {
        struct bytes key = plain(request->items[i].key);
        uint8_t *at = embed(to, TAG_FIELD_1_BYTES, key.size);
        if (at == NULL)
            return false;
        bytes_copy(at, key.data, key.size);
    }
    return true;
}

static bool decode_get_batch(struct client_call *call, struct bytes message)
{
    struct hot_get_response response;
    if (!hot_read_get_response(message, &response) ||
        (response.result != HOT_RESULT_HIT && response.result != HOT_RESULT_MISS))
        return false;
    mayfly_item *item = client_call_add_item(call);
    struct bytes value = arena_copy(&call->arena, response.body);
    if (item == NULL || value.data == NULL)
        return false;
    item->found = response.result == HOT_RESULT_HIT;
    item->value = reply_bytes(value.data, value.size);
    return true;
}

static bool decode_keys_exist(struct client_call *call, struct bytes message)
{
    const CacheClient__KeysExistResponse *response =
        unpack(call, &cache_client____keys_exist_response__descriptor, message);
    if (response == NULL)
        return false;
    for (size_t i = 0; i < response->n_exists; i++) {
        mayfly_item *item = client_call_add_item(call);
        if (item == NULL)
            return false;
        item->found = response->exists[i];
    }
    return true;
}

/* --- Control --- */

/* Every control request but the list is a name in field 1. */
static bool encode_cache_name(const mayfly_request *request, struct buffer *to)
{
    struct bytes name = bytes_of(request->cache);
    uint8_t *at = embed(to, TAG_FIELD_1_BYTES, name.size);
    if (at == NULL)
        return false;
    bytes_copy(at, name.data, name.size);
    return true;
}

static bool decode_list_caches(struct client_call *call, struct bytes message)
{
    const ControlClient__ListCachesResponse *response =
        unpack(call, &control_client____list_caches_response__descriptor, message);
    if (response == NULL)
        return false;
    for (size_t i = 0; i < response->n_cache; i++) {
        mayfly_item *item = client_call_add_item(call);
        if (item == NULL)
            return false;
        const char *name = response->cache[i]->cache_name;
        item->key = reply_bytes(name, strlen(name));
        item->found = true;
    }
    return true;
}

/* --- The table --- */

#define SCS     "/cache_client.Scs/"
#define CONTROL "/control_client.ScsControl/"

/* name, path, streams its reply, repeatable, names its cache by metadata, answers each item, encode, decode
 */
const struct client_method client_methods[MAYFLY_METHODS] = {
    [MAYFLY_METHOD_GET] = {"Get", SCS "Get", false, true, true, false, encode_key, decode_get},
    [MAYFLY_METHOD_SET] = {"Set", SCS "Set", false, true, true, false, encode_set, decode_set},
    [MAYFLY_METHOD_GET_WITH_HASH] = {"GetWithHash", SCS "GetWithHash", false, false, true, false, encode_key,
                                     decode_get_with_hash},
    [MAYFLY_METHOD_GET_BATCH] = {"GetBatch", SCS "GetBatch", true, true, true, true, encode_get_batch,
                                 decode_get_batch},
    [MAYFLY_METHOD_SET_BATCH] = {"SetBatch", SCS "SetBatch", true, true, true, false, encode_set_batch,
                                 decode_set},
    [MAYFLY_METHOD_SET_IF] = {"SetIf", SCS "SetIf", false, false, true, false, encode_set_if, decode_set_if},
    [MAYFLY_METHOD_SET_IF_HASH] = {"SetIfHash", SCS "SetIfHash", false, false, true, false,
                                   encode_set_if_hash, decode_set_if_hash},
    [MAYFLY_METHOD_SET_IF_NOT_EXISTS] = {"SetIfNotExists", SCS "SetIfNotExists", false, false, true, false,
                                         encode_set, decode_set_if_not_exists},
    [MAYFLY_METHOD_DELETE] = {"Delete", SCS "Delete", false, true, true, false, encode_key, done},
    [MAYFLY_METHOD_KEYS_EXIST] = {"KeysExist", SCS "KeysExist", false, true, true, true, encode_keys_exist,
                                  decode_keys_exist},
    [MAYFLY_METHOD_INCREMENT] = {"Increment", SCS "Increment", false, false, true, false, encode_increment,
                                 decode_increment},
    [MAYFLY_METHOD_UPDATE_TTL] = {"UpdateTtl", SCS "UpdateTtl", false, false, true, false, encode_update_ttl,
                                  decode_update_ttl},
    [MAYFLY_METHOD_ITEM_GET_TTL] = {"ItemGetTtl", SCS "ItemGetTtl", false, true, true, false, encode_key,
                                    decode_item_get_ttl},
    [MAYFLY_METHOD_ITEM_GET_TYPE] = {"ItemGetType", SCS "ItemGetType", false, true, true, false, encode_key,
                                     decode_item_get_type},
    [MAYFLY_METHOD_CREATE_CACHE] = {"CreateCache", CONTROL "CreateCache", false, false, false, false,
                                    encode_cache_name, done},
    [MAYFLY_METHOD_DELETE_CACHE] = {"DeleteCache", CONTROL "DeleteCache", false, false, false, false,
                                    encode_cache_name, done},
    [MAYFLY_METHOD_LIST_CACHES] = {"ListCaches", CONTROL "ListCaches", false, false, false, false,
                                   encode_nothing, decode_list_caches},
    [MAYFLY_METHOD_FLUSH_CACHE] = {"FlushCache", CONTROL "FlushCache", false, false, false, false,
                                   encode_cache_name, done},
    [MAYFLY_METHOD_PING] = {"Ping", "/cache_client.Ping/Ping", false, false, false, false, encode_nothing,
                            done},
};

struct h2_methods *client_methods_create(void)
{
    struct h2_method paths[MAYFLY_METHODS];
    for (size_t i = 0; i < MAYFLY_METHOD_DICTIONARY_GET; i++)
        paths[i] = (struct h2_method){.path = client_methods[i].path,
                                      .server_streams = client_methods[i].server_streams};
    return h2_methods_create(paths, MAYFLY_METHOD_DICTIONARY_GET);
}

const char *mayfly_method_name(mayfly_method method)
{
    return (unsigned)method < MAYFLY_METHODS && client_methods[method].name != NULL ? client_methods[method].name : "";
}

/* --- Requests that cannot be sent --- */

/* Names that belong to gRPC and HTTP. */
static bool is_reserved(struct bytes name)
{
    static const char *const reserved[] = {"te",      "content-type", "connection",        "host",
                                           "upgrade", "keep-alive",   "transfer-encoding", "proxy-connection",
                                           "cache"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (bytes_equal(name, bytes_of(reserved[i])))
            return true;
    return bytes_start_with(name, bytes_of("grpc-"));
}

static const char *name_problem(struct bytes name)
{
    if (name.size == 0 || name.data == NULL)
        return "a metadata name is empty";
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.')
            return "a metadata name has other characters than a-z, 0-9, -, _ and .";
    }
    return is_reserved(name) ? "a metadata name is one that gRPC, HTTP or this library uses itself" : NULL;
}

/* What HTTP allows in a header's value, beyond ASCII as LIMIT says. */
static bool is_header_value(struct bytes value, uint8_t limit)
{
    if (value.size > 0 && (value.data[0] == ' ' || value.data[value.size - 1] == ' '))
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] == 0x7f || value.data[i] > limit)
            return false;
    return true;
}

static const char *metadata_problem(const mayfly_request *request)
{
    if (request->metadata_count > CLIENT_METADATA_MAX)
        return "a request carries at most 32 entries of metadata";
    if (request->metadata_count > 0 && request->metadata == NULL)
        return "metadata_count says that there is metadata, but there is none";
    size_t size = 0;
    for (size_t i = 0; i < request->metadata_count; i++) {
        struct bytes name = plain(request->metadata[i].name);
        struct bytes value = plain(request->metadata[i].value);
        const char *problem = name_problem(name);
        if (problem != NULL)
            return problem;
        if ((value.data == NULL && value.size > 0) || !is_header_value(value, 0x7e))
            return "a metadata value is not printable ASCII or has a space at an end; encode it as base64 "
                   "under a name that ends with -bin";
        if (value.size > METADATA_BYTES_MAX || name.size > METADATA_BYTES_MAX)
            return "a request carries at most 32 KiB of metadata";
        size += name.size + value.size + METADATA_OVERHEAD_BYTES;
    }
    return size > METADATA_BYTES_MAX ? "a request carries at most 32 KiB of metadata" : NULL;
}

static bool is_control(mayfly_method method)
{
    return method == MAYFLY_METHOD_CREATE_CACHE || method == MAYFLY_METHOD_DELETE_CACHE ||
           method == MAYFLY_METHOD_FLUSH_CACHE;
}

static const char *cache_problem(const mayfly_request *request)
{
    bool in_metadata = client_methods[request->method].names_cache;
    if (!in_metadata && !is_control(request->method))
        return NULL;
    if (request->cache == NULL || request->cache[0] == '\0')
        return "the request names no cache";
    struct bytes name = bytes_of(request->cache);
    if (name.size > CACHE_NAME_MAX)
        return "the cache's name has more than 255 bytes";
    if (!is_header_value(name, 0xff))
        return "the cache's name has a control character, or a space at an end";
    return NULL;
}

static bool is_missing(mayfly_bytes bytes)
{
    return bytes.data == NULL && bytes.size > 0;
}

static const char *items_problem(const mayfly_request *request)
{
    if (request->item_count > 0 && request->items == NULL)
        return "item_count says that there are items, but there are none";
    for (size_t i = 0; i < request->item_count; i++) {
        const mayfly_item *item = &request->items[i];
        if (item->key.size == 0 || item->key.data == NULL)
            return "the key of an item is empty";
        if (request->method == MAYFLY_METHOD_SET_BATCH && is_missing(item->value))
            return "the value of an item has a size but no bytes";
    }
    return NULL;
}

static const char *key_problem(const mayfly_request *request)
{
    switch (request->method) {
    case MAYFLY_METHOD_GET_BATCH:
    case MAYFLY_METHOD_SET_BATCH:
    case MAYFLY_METHOD_KEYS_EXIST:
        return items_problem(request);
    case MAYFLY_METHOD_CREATE_CACHE:
    case MAYFLY_METHOD_DELETE_CACHE:
    case MAYFLY_METHOD_LIST_CACHES:
    case MAYFLY_METHOD_FLUSH_CACHE:
    case MAYFLY_METHOD_PING:
        return NULL;
    default:
        if (request->key.size == 0 || request->key.data == NULL)
            return "the key is empty";
        return is_missing(request->value) ? "the value has a size but no bytes" : NULL;
    }
}

static const char *condition_problem(const mayfly_request *request)
{
    bool is_set_if = request->method == MAYFLY_METHOD_SET_IF;
    if (!is_set_if && request->method != MAYFLY_METHOD_SET_IF_HASH)
        return NULL;
    if ((unsigned)request->condition > MAYFLY_ALWAYS)
        return "the condition is none of those there are";
    if (is_missing(request->operand))
        return "the operand has a size but no bytes";
    if (is_set_if && request->condition == MAYFLY_ALWAYS)
        return "set_if needs a condition; MAYFLY_ALWAYS is for set_if_hash";
    if (!is_set_if && (request->condition == MAYFLY_IF_PRESENT || request->condition == MAYFLY_IF_ABSENT))
        return "set_if_hash compares hashes; use set_if for this condition";
    return NULL;
}

const char *client_request_problem(const mayfly_request *request)
{
    if ((unsigned)request->method >= MAYFLY_METHODS)
        return "the request has no method";
    if (client_methods[request->method].encode == NULL)
        return "this method cannot be sent yet";
    if (request->method == MAYFLY_METHOD_UPDATE_TTL && (unsigned)request->ttl_mode > MAYFLY_TTL_DECREASE)
        return "the ttl_mode is none of those there are";
    const char *problem = cache_problem(request);
    if (problem == NULL)
        problem = key_problem(request);
    if (problem == NULL)
        problem = condition_problem(request);
    return problem != NULL ? problem : metadata_problem(request);
}
