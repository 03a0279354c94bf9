/* Lookups by name happen once a connection, so one lock around everything is enough. Writers go first: a
 * sweep holds the lock as a reader for most of its time, and a flush must not wait for it to end. */
#include "store/memory/directory.h"

#include <stdlib.h>

void directory_open(struct directory *directory)
{
    *directory = (struct directory){0};
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&directory->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

void directory_close(struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++)
        free(directory->caches[i]);
    free(directory->caches);
    free(directory->numbers);
    pthread_rwlock_destroy(&directory->lock);
}

uint64_t directory_cache_bytes(size_t name_size)
{
    return sizeof(struct store_cache) + name_size + sizeof(struct store_cache *) + sizeof(uint32_t);
}

/* Where NAME is, or where it belongs; *FOUND tells which. */
static size_t find_name(const struct directory *directory, struct bytes name, bool *found)
{
    size_t low = 0;
    size_t high = directory->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        const struct store_cache *cache = directory->caches[middle];
        int order = bytes_compare(bytes_make(cache->name, cache->name_size), name);
        *found = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

/* Where NUMBER is among those in use, or where it would be. */
static size_t find_number(const struct directory *directory, uint32_t number)
{
    size_t low = 0;
    size_t high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (directory->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes room for one more; the arrays stay valid when it cannot. */
static bool make_room(struct directory *directory)
{
    if (directory->count < directory->room)
        return true;
    size_t room = directory->room == 0 ? 16 : directory->room * 2;
    void *caches = realloc(directory->caches, room * sizeof(struct store_cache *));
    if (caches == NULL)
        return false;
    directory->caches = caches;
    void *numbers = realloc(directory->numbers, room * sizeof *directory->numbers);
    if (numbers == NULL)
        return false;
    directory->numbers = numbers;
    directory->room = room;
    return true;
}

static void drop_number(struct directory *directory, uint32_t number)
{
    size_t at = find_number(directory, number);
    memmove(directory->numbers + at, directory->numbers + at + 1,
            (directory->count - at - 1) * sizeof *directory->numbers);
}

enum store_status directory_create(struct directory *directory, struct bytes name)
{
    enum store_status status = STORE_NO_MEMORY;
    struct store_cache *cache = malloc(sizeof *cache + name.size);
    if (cache == NULL)
        return status;

    pthread_rwlock_wrlock(&directory->lock);
    bool found;
    size_t at = find_name(directory, name, &found);
    if (found) {
        status = STORE_EXISTS;
        goto done;
    }
    if (directory->last_number == UINT32_MAX || !make_room(directory))
        goto done;

    cache->id = ++directory->last_number;
    cache->name_size = name.size;
    bytes_copy(cache->name, name.data, name.size);
    atomic_init(&cache->number, cache->id);
    atomic_init(&cache->references, 1);
    memmove(directory->caches + at + 1, directory->caches + at,
            (directory->count - at) * sizeof(struct store_cache *));
    directory->caches[at] = cache;
    directory->numbers[directory->count++] = cache->id;
    cache = NULL;
    status = STORE_OK;
done:
    pthread_rwlock_unlock(&directory->lock);
    free(cache);
    return status;
}

enum store_status directory_delete(struct directory *directory, struct bytes name, uint64_t *freed_bytes)
{
    enum store_status status = STORE_NO_CACHE;
    pthread_rwlock_wrlock(&directory->lock);
    bool found;
    size_t at = find_name(directory, name, &found);
    if (found) {
        struct store_cache *cache = directory->caches[at];
        drop_number(directory, cache->number);
        memmove(directory->caches + at, directory->caches + at + 1,
                (directory->count - at - 1) * sizeof(struct store_cache *));
        directory->count--;
        cache->number = 0;
        atomic_fetch_add_explicit(&directory->epoch, 1, memory_order_release);
        *freed_bytes += directory_release(cache);
        status = STORE_OK;
    }
    pthread_rwlock_unlock(&directory->lock);
    return status;
}

enum store_status directory_flush(struct directory *directory, struct bytes name)
{
    enum store_status status = STORE_NO_CACHE;
    pthread_rwlock_wrlock(&directory->lock);
    bool found;
    size_t at = find_name(directory, name, &found);
    if (found && directory->last_number == UINT32_MAX) {
        status = STORE_NO_MEMORY;
    } else if (found) {
        struct store_cache *cache = directory->caches[at];
        drop_number(directory, cache->number);
        directory->numbers[directory->count - 1] = ++directory->last_number;
        cache->number = directory->last_number;
        atomic_fetch_add_explicit(&directory->epoch, 1, memory_order_release);
        status = STORE_OK;
    }
    pthread_rwlock_unlock(&directory->lock);
    return status;
}

void directory_each(struct directory *directory, store_visit visit, void *context)
{
    pthread_rwlock_rdlock(&directory->lock);
    for (size_t i = 0; i < directory->count; i++)
        visit(context, bytes_make(directory->caches[i]->name, directory->caches[i]->name_size));
    pthread_rwlock_unlock(&directory->lock);
}

size_t directory_count(struct directory *directory)
{
    pthread_rwlock_rdlock(&directory->lock);
    size_t count = directory->count;
    pthread_rwlock_unlock(&directory->lock);
    return count;
}

struct store_cache *directory_take(struct directory *directory, struct bytes name)
{
    struct store_cache *cache = NULL;
    pthread_rwlock_rdlock(&directory->lock);
    bool found;
    size_t at = find_name(directory, name, &found);
    if (found) {
        cache = directory->caches[at];
        atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&directory->lock);
    return cache;
}

uint64_t directory_release(struct store_cache *cache)
{
    if (atomic_fetch_sub_explicit(&cache->references, 1, memory_order_acq_rel) != 1)
        return 0;
    uint64_t freed_bytes = directory_cache_bytes(cache->name_size);
    free(cache);
    return freed_bytes;
}

struct directory_reader directory_reader_open(struct directory *directory)
{
    pthread_rwlock_rdlock(&directory->lock);
    return (struct directory_reader){.directory = directory};
}

void directory_reader_close(struct directory_reader *reader)
{
    pthread_rwlock_unlock(&reader->directory->lock);
}

bool directory_live(struct directory_reader *reader, uint32_t number)
{
    if (number != reader->last_number) {
        const struct directory *directory = reader->directory;
        size_t at = find_number(directory, number);
        reader->last_number = number;
        reader->last_live = at < directory->count && directory->numbers[at] == number;
    }
    return reader->last_live;
}
