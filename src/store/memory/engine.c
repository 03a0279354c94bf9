/* The engine behind store.h: the operations on scalars, on caches and on the store as a whole. call.h has what
 * those on a key share; those on collections are in commands.c. */
#include "store/memory.h"

#include <stdlib.h>

#include "store/memory/call.h"
#include "store/memory/commands.h"
#include "store/memory/number.h"
#include "store/memory/pages.h"
#include "store/memory/reclaim.h"

#define SHARDS_MOST       256
#define SHARDS_BY_DEFAULT 16
#define SHARD_BYTES_LEAST                                                                                    \
    ((uint64_t)1 << 20) /* of the limit; what a shard holds at all times must not matter */
#define SHARD_BYTES_NORMAL  ((uint64_t)4 << 20)

/* Small segments make the steps of eviction fine when the limit is small, large ones make them few. */
#define SEGMENT_BYTES_SMALL ((uint64_t)64 << 10)
#define SEGMENT_BYTES_LARGE ((uint64_t)256 << 10)
#define LIMIT_BYTES_LARGE   ((uint64_t)256 << 20)

static void memory_get(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                       store_done done, void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    if (!call_enter(&call)) {
        call_answer(done, context, STORE_NO_CACHE);
        return;
    }
    struct store_reply reply = {.status = STORE_MISSING};
    struct found found = call_find(&call);
    if (found.entry != NULL) {
        item_touch(found.item.at);
        reply.type = item_type(found.item.at);
        reply.status = reply.type == STORE_SCALAR ? STORE_OK : STORE_WRONG_TYPE;
        if (reply.status == STORE_OK)
            reply.value = item_value(&found.item);
    }
    done(context, &reply);
    call_leave(&call);
}

static bool equals_digest(struct bytes value, struct bytes digest)
{
    uint8_t own[HASH_DIGEST_SIZE];
    if (digest.size != sizeof own)
        return false;
    hash_digest(value, own);
    return memcmp(own, digest.data, sizeof own) == 0;
}

/* Whether CONDITION holds for the item that is there, or for none. */
static enum store_status check(const struct store_condition *condition, const struct found *found)
{
    enum store_condition_kind kind = condition == NULL ? STORE_ALWAYS : condition->kind;
    bool present = found->entry != NULL;
    if (kind == STORE_ALWAYS)
        return STORE_OK;
    if (kind == STORE_IF_PRESENT)
        return present ? STORE_OK : STORE_REFUSED;
    if (kind == STORE_IF_ABSENT)
        return present ? STORE_REFUSED : STORE_OK;

    bool by_hash = kind >= STORE_IF_HASH_EQUAL;
    bool wants_equal = kind == STORE_IF_EQUAL || kind == STORE_IF_ABSENT_OR_EQUAL ||
                       kind == STORE_IF_HASH_EQUAL || kind == STORE_IF_ABSENT_OR_HASH_EQUAL;
    bool absent_will_do = kind == STORE_IF_NOT_EQUAL || kind == STORE_IF_ABSENT_OR_EQUAL ||
                          kind == STORE_IF_ABSENT_OR_HASH_EQUAL || kind == STORE_IF_ABSENT_OR_NOT_HASH_EQUAL;
    if (!present)
        return absent_will_do ? STORE_OK : STORE_REFUSED;
    if (item_type(found->item.at) != STORE_SCALAR)
        return STORE_WRONG_TYPE;
    struct bytes value = item_value(&found->item);
    bool equal = by_hash ? equals_digest(value, condition->operand) : bytes_equal(value, condition->operand);
    return equal == wants_equal ? STORE_OK : STORE_REFUSED;
}

static void memory_set(struct store *store, struct store_cache *cache, struct bytes key, struct bytes value,
                       uint64_t ttl_ms, const struct store_condition *condition, int64_t now_ms,
                       store_done done, void *context)
{
    enum store_status status;
    if (key.size + value.size > STORE_ITEM_LIMIT_BYTES) {
        call_answer(done, context, STORE_NO_MEMORY);
        return;
    }
    struct call call = call_make(store, cache, key, false, now_ms);
    do {
        if (!call_enter(&call)) {
            status = STORE_NO_CACHE;
            break;
        }
        struct found old = call_find(&call);
        status = check(condition, &old);
        if (status == STORE_OK)
            status = call_put(&call, &old, value, call_expiry_ms(&call, ttl_ms));
        call_leave(&call);
    } while (status == STORE_NO_MEMORY && call_again(&call));
    call_end(&call);
    call_answer(done, context, status);
}

static void memory_delete(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                          store_done done, void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    enum store_status status = STORE_NO_CACHE;
    if (call_enter(&call)) {
        struct found found = call_find(&call);
        status = STORE_MISSING;
        if (found.entry != NULL) {
            shard_drop(call.shard, &found);
            status = STORE_OK;
        }
        call_leave(&call);
    }
    call_answer(done, context, status);
}

