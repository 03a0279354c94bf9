/* Permits something so many times at once, and so many times a second in the long run (a token bucket). For
 * what a peer can ask for at no cost to itself. */
#ifndef MAYFLY_RPC_ALLOWANCE_H
#define MAYFLY_RPC_ALLOWANCE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct allowance {
    double tokens;
    double burst;
    double per_second;
    int64_t filled_ns;
};

static inline struct allowance allowance_make(uint32_t burst, uint32_t per_second)
{
    return (struct allowance){.tokens = burst, .burst = burst, .per_second = per_second};
}

/* Takes one; false when there is none left at NOW_NS. */
static inline bool allowance_take(struct allowance *allowance, int64_t now_ns)
{
    double seconds = (double)(now_ns - allowance->filled_ns) / CLOCK_NS_PER_S;
    allowance->filled_ns = now_ns;
    allowance->tokens += seconds * allowance->per_second;
    if (allowance->tokens > allowance->burst)
        allowance->tokens = allowance->burst;
    if (allowance->tokens < 1)
        return false;
    allowance->tokens -= 1;
    return true;
}

/* Gives one more, earned by work that was asked for. */
static inline void allowance_give(struct allowance *allowance)
{
    if (allowance->tokens < allowance->burst)
        allowance->tokens += 1;
}

#endif
