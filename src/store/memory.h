/* The engine that keeps a store's items in this process's memory. */
#ifndef MAYFLY_STORE_MEMORY_H
#define MAYFLY_STORE_MEMORY_H

#include "store/store.h"

struct store_memory_options {
    uint64_t limit_bytes; /* bound on store_stats.bytes_used; at least STORE_MEMORY_LIMIT_MIN_BYTES */
    unsigned shards;      /* a power of two, 1 to 256; 0 chooses by the limit */
    uint64_t hash_seed;   /* hash_random_seed(), or anything fixed in a test */
};

#define STORE_MEMORY_LIMIT_MIN_BYTES ((uint64_t)16 << 20)

/* A new, empty store without a cache, or NULL where memory or options do not allow it. */
struct store *store_memory_create(const struct store_memory_options *options);

#endif
