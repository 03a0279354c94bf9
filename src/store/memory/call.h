/* An operation on one key: it finds the key's shard, takes the lock, does its work on one item and answers. Only
 * when a write needs memory beyond the budget does it let go of the lock, has room made, and starts again from the
 * beginning, since anything may have changed meanwhile:
 *
 *     struct call call = call_make(store, cache, key, board, now_ms);
 *     do {
 *         if (!call_enter(&call)) ... STORE_NO_CACHE, and out
 *         status = ... work on call_find(&call) ...
 *         call_leave(&call);
 *     } while (status == STORE_NO_MEMORY && call_again(&call));
 *     call_end(&call); */
#ifndef MAYFLY_STORE_MEMORY_CALL_H
#define MAYFLY_STORE_MEMORY_CALL_H

#include "store/memory/shard.h"

/* The store itself. */
struct memory {
    struct store store;
    struct region region;
    struct directory directory;
    uint64_t hash_seed;
    unsigned shard_count;
    _Atomic unsigned upkeep_turn; /* the shard that maintain looks at first */
    struct shard *shards;
};

static inline struct memory *memory_of(struct store *store)
{
    return list_entry(store, struct memory, store);
}

struct call {
    struct memory *memory;
    struct store_cache *cache;
    struct bytes key;
    bool board; /* in the name space of leaderboards */
    int64_t now_ms;
    uint64_t key_hash;
    struct shard *shard;
    struct purse purse;
    uint64_t
        kept_bytes; /* of the key's collection, when room is wanted for its growth: it does not go for that */
    unsigned attempts;

    /* Known with the lock: a number read earlier could be that of before a flush, and an item written under
     * it would escape the sweep. */
    uint32_t cache_number;
    uint64_t hash;
};

/* Without the lock: turns to another key. What the purse holds stays. */
static inline void call_turn(struct call *call, struct bytes key)
{
    struct memory *memory = call->memory;
    call->key = key;
    call->key_hash = item_key_hash(key, call->board, memory->hash_seed);
    call->attempts = 0;
    uint64_t spread = item_hash_of(call->key_hash, ~call->cache->id);
    call->shard = &memory->shards[spread >> 32 & (memory->shard_count - 1)];
}

/* BOARD: the key is of a leaderboard. */
static inline struct call call_make(struct store *store, struct store_cache *cache, struct bytes key,
                                    bool board, int64_t now_ms)
{
    struct call call = {.memory = memory_of(store), .cache = cache, .board = board, .now_ms = now_ms};
    call_turn(&call, key);
    return call;
}

/* Takes the shard's lock; false, without it, when the cache is gone. */
static inline bool call_enter(struct call *call)
{
    pthread_mutex_lock(&call->shard->lock);
    call->cache_number = atomic_load_explicit(&call->cache->number, memory_order_relaxed);
    call->hash = item_hash_of(call->key_hash, call->cache_number);
    if (call->cache_number != 0)
        return true;
    pthread_mutex_unlock(&call->shard->lock);
    return false;
}

static inline void call_leave(struct call *call)
{
    pthread_mutex_unlock(&call->shard->lock);
}

static inline struct found call_find(struct call *call)
{
    return shard_find(call->shard, call->hash, call->cache_number, call->board, call->key, call->now_ms);
}

/* Makes VALUE, or COLLECTION, the key's value, where OLD is what is there. OK, or NO_MEMORY with nothing changed.
 * A collection is the shard's from then on; it has been paid for. */
enum store_status call_put(struct call *call, const struct found *old, struct bytes value, int64_t expiry_ms);
enum store_status call_put_collection(struct call *call, const struct found *old, enum store_type type,
                                      struct collection *collection, int64_t expiry_ms);

/* Pays BYTES more for a collection that holds HELD_BYTES, before it grows. False, with the need noted, when they are not
 * there; one that could not stay, even alone, is not worth evicting all others for. */
bool call_pay(struct call *call, uint64_t held_bytes, uint64_t bytes);

/* Of what was paid for a collection's growth, keeps what it grew by, below zero when it shrank. */
void call_settle(struct call *call, uint64_t paid_bytes, int64_t grown_bytes);

/* Frees, all at once, a collection that was paid for and never got a key: less work than it was to make. */
void call_discard(struct call *call, struct collection *collection);

/* Without the lock: true when the operation failed for want of memory and there is now more. */
bool call_again(struct call *call);

/* Ends an operation that writes. */
void call_end(struct call *call);

static inline int64_t call_expiry_ms(const struct call *call, uint64_t ttl_ms)
{
    uint64_t most_ms = (uint64_t)(ITEM_EXPIRY_MOST_MS - call->now_ms);
    return call->now_ms + (int64_t)(ttl_ms < most_ms ? ttl_ms : most_ms);
}

static inline void call_answer(store_done done, void *context, enum store_status status)
{
    done(context, &(struct store_reply){.status = status});
}

#endif
