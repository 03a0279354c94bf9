/* Eviction is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023). It was
 * chosen for two reasons: most keys of a cache are asked for once, and a small queue in front gets rid of
 * them before they push anything useful out, so that it misses less than LRU and shrugs off scans; and a
 * queue, unlike a list in order of use, is what a log of segments is anyway: a hit writes two bits at most
 * and takes no memory at all.
 *
 *   new keys --> small queue (a tenth of the bytes) -- used meanwhile --> main queue -- not used --> gone
 *                    |                                                     ^   |
 *                    +-- not used --> gone, to history -- asked anew ------+   +-- used: once more to its end,
 *                                                                                  with one use less
 *
 * Here queues are of segments: the oldest is walked through and its live items move on or go. Every shard has its part
 * of both, but they are kept as two queues of the whole store, in which the next is the oldest segment of any shard: a
 * collection may weigh more than a shard's share and is yet looked at once in a turn of its queue, like anything else.
 * Everything is done in pieces of bounded work, between which the lock is free. */
#include "store/memory/reclaim.h"

#include "base/clock.h"

/* Items that a piece of work looks at: well below 100 us. */
#define PIECE_ITEMS       768

/* Of these, so many are looked up at a time: their buckets are fetched from memory together. */
#define BATCH_ITEMS       16

/* Segments that a piece of a round passes by, and buckets of the keymap that a piece moves. */
#define PIECE_SEGMENTS    64
#define PIECE_BUCKETS     64

/* Even to pass by takes time in a large store. */
#define ROUNDS_A_REST     8

/* The small queue's part of the bytes. */
#define SMALL_PART        10

/* With this part of a shard dead, moving what lives is better than evicting it. */
#define DEAD_PART         8

/* Pieces of eviction, and more for each segment's worth of room, after which items that were used more often
 * go, too: no operation pays for the whole queue. */
#define PIECES_A_PRESSURE 128
#define PRESSURE_MOST     64

/* Why a segment is walked through. */
enum errand_kind { SWEEP, COMPACT, EVICT };

struct errand {
    struct shard *shard;
    struct segment *segment;
    enum errand_kind kind;
    unsigned pressure;                   /* items used as often as this or less are evicted */
    const struct reclaim_spared *spared; /* or NULL */
    int64_t now_ms;
    int64_t due_ms; /* the earliest expiry among what a sweep left */
};

enum verdict { STAYS, MOVES, SPARED, EXPIRED, ORPHANED, EVICTED };

/* Items with which something is to be done. */
struct batch {
    unsigned count;
    struct {
        uint8_t *at;
        uint64_t hash;
        enum verdict verdict;
    } items[BATCH_ITEMS];
};

static enum verdict judge(struct errand *errand, struct directory_reader *reader, const uint8_t *at)
{
    int64_t expiry_ms = item_expiry_ms(at);
    if (expiry_ms <= errand->now_ms)
        return EXPIRED;
    if (!directory_live(reader, item_cache_number(at)))
        return ORPHANED;
    switch (errand->kind) {
    case SWEEP:
        if (expiry_ms < errand->due_ms)
            errand->due_ms = expiry_ms;
        return STAYS;
    case COMPACT:
        return MOVES;
    case EVICT:
        return item_frequency(at) > errand->pressure ? MOVES : EVICTED;
    }
    return STAYS;
}

/* Appends the item to the queue where it belongs now. False when there was no memory for it. */
static bool move(struct errand *errand, uint64_t *entry, uint8_t *at)
{
    struct shard *shard = errand->shard;
    bool evicting = errand->kind == EVICT;
    bool promoted = evicting && errand->segment->queue == SHARD_SMALL;
    unsigned frequency = promoted ? 0 : item_frequency(at) - (evicting && item_frequency(at) > 0);
    enum shard_queue queue = evicting ? SHARD_MAIN : errand->segment->queue;

    if (errand->segment->single) {
        item_set_frequency(at, frequency);
        shard_requeue(shard, errand->segment, queue);
        return true;
    }
    uint8_t *to = shard_move(shard, entry, at, queue);
    if (to == NULL)
        return false;
    item_set_frequency(to, frequency);
    return true;
}

