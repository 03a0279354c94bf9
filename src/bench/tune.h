/* Tuning libmayfly against a server: the search of tuner.h, measured by loads, with what it ran into and a document of
 * all that it saw. */
#ifndef MAYFLY_BENCH_TUNE_H
#define MAYFLY_BENCH_TUNE_H

#include "bench/bench.h"
#include "bench/tuner.h"

#include <jansson.h>

struct tune_settings {
    struct bench_settings load; /* what is asked for; its concurrency and channels are what is looked for */
    int64_t target_ns;          /* of p99.9; 0: none */
    const char *for_configuration;
    const char *check;
    int64_t max_concurrency;
    int64_t max_channels;
    int64_t run_ns;
    int64_t runs; /* of a check */
    const char *json;
    const char *report;
};

struct tune_result {
    struct tuner tuner;
    mayfly_status status;
    char error[BENCH_ERROR_BYTES]; /* where a run failed */
    bool is_interrupted;
    char explanation[320]; /* what keeps the best setting from doing more, and what to change */
    json_t *document;
};

/* Searches; the result is to be freed. The target is TARGET_US, 0: none. Says how it goes on standard error. */
void tune_search(const struct tune_settings *settings, const mayfly_credentials *credentials,
                 double target_us, const char *command, struct tune_result *result);

/* Runs a configuration, the name of a pre-built one or a file that `mayfly tune --json` wrote, settings->runs times. The
 * only point of the result's tuner has the runs. */
void tune_check(const struct tune_settings *settings, const mayfly_credentials *credentials, double target_us,
                const char *command, struct tune_result *result);

void tune_result_free(struct tune_result *result);

#endif
