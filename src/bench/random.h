/* Random numbers for loads: fast, and good enough to choose keys and moments. The state is one word, not zero. */
#ifndef MAYFLY_BENCH_RANDOM_H
#define MAYFLY_BENCH_RANDOM_H

#include <stdint.h>

/* xorshift64*, Vigna 2016. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* At least 0 and less than 1. */
static inline double random_unit(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}

#endif
