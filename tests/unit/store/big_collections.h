/* Collections of many elements, and scalars around them, for tests of the store in memory. */
#ifndef MAYFLY_TESTS_BIG_COLLECTIONS_H
#define MAYFLY_TESTS_BIG_COLLECTIONS_H

#include "store/store_fixture.h"

#define BATCH 1000

/* Commands in short. */
static inline enum store_status run(struct fixture *f, struct store_command command)
{
    command.cache = f->cache;
    command.now_ms = f->now_ms;
    store_command(f->store, &command, note_answer, &f->answer);
    return take_status(f);
}

static inline struct store_command adding(enum store_type type, struct bytes key, uint64_t ttl_ms,
                                          const struct store_element *elements, size_t count)
{
    struct store_command put = {
        .type = type, .key = key, .ttl_ms = ttl_ms, .elements = elements, .count = count};
    if (type == STORE_LIST) {
        put.kind = STORE_LIST_PUSH;
        put.from_end = true;
    } else if (type == STORE_SORTED_SET || type == STORE_LEADERBOARD) {
        put.kind = STORE_SORTED_PUT;
    } else {
        put.kind = STORE_TABLE_PUT;
    }
    return put;
}

/* Adds elements number FIRST and so on, each named by its number. */
static inline enum store_status add(struct fixture *f, enum store_type type, struct bytes key, uint64_t first,
                                    size_t count)
{
    static uint64_t numbers[BATCH];
    static struct store_element elements[BATCH];
    assert_true(count <= BATCH);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = first + i;
        struct bytes name = bytes_make(&numbers[i], sizeof numbers[i]);
        elements[i] =
            (struct store_element){.name = name, .value = name, .score = (double)(numbers[i] % 5000)};
    }
    return run(f, adding(type, key, MINUTE_MS, elements, count));
}

static inline void fill(struct fixture *f, enum store_type type, struct bytes key, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += BATCH)
        assert_int_equal(add(f, type, key, i, BATCH), STORE_OK);
}

static inline enum store_status length_of(struct fixture *f, enum store_type type, struct bytes key)
{
    return run(f, (struct store_command){.kind = STORE_LENGTH, .type = type, .key = key});
}

static inline enum store_status clear(struct fixture *f, enum store_type type, struct bytes key)
{
    return run(f, (struct store_command){.kind = STORE_CLEAR, .type = type, .key = key});
}

static inline void assert_length(struct fixture *f, enum store_type type, struct bytes key, uint64_t length)
{
    assert_int_equal(length_of(f, type, key), STORE_OK);
    assert_int_equal(f->answer.number, length);
}

static inline void assert_within_limit(struct fixture *f)
{
    struct store_stats stats = stats_of(f);
    assert_true(stats.bytes_used <= stats.bytes_limit);
}

static inline void set_scalars(struct fixture *f, uint64_t first, uint64_t count, bool used)
{
    static uint8_t value[1000];
    for (uint64_t key = first; key < first + count; key++) {
        struct bytes name = bytes_make(&key, sizeof key);
        assert_int_equal(set(f, name, bytes_make(value, sizeof value)), STORE_OK);
        if (used)
            assert_int_equal(get(f, name), STORE_OK);
    }
}

static inline uint64_t count_scalars(struct fixture *f, uint64_t first, uint64_t count)
{
    uint64_t present = 0;
    for (uint64_t key = first; key < first + count; key++)
        present += get(f, bytes_make(&key, sizeof key)) == STORE_OK;
    return present;
}

#endif
