/* The cache engine's door: what a cache can do, whatever keeps the items.
 *
 * Every operation answers through its completion, called exactly once, on the thread that asked: an
 * engine in memory calls it before the operation returns, a distributed one later. Bytes in a reply
 * are the engine's and live until the completion returns; a completion must not call the store and
 * should only copy, since an engine in memory may hold a lock around it. Bytes in a request need to
 * live only until the operation returns.
 *
 * Time is handed in: `now_ms` is a reading of any clock that never goes back, in milliseconds, below
 * 2^40. Operations may be called from any thread. Limits on names, sizes, TTLs and scores (no NaN) are the
 * caller's to check; the store assumes key and value together, and each element of a collection, at most
 * STORE_ITEM_LIMIT_BYTES. */
#ifndef MAYFLY_STORE_STORE_H
#define MAYFLY_STORE_STORE_H

#include "base/bytes.h"
#include "base/hash.h"

#define STORE_ITEM_LIMIT_BYTES    ((size_t)15 << 20)

/* Of a union: sources, which the caller checks, and elements in all of them, beyond which it answers NO_MEMORY. */
#define STORE_SOURCES_MOST        1000
#define STORE_UNION_ELEMENTS_MOST ((uint64_t)10000000)

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
    STORE_NOT_NUMBER,  /* a score would be infinity less infinity; nothing changed */
    STORE_NO_CACHE,    /* no such cache */
    STORE_EXISTS,      /* a cache of this name is there already */
    STORE_NO_MEMORY,   /* the item does not fit within the memory limit */
    STORE_TOO_LARGE,   /* the reply would pass the limit that the command sets it; nothing changed */
};

/* Leaderboards are sorted sets in a name space of their own: a board and another item may have equal keys, and
 * operations on items (get, set, delete, TTLs) never see a board. */
enum store_type {
    STORE_SCALAR,
    STORE_DICTIONARY,
    STORE_SET,
    STORE_LIST,
    STORE_SORTED_SET,
    STORE_LEADERBOARD,
};

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

/* What a collection has many of. */
struct store_element {
    struct bytes name;  /* a dictionary's field, a set's or sorted set's element, a list's value */
    struct bytes value; /* of a field */
    double score;       /* in a sorted set; never NaN */
    uint64_t rank;      /* replies of STORE_SORTED_RANK, STORE_SORTED_BY_INDEX and STORE_SORTED_BY_SCORE */
    bool found;         /* positional replies: it is there; what else is said of it holds only then */
};

/* What a command does. In brackets, the fields it reads beside cache, key and now_ms; those that write also read
 * ttl_ms and refresh_ttl where it says TTL. Answers are positional: as many elements as were asked about, in that
 * order, duplicates included. Lengths and numbers of elements are below 2^32: what could make a collection longer
 * answers NO_MEMORY. */
enum store_command_kind {
    /* Any collection [type]. */
    STORE_LENGTH, /* OK with number */
    STORE_CLEAR,  /* OK, MISSING: the whole collection goes, at constant cost */

    /* Dictionaries and sets [type, elements]. */
    STORE_TABLE_PUT,       /* [TTL] OK; adds or replaces, the last of duplicates wins */
    STORE_TABLE_GET,       /* OK with positional elements */
    STORE_TABLE_REMOVE,    /* OK, also when none of them was there */
    STORE_TABLE_FETCH,     /* [no elements] OK with all elements, in no order */
    STORE_TABLE_SAMPLE,    /* [limit] OK with that many elements at most, at random, none twice */
    STORE_TABLE_POP,       /* [limit] likewise, and takes them out */
    STORE_TABLE_KEEP_NEW,  /* sets: what is stored becomes ELEMENTS less what was stored; OK */
    STORE_TABLE_INCREMENT, /* dictionaries [one element, amount, TTL] OK with number, NOT_INTEGER, OVERFLOW; a
                              field that is not there counts as zero */

    /* Lists. */
    STORE_LIST_PUSH, /* [elements, from_end, limit, TTL] OK with number, the length. Elements keep their order:
                          the first of them becomes the first of the list, or the last of them its last. With a
                          limit, what is over it leaves at the other end */
    STORE_LIST_POP,  /* [from_end] OK with one element, and number, the length left */
    STORE_LIST_FETCH,  /* [start, end] OK with elements, none where the slice is empty */
    STORE_LIST_RETAIN, /* [start, end, TTL] OK with number; the slice stays */
    STORE_LIST_ERASE, /* [ranges] OK with number; ranges are of the list as it was, may overlap or lie outside */
    STORE_LIST_REMOVE, /* [one element] OK with number; all values equal to it go */

