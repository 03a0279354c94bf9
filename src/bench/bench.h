/* The load generator's door: reads and writes over libmayfly, and what came of them.
 *
 * In a closed loop so many requests are in flight at all times, and the next is sent when one is answered. A server
 * that stalls is therefore asked less, and its stall counts once for each request in flight: what a closed loop says
 * about tails is about its own requests, not about those that would have come meanwhile.
 *
 * In an open loop requests are due by the clock, or by a recorded trace, whatever becomes of those before them, and the
 * latency of a request counts from the moment when it was due. A stall then counts for every request that was due in
 * it. That is the response time; the service time beside it counts from when the request was on the wire.
 *
 * With a pre-built configuration, the configuration decides how many requests are on the wire, and the others wait;
 * the latency of a request is both, and that on the wire is its service time. */
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
    const char *network;
    const char *cache;
    int64_t caches;
    const char *workload;
    int64_t rate_per_s;
    const char *arrivals;
    const char *trace;
    const char *trace_speed;
    int64_t concurrency;
    int64_t max_outstanding;
    const char *configuration; /* NULL: as many on the wire as there are requests in flight */
    int64_t interval_ns;
    const char *channels;
    int64_t threads;
    int64_t duration_ns;
    int64_t requests;
    const char *value_size;
    int64_t keys;
    const char *popularity;
    int64_t hit_percent;
    bool filled;
    int64_t reads_percent;
    int64_t warmup_ns;
    int64_t warmup_concurrency;
    const char *json;
    const char *hdr;
    const char *report;
    bool is_quiet; /* say nothing while it runs; no option, for those that measure many times */
};

extern const struct option bench_options[];
extern const size_t bench_options_count;

/* What the generator can say about itself. */
enum bench_verdict {
    BENCH_OK,
    BENCH_BUSY,      /* its threads had no time left, so it measured itself */
    BENCH_LATE,      /* it sent so late that its latencies are its own */
    BENCH_TOO_SLOW,  /* it sent less than 99 % of what was wanted, for it could not send more */
    BENCH_HELD_BACK, /* it sent less than 99 %, since so many requests were unanswered: not its fault */
};

struct bench_result {
    /* Of requests that were answered with OK, waiting included; also of those that were under way when the time was over. */
    struct histogram response_ns;
    struct histogram service_ns;  /* the same without the waiting; empty where nothing can wait */
    struct histogram lateness_ns; /* open loop: from when a request was due to when it was started */
    struct course course;         /* the warm-up too */
    uint64_t limit;               /* at the end, of all threads together */
    bool is_target_unmet;
    bool is_interrupted;
    /* Answered with OK within the measured time, or failed; in an open loop all that were due in it. */
    uint64_t requests;
    uint64_t by_status[17];
    uint64_t misses;
    uint64_t wanted;     /* open loop: requests that were due in the measured time */
    uint64_t sent;       /* of those, started before its end */
    uint64_t held;       /* of those, late because --max-outstanding was reached */
    uint64_t unanswered; /* open loop, interrupted: requests on their way then */
    double seconds;
    double user_us_per_request; /* of the threads that load */
    double system_us_per_request;
    double busy; /* the part of the measured time, 0 to 1, that the busiest of them worked */
    enum bench_verdict verdict;
};

#define BENCH_ERROR_BYTES 400

/* Runs the load and says how it goes on standard error. MAYFLY_OK, or a status with a sentence in ERROR; either way
 * the result is to be freed. SIGINT and SIGTERM end it early, with what it has. */
mayfly_status bench_run(const struct bench_settings *settings, const mayfly_credentials *credentials,
                        struct bench_result *result, char error[BENCH_ERROR_BYTES]);

void bench_result_free(struct bench_result *result);

/* For those who run many times: makes the caches and sets the keys once, and bench_clear removes what was made. Runs in
 * between have settings->filled. NULL with *status and a sentence in ERROR where that fails; fine with NULL. */
struct bench_ground;
struct bench_ground *bench_prepare(const struct bench_settings *settings,
                                   const mayfly_credentials *credentials, mayfly_status *status,
                                   char error[BENCH_ERROR_BYTES]);
void bench_clear(struct bench_ground *ground);

/* Puts the network of that profile (NULL: none) between, by a relay that is to be stopped; *TO are the credentials for
 * it. MAYFLY_OK, or a status with a sentence in ERROR. */
struct relay;
mayfly_status bench_enter_network(const char *name, const mayfly_credentials *from, struct relay **relay,
                                  mayfly_credentials *to, char error[BENCH_ERROR_BYTES]);

/* Appends those of bench_options that have these names (closed by NULL) to TABLE; returns how many it has then. */
size_t bench_take_options(struct option *table, size_t count, const char *const *names);

/* Whether SIGINT or SIGTERM has come since bench_take_signals, and which; 0: none. */
void bench_take_signals(void);
int bench_signal(void);

/* NULL where the verdict is BENCH_OK, or what is wrong, in a sentence of SIZE bytes. */
const char *bench_verdict(const struct bench_result *result, char *sentence, size_t size);

/* Prints the result as a table. */
void bench_print(const struct bench_settings *settings, const struct bench_result *result, FILE *to);

#endif
