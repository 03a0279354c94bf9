/* Where each key of a shard lies: an open-addressed table that takes nine to thirteen bytes an item and never
 * stops the world to grow. An entry tells the item's location, how far it stands from its home bucket and a
 * tag of its hash, so that a lookup reads one cache line here and, but for one time in four hundred, one
 * item.
 *
 *   bucket, a cache line: | entry | entry | entry | entry | entry | entry | entry | entry |   used from the
 * left
 *
 *   entry: 63        20 19           12 11   0
 *          | location  | displacement  | tag |      zero: none
 *
 * An entry stands in the first bucket from its home on that had room: all buckets between are full, which
 * ends every search.
 *
 * The home of a hash is its fraction of the table. While the table changes its size, homes below `boundary`
 * are those of the small size and the others those of the large one; since both sizes keep hashes in order
 * the two parts do not mix, and the change is made in place by moving the boundary, a bucket at a time: down
 * to zero to grow, up to the end to shrink.
 *
 *   0           boundary                 small            large
 *   | small homes  |  (being vacated)  |  large homes ...   |
 */
#ifndef MAYFLY_STORE_MEMORY_KEYMAP_H
#define MAYFLY_STORE_MEMORY_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYMAP_BUCKET         8
#define KEYMAP_LEAST_BUCKETS  ((uint64_t)64)
#define KEYMAP_TAG            0xfffu
#define KEYMAP_STEP_AWAY      0x1000u  /* a displacement of one */
#define KEYMAP_LOW            0xfffffu /* displacement and tag */
#define KEYMAP_LOCATION_SHIFT 20
#define KEYMAP_FARTHEST       255 /* displacement; at the loads kept here it stays far below */

struct keymap {
    uint64_t *entries;
    uint64_t count;
    uint64_t small_buckets; /* the same as large_buckets unless the size is changing */
    uint64_t large_buckets;
    uint64_t boundary;
    uint64_t most_buckets; /* that address space was reserved for */
    bool growing;
};

bool keymap_open(struct keymap *map, uint64_t reserve_bytes);
void keymap_close(struct keymap *map);

/* Memory that a table of so many buckets takes. */
uint64_t keymap_bytes(uint64_t buckets);

/* False when it found no room, which at the loads kept here does not happen. */
bool keymap_insert(struct keymap *map, uint64_t hash, uint64_t location);
void keymap_remove(struct keymap *map, uint64_t *entry);

/* The entry of the item at LOCATION, or NULL. */
uint64_t *keymap_at(const struct keymap *map, uint64_t hash, uint64_t location);

/* Begin to change the size, from a table that is not changing. keymap_grow is false without memory. */
bool keymap_grow(struct keymap *map, uint64_t buckets);
void keymap_shrink(struct keymap *map, uint64_t buckets);

/* Turns a table that is shrinking into one that grows to the size it had. */
void keymap_turn(struct keymap *map);

/* Moves the boundary by a bucket. ITEMS is where location zero is: entries keep too little of the hash to be
 * placed anew, so their keys are read and hashed again with SEED. False when there is nothing left to move.
 */
bool keymap_step(struct keymap *map, uint8_t *items, uint64_t seed);

__extension__ typedef unsigned __int128 keymap_wide;

/* HASH as a fraction of BUCKETS. */
static inline uint64_t keymap_scale(uint64_t hash, uint64_t buckets)
{
    return (uint64_t)((keymap_wide)hash * buckets >> 64);
}

static inline uint64_t keymap_home(const struct keymap *map, uint64_t hash)
{
    uint64_t home = keymap_scale(hash, map->small_buckets);
    return home < map->boundary ? home : keymap_scale(hash, map->large_buckets);
}

static inline void keymap_prefetch(const struct keymap *map, uint64_t hash)
{
    __builtin_prefetch(map->entries + keymap_home(map, hash) * KEYMAP_BUCKET);
}

static inline bool keymap_changing(const struct keymap *map)
{
    return map->small_buckets != map->large_buckets;
}

static inline uint64_t keymap_location(uint64_t entry)
{
    return entry >> KEYMAP_LOCATION_SHIFT;
}

/* Points ENTRY at another place: its item has moved. */
static inline void keymap_point(uint64_t *entry, uint64_t location)
{
    *entry = location << KEYMAP_LOCATION_SHIFT | (*entry & KEYMAP_LOW);
}

/* A search for the entries that may be those of a hash:
 *     struct keymap_probe probe = keymap_probe(map, hash);
 *     while ((entry = keymap_next(&probe)) != NULL) ... */
struct keymap_probe {
    uint64_t *bucket;
    uint64_t wanted; /* displacement and tag of such an entry in this bucket */
    unsigned next;
};

static inline struct keymap_probe keymap_probe(const struct keymap *map, uint64_t hash)
{
    return (struct keymap_probe){
        .bucket = map->entries + keymap_home(map, hash) * KEYMAP_BUCKET,
        .wanted = hash & KEYMAP_TAG,
    };
}

static inline uint64_t *keymap_next(struct keymap_probe *probe)
{
    for (;;) {
        while (probe->next < KEYMAP_BUCKET) {
            uint64_t *entry = &probe->bucket[probe->next++];
            if (*entry == 0)
                return NULL;
            if ((*entry & KEYMAP_LOW) == probe->wanted)
                return entry;
        }
        if (probe->wanted >= KEYMAP_FARTHEST * KEYMAP_STEP_AWAY)
            return NULL;
        probe->bucket += KEYMAP_BUCKET;
        probe->wanted += KEYMAP_STEP_AWAY;
        probe->next = 0;
    }
}

#endif