    /* Sorted sets and leaderboards [type]. Order: by score, equal scores by name as unsigned bytes. */
    STORE_SORTED_PUT,   /* [elements, TTL] OK; adds or changes scores, the last of duplicates wins */
    STORE_SORTED_SCORE, /* [elements] OK with positional elements */
    STORE_SORTED_RANK, /* [elements, descending, competition] OK with positional elements, with rank and score */
    STORE_SORTED_REMOVE,    /* [elements] OK */
    STORE_SORTED_INCREMENT, /* [one element, its score the amount, TTL] OK with score, NOT_NUMBER */
    STORE_SORTED_BY_INDEX, /* [start, end, descending] OK with elements; index 0 is the first in that order */
    STORE_SORTED_BY_SCORE, /* [min, max, descending, offset, limit] OK with elements */
    STORE_SORTED_COUNT,    /* [min, max] OK with number: how many lie between */
    STORE_SORTED_UNION,    /* sorted sets [sources, aggregate, ttl_ms] OK with number, also 0: then the key is
                               gone. Replaces a sorted set of that key; each source is read once, at a moment of its
                               own. One that is named again counts with the sum of its weights, or for MIN and MAX
                               with each of them. A missing source is empty, a sum that is not a number is zero.
                               WRONG_TYPE for a source or the key */
    STORE_COMMAND_KINDS,
};

/* A slice: from START up to but without END. Negative indices count from the end of the collection, -1 being the
 * last; indices beyond an end mean that end. All of it: 0, STORE_END. */
#define STORE_END INT64_MAX

struct store_range {
    uint32_t begin;
    uint32_t count;
};

/* All scores: -INFINITY and INFINITY, both inclusive. */
struct store_bound {
    double score;
    bool exclusive;
};

struct store_source {
    struct bytes key;
    double weight; /* a score that becomes NaN by it, infinity times zero, becomes zero */
};

enum store_aggregate { STORE_SUM, STORE_MIN, STORE_MAX };

#define STORE_NO_LIMIT      UINT64_MAX

/* What an element counts for in a reply beside its name and value. */
#define STORE_ELEMENT_BYTES 4

/* An operation on a collection, made as a value. */
struct store_command {
    enum store_command_kind kind;
    enum store_type type; /* of the collection; list commands imply theirs */
    struct store_cache *cache;
    struct bytes key;
    int64_t now_ms;
    uint64_t
        reply_limit_bytes; /* for names and values of a reply's elements and STORE_ELEMENT_BYTES for each;
                                   0: none */

    const struct store_element *elements;
    size_t count;
    uint64_t ttl_ms;  /* at least 1: for a collection that the command creates */
    bool refresh_ttl; /* one that is there takes it too */

    bool from_end;    /* lists: at the back rather than at the front */
    bool descending;  /* sorted sets: the highest score first */
    bool competition; /* ranks: how many scores are better, so that equal ones share a rank */
    uint64_t limit;   /* elements at most; STORE_NO_LIMIT; for STORE_LIST_PUSH 0 is none, too */
    uint64_t offset;  /* matches to pass over */
    int64_t amount;
    int64_t start;
    int64_t end;
    struct store_bound min;
    struct store_bound max;
    const struct store_range *ranges;
    size_t range_count;
    const struct store_source *sources;
    size_t source_count;
    enum store_aggregate aggregate;
};

struct store_reply {
    enum store_status status;
    enum store_type type; /* item_type */
    struct bytes value;   /* get */
    int64_t number;       /* increments: the value now stored; collections: a length or a count */
    double score;         /* STORE_SORTED_INCREMENT: the score now stored */
    uint64_t ttl_ms;      /* item_ttl: what remains, at least 1 */

    const struct store_element *elements; /* of collections */
    size_t count;
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

    void (*command)(struct store *store, const struct store_command *command, store_done done, void *context);

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

/* Collections. Beside what the kinds say: MISSING where there is no collection of this key (those that take a TTL
 * create it, but for STORE_LIST_RETAIN), WRONG_TYPE where the key holds another type, TOO_LARGE, NO_MEMORY,
 * NO_CACHE. All of a command is done or, with any status but OK, nothing. Room for a collection's growth is never
 * made by evicting that collection: it answers NO_MEMORY once nothing else is left to go. A collection that loses
 * its last element is gone. What one command reads or writes
 * no other sees half done. */
static inline void store_command(struct store *store, const struct store_command *command, store_done done,
                                 void *context)
{
    store->operations->command(store, command, done, context);
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