static void carry_out(struct errand *errand, enum verdict verdict, uint64_t hash, uint8_t *at)
{
    struct shard *shard = errand->shard;
    struct found found = {
        .entry = keymap_at(&shard->keymap, hash, region_location(shard->region, at)),
        .item = item_read(at),
    };
    if (found.entry == NULL) {
        shard_bury(shard, at);
        return;
    }
    if ((verdict == MOVES || verdict == SPARED) && move(errand, found.entry, at))
        return;
    if (verdict == SPARED)
        return;
    if (verdict != EXPIRED && verdict != ORPHANED) {
        shard->evictions++;
        if (item_type(at) != STORE_SCALAR)
            region_turn(shard->region, item_collection(&found.item)->bytes);
        if (errand->segment->queue == SHARD_SMALL)
            history_add(&shard->history, hash);
    }
    shard->expirations += verdict == EXPIRED;
    shard_drop(shard, &found);
}

static bool is_spared(const struct errand *errand, uint64_t hash)
{
    const struct reclaim_spared *spared = errand->spared;
    return spared != NULL && spared->bytes > 0 && spared->shard == errand->shard && spared->hash == hash;
}

/* Fills a batch from the segment's items from WALKED_BYTES on, looking at no more than *LEFT. Returns how far it
 * came. */
static uint32_t gather(struct errand *errand, struct directory_reader *reader, uint32_t walked_bytes,
                       unsigned *left, struct batch *batch)
{
    struct shard *shard = errand->shard;
    struct segment *segment = errand->segment;
    batch->count = 0;
    for (; *left > 0 && batch->count < BATCH_ITEMS && walked_bytes < segment->used_bytes; --*left) {
        struct item item = item_read((uint8_t *)segment + walked_bytes);
        walked_bytes += (uint32_t)item_size(&item);
        if (item_dead(item.at))
            continue;
        enum verdict verdict = judge(errand, reader, item.at);
        if (verdict == STAYS)
            continue;
        uint64_t hash = item_hash(item.at, shard->hash_seed);
        keymap_prefetch(&shard->keymap, hash);
        if ((verdict == EVICTED || verdict == MOVES) && is_spared(errand, hash))
            verdict = SPARED;
        batch->items[batch->count].at = item.at;
        batch->items[batch->count].hash = hash;
        batch->items[batch->count++].verdict = verdict;
    }
    return walked_bytes;
}

/* Collections may be much more than the room that is wanted, a few of them. */
static bool has_enough(const struct errand *errand)
{
    const struct shard *shard = errand->shard;
    return errand->kind == EVICT &&
           atomic_load_explicit(&shard->buried_bytes, memory_order_relaxed) >= shard->region->segment_bytes;
}

/* Looks at a piece's worth of a segment's items from WALKED_BYTES on and does with each what is due. Returns
 * how far it came. The segment is still there afterwards, however many items it has left. */
static uint32_t walk(struct errand *errand, uint32_t walked_bytes)
{
    struct segment *segment = errand->segment;
    struct directory_reader reader = directory_reader_open(errand->shard->directory);
    struct batch batch;
    unsigned left = PIECE_ITEMS;
    bool enough = false;
    segment->pinned = true;
    while (!enough && left > 0 && walked_bytes < segment->used_bytes) {
        walked_bytes = gather(errand, &reader, walked_bytes, &left, &batch);
        for (unsigned i = 0; i < batch.count && !enough; i++) {
            carry_out(errand, batch.items[i].verdict, batch.items[i].hash, batch.items[i].at);
            enough = has_enough(errand);
            if (enough && i + 1 < batch.count)
                walked_bytes = (uint32_t)(batch.items[i + 1].at - (uint8_t *)segment);
        }
    }
    segment->pinned = false;
    directory_reader_close(&reader);
    return walked_bytes;
}

/* Takes the next piece of the victim. */
static void empty_victim(struct shard *shard, unsigned pressure, const struct reclaim_spared *spared,
                         int64_t now_ms)
{
    struct segment *victim = shard->victim;
    struct errand errand = {
        .shard = shard,
        .segment = victim,
        .kind = shard->victim_evicting ? EVICT : COMPACT,
        .pressure = pressure,
        .spared = spared,
        .now_ms = now_ms,
    };
    shard->victim_walked_bytes = walk(&errand, shard->victim_walked_bytes);
    if (shard->victim_walked_bytes < victim->used_bytes)
        return;
    shard->victim = NULL;
    if (victim->live_items == 0)
        shard_free_segment(shard, victim);
}

