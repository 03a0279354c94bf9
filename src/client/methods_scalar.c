/* The methods of scalars and of items as such. Get and Set, the hottest, are read and written in place;
 * others go through the generated code, with the call's arena for what it allocates. */
#include "cacheclient.pb-c.h"
#include "client/methods.h"
#include "proto/hot.h"

/* --- Between the library's types and the generated ones --- */

static ProtobufCBinaryData binary(mayfly_bytes bytes)
{
    /* Packing reads through this pointer only; the generated type lacks the const. */
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)bytes.data, .len = bytes.size};
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

/* --- Get and Set --- */

bool decode_get(struct client_call *call, struct bytes message)
{
    struct hot_get_response response;
    if (!hot_read_get_response(message, &response))
        return false;
    call->reply.outcome = response.result == HOT_RESULT_HIT ? MAYFLY_HIT : MAYFLY_MISS;
    call->reply.value = reply_bytes(response.body.data, response.body.size);
    return response.result == HOT_RESULT_HIT || response.result == HOT_RESULT_MISS;
}

bool encode_set(const mayfly_request *request, struct buffer *to)
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

bool decode_set(struct client_call *call, struct bytes message)
{
    struct hot_set_response response;
    call->reply.outcome = MAYFLY_DONE;
    return hot_read_set_response(message, &response) && response.result == HOT_RESULT_OK;
}

/* --- Conditions --- */

bool encode_set_if(const mayfly_request *request, struct buffer *to)
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

bool decode_set_if(struct client_call *call, struct bytes message)
{
    const CacheClient__SetIfResponse *response =
        unpack(call, &cache_client____set_if_response__descriptor, message);
    if (response == NULL)
        return false;
    bool stored = response->result_case == CACHE_CLIENT____SET_IF_RESPONSE__RESULT_STORED;
    call->reply.outcome = stored ? MAYFLY_STORED : MAYFLY_NOT_STORED;
    return stored || response->result_case == CACHE_CLIENT____SET_IF_RESPONSE__RESULT_NOT_STORED;
}

bool encode_set_if_hash(const mayfly_request *request, struct buffer *to)
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

bool decode_set_if_hash(struct client_call *call, struct bytes message)
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

bool decode_set_if_not_exists(struct client_call *call, struct bytes message)
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

bool decode_get_with_hash(struct client_call *call, struct bytes message)
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

bool encode_increment(const mayfly_request *request, struct buffer *to)
{
    CacheClient__IncrementRequest increment = CACHE_CLIENT____INCREMENT_REQUEST__INIT;
    increment.cache_key = binary(request->key);
    increment.amount = request->amount;
    increment.ttl_milliseconds = request->ttl_ms;
    return append(&increment.base, to);
}

bool decode_increment(struct client_call *call, struct bytes message)
{
    const CacheClient__IncrementResponse *response =
        unpack(call, &cache_client____increment_response__descriptor, message);
    if (response == NULL)
        return false;
    call->reply.number = response->value;
    return true;
}

bool encode_update_ttl(const mayfly_request *request, struct buffer *to)
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

bool decode_update_ttl(struct client_call *call, struct bytes message)
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

bool decode_item_get_ttl(struct client_call *call, struct bytes message)
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

bool decode_item_get_type(struct client_call *call, struct bytes message)
{
    const CacheClient__ItemGetTypeResponse *response =
        unpack(call, &cache_client____item_get_type_response__descriptor, message);
    if (response == NULL)
        return false;
    if (response->result_case == CACHE_CLIENT____ITEM_GET_TYPE_RESPONSE__RESULT_FOUND) {
        call->reply.outcome = MAYFLY_HIT;
        call->reply.type = (mayfly_type)response->found->item_type; /* numbered alike */
        return (unsigned)response->found->item_type <= MAYFLY_SORTED_SET;
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

bool encode_get_batch(const mayfly_request *request, struct buffer *to)
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

bool encode_set_batch(const mayfly_request *request, struct buffer *to)
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

bool encode_keys_exist(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_keys(&writer, 1, request);
    return !writer.failed;
}

bool decode_get_batch(struct client_call *call, struct bytes message)
{
    struct hot_get_response response;
    if (!hot_read_get_response(message, &response) ||
        (response.result != HOT_RESULT_HIT && response.result != HOT_RESULT_MISS))
        return false;
    mayfly_item *item = client_call_add_item(call);
    if (item == NULL)
        return false;
    struct bytes value = arena_copy(&call->arena, response.body);
    if (value.data == NULL)
        return false;
    item->found = response.result == HOT_RESULT_HIT;
    item->value = reply_bytes(value.data, value.size);
    return true;
}

bool decode_keys_exist(struct client_call *call, struct bytes message)
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