static enum store_status increment(struct call *call, int64_t amount, int64_t expiry_ms, int64_t *number)
{
    struct found old = call_find(call);
    int64_t before = 0;
    if (old.entry != NULL) {
        if (item_type(old.item.at) != STORE_SCALAR)
            return STORE_WRONG_TYPE;
        if (!number_parse(item_value(&old.item), &before))
            return STORE_NOT_INTEGER;
    }
    if (__builtin_add_overflow(before, amount, number))
        return STORE_OVERFLOW;
    uint8_t text[NUMBER_TEXT_MOST];
    return call_put(call, &old, number_format(*number, text), expiry_ms);
}

static void memory_increment(struct store *store, struct store_cache *cache, struct bytes key, int64_t amount,
                             uint64_t ttl_ms, int64_t now_ms, store_done done, void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    struct store_reply reply = {0};
    do {
        if (!call_enter(&call)) {
            reply.status = STORE_NO_CACHE;
            break;
        }
        reply.status = increment(&call, amount, call_expiry_ms(&call, ttl_ms), &reply.number);
        call_leave(&call);
    } while (reply.status == STORE_NO_MEMORY && call_again(&call));
    call_end(&call);
    done(context, &reply);
}

static void memory_item_ttl(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                            store_done done, void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    struct store_reply reply = {.status = STORE_NO_CACHE};
    if (call_enter(&call)) {
        struct found found = call_find(&call);
        reply.status = STORE_MISSING;
        if (found.entry != NULL) {
            reply.status = STORE_OK;
            reply.ttl_ms = (uint64_t)(item_expiry_ms(found.item.at) - now_ms);
        }
        call_leave(&call);
    }
    done(context, &reply);
}

static void memory_item_type(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                             store_done done, void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    struct store_reply reply = {.status = STORE_NO_CACHE};
    if (call_enter(&call)) {
        struct found found = call_find(&call);
        reply.status = STORE_MISSING;
        if (found.entry != NULL) {
            reply.status = STORE_OK;
            reply.type = item_type(found.item.at);
        }
        call_leave(&call);
    }
    done(context, &reply);
}

static enum store_status update_ttl(struct call *call, enum store_ttl_mode mode, int64_t expiry_ms)
{
    struct found found = call_find(call);
    if (found.entry == NULL)
        return STORE_MISSING;
    int64_t before_ms = item_expiry_ms(found.item.at);
    if ((mode == STORE_TTL_INCREASE && expiry_ms <= before_ms) ||
        (mode == STORE_TTL_DECREASE && expiry_ms >= before_ms))
        return STORE_REFUSED;
    shard_set_expiry(call->shard, found.item.at, expiry_ms);
    return STORE_OK;
}

static void memory_update_ttl(struct store *store, struct store_cache *cache, struct bytes key,
                              enum store_ttl_mode mode, uint64_t ttl_ms, int64_t now_ms, store_done done,
                              void *context)
{
    struct call call = call_make(store, cache, key, false, now_ms);
    enum store_status status = STORE_NO_CACHE;
    if (call_enter(&call)) {
        status = update_ttl(&call, mode, call_expiry_ms(&call, ttl_ms));
        call_leave(&call);
    }
    call_answer(done, context, status);
}

static void memory_cache_create(struct store *store, struct bytes name, store_done done, void *context)
{
    struct memory *memory = memory_of(store);
    struct region *region = &memory->region;
    uint64_t bytes = directory_cache_bytes(name.size);
    enum store_status status = STORE_NO_MEMORY;
    /* No clock is at hand: time zero evicts by use alone. */
    if (reclaim_room(memory->shards, memory->shard_count, bytes, NULL, 0)) {
        status = directory_create(&memory->directory, name);
        if (status != STORE_OK)
            region_refund(region, bytes);
    }
    call_answer(done, context, status);
}

static void memory_cache_delete(struct store *store, struct bytes name, store_done done, void *context)
{
    struct memory *memory = memory_of(store);
    uint64_t freed_bytes = 0;
    enum store_status status = directory_delete(&memory->directory, name, &freed_bytes);
    region_refund(&memory->region, freed_bytes);
    call_answer(done, context, status);
}

static void memory_cache_flush(struct store *store, struct bytes name, store_done done, void *context)
{
    call_answer(done, context, directory_flush(&memory_of(store)->directory, name));
}

static void memory_cache_each(struct store *store, store_visit visit, void *context)
{
    directory_each(&memory_of(store)->directory, visit, context);
}

static struct store_cache *memory_cache_take(struct store *store, struct bytes name)
{
    return directory_take(&memory_of(store)->directory, name);
}

