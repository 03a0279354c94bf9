/* How memory comes back: eviction when the limit is reached, and the upkeep that no call should wait for. */
#ifndef MAYFLY_STORE_MEMORY_RECLAIM_H
#define MAYFLY_STORE_MEMORY_RECLAIM_H

#include "store/memory/shard.h"

/* Evicts until BYTES more can be charged to the budget and charges them. No shard's lock may be held. False
 * when that much never fits. */
bool reclaim_room(struct shard *shards, unsigned count, uint64_t bytes, int64_t now_ms);

/* Does a piece of the upkeep of a shard whose lock is held. False when there was nothing to do. */
bool reclaim_upkeep(struct shard *shard, int64_t now_ms);

#endif