static void choose_victim(struct shard *shard, struct segment *segment, bool evicting)
{
    if (shard->open[segment->queue] == segment)
        shard->open[segment->queue] = NULL;
    shard->victim = segment;
    shard->victim_walked_bytes = sizeof *segment;
    shard->victim_evicting = evicting;
}

/* The segment with the largest part dead, if that is at least so many eighths, or NULL. */
static struct segment *most_dead(struct shard *shard, unsigned least_eighths)
{
    for (unsigned i = SHARD_EIGHTHS; i-- > least_eighths;) {
        if (!list_empty(&shard->eighths[i]))
            return list_entry(shard->eighths[i].next, struct segment, in_eighth);
    }
    return NULL;
}

static struct segment *oldest(struct shard *shard, enum shard_queue queue)
{
    if (list_empty(&shard->queues[queue]))
        queue = queue == SHARD_SMALL ? SHARD_MAIN : SHARD_SMALL;
    return list_entry(shard->queues[queue].next, struct segment, in_queue);
}

static bool mostly_dead(uint64_t dead_bytes, uint64_t held_bytes)
{
    return dead_bytes > held_bytes / DEAD_PART;
}

static void evict_piece(struct shard *shard, enum shard_queue queue, unsigned pressure,
                        const struct reclaim_spared *spared, int64_t now_ms)
{
    if (shard->victim == NULL && shard->segments > 0) {
        struct segment *rotten = NULL;
        if (pressure == 0 && mostly_dead(shard->dead_bytes, shard->held_bytes))
            rotten = most_dead(shard, 1);
        choose_victim(shard, rotten != NULL ? rotten : oldest(shard, queue), rotten == NULL);
    }
    if (shard->victim != NULL)
        empty_victim(shard, pressure, spared, now_ms);
}

/* The shard with the most dead bytes that are worth moving for, or NULL. */
static struct shard *most_rotten(struct shard *shards, unsigned count)
{
    struct shard *chosen = NULL;
    uint64_t most_bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t held_bytes = atomic_load_explicit(&shards[i].held_bytes, memory_order_relaxed);
        uint64_t dead_bytes = atomic_load_explicit(&shards[i].dead_bytes, memory_order_relaxed);
        if (dead_bytes <= most_bytes || !mostly_dead(dead_bytes, held_bytes))
            continue;
        chosen = &shards[i];
        most_bytes = dead_bytes;
    }
    return chosen;
}

/* A queue as a whole. */
struct queue {
    uint64_t bytes;
    uint64_t born_bytes; /* of its oldest segment */
    struct shard *shard; /* that this is in, or NULL */
};

static struct queue survey(struct shard *shards, unsigned count, enum shard_queue queue)
{
    struct queue whole = {.born_bytes = SHARD_NONE};
    for (unsigned i = 0; i < count; i++) {
        struct shard *shard = &shards[i];
        uint64_t born_bytes = atomic_load_explicit(&shard->oldest_born_bytes[queue], memory_order_relaxed);
        whole.bytes += atomic_load_explicit(&shard->queue_bytes[queue], memory_order_relaxed);
        if (born_bytes >= whole.born_bytes)
            continue;
        whole.born_bytes = born_bytes;
        whole.shard = shard;
    }
    return whole;
}

/* The shard with the oldest segment of the queue whose turn it is, *QUEUE, or NULL where there are none. The main queue
 * has a turn when the small one is small, but not so often that what it passes by had no time to be used: if it is
 * little but a giant that somebody uses, it would be gone round again and again until the giant goes. */
static struct shard *choose_oldest(struct shard *shards, unsigned count, enum shard_queue *queue)
{
    struct queue small = survey(shards, count, SHARD_SMALL);
    struct queue main = survey(shards, count, SHARD_MAIN);
    uint64_t age_bytes = region_turn(shards[0].region, 0) - main.born_bytes;
    bool from_small = main.shard == NULL || small.bytes > (small.bytes + main.bytes) / SMALL_PART ||
                      age_bytes < small.bytes;
    *queue = small.shard != NULL && from_small ? SHARD_SMALL : SHARD_MAIN;
    return *queue == SHARD_SMALL ? small.shard : main.shard;
}

/* Whether BYTES could be had by evicting everything but what is spared: what tables, caches and operations under way
 * hold stays. */