static void memory_cache_release(struct store *store, struct store_cache *cache)
{
    region_refund(&memory_of(store)->region, directory_release(cache));
}

/* A piece of work in the first shard that has some. The next call begins with another shard: whoever waits
 * for this one's lock gets it. */
static bool memory_maintain(struct store *store, int64_t now_ms)
{
    struct memory *memory = memory_of(store);
    unsigned turn = atomic_fetch_add_explicit(&memory->upkeep_turn, 1, memory_order_relaxed);
    bool worked = false;
    for (unsigned i = 0; i < memory->shard_count && !worked; i++) {
        struct shard *shard = &memory->shards[(turn + i) & (memory->shard_count - 1)];
        pthread_mutex_lock(&shard->lock);
        worked = reclaim_upkeep(shard, now_ms);
        pthread_mutex_unlock(&shard->lock);
    }
    return worked;
}

static void memory_stats(struct store *store, struct store_stats *stats)
{
    struct memory *memory = memory_of(store);
    *stats = (struct store_stats){
        .bytes_used = atomic_load_explicit(&memory->region.used_bytes, memory_order_relaxed),
        .bytes_limit = memory->region.limit_bytes,
        .caches = directory_count(&memory->directory),
    };
    for (unsigned i = 0; i < memory->shard_count; i++) {
        struct shard *shard = &memory->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats->items += shard->keymap.count;
        stats->evictions += shard->evictions;
        stats->expirations += shard->expirations;
        pthread_mutex_unlock(&shard->lock);
    }
}

static void memory_destroy(struct store *store)
{
    struct memory *memory = memory_of(store);
    for (unsigned i = 0; i < memory->shard_count; i++)
        shard_close(&memory->shards[i]);
    directory_close(&memory->directory);
    region_close(&memory->region);
    free(memory->shards);
    free(memory);
}

static const struct store_operations operations = {
    .destroy = memory_destroy,
    .cache_create = memory_cache_create,
    .cache_delete = memory_cache_delete,
    .cache_flush = memory_cache_flush,
    .cache_each = memory_cache_each,
    .cache_take = memory_cache_take,
    .cache_release = memory_cache_release,
    .get = memory_get,
    .set = memory_set,
    .delete = memory_delete,
    .increment = memory_increment,
    .item_ttl = memory_item_ttl,
    .item_type = memory_item_type,
    .update_ttl = memory_update_ttl,
    .command = commands_run,
    .maintain = memory_maintain,
    .stats = memory_stats,
};

static unsigned choose_shards(const struct store_memory_options *options)
{
    unsigned shards = options->shards != 0 ? options->shards : SHARDS_BY_DEFAULT;
    uint64_t least_bytes = options->shards != 0 ? SHARD_BYTES_LEAST : SHARD_BYTES_NORMAL;
    while (shards > 1 && options->limit_bytes / shards < least_bytes)
        shards /= 2;
    return shards;
}

static uint64_t choose_segment_bytes(uint64_t limit_bytes)
{
    /* Half a small segment must be whole pages. */
    bool small = limit_bytes < LIMIT_BYTES_LARGE && pages_size() <= SEGMENT_BYTES_SMALL / 4;
    return small ? SEGMENT_BYTES_SMALL : SEGMENT_BYTES_LARGE;
}

static bool options_are_valid(const struct store_memory_options *options)
{
    return options->limit_bytes >= STORE_MEMORY_LIMIT_MIN_BYTES &&
           options->limit_bytes <= STORE_MEMORY_LIMIT_MAX_BYTES && options->shards <= SHARDS_MOST &&
           (options->shards & (options->shards - 1)) == 0;
}

static bool open_shards(struct memory *memory, unsigned count)
{
    memory->shards = aligned_alloc(_Alignof(struct shard), count * sizeof *memory->shards);
    if (memory->shards == NULL)
        return false;
    for (; memory->shard_count < count; memory->shard_count++) {
        if (!shard_open(&memory->shards[memory->shard_count], &memory->region, &memory->directory,
                        memory->hash_seed, memory->region.limit_bytes / count))
            return false;
    }
    return true;
}

struct store *store_memory_create(const struct store_memory_options *options)
{
    if (!options_are_valid(options))
        return NULL;
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    unsigned shards = choose_shards(options);
    uint64_t segment_bytes = choose_segment_bytes(options->limit_bytes);
    memory->store.operations = &operations;
    memory->hash_seed = options->hash_seed;
    if (!region_open(&memory->region, options->limit_bytes, segment_bytes, shards * segment_bytes)) {
        free(memory);
        return NULL;
    }
    directory_open(&memory->directory);
    if (open_shards(memory, shards))
        return &memory->store;
    memory_destroy(&memory->store);
    return NULL;
}
