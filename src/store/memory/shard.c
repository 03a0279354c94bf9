/* The order of writes to a segment does not matter to readers: they hold the lock too. What matters is that
 * every change to what is dead or live keeps four places in step (item, segment, shard, keymap), so it is
 * made here only. So is every change to whose a collection is: its item's, or nobody's. */
#include "store/memory/shard.h"

#include "base/clock.h"
#include "store/memory/pages.h"

/* The tables start to grow at this load of the keymap and are done before it reaches nine tenths. */
#define LOAD_TO_GROW_PERCENT 80

/* A segment takes no more items once its collections weigh as much as so many segments. A queue would have no order if
 * thousands of collections stood at one place in it. */
#define COLLECTED_SEGMENTS   16

/* What shard_free_buried frees of small collections at a time: some thousand elements. */
#define BURIED_PIECE_BYTES   ((uint64_t)32 << 10)

/* Buckets moved whenever a key is added while the keymap grows. */
#define STEPS_WHEN_ADDING    2

static void list_segment(struct shard *shard, struct segment *segment)
{
    uint64_t eighth = (uint64_t)segment->dead_bytes * SHARD_EIGHTHS / segment->size_bytes;
    segment->eighth = (uint8_t)(eighth < SHARD_EIGHTHS ? eighth : SHARD_EIGHTHS - 1);
    list_push_back(&shard->eighths[segment->eighth], &segment->in_eighth);
}

/* Adds to a counter that only the lock's holder writes and anybody reads. */
static void tally(_Atomic uint64_t *counter, uint64_t add)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + add,
                          memory_order_relaxed);
}

bool shard_open(struct shard *shard, struct region *region, struct directory *directory, uint64_t hash_seed,
                uint64_t table_reserve_bytes)
{
    *shard = (struct shard){
        .region = region,
        .directory = directory,
        .hash_seed = hash_seed,
        .due_ms = CLOCK_NEVER,
        .round_due_ms = CLOCK_NEVER,
    };
    pthread_mutex_init(&shard->lock, NULL);
    for (unsigned i = 0; i < SHARD_QUEUES; i++) {
        list_init(&shard->queues[i]);
        shard->oldest_born_bytes[i] = SHARD_NONE;
    }
    for (unsigned i = 0; i < SHARD_EIGHTHS; i++)
        list_init(&shard->eighths[i]);
    list_init(&shard->round);
    list_init(&shard->collections);
    list_init(&shard->graveyard);

    uint64_t least = KEYMAP_LEAST_BUCKETS;
    if (region_charge(region, keymap_bytes(least) + history_bytes(least), region->budget_bytes) &&
        keymap_open(&shard->keymap, table_reserve_bytes) &&
        history_open(&shard->history, least, shard->keymap.most_buckets))
        return true;
    shard_close(shard);
    return false;
}

static void free_collections(struct list *collections)
{
    while (!list_empty(collections)) {
        struct collection *collection = list_entry(list_pop_front(collections), struct collection, link);
        while (!collection_free_piece(collection))
            continue;
    }
}

void shard_close(struct shard *shard)
{
    free_collections(&shard->collections);
    free_collections(&shard->graveyard);
    if (shard->keymap.entries != NULL)
        keymap_close(&shard->keymap);
    if (shard->history.marks != NULL)
        history_close(&shard->history);
    pthread_mutex_destroy(&shard->lock);
}

static bool item_is(const struct item *item, uint32_t cache_number, bool board, struct bytes key)
{
    return item_cache_number(item->at) == cache_number && item_is_board(item->at) == board &&
           bytes_equal(item_key(item), key);
}

