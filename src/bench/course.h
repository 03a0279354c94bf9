/* How a load went, an entry an interval from its first request on. Whoever loads records into histograms that can be read
 * meanwhile; an entry is what they have gained since the last one. */
#ifndef MAYFLY_BENCH_COURSE_H
#define MAYFLY_BENCH_COURSE_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a load is at, at some moment: totals since its first request. */
struct course_totals {
    struct histogram response_ns;
    struct histogram service_ns;
    uint64_t errors;
};

struct course_entry {
    double at_s; /* when it ended, from the first request */
    bool is_warmup;
    double limit; /* mean */
    uint64_t in_flight;
    double throughput_rps; /* of requests answered with OK */
    uint64_t errors;
    uint64_t p50_ns; /* of the response time */
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t service_p999_ns;
};

struct course {
    int64_t interval_ns;
    int64_t start_ns;
    int64_t entry_ns; /* when the entry that is being made began */
    uint64_t limit_sum;
    uint64_t limit_count;
    struct course_totals seen;   /* at the end of the last entry */
    struct course_totals gained; /* in the last entry */
    struct course_entry *entries;
    size_t count;
    size_t capacity;
};

void course_begin(struct course *course, int64_t interval_ns, int64_t now_ns);

/* The limit at some moment; to be told many times an interval. Returns whether the interval is over, so that an entry is
 * to be made. */
bool course_look(struct course *course, uint64_t limit, int64_t now_ns);

/* Ends an entry. course->gained has what it is made of until the next. False when memory is out. */
bool course_end_entry(struct course *course, const struct course_totals *totals, uint64_t in_flight,
                      bool is_warmup, int64_t now_ns);

void course_free(struct course *course);

#endif
