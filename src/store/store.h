/* The cache engine's door: what a cache can do, whatever keeps the items.
 *
 * Every operation answers through its completion, called exactly once, on the thread that asked: an
 * engine in memory calls it before the operation returns, a distributed one later. Bytes in a reply
 * are the engine's and live until the completion returns; a completion must not call the store and
 * should only copy, since an engine in memory may hold a lock around it. Bytes in a request need to
 * live only until the operation returns.
 *
 * Time is handed in: `now_ms` is a reading of any clock that never goes back, in milliseconds, below
 * 2^40. Operations may be called from any thread. Limits on names, sizes and TTLs are the caller's to
 * check; the store assumes key and value together at most STORE_ITEM_LIMIT_BYTES. */
#ifndef MAYFLY_STORE_STORE_H
#define MAYFLY_STORE_STORE_H

#include "base/bytes.h"
#include "base/hash.h"

#define STORE_ITEM_LIMIT_BYTES ((size_t)15 << 20)

struct store;

/* A cache that the store knows, held by reference so that a connection resolves its name once. After
 * the cache is deleted the handle stays valid and every operation through it answers
 * STORE_NO_CACHE, also when a cache of the same name is created again. */
struct store_cache;

enum store_status {
    STORE_OK,          /* done: stored, deleted, incremented, flushed; for reads: found */
    STORE_MISSING,     /* no such key */
    STORE_REFUSED,     /* a condition did not hold; nothing changed */
    STORE_WRONG_TYPE,  /* the key holds another type; nothing changed */
    STORE_NOT_INTEGER, /* increment of a value that is no decimal 64-bit integer */
    STORE_OVERFLOW,    /* increment past the range of 64 bits; nothing changed */
    STORE_NO_CACHE,    /* no such cache */
    STORE_EXISTS,      /* a cache of this name is there already */
    STORE_NO_MEMORY,   /* the item does not fit within the memory limit */
};

enum store_type { STORE_SCALAR, STORE_DICTIONARY, STORE_SET, STORE_LIST, STORE_SORTED_SET };

/* What a write asks of the value that is there. The HASH forms compare hash_digest() of the value. */
enum store_condition_kind {
    STORE_ALWAYS,
    STORE_IF_PRESENT,
    STORE_IF_ABSENT,
    STORE_IF_EQUAL,             /* present, and the same as the operand */
    STORE_IF_NOT_EQUAL,         /* absent, or other than the operand */
    STORE_IF_PRESENT_NOT_EQUAL, /* present, and other than the operand */
    STORE_IF_ABSENT_OR_EQUAL,
    STORE_IF_HASH_EQUAL, /* present, and its hash is the operand */
    STORE_IF_ABSENT_OR_HASH_EQUAL,
    STORE_IF_PRESENT_NOT_HASH_EQUAL,
    STORE_IF_ABSENT_OR_NOT_HASH_EQUAL,
};

struct store_condition {
    enum store_condition_kind kind;
    struct bytes operand; /* a value, or a hash of HASH_DIGEST_SIZE bytes; any other size equals nothing */
};

enum store_ttl_mode { STORE_TTL_OVERWRITE, STORE_TTL_INCREASE, STORE_TTL_DECREASE };

struct store_reply {
    enum store_status status;
    enum store_type type; /* item_type */
    struct bytes value;   /* get */
    int64_t number;       /* increment: the value now stored */
    uint64_t ttl_ms;      /* item_ttl: what remains, at least 1 */
};

typedef void (*store_done)(void *context, const struct store_reply *reply);
typedef void (*store_visit)(void *context, struct bytes name);

struct store_stats {
    uint64_t items;      /* live, as far as upkeep has noticed what expired or was flushed */
    uint64_t bytes_used; /* memory held for items, index and history: what the limit bounds */
    uint64_t bytes_limit;
    uint64_t caches;
    uint64_t evictions;   /* items dropped for room */
    uint64_t expirations; /* items dropped since their TTL had passed */
};

/* Every engine fills one of these; the functions below are the way to call it. */
struct store_operations {
    void (*destroy)(struct store *store);

    void (*cache_create)(struct store *store, struct bytes name, store_done done, void *context);
    void (*cache_delete)(struct store *store, struct bytes name, store_done done, void *context);
    void (*cache_flush)(struct store *store, struct bytes name, store_done done, void *context);
    void (*cache_each)(struct store *store, store_visit visit, void *context);
    struct store_cache *(*cache_take)(struct store *store, struct bytes name);
    void (*cache_release)(struct store *store, struct store_cache *cache);

