/* Homes follow the hash in order, so the whole table is one sorted run with some spill, and growing it is a
 * walk from its end. A removal closes the gap it leaves rather than mark it: the table never fills with
 * tombstones. */
#include "store/memory/keymap.h"

#include "store/memory/item.h"
#include "store/memory/pages.h"

/* Buckets past the last home, for what is displaced from there; searches never leave them. */
#define SPILL_BUCKETS (KEYMAP_FARTHEST + 1)

/* Homes that one small bucket may have in the large table, which is at most twice its size. */
#define SPREAD_MOST   4

/* While growing, items are fetched from memory so many steps before they are read. */
#define STEPS_AHEAD   ((uint64_t)4)

uint64_t keymap_bytes(uint64_t buckets)
{
    return pages_round((buckets + SPILL_BUCKETS) * KEYMAP_BUCKET * sizeof(uint64_t));
}

bool keymap_open(struct keymap *map, uint64_t reserve_bytes)
{
    uint64_t least_bytes = keymap_bytes(KEYMAP_LEAST_BUCKETS);
    uint64_t reserved = pages_round(reserve_bytes > least_bytes ? reserve_bytes : least_bytes);
    *map = (struct keymap){
        .small_buckets = KEYMAP_LEAST_BUCKETS,
        .large_buckets = KEYMAP_LEAST_BUCKETS,
        .boundary = KEYMAP_LEAST_BUCKETS,
        .most_buckets = reserved / (KEYMAP_BUCKET * sizeof(uint64_t)) - SPILL_BUCKETS,
        .entries = pages_reserve(reserved),
    };
    if (map->entries == NULL)
        return false;
    if (pages_commit(map->entries, least_bytes))
        return true;
    keymap_close(map);
    return false;
}

void keymap_close(struct keymap *map)
{
    pages_release(map->entries, keymap_bytes(map->most_buckets));
    map->entries = NULL;
}

bool keymap_insert(struct keymap *map, uint64_t hash, uint64_t location)
{
    uint64_t *bucket = map->entries + keymap_home(map, hash) * KEYMAP_BUCKET;
    for (uint64_t away = 0; away <= KEYMAP_FARTHEST; away++, bucket += KEYMAP_BUCKET) {
        if (bucket[KEYMAP_BUCKET - 1] != 0)
            continue;
        unsigned i = 0;
        while (bucket[i] != 0)
            i++;
        bucket[i] = location << KEYMAP_LOCATION_SHIFT | away * KEYMAP_STEP_AWAY | (hash & KEYMAP_TAG);
        map->count++;
        return true;
    }
    return false;
}

static uint64_t displacement(uint64_t entry)
{
    return (entry & KEYMAP_LOW) / KEYMAP_STEP_AWAY;
}

/* Takes ENTRY out of its bucket; true when the bucket was full. */
static bool take_out(uint64_t *bucket, uint64_t *entry)
{
    unsigned last = KEYMAP_BUCKET - 1;
    bool full = bucket[last] != 0;
    while (bucket[last] == 0)
        last--;
    *entry = bucket[last];
    bucket[last] = 0;
    return full;
}

/* An entry in the buckets after BUCKET that was displaced past it, and how many buckets after. */
static uint64_t *find_displaced(uint64_t *bucket, uint64_t *away)
{
    for (*away = 1; *away <= KEYMAP_FARTHEST; ++*away) {
        bucket += KEYMAP_BUCKET;
        for (unsigned i = 0; i < KEYMAP_BUCKET; i++) {
            if (bucket[i] != 0 && displacement(bucket[i]) >= *away)
                return &bucket[i];
        }
        if (bucket[KEYMAP_BUCKET - 1] == 0)
            return NULL;
    }
    return NULL;
}

void keymap_remove(struct keymap *map, uint64_t *entry)
{
    uint64_t *bucket = map->entries + (entry - map->entries) / KEYMAP_BUCKET * KEYMAP_BUCKET;
    uint64_t away = 0;
    map->count--;
    while (take_out(bucket, entry) && (entry = find_displaced(bucket, &away)) != NULL) {
        bucket[KEYMAP_BUCKET - 1] = *entry - away * KEYMAP_STEP_AWAY;
        bucket += away * KEYMAP_BUCKET;
    }
}

uint64_t *keymap_at(const struct keymap *map, uint64_t hash, uint64_t location)
{
    struct keymap_probe probe = keymap_probe(map, hash);
    uint64_t *entry;
    while ((entry = keymap_next(&probe)) != NULL && keymap_location(*entry) != location)
        continue;
    return entry;
}

