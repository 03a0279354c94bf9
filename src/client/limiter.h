/* How many calls to have on the wire at once: found and kept by watching calls end.
 *
 * The limiter has no clock and no socket. It is told of every call that ends and answers with a limit, which its
 * owner keeps to from then on; calls over the limit wait, and are not the limiter's business. */
#ifndef MAYFLY_CLIENT_LIMITER_H
#define MAYFLY_CLIENT_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter_config {
    uint32_t min; /* 1 or more */
    uint32_t max;
    uint32_t initial;
    int64_t target_p999_ns; /* 0: none */
};

enum limiter_outcome {
    LIMITER_ANSWERED,  /* whatever the status, but for those below */
    LIMITER_TIMED_OUT, /* the deadline passed on the wire */
    LIMITER_IGNORED,   /* cancelled, or never answered for another reason: its latency says nothing */
};

struct limiter_sample {
    int64_t now_ns;     /* when the call ended: never less than the one before */
    int64_t latency_ns; /* on the wire */
    uint32_t in_flight; /* calls on the wire as it ended, itself included */
    bool is_limited; /* calls are waiting for room under the limit, or would have if there were any fewer */
    enum limiter_outcome outcome;
};

/* What was seen while one limit was held. */
struct limiter_block {
    int64_t set_ns;   /* when the limit was set: calls sent before are not counted */
    int64_t begin_ns; /* when the first one that was sent after it ended; 0: not yet */
    int64_t latency_sum_ns;
    uint32_t count;
    uint32_t limited_count;
    uint32_t in_flight_max;
};

/* The limiter's memory: all of it, to be embedded; its fields are its own. */
struct limiter {
    struct limiter_config config;
    uint32_t limit;
    bool is_target_unmet;

    bool is_starting;
    double centre; /* ln of the limit that the experiments are made around */
    double stride; /* how far they reach from it */
    double last_step;
    double low_ln, high_ln;
    struct limiter_block block;
    int phase;
    double sum_high, sum_low; /* of ln throughput */
    uint32_t counted;
    double last_throughput; /* ln; while starting */
    double last_latency;
    int64_t cut_ns;
};

void limiter_init(struct limiter *limiter, const struct limiter_config *config);

/* A call has ended. Returns the limit from now on. */
uint32_t limiter_ended(struct limiter *limiter, const struct limiter_sample *sample);

/* Whether the target is missed for reasons that a limit cannot change; it is treated as none meanwhile. */
static inline bool limiter_target_unmet(const struct limiter *limiter)
{
    return limiter->is_target_unmet;
}

#endif
