/* Random numbers that are the same in every run (xorshift64). A state may not be 0. */
#ifndef MAYFLY_TESTS_RPC_RANDOM_H
#define MAYFLY_TESTS_RPC_RANDOM_H

#include <stdint.h>

#define RANDOM_SEED UINT64_C(88172645463325252)

static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
