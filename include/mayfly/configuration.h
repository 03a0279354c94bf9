/* What a client can be set to, and the pre-built configurations. A configuration is a value: take one, copy
 * it, change what you want, and give it to mayfly_client_open, which checks it.
 *
 *     mayfly_configuration configuration = mayfly_configuration_in_region_default();
 *     configuration.deadline_ms = 2000;
 *
 * The configurations without a version are the latest: the client finds by itself how many calls at once the
 * network and the server take, and keeps to it as they change. Those with one never change: v1 has the
 * concurrency that a person found by hand. */
#ifndef MAYFLY_CONFIGURATION_H
#define MAYFLY_CONFIGURATION_H

#include <mayfly/credentials.h>
#include <mayfly/observe.h>
#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many calls are on the wire at once. */
typedef enum mayfly_concurrency {
    MAYFLY_FIXED,    /* max_in_flight */
    MAYFLY_ADAPTIVE, /* as many as bring throughput and keep to the target, max_in_flight at most */
} mayfly_concurrency;

typedef struct mayfly_configuration {
    const char *name; /* for people; a client makes a copy of its own. May be NULL */

    /* From the start of a call to its callback, waiting included. 1 to 86,400,000 ms. */
    uint32_t deadline_ms;
    /* Further attempts of a call that failed with INTERNAL or UNAVAILABLE, of methods that may be repeated. 0 to
     * 100. What the server certainly did not see (a call that was never sent, that it refused, or that is above the
     * last one of a connection it left) is not counted here: it is sent again whatever its method, by another
     * connection where there is one, up to eight times. */
    uint32_t retries;
    /* Further attempts of all calls together for each hundred calls that have ended, beside ten that a new client has,
     * so that a server in distress is not asked several times for everything. What was not used is kept, up to
     * what 10,000 calls bring. Calls that no server has seen are not counted. 0: as many as `retries` allows. At
     * most 10,000. */
    uint32_t retry_budget_percent;

    /* A connection on which nothing came for this long is asked for a sign of life; 0: never, but for those of
     * subscriptions, for which it is 5,000 ms then, with a timeout of 1,000 ms. At most 3,600,000 ms. */
    uint32_t keepalive_interval_ms;
    /* One that does not answer for so long is given up; 1,000 ms where there is no interval. 1 to 3,600,000 ms where
     * there is one. */
    uint32_t keepalive_timeout_ms;
    /* How long mayfly_client_open waits for its first connections (min_channels, but one will do when the time
     * is up). 0: it does not wait, and the first calls do. At most 600,000 ms. */
    uint32_t connect_timeout_ms;
    /* The longest wait before the next try to connect; the first is at once, the waits double from 20 ms and
     * have jitter. While no connection stands, a try that takes longer than this (and than 200 ms) has another one
     * beside it; the first that succeeds stays. 1 to 600,000 ms. */
    uint32_t reconnect_max_ms;

    mayfly_concurrency concurrency;
    /* MAYFLY_ADAPTIVE: of a thousand calls 999 take no longer on the wire. A target that the network alone
     * misses is told (mayfly_client_counts) and treated as none. 0: none, that is the most throughput before
     * calls queue in the server. At most 3,600,000,000 us. */
    uint32_t target_p999_us;
    /* Calls on the wire at once, on all channels; fewer where the server takes fewer on max_channels connections. 1 to
     * 1,000,000. */
    uint32_t max_in_flight;
    /* Calls that wait beside those on the wire; one more fails at once with RESOURCE_EXHAUSTED. 0 to
     * 10,000,000. */
    uint32_t max_backlog;

    /* Connections to the server's data plane: so many are kept open, and so many there are at most that take calls;
     * another one opens when the calls that may be on the wire need it. Those that are left, by the server's wish or as
     * idle, end with their last call. Subscriptions have others. 1 to 1,024, max_channels not below min_channels. */
    uint32_t min_channels;
    uint32_t max_channels;
    /* A connection beyond min_channels that was not needed for so long, since the others could have taken all
     * calls, is closed, at the latest after twice that time. 1 to 86,400,000 ms. */
    uint32_t channel_idle_ms;

    /* The largest request: one that is larger fails with RESOURCE_EXHAUSTED before it is sent. The largest reply.
     * 1,024 to 1,073,741,824 bytes. */
    uint32_t max_request_bytes;
    uint32_t max_reply_bytes;

    /* Whether the client keeps histograms of its latencies (mayfly_client_latency): 66 KB for each method in use
     * and some nanoseconds a call. */
    bool measures_latency;
    /* Told of each step of each call; NULL: nobody, and at no cost. See observe.h. */
    mayfly_observer observer;
    void *observer_context;
} mayfly_configuration;

/* For development: patient; the most throughput before calls queue. */
MAYFLY_API mayfly_configuration mayfly_configuration_laptop(void);
/* For a program near its cache: the most throughput with p99.9 within 20 ms. */
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_default(void);
/* The same with p99.9 within 5 ms. */
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_low_latency(void);
/* For functions that are frozen between requests: as in_region_default, with no keepalive and one channel. */
MAYFLY_API mayfly_configuration mayfly_configuration_lambda(void);

/* Version 1 of each: a fixed number of calls at once, 100, 50, 5 and 50. */
MAYFLY_API mayfly_configuration mayfly_configuration_laptop_v1(void);
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_default_v1(void);
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_low_latency_v1(void);
MAYFLY_API mayfly_configuration mayfly_configuration_lambda_v1(void);

/* Writes a configuration for people: a line a setting, `name: value`. Like snprintf: at most SIZE bytes with the
 * closing zero (TO may be NULL where SIZE is 0), and the length of the whole text is returned. Any thread. */
MAYFLY_API size_t mayfly_configuration_print(const mayfly_configuration *configuration, char *to,
                                             size_t size);

/* NULL, or what is wrong with it: the sentence that mayfly_client_open would give. Any thread. */
MAYFLY_API const char *mayfly_configuration_problem(const mayfly_configuration *configuration);

#ifdef __cplusplus
}
#endif

#endif
