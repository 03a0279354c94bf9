/* The engine that keeps a store's items in this process's memory. */
#ifndef MAYFLY_STORE_MEMORY_H
#define MAYFLY_STORE_MEMORY_H

#include "store/store.h"

struct store_memory_options {
    uint64_t limit_bytes; /* bound on store_stats.bytes_used, within the limits below */
    unsigned shards;      /* a power of two, 1 to 256; 0 chooses; fewer when the limit is small for so many */
    uint64_t hash_seed;   /* hash_random_seed(), or anything fixed in a test */
};

#define STORE_MEMORY_LIMIT_MIN_BYTES ((uint64_t)16 << 20)
#define STORE_MEMORY_LIMIT_MAX_BYTES ((uint64_t)512 << 30)

/* Address space of some twenty times the limit is reserved; memory is taken as it is needed.
 *
 * A new, empty store without a cache, or NULL where memory or options do not allow it. */
struct store *store_memory_create(const struct store_memory_options *options);

#endif