static bool can_fit(const struct shard *shards, unsigned count, uint64_t bytes, uint64_t spared_bytes)
{
    const struct region *region = shards[0].region;
    uint64_t stays_bytes = atomic_load_explicit(&region->used_bytes, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        uint64_t held_bytes = atomic_load_explicit(&shards[i].held_bytes, memory_order_relaxed) +
                              atomic_load_explicit(&shards[i].collected_bytes, memory_order_relaxed) +
                              atomic_load_explicit(&shards[i].buried_bytes, memory_order_relaxed);
        stays_bytes -= held_bytes < stays_bytes ? held_bytes : stays_bytes;
    }
    if (spared_bytes > 0)
        stays_bytes += spared_bytes + region->segment_bytes;
    return bytes <= region->budget_bytes && stays_bytes <= region->budget_bytes - bytes;
}

/* Frees a piece of the first graveyard with something in it; false when all are empty. */
static bool free_buried(struct shard *shards, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct shard *shard = &shards[i];
        if (atomic_load_explicit(&shard->buried_bytes, memory_order_relaxed) == 0)
            continue;
        pthread_mutex_lock(&shard->lock);
        (void)shard_free_buried(shard);
        pthread_mutex_unlock(&shard->lock);
        return true;
    }
    return false;
}

bool reclaim_room(struct shard *shards, unsigned count, uint64_t bytes, const struct reclaim_spared *spared,
                  int64_t now_ms)
{
    struct region *region = shards[0].region;
    uint64_t pieces_a_pressure = PIECES_A_PRESSURE * (1 + bytes / region->segment_bytes);
    uint64_t pieces = 0;
    if (!can_fit(shards, count, bytes, spared != NULL ? spared->bytes : 0))
        return false;
    while (pieces < pieces_a_pressure * PRESSURE_MOST) {
        if (region_charge(region, bytes, region->budget_bytes))
            return true;
        /* Before anything else has to go. */
        if (free_buried(shards, count))
            continue;
        unsigned pressure = (unsigned)(pieces++ / pieces_a_pressure);
        struct shard *shard = pressure == 0 ? most_rotten(shards, count) : NULL;
        enum shard_queue queue = SHARD_SMALL;
        if (shard == NULL)
            shard = choose_oldest(shards, count, &queue);
        if (shard == NULL)
            return false;
        pthread_mutex_lock(&shard->lock);
        evict_piece(shard, queue, pressure, spared, now_ms);
        pthread_mutex_unlock(&shard->lock);
    }
    return false;
}

/* How long a segment rests after a sweep: a millisecond for each segment there is in the store, so that
 * sweeping segments of mixed TTLs takes a few hundredths of a core, whatever the size of the store. */
static int64_t rest_ms(const struct shard *shard)
{
    uint64_t used_bytes = atomic_load_explicit(&shard->region->used_bytes, memory_order_relaxed);
    return 1 + (int64_t)(used_bytes / shard->region->segment_bytes);
}

/* DUE_MS, but not before RESTED_MS; what is never due stays so. */
static int64_t due_after_rest(int64_t due_ms, int64_t rested_ms)
{
    return due_ms > rested_ms ? due_ms : rested_ms;
}

static void finish_sweep(struct shard *shard, int64_t now_ms)
{
    struct segment *segment = shard->sweeping;
    segment->due_ms = due_after_rest(shard->sweep_due_ms, now_ms + rest_ms(shard));
    segment->swept_epoch = shard->sweep_epoch;
    shard->sweeping = NULL;
    if (segment->live_items == 0 && shard->open[segment->queue] != segment)
        shard_free_segment(shard, segment);
}

static void sweep_piece(struct shard *shard, int64_t now_ms)
{
    struct segment *segment = shard->sweeping;
    struct errand errand = {
        .shard = shard,
        .segment = segment,
        .kind = SWEEP,
        .now_ms = now_ms,
        .due_ms = shard->sweep_due_ms,
    };
    shard->sweep_walked_bytes = walk(&errand, shard->sweep_walked_bytes);
    shard->sweep_due_ms = errand.due_ms;
    if (shard->sweep_walked_bytes >= segment->used_bytes)
        finish_sweep(shard, now_ms);
}

static void begin_sweep(struct shard *shard, struct segment *segment)
{
    shard->sweeping = segment;
    shard->sweep_walked_bytes = sizeof *segment;
    shard->sweep_epoch = directory_epoch(shard->directory);
    shard->sweep_due_ms = CLOCK_NEVER;
}

