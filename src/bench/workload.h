/* What a load consists of: how the next request looks, by the kind of item that is read and written. */
#ifndef MAYFLY_BENCH_WORKLOAD_H
#define MAYFLY_BENCH_WORKLOAD_H

#include "bench/bench.h"

#define WORKLOAD_NAME_BYTES ((size_t)16)

/* A request with what it points at. */
struct workload_request {
    mayfly_request request;
    mayfly_item item;
    char name[WORKLOAD_NAME_BYTES];
    uint64_t made; /* requests before this one, where it matters */
};

struct workload {
    const char *name;
    /* Both make a request about item NUMBER, below settings->keys. */
    void (*write)(struct workload_request *to, const struct bench_settings *settings, uint64_t number,
                  mayfly_bytes value);
    void (*read)(struct workload_request *to, const struct bench_settings *settings, uint64_t number);
};

extern const char *const workload_names[]; /* NULL behind the last */

/* The workload of this name, which is one of those. */
const struct workload *workload_find(const char *name);

#endif