struct found shard_find(struct shard *shard, uint64_t hash, uint32_t cache_number, bool board,
                        struct bytes key, int64_t now_ms)
{
    struct keymap_probe probe = keymap_probe(&shard->keymap, hash);
    struct found found;
    while ((found.entry = keymap_next(&probe)) != NULL) {
        found.item = item_read(region_at(shard->region, keymap_location(*found.entry)));
        if (!item_is(&found.item, cache_number, board, key))
            continue;
        if (item_expiry_ms(found.item.at) > now_ms)
            break;
        shard_drop(shard, &found);
        shard->expirations++;
        found.entry = NULL;
        break;
    }
    return found;
}

bool shard_pay(struct shard *shard, struct purse *purse, uint64_t bytes)
{
    struct region *region = shard->region;
    if (purse == NULL)
        return region_charge(region, bytes, region->limit_bytes);
    uint64_t credit_bytes = purse->credit_bytes < bytes ? purse->credit_bytes : bytes;
    uint64_t rest_bytes = bytes - credit_bytes;
    if (rest_bytes > 0 && !region_charge(region, rest_bytes, region->budget_bytes)) {
        purse->need_bytes = rest_bytes;
        return false;
    }
    purse->credit_bytes -= credit_bytes;
    return true;
}

/* To be called when the first of a queue may be another. */
static void note_oldest(struct shard *shard, unsigned queue)
{
    const struct list *segments = &shard->queues[queue];
    uint64_t born_bytes = SHARD_NONE;
    if (!list_empty(segments))
        born_bytes = list_entry(segments->next, struct segment, in_queue)->born_bytes;
    atomic_store_explicit(&shard->oldest_born_bytes[queue], born_bytes, memory_order_relaxed);
}

static void join_queue(struct shard *shard, struct segment *segment, enum shard_queue queue)
{
    segment->queue = (uint8_t)queue;
    segment->born_bytes = region_turn(shard->region, segment->size_bytes);
    list_push_back(&shard->queues[queue], &segment->in_queue);
    tally(&shard->queue_bytes[queue], segment->size_bytes + segment->collected_bytes);
    note_oldest(shard, queue);
}

static void leave_queue(struct shard *shard, struct segment *segment)
{
    list_remove(&segment->in_queue);
    tally(&shard->queue_bytes[segment->queue], -(segment->size_bytes + segment->collected_bytes));
    note_oldest(shard, segment->queue);
}

static struct segment *begin_segment(struct shard *shard, enum shard_queue queue, uint64_t size_bytes,
                                     struct purse *purse)
{
    if (!shard_pay(shard, purse, size_bytes))
        return NULL;
    struct segment *segment = region_take(shard->region, size_bytes);
    if (segment == NULL) {
        region_refund(shard->region, size_bytes);
        return NULL;
    }
    *segment = (struct segment){
        .due_ms = CLOCK_NEVER,
        .swept_epoch = 0, /* an item may be on its way that was begun before the last flush */
        .size_bytes = (uint32_t)size_bytes,
        .used_bytes = sizeof *segment,
    };
    join_queue(shard, segment, queue);
    list_push_back(&shard->round, &segment->in_round);
    list_segment(shard, segment);
    shard->segments++;
    tally(&shard->held_bytes, size_bytes);
    return segment;
}

void shard_free_segment(struct shard *shard, struct segment *segment)
{
    leave_queue(shard, segment);
    list_remove(&segment->in_eighth);
    list_remove(&segment->in_round);
    if (shard->open[segment->queue] == segment)
        shard->open[segment->queue] = NULL;
    if (shard->victim == segment)
        shard->victim = NULL;
    if (shard->sweeping == segment)
        shard->sweeping = NULL;

    uint64_t size_bytes = segment->size_bytes;
    shard->segments--;
    tally(&shard->held_bytes, -size_bytes);
    tally(&shard->dead_bytes, -(uint64_t)segment->dead_bytes);
    region_give(shard->region, segment, size_bytes);
    region_refund(shard->region, size_bytes);
}

void shard_requeue(struct shard *shard, struct segment *segment, enum shard_queue queue)
{
    leave_queue(shard, segment);
    join_queue(shard, segment, queue);
}

