/* What the tests of the structures below the store share: draws that a printed seed repeats, and contents by which a
 * record is known. MAYFLY_TEST_SEED=N runs with that seed. */
#ifndef MAYFLY_TESTS_STRUCTURES_H
#define MAYFLY_TESTS_STRUCTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

struct draws {
    uint64_t state;
};

static inline struct draws draws_begin(const char *what)
{
    const char *given = getenv("MAYFLY_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : hash_random_seed() % 1000000;
    print_message("%s: MAYFLY_TEST_SEED=%llu\n", what, (unsigned long long)seed);
    return (struct draws){.state = seed};
}

/* A number below LIMIT. */
static inline uint64_t draw(struct draws *draws, uint64_t limit)
{
    draws->state = draws->state * 6364136223846793005u + 1442695040888963407u;
    return (draws->state >> 33) % limit;
}

/* A size: mostly small, now and then around where records leave their page, seldom large. */
static inline size_t draw_size(struct draws *draws)
{
    uint64_t kind = draw(draws, 40);
    if (kind == 0)
        return 2000 + draw(draws, 9000);
    if (kind < 4)
        return 200 + draw(draws, 400);
    return draw(draws, 48);
}

static inline void fill(uint8_t *to, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number * 31 + i * 7);
}

static inline void assert_filled(struct bytes bytes, size_t size, uint64_t number)
{
    assert_int_equal(bytes.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes.data[i], (uint8_t)(number * 31 + i * 7));
}

#endif
