/* What a client can be set to, and the pre-built configurations. A configuration is a value: take one, copy
 * it, change what you want, and give it to mayfly_client_open, which checks it.
 *
 *     mayfly_configuration configuration = mayfly_configuration_laptop_v1();
 *     configuration.deadline_ms = 2000;
 */
#ifndef MAYFLY_CONFIGURATION_H
#define MAYFLY_CONFIGURATION_H

#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mayfly_configuration {
    const char *name; /* for people; must live as long as the client */

    /* From the start of a call to its callback, waiting included. 1 to 86,400,000 ms. */
    uint32_t deadline_ms;
    /* Further attempts of a call that failed with INTERNAL or UNAVAILABLE, of methods that may be repeated,
     * and of any call that the server certainly did not see. 0 to 100. */
    uint32_t retries;
    /* A connection on which nothing came for this long is asked for a sign of life; 0: never, but for those of
     * subscriptions, for which it is 5,000 ms then, with a timeout of 1,000 ms. At most 3,600,000 ms. */
    uint32_t keepalive_interval_ms;
    /* One that does not answer for so long is given up. 1 to 3,600,000 ms where there is an interval. */
    uint32_t keepalive_timeout_ms;
    /* How long mayfly_client_open waits for its connections. 0: it does not wait, and the first calls do. At
     * most 600,000 ms. */
    uint32_t connect_timeout_ms;
    /* Calls on the wire at once, on all channels; fewer where the server takes fewer on a connection. 1 to
     * 1,000,000. */
    uint32_t max_in_flight;
    /* Calls that wait beside max_in_flight; one more fails at once with RESOURCE_EXHAUSTED. 0 to
     * 10,000,000. */
    uint32_t max_backlog;
    /* Connections; 0: one for every 100 of max_in_flight, 32 at most. At most 1,024. */
    uint32_t channels;
    /* The largest reply. 1,024 to 1,073,741,824 bytes. */
    uint32_t max_message_bytes;
} mayfly_configuration;

/* For development: patient, up to 100 calls at once. */
MAYFLY_API mayfly_configuration mayfly_configuration_laptop_v1(void);
/* For a program near its cache: up to 50 calls at once, found to keep p99.9 under 20 ms. */
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_default_v1(void);
/* The same for p99.9 under 5 ms: up to 5 calls at once. */
MAYFLY_API mayfly_configuration mayfly_configuration_in_region_low_latency_v1(void);
/* For functions that are frozen between requests: no keepalive of calls, one channel. */
MAYFLY_API mayfly_configuration mayfly_configuration_lambda_v1(void);

/* Where the server is. The text must live until mayfly_client_open returns. */
typedef struct mayfly_credentials {
    const char *host; /* a name, or an IPv4 or IPv6 address */
    uint16_t port;
} mayfly_credentials;

/* A server on this machine or in a trusted network, without token and without TLS. */
MAYFLY_API mayfly_credentials mayfly_credentials_local(const char *host, uint16_t port);

#ifdef __cplusplus
}
#endif

#endif