static struct segment *segment_for(struct shard *shard, enum shard_queue queue, size_t size,
                                   uint64_t collected_bytes, struct purse *purse)
{
    uint64_t segment_bytes = shard->region->segment_bytes;
    struct segment *segment = shard->open[queue];
    if (size > segment_bytes / 4) {
        segment = begin_segment(shard, queue, pages_round(sizeof *segment + size), purse);
        if (segment != NULL)
            segment->single = true;
        return segment;
    }
    bool fits = segment != NULL && segment->size_bytes - segment->used_bytes >= size;
    if (fits && (segment->live_items == 0 ||
                 segment->collected_bytes + collected_bytes <= COLLECTED_SEGMENTS * segment_bytes))
        return segment;

    if (segment != NULL && segment->live_items == 0)
        shard_free_segment(shard, segment);
    struct segment *next = begin_segment(shard, queue, segment_bytes, purse);
    if (next == NULL) /* What is moved must not be lost for the sake of order. */
        return fits && purse == NULL ? segment : NULL;
    return shard->open[queue] = next;
}

uint8_t *shard_append(struct shard *shard, enum shard_queue queue, size_t size, uint64_t collected_bytes,
                      struct purse *purse)
{
    struct segment *segment = segment_for(shard, queue, size, collected_bytes, purse);
    if (segment == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)segment + segment->used_bytes;
    segment->used_bytes += (uint32_t)size;
    segment->live_items++;
    return at;
}

/* The item at AT is only dead bytes from here on. */
static void leave(struct shard *shard, uint8_t *at)
{
    struct segment *segment = shard_segment_of(shard, at);
    struct item item = item_read(at);
    uint32_t size = (uint32_t)item_size(&item);
    item_mark_dead(at);
    segment->dead_bytes += size;
    segment->live_items--;
    tally(&shard->dead_bytes, size);

    if (segment->live_items == 0 && !segment->pinned && shard->open[segment->queue] != segment) {
        shard_free_segment(shard, segment);
        return;
    }
    list_remove(&segment->in_eighth);
    list_segment(shard, segment);
}

void shard_weigh(struct shard *shard, const uint8_t *at, uint64_t grown_bytes)
{
    struct segment *segment = shard_segment_of(shard, at);
    segment->collected_bytes += grown_bytes;
    tally(&shard->queue_bytes[segment->queue], grown_bytes);
    tally(&shard->collected_bytes, grown_bytes);
}

static struct collection *collection_at(uint8_t *at)
{
    struct item item = item_read(at);
    return item_type(at) == STORE_SCALAR ? NULL : item_collection(&item);
}

void shard_adopt(struct shard *shard, uint8_t *at, enum store_type type, struct collection *collection)
{
    item_set_type(at, type);
    list_push_back(&shard->collections, &collection->link);
    shard_weigh(shard, at, collection->bytes);
}

uint8_t *shard_move(struct shard *shard, uint64_t *entry, uint8_t *at, enum shard_queue queue)
{
    struct item item = item_read(at);
    size_t size = item_size(&item);
    const struct collection *collection = collection_at(at);
    uint8_t *to = shard_append(shard, queue, size, collection != NULL ? collection->bytes : 0, NULL);
    if (to == NULL)
        return NULL;
    memcpy(to, at, size);
    shard_note_expiry(shard, to, item_expiry_ms(to));
    keymap_point(entry, region_location(shard->region, to));
    if (collection != NULL) {
        shard_weigh(shard, at, -collection->bytes);
        shard_weigh(shard, to, collection->bytes);
    }
    leave(shard, at);
    return to;
}

void shard_bury_collection(struct shard *shard, struct collection *collection)
{
    tally(&shard->buried_bytes, collection->bytes);
    list_remove(&collection->link);
    list_push_back(&shard->graveyard, &collection->link);
}

void shard_bury(struct shard *shard, uint8_t *at)
{
    struct collection *collection = collection_at(at);
    if (collection != NULL) {
        shard_weigh(shard, at, -collection->bytes);
        shard_bury_collection(shard, collection);
    }
    leave(shard, at);
}

