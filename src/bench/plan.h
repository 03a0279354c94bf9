/* What a load asks for, made from its settings: a mix of workloads, keys by their popularity, values by their size, in
 * one cache or several, or the requests of a trace. */
#ifndef MAYFLY_BENCH_PLAN_H
#define MAYFLY_BENCH_PLAN_H

#include "base/distribution.h"
#include "bench/bench.h"
#include "bench/popularity.h"
#include "bench/trace.h"
#include "bench/workload.h"

#define PLAN_WORKLOADS_MAX 8
#define PLAN_CACHES_MAX    64
#define PLAN_CACHE_BYTES   ((size_t)300)

struct plan_share {
    const struct workload *workload;
    uint64_t until; /* of a draw below the sum of all weights: the first that is not of this one */
};

struct plan {
    const struct bench_settings *settings;
    struct plan_share mix[PLAN_WORKLOADS_MAX];
    size_t mix_count;
    struct popularity popularity;
    struct distribution value_bytes;
    char *value; /* as long as the longest value */
    char caches[PLAN_CACHES_MAX][PLAN_CACHE_BYTES];
    size_t cache_count;
    struct trace trace; /* empty: none */
    double trace_speed;
    bool is_poisson;
    int64_t channels; /* 0: as many as the requests need */
};

/* False, with a sentence in ERROR, where a setting makes no sense; the plan is to be freed either way. */
bool plan_make(struct plan *plan, const struct bench_settings *settings, char error[BENCH_ERROR_BYTES]);
void plan_free(struct plan *plan);

/* How many requests of open or closed loop there may be at once. */
int64_t plan_concurrency(const struct bench_settings *settings);
static inline bool plan_is_open(const struct bench_settings *settings)
{
    return settings->rate_per_s > 0 || settings->trace != NULL;
}

/* How many requests set all that is read later, and number NUMBER of them. */
uint64_t plan_fill_count(const struct plan *plan);
void plan_fill(const struct plan *plan, uint64_t number, uint64_t *random, struct workload_request *to);

/* The next request, drawn. */
void plan_next(const struct plan *plan, uint64_t *random, struct workload_request *to);
/* The request of a trace's row. */
void plan_replay(const struct plan *plan, const struct trace_row *row, struct workload_request *to);

#endif
