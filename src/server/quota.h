/* The rates that a cache is held to: requests a second and bytes a second, with a burst of one second's worth.
 *
 * Each rate is a bucket that is one number, the moment at which it will be full again (the generic cell rate
 * algorithm, ITU-T I.371): to take from it moves that moment on, and a bucket whose moment lies a second ahead
 * is empty. One number is changed by compare-and-swap, so all workers share a cache's buckets without a lock.
 * They belong to the cache's name, not to a connection: whoever opens more connections gets no more. */
#ifndef MAYFLY_SERVER_QUOTA_H
#define MAYFLY_SERVER_QUOTA_H

#include "base/bytes.h"

#include <stdatomic.h>

/* The rates at which a nanosecond is still fine enough a measure. */
#define QUOTA_REQUESTS_MAX INT64_C(100000000)
#define QUOTA_BYTES_MAX    INT64_C(10000000000)

struct quota_limits {
    int64_t requests_per_s; /* 0: no limit */
    int64_t bytes_per_s;    /* likewise */
};

/* One bucket, full at first. */
struct quota_bucket {
    _Atomic int64_t full_at_ns;
};

/* Takes AMOUNT out of a bucket that gains PER_S; false, with nothing taken, where so much is not in it. Zero as a rate
 * is no limit. An amount over one second's worth is never in it. */
bool quota_take(struct quota_bucket *bucket, int64_t per_s, int64_t amount, int64_t now_ns);

/* Takes AMOUNT though it be more than is in the bucket: for what has happened already. The debt is never more than two
 * seconds' worth, so that no single event, such as a large message to many subscribers, shuts a cache for long. */
void quota_take_anyway(struct quota_bucket *bucket, int64_t per_s, int64_t amount, int64_t now_ns);

/* The buckets of one cache. */
struct quota {
    struct quota *next; /* of the same place in the table */
    unsigned references;
    struct quota_limits limits;
    struct quota_bucket requests;
    struct quota_bucket bytes;
    size_t name_size;
    uint8_t name[];
};

enum quota_verdict { QUOTA_ADMITTED, QUOTA_TOO_MANY_REQUESTS, QUOTA_TOO_MANY_BYTES };

/* Whether a request of SIZE bytes is within the rates; only if so it is counted. */
enum quota_verdict quota_admit(struct quota *quota, size_t size, int64_t now_ns);

/* Counts the bytes of a reply, which may keep later requests out: for two seconds at most, and then the bucket fills. */
void quota_count_reply(struct quota *quota, size_t size, int64_t now_ns);

/* The quotas of all caches of a server. NULL when memory is out. */
struct quotas;
struct quotas *quotas_create(const struct quota_limits *limits);
void quotas_destroy(struct quotas *quotas);

/* Any thread: the quota of the cache of this name, to be released; NULL when memory is out. */
struct quota *quotas_hold(struct quotas *quotas, struct bytes name, int64_t now_ns);
void quotas_release(struct quotas *quotas, struct quota *quota);

/* How many quotas are kept. */
size_t quotas_count(struct quotas *quotas);

#endif
