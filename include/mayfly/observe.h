/* A client seen from outside: what it counts, how long its calls take, and a hook on each of them. */
#ifndef MAYFLY_OBSERVE_H
#define MAYFLY_OBSERVE_H

#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a client is doing and has done. */
typedef struct mayfly_client_counts {
    uint32_t in_flight;       /* calls on the wire */
    uint32_t limit;           /* how many there may be */
    uint32_t backlog;         /* calls that wait */
    uint32_t connections;     /* ready for calls */
    bool is_target_unmet;     /* target_p999_us cannot be met here whatever the concurrency */
    uint64_t calls;           /* ended, ever */
    uint64_t failures;        /* of those, with another status than OK */
    uint64_t retries;         /* further attempts */
    uint64_t refused_retries; /* that the retry budget did not allow */
    uint64_t connects;        /* connections that came about */
    uint64_t disconnects;     /* that were lost, closed or left */
} mayfly_client_counts;

/* Latencies of one method in nanoseconds; quantiles are known to within 1 % up to 275 s. All zero where nothing was
 * measured yet. */
typedef struct mayfly_latency {
    uint64_t count;
    uint64_t mean_ns;
    uint64_t max_ns;
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t p999_ns;
} mayfly_latency;

typedef enum mayfly_latency_kind {
    MAYFLY_LATENCY_WIRE,    /* from the (last) sending to the end; not of calls that were never sent */
    MAYFLY_LATENCY_WAITING, /* from the start to the (last) sending, or to the end of a call never sent */
} mayfly_latency_kind;

/* The steps of a call. STARTED comes first and DONE last, once each; SENT once for each attempt, RECEIVED once for each
 * message of the reply; a call that fails may end without either. A call that is refused (mayfly_start does not
 * return OK, mayfly_call with 0 attempts) may have no steps at all. */
typedef enum mayfly_step {
    MAYFLY_STEP_STARTED,
    MAYFLY_STEP_SENT,
    MAYFLY_STEP_RECEIVED,
    MAYFLY_STEP_DONE,
} mayfly_step;

struct mayfly_reply;

typedef struct mayfly_observation {
    mayfly_step step;
    int method;       /* a mayfly_method */
    uint64_t call;    /* the same for all steps of a call, and for no other call of the client */
    int64_t now_ns;   /* by CLOCK_MONOTONIC */
    uint32_t attempt; /* which sending, from 1; 0 before */
    size_t bytes;     /* SENT: of the request; RECEIVED: of the message */
    const struct mayfly_reply *reply; /* DONE: how it ended, before the callback is told; else NULL */
} mayfly_observation;

/* Runs on the thread that drives the client (STARTED: the one that starts the call), between other things: it must
 * not block and must make no call of this library that takes the client. */
typedef void (*mayfly_observer)(void *context, const mayfly_observation *observation);

#ifdef __cplusplus
}
#endif

#endif