    void (*get)(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                store_done done, void *context);
    void (*set)(struct store *store, struct store_cache *cache, struct bytes key, struct bytes value,
                uint64_t ttl_ms, const struct store_condition *condition, int64_t now_ms, store_done done,
                void *context);
    void (*delete)(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                   store_done done, void *context);
    void (*increment)(struct store *store, struct store_cache *cache, struct bytes key, int64_t amount,
                      uint64_t ttl_ms, int64_t now_ms, store_done done, void *context);
    void (*item_ttl)(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                     store_done done, void *context);
    void (*item_type)(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                      store_done done, void *context);
    void (*update_ttl)(struct store *store, struct store_cache *cache, struct bytes key,
                       enum store_ttl_mode mode, uint64_t ttl_ms, int64_t now_ms, store_done done,
                       void *context);

    bool (*maintain)(struct store *store, int64_t now_ms);
    void (*stats)(struct store *store, struct store_stats *stats);
};

struct store {
    const struct store_operations *operations;
};

/* Ends the store. No operation may be under way and every cache handle must have been released. */
static inline void store_destroy(struct store *store)
{
    if (store != NULL)
        store->operations->destroy(store);
}

/* Control. create: OK, EXISTS, NO_MEMORY. delete and flush: OK, NO_CACHE; both take constant time,
 * whatever the cache holds: its items are unreachable at once and their memory comes back by maintain. */
static inline void store_cache_create(struct store *store, struct bytes name, store_done done, void *context)
{
    store->operations->cache_create(store, name, done, context);
}

static inline void store_cache_delete(struct store *store, struct bytes name, store_done done, void *context)
{
    store->operations->cache_delete(store, name, done, context);
}

static inline void store_cache_flush(struct store *store, struct bytes name, store_done done, void *context)
{
    store->operations->cache_flush(store, name, done, context);
}

/* Calls VISIT with the name of each cache, in byte order. VISIT must not call the store. */
static inline void store_cache_each(struct store *store, store_visit visit, void *context)
{
    store->operations->cache_each(store, visit, context);
}

/* A handle on the cache of this name, or NULL where there is none; the caller releases it. */
static inline struct store_cache *store_cache_take(struct store *store, struct bytes name)
{
    return store->operations->cache_take(store, name);
}

static inline void store_cache_release(struct store *store, struct store_cache *cache)
{
    store->operations->cache_release(store, cache);
}

/* Items. All may answer NO_CACHE. */

/* OK with the value, MISSING, WRONG_TYPE. */
static inline void store_get(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                             store_done done, void *context)
{
    store->operations->get(store, cache, key, now_ms, done, context);
}

/* OK, REFUSED, NO_MEMORY. Replaces an item of any type when the condition allows; a condition that
 * compares values with an item that is no scalar answers WRONG_TYPE. CONDITION may be NULL: always.
 * ttl_ms is at least 1. */
static inline void store_set(struct store *store, struct store_cache *cache, struct bytes key,
                             struct bytes value, uint64_t ttl_ms, const struct store_condition *condition,
                             int64_t now_ms, store_done done, void *context)
{
    store->operations->set(store, cache, key, value, ttl_ms, condition, now_ms, done, context);
}

/* OK, MISSING. Any type. */
static inline void store_delete(struct store *store, struct store_cache *cache, struct bytes key,
                                int64_t now_ms, store_done done, void *context)
{
    store->operations->delete (store, cache, key, now_ms, done, context);
}

/* OK with the new number, NOT_INTEGER, OVERFLOW, WRONG_TYPE, NO_MEMORY. A missing key counts as zero.
 * The TTL is set anew in every case. The number is stored as decimal text. */
static inline void store_increment(struct store *store, struct store_cache *cache, struct bytes key,
                                   int64_t amount, uint64_t ttl_ms, int64_t now_ms, store_done done,
                                   void *context)
{
    store->operations->increment(store, cache, key, amount, ttl_ms, now_ms, done, context);
}

/* OK with ttl_ms, MISSING. */
static inline void store_item_ttl(struct store *store, struct store_cache *cache, struct bytes key,
                                  int64_t now_ms, store_done done, void *context)
{
    store->operations->item_ttl(store, cache, key, now_ms, done, context);
}

/* OK with type, MISSING. */
static inline void store_item_type(struct store *store, struct store_cache *cache, struct bytes key,
                                   int64_t now_ms, store_done done, void *context)
{
    store->operations->item_type(store, cache, key, now_ms, done, context);
}

/* OK, MISSING, REFUSED (the TTL there is already longer or equal, or shorter or equal, as the mode has it).
 */
static inline void store_update_ttl(struct store *store, struct store_cache *cache, struct bytes key,
                                    enum store_ttl_mode mode, uint64_t ttl_ms, int64_t now_ms,
                                    store_done done, void *context)
{
    store->operations->update_ttl(store, cache, key, mode, ttl_ms, now_ms, done, context);
}

/* Does a bounded piece of the work that no call should wait for (active expiry, memory of flushed
 * caches, compaction): at most about 100 us. True when more is waiting. Any thread, at any time. */
static inline bool store_maintain(struct store *store, int64_t now_ms)
{
    return store->operations->maintain(store, now_ms);
}

static inline void store_stats(struct store *store, struct store_stats *stats)
{
    store->operations->stats(store, stats);
}

#endif
