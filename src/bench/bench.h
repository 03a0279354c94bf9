/* The load generator's door: a closed loop of reads and writes over libmayfly, and what it measured.
 *
 * Closed loop: so many requests are in flight at all times, and the next is sent when one is answered. A
 * server that stalls is therefore asked less, and its stall counts once for each request in flight.
 *
 * With a pre-built configuration, so many callers ask at all times, the configuration decides how many of their
 * requests are on the wire, and the others wait; the latency of a request is both, and that on the wire is told
 * apart. */
#ifndef MAYFLY_BENCH_BENCH_H
#define MAYFLY_BENCH_BENCH_H

#include "base/histogram.h"
#include "base/options.h"
#include "bench/course.h"

#include <mayfly/mayfly.h>

struct bench_settings {
    const char *endpoint; /* as its reports name it */
    const char *credentials_file;
    bool tls;
    const char *ca;
    const char *certificate;
    const char *key;
    bool insecure;
    const char *cache;
    const char *workload;
    int64_t concurrency;
    const char *configuration; /* NULL: as many on the wire as there are requests in flight */
    int64_t interval_ns;
    const char *channels;
    int64_t threads;
    int64_t duration_ns;
    int64_t requests;
    int64_t value_bytes;
    int64_t keys;
    bool filled;
    int64_t reads_percent;
    int64_t warmup_ns;
    int64_t warmup_concurrency;
    const char *json;
};

extern const struct option bench_options[];
extern const size_t bench_options_count;

struct bench_result {
    struct histogram latency_ns; /* of requests that were answered with OK, waiting included */
    struct histogram wire_ns;    /* the same without the waiting */
    struct course course;        /* with a configuration: the warm-up too */
    uint64_t limit;              /* at the end, of all threads together */
    bool is_target_unmet;
    uint64_t requests; /* answered within the measured time, whatever the status */
    uint64_t by_status[17];
    uint64_t misses;
    double seconds;
    double user_us_per_request; /* of this process */
    double system_us_per_request;
};

#define BENCH_ERROR_BYTES 320

/* Runs the load and says how it goes on standard error. MAYFLY_OK, or a status with a sentence in ERROR; either way
 * the result is to be freed. */
mayfly_status bench_run(const struct bench_settings *settings, const mayfly_credentials *credentials,
                        struct bench_result *result, char error[BENCH_ERROR_BYTES]);

void bench_result_free(struct bench_result *result);

/* Prints the result as a table. */
void bench_print(const struct bench_settings *settings, const struct bench_result *result, FILE *to);

/* Writes the result as JSON; false where the file cannot be written. */
bool bench_write_json(const struct bench_settings *settings, const struct bench_result *result,
                      const char *path);

#endif
