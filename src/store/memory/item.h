/* An item as it lies in memory. Items follow each other without padding, so every field is read and written
 * through memcpy. Most items are small, and three bytes an item are worth a second form of the header.
 *
 *          0       1            6              10         11           13
 *          +-------+------------+--------------+----------+------------+-----+-------+
 *   small: | flags | expiry ms  | cache number | key size | value size | key | value |   key < 2^8,
 *          +-------+------------+--------------+----------+------------+-----+-------+   value < 2^16
 *
 *          0       1            6              10         13           16
 *          +-------+------------+--------------+----------+------------+-----+-------+
 *   large: | flags | expiry ms  | cache number | key size | value size | key | value |   both < 2^24
 *          +-------+------------+--------------+----------+------------+-----+-------+
 *
 *   flags: 0-1 how often it was used of late, 2-4 type, 5 large, 6 dead
 *
 * The value of any type but a scalar is the address of a struct collection, which lives outside. */
#ifndef MAYFLY_STORE_MEMORY_ITEM_H
#define MAYFLY_STORE_MEMORY_ITEM_H

#include "base/bytes.h"
#include "base/hash.h"
#include "store/store.h"

struct collection;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields shorter than their type are read as such");

#define ITEM_EXPIRY_MOST_MS (((int64_t)1 << 40) - 1)
#define ITEM_FREQUENCY_MOST 3

enum {
    ITEM_FREQUENCY = 0x03,
    ITEM_TYPE_SHIFT = 2,
    ITEM_TYPE = 0x07,
    ITEM_LARGE = 0x20,
    ITEM_DEAD = 0x40,
};

/* Where an item's parts are. */
struct item {
    uint8_t *at;
    uint8_t *key;
    uint8_t *value;
    uint32_t key_size;
    uint32_t value_size;
};

static inline bool item_large(size_t key_size, size_t value_size)
{
    return key_size >= 1 << 8 || value_size >= 1 << 16;
}

static inline size_t item_size_of(size_t key_size, size_t value_size)
{
    return (item_large(key_size, value_size) ? 16 : 13) + key_size + value_size;
}

static inline struct item item_read(uint8_t *at)
{
    struct item item = {.at = at};
    if (at[0] & ITEM_LARGE) {
        memcpy(&item.key_size, at + 10, 3);
        memcpy(&item.value_size, at + 13, 3);
        item.key = at + 16;
    } else {
        item.key_size = at[10];
        memcpy(&item.value_size, at + 11, 2);
        item.key = at + 13;
    }
    item.value = item.key + item.key_size;
    return item;
}

static inline size_t item_size(const struct item *item)
{
    return (size_t)(item->value - item->at) + item->value_size;
}

static inline struct bytes item_key(const struct item *item)
{
    return bytes_make(item->key, item->key_size);
}

static inline struct bytes item_value(const struct item *item)
{
    return bytes_make(item->value, item->value_size);
}

/* Of an item that is no scalar: its value is where its collection is. */
static inline struct collection *item_collection(const struct item *item)
{
    struct collection *collection;
    memcpy(&collection, item->value, sizeof(struct collection *));
    return collection;
}

static inline int64_t item_expiry_ms(const uint8_t *at)
{
    int64_t expiry_ms = 0;
    memcpy(&expiry_ms, at + 1, 5);
    return expiry_ms;
}

static inline void item_set_expiry_ms(uint8_t *at, int64_t expiry_ms)
{
    memcpy(at + 1, &expiry_ms, 5);
}

static inline uint32_t item_cache_number(const uint8_t *at)
{
    uint32_t number;
    memcpy(&number, at + 6, sizeof number);
    return number;
}

static inline unsigned item_frequency(const uint8_t *at)
{
    return at[0] & ITEM_FREQUENCY;
}

static inline void item_set_frequency(uint8_t *at, unsigned frequency)
{
    at[0] = (uint8_t)((at[0] & ~ITEM_FREQUENCY) | frequency);
}

/* Writes nothing once the count is full, so that popular items stay clean in every core's cache. */
static inline void item_touch(uint8_t *at)
{
    if (item_frequency(at) < ITEM_FREQUENCY_MOST)
        at[0]++;
}

static inline enum store_type item_type(const uint8_t *at)
{
    return (enum store_type)(at[0] >> ITEM_TYPE_SHIFT & ITEM_TYPE);
}

static inline void item_set_type(uint8_t *at, enum store_type type)
{
    at[0] = (uint8_t)((at[0] & ~(ITEM_TYPE << ITEM_TYPE_SHIFT)) | type << ITEM_TYPE_SHIFT);
}

static inline bool item_is_board(const uint8_t *at)
{
    return item_type(at) == STORE_LEADERBOARD;
}

static inline bool item_dead(const uint8_t *at)
{
    return at[0] & ITEM_DEAD;
}

static inline void item_mark_dead(uint8_t *at)
{
    at[0] |= ITEM_DEAD;
}

/* Writes a scalar of item_size_of() bytes, never used so far. */
static inline struct item item_write(uint8_t *at, uint32_t cache_number, struct bytes key, struct bytes value,
                                     int64_t expiry_ms)
{
    at[0] = STORE_SCALAR << ITEM_TYPE_SHIFT;
    item_set_expiry_ms(at, expiry_ms);
    memcpy(at + 6, &cache_number, sizeof cache_number);
    if (item_large(key.size, value.size)) {
        at[0] |= ITEM_LARGE;
        memcpy(at + 10, &key.size, 3);
        memcpy(at + 13, &value.size, 3);
    } else {
        at[10] = (uint8_t)key.size;
        memcpy(at + 11, &value.size, 2);
    }
    struct item item = item_read(at);
    bytes_copy(item.key, key.data, key.size);
    bytes_copy(item.value, value.data, value.size);
    return item;
}

/* A key's place in a shard's tables, from the hash of the key and its cache's present number. */
static inline uint64_t item_hash_of(uint64_t key_hash, uint32_t cache_number)
{
    uint64_t hash = key_hash ^ cache_number * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

/* The hash of a key. Leaderboards have a name space of their own: an equal key of another item hashes differently,
 * as if nothing connected the two. */
static inline uint64_t item_key_hash(struct bytes key, bool board, uint64_t seed)
{
    return hash64(key, board ? ~seed : seed);
}

static inline uint64_t item_hash(uint8_t *at, uint64_t seed)
{
    struct item item = item_read(at);
    return item_hash_of(item_key_hash(item_key(&item), item_is_board(at), seed), item_cache_number(at));
}

#endif
