/* What every test of the store needs: a store with a cache, and calls that answer with a copy of the reply.
 * Time stands still unless the test turns `now_ms`. */
#ifndef MAYFLY_TESTS_STORE_FIXTURE_H
#define MAYFLY_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/memory.h"

#define MINUTE_MS ((uint64_t)60000)

/* Sanitizers make everything slower and memory larger: loads shrink by this, and resident memory is not
 * looked at. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static inline uint64_t scaled(uint64_t count)
{
    return SANITIZED ? count / 10 : count;
}

struct answer {
    unsigned calls; /* of the completion */
    enum store_status status;
    enum store_type type;
    int64_t number;
    uint64_t ttl_ms;
    size_t size;
    uint8_t *value;
    size_t room;
};

struct fixture {
    struct store *store;
    struct store_cache *cache;
    int64_t now_ms;
    struct answer answer; /* to the latest call */
};

static inline void note_answer(void *context, const struct store_reply *reply)
{
    struct answer *answer = context;
    answer->calls++;
    answer->status = reply->status;
    answer->type = reply->type;
    answer->number = reply->number;
    answer->ttl_ms = reply->ttl_ms;
    answer->size = reply->value.size;
    if (answer->room < reply->value.size) {
        answer->room = reply->value.size;
        answer->value = realloc(answer->value, answer->room);
    }
    bytes_copy(answer->value, reply->value.data, reply->value.size);
}

/* The status of the call that was made since expect_answer(). */
static inline enum store_status take_status(struct fixture *f)
{
    assert_int_equal(f->answer.calls, 1);
    f->answer.calls = 0;
    return f->answer.status;
}

static inline enum store_status create(struct fixture *f, const char *name)
{
    store_cache_create(f->store, bytes_of(name), note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status drop(struct fixture *f, const char *name)
{
    store_cache_delete(f->store, bytes_of(name), note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status flush(struct fixture *f, const char *name)
{
    store_cache_flush(f->store, bytes_of(name), note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status get(struct fixture *f, struct bytes key)
{
    store_get(f->store, f->cache, key, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status set_if(struct fixture *f, struct bytes key, struct bytes value,
                                       uint64_t ttl_ms, enum store_condition_kind kind, struct bytes operand)
{
    struct store_condition condition = {.kind = kind, .operand = operand};
    store_set(f->store, f->cache, key, value, ttl_ms, &condition, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status set_for(struct fixture *f, struct bytes key, struct bytes value,
                                        uint64_t ttl_ms)
{
    store_set(f->store, f->cache, key, value, ttl_ms, NULL, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status set(struct fixture *f, struct bytes key, struct bytes value)
{
    return set_for(f, key, value, MINUTE_MS);
}

static inline enum store_status erase(struct fixture *f, struct bytes key)
{
    store_delete(f->store, f->cache, key, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status increment_for(struct fixture *f, struct bytes key, int64_t amount,
                                              uint64_t ttl_ms)
{
    store_increment(f->store, f->cache, key, amount, ttl_ms, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status increment(struct fixture *f, const char *key, int64_t amount)
{
    return increment_for(f, bytes_of(key), amount, MINUTE_MS);
}

static inline enum store_status item_ttl_of(struct fixture *f, struct bytes key)
{
    store_item_ttl(f->store, f->cache, key, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status item_type_of(struct fixture *f, struct bytes key)
{
    store_item_type(f->store, f->cache, key, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline enum store_status update_ttl(struct fixture *f, struct bytes key, enum store_ttl_mode mode,
                                           uint64_t ttl_ms)
{
    store_update_ttl(f->store, f->cache, key, mode, ttl_ms, f->now_ms, note_answer, &f->answer);
    return take_status(f);
}

static inline struct bytes answer_value(const struct fixture *f)
{
    return bytes_make(f->answer.value, f->answer.size);
}

static inline void assert_value(struct fixture *f, struct bytes key, struct bytes value)
{
    assert_int_equal(get(f, key), STORE_OK);
    assert_true(bytes_equal(answer_value(f), value));
}

static inline struct store_stats stats_of(const struct fixture *f)
{
    struct store_stats stats;
    store_stats(f->store, &stats);
    return stats;
}

static inline void maintain_fully(struct fixture *f)
{
    while (store_maintain(f->store, f->now_ms))
        continue;
}

static inline uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

/* A store of so many bytes with the cache "cache", at time 1000. */
static inline struct fixture *fixture_open(uint64_t limit_bytes)
{
    struct store_memory_options options = {.limit_bytes = limit_bytes, .hash_seed = 7};
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->store = store_memory_create(&options);
    assert_non_null(f->store);
    f->now_ms = 1000;
    assert_int_equal(create(f, "cache"), STORE_OK);
    f->cache = store_cache_take(f->store, bytes_of("cache"));
    assert_non_null(f->cache);
    return f;
}

static inline void fixture_close(struct fixture *f)
{
    store_cache_release(f->store, f->cache);
    store_destroy(f->store);
    free(f->answer.value);
    free(f);
}

static inline int setup(void **state)
{
    *state = fixture_open((uint64_t)64 << 20);
    return 0;
}

static inline int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

#define PROMISE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
