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
    int64_t begin_ns; /* when the first call that counts ended */
    int64_t latency_sum_ns;
    uint32_t count; /* 0: none has ended yet */
    uint32_t limited_count;
    uint32_t in_flight_max;
};

enum limiter_mode {
    LIMITER_STARTING,  /* doubling */
    LIMITER_SEARCHING, /* far from the right limit: two blocks far apart */
    LIMITER_KEEPING,   /* near it: four blocks close together */
    LIMITER_DIPPING,   /* one block far below */
};

/* What the calls since the last cut say about the target. */
struct limiter_stage {
    double limit;
    int64_t latency_sum_ns;
    uint32_t count;
    uint32_t late_count;
};

struct limiter_tail {
    double cap;      /* the highest limit that the target allows */
    int64_t debt;    /* calls that must be on time before the cap may rise */
    int64_t seen_ns; /* when a call last ended */
    int64_t late_ns; /* when one last was late */
    int64_t cut_ns;
    int cycles; /* since then */
    struct limiter_stage stage;
    struct limiter_stage worst; /* of the stages since the cap last rose */
    bool was_starting;
    int64_t again_ns;  /* the target is unmet: when it is tried again */
    int64_t missed_ns; /* and when calls last missed it */
    int64_t patience_ns;
};

/* The limiter's memory: all of it, to be embedded; its fields are its own. */
struct limiter {
    struct limiter_config config;
    uint32_t limit;
    bool is_target_unmet;

    /* Limits, throughputs (calls a nanosecond) and latencies (nanoseconds) are natural logarithms below. */
    enum limiter_mode mode;
    double centre;  /* of the experiment */
    double stride;  /* from there to either side */
    double side[2]; /* the low limit and the high one */
    int phase;      /* blocks done */
    struct limiter_block block;
    double throughput[2]; /* the sum of a side's blocks */
    double last[2];       /* a side's last block in this cycle */
    double usual[2];      /* a side's blocks in cycles before; 0: none */

    double noise;              /* the variance of a block's throughput; 0: not known */
    double weighed_elasticity; /* the evidence: a weighted sum, and the weights */
    double weight;
    double last_verdict;
    double leaning; /* verdicts, smoothed */

    double start_throughput; /* of the limit before; 0: none yet */
    double start_latency;    /* the least so far */

    int64_t dip_ns;  /* when the last one began */
    double dip_from; /* the limit and the throughput that it is compared with */
    double dip_throughput;
    double dip_sum; /* of its blocks' throughputs */
    int dip_blocks;

    int64_t timeout_ns;  /* when one last cut the limit */
    int64_t answered_ns; /* when a call was last answered */
    struct limiter_tail tail;
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