static bool sweep_is_due(const struct shard *shard, int64_t now_ms)
{
    return shard->round_left > 0 || shard->due_ms <= now_ms ||
           shard->swept_epoch != directory_epoch(shard->directory);
}

/* A round passes by every segment once and sweeps those in which something has expired or been flushed. The
 * list of segments turns under it; those that are added meanwhile come behind and need no sweep. */
static void round_piece(struct shard *shard, int64_t now_ms)
{
    if (shard->sweeping != NULL) {
        sweep_piece(shard, now_ms);
        return;
    }
    if (shard->round_left == 0) {
        shard->round_left = shard->segments;
        shard->round_epoch = directory_epoch(shard->directory);
        shard->round_due_ms = CLOCK_NEVER;
    }
    for (unsigned i = 0; i < PIECE_SEGMENTS && shard->round_left > 0 && !list_empty(&shard->round); i++) {
        struct segment *segment = list_entry(shard->round.next, struct segment, in_round);
        if (segment->due_ms <= now_ms || segment->swept_epoch < shard->round_epoch) {
            begin_sweep(shard, segment);
            sweep_piece(shard, now_ms);
            return;
        }
        if (segment->due_ms < shard->round_due_ms)
            shard->round_due_ms = segment->due_ms;
        list_remove(&segment->in_round);
        list_push_back(&shard->round, &segment->in_round);
        shard->round_left--;
    }
    if (list_empty(&shard->round))
        shard->round_left = 0;
    if (shard->round_left == 0) {
        shard->due_ms = due_after_rest(shard->round_due_ms, now_ms + rest_ms(shard) / ROUNDS_A_REST);
        shard->swept_epoch = shard->round_epoch;
    }
}

/* An open segment in which everything has died: nothing else would end it. */
static struct segment *spent_open_segment(const struct shard *shard)
{
    for (unsigned i = 0; i < SHARD_QUEUES; i++) {
        struct segment *segment = shard->open[i];
        if (segment != NULL && segment->live_items == 0 && segment->dead_bytes > 0)
            return segment;
    }
    return NULL;
}

/* Begins to halve tables that are three quarters empty. What they give back is refunded when they are done.
 */
static bool begin_to_shrink(struct shard *shard)
{
    struct keymap *map = &shard->keymap;
    uint64_t half = map->large_buckets / 2;
    if (half < KEYMAP_LEAST_BUCKETS || map->count * 4 > map->large_buckets * KEYMAP_BUCKET)
        return false;
    keymap_shrink(map, half);
    return true;
}

static void resize_piece(struct shard *shard)
{
    struct keymap *map = &shard->keymap;
    uint64_t before_buckets = map->large_buckets;
    for (unsigned i = 0; i < PIECE_BUCKETS && keymap_step(map, shard->region->base, shard->hash_seed); i++)
        continue;
    if (map->large_buckets == before_buckets)
        return;
    history_resize(&shard->history, map->large_buckets);
    region_refund(shard->region, keymap_bytes(before_buckets) + history_bytes(before_buckets) -
                                     keymap_bytes(map->large_buckets) - history_bytes(map->large_buckets) +
                                     shard->saved_bytes);
    shard->saved_bytes = 0;
}

bool reclaim_upkeep(struct shard *shard, int64_t now_ms)
{
    if (keymap_changing(&shard->keymap)) {
        resize_piece(shard);
        return true;
    }
    if (shard_free_buried(shard))
        return true;
    if (sweep_is_due(shard, now_ms)) {
        round_piece(shard, now_ms);
        return true;
    }
    /* An eviction that stopped half way is finished, but not at the cost of collections: nobody asks for their room. */
    if (shard->victim != NULL && shard->victim_evicting && shard->victim->collected_bytes > 0)
        shard->victim = NULL;
    if (shard->victim == NULL) {
        struct segment *spent = spent_open_segment(shard);
        struct segment *rotten = spent != NULL ? spent : most_dead(shard, SHARD_EIGHTHS / 2);
        if (rotten != NULL)
            choose_victim(shard, rotten, false);
    }
    if (shard->victim != NULL) {
        empty_victim(shard, 0, NULL, now_ms);
        return true;
    }
    return begin_to_shrink(shard);
}
