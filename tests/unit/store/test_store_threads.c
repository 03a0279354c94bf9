/* What threads may do: everything at once. Each value tells its key, so that any mix-up shows; the thread
 * sanitizer sees what does not. */
#include <pthread.h>
#include <stdatomic.h>

#include "store/store_fixture.h"

#define WORKERS 4
#define KEYS    20000

struct shared {
    struct store *store;
    atomic_bool done;
};

struct worker {
    struct shared *shared;
    uint64_t random;
    uint64_t hits;
    bool failed;
};

/* Where a get expects the key's number at the start of the value and the length at its end. */
struct expectation {
    uint64_t key;
    bool hit;
    bool wrong;
};

static void check_value(void *context, const struct store_reply *reply)
{
    struct expectation *expectation = context;
    expectation->hit = reply->status == STORE_OK;
    if (!expectation->hit)
        return;
    uint64_t key;
    uint64_t size;
    memcpy(&key, reply->value.data, sizeof key);
    memcpy(&size, reply->value.data + reply->value.size - sizeof size, sizeof size);
    expectation->wrong = key != expectation->key || size != reply->value.size;
}

static void note_status(void *context, const struct store_reply *reply)
{
    *(enum store_status *)context = reply->status;
}

static bool set_one(struct worker *worker, struct store_cache *cache, uint64_t key)
{
    uint64_t draw = next_random(&worker->random);
    uint8_t value[30000];
    uint64_t size = 16 + (draw % 50 == 0 ? draw % 29000 : draw % 1000);
    enum store_status status;
    memset(value, 0, size);
    memcpy(value, &key, sizeof key);
    memcpy(value + size - sizeof size, &size, sizeof size);
    store_set(worker->shared->store, cache, bytes_make(&key, sizeof key), bytes_make(value, size),
              1 + draw % 1000, NULL, (int64_t)(draw % 100), note_status, &status);
    return status == STORE_OK || status == STORE_NO_CACHE;
}

static bool get_one(struct worker *worker, struct store_cache *cache, uint64_t key)
{
    struct expectation expectation = {.key = key};
    store_get(worker->shared->store, cache, bytes_make(&key, sizeof key), 50, check_value, &expectation);
    worker->hits += expectation.hit;
    return !expectation.wrong;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct store *store = worker->shared->store;
    enum store_status status;
    struct store_cache *cache = NULL;
    for (uint64_t i = 0; i < scaled(500000) && !worker->failed; i++) {
        uint64_t key = next_random(&worker->random) % KEYS;
        if (i % 1000 == 0 && cache != NULL) {
            store_cache_release(store, cache);
            cache = NULL;
        }
        while (cache == NULL) {
            store_cache_create(store, bytes_of("shared"), note_status, &status);
            cache = store_cache_take(store, bytes_of("shared"));
        }
        switch (next_random(&worker->random) % 8) {
        case 0:
            store_delete(store, cache, bytes_make(&key, sizeof key), 50, note_status, &status);
            break;
        case 1:
        case 2:
        case 3:
            worker->failed = !set_one(worker, cache, key);
            break;
        default:
            worker->failed = !get_one(worker, cache, key);
        }
    }
    if (cache != NULL)
        store_cache_release(store, cache);
    return NULL;
}

/* Maintains, and now and then flushes or deletes the cache under everybody's feet. */
static void *disturb(void *context)
{
    struct shared *shared = context;
    enum store_status status;
    struct store_stats stats;
    for (uint64_t i = 0; !shared->done; i++) {
        store_maintain(shared->store, (int64_t)(i % 120));
        store_stats(shared->store, &stats);
        if (stats.bytes_used > stats.bytes_limit)
            abort();
        if (i % 20000 == 10000)
            store_cache_flush(shared->store, bytes_of("shared"), note_status, &status);
        if (i % 20000 == 0)
            store_cache_delete(shared->store, bytes_of("shared"), note_status, &status);
    }
    return NULL;
}

static void threads_never_see_a_value_of_another_key(void **state)
{
    (void)state;
    struct store_memory_options options = {.limit_bytes = STORE_MEMORY_LIMIT_MIN_BYTES, .hash_seed = 3};
    struct shared shared = {.store = store_memory_create(&options)};
    assert_non_null(shared.store);
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    pthread_t disturber;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.shared = &shared, .random = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    assert_int_equal(pthread_create(&disturber, NULL, disturb, &shared), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(workers[i].failed);
        assert_true(workers[i].hits > 0);
    }
    shared.done = true;
    pthread_join(disturber, NULL);
    store_destroy(shared.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_never_see_a_value_of_another_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
