/* A store's operations as calls that return the status and keep a copy of the reply, for tests on any store.
 * Time stands still unless the test turns `now_ms`. */
#ifndef MAYFLY_TESTS_BEHAVIOUR_CALLS_H
#define MAYFLY_TESTS_BEHAVIOUR_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

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
    double score;
    uint64_t ttl_ms;
    size_t size;
    uint8_t *value; /* all bytes of the reply, the value first */
    size_t room;
    struct store_element *elements;
    size_t count;
};

struct fixture {
    struct store *store;
    struct store_cache *cache;
    int64_t now_ms;
    struct answer answer; /* to the latest call */
};

static inline void answer_free(struct answer *answer)
{
    free(answer->value);
    free(answer->elements);
}

/* Copies bytes to AT and returns where they end. */
static inline uint8_t *note_bytes(uint8_t *at, struct bytes *copy, struct bytes bytes)
{
    bytes_copy(at, bytes.data, bytes.size);
    *copy = bytes_make(at, bytes.size);
    return at + bytes.size;
}

static inline void note_elements(struct answer *answer, const struct store_reply *reply)
{
    answer->count = reply->count;
    if (reply->count == 0)
        return;
    uint8_t *at = answer->value + reply->value.size;
    answer->elements = realloc(answer->elements, reply->count * sizeof *answer->elements);
    assert_non_null(answer->elements);
    for (size_t i = 0; i < reply->count; i++) {
        struct store_element *copy = &answer->elements[i];
        *copy = reply->elements[i];
        at = note_bytes(at, &copy->name, copy->name);
        at = note_bytes(at, &copy->value, copy->value);
    }
}

static inline void note_answer(void *context, const struct store_reply *reply)
{
    struct answer *answer = context;
    size_t size = reply->value.size;
    for (size_t i = 0; i < reply->count; i++)
        size += reply->elements[i].name.size + reply->elements[i].value.size;
    answer->calls++;
    answer->status = reply->status;
    answer->type = reply->type;
    answer->number = reply->number;
    answer->score = reply->score;
    answer->ttl_ms = reply->ttl_ms;
    answer->size = reply->value.size;
    if (answer->room < size) {
        answer->room = size;
        answer->value = realloc(answer->value, answer->room);
        assert_non_null(answer->value);
    }
    bytes_copy(answer->value, reply->value.data, reply->value.size);
    note_elements(answer, reply);
}

/* The status of the one call that was made since the last time. */
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

/* The fixture's cache and time are filled in. */
static inline enum store_status command(struct fixture *f, struct store_command command)
{
    command.cache = f->cache;
    command.now_ms = f->now_ms;
    store_command(f->store, &command, note_answer, &f->answer);
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

#endif
