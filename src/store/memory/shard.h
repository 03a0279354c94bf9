/* A shard: a share of a store's keys under one lock. Items are appended to segments and never freed one by
 * one; a segment's memory comes back when all its items are dead, which reclaiming sees to. Memory in use is
 * thus whole segments, whatever sizes come and go, and appending is all that writing an item takes.
 *
 *   segment:   | struct segment | item | item | item (dead) | item | ... unused |
 *
 * Segments form two queues, oldest first. New items are appended to the small queue's open segment; reclaim.c
 * tells which items get into the main queue. An item larger than a quarter of a segment has a segment for
 * itself.
 *
 * Collections live outside the segments, in the C library's heap; an item in the log points at each, and what befalls
 * the item befalls the collection. One whose item is gone waits in the graveyard to be freed piece by piece, since that
 * may take long.
 *
 * All functions expect the shard's lock to be held. */
#ifndef MAYFLY_STORE_MEMORY_SHARD_H
#define MAYFLY_STORE_MEMORY_SHARD_H

#include <pthread.h>

#include "base/list.h"
#include "store/memory/collection.h"
#include "store/memory/directory.h"
#include "store/memory/history.h"
#include "store/memory/item.h"
#include "store/memory/keymap.h"
#include "store/memory/region.h"

enum shard_queue { SHARD_SMALL, SHARD_MAIN, SHARD_QUEUES };

#define SHARD_NONE    UINT64_MAX

/* Segments are listed by how many eighths of them are dead. */
#define SHARD_EIGHTHS 8

struct segment {
    struct list in_queue;
    struct list in_eighth;
    struct list in_round;     /* the order in which sweeps come by */
    int64_t due_ms;           /* a sweep finds expired items from then on */
    uint64_t swept_epoch;     /* holds no item of a cache flushed or deleted up to this epoch */
    uint64_t born_bytes;      /* when it came to its queue, by the clock of eviction */
    uint64_t collected_bytes; /* of the collections that its items point at */
    uint32_t size_bytes;      /* with this header; charged to the account */
    uint32_t used_bytes;      /* with this header */
    uint32_t dead_bytes;
    uint32_t live_items;
    uint8_t queue;
    uint8_t eighth;
    bool single; /* made for one large item */
    bool pinned; /* being walked through: not to be freed */
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct region *region;
    struct directory *directory;
    uint64_t hash_seed;

    struct keymap keymap;
    struct history history;
    uint64_t saved_bytes; /* charged already, towards the next growth of both */

    struct list queues[SHARD_QUEUES];
    struct list eighths[SHARD_EIGHTHS];
    struct segment *open[SHARD_QUEUES]; /* where items are appended, or NULL */
    uint64_t segments;

    struct list collections; /* that live items point at */
    struct list graveyard;   /* collections to be freed, still charged to the account */

    /* The segment that is being emptied and how far that has come, or NULL. One at a time, so that a
     * segment's worth of memory beyond the budget is all that moving items needs. */
    struct segment *victim;
    uint32_t victim_walked_bytes;
    bool victim_evicting;

    /* Sweeping: the segments yet to come in this round, and the one under way, or NULL. */
    struct list round;
    uint64_t round_left;
    uint64_t round_epoch;
    int64_t round_due_ms;
    uint64_t swept_epoch;
    int64_t due_ms; /* no item expires earlier, but for those that a rest was decided for */
    struct segment *sweeping;
    uint32_t sweep_walked_bytes;
    uint64_t sweep_epoch;
    int64_t sweep_due_ms;

    uint64_t evictions;
    uint64_t expirations;

    /* Read without the lock to choose what to evict. */
    _Atomic uint64_t queue_bytes[SHARD_QUEUES];       /* with the collections of their items */
    _Atomic uint64_t oldest_born_bytes[SHARD_QUEUES]; /* of a queue's first segment; SHARD_NONE */
    _Atomic uint64_t held_bytes;                      /* by segments */
    _Atomic uint64_t dead_bytes;
    _Atomic uint64_t collected_bytes; /* by collections */
    _Atomic uint64_t buried_bytes;    /* by the graveyard */
};

/* What an operation pays for memory with: room made for it earlier, then the budget. When both are not enough
 * the operation fails with what is missing noted, has room made without the lock, and starts again. */
struct purse {
    uint64_t credit_bytes; /* charged to the account already */
    uint64_t need_bytes;
    bool has_saved; /* has paid its share of the tables' growth */
};

struct found {
    uint64_t *entry; /* NULL: there is no such item */
    struct item item;
};

bool shard_open(struct shard *shard, struct region *region, struct directory *directory, uint64_t hash_seed,
                uint64_t table_reserve_bytes);
void shard_close(struct shard *shard);

/* The item of this key that has not expired; one that has is dropped on the way. */
struct found shard_find(struct shard *shard, uint64_t hash, uint32_t cache_number, bool board,
                        struct bytes key, int64_t now_ms);

/* Takes BYTES from the purse or the budget. Without a purse, memory up to the limit may be used. False, with the need
 * noted, when there is not enough. */
bool shard_pay(struct shard *shard, struct purse *purse, uint64_t bytes);

/* Room for an item of SIZE bytes, with a collection of so many, at a queue's end, or NULL. The item is paid for as by
 * shard_pay. */
uint8_t *shard_append(struct shard *shard, enum shard_queue queue, size_t size, uint64_t collected_bytes,
                      struct purse *purse);

/* Pays this operation's share of the growth of keymap and history, and grows them when enough is saved. To be
 * called before a key is added. False when there is no memory. */
bool shard_save_up(struct shard *shard, struct purse *purse);

/* Moves the item at AT, whose entry is ENTRY, to a queue's end. NULL without memory, changing nothing. */
uint8_t *shard_move(struct shard *shard, uint64_t *entry, uint8_t *at, enum shard_queue queue);

/* The item at AT, whose value is the collection's address, becomes that collection's. Its bytes have been paid. */
void shard_adopt(struct shard *shard, uint8_t *at, enum store_type type, struct collection *collection);

/* The collection of the item at AT has grown by so many bytes, or shrunk by so many below zero. */
void shard_weigh(struct shard *shard, const uint8_t *at, uint64_t grown_bytes);

/* COLLECTION, whose bytes are charged, is no item's: it waits in the graveyard. */
void shard_bury_collection(struct shard *shard, struct collection *collection);

/* Frees a bounded piece of what is in the graveyard; false when there was nothing. */
bool shard_free_buried(struct shard *shard);

/* The item at AT is no longer the keymap's: it is dead, and so is its collection. */
void shard_bury(struct shard *shard, uint8_t *at);

/* Removes an item from the keymap and buries it. */
void shard_drop(struct shard *shard, const struct found *found);

/* To be told of every expiry that is written. */
void shard_note_expiry(struct shard *shard, const uint8_t *at, int64_t expiry_ms);
void shard_set_expiry(struct shard *shard, uint8_t *at, int64_t expiry_ms);

void shard_free_segment(struct shard *shard, struct segment *segment);
void shard_requeue(struct shard *shard, struct segment *segment, enum shard_queue queue);

static inline struct segment *shard_segment_of(const struct shard *shard, const uint8_t *at)
{
    return region_slot(shard->region, region_location(shard->region, at));
}

#endif
