/* What a load consists of: how the next request looks, by the kind of item that is read and written. */
#ifndef MAYFLY_BENCH_WORKLOAD_H
#define MAYFLY_BENCH_WORKLOAD_H

#include <mayfly/mayfly.h>

#define WORKLOAD_NAME_BYTES ((size_t)16)

/* A request with what it points at. */
struct workload_request {
    mayfly_request request;
    mayfly_item item;
    char name[WORKLOAD_NAME_BYTES];
    uint64_t made; /* requests before this one, where it matters */
};

/* What a request is about: item NUMBER in a cache that has items 0 to keys - 1. */
struct workload_item {
    const char *cache;
    uint64_t number;
    uint64_t keys;
};

struct workload {
    const char *name;
    void (*write)(struct workload_request *to, const struct workload_item *item, mayfly_bytes value);
    void (*read)(struct workload_request *to, const struct workload_item *item);
};

/* Closed by a row without a name. */
extern const struct workload workloads[];

#define WORKLOAD_TTL_MS UINT64_C(3600000)

#endif