bool keymap_grow(struct keymap *map, uint64_t buckets)
{
    uint64_t now = keymap_bytes(map->large_buckets);
    uint64_t then = keymap_bytes(buckets);
    if (!pages_commit((uint8_t *)map->entries + now, then - now))
        return false;
    map->large_buckets = buckets;
    map->growing = true;
    return true;
}

void keymap_shrink(struct keymap *map, uint64_t buckets)
{
    map->small_buckets = buckets;
    map->boundary = 0;
    map->growing = false;
}

void keymap_turn(struct keymap *map)
{
    map->growing = true;
}

/* The boundary has come to its end: one size is left. */
static void settle(struct keymap *map)
{
    uint64_t before = keymap_bytes(map->large_buckets);
    if (map->growing)
        map->small_buckets = map->large_buckets;
    else
        map->large_buckets = map->small_buckets;
    map->boundary = map->small_buckets;
    uint64_t after = keymap_bytes(map->large_buckets);
    pages_decommit((uint8_t *)map->entries + after, before - after);
}

/* Asks for what later steps of growing will read, so that by then it is in the cache: the items of a bucket,
 * and before that the bucket. */
static void bring_nearer(const struct keymap *map, uint64_t crossing, const uint8_t *items)
{
    if (crossing < 2 * STEPS_AHEAD)
        return;
    const uint64_t *bucket = map->entries + (crossing - STEPS_AHEAD) * KEYMAP_BUCKET;
    __builtin_prefetch(bucket - STEPS_AHEAD * KEYMAP_BUCKET);
    for (unsigned i = 0; i < KEYMAP_BUCKET && bucket[i] != 0; i++)
        __builtin_prefetch(items + keymap_location(bucket[i]));
}

/* What a step has in hand. */
struct moving {
    unsigned count;
    uint64_t locations[(SPREAD_MOST + SPILL_BUCKETS) * KEYMAP_BUCKET];
    uint64_t hashes[(SPREAD_MOST + SPILL_BUCKETS) * KEYMAP_BUCKET];
};

/* Collects the entries whose homes are FIRST to LAST. */
static void collect(const struct keymap *map, uint64_t first, uint64_t last, struct moving *moving)
{
    const uint64_t *bucket = map->entries + first * KEYMAP_BUCKET;
    moving->count = 0;
    for (uint64_t at = first; at <= last + KEYMAP_FARTHEST; at++, bucket += KEYMAP_BUCKET) {
        for (unsigned i = 0; i < KEYMAP_BUCKET && bucket[i] != 0; i++) {
            uint64_t home = at - displacement(bucket[i]);
            if (home < first || home > last)
                continue;
            moving->locations[moving->count++] = keymap_location(bucket[i]);
        }
        if (at >= last && bucket[KEYMAP_BUCKET - 1] == 0)
            break;
    }
}

bool keymap_step(struct keymap *map, uint8_t *items, uint64_t seed)
{
    if (!keymap_changing(map))
        return false;
    if (map->boundary == (map->growing ? 0 : map->small_buckets)) {
        settle(map);
        return false;
    }

    /* The small home that changes sides, and the homes where its entries are now. */
    uint64_t crossing = map->growing ? map->boundary - 1 : map->boundary;
    uint64_t first = crossing;
    uint64_t last = crossing;
    if (!map->growing) {
        first = (uint64_t)((keymap_wide)crossing * map->large_buckets / map->small_buckets);
        last = (uint64_t)((keymap_wide)(crossing + 1) * map->large_buckets / map->small_buckets);
        last = last < map->large_buckets ? last : map->large_buckets - 1;
    }
    struct moving moving;
    collect(map, first, last, &moving);
    if (map->growing)
        bring_nearer(map, crossing, items);

    unsigned kept = 0;
    for (unsigned i = 0; i < moving.count; i++) {
        uint64_t hash = item_hash(items + moving.locations[i], seed);
        if (keymap_scale(hash, map->small_buckets) != crossing)
            continue;
        keymap_remove(map, keymap_at(map, hash, moving.locations[i]));
        moving.locations[kept] = moving.locations[i];
        moving.hashes[kept++] = hash;
    }
    map->boundary = map->growing ? crossing : crossing + 1;
    /* One that found no place would be forgotten, as if evicted; its bytes come back with its segment. */
    for (unsigned i = 0; i < kept; i++)
        keymap_insert(map, moving.hashes[i], moving.locations[i]);
    return true;
}
