/* What all operations on a key have in common, and the one way in which a key gets a new item. */
#include "store/memory/call.h"

#include "store/memory/reclaim.h"

/* An operation fails rather than start again for ever among others that take what it made room for. */
#define ATTEMPTS_MOST 64

/* A new item in the place of OLD, so far a scalar, whose collection will be of so many bytes; NULL without memory. */
static uint8_t *replace(struct call *call, const struct found *old, struct bytes value,
                        uint64_t collected_bytes, int64_t expiry_ms)
{
    struct shard *shard = call->shard;
    bool fresh = old->entry == NULL;
    if (fresh && !shard_save_up(shard, &call->purse))
        return NULL;
    enum shard_queue queue = SHARD_SMALL;
    if (fresh ? history_has(&shard->history, call->hash)
              : shard_segment_of(shard, old->item.at)->queue == SHARD_MAIN)
        queue = SHARD_MAIN;
    size_t size = item_size_of(call->key.size, value.size);
    uint8_t *at = shard_append(shard, queue, size, collected_bytes, &call->purse);
    if (at == NULL)
        return NULL;
    item_write(at, call->cache_number, call->key, value, expiry_ms);
    shard_note_expiry(shard, at, expiry_ms);

    uint64_t location = region_location(shard->region, at);
    if (fresh) {
        if (keymap_insert(&shard->keymap, call->hash, location))
            return at;
        shard_bury(shard, at);
        return NULL;
    }
    item_set_frequency(at, item_frequency(old->item.at));
    item_touch(at);
    keymap_point(old->entry, location);
    shard_bury(shard, old->item.at);
    return at;
}

enum store_status call_put(struct call *call, const struct found *old, struct bytes value, int64_t expiry_ms)
{
    if (old->entry != NULL && item_type(old->item.at) == STORE_SCALAR && old->item.value_size == value.size) {
        bytes_copy(old->item.value, value.data, value.size);
        item_touch(old->item.at);
        shard_set_expiry(call->shard, old->item.at, expiry_ms);
        return STORE_OK;
    }
    return replace(call, old, value, 0, expiry_ms) != NULL ? STORE_OK : STORE_NO_MEMORY;
}

enum store_status call_put_collection(struct call *call, const struct found *old, enum store_type type,
                                      struct collection *collection, int64_t expiry_ms)
{
    struct bytes address = bytes_make(&collection, sizeof(struct collection *));
    uint8_t *at = replace(call, old, address, collection->bytes, expiry_ms);
    if (at == NULL)
        return STORE_NO_MEMORY;
    shard_adopt(call->shard, at, type, collection);
    return STORE_OK;
}

bool call_pay(struct call *call, uint64_t held_bytes, uint64_t bytes)
{
    uint64_t budget_bytes = call->memory->region.budget_bytes;
    if (bytes == 0)
        return true;
    if (bytes > budget_bytes || held_bytes > budget_bytes - bytes)
        return false;
    return shard_pay(call->shard, &call->purse, bytes);
}

void call_settle(struct call *call, uint64_t paid_bytes, int64_t grown_bytes)
{
    int64_t rest_bytes = (int64_t)paid_bytes - grown_bytes;
    if (rest_bytes >= 0)
        call->purse.credit_bytes += (uint64_t)rest_bytes;
    else /* It cannot be undone; the account stays right. */
        region_refund(&call->memory->region, (uint64_t)rest_bytes);
}

void call_discard(struct call *call, struct collection *collection)
{
    call->purse.credit_bytes += collection->bytes;
    while (!collection_free_piece(collection))
        continue;
}

bool call_again(struct call *call)
{
    struct memory *memory = call->memory;
    uint64_t need_bytes = call->purse.need_bytes;
    struct reclaim_spared spared = {call->shard, call->hash, call->kept_bytes};
    call->purse.need_bytes = 0;
    call->kept_bytes = 0;
    if (need_bytes == 0 || ++call->attempts == ATTEMPTS_MOST ||
        !reclaim_room(memory->shards, memory->shard_count, need_bytes, &spared, call->now_ms))
        return false;
    call->purse.credit_bytes += need_bytes;
    return true;
}

void call_end(struct call *call)
{
    if (call->purse.credit_bytes > 0)
        region_refund(&call->memory->region, call->purse.credit_bytes);
}
