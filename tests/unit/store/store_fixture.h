/* What every test of the store in memory needs: one with a cache. */
#ifndef MAYFLY_TESTS_STORE_FIXTURE_H
#define MAYFLY_TESTS_STORE_FIXTURE_H

#include "store/behaviour_calls.h"
#include "store/memory.h"

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
    answer_free(&f->answer);
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
