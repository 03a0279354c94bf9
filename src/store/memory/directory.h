/* The caches of a store by name, and the numbers under which their items are kept. A number is never given
 * twice: to flush a cache is to give it the next one, to delete it is to give it none, and either way all its
 * items are unreachable at once, at a cost that does not depend on how many they are. Sweeping finds them by
 * number later. There are 2^32 - 1 numbers; a store that has used them up answers NO_MEMORY to creation and
 * flush.
 *
 * Both tables are sorted arrays: caches come and go seldom, and a list in order is asked for. */
#ifndef MAYFLY_STORE_MEMORY_DIRECTORY_H
#define MAYFLY_STORE_MEMORY_DIRECTORY_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

struct store_cache {
    _Atomic uint32_t number; /* of its items; zero once deleted */
    uint32_t id;             /* the first number: spreads equal keys of different caches over the shards */
    _Atomic uint32_t references;
    size_t name_size;
    uint8_t name[];
};

struct directory {
    pthread_rwlock_t lock;
    struct store_cache **caches; /* by name */
    uint32_t *numbers;           /* those in use, ascending */
    size_t count;
    size_t room;
    uint32_t last_number;
    _Atomic uint64_t epoch; /* flushes and deletions so far */
};

void directory_open(struct directory *directory);
void directory_close(struct directory *directory);

/* Memory that a cache with a name of this size takes. */
uint64_t directory_cache_bytes(size_t name_size);

/* OK, EXISTS, NO_MEMORY. */
enum store_status directory_create(struct directory *directory, struct bytes name);

/* OK, NO_CACHE. Deletion adds to *FREED_BYTES what it freed: nothing while somebody holds the cache. */
enum store_status directory_delete(struct directory *directory, struct bytes name, uint64_t *freed_bytes);
enum store_status directory_flush(struct directory *directory, struct bytes name);

void directory_each(struct directory *directory, store_visit visit, void *context);
size_t directory_count(struct directory *directory);

struct store_cache *directory_take(struct directory *directory, struct bytes name);
/* The bytes that this freed. */
uint64_t directory_release(struct store_cache *cache);

/* A reader that has seen an epoch also sees, in the numbers, every flush up to it. */
static inline uint64_t directory_epoch(const struct directory *directory)
{
    return atomic_load_explicit(&directory->epoch, memory_order_acquire);
}

/* Asks many times whether a number is in use, for as long as it is open; nothing else may be asked meanwhile.
 */
struct directory_reader {
    struct directory *directory;
    uint32_t last_number; /* the previous question and its answer: neighbours tend to share a cache */
    bool last_live;
};

struct directory_reader directory_reader_open(struct directory *directory);
void directory_reader_close(struct directory_reader *reader);
bool directory_live(struct directory_reader *reader, uint32_t number);

#endif
