/* How a load went, an entry an interval from its first request on: what the client's limiter did and what came of
 * it. The threads that load record under a lock of their own, which only the one that watches ever contends for. */
#ifndef MAYFLY_BENCH_COURSE_H
#define MAYFLY_BENCH_COURSE_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct course_entry {
    double at_s;  /* when it ended, from the first request */
    double limit; /* mean */
    double throughput_rps;
    uint64_t wire_p999_ns;
};

struct course {
    int64_t interval_ns;
    int64_t start_ns;
    int64_t entry_ns; /* when the entry that is being made began */
    uint64_t limit_sum;
    uint64_t limit_count;
    struct course_entry *entries;
    size_t count;
    size_t capacity;
};

void course_begin(struct course *course, int64_t interval_ns, int64_t now_ns);

/* The limit at some moment; to be told many times an interval. Returns whether the interval is over, so that an entry is
 * to be made. */
bool course_look(struct course *course, uint64_t limit, int64_t now_ns);

/* Ends an entry with the wire latencies of its calls. False when memory is out. */
bool course_end_entry(struct course *course, const struct histogram *wire_ns, int64_t now_ns);

void course_free(struct course *course);

#endif
