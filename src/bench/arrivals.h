/* When the requests of an open loop are due, whatever becomes of those before them. */
#ifndef MAYFLY_BENCH_ARRIVALS_H
#define MAYFLY_BENCH_ARRIVALS_H

#include "bench/trace.h"

#include <stdbool.h>
#include <stdint.h>

/* One thread's share of them. Due times are of the load's clock and never fall; CLOCK_NEVER: there are no more. */
struct arrivals {
    double gap_ns; /* between two, on average; of a trace's clock by the load's */
    bool is_poisson;
    uint64_t random;
    double next_ns; /* from the start on */
    const struct trace *trace;
    size_t row; /* the next one's */
    size_t row_step;
    int64_t start_ns;
};

/* So many a second, evenly spaced or as of a Poisson process (independent requests, exponential gaps). PHASE, from 0 to
 * 1, is the part of a gap before the first even one, so that threads take turns. */
void arrivals_begin(struct arrivals *arrivals, double rate_per_s, bool is_poisson, uint64_t random,
                    double phase, int64_t start_ns);

/* The rows NUMBER, NUMBER + STEP and so on of a trace, at SPEED times its own. */
void arrivals_replay(struct arrivals *arrivals, const struct trace *trace, double speed, size_t number,
                     size_t step, int64_t start_ns);

/* When the next request is due. */
static inline int64_t arrivals_due_ns(const struct arrivals *arrivals)
{
    if (arrivals->trace != NULL && arrivals->row >= arrivals->trace->count)
        return INT64_MAX;
    return arrivals->start_ns + (int64_t)arrivals->next_ns;
}

/* Goes on to the one after; there has to be a next one. Of a trace, returns the row that was next. */
const struct trace_row *arrivals_take(struct arrivals *arrivals);

#endif
