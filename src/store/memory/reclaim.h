/* How memory comes back: eviction when the limit is reached, and the upkeep that no call should wait for. */
#ifndef MAYFLY_STORE_MEMORY_RECLAIM_H
#define MAYFLY_STORE_MEMORY_RECLAIM_H

#include "store/memory/shard.h"

/* What is not to be evicted: the collection of so many bytes, if above zero, that room is wanted for. */
struct reclaim_spared {
    const struct shard *shard;
    uint64_t hash;
    uint64_t bytes;
};

/* Evicts until BYTES more can be charged to the budget and charges them. SPARED may be NULL. No shard's lock may be
 * held. False when that much never fits. */
bool reclaim_room(struct shard *shards, unsigned count, uint64_t bytes, const struct reclaim_spared *spared,
                  int64_t now_ms);

/* Does a piece of the upkeep of a shard whose lock is held. False when there was nothing to do. */
bool reclaim_upkeep(struct shard *shard, int64_t now_ms);

#endif
