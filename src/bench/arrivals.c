#include "bench/arrivals.h"

#include "base/clock.h"
#include "bench/random.h"

#include <math.h>

static void advance(struct arrivals *arrivals)
{
    const struct trace *trace = arrivals->trace;
    if (trace == NULL)
        arrivals->next_ns += arrivals->is_poisson ? -log1p(-random_unit(&arrivals->random)) * arrivals->gap_ns
                                                  : arrivals->gap_ns;
    else if (arrivals->row < trace->count)
        arrivals->next_ns = (double)trace->rows[arrivals->row].at_ns * arrivals->gap_ns;
}

void arrivals_begin(struct arrivals *arrivals, double rate_per_s, bool is_poisson, uint64_t random,
                    double phase, int64_t start_ns)
{
    *arrivals = (struct arrivals){
        .gap_ns = CLOCK_NS_PER_S / rate_per_s,
        .is_poisson = is_poisson,
        .random = random,
        .start_ns = start_ns,
    };
    if (is_poisson)
        advance(arrivals);
    else
        arrivals->next_ns = phase * arrivals->gap_ns;
}

void arrivals_replay(struct arrivals *arrivals, const struct trace *trace, double speed, size_t number,
                     size_t step, int64_t start_ns)
{
    *arrivals = (struct arrivals){
        .gap_ns = 1 / speed,
        .trace = trace,
        .row = number,
        .row_step = step,
        .start_ns = start_ns,
    };
    advance(arrivals);
}

const struct trace_row *arrivals_take(struct arrivals *arrivals)
{
    const struct trace_row *row = arrivals->trace != NULL ? &arrivals->trace->rows[arrivals->row] : NULL;
    arrivals->row += arrivals->row_step;
    advance(arrivals);
    return row;
}