bool shard_free_buried(struct shard *shard)
{
    uint64_t freed_bytes = 0;
    bool gone = true;
    while (gone && freed_bytes < BURIED_PIECE_BYTES && !list_empty(&shard->graveyard)) {
        struct collection *collection = list_entry(shard->graveyard.next, struct collection, link);
        uint64_t before_bytes = collection->bytes;
        list_remove(&collection->link);
        gone = collection_free_piece(collection);
        freed_bytes += before_bytes;
        if (!gone) {
            freed_bytes -= collection->bytes;
            list_push_front(&shard->graveyard, &collection->link);
        }
    }
    tally(&shard->buried_bytes, -freed_bytes);
    region_refund(shard->region, freed_bytes);
    return !gone || freed_bytes > 0;
}

void shard_drop(struct shard *shard, const struct found *found)
{
    keymap_remove(&shard->keymap, found->entry);
    shard_bury(shard, found->item.at);
}

static void sooner(int64_t *due_ms, int64_t expiry_ms)
{
    if (expiry_ms < *due_ms)
        *due_ms = expiry_ms;
}

void shard_note_expiry(struct shard *shard, const uint8_t *at, int64_t expiry_ms)
{
    struct segment *segment = shard_segment_of(shard, at);
    sooner(&segment->due_ms, expiry_ms);
    sooner(&shard->due_ms, expiry_ms);
    sooner(&shard->round_due_ms, expiry_ms);
    if (shard->sweeping == segment)
        sooner(&shard->sweep_due_ms, expiry_ms);
}

void shard_set_expiry(struct shard *shard, uint8_t *at, int64_t expiry_ms)
{
    item_set_expiry_ms(at, expiry_ms);
    shard_note_expiry(shard, at, expiry_ms);
}

static uint64_t tables_bytes(uint64_t buckets)
{
    return keymap_bytes(buckets) + history_bytes(buckets);
}

static bool too_full(const struct keymap *map)
{
    return map->count * 100 > map->small_buckets * KEYMAP_BUCKET * LOAD_TO_GROW_PERCENT;
}

/* Growing by a quarter keeps the tables at most a third larger than they need be. */
static void grow(struct shard *shard, uint64_t buckets, uint64_t cost_bytes)
{
    if (!keymap_grow(&shard->keymap, buckets))
        return;
    shard->saved_bytes -= cost_bytes;
    /* Without memory for it the history stays as it is, which is no harm. */
    history_resize(&shard->history, buckets);
}

bool shard_save_up(struct shard *shard, struct purse *purse)
{
    struct keymap *map = &shard->keymap;
    if (keymap_changing(map)) {
        if (!map->growing && too_full(map))
            keymap_turn(map);
        for (unsigned i = 0; map->growing && i < STEPS_WHEN_ADDING; i++)
            keymap_step(map, shard->region->base, shard->hash_seed);
        return true;
    }
    if (!too_full(map))
        return true;

    uint64_t buckets = map->large_buckets + map->large_buckets / 4 + KEYMAP_LEAST_BUCKETS;
    if (buckets > map->most_buckets)
        return true;
    uint64_t cost_bytes = tables_bytes(buckets) - tables_bytes(map->large_buckets);
    if (shard->saved_bytes < cost_bytes && !purse->has_saved) {
        /* The whole sum at once could mean a long eviction for one operation; in shares nobody notices. */
        uint64_t share_bytes = cost_bytes - shard->saved_bytes;
        if (share_bytes > shard->region->segment_bytes)
            share_bytes = shard->region->segment_bytes;
        if (!shard_pay(shard, purse, share_bytes))
            return false;
        shard->saved_bytes += share_bytes;
        purse->has_saved = true;
    }
    if (shard->saved_bytes >= cost_bytes)
        grow(shard, buckets, cost_bytes);
    return true;
}
