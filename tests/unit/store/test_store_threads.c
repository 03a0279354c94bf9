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

/* --- Collections --- */

#define COLLECTIONS    24
#define ELEMENT_VALUES 3000
#define SLICE          50

/* A field's value and an element's score tell its name. */
static void check_elements(void *context, const struct store_reply *reply)
{
    struct worker *worker = context;
    if (reply->status == STORE_NO_MEMORY || reply->status == STORE_NOT_INTEGER)
        worker->failed = true;
    for (size_t i = 0; i < reply->count; i++) {
        const struct store_element *element = &reply->elements[i];
        uint64_t name;
        if (element->name.size != sizeof name) {
            worker->failed = true;
            return;
        }
        memcpy(&name, element->name.data, sizeof name);
        worker->hits++;
        if (element->value.size > 0 && !bytes_equal(element->value, element->name))
            worker->failed = true;
        if (element->score != 0 && element->score != (double)name)
            worker->failed = true;
    }
}

/* Each key has a type of its own, but that some keys are now and then overwritten by a scalar. */
static enum store_type type_of_key(uint64_t key)
{
    static const enum store_type types[] = {STORE_DICTIONARY, STORE_SET, STORE_LIST, STORE_SORTED_SET,
                                            STORE_LEADERBOARD};
    return types[key % (sizeof types / sizeof *types)];
}

static enum store_command_kind draw_kind(enum store_type type, uint64_t draw)
{
    static const enum store_command_kind tables[] = {STORE_TABLE_PUT, STORE_TABLE_PUT,    STORE_TABLE_PUT,
                                                     STORE_TABLE_GET, STORE_TABLE_REMOVE, STORE_TABLE_SAMPLE,
                                                     STORE_LENGTH,    STORE_CLEAR};
    static const enum store_command_kind lists[] = {STORE_LIST_PUSH,  STORE_LIST_PUSH, STORE_LIST_PUSH,
                                                    STORE_LIST_FETCH, STORE_LIST_POP,  STORE_LIST_RETAIN,
                                                    STORE_LENGTH,     STORE_CLEAR};
    static const enum store_command_kind sorted[] = {
        STORE_SORTED_PUT,    STORE_SORTED_PUT,      STORE_SORTED_PUT,   STORE_SORTED_RANK,
        STORE_SORTED_REMOVE, STORE_SORTED_BY_INDEX, STORE_SORTED_UNION, STORE_CLEAR};
    if (type == STORE_LIST)
        return lists[draw % 8];
    if (type == STORE_DICTIONARY || type == STORE_SET)
        return tables[draw % 8];
    /* There is no union of leaderboards. */
    return sorted[type == STORE_LEADERBOARD && draw % 8 == 6 ? 5 : draw % 8];
}

static void command_one(struct worker *worker, struct store_cache *cache)
{
    uint64_t key = next_random(&worker->random) % COLLECTIONS;
    uint64_t source_keys[] = {3, 8, 13};
    struct store_source sources[3];
    uint64_t names[SLICE];
    struct store_element elements[SLICE];
    for (size_t i = 0; i < 3; i++)
        sources[i] = (struct store_source){.key = bytes_make(&source_keys[i], sizeof key), .weight = 1};
    for (size_t i = 0; i < SLICE; i++) {
        names[i] = 1 + next_random(&worker->random) % ELEMENT_VALUES;
        struct bytes name = bytes_make(&names[i], sizeof names[i]);
        elements[i] = (struct store_element){.name = name, .value = name, .score = (double)names[i]};
    }
    struct store_command command = {
        .type = type_of_key(key),
        .cache = cache,
        .key = bytes_make(&key, sizeof key),
        .now_ms = (int64_t)(next_random(&worker->random) % 100),
        .elements = elements,
        .count = 1 + next_random(&worker->random) % SLICE,
        .ttl_ms = 1 + next_random(&worker->random) % 1000,
        .refresh_ttl = next_random(&worker->random) % 2 == 0,
        .limit = SLICE,
        .start = (int64_t)(next_random(&worker->random) % 20),
        .end = STORE_END,
        .sources = sources,
        .source_count = 3,
        .aggregate = STORE_MAX,
    };
    command.kind = draw_kind(command.type, next_random(&worker->random));
    if (command.kind == STORE_LIST_PUSH)
        command.limit = 0;
    store_command(worker->shared->store, &command, check_elements, worker);
}

static void *work_on_collections(void *context)
{
    struct worker *worker = context;
    struct store *store = worker->shared->store;
    enum store_status status;
    struct store_cache *cache = store_cache_take(store, bytes_of("shared"));
    for (uint64_t i = 0; i < scaled(100000) && !worker->failed; i++) {
        uint64_t key = next_random(&worker->random) % COLLECTIONS;
        switch (next_random(&worker->random) % 32) {
        case 0:
            store_delete(store, cache, bytes_make(&key, sizeof key), 50, note_status, &status);
            break;
        case 1:
            worker->failed = !set_one(worker, cache, key);
            break;
        case 2:
        case 3:
            /* Other keys, for room to run out. */
            worker->failed = !set_one(worker, cache, next_random(&worker->random) % KEYS + COLLECTIONS);
            break;
        default:
            command_one(worker, cache);
        }
    }
    store_cache_release(store, cache);
    return NULL;
}

/* Maintains, and now and then flushes. */
static void *disturb_collections(void *context)
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
    }
    return NULL;
}

static void threads_never_see_a_collection_half_changed(void **state)
{
    (void)state;
    struct store_memory_options options = {.limit_bytes = STORE_MEMORY_LIMIT_MIN_BYTES, .hash_seed = 4};
    struct shared shared = {.store = store_memory_create(&options)};
    enum store_status status;
    assert_non_null(shared.store);
    store_cache_create(shared.store, bytes_of("shared"), note_status, &status);
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    pthread_t disturber;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.shared = &shared, .random = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work_on_collections, &workers[i]), 0);
    }
    assert_int_equal(pthread_create(&disturber, NULL, disturb_collections, &shared), 0);
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
        cmocka_unit_test(threads_never_see_a_collection_half_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
